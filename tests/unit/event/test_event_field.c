#include <string.h>

#include "event/event.h"
#include "harness.h"

TEST(test_event_field__numbers_are_indexes_and_names_unique)
{
    size_t count = 0;
    const struct hin_field *fields = hin_field_table(&count);
    CHECK_INT(count, HIN_FIELD_LIMIT - 1);
    for (size_t i = 0; i < count; i++) {
        CHECK_INT(fields[i].id, i + 1);
        CHECK(hin_field_get(fields[i].id) == &fields[i]);
        CHECK(hin_field_find(hin_view_from_text(fields[i].name)) == &fields[i]);
        CHECK(strlen(fields[i].purpose) > 10);
        struct hin_view rest = hin_view_from_text(fields[i].aliases), alias;
        while (hin_view_split(&rest, ' ', &alias)) {
            CHECK(alias.size == 0 || hin_field_find(alias) == &fields[i]);
        }
    }
    CHECK(hin_field_get(0) == NULL);
    CHECK(hin_field_get(HIN_FIELD_LIMIT) == NULL);
}

TEST(test_event_field__found_by_any_name)
{
    CHECK_INT(hin_field_find(HIN_VIEW("srcip"))->id, HIN_FIELD_SRC_IP);
    CHECK_INT(hin_field_find(HIN_VIEW("SRC_IP"))->id, HIN_FIELD_SRC_IP);
    CHECK_INT(hin_field_find(HIN_VIEW("dstuser"))->id, HIN_FIELD_USER);
    CHECK_INT(hin_field_find(HIN_VIEW("rule"))->id, HIN_FIELD_RULE_ID);
    CHECK_INT(hin_field_find(HIN_VIEW("finding_info.analytic.uid"))->id, HIN_FIELD_RULE_ID);
    CHECK_INT(hin_field_find(HIN_VIEW("evidences[0].src_endpoint.ip"))->id, HIN_FIELD_SRC_IP);
    CHECK_INT(hin_field_find(HIN_VIEW("evidences.src_endpoint.ip"))->id, HIN_FIELD_SRC_IP);
    CHECK(hin_field_find(HIN_VIEW("evidences.src_endpoint")) == NULL);
    CHECK(hin_field_find(HIN_VIEW("evidences[0]src_endpoint.ip")) == NULL);
    /* one field of the rule language, by both of its names */
    CHECK_INT(hin_field_find(HIN_VIEW("data"))->id, HIN_FIELD_EXTRA_DATA);
    CHECK_INT(hin_field_find(HIN_VIEW("extra_data"))->id, HIN_FIELD_EXTRA_DATA);
    CHECK_INT(hin_field_find_decoded(HIN_VIEW("data"))->id, HIN_FIELD_EXTRA_DATA);
    CHECK(hin_field_find(HIN_VIEW("")) == NULL);
    CHECK(hin_field_find(HIN_VIEW("no such field")) == NULL);
}

TEST(test_event_field__decoder_names_are_the_closed_list)
{
    CHECK_INT(hin_field_find_decoded(HIN_VIEW("srcuser"))->id, HIN_FIELD_SRC_USER);
    CHECK_INT(hin_field_find_decoded(HIN_VIEW("User"))->id, HIN_FIELD_USER);
    CHECK(hin_field_find_decoded(HIN_VIEW("level")) == NULL);
    CHECK(hin_field_find_decoded(HIN_VIEW("raw")) == NULL);
}

static bool canonical_is(enum hin_field_canon canon, const char *value, const char *wanted)
{
    struct hin_arena arena;
    hin_arena_init(&arena, 1 << 16);
    struct hin_view got;
    bool same = hin_is_ok(hin_canonical(canon, hin_view_from_text(value), &arena, &got)) &&
                hin_view_is(got, wanted);
    hin_arena_done(&arena);
    return same;
}

TEST(test_event_canonical__addresses)
{
    CHECK(canonical_is(HIN_CANON_IP, "203.0.113.7", "203.0.113.7"));
    CHECK(canonical_is(HIN_CANON_IP, "::ffff:203.0.113.7", "203.0.113.7"));
    CHECK(canonical_is(HIN_CANON_IP, "::FFFF:cb00:7107", "203.0.113.7"));
    CHECK(canonical_is(HIN_CANON_IP, "2001:0DB8:0:0:0:0:0:5", "2001:db8::5"));
    CHECK(canonical_is(HIN_CANON_IP, "[2001:db8::5]", "2001:db8::5"));
    CHECK(canonical_is(HIN_CANON_IP, "fe80::1%eth0", "fe80::1"));
    CHECK(canonical_is(HIN_CANON_IP, "1:0:0:2:0:0:0:3", "1:0:0:2::3"));
    CHECK(canonical_is(HIN_CANON_IP, "Gateway", "gateway"));
    CHECK(canonical_is(HIN_CANON_IP, "010.1.1.1", "010.1.1.1")); /* a name: octal or decimal? */
    CHECK(canonical_is(HIN_CANON_IP, "1.2.3", "1.2.3"));
}

TEST(test_event_canonical__numbers_case_and_length)
{
    CHECK(canonical_is(HIN_CANON_NUMBER, " 0022", "22"));
    CHECK(!canonical_is(HIN_CANON_NUMBER, "http", "http"));
    CHECK(canonical_is(HIN_CANON_FOLD, "WEB-1", "web-1"));
    CHECK(canonical_is(HIN_CANON_EXACT, "Root", "Root"));
}

TEST(test_event_canonical__refuses_what_is_no_address)
{
    char text[HIN_IP_TEXT_MAX];
    int version = 0;
    static const char *const bad[] = {"",      ".",       "1.2.3.4.5", "256.1.1.1", "1.2.3.04",
                                      "::1::", "12345::", "%",         "[]",        "1.2.3.4 "};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        CHECK_CODE(hin_ip_canonical(hin_view_from_text(bad[i]), text, &version), SYNTAX);
    }
    CHECK_CODE(hin_ip_canonical(hin_view_of("::1\0x", 5), text, &version), SYNTAX);
}

TEST(test_event_state__codes_and_names)
{
    CHECK_INT(hin_state_find(HIN_VIEW("events.lost"))->code, HIN_STATE_EVENTS_LOST);
    CHECK(hin_state_get(0) == NULL);
    CHECK(hin_state_get(9999) == NULL);
    for (int64_t code = 1; hin_state_get(code) != NULL; code++) {
        const struct hin_state_info *state = hin_state_get(code);
        CHECK(hin_state_find(hin_view_from_text(state->name)) == state);
        CHECK(state->activity <= 8 || state->activity == 99);
        CHECK(state->severity >= 1 && state->severity <= 6);
    }
}
