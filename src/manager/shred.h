/* What makes copies of a tenant's database and of the vault worthless: all data keys are sealed
 * anew, tenant key and wrapping key are rotated, and the former ones destroyed. What was erased
 * before it (hin_store_rewrite, documents, hin_store_audit_erase) then opens from no copy, as long
 * as nobody kept the former wrapping key itself (a copy of a file ring with its pass phrase).
 *
 * Where it stands is kept in the store: each step may be the last, and the next call goes on, in
 * any process that may ask `keys` to rotate and retire. One call works for budget_usec at most, and
 * is to be repeated, after report->wait_usec, until report->done. It takes some 6 s at least: keys
 * that were wrapped before may be on their way that long. */
#ifndef HIN_MANAGER_SHRED_H
#define HIN_MANAGER_SHRED_H

#include "manager/tenant.h"

struct hin_shred_report {
    bool done;
    int64_t wait_usec; /* until a call has something to do */
    /* of this call */
    uint64_t data_keys;       /* sealed anew */
    uint64_t damaged;         /* things that did not open: they never will */
    uint64_t table_keys;      /* dropped from the key table */
    uint64_t table_keys_kept; /* of format 1, which audit entries of that time need */
    /* when done */
    uint32_t tenant_below, wrapping_below; /* versions below these were destroyed */
    int64_t destruction_usec; /* what is disabled is gone for good at this time; 0: at once */
    bool exportable;          /* a copy of the former wrapping key may have been kept */
    bool log_folded; /* SQLite: nothing of before is left in the write-ahead log; else readers were
                        in the way, and hin_store_checkpoint is to be tried again */
};

/* Begins a shredding, or starts one that is under way over, so that it covers what was erased until
 * now. */
HIN_RESULT hin_tenant_shred_begin(struct hin_tenant *tenant) HIN_NONNULL;
/* Goes on with it. NOT_FOUND: none is under way. AGAIN and what `keys` answers: nothing is lost,
 * call again. */
HIN_RESULT hin_tenant_shred_copies(struct hin_tenant *tenant, int64_t budget_usec,
                                   struct hin_shred_report *ret_report) HIN_NONNULL;

#endif
