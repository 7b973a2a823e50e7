#include "manager/worker/trust.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "base/log.h"
#include "crypt/x509.h"
#include "data/json.h"
#include "manager/probe/record.h"
#include "manager/worker/api/page.h"
#include "manager/worker/desk.h"

struct gathering {
    struct hin_claim_evidence *items; /* hin_probe_count */
    size_t count;
    struct hin_json_document **documents;
    char (*reasons)[HIN_TRUST_REASON_MAX];
};

void hin_worker_trust_begin(struct hin_worker *worker)
{
    struct hin_error error = {0};
    int folder = hin_role_fd(worker->role, "trust");
    struct hin_worker_trust *trust = calloc(1, sizeof(*trust));
    if (trust == NULL || folder < 0) {
        free(trust);
        return;
    }
    struct hin_result loaded = hin_catalogue_load(folder, &trust->catalogue, &error);
    if (!hin_is_ok(loaded)) {
        char text[1200];
        hin_error_format(&error, text, sizeof(text));
        hin_log(HIN_LOG_ERROR, "the catalogue of claims cannot be read: %s",
                text[0] != '\0' ? text : hin_code_text(loaded.code));
        free(trust);
        return;
    }
    worker->trust = trust;
}

static void drop_report(struct hin_worker_trust *trust)
{
    hin_report_done(&trust->report);
    trust->report = (struct hin_report){0};
    for (size_t i = 0; trust->documents != NULL && i < hin_probe_count; i++) {
        hin_json_free(trust->documents[i]);
    }
    free(trust->documents);
    free(trust->reasons);
    trust->documents = NULL;
    trust->reasons = NULL;
    trust->made = false;
}

void hin_worker_trust_end(struct hin_worker *worker)
{
    if (worker->trust != NULL) {
        drop_report(worker->trust);
        hin_trust_pages_free(worker->trust->pages);
        hin_catalogue_free(worker->trust->catalogue);
        free(worker->trust);
        worker->trust = NULL;
    }
}

/* A record that is there but does not verify shows the promise as broken, whatever it says. */
static void note_broken(struct hin_worker *worker, const struct hin_probe *probe,
                        struct gathering *gathering, struct hin_result why,
                        const struct hin_error *error)
{
    char *reason = gathering->reasons[gathering->count];
    int64_t now_usec = hin_clock_wall_usec(worker->clock);
    (void)snprintf(reason, HIN_TRUST_REASON_MAX,
                   "the newest evidence of %s is missing or was altered: %s", probe->name,
                   error->text[0] != '\0' ? error->text : hin_code_text(why.code));
    gathering->items[gathering->count++] = (struct hin_claim_evidence){
        .probe = hin_view_from_text(probe->name),
        .held = false,
        .observed_usec = now_usec,
        .valid_until_usec = now_usec + hin_probe_valid_usec(probe),
        .reason = hin_view_from_text(reason),
    };
}

static HIN_RESULT gather_one(struct hin_worker *worker, const struct hin_probe *probe,
                             struct gathering *gathering)
{
    struct hin_evidence evidence;
    struct hin_error error = {0};
    struct hin_record_judges judges = {hin_buf_view(&worker->authority.der),
                                       hin_buf_view(&worker->authority.former)};
    struct hin_result found =
        hin_record_newest(&worker->desks->tenant, probe->name, &judges, &worker->trust->told,
                          &gathering->documents[gathering->count], &evidence, &error);
    if (found.code == HIN_NOT_FOUND) {
        return hin_ok();
    }
    HIN_ENSURE(found.code != HIN_AGAIN && found.code != HIN_NO_MEMORY, AGAIN);
    if (!hin_is_ok(found)) {
        note_broken(worker, probe, gathering, found, &error);
        return hin_ok();
    }
    gathering->items[gathering->count++] = (struct hin_claim_evidence){
        .probe = evidence.probe,
        .id = evidence.id,
        .held = evidence.outcome == HIN_EVIDENCE_PROVEN,
        .observed_usec = evidence.observed_msec * HIN_MSEC_USEC,
        .valid_until_usec = evidence.valid_until_msec * HIN_MSEC_USEC,
        .reason = evidence.reason,
    };
    return hin_ok();
}

static HIN_RESULT make(struct hin_worker *worker, struct gathering *gathering)
{
    char fingerprint[HIN_SHA256_HEX_BYTES];
    HIN_ENSURE(gathering->items != NULL && gathering->documents != NULL &&
                   gathering->reasons != NULL,
               NO_MEMORY);
    for (size_t i = 0; i < hin_probe_count; i++) {
        HIN_TRY(gather_one(worker, hin_probes[i], gathering));
    }
    HIN_TRY(hin_x509_fingerprint(hin_buf_view(&worker->authority.der), fingerprint));
    return hin_report_make(worker->trust->catalogue, gathering->items, gathering->count,
                           hin_clock_wall_usec(worker->clock), hin_view_from_text(fingerprint),
                           &worker->trust->report);
}

HIN_RESULT hin_worker_trust_report(struct hin_worker *worker, const struct hin_report **ret_report)
{
    struct hin_worker_trust *trust = worker->trust;
    int64_t now_usec = hin_clock_monotonic_usec(worker->clock);
    HIN_ENSURE(trust != NULL, NOT_FOUND);
    if (!trust->made || now_usec - trust->made_usec > HIN_TRUST_HELD_USEC) {
        drop_report(trust);
        struct gathering gathering = {
            .items = calloc(hin_probe_count, sizeof(*gathering.items)),
            .documents = calloc(hin_probe_count, sizeof(struct hin_json_document *)),
            .reasons = calloc(hin_probe_count, sizeof(*gathering.reasons)),
        };
        trust->documents = gathering.documents;
        struct hin_result made = make(worker, &gathering);
        free(gathering.items);
        trust->reasons = gathering.reasons;
        HIN_TRY(made);
        trust->made = true;
        trust->made_usec = now_usec;
    }
    *ret_report = &trust->report;
    return hin_ok();
}
