/* The profile file; what was read must be stored and read again the same, wherever the environment
 * says that it stands. */
#include "cli/profile.h"

#include <string.h>
#include <sys/stat.h>

#include "../scratch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The three places of a profile, as the environment names them. */
static const struct place {
    const char *variable;
    const char *value; /* in the scratch folder */
    const char *file;  /* what that makes of it */
} places[] = {
    {"HINOMI_PROFILE", "profile.json", "profile.json"},
    {"XDG_CONFIG_HOME", "config", "config/hinomi/profile.json"},
    {"HOME", "home", "home/.config/hinomi/profile.json"},
};

static void path_of(char out[HIN_PATH_MAX], const char *name)
{
    scratch_require(hin_is_ok(hin_path_join(out, HIN_PATH_MAX, scratch_folder(), name)));
}

/* NULL: no place at all. */
static void use_place(const struct place *place)
{
    char path[HIN_PATH_MAX];
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        scratch_require(unsetenv(places[i].variable) == 0);
    }
    if (place != NULL) {
        path_of(path, place->value);
        scratch_require(setenv(place->variable, path, 1) == 0);
    }
}

static void must_be_same(const struct hin_profile *one, const struct hin_profile *other)
{
    scratch_require(
        strcmp(one->url, other->url) == 0 &&
        strcmp(one->ca_fingerprint, other->ca_fingerprint) == 0 &&
        one->expires_msec == other->expires_msec &&
        hin_view_equal(hin_secret_view(&one->api_key), hin_secret_view(&other->api_key)));
}

/* Stored here it is read again the same, but not once others may read it, or it is gone. */
static void store_at(const struct place *place, const struct hin_profile *profile)
{
    char path[HIN_PATH_MAX];
    struct hin_error error = {0};
    struct hin_profile again = {0}, none = {0};
    use_place(place);
    path_of(path, place->file);
    scratch_require(hin_is_ok(hin_profile_store(profile, &error)) &&
                    hin_is_ok(hin_profile_load(&again, &error)));
    must_be_same(profile, &again);
    hin_profile_done(&again);
    scratch_require(chmod(path, 0640) == 0 && hin_profile_load(&none, &error).code == HIN_DENIED);
    scratch_require(unlink(path) == 0 && hin_profile_load(&none, &error).code == HIN_NOT_FOUND);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hin_error error = {0};
    struct hin_profile profile = {0}, none = {0};
    use_place(&places[0]);
    scratch_write(places[0].file, hin_view_of(data, size), 0600);
    if (!hin_is_ok(hin_profile_load(&profile, &error))) {
        scratch_require(error.text[0] != '\0' || size > 0);
        return 0;
    }
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        store_at(&places[i], &profile);
    }
    use_place(NULL);
    scratch_require(hin_profile_load(&none, &error).code == HIN_NOT_FOUND &&
                    hin_profile_store(&profile, &error).code == HIN_NOT_FOUND);
    hin_profile_done(&profile);
    return 0;
}
