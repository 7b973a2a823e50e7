#include "manager/kms/proxy.h"

#include <stdio.h>

#include "base/bytes.h"
#include "base/codec.h"
#include "manager/roles.h"

enum { REQUEST_MAX = 16384, PART_MAX = 8192, ABOUT_MAX = 128 };

static void wipe(struct hin_buf *buf)
{
    hin_wipe(buf->data, buf->size);
    hin_buf_done(buf);
}

/* ---- the side of keys ---- */

static struct hin_ipc *channel_of(const struct hin_kms_proxy *proxy)
{
    return proxy->role != NULL ? hin_role_peer(proxy->role, "kms", 0) : proxy->channel;
}

static HIN_RESULT write_request(const struct hin_key_binding *binding, struct hin_view bytes,
                                struct hin_buf *out)
{
    HIN_TRY(hin_write_u32(out, (uint32_t)binding->purpose));
    HIN_TRY(hin_write_u32(out, binding->version));
    HIN_TRY(hin_write_bytes(out, binding->tenant));
    HIN_TRY(hin_write_bytes(out, binding->key_id));
    return hin_write_bytes(out, bytes);
}

/* kms that ends during a call is restarted as one that has ended before. */
static HIN_RESULT exchange(struct hin_kms_proxy *proxy, uint16_t type, struct hin_view request,
                           struct hin_ipc_message *ret_reply)
{
    struct hin_ipc *channel = channel_of(proxy);
    HIN_ENSURE(channel != NULL, AGAIN);
    struct hin_result called =
        hin_ipc_call(channel, type, request, HIN_KEY_CALL_TIMEOUT_USEC, ret_reply);
    HIN_ENSURE(called.code != HIN_CLOSED, AGAIN);
    HIN_TRY(called);
    return (struct hin_result){ret_reply->code};
}

static HIN_RESULT call(struct hin_kms_proxy *proxy, uint16_t type,
                       const struct hin_key_binding *binding, struct hin_view bytes,
                       struct hin_ipc_message *ret_reply)
{
    HIN_CLEANUP(wipe) struct hin_buf request = {.max = REQUEST_MAX};
    HIN_TRY(hin_buf_reserve(
        &request, REQUEST_MAX)); /* no growth: nothing of a key is left behind in freed memory */
    HIN_TRY(write_request(binding, bytes, &request));
    return exchange(proxy, type, hin_buf_view(&request), ret_reply);
}

static HIN_RESULT proxy_wrap(void *context, const struct hin_key_binding *binding,
                             const struct hin_secret *plain, struct hin_buf *ret_wrapped)
{
    struct hin_ipc_message reply;
    HIN_TRY(call(context, HIN_MESSAGE_KMS_WRAP, binding, hin_secret_view(plain), &reply));
    return hin_buf_append(ret_wrapped, reply.payload);
}

static HIN_RESULT proxy_unwrap(void *context, const struct hin_key_binding *binding,
                               struct hin_view wrapped, struct hin_secret *ret_plain)
{
    struct hin_ipc_message reply;
    HIN_TRY(call(context, HIN_MESSAGE_KMS_UNWRAP, binding, wrapped, &reply));
    return hin_secret_from(ret_plain, reply.payload);
}

static HIN_RESULT read_text(struct hin_reader *reader, char *out, size_t out_bytes)
{
    struct hin_view text;
    HIN_TRY(hin_read_bytes(reader, out_bytes - 1, &text));
    return hin_view_to_text(text, out, out_bytes);
}

/* The verbs about a tenant's key as a whole. */
static HIN_RESULT call_about(struct hin_kms_proxy *proxy, uint16_t type, struct hin_view tenant,
                             uint32_t version, struct hin_ipc_message *ret_reply)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf request = {.max = REQUEST_MAX};
    HIN_TRY(hin_write_u32(&request, version));
    HIN_TRY(hin_write_bytes(&request, tenant));
    return exchange(proxy, type, hin_buf_view(&request), ret_reply);
}

static HIN_RESULT proxy_generate(void *context, struct hin_view tenant)
{
    struct hin_ipc_message reply;
    return call_about(context, HIN_MESSAGE_KMS_GENERATE, tenant, 0, &reply);
}

static HIN_RESULT proxy_rotate(void *context, struct hin_view tenant)
{
    struct hin_ipc_message reply;
    return call_about(context, HIN_MESSAGE_KMS_ROTATE, tenant, 0, &reply);
}

static HIN_RESULT proxy_destroy(void *context, struct hin_view tenant, uint32_t version)
{
    struct hin_ipc_message reply;
    return call_about(context, HIN_MESSAGE_KMS_DESTROY, tenant, version, &reply);
}

static HIN_RESULT read_flag(struct hin_reader *reader, bool *ret_flag)
{
    uint8_t flag = 0;
    HIN_TRY(hin_read_u8(reader, &flag));
    *ret_flag = flag != 0;
    return hin_ok();
}

static HIN_RESULT proxy_status(void *context, struct hin_view tenant,
                               struct hin_key_provider_status *ret_status)
{
    struct hin_ipc_message reply;
    struct hin_key_provider_status status = {0};
    uint64_t destruction = 0;
    HIN_TRY(call_about(context, HIN_MESSAGE_KMS_STATUS, tenant, 0, &reply));
    struct hin_reader reader = hin_reader_of(reply.payload);
    HIN_TRY(read_text(&reader, status.name, sizeof(status.name)));
    HIN_TRY(hin_read_u32(&reader, &status.current_version));
    HIN_TRY(hin_read_u32(&reader, &status.version_count));
    HIN_TRY(read_flag(&reader, &status.sealed));
    HIN_TRY(read_flag(&reader, &status.exportable));
    HIN_TRY(hin_read_u64(&reader, &destruction));
    HIN_TRY(hin_read_u64(&reader, &status.generation));
    HIN_TRY(read_text(&reader, status.advice, sizeof(status.advice)));
    HIN_TRY(hin_read_end(&reader));
    status.destruction_usec = (int64_t)destruction;
    *ret_status = status;
    return hin_ok();
}

struct hin_key_provider hin_kms_proxy_provider(struct hin_kms_proxy *proxy)
{
    return (struct hin_key_provider){
        .generate = proxy_generate,
        .rotate = proxy_rotate,
        .wrap = proxy_wrap,
        .unwrap = proxy_unwrap,
        .destroy = proxy_destroy,
        .status = proxy_status,
        .context = proxy,
    };
}

/* ---- the side of kms ---- */

static HIN_RESULT read_request(struct hin_view payload, struct hin_key_binding *binding,
                               struct hin_view *bytes)
{
    struct hin_reader reader = hin_reader_of(payload);
    uint32_t purpose = 0;
    HIN_TRY(hin_read_u32(&reader, &purpose));
    HIN_TRY(hin_read_u32(&reader, &binding->version));
    HIN_TRY(hin_read_bytes(&reader, PART_MAX, &binding->tenant));
    HIN_TRY(hin_read_bytes(&reader, PART_MAX, &binding->key_id));
    HIN_TRY(hin_read_bytes(&reader, PART_MAX, bytes));
    binding->purpose = (enum hin_key_purpose)purpose;
    return hin_read_end(&reader);
}

static struct hin_result handle_wrap(void *context, struct hin_ipc *channel,
                                     struct hin_ipc_message *message)
{
    const struct hin_key_provider *provider = context;
    HIN_CLEANUP(hin_buf_done) struct hin_buf wrapped = {.max = PART_MAX};
    struct hin_secret plain = {0};
    struct hin_key_binding binding = {0};
    struct hin_view bytes;
    HIN_TRY(read_request(message->payload, &binding, &bytes));
    HIN_TRY(hin_secret_from(&plain, bytes));
    struct hin_result done = provider->wrap(provider->context, &binding, &plain, &wrapped);
    hin_secret_done(&plain);
    return hin_ipc_reply(channel, message, done.code, hin_buf_view(&wrapped));
}

static struct hin_result handle_unwrap(void *context, struct hin_ipc *channel,
                                       struct hin_ipc_message *message)
{
    const struct hin_key_provider *provider = context;
    struct hin_secret plain = {0};
    struct hin_key_binding binding = {0};
    struct hin_view bytes;
    HIN_TRY(read_request(message->payload, &binding, &bytes));
    struct hin_result done = provider->unwrap(provider->context, &binding, bytes, &plain);
    struct hin_result sent = hin_ipc_reply(channel, message, done.code, hin_secret_view(&plain));
    hin_secret_done(&plain);
    return sent;
}

static HIN_RESULT read_about(struct hin_view payload, struct hin_view *tenant, uint32_t *version)
{
    struct hin_reader reader = hin_reader_of(payload);
    HIN_TRY(hin_read_u32(&reader, version));
    HIN_TRY(hin_read_bytes(&reader, PART_MAX, tenant));
    return hin_read_end(&reader);
}

static struct hin_result handle_generate(void *context, struct hin_ipc *channel,
                                         struct hin_ipc_message *message)
{
    const struct hin_key_provider *provider = context;
    struct hin_view tenant;
    uint32_t version = 0;
    HIN_TRY(read_about(message->payload, &tenant, &version));
    struct hin_result done = provider->generate(provider->context, tenant);
    return hin_ipc_reply(channel, message, done.code, HIN_VIEW_EMPTY);
}

static struct hin_result handle_rotate(void *context, struct hin_ipc *channel,
                                       struct hin_ipc_message *message)
{
    const struct hin_key_provider *provider = context;
    struct hin_view tenant;
    uint32_t version = 0;
    HIN_TRY(read_about(message->payload, &tenant, &version));
    struct hin_result done = provider->rotate(provider->context, tenant);
    return hin_ipc_reply(channel, message, done.code, HIN_VIEW_EMPTY);
}

static struct hin_result handle_destroy(void *context, struct hin_ipc *channel,
                                        struct hin_ipc_message *message)
{
    const struct hin_key_provider *provider = context;
    struct hin_view tenant;
    uint32_t version = 0;
    HIN_TRY(read_about(message->payload, &tenant, &version));
    struct hin_result done = provider->destroy(provider->context, tenant, version);
    return hin_ipc_reply(channel, message, done.code, HIN_VIEW_EMPTY);
}

static struct hin_result handle_status(void *context, struct hin_ipc *channel,
                                       struct hin_ipc_message *message)
{
    const struct hin_key_provider *provider = context;
    HIN_CLEANUP(hin_buf_done) struct hin_buf out = {.max = 1024};
    struct hin_key_provider_status status;
    struct hin_view tenant;
    uint32_t version = 0;
    HIN_TRY(read_about(message->payload, &tenant, &version));
    struct hin_result done = provider->status(provider->context, tenant, &status);
    if (!hin_is_ok(done)) {
        return hin_ipc_reply(channel, message, done.code, HIN_VIEW_EMPTY);
    }
    HIN_TRY(hin_write_bytes(&out, hin_view_from_text(status.name)));
    HIN_TRY(hin_write_u32(&out, status.current_version));
    HIN_TRY(hin_write_u32(&out, status.version_count));
    HIN_TRY(hin_write_u8(&out, status.sealed ? 1 : 0));
    HIN_TRY(hin_write_u8(&out, status.exportable ? 1 : 0));
    HIN_TRY(hin_write_u64(&out, (uint64_t)status.destruction_usec));
    HIN_TRY(hin_write_u64(&out, status.generation));
    HIN_TRY(hin_write_bytes(&out, hin_view_from_text(status.advice)));
    return hin_ipc_reply(channel, message, HIN_OK, hin_buf_view(&out));
}

static const struct hin_ipc_permit rows[] = {
    {HIN_MESSAGE_KMS_WRAP, HIN_IPC_REQUEST, 0, 0, 11, REQUEST_MAX, 0, handle_wrap},
    {HIN_MESSAGE_KMS_UNWRAP, HIN_IPC_REQUEST, 0, 0, 11, REQUEST_MAX, 0, handle_unwrap},
    {HIN_MESSAGE_KMS_STATUS, HIN_IPC_REQUEST, 0, 0, 5, ABOUT_MAX, 0, handle_status},
    {HIN_MESSAGE_KMS_GENERATE, HIN_IPC_REQUEST, 0, 0, 5, ABOUT_MAX, 0, handle_generate},
    {HIN_MESSAGE_KMS_ROTATE, HIN_IPC_REQUEST, 0, 0, 5, ABOUT_MAX, 0, handle_rotate},
    {HIN_MESSAGE_KMS_DESTROY, HIN_IPC_REQUEST, 0, 0, 5, ABOUT_MAX, 0, handle_destroy},
};
const struct hin_ipc_table hin_kms_table = {"keys -> kms", rows, HIN_COUNT(rows)};
