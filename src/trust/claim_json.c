/* A claim and its state as JSON, and the state out of it. */
#include "base/time.h"
#include "trust/catalogue.h"

static void write_words(struct hin_json_writer *writer, const char *key, struct hin_view words)
{
    struct hin_view word;
    hin_json_key(writer, key);
    hin_json_begin_array(writer);
    while (hin_view_split(&words, ' ', &word)) {
        if (word.size > 0) {
            hin_json_put_text(writer, word);
        }
    }
    hin_json_end_array(writer);
}

static void write_list(struct hin_json_writer *writer, const char *key,
                       const struct hin_view *items, size_t count)
{
    hin_json_key(writer, key);
    hin_json_begin_array(writer);
    for (size_t i = 0; i < count; i++) {
        hin_json_put_text(writer, items[i]);
    }
    hin_json_end_array(writer);
}

static void write_time(struct hin_json_writer *writer, const char *key, int64_t usec)
{
    hin_json_key(writer, key);
    if (usec != 0) {
        hin_json_put_integer(writer, usec / HIN_MSEC_USEC);
    } else {
        hin_json_put_null(writer);
    }
}

static void write_text_or_null(struct hin_json_writer *writer, const char *key,
                               struct hin_view text)
{
    hin_json_key(writer, key);
    if (text.size > 0) {
        hin_json_put_text(writer, text);
    } else {
        hin_json_put_null(writer);
    }
}

static void write_state(struct hin_json_writer *writer, const struct hin_claim_state *state)
{
    hin_json_field_cstring(writer, "status", hin_claim_status_name(state->status));
    write_time(writer, "observed", state->observed_usec);
    write_time(writer, "validUntil", state->valid_until_usec);
    write_text_or_null(writer, "evidenceID", state->evidence_id);
    write_list(writer, "evidenceIDs", state->evidence_ids, state->evidence_count);
    write_text_or_null(writer, "probe", state->probe);
    hin_json_field_text(writer, "reason", state->reason);
}

static void write_mappings(struct hin_json_writer *writer, const struct hin_claim *claim)
{
    hin_json_key(writer, "mappings");
    hin_json_begin_array(writer);
    for (size_t i = 0; i < claim->mapping_count; i++) {
        const struct hin_claim_mapping *mapping = &claim->mappings[i];
        hin_json_begin_object(writer);
        hin_json_field_text(writer, "framework", mapping->framework->id);
        hin_json_field_text(writer, "control", mapping->control);
        hin_json_field_cstring(writer, "degree", hin_degree_name(mapping->degree));
        hin_json_end_object(writer);
    }
    hin_json_end_array(writer);
}

void hin_claim_write(struct hin_json_writer *writer, const struct hin_claim *claim,
                     const struct hin_claim_state *state)
{
    hin_json_begin_object(writer);
    hin_json_field_text(writer, "ID", claim->id);
    hin_json_field_cstring(writer, "service", hin_claim_service_name(claim->service));
    hin_json_field_cstring(writer, "pillar", hin_claim_pillar_name(claim->pillar));
    hin_json_field_cstring(writer, "kind", hin_claim_kind_name(claim->kind));
    hin_json_key(writer, "statement");
    hin_json_begin_object(writer);
    for (unsigned i = 0; i < HIN_LANGUAGE_COUNT; i++) {
        hin_json_field_text(writer, hin_language_name((enum hin_language)i),
                            claim->statement.in[i]);
    }
    hin_json_end_object(writer);
    hin_json_field_text(writer, "owner", claim->owner->id);
    hin_json_field_text(writer, "cadence", claim->cadence);
    write_words(writer, "rows", claim->rows);
    write_list(writer, "probes", claim->probes, claim->probe_count);
    write_state(writer, state);
    write_mappings(writer, claim);
    hin_json_end_object(writer);
}

static HIN_RESULT read_time(struct hin_json element, const char *key, int64_t *ret_usec,
                            struct hin_error *error)
{
    int64_t msec = 0;
    HIN_TRY(hin_json_opt_integer(element, key, 0, HIN_CLAIM_MSEC_MAX, &msec, error));
    *ret_usec = msec * HIN_MSEC_USEC;
    return hin_ok();
}

/* One word of ASCII: it becomes a title and a link. */
static bool is_id(struct hin_view text)
{
    bool good = text.size > 0;
    for (size_t i = 0; i < text.size && good; i++) {
        good = text.data[i] > ' ' && text.data[i] < 0x7f;
    }
    return good;
}

static HIN_RESULT read_ids(struct hin_json element, struct hin_claim_state *state,
                           struct hin_error *error)
{
    struct hin_json ids;
    size_t count = 0;
    HIN_TRY(hin_json_get_array(element, "evidenceIDs", &ids, &count, error));
    if (count > HIN_CLAIM_PROBES_MAX) {
        return hin_json_refuse(ids, error, HIN_INVALID, "more than %d of them",
                               HIN_CLAIM_PROBES_MAX);
    }
    for (size_t i = 0; i < count; i++) {
        struct hin_json id = hin_json_at(ids, i);
        HIN_TRY(hin_json_text(id, &state->evidence_ids[i], error));
        if (!is_id(state->evidence_ids[i])) {
            return hin_json_refuse(id, error, HIN_INVALID, "no evidence record has such a name");
        }
    }
    state->evidence_count = count;
    return hin_ok();
}

HIN_RESULT hin_claim_read_state(struct hin_json element, struct hin_claim_state *ret_state,
                                struct hin_error *error)
{
    struct hin_claim_state state = {0};
    struct hin_view status;
    HIN_TRY(hin_json_get_text(element, "status", &status, error));
    if (!hin_claim_status_from_name(status, &state.status)) {
        return hin_json_refuse(element, error, HIN_INVALID, "\"%.*s\" is no status of a claim",
                               HIN_ARGS(hin_view_sub(status, 0, 64)));
    }
    HIN_TRY(read_time(element, "observed", &state.observed_usec, error));
    HIN_TRY(read_time(element, "validUntil", &state.valid_until_usec, error));
    HIN_TRY(hin_json_opt_text(element, "evidenceID", &state.evidence_id, error));
    HIN_TRY(read_ids(element, &state, error));
    HIN_TRY(hin_json_opt_text(element, "probe", &state.probe, error));
    HIN_TRY(hin_json_opt_text(element, "reason", &state.reason, error));
    *ret_state = state;
    return hin_ok();
}
