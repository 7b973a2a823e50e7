/* The compact form of an event, as it lies in spools, batches and segments. Version 1:
 *
 *   u8 version, u8 0, then entries in ascending field number: varint (number << 2 | wire type),
 * payload wire type 0: zigzag varint (INTEGER, TIME, FLAG)      1: varint length, bytes (TEXT, IP)
 *     wire type 2: varint count, then per item length, bytes (TEXTS)
 *     number 0, wire type 3, last: extras: varint count, then per extra: length, name, length,
 * value
 *
 * There is one encoding of an event (minimal varints, ascending numbers), so decode(encode(x)) = x
 * and encode(decode(b)) = b when every field is known. A field number that this build does not know
 * is skipped by its wire type. A version byte above ours is UNSUPPORTED. */
#ifndef HIN_EVENT_CODEC_H
#define HIN_EVENT_CODEC_H

#include "base/buf.h"
#include "event/event.h"

#define HIN_EVENT_CODEC_VERSION 1
#define HIN_EVENT_MAX_BYTES     (256 * 1024) /* of one encoded event */

/* Append to buf. LIMIT when the event is larger than HIN_EVENT_MAX_BYTES or buf is full; buf is
 * then unchanged. */
HIN_RESULT hin_event_encode(const struct hin_event *event, struct hin_buf *buf) HIN_NONNULL;

/* The whole of `bytes` is one event. Texts borrow from `bytes`. SYNTAX, TRUNCATED, LIMIT,
 * UNSUPPORTED. */
HIN_RESULT hin_event_decode(struct hin_view bytes, struct hin_arena *arena,
                            struct hin_event *ret_event) HIN_NONNULL;

/* The few fields that batches and segments need in the clear, without building an event. Absent
 * ones are 0. */
struct hin_event_head {
    int64_t time_usec;
    int64_t class_uid;
    int64_t severity_id;
    int64_t computer_id;
    struct hin_event_identity identity; /* generation 0: none */
};
/* Checks the same things as _decode does, except extras' names. */
HIN_RESULT hin_event_peek(struct hin_view bytes, struct hin_event_head *ret_head) HIN_NONNULL;

#endif
