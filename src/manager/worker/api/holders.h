/* Key holders as the API's key verbs see them. */
#ifndef HIN_MANAGER_WORKER_API_HOLDERS_H
#define HIN_MANAGER_WORKER_API_HOLDERS_H

#include "manager/holders.h"
#include "manager/worker/api/call.h"

/* DENIED, with a sentence, and recorded, unless the caller is a holder in force. While there is
 * none, a caller with full access becomes the first one, which is recorded too. */
HIN_RESULT hin_api_holder_only(struct hin_api_call *call) HIN_NONNULL;

/* The same, and asks for something that needs two. *ret_alone: to be done now, by this one alone.
 * Otherwise the request was noted and answered (202) with its ID. wanted->by is filled in. */
HIN_RESULT hin_api_holder_ask(struct hin_api_call *call, struct hin_holder_request *wanted,
                              bool *ret_alone) HIN_NONNULL;

/* Is this API key that of a holder (who is to be removed as one before the key is)? */
HIN_RESULT hin_api_holder_has_key(struct hin_api_call *call, int64_t key,
                                  bool *ret_has) HIN_NONNULL;

/* keys.c: what was asked for and agreed to. Answers the state of the keys. */
HIN_RESULT hin_api_key_retire(struct hin_api_call *call, struct hin_view name,
                              uint32_t version) HIN_NONNULL;
/* authority.c: likewise; requests name it so. */
#define HIN_API_AUTHORITY_NAME "authority"
HIN_RESULT hin_api_authority_retire(struct hin_api_call *call) HIN_NONNULL;

/* tenants.c: destroys the tenant's key and marks it; `jobs` does the rest. Answers the tenant. by:
 * the holder who asked, at requested_usec; the caller is the one who agreed. */
HIN_RESULT hin_api_tenant_erase(struct hin_api_call *call, int64_t number, const char *by,
                                int64_t requested_usec) HIN_NONNULL;

/* tenants.c: whom the body's "tenant" means, a name or an ID; one that is not erased. own: what is
 * done with the installation's own instead, for the message. */
struct hin_tenant_row;
HIN_RESULT hin_api_named_tenant(struct hin_api_call *call, const char *own,
                                struct hin_tenant_row *ret_row) HIN_NONNULL;
/* restores.c: the restore with this ID was agreed to by the caller. Answers its record. */
HIN_RESULT hin_api_restore_agreed(struct hin_api_call *call, int64_t id) HIN_NONNULL;
/* escrows.c: a copy of the key ring was agreed to; label: of it, by: as above. Answers its record.
 */
HIN_RESULT hin_api_escrow_agreed(struct hin_api_call *call, const char *label,
                                 const char *by) HIN_NONNULL;

#endif
