#include "depot/sftp_settings.h"

#include <stdio.h>

#include "base/bytes.h"
#include "base/path.h"
#include "depot/settings.h"

static bool is_path(struct hin_view value)
{
    return hin_depot_is_made_of(value, "._-/") && hin_path_is_clean(value);
}

#define SETTING(member, name)                                                                      \
    HIN_DEPOT_SETTING(struct hin_sftp_settings, member, name, is_path,                             \
                      "an absolute path of letters, digits and \"._-/\"")
static const struct hin_depot_setting table[] = {
    SETTING(identity_file, "identity-file"),
    SETTING(host_key_file, "host-key-file"),
};

static bool is_word(struct hin_view value, const char *others)
{
    return hin_depot_is_made_of(value, others) &&
           value.data[0] != '-'; /* which would be an option of ssh */
}

static bool is_port(struct hin_view value)
{
    int64_t port = 0;
    return hin_is_ok(hin_view_to_i64(value, &port)) && port >= 1 && port <= 65535;
}

/* "HOST", "HOST:PORT", "[ADDRESS]", "[ADDRESS]:PORT" */
static HIN_RESULT read_authority(struct hin_view text, struct hin_sftp_settings *settings)
{
    struct hin_view host = text, port = HIN_VIEW("22");
    bool is_address = text.size > 0 && text.data[0] == '[';
    if (is_address) {
        size_t end = hin_view_find_byte(text, ']');
        HIN_ENSURE(end != SIZE_MAX, INVALID);
        host = hin_view_sub(text, 1, end - 1);
        text = hin_view_sub(text, end + 1, text.size);
        HIN_ENSURE(text.size == 0 || text.data[0] == ':', INVALID);
        port = text.size > 0 ? hin_view_sub(text, 1, text.size) : port;
    } else if (hin_view_find_byte(text, ':') != SIZE_MAX) {
        size_t colon = hin_view_find_byte(text, ':');
        host = hin_view_sub(text, 0, colon);
        port = hin_view_sub(text, colon + 1, text.size);
    }
    HIN_ENSURE(is_word(host, is_address ? ":." : "-.") && is_port(port), INVALID);
    HIN_TRY(hin_view_to_text(host, settings->host, sizeof(settings->host)));
    return hin_view_to_text(port, settings->port, sizeof(settings->port));
}

static HIN_RESULT read_url(struct hin_view rest, struct hin_sftp_settings *settings)
{
    struct hin_view user = HIN_VIEW_EMPTY, authority = HIN_VIEW_EMPTY;
    rest = hin_view_sub(rest, sizeof("sftp://") - 1, rest.size);
    size_t slash = hin_view_find_byte(rest, '/'), at = hin_view_find_byte(rest, '@');
    HIN_ENSURE(slash != SIZE_MAX && at != SIZE_MAX && at < slash, INVALID);
    user = hin_view_sub(rest, 0, at);
    authority = hin_view_sub(rest, at + 1, slash - at - 1);
    struct hin_view folder = hin_view_sub(rest, slash, rest.size);
    while (folder.size > 1 && folder.data[folder.size - 1] == '/') {
        folder.size--;
    }
    HIN_ENSURE(is_word(user, "._-"), INVALID);
    HIN_TRY(read_authority(authority, settings));
    HIN_TRY(hin_view_to_text(user, settings->user, sizeof(settings->user)));
    if (hin_view_is(folder, "/~")) {
        return hin_view_to_text(HIN_VIEW("."), settings->folder, sizeof(settings->folder));
    }
    bool at_home = hin_view_starts_with(folder, HIN_VIEW("/~/"));
    struct hin_view checked = at_home ? hin_view_sub(folder, 2, folder.size) : folder;
    HIN_ENSURE(hin_path_is_clean(checked) && hin_view_find_byte(checked, '%') == SIZE_MAX, INVALID);
    if (at_home) {
        checked = hin_view_sub(checked, 1, checked.size);
    }
    return hin_view_to_text(checked, settings->folder, sizeof(settings->folder));
}

HIN_RESULT hin_sftp_settings_read(const char *url, const char *const *settings,
                                  struct hin_sftp_settings *ret_settings, struct hin_error *error)
{
    struct hin_sftp_settings read = {0};
    HIN_TRY(hin_depot_settings_read(table, HIN_COUNT(table), settings, &read, error));
    if (!hin_is_ok(read_url(hin_view_from_text(url), &read))) {
        return hin_error_set(error, HIN_INVALID, NULL, 0, 0,
                             "%s: write sftp://USER@HOST[:PORT]/FOLDER, or /~/FOLDER for one in "
                             "the user's home",
                             url);
    }
    if (read.identity_file[0] == '\0' || read.host_key_file[0] == '\0') {
        return hin_error_set(error, HIN_INVALID, NULL, 0, 0, "%s: the setting %s=PATH is missing",
                             url,
                             read.identity_file[0] == '\0' ? "identity-file" : "host-key-file");
    }
    *ret_settings = read;
    return hin_ok();
}
