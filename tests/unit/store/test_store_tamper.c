/* An attacker with the database file in hand. */
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "fixture.h"
#include "store/sqlite/internal.h"

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

/* Another, who writes as the store does, page checksums and all. */
static bool tamper_well(struct fixture *f, const char *sql)
{
    return hin_is_ok(hin_db_exec(f->store, sql));
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

static HIN_RESULT note_gap(void *context, const struct hin_store_audit *entry)
{
    struct hin_chain_body body;
    struct hin_chain_hole *hole = context;
    HIN_TRY(hin_chain_body_read(entry->body, &body));
    if (body.kind == HIN_CHAIN_GAP) {
        *hole = body.hole;
    }
    return hin_ok();
}

/* The last entries are gone (by a hand that removes all traces but the second copy of the end): the
 * next append names them, numbers go on, and what was known of the end still fits. */
TEST(test_store_audit__a_lost_tail_is_named_by_the_next_entry)
{
    struct fixture f = {0};
    struct judged judged = {0};
    struct hin_chain_hole hole = {0};
    uint8_t hash[HIN_STORE_AUDIT_HASH_BYTES];
    int64_t number = 0, count = 0, broken = 0;
    CHECK_OK(fixture_start(&f, "audit_tail"));
    CHECK_OK(audit_some(&f, 5));
    CHECK_OK(hin_store_audit_head(f.store, &number, hash));
    CHECK(tamper_well(&f, "DROP TRIGGER audit_no_delete; DELETE FROM audit WHERE number > 3"));
    CHECK_CODE(hin_store_audit_verify(f.store, &count, &broken), CORRUPT);
    CHECK_INT(broken, 4);
    CHECK_OK(hin_store_audit_append(f.store, HIN_VIEW("after"), NOW + 9, &number));
    CHECK_INT(number, 7); /* 6 says that 4 and 5 are lost */
    CHECK_OK(hin_store_audit_gaps_take(f.store, &count));
    CHECK_INT(count, 1);
    CHECK_OK(hin_store_audit_gaps_take(f.store, &count));
    CHECK_INT(count, 0);
    CHECK_OK(hin_store_audit_list(f.store, 0, false, 0, note_gap, &hole));
    CHECK_INT(hole.first, 4);
    CHECK_INT(hole.last, 5);
    CHECK(memcmp(hole.resume, hash, sizeof(hash)) == 0);
    CHECK_OK(hin_store_audit_verify(f.store, &count, &broken)); /* it was said */
    CHECK_CODE(hin_store_audit_list(f.store, 0, false, 0, judge_entry, &judged), CORRUPT);
    CHECK_INT(judged.fault.why, HIN_CHAIN_LOST);
    CHECK_OK(hin_chain_skip(&judged.chain, &judged.fault));
    CHECK_OK(hin_store_audit_list(f.store, 5, false, 0, judge_entry, &judged));
    CHECK_INT(judged.chain.number, 7);
    CHECK_INT(judged.chain.lost, 2);
    fixture_stop(&f);
}

/* The last entry was exchanged for one that fits the chain: the second copy of the end tells. */
TEST(test_store_audit__a_forged_last_entry_is_named)
{
    struct fixture f = {0};
    int64_t number = 0, count = 0, broken = 0;
    struct hin_chain_hole hole = {0};
    CHECK_OK(fixture_start(&f, "audit_forged"));
    CHECK_OK(audit_some(&f, 3));
    CHECK(tamper_well(
        &f, "DROP TRIGGER audit_no_delete; CREATE TABLE kept AS SELECT * FROM meta WHERE "
            "name = 'audit_end'; DELETE FROM audit WHERE number = 3; DELETE FROM meta WHERE "
            "name = 'audit_end'"));
    /* With the keys, as a captured worker has them. */
    CHECK_OK(hin_store_audit_append(f.store, HIN_VIEW("forged"), NOW + 3, &number));
    CHECK_INT(number, 3);
    CHECK(tamper_well(&f,
                      "DELETE FROM meta WHERE name = 'audit_end'; INSERT INTO meta SELECT * FROM "
                      "kept; DROP TABLE kept"));
    CHECK_CODE(hin_store_audit_verify(f.store, &count, &broken), CORRUPT);
    CHECK_INT(broken, 3);
    CHECK_OK(hin_store_audit_append(f.store, HIN_VIEW("after"), NOW + 4, &number));
    CHECK_INT(number, 5);
    CHECK_OK(hin_store_audit_list(f.store, 0, false, 0, note_gap, &hole));
    CHECK_INT(hole.first, 3);
    CHECK_INT(hole.last, 3);
    CHECK_OK(hin_store_audit_verify(f.store, &count, &broken));
    fixture_stop(&f);
}

/* Places in the middle, removed and altered: mending names each once, and then it is well. */
TEST(test_store_audit__mending_names_what_does_not_fit)
{
    struct fixture f = {0};
    struct judged judged = {0};
    int64_t number = 0, count = 0, broken = 0;
    CHECK_OK(fixture_start(&f, "audit_mend"));
    CHECK_OK(audit_some(&f, 9));
    CHECK_OK(hin_store_audit_mend(f.store, NOW, &broken));
    CHECK_INT(broken, 0);
    CHECK(tamper_well(
        &f, "DROP TRIGGER audit_no_delete; DROP TRIGGER audit_no_update; DELETE FROM audit "
            "WHERE number IN (2, 3); UPDATE audit SET time = time + 1 WHERE number = 7"));
    CHECK_OK(hin_store_audit_mend(f.store, NOW, &broken));
    CHECK_INT(broken, 2);
    CHECK_OK(hin_store_audit_gaps_take(f.store, &count));
    CHECK_INT(count, 2);
    CHECK_OK(hin_store_audit_mend(f.store, NOW, &broken)); /* said already */
    CHECK_INT(broken, 0);
    CHECK_OK(hin_store_audit_verify(f.store, &count, &broken));
    CHECK_INT(count, 7); /* of 11: 2 and 3 are gone, 4 and 7 cannot be proven */
    CHECK_OK(hin_store_audit_append(f.store, HIN_VIEW("after"), NOW, &number));
    CHECK_INT(number, 12);
    CHECK_CODE(hin_store_audit_list(f.store, 0, false, 0, judge_entry, &judged), CORRUPT);
    CHECK_INT(judged.fault.why, HIN_CHAIN_MISSING);
    fixture_stop(&f);
}
