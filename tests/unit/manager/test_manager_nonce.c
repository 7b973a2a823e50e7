/* A nonce never comes twice under one key, whatever is done to force it: a state (key ring, vault,
 * database) is kept, used by four histories that know nothing of each other (by the process that
 * made it, by its fork at the same time, and by two that put the old copy back and run with the
 * clock set back), and all that any of them sealed is looked at. */
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "base/map.h"
#include "crypt/hash.h"
#include "harness.h"
#include "keys/ring.h"
#include "manager/audit.h"
#include "store/agents.h"
#include "store/documents.h"
#include "store/events.h"

static const char tenant_id[] = "11111111-2222-4333-8444-555555555555";

enum { FILE_MAX = 64 << 20, PAIR_BYTES = HIN_SEAL_HEAD_BYTES - 4, DOCUMENTS = 40, COMMITS = 10 };

/* An installation: STATE.keyring, STATE/vault, STATE/db. */
struct state {
    char keyring[300];
    int folder, database;
    struct hin_ring *ring;
    struct hin_vault *vault;
    struct hin_keys_local local;
    struct hin_tenant tenant;
    int64_t now_usec; /* and one more each time it is asked for */
    struct hin_clock clock;
};

static int64_t state_time(void *context)
{
    struct state *state = context;
    return state->now_usec++;
}

static HIN_RESULT state_folders(struct state *state, const char *name, int64_t now_usec)
{
    char path[320];
    *state = (struct state){.folder = -1, .database = -1, .now_usec = now_usec};
    state->tenant.lock = -1;
    state->clock = (struct hin_clock){state_time, state_time, state};
    snprintf(state->keyring, sizeof(state->keyring), "%s/%s.keyring", test_folder(), name);
    snprintf(path, sizeof(path), "%s/%s/db", test_folder(), name);
    HIN_TRY(hin_directory_make(path, 0700));
    HIN_TRY(hin_fd_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0, &state->database));
    snprintf(path, sizeof(path), "%s/%s", test_folder(), name);
    return hin_fd_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0, &state->folder);
}

static HIN_RESULT state_start(struct state *state, bool create)
{
    struct hin_error error = {0};
    struct hin_vault_options options = {.storage = hin_vault_storage_folder(&state->folder),
                                        .clock = &state->clock};
    if (create) {
        HIN_TRY(hin_ring_create(AT_FDCWD, state->keyring, NULL, NULL));
    }
    HIN_TRY(hin_ring_open(&state->ring, AT_FDCWD, state->keyring, NULL, NULL));
    options.provider = hin_ring_provider(state->ring);
    if (create) {
        HIN_TRY(hin_vault_create(&state->vault, &options, "test"));
        HIN_TRY(hin_vault_tenant_create(state->vault, hin_view_from_text(tenant_id)));
    } else {
        HIN_TRY(hin_vault_open(&state->vault, &options));
    }
    state->local = (struct hin_keys_local){state->vault, HIN_KEYS_MASK_WORKER};
    struct hin_keys_carrier carrier = hin_keys_carrier_local(&state->local);
    return hin_tenant_open(&state->tenant, &(struct hin_tenant_place){state->database, NULL},
                           tenant_id, &carrier, HIN_VAULT_FOR_INGEST, &state->clock, create,
                           &error);
}

static void state_done(struct state *state)
{
    hin_tenant_close(&state->tenant);
    hin_vault_free(state->vault);
    hin_ring_free(state->ring);
    hin_fd_close(&state->database);
    hin_fd_close(&state->folder);
}

/* ---- a copy, taken while nothing runs ---- */

static HIN_RESULT copy_file(int from, int to, const char *from_name, const char *to_name,
                            unsigned mode)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf bytes = {.max = FILE_MAX};
    HIN_TRY(hin_file_read(from, from_name, &bytes));
    return hin_file_replace(to, to_name, hin_buf_view(&bytes), mode);
}

static HIN_RESULT copy(const struct state *from, const struct state *to)
{
    char name[64];
    snprintf(name, sizeof(name), "%s.db", tenant_id);
    HIN_TRY(copy_file(AT_FDCWD, AT_FDCWD, from->keyring, to->keyring, 0400));
    HIN_TRY(copy_file(from->folder, to->folder, "vault", "vault", 0600));
    return copy_file(from->database, to->database, name, name, 0600);
}

/* ---- the same work in every history: rows of each kind, a rotation, a restart ---- */

static HIN_RESULT commit(struct state *state, uint64_t number)
{
    struct hin_store_event event = {
        .time_usec = state->now_usec,
        .computer_id = 1,
        .class_uid = 2004,
        .severity_id = 1,
        .identity = {.agent = 1, .generation = 1, .offset = number * 100, .finding = 0},
        .bytes = HIN_VIEW("what was seen"),
    };
    struct hin_store_committed committed;
    return hin_store_commit(state->tenant.store, &event, 1, NULL, 0, state->now_usec, &committed);
}

static HIN_RESULT work(struct state *state, uint64_t from)
{
    struct hin_store_content content = {.bytes = HIN_VIEW("the same words")};
    struct hin_audit audit = {.action = "test", .outcome = "done", .actor = HIN_VIEW("test")};
    int64_t id = 0;
    for (uint64_t i = 0; i < DOCUMENTS; i++) {
        HIN_TRY(hin_store_create(state->tenant.store, HIN_STORE_SETTINGS, &content, state->now_usec,
                                 &id));
        HIN_TRY(hin_audit_write(&state->tenant, &audit));
    }
    for (uint64_t i = 0; i < COMMITS; i++) {
        HIN_TRY(commit(state, from + i));
    }
    HIN_TRY(hin_store_agent_blob(state->tenant.store, 1, HIN_VIEW("an agent")));
    return hin_tenant_rotate_data(&state->tenant);
}

/* A whole life of a process on a copy of `old`, with this clock. */
static HIN_RESULT live(const struct state *old, const char *name, int64_t now_usec)
{
    HIN_CLEANUP(state_done) struct state state;
    HIN_TRY(state_folders(&state, name, now_usec));
    HIN_TRY(copy(old, &state));
    HIN_TRY(state_start(&state, false));
    HIN_TRY(work(&state, 1000));
    return work(&state, 2000);
}

/* ---- what was sealed: by pairs of key and nonce ---- */

struct pairs {
    struct hin_map seen; /* pair -> digest of the row it stands in */
    size_t again;        /* the very row of the common past, met in another copy */
    size_t reused;       /* one pair in two rows that differ */
};

static void pairs_done(struct pairs *pairs)
{
    size_t at = 0;
    struct hin_view key;
    void *digest = NULL;
    while (hin_map_next(&pairs->seen, &at, &key, &digest)) {
        free(digest);
    }
    hin_map_done(&pairs->seen);
}

static HIN_RESULT note(struct pairs *pairs, struct hin_view pair, struct hin_view row)
{
    uint8_t digest[HIN_SHA256_BYTES];
    HIN_TRY(hin_sha256(row, digest));
    const uint8_t *known = hin_map_get(&pairs->seen, pair);
    if (known != NULL) {
        bool same = memcmp(known, digest, sizeof(digest)) == 0;
        pairs->again += same;
        pairs->reused += !same;
        return hin_ok();
    }
    uint8_t *kept = malloc(sizeof(digest));
    HIN_ENSURE(kept != NULL, NO_MEMORY);
    hin_copy(kept, digest, sizeof(digest));
    struct hin_result put = hin_map_put(&pairs->seen, pair, kept);
    if (!hin_is_ok(put)) {
        free(kept);
    }
    return put;
}

/* Sealed values and heads of segments begin alike: magic, key's id, nonce. */
static HIN_RESULT note_row(struct pairs *pairs, struct hin_view row)
{
    for (size_t at = 0; at + HIN_SEAL_HEAD_BYTES <= row.size; at++) {
        const uint8_t *head = row.data + at;
        if (memcmp(head, "HSV\1", 4) == 0 || memcmp(head, "HSG\1", 4) == 0) {
            HIN_TRY(note(pairs, hin_view_of(head + 4, PAIR_BYTES), row));
        }
    }
    return hin_ok();
}

static HIN_RESULT note_table(struct pairs *pairs, sqlite3 *db, const char *query)
{
    sqlite3_stmt *statement = NULL;
    HIN_ENSURE(sqlite3_prepare_v2(db, query, -1, &statement, NULL) == SQLITE_OK, IO);
    struct hin_result noted = hin_ok();
    int step = sqlite3_step(statement);
    for (; step == SQLITE_ROW && hin_is_ok(noted); step = sqlite3_step(statement)) {
        noted = note_row(pairs, hin_view_of(sqlite3_column_blob(statement, 0),
                                            (size_t)sqlite3_column_bytes(statement, 0)));
    }
    sqlite3_finalize(statement);
    HIN_TRY(noted);
    HIN_ENSURE(step == SQLITE_DONE, IO);
    return hin_ok();
}

/* With SQLite alone: the file, not the product's view of it. */
static HIN_RESULT note_all(struct pairs *pairs, const char *name)
{
    static const char *const queries[] = {"SELECT bytes FROM meta WHERE bytes IS NOT NULL",
                                          "SELECT sealed FROM document",
                                          "SELECT sealed FROM data_key",
                                          "SELECT sealed FROM audit",
                                          "SELECT head FROM segment",
                                          "SELECT sealed FROM agent WHERE sealed IS NOT NULL"};
    char path[400];
    sqlite3 *db = NULL;
    snprintf(path, sizeof(path), "file:%s/%s/db/%s.db?immutable=1", test_folder(), name, tenant_id);
    struct hin_result noted = hin_ok();
    if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL) != SQLITE_OK) {
        noted = hin_fail(HIN_IO);
    }
    for (size_t i = 0; i < HIN_COUNT(queries) && hin_is_ok(noted); i++) {
        noted = note_table(pairs, db, queries[i]);
    }
    sqlite3_close(db);
    return noted;
}

/* ---- the fork ---- */

enum { CHILD_REFUSED = 10, CHILD_SEALED = 11, CHILD_FAILED = 12 };

/* With the sealer of its parent nothing can be sealed; with the state put back, as whoever starts
 * on it. */
static int child(struct state *parent, const struct state *old, int64_t now_usec)
{
    struct hin_seal_place place = {hin_view_from_text(tenant_id), HIN_VIEW("t"), HIN_VIEW("r"),
                                   HIN_VIEW("f")};
    HIN_CLEANUP(hin_buf_done) struct hin_buf sealed = {.max = 4096};
    for (int i = 0; i < 3; i++) {
        if (hin_seal_value(parent->tenant.sealer, &place, HIN_VIEW("x"), &sealed).code !=
            HIN_CONFLICT) {
            return CHILD_SEALED;
        }
    }
    struct hin_result lived = live(old, "forked", now_usec);
    return hin_is_ok(lived) && sealed.size == 0 ? CHILD_REFUSED : CHILD_FAILED;
}

TEST(test_manager_nonce__none_comes_twice_over_forks_old_states_and_a_clock_set_back)
{
    int64_t began_usec = hin_clock_wall_usec(hin_clock_system());
    HIN_CLEANUP(pairs_done) struct pairs pairs = {0};
    HIN_CLEANUP(state_done) struct state first;
    HIN_CLEANUP(state_done) struct state old;
    CHECK_OK(hin_map_init(&pairs.seen, 65536));
    CHECK_OK(state_folders(&first, "first", began_usec));
    CHECK_OK(state_folders(&old, "old", began_usec));
    CHECK_OK(state_start(&first, true));
    CHECK_OK(work(&first, 0));
    hin_tenant_close(&first.tenant);
    CHECK_OK(copy(&first, &old));
    /* the first goes on, and so does its fork, at the same time and with the same clock */
    struct hin_keys_carrier carrier = hin_keys_carrier_local(&first.local);
    int64_t went_on_usec = first.now_usec;
    CHECK_OK(hin_tenant_open(&first.tenant, &(struct hin_tenant_place){first.database, NULL},
                             tenant_id, &carrier, HIN_VAULT_FOR_INGEST, &first.clock, false,
                             &(struct hin_error){0}));
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        _exit(child(&first, &old, went_on_usec));
    }
    CHECK(pid > 0);
    int status = 0;
    CHECK_OK(work(&first, 1000));
    CHECK_OK(work(&first, 2000));
    CHECK(waitpid(pid, &status, 0) == pid);
    CHECK(WIFEXITED(status));
    CHECK_INT(WEXITSTATUS(status), CHILD_REFUSED);
    hin_tenant_close(&first.tenant);
    /* the old state put back: with the clock of before, and with one set back a year */
    CHECK_OK(live(&old, "again", began_usec));
    CHECK_OK(live(&old, "earlier", began_usec - 365 * HIN_DAY_USEC));
    static const char *const histories[] = {"first", "forked", "again", "earlier"};
    size_t distinct = 0;
    for (size_t i = 0; i < HIN_COUNT(histories); i++) {
        CHECK_OK(note_all(&pairs, histories[i]));
        CHECK(pairs.seen.count >= distinct + 4 * DOCUMENTS + 2 * COMMITS);
        distinct = pairs.seen.count;
    }
    CHECK_INT(pairs.reused, 0);
    CHECK(pairs.again > 2 * DOCUMENTS); /* their common past was met, so rows are told apart */
}

/* The bookkeeping above would see it. */
TEST(test_manager_nonce__a_pair_in_two_rows_is_told)
{
    HIN_CLEANUP(pairs_done) struct pairs pairs = {0};
    uint8_t row[HIN_SEAL_HEAD_BYTES + 8] = "xHSV\1";
    CHECK_OK(hin_map_init(&pairs.seen, 16));
    CHECK_OK(note_row(&pairs, hin_view_of(row, sizeof(row))));
    CHECK_OK(note_row(&pairs, hin_view_of(row, sizeof(row))));
    CHECK_INT(pairs.again, 1);
    CHECK_INT(pairs.reused, 0);
    row[sizeof(row) - 1] ^= 1;
    CHECK_OK(note_row(&pairs, hin_view_of(row, sizeof(row))));
    CHECK_INT(pairs.reused, 1);
}
