#include "keys/ring.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/codec.h"
#include "base/fd.h"
#include "base/path.h"
#include "crypt/aead.h"
#include "crypt/password.h"

static const uint8_t ring_magic[4] = {'H', 'K', 'R', 1};

#define HEAD_BYTES  40
#define CRC_BYTES   4
#define SALT_BYTES  HIN_PASSWORD_SALT_BYTES
#define FLAG_SEALED UINT32_C(1)
#define KEY_BYTES   HIN_AEAD_KEY_BYTES
#define ENTRY_BYTES (4 + KEY_BYTES)
#define RING_MODE   0400

enum at {
    AT_FLAGS = 4,
    AT_MEMORY = 8,
    AT_PASSES = 12,
    AT_LANES = 16,
    AT_SALT = 20,
    AT_BODY = 36,
};

struct master {
    uint32_t version;
    struct hin_secret key;
};

struct hin_ring {
    struct master masters[HIN_RING_VERSIONS_MAX]; /* ascending by version; the last is current */
    size_t count;
    bool sealed;
    struct hin_password_cost cost;
    uint8_t salt[SALT_BYTES];
    struct hin_secret phrase_key; /* derived from the pass phrase; empty when not sealed */
    int directory;                /* a descriptor of our own, or -1: cannot be replaced */
    char path[HIN_PATH_MAX];
};

static const struct hin_key_binding body_binding = {
    .tenant = {(const uint8_t *)"", 0},
    .key_id = {(const uint8_t *)"ring", 4},
    .purpose = HIN_KEY_RING,
    .version = 1,
};

static HIN_RESULT ring_new(struct hin_ring **ret_ring)
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

/* --- the keys as bytes --- */

static HIN_RESULT encode_keys(const struct hin_ring *ring, struct hin_secret *ret_body)
{
    HIN_ENSURE(ring->count > 0 && ring->count < 128, INTERNAL); /* one byte of varint */
    struct hin_secret body = {0};
    HIN_TRY(hin_secret_new(&body, 1 + ring->count * ENTRY_BYTES));
    body.data[0] = (uint8_t)ring->count;
    for (size_t i = 0; i < ring->count; i++) {
        uint8_t *at = body.data + 1 + i * ENTRY_BYTES;
        hin_store_u32(at, ring->masters[i].version);
        hin_copy(at + 4, ring->masters[i].key.data, KEY_BYTES);
    }
    *ret_body = body;
    return hin_ok();
}

static HIN_RESULT decode_keys(struct hin_ring *ring, struct hin_view body)
{
    struct hin_reader reader = hin_reader_of(body);
    uint64_t count = 0;
    HIN_TRY(hin_read_varint(&reader, &count));
    HIN_ENSURE(count > 0 && count <= HIN_RING_VERSIONS_MAX, CORRUPT);
    for (uint64_t i = 0; i < count; i++) {
        uint32_t version = 0;
        struct hin_view key;
        HIN_TRY(hin_read_u32(&reader, &version));
        HIN_TRY(hin_read_exact(&reader, KEY_BYTES, &key));
        HIN_ENSURE(version > (i > 0 ? ring->masters[i - 1].version : 0), CORRUPT);
        HIN_TRY(hin_secret_from(&ring->masters[i].key, key));
        ring->masters[i].version = version;
        ring->count++;
    }
    return hin_read_end(&reader);
}

/* --- the file --- */

static HIN_RESULT encode_file(const struct hin_ring *ring, struct hin_buf *ret_bytes)
{
    uint8_t head[HEAD_BYTES] = {0};
    HIN_CLEANUP(hin_secret_done) struct hin_secret body = {0};
    HIN_TRY(encode_keys(ring, &body));
    hin_copy(head, ring_magic, sizeof(ring_magic));
    size_t size = body.size;
    if (ring->sealed) {
        hin_store_u32(head + AT_FLAGS, FLAG_SEALED);
        hin_store_u32(head + AT_MEMORY, ring->cost.memory_kib);
        hin_store_u32(head + AT_PASSES, ring->cost.passes);
        hin_store_u32(head + AT_LANES, ring->cost.lanes);
        hin_copy(head + AT_SALT, ring->salt, SALT_BYTES);
        size += HIN_WRAP_OVERHEAD_BYTES;
    }
    hin_store_u32(head + AT_BODY, (uint32_t)size);
    HIN_TRY(hin_buf_append(ret_bytes, hin_view_of(head, sizeof(head))));
    if (ring->sealed) {
        HIN_TRY(hin_key_wrap(&ring->phrase_key, 1, &body_binding, &body, ret_bytes));
    } else {
        HIN_TRY(hin_buf_append(ret_bytes, hin_secret_view(&body)));
    }
    return hin_write_u32(ret_bytes, hin_crc32c(0, hin_buf_view(ret_bytes)));
}

static HIN_RESULT check_file(struct hin_view bytes, struct hin_error *error)
{
    for (size_t i = 0; i < 3 && i < bytes.size; i++) {
        if (bytes.data[i] != ring_magic[i]) {
            return hin_error_set(error, HIN_SYNTAX, NULL, 0, 0, "this is not a key ring of Hinomi");
        }
    }
    if (bytes.size >= 4 && bytes.data[3] != ring_magic[3]) {
        return hin_error_set(error, HIN_UNSUPPORTED, NULL, 0, 0,
                             "the key ring is of format %u, and this program reads format %u: "
                             "update Hinomi",
                             bytes.data[3], ring_magic[3]);
    }
    size_t body = bytes.size >= HEAD_BYTES ? hin_load_u32(bytes.data + AT_BODY) : 0;
    if (bytes.size < HEAD_BYTES + CRC_BYTES || bytes.size - HEAD_BYTES - CRC_BYTES < body) {
        return hin_error_set(error, HIN_TRUNCATED, NULL, 0, 0,
                             "the key ring is cut short: restore it from where you keep its copy");
    }
    size_t covered = bytes.size - CRC_BYTES;
    if (body != covered - HEAD_BYTES ||
        hin_load_u32(bytes.data + covered) != hin_crc32c(0, hin_view_sub(bytes, 0, covered))) {
        return hin_error_set(error, HIN_CORRUPT, NULL, 0, 0,
                             "the key ring is damaged: restore it from where you keep its copy");
    }
    return hin_ok();
}

static HIN_RESULT derive_phrase_key(struct hin_ring *ring, const struct hin_secret *passphrase)
{
    return hin_password_derive(hin_secret_view(passphrase), hin_view_of(ring->salt, SALT_BYTES),
                               &ring->cost, KEY_BYTES, &ring->phrase_key);
}

static HIN_RESULT open_sealed(struct hin_ring *ring, struct hin_view bytes,
                              const struct hin_secret *passphrase, struct hin_view body,
                              struct hin_error *error)
{
    const uint8_t *head = bytes.data;
    HIN_CLEANUP(hin_secret_done) struct hin_secret plain = {0};
    if (passphrase == NULL || passphrase->size == 0) {
        return hin_error_set(error, HIN_AUTH, NULL, 0, 0,
                             "the key ring is sealed: give its pass phrase (--passphrase-file or "
                             "--passphrase-fd)");
    }
    ring->cost =
        (struct hin_password_cost){hin_load_u32(head + AT_MEMORY), hin_load_u32(head + AT_PASSES),
                                   hin_load_u32(head + AT_LANES)};
    hin_copy(ring->salt, head + AT_SALT, SALT_BYTES);
    struct hin_result result = derive_phrase_key(ring, passphrase);
    if (result.code == HIN_LIMIT || result.code == HIN_SYNTAX) {
        return hin_error_set(error, HIN_CORRUPT, NULL, 0, 0,
                             "the key ring asks for an impossible amount of work");
    }
    HIN_TRY(result);
    result = hin_key_unwrap(&ring->phrase_key, &body_binding, body, &plain);
    if (result.code == HIN_AUTH) {
        return hin_error_set(error, HIN_AUTH, NULL, 0, 0, "wrong pass phrase for the key ring");
    }
    HIN_TRY(result);
    return decode_keys(ring, hin_secret_view(&plain));
}

static HIN_RESULT decode_body(struct hin_ring *ring, struct hin_view bytes,
                              const struct hin_secret *passphrase, struct hin_error *error)
{
    uint32_t flags = hin_load_u32(bytes.data + AT_FLAGS);
    struct hin_view body = hin_view_sub(bytes, HEAD_BYTES, bytes.size - HEAD_BYTES - CRC_BYTES);
    if ((flags & ~FLAG_SEALED) != 0) {
        return hin_error_set(error, HIN_UNSUPPORTED, NULL, 0, 0,
                             "the key ring uses a feature of a newer version: update Hinomi");
    }
    ring->sealed = (flags & FLAG_SEALED) != 0;
    if (ring->sealed) {
        return open_sealed(ring, bytes, passphrase, body, error);
    }
    if (passphrase != NULL && passphrase->size > 0) {
        return hin_error_set(error, HIN_INVALID, NULL, 0, 0,
                             "the key ring is not sealed: leave the pass phrase out");
    }
    return decode_keys(ring, body);
}

struct hin_result hin_ring_decode(struct hin_view bytes, const struct hin_secret *passphrase,
                                  struct hin_ring **ret_ring, struct hin_error *error)
{
    struct hin_error own = {0};
    error = error != NULL ? error : &own;
    HIN_TRY(check_file(bytes, error));
    HIN_CLEANUP(hin_ring_freep) struct hin_ring *ring = NULL;
    HIN_TRY(ring_new(&ring));
    error->text[0] = '\0';
    struct hin_result result = decode_body(ring, bytes, passphrase, error);
    if (result.code != HIN_OK) {
        /* The checksum holds but the content does not: written wrong, not damaged since. */
        bool named = error->text[0] != '\0' || result.code == HIN_NO_MEMORY;
        return named ? result
                     : hin_error_set(error, HIN_CORRUPT, NULL, 0, 0,
                                     "the key ring's content is damaged");
    }
    *ret_ring = ring;
    ring = NULL;
    return hin_ok();
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
    HIN_TRY(encode_file(ring, &bytes));
    return hin_file_replace(directory, path, hin_buf_view(&bytes), RING_MODE);
}

/* --- as a provider --- */

static HIN_RESULT add_master(struct hin_ring *ring)
{
    HIN_ENSURE(ring->count < HIN_RING_VERSIONS_MAX, LIMIT);
    struct master *master = &ring->masters[ring->count];
    uint32_t last = ring->count > 0 ? ring->masters[ring->count - 1].version : 0;
    HIN_ENSURE(last < UINT32_MAX, LIMIT);
    HIN_TRY(hin_secret_random(&master->key, KEY_BYTES));
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
    const struct master *current = &ring->masters[ring->count - 1];
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
    struct master shredded = ring->masters[at];
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
    ring->masters[ring->count] = (struct master){0};
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
    HIN_TRY(ring_new(&ring));
    HIN_TRY(add_master(ring));
    if (passphrase != NULL && passphrase->size > 0) {
        ring->sealed = true;
        ring->cost = (struct hin_password_cost){HIN_PASSWORD_MEMORY_KIB, HIN_PASSWORD_PASSES,
                                                HIN_PASSWORD_LANES};
        HIN_TRY(hin_random(ring->salt, sizeof(ring->salt)));
        HIN_TRY(derive_phrase_key(ring, passphrase));
    }
    struct hin_result result = save(ring, directory, path);
    if (result.code != HIN_OK) {
        return hin_error_set(error, result.code, path, 0, 0, "cannot write the key ring: %s",
                             hin_code_text(result.code));
    }
    return hin_ok();
}
