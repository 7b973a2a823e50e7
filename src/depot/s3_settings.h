/* Where an object store is and how it is spoken to: pure, from URL and settings. */
#ifndef HIN_DEPOT_S3_SETTINGS_H
#define HIN_DEPOT_S3_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/result.h"
#include "depot/depot.h"

enum { HIN_S3_BUCKET_MAX = 63, HIN_S3_PREFIX_MAX = 512, HIN_S3_HOST_MAX = 330 };

/* Settings ("name=value"):
 *   region=REGION         as the bucket's; AWS's own names ("eu-central-1") or what the store wants
 *   endpoint=https://HOST[:PORT]   https://s3.REGION.amazonaws.com where it is not given
 *   addressing=path|host  the bucket in the path, or before the host's name; host where no endpoint
 *                         is given, else path
 *   ca-file=PATH          PEM: who may vouch for the endpoint; the system's authorities otherwise
 *   kms-key=ID            SSE-KMS under this key (id, ARN or alias; "default": the account's key
 * for S3). A store that does not confirm it is refused owner=TEXT            whose it is: bound as
 * encryption context and kept as metadata part-mib=5..64        objects beyond this many MiB go in
 * parts of that size, of which there may be 10,000; 8 */
struct hin_s3_settings {
    char bucket[HIN_S3_BUCKET_MAX + 1];
    char prefix[HIN_S3_PREFIX_MAX + 2]; /* "" or with a '/' at its end */
    char region[HIN_DEPOT_REGION_MAX + 1];
    char host[HIN_S3_HOST_MAX]; /* the header Host: with the port where it is not 443 */
    uint16_t port;
    bool in_path; /* the bucket */
    char ca_file[512];
    char kms_key[256];
    char owner[65];
    size_t part_bytes;
};

/* INVALID, with what is wrong. error may be NULL. */
HIN_RESULT hin_s3_settings_read(const char *url, const char *const *settings,
                                struct hin_s3_settings *ret_settings, struct hin_error *error)
    __attribute__((nonnull(1, 3)));

#endif
