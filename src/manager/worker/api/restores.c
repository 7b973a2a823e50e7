/* Restores of a tenant into its place while the manager runs: asked for by key holders, carried out
 * by the process `backup`, which looks for them in the installation's own store. The consent goes
 * to the key service, which makes a ticket of it: a worker keeps what it cannot make. */
#include <stdio.h>

#include "base/bytes.h"
#include "crypt/uuid.h"
#include "manager/backup/restorings.h"
#include "manager/erasure.h"
#include "manager/holders.h"
#include "manager/worker/api/holders.h"
#include "manager/worker/api/modules.h"

enum { OUT_MAX = 4 << 20, KEPT = 200 };

static const struct hin_api_attribute order_rows[] = {
    {"tenant", HIN_API_TEXT, HIN_API_REQUIRED, HIN_DATA_PLAIN, 0, HIN_TENANT_NAME_BYTES - 1, NULL,
     NULL, "Name or number of the tenant."},
    {"at", HIN_API_TIME, 0, HIN_DATA_PLAIN, 0, INT64_MAX / 1000, NULL, NULL,
     "As it was then, or at the last moment before it that was shipped; the newest unless given."},
    {"backupID", HIN_API_INT, 0, HIN_DATA_PLAIN, 1, INT64_MAX, NULL, NULL,
     "As it was when this backup was made."},
    {"destination", HIN_API_TEXT, 0, HIN_DATA_PLAIN, 0, HIN_BACKUP_NAME_MAX - 1, NULL, NULL,
     "From there; from the first that gives it whole unless given."},
};
static const struct hin_api_attributes order_model = HIN_API_TABLE("BackupRestore", order_rows);

/* ---- as an answer ---- */

static void put_wanted(struct hin_json_writer *writer, const struct hin_restoring *restoring)
{
    hin_json_key(writer, "wanted");
    hin_json_begin_object(writer);
    hin_api_put_time(writer, "at", restoring->wanted_usec);
    hin_json_field_integer(writer, "backupID", restoring->wanted_backup);
    hin_json_field_cstring(writer, "destination", restoring->wanted_place);
    hin_json_end_object(writer);
}

static void put_former(struct hin_json_writer *writer, const struct hin_restoring *restoring)
{
    hin_json_key(writer, "former");
    hin_json_begin_object(writer);
    hin_api_put_time(writer, "at", restoring->former_usec);
    hin_json_field_integer(writer, "lastEventID", restoring->former_event);
    hin_json_field_integer(writer, "lastAuditID", restoring->former_audit);
    hin_json_field_cstring(writer, "auditHash", restoring->former_hash);
    hin_json_end_object(writer);
}

static void put(struct hin_json_writer *writer, const struct hin_restoring *restoring)
{
    hin_json_begin_object(writer);
    hin_json_field_integer(writer, "ID", restoring->id);
    hin_json_field_cstring(writer, "guid", restoring->guid);
    hin_json_field_cstring(writer, "state", hin_restoring_state_name(restoring->state));
    hin_json_field_integer(writer, "tenantID", restoring->tenant);
    hin_json_field_cstring(writer, "tenant", restoring->uuid);
    hin_json_field_cstring(writer, "name", restoring->name);
    put_wanted(writer, restoring);
    hin_json_field_cstring(writer, "requestedBy", restoring->requested_by);
    hin_json_field_cstring(writer, "confirmedBy", restoring->confirmed_by);
    hin_api_put_time(writer, "asked", restoring->asked_usec);
    hin_api_put_time(writer, "begun", restoring->begun_usec);
    hin_api_put_time(writer, "ended", restoring->ended_usec);
    hin_api_put_time(writer, "notServedFrom", restoring->quiet_usec);
    hin_api_put_time(writer, "servedFrom", restoring->served_usec);
    hin_json_field_cstring(writer, "destination", restoring->place);
    hin_api_put_time(writer, "at", restoring->at_usec);
    hin_json_field_integer(writer, "lastEventID", restoring->last_event);
    hin_json_field_integer(writer, "lastAuditID", restoring->last_audit);
    put_former(writer, restoring);
    hin_json_field_integer(writer, "objects", restoring->objects);
    hin_json_field_integer(writer, "objectsAll", restoring->objects_all);
    hin_json_field_integer(writer, "bytes", restoring->bytes);
    hin_json_field_integer(writer, "readBytes", restoring->read_bytes);
    hin_json_field_cstring(writer, "text", restoring->text);
    hin_json_end_object(writer);
}

static HIN_RESULT answer(struct hin_api_call *call, const struct hin_restoring *restoring,
                         unsigned status)
{
    struct hin_json_writer writer;
    hin_json_writer_init(&writer, call->out, false);
    put(&writer, restoring);
    call->status = status;
    return hin_json_writer_finish(&writer);
}

static struct hin_result put_document(void *context, const struct hin_store_document *document)
{
    struct hin_restoring restoring;
    if (hin_is_ok(hin_restoring_read(document->id, document->bytes, &restoring))) {
        put(context, &restoring);
    }
    return hin_ok();
}

static struct hin_result list(struct hin_api_call *call)
{
    struct hin_json_writer writer;
    struct hin_store_page page = {.descending = true};
    struct hin_store_listed listed;
    HIN_TRY(hin_api_own_only(call, "backups are the installation's"));
    HIN_TRY(hin_api_query_known(call, NULL, 0));
    call->out->max = HIN_MAX(call->out->max, (size_t)OUT_MAX);
    hin_json_writer_init(&writer, call->out, false);
    hin_json_begin_object(&writer);
    hin_json_key(&writer, "restores");
    hin_json_begin_array(&writer);
    HIN_TRY(hin_store_list(call->tenant->store, HIN_STORE_RESTORINGS, &page, put_document, &writer,
                           &listed));
    hin_json_end_array(&writer);
    hin_json_end_object(&writer);
    return hin_json_writer_finish(&writer);
}

static HIN_RESULT load(struct hin_api_call *call, int64_t id, struct hin_restoring *ret_restoring)
{
    struct hin_result got = hin_restoring_get(call->tenant->store, id, ret_restoring);
    return got.code == HIN_NOT_FOUND
               ? hin_api_fail(call, HIN_NOT_FOUND, "there is no restore with ID %lld",
                              (long long)id)
               : got;
}

static struct hin_result show(struct hin_api_call *call)
{
    struct hin_restoring restoring;
    HIN_TRY(hin_api_own_only(call, "backups are the installation's"));
    HIN_TRY(load(call, call->id, &restoring));
    return answer(call, &restoring, 200);
}

/* ---- consent ---- */

/* The holders may have changed a moment ago: jobs tells them to the vault every few seconds. */
static HIN_RESULT consent(struct hin_api_call *call, struct hin_restoring *restoring)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf ticket = {.max = HIN_VAULT_TICKET_MAX};
    struct hin_vault_consent given;
    uint8_t told[HIN_SHA256_BYTES] = {0};
    HIN_TRY(hin_holders_publish(call->tenant, told));
    HIN_TRY(hin_api_secret_digest(call, given.holder));
    HIN_TRY(hin_restoring_subject(restoring, given.subject));
    struct hin_result consented = hin_keys_restore_consent(
        &call->tenant->keys, hin_view_from_text(restoring->uuid), &given, &ticket);
    if (!hin_is_ok(consented)) {
        return hin_api_fail(call, consented.code,
                            "the key service takes no consent from this key: %s",
                            hin_code_text(consented.code));
    }
    return hin_restoring_add_ticket(restoring, hin_buf_view(&ticket));
}

/* Those that ended long ago are forgotten. */
static struct hin_result store(struct hin_api_call *call, void *context, int64_t *object)
{
    struct hin_restoring *restoring = context;
    struct hin_store *own = call->tenant->store;
    struct hin_restoring old;
    HIN_TRY(hin_restoring_write(own, restoring, hin_tenant_now_usec(call->tenant)));
    *object = restoring->id;
    bool ended = restoring->id > KEPT &&
                 hin_is_ok(hin_restoring_get(own, restoring->id - KEPT, &old)) &&
                 (old.state >= HIN_RESTORING_DONE || old.state == HIN_RESTORING_ASKED);
    if (ended) {
        HIN_IGNORE(hin_store_delete(own, HIN_STORE_RESTORINGS, old.id, 0));
    }
    return hin_ok();
}

static HIN_RESULT change(struct hin_api_call *call, struct hin_restoring *restoring,
                         const char *action)
{
    char detail[160];
    snprintf(detail, sizeof(detail), "tenant %s, restore %s", restoring->name, restoring->guid);
    struct hin_api_change change = {
        .action = action,
        .kind_name = "backups/restores",
        .object = restoring->id,
        .detail = hin_view_from_text(detail),
        .effect = store,
        .context = restoring,
    };
    return hin_api_change(call, &change);
}

static HIN_RESULT begin(struct hin_api_call *call, struct hin_restoring *restoring)
{
    restoring->state = HIN_RESTORING_WAITING;
    HIN_TRY(change(call, restoring, "backup.restore.order"));
    return answer(call, restoring, 202);
}

HIN_RESULT hin_api_restore_agreed(struct hin_api_call *call, int64_t id)
{
    struct hin_restoring restoring;
    HIN_TRY(load(call, id, &restoring));
    if (restoring.state != HIN_RESTORING_ASKED) {
        return hin_api_fail(call, HIN_CONFLICT, "restore %lld was begun already", (long long)id);
    }
    HIN_TRY(consent(call, &restoring));
    snprintf(restoring.confirmed_by, sizeof(restoring.confirmed_by), "%s", call->who->text);
    return begin(call, &restoring);
}

/* ---- asked for ---- */

static HIN_RESULT check_destinations(struct hin_api_call *call)
{
    uint64_t count = 0;
    HIN_TRY(hin_store_count(call->tenant->store, HIN_STORE_BACKUP_STATE, &count));
    return count > 0 ? hin_ok()
                     : hin_api_fail(call, HIN_CONFLICT,
                                    "no destination is set, so no backup is known here: "
                                    "hinomi-manager destination, or hinomi-manager restore for "
                                    "backups that lie elsewhere");
}

/* One that is in the catalogue, of this tenant, and still opens. */
static HIN_RESULT check_backup(struct hin_api_call *call, const struct hin_restoring *restoring)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = HIN_STORE_DOCUMENT_BYTES};
    struct hin_store_document found;
    struct hin_backup_record record;
    if (restoring->wanted_backup == 0) {
        return hin_ok();
    }
    struct hin_result got = hin_store_get(call->tenant->store, HIN_STORE_BACKUPS,
                                          restoring->wanted_backup, &text, &found);
    if (hin_is_ok(got)) {
        got = hin_backup_record_read(found.id, found.bytes, &record);
    }
    if (!hin_is_ok(got) || record.tenant != restoring->tenant ||
        !hin_backup_record_opens(&record)) {
        return hin_api_fail(call, HIN_NOT_FOUND,
                            "backup %lld is none of tenant %s that can be restored: hinomi backup "
                            "list",
                            (long long)restoring->wanted_backup, restoring->name);
    }
    return hin_ok();
}

static HIN_RESULT read_wanted(struct hin_api_call *call, struct hin_restoring *restoring)
{
    struct hin_view place = HIN_VIEW_EMPTY;
    int64_t msec = 0;
    bool open = false;
    HIN_TRY(hin_json_opt_integer(call->body, "at", 0, INT64_MAX / 1000, &msec, &call->error));
    HIN_TRY(hin_json_opt_integer(call->body, "backupID", 1, INT64_MAX, &restoring->wanted_backup,
                                 &call->error));
    HIN_TRY(hin_json_opt_text(call->body, "destination", &place, &call->error));
    HIN_TRY(hin_view_to_text(place, restoring->wanted_place, sizeof(restoring->wanted_place)));
    restoring->wanted_usec = msec * HIN_MSEC_USEC;
    if (msec != 0 && restoring->wanted_backup != 0) {
        return hin_api_fail(call, HIN_INVALID, "give at or backupID, not both");
    }
    HIN_TRY(hin_restoring_is_open(call->tenant->store, restoring->tenant, &open));
    return open ? hin_api_fail(call, HIN_CONFLICT, "tenant %s is being restored already",
                               restoring->name)
                : hin_ok();
}

static struct hin_result ask(struct hin_api_call *call)
{
    struct hin_restoring restoring = {.state = HIN_RESTORING_ASKED,
                                      .asked_usec = hin_tenant_now_usec(call->tenant)};
    struct hin_holder_request wanted = {.action = HIN_HOLDER_RESTORE};
    struct hin_tenant_row row;
    bool alone = false;
    HIN_TRY(hin_api_own_only(call, "a tenant is restored by the key holders of the installation"));
    HIN_TRY(hin_api_holder_only(call));
    HIN_TRY(check_destinations(call));
    HIN_TRY(hin_api_named_tenant(call,
                                 "restored on the manager's host, with the manager stopped: "
                                 "hinomi-manager restore",
                                 &row));
    restoring.tenant = row.number;
    hin_copy(restoring.uuid, row.uuid, sizeof(row.uuid));
    hin_copy(restoring.name, row.name, sizeof(row.name));
    HIN_TRY(hin_uuid_new(restoring.guid));
    HIN_TRY(read_wanted(call, &restoring));
    HIN_TRY(check_backup(call, &restoring));
    snprintf(restoring.requested_by, sizeof(restoring.requested_by), "%s", call->who->text);
    HIN_TRY(consent(call, &restoring));
    HIN_TRY(change(call, &restoring, "backup.restore.ask"));
    snprintf(wanted.name, sizeof(wanted.name), "%s", restoring.name);
    wanted.number = restoring.id;
    HIN_TRY(hin_api_holder_ask(call, &wanted, &alone));
    return alone ? begin(call, &restoring) : hin_ok();
}

static const struct hin_api_action actions[] = {
    {HIN_HTTP_GET, "backups/restores", HIN_RIGHT_RECOVERY, list, NULL,
     "Restores of tenants while the manager runs, newest first.", false},
    {HIN_HTTP_POST, "backups/restores", HIN_RIGHT_KEYS, ask, &order_model,
     "For key holders: put a tenant back out of a backup, in place of what it holds, which goes "
     "into the backups first; begun, or noted for another holder to confirm (202).",
     false},
    {HIN_HTTP_GET, "backups/restores/{id}", HIN_RIGHT_RECOVERY, show, NULL, "How far a restore is.",
     false},
};
const struct hin_api_module hin_api_module_restores = {NULL, actions, HIN_COUNT(actions)};
