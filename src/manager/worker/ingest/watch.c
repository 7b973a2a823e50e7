/* Making checkpoints, and comparing what agents have seen with what there is. */
#include <stdio.h>

#include "base/bytes.h"
#include "base/log.h"
#include "data/json.h"
#include "keys/client.h"
#include "manager/restored.h"
#include "manager/worker/ingest/internal.h"
#include "proof/key.h"
#include "store/audit.h"
#include "store/documents.h"

#define CHECKPOINT_USEC (5 * HIN_MINUTE_USEC)
#define DAMAGE_USEC     HIN_HOUR_USEC

static HIN_RESULT make(struct hin_ingest *ingest, int64_t now_usec)
{
    struct hin_tenant *tenant = ingest->tenant;
    HIN_CLEANUP(hin_buf_done) struct hin_buf statement = {.max = 256};
    struct hin_checkpoint checkpoint = {.time_usec = now_usec};
    struct hin_store_position position;
    uint8_t signature[HIN_SIGN_BYTES];
    int64_t number = 0;
    HIN_TRY(hin_store_audit_head(tenant->store, &number, checkpoint.audit_hash));
    HIN_TRY(hin_store_position(tenant->store, &position));
    checkpoint.audit_number = (uint64_t)number;
    checkpoint.last_event_id = (uint64_t)position.last_event_id;
    hin_copy(checkpoint.tenant, ingest->tenant_id, sizeof(checkpoint.tenant));
    HIN_TRY(hin_checkpoint_encode(&checkpoint, &statement));
    tenant->key_use_count++;
    HIN_TRY(hin_keys_checkpoint_sign(&tenant->keys, hin_buf_view(&statement), signature));
    hin_buf_clear(&ingest->checkpoint);
    HIN_TRY(hin_buf_append(&ingest->checkpoint, hin_buf_view(&statement)));
    return hin_buf_append(&ingest->checkpoint, hin_view_of(signature, sizeof(signature)));
}

void hin_ingest_checkpoint(struct hin_ingest *ingest)
{
    int64_t now_usec = hin_clock_wall_usec(ingest->worker->clock);
    if (ingest->checkpoint_usec != 0 && now_usec - ingest->checkpoint_usec < CHECKPOINT_USEC &&
        now_usec >= ingest->checkpoint_usec) {
        return;
    }
    ingest->checkpoint_usec = now_usec;
    struct hin_result made = make(ingest, now_usec);
    if (!hin_is_ok(made)) {
        hin_log_result(HIN_LOG_WARNING, made, "no checkpoint could be made");
        hin_buf_clear(&ingest->checkpoint);
    }
}

/* Does what the authority said still speak of the key that signs? */
static bool is_certified(const struct hin_ingest *ingest)
{
    struct hin_key_statement key;
    struct hin_checkpoint checkpoint;
    struct hin_view statement, signature;
    return hin_is_ok(hin_key_statement_verify(hin_buf_view(&ingest->gate->key_statement),
                                              hin_buf_view(&ingest->gate->ca), &key)) &&
           hin_is_ok(hin_checkpoint_decode(hin_buf_view(&ingest->checkpoint), &checkpoint,
                                           &statement, &signature)) &&
           hin_is_ok(hin_checkpoint_verify(hin_view_of(key.public_key, sizeof(key.public_key)),
                                           statement, signature));
}

HIN_RESULT hin_ingest_proof(struct hin_ingest *ingest, struct hin_proof_checkpoint *ret_proof)
{
    struct hin_tenant *tenant = ingest->tenant;
    HIN_TRY(make(ingest, hin_clock_wall_usec(ingest->worker->clock)));
    if (!is_certified(ingest)) {
        hin_buf_clear(&ingest->gate->key_statement);
        tenant->key_use_count++;
        HIN_TRY(hin_keys_checkpoint_certify(&tenant->keys, &ingest->gate->key_statement));
        HIN_ENSURE(is_certified(ingest), CRYPTO);
    }
    *ret_proof = (struct hin_proof_checkpoint){
        .checkpoint = hin_buf_view(&ingest->checkpoint),
        .key = hin_buf_view(&ingest->gate->key_statement),
        .authority = hin_buf_view(&ingest->gate->ca),
    };
    return hin_ok();
}

/* Only what we signed ourselves counts: an agent cannot make us cry wolf. */
static bool is_ours(const struct hin_ingest *ingest, const struct hin_checkpoint *seen,
                    struct hin_view statement, struct hin_view signature)
{
    uint8_t key[HIN_SIGN_PUBLIC_BYTES];
    return memcmp(seen->tenant, ingest->tenant_id, sizeof(seen->tenant)) == 0 &&
           hin_is_ok(hin_policy_key_decode(hin_buf_view(&ingest->gate->policy_key), key)) &&
           hin_is_ok(
               hin_vault_checkpoint_verify(hin_view_of(key, sizeof(key)), statement, signature));
}

/* A state that was let pass after the agent was told explains it; one from before does not. */
static void explain(const struct hin_ingest *ingest, const struct hin_checkpoint *seen, char *out,
                    size_t out_bytes)
{
    struct hin_restore restore;
    char text[HIN_RESTORED_TEXT_BYTES];
    out[0] = '\0';
    if (hin_is_ok(hin_restored_last(ingest->tenant, &restore)) &&
        seen->time_usec <= restore.time_usec) {
        hin_restored_text(&restore, text, sizeof(text));
        (void)snprintf(out, out_bytes, "; %s", text);
    }
}

/* Said once by each worker: every agent will tell the same. */
static void tell_rolled_back(struct session *session, const char *what, const char *why)
{
    struct hin_ingest *ingest = session->ingest;
    char text[640];
    ingest->rolled_back = true;
    snprintf(text, sizeof(text), "%s: %s%s", hin_state_get(HIN_STATE_STORE_ROLLED_BACK)->text, what,
             why);
    hin_log(HIN_LOG_ERROR, "%s (computer %lld)", text, (long long)session->computer);
    struct hin_audit audit = {
        .action = "store.rolled_back",
        .outcome = "done",
        .actor = hin_view_from_text(session->agent),
        .kind = "computers",
        .object = session->computer,
        .detail = hin_view_from_text(text),
    };
    hin_desk_refused(ingest->desk, &audit);
    struct hin_result told = hin_ingest_state_event(ingest, HIN_STATE_STORE_ROLLED_BACK,
                                                    session->computer, session->host, text);
    if (!hin_is_ok(told)) {
        hin_log_result(HIN_LOG_ERROR, told, "the event of it");
    }
}

void hin_ingest_compare(struct session *session, struct hin_view bytes)
{
    struct hin_ingest *ingest = session->ingest;
    struct hin_store *store = ingest->tenant->store;
    struct hin_checkpoint seen;
    struct hin_view statement;
    struct hin_view signature;
    struct hin_store_position position;
    uint8_t hash[HIN_STORE_AUDIT_HASH_BYTES];
    int64_t number = 0;
    char why[HIN_RESTORED_TEXT_BYTES + 2];
    if (bytes.size == 0 || ingest->rolled_back ||
        hin_view_equal(bytes, hin_buf_view(&ingest->checkpoint)) ||
        !hin_is_ok(hin_checkpoint_decode(bytes, &seen, &statement, &signature)) ||
        !hin_is_ok(hin_store_audit_head(store, &number, hash)) ||
        !hin_is_ok(hin_store_position(store, &position)) ||
        !hin_checkpoint_is_ahead(&seen, (uint64_t)number, (uint64_t)position.last_event_id) ||
        !is_ours(ingest, &seen, statement, signature)) {
        return;
    }
    explain(ingest, &seen, why, sizeof(why));
    tell_rolled_back(session, "an agent holds a checkpoint that is ahead of it", why);
}

/* Before this session. No proof, as nobody signed it, but it reaches to the last event. When it was
 * told is not known, so whether the last restore explains it is for people. */
void hin_ingest_compare_acknowledged(struct session *session, uint64_t acknowledged)
{
    char what[160], restore[HIN_RESTORED_TEXT_BYTES], why[HIN_RESTORED_TEXT_BYTES + 40] = "";
    if (session->ingest->rolled_back || session->wire.state != HIN_WIRE_STATE_OPEN ||
        acknowledged <= session->welcomed) {
        return;
    }
    hin_restored_last_text(session->ingest->tenant, restore, sizeof(restore));
    if (restore[0] != '\0') {
        snprintf(why, sizeof(why), "; last accepted: %s", restore);
    }
    snprintf(what, sizeof(what), "its events were acknowledged up to %llu, there are %llu",
             (unsigned long long)acknowledged, (unsigned long long)session->welcomed);
    tell_rolled_back(session, what, why);
}

/* ---- damage ---- */

void hin_ingest_damage(struct hin_ingest *ingest, uint64_t count)
{
    int64_t now_usec = hin_clock_monotonic_usec(ingest->worker->clock);
    char text[160];
    ingest->worker->counters.store_damage_met++;
    if (ingest->damage_usec != 0 && now_usec - ingest->damage_usec < DAMAGE_USEC) {
        return; /* who searches again meets the same */
    }
    ingest->damage_usec = now_usec;
    hin_log(HIN_LOG_ERROR, "%llu stored objects are damaged and were left out of an answer",
            (unsigned long long)count);
    snprintf(text, sizeof(text), "%s: %llu objects were left out of an answer",
             hin_state_get(HIN_STATE_STORE_CORRUPT)->text, (unsigned long long)count);
    struct hin_result told = hin_ingest_state_event(ingest, HIN_STATE_STORE_CORRUPT, 0, "", text);
    if (!hin_is_ok(told)) {
        hin_log_result(HIN_LOG_ERROR, told, "the event of it");
    }
}

/* Of the installation's own tenant the first worker speaks, of another one who has it open. */
static bool speaks(const struct hin_ingest *ingest)
{
    return ingest->worker->instance == 0 || ingest->tenant->number != 0;
}

/* Any process may have marked them: the daily check, a merge, a commit. */
HIN_RESULT hin_ingest_tell_damage(struct hin_ingest *ingest)
{
    struct hin_store_stats stats;
    uint64_t told = 0;
    char text[160];
    if (!speaks(ingest)) {
        return hin_ok();
    }
    HIN_TRY(hin_store_damage_told(ingest->tenant->store, &told));
    HIN_TRY(hin_store_stats(ingest->tenant->store, &stats));
    if (stats.segments_damaged == told) {
        return hin_ok();
    }
    if (stats.segments_damaged > told) { /* else some have expired */
        snprintf(text, sizeof(text), "%s: %llu segments were found damaged",
                 hin_state_get(HIN_STATE_STORE_CORRUPT)->text,
                 (unsigned long long)(stats.segments_damaged - told));
        hin_log(HIN_LOG_ERROR, "%s", text);
        HIN_TRY(hin_ingest_state_event(ingest, HIN_STATE_STORE_CORRUPT, 0, "", text));
    }
    return hin_store_tell_damage(ingest->tenant->store, stats.segments_damaged);
}

HIN_RESULT hin_ingest_tell_salvage(struct hin_ingest *ingest)
{
    struct hin_store_salvages salvages;
    char text[200];
    HIN_TRY(hin_store_salvages(ingest->tenant->store, &salvages));
    if (!speaks(ingest) || salvages.told >= salvages.count) {
        return hin_ok();
    }
    snprintf(text, sizeof(text), "%s: %llu events and parts of %llu of its tables are lost",
             hin_state_get(HIN_STATE_STORE_SALVAGED)->text,
             (unsigned long long)salvages.last.events_lost,
             (unsigned long long)salvages.last.tables_broken);
    struct hin_audit audit = {
        .action = "store.salvaged",
        .outcome = "done",
        .actor = HIN_VIEW("manager"),
        .detail = hin_view_from_text(text),
    };
    HIN_TRY(hin_audit_write(ingest->tenant, &audit));
    HIN_TRY(hin_ingest_state_event(ingest, HIN_STATE_STORE_SALVAGED, 0, "", text));
    return hin_store_salvages_told(ingest->tenant->store, salvages.count);
}

struct telling {
    struct hin_ingest *ingest;
    int64_t last; /* document that was told */
};

static struct hin_result tell_restore(void *context, const struct hin_store_document *document)
{
    struct telling *telling = context;
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *parsed = NULL;
    struct hin_restore restore;
    struct hin_view record, statement, signature;
    uint8_t bytes[HIN_RESTORE_MAX_BYTES];
    char said[256], text[400];
    HIN_TRY(hin_json_parse(document->bytes, HIN_STORE_DOCUMENT_BYTES, &parsed, NULL));
    HIN_TRY(hin_json_get_text(hin_json_root(parsed), "record", &record, NULL));
    HIN_ENSURE(record.size <= 2 * sizeof(bytes), CORRUPT);
    HIN_TRY(hin_unhex(record, bytes, record.size / 2));
    HIN_TRY(
        hin_restore_decode(hin_view_of(bytes, record.size / 2), &restore, &statement, &signature));
    hin_restored_text(&restore, said, sizeof(said));
    snprintf(text, sizeof(text), "%s: %s", hin_state_get(HIN_STATE_STORE_RESTORED)->text, said);
    HIN_TRY(hin_ingest_state_event(telling->ingest, HIN_STATE_STORE_RESTORED, 0, "", text));
    telling->last = document->id;
    return hin_ok();
}

HIN_RESULT hin_ingest_tell_restore(struct hin_ingest *ingest)
{
    struct telling telling = {.ingest = ingest};
    struct hin_store *store = ingest->tenant->store;
    struct hin_store_listed listed;
    if (!speaks(ingest) || ingest->tenant->judgement.restore_size == 0) {
        return hin_ok();
    }
    HIN_TRY(hin_store_restores_told(store, &telling.last));
    struct hin_store_page page = {.after_id = telling.last};
    int64_t before = telling.last;
    HIN_TRY(hin_store_list(store, HIN_STORE_RESTORES, &page, tell_restore, &telling, &listed));
    return telling.last > before ? hin_store_tell_restores(store, telling.last) : hin_ok();
}

static HIN_RESULT tell_gaps(struct hin_ingest *ingest)
{
    int64_t fresh = 0;
    char text[200];
    /* Taken first: workers do not tell twice, and a full disk does not make an event each second.
     */
    HIN_TRY(hin_store_audit_gaps_take(ingest->tenant->store, &fresh));
    if (fresh == 0) {
        return hin_ok();
    }
    hin_log(HIN_LOG_ERROR,
            "entries of the audit record of tenant %s are lost or were altered: its entries "
            "\"audit.gap\" say which",
            ingest->tenant->id);
    snprintf(text, sizeof(text), "%s: %lld new entries \"audit.gap\"",
             hin_state_get(HIN_STATE_AUDIT_GAP)->text, (long long)fresh);
    return hin_ingest_state_event(ingest, HIN_STATE_AUDIT_GAP, 0, "", text);
}

void hin_ingest_tell_gaps(struct hin_ingest *ingest)
{
    if (ingest->blocked) {
        return;
    }
    struct hin_result told = tell_gaps(ingest);
    if (!hin_is_ok(told) && told.code != HIN_NO_SPACE && told.code != HIN_AGAIN) {
        hin_log_result(HIN_LOG_ERROR, told, "the event of a gap in the audit record");
    }
}
