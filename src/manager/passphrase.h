/* The pass phrase of the key ring, or another secret of its kind: from a file, a descriptor, or a
 * systemd credential. */
#ifndef HIN_MANAGER_PASSPHRASE_H
#define HIN_MANAGER_PASSPHRASE_H

#include "base/result.h"
#include "base/secret.h"

struct hin_passphrase_source {
    const char *file;       /* NULL: none */
    const char *fd;         /* a number as text, NULL: none */
    const char *credential; /* name of a systemd credential that must be there; NULL: none */
    const char *name;       /* of the options (--NAME-file, --NAME-fd) and the credential; NULL:
                               "passphrase" */
};

/* Empty when none is given and $CREDENTIALS_DIRECTORY/NAME (systemd.exec(5)) does not exist.
 * INVALID: more than one is given, a number or a credential's name is none. NOT_FOUND: the
 * credential that was asked for is not there; error says how systemd is told to give it. The caller
 * frees *ret_passphrase. */
HIN_RESULT hin_passphrase_read(const struct hin_passphrase_source *source,
                               struct hin_secret *ret_passphrase, struct hin_error *error);

#endif
