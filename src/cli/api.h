/* The API as the commands use it: the profile, one HTTPS client, JSON answers, errors in the
 * manager's words. */
#ifndef HIN_CLI_API_H
#define HIN_CLI_API_H

#include "base/buf.h"
#include "base/option.h"
#include "base/result.h"
#include "cli/profile.h"
#include "data/json.h"
#include "io/http_client.h"

struct hin_tls;

struct hin_cli_api {
    struct hin_profile profile;
    bool stored; /* the profile was read from its file, and is kept there */
    struct hin_tls *tls;
    struct hin_http_client *client;
    struct hin_http_answer answer;
    struct hin_buf url;
};

/* With the stored profile. *api is zeroed before; hin_cli_api_done is fine in every state. */
HIN_RESULT hin_cli_api_open(struct hin_cli_api *api, struct hin_error *error);
/* With the profile in api->profile already (login; an empty API key sends none). */
HIN_RESULT hin_cli_api_connect(struct hin_cli_api *api, struct hin_error *error);
/* Without a stored profile: url is "https://HOST:PORT", ca_fingerprint may be NULL (the system's
 * authorities decide). INVALID names what of the two is wrong. */
HIN_RESULT hin_cli_api_connect_to(struct hin_cli_api *api, const char *url,
                                  const char *ca_fingerprint, struct hin_error *error);
void hin_cli_api_done(struct hin_cli_api *api);

/* What most commands are: parses into `options` (as usage says), opens the API with the stored
 * profile, acts, and answers the exit status. operand: the first, or NULL. */
typedef HIN_RESULT hin_cli_act(struct hin_cli_api *api, const void *options, const char *operand,
                               struct hin_error *error);
int hin_cli_run(const struct hin_command *usage, int argc, char **argv, void *options,
                hin_cli_act *act);

/* METHOD https://.../api + path (which begins with '/', query included). body may be empty (none)
 * or JSON. An answer outside 2xx is a failure: AUTH (401), DENIED (403), NOT_FOUND (404), CONFLICT
 * (409), INVALID (other 4xx), IO, with the manager's message. *ret_document (may be NULL) is the
 * parsed answer, NULL for an empty one. */
HIN_RESULT hin_cli_api_call(struct hin_cli_api *api, enum hin_http_method method, const char *path,
                            struct hin_view body, struct hin_json_document **ret_document,
                            struct hin_error *error);

/* The same with bytes that are no JSON, and an answer that is left as it came, in api->answer. */
HIN_RESULT hin_cli_api_send(struct hin_cli_api *api, const char *path, struct hin_view bytes,
                            struct hin_error *error);

/* Asks how far something is until it has ended, now and then; an answer that fails for a while, as
 * when the manager restarts, is asked for again. `error` is left empty by success. */
HIN_RESULT hin_cli_api_wait(HIN_RESULT (*look)(void *context, bool *ret_ended), void *context,
                            struct hin_error *error);

/* The last answer's body as it came, and a line end, to standard output. */
void hin_cli_api_print(const struct hin_cli_api *api);

/* Server-sent events of a path: `on_event` for each; ends with an interrupt (CONFLICT) or a
 * failure. */
HIN_RESULT hin_cli_api_follow(struct hin_cli_api *api, const char *path,
                              struct hin_view last_event_id,
                              bool (*on_event)(void *context, const struct hin_http_event *event),
                              void *context, struct hin_error *error);

#endif
