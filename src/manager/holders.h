/* The few named people who hold the keys: only they rotate, wrap anew and retire keys, and what
 * destroys a key or changes who they are needs two of them once there are two. Whoever is not
 * confirmed by another within a quarter lapses. Pure but for _load and _save: time is an argument.
 *
 * A holder is an API key of the role "Key Holder" (the first one: of an administrator). While
 * nobody holds the keys (an installation from before, or all have lapsed) an administrator with
 * full access becomes the first holder. */
#ifndef HIN_MANAGER_HOLDERS_H
#define HIN_MANAGER_HOLDERS_H

#include "manager/tenant.h"

#define HIN_SETTING_HOLDERS      "key holders" /* what the document is called */
#define HIN_HOLDERS_LIMIT        3             /* unless set */
#define HIN_HOLDERS_MOST         16
#define HIN_HOLDER_NAME_BYTES    64
#define HIN_HOLDER_QUARTER_USEC  (92 * HIN_DAY_USEC)
#define HIN_HOLDER_REQUEST_USEC  (24 * HIN_HOUR_USEC)
#define HIN_HOLDER_REQUESTS_MOST 16

struct hin_holder {
    char name[HIN_HOLDER_NAME_BYTES];
    int64_t key; /* ID of the API key */
    int64_t added_usec;
    int64_t confirmed_usec;
};

enum hin_holder_action {
    HIN_HOLDER_ADD = 1,
    HIN_HOLDER_REMOVE = 2,
    HIN_HOLDER_LIMIT = 3,    /* number: how many there may be */
    HIN_HOLDER_RETIRE = 4,   /* name: of the key, number: its version */
    HIN_HOLDER_ERASE = 9,    /* name: of the tenant, number: its ID */
    HIN_HOLDER_ESCROW = 10,  /* name: the label of the copy of the key ring */
    HIN_HOLDER_RESTORE = 12, /* name: of the tenant, number: ID of the restore */
    HIN_HOLDER_ACTION_COUNT
};
const char *hin_holder_action_name(enum hin_holder_action action); /* "add" */

/* What one holder has asked for and another is to confirm. */
struct hin_holder_request {
    int64_t id;
    enum hin_holder_action action;
    char name[HIN_HOLDER_NAME_BYTES];
    int64_t number;
    int64_t by; /* ID of the API key */
    int64_t expires_usec;
};

struct hin_holders {
    struct hin_holder list[HIN_HOLDERS_MOST];
    size_t count;
    struct hin_holder_request requests[HIN_HOLDER_REQUESTS_MOST];
    size_t request_count;
    int64_t last_request;
    int64_t limit;
    int64_t review_usec; /* of the last review; 0: none yet */
    int64_t document;    /* where it is stored; 0: nowhere yet */
    uint64_t version;
};

/* Of the tenant; empty when nothing is stored. */
HIN_RESULT hin_holders_load(struct hin_tenant *tenant, struct hin_holders *ret_holders) HIN_NONNULL;
/* CONFLICT: somebody else has changed it since. */
HIN_RESULT hin_holders_save(struct hin_tenant *tenant, struct hin_holders *holders) HIN_NONNULL;
HIN_RESULT hin_holders_encode(const struct hin_holders *holders,
                              struct hin_buf *ret_text) HIN_NONNULL;
HIN_RESULT hin_holders_decode(struct hin_view text, struct hin_holders *ret_holders) HIN_NONNULL;

/* Tells the vault who holds the keys of the installation, and by which keys, so that one of them
 * can accept a store that was set back while none is open. told: what it was told last, all zero at
 * first. */
HIN_RESULT hin_holders_publish(struct hin_tenant *own, uint8_t told[HIN_SHA256_BYTES]) HIN_NONNULL;

bool hin_holder_is_in_force(const struct hin_holder *holder, int64_t now_usec) HIN_NONNULL;
size_t hin_holders_in_force(const struct hin_holders *holders, int64_t now_usec) HIN_NONNULL;
/* NULL: no such holder. Lapsed ones are found too. */
const struct hin_holder *hin_holders_by_key(const struct hin_holders *holders,
                                            int64_t key) HIN_NONNULL;
const struct hin_holder *hin_holders_by_name(const struct hin_holders *holders,
                                             struct hin_view name) HIN_NONNULL;

/* EXISTS: a holder in force has this name or key. LIMIT. A lapsed one of that name is replaced. */
HIN_RESULT hin_holders_add(struct hin_holders *holders, struct hin_view name, int64_t key,
                           int64_t now_usec) HIN_NONNULL;
/* NOT_FOUND. CONFLICT: the only one in force. */
HIN_RESULT hin_holders_remove(struct hin_holders *holders, struct hin_view name,
                              int64_t now_usec) HIN_NONNULL;
/* `by` confirms that `name` still holds the keys. NOT_FOUND; EXPIRED: lapsed, to be added anew;
 * DENIED: oneself, while there are others. */
HIN_RESULT hin_holders_confirm(struct hin_holders *holders, int64_t by, struct hin_view name,
                               int64_t now_usec) HIN_NONNULL;

/* A holder in force (else DENIED) asks for something. *ret_alone: nobody else is in force, so it is
 * done at once; otherwise it is noted, with *ret_id. LIMIT: too much waits already. */
HIN_RESULT hin_holders_ask(struct hin_holders *holders, const struct hin_holder_request *wanted,
                           int64_t now_usec, bool *ret_alone, int64_t *ret_id) HIN_NONNULL;
/* Another holder in force agrees: the request leaves the list. NOT_FOUND (or out of time); DENIED:
 * no holder in force, or the one who asked. */
HIN_RESULT hin_holders_agree(struct hin_holders *holders, int64_t id, int64_t by, int64_t now_usec,
                             struct hin_holder_request *ret_request) HIN_NONNULL;

#endif
