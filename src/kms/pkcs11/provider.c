#include "kms/pkcs11/provider.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/codec.h"
#include "base/map.h"
#include "kms/pkcs11/module.h"

static const uint8_t wrap_magic[4] = {'H', 'W', 'P', 1};

#define AT_VERSION         4
#define AT_IV              8
#define HEAD_BYTES         20
#define IV_BYTES           12
#define TAG_BYTES          16
#define KEY_BYTES          32
#define PLAIN_MAX          (HIN_SECRET_MAX - TAG_BYTES)
#define NAME_MAX_BYTES     256
#define TENANT_MAX         63
#define TENANTS_MAX        65536
#define WRAPS_MAX          (UINT32_C(1) << 28)
#define BACKOFF_FIRST_USEC (250 * HIN_MSEC_USEC)
#define BACKOFF_MAX_USEC   (30 * HIN_SEC_USEC)
#define ID_BYTES           160
#define FIND_AT_ONCE       32

/* One version of a tenant's key: an object in the token. */
struct version {
    uint32_t number;
    CK_OBJECT_HANDLE object;
};

/* A tenant's key as it was found last. */
struct key {
    struct version *versions; /* ascending; the last is current */
    size_t count;
};

struct hin_pkcs11 {
    struct hin_pkcs11_module module;
    char token[HIN_PKCS11_LABEL_MAX + 1];
    char installation[HIN_PKCS11_INSTALLATION_MAX + 1];
    struct hin_secret pin;
    const struct hin_clock *clock;
    void (*notice)(void *context, const char *text);
    void *notice_context;
    bool connected, pin_refused, told, unlearnt;
    CK_SESSION_HANDLE session;
    int64_t retry_usec, backoff_usec;
    uint32_t wraps;      /* of this process, under whatever key */
    struct hin_map keys; /* by tenant */
};

static void notify(const struct hin_pkcs11 *token, const char *text)
{
    if (token->notice != NULL) {
        token->notice(token->notice_context, text);
    }
}

/* --- the connection --- */

static void key_free(struct key *key)
{
    if (key != NULL) {
        free(key->versions);
        free(key);
    }
}

static void forget_keys(struct hin_pkcs11 *token)
{
    size_t at = 0;
    struct hin_view id;
    void *key = NULL;
    while (hin_map_next(&token->keys, &at, &id, &key)) {
        key_free(key);
    }
    hin_map_done(&token->keys);
    token->keys = (struct hin_map){0};
}

static void lose(struct hin_pkcs11 *token)
{
    if (token->connected) {
        hin_pkcs11_disconnect(&token->module);
        token->connected = false;
    }
    forget_keys(token);
}

static HIN_RESULT connect_now(struct hin_pkcs11 *token, struct hin_error *error)
{
    HIN_TRY(hin_map_init(&token->keys, TENANTS_MAX));
    struct hin_result result =
        hin_pkcs11_connect(&token->module, token->token, &token->pin, &token->session, error);
    token->connected = hin_is_ok(result);
    if (!token->connected) {
        forget_keys(token);
    }
    token->pin_refused = result.code == HIN_AUTH;
    token->unlearnt = token->connected;
    return result;
}

static void back_off(struct hin_pkcs11 *token)
{
    token->retry_usec = hin_clock_monotonic_usec(token->clock) + token->backoff_usec;
    token->backoff_usec = HIN_MIN(2 * token->backoff_usec, BACKOFF_MAX_USEC);
}

static HIN_RESULT ready(struct hin_pkcs11 *token)
{
    struct hin_error error = {0};
    char text[900];
    HIN_ENSURE(!token->pin_refused, AUTH);
    if (token->connected) {
        return hin_ok();
    }
    HIN_ENSURE(hin_clock_monotonic_usec(token->clock) >= token->retry_usec, AGAIN);
    struct hin_result result = connect_now(token, &error);
    if (hin_is_ok(result)) {
        notify(token, "the token is there again");
        token->told = false;
        return result;
    }
    if (!token->told || token->pin_refused) {
        token->told = true;
        snprintf(text, sizeof(text), "the token is not there: %s", error.text);
        notify(token, text);
    }
    back_off(token);
    return token->pin_refused ? result : hin_fail(HIN_AGAIN);
}

/* What is done with the token: *ret_value is the answer of the module that decided. */
struct task {
    struct hin_result (*run)(struct hin_pkcs11 *token, struct task *task, CK_RV *ret_value);
    const struct hin_key_binding *binding;
    struct hin_view tenant, wrapped;
    uint32_t version;
    const struct hin_secret *plain;
    struct hin_secret *ret_plain;
    struct hin_buf *ret_wrapped;
    struct hin_key_provider_status *ret_status;
};

/* A stale handle or a lost session is no refusal yet: once more with fresh ones, for each. */
static HIN_RESULT perform(struct hin_pkcs11 *token, struct task *task)
{
    for (int tries = 0; tries < 3; tries++) {
        CK_RV value = CKR_OK;
        HIN_TRY(ready(token));
        struct hin_result result = task->run(token, task, &value);
        switch (hin_pkcs11_fate_of(value)) {
        case HIN_PKCS11_LOST:
            lose(token);
            break;
        case HIN_PKCS11_STALE:
            forget_keys(token);
            HIN_TRY(hin_map_init(&token->keys, TENANTS_MAX));
            token->unlearnt = true;
            break;
        default:
            token->backoff_usec = BACKOFF_FIRST_USEC;
            return result;
        }
    }
    back_off(token);
    return hin_fail(HIN_AGAIN);
}

/* --- names --- */

static bool is_tenant(struct hin_view tenant)
{
    for (size_t i = 0; i < tenant.size; i++) {
        uint8_t c = tenant.data[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '.' || c == '_' || c == '-')) {
            return false;
        }
    }
    return tenant.size <= TENANT_MAX;
}

static HIN_RESULT name_of(const struct hin_pkcs11 *token, struct hin_view tenant,
                          char out[ID_BYTES])
{
    HIN_ENSURE(is_tenant(tenant), INVALID);
    snprintf(out, ID_BYTES, "hinomi/%s/%.*s", token->installation, HIN_ARGS(tenant));
    return hin_ok();
}

/* "NAME/17" -> 17; 0 when it is not one of ours. */
static uint32_t version_of(struct hin_view label, const char *name)
{
    uint64_t number = 0;
    size_t size = strlen(name);
    if (!hin_view_starts_with(label, hin_view_from_text(name)) || label.size <= size + 1 ||
        label.data[size] != '/' ||
        !hin_is_ok(hin_view_to_u64(hin_view_sub(label, size + 1, label.size), &number)) ||
        number > UINT32_MAX) {
        return 0;
    }
    return (uint32_t)number;
}

/* --- finding --- */

/* Never readable, never extractable, and born in the token: all else may be known outside. */
static HIN_RESULT check_object(struct hin_pkcs11 *token, CK_OBJECT_HANDLE object, CK_RV *ret_value)
{
    CK_BBOOL sensitive = CK_FALSE, extractable = CK_TRUE, local = CK_FALSE;
    CK_ATTRIBUTE wanted[] = {
        {CKA_SENSITIVE, &sensitive, sizeof(sensitive)},
        {CKA_EXTRACTABLE, &extractable, sizeof(extractable)},
        {CKA_LOCAL, &local, sizeof(local)},
    };
    *ret_value =
        token->module.call->C_GetAttributeValue(token->session, object, wanted, HIN_COUNT(wanted));
    HIN_ENSURE(*ret_value == CKR_OK, IO);
    if (sensitive != CK_TRUE || extractable != CK_FALSE || local != CK_TRUE) {
        notify(token, "a key of our name in the token can be read or was brought in from outside: "
                      "refused");
        return hin_fail(HIN_DENIED);
    }
    return hin_ok();
}

static HIN_RESULT insert(struct key *key, uint32_t number, CK_OBJECT_HANDLE object)
{
    size_t at = key->count;
    HIN_ENSURE(key->count < HIN_PKCS11_VERSIONS_MAX, LIMIT);
    struct version *versions = realloc(key->versions, (key->count + 1) * sizeof(*versions));
    HIN_ENSURE(versions != NULL, NO_MEMORY);
    key->versions = versions;
    while (at > 0 && key->versions[at - 1].number > number) {
        key->versions[at] = key->versions[at - 1];
        at--;
    }
    HIN_ENSURE(at == 0 || key->versions[at - 1].number != number, CONFLICT);
    key->versions[at] = (struct version){.number = number, .object = object};
    key->count++;
    return hin_ok();
}

static HIN_RESULT take_object(struct hin_pkcs11 *token, const char *name, CK_OBJECT_HANDLE object,
                              struct key *key, CK_RV *ret_value)
{
    uint8_t label[ID_BYTES + 16];
    CK_ATTRIBUTE wanted = {CKA_LABEL, label, sizeof(label)};
    *ret_value = token->module.call->C_GetAttributeValue(token->session, object, &wanted, 1);
    HIN_ENSURE(*ret_value == CKR_OK && wanted.ulValueLen <= sizeof(label), IO);
    uint32_t number = version_of(hin_view_of(label, wanted.ulValueLen), name);
    if (number == 0) {
        return hin_ok(); /* somebody else's */
    }
    HIN_TRY(check_object(token, object, ret_value));
    return insert(key, number, object);
}

/* Handles of all objects like this one, appended. */
static HIN_RESULT list(struct hin_pkcs11 *token, CK_ATTRIBUTE *wanted, CK_ULONG wanted_count,
                       struct hin_buf *ret_handles, CK_RV *ret_value)
{
    CK_OBJECT_HANDLE found[FIND_AT_ONCE];
    CK_ULONG count = 0;
    CK_FUNCTION_LIST *call = token->module.call;
    struct hin_result result = hin_ok();
    *ret_value = call->C_FindObjectsInit(token->session, wanted, wanted_count);
    HIN_ENSURE(*ret_value == CKR_OK, IO);
    do {
        *ret_value = call->C_FindObjects(token->session, found, FIND_AT_ONCE, &count);
        if (*ret_value == CKR_OK) {
            result = hin_buf_append(ret_handles, hin_view_of(found, count * sizeof(found[0])));
        }
    } while (*ret_value == CKR_OK && hin_is_ok(result) && count > 0);
    CK_RV ended = call->C_FindObjectsFinal(token->session);
    *ret_value = *ret_value == CKR_OK ? ended : *ret_value;
    HIN_ENSURE(*ret_value == CKR_OK, IO);
    return result;
}

static CK_OBJECT_HANDLE handle_at(const struct hin_buf *handles, size_t at)
{
    CK_OBJECT_HANDLE handle;
    hin_copy(&handle, handles->data + at * sizeof(handle), sizeof(handle));
    return handle;
}

static HIN_RESULT search(struct hin_pkcs11 *token, const char *name, struct key *key,
                         CK_RV *ret_value)
{
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    char id[ID_BYTES];
    HIN_CLEANUP(hin_buf_done)
    struct hin_buf handles = {.max = 2 * HIN_PKCS11_VERSIONS_MAX * sizeof(CK_OBJECT_HANDLE)};
    snprintf(id, sizeof(id), "%s", name);
    CK_ATTRIBUTE wanted[] = {{CKA_CLASS, &class, sizeof(class)}, {CKA_ID, id, strlen(id)}};
    HIN_TRY(list(token, wanted, HIN_COUNT(wanted), &handles, ret_value));
    for (size_t i = 0; i < handles.size / sizeof(CK_OBJECT_HANDLE); i++) {
        HIN_TRY(take_object(token, name, handle_at(&handles, i), key, ret_value));
    }
    return hin_ok();
}

/* One object of any tenant's, into the map. */
static HIN_RESULT learn_object(struct hin_pkcs11 *token, struct hin_view prefix,
                               CK_OBJECT_HANDLE object, CK_RV *ret_value)
{
    char name[ID_BYTES];
    CK_ATTRIBUTE wanted = {CKA_ID, name, sizeof(name) - 1};
    *ret_value = token->module.call->C_GetAttributeValue(token->session, object, &wanted, 1);
    if (*ret_value != CKR_OK || wanted.ulValueLen >= sizeof(name) ||
        !hin_view_starts_with(hin_view_of(name, wanted.ulValueLen), prefix)) {
        return hin_ok(); /* somebody else's */
    }
    name[wanted.ulValueLen] = '\0';
    struct key *key = hin_map_get(&token->keys, hin_view_from_text(name));
    if (key == NULL) {
        key = calloc(1, sizeof(*key));
        HIN_ENSURE(key != NULL, NO_MEMORY);
        struct hin_result put = hin_map_put(&token->keys, hin_view_from_text(name), key);
        if (!hin_is_ok(put)) {
            key_free(key);
            return put;
        }
    }
    return take_object(token, name, object, key, ret_value);
}

/* All keys of the installation by one search, since tokens take long for each: 75 ms with SoftHSM
 * and 1,000 tenants. Where anything is amiss nothing is learnt, and each tenant's own search says
 * what. */
static void learn(struct hin_pkcs11 *token)
{
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_ATTRIBUTE wanted = {CKA_CLASS, &class, sizeof(class)};
    CK_RV value = CKR_OK;
    char prefix[ID_BYTES];
    HIN_CLEANUP(hin_buf_done)
    struct hin_buf handles = {.max = TENANTS_MAX * sizeof(CK_OBJECT_HANDLE)};
    snprintf(prefix, sizeof(prefix), "hinomi/%s/", token->installation);
    struct hin_result result = list(token, &wanted, 1, &handles, &value);
    for (size_t i = 0; hin_is_ok(result) && i < handles.size / sizeof(CK_OBJECT_HANDLE); i++) {
        result = learn_object(token, hin_view_from_text(prefix), handle_at(&handles, i), &value);
    }
    size_t at = 0;
    struct hin_view name;
    void *key = NULL;
    while (hin_map_next(&token->keys, &at, &name, &key)) {
        if (((struct key *)key)->count == 0) {
            result = hin_fail(HIN_NOT_FOUND); /* our name on something that is none of our keys */
        }
    }
    if (!hin_is_ok(result)) {
        forget_keys(token);
        result = hin_map_init(&token->keys, TENANTS_MAX);
        token->connected = token->connected && hin_is_ok(result);
    }
}

/* Nothing was found: is that so, or is the token gone? */
static HIN_RESULT absent(struct hin_pkcs11 *token, CK_RV *ret_value)
{
    if (!hin_pkcs11_is_there(&token->module, token->session, token->token)) {
        *ret_value = CKR_DEVICE_REMOVED;
        return hin_fail(HIN_IO);
    }
    return hin_fail(HIN_NOT_FOUND);
}

/* NOT_FOUND: the tenant has no key. The key stays the map's. */
static HIN_RESULT find(struct hin_pkcs11 *token, struct hin_view tenant, struct key **ret_key,
                       CK_RV *ret_value)
{
    char name[ID_BYTES];
    HIN_TRY(name_of(token, tenant, name));
    if (token->unlearnt) {
        token->unlearnt = false;
        learn(token);
    }
    struct key *key = hin_map_get(&token->keys, hin_view_from_text(name));
    if (key == NULL) {
        key = calloc(1, sizeof(*key));
        HIN_ENSURE(key != NULL, NO_MEMORY);
        struct hin_result result = search(token, name, key, ret_value);
        if (hin_is_ok(result) && key->count == 0) {
            result = absent(token, ret_value);
        }
        if (hin_is_ok(result)) {
            result = hin_map_put(&token->keys, hin_view_from_text(name), key);
        }
        if (!hin_is_ok(result)) {
            key_free(key);
            return result;
        }
    }
    *ret_key = key;
    return hin_ok();
}

static void forget(struct hin_pkcs11 *token, struct hin_view tenant)
{
    char name[ID_BYTES];
    if (hin_is_ok(name_of(token, tenant, name))) {
        key_free(hin_map_remove(&token->keys, hin_view_from_text(name)));
    }
}

static struct version *find_version(struct key *key, uint32_t number)
{
    for (size_t i = 0; i < key->count; i++) {
        if (key->versions[i].number == number) {
            return &key->versions[i];
        }
    }
    return NULL;
}

/* --- making and destroying --- */

static HIN_RESULT make(struct hin_pkcs11 *token, struct hin_view tenant, uint32_t number,
                       CK_RV *ret_value)
{
    char id[ID_BYTES], label[ID_BYTES + 16];
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_KEY_TYPE type = CKK_AES;
    CK_ULONG size = KEY_BYTES;
    CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
    CK_MECHANISM mechanism = {CKM_AES_KEY_GEN, NULL, 0};
    CK_OBJECT_HANDLE object = CK_INVALID_HANDLE;
    HIN_TRY(name_of(token, tenant, id));
    snprintf(label, sizeof(label), "%s/%u", id, number);
    CK_ATTRIBUTE wanted[] = {
        {CKA_CLASS, &class, sizeof(class)},   {CKA_KEY_TYPE, &type, sizeof(type)},
        {CKA_VALUE_LEN, &size, sizeof(size)}, {CKA_TOKEN, &yes, sizeof(yes)},
        {CKA_PRIVATE, &yes, sizeof(yes)},     {CKA_SENSITIVE, &yes, sizeof(yes)},
        {CKA_EXTRACTABLE, &no, sizeof(no)},   {CKA_MODIFIABLE, &no, sizeof(no)},
        {CKA_ENCRYPT, &yes, sizeof(yes)},     {CKA_DECRYPT, &yes, sizeof(yes)},
        {CKA_WRAP, &no, sizeof(no)},          {CKA_UNWRAP, &no, sizeof(no)},
        {CKA_SIGN, &no, sizeof(no)},          {CKA_VERIFY, &no, sizeof(no)},
        {CKA_DERIVE, &no, sizeof(no)},        {CKA_ID, id, strlen(id)},
        {CKA_LABEL, label, strlen(label)},
    };
    *ret_value = token->module.call->C_GenerateKey(token->session, &mechanism, wanted,
                                                   HIN_COUNT(wanted), &object);
    if (*ret_value != CKR_OK) {
        char text[160];
        snprintf(text, sizeof(text), "the token makes no key: C_GenerateKey answers %s (0x%lx)",
                 hin_pkcs11_name(*ret_value), *ret_value);
        notify(token, text);
        return hin_fail(HIN_IO);
    }
    forget(token, tenant); /* found anew, and looked at, when it is used */
    return hin_ok();
}

static HIN_RESULT run_generate(struct hin_pkcs11 *token, struct task *task, CK_RV *ret_value)
{
    struct key *key = NULL;
    struct hin_result found = find(token, task->tenant, &key, ret_value);
    HIN_ENSURE(!hin_is_ok(found), EXISTS);
    return found.code == HIN_NOT_FOUND ? make(token, task->tenant, 1, ret_value) : found;
}

static HIN_RESULT run_rotate(struct hin_pkcs11 *token, struct task *task, CK_RV *ret_value)
{
    struct key *key = NULL;
    HIN_TRY(find(token, task->tenant, &key, ret_value));
    uint32_t last = key->versions[key->count - 1].number;
    HIN_ENSURE(last < UINT32_MAX && key->count < HIN_PKCS11_VERSIONS_MAX, LIMIT);
    return make(token, task->tenant, last + 1, ret_value);
}

static HIN_RESULT run_destroy(struct hin_pkcs11 *token, struct task *task, CK_RV *ret_value)
{
    struct key *key = NULL;
    bool all = task->version == HIN_KEY_ALL_VERSIONS;
    HIN_TRY(find(token, task->tenant, &key, ret_value));
    HIN_ENSURE(all || find_version(key, task->version) != NULL, NOT_FOUND);
    HIN_ENSURE(all || key->versions[key->count - 1].number != task->version, CONFLICT);
    /* Oldest first: what is left after a crash is a whole key, and the repeat ends it. */
    for (size_t i = 0; i < key->count; i++) {
        if (all || key->versions[i].number == task->version) {
            *ret_value =
                token->module.call->C_DestroyObject(token->session, key->versions[i].object);
            if (*ret_value != CKR_OK) {
                forget(token, task->tenant);
                return hin_fail(HIN_IO);
            }
        }
    }
    forget(token, task->tenant);
    return hin_ok();
}

/* --- wrapping --- */

static HIN_RESULT associate(struct hin_buf *buf, struct hin_view head,
                            const struct hin_key_binding *binding)
{
    HIN_ENSURE(binding->key_id.size <= NAME_MAX_BYTES, INVALID);
    HIN_TRY(hin_buf_append(buf, head));
    HIN_TRY(hin_write_u32(buf, (uint32_t)binding->purpose));
    HIN_TRY(hin_write_u32(buf, binding->version));
    HIN_TRY(hin_write_bytes(buf, binding->tenant));
    return hin_write_bytes(buf, binding->key_id);
}

static CK_GCM_PARAMS gcm_of(uint8_t iv[IV_BYTES], const struct hin_buf *associated)
{
    return (CK_GCM_PARAMS){
        .pIv = iv,
        .ulIvLen = IV_BYTES,
        .ulIvBits = IV_BYTES * 8,
        .pAAD = associated->data,
        .ulAADLen = associated->size,
        .ulTagBits = TAG_BYTES * 8,
    };
}

static HIN_RESULT encrypt(struct hin_pkcs11 *token, const struct version *version,
                          struct task *task, uint8_t *to, CK_RV *ret_value)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf associated = {.max = 1024};
    CK_FUNCTION_LIST *call = token->module.call;
    CK_ULONG size = task->plain->size + TAG_BYTES;
    hin_copy(to, wrap_magic, sizeof(wrap_magic));
    hin_store_u32(to + AT_VERSION, version->number);
    HIN_TRY(hin_random(to + AT_IV, IV_BYTES));
    HIN_TRY(associate(&associated, hin_view_of(to, AT_IV), task->binding));
    CK_GCM_PARAMS gcm = gcm_of(to + AT_IV, &associated);
    CK_MECHANISM mechanism = {CKM_AES_GCM, &gcm, sizeof(gcm)};
    token->wraps++;
    *ret_value = call->C_EncryptInit(token->session, &mechanism, version->object);
    HIN_ENSURE(*ret_value == CKR_OK, IO);
    *ret_value = call->C_Encrypt(token->session, task->plain->data, task->plain->size,
                                 to + HEAD_BYTES, &size);
    HIN_ENSURE(*ret_value == CKR_OK && size == task->plain->size + TAG_BYTES, IO);
    return hin_ok();
}

static HIN_RESULT run_wrap(struct hin_pkcs11 *token, struct task *task, CK_RV *ret_value)
{
    struct key *key = NULL;
    uint8_t *to = NULL;
    size_t before = task->ret_wrapped->size;
    HIN_ENSURE(task->plain->size > 0 && task->plain->size <= PLAIN_MAX, INVALID);
    HIN_TRY(find(token, task->binding->tenant, &key, ret_value));
    const struct version *current = &key->versions[key->count - 1];
    HIN_ENSURE(token->wraps < WRAPS_MAX, LIMIT);
    HIN_TRY(hin_buf_extend(task->ret_wrapped, HEAD_BYTES + task->plain->size + TAG_BYTES, &to));
    struct hin_result result = encrypt(token, current, task, to, ret_value);
    if (!hin_is_ok(result)) {
        task->ret_wrapped->size = before;
    }
    return result;
}

static HIN_RESULT read_head(struct hin_view wrapped, uint32_t *ret_version)
{
    size_t magic = HIN_MIN(wrapped.size, sizeof(wrap_magic) - 1);
    HIN_ENSURE(magic == 0 || memcmp(wrapped.data, wrap_magic, magic) == 0, SYNTAX);
    HIN_ENSURE(wrapped.size > HEAD_BYTES + TAG_BYTES, TRUNCATED);
    HIN_ENSURE(wrapped.data[3] <= wrap_magic[3], UNSUPPORTED);
    HIN_ENSURE(wrapped.data[3] == wrap_magic[3], SYNTAX);
    HIN_ENSURE(wrapped.size <= HEAD_BYTES + PLAIN_MAX + TAG_BYTES, SYNTAX);
    *ret_version = hin_load_u32(wrapped.data + AT_VERSION);
    return hin_ok();
}

/* A refused decryption is tampering, unless the token or the key is gone. */
static HIN_RESULT judge(struct hin_pkcs11 *token, CK_OBJECT_HANDLE object, CK_RV *value)
{
    CK_BBOOL there = CK_FALSE;
    CK_ATTRIBUTE wanted = {CKA_TOKEN, &there, sizeof(there)};
    HIN_ENSURE(hin_pkcs11_fate_of(*value) == HIN_PKCS11_REFUSED, IO);
    if (!hin_pkcs11_is_there(&token->module, token->session, token->token)) {
        *value = CKR_DEVICE_REMOVED;
        return hin_fail(HIN_IO);
    }
    CK_RV asked = token->module.call->C_GetAttributeValue(token->session, object, &wanted, 1);
    if (asked != CKR_OK) {
        *value = CKR_KEY_HANDLE_INVALID;
        return hin_fail(HIN_IO);
    }
    return hin_fail(HIN_AUTH);
}

static HIN_RESULT decrypt(struct hin_pkcs11 *token, const struct version *version,
                          struct task *task, struct hin_secret *plain, CK_RV *ret_value)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf copy = {.max = HEAD_BYTES + PLAIN_MAX + TAG_BYTES};
    HIN_CLEANUP(hin_buf_done) struct hin_buf associated = {.max = 1024};
    CK_FUNCTION_LIST *call = token->module.call;
    /* The interface wants pointers to bytes that may be written. */
    HIN_TRY(hin_buf_append(&copy, task->wrapped));
    HIN_TRY(associate(&associated, hin_view_of(copy.data, AT_IV), task->binding));
    CK_GCM_PARAMS gcm = gcm_of(copy.data + AT_IV, &associated);
    CK_MECHANISM mechanism = {CKM_AES_GCM, &gcm, sizeof(gcm)};
    CK_ULONG size = plain->size;
    *ret_value = call->C_DecryptInit(token->session, &mechanism, version->object);
    if (*ret_value == CKR_OK) {
        *ret_value = call->C_Decrypt(token->session, copy.data + HEAD_BYTES, copy.size - HEAD_BYTES,
                                     plain->data, &size);
    }
    if (*ret_value != CKR_OK) {
        return judge(token, version->object, ret_value);
    }
    HIN_ENSURE(size == copy.size - HEAD_BYTES - TAG_BYTES, IO);
    return hin_secret_from(task->ret_plain, hin_view_of(plain->data, size));
}

static HIN_RESULT run_unwrap(struct hin_pkcs11 *token, struct task *task, CK_RV *ret_value)
{
    struct key *key = NULL;
    uint32_t number = 0;
    HIN_CLEANUP(hin_secret_done) struct hin_secret plain = {0};
    HIN_TRY(read_head(task->wrapped, &number));
    HIN_TRY(find(token, task->binding->tenant, &key, ret_value));
    const struct version *version = find_version(key, number);
    HIN_ENSURE(version != NULL, NOT_FOUND);
    /* Room for the tag too: some modules ask for as much as they are given. */
    HIN_TRY(hin_secret_new(&plain, task->wrapped.size - HEAD_BYTES));
    return decrypt(token, version, task, &plain, ret_value);
}

static HIN_RESULT run_status(struct hin_pkcs11 *token, struct task *task, CK_RV *ret_value)
{
    struct key *key = NULL;
    struct hin_key_provider_status status = {.name = "pkcs11", .sealed = true};
    forget(token, task->tenant); /* what is in the token now */
    struct hin_result result = find(token, task->tenant, &key, ret_value);
    if (hin_is_ok(result)) {
        status.current_version = key->versions[key->count - 1].number;
        status.version_count = (uint32_t)key->count;
    } else if (result.code != HIN_NOT_FOUND) {
        return result;
    }
    *task->ret_status = status;
    return hin_ok();
}

/* --- as a provider --- */

static HIN_RESULT provider_generate(void *context, struct hin_view tenant)
{
    struct task task = {.run = run_generate, .tenant = tenant};
    return perform(context, &task);
}

static HIN_RESULT provider_rotate(void *context, struct hin_view tenant)
{
    struct task task = {.run = run_rotate, .tenant = tenant};
    return perform(context, &task);
}

static HIN_RESULT provider_wrap(void *context, const struct hin_key_binding *binding,
                                const struct hin_secret *plain, struct hin_buf *ret_wrapped)
{
    struct task task = {
        .run = run_wrap, .binding = binding, .plain = plain, .ret_wrapped = ret_wrapped};
    return perform(context, &task);
}

static HIN_RESULT provider_unwrap(void *context, const struct hin_key_binding *binding,
                                  struct hin_view wrapped, struct hin_secret *ret_plain)
{
    struct task task = {
        .run = run_unwrap, .binding = binding, .wrapped = wrapped, .ret_plain = ret_plain};
    return perform(context, &task);
}

static HIN_RESULT provider_destroy(void *context, struct hin_view tenant, uint32_t version)
{
    struct task task = {.run = run_destroy, .tenant = tenant, .version = version};
    return perform(context, &task);
}

static HIN_RESULT provider_status(void *context, struct hin_view tenant,
                                  struct hin_key_provider_status *ret_status)
{
    struct task task = {.run = run_status, .tenant = tenant, .ret_status = ret_status};
    return perform(context, &task);
}

struct hin_key_provider hin_pkcs11_provider(struct hin_pkcs11 *token)
{
    return (struct hin_key_provider){
        .generate = provider_generate,
        .rotate = provider_rotate,
        .wrap = provider_wrap,
        .unwrap = provider_unwrap,
        .destroy = provider_destroy,
        .status = provider_status,
        .context = token,
    };
}

/* --- life --- */

static HIN_RESULT settle(struct hin_pkcs11 *token, const struct hin_pkcs11_options *options,
                         struct hin_error *error)
{
    struct hin_view label = hin_view_from_text(options->token);
    struct hin_view installation = hin_view_from_text(options->installation);
    if (!hin_is_ok(hin_view_to_text(label, token->token, sizeof(token->token))) ||
        label.size == 0) {
        return hin_error_set(error, HIN_INVALID, NULL, 0, 0,
                             "a token's label has 1 to %d characters", HIN_PKCS11_LABEL_MAX);
    }
    HIN_ENSURE(installation.size > 0 && is_tenant(installation), INVALID);
    HIN_TRY(hin_view_to_text(installation, token->installation, sizeof(token->installation)));
    token->clock = options->clock != NULL ? options->clock : hin_clock_system();
    token->notice = options->notice;
    token->notice_context = options->notice_context;
    token->backoff_usec = BACKOFF_FIRST_USEC;
    return hin_secret_from(&token->pin, hin_secret_view(options->pin));
}

HIN_RESULT hin_pkcs11_new(struct hin_pkcs11 **ret_token, const struct hin_pkcs11_options *options,
                          struct hin_error *error)
{
    HIN_CLEANUP(hin_pkcs11_freep) struct hin_pkcs11 *token = calloc(1, sizeof(*token));
    HIN_ENSURE(token != NULL, NO_MEMORY);
    HIN_TRY(settle(token, options, error));
    HIN_TRY(hin_pkcs11_load(&token->module, options->module, error));
    *ret_token = token;
    token = NULL;
    return hin_ok();
}

HIN_RESULT hin_pkcs11_begin(struct hin_pkcs11 *token, struct hin_error *error)
{
    return connect_now(token, error);
}

void hin_pkcs11_free(struct hin_pkcs11 *token)
{
    if (token == NULL) {
        return;
    }
    lose(token);
    hin_pkcs11_unload(&token->module);
    hin_secret_done(&token->pin);
    free(token);
}
