/* Opening files by way of the parent. */
#include "agent/modules/log/internal.h"
#include "base/codec.h"
#include "base/fd.h"

#define CALL_USEC (30 * HIN_SEC_USEC)

static HIN_RESULT ask(struct log_module *m, uint16_t type, unsigned root, const char *relative,
                      struct hin_ipc_message *ret_reply)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf payload = {.max = HIN_AGENT_PATH_MESSAGE_MAX};
    HIN_TRY(hin_write_u8(&payload, (uint8_t)root));
    HIN_TRY(hin_write_bytes(&payload, hin_view_from_text(relative)));
    HIN_TRY(hin_ipc_call(hin_role_parent_channel(m->role), type, hin_buf_view(&payload), CALL_USEC,
                         ret_reply));
    return hin_fail(ret_reply->code);
}

static HIN_RESULT ask_fd(struct log_module *m, uint16_t type, unsigned root, const char *relative,
                         int *ret_fd)
{
    struct hin_ipc_message reply;
    HIN_TRY(ask(m, type, root, relative, &reply));
    HIN_ENSURE(reply.fd_count == 1, PROTOCOL);
    *ret_fd = hin_fd_take(&reply.fds[0]);
    return hin_ok();
}

static HIN_RESULT open_file(void *context, unsigned root, const char *relative, int *ret_fd)
{
    return ask_fd(context, HIN_AGENT_OPEN_FILE, root, relative, ret_fd);
}

static HIN_RESULT open_folder(void *context, unsigned root, const char *relative, int *ret_fd)
{
    return ask_fd(context, HIN_AGENT_OPEN_FOLDER, root, relative, ret_fd);
}

static HIN_RESULT watch(void *context, unsigned root, const char *relative, int *ret_watch)
{
    struct hin_ipc_message reply;
    uint32_t number = 0;
    HIN_TRY(ask(context, HIN_AGENT_WATCH, root, relative, &reply));
    struct hin_reader reader = hin_reader_of(reply.payload);
    HIN_TRY(hin_read_u32(&reader, &number));
    *ret_watch = (int)number;
    return hin_ok();
}

struct hin_tail_host log_host(struct log_module *m)
{
    return (struct hin_tail_host){open_file, open_folder, watch, m};
}
