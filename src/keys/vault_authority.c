/* From one certificate authority to the next. */
#include <stdio.h>

#include "base/bytes.h"
#include "base/codec.h"
#include "keys/vault_internal.h"

#define CLOCK_SLACK_USEC HIN_HOUR_USEC

/* The heir's key, wrapped, and its certificate, with the former authority's signature in it. */
static HIN_RESULT make_heir(struct hin_vault *vault, struct hin_vault_wrapped *ret_wrapped,
                            struct hin_buf *ret_der)
{
    HIN_CLEANUP(hin_x509_key_freep) struct hin_x509_key *former = NULL;
    HIN_CLEANUP(hin_x509_key_freep) struct hin_x509_key *key = NULL;
    HIN_CLEANUP(hin_secret_done) struct hin_secret plain = {0};
    int64_t now_usec = hin_clock_wall_usec(vault->clock);
    struct hin_x509_validity validity = {HIN_MAX(now_usec - CLOCK_SLACK_USEC, 0),
                                         now_usec + HIN_VAULT_CA_LIFETIME_USEC};
    char name[64]; /* a name of its own, so that people can tell them apart */
    char day[32];
    hin_time_format_rfc3339(now_usec, 0, day, sizeof(day));
    snprintf(name, sizeof(name), "Hinomi certificate authority of %.10s", day);
    HIN_TRY(hin_vault_open_authority(vault, &former));
    HIN_TRY(hin_x509_key_generate(&key));
    struct hin_x509_issuer issuer = {hin_buf_view(&vault->ca_der), former};
    HIN_TRY(hin_x509_ca_succeed(key, name, &validity, &issuer, ret_der));
    HIN_TRY(hin_x509_key_export(key, &plain));
    return hin_vault_wrap_own(vault, HIN_VAULT_OWN_CA, &plain, ret_wrapped);
}

static void swap_buf(struct hin_buf *one, struct hin_buf *other)
{
    struct hin_buf kept = *one;
    *one = *other;
    *other = kept;
}

static HIN_RESULT rotate(struct hin_vault *vault)
{
    HIN_CLEANUP(hin_vault_wrapped_done) struct hin_vault_wrapped wrapped = {0};
    HIN_CLEANUP(hin_buf_done) struct hin_buf der = {.max = HIN_X509_MAX_BYTES};
    struct hin_vault_wrapped *own = &vault->own[HIN_VAULT_OWN_CA];
    HIN_ENSURE(vault->former_der.size == 0, CONFLICT);
    HIN_TRY(make_heir(vault, &wrapped, &der));
    struct hin_vault_wrapped former = *own;
    int64_t before_usec = vault->ca_rotated_usec;
    swap_buf(&vault->former_der, &der); /* der: empty */
    swap_buf(&vault->former_der, &vault->ca_der);
    *own = wrapped;
    vault->ca_rotated_usec = hin_clock_wall_usec(vault->clock);
    struct hin_result saved = hin_vault_save(vault);
    if (saved.code != HIN_OK) { /* as it was */
        swap_buf(&vault->former_der, &vault->ca_der);
        swap_buf(&vault->former_der, &der);
        *own = former;
        vault->ca_rotated_usec = before_usec;
        return saved;
    }
    wrapped = former; /* to be freed */
    return hin_ok();
}

struct hin_result hin_vault_ca_rotate(struct hin_vault *vault)
{
    return hin_vault_report(vault, "ca-rotate", HIN_VIEW_EMPTY, vault->own[HIN_VAULT_OWN_CA].id,
                            HIN_VAULT_FOR_ADMIN, rotate(vault));
}

static HIN_RESULT retire(struct hin_vault *vault)
{
    HIN_ENSURE(vault->former_der.size > 0, NOT_FOUND);
    size_t size = vault->former_der.size;
    vault->former_der.size = 0;
    struct hin_result saved = hin_vault_save(vault);
    if (saved.code != HIN_OK) {
        vault->former_der.size = size;
    }
    return saved;
}

struct hin_result hin_vault_ca_retire(struct hin_vault *vault)
{
    return hin_vault_report(vault, "ca-retire", HIN_VIEW_EMPTY, vault->own[HIN_VAULT_OWN_CA].id,
                            HIN_VAULT_FOR_ADMIN, retire(vault));
}

struct hin_result hin_vault_ca_renew(struct hin_vault *vault)
{
    vault->renewals++;
    return hin_vault_report(vault, "ca-renew", HIN_VIEW_EMPTY, vault->own[HIN_VAULT_OWN_CA].id,
                            HIN_VAULT_FOR_ADMIN, hin_ok());
}

struct hin_result hin_vault_ca_state(struct hin_vault *vault, struct hin_buf *ret_state)
{
    HIN_TRY(hin_write_u64(ret_state, vault->renewals));
    HIN_TRY(hin_write_u64(ret_state, (uint64_t)vault->ca_rotated_usec));
    return hin_buf_append(ret_state, hin_buf_view(&vault->former_der));
}
