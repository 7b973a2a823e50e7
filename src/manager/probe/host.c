/* The processes apart from each other, and the clock. */
#include "base/bytes.h"
#include "manager/probe/probes.h"

/* ---- kms-reach ---- */

/* The key service can: a round trip with a key that is thrown away, and what was changed does not
 * come back. */
static void try_service(const struct hin_probe_tools *tools, struct hin_trial *trial)
{
    struct hin_vault_check checks[HIN_VAULT_CHECK_COUNT];
    struct hin_tenant *own = tools->own;
    int64_t passed = 0;
    own->key_use_count++;
    struct hin_result tested = hin_keys_provider_test(&own->keys, hin_tenant_view(own), checks);
    if (!hin_is_ok(tested)) {
        hin_trial_obstacle(trial, "the key service does not reach its provider: %s",
                           hin_code_text(tested.code));
        return;
    }
    for (size_t i = 0; i < HIN_VAULT_CHECK_COUNT; i++) {
        passed += checks[i].passed;
        if (!checks[i].passed) {
            hin_trial_fail(trial, "the key management service fails the check \"%s\"",
                           hin_vault_check_name(i));
        }
    }
    hin_trial_measure(trial, "checks of the service, through keys, passed", passed);
}

static struct hin_result run_reach(const struct hin_probe_tools *tools, struct hin_trial *trial)
{
    try_service(tools, trial);
    for (unsigned i = 0; i < tools->workers; i++) {
        hin_probe_ask(tools, "worker", i, "kms-reach", trial);
    }
    hin_trial_measure(trial, "workers", tools->workers);
    hin_trial_tried(trial);
    return hin_ok();
}

const struct hin_probe hin_probe_kms_reach = {
    .name = "kms-reach",
    .version = 1,
    .cadence_usec = HIN_DAY_USEC,
    .needs = "the key service, and every worker",
    .run = run_reach,
};

/* ---- clock-offset ---- */

static struct hin_result run_clock(const struct hin_probe_tools *tools, struct hin_trial *trial)
{
    hin_probe_ask(tools, "worker", 0, "clock-offset", trial);
    hin_trial_tried(trial);
    return hin_ok();
}

const struct hin_probe hin_probe_clock_offset = {
    .name = "clock-offset",
    .version = 1,
    .cadence_usec = 6 * HIN_HOUR_USEC,
    .needs = "time servers that are set, of which a majority answers and agrees",
    .run = run_clock,
};
