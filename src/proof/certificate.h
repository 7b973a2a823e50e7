/* Certificates of erasure: what the installation states, signed, after it has destroyed the keys of
 * a tenant's or a person's data. A file is checked with nothing but the authority's fingerprint.
 *
 *     {"format":"hinomi-certificate","version":1,
 *      "certificate":{"kind":"tenant|person|escrow","installation":"HEX","tenant":"UUID","id":"UUID",
 *       "number":N,"name":"TEXT",
 *       "selected":[{"field":"TEXT","salt":"HEX","digest":"HEX","value":"TEXT"}, ...],
 *       "erased":{"events":N,"segments":N,"documents":N,"exports":N},
 *       "keys":[{"kind":"TEXT","id":"TEXT","version":N,"count":N,"provider":"TEXT",
 *        "destroyed":MSEC,"state":"destroyed|pending","until":MSEC}, ...],
 *       "remains":[{"what":"TEXT","why":"TEXT"}, ...],
 *       "requestedBy":"TEXT","confirmedBy":"TEXT","requested":MSEC,"done":MSEC},
 *      "signature":"HEX","key":"HEX","authority":"HEX"}
 *
 * and a line end; the file is written with two spaces a level and has this one form: whatever
 * differs from it in a byte is refused. `signature` is Ed25519 over HIN_CERTIFICATE_DOMAIN ||
 * statement, the statement being the member `certificate` without spaces; `key` is the statement of
 * proof/key.h about the signing key, `authority` the certificate in DER. A digest is
 * SHA-256("hinomi certificate value v1\n" | salt | field | 0 | value); "value" is there when
 * whoever asked wanted it, "until" in the state pending: the key is disabled, and gone at that
 * time. */
#ifndef HIN_PROOF_CERTIFICATE_H
#define HIN_PROOF_CERTIFICATE_H

#include "base/buf.h"
#include "base/result.h"
#include "base/view.h"
#include "crypt/hash.h"

#define HIN_CERTIFICATE_DOMAIN "hinomi certificate v1\n"

enum {
    HIN_CERTIFICATE_VERSION = 1,
    HIN_CERTIFICATE_STATEMENT_MAX = 32 * 1024,
    HIN_CERTIFICATE_FILE_MAX = 64 * 1024,
    HIN_CERTIFICATE_ROWS_MAX = 16,
    HIN_CERTIFICATE_TEXT_MAX = 512,
    HIN_CERTIFICATE_SALT_BYTES = 16,
};

enum hin_certificate_kind {
    HIN_CERTIFICATE_TENANT = 1,
    HIN_CERTIFICATE_PERSON = 2,
    HIN_CERTIFICATE_ESCROW = 3, /* that two key holders agreed to a copy of the key ring */
    HIN_CERTIFICATE_KIND_COUNT
};
const char *hin_certificate_kind_name(enum hin_certificate_kind kind); /* "tenant" */

struct hin_certificate_selected {
    struct hin_view field, salt, digest; /* the latter two in hex */
    struct hin_view value;               /* empty: not stated */
};
struct hin_certificate_key {
    struct hin_view kind; /* "wrapping", "tenant", "table", "data" */
    struct hin_view id;   /* may be empty */
    int64_t version;      /* the newest; 0: none */
    int64_t count;        /* how many keys or versions this row is about */
    struct hin_view provider;
    int64_t destroyed_msec;
    int64_t until_msec; /* 0: destroyed; else pending until then */
};
struct hin_certificate_remainder {
    struct hin_view what, why;
};

/* Views are borrowed. */
struct hin_certificate {
    enum hin_certificate_kind kind;
    uint8_t installation[HIN_SHA256_BYTES]; /* the authority's fingerprint */
    struct hin_view tenant;                 /* UUID */
    struct hin_view id;                     /* UUID of the certificate */
    int64_t number;                         /* of the tenant */
    struct hin_view name;                   /* of the tenant */
    struct hin_certificate_selected selected[HIN_CERTIFICATE_ROWS_MAX];
    size_t selected_count;
    int64_t events, segments, documents, exports;
    struct hin_certificate_key keys[HIN_CERTIFICATE_ROWS_MAX];
    size_t key_count;
    struct hin_certificate_remainder remains[HIN_CERTIFICATE_ROWS_MAX];
    size_t remains_count;
    struct hin_view requested_by, confirmed_by;
    int64_t requested_msec, done_msec;
};

/* Appends the statement that is to be signed. LIMIT: over HIN_CERTIFICATE_STATEMENT_MAX. */
HIN_RESULT hin_certificate_encode(const struct hin_certificate *certificate,
                                  struct hin_buf *out) HIN_NONNULL;
/* What is signed: domain and statement. */
HIN_RESULT hin_certificate_text(struct hin_view statement, struct hin_buf *out) HIN_NONNULL;
/* Is the statement one of this kind, of this installation and about this tenant, as far as can be
 * told without parsing it? What the keys process asks before it signs. INVALID; LIMIT. */
HIN_RESULT hin_certificate_check(struct hin_view statement, enum hin_certificate_kind kind,
                                 const uint8_t installation[HIN_SHA256_BYTES],
                                 struct hin_view tenant);
/* What was selected, without telling it. */
HIN_RESULT hin_certificate_digest(struct hin_view salt, struct hin_view field,
                                  struct hin_view value, uint8_t ret_digest[HIN_SHA256_BYTES]);

struct hin_certificate_seal { /* bytes, not hex */
    struct hin_view signature, key, authority;
};
/* Appends the file. */
HIN_RESULT hin_certificate_write(const struct hin_certificate *certificate,
                                 const struct hin_certificate_seal *seal,
                                 struct hin_buf *out) HIN_NONNULL;

struct hin_json_document;
/* Reads a file and judges it by the authority's fingerprint (64 hex digits). The sentence says what
 * is wrong: cut off (TRUNCATED), something behind its end or another form (SYNTAX), of a newer
 * version (UNSUPPORTED), of another installation, signed for something else, or altered (AUTH).
 * *ret_certificate borrows from *ret_document, which the caller frees with hin_json_free. */
HIN_RESULT hin_certificate_verify(struct hin_view file, struct hin_view fingerprint,
                                  struct hin_json_document **ret_document,
                                  struct hin_certificate *ret_certificate, struct hin_error *error)
    __attribute__((nonnull(3, 4)));

#endif
