/* What `hinomi certificate verify` and `hinomi evidence verify` have in common: a signed file is
 * judged by a fingerprint alone, and what it says is told in words or as JSON; and how such a file
 * is had from a manager. */
#ifndef HIN_CLI_VERDICT_H
#define HIN_CLI_VERDICT_H

#include "base/option.h"
#include "cli/api.h"

struct hin_cli_verdict_options {
    const char *fingerprint;
    bool json;
};
extern const struct hin_option hin_cli_verdict_table[2];

struct hin_cli_paper {
    const char *name;       /* "certificate": the member of a verdict, the group of commands */
    const char *what;       /* "the certificate" */
    const char *collection; /* "/certificates", of the API */
    size_t file_max, statement_max;
    /* ret_paper: room for what is read, which borrows from the document. */
    struct hin_result (*verify)(struct hin_view file, struct hin_view fingerprint,
                                struct hin_json_document **ret_document, void *ret_paper,
                                struct hin_error *error);
    struct hin_result (*encode)(const void *paper, struct hin_buf *out);
    void (*print)(const void *paper); /* the verdict in words */
};

/* The command `verify`; ret_paper is room for what is read. Answers the exit status. */
int hin_cli_paper_verify(const struct hin_cli_paper *paper, const struct hin_command *usage,
                         int argc, char **argv, void *ret_paper);
/* Judges what was read (or tells why it could not be: read, said). Answers the exit status. */
int hin_cli_paper_judge(const struct hin_cli_paper *paper,
                        const struct hin_cli_verdict_options *options, struct hin_result read,
                        struct hin_view text, void *ret_paper, struct hin_error *said);
/* The file with this ID, as the manager keeps it; *ret_file borrows from *ret_document. */
HIN_RESULT hin_cli_paper_fetch(const struct hin_cli_paper *paper, struct hin_cli_api *api,
                               const char *id, struct hin_json_document **ret_document,
                               struct hin_view *ret_file, struct hin_error *error);
/* Into a new file. */
HIN_RESULT hin_cli_paper_save(const char *path, struct hin_view file, struct hin_error *error);

#endif
