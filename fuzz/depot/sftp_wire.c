/* What comes out of an SFTP server, and what ssh says: packets of any bytes, one after the other.
 * Views stay within what was given (the sanitizer sees to it), packets that are cut take all of
 * their bytes, and what we write we read. */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "depot/sftp_ssh.h"
#include "depot/sftp_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Touches every byte of a view. */
static unsigned touch(struct hin_view view)
{
    unsigned sum = 0;
    for (size_t i = 0; i < view.size; i++) {
        sum += view.data[i];
    }
    return sum;
}

static void read_reply(struct hin_view packet)
{
    struct hin_sftp_reply reply;
    struct hin_sftp_server server;
    uint64_t free_bytes = 0;
    uint32_t reads = 0, writes = 0;
    bool read_only = false;
    HIN_IGNORE(hin_sftp_read_version(packet, &server));
    if (!hin_is_ok(hin_sftp_read_reply(packet, &reply))) {
        return;
    }
    (void)touch(reply.message);
    (void)touch(reply.handle);
    (void)touch(reply.data);
    (void)touch(reply.rest);
    for (uint32_t i = 0; i < reply.name_count; i++) {
        struct hin_view name = HIN_VIEW_EMPTY;
        struct hin_sftp_attributes about;
        if (!hin_is_ok(hin_sftp_read_name(&reply, &name, &about))) {
            break;
        }
        (void)touch(name);
    }
    HIN_IGNORE(hin_sftp_read_space(reply.rest, &free_bytes, &read_only));
    if (hin_is_ok(hin_sftp_read_limits(reply.rest, &reads, &writes)) &&
        (reads == 0 || writes == 0 || reads > HIN_SFTP_PACKET_MAX ||
         writes > HIN_SFTP_PACKET_MAX)) {
        abort();
    }
}

static void write_and_read(struct hin_view bytes)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf out = {.max = 2 * HIN_SFTP_PACKET_MAX};
    struct hin_view packet = HIN_VIEW_EMPTY;
    struct hin_sftp_reply reply;
    size_t at = 0, size = 0;
    if (hin_is_ok(hin_sftp_begin(&out, HIN_SFTP_DATA, 7, &at)) &&
        hin_is_ok(hin_sftp_put_text(&out, bytes))) {
        hin_sftp_end(&out, at);
        if (!hin_is_ok(hin_sftp_cut(hin_buf_view(&out), &packet, &size)) || size != out.size ||
            !hin_is_ok(hin_sftp_read_reply(packet, &reply)) || reply.id != 7 ||
            !hin_view_equal(reply.data, bytes)) {
            abort();
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hin_sftp_settings settings = {.user = "u", .host = "h", .port = "22"};
    struct hin_error error = {.code = HIN_OK};
    struct hin_view rest = hin_view_of(data, size), packet = HIN_VIEW_EMPTY;
    size_t used = 0;
    if (size > 65536) {
        return 0;
    }
    if (hin_is_ok(hin_ssh_explain(rest, &settings, &error)) || error.text[0] == '\0') {
        abort();
    }
    write_and_read(rest);
    read_reply(rest);
    while (hin_is_ok(hin_sftp_cut(rest, &packet, &used))) {
        if (used != packet.size + 4 || used > rest.size) {
            abort();
        }
        read_reply(packet);
        rest = hin_view_sub(rest, used, rest.size);
    }
    return 0;
}
