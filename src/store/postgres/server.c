#include "store/server.h"

#include <libpq-fe.h>
#include <netdb.h>
#include <pwd.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/fd.h"

enum { PORT_DEFAULT = 5432 };

struct parsing {
    struct hin_store_server server;
    const char *peer;
    struct hin_error *error;
};

static HIN_RESULT refuse(struct parsing *parsing, const char *keyword, const char *why)
{
    return hin_error_set(parsing->error, HIN_INVALID, NULL, 0, 0, "--store: %s: %s", keyword, why);
}

static HIN_RESULT take_text(struct parsing *parsing, const char *keyword, const char *value,
                            char *out, size_t out_bytes)
{
    if (strlen(value) >= out_bytes) {
        return refuse(parsing, keyword, "too long");
    }
    (void)snprintf(out, out_bytes, "%s", value);
    return hin_ok();
}

/* --- one function a keyword --- */

static HIN_RESULT take_host(struct parsing *parsing, const char *value)
{
    if (strchr(value, ',') != NULL) {
        return refuse(parsing, "host", "one server only");
    }
    parsing->server.link = value[0] == '/' ? HIN_STORE_SOCKET : HIN_STORE_TLS;
    return take_text(parsing, "host", value, parsing->server.host, sizeof(parsing->server.host));
}

static HIN_RESULT take_address(struct parsing *parsing, const char *value)
{
    return take_text(parsing, "hostaddr", value, parsing->server.address,
                     sizeof(parsing->server.address));
}

static HIN_RESULT take_port(struct parsing *parsing, const char *value)
{
    uint64_t port = 0;
    if (!hin_is_ok(hin_view_to_u64(hin_view_from_text(value), &port)) || port == 0 ||
        port > UINT16_MAX) {
        return refuse(parsing, "port", "not a number from 1 to 65535");
    }
    parsing->server.port = (uint16_t)port;
    return hin_ok();
}

static HIN_RESULT take_database(struct parsing *parsing, const char *value)
{
    return take_text(parsing, "dbname", value, parsing->server.database,
                     sizeof(parsing->server.database));
}

static HIN_RESULT take_user(struct parsing *parsing, const char *value)
{
    return take_text(parsing, "user", value, parsing->server.user, sizeof(parsing->server.user));
}

static HIN_RESULT take_mode(struct parsing *parsing, const char *value)
{
    return strcmp(value, "verify-full") == 0
               ? hin_ok()
               : refuse(parsing, "sslmode", "verify-full is the only one");
}

static HIN_RESULT take_authority(struct parsing *parsing, const char *value)
{
    if (value[0] != '/') {
        return refuse(parsing, "sslrootcert", "give the whole path of a PEM file");
    }
    return take_text(parsing, "sslrootcert", value, parsing->server.authority,
                     sizeof(parsing->server.authority));
}

static HIN_RESULT take_peer(struct parsing *parsing, const char *value)
{
    parsing->peer = value; /* lives as long as the options */
    return hin_ok();
}

static HIN_RESULT take_password(struct parsing *parsing, const char *value)
{
    (void)value;
    return refuse(parsing, "password",
                  "not on a command line or in a file of settings: give --store-password-file or "
                  "--store-password-fd");
}

static const struct {
    const char *keyword;
    struct hin_result (*take)(struct parsing *parsing, const char *value);
} keywords[] = {
    {"host", take_host},
    {"hostaddr", take_address},
    {"port", take_port},
    {"dbname", take_database},
    {"user", take_user},
    {"sslmode", take_mode},
    {"sslrootcert", take_authority},
    {"requirepeer", take_peer},
    {"password", take_password},
};

static HIN_RESULT take_option(struct parsing *parsing, const PQconninfoOption *option)
{
    for (size_t i = 0; i < HIN_COUNT(keywords); i++) {
        if (strcmp(keywords[i].keyword, option->keyword) == 0) {
            return keywords[i].take(parsing, option->val);
        }
    }
    return refuse(parsing, option->keyword,
                  "not a setting of this product: host, hostaddr, port, dbname, user, sslmode, "
                  "sslrootcert and requirepeer are");
}

/* --- what follows from all of them --- */

static HIN_RESULT find_peer(struct parsing *parsing)
{
    const char *name = parsing->peer != NULL ? parsing->peer : "postgres";
    uint64_t uid = 0;
    if (hin_is_ok(hin_view_to_u64(hin_view_from_text(name), &uid)) && uid <= UINT32_MAX) {
        parsing->server.peer_uid = (uint32_t)uid;
        return hin_ok();
    }
    struct passwd entry, *found = NULL;
    char room[4096];
    if (getpwnam_r(name, &entry, room, sizeof(room), &found) != 0 || found == NULL) {
        return hin_error_set(parsing->error, HIN_NOT_FOUND, NULL, 0, 0,
                             "--store: there is no user %s here: name the one that the server runs "
                             "as with requirepeer=NAME or requirepeer=UID",
                             name);
    }
    parsing->server.peer_uid = (uint32_t)entry.pw_uid;
    return hin_ok();
}

static HIN_RESULT complete(struct parsing *parsing)
{
    struct hin_store_server *server = &parsing->server;
    if (server->host[0] == '\0') {
        return refuse(parsing, "host", "missing: a name (TLS) or the folder of a Unix socket");
    }
    if (server->user[0] == '\0') {
        return refuse(parsing, "user", "missing: the role that the installation connects as");
    }
    if (server->database[0] == '\0') {
        return refuse(parsing, "dbname", "missing: the database");
    }
    server->port = server->port != 0 ? server->port : PORT_DEFAULT;
    if (server->link == HIN_STORE_SOCKET) {
        return server->authority[0] == '\0' ? find_peer(parsing)
                                            : refuse(parsing, "sslrootcert",
                                                     "a Unix socket has no TLS: its server is "
                                                     "known by its uid (requirepeer)");
    }
    if (parsing->peer != NULL) {
        return refuse(parsing, "requirepeer", "for Unix sockets only");
    }
    if (server->authority[0] == '\0') {
        return refuse(parsing, "sslrootcert",
                      "missing: the PEM file of the authority that signed the server's "
                      "certificate");
    }
    return hin_ok();
}

static HIN_RESULT take_all(struct parsing *parsing, const PQconninfoOption *options)
{
    for (const PQconninfoOption *option = options; option->keyword != NULL; option++) {
        if (option->val != NULL) {
            HIN_TRY(take_option(parsing, option));
        }
    }
    return complete(parsing);
}

HIN_RESULT hin_store_server_parse(const char *url, struct hin_store_server *ret_server,
                                  struct hin_error *error)
{
    struct parsing parsing = {.error = error};
    if (!hin_view_starts_with(hin_view_from_text(url), HIN_VIEW("postgres://")) &&
        !hin_view_starts_with(hin_view_from_text(url), HIN_VIEW("postgresql://"))) {
        return hin_error_set(error, HIN_INVALID, NULL, 0, 0,
                             "--store: begins with postgres:// (without --store: SQLite in the "
                             "state folder)");
    }
    char *why = NULL;
    PQconninfoOption *options = PQconninfoParse(url, &why);
    if (options == NULL) { /* its message may repeat the text, and with it a password */
        PQfreemem(why);
        return hin_error_set(error, HIN_SYNTAX, NULL, 0, 0,
                             "--store: not an address that libpq can read: "
                             "postgres://USER@HOST:PORT/DATABASE?sslrootcert=FILE");
    }
    struct hin_result result = take_all(&parsing, options);
    PQconninfoFree(options);
    if (hin_is_ok(result)) {
        *ret_server = parsing.server;
    }
    return result;
}

static HIN_RESULT put(struct hin_buf *buf, const char *before, const char *value)
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._/";
    HIN_TRY(hin_buf_append_text(buf, before));
    for (const char *at = value; *at != '\0'; at++) {
        HIN_TRY(strchr(plain, *at) != NULL ? hin_buf_append_byte(buf, (uint8_t)*at)
                                           : hin_buf_printf(buf, "%%%02X", (uint8_t)*at));
    }
    return hin_ok();
}

HIN_RESULT hin_store_server_text(const struct hin_store_server *server, char *out, size_t out_bytes)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf buf = {.max = out_bytes};
    char number[16];
    (void)snprintf(number, sizeof(number), "%u", server->port);
    HIN_TRY(put(&buf, "postgres:///", server->database));
    HIN_TRY(put(&buf, "?host=", server->host));
    HIN_TRY(put(&buf, "&port=", number));
    HIN_TRY(put(&buf, "&user=", server->user));
    if (server->link == HIN_STORE_SOCKET) {
        (void)snprintf(number, sizeof(number), "%u", (unsigned)server->peer_uid);
        HIN_TRY(put(&buf, "&requirepeer=", number));
    } else {
        HIN_TRY(put(&buf, "&sslmode=verify-full&sslrootcert=", server->authority));
        HIN_TRY(server->address[0] == '\0' ? hin_ok() : put(&buf, "&hostaddr=", server->address));
    }
    return hin_view_to_text(hin_buf_view(&buf), out, out_bytes);
}

void hin_store_server_done(struct hin_store_server *server)
{
    hin_secret_done(&server->password);
}

HIN_RESULT hin_store_server_check_peer(const struct hin_store_server *server)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    struct ucred peer;
    socklen_t bytes = sizeof(peer);
    if (server->link != HIN_STORE_SOCKET) {
        return hin_ok();
    }
    int size =
        snprintf(to.sun_path, sizeof(to.sun_path), "%s/.s.PGSQL.%u", server->host, server->port);
    HIN_ENSURE(size > 0 && (size_t)size < sizeof(to.sun_path), LIMIT);
    HIN_CLEANUP_FD int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    HIN_ENSURE(fd >= 0, IO);
    HIN_ENSURE(connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0, NETWORK);
    HIN_ENSURE(getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &bytes) == 0, IO);
    HIN_ENSURE(peer.uid == server->peer_uid, AUTH);
    return hin_ok();
}

HIN_RESULT hin_store_server_resolve(struct hin_store_server *server, struct hin_error *error)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG}, *list = NULL;
    if (server->link != HIN_STORE_TLS || server->address[0] != '\0') {
        return hin_ok();
    }
    int code = getaddrinfo(server->host, NULL, &hints, &list);
    if (code == 0) {
        code = getnameinfo(list->ai_addr, list->ai_addrlen, server->address,
                           sizeof(server->address), NULL, 0, NI_NUMERICHOST);
        freeaddrinfo(list);
    }
    if (code != 0) {
        server->address[0] = '\0';
        return hin_error_set(error, HIN_NETWORK, NULL, 0, 0,
                             "the address of the database server %s cannot be found: %s",
                             server->host, gai_strerror(code));
    }
    return hin_ok();
}
