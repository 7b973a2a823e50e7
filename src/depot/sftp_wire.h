/* Packets of the SSH File Transfer Protocol, version 3 (draft-ietf-secsh-filexfer-02, and
 * OpenSSH's PROTOCOL, section 4, for its extensions): pure. By hand, since no library at hand does
 * it without bringing an SSH of its own. Integers are big-endian. */
#ifndef HIN_DEPOT_SFTP_WIRE_H
#define HIN_DEPOT_SFTP_WIRE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/result.h"
#include "base/view.h"

enum hin_sftp_type {
    HIN_SFTP_INIT = 1,
    HIN_SFTP_VERSION = 2,
    HIN_SFTP_OPEN = 3,
    HIN_SFTP_CLOSE = 4,
    HIN_SFTP_READ = 5,
    HIN_SFTP_WRITE = 6,
    HIN_SFTP_LSTAT = 7,
    HIN_SFTP_FSTAT = 8,
    HIN_SFTP_OPENDIR = 11,
    HIN_SFTP_READDIR = 12,
    HIN_SFTP_REMOVE = 13,
    HIN_SFTP_MKDIR = 14,
    HIN_SFTP_STAT = 17,
    HIN_SFTP_RENAME = 18,
    HIN_SFTP_STATUS = 101,
    HIN_SFTP_HANDLE = 102,
    HIN_SFTP_DATA = 103,
    HIN_SFTP_NAME = 104,
    HIN_SFTP_ATTRS = 105,
    HIN_SFTP_EXTENDED = 200,
    HIN_SFTP_EXTENDED_REPLY = 201,
};
enum hin_sftp_status { /* as far as they are told apart */
                       HIN_SFTP_OK = 0,
                       HIN_SFTP_EOF = 1,
                       HIN_SFTP_NO_SUCH_FILE = 2,
                       HIN_SFTP_PERMISSION_DENIED = 3,
                       HIN_SFTP_FAILURE = 4,
                       HIN_SFTP_BAD_MESSAGE = 5,
                       HIN_SFTP_OP_UNSUPPORTED = 8,
};
enum { /* of OPEN */
       HIN_SFTP_FOR_READING = 0x01,
       HIN_SFTP_FOR_WRITING = 0x02,
       HIN_SFTP_CREATE = 0x08,
       HIN_SFTP_EXCLUSIVE = 0x20,
};

enum {
    HIN_SFTP_PACKET_MAX = 256 * 1024, /* OpenSSH's own, without the length */
    HIN_SFTP_HANDLE_MAX = 256,
    HIN_SFTP_DATA_BYTES = 32 * 1024, /* of a READ or WRITE: what every server takes */
};

/* ---- writing: begin, parts, end ---- */

/* *ret_at is for _end. */
HIN_RESULT hin_sftp_begin(struct hin_buf *out, enum hin_sftp_type type, uint32_t id,
                          size_t *ret_at) HIN_NONNULL;
HIN_RESULT hin_sftp_put_u32(struct hin_buf *out, uint32_t value) HIN_NONNULL;
HIN_RESULT hin_sftp_put_u64(struct hin_buf *out, uint64_t value) HIN_NONNULL;
HIN_RESULT hin_sftp_put_text(struct hin_buf *out, struct hin_view text) HIN_NONNULL;
/* Nothing but permissions. */
HIN_RESULT hin_sftp_put_mode(struct hin_buf *out, uint32_t mode) HIN_NONNULL;
void hin_sftp_end(struct hin_buf *out, size_t at) HIN_NONNULL;

/* ---- reading ---- */

/* The first packet in `input`, without its length. AGAIN: not whole yet; PROTOCOL: absurd. */
HIN_RESULT hin_sftp_cut(struct hin_view input, struct hin_view *ret_packet, size_t *ret_bytes);

struct hin_sftp_attributes {
    bool has_size, has_mode, has_times;
    uint64_t size;
    uint32_t mode;     /* with the kind of file, as st_mode */
    uint32_t modified; /* seconds since 1970 */
};
struct hin_sftp_reply {
    uint8_t type;
    uint32_t id;
    uint32_t status;                       /* STATUS */
    struct hin_view message;               /* STATUS: the server's words, perhaps none */
    struct hin_view handle;                /* HANDLE */
    struct hin_view data;                  /* DATA */
    uint32_t name_count;                   /* NAME: how often hin_sftp_read_name may be called */
    struct hin_sftp_attributes attributes; /* ATTRS */
    struct hin_view rest;                  /* NAME, EXTENDED_REPLY */
};
/* Views point into the packet. PROTOCOL. */
HIN_RESULT hin_sftp_read_reply(struct hin_view packet, struct hin_sftp_reply *ret_reply);
HIN_RESULT hin_sftp_read_name(struct hin_sftp_reply *reply, struct hin_view *ret_name,
                              struct hin_sftp_attributes *ret_attributes);

struct hin_sftp_server {
    uint32_t version;
    bool fsync, posix_rename, statvfs, limits;
};
/* What a server says of itself (VERSION). */
HIN_RESULT hin_sftp_read_version(struct hin_view packet, struct hin_sftp_server *ret_server);
/* The answer to limits@openssh.com: most bytes of data of a READ and a WRITE, never 0 and never
 * over what fits a packet here. */
HIN_RESULT hin_sftp_read_limits(struct hin_view rest, uint32_t *ret_read, uint32_t *ret_write);
/* The answer to statvfs@openssh.com. */
HIN_RESULT hin_sftp_read_space(struct hin_view rest, uint64_t *ret_free_bytes, bool *ret_read_only);

#endif
