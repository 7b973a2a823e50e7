/* What the files of the cycle share. */
#ifndef HIN_MANAGER_BACKUP_CYCLE_INTERNAL_H
#define HIN_MANAGER_BACKUP_CYCLE_INTERNAL_H

#include "manager/backup/cycle.h"

/* An engine's handle on a subject at a destination. */
struct hin_backup hin_cycle_handle(struct hin_backup_cycle *cycle,
                                   struct hin_backup_subject *subject, size_t at) HIN_NONNULL;
void hin_cycle_forget(struct hin_backup_chain *chain) HIN_NONNULL;
/* Records of a tenant (number -1: of all) but those that are settled, oldest first; the caller
 * frees. What is done again and again reads these. */
HIN_RESULT hin_cycle_records(struct hin_backup_cycle *cycle, int64_t number,
                             struct hin_backup_record **ret_records, size_t *ret_count) HIN_NONNULL;
/* Settled ones, too. */
HIN_RESULT hin_cycle_all_records(struct hin_backup_cycle *cycle, int64_t number,
                                 struct hin_backup_record **ret_records,
                                 size_t *ret_count) HIN_NONNULL;
/* --- entries that cannot be read (cycle_mend.c) --- */

/* For a listing of that tenant (-1: all): none is known any more; then each that was met. */
void hin_cycle_drop_damaged(struct hin_backup_cycle *cycle, int64_t number) HIN_NONNULL;
HIN_RESULT hin_cycle_add_damaged(struct hin_backup_cycle *cycle,
                                 const struct hin_backup_damaged *damaged) HIN_NONNULL;
void hin_cycle_forget_damaged(struct hin_backup_cycle *cycle, int64_t id) HIN_NONNULL;
/* As the last listing found, but for settled ones; -1: of all tenants. */
size_t hin_cycle_damaged(const struct hin_backup_cycle *cycle, int64_t number) HIN_NONNULL;
/* The one that a backup which lies at a destination and stands in no other entry may be that of.
 * exact: only one that was made when it was begun. NULL: none. */
const struct hin_backup_damaged *hin_cycle_damaged_of(const struct hin_backup_cycle *cycle,
                                                      int64_t number, int64_t begun_usec,
                                                      bool exact) HIN_NONNULL;
/* Made anew from what lies at the destinations, where it does; *ret_asked: each of them answered,
 * *ret_mended: how many were. */
HIN_RESULT hin_cycle_mend(struct hin_backup_cycle *cycle, const struct hin_backup_subject *subject,
                          size_t *ret_mended, bool *ret_asked) HIN_NONNULL;
/* Those of all tenants, by itself, now and then. */
HIN_RESULT hin_cycle_mend_due(struct hin_backup_cycle *cycle) HIN_NONNULL;
/* What lies at a destination and the catalogue does not know, or knows as being taken. records: all
 * of it, of these tenants at the least, settled ones too, just listed. */
HIN_RESULT hin_cycle_note(struct hin_backup_cycle *cycle, size_t at,
                          struct hin_backup_record *records, size_t record_count,
                          const struct hin_backup_listed *list, size_t count)
    __attribute__((nonnull(1)));

struct hin_backup_subject *hin_cycle_subject(struct hin_backup_cycle *cycle,
                                             const char *uuid) HIN_NONNULL;
HIN_RESULT hin_cycle_audit(struct hin_backup_cycle *cycle, const char *action, const char *outcome,
                           const struct hin_backup_record *record, const char *detail) HIN_NONNULL;
/* Writes the record down and says so in the audit record: both, or neither. */
HIN_RESULT hin_cycle_write_audited(struct hin_backup_cycle *cycle, struct hin_backup_record *record,
                                   const char *action, const char *outcome,
                                   const char *detail) HIN_NONNULL;
HIN_RESULT hin_cycle_wake(struct hin_backup_cycle *cycle,
                          struct hin_backup_subject *subject) HIN_NONNULL;
/* The chain of a subject at a destination, loaded where it is not: its newest backup that can be
 * read. NOT_FOUND: there is none. */
HIN_RESULT hin_cycle_load(struct hin_backup_cycle *cycle, struct hin_backup_subject *subject,
                          size_t at) HIN_NONNULL;
/* The newest version of the key of a tenant's backups, where no backup has it: it was made and cut
 * off before anything was written with it, or only so that the one before could go. 0: none is
 * known to be. records: all of the tenant's. */
HIN_RESULT hin_cycle_spare(struct hin_backup_cycle *cycle, const char *uuid,
                           const struct hin_backup_record *records, size_t count,
                           uint32_t *ret_version) __attribute__((nonnull(1, 2, 5)));
/* What is new of one tenant, whether it seems so or not; *ret_count: at how many destinations all
 * of it lies now. */
HIN_RESULT hin_cycle_ship_now(struct hin_backup_cycle *cycle, struct hin_backup_subject *subject,
                              size_t *ret_count) HIN_NONNULL;
/* Destroys all that are done, but the newest. */
HIN_RESULT hin_cycle_destroy_former(struct hin_backup_cycle *cycle, int64_t number) HIN_NONNULL;
/* One that was cut off while it was made: its key goes, and what it has written is used by the next
 * one; where it took another's place and is whole at a destination, it stands. */
HIN_RESULT hin_cycle_end_record(struct hin_backup_cycle *cycle,
                                struct hin_backup_record *record) HIN_NONNULL;
/* All such: of a process of before, or whose key could not be destroyed when they had failed. While
 * none is being made. */
HIN_RESULT hin_cycle_end_interrupted(struct hin_backup_cycle *cycle) HIN_NONNULL;
/* Its key, then the catalogue: what lies at places is left there, to be removed. */
HIN_RESULT hin_cycle_destroy_key(struct hin_backup_cycle *cycle, struct hin_backup_record *record,
                                 const char *why) HIN_NONNULL;
/* What is left of records of one tenant at destinations goes, and what nothing names there. What
 * cannot be removed now is tried again. */
HIN_RESULT hin_cycle_clear(struct hin_backup_cycle *cycle, struct hin_backup_record *records,
                           size_t count) HIN_NONNULL;
/* Each tenant that `number` names (-1: all), one after the other. */
HIN_RESULT hin_cycle_for_each(struct hin_backup_cycle *cycle, int64_t number,
                              HIN_RESULT (*act)(struct hin_backup_cycle *cycle,
                                                struct hin_backup_subject *subject, void *context,
                                                bool *ret_good),
                              void *context, int64_t *ret_failures)
    __attribute__((nonnull(1, 3, 5)));
/* What a rehearsal that was cut off has left. */
HIN_RESULT hin_cycle_clear_scratch(struct hin_backup_cycle *cycle) HIN_NONNULL;
/* Writes down destinations and the time that destruction goes by, moved on. *ret_usec: what is
 * older is so by both clocks' word; *ret_agree: they do, within a day. */
HIN_RESULT hin_cycle_move_time(struct hin_backup_cycle *cycle, int64_t *ret_usec,
                               bool *ret_agree) HIN_NONNULL;
/* What lies at the destination now: with all that was shipped. */
const struct hin_backup_manifest *hin_cycle_state(const struct hin_backup_chain *chain) HIN_NONNULL;
/* What went wrong with a call of an engine, in words. */
void hin_cycle_describe(const struct hin_backup *backup, struct hin_result result, char *out,
                        size_t out_bytes) HIN_NONNULL;

/* --- destinations (standing.c) --- */

/* By what it did last. */
bool hin_cycle_is_failing(const struct hin_backup_cycle *cycle, size_t at) HIN_NONNULL;
/* It is there and does not rest after a failure. */
bool hin_cycle_may_try(const struct hin_backup_cycle *cycle, size_t at) HIN_NONNULL;
/* What is wrong with one that fails, and what to do. */
const char *hin_cycle_trouble(const struct hin_backup_cycle *cycle, size_t at) HIN_NONNULL;
/* Somebody asks: none rests. */
void hin_cycle_wake_destinations(struct hin_backup_cycle *cycle) HIN_NONNULL;
/* Before something is done there; answers the time, monotonic. The depot is there. */
int64_t hin_cycle_try(struct hin_backup_cycle *cycle, size_t at) HIN_NONNULL;
/* What came of it: whether the destination is to blame for a failure. */
bool hin_cycle_saw(struct hin_backup_cycle *cycle, size_t at, int64_t since_usec,
                   struct hin_result result) HIN_NONNULL;
/* It was done; perhaps too slowly, for so few bytes. */
void hin_cycle_saw_pace(struct hin_backup_cycle *cycle, size_t at, int64_t since_usec,
                        uint64_t bytes) HIN_NONNULL;

/* --- what was read back (cycle_look.c) --- */

/* All of the newest backup was: amiss objects, as `text` says. */
HIN_RESULT hin_cycle_looked_whole(struct hin_backup_cycle *cycle,
                                  struct hin_backup_subject *subject, size_t at, int64_t amiss,
                                  const char *text) HIN_NONNULL;
/* Something lies there and is not what was written, or is missing: not a call that failed. */
bool hin_cycle_is_damage(struct hin_result result);
/* As it stands in the store, into the subjects. */
HIN_RESULT hin_cycle_read_looks(struct hin_backup_cycle *cycle) HIN_NONNULL;

/* As hin_backup_cycle_alert, where a tenant's store may be in use: what only tenants are told
 * waits.
 */
HIN_RESULT hin_cycle_alert_within(struct hin_backup_cycle *cycle) HIN_NONNULL;

/* What concerns all, not one tenant or destination: nothing goes on after it. */
bool hin_cycle_is_final(struct hin_result result);

static inline int64_t hin_cycle_now_usec(const struct hin_backup_cycle *cycle)
{
    return hin_clock_wall_usec(cycle->clock);
}
static inline int64_t hin_cycle_monotonic_usec(const struct hin_backup_cycle *cycle)
{
    return hin_clock_monotonic_usec(cycle->clock);
}

#endif
