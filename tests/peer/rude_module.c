/* A PKCS#11 module that is an attacker: what a captured token driver would try from inside its
 * process. Each attempt and its outcome is a line of the file $RUDE_LOG, which init lets it write.
 * It gives no functions, so its process ends and nothing is served. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <p11-kit/pkcs11.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void tell(const char *what, int outcome)
{
    const char *path = getenv("RUDE_LOG");
    char line[200];
    int fd = path != NULL ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
    int size =
        snprintf(line, sizeof(line), "%s: %s\n", what, outcome >= 0 ? "done" : strerror(errno));
    if (fd >= 0 && write(fd, line, (size_t)size) == size) {
        close(fd);
    }
}

static void try_all(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = 0x1a10};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    errno = EPERM;
    tell("uid 0", geteuid() == 0 ? 0 : -1);
    tell("read /etc/passwd", open("/etc/passwd", O_RDONLY | O_CLOEXEC));
    tell("list /", open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    tell("write /tmp", open("/tmp/rude", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    tell("socket inet", socket(AF_INET, SOCK_STREAM, 0));
    tell("socket unix", socket(AF_UNIX, SOCK_STREAM, 0));
    tell("connect", connect(0, (struct sockaddr *)&address, sizeof(address)));
    tell("kill the parent", kill(getppid(), 0));
    int child = fork();
    if (child == 0) {
        _exit(0);
    }
    tell("fork", child);
}

CK_RV C_GetFunctionList(CK_FUNCTION_LIST **list);

__attribute__((visibility("default"))) CK_RV C_GetFunctionList(CK_FUNCTION_LIST **list)
{
    try_all();
    *list = NULL;
    return CKR_GENERAL_ERROR;
}
