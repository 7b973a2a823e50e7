/* System call filters: named sets as const tables, built with libseccomp (seccomp_init(3)). Outside
 * the sets EPERM; for what no honest role tries the process is killed, so that an attacker gets one
 * try and the parent a trace. */
#include <asm/unistd.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <sched.h>
#include <seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/bytes.h"
#include "sandbox/sandbox_internal.h"

#define ALWAYS    0u
#define SANITIZED (1u << 31)

#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#endif

/* Names, not numbers: what this kernel's headers do not know yet (or another architecture lacks) is
 * passed over. */
static const char *const base_names[] = {
    /* what is open */
    "read",
    "write",
    "readv",
    "writev",
    "pread64",
    "pwrite64",
    "preadv",
    "pwritev",
    "preadv2",
    "pwritev2",
    "close",
    "close_range",
    "lseek",
    "fstat",
    "fstatfs",
    "dup",
    "dup2",
    "dup3",
    "fcntl",
    "fsync",
    "fdatasync",
    "ftruncate",
    "fallocate",
    "fadvise64",
    "flock",
    "getdents64",
    "sendfile",
    "copy_file_range",
    "pipe",
    "pipe2",
    "memfd_create",
    "recvmsg",
    "sendmsg",
    "recvfrom",
    "recvmmsg",
    "sendmmsg",
    "getsockopt",
    "setsockopt",
    "shutdown",
    "getsockname",
    "getpeername",
    "sync_file_range",
    /* waiting */
    "poll",
    "ppoll",
    "select",
    "pselect6",
    "epoll_create",
    "epoll_create1",
    "epoll_ctl",
    "epoll_wait",
    "epoll_pwait",
    "epoll_pwait2",
    "eventfd2",
    "timerfd_create",
    "timerfd_settime",
    "timerfd_gettime",
    "signalfd4",
    "futex",
    "futex_waitv",
    "nanosleep",
    "clock_nanosleep",
    "pause",
    "restart_syscall",
    "alarm",
    "setitimer",
    "getitimer",
    /* memory, without PROT_EXEC (see below) */
    "munmap",
    "mremap",
    "madvise",
    "brk",
    "mlock",
    "mlock2",
    "munlock",
    "msync",
    "mincore",
    "membarrier",
    /* signals to oneself, time, who am I */
    "rt_sigaction",
    "rt_sigprocmask",
    "rt_sigreturn",
    "rt_sigpending",
    "rt_sigsuspend",
    "rt_sigtimedwait",
    "sigaltstack",
    "clock_gettime",
    "clock_getres",
    "gettimeofday",
    "time",
    "times",
    "getrusage",
    "getrandom",
    "getpid",
    "getppid",
    "gettid",
    "getuid",
    "geteuid",
    "getgid",
    "getegid",
    "getresuid",
    "getresgid",
    "getgroups",
    "getpgrp",
    "getpgid",
    "getsid",
    "umask",
    "uname",
    "sysinfo",
    "getcpu",
    "sched_yield",
    "sched_getaffinity",
    "sched_getparam",
    "sched_getscheduler",
    "getpriority",
    "capget",
    "set_robust_list",
    "get_robust_list",
    "rseq",
    "set_tid_address",
    "exit",
    "exit_group",
};

static const char *const files_read_names[] = {
    "openat2",    "access",    "faccessat",  "faccessat2", "stat",       "lstat",
    "newfstatat", "statx",     "statfs",     "readlink",   "readlinkat", "getcwd",
    "chdir",      "fchdir",    "readahead",  "getxattr",   "lgetxattr",  "fgetxattr",
    "getdents",   "listxattr", "llistxattr", "flistxattr",
};

static const char *const files_write_names[] = {
    "open",      "openat",   "creat",    "mkdir",     "mkdirat",  "unlink", "unlinkat",
    "rmdir",     "rename",   "renameat", "renameat2", "link",     "linkat", "symlink",
    "symlinkat", "truncate", "chmod",    "fchmod",    "fchmodat", "fchown", "utimensat",
    "futimesat", "utime",    "utimes",   "syncfs",
};

static const char *const net_client_names[] = {"connect", "sendto", "bind"};
static const char *const net_datagram_names[] = {"connect", "sendto"};
static const char *const net_server_names[] = {"bind", "listen", "accept", "accept4", "sendto"};
static const char *const accept_names[] = {"accept", "accept4"};
static const char *const connect_names[] = {"connect"};
static const char *const process_names[] = {
    "fork",    "vfork",  "wait4",      "waitid",
    "kill",    "tgkill", "pidfd_open", "pidfd_send_signal",
    "setpgid", "setsid", "getrlimit",  "setrlimit",
};
static const char *const exec_names[] = {"execve", "execveat", "arch_prctl"};
static const char *const watch_names[] = {"inotify_init", "inotify_init1", "inotify_add_watch",
                                          "inotify_rm_watch"};
static const char *const executable_names[] = {"mmap", "mprotect", "pkey_mprotect"};
static const char *const jit_names[] = {"seccomp"}; /* hin_sandbox_seal_memory; can only tighten */
static const char *const sanitizer_names[] = {
    "prctl",       "wait4",      "ptrace", "tgkill",     "kill",     "sched_setaffinity",
    "personality", "getrlimit",  "open",   "openat",     "readlink", "readlinkat",
    "stat",        "newfstatat", "access", "arch_prctl", "sendto",
};

/* No role of ours, and no library it stands on, tries these: whoever does has taken the process
 * over. */
static const char *const hostile_names[] = {
    "ptrace",
    "process_vm_readv",
    "process_vm_writev",
    "process_madvise",
    "kcmp",
    "pidfd_getfd",
    "mount",
    "umount2",
    "pivot_root",
    "chroot",
    "move_mount",
    "open_tree",
    "fsopen",
    "fsmount",
    "fsconfig",
    "fspick",
    "mount_setattr",
    "unshare",
    "setns",
    "bpf",
    "perf_event_open",
    "userfaultfd",
    "kexec_load",
    "kexec_file_load",
    "init_module",
    "finit_module",
    "delete_module",
    "create_module",
    "keyctl",
    "add_key",
    "request_key",
    "reboot",
    "swapon",
    "swapoff",
    "acct",
    "iopl",
    "ioperm",
    "modify_ldt",
    "open_by_handle_at",
    "name_to_handle_at",
    "settimeofday",
    "clock_settime",
    "clock_adjtime",
    "adjtimex",
    "sethostname",
    "setdomainname",
    "quotactl",
    "vhangup",
    "lookup_dcookie",
    "nfsservctl",
    "execve",
    "execveat",
    "mknod",
    "mknodat",
    "fanotify_init",
    "syslog",
    "personality",
    "uselib",
    "vm86",
    "vm86old",
    "migrate_pages",
    "move_pages",
    "mbind",
    "set_mempolicy",
    "setuid",
    "setgid",
    "setreuid",
    "setregid",
    "setresuid",
    "setresgid",
    "setfsuid",
    "setfsgid",
    "setgroups",
    "capset",
};

static const struct name_set {
    unsigned set; /* ALWAYS, or the set that opens it */
    const char *const *names;
    size_t count;
} name_sets[] = {
    {ALWAYS, base_names, HIN_COUNT(base_names)},
    {HIN_SANDBOX_FILES_READ, files_read_names, HIN_COUNT(files_read_names)},
    {HIN_SANDBOX_FILES_WRITE, files_write_names, HIN_COUNT(files_write_names)},
    {HIN_SANDBOX_NET_CLIENT, net_client_names, HIN_COUNT(net_client_names)},
    {HIN_SANDBOX_NET_DATAGRAM, net_datagram_names, HIN_COUNT(net_datagram_names)},
    {HIN_SANDBOX_NET_SERVER, net_server_names, HIN_COUNT(net_server_names)},
    {HIN_SANDBOX_ACCEPT, accept_names, HIN_COUNT(accept_names)},
    {HIN_SANDBOX_CONNECT_UNIX, connect_names, HIN_COUNT(connect_names)},
    {HIN_SANDBOX_CONNECT_TCP, connect_names, HIN_COUNT(connect_names)},
    {HIN_SANDBOX_PROCESSES, process_names, HIN_COUNT(process_names)},
    {HIN_SANDBOX_EXEC, exec_names, HIN_COUNT(exec_names)},
    {HIN_SANDBOX_EXEC, executable_names, HIN_COUNT(executable_names)},
    {HIN_SANDBOX_JIT, executable_names, HIN_COUNT(executable_names)},
    {HIN_SANDBOX_JIT, jit_names, HIN_COUNT(jit_names)},
    {HIN_SANDBOX_WATCH, watch_names, HIN_COUNT(watch_names)},
    {SANITIZED, sanitizer_names, HIN_COUNT(sanitizer_names)},
};

/* Calls that are open for some values of one argument: (argument & mask) == value. */
static const struct argument_rule {
    unsigned set;
    const char *name;
    unsigned argument;
    uint64_t mask, value;
} argument_rules[] = {
    {ALWAYS, "mmap", 2, PROT_EXEC, 0},
    {ALWAYS, "mprotect", 2, PROT_EXEC, 0},
    {ALWAYS, "prlimit64", 0, UINT64_MAX, 0}, /* its own, which it can only lower */
    {ALWAYS, "socketpair", 0, UINT64_MAX, AF_UNIX},
    {ALWAYS, "sendto", 4, UINT64_MAX, 0}, /* no address: what is connected already */
    {ALWAYS, "newfstatat", 3, 0x1000 /* AT_EMPTY_PATH */, 0x1000}, /* fstat(3) */
    {ALWAYS, "ioctl", 1, UINT32_MAX, FIONREAD},
    {ALWAYS, "ioctl", 1, UINT32_MAX, FIONBIO},
    {ALWAYS, "ioctl", 1, UINT32_MAX, FIOCLEX},
    {ALWAYS, "ioctl", 1, UINT32_MAX, TCGETS}, /* isatty(3) */
    {ALWAYS, "ioctl", 1, UINT32_MAX, TIOCGWINSZ},
    {ALWAYS, "prctl", 0, UINT32_MAX, PR_SET_NAME},
    {ALWAYS, "prctl", 0, UINT32_MAX, PR_GET_NAME},
    {ALWAYS, "prctl", 0, UINT32_MAX, PR_GET_DUMPABLE},
    {ALWAYS, "prctl", 0, UINT32_MAX, PR_GET_NO_NEW_PRIVS},
    {ALWAYS, "prctl", 0, UINT32_MAX, PR_GET_SECCOMP},
    {ALWAYS, "prctl", 0, UINT32_MAX, PR_SET_VMA}, /* glibc names its heaps */
    {HIN_SANDBOX_JIT, "prctl", 0, UINT32_MAX, 65 /* PR_SET_MDWE */},
    {HIN_SANDBOX_FILES_READ, "open", 1, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY},
    {HIN_SANDBOX_FILES_READ, "openat", 2, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY},
    {HIN_SANDBOX_NET_CLIENT, "socket", 0, UINT64_MAX, AF_UNIX},
    {HIN_SANDBOX_NET_CLIENT, "socket", 0, UINT64_MAX, AF_INET},
    {HIN_SANDBOX_NET_CLIENT, "socket", 0, UINT64_MAX, AF_INET6},
    {HIN_SANDBOX_CONNECT_UNIX, "socket", 0, UINT64_MAX, AF_UNIX},
    {HIN_SANDBOX_NET_SERVER, "socket", 0, UINT64_MAX, AF_UNIX},
    {HIN_SANDBOX_NET_SERVER, "socket", 0, UINT64_MAX, AF_INET},
    {HIN_SANDBOX_NET_SERVER, "socket", 0, UINT64_MAX, AF_INET6},
    {HIN_SANDBOX_THREADS, "clone", 0, CLONE_THREAD | CLONE_VM, CLONE_THREAD | CLONE_VM},
    {SANITIZED, "clone", 0, CLONE_VM,
     CLONE_VM}, /* the leak checker's helper, which shares memory */
    {HIN_SANDBOX_PROCESSES, "clone", 0,
     CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS |
         CLONE_NEWCGROUP,
     0},
};

/* socket(2) for datagrams of the internet alone: two arguments decide. */
static const struct {
    uint64_t family, type;
} datagram_sockets[] = {{AF_INET, SOCK_DGRAM}, {AF_INET6, SOCK_DGRAM}};
#define SOCKET_TYPE_MASK 0xf /* without SOCK_NONBLOCK and SOCK_CLOEXEC */

static bool is_open(unsigned set, unsigned open)
{
    return set == ALWAYS || (set & open) != 0;
}

static bool is_named(const char *name, unsigned open)
{
    for (size_t i = 0; i < HIN_COUNT(name_sets); i++) {
        for (size_t j = 0; is_open(name_sets[i].set, open) && j < name_sets[i].count; j++) {
            if (strcmp(name_sets[i].names[j], name) == 0) {
                return true;
            }
        }
    }
    return false;
}

static HIN_RESULT add(scmp_filter_ctx filter, uint32_t action, const char *name)
{
    int number = seccomp_syscall_resolve_name(name);
    if (number < 0) {
        return hin_ok(); /* unknown here, or not on this architecture: stays refused */
    }
    int error = seccomp_rule_add(filter, action, number, 0);
    HIN_ENSURE(error == 0 || error == -EEXIST, INTERNAL);
    return hin_ok();
}

/* Landlock judges the ports of TCP only: no other kind of socket may come to be. */
static HIN_RESULT add_stream_sockets(scmp_filter_ctx filter)
{
    static const int families[] = {AF_INET, AF_INET6};
    for (size_t i = 0; i < HIN_COUNT(families); i++) {
        int error = seccomp_rule_add(
            filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 3,
            SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)families[i]),
            SCMP_A1(SCMP_CMP_MASKED_EQ, 0xf /* SOCK_TYPE_MASK */, SOCK_STREAM),
            SCMP_A2(SCMP_CMP_MASKED_EQ, ~(scmp_datum_t)IPPROTO_TCP, 0)); /* 0 or TCP: not MPTCP */
        HIN_ENSURE(error == 0 || error == -EEXIST, INTERNAL);
    }
    return hin_ok();
}

static HIN_RESULT add_argument_rules(scmp_filter_ctx filter, unsigned open)
{
    for (size_t i = 0; i < HIN_COUNT(argument_rules); i++) {
        const struct argument_rule *rule = &argument_rules[i];
        int number = seccomp_syscall_resolve_name(rule->name);
        if (number < 0 || !is_open(rule->set, open) || is_named(rule->name, open)) {
            continue;
        }
        struct scmp_arg_cmp compare =
            SCMP_CMP(rule->argument, SCMP_CMP_MASKED_EQ, rule->mask, rule->value);
        int error = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, number, 1, &compare);
        HIN_ENSURE(error == 0 || error == -EEXIST, INTERNAL);
    }
    for (size_t i = 0; (open & HIN_SANDBOX_NET_DATAGRAM) != 0 && i < HIN_COUNT(datagram_sockets);
         i++) {
        struct scmp_arg_cmp compare[] = {
            SCMP_CMP(0, SCMP_CMP_EQ, datagram_sockets[i].family),
            SCMP_CMP(1, SCMP_CMP_MASKED_EQ, SOCKET_TYPE_MASK, datagram_sockets[i].type)};
        int error = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 2, compare);
        HIN_ENSURE(error == 0 || error == -EEXIST, INTERNAL);
    }
    if (is_open(HIN_SANDBOX_CONNECT_TCP, open) && !is_open(HIN_SANDBOX_NET_CLIENT, open)) {
        HIN_TRY(add_stream_sockets(filter));
    }
    /* abort(3) and raise(3): signals to this process only */
    if (!is_named("tgkill", open)) {
        int error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
                                     SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid()));
        HIN_ENSURE(error == 0, INTERNAL);
    }
    return hin_ok();
}

static HIN_RESULT fill(scmp_filter_ctx filter, unsigned open)
{
    HIN_ENSURE(seccomp_attr_set(filter, SCMP_FLTATR_CTL_NNP, 0) == 0, INTERNAL); /* set already */
    HIN_ENSURE(seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) == 0,
               INTERNAL);
    for (size_t i = 0; i < HIN_COUNT(name_sets); i++) {
        for (size_t j = 0; is_open(name_sets[i].set, open) && j < name_sets[i].count; j++) {
            HIN_TRY(add(filter, SCMP_ACT_ALLOW, name_sets[i].names[j]));
        }
    }
    HIN_TRY(add_argument_rules(filter, open));
    for (size_t i = 0; i < HIN_COUNT(hostile_names); i++) {
        if (!is_named(hostile_names[i], open)) {
            HIN_TRY(add(filter, SCMP_ACT_KILL_PROCESS, hostile_names[i]));
        }
    }
    /* its flags stand in memory, where no filter can look: libraries then fall back to clone */
    return add(filter, SCMP_ACT_ERRNO(ENOSYS), "clone3");
}

HIN_RESULT hin_sandbox_filter_syscalls(const struct hin_sandbox *sandbox, struct hin_buf *weaker)
{
    unsigned open = sandbox->syscalls | (hin_sandbox_is_sanitized() ? SANITIZED : 0);
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    HIN_ENSURE(filter != NULL, NO_MEMORY);
    struct hin_result result = fill(filter, open);
    if (hin_is_ok(result) && seccomp_load(filter) != 0) {
        result = hin_fail(HIN_UNSUPPORTED);
    }
    seccomp_release(filter);
    return result;
}

#define LOAD(field)                                                                                \
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offsetof(struct seccomp_data, field))
#define JUMP_IF(number, to)   BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (number), (to), 0)
#define JUMP_UNLESS(bits, to) BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, (bits), 0, (to))
#define ANSWER(action)        BPF_STMT(BPF_RET | BPF_K, (action))

/* By hand, since libseccomp allocates and probes, for which the first filter has no room. The first
 * filter has settled the architecture. PROT_EXEC stands in the low half of the third argument
 * (little-endian). */
HIN_RESULT hin_sandbox_filter_executable_memory(void)
{
    struct sock_filter code[] = {
        LOAD(nr),
        JUMP_IF(__NR_mmap, 3),
        JUMP_IF(__NR_mprotect, 2),
        JUMP_IF(__NR_pkey_mprotect, 1),
        ANSWER(SECCOMP_RET_ALLOW),
        LOAD(args[2]),
        JUMP_UNLESS(PROT_EXEC, 1),
        ANSWER(SECCOMP_RET_ERRNO | EPERM),
        ANSWER(SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = HIN_COUNT(code), .filter = code};
    HIN_ENSURE(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0, DENIED);
    return hin_ok();
}
