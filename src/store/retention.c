/* The time retention goes by. The wall clock alone is not trusted with dropping what is stored: one
 * step of it to the next century would drop everything. */
#include "base/bytes.h"
#include "base/time.h"
#include "store/events.h"
#include "store/internal.h"

static const char time_name[] = "retention_time";

int64_t hin_retention_follow(int64_t kept_usec, int64_t wall_usec, int64_t elapsed_usec)
{
    int64_t kept = HIN_MAX(kept_usec, INT64_C(0)), wall = HIN_MAX(wall_usec, INT64_C(0));
    int64_t elapsed = HIN_MIN(HIN_MAX(elapsed_usec, INT64_C(0)), INT64_MAX / HIN_RETENTION_PACE);
    int64_t most = elapsed * HIN_RETENTION_PACE;
    return wall >= kept ? kept + HIN_MIN(wall - kept, most) : kept - HIN_MIN(kept - wall, most);
}

/* Days of segments are the wall clock's of their commit. */
static HIN_RESULT first_time(struct hin_store *store, int64_t wall_usec, int64_t *ret_usec)
{
    struct hin_statement *statement = NULL;
    bool row = false;
    int64_t end_usec = wall_usec;
    HIN_TRY(hin_db_use(store, HIN_SQL_NEWEST_DAY, &statement));
    HIN_TRY(hin_db_step(store, statement, &row));
    if (row) {
        int64_t day = hin_db_int(statement, 0);
        hin_db_reset(statement);
        HIN_ENSURE(day < INT64_MAX / HIN_DAY_USEC, CORRUPT);
        end_usec = HIN_MAX(day + 1, INT64_C(0)) * HIN_DAY_USEC;
    }
    *ret_usec = HIN_MIN(end_usec, wall_usec);
    return hin_ok();
}

static HIN_RESULT move_time(struct hin_store *store, int64_t wall_usec, int64_t elapsed_usec,
                            int64_t *ret_usec)
{
    int64_t kept = 0;
    HIN_TRY(hin_db_number(store, time_name, &kept));
    if (kept == 0) {
        HIN_TRY(first_time(store, wall_usec, &kept));
    }
    int64_t moved = hin_retention_follow(kept, wall_usec, elapsed_usec);
    HIN_TRY(hin_db_set_number(store, time_name, moved));
    *ret_usec = HIN_MIN(moved, wall_usec);
    return hin_ok();
}

HIN_RESULT hin_store_retention_time(struct hin_store *store, int64_t wall_usec,
                                    int64_t elapsed_usec, int64_t *ret_usec)
{
    int64_t usec = 0;
    HIN_TRY(hin_store_ready(store));
    HIN_TRY(hin_db_begin(store));
    HIN_TRY(hin_db_end(store, move_time(store, wall_usec, elapsed_usec, &usec)));
    *ret_usec = usec;
    return hin_ok();
}
