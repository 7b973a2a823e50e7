/* hinomi tenant export, hinomi tenant open: all that a tenant holds, into a sealed file, and out of
 * it. */
#include "cli/takeout.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/codec.h"
#include "base/fd.h"
#include "base/terminal.h"
#include "base/time.h"
#include "cli/api.h"
#include "cli/object.h"
#include "cli/output.h"
#include "proof/takeout.h"

enum { CHUNK_BYTES = 256 * 1024, NEXT_BYTES = 4096 };
#define PROGRESS_USEC (2 * HIN_SEC_USEC)

struct takeout_options {
    const char *output;
    bool quiet;
};

static const struct hin_option export_table[] = {
    {"output", 'o', HIN_OPTION_TEXT, offsetof(struct takeout_options, output), "FILE",
     "The file to make, mode 0600; one that is there already is never overwritten.", NULL, true,
     false},
    {"quiet", 'q', HIN_OPTION_FLAG, offsetof(struct takeout_options, quiet), NULL,
     "No progress on standard error.", NULL, false, false},
};
const struct hin_command hin_cli_tenant_export_usage = {
    "hinomi tenant export",
    "put all that a tenant holds into a sealed file",
    "[TENANT]",
    "Events, documents and audit record. Without TENANT one's own; another's (name or ID) by who "
    "runs the installation. The file opens with this manager alone (hinomi tenant open), and as "
    "long as nothing that stands in it was erased. Cut off, what is there opens to nobody: remove "
    "it and start again.",
    export_table,
    HIN_COUNT(export_table),
    0,
    1};
static const struct hin_option open_table[] = {
    {"quiet", 'q', HIN_OPTION_FLAG, offsetof(struct takeout_options, quiet), NULL,
     "No progress on standard error.", NULL, false, false},
};
const struct hin_command hin_cli_tenant_open_usage = {
    "hinomi tenant open",
    "open an export of a tenant: JSON lines on standard output",
    "FILE",
    "Through the manager, which has the key. Lines come as they are opened; exit status 0 says "
    "that "
    "the file was whole and unaltered, 1 that it is not, and where.",
    open_table,
    HIN_COUNT(open_table),
    1,
    1};

static const struct hin_cli_collection tenants = {"/tenants", "tenants", "name", "tenant"};

struct progress {
    bool quiet;
    int64_t told_usec;
    int64_t records, bytes;
};

static void tell(struct progress *progress, const char *what, bool last)
{
    int64_t now_usec = hin_clock_monotonic_usec(hin_clock_system());
    if (progress->quiet || (!last && now_usec - progress->told_usec < PROGRESS_USEC)) {
        return;
    }
    if (last || progress->told_usec != 0) {
        fprintf(stderr, "%s: %lld records, %lld KiB%s\n", what, (long long)progress->records,
                (long long)(progress->bytes / 1024), last ? ", whole" : " so far");
    }
    progress->told_usec = now_usec;
}

/* ---- export ---- */

struct export
{
    struct hin_cli_api *api;
    struct hin_cli_output to;
    char query[48];
    int64_t id;
    struct hin_takeout takeout;
    struct hin_buf cursor; /* as the manager said it; what is asked for next */
    struct progress progress;
    bool done;
};

static HIN_RESULT read_begun(struct export *export, struct hin_json root, struct hin_error *error)
{
    struct hin_view guid, tenant, key;
    int64_t taken_msec = 0;
    struct hin_takeout *takeout = &export->takeout;
    HIN_TRY(hin_json_get_integer(root, "ID", 1, INT64_MAX, &export->id, error));
    HIN_TRY(hin_json_get_text(root, "guid", &guid, error));
    HIN_TRY(hin_json_get_text(root, "tenant", &tenant, error));
    HIN_TRY(hin_json_get_text(root, "keyID", &key, error));
    HIN_TRY(hin_json_get_integer(root, "tenantID", 0, INT64_MAX, &takeout->number, error));
    HIN_TRY(hin_json_get_integer(root, "taken", 0, INT64_MAX / 1000, &taken_msec, error));
    HIN_TRY(hin_view_to_text(guid, takeout->id, sizeof(takeout->id)));
    HIN_TRY(hin_view_to_text(tenant, takeout->tenant, sizeof(takeout->tenant)));
    HIN_ENSURE(guid.size == HIN_TAKEOUT_UUID_BYTES && tenant.size == HIN_TAKEOUT_UUID_BYTES &&
                   key.size == 2 * sizeof(takeout->key),
               PROTOCOL);
    HIN_TRY(hin_unhex(key, takeout->key, sizeof(takeout->key)));
    takeout->time_usec = taken_msec * HIN_MSEC_USEC;
    return hin_ok();
}

static HIN_RESULT write_bytes(struct export *export, const struct hin_buf *bytes)
{
    HIN_TRY(hin_cli_output_write(&export->to, hin_buf_view(bytes)));
    export->progress.bytes += (int64_t)bytes->size;
    return hin_ok();
}

static HIN_RESULT begin(struct export *export, struct hin_error *error)
{
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    HIN_CLEANUP(hin_buf_done) struct hin_buf head = {.max = HIN_TAKEOUT_HEAD_BYTES};
    char path[96];
    snprintf(path, sizeof(path), "/exports%s", export->query);
    HIN_TRY(hin_cli_api_call(export->api, HIN_HTTP_POST, path, HIN_VIEW_EMPTY, &document, error));
    HIN_TRY(read_begun(export, hin_json_root(document), error));
    HIN_TRY(hin_takeout_head_write(&export->takeout, &head));
    HIN_TRY(write_bytes(export, &head));
    return hin_buf_append_text(&export->cursor,
                               "{\"record\":1,\"kind\":1,\"after\":0,\"documents\":0,\"events\":0,"
                               "\"audit\":0,\"damaged\":0}");
}

/* u32 size | where to go on, JSON | the sealed record. */
static HIN_RESULT take_record(struct export *export, struct hin_view answer,
                              struct hin_error *error)
{
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    HIN_CLEANUP(hin_buf_done) struct hin_buf framed = {.max = HIN_TAKEOUT_RECORD_MAX + 4};
    struct hin_reader reader = hin_reader_of(answer);
    struct hin_json_writer writer;
    struct hin_json next;
    struct hin_view text;
    uint32_t size = 0;
    HIN_TRY(hin_read_u32(&reader, &size));
    HIN_TRY(hin_read_exact(&reader, size, &text));
    HIN_TRY(hin_json_parse(text, NEXT_BYTES, &document, error));
    HIN_TRY(hin_json_get_boolean(hin_json_root(document), "done", &export->done, error));
    HIN_TRY(hin_json_get_object(hin_json_root(document), "next", &next, error));
    HIN_TRY(hin_takeout_record_write(reader.rest, &framed));
    HIN_TRY(write_bytes(export, &framed));
    export->progress.records++;
    hin_buf_clear(&export->cursor);
    hin_json_writer_init(&writer, &export->cursor, false);
    hin_json_put_value(&writer, next);
    return hin_json_writer_finish(&writer);
}

static HIN_RESULT take_all(struct export *export, struct hin_error *error)
{
    char path[96];
    HIN_TRY(begin(export, error));
    snprintf(path, sizeof(path), "/exports/%lld/next%s", (long long)export->id, export->query);
    while (!export->done) {
        HIN_TRY(hin_cli_api_call(export->api, HIN_HTTP_POST, path, hin_buf_view(&export->cursor),
                                 NULL, error));
        HIN_TRY(take_record(export, hin_buf_view(&export->api->answer.body), error));
        tell(&export->progress, "exported", export->done);
    }
    return hin_ok();
}

static HIN_RESULT run_export(struct hin_cli_api *api, const void *given, const char *operand,
                             struct hin_error *error)
{
    const struct takeout_options *options = given;
    struct export export = {.api = api, .cursor = {.max = 4096}};
    int64_t number = 0;
    export.progress.quiet = options->quiet;
    if (operand != NULL) {
        HIN_TRY(hin_cli_find(api, &tenants, operand, &number, error));
        snprintf(export.query, sizeof(export.query), "?tenant=%lld", (long long)number);
    }
    HIN_TRY(hin_cli_output_open(&export.to, options->output, HIN_CLI_OUTPUT_NEW, error));
    struct hin_result result = take_all(&export, error);
    hin_buf_done(&export.cursor);
    return hin_cli_output_close(&export.to, result, error); /* half of it opens to nobody */
}

/* ---- open ---- */

struct opening {
    struct hin_cli_api *api;
    const char *path;
    int fd;
    struct hin_buf held;
    int64_t offset; /* in the file, of what `held` begins with */
    bool end;       /* of the file */
    struct hin_takeout takeout;
    struct hin_takeout_tally tally;
    struct progress progress;
};

static HIN_RESULT refuse(const struct opening *opening, enum hin_code code, const char *what,
                         struct hin_error *error)
{
    return hin_error_set(error, code, opening->path, 0, 0, "record %lld, at byte %lld: %s",
                         (long long)opening->progress.records + 1, (long long)opening->offset,
                         what);
}

static HIN_RESULT refill(struct opening *opening)
{
    uint8_t *to = NULL;
    size_t size = 0;
    size_t before = opening->held.size;
    HIN_TRY(hin_buf_extend(&opening->held, CHUNK_BYTES, &to));
    struct hin_result read = hin_fd_read_some(opening->fd, to, CHUNK_BYTES, &size);
    opening->held.size = before + (hin_is_ok(read) ? size : 0);
    opening->end = size == 0;
    return read;
}

static HIN_RESULT read_head(struct opening *opening, struct hin_error *error)
{
    while (opening->held.size < HIN_TAKEOUT_HEAD_BYTES && !opening->end) {
        HIN_TRY(refill(opening));
    }
    size_t size = HIN_MIN(opening->held.size, (size_t)HIN_TAKEOUT_HEAD_BYTES);
    struct hin_result read =
        hin_takeout_head_read(hin_view_of(opening->held.data, size), &opening->takeout);
    if (!hin_is_ok(read)) {
        return hin_error_set(error, read.code, opening->path, 0, 0, "%s",
                             read.code == HIN_PROTOCOL ? "no export of a tenant"
                             : read.code == HIN_UNSUPPORTED
                                 ? "an export of a newer version: update this program"
                             : read.code == HIN_TRUNCATED ? "cut off within its head"
                                                          : "its head is damaged or altered");
    }
    hin_buf_consume(&opening->held, HIN_TAKEOUT_HEAD_BYTES);
    opening->offset = HIN_TAKEOUT_HEAD_BYTES;
    return hin_ok();
}

/* *ret_sealed.data NULL: the file ends here. Borrowed until the next call. */
static HIN_RESULT next_record(struct opening *opening, struct hin_view *ret_sealed,
                              struct hin_error *error)
{
    for (;;) {
        struct hin_result read = hin_takeout_record_read(hin_buf_view(&opening->held), ret_sealed);
        if (hin_is_ok(read)) {
            return read;
        }
        if (read.code != HIN_AGAIN) {
            return refuse(opening, HIN_CORRUPT, "no record begins here", error);
        }
        if (opening->end && opening->held.size == 0) {
            *ret_sealed = (struct hin_view){0};
            return hin_ok();
        }
        if (opening->end) {
            return refuse(opening, HIN_TRUNCATED, "the file is cut off within it", error);
        }
        HIN_TRY(refill(opening));
    }
}

static HIN_RESULT put_lines(struct opening *opening, struct hin_view text, struct hin_error *error)
{
    struct hin_view line;
    bool terminal = isatty(STDOUT_FILENO) == 1;
    while (hin_view_split(&text, '\n', &line)) {
        if (line.size == 0) {
            continue;
        }
        struct hin_error why = {0};
        struct hin_result fits = hin_takeout_line(&opening->tally, &opening->takeout, line, &why);
        if (!hin_is_ok(fits)) {
            return refuse(opening, fits.code, why.text, error);
        }
        if (terminal) {
            (void)hin_terminal_put(line, stdout);
        } else {
            fwrite(line.data, 1, line.size, stdout);
        }
        fputc('\n', stdout);
    }
    return hin_ok();
}

static HIN_RESULT open_record(struct opening *opening, struct hin_view sealed,
                              struct hin_error *error)
{
    struct hin_error why = {0};
    char path[160];
    snprintf(path, sizeof(path), "/exports/open?tenant=%lld&export=%s&number=%lld",
             (long long)opening->takeout.number, opening->takeout.id,
             (long long)opening->progress.records + 1);
    struct hin_result opened = hin_cli_api_send(opening->api, path, sealed, &why);
    if (!hin_is_ok(opened)) {
        return refuse(opening, opened.code, why.text, error);
    }
    HIN_TRY(put_lines(opening, hin_buf_view(&opening->api->answer.body), error));
    opening->progress.records++;
    opening->progress.bytes += (int64_t)sealed.size;
    opening->offset += 4 + (int64_t)sealed.size;
    hin_buf_consume(&opening->held, 4 + sealed.size);
    return hin_ok();
}

static HIN_RESULT open_all(struct opening *opening, struct hin_error *error)
{
    struct hin_view sealed;
    HIN_TRY(read_head(opening, error));
    for (;;) {
        HIN_TRY(next_record(opening, &sealed, error));
        if (sealed.data == NULL) {
            break;
        }
        if (opening->tally.ended) {
            return refuse(opening, HIN_CORRUPT, "something stands behind the end", error);
        }
        HIN_TRY(open_record(opening, sealed, error));
        tell(&opening->progress, "opened", false);
    }
    if (!opening->tally.ended) {
        return refuse(opening, HIN_TRUNCATED, "the file is cut off here: its end is missing",
                      error);
    }
    tell(&opening->progress, "opened", true);
    return hin_ok();
}

static HIN_RESULT run_open(struct hin_cli_api *api, const void *given, const char *operand,
                           struct hin_error *error)
{
    const struct takeout_options *options = given;
    HIN_CLEANUP_FD int fd = -1;
    struct opening opening = {
        .api = api, .path = operand, .held = {.max = HIN_TAKEOUT_RECORD_MAX + 2 * CHUNK_BYTES}};
    opening.progress.quiet = options->quiet;
    struct hin_result result = hin_fd_open(AT_FDCWD, operand, O_RDONLY, 0, &fd);
    if (!hin_is_ok(result)) {
        return hin_error_set(error, result.code, operand, 0, 0, "the export cannot be read: %s",
                             hin_code_text(result.code));
    }
    opening.fd = fd;
    result = open_all(&opening, error);
    hin_buf_done(&opening.held);
    return result;
}

/* ---- both ---- */

int hin_cli_tenant_export(int argc, char **argv)
{
    struct takeout_options options = {0};
    return hin_cli_run(&hin_cli_tenant_export_usage, argc, argv, &options, run_export);
}

int hin_cli_tenant_open(int argc, char **argv)
{
    struct takeout_options options = {0};
    return hin_cli_run(&hin_cli_tenant_open_usage, argc, argv, &options, run_open);
}
