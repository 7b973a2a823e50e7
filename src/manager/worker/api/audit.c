/* The audit record: reading it, and proving it outside. */
#include <stdio.h>

#include "base/bytes.h"
#include "manager/worker/api/modules.h"
#include "manager/worker/api/query.h"
#include "manager/worker/api/reads.h"
#include "manager/worker/ingest/ingest.h"
#include "store/audit.h"

enum {
    LIMIT_DEFAULT = 100,
    LIMIT_MAX = 5000,
    LOOK_MAX = 5000, /* entries opened for one answer: the rest is asked for anew */
    PAGE_BYTES_MAX = 16 << 20,
};
/* A clock may have been set back: entries are in the order of their numbers. */
#define CLOCK_BACK_USEC HIN_DAY_USEC

/* ---- listing ---- */

struct listing {
    struct hin_json_writer writer;
    struct hin_buf *out;
    struct hin_view actor, action, outcome; /* empty: any */
    int64_t since_usec, until_usec;
    bool descending;
    size_t count, wanted, looked;
    int64_t last; /* the number looked at last */
    bool full;    /* the answer ends before the record does */
};

static bool is_within(const struct listing *listing, int64_t time_usec)
{
    return time_usec >= listing->since_usec &&
           (listing->until_usec == 0 || time_usec < listing->until_usec);
}

/* "signin", or "computer.*" for all that begin so. */
static bool name_fits(struct hin_view wanted, struct hin_view name)
{
    if (hin_view_ends_with(wanted, HIN_VIEW("*"))) {
        return hin_view_starts_with(name, hin_view_sub(wanted, 0, wanted.size - 1));
    }
    return wanted.size == 0 || hin_view_equal(wanted, name);
}

/* By name: "key 3", or as it stands: "key 3 (name)". */
static bool actor_fits(struct hin_view wanted, struct hin_view actor)
{
    bool head = hin_view_starts_with(actor, wanted);
    return wanted.size == 0 ||
           (head && (actor.size == wanted.size || actor.data[wanted.size] == ' '));
}

static bool fits(const struct listing *listing, struct hin_view entry)
{
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    struct hin_view actor = HIN_VIEW_EMPTY, action = HIN_VIEW_EMPTY, outcome = HIN_VIEW_EMPTY;
    if (listing->actor.size + listing->action.size + listing->outcome.size == 0) {
        return true;
    }
    if (!hin_is_ok(hin_json_parse(entry, HIN_STORE_AUDIT_MAX_BYTES, &document, NULL))) {
        return false;
    }
    struct hin_json root = hin_json_root(document);
    return hin_is_ok(hin_json_opt_text(root, "actor", &actor, NULL)) &&
           hin_is_ok(hin_json_opt_text(root, "action", &action, NULL)) &&
           hin_is_ok(hin_json_opt_text(root, "outcome", &outcome, NULL)) &&
           actor_fits(listing->actor, actor) && name_fits(listing->action, action) &&
           name_fits(listing->outcome, outcome);
}

static struct hin_result add_entry(void *context, const struct hin_store_audit *entry)
{
    struct listing *listing = context;
    listing->looked++;
    listing->last = entry->number;
    if (listing->descending && entry->time_usec < listing->since_usec - CLOCK_BACK_USEC) {
        return hin_fail(HIN_EXISTS); /* nothing of the time asked for is older than this */
    }
    if (is_within(listing, entry->time_usec) && fits(listing, entry->bytes)) {
        hin_json_begin_object(&listing->writer);
        hin_json_field_integer(&listing->writer, "ID", entry->number);
        hin_json_key(&listing->writer, "entry");
        if (entry->bytes.size > 0) {
            hin_json_put_raw(&listing->writer, entry->bytes);
        } else {
            hin_json_put_null(&listing->writer);
        }
        hin_json_end_object(&listing->writer);
        listing->count++;
    }
    listing->full = listing->count == listing->wanted || listing->looked == LOOK_MAX ||
                    listing->out->size > PAGE_BYTES_MAX;
    return listing->full ? hin_fail(HIN_EXISTS) : hin_ok();
}

static HIN_RESULT read_listing(struct hin_api_call *call, struct listing *listing, int64_t *id)
{
    struct hin_view sort = HIN_VIEW("desc");
    int64_t limit = LIMIT_DEFAULT;
    HIN_TRY(hin_api_query_integer(call, "limit", 1, LIMIT_MAX, &limit));
    HIN_TRY(hin_api_query_integer(call, "idValue", 0, INT64_MAX, id));
    HIN_TRY(hin_api_query_text(call, "sort", &sort));
    HIN_TRY(hin_api_query_text(call, "actor", &listing->actor));
    HIN_TRY(hin_api_query_text(call, "action", &listing->action));
    HIN_TRY(hin_api_query_text(call, "outcome", &listing->outcome));
    HIN_TRY(hin_query_time(call, "since", &listing->since_usec));
    HIN_TRY(hin_query_time(call, "until", &listing->until_usec));
    listing->descending = hin_view_is(sort, "desc");
    listing->wanted = (size_t)limit;
    return hin_ok();
}

static HIN_RESULT name_criteria(struct hin_api_call *call, const struct listing *listing,
                                struct hin_view *ret_fields)
{
    const struct {
        const char *name;
        bool given;
    } criteria[] = {{"actor", listing->actor.size > 0},
                    {"action", listing->action.size > 0},
                    {"outcome", listing->outcome.size > 0},
                    {"time", listing->since_usec != 0 || listing->until_usec != 0}};
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = 256};
    struct hin_json_writer writer;
    size_t count = 0;
    hin_json_writer_init(&writer, &text, false);
    hin_json_begin_array(&writer);
    for (size_t i = 0; i < HIN_COUNT(criteria); i++) {
        if (criteria[i].given) {
            hin_json_put_cstring(&writer, criteria[i].name);
            count++;
        }
    }
    hin_json_end_array(&writer);
    HIN_TRY(hin_json_writer_finish(&writer));
    *ret_fields = HIN_VIEW_EMPTY;
    return count == 0 ? hin_ok() : hin_arena_copy(call->arena, hin_buf_view(&text), ret_fields);
}

static struct hin_result list(struct hin_api_call *call)
{
    struct listing listing = {.out = call->out};
    struct hin_view fields;
    int64_t id = 0;
    HIN_TRY(read_listing(call, &listing, &id));
    HIN_TRY(name_criteria(call, &listing, &fields));
    HIN_TRY(hin_reads_begin(call, "audit.read", "audit", 0, fields));
    hin_json_writer_init(&listing.writer, call->out, false);
    hin_json_begin_object(&listing.writer);
    hin_json_key(&listing.writer, "audit");
    hin_json_begin_array(&listing.writer);
    struct hin_result result = hin_store_audit_list(call->tenant->store, id, listing.descending,
                                                    LOOK_MAX, add_entry, &listing);
    if (result.code != HIN_EXISTS) {
        HIN_TRY(result);
    }
    hin_json_end_array(&listing.writer);
    if (listing.full) { /* go on with idValue */
        hin_json_field_integer(&listing.writer, "resumeID", listing.last);
    }
    hin_json_end_object(&listing.writer);
    HIN_TRY(hin_reads_count(call, listing.count));
    return hin_json_writer_finish(&listing.writer);
}

/* ---- proving ---- */

static struct hin_result checkpoint(struct hin_api_call *call)
{
    struct hin_proof_checkpoint proof;
    HIN_TRY(hin_ingest_proof(call->desk->ingest, &proof));
    return hin_proof_write_checkpoint(&proof, call->out);
}

struct chain_page {
    struct hin_buf *out;
    size_t count;
};

static struct hin_result add_link(void *context, const struct hin_store_audit *entry)
{
    struct chain_page *page = context;
    struct hin_chain_link link = hin_store_audit_link(entry);
    if (page->count++ > 0) {
        HIN_TRY(hin_buf_append_byte(page->out, ','));
    }
    HIN_TRY(hin_proof_write_entry(&link, page->out));
    return page->out->size < PAGE_BYTES_MAX ? hin_ok() : hin_fail(HIN_EXISTS);
}

/* The entries with all that their chain is computed from, ascending: what an export is made of. */
static struct hin_result chain(struct hin_api_call *call)
{
    struct chain_page page = {.out = call->out};
    int64_t after = 0;
    int64_t limit = 1000;
    HIN_TRY(hin_api_query_integer(call, "after", 0, INT64_MAX, &after));
    HIN_TRY(hin_api_query_integer(call, "limit", 1, LIMIT_MAX, &limit));
    HIN_TRY(hin_reads_begin(call, "audit.export", "audit", 0, HIN_VIEW_EMPTY));
    HIN_TRY(hin_buf_append_text(call->out, "{\"entries\":["));
    struct hin_result result =
        hin_store_audit_list(call->tenant->store, after, false, (size_t)limit, add_link, &page);
    if (result.code != HIN_EXISTS) {
        HIN_TRY(result);
    }
    HIN_TRY(hin_reads_count(call, page.count));
    return hin_buf_append_text(call->out, "]}");
}

static const struct hin_api_action actions[] = {
    {HIN_HTTP_GET, "audit", HIN_RIGHT_AUDIT, list, NULL,
     "The audit record, newest first, by limit, idValue, sort, since, until, actor, action, "
     "outcome.",
     false},
    {HIN_HTTP_GET, "audit/checkpoint", HIN_RIGHT_AUDIT, checkpoint, NULL,
     "A checkpoint of the audit record, signed now, to be kept outside.", false},
    {HIN_HTTP_GET, "audit/chain", HIN_RIGHT_AUDIT, chain, NULL,
     "Entries after a number with all that their hash chain is computed from, by after and limit.",
     false},
};
const struct hin_api_module hin_api_module_audit = {NULL, actions, HIN_COUNT(actions)};
