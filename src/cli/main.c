/* hinomi: the command line. The groups are one visible list; --help, completion and the man page
 * come from the same tables as parsing. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/terminal.h"
#include "cli/cli.h"

static const struct hin_cli_group *const groups[] = {
    &hin_cli_group_login,     &hin_cli_group_events,      &hin_cli_group_computer,
    &hin_cli_group_policy,    &hin_cli_group_status,      &hin_cli_group_health,
    &hin_cli_group_audit,     &hin_cli_group_key,         &hin_cli_group_ca,
    &hin_cli_group_kms,       &hin_cli_group_log,         &hin_cli_group_rules,
    &hin_cli_group_tenant,    &hin_cli_group_certificate, &hin_cli_group_doctor,
    &hin_cli_group_person,    &hin_cli_group_tls,         &hin_cli_group_backup,
    &hin_cli_group_retention, &hin_cli_group_trust,       &hin_cli_group_evidence,
};

static const char *verb_of(const struct hin_cli_group *group, const struct hin_cli_command *command)
{
    const char *name = command->usage->name + strlen("hinomi ") + strlen(group->name);
    return name[0] == ' ' ? name + 1 : "";
}

static void print_help(FILE *out)
{
    fputs("hinomi: the command line of Hinomi, open workload protection\n\nUsage: hinomi COMMAND "
          "[OPTIONS] ...\n\n",
          out);
    for (size_t i = 0; i < HIN_COUNT(groups); i++) {
        for (size_t j = 0; j < groups[i]->command_count; j++) {
            const struct hin_command *usage = groups[i]->commands[j].usage;
            fprintf(out, "  %-24s  %s\n", usage->name + strlen("hinomi "), usage->summary);
        }
    }
    fputs("\n`hinomi COMMAND --help` tells more. `hinomi completion bash|zsh` prints shell "
          "completion, `hinomi man` the\n"
          "manual page. Exit status: 0 done, 1 failed, 2 wrong usage.\n",
          out);
}

static int print_man(void)
{
    fputs(".TH HINOMI 1 \"\" \"Hinomi " HIN_VERSION
          "\" \"User Commands\"\n.SH NAME\nhinomi \\- command line of Hinomi, open "
          "workload protection\n.SH SYNOPSIS\n.B hinomi\nCOMMAND [OPTIONS] ...\n.SH COMMANDS\n",
          stdout);
    for (size_t i = 0; i < HIN_COUNT(groups); i++) {
        for (size_t j = 0; j < groups[i]->command_count; j++) {
            hin_option_man(groups[i]->commands[j].usage, stdout);
        }
    }
    fputs(".SH FILES\n.TP\n.I ~/.config/hinomi/profile.json\nWhere the manager is and the API key, "
          "mode 0600; "
          "HINOMI_PROFILE names another.\n.SH EXIT STATUS\n0 done, 1 failed, 2 wrong usage.\n.SH "
          "SEE ALSO\n"
          ".BR hinomi\\-rules (5),\n.BR hinomi\\-manager (8),\n.BR hinomi\\-agent (8)\n",
          stdout);
    return HIN_CLI_OK;
}

/* After an option with choices, these: "events:*:--format) words="table json"". */
static void complete_values(const struct hin_cli_group *group,
                            const struct hin_cli_command *command)
{
    const char *verb = verb_of(group, command);
    for (size_t k = 0; k < command->usage->option_count; k++) {
        const struct hin_option *option = &command->usage->options[k];
        struct hin_view rest = hin_view_from_text(option->choices);
        struct hin_view choice;
        if (option->choices == NULL) {
            continue;
        }
        printf("    %s:%s:--%s) words=\"", group->name, verb[0] != '\0' ? verb : "*", option->name);
        while (hin_view_split(&rest, '|', &choice)) {
            printf("%.*s ", HIN_ARGS(choice));
        }
        fputs("\" ;;\n", stdout);
    }
}

/* Both shells understand this: zsh through bashcompinit. */
static int print_completion(bool zsh)
{
    fputs(zsh ? "#compdef hinomi\nautoload -U +X bashcompinit && bashcompinit\n" : "", stdout);
    fputs("_hinomi() {\n    local cur=${COMP_WORDS[COMP_CWORD]} words\n    case "
          "\"$COMP_CWORD:${COMP_WORDS[1]}:${COMP_WORDS[2]}\" "
          "in\n    1:*) words=\"",
          stdout);
    for (size_t i = 0; i < HIN_COUNT(groups); i++) {
        printf("%s ", groups[i]->name);
    }
    fputs("completion man --help --version\" ;;\n", stdout);
    for (size_t i = 0; i < HIN_COUNT(groups); i++) {
        const struct hin_cli_group *group = groups[i];
        if (verb_of(group, &group->commands[0])[0] != '\0') {
            printf("    2:%s:*) words=\"", group->name);
            for (size_t j = 0; j < group->command_count; j++) {
                printf("%s ", verb_of(group, &group->commands[j]));
            }
            fputs("\" ;;\n", stdout);
        }
        for (size_t j = 0; j < group->command_count; j++) {
            const struct hin_command *usage = group->commands[j].usage;
            const char *verb = verb_of(group, &group->commands[j]);
            printf("    *:%s:%s) words=\"--help", group->name, verb[0] != '\0' ? verb : "*");
            for (size_t k = 0; k < usage->option_count; k++) {
                printf(" --%s", usage->options[k].name);
            }
            fputs("\" ;;\n", stdout);
        }
    }
    fputs("    esac\n    case \"${COMP_WORDS[1]}:${COMP_WORDS[2]}:${COMP_WORDS[COMP_CWORD-1]}\" "
          "in\n",
          stdout);
    for (size_t i = 0; i < HIN_COUNT(groups); i++) {
        for (size_t j = 0; j < groups[i]->command_count; j++) {
            complete_values(groups[i], &groups[i]->commands[j]);
        }
    }
    fputs("    esac\n    COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n    [ ${#COMPREPLY[@]} "
          "-gt 0 ] || "
          "COMPREPLY=($(compgen -f -- \"$cur\"))\n}\ncomplete -o filenames -F _hinomi hinomi\n",
          stdout);
    return HIN_CLI_OK;
}

static int run_group(const struct hin_cli_group *group, int argc, char **argv)
{
    if (verb_of(group, &group->commands[0])[0] == '\0') {
        return group->commands[0].run(argc, argv);
    }
    const char *verb = argc > 1 ? argv[1] : "";
    for (size_t i = 0; i < group->command_count; i++) {
        if (strcmp(verb_of(group, &group->commands[i]), verb) == 0) {
            return group->commands[i].run(argc - 1, argv + 1);
        }
    }
    bool help = strcmp(verb, "--help") == 0 || strcmp(verb, "-h") == 0;
    FILE *out = help ? stdout : stderr;
    fprintf(out, "hinomi %s: %s\n\n", group->name, group->summary);
    for (size_t i = 0; i < group->command_count; i++) {
        fprintf(out, "  %-24s  %s\n", group->commands[i].usage->name + strlen("hinomi "),
                group->commands[i].usage->summary);
    }
    return help ? HIN_CLI_OK : HIN_CLI_USAGE;
}

static int run(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "";
    for (size_t i = 0; i < HIN_COUNT(groups); i++) {
        if (strcmp(groups[i]->name, name) == 0) {
            return run_group(groups[i], argc - 1, argv + 1);
        }
    }
    if (strcmp(name, "completion") == 0 && argc == 3 &&
        (strcmp(argv[2], "bash") == 0 || strcmp(argv[2], "zsh") == 0)) {
        return print_completion(strcmp(argv[2], "zsh") == 0);
    }
    if (strcmp(name, "man") == 0) {
        return print_man();
    }
    if (strcmp(name, "--version") == 0 || strcmp(name, "version") == 0) {
        printf("hinomi %s\n", HIN_VERSION);
        return HIN_CLI_OK;
    }
    bool help = strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0;
    if (name[0] != '\0' && !help) {
        hin_terminal_line(stderr, "hinomi: no command \"%s\"", name);
        fputc('\n', stderr);
    }
    print_help(help ? stdout : stderr);
    return help ? HIN_CLI_OK : HIN_CLI_USAGE;
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN); /* a reader that went away is seen as a failed write */
    int status = run(argc, argv);
    if (fflush(stdout) != 0 && status == HIN_CLI_OK) {
        status = HIN_CLI_FAILED;
    }
    return status;
}
