/* What is read from: the destination, and which of the backups there. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "base/terminal.h"
#include "manager/restore/restoration.h"

HIN_RESULT hin_restore_open_depot(struct hin_restoration *restore)
{
    char path[HIN_PATH_MAX], url[HIN_PATH_MAX + 8];
    const char *from = restore->options.wish.from;
    if (strstr(from, "://") == NULL) {
        HIN_TRY(hin_path_absolute(from, path));
        snprintf(url, sizeof(url), "file://%s", path);
        from = url;
    }
    struct hin_depot_options options = {.url = from, .directory = -1, .read_only = true};
    HIN_CLEANUP_FD int file = -1;
    const char *settings[HIN_OPTION_TEXTS_MAX + 1] = {NULL};
    for (size_t i = 0; i < restore->options.wish.settings.count; i++) {
        settings[i] = restore->options.wish.settings.items[i];
    }
    options.settings = settings;
    if (restore->options.wish.secret_file != NULL) {
        STEP(hin_fd_open(AT_FDCWD, restore->options.wish.secret_file, O_RDONLY, 0, &file),
             "opening the file of --secret-file");
        STEP(hin_secret_read_fd(&restore->secret, file), "reading the file of --secret-file");
        options.secret = &restore->secret;
    }
    STEP(hin_depot_open(&restore->depot, &options, &restore->error), "opening the destination");
    struct hin_result listed =
        hin_backup_list(restore->depot, NULL, &restore->list, &restore->list_count);
    if (!hin_is_ok(listed)) {
        restore->error = *hin_depot_error(restore->depot);
        return listed;
    }
    if (restore->list_count == 0) {
        return hin_error_set(&restore->error, HIN_NOT_FOUND, restore->options.wish.from, 0, 0,
                             "no backup lies there");
    }
    return hin_ok();
}

/* One that was made with other keys, as there are where an installation was restored under others
 * (decision 40), does not open, like one whose key is destroyed. */
static HIN_RESULT open_key(void *context, struct hin_view tenant, struct hin_view payload,
                           struct hin_vault_data_key *ret_key)
{
    struct hin_restoration *restore = context;
    struct hin_result opened = hin_vault_backup_unwrap(&restore->source, tenant, payload, ret_key);
    restore->foreign = opened.code == HIN_AUTH || opened.code == HIN_SYNTAX;
    return restore->foreign ? hin_fail(HIN_NOT_FOUND) : opened;
}

static HIN_RESULT show(void *context, const struct hin_backup_progress *progress)
{
    struct hin_restoration *restore = context;
    int64_t now_usec = hin_clock_monotonic_usec(hin_clock_system());
    if (isatty(STDERR_FILENO) && now_usec - restore->told_usec > HIN_SEC_USEC / 5) {
        restore->told_usec = now_usec;
        fprintf(stderr, "\r%llu of %llu objects, %llu MB ", (unsigned long long)progress->objects,
                (unsigned long long)progress->objects_all,
                (unsigned long long)(progress->bytes >> 20));
    }
    return hin_ok();
}

struct hin_backup hin_restore_handle(struct hin_restoration *restore, const char *tenant)
{
    return (struct hin_backup){.depot = restore->depot,
                               .tenant = tenant,
                               .open_key = open_key,
                               .key_context = restore,
                               .between = show,
                               .between_context = restore,
                               .read_ahead = true};
}

/* ---- which backup ---- */

/* The newest shipment at or before the time: they ascend. */
static HIN_RESULT load_at(struct hin_restoration *restore, struct hin_backup *backup,
                          const struct hin_backup_listed *listed,
                          struct hin_backup_manifest *ret_manifest)
{
    uint32_t low = 0, high = listed->last_sequence;
    if (restore->at_usec == INT64_MAX) {
        return hin_backup_load(backup, listed->begun_usec, UINT32_MAX, ret_manifest, NULL);
    }
    while (low < high) {
        uint32_t middle = low + (high - low + 1) / 2;
        struct hin_backup_manifest probe;
        HIN_TRY(hin_backup_load(backup, listed->begun_usec, middle, &probe, NULL));
        bool before = probe.at_usec <= restore->at_usec;
        hin_backup_manifest_done(&probe);
        low = before ? middle : low;
        high = before ? high : middle - 1;
    }
    return hin_backup_load(backup, listed->begun_usec, low, ret_manifest, NULL);
}

static void tell_foreign(const struct hin_restoration *restore,
                         const struct hin_backup_listed *listed)
{
    char when[32];
    hin_time_format_rfc3339(listed->begun_usec, 0, when, sizeof(when));
    hin_terminal_line(stderr,
                      "hinomi-manager: the backup of tenant %s of %s was not made with these keys, "
                      "or is damaged: looking for an older one",
                      listed->tenant, when);
}

/* One whose key is destroyed is passed over; others are not, without a word. */
HIN_RESULT hin_restore_choose(struct hin_restoration *restore, const char *tenant,
                              struct hin_backup_manifest *ret_manifest)
{
    struct hin_backup backup = hin_restore_handle(restore, tenant);
    struct hin_result loaded = hin_fail(HIN_NOT_FOUND);
    for (size_t i = restore->list_count; i > 0 && loaded.code == HIN_NOT_FOUND; i--) {
        const struct hin_backup_listed *at = &restore->list[i - 1];
        if (strcmp(at->tenant, tenant) == 0 && at->begun_usec <= restore->at_usec) {
            restore->foreign = false;
            loaded = load_at(restore, &backup, at, ret_manifest);
            if (restore->foreign && !hin_is_ok(loaded)) {
                tell_foreign(restore, at);
            }
        }
    }
    if (!hin_is_ok(loaded) && loaded.code != HIN_NOT_FOUND && backup.error.text[0] != '\0') {
        restore->error = backup.error;
    }
    return hin_restore_fail(restore, loaded,
                            "no backup of this tenant, of that time, opens with these keys");
}
