#include "manager/passphrase.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"

static HIN_RESULT read_file(const char *path, struct hin_secret *ret_passphrase,
                            struct hin_error *error)
{
    HIN_CLEANUP_FD int fd = -1;
    struct hin_result result = hin_fd_open(AT_FDCWD, path, O_RDONLY, 0, &fd);
    if (hin_is_ok(result)) {
        result = hin_secret_read_fd(ret_passphrase, fd);
    }
    if (!hin_is_ok(result)) {
        return hin_error_set(error, result.code, path, 0, 0, "the secret cannot be read: %s",
                             hin_code_text(result.code));
    }
    return hin_ok();
}

static HIN_RESULT read_descriptor(const char *name, const char *text,
                                  struct hin_secret *ret_passphrase, struct hin_error *error)
{
    uint64_t number = 0;
    struct hin_result result = hin_view_to_u64(hin_view_from_text(text), &number);
    if (!hin_is_ok(result) || number > 1023) {
        return hin_error_set(error, HIN_INVALID, NULL, 0, 0, "--%s-fd %s: not a descriptor", name,
                             text);
    }
    int fd = (int)number;
    result = hin_secret_read_fd(ret_passphrase, fd);
    if (number > 2) {
        close(fd); /* its content is read; nobody else is to see it */
    }
    if (!hin_is_ok(result)) {
        return hin_error_set(error, result.code, NULL, 0, 0, "--%s-fd %s: %s", name, text,
                             hin_code_text(result.code));
    }
    return hin_ok();
}

HIN_RESULT hin_passphrase_read(const struct hin_passphrase_source *source,
                               struct hin_secret *ret_passphrase, struct hin_error *error)
{
    char path[HIN_PATH_MAX];
    const char *credentials = getenv("CREDENTIALS_DIRECTORY");
    const char *name = source->name != NULL ? source->name : "passphrase";
    *ret_passphrase = (struct hin_secret){0};
    if (source->file != NULL && source->fd != NULL) {
        return hin_error_set(error, HIN_INVALID, NULL, 0, 0, "give --%s-file or --%s-fd, not both",
                             name, name);
    }
    if (source->file != NULL) {
        return read_file(source->file, ret_passphrase, error);
    }
    if (source->fd != NULL) {
        return read_descriptor(name, source->fd, ret_passphrase, error);
    }
    if (credentials != NULL && hin_is_ok(hin_path_join(path, sizeof(path), credentials, name)) &&
        access(path, R_OK) == 0) {
        return read_file(path, ret_passphrase, error);
    }
    return hin_ok();
}
