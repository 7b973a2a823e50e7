#include "manager/probe/record.h"

#include <stdio.h>

#include "base/bytes.h"
#include "crypt/uuid.h"
#include "crypt/x509.h"
#include "data/json.h"
#include "manager/audit.h"
#include "proof/key.h"
#include "store/audit.h"
#include "store/documents.h"

enum { STATE_MAX = 1024 };

/* Slots of names: a record is found by its number, a state by what it is of. */
enum { SLOT = 0, SLOT_GUID = 1 };

/* ---- what is remembered beside the records ---- */

/* The document of this name; *ret_id 0 where there is none. ret_root lives with *ret_document. */
static HIN_RESULT find_state(struct hin_tenant *own, const char *name, int64_t *ret_id,
                             struct hin_json_document **ret_document)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = STATE_MAX};
    struct hin_store_document found;
    struct hin_result result = hin_store_find(own->store, HIN_STORE_PROBE_STATES, SLOT,
                                              hin_view_from_text(name), &text, &found);
    if (result.code == HIN_NOT_FOUND) {
        *ret_id = 0;
        *ret_document = NULL;
        return hin_ok();
    }
    HIN_TRY(result);
    HIN_TRY(hin_json_parse(hin_buf_view(&text), STATE_MAX, ret_document, NULL));
    *ret_id = found.id;
    return hin_ok();
}

static HIN_RESULT put_state(struct hin_tenant *own, const char *name, int64_t id,
                            struct hin_view text)
{
    uint64_t version = 0;
    struct hin_store_content content = {.bytes = text, .names = {hin_view_from_text(name)}};
    int64_t now_usec = hin_tenant_now_usec(own);
    if (id == 0) {
        return hin_store_create(own->store, HIN_STORE_PROBE_STATES, &content, now_usec, &id);
    }
    return hin_store_update(own->store, HIN_STORE_PROBE_STATES, id, 0, &content, now_usec,
                            &version);
}

static HIN_RESULT get_head(struct hin_tenant *own, struct hin_record_head *ret_head,
                           int64_t *ret_id)
{
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    struct hin_json root;
    struct hin_view hex;
    *ret_head = (struct hin_record_head){0};
    HIN_TRY(find_state(own, "head", ret_id, &document));
    if (document == NULL) {
        return hin_ok();
    }
    root = hin_json_root(document);
    HIN_TRY(hin_json_get_integer(root, "number", 1, INT64_MAX - 1, &ret_head->number, NULL));
    HIN_TRY(hin_json_get_text(root, "hash", &hex, NULL));
    HIN_ENSURE(hex.size == 2 * sizeof(ret_head->hash), CORRUPT);
    return hin_unhex(hex, ret_head->hash, sizeof(ret_head->hash));
}

static HIN_RESULT put_head(struct hin_tenant *own, const struct hin_record_head *head, int64_t id)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = STATE_MAX};
    char hex[HIN_SHA256_HEX_BYTES];
    hin_hex(head->hash, sizeof(head->hash), hex);
    HIN_TRY(
        hin_buf_printf(&text, "{\"number\":%lld,\"hash\":\"%s\"}", (long long)head->number, hex));
    return put_state(own, "head", id, hin_buf_view(&text));
}

void hin_record_state_name(const char *probe, char name[HIN_RECORD_STATE_NAME_BYTES])
{
    snprintf(name, HIN_RECORD_STATE_NAME_BYTES, "probe %s", probe);
}

static HIN_RESULT get_probe(struct hin_tenant *own, const char *probe,
                            struct hin_record_state *ret_state, int64_t *ret_id)
{
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    char name[HIN_RECORD_STATE_NAME_BYTES];
    struct hin_record_state state = {0};
    hin_record_state_name(probe, name);
    HIN_TRY(find_state(own, name, ret_id, &document));
    if (document != NULL) {
        struct hin_json root = hin_json_root(document);
        HIN_TRY(hin_json_get_integer(root, "last", 1, INT64_MAX, &state.last, NULL));
        HIN_TRY(hin_json_get_integer(root, "lastRan", 0, INT64_MAX, &state.last_ran, NULL));
        HIN_TRY(hin_json_get_integer(root, "observed", 0, INT64_MAX, &state.observed_usec, NULL));
        HIN_TRY(hin_json_get_boolean(root, "broken", &state.broken, NULL));
        HIN_TRY(hin_json_get_integer(root, "idle", 0, INT64_MAX - 1, &state.idle, NULL));
        HIN_TRY(hin_json_opt_integer(root, "version", 0, INT64_MAX, &state.version, NULL));
    }
    *ret_state = state;
    return hin_ok();
}

HIN_RESULT hin_record_head_of(struct hin_tenant *own, struct hin_record_head *ret_head)
{
    int64_t id = 0;
    return get_head(own, ret_head, &id);
}

HIN_RESULT hin_record_state_of(struct hin_tenant *own, const char *probe,
                               struct hin_record_state *ret_state)
{
    int64_t id = 0;
    return get_probe(own, probe, ret_state, &id);
}

static HIN_RESULT put_probe(struct hin_tenant *own, const struct hin_probe *probe, int64_t number,
                            enum hin_evidence_outcome outcome, int64_t now_usec)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = STATE_MAX};
    char name[HIN_RECORD_STATE_NAME_BYTES];
    struct hin_record_state state;
    int64_t id = 0;
    hin_record_state_name(probe->name, name);
    HIN_TRY(get_probe(own, probe->name, &state, &id));
    state.idle++;
    if (outcome != HIN_EVIDENCE_NOT_RUN) {
        state.idle = 0;
        state.last_ran = number;
        state.broken = outcome == HIN_EVIDENCE_FAILED;
    }
    HIN_TRY(hin_buf_printf(&text,
                           "{\"last\":%lld,\"lastRan\":%lld,\"observed\":%lld,\"idle\":%lld,"
                           "\"version\":%lld,\"broken\":%s}",
                           (long long)number, (long long)state.last_ran, (long long)now_usec,
                           (long long)state.idle, (long long)probe->version,
                           state.broken ? "true" : "false"));
    return put_state(own, name, id, hin_buf_view(&text));
}

/* ---- making a record ---- */

struct making {
    struct hin_evidence evidence;
    char guid[HIN_UUID_TEXT_BYTES];
    struct hin_record_head head;
    int64_t head_id;
    struct hin_buf file, document;
};

static void making_done(struct making *making)
{
    hin_buf_done(&making->file);
    hin_buf_done(&making->document);
}

static void copy_rows(const struct hin_trial_rows *from, struct hin_evidence_row *to,
                      size_t *ret_count)
{
    for (size_t i = 0; i < from->count; i++) {
        to[i] = from->items[i];
    }
    *ret_count = from->count;
}

static void fill(struct hin_evidence *evidence, const struct hin_probe *probe,
                 const struct hin_trial *trial, int64_t now_usec)
{
    evidence->probe = hin_view_from_text(probe->name);
    evidence->probe_version = probe->version;
    evidence->observed_msec = now_usec / HIN_MSEC_USEC;
    evidence->valid_until_msec = (now_usec + hin_probe_valid_usec(probe)) / HIN_MSEC_USEC;
    evidence->outcome = hin_trial_outcome(trial);
    evidence->reason = hin_trial_reason(trial);
    copy_rows(&trial->inputs, evidence->inputs, &evidence->input_count);
    copy_rows(&trial->measurements, evidence->measurements, &evidence->measurement_count);
}

/* Numbered, chained, signed: the file, and the head as it is after it. */
static HIN_RESULT sign(struct hin_tenant *own, struct making *making)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf authority = {.max = HIN_X509_MAX_BYTES};
    HIN_CLEANUP(hin_buf_done) struct hin_buf key = {.max = HIN_KEY_STATEMENT_MAX};
    HIN_CLEANUP(hin_buf_done) struct hin_buf statement = {.max = HIN_EVIDENCE_STATEMENT_MAX};
    struct hin_evidence *evidence = &making->evidence;
    uint8_t signature[HIN_SIGN_BYTES];
    HIN_TRY(get_head(own, &making->head, &making->head_id));
    evidence->number = making->head.number + 1;
    hin_copy(evidence->previous, making->head.hash, sizeof(evidence->previous));
    HIN_TRY(hin_uuid_new(making->guid));
    evidence->id = hin_view_from_text(making->guid);
    own->key_use_count += 3;
    HIN_TRY(hin_keys_ca(&own->keys, &authority));
    HIN_TRY(hin_sha256(hin_buf_view(&authority), evidence->installation));
    HIN_TRY(hin_evidence_encode(evidence, &statement));
    HIN_TRY(hin_keys_evidence_sign(&own->keys, hin_buf_view(&statement), signature));
    HIN_TRY(hin_keys_checkpoint_certify(&own->keys, &key));
    struct hin_evidence_seal seal = {hin_view_of(signature, sizeof(signature)), hin_buf_view(&key),
                                     hin_buf_view(&authority)};
    HIN_TRY(hin_evidence_write(evidence, &seal, &making->file));
    making->head.number = evidence->number;
    return hin_evidence_hash(hin_buf_view(&statement), making->head.hash);
}

/* As the API's table "Evidence" has it. */
static HIN_RESULT make_document(struct making *making)
{
    const struct hin_evidence *evidence = &making->evidence;
    struct hin_json_writer writer;
    hin_json_writer_init(&writer, &making->document, false);
    hin_json_begin_object(&writer);
    hin_json_field_text(&writer, "guid", evidence->id);
    hin_json_field_integer(&writer, "number", evidence->number);
    hin_json_field_text(&writer, "probe", evidence->probe);
    hin_json_field_integer(&writer, "probeVersion", evidence->probe_version);
    hin_json_field_cstring(&writer, "outcome", hin_evidence_outcome_name(evidence->outcome));
    hin_json_field_integer(&writer, "observed", evidence->observed_msec);
    hin_json_field_integer(&writer, "validUntil", evidence->valid_until_msec);
    hin_json_field_text(&writer, "reason", evidence->reason);
    hin_json_field_text(&writer, "file", hin_buf_view(&making->file));
    hin_json_end_object(&writer);
    return hin_json_writer_finish(&writer);
}

/* What the last entry of its kind in the audit record says, and hin_record_verify reads. */
static HIN_RESULT write_audit(struct hin_tenant *own, const struct making *making)
{
    char hex[HIN_SHA256_HEX_BYTES];
    char detail[256];
    hin_hex(making->head.hash, sizeof(making->head.hash), hex);
    snprintf(detail, sizeof(detail), "%s %.*s: %s", hex, HIN_ARGS(making->evidence.probe),
             hin_evidence_outcome_name(making->evidence.outcome));
    struct hin_audit audit = {
        .action = "evidence.record",
        .outcome = "done",
        .actor = HIN_VIEW("jobs"),
        .kind = "evidence",
        .object = making->evidence.number,
        .detail = hin_view_from_text(detail),
    };
    return hin_audit_write(own, &audit);
}

static HIN_RESULT store(struct hin_tenant *own, const struct hin_probe *probe,
                        struct making *making, int64_t now_usec)
{
    char number[24];
    int64_t id = 0;
    snprintf(number, sizeof(number), "%lld", (long long)making->evidence.number);
    struct hin_store_content content = {
        .bytes = hin_buf_view(&making->document),
        .names = {[SLOT] = hin_view_from_text(number), [SLOT_GUID] = making->evidence.id}};
    HIN_TRY(hin_store_create(own->store, HIN_STORE_EVIDENCE, &content, now_usec, &id));
    HIN_TRY(put_head(own, &making->head, making->head_id));
    if (probe != NULL) {
        HIN_TRY(put_probe(own, probe, making->evidence.number, making->evidence.outcome, now_usec));
    }
    return write_audit(own, making);
}

/* probe NULL: the record is none of a probe's. */
static HIN_RESULT record(struct hin_tenant *own, const struct hin_probe *probe,
                         struct making *making, int64_t now_usec, int64_t *ret_number)
{
    HIN_TRY(sign(own, making));
    HIN_TRY(make_document(making));
    HIN_TRY(hin_store_begin(own->store));
    struct hin_result stored = store(own, probe, making, now_usec);
    struct hin_result ended = hin_store_end(own->store, hin_is_ok(stored));
    HIN_TRY(stored);
    HIN_TRY(ended);
    *ret_number = making->evidence.number;
    return hin_ok();
}

HIN_RESULT hin_record_evidence(struct hin_tenant *own, const struct hin_probe *probe,
                               const struct hin_trial *trial, int64_t now_usec, int64_t *ret_number)
{
    HIN_CLEANUP(making_done)
    struct making making = {.file = {.max = HIN_EVIDENCE_FILE_MAX},
                            .document = {.max = HIN_RECORD_TEXT_MAX}};
    fill(&making.evidence, probe, trial, now_usec);
    return record(own, probe, &making, now_usec, ret_number);
}

HIN_RESULT hin_record_loss(struct hin_tenant *own, const struct hin_evidence_loss *loss,
                           int64_t now_usec, int64_t *ret_number)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = 2 * HIN_EVIDENCE_REASON_MAX};
    HIN_CLEANUP(making_done)
    struct making making = {.file = {.max = HIN_EVIDENCE_FILE_MAX},
                            .document = {.max = HIN_RECORD_TEXT_MAX}};
    making.evidence.observed_msec = now_usec / HIN_MSEC_USEC;
    making.evidence.valid_until_msec = now_usec / HIN_MSEC_USEC;
    HIN_TRY(hin_evidence_loss_put(loss, &text, &making.evidence));
    return record(own, NULL, &making, now_usec, ret_number);
}

/* ---- reading ---- */

HIN_RESULT hin_record_text(struct hin_tenant *own, int64_t number, struct hin_buf *ret_text)
{
    struct hin_store_document found;
    char name[24];
    snprintf(name, sizeof(name), "%lld", (long long)number);
    return hin_store_find(own->store, HIN_STORE_EVIDENCE, SLOT, hin_view_from_text(name), ret_text,
                          &found);
}

HIN_RESULT hin_record_file_of(struct hin_view text, struct hin_buf *ret_file)
{
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    struct hin_view file;
    HIN_TRY(hin_json_parse(text, HIN_RECORD_TEXT_MAX, &document, NULL));
    HIN_TRY(hin_json_get_text(hin_json_root(document), "file", &file, NULL));
    return hin_buf_append(ret_file, file);
}

HIN_RESULT hin_record_file(struct hin_tenant *own, int64_t number, struct hin_buf *ret_file)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = HIN_RECORD_TEXT_MAX};
    HIN_TRY(hin_record_text(own, number, &text));
    return hin_record_file_of(hin_buf_view(&text), ret_file);
}

HIN_RESULT hin_record_judge(struct hin_view file, const struct hin_record_judges *judges,
                            struct hin_json_document **ret_document,
                            struct hin_evidence *ret_evidence, struct hin_error *error)
{
    const struct hin_view authorities[] = {judges->authority, judges->former};
    struct hin_result verified = hin_fail(HIN_AUTH);
    for (size_t i = 0; i < HIN_COUNT(authorities) && !hin_is_ok(verified); i++) {
        uint8_t digest[HIN_SHA256_BYTES]; /* what a fingerprint is */
        char fingerprint[HIN_SHA256_HEX_BYTES];
        if (authorities[i].size > 0) {
            HIN_TRY(hin_sha256(authorities[i], digest));
            hin_hex(digest, sizeof(digest), fingerprint);
            verified = hin_evidence_verify_next(file, hin_view_from_text(fingerprint), judges->memo,
                                                ret_document, ret_evidence, error);
        }
    }
    return verified;
}

/* A true record of another probe, or of another time, proves nothing here. */
static HIN_RESULT check_place(const struct hin_evidence *evidence, const char *probe,
                              int64_t number, struct hin_error *error)
{
    if (evidence->number == number && hin_view_is(evidence->probe, probe)) {
        return hin_ok();
    }
    return hin_error_set(error, HIN_CORRUPT, NULL, 0, 0,
                         "in the place of evidence %lld lies number %lld, of probe %.*s",
                         (long long)number, (long long)evidence->number, HIN_ARGS(evidence->probe));
}

static HIN_RESULT read_newest(struct hin_tenant *own, const char *probe,
                              const struct hin_record_judges *judges, struct hin_told *told,
                              struct hin_json_document **ret_document,
                              struct hin_evidence *ret_evidence, struct hin_error *error)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf file = {.max = HIN_EVIDENCE_FILE_MAX};
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    struct hin_record_state state;
    struct hin_evidence evidence;
    int64_t now_usec = hin_tenant_now_usec(own);
    HIN_TRY(hin_record_state_of(own, probe, &state));
    HIN_ENSURE(state.last_ran > 0, NOT_FOUND);
    struct hin_result read = hin_record_file(own, state.last_ran, &file);
    if (read.code == HIN_NOT_FOUND) {
        return hin_error_set(error, HIN_CORRUPT, NULL, 0, 0, "evidence %lld is missing",
                             (long long)state.last_ran);
    }
    HIN_TRY(read);
    HIN_TRY(hin_record_judge(hin_buf_view(&file), judges, &document, &evidence, error));
    HIN_TRY(check_place(&evidence, probe, state.last_ran, error));
    HIN_TRY(hin_told_read(own, told, now_usec));
    HIN_TRY(hin_told_check(told, &evidence, now_usec, error));
    *ret_document = document;
    document = NULL;
    *ret_evidence = evidence;
    return hin_ok();
}

HIN_RESULT hin_record_newest(struct hin_tenant *own, const char *probe,
                             const struct hin_record_judges *judges, struct hin_told *told,
                             struct hin_json_document **ret_document,
                             struct hin_evidence *ret_evidence, struct hin_error *error)
{
    struct hin_result read =
        read_newest(own, probe, judges, told, ret_document, ret_evidence, error);
    /* A record may be stored between one look and the next. */
    return read.code == HIN_CORRUPT
               ? read_newest(own, probe, judges, told, ret_document, ret_evidence, error)
               : read;
}

/* ---- what the audit record says ---- */

/* "HEX PROBE: OUTCOME", as write_audit has it. */
static bool read_detail(struct hin_view detail, struct hin_record_entry *entry)
{
    struct hin_view outcome;
    return hin_view_split(&detail, ' ', &entry->hash) &&
           entry->hash.size == 2 * (size_t)HIN_SHA256_BYTES &&
           hin_view_split(&detail, ':', &entry->probe) && detail.size > 1 &&
           (outcome = hin_view_sub(detail, 1, SIZE_MAX), true) &&
           hin_evidence_outcome_from_name(outcome, &entry->outcome);
}

bool hin_record_entry_read(const struct hin_store_audit *stored,
                           struct hin_json_document **ret_document,
                           struct hin_record_entry *ret_entry)
{
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    struct hin_record_entry entry = {0};
    struct hin_view action, detail;
    if (stored->bytes.size == 0 ||
        !hin_is_ok(hin_json_parse(stored->bytes, HIN_STORE_AUDIT_MAX_BYTES, &document, NULL))) {
        return false; /* damage of the audit record is its own check's affair */
    }
    struct hin_json root = hin_json_root(document);
    if (!hin_is_ok(hin_json_get_text(root, "action", &action, NULL)) ||
        !hin_view_is(action, "evidence.record") ||
        !hin_is_ok(hin_json_get_integer(root, "object", 1, INT64_MAX, &entry.number, NULL)) ||
        !hin_is_ok(hin_json_get_text(root, "detail", &detail, NULL)) ||
        !read_detail(detail, &entry)) {
        return false;
    }
    *ret_document = document;
    document = NULL;
    *ret_entry = entry;
    return true;
}
