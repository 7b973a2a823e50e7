/* An installation whose keys are elsewhere than those of its backups (decision 40): what the
 * catalogue names was made with keys that it does not have. Their versions must not be taken for
 * those of keys that it makes: to destroy an old backup would destroy a new one's key. */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "manager/backup/records.h"
#include "manager/erasure.h"
#include "manager/restore/restoration.h"
#include "store/documents.h"

struct leaving {
    struct hin_restoration *restore;
    struct hin_store *own;
    struct hin_backup_record *records; /* of the catalogue, and of what else lies there */
    size_t count, room;
};

static HIN_RESULT add(struct leaving *leaving, const struct hin_backup_record *record)
{
    if (leaving->count == leaving->room) {
        size_t room = HIN_MAX(leaving->room * 2, (size_t)64);
        void *fresh = realloc(leaving->records, room * sizeof(*leaving->records));
        HIN_ENSURE(fresh != NULL, NO_MEMORY);
        leaving->records = fresh;
        leaving->room = room;
    }
    leaving->records[leaving->count++] = *record;
    return hin_ok();
}

static HIN_RESULT gather(void *context, const struct hin_store_document *document)
{
    struct hin_backup_record record;
    return hin_is_ok(hin_backup_record_read(document->id, document->bytes, &record))
               ? add(context, &record)
               : hin_ok();
}

/* The catalogue is as old as the backup: what came after it lies there without an entry. Whether it
 * does, and where, the manager finds out when it starts. */
static HIN_RESULT add_unknown(struct leaving *leaving, const char *uuid, int64_t number)
{
    const struct hin_restoration *restore = leaving->restore;
    size_t known = leaving->count;
    for (size_t i = 0; i < restore->list_count; i++) {
        const struct hin_backup_listed *listed = &restore->list[i];
        bool there = strcmp(listed->tenant, uuid) != 0; /* another's: not now */
        for (size_t k = 0; k < known && !there; k++) {
            there = leaving->records[k].begun_usec == listed->begun_usec &&
                    leaving->records[k].tenant == number;
        }
        if (there) {
            continue;
        }
        struct hin_backup_record record = {.tenant = number,
                                           .begun_usec = listed->begun_usec,
                                           .state = HIN_BACKUP_RUNNING,
                                           .version = HIN_BACKUP_FORMER};
        HIN_TRY(hin_view_to_text(hin_view_from_text(uuid), record.uuid, sizeof(record.uuid)));
        HIN_TRY(add(leaving, &record));
    }
    return hin_ok();
}

static HIN_RESULT add_of_tenant(void *context, const struct hin_store_document *document)
{
    struct hin_tenant_row row;
    HIN_TRY(hin_tenant_row_read(document->id, document->bytes, &row));
    return add_unknown(context, row.uuid, row.number);
}

static HIN_RESULT write_all(struct leaving *leaving)
{
    int64_t now_usec = hin_clock_wall_usec(hin_clock_system());
    for (size_t i = 0; i < leaving->count; i++) {
        struct hin_backup_record *record = &leaving->records[i];
        if (record->state == HIN_BACKUP_RUNNING || record->state == HIN_BACKUP_DONE) {
            record->version = HIN_BACKUP_FORMER;
            HIN_TRY(hin_backup_record_write(leaving->own, record, now_usec));
        }
    }
    return hin_ok();
}

HIN_RESULT hin_restore_leave_backups(struct hin_restoration *restore, struct hin_store *own)
{
    struct leaving leaving = {.restore = restore, .own = own};
    struct hin_store_page all = {0};
    struct hin_store_listed listed;
    struct hin_result left =
        hin_store_list(own, HIN_STORE_BACKUPS, &all, gather, &leaving, &listed);
    if (hin_is_ok(left)) {
        left = add_unknown(&leaving, restore->config.tenant, 0);
    }
    if (hin_is_ok(left)) {
        left = hin_store_list(own, HIN_STORE_TENANTS, &all, add_of_tenant, &leaving, &listed);
    }
    if (hin_is_ok(left)) {
        left = write_all(&leaving);
    }
    free(leaving.records);
    return hin_restore_fail(restore, left, "noting whose keys the backups were made with");
}
