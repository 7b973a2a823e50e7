#include "proof/restore.h"

#include "base/bytes.h"
#include "base/codec.h"
#include "crypt/hash.h"
#include "crypt/sign.h"

static const uint8_t magic[4] = {'H', 'R', 'S', 1};

const char *hin_restore_what_name(enum hin_restore_what what)
{
    static const char *const names[HIN_RESTORE_WHAT_COUNT] = {
        [HIN_RESTORE_STORE] = "the store",
        [HIN_RESTORE_VAULT] = "the vault",
        [HIN_RESTORE_KEYRING] = "the key ring",
    };
    return what > 0 && what < HIN_RESTORE_WHAT_COUNT ? names[what] : "?";
}

void hin_restore_id_text(const struct hin_restore *restore,
                         char ret_text[HIN_RESTORE_ID_TEXT_BYTES])
{
    hin_hex(restore->id, sizeof(restore->id), ret_text);
}

struct hin_result hin_restore_encode(const struct hin_restore *restore,
                                     struct hin_buf *ret_statement)
{
    HIN_TRY(hin_buf_append(ret_statement, hin_view_of(magic, sizeof(magic))));
    HIN_TRY(hin_buf_append(ret_statement, hin_view_of(restore->id, sizeof(restore->id))));
    HIN_TRY(hin_write_u8(ret_statement, (uint8_t)restore->what));
    HIN_TRY(hin_write_u64(ret_statement, restore->found));
    HIN_TRY(hin_write_u64(ret_statement, restore->known));
    HIN_TRY(hin_write_u64(ret_statement, restore->next));
    HIN_TRY(hin_write_u64(ret_statement, restore->ring_found));
    HIN_TRY(hin_write_u64(ret_statement, restore->ring_known));
    HIN_TRY(hin_write_u64(ret_statement, (uint64_t)restore->time_usec));
    HIN_TRY(hin_write_bytes(ret_statement, hin_view_from_text(restore->tenant)));
    return hin_write_bytes(ret_statement, hin_view_from_text(restore->holder));
}

static HIN_RESULT read_name(struct hin_reader *reader, char ret_name[HIN_RESTORE_NAME_BYTES])
{
    struct hin_view name;
    HIN_TRY(hin_read_bytes(reader, HIN_RESTORE_NAME_BYTES - 1, &name));
    return hin_view_to_text(name, ret_name, HIN_RESTORE_NAME_BYTES);
}

static HIN_RESULT read_statement(struct hin_view bytes, struct hin_restore *restore)
{
    struct hin_reader reader = hin_reader_of(bytes);
    struct hin_view part;
    uint64_t time = 0;
    uint8_t what = 0;
    HIN_TRY(hin_read_exact(&reader, sizeof(magic), &part));
    HIN_ENSURE(hin_view_starts_with(part, hin_view_of(magic, 3)), SYNTAX);
    HIN_ENSURE(part.data[3] == magic[3], UNSUPPORTED);
    HIN_TRY(hin_read_exact(&reader, sizeof(restore->id), &part));
    hin_copy(restore->id, part.data, part.size);
    HIN_TRY(hin_read_u8(&reader, &what));
    HIN_ENSURE(what > 0 && what < HIN_RESTORE_WHAT_COUNT, SYNTAX);
    restore->what = (enum hin_restore_what)what;
    HIN_TRY(hin_read_u64(&reader, &restore->found));
    HIN_TRY(hin_read_u64(&reader, &restore->known));
    HIN_TRY(hin_read_u64(&reader, &restore->next));
    HIN_TRY(hin_read_u64(&reader, &restore->ring_found));
    HIN_TRY(hin_read_u64(&reader, &restore->ring_known));
    HIN_TRY(hin_read_u64(&reader, &time));
    HIN_ENSURE(time <= INT64_MAX, SYNTAX);
    restore->time_usec = (int64_t)time;
    HIN_TRY(read_name(&reader, restore->tenant));
    HIN_TRY(read_name(&reader, restore->holder));
    return hin_read_end(&reader);
}

struct hin_result hin_restore_decode(struct hin_view bytes, struct hin_restore *ret_restore,
                                     struct hin_view *ret_statement, struct hin_view *ret_signature)
{
    struct hin_restore restore = {0};
    HIN_ENSURE(bytes.size > HIN_RESTORE_SIGNATURE_BYTES, TRUNCATED);
    HIN_ENSURE(bytes.size <= HIN_RESTORE_MAX_BYTES, SYNTAX);
    struct hin_view statement = hin_view_sub(bytes, 0, bytes.size - HIN_RESTORE_SIGNATURE_BYTES);
    HIN_TRY(read_statement(statement, &restore));
    *ret_restore = restore;
    *ret_statement = statement;
    *ret_signature = hin_view_sub(bytes, statement.size, HIN_RESTORE_SIGNATURE_BYTES);
    return hin_ok();
}

struct hin_result hin_restore_text(struct hin_view statement, struct hin_buf *ret_text)
{
    HIN_TRY(hin_buf_append_text(ret_text, HIN_RESTORE_DOMAIN));
    return hin_buf_append(ret_text, statement);
}

struct hin_result hin_restore_verify(struct hin_view public_key, struct hin_view statement,
                                     struct hin_view signature)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = 1024};
    HIN_TRY(hin_restore_text(statement, &text));
    return hin_sign_verify(public_key, hin_buf_view(&text), signature);
}
