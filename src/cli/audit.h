/* What `hinomi audit`'s two files share: judging the record. */
#ifndef HIN_CLI_AUDIT_H
#define HIN_CLI_AUDIT_H

#include "base/option.h"
#include "cli/api.h"

extern const struct hin_command hin_cli_audit_verify_usage;
int hin_cli_audit_verify(int argc, char **argv);

/* The newest checkpoint, signed by the manager just now; its bytes are in api->answer too. */
HIN_RESULT hin_cli_audit_checkpoint(struct hin_cli_api *api,
                                    struct hin_json_document **ret_document,
                                    struct hin_error *error);
/* Every entry from 1 to `last`, in pages; ends early (OK) where the record does. */
HIN_RESULT hin_cli_audit_chain(struct hin_cli_api *api, int64_t last,
                               HIN_RESULT (*visit)(void *context, struct hin_json entry,
                                                   struct hin_error *error),
                               void *context, struct hin_error *error);

#endif
