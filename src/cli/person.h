/* `hinomi person erase` and `correct`, in files of their own beside the rest of its group, and what
 * they share. */
#ifndef HIN_CLI_PERSON_H
#define HIN_CLI_PERSON_H

#include "base/option.h"
#include "cli/api.h"
#include "cli/cli.h"
#include "data/json.h"

extern const struct hin_command hin_cli_person_erase_usage;
int hin_cli_person_erase(int argc, char **argv);
extern const struct hin_command hin_cli_person_correct_usage;
int hin_cli_person_correct(int argc, char **argv);

/* A member of a body ("where", also the option's name), from FIELD=VALUE texts. */
HIN_RESULT hin_cli_person_list(const char *name, const struct hin_option_texts *texts,
                               struct hin_json_writer *writer, struct hin_error *error);
/* Asks what there is of a person, and prints it as `hinomi person find` does. */
HIN_RESULT hin_cli_person_show(struct hin_cli_api *api, const struct hin_option_texts *where,
                               struct hin_error *error);

#endif
