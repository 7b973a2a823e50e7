/* Records every change of a database's files, and lays out what a crash at any of them would have
 * left: a recorded run is replayed up to an operation, with all writes so far, with only what had
 * been synced, or with a part of the rest. SQLite only. */
#ifndef HIN_TESTS_STORE_RECORDER_H
#define HIN_TESTS_STORE_RECORDER_H

#include "fixture.h"

enum op_type { OP_WRITE, OP_TRUNCATE, OP_SYNC, OP_REMOVE };

struct op {
    enum op_type type;
    char name[32];
    int64_t offset; /* or size */
    uint8_t *bytes;
    size_t size;
};

struct recorder {
    struct op *ops;
    size_t count, capacity;
    size_t fail_at; /* writes from this one on answer NO_SPACE; 0: none */
    size_t write_count;
    struct hin_buf base; /* t0.db as it was before the first operation; empty: there was none */
};

struct hin_store_observer observer_of(struct recorder *recorder);
void recorder_free(struct recorder *recorder);
/* From here on: what was recorded is dropped, and t0.db of the closed fixture is what it starts
 * from. */
HIN_RESULT recorder_begin(struct recorder *recorder, const struct fixture *f);

enum keep { KEEP_ALL, KEEP_SYNCED, KEEP_SOME, KEEPS };
extern const char *const keep_names[KEEPS];
/* `folder` holds afterwards what the first `end` operations left. */
HIN_RESULT recorder_rebuild(const struct recorder *recorder, size_t end, enum keep keep,
                            const char *folder);

#endif
