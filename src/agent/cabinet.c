#include "agent/cabinet.h"

#include <stdio.h>

#include "base/bytes.h"
#include "base/codec.h"
#include "base/fd.h"

static const uint8_t magic[4] = {'H', 'A', 'F', 1};

struct hin_result hin_cabinet_init(struct hin_cabinet *cabinet, int folder,
                                   const struct hin_agent_keys *keys, struct hin_view tenant,
                                   struct hin_view agent)
{
    *cabinet =
        (struct hin_cabinet){.folder = folder, .keys = *keys, .tenant = tenant, .agent = agent};
    hin_buf_init(&cabinet->wrapped, 4096);
    return hin_agent_data_key(&cabinet->keys, HIN_KEY_STATE, &cabinet->sealer, &cabinet->wrapped);
}

void hin_cabinet_done(struct hin_cabinet *cabinet)
{
    hin_sealer_free(cabinet->sealer);
    hin_buf_done(&cabinet->wrapped);
    *cabinet = (struct hin_cabinet){.folder = -1};
}

static struct hin_seal_place place_of(const struct hin_cabinet *cabinet, const char *name)
{
    return (struct hin_seal_place){cabinet->tenant, HIN_VIEW("agent-file"), cabinet->agent,
                                   hin_view_from_text(name)};
}

struct hin_result hin_cabinet_put(struct hin_cabinet *cabinet, const char *name,
                                  struct hin_view plain)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf file = {.max = HIN_CABINET_FILE_MAX};
    struct hin_seal_place place = place_of(cabinet, name);
    HIN_TRY(hin_buf_append(&file, hin_view_of(magic, sizeof(magic))));
    HIN_TRY(hin_buf_append(&file,
                           hin_view_of(hin_sealer_key_id(cabinet->sealer), HIN_SEAL_KEY_ID_BYTES)));
    HIN_TRY(hin_write_bytes(&file, hin_buf_view(&cabinet->wrapped)));
    HIN_TRY(hin_seal_value(cabinet->sealer, &place, plain, &file));
    return hin_file_replace(cabinet->folder, name, hin_buf_view(&file), 0600);
}

struct hin_result hin_cabinet_get(struct hin_cabinet *cabinet, const char *name,
                                  struct hin_buf *ret_plain)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf file = {.max = HIN_CABINET_FILE_MAX};
    HIN_CLEANUP(hin_opener_freep) struct hin_opener *opener = NULL;
    HIN_CLEANUP(hin_secret_done) struct hin_secret key = {0};
    struct hin_view head, key_id, wrapped;
    HIN_TRY(hin_file_read(cabinet->folder, name, &file));
    struct hin_reader reader = hin_reader_of(hin_buf_view(&file));
    HIN_ENSURE(hin_is_ok(hin_read_exact(&reader, sizeof(magic), &head)), CORRUPT);
    HIN_ENSURE(hin_view_equal(hin_view_sub(head, 0, 3), hin_view_of(magic, 3)), CORRUPT);
    HIN_ENSURE(head.data[3] == magic[3], UNSUPPORTED);
    HIN_ENSURE(hin_is_ok(hin_read_exact(&reader, HIN_SEAL_KEY_ID_BYTES, &key_id)), CORRUPT);
    HIN_ENSURE(hin_is_ok(hin_read_bytes(&reader, 4096, &wrapped)), CORRUPT);
    HIN_TRY(cabinet->keys.unwrap(cabinet->keys.context, HIN_KEY_STATE, key_id.data, wrapped, &key));
    HIN_TRY(hin_opener_new(&opener, NULL, 1));
    HIN_TRY(hin_opener_add(opener, key_id.data, &key));
    struct hin_seal_place place = place_of(cabinet, name);
    return hin_seal_open_value(opener, &place, reader.rest, ret_plain);
}

struct hin_result hin_cabinet_get_secret(struct hin_cabinet *cabinet, const char *name,
                                         struct hin_secret *ret_plain)
{
    struct hin_buf plain = {.max = HIN_SECRET_MAX};
    struct hin_result result =
        hin_buf_reserve(&plain, HIN_SECRET_MAX); /* so that it never moves and leaves a copy */
    if (hin_is_ok(result)) {
        result = hin_cabinet_get(cabinet, name, &plain);
    }
    if (hin_is_ok(result)) {
        result = hin_secret_from(ret_plain, hin_buf_view(&plain));
    }
    hin_wipe(plain.data, plain.capacity);
    hin_buf_done(&plain);
    return result;
}
