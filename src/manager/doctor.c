#include "manager/doctor.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/codec.h"
#include "base/fd.h"
#include "base/terminal.h"
#include "doctor/doctor.h"
#include "manager/config.h"

struct doctor_options {
    const char *state;
    bool json, quiet;
};

static const struct hin_option option_rows[] = {
    {"state", 's', HIN_OPTION_TEXT, offsetof(struct doctor_options, state), "DIR",
     "Folder made by `hinomi-manager init`.", NULL, true, false},
    {"json", 0, HIN_OPTION_FLAG, offsetof(struct doctor_options, json), NULL, "Findings as JSON.",
     NULL, false, false},
    {"quiet", 'q', HIN_OPTION_FLAG, offsetof(struct doctor_options, quiet), NULL, "Findings only.",
     NULL, false, false},
};
const struct hin_command hin_manager_doctor_command = {
    .name = "hinomi-manager doctor",
    .summary = "look at the files of an installation and at this host, and say what to mend",
    .details = "The manager need not run; what a running one knows, `hinomi doctor` asks it. Exit "
               "status: 0 nothing above\nadvice, 1 warnings or errors, 2 wrong usage.",
    .options = option_rows,
    .option_count = HIN_COUNT(option_rows),
};

struct local {
    struct hin_doctor_host host; /* first */
    struct hin_manager_config config;
    struct hin_error error;
    bool configured;
};

/* ---- settings, folders ---- */

static void look_settings(struct hin_doctor *doctor, void *subject)
{
    const struct local *local = subject;
    if (local->configured) {
        return;
    }
    char text[1280];
    hin_error_format(&local->error, text, sizeof(text));
    if (local->error.code == HIN_DENIED) {
        hin_doctor_unseen(doctor, "%s: run this as root or as the owner", text);
    } else {
        hin_doctor_found(doctor, "%s", text);
    }
}

static void look_folders(struct hin_doctor *doctor, void *subject)
{
    static const char *const names[] = {"vault", "db", "manager.json"};
    const struct local *local = subject;
    struct stat info;
    for (size_t i = 0; i < HIN_COUNT(names); i++) {
        if (fstatat(local->host.folder, names[i], &info, AT_SYMLINK_NOFOLLOW) != 0) {
            hin_doctor_unseen(doctor, "%s cannot be looked at", names[i]);
        } else if ((info.st_mode & 077) != 0) {
            hin_doctor_found(doctor, "%s is open to others (mode %03o)", names[i],
                             (unsigned)info.st_mode & 0777);
        }
    }
}

/* ---- key ring ---- */

static bool uses_ring(struct hin_doctor *doctor, const struct local *local, struct stat *info)
{
    if (!local->configured) {
        hin_doctor_unseen(doctor, "the settings could not be read");
        return false;
    }
    if (local->config.kms.kind != HIN_KMS_FILE) {
        hin_doctor_fine(doctor, "the keys are in another service: hinomi kms test");
        return false;
    }
    if (stat(local->config.keyring, info) != 0) {
        if (errno == ENOENT) {
            hin_doctor_found_as(doctor, HIN_DOCTOR_ERROR,
                                "put the ring back from its own backup, or name its place in "
                                "manager.json (keyring)",
                                "the key ring %s is not there", local->config.keyring);
            return false;
        }
        hin_doctor_unseen(doctor, "%s cannot be looked at as this user", local->config.keyring);
        return false;
    }
    return true;
}

static void look_ring(struct hin_doctor *doctor, void *subject)
{
    const struct local *local = subject;
    struct stat info;
    if (!uses_ring(doctor, local, &info)) {
        return;
    }
    if (!S_ISREG(info.st_mode) || (info.st_mode & 077) != 0) {
        hin_doctor_found(doctor, "%s is open to others (mode %03o)", local->config.keyring,
                         (unsigned)info.st_mode & 0777);
    }
    struct statvfs space;
    if (statvfs(local->config.keyring, &space) == 0 && (space.f_flag & ST_RDONLY) != 0) {
        hin_doctor_found_as(doctor, HIN_DOCTOR_ADVICE,
                            "mount it for writing before a key is made, rotated or destroyed",
                            "%s lies on a file system that is read only", local->config.keyring);
    }
}

static void look_ring_place(struct hin_doctor *doctor, void *subject)
{
    const struct local *local = subject;
    struct stat ring, data;
    if (uses_ring(doctor, local, &ring) && fstat(local->host.folder, &data) == 0 &&
        ring.st_dev == data.st_dev) {
        hin_doctor_found(doctor,
                         "the key ring %s is on the same file system as the data: one stolen "
                         "disk, or one backup of it, has both",
                         local->config.keyring);
    }
}

/* Byte 4 of the file: keys/ring.h. */
static void look_ring_seal(struct hin_doctor *doctor, void *subject)
{
    const struct local *local = subject;
    HIN_CLEANUP_FD int fd = -1;
    uint8_t head[8];
    size_t size = 0;
    struct stat info;
    if (!uses_ring(doctor, local, &info)) {
        return;
    }
    if (!hin_is_ok(hin_fd_open(AT_FDCWD, local->config.keyring, O_RDONLY, 0, &fd)) ||
        !hin_is_ok(hin_fd_read_some(fd, head, sizeof(head), &size)) || size < sizeof(head)) {
        hin_doctor_unseen(doctor, "%s cannot be read as this user", local->config.keyring);
    } else if (memcmp(head, "HKR", 3) != 0) {
        hin_doctor_found_as(doctor, HIN_DOCTOR_ERROR, "put the right file back from its own backup",
                            "%s is no key ring", local->config.keyring);
    } else if (hin_load_u32(head + 4) == 0) { /* neither pass phrase nor TPM */
        hin_doctor_found(doctor, "the key ring is under no pass phrase: whoever reads the file has "
                                 "all keys");
    }
}

static void look_ring_space(struct hin_doctor *doctor, void *subject)
{
    const struct local *local = subject;
    HIN_CLEANUP_FD int folder = -1;
    struct stat info;
    char path[HIN_PATH_MAX];
    if (!uses_ring(doctor, local, &info)) {
        return;
    }
    snprintf(path, sizeof(path), "%s", local->config.keyring);
    char *slash = strrchr(path, '/');
    if (slash == NULL || slash == path) {
        hin_doctor_unseen(doctor, "%s has no folder to look at", path);
        return;
    }
    *slash = '\0';
    if (hin_is_ok(hin_fd_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0, &folder))) {
        hin_doctor_space(doctor, folder, path);
    } else {
        hin_doctor_unseen(doctor, "%s cannot be opened as this user", path);
    }
}

/* ---- databases ---- */

#define DATABASE_HEADER 100
#define WAL_LARGE_BYTES (INT64_C(512) << 20)

static bool ends_with(const char *name, const char *end)
{
    size_t size = strlen(name), wanted = strlen(end);
    return size > wanted && strcmp(name + size - wanted, end) == 0;
}

/* The header of an SQLite file: its first words, the application id at byte 68. */
static void judge_database(struct hin_doctor *doctor, int folder, const char *name)
{
    HIN_CLEANUP_FD int fd = -1;
    uint8_t head[DATABASE_HEADER];
    size_t size = 0;
    if (!hin_is_ok(hin_fd_open(folder, name, O_RDONLY | O_NOFOLLOW, 0, &fd)) ||
        !hin_is_ok(hin_fd_read_some(fd, head, sizeof(head), &size))) {
        hin_doctor_unseen(doctor, "%s cannot be read as this user", name);
    } else if (size < sizeof(head) || memcmp(head, "SQLite format 3", 16) != 0 ||
               memcmp(head + 68, "HIN1", 4) != 0) {
        hin_doctor_found(doctor, "%s is no database of Hinomi, or its first page is damaged", name);
    }
}

static void judge_file(struct hin_doctor *doctor, int folder, const char *name)
{
    struct stat info;
    if (ends_with(name, ".db")) {
        judge_database(doctor, folder, name);
    } else if (strstr(name, ".db.damaged") != NULL) {
        hin_doctor_found_as(doctor, HIN_DOCTOR_WARNING,
                            "look into it or keep it elsewhere, then take it away",
                            "%s: a damaged database was salvaged", name);
    } else if (ends_with(name, ".db-wal") && fstatat(folder, name, &info, 0) == 0 &&
               info.st_size > WAL_LARGE_BYTES) {
        hin_doctor_found_as(doctor, HIN_DOCTOR_WARNING, "restart the manager when it is quiet",
                            "%s has grown to %lld MiB", name, (long long)(info.st_size >> 20));
    }
}

static void look_databases(struct hin_doctor *doctor, void *subject)
{
    const struct local *local = subject;
    if (local->configured && local->config.store[0] != '\0') {
        hin_doctor_fine(doctor, "on a PostgreSQL server: hinomi doctor asks the manager");
        return;
    }
    int fd = openat(local->host.folder, "db", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
    if (folder == NULL) {
        hin_doctor_unseen(doctor, "the folder db cannot be opened as this user");
        return;
    }
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        judge_file(doctor, fd, entry->d_name);
    }
    (void)closedir(folder);
}

/* ---- as whom ---- */

static void look_user(struct hin_doctor *doctor, void *subject)
{
    const struct local *local = subject;
    struct stat info;
    if (local->host.folder < 0 || fstat(local->host.folder, &info) != 0) {
        hin_doctor_unseen(doctor, "the state folder cannot be opened as this user");
    } else if (info.st_uid != 0) {
        hin_doctor_found(doctor,
                         "the installation belongs to an ordinary user: its processes share "
                         "that user");
    } else if (local->configured && local->config.uid_base == 0) {
        hin_doctor_found_as(doctor, HIN_DOCTOR_WARNING,
                            "set uidBase in manager.json to a range that is free, and restart",
                            "all processes stay root");
    }
}

static const struct hin_doctor_check checks[] = {
    {"settings.file", "settings", "manager.json", HIN_DOCTOR_ERROR,
     "name the right folder, or mend the file as the message says (docs/OPERATIONS.md)", 0,
     look_settings},
    {"permission.folders", "permissions", "what lies in the state folder", HIN_DOCTOR_ERROR,
     "chmod go-rwx on it, then look who could read it", 0, look_folders},
    {"permission.user", "permissions", "as which users the processes run", HIN_DOCTOR_ADVICE,
     "start it as root: each process then takes a user of its own (docs/PRIVSEP.md)", 0, look_user},
    {"ring.file", "keys", "the key ring's mode", HIN_DOCTOR_ERROR,
     "chmod 0400 on it; if others could read it, rotate all keys (hinomi key rotate)", 0,
     look_ring},
    {"ring.place", "keys", "where the key ring lies", HIN_DOCTOR_WARNING,
     "stop the manager, move the ring to another disk, and name its new place in manager.json "
     "(keyring)",
     0, look_ring_place},
    {"ring.seal", "keys", "whether the key ring is under a pass phrase", HIN_DOCTOR_ADVICE,
     "give new installations a pass phrase (--passphrase-file), a token or a key service", 0,
     look_ring_seal},
    {"disk.ring", "disk", "space of the key ring's folder", HIN_DOCTOR_WARNING, "make room", 0,
     look_ring_space},
    {"store.files", "store", "the databases' files", HIN_DOCTOR_ERROR,
     "start the manager, which salvages what can be read, or restore a backup", 0, look_databases},
};

static HIN_RESULT examine(const char *state, struct hin_buf *out)
{
    struct local *local = calloc(1, sizeof(*local));
    struct hin_doctor doctor;
    HIN_ENSURE(local != NULL, NO_MEMORY);
    local->host = (struct hin_doctor_host){state, -1};
    struct hin_result opened =
        hin_fd_open(AT_FDCWD, state, O_RDONLY | O_DIRECTORY, 0, &local->host.folder);
    if (!hin_is_ok(opened)) {
        opened = hin_error_set(&local->error, opened.code, state, 0, 0, "%s",
                               hin_code_text(opened.code));
    } else {
        opened = hin_manager_config_load(local->host.folder, &local->config, &local->error);
    }
    local->configured = hin_is_ok(opened);
    hin_doctor_begin(&doctor, out, 0, 0);
    hin_doctor_run(&doctor, checks, HIN_COUNT(checks), local);
    hin_doctor_run(&doctor, hin_doctor_host_checks, hin_doctor_host_check_count, &local->host);
    struct hin_result ended = hin_doctor_end(&doctor);
    if (local->host.folder >= 0) {
        (void)close(local->host.folder);
    }
    free(local);
    return ended;
}

static HIN_RESULT show(const struct doctor_options *options, enum hin_doctor_severity *worst)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf out = {.max = 1u << 20};
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    HIN_TRY(examine(options->state, &out));
    HIN_TRY(hin_json_parse(hin_buf_view(&out), out.max, &document, NULL));
    if (!options->json) {
        return hin_doctor_print(hin_json_root(document), options->quiet, stdout, worst);
    }
    *worst = hin_doctor_worst(hin_json_root(document));
    HIN_TRY(hin_buf_append_byte(&out, '\n'));
    HIN_ENSURE(hin_terminal_put(hin_buf_view(&out), stdout), IO);
    return hin_ok();
}

int hin_manager_doctor(const struct hin_role_program *program, int argc, char **argv)
{
    struct doctor_options options = {0};
    struct hin_error error = {0};
    char **operands = NULL;
    size_t count = 0;
    bool help = false;
    enum hin_doctor_severity worst = HIN_DOCTOR_OK;
    (void)program;
    struct hin_result parsed = hin_option_parse(&hin_manager_doctor_command, argc, argv, &options,
                                                &operands, &count, &help, &error);
    if (help) {
        hin_option_help(&hin_manager_doctor_command, stdout);
        return 0;
    }
    if (!hin_is_ok(parsed)) {
        char text[1280];
        hin_error_format(&error, text, sizeof(text));
        hin_terminal_line(stderr, "hinomi-manager doctor: %s", text);
        return 2;
    }
    struct hin_result shown = show(&options, &worst);
    if (!hin_is_ok(shown)) {
        hin_terminal_line(stderr, "hinomi-manager doctor: %s", hin_code_text(shown.code));
        return 1;
    }
    return worst > HIN_DOCTOR_ADVICE ? 1 : 0;
}
