#include "manager/backup/records.h"

#include <stdio.h>
#include <string.h>

#include "base/bytes.h"

enum { TEXT_MAX = 65536 };

/* Members that are numbers, of one struct; the same table reads and writes. */
struct number {
    const char *name;
    size_t offset;
};

static HIN_RESULT read_numbers(struct hin_json object, const struct number *numbers, size_t count,
                               void *to)
{
    for (size_t i = 0; i < count; i++) {
        int64_t *number = (int64_t *)(void *)((char *)to + numbers[i].offset);
        HIN_TRY(hin_json_opt_integer(object, numbers[i].name, INT64_MIN, INT64_MAX, number, NULL));
    }
    return hin_ok();
}

static void write_numbers(struct hin_json_writer *writer, const struct number *numbers,
                          size_t count, const void *from)
{
    for (size_t i = 0; i < count; i++) {
        const int64_t *number =
            (const int64_t *)(const void *)((const char *)from + numbers[i].offset);
        hin_json_field_integer(writer, numbers[i].name, *number);
    }
}

static HIN_RESULT read_name(struct hin_json object, const char *member, const char *const *names,
                            size_t count, unsigned *ret_at)
{
    struct hin_view name;
    HIN_TRY(hin_json_get_text(object, member, &name, NULL));
    for (unsigned i = 0; i < count; i++) {
        if (names[i] != NULL && hin_view_is(name, names[i])) {
            *ret_at = i;
            return hin_ok();
        }
    }
    return hin_fail(HIN_CORRUPT);
}

static HIN_RESULT read_text(struct hin_json object, const char *member, char *out, size_t out_bytes)
{
    struct hin_view text = HIN_VIEW_EMPTY;
    HIN_TRY(hin_json_opt_text(object, member, &text, NULL));
    return hin_view_to_text(text, out, out_bytes);
}

/* --- the catalogue --- */

static const char *const place_names[] = {
    [HIN_BACKUP_ABSENT] = "absent",   [HIN_BACKUP_THERE] = "there",
    [HIN_BACKUP_FAILED] = "failed",   [HIN_BACKUP_LEFT] = "left",
    [HIN_BACKUP_REMOVED] = "removed", [HIN_BACKUP_OWED] = "owed"};
static const char *const state_names[] = {[HIN_BACKUP_RUNNING] = "running",
                                          [HIN_BACKUP_DONE] = "done",
                                          [HIN_BACKUP_FAILED_ALL] = "failed",
                                          [HIN_BACKUP_DESTROYED] = "destroyed"};

static const struct number place_numbers[] = {
    {"writtenBytes", offsetof(struct hin_backup_place, written_bytes)},
    {"bytes", offsetof(struct hin_backup_place, all_bytes)},
    {"objects", offsetof(struct hin_backup_place, objects)},
    {"verified", offsetof(struct hin_backup_place, verified_usec)},
    {"damaged", offsetof(struct hin_backup_place, damaged)},
    {"shipped", offsetof(struct hin_backup_place, shipped_usec)},
    {"sequence", offsetof(struct hin_backup_place, sequence)},
};
static const struct number record_numbers[] = {
    {"tenantID", offsetof(struct hin_backup_record, tenant)},
    {"begun", offsetof(struct hin_backup_record, begun_usec)},
    {"ended", offsetof(struct hin_backup_record, ended_usec)},
    {"destroyed", offsetof(struct hin_backup_record, destroyed_usec)},
    {"keyVersion", offsetof(struct hin_backup_record, version)},
    {"lastEventID", offsetof(struct hin_backup_record, last_event)},
    {"lastAuditID", offsetof(struct hin_backup_record, last_audit)},
    {"segments", offsetof(struct hin_backup_record, segments)},
    {"erasureID", offsetof(struct hin_backup_record, erasure)},
    {"triedID", offsetof(struct hin_backup_record, tried)},
    {"formerID", offsetof(struct hin_backup_record, former)},
    {"resealedID", offsetof(struct hin_backup_record, resealed)},
};

const char *hin_backup_state_name(enum hin_backup_state state)
{
    bool known = state > 0 && state < HIN_COUNT(state_names);
    return known ? state_names[state] : "unknown";
}

const char *hin_backup_place_name(enum hin_backup_place_state state)
{
    return state < HIN_COUNT(place_names) ? place_names[state] : "unknown";
}

struct hin_backup_place *hin_backup_place_of(struct hin_backup_record *record, const char *name)
{
    for (size_t i = 0; i < record->place_count; i++) {
        if (strcmp(record->places[i].name, name) == 0) {
            return &record->places[i];
        }
    }
    if (record->place_count == HIN_COUNT(record->places)) {
        return NULL;
    }
    struct hin_backup_place *added = &record->places[record->place_count++];
    *added = (struct hin_backup_place){0};
    snprintf(added->name, sizeof(added->name), "%s", name);
    return added;
}

static HIN_RESULT read_place(struct hin_json item, struct hin_backup_place *place)
{
    unsigned state = 0;
    HIN_TRY(read_text(item, "name", place->name, sizeof(place->name)));
    HIN_TRY(read_name(item, "state", place_names, HIN_COUNT(place_names), &state));
    HIN_TRY(read_text(item, "error", place->error, sizeof(place->error)));
    place->state = (enum hin_backup_place_state)state;
    return read_numbers(item, place_numbers, HIN_COUNT(place_numbers), place);
}

static HIN_RESULT read_record(struct hin_json root, struct hin_backup_record *record)
{
    struct hin_json places;
    unsigned state = 0;
    HIN_TRY(read_text(root, "tenant", record->uuid, sizeof(record->uuid)));
    HIN_TRY(read_name(root, "state", state_names, HIN_COUNT(state_names), &state));
    HIN_TRY(hin_json_opt_boolean(root, "asked", &record->asked, NULL));
    HIN_TRY(hin_json_opt_boolean(root, "settled", &record->settled, NULL));
    HIN_TRY(read_numbers(root, record_numbers, HIN_COUNT(record_numbers), record));
    HIN_TRY(hin_json_get_array(root, "destinations", &places, &record->place_count, NULL));
    HIN_ENSURE(record->place_count <= HIN_COUNT(record->places), CORRUPT);
    for (size_t i = 0; i < record->place_count; i++) {
        HIN_TRY(read_place(hin_json_at(places, i), &record->places[i]));
    }
    record->state = (enum hin_backup_state)state;
    return hin_ok();
}

HIN_RESULT hin_backup_record_read(int64_t id, struct hin_view text,
                                  struct hin_backup_record *ret_record)
{
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    struct hin_backup_record record = {.id = id};
    HIN_TRY(hin_json_parse(text, TEXT_MAX, &document, NULL));
    HIN_TRY(read_record(hin_json_root(document), &record));
    *ret_record = record;
    return hin_ok();
}

static void write_place(struct hin_json_writer *writer, const struct hin_backup_place *place)
{
    hin_json_begin_object(writer);
    hin_json_field_cstring(writer, "name", place->name);
    hin_json_field_cstring(writer, "state", hin_backup_place_name(place->state));
    write_numbers(writer, place_numbers, HIN_COUNT(place_numbers), place);
    hin_json_field_cstring(writer, "error", place->error);
    hin_json_end_object(writer);
}

HIN_RESULT hin_backup_record_write(struct hin_store *store, struct hin_backup_record *record,
                                   int64_t now_usec)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = TEXT_MAX};
    struct hin_json_writer writer;
    hin_json_writer_init(&writer, &text, false);
    hin_json_begin_object(&writer);
    hin_json_field_cstring(&writer, "tenant", record->uuid);
    hin_json_field_cstring(&writer, "state", hin_backup_state_name(record->state));
    hin_json_field_boolean(&writer, "asked", record->asked);
    hin_json_field_boolean(&writer, "settled", record->settled);
    write_numbers(&writer, record_numbers, HIN_COUNT(record_numbers), record);
    hin_json_key(&writer, "destinations");
    hin_json_begin_array(&writer);
    for (size_t i = 0; i < record->place_count; i++) {
        write_place(&writer, &record->places[i]);
    }
    hin_json_end_array(&writer);
    hin_json_end_object(&writer);
    HIN_TRY(hin_json_writer_finish(&writer));
    struct hin_store_content content = {.bytes = hin_buf_view(&text), .owner = record->tenant};
    if (record->settled) {
        content.owner = -1 - record->tenant;
        content.expires_usec = record->destroyed_usec;
        content.expires_usec += record->resealed > 0 ? 0 : HIN_BACKUP_SHOWN_USEC;
    }
    return hin_store_put(store, HIN_STORE_BACKUPS, &content, now_usec, &record->id);
}

/* The owner is the tenant's number, or -1 - number of one that is settled. */
HIN_RESULT hin_backup_records_list(
    struct hin_store *own, int64_t number, enum hin_backup_records which,
    HIN_RESULT (*visit)(void *context, const struct hin_store_document *document),
    HIN_RESULT (*damaged)(void *context, const struct hin_store_document *document), void *context,
    struct hin_store_listed *ret_listed)
{
    const struct hin_store_owners living = {HIN_MAX(number, 0), number < 0 ? INT64_MAX : number};
    const struct hin_store_owners settled = {-1 - living.most, -1 - living.least};
    struct hin_store_page page = {.owners = &living, .damaged = damaged};
    struct hin_store_listed listed, more = {0};
    HIN_TRY(hin_store_list(own, HIN_STORE_BACKUPS, &page, visit, context, &listed));
    if (which == HIN_BACKUP_RECORDS_ALL) {
        page.owners = &settled;
        HIN_TRY(hin_store_list(own, HIN_STORE_BACKUPS, &page, visit, context, &more));
    }
    listed.visited += more.visited;
    listed.damaged += more.damaged;
    *ret_listed = listed;
    return hin_ok();
}

HIN_RESULT hin_backup_records_forget(struct hin_store *own, int64_t now_usec)
{
    uint64_t count = 0;
    return hin_store_expire(own, HIN_STORE_BACKUPS, now_usec, &count);
}

/* --- orders --- */

static const char *const task_names[] = {
    [HIN_BACKUP_TASK_BACKUP] = "backup", [HIN_BACKUP_TASK_VERIFY] = "verify",
    [HIN_BACKUP_TASK_RENEW] = "renew",   [HIN_BACKUP_TASK_REHEARSE] = "rehearse",
    [HIN_BACKUP_TASK_RESEAL] = "reseal", [HIN_BACKUP_TASK_FORGET] = "forget"};
static const char *const order_states[] = {[HIN_BACKUP_ORDER_WAITING] = "waiting",
                                           [HIN_BACKUP_ORDER_RUNNING] = "running",
                                           [HIN_BACKUP_ORDER_DONE] = "done",
                                           [HIN_BACKUP_ORDER_FAILED] = "failed"};
static const struct number order_numbers[] = {
    {"tenantID", offsetof(struct hin_backup_order, tenant)},
    {"backupID", offsetof(struct hin_backup_order, backup)},
    {"asked", offsetof(struct hin_backup_order, asked_usec)},
    {"ended", offsetof(struct hin_backup_order, ended_usec)},
    {"objects", offsetof(struct hin_backup_order, objects)},
    {"bytes", offsetof(struct hin_backup_order, bytes)},
    {"objectsAll", offsetof(struct hin_backup_order, objects_all)},
    {"tenants", offsetof(struct hin_backup_order, tenants)},
    {"failures", offsetof(struct hin_backup_order, failures)},
};

HIN_RESULT hin_backup_order_read(int64_t id, struct hin_view text,
                                 struct hin_backup_order *ret_order)
{
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    struct hin_backup_order order = {.id = id};
    unsigned task = 0, state = 0;
    HIN_TRY(hin_json_parse(text, TEXT_MAX, &document, NULL));
    struct hin_json root = hin_json_root(document);
    HIN_TRY(read_name(root, "task", task_names, HIN_COUNT(task_names), &task));
    HIN_TRY(read_name(root, "state", order_states, HIN_COUNT(order_states), &state));
    HIN_TRY(read_text(root, "by", order.by, sizeof(order.by)));
    HIN_TRY(read_text(root, "text", order.text, sizeof(order.text)));
    HIN_TRY(read_numbers(root, order_numbers, HIN_COUNT(order_numbers), &order));
    order.task = (enum hin_backup_task)task;
    order.state = (enum hin_backup_order_state)state;
    *ret_order = order;
    return hin_ok();
}

HIN_RESULT hin_backup_order_write(struct hin_store *store, struct hin_backup_order *order,
                                  int64_t now_usec)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = TEXT_MAX};
    struct hin_json_writer writer;
    hin_json_writer_init(&writer, &text, false);
    hin_json_begin_object(&writer);
    hin_json_field_cstring(&writer, "task", task_names[order->task]);
    hin_json_field_cstring(&writer, "state", order_states[order->state]);
    hin_json_field_cstring(&writer, "by", order->by);
    hin_json_field_cstring(&writer, "text", order->text);
    write_numbers(&writer, order_numbers, HIN_COUNT(order_numbers), order);
    hin_json_end_object(&writer);
    HIN_TRY(hin_json_writer_finish(&writer));
    struct hin_store_content content = {.bytes = hin_buf_view(&text), .owner = order->state};
    return hin_store_put(store, HIN_STORE_BACKUP_ORDERS, &content, now_usec, &order->id);
}

const char *hin_backup_task_name(enum hin_backup_task task)
{
    return task > 0 && task < HIN_BACKUP_TASK_COUNT ? task_names[task] : "unknown";
}

/* ---- after an erasure ---- */

struct renewing {
    enum hin_backup_task task;
    int64_t number, before_usec, now_usec, rest_usec;
    bool former, left; /* one from before stands; its remains do */
    bool running;      /* an order for it waits, or is being carried out */
    bool failed;       /* one has failed just now */
    int64_t erasure;   /* of a person; 0: of more than that */
    struct hin_backup_resealed_state *state;
};

/* Each name once. */
static void add_place(char *names, size_t size, const char *name)
{
    char found[HIN_BACKUP_NAME_MAX + 4], all[200];
    snprintf(found, sizeof(found), ", %s,", name);
    snprintf(all, sizeof(all), ", %s,", names);
    if (strstr(all, found) == NULL) {
        size_t end = strlen(names);
        snprintf(names + end, size - end, "%s%s", end > 0 ? ", " : "", name);
    }
}

static void add_places(const struct hin_backup_record *record, enum hin_backup_place_state state,
                       char *names, size_t size)
{
    for (size_t i = 0; i < record->place_count; i++) {
        if (record->places[i].state == state) {
            add_place(names, size, record->places[i].name);
        }
    }
}

/* One that was sealed anew, could not be, or is to be. */
static void judge_living(struct renewing *renewing, const struct hin_backup_record *record)
{
    struct hin_backup_resealed_state *state = renewing->state;
    if (renewing->erasure == 0 || record->state == HIN_BACKUP_RUNNING) {
        renewing->former = true;
    } else if (record->version == HIN_BACKUP_FORMER) {
        state->former++;
    } else if (record->erasure >= renewing->erasure) {
        state->resealed++;
        add_places(record, HIN_BACKUP_OWED, state->owing, sizeof(state->owing));
    } else if (record->tried >= renewing->erasure) {
        state->pending++;
        state->pending_begun_usec = HIN_MAX(state->pending_begun_usec, record->begun_usec);
        add_places(record, HIN_BACKUP_THERE, state->pending_at, sizeof(state->pending_at));
    } else {
        renewing->former = true;
    }
}

static HIN_RESULT judge_record(void *context, const struct hin_store_document *document)
{
    struct renewing *renewing = context;
    struct hin_backup_record record;
    HIN_TRY(hin_backup_record_read(document->id, document->bytes, &record));
    if (record.tenant != renewing->number ||
        !hin_backup_is_before(&record, renewing->before_usec, renewing->now_usec)) {
        return hin_ok();
    }
    if (record.state == HIN_BACKUP_RUNNING || record.state == HIN_BACKUP_DONE) {
        judge_living(renewing, &record);
    }
    for (size_t i = 0; i < record.place_count; i++) {
        renewing->left |= record.places[i].state == HIN_BACKUP_LEFT;
    }
    if (renewing->erasure > 0) {
        add_places(&record, HIN_BACKUP_LEFT, renewing->state->owing,
                   sizeof(renewing->state->owing));
    }
    return hin_ok();
}

static HIN_RESULT judge_order(void *context, const struct hin_store_document *document)
{
    struct renewing *renewing = context;
    struct hin_backup_order order;
    HIN_TRY(hin_backup_order_read(document->id, document->bytes, &order));
    if (order.task == renewing->task && order.tenant == renewing->number) {
        renewing->running |= order.state <= HIN_BACKUP_ORDER_RUNNING;
        renewing->failed |= order.state == HIN_BACKUP_ORDER_FAILED &&
                            order.ended_usec + renewing->rest_usec > renewing->now_usec;
    }
    return hin_ok();
}

/* Keys go first, what lies there then: with the order that is carried out. */
static HIN_RESULT judge_all(struct hin_store *own, struct renewing *renewing)
{
    struct hin_store_page all = {0};
    struct hin_store_listed listed;
    HIN_TRY(hin_backup_records_list(own, renewing->number, HIN_BACKUP_RECORDS_LIVING, judge_record,
                                    NULL, renewing, &listed));
    HIN_ENSURE(listed.damaged == 0, CORRUPT); /* it might be one */
    HIN_TRY(hin_store_list(own, HIN_STORE_BACKUP_ORDERS, &all, judge_order, renewing, &listed));
    if (!renewing->former || renewing->running || renewing->failed) {
        return hin_ok();
    }
    struct hin_backup_order order = {.task = renewing->task,
                                     .state = HIN_BACKUP_ORDER_WAITING,
                                     .tenant = renewing->number,
                                     .asked_usec = renewing->now_usec,
                                     .by = "jobs"};
    return hin_backup_order_write(own, &order, renewing->now_usec);
}

HIN_RESULT hin_backup_renewed(struct hin_store *own, int64_t number, int64_t before_usec,
                              int64_t now_usec, int64_t rest_usec, bool *ret_renewed,
                              bool *ret_left)
{
    struct renewing renewing = {.task = HIN_BACKUP_TASK_RENEW,
                                .number = number,
                                .before_usec = before_usec,
                                .now_usec = now_usec,
                                .rest_usec = rest_usec};
    HIN_TRY(judge_all(own, &renewing));
    *ret_renewed = !renewing.former && !renewing.running;
    *ret_left = renewing.left;
    return hin_ok();
}

HIN_RESULT hin_backup_persons_resealed(struct hin_store *own, int64_t number, int64_t erasure,
                                       int64_t before_usec, int64_t now_usec, int64_t rest_usec,
                                       struct hin_backup_resealed_state *ret_state)
{
    struct hin_backup_resealed_state state = {0};
    struct renewing renewing = {.task = HIN_BACKUP_TASK_RESEAL,
                                .number = number,
                                .before_usec = before_usec,
                                .now_usec = now_usec,
                                .rest_usec = rest_usec,
                                .erasure = erasure,
                                .state = &state};
    HIN_TRY(judge_all(own, &renewing));
    state.done = !renewing.former && !renewing.running;
    *ret_state = state;
    return hin_ok();
}
