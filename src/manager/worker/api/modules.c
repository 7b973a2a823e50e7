#include "manager/worker/api/modules.h"

#include "base/bytes.h"

/* What the API serves: add a module here, and it is routed, judged and documented. */
const struct hin_api_module *const hin_api_modules[] = {
    &hin_api_module_computers,
    &hin_api_module_policies,
    &hin_api_module_rules,
    &hin_api_module_decoders,
    &hin_api_module_apikeys,
    &hin_api_module_administrators,
    &hin_api_module_events,
    &hin_api_module_enrolment_tokens,
    &hin_api_module_state,
    &hin_api_module_tenants,
    &hin_api_module_audit,
    &hin_api_module_keys,
    &hin_api_module_key_holders,
    &hin_api_module_certificates,
    &hin_api_module_exports,
    &hin_api_module_doctor,
    &hin_api_module_persons,
    &hin_api_module_authority,
    &hin_api_module_tls,
    &hin_api_module_backups,
    &hin_api_module_restores,
    &hin_api_module_drills,
    &hin_api_module_retention,
    &hin_api_module_person_erasures,
    &hin_api_module_person_corrections,
    &hin_api_module_evidence,
    &hin_api_module_trust,
    &hin_api_module_escrows,
};
const size_t hin_api_module_count = HIN_COUNT(hin_api_modules);
