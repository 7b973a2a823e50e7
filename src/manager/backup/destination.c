/* `hinomi-manager destination`: where backups go, in manager.json. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "base/terminal.h"
#include "manager/backup/settings.h"
#include "manager/config.h"
#include "manager/depot/remote.h"
#include "manager/roles.h"

struct options {
    const char *state, *add, *remove, *url, *region, *secret_file;
    struct hin_option_texts settings;
    bool json;
};

static const struct hin_option option_rows[] = {
    {"state", 's', HIN_OPTION_TEXT, offsetof(struct options, state), "DIR",
     "Folder made by `hinomi-manager init`.", NULL, true, false},
    {"add", 'a', HIN_OPTION_TEXT, offsetof(struct options, add), "NAME",
     "Backups go there too; with --url.", NULL, false, false},
    {"url", 'u', HIN_OPTION_TEXT, offsetof(struct options, url), "URL",
     "Where it is: file:///FOLDER, s3://BUCKET/PREFIX or sftp://USER@HOST[:PORT]/FOLDER, which "
     "must "
     "exist.",
     NULL, false, false},
    {"setting", 0, HIN_OPTION_TEXTS, offsetof(struct options, settings), "NAME=VALUE",
     "Of an object store: region, endpoint, addressing, ca-file, kms-key, owner, part-mib; of a "
     "host over SSH: identity-file, host-key-file.",
     NULL, false, false},
    {"secret-file", 0, HIN_OPTION_TEXT, offsetof(struct options, secret_file), "F",
     "Of an object store: credentials, as AWS's own tools keep them, in this file.", NULL, false,
     false},
    {"region", 'r', HIN_OPTION_TEXT, offsetof(struct options, region), "LABEL",
     "Where that lies, in your words: two destinations should differ in it.", NULL, false, false},
    {"remove", 0, HIN_OPTION_TEXT, offsetof(struct options, remove), "NAME",
     "No backups go there any more; those that lie there stay.", NULL, false, false},
    {"json", 0, HIN_OPTION_FLAG, offsetof(struct options, json), NULL,
     "Print one JSON object instead of text.", NULL, false, false},
};

const struct hin_command hin_manager_destination_command = {
    .name = "hinomi-manager destination",
    .summary = "say where backups go",
    .details = "Without --add and --remove: lists them. A change counts from the next start of the "
               "manager on. A folder is given to the user that the process `backup` runs as, the "
               "files of a host over SSH to that of the process `depot`; the file of --secret-file "
               "is read by the parent, at each start of that process.",
    .options = option_rows,
    .option_count = HIN_COUNT(option_rows),
};

struct work {
    struct options options;
    struct hin_manager_config config;
    int state;
    struct hin_error error;
};

static HIN_RESULT fail(struct work *work, enum hin_code code, const char *name, const char *what)
{
    return hin_error_set(&work->error, code, name, 0, 0, "%s", what);
}

static bool is_root_with_users(const struct work *work)
{
    return geteuid() == 0 && work->config.uid_base != 0;
}

/* What ssh reads is its user's. */
static HIN_RESULT give_files(struct work *work, const struct hin_backup_destination *destination)
{
    uid_t uid = work->config.uid_base + HIN_ROLE_USER_DEPOT;
    for (size_t i = 0; is_root_with_users(work) && i < destination->setting_count; i++) {
        const char *setting = destination->settings[i];
        const char *path = strchr(setting, '=');
        HIN_CLEANUP_FD int fd = -1;
        if (strncmp(setting, "identity-file=", 14) != 0 &&
            strncmp(setting, "host-key-file=", 14) != 0) {
            continue;
        }
        struct hin_result opened = hin_fd_open(AT_FDCWD, path + 1, O_RDONLY | O_NOFOLLOW, 0, &fd);
        if (!hin_is_ok(opened) || fchown(fd, uid, uid) != 0) {
            return fail(work, HIN_DENIED, path + 1,
                        "its owner cannot be changed: give it to the user of the process `depot`");
        }
    }
    return hin_ok();
}

/* It answers, by the settings and the secret that the process will have. */
static HIN_RESULT try_remote(struct work *work, const struct hin_backup_destination *destination)
{
    HIN_CLEANUP(hin_depot_closep) struct hin_depot *depot = NULL;
    HIN_CLEANUP(hin_secret_done) struct hin_secret secret = {0};
    HIN_CLEANUP_FD int file = -1;
    const char *settings[HIN_BACKUP_SETTINGS_MAX + 1];
    struct hin_depot_options options = {.url = destination->url, .directory = -1};
    hin_backup_destination_settings(destination, settings);
    options.settings = settings;
    if (destination->secret_file[0] != '\0') {
        struct hin_result read =
            hin_fd_open(AT_FDCWD, destination->secret_file, O_RDONLY, 0, &file);
        read = hin_is_ok(read) ? hin_secret_read_fd(&secret, file) : read;
        if (!hin_is_ok(read)) {
            return fail(work, read.code, destination->secret_file, "it cannot be read");
        }
        options.secret = &secret;
    }
    HIN_TRY(hin_depot_open(&depot, &options, &work->error));
    return give_files(work, destination);
}

/* The folder can be opened, is not within the state folder, and is its user's. */
static HIN_RESULT take_folder(struct work *work, const struct hin_backup_destination *destination)
{
    HIN_CLEANUP(hin_depot_closep) struct hin_depot *depot = NULL;
    HIN_CLEANUP_FD int folder = -1;
    struct stat inside, state;
    struct hin_depot_options options = {.url = destination->url, .directory = -1};
    if (hin_depot_is_remote(destination)) {
        return try_remote(work, destination);
    }
    if (destination->setting_count > 0 || destination->secret_file[0] != '\0') {
        return fail(work, HIN_INVALID, destination->url, "a folder has no settings and no secret");
    }
    HIN_TRY(hin_depot_open(&depot, &options, &work->error));
    const char *path = destination->url + sizeof("file://") - 1;
    HIN_TRY(hin_fd_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0, &folder));
    if (fstat(folder, &inside) != 0 || fstat(work->state, &state) != 0 ||
        (inside.st_dev == state.st_dev && inside.st_ino == state.st_ino)) {
        return fail(work, HIN_INVALID, path,
                    "backups would lie in the state folder itself: name another place");
    }
    uid_t uid = work->config.uid_base + HIN_ROLE_USER_DATA;
    if (is_root_with_users(work) && inside.st_uid != uid && fchown(folder, uid, uid) != 0) {
        return fail(work, HIN_DENIED, path,
                    "its owner cannot be changed: give it to the user of the process `backup`");
    }
    return hin_ok();
}

/* Files are read by other processes, from other folders: by absolute paths. */
static HIN_RESULT take_kind(struct work *work, struct hin_backup_destination *fresh)
{
    const struct options *options = &work->options;
    if (options->settings.count > HIN_BACKUP_SETTINGS_MAX) {
        return fail(work, HIN_LIMIT, NULL, "no more than 12 settings");
    }
    for (size_t i = 0; i < options->settings.count; i++) {
        if (!hin_is_ok(hin_view_to_text(hin_view_from_text(options->settings.items[i]),
                                        fresh->settings[i], sizeof(fresh->settings[i])))) {
            return fail(work, HIN_LIMIT, NULL, "a setting is too long");
        }
    }
    fresh->setting_count = options->settings.count;
    if (options->secret_file == NULL) {
        return hin_ok();
    }
    if (options->secret_file[0] != '/') {
        return fail(work, HIN_INVALID, options->secret_file, "give its absolute path");
    }
    return hin_view_to_text(hin_view_from_text(options->secret_file), fresh->secret_file,
                            sizeof(fresh->secret_file));
}

static void tell(const char *text)
{
    hin_terminal_line(stderr, "hinomi-manager destination: %s", text);
}

/* Saved, and what is still to be done said. */
static HIN_RESULT save(struct work *work)
{
    const struct hin_backup_settings *settings = &work->config.backup;
    bool same = settings->count > 1;
    HIN_TRY(hin_manager_config_save(work->state, &work->config));
    for (size_t i = 1; i < settings->count; i++) {
        same =
            same && strcmp(settings->destinations[i].region, settings->destinations[0].region) == 0;
    }
    if (same) {
        tell("all destinations bear the same region label: what befalls one place befalls them "
             "all. Another place and --region is wanted");
    }
    tell("this counts from the next start of the manager on");
    return hin_ok();
}

static HIN_RESULT add(struct work *work)
{
    struct hin_backup_settings *settings = &work->config.backup;
    struct hin_backup_destination fresh = {0};
    struct hin_view name = hin_view_from_text(work->options.add);
    if (work->options.url == NULL) {
        return fail(work, HIN_INVALID, NULL, "--add goes with --url");
    }
    if (!hin_backup_name_is_valid(name)) {
        return fail(work, HIN_INVALID, work->options.add,
                    "a destination's name is letters, digits and dashes, 31 at most");
    }
    for (size_t i = 0; i < settings->count; i++) {
        if (hin_view_is(name, settings->destinations[i].name)) {
            return fail(work, HIN_EXISTS, work->options.add,
                        "there is a destination of this name: --remove it first");
        }
    }
    if (settings->count == HIN_BACKUP_DESTINATIONS_MAX) {
        return fail(work, HIN_LIMIT, work->options.add, "no more than 4 destinations");
    }
    HIN_TRY(hin_view_to_text(name, fresh.name, sizeof(fresh.name)));
    HIN_TRY(hin_view_to_text(hin_view_from_text(work->options.url), fresh.url, sizeof(fresh.url)));
    HIN_TRY(hin_view_to_text(
        hin_view_from_text(work->options.region != NULL ? work->options.region : ""), fresh.region,
        sizeof(fresh.region)));
    HIN_TRY(take_kind(work, &fresh));
    HIN_TRY(take_folder(work, &fresh));
    settings->destinations[settings->count++] = fresh;
    settings->set = true;
    return save(work);
}

static HIN_RESULT remove_named(struct work *work)
{
    struct hin_backup_settings *settings = &work->config.backup;
    for (size_t i = 0; i < settings->count; i++) {
        if (strcmp(settings->destinations[i].name, work->options.remove) == 0) {
            hin_move(&settings->destinations[i], &settings->destinations[i + 1],
                     (settings->count - i - 1) * sizeof(settings->destinations[0]));
            settings->count--;
            return save(work);
        }
    }
    return fail(work, HIN_NOT_FOUND, work->options.remove, "there is no destination of this name");
}

static HIN_RESULT print(const struct work *work)
{
    const struct hin_backup_settings *settings = &work->config.backup;
    if (work->options.json) {
        HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = 65536};
        HIN_TRY(hin_backup_settings_text(settings, &text));
        printf("%.*s\n", HIN_ARGS(hin_buf_view(&text)));
        return hin_ok();
    }
    for (size_t i = 0; i < settings->count; i++) {
        const struct hin_backup_destination *at = &settings->destinations[i];
        printf("%-16s %s%s%s\n", at->name, at->url, at->region[0] != '\0' ? "  region " : "",
               at->region);
    }
    if (settings->count == 0) {
        tell("none is set, so no backups are made");
    }
    return hin_ok();
}

static HIN_RESULT run(struct work *work)
{
    if (work->options.add != NULL && work->options.remove != NULL) {
        return fail(work, HIN_INVALID, NULL, "--add or --remove, not both");
    }
    struct hin_result opened =
        hin_fd_open(AT_FDCWD, work->options.state, O_RDONLY | O_DIRECTORY, 0, &work->state);
    if (!hin_is_ok(opened)) {
        return fail(work, opened.code, work->options.state, "the state folder cannot be opened");
    }
    HIN_TRY(hin_manager_config_load(work->state, &work->config, &work->error));
    if (work->options.add != NULL) {
        return add(work);
    }
    return work->options.remove != NULL ? remove_named(work) : print(work);
}

int hin_manager_destination(const struct hin_role_program *program, int argc, char **argv)
{
    struct work work = {.state = -1};
    char **operands;
    size_t operand_count = 0;
    bool help = false;
    (void)program;
    struct hin_result result =
        hin_option_parse(&hin_manager_destination_command, argc, argv, &work.options, &operands,
                         &operand_count, &help, &work.error);
    if (help) {
        hin_option_help(&hin_manager_destination_command, stdout);
        return 0;
    }
    if (!hin_is_ok(result)) {
        hin_terminal_line(stderr, "hinomi-manager destination: %s", work.error.text);
        return 2;
    }
    umask(077);
    result = run(&work);
    if (!hin_is_ok(result)) {
        char text[1200];
        hin_error_format(&work.error, text, sizeof(text));
        hin_terminal_line(stderr, "hinomi-manager destination: %s",
                          work.error.text[0] != '\0' ? text : hin_code_text(result.code));
    }
    hin_fd_close(&work.state);
    return hin_is_ok(result) ? 0 : 1;
}
