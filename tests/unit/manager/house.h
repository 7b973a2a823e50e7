/* An installation of one tenant with two folders as destinations of its backups, on clocks of the
 * test's: what tests of the process `backup` share. */
#ifndef TESTS_UNIT_MANAGER_HOUSE_H
#define TESTS_UNIT_MANAGER_HOUSE_H

#include "keys/ring.h"
#include "manager/backup/cycle.h"

enum { HOUSE_KEEP_DAYS = 35, HOUSE_PLACES = 2 };

extern const char house_id[]; /* of its tenant */

struct house {
    char folder[300], keyring[320], depot[HOUSE_PLACES][340];
    int vault_folder, database;
    struct hin_ring *ring;
    struct hin_vault *vault;
    struct hin_keys_local local, all;
    int64_t wall_usec, monotonic_usec;
    struct hin_clock clock;
    struct hin_tenant own;
    struct hin_backup_cycle cycle;
    int stop_after; /* turns until the process is told to stop; 0: never */
};

HIN_RESULT house_build(struct house *house, const char *name) HIN_NONNULL;
void house_demolish(struct house *house) HIN_NONNULL;
/* The process starts, and ends. */
HIN_RESULT house_begin(struct house *house) HIN_NONNULL;
void house_end(struct house *house) HIN_NONNULL;

#define HOUSE(name, folder)                                                                        \
    HIN_CLEANUP(house_demolish) struct house name = {.vault_folder = -1, .database = -1};          \
    CHECK_OK(house_build(&name, folder))

/* Time does. */
void house_pass(struct house *house, int64_t usec) HIN_NONNULL;
/* Something happens that is in the next backup. */
HIN_RESULT house_live(struct house *house, const char *what) HIN_NONNULL;

struct house_tally {
    int states[HIN_BACKUP_DESTROYED + 1];
    int left, removed, there;
    int64_t oldest_usec; /* of those that are done */
};
/* Of the catalogue. */
struct house_tally house_tally(struct house *house) HIN_NONNULL;
/* -1: the place does not say. */
int house_manifests(struct house *house, size_t at) HIN_NONNULL;

#endif
