#include "depot/sftp_ssh.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "base/time.h"

#define PROGRAM      "/usr/bin/ssh"
#define SAID_MAX     ((size_t)4096)
#define END_USEC     (500 * HIN_MSEC_USEC) /* how long an orderly end may take */
#define ARGUMENT_MAX 600

#define KEX                                                                                        \
    "KexAlgorithms=sntrup761x25519-sha512@openssh.com,curve25519-sha256,"                          \
    "curve25519-sha256@libssh.org,ecdh-sha2-nistp256,ecdh-sha2-nistp384"
#define HOST_KEYS                                                                                  \
    "HostKeyAlgorithms=ssh-ed25519,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,rsa-sha2-512,"          \
    "rsa-sha2-256"

/* ssh_config(5), all of it said here: -F none keeps the files of host and user out. Authenticated
 * encryption and ephemeral key exchange alone, and no SHA-1. */
static const char *const fixed[] = {
    "BatchMode=yes",
    "StrictHostKeyChecking=yes",
    "GlobalKnownHostsFile=none",
    "UpdateHostKeys=no",
    "VerifyHostKeyDNS=no",
    "CheckHostIP=no",
    "IdentitiesOnly=yes",
    "IdentityAgent=none",
    "AddKeysToAgent=no",
    "PreferredAuthentications=publickey",
    "PasswordAuthentication=no",
    "KbdInteractiveAuthentication=no",
    "HostbasedAuthentication=no",
    "GSSAPIAuthentication=no",
    "ControlMaster=no",
    "ControlPath=none",
    "ClearAllForwardings=yes",
    "ForwardAgent=no",
    "ForwardX11=no",
    "Tunnel=no",
    "PermitLocalCommand=no",
    "ProxyCommand=none",
    "CanonicalizeHostname=no",
    "RequestTTY=no",
    "EscapeChar=none",
    "Compression=no",
    "LogLevel=ERROR",
    "ConnectionAttempts=1",
    "Ciphers=aes256-gcm@openssh.com,aes128-gcm@openssh.com,chacha20-poly1305@openssh.com",
    KEX,
    HOST_KEYS,
};
enum { FIXED_COUNT = HIN_COUNT(fixed), OWN_COUNT = 5 };

/* ---- starting ---- */

/* What the child is to be. */
struct being {
    char *const *arguments;
    uid_t user; /* 0: who we are */
    bool nameless;
    int channel, errors;
};

static bool write_file(const char *path, const char *text)
{
    HIN_CLEANUP_FD int fd = open(path, O_WRONLY | O_CLOEXEC);
    size_t size = strlen(text);
    return fd >= 0 && write(fd, text, size) == (ssize_t)size;
}

/* In the child, which is one thread and touches nothing of ours. */
static bool become(const struct being *being)
{
    char map[64];
    (void)snprintf(map, sizeof(map), "0 %u 1", (unsigned)being->user);
    if (being->user != 0 &&
        (setgroups(0, NULL) != 0 || setresgid(being->user, being->user, being->user) != 0 ||
         setresuid(being->user, being->user, being->user) != 0)) {
        return false;
    }
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) {
        return false;
    }
    return !being->nameless ||
           (prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0 && unshare(CLONE_NEWUSER) == 0 &&
            write_file("/proc/self/setgroups", "deny") && write_file("/proc/self/gid_map", map) &&
            write_file("/proc/self/uid_map", map));
}

__attribute__((noreturn)) static void execute(const struct being *being)
{
    char path[] = "PATH=/usr/bin:/bin", locale[] = "LC_ALL=C";
    char *const environment[] = {path, locale, NULL};
    static const char refused[] = "no user of its own and no user namespaces for ssh\n";
    sigset_t none;
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    for (int number = 1; number < NSIG; number++) {
        (void)signal(number, SIG_DFL);
    }
    (void)setsid();
    if (dup2(being->channel, STDIN_FILENO) < 0 || dup2(being->channel, STDOUT_FILENO) < 0 ||
        dup2(being->errors, STDERR_FILENO) < 0) {
        _exit(126);
    }
    if (!become(being)) {
        ssize_t said = write(STDERR_FILENO, refused, sizeof(refused) - 1);
        _exit(said > 0 ? 125 : 126);
    }
    execve(PROGRAM, being->arguments, environment);
    _exit(127);
}

static HIN_RESULT spawn(struct hin_ssh *ssh, const struct being *being)
{
    if (access(PROGRAM, X_OK) != 0) {
        return hin_fail(hin_code_from_errno(errno));
    }
    pid_t pid = fork();
    if (pid == 0) {
        execute(being);
    }
    HIN_ENSURE(pid > 0, NO_MEMORY);
    ssh->pid = pid;
    return hin_ok();
}

/* A socket pair, so that writing to a child that is gone raises no signal. */
static HIN_RESULT make_pair(int *ret_ours, int *ret_theirs)
{
    int pair[2];
    HIN_ENSURE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0, IO);
    *ret_ours = pair[0];
    *ret_theirs = pair[1];
    return hin_fd_nonblocking(pair[0], true);
}

static HIN_RESULT start(struct hin_ssh *ssh, char *const *arguments, uid_t user)
{
    HIN_CLEANUP_FD int channel = -1;
    HIN_CLEANUP_FD int errors = -1;
    HIN_TRY(make_pair(&ssh->fd, &channel));
    HIN_TRY(make_pair(&ssh->error_fd, &errors));
    struct being being = {.arguments = arguments,
                          .user = user,
                          .nameless = user != 0 && getpwuid(user) == NULL,
                          .channel = channel,
                          .errors = errors};
    return spawn(ssh, &being);
}

HIN_RESULT hin_ssh_start(struct hin_ssh *ssh, const struct hin_sftp_settings *settings,
                         int64_t timeout_usec, uid_t user)
{
    char own[OWN_COUNT][ARGUMENT_MAX];
    char texts[FIXED_COUNT][160];
    char words[12][ARGUMENT_MAX];
    char *arguments[HIN_COUNT(words) + 2 * (FIXED_COUNT + OWN_COUNT) + 1];
    const char *const begin[] = {"ssh", "-F",           "none", "-T",
                                 "-p",  settings->port, "-l",   settings->user};
    const char *const end[] = {"-s", settings->host, "sftp"};
    char option[] = "-o";
    int seconds = (int)HIN_MIN(HIN_MAX(timeout_usec / HIN_SEC_USEC, 1), 3600);
    size_t count = 0, word = 0;
    for (size_t i = 0; i < HIN_COUNT(begin); i++, word++) {
        (void)snprintf(words[word], ARGUMENT_MAX, "%s", begin[i]);
        arguments[count++] = words[word];
    }
    for (size_t i = 0; i < FIXED_COUNT; i++) {
        (void)snprintf(texts[i], sizeof(texts[i]), "%s", fixed[i]);
        arguments[count++] = option;
        arguments[count++] = texts[i];
    }
    (void)snprintf(own[0], ARGUMENT_MAX, "IdentityFile=%s", settings->identity_file);
    (void)snprintf(own[1], ARGUMENT_MAX, "UserKnownHostsFile=%s", settings->host_key_file);
    (void)snprintf(own[2], ARGUMENT_MAX, "ConnectTimeout=%d", seconds);
    (void)snprintf(own[3], ARGUMENT_MAX, "ServerAliveInterval=%d", seconds);
    (void)snprintf(own[4], ARGUMENT_MAX, "ServerAliveCountMax=1");
    for (size_t i = 0; i < OWN_COUNT; i++) {
        arguments[count++] = option;
        arguments[count++] = own[i];
    }
    for (size_t i = 0; i < HIN_COUNT(end); i++, word++) {
        (void)snprintf(words[word], ARGUMENT_MAX, "%s", end[i]);
        arguments[count++] = words[word];
    }
    arguments[count] = NULL;
    *ssh = (struct hin_ssh){.fd = -1, .error_fd = -1, .said = {.max = SAID_MAX}};
    struct hin_result started = start(ssh, arguments, user);
    if (!hin_is_ok(started)) {
        hin_ssh_stop(ssh);
    }
    return started;
}

void hin_ssh_stop(struct hin_ssh *ssh)
{
    if (ssh->pid > 0) {
        hin_fd_close(&ssh->fd); /* its end of input: it ends by itself */
        pid_t ended = 0;
        for (int64_t waited = 0; waited < END_USEC && ended == 0; waited += 5 * HIN_MSEC_USEC) {
            ended = waitpid(ssh->pid, NULL, WNOHANG);
            if (ended == 0) {
                (void)poll(NULL, 0, 5);
            }
        }
        if (ended == 0) {
            (void)kill(ssh->pid, SIGKILL);
            while (waitpid(ssh->pid, NULL, 0) < 0 && errno == EINTR) {
                ;
            }
        }
        hin_fd_close(&ssh->error_fd);
    } else if (ssh->said.max > 0) { /* started, but for the child */
        hin_fd_close(&ssh->fd);
        hin_fd_close(&ssh->error_fd);
    }
    hin_buf_done(&ssh->said);
    *ssh = (struct hin_ssh){.fd = -1, .error_fd = -1};
}

/* ---- what it says ---- */

void hin_ssh_listen(struct hin_ssh *ssh)
{
    uint8_t bytes[512];
    size_t size = 0;
    while (hin_is_ok(hin_fd_read_some(ssh->error_fd, bytes, sizeof(bytes), &size)) && size > 0) {
        if (ssh->said.size + size > SAID_MAX) {
            hin_buf_consume(&ssh->said, ssh->said.size + size - SAID_MAX);
        }
        HIN_IGNORE(hin_buf_append(&ssh->said, hin_view_of(bytes, size))); /* then it is shorter */
    }
}

/* Its last line that is not empty, as far as it prints. */
static void last_line(struct hin_view said, char *out, size_t out_bytes)
{
    struct hin_view line = HIN_VIEW_EMPTY, last = HIN_VIEW_EMPTY;
    size_t size = 0;
    while (hin_view_split(&said, '\n', &line)) {
        last = hin_view_trim(line).size > 0 ? hin_view_trim(line) : last;
    }
    for (size_t i = 0; i < last.size && size + 1 < out_bytes; i++) {
        out[size++] = last.data[i] >= ' ' && last.data[i] <= '~' ? (char)last.data[i] : '?';
    }
    out[size] = '\0';
}

HIN_RESULT hin_ssh_explain(struct hin_view said, const struct hin_sftp_settings *settings,
                           struct hin_error *error)
{
    static const struct {
        const char *words;
        enum hin_code code;
        const char *advice;
    } sayings[] = {
        {"REMOTE HOST IDENTIFICATION HAS CHANGED", HIN_AUTH,
         "its key is another than host-key-file= says: is it really this host?"},
        {"Host key verification failed", HIN_AUTH,
         "host-key-file= does not hold its key, or not under this name: put there what "
         "`ssh-keyscan` prints, after comparing it"},
        {"no matching host key type", HIN_AUTH, "give it an Ed25519, ECDSA or RSA host key"},
        {"UNPROTECTED PRIVATE KEY FILE", HIN_AUTH, "chmod 600 the file of identity-file="},
        {"Permission denied", HIN_AUTH,
         "it does not take the key of identity-file=: put its public half into "
         "~/.ssh/authorized_keys there"},
        {"no matching", HIN_AUTH, "it offers no cipher or key exchange that is strong enough"},
        {"subsystem request failed", HIN_INVALID, "let its sshd offer the subsystem sftp"},
        {"no user namespaces for ssh", HIN_DENIED,
         "permit user namespaces, or give the number that it runs as a line in /etc/passwd"},
        {"Could not resolve hostname", HIN_NETWORK, "correct the host's name, or check the DNS"},
        {"timed out", HIN_TIMEOUT, "check that it runs and is reachable"},
        {"not responding", HIN_TIMEOUT, "check that it runs and is reachable"},
        {"Connection refused", HIN_NETWORK, "check the port, and that sshd runs there"},
    };
    enum hin_code code = HIN_NETWORK;
    const char *advice = "check address, port and firewall, and the log of its sshd";
    char line[200];
    last_line(said, line, sizeof(line));
    for (size_t i = 0; i < HIN_COUNT(sayings); i++) {
        if (hin_view_find(said, hin_view_from_text(sayings[i].words)) != SIZE_MAX) {
            code = sayings[i].code;
            advice = sayings[i].advice;
            break;
        }
    }
    return hin_error_set(error, code, NULL, 0, 0, "ssh to %s@%s port %s: %s: %s", settings->user,
                         settings->host, settings->port,
                         line[0] != '\0' ? line : "the connection was closed", advice);
}
