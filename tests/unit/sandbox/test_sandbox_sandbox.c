/* Each forbidden thing is really tried, inside a locked process, as root with a role's uid and as
 * an ordinary user. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "harness.h"
#include "sandbox/sandbox.h"

#define ROLE_UID 64999
#define NOBODY   65534

struct scene {
    int folder;    /* the role's own folder */
    int other;     /* another role's folder, 0777 on purpose: only Landlock stands before it */
    char path[96]; /* of `other` */
    pid_t sibling; /* sleeps, same uid as the role */
    pid_t foreign; /* sleeps, root or (as an ordinary user) the same uid outside the lock */
    uint16_t port; /* something listens here */
};

struct attempt {
    const char *name;
    unsigned syscalls; /* sets that are given on purpose, so that the wall behind seccomp is what is
                          tried */
    unsigned connect_elsewhere;
    int (*try_it)(const struct scene *scene); /* 0 = it worked, which is the failure */
};

static int refused(long result)
{
    return result < 0 ? errno : 0;
}

static int try_open(const struct scene *scene)
{
    return refused(open("/etc/passwd", O_RDONLY));
}

static int try_create(const struct scene *scene)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/planted", scene->path);
    return refused(open(path, O_WRONLY | O_CREAT, 0600));
}

static int try_truncate(const struct scene *scene)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/state", scene->path);
    return refused(truncate(path, 0));
}

static int try_unlink(const struct scene *scene)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/state", scene->path);
    return refused(unlink(path));
}

static int try_socket(const struct scene *scene)
{
    return refused(socket(AF_INET, SOCK_STREAM, 0));
}

static int try_connect(const struct scene *scene)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(scene->port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    return fd < 0 ? 255 : refused(connect(fd, (struct sockaddr *)&to, sizeof(to)));
}

static int try_datagram(const struct scene *scene)
{
    return refused(socket(AF_INET, SOCK_DGRAM, 0));
}

/* Its ports are none that Landlock knows. */
static int try_multipath(const struct scene *scene)
{
    return refused(socket(AF_INET, SOCK_STREAM, 262 /* IPPROTO_MPTCP */));
}

static int try_bind(const struct scene *scene)
{
    struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_port = htons(47123), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    return fd < 0 ? 255 : refused(bind(fd, (struct sockaddr *)&at, sizeof(at)));
}

static int try_raw_socket(const struct scene *scene)
{
    return refused(socket(AF_PACKET, SOCK_RAW, 0));
}

static int try_raw_datagram(const struct scene *scene)
{
    return refused(socket(AF_PACKET, SOCK_DGRAM, 0));
}

static int try_local_socket(const struct scene *scene)
{
    return refused(socket(AF_UNIX, SOCK_DGRAM, 0));
}

static int try_bind_datagram(const struct scene *scene)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    return fd < 0 ? 255 : refused(bind(fd, (struct sockaddr *)&at, sizeof(at)));
}

static int try_exec(const struct scene *scene)
{
    char *arguments[] = {NULL};
    return refused(execve("/bin/true", arguments, arguments));
}

static int try_fork(const struct scene *scene)
{
    pid_t pid = fork();
    if (pid == 0) {
        _exit(0);
    }
    return refused(pid);
}

static int try_ptrace(const struct scene *scene)
{
    return refused(ptrace(PTRACE_ATTACH, scene->sibling, NULL, NULL));
}

static int try_read_memory(const struct scene *scene)
{
    char byte;
    struct iovec to = {&byte, 1};
    struct iovec from = {(void *)(uintptr_t)scene, 1};
    return refused(process_vm_readv(scene->sibling, &to, 1, &from, 1, 0));
}

static int try_kill(const struct scene *scene)
{
    return refused(kill(scene->foreign, SIGTERM));
}

static int try_unshare(const struct scene *scene)
{
    return refused(unshare(CLONE_NEWUSER));
}

static int try_mount(const struct scene *scene)
{
    return refused(mount("none", "/tmp", "tmpfs", 0, NULL));
}

static int try_setuid(const struct scene *scene)
{
    return refused(setuid(0));
}

static int try_bpf(const struct scene *scene)
{
    return refused(syscall(SYS_bpf, 0, NULL, 0));
}

static int try_mmap_exec(const struct scene *scene)
{
    void *at =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return at == MAP_FAILED ? errno : 0;
}

static int try_mprotect_exec(const struct scene *scene)
{
    void *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return at == MAP_FAILED ? 0 : refused(mprotect(at, 4096, PROT_READ | PROT_EXEC));
}

static int try_clone_namespace(const struct scene *scene)
{
    return refused(syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, NULL));
}

static int try_tty_injection(const struct scene *scene)
{
    char byte = 'x';
    return refused(ioctl(scene->folder, 0x5412 /* TIOCSTI */, &byte));
}

static const struct attempt attempts[] = {
    {"open a file", 0, 0, try_open},
    {"open a file (Landlock)", HIN_SANDBOX_FILES_READ, 0, try_open},
    {"write another's state", 0, 0, try_create},
    {"write another's state (Landlock)", HIN_SANDBOX_FILES_WRITE, 0, try_create},
    {"truncate another's state (Landlock)", HIN_SANDBOX_FILES_WRITE, 0, try_truncate},
    {"remove another's state (Landlock)", HIN_SANDBOX_FILES_WRITE, 0, try_unlink},
    {"socket", 0, 0, try_socket},
    {"connect", 0, 0, try_connect},
    {"connect to another port (Landlock)", HIN_SANDBOX_NET_CLIENT, 1, try_connect},
    {"bind (Landlock)", HIN_SANDBOX_NET_SERVER, 0, try_bind},
    {"socket of one who accepts", HIN_SANDBOX_ACCEPT, 0, try_socket},
    {"bind of one who accepts", HIN_SANDBOX_ACCEPT, 0, try_bind},
    {"connect of one who accepts", HIN_SANDBOX_ACCEPT, 0, try_connect},
    {"TCP socket of one who connects to Unix sockets", HIN_SANDBOX_CONNECT_UNIX, 0, try_socket},
    {"datagrams of one who connects to Unix sockets", HIN_SANDBOX_CONNECT_UNIX, 0, try_datagram},
    {"another port of one who connects (Landlock)", HIN_SANDBOX_CONNECT_TCP, 1, try_connect},
    {"datagrams of one who connects over TCP", HIN_SANDBOX_CONNECT_TCP, 1, try_datagram},
    {"multipath TCP of one who connects over TCP", HIN_SANDBOX_CONNECT_TCP, 1, try_multipath},
    {"bind of one who connects over TCP", HIN_SANDBOX_CONNECT_TCP, 1, try_bind},
    {"packet socket", HIN_SANDBOX_NET_CLIENT, 0, try_raw_socket},
    {"TCP socket of one who sends datagrams", HIN_SANDBOX_NET_DATAGRAM, 0, try_socket},
    {"local socket of one who sends datagrams", HIN_SANDBOX_NET_DATAGRAM, 0, try_local_socket},
    {"packet socket of one who sends datagrams", HIN_SANDBOX_NET_DATAGRAM, 0, try_raw_socket},
    {"packet datagrams of one who sends datagrams", HIN_SANDBOX_NET_DATAGRAM, 0, try_raw_datagram},
    {"receiving from anybody by one who sends datagrams", HIN_SANDBOX_NET_DATAGRAM, 0,
     try_bind_datagram},
    {"exec", 0, 0, try_exec},
    {"exec (Landlock)", HIN_SANDBOX_EXEC, 0, try_exec},
    {"fork", 0, 0, try_fork},
    {"ptrace a sibling", 0, 0, try_ptrace},
    {"read a sibling's memory", 0, 0, try_read_memory},
    {"kill another", 0, 0, try_kill},
    {"kill another (uid, Landlock)", HIN_SANDBOX_PROCESSES, 0, try_kill},
    {"new namespace", 0, 0, try_unshare},
    {"new namespace by clone", HIN_SANDBOX_PROCESSES, 0, try_clone_namespace},
    {"mount", 0, 0, try_mount},
    {"become root", 0, 0, try_setuid},
    {"bpf", 0, 0, try_bpf},
    {"map executable memory", 0, 0, try_mmap_exec},
    {"make memory executable", 0, 0, try_mprotect_exec},
    {"type into a terminal", 0, 0, try_tty_injection},
};

static pid_t start_sleeper(uid_t uid)
{
    pid_t pid = fork();
    if (pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
        if (uid != 0 && (setgid(uid) != 0 || setuid(uid) != 0)) {
            _exit(1);
        }
        (void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0); /* only the locked one's walls are tried */
        for (;;) {
            pause();
        }
    }
    return pid;
}

static bool scene_open(struct scene *scene, uid_t sibling_uid, uid_t foreign_uid, int *ret_listener)
{
    char path[96];
    snprintf(path, sizeof(path), "%s/own", test_folder());
    snprintf(scene->path, sizeof(scene->path), "%s/other", test_folder());
    char file[128];
    snprintf(file, sizeof(file), "%s/state", scene->path);
    bool made = chmod(test_folder(), 0755) == 0 && mkdir(path, 0777) == 0 &&
                chmod(path, 0777) == 0 && mkdir(scene->path, 0777) == 0 &&
                chmod(scene->path, 0777) == 0;
    int state = open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0666);
    made = made && state >= 0 && fchmod(state, 0666) == 0 && write(state, "x", 1) == 1;
    close(state);
    scene->folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    scene->other = open(scene->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(at);
    *ret_listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    made = made && bind(*ret_listener, (struct sockaddr *)&at, size) == 0 &&
           listen(*ret_listener, 8) == 0 &&
           getsockname(*ret_listener, (struct sockaddr *)&at, &size) == 0;
    scene->port = ntohs(at.sin_port);
    scene->sibling = start_sleeper(sibling_uid);
    scene->foreign = start_sleeper(foreign_uid);
    return made && scene->folder >= 0 && scene->other >= 0;
}

static void scene_close(struct scene *scene, int listener)
{
    kill(scene->sibling, SIGKILL);
    kill(scene->foreign, SIGKILL);
    waitpid(scene->sibling, NULL, 0);
    waitpid(scene->foreign, NULL, 0);
    close(scene->folder);
    close(scene->other);
    close(listener);
}

/* In a forked process: lock as `uid` (0 = as an ordinary user, uid 65534) and run. Never returns.
 */
static void run_locked(const struct scene *scene, const struct attempt *attempt, bool root)
{
    struct hin_sandbox *sandbox = NULL;
    if (!root && (setgid(NOBODY) != 0 || setuid(NOBODY) != 0)) {
        _exit(120);
    }
    bool ready = hin_is_ok(hin_sandbox_new(&sandbox)) &&
                 hin_is_ok(hin_sandbox_user(sandbox, ROLE_UID, ROLE_UID)) &&
                 hin_is_ok(hin_sandbox_allow_path(sandbox, scene->folder, ".",
                                                  HIN_SANDBOX_READ | HIN_SANDBOX_WRITE |
                                                      HIN_SANDBOX_CREATE));
    if (!ready ||
        (attempt->connect_elsewhere != 0 && !hin_is_ok(hin_sandbox_allow_connect(sandbox, 4120)))) {
        _exit(121);
    }
    hin_sandbox_namespaces(sandbox,
                           HIN_SANDBOX_NEW_NET | HIN_SANDBOX_NEW_IPC | HIN_SANDBOX_NEW_UTS);
    hin_sandbox_allow_syscalls(sandbox, attempt->syscalls);
    if (!hin_is_ok(hin_sandbox_apply(sandbox, NULL))) {
        _exit(122);
    }
    _exit(attempt->try_it(scene) == 0 ? 123 : 0);
}

/* Stopped: killed by the filter, or answered with an error. */
static bool is_stopped(const struct attempt *attempt, const struct scene *scene, bool root)
{
    pid_t pid = fork();
    if (pid == 0) {
        run_locked(scene, attempt, root);
    }
    int status = 0;
    waitpid(pid, &status, 0);
    if (WIFSIGNALED(status)) {
        return WTERMSIG(status) == SIGSYS;
    }
    if (WEXITSTATUS(status) != 0) {
        printf("# %s: exit %d\n", attempt->name, WEXITSTATUS(status));
    }
    return WEXITSTATUS(status) == 0;
}

static void try_all(bool root)
{
    struct scene scene = {0};
    int listener = -1;
    CHECK(scene_open(&scene, root ? ROLE_UID : NOBODY, root ? 0 : NOBODY, &listener));
    for (size_t i = 0; i < HIN_COUNT(attempts); i++) {
        if (!is_stopped(&attempts[i], &scene, root)) {
            test_fail(__FILE__, __LINE__, "not stopped %s: %s",
                      root ? "as root's role" : "as ordinary user", attempts[i].name);
        }
    }
    struct stat status;
    CHECK(kill(scene.foreign, 0) == 0 && waitpid(scene.foreign, NULL, WNOHANG) == 0);
    CHECK(fstatat(scene.other, "state", &status, 0) == 0 && status.st_size == 1);
    CHECK(faccessat(scene.other, "planted", F_OK, 0) != 0);
    scene_close(&scene, listener);
}

/* The control: without the lock the same attempts work, so it is the lock that stops them. */
TEST(test_sandbox_sandbox__the_attempts_work_without_the_lock)
{
    static int (*const working[])(const struct scene *) = {
        try_open, try_create, try_truncate,  try_socket,        try_connect, try_bind,
        try_fork, try_ptrace, try_mmap_exec, try_mprotect_exec, try_unshare, try_unlink,
    };
    struct scene scene = {0};
    int listener = -1;
    CHECK(scene_open(&scene, NOBODY, NOBODY, &listener));
    for (size_t i = 0; i < HIN_COUNT(working); i++) {
        pid_t pid = fork();
        if (pid == 0) {
            bool dropped = setgid(NOBODY) == 0 && setuid(NOBODY) == 0;
            _exit(dropped && working[i](&scene) == 0 ? 0 : 1);
        }
        int status = 0;
        waitpid(pid, &status, 0);
        if (status != 0) {
            test_fail(__FILE__, __LINE__, "attempt %zu does not work unlocked either", i);
        }
    }
    scene_close(&scene, listener);
}

TEST(test_sandbox_sandbox__stops_the_forbidden_as_root)
{
    CHECK(getuid() == 0);
    try_all(true);
}

TEST(test_sandbox_sandbox__stops_the_forbidden_as_ordinary_user)
{
    try_all(false);
}

/* Run `body` in a forked process; its exit status. */
static int in_child(int (*body)(int folder), int folder)
{
    pid_t pid = fork();
    if (pid == 0) {
        _exit(body(folder));
    }
    int status = 0;
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static int work_inside(int folder)
{
    struct hin_sandbox *sandbox = NULL;
    if (!hin_is_ok(hin_sandbox_new(&sandbox)) ||
        !hin_is_ok(hin_sandbox_user(sandbox, ROLE_UID, ROLE_UID)) ||
        !hin_is_ok(hin_sandbox_allow_path(
            sandbox, folder, "", HIN_SANDBOX_READ | HIN_SANDBOX_WRITE | HIN_SANDBOX_CREATE))) {
        return 1;
    }
    hin_sandbox_namespaces(sandbox, HIN_SANDBOX_NEW_ALL);
    hin_sandbox_allow_syscalls(sandbox, HIN_SANDBOX_FILES_WRITE);
    if (!hin_is_ok(hin_sandbox_apply(sandbox, NULL))) {
        return 2;
    }
    if (!hin_is_ok(hin_file_replace(folder, "state", HIN_VIEW("kept"), 0600))) {
        return 3;
    }
    struct hin_buf buf;
    hin_buf_init(&buf, 64);
    if (!hin_is_ok(hin_file_read(folder, "state", &buf)) ||
        !hin_view_is(hin_buf_view(&buf), "kept")) {
        return 4;
    }
    if (getuid() != ROLE_UID || geteuid() != ROLE_UID || getgid() != ROLE_UID) {
        return 5;
    }
    bool sanitized = hin_sandbox_is_sanitized();
    if (!sanitized && (access("/etc", F_OK) == 0 || access("/proc", F_OK) == 0)) {
        return 6; /* the root is empty */
    }
    return sanitized || prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0 ? 0 : 7;
}

/* The own folder lies under one that only root may enter: it is reached by its descriptor. */
TEST(test_sandbox_sandbox__works_in_its_own_folder_under_one_that_only_root_may_enter)
{
    char path[96];
    snprintf(path, sizeof(path), "%s/deep", test_folder());
    CHECK(chmod(test_folder(), 0700) == 0 && mkdir(path, 0700) == 0);
    CHECK(chown(path, ROLE_UID, ROLE_UID) == 0);
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CHECK(folder >= 0);
    CHECK_INT(in_child(work_inside, folder), 0);
    close(folder);
}

/* Its own datagram comes back to it from the one who listens at `port`. */
static int talk_by_datagrams(int port)
{
    struct hin_sandbox *sandbox = NULL;
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (!hin_is_ok(hin_sandbox_new(&sandbox)) ||
        !hin_is_ok(hin_sandbox_user(sandbox, ROLE_UID, ROLE_UID))) {
        return 1;
    }
    hin_sandbox_namespaces(sandbox, HIN_SANDBOX_NEW_ALL);
    hin_sandbox_allow_syscalls(sandbox, HIN_SANDBOX_NET_DATAGRAM);
    if (!hin_is_ok(hin_sandbox_apply(sandbox, NULL))) {
        return 2;
    }
    char byte = 'x';
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0) {
        return 3;
    }
    return send(fd, &byte, 1, 0) == 1 ? 0 : 4;
}

TEST(test_sandbox_sandbox__who_sends_datagrams_does)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(at);
    char byte = 0;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0 && bind(fd, (struct sockaddr *)&at, size) == 0);
    CHECK(getsockname(fd, (struct sockaddr *)&at, &size) == 0);
    CHECK_INT(in_child(talk_by_datagrams, ntohs(at.sin_port)), 0);
    CHECK(recv(fd, &byte, 1, 0) == 1 && byte == 'x');
    close(fd);
}

static int reach_socket(const char *path)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    snprintf(to.sun_path, sizeof(to.sun_path), "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return fd < 0 ? 255 : refused(connect(fd, (struct sockaddr *)&to, sizeof(to)));
}

static int reach_what_is_shown(int folder)
{
    struct hin_sandbox *sandbox = NULL;
    char hidden[128], shown[128];
    snprintf(hidden, sizeof(hidden), "%s/hidden.sock", test_folder());
    snprintf(shown, sizeof(shown), "%s/shown/s.sock", test_folder());
    if (!hin_is_ok(hin_sandbox_new(&sandbox)) ||
        !hin_is_ok(hin_sandbox_user(sandbox, ROLE_UID, ROLE_UID)) ||
        !hin_is_ok(hin_sandbox_show(sandbox, folder, "shown"))) {
        return 1;
    }
    hin_sandbox_namespaces(sandbox, HIN_SANDBOX_NEW_ALL);
    hin_sandbox_allow_syscalls(sandbox, HIN_SANDBOX_CONNECT_UNIX | HIN_SANDBOX_FILES_READ);
    if (reach_socket(hidden) != 0 || !hin_is_ok(hin_sandbox_apply(sandbox, NULL))) {
        return 2;
    }
    if (hin_sandbox_is_sanitized()) { /* its root stays */
        return hin_sandbox_is_shown("shown") ? 3 : reach_socket(shown);
    }
    if (!hin_sandbox_is_shown("shown") || hin_sandbox_is_shown("etc")) {
        return 4;
    }
    if (reach_socket(hidden) == 0 || access("/etc", F_OK) == 0) {
        return 5;
    }
    return reach_socket("/shown/s.sock") == 0 ? 0 : 6;
}

static int listen_at(const char *path)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool good = fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0 &&
                chmod(path, 0777) == 0 && listen(fd, 8) == 0;
    return good ? fd : -1;
}

/* Seccomp cannot see a socket's address: what is not to be reached is not to be seen. */
TEST(test_sandbox_sandbox__connects_to_the_sockets_that_are_shown_and_no_others)
{
    char path[128];
    CHECK(chmod(test_folder(), 0755) == 0);
    snprintf(path, sizeof(path), "%s/hidden.sock", test_folder());
    int hidden = listen_at(path);
    snprintf(path, sizeof(path), "%s/shown", test_folder());
    CHECK(mkdir(path, 0755) == 0);
    int folder = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    snprintf(path, sizeof(path), "%s/shown/s.sock", test_folder());
    int shown = listen_at(path);
    CHECK(hidden >= 0 && shown >= 0 && folder >= 0);
    CHECK_INT(in_child(reach_what_is_shown, folder), 0);
    close(hidden);
    close(shown);
    close(folder);
}

static int reach_the_port(int listener)
{
    struct hin_sandbox *sandbox = NULL;
    struct sockaddr_in at = {0};
    socklen_t size = sizeof(at);
    if (getsockname(listener, (struct sockaddr *)&at, &size) != 0 ||
        !hin_is_ok(hin_sandbox_new(&sandbox)) ||
        !hin_is_ok(hin_sandbox_user(sandbox, ROLE_UID, ROLE_UID)) ||
        !hin_is_ok(hin_sandbox_allow_connect(sandbox, ntohs(at.sin_port)))) {
        return 1;
    }
    hin_sandbox_namespaces(sandbox, HIN_SANDBOX_NEW_ALL);
    hin_sandbox_allow_syscalls(sandbox, HIN_SANDBOX_CONNECT_TCP);
    if (!hin_is_ok(hin_sandbox_apply(sandbox, NULL))) {
        return 2;
    }
    return try_connect(&(struct scene){.port = ntohs(at.sin_port)});
}

/* The control of the attempts at another port. */
TEST(test_sandbox_sandbox__connects_over_tcp_to_its_port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(bind(listener, (struct sockaddr *)&at, sizeof(at)) == 0 && listen(listener, 8) == 0);
    CHECK_INT(in_child(reach_the_port, listener), 0);
    close(listener);
}

static int code_runs(uint8_t *at)
{
    int (*run)(void);
    hin_copy(&run, &at, sizeof(run));
    return run();
}

static int jit_then_seal(int folder)
{
    static const uint8_t code[] = {0xb8, 42, 0, 0, 0, 0xc3}; /* mov eax, 42; ret */
    struct hin_sandbox *sandbox = NULL;
    if (!hin_is_ok(hin_sandbox_new(&sandbox))) {
        return 1;
    }
    hin_sandbox_allow_syscalls(sandbox, HIN_SANDBOX_JIT);
    if (!hin_is_ok(hin_sandbox_apply(sandbox, NULL))) {
        return 2;
    }
    const int all = PROT_READ | PROT_WRITE | PROT_EXEC;
    uint8_t *compiled = mmap(NULL, 4096, all, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (compiled == MAP_FAILED) {
        return 3;
    }
    hin_copy(compiled, code, sizeof(code));
    if (!hin_is_ok(hin_sandbox_seal_memory())) {
        return 4;
    }
    if (mmap(NULL, 4096, all, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED ||
        try_mprotect_exec(NULL) == 0) {
        return 5;
    }
    return code_runs(compiled) == 42 ? 0 : 6;
}

TEST(test_sandbox_sandbox__seals_memory_after_compiling)
{
    CHECK_INT(in_child(jit_then_seal, -1), 0);
}

static int report_of_nobody(int folder)
{
    if (setgid(NOBODY) != 0 || setuid(NOBODY) != 0) {
        return 1;
    }
    struct hin_sandbox *sandbox = NULL;
    struct hin_buf weaker;
    hin_buf_init(&weaker, 8192);
    if (!hin_is_ok(hin_sandbox_new(&sandbox)) ||
        !hin_is_ok(hin_sandbox_user(sandbox, ROLE_UID, ROLE_UID)) ||
        !hin_is_ok(hin_sandbox_keep_capability(sandbox, CAP_NET_BIND_SERVICE)) ||
        !hin_is_ok(hin_sandbox_apply(sandbox, &weaker))) {
        return 2;
    }
    if (getuid() != NOBODY) {
        return 3;
    }
    struct hin_view text = hin_buf_view(&weaker);
    bool told =
        hin_view_find(text, HIN_VIEW("weaker: not root: all roles share one uid")) != SIZE_MAX &&
        hin_view_find(text, HIN_VIEW("capabilities this role would keep are missing")) != SIZE_MAX;
    return told ? 0 : 4;
}

TEST(test_sandbox_sandbox__tells_what_is_weaker_without_root)
{
    CHECK_INT(in_child(report_of_nobody, -1), 0);
}

static int limits_hold(int folder)
{
    struct hin_sandbox *sandbox = NULL;
    if (!hin_is_ok(hin_sandbox_new(&sandbox)) ||
        !hin_is_ok(hin_sandbox_user(sandbox, ROLE_UID, ROLE_UID)) ||
        !hin_is_ok(hin_sandbox_keep_capability(sandbox, CAP_NET_BIND_SERVICE)) ||
        !hin_is_ok(hin_sandbox_limit(sandbox, RLIMIT_NOFILE, 16)) ||
        !hin_is_ok(hin_sandbox_apply(sandbox, NULL))) {
        return 1;
    }
    int last = 0;
    while (last >= 0 && last < 100) {
        last = dup(0);
    }
    struct rlimit core;
    if (last >= 0 || errno != EMFILE || getrlimit(RLIMIT_CORE, &core) != 0 || core.rlim_max != 0) {
        return 2;
    }
    struct rlimit more = {1000, 1000};
    return setrlimit(RLIMIT_NOFILE, &more) != 0 ? 0 : 3;
}

TEST(test_sandbox_sandbox__limits_hold)
{
    CHECK_INT(in_child(limits_hold, -1), 0);
}

TEST(test_sandbox_sandbox__refuses_uid_0_and_what_does_not_exist)
{
    struct hin_sandbox *sandbox = NULL;
    CHECK_OK(hin_sandbox_new(&sandbox));
    CHECK_CODE(hin_sandbox_user(sandbox, 0, 5), INVALID);
    CHECK_CODE(hin_sandbox_user(sandbox, 5, 0), INVALID);
    CHECK_CODE(hin_sandbox_keep_capability(sandbox, 64), INVALID);
    CHECK_CODE(hin_sandbox_allow_path(sandbox, AT_FDCWD, "/no/such/thing", HIN_SANDBOX_READ),
               NOT_FOUND);
    hin_sandbox_free(sandbox);
    CHECK(hin_sandbox_landlock_version() >= 6);
}
