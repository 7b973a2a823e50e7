/* Copies of the key ring that its owner keeps elsewhere: which there are known to be. Each begins
 * with what two key holders agreed to, stated in a signed certificate (proof/certificate.h, kind
 * "escrow"); on the host `hinomi-manager escrow` writes the copy, which no process of a manager
 * that runs has a hand in, and its receipt is noted here. Documents of the installation's own
 * tenant, never removed. */
#ifndef HIN_MANAGER_ESCROW_H
#define HIN_MANAGER_ESCROW_H

#include "crypt/hash.h"
#include "manager/holders.h"
#include "proof/certificate.h"

#define HIN_ESCROW_WHO_BYTES   96
#define HIN_ESCROW_NOTE_BYTES  256
#define HIN_ESCROW_GRANT_USEC  (24 * HIN_HOUR_USEC) /* how long what was agreed to holds */
#define HIN_ESCROW_RECEIPT_MAX 192

enum hin_escrow_state {
    HIN_ESCROW_AGREED = 1, /* perhaps written, perhaps not */
    HIN_ESCROW_WRITTEN = 2,
    HIN_ESCROW_FORGOTTEN = 3, /* somebody said that the copy is destroyed */
};

struct hin_escrow {
    int64_t id;
    uint64_t version; /* of the document */
    enum hin_escrow_state state;
    char guid[37]; /* also of the certificate */
    char label[HIN_HOLDER_NAME_BYTES];
    char requested_by[HIN_ESCROW_WHO_BYTES], confirmed_by[HIN_ESCROW_WHO_BYTES];
    int64_t agreed_msec;
    int64_t certificate;  /* its ID */
    int64_t written_msec; /* 0: not known to be */
    int64_t generation;   /* of the ring when it was copied */
    char digest[HIN_SHA256_HEX_BYTES];
    int64_t forgotten_msec;
    char forgotten_by[HIN_ESCROW_WHO_BYTES];
    char note[HIN_ESCROW_NOTE_BYTES];
};

/* As the API's table "KeyEscrow" has it. */
HIN_RESULT hin_escrow_encode(const struct hin_escrow *escrow, struct hin_buf *ret_text) HIN_NONNULL;
HIN_RESULT hin_escrow_decode(struct hin_view text, struct hin_escrow *ret_escrow) HIN_NONNULL;

/* What whoever wrote a copy is given, as one word: "GUID:GENERATION:MSEC:SHA256". */
struct hin_escrow_receipt {
    char guid[37];
    int64_t generation, written_msec;
    char digest[HIN_SHA256_HEX_BYTES];
};
HIN_RESULT hin_escrow_receipt_write(const struct hin_escrow_receipt *receipt,
                                    struct hin_buf *out) HIN_NONNULL;
/* INVALID. */
HIN_RESULT hin_escrow_receipt_read(struct hin_view text,
                                   struct hin_escrow_receipt *ret_receipt) HIN_NONNULL;

/* All of them, oldest first. own: the installation's own tenant. A failure of `visit` ends it. */
HIN_RESULT hin_escrow_each(struct hin_tenant *own,
                           HIN_RESULT (*visit)(void *context, const struct hin_escrow *escrow),
                           void *context) __attribute__((nonnull(1, 2)));

/* For a certificate of erasure: the copies that may be there and were agreed to before, the newest
 * first, each as something that remains. The texts live in *rows. One that cannot be read is a
 * failure: nobody is told that there is none. */
enum { HIN_ESCROW_ROWS = 4 };
struct hin_escrow_rows {
    char what[HIN_ESCROW_ROWS][128];
    char why[HIN_ESCROW_ROWS][256];
    size_t count;
};
HIN_RESULT hin_escrow_remains(struct hin_tenant *own, int64_t before_usec,
                              struct hin_escrow_rows *ret_rows,
                              struct hin_certificate *certificate) HIN_NONNULL;

#endif
