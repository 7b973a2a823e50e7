/* The side of `backup` and that of the parent: see remote.h. */
#include "manager/depot/remote.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/codec.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/time.h"
#include "depot/depot_internal.h"
#include "manager/depot/remote_internal.h"
#include "manager/roles.h"

#define START_USEC (3 * HIN_SEC_USEC)
#define CALL_USEC  (20 * HIN_MINUTE_USEC) /* a part on the slowest link; silence ends it before */
#define LIST_MAX   ((size_t)512 * 1024 * 1024)

struct remote {
    struct hin_depot base;
    struct hin_role *role;
    unsigned instance;
};

static struct remote *of(struct hin_depot *depot)
{
    return (struct remote *)(void *)depot;
}

/* What the process said, or why it said nothing. */
static HIN_RESULT explain(struct remote *remote, enum hin_code code, struct hin_view text)
{
    return hin_error_set(&remote->base.error, code, NULL, 0, 0, "%.*s", HIN_ARGS(text));
}

static HIN_RESULT call(struct remote *remote, uint16_t type, struct hin_view request,
                       struct hin_ipc_message *ret_reply)
{
    /* one that is there is asked also while all is being stopped */
    struct hin_ipc *channel = hin_role_peer(remote->role, "depot", remote->instance);
    if (channel == NULL && !hin_is_ok(hin_role_wait_peer(remote->role, "depot", remote->instance,
                                                         START_USEC, &channel))) {
        return explain(remote, HIN_NETWORK,
                       HIN_VIEW("the process that reaches it is being started"));
    }
    struct hin_result called = hin_ipc_call(channel, type, request, CALL_USEC, ret_reply);
    if (called.code == HIN_TIMEOUT) {
        return explain(remote, HIN_TIMEOUT, HIN_VIEW("the destination took too long"));
    }
    if (!hin_is_ok(called)) {
        hin_role_peer_closed(remote->role, channel);
        return explain(remote, HIN_NETWORK,
                       HIN_VIEW("the process that reaches it has ended and is started again"));
    }
    if (ret_reply->code != HIN_OK) {
        return explain(remote, ret_reply->code, ret_reply->payload);
    }
    return hin_ok();
}

/* A request that is one name, perhaps behind a mode. */
static HIN_RESULT call_name(struct remote *remote, uint16_t type, const char *name, int mode)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf request = {.max = HIN_DEPOT_NAME_MAX + 16};
    struct hin_ipc_message reply;
    if (mode >= 0) {
        HIN_TRY(hin_write_u8(&request, (uint8_t)mode));
    }
    HIN_TRY(hin_write_bytes(&request, hin_view_from_text(name)));
    return call(remote, type, hin_buf_view(&request), &reply);
}

static HIN_RESULT call_empty(struct remote *remote, uint16_t type)
{
    struct hin_ipc_message reply;
    return call(remote, type, HIN_VIEW_EMPTY, &reply);
}

static HIN_RESULT remote_begin(struct hin_depot *depot, const char *name, enum hin_depot_mode mode)
{
    return call_name(of(depot), HIN_MESSAGE_DEPOT_BEGIN, name, (int)mode);
}

static HIN_RESULT remote_append(struct hin_depot *depot, struct hin_view bytes)
{
    while (bytes.size > 0) {
        struct hin_view piece = hin_view_sub(bytes, 0, HIN_REMOTE_APPEND_MAX);
        struct hin_ipc_message reply;
        HIN_TRY(call(of(depot), HIN_MESSAGE_DEPOT_APPEND, piece, &reply));
        bytes = hin_view_sub(bytes, piece.size, bytes.size);
    }
    return hin_ok();
}

static HIN_RESULT remote_commit(struct hin_depot *depot)
{
    return call_empty(of(depot), HIN_MESSAGE_DEPOT_COMMIT);
}

static void remote_drop(struct hin_depot *depot)
{
    struct hin_error error = depot->error;
    HIN_IGNORE(call_empty(of(depot), HIN_MESSAGE_DEPOT_DROP)); /* a process that ended did so */
    depot->error = error;
}

static HIN_RESULT remote_sync(struct hin_depot *depot)
{
    return call_empty(of(depot), HIN_MESSAGE_DEPOT_SYNC);
}

static HIN_RESULT remote_get(struct hin_depot *depot, const char *name, uint64_t offset,
                             size_t limit, struct hin_buf *ret_bytes)
{
    size_t before = ret_bytes->size;
    bool more = true;
    while (more && limit > 0) {
        HIN_CLEANUP(hin_buf_done) struct hin_buf request = {.max = HIN_DEPOT_NAME_MAX + 32};
        struct hin_ipc_message reply;
        size_t piece = HIN_MIN(limit, (size_t)HIN_IPC_PAYLOAD_MAX);
        HIN_TRY(hin_write_bytes(&request, hin_view_from_text(name)));
        HIN_TRY(hin_write_u64(&request, offset));
        HIN_TRY(hin_write_u32(&request, (uint32_t)piece));
        struct hin_result got =
            call(of(depot), HIN_MESSAGE_DEPOT_GET, hin_buf_view(&request), &reply);
        if (hin_is_ok(got) && reply.payload.size > piece) {
            got = explain(of(depot), HIN_IO, HIN_VIEW("more came than was asked for"));
        }
        if (hin_is_ok(got)) {
            got = hin_buf_append(ret_bytes, reply.payload);
        }
        if (!hin_is_ok(got)) {
            ret_bytes->size = before;
            return got;
        }
        more = reply.payload.size == piece;
        offset += reply.payload.size;
        limit -= reply.payload.size;
    }
    return hin_ok();
}

static HIN_RESULT
remote_list(struct hin_depot *depot, const char *prefix,
            HIN_RESULT (*visit)(void *context, const struct hin_depot_entry *entry), void *context)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf request = {.max = HIN_DEPOT_NAME_MAX + 16};
    HIN_CLEANUP(hin_buf_done) struct hin_buf list = {.max = LIST_MAX};
    HIN_CLEANUP_FD int fd = -1;
    struct hin_ipc_message reply;
    HIN_TRY(hin_write_bytes(&request, hin_view_from_text(prefix)));
    HIN_TRY(call(of(depot), HIN_MESSAGE_DEPOT_LIST, hin_buf_view(&request), &reply));
    if (reply.fd_count != 1 || !hin_memfd_is_sealed(reply.fds[0])) {
        return explain(of(depot), HIN_IO, HIN_VIEW("its list is none"));
    }
    fd = hin_fd_take(&reply.fds[0]);
    HIN_ENSURE(lseek(fd, 0, SEEK_SET) == 0, IO);
    HIN_TRY(hin_fd_read_all(fd, &list));
    struct hin_result read = hin_remote_list_read(hin_buf_view(&list), prefix, visit, context);
    return read.code == HIN_PROTOCOL ? explain(of(depot), HIN_IO, HIN_VIEW("its list is none"))
                                     : read;
}

static HIN_RESULT remote_remove(struct hin_depot *depot, const char *name)
{
    return call_name(of(depot), HIN_MESSAGE_DEPOT_REMOVE, name, -1);
}

static void remote_close(struct hin_depot *depot)
{
    free(of(depot));
}

static const struct hin_depot_kind kind = {
    .scheme = "",
    .close = remote_close,
    .begin = remote_begin,
    .append = remote_append,
    .commit = remote_commit,
    .drop = remote_drop,
    .sync = remote_sync,
    .get = remote_get,
    .list = remote_list,
    .remove = remote_remove,
};

HIN_RESULT hin_depot_remote_open(struct hin_depot **ret_depot, struct hin_role *role,
                                 unsigned instance)
{
    struct remote *remote = calloc(1, sizeof(*remote));
    HIN_ENSURE(remote != NULL, NO_MEMORY);
    remote->base.kind = &kind;
    remote->role = role;
    remote->instance = instance;
    *ret_depot = &remote->base;
    return hin_ok();
}

/* ---- the parent ---- */

bool hin_depot_is_remote(const struct hin_backup_destination *destination)
{
    return strncmp(destination->url, "file://", sizeof("file://") - 1) != 0;
}

HIN_RESULT hin_depot_remote_hand(const struct hin_backup_settings *all, size_t at,
                                 struct hin_role_hand *hand)
{
    const struct hin_backup_destination *destination = &all->destinations[at];
    HIN_CLEANUP(hin_buf_done) struct hin_buf settings = {.max = 65536};
    HIN_CLEANUP(hin_buf_done) struct hin_buf wait = {.max = 32};
    HIN_CLEANUP(hin_secret_done) struct hin_secret secret = {0};
    HIN_CLEANUP_FD int file = -1;
    HIN_CLEANUP_FD int memory = -1;
    for (size_t i = 0; i < destination->setting_count; i++) {
        HIN_TRY(hin_buf_printf(&settings, "%s\n", destination->settings[i]));
    }
    HIN_TRY(hin_buf_printf(&wait, "%u", all->wait_seconds));
    HIN_TRY(hin_role_hand_setting(hand, "wait", hin_buf_view(&wait)));
    HIN_TRY(hin_role_hand_setting(hand, "url", hin_view_from_text(destination->url)));
    HIN_TRY(hin_role_hand_setting(hand, "name", hin_view_from_text(destination->name)));
    HIN_TRY(hin_role_hand_setting(hand, "settings", hin_buf_view(&settings)));
    if (destination->secret_file[0] == '\0') {
        return hin_ok();
    }
    struct hin_result read = hin_fd_open(AT_FDCWD, destination->secret_file, O_RDONLY, 0, &file);
    if (hin_is_ok(read)) {
        read = hin_secret_read_fd(&secret, file);
    }
    if (!hin_is_ok(read)) {
        hin_log_result(HIN_LOG_ERROR, read, "the credentials of the backups' destination %s in %s",
                       destination->name, destination->secret_file);
        return hin_ok(); /* it is said again by whoever needs them */
    }
    HIN_TRY(hin_memfd_from("secret", hin_secret_view(&secret), &memory));
    return hin_role_hand_fd(hand, "secret", memory);
}
