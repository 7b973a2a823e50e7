#include "harness.h"

#include "base/bytes.h"
#include "crypt/sign.h"
#include "policy/bundle.h"

struct fixture {
    struct hin_secret seed;
    struct hin_buf key;
    struct hin_buf bundle;
    struct hin_arena arena;
};

static const struct hin_policy_file files[] = {
    {HIN_POLICY_FILE_DECODER,
     {(const uint8_t *)"decoder.xml", 11},
     {(const uint8_t *)"<decoder/>", 10}},
    {HIN_POLICY_FILE_RULE, {(const uint8_t *)"a_rules.xml", 11}, {(const uint8_t *)"<group/>", 8}},
};
static const struct hin_policy_log logs[] = {
    {{(const uint8_t *)"/var/log/*.log", 14}, {(const uint8_t *)"syslog", 6}},
    {{(const uint8_t *)"journald", 8}, {NULL, 0}},
};
static const struct hin_policy_content content = {true, files, 2, logs, 2};

static HIN_RESULT fixture_make(struct fixture *fixture, uint64_t version)
{
    struct hin_buf body;
    struct hin_buf manifest;
    struct hin_buf message;
    struct hin_policy_manifest head = {
        .version = version, .tenant = "tenant", .agent = "agent", .policy = 7};
    uint8_t public_key[HIN_SIGN_PUBLIC_BYTES];
    uint8_t signature[HIN_SIGN_BYTES];
    hin_buf_init(&body, 1 << 20);
    hin_buf_init(&manifest, 4096);
    hin_buf_init(&fixture->key, 4096);
    hin_buf_init(&fixture->bundle, 1 << 20);
    hin_arena_init(&fixture->arena, 1 << 20);
    HIN_TRY(hin_sign_generate(&fixture->seed));
    HIN_TRY(hin_sign_public(&fixture->seed, public_key));
    HIN_TRY(hin_policy_key_encode(public_key, &fixture->key));
    HIN_TRY(hin_policy_content_encode(&content, &body));
    HIN_TRY(hin_policy_content_digest(hin_buf_view(&body), head.content_digest));
    HIN_TRY(hin_policy_manifest_encode(&head, &manifest));
    hin_buf_init(&message, 4096);
    HIN_TRY(hin_buf_append_text(&message, HIN_POLICY_SIGNING_DOMAIN));
    HIN_TRY(hin_buf_append(&message, hin_buf_view(&manifest)));
    HIN_TRY(hin_sign(&fixture->seed, hin_buf_view(&message), signature));
    hin_buf_done(&message);
    HIN_TRY(hin_policy_bundle_assemble(hin_buf_view(&manifest), signature, hin_buf_view(&body),
                                       &fixture->bundle));
    hin_buf_done(&body);
    hin_buf_done(&manifest);
    return hin_ok();
}

static void fixture_done(struct fixture *fixture)
{
    hin_secret_done(&fixture->seed);
    hin_buf_done(&fixture->key);
    hin_buf_done(&fixture->bundle);
    hin_arena_done(&fixture->arena);
}

static struct hin_result verify(struct fixture *fixture, struct hin_policy_bundle *ret_bundle)
{
    return hin_policy_bundle_verify(hin_buf_view(&fixture->bundle), hin_buf_view(&fixture->key),
                                    &fixture->arena, ret_bundle);
}

TEST(test_policy_bundle__decodes_what_was_signed)
{
    struct fixture fixture = {0};
    struct hin_policy_bundle got;
    CHECK_OK(fixture_make(&fixture, 5));
    CHECK_OK(verify(&fixture, &got));
    CHECK_INT(got.manifest.version, 5);
    CHECK_INT(got.manifest.policy, 7);
    CHECK(got.content.log_inspection);
    CHECK_INT(got.content.file_count, 2);
    CHECK_INT(got.content.files[1].kind, HIN_POLICY_FILE_RULE);
    CHECK_VIEW(got.content.files[1].name, "a_rules.xml");
    CHECK_VIEW(got.content.files[0].text, "<decoder/>");
    CHECK_INT(got.content.log_count, 2);
    CHECK_VIEW(got.content.logs[0].location, "/var/log/*.log");
    CHECK_VIEW(got.content.logs[1].location, HIN_POLICY_LOCATION_JOURNAL);
    fixture_done(&fixture);
}

TEST(test_policy_bundle__every_flipped_bit_is_noticed)
{
    struct fixture fixture = {0};
    struct hin_policy_bundle got;
    CHECK_OK(fixture_make(&fixture, 5));
    for (size_t i = 0; i < fixture.bundle.size; i++) {
        fixture.bundle.data[i] ^= 0x10;
        enum hin_code code = verify(&fixture, &got).code;
        CHECK_INT(code, i < HIN_POLICY_MANIFEST_BYTES + HIN_POLICY_SIGNATURE_BYTES ? HIN_AUTH
                                                                                   : HIN_CORRUPT);
        fixture.bundle.data[i] ^= 0x10;
    }
    fixture_done(&fixture);
}

TEST(test_policy_bundle__rejects_truncation_and_foreign_keys)
{
    struct fixture fixture = {0};
    struct fixture other = {0};
    struct hin_policy_bundle got;
    CHECK_OK(fixture_make(&fixture, 5));
    CHECK_OK(fixture_make(&other, 5));
    CHECK_CODE(hin_policy_bundle_verify(hin_buf_view(&fixture.bundle), hin_buf_view(&other.key),
                                        &fixture.arena, &got),
               AUTH);
    for (size_t size = 0; size < fixture.bundle.size; size++) {
        struct hin_view part = hin_view_of(fixture.bundle.data, size);
        CHECK(
            hin_policy_bundle_verify(part, hin_buf_view(&fixture.key), &fixture.arena, &got).code !=
            HIN_OK);
    }
    struct hin_view cut_key = hin_view_of(fixture.key.data, fixture.key.size - 1);
    CHECK_CODE(
        hin_policy_bundle_verify(hin_buf_view(&fixture.bundle), cut_key, &fixture.arena, &got),
        SYNTAX);
    fixture_done(&fixture);
    fixture_done(&other);
}

TEST(test_policy_bundle__accepts_only_its_agent_and_no_rollback)
{
    struct fixture fixture = {0};
    struct hin_policy_bundle got;
    uint8_t tenant[16] = "tenant";
    uint8_t agent[16] = "agent";
    CHECK_OK(fixture_make(&fixture, 5));
    CHECK_OK(verify(&fixture, &got));
    CHECK_OK(hin_policy_bundle_accept(&got, tenant, agent, 5));
    CHECK_CODE(hin_policy_bundle_accept(&got, tenant, agent, 6), CONFLICT);
    agent[0]++;
    CHECK_CODE(hin_policy_bundle_accept(&got, tenant, agent, 0), DENIED);
    agent[0]--;
    tenant[15] = 1;
    CHECK_CODE(hin_policy_bundle_accept(&got, tenant, agent, 0), DENIED);
    fixture_done(&fixture);
}

TEST(test_policy_bundle__encoder_refuses_what_the_decoder_would)
{
    static const char *const bad_locations[] = {"",      "/",      "relative", "/a/../b",
                                                "/a//b", "/a/./b", "/a\nb",    "journal"};
    static const char *const bad_names[] = {"", "a/b", "..", ".hidden", "a\nb"};
    struct hin_buf out;
    hin_buf_init(&out, 4096);
    for (size_t i = 0; i < HIN_COUNT(bad_locations); i++) {
        struct hin_policy_log log = {hin_view_from_text(bad_locations[i]), HIN_VIEW_EMPTY};
        struct hin_policy_content bad = {true, NULL, 0, &log, 1};
        CHECK_CODE(hin_policy_content_encode(&bad, &out), INVALID);
    }
    for (size_t i = 0; i < HIN_COUNT(bad_names); i++) {
        struct hin_policy_file file = {HIN_POLICY_FILE_RULE, hin_view_from_text(bad_names[i]),
                                       HIN_VIEW_EMPTY};
        struct hin_policy_content bad = {true, &file, 1, NULL, 0};
        CHECK_CODE(hin_policy_content_encode(&bad, &out), INVALID);
    }
    hin_buf_done(&out);
}

TEST(test_policy_bundle__refuses_a_newer_format_by_name)
{
    struct hin_buf bytes;
    struct hin_policy_manifest manifest = {.version = 1};
    struct hin_policy_manifest got;
    hin_buf_init(&bytes, 4096);
    CHECK_OK(hin_policy_manifest_encode(&manifest, &bytes));
    CHECK_OK(hin_policy_manifest_decode(hin_buf_view(&bytes), &got));
    bytes.data[4] = HIN_POLICY_FORMAT + 1;
    CHECK_CODE(hin_policy_manifest_decode(hin_buf_view(&bytes), &got), UNSUPPORTED);
    bytes.data[0] = 'X';
    CHECK_CODE(hin_policy_manifest_decode(hin_buf_view(&bytes), &got), PROTOCOL);
    hin_buf_done(&bytes);
}
