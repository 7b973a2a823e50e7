#include "cli/profile.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "harness.h"

static void use_profile(char *path, size_t path_bytes)
{
    snprintf(path, path_bytes, "%s/config/profile.json", test_folder());
    setenv("HINOMI_PROFILE", path, 1);
}

TEST(test_cli_profile__is_stored_for_its_owner_alone_and_read_back)
{
    char path[HIN_PATH_MAX];
    use_profile(path, sizeof(path));
    struct hin_profile profile = {
        .url = "https://127.0.0.1:4119", .ca_fingerprint = "ab", .expires_msec = 42};
    struct hin_error error = {0};
    CHECK_OK(hin_secret_from(&profile.api_key, HIN_VIEW("hin_key_x")));
    CHECK_OK(hin_profile_store(&profile, &error));
    hin_profile_done(&profile);
    struct stat status;
    CHECK(stat(path, &status) == 0);
    CHECK_INT(status.st_mode & 07777, 0600);
    struct hin_profile back = {0};
    CHECK_OK(hin_profile_load(&back, &error));
    CHECK_VIEW(hin_view_from_text(back.url), "https://127.0.0.1:4119");
    CHECK_VIEW(hin_secret_view(&back.api_key), "hin_key_x");
    CHECK(back.expires_msec == 42);
    hin_profile_done(&back);
}

TEST(test_cli_profile__refuses_a_file_that_others_may_read)
{
    char path[HIN_PATH_MAX];
    use_profile(path, sizeof(path));
    struct hin_profile profile = {.url = "https://h"};
    struct hin_error error = {0};
    CHECK_OK(hin_secret_from(&profile.api_key, HIN_VIEW("k")));
    CHECK_OK(hin_profile_store(&profile, &error));
    hin_profile_done(&profile);
    CHECK(chmod(path, 0640) == 0);
    CHECK_CODE(hin_profile_load(&profile, &error), DENIED);
    CHECK(error.text[0] != '\0');
}

TEST(test_cli_profile__says_where_an_error_stands)
{
    char path[HIN_PATH_MAX];
    use_profile(path, sizeof(path));
    struct hin_profile profile = {0};
    struct hin_error error = {0};
    CHECK_CODE(hin_profile_load(&profile, &error), NOT_FOUND);
    char folder[HIN_PATH_MAX];
    snprintf(folder, sizeof(folder), "%s/config", test_folder());
    CHECK_OK(hin_directory_make(folder, 0700));
    CHECK_OK(hin_file_replace(AT_FDCWD, path, HIN_VIEW("{\"url\": \"https://h\",\n \"apiKey\" 7}"),
                              0600));
    CHECK_CODE(hin_profile_load(&profile, &error), SYNTAX);
    CHECK_INT(error.line, 2);
    CHECK_VIEW(hin_view_from_text(error.file), path);
}
