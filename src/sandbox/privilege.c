/* Users, capabilities, resource limits. */
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/bytes.h"
#include "sandbox/sandbox_internal.h"

static HIN_RESULT become(uid_t uid, gid_t gid)
{
    HIN_ENSURE(setgroups(0, NULL) == 0, DENIED);
    HIN_ENSURE(setresgid(gid, gid, gid) == 0, DENIED);
    HIN_ENSURE(setresuid(uid, uid, uid) == 0, DENIED);
    /* no way back */
    HIN_ENSURE(setresuid(0, 0, 0) != 0 && getuid() == uid && geteuid() == uid && getgid() == gid,
               DENIED);
    return hin_ok();
}

static HIN_RESULT set_capabilities(uint64_t keep)
{
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2] = {
        {.effective = (uint32_t)keep, .permitted = (uint32_t)keep},
        {.effective = (uint32_t)(keep >> 32), .permitted = (uint32_t)(keep >> 32)},
    };
    HIN_ENSURE(syscall(SYS_capset, &header, data) == 0, DENIED);
    return hin_ok();
}

static HIN_RESULT get_permitted(uint64_t *ret_capabilities)
{
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2] = {{0}};
    HIN_ENSURE(syscall(SYS_capget, &header, data) == 0, INTERNAL);
    *ret_capabilities = data[0].permitted | (uint64_t)data[1].permitted << 32;
    return hin_ok();
}

/* Needs CAP_SETPCAP, which root and the first process of a user namespace have. */
static void empty_bounding_set(uint64_t keep)
{
    for (int capability = 0; capability < 64; capability++) {
        if ((keep & UINT64_C(1) << capability) == 0 &&
            prctl(PR_CAPBSET_READ, capability, 0, 0, 0) == 1) {
            (void)prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
        }
    }
    (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
}

HIN_RESULT hin_sandbox_drop_privileges(const struct hin_sandbox *sandbox, struct hin_buf *weaker)
{
    uint64_t have = 0;
    HIN_TRY(get_permitted(&have));
    uint64_t keep = sandbox->capabilities & have;
    bool root = geteuid() == 0;
    if (!root && sandbox->capabilities != 0) {
        keep = 0; /* those of a user namespace of our own mean nothing outside it */
        hin_sandbox_note(weaker, "not root: the capabilities this role would keep are missing");
    }
    empty_bounding_set(keep);
    if (root && sandbox->uid != 0) {
        HIN_ENSURE(prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) == 0, INTERNAL);
        HIN_TRY(become(sandbox->uid, sandbox->gid));
        HIN_ENSURE(prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) == 0, INTERNAL);
    } else if (root) {
        hin_sandbox_note(weaker, "this process stays uid 0 (without capabilities)");
    } else if (sandbox->uid != 0) {
        hin_sandbox_note(weaker, "not root: all roles share one uid; they are kept apart by "
                                 "Landlock, seccomp and non-dumpable memory");
    }
    HIN_TRY(set_capabilities(keep));
    uint64_t now = 0;
    HIN_TRY(get_permitted(&now));
    HIN_ENSURE(now == keep, INTERNAL);
    return hin_ok();
}

static HIN_RESULT set_limit(int resource, rlim_t value)
{
    struct rlimit limit;
    HIN_ENSURE(getrlimit((__rlimit_resource_t)resource, &limit) == 0, INVALID);
    rlim_t least = limit.rlim_max < value ? limit.rlim_max : value;
    limit = (struct rlimit){least, least};
    HIN_ENSURE(setrlimit((__rlimit_resource_t)resource, &limit) == 0, DENIED);
    return hin_ok();
}

HIN_RESULT hin_sandbox_set_limits(const struct hin_sandbox *sandbox)
{
    HIN_TRY(set_limit(RLIMIT_CORE, 0));
    unsigned forks = HIN_SANDBOX_THREADS | HIN_SANDBOX_PROCESSES | HIN_SANDBOX_EXEC;
    if ((sandbox->syscalls & forks) == 0 && !hin_sandbox_is_sanitized()) {
        HIN_TRY(set_limit(RLIMIT_NPROC, 0));
    }
    for (size_t i = 0; i < sandbox->limit_count; i++) {
        if (sandbox->limits[i].resource == RLIMIT_AS && hin_sandbox_is_sanitized()) {
            continue; /* shadow memory takes terabytes of address space */
        }
        HIN_TRY(set_limit(sandbox->limits[i].resource, sandbox->limits[i].value));
    }
    return hin_ok();
}
