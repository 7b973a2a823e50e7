/* `hinomi-agent status`: what the parent wrote last, and whether it still runs. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>

#include "agent/agent.h"
#include "base/fd.h"
#include "base/terminal.h"
#include "data/json.h"

/* The parent holds a lock on this file as long as it lives. */
static bool runs(int folder)
{
    HIN_CLEANUP_FD int lock = -1;
    return hin_is_ok(hin_fd_open(folder, "lock", O_RDWR | O_NOFOLLOW, 0, &lock)) &&
           flock(lock, LOCK_SH | LOCK_NB) != 0;
}

static HIN_RESULT print_json(const struct hin_agent_config *config, bool running,
                             struct hin_view text)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf out = {.max = 1U << 20};
    struct hin_json_writer json;
    struct hin_view line;
    hin_json_writer_init(&json, &out, true);
    hin_json_begin_object(&json);
    hin_json_field_boolean(&json, "running", running);
    hin_json_field_cstring(&json, "agentID", config->agent_id);
    hin_json_field_cstring(&json, "tenantID", config->tenant_id);
    hin_json_field_cstring(&json, "managerHost", config->host);
    hin_json_field_integer(&json, "managerPort", config->port);
    hin_json_key(&json, "lines");
    hin_json_begin_array(&json);
    while (text.size > 0 && hin_view_split(&text, '\n', &line)) {
        if (line.size > 0) {
            hin_json_put_text(&json, line);
        }
    }
    hin_json_end_array(&json);
    hin_json_end_object(&json);
    HIN_TRY(hin_json_writer_finish(&json));
    printf("%.*s\n", HIN_ARGS(hin_buf_view(&out)));
    return hin_ok();
}

struct hin_result hin_agent_status(const char *state, bool json, bool *ret_running,
                                   struct hin_error *error)
{
    HIN_CLEANUP_FD int folder = -1;
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = 1U << 20};
    struct hin_agent_config *config = calloc(1, sizeof(*config));
    HIN_ENSURE(config != NULL, NO_MEMORY);
    struct hin_result result = hin_fd_open(AT_FDCWD, state, O_RDONLY | O_DIRECTORY, 0, &folder);
    if (!hin_is_ok(result)) {
        free(config);
        return hin_error_set(error, result.code, state, 0, 0, "%s", hin_code_text(result.code));
    }
    result = hin_agent_config_load(folder, config, error);
    if (hin_is_ok(result)) {
        bool running = runs(folder);
        if (running) {
            HIN_IGNORE(
                hin_file_read(folder, "status", &text)); /* just started: nothing written yet */
        }
        if (json) {
            result = print_json(config, running, hin_buf_view(&text));
        } else {
            hin_terminal_line(stdout, "agent %s of %s: %s",
                              config->agent_id[0] != '\0' ? config->agent_id : "(pending)", state,
                              running ? "running" : "not running");
            hin_terminal_line(stdout, "manager %s:%u", config->host, config->port);
            HIN_ENSURE(hin_terminal_put(hin_buf_view(&text), stdout), IO);
        }
        *ret_running = running;
    }
    free(config);
    return result;
}
