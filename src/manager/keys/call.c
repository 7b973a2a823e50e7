#include "manager/roles.h"

struct hin_result hin_manager_call_keys(void *context, struct hin_view request,
                                        struct hin_buf *ret_answer)
{
    struct hin_role *role = context;
    struct hin_ipc_message reply;
    struct hin_ipc *channel = hin_role_peer(role, "keys", 0);
    HIN_ENSURE(channel != NULL, AGAIN);
    HIN_TRY(hin_ipc_call(channel, HIN_MESSAGE_KEYS, request, HIN_KEY_CALL_TIMEOUT_USEC, &reply));
    HIN_TRY((struct hin_result){reply.code});
    return hin_buf_append(ret_answer, reply.payload);
}
