/* Losses of evidence that somebody acknowledged, and chains that go on behind them. */
#include "base/bytes.h"
#include "proof/evidence.h"

/* Rows, in this order. */
static const char *const input_names[] = {"first record that is lost", "last record that is lost",
                                          "acknowledged by", "why"};
static const char hash_name[] = "SHA-256 of the last record that is lost";

HIN_RESULT hin_evidence_loss_put(const struct hin_evidence_loss *loss, struct hin_buf *text,
                                 struct hin_evidence *evidence)
{
    HIN_ENSURE(loss->first >= 1 && loss->last >= loss->first, INVALID);
    HIN_ENSURE(loss->by.size > 0 && loss->by.size <= HIN_EVIDENCE_TEXT_MAX &&
                   loss->note.size <= HIN_EVIDENCE_TEXT_MAX,
               INVALID);
    char hex[HIN_SHA256_HEX_BYTES];
    hin_hex(loss->hash, sizeof(loss->hash), hex);
    HIN_TRY(hin_buf_append(text, hin_view_of(hex, 2 * (size_t)HIN_SHA256_BYTES)));
    size_t at = text->size;
    HIN_TRY(hin_buf_printf(text, "evidence %lld to %lld is lost, acknowledged by %.*s",
                           (long long)loss->first, (long long)loss->last, HIN_ARGS(loss->by)));
    struct hin_view all = hin_buf_view(text);
    evidence->probe = HIN_VIEW(HIN_EVIDENCE_LOSS);
    evidence->probe_version = 1;
    evidence->outcome = HIN_EVIDENCE_NOT_RUN;
    evidence->reason = hin_view_sub(all, at, SIZE_MAX);
    const struct hin_evidence_row rows[] = {{HIN_VIEW_EMPTY, HIN_VIEW_EMPTY, loss->first},
                                            {HIN_VIEW_EMPTY, HIN_VIEW_EMPTY, loss->last},
                                            {HIN_VIEW_EMPTY, loss->by, 0},
                                            {HIN_VIEW_EMPTY, loss->note, 0}};
    evidence->input_count = HIN_COUNT(rows);
    for (size_t i = 0; i < HIN_COUNT(rows); i++) {
        evidence->inputs[i] = rows[i];
        evidence->inputs[i].name = hin_view_from_text(input_names[i]);
    }
    evidence->measurement_count = 1;
    evidence->measurements[0] = (struct hin_evidence_row){
        hin_view_from_text(hash_name),
        hin_view_sub(all, at - 2 * (size_t)HIN_SHA256_BYTES, 2 * (size_t)HIN_SHA256_BYTES), 0};
    return hin_ok();
}

static bool is_row(const struct hin_evidence_row *row, const char *name, bool text)
{
    return hin_view_is(row->name, name) && (row->text.data != NULL) == text;
}

bool hin_evidence_loss_get(const struct hin_evidence *evidence, struct hin_evidence_loss *ret_loss)
{
    const struct hin_evidence_row *rows = evidence->inputs;
    struct hin_evidence_loss loss = {0};
    if (!hin_view_is(evidence->probe, HIN_EVIDENCE_LOSS) ||
        evidence->outcome != HIN_EVIDENCE_NOT_RUN ||
        evidence->input_count != HIN_COUNT(input_names) || evidence->measurement_count != 1) {
        return false;
    }
    for (size_t i = 0; i < HIN_COUNT(input_names); i++) {
        if (!is_row(&rows[i], input_names[i], i >= 2)) {
            return false;
        }
    }
    struct hin_view hex = evidence->measurements[0].text;
    if (!is_row(&evidence->measurements[0], hash_name, true) || hex.size != 2 * sizeof(loss.hash) ||
        !hin_is_ok(hin_unhex(hex, loss.hash, sizeof(loss.hash)))) {
        return false;
    }
    loss.first = rows[0].number;
    loss.last = rows[1].number;
    loss.by = rows[2].text;
    loss.note = rows[3].text;
    /* What it acknowledges came before it. */
    if (loss.first < 1 || loss.last < loss.first || loss.last >= evidence->number) {
        return false;
    }
    *ret_loss = loss;
    return true;
}

HIN_RESULT hin_evidence_chain_jump(struct hin_evidence_chain *chain,
                                   const struct hin_evidence *evidence,
                                   struct hin_evidence_hole *ret_hole)
{
    struct hin_evidence_hole hole = {.first = chain->number + 1, .last = evidence->number - 1};
    HIN_ENSURE(evidence->number > chain->number && evidence->number > 1, INVALID);
    hole.first = HIN_MIN(hole.first, hole.last);
    hin_copy(hole.hash, evidence->previous, sizeof(hole.hash));
    chain->number = hole.last;
    hin_copy(chain->hash, hole.hash, sizeof(chain->hash));
    HIN_TRY(hin_evidence_chain_add(chain, evidence, NULL));
    *ret_hole = hole;
    return hin_ok();
}

bool hin_evidence_closes(const struct hin_evidence *evidence, const struct hin_evidence_hole *hole)
{
    struct hin_evidence_loss loss;
    return hin_evidence_loss_get(evidence, &loss) && loss.first == hole->first &&
           loss.last == hole->last &&
           hin_view_equal(hin_view_of(loss.hash, sizeof(loss.hash)),
                          hin_view_of(hole->hash, sizeof(hole->hash)));
}
