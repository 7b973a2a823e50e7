/* Real roles in real processes: this test program executes itself, as every program of ours does.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/codec.h"
#include "base/fd.h"
#include "base/time.h"
#include "harness.h"
#include "role/attach.h"
#include "role/notify.h"
#include "role/parent.h"

#define NOBODY 65534

enum {
    ASK = HIN_IPC_TYPE_PROGRAM, /* asker -> oracle: a text, answered by the text of the file
                                   "answer" */
    DIE,                        /* asker -> oracle: crash now */
    TELL,                       /* any -> parent: text */
    OPEN,                       /* any -> parent: a descriptor, please */
    GO,                         /* parent -> asker: ask once more */
    WRONG,                      /* in nobody's table */
};

/* ---- The roles
 * ---------------------------------------------------------------------------------------------- */

static HIN_RESULT no_rights(struct hin_role *role, struct hin_sandbox *sandbox)
{
    return hin_ok();
}

static HIN_RESULT answer(void *context, struct hin_ipc *channel, struct hin_ipc_message *message)
{
    struct hin_role *role = context;
    char text[64];
    ssize_t size = pread(hin_role_fd(role, "answer"), text, sizeof(text), 0);
    return hin_ipc_reply(channel, message, HIN_OK, hin_view_of(text, size > 0 ? (size_t)size : 0));
}

static HIN_RESULT die(void *context, struct hin_ipc *channel, struct hin_ipc_message *message)
{
    raise(SIGSEGV);
    return hin_fail(HIN_INTERNAL);
}

static const struct hin_ipc_permit oracle_rows[] = {
    {ASK, HIN_IPC_REQUEST, 0, 0, 1, 64, 0, answer},
    {DIE, 0, 0, 0, 0, 0, 0, die},
};
static const struct hin_ipc_table oracle_table = {"asker -> oracle", oracle_rows,
                                                  HIN_COUNT(oracle_rows)};
static const struct hin_role_service oracle_services[] = {{"asker", &oracle_table},
                                                          {"looper", &oracle_table}};

static HIN_RESULT run_oracle(struct hin_role *role)
{
    struct hin_role_loop loop = {.services = oracle_services, .service_count = 2, .context = role};
    return hin_role_serve(role, &loop);
}

static HIN_RESULT tell(struct hin_role *role, const char *text)
{
    return hin_ipc_send(hin_role_parent_channel(role), TELL, 0, hin_view_from_text(text));
}

/* GO with "ask", "die", "wrong": does it with the oracle and tells the parent what came of it. */
static HIN_RESULT go(void *context, struct hin_ipc *channel, struct hin_ipc_message *message)
{
    struct hin_role *role = context;
    struct hin_ipc *oracle = NULL;
    HIN_TRY(hin_role_wait_peer(role, "oracle", 0, 10 * HIN_SEC_USEC, &oracle));
    if (hin_view_is(message->payload, "die")) {
        return hin_ipc_send(oracle, DIE, 0, HIN_VIEW_EMPTY);
    }
    if (hin_view_is(message->payload, "wrong")) {
        return hin_ipc_send(oracle, WRONG, 0, HIN_VIEW("x"));
    }
    struct hin_ipc_message reply;
    HIN_TRY(hin_ipc_call(oracle, ASK, HIN_VIEW("?"), 10 * HIN_SEC_USEC, &reply));
    return hin_ipc_send(hin_role_parent_channel(role), TELL, 0, reply.payload);
}

static const struct hin_ipc_permit go_rows[] = {{GO, 0, 0, 0, 1, 16, 0, go}};
static const struct hin_ipc_table go_table = {"parent -> asker", go_rows, 1};
static const struct hin_role_service asker_services[] = {{"parent", &go_table}};

static HIN_RESULT run_asker(struct hin_role *role)
{
    struct hin_ipc_message reply;
    HIN_TRY(hin_ipc_call(hin_role_parent_channel(role), OPEN, HIN_VIEW_EMPTY, 10 * HIN_SEC_USEC,
                         &reply));
    char text[64];
    ssize_t size = reply.fd_count == 1 ? read(reply.fds[0], text, sizeof(text)) : -1;
    HIN_ENSURE(size == 4 && hin_view_is(hin_view_of(text, 4), "gift"), IO);
    HIN_TRY(hin_role_report(role, hin_role_setting(role, "word")));
    struct hin_role_loop loop = {.services = asker_services, .service_count = 1, .context = role};
    return hin_role_serve(role, &loop);
}

struct looper {
    struct hin_loop *loop;
    struct hin_result result;
};

static void stop_loop(void *context)
{
    struct looper *looper = hin_role_context(context);
    hin_loop_stop(looper->loop);
}

static void end_loop(void *context, struct hin_result result)
{
    struct looper *looper = hin_role_context(context);
    looper->result = result;
    hin_loop_stop(looper->loop);
}

/* The asker again, in an event loop. */
static HIN_RESULT run_looper(struct hin_role *role)
{
    struct looper looper = {.result = {HIN_OK}};
    struct hin_role_attached *attached = NULL;
    struct hin_role_attachment attachment = {.services = asker_services,
                                             .service_count = 1,
                                             .context = role,
                                             .stop = stop_loop,
                                             .failed = end_loop};
    hin_role_set_context(role, &looper);
    HIN_TRY(hin_loop_new(NULL, &looper.loop));
    HIN_TRY(hin_role_attach(role, looper.loop, &attachment, &attached));
    HIN_TRY(hin_role_report(role, HIN_VIEW("weather is fine")));
    HIN_TRY(hin_role_ready(role));
    struct hin_result result = hin_loop_run(looper.loop);
    hin_role_detach(attached);
    hin_loop_free(looper.loop);
    return hin_is_ok(result) ? looper.result : result;
}

static HIN_RESULT run_crasher(struct hin_role *role)
{
    return hin_fail(HIN_IO);
}

static HIN_RESULT run_deaf(struct hin_role *role)
{
    HIN_TRY(hin_role_ready(role));
    for (;;) {
        pause();
    }
}

static HIN_RESULT run_liar(struct hin_role *role)
{
    HIN_TRY(hin_role_ready(role));
    HIN_TRY(hin_ipc_send(hin_role_parent_channel(role), WRONG, 0, HIN_VIEW("?")));
    for (;;) {
        pause();
    }
}

/* Tries what no role may; tells the parent a text with what was not stopped. */
static HIN_RESULT run_burglar(struct hin_role *role)
{
    char text[256] = "open:";
    if (open("/etc/passwd", O_RDONLY) >= 0 ||
        open(hin_role_setting_text(role, "answer path"), O_RDWR) >= 0) {
        return tell(role, "opened a file");
    }
    if (socket(AF_INET, SOCK_STREAM, 0) >= 0 || socket(AF_UNIX, SOCK_STREAM, 0) >= 0) {
        return tell(role, "made a socket");
    }
    if (kill(getppid(), SIGTERM) == 0 || kill(1, 0) == 0) {
        return tell(role, "sent a signal");
    }
    if (fork() >= 0) {
        return tell(role, "forked");
    }
    uid_t user = hin_role_user(role);
    snprintf(text, sizeof(text), "stopped as %s",
             user != 0 && getuid() == user ? "its uid" : "the same uid");
    HIN_TRY(tell(role, text));
    HIN_TRY(hin_role_ready(role));
    char *arguments[] = {NULL};
    execve("/bin/true", arguments, arguments); /* ends it by the filter */
    return hin_fail(HIN_DENIED);
}

static HIN_RESULT handle_tell(void *context, struct hin_ipc *channel,
                              struct hin_ipc_message *message);
static HIN_RESULT handle_open(void *context, struct hin_ipc *channel,
                              struct hin_ipc_message *message);

static const struct hin_ipc_permit parent_rows[] = {
    {TELL, 0, 0, 0, 0, 64, 0, handle_tell},
    {OPEN, HIN_IPC_REQUEST | HIN_IPC_ONCE, 0, 0, 0, 0, 0, handle_open},
};
static const struct hin_ipc_table parent_table = {"role -> parent", parent_rows,
                                                  HIN_COUNT(parent_rows)};

static const struct hin_role_definition roles[] = {
    {.name = "oracle",
     .sandbox = no_rights,
     .run = run_oracle,
     .user = 1,
     .restart = HIN_ROLE_ALWAYS},
    {.name = "asker",
     .sandbox = no_rights,
     .run = run_asker,
     .user = 2,
     .peers = {"oracle"},
     .to_parent = &parent_table},
    {.name = "looper",
     .sandbox = no_rights,
     .run = run_looper,
     .user = 7,
     .peers = {"oracle"},
     .to_parent = &parent_table},
    {.name = "crasher", .sandbox = no_rights, .run = run_crasher, .user = 3},
    {.name = "deaf", .sandbox = no_rights, .run = run_deaf, .user = 4},
    {.name = "liar", .sandbox = no_rights, .run = run_liar, .user = 5, .to_parent = &parent_table},
    {.name = "burglar",
     .sandbox = no_rights,
     .run = run_burglar,
     .user = 6,
     .restart = HIN_ROLE_NEVER,
     .to_parent = &parent_table},
};
static const struct hin_role_program program = {"test-role", roles, HIN_COUNT(roles)};

/* Before main and its tests: in a child this never comes back. */
__attribute__((constructor)) static void become_child(int argc, char **argv, char **variables)
{
    if (argc == 5) {
        hin_role_child(&program, argc, &argv);
    }
}

/* ---- The parent
 * --------------------------------------------------------------------------------------------- */

struct house {
    struct hin_role_parent *parent;
    int answer; /* a file that only its descriptor opens */
    char path[128];
    char told[128];
    unsigned exits, crashes;
    int64_t delays[8];
    int last_signal;
    char reason[64];
    const char *asker; /* who is told to go */
    int program;       /* executed instead of ours, or -1 */
};

static HIN_RESULT handle_tell(void *context, struct hin_ipc *channel,
                              struct hin_ipc_message *message)
{
    const struct hin_role_caller *caller = context;
    struct house *house = caller->context;
    return hin_view_to_text(message->payload, house->told, sizeof(house->told));
}

static HIN_RESULT handle_open(void *context, struct hin_ipc *channel,
                              struct hin_ipc_message *message)
{
    HIN_CLEANUP_FD int fd = -1;
    HIN_TRY(hin_memfd_from("gift", HIN_VIEW("gift"), &fd));
    (void)lseek(fd, 0, SEEK_SET);
    return hin_ipc_reply_fds(channel, message, HIN_OK, HIN_VIEW_EMPTY, &fd, 1);
}

static HIN_RESULT prepare(void *context, const char *name, unsigned instance,
                          struct hin_role_hand *hand)
{
    struct house *house = context;
    HIN_TRY(hin_role_hand_setting(hand, "word", HIN_VIEW("weather is fine")));
    HIN_TRY(hin_role_hand_setting(hand, "answer path", hin_view_from_text(house->path)));
    if (house->program >= 0) {
        HIN_TRY(hin_role_hand_program(hand, house->program));
    }
    return hin_role_hand_fd(hand, "answer", house->answer);
}

static void on_exit_of(void *context, const struct hin_role_exit *news)
{
    struct house *house = context;
    if (house->exits < HIN_COUNT(house->delays)) {
        house->delays[house->exits] = news->restart_in_usec;
    }
    house->exits++;
    house->crashes += news->crashed ? 1 : 0;
    house->last_signal = WIFSIGNALED(news->status) ? WTERMSIG(news->status) : 0;
    snprintf(house->reason, sizeof(house->reason), "%s", news->reason);
}

static HIN_RESULT house_open(struct house *house)
{
    *house = (struct house){.answer = -1, .asker = "asker", .program = -1};
    snprintf(house->path, sizeof(house->path), "%s/answer", test_folder());
    HIN_TRY(hin_fd_open(AT_FDCWD, house->path, O_RDWR | O_CREAT, 0600, &house->answer));
    HIN_TRY(hin_fd_write_all(house->answer, HIN_VIEW("forty-two")));
    struct hin_role_parent_config config = {
        .program = &program,
        .context = house,
        .prepare = prepare,
        .on_exit = on_exit_of,
        .uid_base = 64800,
        .backoff_first_usec = 20 * HIN_MSEC_USEC,
        .backoff_max_usec = 100 * HIN_MSEC_USEC,
        .stop_timeout_usec = 500 * HIN_MSEC_USEC,
    };
    return hin_role_parent_new(&config, &house->parent);
}

static void house_close(struct house *house)
{
    hin_role_parent_free(house->parent);
    hin_fd_close(&house->answer);
    hin_fd_close(&house->program);
}

/* Turn the parent's loop until the condition holds, at most 20 s. */
#define UNTIL(house, condition)                                                                    \
    do {                                                                                           \
        int64_t end_ = hin_clock_monotonic_usec(hin_clock_system()) + 20 * HIN_SEC_USEC;           \
        while (!(condition)) {                                                                     \
            CHECK(hin_clock_monotonic_usec(hin_clock_system()) < end_);                            \
            CHECK_OK(hin_role_parent_step((house)->parent, 50 * HIN_MSEC_USEC));                   \
        }                                                                                          \
    } while (0)

static bool status_holds(struct house *house, const char *text)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf buf = {.max = 1 << 16};
    return hin_is_ok(hin_role_parent_status(house->parent, &buf)) &&
           hin_view_find(hin_buf_view(&buf), hin_view_from_text(text)) != SIZE_MAX;
}

static HIN_RESULT send_go(struct house *house, const char *what)
{
    house->told[0] = '\0';
    return hin_role_parent_send(house->parent, house->asker, 0, GO, hin_view_from_text(what), NULL,
                                0);
}

TEST(test_role_parent__hands_over_and_wires)
{
    struct house house;
    CHECK_OK(house_open(&house));
    CHECK_OK(hin_role_parent_start(house.parent, "asker", 0));
    CHECK_OK(hin_role_parent_start(house.parent, "oracle", 0));
    CHECK_CODE(hin_role_parent_start(house.parent, "oracle", 0), EXISTS);
    CHECK_CODE(hin_role_parent_start(house.parent, "nobody", 0), NOT_FOUND);
    UNTIL(&house, status_holds(&house, "weather is fine"));
    CHECK_OK(send_go(&house, "ask"));
    UNTIL(&house, house.told[0] != '\0');
    CHECK_VIEW(hin_view_from_text(house.told), "forty-two");
    CHECK_INT(house.exits, 0);
    house_close(&house);
}

/* A copy of this program under another name stands for a program of its own. */
static HIN_RESULT make_other_program(struct house *house, char *path, size_t path_bytes)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf bytes = {.max = 64 << 20};
    snprintf(path, path_bytes, "%s/other-program", test_folder());
    HIN_TRY(hin_file_read(AT_FDCWD, "/proc/self/exe", &bytes));
    HIN_TRY(hin_file_replace(AT_FDCWD, path, hin_buf_view(&bytes), 0700));
    return hin_fd_open(AT_FDCWD, path, O_PATH, 0, &house->program);
}

TEST(test_role_parent__a_role_may_be_another_program)
{
    struct house house;
    char path[200], link[64], found[200] = {0};
    struct hin_ipc *channel = NULL;
    struct hin_ipc_message reply;
    CHECK_OK(house_open(&house));
    CHECK_OK(make_other_program(&house, path, sizeof(path)));
    CHECK_OK(hin_role_parent_start(house.parent, "oracle", 0));
    CHECK_CODE(hin_role_parent_connect(house.parent, "asker", 0, "oracle", &channel), NOT_FOUND);
    UNTIL(&house, status_holds(&house, "oracle/0") && status_holds(&house, " ready"));
    snprintf(link, sizeof(link), "/proc/%d/exe",
             (int)hin_role_parent_pid(house.parent, "oracle", 0));
    CHECK(readlink(link, found, sizeof(found) - 1) > 0);
    CHECK(strcmp(found, path) == 0);
    /* And this process as its only peer. */
    CHECK_OK(hin_role_parent_connect(house.parent, "oracle", 0, "asker", &channel));
    CHECK_OK(hin_ipc_call(channel, ASK, HIN_VIEW("?"), 10 * HIN_SEC_USEC, &reply));
    CHECK_VIEW(reply.payload, "forty-two");
    hin_ipc_free(channel);
    house_close(&house);
}

static void check_rewire(const char *name, const char *what, int signal)
{
    struct house house;
    CHECK_OK(house_open(&house));
    house.asker = name;
    CHECK_OK(hin_role_parent_start(house.parent, "oracle", 0));
    CHECK_OK(hin_role_parent_start(house.parent, name, 0));
    UNTIL(&house, status_holds(&house, "weather is fine"));
    pid_t asker = hin_role_parent_pid(house.parent, name, 0);
    for (unsigned round = 1; round <= 3; round++) {
        CHECK_OK(send_go(&house, what));
        UNTIL(&house, house.exits == round);
        CHECK_INT(house.last_signal, signal);
        /* until it is back the asker waits for its peer, then both talk over a fresh channel */
        UNTIL(&house, hin_role_parent_pid(house.parent, "oracle", 0) > 0);
        CHECK_OK(send_go(&house, "ask"));
        UNTIL(&house, house.told[0] != '\0');
        CHECK_VIEW(hin_view_from_text(house.told), "forty-two");
    }
    CHECK_INT(hin_role_parent_pid(house.parent, name, 0),
              asker); /* the other has not noticed more */
    CHECK_INT(house.crashes, 3);
    house_close(&house);
}

TEST(test_role_parent__rewires_after_a_crash)
{
    check_rewire("asker", "die", hin_sandbox_is_sanitized() ? 0 : SIGSEGV);
}

TEST(test_role_parent__a_malformed_message_ends_the_receiver)
{
    check_rewire("asker", "wrong", 0);
}

TEST(test_role_attach__rewires_and_ends_on_stop)
{
    check_rewire("looper", "wrong", 0);
    struct house house;
    CHECK_OK(house_open(&house));
    CHECK_OK(hin_role_parent_start(house.parent, "looper", 0));
    UNTIL(&house, status_holds(&house, "ready"));
    hin_role_parent_stop(house.parent);
    CHECK_OK(hin_role_parent_run(house.parent));
    CHECK_INT(house.exits, 1);
    CHECK_INT(house.crashes, 0);
    house_close(&house);
}

TEST(test_role_parent__backs_off_in_a_crash_loop)
{
    struct house house;
    CHECK_OK(house_open(&house));
    CHECK_OK(hin_role_parent_start(house.parent, "crasher", 7));
    UNTIL(&house, house.exits == 5);
    CHECK_INT(house.delays[0], 20 * HIN_MSEC_USEC);
    CHECK_INT(house.delays[1], 40 * HIN_MSEC_USEC);
    CHECK_INT(house.delays[2], 80 * HIN_MSEC_USEC);
    CHECK_INT(house.delays[3], 100 * HIN_MSEC_USEC);
    CHECK_INT(house.delays[4], 100 * HIN_MSEC_USEC);
    CHECK_OK(hin_role_parent_stop_one(house.parent, "crasher", 7));
    UNTIL(&house, !status_holds(&house, "crasher/7"));
    house_close(&house);
}

TEST(test_role_parent__kills_a_child_that_breaks_the_protocol)
{
    struct house house;
    CHECK_OK(house_open(&house));
    CHECK_OK(hin_role_parent_start(house.parent, "liar", 0));
    UNTIL(&house, house.exits == 2);
    CHECK_INT(house.crashes, 2);
    CHECK_VIEW(hin_view_from_text(house.reason), "broke the protocol");
    house_close(&house);
}

static void burgle(struct house *house, const char *wanted)
{
    CHECK_OK(hin_role_parent_start(house->parent, "burglar", 0));
    UNTIL(house, house->exits == 1);
    CHECK_VIEW(hin_view_from_text(house->told), wanted);
    if (!hin_sandbox_is_sanitized()) {
        CHECK_INT(house->last_signal, SIGSYS);
    }
    CHECK(!status_holds(house, "burglar")); /* never restarted */
}

TEST(test_role_parent__the_forbidden_is_stopped_as_root)
{
    struct house house;
    CHECK_INT(getuid(), 0);
    CHECK_OK(house_open(&house));
    burgle(&house, "stopped as its uid");
    house_close(&house);
}

static void as_ordinary_user(void)
{
    struct house house;
    CHECK_OK(house_open(&house));
    burgle(&house, "stopped as the same uid");
    house.exits = 0;
    CHECK_OK(hin_role_parent_start(house.parent, "oracle", 0));
    CHECK_OK(hin_role_parent_start(house.parent, "asker", 0));
    UNTIL(&house, status_holds(&house, "weather is fine"));
    CHECK_OK(send_go(&house, "ask"));
    UNTIL(&house, house.told[0] != '\0');
    CHECK_VIEW(hin_view_from_text(house.told), "forty-two");
    HIN_CLEANUP(hin_buf_done) struct hin_buf buf = {.max = 1 << 16};
    CHECK_OK(hin_role_parent_weaker(house.parent, &buf));
    CHECK(hin_view_find(hin_buf_view(&buf), HIN_VIEW("weaker: not root")) != SIZE_MAX);
    CHECK(hin_view_find(hin_buf_view(&buf), HIN_VIEW("(oracle, asker)")) != SIZE_MAX);
    house_close(&house);
    printf("passed\n");
    fflush(stdout);
}

TEST(test_role_parent__the_forbidden_is_stopped_as_ordinary_user)
{
    int pipes[2];
    CHECK(chmod(test_folder(), 0777) == 0 && pipe(pipes) == 0);
    pid_t pid = fork();
    if (pid == 0) {
        bool dropped = setgid(NOBODY) == 0 && setuid(NOBODY) == 0 && dup2(pipes[1], 1) == 1;
        if (dropped) {
            as_ordinary_user();
        }
        _exit(0);
    }
    close(pipes[1]);
    char text[512];
    HIN_CLEANUP(hin_buf_done) struct hin_buf buf = {.max = 4096};
    CHECK_OK(hin_fd_read_all(pipes[0], &buf));
    close(pipes[0]);
    waitpid(pid, NULL, 0);
    snprintf(text, sizeof(text), "%.*s", HIN_ARGS(hin_buf_view(&buf)));
    CHECK_VIEW(hin_buf_view(&buf), "passed\n");
}

TEST(test_role_parent__stops_all_and_kills_the_deaf)
{
    struct house house;
    CHECK_OK(house_open(&house));
    CHECK_OK(hin_role_parent_start(house.parent, "oracle", 0));
    CHECK_OK(hin_role_parent_start(house.parent, "deaf", 0));
    UNTIL(&house, status_holds(&house, "deaf/0: pid") && !status_holds(&house, "starting"));
    pid_t oracle = hin_role_parent_pid(house.parent, "oracle", 0);
    CHECK_INT(kill(getpid(), SIGTERM), 0);
    CHECK_OK(hin_role_parent_run(house.parent));
    CHECK_INT(house.exits, 2);
    CHECK_INT(house.crashes,
              1); /* the deaf one, told to stop and killed; the other left in order */
    CHECK(kill(oracle, 0) != 0 && errno == ESRCH);
    house_close(&house);
}

TEST(test_role_parent__children_die_with_it)
{
    int pipes[2];
    CHECK(pipe(pipes) == 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct house house;
        bool up = hin_is_ok(house_open(&house)) &&
                  hin_is_ok(hin_role_parent_start(house.parent, "deaf", 0));
        while (up && !status_holds(&house, "ready")) {
            up = hin_is_ok(hin_role_parent_step(house.parent, HIN_SEC_USEC));
        }
        pid_t child = up ? hin_role_parent_pid(house.parent, "deaf", 0) : -1;
        (void)!write(pipes[1], &child, sizeof(child));
        raise(SIGKILL);
    }
    pid_t child = -1;
    CHECK(read(pipes[0], &child, sizeof(child)) == (ssize_t)sizeof(child) && child > 0);
    waitpid(pid, NULL, 0);
    for (int i = 0; i < 100 && kill(child, 0) == 0; i++) {
        usleep(20000);
        char path[64];
        char state = 0;
        snprintf(path, sizeof(path), "/proc/%d/stat", (int)child);
        FILE *file = fopen(path, "re");
        if (file == NULL || fscanf(file, "%*d (%*[^)]) %c", &state) != 1 || state == 'Z') {
            child = -1;
        }
        if (file != NULL) {
            fclose(file);
        }
        if (child == -1) {
            break;
        }
    }
    CHECK(child == -1 || kill(child, 0) != 0);
    close(pipes[0]);
    close(pipes[1]);
}

TEST(test_role_parent__titles_name_the_role_and_hold_no_argument)
{
    struct house house;
    CHECK_OK(house_open(&house));
    CHECK_OK(hin_role_parent_start(house.parent, "deaf", 3));
    UNTIL(&house, status_holds(&house, "ready"));
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/cmdline",
             (int)hin_role_parent_pid(house.parent, "deaf", 3));
    HIN_CLEANUP(hin_buf_done) struct hin_buf buf = {.max = 1 << 16};
    CHECK_OK(hin_file_read(AT_FDCWD, path, &buf));
    CHECK(hin_view_starts_with(hin_buf_view(&buf), HIN_VIEW("test-role: deaf/3\0")));
    CHECK(hin_view_find(hin_buf_view(&buf), HIN_VIEW("--role")) == SIZE_MAX);
    house_close(&house);
}

TEST(test_role_parent__tells_the_service_manager)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    snprintf(at.sun_path, sizeof(at.sun_path), "%s/notify", test_folder());
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    CHECK(bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0);
    CHECK(setenv("NOTIFY_SOCKET", at.sun_path, 1) == 0 &&
          setenv("WATCHDOG_USEC", "2000000", 1) == 0);
    CHECK_INT(hin_role_notify_watchdog_usec(), 2000000);
    CHECK_OK(hin_role_notify("READY=1"));
    char text[64];
    ssize_t size = recv(fd, text, sizeof(text), MSG_DONTWAIT);
    CHECK(size > 0);
    CHECK_VIEW(hin_view_of(text, (size_t)size), "READY=1");
    CHECK(unsetenv("NOTIFY_SOCKET") == 0 && unsetenv("WATCHDOG_USEC") == 0);
    CHECK_OK(hin_role_notify("READY=1"));
    close(fd);
}
