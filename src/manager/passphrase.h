/* The pass phrase of the key ring, or what another key management service asks for (a PIN,
 * credentials): from a file, a descriptor, or a systemd credential. */
#ifndef HIN_MANAGER_PASSPHRASE_H
#define HIN_MANAGER_PASSPHRASE_H

#include "base/result.h"
#include "base/secret.h"

struct hin_passphrase_source {
    const char *name; /* of options and credential: "kms-secret"; NULL: "passphrase" */
    const char *file; /* NULL: none */
    const char *fd;   /* a number as text, NULL: none */
};

/* Empty when neither is given and $CREDENTIALS_DIRECTORY/NAME (systemd.exec(5)) does not
 * exist. INVALID: both are given, or a number is none. The caller frees *ret_passphrase. */
HIN_RESULT hin_passphrase_read(const struct hin_passphrase_source *source,
                               struct hin_secret *ret_passphrase, struct hin_error *error);

#endif
