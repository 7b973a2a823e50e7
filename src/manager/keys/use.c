#include "manager/keys/use.h"

#include "base/bytes.h"
#include "base/codec.h"

HIN_RESULT hin_key_use_encode(const struct hin_key_use *use, struct hin_buf *out)
{
    HIN_TRY(hin_write_bytes(out, use->verb));
    HIN_TRY(hin_write_bytes(out, use->reason));
    HIN_TRY(hin_write_bytes(out, use->tenant));
    HIN_TRY(hin_buf_append(out, hin_view_of(use->key_id, sizeof(use->key_id))));
    HIN_TRY(hin_write_u32(out, use->outcome));
    return hin_write_u64(out, (uint64_t)use->time_usec);
}

HIN_RESULT hin_key_use_decode(struct hin_view bytes, struct hin_key_use *ret_use)
{
    struct hin_reader reader = hin_reader_of(bytes);
    struct hin_key_use use = {0};
    struct hin_view key_id;
    uint64_t time = 0;
    HIN_TRY(hin_read_bytes(&reader, 64, &use.verb));
    HIN_TRY(hin_read_bytes(&reader, 64, &use.reason));
    HIN_TRY(hin_read_bytes(&reader, 64, &use.tenant));
    HIN_TRY(hin_read_exact(&reader, sizeof(use.key_id), &key_id));
    HIN_TRY(hin_read_u32(&reader, &use.outcome));
    HIN_TRY(hin_read_u64(&reader, &time));
    HIN_TRY(hin_read_end(&reader));
    hin_copy(use.key_id, key_id.data, sizeof(use.key_id));
    use.time_usec = (int64_t)time;
    *ret_use = use;
    return hin_ok();
}
