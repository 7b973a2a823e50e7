#include "cli/program.h"

#include <errno.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"

HIN_RESULT hin_cli_program_find(const char *name, char ret_path[HIN_PATH_MAX])
{
    char folder[HIN_PATH_MAX];
    HIN_TRY(hin_path_of_program(folder));
    HIN_TRY(hin_path_join(ret_path, HIN_PATH_MAX, folder, name));
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

HIN_RESULT hin_cli_program_hear(const char *path, const char *const *arguments,
                                struct hin_buf *ret_said, int *ret_status)
{
    HIN_CLEANUP_FD int out = memfd_create("hinomi-said", MFD_CLOEXEC);
    HIN_ENSURE(out >= 0, NO_MEMORY);
    HIN_TRY(hin_cli_program_run(path, arguments, -1, out, ret_status));
    HIN_ENSURE(lseek(out, 0, SEEK_SET) == 0, IO);
    return hin_fd_read_all(out, ret_said);
}
