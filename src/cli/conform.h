/* `hinomi log conform`: OSSEC-style test files against a rule set. */
#ifndef HIN_CLI_CONFORM_H
#define HIN_CLI_CONFORM_H

#include <stdio.h>

#include "engine/log/log.h"

struct hin_conform_tally {
    unsigned passed;
    unsigned failed;
};

/* Judge every line of one test file (INI: sections of `rule`, `alert`, `decoder` and `log N
 * pass|fail`), each by an engine that remembers nothing. A failure prints one sentence to `out`
 * (NULL: silent). SYNTAX with line and column for a file that is none. The engine should run on
 * receipt time; each line is received at a fixed Wednesday noon of its zone, so that rules of time
 * and weekday answer the same on every day. */
HIN_RESULT hin_conform_file(struct hin_log_engine *engine, const struct hin_zone *zone,
                            const char *name, struct hin_view text, FILE *out,
                            struct hin_error *error, struct hin_conform_tally *tally);

#endif
