/* Each day what lies at the destinations is read back, a bounded share of it (looks.h): a
 * destination that acknowledges and loses is found by nothing else. What is found amiss is alerted,
 * and mended by the next backup, which then compares everything there with the store. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/log.h"
#include "manager/backup/cycle_internal.h"

#define SLICE_BYTES ((uint64_t)256 << 20) /* read at a stretch; orders wait for no more */
#define AGAIN_USEC  HIN_MINUTE_USEC       /* after something was in the way */

struct looking {
    struct hin_backup_cycle *cycle;
    struct hin_backup_subject *subject;
    size_t at; /* the destination */
    struct hin_backup backup;
    struct hin_backup_look look;       /* as it will be written */
    struct hin_backup_record *records; /* of the tenant, oldest first */
    size_t record_count, newest;       /* newest: of those that lie there */
};

bool hin_cycle_is_damage(struct hin_result result)
{
    return result.code == HIN_NOT_FOUND || result.code == HIN_CORRUPT || result.code == HIN_AUTH ||
           result.code == HIN_SYNTAX || result.code == HIN_TRUNCATED;
}

/* ---- what was amiss ---- */

static HIN_RESULT amiss(struct looking *looking, int64_t count, const char *text)
{
    struct hin_backup_look *look = &looking->look;
    const char *name = looking->cycle->settings.destinations[looking->at].name;
    if (count == 0) {
        return hin_ok();
    }
    if (look->amiss == 0) {
        snprintf(look->text, sizeof(look->text), "%s", text);
    }
    if (look->lost_usec == 0) {
        look->lost_usec = hin_cycle_now_usec(looking->cycle);
    }
    look->amiss += count;
    hin_log(HIN_LOG_ERROR, "what lies at %s of tenant %s is not what was written: %s", name,
            looking->subject->tenant.id, text);
    return hin_cycle_audit(looking->cycle, "backup.look", "failed",
                           &looking->records[looking->newest], text);
}

/* Nothing that lies there is taken for granted at the next backup. */
static void distrust(struct hin_backup_subject *subject, size_t at)
{
    subject->stands[at].distrusted = true;
    hin_cycle_forget(&subject->chains[at]);
}

static HIN_RESULT judge(struct looking *looking, struct hin_result result,
                        const struct hin_backup_verdict *verdict, struct hin_backup_record *record)
{
    struct hin_backup_place *place =
        hin_backup_place_of(record, looking->cycle->settings.destinations[looking->at].name);
    int64_t count = (int64_t)(verdict->damaged + verdict->missing);
    if (!hin_is_ok(result) && !hin_cycle_is_damage(result)) {
        return result;
    }
    HIN_ENSURE(place != NULL, LIMIT);
    looking->look.objects += (int64_t)verdict->objects;
    looking->look.bytes += (int64_t)verdict->bytes;
    if (hin_is_ok(result) && count == 0) {
        return hin_ok();
    }
    place->damaged = hin_is_ok(result) ? count : 1;
    if (hin_is_ok(result)) {
        snprintf(place->error, sizeof(place->error),
                 "%lld objects are missing and %lld altered, "
                 "first %s",
                 (long long)verdict->missing, (long long)verdict->damaged, verdict->first);
    } else {
        hin_cycle_describe(&looking->backup, result, place->error, sizeof(place->error));
    }
    HIN_TRY(hin_backup_record_write(looking->cycle->own->store, record,
                                    hin_cycle_now_usec(looking->cycle)));
    return amiss(looking, place->damaged, place->error);
}

/* ---- which objects ---- */

struct span { /* of names; excluding `after`, including `last` */
    uint8_t after[HIN_BACKUP_NAME_BYTES], last[HIN_BACKUP_NAME_BYTES];
    bool from, to; /* there is such a bound */
};

static bool is_within(const struct span *span, const uint8_t *name)
{
    return (!span->from || memcmp(name, span->after, HIN_BACKUP_NAME_BYTES) > 0) &&
           (!span->to || memcmp(name, span->last, HIN_BACKUP_NAME_BYTES) <= 0);
}

static bool has_turn(const struct looking *looking, const uint8_t *name)
{
    return hin_load_u32(name) % looking->cycle->settings.look_turns ==
           (uint32_t)looking->look.turn % looking->cycle->settings.look_turns;
}

static bool wants_segment(const struct looking *looking, const struct hin_backup_segment *segment)
{
    return segment->object.size > 0 &&
           (looking->look.all || segment->row.id > looking->look.segment ||
            has_turn(looking, segment->object.name));
}

static bool wants_piece(const struct looking *looking, const struct hin_backup_piece *piece)
{
    return looking->look.all || piece->part != HIN_PART_AUDIT ||
           piece->last > looking->look.audit || has_turn(looking, piece->object.name);
}

static int by_name(const void *a, const void *b)
{
    const struct hin_backup_object *const *one = a, *const *other = b;
    return memcmp((*one)->name, (*other)->name, HIN_BACKUP_NAME_BYTES);
}

static void add_within(const struct hin_backup_object *object, const struct span *span,
                       const struct hin_backup_object **list, size_t *count)
{
    if (is_within(span, object->name)) {
        list[(*count)++] = object;
    }
}

/* Where this slice ends: *ret_last false, not at the end of all. */
static HIN_RESULT measure(const struct looking *looking, const struct hin_backup_manifest *manifest,
                          struct span *span, bool *ret_end)
{
    size_t count = 0, room = manifest->segment_count + manifest->piece_count;
    uint64_t bytes = 0;
    const struct hin_backup_object **list = calloc(room + 1, sizeof(struct hin_backup_object *));
    HIN_ENSURE(list != NULL, NO_MEMORY);
    for (size_t i = 0; i < manifest->segment_count; i++) {
        if (wants_segment(looking, &manifest->segments[i])) {
            add_within(&manifest->segments[i].object, span, list, &count);
        }
    }
    for (size_t i = 0; i < manifest->piece_count; i++) {
        if (wants_piece(looking, &manifest->pieces[i])) {
            add_within(&manifest->pieces[i].object, span, list, &count);
        }
    }
    if (count > 0) {
        qsort(list, count, sizeof(*list), by_name);
    }
    size_t i = 0;
    for (; i < count && bytes < SLICE_BYTES; i++) {
        bytes += list[i]->size;
        hin_copy(span->last, list[i]->name, sizeof(span->last));
    }
    *ret_end = i == count;
    span->to = !*ret_end;
    free(list);
    return hin_ok();
}

/* The chosen ones of a manifest as one of their own; known: names that are left out (NULL: none).
 */
static HIN_RESULT choose(const struct looking *looking, const struct hin_backup_manifest *manifest,
                         const struct span *span, const struct hin_map *known,
                         struct hin_backup_manifest *part)
{
    for (size_t i = 0; i < manifest->segment_count; i++) {
        const struct hin_backup_segment *at = &manifest->segments[i];
        struct hin_view name = hin_view_of(at->object.name, HIN_BACKUP_NAME_BYTES);
        bool chosen = known != NULL
                          ? at->object.size > 0 && hin_map_get(known, name) == NULL
                          : wants_segment(looking, at) && is_within(span, at->object.name);
        if (chosen) {
            HIN_TRY(hin_backup_add_segment(part, at));
        }
    }
    for (size_t i = 0; i < manifest->piece_count; i++) {
        const struct hin_backup_piece *at = &manifest->pieces[i];
        struct hin_view name = hin_view_of(at->object.name, HIN_BACKUP_NAME_BYTES);
        bool chosen = known != NULL ? hin_map_get(known, name) == NULL
                                    : wants_piece(looking, at) && is_within(span, at->object.name);
        if (chosen) {
            HIN_TRY(hin_backup_add_piece(part, at));
        }
    }
    return hin_ok();
}

static HIN_RESULT check(struct looking *looking, const struct hin_backup_manifest *manifest,
                        const struct span *span, const struct hin_map *known,
                        struct hin_backup_verdict *verdict)
{
    struct hin_backup_manifest part;
    hin_backup_manifest_init(&part);
    looking->backup.progress = (struct hin_backup_progress){0};
    struct hin_result checked = choose(looking, manifest, span, known, &part);
    if (hin_is_ok(checked) && part.segment_count + part.piece_count > 0) {
        checked = hin_backup_check(&looking->backup, &part, verdict);
    }
    hin_backup_manifest_done(&part);
    return checked;
}

/* ---- backups before the newest ---- */

static HIN_RESULT know(struct hin_map *known, const struct hin_backup_manifest *manifest)
{
    for (size_t i = 0; i < manifest->segment_count; i++) {
        HIN_TRY(hin_map_put(
            known, hin_view_of(manifest->segments[i].object.name, HIN_BACKUP_NAME_BYTES), known));
    }
    for (size_t i = 0; i < manifest->piece_count; i++) {
        HIN_TRY(hin_map_put(
            known, hin_view_of(manifest->pieces[i].object.name, HIN_BACKUP_NAME_BYTES), known));
    }
    return hin_ok();
}

static bool lies_there(const struct looking *looking, size_t record)
{
    const char *name = looking->cycle->settings.destinations[looking->at].name;
    const struct hin_backup_record *at = &looking->records[record];
    for (size_t i = 0; hin_backup_record_opens(at) && i < at->place_count; i++) {
        if (strcmp(at->places[i].name, name) == 0) {
            return at->places[i].state == HIN_BACKUP_THERE;
        }
    }
    return false;
}

/* One that was found amiss stays as it is: it is marked, and never mended. */
static bool is_marked(struct looking *looking, size_t record)
{
    const char *name = looking->cycle->settings.destinations[looking->at].name;
    const struct hin_backup_place *place = hin_backup_place_of(&looking->records[record], name);
    return place == NULL || place->damaged > 0;
}

/* sequence 0: as it was when it was made; UINT32_MAX: with all that was shipped. */
static HIN_RESULT look_at_former(struct looking *looking, size_t record, uint32_t sequence,
                                 struct hin_map *known)
{
    struct hin_backup_record *former = &looking->records[record];
    struct hin_backup_manifest manifest;
    struct hin_backup_verdict verdict = {0};
    struct span all = {0};
    struct hin_result checked =
        hin_backup_load(&looking->backup, former->begun_usec, sequence, &manifest, NULL);
    if (hin_is_ok(checked)) {
        checked = check(looking, &manifest, &all, known, &verdict);
        if (hin_is_ok(checked)) {
            checked = know(known, &manifest);
        }
        hin_backup_manifest_done(&manifest);
    }
    return judge(looking, checked, &verdict, former);
}

/* As it was when it was made, and with all that was shipped. */
static HIN_RESULT look_at_both(struct looking *looking, size_t record, struct hin_map *known)
{
    HIN_TRY(look_at_former(looking, record, 0, known));
    return is_marked(looking, record) ? hin_ok()
                                      : look_at_former(looking, record, UINT32_MAX, known);
}

/* Those whose turn it is; all of them where all is read or something was amiss: what took some from
 * the newest took some from them too, and that is one loss. *ret_end false: the others in the next
 * slice. */
static HIN_RESULT look_at_formers(struct looking *looking, const struct hin_backup_manifest *newest,
                                  bool *ret_end)
{
    HIN_CLEANUP(hin_map_done) struct hin_map known = {0};
    struct hin_backup_look *look = &looking->look;
    size_t turns = looking->cycle->settings.look_turns;
    int64_t before_bytes = look->bytes;
    HIN_TRY(hin_map_init(&known, 4 * HIN_BACKUP_SEGMENTS_MAX));
    HIN_TRY(know(&known, newest));
    if (look->former_usec == 0) { /* before it was shipped to */
        HIN_TRY(look_at_former(looking, looking->newest, 0, &known));
    }
    *ret_end = false;
    for (size_t i = 0; i < looking->newest; i++) {
        const struct hin_backup_record *at = &looking->records[i];
        bool turn = look->all || look->amiss > 0 ||
                    (uint64_t)at->id % turns == (uint64_t)look->turn % turns;
        if (at->begun_usec <= look->former_usec || !turn || !lies_there(looking, i) ||
            is_marked(looking, i)) {
            continue;
        }
        if (look->bytes - before_bytes >= (int64_t)SLICE_BYTES) {
            return hin_ok();
        }
        look->former_usec = at->begun_usec;
        HIN_TRY(look_at_both(looking, i, &known));
    }
    *ret_end = true;
    return hin_ok();
}

/* So many shipments of it were acknowledged. */
static uint32_t shipped(struct looking *looking, size_t record)
{
    const struct hin_backup_record *at = &looking->records[record];
    const struct hin_backup_chain *chain = &looking->subject->chains[looking->at];
    const struct hin_backup_place *place = hin_backup_place_of(
        &looking->records[record], looking->cycle->settings.destinations[looking->at].name);
    uint32_t known = place != NULL ? (uint32_t)place->sequence : 0;
    bool is_chain = chain->loaded && chain->base.begun_usec == at->begun_usec;
    return is_chain ? HIN_MAX(known, chain->sequence) : known;
}

/* listed: NULL, not even the manifest. */
static HIN_RESULT judge_listed(struct looking *looking, size_t record,
                               const struct hin_backup_listed *listed)
{
    struct hin_backup_verdict verdict = {0};
    uint32_t acknowledged = shipped(looking, record);
    if (listed == NULL) {
        verdict.missing = 1;
    } else if (listed->last_sequence < acknowledged) {
        verdict.missing = acknowledged - listed->last_sequence;
    } else if (listed->shipment_count < listed->last_sequence) {
        verdict.missing = listed->last_sequence - listed->shipment_count;
    }
    if (verdict.missing == 0) {
        return hin_ok();
    }
    hin_backup_manifest_path(looking->backup.tenant, looking->records[record].begun_usec,
                             listed == NULL ? 0 : listed->last_sequence + 1, verdict.first);
    return judge(looking, hin_ok(), &verdict, &looking->records[record]);
}

/* Manifests and shipments that were acknowledged and are not there. */
static HIN_RESULT look_for_manifests(struct looking *looking, const struct hin_backup_listed *list,
                                     size_t count)
{
    for (size_t i = 0; i <= looking->newest; i++) {
        const struct hin_backup_listed *listed = NULL;
        for (size_t j = 0; j < count; j++) {
            bool it = list[j].begun_usec == looking->records[i].begun_usec;
            listed = it ? &list[j] : listed;
        }
        if (lies_there(looking, i) && (i == looking->newest || !is_marked(looking, i))) {
            HIN_TRY(judge_listed(looking, i, listed));
        }
    }
    return hin_ok();
}

/* ---- one look ---- */

static void begin(struct looking *looking, const struct hin_backup_manifest *manifest)
{
    struct hin_backup_look *look = &looking->look;
    look->begun_usec = hin_cycle_now_usec(looking->cycle);
    look->turn = (look->turn + 1) % looking->cycle->settings.look_turns;
    look->all = look->ended_usec == 0 || look->lost_usec != 0;
    look->objects = look->bytes = look->amiss = look->former_usec = 0;
    look->after[0] = '\0';
    look->next_segment =
        manifest->segment_count > 0 ? manifest->segments[manifest->segment_count - 1].row.id : 0;
    look->next_audit = manifest->position.audit_number;
    look->newest_usec = looking->records[looking->newest].begun_usec;
}

/* The one that was the newest when it began: of one that was made since not all was read. */
static struct hin_backup_record *looked_at(const struct looking *looking)
{
    size_t found = looking->newest;
    for (size_t i = 0; i < looking->newest; i++) {
        found = looking->records[i].begun_usec == looking->look.newest_usec ? i : found;
    }
    return &looking->records[found];
}

static HIN_RESULT end(struct looking *looking)
{
    struct hin_backup_look *look = &looking->look;
    struct hin_backup_record *record = looked_at(looking);
    struct hin_backup_place *place =
        hin_backup_place_of(record, looking->cycle->settings.destinations[looking->at].name);
    look->ended_usec = hin_cycle_now_usec(looking->cycle);
    look->begun_usec = 0;
    look->backup_usec = record->begun_usec;
    look->segment = look->next_segment;
    look->audit = look->next_audit;
    if (look->amiss == 0) {
        look->lost_usec = 0; /* after a loss all was read */
        look->text[0] = '\0';
    } else {
        distrust(looking->subject, looking->at);
    }
    HIN_ENSURE(place != NULL, LIMIT);
    if (look->amiss == 0 && look->all) {
        place->damaged = 0;
        place->error[0] = '\0';
    }
    place->verified_usec = look->ended_usec;
    place->sequence = shipped(looking, (size_t)(record - looking->records));
    return hin_backup_record_write(looking->cycle->own->store, record, look->ended_usec);
}

/* A slice of the objects of the newest. */
static HIN_RESULT look_at_newest(struct looking *looking,
                                 const struct hin_backup_manifest *manifest, bool *ret_end)
{
    struct hin_backup_look *look = &looking->look;
    struct hin_backup_verdict verdict = {0};
    struct span span = {0};
    bool at_end = false;
    span.from = look->after[0] != '\0' && hin_is_ok(hin_unhex(hin_view_from_text(look->after),
                                                              span.after, sizeof(span.after)));
    HIN_TRY(measure(looking, manifest, &span, &at_end));
    struct hin_result checked = check(looking, manifest, &span, NULL, &verdict);
    HIN_TRY(judge(looking, checked, &verdict, &looking->records[looking->newest]));
    if (!at_end) {
        hin_hex(span.last, sizeof(span.last), look->after);
    }
    *ret_end = at_end;
    return hin_ok();
}

static HIN_RESULT look_on(struct looking *looking, const struct hin_backup_manifest *manifest,
                          const struct hin_backup_listed *list, size_t count)
{
    bool at_end = true;
    if (looking->look.begun_usec == 0) {
        begin(looking, manifest);
        HIN_TRY(look_for_manifests(looking, list, count));
    }
    if (looking->look.former_usec == 0) {
        HIN_TRY(look_at_newest(looking, manifest, &at_end));
    }
    if (at_end) {
        HIN_TRY(look_at_formers(looking, manifest, &at_end));
    }
    return at_end ? end(looking) : hin_ok();
}

/* The manifest of the newest is missing or altered: there is nothing to go on by. */
static HIN_RESULT look_without(struct looking *looking, struct hin_result why)
{
    struct hin_backup_manifest none;
    struct hin_backup_verdict verdict = {0};
    if (!hin_cycle_is_damage(why)) {
        return why;
    }
    hin_backup_manifest_init(&none);
    begin(looking, &none);
    hin_backup_manifest_done(&none);
    looking->look.next_segment = looking->look.next_audit = 0;
    HIN_TRY(judge(looking, why, &verdict, &looking->records[looking->newest]));
    return end(looking);
}

static HIN_RESULT look_there(struct looking *looking)
{
    struct hin_backup_manifest manifest;
    struct hin_backup_listed *list = NULL;
    size_t count = 0;
    HIN_TRY(hin_backup_list(looking->backup.depot, looking->backup.tenant, &list, &count));
    /* it answers, so what is missing is lost */
    struct hin_result looked =
        hin_backup_load(&looking->backup, looking->records[looking->newest].begun_usec, UINT32_MAX,
                        &manifest, NULL);
    if (hin_is_ok(looked)) {
        looked = look_on(looking, &manifest, list, count);
        hin_backup_manifest_done(&manifest);
    } else {
        looked = look_without(looking, looked);
    }
    free(list);
    return looked;
}

/* *ret_any false: no backup lies there. */
static HIN_RESULT find_newest(struct looking *looking, bool *ret_any)
{
    HIN_TRY(hin_cycle_records(looking->cycle, looking->subject->tenant.number, &looking->records,
                              &looking->record_count));
    *ret_any = false;
    for (size_t i = 0; i < looking->record_count; i++) {
        if (lies_there(looking, i)) {
            looking->newest = i;
            *ret_any = true;
        }
    }
    return hin_ok();
}

static HIN_RESULT look_at_all(struct looking *looking)
{
    struct hin_backup_cycle *cycle = looking->cycle;
    struct hin_backup_stand *stand = &looking->subject->stands[looking->at];
    bool any = false;
    HIN_TRY(find_newest(looking, &any));
    if (!any) {
        stand->lacking = true;
        return hin_ok();
    }
    int64_t since_usec = hin_cycle_try(cycle, looking->at);
    struct hin_result looked = look_there(looking);
    if (hin_cycle_saw(cycle, looking->at, since_usec, looked)) {
        return hin_ok(); /* it goes on when the destination does its work again */
    }
    HIN_TRY(looked);
    HIN_TRY(hin_backup_look_write(cycle->own->store, &looking->look, hin_cycle_now_usec(cycle)));
    stand->look = looking->look;
    stand->unread = stand->unread && stand->look.begun_usec != 0; /* not yet to its end */
    return hin_ok();
}

/* ---- which ---- */

static bool is_due(const struct hin_backup_cycle *cycle, const struct hin_backup_subject *subject,
                   size_t at)
{
    const struct hin_backup_look *look = &subject->stands[at].look;
    int64_t every_usec = (int64_t)cycle->settings.look_seconds * HIN_SEC_USEC;
    int64_t age_usec = hin_cycle_now_usec(cycle) - look->ended_usec;
    if (subject->newest_usec == 0 || subject->stands[at].lacking ||
        hin_cycle_is_failing(cycle, at) || !hin_cycle_may_try(cycle, at)) {
        return false;
    }
    bool mended = look->lost_usec != 0 && !subject->stands[at].distrusted;
    return look->begun_usec != 0 || look->ended_usec == 0 || age_usec >= every_usec ||
           age_usec <= -every_usec || (mended && subject->newest_usec > look->backup_usec);
}

/* What waits longest is first, so that none waits for ever where a day is too short for all; one
 * under way goes before. */
static struct hin_backup_subject *choose_next(const struct hin_backup_cycle *cycle, size_t *ret_at)
{
    struct hin_backup_subject *chosen = NULL;
    int64_t oldest_usec = INT64_MAX;
    for (struct hin_backup_subject *at = cycle->subjects; at != NULL; at = at->next) {
        for (size_t i = 0; i < cycle->settings.count; i++) {
            const struct hin_backup_look *look = &at->stands[i].look;
            int64_t since_usec = look->begun_usec != 0 ? INT64_MIN : look->ended_usec;
            if (since_usec < oldest_usec && is_due(cycle, at, i)) {
                oldest_usec = since_usec;
                chosen = at;
                *ret_at = i;
            }
        }
    }
    return chosen;
}

static HIN_RESULT look_next(struct hin_backup_cycle *cycle, bool *ret_more)
{
    size_t at = 0;
    struct hin_backup_subject *subject = choose_next(cycle, &at);
    if (subject == NULL) {
        return hin_ok();
    }
    struct looking looking = {.cycle = cycle,
                              .subject = subject,
                              .at = at,
                              .backup = hin_cycle_handle(cycle, subject, at),
                              .look = subject->stands[at].look};
    looking.look.tenant = subject->tenant.number;
    snprintf(looking.look.destination, sizeof(looking.look.destination), "%s",
             cycle->settings.destinations[at].name);
    struct hin_result looked = look_at_all(&looking);
    free(looking.records);
    *ret_more = hin_is_ok(looked);
    return looked;
}

HIN_RESULT hin_backup_cycle_look_back(struct hin_backup_cycle *cycle, bool *ret_more)
{
    int64_t now_usec = hin_cycle_monotonic_usec(cycle);
    *ret_more = false;
    if (cycle->looked_usec != 0 && now_usec < cycle->looked_usec) {
        return hin_ok();
    }
    cycle->looking = true;
    struct hin_result looked = look_next(cycle, ret_more);
    cycle->looking = false;
    if (hin_is_ok(looked) || hin_cycle_is_final(looked)) {
        return looked;
    }
    cycle->looked_usec = now_usec + AGAIN_USEC;
    hin_log_result(HIN_LOG_WARNING, looked, "reading backups back");
    return hin_ok();
}

/* ---- as it stands in the store ---- */

struct reading {
    struct hin_backup_cycle *cycle;
    int64_t stale[64]; /* of tenants and destinations that are no more; the rest the next time */
    size_t count;
};

static HIN_RESULT take_look(void *context, const struct hin_backup_look *look)
{
    struct reading *reading = context;
    struct hin_backup_cycle *cycle = reading->cycle;
    bool met = false;
    for (struct hin_backup_subject *at = cycle->subjects; at != NULL; at = at->next) {
        for (size_t i = 0; i < cycle->settings.count; i++) {
            if (at->tenant.number == look->tenant &&
                strcmp(cycle->settings.destinations[i].name, look->destination) == 0) {
                at->stands[i].look = *look;
                at->stands[i].distrusted = look->lost_usec != 0;
                met = true;
            }
        }
    }
    if (!met && reading->count < HIN_COUNT(reading->stale)) {
        reading->stale[reading->count++] = look->id;
    }
    return hin_ok();
}

HIN_RESULT hin_cycle_read_looks(struct hin_backup_cycle *cycle)
{
    struct reading reading = {.cycle = cycle};
    HIN_TRY(hin_backup_looks_each(cycle->own->store, take_look, &reading));
    for (size_t i = 0; i < reading.count; i++) {
        HIN_TRY(hin_store_delete(cycle->own->store, HIN_STORE_BACKUP_LOOKS, reading.stale[i], 0));
    }
    return hin_ok();
}

HIN_RESULT hin_cycle_looked_whole(struct hin_backup_cycle *cycle,
                                  struct hin_backup_subject *subject, size_t at,
                                  int64_t amiss_count, const char *text)
{
    struct hin_backup_look *look = &subject->stands[at].look;
    if (amiss_count == 0 && look->lost_usec == 0) {
        return hin_ok();
    }
    look->tenant = subject->tenant.number;
    snprintf(look->destination, sizeof(look->destination), "%s",
             cycle->settings.destinations[at].name);
    look->amiss = amiss_count;
    look->begun_usec = 0;
    snprintf(look->text, sizeof(look->text), "%s", text);
    if (amiss_count > 0) {
        look->lost_usec = look->lost_usec != 0 ? look->lost_usec : hin_cycle_now_usec(cycle);
        distrust(subject, at);
    } else {
        look->lost_usec = 0;
    }
    return hin_backup_look_write(cycle->own->store, look, hin_cycle_now_usec(cycle));
}
