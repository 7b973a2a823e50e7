/* A whole installation on a clock of the test's: three tenants' stores, ring and vault, two
 * destinations in folders, the work of the process `backup` (cycle.h) and of the probes in `jobs`
 * (runner.h), evidence and the states of all claims of the catalogue. Wall clock and elapsed time
 * are moved apart or together; any job can be left out. What other processes try (listeners, the
 * workers' reach, time servers) is answered by the simulation, since there are none:
 * tests/integration/trust.sh has them tried. */
#ifndef HIN_TESTS_MANAGER_SIMULATED_H
#define HIN_TESTS_MANAGER_SIMULATED_H

#include "harness.h"
#include "keys/ring.h"
#include "manager/backup/cycle.h"
#include "manager/backup/rehearsals.h"
#include "manager/probe/chain.h"
#include "manager/probe/runner.h"
#include "proof/key.h"
#include "trust/catalogue.h"

enum {
    SIM_TENANTS = 3,
    SIM_PLACES = 2,
    SIM_CLAIMS_MAX = 160,
    SIM_STEP_HOURS = 4,
    SIM_STEPS_A_DAY = 24 / SIM_STEP_HOURS,
};

enum sim_job { /* what can be left out; a mask */
               SIM_BACKUP = 1,
               SIM_SHIPMENT = 2,
               SIM_RESTORE = 4,
               SIM_DESTRUCTION = 8,
               SIM_SECOND_REGION = 16, /* that place is out of reach */
               SIM_PROBES = 32,
};

struct sim {
    char folder[300], keyring[320], depots[SIM_PLACES][340];
    int vault_folder, database;
    struct hin_ring *ring;
    struct hin_vault *vault;
    struct hin_keys_local local, all;
    int64_t wall_usec, monotonic_usec;
    struct hin_clock clock;
    struct hin_tenant tenants[SIM_TENANTS]; /* as `jobs` has them */
    struct hin_tenant own;                  /* as `backup` has its own */
    struct hin_backup_cycle cycle;
    struct hin_depot *places[SIM_PLACES];
    struct hin_probe_tools tools;
    struct hin_catalogue *catalogue;
    struct hin_told told;                /* kept, as a worker keeps it */
    struct hin_record_followed followed; /* kept, as `jobs` keeps it */
    struct hin_key_memo memo;            /* of the authority */
    int steps;                           /* taken so far */
    bool restore_seen;                   /* by its probe, a week after the first backup */
    unsigned left_out;                   /* enum sim_job */
    const struct hin_probe *left_probe;  /* whose run is left out; NULL: none */
};

/* keep_days: that backups are kept. */
HIN_RESULT sim_build(struct sim *sim, const char *name, unsigned keep_days);
void sim_done(struct sim *sim);
#define SIM(name, folder, keep_days)                                                               \
    HIN_CLEANUP(sim_done) struct sim name = {.vault_folder = -1, .database = -1};                  \
    CHECK_OK(sim_build(&name, folder, keep_days))

/* Four hours: what comes in, then what is due, in the order of the processes; then both clocks
 * move. */
HIN_RESULT sim_step(struct sim *sim);
/* The same without moving the clocks on at its end, and that alone. */
HIN_RESULT sim_work(struct sim *sim);
void sim_pass(struct sim *sim, int64_t usec);

/* What users and agents bring on a day. */
HIN_RESULT sim_live(struct sim *sim);

/* The number that an environment variable says, at least `least`; else `otherwise`. */
int sim_number(const char *variable, int least, int otherwise);

/* The states of all claims, in the order of the catalogue. */
HIN_RESULT sim_claims(struct sim *sim, enum hin_claim_status ret[SIM_CLAIMS_MAX],
                      size_t *ret_count);
/* Every claim is what it should be: red those that hang on `broken` (a probe's name, NULL: none),
 * grey those that hang on `stale`, green all others whose probes can hold here, not assessed the
 * rest. A difference fails the test and says which claim. */
HIN_RESULT sim_expect(struct sim *sim, const char *broken, const char *stale);
/* How many claims hang on a probe and are green on a good day. */
size_t sim_dependants(struct sim *sim, const char *probe);
/* Their names, "S1 S2"; what finds no room is left out. */
const char *sim_name_dependants(struct sim *sim, const char *probe, char *out, size_t out_bytes);
/* The reason of the newest evidence of a probe, as text. */
const char *sim_reason(struct sim *sim, const char *probe, char out[HIN_CLAIM_REASON_MAX]);

struct sim_tally { /* of one tenant */
    int done, destroyed, left, there, failed;
    int64_t newest_usec; /* begun */
    int restores, failed_restores;
};
HIN_RESULT sim_tally(struct sim *sim, struct sim_tally ret_tallies[SIM_TENANTS]);
/* Manifests at a place, of all tenants. */
int sim_manifests(struct sim *sim, size_t place);

/* A drill as the program hands it in, judged by the process `backup`, signed when it is good. */
HIN_RESULT sim_drill(struct sim *sim, struct hin_drill *ret_drill);

#endif
