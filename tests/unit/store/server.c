#include "server.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"

#ifdef TEST_LINK

static struct hin_store_server server;
static char folder[64];

const char *test_server_folder(void)
{
    return folder;
}

HIN_RESULT test_server_ask(const char *what, const char *option, char *out, size_t out_bytes)
{
    int ends[2], status = 0;
    size_t size = 0;
    HIN_ENSURE(pipe2(ends, O_CLOEXEC) == 0, IO);
    pid_t pid = fork();
    if (pid == 0) {
        (void)dup2(ends[1], STDOUT_FILENO);
        (void)execl(TOOLS_FOLDER "/postgres", "postgres", what, folder, option, (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    while (pid > 0 && size + 1 < out_bytes) {
        ssize_t got = read(ends[0], out + size, out_bytes - 1 - size);
        if (got <= 0) {
            break;
        }
        size += (size_t)got;
    }
    close(ends[0]);
    HIN_ENSURE(pid > 0 && waitpid(pid, &status, 0) == pid, IO);
    size -= size > 0 && out[size - 1] == '\n';
    out[size] = '\0';
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? hin_ok() : hin_fail(HIN_IO);
}

bool test_server_do(const char *what, const char *option)
{
    char said[4096];
    return hin_is_ok(test_server_ask(what, option, said, sizeof(said)));
}

static void stop(void)
{
    (void)test_server_do("stop", "--now");
    HIN_IGNORE(hin_directory_remove(folder));
}

static HIN_RESULT read_file(const char *name, char *out, size_t out_bytes)
{
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    HIN_CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
    HIN_ENSURE(fd >= 0, NOT_FOUND);
    ssize_t size = read(fd, out, out_bytes - 1);
    HIN_ENSURE(size > 0, IO);
    size -= out[size - 1] == '\n';
    out[size] = '\0';
    return hin_ok();
}

HIN_RESULT test_server_forked(void)
{
    char password[128];
    HIN_TRY(read_file("password", password, sizeof(password)));
    return hin_secret_from(&server.password, hin_view_from_text(password));
}

static HIN_RESULT start(void)
{
    char url[1024];
    struct hin_error error = {0};
    (void)snprintf(folder, sizeof(folder), "/tmp/hinomi-pg-XXXXXX");
    HIN_ENSURE(mkdtemp(folder) != NULL, IO);
    (void)atexit(stop);
    HIN_ENSURE(test_server_do("start", "--tls"), IO);
    HIN_TRY(read_file(TEST_LINK ".url", url, sizeof(url)));
    struct hin_result parsed = hin_store_server_parse(url, &server, &error);
    if (!hin_is_ok(parsed)) {
        (void)printf("# %s\n", error.text);
        return parsed;
    }
    return test_server_forked();
}

const struct hin_store_server *test_server(void)
{
    if (folder[0] == '\0' && !hin_is_ok(start())) {
        (void)printf("# the PostgreSQL server of the tests did not start\n");
        exit(1);
    }
    return &server;
}

#else

const struct hin_store_server *test_server(void)
{
    return NULL;
}

#endif
