#include "keys/ring.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/codec.h"
#include "base/fd.h"
#include "base/path.h"
#include "keys/ring_internal.h"

#define RING_MODE 0400

static void wipe_buf(struct hin_buf *buf)
{
    hin_wipe(buf->data, buf->capacity);
    hin_buf_done(buf);
}

/* --- opening --- */

static void name_file(struct hin_error *error, const char *path)
{
    if (error != NULL) {
        snprintf(error->file, sizeof(error->file), "%s", path);
    }
}

static HIN_RESULT check_mode(const struct stat *status, const char *path, struct hin_error *error)
{
    if (!S_ISREG(status->st_mode)) {
        return hin_error_set(error, HIN_DENIED, path, 0, 0, "the key ring is not a regular file");
    }
    if (status->st_uid != geteuid()) {
        return hin_error_set(error, HIN_DENIED, path, 0, 0,
                             "the key ring belongs to user %u, not to user %u who runs this",
                             (unsigned)status->st_uid, (unsigned)geteuid());
    }
    if ((status->st_mode & 0077) != 0) {
        return hin_error_set(error, HIN_DENIED, path, 0, 0,
                             "the key ring is open to others (mode %04o): its keys may be known; "
                             "chmod 0400 and rotate",
                             (unsigned)(status->st_mode & 07777));
    }
    return hin_ok();
}

static HIN_RESULT read_bytes(int fd, const char *path, struct hin_buf *bytes,
                             struct hin_error *error)
{
    struct stat status;
    if (fstat(fd, &status) != 0) {
        return hin_error_set(error, hin_code_from_errno(errno), path, 0, 0, "cannot be read");
    }
    HIN_TRY(check_mode(&status, path, error));
    if (status.st_size < 0 || (uint64_t)status.st_size >= HIN_RING_FILE_MAX) {
        return hin_error_set(error, HIN_SYNTAX, path, 0, 0, "far too long for a key ring");
    }
    /* Never moved, so that it can be wiped. */
    HIN_TRY(hin_buf_reserve(bytes, (size_t)status.st_size + 4096));
    struct hin_result result = hin_fd_read_all(fd, bytes);
    if (result.code != HIN_OK) {
        return hin_error_set(error, result.code, path, 0, 0, "%s", hin_code_text(result.code));
    }
    return hin_ok();
}

static HIN_RESULT read_ring(struct hin_ring **ret_ring, int fd, const char *path,
                            const struct hin_secret *passphrase, struct hin_error *error)
{
    HIN_CLEANUP(wipe_buf) struct hin_buf bytes = {.max = HIN_RING_FILE_MAX};
    HIN_TRY(read_bytes(fd, path, &bytes, error));
    struct hin_result result = hin_ring_decode(hin_buf_view(&bytes), passphrase, ret_ring, error);
    name_file(error, path);
    return result;
}

static HIN_RESULT open_for_reading(int directory, const char *path, int *ret_fd,
                                   struct hin_error *error)
{
    int fd = openat(directory, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        enum hin_code code = errno == ELOOP ? HIN_DENIED : hin_code_from_errno(errno);
        return hin_error_set(error, code, path, 0, 0, "%s",
                             code == HIN_DENIED ? "the key ring may not be read, or is a link"
                                                : "cannot open the key ring");
    }
    *ret_fd = fd;
    return hin_ok();
}

struct hin_result hin_ring_read_tpm(int directory, const char *path, struct hin_ring_tpm *ret_tpm,
                                    struct hin_error *error)
{
    HIN_CLEANUP_FD int fd = -1;
    HIN_CLEANUP(wipe_buf) struct hin_buf bytes = {.max = HIN_RING_FILE_MAX};
    HIN_TRY(open_for_reading(directory, path, &fd, error));
    HIN_TRY(read_bytes(fd, path, &bytes, error));
    struct hin_result result = hin_ring_check_file(hin_buf_view(&bytes), error);
    if (hin_is_ok(result)) {
        uint32_t flags = hin_load_u32(bytes.data + HIN_RING_AT_FLAGS);
        HIN_ENSURE(flags == HIN_RING_TPM, NOT_FOUND);
        result = hin_ring_tpm_of(hin_buf_view(&bytes), ret_tpm, error);
    }
    name_file(error, path);
    return result;
}

/* For writing, though the mode says that its owner only reads: that guards against accidents, not
 * against this program. -1: not to be had (another file system's affair, or its owner's). */
static int open_for_writing(int directory, const char *path, int reading)
{
    struct stat read_status, write_status;
    int flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
    int fd = openat(directory, path, flags);
    if (fd < 0 && errno == EACCES && fchmod(reading, RING_MODE | S_IWUSR) == 0) {
        fd = openat(directory, path, flags);
        (void)fchmod(reading, RING_MODE);
    }
    if (fd >= 0 &&
        (fstat(reading, &read_status) != 0 || fstat(fd, &write_status) != 0 ||
         read_status.st_dev != write_status.st_dev || read_status.st_ino != write_status.st_ino)) {
        hin_fd_close(&fd);
    }
    return fd;
}

struct hin_result hin_ring_load(struct hin_ring **ret_ring, int directory, const char *path,
                                const struct hin_secret *passphrase, struct hin_error *error)
{
    HIN_CLEANUP_FD int fd = -1;
    HIN_TRY(open_for_reading(directory, path, &fd, error));
    return read_ring(ret_ring, fd, path, passphrase, error);
}

struct hin_result hin_ring_open(struct hin_ring **ret_ring, int directory, const char *path,
                                const struct hin_secret *passphrase, struct hin_error *error)
{
    HIN_CLEANUP_FD int fd = -1;
    HIN_CLEANUP(hin_ring_freep) struct hin_ring *ring = NULL;
    HIN_ENSURE(hin_view_from_text(path).size < HIN_PATH_MAX, LIMIT);
    HIN_TRY(open_for_reading(directory, path, &fd, error));
    HIN_TRY(read_ring(&ring, fd, path, passphrase, error));
    snprintf(ring->path, sizeof(ring->path), "%s", path);
    ring->directory = directory == AT_FDCWD ? open(".", O_PATH | O_DIRECTORY | O_CLOEXEC)
                                            : fcntl(directory, F_DUPFD_CLOEXEC, 0);
    if (ring->format == 2) {
        ring->file = open_for_writing(directory, path, fd);
    }
    if (ring->file >= 0) {
        /* A save was cut off: what it destroyed must not stay in the file. */
        HIN_IGNORE(hin_ring_tidy(ring)); /* asked for again before the next destroy */
    }
    *ret_ring = ring;
    ring = NULL;
    return hin_ok();
}

/* --- writing --- */

static HIN_RESULT replace(struct hin_ring *ring, int directory, const char *path)
{
    HIN_CLEANUP(wipe_buf) struct hin_buf bytes = {.max = HIN_RING_FILE_MAX};
    HIN_TRY(hin_ring_encode(ring, &bytes));
    return hin_file_replace(directory, path, hin_buf_view(&bytes), RING_MODE);
}

struct hin_result hin_ring_upgrade(struct hin_ring *ring, struct hin_error *error)
{
    HIN_CLEANUP_FD int fd = -1;
    if (ring->format == 2) {
        return hin_ok();
    }
    HIN_ENSURE(ring->directory >= 0, DENIED);
    struct hin_result result = replace(ring, ring->directory, ring->path);
    if (result.code != HIN_OK) {
        ring->format = 1;
        return hin_error_set(error, result.code, ring->path, 0, 0,
                             "the key ring is of format 1 and cannot be replaced by one of format "
                             "2: %s",
                             hin_code_text(result.code));
    }
    HIN_TRY(hin_fd_open(ring->directory, ring->path, O_RDONLY | O_NOFOLLOW, 0, &fd));
    ring->file = open_for_writing(ring->directory, ring->path, fd);
    return hin_ok();
}

struct hin_result hin_ring_guard(struct hin_ring *ring, const struct hin_ring_tpm *tpm,
                                 const struct hin_secret *secret)
{
    hin_secret_done(&ring->phrase_key);
    ring->sealed = secret != NULL && secret->size > 0;
    ring->tpm = tpm != NULL ? *tpm : (struct hin_ring_tpm){0};
    if (!ring->sealed) {
        return hin_ok();
    }
    ring->cost = (struct hin_password_cost){HIN_PASSWORD_MEMORY_KIB, HIN_PASSWORD_PASSES,
                                            HIN_PASSWORD_LANES};
    HIN_TRY(hin_random(ring->salt, sizeof(ring->salt)));
    return hin_ring_derive(ring, secret);
}

/* passphrase NULL: not sealed; tpm NULL: not by one. */
static HIN_RESULT create(int directory, const char *path, const struct hin_ring_tpm *tpm,
                         const struct hin_secret *passphrase, struct hin_error *error)
{
    struct stat status;
    struct hin_ring_group *own = NULL;
    if (fstatat(directory, path, &status, AT_SYMLINK_NOFOLLOW) == 0) {
        return hin_error_set(error, HIN_EXISTS, path, 0, 0,
                             "a file stands here already; a key ring is never overwritten");
    }
    HIN_CLEANUP(hin_ring_freep) struct hin_ring *ring = NULL;
    HIN_TRY(hin_ring_new(&ring));
    HIN_TRY(hin_ring_group_add(ring, HIN_VIEW_EMPTY, &own));
    HIN_TRY(hin_ring_key_add(ring, own, 1, HIN_VIEW_EMPTY));
    HIN_TRY(hin_ring_guard(ring, tpm, passphrase));
    struct hin_result result = replace(ring, directory, path);
    if (result.code != HIN_OK) {
        return hin_error_set(error, result.code, path, 0, 0, "cannot write the key ring: %s",
                             hin_code_text(result.code));
    }
    return hin_ok();
}

struct hin_result hin_ring_create(int directory, const char *path,
                                  const struct hin_secret *passphrase, struct hin_error *error)
{
    return create(directory, path, NULL, passphrase, error);
}

struct hin_result hin_ring_create_tpm(int directory, const char *path,
                                      const struct hin_ring_tpm *tpm,
                                      const struct hin_secret *secret, struct hin_error *error)
{
    HIN_ENSURE(tpm->blob_size > 0 && tpm->blob_size <= sizeof(tpm->blob), INVALID);
    HIN_ENSURE(secret->size == HIN_RING_TPM_SECRET, INVALID);
    return create(directory, path, tpm, secret, error);
}

/* --- as a provider --- */

static HIN_RESULT provider_generate(void *context, struct hin_view tenant)
{
    struct hin_ring *ring = context;
    struct hin_ring_group *group = NULL;
    HIN_ENSURE(hin_ring_group(ring, tenant) == NULL, EXISTS); /* also where it is only looked at */
    HIN_TRY(hin_ring_upgrade(ring, NULL));
    HIN_ENSURE(ring->file >= 0, DENIED);
    HIN_TRY(hin_ring_group_add(ring, tenant, &group));
    struct hin_result result = hin_ring_key_add(ring, group, 1, HIN_VIEW_EMPTY);
    if (result.code == HIN_OK) {
        result = hin_ring_write(ring);
    }
    if (result.code != HIN_OK) {
        hin_ring_group_take(ring, group);
        hin_ring_group_free(ring, group);
    }
    return result;
}

static HIN_RESULT provider_rotate(void *context, struct hin_view tenant)
{
    struct hin_ring *ring = context;
    HIN_TRY(hin_ring_upgrade(ring, NULL));
    HIN_ENSURE(ring->file >= 0, DENIED);
    struct hin_ring_group *group = hin_ring_group(ring, tenant);
    HIN_ENSURE(group != NULL, NOT_FOUND);
    uint32_t last = group->keys[group->count - 1].version;
    HIN_ENSURE(last < UINT32_MAX, LIMIT);
    HIN_TRY(hin_ring_key_add(ring, group, last + 1, HIN_VIEW_EMPTY));
    struct hin_result result = hin_ring_write(ring);
    if (result.code != HIN_OK) {
        hin_ring_key_drop(ring, group, group->count - 1);
    }
    return result;
}

static HIN_RESULT provider_wrap(void *context, const struct hin_key_binding *binding,
                                const struct hin_secret *plain, struct hin_buf *ret_wrapped)
{
    const struct hin_ring *ring = context;
    const struct hin_ring_group *group = hin_ring_group(ring, binding->tenant);
    HIN_ENSURE(group != NULL, NOT_FOUND);
    const struct hin_ring_key *current = &group->keys[group->count - 1];
    struct hin_secret key = hin_ring_key_secret(ring, current);
    return hin_key_wrap(&key, current->version, binding, plain, ret_wrapped);
}

static HIN_RESULT unwrap_in(const struct hin_ring *ring, const struct hin_ring_group *group,
                            const struct hin_key_binding *binding, struct hin_view wrapped,
                            struct hin_secret *ret_plain)
{
    uint32_t version = 0;
    HIN_TRY(hin_key_wrapped_version(wrapped, &version));
    for (size_t i = 0; group != NULL && i < group->count; i++) {
        if (group->keys[i].version == version) {
            struct hin_secret key = hin_ring_key_secret(ring, &group->keys[i]);
            return hin_key_unwrap(&key, binding, wrapped, ret_plain);
        }
    }
    return hin_fail(HIN_NOT_FOUND);
}

static HIN_RESULT provider_unwrap(void *context, const struct hin_key_binding *binding,
                                  struct hin_view wrapped, struct hin_secret *ret_plain)
{
    const struct hin_ring *ring = context;
    const struct hin_ring_group *group = hin_ring_group(ring, binding->tenant);
    struct hin_result result = unwrap_in(ring, group, binding, wrapped, ret_plain);
    bool other = result.code == HIN_AUTH || result.code == HIN_NOT_FOUND;
    if (other && group != NULL && binding->tenant.size > 0 && binding->purpose == HIN_KEY_TENANT) {
        /* Format 1 had the installation's key alone. Nothing is wrapped so any more, and not for a
         * tenant that was destroyed. */
        struct hin_result old =
            unwrap_in(ring, hin_ring_group(ring, HIN_VIEW_EMPTY), binding, wrapped, ret_plain);
        result = old.code == HIN_OK ? old : result;
    }
    return result;
}

static HIN_RESULT destroy_version(struct hin_ring *ring, struct hin_ring_group *group,
                                  uint32_t version)
{
    size_t at = 0;
    while (at < group->count && group->keys[at].version != version) {
        at++;
    }
    HIN_ENSURE(at < group->count, NOT_FOUND);
    HIN_ENSURE(at + 1 < group->count, CONFLICT);
    struct hin_ring_key shredded = group->keys[at];
    size_t behind = (group->count - at - 1) * sizeof(*group->keys);
    hin_move(&group->keys[at], &group->keys[at + 1], behind);
    group->count--;
    struct hin_result result = hin_ring_write(ring);
    hin_move(&group->keys[at + 1], &group->keys[at], behind);
    group->keys[at] = shredded;
    group->count++;
    if (result.code == HIN_OK) {
        hin_ring_key_drop(ring, group, at);
    }
    return result;
}

static HIN_RESULT destroy_all(struct hin_ring *ring, struct hin_ring_group *group)
{
    HIN_ENSURE(group->tenant[0] != '\0', CONFLICT); /* the installation's own */
    hin_ring_group_take(ring, group);
    struct hin_result result = hin_ring_write(ring);
    if (result.code != HIN_OK) {
        /* There was room for it a moment ago; else a restart brings it back from the file. */
        HIN_IGNORE(hin_ring_group_put(ring, group));
        return result;
    }
    hin_ring_group_free(ring, group);
    return hin_ok();
}

static HIN_RESULT provider_destroy(void *context, struct hin_view tenant, uint32_t version)
{
    struct hin_ring *ring = context;
    HIN_TRY(hin_ring_upgrade(ring, NULL));
    HIN_ENSURE(ring->file >= 0, DENIED);
    HIN_TRY(hin_ring_tidy(ring)); /* what a call before this one could not finish */
    struct hin_ring_group *group = hin_ring_group(ring, tenant);
    HIN_ENSURE(group != NULL, NOT_FOUND);
    HIN_TRY(version == HIN_KEY_ALL_VERSIONS ? destroy_all(ring, group)
                                            : destroy_version(ring, group, version));
    return hin_ring_tidy(ring); /* gone from the file, not just superseded */
}

/* Part of the provider's name: what status says of a ring. */
static const char *guarded_by(const struct hin_ring *ring)
{
    if (ring->tpm.blob_size > 0) {
        return ring->tpm.pcrs != 0
                   ? (ring->tpm.pin ? "file (TPM, PCRs and PIN)" : "file (TPM, PCRs)")
                   : (ring->tpm.pin ? "file (TPM, PIN)" : "file (TPM)");
    }
    return "file";
}

static HIN_RESULT provider_status(void *context, struct hin_view tenant,
                                  struct hin_key_provider_status *ret_status)
{
    const struct hin_ring *ring = context;
    const struct hin_ring_group *group = hin_ring_group(ring, tenant);
    struct hin_key_provider_status status = {
        .sealed = ring->sealed, .exportable = true, .generation = ring->generation};
    snprintf(status.name, sizeof(status.name), "%s", guarded_by(ring));
    if (group != NULL) {
        status.current_version = group->keys[group->count - 1].version;
        status.version_count = (uint32_t)group->count;
    }
    if (ring->file < 0) {
        snprintf(status.advice, sizeof(status.advice),
                 "the key ring cannot be written: no key can be made, rotated or destroyed; mount "
                 "its file system for writing and restart");
    } else if (!ring->sealed) {
        snprintf(status.advice, sizeof(status.advice),
                 "the key ring is protected by its mode only: seal it with a pass phrase "
                 "(init --passphrase-file)");
    } else if (ring->tpm.blob_size > 0 && ring->tpm.pcrs == 0 && !ring->tpm.pin) {
        snprintf(status.advice, sizeof(status.advice),
                 "the TPM opens the key ring for whoever has this machine and its disk: no PCRs, "
                 "no PIN (init --tpm-pcrs, --passphrase-file)");
    }
    *ret_status = status;
    return hin_ok();
}

struct hin_key_provider hin_ring_provider(struct hin_ring *ring)
{
    return (struct hin_key_provider){
        .generate = provider_generate,
        .rotate = provider_rotate,
        .wrap = provider_wrap,
        .unwrap = provider_unwrap,
        .destroy = provider_destroy,
        .status = provider_status,
        .context = ring,
    };
}
