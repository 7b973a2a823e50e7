/* Network addresses: one value type for IPv4 and IPv6; an IPv4-mapped IPv6 address reads as IPv4.
 */
#ifndef HIN_IO_ADDRESS_H
#define HIN_IO_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/result.h"
#include "base/view.h"

#define HIN_ADDRESS_TEXT_BYTES 64 /* "[2001:db8::1%4294967295]:65535" and more */

struct hin_address {
    uint8_t family; /* 4 or 6; 0 = none */
    uint8_t bytes[16];
    uint16_t port;
    uint32_t scope; /* interface of a link-local IPv6 address */
};

struct sockaddr;
struct sockaddr_storage;

/* A numeric host ("127.0.0.1", "::1", "[::1]"); SYNTAX when it is no address. Never asks a name
 * server. */
HIN_RESULT hin_address_parse(const char *host, uint16_t port, struct hin_address *ret_address);
/* "127.0.0.1:4119", "[::1]:4119"; without_port: "127.0.0.1", "::1". out: HIN_ADDRESS_TEXT_BYTES. */
void hin_address_format(const struct hin_address *address, char *out, size_t out_bytes);
void hin_address_format_host(const struct hin_address *address, char *out, size_t out_bytes);
bool hin_address_equal_host(const struct hin_address *a, const struct hin_address *b);

HIN_RESULT hin_address_from_sockaddr(const struct sockaddr *from, struct hin_address *ret_address);
/* Fills `out`, returns its length in bytes. */
uint32_t hin_address_to_sockaddr(const struct hin_address *address, struct sockaddr_storage *out);

/* Name or number to addresses (getaddrinfo(3), TCP): blocks, opens files and sockets, so call it
 * before the sandbox closes or in a process that may. Numeric hosts never block. NOT_FOUND,
 * TIMEOUT; `error` names host and reason. */
HIN_RESULT hin_resolve(const char *host, uint16_t port, struct hin_address *out, size_t out_count,
                       size_t *ret_count, struct hin_error *error);

/* A listening, non-blocking, close-on-exec TCP socket: the parent's part; several workers may share
 * it. host NULL or
 * "*": all addresses (IPv6 with IPv4 where there is IPv6). port 0 picks a free one; *ret_port (may
 * be NULL) tells. */
HIN_RESULT hin_listen_tcp(const char *host, uint16_t port, int *ret_fd, uint16_t *ret_port,
                          struct hin_error *error);

/* A blocking, close-on-exec TCP connection on which each wait ends after limit_seconds. NETWORK. */
HIN_RESULT hin_connect_tcp(const struct hin_address *address, unsigned limit_seconds,
                           int *ret_fd) HIN_NONNULL;

/* SIGPIPE is ignored in every process that writes to sockets: call once at start. */
HIN_RESULT hin_ignore_sigpipe(void);

#endif
