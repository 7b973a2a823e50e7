/* One API request while it is handled, and what the routes are made of. */
#ifndef HIN_MANAGER_WORKER_API_CALL_H
#define HIN_MANAGER_WORKER_API_CALL_H

#include "base/arena.h"
#include "crypt/hash.h"
#include "data/json.h"
#include "io/http_server.h"
#include "manager/worker/api/document.h"
#include "manager/worker/desk.h"

/* Who asks. */
struct hin_api_principal {
    struct hin_desk *desk; /* of the tenant whose key it is */
    int64_t key;           /* ID of the API key */
    int64_t administrator; /* 0: none */
    unsigned rights;       /* enum hin_api_right */
    int64_t expires_usec;  /* 0: never */
    char text[96];         /* "key 3 (name)", for the audit record */
    char name[64];
};

struct hin_read;

struct hin_api_call {
    struct hin_worker *worker;
    struct hin_desk *desk;     /* the tenant that the credential is bound to; else the first */
    struct hin_tenant *tenant; /* of the desk */
    struct hin_http_exchange *exchange;
    const struct hin_http_request *request;
    const struct hin_api_principal *who; /* NULL where no key is needed; else &caller */
    struct hin_api_principal caller;
    struct hin_arena *arena; /* of this request */
    int64_t id;              /* {id} of the path */
    struct hin_view name;    /* {name} of the path, or empty */
    struct hin_json body;    /* judged by the route's model; no value without one */
    struct hin_error error;  /* for a failure: what the client is told */
    unsigned status;         /* of the answer; 200 unless set */
    struct hin_buf *out;     /* the answer: JSON unless content_type is set */
    const char *content_type;
    struct hin_view changes;   /* of the change that is being made: hin_api_note */
    struct hin_view announced; /* by the resource's hook of this name */
    struct hin_read *read;     /* the reading that this answer belongs to, or NULL: reads.h */
    bool taken;                /* the handler answers by itself, later */
    char peer[64];
};

typedef struct hin_result hin_api_handler(struct hin_api_call *call);

/* A resource: objects of one kind with the usual operations, after its table. The hooks may be
 * NULL. */
struct hin_api_draft {
    struct hin_api_patches patches;
    struct hin_store_content content; /* names, owner, expiry; bytes are made from the table */
    bool keep_names;                  /* of a modification */
};

struct hin_api_resource {
    const char *path;       /* "computers" */
    const char *collection; /* member of a list's answer: "apiKeys" */
    const char *singular;   /* for messages: "computer" */
    const char *list_model; /* "Computers" */
    const struct hin_api_attributes *attributes;
    enum hin_store_kind kind;
    unsigned operations; /* enum hin_api_operation */
    unsigned read_right, edit_right;
    const char *read_action; /* "computer.read": for the audit record, where data is personal */
    size_t body_max_bytes;   /* 0: 1 MiB */
    /* Judge and complete what is to be stored; stored has no value at creation. Within the
     * transaction. */
    struct hin_result (*prepare)(struct hin_api_call *call, struct hin_json stored,
                                 struct hin_api_draft *draft);
    /* Judge the whole after it was stored, still within the transaction: a failure undoes it. */
    struct hin_result (*verify)(struct hin_api_call *call, int64_t id);
    /* Before the transaction of a creation: leaves a note of what is made outside of it, for
     * `create` to end. */
    struct hin_result (*announce)(struct hin_api_call *call, struct hin_view *ret_announced);
    /* Instead of the usual creation: stores by itself and says the ID. Extra members of the answer
     * in `computed`. */
    struct hin_result (*create)(struct hin_api_call *call, struct hin_api_patches *computed,
                                int64_t *ret_id);
    /* What is made at reading time; `document` may be NULL for what was just created. */
    struct hin_result (*compute)(struct hin_api_call *call, int64_t id, struct hin_json stored,
                                 struct hin_api_patches *computed);
    /* May refuse, and does what goes with a deletion. Within the transaction. */
    struct hin_result (*remove)(struct hin_api_call *call, int64_t id);
};

/* Anything else: one method on one path. */
struct hin_api_action {
    enum hin_http_method method;
    const char *path; /* "computers/{id}/approve" */
    unsigned right;
    hin_api_handler *handle;
    const struct hin_api_attributes *body; /* model of the body; NULL: none is read */
    const char *summary;
    bool open_version;     /* answered without an api-version header (browsers, monitoring) */
    size_t body_max_bytes; /* 0: 1 MiB */
};

struct hin_api_module {
    const struct hin_api_resource *resource; /* may be NULL */
    const struct hin_api_action *actions;
    size_t action_count;
};

/* The one list of everything the API serves. */
extern const struct hin_api_module *const hin_api_modules[];
extern const size_t hin_api_module_count;

/* ---- helpers for handlers ---- */

/* From here on the request is about this desk's tenant. */
static inline void hin_api_call_bind(struct hin_api_call *call, struct hin_desk *desk)
{
    call->desk = desk;
    call->tenant = &desk->tenant;
}

/* Of the API key that came with the request: for the key service, which knows key holders by it. */
HIN_RESULT hin_api_secret_digest(const struct hin_api_call *call,
                                 uint8_t ret_digest[HIN_SHA256_BYTES]) HIN_NONNULL;
/* A failure with the sentence the client gets. */
HIN_RESULT hin_api_fail(struct hin_api_call *call, enum hin_code code, const char *format, ...)
    HIN_PRINTF(3, 4);

/* DENIED, unless the tenant is the installation's own; `whose`: "backups are the installation's".
 */
HIN_RESULT hin_api_own_only(struct hin_api_call *call, const char *whose);
/* A member in milliseconds; 0 (never, not known) is null. */
void hin_api_put_time(struct hin_json_writer *writer, const char *name, int64_t usec) HIN_NONNULL;

/* INVALID when the query has a parameter whose name is none of these: what is not understood is not
 * passed over. */
HIN_RESULT hin_api_query_known(struct hin_api_call *call, const char *const *names, size_t count);
/* Query parameters. Absent: *value stays. INVALID with a sentence otherwise. */
HIN_RESULT hin_api_query_text(struct hin_api_call *call, const char *name, struct hin_view *value);
HIN_RESULT hin_api_query_integer(struct hin_api_call *call, const char *name, int64_t min,
                                 int64_t max, int64_t *value);

/* A change with its audit entry in one transaction: neither stands without the other. `effect` may
 * set *object (the ID it made); a failure undoes everything. Afterwards all workers are told when
 * kind is not 0. */
struct hin_api_change {
    const char *action; /* "computer.approve" */
    enum hin_store_kind kind;
    const char *kind_name;
    int64_t object;
    struct hin_view detail;
    struct hin_result (*effect)(struct hin_api_call *call, void *context, int64_t *object);
    void *context;
};
HIN_RESULT hin_api_change(struct hin_api_call *call, struct hin_api_change *change);
/* Within an effect: what differs goes into the audit entry of the change (changes.h says how).
 * before, after: stored objects; no value: there was, there is none. */
HIN_RESULT hin_api_note(struct hin_api_call *call, const struct hin_api_attributes *attributes,
                        struct hin_json before, struct hin_json after);
/* The same, with the object to be as it is stored. */
HIN_RESULT hin_api_note_stored(struct hin_api_call *call,
                               const struct hin_api_attributes *attributes, struct hin_json before,
                               struct hin_view after);

/* The stored object of `kind`, as JSON that lives as long as the request. NOT_FOUND with a
 * sentence. */
HIN_RESULT hin_api_load(struct hin_api_call *call, const struct hin_api_resource *resource,
                        int64_t id, struct hin_json *ret_stored);
/* Write the object as it is given out, its computed attributes included. */
HIN_RESULT hin_api_answer(struct hin_api_call *call, const struct hin_api_resource *resource,
                          int64_t id, struct hin_json stored, struct hin_api_patches *computed);
/* Parse a JSON text so that it lives as long as the request. */
HIN_RESULT hin_api_parse(struct hin_api_call *call, struct hin_view text, size_t max_bytes,
                         struct hin_json *ret_root);

/* The operations of a resource. */
HIN_RESULT hin_api_resource_list(struct hin_api_call *call,
                                 const struct hin_api_resource *resource);
HIN_RESULT hin_api_resource_search(struct hin_api_call *call,
                                   const struct hin_api_resource *resource);
HIN_RESULT hin_api_resource_create(struct hin_api_call *call,
                                   const struct hin_api_resource *resource);
HIN_RESULT hin_api_resource_get(struct hin_api_call *call, const struct hin_api_resource *resource);
HIN_RESULT hin_api_resource_modify(struct hin_api_call *call,
                                   const struct hin_api_resource *resource);
HIN_RESULT hin_api_resource_delete(struct hin_api_call *call,
                                   const struct hin_api_resource *resource);

#endif
