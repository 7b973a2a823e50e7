/* `hinomi person erase`, in a file of its own beside the rest of its group, and what they share. */
#ifndef HIN_CLI_PERSON_H
#define HIN_CLI_PERSON_H

#include "base/option.h"
#include "cli/api.h"
#include "cli/cli.h"
#include "data/json.h"

extern const struct hin_command hin_cli_person_erase_usage;
int hin_cli_person_erase(int argc, char **argv);

/* The member "where" of a body, from FIELD=VALUE texts. */
HIN_RESULT hin_cli_person_where(const struct hin_option_texts *where,
                                struct hin_json_writer *writer, struct hin_error *error);
/* Asks what there is of a person, and prints it as `hinomi person find` does. */
HIN_RESULT hin_cli_person_show(struct hin_cli_api *api, const struct hin_option_texts *where,
                               struct hin_error *error);

#endif
