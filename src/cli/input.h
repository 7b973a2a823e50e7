/* A file that a user names, read whole. */
#ifndef HIN_CLI_INPUT_H
#define HIN_CLI_INPUT_H

#include "base/buf.h"
#include "base/result.h"

/* "-": standard input. what: "the certificate", for the sentence of an error. */
HIN_RESULT hin_cli_input(const char *path, const char *what, struct hin_buf *text,
                         struct hin_error *error) __attribute__((nonnull(1, 2, 3)));

#endif
