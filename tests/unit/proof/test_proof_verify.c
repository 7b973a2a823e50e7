/* Whole exports: a true one, and one in which each thing an exporter could do was done. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"

#include "base/bytes.h"
#include "crypt/x509.h"
#include "proof/export.h"
#include "proof/key.h"

enum { ENTRIES = 6, LINES = ENTRIES + 2 };

struct installation {
    struct hin_x509_key *ca;
    struct hin_secret seed;
    struct hin_buf der, key;
    char fingerprint[HIN_SHA256_HEX_BYTES];
};

static HIN_RESULT install(struct installation *in)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = 1024};
    struct hin_x509_validity validity = {0, INT64_C(4000000000000000)};
    struct hin_key_statement about = {.time_usec = 5};
    *in = (struct installation){.der = {.max = HIN_X509_MAX_BYTES},
                                .key = {.max = HIN_KEY_STATEMENT_MAX}};
    HIN_TRY(hin_x509_key_generate(&in->ca));
    HIN_TRY(hin_x509_ca_new(in->ca, "test", &validity, &in->der));
    HIN_TRY(hin_x509_fingerprint(hin_buf_view(&in->der), in->fingerprint));
    HIN_TRY(hin_sha256(hin_buf_view(&in->der), about.authority));
    HIN_TRY(hin_sign_generate(&in->seed));
    HIN_TRY(hin_sign_public(&in->seed, about.public_key));
    HIN_TRY(hin_key_statement_encode(&about, &in->key));
    HIN_TRY(hin_key_statement_text(hin_buf_view(&in->key), &text));
    return hin_x509_sign(in->ca, hin_buf_view(&text), &in->key);
}

static void uninstall(struct installation *in)
{
    hin_x509_key_free(in->ca);
    hin_secret_done(&in->seed);
    hin_buf_done(&in->der);
    hin_buf_done(&in->key);
}

struct sheet { /* the lines of an export */
    char *lines[LINES + 2];
    size_t count;
};

static void sheet_done(struct sheet *sheet)
{
    for (size_t i = 0; i < sheet->count; i++) {
        free(sheet->lines[i]);
    }
}

static HIN_RESULT put_line(struct sheet *sheet, struct hin_buf *line)
{
    sheet->lines[sheet->count] = strndup((const char *)line->data, line->size);
    HIN_ENSURE(sheet->lines[sheet->count] != NULL, NO_MEMORY);
    sheet->count++;
    hin_buf_clear(line);
    return hin_ok();
}

static HIN_RESULT write_checkpoint(struct installation *in, const struct hin_checkpoint *checkpoint,
                                   struct hin_buf *out)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf bytes = {.max = 1024};
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = 1024};
    uint8_t signature[HIN_SIGN_BYTES];
    HIN_TRY(hin_checkpoint_encode(checkpoint, &bytes));
    HIN_TRY(hin_buf_append_text(&text, HIN_CHECKPOINT_DOMAIN));
    HIN_TRY(hin_buf_append(&text, hin_buf_view(&bytes)));
    HIN_TRY(hin_sign(&in->seed, hin_buf_view(&text), signature));
    HIN_TRY(hin_buf_append(&bytes, hin_view_of(signature, sizeof(signature))));
    struct hin_proof_checkpoint parts = {hin_buf_view(&bytes), hin_buf_view(&in->key),
                                         hin_buf_view(&in->der)};
    return hin_proof_write_checkpoint(&parts, out);
}

/* hashes (may be NULL): of each entry, by number. `word` makes another history. */
static HIN_RESULT make_sheet(struct installation *in, const char *word, struct sheet *sheet,
                             uint8_t (*hashes)[HIN_CHAIN_HASH_BYTES])
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf line = {.max = 65536};
    uint8_t hash[HIN_CHAIN_HASH_BYTES] = {0};
    *sheet = (struct sheet){0};
    HIN_TRY(hin_proof_write_header(HIN_VIEW("t"), 1000, &line));
    HIN_TRY(put_line(sheet, &line));
    for (int64_t i = 1; i <= ENTRIES; i++) {
        HIN_CLEANUP(hin_buf_done) struct hin_buf body = {.max = 1024};
        struct hin_chain_body head = {.kind = HIN_CHAIN_ENTRY};
        uint8_t salt[HIN_CHAIN_SALT_BYTES] = {(uint8_t)i};
        char text[64];
        (void)snprintf(text, sizeof(text), "{\"action\":\"%s %lld\"}", word, (long long)i);
        struct hin_chain_link link = {.number = i,
                                      .time_usec = i * 10,
                                      .salt = hin_view_of(salt, sizeof(salt)),
                                      .text = hin_view_from_text(text)};
        HIN_TRY(hin_chain_commit(link.salt, link.text, head.commitment));
        HIN_TRY(hin_chain_body_head(&head, &body));
        HIN_TRY(hin_buf_append_text(&body, "HSV"));
        link.body = hin_buf_view(&body);
        HIN_TRY(hin_chain_hash(hash, i, link.time_usec, link.body, link.hash));
        hin_copy(hash, link.hash, sizeof(hash));
        if (hashes != NULL) {
            hin_copy(hashes[i], hash, sizeof(hash));
        }
        HIN_TRY(hin_proof_write_entry(&link, &line));
        HIN_TRY(put_line(sheet, &line));
    }
    struct hin_checkpoint checkpoint = {
        .time_usec = 99, .audit_number = ENTRIES, .last_event_id = 40};
    hin_copy(checkpoint.audit_hash, hash, sizeof(hash));
    HIN_TRY(write_checkpoint(in, &checkpoint, &line));
    return put_line(sheet, &line);
}

static struct hin_result judge(struct hin_proof *proof, const struct sheet *sheet,
                               struct hin_error *error)
{
    for (size_t i = 0; i < sheet->count; i++) {
        HIN_TRY(hin_proof_line(proof, hin_view_from_text(sheet->lines[i]), error));
    }
    return hin_proof_end(proof, error);
}

TEST(test_proof_verify__a_true_export_holds)
{
    struct installation in;
    struct sheet sheet;
    struct hin_proof proof;
    struct hin_error error = {0};
    CHECK_OK(install(&in));
    CHECK_OK(make_sheet(&in, "did", &sheet, NULL));
    CHECK_OK(hin_proof_init(&proof, hin_view_from_text(in.fingerprint)));
    CHECK_OK(judge(&proof, &sheet, &error));
    CHECK_INT(proof.chain.entries, ENTRIES);
    CHECK_CODE(hin_proof_init(&proof, HIN_VIEW("12")), INVALID);
    sheet_done(&sheet);
    uninstall(&in);
}

/* Every character of every line that is a hex digit or part of a number or text, changed. */
TEST(test_proof_verify__no_changed_character_passes)
{
    struct installation in;
    struct sheet sheet;
    struct hin_error error = {0};
    size_t passed = 0, tried = 0;
    CHECK_OK(install(&in));
    CHECK_OK(make_sheet(&in, "did", &sheet, NULL));
    for (size_t i = 1; i < sheet.count; i++) {
        for (size_t at = 0; at < strlen(sheet.lines[i]); at += i == sheet.count - 1 ? 7 : 3) {
            struct hin_proof proof;
            char was = sheet.lines[i][at];
            bool counts = (was >= '0' && was <= '9') || (was >= 'a' && was <= 'z');
            if (!counts) {
                continue;
            }
            sheet.lines[i][at] = was == '7' ? '8' : '7';
            CHECK_OK(hin_proof_init(&proof, hin_view_from_text(in.fingerprint)));
            passed += hin_is_ok(judge(&proof, &sheet, &error));
            tried++;
            sheet.lines[i][at] = was;
        }
    }
    printf("# %zu changes tried\n", tried);
    CHECK(tried > 500);
    CHECK_INT(passed, 0);
    sheet_done(&sheet);
    uninstall(&in);
}

TEST(test_proof_verify__lines_removed_moved_doubled_cut)
{
    static const struct {
        const char *order; /* lines by letter: h, 1 to 6, c */
        const char *why;
    } cases[] = {
        {"h12456c", "entry 3 is missing"},
        {"h23456c", "entry 1 is missing"},
        {"h124356c", "entry 3 is missing"},
        {"h1233456c", "entry 3 stands here a second time"},
        {"h12345c", "ends at entry 5"},
        {"h123456", "breaks off after entry 6"},
        {"h12", "breaks off after entry 2"},
        {"123456c", "format"},
        {"h123456cc", "behind the checkpoint"},
        {"h123c456", "ends at entry 3"},
        {"hc", "ends at entry 0"},
        {"h", "breaks off"},
    };
    struct installation in;
    struct sheet sheet;
    CHECK_OK(install(&in));
    CHECK_OK(make_sheet(&in, "did", &sheet, NULL));
    for (size_t i = 0; i < HIN_COUNT(cases); i++) {
        struct sheet other = {0};
        struct hin_proof proof;
        struct hin_error error = {0};
        for (const char *at = cases[i].order; *at != '\0'; at++) {
            size_t line = *at == 'h' ? 0 : *at == 'c' ? ENTRIES + 1 : (size_t)(*at - '0');
            other.lines[other.count++] = sheet.lines[line];
        }
        CHECK_OK(hin_proof_init(&proof, hin_view_from_text(in.fingerprint)));
        CHECK(!hin_is_ok(judge(&proof, &other, &error)));
        if (strstr(error.text, cases[i].why) == NULL) {
            printf("# %s: %s\n", cases[i].order, error.text);
            CHECK(strstr(error.text, cases[i].why) != NULL);
        }
    }
    sheet_done(&sheet);
    uninstall(&in);
}

/* Another authority: its chain is whole and signed, by a key that our authority knows nothing of.
 */
TEST(test_proof_verify__another_authority_is_refused)
{
    struct installation in, other;
    struct sheet sheet;
    struct hin_proof proof;
    struct hin_error error = {0};
    CHECK_OK(install(&in));
    CHECK_OK(install(&other));
    CHECK_OK(make_sheet(&other, "did", &sheet, NULL));
    CHECK_OK(hin_proof_init(&proof, hin_view_from_text(in.fingerprint)));
    CHECK_CODE(judge(&proof, &sheet, &error), AUTH);
    sheet_done(&sheet);
    /* Our certificate with another's statement, and with another's signing key. */
    struct installation mixed = other;
    mixed.der = in.der;
    CHECK_OK(make_sheet(&mixed, "did", &sheet, NULL));
    CHECK_OK(hin_proof_init(&proof, hin_view_from_text(in.fingerprint)));
    CHECK_CODE(judge(&proof, &sheet, &error), AUTH);
    sheet_done(&sheet);
    mixed.key = in.key;
    CHECK_OK(make_sheet(&mixed, "did", &sheet, NULL));
    CHECK_OK(hin_proof_init(&proof, hin_view_from_text(in.fingerprint)));
    CHECK_CODE(judge(&proof, &sheet, &error), AUTH);
    sheet_done(&sheet);
    uninstall(&in);
    uninstall(&other);
}

static HIN_RESULT keep(struct hin_proof *proof, struct installation *in,
                       const struct hin_checkpoint *checkpoint)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = 65536};
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    struct hin_error error = {0};
    HIN_TRY(write_checkpoint(in, checkpoint, &text));
    HIN_TRY(hin_json_parse(hin_buf_view(&text), text.max, &document, &error));
    return hin_proof_keep(proof, hin_json_root(document), &error);
}

/* Checkpoints kept outside: a prefix holds; a whole history that was written anew, a cut one, an
 * old copy and another tenant's do not. */
TEST(test_proof_verify__outside_checkpoints)
{
    static const struct {
        uint64_t number, events;
        bool other_history, other_tenant, holds;
        const char *why;
    } cases[] = {
        {4, 10, false, false, true, ""},
        {ENTRIES, 40, false, false, true, ""},
        {4, 10, true, false, false, "entry 4 is not the one"},
        {ENTRIES + 3, 10, false, false, false, "cut off, or an older copy"},
        {4, 41, false, false, false, "has seen event 41"},
        {4, 10, false, true, false, "another tenant"},
    };
    struct installation in;
    struct sheet sheet, other;
    uint8_t hashes[ENTRIES + 1][HIN_CHAIN_HASH_BYTES], others[ENTRIES + 1][HIN_CHAIN_HASH_BYTES];
    CHECK_OK(install(&in));
    CHECK_OK(make_sheet(&in, "did", &sheet, hashes));
    CHECK_OK(make_sheet(&in, "hid", &other, others));
    for (size_t i = 0; i < HIN_COUNT(cases); i++) {
        struct hin_proof proof;
        struct hin_error error = {0};
        struct hin_checkpoint kept = {.time_usec = 50,
                                      .audit_number = cases[i].number,
                                      .last_event_id = cases[i].events,
                                      .tenant = {cases[i].other_tenant ? 1 : 0}};
        if (cases[i].number <= ENTRIES) {
            hin_copy(kept.audit_hash, hashes[cases[i].number], sizeof(kept.audit_hash));
        }
        CHECK_OK(hin_proof_init(&proof, hin_view_from_text(in.fingerprint)));
        CHECK_OK(keep(&proof, &in, &kept));
        struct hin_result judged = judge(&proof, cases[i].other_history ? &other : &sheet, &error);
        CHECK_INT(hin_is_ok(judged), cases[i].holds);
        CHECK(strstr(error.text, cases[i].why) != NULL);
    }
    sheet_done(&sheet);
    sheet_done(&other);
    uninstall(&in);
}

TEST(test_proof_verify__a_statement_is_bound_to_its_authority)
{
    struct installation in, other;
    struct hin_key_statement got;
    CHECK_OK(install(&in));
    CHECK_OK(install(&other));
    CHECK_OK(hin_key_statement_verify(hin_buf_view(&in.key), hin_buf_view(&in.der), &got));
    CHECK_INT(got.time_usec, 5);
    CHECK_CODE(hin_key_statement_verify(hin_buf_view(&in.key), hin_buf_view(&other.der), &got),
               AUTH);
    for (size_t size = 0; size < in.key.size; size++) {
        CHECK(!hin_is_ok(
            hin_key_statement_verify(hin_view_of(in.key.data, size), hin_buf_view(&in.der), &got)));
    }
    in.key.data[50] ^= 1; /* the public key */
    CHECK_CODE(hin_key_statement_verify(hin_buf_view(&in.key), hin_buf_view(&in.der), &got), AUTH);
    in.key.data[4]++;
    CHECK_CODE(hin_key_statement_verify(hin_buf_view(&in.key), hin_buf_view(&in.der), &got),
               UNSUPPORTED);
    /* What could be read as a certificate is not signed. */
    HIN_CLEANUP(hin_buf_done) struct hin_buf signature = {.max = 1024};
    CHECK_CODE(hin_x509_sign(in.ca, hin_buf_view(&in.der), &signature), INVALID);
    uninstall(&in);
    uninstall(&other);
}
