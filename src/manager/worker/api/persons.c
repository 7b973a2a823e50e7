/* One person's data: what there is, and all of it. Events in pages, resources at once, the audit
 * record in pages; a client asks until none is left. Values come in bodies, never in a URL, and
 * stand in no audit entry: only the names of the fields do. */
#include "manager/worker/api/persons.h"
#include "base/bytes.h"
#include "event/codec.h"
#include "event/write.h"
#include "manager/holders.h"
#include "manager/person.h"
#include "manager/worker/api/modules.h"
#include "manager/worker/api/reads.h"
#include "manager/worker/api/tables.h"
#include "manager/worker/ingest/ingest.h"
#include "store/audit.h"
#include "store/events.h"

enum {
    SEGMENTS_MAX = 256, /* looked into for one answer: the rest is asked for anew */
    EVENTS_MAX = 1000,  /* in one answer of an export */
    ENTRIES_MAX = 5000, /* of the audit record, looked at for one answer */
    GROUPS_MAX = 256,   /* computers, and classes, that are told apart in one answer */
    OUT_MAX = 16 << 20, /* an answer ends behind the object that reaches it */
    ARENA_MAX = 16 << 20,
};

struct asked {
    struct hin_person person;
    struct hin_store_filter filter;
    struct hin_view fields; /* names, for the audit record */
    int64_t after;
};

static HIN_RESULT name_fields(struct hin_api_call *call, const struct asked *asked,
                              struct hin_view *ret_fields)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = 1024};
    struct hin_json_writer writer;
    hin_json_writer_init(&writer, &text, false);
    hin_json_begin_array(&writer);
    for (size_t i = 0; i < asked->person.count; i++) {
        hin_json_put_cstring(&writer, asked->person.items[i].field->name);
    }
    if (asked->filter.since_usec != 0 || asked->filter.until_usec != 0) {
        hin_json_put_cstring(&writer, "time");
    }
    hin_json_end_array(&writer);
    HIN_TRY(hin_json_writer_finish(&writer));
    return hin_arena_copy(call->arena, hin_buf_view(&text), ret_fields);
}

static HIN_RESULT read_time(struct hin_api_call *call, const char *name, int64_t *usec)
{
    int64_t msec = 0;
    HIN_TRY(
        hin_json_opt_integer(call->body, name, 0, INT64_MAX / HIN_MSEC_USEC, &msec, &call->error));
    *usec = msec * HIN_MSEC_USEC;
    return hin_ok();
}

static HIN_RESULT read_asked(struct hin_api_call *call, struct asked **ret_asked)
{
    struct asked *asked = NULL;
    struct hin_json where;
    size_t count = 0;
    HIN_TRY(HIN_ARENA_NEW(call->arena, &asked));
    HIN_TRY(hin_json_get_array(call->body, "where", &where, &count, &call->error));
    HIN_TRY(hin_person_read(where, call->arena, &asked->person, &call->error));
    HIN_TRY(read_time(call, "since", &asked->filter.since_usec));
    HIN_TRY(read_time(call, "until", &asked->filter.until_usec));
    HIN_TRY(
        hin_json_opt_integer(call->body, "after", 0, INT64_MAX - 1, &asked->after, &call->error));
    asked->filter.after_id = asked->after;
    asked->filter.terms = asked->person.terms;
    asked->filter.term_count = asked->person.term_count;
    HIN_TRY(name_fields(call, asked, &asked->fields));
    *ret_asked = asked;
    return hin_ok();
}

/* ---- events, counted ---- */

struct group {
    int64_t number;
    struct hin_view name;
    uint64_t count;
};

struct finding {
    struct hin_api_call *call;
    const struct hin_person *person;
    struct hin_arena arena; /* of one event */
    uint64_t count, segments;
    int64_t first_usec, last_usec;
    struct group computers[GROUPS_MAX], classes[GROUPS_MAX];
    size_t computer_count, class_count;
    uint64_t computers_others, classes_others; /* events of those that found no room */
};

static HIN_RESULT add_to_group(struct finding *finding, struct group *groups, size_t *count,
                               int64_t number, struct hin_view name, uint64_t *others)
{
    for (size_t i = *count; i > 0; i--) { /* the last one met is the likeliest */
        if (groups[i - 1].number == number) {
            groups[i - 1].count++;
            return hin_ok();
        }
    }
    if (*count == GROUPS_MAX) {
        *others += 1;
        return hin_ok();
    }
    groups[*count] = (struct group){.number = number, .count = 1};
    HIN_TRY(hin_arena_copy(finding->call->arena, name, &groups[*count].name));
    *count += 1;
    return hin_ok();
}

static struct hin_result count_event(void *context, const struct hin_store_event *stored)
{
    struct finding *finding = context;
    struct hin_event event;
    hin_arena_reset(&finding->arena);
    HIN_TRY(hin_event_decode(stored->bytes, &finding->arena, &event));
    if (!hin_person_selects(finding->person, &event, &finding->arena)) {
        return hin_ok();
    }
    bool first = finding->count++ == 0;
    finding->first_usec =
        first ? stored->time_usec : HIN_MIN(finding->first_usec, stored->time_usec);
    finding->last_usec = first ? stored->time_usec : HIN_MAX(finding->last_usec, stored->time_usec);
    HIN_TRY(add_to_group(finding, finding->computers, &finding->computer_count, stored->computer_id,
                         hin_event_text(&event, HIN_FIELD_COMPUTER), &finding->computers_others));
    return add_to_group(finding, finding->classes, &finding->class_count, stored->class_uid,
                        HIN_VIEW_EMPTY, &finding->classes_others);
}

/* Segment by segment, since how many hold the person is wanted. */
static HIN_RESULT count_events(struct hin_api_call *call, struct asked *asked,
                               struct finding *finding, struct hin_store_report *sum)
{
    struct hin_store_report report;
    size_t opened = 0;
    asked->filter.segments_max = 1;
    do {
        uint64_t before = finding->count;
        HIN_TRY(
            hin_store_search(call->tenant->store, &asked->filter, count_event, finding, &report));
        opened += report.segments_opened;
        finding->segments += finding->count > before;
        sum->events_damaged += report.events_damaged;
        asked->filter.after_id = report.resume_id;
    } while (report.more && opened < SEGMENTS_MAX);
    sum->more = report.more;
    sum->resume_id = report.resume_id;
    return hin_ok();
}

static void put_groups(struct hin_json_writer *writer, const char *name, const char *key,
                       const struct group *groups, size_t count, uint64_t others)
{
    hin_json_key(writer, name);
    hin_json_begin_array(writer);
    for (size_t i = 0; i < count; i++) {
        hin_json_begin_object(writer);
        hin_json_field_integer(writer, key, groups[i].number);
        if (groups[i].name.size > 0) {
            hin_json_field_text(writer, "name", groups[i].name);
        }
        hin_json_field_unsigned(writer, "count", groups[i].count);
        hin_json_end_object(writer);
    }
    if (others > 0) {
        hin_json_begin_object(writer);
        hin_json_field_unsigned(writer, "count", others);
        hin_json_end_object(writer);
    }
    hin_json_end_array(writer);
}

static void put_end(struct hin_api_call *call, struct hin_json_writer *writer,
                    const struct hin_store_report *report)
{
    if (report->events_damaged > 0) {
        hin_json_field_unsigned(writer, "damaged", report->events_damaged);
        hin_ingest_damage(call->desk->ingest, report->events_damaged);
    }
    if (report->more) {
        hin_json_field_integer(writer, "resumeID", report->resume_id);
    }
}

static HIN_RESULT answer_found(struct hin_api_call *call, const struct finding *finding,
                               const struct hin_store_report *report)
{
    struct hin_json_writer writer;
    hin_json_writer_init(&writer, call->out, false);
    hin_json_begin_object(&writer);
    hin_json_field_unsigned(&writer, "count", finding->count);
    if (finding->count > 0) {
        hin_json_field_integer(&writer, "first", finding->first_usec / HIN_MSEC_USEC);
        hin_json_field_integer(&writer, "last", finding->last_usec / HIN_MSEC_USEC);
    }
    hin_json_field_unsigned(&writer, "segments", finding->segments);
    put_groups(&writer, "computers", "computerID", finding->computers, finding->computer_count,
               finding->computers_others);
    put_groups(&writer, "classes", "class", finding->classes, finding->class_count,
               finding->classes_others);
    put_end(call, &writer, report);
    hin_json_end_object(&writer);
    return hin_json_writer_finish(&writer);
}

static struct hin_result find_events(struct hin_api_call *call)
{
    struct asked *asked = NULL;
    struct finding *finding = NULL;
    struct hin_store_report sum = {0};
    HIN_TRY(read_asked(call, &asked));
    HIN_TRY(HIN_ARENA_NEW(call->arena, &finding));
    finding->call = call;
    finding->person = &asked->person;
    HIN_TRY(hin_reads_begin(call, "person.find", "events", 0, asked->fields));
    hin_arena_init(&finding->arena, ARENA_MAX);
    struct hin_result counted = count_events(call, asked, finding, &sum);
    hin_arena_done(&finding->arena);
    HIN_TRY(counted);
    HIN_TRY(hin_reads_count(call, finding->count));
    return answer_found(call, finding, &sum);
}

/* ---- events, given out ---- */

struct giving {
    const struct hin_person *person;
    struct hin_arena arena;
    struct hin_buf text;
    struct hin_buf *out;
    struct hin_json_writer writer;
    size_t count;
};

static struct hin_result give_event(void *context, const struct hin_store_event *stored)
{
    struct giving *giving = context;
    struct hin_write_options options = {.id = stored->id, .facility = 16};
    struct hin_event event;
    hin_arena_reset(&giving->arena);
    hin_buf_clear(&giving->text);
    HIN_TRY(hin_event_decode(stored->bytes, &giving->arena, &event));
    if (!hin_person_selects(giving->person, &event, &giving->arena)) {
        return hin_ok();
    }
    HIN_TRY(hin_event_write_ocsf(&event, &options, &giving->text));
    hin_json_put_raw(&giving->writer, hin_buf_view(&giving->text));
    giving->count++;
    return giving->count < EVENTS_MAX && giving->out->size < OUT_MAX ? hin_ok()
                                                                     : hin_fail(HIN_EXISTS);
}

/* Both a read of personal data and an export, and so two entries. */
static HIN_RESULT begin_export(struct hin_api_call *call, const char *kind, struct hin_view fields)
{
    HIN_TRY(hin_reads_begin(call, "person.read", kind, 0, fields));
    return hin_reads_begin(call, "person.export", kind, 0, fields);
}

static struct hin_result export_events(struct hin_api_call *call)
{
    struct asked *asked = NULL;
    struct hin_store_report report;
    HIN_TRY(read_asked(call, &asked));
    HIN_TRY(begin_export(call, "events", asked->fields));
    struct giving giving = {
        .person = &asked->person, .text = {.max = HIN_STORE_DOCUMENT_BYTES}, .out = call->out};
    asked->filter.segments_max = SEGMENTS_MAX;
    hin_arena_init(&giving.arena, ARENA_MAX);
    hin_json_writer_init(&giving.writer, call->out, false);
    hin_json_begin_object(&giving.writer);
    hin_json_key(&giving.writer, "events");
    hin_json_begin_array(&giving.writer);
    struct hin_result given =
        hin_store_search(call->tenant->store, &asked->filter, give_event, &giving, &report);
    hin_json_end_array(&giving.writer);
    hin_arena_done(&giving.arena);
    hin_buf_done(&giving.text);
    HIN_TRY(given);
    put_end(call, &giving.writer, &report);
    hin_json_end_object(&giving.writer);
    HIN_TRY(hin_reads_count(call, giving.count));
    return hin_json_writer_finish(&giving.writer);
}

/* ---- resources ---- */

static const struct {
    enum hin_store_kind kind;
    const char *path;
    const struct hin_api_attributes *attributes;
} resources[] = {
    {HIN_STORE_ADMINISTRATORS, "administrators", &hin_api_administrator},
    {HIN_STORE_API_KEYS, "apikeys", &hin_api_apikey},
    {HIN_STORE_COMPUTERS, "computers", &hin_api_computer},
};
enum { PEOPLE_MAX = 64 };

struct looking {
    const struct hin_person *person;
    struct hin_json_writer *writer;
    size_t at;                  /* in resources[] */
    int64_t people[PEOPLE_MAX]; /* administrators met: their keys are theirs */
    size_t people_count, count;
};

/* The attribute by which an object is the person's; NULL. */
static const char *claim(const struct looking *looking, struct hin_json object)
{
    const struct hin_api_attributes *attributes = resources[looking->at].attributes;
    int64_t owner = 0;
    for (size_t i = 0; i < attributes->count; i++) {
        struct hin_view text = HIN_VIEW_EMPTY;
        const struct hin_api_attribute *attribute = &attributes->items[i];
        if (attribute->type == HIN_API_TEXT && attribute->data_class == HIN_DATA_PERSONAL &&
            hin_is_ok(hin_json_opt_text(object, attribute->name, &text, NULL)) &&
            hin_person_is_named(looking->person, text)) {
            return attribute->name;
        }
    }
    if (resources[looking->at].kind == HIN_STORE_API_KEYS &&
        hin_is_ok(hin_json_opt_integer(object, "administratorID", 0, INT64_MAX, &owner, NULL))) {
        for (size_t i = 0; i < looking->people_count; i++) {
            if (looking->people[i] == owner) {
                return "administratorID";
            }
        }
    }
    return NULL;
}

static struct hin_result look_at(void *context, const struct hin_store_document *document)
{
    struct looking *looking = context;
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *parsed = NULL;
    struct hin_api_patches none = {0};
    HIN_TRY(hin_json_parse(document->bytes, HIN_STORE_DOCUMENT_BYTES, &parsed, NULL));
    const char *by = claim(looking, hin_json_root(parsed));
    if (by == NULL) {
        return hin_ok();
    }
    if (resources[looking->at].kind == HIN_STORE_ADMINISTRATORS &&
        looking->people_count < PEOPLE_MAX) {
        looking->people[looking->people_count++] = document->id;
    }
    hin_json_begin_object(looking->writer);
    hin_json_field_cstring(looking->writer, "kind", resources[looking->at].path);
    hin_json_field_integer(looking->writer, "ID", document->id);
    hin_json_field_cstring(looking->writer, "by", by);
    hin_json_key(looking->writer, "object");
    hin_api_render(resources[looking->at].attributes, hin_json_root(parsed), document->id, &none,
                   looking->writer);
    hin_json_end_object(looking->writer);
    looking->count++;
    return hin_ok();
}

static HIN_RESULT look_at_holders(struct hin_api_call *call, struct looking *looking)
{
    struct hin_holders holders;
    HIN_TRY(hin_holders_load(call->tenant, &holders));
    for (size_t i = 0; i < holders.count; i++) {
        if (hin_person_is_named(looking->person, hin_view_from_text(holders.list[i].name))) {
            hin_json_begin_object(looking->writer);
            hin_json_field_cstring(looking->writer, "kind", "keys/holders");
            hin_json_field_integer(looking->writer, "ID", holders.list[i].key);
            hin_json_field_cstring(looking->writer, "by", "name");
            hin_json_key(looking->writer, "object");
            hin_json_begin_object(looking->writer);
            hin_json_field_cstring(looking->writer, "name", holders.list[i].name);
            hin_json_end_object(looking->writer);
            hin_json_end_object(looking->writer);
            looking->count++;
        }
    }
    return hin_ok();
}

static HIN_RESULT look_everywhere(struct hin_api_call *call, struct looking *looking,
                                  size_t *ret_damaged)
{
    struct hin_store_page all = {0};
    for (looking->at = 0; looking->at < HIN_COUNT(resources); looking->at++) {
        struct hin_store_listed listed;
        HIN_TRY(hin_store_list(call->tenant->store, resources[looking->at].kind, &all, look_at,
                               looking, &listed));
        *ret_damaged += listed.damaged;
    }
    return look_at_holders(call, looking);
}

HIN_RESULT hin_api_person_resources(struct hin_api_call *call, const struct hin_person *person,
                                    struct hin_json_writer *writer, size_t *ret_count,
                                    size_t *ret_damaged)
{
    struct looking *looking = NULL;
    size_t damaged = 0;
    HIN_TRY(HIN_ARENA_NEW(call->arena, &looking));
    looking->person = person;
    looking->writer = writer;
    HIN_TRY(look_everywhere(call, looking, &damaged));
    *ret_count = looking->count;
    *ret_damaged = damaged;
    return hin_ok();
}

static struct hin_result list_resources(struct hin_api_call *call)
{
    struct asked *asked = NULL;
    struct hin_json_writer writer;
    size_t count = 0, damaged = 0;
    HIN_TRY(read_asked(call, &asked));
    HIN_TRY(hin_reads_begin(call, "person.read", "resources", 0, asked->fields));
    hin_json_writer_init(&writer, call->out, false);
    hin_json_begin_object(&writer);
    hin_json_key(&writer, "resources");
    hin_json_begin_array(&writer);
    HIN_TRY(hin_api_person_resources(call, &asked->person, &writer, &count, &damaged));
    hin_json_end_array(&writer);
    if (damaged > 0) {
        hin_json_field_unsigned(&writer, "damaged", damaged);
    }
    hin_json_end_object(&writer);
    HIN_TRY(hin_reads_count(call, count));
    return hin_json_writer_finish(&writer);
}

/* ---- the audit record ---- */

struct browsing {
    const struct asked *asked;
    struct hin_json_writer writer;
    struct hin_buf *out;
    size_t looked, count, damaged;
    int64_t last;
    bool full;
};

static struct hin_result look_at_entry(void *context, const struct hin_store_audit *entry)
{
    struct browsing *browsing = context;
    const struct hin_store_filter *filter = &browsing->asked->filter;
    bool within = entry->time_usec >= filter->since_usec &&
                  (filter->until_usec == 0 || entry->time_usec < filter->until_usec);
    browsing->looked++;
    browsing->last = entry->number;
    browsing->damaged += within && entry->bytes.size == 0;
    if (within && hin_person_is_mentioned(&browsing->asked->person, entry->bytes)) {
        hin_json_begin_object(&browsing->writer);
        hin_json_field_integer(&browsing->writer, "ID", entry->number);
        hin_json_key(&browsing->writer, "entry");
        hin_json_put_raw(&browsing->writer, entry->bytes);
        hin_json_end_object(&browsing->writer);
        browsing->count++;
    }
    browsing->full = browsing->looked == ENTRIES_MAX || browsing->out->size > OUT_MAX;
    return browsing->full ? hin_fail(HIN_EXISTS) : hin_ok();
}

static struct hin_result list_entries(struct hin_api_call *call)
{
    struct asked *asked = NULL;
    HIN_TRY(read_asked(call, &asked));
    struct browsing browsing = {.asked = asked, .out = call->out};
    HIN_TRY(hin_reads_begin(call, "person.read", "audit", 0, asked->fields));
    hin_json_writer_init(&browsing.writer, call->out, false);
    hin_json_begin_object(&browsing.writer);
    hin_json_key(&browsing.writer, "audit");
    hin_json_begin_array(&browsing.writer);
    struct hin_result listed = hin_store_audit_list(call->tenant->store, asked->after, false,
                                                    ENTRIES_MAX, look_at_entry, &browsing);
    if (listed.code != HIN_EXISTS) {
        HIN_TRY(listed);
    }
    hin_json_end_array(&browsing.writer);
    if (browsing.damaged > 0) {
        hin_json_field_unsigned(&browsing.writer, "damaged", browsing.damaged);
    }
    if (browsing.full) {
        hin_json_field_integer(&browsing.writer, "resumeID", browsing.last);
    }
    hin_json_end_object(&browsing.writer);
    HIN_TRY(hin_reads_count(call, browsing.count));
    return hin_json_writer_finish(&browsing.writer);
}

static const struct hin_api_action actions[] = {
    {HIN_HTTP_POST, "persons/find", HIN_RIGHT_PERSONS, find_events, &hin_api_person,
     "How many events are about a person: when, of which computers and classes.", false},
    {HIN_HTTP_POST, "persons/export", HIN_RIGHT_PERSONS, export_events, &hin_api_person,
     "The events about a person, whole.", false},
    {HIN_HTTP_POST, "persons/resources", HIN_RIGHT_PERSONS, list_resources, &hin_api_person,
     "Administrators, API keys, computers and key holders that a value names.", false},
    {HIN_HTTP_POST, "persons/audit", HIN_RIGHT_PERSONS, list_entries, &hin_api_person,
     "Entries of the audit record that a value stands in.", false},
};
const struct hin_api_module hin_api_module_persons = {NULL, actions, HIN_COUNT(actions)};
