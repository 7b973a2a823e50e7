/* The `probe` process: it connects to the installation's own listeners as a stranger does, offers
 * what must be refused, and tells `jobs`. It may connect to those ports and has nothing else: no
 * files, no keys, no data. */
#include <stdio.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "base/secret.h"
#include "crypt/link.h"
#include "io/address.h"
#include "manager/config.h"
#include "manager/probe/trial.h"
#include "manager/roles.h"

enum { LISTENERS_MAX = 2 + HIN_MANAGER_FRONTS_MAX, LIMIT_SECONDS = 3 };

struct listener {
    const struct hin_link *link;
    char host[HIN_MANAGER_HOST_MAX];
    struct hin_address address; /* family 0: its name was not known when this process began */
    uint16_t port;
};

struct prober {
    struct listener listeners[LISTENERS_MAX];
    size_t count;
};

/* ---- what the parent says ---- */

static const struct hin_link *find_link(struct hin_view name)
{
    for (size_t i = 0; i < HIN_LINK_COUNT; i++) {
        if (hin_view_is(name, hin_links[i].name)) {
            return &hin_links[i];
        }
    }
    return NULL;
}

static HIN_RESULT read_line(struct hin_view line, struct listener *ret_listener)
{
    struct listener listener = {0};
    struct hin_view link, host, port, address;
    char text[HIN_ADDRESS_TEXT_BYTES];
    uint64_t number = 0;
    HIN_ENSURE(hin_view_split(&line, ' ', &link) && hin_view_split(&line, ' ', &host) &&
                   hin_view_split(&line, ' ', &port) && hin_view_split(&line, ' ', &address),
               PROTOCOL);
    listener.link = find_link(link);
    HIN_ENSURE(listener.link != NULL, PROTOCOL);
    HIN_TRY(hin_view_to_text(host, listener.host, sizeof(listener.host)));
    HIN_TRY(hin_view_to_u64(port, &number));
    HIN_ENSURE(number > 0 && number <= UINT16_MAX, PROTOCOL);
    listener.port = (uint16_t)number;
    HIN_TRY(hin_view_to_text(address, text, sizeof(text)));
    HIN_IGNORE(hin_address_parse(text, listener.port, &listener.address)); /* "-": not known */
    *ret_listener = listener;
    return hin_ok();
}

static HIN_RESULT read_listeners(struct hin_role *role, struct prober *prober)
{
    struct hin_view rest = hin_role_setting(role, "listeners");
    struct hin_view line;
    while (hin_view_split(&rest, '\n', &line)) {
        if (line.size > 0) {
            HIN_ENSURE(prober->count < LISTENERS_MAX, LIMIT);
            HIN_TRY(read_line(line, &prober->listeners[prober->count++]));
        }
    }
    return hin_ok();
}

/* ---- trying ---- */

/* What an accepted offer says about the promise that is tried; true: it is broken. */
typedef bool judge(const struct hin_link *link, const struct hin_tls_offer *offer,
                   const struct hin_tls_probe *probe);

static bool breaks_floor(const struct hin_link *link, const struct hin_tls_offer *offer,
                         const struct hin_tls_probe *probe)
{
    (void)probe;
    return !hin_link_permits_offer_version(link, offer);
}

static bool is_weak(const struct hin_link *link, const struct hin_tls_offer *offer,
                    const struct hin_tls_probe *probe)
{
    return hin_link_permits_offer_version(link, offer) &&
           (offer->weak || !hin_link_permits(link, probe->version, probe->suite,
                                             probe->group[0] != '\0' ? probe->group : NULL));
}

static HIN_RESULT offer_one(const struct listener *listener, const struct hin_tls_offer *offer,
                            struct hin_tls_probe *ret_probe)
{
    HIN_CLEANUP_FD int fd = -1;
    HIN_TRY(hin_connect_tcp(&listener->address, LIMIT_SECONDS, &fd));
    return hin_tls_probe(fd, listener->host, offer, ret_probe);
}

static void tell_offer(struct hin_trial *trial, const struct listener *listener,
                       const struct hin_tls_offer *offer, const struct hin_tls_probe *probe,
                       judge *broken)
{
    char name[HIN_MANAGER_HOST_MAX + 96];
    snprintf(name, sizeof(name), "%s port %u: %s", listener->host, listener->port, offer->name);
    if (!probe->accepted) {
        hin_trial_measure_text(trial, name, "refused: %s", probe->text);
        return;
    }
    hin_trial_measure_text(trial, name, "accepted: %s %s %s", probe->version, probe->suite,
                           probe->group);
    if (broken(listener->link, offer, probe)) {
        hin_trial_fail(trial, "%s accepts %s: %s %s", name, offer->name, probe->version,
                       probe->suite);
    }
}

/* At least one offer must be accepted: a listener that refuses all shows nothing. */
static void try_listener(const struct listener *listener, struct hin_trial *trial, judge *broken)
{
    bool speaks = false;
    if (listener->address.family == 0) {
        hin_trial_obstacle(trial, "the host name %s has no address", listener->host);
        return;
    }
    for (size_t i = 0; i < hin_tls_offer_count; i++) {
        struct hin_tls_probe probe = {0};
        struct hin_result tried = offer_one(listener, &hin_tls_offers[i], &probe);
        if (!hin_is_ok(tried)) {
            hin_trial_obstacle(trial, "%s port %u, %s: %s", listener->host, listener->port,
                               hin_tls_offers[i].name, hin_code_text(tried.code));
            return;
        }
        speaks = speaks || probe.accepted;
        tell_offer(trial, listener, &hin_tls_offers[i], &probe, broken);
    }
    if (!speaks) {
        hin_trial_obstacle(trial, "%s port %u accepted no offer at all", listener->host,
                           listener->port);
    }
}

static void try_all(struct prober *prober, struct hin_trial *trial, judge *broken)
{
    hin_trial_measure(trial, "listeners", (int64_t)prober->count);
    for (size_t i = 0; i < prober->count; i++) {
        try_listener(&prober->listeners[i], trial, broken);
    }
    hin_trial_tried(trial);
}

/* ---- questions ---- */

static const struct {
    const char *question;
    judge *broken;
} questions[] = {{"tls-floor", breaks_floor}, {"tls-weak-ciphers", is_weak}};

static struct hin_result on_question(void *context, struct hin_ipc *channel,
                                     struct hin_ipc_message *message)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf answer = {.max = HIN_TRIAL_BYTES_MAX};
    struct hin_result answered = hin_fail(HIN_NOT_FOUND);
    for (size_t i = 0; i < HIN_COUNT(questions); i++) {
        if (hin_view_is(message->payload, questions[i].question)) {
            HIN_CLEANUP(hin_trial_done) struct hin_trial trial;
            hin_trial_init(&trial);
            try_all(context, &trial, questions[i].broken);
            answered = hin_trial_write(&trial, &answer);
        }
    }
    return hin_ipc_reply(channel, message, answered.code, hin_buf_view(&answer));
}

static const struct hin_ipc_permit rows[] = {
    {HIN_MESSAGE_PROBE, HIN_IPC_REQUEST, 0, 0, 1, HIN_PROBE_QUESTION_MAX, 0, on_question},
};
static const struct hin_ipc_table table = {"jobs -> probe", rows, HIN_COUNT(rows)};

/* ---- life ---- */

static struct hin_result probe_sandbox(struct hin_role *role, struct hin_sandbox *sandbox)
{
    struct prober prober = {0};
    HIN_TRY(hin_process_protect());
    HIN_TRY(read_listeners(role, &prober));
    hin_sandbox_allow_syscalls(sandbox, HIN_SANDBOX_CONNECT_TCP);
    for (size_t i = 0; i < prober.count; i++) {
        HIN_TRY(hin_sandbox_allow_connect(sandbox, prober.listeners[i].port));
    }
    return hin_ok();
}

static struct hin_result probe_run(struct hin_role *role)
{
    static const struct hin_role_service services[] = {{"jobs", &table}};
    struct prober prober = {0};
    HIN_TRY(hin_ignore_sigpipe());
    HIN_TRY(read_listeners(role, &prober));
    struct hin_role_loop loop = {
        .services = services, .service_count = HIN_COUNT(services), .context = &prober};
    return hin_role_serve(role, &loop);
}

const struct hin_role_definition hin_manager_role_probe = {
    .name = "probe",
    .sandbox = probe_sandbox,
    .run = probe_run,
    .user = HIN_ROLE_USER_PROBE,
    .instances = 1,
    .restart = HIN_ROLE_ALWAYS,
};
