/* What any host is asked, whoever asks: nothing here needs a right that an ordinary user lacks. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/timex.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "doctor/doctor.h"
#include "sandbox/sandbox.h"

#define AREA_HOST "host"

/* A number in a file of /proc; `absent` where there is none. */
static long proc_number(const char *path, long absent)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = 256};
    char digits[32];
    if (!hin_is_ok(hin_file_read(AT_FDCWD, path, &text)) ||
        !hin_is_ok(hin_view_to_text(hin_view_trim(hin_buf_view(&text)), digits, sizeof(digits)))) {
        return absent;
    }
    return strtol(digits, NULL, 10);
}

static void look_kernel(struct hin_doctor *doctor, void *subject)
{
    struct utsname name;
    (void)subject;
    int landlock = hin_sandbox_landlock_version();
    if (uname(&name) != 0) {
        name.release[0] = '\0';
    }
    if (landlock == 0) {
        hin_doctor_found(doctor,
                         "Linux %s without Landlock: a captured process could reach files "
                         "of its user that it does not need",
                         name.release);
        return;
    }
    hin_doctor_fine(doctor, "Linux %s, Landlock %d", name.release, landlock);
}

static void look_seccomp(struct hin_doctor *doctor, void *subject)
{
    (void)subject;
    if (access("/proc/sys/kernel/seccomp/actions_avail", F_OK) != 0) {
        hin_doctor_found(doctor, "the kernel has no seccomp filters: processes keep system calls "
                                 "that they do not need");
    }
}

static void look_namespaces(struct hin_doctor *doctor, void *subject)
{
    (void)subject;
    bool closed = proc_number("/proc/sys/user/max_user_namespaces", 1) == 0 ||
                  proc_number("/proc/sys/kernel/unprivileged_userns_clone", 1) == 0 ||
                  proc_number("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", 0) == 1;
    if (geteuid() != 0 && closed) {
        hin_doctor_found(doctor, "an ordinary user gets no namespaces here: what is not started as "
                                 "root has weaker walls");
    }
}

/* Only partitions are judged: what lies behind /dev/dm-N says itself what it is. */
static bool is_encrypted(struct hin_view device)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = 256};
    char path[128];
    if (hin_view_starts_with(device, HIN_VIEW("/dev/zram"))) {
        return true; /* memory */
    }
    if (!hin_view_starts_with(device, HIN_VIEW("/dev/dm-"))) {
        return false;
    }
    struct hin_view name = hin_view_sub(device, 5, device.size);
    snprintf(path, sizeof(path), "/sys/block/%.*s/dm/uuid", (int)HIN_MIN(name.size, 64U),
             (const char *)name.data);
    return hin_is_ok(hin_file_read(AT_FDCWD, path, &text)) &&
           hin_view_starts_with(hin_buf_view(&text), HIN_VIEW("CRYPT-"));
}

static void look_swap(struct hin_doctor *doctor, void *subject)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = 65536};
    (void)subject;
    if (!hin_is_ok(hin_file_read(AT_FDCWD, "/proc/swaps", &text))) {
        hin_doctor_unseen(doctor, "/proc/swaps cannot be read");
        return;
    }
    struct hin_view rest = hin_buf_view(&text);
    struct hin_view line, device;
    bool heading = true;
    while (hin_view_split(&rest, '\n', &line)) {
        if (!heading && line.size > 0 && hin_view_split(&line, ' ', &device) &&
            !is_encrypted(device)) {
            hin_doctor_found(doctor,
                             "swap on %.*s is not encrypted: what was searched for or "
                             "shown may reach the disk in the clear (keys are locked in "
                             "memory)",
                             HIN_ARGS(device));
        }
        heading = false;
    }
}

static void look_dumps(struct hin_doctor *doctor, void *subject)
{
    (void)subject;
    if (proc_number("/proc/sys/fs/suid_dumpable", 0) == 1) {
        hin_doctor_found(doctor, "fs.suid_dumpable is 1: processes that changed their user may "
                                 "leave core dumps");
    }
}

static void look_limits(struct hin_doctor *doctor, void *subject)
{
    struct rlimit files, locked;
    (void)subject;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_max < 4096) {
        hin_doctor_found(doctor, "at most %llu files may be open (seen from this shell)",
                         (unsigned long long)files.rlim_max);
    }
    if (geteuid() != 0 && getrlimit(RLIMIT_MEMLOCK, &locked) == 0 && locked.rlim_max < (1U << 20)) {
        hin_doctor_found_as(doctor, HIN_DOCTOR_ADVICE,
                            "set LimitMEMLOCK=8M (systemd) or `ulimit -l`",
                            "at most %llu KiB may be locked in memory: keys may reach the swap",
                            (unsigned long long)locked.rlim_max >> 10);
    }
}

static void look_clock(struct hin_doctor *doctor, void *subject)
{
    struct timex clock = {.modes = 0};
    (void)subject;
    int state = adjtimex(&clock);
    if (state < 0) {
        hin_doctor_unseen(doctor, "the kernel does not say whether its clock is kept in step");
    } else if (state == TIME_ERROR || (clock.status & STA_UNSYNC) != 0) {
        hin_doctor_found(doctor,
                         "nobody keeps this host's clock in step, as far as the kernel knows");
    }
}

static void look_state(struct hin_doctor *doctor, void *subject)
{
    const struct hin_doctor_host *host = subject;
    struct stat info;
    if (host->folder < 0 || fstat(host->folder, &info) != 0) {
        hin_doctor_unseen(doctor,
                          "%s cannot be opened as this user: run this as root or as its "
                          "owner",
                          host->state);
        return;
    }
    if ((info.st_mode & 022) != 0) {
        hin_doctor_found(doctor, "%s may be written by others (mode %03o)", host->state,
                         (unsigned)info.st_mode & 0777);
    }
}

static void look_space(struct hin_doctor *doctor, void *subject)
{
    const struct hin_doctor_host *host = subject;
    if (host->folder < 0) {
        hin_doctor_unseen(doctor, "%s cannot be opened as this user", host->state);
        return;
    }
    hin_doctor_space(doctor, host->folder, host->state);
}

const struct hin_doctor_check hin_doctor_host_checks[] = {
    {"host.kernel", AREA_HOST, "the kernel, and whether it has Landlock", HIN_DOCTOR_WARNING,
     "use Linux 5.13 or newer, and see that /sys/kernel/security/lsm names landlock", 0,
     look_kernel},
    {"host.seccomp", AREA_HOST, "filters of system calls", HIN_DOCTOR_WARNING,
     "use a kernel with CONFIG_SECCOMP_FILTER", 0, look_seccomp},
    {"host.namespaces", AREA_HOST, "user namespaces", HIN_DOCTOR_ADVICE,
     "run it as root (it takes users of its own), or allow user namespaces: sysctl "
     "user.max_user_namespaces",
     0, look_namespaces},
    {"host.swap", AREA_HOST, "whether swap is encrypted", HIN_DOCTOR_ADVICE,
     "encrypt it (crypttab with a random key), use zram, or `swapoff -a`", 0, look_swap},
    {"host.dumps", AREA_HOST, "core dumps", HIN_DOCTOR_WARNING, "sysctl -w fs.suid_dumpable=0", 0,
     look_dumps},
    {"host.limits", AREA_HOST, "limits of open files and locked memory", HIN_DOCTOR_ADVICE,
     "set LimitNOFILE=65536 (systemd) or `ulimit -Hn`", 0, look_limits},
    {"host.clock", "clock", "whether the kernel's clock is kept in step", HIN_DOCTOR_ADVICE,
     "systemctl enable --now systemd-timesyncd, or install chrony (docs/CLOCKS.md)", 0, look_clock},
    {"host.state", "permissions", "the state folder", HIN_DOCTOR_ERROR,
     "chmod go-w on it, then look who has changed what in it", 0, look_state},
    {"host.space", "disk", "space of the state folder", HIN_DOCTOR_WARNING,
     "make room, or set keepDays in manager.json (agents: --spool-max at enrolment)", 0,
     look_space},
};
const size_t hin_doctor_host_check_count = HIN_COUNT(hin_doctor_host_checks);
