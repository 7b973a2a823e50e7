/* hinomi login: exchange a password for an expiring API key and store the profile. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "base/time.h"
#include "cli/api.h"
#include "cli/cli.h"
#include "crypt/token.h"

struct login_options {
    const char *ca_fingerprint;
    const char *administrator;
    const char *tenant;
    const char *password_file;
    const char *api_key_file;
    char *password; /* into argv, where it is wiped */
    int64_t ttl_usec;
};

static const struct hin_option login_table[] = {
    {"ca-fingerprint", 0, HIN_OPTION_TEXT, offsetof(struct login_options, ca_fingerprint), "HEX",
     "SHA-256 of the manager's authority, as `hinomi-manager init` prints it; without it the "
     "system's authorities decide.",
     NULL, false, false},
    {"administrator", 'u', HIN_OPTION_TEXT, offsetof(struct login_options, administrator), "NAME",
     "Who signs in; \"admin\" unless given, as `hinomi-manager init` names the first one.", NULL,
     false, false},
    {"tenant", 0, HIN_OPTION_TEXT, offsetof(struct login_options, tenant), "NAME",
     "The tenant whose administrator it is; the installation's own unless given.", NULL, false,
     false},
    {"password-file", 0, HIN_OPTION_TEXT, offsetof(struct login_options, password_file), "FILE",
     "Read the password from FILE, or - for standard input; a second line is the new password that "
     "replaces a one-time "
     "one.",
     NULL, false, false},
    {"password", 0, HIN_OPTION_TEXT, offsetof(struct login_options, password), "TEXT",
     "The password itself. Others may see it in the process list: prefer --password-file.", NULL,
     false, true},
    {"api-key-file", 0, HIN_OPTION_TEXT, offsetof(struct login_options, api_key_file), "FILE",
     "Store the API key in FILE (or - for standard input) instead of signing in.", NULL, false,
     false},
    {"ttl", 0, HIN_OPTION_DURATION, offsetof(struct login_options, ttl_usec), "TIME",
     "How long the key is good for; 12h unless given.", NULL, false, false},
};
static const struct hin_command login_usage = {
    "hinomi login",
    "sign in to a manager and store a profile (mode 0600)",
    "URL",
    "Asks for the password on the terminal. A one-time password is exchanged for one of your own; "
    "where there is no\n"
    "terminal and no second line in --password-file, a new password is made and printed once.",
    login_table,
    HIN_COUNT(login_table),
    1,
    1};

static HIN_RESULT read_file(const char *path, struct hin_secret *ret_first,
                            struct hin_secret *ret_second, struct hin_error *error)
{
    FILE *in = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    if (in == NULL) {
        return hin_error_set(error, HIN_NOT_FOUND, path, 0, 0, "cannot be read");
    }
    setvbuf(in, NULL, _IONBF, 0);
    struct hin_result result = hin_secret_read_line(in, ret_first);
    if (hin_is_ok(result) && ret_second != NULL) {
        HIN_IGNORE(hin_secret_read_line(in, ret_second)); /* a second line need not be there */
    }
    if (in != stdin) {
        fclose(in);
    }
    return hin_is_ok(result) ? result
                             : hin_error_set(error, result.code, path, 0, 0, "holds no first line");
}

static HIN_RESULT sign_in(struct hin_cli_api *api, const struct login_options *options,
                          const struct hin_secret *password, const struct hin_secret *fresh,
                          struct hin_json_document **ret_document, struct hin_error *error)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf body;
    hin_buf_init(&body, (size_t)64 * 1024);
    HIN_TRY(hin_buf_reserve(&body, (size_t)32 * 1024));
    struct hin_json_writer writer;
    hin_json_writer_init(&writer, &body, false);
    hin_json_begin_object(&writer);
    hin_json_field_cstring(&writer, "username", options->administrator);
    if (options->tenant != NULL) {
        hin_json_field_cstring(&writer, "tenant", options->tenant);
    }
    hin_json_field_text(&writer, "password", hin_secret_view(password));
    if (fresh->size > 0) {
        hin_json_field_text(&writer, "newPassword", hin_secret_view(fresh));
    }
    hin_json_field_integer(&writer, "ttl", options->ttl_usec / HIN_SEC_USEC);
    hin_json_field_cstring(&writer, "keyName", "hinomi login");
    hin_json_end_object(&writer);
    struct hin_result result = hin_json_writer_finish(&writer);
    if (hin_is_ok(result)) {
        result = hin_cli_api_call(api, HIN_HTTP_POST, "/sessions", hin_buf_view(&body),
                                  ret_document, error);
    }
    hin_wipe(body.data, body.size);
    return result;
}

/* The manager said that the password was good for this once: find another. */
static HIN_RESULT choose_password(struct hin_secret *ret_fresh, bool *ret_made,
                                  struct hin_error *error)
{
    HIN_CLEANUP(hin_secret_done) struct hin_secret again = {0};
    if (isatty(STDIN_FILENO) &&
        hin_is_ok(hin_secret_ask("New password (12 characters at least): ", ret_fresh))) {
        HIN_TRY(hin_secret_ask("The same again: ", &again));
        if (!hin_secret_equal(ret_fresh, &again)) {
            return hin_error_set(error, HIN_INVALID, NULL, 0, 0,
                                 "the two passwords differ; nothing was changed");
        }
        return hin_ok();
    }
    *ret_made = true;
    return hin_token_new(HIN_TOKEN_PASSWORD, ret_fresh);
}

static HIN_RESULT keep_key(struct hin_cli_api *api, struct hin_json_document *document,
                           struct hin_error *error)
{
    struct hin_json root = hin_json_root(document);
    struct hin_view key;
    HIN_TRY(hin_json_get_text(root, "secretKey", &key, error));
    HIN_TRY(hin_secret_from(&api->profile.api_key, key));
    HIN_TRY(
        hin_json_opt_integer(root, "expiryDate", 0, INT64_MAX, &api->profile.expires_msec, error));
    return hin_profile_store(&api->profile, error);
}

/* A password that came on the command line: copied, and wiped there so that the process list no
 * longer shows it. */
static HIN_RESULT take_argument(char *argument, struct hin_secret *ret_secret)
{
    HIN_TRY(hin_secret_from(ret_secret, hin_view_from_text(argument)));
    hin_wipe(argument, strlen(argument));
    fputs("hinomi: a password on the command line is seen by others in the process list and kept "
          "by shells: prefer "
          "--password-file\n",
          stderr);
    return hin_ok();
}

static HIN_RESULT log_in(struct hin_cli_api *api, const struct login_options *options,
                         struct hin_error *error)
{
    HIN_CLEANUP(hin_secret_done) struct hin_secret password = {0};
    HIN_CLEANUP(hin_secret_done) struct hin_secret fresh = {0};
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    bool made = false;
    if (options->password != NULL) {
        HIN_TRY(take_argument(options->password, &password));
    } else if (options->password_file != NULL) {
        HIN_TRY(read_file(options->password_file, &password, &fresh, error));
    } else if (!hin_is_ok(hin_secret_ask("Password: ", &password))) {
        return hin_error_set(error, HIN_INVALID, NULL, 0, 0,
                             "no password: there is no terminal to ask on; use --password-file");
    }
    struct hin_result result = sign_in(api, options, &password, &fresh, &document, error);
    if (result.code == HIN_CONFLICT && fresh.size == 0) {
        HIN_TRY(choose_password(&fresh, &made, error));
        result = sign_in(api, options, &password, &fresh, &document, error);
    }
    HIN_TRY(result);
    if (made) {
        printf("The one-time password is used up. The new password of %s, shown this once:\n%.*s\n",
               options->administrator, HIN_ARGS(hin_secret_view(&fresh)));
    }
    return keep_key(api, document, error);
}

static HIN_RESULT adopt_key(struct hin_cli_api *api, const char *path, struct hin_error *error)
{
    HIN_TRY(read_file(path, &api->profile.api_key, NULL, error));
    HIN_TRY(hin_cli_api_call(api, HIN_HTTP_GET, "/apikeys/current", HIN_VIEW_EMPTY, NULL, error));
    return hin_profile_store(&api->profile, error);
}

static int run_login(int argc, char **argv)
{
    struct login_options options = {.administrator = "admin", .ttl_usec = 12 * HIN_HOUR_USEC};
    char **operands = NULL;
    size_t count = 0;
    int status = 0;
    if (!hin_cli_parse(&login_usage, argc, argv, &options, &operands, &count, &status)) {
        return status;
    }
    struct hin_error error = {0};
    HIN_CLEANUP(hin_cli_api_done) struct hin_cli_api api = {0};
    struct hin_result result =
        hin_cli_api_connect_to(&api, operands[0], options.ca_fingerprint, &error);
    if (hin_is_ok(result)) {
        result = options.api_key_file != NULL ? adopt_key(&api, options.api_key_file, &error)
                                              : log_in(&api, &options, &error);
    }
    if (!hin_is_ok(result)) {
        return hin_cli_finish(result, &error);
    }
    printf("Signed in to %s.\n", api.profile.url);
    return HIN_CLI_OK;
}

static const struct hin_cli_command login_commands[] = {{&login_usage, run_login}};
const struct hin_cli_group hin_cli_group_login = {"login", "sign in to a manager", login_commands,
                                                  HIN_COUNT(login_commands)};
