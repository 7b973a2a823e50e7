#include "manager/kms/ringseal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/codec.h"
#include "base/fd.h"
#include "base/time.h"
#include "manager/kms/hand.h"
#include "manager/kms/tpm.h"

enum { PATIENCE_USEC = 120 * 1000 * 1000, PCR_COUNT = 24 };

HIN_RESULT hin_ringseal_pcrs(const char *text, uint32_t *ret_pcrs, struct hin_error *error)
{
    struct hin_view rest = hin_view_from_text(text);
    struct hin_view item;
    uint32_t pcrs = 0;
    if (strcmp(text, "none") == 0) {
        *ret_pcrs = 0;
        return hin_ok();
    }
    while (hin_view_split(&rest, ',', &item)) {
        uint64_t number = 0;
        if (!hin_is_ok(hin_view_to_u64(item, &number)) || number >= PCR_COUNT) {
            return hin_error_set(error, HIN_INVALID, NULL, 0, 0,
                                 "--tpm-pcrs %s: numbers from 0 to 23 (\"0,2,7\"), or none", text);
        }
        pcrs |= UINT32_C(1) << number;
    }
    *ret_pcrs = pcrs;
    return hin_ok();
}

/* ---- the device ---- */

static HIN_RESULT connect_socket(const char *path, int *ret_fd)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    HIN_CLEANUP_FD int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    HIN_TRY(hin_view_to_text(hin_view_from_text(path), address.sun_path, sizeof(address.sun_path)));
    if (fd < 0 || connect(fd, (const struct sockaddr *)(const void *)&address, sizeof(address))) {
        return hin_fail(hin_code_from_errno(errno));
    }
    *ret_fd = hin_fd_take(&fd);
    return hin_ok();
}

/* Commands are written to it: never into somebody's file. */
static HIN_RESULT open_character_device(const char *path, int *ret_fd)
{
    struct stat about;
    HIN_CLEANUP_FD int fd = -1;
    HIN_ENSURE(stat(path, &about) != 0 || S_ISCHR(about.st_mode), INVALID);
    HIN_TRY(hin_fd_open(AT_FDCWD, path, O_RDWR | O_NOCTTY, 0, &fd));
    HIN_ENSURE(fstat(fd, &about) == 0 && S_ISCHR(about.st_mode), INVALID);
    *ret_fd = hin_fd_take(&fd);
    return hin_ok();
}

/* A character device, or "swtpm:path=SOCKET", as the TSS's own tools name them. */
static HIN_RESULT open_device(const char *name, int *ret_fd, struct hin_error *error)
{
    static const char by_socket[] = "swtpm:path=", by_device[] = "device:";
    struct hin_result opened;
    if (strncmp(name, by_socket, sizeof(by_socket) - 1) == 0) {
        opened = connect_socket(name + sizeof(by_socket) - 1, ret_fd);
    } else {
        bool named = strncmp(name, by_device, sizeof(by_device) - 1) == 0;
        opened = open_character_device(named ? name + sizeof(by_device) - 1 : name, ret_fd);
    }
    if (opened.code == HIN_INVALID) {
        return hin_error_set(error, HIN_INVALID, name, 0, 0,
                             "this is no device: give /dev/tpmrm0, or swtpm:path=SOCKET");
    }
    if (!hin_is_ok(opened)) {
        return hin_error_set(error, opened.code, name, 0, 0,
                             "the TPM cannot be reached: %s. Is it there, switched on in the "
                             "firmware, and no other program's? Without it the key ring does not "
                             "open",
                             hin_code_text(opened.code));
    }
    return hin_ok();
}

/* ---- the process that asks ---- */

struct asking {
    struct hin_role_parent *parent;
    struct hin_ipc *channel;
    int program, device;
    bool failed;
};

static void asking_done(struct asking *asking)
{
    hin_ipc_free(asking->channel);
    if (asking->parent != NULL) {
        hin_role_parent_stop(asking->parent);
        /* CLOSED when it has ended; it is killed after the parent's patience is */
        while (hin_is_ok(hin_role_parent_step(asking->parent, HIN_SEC_USEC))) {
        }
    }
    hin_role_parent_free(asking->parent);
    hin_fd_close(&asking->program);
    hin_fd_close(&asking->device);
}

static struct hin_result prepare(void *context, const char *name, unsigned instance,
                                 struct hin_role_hand *hand)
{
    const struct asking *asking = context;
    (void)name;
    (void)instance;
    HIN_TRY(hin_role_hand_program(hand, asking->program));
    return hin_role_hand_fd(hand, "tpm", asking->device);
}

static void on_exit_of(void *context, const struct hin_role_exit *exit)
{
    struct asking *asking = context;
    (void)exit;
    asking->failed = true;
}

static void on_ready(void *context, const char *name, unsigned instance)
{
    struct asking *asking = context;
    struct hin_result connected =
        hin_role_parent_connect(asking->parent, name, instance, "manager", &asking->channel);
    asking->failed = asking->failed || !hin_is_ok(connected);
}

static HIN_RESULT begin(struct asking *asking, const struct hin_role_program *program,
                        const struct hin_manager_config *config, struct hin_error *error)
{
    struct hin_role_parent_config parent = {
        .program = program,
        .context = asking,
        .prepare = prepare,
        .on_exit = on_exit_of,
        .on_ready = on_ready,
        .uid_base = geteuid() == 0 ? config->uid_base : 0,
    };
    struct hin_result found = hin_kms_program_open("hinomi-tpm", &asking->program, error);
    if (found.code == HIN_NOT_FOUND) {
        return hin_error_set(error, HIN_UNSUPPORTED, NULL, 0, 0,
                             "this build has no hinomi-tpm, which speaks to a TPM: install "
                             "libtss2-dev and build again");
    }
    HIN_TRY(found);
    HIN_TRY(open_device(config->kms.tpm, &asking->device, error));
    HIN_TRY(hin_role_parent_new(&parent, &asking->parent));
    HIN_TRY(hin_role_parent_start(asking->parent, "tpm", 0));
    while (!asking->failed && asking->channel == NULL) {
        HIN_TRY(hin_role_parent_step(asking->parent, HIN_SEC_USEC));
    }
    return asking->failed ? hin_fail(HIN_CLOSED) : hin_ok();
}

static void wipe(struct hin_buf *buf)
{
    hin_wipe(buf->data, buf->size);
    hin_buf_done(buf);
}

static HIN_RESULT exchange(struct asking *asking, uint16_t type, uint32_t pcrs,
                           const struct hin_secret *pin, struct hin_view bytes,
                           struct hin_ipc_message *ret_reply, struct hin_error *error)
{
    HIN_CLEANUP(wipe) struct hin_buf request = {.max = HIN_TPM_REQUEST_MAX};
    HIN_TRY(hin_buf_reserve(&request, HIN_TPM_REQUEST_MAX)); /* never moved: wiped */
    HIN_TRY(hin_write_u32(&request, pcrs));
    HIN_TRY(hin_write_bytes(&request, hin_secret_view(pin)));
    HIN_TRY(hin_write_bytes(&request, bytes));
    HIN_TRY(hin_ipc_call(asking->channel, type, hin_buf_view(&request), PATIENCE_USEC, ret_reply));
    if (ret_reply->code != HIN_OK) {
        return hin_error_set(error, ret_reply->code, NULL, 0, 0, "%.*s",
                             HIN_ARGS(ret_reply->payload));
    }
    return hin_ok();
}

static HIN_RESULT told(struct hin_result result, const char *device, struct hin_error *error)
{
    if (!hin_is_ok(result) && error->text[0] == '\0') {
        return hin_error_set(error, result.code, device, 0, 0, "the TPM was not asked: %s",
                             hin_code_text(result.code));
    }
    return hin_is_ok(result) || error->file[0] != '\0' ? result
                                                       : hin_error_in_file(error, result, device);
}

/* ---- seal, unseal ---- */

static HIN_RESULT seal_with(struct asking *asking, uint32_t pcrs, const struct hin_secret *pin,
                            const struct hin_secret *secret, struct hin_ring_tpm *ret_tpm,
                            struct hin_error *error)
{
    struct hin_ipc_message reply;
    struct hin_ring_tpm tpm = {.pcrs = pcrs, .pin = pin->size > 0};
    HIN_TRY(
        exchange(asking, HIN_MESSAGE_TPM_SEAL, pcrs, pin, hin_secret_view(secret), &reply, error));
    HIN_ENSURE(reply.payload.size > 0 && reply.payload.size <= sizeof(tpm.blob), PROTOCOL);
    hin_copy(tpm.blob, reply.payload.data, reply.payload.size);
    tpm.blob_size = reply.payload.size;
    *ret_tpm = tpm;
    return hin_ok();
}

HIN_RESULT hin_ringseal_new(const struct hin_role_program *program,
                            const struct hin_manager_config *config, uint32_t pcrs,
                            const struct hin_secret *pin, struct hin_ring_tpm *ret_tpm,
                            struct hin_secret *ret_secret, struct hin_error *error)
{
    struct hin_secret secret = {0};
    HIN_CLEANUP(asking_done) struct asking asking = {.program = -1, .device = -1};
    HIN_TRY(hin_secret_random(&secret, HIN_RING_TPM_SECRET));
    struct hin_result done = begin(&asking, program, config, error);
    if (hin_is_ok(done)) {
        done = seal_with(&asking, pcrs, pin, &secret, ret_tpm, error);
    }
    if (!hin_is_ok(done)) {
        hin_secret_done(&secret);
        return told(done, config->kms.tpm, error);
    }
    *ret_secret = secret;
    return hin_ok();
}

static HIN_RESULT unseal_with(struct asking *asking, const struct hin_ring_tpm *tpm,
                              struct hin_secret *secret, struct hin_error *error)
{
    struct hin_ipc_message reply;
    struct hin_secret opened = {0};
    struct hin_view blob = hin_view_of(tpm->blob, tpm->blob_size);
    HIN_TRY(exchange(asking, HIN_MESSAGE_TPM_UNSEAL, tpm->pcrs, secret, blob, &reply, error));
    HIN_ENSURE(reply.payload.size == HIN_RING_TPM_SECRET, PROTOCOL);
    HIN_TRY(hin_secret_from(&opened, reply.payload));
    hin_secret_done(secret);
    *secret = opened;
    return hin_ok();
}

HIN_RESULT hin_ringseal_open(const struct hin_role_program *program,
                             const struct hin_manager_config *config, struct hin_secret *secret,
                             struct hin_error *error)
{
    struct hin_ring_tpm tpm;
    HIN_CLEANUP(asking_done) struct asking asking = {.program = -1, .device = -1};
    if (config->kms.kind != HIN_KMS_FILE) {
        return hin_ok();
    }
    struct hin_error ring_error = {0};
    if (!hin_is_ok(hin_ring_read_tpm(AT_FDCWD, config->keyring, &tpm, &ring_error))) {
        return hin_ok(); /* none, or what is wrong is told by who opens it */
    }
    if (tpm.pin && secret->size == 0) {
        return hin_error_set(error, HIN_AUTH, config->keyring, 0, 0,
                             "the key ring is sealed by a TPM under a PIN: give it "
                             "(--passphrase-file, --passphrase-fd or --passphrase-credential)");
    }
    if (!tpm.pin && secret->size > 0) {
        return hin_error_set(error, HIN_INVALID, config->keyring, 0, 0,
                             "the key ring is sealed by a TPM without a PIN: leave the pass phrase "
                             "out");
    }
    if (config->kms.tpm[0] == '\0') {
        return hin_error_set(
            error, HIN_INVALID, config->keyring, 0, 0,
            "the key ring is sealed by a TPM and the settings do not say which: set "
            "\"kms\": {\"tpm\": \"/dev/tpmrm0\"} in manager.json; to restore "
            "from it give --tpm");
    }
    struct hin_result done = begin(&asking, program, config, error);
    if (hin_is_ok(done)) {
        done = unseal_with(&asking, &tpm, secret, error);
    }
    return told(done, config->kms.tpm, error);
}
