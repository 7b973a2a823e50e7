/* A PKCS#11 module (OASIS PKCS#11 v2.40): foreign C code behind a table of functions, loaded by
 * dlopen(3). It gets a process of its own (manager/kms/pkcs11.c); nothing else of ours lives there.
 */
#ifndef HIN_KMS_PKCS11_MODULE_H
#define HIN_KMS_PKCS11_MODULE_H

#include <p11-kit/pkcs11.h>

#include "base/result.h"
#include "base/secret.h"

struct hin_pkcs11_module {
    void *library;
    CK_FUNCTION_LIST *call; /* NULL until loaded */
};

/* NOT_FOUND: no such file or not loadable; UNSUPPORTED: it is no PKCS#11 2.x module. error may be
 * NULL. */
HIN_RESULT hin_pkcs11_load(struct hin_pkcs11_module *module, const char *path,
                           struct hin_error *error);
void hin_pkcs11_unload(struct hin_pkcs11_module *module);

/* C_Initialize for one thread, the token with this label, one session for reading and writing, and
 * the user signed in. NOT_FOUND: no token of this label is there now; AUTH: the PIN is refused (it
 * must not be tried again: tokens lock themselves); IO: all else. */
HIN_RESULT hin_pkcs11_connect(const struct hin_pkcs11_module *module, const char *label,
                              const struct hin_secret *pin, CK_SESSION_HANDLE *ret_session,
                              struct hin_error *error);
/* Is it still the token with this label that the session is with? Some modules answer from memory
 * after a token is gone, with nothing in it. */
bool hin_pkcs11_is_there(const struct hin_pkcs11_module *module, CK_SESSION_HANDLE session,
                         const char *label);
/* C_Finalize: sessions, sign-in and handles are gone. */
void hin_pkcs11_disconnect(const struct hin_pkcs11_module *module);

enum hin_pkcs11_fate {
    HIN_PKCS11_DONE,    /* CKR_OK */
    HIN_PKCS11_LOST,    /* session, sign-in or token are gone: connect anew */
    HIN_PKCS11_STALE,   /* the object's handle is: find it anew */
    HIN_PKCS11_REFUSED, /* this call did not succeed, and would not the next time */
};
enum hin_pkcs11_fate hin_pkcs11_fate_of(CK_RV value);
const char *hin_pkcs11_name(CK_RV value); /* "CKR_PIN_INCORRECT", "a code of the vendor's" */

#endif
