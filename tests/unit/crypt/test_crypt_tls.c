/* Clients and servers joined in memory, without a socket. */
#include "crypt/tls.h"

#include <openssl/ssl.h>
#include <string.h>

#include "base/bytes.h"
#include "harness.h"

#define NOW_USEC (INT64_C(1800000000) * HIN_SEC_USEC)
#define YEAR     (365 * HIN_DAY_USEC)
#define AGENT    "0e9b1c7e-1d1f-4a52-9c39-0d5d9f8f0a11"

static int64_t fixed_now(void *context)
{
    return *(int64_t *)context;
}

struct house { /* an authority with a server and an agent */
    int64_t now_usec;
    struct hin_clock clock;
    struct hin_x509_key *ca_key, *server_key, *agent_key;
    struct hin_buf ca, server, agent;
    char fingerprint[HIN_SHA256_HEX_BYTES];
};

static void house_done(struct house *house)
{
    hin_x509_key_free(house->ca_key);
    hin_x509_key_free(house->server_key);
    hin_x509_key_free(house->agent_key);
    hin_buf_done(&house->ca);
    hin_buf_done(&house->server);
    hin_buf_done(&house->agent);
}

static HIN_RESULT house_build(struct house *house)
{
    static const char *const names[] = {"manager.example", "192.0.2.7"};
    HIN_CLEANUP(hin_buf_done) struct hin_buf request = {.max = 4096};
    struct hin_x509_validity long_time = {NOW_USEC - YEAR, NOW_USEC + 10 * YEAR};
    struct hin_x509_validity short_time = {NOW_USEC - HIN_DAY_USEC, NOW_USEC + HIN_DAY_USEC};
    house->now_usec = NOW_USEC;
    house->clock = (struct hin_clock){fixed_now, fixed_now, &house->now_usec};
    house->ca.max = house->server.max = house->agent.max = HIN_X509_MAX_BYTES;
    HIN_TRY(hin_x509_key_generate(&house->ca_key));
    HIN_TRY(hin_x509_key_generate(&house->server_key));
    HIN_TRY(hin_x509_key_generate(&house->agent_key));
    HIN_TRY(hin_x509_ca_new(house->ca_key, "Hinomi test", &long_time, &house->ca));
    HIN_TRY(hin_x509_fingerprint(hin_buf_view(&house->ca), house->fingerprint));
    struct hin_x509_issuer issuer = {hin_buf_view(&house->ca), house->ca_key};
    HIN_TRY(hin_x509_request_new(house->server_key, "manager", &request));
    HIN_TRY(hin_x509_issue_server(&issuer, hin_buf_view(&request), names, 2, &long_time,
                                  &house->server));
    hin_buf_clear(&request);
    HIN_TRY(hin_x509_request_new(house->agent_key, "agent", &request));
    return hin_x509_issue_agent(&issuer, hin_buf_view(&request), "T0", AGENT, &short_time,
                                &house->agent);
}

static struct hin_tls_options options_of(struct house *house, enum hin_tls_role role)
{
    struct hin_tls_options options = {.role = role,
                                      .ca = hin_buf_view(&house->ca),
                                      .ca_fingerprint = house->fingerprint,
                                      .clock = &house->clock};
    if (role == HIN_TLS_API_SERVER || role == HIN_TLS_AGENT_SERVER) {
        options.certificate = hin_buf_view(&house->server);
        options.key = house->server_key;
    } else if (role == HIN_TLS_AGENT_CLIENT) {
        options.certificate = hin_buf_view(&house->agent);
        options.key = house->agent_key;
    }
    return options;
}

/* Both ends of one connection. */
struct pair {
    struct hin_tls *server_tls, *client_tls;
    SSL *server, *client;
};

static void pair_done(struct pair *pair)
{
    SSL_free(pair->server);
    SSL_free(pair->client);
    hin_tls_free(pair->server_tls);
    hin_tls_free(pair->client_tls);
}

static void hang_up(struct pair *pair)
{
    SSL_free(pair->server);
    SSL_free(pair->client);
    pair->server = pair->client = NULL;
}

static bool join(struct pair *pair)
{
    BIO *a = NULL, *b = NULL;
    if (BIO_new_bio_pair(&a, 65536, &b, 65536) != 1) {
        return false;
    }
    SSL_set_bio(pair->server, a, a);
    SSL_set_bio(pair->client, b, b);
    for (int i = 0; i < 20; i++) {
        SSL_do_handshake(pair->client);
        SSL_do_handshake(pair->server);
    }
    uint8_t byte = 'x';
    bool through = SSL_is_init_finished(pair->client) && SSL_is_init_finished(pair->server) &&
                   SSL_write(pair->server, &byte, 1) == 1 &&
                   SSL_read(pair->client, &byte, 1) == 1 &&
                   SSL_write(pair->client, &byte, 1) == 1 && SSL_read(pair->server, &byte, 1) == 1;
    return through;
}

static bool connect_pair(struct pair *pair, const char *host)
{
    return hin_is_ok(hin_tls_session(pair->server_tls, NULL, &pair->server)) &&
           hin_is_ok(hin_tls_session(pair->client_tls, host, &pair->client)) && join(pair);
}

static HIN_RESULT pair_make(struct pair *pair, const struct hin_tls_options *server,
                            const struct hin_tls_options *client)
{
    HIN_TRY(hin_tls_new(&pair->server_tls, server));
    return hin_tls_new(&pair->client_tls, client);
}

#define HOUSE(name)                                                                                \
    HIN_CLEANUP(house_done) struct house name = {0};                                               \
    CHECK_OK(house_build(&name))
#define PAIR(name, house, server_role, client_role)                                                \
    HIN_CLEANUP(pair_done) struct pair name = {0};                                                 \
    struct hin_tls_options server_options = options_of(&house, server_role);                       \
    struct hin_tls_options client_options = options_of(&house, client_role)

TEST(test_crypt_tls__agent_and_manager_know_each_other)
{
    HOUSE(house);
    PAIR(pair, house, HIN_TLS_AGENT_SERVER, HIN_TLS_AGENT_CLIENT);
    struct hin_tls_peer peer;
    CHECK_OK(pair_make(&pair, &server_options, &client_options));
    CHECK(connect_pair(&pair, "anything.example"));
    CHECK_OK(hin_tls_peer(pair.server_tls, pair.server, &peer));
    CHECK_INT(peer.state, HIN_TLS_PEER_VALID);
    CHECK_INT(peer.certificate.kind, HIN_X509_AGENT);
    CHECK(strcmp(peer.certificate.tenant, "T0") == 0);
    CHECK(strcmp(peer.certificate.agent, AGENT) == 0);
    CHECK(strcmp(peer.version, "TLSv1.3") == 0);
    CHECK_OK(hin_tls_peer(pair.client_tls, pair.client, &peer));
    CHECK_INT(peer.certificate.kind, HIN_X509_SERVER);
}

TEST(test_crypt_tls__enrolment_pins_the_authority)
{
    HOUSE(house);
    PAIR(pair, house, HIN_TLS_AGENT_SERVER, HIN_TLS_ENROL_CLIENT);
    struct hin_tls_peer peer;
    HIN_CLEANUP(hin_buf_done) struct hin_buf ca = {.max = HIN_X509_MAX_BYTES};
    client_options.ca = HIN_VIEW_EMPTY;
    CHECK_OK(pair_make(&pair, &server_options, &client_options));
    CHECK(connect_pair(&pair, "192.0.2.7"));
    CHECK_OK(hin_tls_peer(pair.server_tls, pair.server, &peer));
    CHECK_INT(peer.state, HIN_TLS_PEER_NONE);
    CHECK_OK(hin_tls_peer_ca(pair.client, &ca));
    CHECK(hin_view_equal(hin_buf_view(&ca), hin_buf_view(&house.ca)));
}

TEST(test_crypt_tls__refuses_a_wrong_pin)
{
    HOUSE(house);
    PAIR(pair, house, HIN_TLS_AGENT_SERVER, HIN_TLS_ENROL_CLIENT);
    char text[128];
    house.fingerprint[10] = house.fingerprint[10] == '0' ? '1' : '0';
    CHECK_OK(pair_make(&pair, &server_options, &client_options));
    CHECK(!connect_pair(&pair, NULL));
    CHECK_INT(hin_tls_failure(pair.client, text, sizeof(text)), HIN_AUTH);
}

/* The pin names the authority; the fingerprint of the server's own certificate is no pin. */
TEST(test_crypt_tls__a_leaf_is_no_authority)
{
    HOUSE(house);
    PAIR(pair, house, HIN_TLS_AGENT_SERVER, HIN_TLS_ENROL_CLIENT);
    CHECK_OK(hin_x509_fingerprint(hin_buf_view(&house.server), house.fingerprint));
    CHECK_OK(pair_make(&pair, &server_options, &client_options));
    CHECK(!connect_pair(&pair, NULL));
}

TEST(test_crypt_tls__refuses_another_authority_at_both_ends)
{
    HOUSE(house);
    HOUSE(stranger);
    PAIR(pair, house, HIN_TLS_AGENT_SERVER, HIN_TLS_AGENT_CLIENT);
    struct hin_tls_options other = options_of(&stranger, HIN_TLS_AGENT_CLIENT);
    other.ca = hin_buf_view(&house.ca); /* trusts our manager, but shows a stranger's certificate */
    CHECK_OK(pair_make(&pair, &server_options, &other));
    CHECK(!connect_pair(&pair, NULL));
    CHECK_INT(hin_tls_failure(pair.server, NULL, 0), HIN_AUTH);
    HIN_CLEANUP(pair_done) struct pair second = {0};
    client_options.ca = hin_buf_view(&stranger.ca);
    CHECK_OK(pair_make(&second, &server_options, &client_options));
    CHECK(!connect_pair(&second, NULL));
    CHECK_INT(hin_tls_failure(second.client, NULL, 0), HIN_AUTH);
}

/* An agent's certificate is of our authority too, but it is no manager's. */
TEST(test_crypt_tls__an_agent_cannot_play_the_manager)
{
    HOUSE(house);
    PAIR(pair, house, HIN_TLS_AGENT_SERVER, HIN_TLS_AGENT_CLIENT);
    server_options.certificate = hin_buf_view(&house.agent);
    server_options.key = house.agent_key;
    CHECK_OK(pair_make(&pair, &server_options, &client_options));
    CHECK(!connect_pair(&pair, NULL));
    CHECK_INT(hin_tls_failure(pair.client, NULL, 0), HIN_AUTH);
}

TEST(test_crypt_tls__tells_an_expired_agent_from_a_wrong_one)
{
    HOUSE(house);
    PAIR(pair, house, HIN_TLS_AGENT_SERVER, HIN_TLS_AGENT_CLIENT);
    struct hin_tls_peer peer;
    CHECK_OK(pair_make(&pair, &server_options, &client_options));
    CHECK(connect_pair(&pair, NULL));
    CHECK_OK(hin_tls_peer(pair.server_tls, pair.server, &peer));
    CHECK_INT(peer.state, HIN_TLS_PEER_VALID);
    house.now_usec += 2 * HIN_DAY_USEC; /* it expires while connected */
    CHECK_OK(hin_tls_peer(pair.server_tls, pair.server, &peer));
    CHECK_INT(peer.state, HIN_TLS_PEER_EXPIRED);
    hang_up(&pair);
    CHECK(connect_pair(&pair, NULL)); /* and comes back, to renew */
    CHECK_OK(hin_tls_peer(pair.server_tls, pair.server, &peer));
    CHECK_INT(peer.state, HIN_TLS_PEER_EXPIRED);
    CHECK(strcmp(peer.certificate.agent, AGENT) == 0);
    hang_up(&pair);
    house.now_usec = NOW_USEC - 2 * HIN_DAY_USEC; /* not yet valid: refused */
    HIN_CLEANUP(pair_done) struct pair early = {0};
    CHECK_OK(pair_make(&early, &server_options, &client_options));
    CHECK(!connect_pair(&early, NULL));
}

TEST(test_crypt_tls__refuses_an_expired_manager)
{
    HOUSE(house);
    PAIR(pair, house, HIN_TLS_API_SERVER, HIN_TLS_CLI_CLIENT);
    house.now_usec += 11 * YEAR;
    CHECK_OK(pair_make(&pair, &server_options, &client_options));
    CHECK(!connect_pair(&pair, NULL));
    CHECK_INT(hin_tls_failure(pair.client, NULL, 0), HIN_EXPIRED);
}

TEST(test_crypt_tls__cli_trusts_by_pin_or_by_name)
{
    HOUSE(house);
    PAIR(pair, house, HIN_TLS_API_SERVER, HIN_TLS_CLI_CLIENT);
    CHECK_OK(pair_make(&pair, &server_options, &client_options));
    CHECK(connect_pair(&pair, "localhost")); /* pinned: any name */
    HIN_CLEANUP(pair_done) struct pair named = {0};
    client_options.ca_fingerprint = NULL;
    CHECK_OK(pair_make(&named, &server_options, &client_options));
    CHECK(connect_pair(&named, "manager.example"));
    hang_up(&named);
    CHECK(connect_pair(&named, "192.0.2.7"));
    hang_up(&named);
    CHECK(!connect_pair(&named, "localhost"));
    CHECK_INT(hin_tls_failure(named.client, NULL, 0), HIN_AUTH);
    hang_up(&named);
    CHECK(!connect_pair(&named, "192.0.2.8"));
    HIN_CLEANUP(pair_done) struct pair open = {0};
    client_options.ca = HIN_VIEW_EMPTY; /* the system's authorities do not know ours */
    CHECK_OK(pair_make(&open, &server_options, &client_options));
    CHECK(!connect_pair(&open, "manager.example"));
    hang_up(&open);
    CHECK_CODE(hin_tls_session(open.client_tls, NULL, &open.client), INVALID);
}

/* A client of any settings against our server. */
static bool foreign_client(struct house *house, enum hin_tls_version minimum, int version,
                           const char *suites)
{
    HIN_CLEANUP(pair_done) struct pair pair = {0};
    struct hin_tls_options options = options_of(house, HIN_TLS_API_SERVER);
    options.link = &hin_links[minimum == HIN_TLS_1_2 ? HIN_LINK_CLI : HIN_LINK_API];
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_security_level(context, 0);
    SSL_CTX_set_min_proto_version(context, version);
    SSL_CTX_set_max_proto_version(context, version);
    bool set = suites == NULL || SSL_CTX_set_cipher_list(context, suites) == 1;
    pair.client = SSL_new(context);
    SSL_CTX_free(context);
    SSL_set_connect_state(pair.client);
    return set && hin_is_ok(hin_tls_new(&pair.server_tls, &options)) &&
           hin_is_ok(hin_tls_session(pair.server_tls, NULL, &pair.server)) && join(&pair);
}

TEST(test_crypt_tls__refuses_old_versions_and_weak_suites)
{
    HOUSE(house);
    CHECK(foreign_client(&house, HIN_TLS_1_3, TLS1_3_VERSION, NULL));
    CHECK(!foreign_client(&house, HIN_TLS_1_3, TLS1_2_VERSION, NULL));
    CHECK(foreign_client(&house, HIN_TLS_1_2, TLS1_2_VERSION, NULL));
    CHECK(!foreign_client(&house, HIN_TLS_1_2, TLS1_1_VERSION, "ALL:@SECLEVEL=0"));
    CHECK(!foreign_client(&house, HIN_TLS_1_2, TLS1_VERSION, "ALL:@SECLEVEL=0"));
    CHECK(foreign_client(&house, HIN_TLS_1_2, TLS1_2_VERSION, "ECDHE-ECDSA-AES128-GCM-SHA256"));
    CHECK(!foreign_client(&house, HIN_TLS_1_2, TLS1_2_VERSION, "ECDHE-ECDSA-AES128-SHA256"));
    CHECK(!foreign_client(&house, HIN_TLS_1_2, TLS1_2_VERSION, "ECDHE-ECDSA-AES256-SHA"));
    CHECK(!foreign_client(&house, HIN_TLS_1_2, TLS1_2_VERSION, "AES256-GCM-SHA384"));
    CHECK(!foreign_client(&house, HIN_TLS_1_2, TLS1_2_VERSION, "DHE-RSA-AES256-GCM-SHA384"));
}

TEST(test_crypt_tls__our_clients_refuse_old_servers)
{
    HOUSE(house);
    HIN_CLEANUP(pair_done) struct pair pair = {0};
    struct hin_tls_options server_options = options_of(&house, HIN_TLS_API_SERVER);
    struct hin_tls_options client_options = options_of(&house, HIN_TLS_CLI_CLIENT);
    server_options.link = &hin_links[HIN_LINK_CLI];
    client_options.link = &hin_links[HIN_LINK_API];
    CHECK_OK(pair_make(&pair, &server_options, &client_options));
    SSL_CTX_set_max_proto_version(hin_tls_context(pair.server_tls), TLS1_2_VERSION);
    CHECK(!connect_pair(&pair, NULL));
    HIN_CLEANUP(pair_done) struct pair allowed = {0};
    client_options.link = NULL;
    CHECK_OK(pair_make(&allowed, &server_options, &client_options));
    SSL_CTX_set_max_proto_version(hin_tls_context(allowed.server_tls), TLS1_2_VERSION);
    CHECK(connect_pair(&allowed, NULL));
    CHECK(SSL_renegotiate(allowed.client) != 1 || SSL_do_handshake(allowed.client) != 1);
}

/* Two servers (workers, or one after a restart) that share a ticket key. */
TEST(test_crypt_tls__resumes_at_another_worker)
{
    HOUSE(house);
    PAIR(pair, house, HIN_TLS_AGENT_SERVER, HIN_TLS_AGENT_CLIENT);
    struct hin_tls_peer peer;
    HIN_CLEANUP(hin_secret_done) struct hin_secret ticket_key = {0};
    CHECK_OK(hin_secret_random(&ticket_key, HIN_TLS_TICKET_KEY_BYTES));
    server_options.ticket_key = &ticket_key;
    CHECK_OK(pair_make(&pair, &server_options, &client_options));
    CHECK(connect_pair(&pair, NULL));
    CHECK_OK(hin_tls_peer(pair.server_tls, pair.server, &peer));
    CHECK(!peer.resumed);
    hang_up(&pair);
    hin_tls_free(pair.server_tls);
    pair.server_tls = NULL;
    CHECK_OK(hin_tls_new(&pair.server_tls, &server_options));
    CHECK(connect_pair(&pair, NULL));
    CHECK_OK(hin_tls_peer(pair.server_tls, pair.server, &peer));
    CHECK(peer.resumed);
    CHECK(strcmp(peer.certificate.agent, AGENT) == 0); /* who it is came along */
    house.now_usec += 2 * HIN_DAY_USEC;
    CHECK_OK(hin_tls_peer(pair.server_tls, pair.server, &peer));
    CHECK_INT(peer.state, HIN_TLS_PEER_EXPIRED);
}

TEST(test_crypt_tls__refuses_settings_that_do_not_fit)
{
    HOUSE(house);
    struct hin_tls *tls = NULL;
    struct hin_tls_options options = options_of(&house, HIN_TLS_AGENT_CLIENT);
    options.key = house.server_key;
    CHECK_CODE(hin_tls_new(&tls, &options), INVALID);
    options = options_of(&house, HIN_TLS_AGENT_SERVER);
    options.ca = HIN_VIEW_EMPTY;
    CHECK_CODE(hin_tls_new(&tls, &options), INVALID);
    options = options_of(&house, HIN_TLS_ENROL_CLIENT);
    options.ca_fingerprint = "abc";
    CHECK_CODE(hin_tls_new(&tls, &options), INVALID);
    options.ca_fingerprint = NULL;
    CHECK_CODE(hin_tls_new(&tls, &options), INVALID);
    options = options_of(&house, HIN_TLS_AGENT_CLIENT);
    options.ca = hin_buf_view(&house.server); /* not an authority */
    CHECK_CODE(hin_tls_new(&tls, &options), INVALID);
}
