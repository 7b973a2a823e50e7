#include "base/time.h"
#include "harness.h"

TEST(test_base_time__civil_round_trip_over_every_day_of_800_years)
{
    for (int64_t day = -146097; day < 146097; day++) {
        struct hin_civil civil;
        hin_time_to_civil(day * HIN_DAY_USEC + 3723000001, &civil);
        int64_t back = 0;
        CHECK_OK(hin_time_from_civil(&civil, &back));
        CHECK(back == day * HIN_DAY_USEC + 3723000001);
    }
}

TEST(test_base_time__known_moments)
{
    int64_t usec = 0;
    CHECK_OK(hin_time_parse_rfc3339(HIN_VIEW("2000-02-29T12:00:00.5+09:00"), &usec));
    CHECK(usec == INT64_C(951793200500000));
    char text[32];
    hin_time_format_rfc3339(usec, 3, text, sizeof(text));
    CHECK_VIEW(hin_view_from_text(text), "2000-02-29T03:00:00.500Z");
    CHECK_INT(hin_time_weekday(usec), 2);
}

TEST(test_base_time__refuses_days_that_do_not_exist)
{
    int64_t usec = 0;
    CHECK_CODE(hin_time_parse_rfc3339(HIN_VIEW("1900-02-29T00:00:00Z"), &usec), INVALID);
    CHECK_CODE(hin_time_parse_rfc3339(HIN_VIEW("2026-11-31T00:00:00Z"), &usec), INVALID);
    CHECK_CODE(hin_time_parse_rfc3339(HIN_VIEW("2026-11-30T24:00:00Z"), &usec), INVALID);
    CHECK_CODE(hin_time_parse_rfc3339(HIN_VIEW("2026-11-30T23:00:00"), &usec), SYNTAX);
    CHECK_CODE(hin_time_parse_rfc3339(HIN_VIEW("2026-11-30T23:00:00Z "), &usec), SYNTAX);
}

TEST(test_base_time__durations)
{
    int64_t usec = 0;
    CHECK_OK(hin_time_parse_duration(HIN_VIEW("36h"), &usec));
    CHECK(usec == 36 * HIN_HOUR_USEC);
    CHECK_OK(hin_time_parse_duration(HIN_VIEW("90"), &usec));
    CHECK(usec == 90 * HIN_SEC_USEC);
    CHECK_CODE(hin_time_parse_duration(HIN_VIEW("h"), &usec), SYNTAX);
    CHECK_CODE(hin_time_parse_duration(HIN_VIEW("99999999999999999w"), &usec), INVALID);
}
