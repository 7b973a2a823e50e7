/* Escrow copies of the key ring: agreed to by two key holders, noted when they are written, and
 * when they are destroyed. The copy itself is written on the host (init/escrow.c): no key passes
 * through here. */
#include <stdio.h>

#include "base/bytes.h"
#include "crypt/uuid.h"
#include "manager/certificate.h"
#include "manager/escrow.h"
#include "manager/worker/api/holders.h"
#include "manager/worker/api/modules.h"
#include "manager/worker/api/tables.h"

static const struct hin_api_resource escrows = {
    .path = "escrows",
    .collection = "escrows",
    .singular = "escrow copy",
    .list_model = "KeyEscrows",
    .attributes = &hin_api_key_escrow,
    .kind = HIN_STORE_ESCROWS,
    .operations = HIN_API_LIST | HIN_API_GET,
    .read_right = HIN_RIGHT_KEYS,
    .edit_right = HIN_RIGHT_KEYS,
    .read_action = "escrow.read",
};

static HIN_RESULT answer(struct hin_api_call *call, int64_t id)
{
    call->id = id;
    return hin_api_resource_get(call, &escrows);
}

static HIN_RESULT check_own(struct hin_api_call *call)
{
    if (call->tenant->number != 0) {
        return hin_api_fail(call, HIN_DENIED,
                            "the key ring is the installation's: its own key holders have copies "
                            "of it made");
    }
    return hin_ok();
}

/* ---- agreed ---- */

static HIN_RESULT check_ring(struct hin_api_call *call)
{
    struct hin_key_provider_status status;
    call->tenant->key_use_count++;
    struct hin_result asked = hin_keys_status(&call->tenant->keys, &status);
    if (!hin_is_ok(asked)) {
        return hin_api_fail(call, asked.code, "the key service does not answer: %s",
                            hin_code_text(asked.code));
    }
    if (!status.exportable) {
        return hin_api_fail(call, HIN_CONFLICT,
                            "the wrapping keys are in no file (%s) and cannot be copied: what that "
                            "service offers for its backup is what there is",
                            status.name);
    }
    return hin_ok();
}

static HIN_RESULT certify(struct hin_api_call *call, struct hin_escrow *escrow)
{
    struct hin_certificate *certificate = NULL;
    HIN_TRY(HIN_ARENA_NEW(call->arena, &certificate));
    *certificate = (struct hin_certificate){
        .kind = HIN_CERTIFICATE_ESCROW,
        .tenant = hin_tenant_view(call->tenant),
        .id = hin_view_from_text(escrow->guid),
        .name = hin_view_from_text(escrow->label),
        .requested_by = hin_view_from_text(escrow->requested_by),
        .confirmed_by = hin_view_from_text(escrow->confirmed_by),
        .requested_msec = escrow->agreed_msec,
        .done_msec = escrow->agreed_msec,
    };
    return hin_certificate_issue(call->tenant, certificate, &escrow->certificate);
}

static struct hin_result store_agreed(struct hin_api_call *call, void *context, int64_t *object)
{
    struct hin_escrow *escrow = context;
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = HIN_STORE_DOCUMENT_BYTES};
    HIN_TRY(certify(call, escrow));
    HIN_TRY(hin_escrow_encode(escrow, &text));
    struct hin_store_content content = {.bytes = hin_buf_view(&text),
                                        .names = {hin_view_from_text(escrow->guid)}};
    return hin_store_create(call->tenant->store, HIN_STORE_ESCROWS, &content,
                            hin_tenant_now_usec(call->tenant), object);
}

HIN_RESULT hin_api_escrow_agreed(struct hin_api_call *call, const char *label, const char *by)
{
    struct hin_escrow escrow = {.state = HIN_ESCROW_AGREED};
    HIN_TRY(hin_uuid_new(escrow.guid));
    escrow.agreed_msec = hin_tenant_now_usec(call->tenant) / HIN_MSEC_USEC;
    snprintf(escrow.label, sizeof(escrow.label), "%s", label);
    snprintf(escrow.requested_by, sizeof(escrow.requested_by), "key holder %s", by);
    snprintf(escrow.confirmed_by, sizeof(escrow.confirmed_by), "%s", call->who->text);
    struct hin_api_change change = {
        .action = "key.escrow",
        .kind = HIN_STORE_ESCROWS,
        .kind_name = "escrows",
        .detail = hin_view_from_text(escrow.label),
        .effect = store_agreed,
        .context = &escrow,
    };
    HIN_TRY(hin_api_change(call, &change));
    return answer(call, change.object);
}

static struct hin_result ask(struct hin_api_call *call)
{
    struct hin_holder_request wanted = {.action = HIN_HOLDER_ESCROW};
    struct hin_view label = HIN_VIEW_EMPTY;
    bool alone = false;
    HIN_TRY(check_own(call));
    HIN_TRY(hin_api_holder_only(call));
    HIN_TRY(hin_json_get_text(call->body, "label", &label, &call->error));
    HIN_TRY(hin_view_to_text(label, wanted.name, sizeof(wanted.name)));
    HIN_TRY(check_ring(call));
    HIN_TRY(hin_api_holder_ask(call, &wanted, &alone));
    return alone ? hin_api_escrow_agreed(call, wanted.name, call->who->name) : hin_ok();
}

/* ---- written, forgotten ---- */

static struct hin_result store_noted(struct hin_api_call *call, void *context, int64_t *object)
{
    const struct hin_escrow *escrow = context;
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = HIN_STORE_DOCUMENT_BYTES};
    uint64_t version = 0;
    (void)object;
    HIN_TRY(hin_escrow_encode(escrow, &text));
    struct hin_store_content content = {.bytes = hin_buf_view(&text),
                                        .names = {hin_view_from_text(escrow->guid)}};
    return hin_store_update(call->tenant->store, HIN_STORE_ESCROWS, escrow->id, escrow->version,
                            &content, hin_tenant_now_usec(call->tenant), &version);
}

static HIN_RESULT note(struct hin_api_call *call, struct hin_escrow *escrow, const char *action,
                       const char *detail)
{
    struct hin_api_change change = {
        .action = action,
        .kind = HIN_STORE_ESCROWS,
        .kind_name = "escrows",
        .object = escrow->id,
        .detail = hin_view_from_text(detail),
        .effect = store_noted,
        .context = escrow,
    };
    HIN_TRY(hin_api_change(call, &change));
    return answer(call, escrow->id);
}

static HIN_RESULT take(const struct hin_store_document *found, struct hin_escrow *escrow)
{
    HIN_TRY(hin_escrow_decode(found->bytes, escrow));
    escrow->id = found->id;
    escrow->version = found->version;
    return hin_ok();
}

static struct hin_result written(struct hin_api_call *call)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = HIN_STORE_DOCUMENT_BYTES};
    struct hin_escrow_receipt receipt;
    struct hin_store_document found;
    struct hin_escrow escrow;
    struct hin_view word = HIN_VIEW_EMPTY;
    char detail[HIN_ESCROW_RECEIPT_MAX];
    HIN_TRY(check_own(call));
    HIN_TRY(hin_api_holder_only(call));
    HIN_TRY(hin_json_get_text(call->body, "receipt", &word, &call->error));
    if (!hin_is_ok(hin_escrow_receipt_read(word, &receipt))) {
        return hin_api_fail(call, HIN_INVALID,
                            "receipt: not one of `hinomi-manager escrow`, which prints it");
    }
    struct hin_result got = hin_store_find(call->tenant->store, HIN_STORE_ESCROWS, 0,
                                           hin_view_from_text(receipt.guid), &text, &found);
    if (got.code == HIN_NOT_FOUND) {
        return hin_api_fail(call, HIN_NOT_FOUND,
                            "the receipt is about nothing that was agreed to here");
    }
    HIN_TRY(got);
    HIN_TRY(take(&found, &escrow));
    if (escrow.state != HIN_ESCROW_AGREED) {
        return hin_api_fail(call, HIN_CONFLICT, "escrow copy %lld is noted already",
                            (long long)escrow.id);
    }
    escrow.state = HIN_ESCROW_WRITTEN;
    escrow.generation = receipt.generation;
    escrow.written_msec = receipt.written_msec;
    snprintf(escrow.digest, sizeof(escrow.digest), "%s", receipt.digest);
    snprintf(detail, sizeof(detail), "%s, SHA-256 %s", escrow.label, escrow.digest);
    return note(call, &escrow, "key.escrow.written", detail);
}

static struct hin_result forget(struct hin_api_call *call)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = HIN_STORE_DOCUMENT_BYTES};
    struct hin_store_document found;
    struct hin_escrow escrow;
    struct hin_view why = HIN_VIEW_EMPTY;
    char detail[HIN_ESCROW_NOTE_BYTES + HIN_HOLDER_NAME_BYTES + 2];
    HIN_TRY(check_own(call));
    HIN_TRY(hin_api_holder_only(call));
    HIN_TRY(hin_json_get_text(call->body, "note", &why, &call->error));
    struct hin_result got =
        hin_store_get(call->tenant->store, HIN_STORE_ESCROWS, call->id, &text, &found);
    if (got.code == HIN_NOT_FOUND) {
        return hin_api_fail(call, HIN_NOT_FOUND, "there is no escrow copy with ID %lld",
                            (long long)call->id);
    }
    HIN_TRY(got);
    HIN_TRY(take(&found, &escrow));
    if (escrow.state == HIN_ESCROW_FORGOTTEN) {
        return hin_api_fail(call, HIN_CONFLICT, "escrow copy %lld is forgotten already",
                            (long long)escrow.id);
    }
    escrow.state = HIN_ESCROW_FORGOTTEN;
    escrow.forgotten_msec = hin_tenant_now_usec(call->tenant) / HIN_MSEC_USEC;
    snprintf(escrow.forgotten_by, sizeof(escrow.forgotten_by), "%s", call->who->text);
    HIN_TRY(hin_view_to_text(why, escrow.note, sizeof(escrow.note)));
    snprintf(detail, sizeof(detail), "%s: %s", escrow.label, escrow.note);
    return note(call, &escrow, "key.escrow.forget", detail);
}

static const struct hin_api_action actions[] = {
    {HIN_HTTP_POST, "escrows", HIN_RIGHT_KEYS, ask, &hin_api_key_escrow_label,
     "Have a copy of the key ring agreed to: agreed, or noted for another key holder to confirm "
     "(202). The certificate of it lets `hinomi-manager escrow` write the copy, on the host, "
     "within "
     "a day.",
     false},
    {HIN_HTTP_POST, "escrows/written", HIN_RIGHT_KEYS, written, &hin_api_key_escrow_receipt,
     "Note that a copy was written, by its receipt.", false},
    {HIN_HTTP_POST, "escrows/{id}/forget", HIN_RIGHT_KEYS, forget, &hin_api_key_escrow_note,
     "Note that a copy is destroyed (or never was written): certificates of erasure name it no "
     "more.",
     false},
};
const struct hin_api_module hin_api_module_escrows = {&escrows, actions, HIN_COUNT(actions)};
