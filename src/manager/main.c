/* hinomi-manager: the table of its processes and the dispatch of its commands. */
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/option.h"
#include "base/terminal.h"
#include "clock/role.h"
#include "manager/backup/settings.h"
#include "manager/doctor.h"
#include "manager/init/escrow.h"
#include "manager/init/init.h"
#include "manager/init/protect.h"
#include "manager/main.h"
#include "manager/parent/run.h"
#include "manager/restore/accept.h"
#include "manager/restore/drill.h"
#include "manager/restore/restore.h"
#include "manager/roles.h"

static int show_version(const struct hin_role_program *program, int argc, char **argv)
{
    (void)program;
    (void)argc;
    (void)argv;
    printf("hinomi-manager %s\n", HIN_VERSION);
    return 0;
}

static int run_init(const struct hin_role_program *program, int argc, char **argv)
{
    return hin_manager_init(program, argc, argv);
}

static int run_protect(const struct hin_role_program *program, int argc, char **argv)
{
    return hin_manager_protect(program, argc, argv);
}

/* Two of one name: out of backups, and what was put back by hand. */
static int run_restore(const struct hin_role_program *program, int argc, char **argv)
{
    bool accepts = argc > 1 && (strcmp(argv[1], "show") == 0 || strcmp(argv[1], "accept") == 0);
    return accepts ? hin_manager_accept(program, argc - 1, argv + 1)
                   : hin_manager_restore(program, argc, argv);
}

static int write_man(const struct hin_role_program *program, int argc, char **argv)
{
    (void)program;
    (void)argc;
    (void)argv;
    hin_option_man(&hin_manager_init_command, stdout);
    hin_option_man(&hin_manager_run_command, stdout);
    hin_option_man(&hin_manager_protect_command, stdout);
    hin_option_man(&hin_manager_escrow_command, stdout);
    hin_option_man(&hin_manager_doctor_command, stdout);
    hin_option_man(&hin_manager_destination_command, stdout);
    hin_option_man(&hin_manager_restore_command, stdout);
    hin_option_man(&hin_manager_accept_command, stdout);
    hin_option_man(&hin_manager_drill_command, stdout);
    return 0;
}

static const struct {
    const char *name;
    const char *summary;
    int (*run)(const struct hin_role_program *program, int argc, char **argv);
} commands[] = {
    {"init", "make a new installation", run_init},
    {"run", "serve until SIGTERM", hin_manager_run},
    {"protect", "change what guards the key ring", run_protect},
    {"escrow", "write a copy of the key ring that two holders agreed to", hin_manager_escrow},
    {"doctor", "look at files and host, say what to mend", hin_manager_doctor},
    {"destination", "say where backups go", hin_manager_destination},
    {"restore", "out of backups; show, accept: what was put back by hand", run_restore},
    {"drill", "try a recovery from backups, and measure it", hin_manager_drill},
    {"man", "write the manual page of the commands", write_man},
    {"version", "say which version this is", show_version},
    {"--version", "the same", show_version},
};

static int usage(FILE *out, int status)
{
    fprintf(out, "usage: hinomi-manager COMMAND [OPTIONS]\n\n");
    for (size_t i = 0; i < HIN_COUNT(commands); i++) {
        fprintf(out, "  %-11s %s\n", commands[i].name, commands[i].summary);
    }
    fprintf(out, "\nhinomi-manager COMMAND --help shows the options of a command.\n");
    return status;
}

static const struct hin_role_definition role_clock = {
    .name = HIN_CLOCK_ROLE,
    .sandbox = hin_clock_role_sandbox,
    .run = hin_clock_role_run,
    .peers = {"worker"},
    .user = HIN_ROLE_USER_CLOCK,
    .instances = 0, /* started by `run` where time servers are configured */
    .restart = HIN_ROLE_ALWAYS,
};

/* Another program, hinomi-tpm, which `init` and `run` start for a moment: this row is what the
 * parent needs to know of it. */
static struct hin_result no_tpm_here(struct hin_role *role)
{
    (void)role;
    return hin_fail(HIN_UNSUPPORTED);
}

static struct hin_result no_tpm_sandbox(struct hin_role *role, struct hin_sandbox *sandbox)
{
    (void)role;
    (void)sandbox;
    return hin_fail(HIN_UNSUPPORTED);
}

static const struct hin_role_definition role_tpm = {
    .name = "tpm",
    .sandbox = no_tpm_sandbox,
    .run = no_tpm_here,
    .user = HIN_ROLE_USER_TPM,
    .instances = 0,
    .restart = HIN_ROLE_NEVER,
};

int hin_manager_main(int argc, char **argv)
{
    const struct hin_role_definition roles[] = {hin_manager_role_kms,
                                                hin_manager_role_keys,
                                                hin_manager_role_depot,
                                                hin_manager_role_backup,
                                                hin_manager_role_jobs,
                                                hin_manager_role_worker,
                                                hin_manager_role_probe,
                                                role_clock,
                                                role_tpm};
    const struct hin_role_program program = {"hinomi-manager", roles, HIN_COUNT(roles)};
    hin_role_child(&program, argc, &argv);
    if (argc < 2) {
        return usage(stderr, 2);
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        return usage(stdout, 0);
    }
    for (size_t i = 0; i < HIN_COUNT(commands); i++) {
        if (strcmp(argv[1], commands[i].name) == 0) {
            return commands[i].run(&program, argc - 1, argv + 1);
        }
    }
    hin_terminal_line(stderr, "hinomi-manager: unknown command %s", argv[1]);
    return usage(stderr, 2);
}
