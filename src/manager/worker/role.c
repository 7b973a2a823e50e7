/* The `worker` process: from its start to its end. */
#include <stdio.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "base/log.h"
#include "base/secret.h"
#include "crypt/x509.h"
#include "io/address.h"
#include "manager/worker/api/api.h"
#include "manager/worker/bus.h"
#include "manager/worker/desk.h"
#include "manager/worker/ingest/ingest.h"
#include "manager/worker/trust.h"

enum { START_TIMEOUT_USEC = 30 * 1000 * 1000 };
#define SERVER_LIFETIME_USEC (90 * HIN_DAY_USEC)
#define SERVER_RENEW_USEC    (HIN_DAY_USEC)
#define DAMAGE_LOOK_USEC     (10 * HIN_SEC_USEC) /* a walk over the index of segments */

/* ---- keys over the edge to `keys` ---- */

static struct hin_result call_keys(void *context, struct hin_view request,
                                   struct hin_buf *ret_answer)
{
    struct hin_role *role = context;
    struct hin_ipc_message reply;
    struct hin_ipc *channel = hin_role_peer(role, "keys", 0);
    if (channel == NULL) { /* it is being restarted */
        HIN_TRY(hin_role_wait_peer(role, "keys", 0, HIN_KEY_CALL_TIMEOUT_USEC, &channel));
    }
    HIN_TRY(hin_ipc_call(channel, HIN_MESSAGE_KEYS, request, HIN_KEY_CALL_TIMEOUT_USEC, &reply));
    HIN_TRY((struct hin_result){reply.code});
    return hin_buf_append(ret_answer, reply.payload);
}

/* ---- TLS ---- */

/* Names that others may reach this manager by. */
static void list_names(struct hin_role *role, char *out, size_t out_bytes)
{
    const char *api = hin_role_setting_text(role, "api-host");
    const char *agents = hin_role_setting_text(role, "agents-host");
    const char *url = hin_role_setting_text(role, "api-url");
    const char *names[] = {api, agents, "localhost", "127.0.0.1", "::1", NULL};
    char host[256] = "";
    if (url != NULL && strncmp(url, "https://", 8) ==
                           0) { /* the host's own name, where all addresses are served */
        snprintf(host, sizeof(host), "%.*s", (int)strcspn(url + 8 + (url[8] == '['), ":]"),
                 url + 8 + (url[8] == '['));
        if (url[8] == '[') {
            snprintf(host, sizeof(host), "%.*s", (int)strcspn(url + 9, "]"), url + 9);
        }
        names[5] = host;
    }
    size_t size = 0;
    for (size_t i = 0; i < HIN_COUNT(names); i++) {
        bool wildcard = names[i] == NULL || names[i][0] == 0 || strcmp(names[i], "*") == 0 ||
                        strcmp(names[i], "0.0.0.0") == 0 || strcmp(names[i], "::") == 0;
        for (size_t j = 0; j < i && !wildcard; j++) {
            wildcard = names[j] != NULL && strcmp(names[i], names[j]) == 0;
        }
        if (!wildcard && size < out_bytes) {
            size += (size_t)snprintf(out + size, out_bytes - size, "%s%s", size > 0 ? "," : "",
                                     names[i]);
        }
    }
}

static HIN_RESULT make_tls(struct hin_worker *worker, const struct hin_x509_key *key,
                           struct hin_view certificate,
                           const struct hin_worker_authority *authority, struct hin_tls **ret_api,
                           struct hin_tls **ret_agents)
{
    struct hin_secret ticket_key = {0};
    HIN_TRY(hin_keys_ticket_key(&worker->keys, &ticket_key));
    struct hin_tls_options options = {
        .role = HIN_TLS_API_SERVER,
        .certificate = certificate,
        .key = key,
        .ca = hin_buf_view(&authority->der),
        .former = hin_buf_view(&authority->former),
        .clock = worker->clock,
        .ticket_key = &ticket_key,
    };
    struct hin_result made = hin_tls_new(ret_api, &options);
    if (hin_is_ok(made)) {
        options.role = HIN_TLS_AGENT_SERVER;
        made = hin_tls_new(ret_agents, &options);
    }
    hin_secret_done(&ticket_key);
    return made;
}

static void authority_done(struct hin_worker_authority *authority)
{
    hin_buf_done(&authority->der);
    hin_buf_done(&authority->former);
}

static HIN_RESULT read_authority(struct hin_worker *worker, struct hin_worker_authority *authority)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf state = {.max = HIN_KEYS_MESSAGE_MAX};
    struct hin_x509_info info;
    hin_buf_init(&authority->der, HIN_X509_MAX_BYTES);
    hin_buf_init(&authority->former, HIN_X509_MAX_BYTES);
    HIN_TRY(hin_keys_ca_state(&worker->keys, &state));
    HIN_TRY(hin_keys_ca(&worker->keys, &authority->der));
    HIN_ENSURE(state.size >= HIN_VAULT_CA_STATE_BYTES, PROTOCOL);
    authority->renewals = hin_load_u64(state.data);
    authority->rotated_usec = (int64_t)hin_load_u64(state.data + 8);
    HIN_TRY(hin_buf_append(&authority->former,
                           hin_view_sub(hin_buf_view(&state), HIN_VAULT_CA_STATE_BYTES, SIZE_MAX)));
    HIN_TRY(hin_x509_parse(hin_buf_view(&authority->der), &info));
    hin_copy(authority->key, info.authority, sizeof(authority->key));
    return hin_ok();
}

static HIN_RESULT issue_certificate(struct hin_worker *worker, const struct hin_x509_key *key,
                                    struct hin_worker_authority *authority,
                                    struct hin_buf *certificate)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf request = {.max = HIN_X509_MAX_BYTES};
    struct hin_x509_info info;
    char names[1024] = "";
    list_names(worker->role, names, sizeof(names));
    HIN_TRY(hin_x509_request_new(key, "hinomi-manager", &request));
    HIN_TRY(hin_keys_issue_server(&worker->keys, hin_view_from_text(names), hin_buf_view(&request),
                                  SERVER_LIFETIME_USEC, certificate));
    HIN_TRY(hin_x509_parse(hin_buf_view(certificate), &info));
    authority->issued_usec = hin_clock_wall_usec(worker->clock);
    authority->expires_usec = info.validity.not_after_usec;
    /* Another one may have taken over between two calls. */
    HIN_ENSURE(strcmp(info.authority, authority->key) == 0, AGAIN);
    return hin_ok();
}

/* A key of this process's own, never written anywhere; the certificate lives 90 days and is made
 * anew each day, when the authority changes, and on demand. ret_authority: the caller's to free,
 * whatever the result. */
static HIN_RESULT issue_tls(struct hin_worker *worker, struct hin_worker_authority *ret_authority,
                            struct hin_tls **ret_api, struct hin_tls **ret_agents)
{
    HIN_CLEANUP(hin_x509_key_freep) struct hin_x509_key *key = NULL;
    HIN_CLEANUP(hin_buf_done) struct hin_buf certificate = {.max = HIN_X509_MAX_BYTES};
    HIN_TRY(read_authority(worker, ret_authority));
    HIN_TRY(hin_x509_key_generate(&key));
    HIN_TRY(issue_certificate(worker, key, ret_authority, &certificate));
    return make_tls(worker, key, hin_buf_view(&certificate), ret_authority, ret_api, ret_agents);
}

/* ---- life ---- */

struct upkeep {
    struct hin_worker *worker;
    struct hin_timer *timer, *watch;
    bool damaged;      /* the database: this process ends for it */
    int64_t look_usec; /* monotonic: when marks of damage are looked for next */
};

static void free_retired(struct hin_worker *worker, int64_t before_usec)
{
    struct hin_retired_tls **at = &worker->retired_tls;
    while (*at != NULL) {
        struct hin_retired_tls *retired = *at;
        if (retired->since_usec < before_usec) {
            *at = retired->next;
            hin_tls_free(retired->api);
            hin_tls_free(retired->agents);
            free(retired);
        } else {
            at = &retired->next;
        }
    }
}

/* Open streams have references of OpenSSL's own; only a handshake still asks the object itself, and
 * none takes an hour. */
static void replace_tls(struct hin_worker *worker, struct hin_retired_tls *retired,
                        struct hin_tls *api, struct hin_tls *agents)
{
    int64_t now_usec = hin_clock_monotonic_usec(worker->clock);
    hin_api_set_tls(worker->api, api);
    hin_gate_set_tls(worker->gate, agents);
    *retired = (struct hin_retired_tls){worker->api_tls, worker->agents_tls, now_usec,
                                        worker->retired_tls};
    worker->retired_tls = retired;
    free_retired(worker, now_usec - HIN_HOUR_USEC);
    worker->api_tls = api;
    worker->agents_tls = agents;
}

static HIN_RESULT renew_tls(struct hin_worker *worker, struct hin_worker_authority *authority)
{
    struct hin_tls *api = NULL;
    struct hin_tls *agents = NULL;
    struct hin_retired_tls *retired = malloc(sizeof(*retired));
    struct hin_result made = retired != NULL ? hin_ok() : hin_fail(HIN_NO_MEMORY);
    if (hin_is_ok(made)) {
        made = issue_tls(worker, authority, &api, &agents);
    }
    if (!hin_is_ok(made)) {
        hin_tls_free(api);
        hin_tls_free(agents);
        free(retired);
        return made;
    }
    replace_tls(worker, retired, api, agents);
    return hin_ok();
}

HIN_RESULT hin_worker_renew_tls(struct hin_worker *worker)
{
    struct hin_worker_authority authority = {0};
    struct hin_result renewed = renew_tls(worker, &authority);
    if (!hin_is_ok(renewed)) {
        hin_log_result(HIN_LOG_ERROR, renewed,
                       "the listeners' certificates cannot be renewed; trying again");
        authority_done(&authority);
        return renewed;
    }
    bool changed = strcmp(worker->authority.key, authority.key) != 0;
    authority_done(&worker->authority);
    worker->authority = authority;
    if (!changed) {
        return hin_ok();
    }
    hin_log(HIN_LOG_NOTICE, "serving under a new certificate authority");
    return hin_gate_authority_changed(worker->gate);
}

static void keep_up(void *context)
{
    struct upkeep *upkeep = context;
    struct hin_result result = hin_desks_refresh(upkeep->worker);
    if (!hin_is_ok(result)) {
        hin_log_result(HIN_LOG_ERROR, result, "data keys cannot be renewed; trying again tomorrow");
    }
    HIN_IGNORE(hin_worker_renew_tls(upkeep->worker)); /* said; tried again tomorrow */
}

/* Has the authority changed, or were new certificates demanded? What keys does not say now it says
 * in a second. */
void hin_worker_watch_authority(struct hin_worker *worker)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf state = {.max = HIN_KEYS_MESSAGE_MAX};
    const struct hin_worker_authority *authority = &worker->authority;
    if (worker->gate == NULL || authority->der.size == 0 ||
        hin_role_peer(worker->role, "keys", 0) == NULL) {
        return;
    }
    if (!hin_is_ok(hin_keys_ca_state(&worker->keys, &state)) ||
        state.size < HIN_VAULT_CA_STATE_BYTES) {
        return;
    }
    struct hin_view former = hin_view_sub(hin_buf_view(&state), HIN_VAULT_CA_STATE_BYTES, SIZE_MAX);
    if (hin_load_u64(state.data) != authority->renewals ||
        (int64_t)hin_load_u64(state.data + 8) != authority->rotated_usec ||
        !hin_view_equal(former, hin_buf_view(&authority->former))) {
        HIN_IGNORE(hin_worker_renew_tls(worker)); /* said; tried again in a second */
    }
    hin_gate_end_former(worker->gate);
}

static void watch_store(void *context)
{
    struct upkeep *upkeep = context;
    struct hin_result watched = hin_desks_watch(upkeep->worker);
    if (!hin_is_ok(watched) && !upkeep->damaged) {
        hin_log_result(HIN_LOG_ERROR, watched, "ending, for the database to be salvaged");
        upkeep->damaged = true;
        hin_loop_stop(upkeep->worker->loop);
        return;
    }
    hin_worker_watch_authority(upkeep->worker);
    int64_t now_usec = hin_clock_monotonic_usec(upkeep->worker->clock);
    if (now_usec >= upkeep->look_usec) {
        upkeep->look_usec = now_usec + DAMAGE_LOOK_USEC;
        hin_desks_tell_damage(upkeep->worker);
        hin_tenant_sweep_memory(); /* what went with no tenant coming to rest: policies, sessions */
    }
}

static struct hin_result worker_sandbox(struct hin_role *role, struct hin_sandbox *sandbox)
{
    HIN_TRY(hin_process_protect());
    HIN_TRY(hin_database_allow(role, sandbox));
    hin_sandbox_allow_syscalls(sandbox, HIN_SANDBOX_FILES_WRITE | HIN_SANDBOX_ACCEPT);
    if (hin_role_fd(role, "trust") >= 0) {
        HIN_TRY(hin_sandbox_allow_path(sandbox, hin_role_fd(role, "trust"), ".", HIN_SANDBOX_READ));
    }
    return hin_sandbox_allow_path(sandbox, hin_role_fd(role, "db"), ".",
                                  HIN_SANDBOX_READ | HIN_SANDBOX_WRITE | HIN_SANDBOX_CREATE);
}

static HIN_RESULT open_first(struct hin_worker *worker)
{
    struct hin_ipc *keys;
    HIN_TRY(hin_role_wait_peer(worker->role, "keys", 0, START_TIMEOUT_USEC, &keys));
    worker->keys = (struct hin_keys_carrier){call_keys, worker->role};
    HIN_TRY(hin_database_take(worker->role, &worker->database));
    HIN_TRY(hin_gate_new(worker, &worker->gate));
    return hin_desk_open_first(worker, hin_role_setting_text(worker->role, "tenant"));
}

static HIN_RESULT start(struct hin_worker *worker)
{
    HIN_TRY(open_first(worker));
    HIN_TRY(issue_tls(worker, &worker->authority, &worker->api_tls, &worker->agents_tls));
    HIN_TRY(hin_gate_authority_changed(worker->gate));
    hin_worker_trust_begin(worker);
    HIN_TRY(hin_api_new(worker, &worker->api));
    HIN_TRY(hin_bus_new(worker, &worker->bus));
    HIN_TRY(hin_ingest_tell_salvage(worker->desks->ingest));
    HIN_TRY(hin_api_listen(worker->api, hin_role_fd(worker->role, "api"), worker->api_tls));
    HIN_TRY(hin_gate_listen(worker->gate, hin_role_fd(worker->role, "agents"), worker->agents_tls));
    return hin_role_ready(worker->role);
}

static void stop(struct hin_worker *worker)
{
    hin_gate_stop(worker->gate);
    hin_api_free(worker->api);
    worker->api = NULL;
    hin_gate_free(worker->gate); /* its streams end, the sessions with them */
    worker->gate = NULL;
    hin_worker_trust_end(worker);
    hin_desks_free(worker);
    hin_bus_free(worker->bus);
    hin_tls_free(worker->api_tls);
    hin_tls_free(worker->agents_tls);
    free_retired(worker, INT64_MAX);
    authority_done(&worker->authority);
}

static HIN_RESULT serve(struct hin_worker *worker)
{
    struct upkeep upkeep = {.worker = worker};
    HIN_TRY(hin_loop_new(worker->clock, &worker->loop));
    struct hin_result result = start(worker);
    if (hin_is_ok(result)) {
        result = hin_timer_new(worker->loop, keep_up, &upkeep, &upkeep.timer);
    }
    if (hin_is_ok(result)) {
        result = hin_timer_repeat(upkeep.timer, SERVER_RENEW_USEC, SERVER_RENEW_USEC, 10);
    }
    if (hin_is_ok(result)) {
        result = hin_timer_new(worker->loop, watch_store, &upkeep, &upkeep.watch);
    }
    if (hin_is_ok(result)) {
        result = hin_timer_repeat(upkeep.watch, HIN_SEC_USEC, HIN_SEC_USEC, 10);
    }
    if (hin_is_ok(result)) {
        result = hin_loop_run(worker->loop);
    } else {
        hin_log_result(HIN_LOG_ERROR, result, "cannot start");
        if (worker->desks != NULL) {
            watch_store(&upkeep);
        }
    }
    stop(worker);
    hin_timer_free(upkeep.timer);
    hin_timer_free(upkeep.watch);
    hin_loop_free(worker->loop);
    return hin_is_ok(result) && upkeep.damaged ? hin_fail(HIN_CORRUPT) : result;
}

static struct hin_result worker_run(struct hin_role *role)
{
    struct hin_worker *worker = calloc(1, sizeof(*worker));
    uint64_t count = 1;
    HIN_ENSURE(worker != NULL, NO_MEMORY);
    HIN_TRY(hin_ignore_sigpipe());
    hin_tenant_give_memory_back();
    HIN_IGNORE(
        hin_view_to_u64(hin_role_setting(role, "workers"), &count)); /* 1 when it is not told */
    worker->role = role;
    worker->instance = hin_role_instance(role);
    worker->worker_count = (unsigned)count;
    worker->clock = hin_clock_system();
    worker->started_usec = hin_clock_wall_usec(worker->clock);
    HIN_TRY(hin_worker_clock_begin(worker));
    struct hin_result result = serve(worker);
    free(worker);
    return result;
}

const struct hin_role_definition hin_manager_role_worker = {
    .name = "worker",
    .sandbox = worker_sandbox,
    .run = worker_run,
    .peers = {"keys", "worker"},
    .user = HIN_ROLE_USER_DATA,
    .instances = 0, /* as many as processors: started by the parent's `run` */
    .restart = HIN_ROLE_ALWAYS,
    .to_parent = &hin_manager_parent_table,
};
