/* A number that grows with every change of what computers are to do: the serial of policy bundles.
 * It stands in the store, so that all workers see the same one, and is raised in the transaction of
 * the change. */
#ifndef HIN_MANAGER_REVISION_H
#define HIN_MANAGER_REVISION_H

#include "manager/tenant.h"
#include "store/documents.h"

#define HIN_SETTING_REVISION "policy revision" /* what the document is called */

/* Does a change of this kind of object change what computers are to do? */
bool hin_revision_counts(enum hin_store_kind kind);
HIN_RESULT hin_revision_raise(struct hin_tenant *tenant) HIN_NONNULL;
/* Until it is above `number`: agents take no policy of before. */
HIN_RESULT hin_revision_pass(struct hin_tenant *tenant, uint64_t number) HIN_NONNULL;
HIN_RESULT hin_revision_get(struct hin_tenant *tenant, uint64_t *ret_revision) HIN_NONNULL;

#endif
