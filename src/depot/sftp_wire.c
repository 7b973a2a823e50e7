#include "depot/sftp_wire.h"

#include "base/bytes.h"

enum {
    HEAD_BYTES = 4, /* the length */
    DATA_MOST = HIN_SFTP_PACKET_MAX - 1024,
    ATTRIBUTE_SIZE = 0x1,
    ATTRIBUTE_OWNER = 0x2,
    ATTRIBUTE_MODE = 0x4,
    ATTRIBUTE_TIMES = 0x8,
};
#define ATTRIBUTE_EXTENDED UINT32_C(0x80000000)
#define READ_ONLY          UINT64_C(1) /* SSH2_FXE_STATVFS_ST_RDONLY */

/* ---- writing ---- */

static void store_u32(uint8_t *to, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++) {
        to[i] = (uint8_t)(value >> (24 - 8 * i));
    }
}

HIN_RESULT hin_sftp_put_u32(struct hin_buf *out, uint32_t value)
{
    uint8_t bytes[4];
    store_u32(bytes, value);
    return hin_buf_append(out, hin_view_of(bytes, sizeof(bytes)));
}

HIN_RESULT hin_sftp_put_u64(struct hin_buf *out, uint64_t value)
{
    HIN_TRY(hin_sftp_put_u32(out, (uint32_t)(value >> 32)));
    return hin_sftp_put_u32(out, (uint32_t)value);
}

HIN_RESULT hin_sftp_put_text(struct hin_buf *out, struct hin_view text)
{
    HIN_ENSURE(text.size <= HIN_SFTP_PACKET_MAX, LIMIT);
    HIN_TRY(hin_sftp_put_u32(out, (uint32_t)text.size));
    return hin_buf_append(out, text);
}

HIN_RESULT hin_sftp_put_mode(struct hin_buf *out, uint32_t mode)
{
    HIN_TRY(hin_sftp_put_u32(out, ATTRIBUTE_MODE));
    return hin_sftp_put_u32(out, mode);
}

HIN_RESULT hin_sftp_begin(struct hin_buf *out, enum hin_sftp_type type, uint32_t id, size_t *ret_at)
{
    size_t at = out->size;
    HIN_TRY(hin_sftp_put_u32(out, 0));
    HIN_TRY(hin_buf_append_byte(out, (uint8_t)type));
    HIN_TRY(hin_sftp_put_u32(out, id));
    *ret_at = at;
    return hin_ok();
}

void hin_sftp_end(struct hin_buf *out, size_t at)
{
    store_u32(out->data + at, (uint32_t)(out->size - at - HEAD_BYTES));
}

/* ---- reading ---- */

static HIN_RESULT take_bytes(struct hin_view *rest, size_t size, struct hin_view *ret_bytes)
{
    HIN_ENSURE(size <= rest->size, PROTOCOL);
    *ret_bytes = hin_view_sub(*rest, 0, size);
    *rest = hin_view_sub(*rest, size, rest->size);
    return hin_ok();
}

static HIN_RESULT take_u32(struct hin_view *rest, uint32_t *ret_value)
{
    struct hin_view bytes = HIN_VIEW_EMPTY;
    HIN_TRY(take_bytes(rest, 4, &bytes));
    *ret_value = (uint32_t)bytes.data[0] << 24 | (uint32_t)bytes.data[1] << 16 |
                 (uint32_t)bytes.data[2] << 8 | bytes.data[3];
    return hin_ok();
}

static HIN_RESULT take_u64(struct hin_view *rest, uint64_t *ret_value)
{
    uint32_t high = 0, low = 0;
    HIN_TRY(take_u32(rest, &high));
    HIN_TRY(take_u32(rest, &low));
    *ret_value = (uint64_t)high << 32 | low;
    return hin_ok();
}

static HIN_RESULT take_text(struct hin_view *rest, struct hin_view *ret_text)
{
    uint32_t size = 0;
    HIN_TRY(take_u32(rest, &size));
    return take_bytes(rest, size, ret_text);
}

static HIN_RESULT take_attributes(struct hin_view *rest, struct hin_sftp_attributes *ret_attributes)
{
    struct hin_sftp_attributes read = {0};
    uint32_t flags = 0, unused = 0, count = 0;
    struct hin_view text = HIN_VIEW_EMPTY;
    HIN_TRY(take_u32(rest, &flags));
    read.has_size = (flags & ATTRIBUTE_SIZE) != 0;
    read.has_mode = (flags & ATTRIBUTE_MODE) != 0;
    read.has_times = (flags & ATTRIBUTE_TIMES) != 0;
    if (read.has_size) {
        HIN_TRY(take_u64(rest, &read.size));
    }
    if ((flags & ATTRIBUTE_OWNER) != 0) {
        HIN_TRY(take_u32(rest, &unused));
        HIN_TRY(take_u32(rest, &unused));
    }
    if (read.has_mode) {
        HIN_TRY(take_u32(rest, &read.mode));
    }
    if (read.has_times) {
        HIN_TRY(take_u32(rest, &unused));
        HIN_TRY(take_u32(rest, &read.modified));
    }
    if ((flags & ATTRIBUTE_EXTENDED) != 0) {
        HIN_TRY(take_u32(rest, &count));
    }
    for (uint32_t i = 0; i < count; i++) { /* each takes eight bytes at least: it ends */
        HIN_TRY(take_text(rest, &text));
        HIN_TRY(take_text(rest, &text));
    }
    *ret_attributes = read;
    return hin_ok();
}

HIN_RESULT hin_sftp_cut(struct hin_view input, struct hin_view *ret_packet, size_t *ret_bytes)
{
    struct hin_view rest = input;
    uint32_t size = 0;
    HIN_ENSURE(input.size >= HEAD_BYTES, AGAIN);
    HIN_TRY(take_u32(&rest, &size));
    HIN_ENSURE(size >= 5 && size <= HIN_SFTP_PACKET_MAX, PROTOCOL); /* a type and a number */
    HIN_ENSURE(rest.size >= size, AGAIN);
    *ret_packet = hin_view_sub(rest, 0, size);
    *ret_bytes = HEAD_BYTES + size;
    return hin_ok();
}

static HIN_RESULT take_status(struct hin_view *rest, struct hin_sftp_reply *reply)
{
    HIN_TRY(take_u32(rest, &reply->status));
    if (rest->size > 0) { /* older servers say nothing */
        HIN_TRY(take_text(rest, &reply->message));
    }
    return hin_ok();
}

HIN_RESULT hin_sftp_read_reply(struct hin_view packet, struct hin_sftp_reply *ret_reply)
{
    struct hin_sftp_reply reply = {0};
    struct hin_view rest = packet, type = HIN_VIEW_EMPTY;
    HIN_TRY(take_bytes(&rest, 1, &type));
    HIN_TRY(take_u32(&rest, &reply.id));
    reply.type = type.data[0];
    switch (reply.type) {
    case HIN_SFTP_STATUS:
        HIN_TRY(take_status(&rest, &reply));
        break;
    case HIN_SFTP_HANDLE:
        HIN_TRY(take_text(&rest, &reply.handle));
        HIN_ENSURE(reply.handle.size > 0 && reply.handle.size <= HIN_SFTP_HANDLE_MAX, PROTOCOL);
        break;
    case HIN_SFTP_DATA:
        HIN_TRY(take_text(&rest, &reply.data));
        break;
    case HIN_SFTP_NAME:
        HIN_TRY(take_u32(&rest, &reply.name_count));
        break;
    case HIN_SFTP_ATTRS:
        HIN_TRY(take_attributes(&rest, &reply.attributes));
        break;
    case HIN_SFTP_EXTENDED_REPLY:
        break;
    default:
        return hin_fail(HIN_PROTOCOL);
    }
    reply.rest = rest;
    *ret_reply = reply;
    return hin_ok();
}

HIN_RESULT hin_sftp_read_name(struct hin_sftp_reply *reply, struct hin_view *ret_name,
                              struct hin_sftp_attributes *ret_attributes)
{
    struct hin_view rest = reply->rest, name = HIN_VIEW_EMPTY, as_of_ls = HIN_VIEW_EMPTY;
    HIN_TRY(take_text(&rest, &name));
    HIN_TRY(take_text(&rest, &as_of_ls));
    HIN_TRY(take_attributes(&rest, ret_attributes));
    reply->rest = rest;
    *ret_name = name;
    return hin_ok();
}

HIN_RESULT hin_sftp_read_version(struct hin_view packet, struct hin_sftp_server *ret_server)
{
    struct hin_sftp_server server = {0};
    const struct {
        const char *name, *version;
        bool *has;
    } known[] = {
        {"fsync@openssh.com", "1", &server.fsync},
        {"posix-rename@openssh.com", "1", &server.posix_rename},
        {"statvfs@openssh.com", "2", &server.statvfs},
        {"limits@openssh.com", "1", &server.limits},
    };
    struct hin_view rest = packet, type = HIN_VIEW_EMPTY, name = HIN_VIEW_EMPTY,
                    value = HIN_VIEW_EMPTY;
    HIN_TRY(take_bytes(&rest, 1, &type));
    HIN_ENSURE(type.data[0] == HIN_SFTP_VERSION, PROTOCOL);
    HIN_TRY(take_u32(&rest, &server.version));
    while (rest.size > 0) {
        HIN_TRY(take_text(&rest, &name));
        HIN_TRY(take_text(&rest, &value));
        for (size_t i = 0; i < HIN_COUNT(known); i++) {
            bool same = hin_view_is(name, known[i].name) && hin_view_is(value, known[i].version);
            *known[i].has = *known[i].has || same;
        }
    }
    *ret_server = server;
    return hin_ok();
}

static uint32_t within(uint64_t value)
{
    return value == 0 || value > DATA_MOST ? DATA_MOST : (uint32_t)value; /* 0: without a limit */
}

HIN_RESULT hin_sftp_read_limits(struct hin_view rest, uint32_t *ret_read, uint32_t *ret_write)
{
    uint64_t packet = 0, reads = 0, writes = 0;
    HIN_TRY(take_u64(&rest, &packet));
    HIN_TRY(take_u64(&rest, &reads));
    HIN_TRY(take_u64(&rest, &writes));
    *ret_read = within(reads);
    *ret_write = within(writes);
    return hin_ok();
}

HIN_RESULT hin_sftp_read_space(struct hin_view rest, uint64_t *ret_free_bytes, bool *ret_read_only)
{
    enum { BLOCK = 1, AVAILABLE = 4, FLAGS = 9, COUNT = 11 };
    uint64_t fields[COUNT];
    uint64_t bytes = 0;
    for (size_t i = 0; i < COUNT; i++) {
        HIN_TRY(take_u64(&rest, &fields[i]));
    }
    bool huge = __builtin_mul_overflow(fields[BLOCK], fields[AVAILABLE], &bytes);
    *ret_free_bytes = huge ? UINT64_MAX : bytes;
    *ret_read_only = (fields[FLAGS] & READ_ONLY) != 0;
    return hin_ok();
}
