/* A file that a command makes for its user: mode 0600, whole and durable when it is closed without
 * a failure, else not there. */
#ifndef HIN_CLI_OUTPUT_H
#define HIN_CLI_OUTPUT_H

#include <stddef.h>
#include <stdio.h>

#include "base/option.h"
#include "base/result.h"
#include "base/view.h"

struct hin_cli_output {
    const char *path; /* the user's name for it */
    FILE *file;
    char fresh[1100]; /* what it is called until it is whole; empty: `path` from the beginning */
};

enum hin_cli_output_way {
    HIN_CLI_OUTPUT_NEW,     /* EXISTS when there is one already */
    HIN_CLI_OUTPUT_REPLACE, /* one that is there gives way once this is whole */
};

/* Which file: --output FILE says so everywhere; where it was an operand before, that still goes.
 * otherwise: where neither is given; NULL: one has to be. False: the mistake has been told, and the
 * exit status is HIN_CLI_USAGE. */
bool hin_cli_output_choose(const char *option, char **operands, size_t count, const char *otherwise,
                           const char **ret_path) __attribute__((nonnull(5)));
#define HIN_CLI_OUTPUT_ROW(type, member)                                                           \
    {                                                                                              \
        "output", 'o', HIN_OPTION_TEXT, offsetof(type, member), "FILE",                            \
            "The file to make; the same as FILE without an option. -: standard output.", NULL,     \
            false, false                                                                           \
    }

/* "-": standard output. `path` is borrowed until the close. Errors name the file. */
HIN_RESULT hin_cli_output_open(struct hin_cli_output *ret_output, const char *path,
                               enum hin_cli_output_way way, struct hin_error *error);
HIN_RESULT hin_cli_output_write(struct hin_cli_output *output, struct hin_view bytes); /* IO */
/* result: how the writing went; a failure of it is handed on, and the file is removed. A zeroed
 * output is none. */
HIN_RESULT hin_cli_output_close(struct hin_cli_output *output, struct hin_result result,
                                struct hin_error *error);

#endif
