/* Programs of Hinomi that a command has do a part of its work: they stand in the folder of `hinomi`
 * itself. */
#ifndef HIN_CLI_PROGRAM_H
#define HIN_CLI_PROGRAM_H

#include "base/buf.h"
#include "base/path.h"
#include "base/result.h"

/* NOT_FOUND: it is not there, or may not be run; what to do then is for the caller to say. */
HIN_RESULT hin_cli_program_find(const char *name, char ret_path[HIN_PATH_MAX]);

/* Runs `path`, with `in` and `out` for its standard input and output (-1: our own), and waits.
 * arguments: its own name first, NULL last. *ret_status: its exit status, 128 + the signal that
 * ended it, or 127 when it cannot be run. NO_MEMORY when there can be no further process. */
HIN_RESULT hin_cli_program_run(const char *path, const char *const *arguments, int in, int out,
                               int *ret_status);
/* The same, and what it writes to its standard output, appended. LIMIT: more than fits. */
HIN_RESULT hin_cli_program_hear(const char *path, const char *const *arguments,
                                struct hin_buf *ret_said, int *ret_status);

#endif
