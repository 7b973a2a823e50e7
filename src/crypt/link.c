#include "crypt/link.h"

#include <openssl/obj_mac.h>
#include <openssl/ssl.h>
#include <string.h>

#include "base/bytes.h"

#define SUITES_1_3 "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256"
#define SUITES_1_2                                                                                 \
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-GCM-SHA256:"   \
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-CHACHA20-POLY1305:ECDHE-RSA-AES128-GCM-SHA256"
#define GROUPS     "X25519:P-256:P-384"
#define SIGNATURES "ECDSA+SHA256:ECDSA+SHA384:ed25519:RSA-PSS+SHA256:RSA-PSS+SHA384:RSA-PSS+SHA512"
/* Public authorities still sign certificates by PKCS#1. */
#define SIGNATURES_PUBLIC SIGNATURES ":RSA+SHA256:RSA+SHA384:RSA+SHA512"
enum { SUITES_1_3_COUNT = 3 };

#define OWN    true, HIN_TLS_1_3, SUITES_1_3, NULL, GROUPS, SIGNATURES
#define PUBLIC true, HIN_TLS_1_3, SUITES_1_3, NULL, GROUPS, SIGNATURES_PUBLIC
/* Where the other end is not of this product and may not have 1.3. */
#define OTHERS  true, HIN_TLS_1_2, SUITES_1_3, SUITES_1_2, GROUPS, SIGNATURES_PUBLIC
#define NOT_TLS false, HIN_TLS_1_3, NULL, NULL, NULL, NULL

const struct hin_link hin_links[HIN_LINK_COUNT] = {
    [HIN_LINK_API] = {"api", "whoever uses the API", "manager, worker", "HTTPS", OWN,
                      "server: certificate of the installation's authority; client: API key",
                      "src/manager/worker/role.c"},
    [HIN_LINK_CLI] = {"cli", "hinomi", "the API, or a proxy before it", "HTTPS", OTHERS,
                      "server: authority pinned by fingerprint, or the host's authorities and the "
                      "name; client: API key",
                      "src/cli/api.c"},
    [HIN_LINK_AGENTS] = {"agents", "agent, uplink", "manager, worker", "TLS, own frames", OWN,
                         "both: certificates of the installation's authority (mutual TLS)",
                         "src/manager/worker/role.c, src/agent/uplink_identity.c"},
    [HIN_LINK_ENROLMENT] = {"enrolment", "agent, before it has a certificate", "manager, worker",
                            "TLS, own frames", OWN,
                            "server: authority pinned by fingerprint; client: token or a person's "
                            "approval",
                            "src/agent/enrol.c"},
    [HIN_LINK_DATABASE] = {"database", "manager, worker and jobs", "PostgreSQL over TCP",
                           "PostgreSQL over TLS", OTHERS,
                           "server: certificate of the authority given, and its name; client: "
                           "password by SCRAM bound to the channel",
                           "src/store/postgres/connection.c"},
    [HIN_LINK_KMS] = {"kms", "manager, keys (through kms)", "AWS KMS", "HTTPS", PUBLIC,
                      "server: authorities given, and the name; client: requests signed by SigV4",
                      "src/kms/aws/provider.c"},
    [HIN_LINK_DATABASE_SOCKET] = {"database-socket", "manager, worker and jobs",
                                  "PostgreSQL on the same host", "PostgreSQL over a Unix socket",
                                  NOT_TLS,
                                  "server: uid (SO_PEERCRED) before a byte is sent; client: "
                                  "password by SCRAM",
                                  "src/store/postgres/connection.c"},
    [HIN_LINK_PROCESSES] = {"processes", "each process of manager and agent", "its peers",
                            "own messages over Unix socket pairs", NOT_TLS,
                            "both: the pair is inherited from the parent, no path leads to it",
                            "src/role, src/ipc"},
    [HIN_LINK_NOTIFY] = {"notify", "parent of manager and agent", "systemd",
                         "sd_notify datagrams over a Unix socket", NOT_TLS,
                         "the path is what systemd gave in NOTIFY_SOCKET", "src/role/notify.c"},
    [HIN_LINK_CLOCK] = {"clock", "manager and agent, clock", "time servers", "NTP over UDP",
                        NOT_TLS,
                        "none: answers are believed where a majority of the servers agrees",
                        "src/clock/client.c"},
    [HIN_LINK_DEPOT_S3] = {"depot-s3", "manager, whoever backs up or restores", "an object store",
                           "HTTPS", OTHERS,
                           "server: authorities given, or the host's, and the name; client: "
                           "requests signed by SigV4, payload included",
                           "src/depot/s3.c"},
    [HIN_LINK_DEPOT_SFTP] = {"depot-sftp", "manager, whoever backs up or restores",
                             "a host with an SSH server", "SFTP 3 over SSH 2 (Debian's ssh)",
                             NOT_TLS,
                             "server: host key given beforehand; client: its own key, nothing else",
                             "src/depot/sftp_ssh.c"},
};

const char *hin_tls_version_name(enum hin_tls_version version)
{
    return version == HIN_TLS_1_2 ? "TLSv1.2" : "TLSv1.3";
}

/* ---- lists ---- */

struct hin_view hin_link_list_at(const char *list, size_t n)
{
    const char *at = list;
    for (size_t i = 0; at != NULL && i < n; i++) {
        at = strchr(at, ':');
        at = at != NULL ? at + 1 : NULL;
    }
    return at != NULL ? hin_view_of(at, strcspn(at, ":")) : HIN_VIEW_EMPTY;
}

/* Where in the list; its length when it is not in it. */
static size_t place_in(const char *list, struct hin_view name)
{
    size_t n = 0;
    for (struct hin_view item; (item = hin_link_list_at(list, n)).size > 0; n++) {
        if (hin_view_equal(item, name)) {
            break;
        }
    }
    return n;
}

static bool is_in(const char *list, struct hin_view name)
{
    return hin_link_list_at(list, place_in(list, name)).size > 0;
}

bool hin_link_permits_version(const struct hin_link *link, struct hin_view version)
{
    return link->tls && (hin_view_is(version, hin_tls_version_name(HIN_TLS_1_3)) ||
                         (link->minimum == HIN_TLS_1_2 &&
                          hin_view_is(version, hin_tls_version_name(HIN_TLS_1_2))));
}

bool hin_link_permits_suite(const struct hin_link *link, struct hin_view suite)
{
    return is_in(link->suites, suite) || is_in(link->suites_1_2, suite);
}

bool hin_link_permits_group(const struct hin_link *link, struct hin_view group)
{
    return is_in(link->groups, group);
}

bool hin_link_permits(const struct hin_link *link, const char *version, const char *suite,
                      const char *group)
{
    return hin_link_permits_version(link, hin_view_from_text(version)) &&
           hin_link_permits_suite(link, hin_view_from_text(suite)) &&
           (group == NULL || hin_link_permits_group(link, hin_view_from_text(group)));
}

/* ---- tallies ---- */

static struct hin_view or_other(struct hin_view name)
{
    return name.size > 0 ? name : HIN_VIEW("other");
}

struct hin_view hin_tally_version(size_t n)
{
    return n <= HIN_TLS_1_2 ? hin_view_from_text(hin_tls_version_name((enum hin_tls_version)n))
                            : HIN_VIEW("other");
}

struct hin_view hin_tally_suite(size_t n)
{
    return or_other(n < SUITES_1_3_COUNT ? hin_link_list_at(SUITES_1_3, n)
                                         : hin_link_list_at(SUITES_1_2, n - SUITES_1_3_COUNT));
}

struct hin_view hin_tally_group(size_t n)
{
    return or_other(hin_link_list_at(GROUPS, n));
}

static size_t bucket(struct hin_view (*name_of)(size_t n), size_t count, const char *name)
{
    size_t n = 0;
    while (n + 1 < count && !hin_view_is(name_of(n), name)) {
        n++;
    }
    return n;
}

void hin_tls_tally_add(struct hin_tls_tally *tally, const char *version, const char *suite,
                       const char *group, bool resumed)
{
    tally->sessions++;
    tally->resumed += resumed;
    tally->versions[bucket(hin_tally_version, HIN_TALLY_VERSIONS, version)]++;
    tally->suites[bucket(hin_tally_suite, HIN_TALLY_SUITES, suite)]++;
    if (group != NULL) {
        tally->groups[bucket(hin_tally_group, HIN_TALLY_GROUPS, group)]++;
    }
}

void hin_tls_tally_session(struct hin_tls_tally *tally, struct ssl_st *session)
{
    static const struct {
        int number;
        const char *name;
    } groups[] = {
        {NID_X25519, "X25519"}, {NID_X9_62_prime256v1, "P-256"}, {NID_secp384r1, "P-384"}};
    /* OpenSSL's macro; of an abbreviated handshake of 1.2 there is none */
    long number = SSL_ctrl(session, SSL_CTRL_GET_NEGOTIATED_GROUP, 0, NULL);
    const char *group = number > 0 ? "other" : NULL;
    for (size_t i = 0; i < HIN_COUNT(groups); i++) {
        group = groups[i].number == number ? groups[i].name : group;
    }
    hin_tls_tally_add(tally, SSL_get_version(session), SSL_get_cipher_name(session), group,
                      SSL_session_reused(session) == 1);
}

void hin_tls_tally_sum(struct hin_tls_tally *into, const struct hin_tls_tally *from)
{
    uint64_t *to = (uint64_t *)(void *)into;
    const uint64_t *number = (const uint64_t *)(const void *)from;
    for (size_t i = 0; i < HIN_TALLY_NUMBERS; i++) {
        to[i] += number[i];
    }
}
