/* The profile file; what was read must be stored and read again the same. */
#include "cli/profile.h"

#include <string.h>

#include "../scratch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[HIN_PATH_MAX];
    struct hin_error error = {0};
    struct hin_profile profile = {0}, again = {0};
    scratch_require(
        hin_is_ok(hin_path_join(path, sizeof(path), scratch_folder(), "profile.json")) &&
        setenv("HINOMI_PROFILE", path, 1) == 0);
    scratch_write("profile.json", hin_view_of(data, size), 0600);
    if (!hin_is_ok(hin_profile_load(&profile, &error))) {
        scratch_require(error.text[0] != '\0' || size > 0);
        return 0;
    }
    scratch_require(hin_is_ok(hin_profile_store(&profile, &error)) &&
                    hin_is_ok(hin_profile_load(&again, &error)));
    scratch_require(
        strcmp(profile.url, again.url) == 0 &&
        strcmp(profile.ca_fingerprint, again.ca_fingerprint) == 0 &&
        profile.expires_msec == again.expires_msec &&
        hin_view_equal(hin_secret_view(&profile.api_key), hin_secret_view(&again.api_key)));
    hin_profile_done(&profile);
    hin_profile_done(&again);
    return 0;
}
