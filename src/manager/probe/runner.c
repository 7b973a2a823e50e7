#include "manager/probe/runner.h"

#include <stdio.h>

#include "base/bytes.h"
#include "data/json.h"
#include "manager/probe/probes.h"
#include "store/documents.h"

enum { REQUEST_MAX = 65536, WAITING = 1, DONE = 2 }; /* owners of requests */

bool hin_probe_is_due(const struct hin_probe *probe, const struct hin_record_state *state,
                      int64_t now_usec)
{
    int64_t every_usec = state->idle == 1 ? probe->cadence_usec / 4 : probe->cadence_usec;
    return state->last == 0 || state->version != probe->version ||
           now_usec < state->observed_usec || now_usec - state->observed_usec >= every_usec;
}

/* Whether the last record that was run says that the promise is broken. */
static HIN_RESULT was_broken(const struct hin_probe_tools *tools, const struct hin_probe *probe,
                             bool *ret_broken)
{
    struct hin_record_state state;
    HIN_TRY(hin_record_state_of(tools->own, probe->name, &state));
    *ret_broken = state.broken;
    return hin_ok();
}

HIN_RESULT hin_probe_run(const struct hin_probe_tools *tools, const struct hin_probe *probe,
                         int64_t *ret_number)
{
    HIN_CLEANUP(hin_trial_done) struct hin_trial trial;
    hin_trial_init(&trial);
    int64_t now_usec = hin_clock_wall_usec(tools->clock);
    bool broken_before = false;
    struct hin_result ran = probe->run(tools, &trial);
    if (!hin_is_ok(ran)) {
        hin_trial_obstacle(&trial, "it could not be tried: %s", hin_code_text(ran.code));
    }
    HIN_TRY(was_broken(tools, probe, &broken_before));
    HIN_TRY(hin_record_evidence(tools->own, probe, &trial, now_usec, ret_number));
    if (tools->told != NULL) {
        bool broken = hin_trial_outcome(&trial) == HIN_EVIDENCE_FAILED;
        tools->told(tools->context, probe, &trial, broken && !broken_before);
    }
    return hin_ok();
}

HIN_RESULT hin_probe_run_due(const struct hin_probe_tools *tools, bool *ret_ran)
{
    int64_t now_usec = hin_clock_wall_usec(tools->clock);
    *ret_ran = false;
    for (size_t i = 0; i < hin_probe_count; i++) {
        struct hin_record_state state;
        int64_t number = 0;
        HIN_TRY(hin_record_state_of(tools->own, hin_probes[i]->name, &state));
        if (hin_probe_is_due(hin_probes[i], &state, now_usec)) {
            *ret_ran = true;
            return hin_probe_run(tools, hin_probes[i], &number);
        }
    }
    return hin_ok();
}

/* ---- asked for ---- */

static void put_names(struct hin_json_writer *writer, const struct hin_view *names, size_t count)
{
    hin_json_key(writer, "probes");
    hin_json_begin_array(writer);
    for (size_t i = 0; i < count; i++) {
        hin_json_put_text(writer, names[i]);
    }
    for (size_t i = 0; names == NULL && i < hin_probe_count; i++) {
        hin_json_put_cstring(writer, hin_probes[i]->name);
    }
    hin_json_end_array(writer);
}

static void begin_request(struct hin_json_writer *writer, struct hin_buf *text, int64_t now_usec)
{
    hin_json_writer_init(writer, text, false);
    hin_json_begin_object(writer);
    hin_json_field_cstring(writer, "state", "waiting");
    hin_json_field_integer(writer, "requested", now_usec / HIN_MSEC_USEC);
}

static HIN_RESULT put_request(struct hin_tenant *own, struct hin_json_writer *writer,
                              const struct hin_buf *text, int64_t now_usec, int64_t *ret_id)
{
    hin_json_end_object(writer);
    HIN_TRY(hin_json_writer_finish(writer));
    struct hin_store_content content = {.bytes = hin_buf_view(text),
                                        .owner = WAITING,
                                        .expires_usec = now_usec + HIN_PROBE_REQUEST_KEPT_USEC};
    return hin_store_create(own->store, HIN_STORE_PROBE_RUNS, &content, now_usec, ret_id);
}

HIN_RESULT hin_probe_request(struct hin_tenant *own, const struct hin_view *names, size_t count,
                             int64_t *ret_id)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = REQUEST_MAX};
    struct hin_json_writer writer;
    int64_t now_usec = hin_tenant_now_usec(own);
    begin_request(&writer, &text, now_usec);
    put_names(&writer, names, count);
    return put_request(own, &writer, &text, now_usec, ret_id);
}

HIN_RESULT hin_probe_request_loss(struct hin_tenant *own, const struct hin_evidence_loss *loss,
                                  int64_t *ret_id)
{
    static const struct hin_view probe = {(const uint8_t *)"audit-chain", 11};
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = REQUEST_MAX};
    struct hin_json_writer writer;
    int64_t now_usec = hin_tenant_now_usec(own);
    begin_request(&writer, &text, now_usec);
    put_names(&writer, &probe, 1); /* it tells what has come of it */
    hin_json_key(&writer, "acknowledge");
    hin_json_begin_object(&writer);
    hin_json_field_integer(&writer, "first", loss->first);
    hin_json_field_integer(&writer, "last", loss->last);
    hin_json_field_text(&writer, "by", loss->by);
    hin_json_field_text(&writer, "note", loss->note);
    hin_json_end_object(&writer);
    return put_request(own, &writer, &text, now_usec, ret_id);
}

struct request {
    int64_t id, expires_usec; /* 0: none waits */
    struct hin_buf text;
};

static struct hin_result take_first(void *context, const struct hin_store_document *document)
{
    struct request *request = context;
    request->id = document->id;
    request->expires_usec = document->expires_usec;
    return hin_buf_append(&request->text, document->bytes);
}

static HIN_RESULT run_one(const struct hin_probe_tools *tools, struct hin_json name,
                          struct hin_json_writer *writer)
{
    struct hin_view text;
    int64_t number = 0;
    HIN_TRY(hin_json_text(name, &text, NULL));
    const struct hin_probe *probe = hin_probe_find(text);
    if (probe == NULL) { /* of another version of this program */
        return hin_ok();
    }
    HIN_TRY(hin_probe_run(tools, probe, &number));
    hin_json_put_integer(writer, number);
    return hin_ok();
}

static HIN_RESULT run_all(const struct hin_probe_tools *tools, struct hin_json root,
                          struct hin_json_writer *writer)
{
    struct hin_json names;
    size_t count = 0;
    HIN_TRY(hin_json_get_array(root, "probes", &names, &count, NULL));
    for (size_t i = 0; i < count; i++) {
        HIN_TRY(run_one(tools, hin_json_at(names, i), writer));
    }
    return hin_ok();
}

static HIN_RESULT read_loss(struct hin_json object, struct hin_evidence_loss *ret_loss)
{
    struct hin_evidence_loss loss = {0};
    HIN_TRY(hin_json_get_integer(object, "first", 1, INT64_MAX, &loss.first, NULL));
    HIN_TRY(hin_json_get_integer(object, "last", loss.first, INT64_MAX, &loss.last, NULL));
    HIN_TRY(hin_json_get_text(object, "by", &loss.by, NULL));
    HIN_TRY(hin_json_get_text(object, "note", &loss.note, NULL));
    *ret_loss = loss;
    return hin_ok();
}

/* A loss that was asked to be acknowledged comes first: the probe that follows shows the chain with
 * it. */
static HIN_RESULT run_request(const struct hin_probe_tools *tools, struct hin_json root,
                              struct hin_json_writer *writer, struct hin_error *error)
{
    struct hin_json asked;
    if (hin_json_find(root, "acknowledge", &asked)) {
        struct hin_evidence_loss loss;
        int64_t number = 0;
        HIN_TRY(read_loss(asked, &loss));
        HIN_TRY(hin_probe_acknowledge(tools, &loss, &number, error));
        hin_json_put_integer(writer, number);
    }
    return run_all(tools, root, writer);
}

static void put_reason(struct hin_json_writer *writer, struct hin_result ran,
                       const struct hin_error *error)
{
    const char *said = error->text[0] != '\0' ? error->text : hin_code_text(ran.code);
    hin_json_field_cstring(writer, "state", hin_is_ok(ran) ? "done" : "failed");
    hin_json_field_cstring(writer, "reason", hin_is_ok(ran) ? "" : said);
}

static HIN_RESULT serve(const struct hin_probe_tools *tools, struct hin_json root,
                        struct hin_buf *out)
{
    struct hin_json_writer writer;
    struct hin_error error = {0};
    struct hin_json requested, probes;
    HIN_TRY(hin_json_member(root, "requested", &requested, NULL));
    HIN_TRY(hin_json_member(root, "probes", &probes, NULL));
    hin_json_writer_init(&writer, out, false);
    hin_json_begin_object(&writer);
    hin_json_key(&writer, "evidence");
    hin_json_begin_array(&writer);
    struct hin_result ran = run_request(tools, root, &writer, &error);
    hin_json_end_array(&writer);
    put_reason(&writer, ran, &error);
    hin_json_key(&writer, "requested");
    hin_json_put_value(&writer, requested);
    hin_json_key(&writer, "probes");
    hin_json_put_value(&writer, probes);
    hin_json_end_object(&writer);
    return hin_json_writer_finish(&writer);
}

HIN_RESULT hin_probe_run_requested(const struct hin_probe_tools *tools, bool *ret_ran)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf out = {.max = REQUEST_MAX};
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = REQUEST_MAX};
    struct hin_store *store = tools->own->store;
    struct hin_store_page first = {.owner = WAITING, .limit = 1};
    struct hin_store_listed listed;
    struct request request = {.text = text};
    uint64_t version = 0;
    *ret_ran = false;
    struct hin_result found =
        hin_store_list(store, HIN_STORE_PROBE_RUNS, &first, take_first, &request, &listed);
    text = request.text; /* freed at the end */
    HIN_TRY(found);
    if (request.id == 0) {
        return hin_ok();
    }
    *ret_ran = true;
    HIN_TRY(hin_json_parse(hin_buf_view(&text), REQUEST_MAX, &document, NULL));
    HIN_TRY(serve(tools, hin_json_root(document), &out));
    struct hin_store_content content = {
        .bytes = hin_buf_view(&out), .owner = DONE, .expires_usec = request.expires_usec};
    return hin_store_update(store, HIN_STORE_PROBE_RUNS, request.id, 0, &content,
                            hin_clock_wall_usec(tools->clock), &version);
}
