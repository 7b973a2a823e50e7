/* A tenant that is being made. Its keys, at the provider and in the vault, and its database are
 * made outside of the transaction that enters it in the register; so that nothing of it stays when
 * that is cut off, a note of it is there before, and goes in that same transaction. */
#ifndef HIN_MANAGER_MAKING_H
#define HIN_MANAGER_MAKING_H

#include "manager/tenant.h"

/* Leaves the note; durable when it returns. Not within a transaction. */
HIN_RESULT hin_making_begin(struct hin_tenant *own, struct hin_view uuid) HIN_NONNULL;
/* Within the transaction that registers it: from its end on the tenant is there. CONFLICT: it took
 * so long that it is being cleared away. */
HIN_RESULT hin_making_end(struct hin_tenant *own, struct hin_view uuid) HIN_NONNULL;

/* For `jobs`, now and then: one bounded step of clearing away what was made of a tenant whose note
 * is older than a few seconds. *ret_idle: there is none. AGAIN: later. */
HIN_RESULT hin_making_clear(struct hin_tenant *own, bool *ret_idle) HIN_NONNULL;

#endif
