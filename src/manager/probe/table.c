/* Which probes there are. A folder that keeps a promise registers its probe here. */
#include "manager/probe/probe.h"

#include "base/bytes.h"
#include "manager/probe/probes.h"

const struct hin_probe *const hin_probes[] = {
    &hin_probe_tls_floor,        &hin_probe_tls_weak_ciphers,
    &hin_probe_schema_isolation, &hin_probe_sealing_canary,
    &hin_probe_tenant_keys,      &hin_probe_contacts_sealed,
    &hin_probe_kms_reach,        &hin_probe_clock_offset,
    &hin_probe_audit_chain,      &hin_probe_password_hashing,
    &hin_probe_kms_aws,          &hin_probe_backup_made,
    &hin_probe_restore_weekly,   &hin_probe_backup_destruction,
    &hin_probe_second_region,
};
const size_t hin_probe_count = HIN_COUNT(hin_probes);

const struct hin_probe *hin_probe_find(struct hin_view name)
{
    for (size_t i = 0; i < hin_probe_count; i++) {
        if (hin_view_is(name, hin_probes[i]->name)) {
            return hin_probes[i];
        }
    }
    return NULL;
}

/* ---- parts of a probe that another process does ---- */

void hin_probe_ask(const struct hin_probe_tools *tools, const char *role, unsigned instance,
                   const char *question, struct hin_trial *trial)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf answer = {.max = HIN_TRIAL_BYTES_MAX};
    struct hin_result asked =
        tools->ask(tools->context, role, instance, hin_view_from_text(question), &answer);
    if (hin_is_ok(asked)) {
        asked = hin_trial_merge(trial, hin_buf_view(&answer));
    }
    if (!hin_is_ok(asked)) {
        hin_trial_obstacle(trial, "the process %s/%u does not answer: %s", role, instance,
                           hin_code_text(asked.code));
    }
}
