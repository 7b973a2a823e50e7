#include "proof/evidence.h"

#include <string.h>

#include "base/bytes.h"
#include "data/json.h"
#include "proof/paper.h"

static const struct hin_paper paper = {
    .format = "hinomi-evidence",
    .name = "evidence",
    .domain = HIN_EVIDENCE_DOMAIN,
    .some = "evidence",
    .file_max = HIN_EVIDENCE_FILE_MAX,
    .statement_max = HIN_EVIDENCE_STATEMENT_MAX,
};

static const char *const outcomes[HIN_EVIDENCE_OUTCOME_COUNT] = {
    [HIN_EVIDENCE_PROVEN] = "proven",
    [HIN_EVIDENCE_FAILED] = "failed",
    [HIN_EVIDENCE_NOT_RUN] = "not run",
};

const char *hin_evidence_outcome_name(enum hin_evidence_outcome outcome)
{
    return outcome < HIN_EVIDENCE_OUTCOME_COUNT && outcomes[outcome] != NULL ? outcomes[outcome]
                                                                             : "unknown";
}

bool hin_evidence_outcome_from_name(struct hin_view name, enum hin_evidence_outcome *ret_outcome)
{
    for (unsigned i = HIN_EVIDENCE_PROVEN; i < HIN_EVIDENCE_OUTCOME_COUNT; i++) {
        if (hin_view_is(name, outcomes[i])) {
            *ret_outcome = (enum hin_evidence_outcome)i;
            return true;
        }
    }
    return false;
}

/* ---- writing ---- */

static void put_rows(struct hin_json_writer *writer, const char *name,
                     const struct hin_evidence_row *rows, size_t count)
{
    hin_json_key(writer, name);
    hin_json_begin_array(writer);
    for (size_t i = 0; i < count; i++) {
        hin_json_begin_object(writer);
        hin_json_field_text(writer, "name", rows[i].name);
        if (rows[i].text.data != NULL) {
            hin_json_field_text(writer, "value", rows[i].text);
        } else {
            hin_json_field_integer(writer, "value", rows[i].number);
        }
        hin_json_end_object(writer);
    }
    hin_json_end_array(writer);
}

static void put_evidence(struct hin_json_writer *writer, const struct hin_evidence *evidence)
{
    hin_json_begin_object(writer);
    /* The first is what hin_evidence_check compares. */
    hin_paper_put_hex(writer, "installation",
                      hin_view_of(evidence->installation, sizeof(evidence->installation)));
    hin_json_field_integer(writer, "number", evidence->number);
    hin_paper_put_hex(writer, "previous",
                      hin_view_of(evidence->previous, sizeof(evidence->previous)));
    hin_json_field_text(writer, "id", evidence->id);
    hin_json_field_text(writer, "probe", evidence->probe);
    hin_json_field_integer(writer, "probeVersion", evidence->probe_version);
    hin_json_field_integer(writer, "observed", evidence->observed_msec);
    hin_json_field_integer(writer, "validUntil", evidence->valid_until_msec);
    hin_json_field_cstring(writer, "outcome", hin_evidence_outcome_name(evidence->outcome));
    hin_json_field_text(writer, "reason", evidence->reason);
    put_rows(writer, "inputs", evidence->inputs, evidence->input_count);
    put_rows(writer, "measurements", evidence->measurements, evidence->measurement_count);
    hin_json_end_object(writer);
}

HIN_RESULT hin_evidence_encode(const struct hin_evidence *evidence, struct hin_buf *out)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = HIN_EVIDENCE_STATEMENT_MAX};
    struct hin_json_writer writer;
    hin_json_writer_init(&writer, &text, false);
    put_evidence(&writer, evidence);
    HIN_TRY(hin_json_writer_finish(&writer));
    return hin_buf_append(out, hin_buf_view(&text));
}

HIN_RESULT hin_evidence_text(struct hin_view statement, struct hin_buf *out)
{
    return hin_paper_text(&paper, statement, out);
}

HIN_RESULT hin_evidence_hash(struct hin_view statement, uint8_t ret_hash[HIN_SHA256_BYTES])
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = 2 * HIN_EVIDENCE_STATEMENT_MAX};
    HIN_TRY(hin_buf_append_text(&text, "hinomi evidence chain v1\n"));
    HIN_TRY(hin_buf_append(&text, statement));
    return hin_sha256(hin_buf_view(&text), ret_hash);
}

HIN_RESULT hin_evidence_check(struct hin_view statement,
                              const uint8_t installation[HIN_SHA256_BYTES])
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf head = {.max = 256};
    char hex[HIN_SHA256_HEX_BYTES];
    HIN_ENSURE(statement.size <= HIN_EVIDENCE_STATEMENT_MAX, LIMIT);
    hin_hex(installation, HIN_SHA256_BYTES, hex);
    HIN_TRY(hin_buf_printf(&head, "{\"installation\":\"%s\",\"number\":", hex));
    HIN_ENSURE(hin_view_starts_with(statement, hin_buf_view(&head)), INVALID);
    HIN_ENSURE(hin_view_ends_with(statement, HIN_VIEW("]}")), INVALID);
    for (size_t i = 0; i < statement.size; i++) { /* the writer escapes them */
        HIN_ENSURE(statement.data[i] >= 0x20 && statement.data[i] != 0x7f, INVALID);
    }
    return hin_ok();
}

HIN_RESULT hin_evidence_write(const struct hin_evidence *evidence,
                              const struct hin_evidence_seal *seal, struct hin_buf *out)
{
    struct hin_json_writer writer;
    struct hin_paper_seal all = {seal->signature, seal->key, seal->authority};
    hin_json_writer_init(&writer, out, true);
    hin_paper_begin(&paper, HIN_EVIDENCE_VERSION, &writer);
    put_evidence(&writer, evidence);
    return hin_paper_end(&all, &writer, out);
}

/* ---- reading ---- */

static HIN_RESULT get_text(struct hin_json object, const char *name, size_t most,
                           struct hin_view *ret_text, struct hin_error *error)
{
    HIN_TRY(hin_json_get_text(object, name, ret_text, error));
    return ret_text->size <= most
               ? hin_ok()
               : hin_error_set(error, HIN_LIMIT, NULL, 0, 0, "%s: too long", name);
}

static HIN_RESULT read_row(struct hin_json item, struct hin_evidence_row *row,
                           struct hin_error *error)
{
    struct hin_json value;
    HIN_TRY(get_text(item, "name", HIN_EVIDENCE_TEXT_MAX, &row->name, error));
    HIN_TRY(hin_json_member(item, "value", &value, error));
    if (hin_is_ok(hin_json_integer(value, INT64_MIN, INT64_MAX, &row->number, NULL))) {
        return hin_ok();
    }
    return get_text(item, "value", HIN_EVIDENCE_TEXT_MAX, &row->text, error);
}

static HIN_RESULT read_rows(struct hin_json object, const char *name,
                            struct hin_evidence_row rows[HIN_EVIDENCE_ROWS_MAX], size_t *count,
                            struct hin_error *error)
{
    struct hin_json items;
    HIN_TRY(hin_json_get_array(object, name, &items, count, error));
    if (*count > HIN_EVIDENCE_ROWS_MAX) {
        return hin_error_set(error, HIN_LIMIT, NULL, 0, 0, "%s: over %d rows", name,
                             (int)HIN_EVIDENCE_ROWS_MAX);
    }
    for (size_t i = 0; i < *count; i++) {
        HIN_TRY(read_row(hin_json_at(items, i), &rows[i], error));
    }
    return hin_ok();
}

static HIN_RESULT read_outcome(struct hin_json object, struct hin_evidence *evidence,
                               struct hin_error *error)
{
    struct hin_view name;
    HIN_TRY(hin_json_get_text(object, "outcome", &name, error));
    return hin_evidence_outcome_from_name(name, &evidence->outcome)
               ? hin_ok()
               : hin_error_set(error, HIN_SYNTAX, NULL, 0, 0,
                               "outcome: neither proven, failed nor not run");
}

static HIN_RESULT read_evidence(struct hin_json object, struct hin_evidence *evidence,
                                struct hin_error *error)
{
    HIN_TRY(hin_paper_get_digest(object, "installation", evidence->installation,
                                 sizeof(evidence->installation), error));
    HIN_TRY(hin_json_get_integer(object, "number", 1, INT64_MAX, &evidence->number, error));
    HIN_TRY(hin_paper_get_digest(object, "previous", evidence->previous, sizeof(evidence->previous),
                                 error));
    HIN_TRY(get_text(object, "id", HIN_EVIDENCE_TEXT_MAX, &evidence->id, error));
    HIN_TRY(get_text(object, "probe", HIN_EVIDENCE_PROBE_MAX, &evidence->probe, error));
    HIN_TRY(hin_json_get_integer(object, "probeVersion", 1, INT64_MAX, &evidence->probe_version,
                                 error));
    HIN_TRY(
        hin_json_get_integer(object, "observed", 0, INT64_MAX, &evidence->observed_msec, error));
    HIN_TRY(hin_json_get_integer(object, "validUntil", 0, INT64_MAX, &evidence->valid_until_msec,
                                 error));
    HIN_TRY(read_outcome(object, evidence, error));
    HIN_TRY(get_text(object, "reason", HIN_EVIDENCE_REASON_MAX, &evidence->reason, error));
    HIN_TRY(read_rows(object, "inputs", evidence->inputs, &evidence->input_count, error));
    return read_rows(object, "measurements", evidence->measurements, &evidence->measurement_count,
                     error);
}

/* ---- judging ---- */

static HIN_RESULT judge(struct hin_view file, const struct hin_evidence *evidence,
                        const struct hin_paper_bytes *bytes, struct hin_view fingerprint,
                        struct hin_key_memo *memo, struct hin_error *error)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf again = {.max = 2 * HIN_EVIDENCE_FILE_MAX};
    HIN_CLEANUP(hin_buf_done) struct hin_buf statement = {.max = HIN_EVIDENCE_STATEMENT_MAX};
    struct hin_paper_seal seal = hin_paper_seal_of(bytes);
    seal.memo = memo;
    struct hin_evidence_seal own = {seal.signature, seal.key, seal.authority};
    HIN_TRY(hin_evidence_write(evidence, &own, &again));
    HIN_TRY(hin_paper_check_form(&paper, file, hin_buf_view(&again), error));
    HIN_TRY(hin_evidence_encode(evidence, &statement));
    return hin_paper_judge(&paper, hin_buf_view(&statement), evidence->installation, &seal,
                           fingerprint, error);
}

HIN_RESULT hin_evidence_verify(struct hin_view file, struct hin_view fingerprint,
                               struct hin_json_document **ret_document,
                               struct hin_evidence *ret_evidence, struct hin_error *error)
{
    return hin_evidence_verify_next(file, fingerprint, NULL, ret_document, ret_evidence, error);
}

HIN_RESULT hin_evidence_verify_next(struct hin_view file, struct hin_view fingerprint,
                                    struct hin_key_memo *memo,
                                    struct hin_json_document **ret_document,
                                    struct hin_evidence *ret_evidence, struct hin_error *error)
{
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    HIN_CLEANUP(hin_paper_bytes_done) struct hin_paper_bytes bytes = {0};
    struct hin_evidence evidence = {0};
    struct hin_json statement;
    hin_paper_bytes_init(&bytes);
    HIN_TRY(hin_paper_check_frame(&paper, file, error));
    HIN_TRY(hin_json_parse(file, HIN_EVIDENCE_FILE_MAX, &document, error));
    HIN_TRY(hin_paper_read(&paper, HIN_EVIDENCE_VERSION, hin_json_root(document), &statement,
                           &bytes, error));
    HIN_TRY(read_evidence(statement, &evidence, error));
    HIN_TRY(judge(file, &evidence, &bytes, fingerprint, memo, error));
    *ret_document = document;
    document = NULL;
    *ret_evidence = evidence;
    return hin_ok();
}

/* ---- the chain ---- */

HIN_RESULT hin_evidence_chain_add(struct hin_evidence_chain *chain,
                                  const struct hin_evidence *evidence, struct hin_error *error)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf statement = {.max = HIN_EVIDENCE_STATEMENT_MAX};
    if (evidence->number != chain->number + 1) {
        return hin_error_set(
            error, HIN_CORRUPT, NULL, 0, 0, "evidence %lld is missing: the one after %lld is %lld",
            (long long)chain->number + 1, (long long)chain->number, (long long)evidence->number);
    }
    if (memcmp(evidence->previous, chain->hash, sizeof(chain->hash)) != 0) {
        return hin_error_set(error, HIN_CORRUPT, NULL, 0, 0,
                             "evidence %lld names another record before it than number %lld is",
                             (long long)evidence->number, (long long)chain->number);
    }
    HIN_TRY(hin_evidence_encode(evidence, &statement));
    HIN_TRY(hin_evidence_hash(hin_buf_view(&statement), chain->hash));
    chain->number = evidence->number;
    return hin_ok();
}
