#include "cli/log_engine.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "base/map.h"
#include "base/path.h"
#include "base/terminal.h"
#include "policy/ruleset.h"

#define ZONE_MAX_BYTES ((size_t)1 << 20)

static bool is_folder(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

/* Our own rules: build/hinomi finds them in the source tree, bin/hinomi under share. */
static HIN_RESULT own_folder(char *out, size_t out_bytes)
{
    static const char *const places[] = {"content/log", "../content/log",
                                         "../share/hinomi/content/log"};
    char self[HIN_PATH_MAX];
    const char *given = getenv("HINOMI_RULES");
    if (given != NULL && given[0] != '\0') {
        return hin_path_join(out, out_bytes, "", given);
    }
    HIN_TRY(hin_path_of_program(self));
    for (size_t i = 0; i < HIN_COUNT(places); i++) {
        HIN_TRY(hin_path_join(out, out_bytes, self, places[i]));
        if (is_folder(out)) {
            return hin_ok();
        }
    }
    return hin_fail(HIN_NOT_FOUND);
}

/* ~/.cache/hinomi/rules-HASH; false: no place for a cache. */
static bool cache_place(const char *folder, char *out, size_t out_bytes)
{
    static const uint64_t key[2] = {0x72756c6573, 0x6361636865};
    char base[HIN_PATH_MAX], full[HIN_PATH_MAX], name[64];
    const char *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    if (realpath(folder, full) == NULL) {
        return false;
    }
    struct hin_result result = hin_fail(HIN_NOT_FOUND);
    if (xdg != NULL && xdg[0] == '/') {
        result = hin_path_join(base, sizeof(base), xdg, "hinomi");
    } else if (home != NULL && home[0] == '/') {
        result = hin_path_join(base, sizeof(base), home, ".cache/hinomi");
    }
    snprintf(name, sizeof(name), "rules-%016llx",
             (unsigned long long)hin_siphash(key, hin_view_from_text(full)));
    return hin_is_ok(result) && hin_is_ok(hin_directory_make(base, 0700)) &&
           hin_is_ok(hin_path_join(out, out_bytes, base, name));
}

void hin_cli_rules_print(const struct hin_log_rules *rules, bool only_errors)
{
    for (size_t i = 0; i < hin_log_rules_diagnostic_count(rules); i++) {
        const struct hin_log_diagnostic *d = hin_log_rules_diagnostic(rules, i);
        if (d->severity == HIN_LOG_RULES_ERROR || !only_errors) {
            hin_terminal_line(stderr, "%s:%u:%u: %s: %s", d->file, d->line, d->column,
                              d->severity == HIN_LOG_RULES_ERROR ? "error" : "warning", d->text);
        }
    }
}

HIN_RESULT hin_cli_rules_open(const char *folder, bool cache, struct hin_error *error,
                              struct hin_log_rules **ret_rules)
{
    char own[HIN_PATH_MAX], place[HIN_PATH_MAX];
    struct hin_ruleset *set HIN_CLEANUP(hin_ruleset_freep) = NULL;
    struct hin_log_rules *rules HIN_CLEANUP(hin_log_rules_freep) = NULL;
    if (folder == NULL) {
        if (!hin_is_ok(own_folder(own, sizeof(own)))) {
            return hin_error_set(error, HIN_NOT_FOUND, NULL, 0, 0,
                                 "no rules are installed here: name a folder with --rules");
        }
        folder = own;
    }
    HIN_TRY(hin_ruleset_read(folder, error, &set));
    bool place_known = cache && cache_place(folder, place, sizeof(place));
    HIN_TRY(hin_ruleset_load(set, place_known ? place : NULL, &rules));
    if (hin_log_rules_error_count(rules) > 0) {
        hin_cli_rules_print(rules, true);
        return hin_error_set(error, HIN_SYNTAX, folder, 0, 0,
                             "this rule set is refused: %zu of its files are wrong",
                             hin_log_rules_error_count(rules));
    }
    *ret_rules = rules;
    rules = NULL;
    return hin_ok();
}

static HIN_RESULT read_zone(const char *path, struct hin_zone *ret_zone)
{
    struct hin_buf buf HIN_CLEANUP(hin_buf_done) = {0};
    hin_buf_init(&buf, ZONE_MAX_BYTES);
    HIN_TRY(hin_file_read(AT_FDCWD, path, &buf));
    return hin_zone_parse(hin_buf_view(&buf), ret_zone);
}

HIN_RESULT hin_cli_zone(const char *name, struct hin_zone *ret_zone, struct hin_error *error)
{
    char path[HIN_PATH_MAX] = "/etc/localtime";
    const char *tz = name != NULL ? name : getenv("TZ");
    struct hin_result result = hin_ok();
    if (tz != NULL && tz[0] != '\0') {
        tz += tz[0] == ':';
        result = strstr(tz, "..") == NULL && tz[0] != '/'
                     ? hin_path_join(path, sizeof(path), "/usr/share/zoneinfo", tz)
                     : hin_fail(HIN_INVALID);
    }
    if (hin_is_ok(result)) {
        result = read_zone(path, ret_zone);
    }
    if (hin_is_ok(result)) {
        return result;
    }
    bool utc = name != NULL && (strcmp(name, "UTC") == 0 || strcmp(name, "Etc/UTC") == 0);
    if (name == NULL || utc) { /* a host without zone files */
        hin_zone_utc(ret_zone);
        return hin_ok();
    }
    return hin_error_set(error, HIN_INVALID, NULL, 0, 0,
                         "--zone %s: there is no such zone (names are those below "
                         "/usr/share/zoneinfo, such as Europe/Berlin)",
                         name);
}
