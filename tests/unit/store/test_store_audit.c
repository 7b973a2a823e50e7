#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "fixture.h"
#include "store/sqlite/internal.h"

struct listed {
    char text[512];
};

static HIN_RESULT note(void *context, const struct hin_store_audit *entry)
{
    struct listed *listed = context;
    size_t at = strlen(listed->text);
    (void)snprintf(listed->text + at, sizeof(listed->text) - at, "%lld:%.*s ",
                   (long long)entry->number, HIN_ARGS(entry->bytes));
    return hin_ok();
}

static HIN_RESULT append_some(struct fixture *f, int count)
{
    for (int i = 1; i <= count; i++) {
        char text[32];
        int64_t number = 0;
        (void)snprintf(text, sizeof(text), "entry %d", i);
        HIN_TRY(hin_store_audit_append(f->store, hin_view_from_text(text), NOW + i, &number));
        HIN_ENSURE(number == i, INTERNAL);
    }
    return hin_ok();
}

/* An attacker with the file in hand. */
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

TEST(test_store_audit__appends_lists_and_verifies)
{
    struct fixture f = {0};
    struct listed up = {""}, down = {""};
    int64_t number = 0, broken = 0;
    uint8_t hash[HIN_STORE_AUDIT_HASH_BYTES], zero[HIN_STORE_AUDIT_HASH_BYTES] = {0};
    CHECK_OK(fixture_start(&f, "audit"));
    CHECK_OK(hin_store_audit_head(f.store, &number, hash));
    CHECK_INT(number, 0);
    CHECK(hin_view_equal(hin_view_of(hash, sizeof(hash)), hin_view_of(zero, sizeof(zero))));
    CHECK_OK(append_some(&f, 5));
    CHECK_OK(hin_store_audit_list(f.store, 2, false, 2, note, &up));
    CHECK(strcmp(up.text, "3:entry 3 4:entry 4 ") == 0);
    CHECK_OK(hin_store_audit_list(f.store, 0, true, 2, note, &down));
    CHECK(strcmp(down.text, "5:entry 5 4:entry 4 ") == 0);
    CHECK_OK(hin_store_audit_head(f.store, &number, hash));
    CHECK_INT(number, 5);
    CHECK_OK(hin_store_audit_verify(f.store, &number, &broken));
    CHECK_INT(number, 5);
    fixture_stop(&f);
}

TEST(test_store_audit__the_database_refuses_change)
{
    struct fixture f = {0};
    CHECK_OK(fixture_start(&f, "audit_triggers"));
    CHECK_OK(append_some(&f, 2));
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
        CHECK_OK(append_some(&f, 5));
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

/* As an outsider verifies it: what the store lists, link by link. */
struct judged {
    struct hin_chain chain;
    struct hin_chain_fault fault;
};

static HIN_RESULT judge(void *context, const struct hin_store_audit *entry)
{
    struct judged *judged = context;
    struct hin_chain_link link = {.number = entry->number,
                                  .time_usec = entry->time_usec,
                                  .body = entry->body,
                                  .salt = entry->salt,
                                  .text = entry->bytes};
    hin_copy(link.hash, entry->hash, sizeof(link.hash));
    return hin_chain_add(&judged->chain, &link, &judged->fault);
}

TEST(test_store_audit__what_is_listed_verifies_outside)
{
    struct fixture f = {0};
    struct judged judged = {0};
    uint8_t hash[HIN_STORE_AUDIT_HASH_BYTES];
    int64_t number = 0;
    CHECK_OK(fixture_start(&f, "audit_outside"));
    CHECK_OK(append_some(&f, 5));
    CHECK_OK(hin_store_audit_list(f.store, 0, false, 0, judge, &judged));
    CHECK_OK(hin_store_audit_head(f.store, &number, hash));
    CHECK_INT(judged.chain.entries, 5);
    CHECK_INT(judged.chain.unbound + judged.chain.unread, 0); /* texts are bound */
    CHECK(memcmp(judged.chain.hash, hash, sizeof(hash)) == 0);
    fixture_stop(&f);
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
    CHECK_OK(append_some(&f, 5));
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
    CHECK_CODE(hin_store_audit_list(f.store, 0, false, 0, judge, &judged), CORRUPT);
    CHECK_INT(judged.fault.why, HIN_CHAIN_LOST);
    CHECK_OK(hin_chain_skip(&judged.chain, &judged.fault));
    CHECK_OK(hin_store_audit_list(f.store, 5, false, 0, judge, &judged));
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
    CHECK_OK(append_some(&f, 3));
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
    CHECK_OK(append_some(&f, 9));
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
    CHECK_CODE(hin_store_audit_list(f.store, 0, false, 0, judge, &judged), CORRUPT);
    CHECK_INT(judged.fault.why, HIN_CHAIN_MISSING);
    fixture_stop(&f);
}

TEST(test_store_agents__sessions_only_go_up)
{
    struct fixture f = {0};
    struct hin_store_agent agent;
    struct hin_buf buf;
    hin_buf_init(&buf, 4096);
    CHECK_OK(fixture_start(&f, "agents"));
    CHECK_CODE(hin_store_agent_get(f.store, 3, &buf, &agent), NOT_FOUND);
    CHECK_OK(hin_store_agent_session(f.store, 3, 5, NOW));
    CHECK_CODE(hin_store_agent_session(f.store, 3, 5, NOW), CONFLICT);
    CHECK_CODE(hin_store_agent_session(f.store, 3, 4, NOW), CONFLICT);
    CHECK_CODE(hin_store_agent_session(f.store, 3, 0, NOW), INVALID);
    CHECK_OK(hin_store_agent_session(f.store, 3, 6, NOW + 9));
    CHECK_OK(hin_store_agent_blob(f.store, 3, HIN_VIEW("checkpoint")));
    CHECK_OK(hin_store_agents_seen(f.store, &(struct hin_store_seen){3, NOW + 20, -7}, 1));
    CHECK_OK(hin_store_agent_get(f.store, 3, &buf, &agent));
    CHECK_INT(agent.session_counter, 6);
    CHECK_INT(agent.last_seen_usec, NOW + 20);
    CHECK_INT(agent.clock_offset_usec, -7);
    CHECK_VIEW(agent.blob, "checkpoint");
    CHECK_OK(hin_store_agent_reset(f.store, 3));
    CHECK_OK(hin_store_agent_session(f.store, 3, 1, NOW));
    CHECK_OK(hin_store_agent_forget(f.store, 3));
    CHECK_CODE(hin_store_agent_get(f.store, 3, &buf, &agent), NOT_FOUND);
    hin_buf_done(&buf);
    fixture_stop(&f);
}

static HIN_RESULT count_certificate(void *context, const struct hin_store_certificate *certificate)
{
    (void)certificate;
    (*(int *)context)++;
    return hin_ok();
}

TEST(test_store_agents__certificates_are_revoked_by_agent)
{
    struct fixture f = {0};
    int count = 0;
    CHECK_OK(fixture_start(&f, "certificates"));
    for (uint8_t i = 1; i <= 4; i++) {
        struct hin_store_certificate certificate = {.serial = {i, 2, 3},
                                                    .serial_bytes = 3,
                                                    .agent = i <= 3 ? 1 : 2,
                                                    .not_after_usec = NOW + i};
        CHECK_OK(hin_store_certificate_put(f.store, &certificate));
        CHECK_CODE(hin_store_certificate_put(f.store, &certificate), EXISTS);
    }
    CHECK_OK(hin_store_certificates_revoke(f.store, 1, NOW));
    struct hin_store_certificate got;
    CHECK_OK(hin_store_certificate_get(f.store, HIN_VIEW("\x01\x02\x03"), &got));
    CHECK_INT(got.revoked_usec, NOW);
    CHECK_OK(hin_store_certificate_get(f.store, HIN_VIEW("\x04\x02\x03"), &got));
    CHECK_INT(got.revoked_usec, 0);
    CHECK_INT(got.agent, 2);
    CHECK_CODE(hin_store_certificate_get(f.store, HIN_VIEW("\x09"), &got), NOT_FOUND);
    CHECK_OK(hin_store_certificates_revoked(f.store, NOW + 1, count_certificate, &count));
    CHECK_INT(count, 2); /* the third has expired */
    fixture_stop(&f);
}
