#include "keys/ring.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "keys/ring_internal.h"

#define RING_MODE 0400

HIN_RESULT hin_ring_new(struct hin_ring **ret_ring)
{
    struct hin_ring *ring = calloc(1, sizeof(*ring));
    HIN_ENSURE(ring != NULL, NO_MEMORY);
    ring->directory = -1;
    *ret_ring = ring;
    return hin_ok();
}

void hin_ring_free(struct hin_ring *ring)
{
    if (ring == NULL) {
        return;
    }
    for (size_t i = 0; i < ring->count; i++) {
        hin_secret_done(&ring->masters[i].key);
    }
    hin_secret_done(&ring->phrase_key);
    hin_fd_close(&ring->directory);
    free(ring);
}

static void name_file(struct hin_error *error, const char *path)
{
    if (error != NULL) {
        snprintf(error->file, sizeof(error->file), "%s", path);
    }
}

static HIN_RESULT check_mode(int fd, bool check_owner, const char *path, struct hin_error *error)
{
    struct stat status;
    if (fstat(fd, &status) != 0) {
        return hin_error_set(error, hin_code_from_errno(errno), path, 0, 0, "cannot be read");
    }
    if (!S_ISREG(status.st_mode)) {
        return hin_error_set(error, HIN_DENIED, path, 0, 0, "the key ring is not a regular file");
    }
    if (check_owner && status.st_uid != geteuid()) {
        return hin_error_set(error, HIN_DENIED, path, 0, 0,
                             "the key ring belongs to user %u, not to user %u who runs this",
                             (unsigned)status.st_uid, (unsigned)geteuid());
    }
    if ((status.st_mode & 0077) != 0) {
        return hin_error_set(error, HIN_DENIED, path, 0, 0,
                             "the key ring is open to others (mode %04o): its keys may be known; "
                             "chmod 0400 and rotate",
                             (unsigned)(status.st_mode & 07777));
    }
    return hin_ok();
}

static void wipe_buf(struct hin_buf *buf)
{
    hin_wipe(buf->data, buf->capacity);
    hin_buf_done(buf);
}

static HIN_RESULT read_ring(struct hin_ring **ret_ring, int fd, bool check_owner, const char *path,
                            const struct hin_secret *passphrase, struct hin_error *error)
{
    HIN_CLEANUP(wipe_buf) struct hin_buf bytes = {.max = HIN_RING_FILE_MAX};
    HIN_TRY(check_mode(fd, check_owner, path, error));
    HIN_TRY(hin_buf_reserve(&bytes, HIN_RING_FILE_MAX)); /* never moved, so that it can be wiped */
    struct hin_result result = hin_fd_read_all(fd, &bytes);
    if (result.code != HIN_OK) {
        return hin_error_set(
            error, result.code == HIN_LIMIT ? HIN_SYNTAX : result.code, path, 0, 0, "%s",
            result.code == HIN_LIMIT ? "far too long for a key ring" : hin_code_text(result.code));
    }
    result = hin_ring_decode(hin_buf_view(&bytes), passphrase, ret_ring, error);
    name_file(error, path);
    return result;
}

struct hin_result hin_ring_open(struct hin_ring **ret_ring, int directory, const char *path,
                                const struct hin_secret *passphrase, struct hin_error *error)
{
    HIN_CLEANUP_FD int fd = -1;
    HIN_CLEANUP(hin_ring_freep) struct hin_ring *ring = NULL;
    HIN_ENSURE(hin_view_from_text(path).size < HIN_PATH_MAX, LIMIT);
    fd = openat(directory, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        enum hin_code code = errno == ELOOP ? HIN_DENIED : hin_code_from_errno(errno);
        return hin_error_set(error, code, path, 0, 0, "%s",
                             code == HIN_DENIED ? "the key ring may not be read, or is a link"
                                                : "cannot open the key ring");
    }
    HIN_TRY(read_ring(&ring, fd, true, path, passphrase, error));
    snprintf(ring->path, sizeof(ring->path), "%s", path);
    ring->directory = directory == AT_FDCWD ? open(".", O_PATH | O_DIRECTORY | O_CLOEXEC)
                                            : fcntl(directory, F_DUPFD_CLOEXEC, 0);
    *ret_ring = ring;
    ring = NULL;
    return hin_ok();
}

struct hin_result hin_ring_open_fd(struct hin_ring **ret_ring, int fd, const char *name,
                                   const struct hin_secret *passphrase, struct hin_error *error)
{
    return read_ring(ret_ring, fd, false, name, passphrase, error);
}

static HIN_RESULT save(const struct hin_ring *ring, int directory, const char *path)
{
    HIN_CLEANUP(wipe_buf) struct hin_buf bytes = {.max = HIN_RING_FILE_MAX};
    HIN_TRY(hin_buf_reserve(&bytes, HIN_RING_FILE_MAX));
    HIN_TRY(hin_ring_encode(ring, &bytes));
    return hin_file_replace(directory, path, hin_buf_view(&bytes), RING_MODE);
}

/* --- as a provider --- */

static HIN_RESULT add_master(struct hin_ring *ring)
{
    HIN_ENSURE(ring->count < HIN_RING_VERSIONS_MAX, LIMIT);
    struct hin_ring_master *master = &ring->masters[ring->count];
    uint32_t last = ring->count > 0 ? ring->masters[ring->count - 1].version : 0;
    HIN_ENSURE(last < UINT32_MAX, LIMIT);
    HIN_TRY(hin_secret_random(&master->key, HIN_AEAD_KEY_BYTES));
    master->version = last + 1;
    ring->count++;
    return hin_ok();
}

static HIN_RESULT provider_generate(void *context)
{
    (void)context; /* a ring is born with its first key */
    return hin_fail(HIN_CONFLICT);
}

static HIN_RESULT provider_rotate(void *context)
{
    struct hin_ring *ring = context;
    HIN_ENSURE(ring->directory >= 0, DENIED);
    HIN_TRY(add_master(ring));
    struct hin_result result = save(ring, ring->directory, ring->path);
    if (result.code != HIN_OK) {
        hin_secret_done(&ring->masters[--ring->count].key);
    }
    return result;
}

static HIN_RESULT provider_wrap(void *context, const struct hin_key_binding *binding,
                                const struct hin_secret *plain, struct hin_buf *ret_wrapped)
{
    const struct hin_ring *ring = context;
    const struct hin_ring_master *current = &ring->masters[ring->count - 1];
    return hin_key_wrap(&current->key, current->version, binding, plain, ret_wrapped);
}

static HIN_RESULT provider_unwrap(void *context, const struct hin_key_binding *binding,
                                  struct hin_view wrapped, struct hin_secret *ret_plain)
{
    const struct hin_ring *ring = context;
    uint32_t version = 0;
    HIN_TRY(hin_key_wrapped_version(wrapped, &version));
    for (size_t i = 0; i < ring->count; i++) {
        if (ring->masters[i].version == version) {
            return hin_key_unwrap(&ring->masters[i].key, binding, wrapped, ret_plain);
        }
    }
    return hin_fail(HIN_NOT_FOUND);
}

static HIN_RESULT provider_destroy(void *context, uint32_t version)
{
    struct hin_ring *ring = context;
    size_t at = 0;
    HIN_ENSURE(ring->directory >= 0, DENIED);
    while (at < ring->count && ring->masters[at].version != version) {
        at++;
    }
    HIN_ENSURE(at < ring->count, NOT_FOUND);
    HIN_ENSURE(at + 1 < ring->count, CONFLICT);
    struct hin_ring_master shredded = ring->masters[at];
    size_t behind = (ring->count - at - 1) * sizeof(*ring->masters);
    hin_move(&ring->masters[at], &ring->masters[at + 1], behind);
    ring->count--;
    struct hin_result result = save(ring, ring->directory, ring->path);
    if (result.code != HIN_OK) {
        hin_move(&ring->masters[at + 1], &ring->masters[at], behind);
        ring->masters[at] = shredded;
        ring->count++;
        return result;
    }
    hin_secret_done(&shredded.key);
    ring->masters[ring->count] = (struct hin_ring_master){0};
    return hin_ok();
}

static HIN_RESULT provider_status(void *context, struct hin_key_provider_status *ret_status)
{
    const struct hin_ring *ring = context;
    struct hin_key_provider_status status = {
        .name = "file",
        .current_version = ring->masters[ring->count - 1].version,
        .version_count = (uint32_t)ring->count,
        .sealed = ring->sealed,
    };
    if (!ring->sealed) {
        snprintf(status.advice, sizeof(status.advice),
                 "the key ring is protected by its mode only: seal it with a pass phrase "
                 "(init --passphrase-file)");
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

/* --- creating --- */

struct hin_result hin_ring_create(int directory, const char *path,
                                  const struct hin_secret *passphrase, struct hin_error *error)
{
    struct stat status;
    if (fstatat(directory, path, &status, AT_SYMLINK_NOFOLLOW) == 0) {
        return hin_error_set(error, HIN_EXISTS, path, 0, 0,
                             "a file stands here already; a key ring is never overwritten");
    }
    HIN_CLEANUP(hin_ring_freep) struct hin_ring *ring = NULL;
    HIN_TRY(hin_ring_new(&ring));
    HIN_TRY(add_master(ring));
    if (passphrase != NULL && passphrase->size > 0) {
        ring->sealed = true;
        ring->cost = (struct hin_password_cost){HIN_PASSWORD_MEMORY_KIB, HIN_PASSWORD_PASSES,
                                                HIN_PASSWORD_LANES};
        HIN_TRY(hin_random(ring->salt, sizeof(ring->salt)));
        HIN_TRY(hin_ring_derive(ring, passphrase));
    }
    struct hin_result result = save(ring, directory, path);
    if (result.code != HIN_OK) {
        return hin_error_set(error, result.code, path, 0, 0, "cannot write the key ring: %s",
                             hin_code_text(result.code));
    }
    return hin_ok();
}
