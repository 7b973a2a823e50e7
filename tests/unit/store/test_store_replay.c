/* Every state that a crash can leave within a rewriting, a sealing anew, a migration and an
 * erasure: what was acknowledged holds, nothing stands half done, and it goes on to its end. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "base/time.h"
#include "event/codec.h"
#include "recorder.h"

enum { STEPS_MAX = 200, OTHERS = 1075, PERSONS = 25 };

/* --- the changes --- */

struct judgement {
    struct hin_arena arena;
};

static HIN_RESULT judge_user7(void *context, const struct hin_store_event *event,
                              enum hin_store_verdict *ret_verdict,
                              struct hin_store_event *replacement)
{
    struct judgement *judgement = context;
    struct hin_event decoded;
    (void)replacement;
    hin_arena_reset(&judgement->arena);
    HIN_TRY(hin_event_decode(event->bytes, &judgement->arena, &decoded));
    if (hin_view_is(hin_event_text(&decoded, HIN_FIELD_USER), "user7")) {
        *ret_verdict = HIN_STORE_ERASE;
    }
    return hin_ok();
}

/* One segment: as jobs goes on, from the ID that it has kept. */
static HIN_RESULT rewrite_step(struct fixture *f, int64_t *after_id, bool *ret_more)
{
    struct judgement judgement;
    struct hin_arena names;
    struct hin_term term;
    struct hin_store_rewritten done;
    hin_arena_init(&judgement.arena, 1 << 20);
    hin_arena_init(&names, 1 << 16);
    struct hin_result result = hin_term_parse(HIN_VIEW("user"), HIN_VIEW("user7"), &names, &term);
    struct hin_store_rewrite wanted = {.judge = judge_user7,
                                       .context = &judgement,
                                       .terms = &term,
                                       .term_count = 1,
                                       .after_id = *after_id,
                                       .segments_max = 1};
    if (hin_is_ok(result)) {
        result = hin_store_rewrite(f->store, &wanted, &done);
    }
    hin_arena_done(&judgement.arena);
    hin_arena_done(&names);
    HIN_TRY(result);
    *after_id = done.resume_id;
    *ret_more = done.more;
    return hin_ok();
}

static HIN_RESULT rewrite_all(struct fixture *f)
{
    int64_t after_id = 0;
    bool more = true;
    while (more) {
        HIN_TRY(rewrite_step(f, &after_id, &more));
    }
    return hin_ok();
}

static HIN_RESULT reseal_all(struct fixture *f)
{
    struct hin_store_resealed done = {0};
    uint64_t dropped = 0, kept = 0;
    while (!done.sealed) {
        HIN_TRY(hin_store_reseal_step(f->store, 4, NOW, &done));
    }
    HIN_ENSURE(done.damaged == 0, CORRUPT);
    return hin_store_reseal_end(f->store, &dropped, &kept);
}

/* --- what is recorded --- */

/* Operations recorded when step n was acknowledged. */
struct marks {
    size_t at[STEPS_MAX];
    size_t count;
};

static void mark(struct marks *marks, const struct recorder *recorder)
{
    if (marks->count < STEPS_MAX) {
        marks->at[marks->count++] = recorder->count;
    }
}

static size_t marks_until(const struct marks *marks, size_t end)
{
    size_t count = 0;
    while (count < marks->count && marks->at[count] <= end) {
        count++;
    }
    return count;
}

static HIN_RESULT fill(struct fixture *f)
{
    struct hin_store_committed committed;
    struct hin_store_content content = {.bytes = HIN_VIEW("{\"a\":1}"), .names = {HIN_VIEW("one")}};
    int64_t id = 0;
    HIN_TRY(commit_some(f, &(struct shape){1, 9, 100000, NOW, NULL}, 1000, NOW, &committed));
    for (uint64_t i = 0; i < 5; i++) { /* a segment each, as long as none is merged */
        HIN_TRY(commit_some(f, &(struct shape){1, 9, i * 10000, NOW, NULL}, 20, NOW, &committed));
    }
    HIN_TRY(hin_store_create(f->store, HIN_STORE_COMPUTERS, &content, NOW, &id));
    HIN_TRY(hin_store_agent_blob(f->store, 1, HIN_VIEW("blob")));
    return audit_some(f, 4);
}

/* A filled database, closed, from which the recorder begins; then opened again. */
static HIN_RESULT start(struct fixture *f, const char *name, struct recorder *recorder,
                        const struct hin_store_observer *observer)
{
    f->observer = NULL;
    HIN_TRY(fixture_start(f, name));
    HIN_TRY(fill(f));
    fixture_close(f);
    HIN_TRY(recorder_begin(recorder, f));
    f->observer = observer;
    return fixture_open(f);
}

/* --- what a crash left --- */

/* As a process of later: a table key of its own, and what the key service still has. */
static HIN_RESULT open_copy(struct fixture *copy, const struct fixture *from, const char *folder,
                            bool golden)
{
    struct hin_store_options options;
    struct hin_error error = {0};
    *copy = (struct fixture){.directory = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    HIN_ENSURE(copy->directory >= 0, IO);
    HIN_TRY(keys_new(&copy->keys, 7));
    hin_copy(copy->keys.made, from->keys.made, sizeof(copy->keys.made));
    hin_copy(copy->keys.gone, from->keys.gone, sizeof(copy->keys.gone));
    hin_opener_forget(copy->keys.opener, NULL);
    options = fixture_options(copy);
    HIN_TRY(hin_store_open(&copy->store, &options, &error));
    copy->keys.store = copy->store;
    if (golden) { /* whose own key table is empty */
        struct hin_result put =
            hin_store_key_put(copy->store, from->keys.id, 1, HIN_VIEW("wrapped"), NOW);
        HIN_ENSURE(put.code == HIN_OK || put.code == HIN_EXISTS, INTERNAL);
    }
    copy->keys.id[0] = 100; /* the next free one behind it */
    HIN_TRY(keys_renew(&copy->keys));
    struct hin_store_keys keys = keys_of(&copy->keys);
    return hin_store_unlock(copy->store, &keys);
}

static void close_copy(struct fixture *copy)
{
    fixture_stop(copy);
}

struct found {
    long others, persons;
    bool whole; /* document, blob, record, every page and seal */
};

static HIN_RESULT look(struct fixture *f, struct found *ret_found)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf buf = {.max = 1 << 20};
    struct hin_store_document document;
    struct hin_store_agent agent;
    struct hin_store_check check;
    struct hin_store_report report;
    long all = search_count(f, &(struct hin_store_filter){0}, &report);
    ret_found->persons = search_term(f, "user", "user7", NULL);
    ret_found->others = all - ret_found->persons;
    HIN_TRY(hin_store_find(f->store, HIN_STORE_COMPUTERS, 0, HIN_VIEW("one"), &buf, &document));
    bool same = hin_view_is(document.bytes, "{\"a\":1}");
    HIN_TRY(hin_store_agent_get(f->store, 1, &buf, &agent));
    HIN_TRY(hin_store_check(f->store, &check));
    ret_found->whole = same && hin_view_is(agent.blob, "blob") && report.segments_damaged == 0 &&
                       check.structure_ok && check.segments_damaged == 0 &&
                       check.documents_damaged == 0 && check.audit_damaged == 0 &&
                       check.audit_records == 4;
    return hin_ok();
}

typedef HIN_RESULT go_on(struct fixture *copy, size_t acknowledged);

struct replay {
    const struct recorder *recorder;
    const struct marks *marks;
    const struct fixture *from;
    const char *name;
    /* Judges what was found after so many acknowledged steps. */
    bool (*fits)(const struct found *found, size_t acknowledged);
    go_on *finish; /* afterwards it is as after the last step */
};

static void replay_one(const struct replay *replay, size_t end, enum keep keep, const char *folder)
{
    struct fixture copy;
    struct found found = {0};
    size_t acknowledged = marks_until(replay->marks, end);
    char at[100];
    (void)snprintf(at, sizeof(at), "%s, %s at %zu of %zu, %zu acknowledged", replay->name,
                   keep_names[keep], end, replay->recorder->count, acknowledged);
    struct hin_result result = recorder_rebuild(replay->recorder, end, keep, folder);
    if (hin_is_ok(result)) {
        result = open_copy(&copy, replay->from, folder, false);
    }
    if (hin_is_ok(result)) {
        result = look(&copy, &found);
    }
    if (!hin_is_ok(result) || !found.whole || !replay->fits(&found, acknowledged)) {
        test_fail(__FILE__, __LINE__, "%s: code %d, %ld others, %ld of the person%s", at,
                  result.code, found.others, found.persons, found.whole ? "" : ", not whole");
        return;
    }
    result = replay->finish(&copy, acknowledged);
    if (hin_is_ok(result)) {
        result = look(&copy, &found);
    }
    if (!hin_is_ok(result) || !found.whole || !replay->fits(&found, replay->marks->count)) {
        test_fail(__FILE__, __LINE__, "%s: does not go on: code %d, %ld others, %ld of the person",
                  at, result.code, found.others, found.persons);
    }
    close_copy(&copy);
}

/* About `states` of all there are, evenly; those around an acknowledgement among them. */
static void replay_all(const struct replay *replay, size_t states)
{
    char folder[600];
    size_t count = 0;
    size_t stride = HIN_MAX(replay->recorder->count * KEEPS / states, (size_t)1);
    (void)snprintf(folder, sizeof(folder), "%s/replay_copy", test_folder());
    for (size_t end = 0; end <= replay->recorder->count; end++) {
        for (int keep = KEEP_ALL; keep < KEEPS; keep++) {
            bool edge = false;
            for (size_t i = 0; i < replay->marks->count; i++) {
                edge = edge || (replay->marks->at[i] == end && keep == KEEP_SYNCED);
            }
            if (edge || (end * KEEPS + (size_t)keep) % stride == 0) {
                replay_one(replay, end, (enum keep)keep, folder);
                count++;
            }
        }
    }
    printf("# %s: %zu states of %zu operations, %zu steps\n", replay->name, count,
           replay->recorder->count, replay->marks->count);
}

/* --- rewriting --- */

/* Twenty in the first segment, one in each other: whole or not at all. */
static bool rewriting_fits(const struct found *found, size_t acknowledged)
{
    static const long left[] = {25, 5, 4, 3, 2, 1, 0};
    size_t least = HIN_MIN(acknowledged, HIN_COUNT(left) - 1);
    bool known = false;
    for (size_t i = least; i < HIN_COUNT(left); i++) {
        known = known || found->persons == left[i];
    }
    return found->others == OTHERS && known;
}

static HIN_RESULT finish_rewriting(struct fixture *copy, size_t acknowledged)
{
    (void)acknowledged;
    return rewrite_all(copy);
}

TEST(test_store_replay__rewriting)
{
    static struct recorder recorder;
    static struct marks marks;
    struct hin_store_observer observer = observer_of(&recorder);
    struct fixture f = {0};
    int64_t after_id = 0;
    bool more = true;
    CHECK_OK(start(&f, "replay_rewrite", &recorder, &observer));
    while (more && marks.count < STEPS_MAX) {
        CHECK_OK(rewrite_step(&f, &after_id, &more));
        mark(&marks, &recorder);
        if (marks.count == 3) {
            CHECK_OK(hin_store_checkpoint(f.store));
        }
    }
    CHECK_INT(marks.count, 6);
    CHECK_INT(search_term(&f, "user", "user7", NULL), 0);
    struct replay replay = {&recorder, &marks, &f, "rewriting", rewriting_fits, finish_rewriting};
    replay_all(&replay, 60);
    fixture_stop(&f);
    recorder_free(&recorder);
}

/* --- sealing anew --- */

static bool sealing_fits(const struct found *found, size_t acknowledged)
{
    (void)acknowledged;
    return found->others == OTHERS && found->persons == PERSONS;
}

/* Goes on where the store says; begins where that was not acknowledged. Then the key service loses
 * the keys of before. */
static HIN_RESULT finish_sealing(struct fixture *copy, size_t acknowledged)
{
    if (acknowledged == 0) {
        HIN_TRY(hin_store_reseal_begin(copy->store));
    }
    struct hin_result done = reseal_all(copy);
    if (done.code != HIN_CONFLICT) { /* it had ended already */
        HIN_TRY(done);
    }
    for (unsigned id = 0; id < 100; id++) {
        bool of_before = id == 8;
        copy->keys.gone[id] = copy->keys.gone[id] || of_before;
    }
    hin_opener_forget(copy->keys.opener, NULL);
    return hin_ok();
}

TEST(test_store_replay__sealing_anew)
{
    static struct recorder recorder;
    static struct marks marks;
    struct hin_store_observer observer = observer_of(&recorder);
    struct hin_store_resealed done = {0};
    struct fixture f = {0};
    uint64_t dropped = 0, kept = 0;
    CHECK_OK(start(&f, "replay_reseal", &recorder, &observer));
    CHECK_OK(hin_store_reseal_begin(f.store));
    mark(&marks, &recorder);
    while (!done.sealed && marks.count < STEPS_MAX) {
        CHECK_OK(hin_store_reseal_step(f.store, 4, NOW, &done));
        mark(&marks, &recorder);
        if (marks.count == 3) {
            CHECK_OK(hin_store_checkpoint(f.store));
        }
    }
    CHECK_OK(hin_store_reseal_end(f.store, &dropped, &kept));
    CHECK_INT(dropped, 1);
    CHECK_OK(hin_store_checkpoint(f.store)); /* from here on no frame holds the keys of before */
    struct replay replay = {&recorder, &marks, &f, "sealing anew", sealing_fits, finish_sealing};
    replay_all(&replay, 60);
    fixture_stop(&f);
    recorder_free(&recorder);
}

/* --- migration --- */

struct golden {
    const char *name, *path;
    long events;
    uint64_t sheaves; /* once made */
};

static HIN_RESULT lay_golden(struct fixture *f, const struct golden *golden)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf buf = {.max = 4u << 20};
    *f = (struct fixture){.directory = -1, .observer = f->observer};
    (void)snprintf(f->folder, sizeof(f->folder), "%s/%s", test_folder(), golden->name);
    HIN_ENSURE(mkdir(f->folder, 0700) == 0, IO);
    f->directory = open(f->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    HIN_ENSURE(f->directory >= 0, IO);
    HIN_TRY(hin_file_read(AT_FDCWD, golden->path, &buf));
    HIN_TRY(hin_file_replace(f->directory, "t0.db", hin_buf_view(&buf), 0600));
    return keys_new(&f->keys, 7);
}

/* Whatever there is of its sheaves: all is found; what is missing is made, and all is found. */
static void judge_golden(struct fixture *f, const struct golden *golden, const char *what,
                         size_t at)
{
    struct hin_store_check check = {0};
    struct hin_store_committed committed = {0};
    struct hin_store_stats stats = {0};
    long all = search_count(f, &(struct hin_store_filter){0}, NULL);
    long user7 = search_term(f, "user", "user7", NULL),
         user1 = search_term(f, "user", "user1", NULL);
    struct hin_result checked = hin_store_check(f->store, &check);
    bool good = all == golden->events && user7 == 20 && hin_is_ok(checked) && check.structure_ok &&
                check.segments_damaged == 0 && check.documents_damaged == 0 &&
                check.audit_damaged == 0 && check.audit_records == 2;
    struct hin_result more =
        commit_some(f, &(struct shape){3, 9, 0, NOW, NULL}, 5, NOW, &committed);
    struct hin_result made = hin_store_maintain(f->store, NOW, HIN_DAY_USEC);
    HIN_IGNORE(hin_store_stats(f->store, &stats));
    good = good && hin_is_ok(made) && stats.sheaves == golden->sheaves &&
           search_term(f, "user", "user7", NULL) == 20 &&
           search_term(f, "user", "user1", NULL) == user1 + 1 && user1 > 0;
    if (!good || !hin_is_ok(more) || committed.stored_count != 5) {
        test_fail(__FILE__, __LINE__,
                  "migration, %s, %s at %zu: %ld events, %ld of user7, %llu sheaves, %s",
                  golden->name, what, at, all, user7, (unsigned long long)stats.sheaves,
                  hin_is_ok(more) ? "goes on" : "does not go on");
    }
}

static void replay_golden(const struct golden *golden, const struct recorder *recorder,
                          const struct fixture *f)
{
    char folder[600];
    size_t states = 0;
    (void)snprintf(folder, sizeof(folder), "%s/replay_copy", test_folder());
    for (size_t end = 0; end <= recorder->count; end++) {
        for (int keep = KEEP_ALL; keep < KEEPS; keep++) {
            struct fixture copy;
            CHECK_OK(recorder_rebuild(recorder, end, (enum keep)keep, folder));
            struct hin_result opened = open_copy(&copy, f, folder, true);
            if (hin_is_ok(opened)) {
                judge_golden(&copy, golden, keep_names[keep], end);
            } else {
                test_fail(__FILE__, __LINE__, "migration, %s at %zu: does not open, code %d",
                          keep_names[keep], end, opened.code);
            }
            close_copy(&copy);
            states++;
        }
    }
    printf("# migration of %s: %zu states of %zu operations\n", golden->name, states,
           recorder->count);
}

/* It is migrated, and the sheaves of what was there are made. */
TEST(test_store_replay__migration)
{
    static const struct golden golden[] = {
        {"version 1", GOLDEN_FOLDER "/store_v1.db", 1009, 0},
        {"version 2", GOLDEN_FOLDER "/store_v2.db", 1249, 1},
    };
    for (size_t i = 0; i < HIN_COUNT(golden); i++) {
        static struct recorder recorder;
        struct hin_store_observer observer = observer_of(&recorder);
        struct fixture f = {0};
        CHECK_OK(lay_golden(&f, &golden[i]));
        CHECK_OK(recorder_begin(&recorder, &f));
        f.observer = &observer;
        CHECK_OK(fixture_open(&f));
        CHECK_OK(hin_store_maintain(f.store, NOW, HIN_DAY_USEC));
        CHECK_OK(hin_store_checkpoint(f.store));
        replay_golden(&golden[i], &recorder, &f);
        fixture_stop(&f);
        recorder_free(&recorder);
    }
}

/* --- erasure --- */

/* Files go one by one; whichever are gone already, in whatever order a file system has made that
 * durable, the rest goes. */
TEST(test_store_replay__erasure)
{
    static const char *const names[] = {"t0.db",          "t0.db-wal",         "t0.db-shm",
                                        "t0.db.salvaged", "t0.db.damaged",     "t0.db.damaged-2",
                                        "t0.damage",      "t0.db.damaged-wal", "other.db"};
    struct fixture f = {0};
    struct hin_error error = {0};
    CHECK_OK(fixture_start(&f, "replay_erase"));
    struct hin_store_options options = fixture_options(&f);
    fixture_close(&f);
    for (unsigned there = 0; there < 1u << (HIN_COUNT(names) - 1); there++) {
        bool done = false;
        for (size_t i = 0; i < HIN_COUNT(names); i++) {
            bool is = i == HIN_COUNT(names) - 1 || (there >> i & 1) != 0;
            int fd = is ? openat(f.directory, names[i], O_WRONLY | O_CREAT | O_CLOEXEC, 0600) : -1;
            CHECK(!is || (fd >= 0 && write(fd, "sealed", 6) == 6 && close(fd) == 0));
        }
        for (int steps = 0; !done && steps < 20; steps++) {
            CHECK_OK(hin_store_erase(&options, &done, &error));
        }
        CHECK(done);
        for (size_t i = 0; i < HIN_COUNT(names) - 1; i++) {
            CHECK(faccessat(f.directory, names[i], F_OK, 0) != 0);
        }
        CHECK(faccessat(f.directory, names[HIN_COUNT(names) - 1], F_OK, 0) == 0);
    }
    fixture_stop(&f);
}
