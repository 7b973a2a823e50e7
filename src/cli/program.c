#include "cli/program.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

HIN_RESULT hin_cli_program_find(const char *name, char ret_path[HIN_PATH_MAX])
{
    char own[HIN_PATH_MAX];
    ssize_t size = readlink("/proc/self/exe", own, sizeof(own) - 1);
    HIN_ENSURE(size > 0, IO);
    own[size] = '\0';
    char *slash = strrchr(own, '/');
    HIN_ENSURE(slash != NULL, IO);
    *slash = '\0';
    HIN_TRY(hin_path_join(ret_path, HIN_PATH_MAX, own, name));
    return access(ret_path, X_OK) == 0 ? hin_ok() : hin_fail(HIN_NOT_FOUND);
}

static void become(const char *path, const char *const *arguments, int in, int out)
{
    if ((in < 0 || dup2(in, STDIN_FILENO) >= 0) && (out < 0 || dup2(out, STDOUT_FILENO) >= 0)) {
        (void)execv(path, (char *const *)(uintptr_t)arguments);
    }
    _exit(127);
}

HIN_RESULT hin_cli_program_run(const char *path, const char *const *arguments, int in, int out,
                               int *ret_status)
{
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        become(path, arguments, in, out);
    }
    HIN_ENSURE(child > 0, NO_MEMORY);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    *ret_status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return hin_ok();
}
