/* The main() of a child: from its arguments through the lock to its run function, and its exit. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "base/log.h"
#include "role/role_internal.h"
#include "role/title.h"

/* By hand and not by the option table: these four words are no interface for people. */
static HIN_RESULT read_arguments(struct hin_role *role, char **argv, int *ret_channel)
{
    struct hin_view rest = hin_view_from_text(argv[2]);
    struct hin_view name = HIN_VIEW_EMPTY;
    uint64_t instance = 0;
    HIN_ENSURE(hin_view_split(&rest, '/', &name), INVALID);
    if (rest.data != NULL) {
        HIN_TRY(hin_view_to_u64(rest, &instance));
    }
    role->definition = hin_role_find(role->program, name);
    HIN_ENSURE(role->definition != NULL && instance <= UINT16_MAX, INVALID);
    role->instance = (unsigned)instance;
    uint64_t channel = 0;
    HIN_TRY(hin_view_to_u64(hin_view_from_text(argv[4]), &channel));
    HIN_ENSURE(channel >= 3 && channel < 1024 && fcntl((int)channel, F_SETFD, FD_CLOEXEC) == 0,
               INVALID);
    *ret_channel = (int)channel;
    return hin_ok();
}

static HIN_RESULT close_lock(struct hin_role *role)
{
    struct hin_sandbox *sandbox = NULL;
    HIN_TRY(hin_sandbox_new(&sandbox));
    struct hin_result result = hin_ok();
    if (role->user != 0 || geteuid() != 0) {
        uid_t user = role->user != 0
                         ? role->user
                         : geteuid(); /* not root: asks for the note that it is weaker */
        result = hin_sandbox_user(sandbox, user, (gid_t)user);
    }
    hin_sandbox_namespaces(sandbox, HIN_SANDBOX_NEW_NET | HIN_SANDBOX_NEW_IPC |
                                        HIN_SANDBOX_NEW_UTS | HIN_SANDBOX_NEW_CGROUP);
    if (hin_is_ok(result)) {
        result = role->definition->sandbox(role, sandbox);
    }
    if (hin_is_ok(result)) {
        result = hin_sandbox_apply(sandbox, &role->weaker);
    }
    hin_sandbox_free(sandbox);
    HIN_TRY(result);
    return hin_ipc_send(role->parent, ROLE_LOCKED, 0, hin_buf_view(&role->weaker));
}

static HIN_RESULT live(struct hin_role *role, const char **ret_step)
{
    *ret_step = "hand-over";
    HIN_TRY(hin_role_receive_gifts(role));
    *ret_step = "setup";
    if (role->definition->setup != NULL) {
        HIN_TRY(role->definition->setup(role));
    }
    *ret_step = "sandbox";
    HIN_TRY(close_lock(role));
    *ret_step = "run";
    HIN_TRY(role->definition->run(role));
    /* what was sent last gets out; a parent that is gone needs none of it */
    HIN_IGNORE(hin_ipc_flush_wait(role->parent, INT64_C(2000000)));
    return hin_ok();
}

static void set_title(const struct hin_role *role)
{
    char text[128];
    if (role->definition->instances > 1 || role->instance > 0) {
        snprintf(text, sizeof(text), "%s: %s/%u", role->program->name, role->definition->name,
                 role->instance);
    } else {
        snprintf(text, sizeof(text), "%s: %s", role->program->name, role->definition->name);
    }
    hin_role_title_set(text);
}

static void ignore_signals(void)
{
    static const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};
    for (size_t i = 0; i < HIN_COUNT(ignored); i++) {
        (void)signal(ignored[i], SIG_IGN);
    }
}

static int child_main(const struct hin_role_program *program, char **argv)
{
    struct hin_role role = {.program = program};
    int channel = -1;
    hin_buf_init(&role.weaker, ROLE_WEAKER_MAX_BYTES);
    ignore_signals();
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0 ||
        !hin_is_ok(read_arguments(&role, argv, &channel)) ||
        !hin_is_ok(hin_ipc_new(channel, 0, &role.parent))) {
        fprintf(stderr, "%s: --role is for the program itself\n", program->name);
        return 2;
    }
    set_title(&role);
    hin_log_open(program->name, role.definition->name, HIN_LOG_INFO);
    const char *step = "";
    struct hin_result result = live(&role, &step);
    if (!hin_is_ok(result) && result.code != HIN_CLOSED) {
        hin_log_result(HIN_LOG_ERROR, result, "role ends in its %s", step);
    }
    hin_role_done(&role);
    if (result.code == HIN_SET_BACK) {
        return HIN_ROLE_EXIT_SET_BACK;
    }
    return hin_is_ok(result) ? 0 : 1;
}

void hin_role_child(const struct hin_role_program *program, int argc, char ***argv)
{
    if (!hin_is_ok(hin_role_title_init(argc, argv))) {
        exit(1);
    }
    if (argc == 5 && strcmp((*argv)[1], "--role") == 0 && strcmp((*argv)[3], "--channel") == 0) {
        exit(child_main(program, *argv));
    }
}
