/* Wrapping keys for a command: of whatever service an installation's settings name, used by this
 * process for a while, without a manager. */
#ifndef HIN_MANAGER_KMS_ACCESS_H
#define HIN_MANAGER_KMS_ACCESS_H

#include "keys/ring.h"
#include "manager/kms/aws.h"
#include "manager/kms/hand.h"

/* What opens it, from the command line; `name` of each may be set before. */
struct hin_kms_sources {
    struct hin_passphrase_source passphrase; /* of a file ring, or the PIN of its TPM */
    struct hin_passphrase_source secret;     /* the PIN of a token, or credentials of AWS */
};

enum hin_kms_use {
    HIN_KMS_USE_READ,  /* unwraps alone; a ring may be another process's meanwhile */
    HIN_KMS_USE_WRITE, /* makes keys too */
    HIN_KMS_USE_ALONE, /* the same, and nobody else may have the ring: CONFLICT */
};

/* Zeroed: closed. Must not move while it is open. */
struct hin_kms_access {
    const struct hin_manager_config *config;
    struct hin_secret secret;
    struct hin_ring *ring; /* NULL: the service is no file */
    struct hin_kms_alone alone;
    struct hin_kms_aws aws;
    struct hin_key_provider provider;
    bool made, pin, pin_refused; /* pin_refused: by a TPM, which counts */
};

/* Of `config` its kms, keyring and uid_base are taken; config, sources and error are borrowed until
 * _close. error says what is wrong. */
HIN_RESULT hin_kms_access_open(struct hin_kms_access *access,
                               const struct hin_role_program *program,
                               const struct hin_manager_config *config, enum hin_kms_use use,
                               struct hin_kms_sources *sources,
                               struct hin_error *error) HIN_NONNULL;
/* For a new installation: makes the ring, or the installation's key in the service. pcrs: of a ring
 * that a TPM seals. One that a call which was cut off has made in the service is taken as it is. */
HIN_RESULT hin_kms_access_create(struct hin_kms_access *access,
                                 const struct hin_role_program *program,
                                 const struct hin_manager_config *config, uint32_t pcrs,
                                 struct hin_kms_sources *sources,
                                 struct hin_error *error) HIN_NONNULL;
/* What _create has made is not wanted after all; best effort. First the keys of tenants, which only
 * a service keeps when it is not told. */
void hin_kms_access_drop_tenant(struct hin_kms_access *access, struct hin_view tenant) HIN_NONNULL;
void hin_kms_access_drop(struct hin_kms_access *access) HIN_NONNULL;
/* Fine on a zeroed one. */
void hin_kms_access_close(struct hin_kms_access *access) HIN_NONNULL;

/* What the command of a new installation says about how its ring is guarded: on standard error.
 * prefix: of its options, "" or "new-". */
void hin_kms_access_advise(const struct hin_kms_access *access, const char *prefix,
                           uint32_t pcrs) HIN_NONNULL;

/* Settings in a file: a copy of an installation's manager.json, or an object with the member "kms"
 * as it stands there. Into kms, keyring ("" where there is none) and uid_base (where there is one)
 * of config; "installation" may be missing. */
HIN_RESULT hin_kms_access_settings(const char *path, struct hin_manager_config *config,
                                   struct hin_error *error) HIN_NONNULL;

/* The ring opens all that the state folder holds: whoever takes the one must not have the other.
 * INVALID: it would lie inside. By real paths, since a link may lead back inside; folders that do
 * not exist are none. */
HIN_RESULT hin_kms_keyring_check(const char *keyring, const char *state,
                                 struct hin_error *error) HIN_NONNULL;

#endif
