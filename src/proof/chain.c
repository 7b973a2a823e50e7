#include "proof/chain.h"

#include "base/bytes.h"
#include "base/codec.h"

enum { VERSION = 1 };
#define COMMIT_DOMAIN "hinomi audit entry v1\n"

static const struct hin_view magic = {(const uint8_t *)"HAE", 3};
static const struct hin_view old_magic = {(const uint8_t *)"HSV", 3};

static const char *const why_texts[HIN_CHAIN_WHY_COUNT] = {
    [HIN_CHAIN_FITS] = "fits",
    [HIN_CHAIN_CHANGED] = "was changed, or another was put in its place",
    [HIN_CHAIN_TEXT] = "shows another text than was written",
    [HIN_CHAIN_MISSING] = "is missing: it was removed, or entries were reordered",
    [HIN_CHAIN_LOST] = "was lost to damage of the database, as the record itself says",
    [HIN_CHAIN_ORDER] = "stands here a second time or out of order: it was inserted or moved",
    [HIN_CHAIN_MALFORMED] = "is none: its bytes do not read",
    [HIN_CHAIN_UNDECLARED] = "was accepted as lost, but the record does not say that it is",
};

const char *hin_chain_why_text(enum hin_chain_why why)
{
    return why < HIN_CHAIN_WHY_COUNT ? why_texts[why] : "?";
}

static struct hin_view hash_view(const uint8_t *hash)
{
    return hin_view_of(hash, HIN_CHAIN_HASH_BYTES);
}

static bool same_hash(const uint8_t *left, const uint8_t *right)
{
    return hin_view_equal(hash_view(left), hash_view(right));
}

HIN_RESULT hin_chain_body_head(const struct hin_chain_body *body, struct hin_buf *out)
{
    HIN_ENSURE(body->kind == HIN_CHAIN_ENTRY || body->kind == HIN_CHAIN_GAP, INVALID);
    HIN_TRY(hin_buf_append(out, magic));
    HIN_TRY(hin_write_u8(out, VERSION));
    HIN_TRY(hin_write_u8(out, (uint8_t)body->kind));
    HIN_TRY(hin_buf_append(out, hash_view(body->commitment)));
    if (body->kind == HIN_CHAIN_GAP) {
        HIN_TRY(hin_write_u64(out, (uint64_t)body->hole.first));
        HIN_TRY(hin_write_u64(out, (uint64_t)body->hole.last));
        HIN_TRY(hin_buf_append(out, hash_view(body->hole.resume)));
    }
    return hin_ok();
}

static HIN_RESULT read_hash(struct hin_reader *reader, uint8_t *hash)
{
    struct hin_view part;
    HIN_TRY(hin_read_exact(reader, HIN_CHAIN_HASH_BYTES, &part));
    hin_copy(hash, part.data, part.size);
    return hin_ok();
}

static HIN_RESULT read_hole(struct hin_reader *reader, struct hin_chain_hole *hole)
{
    uint64_t first = 0, last = 0;
    HIN_TRY(hin_read_u64(reader, &first));
    HIN_TRY(hin_read_u64(reader, &last));
    HIN_ENSURE(first > 0 && first <= last && last < INT64_MAX, SYNTAX);
    hole->first = (int64_t)first;
    hole->last = (int64_t)last;
    return read_hash(reader, hole->resume);
}

HIN_RESULT hin_chain_body_read(struct hin_view bytes, struct hin_chain_body *ret_body)
{
    struct hin_chain_body body = {.kind = HIN_CHAIN_OLD, .sealed = bytes};
    struct hin_reader reader = hin_reader_of(bytes);
    struct hin_view part;
    uint8_t version = 0, kind = 0;
    HIN_TRY(hin_read_exact(&reader, magic.size, &part));
    if (!hin_view_equal(part, old_magic)) {
        HIN_ENSURE(hin_view_equal(part, magic), SYNTAX);
        HIN_TRY(hin_read_u8(&reader, &version));
        HIN_ENSURE(version == VERSION, UNSUPPORTED);
        HIN_TRY(hin_read_u8(&reader, &kind));
        HIN_ENSURE(kind == HIN_CHAIN_ENTRY || kind == HIN_CHAIN_GAP, SYNTAX);
        body.kind = (enum hin_chain_kind)kind;
        HIN_TRY(read_hash(&reader, body.commitment));
        if (kind == HIN_CHAIN_GAP) {
            HIN_TRY(read_hole(&reader, &body.hole));
        }
        body.sealed = reader.rest;
    }
    *ret_body = body;
    return hin_ok();
}

/* SHA-256 over parts, one after another. */
static HIN_RESULT digest(const struct hin_view *parts, size_t count, uint8_t *ret_digest)
{
    HIN_CLEANUP(hin_sha256_freep) struct hin_sha256 *sha = NULL;
    HIN_TRY(hin_sha256_new(&sha));
    HIN_TRY(hin_sha256_begin(sha));
    for (size_t i = 0; i < count; i++) {
        HIN_TRY(hin_sha256_add(sha, parts[i]));
    }
    return hin_sha256_end(sha, ret_digest);
}

HIN_RESULT hin_chain_commit(struct hin_view salt, struct hin_view text,
                            uint8_t ret_commitment[HIN_CHAIN_HASH_BYTES])
{
    const struct hin_view parts[] = {HIN_VIEW(COMMIT_DOMAIN), salt, text};
    HIN_ENSURE(salt.size == HIN_CHAIN_SALT_BYTES, INVALID);
    return digest(parts, HIN_COUNT(parts), ret_commitment);
}

HIN_RESULT hin_chain_hash(const uint8_t before[HIN_CHAIN_HASH_BYTES], int64_t number,
                          int64_t time_usec, struct hin_view body,
                          uint8_t ret_hash[HIN_CHAIN_HASH_BYTES])
{
    uint8_t numbers[16];
    hin_store_u64(numbers, (uint64_t)number);
    hin_store_u64(numbers + 8, (uint64_t)time_usec);
    const struct hin_view parts[] = {hash_view(before), hin_view_of(numbers, sizeof(numbers)),
                                     body};
    return digest(parts, HIN_COUNT(parts), ret_hash);
}

/* ---- verification ---- */

static HIN_RESULT fault_of(struct hin_chain_fault *fault, enum hin_chain_why why, int64_t first,
                           const struct hin_chain_link *link)
{
    *fault = (struct hin_chain_fault){
        .why = why, .number = link->number, .hole = {.first = first, .last = link->number}};
    hin_copy(fault->hole.resume, link->hash, sizeof(link->hash));
    return hin_fail(HIN_CORRUPT);
}

static bool same_hole(const struct hin_chain_hole *left, const struct hin_chain_hole *right)
{
    return left->first == right->first && left->last == right->last &&
           same_hash(left->resume, right->resume);
}

static bool is_declared_here(const struct hin_chain *chain, const struct hin_chain_link *link,
                             const struct hin_chain_body *body)
{
    return body->kind == HIN_CHAIN_GAP && body->hole.first == chain->number + 1 &&
           body->hole.last == link->number - 1;
}

static HIN_RESULT check_text(const struct hin_chain_link *link, const struct hin_chain_body *body,
                             struct hin_chain_fault *fault)
{
    uint8_t commitment[HIN_CHAIN_HASH_BYTES];
    bool shown = link->salt.size > 0 || link->text.size > 0; /* a text without its salt is a lie */
    if (body->kind == HIN_CHAIN_OLD || !shown) {
        return hin_ok();
    }
    if (!hin_is_ok(hin_chain_commit(link->salt, link->text, commitment)) ||
        !same_hash(commitment, body->commitment)) {
        return fault_of(fault, HIN_CHAIN_TEXT, link->number, link);
    }
    return hin_ok();
}

static void resolve(struct hin_chain *chain, const struct hin_chain_hole *hole)
{
    for (size_t i = 0; i < chain->hole_count; i++) {
        if (same_hole(&chain->holes[i], hole)) {
            chain->holes[i] = chain->holes[--chain->hole_count];
            return;
        }
    }
}

static void accept(struct hin_chain *chain, const struct hin_chain_link *link,
                   const struct hin_chain_body *body)
{
    chain->number = link->number;
    hin_copy(chain->hash, link->hash, sizeof(chain->hash));
    chain->entries++;
    chain->unbound += body->kind == HIN_CHAIN_OLD;
    chain->unread += body->kind != HIN_CHAIN_OLD && link->salt.size == 0;
    if (body->kind == HIN_CHAIN_GAP) {
        chain->gaps++;
        resolve(chain, &body->hole);
    }
}

HIN_RESULT hin_chain_add(struct hin_chain *chain, const struct hin_chain_link *link,
                         struct hin_chain_fault *ret_fault)
{
    struct hin_chain_body body;
    uint8_t hash[HIN_CHAIN_HASH_BYTES];
    int64_t expected = chain->number + 1;
    if (link->number < expected) {
        return fault_of(ret_fault, HIN_CHAIN_ORDER, link->number, link);
    }
    bool reads = hin_is_ok(hin_chain_body_read(link->body, &body));
    if (link->number > expected) {
        bool said = reads && is_declared_here(chain, link, &body);
        HIN_IGNORE(fault_of(ret_fault, said ? HIN_CHAIN_LOST : HIN_CHAIN_MISSING, expected, link));
        if (said) { /* the entry itself is judged when the hole is skipped */
            ret_fault->hole = body.hole;
        }
        return hin_fail(HIN_CORRUPT);
    }
    HIN_TRY(hin_chain_hash(chain->hash, link->number, link->time_usec, link->body, hash));
    if (!same_hash(hash, link->hash)) {
        return fault_of(ret_fault, HIN_CHAIN_CHANGED, link->number, link);
    }
    if (!reads) {
        return fault_of(ret_fault, HIN_CHAIN_MALFORMED, link->number, link);
    }
    HIN_TRY(check_text(link, &body, ret_fault));
    accept(chain, link, &body);
    return hin_ok();
}

HIN_RESULT hin_chain_skip(struct hin_chain *chain, const struct hin_chain_fault *fault)
{
    bool waits = fault->why == HIN_CHAIN_MISSING || fault->why == HIN_CHAIN_CHANGED;
    HIN_ENSURE(waits || fault->why == HIN_CHAIN_LOST, INVALID);
    if (waits) {
        HIN_ENSURE(chain->hole_count < HIN_CHAIN_HOLES_MAX, LIMIT);
        chain->holes[chain->hole_count++] = fault->hole;
    }
    chain->lost += fault->hole.last - fault->hole.first + 1;
    chain->number = fault->hole.last;
    hin_copy(chain->hash, fault->hole.resume, sizeof(chain->hash));
    return hin_ok();
}

HIN_RESULT hin_chain_end(const struct hin_chain *chain, struct hin_chain_fault *ret_fault)
{
    if (chain->hole_count == 0) {
        return hin_ok();
    }
    *ret_fault = (struct hin_chain_fault){
        .why = HIN_CHAIN_UNDECLARED, .number = chain->holes[0].first, .hole = chain->holes[0]};
    return hin_fail(HIN_CORRUPT);
}
