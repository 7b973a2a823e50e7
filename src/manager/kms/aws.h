/* AWS KMS as the manager's service: what `keys` (and `init`) are given, and the provider made of
 * it. Credentials and trust are theirs; kms only moves bytes (mover.h). */
#ifndef HIN_MANAGER_KMS_AWS_H
#define HIN_MANAGER_KMS_AWS_H

#include "kms/aws/provider.h"
#include "manager/config.h"
#include "manager/kms/mover.h"
#include "role/parent.h"

#define HIN_KMS_AUTHORITIES_MAX ((size_t)4 << 20) /* of a CA file */

struct hin_kms_aws {
    struct hin_kms_mover mover;
    struct hin_aws *aws; /* NULL: not this service */
};
/* Where the endpoint is: by the settings, else by the region. */
HIN_RESULT hin_kms_aws_endpoint(const struct hin_kms_settings *settings,
                                struct hin_manager_endpoint *ret_endpoint) HIN_NONNULL;
/* In this process, over the mover that the caller has filled in. */
HIN_RESULT hin_kms_aws_open(struct hin_kms_aws *aws, const struct hin_kms_settings *settings,
                            const struct hin_secret *credentials,
                            struct hin_error *error) HIN_NONNULL;
void hin_kms_aws_close(struct hin_kms_aws *aws) HIN_NONNULL;

/* The parent's part: what `keys` gets. Nothing for other services. */
HIN_RESULT hin_kms_aws_hand(struct hin_role_hand *hand, const struct hin_kms_settings *settings,
                            const struct hin_secret *credentials,
                            struct hin_error *error) HIN_NONNULL;
/* That of `keys`: opened when it was given. Takes the descriptors. */
HIN_RESULT hin_kms_aws_take(struct hin_kms_aws *aws, struct hin_role *role,
                            struct hin_error *error) HIN_NONNULL;

#endif
