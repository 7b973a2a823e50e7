#include "manager/backup/restorings.h"

#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "data/json.h"
#include "manager/audit.h"
#include "manager/revision.h"

enum { TEXT_MAX = 65536 };

static const char *const states[HIN_RESTORING_STATE_COUNT] = {
    [HIN_RESTORING_ASKED] = "asked",           [HIN_RESTORING_WAITING] = "waiting",
    [HIN_RESTORING_RUNNING] = "restoring",     [HIN_RESTORING_CLOSING] = "closing",
    [HIN_RESTORING_EXCHANGING] = "exchanging", [HIN_RESTORING_OPENING] = "opening",
    [HIN_RESTORING_FAILING] = "failing",       [HIN_RESTORING_DONE] = "done",
    [HIN_RESTORING_FAILED] = "failed",
};

/* The same tables read and write. */
static const struct number {
    const char *name;
    size_t offset;
} numbers[] = {
    {"tenantID", offsetof(struct hin_restoring, tenant)},
    {"wantedAt", offsetof(struct hin_restoring, wanted_usec)},
    {"wantedBackup", offsetof(struct hin_restoring, wanted_backup)},
    {"asked", offsetof(struct hin_restoring, asked_usec)},
    {"begun", offsetof(struct hin_restoring, begun_usec)},
    {"ended", offsetof(struct hin_restoring, ended_usec)},
    {"quiet", offsetof(struct hin_restoring, quiet_usec)},
    {"served", offsetof(struct hin_restoring, served_usec)},
    {"backup", offsetof(struct hin_restoring, backup_usec)},
    {"sequence", offsetof(struct hin_restoring, sequence)},
    {"at", offsetof(struct hin_restoring, at_usec)},
    {"lastEventID", offsetof(struct hin_restoring, last_event)},
    {"lastAuditID", offsetof(struct hin_restoring, last_audit)},
    {"bytes", offsetof(struct hin_restoring, bytes)},
    {"formerAt", offsetof(struct hin_restoring, former_usec)},
    {"formerEventID", offsetof(struct hin_restoring, former_event)},
    {"formerAuditID", offsetof(struct hin_restoring, former_audit)},
    {"formerRevision", offsetof(struct hin_restoring, former_revision)},
    {"objects", offsetof(struct hin_restoring, objects)},
    {"objectsAll", offsetof(struct hin_restoring, objects_all)},
    {"readBytes", offsetof(struct hin_restoring, read_bytes)},
};
#define TEXT(member, field)                                                                        \
    {                                                                                              \
        member, offsetof(struct hin_restoring, field), sizeof(((struct hin_restoring *)0)->field)  \
    }
static const struct text {
    const char *name;
    size_t offset, bytes;
} texts[] = {
    TEXT("guid", guid),
    TEXT("tenant", uuid),
    TEXT("tenantName", name),
    TEXT("wantedDestination", wanted_place),
    TEXT("requestedBy", requested_by),
    TEXT("confirmedBy", confirmed_by),
    TEXT("ticket", tickets[0]),
    TEXT("otherTicket", tickets[1]),
    TEXT("destination", place),
    TEXT("formerAuditHash", former_hash),
    TEXT("text", text),
};
#undef TEXT

const char *hin_restoring_state_name(enum hin_restoring_state state)
{
    return state > 0 && state < HIN_RESTORING_STATE_COUNT ? states[state] : "unknown";
}

static HIN_RESULT read_state(struct hin_json root, struct hin_restoring *restoring)
{
    struct hin_view name;
    HIN_TRY(hin_json_get_text(root, "state", &name, NULL));
    for (unsigned i = 1; i < HIN_RESTORING_STATE_COUNT; i++) {
        if (hin_view_is(name, states[i])) {
            restoring->state = (enum hin_restoring_state)i;
            return hin_ok();
        }
    }
    return hin_fail(HIN_CORRUPT);
}

HIN_RESULT hin_restoring_read(int64_t id, struct hin_view bytes,
                              struct hin_restoring *ret_restoring)
{
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    struct hin_restoring restoring = {.id = id};
    HIN_TRY(hin_json_parse(bytes, TEXT_MAX, &document, NULL));
    struct hin_json root = hin_json_root(document);
    HIN_TRY(read_state(root, &restoring));
    for (size_t i = 0; i < HIN_COUNT(numbers); i++) {
        int64_t *number = (int64_t *)(void *)((char *)&restoring + numbers[i].offset);
        HIN_TRY(hin_json_opt_integer(root, numbers[i].name, INT64_MIN, INT64_MAX, number, NULL));
    }
    for (size_t i = 0; i < HIN_COUNT(texts); i++) {
        struct hin_view text = HIN_VIEW_EMPTY;
        HIN_TRY(hin_json_opt_text(root, texts[i].name, &text, NULL));
        HIN_TRY(hin_view_to_text(text, (char *)&restoring + texts[i].offset, texts[i].bytes));
    }
    *ret_restoring = restoring;
    return hin_ok();
}

static HIN_RESULT write_text(const struct hin_restoring *restoring, struct hin_buf *out)
{
    struct hin_json_writer writer;
    hin_json_writer_init(&writer, out, false);
    hin_json_begin_object(&writer);
    hin_json_field_cstring(&writer, "state", hin_restoring_state_name(restoring->state));
    for (size_t i = 0; i < HIN_COUNT(numbers); i++) {
        const int64_t *number =
            (const int64_t *)(const void *)((const char *)restoring + numbers[i].offset);
        hin_json_field_integer(&writer, numbers[i].name, *number);
    }
    for (size_t i = 0; i < HIN_COUNT(texts); i++) {
        hin_json_field_cstring(&writer, texts[i].name, (const char *)restoring + texts[i].offset);
    }
    hin_json_end_object(&writer);
    return hin_json_writer_finish(&writer);
}

static int64_t owner_of(enum hin_restoring_state state)
{
    return state == HIN_RESTORING_ASKED  ? HIN_RESTORING_PENDING
           : state >= HIN_RESTORING_DONE ? HIN_RESTORING_CLOSED
                                         : HIN_RESTORING_OPEN;
}

HIN_RESULT hin_restoring_write(struct hin_store *store, struct hin_restoring *restoring,
                               int64_t now_usec)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = TEXT_MAX};
    HIN_TRY(write_text(restoring, &text));
    struct hin_store_content content = {.bytes = hin_buf_view(&text),
                                        .owner = owner_of(restoring->state),
                                        .names = {hin_view_from_text(restoring->guid)}};
    return hin_store_put(store, HIN_STORE_RESTORINGS, &content, now_usec, &restoring->id);
}

HIN_RESULT hin_restoring_get(struct hin_store *store, int64_t id,
                             struct hin_restoring *ret_restoring)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = HIN_STORE_DOCUMENT_BYTES};
    struct hin_store_document document;
    HIN_TRY(hin_store_get(store, HIN_STORE_RESTORINGS, id, &text, &document));
    return hin_restoring_read(document.id, document.bytes, ret_restoring);
}

/* ---- which there are ---- */

struct finding {
    int64_t tenant; /* of which, or any: -1 */
    struct hin_restoring found;
    bool any;
};

static HIN_RESULT find(void *context, const struct hin_store_document *document)
{
    struct finding *finding = context;
    struct hin_restoring restoring;
    if (finding->any) {
        return hin_ok();
    }
    HIN_TRY(hin_restoring_read(document->id, document->bytes, &restoring));
    if (finding->tenant < 0 || restoring.tenant == finding->tenant) {
        finding->found = restoring;
        finding->any = true;
    }
    return hin_ok();
}

HIN_RESULT hin_restoring_next(struct hin_store *store, struct hin_restoring *ret_restoring)
{
    struct hin_store_page page = {.owner = HIN_RESTORING_OPEN};
    struct finding finding = {.tenant = -1};
    struct hin_store_listed listed;
    HIN_TRY(hin_store_list(store, HIN_STORE_RESTORINGS, &page, find, &finding, &listed));
    HIN_ENSURE(finding.any, NOT_FOUND);
    *ret_restoring = finding.found;
    return hin_ok();
}

HIN_RESULT hin_restoring_is_open(struct hin_store *store, int64_t tenant, bool *ret_open)
{
    struct hin_store_page page = {.owner = HIN_RESTORING_OPEN};
    struct finding finding = {.tenant = tenant};
    struct hin_store_listed listed;
    HIN_TRY(hin_store_list(store, HIN_STORE_RESTORINGS, &page, find, &finding, &listed));
    *ret_open = finding.any;
    return hin_ok();
}

/* ---- consent ---- */

HIN_RESULT hin_restoring_subject(const struct hin_restoring *restoring,
                                 uint8_t ret_subject[HIN_SHA256_BYTES])
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = 512};
    HIN_TRY(hin_buf_printf(&text, "%s %s %lld %lld %s", restoring->guid, restoring->uuid,
                           (long long)restoring->wanted_usec, (long long)restoring->wanted_backup,
                           restoring->wanted_place));
    return hin_sha256(hin_buf_view(&text), ret_subject);
}

HIN_RESULT hin_restoring_add_ticket(struct hin_restoring *restoring, struct hin_view ticket)
{
    HIN_ENSURE(ticket.size <= HIN_VAULT_TICKET_MAX, LIMIT);
    for (size_t i = 0; i < HIN_VAULT_TICKETS_MAX; i++) {
        if (restoring->tickets[i][0] == '\0') {
            hin_hex(ticket.data, ticket.size, restoring->tickets[i]);
            return hin_ok();
        }
    }
    return hin_fail(HIN_LIMIT);
}

HIN_RESULT hin_restoring_tickets(const struct hin_restoring *restoring, struct hin_buf *buf,
                                 struct hin_vault_grant *grant)
{
    HIN_TRY(hin_buf_reserve(buf, HIN_VAULT_TICKETS_MAX * HIN_VAULT_TICKET_MAX)); /* never moves */
    for (size_t i = 0; i < HIN_VAULT_TICKETS_MAX && restoring->tickets[i][0] != '\0'; i++) {
        uint8_t bytes[HIN_VAULT_TICKET_MAX];
        size_t size = strlen(restoring->tickets[i]) / 2, before = buf->size;
        HIN_TRY(hin_unhex(hin_view_from_text(restoring->tickets[i]), bytes, size));
        HIN_TRY(hin_buf_append(buf, hin_view_of(bytes, size)));
        grant->tickets[grant->ticket_count++] = hin_view_of(buf->data + before, size);
    }
    return hin_ok();
}

/* ---- what is said of it ---- */

void hin_restoring_text(const struct hin_restoring *restoring, char *out, size_t out_bytes)
{
    char at[40] = "", former[40] = "";
    hin_time_format_rfc3339(restoring->at_usec, 3, at, sizeof(at));
    hin_time_format_rfc3339(restoring->former_usec, 3, former, sizeof(former));
    (void)snprintf(out, out_bytes,
                   "restore %s, asked for by %s%s%s: as of %s, up to event %lld and audit entry "
                   "%lld, from %s. What was there at %s, up to event %lld and audit entry %lld "
                   "(hash %s), lies in the backups as of then",
                   restoring->guid, restoring->requested_by,
                   restoring->confirmed_by[0] != '\0' ? ", agreed to by " : "",
                   restoring->confirmed_by, at, (long long)restoring->last_event,
                   (long long)restoring->last_audit, restoring->place, former,
                   (long long)restoring->former_event, (long long)restoring->former_audit,
                   restoring->former_hash);
}

static HIN_RESULT write_note(const struct hin_restoring *restoring, struct hin_buf *out)
{
    static const char *const told[] = {"at",       "lastEventID",   "lastAuditID", "backup",
                                       "sequence", "formerEventID", "formerAt",    "formerAuditID"};
    struct hin_json_writer writer;
    hin_json_writer_init(&writer, out, false);
    hin_json_begin_object(&writer);
    hin_json_field_cstring(&writer, "guid", restoring->guid);
    hin_json_field_cstring(&writer, "requestedBy", restoring->requested_by);
    hin_json_field_cstring(&writer, "confirmedBy", restoring->confirmed_by);
    hin_json_field_cstring(&writer, "destination", restoring->place);
    hin_json_field_cstring(&writer, "formerAuditHash", restoring->former_hash);
    for (size_t i = 0; i < HIN_COUNT(numbers); i++) {
        for (size_t k = 0; k < HIN_COUNT(told); k++) {
            if (strcmp(numbers[i].name, told[k]) == 0) {
                hin_json_field_integer(
                    &writer, told[k],
                    *(const int64_t *)(const void *)((const char *)restoring + numbers[i].offset));
            }
        }
    }
    hin_json_end_object(&writer);
    return hin_json_writer_finish(&writer);
}

static HIN_RESULT note(struct hin_tenant *tenant, const struct hin_restoring *restoring)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = TEXT_MAX};
    char detail[700];
    int64_t id = 0;
    HIN_TRY(write_note(restoring, &text));
    struct hin_store_content content = {.bytes = hin_buf_view(&text),
                                        .names = {hin_view_from_text(restoring->guid)}};
    HIN_TRY(hin_store_create(tenant->store, HIN_STORE_RESTORED, &content,
                             hin_tenant_now_usec(tenant), &id));
    /* Agents have policies of the former, and refuse what is numbered lower. */
    HIN_TRY(hin_revision_pass(tenant, (uint64_t)HIN_MAX(restoring->former_revision, 0)));
    hin_restoring_text(restoring, detail, sizeof(detail));
    struct hin_audit audit = {.action = "backup.restore",
                              .outcome = "done",
                              .actor = hin_view_from_text(restoring->requested_by),
                              .kind = "backups/restores",
                              .object = restoring->id,
                              .detail = hin_view_from_text(detail)};
    return hin_audit_write(tenant, &audit);
}

HIN_RESULT hin_restoring_note(struct hin_tenant *tenant, const struct hin_restoring *restoring)
{
    HIN_TRY(hin_store_begin(tenant->store));
    struct hin_result noted = note(tenant, restoring);
    struct hin_result ended = hin_store_end(tenant->store, hin_is_ok(noted));
    if (noted.code == HIN_EXISTS) { /* before it was cut off */
        return hin_ok();
    }
    HIN_TRY(noted);
    return ended;
}
