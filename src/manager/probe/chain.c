#include "manager/probe/chain.h"

#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "crypt/x509.h"
#include "proof/key.h"

enum { AUDIT_PAGE = 256 };

struct walk {
    struct hin_tenant *own;
    const struct hin_record_judges *judges;
    struct hin_evidence_chain chain;
    struct hin_record_head head;
    struct hin_record_chain *found;
    struct hin_record_hole open;      /* hole.first 0: none is */
    uint8_t digest[HIN_SHA256_BYTES]; /* of the authorities and all that was read */
};

/* ---- what was read ---- */

static HIN_RESULT begin_digest(struct walk *walk)
{
    uint8_t digests[2 * HIN_SHA256_BYTES];
    HIN_TRY(hin_sha256(walk->judges->authority, digests));
    HIN_TRY(hin_sha256(walk->judges->former, digests + HIN_SHA256_BYTES));
    return hin_sha256(hin_view_of(digests, sizeof(digests)), walk->digest);
}

/* As the store has it. A loss is something that was read, too: *ret_found says how it went. */
static HIN_RESULT read_text(struct walk *walk, int64_t number, struct hin_buf *text,
                            struct hin_result *ret_found)
{
    uint8_t digests[2 * HIN_SHA256_BYTES + 1];
    hin_buf_clear(text);
    struct hin_result found = hin_record_text(walk->own, number, text);
    HIN_ENSURE(found.code != HIN_AGAIN && found.code != HIN_NO_MEMORY, AGAIN);
    hin_copy(digests, walk->digest, HIN_SHA256_BYTES);
    digests[HIN_SHA256_BYTES] = (uint8_t)found.code;
    HIN_TRY(hin_sha256(hin_buf_view(text), digests + HIN_SHA256_BYTES + 1));
    HIN_TRY(hin_sha256(hin_view_of(digests, sizeof(digests)), walk->digest));
    *ret_found = found;
    return hin_ok();
}

/* ---- records ---- */

/* By the authority that the file itself carries. */
static HIN_RESULT judge_by_itself(struct hin_view file, struct hin_json_document **ret_document,
                                  struct hin_evidence *ret_evidence, struct hin_error *error)
{
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    HIN_CLEANUP(hin_buf_done) struct hin_buf authority = {.max = HIN_X509_MAX_BYTES};
    struct hin_view hex;
    uint8_t *at = NULL;
    HIN_TRY(hin_json_parse(file, HIN_EVIDENCE_FILE_MAX, &document, error));
    HIN_TRY(hin_json_get_text(hin_json_root(document), "authority", &hex, error));
    HIN_TRY(hin_buf_extend(&authority, hex.size / 2, &at));
    HIN_TRY(hin_unhex(hex, at, hex.size / 2));
    struct hin_record_judges own = {hin_buf_view(&authority), HIN_VIEW_EMPTY, NULL};
    return hin_record_judge(file, &own, ret_document, ret_evidence, error);
}

/* Older records may be of an authority that was retired since: the chain vouches for them, whose
 * newest record must be of one that counts. */
static HIN_RESULT judge_record(const struct walk *walk, int64_t number, struct hin_view text,
                               struct hin_json_document **ret_document,
                               struct hin_evidence *ret_evidence, struct hin_error *error)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf file = {.max = HIN_EVIDENCE_FILE_MAX};
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    struct hin_evidence evidence;
    HIN_TRY(hin_record_file_of(text, &file));
    struct hin_result judged =
        hin_record_judge(hin_buf_view(&file), walk->judges, &document, &evidence, error);
    if (judged.code == HIN_AUTH && number != walk->head.number) {
        judged = judge_by_itself(hin_buf_view(&file), &document, &evidence, error);
    }
    HIN_TRY(judged);
    if (evidence.number != number) {
        return hin_error_set(error, HIN_CORRUPT, NULL, 0, 0,
                             "in the place of evidence %lld lies number %lld", (long long)number,
                             (long long)evidence.number);
    }
    *ret_document = document;
    document = NULL;
    *ret_evidence = evidence;
    return hin_ok();
}

/* ---- holes ---- */

static void begin_hole(struct walk *walk, int64_t first, const struct hin_error *error)
{
    if (walk->open.hole.first == 0) {
        walk->open.hole.first = first;
        (void)snprintf(walk->open.why, sizeof(walk->open.why), "%.*s",
                       (int)sizeof(walk->open.why) - 1, error->text);
    }
}

static HIN_RESULT end_hole(struct walk *walk, const struct hin_evidence_hole *hole)
{
    struct hin_record_chain *found = walk->found;
    HIN_ENSURE(found->hole_count < HIN_RECORD_HOLES_MAX, LIMIT);
    walk->open.hole = *hole;
    found->lost += hole->last - hole->first + 1;
    found->holes[found->hole_count++] = walk->open;
    walk->open = (struct hin_record_hole){0};
    return hin_ok();
}

static void close_holes(struct walk *walk, const struct hin_evidence *evidence)
{
    struct hin_evidence_loss loss;
    for (size_t i = 0; i < walk->found->hole_count; i++) {
        struct hin_record_hole *hole = &walk->found->holes[i];
        if (hole->hole.acknowledged == 0 && hin_evidence_closes(evidence, &hole->hole) &&
            hin_evidence_loss_get(evidence, &loss)) {
            hole->hole.acknowledged = evidence->number;
            hole->acknowledged_msec = evidence->observed_msec;
            (void)snprintf(hole->by, sizeof(hole->by), "%.*s", HIN_ARGS(loss.by));
        }
    }
}

static HIN_RESULT add(struct walk *walk, const struct hin_evidence *evidence)
{
    struct hin_error error = {0};
    struct hin_evidence_hole hole;
    struct hin_result fits = hin_evidence_chain_add(&walk->chain, evidence, &error);
    if (fits.code == HIN_CORRUPT) {
        if (evidence->number == 1) { /* it names one before it: it is not the first */
            begin_hole(walk, 1, &error);
            return hin_ok();
        }
        begin_hole(walk, evidence->number - 1, &error);
        walk->found->count -= evidence->number == walk->chain.number + 1; /* the one before */
        HIN_TRY(hin_evidence_chain_jump(&walk->chain, evidence, &hole));
        HIN_TRY(end_hole(walk, &hole));
    } else {
        HIN_TRY(fits);
    }
    walk->found->count++;
    close_holes(walk, evidence);
    return hin_ok();
}

static HIN_RESULT take_record(struct walk *walk, int64_t number, struct hin_buf *text)
{
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    struct hin_evidence evidence;
    struct hin_error error = {0};
    struct hin_result read;
    HIN_TRY(read_text(walk, number, text, &read));
    if (read.code == HIN_NOT_FOUND) {
        (void)snprintf(error.text, sizeof(error.text), "evidence %lld is missing",
                       (long long)number);
    }
    if (hin_is_ok(read)) {
        read = judge_record(walk, number, hin_buf_view(text), &document, &evidence, &error);
    }
    if (hin_is_ok(read)) {
        return add(walk, &evidence);
    }
    HIN_ENSURE(read.code != HIN_NO_MEMORY, AGAIN);
    if (error.text[0] == '\0') {
        (void)snprintf(error.text, sizeof(error.text), "evidence %lld does not open: %s",
                       (long long)number, hin_code_text(read.code));
    }
    begin_hole(walk, number, &error);
    return hin_ok();
}

/* ---- the end ---- */

struct search {
    int64_t wanted; /* 0: any */
    int64_t last_audit, number;
    char hash[HIN_SHA256_HEX_BYTES];
};

static struct hin_result look_for_evidence(void *context, const struct hin_store_audit *stored)
{
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    struct search *search = context;
    struct hin_record_entry entry;
    search->last_audit = stored->number;
    if (search->number != 0 || !hin_record_entry_read(stored, &document, &entry) ||
        (search->wanted != 0 && search->wanted != entry.number)) {
        return hin_ok();
    }
    search->number = entry.number;
    return hin_view_to_text(entry.hash, search->hash, sizeof(search->hash));
}

/* The newest entry of the audit record about evidence `wanted`, or about any. */
static HIN_RESULT search_audit(struct hin_tenant *own, struct search *search)
{
    int64_t before = 0;
    do {
        before = search->last_audit;
        HIN_TRY(
            hin_store_audit_list(own->store, before, true, AUDIT_PAGE, look_for_evidence, search));
    } while (search->number == 0 && search->last_audit != before && search->last_audit > 1);
    return hin_ok();
}

static bool is_hash(const uint8_t hash[HIN_SHA256_BYTES], const char *hex)
{
    char own[HIN_SHA256_HEX_BYTES];
    hin_hex(hash, HIN_SHA256_BYTES, own);
    return hin_view_is(hin_view_from_text(hex), own);
}

/* What the audit record names as the newest must be the newest. */
static HIN_RESULT check_end(struct walk *walk, struct hin_error *error)
{
    struct search search = {0};
    HIN_TRY(search_audit(walk->own, &search));
    if ((search.number == 0 && walk->chain.number == 0) ||
        (search.number == walk->chain.number && search.number != 0 &&
         is_hash(walk->chain.hash, search.hash))) {
        return hin_ok();
    }
    walk->found->broken = walk->chain.number + 1;
    return hin_error_set(error, HIN_CORRUPT, NULL, 0, 0,
                         "the newest evidence is number %lld, the audit record names %lld: records "
                         "are missing at the end, or were put there by another hand",
                         (long long)walk->chain.number, (long long)search.number);
}

static HIN_RESULT check_holes(struct walk *walk, struct hin_error *error)
{
    for (size_t i = 0; i < walk->found->hole_count; i++) {
        const struct hin_record_hole *hole = &walk->found->holes[i];
        if (hole->hole.acknowledged == 0) {
            walk->found->broken = hole->hole.first;
            return hin_error_set(error, HIN_CORRUPT, NULL, 0, 0,
                                 "%s; once it is known why, a key holder says so: hinomi evidence "
                                 "acknowledge %lld-%lld",
                                 hole->why, (long long)hole->hole.first,
                                 (long long)hole->hole.last);
        }
    }
    return hin_ok();
}

/* Is all that was followed before still as it was? Then the walk goes on behind it. */
static HIN_RESULT follow_again(struct walk *walk, const struct hin_record_followed *followed,
                               struct hin_buf *text, int64_t *ret_number)
{
    struct hin_result found;
    *ret_number = 0;
    for (int64_t number = 1; number <= followed->number; number++) {
        HIN_TRY(read_text(walk, number, text, &found));
    }
    if (followed->number == 0 ||
        memcmp(walk->digest, followed->digest, sizeof(walk->digest)) != 0) {
        return begin_digest(walk);
    }
    walk->chain = followed->chain;
    walk->open = followed->open;
    *walk->found = followed->found;
    *ret_number = followed->number;
    return hin_ok();
}

/* But for the newest record, which must be of an authority that counts as long as it is that. */
static void remember(const struct walk *walk, int64_t number, struct hin_record_followed *followed)
{
    if (followed == NULL || number + 1 != walk->head.number) {
        return;
    }
    followed->number = number;
    hin_copy(followed->digest, walk->digest, sizeof(followed->digest));
    followed->chain = walk->chain;
    followed->found = *walk->found;
    followed->open = walk->open;
}

static HIN_RESULT follow(struct walk *walk, struct hin_record_followed *followed)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = HIN_RECORD_TEXT_MAX};
    int64_t number = 0;
    HIN_TRY(begin_digest(walk));
    if (followed != NULL && followed->number < walk->head.number) {
        HIN_TRY(follow_again(walk, followed, &text, &number));
    }
    while (number < walk->head.number) {
        HIN_TRY(take_record(walk, ++number, &text));
        remember(walk, number, followed);
    }
    if (walk->open.hole.first != 0) { /* up to the end: what was remembered says what was there */
        struct hin_evidence_hole hole = {.first = walk->open.hole.first, .last = walk->head.number};
        hin_copy(hole.hash, walk->head.hash, sizeof(hole.hash));
        walk->chain.number = hole.last;
        hin_copy(walk->chain.hash, hole.hash, sizeof(hole.hash));
        HIN_TRY(end_hole(walk, &hole));
    }
    return hin_ok();
}

HIN_RESULT hin_record_verify(struct hin_tenant *own, const struct hin_record_judges *judges,
                             struct hin_record_followed *followed,
                             struct hin_record_chain *ret_chain, struct hin_error *error)
{
    HIN_CLEANUP(hin_key_memo_done) struct hin_key_memo memo = {0};
    struct hin_record_judges many = {judges->authority, judges->former, &memo};
    struct walk walk = {.own = own, .judges = &many, .found = ret_chain};
    *ret_chain = (struct hin_record_chain){0};
    HIN_TRY(hin_record_head_of(own, &walk.head));
    struct hin_result done = follow(&walk, followed);
    if (done.code == HIN_LIMIT) {
        ret_chain->broken = walk.open.hole.first;
        return hin_error_set(error, HIN_CORRUPT, NULL, 0, 0, "it has more than %d holes",
                             (int)HIN_RECORD_HOLES_MAX);
    }
    HIN_TRY(done);
    HIN_TRY(check_holes(&walk, error));
    return check_end(&walk, error);
}

/* ---- acknowledging ---- */

static const struct hin_record_hole *find_hole(const struct hin_record_chain *chain,
                                               const struct hin_evidence_loss *loss)
{
    for (size_t i = 0; i < chain->hole_count; i++) {
        const struct hin_evidence_hole *hole = &chain->holes[i].hole;
        if (hole->first == loss->first && hole->last == loss->last) {
            return &chain->holes[i];
        }
    }
    return NULL;
}

static HIN_RESULT check_hole(struct hin_tenant *own, const struct hin_record_hole *hole,
                             const struct hin_evidence_loss *loss, struct hin_error *error)
{
    struct search search = {.wanted = loss->last};
    if (hole == NULL) {
        return hin_error_set(error, HIN_NOT_FOUND, NULL, 0, 0,
                             "evidence %lld to %lld is not just what is lost: `hinomi trust run "
                             "audit-chain` says what is",
                             (long long)loss->first, (long long)loss->last);
    }
    if (hole->hole.acknowledged != 0) {
        return hin_error_set(error, HIN_EXISTS, NULL, 0, 0,
                             "that is acknowledged already, by evidence %lld",
                             (long long)hole->hole.acknowledged);
    }
    HIN_TRY(search_audit(own, &search));
    if (search.number == 0 || !is_hash(hole->hole.hash, search.hash)) {
        return hin_error_set(error, HIN_CONFLICT, NULL, 0, 0,
                             "the audit record does not name what was evidence %lld: the loss is "
                             "not of evidence alone",
                             (long long)loss->last);
    }
    return hin_ok();
}

HIN_RESULT hin_record_acknowledge(struct hin_tenant *own, const struct hin_record_judges *judges,
                                  struct hin_record_followed *followed,
                                  const struct hin_evidence_loss *loss, int64_t now_usec,
                                  int64_t *ret_number, struct hin_error *error)
{
    struct hin_record_chain chain;
    struct hin_evidence_loss whole = *loss;
    struct hin_result verified = hin_record_verify(own, judges, followed, &chain, NULL);
    HIN_ENSURE(hin_is_ok(verified) || verified.code == HIN_CORRUPT, AGAIN);
    const struct hin_record_hole *hole = find_hole(&chain, loss);
    HIN_TRY(check_hole(own, hole, loss, error));
    hin_copy(whole.hash, hole->hole.hash, sizeof(whole.hash));
    return hin_record_loss(own, &whole, now_usec, ret_number);
}
