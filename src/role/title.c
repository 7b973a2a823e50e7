#include "role/title.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/path.h"

/* The one place of the process that the kernel shows: there is exactly one, so its bounds are kept
 * here. */
static struct {
    char *start;
    size_t size;
    char **arguments; /* the copies; reachable for ever */
} title;

/* Copies of `count` strings; NULL when memory is short (what was copied stays, the process ends
 * then). */
static char **copy_all(char **strings, size_t count)
{
    char **copies = calloc(count + 1, sizeof(*copies));
    for (size_t i = 0; copies != NULL && i < count; i++) {
        copies[i] = strdup(strings[i]);
        if (copies[i] == NULL) {
            return NULL;
        }
    }
    return copies;
}

/* How far the strings lie one behind the other in memory, as the kernel lays them out. */
static char *end_of(char **strings, size_t count, char *end)
{
    for (size_t i = 0; i < count && strings[i] == end; i++) {
        end += strlen(strings[i]) + 1;
    }
    return end;
}

HIN_RESULT hin_role_title_init(int argc, char ***argv)
{
    if (title.start != NULL || argc < 1 || (*argv)[0] == NULL) {
        return hin_ok();
    }
    size_t variables = 0;
    while (environ != NULL && environ[variables] != NULL) {
        variables++;
    }
    char **arguments = copy_all(*argv, (size_t)argc);
    HIN_ENSURE(arguments != NULL, NO_MEMORY);
    char **variables_copy = copy_all(environ, variables);
    HIN_ENSURE(variables_copy != NULL, NO_MEMORY);
    char *end = end_of(*argv, (size_t)argc, (*argv)[0]);
    end = end_of(environ, variables, end);
    title.start = (*argv)[0];
    title.size = (size_t)(end - title.start);
    title.arguments = arguments;
    program_invocation_name = arguments[0];
    program_invocation_short_name =
        arguments[0] + (hin_path_base(arguments[0]) - (const char *)arguments[0]);
    environ = variables_copy;
    *argv = arguments;
    return hin_ok();
}

void hin_role_title_set(const char *text)
{
    if (title.start == NULL) {
        return;
    }
    size_t size = HIN_MIN(strlen(text), title.size - 1);
    hin_wipe(title.start, title.size);
    hin_copy(title.start, text, size);
    const char *role = strrchr(text, ' ');
    (void)prctl(PR_SET_NAME, role != NULL ? role + 1 : hin_path_base(text), 0, 0, 0);
}

void hin_role_title_wipe(char *argument)
{
    if (argument != NULL) {
        hin_wipe(argument, strlen(argument));
    }
}
