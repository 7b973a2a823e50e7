#include "manager/worker/numbers.h"

#include "base/bytes.h"
#include "manager/worker/api/api.h"
#include "manager/worker/ingest/ingest.h"
#include "store/events.h"

#define STORE_LOOK_USEC (5 * HIN_SEC_USEC)

const char *hin_store_state_name(enum hin_store_state state)
{
    static const char *const names[HIN_STORE_STATE_COUNT] = {
        [HIN_STORE_STATE_WHOLE] = "whole",
        [HIN_STORE_STATE_SALVAGED] = "salvaged",
        [HIN_STORE_STATE_DAMAGED] = "damaged",
        [HIN_STORE_STATE_UNREACHABLE] = "unreachable",
    };
    return state < HIN_STORE_STATE_COUNT ? names[state] : "damaged";
}

static enum hin_store_state store_look(struct hin_tenant *tenant)
{
    struct hin_store_salvages salvages;
    struct hin_store_stats stats;
    struct hin_result looked = hin_store_salvages(tenant->store, &salvages);
    if (hin_is_ok(looked)) {
        looked = hin_store_stats(tenant->store, &stats);
    }
    if (looked.code == HIN_AGAIN) {
        return HIN_STORE_STATE_UNREACHABLE;
    }
    if (!hin_is_ok(looked) || stats.segments_damaged > 0) {
        return HIN_STORE_STATE_DAMAGED;
    }
    return salvages.count > 0 && hin_tenant_keeps_damaged(tenant) ? HIN_STORE_STATE_SALVAGED
                                                                  : HIN_STORE_STATE_WHOLE;
}

enum hin_store_state hin_desk_store_state(struct hin_desk *desk)
{
    if (hin_store_is_broken(desk->tenant.store)) {
        return HIN_STORE_STATE_DAMAGED;
    }
    int64_t now = hin_clock_monotonic_usec(desk->worker->clock);
    if (!desk->store_looked || now - desk->store_state_usec > STORE_LOOK_USEC) {
        desk->store_state = store_look(&desk->tenant);
        desk->store_state_usec = now;
        desk->store_looked = true;
    }
    return (enum hin_store_state)desk->store_state;
}

void hin_worker_numbers(struct hin_worker *worker, int64_t tenant, bool health,
                        struct hin_worker_numbers *ret_numbers)
{
    struct hin_worker_numbers numbers = {.counters = worker->counters};
    const struct hin_listener_stats *listener =
        hin_http_server_listener_stats(hin_api_server(worker->api));
    struct hin_desk *desk = hin_desk_known(worker, tenant);
    numbers.api_connections = listener->handshakes;
    for (int i = 0; i < HIN_HANDSHAKE_REASON_COUNT; i++) {
        numbers.api_failures[i] = listener->failed[i];
    }
    if (desk != NULL) {
        numbers.blocked = hin_ingest_is_blocked(desk->ingest);
        numbers.lag_usec = (uint64_t)HIN_MAX(hin_ingest_lag_usec(desk->ingest), INT64_C(0));
        numbers.key_uses = desk->tenant.key_use_count;
        hin_ingest_spool(desk->ingest, &numbers.spool_events, &numbers.events_lost);
        if (health && hin_tenant_is_awake(&desk->tenant)) {
            numbers.store_state = hin_desk_store_state(desk);
        }
    }
    *ret_numbers = numbers;
}

/* The fields in order, each a number: the same list writes and reads. */
#define NUMBERS(X)                                                                                 \
    X(api_connections)                                                                             \
    X(blocked) X(store_state) X(spool_events) X(events_lost) X(lag_usec) X(key_uses)

HIN_RESULT hin_worker_numbers_write(const struct hin_worker_numbers *numbers, struct hin_buf *out)
{
#define X(name, text) HIN_TRY(hin_write_u64(out, numbers->counters.name));
    HIN_WORKER_COUNTERS(X)
#undef X
#define X(name) HIN_TRY(hin_write_u64(out, numbers->name));
    NUMBERS(X)
#undef X
    for (int i = 0; i < HIN_HANDSHAKE_REASON_COUNT; i++) {
        HIN_TRY(hin_write_u64(out, numbers->api_failures[i]));
    }
    return hin_ok();
}

HIN_RESULT hin_worker_numbers_read(struct hin_reader *reader,
                                   struct hin_worker_numbers *ret_numbers)
{
    struct hin_worker_numbers numbers;
#define X(name, text) HIN_TRY(hin_read_u64(reader, &numbers.counters.name));
    HIN_WORKER_COUNTERS(X)
#undef X
#define X(name) HIN_TRY(hin_read_u64(reader, &numbers.name));
    NUMBERS(X)
#undef X
    for (int i = 0; i < HIN_HANDSHAKE_REASON_COUNT; i++) {
        HIN_TRY(hin_read_u64(reader, &numbers.api_failures[i]));
    }
    *ret_numbers = numbers;
    return hin_ok();
}
