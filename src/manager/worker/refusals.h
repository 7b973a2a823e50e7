/* Tenants that are not served since their store, or the vault, was set back: told by the first
 * worker as an event of High severity and an audit entry of the installation's own tenant, once
 * each. Who is refused, `keys` knows. */
#ifndef HIN_MANAGER_WORKER_REFUSALS_H
#define HIN_MANAGER_WORKER_REFUSALS_H

#include "manager/worker/worker.h"

/* Now and then, outside of any operation. What is found twice in a row is told. */
void hin_refusals_tell(struct hin_worker *worker) HIN_NONNULL;

#endif
