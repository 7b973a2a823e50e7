#include "manager/database.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/fd.h"

#define SETTING_STORE   "store"
#define SETTING_CHECKED "store-checked" /* the parent has seen the server's uid */
#define UID_OF_OTHERS   65534           /* in a user namespace: /proc/sys/kernel/overflowuid */
#define FD_PASSWORD     "store-password"
#define FD_PLACE        "store-place"  /* the socket's folder, or the authority's file */
#define SHOWN_SOCKET    "store-socket" /* under an empty root */
#define SHOWN_AUTHORITY "store-authority"

HIN_RESULT hin_database_settle(const char *url, char *out, size_t out_bytes,
                               struct hin_error *error)
{
    struct hin_store_server server;
    HIN_TRY(hin_store_server_parse(url, &server, error));
    return hin_store_server_text(&server, out, out_bytes);
}

HIN_RESULT hin_database_open(struct hin_database *database, const char *store,
                             const struct hin_passphrase_source *password, struct hin_error *error)
{
    *database = (struct hin_database){0};
    if (store[0] == '\0') {
        bool given = password->file != NULL || password->fd != NULL;
        return given ? hin_error_set(error, HIN_INVALID, NULL, 0, 0,
                                     "--store-password-...: the store is SQLite, which has none")
                     : hin_ok();
    }
    struct hin_store_server server;
    HIN_TRY(hin_store_server_parse(store, &server, error));
    HIN_TRY(hin_store_server_resolve(&server, error));
    struct hin_passphrase_source source = *password;
    source.name = "store-password";
    HIN_TRY(hin_passphrase_read(&source, &server.password, error));
    *database = (struct hin_database){.is_server = true, .server = server};
    return hin_ok();
}

void hin_database_close(struct hin_database *database)
{
    hin_store_server_done(&database->server);
}

static HIN_RESULT hand_place(const struct hin_store_server *server, struct hin_role_hand *hand)
{
    bool socket = server->link == HIN_STORE_SOCKET;
    HIN_CLEANUP_FD int fd = -1;
    HIN_TRY(hin_fd_open(AT_FDCWD, socket ? server->host : server->authority,
                        socket ? O_PATH | O_DIRECTORY : O_PATH, 0, &fd));
    return hin_role_hand_fd(hand, FD_PLACE, fd);
}

HIN_RESULT hin_database_hand(const struct hin_database *database, struct hin_role_hand *hand)
{
    char text[HIN_MANAGER_STORE_MAX];
    if (!database->is_server) {
        return hin_ok();
    }
    HIN_TRY(hin_store_server_text(&database->server, text, sizeof(text)));
    HIN_TRY(hin_role_hand_setting(hand, SETTING_STORE, hin_view_from_text(text)));
    HIN_TRY(hand_place(&database->server, hand));
    /* In a user namespace of an ordinary user's all other uids look the same: it is checked here,
     * at each start of a process. While the server is away it is not, and the process waits for it.
     */
    if (geteuid() != 0 && hin_is_ok(hin_store_server_check_peer(&database->server))) {
        HIN_TRY(hin_role_hand_setting(hand, SETTING_CHECKED, HIN_VIEW("1")));
    }
    if (database->server.password.size == 0) {
        return hin_ok();
    }
    HIN_CLEANUP_FD int fd = -1;
    HIN_TRY(hin_memfd_from("store-password", hin_secret_view(&database->server.password), &fd));
    return hin_role_hand_fd(hand, FD_PASSWORD, fd);
}

/* ---- in the child ---- */

static HIN_RESULT read_address(struct hin_role *role, struct hin_database *ret_database)
{
    const char *store = hin_role_setting_text(role, SETTING_STORE);
    *ret_database = (struct hin_database){.is_server = store != NULL};
    return store == NULL ? hin_ok() : hin_store_server_parse(store, &ret_database->server, NULL);
}

/* A socket: its folder is all that can be seen, and there is no network. TCP: that port, no
 * datagrams; of files the authority's. */
HIN_RESULT hin_database_allow(struct hin_role *role, struct hin_sandbox *sandbox)
{
    struct hin_database database;
    int place = hin_role_fd(role, FD_PLACE);
    HIN_TRY(read_address(role, &database));
    if (!database.is_server) {
        return hin_ok();
    }
    hin_sandbox_namespaces(sandbox, HIN_SANDBOX_NEW_ALL);
    if (database.server.link == HIN_STORE_SOCKET) {
        hin_sandbox_allow_syscalls(sandbox, HIN_SANDBOX_CONNECT_UNIX);
        return hin_sandbox_show(sandbox, place, SHOWN_SOCKET);
    }
    hin_sandbox_allow_syscalls(sandbox, HIN_SANDBOX_CONNECT_TCP);
    HIN_TRY(hin_sandbox_allow_connect(sandbox, database.server.port));
    HIN_TRY(hin_sandbox_allow_path(sandbox, place, "", HIN_SANDBOX_READ));
    return hin_sandbox_show(sandbox, place, SHOWN_AUTHORITY);
}

HIN_RESULT hin_database_take(struct hin_role *role, struct hin_database *ret_database)
{
    struct hin_database database;
    int fd = hin_role_fd(role, FD_PASSWORD);
    HIN_TRY(read_address(role, &database));
    if (fd >= 0) {
        HIN_TRY(hin_secret_read_fd(&database.server.password, fd));
    }
    bool socket = database.server.link == HIN_STORE_SOCKET;
    if (socket && hin_sandbox_is_shown(SHOWN_SOCKET)) {
        bool checked = hin_role_setting_text(role, SETTING_CHECKED) != NULL;
        if (checked && database.server.peer_uid != geteuid()) {
            database.server.peer_uid = UID_OF_OTHERS;
        }
        (void)snprintf(database.server.host, sizeof(database.server.host), "/" SHOWN_SOCKET);
    } else if (!socket && hin_sandbox_is_shown(SHOWN_AUTHORITY)) {
        (void)snprintf(database.server.authority, sizeof(database.server.authority),
                       "/" SHOWN_AUTHORITY);
    }
    *ret_database = database;
    return hin_ok();
}
