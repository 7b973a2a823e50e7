/* Out of which backups, and with whose keys: what `hinomi-manager restore` and `drill` are asked.
 * The keys are an input of their own (issue 4): the host that had them may be gone. */
#ifndef HIN_MANAGER_RESTORE_WISH_H
#define HIN_MANAGER_RESTORE_WISH_H

#include "base/option.h"
#include "manager/kms/access.h"

/* Borrowed. */
struct hin_restore_wish {
    const char *from, *secret_file; /* the destination, its credentials */
    struct hin_option_texts settings;
    const char *keyring, *kms_settings, *tpm; /* who wrapped the backups' keys */
    struct hin_kms_sources secrets;           /* what opens that */
    const char *state;
};

/* Rows of an option table; member is a struct hin_restore_wish. */
#define HIN_RESTORE_WISH_OPTION_ROWS(type, member)                                                 \
    {"from",                                                                                       \
     'f',                                                                                          \
     HIN_OPTION_TEXT,                                                                              \
     offsetof(type, member.from),                                                                  \
     "URL",                                                                                        \
     "Where the backups lie: a folder, or the URL of the destination.",                            \
     NULL,                                                                                         \
     true,                                                                                         \
     false},                                                                                       \
        {"setting",                                                                                \
         0,                                                                                        \
         HIN_OPTION_TEXTS,                                                                         \
         offsetof(type, member.settings),                                                          \
         "NAME=VALUE",                                                                             \
         "A setting of the destination, as for `hinomi-manager destination`.",                     \
         NULL,                                                                                     \
         false,                                                                                    \
         false},                                                                                   \
        {"secret-file",                                                                            \
         0,                                                                                        \
         HIN_OPTION_TEXT,                                                                          \
         offsetof(type, member.secret_file),                                                       \
         "F",                                                                                      \
         "Its credentials, in this file.",                                                         \
         NULL,                                                                                     \
         false,                                                                                    \
         false},                                                                                   \
        {"keyring",                                                                                \
         'k',                                                                                      \
         HIN_OPTION_TEXT,                                                                          \
         offsetof(type, member.keyring),                                                           \
         "PATH",                                                                                   \
         "The key ring of the installation that made them, or an escrow copy of it.",              \
         NULL,                                                                                     \
         false,                                                                                    \
         false},                                                                                   \
        {"kms-settings",                                                                           \
         0,                                                                                        \
         HIN_OPTION_TEXT,                                                                          \
         offsetof(type, member.kms_settings),                                                      \
         "FILE",                                                                                   \
         "Where its keys are, if they are in a token or in AWS KMS: a copy of its manager.json, "  \
         "or "                                                                                     \
         "an object with the member \"kms\" of that. It holds no secrets.",                        \
         NULL,                                                                                     \
         false,                                                                                    \
         false},                                                                                   \
        {"tpm",                                                                                    \
         0,                                                                                        \
         HIN_OPTION_TEXT,                                                                          \
         offsetof(type, member.tpm),                                                               \
         "DEVICE",                                                                                 \
         "The TPM 2 that sealed the key ring: /dev/tpmrm0, or swtpm:path=SOCKET.",                 \
         NULL,                                                                                     \
         false,                                                                                    \
         false},                                                                                   \
        {"passphrase-file",                                                                        \
         0,                                                                                        \
         HIN_OPTION_TEXT,                                                                          \
         offsetof(type, member.secrets.passphrase.file),                                           \
         "F",                                                                                      \
         "Opens the key ring with the pass phrase in this file; with a TPM, its PIN.",             \
         NULL,                                                                                     \
         false,                                                                                    \
         false},                                                                                   \
        {"passphrase-fd",                                                                          \
         0,                                                                                        \
         HIN_OPTION_TEXT,                                                                          \
         offsetof(type, member.secrets.passphrase.fd),                                             \
         "N",                                                                                      \
         "The same, read from a descriptor.",                                                      \
         NULL,                                                                                     \
         false,                                                                                    \
         false},                                                                                   \
        {"passphrase-credential",                                                                  \
         0,                                                                                        \
         HIN_OPTION_TEXT,                                                                          \
         offsetof(type, member.secrets.passphrase.credential),                                     \
         "NAME",                                                                                   \
         "The same, from a systemd credential.",                                                   \
         NULL,                                                                                     \
         false,                                                                                    \
         false},                                                                                   \
        {"kms-secret-file",                                                                        \
         0,                                                                                        \
         HIN_OPTION_TEXT,                                                                          \
         offsetof(type, member.secrets.secret.file),                                               \
         "F",                                                                                      \
         "The user PIN of the PKCS#11 token, or credentials of AWS, in this file.",                \
         NULL,                                                                                     \
         false,                                                                                    \
         false},                                                                                   \
    {                                                                                              \
        "kms-secret-fd", 0, HIN_OPTION_TEXT, offsetof(type, member.secrets.secret.fd), "N",        \
            "The same, read from a descriptor.", NULL, false, false                                \
    }

#endif
