/* How far what lies at destinations was read back: one document for each tenant and destination, in
 * the installation's own store.
 *
 * A look reads, of the newest backup with all that was shipped, every object that is new since the
 * last look, every piece of rows but those of the audit record (they are written anew when a row
 * changes), and of everything else a share: objects whose name falls into this look's turn, of
 * `turns`. So each object is read once in as many looks as there are turns. Of older backups, one
 * in `turns` has its manifest opened and those objects read that the newest does not name; all of
 * them when something was amiss in this look. The first look, and the next one after a look that
 * found something amiss, read all that lies there. */
#ifndef HIN_MANAGER_BACKUP_LOOKS_H
#define HIN_MANAGER_BACKUP_LOOKS_H

#include "manager/backup/settings.h"
#include "store/documents.h"

struct hin_backup_look {
    int64_t id; /* of the document; 0: none yet */
    int64_t tenant;
    char destination[HIN_BACKUP_NAME_MAX];
    int64_t begun_usec, ended_usec;   /* the one under way, 0: none; the last whole one */
    int64_t turn;                     /* of the one under way, or of the last */
    int64_t segment, audit;           /* up to here nothing is new */
    int64_t next_segment, next_audit; /* for the next one: as it was when this one began */
    int64_t backup_usec;              /* the newest backup that the last whole one read */
    int64_t objects, bytes, amiss;    /* of the one under way, or of the last */
    int64_t newest_usec;              /* the newest backup when it began */
    int64_t former_usec;              /* the last of the older backups that it read; 0: none yet */
    int64_t lost_usec;                /* since when something is amiss; 0: nothing is */
    bool all;                         /* this one reads everything */
    char after[33];                   /* the name of the last object that it read, in hex */
    char text[240];                   /* what is amiss */
};

/* One that cannot be read is left out: that look begins anew. */
HIN_RESULT hin_backup_looks_each(struct hin_store *own,
                                 HIN_RESULT (*visit)(void *context,
                                                     const struct hin_backup_look *look),
                                 void *context) __attribute__((nonnull(1, 2)));
/* Creates (id 0) or replaces. */
HIN_RESULT hin_backup_look_write(struct hin_store *own, struct hin_backup_look *look,
                                 int64_t now_usec) HIN_NONNULL;

#endif
