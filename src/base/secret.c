#include "base/secret.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>

#include "base/bytes.h"
#include "base/fd.h"

#define PAGE_BYTES ((size_t)4096) /* HIN_SECRET_MAX fits one page */

struct hin_result hin_secret_new(struct hin_secret *ret_secret, size_t size)
{
    HIN_ENSURE(size > 0 && size <= HIN_SECRET_MAX, LIMIT);
    void *page = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    HIN_ENSURE(page != MAP_FAILED, NO_MEMORY);
    /* Locking is refused where RLIMIT_MEMLOCK is small: the page may then be swapped, never dumped.
     */
    (void)mlock(page, PAGE_BYTES);
    (void)madvise(page, PAGE_BYTES, MADV_DONTDUMP);
    (void)madvise(page, PAGE_BYTES, MADV_WIPEONFORK);
    *ret_secret = (struct hin_secret){page, size};
    return hin_ok();
}

struct hin_result hin_secret_from(struct hin_secret *ret_secret, struct hin_view bytes)
{
    struct hin_secret secret = {0};
    HIN_TRY(hin_secret_new(&secret, bytes.size));
    hin_copy(secret.data, bytes.data, bytes.size);
    *ret_secret = secret;
    return hin_ok();
}

struct hin_result hin_secret_random(struct hin_secret *ret_secret, size_t size)
{
    struct hin_secret secret = {0};
    HIN_TRY(hin_secret_new(&secret, size));
    struct hin_result result = hin_random(secret.data, size);
    if (result.code != HIN_OK) {
        hin_secret_done(&secret);
        return result;
    }
    *ret_secret = secret;
    return hin_ok();
}

void hin_secret_done(struct hin_secret *secret)
{
    if (secret == NULL || secret->data == NULL) {
        return;
    }
    hin_wipe(secret->data, PAGE_BYTES);
    munmap(secret->data, PAGE_BYTES);
    *secret = (struct hin_secret){0};
}

bool hin_secret_equal(const struct hin_secret *a, const struct hin_secret *b)
{
    return a->size == b->size && hin_equal_constant_time(a->data, b->data, a->size);
}

struct hin_result hin_secret_read_fd(struct hin_secret *ret_secret, int fd)
{
    struct hin_secret secret = {0};
    HIN_TRY(hin_secret_new(&secret, HIN_SECRET_MAX));
    size_t size = 0;
    size_t got = 1;
    while (got > 0 && size < HIN_SECRET_MAX) {
        struct hin_result result =
            hin_fd_read_some(fd, secret.data + size, HIN_SECRET_MAX - size, &got);
        if (result.code != HIN_OK) {
            hin_secret_done(&secret);
            return result;
        }
        size += got;
    }
    if (size > 0 && size < HIN_SECRET_MAX && secret.data[size - 1] == '\n') {
        size--;
    }
    if (size == 0 || size == HIN_SECRET_MAX) {
        hin_secret_done(&secret);
        return hin_fail(size == 0 ? HIN_INVALID : HIN_LIMIT);
    }
    secret.size = size;
    *ret_secret = secret;
    return hin_ok();
}

struct hin_result hin_random(void *to, size_t size)
{
    uint8_t *at = to;
    while (size > 0) {
        ssize_t got = getrandom(at, size, 0);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        HIN_ENSURE(got > 0, CRYPTO);
        at += got;
        size -= (size_t)got;
    }
    return hin_ok();
}

struct hin_result hin_process_protect(void)
{
    struct rlimit none = {0, 0};
    if (setrlimit(RLIMIT_CORE, &none) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) {
        return hin_fail(hin_code_from_errno(errno));
    }
    return hin_ok();
}
