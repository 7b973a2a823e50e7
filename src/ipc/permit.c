#include "ipc/permit.h"

HIN_RESULT hin_ipc_check(struct hin_ipc_permits *permits, const struct hin_ipc_message *message,
                         const struct hin_ipc_permit **ret_row)
{
    const struct hin_ipc_table *table = permits->table;
    HIN_ENSURE(table != NULL && table->count <= HIN_IPC_ROWS_MAX, PROTOCOL);
    for (size_t i = 0; i < table->count; i++) {
        const struct hin_ipc_permit *row = &table->rows[i];
        if (row->type != message->type || ((row->flags & HIN_IPC_REPLY) != 0) != message->reply) {
            continue;
        }
        HIN_ENSURE(row->states == 0 || (row->states & permits->state) != 0, PROTOCOL);
        /* an answer that says no need not carry what a yes carries */
        bool refusal = message->reply && message->code != HIN_OK && message->payload.size == 0;
        HIN_ENSURE((refusal || message->payload.size >= row->min_bytes) &&
                       message->payload.size <= row->max_bytes,
                   PROTOCOL);
        HIN_ENSURE((refusal || message->fd_count >= row->fds_min) &&
                       message->fd_count <= row->fds_max,
                   PROTOCOL);
        HIN_ENSURE((row->flags & HIN_IPC_REQUEST) == 0 || message->request != 0, PROTOCOL);
        uint64_t bit = UINT64_C(1) << i;
        HIN_ENSURE((row->flags & HIN_IPC_ONCE) == 0 || (permits->used & bit) == 0, PROTOCOL);
        permits->used |= bit;
        *ret_row = row;
        return hin_ok();
    }
    return hin_fail(HIN_PROTOCOL);
}

HIN_RESULT hin_ipc_handle(struct hin_ipc_permits *permits, struct hin_ipc *channel,
                          struct hin_ipc_message *message, void *context)
{
    const struct hin_ipc_permit *row = NULL;
    HIN_TRY(hin_ipc_check(permits, message, &row));
    struct hin_result result = row->handle(context, channel, message);
    if (result.code == HIN_SYNTAX || result.code == HIN_TRUNCATED) {
        return hin_fail(HIN_PROTOCOL); /* what a peer of the same build sends is well-formed */
    }
    return result;
}

HIN_RESULT hin_ipc_dispatch(struct hin_ipc_permits *permits, struct hin_ipc *channel,
                            size_t max_messages, void *context)
{
    for (size_t count = 0; max_messages == 0 || count < max_messages; count++) {
        struct hin_ipc_message message;
        struct hin_result result = hin_ipc_receive(channel, &message);
        if (result.code == HIN_AGAIN) {
            return hin_ok();
        }
        HIN_TRY(result);
        HIN_TRY(hin_ipc_handle(permits, channel, &message, context));
    }
    return hin_fail(HIN_AGAIN);
}
