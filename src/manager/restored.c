#include "manager/restored.h"

#include <stdio.h>

#include "base/bytes.h"
#include "data/json.h"
#include "manager/audit.h"
#include "store/documents.h"

enum { TEXT_MAX = 4096 };

HIN_RESULT hin_restored_last(const struct hin_tenant *tenant, struct hin_restore *ret_restore)
{
    const struct hin_vault_judgement *said = &tenant->judgement;
    struct hin_view statement, signature;
    HIN_ENSURE(said->restore_size > 0, NOT_FOUND);
    return hin_restore_decode(hin_view_of(said->restore, said->restore_size), ret_restore,
                              &statement, &signature);
}

void hin_restored_text(const struct hin_restore *restore, char *out, size_t out_bytes)
{
    char id[HIN_RESTORE_ID_TEXT_BYTES], ring[96] = "";
    bool rings = restore->what == HIN_RESTORE_KEYRING;
    bool vault = restore->what == HIN_RESTORE_VAULT;
    uint64_t older = rings ? restore->ring_found : HIN_MIN(restore->found, restore->known);
    uint64_t newer = rings ? restore->ring_known : HIN_MAX(restore->found, restore->known);
    hin_restore_id_text(restore, id);
    if (!rings && restore->ring_found < restore->ring_known) {
        (void)snprintf(ring, sizeof(ring), ", and the key ring (%llu, %llu)",
                       (unsigned long long)restore->ring_found,
                       (unsigned long long)restore->ring_known);
    }
    (void)snprintf(out, out_bytes, "%s accepted %s of generation %llu where %s %llu%s (restore %s)",
                   restore->holder, hin_restore_what_name(restore->what), (unsigned long long)older,
                   vault ? "the store has" : "the vault knows", (unsigned long long)newer, ring,
                   id);
}

void hin_restored_last_text(const struct hin_tenant *tenant, char *out, size_t out_bytes)
{
    struct hin_restore restore;
    out[0] = '\0';
    if (hin_is_ok(hin_restored_last(tenant, &restore))) {
        hin_restored_text(&restore, out, out_bytes);
    }
}

static HIN_RESULT check(struct hin_tenant *tenant, struct hin_restore *restore)
{
    const struct hin_vault_judgement *said = &tenant->judgement;
    uint8_t key[HIN_SIGN_PUBLIC_BYTES];
    struct hin_view statement, signature;
    tenant->key_use_count++;
    HIN_TRY(hin_restore_decode(hin_view_of(said->restore, said->restore_size), restore, &statement,
                               &signature));
    HIN_TRY(hin_keys_checkpoint_public(&tenant->keys, key));
    HIN_TRY(hin_restore_verify(hin_view_of(key, sizeof(key)), statement, signature));
    HIN_ENSURE(hin_view_is(hin_tenant_view(tenant), restore->tenant), AUTH);
    return hin_ok();
}

/* Numbers for whoever reads it, and the bytes that are signed. */
static HIN_RESULT write_text(const struct hin_tenant *tenant, const struct hin_restore *restore,
                             struct hin_buf *out)
{
    const struct hin_vault_judgement *said = &tenant->judgement;
    struct hin_json_writer writer;
    char id[HIN_RESTORE_ID_TEXT_BYTES], hex[2 * HIN_RESTORE_MAX_BYTES + 1];
    hin_restore_id_text(restore, id);
    hin_hex(said->restore, said->restore_size, hex);
    hin_json_writer_init(&writer, out, false);
    hin_json_begin_object(&writer);
    hin_json_field_cstring(&writer, "restore", id);
    hin_json_field_cstring(&writer, "what", hin_restore_what_name(restore->what));
    hin_json_field_unsigned(&writer, "found", restore->found);
    hin_json_field_unsigned(&writer, "known", restore->known);
    hin_json_field_unsigned(&writer, "next", restore->next);
    hin_json_field_unsigned(&writer, "ringFound", restore->ring_found);
    hin_json_field_unsigned(&writer, "ringKnown", restore->ring_known);
    hin_json_field_integer(&writer, "time", restore->time_usec / HIN_MSEC_USEC);
    hin_json_field_cstring(&writer, "holder", restore->holder);
    hin_json_field_cstring(&writer, "record", hex);
    hin_json_end_object(&writer);
    return hin_json_writer_finish(&writer);
}

static HIN_RESULT keep(struct hin_tenant *tenant, const struct hin_restore *restore,
                       struct hin_view id)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = TEXT_MAX};
    char said[256];
    int64_t document = 0;
    HIN_TRY(write_text(tenant, restore, &text));
    struct hin_store_content content = {.bytes = hin_buf_view(&text), .names = {id}};
    HIN_TRY(hin_store_create(tenant->store, HIN_STORE_RESTORES, &content,
                             hin_tenant_now_usec(tenant), &document));
    hin_restored_text(restore, said, sizeof(said));
    struct hin_audit audit = {
        .action = "store.restored",
        .outcome = "done",
        .actor = hin_view_from_text(restore->holder),
        .kind = "restores",
        .object = document,
        .detail = hin_view_from_text(said),
    };
    return hin_audit_write(tenant, &audit);
}

HIN_RESULT hin_restored_take(struct hin_tenant *tenant)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = TEXT_MAX};
    struct hin_store_document found;
    struct hin_restore restore;
    char id[HIN_RESTORE_ID_TEXT_BYTES];
    if (tenant->judgement.restore_size == 0) {
        return hin_ok();
    }
    HIN_TRY(hin_restored_last(tenant, &restore));
    hin_restore_id_text(&restore, id);
    struct hin_view name = hin_view_from_text(id);
    struct hin_result there =
        hin_store_find(tenant->store, HIN_STORE_RESTORES, 0, name, &text, &found);
    if (there.code != HIN_NOT_FOUND) {
        return there;
    }
    HIN_TRY(check(tenant, &restore));
    HIN_TRY(hin_store_begin(tenant->store));
    struct hin_result kept = keep(tenant, &restore, name);
    struct hin_result ended = hin_store_end(tenant->store, hin_is_ok(kept));
    if (kept.code == HIN_EXISTS) { /* another process was faster */
        return hin_ok();
    }
    HIN_TRY(kept);
    return ended;
}
