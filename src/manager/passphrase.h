/* The pass phrase of the key ring, or another secret of its kind: from a file, a descriptor, or a
 * systemd credential. */
#ifndef HIN_MANAGER_PASSPHRASE_H
#define HIN_MANAGER_PASSPHRASE_H

#include "base/result.h"
#include "base/secret.h"

struct hin_passphrase_source {
    const char *file; /* NULL: none */
    const char *fd;   /* a number as text, NULL: none */
    const char *name; /* of the options (--NAME-file, --NAME-fd) and the credential; NULL:
                         "passphrase" */
};

/* Empty when neither is given and $CREDENTIALS_DIRECTORY/NAME (systemd.exec(5)) does not
 * exist. INVALID: both are given, or a number is none. The caller frees *ret_passphrase. */
HIN_RESULT hin_passphrase_read(const struct hin_passphrase_source *source,
                               struct hin_secret *ret_passphrase, struct hin_error *error);

#endif
