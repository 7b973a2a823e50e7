/* Log formats by name. What continues a record stands with each format's documentation: snort's
 * alert_full blocks, PostgreSQL's log_line_prefix (which begins with %m or %t, or has [ before) and
 * MySQL's error and general logs. */
#include "decode/log/framing.h"

#include "base/bytes.h"

#define COUNT_TIMEOUT_USEC INT64_C(5000000) /* who writes N lines may take a while */

struct named {
    struct hin_view name;
    enum hin_framing_kind kind;
};

static const struct named names[] = {
    {HIN_VIEW("syslog"), HIN_FRAMING_LINES},
    {HIN_VIEW("snort-full"), HIN_FRAMING_SNORT_FULL},
    {HIN_VIEW("snort-fast"), HIN_FRAMING_LINES},
    {HIN_VIEW("apache"), HIN_FRAMING_LINES},
    {HIN_VIEW("iis"), HIN_FRAMING_LINES},
    {HIN_VIEW("squid"), HIN_FRAMING_LINES},
    {HIN_VIEW("nmapg"), HIN_FRAMING_LINES},
    {HIN_VIEW("mysql-log"), HIN_FRAMING_MYSQL},
    {HIN_VIEW("postgresql-log"), HIN_FRAMING_POSTGRESQL},
    {HIN_VIEW("dbj-multilog"), HIN_FRAMING_LINES},
    {HIN_VIEW("eventlog"), HIN_FRAMING_LINES},
    {HIN_VIEW("single-line-text-log"), HIN_FRAMING_LINES},
    {HIN_VIEW("json"), HIN_FRAMING_JSON},
};

HIN_RESULT hin_framing_parse(struct hin_view name, struct hin_framing *ret_format)
{
    const struct hin_view counted = HIN_VIEW("multi-line:");
    *ret_format = (struct hin_framing){HIN_FRAMING_LINES, 0};
    if (name.size == 0) {
        return hin_ok();
    }
    for (size_t i = 0; i < HIN_COUNT(names); i++) {
        if (hin_view_equal(name, names[i].name)) {
            ret_format->kind = names[i].kind;
            return hin_ok();
        }
    }
    uint64_t lines = 0;
    HIN_ENSURE(hin_view_starts_with(name, counted), INVALID);
    HIN_ENSURE(hin_is_ok(hin_view_to_u64(hin_view_sub(name, counted.size, SIZE_MAX), &lines)) &&
                   lines >= 1 && lines <= HIN_MULTILINE_COUNT_MAX,
               INVALID);
    *ret_format = (struct hin_framing){HIN_FRAMING_COUNT, (uint32_t)lines};
    return hin_ok();
}

/* ---- where records begin ---- */

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* A '0' of the shape stands for any digit, what else is in it for itself. */
static bool has_shape(struct hin_view line, const char *shape)
{
    struct hin_view want = hin_view_from_text(shape);
    if (line.size < want.size) {
        return false;
    }
    for (size_t i = 0; i < want.size; i++) {
        bool fits = want.data[i] == '0' ? is_digit(line.data[i]) : line.data[i] == want.data[i];
        if (!fits) {
            return false;
        }
    }
    return true;
}

static bool snort_starts(void *context, struct hin_view line)
{
    (void)context;
    return hin_view_starts_with(line, HIN_VIEW("[**] ["));
}

/* "2026-11-23T08:00:00.1Z 8 [Note] ..." of the error log and the general log, "261123  8:00:00 ..."
 * of old ones; there, lines of the same second have tabs and the connection's number instead. */
static bool mysql_starts(void *context, struct hin_view line)
{
    (void)context;
    size_t tabs = 0, at;
    while (tabs < line.size && line.data[tabs] == '\t') {
        tabs++;
    }
    for (at = tabs; at < line.size && line.data[at] == ' ';) {
        at++;
    }
    struct hin_view rest = hin_view_sub(line, at, SIZE_MAX);
    size_t digits = 0;
    while (digits < rest.size && is_digit(rest.data[digits])) {
        digits++;
    }
    bool numbered = tabs > 0 && digits > 0 && digits < rest.size && rest.data[digits] == ' ';
    return numbered || has_shape(line, "000000 00:00:00") || has_shape(line, "000000  0:00:00") ||
           has_shape(line, "0000-00-00");
}

static bool has_severity(struct hin_view line)
{
    static const struct hin_view severities[] = {
        HIN_VIEW("LOG:  "),     HIN_VIEW("ERROR:  "),     HIN_VIEW("FATAL:  "),
        HIN_VIEW("PANIC:  "),   HIN_VIEW("WARNING:  "),   HIN_VIEW("NOTICE:  "),
        HIN_VIEW("INFO:  "),    HIN_VIEW("DETAIL:  "),    HIN_VIEW("HINT:  "),
        HIN_VIEW("CONTEXT:  "), HIN_VIEW("STATEMENT:  "),
    };
    struct hin_view head = hin_view_sub(line, 0, 256);
    for (size_t i = 0; i < HIN_COUNT(severities); i++) {
        if (hin_view_find(head, severities[i]) != SIZE_MAX) {
            return true;
        }
    }
    return false;
}

static bool postgresql_starts(void *context, struct hin_view line)
{
    (void)context;
    if (line.size == 0 || line.data[0] == '\t' || line.data[0] == ' ') {
        return false;
    }
    bool framed = line.data[0] == '[' || line.data[0] == '<';
    struct hin_view inside = hin_view_trim(hin_view_sub(line, framed ? 1 : 0, SIZE_MAX));
    return has_shape(inside, "0000-00-00 ") || has_severity(line);
}

bool hin_framing_joins(const struct hin_framing *format, struct hin_multiline_options *ret_options)
{
    static bool (*const starts[])(void *, struct hin_view) = {
        [HIN_FRAMING_SNORT_FULL] = snort_starts,
        [HIN_FRAMING_MYSQL] = mysql_starts,
        [HIN_FRAMING_POSTGRESQL] = postgresql_starts,
        [HIN_FRAMING_JSON] = NULL,
    };
    *ret_options = (struct hin_multiline_options){.mode = HIN_MULTILINE_START};
    if (format->kind == HIN_FRAMING_COUNT) {
        ret_options->mode = HIN_MULTILINE_COUNT;
        ret_options->count = format->line_count;
        ret_options->timeout_usec = COUNT_TIMEOUT_USEC;
        return true;
    }
    ret_options->starts = starts[format->kind];
    return ret_options->starts != NULL;
}

/* ---- what rules see ---- */

HIN_RESULT hin_framing_text(const struct hin_framing *format, struct hin_view record,
                            struct hin_buf *scratch, struct hin_view *ret_text)
{
    struct hin_multiline_options unused;
    if (hin_framing_joins(format, &unused)) {
        record = hin_view_trim(record); /* an empty line ends a block */
    }
    *ret_text = record;
    if (format->kind == HIN_FRAMING_MYSQL) {
        hin_buf_clear(scratch);
        HIN_TRY(hin_buf_append_text(scratch, "MySQL log: "));
        HIN_TRY(hin_buf_append(scratch, record));
        *ret_text = hin_buf_view(scratch);
    }
    return hin_ok();
}
