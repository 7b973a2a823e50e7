#include "depot/sftp_session.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "base/time.h"

#define IN_MAX       ((size_t)4 * HIN_SFTP_PACKET_MAX)
#define OUT_MAX      ((size_t)6 * HIN_SFTP_PACKET_MAX)
#define TAKE_AT_ONCE ((size_t)HIN_SFTP_PACKET_MAX)
#define KEPT_MAX     ((size_t)2 * HIN_SFTP_PACKET_MAX) /* of what was sent, before it is dropped */

/* ---- moving bytes ---- */

/* The connection is of no use any more. */
static HIN_RESULT lose(struct hin_sftp_session *session, struct hin_result why, const char *text)
{
    struct hin_ssh *ssh = &session->ssh;
    struct hin_result result = why;
    if (why.code == HIN_CLOSED) {
        /* what it says last may come a little later than its end */
        struct pollfd wait = {.fd = ssh->error_fd, .events = POLLIN};
        for (int i = 0; i < 10 && poll(&wait, 1, 200) > 0 && (wait.revents & POLLIN) != 0; i++) {
            hin_ssh_listen(ssh);
            if ((wait.revents & POLLHUP) != 0) {
                break;
            }
        }
        result = hin_ssh_explain(hin_buf_view(&ssh->said), session->settings, session->error);
    } else {
        result = hin_error_set(session->error, why.code, NULL, 0, 0, "%s@%s: %s",
                               session->settings->user, session->settings->host, text);
    }
    hin_sftp_disconnect(session);
    return result;
}

static size_t unsent(const struct hin_sftp_session *session)
{
    return session->out.size - session->out_at;
}

/* What is behind `at` is moved to the front once in a while only. */
static void drop_used(struct hin_buf *buf, size_t *at, size_t kept_max)
{
    if (*at > 0 && (*at == buf->size || *at > kept_max)) {
        hin_buf_consume(buf, *at);
        *at = 0;
    }
}

static HIN_RESULT push(struct hin_sftp_session *session)
{
    while (unsent(session) > 0) {
        struct iovec part = {session->out.data + session->out_at, unsent(session)};
        struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
        ssize_t sent = sendmsg(session->ssh.fd, &message, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) {
            continue;
        }
        if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            return hin_ok();
        }
        HIN_ENSURE(sent > 0, CLOSED);
        session->out_at += (size_t)sent;
        drop_used(&session->out, &session->out_at, KEPT_MAX);
    }
    return hin_ok();
}

static HIN_RESULT pull(struct hin_sftp_session *session)
{
    uint8_t *at = NULL;
    size_t size = 0;
    drop_used(&session->in, &session->in_at, KEPT_MAX);
    size_t before = session->in.size;
    HIN_TRY(hin_buf_extend(&session->in, TAKE_AT_ONCE, &at));
    struct hin_result got = hin_fd_read_some(session->ssh.fd, at, TAKE_AT_ONCE, &size);
    session->in.size = before + size;
    HIN_ENSURE(got.code == HIN_OK || got.code == HIN_AGAIN, CLOSED);
    HIN_ENSURE(got.code == HIN_AGAIN || size > 0, CLOSED);
    return hin_ok();
}

/* Waits until something can be moved, and moves it. Input is taken where there is room for it only,
 * and nobody is to wait for output while there is none. */
static HIN_RESULT turn(struct hin_sftp_session *session)
{
    struct hin_ssh *ssh = &session->ssh;
    bool room = session->in.size - session->in_at + TAKE_AT_ONCE + KEPT_MAX <= IN_MAX;
    struct pollfd both[] = {
        {.fd = ssh->fd,
         .events = (short)((room ? POLLIN : 0) | (unsent(session) > 0 ? POLLOUT : 0))},
        {.fd = ssh->error_fd, .events = POLLIN},
    };
    int ready = poll(both, HIN_COUNT(both), (int)(session->timeout_usec / HIN_MSEC_USEC));
    if (ready < 0 && errno == EINTR) {
        return hin_ok();
    }
    if (ready == 0) {
        return lose(session, hin_fail(HIN_TIMEOUT),
                    "no answer in time: check that the host and its disk are well");
    }
    struct hin_result result = hin_ok();
    if (both[1].revents != 0) {
        hin_ssh_listen(ssh);
    }
    if ((both[0].revents & POLLOUT) != 0) {
        result = push(session);
    }
    if (hin_is_ok(result) && room && (both[0].revents & (POLLIN | POLLHUP | POLLERR)) != 0) {
        result = pull(session);
    }
    return hin_is_ok(result) ? result : lose(session, result, "the connection failed");
}

HIN_RESULT hin_sftp_flush(struct hin_sftp_session *session, size_t at_most)
{
    HIN_ENSURE(session->open, NETWORK);
    while (unsent(session) > at_most) {
        HIN_TRY(turn(session));
    }
    return hin_ok();
}

/* The next packet, without its length; valid until bytes are moved. */
static HIN_RESULT next_packet(struct hin_sftp_session *session, struct hin_view *ret_packet)
{
    for (;;) {
        size_t size = 0;
        struct hin_view input = hin_buf_view(&session->in);
        struct hin_result cut =
            hin_sftp_cut(hin_view_sub(input, session->in_at, input.size), ret_packet, &size);
        if (hin_is_ok(cut)) {
            session->in_at += size;
            return cut;
        }
        if (cut.code != HIN_AGAIN) {
            return lose(session, hin_fail(HIN_NETWORK),
                        "what answers is no SFTP server (does a shell's start-up file there print "
                        "something?)");
        }
        HIN_TRY(turn(session));
    }
}

HIN_RESULT hin_sftp_receive(struct hin_sftp_session *session, struct hin_sftp_reply *ret_reply)
{
    struct hin_view packet = HIN_VIEW_EMPTY;
    HIN_ENSURE(session->open, NETWORK);
    HIN_TRY(next_packet(session, &packet));
    if (!hin_is_ok(hin_sftp_read_reply(packet, ret_reply))) {
        return lose(session, hin_fail(HIN_NETWORK), "it answers what is no SFTP");
    }
    return hin_ok();
}

/* ---- beginning and end ---- */

void hin_sftp_disconnect(struct hin_sftp_session *session)
{
    hin_ssh_stop(&session->ssh);
    hin_buf_done(&session->in);
    hin_buf_done(&session->out);
    session->in_at = session->out_at = 0;
    session->open = false;
}

static HIN_RESULT ask_limits(struct hin_sftp_session *session)
{
    struct hin_sftp_reply reply;
    uint32_t id = 0;
    size_t at = 0;
    if (!session->server.limits) {
        return hin_ok();
    }
    HIN_TRY(hin_sftp_request(session, HIN_SFTP_EXTENDED, &id, &at));
    HIN_TRY(hin_sftp_put_text(&session->out, HIN_VIEW("limits@openssh.com")));
    hin_sftp_end(&session->out, at);
    HIN_TRY(hin_sftp_receive(session, &reply));
    if (reply.type == HIN_SFTP_EXTENDED_REPLY) {
        HIN_IGNORE(hin_sftp_read_limits(reply.rest, &session->read_bytes,
                                        &session->write_bytes)); /* the least will do */
    }
    return hin_ok();
}

static HIN_RESULT greet(struct hin_sftp_session *session)
{
    struct hin_view packet = HIN_VIEW_EMPTY;
    size_t at = 0;
    HIN_TRY(hin_sftp_begin(&session->out, HIN_SFTP_INIT, 3 /* the version */, &at));
    hin_sftp_end(&session->out, at);
    HIN_TRY(next_packet(session, &packet));
    if (!hin_is_ok(hin_sftp_read_version(packet, &session->server)) ||
        session->server.version < 3) {
        return lose(session, hin_fail(HIN_NETWORK), "it answers what is no SFTP of version 3");
    }
    return ask_limits(session);
}

HIN_RESULT hin_sftp_connect(struct hin_sftp_session *session)
{
    if (session->open) {
        return hin_ok();
    }
    if (session->given && session->connection > 0) {
        return hin_error_set(session->error, HIN_NETWORK, NULL, 0, 0,
                             "the connection to %s was lost", session->settings->host);
    }
    struct hin_result started =
        session->given ? hin_ok()
                       : hin_ssh_start(&session->ssh, session->settings, session->timeout_usec, 0);
    if (!hin_is_ok(started)) {
        return hin_error_set(session->error, started.code, NULL, 0, 0,
                             "/usr/bin/ssh cannot be started: install openssh-client");
    }
    hin_buf_init(&session->in, IN_MAX);
    hin_buf_init(&session->out, OUT_MAX);
    session->open = true;
    session->connection++;
    session->read_bytes = session->write_bytes = HIN_SFTP_DATA_BYTES;
    return greet(session);
}

/* ---- requests ---- */

HIN_RESULT hin_sftp_request(struct hin_sftp_session *session, enum hin_sftp_type type,
                            uint32_t *ret_id, size_t *ret_at)
{
    HIN_ENSURE(session->open, NETWORK);
    HIN_TRY(hin_sftp_begin(&session->out, type, session->next_id, ret_at));
    *ret_id = session->next_id++;
    return hin_ok();
}

enum hin_code hin_sftp_code(uint32_t status)
{
    static const enum hin_code codes[] = {
        [HIN_SFTP_OK] = HIN_OK,
        [HIN_SFTP_EOF] = HIN_TRUNCATED,
        [HIN_SFTP_NO_SUCH_FILE] = HIN_NOT_FOUND,
        [HIN_SFTP_PERMISSION_DENIED] = HIN_DENIED,
        [HIN_SFTP_FAILURE] = HIN_IO,
        [HIN_SFTP_BAD_MESSAGE] = HIN_INVALID,
        [6] = HIN_NETWORK,
        [7] = HIN_NETWORK,
        [HIN_SFTP_OP_UNSUPPORTED] = HIN_UNSUPPORTED,
    };
    return status < HIN_COUNT(codes) ? codes[status] : HIN_IO;
}

/* Sends what stands in `out` from `at` and waits for its reply; a status that is not OK is its
 * code. */
static HIN_RESULT finish(struct hin_sftp_session *session, uint32_t id, size_t at,
                         struct hin_sftp_reply *reply)
{
    hin_sftp_end(&session->out, at);
    HIN_TRY(hin_sftp_receive(session, reply));
    if (reply->id != id) {
        return lose(session, hin_fail(HIN_NETWORK), "it answers what was not asked");
    }
    return reply->type == HIN_SFTP_STATUS ? hin_fail(hin_sftp_code(reply->status)) : hin_ok();
}

/* A reply of this type is wanted. */
static HIN_RESULT want(struct hin_sftp_session *session, const struct hin_sftp_reply *reply,
                       enum hin_sftp_type type)
{
    return reply->type == type
               ? hin_ok()
               : lose(session, hin_fail(HIN_NETWORK), "it answers with something else");
}

/* A request that begins with a path or a handle, and perhaps ends there. */
static HIN_RESULT begin_about(struct hin_sftp_session *session, enum hin_sftp_type type,
                              struct hin_view what, uint32_t *ret_id, size_t *ret_at)
{
    HIN_TRY(hin_sftp_request(session, type, ret_id, ret_at));
    return hin_sftp_put_text(&session->out, what);
}

static struct hin_view view_of(const struct hin_sftp_handle *handle)
{
    return hin_view_of(handle->bytes, handle->size);
}

static HIN_RESULT take_handle(struct hin_sftp_session *session, const struct hin_sftp_reply *reply,
                              struct hin_sftp_handle *ret_handle)
{
    HIN_TRY(want(session, reply, HIN_SFTP_HANDLE));
    hin_copy(ret_handle->bytes, reply->handle.data, reply->handle.size);
    ret_handle->size = reply->handle.size;
    return hin_ok();
}

HIN_RESULT hin_sftp_open(struct hin_sftp_session *session, const char *path, uint32_t flags,
                         struct hin_sftp_handle *ret_handle)
{
    struct hin_sftp_reply reply;
    uint32_t id = 0;
    size_t at = 0;
    HIN_TRY(begin_about(session, HIN_SFTP_OPEN, hin_view_from_text(path), &id, &at));
    HIN_TRY(hin_sftp_put_u32(&session->out, flags));
    HIN_TRY(hin_sftp_put_mode(&session->out, 0600));
    HIN_TRY(finish(session, id, at, &reply));
    return take_handle(session, &reply, ret_handle);
}

HIN_RESULT hin_sftp_open_folder(struct hin_sftp_session *session, const char *path,
                                struct hin_sftp_handle *ret_handle)
{
    struct hin_sftp_reply reply;
    uint32_t id = 0;
    size_t at = 0;
    HIN_TRY(begin_about(session, HIN_SFTP_OPENDIR, hin_view_from_text(path), &id, &at));
    HIN_TRY(finish(session, id, at, &reply));
    return take_handle(session, &reply, ret_handle);
}

HIN_RESULT hin_sftp_close(struct hin_sftp_session *session, struct hin_sftp_handle *handle)
{
    struct hin_sftp_reply reply;
    struct hin_sftp_handle closed = *handle;
    uint32_t id = 0;
    size_t at = 0;
    handle->size = 0;
    HIN_TRY(begin_about(session, HIN_SFTP_CLOSE, view_of(&closed), &id, &at));
    return finish(session, id, at, &reply);
}

/* One of OpenSSH's extensions, up to its first argument. */
static HIN_RESULT begin_extended(struct hin_sftp_session *session, const char *name,
                                 struct hin_view what, uint32_t *ret_id, size_t *ret_at)
{
    HIN_TRY(begin_about(session, HIN_SFTP_EXTENDED, hin_view_from_text(name), ret_id, ret_at));
    return hin_sftp_put_text(&session->out, what);
}

HIN_RESULT hin_sftp_fsync(struct hin_sftp_session *session, const struct hin_sftp_handle *handle)
{
    struct hin_sftp_reply reply;
    uint32_t id = 0;
    size_t at = 0;
    HIN_TRY(begin_extended(session, "fsync@openssh.com", view_of(handle), &id, &at));
    return finish(session, id, at, &reply);
}

static HIN_RESULT take_attributes(struct hin_sftp_session *session,
                                  const struct hin_sftp_reply *reply,
                                  struct hin_sftp_attributes *ret_attributes)
{
    HIN_TRY(want(session, reply, HIN_SFTP_ATTRS));
    *ret_attributes = reply->attributes;
    return hin_ok();
}

HIN_RESULT hin_sftp_about(struct hin_sftp_session *session, const struct hin_sftp_handle *handle,
                          struct hin_sftp_attributes *ret_attributes)
{
    struct hin_sftp_reply reply;
    uint32_t id = 0;
    size_t at = 0;
    HIN_TRY(begin_about(session, HIN_SFTP_FSTAT, view_of(handle), &id, &at));
    HIN_TRY(finish(session, id, at, &reply));
    return take_attributes(session, &reply, ret_attributes);
}

HIN_RESULT hin_sftp_stat(struct hin_sftp_session *session, enum hin_sftp_type type,
                         const char *path, struct hin_sftp_attributes *ret_attributes)
{
    struct hin_sftp_reply reply;
    uint32_t id = 0;
    size_t at = 0;
    HIN_TRY(begin_about(session, type, hin_view_from_text(path), &id, &at));
    HIN_TRY(finish(session, id, at, &reply));
    return take_attributes(session, &reply, ret_attributes);
}

HIN_RESULT hin_sftp_make_folder(struct hin_sftp_session *session, const char *path)
{
    struct hin_sftp_reply reply;
    uint32_t id = 0;
    size_t at = 0;
    HIN_TRY(begin_about(session, HIN_SFTP_MKDIR, hin_view_from_text(path), &id, &at));
    HIN_TRY(hin_sftp_put_mode(&session->out, 0700));
    return finish(session, id, at, &reply);
}

HIN_RESULT hin_sftp_remove(struct hin_sftp_session *session, const char *path)
{
    struct hin_sftp_reply reply;
    uint32_t id = 0;
    size_t at = 0;
    HIN_TRY(begin_about(session, HIN_SFTP_REMOVE, hin_view_from_text(path), &id, &at));
    return finish(session, id, at, &reply);
}

HIN_RESULT hin_sftp_rename(struct hin_sftp_session *session, const char *from, const char *to)
{
    struct hin_sftp_reply reply;
    uint32_t id = 0;
    size_t at = 0;
    HIN_TRY(begin_about(session, HIN_SFTP_RENAME, hin_view_from_text(from), &id, &at));
    HIN_TRY(hin_sftp_put_text(&session->out, hin_view_from_text(to)));
    return finish(session, id, at, &reply);
}

HIN_RESULT hin_sftp_rename_over(struct hin_sftp_session *session, const char *from, const char *to)
{
    struct hin_sftp_reply reply;
    uint32_t id = 0;
    size_t at = 0;
    HIN_TRY(
        begin_extended(session, "posix-rename@openssh.com", hin_view_from_text(from), &id, &at));
    HIN_TRY(hin_sftp_put_text(&session->out, hin_view_from_text(to)));
    return finish(session, id, at, &reply);
}

HIN_RESULT hin_sftp_space(struct hin_sftp_session *session, const char *path,
                          uint64_t *ret_free_bytes, bool *ret_read_only)
{
    struct hin_sftp_reply reply;
    uint32_t id = 0;
    size_t at = 0;
    HIN_ENSURE(session->server.statvfs, UNSUPPORTED);
    HIN_TRY(begin_extended(session, "statvfs@openssh.com", hin_view_from_text(path), &id, &at));
    HIN_TRY(finish(session, id, at, &reply));
    HIN_TRY(want(session, &reply, HIN_SFTP_EXTENDED_REPLY));
    return hin_sftp_read_space(reply.rest, ret_free_bytes, ret_read_only);
}

HIN_RESULT hin_sftp_read_folder(struct hin_sftp_session *session,
                                const struct hin_sftp_handle *handle,
                                struct hin_sftp_reply *ret_reply)
{
    uint32_t id = 0;
    size_t at = 0;
    HIN_TRY(begin_about(session, HIN_SFTP_READDIR, view_of(handle), &id, &at));
    struct hin_result read = finish(session, id, at, ret_reply);
    if (read.code == HIN_TRUNCATED) {
        ret_reply->name_count = 0;
        return hin_ok();
    }
    HIN_TRY(read);
    return want(session, ret_reply, HIN_SFTP_NAME);
}
