#include "kms/tpm/tpm.h"

#include <stdlib.h>
#include <tss2/tss2_esys.h>
#include <tss2/tss2_mu.h>

#include "base/bytes.h"
#include "kms/tpm/tcti.h"

struct hin_tpm {
    struct hin_tcti tcti;
    ESYS_CONTEXT *esys;
    ESYS_TR parent;  /* storage key */
    ESYS_TR session; /* encrypts what goes over the bus */
    TPM2B_NAME parent_name;
};

/* ---- what went wrong, in words ---- */

/* Codes of part 2, 6.6: of those with bit 7 the low byte says which, the others are whole. */
static const struct {
    TSS2_RC rc;
    enum hin_code code;
    const char *text;
} words[] = {
    {TPM2_RC_AUTH_FAIL, HIN_AUTH,
     "the TPM refuses the PIN, and counts: after a few wrong ones it locks itself"},
    {TPM2_RC_BAD_AUTH, HIN_DENIED,
     "the TPM's owner hierarchy has a password of its own: clear it (tpm2_changeauth -c owner)"},
    {TPM2_RC_LOCKOUT, HIN_LIMIT,
     "the TPM is locked after too many wrong PINs: wait (tpm2_getcap properties-variable says how "
     "long), or tpm2_dictionarylockout --clear-lockout"},
    {TPM2_RC_POLICY_FAIL, HIN_CONFLICT,
     "the TPM does not open it: PCRs hold something else than when it was sealed (firmware, boot "
     "loader, kernel or Secure Boot settings changed)"},
    {TPM2_RC_PCR_CHANGED, HIN_CONFLICT, "PCRs changed while the TPM was asked: try again"},
    {TPM2_RC_VALUE, HIN_UNSUPPORTED, "the TPM has no SHA-256 bank of these PCRs"},
    {TPM2_RC_OBJECT_MEMORY, HIN_AGAIN,
     "the TPM is full of what others left in it: use its resource manager (/dev/tpmrm0), or "
     "restart"},
    {TPM2_RC_SESSION_MEMORY, HIN_AGAIN,
     "the TPM is full of what others left in it: use its resource manager (/dev/tpmrm0), or "
     "restart"},
    {TPM2_RC_INTEGRITY, HIN_REVOKED, "the TPM did not seal this, or it was altered"},
    {TPM2_RC_INITIALIZE, HIN_IO, "the TPM was not started (TPM2_Startup); is this its device?"},
    {TSS2_BASE_RC_IO_ERROR, HIN_IO, "the TPM does not answer"},
    {TSS2_BASE_RC_MALFORMED_RESPONSE, HIN_PROTOCOL, "this is no TPM 2: its answer makes no sense"},
};

static HIN_RESULT say(TSS2_RC rc, const char *doing, struct hin_error *error)
{
    TSS2_RC bare = rc & 0xffff;
    if ((rc & TSS2_RC_LAYER_MASK) == 0 && (bare & TPM2_RC_FMT1) != 0) {
        bare &= TPM2_RC_FMT1 | 0x3f;
    }
    for (size_t i = 0; i < HIN_COUNT(words); i++) {
        if (words[i].rc == bare) {
            return hin_error_set(error, words[i].code, NULL, 0, 0, "%s (%s: 0x%x)", words[i].text,
                                 doing, (unsigned)rc);
        }
    }
    return hin_error_set(error, HIN_IO, NULL, 0, 0, "the TPM refuses %s: 0x%x (tpm2_rc_decode)",
                         doing, (unsigned)rc);
}

#define DO(call, doing)                                                                            \
    do {                                                                                           \
        TSS2_RC rc_ = (call);                                                                      \
        if (rc_ != TSS2_RC_SUCCESS) {                                                              \
            return say(rc_, (doing), error);                                                       \
        }                                                                                          \
    } while (0)

/* ---- storage key and session ---- */

static const TPMT_SYM_DEF session_cipher = {
    .algorithm = TPM2_ALG_AES, .keyBits = {.aes = 128}, .mode = {.aes = TPM2_ALG_CFB}};

static const TPM2B_PUBLIC parent_template = {
    .publicArea = {
        .type = TPM2_ALG_ECC,
        .nameAlg = TPM2_ALG_SHA256,
        .objectAttributes = TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT | TPMA_OBJECT_FIXEDTPM |
                            TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_SENSITIVEDATAORIGIN |
                            TPMA_OBJECT_USERWITHAUTH | TPMA_OBJECT_NODA,
        .parameters.eccDetail = {.symmetric = {.algorithm = TPM2_ALG_AES,
                                               .keyBits = {.aes = 128},
                                               .mode = {.aes = TPM2_ALG_CFB}},
                                 .scheme = {.scheme = TPM2_ALG_NULL},
                                 .curveID = TPM2_ECC_NIST_P256,
                                 .kdf = {.scheme = TPM2_ALG_NULL}},
        .unique.ecc = {.x = {.size = 32}, .y = {.size = 32}},
    }};

static HIN_RESULT make_parent(struct hin_tpm *tpm, struct hin_error *error)
{
    static const TPM2B_SENSITIVE_CREATE sensitive;
    static const TPM2B_DATA outside;
    static const TPML_PCR_SELECTION none;
    TPM2B_NAME *name = NULL;
    DO(Esys_CreatePrimary(tpm->esys, ESYS_TR_RH_OWNER, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE,
                          &sensitive, &parent_template, &outside, &none, &tpm->parent, NULL, NULL,
                          NULL, NULL),
       "its storage key");
    DO(Esys_TR_GetName(tpm->esys, tpm->parent, &name), "the name of its storage key");
    tpm->parent_name = *name;
    Esys_Free(name);
    return hin_ok();
}

static HIN_RESULT begin_session(struct hin_tpm *tpm, TPM2_SE type, ESYS_TR *ret_session,
                                struct hin_error *error)
{
    const TPMA_SESSION flags =
        TPMA_SESSION_DECRYPT | TPMA_SESSION_ENCRYPT | TPMA_SESSION_CONTINUESESSION;
    DO(Esys_StartAuthSession(tpm->esys, tpm->parent, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                             ESYS_TR_NONE, NULL, type, &session_cipher, TPM2_ALG_SHA256,
                             ret_session),
       "a session");
    DO(Esys_TRSess_SetAttributes(tpm->esys, *ret_session, flags, 0xff), "a session's flags");
    return hin_ok();
}

static HIN_RESULT open_all(struct hin_tpm *tpm, struct hin_error *error)
{
    TSS2_TCTI_CONTEXT *tcti = (TSS2_TCTI_CONTEXT *)(void *)&tpm->tcti;
    DO(Esys_Initialize(&tpm->esys, tcti, NULL), "to be opened");
    HIN_TRY(make_parent(tpm, error));
    return begin_session(tpm, TPM2_SE_HMAC, &tpm->session, error);
}

HIN_RESULT hin_tpm_open(int fd, struct hin_tpm **ret_tpm, struct hin_error *error)
{
    struct hin_tpm *tpm = calloc(1, sizeof(*tpm));
    HIN_ENSURE(tpm != NULL, NO_MEMORY);
    tpm->parent = tpm->session = ESYS_TR_NONE;
    hin_tcti_init(&tpm->tcti, fd);
    struct hin_result opened = open_all(tpm, error);
    if (!hin_is_ok(opened)) {
        hin_tpm_free(tpm);
        return opened;
    }
    *ret_tpm = tpm;
    return hin_ok();
}

/* A TPM has room for three objects and as many sessions: a device without a resource manager (and
 * a swtpm) keeps what is not flushed. */
static void flush(struct hin_tpm *tpm, ESYS_TR *handle)
{
    if (*handle != ESYS_TR_NONE) {
        (void)Esys_FlushContext(tpm->esys, *handle);
        *handle = ESYS_TR_NONE;
    }
}

void hin_tpm_free(struct hin_tpm *tpm)
{
    if (tpm == NULL) {
        return;
    }
    if (tpm->esys != NULL) {
        flush(tpm, &tpm->session);
        flush(tpm, &tpm->parent);
        Esys_Finalize(&tpm->esys);
    }
    hin_wipe(tpm, sizeof(*tpm));
    free(tpm);
}

/* ---- terms ---- */

/* An authorisation value is at most as long as the digest; a pass phrase may be longer. */
static HIN_RESULT set_pin(const struct hin_tpm_terms *terms, TPM2B_AUTH *auth,
                          struct hin_error *error)
{
    struct hin_view pin = terms->pin != NULL ? hin_secret_view(terms->pin) : HIN_VIEW_EMPTY;
    if (pin.size > 32) {
        return hin_error_set(error, HIN_LIMIT, NULL, 0, 0,
                             "the PIN of a TPM has at most 32 bytes, this one has %zu", pin.size);
    }
    auth->size = (uint16_t)pin.size;
    hin_copy(auth->buffer, pin.data, pin.size);
    return hin_ok();
}

static TPML_PCR_SELECTION select_pcrs(uint32_t pcrs)
{
    TPML_PCR_SELECTION selection = {.count = 1};
    selection.pcrSelections[0] = (TPMS_PCR_SELECTION){.hash = TPM2_ALG_SHA256, .sizeofSelect = 3};
    for (unsigned i = 0; i < 3; i++) {
        selection.pcrSelections[0].pcrSelect[i] = (uint8_t)(pcrs >> (8 * i));
    }
    return selection;
}

/* A policy session (or a trial of one) that has met the terms. */
static HIN_RESULT meet_terms(struct hin_tpm *tpm, const struct hin_tpm_terms *terms, ESYS_TR policy,
                             struct hin_error *error)
{
    static const TPM2B_DIGEST as_they_are;
    TPML_PCR_SELECTION selection = select_pcrs(terms->pcrs);
    DO(Esys_PolicyPCR(tpm->esys, policy, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &as_they_are,
                      &selection),
       "the PCRs");
    if (terms->pin != NULL && terms->pin->size > 0) {
        DO(Esys_PolicyAuthValue(tpm->esys, policy, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE),
           "a policy with a PIN");
    }
    return hin_ok();
}

static HIN_RESULT policy_digest(struct hin_tpm *tpm, const struct hin_tpm_terms *terms,
                                TPM2B_DIGEST *ret_digest, struct hin_error *error)
{
    ESYS_TR trial = ESYS_TR_NONE;
    TPM2B_DIGEST *digest = NULL;
    HIN_TRY(begin_session(tpm, TPM2_SE_TRIAL, &trial, error));
    struct hin_result met = meet_terms(tpm, terms, trial, error);
    if (hin_is_ok(met)) {
        TSS2_RC rc = Esys_PolicyGetDigest(tpm->esys, trial, ESYS_TR_NONE, ESYS_TR_NONE,
                                          ESYS_TR_NONE, &digest);
        met = rc == TSS2_RC_SUCCESS ? hin_ok() : say(rc, "a policy", error);
    }
    if (hin_is_ok(met)) {
        *ret_digest = *digest;
        Esys_Free(digest);
    }
    flush(tpm, &trial);
    return met;
}

/* ---- seal ---- */

static HIN_RESULT put_blob(const struct hin_tpm *tpm, const TPM2B_PUBLIC *public_area,
                           const TPM2B_PRIVATE *private_area, struct hin_buf *ret_blob,
                           struct hin_error *error)
{
    uint8_t bytes[2][HIN_TPM_BLOB_MAX];
    size_t sizes[2] = {0, 0};
    DO(Tss2_MU_TPM2B_PUBLIC_Marshal(public_area, bytes[0], sizeof(bytes[0]), &sizes[0]),
       "to be stored");
    DO(Tss2_MU_TPM2B_PRIVATE_Marshal(private_area, bytes[1], sizeof(bytes[1]), &sizes[1]),
       "to be stored");
    struct hin_tpm_blob blob = {
        .parent = hin_view_of(tpm->parent_name.name, tpm->parent_name.size),
        .public_area = hin_view_of(bytes[0], sizes[0]),
        .private_area = hin_view_of(bytes[1], sizes[1]),
    };
    return hin_tpm_blob_write(&blob, ret_blob);
}

static HIN_RESULT create(struct hin_tpm *tpm, const TPM2B_SENSITIVE_CREATE *sensitive,
                         const TPM2B_PUBLIC *template, struct hin_buf *ret_blob,
                         struct hin_error *error)
{
    static const TPM2B_DATA outside;
    static const TPML_PCR_SELECTION none;
    TPM2B_PUBLIC *public_area = NULL;
    TPM2B_PRIVATE *private_area = NULL;
    DO(Esys_Create(tpm->esys, tpm->parent, tpm->session, ESYS_TR_NONE, ESYS_TR_NONE, sensitive,
                   template, &outside, &none, &private_area, &public_area, NULL, NULL, NULL),
       "to seal");
    struct hin_result put = put_blob(tpm, public_area, private_area, ret_blob, error);
    Esys_Free(public_area);
    Esys_Free(private_area);
    return put;
}

HIN_RESULT hin_tpm_seal(struct hin_tpm *tpm, const struct hin_tpm_terms *terms,
                        const struct hin_secret *key, struct hin_buf *ret_blob,
                        struct hin_error *error)
{
    bool pin = terms->pin != NULL && terms->pin->size > 0;
    TPM2B_SENSITIVE_CREATE sensitive = {.sensitive.data.size = HIN_TPM_KEY_BYTES};
    TPM2B_PUBLIC template = {
        .publicArea = {.type = TPM2_ALG_KEYEDHASH,
                       .nameAlg = TPM2_ALG_SHA256,
                       .objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |
                                           (terms->pcrs == 0 ? TPMA_OBJECT_USERWITHAUTH : 0) |
                                           (pin ? 0 : TPMA_OBJECT_NODA),
                       .parameters.keyedHashDetail.scheme.scheme = TPM2_ALG_NULL}};
    HIN_ENSURE(key->size == HIN_TPM_KEY_BYTES, INVALID);
    HIN_ENSURE(terms->pcrs < UINT32_C(1) << HIN_TPM_PCR_COUNT, INVALID);
    HIN_TRY(set_pin(terms, &sensitive.sensitive.userAuth, error));
    if (terms->pcrs != 0) {
        HIN_TRY(policy_digest(tpm, terms, &template.publicArea.authPolicy, error));
    }
    hin_copy(sensitive.sensitive.data.buffer, key->data, key->size);
    struct hin_result sealed = create(tpm, &sensitive, &template, ret_blob, error);
    hin_wipe(&sensitive, sizeof(sensitive));
    return sealed;
}

/* ---- unseal ---- */

static HIN_RESULT load(struct hin_tpm *tpm, struct hin_view bytes, ESYS_TR *ret_object,
                       struct hin_error *error)
{
    struct hin_tpm_blob blob;
    TPM2B_PUBLIC public_area = {0};
    TPM2B_PRIVATE private_area = {0};
    size_t at[2] = {0, 0};
    if (!hin_is_ok(hin_tpm_blob_read(bytes, &blob)) ||
        Tss2_MU_TPM2B_PUBLIC_Unmarshal(blob.public_area.data, blob.public_area.size, &at[0],
                                       &public_area) != TSS2_RC_SUCCESS ||
        Tss2_MU_TPM2B_PRIVATE_Unmarshal(blob.private_area.data, blob.private_area.size, &at[1],
                                        &private_area) != TSS2_RC_SUCCESS) {
        return hin_error_set(error, HIN_CORRUPT, NULL, 0, 0,
                             "what the TPM sealed is damaged in the key ring");
    }
    if (!hin_view_equal(blob.parent, hin_view_of(tpm->parent_name.name, tpm->parent_name.size))) {
        return hin_error_set(error, HIN_REVOKED, NULL, 0, 0,
                             "another TPM sealed this key ring, or this one was cleared since");
    }
    DO(Esys_Load(tpm->esys, tpm->parent, tpm->session, ESYS_TR_NONE, ESYS_TR_NONE, &private_area,
                 &public_area, ret_object),
       "to load what it sealed");
    return hin_ok();
}

static HIN_RESULT take_key(struct hin_tpm *tpm, ESYS_TR object, ESYS_TR session,
                           struct hin_secret *ret_key, struct hin_error *error)
{
    TPM2B_SENSITIVE_DATA *data = NULL;
    DO(Esys_Unseal(tpm->esys, object, session, ESYS_TR_NONE, ESYS_TR_NONE, &data), "to unseal");
    struct hin_result taken = data->size == HIN_TPM_KEY_BYTES
                                  ? hin_secret_from(ret_key, hin_view_of(data->buffer, data->size))
                                  : hin_fail(HIN_CORRUPT);
    hin_wipe(data, sizeof(*data));
    Esys_Free(data);
    return taken;
}

static HIN_RESULT open_object(struct hin_tpm *tpm, const struct hin_tpm_terms *terms,
                              ESYS_TR object, struct hin_secret *ret_key, struct hin_error *error)
{
    TPM2B_AUTH auth = {0};
    ESYS_TR policy = ESYS_TR_NONE;
    HIN_TRY(set_pin(terms, &auth, error));
    TSS2_RC rc = Esys_TR_SetAuth(tpm->esys, object, &auth);
    hin_wipe(&auth, sizeof(auth));
    DO(rc, "the PIN");
    if (terms->pcrs == 0) {
        return take_key(tpm, object, tpm->session, ret_key, error);
    }
    HIN_TRY(begin_session(tpm, TPM2_SE_POLICY, &policy, error));
    struct hin_result opened = meet_terms(tpm, terms, policy, error);
    if (hin_is_ok(opened)) {
        opened = take_key(tpm, object, policy, ret_key, error);
    }
    flush(tpm, &policy);
    return opened;
}

HIN_RESULT hin_tpm_unseal(struct hin_tpm *tpm, const struct hin_tpm_terms *terms,
                          struct hin_view blob, struct hin_secret *ret_key, struct hin_error *error)
{
    ESYS_TR object = ESYS_TR_NONE;
    HIN_TRY(load(tpm, blob, &object, error));
    struct hin_result opened = open_object(tpm, terms, object, ret_key, error);
    flush(tpm, &object);
    return opened;
}
