/* A key ring that a TPM 2 sealed, seen by `init` and `run`: its secret is asked for once, from
 * `hinomi-tpm`, which ends then; from there on it is what a pass phrase would be. So a manager that
 * runs does not need the TPM any more. */
#ifndef HIN_MANAGER_KMS_RINGSEAL_H
#define HIN_MANAGER_KMS_RINGSEAL_H

#include "base/secret.h"
#include "keys/ring.h"
#include "manager/config.h"
#include "role/parent.h"

/* "0,2,7" to bits; "none". INVALID. */
HIN_RESULT hin_ringseal_pcrs(const char *text, uint32_t *ret_pcrs, struct hin_error *error);

/* What guards a new ring: ret_secret is random, *ret_tpm what the TPM made of it. pin may be empty.
 */
HIN_RESULT hin_ringseal_new(const struct hin_role_program *program,
                            const struct hin_manager_config *config, uint32_t pcrs,
                            const struct hin_secret *pin, struct hin_ring_tpm *ret_tpm,
                            struct hin_secret *ret_secret, struct hin_error *error) HIN_NONNULL;
/* Of the ring that config names: *secret (PIN or pass phrase as it was given) is replaced by what
 * opens it. Nothing is done for a ring that no TPM sealed. */
HIN_RESULT hin_ringseal_open(const struct hin_role_program *program,
                             const struct hin_manager_config *config, struct hin_secret *secret,
                             struct hin_error *error) HIN_NONNULL;

#endif
