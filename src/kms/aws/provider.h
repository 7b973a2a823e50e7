/* AWS KMS as a key management service: one symmetric KMS key for each version of a tenant's key, so
 * that each can be disabled and deleted alone (docs/decisions/0019). Found by alias:
 *   alias/hinomi/INSTALLATION/TENANT/VERSION   each version
 *   alias/hinomi/INSTALLATION/TENANT/current   the one that wraps
 * ("." of a tenant's name, which aliases cannot hold, is written ":"; the installation is ":own").
 * A key's description is "hinomi/INSTALLATION/TENANT/VERSION", by which the current one is told.
 *
 * Wrapped key, version 1 (little-endian):
 *   0  "HWA" 1      magic and version
 *   4  u32 version  of the tenant's key
 *   8  what Encrypt answered as CiphertextBlob
 * Encryption context: tenant, keyId (hex), purpose, version, wrappedUnder.
 *
 * Signing and TLS are done here, in `keys`; the bytes are moved by somebody else (link.h).
 * Destroying disables at once and schedules deletion in 7 days, the shortest that AWS has; until
 * then generate is CONFLICT. Not thread-safe. */
#ifndef HIN_KMS_AWS_PROVIDER_H
#define HIN_KMS_AWS_PROVIDER_H

#include "aws/credentials.h"
#include "base/result.h"
#include "base/time.h"
#include "base/view.h"
#include "keys/provider.h"
#include "kms/aws/link.h"

#define HIN_AWS_VERSIONS_MAX 256

struct hin_aws;

struct hin_aws_options {
    const char *region;                              /* "eu-central-1" */
    const char *host;                                /* of the endpoint */
    uint16_t port;                                   /* 443 */
    const char *installation;                        /* a UUID */
    struct hin_view credentials;                     /* text of credentials.h */
    struct hin_view authorities;                     /* PEM; who may vouch for the endpoint */
    const struct hin_aws_pipe *pipe;                 /* copied */
    const struct hin_clock *clock;                   /* NULL = the machine's */
    void (*sleep)(void *context, int64_t usec);      /* NULL = nanosleep(2) */
    void (*notice)(void *context, const char *text); /* a failure that people should know of */
    void *context;                                   /* of both */
};

/* Connects to nothing yet. SYNTAX: credentials or authorities; INVALID. error may be NULL. */
HIN_RESULT hin_aws_new(struct hin_aws **ret_aws, const struct hin_aws_options *options,
                       struct hin_error *error) __attribute__((nonnull(1, 2)));
void hin_aws_free(struct hin_aws *aws);
static inline void hin_aws_freep(struct hin_aws **aws)
{
    hin_aws_free(*aws);
}
struct hin_key_provider hin_aws_provider(struct hin_aws *aws) HIN_NONNULL;
/* "kms.REGION.amazonaws.com" (".cn" for China). */
void hin_aws_host(const char *region, char *out, size_t out_bytes) HIN_NONNULL;

#endif
