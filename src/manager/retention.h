/* A tenant's own settings of how long its events are kept: one document, the installation's setting
 * (keepDays of manager.json) where it says nothing. */
#ifndef HIN_MANAGER_RETENTION_H
#define HIN_MANAGER_RETENTION_H

#include "data/json.h"
#include "manager/tenant.h"
#include "store/retention.h"

#define HIN_RETENTION_DOCUMENT 1 /* its ID, of kind HIN_STORE_RETENTION */

enum { HIN_RETENTION_UNSET = -1 }; /* else days; 0: for ever */

struct hin_retention_settings {
    int64_t own;                       /* of the tenant */
    int64_t modules[HIN_MODULE_COUNT]; /* of a module; unset: as the tenant's own */
};

/* {"keepDays":90,"modules":{"logInspection":30}}; no value: nothing is set. Module names that this
 * build does not know are passed over. */
HIN_RESULT hin_retention_read(struct hin_json stored,
                              struct hin_retention_settings *ret_settings) HIN_NONNULL;
/* As it is stored. A failure, damage too, is not "nothing set": nothing may be dropped after it. */
HIN_RESULT hin_retention_load(struct hin_store *store,
                              struct hin_retention_settings *ret_settings) HIN_NONNULL;
/* What is in force. */
struct hin_retention hin_retention_resolve(const struct hin_retention_settings *settings,
                                           uint32_t installation_days) HIN_NONNULL;
/* Some module is kept for a shorter time than before. */
bool hin_retention_shortens(const struct hin_retention *before,
                            const struct hin_retention *after) HIN_NONNULL;

/* Whether the disk is full before what is stored first is over for all modules, if things go on as
 * they did: bytes over so many days (of which 7 are needed to tell), free_bytes left. *ret_days: in
 * so many days; *ret_over: it is over in so many, 0: never. Pure. */
bool hin_retention_outgrows(const struct hin_retention *keep, uint64_t bytes, int64_t days,
                            uint64_t free_bytes, int64_t *ret_days, int64_t *ret_over) HIN_NONNULL;

#endif
