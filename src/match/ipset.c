/* Networks sorted by length, looked up by masking the address once a length. */
#include "match/ipset.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/bytes.h"

#define V4_PREFIX_BITS 96
#define ENTRY_MAX_TEXT 128

struct network {
    struct hin_ip ip; /* masked */
    uint8_t bits;     /* 0..128 */
    bool excluded;    /* `!` */
};

struct group { /* networks of one length and sign: [start, start + count) */
    uint32_t start;
    uint32_t count;
    uint8_t bits;
    bool excluded;
};

struct hin_ipset {
    struct network *networks;
    uint32_t count;
    uint32_t capacity;
    struct group *groups;
    uint32_t group_count;
    bool has_plain; /* one entry at least without `!` */
};

/* ---- addresses ---- */

static const uint8_t v4_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

/* One to four decimal bytes with dots. A trailing dot is allowed when there are fewer than four. */
static bool parse_v4(struct hin_view text, uint8_t bytes[4], unsigned *ret_count)
{
    unsigned count = 0;
    size_t at = 0;
    while (at < text.size && count < 4) {
        unsigned value = 0;
        size_t begin = at;
        while (at < text.size && text.data[at] >= '0' && text.data[at] <= '9' && at - begin < 3) {
            value = value * 10 + (text.data[at++] - '0');
        }
        /* no octal look-alikes */
        if (at == begin || value > 255 || (at - begin > 1 && text.data[begin] == '0')) {
            return false;
        }
        bytes[count++] = (uint8_t)value;
        if (at < text.size && (text.data[at] != '.' || count == 4)) {
            return false;
        }
        at += at < text.size ? 1 : 0;
    }
    *ret_count = count;
    bool dot_last = text.size > 0 && text.data[text.size - 1] == '.';
    return count > 0 && at == text.size && (count < 4) == dot_last;
}

static void from_v4(const uint8_t bytes[4], struct hin_ip *ret_ip)
{
    hin_copy(ret_ip->bytes, v4_prefix, sizeof(v4_prefix));
    hin_copy(ret_ip->bytes + 12, bytes, 4);
}

bool hin_ip_is_v4(const struct hin_ip *ip)
{
    return memcmp(ip->bytes, v4_prefix, sizeof(v4_prefix)) == 0;
}

HIN_RESULT hin_ip_parse(struct hin_view text, struct hin_ip *ret_ip)
{
    uint8_t bytes[4];
    unsigned count = 0;
    struct hin_ip ip;
    char buffer[INET6_ADDRSTRLEN + 1];
    if (parse_v4(text, bytes, &count) && count == 4) {
        from_v4(bytes, ret_ip);
        return hin_ok();
    }
    if (text.size > 2 && text.data[0] == '[' && text.data[text.size - 1] == ']') {
        text = hin_view_sub(text, 1, text.size - 2);
    }
    text = hin_view_sub(text, 0, hin_view_find_byte(text, '%'));
    HIN_ENSURE(hin_is_ok(hin_view_to_text(text, buffer, sizeof(buffer))), SYNTAX);
    HIN_ENSURE(inet_pton(AF_INET6, buffer, ip.bytes) == 1, SYNTAX);
    *ret_ip = ip;
    return hin_ok();
}

void hin_ip_format(const struct hin_ip *ip, char *out, size_t out_bytes)
{
    char buffer[INET6_ADDRSTRLEN] = "";
    if (hin_ip_is_v4(ip)) {
        (void)inet_ntop(AF_INET, ip->bytes + 12, buffer, sizeof(buffer));
    } else {
        (void)inet_ntop(AF_INET6, ip->bytes, buffer, sizeof(buffer));
    }
    (void)snprintf(out, out_bytes, "%s", buffer);
}

static struct hin_ip masked(const struct hin_ip *ip, unsigned bits)
{
    struct hin_ip out = {{0}};
    hin_copy(out.bytes, ip->bytes, bits / 8);
    if (bits % 8 != 0) {
        out.bytes[bits / 8] = (uint8_t)(ip->bytes[bits / 8] & (0xff00U >> bits % 8));
    }
    return out;
}

/* ---- parsing ---- */

/* "/24", "/255.255.255.0" behind an address of `width` bits */
static HIN_RESULT parse_mask(struct hin_view text, unsigned width, unsigned *ret_bits)
{
    uint64_t bits = 0;
    uint8_t bytes[4];
    unsigned count = 0;
    if (hin_is_ok(hin_view_to_u64(text, &bits))) {
        HIN_ENSURE(bits <= width, SYNTAX);
        *ret_bits = (unsigned)bits;
        return hin_ok();
    }
    HIN_ENSURE(width == 32 && parse_v4(text, bytes, &count) && count == 4, SYNTAX);
    uint32_t mask =
        (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
    uint32_t holes = ~mask;
    HIN_ENSURE((holes & (holes + 1)) == 0, SYNTAX);
    *ret_bits = mask == 0 ? 0 : 32 - (unsigned)__builtin_popcount(holes);
    return hin_ok();
}

static HIN_RESULT parse_network(struct hin_view text, struct network *network)
{
    uint8_t bytes[4] = {0};
    unsigned count = 0;
    unsigned bits = 0;
    if (hin_view_is(text, "any") || hin_view_is(text, "*")) {
        network->ip = (struct hin_ip){{0}};
        network->bits = 0;
        return hin_ok();
    }
    size_t slash = hin_view_find_byte(text, '/');
    struct hin_view address = hin_view_sub(text, 0, slash);
    if (slash == SIZE_MAX && parse_v4(address, bytes, &count) && count < 4) {
        from_v4(bytes, &network->ip); /* "10.1." */
        network->bits = (uint8_t)(V4_PREFIX_BITS + 8 * count);
        return hin_ok();
    }
    HIN_TRY(hin_ip_parse(address, &network->ip));
    bool is_v4 = hin_ip_is_v4(&network->ip) && hin_view_find_byte(address, ':') == SIZE_MAX;
    bits = is_v4 ? 32 : 128;
    if (slash != SIZE_MAX) {
        HIN_TRY(parse_mask(hin_view_sub(text, slash + 1, SIZE_MAX), bits, &bits));
    }
    network->bits = (uint8_t)(bits + (is_v4 ? V4_PREFIX_BITS : 0));
    network->ip = masked(&network->ip, network->bits);
    return hin_ok();
}

static HIN_RESULT add_network(struct hin_ipset *set, const struct network *network)
{
    if (set->count == set->capacity) {
        uint32_t capacity = set->capacity == 0 ? 8 : set->capacity * 2;
        struct network *networks = realloc(set->networks, capacity * sizeof(*networks));
        HIN_ENSURE(networks != NULL, NO_MEMORY);
        set->networks = networks;
        set->capacity = capacity;
    }
    set->networks[set->count++] = *network;
    set->has_plain = set->has_plain || !network->excluded;
    return hin_ok();
}

static bool is_separator(uint8_t byte)
{
    return byte == ',' || byte == ' ' || byte == '|' || byte == '\t' || byte == '\n' ||
           byte == '\r';
}

static HIN_RESULT parse_all(struct hin_ipset *set, struct hin_view text, struct hin_error *error)
{
    size_t at = 0;
    while (at < text.size) {
        if (is_separator(text.data[at])) {
            at++;
            continue;
        }
        size_t begin = at;
        struct network network = {.excluded = text.data[at] == '!'};
        at += network.excluded ? 1 : 0;
        size_t from = at;
        while (at < text.size && !is_separator(text.data[at])) {
            at++;
        }
        struct hin_view entry = hin_view_sub(text, from, at - from);
        if (entry.size > ENTRY_MAX_TEXT || !hin_is_ok(parse_network(entry, &network))) {
            entry.size = HIN_MIN(entry.size, (size_t)ENTRY_MAX_TEXT);
            return hin_error_set(
                error, HIN_SYNTAX, NULL, 0, (uint32_t)begin + 1,
                "\"%.*s\" is no IP address or network (write 10.0.0.0/8, fe80::/10, 10.1. or any)",
                HIN_ARGS(entry));
        }
        if (set->count >= HIN_IPSET_ENTRIES_MAX) {
            return hin_error_set(error, HIN_LIMIT, NULL, 0, (uint32_t)begin + 1,
                                 "more than %d networks", HIN_IPSET_ENTRIES_MAX);
        }
        HIN_TRY(add_network(set, &network));
    }
    if (set->count == 0) {
        return hin_error_set(error, HIN_SYNTAX, NULL, 0, 1, "no address or network is given");
    }
    return hin_ok();
}

static int compare_networks(const void *a, const void *b)
{
    const struct network *left = a;
    const struct network *right = b;
    if (left->excluded != right->excluded) {
        return left->excluded ? -1 : 1;
    }
    if (left->bits != right->bits) {
        return left->bits < right->bits ? -1 : 1;
    }
    return memcmp(left->ip.bytes, right->ip.bytes, sizeof(left->ip.bytes));
}

static HIN_RESULT build_groups(struct hin_ipset *set)
{
    qsort(set->networks, set->count, sizeof(*set->networks), compare_networks);
    set->groups = calloc(set->count, sizeof(*set->groups));
    HIN_ENSURE(set->groups != NULL, NO_MEMORY);
    for (uint32_t i = 0; i < set->count; i++) {
        const struct network *network = &set->networks[i];
        struct group *last = set->group_count > 0 ? &set->groups[set->group_count - 1] : NULL;
        if (last != NULL && last->bits == network->bits && last->excluded == network->excluded) {
            last->count++;
        } else {
            set->groups[set->group_count++] =
                (struct group){i, 1, network->bits, network->excluded};
        }
    }
    return hin_ok();
}

HIN_RESULT hin_ipset_parse(struct hin_view text, struct hin_error *error,
                           struct hin_ipset **ret_set)
{
    struct hin_ipset *set = calloc(1, sizeof(*set));
    HIN_ENSURE(set != NULL, NO_MEMORY);
    struct hin_result result = parse_all(set, text, error);
    if (hin_is_ok(result)) {
        result = build_groups(set);
    }
    if (!hin_is_ok(result)) {
        hin_ipset_free(set);
        return result;
    }
    *ret_set = set;
    return hin_ok();
}

void hin_ipset_free(struct hin_ipset *set)
{
    if (set != NULL) {
        free(set->networks);
        free(set->groups);
        free(set);
    }
}

void hin_ipset_freep(struct hin_ipset **set)
{
    hin_ipset_free(*set);
    *set = NULL;
}

/* ---- asking ---- */

static bool group_has(const struct hin_ipset *set, const struct group *group,
                      const struct hin_ip *ip)
{
    struct network wanted = {masked(ip, group->bits), group->bits, group->excluded};
    return bsearch(&wanted, set->networks + group->start, group->count, sizeof(wanted),
                   compare_networks) != NULL;
}

bool hin_ipset_has(const struct hin_ipset *set, const struct hin_ip *ip)
{
    for (uint32_t i = 0; i < set->group_count; i++) { /* the excluded ones come first */
        if (group_has(set, &set->groups[i], ip)) {
            return !set->groups[i].excluded;
        }
    }
    return !set->has_plain;
}

bool hin_ipset_has_text(const struct hin_ipset *set, struct hin_view text)
{
    struct hin_ip ip;
    return hin_is_ok(hin_ip_parse(text, &ip)) && hin_ipset_has(set, &ip);
}
