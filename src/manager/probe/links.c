/* Links: what the listeners accept, tried by the process `probe`, beside the policy and what
 * sessions negotiated. */
#include "base/bytes.h"
#include "crypt/link.h"
#include "manager/probe/probes.h"

/* ---- tls-floor ---- */

static struct hin_result run_floor(const struct hin_probe_tools *tools, struct hin_trial *trial)
{
    hin_probe_ask(tools, "probe", 0, "tls-floor", trial);
    hin_trial_tried(trial);
    return hin_ok();
}

const struct hin_probe hin_probe_tls_floor = {
    .name = "tls-floor",
    .version = 1,
    .cadence_usec = HIN_DAY_USEC,
    .needs = "the process `probe`, and listeners that answer",
    .run = run_floor,
};

/* ---- tls-weak-ciphers ---- */

/* Names of a list that are on the list of weak ones. */
static int64_t judge_list(struct hin_trial *trial, const struct hin_link *link, const char *list,
                          const char *(*weakness)(struct hin_view name))
{
    struct hin_view name;
    size_t count = 0;
    for (; (name = hin_link_list_at(list, count)).size > 0; count++) {
        const char *why = weakness(name);
        if (why != NULL) {
            hin_trial_fail(trial, "the policy permits %.*s on link %s: %s", HIN_ARGS(name),
                           link->name, why);
        }
    }
    return (int64_t)count;
}

static void judge_policy(struct hin_trial *trial)
{
    int64_t links = 0, names = 0;
    for (size_t i = 0; i < HIN_LINK_COUNT; i++) {
        const struct hin_link *link = &hin_links[i];
        if (link->tls) {
            links++;
            names += judge_list(trial, link, link->suites, hin_suite_weakness);
            names += judge_list(trial, link, link->suites_1_2, hin_suite_weakness);
            names += judge_list(trial, link, link->groups, hin_group_weakness);
            names += judge_list(trial, link, link->signatures, hin_signature_weakness);
        }
    }
    hin_trial_measure(trial, "links with TLS", links);
    hin_trial_measure(trial, "names of the policy beside the list of weak ones", names);
}

static struct hin_result run_weak(const struct hin_probe_tools *tools, struct hin_trial *trial)
{
    judge_policy(trial);
    for (unsigned i = 0; i < tools->workers; i++) {
        hin_probe_ask(tools, "worker", i, "tls-sessions", trial);
    }
    hin_probe_ask(tools, "probe", 0, "tls-weak-ciphers", trial);
    hin_trial_tried(trial);
    return hin_ok();
}

const struct hin_probe hin_probe_tls_weak_ciphers = {
    .name = "tls-weak-ciphers",
    .version = 1,
    .cadence_usec = HIN_DAY_USEC,
    .needs = "the processes `probe` and `worker`, and listeners that answer",
    .run = run_weak,
};
