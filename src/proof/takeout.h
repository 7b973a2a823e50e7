/* The file of a tenant's export: all that the tenant holds, sealed. What opens it is one data key
 * in the tenant's key table, so that it opens with the manager and as long as that key is not
 * destroyed, and nowhere else. Integers little-endian:
 *
 *     "HTX" u8 version 1 | u64 tenant number | tenant UUID (36) | export UUID (36) | key id (16) |
 *     u64 time (usec) | u32 CRC-32C over all before
 *     then records, numbered from 1: u32 size | sealed value (seal/seal.h), sealed for the place
 *     tenant UUID / "export" / export UUID / number in decimal
 *
 * A record opens to JSON lines, whole ones, each with a member "part": the first of the file is
 * {"part":"tenant", ...} and repeats what the header says; then "document", "event" and "audit";
 * the last one is {"part":"end","documents":N,"events":N,"audit":N,"damaged":N}. So a record that
 * is altered, left out, moved or of another export does not open, and a file that is cut off has no
 * end. */
#ifndef HIN_PROOF_TAKEOUT_H
#define HIN_PROOF_TAKEOUT_H

#include "base/buf.h"
#include "base/result.h"
#include "base/view.h"

enum {
    HIN_TAKEOUT_VERSION = 1,
    HIN_TAKEOUT_UUID_BYTES = 36,
    HIN_TAKEOUT_KEY_BYTES = 16,
    HIN_TAKEOUT_HEAD_BYTES = 4 + 8 + 36 + 36 + 16 + 8 + 4,
    HIN_TAKEOUT_RECORD_MAX = 4000000, /* sealed */
};

struct hin_takeout {
    int64_t number;
    char tenant[HIN_TAKEOUT_UUID_BYTES + 1], id[HIN_TAKEOUT_UUID_BYTES + 1];
    uint8_t key[HIN_TAKEOUT_KEY_BYTES];
    int64_t time_usec;
};

HIN_RESULT hin_takeout_head_write(const struct hin_takeout *takeout,
                                  struct hin_buf *out) HIN_NONNULL;
/* Exactly HIN_TAKEOUT_HEAD_BYTES. PROTOCOL: no export; UNSUPPORTED: of a newer version; TRUNCATED;
 * CORRUPT: damaged. Who made it only its records tell. */
HIN_RESULT hin_takeout_head_read(struct hin_view bytes,
                                 struct hin_takeout *ret_takeout) HIN_NONNULL;

HIN_RESULT hin_takeout_record_write(struct hin_view sealed, struct hin_buf *out) HIN_NONNULL;
/* The record at the beginning of `bytes`, which may hold more or less: AGAIN: more is needed to
 * tell; SYNTAX: no record begins here. */
HIN_RESULT hin_takeout_record_read(struct hin_view bytes, struct hin_view *ret_sealed) HIN_NONNULL;

/* What an opened file has told so far: fed with each line. */
struct hin_takeout_tally {
    int64_t documents, events, audit;
    bool begun, ended;
};
/* One line: CORRUPT, with a sentence, when it cannot stand here, or the end tells of more or less
 * than was there. */
HIN_RESULT hin_takeout_line(struct hin_takeout_tally *tally, const struct hin_takeout *takeout,
                            struct hin_view line, struct hin_error *error)
    __attribute__((nonnull(1, 2)));

#endif
