/* Backups: the catalogue, destinations, and orders to the process `backup`, which looks for them in
 * the installation's own store. A worker holds no key of a backup and reaches no destination. */
#include <stdio.h>

#include "base/bytes.h"
#include "manager/backup/records.h"
#include "manager/worker/api/modules.h"

enum { OUT_MAX = 16 << 20, ORDERS_KEPT = 200 };

static const struct hin_api_attribute order_rows[] = {
    {"task", HIN_API_CHOICE, HIN_API_REQUIRED, HIN_DATA_PLAIN, 0, 0,
     "backup|verify|rehearse|forget", NULL,
     "What is to be done: a backup now, or the newest one read back, or restored into a scratch "
     "place and compared; or an entry of the catalogue that cannot be read, and that nothing at a "
     "destination could mend, is dropped."},
    {"backupID", HIN_API_INT, 0, HIN_DATA_PLAIN, 1, INT64_MAX, NULL, NULL,
     "The entry that is to be dropped."},
    {"tenantID", HIN_API_INT, 0, HIN_DATA_PLAIN, 0, INT64_MAX, NULL, NULL,
     "Of this tenant alone; 0 is the installation's own. All unless given."},
};
static const struct hin_api_attributes order_model = HIN_API_TABLE("BackupOrder", order_rows);

/* ---- the catalogue ---- */

static void write_place(struct hin_json_writer *writer, const struct hin_backup_place *place)
{
    hin_json_begin_object(writer);
    hin_json_field_cstring(writer, "name", place->name);
    hin_json_field_cstring(writer, "state", hin_backup_place_name(place->state));
    hin_json_field_integer(writer, "objects", place->objects);
    hin_json_field_integer(writer, "bytes", place->all_bytes);
    hin_json_field_integer(writer, "writtenBytes", place->written_bytes);
    hin_api_put_time(writer, "verified", place->verified_usec);
    hin_json_field_integer(writer, "damaged", place->damaged);
    hin_json_field_cstring(writer, "error", place->error);
    hin_json_end_object(writer);
}

struct listing {
    struct hin_json_writer writer;
    int64_t tenant; /* 0: all */
};

/* What stands beside the content. */
static struct hin_result write_damaged(void *context, const struct hin_store_document *document)
{
    struct listing *listing = context;
    struct hin_json_writer *writer = &listing->writer;
    int64_t tenant = hin_backup_owner_tenant(document->owner);
    char error[200];
    if (listing->tenant > 0 && tenant != listing->tenant) {
        return hin_ok();
    }
    snprintf(error, sizeof(error),
             "this entry of the catalogue is damaged: hinomi backup verify mends it from what lies "
             "at the destinations; if it cannot, hinomi backup forget %lld",
             (long long)document->id);
    hin_json_begin_object(writer);
    hin_json_field_integer(writer, "ID", document->id);
    hin_json_field_integer(writer, "tenantID", tenant);
    hin_json_field_cstring(writer, "state", "damaged");
    hin_api_put_time(writer, "begun", document->created_usec);
    hin_json_field_cstring(writer, "error", error);
    hin_json_key(writer, "destinations");
    hin_json_begin_array(writer);
    hin_json_end_array(writer);
    hin_json_end_object(writer);
    return hin_ok();
}

static struct hin_result write_record(void *context, const struct hin_store_document *document)
{
    struct listing *listing = context;
    struct hin_json_writer *writer = &listing->writer;
    struct hin_backup_record record;
    if (!hin_is_ok(hin_backup_record_read(document->id, document->bytes, &record))) {
        return write_damaged(context, document);
    }
    if (listing->tenant > 0 && record.tenant != listing->tenant) {
        return hin_ok();
    }
    hin_json_begin_object(writer);
    hin_json_field_integer(writer, "ID", record.id);
    hin_json_field_integer(writer, "tenantID", record.tenant);
    hin_json_field_cstring(writer, "tenant", record.uuid);
    hin_json_field_cstring(writer, "state", hin_backup_state_name(record.state));
    hin_json_field_boolean(writer, "former", record.version == HIN_BACKUP_FORMER);
    hin_json_field_boolean(writer, "asked", record.asked);
    hin_api_put_time(writer, "begun", record.begun_usec);
    hin_api_put_time(writer, "ended", record.ended_usec);
    hin_api_put_time(writer, "destroyed", record.destroyed_usec);
    hin_json_field_integer(writer, "lastEventID", record.last_event);
    hin_json_field_integer(writer, "lastAuditID", record.last_audit);
    hin_json_field_integer(writer, "segments", record.segments);
    hin_json_key(writer, "destinations");
    hin_json_begin_array(writer);
    for (size_t i = 0; i < record.place_count; i++) {
        write_place(writer, &record.places[i]);
    }
    hin_json_end_array(writer);
    hin_json_end_object(writer);
    return hin_ok();
}

static struct hin_result list(struct hin_api_call *call)
{
    static const char *const known[] = {"tenant"};
    struct listing listing = {.tenant = 0};
    struct hin_json_writer *writer = &listing.writer;
    struct hin_store_page all = {.damaged = write_damaged};
    struct hin_store_listed listed;
    HIN_TRY(hin_api_own_only(call, "backups are the installation's"));
    HIN_TRY(hin_api_query_known(call, known, HIN_COUNT(known)));
    HIN_TRY(hin_api_query_integer(call, "tenant", 1, INT64_MAX, &listing.tenant));
    call->out->max = HIN_MAX(call->out->max, (size_t)OUT_MAX);
    hin_json_writer_init(writer, call->out, false);
    hin_json_begin_object(writer);
    hin_json_key(writer, "backups");
    hin_json_begin_array(writer);
    HIN_TRY(hin_store_list(call->tenant->store, HIN_STORE_BACKUPS, &all, write_record, &listing,
                           &listed));
    hin_json_end_array(writer);
    hin_json_end_object(writer);
    return hin_json_writer_finish(writer);
}

/* ---- destinations, as the process `backup` wrote them down last ---- */

static struct hin_result copy_document(void *context, const struct hin_store_document *document)
{
    struct hin_buf *buf = context;
    hin_buf_clear(buf);
    return hin_buf_append(buf, document->bytes);
}

static struct hin_result destinations(struct hin_api_call *call)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf state = {.max = HIN_STORE_DOCUMENT_BYTES};
    struct hin_store_page all = {0};
    struct hin_store_listed listed;
    HIN_TRY(hin_api_own_only(call, "backups are the installation's"));
    HIN_TRY(hin_store_list(call->tenant->store, HIN_STORE_BACKUP_STATE, &all, copy_document, &state,
                           &listed));
    if (state.size == 0) {
        return hin_buf_append_text(call->out, "{\"destinations\":[]}");
    }
    return hin_buf_append(call->out, hin_buf_view(&state));
}

/* ---- orders ---- */

static HIN_RESULT write_order(struct hin_api_call *call, const struct hin_backup_order *order)
{
    static const char *const states[] = {[HIN_BACKUP_ORDER_WAITING] = "waiting",
                                         [HIN_BACKUP_ORDER_RUNNING] = "running",
                                         [HIN_BACKUP_ORDER_DONE] = "done",
                                         [HIN_BACKUP_ORDER_FAILED] = "failed"};
    struct hin_json_writer writer;
    hin_json_writer_init(&writer, call->out, false);
    hin_json_begin_object(&writer);
    hin_json_field_integer(&writer, "ID", order->id);
    hin_json_field_cstring(&writer, "state", states[order->state]);
    hin_json_field_cstring(&writer, "task", hin_backup_task_name(order->task));
    hin_json_field_cstring(&writer, "by", order->by);
    hin_json_field_cstring(&writer, "text", order->text);
    hin_json_field_integer(&writer, "tenantID", order->tenant);
    if (order->backup > 0) {
        hin_json_field_integer(&writer, "backupID", order->backup);
    }
    hin_api_put_time(&writer, "asked", order->asked_usec);
    hin_api_put_time(&writer, "ended", order->ended_usec);
    hin_json_field_integer(&writer, "objects", order->objects);
    hin_json_field_integer(&writer, "objectsAll", order->objects_all);
    hin_json_field_integer(&writer, "bytes", order->bytes);
    hin_json_field_integer(&writer, "tenants", order->tenants);
    hin_json_field_integer(&writer, "failures", order->failures);
    hin_json_end_object(&writer);
    return hin_json_writer_finish(&writer);
}

static struct hin_result show_order(struct hin_api_call *call)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = HIN_STORE_DOCUMENT_BYTES};
    struct hin_store_document document;
    struct hin_backup_order order;
    HIN_TRY(hin_api_own_only(call, "backups are the installation's"));
    struct hin_result got =
        hin_store_get(call->tenant->store, HIN_STORE_BACKUP_ORDERS, call->id, &text, &document);
    if (got.code == HIN_NOT_FOUND) {
        return hin_api_fail(call, HIN_NOT_FOUND, "there is no order with ID %lld",
                            (long long)call->id);
    }
    HIN_TRY(got);
    HIN_TRY(hin_backup_order_read(document.id, document.bytes, &order));
    return write_order(call, &order);
}

/* Those that were carried out long ago are forgotten. */
static struct hin_result store_order(struct hin_api_call *call, void *context, int64_t *object)
{
    struct hin_backup_order *order = context;
    struct hin_store *store = call->tenant->store;
    HIN_TRY(hin_backup_order_write(store, order, order->asked_usec));
    *object = order->id;
    if (order->id > ORDERS_KEPT) {
        HIN_IGNORE(hin_store_delete(store, HIN_STORE_BACKUP_ORDERS, order->id - ORDERS_KEPT, 0));
    }
    return hin_ok();
}

static HIN_RESULT check_destinations(struct hin_api_call *call)
{
    uint64_t count = 0;
    HIN_TRY(hin_store_count(call->tenant->store, HIN_STORE_BACKUP_STATE, &count));
    return count > 0 ? hin_ok()
                     : hin_api_fail(call, HIN_CONFLICT,
                                    "no destination is set: hinomi-manager destination --add NAME "
                                    "--url file:///FOLDER, then restart the manager");
}

static enum hin_backup_task task_of(struct hin_view name)
{
    return hin_view_is(name, "backup")     ? HIN_BACKUP_TASK_BACKUP
           : hin_view_is(name, "rehearse") ? HIN_BACKUP_TASK_REHEARSE
           : hin_view_is(name, "forget")   ? HIN_BACKUP_TASK_FORGET
                                           : HIN_BACKUP_TASK_VERIFY;
}

static HIN_RESULT check_forgotten(struct hin_api_call *call, const struct hin_backup_order *order)
{
    if ((order->task == HIN_BACKUP_TASK_FORGET) != (order->backup > 0) ||
        (order->backup > 0 && order->tenant >= 0)) {
        return hin_api_fail(call, HIN_INVALID,
                            "backupID goes with the task forget alone, and without tenantID");
    }
    return hin_ok();
}

static struct hin_result order(struct hin_api_call *call)
{
    struct hin_backup_order order = {.state = HIN_BACKUP_ORDER_WAITING,
                                     .tenant = -1,
                                     .asked_usec = hin_tenant_now_usec(call->tenant)};
    struct hin_view task;
    HIN_TRY(hin_api_own_only(call, "backups are the installation's"));
    HIN_TRY(check_destinations(call));
    HIN_TRY(hin_json_get_text(call->body, "task", &task, &call->error));
    HIN_TRY(
        hin_json_opt_integer(call->body, "tenantID", 0, INT64_MAX, &order.tenant, &call->error));
    HIN_TRY(
        hin_json_opt_integer(call->body, "backupID", 1, INT64_MAX, &order.backup, &call->error));
    order.task = task_of(task);
    HIN_TRY(check_forgotten(call, &order));
    snprintf(order.by, sizeof(order.by), "%s", call->who->text);
    struct hin_api_change change = {
        .action = "backup.order",
        .kind_name = "backups/orders",
        .detail = task,
        .effect = store_order,
        .context = &order,
    };
    HIN_TRY(hin_api_change(call, &change));
    call->status = 202;
    return write_order(call, &order);
}

static const struct hin_api_action actions[] = {
    {HIN_HTTP_GET, "backups", HIN_RIGHT_TENANTS, list, NULL,
     "Every backup of every tenant, at each destination.", false},
    {HIN_HTTP_GET, "backups/destinations", HIN_RIGHT_TENANTS, destinations, NULL,
     "Where backups go, and whether that can be reached.", false},
    {HIN_HTTP_POST, "backups/orders", HIN_RIGHT_TENANTS, order, &order_model,
     "Have a backup made now, the newest one read back or restored and compared, or a damaged "
     "entry of the catalogue dropped.",
     false},
    {HIN_HTTP_GET, "backups/orders/{id}", HIN_RIGHT_TENANTS, show_order, NULL,
     "How far an order is.", false},
};
const struct hin_api_module hin_api_module_backups = {NULL, actions, HIN_COUNT(actions)};
