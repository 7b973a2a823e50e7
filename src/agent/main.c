/* hinomi-agent: enrol, run, status. */
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/key_file.h"
#include "base/bytes.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/terminal.h"
#include "base/time.h"
#include "role/title.h"

#define STATE_DEFAULT "/var/lib/hinomi-agent"

struct options {
    const char *state, *manager, *token, *token_file, *ca_fingerprint, *passphrase_file,
        *passphrase_fd;
    struct hin_option_texts roots, ntp;
    uint64_t spool_max_bytes;
    int64_t clock_bound_usec;
    bool no_wait, json, verbose;
};

#define STATE_OPTION                                                                               \
    {                                                                                              \
        "state", 's', HIN_OPTION_TEXT, offsetof(struct options, state), "DIR",                     \
            "State folder; its key file is DIR.key beside it (" STATE_DEFAULT ").", NULL, false,   \
            false                                                                                  \
    }
#define PASSPHRASE_OPTIONS                                                                         \
    {"passphrase-file",                                                                            \
     0,                                                                                            \
     HIN_OPTION_TEXT,                                                                              \
     offsetof(struct options, passphrase_file),                                                    \
     "FILE",                                                                                       \
     "Pass phrase that seals the key file, from a file.",                                          \
     NULL,                                                                                         \
     false,                                                                                        \
     false},                                                                                       \
    {                                                                                              \
        "passphrase-fd", 0, HIN_OPTION_TEXT, offsetof(struct options, passphrase_fd), "N",         \
            "The same, from an open descriptor.", NULL, false, false                               \
    }

static const struct hin_option enrol_options[] = {
    STATE_OPTION,
    {"manager", 'm', HIN_OPTION_TEXT, offsetof(struct options, manager), "URL",
     "The manager's address for agents, https://HOST:PORT.", NULL, true, false},
    {"ca-fingerprint", 'f', HIN_OPTION_TEXT, offsetof(struct options, ca_fingerprint), "HEX",
     "SHA-256 of the manager's certificate authority, as its init printed it.", NULL, true, false},
    {"token-file", 't', HIN_OPTION_TEXT, offsetof(struct options, token_file), "FILE",
     "Enrolment token, from a file or - for standard input; without one the computer waits for "
     "approval.",
     NULL, false, false},
    {"token", 0, HIN_OPTION_TEXT, offsetof(struct options, token), "TOKEN",
     "The token itself; better give it by --token-file.", NULL, false, true},
    {"log-root", 'l', HIN_OPTION_TEXTS, offsetof(struct options, roots), "DIR",
     "Folder below which logs may be read, whatever a policy says, or journald for the journal, "
     "which "
     "a folder that holds its files allows too; repeatable (/var/log).",
     NULL, false, false},
    {"spool-max", 0, HIN_OPTION_COUNT, offsetof(struct options, spool_max_bytes), "BYTES",
     "Bound of the spool (536870912).", NULL, false, false},
    HIN_CLOCK_OPTION_ROWS(struct options, ntp, clock_bound_usec),
    {"no-wait", 0, HIN_OPTION_FLAG, offsetof(struct options, no_wait), NULL,
     "When approval is pending, end with status 3 instead of waiting.", NULL, false, false},
    PASSPHRASE_OPTIONS,
};

static const struct hin_option run_options[] = {
    STATE_OPTION,
    PASSPHRASE_OPTIONS,
    {"verbose", 'v', HIN_OPTION_FLAG, offsetof(struct options, verbose), NULL, "Log more.", NULL,
     false, false},
};

static const struct hin_option status_options[] = {
    STATE_OPTION,
    {"json", 'j', HIN_OPTION_FLAG, offsetof(struct options, json), NULL, "Print JSON.", NULL, false,
     false},
};

static int fail(struct hin_result result, const struct hin_error *error, int status)
{
    char text[1280];
    if (error->text[0] != '\0') {
        hin_error_format(error, text, sizeof(text));
        hin_terminal_line(stderr, "hinomi-agent: %s", text);
    } else {
        fprintf(stderr, "hinomi-agent: %s (%s)\n", hin_code_text(result.code),
                hin_code_hint(result.code));
    }
    return status;
}

static HIN_RESULT token_read(const struct options *o, struct hin_secret *ret_token, bool *ret_given,
                             struct hin_error *error)
{
    *ret_given = o->token != NULL || o->token_file != NULL;
    if (o->token != NULL) {
        return hin_secret_from(ret_token, hin_view_from_text(o->token));
    }
    if (o->token_file == NULL) {
        return hin_ok();
    }
    HIN_CLEANUP_FD int opened = -1;
    bool standard = strcmp(o->token_file, "-") == 0;
    struct hin_result result =
        standard ? hin_ok() : hin_fd_open(AT_FDCWD, o->token_file, O_RDONLY, 0, &opened);
    if (hin_is_ok(result)) {
        result = hin_secret_read_fd(ret_token, standard ? STDIN_FILENO : opened);
    }
    if (!hin_is_ok(result)) {
        return hin_error_set(error, result.code, o->token_file, 0, 0,
                             "the token could not be read: %s", hin_code_text(result.code));
    }
    return hin_ok();
}

static int command_enrol(const struct options *o)
{
    HIN_CLEANUP(hin_secret_done) struct hin_secret token = {0}, passphrase = {0};
    struct hin_error error = {.code = HIN_OK};
    bool has_token = false, has_passphrase = false;
    struct hin_result result = token_read(o, &token, &has_token, &error);
    if (hin_is_ok(result)) {
        result = hin_agent_passphrase(o->passphrase_file, o->passphrase_fd, &passphrase,
                                      &has_passphrase, &error);
    }
    if (hin_is_ok(result)) {
        struct hin_agent_enrolment enrolment = {
            .state = o->state,
            .manager = o->manager,
            .ca_fingerprint = o->ca_fingerprint,
            .roots = &o->roots,
            .token = has_token ? &token : NULL,
            .passphrase = has_passphrase ? &passphrase : NULL,
            .spool_max_bytes = o->spool_max_bytes,
            .ntp = &o->ntp,
            .clock_bound_usec = o->clock_bound_usec,
            .no_wait = o->no_wait,
        };
        result = hin_agent_enrol(&enrolment, &error);
    }
    hin_secret_done(&passphrase);
    return hin_is_ok(result) ? 0 : fail(result, &error, result.code == HIN_AGAIN ? 3 : 1);
}

static int command_run(const struct options *o)
{
    HIN_CLEANUP(hin_secret_done) struct hin_secret passphrase = {0};
    struct hin_error error = {.code = HIN_OK};
    bool has_passphrase = false;
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) { /* a descriptor a log file */
        files.rlim_cur = HIN_MIN(files.rlim_max, (rlim_t)16384);
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
    struct hin_result result = hin_agent_passphrase(o->passphrase_file, o->passphrase_fd,
                                                    &passphrase, &has_passphrase, &error);
    if (hin_is_ok(result)) {
        result = hin_agent_run(o->state, has_passphrase ? &passphrase : NULL, &error);
    }
    return hin_is_ok(result) ? 0 : fail(result, &error, 1);
}

static int command_status(const struct options *o)
{
    struct hin_error error = {.code = HIN_OK};
    bool running = false;
    struct hin_result result = hin_agent_status(o->state, o->json, &running, &error);
    return !hin_is_ok(result) ? fail(result, &error, 1) : running ? 0 : 3;
}

static const struct {
    struct hin_command command;
    int (*run)(const struct options *options);
} commands[] = {
    {{"hinomi-agent enrol", "make this computer known to a manager", NULL,
      "Makes the state folder and its key file, and asks the manager for a certificate. With a "
      "token that is done at once; "
      "without one an administrator has to approve.",
      enrol_options, HIN_COUNT(enrol_options), 0, 0},
     command_enrol},
    {{"hinomi-agent run", "watch this computer until told to stop", NULL, NULL, run_options,
      HIN_COUNT(run_options), 0, 0},
     command_run},
    {{"hinomi-agent status", "say what the agent does; exit status 3: it does not run", NULL, NULL,
      status_options, HIN_COUNT(status_options), 0, 0},
     command_status},
};

static int usage(FILE *out, int status)
{
    fprintf(out, "usage: hinomi-agent COMMAND [OPTION...]\n\n");
    for (size_t i = 0; i < HIN_COUNT(commands); i++) {
        fprintf(out, "  %-20s %s\n", commands[i].command.name + strlen("hinomi-agent "),
                commands[i].command.summary);
    }
    fprintf(out, "\n`hinomi-agent COMMAND --help` tells more. Version " HIN_VERSION ".\n");
    return status;
}

/* Secrets in the arguments have been copied by now: nothing of them stays in the process title. */
static void wipe_title(const struct options *o)
{
    if (o->token != NULL) {
        fprintf(
            stderr,
            "hinomi-agent: a secret on the command line can be seen by others; use --token-file\n");
    }
    hin_role_title_set("hinomi-agent: parent");
}

int main(int argc, char **argv)
{
    hin_role_child(&hin_agent_program, argc, &argv);
    if (argc < 2) {
        return usage(stderr, 2);
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("hinomi-agent " HIN_VERSION "\n");
        return 0;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        return usage(stdout, 0);
    }
    if (strcmp(argv[1], "man") == 0) { /* for the build: the commands' part of hinomi-agent(8) */
        for (size_t i = 0; i < HIN_COUNT(commands); i++) {
            hin_option_man(&commands[i].command, stdout);
        }
        return 0;
    }
    for (size_t i = 0; i < HIN_COUNT(commands); i++) {
        const struct hin_command *command = &commands[i].command;
        if (strcmp(argv[1], command->name + strlen("hinomi-agent ")) != 0) {
            continue;
        }
        struct options options = {.state = STATE_DEFAULT, .clock_bound_usec = HIN_CLOCK_BOUND_USEC};
        struct hin_error error = {.code = HIN_OK};
        char **operands = NULL;
        size_t operand_count = 0;
        bool help = false;
        struct hin_result result = hin_option_parse(command, argc - 1, argv + 1, &options,
                                                    &operands, &operand_count, &help, &error);
        if (help) {
            hin_option_help(command, stdout);
            return 0;
        }
        if (!hin_is_ok(result)) {
            return fail(result, &error, 2);
        }
        wipe_title(&options);
        hin_log_open("hinomi-agent", "parent", options.verbose ? HIN_LOG_DEBUG : HIN_LOG_NOTICE);
        return commands[i].run(&options);
    }
    hin_terminal_line(stderr, "hinomi-agent: unknown command %s", argv[1]);
    return usage(stderr, 2);
}
