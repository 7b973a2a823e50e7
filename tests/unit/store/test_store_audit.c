#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "fixture.h"

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
    CHECK_OK(audit_some(&f, 5));
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

TEST(test_store_audit__what_is_listed_verifies_outside)
{
    struct fixture f = {0};
    struct judged judged = {0};
    uint8_t hash[HIN_STORE_AUDIT_HASH_BYTES];
    int64_t number = 0;
    CHECK_OK(fixture_start(&f, "audit_outside"));
    CHECK_OK(audit_some(&f, 5));
    CHECK_OK(hin_store_audit_list(f.store, 0, false, 0, judge_entry, &judged));
    CHECK_OK(hin_store_audit_head(f.store, &number, hash));
    CHECK_INT(judged.chain.entries, 5);
    CHECK_INT(judged.chain.unbound + judged.chain.unread, 0); /* texts are bound */
    CHECK(memcmp(judged.chain.hash, hash, sizeof(hash)) == 0);
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
    uint64_t ending = 9;
    CHECK_OK(hin_store_certificates_ending(f.store, NOW + 2, &ending));
    CHECK_INT((int64_t)ending, 0); /* the last of each counts */
    CHECK_OK(hin_store_certificates_ending(f.store, NOW + 4, &ending));
    CHECK_INT((int64_t)ending, 1);
    CHECK_OK(hin_store_certificates_revoke(f.store, 1, NOW));
    CHECK_OK(hin_store_certificates_ending(f.store, NOW + 5, &ending));
    CHECK_INT((int64_t)ending, 1); /* who is revoked needs none */
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
