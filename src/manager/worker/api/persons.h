/* What the modules about a person's data have in common. */
#ifndef HIN_MANAGER_WORKER_API_PERSONS_H
#define HIN_MANAGER_WORKER_API_PERSONS_H

#include "manager/erasure.h"
#include "manager/person.h"
#include "manager/worker/api/call.h"

/* Writes {"kind","ID","by","object"} for each administrator, API key, computer and key holder that
 * one of the person's values names; *ret_count of them, *ret_damaged could not be looked at. */
HIN_RESULT hin_api_person_resources(struct hin_api_call *call, const struct hin_person *person,
                                    struct hin_json_writer *writer, size_t *ret_count,
                                    size_t *ret_damaged) HIN_NONNULL;

/* The tenant's own row of the register, as far as a request about a person needs it. */
HIN_RESULT hin_api_person_tenant(struct hin_api_call *call, struct hin_tenant_row *row) HIN_NONNULL;
/* "by user, src_ip": only the names of the fields are recorded. */
HIN_RESULT hin_api_person_describe(const struct hin_person *person,
                                   struct hin_buf *out) HIN_NONNULL;

#endif
