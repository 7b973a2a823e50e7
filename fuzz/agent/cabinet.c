/* A sealed file of the agent after somebody was at it. First the input as the whole file; then a
 * good file of ours, cut and overwritten as the input says (u16 offset, u8 value, ...): it must
 * open to what was put in or not at all. */
#include "agent/cabinet.h"

#include "../scratch.h"
#include "base/bytes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static HIN_RESULT wrap(void *context, enum hin_key_purpose purpose, const uint8_t *key_id,
                       const struct hin_secret *plain, struct hin_buf *ret_wrapped)
{
    return hin_buf_append(ret_wrapped, hin_secret_view(plain));
}

static HIN_RESULT unwrap(void *context, enum hin_key_purpose purpose, const uint8_t *key_id,
                         struct hin_view wrapped, struct hin_secret *ret_key)
{
    HIN_ENSURE(wrapped.size == HIN_SEAL_KEY_BYTES, AUTH);
    return hin_secret_from(ret_key, wrapped);
}

static void get(struct hin_cabinet *cabinet, struct hin_view wanted)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf plain = {.max = 1 << 20};
    HIN_CLEANUP(hin_secret_done) struct hin_secret secret = {0};
    if (hin_is_ok(hin_cabinet_get(cabinet, "state", &plain))) {
        scratch_require(wanted.data == NULL || hin_view_equal(hin_buf_view(&plain), wanted));
    }
    HIN_IGNORE(hin_cabinet_get_secret(cabinet, "state", &secret));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct hin_cabinet cabinet;
    static struct hin_buf good = {.max = 65536};
    static const struct hin_agent_keys keys = {wrap, unwrap, NULL};
    static int folder = -1;
    if (folder < 0) {
        scratch_require(hin_is_ok(hin_fd_open(AT_FDCWD, scratch_folder(),
                                              O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0, &folder)));
        scratch_require(hin_is_ok(
            hin_cabinet_init(&cabinet, folder, &keys, HIN_VIEW("tenant"), HIN_VIEW("agent"))));
        scratch_require(hin_is_ok(hin_cabinet_put(&cabinet, "state", HIN_VIEW("a plain text"))));
        scratch_require(hin_is_ok(hin_file_read(folder, "state", &good)));
    }
    scratch_write("state", hin_view_of(data, size), 0600);
    get(&cabinet, (struct hin_view){NULL, 0});
    HIN_CLEANUP(hin_buf_done) struct hin_buf file = {.max = 65536};
    scratch_require(hin_is_ok(hin_buf_append(&file, hin_buf_view(&good))));
    for (size_t at = 0; at + 3 <= size; at += 3) {
        size_t offset = hin_load_u16(data + at);
        if (offset < file.size) {
            file.data[offset] = data[at + 2];
        } else if (offset % 7 == 0) {
            file.size = offset % (file.size + 1);
        }
    }
    scratch_write("state", hin_buf_view(&file), 0600);
    get(&cabinet, HIN_VIEW("a plain text"));
    return 0;
}
