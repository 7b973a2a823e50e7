/* A fresh database of a tenant, with keys of its own: a file in a folder, or, in the programs built
 * with TEST_LINK ("socket", "tls"), a schema on a PostgreSQL server of this run (server.h). The
 * tests of the contract do not know which. */
#ifndef HIN_TESTS_STORE_FIXTURE_H
#define HIN_TESTS_STORE_FIXTURE_H

#include "harness.h"
#include "store/agents.h"
#include "store/audit.h"
#include "store/documents.h"
#include "store/events.h"
#include "store/retention.h"

#define NOW INT64_C(1795386286000000)

struct keys {
    uint8_t id[HIN_SEAL_KEY_ID_BYTES];
    struct hin_sealer *sealer;
    struct hin_opener *opener;
    struct hin_index *index;
    bool away;
    uint8_t seed;
    uint32_t index_versions[HIN_INDEX_VERSIONS_MAX]; /* at the key service, newest first; 0: none */
    bool made[256], gone[256]; /* by the byte that an id is made of; gone: at the key service */
    struct hin_store *store;   /* whose key table is asked; NULL: none */
};
HIN_RESULT keys_new(struct keys *keys, uint8_t seed);
/* The key service is out of reach until `away` is false again. */
void keys_leave(struct keys *keys);
/* Another key of the present epoch: hin_store_keys.renew. */
HIN_RESULT keys_renew(void *context);
/* Which versions of the index key the key service has from now on; former 0: one. What the index
 * knows it keeps until it asks again (hin_index_renew). */
void keys_index(struct keys *keys, uint32_t newest, uint32_t former);
void keys_free(struct keys *keys);
struct hin_store_keys keys_of(struct keys *keys);

struct fixture {
    char folder[512]; /* empty: the first one's */
    int directory;
    char tenant[32];
    struct keys keys;
    struct hin_store *store;
    const struct hin_store_observer *observer;
};
/* A folder `name` under the test's; created, opened, unlocked. */
HIN_RESULT fixture_start(struct fixture *f, const char *name);
/* Another tenant in the same place, with other keys. */
HIN_RESULT fixture_beside(struct fixture *f, const struct fixture *first);
HIN_RESULT fixture_open(struct fixture *f);
/* What opens another handle on the same data. */
struct hin_store_options fixture_options(const struct fixture *f);
void fixture_close(struct fixture *f); /* the store only */
void fixture_stop(struct fixture *f);

/* Both steps of a salvage. */
HIN_RESULT salvage(struct fixture *f, struct hin_store_salvaged *ret_salvaged);

/* `count` events of agent 1..: encoded findings with user "user<N>", source address, tokens. Freed
 * by events_free. */
struct events {
    struct hin_store_event *list;
    size_t count;
    struct hin_arena arena;
};
struct shape {
    int64_t agent;
    uint64_t generation;
    uint64_t first_offset; /* offsets go up by 100 */
    int64_t time_usec;     /* times go up by a second */
    const char *raw;       /* NULL: a plain one */
};
HIN_RESULT events_make(struct events *events, struct keys *keys, const struct shape *shape,
                       size_t count);
void events_free(struct events *events);

HIN_RESULT commit_some(struct fixture *f, const struct shape *shape, size_t count, int64_t now_usec,
                       struct hin_store_committed *ret_committed);
/* Of these modules in turn, an event each. */
HIN_RESULT commit_modules(struct fixture *f, const unsigned *modules, size_t module_count,
                          const struct shape *shape, size_t count, int64_t now_usec,
                          struct hin_store_committed *ret_committed);
/* Entries "entry 1", "entry 2", ... of the audit record. */
HIN_RESULT audit_some(struct fixture *f, int count);
/* As an outsider verifies it: what the store lists, link by link. For hin_store_audit_list. */
struct judged {
    struct hin_chain chain;
    struct hin_chain_fault fault;
};
HIN_RESULT judge_entry(void *context, const struct hin_store_audit *entry);

/* One retention of all modules, whole rounds. */
HIN_RESULT retain_all(struct fixture *f, int64_t now_usec, uint32_t keep_days,
                      uint64_t *ret_events);

/* How many events a filter finds; -1 on failure. */
long search_count(struct fixture *f, const struct hin_store_filter *filter,
                  struct hin_store_report *ret_report);
/* Names documents by their content. */
extern const struct hin_store_namer content_namer;
/* Steps of hin_store_reindex until nothing is under a former key. */
HIN_RESULT reindex(struct fixture *f, size_t limit, struct hin_store_index *ret_index);

long search_term(struct fixture *f, const char *name, const char *value,
                 struct hin_store_report *ret_report);

#endif
