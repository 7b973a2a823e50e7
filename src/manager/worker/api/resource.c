/* The operations every resource has, after its table. */
#include <stdio.h>

#include "base/bytes.h"
#include "manager/worker/api/call.h"
#include "manager/worker/api/filter.h"
#include "manager/worker/api/reads.h"
#include "manager/worker/api/tables.h"
#include "manager/worker/ingest/ingest.h"

HIN_RESULT hin_api_load(struct hin_api_call *call, const struct hin_api_resource *resource,
                        int64_t id, struct hin_json *ret_stored)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = HIN_STORE_DOCUMENT_BYTES};
    struct hin_store_document document;
    struct hin_result found =
        hin_store_get(call->tenant->store, resource->kind, id, &text, &document);
    if (found.code == HIN_NOT_FOUND) {
        return hin_api_fail(call, HIN_NOT_FOUND, "there is no %s with ID %lld", resource->singular,
                            (long long)id);
    }
    HIN_TRY(found);
    return hin_api_parse(call, document.bytes, text.max, ret_stored);
}

static HIN_RESULT render(struct hin_api_call *call, const struct hin_api_resource *resource,
                         int64_t id, struct hin_json stored, struct hin_api_patches *computed,
                         struct hin_json_writer *writer)
{
    if (resource->compute != NULL) {
        HIN_TRY(resource->compute(call, id, stored, computed));
    }
    hin_api_render(resource->attributes, stored, id, computed, writer);
    return hin_ok();
}

/* ---- reads of personal data ---- */

static bool is_personal(const struct hin_api_attributes *attributes)
{
    for (size_t i = 0; i < attributes->count; i++) {
        const struct hin_api_attribute *attribute = &attributes->items[i];
        bool shown = (attribute->flags & (HIN_API_HIDDEN | HIN_API_WRITE_ONLY)) == 0;
        if ((shown && attribute->data_class == HIN_DATA_PERSONAL) ||
            (attribute->object != NULL && is_personal(attribute->object))) {
            return true;
        }
    }
    return false;
}

static HIN_RESULT name_fields(struct hin_api_call *call, const struct hin_api_filter *filter,
                              struct hin_view *ret_fields)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = 1 << 20};
    struct hin_json_writer writer;
    *ret_fields = HIN_VIEW_EMPTY;
    if (filter == NULL || filter->count == 0) {
        return hin_ok();
    }
    hin_json_writer_init(&writer, &text, false);
    hin_json_begin_array(&writer);
    for (size_t i = 0; i < filter->count; i++) {
        struct hin_view name = filter->items[i].field;
        hin_json_put_text(&writer, name.size > 0 ? name : HIN_VIEW("ID"));
    }
    hin_json_end_array(&writer);
    HIN_TRY(hin_json_writer_finish(&writer));
    return hin_arena_copy(call->arena, hin_buf_view(&text), ret_fields);
}

static HIN_RESULT begin_read(struct hin_api_call *call, const struct hin_api_resource *resource,
                             int64_t id, const struct hin_api_filter *filter)
{
    struct hin_view fields;
    if (!is_personal(resource->attributes)) {
        return hin_ok();
    }
    HIN_ENSURE(resource->read_action != NULL, INTERNAL);
    HIN_TRY(name_fields(call, filter, &fields));
    return hin_reads_begin(call, resource->read_action, resource->path, id, fields);
}

HIN_RESULT hin_api_answer(struct hin_api_call *call, const struct hin_api_resource *resource,
                          int64_t id, struct hin_json stored, struct hin_api_patches *computed)
{
    struct hin_json_writer writer;
    hin_json_writer_init(&writer, call->out, false);
    HIN_TRY(render(call, resource, id, stored, computed, &writer));
    return hin_json_writer_finish(&writer);
}

/* ---- lists ---- */

/* What the reference's clients send everywhere; there is nothing here to override or expand. */
static const char *const parameters[] = {"overrides", "expand"};

struct collected { /* stored objects, copied out so that computing may use the store again */
    struct hin_api_call *call;
    struct item {
        int64_t id;
        struct hin_view text;
        struct item *next, *previous;
        bool chosen;
    } * first, *last;
};

static struct hin_result collect(void *context, const struct hin_store_document *document)
{
    struct collected *collected = context;
    struct item *item = NULL;
    HIN_TRY(HIN_ARENA_NEW(collected->call->arena, &item));
    item->id = document->id;
    HIN_TRY(hin_arena_copy(collected->call->arena, document->bytes, &item->text));
    item->previous = collected->last;
    *(collected->last != NULL ? &collected->last->next : &collected->first) = item;
    collected->last = item;
    return hin_ok();
}

static HIN_RESULT matches(struct hin_api_call *call, const struct hin_api_resource *resource,
                          const struct hin_api_filter *filter, const struct item *item,
                          struct hin_buf *scratch, bool *ret_matches)
{
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *stored = NULL;
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *shown = NULL;
    struct hin_api_patches computed = {0};
    struct hin_json_writer writer;
    HIN_TRY(hin_json_parse(item->text, HIN_STORE_DOCUMENT_BYTES, &stored, NULL));
    hin_buf_clear(scratch);
    hin_json_writer_init(&writer, scratch, false);
    HIN_TRY(render(call, resource, item->id, hin_json_root(stored), &computed, &writer));
    HIN_TRY(hin_json_writer_finish(&writer));
    *ret_matches = true;
    if (filter->count > 0) {
        HIN_TRY(hin_json_parse(hin_buf_view(scratch), scratch->max, &shown, NULL));
        *ret_matches = hin_api_filter_matches(filter, hin_json_root(shown), item->id);
    }
    return hin_ok();
}

/* IDs beyond which nothing can pass are not even read. */
static struct hin_store_page page_of(const struct hin_api_filter *filter)
{
    struct hin_store_page page = {0};
    for (size_t i = 0; i < filter->count; i++) {
        const struct hin_api_criterion *criterion = &filter->items[i];
        if (criterion->type == HIN_API_BY_ID && criterion->test == HIN_API_GREATER &&
            criterion->number > page.after_id) {
            page.after_id = criterion->number;
        }
    }
    return page;
}

/* "Less than" alone asks for the page that ends right before an ID. */
static bool goes_back(const struct hin_api_filter *filter)
{
    bool less = false, more = false;
    for (size_t i = 0; i < filter->count; i++) {
        enum hin_api_test test = filter->items[i].test;
        bool by_id = filter->items[i].type == HIN_API_BY_ID;
        less = less || (by_id && (test == HIN_API_LESS || test == HIN_API_LESS_OR_EQUAL));
        more = more || (by_id && (test == HIN_API_GREATER || test == HIN_API_GREATER_OR_EQUAL));
    }
    return less && !more;
}

/* Which of those collected belong to the page: the first that pass, or the last. */
static HIN_RESULT choose(const struct collected *collected, const struct hin_api_resource *resource,
                         const struct hin_api_filter *filter, struct hin_buf *scratch,
                         size_t *ret_count)
{
    bool back = goes_back(filter);
    size_t count = 0;
    for (struct item *item = back ? collected->last : collected->first;
         item != NULL && count < filter->max_items; item = back ? item->previous : item->next) {
        item->chosen = filter->count == 0;
        if (!item->chosen) {
            HIN_TRY(matches(collected->call, resource, filter, item, scratch, &item->chosen));
        }
        count += item->chosen ? 1 : 0;
    }
    *ret_count = count;
    return hin_ok();
}

static HIN_RESULT list(struct hin_api_call *call, const struct hin_api_resource *resource,
                       const struct hin_api_filter *filter)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf scratch = {.max = HIN_STORE_DOCUMENT_BYTES * 2};
    struct collected collected = {.call = call};
    struct hin_store_page page = page_of(filter);
    const struct hin_api_filter everything = {.max_items = SIZE_MAX};
    bool passes = true;
    size_t count = 0;
    struct hin_store_listed listed;
    struct hin_json_writer writer;
    HIN_TRY(begin_read(call, resource, 0, filter));
    HIN_TRY(
        hin_store_list(call->tenant->store, resource->kind, &page, collect, &collected, &listed));
    hin_json_writer_init(&writer, call->out, false);
    hin_json_begin_object(&writer);
    hin_json_key(&writer, resource->collection);
    hin_json_begin_array(&writer);
    HIN_TRY(choose(&collected, resource, filter, &scratch, &count));
    for (const struct item *item = collected.first; item != NULL; item = item->next) {
        if (item->chosen) {
            HIN_TRY(matches(call, resource, &everything, item, &scratch, &passes));
            hin_json_put_raw(&writer, hin_buf_view(&scratch));
        }
    }
    hin_json_end_array(&writer);
    HIN_TRY(hin_reads_count(call, count));
    if (listed.damaged > 0) {
        hin_json_field_unsigned(&writer, "damaged", listed.damaged);
        hin_ingest_damage(call->desk->ingest, listed.damaged);
    }
    hin_json_end_object(&writer);
    return hin_json_writer_finish(&writer);
}

HIN_RESULT hin_api_resource_list(struct hin_api_call *call, const struct hin_api_resource *resource)
{
    struct hin_api_filter filter = {.max_items = SIZE_MAX};
    HIN_TRY(hin_api_query_known(call, parameters, HIN_COUNT(parameters)));
    return list(call, resource, &filter);
}

/* A name that the model does not have would quietly match nothing. */
static bool is_searchable(const struct hin_api_attributes *attributes, struct hin_view path)
{
    while (attributes != NULL) {
        size_t end = 0, name_size = SIZE_MAX;
        while (end < path.size && path.data[end] != '/' && path.data[end] != '.') {
            name_size = path.data[end] == '[' && name_size == SIZE_MAX ? end : name_size;
            end++;
        }
        const struct hin_api_attribute *attribute =
            hin_api_attribute_find(attributes, hin_view_sub(path, 0, HIN_MIN(end, name_size)));
        if (attribute == NULL || (attribute->flags & (HIN_API_HIDDEN | HIN_API_WRITE_ONLY)) != 0) {
            return false;
        }
        if (end == path.size) {
            return true;
        }
        attributes = attribute->object;
        path = hin_view_sub(path, end + 1, path.size);
    }
    return false;
}

static HIN_RESULT check_fields(struct hin_api_call *call, const struct hin_api_resource *resource,
                               const struct hin_api_filter *filter)
{
    for (size_t i = 0; i < filter->count; i++) {
        struct hin_view field = filter->items[i].field;
        if (field.size > 0 && !is_searchable(resource->attributes, field)) {
            return hin_api_fail(call, HIN_INVALID, "fieldName: %s has no attribute %.*s",
                                resource->attributes->model, (int)HIN_MIN(field.size, (size_t)200),
                                (const char *)field.data);
        }
    }
    return hin_ok();
}

HIN_RESULT hin_api_resource_search(struct hin_api_call *call,
                                   const struct hin_api_resource *resource)
{
    struct hin_api_filter filter = {.max_items = HIN_API_ITEMS_MAX};
    HIN_TRY(hin_api_query_known(call, parameters, HIN_COUNT(parameters)));
    if (call->request->body.size > 0) {
        HIN_TRY(hin_api_parse(call, call->request->body, 1 << 20, &call->body));
        HIN_TRY(hin_api_validate(&hin_api_search_filter, call->body, true, &call->error));
        HIN_TRY(hin_api_filter_parse(call->body, &filter, &call->error));
        HIN_TRY(check_fields(call, resource, &filter));
    }
    return list(call, resource, &filter);
}

HIN_RESULT hin_api_resource_get(struct hin_api_call *call, const struct hin_api_resource *resource)
{
    struct hin_json stored;
    struct hin_api_patches computed = {0};
    HIN_TRY(hin_api_load(call, resource, call->id, &stored));
    HIN_TRY(begin_read(call, resource, call->id, NULL));
    HIN_TRY(hin_reads_count(call, 1));
    return hin_api_answer(call, resource, call->id, stored, &computed);
}

/* ---- changes ---- */

struct change_context {
    const struct hin_api_resource *resource;
    struct hin_api_patches computed;
    struct hin_api_draft draft;
};

static HIN_RESULT name_failure(struct hin_api_call *call, const struct hin_api_resource *resource,
                               struct hin_result result)
{
    if (result.code == HIN_EXISTS && call->error.text[0] == 0) {
        return hin_api_fail(call, HIN_EXISTS, "there is a %s of this name already",
                            resource->singular);
    }
    if (result.code == HIN_NOT_FOUND && call->error.text[0] == 0) {
        return hin_api_fail(call, HIN_NOT_FOUND, "there is no %s with ID %lld", resource->singular,
                            (long long)call->id);
    }
    return result;
}

static struct hin_result create_effect(struct hin_api_call *call, void *context, int64_t *object)
{
    struct change_context *change = context;
    const struct hin_api_resource *resource = change->resource;
    if (resource->create != NULL) {
        struct hin_json made;
        HIN_TRY(name_failure(call, resource, resource->create(call, &change->computed, object)));
        HIN_TRY(hin_api_load(call, resource, *object, &made));
        return hin_api_note(call, resource->attributes, (struct hin_json){0}, made);
    }
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = HIN_STORE_DOCUMENT_BYTES};
    if (resource->prepare != NULL) {
        HIN_TRY(resource->prepare(call, (struct hin_json){0}, &change->draft));
    }
    HIN_TRY(hin_api_merge(resource->attributes, (struct hin_json){0}, call->body,
                          &change->draft.patches, &text));
    change->draft.content.bytes = hin_buf_view(&text);
    HIN_TRY(hin_api_note_stored(call, resource->attributes, (struct hin_json){0},
                                change->draft.content.bytes));
    HIN_TRY(
        name_failure(call, resource,
                     hin_store_create(call->tenant->store, resource->kind, &change->draft.content,
                                      hin_tenant_now_usec(call->tenant), object)));
    return resource->verify != NULL ? resource->verify(call, *object) : hin_ok();
}

HIN_RESULT hin_api_resource_create(struct hin_api_call *call,
                                   const struct hin_api_resource *resource)
{
    char action[64];
    struct change_context context = {.resource = resource};
    struct hin_api_change change = {
        .action = action,
        .kind = resource->kind,
        .kind_name = resource->path,
        .effect = create_effect,
        .context = &context,
    };
    struct hin_json stored;
    snprintf(action, sizeof(action), "%s.create", resource->singular);
    if (resource->announce != NULL) {
        HIN_TRY(resource->announce(call, &call->announced));
    }
    HIN_TRY(hin_api_change(call, &change));
    HIN_TRY(hin_api_load(call, resource, change.object, &stored));
    return hin_api_answer(call, resource, change.object, stored, &context.computed);
}

struct modification {
    struct change_context *change;
    struct hin_view bytes;
};

static struct hin_result write_document(void *context, const struct hin_store_document *document,
                                        struct hin_buf *bytes, struct hin_store_content *content,
                                        bool *keep_names)
{
    struct modification *modification = context;
    const struct hin_api_draft *draft = &modification->change->draft;
    (void)document;
    for (size_t i = 0; i < HIN_STORE_NAMES_MAX; i++) {
        content->names[i] = draft->content.names[i];
    }
    content->owner = draft->content.owner;
    content->expires_usec = draft->content.expires_usec;
    *keep_names = draft->keep_names;
    return hin_buf_append(bytes, modification->bytes);
}

/* The hook may use the store, so it runs before the write; both stand in the one transaction of the
 * change. */
static struct hin_result modify_effect(struct hin_api_call *call, void *context, int64_t *object)
{
    struct change_context *change = context;
    const struct hin_api_resource *resource = change->resource;
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = HIN_STORE_DOCUMENT_BYTES};
    HIN_CLEANUP(hin_buf_done) struct hin_buf merged = {.max = HIN_STORE_DOCUMENT_BYTES};
    struct hin_store_document document;
    struct hin_json stored;
    HIN_TRY(name_failure(
        call, resource,
        hin_store_get(call->tenant->store, resource->kind, *object, &text, &document)));
    HIN_TRY(hin_api_parse(call, document.bytes, text.max, &stored));
    change->draft.keep_names = true;
    change->draft.content.owner = document.owner;
    change->draft.content.expires_usec = document.expires_usec;
    if (resource->prepare != NULL) {
        HIN_TRY(resource->prepare(call, stored, &change->draft));
    }
    HIN_TRY(
        hin_api_merge(resource->attributes, stored, call->body, &change->draft.patches, &merged));
    HIN_TRY(hin_api_note_stored(call, resource->attributes, stored, hin_buf_view(&merged)));
    struct modification modification = {change, hin_buf_view(&merged)};
    struct hin_store_change write = {write_document, &modification};
    HIN_TRY(name_failure(call, resource,
                         hin_store_modify(call->tenant->store, resource->kind, *object, &write,
                                          hin_tenant_now_usec(call->tenant))));
    return resource->verify != NULL ? resource->verify(call, *object) : hin_ok();
}

HIN_RESULT hin_api_resource_modify(struct hin_api_call *call,
                                   const struct hin_api_resource *resource)
{
    char action[64];
    struct change_context context = {.resource = resource};
    struct hin_api_change change = {
        .action = action,
        .kind = resource->kind,
        .kind_name = resource->path,
        .object = call->id,
        .effect = modify_effect,
        .context = &context,
    };
    struct hin_json stored;
    snprintf(action, sizeof(action), "%s.modify", resource->singular);
    HIN_TRY(hin_api_change(call, &change));
    HIN_TRY(hin_api_load(call, resource, call->id, &stored));
    return hin_api_answer(call, resource, call->id, stored, &context.computed);
}

static struct hin_result delete_effect(struct hin_api_call *call, void *context, int64_t *object)
{
    const struct hin_api_resource *resource = context;
    struct hin_json stored;
    struct hin_result loaded = hin_api_load(call, resource, *object, &stored);
    HIN_ENSURE(loaded.code != HIN_NOT_FOUND, NOT_FOUND);
    if (hin_is_ok(loaded)) { /* a damaged object can be deleted too */
        HIN_TRY(hin_api_note(call, resource->attributes, stored, (struct hin_json){0}));
    }
    if (resource->remove != NULL) {
        HIN_TRY(resource->remove(call, *object));
    }
    return name_failure(call, resource,
                        hin_store_delete(call->tenant->store, resource->kind, *object, 0));
}

HIN_RESULT hin_api_resource_delete(struct hin_api_call *call,
                                   const struct hin_api_resource *resource)
{
    char action[64];
    struct hin_api_change change = {
        .action = action,
        .kind = resource->kind,
        .kind_name = resource->path,
        .object = call->id,
        .effect = delete_effect,
        .context = (void *)(uintptr_t)resource,
    };
    snprintf(action, sizeof(action), "%s.delete", resource->singular);
    HIN_TRY(hin_api_change(call, &change));
    call->status = 204;
    return hin_ok();
}
