#include "manager/passphrase.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"

static const char *name_of(const struct hin_passphrase_source *source)
{
    return source->name != NULL ? source->name : "passphrase";
}

static HIN_RESULT read_file(const char *name, const char *path, struct hin_secret *ret_passphrase,
                            struct hin_error *error)
{
    HIN_CLEANUP_FD int fd = -1;
    struct hin_result result = hin_fd_open(AT_FDCWD, path, O_RDONLY, 0, &fd);
    if (hin_is_ok(result)) {
        result = hin_secret_read_fd(ret_passphrase, fd);
    }
    if (!hin_is_ok(result)) {
        return hin_error_set(error, result.code, path, 0, 0, "the secret (%s) cannot be read: %s",
                             name, hin_code_text(result.code));
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

/* What LoadCredential= or LoadCredentialEncrypted= of a unit gives. It was asked for by name: never
 * quietly none. */
static HIN_RESULT read_credential(const char *name, const char *credential,
                                  struct hin_secret *ret_passphrase, struct hin_error *error)
{
    char path[HIN_PATH_MAX];
    const char *folder = getenv("CREDENTIALS_DIRECTORY");
    if (credential[0] == '\0' || credential[0] == '.' || strchr(credential, '/') != NULL) {
        return hin_error_set(error, HIN_INVALID, NULL, 0, 0,
                             "--%s-credential %s: not the name of a credential", name, credential);
    }
    if (folder == NULL || folder[0] == '\0') {
        return hin_error_set(
            error, HIN_NOT_FOUND, NULL, 0, 0,
            "--%s-credential %s: systemd gave no credentials ($CREDENTIALS_DIRECTORY is not set). "
            "Start this as a service whose unit says LoadCredential=%s:/FILE or "
            "LoadCredentialEncrypted=%s:/FILE; by hand use --%s-file",
            name, credential, credential, credential, name);
    }
    HIN_TRY(hin_path_join(path, sizeof(path), folder, credential));
    if (access(path, F_OK) != 0) {
        return hin_error_set(error, HIN_NOT_FOUND, path, 0, 0,
                             "systemd gave no credential of this name: the unit needs "
                             "LoadCredential=%s:/FILE or LoadCredentialEncrypted=%s:/FILE",
                             credential, credential);
    }
    return read_file(name, path, ret_passphrase, error);
}

HIN_RESULT hin_passphrase_read(const struct hin_passphrase_source *source,
                               struct hin_secret *ret_passphrase, struct hin_error *error)
{
    char path[HIN_PATH_MAX];
    const char *name = name_of(source);
    const char *credentials = getenv("CREDENTIALS_DIRECTORY");
    *ret_passphrase = (struct hin_secret){0};
    if ((source->file != NULL) + (source->fd != NULL) + (source->credential != NULL) > 1) {
        return hin_error_set(error, HIN_INVALID, NULL, 0, 0,
                             "give one of --%s-file, --%s-fd and --%s-credential", name, name,
                             name);
    }
    if (source->file != NULL) {
        return read_file(name, source->file, ret_passphrase, error);
    }
    if (source->fd != NULL) {
        return read_descriptor(name, source->fd, ret_passphrase, error);
    }
    if (source->credential != NULL) {
        return read_credential(name, source->credential, ret_passphrase, error);
    }
    if (credentials != NULL && hin_is_ok(hin_path_join(path, sizeof(path), credentials, name)) &&
        access(path, R_OK) == 0) {
        return read_file(name, path, ret_passphrase, error);
    }
    return hin_ok();
}
