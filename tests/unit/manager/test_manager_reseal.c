/* An erasure of a person as it ends in backups: each is sealed anew without them, at every
 * destination that is in reach; what is not is told, and caught up with. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "event/codec.h"
#include "event/state.h"
#include "harness.h"
#include "keys/ring.h"
#include "manager/backup/cycle.h"
#include "manager/certificate.h"
#include "manager/person_erasure.h"
#include "store/events.h"

static const char own_id[] = "11111111-2222-4333-8444-555555555555";
enum { PLACES = 2, DAYS = 4, EVENTS_A_DAY = 12 };

struct house {
    char folder[300], depots[2][340];
    int vault_folder, database, scratch;
    struct hin_ring *ring;
    struct hin_vault *vault;
    struct hin_keys_local local, all;
    int64_t wall_usec, monotonic_usec;
    struct hin_clock clock;
    struct hin_tenant own;
    struct hin_backup_cycle cycle;
    int stop_after; /* turns until the process is told to stop; 0: never */
    int keys_after; /* calls until the process with the keys ends; 0: never */
    bool done_then; /* what that call asked for is done, and its answer lost */
    bool keys_away; /* the key management service; no call is answered */
    int restores;   /* so far */
    int64_t alice;  /* the account's document */
};

static int64_t wall_of(void *context)
{
    return ((const struct house *)context)->wall_usec;
}

static int64_t monotonic_of(void *context)
{
    return ((const struct house *)context)->monotonic_usec;
}

static struct hin_result turn(void *context)
{
    struct house *house = context;
    return house->stop_after > 0 && --house->stop_after == 0 ? hin_fail(HIN_CLOSED) : hin_ok();
}

static struct hin_result call_keys(void *context, struct hin_view request,
                                   struct hin_buf *ret_answer)
{
    struct house *house = context;
    struct hin_keys_carrier carrier = hin_keys_carrier_local(&house->local);
    bool last = house->keys_after > 0 && --house->keys_after == 0;
    HIN_ENSURE(!house->keys_away || house->keys_after > 0, AGAIN);
    HIN_ENSURE(!last || house->done_then, CLOSED);
    HIN_TRY(carrier.call(carrier.context, request, ret_answer));
    HIN_ENSURE(!last, CLOSED);
    return hin_ok();
}

static void rest(void *context, int64_t usec)
{
    ((struct house *)context)->monotonic_usec += usec;
}

static void pass(struct house *house, int64_t usec)
{
    house->wall_usec += usec;
    house->monotonic_usec += usec;
    HIN_IGNORE(hin_tenant_refresh(&house->own)); /* as the process does; else what seals fails */
}

static struct hin_vault_options vault_options(struct house *house)
{
    return (struct hin_vault_options){
        .provider = hin_ring_provider(house->ring),
        .storage = hin_vault_storage_folder(&house->vault_folder),
        .clock = &house->clock,
        .own = own_id,
    };
}

static HIN_RESULT build_keys(struct house *house)
{
    char path[340];
    snprintf(path, sizeof(path), "%s.keyring", house->folder);
    HIN_TRY(hin_ring_create(AT_FDCWD, path, NULL, NULL));
    HIN_TRY(hin_ring_open(&house->ring, AT_FDCWD, path, NULL, NULL));
    struct hin_vault_options options = vault_options(house);
    HIN_TRY(hin_vault_create(&house->vault, &options, "test"));
    HIN_TRY(hin_vault_tenant_create(house->vault, hin_view_from_text(own_id)));
    house->local = (struct hin_keys_local){house->vault, HIN_KEYS_MASK_BACKUP};
    house->all = (struct hin_keys_local){house->vault, HIN_KEYS_MASK_ALL};
    return hin_ok();
}

static HIN_RESULT folder_under(struct house *house, const char *name, int *ret_fd)
{
    char path[340];
    snprintf(path, sizeof(path), "%s/%s", house->folder, name);
    HIN_TRY(hin_directory_make(path, 0700));
    return hin_fd_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0, ret_fd);
}

static HIN_RESULT begin(struct house *house)
{
    struct hin_backup_cycle *cycle = &house->cycle;
    *cycle = (struct hin_backup_cycle){.own = &house->own,
                                       .keys = {call_keys, house},
                                       .place = {house->database, NULL},
                                       .clock = &house->clock,
                                       .turn = turn,
                                       .pause = rest,
                                       .context = house};
    hin_backup_settings_default(&cycle->settings);
    cycle->settings.ship_seconds = 0; /* when it is told to */
    for (size_t i = 0; i < PLACES; i++) {
        struct hin_backup_destination *at = &cycle->settings.destinations[cycle->settings.count++];
        snprintf(at->name, sizeof(at->name), "place-%zu", i);
        snprintf(at->url, sizeof(at->url), "file://%s", house->depots[i]);
        struct hin_depot_options options = {.url = at->url, .directory = -1};
        HIN_TRY(hin_depot_open(&cycle->depots[i], &options, NULL));
    }
    return hin_backup_cycle_begin(cycle);
}

static void end(struct house *house)
{
    hin_backup_cycle_end(&house->cycle);
    for (size_t i = 0; i < PLACES; i++) {
        hin_depot_close(house->cycle.depots[i]);
        house->cycle.depots[i] = NULL;
    }
}

static HIN_RESULT build(struct house *house, const char *name)
{
    struct hin_error error = {0};
    int depot = -1;
    house->wall_usec = hin_clock_wall_usec(hin_clock_system());
    house->monotonic_usec = HIN_HOUR_USEC;
    house->clock = (struct hin_clock){wall_of, monotonic_of, house};
    snprintf(house->folder, sizeof(house->folder), "%s/%s", test_folder(), name);
    HIN_TRY(hin_directory_make(house->folder, 0700));
    for (size_t i = 0; i < PLACES; i++) {
        char place[32];
        snprintf(place, sizeof(place), "depot-%zu", i);
        snprintf(house->depots[i], sizeof(house->depots[i]), "%s/%s", house->folder, place);
        HIN_TRY(folder_under(house, place, &depot));
        hin_fd_close(&depot);
    }
    HIN_TRY(folder_under(house, "db", &house->database));
    HIN_TRY(hin_fd_open(AT_FDCWD, house->folder, O_RDONLY | O_DIRECTORY, 0, &house->vault_folder));
    HIN_TRY(build_keys(house));
    struct hin_keys_carrier carrier = hin_keys_carrier_local(&house->all);
    struct hin_tenant_place place = {house->database, NULL};
    HIN_TRY(hin_tenant_open(&house->own, &place, own_id, &carrier, HIN_VAULT_FOR_BACKUP,
                            &house->clock, true, &error));
    return begin(house);
}

static void demolish(struct house *house)
{
    end(house);
    hin_tenant_close(&house->own);
    hin_vault_free(house->vault);
    hin_ring_free(house->ring);
    hin_fd_close(&house->vault_folder);
    hin_fd_close(&house->database);
}

#define HOUSE(name, folder)                                                                        \
    HIN_CLEANUP(demolish) struct house name = {.vault_folder = -1, .database = -1};                \
    CHECK_OK(build(&name, folder))

/* ---- a life with two persons in it ---- */

struct made {
    struct hin_buf bytes;
    uint64_t tokens[HIN_STORE_TOKENS_MAX];
    size_t token_count;
};

static void made_done(struct made *made)
{
    hin_buf_done(&made->bytes);
}

static HIN_RESULT make_for(struct house *house, const char *user, struct made *made)
{
    struct hin_arena arena;
    struct hin_event event;
    hin_arena_init(&arena, 1 << 20);
    hin_event_init_state(&event, &arena, house->wall_usec, HIN_STATE_MANAGER_STARTED,
                         HIN_VIEW("test"));
    struct hin_result done = hin_event_set_text(&event, HIN_FIELD_USER, hin_view_from_text(user));
    if (hin_is_ok(done)) {
        done = hin_event_encode(&event, &made->bytes);
    }
    if (hin_is_ok(done)) {
        done = hin_store_tokens(house->own.index, &event, &arena, made->tokens, &made->token_count);
    }
    hin_arena_done(&arena);
    return done;
}

/* alice, bob, alice, bob... */
static HIN_RESULT add_events(struct house *house)
{
    HIN_CLEANUP(made_done) struct made alice = {.bytes = {.max = HIN_EVENT_MAX_BYTES}};
    HIN_CLEANUP(made_done) struct made bob = {.bytes = {.max = HIN_EVENT_MAX_BYTES}};
    struct hin_store_event stored[EVENTS_A_DAY];
    struct hin_store_committed committed;
    HIN_TRY(make_for(house, "alice", &alice));
    HIN_TRY(make_for(house, "bob", &bob));
    for (int i = 0; i < EVENTS_A_DAY; i++) {
        const struct made *made = i % 2 == 0 ? &alice : &bob;
        stored[i] = (struct hin_store_event){.time_usec = house->wall_usec + i,
                                             .class_uid = 6002,
                                             .severity_id = 1,
                                             .bytes = hin_buf_view(&made->bytes),
                                             .tokens = made->tokens,
                                             .token_count = made->token_count};
    }
    return hin_store_commit(house->own.store, stored, EVENTS_A_DAY, NULL, 0, house->wall_usec,
                            &committed);
}

static HIN_RESULT add_account(struct house *house)
{
    struct hin_store_content account = {.bytes =
                                            HIN_VIEW("{\"username\":\"Alice\",\"fullName\":\"A\"}"),
                                        .names = {HIN_VIEW("alice")}};
    struct hin_store_content key = {.bytes = HIN_VIEW("{\"keyName\":\"for work\"}"),
                                    .names = {HIN_VIEW("digest")}};
    int64_t id = 0;
    HIN_TRY(hin_store_create(house->own.store, HIN_STORE_ADMINISTRATORS, &account, house->wall_usec,
                             &house->alice));
    key.owner = house->alice;
    return hin_store_create(house->own.store, HIN_STORE_API_KEYS, &key, house->wall_usec, &id);
}

/* A backup a day and two shipments, at both places unless one is away. */
static HIN_RESULT live(struct house *house)
{
    HIN_TRY(add_account(house));
    for (int day = 0; day < DAYS; day++) {
        HIN_TRY(add_events(house));
        HIN_TRY(hin_backup_cycle_due(&house->cycle));
        for (int i = 0; i < 2; i++) {
            pass(house, HIN_HOUR_USEC);
            HIN_TRY(add_events(house));
            HIN_TRY(hin_backup_cycle_ship(&house->cycle, true));
        }
        pass(house, HIN_DAY_USEC);
    }
    HIN_TRY(hin_store_delete(house->own.store, HIN_STORE_API_KEYS, 1, 0));
    return hin_store_delete(house->own.store, HIN_STORE_ADMINISTRATORS, house->alice, 0);
}

static HIN_RESULT ask_erasure(struct house *house, const char *user, int64_t *ret_id)
{
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *parsed = NULL;
    char text[128];
    snprintf(text, sizeof(text), "[{\"field\":\"user\",\"value\":\"%s\"}]", user);
    HIN_TRY(hin_json_parse(hin_view_from_text(text), sizeof(text), &parsed, NULL));
    struct hin_person_request request = {
        .where = hin_json_root(parsed), .requested_by = HIN_VIEW("test"), .tenant_name = "own"};
    return hin_person_erasure_accept(&house->own, &request, ret_id);
}

/* Both processes in turn, until the erasure is done; *ret_closed: `backup` was told to stop. */
static HIN_RESULT erase(struct house *house, bool *ret_closed)
{
    struct hin_person_progress progress = {0};
    *ret_closed = false;
    for (int i = 0; i < 400 && !progress.done; i++) {
        bool any = false;
        HIN_TRY(hin_person_erasure_step(&house->own, &house->own, &progress));
        HIN_ENSURE(!progress.idle, NOT_FOUND);
        struct hin_result served = hin_backup_cycle_serve(&house->cycle, &any);
        if (served.code == HIN_CLOSED) {
            *ret_closed = true;
            return hin_ok();
        }
        HIN_TRY(served);
        pass(house, HIN_MAX(progress.wait_usec, HIN_MSEC_USEC));
    }
    HIN_ENSURE(progress.done, TIMEOUT);
    return hin_ok();
}

/* ---- what is restored of each point in time ---- */

struct counts {
    long alice, bob;
    uint64_t accounts, keys, requests;
};

static struct hin_result count_event(void *context, const struct hin_store_event *stored)
{
    struct counts *counts = context;
    struct hin_arena arena;
    struct hin_event event;
    hin_arena_init(&arena, 1 << 20);
    struct hin_result decoded = hin_event_decode(stored->bytes, &arena, &event);
    if (hin_is_ok(decoded)) {
        counts->alice += hin_view_is(hin_event_text(&event, HIN_FIELD_USER), "alice");
        counts->bob += hin_view_is(hin_event_text(&event, HIN_FIELD_USER), "bob");
    }
    hin_arena_done(&arena);
    return decoded;
}

static HIN_RESULT count_in(struct hin_store *store, struct counts *ret_counts)
{
    struct hin_store_filter all = {0};
    struct hin_store_report report;
    struct counts counts = {0};
    HIN_TRY(hin_store_search(store, &all, count_event, &counts, &report));
    HIN_ENSURE(report.segments_damaged + report.events_damaged == 0, CORRUPT);
    HIN_TRY(hin_store_count(store, HIN_STORE_ADMINISTRATORS, &counts.accounts));
    HIN_TRY(hin_store_count(store, HIN_STORE_API_KEYS, &counts.keys));
    HIN_TRY(hin_store_count(store, HIN_STORE_PERSON_ERASURES, &counts.requests));
    *ret_counts = counts;
    return hin_ok();
}

static HIN_RESULT open_key(void *context, struct hin_view tenant, struct hin_view payload,
                           struct hin_vault_data_key *ret_key)
{
    return hin_vault_backup_open(context, tenant, payload, ret_key);
}

static struct hin_backup handle(struct house *house, struct hin_depot *depot)
{
    return (struct hin_backup){
        .depot = depot, .tenant = own_id, .open_key = open_key, .key_context = house->vault};
}

static HIN_RESULT restore_into(struct house *house, struct hin_backup *backup,
                               const struct hin_backup_manifest *manifest, int folder,
                               struct counts *ret_counts)
{
    struct hin_error error = {0};
    struct hin_tenant scratch = {0};
    struct hin_tenant_place place = {.directory = folder, .scratch = true};
    struct hin_keys_carrier keys = hin_keys_carrier_local(&house->local);
    HIN_TRY(hin_tenant_open(&scratch, &place, own_id, &keys, HIN_VAULT_FOR_BACKUP, &house->clock,
                            true, &error));
    struct hin_result done = hin_backup_restore(backup, manifest, scratch.store);
    if (hin_is_ok(done)) {
        done = hin_backup_compare(backup, manifest, scratch.store);
    }
    if (hin_is_ok(done)) {
        done = count_in(scratch.store, ret_counts);
    }
    hin_tenant_close(&scratch);
    return done;
}

static HIN_RESULT restore(struct house *house, struct hin_depot *depot, int64_t begun,
                          uint32_t sequence, struct counts *ret_counts)
{
    struct hin_backup backup = handle(house, depot);
    struct hin_backup_manifest manifest;
    char name[32];
    int folder = -1;
    snprintf(name, sizeof(name), "restore-%d", house->restores++);
    HIN_TRY(hin_backup_load(&backup, begun, sequence, &manifest, NULL));
    struct hin_result done = folder_under(house, name, &folder);
    if (hin_is_ok(done)) {
        done = restore_into(house, &backup, &manifest, folder, ret_counts);
    }
    hin_fd_close(&folder);
    hin_backup_manifest_done(&manifest);
    return done;
}

/* Points in time that can be restored at a place, and what they hold together. */
struct whole {
    int points, unreadable;
    long alice, bob;
    uint64_t accounts, keys;
};

static HIN_RESULT add_point(struct house *house, struct hin_depot *depot, int64_t begun,
                            uint32_t sequence, struct whole *whole)
{
    struct counts counts = {0};
    struct hin_result restored = restore(house, depot, begun, sequence, &counts);
    if (restored.code == HIN_NOT_FOUND) {
        whole->unreadable++; /* its key is destroyed */
        return hin_ok();
    }
    HIN_TRY(restored);
    whole->points++;
    whole->alice += counts.alice;
    whole->bob += counts.bob;
    whole->accounts += counts.accounts;
    whole->keys += counts.keys;
    return hin_ok();
}

static HIN_RESULT look_at(struct house *house, struct hin_depot *depot, struct whole *ret_whole)
{
    struct hin_backup_listed *list = NULL;
    struct whole whole = {0};
    size_t count = 0;
    HIN_TRY(hin_backup_list(depot, own_id, &list, &count));
    struct hin_result done = hin_ok();
    for (size_t i = 0; hin_is_ok(done) && i < count; i++) {
        for (uint32_t k = 0; hin_is_ok(done) && k <= list[i].last_sequence; k++) {
            done = add_point(house, depot, list[i].begun_usec, k, &whole);
        }
    }
    free(list);
    *ret_whole = whole;
    return done;
}

/* All that was backed up, before anything goes: bob's events in all points together. */
enum { POINTS = DAYS * 3 };
static long bob_in_all(void)
{
    long all = 0, so_far = 0;
    for (int day = 0; day < DAYS; day++) {
        for (int i = 0; i < 3; i++) {
            so_far += EVENTS_A_DAY / 2;
            all += so_far;
        }
    }
    return all;
}

/* ---- the certificate ---- */

static struct hin_result copy_file(void *context, const struct hin_store_document *document)
{
    struct hin_buf *buf = context;
    hin_buf_clear(buf);
    return hin_buf_append(buf, document->bytes);
}

static bool certifies(struct house *house, const char *text)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf file = {.max = HIN_STORE_DOCUMENT_BYTES};
    struct hin_store_page all = {0};
    struct hin_store_listed listed;
    struct hin_result read =
        hin_store_list(house->own.store, HIN_STORE_CERTIFICATES, &all, copy_file, &file, &listed);
    return hin_is_ok(read) &&
           hin_view_find(hin_buf_view(&file), hin_view_from_text(text)) != SIZE_MAX;
}

/* ---- tests ---- */

TEST(test_manager_reseal__every_point_at_every_place_stays_without_the_person)
{
    struct whole whole;
    int64_t id = 0, failures = 0;
    bool closed = false;
    HOUSE(house, "everywhere");
    CHECK_OK(live(&house));
    CHECK_OK(look_at(&house, house.cycle.depots[0], &whole));
    CHECK_INT(whole.points, POINTS);
    CHECK_INT(whole.bob, bob_in_all());
    CHECK_INT(whole.alice, bob_in_all());
    CHECK_INT(whole.accounts, POINTS);
    CHECK_OK(ask_erasure(&house, "alice", &id));
    CHECK_OK(erase(&house, &closed));
    CHECK(!closed);
    for (size_t i = 0; i < PLACES; i++) {
        CHECK_OK(look_at(&house, house.cycle.depots[i], &whole));
        CHECK_INT(whole.points, POINTS);
        CHECK_INT(whole.unreadable, 0);
        CHECK_INT(whole.alice, 0);
        CHECK_INT(whole.bob, bob_in_all());
        CHECK_INT(whole.accounts, 0);
        CHECK_INT(whole.keys, 0); /* hers went with the account */
    }
    CHECK(!certifies(&house, "pending"));
    CHECK(certifies(&house, "backups as they were"));
    CHECK_OK(hin_backup_cycle_verify(&house.cycle, 0, &failures));
    CHECK_INT(failures, 0);
    /* the chain goes on, by shipments and by the next backup */
    CHECK_OK(add_events(&house));
    CHECK_OK(hin_backup_cycle_ship(&house.cycle, true));
    CHECK_OK(look_at(&house, house.cycle.depots[0], &whole));
    CHECK_INT(whole.points, POINTS + 1);
    pass(&house, HIN_DAY_USEC);
    CHECK_OK(hin_backup_cycle_due(&house.cycle));
    CHECK_OK(hin_backup_cycle_rehearse(&house.cycle, 0, &failures));
    CHECK_INT(failures, 0);
}

/* A shipment of the moment in which the request stood there, with the value that it is about. */
TEST(test_manager_reseal__a_request_that_names_the_person_goes_too)
{
    struct counts counts = {0};
    struct hin_backup_listed *list = NULL;
    size_t count = 0;
    int64_t id = 0;
    bool closed = false;
    HOUSE(house, "request");
    CHECK_OK(add_events(&house));
    CHECK_OK(hin_backup_cycle_due(&house.cycle));
    CHECK_OK(ask_erasure(&house, "alice", &id));
    CHECK_OK(hin_backup_cycle_ship(&house.cycle, true));
    CHECK_OK(hin_backup_list(house.cycle.depots[0], own_id, &list, &count));
    CHECK_INT(count, 1);
    CHECK_INT(list[0].last_sequence, 1);
    CHECK_OK(restore(&house, house.cycle.depots[0], list[0].begun_usec, 1, &counts));
    CHECK_INT(counts.requests, 1);
    free(list);
    CHECK_OK(erase(&house, &closed));
    CHECK_OK(hin_backup_list(house.cycle.depots[0], own_id, &list, &count));
    CHECK_INT(count, 1);
    CHECK_OK(restore(&house, house.cycle.depots[0], list[0].begun_usec, 1, &counts));
    CHECK_INT(counts.requests, 0);
    CHECK_INT(counts.alice, 0);
    CHECK_INT(counts.bob, EVENTS_A_DAY / 2);
    free(list);
}

/* Again and again, far beyond what a ring keeps of versions at once. */
TEST(test_manager_reseal__destroyed_versions_give_their_place_back)
{
    struct hin_key_provider_status status;
    int64_t id = 0;
    HOUSE(house, "versions");
    for (int day = 0; day < 30; day++) {
        CHECK_OK(add_events(&house));
        CHECK_OK(hin_backup_cycle_due(&house.cycle));
        pass(&house, HIN_DAY_USEC);
    }
    for (int i = 0; i < 3; i++) {
        char name[16];
        bool closed = false;
        snprintf(name, sizeof(name), "nobody-%d", i);
        CHECK_OK(ask_erasure(&house, i == 0 ? "alice" : name, &id));
        CHECK_OK(erase(&house, &closed));
    }
    CHECK_OK(hin_vault_backup_status(house.vault, hin_view_from_text(own_id), &status));
    CHECK(status.version_count >= 30 && status.version_count <= 31);
    struct hin_backup_listed *list = NULL;
    size_t count = 0;
    CHECK_OK(hin_backup_list(house.cycle.depots[1], own_id, &list, &count));
    free(list);
    CHECK_INT(count, 30);
}

/* One of two is away: its backups have no key any more, and it gets copies when it is back. */
TEST(test_manager_reseal__a_place_that_is_away_is_named_and_gets_copies)
{
    struct whole whole;
    int64_t id = 0;
    bool closed = false;
    HOUSE(house, "away");
    CHECK_OK(live(&house));
    struct hin_depot *away = house.cycle.depots[1];
    house.cycle.depots[1] = NULL;
    CHECK_OK(ask_erasure(&house, "alice", &id));
    CHECK_OK(erase(&house, &closed));
    CHECK(certifies(&house, "pending: backups at place-1, out of reach"));
    CHECK_OK(look_at(&house, house.cycle.depots[0], &whole));
    CHECK_INT(whole.points, POINTS);
    CHECK_INT(whole.alice, 0);
    CHECK_OK(look_at(&house, away, &whole)); /* whoever has it has nothing that opens */
    CHECK_INT(whole.points, 0);
    CHECK_INT(whole.unreadable, POINTS);
    CHECK_OK(hin_backup_cycle_catch_up(&house.cycle)); /* still away */
    house.cycle.depots[1] = away;
    CHECK_OK(hin_backup_cycle_catch_up(&house.cycle));
    CHECK_OK(hin_backup_cycle_destroy(&house.cycle));
    CHECK_OK(look_at(&house, away, &whole));
    CHECK_INT(whole.points, POINTS);
    CHECK_INT(whole.unreadable, 0);
    CHECK_INT(whole.alice, 0);
    CHECK_INT(whole.bob, bob_in_all());
}

/* What lies at a place alone that is away keeps its key until it can be read. */
TEST(test_manager_reseal__what_can_be_read_nowhere_waits_and_is_told)
{
    struct whole whole;
    int64_t id = 0;
    bool closed = false;
    HOUSE(house, "nowhere");
    struct hin_depot *other = house.cycle.depots[0];
    house.cycle.depots[0] = NULL;
    CHECK_OK(live(&house)); /* at place-1 alone */
    struct hin_depot *away = house.cycle.depots[1];
    house.cycle.depots[0] = other;
    house.cycle.depots[1] = NULL;
    CHECK_OK(ask_erasure(&house, "alice", &id));
    CHECK_OK(erase(&house, &closed));
    CHECK(certifies(&house, "pending: 4 backups that lie at place-1 alone"));
    CHECK_OK(look_at(&house, away, &whole));
    CHECK_INT(whole.points, POINTS); /* no point is lost */
    CHECK(whole.alice > 0);
    CHECK_OK(ask_erasure(&house, "carol", &id)); /* another one meanwhile */
    CHECK_OK(erase(&house, &closed));
    house.cycle.depots[1] = away;
    end(&house);
    CHECK_OK(begin(&house)); /* by itself, and after a start as well */
    CHECK_OK(hin_backup_cycle_catch_up(&house.cycle));
    CHECK_OK(look_at(&house, house.cycle.depots[1], &whole));
    CHECK_INT(whole.points, POINTS);
    CHECK_INT(whole.unreadable, 0);
    CHECK_INT(whole.alice, 0);
    CHECK_INT(whole.bob, bob_in_all());
    CHECK_INT(whole.accounts, 0);
}

/* Told to stop at many moments, and started again: at each, every point in time is there, with the
 * person or without; in the end, without. */
TEST(test_manager_reseal__cut_off_at_any_moment)
{
    struct whole whole = {0};
    int64_t id = 0;
    bool closed = true;
    int stops = 0;
    HOUSE(house, "cut");
    CHECK_OK(live(&house));
    CHECK_OK(ask_erasure(&house, "alice", &id));
    for (int i = 0; closed && i < 60; i++) {
        house.stop_after = 3 + i * 7 % 41 + i * 2;
        CHECK_OK(erase(&house, &closed));
        house.stop_after = 0;
        stops += closed;
        CHECK(!closed || !certifies(&house, "person"));
        end(&house);
        CHECK_OK(begin(&house));
        if (i % 5 == 0) {
            CHECK_OK(look_at(&house, house.cycle.depots[i / 5 % PLACES], &whole));
            CHECK(whole.points >= POINTS);
        }
    }
    CHECK(!closed);
    CHECK(stops > 5);
    CHECK_OK(hin_backup_cycle_catch_up(&house.cycle));
    CHECK_OK(hin_backup_cycle_destroy(&house.cycle));
    for (size_t i = 0; i < PLACES; i++) {
        CHECK_OK(look_at(&house, house.cycle.depots[i], &whole));
        CHECK_INT(whole.points, POINTS);
        CHECK_INT(whole.unreadable, 0);
        CHECK_INT(whole.alice, 0);
        CHECK_INT(whole.bob, bob_in_all());
    }
}

/* All processes start again; keys_after: the one with the keys ends once more meanwhile. */
static HIN_RESULT start_again(struct house *house, int keys_after)
{
    struct hin_vault_options options = vault_options(house);
    end(house);
    hin_vault_free(house->vault);
    house->vault = house->local.vault = house->all.vault = NULL;
    HIN_TRY(hin_vault_open(&house->vault, &options));
    house->local.vault = house->all.vault = house->vault;
    house->keys_after = keys_after;
    struct hin_result begun = begin(house);
    house->keys_after = 0;
    if (begun.code == HIN_CLOSED && keys_after > 0) {
        end(house);
        begun = begin(house);
    }
    return begun;
}

/* The same with the process that has the keys, at each call that is made of it. */
TEST(test_manager_reseal__keys_end_at_any_call)
{
    struct whole whole = {0};
    int64_t id = 0;
    bool closed = true;
    int stops = 0;
    HOUSE(house, "keyless");
    CHECK_OK(live(&house));
    CHECK_OK(ask_erasure(&house, "alice", &id));
    for (int i = 0; closed && i < 200; i++) {
        house.keys_after = 1 + i / 3;
        house.done_then = i % 2 == 0;
        CHECK_OK(erase(&house, &closed));
        stops += closed;
        CHECK(!closed || !certifies(&house, "person"));
        CHECK_OK(start_again(&house, i % 4));
        if (i % 10 == 0) {
            CHECK_OK(look_at(&house, house.cycle.depots[i / 10 % PLACES], &whole));
            CHECK(whole.points >= POINTS);
        }
    }
    CHECK(!closed);
    CHECK(stops > 10);
    CHECK_OK(hin_backup_cycle_catch_up(&house.cycle));
    CHECK_OK(hin_backup_cycle_destroy(&house.cycle));
    for (size_t i = 0; i < PLACES; i++) {
        CHECK_OK(look_at(&house, house.cycle.depots[i], &whole));
        CHECK_INT(whole.points, POINTS);
        CHECK_INT(whole.unreadable, 0);
        CHECK_INT(whole.alice, 0);
        CHECK_INT(whole.bob, bob_in_all());
    }
}

/* A ring keeps 64 versions: one that is lost each time would end all backups some day. */
TEST(test_manager_reseal__no_version_of_a_key_is_left_over)
{
    struct hin_key_provider_status status;
    HOUSE(house, "leftover");
    for (int i = 0; i < 200; i++) {
        int64_t failures = 0;
        house.keys_after = 1 + i % 8;
        house.done_then = i / 8 % 2 == 0;
        struct hin_result made = hin_backup_cycle_backup(&house.cycle, 0, true, &failures);
        CHECK(hin_is_ok(made) || made.code == HIN_CLOSED);
        CHECK_OK(start_again(&house, i % 5));
        pass(&house, HIN_HOUR_USEC);
        CHECK_OK(hin_vault_backup_status(house.vault, hin_view_from_text(own_id), &status));
        struct hin_backup_listed *list = NULL;
        size_t count = 0;
        CHECK_OK(hin_backup_list(house.cycle.depots[0], own_id, &list, &count));
        free(list);
        CHECK(status.version_count <= count + 1);
        if (count >= 20) { /* as if a month had passed */
            pass(&house, 40 * HIN_DAY_USEC);
            HIN_IGNORE(hin_backup_cycle_destroy(&house.cycle));
        }
    }
}

static struct hin_result add_running(void *context, const struct hin_store_document *document)
{
    struct hin_backup_record record;
    HIN_TRY(hin_backup_record_read(document->id, document->bytes, &record));
    *(int *)context += record.state == HIN_BACKUP_RUNNING;
    return hin_ok();
}

static int count_running(struct house *house)
{
    struct hin_store_page all = {0};
    struct hin_store_listed listed;
    int running = 0;
    bool read = hin_is_ok(
        hin_store_list(house->own.store, HIN_STORE_BACKUPS, &all, add_running, &running, &listed));
    return read ? running : -1;
}

/* A backup that failed, and whose key could not be destroyed then, is no backup: no erasure waits
 * for it, and it does not stay half made. */
TEST(test_manager_reseal__a_backup_that_failed_while_keys_were_away)
{
    int64_t id = 0, failures = 0;
    bool closed = false;
    int halves[2] = {0};
    HOUSE(house, "halves");
    CHECK_OK(live(&house));
    for (int i = 0; i < 8; i++) {
        struct hin_depot *away[PLACES] = {house.cycle.depots[0], house.cycle.depots[1]};
        house.cycle.depots[0] = house.cycle.depots[1] = NULL;
        house.keys_away = true;
        house.keys_after = 2 + i / 2; /* those before are answered: what there is, a new one... */
        CHECK_OK(hin_backup_cycle_backup(&house.cycle, 0, true, &failures));
        CHECK_INT(failures, 1);
        house.keys_away = false;
        house.keys_after = 0;
        house.cycle.depots[0] = away[0];
        house.cycle.depots[1] = away[1];
        halves[i % 2] += count_running(&house) > 0;
        pass(&house, HIN_MINUTE_USEC);
        if (i % 2 == 0) {
            CHECK_OK(ask_erasure(&house, "alice", &id));
            CHECK_OK(erase(&house, &closed));
        } else {
            CHECK_OK(hin_backup_cycle_destroy(&house.cycle));
        }
        CHECK_INT(count_running(&house), 0);
    }
    CHECK(halves[0] > 0 && halves[1] > 0);
}

static HIN_RESULT count_at(struct house *house, size_t at, size_t *ret_count)
{
    struct hin_backup_listed *list = NULL;
    HIN_TRY(hin_backup_list(house->cycle.depots[at], own_id, &list, ret_count));
    free(list);
    return hin_ok();
}

/* One that was whole at one place when it was cut off is a backup, of when it was made: also while
 * the time that destruction goes by is behind, as it is after a process was away. */
TEST(test_manager_reseal__cut_off_at_the_second_place_it_stays)
{
    int64_t failures = 0;
    int halves = 0;
    HOUSE(house, "second");
    for (int i = 1; i <= 40; i++) {
        size_t first = 0, second = 0, before = 0, after = 0;
        CHECK_OK(hin_backup_cycle_destroy(&house.cycle));
        end(&house);
        pass(&house, HIN_HOUR_USEC);
        CHECK_OK(begin(&house));
        CHECK_OK(add_events(&house));
        house.stop_after = 5 * i;
        HIN_IGNORE(hin_backup_cycle_backup(&house.cycle, 0, true, &failures));
        house.stop_after = 0;
        CHECK_OK(count_at(&house, 0, &first));
        CHECK_OK(count_at(&house, 1, &second));
        halves += first > second;
        end(&house);
        CHECK_OK(begin(&house));
        if (i % 4 == 0) {
            CHECK_OK(hin_backup_cycle_backup(&house.cycle, 0, true, &failures));
        }
        CHECK_OK(count_at(&house, 0, &before));
        CHECK_OK(hin_backup_cycle_destroy(&house.cycle));
        CHECK_OK(count_at(&house, 0, &after));
        CHECK_INT(after, before);
    }
    CHECK(halves > 0);
}

/* Names go up, the clock does not: what is sealed anew has a name of its own, and the last is the
 * last. */
TEST(test_manager_reseal__the_clock_was_set_back)
{
    enum { MADE = 5 };
    struct whole whole = {0};
    struct counts last = {0};
    int64_t id = 0, failures = 0;
    bool closed = false;
    HOUSE(house, "set-back");
    house.wall_usec += HIN_HOUR_USEC;
    CHECK_OK(hin_backup_cycle_backup(&house.cycle, 0, true, &failures));
    house.wall_usec -= HIN_HOUR_USEC;
    for (int i = 0; i < MADE; i++) {
        CHECK_OK(add_events(&house));
        CHECK_OK(hin_backup_cycle_backup(&house.cycle, 0, true, &failures));
    }
    for (int i = 0; i < 2; i++) {
        CHECK_OK(ask_erasure(&house, i == 0 ? "alice" : "nobody", &id));
        CHECK_OK(erase(&house, &closed));
    }
    for (size_t i = 0; i < PLACES; i++) {
        struct hin_backup_listed *list = NULL;
        size_t count = 0;
        CHECK_OK(look_at(&house, house.cycle.depots[i], &whole));
        CHECK_INT(whole.points, MADE + 1);
        CHECK_INT(whole.unreadable, 0);
        CHECK_INT(whole.alice, 0);
        CHECK_INT(whole.bob, EVENTS_A_DAY / 2 * (1 + 2 + 3 + 4 + 5));
        CHECK_OK(hin_backup_list(house.cycle.depots[i], own_id, &list, &count));
        CHECK(count == MADE + 1);
        struct hin_result restored =
            restore(&house, house.cycle.depots[i], list[count - 1].begun_usec, 0, &last);
        free(list);
        CHECK_OK(restored);
        CHECK_INT(last.bob, EVENTS_A_DAY / 2 * MADE);
    }
}

/* ---- what knows a person again ---- */

TEST(test_manager_reseal__a_trace_selects_as_the_values_did)
{
    static const struct {
        const char *field, *asked, *met;
        bool selected, named;
    } cases[] = {
        {"user", "alice", "alice", true, true},
        {"user", "alice", "Alice", false, true}, /* user names tell case apart, names do not */
        {"user", "alice", "alicea", false, false},
        {"src_ip", "2001:DB8::1", "2001:db8:0::1", true, true},
        {"src_ip", "192.0.2.7", "192.0.2.8", false, false},
    };
    struct hin_arena arena;
    hin_arena_init(&arena, 1 << 20);
    for (size_t i = 0; i < HIN_COUNT(cases); i++) {
        struct hin_person_trace trace = {.count = 1};
        struct hin_event event;
        bool selected = false, named = false;
        trace.marks[0].field = hin_field_find(hin_view_from_text(cases[i].field));
        trace.marks[0].salt[0] = (uint8_t)i;
        CHECK_OK(hin_person_mark_make(&trace.marks[0], hin_view_from_text(cases[i].asked), &arena));
        hin_event_init_state(&event, &arena, 1, HIN_STATE_MANAGER_STARTED, HIN_VIEW("test"));
        CHECK_OK(hin_event_set_text(&event, (enum hin_field_id)trace.marks[0].field->id,
                                    hin_view_from_text(cases[i].met)));
        CHECK_OK(hin_person_trace_selects(&trace, &event, &arena, &selected));
        CHECK_OK(hin_person_trace_is_named(&trace, hin_view_from_text(cases[i].met), &named));
        CHECK(selected == cases[i].selected);
        CHECK(named == cases[i].named);
    }
    hin_arena_done(&arena);
}
