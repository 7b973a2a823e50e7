#include "io/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/fd.h"

#define LISTEN_BACKLOG 1024

struct hin_result hin_ignore_sigpipe(void)
{
    struct sigaction action = {.sa_handler = SIG_IGN};
    HIN_ENSURE(sigaction(SIGPIPE, &action, NULL) == 0, INTERNAL);
    return hin_ok();
}

struct hin_result hin_address_from_sockaddr(const struct sockaddr *from,
                                            struct hin_address *ret_address)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    struct hin_address address = {0};
    if (from->sa_family == AF_INET) {
        struct sockaddr_in in;
        hin_copy(&in, from, sizeof(in));
        address.family = 4;
        address.port = ntohs(in.sin_port);
        hin_copy(address.bytes, &in.sin_addr, 4);
    } else if (from->sa_family == AF_INET6) {
        struct sockaddr_in6 in;
        hin_copy(&in, from, sizeof(in));
        bool is_mapped = memcmp(&in.sin6_addr, mapped, sizeof(mapped)) == 0;
        address.family = is_mapped ? 4 : 6;
        address.port = ntohs(in.sin6_port);
        address.scope = is_mapped ? 0 : in.sin6_scope_id;
        hin_copy(address.bytes, (const uint8_t *)&in.sin6_addr + (is_mapped ? 12 : 0),
                 is_mapped ? 4 : 16);
    } else {
        return hin_fail(HIN_UNSUPPORTED);
    }
    *ret_address = address;
    return hin_ok();
}

uint32_t hin_address_to_sockaddr(const struct hin_address *address, struct sockaddr_storage *out)
{
    hin_zero(out, sizeof(*out));
    if (address->family == 4) {
        struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(address->port)};
        hin_copy(&in.sin_addr, address->bytes, 4);
        hin_copy(out, &in, sizeof(in));
        return sizeof(in);
    }
    struct sockaddr_in6 in = {.sin6_family = AF_INET6,
                              .sin6_port = htons(address->port),
                              .sin6_scope_id = address->scope};
    hin_copy(&in.sin6_addr, address->bytes, 16);
    hin_copy(out, &in, sizeof(in));
    return sizeof(in);
}

struct hin_result hin_address_parse(const char *host, uint16_t port,
                                    struct hin_address *ret_address)
{
    char bare[HIN_ADDRESS_TEXT_BYTES];
    struct hin_view text = hin_view_from_text(host);
    if (text.size >= 2 && text.data[0] == '[' && text.data[text.size - 1] == ']') {
        text = hin_view_sub(text, 1, text.size - 2);
    }
    HIN_ENSURE(hin_is_ok(hin_view_to_text(text, bare, sizeof(bare))), SYNTAX);
    char *percent = strchr(bare, '%');
    uint32_t scope = 0;
    if (percent != NULL) {
        *percent = '\0';
        uint64_t number = 0;
        scope = if_nametoindex(percent + 1);
        if (scope == 0 && hin_is_ok(hin_view_to_u64(hin_view_from_text(percent + 1), &number))) {
            scope = (uint32_t)HIN_MIN(number, UINT32_MAX);
        }
        HIN_ENSURE(scope != 0, SYNTAX);
    }
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 in6 = {
        .sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_scope_id = scope};
    if (percent == NULL && inet_pton(AF_INET, bare, &in.sin_addr) == 1) {
        return hin_address_from_sockaddr((struct sockaddr *)&in, ret_address);
    }
    HIN_ENSURE(inet_pton(AF_INET6, bare, &in6.sin6_addr) == 1, SYNTAX);
    return hin_address_from_sockaddr((struct sockaddr *)&in6, ret_address);
}

void hin_address_format_host(const struct hin_address *address, char *out, size_t out_bytes)
{
    char text[INET6_ADDRSTRLEN] = "?";
    if (address->family != 0) {
        (void)inet_ntop(address->family == 4 ? AF_INET : AF_INET6, address->bytes, text,
                        sizeof(text));
    }
    if (address->scope != 0) {
        (void)snprintf(out, out_bytes, "%s%%%u", text, address->scope);
    } else {
        (void)snprintf(out, out_bytes, "%s", text);
    }
}

void hin_address_format(const struct hin_address *address, char *out, size_t out_bytes)
{
    char host[HIN_ADDRESS_TEXT_BYTES];
    hin_address_format_host(address, host, sizeof(host));
    (void)snprintf(out, out_bytes, address->family == 6 ? "[%s]:%u" : "%s:%u", host, address->port);
}

bool hin_address_equal_host(const struct hin_address *a, const struct hin_address *b)
{
    return a->family == b->family && a->scope == b->scope &&
           memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

struct hin_result hin_resolve(const char *host, uint16_t port, struct hin_address *out,
                              size_t out_count, size_t *ret_count, struct hin_error *error)
{
    HIN_ENSURE(out_count > 0, INVALID);
    if (hin_is_ok(hin_address_parse(host, port, &out[0]))) {
        *ret_count = 1;
        return hin_ok();
    }
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
    struct addrinfo *list = NULL;
    int fault = getaddrinfo(host, NULL, &hints, &list);
    if (fault != 0) {
        enum hin_code code = fault == EAI_AGAIN    ? HIN_TIMEOUT
                             : fault == EAI_MEMORY ? HIN_NO_MEMORY
                                                   : HIN_NOT_FOUND;
        return hin_error_set(error, code, NULL, 0, 0, "cannot resolve the host name %s: %s", host,
                             gai_strerror(fault));
    }
    size_t count = 0;
    for (struct addrinfo *at = list; at != NULL && count < out_count; at = at->ai_next) {
        if (hin_is_ok(hin_address_from_sockaddr(at->ai_addr, &out[count]))) {
            out[count++].port = port;
        }
    }
    freeaddrinfo(list);
    if (count == 0) {
        return hin_error_set(error, HIN_NOT_FOUND, NULL, 0, 0, "the host name %s has no address",
                             host);
    }
    *ret_count = count;
    return hin_ok();
}

static int open_listener(const struct hin_address *address, bool dual)
{
    HIN_CLEANUP_FD int fd = socket(address->family == 4 ? AF_INET : AF_INET6,
                                   SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -1;
    }
    int on = 1;
    int only = dual ? 0 : 1;
    struct sockaddr_storage storage;
    socklen_t size = hin_address_to_sockaddr(address, &storage);
    bool fine = setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
                (address->family == 4 ||
                 setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof(only)) == 0) &&
                bind(fd, (struct sockaddr *)&storage, size) == 0 && listen(fd, LISTEN_BACKLOG) == 0;
    return fine ? hin_fd_take(&fd) : -1;
}

struct hin_result hin_listen_tcp(const char *host, uint16_t port, int *ret_fd, uint16_t *ret_port,
                                 struct hin_error *error)
{
    struct hin_address address = {.family = 6, .port = port};
    size_t count = 0;
    bool any = host == NULL || strcmp(host, "*") == 0;
    if (!any) {
        HIN_TRY(hin_resolve(host, port, &address, 1, &count, error));
    }
    HIN_CLEANUP_FD int fd = open_listener(&address, any);
    if (fd < 0 && any && (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL)) {
        address.family = 4; /* a host without IPv6 */
        fd = open_listener(&address, false);
    }
    if (fd < 0) {
        int fault = errno;
        char text[HIN_ADDRESS_TEXT_BYTES];
        hin_address_format(&address, text, sizeof(text));
        return hin_error_set(
            error, hin_code_from_errno(fault), NULL, 0, 0, "cannot listen on %s: %s%s", text,
            strerror(fault),
            fault == EADDRINUSE ? "; is another program, or a second copy, using the port?" : "");
    }
    struct sockaddr_storage bound;
    socklen_t size = sizeof(bound);
    HIN_ENSURE(getsockname(fd, (struct sockaddr *)&bound, &size) == 0, NETWORK);
    HIN_TRY(hin_address_from_sockaddr((struct sockaddr *)&bound, &address));
    if (ret_port != NULL) {
        *ret_port = address.port;
    }
    *ret_fd = hin_fd_take(&fd);
    return hin_ok();
}

struct hin_result hin_connect_tcp(const struct hin_address *address, unsigned limit_seconds,
                                  int *ret_fd)
{
    struct sockaddr_storage to;
    struct timeval limit = {.tv_sec = limit_seconds};
    socklen_t size = hin_address_to_sockaddr(address, &to);
    HIN_CLEANUP_FD int fd = socket(to.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    HIN_ENSURE(fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) == 0 &&
                   setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) == 0,
               IO);
    HIN_ENSURE(connect(fd, (const struct sockaddr *)&to, size) == 0, NETWORK);
    *ret_fd = hin_fd_take(&fd);
    return hin_ok();
}
