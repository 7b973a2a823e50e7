/* A key holder of the installation at the command line of the host, while no manager runs: judged
 * by the digests that the vault keeps (keys/vault.h). */
#ifndef HIN_MANAGER_HOLDER_KEY_H
#define HIN_MANAGER_HOLDER_KEY_H

#include "keys/vault.h"
#include "manager/passphrase.h"

#define HIN_HOLDER_KEY_OPTION_ROWS(type, member)                                                   \
    {"holder-key-file",                                                                            \
     0,                                                                                            \
     HIN_OPTION_TEXT,                                                                              \
     offsetof(type, member.file),                                                                  \
     "F",                                                                                          \
     "API key of a key holder of the installation (`hinomi key holders`), in this file; asked "    \
     "for "                                                                                        \
     "on the terminal where one is needed and neither is given.",                                  \
     NULL,                                                                                         \
     false,                                                                                        \
     false},                                                                                       \
    {                                                                                              \
        "holder-key-fd", 0, HIN_OPTION_TEXT, offsetof(type, member.fd), "N",                       \
            "The same, read from a descriptor.", NULL, false, false                                \
    }

/* Reads the key, and finds whose it is. DENIED: no key holder's; EXPIRED: nobody has confirmed the
 * holder; NOT_FOUND: none was given and there is no terminal. */
HIN_RESULT hin_holder_key_find(const struct hin_vault *vault, struct hin_passphrase_source *source,
                               struct hin_vault_holder *ret_holder,
                               struct hin_error *error) HIN_NONNULL;

#endif
