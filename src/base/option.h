/* Options as a const table that drives parsing, validation, --help and the man page. One table a
 * command. */
#ifndef HIN_BASE_OPTION_H
#define HIN_BASE_OPTION_H

#include <stdio.h>

#include "base/result.h"

enum hin_option_type {
    HIN_OPTION_FLAG,     /* bool */
    HIN_OPTION_TEXT,     /* const char * (borrowed from argv) */
    HIN_OPTION_TEXTS,    /* struct hin_option_texts, repeatable */
    HIN_OPTION_COUNT,    /* uint64_t */
    HIN_OPTION_DURATION, /* int64_t microseconds */
    HIN_OPTION_CHOICE,   /* const char *, one of choices */
};

#define HIN_OPTION_TEXTS_MAX 64
struct hin_option_texts {
    const char *items[HIN_OPTION_TEXTS_MAX];
    size_t count;
};

struct hin_option {
    const char *name; /* "since": long option, without dashes */
    char letter;      /* short option, or 0 */
    enum hin_option_type type;
    size_t offset;       /* offsetof in the command's option struct */
    const char *value;   /* placeholder for --help: "TIME"; NULL for flags */
    const char *help;    /* one sentence */
    const char *choices; /* "table|json" for CHOICE */
    bool required;
    bool secret; /* value is a secret: warned about and wiped from the process title */
};

struct hin_command {
    const char *name;     /* "hinomi events" */
    const char *summary;  /* one line */
    const char *operands; /* "[FILE...]" or NULL */
    const char *details;  /* more paragraphs for --help and the man page, or NULL */
    const struct hin_option *options;
    size_t option_count;
    size_t operands_min, operands_max;
};

/* Parse argv[1..argc) by the table into `options` (whose defaults the caller has set). Accepts
 * --name=value,
 * --name value, -x value, `--` and operands between options. On success *ret_operands points into
 * argv (reordered) and *ret_operand_count counts them. --help/-h: *ret_help = true and the rest is
 * not validated. Failure: INVALID with a sentence in `error`. */
HIN_RESULT hin_option_parse(const struct hin_command *command, int argc, char **argv, void *options,
                            char ***ret_operands, size_t *ret_operand_count, bool *ret_help,
                            struct hin_error *error);
void hin_option_help(const struct hin_command *command, FILE *out);
/* The same table as roff (man page sections SYNOPSIS, DESCRIPTION, OPTIONS). */
void hin_option_man(const struct hin_command *command, FILE *out);

#endif
