/* The correction of one person's data: accepted here, done by `jobs`. */
#include "base/bytes.h"
#include "manager/person_change.h"
#include "manager/person_erasure.h"
#include "manager/worker/api/modules.h"
#include "manager/worker/api/persons.h"
#include "manager/worker/api/tables.h"

static const struct hin_api_resource corrections = {
    .path = "persons/corrections",
    .collection = "corrections",
    .singular = "correction of a person's data",
    .list_model = "PersonCorrections",
    .attributes = &hin_api_person_correction,
    .kind = HIN_STORE_PERSON_CORRECTIONS,
    .operations = HIN_API_LIST | HIN_API_GET,
    .read_right = HIN_RIGHT_PERSONS,
    .edit_right = HIN_RIGHT_PERSONS,
    .read_action = "person.read",
};

static struct hin_result accept(struct hin_api_call *call, void *context, int64_t *object)
{
    return hin_person_correction_accept(call->tenant, context, object);
}

/* "by src_ip, set user" */
static HIN_RESULT describe(const struct hin_person *person, const struct hin_person_change *change,
                           struct hin_buf *out)
{
    HIN_TRY(hin_api_person_describe(person, out));
    for (size_t i = 0; i < change->count; i++) {
        HIN_TRY(
            hin_buf_printf(out, "%s%s", i == 0 ? ", set " : ", ", change->items[i].field->name));
    }
    return hin_ok();
}

static HIN_RESULT read_request(struct hin_api_call *call, struct hin_person_request *request,
                               struct hin_buf *detail)
{
    struct hin_person *person = NULL;
    struct hin_person_change *change = NULL;
    struct hin_tenant_row *row = NULL;
    size_t count = 0;
    HIN_TRY(HIN_ARENA_NEW(call->arena, &person));
    HIN_TRY(HIN_ARENA_NEW(call->arena, &change));
    HIN_TRY(HIN_ARENA_NEW(call->arena, &row));
    HIN_TRY(hin_json_get_array(call->body, "where", &request->where, &count, &call->error));
    HIN_TRY(hin_json_get_array(call->body, "set", &request->set, &count, &call->error));
    HIN_TRY(hin_json_opt_text(call->body, "note", &request->note, &call->error));
    HIN_TRY(hin_person_read(request->where, call->arena, person, &call->error));
    HIN_TRY(hin_person_change_read(request->set, call->arena, change, &call->error));
    HIN_TRY(hin_api_person_tenant(call, row));
    request->requested_by = hin_view_from_text(call->who->text);
    request->tenant_name = row->name;
    return describe(person, change, detail);
}

static struct hin_result correct(struct hin_api_call *call)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf detail = {.max = 2048};
    struct hin_person_request request = {0};
    struct hin_json_writer writer;
    HIN_TRY(read_request(call, &request, &detail));
    if (call->tenant->number != 0) {
        HIN_TRY(hin_person_errand(&call->worker->desks->tenant, call->tenant->number));
    }
    struct hin_api_change change = {.action = "person.correct",
                                    .kind_name = "persons/corrections",
                                    .detail = hin_buf_view(&detail),
                                    .effect = accept,
                                    .context = &request};
    HIN_TRY(hin_api_change(call, &change));
    hin_json_writer_init(&writer, call->out, false);
    hin_json_begin_object(&writer);
    hin_json_field_integer(&writer, "ID", change.object);
    hin_json_end_object(&writer);
    return hin_json_writer_finish(&writer);
}

static const struct hin_api_action actions[] = {
    {HIN_HTTP_POST, "persons/correct", HIN_RIGHT_PERSONS, correct, &hin_api_person_correct,
     "Begins the correction of personal fields in the events about a person; persons/corrections "
     "tells how far it is.",
     false, 0},
};
const struct hin_api_module hin_api_module_person_corrections = {&corrections, actions,
                                                                 HIN_COUNT(actions)};
