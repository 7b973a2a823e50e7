/* The log sink of a program. Libraries never log; programs do, once, where it is decided.
 * One line a record: time, level, program[role], text; to standard error, with the "<N>" prefix of
 * sd-daemon(3) in place of time when JOURNAL_STREAM is set. Control characters in the text are
 * escaped. Never pass secrets. */
#ifndef HIN_BASE_LOG_H
#define HIN_BASE_LOG_H

#include "base/result.h"

enum hin_log_level {
    HIN_LOG_ERROR = 3,
    HIN_LOG_WARNING = 4,
    HIN_LOG_NOTICE = 5,
    HIN_LOG_INFO = 6,
    HIN_LOG_DEBUG = 7
};

/* name is borrowed for the life of the process ("hinomi-agent", role "uplink"). */
void hin_log_open(const char *program, const char *role, enum hin_log_level level);
void hin_log(enum hin_log_level level, const char *format, ...) HIN_PRINTF(2, 3);
/* "what: text (hint)" for a failed result. */
void hin_log_result(enum hin_log_level level, struct hin_result result, const char *format, ...)
    HIN_PRINTF(3, 4);

#endif
