/* Sets of IPv4 and IPv6 networks, as srcip and dstip in rules use them: "10.0.0.0/8",
 * "!192.168.1.1", "fe80::/10", "1.2.3.", "any", several separated by commas, spaces or `|`. `!` in
 * front of an entry takes its addresses out. An address is in the set when it lies in a plain entry
 * (or there are only `!` entries) and in no `!` entry. v4-mapped IPv6 addresses (::ffff:1.2.3.4)
 * are IPv4 addresses. Immutable after _parse, shareable. */
#ifndef HIN_MATCH_IPSET_H
#define HIN_MATCH_IPSET_H

#include "base/result.h"
#include "base/view.h"

#define HIN_IPSET_ENTRIES_MAX 65536

/* Canonical: 16 bytes in network order, IPv4 as ::ffff:a.b.c.d. Comparable by hin_equal of the
 * bytes. */
struct hin_ip {
    uint8_t bytes[16];
};

struct hin_ipset;

/* Dotted quad or RFC 4291 text, optional [brackets] and %zone (dropped). SYNTAX otherwise. No
 * names, no octal. */
HIN_RESULT hin_ip_parse(struct hin_view text, struct hin_ip *ret_ip);
bool hin_ip_is_v4(const struct hin_ip *ip);
/* RFC 5952 text, IPv4 as dotted quad; out holds at least 46 bytes. */
void hin_ip_format(const struct hin_ip *ip, char *out, size_t out_bytes);

/* SYNTAX with error->column for an entry that is no address or network. error may be NULL. */
HIN_RESULT hin_ipset_parse(struct hin_view text, struct hin_error *error,
                           struct hin_ipset **ret_set);
void hin_ipset_free(struct hin_ipset *set);
void hin_ipset_freep(struct hin_ipset **set); /* for HIN_CLEANUP */
bool hin_ipset_has(const struct hin_ipset *set, const struct hin_ip *ip);
/* Text that is no address is in no set: false. */
bool hin_ipset_has_text(const struct hin_ipset *set, struct hin_view text);

#endif
