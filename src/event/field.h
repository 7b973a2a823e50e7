/* The field table: the one place that says what an event may hold.
 *
 * Each row gives a stable number (append only, it stands in stored events), a name, the other names
 * people know it by (OSSEC's, the reference's), a type, the canonical form for searching, how it
 * may be searched, its data class with the purpose it is kept for, its path in OCSF 1.8.0 and its
 * keys in CEF and LEEF. Encoding, search tokens, the writers, the disclosure page and the erasure
 * of a person are generated from it. Pure: const data only. */
#ifndef HIN_EVENT_FIELD_H
#define HIN_EVENT_FIELD_H

#include "base/arena.h"
#include "base/result.h"
#include "base/view.h"
#include "event/field_table.h"

enum hin_field_id {
    HIN_FIELD_NONE = 0,
#define X(id, symbol, name, aliases, type, canon, search, data, ocsf, cef, label, leef, purpose)   \
    HIN_FIELD_##symbol = (id),
    HIN_EVENT_FIELDS(X)
#undef X
        HIN_FIELD_LIMIT, /* one past the highest number in use */
};

enum hin_field_type {
    HIN_TYPE_TEXT,    /* any bytes */
    HIN_TYPE_INTEGER, /* int64_t */
    HIN_TYPE_TIME,    /* int64_t, microseconds since the epoch, UTC */
    HIN_TYPE_FLAG,    /* int64_t, 0 or 1 */
    HIN_TYPE_IP, /* text as the source wrote it: an address, or a name where a source writes names
                  */
    HIN_TYPE_TEXTS, /* list of texts */
};

/* How two values are judged equal. */
enum hin_field_canon {
    HIN_CANON_EXACT, /* bytewise: the source tells case apart (user names, paths, URLs) */
    HIN_CANON_FOLD,  /* ASCII case folded: the source does not (host names, protocols, groups) */
    HIN_CANON_IP, /* RFC 5952 text; v4-mapped as IPv4; brackets and zone dropped; no address: folded
                   */
    HIN_CANON_NUMBER, /* decimal without leading zeros */
};

enum hin_field_search {
    HIN_SEARCH_NONE,   /* not searchable (free text) */
    HIN_SEARCH_COLUMN, /* a plain column of the store */
    HIN_SEARCH_TOKEN,  /* by blind token over the canonical value */
};

enum hin_data_class {
    HIN_DATA_PLAIN,     /* says nothing about a person or a secret */
    HIN_DATA_SENSITIVE, /* may tell an attacker something, or hold a secret by accident */
    HIN_DATA_PERSONAL,  /* relates to a person */
};

struct hin_field {
    uint16_t id;
    const char *name;
    const char *aliases; /* separated by one space; "" when none */
    enum hin_field_type type;
    enum hin_field_canon canon;
    enum hin_field_search search;
    enum hin_data_class data;
    const char *ocsf;      /* path, "a.b" and "a[0].b"; NULL when the OCSF form does not carry it */
    const char *cef;       /* extension key, or NULL */
    const char *cef_label; /* text of "<key>Label", or NULL */
    const char *leef;      /* key, or NULL */
    const char *purpose;   /* why it is kept: one sentence for the disclosure page */
};

/* The rows in the order of their numbers; static. */
const struct hin_field *hin_field_table(size_t *ret_count) HIN_NONNULL;
/* NULL when the number is not in use. Constant time. */
const struct hin_field *hin_field_get(uint16_t id);
/* By name, alias or OCSF path, ASCII case ignored ("user", "dstuser", "src_ip", "srcip",
 * "rule.id", "evidences[0].src_endpoint.ip" with or without its [0]). NULL when unknown: then the
 * name may be a field that a decoder made up (event.h, extras). Costs a walk over the table:
 * resolve names when a rule set or a query is read, not for each event. */
const struct hin_field *hin_field_find(struct hin_view name);

/* The field that a decoder's `order` name means: srcip, dstip, srcport, dstport, user, srcuser,
 * dstuser, protocol, action, id, url, data, extra_data, status, system_name, in any case. NULL: the
 * name is one that the decoder made up (an extra), even when the table knows it for something else.
 */
const struct hin_field *hin_field_find_decoded(struct hin_view name);

const char *hin_field_type_name(
    enum hin_field_type type); /* "text", "integer", "time", "flag", "ip", "texts" */
const char *hin_data_class_name(enum hin_data_class data); /* "plain", "sensitive", "personal" */

#define HIN_CANONICAL_MAX                                                                          \
    4096 /* bytes of a value that take part in equality; what follows is ignored */

/* The canonical form of a value given as text. The result may borrow from `value`, else it lies in
 * `arena`. HIN_CANON_NUMBER: SYNTAX when value is no decimal number. */
HIN_RESULT hin_canonical(enum hin_field_canon canon, struct hin_view value, struct hin_arena *arena,
                         struct hin_view *ret_canonical) HIN_NONNULL;

#define HIN_IP_TEXT_MAX 46
/* Canonical text of an IPv4 or IPv6 address into out (HIN_IP_TEXT_MAX bytes, terminated);
 * *ret_version 4 or 6. Accepts "::ffff:1.2.3.4" (gives "1.2.3.4"), "[::1]", "fe80::1%eth0" (the
 * zone is dropped). SYNTAX when it is none; parts with leading zeros are none, since programs read
 * them as octal or as decimal. RFC 4291 2.2, RFC 5952. */
HIN_RESULT hin_ip_canonical(struct hin_view text, char *out, int *ret_version) HIN_NONNULL;

#endif
