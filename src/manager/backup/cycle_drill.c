/* Drills that were handed in: judged against what is here. Whoever has recovered the installation
 * elsewhere knows the hash of each audit record at the end of what was restored; only what is here
 * says how much came after it, and which tenants should have been there. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/log.h"
#include "manager/backup/cycle_internal.h"
#include "manager/backup/rehearsals.h"
#include "manager/backup/same.h"

struct judging {
    struct hin_backup_cycle *cycle;
    struct hin_drill drill;
    struct hin_buf report; /* as it was handed in */
    struct hin_drill_report read;
    bool any;
};

static void object(struct judging *judging, const char *uuid, const char *what)
{
    if (judging->drill.text[0] == '\0') {
        snprintf(judging->drill.text, sizeof(judging->drill.text), "tenant %s %s", uuid, what);
    }
}

static const struct hin_drill_tenant *find(const struct judging *judging, const char *uuid)
{
    for (size_t i = 0; i < judging->read.tenant_count; i++) {
        if (strcmp(judging->read.tenants[i].uuid, uuid) == 0) {
            return &judging->read.tenants[i];
        }
    }
    return NULL;
}

/* One of which a backup was made before the drill began should be in it. */
static HIN_RESULT was_backed_up(struct judging *judging, const struct hin_backup_subject *subject,
                                bool *ret_was)
{
    struct hin_backup_record *records = NULL;
    size_t count = 0;
    HIN_TRY(hin_cycle_all_records(judging->cycle, subject->tenant.number, &records, &count));
    *ret_was = false;
    for (size_t i = 0; i < count; i++) {
        *ret_was |= records[i].ended_usec > 0 && records[i].ended_usec <= judging->drill.begun_usec;
    }
    free(records);
    return hin_ok();
}

static HIN_RESULT judge_restored(struct judging *judging, struct hin_backup_subject *subject,
                                 const struct hin_drill_tenant *tenant)
{
    struct hin_copy_position position = {tenant->last_event, tenant->last_audit, {0}};
    uint8_t hash[HIN_STORE_AUDIT_HASH_BYTES];
    int64_t lost_usec = 0;
    HIN_TRY(hin_cycle_wake(judging->cycle, subject));
    struct hin_store *store = subject->tenant.store;
    struct hin_result got = hin_store_copy_audit_hash(store, tenant->last_audit, hash);
    if (got.code == HIN_NOT_FOUND ||
        (hin_is_ok(got) && memcmp(hash, tenant->audit_hash, sizeof(hash)) != 0)) {
        object(judging, tenant->uuid,
               "is not the one of this installation: its audit record ends "
               "with an entry that is not here");
        return hin_ok();
    }
    HIN_TRY(got);
    HIN_TRY(
        hin_same_lost(store, &position, tenant->at_usec, judging->drill.begun_usec, &lost_usec));
    judging->drill.lost_usec = HIN_MAX(judging->drill.lost_usec, lost_usec);
    return hin_ok();
}

static HIN_RESULT judge_tenant(struct judging *judging, struct hin_backup_subject *subject)
{
    const struct hin_drill_tenant *tenant = find(judging, subject->tenant.id);
    bool expected = false;
    if (tenant != NULL && tenant->restored && tenant->verified) {
        return judge_restored(judging, subject, tenant);
    }
    HIN_TRY(was_backed_up(judging, subject, &expected));
    if (expected || (tenant != NULL && tenant->restored)) {
        object(judging, subject->tenant.id,
               tenant == NULL || !tenant->restored ? "was not restored" : tenant->error);
    }
    return hin_ok();
}

/* Seconds, as people read them. */
static void judge_times(struct judging *judging)
{
    struct hin_drill *drill = &judging->drill;
    int64_t ahead_usec = drill->begun_usec + drill->took_usec - drill->handed_usec;
    if (drill->text[0] != '\0') {
        return;
    }
    if (ahead_usec > HIN_MINUTE_USEC) {
        snprintf(drill->text, sizeof(drill->text),
                 "it ended after it was handed in: the clock of that host, or of this, is wrong");
    } else if (drill->took_usec > drill->rto_usec) {
        snprintf(drill->text, sizeof(drill->text), "it took %lld s, and %lld s are the target",
                 (long long)(drill->took_usec / HIN_SEC_USEC),
                 (long long)(drill->rto_usec / HIN_SEC_USEC));
    } else if (drill->lost_usec > drill->rpo_usec) {
        snprintf(drill->text, sizeof(drill->text),
                 "what came in the last %lld s would have been lost, and %lld s are the target",
                 (long long)(drill->lost_usec / HIN_SEC_USEC),
                 (long long)(drill->rpo_usec / HIN_SEC_USEC));
    }
}

static HIN_RESULT judge_all(struct judging *judging)
{
    struct hin_backup_cycle *cycle = judging->cycle;
    HIN_TRY(hin_drill_report_read(hin_buf_view(&judging->report), &judging->read, NULL));
    HIN_TRY(hin_backup_cycle_look(cycle));
    for (struct hin_backup_subject *at = cycle->subjects; at != NULL; at = at->next) {
        HIN_TRY(cycle->turn(cycle->context));
        HIN_TRY(judge_tenant(judging, at));
    }
    return hin_ok();
}

/* It is judged once, whatever comes of it: hand it in again when something was in the way. */
static HIN_RESULT judge(struct judging *judging)
{
    struct hin_backup_cycle *cycle = judging->cycle;
    struct hin_drill *drill = &judging->drill;
    struct hin_result judged = judge_all(judging);
    if (hin_cycle_is_final(judged)) {
        return judged;
    }
    if (!hin_is_ok(judged) && drill->text[0] == '\0') {
        snprintf(drill->text, sizeof(drill->text), "it could not be judged (hand it in again): %s",
                 hin_code_text(judged.code));
    }
    drill->rto_usec = cycle->settings.recover_seconds * HIN_SEC_USEC;
    drill->rpo_usec = cycle->settings.lose_seconds * HIN_SEC_USEC;
    judge_times(judging);
    drill->state = drill->text[0] == '\0' ? HIN_DRILL_GOOD : HIN_DRILL_FAILED;
    drill->judged_usec = hin_cycle_now_usec(cycle);
    return hin_drill_write(cycle->own->store, drill, hin_buf_view(&judging->report),
                           drill->judged_usec);
}

static HIN_RESULT take(void *context, const struct hin_store_document *document)
{
    struct judging *judging = context;
    if (judging->any) {
        return hin_ok();
    }
    HIN_TRY(hin_drill_read(document->id, document->bytes, &judging->drill));
    HIN_TRY(hin_drill_report(document->bytes, &judging->report));
    judging->any = true;
    return hin_ok();
}

HIN_RESULT hin_backup_cycle_judge(struct hin_backup_cycle *cycle, bool *ret_any)
{
    struct judging judging = {.cycle = cycle, .report = {.max = HIN_STORE_DOCUMENT_BYTES}};
    struct hin_store_page page = {.owner = HIN_DRILL_HANDED_IN};
    struct hin_store_listed listed;
    struct hin_result judged =
        hin_store_list(cycle->own->store, HIN_STORE_DRILLS, &page, take, &judging, &listed);
    *ret_any = judging.any;
    if (hin_is_ok(judged) && judging.any) {
        judged = judge(&judging);
    }
    hin_drill_report_done(&judging.read);
    hin_buf_done(&judging.report);
    return judged;
}
