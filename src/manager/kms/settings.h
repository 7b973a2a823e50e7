/* Which key management service holds the wrapping keys, as `init` was told and manager.json keeps
 * it. No secrets: a PIN or credentials come with each `run`. */
#ifndef HIN_MANAGER_KMS_SETTINGS_H
#define HIN_MANAGER_KMS_SETTINGS_H

#include "base/option.h"
#include "base/path.h"
#include "base/result.h"
#include "data/json.h"

enum {
    HIN_KMS_TOKEN_MAX = 33,
    HIN_KMS_LINES_MAX = 4096,
    HIN_KMS_REGION_MAX = 64,
    HIN_KMS_ENDPOINT_MAX = 264,
};

enum hin_kms_kind {
    HIN_KMS_FILE, /* the key ring */
    HIN_KMS_PKCS11,
    HIN_KMS_AWS,
};

struct hin_kms_settings {
    enum hin_kms_kind kind;
    char installation[37]; /* a UUID: tells installations at one service apart */
    /* the key ring */
    char tpm[HIN_PATH_MAX]; /* which TPM sealed it: a device, or "swtpm:path=SOCKET"; "": none */
    /* PKCS#11 */
    char module[HIN_PATH_MAX];
    char token[HIN_KMS_TOKEN_MAX];       /* label */
    char environment[HIN_KMS_LINES_MAX]; /* lines NAME=VALUE, for the module */
    char readable[HIN_KMS_LINES_MAX];    /* lines: absolute paths that the module may read */
    char writable[HIN_KMS_LINES_MAX];    /* and write */
    /* AWS KMS */
    char region[HIN_KMS_REGION_MAX];
    char endpoint[HIN_KMS_ENDPOINT_MAX]; /* HOST:PORT; "": the region's */
    char ca_file[HIN_PATH_MAX];          /* "": the system's */
};

/* What `init` takes. */
struct hin_kms_options {
    const char *kind;
    const char *tpm;
    const char *module;
    const char *token;
    struct hin_option_texts environment, readable, writable;
    const char *region;
    const char *endpoint;
    const char *ca_file;
};

#define HIN_KMS_CHOICES "file|pkcs11|aws"

const char *hin_kms_name(enum hin_kms_kind kind); /* "pkcs11" */

/* INVALID: what the kind needs is missing, or what another kind needs was given. */
HIN_RESULT hin_kms_settings_take(const struct hin_kms_options *options,
                                 struct hin_kms_settings *ret_settings, struct hin_error *error)
    __attribute__((nonnull(1, 2)));
/* The member "kms" of manager.json; without one it is the file key ring. */
HIN_RESULT hin_kms_settings_read(struct hin_json root, struct hin_kms_settings *ret_settings,
                                 struct hin_error *error) __attribute__((nonnull(2)));
/* The same of a file that was written by hand: "installation" may be missing, and is "" then. */
HIN_RESULT hin_kms_settings_read_any(struct hin_json root, struct hin_kms_settings *ret_settings,
                                     struct hin_error *error) __attribute__((nonnull(2)));
void hin_kms_settings_write(struct hin_json_writer *writer,
                            const struct hin_kms_settings *settings) HIN_NONNULL;

#endif
