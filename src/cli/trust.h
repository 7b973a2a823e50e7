/* What the commands of `hinomi trust` on claims have in common: the catalogue that ships beside
 * this program, and a report: from the manager, or from a file that it answered before. */
#ifndef HIN_CLI_TRUST_H
#define HIN_CLI_TRUST_H

#include "cli/cli.h"
#include "trust/report.h"

struct hin_cli_trust {
    struct hin_catalogue *catalogue;
    struct hin_report report;
};

/* claims: a file (claims.json of published pages, or what GET /api/trust/claims answered), "-" for
 * standard input; NULL: the manager of the stored profile is asked. content: the catalogue's
 * folder; NULL: the one beside this program. Errors say what to do. */
HIN_RESULT hin_cli_trust_open(struct hin_cli_trust *trust, const char *claims, const char *content,
                              struct hin_error *error);
void hin_cli_trust_done(struct hin_cli_trust *trust); /* a zeroed one is fine */

/* The two halves of it. */
HIN_RESULT hin_cli_trust_catalogue(const char *content, struct hin_catalogue **ret_catalogue,
                                   struct hin_error *error);
HIN_RESULT hin_cli_trust_report(struct hin_cli_trust *trust, const char *claims,
                                struct hin_error *error);

/* Commands in files of their own beside the rest of their group. */
extern const struct hin_command hin_cli_trust_list_usage;
extern const struct hin_command hin_cli_trust_show_usage;
extern const struct hin_command hin_cli_trust_run_usage;
extern const struct hin_command hin_cli_trust_publish_usage;
extern const struct hin_command hin_cli_trust_export_usage;
extern const struct hin_command hin_cli_trust_check_usage;
int hin_cli_trust_list(int argc, char **argv);
int hin_cli_trust_show(int argc, char **argv);
int hin_cli_trust_run(int argc, char **argv);
int hin_cli_trust_publish(int argc, char **argv);
int hin_cli_trust_export(int argc, char **argv);
int hin_cli_trust_check(int argc, char **argv);

#endif
