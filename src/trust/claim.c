#include "trust/claim.h"

static const char *const languages[HIN_LANGUAGE_COUNT] = {
    [HIN_ENGLISH] = "en",
    [HIN_JAPANESE] = "ja",
};
static const char *const kinds[HIN_CLAIM_KIND_COUNT] = {
    [HIN_CLAIM_PROBE] = "probe",
    [HIN_CLAIM_INTAKE] = "intake",
    [HIN_CLAIM_REGISTER] = "register",
    [HIN_CLAIM_DOCUMENT] = "document",
};
static const char *const services[HIN_SERVICE_COUNT] = {
    [HIN_SERVICE_PLATFORM] = "platform",   [HIN_SERVICE_WORKLOAD] = "workload",
    [HIN_SERVICE_NETWORK] = "network",     [HIN_SERVICE_APPLICATION] = "application",
    [HIN_SERVICE_CONTAINER] = "container", [HIN_SERVICE_FILE_STORAGE] = "file-storage",
};
static const char *const pillars[HIN_PILLAR_COUNT] = {
    [HIN_PILLAR_COMPLIANCE] = "compliance",
    [HIN_PILLAR_PRIVACY] = "privacy",
    [HIN_PILLAR_SECURITY] = "security",
    [HIN_PILLAR_FAQ] = "faq",
};
static const char *const degrees[HIN_DEGREE_COUNT] = {
    [HIN_DEGREE_AUTOMATED] = "automated",
    [HIN_DEGREE_IN_PART] = "in part",
    [HIN_DEGREE_PERSON] = "needs a person",
};
static const char *const statuses[HIN_CLAIM_STATUS_COUNT] = {
    [HIN_CLAIM_NOT_ASSESSED] = "not assessed",
    [HIN_CLAIM_PROVEN] = "proven",
    [HIN_CLAIM_FAILED] = "failed",
    [HIN_CLAIM_STALE] = "stale",
};

const char *hin_language_name(enum hin_language language)
{
    return languages[language];
}

const char *hin_claim_kind_name(enum hin_claim_kind kind)
{
    return kinds[kind];
}

const char *hin_claim_service_name(enum hin_claim_service service)
{
    return services[service];
}

const char *hin_claim_pillar_name(enum hin_claim_pillar pillar)
{
    return pillars[pillar];
}

const char *hin_degree_name(enum hin_degree degree)
{
    return degrees[degree];
}

const char *hin_claim_status_name(enum hin_claim_status status)
{
    return statuses[status];
}

bool hin_language_from_name(struct hin_view name, enum hin_language *ret_language)
{
    for (unsigned i = 0; i < HIN_LANGUAGE_COUNT; i++) {
        if (hin_view_is(name, languages[i])) {
            *ret_language = (enum hin_language)i;
            return true;
        }
    }
    return false;
}

bool hin_claim_status_from_name(struct hin_view name, enum hin_claim_status *ret_status)
{
    for (unsigned i = 0; i < HIN_CLAIM_STATUS_COUNT; i++) {
        if (hin_view_is(name, statuses[i])) {
            *ret_status = (enum hin_claim_status)i;
            return true;
        }
    }
    return false;
}

bool hin_claim_hangs_on(const struct hin_claim *claim, struct hin_view probe)
{
    for (size_t i = 0; i < claim->probe_count; i++) {
        if (hin_view_equal(claim->probes[i], probe)) {
            return true;
        }
    }
    return false;
}

/* ---- the state ---- */

static const struct hin_claim_evidence *
newest_of(struct hin_view probe, const struct hin_claim_evidence *evidence, size_t count)
{
    const struct hin_claim_evidence *newest = NULL;
    for (size_t i = 0; i < count; i++) {
        if (hin_view_equal(evidence[i].probe, probe) &&
            (newest == NULL || evidence[i].observed_usec > newest->observed_usec)) {
            newest = &evidence[i];
        }
    }
    return newest;
}

struct judgement {
    enum hin_claim_status status;
    struct hin_view reason;
};

static struct judgement judge(const struct hin_claim_evidence *record, int64_t now_usec)
{
    if (record == NULL) {
        return (struct judgement){HIN_CLAIM_NOT_ASSESSED, HIN_VIEW("this probe has not run yet")};
    }
    if (!record->held) {
        return (struct judgement){HIN_CLAIM_FAILED, record->reason};
    }
    if (record->observed_usec > now_usec) {
        return (struct judgement){HIN_CLAIM_STALE,
                                  HIN_VIEW("its evidence bears a time that is still to come: a "
                                           "clock was wrong")};
    }
    if (record->valid_until_usec <= now_usec) {
        return (struct judgement){HIN_CLAIM_STALE, HIN_VIEW("its evidence is no longer valid")};
    }
    return (struct judgement){HIN_CLAIM_PROVEN, record->reason};
}

/* Which of two judgements decides: the graver; of two proofs one beside which something has to be
 * known, then the older. */
static bool outweighs(const struct judgement *judgement, const struct hin_claim_evidence *record,
                      const struct hin_claim_state *state)
{
    static const uint8_t gravity[HIN_CLAIM_STATUS_COUNT] = {
        [HIN_CLAIM_PROVEN] = 0,
        [HIN_CLAIM_STALE] = 1,
        [HIN_CLAIM_NOT_ASSESSED] = 2,
        [HIN_CLAIM_FAILED] = 3,
    };
    if (judgement->status != state->status) {
        return gravity[judgement->status] > gravity[state->status];
    }
    if (judgement->status == HIN_CLAIM_PROVEN &&
        (judgement->reason.size > 0) != (state->reason.size > 0)) {
        return judgement->reason.size > 0;
    }
    return record != NULL && record->observed_usec < state->observed_usec;
}

static void decide(struct hin_claim_state *state, struct hin_view probe,
                   const struct hin_claim_evidence *record, const struct judgement *judgement)
{
    state->status = judgement->status;
    state->reason = judgement->reason;
    state->probe = probe;
    state->observed_usec = record != NULL ? record->observed_usec : 0;
    state->evidence_id = record != NULL ? record->id : HIN_VIEW_EMPTY;
}

struct hin_claim_state hin_claim_state_of(const struct hin_claim *claim,
                                          const struct hin_claim_evidence *evidence, size_t count,
                                          int64_t now_usec)
{
    struct hin_claim_state state = {.status = HIN_CLAIM_NOT_ASSESSED,
                                    .reason = HIN_VIEW("no probe looks at this yet")};
    for (size_t i = 0; i < claim->probe_count; i++) {
        const struct hin_claim_evidence *record = newest_of(claim->probes[i], evidence, count);
        struct judgement judgement = judge(record, now_usec);
        if (i == 0 || outweighs(&judgement, record, &state)) {
            decide(&state, claim->probes[i], record, &judgement);
        }
        if (record != NULL) {
            bool earliest =
                state.evidence_count == 0 || record->valid_until_usec < state.valid_until_usec;
            state.valid_until_usec = earliest ? record->valid_until_usec : state.valid_until_usec;
            if (record->id.size > 0) { /* else what was found is that there is no record */
                state.evidence_ids[state.evidence_count++] = record->id;
            }
        }
    }
    return state;
}
