/* What workers tell each other: events were committed, something stored was changed, an agent is
 * about to open a session. Every worker has an edge to every other. */
#ifndef HIN_MANAGER_WORKER_BUS_H
#define HIN_MANAGER_WORKER_BUS_H

#include "manager/worker/desk.h"
#include "manager/worker/numbers.h"

HIN_RESULT hin_bus_new(struct hin_worker *worker, struct hin_bus **ret_bus);
void hin_bus_free(struct hin_bus *bus);

/* `tenant`: its number. */
void hin_bus_committed(struct hin_bus *bus, int64_t tenant, int64_t last_id);
void hin_bus_changed(struct hin_bus *bus, int64_t tenant, enum hin_store_kind kind, int64_t id);

/* "Computer `computer` says hello here with this session counter: has anybody a session of it that
 * is alive?" Answered to hin_ingest_claim_settled once all other workers have said, or at once when
 * there are none. */
struct hin_session_claim {
    uint64_t number; /* of the session, in its worker */
    int64_t tenant;
    int64_t computer;
    uint64_t counter;
};
void hin_bus_claim(struct hin_bus *bus, const struct hin_session_claim *claim);
/* The answer to another worker's claim; pinging an older session may take its 5 s. */
void hin_bus_claim_answer(struct hin_bus *bus, unsigned worker, uint64_t number, bool alive);
/* Hold all sessions of a computer (a clone was noticed). */
void hin_bus_hold(struct hin_bus *bus, int64_t tenant, int64_t computer);

/* The numbers of all workers, each asked now: see numbers.h. `done` is called once, at once where
 * there is no other; one that does not answer within HIN_GATHER_USEC is left out. The owner fills
 * in the first four fields; it is the bus's from hin_bus_gather until `done`, which frees it. A bus
 * that ends frees those that wait, with free(), without calling. */
#define HIN_GATHER_USEC (2 * HIN_SEC_USEC)
enum { HIN_GATHER_WORKERS = 64 };
struct hin_gather {
    int64_t tenant;
    bool health;
    void (*done)(struct hin_gather *gather);
    struct hin_worker *worker;

    uint64_t number; /* the rest is the bus's */
    int64_t begun_usec;
    unsigned waiting;
    bool asked[HIN_GATHER_WORKERS], present[HIN_GATHER_WORKERS]; /* by worker */
    struct hin_worker_numbers numbers[HIN_GATHER_WORKERS];
    struct hin_gather *next;
};
void hin_bus_gather(struct hin_bus *bus, struct hin_gather *gather);
/* Agents of one tenant that are connected to all workers that are up; the others tell theirs once a
 * second. */
uint64_t hin_bus_agents(struct hin_bus *bus, int64_t tenant);
/* Of these, those whose clock is off by more than their bound. */
uint64_t hin_bus_clocks_beyond(struct hin_bus *bus, int64_t tenant);

/* What ingest does with what the bus brings. */
void hin_ingest_on_claim(struct hin_ingest *ingest, unsigned worker,
                         const struct hin_session_claim *claim);
void hin_ingest_claim_settled(struct hin_ingest *ingest, uint64_t number, bool alive);
void hin_ingest_on_hold(struct hin_ingest *ingest, int64_t computer);
void hin_ingest_on_changed(struct hin_ingest *ingest, enum hin_store_kind kind, int64_t id);
uint64_t hin_ingest_session_count(const struct hin_ingest *ingest);

#endif
