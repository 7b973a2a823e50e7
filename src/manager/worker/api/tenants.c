/* Tenants of the installation, for who runs it: made, suspended, resumed. They are documents of the
 * installation's own tenant; each has a database and keys of its own. */
#include <stdio.h>

#include "base/bytes.h"
#include "crypt/uuid.h"
#include "manager/content.h"
#include "manager/credential.h"
#include "manager/erasure.h"
#include "manager/making.h"
#include "manager/worker/api/holders.h"
#include "manager/worker/api/modules.h"
#include "manager/worker/api/tables.h"

/* ---- a new one ---- */

struct new_tenant {
    struct hin_view uuid;
    char canonical[HIN_TENANT_NAME_BYTES];
    struct hin_view name;
    struct hin_credential_contact administrator;
    struct hin_credential_first first;
};

static HIN_RESULT name_is_taken(struct hin_api_call *call, const struct new_tenant *tenant)
{
    return hin_api_fail(call, HIN_EXISTS, "there is a tenant %.*s", HIN_ARGS(tenant->name));
}

static HIN_RESULT register_tenant(struct hin_api_call *call, struct new_tenant *tenant,
                                  int64_t *ret_number)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = 65536};
    struct hin_api_patches patches = {0};
    struct hin_store_content content = {
        .names = {[HIN_TENANT_SLOT_NAME] = hin_view_from_text(tenant->canonical),
                  [HIN_TENANT_SLOT_UUID] = tenant->uuid},
    };
    int64_t now_usec = hin_tenant_now_usec(call->tenant);
    HIN_TRY(hin_api_patch_text(&patches, "guid", tenant->uuid));
    HIN_TRY(hin_api_patch_text(&patches, "tenantState", HIN_VIEW("active")));
    HIN_TRY(hin_api_patch_int(&patches, "created", now_usec / HIN_MSEC_USEC));
    HIN_TRY(hin_api_merge(&hin_api_tenant, (struct hin_json){0}, call->body, &patches, &text));
    content.bytes = hin_buf_view(&text);
    struct hin_result created =
        hin_store_create(call->tenant->store, HIN_STORE_TENANTS, &content, now_usec, ret_number);
    if (created.code == HIN_EXISTS) {
        return name_is_taken(call, tenant);
    }
    return created;
}

static HIN_RESULT fill(struct hin_api_call *call, struct hin_tenant *own, struct new_tenant *tenant)
{
    struct hin_content_report report;
    char detail[128];
    snprintf(detail, sizeof(detail), "by %s of the installation", call->who->text);
    struct hin_audit audit = {
        .action = "tenant.create",
        .outcome = "done",
        .actor = HIN_VIEW("manager"),
        .detail = hin_view_from_text(detail),
    };
    HIN_TRY(hin_audit_write(own, &audit));
    HIN_TRY(hin_content_copy(call->tenant, own, call->arena, &report));
    return hin_credential_first_new(own, &tenant->administrator, &tenant->first);
}

/* Its keys, its database, what stands in it from the first day. When the registration is undone,
 * jobs clears it away by what was announced. */
static HIN_RESULT make_tenant(struct hin_api_call *call, struct new_tenant *tenant, int64_t number)
{
    struct hin_tenant own;
    struct hin_error error = {0};
    char uuid[HIN_UUID_TEXT_BYTES];
    HIN_TRY(hin_view_to_text(tenant->uuid, uuid, sizeof(uuid)));
    HIN_TRY(hin_keys_admin(&call->tenant->keys, HIN_KEYS_TENANT_CREATE, tenant->uuid));
    HIN_TRY(hin_tenant_open(&own, &call->tenant->place, uuid, &call->tenant->keys,
                            HIN_VAULT_FOR_CONFIG, call->tenant->clock, true, &error));
    own.number = number;
    struct hin_result filled = fill(call, &own, tenant);
    hin_tenant_close(&own);
    return filled;
}

static HIN_RESULT show(struct hin_api_call *call, const char *name, struct hin_secret *secret,
                       struct hin_api_patches *computed)
{
    struct hin_view copy;
    HIN_TRY(hin_arena_copy(call->arena, hin_secret_view(secret), &copy));
    return hin_api_patch_text(computed, name, copy);
}

static HIN_RESULT read_contact(struct hin_api_call *call, struct hin_credential_contact *contact)
{
    HIN_TRY(hin_json_opt_text(call->body, "administrator", &contact->username, &call->error));
    HIN_TRY(hin_json_opt_text(call->body, "adminName", &contact->full_name, &call->error));
    HIN_TRY(hin_json_opt_text(call->body, "adminEmail", &contact->mail, &call->error));
    if (contact->mail.size > 0 && !hin_credential_mail_is_valid(contact->mail)) {
        return hin_api_fail(call, HIN_INVALID, "adminEmail: not an e-mail address");
    }
    return hin_ok();
}

static HIN_RESULT read_body(struct hin_api_call *call, struct new_tenant *tenant)
{
    HIN_TRY(hin_json_get_text(call->body, "name", &tenant->name, &call->error));
    HIN_TRY(read_contact(call, &tenant->administrator));
    if (!hin_is_ok(hin_tenant_name(tenant->name, tenant->canonical))) {
        return hin_api_fail(call, HIN_INVALID,
                            "name: letters and digits, and inside also space, dot, dash and "
                            "underscore");
    }
    return hin_ok();
}

static struct hin_result announce_tenant(struct hin_api_call *call, struct hin_view *ret_announced)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf buf = {.max = HIN_STORE_DOCUMENT_BYTES};
    struct hin_store_document document;
    struct new_tenant tenant = {0};
    char uuid[HIN_UUID_TEXT_BYTES];
    HIN_TRY(read_body(call, &tenant));
    struct hin_result found =
        hin_store_find(call->tenant->store, HIN_STORE_TENANTS, HIN_TENANT_SLOT_NAME,
                       hin_view_from_text(tenant.canonical), &buf, &document);
    if (hin_is_ok(found)) { /* as the transaction will find out again; nothing is left to clear */
        return name_is_taken(call, &tenant);
    }
    HIN_TRY(hin_uuid_new(uuid));
    HIN_TRY(hin_arena_copy(call->arena, hin_view_from_text(uuid), ret_announced));
    return hin_making_begin(call->tenant, *ret_announced);
}

static struct hin_result create_tenant(struct hin_api_call *call, struct hin_api_patches *computed,
                                       int64_t *ret_id)
{
    struct new_tenant tenant = {.uuid = call->announced,
                                .administrator = {.username = HIN_VIEW("admin")}};
    HIN_TRY(read_body(call, &tenant));
    HIN_TRY(register_tenant(call, &tenant, ret_id));
    HIN_TRY(make_tenant(call, &tenant, *ret_id));
    HIN_TRY(hin_making_end(call->tenant, tenant.uuid));
    struct hin_result shown = show(call, "oneTimePassword", &tenant.first.password, computed);
    if (hin_is_ok(shown)) {
        shown = show(call, "apiKey", &tenant.first.api_key, computed);
    }
    if (hin_is_ok(shown)) {
        shown = show(call, "enrolmentToken", &tenant.first.token, computed);
    }
    hin_credential_first_done(&tenant.first);
    return shown;
}

static const struct hin_api_resource tenants = {
    .path = "tenants",
    .collection = "tenants",
    .singular = "tenant",
    .list_model = "Tenants",
    .attributes = &hin_api_tenant,
    .kind = HIN_STORE_TENANTS,
    .operations = HIN_API_LIST | HIN_API_CREATE | HIN_API_GET | HIN_API_SEARCH | HIN_API_MODIFY,
    .read_right = HIN_RIGHT_TENANTS,
    .edit_right = HIN_RIGHT_TENANTS,
    .announce = announce_tenant,
    .create = create_tenant,
};

/* ---- suspend and resume ---- */

struct state_change {
    struct hin_api_call *call;
    const char *state;
};

static struct hin_result write_state(void *context, const struct hin_store_document *document,
                                     struct hin_buf *bytes, struct hin_store_content *content,
                                     bool *keep_names)
{
    struct state_change *change = context;
    struct hin_api_patches patches = {0};
    struct hin_json stored;
    (void)content;
    *keep_names = true;
    struct hin_tenant_row row;
    HIN_TRY(hin_tenant_row_read(document->id, document->bytes, &row));
    if (row.state >= HIN_TENANT_ERASING) {
        return hin_api_fail(change->call, HIN_CONFLICT,
                            "tenant %s is erased: it does not come back", row.name);
    }
    HIN_TRY(hin_api_parse(change->call, document->bytes, HIN_STORE_DOCUMENT_BYTES, &stored));
    HIN_TRY(hin_api_patch_text(&patches, "tenantState", hin_view_from_text(change->state)));
    HIN_TRY(hin_api_merge(&hin_api_tenant, stored, (struct hin_json){0}, &patches, bytes));
    return hin_api_note_stored(change->call, &hin_api_tenant, stored, hin_buf_view(bytes));
}

static struct hin_result set_state(struct hin_api_call *call, void *context, int64_t *object)
{
    struct state_change state = {.call = call, .state = context};
    struct hin_store_change change = {write_state, &state};
    struct hin_result result = hin_store_modify(call->tenant->store, HIN_STORE_TENANTS, *object,
                                                &change, hin_tenant_now_usec(call->tenant));
    if (result.code == HIN_NOT_FOUND) {
        return hin_api_fail(call, HIN_NOT_FOUND, "there is no tenant with ID %lld",
                            (long long)*object);
    }
    return result;
}

static HIN_RESULT change_state(struct hin_api_call *call, const char *action, char *state)
{
    struct hin_api_change change = {
        .action = action,
        .kind = HIN_STORE_TENANTS,
        .kind_name = "tenants",
        .object = call->id,
        .effect = set_state,
        .context = state,
    };
    HIN_TRY(hin_api_change(call, &change));
    return hin_api_resource_get(call, &tenants);
}

static struct hin_result suspend(struct hin_api_call *call)
{
    char state[] = "suspended";
    return change_state(call, "tenant.suspend", state);
}

static struct hin_result resume(struct hin_api_call *call)
{
    char state[] = "active";
    return change_state(call, "tenant.resume", state);
}

/* ---- erasure ---- */

/* Once the row says so nobody of the tenant is let in any more, whatever else fails. */
static struct hin_result mark_erasing(struct hin_api_call *call, void *context, int64_t *object)
{
    const struct hin_tenant_row *row = context;
    (void)object;
    struct hin_result marked = hin_tenant_row_write(call->tenant, row, 0, 0);
    return marked.code == HIN_CONFLICT
               ? hin_api_fail(call, HIN_CONFLICT, "tenant %s is being erased already", row->name)
               : marked;
}

static HIN_RESULT load_row(struct hin_api_call *call, int64_t number,
                           struct hin_tenant_row *ret_row)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = HIN_STORE_DOCUMENT_BYTES};
    struct hin_store_document found;
    struct hin_result got =
        hin_store_get(call->tenant->store, HIN_STORE_TENANTS, number, &text, &found);
    if (got.code == HIN_NOT_FOUND) {
        return hin_api_fail(call, HIN_NOT_FOUND, "there is no tenant with ID %lld",
                            (long long)number);
    }
    HIN_TRY(got);
    HIN_TRY(hin_tenant_row_read(number, found.bytes, ret_row));
    return ret_row->state < HIN_TENANT_ERASING
               ? hin_ok()
               : hin_api_fail(call, HIN_CONFLICT,
                              "tenant %s is erased, or is being erased, already", ret_row->name);
}

/* jobs would do it some seconds later: this is so that it is done when the answer comes. */
static HIN_RESULT destroy_key(struct hin_api_call *call, struct hin_tenant_row *row)
{
    struct hin_result destroyed = hin_erasure_destroy_key(call->tenant, row);
    if (!hin_is_ok(destroyed)) {
        return hin_api_fail(call, HIN_AGAIN,
                            "tenant %s is marked and refused, but its key is not destroyed yet: "
                            "%s. It is tried again by itself; hinomi tenant show tells",
                            row->name, hin_code_text(destroyed.code));
    }
    return hin_tenant_row_write(call->tenant, row, HIN_TENANT_ERASING, 0);
}

HIN_RESULT hin_api_tenant_erase(struct hin_api_call *call, int64_t number, const char *by,
                                int64_t requested_usec)
{
    struct hin_tenant_row row;
    HIN_TRY(load_row(call, number, &row));
    row.state = HIN_TENANT_ERASING;
    row.erasure = (struct hin_erasure){.requested_usec = requested_usec};
    HIN_TRY(hin_uuid_new(row.erasure.id));
    snprintf(row.erasure.requested_by, sizeof(row.erasure.requested_by), "key holder %s", by);
    snprintf(row.erasure.confirmed_by, sizeof(row.erasure.confirmed_by), "%s", call->who->text);
    hin_erasure_count(call->tenant, &row);
    struct hin_api_change change = {
        .action = "tenant.erase",
        .kind = HIN_STORE_TENANTS,
        .kind_name = "tenants",
        .object = number,
        .detail = hin_view_from_text(row.name),
        .effect = mark_erasing,
        .context = &row,
    };
    HIN_TRY(hin_api_change(call, &change));
    HIN_TRY(destroy_key(call, &row));
    call->id = number;
    return hin_api_resource_get(call, &tenants);
}

HIN_RESULT hin_api_named_tenant(struct hin_api_call *call, const char *own,
                                struct hin_tenant_row *ret_row)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = HIN_STORE_DOCUMENT_BYTES};
    char canonical[HIN_TENANT_NAME_BYTES];
    struct hin_store_document found;
    struct hin_view named;
    int64_t number = 0;
    HIN_TRY(hin_json_get_text(call->body, "tenant", &named, &call->error));
    struct hin_result got = hin_fail(HIN_NOT_FOUND);
    if (hin_is_ok(hin_tenant_name(named, canonical))) {
        got = hin_store_find(call->tenant->store, HIN_STORE_TENANTS, HIN_TENANT_SLOT_NAME,
                             hin_view_from_text(canonical), &text, &found);
    }
    if (got.code == HIN_NOT_FOUND && hin_is_ok(hin_view_to_i64(named, &number)) && number > 0) {
        return load_row(call, number, ret_row);
    }
    if (got.code == HIN_NOT_FOUND) {
        return hin_api_fail(call, HIN_NOT_FOUND,
                            "there is no tenant %.*s (the installation's own is %s)",
                            HIN_ARGS(named), own);
    }
    HIN_TRY(got);
    return load_row(call, found.id, ret_row);
}

/* Destroying a key is the affair of two holders, once there are two. */
static struct hin_result erase(struct hin_api_call *call)
{
    struct hin_tenant_row row;
    struct hin_holder_request wanted = {.action = HIN_HOLDER_ERASE};
    bool alone = false;
    if (call->tenant->number != 0) {
        return hin_api_fail(call, HIN_DENIED,
                            "a tenant is erased by the key holders of the installation");
    }
    HIN_TRY(hin_api_holder_only(call));
    HIN_TRY(hin_api_named_tenant(call, "never erased", &row));
    snprintf(wanted.name, sizeof(wanted.name), "%s", row.name);
    wanted.number = row.number;
    HIN_TRY(hin_api_holder_ask(call, &wanted, &alone));
    return alone ? hin_api_tenant_erase(call, row.number, call->who->name,
                                        hin_tenant_now_usec(call->tenant))
                 : hin_ok();
}

static const struct hin_api_action actions[] = {
    {HIN_HTTP_POST, "tenants/{id}/suspend", HIN_RIGHT_TENANTS, suspend, NULL,
     "Refuse a tenant's keys, people and agents; its data stays.", false},
    {HIN_HTTP_POST, "tenants/erase", HIN_RIGHT_KEYS, erase, &hin_api_tenant_erasure,
     "For key holders: destroy all keys of a tenant, and with them all it holds, copies included; "
     "done, or noted for another holder to confirm (202).",
     false},
    {HIN_HTTP_POST, "tenants/{id}/resume", HIN_RIGHT_TENANTS, resume, NULL, "Let them in again.",
     false},
};
const struct hin_api_module hin_api_module_tenants = {&tenants, actions, HIN_COUNT(actions)};
