#include "manager/backup/alerts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "data/json.h"
#include "event/codec.h"
#include "store/documents.h"
#include "store/events.h"

static const struct row {
    const char *name;
    enum hin_state_code state;
    const char *tenant; /* what a tenant is told of it */
} rows[HIN_BACKUP_ALERT_COUNT] = {
    [HIN_BACKUP_ALERT_FAILED] = {"backup-failed", HIN_STATE_BACKUP_OVERDUE,
                                 "the last backup of this tenant failed"},
    [HIN_BACKUP_ALERT_LATE] = {"backup-late", HIN_STATE_BACKUP_OVERDUE,
                               "no backup of this tenant was made when one was due"},
    [HIN_BACKUP_ALERT_UNSHIPPED] = {"shipment-late", HIN_STATE_BACKUP_OVERDUE,
                                    "what is new of this tenant lies in no backup yet"},
    [HIN_BACKUP_ALERT_DESTINATION] = {"destination", HIN_STATE_BACKUP_PLACE_FAILS, NULL},
    [HIN_BACKUP_ALERT_LOST] = {"backup-lost", HIN_STATE_BACKUP_LOST,
                               "backups of this tenant are not whole at one of the places where "
                               "they lie"},
    [HIN_BACKUP_ALERT_CLOCK] = {"clock", HIN_STATE_BACKUP_OVERDUE, NULL},
    [HIN_BACKUP_ALERT_DRILL] = {"drill", HIN_STATE_BACKUP_OVERDUE, NULL},
};

const char *hin_backup_alert_name(enum hin_backup_alert_kind kind)
{
    return kind > 0 && kind < HIN_BACKUP_ALERT_COUNT ? rows[kind].name : "unknown";
}

bool hin_backup_alert_same(const struct hin_backup_alert *a, const struct hin_backup_alert *b)
{
    return a->kind == b->kind && a->tenant == b->tenant &&
           strcmp(a->destination, b->destination) == 0;
}

/* ---- documents ---- */

static HIN_RESULT read_text(struct hin_json root, const char *member, char *out, size_t out_bytes)
{
    struct hin_view text = HIN_VIEW_EMPTY;
    HIN_TRY(hin_json_opt_text(root, member, &text, NULL));
    return hin_view_to_text(text, out, out_bytes);
}

static HIN_RESULT read_alert(const struct hin_store_document *document,
                             struct hin_backup_alert *ret_alert)
{
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *parsed = NULL;
    struct hin_backup_alert alert = {.id = document->id};
    HIN_ENSURE(document->owner > 0 && document->owner < HIN_BACKUP_ALERT_COUNT, CORRUPT);
    alert.kind = (enum hin_backup_alert_kind)document->owner;
    HIN_TRY(hin_json_parse(document->bytes, HIN_STORE_DOCUMENT_BYTES, &parsed, NULL));
    struct hin_json root = hin_json_root(parsed);
    HIN_TRY(hin_json_get_integer(root, "tenantID", HIN_BACKUP_ALERT_ALL, INT64_MAX, &alert.tenant,
                                 NULL));
    HIN_TRY(hin_json_get_integer(root, "since", INT64_MIN, INT64_MAX, &alert.since_usec, NULL));
    HIN_TRY(read_text(root, "destination", alert.destination, sizeof(alert.destination)));
    HIN_TRY(read_text(root, "text", alert.text, sizeof(alert.text)));
    *ret_alert = alert;
    return hin_ok();
}

struct gathering {
    struct hin_backup_alert *alerts;
    size_t count, room;
};

static HIN_RESULT gather(void *context, const struct hin_store_document *document)
{
    struct gathering *gathering = context;
    struct hin_backup_alert alert;
    if (!hin_is_ok(read_alert(document, &alert))) {
        return hin_ok();
    }
    if (gathering->count == gathering->room) {
        size_t room = HIN_MAX(gathering->room * 2, (size_t)16);
        void *fresh = realloc(gathering->alerts, room * sizeof(alert));
        HIN_ENSURE(fresh != NULL, NO_MEMORY);
        gathering->alerts = fresh;
        gathering->room = room;
    }
    gathering->alerts[gathering->count++] = alert;
    return hin_ok();
}

HIN_RESULT hin_backup_alerts_read(struct hin_store *own, struct hin_backup_alert **ret_alerts,
                                  size_t *ret_count)
{
    struct gathering gathering = {0};
    struct hin_store_page all = {0};
    struct hin_store_listed listed;
    struct hin_result read =
        hin_store_list(own, HIN_STORE_BACKUP_ALERTS, &all, gather, &gathering, &listed);
    if (!hin_is_ok(read)) {
        free(gathering.alerts);
        return read;
    }
    *ret_alerts = gathering.alerts;
    *ret_count = gathering.count;
    return hin_ok();
}

static HIN_RESULT write_alert(struct hin_store *own, struct hin_backup_alert *alert,
                              int64_t now_usec)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = 8192};
    struct hin_json_writer writer;
    hin_json_writer_init(&writer, &text, false);
    hin_json_begin_object(&writer);
    hin_json_field_integer(&writer, "tenantID", alert->tenant);
    hin_json_field_integer(&writer, "since", alert->since_usec);
    hin_json_field_cstring(&writer, "destination", alert->destination);
    hin_json_field_cstring(&writer, "text", alert->text);
    hin_json_end_object(&writer);
    HIN_TRY(hin_json_writer_finish(&writer));
    struct hin_store_content content = {.bytes = hin_buf_view(&text), .owner = alert->kind};
    return hin_store_put(own, HIN_STORE_BACKUP_ALERTS, &content, now_usec, &alert->id);
}

HIN_RESULT hin_backup_alert_reword(struct hin_tenant *own, const struct hin_backup_alert *alert,
                                   int64_t now_usec)
{
    struct hin_backup_alert written = *alert;
    return write_alert(own->store, &written, now_usec);
}

/* ---- events ---- */

static HIN_RESULT compose(struct hin_event *event, const char *status, const char *text)
{
    HIN_TRY(hin_event_set_text(event, HIN_FIELD_MESSAGE, hin_view_from_text(text)));
    return status != NULL ? hin_event_set_text(event, HIN_FIELD_STATUS, hin_view_from_text(status))
                          : hin_ok();
}

HIN_RESULT hin_backup_tell(struct hin_tenant *tenant, enum hin_state_code state, const char *status,
                           const char *text, int64_t now_usec)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf bytes = {.max = HIN_EVENT_MAX_BYTES};
    struct hin_arena arena;
    struct hin_event event;
    struct hin_store_committed committed;
    uint64_t tokens[HIN_STORE_TOKENS_MAX];
    size_t token_count = 0;
    hin_arena_init(&arena, 1 << 20);
    hin_event_init_state(&event, &arena, now_usec, state, HIN_VIEW("manager"));
    struct hin_result made = compose(&event, status, text);
    if (hin_is_ok(made)) {
        made = hin_event_encode(&event, &bytes);
    }
    if (hin_is_ok(made)) {
        made = hin_store_tokens(tenant->index, &event, &arena, tokens, &token_count);
    }
    struct hin_store_event stored = {
        .time_usec = now_usec,
        .class_uid = (uint32_t)hin_event_integer(&event, HIN_FIELD_CLASS),
        .severity_id = (uint8_t)hin_event_integer(&event, HIN_FIELD_SEVERITY),
        .bytes = hin_buf_view(&bytes),
        .tokens = tokens,
        .token_count = token_count,
    };
    if (hin_is_ok(made)) {
        made = hin_store_commit(tenant->store, &stored, 1, NULL, 0, now_usec, &committed);
    }
    hin_arena_done(&arena);
    return made;
}

static void word(const struct hin_backup_alert *alert, bool over, bool to_tenant, int64_t now_usec,
                 char out[700])
{
    const char *what = to_tenant ? rows[alert->kind].tenant : alert->text;
    long long minutes = (long long)((now_usec - alert->since_usec) / HIN_MINUTE_USEC);
    if (over) {
        snprintf(out, 700, "%s, after %lld minutes: %s", hin_state_get(HIN_STATE_BACKUP_OVER)->text,
                 HIN_MAX(minutes, 0LL), what);
    } else {
        snprintf(out, 700, "%s: %s", hin_state_get((int64_t)rows[alert->kind].state)->text, what);
    }
}

/* A trouble of a single tenant is told there; the installation is told of all of them together. */
static HIN_RESULT tell(struct hin_tenant *tenant, const struct hin_backup_alert *alert, bool over,
                       bool to_tenant, int64_t now_usec)
{
    char text[700];
    word(alert, over, to_tenant, now_usec, text);
    return hin_backup_tell(tenant, over ? HIN_STATE_BACKUP_OVER : rows[alert->kind].state,
                           rows[alert->kind].name, text, now_usec);
}

static HIN_RESULT change(struct hin_tenant *own, struct hin_backup_alert *alert, bool over,
                         int64_t now_usec)
{
    HIN_TRY(over ? hin_store_delete(own->store, HIN_STORE_BACKUP_ALERTS, alert->id, 0)
                 : write_alert(own->store, alert, now_usec));
    return alert->tenant == HIN_BACKUP_ALERT_ALL ? tell(own, alert, over, false, now_usec)
                                                 : hin_ok();
}

static HIN_RESULT change_whole(struct hin_tenant *own, struct hin_tenant *tenant,
                               struct hin_backup_alert *alert, bool over, int64_t now_usec)
{
    if (tenant != NULL && rows[alert->kind].tenant != NULL) {
        HIN_TRY(tell(tenant, alert, over, true, now_usec));
    }
    HIN_TRY(hin_store_begin(own->store));
    struct hin_result changed = change(own, alert, over, now_usec);
    struct hin_result ended = hin_store_end(own->store, hin_is_ok(changed));
    return hin_is_ok(changed) ? ended : changed;
}

HIN_RESULT hin_backup_alert_begin(struct hin_tenant *own, struct hin_tenant *tenant,
                                  struct hin_backup_alert *alert, int64_t now_usec)
{
    alert->since_usec = now_usec;
    return change_whole(own, tenant, alert, false, now_usec);
}

HIN_RESULT hin_backup_alert_end(struct hin_tenant *own, struct hin_tenant *tenant,
                                const struct hin_backup_alert *alert, int64_t now_usec)
{
    struct hin_backup_alert over = *alert;
    return change_whole(own, tenant, &over, true, now_usec);
}
