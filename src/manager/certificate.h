/* Certificates of erasure as the manager makes and keeps them: documents of the tenant that asked
 * for the erasure, which for a whole tenant is the installation's own. */
#ifndef HIN_MANAGER_CERTIFICATE_H
#define HIN_MANAGER_CERTIFICATE_H

#include "manager/tenant.h"
#include "proof/certificate.h"

/* What an erasure leaves, where that is so; texts are borrowed. More than there is room for is left
 * out. */
void hin_certificate_add_remainder(struct hin_certificate *certificate, bool holds,
                                   const char *what, const char *why) HIN_NONNULL;

/* Has the statement signed and stores the file with `home`; within a transaction when the caller
 * has begun one. certificate->id (a UUID of the caller's, also the document's name in slot 0) and
 * all else but `installation` is set by the caller. EXISTS: this one is stored already; *ret_number
 * is its ID then too. The codes of keys/vault.h's hin_vault_certificate_sign. */
HIN_RESULT hin_certificate_issue(struct hin_tenant *home, struct hin_certificate *certificate,
                                 int64_t *ret_number) HIN_NONNULL;

#endif
