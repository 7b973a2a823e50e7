/* An attacker with the database file in hand. */
#include <sqlite3.h>
#include <stdio.h>

#include "base/bytes.h"
#include "fixture.h"

static bool tamper(struct fixture *f, const char *sql)
{
    sqlite3 *db = NULL;
    char path[600];
    fixture_close(f);
    (void)snprintf(path, sizeof(path), "%s/t0.db", f->folder);
    bool ok = sqlite3_open(path, &db) == SQLITE_OK &&
              sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK;
    (void)sqlite3_close(db);
    return ok;
}

TEST(test_store_audit__the_database_refuses_change)
{
    struct fixture f = {0};
    CHECK_OK(fixture_start(&f, "audit_triggers"));
    CHECK_OK(audit_some(&f, 2));
    CHECK(!tamper(&f, "DELETE FROM audit WHERE number = 1"));
    CHECK(!tamper(&f, "UPDATE audit SET time = 0"));
    CHECK_OK(fixture_open(&f));
    fixture_stop(&f);
}

/* Through SQLite itself page checksums would stay behind: the hand that writes like this leaves
 * traces twice. The chain is judged on a handle that reads what the write-ahead log holds, which
 * has checksums of its own. */
TEST(test_store_audit__what_was_altered_shows)
{
    static const char *const hands[] = {
        "DROP TRIGGER audit_no_update; UPDATE audit SET time = time + 1 WHERE number = 3",
        "DROP TRIGGER audit_no_delete; DELETE FROM audit WHERE number = 2",
        "DROP TRIGGER audit_no_update; UPDATE audit SET sealed = (SELECT sealed FROM audit WHERE "
        "number = 1) WHERE "
        "number = 4",
    };
    for (size_t i = 0; i < HIN_COUNT(hands); i++) {
        struct fixture f = {0};
        char name[32];
        int64_t number = 0, broken = 0;
        (void)snprintf(name, sizeof(name), "audit_hand_%zu", i);
        CHECK_OK(fixture_start(&f, name));
        CHECK_OK(audit_some(&f, 5));
        CHECK(tamper(&f, hands[i]));
        struct hin_result opened = fixture_open(&f);
        if (hin_is_ok(opened)) {
            CHECK_CODE(hin_store_audit_verify(f.store, &number, &broken), CORRUPT);
            CHECK(number < 5);
        } else {
            CHECK_CODE(opened, CORRUPT);
        }
        fixture_stop(&f);
    }
}
