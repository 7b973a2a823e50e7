#include "trust/oscal.h"

#include <stdio.h>

#include "base/bytes.h"
#include "base/time.h"
#include "crypt/hash.h"
#include "trust/words.h"

enum { UUID_TEXT_BYTES = 37, TOKEN_MAX = 512, TITLE_MAX = 65536, TIME_BYTES = 40 };

struct oscal {
    const struct hin_report *report;
    const struct hin_framework *framework;
    enum hin_language language;
    uint8_t seed[HIN_SHA256_BYTES]; /* of the content: every UUID follows from it */
    enum hin_code failure;          /* the first */
    struct hin_json_writer writer;
};

static const char *word(const struct oscal *oscal, enum hin_word which)
{
    return hin_word(which, oscal->language);
}

static void note(struct oscal *oscal, struct hin_result result)
{
    oscal->failure = oscal->failure == HIN_OK ? result.code : oscal->failure;
}

/* ---- UUIDs, tokens, times ---- */

static HIN_RESULT make_seed(struct oscal *oscal)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf content = {.max = 2 * (size_t)HIN_REPORT_JSON_MAX};
    HIN_TRY(hin_report_write(oscal->report, false, &content));
    HIN_TRY(hin_buf_printf(&content, "\n%.*s\n%s\n", HIN_ARGS(oscal->framework->id),
                           hin_language_name(oscal->language)));
    return hin_sha256(hin_buf_view(&content), oscal->seed);
}

/* Of a thing of this document: "finding", "4.2.1". */
static void uuid_of(struct oscal *oscal, const char *kind, struct hin_view name,
                    char ret_text[UUID_TEXT_BYTES])
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf input = {.max = 8192};
    uint8_t digest[HIN_SHA256_BYTES] = {0};
    struct hin_result result = hin_buf_append(&input, hin_view_of(oscal->seed, HIN_SHA256_BYTES));
    result = hin_is_ok(result) ? hin_buf_printf(&input, "%s\n", kind) : result;
    result = hin_is_ok(result) ? hin_buf_append(&input, name) : result;
    result = hin_is_ok(result) ? hin_sha256(hin_buf_view(&input), digest) : result;
    note(oscal, result);
    digest[6] = (uint8_t)((digest[6] & 0x0f) | 0x50);
    digest[8] = (uint8_t)((digest[8] & 0x3f) | 0x80);
    char hex[2 * 16 + 1];
    hin_hex(digest, 16, hex);
    (void)snprintf(ret_text, UUID_TEXT_BYTES, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12,
                   hex + 16, hex + 20);
}

static void put_uuid(struct oscal *oscal, const char *key, const char *kind, struct hin_view name)
{
    char uuid[UUID_TEXT_BYTES];
    uuid_of(oscal, kind, name, uuid);
    hin_json_field_cstring(&oscal->writer, key, uuid);
}

static HIN_RESULT add_token_byte(struct hin_buf *token, uint8_t byte)
{
    bool kept = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                (byte >= '0' && byte <= '9') || byte == '.' || byte == '-';
    if (kept || byte == '(') {
        return hin_buf_append_byte(token, kept ? byte : '.');
    }
    return byte == ')' ? hin_ok() : hin_buf_printf(token, "_%02x", byte);
}

/* "gdpr_32.1.a": ASCII's letters, digits, '.', '-' and '_' alone, and a letter or '_' first, though
 * a framework's name may begin with another. */
static HIN_RESULT make_token(const struct oscal *oscal, struct hin_view control,
                             struct hin_buf *token)
{
    struct hin_view framework = oscal->framework->id;
    bool letter = framework.size > 0 && framework.data[0] >= 'a' && framework.data[0] <= 'z';
    HIN_TRY(hin_buf_printf(token, "%s%.*s_", letter ? "" : "_", HIN_ARGS(framework)));
    for (size_t i = 0; i < control.size; i++) {
        HIN_TRY(add_token_byte(token, control.data[i]));
    }
    return hin_ok();
}

static void put_token(struct oscal *oscal, const char *key, struct hin_view control)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf token = {.max = TOKEN_MAX};
    note(oscal, make_token(oscal, control, &token));
    hin_json_field_text(&oscal->writer, key, hin_buf_view(&token));
}

static void put_time(struct oscal *oscal, const char *key, int64_t usec)
{
    char text[TIME_BYTES];
    hin_time_format_rfc3339(usec, 0, text, sizeof(text));
    hin_json_field_cstring(&oscal->writer, key, text);
}

static void put_property(struct oscal *oscal, const char *name, struct hin_view value)
{
    struct hin_json_writer *writer = &oscal->writer;
    hin_json_begin_object(writer);
    hin_json_field_cstring(writer, "name", name);
    hin_json_field_cstring(writer, "ns", HIN_OSCAL_NAMESPACE);
    hin_json_field_text(writer, "value", value);
    hin_json_end_object(writer);
}

static void put_count(struct oscal *oscal, const char *name, size_t count)
{
    char text[24];
    (void)snprintf(text, sizeof(text), "%zu", count);
    put_property(oscal, name, hin_view_from_text(text));
}

static void begin_list(struct oscal *oscal, const char *key)
{
    hin_json_key(&oscal->writer, key);
    hin_json_begin_array(&oscal->writer);
}

/* ---- claims ---- */

static const struct hin_claim *claims_of(const struct oscal *oscal, size_t *ret_count)
{
    return hin_catalogue_claims(oscal->report->catalogue, ret_count);
}

/* control empty: any of the framework. */
static bool maps_to(const struct oscal *oscal, const struct hin_claim *claim,
                    struct hin_view control)
{
    for (size_t i = 0; i < claim->mapping_count; i++) {
        if (claim->mappings[i].framework == oscal->framework &&
            (control.size == 0 || hin_view_equal(claim->mappings[i].control, control))) {
            return true;
        }
    }
    return false;
}

/* Has anything looked at it? Then there is an observation; also when what was seen is that the
 * record is missing. */
static bool is_observed(const struct hin_claim_state *state)
{
    return (state->evidence_count > 0 || state->status == HIN_CLAIM_FAILED) &&
           state->observed_usec != 0;
}

static bool is_any_observed(const struct oscal *oscal, struct hin_view control)
{
    size_t count = 0;
    const struct hin_claim *claims = claims_of(oscal, &count);
    for (size_t i = 0; i < count; i++) {
        if (maps_to(oscal, &claims[i], control) && is_observed(&oscal->report->states[i])) {
            return true;
        }
    }
    return false;
}

/* ---- the parts ---- */

static void put_metadata(struct oscal *oscal)
{
    struct hin_json_writer *writer = &oscal->writer;
    char digest[HIN_SHA256_HEX_BYTES], version[TIME_BYTES];
    hin_catalogue_digest(oscal->report->catalogue, digest);
    hin_time_format_rfc3339(oscal->report->at_usec, 0, version, sizeof(version));
    hin_json_key(writer, "metadata");
    hin_json_begin_object(writer);
    hin_json_field_text(writer, "title", oscal->framework->title.in[oscal->language]);
    hin_json_field_cstring(writer, "last-modified", version);
    hin_json_field_cstring(writer, "version", version);
    hin_json_field_cstring(writer, "oscal-version", HIN_OSCAL_VERSION);
    begin_list(oscal, "props");
    put_property(oscal, "language", hin_view_from_text(hin_language_name(oscal->language)));
    put_property(oscal, "framework", oscal->framework->id);
    put_property(oscal, "catalogue", hin_view_from_text(digest));
    put_property(oscal, "generator", HIN_VIEW("Hinomi " HIN_VERSION));
    if (oscal->report->installation[0] != '\0') {
        put_property(oscal, "installation", hin_view_from_text(oscal->report->installation));
    }
    hin_json_end_array(writer);
    hin_json_field_cstring(writer, "remarks", word(oscal, HIN_WORD_MAPPED_ONLY));
    hin_json_end_object(writer);
}

/* OSCAL wants a plan to refer to: it is the catalogue, which a resource below stands for. */
static void put_plan(struct oscal *oscal)
{
    struct hin_json_writer *writer = &oscal->writer;
    char uuid[UUID_TEXT_BYTES], href[UUID_TEXT_BYTES + 1];
    uuid_of(oscal, "resource", HIN_VIEW("catalogue"), uuid);
    (void)snprintf(href, sizeof(href), "#%s", uuid);
    hin_json_key(writer, "import-ap");
    hin_json_begin_object(writer);
    hin_json_field_cstring(writer, "href", href);
    hin_json_end_object(writer);
}

static void put_reviewed(struct oscal *oscal)
{
    struct hin_json_writer *writer = &oscal->writer;
    const struct hin_framework *framework = oscal->framework;
    enum hin_degree degree;
    enum hin_claim_status status;
    hin_json_key(writer, "reviewed-controls");
    hin_json_begin_object(writer);
    hin_json_field_cstring(writer, "description", word(oscal, HIN_WORD_MAPPED_ONLY));
    begin_list(oscal, "control-selections");
    hin_json_begin_object(writer);
    begin_list(oscal, "include-controls");
    for (size_t i = 0; i < framework->control_count; i++) {
        struct hin_view control = framework->controls[i];
        if (hin_report_control(oscal->report, framework, control, &degree, &status)) {
            hin_json_begin_object(writer);
            put_token(oscal, "control-id", control);
            hin_json_end_object(writer);
        }
    }
    hin_json_end_array(writer);
    hin_json_end_object(writer);
    hin_json_end_array(writer);
    hin_json_end_object(writer);
}

static void put_evidence(struct oscal *oscal, const struct hin_claim_state *state)
{
    struct hin_json_writer *writer = &oscal->writer;
    if (state->evidence_count == 0) {
        return; /* a list that is there has an element */
    }
    begin_list(oscal, "relevant-evidence");
    for (size_t i = 0; i < state->evidence_count; i++) {
        char uuid[UUID_TEXT_BYTES], href[UUID_TEXT_BYTES + 1];
        uuid_of(oscal, "resource", state->evidence_ids[i], uuid);
        (void)snprintf(href, sizeof(href), "#%s", uuid);
        hin_json_begin_object(writer);
        hin_json_field_cstring(writer, "href", href);
        hin_json_field_text(writer, "description", state->evidence_ids[i]);
        hin_json_end_object(writer);
    }
    hin_json_end_array(writer);
}

static void put_observation(struct oscal *oscal, const struct hin_claim *claim,
                            const struct hin_claim_state *state)
{
    struct hin_json_writer *writer = &oscal->writer;
    hin_json_begin_object(writer);
    put_uuid(oscal, "uuid", "observation", claim->id);
    hin_json_field_text(writer, "title", claim->id);
    hin_json_field_text(writer, "description", claim->statement.in[oscal->language]);
    begin_list(oscal, "props");
    put_property(oscal, "claim", claim->id);
    put_property(oscal, "status", hin_view_from_text(hin_claim_status_name(state->status)));
    for (size_t i = 0; i < claim->probe_count; i++) {
        put_property(oscal, "probe", claim->probes[i]);
    }
    hin_json_end_array(writer);
    begin_list(oscal, "methods");
    hin_json_put_cstring(writer, "TEST");
    hin_json_end_array(writer);
    begin_list(oscal, "types");
    hin_json_put_cstring(writer, "control-objective");
    hin_json_end_array(writer);
    put_evidence(oscal, state);
    put_time(oscal, "collected", state->observed_usec);
    if (state->valid_until_usec != 0) {
        put_time(oscal, "expires", state->valid_until_usec);
    }
    if (state->reason.size > 0) {
        hin_json_field_text(writer, "remarks", state->reason);
    }
    hin_json_end_object(writer);
}

static void put_observations(struct oscal *oscal)
{
    size_t count = 0;
    const struct hin_claim *claims = claims_of(oscal, &count);
    if (!is_any_observed(oscal, HIN_VIEW_EMPTY)) {
        return; /* a list that is there has an element */
    }
    begin_list(oscal, "observations");
    for (size_t i = 0; i < count; i++) {
        if (maps_to(oscal, &claims[i], HIN_VIEW_EMPTY) && is_observed(&oscal->report->states[i])) {
            put_observation(oscal, &claims[i], &oscal->report->states[i]);
        }
    }
    hin_json_end_array(&oscal->writer);
}

/* ---- findings ---- */

/* Is a claim that answers the control by itself proven? */
static bool is_shown(const struct oscal *oscal, struct hin_view control)
{
    size_t count = 0;
    const struct hin_claim *claims = claims_of(oscal, &count);
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < claims[i].mapping_count; k++) {
            const struct hin_claim_mapping *mapping = &claims[i].mappings[k];
            if (mapping->framework == oscal->framework &&
                hin_view_equal(mapping->control, control) &&
                mapping->degree == HIN_DEGREE_AUTOMATED &&
                oscal->report->states[i].status == HIN_CLAIM_PROVEN) {
                return true;
            }
        }
    }
    return false;
}

static void put_target(struct oscal *oscal, struct hin_view control, enum hin_degree degree,
                       enum hin_claim_status status)
{
    struct hin_json_writer *writer = &oscal->writer;
    bool failed = status == HIN_CLAIM_FAILED;
    bool satisfied = !failed && is_shown(oscal, control);
    char remarks[512];
    (void)snprintf(remarks, sizeof(remarks), "%s: %s. %s: %s.", word(oscal, HIN_WORD_DEGREE),
                   word(oscal, hin_word_of_degree(degree)), word(oscal, HIN_WORD_STATE),
                   word(oscal, hin_word_of_status(status)));
    hin_json_key(writer, "target");
    hin_json_begin_object(writer);
    hin_json_field_cstring(writer, "type", "objective-id");
    put_token(oscal, "target-id", control);
    hin_json_key(writer, "status");
    hin_json_begin_object(writer);
    hin_json_field_cstring(writer, "state", satisfied ? "satisfied" : "not-satisfied");
    hin_json_field_cstring(writer, "reason", satisfied ? "pass" : failed ? "fail" : "other");
    hin_json_field_cstring(writer, "remarks", remarks);
    hin_json_end_object(writer);
    hin_json_end_object(writer);
}

static void put_related(struct oscal *oscal, struct hin_view control)
{
    size_t count = 0;
    const struct hin_claim *claims = claims_of(oscal, &count);
    if (!is_any_observed(oscal, control)) {
        return;
    }
    begin_list(oscal, "related-observations");
    for (size_t i = 0; i < count; i++) {
        if (maps_to(oscal, &claims[i], control) && is_observed(&oscal->report->states[i])) {
            hin_json_begin_object(&oscal->writer);
            put_uuid(oscal, "observation-uuid", "observation", claims[i].id);
            hin_json_end_object(&oscal->writer);
        }
    }
    hin_json_end_array(&oscal->writer);
}

/* The claims that answer the control, in words: "S19 ...", a line each. */
static void put_description(struct oscal *oscal, struct hin_view control)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = 65536};
    size_t count = 0;
    const struct hin_claim *claims = claims_of(oscal, &count);
    for (size_t i = 0; i < count; i++) {
        if (maps_to(oscal, &claims[i], control)) {
            struct hin_result added = hin_buf_printf(
                &text, "%s%.*s: %.*s", text.size > 0 ? "\n\n" : "", HIN_ARGS(claims[i].id),
                HIN_ARGS(claims[i].statement.in[oscal->language]));
            note(oscal, added);
        }
    }
    hin_json_field_text(&oscal->writer, "description", hin_buf_view(&text));
}

static void put_finding(struct oscal *oscal, struct hin_view control)
{
    struct hin_json_writer *writer = &oscal->writer;
    enum hin_degree degree;
    enum hin_claim_status status;
    HIN_CLEANUP(hin_buf_done) struct hin_buf title = {.max = TITLE_MAX};
    if (!hin_report_control(oscal->report, oscal->framework, control, &degree, &status)) {
        return;
    }
    note(oscal,
         hin_buf_printf(&title, "%.*s %.*s", HIN_ARGS(oscal->framework->title.in[oscal->language]),
                        HIN_ARGS(control)));
    hin_json_begin_object(writer);
    put_uuid(oscal, "uuid", "finding", control);
    hin_json_field_text(writer, "title", hin_buf_view(&title));
    put_description(oscal, control);
    begin_list(oscal, "props");
    put_property(oscal, "label", control);
    put_property(oscal, "degree", hin_view_from_text(hin_degree_name(degree)));
    hin_json_end_array(writer);
    put_target(oscal, control, degree, status);
    put_related(oscal, control);
    hin_json_end_object(writer);
}

static void put_coverage(struct oscal *oscal)
{
    struct hin_coverage coverage = hin_report_coverage(oscal->report, oscal->framework);
    begin_list(oscal, "props");
    put_count(oscal, "controls", coverage.controls);
    put_count(oscal, "automated", coverage.by_degree[HIN_DEGREE_AUTOMATED]);
    put_count(oscal, "in-part", coverage.by_degree[HIN_DEGREE_IN_PART]);
    put_count(oscal, "needs-a-person", coverage.by_degree[HIN_DEGREE_PERSON]);
    put_count(oscal, "not-mapped", coverage.unmapped);
    hin_json_end_array(&oscal->writer);
}

/* Evidence reaches back to the oldest observation. */
static int64_t start_of(const struct oscal *oscal)
{
    size_t count = 0;
    int64_t start_usec = oscal->report->at_usec;
    const struct hin_claim *claims = claims_of(oscal, &count);
    for (size_t i = 0; i < count; i++) {
        const struct hin_claim_state *state = &oscal->report->states[i];
        if (maps_to(oscal, &claims[i], HIN_VIEW_EMPTY) && is_observed(state)) {
            start_usec = HIN_MIN(start_usec, state->observed_usec);
        }
    }
    return start_usec;
}

static void put_results(struct oscal *oscal)
{
    struct hin_json_writer *writer = &oscal->writer;
    begin_list(oscal, "results");
    hin_json_begin_object(writer);
    put_uuid(oscal, "uuid", "result", HIN_VIEW_EMPTY);
    hin_json_field_text(writer, "title", oscal->framework->title.in[oscal->language]);
    hin_json_field_cstring(writer, "description", word(oscal, HIN_WORD_COVERAGE_MEANS));
    put_time(oscal, "start", start_of(oscal));
    put_time(oscal, "end", oscal->report->at_usec);
    put_coverage(oscal);
    put_reviewed(oscal);
    put_observations(oscal);
    begin_list(oscal, "findings");
    for (size_t i = 0; i < oscal->framework->control_count; i++) {
        put_finding(oscal, oscal->framework->controls[i]);
    }
    hin_json_end_array(writer);
    hin_json_field_cstring(writer, "remarks", word(oscal, HIN_WORD_MAPPED_ONLY));
    hin_json_end_object(writer);
    hin_json_end_array(writer);
}

/* ---- resources ---- */

static void put_resource(struct oscal *oscal, struct hin_view name, struct hin_view title,
                         const char *description)
{
    hin_json_begin_object(&oscal->writer);
    put_uuid(oscal, "uuid", "resource", name);
    hin_json_field_text(&oscal->writer, "title", title);
    hin_json_field_cstring(&oscal->writer, "description", description);
    hin_json_end_object(&oscal->writer);
}

/* One record stands behind several claims: it is one resource, where it comes first. */
static bool is_first(const struct oscal *oscal, size_t claim, size_t record)
{
    size_t count = 0;
    const struct hin_claim *claims = claims_of(oscal, &count);
    struct hin_view id = oscal->report->states[claim].evidence_ids[record];
    for (size_t i = 0; i <= claim; i++) {
        const struct hin_claim_state *state = &oscal->report->states[i];
        size_t end = i == claim ? record : state->evidence_count;
        bool listed = maps_to(oscal, &claims[i], HIN_VIEW_EMPTY) && is_observed(state);
        for (size_t k = 0; listed && k < end; k++) {
            if (hin_view_equal(state->evidence_ids[k], id)) {
                return false;
            }
        }
    }
    return true;
}

static void put_resources(struct oscal *oscal)
{
    size_t count = 0;
    const struct hin_claim *claims = claims_of(oscal, &count);
    char how[512];
    (void)snprintf(how, sizeof(how), "%s: `hinomi evidence verify FILE --fingerprint F`",
                   word(oscal, HIN_WORD_VERIFY));
    hin_json_key(&oscal->writer, "back-matter");
    hin_json_begin_object(&oscal->writer);
    begin_list(oscal, "resources");
    put_resource(oscal, HIN_VIEW("catalogue"), hin_view_from_text(word(oscal, HIN_WORD_CATALOGUE)),
                 word(oscal, HIN_WORD_LEAD));
    for (size_t i = 0; i < count; i++) {
        const struct hin_claim_state *state = &oscal->report->states[i];
        bool mapped = maps_to(oscal, &claims[i], HIN_VIEW_EMPTY) && is_observed(state);
        for (size_t k = 0; mapped && k < state->evidence_count; k++) {
            if (is_first(oscal, i, k)) {
                put_resource(oscal, state->evidence_ids[k], state->evidence_ids[k], how);
            }
        }
    }
    hin_json_end_array(&oscal->writer);
    hin_json_end_object(&oscal->writer);
}

static bool is_mapped(const struct oscal *oscal)
{
    size_t count = 0;
    const struct hin_claim *claims = claims_of(oscal, &count);
    for (size_t i = 0; i < count; i++) {
        if (maps_to(oscal, &claims[i], HIN_VIEW_EMPTY)) {
            return true;
        }
    }
    return false;
}

HIN_RESULT hin_oscal_write(const struct hin_report *report, const struct hin_framework *framework,
                           enum hin_language language, struct hin_buf *out)
{
    struct oscal oscal = {.report = report, .framework = framework, .language = language};
    struct hin_json_writer *writer = &oscal.writer;
    HIN_ENSURE(is_mapped(&oscal), INVALID);
    HIN_TRY(make_seed(&oscal));
    hin_json_writer_init(writer, out, true);
    hin_json_begin_object(writer);
    hin_json_key(writer, "assessment-results");
    hin_json_begin_object(writer);
    put_uuid(&oscal, "uuid", "document", HIN_VIEW_EMPTY);
    put_metadata(&oscal);
    put_plan(&oscal);
    put_results(&oscal);
    put_resources(&oscal);
    hin_json_end_object(writer);
    hin_json_end_object(writer);
    HIN_TRY(hin_json_writer_finish(writer));
    HIN_TRY(hin_fail(oscal.failure));
    return hin_buf_append_text(out, "\n");
}
