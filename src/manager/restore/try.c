/* A restore that is tried, verified and thrown away: what a drill does. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "manager/restore/drill.h"
#include "manager/restore/restoration.h"

/* Every page is read and every sealed thing opened, and its end is that of the backup. */
static HIN_RESULT verify(struct hin_restoration *restore, const struct hin_restore_outcome *outcome,
                         struct hin_drill_tenant *to)
{
    struct hin_keys_carrier carrier = hin_keys_carrier_local(&restore->local);
    struct hin_tenant_place place = {restore->database_fd, NULL};
    struct hin_tenant tenant = {.lock = -1};
    struct hin_store_check check = {0};
    uint8_t hash[HIN_STORE_AUDIT_HASH_BYTES] = {0};
    STEP(hin_tenant_open(&tenant, &place, outcome->uuid, &carrier, HIN_VAULT_FOR_BACKUP,
                         hin_clock_system(), false, &restore->error),
         "opening what was restored");
    struct hin_result checked = hin_store_check(tenant.store, &check);
    if (hin_is_ok(checked) && outcome->last_audit > 0) {
        checked = hin_store_copy_audit_hash(tenant.store, outcome->last_audit, hash);
    }
    hin_tenant_close(&tenant);
    HIN_TRY(hin_restore_fail(restore, checked, "checking what was restored"));
    bool whole = check.structure_ok && check.documents_damaged == 0 && check.audit_damaged == 0 &&
                 check.events_damaged == 0 && check.segments_damaged <= outcome->damaged;
    to->verified = whole && memcmp(hash, outcome->audit_hash, sizeof(hash)) == 0;
    snprintf(to->error, sizeof(to->error), "%s",
             to->verified ? "" : "does not verify: something in it is damaged");
    return hin_ok();
}

static HIN_RESULT report_outcomes(struct hin_restoration *restore, struct hin_drill_report *report)
{
    report->tenants = calloc(restore->outcome_count + 1, sizeof(*report->tenants));
    HIN_ENSURE(report->tenants != NULL, NO_MEMORY);
    report->tenant_count = restore->outcome_count;
    for (size_t i = 0; i < restore->outcome_count; i++) {
        const struct hin_restore_outcome *at = &restore->outcomes[i];
        struct hin_drill_tenant *to = &report->tenants[i];
        snprintf(to->uuid, sizeof(to->uuid), "%s", at->uuid);
        snprintf(to->error, sizeof(to->error), "%s",
                 at->restored ? "" : "was not restored: no backup of it can be opened");
        to->restored = at->restored;
        to->at_usec = at->at_usec;
        to->last_event = at->last_event;
        to->last_audit = at->last_audit;
        to->bytes = (int64_t)at->bytes;
        hin_copy(to->audit_hash, at->audit_hash, sizeof(to->audit_hash));
        if (at->restored) {
            HIN_TRY(verify(restore, at, to));
        }
    }
    return hin_ok();
}

HIN_RESULT hin_restore_try(const struct hin_role_program *program,
                           const struct hin_restore_wish *wish, struct hin_drill_report *report,
                           bool *ret_pin_refused, struct hin_error *error)
{
    struct hin_restoration restore;
    hin_restoration_init(&restore, program);
    restore.options.wish = *wish;
    restore.is_drill = true;
    struct hin_result tried = hin_restore_settle_keys(&restore);
    if (hin_is_ok(tried)) {
        tried = hin_restore_installation(&restore);
    }
    if (hin_is_ok(tried)) {
        tried = report_outcomes(&restore, report);
    }
    *error = restore.error;
    *ret_pin_refused = hin_restore_pin_refused(&restore);
    hin_restoration_done(&restore, false);
    return tried;
}
