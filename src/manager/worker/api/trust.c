/* Evidence, read only, and probes that are to run now. What is proven is the installation's affair:
 * it is kept in its own tenant, and its own tenant's keys may ask for it. */
#include <string.h>

#include "base/bytes.h"
#include "manager/probe/runner.h"
#include "manager/worker/api/holders.h"
#include "manager/worker/api/modules.h"
#include "manager/worker/api/tables.h"
#include "manager/worker/trust.h"

/* ---- evidence ---- */

static const struct hin_api_resource evidence = {
    .path = "evidence",
    .collection = "evidence",
    .singular = "evidence",
    .list_model = "EvidenceList",
    .attributes = &hin_api_evidence,
    .kind = HIN_STORE_EVIDENCE,
    .operations = HIN_API_GET | HIN_API_SEARCH,
    .read_right = HIN_RIGHT_VIEW,
    .edit_right = HIN_RIGHT_VIEW,
};

/* The list goes backwards, and without the files. */
struct listing {
    struct hin_json_writer writer;
    struct hin_view probe; /* empty: any */
    int64_t limit, count, last;
    bool more;
};

static void put_entry(struct hin_json_writer *writer, int64_t id, struct hin_json stored)
{
    struct hin_json_iterator at = hin_json_iterate(stored);
    struct hin_json item;
    const char *key = NULL;
    hin_json_begin_object(writer);
    hin_json_field_integer(writer, "ID", id);
    while (hin_json_next(&at, &key, &item)) {
        if (strcmp(key, "file") != 0) {
            hin_json_key(writer, key);
            hin_json_put_value(writer, item);
        }
    }
    hin_json_end_object(writer);
}

static struct hin_result list_one(void *context, const struct hin_store_document *document)
{
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *parsed = NULL;
    struct listing *listing = context;
    struct hin_view probe;
    HIN_TRY(hin_json_parse(document->bytes, HIN_STORE_DOCUMENT_BYTES, &parsed, NULL));
    struct hin_json root = hin_json_root(parsed);
    HIN_TRY(hin_json_get_text(root, "probe", &probe, NULL));
    if (listing->probe.size > 0 && !hin_view_equal(probe, listing->probe)) {
        return hin_ok();
    }
    listing->more = listing->count == listing->limit;
    HIN_ENSURE(!listing->more, EXISTS); /* enough */
    listing->count++;
    listing->last = document->id;
    put_entry(&listing->writer, document->id, root);
    return hin_ok();
}

static struct hin_result list(struct hin_api_call *call)
{
    static const char *const known[] = {"probe", "limit", "before"};
    struct listing listing = {.limit = 100};
    struct hin_store_page page = {.descending = true};
    struct hin_store_listed listed = {0};
    HIN_TRY(hin_api_query_known(call, known, HIN_COUNT(known)));
    HIN_TRY(hin_api_query_text(call, "probe", &listing.probe));
    HIN_TRY(hin_api_query_integer(call, "limit", 1, 5000, &listing.limit));
    HIN_TRY(hin_api_query_integer(call, "before", 1, INT64_MAX, &page.after_id));
    hin_json_writer_init(&listing.writer, call->out, true);
    hin_json_begin_object(&listing.writer);
    hin_json_key(&listing.writer, "evidence");
    hin_json_begin_array(&listing.writer);
    struct hin_result done =
        hin_store_list(call->tenant->store, HIN_STORE_EVIDENCE, &page, list_one, &listing, &listed);
    if (done.code != HIN_EXISTS) {
        HIN_TRY(done);
    }
    hin_json_end_array(&listing.writer);
    hin_json_field_unsigned(&listing.writer, "damaged", listed.damaged);
    if (listing.more) {
        hin_json_field_integer(&listing.writer, "before", listing.last);
    }
    hin_json_end_object(&listing.writer);
    return hin_json_writer_finish(&listing.writer);
}

static const struct hin_api_action evidence_actions[] = {
    {HIN_HTTP_GET, "evidence", HIN_RIGHT_VIEW, list, NULL,
     "Evidence, the newest first, without the files: ?probe=NAME, ?limit=N, ?before=ID.", false},
};
const struct hin_api_module hin_api_module_evidence = {&evidence, evidence_actions,
                                                       HIN_COUNT(evidence_actions)};

/* ---- claims ---- */

static HIN_RESULT get_claims(struct hin_api_call *call, const struct hin_report **ret_report)
{
    struct hin_result made = hin_worker_trust_report(call->worker, ret_report);
    return made.code == HIN_NOT_FOUND
               ? hin_api_fail(call, HIN_NOT_FOUND,
                              "the catalogue of claims (content/trust) is not installed")
               : made;
}

static struct hin_result list_claims(struct hin_api_call *call)
{
    const struct hin_report *report = NULL;
    HIN_TRY(get_claims(call, &report));
    return hin_report_write(report, true, call->out);
}

static struct hin_result show_claim(struct hin_api_call *call)
{
    const struct hin_report *report = NULL;
    struct hin_json_writer writer;
    size_t count = 0;
    HIN_TRY(get_claims(call, &report));
    const struct hin_claim *claims = hin_catalogue_claims(report->catalogue, &count);
    for (size_t i = 0; i < count; i++) {
        if (hin_view_equal(claims[i].id, call->name)) {
            hin_json_writer_init(&writer, call->out, true);
            hin_claim_write(&writer, &claims[i], &report->states[i]);
            return hin_json_writer_finish(&writer);
        }
    }
    return hin_api_fail(call, HIN_NOT_FOUND, "there is no claim %.*s", HIN_ARGS(call->name));
}

/* ---- running ---- */

struct wanted {
    struct hin_view names[64];
    size_t count;
};

static HIN_RESULT read_names(struct hin_api_call *call, struct wanted *wanted)
{
    struct hin_json names;
    if (!hin_json_find(call->body, "probes", &names)) {
        return hin_ok();
    }
    HIN_TRY(hin_json_array(names, &wanted->count, &call->error));
    HIN_ENSURE(wanted->count <= HIN_COUNT(wanted->names), LIMIT);
    for (size_t i = 0; i < wanted->count; i++) {
        HIN_TRY(hin_json_text(hin_json_at(names, i), &wanted->names[i], &call->error));
        if (hin_probe_find(wanted->names[i]) == NULL) {
            return hin_api_fail(call, HIN_INVALID,
                                "there is no probe %.*s: GET /api/trust/probes lists them",
                                HIN_ARGS(hin_view_sub(wanted->names[i], 0, 64)));
        }
    }
    return hin_ok();
}

static struct hin_result request(struct hin_api_call *call, void *context, int64_t *object)
{
    const struct wanted *wanted = context;
    return hin_probe_request(call->tenant, wanted->count > 0 ? wanted->names : NULL, wanted->count,
                             object);
}

static HIN_RESULT write_run(struct hin_api_call *call, int64_t id)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = 1 << 20};
    struct hin_store_document document;
    struct hin_json_writer writer;
    struct hin_json stored, item;
    const char *key = NULL;
    struct hin_result found =
        hin_store_get(call->tenant->store, HIN_STORE_PROBE_RUNS, id, &text, &document);
    if (found.code == HIN_NOT_FOUND) {
        return hin_api_fail(call, HIN_NOT_FOUND, "there is no run %lld", (long long)id);
    }
    HIN_TRY(found);
    HIN_TRY(hin_api_parse(call, document.bytes, text.max, &stored));
    hin_json_writer_init(&writer, call->out, true);
    hin_json_begin_object(&writer);
    hin_json_field_integer(&writer, "ID", id);
    struct hin_json_iterator at = hin_json_iterate(stored);
    while (hin_json_next(&at, &key, &item)) {
        hin_json_key(&writer, key);
        hin_json_put_value(&writer, item);
    }
    hin_json_end_object(&writer);
    return hin_json_writer_finish(&writer);
}

static HIN_RESULT check_own(struct hin_api_call *call)
{
    return call->tenant->number == 0
               ? hin_ok()
               : hin_api_fail(call, HIN_DENIED,
                              "probes try the installation: its own tenant's affair");
}

static struct hin_result run(struct hin_api_call *call)
{
    struct wanted wanted = {.count = 0};
    struct hin_api_change change = {
        .action = "trust.run", .kind_name = "probe runs", .effect = request, .context = &wanted};
    HIN_CLEANUP(hin_buf_done) struct hin_buf detail = {.max = 8192};
    HIN_TRY(check_own(call));
    HIN_TRY(read_names(call, &wanted));
    HIN_TRY(hin_buf_append_text(&detail, wanted.count == 0 ? "all probes" : "probes"));
    for (size_t i = 0; i < wanted.count; i++) {
        HIN_TRY(hin_buf_printf(&detail, " %.*s", HIN_ARGS(wanted.names[i])));
    }
    change.detail = hin_buf_view(&detail);
    HIN_TRY(hin_api_change(call, &change));
    return write_run(call, change.object);
}

/* ---- losses ---- */

static struct hin_result request_loss(struct hin_api_call *call, void *context, int64_t *object)
{
    return hin_probe_request_loss(call->tenant, context, object);
}

static struct hin_result acknowledge(struct hin_api_call *call)
{
    struct hin_evidence_loss loss = {.by = hin_view_from_text(call->who->text)};
    struct hin_api_change change = {.action = "evidence.acknowledge",
                                    .kind_name = "probe runs",
                                    .effect = request_loss,
                                    .context = &loss};
    HIN_CLEANUP(hin_buf_done) struct hin_buf detail = {.max = 1024};
    HIN_TRY(check_own(call));
    HIN_TRY(hin_api_holder_only(call));
    HIN_TRY(hin_json_get_integer(call->body, "first", 1, INT64_MAX, &loss.first, &call->error));
    HIN_TRY(hin_json_get_integer(call->body, "last", 1, INT64_MAX, &loss.last, &call->error));
    HIN_TRY(hin_json_get_text(call->body, "note", &loss.note, &call->error));
    if (loss.last < loss.first) {
        return hin_api_fail(call, HIN_INVALID, "last: before the first");
    }
    HIN_TRY(hin_buf_printf(&detail, "evidence %lld to %lld: %.*s", (long long)loss.first,
                           (long long)loss.last, HIN_ARGS(loss.note)));
    change.detail = hin_buf_view(&detail);
    HIN_TRY(hin_api_change(call, &change));
    return write_run(call, change.object);
}

static struct hin_result show_run(struct hin_api_call *call)
{
    HIN_TRY(check_own(call));
    return write_run(call, call->id);
}

static struct hin_result list_probes(struct hin_api_call *call)
{
    struct hin_json_writer writer;
    hin_json_writer_init(&writer, call->out, true);
    hin_json_begin_object(&writer);
    hin_json_key(&writer, "probes");
    hin_json_begin_array(&writer);
    for (size_t i = 0; i < hin_probe_count; i++) {
        const struct hin_probe *probe = hin_probes[i];
        hin_json_begin_object(&writer);
        hin_json_field_cstring(&writer, "name", probe->name);
        hin_json_field_integer(&writer, "version", probe->version);
        hin_json_field_integer(&writer, "cadence", probe->cadence_usec / HIN_SEC_USEC);
        hin_json_field_cstring(&writer, "needs", probe->needs);
        hin_json_end_object(&writer);
    }
    hin_json_end_array(&writer);
    hin_json_end_object(&writer);
    return hin_json_writer_finish(&writer);
}

static const struct hin_api_action actions[] = {
    {HIN_HTTP_GET, "trust/claims", HIN_RIGHT_VIEW, list_claims, NULL,
     "Every claim with its state by the newest evidence.", false},
    {HIN_HTTP_GET, "trust/claims/{name}", HIN_RIGHT_VIEW, show_claim, NULL,
     "One claim, by its ID (S19).", false},
    {HIN_HTTP_GET, "trust/probes", HIN_RIGHT_VIEW, list_probes, NULL,
     "The probes, how often each runs (seconds) and what it needs.", false},
    {HIN_HTTP_POST, "trust/run", HIN_RIGHT_TRUST, run, &hin_api_probe_request,
     "Have probes run now; the answer says which run it is.", false},
    {HIN_HTTP_POST, "trust/losses", HIN_RIGHT_KEYS, acknowledge, &hin_api_evidence_loss,
     "For key holders: records of evidence are lost, and it is known. That becomes a record "
     "itself; "
     "the answer says which run it is.",
     false},
    {HIN_HTTP_GET, "trust/losses/{id}", HIN_RIGHT_KEYS, show_run, NULL,
     "How far that is: as for runs.", false},
    {HIN_HTTP_GET, "trust/runs/{id}", HIN_RIGHT_TRUST, show_run, NULL,
     "How far a run is: state waiting, done or failed, and the numbers of its evidence.", false},
};
const struct hin_api_module hin_api_module_trust = {NULL, actions, HIN_COUNT(actions)};
