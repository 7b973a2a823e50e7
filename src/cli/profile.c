#include "cli/profile.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "data/json.h"

#define PROFILE_BYTES ((size_t)64 * 1024)

struct hin_result hin_profile_path(char out[HIN_PATH_MAX], struct hin_error *error)
{
    const char *given = getenv("HINOMI_PROFILE");
    if (given != NULL && given[0] != '\0') {
        return hin_path_join(out, HIN_PATH_MAX, "", given);
    }
    const char *config = getenv("XDG_CONFIG_HOME");
    if (config != NULL && config[0] == '/') {
        return hin_path_join(out, HIN_PATH_MAX, config, "hinomi/profile.json");
    }
    const char *home = getenv("HOME");
    if (home == NULL || home[0] == '\0') {
        return hin_error_set(error, HIN_NOT_FOUND, NULL, 0, 0,
                             "HOME is not set: say with HINOMI_PROFILE where the profile stands");
    }
    return hin_path_join(out, HIN_PATH_MAX, home, ".config/hinomi/profile.json");
}

static HIN_RESULT copy_text(struct hin_json root, const char *key, char *out, size_t out_bytes,
                            struct hin_error *error)
{
    struct hin_view text = HIN_VIEW_EMPTY;
    HIN_TRY(hin_json_opt_text(root, key, &text, error));
    return hin_view_to_text(text, out, out_bytes);
}

static HIN_RESULT read_profile(struct hin_view text, struct hin_profile *profile,
                               struct hin_error *error)
{
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    HIN_TRY(hin_json_parse(text, PROFILE_BYTES, &document, error));
    struct hin_json root = hin_json_root(document);
    HIN_TRY(copy_text(root, "url", profile->url, sizeof(profile->url), error));
    HIN_TRY(copy_text(root, "caFingerprint", profile->ca_fingerprint,
                      sizeof(profile->ca_fingerprint), error));
    HIN_TRY(hin_json_opt_integer(root, "expiryDate", 0, INT64_MAX, &profile->expires_msec, error));
    struct hin_view key;
    HIN_TRY(hin_json_get_text(root, "apiKey", &key, error));
    return hin_secret_from(&profile->api_key, key);
}

struct hin_result hin_profile_load(struct hin_profile *ret_profile, struct hin_error *error)
{
    char path[HIN_PATH_MAX];
    HIN_TRY(hin_profile_path(path, error));
    HIN_CLEANUP_FD int fd = -1;
    struct stat status;
    if (!hin_is_ok(hin_fd_open(AT_FDCWD, path, O_RDONLY, 0, &fd)) || fstat(fd, &status) != 0) {
        return hin_error_set(error, HIN_NOT_FOUND, path, 0, 0,
                             "no profile: log in first with `hinomi login URL`");
    }
    if ((status.st_mode & 077) != 0) {
        return hin_error_set(error, HIN_DENIED, path, 0, 0,
                             "others may read this file: chmod 600 it, and sign in again");
    }
    HIN_CLEANUP(hin_buf_done) struct hin_buf buf;
    hin_buf_init(&buf, PROFILE_BYTES);
    HIN_TRY(hin_fd_read_all(fd, &buf));
    struct hin_profile profile = {0};
    struct hin_result result = read_profile(hin_buf_view(&buf), &profile, error);
    hin_wipe(buf.data, buf.size);
    if (!hin_is_ok(result)) {
        hin_profile_done(&profile);
        snprintf(error->file, sizeof(error->file), "%s", path);
        return result;
    }
    *ret_profile = profile;
    return hin_ok();
}

static HIN_RESULT make_folder(const char *path)
{
    char folder[HIN_PATH_MAX];
    const char *base = hin_path_base(path);
    HIN_TRY(hin_view_to_text(hin_view_of(path, (size_t)(base - path)), folder, sizeof(folder)));
    return folder[0] != '\0' ? hin_directory_make(folder, 0700) : hin_ok();
}

struct hin_result hin_profile_store(const struct hin_profile *profile, struct hin_error *error)
{
    char path[HIN_PATH_MAX];
    HIN_TRY(hin_profile_path(path, error));
    HIN_CLEANUP(hin_buf_done) struct hin_buf buf;
    hin_buf_init(&buf, PROFILE_BYTES);
    HIN_TRY(hin_buf_reserve(&buf, PROFILE_BYTES /
                                      2)); /* so that no half copy of the key is left behind */
    struct hin_json_writer writer;
    hin_json_writer_init(&writer, &buf, true);
    hin_json_begin_object(&writer);
    hin_json_field_cstring(&writer, "url", profile->url);
    hin_json_field_cstring(&writer, "caFingerprint", profile->ca_fingerprint);
    hin_json_field_text(&writer, "apiKey", hin_secret_view(&profile->api_key));
    hin_json_field_integer(&writer, "expiryDate", profile->expires_msec);
    hin_json_end_object(&writer);
    struct hin_result result = hin_json_writer_finish(&writer);
    if (hin_is_ok(result)) {
        result = make_folder(path);
    }
    if (hin_is_ok(result)) {
        result = hin_file_replace(AT_FDCWD, path, hin_buf_view(&buf), 0600);
    }
    hin_wipe(buf.data, buf.size);
    if (!hin_is_ok(result)) {
        return hin_error_set(error, result.code, path, 0, 0, "the profile cannot be written: %s",
                             hin_code_text(result.code));
    }
    return hin_ok();
}

void hin_profile_done(struct hin_profile *profile)
{
    hin_secret_done(&profile->api_key);
}
