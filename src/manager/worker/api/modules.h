/* Every module of the API; the list itself stands in modules.c. */
#ifndef HIN_MANAGER_WORKER_API_MODULES_H
#define HIN_MANAGER_WORKER_API_MODULES_H

#include "manager/worker/api/call.h"

extern const struct hin_api_module hin_api_module_computers;
extern const struct hin_api_module hin_api_module_apikeys;
extern const struct hin_api_module hin_api_module_administrators;
extern const struct hin_api_module hin_api_module_rules;
extern const struct hin_api_module hin_api_module_decoders;
extern const struct hin_api_module hin_api_module_policies;
extern const struct hin_api_module hin_api_module_enrolment_tokens;
extern const struct hin_api_module hin_api_module_events;
extern const struct hin_api_module hin_api_module_state;
extern const struct hin_api_module hin_api_module_tenants;
extern const struct hin_api_module hin_api_module_audit;
extern const struct hin_api_module hin_api_module_keys;
extern const struct hin_api_module hin_api_module_authority;
extern const struct hin_api_module hin_api_module_tls;
extern const struct hin_api_module hin_api_module_evidence;
extern const struct hin_api_module hin_api_module_trust;
extern const struct hin_api_module hin_api_module_backups;
extern const struct hin_api_module hin_api_module_restores;
extern const struct hin_api_module hin_api_module_drills;
extern const struct hin_api_module hin_api_module_retention;
extern const struct hin_api_module hin_api_module_key_holders;
extern const struct hin_api_module hin_api_module_persons;
extern const struct hin_api_module hin_api_module_person_erasures;
extern const struct hin_api_module hin_api_module_person_corrections;
extern const struct hin_api_module hin_api_module_certificates;
extern const struct hin_api_module hin_api_module_exports;
extern const struct hin_api_module hin_api_module_doctor;
extern const struct hin_api_module hin_api_module_escrows;

extern const struct hin_api_resource hin_api_computers;
extern const struct hin_api_resource hin_api_policies;
extern const struct hin_api_resource hin_api_rules;
extern const struct hin_api_resource hin_api_decoders;

#endif
