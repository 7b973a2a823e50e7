/* Each process of the manager, with its real profile, tries what it must not do. The profiles are
 * those of the program; only what the process does behind its lock is replaced. */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "keys/ring.h"
#include "manager/roles.h"
#include "role/parent.h"

/* ---- attempts: true when it got through ---- */

static bool open_system_file(void)
{
    return open("/etc/passwd", O_RDONLY | O_CLOEXEC) >= 0;
}

static bool write_elsewhere(void)
{
    return open("/tmp/hinomi-role-test", O_WRONLY | O_CREAT | O_CLOEXEC, 0600) >= 0;
}

static bool connect_out(void)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return fd >= 0 &&
           (connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0 || errno == ECONNREFUSED);
}

static bool execute(void)
{
    char *const none[] = {NULL};
    execve("/bin/false", none, none); /* ends with status 1 when it gets through */
    return false;
}

static bool trace_parent(void)
{
    return ptrace(PTRACE_ATTACH, getppid(), NULL, NULL) == 0;
}

static bool signal_parent(void)
{
    return kill(getppid(), 0) == 0;
}

static bool new_namespace(void)
{
    return unshare(CLONE_NEWUSER) == 0;
}

static bool make_code(void)
{
    return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                0) != MAP_FAILED;
}

static bool make_process(void)
{
    pid_t pid = fork();
    if (pid == 0) {
        _exit(0);
    }
    return pid > 0;
}

static bool become_root(void)
{
    return setuid(0) == 0 && geteuid() == 0 && open("/etc/shadow", O_RDONLY | O_CLOEXEC) >= 0;
}

static const struct {
    const char *name;
    bool (*try)(void);
} attempts[] = {
    {"open a system file", open_system_file},
    {"write elsewhere", write_elsewhere},
    {"connect", connect_out},
    {"execute", execute},
    {"trace the parent", trace_parent},
    {"signal the parent", signal_parent},
    {"make a namespace", new_namespace},
    {"make code", make_code},
    {"make a process", make_process},
    {"become root", become_root},
};

/* The instance says which attempt it is. Exit 0: it was stopped; 1: it got through. */
static struct hin_result try_it(struct hin_role *role)
{
    unsigned attempt = hin_role_instance(role);
    HIN_TRY(hin_role_ready(role));
    return attempt < HIN_COUNT(attempts) && !attempts[attempt].try() ? hin_ok()
                                                                     : hin_fail(HIN_INTERNAL);
}

/* ---- the program ---- */

static void make_roles(struct hin_role_definition roles[4])
{
    const struct hin_role_definition real[] = {hin_manager_role_kms, hin_manager_role_keys,
                                               hin_manager_role_jobs, hin_manager_role_worker};
    for (size_t i = 0; i < HIN_COUNT(real); i++) {
        roles[i] = real[i];
        roles[i].run = try_it;
        roles[i].restart = HIN_ROLE_NEVER;
        roles[i].instances = 0;
        roles[i].to_parent = NULL;
        hin_zero(roles[i].peers, sizeof(roles[i].peers));
    }
}

/* Before main and its tests: in a child this never comes back. */
__attribute__((constructor)) static void become_child(int argc, char **argv, char **variables)
{
    struct hin_role_definition roles[4];
    (void)variables;
    if (argc == 5) {
        make_roles(roles);
        struct hin_role_program program = {"test-manager", roles, 4};
        hin_role_child(&program, argc, &argv);
    }
}

struct house {
    int folder;
    char keyring[256];
    unsigned exits, through;
    char which[256];
};

static struct hin_result prepare(void *context, const char *name, unsigned instance,
                                 struct hin_role_hand *hand)
{
    struct house *house = context;
    (void)name;
    (void)instance;
    HIN_TRY(hin_role_hand_setting(hand, "keyring", hin_view_from_text(house->keyring)));
    HIN_TRY(hin_role_hand_fd(hand, "vault", house->folder));
    return hin_role_hand_fd(hand, "db", house->folder);
}

static void on_exit_of(void *context, const struct hin_role_exit *ended)
{
    struct house *house = context;
    bool stopped = (WIFEXITED(ended->status) && WEXITSTATUS(ended->status) == 0) ||
                   (WIFSIGNALED(ended->status) && WTERMSIG(ended->status) == SIGSYS);
    house->exits++;
    if (!stopped) {
        house->through++;
        snprintf(house->which, sizeof(house->which), "%s: %s (status %d)", ended->name,
                 attempts[ended->instance].name, ended->status);
    }
}

static void try_role(const char *name)
{
    struct hin_role_definition roles[4];
    struct hin_role_program program = {"test-manager", roles, 4};
    struct house house = {.folder = -1};
    struct hin_role_parent *parent = NULL;
    if (hin_sandbox_is_sanitized()) {
        return; /* such a build opens what its run-time library needs */
    }
    make_roles(roles);
    snprintf(house.keyring, sizeof(house.keyring), "%s/%s.keyring", test_folder(), name);
    CHECK_OK(hin_ring_create(AT_FDCWD, house.keyring, NULL, NULL));
    CHECK_OK(hin_fd_open(AT_FDCWD, test_folder(), O_RDONLY | O_DIRECTORY, 0, &house.folder));
    struct hin_role_parent_config config = {
        .program = &program,
        .context = &house,
        .prepare = prepare,
        .on_exit = on_exit_of,
        .uid_base = geteuid() == 0 ? 64950 : 0,
    };
    CHECK_OK(hin_role_parent_new(&config, &parent));
    for (unsigned i = 0; i < HIN_COUNT(attempts); i++) {
        CHECK_OK(hin_role_parent_start(parent, name, i));
    }
    for (int i = 0; i < 600 && house.exits < HIN_COUNT(attempts); i++) {
        struct hin_result step = hin_role_parent_step(parent, 100000);
        CHECK(hin_is_ok(step) || step.code == HIN_TIMEOUT);
    }
    hin_role_parent_free(parent);
    hin_fd_close(&house.folder);
    CHECK_INT(house.exits, HIN_COUNT(attempts));
    if (house.through > 0) {
        test_fail(__FILE__, __LINE__, "got through: %s", house.which);
    }
}

TEST(test_manager_roles__kms_is_shut_in)
{
    try_role("kms");
}

TEST(test_manager_roles__keys_is_shut_in)
{
    try_role("keys");
}

TEST(test_manager_roles__jobs_is_shut_in)
{
    try_role("jobs");
}

TEST(test_manager_roles__worker_is_shut_in)
{
    try_role("worker");
}
