/* Where tenants' data lie when it is a PostgreSQL server, and how it is reached: over a Unix socket
 * whose server must run as a given uid, or over TCP with TLS 1.2 or newer and a certificate that is
 * checked against an authority and the name of the host (verify-full), nothing else. */
#ifndef HIN_STORE_SERVER_H
#define HIN_STORE_SERVER_H

#include "base/path.h"
#include "base/secret.h"

enum { HIN_STORE_HOST_MAX = 256, HIN_STORE_NAME_MAX = 64, HIN_STORE_ADDRESS_MAX = 48 };

enum hin_store_link { HIN_STORE_SOCKET, HIN_STORE_TLS };

struct hin_store_server {
    enum hin_store_link link;
    char host[HIN_STORE_HOST_MAX];       /* TLS: name that the certificate must bear; socket: its
                                            folder, absolute */
    char address[HIN_STORE_ADDRESS_MAX]; /* TLS: connect here instead of asking a resolver; empty:
                                            ask */
    uint16_t port;
    char database[HIN_STORE_NAME_MAX];
    char user[HIN_STORE_NAME_MAX]; /* the installation's role: may create roles, inherits none */
    char authority[HIN_PATH_MAX];  /* TLS: PEM file of who signed the server's certificate */
    uint32_t peer_uid;             /* socket: what the server must run as */
    struct hin_secret password;    /* empty: the server asks for none */
};

/* "postgres://USER@HOST:PORT/DATABASE?sslrootcert=FILE" or
 * "postgres:///DATABASE?host=/FOLDER&user=USER&requirepeer=NAME-OR-UID", as libpq reads it
 * ("postgres" is the peer unless it says otherwise). INVALID, in words that say what to write
 * instead, for whatever would weaken the connection (another sslmode, a password in the text) and
 * for settings not named here. `password` is left empty: it comes by file or descriptor. */
HIN_RESULT hin_store_server_parse(const char *url, struct hin_store_server *ret_server,
                                  struct hin_error *error) __attribute__((nonnull(1, 2)));
/* The address again, all of it, the peer as a number: what _parse reads without asking anybody.
 * Without the password. */
HIN_RESULT hin_store_server_text(const struct hin_store_server *server, char *out,
                                 size_t out_bytes) HIN_NONNULL;
void hin_store_server_done(struct hin_store_server *server);

/* Whether who listens at a socket runs as peer_uid: AUTH when not, NETWORK when nobody listens. The
 * connection checks it by itself, before it sends anything; this is for who hands a server to a
 * process that cannot tell uids apart (in a user namespace of its own). OK for TLS. */
HIN_RESULT hin_store_server_check_peer(const struct hin_store_server *server) HIN_NONNULL;

/* Fills `address` of a TLS server by the host's resolver. */
HIN_RESULT hin_store_server_resolve(struct hin_store_server *server, struct hin_error *error)
    __attribute__((nonnull(1)));

#endif
