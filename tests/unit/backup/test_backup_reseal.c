/* Backups without what was erased since: every point in time stays, and of each everything but what
 * goes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backup/reseal.h"
#include "base/bytes.h"
#include "base/fd.h"
#include "event/codec.h"
#include "seal/segment.h"
#include "site.h"

enum { SHIPMENTS = 4 };
#define GONE_USER  "user7"
#define OTHER_USER "user8"

/* --- what goes --- */

static HIN_RESULT is_person(const struct hin_store_event *stored, bool *ret_is)
{
    struct hin_arena arena;
    struct hin_event event;
    hin_arena_init(&arena, 1 << 20);
    struct hin_result decoded = hin_event_decode(stored->bytes, &arena, &event);
    *ret_is = hin_is_ok(decoded) && hin_view_is(hin_event_text(&event, HIN_FIELD_USER), GONE_USER);
    hin_arena_done(&arena);
    return decoded;
}

static HIN_RESULT judge_event(void *context, const struct hin_store_event *event,
                              enum hin_store_verdict *ret_verdict,
                              struct hin_store_event *replacement)
{
    bool person = false;
    (void)context;
    (void)replacement;
    HIN_TRY(is_person(event, &person));
    *ret_verdict = person ? HIN_STORE_ERASE : HIN_STORE_KEEP;
    return hin_ok();
}

static HIN_RESULT judge_document(void *context, const struct hin_store_document *document,
                                 bool *ret_goes)
{
    (void)context;
    *ret_goes = hin_view_find(document->bytes, HIN_VIEW("\"host-5\"")) != SIZE_MAX;
    return hin_ok();
}

struct passing { /* one pass, and what it is made of */
    struct hin_map clean;
    struct hin_backup_sieve sieve;
    struct hin_backup_resealing *resealing;
};

static HIN_RESULT passing_new(struct passing *passing, const struct site *site)
{
    *passing = (struct passing){
        .sieve = {.events = {.judge = judge_event},
                  .judge = judge_document,
                  .kinds = UINT64_C(1) << HIN_STORE_COMPUTERS,
                  .owned_kinds = UINT64_C(1) << HIN_STORE_API_KEYS,
                  .owner_kind = HIN_STORE_COMPUTERS,
                  .clean = &passing->clean},
    };
    HIN_TRY(hin_map_init(&passing->clean, 100000));
    return hin_backup_resealing_new(&passing->resealing, site->source.tenant, &passing->sieve);
}

static void passing_free(struct passing *passing)
{
    hin_backup_resealing_free(passing->resealing);
    hin_map_done(&passing->clean);
}

/* --- a history: a manifest and shipments, before anything goes --- */

struct history {
    struct site site;
    int64_t begun;
    uint32_t version;
    struct hin_buf payload;
    long others[SHIPMENTS + 1]; /* events of each point that stay */
    int64_t dropped;            /* the document that goes */
};

static HIN_RESULT own_keys(struct history *history)
{
    struct hin_store *store = history->site.source.store;
    struct hin_store_document found;
    HIN_CLEANUP(hin_buf_done) struct hin_buf buf = {.max = 4096};
    int64_t id = 0;
    HIN_TRY(hin_store_find(store, HIN_STORE_COMPUTERS, 0, HIN_VIEW("host-5"), &buf, &found));
    history->dropped = found.id;
    for (int64_t i = 0; i < 3; i++) { /* the last but one is that document's */
        char name[16];
        snprintf(name, sizeof(name), "key-%d", (int)i);
        struct hin_store_content content = {.bytes = HIN_VIEW("{}"),
                                            .names = {hin_view_from_text(name)},
                                            .owner = i == 1 ? found.id : 10000 + i};
        HIN_TRY(hin_store_create(store, HIN_STORE_API_KEYS, &content, NOW, &id));
    }
    return hin_ok();
}

static HIN_RESULT grow(struct history *history, uint32_t sequence)
{
    struct fixture *f = &history->site.source;
    struct hin_store_committed committed;
    struct shape more = {.agent = 9, .generation = sequence, .time_usec = NOW};
    HIN_TRY(commit_some(f, &more, 20, NOW + (int64_t)sequence, &committed));
    /* small ones become one, and in the end one that is closed by its day */
    if (sequence == 2) {
        HIN_TRY(hin_store_maintain(f->store, NOW + HIN_STORE_BUSY_USEC * 10, 0));
    }
    if (sequence == SHIPMENTS) {
        more.generation = 1000;
        HIN_TRY(commit_some(f, &more, 20, NOW + 2 * HIN_DAY_USEC, &committed));
    }
    return hin_ok();
}

static long count_all(struct fixture *f)
{
    struct hin_store_filter all = {0};
    return search_count(f, &all, NULL);
}

static long count_others(struct fixture *f)
{
    return count_all(f) - search_term(f, "user", GONE_USER, NULL);
}

static HIN_RESULT history_make(struct history *history, const char *name)
{
    struct hin_backup_manifest base, state;
    struct hin_vault_data_key key = {0};
    struct site *site = &history->site;
    bool changed = false;
    *history = (struct history){.begun = NOW, .payload = {.max = HIN_VAULT_BACKUP_MAX}};
    HIN_TRY(site_start(site, name));
    HIN_TRY(site_fill(site, 2));
    HIN_TRY(own_keys(history));
    HIN_TRY(site_take(site, NOW, NULL, &base, &key));
    history->version = base.version;
    history->others[0] = count_others(&site->source);
    struct hin_result made = hin_buf_append(&history->payload, hin_buf_view(&base.payload));
    hin_backup_manifest_init(&state);
    if (hin_is_ok(made)) {
        made = hin_backup_load(&site->backup, NOW, 0, &state, NULL);
    }
    for (uint32_t i = 1; hin_is_ok(made) && i <= SHIPMENTS; i++) {
        made = grow(history, i);
        if (hin_is_ok(made)) {
            made = site_ship(site, &base, &key, i, &state, &changed);
        }
        history->others[i] = count_others(&site->source);
    }
    hin_secret_done(&key.key);
    hin_backup_manifest_done(&base);
    hin_backup_manifest_done(&state);
    return made;
}

static void history_done(struct history *history)
{
    hin_buf_done(&history->payload);
    site_stop(&history->site);
}

/* Under a new key, and another name. */
static HIN_RESULT reseal(struct history *history, struct hin_backup *backup,
                         struct passing *passing, int64_t begun,
                         struct hin_backup_resealed *ret_resealed)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf payload = {.max = HIN_VAULT_BACKUP_MAX};
    struct hin_vault_data_key key = {0};
    struct site *site = &history->site;
    HIN_TRY(hin_vault_backup_reseal(site->vault, hin_view_from_text(site->source.tenant), 0,
                                    hin_buf_view(&history->payload), &key, &payload));
    struct hin_backup_successor successor = {.begun_usec = begun,
                                             .key = &key,
                                             .payload = hin_buf_view(&payload),
                                             .index = site->source.keys.index};
    struct hin_result done =
        hin_backup_reseal(backup, passing->resealing, history->begun, &successor, ret_resealed);
    hin_secret_done(&key.key);
    return done;
}

static HIN_RESULT destroy_former(struct history *history)
{
    uint64_t objects = 0, bytes = 0;
    struct site *site = &history->site;
    HIN_TRY(hin_vault_backup_destroy(site->vault, hin_view_from_text(site->source.tenant),
                                     history->version));
    HIN_TRY(hin_backup_remove(&site->backup, history->begun));
    return hin_backup_sweep(&site->backup, &objects, &bytes);
}

/* --- what is restored --- */

struct restored {
    long all, person, other, computers, keys;
    bool whole, compares, dropped, named, kept;
    uint64_t damaged;
    int64_t last_event;
};

static bool finds(struct fixture *f, enum hin_store_kind kind, const char *name)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf buf = {.max = 4096};
    struct hin_store_document found;
    return hin_is_ok(hin_store_find(f->store, kind, 0, hin_view_from_text(name), &buf, &found));
}

static HIN_RESULT look_at(struct fixture *f, struct restored *restored)
{
    struct hin_store_check check;
    struct hin_store_position position;
    uint64_t computers = 0, keys = 0;
    restored->all = count_all(f);
    restored->person = search_term(f, "user", GONE_USER, NULL);
    restored->other = search_term(f, "user", OTHER_USER, NULL);
    HIN_TRY(hin_store_check(f->store, &check));
    restored->whole = check.structure_ok && check.events_damaged == 0 &&
                      check.documents_damaged == 0 && check.audit_damaged == 0;
    restored->damaged = check.segments_damaged;
    HIN_TRY(hin_store_count(f->store, HIN_STORE_COMPUTERS, &computers));
    HIN_TRY(hin_store_count(f->store, HIN_STORE_API_KEYS, &keys));
    HIN_TRY(hin_store_position(f->store, &position));
    restored->computers = (long)computers;
    restored->keys = (long)keys;
    restored->last_event = position.last_event_id;
    restored->dropped =
        !finds(f, HIN_STORE_COMPUTERS, "host-5") && !finds(f, HIN_STORE_API_KEYS, "key-1");
    restored->named =
        finds(f, HIN_STORE_COMPUTERS, "host-6") && finds(f, HIN_STORE_API_KEYS, "key-2");
    return hin_ok();
}

static HIN_RESULT restore(struct site *site, struct hin_backup *backup, int64_t begun,
                          uint32_t sequence, struct restored *ret_restored)
{
    struct hin_backup_manifest manifest;
    struct fixture target;
    struct restored restored = {0};
    char name[64];
    snprintf(name, sizeof(name), "back-%llx-%u", (unsigned long long)begun, sequence);
    HIN_TRY(hin_backup_load(backup, begun, sequence, &manifest, NULL));
    struct hin_result done = target_open(&target, site, name);
    if (hin_is_ok(done)) {
        done = hin_backup_restore(backup, &manifest, target.store);
    }
    if (hin_is_ok(done)) {
        restored.compares = hin_is_ok(hin_backup_compare(backup, &manifest, target.store));
        done = look_at(&target, &restored);
    }
    target_stop(&target);
    hin_backup_manifest_done(&manifest);
    HIN_TRY(done);
    *ret_restored = restored;
    return hin_ok();
}

static HIN_RESULT check_objects(struct hin_backup *backup, int64_t begun, uint32_t sequence,
                                uint64_t *ret_bad)
{
    struct hin_backup_manifest manifest;
    struct hin_backup_verdict verdict;
    HIN_TRY(hin_backup_load(backup, begun, sequence, &manifest, NULL));
    struct hin_result checked = hin_backup_check(backup, &manifest, &verdict);
    hin_backup_manifest_done(&manifest);
    HIN_TRY(checked);
    *ret_bad = verdict.damaged + verdict.missing;
    return hin_ok();
}

/* --- filters that lie there --- */

struct looking {
    char list[2000][HIN_DEPOT_NAME_MAX + 1];
    size_t count;
};

static HIN_RESULT add_name(void *context, const struct hin_depot_entry *entry)
{
    struct looking *looking = context;
    HIN_ENSURE(looking->count < HIN_COUNT(looking->list), LIMIT);
    snprintf(looking->list[looking->count++], sizeof(looking->list[0]), "%s", entry->name);
    return hin_ok();
}

/* How many segments in the depot may hold the user, by the filter in their head. */
static HIN_RESULT filters_with(struct history *history, const char *user, int *ret_count)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf bytes = {.max = HIN_BACKUP_OBJECT_MAX};
    struct site *site = &history->site;
    struct hin_term term = {.field = HIN_FIELD_USER, .value = hin_view_from_text(user)};
    struct looking *looking = calloc(1, sizeof(*looking));
    uint64_t token = 0;
    HIN_ENSURE(looking != NULL, NO_MEMORY);
    *ret_count = 0;
    struct hin_result done = hin_store_token(site->source.keys.index, &term, &token);
    if (hin_is_ok(done)) {
        done = hin_depot_list(site->depot, "t/", add_name, looking);
    }
    for (size_t i = 0; hin_is_ok(done) && i < looking->count; i++) {
        struct hin_segment_head head;
        hin_buf_clear(&bytes);
        if (strstr(looking->list[i], "/o/") == NULL) {
            continue;
        }
        done = hin_depot_get(site->depot, looking->list[i], 0, bytes.max, &bytes);
        struct hin_view all = hin_buf_view(&bytes);
        if (hin_is_ok(done) && all.size > 4 &&
            hin_is_ok(hin_segment_read_head(hin_view_sub(all, 4, all.size), &head))) {
            *ret_count += hin_segment_may_hold(&head, token);
        }
    }
    free(looking);
    return done;
}

/* --- tests --- */

TEST(test_backup_reseal__every_point_stays_without_what_goes)
{
    struct history history;
    struct passing passing;
    struct hin_backup_resealed resealed;
    struct restored before, after;
    struct hin_backup_manifest gone;
    uint64_t bad = 1;
    int filters = 0;
    CHECK_OK(history_make(&history, "points"));
    struct hin_backup *backup = &history.site.backup;
    CHECK_OK(passing_new(&passing, &history.site));
    CHECK_OK(reseal(&history, backup, &passing, NOW + 1, &resealed));
    CHECK_INT(resealed.shipments, SHIPMENTS);
    CHECK(resealed.segments > 5 && resealed.events > 5);
    CHECK_INT(resealed.documents, 2);
    CHECK_INT(resealed.lost_segments + resealed.lost_shipments + resealed.unread, 0);
    for (uint32_t i = 0; i <= SHIPMENTS; i++) {
        CHECK_OK(restore(&history.site, backup, NOW, i, &before));
        CHECK_OK(restore(&history.site, backup, NOW + 1, i, &after));
        CHECK(before.person > 0 && before.compares && before.whole && !before.dropped);
        CHECK_INT(after.person, 0);
        CHECK_INT(after.all, history.others[i]);
        CHECK_INT(after.all, before.all - before.person);
        CHECK_INT(after.other, before.other);
        CHECK(after.other > 0 && after.whole && after.compares && after.dropped && after.named);
        CHECK_INT(after.damaged, 0);
        CHECK_INT(after.computers, before.computers - 1);
        CHECK_INT(after.keys, before.keys - 1);
        CHECK_INT(after.last_event, before.last_event);
        CHECK_OK(check_objects(backup, NOW + 1, i, &bad));
        CHECK_INT(bad, 0);
    }
    CHECK_OK(filters_with(&history, GONE_USER, &filters));
    CHECK(filters > 0);
    passing_free(&passing);
    CHECK_OK(destroy_former(&history));
    CHECK_CODE(hin_backup_load(backup, NOW, 0, &gone, NULL), NOT_FOUND);
    CHECK_OK(filters_with(&history, GONE_USER, &filters));
    CHECK_INT(filters, 0);
    CHECK_OK(filters_with(&history, OTHER_USER, &filters));
    CHECK(filters > 0);
    for (uint32_t i = 0; i <= SHIPMENTS; i++) {
        CHECK_OK(check_objects(backup, NOW + 1, i, &bad));
        CHECK_INT(bad, 0);
    }
    history_done(&history);
}

TEST(test_backup_reseal__what_is_known_to_be_clean_is_not_read)
{
    struct history history;
    struct passing passing;
    struct hin_backup_resealed first, second;
    CHECK_OK(history_make(&history, "clean"));
    struct hin_backup *backup = &history.site.backup;
    CHECK_OK(passing_new(&passing, &history.site));
    CHECK_OK(reseal(&history, backup, &passing, NOW + 1, &first));
    uint64_t written = backup->progress.bytes;
    /* the same pass over it again: everything is known, nothing is written but files */
    CHECK_OK(reseal(&history, backup, &passing, NOW + 2, &second));
    CHECK_INT(backup->progress.bytes, written);
    CHECK_INT(second.segments, 0);
    CHECK_INT(second.shipments, SHIPMENTS);
    CHECK_INT(second.bytes, first.bytes);
    passing_free(&passing);
    /* and over the result: there is nothing that goes */
    CHECK_OK(destroy_former(&history));
    history.begun = NOW + 1;
    CHECK_OK(passing_new(&passing, &history.site));
    hin_buf_clear(&history.payload);
    struct hin_backup_manifest manifest;
    CHECK_OK(hin_backup_load(backup, NOW + 1, 0, &manifest, NULL));
    CHECK_OK(hin_buf_append(&history.payload, hin_buf_view(&manifest.payload)));
    hin_backup_manifest_done(&manifest);
    CHECK_OK(reseal(&history, backup, &passing, NOW + 3, &first));
    CHECK_INT(first.events + first.documents + first.segments, 0);
    passing_free(&passing);
    history_done(&history);
}

struct cut {
    uint64_t at, seen;
};

static HIN_RESULT cut_off(void *context, const struct hin_backup_progress *progress)
{
    struct cut *cut = context;
    (void)progress;
    return ++cut->seen == cut->at ? hin_fail(HIN_CLOSED) : hin_ok();
}

/* At any moment the former stands whole, or the new one does, and the next run ends. */
TEST(test_backup_reseal__cut_off_anywhere_no_point_is_lost)
{
    struct history history;
    struct passing passing;
    struct hin_backup_resealed resealed;
    struct restored restored;
    struct cut cut = {0};
    uint64_t bad = 1;
    CHECK_OK(history_make(&history, "cut"));
    struct hin_backup *backup = &history.site.backup;
    backup->between_context = &cut;
    struct hin_result done = hin_fail(HIN_CLOSED);
    for (cut.at = 1; done.code == HIN_CLOSED; cut.at += 3) {
        struct hin_backup_listed *list = NULL;
        size_t count = 0;
        CHECK_OK(passing_new(&passing, &history.site));
        cut.seen = 0;
        backup->between = cut_off;
        done = reseal(&history, backup, &passing, NOW + 1, &resealed);
        backup->between = NULL;
        passing_free(&passing);
        CHECK_OK(hin_backup_list(history.site.depot, history.site.source.tenant, &list, &count));
        CHECK_INT(count, done.code == HIN_CLOSED ? 1 : 2);
        free(list);
        if (cut.at % 12 == 1) {
            uint64_t objects = 0, bytes = 0; /* leavings may be swept in between */
            CHECK_OK(hin_backup_sweep(backup, &objects, &bytes));
            CHECK_OK(check_objects(backup, NOW, SHIPMENTS, &bad));
            CHECK_INT(bad, 0);
        }
    }
    CHECK_OK(done);
    CHECK(cut.at > 15);
    CHECK_OK(destroy_former(&history));
    CHECK_OK(restore(&history.site, backup, NOW + 1, 3, &restored));
    CHECK(restored.whole && restored.compares && restored.dropped);
    CHECK_INT(restored.person, 0);
    CHECK_INT(restored.all, history.others[3]);
    history_done(&history);
}

TEST(test_backup_reseal__into_another_depot_once_it_is_there)
{
    struct history history;
    struct passing passing;
    struct hin_backup_resealed resealed;
    struct restored restored;
    char folder[700], url[740];
    CHECK_OK(history_make(&history, "copy"));
    struct site *site = &history.site;
    CHECK_OK(passing_new(&passing, site));
    CHECK_OK(reseal(&history, &site->backup, &passing, NOW + 1, &resealed));
    passing_free(&passing);
    snprintf(folder, sizeof(folder), "%s/other", site->folder);
    snprintf(url, sizeof(url), "file://%s", folder);
    CHECK_OK(hin_directory_make(folder, 0700));
    struct hin_depot_options options = {.url = url, .directory = -1};
    HIN_CLEANUP(hin_depot_closep) struct hin_depot *depot = NULL;
    CHECK_OK(hin_depot_open(&depot, &options, NULL));
    struct hin_backup other = site->backup;
    struct cut cut = {.at = 9};
    other.depot = depot;
    other.progress = (struct hin_backup_progress){0};
    other.between = cut_off;
    other.between_context = &cut;
    CHECK_CODE(hin_backup_copy(&site->backup, &other, NOW + 1), CLOSED);
    CHECK_INT(other.progress.objects, 9);
    CHECK_OK(hin_backup_copy(&site->backup, &other, NOW + 1)); /* goes on */
    CHECK_INT(other.progress.objects_shared, 9);
    for (uint32_t i = 0; i <= SHIPMENTS; i++) {
        CHECK_OK(restore(site, &other, NOW + 1, i, &restored));
        CHECK_INT(restored.all, history.others[i]);
        CHECK_INT(restored.person, 0);
        CHECK(restored.compares);
    }
    history_done(&history);
}

/* A segment that opens for nobody is left out, so that its key is in no manifest. */
TEST(test_backup_reseal__what_cannot_be_opened_is_left_out_and_counted)
{
    struct history history;
    struct passing passing;
    struct hin_backup_resealed resealed;
    struct hin_backup_manifest manifest;
    struct restored restored;
    char path[HIN_DEPOT_NAME_MAX + 1];
    CHECK_OK(history_make(&history, "lost"));
    struct hin_backup *backup = &history.site.backup;
    CHECK_OK(hin_backup_load(backup, NOW, 0, &manifest, NULL));
    int64_t count = manifest.segments[1].row.count;
    hin_backup_object_path(history.site.source.tenant, manifest.segments[1].object.name, path);
    hin_backup_manifest_done(&manifest);
    CHECK_OK(
        hin_depot_put(history.site.depot, path, HIN_VIEW("nothing of use"), HIN_DEPOT_REPLACE));
    CHECK_OK(passing_new(&passing, &history.site));
    CHECK_OK(reseal(&history, backup, &passing, NOW + 1, &resealed));
    passing_free(&passing);
    CHECK_INT(resealed.lost_segments, 1);
    CHECK_OK(hin_backup_load(backup, NOW + 1, 0, &manifest, NULL));
    const struct hin_backup_segment *lost = &manifest.segments[1];
    uint8_t none[HIN_SEAL_KEY_BYTES] = {0};
    CHECK(lost->row.damaged == 1 && lost->object.size == 0);
    CHECK(memcmp(lost->row.key, none, sizeof(none)) == 0);
    hin_backup_manifest_done(&manifest);
    CHECK_OK(destroy_former(&history));
    CHECK_OK(restore(&history.site, backup, NOW + 1, 0, &restored));
    CHECK_INT(restored.damaged, 1);
    CHECK(restored.all < history.others[0] && restored.all >= history.others[0] - count);
    CHECK_INT(restored.person, 0);
    history_done(&history);
}
