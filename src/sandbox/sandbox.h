/* The lock of a process: calls accumulate restrictions, one call applies them for good (after
 * minijail).
 *
 *     struct hin_sandbox *sandbox;
 *     hin_sandbox_new(&sandbox);
 *     hin_sandbox_user(sandbox, 64901, 64901);
 *     hin_sandbox_allow_syscalls(sandbox, HIN_SANDBOX_FILES_READ);
 *     hin_sandbox_allow_path(sandbox, log_root_fd, ".", HIN_SANDBOX_READ);
 *     hin_sandbox_apply(sandbox, &weaker);
 *
 * An empty profile is the strictest: no files, no network, no fork, no exec, no executable memory,
 * no core dump, all capabilities gone. What was opened before stays usable (Landlock and uids judge
 * at open). What the kernel lacks, or what is weaker without root, is collected as text for
 * `status`; only a step that must not fail (uid, no new privileges, seccomp, rlimits) makes apply
 * fail. Apply while single-threaded.
 *
 * Sanitizer builds (__SANITIZE_ADDRESS__ and friends) need more system calls, /proc/self and an
 * unlimited address space: there seccomp additionally allows what the run-time libraries use, the
 * process stays dumpable, root stays where it is, and a "weaker: sanitizer build" line says so. */
#ifndef HIN_SANDBOX_SANDBOX_H
#define HIN_SANDBOX_SANDBOX_H

#include <stdbool.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/result.h"

struct hin_sandbox;

/* Named sets of system calls. The base set (reading, writing, polling what is open, memory without
 * PROT_EXEC, time, own signals) is always there. Outside the sets: EPERM, and for what no honest
 * process of ours tries (ptrace, mount, unshare, exec without its set, bpf, modules, keyrings, ...)
 * the process is killed. */
enum hin_sandbox_syscalls {
    HIN_SANDBOX_FILES_READ =
        1 << 0, /* open for reading, stat, directories, readlink; Landlock says where */
    HIN_SANDBOX_FILES_WRITE =
        1 << 1, /* create, rename, unlink, truncate, ...; includes FILES_READ */
    HIN_SANDBOX_NET_CLIENT = 1 << 2, /* socket (INET, INET6, UNIX), connect */
    HIN_SANDBOX_NET_SERVER =
        1 << 3, /* bind, listen, accept; accept alone on a passed listener needs it too */
    HIN_SANDBOX_THREADS = 1 << 4,   /* clone with CLONE_THREAD */
    HIN_SANDBOX_PROCESSES = 1 << 5, /* fork, wait, kill */
    HIN_SANDBOX_EXEC = 1 << 6,      /* execve; includes mapping program text */
    HIN_SANDBOX_JIT = 1 << 7, /* mmap and mprotect with PROT_EXEC, until hin_sandbox_seal_memory */
    HIN_SANDBOX_WATCH = 1 << 8,  /* inotify */
    HIN_SANDBOX_ACCEPT = 1 << 9, /* accept on a listener that was handed over: no socket, bind or
                                    connect, and a network namespace of its own all the same */
    HIN_SANDBOX_NET_DATAGRAM =
        1
        << 10, /* socket (INET and INET6, datagrams only), connect, sendto: UDP and nothing else */
    HIN_SANDBOX_CONNECT_UNIX = 1 << 11, /* connect to Unix sockets: those that the role can see
                                           (under an empty root: what hin_sandbox_show shows); keeps
                                           its network namespace */
    HIN_SANDBOX_CONNECT_TCP = 1 << 12,  /* connect over TCP, to the ports of
                                           hin_sandbox_allow_connect;  no datagrams, no bind */
};

/* What a path rule permits beneath it (Landlock; a file's own rule or a whole tree). */
enum hin_sandbox_access {
    HIN_SANDBOX_READ = 1 << 0,  /* read files, list directories */
    HIN_SANDBOX_WRITE = 1 << 1, /* write and truncate existing files */
    HIN_SANDBOX_CREATE =
        1 << 2, /* make and remove regular files, directories, sockets, symbolic links; rename */
    HIN_SANDBOX_RUN = 1 << 3, /* execute */
};

enum hin_sandbox_namespaces {
    HIN_SANDBOX_NEW_NET = 1 << 0,
    HIN_SANDBOX_NEW_IPC = 1 << 1,
    HIN_SANDBOX_NEW_UTS = 1 << 2,
    HIN_SANDBOX_NEW_MOUNT =
        1 << 3, /* with HIN_SANDBOX_EMPTY_ROOT the root becomes an empty read-only tmpfs */
    HIN_SANDBOX_EMPTY_ROOT = 1 << 4,
    HIN_SANDBOX_NEW_CGROUP = 1 << 5,
};

#define HIN_SANDBOX_NEW_ALL                                                                        \
    (HIN_SANDBOX_NEW_NET | HIN_SANDBOX_NEW_IPC | HIN_SANDBOX_NEW_UTS | HIN_SANDBOX_NEW_MOUNT |     \
     HIN_SANDBOX_EMPTY_ROOT | HIN_SANDBOX_NEW_CGROUP)

HIN_RESULT hin_sandbox_new(struct hin_sandbox **ret_sandbox) HIN_NONNULL;
void hin_sandbox_free(struct hin_sandbox *sandbox);

/* Become this user and group with no others. Used as root only; as an ordinary user the ids stay
 * and that is noted as weaker. uid 0 is INVALID. */
HIN_RESULT hin_sandbox_user(struct hin_sandbox *sandbox, uid_t uid, gid_t gid) HIN_NONNULL;
/* Keep capability `capability` (CAP_x of linux/capability.h); as an ordinary user noted as missing.
 */
HIN_RESULT hin_sandbox_keep_capability(struct hin_sandbox *sandbox, int capability) HIN_NONNULL;
/* HIN_SANDBOX_NEW_x bits. An ordinary user gets them inside a user namespace where the system
 * allows it. EMPTY_ROOT is left out, and noted, when path rules by path text would lose what they
 * name: it needs that files are reached through descriptors. */
void hin_sandbox_namespaces(struct hin_sandbox *sandbox, unsigned namespaces) HIN_NONNULL;
/* HIN_SANDBOX_x bits of enum hin_sandbox_syscalls, added to those given before. */
void hin_sandbox_allow_syscalls(struct hin_sandbox *sandbox, unsigned sets) HIN_NONNULL;

/* Landlock rule: `access` on path below directory (AT_FDCWD or a descriptor; "." or "" for the
 * descriptor itself). Opened now with O_PATH, so that later renames change nothing. NOT_FOUND when
 * it does not exist. */
HIN_RESULT hin_sandbox_allow_path(struct hin_sandbox *sandbox, int directory, const char *path,
                                  unsigned access) HIN_NONNULL;
/* Under an empty root: what this descriptor holds (a folder, a file) is seen as "/name", read-only,
 * and without any new right to it by Landlock. Nowhere else: hin_sandbox_is_shown tells. The
 * descriptor is borrowed until _apply. */
HIN_RESULT hin_sandbox_show(struct hin_sandbox *sandbox, int fd, const char *name) HIN_NONNULL;
bool hin_sandbox_is_shown(const char *name) HIN_NONNULL; /* to be asked behind the lock */
/* Read access to those of the usual system files that exist: name resolution (resolv.conf, hosts,
 * nsswitch.conf, gai.conf, services), time zones, locale, CA certificates, OpenSSL's configuration.
 */
HIN_RESULT hin_sandbox_allow_system_files(struct hin_sandbox *sandbox) HIN_NONNULL;
/* TCP ports (Landlock, Linux 6.7). Without any rule and with NET_CLIENT/NET_SERVER absent nothing
 * is allowed; port 0 = any port. */
HIN_RESULT hin_sandbox_allow_connect(struct hin_sandbox *sandbox, uint16_t port) HIN_NONNULL;
HIN_RESULT hin_sandbox_allow_bind(struct hin_sandbox *sandbox, uint16_t port) HIN_NONNULL;

/* RLIMIT_x, both soft and hard; a value over the present hard limit is cut to it (never raised over
 * it). Always set without asking: CORE 0; NPROC 0 unless THREADS or PROCESSES or EXEC. */
HIN_RESULT hin_sandbox_limit(struct hin_sandbox *sandbox, int resource, rlim_t value) HIN_NONNULL;

/* Close the lock, once. weaker (may be NULL) gets one line "weaker: ...\n" for each thing that
 * could not be had. The process also becomes non-dumpable and dies with its parent if it had
 * PR_SET_PDEATHSIG set. On failure the process is in an undefined state and must end. */
HIN_RESULT hin_sandbox_apply(struct hin_sandbox *sandbox, struct hin_buf *weaker)
    __attribute__((nonnull(1)));

/* For a role with HIN_SANDBOX_JIT, after its rules are compiled: from now on no new executable
 * memory (MDWE and one more filter); what is compiled stays runnable. */
HIN_RESULT hin_sandbox_seal_memory(void);

/* 0 when Landlock is absent. */
int hin_sandbox_landlock_version(void);
/* Is this a build with sanitizers (see above)? */
bool hin_sandbox_is_sanitized(void);

#endif
