/* hinomi backup rehearsals and drill: recoveries that were tried, and what they are worth. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "cli/api.h"
#include "cli/drill.h"
#include "cli/program.h"
#include "cli/table.h"

enum { PATH_BYTES = 128, REPORT_MAX = 2 << 20, LOOKS_MAX = 300 };

struct drill_options {
    const char *tenant;
    bool json;
};

static const struct hin_option rehearsals_table[] = {
    {"tenant", 't', HIN_OPTION_TEXT, offsetof(struct drill_options, tenant), "ID",
     "Of this tenant alone.", NULL, false, false},
    {"json", 0, HIN_OPTION_FLAG, offsetof(struct drill_options, json), NULL, "One JSON document.",
     NULL, false, false},
};
static const struct hin_option drill_table[] = {
    {"json", 0, HIN_OPTION_FLAG, offsetof(struct drill_options, json), NULL, "One JSON document.",
     NULL, false, false},
};

const struct hin_command hin_cli_backup_rehearsals_usage = {
    "hinomi backup rehearsals",
    "list the restores that are made each week into a scratch place",
    NULL,
    "Each week the newest backup of each tenant is restored and compared with what it came from; "
    "destinations take turns. LOSS is how old the oldest thing was that the backup did not hold "
    "yet. One that fails is tried again each day, and is an event of severity High. `hinomi backup "
    "rehearse` makes one now.",
    rehearsals_table,
    HIN_COUNT(rehearsals_table),
    0,
    0};
const struct hin_command hin_cli_backup_drill_usage = {
    "hinomi backup drill",
    "recoveries of all that were tried: run one, list, show, record, sign",
    "[list | run --from URL --keyring PATH --state DIR ... | show ID | record FILE | sign ID]",
    "run makes one on this host, as root, with the options of `hinomi-manager drill`, and hands it "
    "in: all tenants are restored out of the backups at URL into a new folder, with the keys that "
    "are given, and the folder is removed. On a clean host that does not reach the manager, "
    "`hinomi-manager drill --report FILE` does it, and record hands in that file. The manager "
    "compares it with what is here: every "
    "tenant, the time it took, and what would have been lost, against the targets (recoverSeconds "
    "and loseSeconds of manager.json). sign completes it: with the key of a key holder, or of an "
    "administrator who has signed in and whose full name is set. One that is not signed, or is "
    "older than a year, does not count; list says so.",
    drill_table,
    HIN_COUNT(drill_table),
    0,
    2};

/* ---- weekly restores ---- */

static struct hin_view seconds_cell(struct hin_table *table, struct hin_json object,
                                    const char *key)
{
    int64_t msec = 0;
    char text[32];
    struct hin_view cell;
    if (!hin_is_ok(hin_json_get_integer(object, key, 0, INT64_MAX, &msec, NULL))) {
        return HIN_VIEW("-");
    }
    snprintf(text, sizeof(text), "%lld.%lld s", (long long)(msec / 1000),
             (long long)(msec % 1000 / 100));
    return hin_is_ok(hin_arena_copy(&table->arena, hin_view_from_text(text), &cell))
               ? cell
               : HIN_VIEW("-");
}

static struct hin_view yes_cell(struct hin_json object, const char *key, const char *yes,
                                const char *no)
{
    bool value = false;
    HIN_IGNORE(hin_json_get_boolean(object, key, &value, NULL)); /* absent: no */
    return hin_view_from_text(value ? yes : no);
}

static HIN_RESULT print_rehearsals(struct hin_json root, struct hin_error *error)
{
    static const char *const headings[] = {"TENANT", "BEGUN", "FROM",   "BACKUP", "RESULT",
                                           "BYTES",  "TOOK",  "EVENTS", "LOSS",   "ERROR"};
    HIN_CLEANUP(hin_table_done) struct hin_table table = {0};
    struct hin_json items;
    size_t count = 0;
    HIN_TRY(hin_table_init(&table, headings, HIN_COUNT(headings)));
    HIN_TRY(hin_json_get_array(root, "rehearsals", &items, &count, error));
    for (size_t i = 0; i < count; i++) {
        struct hin_json item = hin_json_at(items, i);
        struct hin_view cells[] = {hin_table_cell(&table, item, "tenantID"),
                                   hin_table_time_cell(&table, item, "begun"),
                                   hin_table_cell(&table, item, "destination"),
                                   hin_table_time_cell(&table, item, "backup"),
                                   yes_cell(item, "good", "good", "failed"),
                                   hin_table_cell(&table, item, "bytes"),
                                   seconds_cell(&table, item, "tookMsec"),
                                   hin_table_cell(&table, item, "events"),
                                   seconds_cell(&table, item, "lossMsec"),
                                   hin_table_cell(&table, item, "error")};
        HIN_TRY(hin_table_add(&table, cells));
    }
    hin_table_print(&table, stdout);
    return hin_ok();
}

static HIN_RESULT act_rehearsals(struct hin_cli_api *api, const void *given, const char *operand,
                                 struct hin_error *error)
{
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    const struct drill_options *options = given;
    char path[PATH_BYTES] = "/backups/rehearsals";
    int64_t number = 0;
    (void)operand;
    if (options->tenant != NULL) {
        if (!hin_is_ok(hin_view_to_i64(hin_view_from_text(options->tenant), &number)) ||
            number < 1) {
            return hin_error_set(error, HIN_INVALID, NULL, 0, 0,
                                 "--tenant: an ID as `hinomi tenant list` shows it, not %s",
                                 options->tenant);
        }
        snprintf(path, sizeof(path), "/backups/rehearsals?tenant=%lld", (long long)number);
    }
    HIN_TRY(hin_cli_api_call(api, HIN_HTTP_GET, path, HIN_VIEW_EMPTY, &document, error));
    if (options->json) {
        hin_cli_api_print(api);
        return hin_ok();
    }
    return print_rehearsals(hin_json_root(document), error);
}

int hin_cli_backup_rehearsals(int argc, char **argv)
{
    struct drill_options options = {0};
    return hin_cli_run(&hin_cli_backup_rehearsals_usage, argc, argv, &options, act_rehearsals);
}

/* ---- drills ---- */

struct drilling {
    struct hin_cli_api *api;
    const struct drill_options *options;
    const char *operand;
    struct hin_error *error;
};

static HIN_RESULT add_drill(struct hin_table *table, struct hin_json item)
{
    struct hin_view text = HIN_VIEW_EMPTY, why = HIN_VIEW_EMPTY;
    HIN_TRY(hin_json_opt_text(item, "text", &text, NULL));
    HIN_TRY(hin_json_opt_text(item, "why", &why, NULL));
    struct hin_view cells[] = {
        hin_table_cell(table, item, "ID"),     hin_table_time_cell(table, item, "begun"),
        hin_table_cell(table, item, "state"),  hin_table_cell(table, item, "tenants"),
        seconds_cell(table, item, "tookMsec"), seconds_cell(table, item, "lossMsec"),
        hin_table_cell(table, item, "person"), hin_table_time_cell(table, item, "signed"),
        yes_cell(item, "counts", "yes", "no"), text.size > 0 ? text : why};
    return hin_table_add(table, cells);
}

static HIN_RESULT print_drills(struct hin_json items, size_t count)
{
    static const char *const headings[] = {"ID",   "BEGUN",  "STATE",  "TENANTS", "TOOK",
                                           "LOSS", "PERSON", "SIGNED", "COUNTS",  "WHY"};
    HIN_CLEANUP(hin_table_done) struct hin_table table = {0};
    HIN_TRY(hin_table_init(&table, headings, HIN_COUNT(headings)));
    for (size_t i = 0; i < count; i++) {
        HIN_TRY(add_drill(&table, hin_json_at(items, i)));
    }
    hin_table_print(&table, stdout);
    return hin_ok();
}

static HIN_RESULT list(struct drilling *drilling)
{
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    struct hin_json items;
    size_t count = 0;
    HIN_TRY(hin_cli_api_call(drilling->api, HIN_HTTP_GET, "/backups/drills", HIN_VIEW_EMPTY,
                             &document, drilling->error));
    if (drilling->options->json) {
        hin_cli_api_print(drilling->api);
        return hin_ok();
    }
    HIN_TRY(hin_json_get_array(hin_json_root(document), "drills", &items, &count, drilling->error));
    return print_drills(items, count);
}

static HIN_RESULT print_one(struct drilling *drilling, struct hin_json root)
{
    static const char *const headings[] = {"WHAT", "VALUE"};
    static const struct {
        const char *name, *key;
        enum { PLAIN, TIME, SECONDS } kind;
    } rows[] = {
        {"drill", "ID", PLAIN},
        {"state", "state", PLAIN},
        {"because", "text", PLAIN},
        {"does not count, since", "why", PLAIN},
        {"begun", "begun", TIME},
        {"on host", "host", PLAIN},
        {"from", "from", PLAIN},
        {"tenants", "tenants", PLAIN},
        {"bytes", "bytes", PLAIN},
        {"took (RTO)", "tookMsec", SECONDS},
        {"target", "targetMsec", SECONDS},
        {"would be lost (RPO)", "lossMsec", SECONDS},
        {"target", "lossTargetMsec", SECONDS},
        {"handed in", "handedIn", TIME},
        {"by", "by", PLAIN},
        {"report (SHA-256)", "reportSHA256", PLAIN},
        {"signed", "signed", TIME},
        {"by", "person", PLAIN},
        {"with", "credential", PLAIN},
    };
    HIN_CLEANUP(hin_table_done) struct hin_table table = {0};
    if (drilling->options->json) {
        hin_cli_api_print(drilling->api);
        return hin_ok();
    }
    HIN_TRY(hin_table_init(&table, headings, HIN_COUNT(headings)));
    for (size_t i = 0; i < HIN_COUNT(rows); i++) {
        struct hin_view cells[] = {
            hin_view_from_text(rows[i].name),
            rows[i].kind == TIME      ? hin_table_time_cell(&table, root, rows[i].key)
            : rows[i].kind == SECONDS ? seconds_cell(&table, root, rows[i].key)
                                      : hin_table_cell(&table, root, rows[i].key)};
        if (cells[1].size > 0) {
            HIN_TRY(hin_table_add(&table, cells));
        }
    }
    hin_table_print(&table, stdout);
    return hin_ok();
}

static HIN_RESULT drill_path(struct drilling *drilling, const char *verb, char path[PATH_BYTES])
{
    int64_t id = 0;
    if (!hin_is_ok(hin_view_to_i64(hin_view_from_text(drilling->operand), &id)) || id < 1) {
        return hin_error_set(drilling->error, HIN_INVALID, NULL, 0, 0,
                             "%s: not the ID of a drill (hinomi backup drill list)",
                             drilling->operand);
    }
    snprintf(path, PATH_BYTES, "/backups/drills/%lld%s", (long long)id, verb);
    return hin_ok();
}

static HIN_RESULT show(struct drilling *drilling)
{
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    char path[PATH_BYTES];
    HIN_TRY(drill_path(drilling, "", path));
    HIN_TRY(hin_cli_api_call(drilling->api, HIN_HTTP_GET, path, HIN_VIEW_EMPTY, &document,
                             drilling->error));
    return print_one(drilling, hin_json_root(document));
}

static HIN_RESULT sign(struct drilling *drilling)
{
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    char path[PATH_BYTES];
    HIN_TRY(drill_path(drilling, "/sign", path));
    HIN_TRY(hin_cli_api_call(drilling->api, HIN_HTTP_POST, path, HIN_VIEW_EMPTY, &document,
                             drilling->error));
    return print_one(drilling, hin_json_root(document));
}

/* Handed in; then what the manager says of it. */
static HIN_RESULT wait_judged(struct drilling *drilling, int64_t id)
{
    static const struct timespec pause = {.tv_nsec = 200 * 1000 * 1000};
    char path[PATH_BYTES];
    snprintf(path, sizeof(path), "/backups/drills/%lld", (long long)id);
    for (int i = 0; i < LOOKS_MAX; i++) {
        HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
        struct hin_view state, text = HIN_VIEW_EMPTY;
        HIN_TRY(hin_cli_api_call(drilling->api, HIN_HTTP_GET, path, HIN_VIEW_EMPTY, &document,
                                 drilling->error));
        struct hin_json root = hin_json_root(document);
        HIN_TRY(hin_json_get_text(root, "state", &state, drilling->error));
        HIN_TRY(hin_json_opt_text(root, "text", &text, drilling->error));
        if (hin_view_is(state, "good")) {
            return print_one(drilling, root);
        }
        if (hin_view_is(state, "failed")) {
            HIN_TRY(print_one(drilling, root));
            return hin_error_set(drilling->error, HIN_CONFLICT, NULL, 0, 0, "drill %lld: %.*s",
                                 (long long)id, HIN_ARGS(text));
        }
        (void)nanosleep(&pause, NULL);
    }
    return hin_error_set(drilling->error, HIN_TIMEOUT, NULL, 0, 0,
                         "drill %lld is handed in, and not judged yet: the process `backup` is "
                         "busy, or no destination is set (hinomi backup drill show %lld)",
                         (long long)id, (long long)id);
}

static HIN_RESULT hand_in(struct drilling *drilling, struct hin_view report)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf body = {.max = 2 * REPORT_MAX};
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    struct hin_json_writer writer;
    int64_t id = 0;
    hin_json_writer_init(&writer, &body, false);
    hin_json_begin_object(&writer);
    hin_json_field_text(&writer, "report", report);
    hin_json_end_object(&writer);
    HIN_TRY(hin_json_writer_finish(&writer));
    HIN_TRY(hin_cli_api_call(drilling->api, HIN_HTTP_POST, "/backups/drills", hin_buf_view(&body),
                             &document, drilling->error));
    HIN_TRY(
        hin_json_get_integer(hin_json_root(document), "ID", 1, INT64_MAX, &id, drilling->error));
    return wait_judged(drilling, id);
}

static HIN_RESULT record(struct drilling *drilling)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf report = {.max = REPORT_MAX};
    struct hin_result read = hin_file_read(AT_FDCWD, drilling->operand, &report);
    if (!hin_is_ok(read)) {
        return hin_error_set(drilling->error, read.code, drilling->operand, 0, 0,
                             "it cannot be read: %s", hin_code_text(read.code));
    }
    return hand_in(drilling, hin_buf_view(&report));
}

/* ---- a drill on this host ---- */

enum { RUN_ARGUMENTS_MAX = 64 };

/* `hinomi-manager drill`, whose report comes from its standard output. *ret_status: not 0, and it
 * has said why. */
static HIN_RESULT recover(const char *const *arguments, struct hin_buf *report, int *ret_status,
                          struct hin_error *error)
{
    char program[HIN_PATH_MAX] = "";
    if (!hin_is_ok(hin_cli_program_find(arguments[0], program))) {
        return hin_error_set(error, HIN_NOT_FOUND, program, 0, 0,
                             "a recovery needs the manager's program on this host. Elsewhere "
                             "`hinomi-manager drill --report FILE` makes it, and `hinomi backup "
                             "drill record FILE` hands it in");
    }
    return hin_cli_program_hear(program, arguments, report, ret_status);
}

/* argv: "run", and the options of `hinomi-manager drill`. */
static int run(int argc, char **argv)
{
    HIN_CLEANUP(hin_cli_api_done) struct hin_cli_api api = {0};
    HIN_CLEANUP(hin_buf_done) struct hin_buf report = {.max = REPORT_MAX};
    const char *arguments[RUN_ARGUMENTS_MAX] = {"hinomi-manager", "drill"};
    struct drill_options options = {0};
    struct hin_error error = {0};
    struct drilling drilling = {&api, &options, NULL, &error};
    int status = 0;
    for (int i = 1; i < argc; i++) {
        if (i + 2 >= RUN_ARGUMENTS_MAX || strncmp(argv[i], "--report", 8) == 0 ||
            strcmp(argv[i], "-r") == 0) {
            (void)hin_cli_complain_text("hinomi backup drill run: %s: the report goes to the "
                                        "manager",
                                        argv[i]);
            return HIN_CLI_USAGE;
        }
        arguments[i + 1] = argv[i];
    }
    /* Asked first, so that nobody waits for a recovery that cannot be handed in. */
    struct hin_result done = hin_cli_api_open(&api, &error);
    if (hin_is_ok(done)) {
        done = recover(arguments, &report, &status, &error);
    }
    if (!hin_is_ok(done)) {
        return hin_cli_finish(done, &error);
    }
    if (status != 0 && report.size == 0) {
        return status;
    }
    /* One that failed is handed in too: it is on record then. */
    return hin_cli_finish(hand_in(&drilling, hin_buf_view(&report)), &error);
}

static const struct verb {
    const char *name;
    size_t operands; /* with the verb */
    HIN_RESULT (*act)(struct drilling *drilling);
} verbs[] = {{"list", 1, list}, {"show", 2, show}, {"record", 2, record}, {"sign", 2, sign}};

static const struct verb *find_verb(char **operands, size_t count)
{
    for (size_t i = 0; i < HIN_COUNT(verbs); i++) {
        if (count == verbs[i].operands && strcmp(operands[0], verbs[i].name) == 0) {
            return &verbs[i];
        }
    }
    return count == 0 ? &verbs[0] : NULL;
}

int hin_cli_backup_drill(int argc, char **argv)
{
    HIN_CLEANUP(hin_cli_api_done) struct hin_cli_api api = {0};
    struct drill_options options = {0};
    struct hin_error error = {0};
    char **operands = NULL;
    size_t count = 0;
    int status = 0;
    if (argc > 1 && strcmp(argv[1], "run") == 0) {
        return run(argc - 1, argv + 1);
    }
    if (!hin_cli_parse(&hin_cli_backup_drill_usage, argc, argv, &options, &operands, &count,
                       &status)) {
        return status;
    }
    const struct verb *verb = find_verb(operands, count);
    if (verb == NULL) {
        (void)hin_cli_complain_text("hinomi backup drill %s", hin_cli_backup_drill_usage.operands);
        return HIN_CLI_USAGE;
    }
    struct drilling drilling = {&api, &options, count > 1 ? operands[1] : NULL, &error};
    struct hin_result done = hin_cli_api_open(&api, &error);
    if (hin_is_ok(done)) {
        done = verb->act(&drilling);
    }
    return hin_cli_finish(done, &error);
}
