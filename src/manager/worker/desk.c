#include "manager/worker/desk.h"

#include <stdlib.h>

#include "base/bytes.h"
#include "base/log.h"
#include "data/json.h"
#include "manager/erasure.h"
#include "manager/worker/api/api.h"
#include "manager/worker/api/document.h"
#include "manager/worker/bus.h"
#include "manager/worker/ingest/ingest.h"

enum { REFUSALS_PER_MINUTE = 600, AWAKE_MAX = 32 };
#define REST_USEC (10 * HIN_SEC_USEC)
/* Read anew after this, so that a change whose announcement was lost counts all the same. */
#define KEPT_USEC (5 * HIN_SEC_USEC)

static int64_t now_usec(const struct hin_worker *worker)
{
    return hin_clock_monotonic_usec(worker->clock);
}

struct hin_desk *hin_desk_known(struct hin_worker *worker, int64_t number)
{
    struct hin_desk *desk = worker->desks;
    while (desk != NULL && desk->tenant.number != number) {
        desk = desk->next;
    }
    return desk;
}

/* ---- opening ---- */

static HIN_RESULT new_desk(struct hin_worker *worker, int64_t number, const char *uuid,
                           struct hin_desk **ret_desk)
{
    struct hin_desk *desk = calloc(1, sizeof(*desk));
    HIN_ENSURE(desk != NULL, NO_MEMORY);
    desk->worker = worker;
    desk->used_usec = now_usec(worker);
    struct hin_tenant_place place = {hin_role_fd(worker->role, "db"),
                                     hin_database_server(&worker->database)};
    hin_tenant_init(&desk->tenant, &place, uuid, &worker->keys, HIN_VAULT_FOR_INGEST,
                    worker->clock);
    desk->tenant.number = number;
    struct hin_result made = hin_tenant_wake(&desk->tenant);
    if (hin_is_ok(made)) {
        made = hin_ingest_new(desk, &desk->ingest);
    }
    if (!hin_is_ok(made)) {
        if (hin_tenant_is_awake(&desk->tenant)) {
            HIN_IGNORE(hin_tenant_watch(&desk->tenant)); /* marks damage for the next start */
        }
        hin_tenant_close(&desk->tenant);
        free(desk);
        return made;
    }
    struct hin_desk **at = &worker->desks;
    while (*at != NULL) {
        at = &(*at)->next;
    }
    *at = desk;
    *ret_desk = desk;
    return hin_ok();
}

HIN_RESULT hin_desk_open_first(struct hin_worker *worker, const char *id)
{
    struct hin_desk *desk = NULL;
    return new_desk(worker, 0, id, &desk);
}

/* Who asks is told to ask again, whatever it is: the log says it. A database that does not open
 * must not look like a credential that is wrong. One that was set back waits for somebody. */
static HIN_RESULT or_again(struct hin_result result)
{
    return hin_is_ok(result) || result.code == HIN_SET_BACK ? result : hin_fail(HIN_AGAIN);
}

/* A store that was set back does not come right by itself: who asks again at once is refused
 * without its being opened each time. */
static bool is_refused(const struct hin_worker *worker, int64_t number)
{
    return worker->refused_usec != 0 && worker->refused_number == number &&
           now_usec(worker) - worker->refused_usec < KEPT_USEC;
}

static struct hin_result note_refusal(struct hin_worker *worker, int64_t number,
                                      struct hin_result result)
{
    if (result.code == HIN_SET_BACK) {
        worker->refused_number = number;
        worker->refused_usec = now_usec(worker);
    }
    return result;
}

static HIN_RESULT wake(struct hin_desk *desk)
{
    int64_t number = desk->tenant.number;
    HIN_ENSURE(!is_refused(desk->worker, number), SET_BACK);
    HIN_TRY(note_refusal(desk->worker, number, hin_tenant_wake(&desk->tenant)));
    if (desk->tenant.is_another) { /* it was put back out of a backup */
        desk->tenant.is_another = false;
        desk->last_event_id = 0;
        desk->store_looked = false;
        hin_ingest_begin_anew(desk->ingest);
        if (desk->worker->api != NULL) {
            hin_api_on_changed(desk->worker->api, HIN_STORE_API_KEYS);
        }
    }
    HIN_TRY(hin_tenant_refresh(&desk->tenant));
    HIN_TRY(hin_ingest_tell_restore(desk->ingest));
    return hin_ingest_tell_salvage(desk->ingest);
}

HIN_RESULT hin_desk_wake(struct hin_desk *desk)
{
    HIN_ENSURE(!desk->erased, EXPIRED);
    desk->used_usec = now_usec(desk->worker);
    return hin_tenant_is_awake(&desk->tenant) ? hin_ok() : or_again(wake(desk));
}

/* ---- the register of tenants, which is the first desk's ---- */

struct registered {
    int64_t number;
    char uuid[37];
    bool suspended, erased;
};

static HIN_RESULT read_registered(const struct hin_store_document *document,
                                  struct registered *ret_tenant)
{
    struct hin_tenant_row row;
    HIN_TRY(hin_tenant_row_read(document->id, document->bytes, &row));
    *ret_tenant = (struct registered){.number = document->id,
                                      .suspended = row.state != HIN_TENANT_ACTIVE,
                                      .erased = row.state >= HIN_TENANT_ERASING};
    hin_copy(ret_tenant->uuid, row.uuid, sizeof(row.uuid));
    return hin_ok();
}

static HIN_RESULT registered_by_number(struct hin_worker *worker, int64_t number,
                                       struct registered *ret_tenant)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = HIN_STORE_DOCUMENT_BYTES};
    struct hin_store_document document;
    HIN_TRY(
        hin_store_get(worker->desks->tenant.store, HIN_STORE_TENANTS, number, &text, &document));
    return read_registered(&document, ret_tenant);
}

static HIN_RESULT registered_by_name(struct hin_worker *worker, size_t slot, struct hin_view name,
                                     struct registered *ret_tenant)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = HIN_STORE_DOCUMENT_BYTES};
    struct hin_store_document document;
    HIN_TRY(hin_store_find(worker->desks->tenant.store, HIN_STORE_TENANTS, slot, name, &text,
                           &document));
    return read_registered(&document, ret_tenant);
}

/* Its sessions and streams end; agents hold their events until the tenant is back. */
static void end_all(struct hin_desk *desk)
{
    hin_ingest_end_sessions(desk->ingest, desk->erased      ? NULL
                                          : desk->suspended ? "the tenant is suspended"
                                                            : "the tenant is being restored");
    if (desk->worker->api != NULL) {
        hin_api_end_streams(desk->worker->api, desk);
    }
}

static void judge(struct hin_desk *desk, const struct registered *tenant)
{
    bool ends = tenant->suspended && !desk->suspended;
    bool closes = tenant->erased && !desk->erased;
    desk->suspended = tenant->suspended;
    desk->erased = tenant->erased;
    desk->judged_usec = now_usec(desk->worker);
    if (ends || closes) {
        end_all(desk);
    }
    if (closes) { /* its keys leave this process, and its files are free */
        hin_tenant_close(&desk->tenant);
    }
}

static HIN_RESULT admit(struct hin_worker *worker, const struct registered *tenant,
                        struct hin_desk **ret_desk)
{
    struct hin_desk *desk = hin_desk_known(worker, tenant->number);
    HIN_ENSURE(desk != NULL || !tenant->erased, EXPIRED);
    HIN_ENSURE(desk != NULL || !tenant->suspended, REVOKED);
    if (desk == NULL) {
        HIN_ENSURE(!is_refused(worker, tenant->number), SET_BACK);
        HIN_TRY(or_again(note_refusal(worker, tenant->number,
                                      new_desk(worker, tenant->number, tenant->uuid, &desk))));
        HIN_TRY(or_again(hin_ingest_tell_salvage(desk->ingest)));
        HIN_TRY(or_again(hin_ingest_tell_restore(desk->ingest)));
    }
    judge(desk, tenant);
    HIN_ENSURE(!desk->erased, EXPIRED);
    HIN_ENSURE(!desk->suspended, REVOKED);
    *ret_desk = desk;
    return hin_desk_wake(desk);
}

HIN_RESULT hin_desk_find(struct hin_worker *worker, uint64_t number, struct hin_desk **ret_desk)
{
    struct registered tenant;
    HIN_ENSURE(number <= INT64_MAX, NOT_FOUND);
    struct hin_desk *desk = hin_desk_known(worker, (int64_t)number);
    bool fresh = desk != NULL && now_usec(worker) - desk->judged_usec < KEPT_USEC;
    if (desk != NULL && (number == 0 || fresh)) {
        HIN_ENSURE(!desk->erased, EXPIRED);
        HIN_ENSURE(!desk->suspended, REVOKED);
        *ret_desk = desk;
        return hin_desk_wake(desk);
    }
    HIN_TRY(registered_by_number(worker, (int64_t)number, &tenant));
    return admit(worker, &tenant, ret_desk);
}

HIN_RESULT hin_desk_find_uuid(struct hin_worker *worker, const char *uuid,
                              struct hin_desk **ret_desk)
{
    struct registered tenant;
    if (strcmp(uuid, worker->desks->tenant.id) == 0) {
        *ret_desk = worker->desks;
        return hin_ok();
    }
    HIN_TRY(registered_by_name(worker, HIN_TENANT_SLOT_UUID, hin_view_from_text(uuid), &tenant));
    return admit(worker, &tenant, ret_desk);
}

HIN_RESULT hin_desk_find_name(struct hin_worker *worker, struct hin_view name,
                              struct hin_desk **ret_desk)
{
    struct registered tenant;
    char canonical[HIN_TENANT_NAME_BYTES];
    HIN_ENSURE(hin_is_ok(hin_tenant_name(name, canonical)), NOT_FOUND);
    HIN_TRY(
        registered_by_name(worker, HIN_TENANT_SLOT_NAME, hin_view_from_text(canonical), &tenant));
    return admit(worker, &tenant, ret_desk);
}

bool hin_desk_is_restored(struct hin_worker *worker, uint64_t number)
{
    struct registered registered;
    struct hin_tenant tenant = {.place = worker->desks->tenant.place};
    if (number == 0 || number > INT64_MAX ||
        !hin_is_ok(registered_by_number(worker, (int64_t)number, &registered))) {
        return false;
    }
    hin_copy(tenant.id, registered.uuid, sizeof(tenant.id));
    return hin_tenant_is_restored(&tenant);
}

void hin_desks_judge(struct hin_worker *worker, int64_t number)
{
    struct hin_desk *desk = hin_desk_known(worker, number);
    struct registered tenant;
    if (desk == NULL || number == 0) {
        return;
    }
    struct hin_result read = registered_by_number(worker, number, &tenant);
    if (read.code == HIN_NOT_FOUND) { /* erased */
        tenant = (struct registered){.number = number, .suspended = true, .erased = true};
        read = hin_ok();
    }
    if (hin_is_ok(read)) {
        judge(desk, &tenant);
    } else {
        desk->judged_usec = 0; /* when it is wanted next */
    }
}

/* ---- life ---- */

/* What was taken is stored and acknowledged first: what an agent is told then is what the former
 * store holds. Agents come back and hear of the other. */
static void leave_to_restore(struct hin_desk *desk)
{
    hin_ingest_flush(desk->ingest);
    hin_ingest_write_told(desk->ingest);
    if (hin_ingest_is_blocked(desk->ingest)) {
        return; /* tried again in a second, which who restores waits for */
    }
    end_all(desk);
    hin_tenant_rest(&desk->tenant);
    desk->worker->rested = true;
}

/* A database that must be salvaged is closed; whoever wakes it next salvages it. One that was set
 * back is refused to whoever wakes it. */
static void watch_one(struct hin_desk *desk)
{
    if (hin_tenant_is_awake(&desk->tenant) && hin_tenant_is_restored(&desk->tenant)) {
        leave_to_restore(desk);
        return;
    }
    struct hin_result watched = hin_tenant_watch(&desk->tenant);
    bool idle = now_usec(desk->worker) - desk->used_usec > REST_USEC;
    bool closes = watched.code == HIN_CORRUPT || watched.code == HIN_SET_BACK || idle;
    if (hin_tenant_is_awake(&desk->tenant) && closes) {
        hin_tenant_rest(&desk->tenant);
        desk->worker->rested = true;
    } else if (hin_tenant_is_awake(&desk->tenant)) {
        hin_ingest_tell_gaps(desk->ingest);
    }
}

static void rest_the_oldest(struct hin_worker *worker)
{
    size_t awake = 0;
    struct hin_desk *oldest = NULL;
    for (struct hin_desk *desk = worker->desks->next; desk != NULL; desk = desk->next) {
        if (hin_tenant_is_awake(&desk->tenant)) {
            awake++;
            oldest = oldest == NULL || desk->used_usec < oldest->used_usec ? desk : oldest;
        }
    }
    if (awake > AWAKE_MAX) {
        hin_tenant_rest(&oldest->tenant);
        worker->rested = true;
    }
}

HIN_RESULT hin_desks_watch(struct hin_worker *worker)
{
    if (worker->desks == NULL) {
        return hin_ok();
    }
    for (struct hin_desk *desk = worker->desks->next; desk != NULL; desk = desk->next) {
        watch_one(desk);
    }
    rest_the_oldest(worker);
    if (worker->rested) {
        worker->rested = false;
        hin_tenant_sweep_memory();
    }
    HIN_TRY(hin_tenant_watch(&worker->desks->tenant));
    hin_ingest_tell_gaps(worker->desks->ingest);
    return hin_ok();
}

void hin_desks_tell_damage(struct hin_worker *worker)
{
    for (struct hin_desk *desk = worker->desks; desk != NULL; desk = desk->next) {
        if (!hin_tenant_is_awake(&desk->tenant)) {
            continue;
        }
        struct hin_result told = hin_ingest_tell_damage(desk->ingest);
        if (!hin_is_ok(told)) {
            hin_log_result(HIN_LOG_WARNING, told, "damaged segments are not told yet");
        }
    }
}

HIN_RESULT hin_desks_refresh(struct hin_worker *worker)
{
    for (struct hin_desk *desk = worker->desks; desk != NULL; desk = desk->next) {
        if (hin_tenant_is_awake(&desk->tenant)) {
            HIN_TRY(hin_tenant_refresh(&desk->tenant));
        }
    }
    return hin_ok();
}

void hin_desks_free(struct hin_worker *worker)
{
    while (worker->desks != NULL) {
        struct hin_desk *desk = worker->desks;
        worker->desks = desk->next;
        hin_ingest_free(desk->ingest);
        hin_tenant_close(&desk->tenant);
        free(desk);
    }
}

/* ---- shared by API and ingest ---- */

void hin_desk_on_changed(struct hin_desk *desk, enum hin_store_kind kind, int64_t id)
{
    if (kind == HIN_STORE_TENANTS && desk->tenant.number == 0) {
        hin_desks_judge(desk->worker, id);
    }
    if (!hin_is_ok(hin_desk_wake(desk))) {
        return; /* said already; what has changed is read when it wakes */
    }
    if (desk->worker->api != NULL) {
        hin_api_on_changed(desk->worker->api, kind);
    }
    hin_ingest_on_changed(desk->ingest, kind, id);
}

void hin_desk_changed(struct hin_desk *desk, enum hin_store_kind kind, int64_t id)
{
    hin_desk_on_changed(desk, kind, id);
    hin_bus_changed(desk->worker->bus, desk->tenant.number, kind, id);
}

void hin_desk_committed(struct hin_desk *desk, int64_t last_id)
{
    hin_api_on_committed(desk->worker->api, desk, last_id);
    hin_bus_committed(desk->worker->bus, desk->tenant.number, last_id);
}

void hin_desk_refused(struct hin_desk *desk, const struct hin_audit *audit)
{
    desk = desk->erased ? desk->worker->desks : desk; /* it has no record any more */
    int64_t now = now_usec(desk->worker);
    if (now - desk->audit_window_usec > HIN_MINUTE_USEC) {
        desk->audit_window_usec = now;
        desk->audit_window_count = 0;
    }
    if (desk->audit_window_count++ >= REFUSALS_PER_MINUTE) {
        desk->worker->counters.audit_suppressed++;
        return;
    }
    struct hin_result written = hin_desk_wake(desk);
    if (hin_is_ok(written)) {
        written = hin_audit_write(&desk->tenant, audit);
    }
    if (!hin_is_ok(written)) {
        hin_log_result(HIN_LOG_ERROR, written, "the audit record cannot be written");
    }
}
