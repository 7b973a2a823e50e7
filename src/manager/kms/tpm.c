/* hinomi-tpm: asks the TPM, for a moment, whenever `init` makes or `run` opens a key ring that it
 * sealed. The TSS is foreign code, so it stands in an executable of its own and has nothing but the
 * open device: no file, no network, no other process, no user that owns anything. It sees the key
 * that it seals or unseals, and the PIN. */
#include "manager/kms/tpm.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "base/codec.h"
#include "base/log.h"
#include "base/secret.h"
#include "kms/tpm/tpm.h"
#include "manager/roles.h"

struct request {
    struct hin_tpm_terms terms;
    struct hin_secret pin;
    struct hin_view bytes;
};

static void request_done(struct request *request)
{
    hin_secret_done(&request->pin);
}

static HIN_RESULT read_request(struct hin_view payload, struct request *request)
{
    struct hin_reader reader = hin_reader_of(payload);
    struct hin_view pin;
    HIN_TRY(hin_read_u32(&reader, &request->terms.pcrs));
    HIN_TRY(hin_read_bytes(&reader, HIN_SECRET_MAX, &pin));
    HIN_TRY(hin_read_bytes(&reader, HIN_TPM_BLOB_MAX, &request->bytes));
    HIN_TRY(hin_read_end(&reader));
    if (pin.size > 0) {
        HIN_TRY(hin_secret_from(&request->pin, pin));
    }
    request->terms.pin = &request->pin;
    return hin_ok();
}

static HIN_RESULT refuse(struct hin_ipc *channel, struct hin_ipc_message *message,
                         struct hin_result why, const struct hin_error *error)
{
    const char *text = error->text[0] != '\0' ? error->text : hin_code_text(why.code);
    return hin_ipc_reply(channel, message, why.code, hin_view_from_text(text));
}

static HIN_RESULT seal(int device, const struct request *request, struct hin_buf *blob,
                       struct hin_error *error)
{
    HIN_CLEANUP(hin_secret_done) struct hin_secret key = {0};
    struct hin_tpm *tpm = NULL;
    HIN_TRY(hin_secret_from(&key, request->bytes));
    HIN_TRY(hin_tpm_open(device, &tpm, error));
    struct hin_result done = hin_tpm_seal(tpm, &request->terms, &key, blob, error);
    hin_tpm_free(tpm);
    return done;
}

static HIN_RESULT unseal(int device, const struct request *request, struct hin_secret *key,
                         struct hin_error *error)
{
    struct hin_tpm *tpm = NULL;
    HIN_TRY(hin_tpm_open(device, &tpm, error));
    struct hin_result done = hin_tpm_unseal(tpm, &request->terms, request->bytes, key, error);
    hin_tpm_free(tpm);
    return done;
}

static struct hin_result handle_seal(void *context, struct hin_ipc *channel,
                                     struct hin_ipc_message *message)
{
    const struct hin_role *role = context;
    HIN_CLEANUP(hin_buf_done) struct hin_buf blob = {.max = HIN_TPM_BLOB_MAX};
    HIN_CLEANUP(request_done) struct request request = {0};
    struct hin_error error = {0};
    HIN_TRY(read_request(message->payload, &request));
    struct hin_result done = seal(hin_role_fd(role, "tpm"), &request, &blob, &error);
    return hin_is_ok(done) ? hin_ipc_reply(channel, message, HIN_OK, hin_buf_view(&blob))
                           : refuse(channel, message, done, &error);
}

static struct hin_result handle_unseal(void *context, struct hin_ipc *channel,
                                       struct hin_ipc_message *message)
{
    const struct hin_role *role = context;
    HIN_CLEANUP(hin_secret_done) struct hin_secret key = {0};
    HIN_CLEANUP(request_done) struct request request = {0};
    struct hin_error error = {0};
    HIN_TRY(read_request(message->payload, &request));
    struct hin_result done = unseal(hin_role_fd(role, "tpm"), &request, &key, &error);
    return hin_is_ok(done) ? hin_ipc_reply(channel, message, HIN_OK, hin_secret_view(&key))
                           : refuse(channel, message, done, &error);
}

static const struct hin_ipc_permit rows[] = {
    {HIN_MESSAGE_TPM_SEAL, HIN_IPC_REQUEST, 0, 0, 6, HIN_TPM_REQUEST_MAX, 0, handle_seal},
    {HIN_MESSAGE_TPM_UNSEAL, HIN_IPC_REQUEST, 0, 0, 6, HIN_TPM_REQUEST_MAX, 0, handle_unseal},
};
static const struct hin_ipc_table table = {"manager -> tpm", rows, HIN_COUNT(rows)};

static struct hin_result tpm_sandbox(struct hin_role *role, struct hin_sandbox *sandbox)
{
    (void)role;
    (void)sandbox;
    return hin_process_protect();
}

static struct hin_result tpm_run(struct hin_role *role)
{
    static const struct hin_role_service services[] = {{"manager", &table}};
    struct hin_role_loop loop = {.services = services, .service_count = 1, .context = role};
    HIN_ENSURE(setenv("TSS2_LOG", "all+NONE", 1) == 0, NO_MEMORY); /* errors are told in words */
    return hin_role_serve(role, &loop);
}

int hin_tpm_main(int argc, char **argv)
{
    static const struct hin_role_definition roles[] = {{
        .name = "tpm",
        .sandbox = tpm_sandbox,
        .run = tpm_run,
        .user = HIN_ROLE_USER_TPM,
        .restart = HIN_ROLE_NEVER,
    }};
    static const struct hin_role_program program = {"hinomi-tpm", roles, HIN_COUNT(roles)};
    hin_role_child(&program, argc, &argv);
    fprintf(stderr,
            "hinomi-tpm %s: started by hinomi-manager where `init` was given --tpm; not by "
            "hand\n",
            HIN_VERSION);
    return 2;
}
