#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/time.h"

#define LINE_BYTES 2048

/* The log sink: one of the few writable globals, see style rule 10. */
static const char *sink_program = "hinomi";
static const char *sink_role = "";
static enum hin_log_level sink_level = HIN_LOG_INFO;
static bool sink_journal;

void hin_log_open(const char *program, const char *role, enum hin_log_level level)
{
    sink_program = program;
    sink_role = role != NULL ? role : "";
    sink_level = level;
    sink_journal = getenv("JOURNAL_STREAM") != NULL;
}

static const char *level_name(enum hin_log_level level)
{
    switch (level) {
    case HIN_LOG_ERROR:
        return "error";
    case HIN_LOG_WARNING:
        return "warning";
    case HIN_LOG_NOTICE:
        return "notice";
    case HIN_LOG_INFO:
        return "info";
    case HIN_LOG_DEBUG:
        return "debug";
    }
    return "info";
}

static void write_line(enum hin_log_level level, const char *text)
{
    char line[LINE_BYTES + 128];
    int head = 0;
    if (sink_journal) {
        head = snprintf(line, sizeof(line), "<%d>", (int)level);
    } else {
        char now[32];
        hin_time_format_rfc3339(hin_clock_wall_usec(hin_clock_system()), 3, now, sizeof(now));
        head = snprintf(line, sizeof(line), "%s %s ", now, level_name(level));
    }
    size_t at = (size_t)head;
    at += (size_t)snprintf(line + at, sizeof(line) - at,
                           sink_role[0] != '\0' ? "%.32s[%.32s]: " : "%.32s%.32s: ", sink_program,
                           sink_role);
    for (const char *from = text; *from != '\0' && at + 6 < sizeof(line); from++) {
        uint8_t byte = (uint8_t)*from;
        if (byte < 0x20 || byte == 0x7f) {
            at += (size_t)snprintf(line + at, sizeof(line) - at, "\\x%02x", byte);
        } else {
            line[at++] = (char)byte;
        }
    }
    line[at++] = '\n';
    ssize_t written =
        write(STDERR_FILENO, line, at); /* one write: lines of several roles do not mix */
    (void)written;                      /* nobody is left to tell */
}

HIN_PRINTF(2, 0)
static void write_formatted(enum hin_log_level level, const char *format, va_list args)
{
    char text[LINE_BYTES];
    vsnprintf(text, sizeof(text), format, args);
    write_line(level, text);
}

void hin_log(enum hin_log_level level, const char *format, ...)
{
    if (level > sink_level) {
        return;
    }
    va_list args;
    va_start(args, format);
    write_formatted(level, format, args);
    va_end(args);
}

void hin_log_result(enum hin_log_level level, struct hin_result result, const char *format, ...)
{
    if (level > sink_level) {
        return;
    }
    char what[LINE_BYTES / 2];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof(what), format, args);
    va_end(args);
    char text[LINE_BYTES];
    const char *hint = hin_code_hint(result.code);
    snprintf(text, sizeof(text), hint[0] != '\0' ? "%s: %s (%s)" : "%s: %s%s", what,
             hin_code_text(result.code), hint);
    write_line(level, text);
}
