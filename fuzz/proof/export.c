/* An export of the audit record, line by line, as `hinomi audit verify FILE` reads it: the input as
 * it is; then a good record of ours (chain, keys and checkpoints real, two places lost and
 * declared) with bytes changed, and with lines left out, moved and doubled by the input. Only the
 * record as it is may pass, and only with its losses accepted. */
#include "proof/export.h"
#include "../scratch.h"
#include "base/bytes.h"
#include "crypt/x509.h"
#include "proof/key.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LINES_MAX = 16 };

static struct {
    struct hin_buf text;              /* of the whole export */
    struct hin_view lines[LINES_MAX]; /* of it */
    size_t count;
    struct hin_buf kept, ahead; /* checkpoints kept outside: of entry 2, of entry 99 */
    char fingerprint[HIN_SHA256_HEX_BYTES];
} good = {.text = {.max = 1 << 20}, .kept = {.max = 1 << 16}, .ahead = {.max = 1 << 16}};

/* The entry after `link`, which becomes it; shown: into the export. */
static HIN_RESULT add_entry(struct hin_chain_link *link, const struct hin_chain_hole *hole,
                            bool shown)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf body = {.max = 4096};
    uint8_t salt[HIN_CHAIN_SALT_BYTES] = {7, (uint8_t)link->number};
    uint8_t before[HIN_CHAIN_HASH_BYTES];
    char text[32];
    struct hin_chain_body head = {.kind = HIN_CHAIN_ENTRY};
    if (hole != NULL) {
        head = (struct hin_chain_body){.kind = HIN_CHAIN_GAP, .hole = *hole};
    }
    link->number++;
    link->time_usec += 1000;
    (void)snprintf(text, sizeof(text), "{\"n\":%lld}", (long long)link->number);
    link->text = hin_view_from_text(text);
    link->salt = hin_view_of(salt, sizeof(salt));
    hin_copy(before, link->hash, sizeof(before));
    HIN_TRY(hin_chain_commit(link->salt, link->text, head.commitment));
    HIN_TRY(hin_chain_body_head(&head, &body));
    HIN_TRY(hin_buf_append_text(&body, "HSV sealed"));
    link->body = hin_buf_view(&body);
    HIN_TRY(hin_chain_hash(before, link->number, link->time_usec, link->body, link->hash));
    if (!shown) {
        return hin_ok();
    }
    HIN_TRY(hin_proof_write_entry(link, &good.text));
    return hin_buf_append_byte(&good.text, '\n');
}

struct authority {
    struct hin_secret seed;
    struct hin_buf der, key;
};

static HIN_RESULT make_authority(struct authority *authority)
{
    HIN_CLEANUP(hin_x509_key_freep) struct hin_x509_key *ca = NULL;
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = 1024};
    struct hin_x509_validity validity = {0, INT64_C(4000000000000000)};
    struct hin_key_statement about = {0};
    HIN_TRY(hin_x509_key_generate(&ca));
    HIN_TRY(hin_x509_ca_new(ca, "fuzz", &validity, &authority->der));
    HIN_TRY(hin_x509_fingerprint(hin_buf_view(&authority->der), good.fingerprint));
    HIN_TRY(hin_sha256(hin_buf_view(&authority->der), about.authority));
    HIN_TRY(hin_sign_generate(&authority->seed));
    HIN_TRY(hin_sign_public(&authority->seed, about.public_key));
    HIN_TRY(hin_key_statement_encode(&about, &authority->key));
    HIN_TRY(hin_key_statement_text(hin_buf_view(&authority->key), &text));
    return hin_x509_sign(ca, hin_buf_view(&text), &authority->key);
}

static HIN_RESULT write_checkpoint(const struct authority *authority, int64_t number,
                                   const uint8_t *hash, struct hin_buf *out)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf statement = {.max = 1024};
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = 1024};
    struct hin_checkpoint checkpoint = {.audit_number = (uint64_t)number};
    uint8_t signature[HIN_SIGN_BYTES];
    hin_copy(checkpoint.audit_hash, hash, sizeof(checkpoint.audit_hash));
    HIN_TRY(hin_checkpoint_encode(&checkpoint, &statement));
    HIN_TRY(hin_buf_append_text(&text, HIN_CHECKPOINT_DOMAIN));
    HIN_TRY(hin_buf_append(&text, hin_buf_view(&statement)));
    HIN_TRY(hin_sign(&authority->seed, hin_buf_view(&text), signature));
    HIN_TRY(hin_buf_append(&statement, hin_view_of(signature, sizeof(signature))));
    struct hin_proof_checkpoint parts = {hin_buf_view(&statement), hin_buf_view(&authority->key),
                                         hin_buf_view(&authority->der)};
    return hin_proof_write_checkpoint(&parts, out);
}

/* Entries 1 2 . 4(gap: 3) 5 . 7 8(gap: 6 to 7) 9, then the checkpoint. */
static HIN_RESULT make_record(const struct authority *authority)
{
    struct hin_chain_link link = {0};
    struct hin_chain_hole lost = {.first = 3, .last = 3}, place = {.first = 6, .last = 7};
    HIN_TRY(hin_proof_write_header(HIN_VIEW("t"), 1000, &good.text));
    HIN_TRY(hin_buf_append_byte(&good.text, '\n'));
    HIN_TRY(add_entry(&link, NULL, true));
    HIN_TRY(add_entry(&link, NULL, true));
    HIN_TRY(write_checkpoint(authority, link.number, link.hash, &good.kept));
    HIN_TRY(write_checkpoint(authority, 99, link.hash, &good.ahead));
    HIN_TRY(add_entry(&link, NULL, false));
    hin_copy(lost.resume, link.hash, sizeof(lost.resume));
    HIN_TRY(add_entry(&link, &lost, true));
    HIN_TRY(add_entry(&link, NULL, true));
    HIN_TRY(add_entry(&link, NULL, false));
    HIN_TRY(add_entry(&link, NULL, true));
    hin_copy(place.resume, link.hash, sizeof(place.resume));
    HIN_TRY(add_entry(&link, &place, true));
    HIN_TRY(add_entry(&link, NULL, true));
    return write_checkpoint(authority, link.number, link.hash, &good.text);
}

static void make_good(void)
{
    struct authority authority = {.der = {.max = HIN_X509_MAX_BYTES},
                                  .key = {.max = HIN_KEY_STATEMENT_MAX}};
    scratch_require(hin_is_ok(make_authority(&authority)) && hin_is_ok(make_record(&authority)));
    hin_secret_done(&authority.seed);
    hin_buf_done(&authority.der);
    hin_buf_done(&authority.key);
    struct hin_view rest = hin_buf_view(&good.text);
    while (good.count < LINES_MAX && hin_view_split(&rest, '\n', &good.lines[good.count])) {
        good.count++;
    }
}

static struct hin_result keep(struct hin_proof *proof, struct hin_view text)
{
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    struct hin_error error = {0};
    HIN_TRY(hin_json_parse(text, HIN_PROOF_LINE_MAX, &document, &error));
    return hin_proof_keep(proof, hin_json_root(document), &error);
}

enum { ACCEPT = 1, KEEP = 2, KEEP_AHEAD = 4 };

static void prepare(struct hin_proof *proof, unsigned with)
{
    scratch_require(hin_is_ok(hin_proof_init(proof, hin_view_from_text(good.fingerprint))));
    if ((with & ACCEPT) != 0) {
        scratch_require(hin_is_ok(hin_proof_accept(proof, 3, 3)) &&
                        hin_is_ok(hin_proof_accept(proof, 6, 7)));
    }
    if ((with & KEEP) != 0) {
        scratch_require(hin_is_ok(keep(proof, hin_buf_view(&good.kept))));
    }
    if ((with & KEEP_AHEAD) != 0) {
        scratch_require(hin_is_ok(keep(proof, hin_buf_view(&good.ahead))));
    }
}

static struct hin_result judge(struct hin_view text, unsigned with)
{
    static struct hin_proof proof;
    struct hin_error error = {0};
    struct hin_view line;
    prepare(&proof, with);
    while (hin_view_split(&text, '\n', &line)) {
        if (line.size > 0) {
            HIN_TRY(hin_proof_line(&proof, line, &error));
        }
    }
    return hin_proof_end(&proof, &error);
}

/* The header's tenant and time prove nothing, and entry 7 is one of the accepted losses: what
 * stands before it is not there, so nothing but its hash is proven. */
static bool proves(size_t at)
{
    size_t from = (size_t)(good.lines[5].data - good.text.data);
    return at > good.lines[0].size && (at < from || at >= from + good.lines[5].size);
}

/* Digits changed. */
static void change_bytes(const uint8_t *data, size_t size)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf bad = {.max = 1 << 21};
    scratch_require(hin_is_ok(hin_buf_append(&bad, hin_buf_view(&good.text))));
    for (size_t i = 0; i + 2 < size && i < 24; i += 3) {
        size_t at = (data[i] | (size_t)data[i + 1] << 8) % bad.size;
        if (proves(at) && bad.data[at] >= '0' && bad.data[at] <= '9') {
            bad.data[at] = (uint8_t)('0' + data[i + 2] % 10);
        }
    }
    bool same = hin_view_equal(hin_buf_view(&bad), hin_buf_view(&good.text));
    scratch_require(hin_is_ok(judge(hin_buf_view(&bad), ACCEPT | KEEP)) == same);
}

/* Lines of the record in the order of the input's bytes; the first says what it is judged with. */
static void move_lines(const uint8_t *data, size_t size)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf moved = {.max = 1 << 21};
    bool same = size == good.count + 1;
    for (size_t i = 1; i < size && i < 2 * LINES_MAX; i++) {
        size_t line = data[i] % good.count;
        same = same && line == i - 1;
        scratch_require(hin_is_ok(hin_buf_append(&moved, good.lines[line])) &&
                        hin_is_ok(hin_buf_append_byte(&moved, '\n')));
    }
    unsigned with = size > 0 ? data[0] & 7U : 0;
    bool passes = same && (with & ACCEPT) != 0 && (with & KEEP_AHEAD) == 0;
    scratch_require(hin_is_ok(judge(hin_buf_view(&moved), with)) == passes);
}

static void read_body(struct hin_view bytes)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf head = {.max = 1 << 20};
    struct hin_chain_body body;
    if (hin_is_ok(hin_chain_body_read(bytes, &body)) && body.kind != HIN_CHAIN_OLD) {
        scratch_require(hin_is_ok(hin_chain_body_head(&body, &head)) &&
                        hin_is_ok(hin_buf_append(&head, body.sealed)) &&
                        hin_view_equal(hin_buf_view(&head), bytes));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct hin_proof proof;
    struct hin_view bytes = hin_view_of(data, size);
    if (good.count == 0) {
        make_good();
        scratch_require(good.count == 9);
        scratch_require(hin_is_ok(judge(hin_buf_view(&good.text), ACCEPT | KEEP)));
    }
    scratch_require(!hin_is_ok(judge(bytes, 0)) && !hin_is_ok(judge(bytes, ACCEPT | KEEP)));
    prepare(&proof, ACCEPT);
    scratch_require(!hin_is_ok(keep(&proof, bytes))); /* nobody signed it */
    read_body(bytes);
    change_bytes(data, size);
    move_lines(data, size);
    return 0;
}
