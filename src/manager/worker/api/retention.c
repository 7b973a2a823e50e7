/* How long the tenant's events are kept: one document, changed by who has full access. */
#include "manager/worker/api/retention.h"

#include "base/bytes.h"
#include "manager/worker/api/changes.h"
#include "manager/worker/api/modules.h"
#include "manager/worker/api/tables.h"

enum {
    SETTINGS_MAX = 65536,
    EDIT = HIN_RIGHT_EDIT | HIN_RIGHT_EVENTS | HIN_RIGHT_ACCESS, /* it destroys what others need */
};

static uint32_t installation_days(struct hin_api_call *call)
{
    uint64_t days = 0;
    HIN_IGNORE(hin_view_to_u64(hin_role_setting(call->worker->role, "keep-days"), &days));
    return (uint32_t)days;
}

static HIN_RESULT resolve(struct hin_api_call *call, struct hin_json stored,
                          struct hin_retention *ret_keep)
{
    struct hin_retention_settings settings;
    HIN_TRY(hin_retention_read(stored, &settings));
    *ret_keep = hin_retention_resolve(&settings, installation_days(call));
    return hin_ok();
}

static HIN_RESULT what_is_due(struct hin_api_call *call, const struct hin_retention *keep,
                              struct hin_retention_due *ret_due)
{
    int64_t by_usec = 0;
    struct hin_store *store = call->tenant->store;
    HIN_TRY(hin_store_retention_now(store, hin_tenant_now_usec(call->tenant), &by_usec));
    return hin_store_retention_due(store, by_usec, keep, ret_due);
}

/* ---- reading ---- */

/* No value where nothing is set. */
static HIN_RESULT load(struct hin_api_call *call, struct hin_json *ret_stored)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = HIN_STORE_DOCUMENT_BYTES};
    struct hin_store_document found;
    struct hin_result got = hin_store_get(call->tenant->store, HIN_STORE_RETENTION,
                                          HIN_RETENTION_DOCUMENT, &text, &found);
    if (got.code == HIN_NOT_FOUND) {
        *ret_stored = (struct hin_json){0};
        return hin_ok();
    }
    HIN_TRY(got);
    return hin_api_parse(call, found.bytes, SETTINGS_MAX, ret_stored);
}

HIN_RESULT hin_api_retention_in_force(struct hin_api_call *call, struct hin_retention *ret_keep)
{
    struct hin_json stored;
    HIN_TRY(load(call, &stored));
    return resolve(call, stored, ret_keep);
}

static HIN_RESULT write_in_force(const struct hin_retention *keep, struct hin_buf *out)
{
    struct hin_json_writer writer;
    hin_json_writer_init(&writer, out, false);
    hin_json_begin_object(&writer);
    for (unsigned module = HIN_MODULE_OTHER + 1; module < HIN_MODULE_COUNT; module++) {
        hin_json_field_integer(&writer, hin_modules[module].name, keep->keep_days[module]);
    }
    hin_json_end_object(&writer);
    return hin_json_writer_finish(&writer);
}

static HIN_RESULT write_due(const struct hin_retention_due *due, struct hin_buf *out)
{
    struct hin_json_writer writer;
    hin_json_writer_init(&writer, out, false);
    hin_json_begin_object(&writer);
    hin_json_field_unsigned(&writer, "events", due->events);
    hin_json_field_unsigned(&writer, "days", due->days);
    if (due->segments > 0) {
        hin_json_field_integer(&writer, "first", due->first_day * (HIN_DAY_USEC / HIN_MSEC_USEC));
    }
    hin_json_end_object(&writer);
    return hin_json_writer_finish(&writer);
}

static struct hin_result show(struct hin_api_call *call)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf in_force = {.max = SETTINGS_MAX};
    HIN_CLEANUP(hin_buf_done) struct hin_buf due_text = {.max = SETTINGS_MAX};
    struct hin_api_patches computed = {0};
    struct hin_json_writer writer;
    struct hin_json stored;
    struct hin_retention keep;
    struct hin_retention_due due;
    HIN_TRY(load(call, &stored));
    HIN_TRY(resolve(call, stored, &keep));
    HIN_TRY(what_is_due(call, &keep, &due));
    HIN_TRY(write_in_force(&keep, &in_force));
    HIN_TRY(write_due(&due, &due_text));
    HIN_TRY(hin_api_patch_int(&computed, "installationKeepDays", installation_days(call)));
    HIN_TRY(hin_api_patch_json(&computed, "inForce", hin_buf_view(&in_force)));
    HIN_TRY(hin_api_patch_json(&computed, "due", hin_buf_view(&due_text)));
    hin_json_writer_init(&writer, call->out, false);
    hin_api_render(&hin_api_retention, stored, 0, &computed, &writer);
    return hin_json_writer_finish(&writer);
}

/* ---- changing ---- */

/* What a shorter time would drop now is dropped only when that was said. */
static HIN_RESULT check_confirmed(struct hin_api_call *call, struct hin_json before,
                                  struct hin_json after)
{
    struct hin_retention was, is;
    struct hin_retention_due due;
    bool confirmed = false;
    HIN_TRY(hin_json_opt_boolean(call->body, "confirm", &confirmed, &call->error));
    HIN_TRY(resolve(call, before, &was));
    HIN_TRY(resolve(call, after, &is));
    if (confirmed || !hin_retention_shortens(&was, &is)) {
        return hin_ok();
    }
    HIN_TRY(what_is_due(call, &is, &due));
    return due.segments == 0
               ? hin_ok()
               : hin_api_fail(call, HIN_CONFLICT,
                              "the next round would drop at most %llu events, stored on %llu "
                              "days; nothing was changed. With \"confirm\":true (hinomi retention "
                              "set --yes) it does",
                              (unsigned long long)due.events, (unsigned long long)due.days);
}

static struct hin_result replace(void *context, const struct hin_store_document *document,
                                 struct hin_buf *bytes, struct hin_store_content *content,
                                 bool *keep_names)
{
    const struct hin_view *text = context;
    (void)document;
    (void)content;
    *keep_names = true;
    return hin_buf_append(bytes, *text);
}

static HIN_RESULT store_settings(struct hin_api_call *call, bool first, struct hin_view text)
{
    struct hin_store *store = call->tenant->store;
    struct hin_store_content content = {.bytes = text};
    struct hin_store_change change = {replace, &text};
    int64_t now_usec = hin_tenant_now_usec(call->tenant), id = 0;
    if (!first) {
        return hin_store_modify(store, HIN_STORE_RETENTION, HIN_RETENTION_DOCUMENT, &change,
                                now_usec);
    }
    HIN_TRY(hin_store_create(store, HIN_STORE_RETENTION, &content, now_usec, &id));
    HIN_ENSURE(id == HIN_RETENTION_DOCUMENT, CORRUPT);
    return hin_ok();
}

static struct hin_result apply(struct hin_api_call *call, void *context, int64_t *object)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = SETTINGS_MAX};
    HIN_CLEANUP(hin_buf_done) struct hin_buf changes = {.max = SETTINGS_MAX};
    struct hin_json before, after;
    (void)context;
    HIN_TRY(load(call, &before));
    HIN_TRY(hin_api_merge(&hin_api_retention, before, call->body, NULL, &text));
    HIN_TRY(hin_api_parse(call, hin_buf_view(&text), SETTINGS_MAX, &after));
    HIN_TRY(check_confirmed(call, before, after));
    HIN_TRY(hin_changes_write(&hin_api_retention, before, after, (struct hin_json){0}, &changes));
    HIN_TRY(hin_arena_copy(call->arena, hin_buf_view(&changes), &call->changes));
    HIN_TRY(store_settings(call, before.node == NULL, hin_buf_view(&text)));
    *object = HIN_RETENTION_DOCUMENT;
    return hin_ok();
}

static struct hin_result set(struct hin_api_call *call)
{
    struct hin_api_change change = {
        .action = "retention.modify",
        .kind = HIN_STORE_RETENTION,
        .kind_name = "retention",
        .object = HIN_RETENTION_DOCUMENT,
        .effect = apply,
    };
    HIN_TRY(hin_api_change(call, &change));
    return show(call);
}

static const struct hin_api_action actions[] = {
    {HIN_HTTP_GET, "retention", HIN_RIGHT_VIEW, show, NULL,
     "How long events are kept, and what the next round drops.", false},
    {HIN_HTTP_POST, "retention", EDIT, set, &hin_api_retention,
     "Keep the events of the tenant, or of one of its modules, for another time.", false},
};
const struct hin_api_module hin_api_module_retention = {NULL, actions, HIN_COUNT(actions)};
