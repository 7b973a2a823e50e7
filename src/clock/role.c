#include "clock/role.h"

#include <fcntl.h>
#include <stdio.h>

#include "base/bytes.h"
#include "base/log.h"
#include "clock/client.h"
#include "role/attach.h"

#define PEERS_MAX 64

struct clock_role {
    struct hin_role *role;
    struct hin_loop *loop;
    struct hin_clock_client *client;
    struct hin_role_attached *attached;
    struct hin_ipc *peers[PEERS_MAX];
    struct hin_result ending;
};

/* What name resolution reads (getaddrinfo(3)); certificates and time zones are not its business. */
struct hin_result hin_clock_role_sandbox(struct hin_role *role, struct hin_sandbox *sandbox)
{
    static const char *const files[] = {
        "/etc/resolv.conf", "/etc/hosts",    "/etc/nsswitch.conf",  "/etc/host.conf",
        "/etc/gai.conf",    "/etc/services", "/run/systemd/resolve"};
    (void)role;
    hin_sandbox_allow_syscalls(sandbox, HIN_SANDBOX_FILES_READ | HIN_SANDBOX_NET_DATAGRAM);
    for (size_t i = 0; i < HIN_COUNT(files); i++) {
        struct hin_result allowed =
            hin_sandbox_allow_path(sandbox, AT_FDCWD, files[i], HIN_SANDBOX_READ);
        if (!hin_is_ok(allowed) && allowed.code != HIN_NOT_FOUND && allowed.code != HIN_DENIED) {
            return allowed;
        }
    }
    return hin_ok();
}

/* A line for `status` of the program. */
static void say_status(struct clock_role *clock, const struct hin_clock_report *report)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = 4096};
    struct hin_result result =
        report->measured
            ? hin_buf_printf(&text, "offset %+lld us, at most %lld us wrong, by %s",
                             (long long)report->offset_usec, (long long)report->error_usec,
                             report->sources[report->chosen].name)
            : hin_buf_printf(&text, "offset not known");
    for (size_t i = 0; i < report->source_count && hin_is_ok(result); i++) {
        const struct hin_clock_source *source = &report->sources[i];
        result =
            hin_buf_printf(&text, "; %s %s", source->name, hin_clock_state_text(source->state));
    }
    if (hin_is_ok(result)) {
        HIN_IGNORE(hin_role_report(clock->role, hin_buf_view(&text))); /* the next comes soon */
    }
}

static HIN_RESULT send_report(struct hin_ipc *channel, const struct hin_clock_report *report)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf payload = {.max = HIN_CLOCK_REPORT_MAX_BYTES};
    HIN_TRY(hin_clock_report_write(report, &payload));
    return hin_ipc_send(channel, HIN_CLOCK_REPORT, 0, hin_buf_view(&payload));
}

/* A peer that does not read now gets the next report. */
static void changed(void *context)
{
    struct clock_role *clock = context;
    struct hin_clock_report report;
    hin_clock_client_report(clock->client, &report);
    say_status(clock, &report);
    for (size_t i = 0; i < PEERS_MAX; i++) {
        if (clock->peers[i] != NULL) {
            HIN_IGNORE(send_report(clock->peers[i], &report));
        }
    }
    hin_role_wake(clock->attached);
}

static void peer_up(void *context, const char *name, unsigned instance, struct hin_ipc *channel)
{
    struct clock_role *clock = context;
    struct hin_clock_report report;
    (void)name;
    (void)instance;
    for (size_t i = 0; i < PEERS_MAX; i++) {
        if (clock->peers[i] == NULL) {
            clock->peers[i] = channel;
            hin_clock_client_report(clock->client, &report);
            HIN_IGNORE(send_report(channel, &report)); /* the next comes soon */
            return;
        }
    }
}

static void peer_down(void *context, const char *name, unsigned instance, struct hin_ipc *channel)
{
    struct clock_role *clock = context;
    (void)name;
    (void)instance;
    for (size_t i = 0; i < PEERS_MAX; i++) {
        if (clock->peers[i] == channel) {
            clock->peers[i] = NULL;
        }
    }
}

static void stop(void *context)
{
    struct clock_role *clock = context;
    hin_loop_stop(clock->loop);
}

static void failed(void *context, struct hin_result result)
{
    struct clock_role *clock = context;
    clock->ending = result;
    hin_loop_stop(clock->loop);
}

static HIN_RESULT serve(struct clock_role *clock)
{
    struct hin_clock_settings settings;
    struct hin_clock_client_options options = {
        .settings = &settings, .changed = changed, .context = clock};
    const struct hin_role_attachment attachment = {.context = clock,
                                                   .peer_up = peer_up,
                                                   .peer_down = peer_down,
                                                   .stop = stop,
                                                   .failed = failed};
    HIN_TRY(hin_clock_settings_receive(clock->role, &settings));
    HIN_TRY(hin_loop_new(NULL, &clock->loop));
    HIN_TRY(hin_clock_client_new(clock->loop, &options, &clock->client));
    HIN_TRY(hin_role_attach(clock->role, clock->loop, &attachment, &clock->attached));
    changed(clock);
    HIN_TRY(hin_role_ready(clock->role));
    HIN_TRY(hin_loop_run(clock->loop));
    return clock->ending;
}

struct hin_result hin_clock_role_run(struct hin_role *role)
{
    struct clock_role clock = {.role = role, .ending = {HIN_OK}};
    struct hin_result result = serve(&clock);
    hin_role_detach(clock.attached);
    hin_clock_client_free(clock.client);
    if (clock.loop != NULL) {
        hin_loop_free(clock.loop);
    }
    return result;
}
