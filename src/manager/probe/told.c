#include "manager/probe/told.h"

#include <string.h>

#include "base/bytes.h"
#include "data/json.h"
#include "manager/probe/probe.h"
#include "manager/probe/record.h"
#include "store/audit.h"

enum { PAGE = 256 };

struct reading {
    struct hin_told *told;
    bool backwards, enough;
    int64_t since_usec, last;
};

static size_t index_of(struct hin_view probe)
{
    size_t i = 0;
    while (i < hin_probe_count && !hin_view_is(probe, hin_probes[i]->name)) {
        i++;
    }
    return i;
}

static HIN_RESULT note(struct reading *reading, const struct hin_record_entry *entry)
{
    size_t at = index_of(entry->probe);
    if (at == hin_probe_count || entry->outcome == HIN_EVIDENCE_NOT_RUN) {
        return hin_ok();
    }
    HIN_ENSURE(at < HIN_TOLD_PROBES_MAX, LIMIT);
    struct hin_told_row *row = &reading->told->rows[at];
    if (reading->backwards && row->number != 0) {
        return hin_ok();
    }
    row->number = entry->number;
    return hin_view_to_text(entry->hash, row->hash, sizeof(row->hash));
}

static struct hin_result look(void *context, const struct hin_store_audit *stored)
{
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    struct reading *reading = context;
    struct hin_record_entry entry;
    reading->last = stored->number;
    reading->told->seen = HIN_MAX(reading->told->seen, stored->number);
    if (reading->backwards && stored->time_usec < reading->since_usec) {
        reading->enough = true;
    }
    if (reading->enough || !hin_record_entry_read(stored, &document, &entry)) {
        return hin_ok();
    }
    return note(reading, &entry);
}

static HIN_RESULT read_on(struct hin_tenant *own, struct reading *reading, int64_t from)
{
    int64_t before = from;
    do {
        from = before;
        reading->last = from;
        HIN_TRY(hin_store_audit_list(own->store, from, reading->backwards, PAGE, look, reading));
        before = reading->last;
    } while (before != from && !reading->enough && before != 1);
    return hin_ok();
}

HIN_RESULT hin_told_read(struct hin_tenant *own, struct hin_told *told, int64_t now_usec)
{
    struct hin_told read = *told;
    struct reading reading = {.told = &read, .since_usec = now_usec - HIN_TOLD_BACK_USEC};
    if (!told->begun) {
        read = (struct hin_told){.begun = true};
        reading.backwards = true;
        HIN_TRY(read_on(own, &reading, 0));
    } else {
        HIN_TRY(read_on(own, &reading, read.seen));
    }
    *told = read;
    return hin_ok();
}

static HIN_RESULT check_hash(const struct hin_told_row *row, const struct hin_evidence *evidence,
                             struct hin_error *error)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf statement = {.max = HIN_EVIDENCE_STATEMENT_MAX};
    uint8_t hash[HIN_SHA256_BYTES];
    char hex[HIN_SHA256_HEX_BYTES];
    HIN_TRY(hin_evidence_encode(evidence, &statement));
    HIN_TRY(hin_evidence_hash(hin_buf_view(&statement), hash));
    hin_hex(hash, sizeof(hash), hex);
    return strcmp(hex, row->hash) == 0
               ? hin_ok()
               : hin_error_set(error, HIN_CORRUPT, NULL, 0, 0,
                               "evidence %lld is another one than the audit record names",
                               (long long)evidence->number);
}

HIN_RESULT hin_told_check(const struct hin_told *told, const struct hin_evidence *evidence,
                          int64_t now_usec, struct hin_error *error)
{
    size_t at = index_of(evidence->probe);
    HIN_ENSURE(at < HIN_MIN(hin_probe_count, (size_t)HIN_TOLD_PROBES_MAX), INTERNAL);
    const struct hin_told_row *row = &told->rows[at];
    bool recent = evidence->observed_msec > (now_usec - HIN_TOLD_BACK_USEC) / HIN_MSEC_USEC;
    if (row->number == evidence->number) {
        return check_hash(row, evidence, error);
    }
    if (row->number == 0 && !recent) {
        return hin_ok(); /* older than what was read: it proves nothing any more */
    }
    return hin_error_set(error, HIN_CORRUPT, NULL, 0, 0,
                         "the newest is evidence %lld by the store and %lld by the audit record: "
                         "an older state was put back, or a record was planted",
                         (long long)evidence->number, (long long)row->number);
}
