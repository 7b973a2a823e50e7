#include "agent/key_file.h"

#include <fcntl.h>
#include <stdio.h>

#include "base/fd.h"
#include "base/path.h"

struct hin_result hin_agent_ring_open(const char *state, const struct hin_secret *passphrase,
                                      bool create, struct hin_ring **ret_ring,
                                      struct hin_error *error)
{
    char path[HIN_PATH_MAX];
    struct hin_view folder = hin_view_from_text(state);
    while (folder.size > 1 && folder.data[folder.size - 1] == '/') {
        folder.size--;
    }
    HIN_ENSURE(snprintf(path, sizeof(path), "%.*s.key", HIN_ARGS(folder)) < (int)sizeof(path),
               LIMIT);
    if (create) {
        struct hin_result result = hin_ring_create(AT_FDCWD, path, passphrase, error);
        if (!hin_is_ok(result) && result.code != HIN_EXISTS) {
            return result;
        }
    }
    return hin_ring_open(ret_ring, AT_FDCWD, path, passphrase, error);
}

struct hin_result hin_agent_passphrase(const char *file, const char *fd,
                                       struct hin_secret *ret_passphrase, bool *ret_given,
                                       struct hin_error *error)
{
    *ret_given = false;
    if (file == NULL && fd == NULL) {
        return hin_ok();
    }
    HIN_CLEANUP_FD int opened = -1;
    int source = -1;
    if (file != NULL) {
        struct hin_result result = hin_fd_open(AT_FDCWD, file, O_RDONLY, 0, &opened);
        if (!hin_is_ok(result)) {
            return hin_error_set(error, result.code, file, 0, 0, "%s", hin_code_text(result.code));
        }
        source = opened;
    } else {
        uint64_t number = 0;
        if (!hin_is_ok(hin_view_to_u64(hin_view_from_text(fd), &number)) || number > 1000000) {
            return hin_error_set(error, HIN_INVALID, NULL, 0, 0,
                                 "--passphrase-fd: not a descriptor: %s", fd);
        }
        source = (int)number;
    }
    struct hin_result result = hin_secret_read_fd(ret_passphrase, source);
    if (!hin_is_ok(result)) {
        return hin_error_set(error, result.code, NULL, 0, 0,
                             "the pass phrase could not be read: %s", hin_code_text(result.code));
    }
    *ret_given = true;
    return hin_ok();
}
