/* Landlock (landlock(7), Documentation/userspace-api/landlock.rst), by its system calls: glibc has
 * no wrapper and the headers of Debian 12 know only the first versions. */
#include <errno.h>
#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "sandbox/sandbox_internal.h"

#define FS_EXECUTE     (UINT64_C(1) << 0)
#define FS_WRITE_FILE  (UINT64_C(1) << 1)
#define FS_READ_FILE   (UINT64_C(1) << 2)
#define FS_READ_DIR    (UINT64_C(1) << 3)
#define FS_REMOVE_DIR  (UINT64_C(1) << 4)
#define FS_REMOVE_FILE (UINT64_C(1) << 5)
#define FS_MAKE_DIR    (UINT64_C(1) << 7)
#define FS_MAKE_REG    (UINT64_C(1) << 8)
#define FS_MAKE_SOCK   (UINT64_C(1) << 9)
#define FS_MAKE_SYM    (UINT64_C(1) << 12)
#define FS_REFER       (UINT64_C(1) << 13)
#define FS_TRUNCATE    (UINT64_C(1) << 14)
#define NET_BIND       (UINT64_C(1) << 0)
#define NET_CONNECT    (UINT64_C(1) << 1)
#define SCOPE_ABSTRACT (UINT64_C(1) << 0)
#define SCOPE_SIGNAL   (UINT64_C(1) << 1)
#define RULE_PATH      1
#define RULE_NET       2

struct ruleset_attributes { /* struct landlock_ruleset_attr as of version 6 */
    uint64_t fs, net, scoped;
};

struct net_attributes { /* struct landlock_net_port_attr */
    uint64_t access, port;
};

struct version { /* what each version of Landlock can restrict, all before it included */
    uint64_t fs, net, scoped;
    size_t attribute_bytes;
    const char *missing; /* what a kernel before it leaves open */
};

static const struct version versions[] = {
    {0x1fff, 0, 0, 8,
     "no Landlock in this kernel (Linux 5.13, lsm=landlock): files are kept apart by uid and "
     "seccomp only"},
    {FS_REFER, 0, 0, 8, NULL}, /* before it moving between directories is always refused */
    {FS_TRUNCATE, 0, 0, 8,
     "Landlock before version 3 (Linux 6.2) does not restrict truncation of files"},
    {0, NET_BIND | NET_CONNECT, 0, 16,
     "Landlock before version 4 (Linux 6.7) does not restrict TCP ports"},
    {UINT64_C(1) << 15, 0, 0, 16,
     "Landlock before version 5 (Linux 6.10) does not restrict ioctl on devices"},
    {0, 0, SCOPE_ABSTRACT | SCOPE_SIGNAL, 24,
     "Landlock before version 6 (Linux 6.12) does not restrict signals and abstract sockets"},
};

static const struct {
    unsigned access;
    uint64_t tree, file; /* rights on a directory and all beneath, or on one file */
} rights[] = {
    {HIN_SANDBOX_READ, FS_READ_FILE | FS_READ_DIR, FS_READ_FILE},
    {HIN_SANDBOX_WRITE, FS_WRITE_FILE | FS_TRUNCATE, FS_WRITE_FILE | FS_TRUNCATE},
    {HIN_SANDBOX_CREATE,
     FS_MAKE_REG | FS_MAKE_DIR | FS_MAKE_SOCK | FS_MAKE_SYM | FS_REMOVE_FILE | FS_REMOVE_DIR |
         FS_REFER,
     0},
    {HIN_SANDBOX_RUN, FS_EXECUTE | FS_READ_FILE, FS_EXECUTE | FS_READ_FILE},
};

int hin_sandbox_landlock_version(void)
{
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    return version > 0 ? (int)version : 0;
}

static bool port_is_open(const struct hin_sandbox *sandbox, bool bind)
{
    for (size_t i = 0; i < sandbox->port_count; i++) {
        if (sandbox->ports[i].bind == bind && sandbox->ports[i].port == 0) {
            return true;
        }
    }
    return false;
}

static HIN_RESULT add_path(int ruleset, const struct sandbox_path *path, uint64_t handled)
{
    struct stat status;
    HIN_ENSURE(fstat(path->fd, &status) == 0, IO);
    uint64_t allowed = 0;
    for (size_t i = 0; i < HIN_COUNT(rights); i++) {
        if ((path->access & rights[i].access) != 0) {
            allowed |= S_ISDIR(status.st_mode) ? rights[i].tree : rights[i].file;
        }
    }
    struct landlock_path_beneath_attr rule = {.allowed_access = allowed & handled,
                                              .parent_fd = path->fd};
    if (rule.allowed_access == 0) {
        return hin_ok();
    }
    if (syscall(SYS_landlock_add_rule, ruleset, RULE_PATH, &rule, 0) != 0) {
        /* a descriptor that has no place in a file system (memfd, socket) needs no rule */
        HIN_ENSURE(errno == EBADFD || errno == EBADF, INTERNAL);
    }
    return hin_ok();
}

static HIN_RESULT add_rules(int ruleset, const struct hin_sandbox *sandbox,
                            const struct ruleset_attributes *handled)
{
    for (size_t i = 0; i < sandbox->path_count; i++) {
        HIN_TRY(add_path(ruleset, &sandbox->paths[i], handled->fs));
    }
    for (size_t i = 0; i < sandbox->port_count; i++) {
        uint64_t access = sandbox->ports[i].bind ? NET_BIND : NET_CONNECT;
        struct net_attributes rule = {access & handled->net, sandbox->ports[i].port};
        if (rule.access != 0 && syscall(SYS_landlock_add_rule, ruleset, RULE_NET, &rule, 0) != 0) {
            /* a kernel without TCP: then there is nothing to allow */
            HIN_ENSURE(errno == EAFNOSUPPORT, INTERNAL);
        }
    }
    return hin_ok();
}

HIN_RESULT hin_sandbox_restrict_landlock(const struct hin_sandbox *sandbox, struct hin_buf *weaker)
{
    int version = hin_sandbox_landlock_version();
    struct ruleset_attributes handled = {0};
    size_t attribute_bytes = 0;
    for (size_t i = 0; i < HIN_COUNT(versions); i++) {
        if ((int)i < version) {
            handled.fs |= versions[i].fs;
            handled.net |= versions[i].net;
            handled.scoped |= versions[i].scoped;
            attribute_bytes = versions[i].attribute_bytes;
        } else if (versions[i].missing != NULL && (version > 0 || i == 0)) {
            hin_sandbox_note(weaker, "%s", versions[i].missing);
        }
    }
    if (version == 0) {
        return hin_ok();
    }
    handled.net &= ~((port_is_open(sandbox, true) ? NET_BIND : 0) |
                     (port_is_open(sandbox, false) ? NET_CONNECT : 0));
    HIN_CLEANUP_FD int ruleset =
        (int)syscall(SYS_landlock_create_ruleset, &handled, attribute_bytes, 0);
    HIN_ENSURE(ruleset >= 0, INTERNAL);
    HIN_TRY(add_rules(ruleset, sandbox, &handled));
    HIN_ENSURE(syscall(SYS_landlock_restrict_self, ruleset, 0) == 0, DENIED);
    return hin_ok();
}
