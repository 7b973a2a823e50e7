#include "kms/pkcs11/module.h"

#include <dlfcn.h>
#include <stdio.h>

#include "base/bytes.h"
#include "base/view.h"

#define SLOTS_MAX 256

static const struct {
    CK_RV value;
    enum hin_pkcs11_fate fate;
    const char *name;
} values[] = {
    {CKR_OK, HIN_PKCS11_DONE, "CKR_OK"},
    {CKR_SESSION_HANDLE_INVALID, HIN_PKCS11_LOST, "CKR_SESSION_HANDLE_INVALID"},
    {CKR_SESSION_CLOSED, HIN_PKCS11_LOST, "CKR_SESSION_CLOSED"},
    {CKR_USER_NOT_LOGGED_IN, HIN_PKCS11_LOST, "CKR_USER_NOT_LOGGED_IN"},
    {CKR_TOKEN_NOT_PRESENT, HIN_PKCS11_LOST, "CKR_TOKEN_NOT_PRESENT"},
    {CKR_TOKEN_NOT_RECOGNIZED, HIN_PKCS11_LOST, "CKR_TOKEN_NOT_RECOGNIZED"},
    {CKR_DEVICE_REMOVED, HIN_PKCS11_LOST, "CKR_DEVICE_REMOVED"},
    {CKR_DEVICE_ERROR, HIN_PKCS11_LOST, "CKR_DEVICE_ERROR"},
    {CKR_SLOT_ID_INVALID, HIN_PKCS11_LOST, "CKR_SLOT_ID_INVALID"},
    {CKR_CRYPTOKI_NOT_INITIALIZED, HIN_PKCS11_LOST, "CKR_CRYPTOKI_NOT_INITIALIZED"},
    {CKR_OPERATION_ACTIVE, HIN_PKCS11_LOST, "CKR_OPERATION_ACTIVE"},
    {CKR_OBJECT_HANDLE_INVALID, HIN_PKCS11_STALE, "CKR_OBJECT_HANDLE_INVALID"},
    {CKR_KEY_HANDLE_INVALID, HIN_PKCS11_STALE, "CKR_KEY_HANDLE_INVALID"},
    {CKR_GENERAL_ERROR, HIN_PKCS11_REFUSED, "CKR_GENERAL_ERROR"},
    {CKR_FUNCTION_FAILED, HIN_PKCS11_REFUSED, "CKR_FUNCTION_FAILED"},
    {CKR_HOST_MEMORY, HIN_PKCS11_REFUSED, "CKR_HOST_MEMORY"},
    {CKR_DEVICE_MEMORY, HIN_PKCS11_REFUSED, "CKR_DEVICE_MEMORY"},
    {CKR_ARGUMENTS_BAD, HIN_PKCS11_REFUSED, "CKR_ARGUMENTS_BAD"},
    {CKR_PIN_INCORRECT, HIN_PKCS11_REFUSED, "CKR_PIN_INCORRECT"},
    {CKR_PIN_INVALID, HIN_PKCS11_REFUSED, "CKR_PIN_INVALID"},
    {CKR_PIN_LEN_RANGE, HIN_PKCS11_REFUSED, "CKR_PIN_LEN_RANGE"},
    {CKR_PIN_LOCKED, HIN_PKCS11_REFUSED, "CKR_PIN_LOCKED"},
    {CKR_PIN_EXPIRED, HIN_PKCS11_REFUSED, "CKR_PIN_EXPIRED"},
    {CKR_USER_PIN_NOT_INITIALIZED, HIN_PKCS11_REFUSED, "CKR_USER_PIN_NOT_INITIALIZED"},
    {CKR_MECHANISM_INVALID, HIN_PKCS11_REFUSED, "CKR_MECHANISM_INVALID"},
    {CKR_MECHANISM_PARAM_INVALID, HIN_PKCS11_REFUSED, "CKR_MECHANISM_PARAM_INVALID"},
    {CKR_ENCRYPTED_DATA_INVALID, HIN_PKCS11_REFUSED, "CKR_ENCRYPTED_DATA_INVALID"},
    {CKR_ENCRYPTED_DATA_LEN_RANGE, HIN_PKCS11_REFUSED, "CKR_ENCRYPTED_DATA_LEN_RANGE"},
    {CKR_ATTRIBUTE_VALUE_INVALID, HIN_PKCS11_REFUSED, "CKR_ATTRIBUTE_VALUE_INVALID"},
    {CKR_TEMPLATE_INCONSISTENT, HIN_PKCS11_REFUSED, "CKR_TEMPLATE_INCONSISTENT"},
    {CKR_TOKEN_WRITE_PROTECTED, HIN_PKCS11_REFUSED, "CKR_TOKEN_WRITE_PROTECTED"},
    {CKR_SESSION_COUNT, HIN_PKCS11_REFUSED, "CKR_SESSION_COUNT"},
    {CKR_NEED_TO_CREATE_THREADS, HIN_PKCS11_REFUSED, "CKR_NEED_TO_CREATE_THREADS"},
};

enum hin_pkcs11_fate hin_pkcs11_fate_of(CK_RV value)
{
    for (size_t i = 0; i < HIN_COUNT(values); i++) {
        if (values[i].value == value) {
            return values[i].fate;
        }
    }
    return HIN_PKCS11_REFUSED;
}

const char *hin_pkcs11_name(CK_RV value)
{
    for (size_t i = 0; i < HIN_COUNT(values); i++) {
        if (values[i].value == value) {
            return values[i].name;
        }
    }
    return "a code that Hinomi has no name for";
}

static HIN_RESULT fail(struct hin_error *error, enum hin_code code, CK_RV value, const char *call,
                       const char *advice)
{
    return hin_error_set(error, code, NULL, 0, 0, "%s answers %s (0x%lx)%s%s", call,
                         hin_pkcs11_name(value), value, advice[0] != '\0' ? ": " : "", advice);
}

HIN_RESULT hin_pkcs11_load(struct hin_pkcs11_module *module, const char *path,
                           struct hin_error *error)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        const char *why = dlerror();
        return hin_error_set(error, HIN_NOT_FOUND, path, 0, 0,
                             "the PKCS#11 module cannot be loaded: %s", why != NULL ? why : "");
    }
    CK_C_GetFunctionList get_list = NULL;
    *(void **)&get_list = dlsym(library, "C_GetFunctionList"); /* the form dlsym(3) gives */
    CK_FUNCTION_LIST *list = NULL;
    if (get_list == NULL || get_list(&list) != CKR_OK || list == NULL || list->version.major != 2) {
        dlclose(library);
        return hin_error_set(error, HIN_UNSUPPORTED, path, 0, 0, "this is no PKCS#11 2.x module");
    }
    *module = (struct hin_pkcs11_module){library, list};
    return hin_ok();
}

void hin_pkcs11_unload(struct hin_pkcs11_module *module)
{
    if (module->library != NULL) {
        dlclose(module->library);
    }
    *module = (struct hin_pkcs11_module){0};
}

/* A token's label is 32 characters filled up with blanks. */
static bool has_label(const CK_TOKEN_INFO *info, const char *label)
{
    struct hin_view wanted = hin_view_from_text(label);
    size_t size = sizeof(info->label);
    while (size > 0 && info->label[size - 1] == ' ') {
        size--;
    }
    return hin_view_equal(hin_view_of(info->label, size), wanted);
}

static HIN_RESULT find_slot(const struct hin_pkcs11_module *module, const char *label,
                            CK_SLOT_ID *ret_slot, struct hin_error *error)
{
    CK_SLOT_ID slots[SLOTS_MAX];
    CK_ULONG count = SLOTS_MAX;
    size_t found = 0;
    CK_RV value = module->call->C_GetSlotList(CK_TRUE, slots, &count);
    if (value != CKR_OK) {
        return fail(error, HIN_IO, value, "C_GetSlotList", "");
    }
    for (CK_ULONG i = 0; i < count && i < SLOTS_MAX; i++) {
        CK_TOKEN_INFO info;
        hin_zero(&info, sizeof(info));
        if (module->call->C_GetTokenInfo(slots[i], &info) == CKR_OK && has_label(&info, label)) {
            *ret_slot = slots[i];
            found++;
        }
    }
    if (found != 1) {
        return hin_error_set(error, found == 0 ? HIN_NOT_FOUND : HIN_CONFLICT, NULL, 0, 0,
                             "%s token has the label \"%s\": %s",
                             found == 0 ? "no" : "more than one", label,
                             found == 0 ? "insert it, or check that its files can be read"
                                        : "labels must tell tokens apart");
    }
    return hin_ok();
}

static HIN_RESULT check_mechanisms(const struct hin_pkcs11_module *module, CK_SLOT_ID slot,
                                   struct hin_error *error)
{
    static const struct {
        CK_MECHANISM_TYPE type;
        const char *name;
    } needed[] = {{CKM_AES_KEY_GEN, "CKM_AES_KEY_GEN"}, {CKM_AES_GCM, "CKM_AES_GCM"}};
    for (size_t i = 0; i < HIN_COUNT(needed); i++) {
        CK_MECHANISM_INFO info;
        if (module->call->C_GetMechanismInfo(slot, needed[i].type, &info) != CKR_OK) {
            return hin_error_set(error, HIN_UNSUPPORTED, NULL, 0, 0,
                                 "the token has no %s: Hinomi needs it", needed[i].name);
        }
    }
    return hin_ok();
}

static HIN_RESULT sign_in(const struct hin_pkcs11_module *module, CK_SESSION_HANDLE session,
                          const struct hin_secret *pin, struct hin_error *error)
{
    CK_RV value = module->call->C_Login(session, CKU_USER, pin->data, pin->size);
    switch (value) {
    case CKR_OK:
    case CKR_USER_ALREADY_LOGGED_IN:
        return hin_ok();
    case CKR_PIN_INCORRECT:
    case CKR_PIN_INVALID:
    case CKR_PIN_LEN_RANGE:
    case CKR_PIN_EXPIRED:
        return fail(error, HIN_AUTH, value, "C_Login",
                    "give the user PIN by --kms-secret-file; it is not tried again, since tokens "
                    "lock themselves");
    case CKR_PIN_LOCKED:
    case CKR_USER_PIN_NOT_INITIALIZED:
        return fail(error, HIN_AUTH, value, "C_Login",
                    "the token's security officer sets a new user PIN");
    default:
        return fail(error, HIN_IO, value, "C_Login", "");
    }
}

HIN_RESULT hin_pkcs11_connect(const struct hin_pkcs11_module *module, const char *label,
                              const struct hin_secret *pin, CK_SESSION_HANDLE *ret_session,
                              struct hin_error *error)
{
    CK_C_INITIALIZE_ARGS arguments = {.flags = CKF_LIBRARY_CANT_CREATE_OS_THREADS};
    CK_SLOT_ID slot = 0;
    CK_SESSION_HANDLE session = CK_INVALID_HANDLE;
    CK_RV value = module->call->C_Initialize(&arguments);
    if (value != CKR_OK && value != CKR_CRYPTOKI_ALREADY_INITIALIZED) {
        return fail(error, HIN_IO, value, "C_Initialize",
                    value == CKR_NEED_TO_CREATE_THREADS
                        ? "this module starts threads, which its locked process may not"
                        : "check the module's own configuration");
    }
    struct hin_result result = find_slot(module, label, &slot, error);
    if (hin_is_ok(result)) {
        result = check_mechanisms(module, slot, error);
    }
    if (hin_is_ok(result)) {
        value = module->call->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL,
                                            &session);
        result = value == CKR_OK ? sign_in(module, session, pin, error)
                                 : fail(error, HIN_IO, value, "C_OpenSession", "");
    }
    if (!hin_is_ok(result)) {
        hin_pkcs11_disconnect(module);
        return result;
    }
    *ret_session = session;
    return hin_ok();
}

bool hin_pkcs11_is_there(const struct hin_pkcs11_module *module, CK_SESSION_HANDLE session,
                         const char *label)
{
    CK_SESSION_INFO about;
    CK_TOKEN_INFO info;
    hin_zero(&about, sizeof(about));
    hin_zero(&info, sizeof(info));
    return module->call->C_GetSessionInfo(session, &about) == CKR_OK &&
           module->call->C_GetTokenInfo(about.slotID, &info) == CKR_OK && has_label(&info, label);
}

void hin_pkcs11_disconnect(const struct hin_pkcs11_module *module)
{
    (void)module->call->C_Finalize(NULL); /* nothing can be done about a module that will not end */
}
