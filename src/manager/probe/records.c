/* Records: the audit record's and the evidence's chains; and how passwords and keys are stored. */
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/time.h"
#include "crypt/password.h"
#include "crypt/x509.h"
#include "data/json.h"
#include "manager/probe/chain.h"
#include "manager/probe/probes.h"
#include "store/audit.h"
#include "store/documents.h"

enum { DOCUMENT_MAX = 65536 };

static void tell_obstacle(struct hin_trial *trial, const struct hin_tenant *tenant,
                          struct hin_result why)
{
    hin_trial_obstacle(trial, "the database of tenant %lld cannot be read: %s",
                       (long long)tenant->number, hin_code_text(why.code));
}

/* ---- audit-chain ---- */

struct chains {
    struct hin_trial *trial;
    int64_t tenants, entries, lost;
};

static void chain_closed(void *context, const struct hin_tenant *tenant, struct hin_result why)
{
    struct chains *chains = context;
    tell_obstacle(chains->trial, tenant, why);
}

/* What a gap entry names is lost all the same. */
static struct hin_result follow(void *context, struct hin_tenant *tenant)
{
    struct chains *chains = context;
    uint8_t hash[HIN_STORE_AUDIT_HASH_BYTES];
    int64_t count = 0, broken = 0, last = 0;
    struct hin_result verified = hin_store_audit_verify(tenant->store, &count, &broken);
    if (verified.code == HIN_CORRUPT) {
        hin_trial_fail(chains->trial,
                       "the audit record of tenant %lld does not fit from entry %lld on: it was "
                       "altered, or entries are missing",
                       (long long)tenant->number, (long long)broken);
        return hin_ok();
    }
    if (hin_is_ok(verified)) {
        verified = hin_store_audit_head(tenant->store, &last, hash);
    }
    if (!hin_is_ok(verified)) {
        tell_obstacle(chains->trial, tenant, verified);
        return hin_ok();
    }
    chains->tenants++;
    chains->entries += count;
    chains->lost += HIN_MAX(last - count, INT64_C(0));
    if (count < last) {
        hin_trial_fail(chains->trial,
                       "%lld entries of the audit record of tenant %lld are lost or were altered: "
                       "gap entries in it name them",
                       (long long)(last - count), (long long)tenant->number);
    }
    return hin_ok();
}

static HIN_RESULT read_authorities(struct hin_tenant *own, struct hin_buf *authority,
                                   struct hin_buf *state, struct hin_record_judges *ret_judges)
{
    own->key_use_count += 2;
    HIN_TRY(hin_keys_ca(&own->keys, authority));
    HIN_TRY(hin_keys_ca_state(&own->keys, state));
    *ret_judges = (struct hin_record_judges){
        hin_buf_view(authority),
        hin_view_sub(hin_buf_view(state), HIN_VAULT_CA_STATE_BYTES, SIZE_MAX)};
    return hin_ok();
}

/* A loss that somebody acknowledged breaks the promise no more, and is told for ever. */
static void tell_losses(struct hin_trial *trial, const struct hin_record_chain *chain)
{
    size_t newest = 0;
    for (size_t i = 0; i < chain->hole_count; i++) {
        const struct hin_record_hole *hole = &chain->holes[i];
        char name[96];
        snprintf(name, sizeof(name), "evidence %lld to %lld", (long long)hole->hole.first,
                 (long long)hole->hole.last);
        if (hole->hole.acknowledged == 0) {
            hin_trial_measure_text(trial, name, "lost");
        } else {
            hin_trial_measure_text(trial, name, "lost, acknowledged by %s in evidence %lld",
                                   hole->by, (long long)hole->hole.acknowledged);
        }
        newest = hole->acknowledged_msec > chain->holes[newest].acknowledged_msec ? i : newest;
    }
    if (chain->hole_count > 0) {
        const struct hin_record_hole *hole = &chain->holes[newest];
        char when[64], more[64] = "";
        hin_time_format_rfc3339(hole->acknowledged_msec * HIN_MSEC_USEC, 0, when, sizeof(when));
        if (chain->hole_count > 1) {
            snprintf(more, sizeof(more), " (and %zu losses before)", chain->hole_count - 1);
        }
        hin_trial_remark(trial,
                         "proven since %s: evidence %lld to %lld is lost, acknowledged by "
                         "%s%s",
                         when, (long long)hole->hole.first, (long long)hole->hole.last, hole->by,
                         more);
    }
}

/* The evidence itself is a record that hangs on the audit record. */
static HIN_RESULT follow_evidence(const struct hin_probe_tools *tools, struct hin_trial *trial)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf authority = {.max = HIN_X509_MAX_BYTES};
    HIN_CLEANUP(hin_buf_done) struct hin_buf state = {.max = HIN_KEYS_MESSAGE_MAX};
    struct hin_record_chain *chain = NULL;
    struct hin_record_judges judges;
    struct hin_error error = {0};
    HIN_TRY(HIN_ARENA_NEW(&trial->arena, &chain));
    struct hin_result done = read_authorities(tools->own, &authority, &state, &judges);
    if (hin_is_ok(done)) {
        done = hin_record_verify(tools->own, &judges, tools->followed, chain, &error);
    }
    if (done.code == HIN_CORRUPT) {
        hin_trial_fail(trial, "the chain of evidence breaks at number %lld: %s",
                       (long long)chain->broken, error.text);
    } else if (!hin_is_ok(done)) {
        hin_trial_obstacle(trial, "the chain of evidence cannot be followed: %s",
                           hin_code_text(done.code));
    }
    hin_trial_measure(trial, "evidence records that fit", chain->count);
    hin_trial_measure(trial, "evidence records lost", chain->lost);
    tell_losses(trial, chain);
    return hin_ok();
}

HIN_RESULT hin_probe_acknowledge(const struct hin_probe_tools *tools,
                                 const struct hin_evidence_loss *loss, int64_t *ret_number,
                                 struct hin_error *error)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf authority = {.max = HIN_X509_MAX_BYTES};
    HIN_CLEANUP(hin_buf_done) struct hin_buf state = {.max = HIN_KEYS_MESSAGE_MAX};
    struct hin_record_judges judges;
    HIN_TRY(read_authorities(tools->own, &authority, &state, &judges));
    return hin_record_acknowledge(tools->own, &judges, tools->followed, loss,
                                  hin_clock_wall_usec(tools->clock), ret_number, error);
}

static struct hin_result run_chains(const struct hin_probe_tools *tools, struct hin_trial *trial)
{
    struct chains chains = {.trial = trial};
    hin_trial_input(trial, "chains", "the whole audit record of each tenant, and all evidence");
    HIN_TRY(tools->each_tenant(tools->context, follow, chain_closed, &chains));
    HIN_TRY(follow_evidence(tools, trial));
    hin_trial_measure(trial, "tenants", chains.tenants);
    hin_trial_measure(trial, "audit entries that fit", chains.entries);
    hin_trial_measure(trial, "audit entries lost", chains.lost);
    if (chains.tenants == 0) {
        hin_trial_obstacle(trial, "no tenant's audit record could be followed");
    }
    hin_trial_tried(trial);
    return hin_ok();
}

const struct hin_probe hin_probe_audit_chain = {
    .name = "audit-chain",
    .version = 2,
    .cadence_usec = HIN_DAY_USEC,
    .needs = "the tenants' databases, and the key service",
    .run = run_chains,
};

/* ---- password-hashing ---- */

struct secrets {
    struct hin_trial *trial;
    struct hin_tenant *tenant;
    int64_t passwords, one_time, digests;
};

static void password_closed(void *context, const struct hin_tenant *tenant, struct hin_result why)
{
    struct secrets *secrets = context;
    tell_obstacle(secrets->trial, tenant, why);
}

static HIN_RESULT judge_password(struct secrets *secrets, struct hin_json root, int64_t id)
{
    char text[HIN_PASSWORD_TEXT_BYTES];
    struct hin_view hash;
    bool one_time = false;
    HIN_TRY(hin_json_opt_boolean(root, "oneTime", &one_time, NULL));
    HIN_TRY(hin_json_get_text(root, "passwordHash", &hash, NULL));
    secrets->passwords++;
    secrets->one_time += one_time;
    if (!hin_is_ok(hin_view_to_text(hash, text, sizeof(text))) || !hin_password_is_sound(text)) {
        hin_trial_fail(secrets->trial,
                       "the password of administrator %lld of tenant %lld is not stored as "
                       "Argon2id of at least %d MiB, %d passes and a salt of %d bytes",
                       (long long)id, (long long)secrets->tenant->number,
                       HIN_PASSWORD_MEMORY_KIB / 1024, HIN_PASSWORD_PASSES,
                       HIN_PASSWORD_SALT_BYTES);
    }
    return hin_ok();
}

static struct hin_result look_at_administrator(void *context,
                                               const struct hin_store_document *document)
{
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *parsed = NULL;
    struct secrets *secrets = context;
    struct hin_view none;
    HIN_TRY(hin_json_parse(document->bytes, DOCUMENT_MAX, &parsed, NULL));
    struct hin_json root = hin_json_root(parsed);
    if (hin_is_ok(hin_json_get_text(root, "password", &none, NULL))) {
        hin_trial_fail(secrets->trial,
                       "administrator %lld of tenant %lld has a password stored beside its hash",
                       (long long)document->id, (long long)secrets->tenant->number);
    }
    return judge_password(secrets, root, document->id);
}

/* Random secrets of 100 bits and more: a digest without salt cannot be searched backwards. */
static HIN_RESULT judge_digest(struct secrets *secrets, const struct hin_store_document *document,
                               const char *member, const char *what)
{
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *parsed = NULL;
    uint8_t digest[HIN_SHA256_BYTES];
    struct hin_view hex = HIN_VIEW_EMPTY;
    HIN_TRY(hin_json_parse(document->bytes, DOCUMENT_MAX, &parsed, NULL));
    HIN_TRY(hin_json_get_text(hin_json_root(parsed), member, &hex, NULL));
    secrets->digests++;
    if (hex.size != 2 * sizeof(digest) || !hin_is_ok(hin_unhex(hex, digest, sizeof(digest)))) {
        hin_trial_fail(secrets->trial, "%s %lld of tenant %lld is not stored as a digest", what,
                       (long long)document->id, (long long)secrets->tenant->number);
    }
    return hin_ok();
}

static struct hin_result look_at_key(void *context, const struct hin_store_document *document)
{
    return judge_digest(context, document, "secretDigest", "API key");
}

static struct hin_result look_at_token(void *context, const struct hin_store_document *document)
{
    return judge_digest(context, document, "tokenDigest", "enrolment token");
}

static HIN_RESULT look_at_all(struct secrets *secrets)
{
    static const struct {
        enum hin_store_kind kind;
        struct hin_result (*visit)(void *context, const struct hin_store_document *document);
    } kinds[] = {{HIN_STORE_ADMINISTRATORS, look_at_administrator},
                 {HIN_STORE_API_KEYS, look_at_key},
                 {HIN_STORE_ENROLMENT_TOKENS, look_at_token}};
    struct hin_store_page all = {0};
    struct hin_store_listed listed;
    for (size_t i = 0; i < HIN_COUNT(kinds); i++) {
        HIN_TRY(hin_store_list(secrets->tenant->store, kinds[i].kind, &all, kinds[i].visit, secrets,
                               &listed));
        if (listed.damaged > 0) {
            hin_trial_obstacle(secrets->trial, "%zu accounts of tenant %lld cannot be read",
                               listed.damaged, (long long)secrets->tenant->number);
        }
    }
    return hin_ok();
}

static struct hin_result look_at_tenant(void *context, struct hin_tenant *tenant)
{
    struct secrets *secrets = context;
    secrets->tenant = tenant;
    struct hin_result looked = look_at_all(secrets);
    if (!hin_is_ok(looked)) {
        tell_obstacle(secrets->trial, tenant, looked);
    }
    return hin_ok();
}

static struct hin_result run_passwords(const struct hin_probe_tools *tools, struct hin_trial *trial)
{
    struct secrets secrets = {.trial = trial};
    hin_trial_input(trial, "looked at",
                    "the stored form of each administrator's password, API "
                    "key and enrolment token");
    hin_trial_input(trial, "least",
                    "Argon2id, %d MiB, %d passes, salt of %d bytes; SHA-256 for "
                    "random secrets",
                    HIN_PASSWORD_MEMORY_KIB / 1024, HIN_PASSWORD_PASSES, HIN_PASSWORD_SALT_BYTES);
    HIN_TRY(tools->each_tenant(tools->context, look_at_tenant, password_closed, &secrets));
    hin_trial_measure(trial, "passwords", secrets.passwords);
    hin_trial_measure(trial, "of these one-time", secrets.one_time);
    hin_trial_measure(trial, "digests of keys and tokens", secrets.digests);
    if (secrets.passwords == 0) {
        hin_trial_obstacle(trial, "there is no password that could be looked at");
    }
    hin_trial_tried(trial);
    return hin_ok();
}

const struct hin_probe hin_probe_password_hashing = {
    .name = "password-hashing",
    .version = 1,
    .cadence_usec = HIN_DAY_USEC,
    .needs = "the tenants' databases",
    .run = run_passwords,
};
