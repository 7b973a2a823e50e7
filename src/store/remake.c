#include "store/remake.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "base/codec.h"
#include "event/codec.h"
#include "store/remake_internal.h"

static HIN_RESULT fill(struct hin_remaker *remaker)
{
    HIN_TRY(
        hin_segment_builder_new(&remaker->builder, HIN_SEGMENT_RECORDS_MAX, HIN_SEGMENT_PLAIN_MAX));
    HIN_TRY(hin_segment_reader_new(&remaker->reader));
    return hin_opener_new(&remaker->opener, NULL, 1);
}

HIN_RESULT hin_remaker_new(struct hin_remaker **ret_remaker, const char *tenant)
{
    struct hin_remaker *remaker = calloc(1, sizeof(*remaker));
    HIN_ENSURE(remaker != NULL, NO_MEMORY);
    snprintf(remaker->tenant, sizeof(remaker->tenant), "%s", tenant);
    hin_arena_init(&remaker->scratch, 16 << 20);
    hin_buf_init(&remaker->record, HIN_SEALED_MAX);
    struct hin_result filled = fill(remaker);
    if (!hin_is_ok(filled)) {
        hin_remaker_free(remaker);
        return filled;
    }
    *ret_remaker = remaker;
    return hin_ok();
}

void hin_remaker_free(struct hin_remaker *remaker)
{
    if (remaker == NULL) {
        return;
    }
    hin_segment_builder_free(remaker->builder);
    hin_segment_reader_free(remaker->reader);
    hin_opener_free(remaker->opener);
    hin_arena_done(&remaker->scratch);
    hin_wipe(remaker->record.data, remaker->record.capacity);
    hin_buf_done(&remaker->record);
    free(remaker);
}

/* --- segments --- */

struct remaking {
    struct hin_remaker *remaker;
    struct hin_index *index;
    const struct hin_remake_judge *judge;
    struct hin_copy_segment *row;
    struct hin_segment_summary summary;
    struct hin_segment_head head;
    uint64_t tokens[HIN_STORE_TOKENS_MAX];
    struct hin_remade done;
};

static HIN_RESULT open_segment(struct remaking *r, struct hin_view bytes)
{
    HIN_CLEANUP(hin_secret_done) struct hin_secret key = {0};
    struct hin_remaker *remaker = r->remaker;
    struct hin_seal_place place = hin_segment_place(remaker->tenant);
    HIN_ENSURE(bytes.size >= 4, TRUNCATED);
    size_t head_bytes = hin_load_u32(bytes.data);
    HIN_ENSURE(head_bytes <= bytes.size - 4, CORRUPT);
    struct hin_view head = hin_view_sub(bytes, 4, head_bytes);
    HIN_ENSURE(r->row->key_state == HIN_COPY_KEY_HERE, NOT_FOUND);
    HIN_TRY(hin_segment_read_head(head, &r->head));
    HIN_ENSURE(r->head.first_sequence == (uint64_t)r->row->id, CORRUPT);
    HIN_TRY(hin_secret_from(&key, hin_view_of(r->row->key, sizeof(r->row->key))));
    HIN_TRY(hin_opener_add(remaker->opener, r->head.key_id, &key));
    struct hin_result opened = hin_segment_open(remaker->reader, remaker->opener, &place, head,
                                                hin_view_sub(bytes, 4 + head_bytes, bytes.size));
    hin_opener_forget(remaker->opener, NULL);
    return opened;
}

/* Records of closed segments carry no tokens; those of open ones keep theirs. */
static HIN_RESULT make_tokens(struct remaking *r, struct hin_store_event *event)
{
    struct hin_remaker *remaker = r->remaker;
    struct hin_event decoded;
    size_t count = 0;
    event->index_version = r->head.index_version;
    if (r->row->level != HIN_LEVEL_CLOSED) {
        return hin_ok();
    }
    hin_arena_reset(&remaker->scratch);
    event->tokens = r->tokens;
    event->token_count = 0;
    struct hin_result made = hin_event_decode(event->bytes, &remaker->scratch, &decoded);
    if (hin_is_ok(made)) {
        made = hin_store_tokens(r->index, &decoded, &remaker->scratch, r->tokens, &count);
    }
    if (made.code == HIN_UNSUPPORTED || made.code == HIN_SYNTAX || made.code == HIN_TRUNCATED) {
        return hin_ok();
    }
    HIN_TRY(made);
    event->token_count = count;
    event->index_version = hin_index_version(r->index);
    return hin_ok();
}

static HIN_RESULT judge_event(struct remaking *r, struct hin_store_event *event)
{
    enum hin_store_verdict verdict = HIN_STORE_KEEP;
    struct hin_store_event replacement = *event;
    struct hin_result judged = r->judge->judge(r->judge->context, event, &verdict, &replacement);
    if (judged.code == HIN_UNSUPPORTED || judged.code == HIN_SYNTAX ||
        judged.code == HIN_TRUNCATED) {
        r->done.unread++;
        return hin_ok();
    }
    HIN_TRY(judged);
    HIN_ENSURE(verdict != HIN_STORE_REPLACE, INVALID);
    if (verdict == HIN_STORE_ERASE) {
        *event = (struct hin_store_event){.id = event->id,
                                          .time_usec = r->row->min_time,
                                          .identity = event->identity,
                                          .erased = true};
        r->done.erased++;
    }
    return hin_ok();
}

static HIN_RESULT add_event(struct remaking *r, const struct hin_store_event *event)
{
    struct hin_remaker *remaker = r->remaker;
    bool keep_tokens = r->row->level != HIN_LEVEL_CLOSED;
    hin_buf_clear(&remaker->record);
    HIN_TRY(event->erased ? hin_record_write_erased(event, &remaker->record)
                          : hin_record_write(event, keep_tokens, &remaker->record));
    HIN_TRY(hin_segment_add(remaker->builder, (uint64_t)event->id, event->time_usec,
                            hin_buf_view(&remaker->record), event->tokens, event->token_count));
    if (event->token_count > 0) {
        hin_segment_note_index(remaker->builder, event->index_version);
    }
    hin_summary_add(&r->summary, event);
    return hin_ok();
}

static HIN_RESULT read_event(const struct hin_segment_record *record, uint64_t *tokens,
                             struct hin_store_event *event)
{
    HIN_TRY(hin_record_read(record->bytes, event, tokens));
    event->id = (int64_t)record->sequence;
    event->time_usec = record->time_usec;
    return hin_ok();
}

/* Most segments hold nothing of what is sought: they are read once, and nothing is built. */
static HIN_RESULT judge_all(struct remaking *r, bool builds)
{
    struct hin_segment_record record;
    uint64_t tokens[HIN_STORE_TOKENS_MAX];
    r->done = (struct hin_remade){0};
    while (hin_segment_next(r->remaker->reader, &record)) {
        struct hin_store_event event;
        HIN_TRY(read_event(&record, tokens, &event));
        if (!event.erased) {
            HIN_TRY(judge_event(r, &event));
        }
        if (builds && !event.erased) {
            HIN_TRY(make_tokens(r, &event));
        }
        if (builds) {
            HIN_TRY(add_event(r, &event));
        }
    }
    return hin_ok();
}

static void set_row(struct remaking *r, size_t plain_bytes)
{
    struct hin_copy_segment *row = r->row;
    const struct hin_segment_summary *summary = &r->summary;
    row->count = summary->count;
    row->min_time = summary->min_time;
    row->max_time = summary->max_time;
    row->plain_bytes = (int64_t)plain_bytes;
    row->classes = (int64_t)summary->classes;
    row->severities = (int64_t)summary->severities;
    row->computers_known = summary->computer_count <= HIN_SUMMARY_COMPUTERS_MAX;
    row->computers = HIN_VIEW_EMPTY;
    if (row->computers_known) {
        for (size_t i = 0; i < summary->computer_count; i++) {
            hin_store_u64(&r->remaker->computers[i * 8], (uint64_t)summary->computers[i]);
        }
        row->computers = hin_view_of(r->remaker->computers, summary->computer_count * 8);
    }
}

static HIN_RESULT seal_segment(struct remaking *r, struct hin_buf *out)
{
    HIN_CLEANUP(hin_secret_done) struct hin_secret key = {0};
    HIN_CLEANUP(hin_sealer_freep) struct hin_sealer *sealer = NULL;
    HIN_CLEANUP(hin_buf_done) struct hin_buf body = {.max = HIN_SEALED_MAX};
    struct hin_seal_place place = hin_segment_place(r->remaker->tenant);
    uint8_t id[HIN_SEAL_KEY_ID_BYTES];
    size_t plain_bytes = hin_segment_builder_bytes(r->remaker->builder);
    size_t begin = out->size;
    HIN_ENSURE(r->summary.first_id == r->row->id && r->summary.last_id == r->row->last_id, CORRUPT);
    HIN_TRY(hin_random(id, sizeof(id)));
    HIN_TRY(hin_secret_random(&key, HIN_SEAL_KEY_BYTES));
    HIN_TRY(hin_sealer_new(&sealer, id, &key));
    HIN_TRY(hin_write_u32(out, 0));
    HIN_TRY(hin_segment_finish(r->remaker->builder, sealer, &place, out, &body));
    hin_store_u32(out->data + begin, (uint32_t)(out->size - begin - 4));
    HIN_TRY(hin_buf_append(out, hin_buf_view(&body)));
    hin_copy(r->row->key, key.data, sizeof(r->row->key));
    set_row(r, plain_bytes);
    return hin_ok();
}

static HIN_RESULT remake(struct remaking *r, struct hin_view bytes, struct hin_buf *ret_bytes)
{
    HIN_TRY(open_segment(r, bytes));
    HIN_TRY(judge_all(r, false));
    r->done.changed = r->done.erased > 0;
    if (!r->done.changed) {
        return hin_ok();
    }
    HIN_TRY(open_segment(r, bytes));
    HIN_TRY(judge_all(r, true));
    r->done.changed = true;
    return seal_segment(r, ret_bytes);
}

HIN_RESULT hin_remake_segment(struct hin_remaker *remaker, struct hin_index *index,
                              const struct hin_remake_judge *judge, struct hin_view bytes,
                              struct hin_copy_segment *row, struct hin_buf *ret_bytes,
                              struct hin_remade *ret_remade)
{
    struct remaking r = {.remaker = remaker, .index = index, .judge = judge, .row = row};
    struct hin_result result = remake(&r, bytes, ret_bytes);
    hin_segment_builder_clear(remaker->builder);
    HIN_TRY(result);
    *ret_remade = r.done;
    return hin_ok();
}
