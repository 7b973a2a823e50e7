/* journald entries: fields, export format, and the line that syslog would have written. */
#include "decode/log/journald.h"

#include "base/bytes.h"

#define FIELD_MAX_BYTES (1U << 20)
#define NAME_MAX_BYTES  64

struct field {
    const char *name;
    size_t view_offset;
    bool only_if_absent; /* the lesser of two rival names */
};

#define VIEW(member) offsetof(struct hin_journal_entry, member)
static const struct field fields[] = {
    {"MESSAGE", VIEW(message), false},
    {"_HOSTNAME", VIEW(host), false},
    {"SYSLOG_IDENTIFIER", VIEW(identifier), false},
    {"_COMM", VIEW(identifier), true},
    {"SYSLOG_PID", VIEW(pid), false},
    {"_PID", VIEW(pid), true},
    {"_SYSTEMD_UNIT", VIEW(unit), false},
    {"_TRANSPORT", VIEW(transport), false},
    {"PRIORITY", VIEW(priority), false},
    {"__CURSOR", VIEW(cursor), false},
};

static void take_time(struct hin_journal_entry *entry, struct hin_view value, bool only_if_absent)
{
    int64_t usec = 0;
    if (hin_is_ok(hin_view_to_i64(value, &usec)) && usec > 0 &&
        !(only_if_absent && entry->time_usec != 0)) {
        entry->time_usec = usec;
    }
}

static void take_field(struct hin_journal_entry *entry, struct hin_view name, struct hin_view value)
{
    if (hin_view_is(name, "_SOURCE_REALTIME_TIMESTAMP")) {
        take_time(entry, value, false);
        return;
    }
    if (hin_view_is(name, "__REALTIME_TIMESTAMP")) {
        take_time(entry, value, true);
        return;
    }
    for (size_t i = 0; i < HIN_COUNT(fields); i++) {
        if (hin_view_is(name, fields[i].name)) {
            struct hin_view *slot =
                (struct hin_view *)(void *)((uint8_t *)entry + fields[i].view_offset);
            if (!fields[i].only_if_absent || slot->size == 0) {
                *slot = value;
            }
            return;
        }
    }
}

void hin_journal_field(struct hin_journal_entry *entry, struct hin_view field)
{
    size_t equals = hin_view_find_byte(field, '=');
    if (equals != SIZE_MAX && equals > 0 && equals <= NAME_MAX_BYTES) {
        take_field(entry, hin_view_sub(field, 0, equals),
                   hin_view_sub(field, equals + 1, SIZE_MAX));
    }
}

/* "NAME\n", a 64-bit length, the bytes, "\n". `rest` begins behind the name's line. */
static HIN_RESULT take_binary(struct hin_view *rest, struct hin_view name,
                              struct hin_journal_entry *entry)
{
    HIN_ENSURE(rest->size >= 8, AGAIN);
    uint64_t size = hin_load_u64(rest->data);
    HIN_ENSURE(size <= FIELD_MAX_BYTES, LIMIT);
    HIN_ENSURE(rest->size - 8 > size, AGAIN);
    HIN_ENSURE(rest->data[8 + size] == '\n', SYNTAX);
    take_field(entry, name, hin_view_sub(*rest, 8, (size_t)size));
    *rest = hin_view_sub(*rest, (size_t)size + 9, SIZE_MAX);
    return hin_ok();
}

HIN_RESULT hin_journal_parse(struct hin_view bytes, struct hin_journal_entry *ret_entry,
                             size_t *ret_used)
{
    struct hin_journal_entry entry = {0};
    struct hin_view rest = bytes;
    for (;;) {
        size_t end = hin_view_find_byte(rest, '\n');
        HIN_ENSURE(end != SIZE_MAX || rest.size <= FIELD_MAX_BYTES + NAME_MAX_BYTES, LIMIT);
        HIN_ENSURE(end != SIZE_MAX, AGAIN);
        struct hin_view line = hin_view_sub(rest, 0, end);
        rest = hin_view_sub(rest, end + 1, SIZE_MAX);
        if (line.size == 0) {
            break;
        }
        size_t equals = hin_view_find_byte(line, '=');
        HIN_ENSURE(equals != 0 && HIN_MIN(equals, line.size) <= NAME_MAX_BYTES, SYNTAX);
        if (equals == SIZE_MAX) {
            HIN_TRY(take_binary(&rest, line, &entry));
        } else {
            hin_journal_field(&entry, line);
        }
    }
    *ret_entry = entry;
    *ret_used = bytes.size - rest.size;
    return hin_ok();
}

/* ---- the line ---- */

/* A word of the header: what could end it early becomes `_`. */
static HIN_RESULT append_word(struct hin_buf *buf, struct hin_view word)
{
    for (size_t i = 0; i < word.size; i++) {
        uint8_t byte = word.data[i];
        bool bad = byte <= ' ' || byte == ':' || byte == '[' || byte == ']' || byte == 0x7f;
        HIN_TRY(hin_buf_append_byte(buf, bad ? '_' : byte));
    }
    return hin_ok();
}

static HIN_RESULT append_message(struct hin_buf *buf, struct hin_view message)
{
    size_t begin = buf->size;
    HIN_TRY(hin_buf_append(buf, message));
    for (size_t i = begin; i < buf->size; i++) {
        if (buf->data[i] == '\n' || buf->data[i] == '\r') {
            buf->data[i] = ' ';
        }
    }
    return hin_ok();
}

static HIN_RESULT append_stamp(struct hin_buf *buf, int64_t time_usec, const struct hin_zone *zone)
{
    static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    struct hin_civil local;
    if (zone != NULL) {
        hin_zone_to_local(zone, time_usec, &local);
    } else {
        hin_time_to_civil(time_usec, &local);
    }
    return hin_buf_printf(buf, "%s %2d %02d:%02d:%02d ", months[(local.month + 11) % 12], local.day,
                          local.hour, local.minute, local.second);
}

HIN_RESULT hin_journal_line(const struct hin_journal_entry *entry, const struct hin_zone *zone,
                            struct hin_buf *buf)
{
    bool kernel = hin_view_is(entry->transport, "kernel");
    HIN_TRY(append_stamp(buf, entry->time_usec, zone));
    HIN_TRY(append_word(buf, entry->host.size > 0 ? entry->host : HIN_VIEW("localhost")));
    HIN_TRY(hin_buf_append_byte(buf, ' '));
    struct hin_view identifier =
        entry->identifier.size > 0 ? entry->identifier : HIN_VIEW("unknown");
    HIN_TRY(append_word(buf, kernel ? HIN_VIEW("kernel") : identifier));
    uint64_t pid = 0;
    if (!kernel && hin_is_ok(hin_view_to_u64(entry->pid, &pid))) {
        HIN_TRY(hin_buf_append_byte(buf, '['));
        HIN_TRY(hin_buf_append_u64(buf, pid));
        HIN_TRY(hin_buf_append_byte(buf, ']'));
    }
    HIN_TRY(hin_buf_append_text(buf, ": "));
    return append_message(buf, entry->message);
}
