/* The table of links, tallies, and the probe against servers that are as they should be, and that
 * are not. */
#include "crypt/link.h"

#include <openssl/ssl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bytes.h"
#include "crypt/tls.h"
#include "harness.h"

TEST(test_crypt_link__every_row_is_whole_and_states_what_it_must)
{
    for (size_t i = 0; i < HIN_LINK_COUNT; i++) {
        const struct hin_link *link = &hin_links[i];
        CHECK(link->name != NULL && link->from != NULL && link->to != NULL);
        CHECK(link->protocol != NULL && link->proof != NULL && link->file != NULL);
        CHECK(link->tls == (link->suites != NULL) && link->tls == (link->groups != NULL));
        CHECK(link->tls == (link->signatures != NULL));
        CHECK((link->suites_1_2 != NULL) == (link->tls && link->minimum == HIN_TLS_1_2));
        for (size_t j = 0; j < i; j++) {
            CHECK(strcmp(link->name, hin_links[j].name) != 0);
        }
    }
}

/* Requirement: AEAD suites with forward secrecy and nothing else, as OpenSSL understands them. */
TEST(test_crypt_link__only_aead_suites_with_forward_secrecy)
{
    for (size_t i = 0; i < HIN_LINK_COUNT; i++) {
        const struct hin_link *link = &hin_links[i];
        if (!link->tls) {
            continue;
        }
        SSL_CTX *context = SSL_CTX_new(TLS_client_method());
        CHECK(SSL_CTX_set_ciphersuites(context, link->suites) == 1);
        CHECK(SSL_CTX_set_cipher_list(context, link->suites_1_2 != NULL
                                                   ? link->suites_1_2
                                                   : "ECDHE-ECDSA-AES256-GCM-SHA384") == 1);
        STACK_OF(SSL_CIPHER) *suites = SSL_CTX_get_ciphers(context);
        CHECK(sk_SSL_CIPHER_num(suites) > 0);
        for (int n = 0; n < sk_SSL_CIPHER_num(suites); n++) {
            const SSL_CIPHER *suite = sk_SSL_CIPHER_value(suites, n);
            int exchange = SSL_CIPHER_get_kx_nid(suite);
            CHECK(SSL_CIPHER_is_aead(suite) == 1);
            CHECK(exchange == NID_kx_ecdhe || exchange == NID_kx_any);
        }
        SSL_CTX_free(context);
    }
}

TEST(test_crypt_link__permits_what_the_row_says)
{
    const struct hin_link *own = &hin_links[HIN_LINK_API], *others = &hin_links[HIN_LINK_DATABASE];
    CHECK(hin_link_permits(own, "TLSv1.3", "TLS_AES_128_GCM_SHA256", "X25519"));
    CHECK(hin_link_permits(own, "TLSv1.3", "TLS_AES_128_GCM_SHA256", NULL));
    CHECK(!hin_link_permits(own, "TLSv1.3", "TLS_AES_128_GCM_SHA256", "P-521"));
    CHECK(!hin_link_permits(own, "TLSv1.3", "TLS_AES_128_CCM_SHA256", "X25519"));
    CHECK(!hin_link_permits(own, "TLSv1.2", "ECDHE-RSA-AES256-GCM-SHA384", "X25519"));
    CHECK(hin_link_permits(others, "TLSv1.2", "ECDHE-RSA-AES256-GCM-SHA384", "X25519"));
    CHECK(!hin_link_permits(others, "TLSv1.2", "AES256-SHA", NULL));
    CHECK(!hin_link_permits(others, "TLSv1.1", "ECDHE-RSA-AES256-GCM-SHA384", NULL));
    CHECK(!hin_link_permits(others, "", "", NULL));
    CHECK(!hin_link_permits(&hin_links[HIN_LINK_CLOCK], "TLSv1.3", "TLS_AES_128_GCM_SHA256", NULL));
}

TEST(test_crypt_link__tallies_name_what_they_count)
{
    struct hin_tls_tally tally = {0}, sum = {0};
    CHECK(hin_view_is(hin_tally_version(HIN_TALLY_VERSIONS - 1), "other"));
    CHECK(hin_view_is(hin_tally_suite(HIN_TALLY_SUITES - 1), "other"));
    CHECK(!hin_view_is(hin_tally_suite(HIN_TALLY_SUITES - 2), "other"));
    CHECK(hin_view_is(hin_tally_group(HIN_TALLY_GROUPS - 1), "other"));
    CHECK(!hin_view_is(hin_tally_group(HIN_TALLY_GROUPS - 2), "other"));
    hin_tls_tally_add(&tally, "TLSv1.3", "TLS_AES_256_GCM_SHA384", "P-384", true);
    hin_tls_tally_add(&tally, "TLSv1.1", "AES256-SHA", NULL, false);
    hin_tls_tally_sum(&sum, &tally);
    hin_tls_tally_sum(&sum, &tally);
    CHECK(sum.sessions == 4 && sum.resumed == 2);
    CHECK(sum.versions[0] == 2 && sum.versions[1] == 0 && sum.versions[2] == 2);
    CHECK(sum.suites[0] == 2 && sum.suites[HIN_TALLY_SUITES - 1] == 2);
    CHECK(sum.groups[2] == 2 && sum.groups[HIN_TALLY_GROUPS - 1] == 0);
}

/* ---- the probe ---- */

struct server {
    struct hin_x509_key *ca_key, *key;
    struct hin_buf ca, certificate;
    struct hin_tls *tls; /* as its row has it */
};

static void server_done(struct server *server)
{
    hin_tls_free(server->tls);
    hin_x509_key_free(server->ca_key);
    hin_x509_key_free(server->key);
    hin_buf_done(&server->ca);
    hin_buf_done(&server->certificate);
}

static HIN_RESULT server_make(struct server *server, enum hin_link_id link)
{
    static const char *const names[] = {"manager.example"};
    HIN_CLEANUP(hin_buf_done) struct hin_buf request = {.max = 4096};
    int64_t now_usec = hin_clock_wall_usec(hin_clock_system());
    struct hin_x509_validity validity = {now_usec - HIN_DAY_USEC, now_usec + HIN_DAY_USEC};
    server->ca.max = server->certificate.max = HIN_X509_MAX_BYTES;
    HIN_TRY(hin_x509_key_generate(&server->ca_key));
    HIN_TRY(hin_x509_key_generate(&server->key));
    HIN_TRY(hin_x509_ca_new(server->ca_key, "Hinomi test", &validity, &server->ca));
    struct hin_x509_issuer issuer = {hin_buf_view(&server->ca), server->ca_key};
    HIN_TRY(hin_x509_request_new(server->key, "manager", &request));
    HIN_TRY(hin_x509_issue_server(&issuer, hin_buf_view(&request), names, 1, &validity,
                                  &server->certificate));
    struct hin_tls_options options = {.role = HIN_TLS_API_SERVER,
                                      .link = &hin_links[link],
                                      .certificate = hin_buf_view(&server->certificate),
                                      .key = server->key,
                                      .ca = hin_buf_view(&server->ca)};
    return hin_tls_new(&server->tls, &options);
}

/* One that permits what the policy does not. */
static void loosen(struct server *server)
{
    SSL_CTX *context = hin_tls_context(server->tls);
    SSL_CTX_set_security_level(context, 0);
    SSL_CTX_set_min_proto_version(context, TLS1_VERSION);
    SSL_CTX_set_cipher_list(context, "ALL:@SECLEVEL=0");
    SSL_CTX_set_ciphersuites(context, "TLS_AES_256_GCM_SHA384:TLS_AES_128_CCM_SHA256");
    char groups[] = "X25519:P-521", algorithms[] = "ECDSA+SHA256:ECDSA+SHA1"; /* taken as char * */
    SSL_CTX_set1_groups_list(context, groups);
    SSL_CTX_set1_sigalgs_list(context, algorithms);
}

static HIN_RESULT probe(struct server *server, const struct hin_tls_offer *offer,
                        struct hin_tls_probe *ret_probe)
{
    int ends[2];
    struct timeval limit = {.tv_sec = 20};
    HIN_ENSURE(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0, IO);
    (void)setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    (void)signal(SIGPIPE, SIG_IGN);
    pid_t child = fork();
    if (child == 0) {
        SSL *session = NULL;
        (void)close(ends[0]);
        if (hin_is_ok(hin_tls_session(server->tls, NULL, &session))) {
            SSL_set_fd(session, ends[1]);
            (void)SSL_accept(session);
        }
        _exit(0);
    }
    (void)close(ends[1]);
    struct hin_result result = hin_tls_probe(ends[0], "manager.example", offer, ret_probe);
    (void)close(ends[0]);
    (void)waitpid(child, NULL, 0);
    return result;
}

TEST(test_crypt_link__a_probe_is_refused_where_the_policy_says_so)
{
    static const enum hin_link_id links[] = {HIN_LINK_API, HIN_LINK_CLI};
    for (size_t l = 0; l < HIN_COUNT(links); l++) {
        HIN_CLEANUP(server_done) struct server server = {0};
        const struct hin_link *link = &hin_links[links[l]];
        unsigned accepted = 0;
        CHECK_OK(server_make(&server, links[l]));
        for (size_t i = 0; i < hin_tls_offer_count; i++) {
            struct hin_tls_probe seen = {0};
            CHECK_OK(probe(&server, &hin_tls_offers[i], &seen));
            CHECK(seen.accepted == hin_link_permits_offer(link, &hin_tls_offers[i]));
            CHECK(seen.accepted == hin_link_permits(link, seen.version, seen.suite, seen.group));
            CHECK(seen.accepted || seen.text[0] != '\0');
            accepted += seen.accepted;
        }
        CHECK(accepted == (link->minimum == HIN_TLS_1_2 ? 2 : 1));
    }
}

/* That it is refused is worth something only if it truly offers what it says. */
TEST(test_crypt_link__a_probe_finds_a_listener_that_permits_too_much)
{
    HIN_CLEANUP(server_done) struct server server = {0};
    CHECK_OK(server_make(&server, HIN_LINK_CLI));
    loosen(&server);
    for (size_t i = 0; i < hin_tls_offer_count; i++) {
        struct hin_tls_probe seen = {0};
        CHECK_OK(probe(&server, &hin_tls_offers[i], &seen));
        /* By RSA key exchange only a server with an RSA key could answer: ours has none. */
        CHECK(seen.accepted == (strstr(hin_tls_offers[i].name, "RSA") == NULL));
        if (seen.accepted && hin_tls_offers[i].weak) {
            CHECK(
                !hin_link_permits(&hin_links[HIN_LINK_CLI], seen.version, seen.suite, seen.group));
        }
    }
}

/* It wants a certificate, which a stranger has not: up to TLS 1.2 it says so once it has taken the
 * offer. That is no refusal of the offer. */
TEST(test_crypt_link__a_listener_that_turns_a_stranger_away_has_taken_the_offer_all_the_same)
{
    HIN_CLEANUP(server_done) struct server server = {0};
    unsigned cut = 0;
    CHECK_OK(server_make(&server, HIN_LINK_CLI));
    loosen(&server);
    SSL_CTX_set_verify(hin_tls_context(server.tls),
                       SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    for (size_t i = 0; i < hin_tls_offer_count; i++) {
        struct hin_tls_probe seen = {0};
        CHECK_OK(probe(&server, &hin_tls_offers[i], &seen));
        CHECK(seen.accepted == (strstr(hin_tls_offers[i].name, "RSA") == NULL));
        CHECK(!seen.accepted || (seen.version[0] != '\0' && seen.suite[0] != '\0'));
        cut += seen.accepted && seen.text[0] != '\0';
    }
    CHECK_INT(cut, 4); /* TLS 1.0, 1.1, and 1.2 twice */
}

TEST(test_crypt_link__an_offer_that_this_host_cannot_make_is_no_refusal)
{
    static const struct hin_tls_offer none = {
        "no suite of the version", TLS1_VERSION, "AESGCM", "", "X25519", true};
    HIN_CLEANUP(server_done) struct server server = {0};
    struct hin_tls_probe seen = {0};
    CHECK_OK(server_make(&server, HIN_LINK_CLI));
    CHECK_CODE(probe(&server, &none, &seen), CRYPTO);
}

TEST(test_crypt_link__a_probe_does_not_wait_for_ever)
{
    int ends[2];
    struct timeval limit = {.tv_usec = 100 * 1000};
    struct hin_tls_probe seen = {0};
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    (void)setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    CHECK_CODE(hin_tls_probe(ends[0], NULL, &hin_tls_offers[0], &seen), TIMEOUT);
    (void)close(ends[0]);
    (void)close(ends[1]);
}
