/* The process title, as ps(1) shows it. The kernel shows the memory that argv (and, when the text
 * has run over it, environ) lay in: both are first copied away, then that memory is ours to write.
 * Writing a title therefore also wipes every argument, so that no secret given on the command line
 * stays visible. */
#ifndef HIN_ROLE_TITLE_H
#define HIN_ROLE_TITLE_H

#include "base/result.h"

/* Copies argv and environ to the heap and replaces *argv. Done by hin_role_child; a second call
 * does nothing. */
HIN_RESULT hin_role_title_init(int argc, char ***argv) HIN_NONNULL;
/* "hinomi-agent: uplink"; cut to the room there is. Does nothing before _init. Also sets the
 * thread's short name. */
void hin_role_title_set(const char *text) HIN_NONNULL;
/* Overwrite one of the copied arguments (and with it what a core file could show) once it has been
 * read. */
void hin_role_title_wipe(char *argument);

#endif
