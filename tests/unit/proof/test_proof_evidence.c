/* Evidence: a true record, each way in which one could be none, and the chain. */
#include <stdio.h>
#include <string.h>

#include "harness.h"

#include "base/bytes.h"
#include "crypt/sign.h"
#include "crypt/x509.h"
#include "data/json.h"
#include "proof/certificate.h"
#include "proof/checkpoint.h"
#include "proof/evidence.h"
#include "proof/key.h"
#include "proof/series.h"

struct installation {
    struct hin_secret seed;
    struct hin_buf der, key;
    char fingerprint[HIN_SHA256_HEX_BYTES];
    uint8_t digest[HIN_SHA256_BYTES];
};

static HIN_RESULT install(struct installation *in)
{
    HIN_CLEANUP(hin_x509_key_freep) struct hin_x509_key *ca = NULL;
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = 1024};
    struct hin_x509_validity validity = {0, INT64_C(4000000000000000)};
    struct hin_key_statement about = {.time_usec = 5};
    *in = (struct installation){.der = {.max = HIN_X509_MAX_BYTES},
                                .key = {.max = HIN_KEY_STATEMENT_MAX}};
    HIN_TRY(hin_x509_key_generate(&ca));
    HIN_TRY(hin_x509_ca_new(ca, "test", &validity, &in->der));
    HIN_TRY(hin_x509_fingerprint(hin_buf_view(&in->der), in->fingerprint));
    HIN_TRY(hin_sha256(hin_buf_view(&in->der), in->digest));
    hin_copy(about.authority, in->digest, sizeof(about.authority));
    HIN_TRY(hin_sign_generate(&in->seed));
    HIN_TRY(hin_sign_public(&in->seed, about.public_key));
    HIN_TRY(hin_key_statement_encode(&about, &in->key));
    HIN_TRY(hin_key_statement_text(hin_buf_view(&in->key), &text));
    return hin_x509_sign(ca, hin_buf_view(&text), &in->key);
}

static void uninstall(struct installation *in)
{
    hin_secret_done(&in->seed);
    hin_buf_done(&in->der);
    hin_buf_done(&in->key);
}

static struct hin_evidence sample(const struct installation *in)
{
    struct hin_evidence evidence = {
        .number = 1,
        .id = HIN_VIEW("0b8dd1f2-0000-4000-8000-000000000002"),
        .probe = HIN_VIEW("tls-floor"),
        .probe_version = 3,
        .observed_msec = 1000,
        .valid_until_msec = 2000,
        .outcome = HIN_EVIDENCE_FAILED,
        .reason = HIN_VIEW("a \"quoted\" \xc3\xa4"),
        .inputs = {{HIN_VIEW("store"), HIN_VIEW("SQLite"), 0}},
        .input_count = 1,
        .measurements = {{HIN_VIEW("listeners"), HIN_VIEW_EMPTY, -2},
                         {HIN_VIEW("nothing"), HIN_VIEW(""), 0}},
        .measurement_count = 2,
    };
    hin_copy(evidence.installation, in->digest, sizeof(evidence.installation));
    return evidence;
}

/* Signed under `domain`. */
static HIN_RESULT issue(struct installation *in, const char *domain,
                        const struct hin_evidence *evidence, struct hin_buf *out)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf statement = {.max = HIN_EVIDENCE_STATEMENT_MAX};
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = 2 * HIN_EVIDENCE_STATEMENT_MAX};
    uint8_t signature[HIN_SIGN_BYTES];
    HIN_TRY(hin_evidence_encode(evidence, &statement));
    HIN_TRY(hin_buf_append_text(&text, domain));
    HIN_TRY(hin_buf_append(&text, hin_buf_view(&statement)));
    HIN_TRY(hin_sign(&in->seed, hin_buf_view(&text), signature));
    struct hin_evidence_seal seal = {hin_view_of(signature, sizeof(signature)),
                                     hin_buf_view(&in->key), hin_buf_view(&in->der)};
    return hin_evidence_write(evidence, &seal, out);
}

static enum hin_code judge(struct hin_view file, const char *fingerprint, struct hin_error *error)
{
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    struct hin_evidence evidence;
    *error = (struct hin_error){0};
    return hin_evidence_verify(file, hin_view_from_text(fingerprint), &document, &evidence, error)
        .code;
}

#define MADE(in, evidence, file)                                                                   \
    HIN_CLEANUP(uninstall) struct installation in = {0};                                           \
    HIN_CLEANUP(hin_buf_done) struct hin_buf file = {.max = HIN_EVIDENCE_FILE_MAX};                \
    struct hin_error error = {0};                                                                  \
    CHECK_OK(install(&in));                                                                        \
    struct hin_evidence evidence = sample(&in);                                                    \
    (void)error;                                                                                   \
    CHECK_OK(issue(&in, HIN_EVIDENCE_DOMAIN, &evidence, &file))

TEST(test_proof_evidence__holds_and_reads_as_it_was_written)
{
    MADE(in, evidence, file);
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    struct hin_evidence read;
    CHECK_OK(hin_evidence_verify(hin_buf_view(&file), hin_view_from_text(in.fingerprint), &document,
                                 &read, &error));
    CHECK(read.number == 1 && read.probe_version == 3 && read.observed_msec == 1000 &&
          read.valid_until_msec == 2000 && read.outcome == HIN_EVIDENCE_FAILED);
    CHECK(hin_view_equal(read.reason, evidence.reason));
    CHECK(read.input_count == 1 && hin_view_is(read.inputs[0].text, "SQLite"));
    CHECK(read.measurement_count == 2 && read.measurements[0].text.data == NULL &&
          read.measurements[0].number == -2);
    CHECK(read.measurements[1].text.data != NULL && read.measurements[1].text.size == 0);
}

TEST(test_proof_evidence__every_changed_byte_and_every_cut_is_refused)
{
    MADE(in, evidence, file);
    for (size_t i = 0; i < file.size; i++) {
        uint8_t kept = file.data[i];
        file.data[i] = kept == 'a' ? 'b' : 'a';
        CHECK(judge(hin_buf_view(&file), in.fingerprint, &error) != HIN_OK);
        CHECK(error.text[0] != '\0');
        file.data[i] = kept;
        CHECK(judge(hin_view_sub(hin_buf_view(&file), 0, i), in.fingerprint, &error) != HIN_OK);
    }
    CHECK_OK(hin_buf_append(&file, HIN_VIEW("x")));
    CHECK_INT(judge(hin_buf_view(&file), in.fingerprint, &error), HIN_SYNTAX);
    CHECK(strstr(error.text, "behind") != NULL);
}

TEST(test_proof_evidence__a_signature_for_something_else_is_none)
{
    static const char *const domains[] = {HIN_CHECKPOINT_DOMAIN, HIN_CERTIFICATE_DOMAIN,
                                          "HINP policy v1\n", ""};
    MADE(in, evidence, file);
    for (size_t i = 0; i < HIN_COUNT(domains); i++) {
        hin_buf_clear(&file);
        CHECK_OK(issue(&in, domains[i], &evidence, &file));
        CHECK_INT(judge(hin_buf_view(&file), in.fingerprint, &error), HIN_AUTH);
    }
}

TEST(test_proof_evidence__another_installation_is_told)
{
    MADE(in, evidence, file);
    HIN_CLEANUP(uninstall) struct installation other = {0};
    CHECK_OK(install(&other));
    CHECK_INT(judge(hin_buf_view(&file), other.fingerprint, &error), HIN_AUTH);
    CHECK(strstr(error.text, "another installation") != NULL);
    CHECK_INT(judge(hin_buf_view(&file), "12", &error), HIN_INVALID);
    hin_buf_clear(&file);
    evidence.installation[3] ^= 1;
    CHECK_OK(issue(&in, HIN_EVIDENCE_DOMAIN, &evidence, &file));
    CHECK_INT(judge(hin_buf_view(&file), in.fingerprint, &error), HIN_AUTH);
}

TEST(test_proof_evidence__keys_sign_only_what_begins_as_evidence_of_this_installation)
{
    MADE(in, evidence, file);
    HIN_CLEANUP(hin_buf_done) struct hin_buf statement = {.max = HIN_EVIDENCE_STATEMENT_MAX};
    uint8_t other[HIN_SHA256_BYTES] = {0};
    CHECK_OK(hin_evidence_encode(&evidence, &statement));
    CHECK_OK(hin_evidence_check(hin_buf_view(&statement), in.digest));
    CHECK_CODE(hin_evidence_check(hin_buf_view(&statement), other), INVALID);
    CHECK_CODE(hin_evidence_check(HIN_VIEW("{\"kind\":\"tenant\"}"), in.digest), INVALID);
    statement.data[statement.size - 5] = '\n';
    CHECK_CODE(hin_evidence_check(hin_buf_view(&statement), in.digest), INVALID);
}

/* `count` records, each naming the one before. */
static HIN_RESULT link_up(struct hin_evidence *evidence, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        HIN_CLEANUP(hin_buf_done) struct hin_buf statement = {.max = HIN_EVIDENCE_STATEMENT_MAX};
        evidence[i].number = (int64_t)i + 1;
        HIN_TRY(hin_evidence_encode(&evidence[i - 1], &statement));
        HIN_TRY(hin_evidence_hash(hin_buf_view(&statement), evidence[i].previous));
    }
    return hin_ok();
}

TEST(test_proof_evidence__a_missing_or_altered_record_breaks_the_chain)
{
    HIN_CLEANUP(uninstall) struct installation in = {0};
    struct hin_evidence_chain chain = {0};
    struct hin_error error = {0};
    CHECK_OK(install(&in));
    struct hin_evidence records[4] = {sample(&in), sample(&in), sample(&in), sample(&in)};
    CHECK_OK(link_up(records, 4));
    for (size_t i = 0; i < 4; i++) {
        CHECK_OK(hin_evidence_chain_add(&chain, &records[i], &error));
    }
    CHECK_INT(chain.number, 4);
    chain = (struct hin_evidence_chain){0};
    CHECK_OK(hin_evidence_chain_add(&chain, &records[0], &error));
    CHECK_CODE(hin_evidence_chain_add(&chain, &records[2], &error), CORRUPT);
    CHECK(strstr(error.text, "2 is missing") != NULL);
    chain = (struct hin_evidence_chain){0};
    records[1].outcome = HIN_EVIDENCE_PROVEN;
    CHECK_OK(hin_evidence_chain_add(&chain, &records[0], &error));
    CHECK_OK(hin_evidence_chain_add(&chain, &records[1], &error));
    CHECK_CODE(hin_evidence_chain_add(&chain, &records[2], &error), CORRUPT);
}

/* ---- losses ---- */

static struct hin_evidence_loss sample_loss(void)
{
    struct hin_evidence_loss loss = {
        .first = 2, .last = 3, .by = HIN_VIEW("ada"), .note = HIN_VIEW("a disk broke")};
    loss.hash[0] = 7;
    return loss;
}

TEST(test_proof_evidence__a_loss_is_acknowledged_by_a_record_of_its_own)
{
    HIN_CLEANUP(uninstall) struct installation in = {0};
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = 4096};
    HIN_CLEANUP(hin_buf_done) struct hin_buf file = {.max = HIN_EVIDENCE_FILE_MAX};
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    struct hin_evidence_loss loss = sample_loss(), read;
    struct hin_error error = {0};
    struct hin_evidence found;
    CHECK_OK(install(&in));
    struct hin_evidence record = sample(&in);
    CHECK(!hin_evidence_loss_get(&record, &read));
    record.number = 4;
    CHECK_OK(hin_evidence_loss_put(&loss, &text, &record));
    CHECK_OK(issue(&in, HIN_EVIDENCE_DOMAIN, &record, &file));
    CHECK_OK(hin_evidence_verify(hin_buf_view(&file), hin_view_from_text(in.fingerprint), &document,
                                 &found, &error));
    CHECK_INT(found.outcome, HIN_EVIDENCE_NOT_RUN); /* it proves nothing */
    CHECK(hin_evidence_loss_get(&found, &read));
    CHECK(read.first == 2 && read.last == 3 && read.hash[0] == 7 && read.hash[1] == 0);
    CHECK(hin_view_is(read.by, "ada") && hin_view_is(read.note, "a disk broke"));
    CHECK_VIEW(found.reason, "evidence 2 to 3 is lost, acknowledged by ada");
    found.number = 3; /* what it acknowledges came before it */
    CHECK(!hin_evidence_loss_get(&found, &read));
    found.number = 4;
    found.outcome = HIN_EVIDENCE_PROVEN;
    CHECK(!hin_evidence_loss_get(&found, &read));
    found.outcome = HIN_EVIDENCE_NOT_RUN;
    found.inputs[1].number = 1;
    CHECK(!hin_evidence_loss_get(&found, &read));
    found.inputs[1].number = 3;
    found.measurements[0].text = HIN_VIEW("00");
    CHECK(!hin_evidence_loss_get(&found, &read));
    loss.last = 1;
    CHECK_CODE(hin_evidence_loss_put(&loss, &text, &record), INVALID);
}

TEST(test_proof_evidence__only_the_very_hole_is_closed)
{
    HIN_CLEANUP(uninstall) struct installation in = {0};
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = 4096};
    struct hin_evidence_chain chain = {0};
    struct hin_evidence_hole hole;
    struct hin_evidence_loss loss = sample_loss();
    CHECK_OK(install(&in));
    struct hin_evidence records[5] = {sample(&in), sample(&in), sample(&in), sample(&in),
                                      sample(&in)};
    CHECK_OK(link_up(records, 5));
    CHECK_OK(hin_evidence_chain_add(&chain, &records[0], NULL));
    CHECK_CODE(hin_evidence_chain_jump(&chain, &records[0], &hole), INVALID);
    CHECK_OK(hin_evidence_chain_jump(&chain, &records[3], &hole)); /* 2 and 3 are not there */
    CHECK(hole.first == 2 && hole.last == 3 && hole.acknowledged == 0);
    CHECK_OK(hin_evidence_chain_add(&chain, &records[4], NULL));
    struct hin_evidence record = sample(&in);
    record.number = 6;
    CHECK_OK(hin_evidence_loss_put(&loss, &text, &record));
    CHECK(!hin_evidence_closes(&record, &hole)); /* another hash */
    hin_copy(loss.hash, hole.hash, sizeof(loss.hash));
    hin_buf_clear(&text);
    CHECK_OK(hin_evidence_loss_put(&loss, &text, &record));
    CHECK(hin_evidence_closes(&record, &hole));
    hole.last = 2;
    CHECK(!hin_evidence_closes(&record, &hole));
    /* The one before is there, and is another than this one names. */
    chain = (struct hin_evidence_chain){.number = 3};
    CHECK_OK(hin_evidence_chain_jump(&chain, &records[3], &hole));
    CHECK(hole.first == 3 && hole.last == 3);
}

/* An authority that took over is known by the first one's fingerprint, not the other way round. */
TEST(test_proof_evidence__holds_by_the_fingerprint_of_the_authority_before)
{
    HIN_CLEANUP(hin_x509_key_freep) struct hin_x509_key *first = NULL, *second = NULL;
    HIN_CLEANUP(uninstall) struct installation in = {0};
    HIN_CLEANUP(hin_buf_done) struct hin_buf old = {.max = HIN_X509_MAX_BYTES};
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = 1024};
    HIN_CLEANUP(hin_buf_done) struct hin_buf file = {.max = HIN_EVIDENCE_FILE_MAX};
    struct hin_x509_validity validity = {0, INT64_C(4000000000000000)};
    struct hin_key_statement about = {.time_usec = 5};
    struct hin_error error;
    char fingerprint[HIN_SHA256_HEX_BYTES], stranger[HIN_SHA256_HEX_BYTES];
    CHECK_OK(install(&in));
    snprintf(stranger, sizeof(stranger), "%s", in.fingerprint);
    CHECK_OK(hin_x509_key_generate(&first));
    CHECK_OK(hin_x509_key_generate(&second));
    CHECK_OK(hin_x509_ca_new(first, "test", &validity, &old));
    CHECK_OK(hin_x509_fingerprint(hin_buf_view(&old), fingerprint));
    hin_buf_clear(&in.der);
    hin_buf_clear(&in.key);
    struct hin_x509_issuer former = {hin_buf_view(&old), first};
    CHECK_OK(hin_x509_ca_succeed(second, "test", &validity, &former, &in.der));
    CHECK_OK(hin_x509_fingerprint(hin_buf_view(&in.der), in.fingerprint));
    CHECK_OK(hin_sha256(hin_buf_view(&in.der), in.digest));
    hin_copy(about.authority, in.digest, sizeof(about.authority));
    CHECK_OK(hin_sign_public(&in.seed, about.public_key));
    CHECK_OK(hin_key_statement_encode(&about, &in.key));
    CHECK_OK(hin_key_statement_text(hin_buf_view(&in.key), &text));
    CHECK_OK(hin_x509_sign(second, hin_buf_view(&text), &in.key));
    struct hin_evidence evidence = sample(&in);
    CHECK_OK(issue(&in, HIN_EVIDENCE_DOMAIN, &evidence, &file));
    CHECK_INT(judge(hin_buf_view(&file), in.fingerprint, &error), HIN_OK);
    CHECK_INT(judge(hin_buf_view(&file), fingerprint, &error), HIN_OK);
    CHECK_INT(judge(hin_buf_view(&file), stranger, &error), HIN_AUTH);
    /* It names the authority that signed, not the one before. */
    CHECK_OK(hin_sha256(hin_buf_view(&old), evidence.installation));
    hin_buf_clear(&file);
    CHECK_OK(issue(&in, HIN_EVIDENCE_DOMAIN, &evidence, &file));
    CHECK_INT(judge(hin_buf_view(&file), fingerprint, &error), HIN_AUTH);
}

/* ---- many ---- */

struct shelf {
    struct installation in;
    struct hin_buf files[6];
    struct hin_evidence records[6];
};

static void shelf_done(struct shelf *shelf)
{
    uninstall(&shelf->in);
    for (size_t i = 0; i < 6; i++) {
        hin_buf_done(&shelf->files[i]);
    }
}

static HIN_RESULT fill(struct shelf *shelf)
{
    HIN_TRY(install(&shelf->in));
    for (size_t i = 0; i < 6; i++) {
        shelf->records[i] = sample(&shelf->in);
        shelf->files[i] = (struct hin_buf){.max = HIN_EVIDENCE_FILE_MAX};
    }
    HIN_TRY(link_up(shelf->records, 6));
    for (size_t i = 0; i < 6; i++) {
        HIN_TRY(issue(&shelf->in, HIN_EVIDENCE_DOMAIN, &shelf->records[i], &shelf->files[i]));
    }
    return hin_ok();
}

/* The records of these numbers, in this order, as one file. */
static enum hin_code judge_series(struct shelf *shelf, const char *numbers,
                                  struct hin_series_verdict *verdict, struct hin_error *error)
{
    HIN_CLEANUP(hin_series_done) struct hin_series series = {0};
    HIN_CLEANUP(hin_buf_done) struct hin_buf file = {.max = 1 << 20};
    *error = (struct hin_error){0};
    for (const char *at = numbers; *at != '\0'; at++) {
        HIN_IGNORE(hin_buf_append(&file, hin_buf_view(&shelf->files[*at - '1']))); /* it is seen */
    }
    struct hin_result read = hin_series_read(&series, hin_buf_view(&file),
                                             hin_view_from_text(shelf->in.fingerprint), error);
    return hin_is_ok(read) ? hin_series_judge(&series, verdict, error).code : read.code;
}

TEST(test_proof_series__tampered_reordered_and_missing_records_are_seen)
{
    HIN_CLEANUP(shelf_done) struct shelf shelf = {0};
    struct hin_series_verdict verdict;
    struct hin_error error;
    CHECK_OK(fill(&shelf));
    CHECK_INT(judge_series(&shelf, "123456", &verdict, &error), HIN_OK);
    CHECK(verdict.first == 1 && verdict.last == 6 && verdict.count == 6 && verdict.hole_count == 0);
    CHECK_INT(judge_series(&shelf, "642135", &verdict, &error), HIN_OK); /* order is no matter */
    CHECK_INT(judge_series(&shelf, "3343", &verdict, &error), HIN_OK);   /* nor are copies */
    CHECK(verdict.first == 3 && verdict.last == 4 && verdict.count == 2);
    CHECK_INT(judge_series(&shelf, "12356", &verdict, &error), HIN_CORRUPT);
    CHECK(strstr(error.text, "evidence 4 is missing: the one after 3 is 5") != NULL);
    CHECK(judge_series(&shelf, "", &verdict, &error) != HIN_OK);
    shelf.records[3].outcome = HIN_EVIDENCE_PROVEN; /* signed anew, by the same key */
    struct hin_buf kept = shelf.files[3];
    shelf.files[3] = (struct hin_buf){.max = HIN_EVIDENCE_FILE_MAX};
    CHECK_OK(issue(&shelf.in, HIN_EVIDENCE_DOMAIN, &shelf.records[3], &shelf.files[3]));
    CHECK_INT(judge_series(&shelf, "1234", &verdict, &error), HIN_OK); /* so far nobody can tell */
    CHECK_INT(judge_series(&shelf, "12345", &verdict, &error), HIN_CORRUPT);
    CHECK(strstr(error.text, "5 names another record") != NULL);
    hin_buf_done(&shelf.files[2]);
    shelf.files[2] = kept;
    CHECK_INT(judge_series(&shelf, "34", &verdict, &error), HIN_CORRUPT);
    CHECK(strstr(error.text, "two different records with number 4") != NULL);
    shelf.files[1].data[shelf.files[1].size / 2] ^= 1;
    CHECK(judge_series(&shelf, "12", &verdict, &error) != HIN_OK);
    CHECK(strstr(error.text, "record 2 of the file") == error.text);
}

TEST(test_proof_series__a_hole_is_closed_by_a_record_among_them)
{
    HIN_CLEANUP(shelf_done) struct shelf shelf = {0};
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = 4096};
    HIN_CLEANUP(hin_buf_done) struct hin_buf statement = {.max = HIN_EVIDENCE_STATEMENT_MAX};
    struct hin_evidence_loss loss = sample_loss();
    struct hin_series_verdict verdict;
    struct hin_error error;
    CHECK_OK(fill(&shelf));
    CHECK_OK(hin_evidence_encode(&shelf.records[2], &statement));
    CHECK_OK(hin_evidence_hash(hin_buf_view(&statement), loss.hash));
    CHECK_OK(hin_evidence_loss_put(&loss, &text, &shelf.records[5]));
    hin_buf_clear(&shelf.files[5]);
    CHECK_OK(issue(&shelf.in, HIN_EVIDENCE_DOMAIN, &shelf.records[5], &shelf.files[5]));
    CHECK_INT(judge_series(&shelf, "1456", &verdict, &error), HIN_OK);
    CHECK(verdict.hole_count == 1 && verdict.holes[0].first == 2 && verdict.holes[0].last == 3 &&
          verdict.holes[0].number == 6 && strcmp(verdict.holes[0].by, "ada") == 0);
    CHECK_INT(judge_series(&shelf, "145", &verdict, &error), HIN_CORRUPT); /* not among them */
    CHECK_INT(judge_series(&shelf, "156", &verdict, &error), HIN_CORRUPT); /* more is missing */
    CHECK_INT(judge_series(&shelf, "1356", &verdict, &error), HIN_CORRUPT);
    CHECK_INT(judge_series(&shelf, "123456", &verdict, &error), HIN_OK); /* found again */
    CHECK_INT((int)verdict.hole_count, 0);
}
