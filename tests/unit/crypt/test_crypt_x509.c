#include "crypt/x509.h"

#include <string.h>

#include "base/bytes.h"
#include "base/time.h"
#include "harness.h"

#define NOW_USEC (INT64_C(1800000000) * HIN_SEC_USEC)
#define YEAR     (365 * HIN_DAY_USEC)
#define AGENT    "0e9b1c7e-1d1f-4a52-9c39-0d5d9f8f0a11"

struct office {
    struct hin_x509_key *ca_key, *key;
    struct hin_buf ca, request, certificate;
};

static const struct hin_x509_validity validity = {NOW_USEC - HIN_DAY_USEC, NOW_USEC + YEAR};

static void office_done(struct office *office)
{
    hin_x509_key_free(office->ca_key);
    hin_x509_key_free(office->key);
    hin_buf_done(&office->ca);
    hin_buf_done(&office->request);
    hin_buf_done(&office->certificate);
}

static HIN_RESULT office_build(struct office *office)
{
    office->ca.max = office->request.max = office->certificate.max = HIN_X509_MAX_BYTES;
    HIN_TRY(hin_x509_key_generate(&office->ca_key));
    HIN_TRY(hin_x509_key_generate(&office->key));
    HIN_TRY(hin_x509_ca_new(office->ca_key, "Test CA", &validity, &office->ca));
    return hin_x509_request_new(office->key, "whatever it asks", &office->request);
}

static struct hin_x509_issuer issuer_of(const struct office *office)
{
    return (struct hin_x509_issuer){hin_buf_view(&office->ca), office->ca_key};
}

#define OFFICE(name)                                                                               \
    HIN_CLEANUP(office_done) struct office name = {0};                                             \
    CHECK_OK(office_build(&name));                                                                 \
    HIN_UNUSED struct hin_x509_issuer issuer = issuer_of(&name)

TEST(test_crypt_x509__agent_certificate_says_who_it_is)
{
    OFFICE(office);
    struct hin_x509_info info;
    uint8_t key_id[HIN_SHA256_BYTES];
    struct hin_x509_validity longer = {NOW_USEC, NOW_USEC + 30 * YEAR};
    CHECK_OK(hin_x509_issue_agent(&issuer, hin_buf_view(&office.request), "tenant.one", AGENT,
                                  &longer, &office.certificate));
    CHECK_OK(hin_x509_parse(hin_buf_view(&office.certificate), &info));
    CHECK_INT(info.kind, HIN_X509_AGENT);
    CHECK(strcmp(info.tenant, "tenant.one") == 0 && strcmp(info.agent, AGENT) == 0);
    CHECK_INT(strlen(info.serial), 32);
    CHECK_INT(info.validity.not_before_usec, NOW_USEC);
    CHECK_INT(info.validity.not_after_usec, validity.not_after_usec); /* cut to the authority's */
    CHECK_OK(hin_x509_key_id(office.key, key_id));
    CHECK(memcmp(key_id, info.key_id, sizeof(key_id)) == 0);
    struct hin_view der = hin_buf_view(&office.certificate), ca = hin_buf_view(&office.ca);
    CHECK_OK(hin_x509_verify(der, ca, HIN_X509_AGENT, NOW_USEC));
    CHECK_CODE(hin_x509_verify(der, ca, HIN_X509_SERVER, NOW_USEC), AUTH);
    CHECK_CODE(hin_x509_verify(der, ca, HIN_X509_AGENT, NOW_USEC + 2 * YEAR), EXPIRED);
    CHECK_CODE(hin_x509_verify(der, ca, HIN_X509_AGENT, NOW_USEC - YEAR), AUTH);
}

TEST(test_crypt_x509__verifies_against_its_own_authority_only)
{
    OFFICE(office);
    HIN_CLEANUP(office_done) struct office other = {0};
    CHECK_OK(office_build(&other));
    CHECK_OK(hin_x509_issue_agent(&issuer, hin_buf_view(&office.request), "t", "a", &validity,
                                  &office.certificate));
    CHECK_CODE(hin_x509_verify(hin_buf_view(&office.certificate), hin_buf_view(&other.ca),
                               HIN_X509_AGENT, NOW_USEC),
               AUTH);
    issuer.key = other.ca_key; /* another's key under our authority's name */
    hin_buf_clear(&office.certificate);
    CHECK_CODE(hin_x509_issue_agent(&issuer, hin_buf_view(&office.request), "t", "a", &validity,
                                    &office.certificate),
               INVALID);
    CHECK_INT(office.certificate.size, 0);
}

TEST(test_crypt_x509__refuses_names_that_could_mean_something)
{
    OFFICE(office);
    static const char *const bad[] = {
        "",
        "a:agent:b",
        "a,b",
        "a b",
        "a/b",
        "x\n",
        "0123456789012345678901234567890123456789012345678901234567890123"};
    for (size_t i = 0; i < HIN_COUNT(bad); i++) {
        CHECK_CODE(hin_x509_issue_agent(&issuer, hin_buf_view(&office.request), bad[i], AGENT,
                                        &validity, &office.certificate),
                   INVALID);
        CHECK_CODE(hin_x509_issue_agent(&issuer, hin_buf_view(&office.request), "t", bad[i],
                                        &validity, &office.certificate),
                   INVALID);
        if (strlen(bad[i]) < 60) {
            const char *names[] = {bad[i]};
            CHECK_CODE(hin_x509_issue_server(&issuer, hin_buf_view(&office.request), names, 1,
                                             &validity, &office.certificate),
                       INVALID);
        }
    }
}

TEST(test_crypt_x509__a_request_proves_possession)
{
    OFFICE(office);
    CHECK_OK(hin_x509_request_check(hin_buf_view(&office.request), NULL));
    size_t refused = 0;
    for (size_t i = 0; i < office.request.size; i++) {
        office.request.data[i] ^= 0x04;
        refused += !hin_is_ok(hin_x509_request_check(hin_buf_view(&office.request), NULL));
        office.request.data[i] ^= 0x04;
    }
    CHECK_INT(refused, office.request.size);
    CHECK_OK(hin_buf_append_byte(&office.request, 0));
    CHECK_CODE(hin_x509_request_check(hin_buf_view(&office.request), NULL), SYNTAX);
    CHECK_CODE(hin_x509_request_check(HIN_VIEW_EMPTY, NULL), SYNTAX);
    CHECK_CODE(hin_x509_request_check(hin_buf_view(&office.ca), NULL), SYNTAX);
}

TEST(test_crypt_x509__keys_and_certificates_go_out_and_in)
{
    OFFICE(office);
    HIN_CLEANUP(hin_secret_done) struct hin_secret der = {0};
    HIN_CLEANUP(hin_x509_key_freep) struct hin_x509_key *back = NULL;
    HIN_CLEANUP(hin_buf_done) struct hin_buf pem = {.max = 65536};
    HIN_CLEANUP(hin_buf_done) struct hin_buf again = {.max = 65536};
    uint8_t a[HIN_SHA256_BYTES], b[HIN_SHA256_BYTES];
    CHECK_OK(hin_x509_key_export(office.key, &der));
    CHECK_OK(hin_x509_key_import(&back, hin_secret_view(&der)));
    CHECK_OK(hin_x509_key_id(office.key, a));
    CHECK_OK(hin_x509_key_id(back, b));
    CHECK(memcmp(a, b, sizeof(a)) == 0);
    struct hin_x509_key *none = NULL;
    CHECK_CODE(hin_x509_key_import(&none, HIN_VIEW("nonsense")), SYNTAX);
    CHECK_OK(hin_x509_to_pem(hin_buf_view(&office.ca), &pem));
    CHECK(hin_view_starts_with(hin_buf_view(&pem), HIN_VIEW("-----BEGIN CERTIFICATE-----")));
    CHECK_OK(hin_x509_from_pem(hin_buf_view(&pem), &again));
    CHECK(hin_view_equal(hin_buf_view(&again), hin_buf_view(&office.ca)));
    CHECK_CODE(hin_x509_from_pem(HIN_VIEW("-----BEGIN CERTIFICATE-----\nAAAA\n"), &again), SYNTAX);
}

/* RFC 8410, section 10.3: an Ed25519 key, which our policy does not take. */
TEST(test_crypt_x509__refuses_keys_of_other_kinds)
{
    static const uint8_t ed25519[] = {0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b,
                                      0x65, 0x70, 0x04, 0x22, 0x04, 0x20, 0xd4, 0xee, 0x72, 0xdb,
                                      0xf9, 0x13, 0x58, 0x4a, 0xd5, 0xb6, 0xd8, 0xf1, 0xf7, 0x69,
                                      0xf8, 0xad, 0x3a, 0xfe, 0x7c, 0x28, 0xcb, 0xf1, 0xd4, 0xfb,
                                      0xe0, 0x97, 0xa8, 0x8f, 0x44, 0x75, 0x58, 0x42};
    struct hin_x509_key *none = NULL;
    CHECK_CODE(hin_x509_key_import(&none, hin_view_of(ed25519, sizeof(ed25519))), UNSUPPORTED);
}

static HIN_RESULT succeed(const struct office *former, const struct hin_x509_key *key,
                          struct hin_buf *ret_der)
{
    struct hin_x509_issuer by = issuer_of(former);
    return hin_x509_ca_succeed(key, "Test CA, the next", &validity, &by, ret_der);
}

TEST(test_crypt_x509__an_heir_is_known_by_every_authority_before_it)
{
    OFFICE(one);
    HIN_CLEANUP(office_done) struct office two = {0}, three = {0}, stranger = {0};
    struct hin_x509_info info, heir;
    uint8_t first[HIN_SHA256_BYTES], second[HIN_SHA256_BYTES], other[HIN_SHA256_BYTES];
    CHECK_OK(office_build(&two));
    CHECK_OK(office_build(&three));
    CHECK_OK(office_build(&stranger));
    hin_buf_clear(&two.ca);
    hin_buf_clear(&three.ca);
    CHECK_OK(succeed(&one, two.ca_key, &two.ca));
    CHECK_OK(succeed(&two, three.ca_key, &three.ca));
    CHECK_OK(hin_sha256(hin_buf_view(&one.ca), first));
    CHECK_OK(hin_sha256(hin_buf_view(&two.ca), second));
    CHECK_OK(hin_sha256(hin_buf_view(&stranger.ca), other));
    CHECK_OK(hin_x509_succeeds(hin_buf_view(&one.ca), first));
    CHECK_OK(hin_x509_succeeds(hin_buf_view(&two.ca), first));
    CHECK_OK(hin_x509_succeeds(hin_buf_view(&three.ca), first));
    CHECK_OK(hin_x509_succeeds(hin_buf_view(&three.ca), second));
    CHECK_CODE(hin_x509_succeeds(hin_buf_view(&one.ca), second), AUTH); /* not backwards */
    CHECK_CODE(hin_x509_succeeds(hin_buf_view(&three.ca), other), AUTH);
    CHECK_CODE(hin_x509_succeeds(hin_buf_view(&stranger.ca), first), AUTH);
    CHECK_CODE(hin_x509_succeeds(HIN_VIEW("no certificate"), first), AUTH);
    /* It issues as any authority does, and says so in what it issues. */
    struct hin_x509_issuer by = issuer_of(&two);
    CHECK_OK(hin_x509_issue_agent(&by, hin_buf_view(&one.request), "t", AGENT, &validity,
                                  &one.certificate));
    CHECK_OK(hin_x509_verify(hin_buf_view(&one.certificate), hin_buf_view(&two.ca), HIN_X509_AGENT,
                             NOW_USEC));
    CHECK_CODE(hin_x509_verify(hin_buf_view(&one.certificate), hin_buf_view(&one.ca),
                               HIN_X509_AGENT, NOW_USEC),
               AUTH);
    CHECK_OK(hin_x509_parse(hin_buf_view(&one.certificate), &info));
    CHECK_OK(hin_x509_parse(hin_buf_view(&two.ca), &heir));
    CHECK_INT(heir.kind, HIN_X509_CA);
    CHECK(strlen(info.authority) == 40 && strcmp(info.authority, heir.authority) == 0);
}

TEST(test_crypt_x509__nobody_becomes_an_heir_by_himself)
{
    OFFICE(one);
    HIN_CLEANUP(office_done) struct office thief = {0};
    HIN_CLEANUP(hin_buf_done) struct hin_buf der = {.max = HIN_X509_MAX_BYTES};
    uint8_t first[HIN_SHA256_BYTES];
    CHECK_OK(office_build(&thief));
    CHECK_OK(hin_sha256(hin_buf_view(&one.ca), first));
    /* With another key than the former authority's. */
    struct hin_x509_issuer by = {hin_buf_view(&one.ca), thief.ca_key};
    CHECK_CODE(hin_x509_ca_succeed(thief.key, "Thief", &validity, &by, &der), AUTH);
    /* Every altered byte of a real one makes it another's or none. */
    CHECK_OK(succeed(&one, one.key, &der));
    size_t taken = 0;
    for (size_t i = 0; i < der.size; i++) {
        der.data[i] ^= 1;
        struct hin_x509_info info;
        bool same_key = false;
        struct hin_result judged = hin_x509_succeeds(hin_buf_view(&der), first);
        if (hin_is_ok(judged) && hin_is_ok(hin_x509_parse(hin_buf_view(&der), &info))) {
            uint8_t id[HIN_SHA256_BYTES];
            CHECK_OK(hin_x509_key_id(one.key, id));
            same_key = memcmp(id, info.key_id, sizeof(id)) == 0;
            CHECK(same_key); /* the key that was vouched for, whatever stands around it */
            taken++;
        }
        der.data[i] ^= 1;
    }
    CHECK(taken < der.size / 2);
}

TEST(test_crypt_x509__the_line_of_heirs_ends_before_it_is_too_long_for_the_wire)
{
    OFFICE(office);
    size_t count = 0;
    struct hin_result made = hin_ok();
    while (hin_is_ok(made) && count < 100) {
        HIN_CLEANUP(hin_buf_done) struct hin_buf next = {.max = HIN_X509_MAX_BYTES};
        made = succeed(&office, office.ca_key, &next);
        if (hin_is_ok(made)) {
            count++;
            CHECK(next.size <= HIN_X509_SUCCESSOR_MAX_BYTES);
            hin_buf_clear(&office.ca);
            CHECK_OK(hin_buf_append(&office.ca, hin_buf_view(&next)));
        }
    }
    CHECK_CODE(made, LIMIT);
    CHECK(count >= 10 && count < 16);
}
