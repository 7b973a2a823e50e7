#include "proof/key.h"

#include <string.h>

#include "base/bytes.h"
#include "base/codec.h"
#include "crypt/x509.h"

static const struct hin_view magic = {(const uint8_t *)"HINK", 4};

HIN_RESULT hin_key_statement_encode(const struct hin_key_statement *statement, struct hin_buf *out)
{
    HIN_TRY(hin_buf_append(out, magic));
    HIN_TRY(hin_write_u16(out, HIN_KEY_STATEMENT_VERSION));
    HIN_TRY(hin_buf_append(out, hin_view_of(statement->authority, sizeof(statement->authority))));
    HIN_TRY(hin_buf_append(out, hin_view_of(statement->public_key, sizeof(statement->public_key))));
    return hin_write_u64(out, (uint64_t)statement->time_usec);
}

HIN_RESULT hin_key_statement_text(struct hin_view statement, struct hin_buf *out)
{
    HIN_TRY(hin_buf_append_text(out, HIN_KEY_STATEMENT_DOMAIN));
    return hin_buf_append(out, statement);
}

static HIN_RESULT read_statement(struct hin_view bytes, struct hin_key_statement *statement)
{
    struct hin_reader reader = hin_reader_of(bytes);
    struct hin_view part;
    uint16_t version = 0;
    uint64_t time = 0;
    HIN_TRY(hin_read_exact(&reader, magic.size, &part));
    HIN_ENSURE(hin_view_equal(part, magic), PROTOCOL);
    HIN_TRY(hin_read_u16(&reader, &version));
    HIN_ENSURE(version == HIN_KEY_STATEMENT_VERSION, UNSUPPORTED);
    HIN_TRY(hin_read_exact(&reader, sizeof(statement->authority), &part));
    hin_copy(statement->authority, part.data, part.size);
    HIN_TRY(hin_read_exact(&reader, sizeof(statement->public_key), &part));
    hin_copy(statement->public_key, part.data, part.size);
    HIN_TRY(hin_read_u64(&reader, &time));
    statement->time_usec = (int64_t)time;
    return hin_read_end(&reader);
}

void hin_key_memo_done(struct hin_key_memo *memo)
{
    hin_x509_authority_free(memo->authority);
    memo->authority = NULL;
}

/* By its digest, so that another certificate never goes for it. */
static HIN_RESULT remember(struct hin_key_memo *memo, struct hin_view ca_der,
                           const uint8_t digest[HIN_SHA256_BYTES])
{
    if (memo->authority != NULL && memcmp(memo->digest, digest, sizeof(memo->digest)) == 0) {
        return hin_ok();
    }
    hin_key_memo_done(memo);
    HIN_TRY(hin_x509_authority_new(&memo->authority, ca_der));
    hin_copy(memo->digest, digest, sizeof(memo->digest));
    return hin_ok();
}

HIN_RESULT hin_key_statement_verify_next(struct hin_key_memo *memo, struct hin_view bytes,
                                         struct hin_view ca_der,
                                         struct hin_key_statement *ret_statement)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = 1024};
    struct hin_key_statement statement = {0};
    struct hin_reader reader = hin_reader_of(bytes);
    uint8_t authority[HIN_SHA256_BYTES];
    struct hin_view body;
    HIN_ENSURE(bytes.size <= HIN_KEY_STATEMENT_MAX, LIMIT);
    HIN_TRY(hin_read_exact(&reader, HIN_KEY_STATEMENT_BYTES, &body));
    HIN_TRY(read_statement(body, &statement));
    HIN_TRY(hin_sha256(ca_der, authority));
    HIN_ENSURE(hin_view_equal(hin_view_of(authority, sizeof(authority)),
                              hin_view_of(statement.authority, sizeof(statement.authority))),
               AUTH);
    HIN_TRY(hin_key_statement_text(body, &text));
    HIN_TRY(remember(memo, ca_der, authority));
    HIN_TRY(hin_x509_authority_verify(memo->authority, hin_buf_view(&text), reader.rest));
    *ret_statement = statement;
    return hin_ok();
}

HIN_RESULT hin_key_statement_verify(struct hin_view bytes, struct hin_view ca_der,
                                    struct hin_key_statement *ret_statement)
{
    HIN_CLEANUP(hin_key_memo_done) struct hin_key_memo memo = {0};
    return hin_key_statement_verify_next(&memo, bytes, ca_der, ret_statement);
}
