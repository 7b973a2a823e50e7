/* Judging the JSON forms of export.h. */
#include <stdio.h>

#include "base/bytes.h"
#include "base/time.h"
#include "crypt/x509.h"
#include "proof/export.h"
#include "proof/key.h"

enum { BODY_MAX = 1 << 20 };

HIN_RESULT hin_proof_init(struct hin_proof *proof, struct hin_view fingerprint)
{
    *proof = (struct hin_proof){0};
    HIN_ENSURE(fingerprint.size == 2 * sizeof(proof->authority), INVALID);
    HIN_ENSURE(hin_is_ok(hin_unhex(fingerprint, proof->authority, sizeof(proof->authority))),
               INVALID);
    return hin_ok();
}

/* ---- reading ---- */

static HIN_RESULT get_hex(struct hin_json object, const char *name, size_t max_bytes,
                          struct hin_buf *out, struct hin_view *ret_bytes, struct hin_error *error)
{
    struct hin_view text;
    uint8_t *at = NULL;
    HIN_TRY(hin_json_get_text(object, name, &text, error));
    size_t size = text.size / 2;
    if (size > max_bytes) {
        return hin_error_set(error, HIN_LIMIT, NULL, 0, 0, "%s: longer than %zu bytes", name,
                             max_bytes);
    }
    HIN_TRY(hin_buf_extend(out, size, &at));
    if (text.size % 2 != 0 || !hin_is_ok(hin_unhex(text, at, size))) {
        return hin_error_set(error, HIN_SYNTAX, NULL, 0, 0, "%s: not hexadecimal", name);
    }
    *ret_bytes = hin_view_of(at, size);
    return hin_ok();
}

static HIN_RESULT check_format(struct hin_json object, const char *wanted, struct hin_error *error)
{
    struct hin_view format = HIN_VIEW_EMPTY;
    int64_t version = 0;
    HIN_TRY(hin_json_get_text(object, "format", &format, error));
    if (!hin_view_is(format, wanted)) {
        return hin_error_set(error, HIN_SYNTAX, NULL, 0, 0, "the format is not \"%s\"", wanted);
    }
    HIN_TRY(hin_json_get_integer(object, "version", 1, INT64_MAX, &version, error));
    if (version != HIN_PROOF_VERSION) {
        return hin_error_set(error, HIN_UNSUPPORTED, NULL, 0, 0,
                             "version %lld of %s is newer than this program: update it",
                             (long long)version, wanted);
    }
    return hin_ok();
}

/* ---- checkpoints ---- */

static HIN_RESULT check_authority(const struct hin_proof *proof, struct hin_view authority,
                                  struct hin_error *error)
{
    uint8_t digest[HIN_SHA256_BYTES];
    HIN_TRY(hin_sha256(authority, digest));
    if (!hin_is_ok(hin_x509_succeeds(authority, proof->authority))) {
        char hex[HIN_SHA256_HEX_BYTES];
        hin_hex(digest, sizeof(digest), hex);
        return hin_error_set(error, HIN_AUTH, NULL, 0, 0,
                             "the checkpoint is one of another authority, with fingerprint %s; "
                             "if the authority was rolled over since, give the fingerprint of "
                             "that time: it also vouches for those that followed",
                             hex);
    }
    return hin_ok();
}

static HIN_RESULT judge(const struct hin_proof_checkpoint *parts,
                        struct hin_checkpoint *ret_checkpoint, struct hin_error *error)
{
    struct hin_key_statement key;
    struct hin_view statement, signature;
    struct hin_result result = hin_key_statement_verify(parts->key, parts->authority, &key);
    if (!hin_is_ok(result)) {
        return hin_error_set(error, result.code, NULL, 0, 0,
                             "the statement about the checkpoint key is not the authority's: %s",
                             hin_code_text(result.code));
    }
    result = hin_checkpoint_decode(parts->checkpoint, ret_checkpoint, &statement, &signature);
    if (hin_is_ok(result)) {
        result = hin_checkpoint_verify(hin_view_of(key.public_key, sizeof(key.public_key)),
                                       statement, signature);
    }
    if (!hin_is_ok(result)) {
        return hin_error_set(error, result.code, NULL, 0, 0,
                             "the checkpoint is not signed by the installation's key: %s",
                             hin_code_text(result.code));
    }
    return hin_ok();
}

HIN_RESULT hin_proof_read_checkpoint(const struct hin_proof *proof, struct hin_json object,
                                     struct hin_checkpoint *ret_checkpoint, struct hin_error *error)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf checkpoint_bytes = {.max = 1024};
    HIN_CLEANUP(hin_buf_done) struct hin_buf key_bytes = {.max = HIN_KEY_STATEMENT_MAX};
    HIN_CLEANUP(hin_buf_done) struct hin_buf authority_bytes = {.max = HIN_X509_MAX_BYTES};
    struct hin_proof_checkpoint parts;
    struct hin_checkpoint checkpoint;
    HIN_TRY(check_format(object, "hinomi-checkpoint", error));
    HIN_TRY(get_hex(object, "checkpoint", checkpoint_bytes.max, &checkpoint_bytes,
                    &parts.checkpoint, error));
    HIN_TRY(get_hex(object, "key", key_bytes.max, &key_bytes, &parts.key, error));
    HIN_TRY(get_hex(object, "authority", authority_bytes.max, &authority_bytes, &parts.authority,
                    error));
    HIN_TRY(check_authority(proof, parts.authority, error));
    HIN_TRY(judge(&parts, &checkpoint, error));
    *ret_checkpoint = checkpoint;
    return hin_ok();
}

HIN_RESULT hin_proof_keep(struct hin_proof *proof, struct hin_json object, struct hin_error *error)
{
    HIN_ENSURE(proof->outside_count < HIN_PROOF_OUTSIDE_MAX, LIMIT);
    HIN_TRY(hin_proof_read_checkpoint(proof, object, &proof->outside[proof->outside_count], error));
    proof->outside_count++;
    return hin_ok();
}

HIN_RESULT hin_proof_accept(struct hin_proof *proof, int64_t first, int64_t last)
{
    HIN_ENSURE(proof->accepted_count < HIN_PROOF_ACCEPT_MAX, LIMIT);
    HIN_ENSURE(first > 0 && first <= last, INVALID);
    proof->accepted[proof->accepted_count++] = (struct hin_proof_range){first, last};
    return hin_ok();
}

/* ---- entries ---- */

static void describe(const struct hin_checkpoint *checkpoint, char *out, size_t out_bytes)
{
    hin_time_format_rfc3339(checkpoint->time_usec, 0, out, out_bytes);
}

/* Each outside checkpoint is met when the chain stands at its number, and not within a hole. */
static HIN_RESULT meet(struct hin_proof *proof, int64_t from, struct hin_error *error)
{
    for (size_t i = 0; i < proof->outside_count; i++) {
        const struct hin_checkpoint *kept = &proof->outside[i];
        char time[64];
        describe(kept, time, sizeof(time));
        if (kept->audit_number == (uint64_t)proof->chain.number) {
            if (!hin_view_equal(hin_view_of(kept->audit_hash, sizeof(kept->audit_hash)),
                                hin_view_of(proof->chain.hash, sizeof(proof->chain.hash)))) {
                return hin_error_set(error, HIN_CORRUPT, NULL, 0, 0,
                                     "entry %lld is not the one that the checkpoint of %s was "
                                     "signed for: the record "
                                     "up to it was rewritten, or is another's",
                                     (long long)proof->chain.number, time);
            }
            proof->outside_met++;
        } else if (kept->audit_number >= (uint64_t)from &&
                   kept->audit_number < (uint64_t)proof->chain.number) {
            return hin_error_set(
                error, HIN_CORRUPT, NULL, 0, 0,
                "the checkpoint of %s is about entry %llu, which is lost: an older "
                "or a newer one may prove the rest",
                time, (unsigned long long)kept->audit_number);
        }
    }
    return hin_ok();
}

static bool is_accepted(const struct hin_proof *proof, const struct hin_chain_hole *hole)
{
    for (size_t i = 0; i < proof->accepted_count; i++) {
        if (proof->accepted[i].first == hole->first && proof->accepted[i].last == hole->last) {
            return true;
        }
    }
    return false;
}

static HIN_RESULT tell(const struct hin_chain_fault *fault, struct hin_error *error)
{
    const struct hin_chain_hole *hole = &fault->hole;
    if (fault->why == HIN_CHAIN_LOST) {
        return hin_error_set(
            error, HIN_CORRUPT, NULL, 0, 0,
            "entry %lld %s (entry %lld: %lld to %lld); once you know why, go on with --accept "
            "%lld-%lld",
            (long long)hole->first, hin_chain_why_text(fault->why), (long long)fault->number,
            (long long)hole->first, (long long)hole->last, (long long)hole->first,
            (long long)hole->last);
    }
    bool declarable = fault->why == HIN_CHAIN_MISSING || fault->why == HIN_CHAIN_CHANGED;
    char hint[128] = "";
    if (declarable) {
        (void)snprintf(hint, sizeof(hint),
                       "; if the record says so itself further on (audit.gap), --accept %lld-%lld "
                       "goes on",
                       (long long)hole->first, (long long)hole->last);
    }
    return hin_error_set(error, HIN_CORRUPT, NULL, 0, 0, "entry %lld %s%s", (long long)hole->first,
                         hin_chain_why_text(fault->why), hint);
}

static HIN_RESULT feed(struct hin_proof *proof, const struct hin_chain_link *link,
                       struct hin_error *error)
{
    struct hin_chain_fault fault = {0};
    int64_t from = proof->chain.number + 1;
    struct hin_result added = hin_chain_add(&proof->chain, link, &fault);
    if (added.code == HIN_CORRUPT && is_accepted(proof, &fault.hole) &&
        hin_is_ok(hin_chain_skip(&proof->chain, &fault))) {
        HIN_TRY(meet(proof, from, error));
        return fault.hole.last < link->number ? feed(proof, link, error) : hin_ok();
    }
    if (added.code == HIN_CORRUPT) {
        return tell(&fault, error);
    }
    HIN_TRY(added);
    return meet(proof, from, error);
}

HIN_RESULT hin_proof_entry(struct hin_proof *proof, struct hin_json object, struct hin_error *error)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf bytes = {.max = BODY_MAX};
    struct hin_chain_link link = {0};
    HIN_CLEANUP(hin_buf_done) struct hin_buf small = {.max = HIN_CHAIN_HASH_BYTES};
    struct hin_view hash;
    struct hin_json salt;
    HIN_TRY(hin_json_get_integer(object, "number", 1, INT64_MAX - 1, &link.number, error));
    HIN_TRY(hin_json_get_integer(object, "time", INT64_MIN, INT64_MAX, &link.time_usec, error));
    HIN_TRY(get_hex(object, "hash", HIN_CHAIN_HASH_BYTES, &small, &hash, error));
    HIN_ENSURE(hash.size == sizeof(link.hash), SYNTAX);
    hin_copy(link.hash, hash.data, hash.size);
    HIN_TRY(get_hex(object, "body", BODY_MAX, &bytes, &link.body, error));
    if (hin_json_find(object, "salt", &salt)) {
        hin_buf_clear(&small);
        HIN_TRY(get_hex(object, "salt", HIN_CHAIN_SALT_BYTES, &small, &link.salt, error));
        HIN_ENSURE(link.salt.size == HIN_CHAIN_SALT_BYTES, SYNTAX);
    }
    HIN_TRY(hin_json_opt_text(object, "text", &link.text, error));
    return feed(proof, &link, error);
}

HIN_RESULT hin_proof_close(struct hin_proof *proof, struct hin_json object, struct hin_error *error)
{
    struct hin_checkpoint *closing = &proof->closing;
    HIN_TRY(hin_proof_read_checkpoint(proof, object, closing, error));
    if (closing->audit_number != (uint64_t)proof->chain.number) {
        return hin_error_set(
            error, HIN_CORRUPT, NULL, 0, 0,
            "the record ends at entry %lld, but its checkpoint was signed at entry "
            "%llu: entries were cut off or added",
            (long long)proof->chain.number, (unsigned long long)closing->audit_number);
    }
    if (!hin_view_equal(hin_view_of(closing->audit_hash, sizeof(closing->audit_hash)),
                        hin_view_of(proof->chain.hash, sizeof(proof->chain.hash)))) {
        return hin_error_set(error, HIN_CORRUPT, NULL, 0, 0,
                             "the record is not the one that its checkpoint was signed for");
    }
    proof->closed = true;
    return hin_ok();
}

HIN_RESULT hin_proof_line(struct hin_proof *proof, struct hin_view line, struct hin_error *error)
{
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    struct hin_json format;
    proof->line++;
    if (proof->closed) {
        return hin_error_set(error, HIN_CORRUPT, NULL, 0, 0,
                             "something stands behind the checkpoint");
    }
    HIN_TRY(hin_json_parse(line, HIN_PROOF_LINE_MAX, &document, error));
    struct hin_json object = hin_json_root(document);
    if (!proof->begun) {
        HIN_TRY(check_format(object, "hinomi-audit", error));
        proof->begun = true;
        return hin_ok();
    }
    return hin_json_find(object, "format", &format) ? hin_proof_close(proof, object, error)
                                                    : hin_proof_entry(proof, object, error);
}

static HIN_RESULT check_outside(const struct hin_proof *proof, const struct hin_checkpoint *kept,
                                struct hin_error *error)
{
    char time[64];
    describe(kept, time, sizeof(time));
    if (!hin_view_equal(hin_view_of(kept->tenant, sizeof(kept->tenant)),
                        hin_view_of(proof->closing.tenant, sizeof(proof->closing.tenant)))) {
        return hin_error_set(error, HIN_CORRUPT, NULL, 0, 0,
                             "the checkpoint of %s is one of another tenant", time);
    }
    if (kept->audit_number > (uint64_t)proof->chain.number) {
        return hin_error_set(
            error, HIN_CORRUPT, NULL, 0, 0,
            "the record ends at entry %lld, but the checkpoint of %s was signed at "
            "entry %llu: entries were cut off, or an older copy was put back",
            (long long)proof->chain.number, time, (unsigned long long)kept->audit_number);
    }
    if (kept->last_event_id > proof->closing.last_event_id) {
        return hin_error_set(error, HIN_CORRUPT, NULL, 0, 0,
                             "the checkpoint of %s has seen event %llu, the record only %llu: an "
                             "older copy of the database was put back",
                             time, (unsigned long long)kept->last_event_id,
                             (unsigned long long)proof->closing.last_event_id);
    }
    return hin_ok();
}

HIN_RESULT hin_proof_end(struct hin_proof *proof, struct hin_error *error)
{
    struct hin_chain_fault fault = {0};
    if (!proof->closed) {
        return hin_error_set(error, HIN_TRUNCATED, NULL, 0, 0,
                             "the record breaks off after entry %lld, without its checkpoint",
                             (long long)proof->chain.number);
    }
    if (!hin_is_ok(hin_chain_end(&proof->chain, &fault))) {
        return tell(&fault, error);
    }
    for (size_t i = 0; i < proof->outside_count; i++) {
        HIN_TRY(check_outside(proof, &proof->outside[i], error));
    }
    return hin_ok();
}
