/* What is kept of a state that a key holder let pass (proof/restore.h): the record as a document of
 * the tenant, an entry of its audit record, and what others say of it. */
#ifndef HIN_MANAGER_RESTORED_H
#define HIN_MANAGER_RESTORED_H

#include "manager/tenant.h"
#include "proof/restore.h"

/* The record that came with the last judgement. NOT_FOUND: none did. */
HIN_RESULT hin_restored_last(const struct hin_tenant *tenant,
                             struct hin_restore *ret_restore) HIN_NONNULL;
/* Once the store is unlocked: the record that came with its judgement is checked, stored and
 * audited, where it is not yet. AUTH: it is not signed by this installation's key service. */
HIN_RESULT hin_restored_take(struct hin_tenant *tenant) HIN_NONNULL;
/* "admin accepted the store of generation 5 where the vault knows 7 (restore 12ab...)" */
#define HIN_RESTORED_TEXT_BYTES 400
void hin_restored_text(const struct hin_restore *restore, char *out, size_t out_bytes) HIN_NONNULL;
/* The same of the last one; empty where there was none. */
void hin_restored_last_text(const struct hin_tenant *tenant, char *out,
                            size_t out_bytes) HIN_NONNULL;

#endif
