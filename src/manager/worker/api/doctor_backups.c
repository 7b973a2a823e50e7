#include "manager/worker/api/doctor_backups.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "manager/backup/alerts.h"
#include "manager/backup/looks.h"
#include "manager/backup/rehearsals.h"
#include "manager/erasure.h"

#define DRILL_SOON_USEC (30 * HIN_DAY_USEC)
#define SILENT_USEC     HIN_HOUR_USEC /* the process writes its state six times an hour */

static int64_t now_of(const struct hin_api_call *call)
{
    return hin_tenant_now_usec(call->tenant);
}

static long long days(int64_t usec)
{
    return (long long)(usec / HIN_DAY_USEC);
}

static long long hours(int64_t usec)
{
    return (long long)(usec / HIN_HOUR_USEC);
}

/* ---- what the process `backup` wrote down last ---- */

struct state {
    bool any;
    int64_t written_usec, every_usec, look_usec;
    char regions[HIN_BACKUP_DESTINATIONS_MAX][HIN_DEPOT_REGION_MAX];
    size_t count;
};

static HIN_RESULT read_state(void *context, const struct hin_store_document *document)
{
    struct state *state = context;
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *parsed = NULL;
    int64_t every = HIN_BACKUP_EVERY_HOURS, look = HIN_BACKUP_LOOK_SECONDS;
    struct hin_json list;
    size_t count = 0;
    HIN_TRY(hin_json_parse(document->bytes, HIN_STORE_DOCUMENT_BYTES, &parsed, NULL));
    struct hin_json root = hin_json_root(parsed);
    HIN_TRY(hin_json_opt_integer(root, "everyHours", 1, 24 * 366, &every, NULL));
    HIN_TRY(hin_json_opt_integer(root, "lookSeconds", 1, 31536000, &look, NULL));
    HIN_TRY(hin_json_get_array(root, "destinations", &list, &count, NULL));
    for (size_t i = 0; i < HIN_MIN(count, (size_t)HIN_BACKUP_DESTINATIONS_MAX); i++) {
        struct hin_view region = HIN_VIEW_EMPTY;
        HIN_TRY(hin_json_opt_text(hin_json_at(list, i), "region", &region, NULL));
        HIN_TRY(hin_view_to_text(region, state->regions[i], sizeof(state->regions[i])));
    }
    state->count = HIN_MIN(count, (size_t)HIN_BACKUP_DESTINATIONS_MAX);
    state->every_usec = every * HIN_HOUR_USEC;
    state->look_usec = look * HIN_SEC_USEC;
    state->written_usec = document->updated_usec;
    state->any = true;
    return hin_ok();
}

/* false: there is nothing to judge, and the row has said why. */
static bool get_state(struct hin_doctor *doctor, struct hin_api_call *call, struct state *state)
{
    struct hin_store_page all = {0};
    struct hin_store_listed listed;
    *state = (struct state){0};
    struct hin_result read = hin_store_list(call->tenant->store, HIN_STORE_BACKUP_STATE, &all,
                                            read_state, state, &listed);
    if (!hin_is_ok(read)) {
        hin_doctor_unseen(doctor, "%s", hin_code_text(read.code));
        return false;
    }
    return true;
}

static bool has_destination(struct hin_doctor *doctor, struct hin_api_call *call,
                            struct state *state)
{
    if (!get_state(doctor, call, state)) {
        return false;
    }
    if (state->count == 0) {
        hin_doctor_unseen(doctor, "no destination of backups is set");
        return false;
    }
    return true;
}

static void look_destinations(struct hin_doctor *doctor, void *subject)
{
    struct hin_api_call *call = subject;
    struct state state;
    size_t unnamed = 0, apart = 0;
    if (!get_state(doctor, call, &state)) {
        return;
    }
    if (state.count == 0) {
        hin_doctor_found(doctor,
                         "no destination is set: nothing of this installation is backed up");
        return;
    }
    for (size_t i = 0; i < state.count; i++) {
        unnamed += state.regions[i][0] == '\0';
        apart += state.regions[i][0] != '\0' && strcmp(state.regions[i], state.regions[0]) != 0;
    }
    if (state.count == 1) {
        hin_doctor_found(doctor, "only one destination is set: what destroys it destroys all "
                                 "backups");
    } else if (unnamed > 0) {
        hin_doctor_found_as(doctor, HIN_DOCTOR_WARNING,
                            "hinomi-manager destination --remove NAME, then --add it again with "
                            "--region LABEL, and restart",
                            "%zu destinations have no region label, so nothing says that one lies "
                            "elsewhere",
                            unnamed);
    } else if (apart == 0) {
        hin_doctor_found(doctor, "all %zu destinations bear the region label %s", state.count,
                         state.regions[0]);
    } else {
        hin_doctor_fine(doctor, "%zu destinations in more than one region", state.count);
    }
}

static void look_process(struct hin_doctor *doctor, void *subject)
{
    struct hin_api_call *call = subject;
    struct state state;
    if (!has_destination(doctor, call, &state)) {
        return;
    }
    int64_t age_usec = now_of(call) - state.written_usec;
    if (age_usec > SILENT_USEC) {
        hin_doctor_found(doctor, "the process `backup` wrote nothing for %lld hours",
                         hours(age_usec));
    } else {
        hin_doctor_fine(doctor, "the process `backup` is at work");
    }
}

/* ---- troubles that stand ---- */

static void tell_alerts(struct hin_doctor *doctor, struct hin_api_call *call, unsigned kinds)
{
    struct hin_backup_alert *alerts = NULL;
    size_t count = 0;
    struct hin_result read = hin_backup_alerts_read(call->tenant->store, &alerts, &count);
    if (!hin_is_ok(read)) {
        hin_doctor_unseen(doctor, "%s", hin_code_text(read.code));
        return;
    }
    for (size_t i = 0; i < count; i++) {
        if (alerts[i].tenant == HIN_BACKUP_ALERT_ALL && (kinds & 1U << alerts[i].kind) != 0) {
            hin_doctor_found(doctor, "for %lld hours: %s",
                             hours(HIN_MAX(now_of(call) - alerts[i].since_usec, 0)),
                             alerts[i].text);
        }
    }
    free(alerts);
}

static void look_reach(struct hin_doctor *doctor, void *subject)
{
    struct hin_api_call *call = subject;
    struct state state;
    if (has_destination(doctor, call, &state)) {
        tell_alerts(doctor, call, 1U << HIN_BACKUP_ALERT_DESTINATION);
    }
}

static void look_clock(struct hin_doctor *doctor, void *subject)
{
    tell_alerts(doctor, subject, 1U << HIN_BACKUP_ALERT_CLOCK);
}

/* ---- what was made ---- */

struct made {
    int64_t tenant, newest_usec; /* that was made; 0: none */
};
struct catalogue {
    struct made *made;
    size_t count, room;
    int64_t first_usec;                 /* of all */
    size_t damaged;                     /* entries that cannot be read */
    int64_t damaged_id, damaged_tenant; /* the first of them */
};

static HIN_RESULT made_of(struct catalogue *catalogue, int64_t tenant, struct made **ret_made)
{
    for (size_t i = 0; i < catalogue->count; i++) {
        if (catalogue->made[i].tenant == tenant) {
            *ret_made = &catalogue->made[i];
            return hin_ok();
        }
    }
    if (catalogue->count == catalogue->room) {
        size_t room = HIN_MAX(2 * catalogue->room, (size_t)16);
        void *fresh = realloc(catalogue->made, room * sizeof(*catalogue->made));
        HIN_ENSURE(fresh != NULL, NO_MEMORY);
        catalogue->made = fresh;
        catalogue->room = room;
    }
    catalogue->made[catalogue->count] = (struct made){.tenant = tenant};
    *ret_made = &catalogue->made[catalogue->count++];
    return hin_ok();
}

static HIN_RESULT note_damaged(void *context, const struct hin_store_document *document)
{
    struct catalogue *catalogue = context;
    if (catalogue->damaged++ == 0) {
        catalogue->damaged_id = document->id;
        catalogue->damaged_tenant = hin_backup_owner_tenant(document->owner);
    }
    return hin_ok();
}

static HIN_RESULT note_backup(void *context, const struct hin_store_document *document)
{
    struct catalogue *catalogue = context;
    struct hin_backup_record record;
    struct made *made = NULL;
    if (!hin_is_ok(hin_backup_record_read(document->id, document->bytes, &record))) {
        return note_damaged(context, document);
    }
    HIN_TRY(made_of(catalogue, record.tenant, &made));
    if (hin_backup_record_opens(&record)) {
        made->newest_usec = HIN_MAX(made->newest_usec, record.begun_usec);
    }
    bool earlier = catalogue->first_usec == 0 || record.begun_usec < catalogue->first_usec;
    catalogue->first_usec = earlier ? record.begun_usec : catalogue->first_usec;
    return hin_ok();
}

/* One that was erased keeps its records for a year. */
static HIN_RESULT forget_erased(void *context, const struct hin_store_document *document)
{
    struct catalogue *catalogue = context;
    struct hin_tenant_row row;
    HIN_TRY(hin_tenant_row_read(document->id, document->bytes, &row));
    for (size_t i = 0; row.state >= HIN_TENANT_ERASING && i < catalogue->count; i++) {
        if (catalogue->made[i].tenant == document->id) {
            catalogue->made[i] = catalogue->made[--catalogue->count];
        }
    }
    return hin_ok();
}

static HIN_RESULT read_catalogue(struct hin_api_call *call, struct catalogue *catalogue)
{
    struct hin_store_page all = {0}, backups = {.damaged = note_damaged};
    struct hin_store_listed listed;
    struct hin_store *store = call->tenant->store;
    HIN_TRY(hin_store_list(store, HIN_STORE_BACKUPS, &backups, note_backup, catalogue, &listed));
    return hin_store_list(store, HIN_STORE_TENANTS, &all, forget_erased, catalogue, &listed);
}

static bool get_catalogue(struct hin_doctor *doctor, struct hin_api_call *call,
                          struct catalogue *catalogue)
{
    struct hin_result read = read_catalogue(call, catalogue);
    if (!hin_is_ok(read)) {
        hin_doctor_unseen(doctor, "%s", hin_code_text(read.code));
    }
    return hin_is_ok(read);
}

static void judge_made(struct hin_doctor *doctor, const struct catalogue *catalogue,
                       int64_t most_usec, int64_t now_usec)
{
    const struct made *oldest = NULL;
    size_t late = 0;
    for (size_t i = 0; i < catalogue->count; i++) {
        const struct made *at = &catalogue->made[i];
        late += now_usec - at->newest_usec > most_usec;
        oldest = oldest == NULL || at->newest_usec < oldest->newest_usec ? at : oldest;
    }
    if (oldest == NULL) {
        hin_doctor_found(doctor, "no backup was made yet");
    } else if (late > 0 && oldest->newest_usec == 0) {
        hin_doctor_found(doctor, "%zu tenants have no recent backup, tenant %lld none at all", late,
                         (long long)oldest->tenant);
    } else if (late > 0) {
        hin_doctor_found(doctor,
                         "%zu tenants have no recent backup; that of tenant %lld is %lld "
                         "hours old",
                         late, (long long)oldest->tenant, hours(now_usec - oldest->newest_usec));
    } else {
        hin_doctor_fine(doctor, "of %zu tenants, %lld hours old at most", catalogue->count,
                        hours(now_usec - oldest->newest_usec));
    }
}

static void judge_catalogue(struct hin_doctor *doctor, const struct catalogue *catalogue)
{
    if (catalogue->damaged > 0) {
        hin_doctor_found_as(doctor, HIN_DOCTOR_ERROR,
                            "hinomi backup verify mends it from what lies at the destinations; if "
                            "it cannot, hinomi backup forget ID",
                            "%zu entries of the catalogue of backups are damaged, first ID %lld of "
                            "tenant %lld",
                            catalogue->damaged, (long long)catalogue->damaged_id,
                            (long long)catalogue->damaged_tenant);
    }
}

static void look_made(struct hin_doctor *doctor, void *subject)
{
    struct hin_api_call *call = subject;
    struct catalogue catalogue = {0};
    struct state state;
    if (!has_destination(doctor, call, &state)) {
        return;
    }
    if (get_catalogue(doctor, call, &catalogue)) {
        judge_made(doctor, &catalogue, state.every_usec + state.every_usec / 4, now_of(call));
        judge_catalogue(doctor, &catalogue);
    }
    free(catalogue.made);
    tell_alerts(doctor, call, 1U << HIN_BACKUP_ALERT_FAILED | 1U << HIN_BACKUP_ALERT_UNSHIPPED);
}

/* ---- what was read back, restored, drilled ---- */

struct looks {
    size_t count;
    int64_t oldest_usec; /* of the last whole ones */
};

static HIN_RESULT note_look(void *context, const struct hin_backup_look *look)
{
    struct looks *looks = context;
    bool older = looks->count == 0 || look->ended_usec < looks->oldest_usec;
    looks->oldest_usec = older ? look->ended_usec : looks->oldest_usec;
    looks->count++;
    return hin_ok();
}

static void look_verified(struct hin_doctor *doctor, void *subject)
{
    struct hin_api_call *call = subject;
    struct looks looks = {0};
    struct state state;
    if (!has_destination(doctor, call, &state)) {
        return;
    }
    tell_alerts(doctor, call, 1U << HIN_BACKUP_ALERT_LOST);
    struct hin_result read = hin_backup_looks_each(call->tenant->store, note_look, &looks);
    int64_t age_usec = now_of(call) - looks.oldest_usec;
    if (!hin_is_ok(read)) {
        hin_doctor_unseen(doctor, "%s", hin_code_text(read.code));
    } else if (looks.count == 0) {
        hin_doctor_fine(doctor, "nothing was read back yet: it is after the first backup");
    } else if (age_usec > state.look_usec + HIN_DAY_USEC) {
        hin_doctor_found_as(doctor, HIN_DOCTOR_WARNING,
                            "hinomi backup verify, and look into the log for what keeps the "
                            "process `backup` from it",
                            "what lies at a destination was last read back %lld hours ago",
                            hours(age_usec));
    } else {
        hin_doctor_fine(doctor, "read back %lld hours ago", hours(age_usec));
    }
}

/* The one that was restored longest ago, or whose restore failed. */
static void judge_restored(struct hin_doctor *doctor, struct hin_api_call *call,
                           const struct catalogue *catalogue)
{
    int64_t oldest_usec = INT64_MAX;
    for (size_t i = 0; i < catalogue->count; i++) {
        struct hin_rehearsal last;
        int64_t tenant = catalogue->made[i].tenant;
        struct hin_result found = hin_rehearsal_last(call->tenant->store, tenant, false, &last);
        if (found.code == HIN_NOT_FOUND) {
            continue; /* it is due a week after the first backup */
        }
        if (!hin_is_ok(found)) {
            hin_doctor_unseen(doctor, "%s", hin_code_text(found.code));
            return;
        }
        if (!last.good) {
            hin_doctor_found(doctor, "the last restore of tenant %lld failed: %s",
                             (long long)tenant, last.error);
        }
        oldest_usec = HIN_MIN(oldest_usec, last.begun_usec);
    }
    int64_t age_usec = oldest_usec == INT64_MAX ? now_of(call) - catalogue->first_usec
                                                : now_of(call) - oldest_usec;
    if (catalogue->count > 0 && age_usec > HIN_REHEARSAL_USEC + HIN_DAY_USEC) {
        hin_doctor_found(doctor, "no backup was restored and compared for %lld days",
                         days(age_usec));
    } else if (oldest_usec != INT64_MAX) {
        hin_doctor_fine(doctor, "restored and compared %lld days ago", days(age_usec));
    } else {
        hin_doctor_fine(doctor, "the first one comes a week after the first backup");
    }
}

static void look_restored(struct hin_doctor *doctor, void *subject)
{
    struct hin_api_call *call = subject;
    struct catalogue catalogue = {0};
    struct state state;
    if (has_destination(doctor, call, &state) && get_catalogue(doctor, call, &catalogue)) {
        judge_restored(doctor, call, &catalogue);
    }
    free(catalogue.made);
}

static void judge_drill(struct hin_doctor *doctor, struct hin_api_call *call, int64_t first_usec)
{
    struct hin_drill drill;
    int64_t now_usec = now_of(call);
    struct hin_result found = hin_drill_last(call->tenant->store, now_usec, &drill);
    if (hin_is_ok(found)) {
        int64_t left_usec = drill.begun_usec + HIN_DRILL_USEC - now_usec;
        if (left_usec < DRILL_SOON_USEC) {
            hin_doctor_found_as(doctor, HIN_DOCTOR_ADVICE, NULL,
                                "the last drill counts for %lld days more", days(left_usec));
        } else {
            hin_doctor_fine(doctor, "the last drill was signed by %s", drill.person);
        }
    } else if (found.code != HIN_NOT_FOUND) {
        hin_doctor_unseen(doctor, "%s", hin_code_text(found.code));
    } else if (first_usec != 0 && now_usec - first_usec > HIN_DRILL_USEC) {
        hin_doctor_found(doctor, "no drill of the last year counts");
    } else {
        hin_doctor_found_as(doctor, HIN_DOCTOR_ADVICE, NULL,
                            "no drill was made yet: nobody has shown that all of this comes back");
    }
}

static void look_drill(struct hin_doctor *doctor, void *subject)
{
    struct hin_api_call *call = subject;
    struct catalogue catalogue = {0};
    struct state state;
    if (has_destination(doctor, call, &state) && get_catalogue(doctor, call, &catalogue)) {
        judge_drill(doctor, call, catalogue.first_usec);
    }
    free(catalogue.made);
}

#define NEEDS (HIN_RIGHT_TENANTS | HIN_API_DOCTOR_INSTALLATION)

const struct hin_doctor_check hin_api_doctor_backups[] = {
    {"backup.destinations", "backups", "where backups go", HIN_DOCTOR_WARNING,
     "hinomi-manager destination --state DIR --add NAME --url URL --region LABEL, another label "
     "for each place, then restart the manager",
     NEEDS, look_destinations},
    {"backup.process", "backups", "the process that makes them", HIN_DOCTOR_ERROR,
     "look into the manager's log; restart it if that says nothing", NEEDS, look_process},
    {"backup.reach", "backups", "whether destinations do their work", HIN_DOCTOR_ERROR,
     "mend what it says there; it is tried again by itself (hinomi backup destinations)", NEEDS,
     look_reach},
    {"backup.made", "backups", "the last good backup of each tenant, and what is shipped since",
     HIN_DOCTOR_ERROR, "hinomi backup list says why; then hinomi backup now", NEEDS, look_made},
    {"backup.verified", "backups", "what lies at destinations, as it was read back",
     HIN_DOCTOR_ERROR,
     "replace or mend that place; the next backup writes again what is lost, and hinomi backup "
     "verify reads all of it now",
     NEEDS, look_verified},
    {"backup.restored", "backups", "each week's restore", HIN_DOCTOR_ERROR,
     "hinomi backup rehearsals says why; then hinomi backup rehearse", NEEDS, look_restored},
    {"backup.drill", "backups", "the yearly drill", HIN_DOCTOR_WARNING,
     "hinomi-manager drill, then hinomi backup drill record FILE and sign ID (docs/OPERATIONS.md)",
     NEEDS, look_drill},
    {"backup.clock", "backups", "whether backups are destroyed in their time", HIN_DOCTOR_WARNING,
     "put the clock right: chrony or systemd-timesyncd (docs/CLOCKS.md)", NEEDS, look_clock},
};
const size_t hin_api_doctor_backup_count = HIN_COUNT(hin_api_doctor_backups);
