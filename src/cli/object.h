/* What the commands of a collection have in common: an operand that is an ID or a name, and verbs
 * that are one call on each object named. */
#ifndef HIN_CLI_OBJECT_H
#define HIN_CLI_OBJECT_H

#include "cli/api.h"
#include "cli/cli.h"

struct hin_cli_collection {
    const char *path;   /* "/computers" */
    const char *member; /* of the list's answer: "computers" */
    const char *name;   /* attribute that names an object: "hostName" */
    const char *what;   /* "computer" */
};

/* An ID as it is; a name, whatever its case, through the list. NOT_FOUND, CONFLICT: several. */
HIN_RESULT hin_cli_find(struct hin_cli_api *api, const struct hin_cli_collection *collection,
                        const char *operand, int64_t *ret_id, struct hin_error *error);

struct hin_cli_verb {
    const struct hin_command *usage; /* whose only option is the flag --json, a bool at offset 0 */
    const struct hin_cli_collection *collection;
    enum hin_http_method method;
    const char *path; /* after the object's own */
    const char *done; /* "approved"; NULL: nothing is said of each */
};
/* A command's run function: the call for each operand. */
int hin_cli_run_verb(const struct hin_cli_verb *verb, int argc, char **argv);

#endif
