/* Many records as `hinomi evidence verify FILE...` reads them. Nine records make a chain; the last
 * one acknowledges the loss of two of them. Each input byte puts one of them into a file: what is
 * there has to hold if, and only if, it is a chain. */
#include "proof/series.h"

#include "paper.h"

enum { RECORDS = 9, LOST_FIRST = 3, LOST_LAST = 4 };

static struct {
    struct hin_buf files[RECORDS + 1];
    bool made;
} pool;

static HIN_RESULT seal(struct hin_evidence *evidence, struct hin_evidence_chain *chain,
                       struct hin_buf *out)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf statement = {.max = HIN_EVIDENCE_STATEMENT_MAX};
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = 65536};
    uint8_t signature[HIN_SIGN_BYTES];
    evidence->number = chain->number + 1;
    hin_copy(evidence->previous, chain->hash, sizeof(evidence->previous));
    hin_copy(evidence->installation, good.installation, sizeof(evidence->installation));
    HIN_TRY(hin_evidence_encode(evidence, &statement));
    HIN_TRY(hin_evidence_text(hin_buf_view(&statement), &text));
    HIN_TRY(hin_sign(&good.seed, hin_buf_view(&text), signature));
    struct hin_evidence_seal sealed = {hin_view_of(signature, sizeof(signature)),
                                       hin_buf_view(&good.key), hin_buf_view(&good.der)};
    HIN_TRY(hin_evidence_write(evidence, &sealed, out));
    return hin_evidence_chain_add(chain, evidence, NULL);
}

static HIN_RESULT make_pool(void)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = 4096};
    struct hin_evidence_chain chain = {0};
    struct hin_evidence_loss loss = {.first = LOST_FIRST,
                                     .last = LOST_LAST,
                                     .by = HIN_VIEW("ada"),
                                     .note = HIN_VIEW("a disk broke")};
    for (int64_t number = 1; number <= RECORDS; number++) {
        struct hin_evidence evidence = {.id = HIN_VIEW("e"),
                                        .probe = HIN_VIEW("p"),
                                        .probe_version = 1,
                                        .outcome = HIN_EVIDENCE_PROVEN,
                                        .reason = HIN_VIEW("")};
        if (number == RECORDS) {
            HIN_TRY(hin_evidence_loss_put(&loss, &text, &evidence));
        }
        pool.files[number] = (struct hin_buf){.max = HIN_EVIDENCE_FILE_MAX};
        HIN_TRY(seal(&evidence, &chain, &pool.files[number]));
        if (number == LOST_LAST) {
            hin_copy(loss.hash, chain.hash, sizeof(loss.hash));
        }
    }
    pool.made = true;
    return hin_ok();
}

static bool judge(struct hin_view file, struct hin_series_verdict *verdict)
{
    HIN_CLEANUP(hin_series_done) struct hin_series series = {0};
    struct hin_error error = {0};
    bool whole =
        hin_is_ok(hin_series_read(&series, file, hin_view_from_text(good.fingerprint), &error)) &&
        hin_is_ok(hin_series_judge(&series, verdict, &error));
    scratch_require(whole || error.text[0] != '\0');
    return whole;
}

/* Is what is there a chain, with no hole but the one that is acknowledged? */
static bool is_chain(const bool there[RECORDS + 1])
{
    int last = 0;
    for (int i = 1; i <= RECORDS; i++) {
        bool closed = last == LOST_FIRST - 1 && i == LOST_LAST + 1 && there[RECORDS];
        if (there[i] && last != 0 && last != i - 1 && !closed) {
            return false;
        }
        last = there[i] ? i : last;
    }
    return last != 0;
}

/* The same as the manager does it: record by record, over holes. */
static bool follow(const bool there[RECORDS + 1])
{
    struct hin_evidence_chain chain = {0};
    struct hin_evidence_hole holes[RECORDS];
    size_t hole_count = 0, closed_count = 0;
    bool begun = false;
    for (size_t i = 1; i <= RECORDS; i++) {
        HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
        struct hin_evidence evidence;
        if (!there[i]) {
            continue;
        }
        scratch_require(hin_is_ok(hin_evidence_verify(hin_buf_view(&pool.files[i]),
                                                      hin_view_from_text(good.fingerprint),
                                                      &document, &evidence, NULL)));
        if (!begun) {
            chain.number = evidence.number - 1;
            hin_copy(chain.hash, evidence.previous, sizeof(chain.hash));
            begun = true;
        }
        if (!hin_is_ok(hin_evidence_chain_add(&chain, &evidence, NULL))) {
            scratch_require(
                hin_is_ok(hin_evidence_chain_jump(&chain, &evidence, &holes[hole_count++])));
        }
        for (size_t k = 0; k < hole_count; k++) {
            closed_count += hin_evidence_closes(&evidence, &holes[k]);
        }
    }
    return begun && closed_count == hole_count;
}

/* "red": all of them. */
static HIN_RESULT issue(struct hin_view text, struct hin_buf *out)
{
    struct hin_series_verdict verdict;
    bool there[RECORDS + 1] = {false};
    struct hin_view which =
        hin_view_is(text, "red") ? HIN_VIEW("\1\2\3\4\5\6\7\10\11") : hin_view_sub(text, 0, 24);
    HIN_TRY(pool.made ? hin_ok() : make_pool());
    for (size_t i = 0; i < which.size; i++) {
        unsigned at = 1 + (which.data[i] + RECORDS - 1U) % RECORDS;
        there[at] = true;
        HIN_TRY(hin_buf_append(out, hin_buf_view(&pool.files[at])));
    }
    if (which.size > 0) {
        scratch_require(judge(hin_buf_view(out), &verdict) == is_chain(there));
        scratch_require(follow(there) == is_chain(there));
    }
    return hin_ok();
}

static bool holds(struct hin_view file)
{
    struct hin_series_verdict verdict;
    return judge(file, &verdict) && verdict.count == RECORDS;
}
