/* Text for people, on a terminal: what somebody else chose (a log line, a file's name, a message of
 * another program) must not drive it. Every program writes such text through here. */
#ifndef HIN_BASE_TERMINAL_H
#define HIN_BASE_TERMINAL_H

#include <stdarg.h>
#include <stdio.h>

#include "base/result.h"
#include "base/view.h"

struct hin_terminal_character {
    unsigned number; /* of the character, or the byte's when it is none of UTF-8 (RFC 3629) */
    size_t size;     /* bytes, 1 at least */
    bool stray;      /* a byte that is none of UTF-8 */
    bool hazard;     /* a terminal must not get it: a control of C0 or C1, DEL, a mark that reorders
                        what is read (Unicode's annex 9), a stray byte */
};

/* What stands at text[at], which is within. */
struct hin_terminal_character hin_terminal_look(struct hin_view text, size_t at);

/* Such characters as \uXXXX, which JSON reads back; stray bytes as \xXX. Tabs and line ends stay.
 * False: not all was written. */
bool hin_terminal_put(struct hin_view text, FILE *out);

/* One line of at most 16 KiB, as printf makes it, and a line end: in it, line ends are escaped too,
 * so that nothing quoted can pass for a line of ours. */
void hin_terminal_line(FILE *out, const char *format, ...) HIN_PRINTF(2, 3);
void hin_terminal_vline(FILE *out, const char *format, va_list args) HIN_PRINTF(2, 0);

#endif
