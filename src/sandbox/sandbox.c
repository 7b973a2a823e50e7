#include "sandbox/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "sandbox/sandbox_internal.h"

#ifndef PR_SET_MDWE /* Linux 6.3 */
#define PR_SET_MDWE              65
#define PR_MDWE_REFUSE_EXEC_GAIN 1
#endif

static const char *const system_files[] = {
    "/etc/resolv.conf", "/etc/hosts",           "/etc/nsswitch.conf",
    "/etc/host.conf",   "/etc/gai.conf",        "/etc/services",
    "/etc/protocols",   "/etc/localtime",       "/etc/ssl",
    "/etc/pki",         "/etc/ca-certificates", "/etc/crypto-policies",
    "/usr/lib/ssl",     "/usr/share/zoneinfo",  "/usr/share/ca-certificates",
    "/usr/lib/locale",  "/run/systemd/resolve", "/usr/local/share/ca-certificates",
};

HIN_RESULT hin_sandbox_new(struct hin_sandbox **ret_sandbox)
{
    struct hin_sandbox *sandbox = calloc(1, sizeof(*sandbox));
    HIN_ENSURE(sandbox != NULL, NO_MEMORY);
    *ret_sandbox = sandbox;
    return hin_ok();
}

void hin_sandbox_free(struct hin_sandbox *sandbox)
{
    if (sandbox == NULL) {
        return;
    }
    for (size_t i = 0; i < sandbox->path_count; i++) {
        hin_fd_close(&sandbox->paths[i].fd);
    }
    free(sandbox);
}

HIN_RESULT hin_sandbox_user(struct hin_sandbox *sandbox, uid_t uid, gid_t gid)
{
    HIN_ENSURE(uid != 0 && gid != 0 && uid != (uid_t)-1 && gid != (gid_t)-1, INVALID);
    sandbox->uid = uid;
    sandbox->gid = gid;
    return hin_ok();
}

HIN_RESULT hin_sandbox_keep_capability(struct hin_sandbox *sandbox, int capability)
{
    HIN_ENSURE(capability >= 0 && capability < 64, INVALID);
    sandbox->capabilities |= UINT64_C(1) << capability;
    return hin_ok();
}

void hin_sandbox_namespaces(struct hin_sandbox *sandbox, unsigned namespaces)
{
    sandbox->namespaces = namespaces;
}

void hin_sandbox_allow_syscalls(struct hin_sandbox *sandbox, unsigned sets)
{
    sandbox->syscalls |= sets;
    if ((sandbox->syscalls & HIN_SANDBOX_FILES_WRITE) != 0) {
        sandbox->syscalls |= HIN_SANDBOX_FILES_READ;
    }
}

HIN_RESULT hin_sandbox_allow_path(struct hin_sandbox *sandbox, int directory, const char *path,
                                  unsigned access)
{
    HIN_ENSURE(sandbox->path_count < SANDBOX_PATHS_MAX, LIMIT);
    bool itself = path[0] == '\0';
    int fd = openat(directory, itself ? "." : path, O_PATH | O_CLOEXEC);
    if (fd < 0 && itself && errno == ENOTDIR) {
        fd = fcntl(directory, F_DUPFD_CLOEXEC, 0); /* a file's own descriptor */
    }
    if (fd < 0) {
        return hin_fail(hin_code_from_errno(errno));
    }
    sandbox->paths[sandbox->path_count++] = (struct sandbox_path){
        .fd = fd, .access = access, .by_text = directory == AT_FDCWD || path[0] == '/'};
    return hin_ok();
}

HIN_RESULT hin_sandbox_show(struct hin_sandbox *sandbox, int fd, const char *name)
{
    HIN_ENSURE(sandbox->shown_count < SANDBOX_SHOWN_MAX && strlen(name) < SANDBOX_NAME_MAX, LIMIT);
    HIN_ENSURE(fd >= 0 && strchr(name, '/') == NULL, INVALID);
    struct sandbox_shown *shown = &sandbox->shown[sandbox->shown_count++];
    shown->fd = fd;
    hin_copy(shown->name, name, strlen(name) + 1);
    return hin_ok();
}

bool hin_sandbox_is_shown(const char *name)
{
    char path[SANDBOX_NAME_MAX + 2];
    struct stat about, root;
    int size = snprintf(path, sizeof(path), "/%s", name);
    return size > 0 && (size_t)size < sizeof(path) && stat(path, &about) == 0 &&
           stat("/", &root) == 0 && about.st_dev != root.st_dev;
}

HIN_RESULT hin_sandbox_allow_system_files(struct hin_sandbox *sandbox)
{
    for (size_t i = 0; i < HIN_COUNT(system_files); i++) {
        struct hin_result result =
            hin_sandbox_allow_path(sandbox, AT_FDCWD, system_files[i], HIN_SANDBOX_READ);
        if (!hin_is_ok(result) && result.code != HIN_NOT_FOUND && result.code != HIN_DENIED) {
            return result;
        }
    }
    return hin_ok();
}

static HIN_RESULT add_port(struct hin_sandbox *sandbox, uint16_t port, bool bind)
{
    HIN_ENSURE(sandbox->port_count < SANDBOX_PORTS_MAX, LIMIT);
    sandbox->ports[sandbox->port_count++] = (struct sandbox_port){port, bind};
    return hin_ok();
}

HIN_RESULT hin_sandbox_allow_connect(struct hin_sandbox *sandbox, uint16_t port)
{
    return add_port(sandbox, port, false);
}

HIN_RESULT hin_sandbox_allow_bind(struct hin_sandbox *sandbox, uint16_t port)
{
    return add_port(sandbox, port, true);
}

HIN_RESULT hin_sandbox_limit(struct hin_sandbox *sandbox, int resource, rlim_t value)
{
    HIN_ENSURE(sandbox->limit_count < SANDBOX_LIMITS_MAX, LIMIT);
    sandbox->limits[sandbox->limit_count++] = (struct sandbox_limit){resource, value};
    return hin_ok();
}

void hin_sandbox_note(struct hin_buf *weaker, const char *format, ...)
{
    if (weaker == NULL) {
        return;
    }
    size_t before = weaker->size;
    va_list args;
    va_start(args, format);
    struct hin_result result = hin_buf_append_text(weaker, "weaker: ");
    if (hin_is_ok(result)) {
        result = hin_buf_vprintf(weaker, format, args);
    }
    if (hin_is_ok(result)) {
        result = hin_buf_append_byte(weaker, '\n');
    }
    va_end(args);
    if (!hin_is_ok(result)) {
        weaker->size = before;
    }
}

bool hin_sandbox_is_sanitized(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||                         \
    __has_feature(memory_sanitizer)
    return true;
#else
    return false;
#endif
#else
    return false;
#endif
}

static void refuse_executable_gain(const struct hin_sandbox *sandbox, struct hin_buf *weaker)
{
    if ((sandbox->syscalls & (HIN_SANDBOX_JIT | HIN_SANDBOX_EXEC)) != 0) {
        return; /* exec keeps MDWE, and what is started may need its own */
    }
    if (prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0) != 0 && errno != EPERM) {
        hin_sandbox_note(
            weaker,
            "this kernel has no PR_SET_MDWE (Linux 6.3); seccomp alone refuses executable memory");
    }
}

/* Credentials changed: the kernel forgot the death signal and may have made us dumpable or not. */
static HIN_RESULT settle(int death_signal)
{
    if (death_signal != 0 && prctl(PR_SET_PDEATHSIG, (unsigned long)death_signal, 0, 0, 0) != 0) {
        return hin_fail(HIN_INTERNAL);
    }
    unsigned long dumpable =
        hin_sandbox_is_sanitized() ? 1 : 0; /* the leak checker attaches to its own process */
    HIN_ENSURE(prctl(PR_SET_DUMPABLE, dumpable, 0, 0, 0) == 0, INTERNAL);
    return hin_ok();
}

HIN_RESULT hin_sandbox_apply(struct hin_sandbox *sandbox, struct hin_buf *weaker)
{
    int death_signal = 0;
    HIN_ENSURE(prctl(PR_GET_PDEATHSIG, (unsigned long)&death_signal, 0, 0, 0) == 0, INTERNAL);
    if (hin_sandbox_is_sanitized()) {
        hin_sandbox_note(
            weaker,
            "sanitizer build: more system calls are open, the process can be traced by its user");
        HIN_TRY(hin_sandbox_allow_path(sandbox, AT_FDCWD, "/proc/self", HIN_SANDBOX_READ));
    }
    HIN_TRY(hin_sandbox_enter_namespaces(sandbox, weaker));
    HIN_TRY(hin_sandbox_drop_privileges(sandbox, weaker));
    HIN_TRY(hin_sandbox_set_limits(sandbox));
    HIN_TRY(settle(death_signal));
    HIN_ENSURE(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, UNSUPPORTED);
    refuse_executable_gain(sandbox, weaker);
    HIN_TRY(hin_sandbox_restrict_landlock(sandbox, weaker));
    return hin_sandbox_filter_syscalls(sandbox, weaker);
}

HIN_RESULT hin_sandbox_seal_memory(void)
{
    /* EPERM: sealed already; EINVAL: an older kernel, where the filter stands alone */
    (void)prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0);
    return hin_sandbox_filter_executable_memory();
}
