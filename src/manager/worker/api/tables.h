/* The attributes of every resource, as const tables; see definition.h for what a row says. */
#ifndef HIN_MANAGER_WORKER_API_TABLES_H
#define HIN_MANAGER_WORKER_API_TABLES_H

#include "manager/worker/api/definition.h"

#define HIN_API_TENANT_NAME_MAX 63

extern const struct hin_api_attributes hin_api_computer;
extern const struct hin_api_attributes hin_api_apikey;
extern const struct hin_api_attributes hin_api_administrator;
extern const struct hin_api_attributes hin_api_rule;
extern const struct hin_api_attributes hin_api_decoder;
extern const struct hin_api_attributes hin_api_policy;
extern const struct hin_api_attributes hin_api_enrolment_token;
extern const struct hin_api_attributes hin_api_session;
extern const struct hin_api_attributes hin_api_tenant;
extern const struct hin_api_attributes hin_api_certificate;
extern const struct hin_api_attributes hin_api_evidence;
extern const struct hin_api_attributes hin_api_probe_request;
extern const struct hin_api_attributes hin_api_evidence_loss;
extern const struct hin_api_attributes hin_api_export;
extern const struct hin_api_attributes hin_api_export_cursor;
extern const struct hin_api_attributes hin_api_tenant_erasure;
extern const struct hin_api_attributes hin_api_key_rotation;
extern const struct hin_api_attributes hin_api_key_retirement;
extern const struct hin_api_attributes hin_api_key_escrow;
extern const struct hin_api_attributes hin_api_key_escrow_label;
extern const struct hin_api_attributes hin_api_key_escrow_receipt;
extern const struct hin_api_attributes hin_api_key_escrow_note;
extern const struct hin_api_attributes hin_api_key_holder;
extern const struct hin_api_attributes hin_api_key_holder_limit;
extern const struct hin_api_attributes hin_api_key_holder_names;
extern const struct hin_api_attributes hin_api_person;
extern const struct hin_api_attributes hin_api_person_erase;
extern const struct hin_api_attributes hin_api_person_erasure;
extern const struct hin_api_attributes hin_api_person_correct;
extern const struct hin_api_attributes hin_api_person_correction;
extern const struct hin_api_attributes hin_api_retention;
extern const struct hin_api_attributes hin_api_search_filter;
extern const struct hin_api_attributes hin_api_id_list;

#endif
