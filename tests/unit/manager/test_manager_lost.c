/* What a destination lost of several tenants is one trouble of the installation's, and is told once
 * when it begins and once when it is over, however far apart the tenants get their backups there.
 */
#include "base/fd.h"
#include "event/codec.h"
#include "event/state.h"
#include "manager/backup/cycle_internal.h"
#include "simulated.h"
#include "store/events.h"

struct told {
    int begun, over;
};

static HIN_RESULT count_told(void *context, const struct hin_store_event *stored)
{
    struct told *told = context;
    struct hin_arena arena;
    struct hin_event event;
    hin_arena_init(&arena, 1 << 20);
    struct hin_result read = hin_event_decode(stored->bytes, &arena, &event);
    if (hin_is_ok(read) &&
        hin_view_equal(hin_event_text(&event, HIN_FIELD_STATUS), HIN_VIEW("backup-lost"))) {
        int64_t state = hin_event_integer(&event, HIN_FIELD_STATE);
        told->begun += state == HIN_STATE_BACKUP_LOST;
        told->over += state == HIN_STATE_BACKUP_OVER;
    }
    hin_arena_done(&arena);
    return read;
}

#define CHECK_LOST(sim, times_begun, times_over)                                                   \
    do {                                                                                           \
        struct told told = {0};                                                                    \
        struct hin_store_report report;                                                            \
        struct hin_store_filter all = {0};                                                         \
        CHECK_OK(hin_store_search((sim)->own.store, &all, count_told, &told, &report));            \
        CHECK_INT(told.begun, times_begun);                                                        \
        CHECK_INT(told.over, times_over);                                                          \
    } while (0)

/* The process, a round every half minute, which looks each minute. */
static HIN_RESULT go_on_for(struct sim *sim, int64_t usec)
{
    struct hin_backup_cycle *cycle = &sim->cycle;
    cycle->settings.look_seconds = 60;
    for (int64_t passed_usec = 0; passed_usec < usec; passed_usec += 30 * HIN_SEC_USEC) {
        bool more = true;
        HIN_TRY(hin_backup_cycle_due(cycle));
        HIN_TRY(hin_backup_cycle_ship(cycle, false));
        while (more) {
            HIN_TRY(hin_backup_cycle_look_back(cycle, &more));
        }
        HIN_TRY(hin_backup_cycle_alert(cycle));
        sim_pass(sim, 30 * HIN_SEC_USEC);
        HIN_TRY(hin_tenant_refresh(&sim->own)); /* as the process does; else what seals fails */
    }
    return hin_ok();
}

/* The second place is an empty folder, and the process starts again: it cannot have another. */
static HIN_RESULT empty_second(struct sim *sim)
{
    struct hin_backup_cycle *cycle = &sim->cycle, former;
    struct hin_depot_options options = {.url = cycle->settings.destinations[1].url,
                                        .directory = -1};
    hin_backup_cycle_end(cycle);
    hin_depot_close(sim->places[1]);
    HIN_TRY(hin_directory_make(sim->depots[1], 0700));
    HIN_TRY(hin_depot_open(&sim->places[1], &options, NULL));
    former = *cycle;
    *cycle = (struct hin_backup_cycle){.own = former.own,
                                       .keys = former.keys,
                                       .place = former.place,
                                       .clock = former.clock,
                                       .turn = former.turn,
                                       .pause = former.pause,
                                       .context = former.context,
                                       .settings = former.settings,
                                       .depots = {sim->places[0], sim->places[1]}};
    return hin_backup_cycle_begin(cycle);
}

TEST(test_manager_lost__a_folder_that_was_removed_lost_all_tenants_backups_once)
{
    int64_t failures = 0;
    SIM(sim, "emptied", 35);
    CHECK_OK(go_on_for(&sim, 15 * HIN_MINUTE_USEC));
    CHECK_LOST(&sim, 0, 0);
    CHECK_OK(hin_directory_remove(sim.depots[1]));
    /* so that this tenant's next one comes later than the others' */
    CHECK_OK(hin_backup_cycle_backup(&sim.cycle, 1, true, &failures));
    CHECK_INT(failures, 1);
    CHECK_OK(empty_second(&sim));
    CHECK_OK(go_on_for(&sim, 5 * HIN_MINUTE_USEC));
    const struct hin_backup_subject *own = sim.cycle.subjects;
    CHECK(own->stands[1].look.lost_usec == 0 && own->next->stands[1].lacking);
    CHECK_LOST(&sim, 1, 0); /* the own has been read since; the other waits for its turn */
    CHECK_OK(go_on_for(&sim, 25 * HIN_MINUTE_USEC));
    CHECK_LOST(&sim, 1, 1);
}
