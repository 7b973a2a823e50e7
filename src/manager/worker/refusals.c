#include "manager/worker/refusals.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "base/log.h"
#include "event/state.h"
#include "keys/client.h"
#include "manager/audit.h"
#include "manager/worker/desk.h"
#include "manager/worker/ingest/internal.h"

enum { REFUSALS_MAX = 256 };

struct refusal {
    char tenant[HIN_RESTORE_NAME_BYTES];
    uint64_t found, known;
    bool met, told; /* in this look; ever */
};

struct hin_refusals {
    struct refusal list[REFUSALS_MAX];
    size_t count;
};

static HIN_RESULT tell(struct hin_worker *worker, const char *tenant,
                       const struct hin_vault_judgement *judgement)
{
    char text[640], what[480];
    struct hin_desk *own = worker->desks;
    hin_tenant_refusal_text(judgement, false, tenant, what, sizeof(what));
    snprintf(text, sizeof(text), "Tenant %s is not served: %s", tenant, what);
    struct hin_audit audit = {
        .action = "store.refused",
        .outcome = "refused",
        .actor = HIN_VIEW("keys"),
        .detail = hin_view_from_text(text),
    };
    HIN_TRY(hin_audit_write(&own->tenant, &audit));
    return hin_ingest_state_event(own->ingest, HIN_STATE_STORE_REFUSED, 0, "", text);
}

static struct refusal *find(struct hin_refusals *refusals, struct hin_view tenant,
                            const struct hin_vault_judgement *judgement)
{
    for (size_t i = 0; i < refusals->count; i++) {
        struct refusal *refusal = &refusals->list[i];
        if (hin_view_is(tenant, refusal->tenant) && refusal->found == judgement->found &&
            refusal->known == judgement->known) {
            return refusal;
        }
    }
    return NULL;
}

/* Of two processes that open a store at once one may be refused for a moment. */
static struct hin_result meet(void *context, struct hin_view tenant,
                              const struct hin_vault_judgement *judgement)
{
    struct hin_worker *worker = context;
    struct hin_refusals *refusals = worker->refusals;
    struct refusal *refusal = find(refusals, tenant, judgement);
    if (refusal == NULL) {
        HIN_ENSURE(refusals->count < REFUSALS_MAX, LIMIT);
        refusal = &refusals->list[refusals->count];
        *refusal = (struct refusal){.found = judgement->found, .known = judgement->known};
        HIN_TRY(hin_view_to_text(tenant, refusal->tenant, sizeof(refusal->tenant)));
        refusals->count++;
    } else if (!refusal->told) {
        HIN_TRY(tell(worker, refusal->tenant, judgement));
        refusal->told = true;
    }
    refusal->met = true;
    return hin_ok();
}

static void forget_rest(struct hin_refusals *refusals)
{
    for (size_t i = refusals->count; i > 0; i--) {
        if (!refusals->list[i - 1].met) {
            refusals->list[i - 1] = refusals->list[--refusals->count];
        }
    }
}

void hin_refusals_tell(struct hin_worker *worker)
{
    if (worker->instance != 0 || worker->desks == NULL) {
        return;
    }
    if (worker->refusals == NULL) {
        worker->refusals = calloc(1, sizeof(*worker->refusals));
    }
    if (worker->refusals == NULL) {
        return;
    }
    for (size_t i = 0; i < worker->refusals->count; i++) {
        worker->refusals->list[i].met = false;
    }
    struct hin_result asked = hin_keys_refused(&worker->keys, meet, worker);
    if (hin_is_ok(asked)) {
        forget_rest(worker->refusals);
    } else {
        hin_log_result(HIN_LOG_WARNING, asked, "tenants that are refused are not told yet");
    }
}
