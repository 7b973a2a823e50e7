/* What `hinomi login` keeps: where the manager is, how to know it, and an expiring API key. One
 * JSON file, mode 0600: $HINOMI_PROFILE, or $XDG_CONFIG_HOME/hinomi/profile.json, or
 * ~/.config/hinomi/profile.json. */
#ifndef HIN_CLI_PROFILE_H
#define HIN_CLI_PROFILE_H

#include "base/buf.h"
#include "base/path.h"
#include "base/result.h"
#include "base/secret.h"

struct hin_profile {
    char url[1024];          /* "https://HOST:PORT" */
    char ca_fingerprint[65]; /* hex, or "" to trust the system's authorities */
    struct hin_secret api_key;
    int64_t expires_msec; /* 0 = never */
};

/* Where the profile stands. */
HIN_RESULT hin_profile_path(char out[HIN_PATH_MAX], struct hin_error *error);
/* NOT_FOUND says to log in; DENIED when others may read the file. */
HIN_RESULT hin_profile_load(struct hin_profile *ret_profile, struct hin_error *error);
HIN_RESULT hin_profile_store(const struct hin_profile *profile, struct hin_error *error);
void hin_profile_done(struct hin_profile *profile);

#endif
