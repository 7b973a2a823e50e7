/* Keys: their state, rotation, wrapping anew, retirement, the provider's test. Who may see them has
 * the right; who may change them is a key holder (holders.c). */
#include <stdio.h>

#include "base/bytes.h"
#include "keys/client.h"
#include "manager/audit.h"
#include "manager/person_erasure.h"
#include "manager/worker/api/api.h"
#include "manager/worker/api/holders.h"
#include "manager/worker/api/modules.h"
#include "manager/worker/api/tables.h"

/* A batch is done by one worker in one go, while its other requests wait. */
enum { REWRAP_BATCH = 64 };

/* ---- the key table ---- */

struct version_count {
    uint32_t version;
    uint64_t count;
    int64_t first_usec; /* when the first of it was made */
};

/* What the table holds, by data key version and by the tenant key version that wraps. */
struct census {
    struct version_count data[HIN_VAULT_VERSIONS_MAX];
    struct version_count wrapped[HIN_VAULT_VERSIONS_MAX];
    size_t data_count, wrapped_count;
    uint64_t count, unlisted; /* unlisted: of versions that found no room above */
};

static bool count_in(struct version_count *versions, size_t *count, uint32_t version,
                     int64_t created_usec)
{
    for (size_t i = *count; i > 0; i--) { /* the last one met is the likeliest */
        if (versions[i - 1].version == version) {
            versions[i - 1].count++;
            return true;
        }
    }
    if (*count == HIN_VAULT_VERSIONS_MAX) {
        return false;
    }
    versions[(*count)++] = (struct version_count){version, 1, created_usec};
    return true;
}

static HIN_RESULT count_key(void *context, const struct hin_store_key *key)
{
    struct census *census = context;
    uint32_t under = 0;
    HIN_TRY(hin_key_wrapped_under(key->wrapped, &under));
    census->count++;
    census->unlisted +=
        !count_in(census->data, &census->data_count, key->version, key->created_usec);
    census->unlisted +=
        !count_in(census->wrapped, &census->wrapped_count, under, key->created_usec);
    return hin_ok();
}

static HIN_RESULT take_census(struct hin_api_call *call, struct census **ret_census)
{
    struct census *census = NULL;
    HIN_TRY(HIN_ARENA_NEW(call->arena, &census));
    HIN_TRY(hin_store_key_list(call->tenant->store, NULL, 0, count_key, census));
    *ret_census = census;
    return hin_ok();
}

static uint64_t count_under(const struct census *census, uint32_t version)
{
    for (size_t i = 0; i < census->wrapped_count; i++) {
        if (census->wrapped[i].version == version) {
            return census->wrapped[i].count;
        }
    }
    return 0;
}

static HIN_RESULT read_status(struct hin_api_call *call, struct hin_vault_tenant_status *ret_status)
{
    call->tenant->key_use_count++;
    struct hin_result told =
        hin_keys_tenant_status(&call->tenant->keys, hin_tenant_view(call->tenant), ret_status);
    if (!hin_is_ok(told)) {
        return hin_api_fail(call, told.code, "the key service does not answer: %s",
                            hin_code_text(told.code));
    }
    return hin_ok();
}

/* ---- state ---- */

static void put_wrapping(struct hin_json_writer *writer, const char *name,
                         const struct hin_key_provider_status *status, int64_t rotated_usec)
{
    hin_json_key(writer, name);
    hin_json_begin_object(writer);
    hin_json_field_unsigned(writer, "version", status->current_version);
    hin_json_field_unsigned(writer, "versionCount", status->version_count);
    hin_api_put_time(writer, "rotated", rotated_usec);
    hin_api_put_time(writer, "destruction", status->destruction_usec);
    hin_json_end_object(writer);
}

static bool wraps_index_key(const struct hin_vault_tenant_status *status, uint32_t version)
{
    bool wraps = false;
    for (size_t i = 0; i < status->index_version_count; i++) {
        wraps = wraps || status->index_under[i] == version;
    }
    return wraps;
}

static void put_tenant_key(struct hin_json_writer *writer,
                           const struct hin_vault_tenant_status *status,
                           const struct census *census)
{
    hin_json_key(writer, "tenantKey");
    hin_json_begin_object(writer);
    hin_json_field_unsigned(writer, "version",
                            status->tenant_versions[status->tenant_version_count - 1]);
    hin_api_put_time(writer, "rotated", status->tenant_rotated_usec);
    hin_json_key(writer, "versions");
    hin_json_begin_array(writer);
    for (size_t i = 0; i < status->tenant_version_count; i++) {
        hin_json_begin_object(writer);
        hin_json_field_unsigned(writer, "version", status->tenant_versions[i]);
        hin_json_field_unsigned(writer, "dataKeys",
                                count_under(census, status->tenant_versions[i]));
        hin_json_field_boolean(writer, "indexKey",
                               wraps_index_key(status, status->tenant_versions[i]));
        hin_json_end_object(writer);
    }
    hin_json_end_array(writer);
    hin_json_end_object(writer);
}

/* How much of what is stored is still found by the former key: events by their numbers. */
static void put_index_key(struct hin_json_writer *writer,
                          const struct hin_vault_tenant_status *status,
                          const struct hin_store_index *index)
{
    hin_json_key(writer, "indexKey");
    hin_json_begin_object(writer);
    hin_json_field_unsigned(writer, "version",
                            status->index_versions[status->index_version_count - 1]);
    hin_api_put_time(writer, "rotated", status->index_rotated_usec);
    hin_json_key(writer, "versions");
    hin_json_begin_array(writer);
    for (size_t i = 0; i < status->index_version_count; i++) {
        uint32_t version = status->index_versions[i];
        bool newest = version == index->version;
        bool former = index->former != 0 && version != index->version;
        hin_json_begin_object(writer);
        hin_json_field_unsigned(writer, "version", version);
        hin_json_field_boolean(writer, "inForce", newest);
        hin_json_field_boolean(writer, "needed", newest || former);
        hin_json_end_object(writer);
    }
    hin_json_end_array(writer);
    hin_json_field_cstring(writer, "state",
                           index->former == 0   ? "settled"
                           : !index->names_done ? "names"
                                                : "events");
    hin_json_field_integer(writer, "eventsDone",
                           index->former == 0 ? index->until_id : index->at_id);
    hin_json_field_integer(writer, "eventsOf", index->until_id);
    hin_json_field_unsigned(writer, "names", index->names);
    hin_json_field_unsigned(writer, "segments", index->segments);
    hin_json_field_unsigned(writer, "stuck", index->stuck);
    hin_json_end_object(writer);
}

static void put_data_keys(struct hin_json_writer *writer, const struct census *census)
{
    const struct version_count *newest = NULL;
    hin_json_key(writer, "dataKeys");
    hin_json_begin_object(writer);
    hin_json_field_unsigned(writer, "count", census->count);
    hin_json_key(writer, "versions");
    hin_json_begin_array(writer);
    for (size_t i = 0; i < census->data_count; i++) {
        const struct version_count *row = &census->data[i];
        newest = newest == NULL || row->version > newest->version ? row : newest;
        hin_json_begin_object(writer);
        hin_json_field_unsigned(writer, "version", row->version);
        hin_json_field_unsigned(writer, "count", row->count);
        hin_json_end_object(writer);
    }
    hin_json_end_array(writer);
    hin_json_field_unsigned(writer, "version", newest != NULL ? newest->version : 0);
    hin_api_put_time(writer, "rotated", newest != NULL ? newest->first_usec : 0);
    hin_json_end_object(writer);
}

static struct hin_result show_keys(struct hin_api_call *call)
{
    struct hin_json_writer writer;
    struct hin_vault_tenant_status status;
    struct hin_store_index index;
    struct census *census = NULL;
    HIN_TRY(read_status(call, &status));
    HIN_TRY(take_census(call, &census));
    HIN_TRY(hin_store_index(call->tenant->store, &index));
    HIN_ENSURE(status.tenant_version_count > 0 && status.index_version_count > 0, PROTOCOL);
    hin_json_writer_init(&writer, call->out, true);
    hin_json_begin_object(&writer);
    hin_json_key(&writer, "provider");
    hin_json_begin_object(&writer);
    hin_json_field_cstring(&writer, "name", status.wrapping.name);
    hin_json_field_boolean(&writer, "sealed", status.wrapping.sealed);
    hin_json_field_boolean(&writer, "exportable", status.wrapping.exportable);
    hin_json_field_cstring(&writer, "advice", status.wrapping.advice);
    hin_json_end_object(&writer);
    put_wrapping(&writer, "master", &status.master, status.master_rotated_usec);
    put_wrapping(&writer, "wrapping", &status.wrapping, status.wrapping_rotated_usec);
    put_tenant_key(&writer, &status, census);
    put_index_key(&writer, &status, &index);
    put_data_keys(&writer, census);
    hin_json_end_object(&writer);
    return hin_json_writer_finish(&writer);
}

/* ---- changes. What the key service does is in no transaction of the store, so the record says
 * first what is going to happen, then what came of it ---- */

static HIN_RESULT record(struct hin_api_call *call, const char *action, const char *outcome,
                         const char *detail)
{
    struct hin_audit audit = {
        .action = action,
        .outcome = outcome,
        .actor = hin_view_from_text(call->who->text),
        .peer = hin_view_from_text(call->peer),
        .detail = hin_view_from_text(detail),
    };
    return hin_audit_write(call->tenant, &audit);
}

static HIN_RESULT finish(struct hin_api_call *call, const char *action, const char *detail,
                         struct hin_result result)
{
    struct hin_result recorded =
        record(call, action, hin_is_ok(result) ? "done" : "refused", detail);
    HIN_TRY(result);
    return recorded;
}

static HIN_RESULT ask(struct hin_api_call *call, enum hin_keys_verb verb)
{
    call->tenant->key_use_count++;
    return hin_keys_admin(&call->tenant->keys, verb, hin_tenant_view(call->tenant));
}

static HIN_RESULT rotate_index(struct hin_api_call *call)
{
    if (call->tenant->number != 0) { /* `jobs`, which lets it rest, is told first */
        HIN_TRY(hin_person_errand(&call->worker->desks->tenant, call->tenant->number));
    }
    return hin_tenant_rotate_index(call->tenant);
}

static HIN_RESULT rotate_named(struct hin_api_call *call, struct hin_view name)
{
    static const struct {
        const char *name;
        enum hin_keys_verb verb;
    } verbs[] = {{"master", HIN_KEYS_MASTER_ROTATE},
                 {"wrapping", HIN_KEYS_WRAPPING_ROTATE},
                 {"tenant", HIN_KEYS_TENANT_ROTATE}};
    for (size_t i = 0; i < HIN_COUNT(verbs); i++) {
        if (hin_view_is(name, verbs[i].name)) {
            return ask(call, verbs[i].verb);
        }
    }
    if (hin_view_is(name, "index")) {
        return rotate_index(call);
    }
    return hin_tenant_rotate_data(call->tenant);
}

/* The installation's wrapping key is the affair of its own tenant's holders. */
static HIN_RESULT check_master(struct hin_api_call *call, struct hin_view name)
{
    if (call->tenant->number != 0 && hin_view_is(name, "master")) {
        return hin_api_fail(call, HIN_DENIED,
                            "the master key is the installation's: its own key holders rotate it");
    }
    return hin_ok();
}

static struct hin_result rotate(struct hin_api_call *call)
{
    struct hin_view name = HIN_VIEW_EMPTY;
    char detail[64];
    HIN_TRY(hin_api_holder_only(call));
    HIN_TRY(hin_json_get_text(call->body, "key", &name, &call->error));
    HIN_TRY(check_master(call, name));
    snprintf(detail, sizeof(detail), "%.*s key", HIN_ARGS(name));
    HIN_TRY(record(call, "key.rotate", "begun", detail));
    struct hin_result rotated = rotate_named(call, name);
    if (rotated.code == HIN_CONFLICT) {
        rotated = hin_api_fail(call, HIN_CONFLICT,
                               "the %.*s key was rotated before, and its former version is not "
                               "retired yet (hinomi key retire %.*s)",
                               HIN_ARGS(name), HIN_ARGS(name));
    } else if (!hin_is_ok(rotated)) {
        rotated = hin_api_fail(call, rotated.code, "the %.*s key was not rotated: %s",
                               HIN_ARGS(name), hin_code_text(rotated.code));
    }
    HIN_TRY(finish(call, "key.rotate", detail, rotated));
    return show_keys(call);
}

/* ---- wrapping anew ---- */

struct batch {
    struct hin_arena *arena;
    uint32_t newest; /* version of the tenant key */
    struct hin_store_key keys[REWRAP_BATCH];
    size_t count;
    uint64_t due; /* in the whole table */
};

static HIN_RESULT collect(void *context, const struct hin_store_key *key)
{
    struct batch *batch = context;
    uint32_t under = 0;
    HIN_TRY(hin_key_wrapped_under(key->wrapped, &under));
    if (under == batch->newest) {
        return hin_ok();
    }
    batch->due++;
    if (batch->count < REWRAP_BATCH) {
        struct hin_store_key *kept = &batch->keys[batch->count++];
        *kept = *key;
        return hin_arena_copy(batch->arena, key->wrapped, &kept->wrapped);
    }
    return hin_ok();
}

/* Both wraps open, so it does not matter where this is cut off. */
static HIN_RESULT rewrap_batch(struct hin_api_call *call, struct batch *batch)
{
    struct hin_tenant *tenant = call->tenant;
    for (size_t i = 0; i < batch->count; i++) {
        struct hin_store_key *key = &batch->keys[i];
        HIN_CLEANUP(hin_buf_done) struct hin_buf fresh = {.max = HIN_VAULT_WRAPPED_MAX};
        tenant->key_use_count++;
        HIN_TRY(hin_keys_data_key_rewrap(&tenant->keys, hin_tenant_view(tenant), key->id,
                                         key->wrapped, &fresh));
        HIN_TRY(hin_arena_copy(call->arena, hin_buf_view(&fresh), &key->wrapped));
    }
    HIN_TRY(hin_store_begin(tenant->store));
    struct hin_result put = hin_ok();
    for (size_t i = 0; i < batch->count && hin_is_ok(put); i++) {
        const struct hin_store_key *key = &batch->keys[i];
        put = hin_store_key_rewrap(tenant->store, key->id, key->version, key->wrapped);
    }
    struct hin_result ended = hin_store_end(tenant->store, hin_is_ok(put));
    HIN_TRY(put);
    return ended;
}

static HIN_RESULT rewrap_some(struct hin_api_call *call, struct batch *batch)
{
    struct hin_vault_tenant_status status;
    HIN_TRY(ask(call, HIN_KEYS_VAULT_REWRAP));
    HIN_TRY(read_status(call, &status));
    HIN_ENSURE(status.tenant_version_count > 0, PROTOCOL);
    batch->arena = call->arena;
    batch->newest = status.tenant_versions[status.tenant_version_count - 1];
    HIN_TRY(hin_store_key_list(call->tenant->store, NULL, 0, collect, batch));
    return rewrap_batch(call, batch);
}

static struct hin_result rewrap(struct hin_api_call *call)
{
    struct batch *batch = NULL;
    char detail[96];
    HIN_TRY(hin_api_holder_only(call));
    HIN_TRY(HIN_ARENA_NEW(call->arena, &batch));
    struct hin_result done = rewrap_some(call, batch);
    if (!hin_is_ok(done) && call->error.text[0] == '\0') {
        done = hin_api_fail(call, done.code, "not all keys were wrapped anew, go on later: %s",
                            hin_code_text(done.code));
    }
    snprintf(detail, sizeof(detail), "%zu data keys under tenant key %u, %llu left", batch->count,
             batch->newest, (unsigned long long)(batch->due - batch->count));
    HIN_TRY(finish(call, "key.rewrap", detail, done));
    return hin_buf_printf(call->out, "{\"rewrapped\":%zu,\"left\":%llu}", batch->count,
                          (unsigned long long)(batch->due - batch->count));
}

/* ---- retirement ---- */

static HIN_RESULT check_data_keys(struct hin_api_call *call, uint32_t version)
{
    struct census *census = NULL;
    HIN_TRY(take_census(call, &census));
    uint64_t count = count_under(census, version);
    if (count > 0) {
        return hin_api_fail(call, HIN_CONFLICT,
                            "%llu data keys are still wrapped under version %u of the tenant key: "
                            "wrap them anew first (hinomi key rewrap)",
                            (unsigned long long)count, version);
    }
    return census->unlisted == 0 ? hin_ok() : hin_fail(HIN_LIMIT);
}

static HIN_RESULT check_index(struct hin_api_call *call, uint32_t version)
{
    struct hin_store_index index;
    HIN_TRY(hin_store_index(call->tenant->store, &index));
    if (version < index.version && index.former != 0) {
        return hin_api_fail(call, HIN_CONFLICT,
                            "what was stored is still found by version %u of the index key: it is "
                            "made anew in the background, %lld of %lld events are done (hinomi key "
                            "status)",
                            version, (long long)index.at_id, (long long)index.until_id);
    }
    return version == index.version ? hin_fail(HIN_CONFLICT) : hin_ok(); /* the vault knows */
}

static HIN_RESULT explain(struct hin_api_call *call, struct hin_view name, uint32_t version,
                          struct hin_result refused)
{
    switch (refused.code) {
    case HIN_OK:
        return refused;
    case HIN_CONFLICT:
        return hin_api_fail(call, HIN_CONFLICT,
                            "version %u of the %.*s key is in force, or a key of the vault is "
                            "still wrapped under it: rotate (hinomi key rotate %.*s) and wrap anew "
                            "(hinomi key rewrap) first",
                            version, HIN_ARGS(name), HIN_ARGS(name));
    case HIN_AGAIN:
        return hin_api_fail(call, HIN_AGAIN,
                            "the %.*s key was rotated less than %d s ago, and a key that was "
                            "wrapped before may still be on its way: try again",
                            HIN_ARGS(name), (int)(HIN_VAULT_RETIRE_REST_USEC / HIN_SEC_USEC));
    case HIN_NOT_FOUND:
        return hin_api_fail(call, HIN_NOT_FOUND, "there is no version %u of the %.*s key", version,
                            HIN_ARGS(name));
    default:
        return hin_api_fail(call, refused.code, "version %u of the %.*s key was not retired: %s",
                            version, HIN_ARGS(name), hin_code_text(refused.code));
    }
}

static HIN_RESULT retire_named(struct hin_api_call *call, struct hin_view name, uint32_t version)
{
    static const struct {
        const char *name;
        enum hin_vault_kind kind;
    } kinds[] = {{"master", HIN_VAULT_MASTER},
                 {"wrapping", HIN_VAULT_WRAPPING},
                 {"index", HIN_VAULT_INDEX},
                 {"tenant", HIN_VAULT_TENANT}};
    size_t at = 0;
    while (at + 1 < HIN_COUNT(kinds) && !hin_view_is(name, kinds[at].name)) {
        at++;
    }
    if (kinds[at].kind == HIN_VAULT_TENANT) {
        HIN_TRY(check_data_keys(call, version));
    }
    if (kinds[at].kind == HIN_VAULT_INDEX) {
        struct hin_result unused = check_index(call, version);
        if (!hin_is_ok(unused)) {
            return call->error.text[0] != 0 ? unused : explain(call, name, version, unused);
        }
    }
    call->tenant->key_use_count++;
    return explain(call, name, version,
                   hin_keys_retire(&call->tenant->keys, hin_tenant_view(call->tenant),
                                   kinds[at].kind, version));
}

HIN_RESULT hin_api_key_retire(struct hin_api_call *call, struct hin_view name, uint32_t version)
{
    char detail[64];
    snprintf(detail, sizeof(detail), "%.*s key, version %u", HIN_ARGS(name), version);
    HIN_TRY(record(call, "key.retire", "begun", detail));
    HIN_TRY(finish(call, "key.retire", detail, retire_named(call, name, version)));
    return show_keys(call);
}

/* Destroying a key is the affair of two holders, once there are two. */
static struct hin_result retire(struct hin_api_call *call)
{
    struct hin_view name = HIN_VIEW_EMPTY;
    int64_t version = 0;
    struct hin_holder_request wanted = {.action = HIN_HOLDER_RETIRE};
    bool alone = false;
    HIN_TRY(hin_json_get_text(call->body, "key", &name, &call->error));
    HIN_TRY(hin_json_get_integer(call->body, "version", 1, UINT32_MAX, &version, &call->error));
    HIN_TRY(check_master(call, name));
    HIN_TRY(hin_view_to_text(name, wanted.name, sizeof(wanted.name)));
    wanted.number = version;
    HIN_TRY(hin_api_holder_ask(call, &wanted, &alone));
    return alone ? hin_api_key_retire(call, name, (uint32_t)version) : hin_ok();
}

/* ---- the provider's test ---- */

static struct hin_result test_provider(struct hin_api_call *call)
{
    struct hin_vault_check checks[HIN_VAULT_CHECK_COUNT];
    struct hin_vault_tenant_status status;
    struct hin_json_writer writer;
    bool passed = true;
    HIN_TRY(hin_api_holder_only(call));
    HIN_TRY(read_status(call, &status));
    call->tenant->key_use_count++;
    struct hin_result tested =
        hin_keys_provider_test(&call->tenant->keys, hin_tenant_view(call->tenant), checks);
    if (!hin_is_ok(tested)) {
        return hin_api_fail(call, tested.code, "the provider wraps nothing: %s",
                            hin_code_text(tested.code));
    }
    hin_json_writer_init(&writer, call->out, true);
    hin_json_begin_object(&writer);
    hin_json_field_cstring(&writer, "provider", status.wrapping.name);
    hin_json_key(&writer, "checks");
    hin_json_begin_array(&writer);
    for (size_t i = 0; i < HIN_VAULT_CHECK_COUNT; i++) {
        passed = passed && checks[i].passed;
        hin_json_begin_object(&writer);
        hin_json_field_cstring(&writer, "name", hin_vault_check_name(i));
        hin_json_field_boolean(&writer, "passed", checks[i].passed);
        hin_json_field_unsigned(&writer, "microseconds", checks[i].usec);
        hin_json_end_object(&writer);
    }
    hin_json_end_array(&writer);
    hin_json_field_boolean(&writer, "passed", passed);
    hin_json_end_object(&writer);
    return hin_json_writer_finish(&writer);
}

static const struct hin_api_action actions[] = {
    {HIN_HTTP_GET, "keys", HIN_RIGHT_KEYS, show_keys, NULL,
     "Versions of all keys, what depends on them, and their provider.", false},
    {HIN_HTTP_POST, "keys/rotate", HIN_RIGHT_KEYS, rotate, &hin_api_key_rotation,
     "A new version of a key, in force at once.", false},
    {HIN_HTTP_POST, "keys/rewrap", HIN_RIGHT_KEYS, rewrap, NULL,
     "Wraps some of the keys that need it under the newest versions; to be repeated while any are "
     "left.",
     false},
    {HIN_HTTP_POST, "keys/retire", HIN_RIGHT_KEYS, retire, &hin_api_key_retirement,
     "Destroys an old version on which nothing depends.", false},
    {HIN_HTTP_POST, "keys/test", HIN_RIGHT_KEYS, test_provider, NULL,
     "A round trip at the provider of the wrapping keys.", false},
};
const struct hin_api_module hin_api_module_keys = {NULL, actions, HIN_COUNT(actions)};
