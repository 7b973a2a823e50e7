#include "proof/takeout.h"

#include "base/bytes.h"
#include "base/codec.h"
#include "data/json.h"

static const struct hin_view magic = {(const uint8_t *)"HTX", 3};

enum { LINE_MAX = HIN_TAKEOUT_RECORD_MAX };

HIN_RESULT hin_takeout_head_write(const struct hin_takeout *takeout, struct hin_buf *out)
{
    size_t begin = out->size;
    HIN_TRY(hin_buf_append(out, magic));
    HIN_TRY(hin_write_u8(out, HIN_TAKEOUT_VERSION));
    HIN_TRY(hin_write_u64(out, (uint64_t)takeout->number));
    HIN_TRY(hin_buf_append(out, hin_view_of(takeout->tenant, HIN_TAKEOUT_UUID_BYTES)));
    HIN_TRY(hin_buf_append(out, hin_view_of(takeout->id, HIN_TAKEOUT_UUID_BYTES)));
    HIN_TRY(hin_buf_append(out, hin_view_of(takeout->key, sizeof(takeout->key))));
    HIN_TRY(hin_write_u64(out, (uint64_t)takeout->time_usec));
    return hin_write_u32(out, hin_crc32c(0, hin_view_of(out->data + begin, out->size - begin)));
}

static HIN_RESULT read_uuid(struct hin_reader *reader, char ret_uuid[HIN_TAKEOUT_UUID_BYTES + 1])
{
    struct hin_view text;
    HIN_TRY(hin_read_exact(reader, HIN_TAKEOUT_UUID_BYTES, &text));
    for (size_t i = 0; i < text.size; i++) {
        uint8_t byte = text.data[i];
        bool hex = (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'f');
        HIN_ENSURE(hex || byte == '-', CORRUPT);
    }
    return hin_view_to_text(text, ret_uuid, HIN_TAKEOUT_UUID_BYTES + 1);
}

HIN_RESULT hin_takeout_head_read(struct hin_view bytes, struct hin_takeout *ret_takeout)
{
    struct hin_reader reader = hin_reader_of(bytes);
    struct hin_takeout takeout = {0};
    struct hin_view part;
    uint8_t version = 0;
    uint64_t number = 0, time = 0;
    uint32_t crc = 0;
    HIN_TRY(hin_read_exact(&reader, magic.size, &part));
    HIN_ENSURE(hin_view_equal(part, magic), PROTOCOL);
    HIN_TRY(hin_read_u8(&reader, &version));
    HIN_ENSURE(version == HIN_TAKEOUT_VERSION, UNSUPPORTED);
    HIN_ENSURE(bytes.size >= HIN_TAKEOUT_HEAD_BYTES, TRUNCATED);
    HIN_TRY(hin_read_u64(&reader, &number));
    HIN_TRY(read_uuid(&reader, takeout.tenant));
    HIN_TRY(read_uuid(&reader, takeout.id));
    HIN_TRY(hin_read_exact(&reader, sizeof(takeout.key), &part));
    hin_copy(takeout.key, part.data, part.size);
    HIN_TRY(hin_read_u64(&reader, &time));
    HIN_TRY(hin_read_u32(&reader, &crc));
    HIN_ENSURE(crc == hin_crc32c(0, hin_view_sub(bytes, 0, HIN_TAKEOUT_HEAD_BYTES - 4)), CORRUPT);
    HIN_ENSURE(number <= INT64_MAX && time <= INT64_MAX, CORRUPT);
    takeout.number = (int64_t)number;
    takeout.time_usec = (int64_t)time;
    HIN_TRY(hin_read_end(&reader));
    *ret_takeout = takeout;
    return hin_ok();
}

HIN_RESULT hin_takeout_record_write(struct hin_view sealed, struct hin_buf *out)
{
    HIN_ENSURE(sealed.size > 0 && sealed.size <= HIN_TAKEOUT_RECORD_MAX, LIMIT);
    HIN_TRY(hin_write_u32(out, (uint32_t)sealed.size));
    return hin_buf_append(out, sealed);
}

HIN_RESULT hin_takeout_record_read(struct hin_view bytes, struct hin_view *ret_sealed)
{
    struct hin_reader reader = hin_reader_of(bytes);
    uint32_t size = 0;
    HIN_ENSURE(bytes.size >= 4, AGAIN);
    HIN_TRY(hin_read_u32(&reader, &size));
    HIN_ENSURE(size > 0 && size <= HIN_TAKEOUT_RECORD_MAX, SYNTAX);
    HIN_ENSURE(bytes.size - 4 >= size, AGAIN);
    return hin_read_exact(&reader, size, ret_sealed);
}

/* ---- what it tells ---- */

static HIN_RESULT begin(struct hin_takeout_tally *tally, const struct hin_takeout *takeout,
                        struct hin_json line, struct hin_error *error)
{
    struct hin_view tenant, id;
    int64_t number = 0;
    HIN_TRY(hin_json_get_text(line, "tenant", &tenant, error));
    HIN_TRY(hin_json_get_text(line, "export", &id, error));
    HIN_TRY(hin_json_get_integer(line, "number", 0, INT64_MAX, &number, error));
    if (!hin_view_is(tenant, takeout->tenant) || !hin_view_is(id, takeout->id) ||
        number != takeout->number) {
        return hin_error_set(error, HIN_CORRUPT, NULL, 0, 0,
                             "the head of the file says something else than what is sealed in it");
    }
    tally->begun = true;
    return hin_ok();
}

static HIN_RESULT end(struct hin_takeout_tally *tally, struct hin_json line,
                      struct hin_error *error)
{
    struct hin_takeout_tally told = {0};
    HIN_TRY(hin_json_get_integer(line, "documents", 0, INT64_MAX, &told.documents, error));
    HIN_TRY(hin_json_get_integer(line, "events", 0, INT64_MAX, &told.events, error));
    HIN_TRY(hin_json_get_integer(line, "audit", 0, INT64_MAX, &told.audit, error));
    if (told.documents != tally->documents || told.events != tally->events ||
        told.audit != tally->audit) {
        return hin_error_set(error, HIN_CORRUPT, NULL, 0, 0,
                             "the end tells of %lld documents, %lld events and %lld audit entries; "
                             "there were %lld, %lld and %lld",
                             (long long)told.documents, (long long)told.events,
                             (long long)told.audit, (long long)tally->documents,
                             (long long)tally->events, (long long)tally->audit);
    }
    tally->ended = true;
    return hin_ok();
}

HIN_RESULT hin_takeout_line(struct hin_takeout_tally *tally, const struct hin_takeout *takeout,
                            struct hin_view line, struct hin_error *error)
{
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    struct hin_view part;
    HIN_TRY(hin_json_parse(line, LINE_MAX, &document, error));
    struct hin_json root = hin_json_root(document);
    HIN_TRY(hin_json_get_text(root, "part", &part, error));
    if (!tally->ended && !tally->begun && hin_view_is(part, "tenant")) {
        return begin(tally, takeout, root, error);
    }
    if (!tally->ended && tally->begun && hin_view_is(part, "end")) {
        return end(tally, root, error);
    }
    int64_t *count = hin_view_is(part, "document") ? &tally->documents
                     : hin_view_is(part, "event")  ? &tally->events
                     : hin_view_is(part, "audit")  ? &tally->audit
                                                   : NULL;
    if (count == NULL || !tally->begun || tally->ended) {
        return hin_error_set(error, HIN_CORRUPT, NULL, 0, 0,
                             "a line of part %.*s cannot stand here",
                             (int)HIN_MIN(part.size, (size_t)32), part.data);
    }
    (*count)++;
    return hin_ok();
}
