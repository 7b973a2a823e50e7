/* Path texts. */
#ifndef HIN_BASE_PATH_H
#define HIN_BASE_PATH_H

#include "base/result.h"
#include "base/view.h"

#define HIN_PATH_MAX 4096

/* "a" + "b" -> "a/b"; an absolute second part stands alone. LIMIT when it does not fit. */
HIN_RESULT hin_path_join(char *out, size_t out_bytes, const char *first, const char *second);
/* As it is from the root, with no slash at its end; out: HIN_PATH_MAX. LIMIT; IO: where is here? */
HIN_RESULT hin_path_absolute(const char *path, char *out);
/* The folder of the program that runs, where what belongs to it stands; out: HIN_PATH_MAX. IO:
 * /proc does not say. */
HIN_RESULT hin_path_of_program(char *out);
const char *hin_path_base(const char *path); /* what follows the last slash */
/* Absolute, no ".", "..", empty parts or NUL: what we accept from a policy or the network. */
bool hin_path_is_clean(struct hin_view path);
/* fnmatch-like over whole paths: `*` and `?` stay inside one level, `**` crosses levels, [a-z]
 * sets. */
bool hin_path_glob(struct hin_view pattern, struct hin_view path);

#endif
