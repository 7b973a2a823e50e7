#include "event/event.h"
#include "harness.h"
#include "sample.h"

TEST(test_event_event__sets_and_gets_by_type)
{
    struct hin_arena arena;
    hin_arena_init(&arena, 1 << 20);
    struct hin_event event;
    hin_event_init(&event, &arena);
    CHECK_OK(hin_event_set_text(&event, HIN_FIELD_USER, HIN_VIEW("root")));
    CHECK_VIEW(hin_event_text(&event, HIN_FIELD_USER), "root");
    CHECK(!hin_event_has(&event, HIN_FIELD_SRC_USER));
    CHECK_INT(hin_event_integer(&event, HIN_FIELD_PID), 0);
    CHECK_CODE(hin_event_set_text(&event, HIN_FIELD_PID, HIN_VIEW("1")), INVALID);
    CHECK_CODE(hin_event_set_integer(&event, HIN_FIELD_USER, 1), INVALID);
    CHECK_CODE(hin_event_set_integer(&event, HIN_FIELD_TRUNCATED, 2), INVALID);
    CHECK_CODE(hin_event_set_integer(&event, 63, 2), INVALID);
    hin_event_unset(&event, HIN_FIELD_USER);
    CHECK(!hin_event_has(&event, HIN_FIELD_USER));
    hin_arena_done(&arena);
}

TEST(test_event_event__decoded_values_convert_or_become_extras)
{
    struct hin_arena arena;
    hin_arena_init(&arena, 1 << 20);
    struct hin_event event;
    hin_event_init(&event, &arena);
    CHECK_OK(hin_event_set_decoded(&event, hin_field_get(HIN_FIELD_SRC_PORT), HIN_VIEW("22")));
    CHECK_INT(hin_event_integer(&event, HIN_FIELD_SRC_PORT), 22);
    CHECK_OK(hin_event_set_decoded(&event, hin_field_get(HIN_FIELD_DST_PORT), HIN_VIEW("http")));
    CHECK(!hin_event_has(&event, HIN_FIELD_DST_PORT));
    struct hin_view value;
    CHECK(hin_event_extra(&event, HIN_VIEW("dst_port"), &value));
    CHECK_VIEW(value, "http");
    CHECK_OK(hin_event_set_decoded(&event, hin_field_get(HIN_FIELD_RULE_GROUPS), HIN_VIEW("a")));
    CHECK_OK(hin_event_set_decoded(&event, hin_field_get(HIN_FIELD_RULE_GROUPS), HIN_VIEW("b")));
    CHECK_INT(event.values[HIN_FIELD_RULE_GROUPS].texts.count, 2);
    hin_arena_done(&arena);
}

TEST(test_event_event__extras_are_unique_and_bounded)
{
    struct hin_arena arena;
    hin_arena_init(&arena, 1 << 20);
    struct hin_event event;
    hin_event_init(&event, &arena);
    CHECK_CODE(hin_event_set_extra(&event, HIN_VIEW(""), HIN_VIEW("x")), INVALID);
    for (int i = 0; i < HIN_EVENT_EXTRAS_MAX; i++) {
        struct hin_view name;
        CHECK_OK(hin_arena_printf(&arena, &name, "n%d", i));
        CHECK_OK(hin_event_set_extra(&event, name, HIN_VIEW("x")));
    }
    CHECK_CODE(hin_event_set_extra(&event, HIN_VIEW("more"), HIN_VIEW("x")), LIMIT);
    CHECK_OK(hin_event_set_extra(&event, HIN_VIEW("n3"), HIN_VIEW("y")));
    CHECK_INT(event.extra_count, HIN_EVENT_EXTRAS_MAX);
    struct hin_view value;
    CHECK(hin_event_extra(&event, HIN_VIEW("n3"), &value));
    CHECK_VIEW(value, "y");
    hin_arena_done(&arena);
}

TEST(test_event_event__identity)
{
    struct hin_arena arena;
    hin_arena_init(&arena, 1 << 20);
    struct hin_event event;
    hin_event_init(&event, &arena);
    struct hin_event_identity identity = {0, 1, 2};
    CHECK_CODE(hin_event_set_identity(&event, &identity), INVALID);
    CHECK_CODE(hin_event_identity(&event, &identity), NOT_FOUND);
    identity.generation = UINT64_C(1) << 63;
    CHECK_CODE(hin_event_set_identity(&event, &identity), INVALID);
    identity.generation = 77;
    CHECK_OK(hin_event_set_identity(&event, &identity));
    struct hin_event_identity got;
    CHECK_OK(hin_event_identity(&event, &got));
    CHECK(got.generation == 77 && got.offset == 1 && got.finding == 2);
    hin_arena_done(&arena);
}

TEST(test_event_event__severities_follow_the_bands)
{
    static const int bands[17] = {1, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 5, 5, 5, 5};
    for (int level = 0; level <= 16; level++) {
        CHECK_INT(hin_severity_from_level(level), bands[level]);
        int cef = hin_cef_severity_from_level(level);
        CHECK(cef >= (bands[level] == 1 ? 0 : 2 * bands[level] - 1));
        CHECK(cef <= 2 * bands[level]);
    }
    CHECK_INT(hin_cef_severity_from_level(-5), 0);
    CHECK_INT(hin_cef_severity_from_level(99), 10);
    CHECK_INT(hin_cef_severity_from_ocsf(99), 0);
}
