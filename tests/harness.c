#include "harness.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"

static struct test_case *tests;
static bool failed;
static char folder[64];

void test_register(struct test_case *test)
{
    struct test_case **at = &tests;
    while (*at != NULL) {
        at = &(*at)->next;
    }
    *at = test;
}

void test_fail(const char *file, int line, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    printf("# %s:%d: ", file, line);
    vprintf(format, args);
    printf("\n");
    va_end(args);
    failed = true;
}

bool test_view_is(struct hin_view view, const char *text, const char *file, int line)
{
    if (hin_view_is(view, text)) {
        return true;
    }
    test_fail(file, line, "got \"%.*s\", wanted \"%s\"", HIN_ARGS(view), text);
    return false;
}

const char *test_folder(void)
{
    if (folder[0] == '\0') {
        snprintf(folder, sizeof(folder), "/tmp/hinomi-test-XXXXXX");
        if (mkdtemp(folder) == NULL) {
            perror("mkdtemp");
            exit(2);
        }
    }
    return folder;
}

int main(int argc, char **argv)
{
    const char *only = argc > 1 ? argv[1] : "";
    int count = 0;
    int failures = 0;
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (struct test_case *test = tests; test != NULL; test = test->next) {
        if (strstr(test->name, only) == NULL) {
            continue;
        }
        failed = false;
        folder[0] = '\0';
        test->run();
        if (folder[0] != '\0') {
            HIN_IGNORE(hin_directory_remove(folder)); /* a leftover folder in /tmp fails no test */
        }
        count++;
        failures += failed ? 1 : 0;
        printf("%s %d - %s\n", failed ? "not ok" : "ok", count, test->name);
    }
    printf("1..%d\n", count);
    return failures > 0 ? 1 : 0;
}
