/* `hinomi evidence verify` of many records, `export --all` and `acknowledge`, in a file of their
 * own beside the rest of their group. */
#ifndef HIN_CLI_EVIDENCE_SERIES_H
#define HIN_CLI_EVIDENCE_SERIES_H

#include "cli/verdict.h"

extern const struct hin_command hin_cli_evidence_acknowledge_usage;
int hin_cli_evidence_acknowledge(int argc, char **argv);

/* Is there more than one record in it? */
bool hin_cli_evidence_is_series(struct hin_view text);
/* Judge the records of several files together, or of one that was read, and tell the verdict.
 * Answer the exit status. */
int hin_cli_evidence_verify_files(char **files, size_t count,
                                  const struct hin_cli_verdict_options *options);
int hin_cli_evidence_verify_text(struct hin_view text, const char *file,
                                 const struct hin_cli_verdict_options *options);

/* Every record that the manager has into one file, the oldest first. */
HIN_RESULT hin_cli_evidence_export_all(const char *path, struct hin_error *error);

#endif
