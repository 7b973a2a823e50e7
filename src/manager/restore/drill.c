#include "manager/restore/drill.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/terminal.h"
#include "base/time.h"

enum { EXIT_PIN = 3 };

struct options {
    struct hin_restore_wish wish;
    const char *report;
};

static const struct hin_option option_rows[] = {
    HIN_RESTORE_WISH_OPTION_ROWS(struct options, wish),
    {"state", 's', HIN_OPTION_TEXT, offsetof(struct options, wish.state), "DIR",
     "A folder that is not there yet, with room for everything; it is removed at the end.", NULL,
     true, false},
    {"report", 'r', HIN_OPTION_TEXT, offsetof(struct options, report), "FILE",
     "Where the report goes, never over a file that is there; standard output unless given.", NULL,
     false, false},
};

const struct hin_command hin_manager_drill_command = {
    .name = "hinomi-manager drill",
    .summary = "try the recovery of an installation from its backups, and measure it",
    .details =
        "Restores all tenants into a new folder (SQLite), reads every page and opens every sealed "
        "thing, and removes the folder. The report says what was restored, up to where, and how "
        "long it took from the start until all was verified. Hand it in to the manager (hinomi "
        "backup drill record FILE), which judges it, and have a person sign it (hinomi backup "
        "drill sign ID). Best on another host, by who would do it in earnest, with the keys from "
        "where they would come then. The running installation is not touched.\nExit status: 0 all "
        "verifies; 1 not; 2 wrong usage; 3 a TPM refuses the PIN.",
    .options = option_rows,
    .option_count = HIN_COUNT(option_rows),
};

static HIN_RESULT check_options(const struct options *options, struct hin_error *error)
{
    struct stat about;
    if (lstat(options->wish.state, &about) == 0) {
        return hin_error_set(error, HIN_EXISTS, options->wish.state, 0, 0,
                             "there is something already: a drill begins with nothing, and removes "
                             "what it made; name a folder that is not there");
    }
    if (options->report != NULL && lstat(options->report, &about) == 0) {
        return hin_error_set(error, HIN_EXISTS, options->report, 0, 0,
                             "a file is there already: name another for the report");
    }
    return hin_ok();
}

static HIN_RESULT put_report(const struct options *options, const struct hin_drill_report *report,
                             struct hin_error *error)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = HIN_DRILL_TEXT_MAX};
    HIN_CLEANUP_FD int fd = -1;
    HIN_TRY(hin_drill_report_write(report, &text));
    HIN_TRY(hin_buf_append_text(&text, "\n"));
    struct hin_result put =
        options->report == NULL
            ? hin_ok()
            : hin_fd_open(AT_FDCWD, options->report, O_WRONLY | O_CREAT | O_EXCL, 0600, &fd);
    if (hin_is_ok(put)) {
        put = hin_fd_write_all(fd >= 0 ? fd : STDOUT_FILENO, hin_buf_view(&text));
    }
    return hin_is_ok(put)
               ? put
               : hin_error_set(error, put.code, options->report, 0, 0,
                               "the report cannot be written: %s", hin_code_text(put.code));
}

static HIN_RESULT judge(const struct hin_drill_report *report, struct hin_error *error)
{
    for (size_t i = 0; i < report->tenant_count; i++) {
        if (!report->tenants[i].verified) {
            return hin_error_set(error, HIN_CORRUPT, NULL, 0, 0, "tenant %s %s",
                                 report->tenants[i].uuid, report->tenants[i].error);
        }
    }
    return hin_ok();
}

static HIN_RESULT drill(const struct hin_role_program *program, const struct options *options,
                        bool *pin_refused, struct hin_error *error)
{
    struct hin_drill_report report = {.begun_usec = hin_clock_wall_usec(hin_clock_system())};
    int64_t since_usec = hin_clock_monotonic_usec(hin_clock_system());
    HIN_TRY(check_options(options, error));
    (void)gethostname(report.host, sizeof(report.host) - 1);
    snprintf(report.from, sizeof(report.from), "%s", options->wish.from);
    struct hin_result done = hin_restore_try(program, &options->wish, &report, pin_refused, error);
    report.took_usec = hin_clock_monotonic_usec(hin_clock_system()) - since_usec;
    if (hin_is_ok(done)) {
        done = put_report(options, &report, error);
    }
    if (hin_is_ok(done)) {
        fprintf(stderr, "%zu tenants in %.1f s\n", report.tenant_count,
                (double)report.took_usec / (double)HIN_SEC_USEC);
        done = judge(&report, error);
    }
    hin_drill_report_done(&report);
    return done;
}

int hin_manager_drill(const struct hin_role_program *program, int argc, char **argv)
{
    struct options options = {0};
    struct hin_error error = {0};
    char **operands;
    size_t operand_count = 0;
    bool help = false, pin_refused = false;
    struct hin_result result = hin_option_parse(&hin_manager_drill_command, argc, argv, &options,
                                                &operands, &operand_count, &help, &error);
    if (help) {
        hin_option_help(&hin_manager_drill_command, stdout);
        return 0;
    }
    if (!hin_is_ok(result)) {
        hin_terminal_line(stderr, "hinomi-manager drill: %s", error.text);
        return 2;
    }
    umask(077);
    hin_log_open("hinomi-manager", "drill", HIN_LOG_INFO);
    HIN_IGNORE(hin_process_protect()); /* a kernel that refuses it leaves us as safe as without */
    result = drill(program, &options, &pin_refused, &error);
    if (!hin_is_ok(result)) {
        char text[1200];
        hin_error_format(&error, text, sizeof(text));
        hin_terminal_line(stderr, "hinomi-manager drill: %s",
                          error.text[0] != '\0' ? text : hin_code_text(result.code));
    }
    return hin_is_ok(result) ? 0 : pin_refused ? EXIT_PIN : 1;
}
