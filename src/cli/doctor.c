/* hinomi doctor: what should be mended, as the manager sees it, and, on its host, as the files say
 * it. */
#include <stdio.h>

#include "base/bytes.h"
#include "cli/api.h"
#include "cli/cli.h"
#include "cli/program.h"
#include "doctor/doctor.h"

enum { LOCAL_MAX = 1 << 20 };

struct doctor_options {
    const char *state;
    bool json, quiet, local;
};

static const struct hin_option doctor_table[] = {
    {"state", 's', HIN_OPTION_TEXT, offsetof(struct doctor_options, state), "DIR",
     "On the manager's host: its state folder, looked at too; the manager need not run.", NULL,
     false, false},
    {"local", 0, HIN_OPTION_FLAG, offsetof(struct doctor_options, local), NULL,
     "With --state: only that, without asking the manager.", NULL, false, false},
    {"json", 0, HIN_OPTION_FLAG, offsetof(struct doctor_options, json), NULL,
     "One JSON document a source, each on lines of its own.", NULL, false, false},
    {"quiet", 'q', HIN_OPTION_FLAG, offsetof(struct doctor_options, quiet), NULL, "Findings only.",
     NULL, false, false},
};
static const struct hin_command doctor_usage = {
    "hinomi doctor",
    "what of the installation should be mended, and how",
    NULL,
    "Asks the manager of the profile, and tells as much as the key's role may see. Exit status: 0 "
    "nothing above\nadvice, 1 warnings or errors, 2 wrong usage.",
    doctor_table,
    HIN_COUNT(doctor_table),
    0,
    0};

/* ---- the files: hinomi-manager, which stands beside this program, looks at them ---- */

static HIN_RESULT look_locally(const char *state, struct hin_buf *ret_document,
                               struct hin_error *error)
{
    const char *const arguments[] = {"hinomi-manager", "doctor", "--state", state, "--json", NULL};
    char program[HIN_PATH_MAX] = "";
    int status = 0;
    struct hin_result found = hin_cli_program_find(arguments[0], program);
    if (!hin_is_ok(found)) {
        return hin_error_set(error, found.code, NULL, 0, 0,
                             "hinomi-manager does not stand beside this program: run "
                             "`hinomi-manager doctor --state %s` where it is",
                             state);
    }
    HIN_TRY(hin_cli_program_hear(program, arguments, ret_document, &status));
    if (status > 1) {
        return hin_error_set(error, HIN_IO, program, 0, 0, "it ended before it had looked");
    }
    return hin_ok();
}

/* ---- what comes of it ---- */

static HIN_RESULT show(struct hin_view text, const struct doctor_options *options,
                       const char *title, enum hin_doctor_severity *worst)
{
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    HIN_TRY(hin_json_parse(text, LOCAL_MAX, &document, NULL));
    struct hin_json root = hin_json_root(document);
    if (options->json) {
        printf("%.*s\n", HIN_ARGS(hin_view_trim(text)));
        *worst = HIN_MAX(*worst, hin_doctor_worst(root));
        return hin_ok();
    }
    if (!options->quiet) {
        printf("== %s\n", title);
    }
    return hin_doctor_print(root, options->quiet, stdout, worst);
}

static HIN_RESULT ask_manager(const struct doctor_options *options, enum hin_doctor_severity *worst,
                              struct hin_error *error)
{
    HIN_CLEANUP(hin_cli_api_done) struct hin_cli_api api = {0};
    HIN_TRY(hin_cli_api_open(&api, error));
    HIN_TRY(hin_cli_api_call(&api, HIN_HTTP_GET, "/doctor", HIN_VIEW_EMPTY, NULL, error));
    return show(hin_buf_view(&api.answer.body), options, "what the manager says", worst);
}

static HIN_RESULT ask_files(const struct doctor_options *options, enum hin_doctor_severity *worst,
                            struct hin_error *error)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = LOCAL_MAX};
    HIN_TRY(look_locally(options->state, &text, error));
    return show(hin_buf_view(&text), options, "what the files say", worst);
}

static int run_doctor(int argc, char **argv)
{
    struct doctor_options options = {0};
    char **operands = NULL;
    size_t count = 0;
    int status = 0;
    if (!hin_cli_parse(&doctor_usage, argc, argv, &options, &operands, &count, &status)) {
        return status;
    }
    if (options.local && options.state == NULL) {
        (void)hin_cli_complain_text("--local goes with --state DIR");
        return HIN_CLI_USAGE;
    }
    struct hin_error error = {0};
    enum hin_doctor_severity worst = HIN_DOCTOR_OK;
    struct hin_result files =
        options.state != NULL ? ask_files(&options, &worst, &error) : hin_ok();
    if (!hin_is_ok(files)) {
        return hin_cli_finish(files, &error);
    }
    struct hin_result manager = options.local ? hin_ok() : ask_manager(&options, &worst, &error);
    (void)fflush(stdout);
    if (!hin_is_ok(manager)) {
        return hin_cli_finish(manager, &error);
    }
    return worst > HIN_DOCTOR_ADVICE ? HIN_CLI_FAILED : HIN_CLI_OK;
}

static const struct hin_cli_command doctor_commands[] = {{&doctor_usage, run_doctor}};
const struct hin_cli_group hin_cli_group_doctor = {"doctor", "what should be mended, and how",
                                                   doctor_commands, HIN_COUNT(doctor_commands)};
