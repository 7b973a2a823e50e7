/* The erasure of one person's data: accepted here, done by `jobs`. */
#include <stdio.h>

#include "base/bytes.h"
#include "manager/erasure.h"
#include "manager/person_erasure.h"
#include "manager/worker/api/modules.h"
#include "manager/worker/api/persons.h"
#include "manager/worker/api/tables.h"

static const struct hin_api_resource erasures = {
    .path = "persons/erasures",
    .collection = "erasures",
    .singular = "erasure of a person's data",
    .list_model = "PersonErasures",
    .attributes = &hin_api_person_erasure,
    .kind = HIN_STORE_PERSON_ERASURES,
    .operations = HIN_API_LIST | HIN_API_GET,
    .read_right = HIN_RIGHT_PERSONS,
    .edit_right = HIN_RIGHT_PERSONS,
    .read_action = "person.read",
};

/* ---- what must go first ---- */

/* "administrators 3, apikeys 7": what lets somebody in is ended by who answers for it, not on the
 * way. Computers stay: an address is theirs, too. */
static HIN_RESULT name_accounts(struct hin_json list, struct hin_buf *out)
{
    size_t count = 0;
    HIN_TRY(hin_json_array(list, &count, NULL));
    for (size_t i = 0; i < count; i++) {
        struct hin_json item = hin_json_at(list, i);
        struct hin_view kind;
        int64_t id = 0;
        HIN_TRY(hin_json_get_text(item, "kind", &kind, NULL));
        HIN_TRY(hin_json_get_integer(item, "ID", 0, INT64_MAX, &id, NULL));
        if (!hin_view_is(kind, "computers") && out->size < 400) {
            HIN_TRY(hin_buf_printf(out, "%s%.*s %lld", out->size > 0 ? ", " : "", HIN_ARGS(kind),
                                   (long long)id));
        }
    }
    return hin_ok();
}

static HIN_RESULT refuse_accounts(struct hin_api_call *call, const struct hin_person *person)
{
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *parsed = NULL;
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = HIN_STORE_DOCUMENT_BYTES};
    HIN_CLEANUP(hin_buf_done) struct hin_buf names = {.max = 1024};
    struct hin_json_writer writer;
    size_t count = 0, damaged = 0;
    hin_json_writer_init(&writer, &text, false);
    hin_json_begin_array(&writer);
    HIN_TRY(hin_api_person_resources(call, person, &writer, &count, &damaged));
    hin_json_end_array(&writer);
    HIN_TRY(hin_json_writer_finish(&writer));
    HIN_TRY(hin_json_parse(hin_buf_view(&text), text.max, &parsed, NULL));
    HIN_TRY(name_accounts(hin_json_root(parsed), &names));
    return names.size == 0
               ? hin_ok()
               : hin_api_fail(call, HIN_CONFLICT,
                              "nothing is erased: remove first what the person signs in by: %.*s",
                              HIN_ARGS(hin_buf_view(&names)));
}

/* ---- accepted ---- */

HIN_RESULT hin_api_person_tenant(struct hin_api_call *call, struct hin_tenant_row *row)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = HIN_STORE_DOCUMENT_BYTES};
    struct hin_store_document document;
    if (call->tenant->number == 0) {
        snprintf(row->name, sizeof(row->name), "the installation's own");
        return hin_ok();
    }
    HIN_TRY(hin_store_get(call->worker->desks->tenant.store, HIN_STORE_TENANTS,
                          call->tenant->number, &text, &document));
    return hin_tenant_row_read(document.id, document.bytes, row);
}

static struct hin_result accept(struct hin_api_call *call, void *context, int64_t *object)
{
    (void)call;
    return hin_person_erasure_accept(call->tenant, context, object);
}

HIN_RESULT hin_api_person_describe(const struct hin_person *person, struct hin_buf *out)
{
    for (size_t i = 0; i < person->count; i++) {
        HIN_TRY(hin_buf_printf(out, "%s%s", i == 0 ? "by " : ", ", person->items[i].field->name));
    }
    return hin_ok();
}

static struct hin_result erase(struct hin_api_call *call)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf detail = {.max = 1024};
    struct hin_person *person = NULL;
    struct hin_tenant_row *row = NULL;
    struct hin_person_request request = {.requested_by = hin_view_from_text(call->who->text)};
    size_t count = 0;
    HIN_TRY(HIN_ARENA_NEW(call->arena, &person));
    HIN_TRY(HIN_ARENA_NEW(call->arena, &row));
    HIN_TRY(hin_json_get_array(call->body, "where", &request.where, &count, &call->error));
    HIN_TRY(hin_person_read(request.where, call->arena, person, &call->error));
    HIN_TRY(refuse_accounts(call, person));
    HIN_TRY(hin_api_person_tenant(call, row));
    HIN_TRY(hin_api_person_describe(person, &detail));
    request.tenant_name = row->name;
    if (call->tenant->number != 0) {
        HIN_TRY(hin_person_errand(&call->worker->desks->tenant, call->tenant->number));
    }
    struct hin_api_change change = {.action = "person.erase",
                                    .kind_name = "persons/erasures",
                                    .detail = hin_buf_view(&detail),
                                    .effect = accept,
                                    .context = &request};
    HIN_TRY(hin_api_change(call, &change));
    struct hin_json_writer writer;
    hin_json_writer_init(&writer, call->out, false);
    hin_json_begin_object(&writer);
    hin_json_field_integer(&writer, "ID", change.object);
    hin_json_end_object(&writer);
    return hin_json_writer_finish(&writer);
}

static const struct hin_api_action actions[] = {
    {HIN_HTTP_POST, "persons/erase", HIN_RIGHT_PERSONS, erase, &hin_api_person_erase,
     "Begins the erasure of the events about a person; persons/erasures tells how far it is.",
     false, 0},
};
const struct hin_api_module hin_api_module_person_erasures = {&erasures, actions,
                                                              HIN_COUNT(actions)};
