/* The command line: one file a command group, one visible list in main.c. Commands take argc/argv
 * beginning with their own name, print to standard output, complain on standard error and return an
 * exit status. */
#ifndef HIN_CLI_CLI_H
#define HIN_CLI_CLI_H

#include "base/option.h"
#include "base/result.h"

enum hin_cli_status {
    HIN_CLI_OK = 0,
    HIN_CLI_FAILED = 1, /* the thing asked for did not happen, or did not pass */
    HIN_CLI_USAGE = 2,  /* the command line is wrong */
};

struct hin_cli_command {
    const struct hin_command *usage;
    int (*run)(int argc, char **argv);
};

/* Groups: a word ("computer") and its verbs. A group of one unnamed verb is a plain command
 * ("events"). */
struct hin_cli_group {
    const char *name;
    const char *summary;
    const struct hin_cli_command *commands;
    size_t command_count;
};

/* The groups of this folder; each file defines its own. */
extern const struct hin_cli_group hin_cli_group_login;
extern const struct hin_cli_group hin_cli_group_events;
extern const struct hin_cli_group hin_cli_group_computer;
extern const struct hin_cli_group hin_cli_group_policy;
extern const struct hin_cli_group hin_cli_group_status;
extern const struct hin_cli_group hin_cli_group_audit;
extern const struct hin_cli_group hin_cli_group_ca;
extern const struct hin_cli_group hin_cli_group_key;
extern const struct hin_cli_group hin_cli_group_kms;
extern const struct hin_cli_group hin_cli_group_doctor;
extern const struct hin_cli_group hin_cli_group_health;
extern const struct hin_cli_group hin_cli_group_log;
extern const struct hin_cli_group hin_cli_group_rules;
extern const struct hin_cli_group hin_cli_group_tenant;
extern const struct hin_cli_group hin_cli_group_person;
extern const struct hin_cli_group hin_cli_group_certificate;
extern const struct hin_cli_group hin_cli_group_tls;
extern const struct hin_cli_group hin_cli_group_trust;
extern const struct hin_cli_group hin_cli_group_evidence;
extern const struct hin_cli_group hin_cli_group_backup;
extern const struct hin_cli_group hin_cli_group_retention;

/* `hinomi rules import` stands in a file of its own beside the rest of its group. */
extern const struct hin_command hin_cli_rules_import_usage;
int hin_cli_rules_import(int argc, char **argv);

/* "hinomi: file:3:7: text", to standard error. Answers HIN_CLI_FAILED. */
int hin_cli_complain(const struct hin_error *error);
/* The same for a sentence. */
int hin_cli_complain_text(const char *format, ...) HIN_PRINTF(1, 2);
/* The exit status for a result; a failure is told: in error's words, or else in the code's. */
int hin_cli_finish(struct hin_result result, const struct hin_error *error);
/* Parse by the table; false: *ret_status is what to exit with (--help was shown, or an error was
 * told). */
bool hin_cli_parse(const struct hin_command *command, int argc, char **argv, void *options,
                   char ***ret_operands, size_t *ret_operand_count, int *ret_status);

#endif
