/* Reading systemd's journal through libsystemd (sd-journal(3)), from descriptors of its files that
 * somebody else opened.
 *
 * An entry's offset is its sequence number (the "i=" of its cursor); the generation is a random
 * number for each sequence (the "s="), drawn anew when journald began another one. On the first
 * start reading begins ten minutes back. The position is the cursor of the last entry handed out.
 * Single-threaded. */
#ifndef HIN_SENSOR_JOURNAL_H
#define HIN_SENSOR_JOURNAL_H

#include "base/result.h"
#include "base/view.h"

/* Under which positions of the journal are saved; a tail's ids are random. */
#define HIN_JOURNAL_POSITION_ID   UINT64_C(1)
#define HIN_JOURNAL_FILES_MAX     8
#define HIN_JOURNAL_FIELD_MAX     65536 /* bytes of a field that are looked at */
#define HIN_JOURNAL_PORTION_COUNT 512   /* entries a call */

struct hin_journal_source;

struct hin_journal_source_options {
    void *context;
    /* "NAME=value" of the entry that follows, in any order, "__REALTIME_TIMESTAMP=" among them. */
    void (*field)(void *context, struct hin_view field);
    /* The entry is whole. A failure stops the portion; the entry is handed out again. */
    HIN_RESULT (*entry)(void *context, uint64_t generation, uint64_t offset);
};

HIN_RESULT hin_journal_source_new(struct hin_journal_source **ret_source,
                                  const struct hin_journal_source_options *options) HIN_NONNULL;
void hin_journal_source_free(struct hin_journal_source *source);

/* Read from these files from now on (ownership passes in any case); nothing is done when they are
 * the ones in use. Goes on behind the last entry handed out. */
HIN_RESULT hin_journal_source_open(struct hin_journal_source *source, int *fds, size_t count,
                                   int64_t now_wall_usec) HIN_NONNULL;
/* A saved position; before the first open. */
HIN_RESULT hin_journal_source_restore(struct hin_journal_source *source,
                                      struct hin_view position) HIN_NONNULL;
/* The position, when it changed since the last call. */
HIN_RESULT hin_journal_source_position(struct hin_journal_source *source, void *context,
                                       HIN_RESULT (*save)(void *context, uint64_t id,
                                                          struct hin_view position));

HIN_RESULT hin_journal_source_read(struct hin_journal_source *source, bool *ret_more) HIN_NONNULL;

#endif
