#include "proof/series.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "data/json.h"

void hin_series_done(struct hin_series *series)
{
    free(series->records);
    *series = (struct hin_series){0};
}

/* ---- taking in ---- */

static HIN_RESULT make_room(struct hin_series *series)
{
    HIN_ENSURE(series->count < HIN_SERIES_RECORDS_MAX, LIMIT);
    if (series->count == series->capacity) {
        size_t capacity = HIN_MAX(2 * series->capacity, (size_t)64);
        void *grown = realloc(series->records, capacity * sizeof(*series->records));
        HIN_ENSURE(grown != NULL, NO_MEMORY);
        series->records = grown;
        series->capacity = capacity;
    }
    return hin_ok();
}

static HIN_RESULT note_loss(struct hin_series *series, const struct hin_evidence *evidence)
{
    struct hin_evidence_loss loss;
    if (!hin_evidence_loss_get(evidence, &loss)) {
        return hin_ok();
    }
    HIN_ENSURE(series->loss_count < HIN_SERIES_HOLES_MAX, LIMIT);
    struct hin_series_loss *row = &series->losses[series->loss_count++];
    row->number = evidence->number;
    row->first = loss.first;
    row->last = loss.last;
    row->when_msec = evidence->observed_msec;
    hin_copy(row->hash, loss.hash, sizeof(row->hash));
    (void)snprintf(row->by, sizeof(row->by), "%.*s", HIN_ARGS(loss.by));
    return hin_ok();
}

static HIN_RESULT take(struct hin_series *series, struct hin_view file, struct hin_view fingerprint,
                       struct hin_error *error)
{
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    HIN_CLEANUP(hin_buf_done) struct hin_buf statement = {.max = HIN_EVIDENCE_STATEMENT_MAX};
    struct hin_evidence evidence;
    HIN_TRY(hin_evidence_verify(file, fingerprint, &document, &evidence, error));
    HIN_TRY(make_room(series));
    struct hin_series_record *record = &series->records[series->count];
    record->number = evidence.number;
    hin_copy(record->previous, evidence.previous, sizeof(record->previous));
    HIN_TRY(hin_evidence_encode(&evidence, &statement));
    HIN_TRY(hin_evidence_hash(hin_buf_view(&statement), record->hash));
    HIN_TRY(note_loss(series, &evidence));
    series->count++;
    return hin_ok();
}

HIN_RESULT hin_series_read(struct hin_series *series, struct hin_view file,
                           struct hin_view fingerprint, struct hin_error *error)
{
    static const struct hin_view end = {(const uint8_t *)"\n}\n", 3}; /* of a record in its form */
    struct hin_view rest = file;
    size_t place = 0;
    do {
        size_t at = hin_view_find(rest, end);
        struct hin_view one = at == SIZE_MAX ? rest : hin_view_sub(rest, 0, at + end.size);
        struct hin_error why = {0};
        struct hin_result taken = take(series, one, fingerprint, &why);
        place++;
        if (!hin_is_ok(taken)) {
            return hin_error_set(error, taken.code, NULL, 0, 0, "record %zu of the file: %s", place,
                                 why.text[0] != '\0' ? why.text : hin_code_text(taken.code));
        }
        rest = hin_view_sub(rest, one.size, SIZE_MAX);
    } while (rest.size > 0);
    return hin_ok();
}

/* ---- judging ---- */

static int by_number(const void *a, const void *b)
{
    const struct hin_series_record *one = a, *other = b;
    return one->number < other->number ? -1 : one->number > other->number;
}

static HIN_RESULT drop_copies(struct hin_series *series, struct hin_error *error)
{
    size_t kept = 0;
    for (size_t i = 0; i < series->count; i++) {
        const struct hin_series_record *record = &series->records[i];
        if (kept > 0 && series->records[kept - 1].number == record->number) {
            if (memcmp(series->records[kept - 1].hash, record->hash, sizeof(record->hash)) != 0) {
                return hin_error_set(error, HIN_CORRUPT, NULL, 0, 0,
                                     "there are two different records with number %lld",
                                     (long long)record->number);
            }
            continue;
        }
        series->records[kept++] = *record;
    }
    series->count = kept;
    return hin_ok();
}

static const struct hin_series_loss *find_loss(const struct hin_series *series, int64_t first,
                                               const struct hin_series_record *after)
{
    for (size_t i = 0; i < series->loss_count; i++) {
        const struct hin_series_loss *loss = &series->losses[i];
        if (loss->first == first && loss->last == after->number - 1 &&
            memcmp(loss->hash, after->previous, sizeof(loss->hash)) == 0) {
            return loss;
        }
    }
    return NULL;
}

/* Record i and the one before it. */
static HIN_RESULT judge_pair(const struct hin_series *series, size_t i,
                             struct hin_series_verdict *verdict, struct hin_error *error)
{
    const struct hin_series_record *before = &series->records[i - 1];
    const struct hin_series_record *record = &series->records[i];
    bool next = record->number == before->number + 1;
    if (next && memcmp(record->previous, before->hash, sizeof(before->hash)) == 0) {
        return hin_ok();
    }
    int64_t first = next ? before->number : before->number + 1;
    const struct hin_series_loss *loss = find_loss(series, first, record);
    if (loss != NULL && verdict->hole_count < HIN_SERIES_HOLES_MAX) {
        verdict->holes[verdict->hole_count++] = *loss;
        return hin_ok();
    }
    if (next) {
        return hin_error_set(error, HIN_CORRUPT, NULL, 0, 0,
                             "evidence %lld names another record before it than number %lld is",
                             (long long)record->number, (long long)before->number);
    }
    return hin_error_set(error, HIN_CORRUPT, NULL, 0, 0,
                         "evidence %lld is missing: the one after %lld is %lld", (long long)first,
                         (long long)before->number, (long long)record->number);
}

HIN_RESULT hin_series_judge(struct hin_series *series, struct hin_series_verdict *ret_verdict,
                            struct hin_error *error)
{
    static const uint8_t none[HIN_SHA256_BYTES] = {0};
    struct hin_series_verdict verdict = {0};
    HIN_ENSURE(series->count > 0, INVALID);
    qsort(series->records, series->count, sizeof(*series->records), by_number);
    HIN_TRY(drop_copies(series, error));
    const struct hin_series_record *first = &series->records[0];
    if (first->number == 1 && memcmp(first->previous, none, sizeof(none)) != 0) {
        return hin_error_set(error, HIN_CORRUPT, NULL, 0, 0, "evidence 1 names a record before it");
    }
    for (size_t i = 1; i < series->count; i++) {
        HIN_TRY(judge_pair(series, i, &verdict, error));
    }
    verdict.first = first->number;
    verdict.last = series->records[series->count - 1].number;
    verdict.count = series->count;
    *ret_verdict = verdict;
    return hin_ok();
}
