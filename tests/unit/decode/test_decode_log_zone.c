#include "harness.h"

#include <fcntl.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "decode/log/zone.h"

/* TZif version 2 with no transition of its own and the rule of Central Europe (RFC 8536, section
 * 3). */
static size_t make_tzif(const char *footer, uint8_t *out)
{
    size_t at = 0;
    for (int part = 0; part < 2; part++) {
        hin_fill(out + at, 0, 44 + 6 + 4);
        hin_copy(out + at, "TZif2", 5);
        out[at + 20 + 19] = 1;                      /* one type */
        out[at + 20 + 23] = 4;                      /* four characters of names */
        hin_copy(out + at + 44 + 2, "\x0e\x10", 2); /* 3600 */
        at += 44 + 6 + 4;
    }
    out[at++] = '\n';
    hin_copy(out + at, footer, strlen(footer));
    at += strlen(footer);
    out[at++] = '\n';
    return at;
}

static int64_t utc_of(const struct hin_zone *zone, int year, int month, int day, int hour,
                      int minute)
{
    struct hin_civil civil = {.year = year,
                              .month = (uint8_t)month,
                              .day = (uint8_t)day,
                              .hour = (uint8_t)hour,
                              .minute = (uint8_t)minute};
    int64_t usec = -1;
    if (!hin_is_ok(hin_zone_to_utc(zone, &civil, &usec))) {
        return -1;
    }
    return usec / HIN_SEC_USEC;
}

TEST(test_decode_log_zone__rule_of_central_europe)
{
    uint8_t file[256];
    struct hin_zone zone;
    size_t size = make_tzif("CET-1CEST,M3.5.0,M10.5.0/3", file);
    CHECK_OK(hin_zone_parse(hin_view_of(file, size), &zone));
    CHECK_INT(utc_of(&zone, 2026, 1, 1, 12, 0), 1767265200);   /* 11:00Z */
    CHECK_INT(utc_of(&zone, 2026, 7, 1, 12, 0), 1782900000);   /* 10:00Z */
    CHECK_INT(utc_of(&zone, 2026, 3, 29, 1, 59), 1774745940);  /* the last minute of winter */
    CHECK_INT(utc_of(&zone, 2026, 3, 29, 3, 0), 1774746000);   /* the first of summer */
    CHECK_INT(utc_of(&zone, 2026, 3, 29, 2, 30), 1774747800);  /* does not exist: the old offset */
    CHECK_INT(utc_of(&zone, 2026, 10, 25, 2, 30), 1792888200); /* twice: the first */
    CHECK_INT(hin_zone_offset_at(&zone, INT64_C(1792890000) * HIN_SEC_USEC - 1), 7200);
    CHECK_INT(hin_zone_offset_at(&zone, INT64_C(1792890000) * HIN_SEC_USEC), 3600);
    struct hin_civil local;
    hin_zone_to_local(&zone, INT64_C(1782900000) * HIN_SEC_USEC, &local);
    CHECK_INT(local.hour, 12);
    CHECK_INT(hin_zone_weekday(&zone, INT64_C(1782860400) * HIN_SEC_USEC),
              3); /* 2026-07-01 01:00 local is a Wednesday */
    CHECK_INT(hin_zone_offset_at(&zone, INT64_C(-86400) * HIN_SEC_USEC), 3600);
}

TEST(test_decode_log_zone__other_rules)
{
    uint8_t file[256];
    struct hin_zone zone;
    /* south of the equator, Julian days, no summer, brackets */
    CHECK_OK(
        hin_zone_parse(hin_view_of(file, make_tzif("AEST-10AEDT,M10.1.0,M4.1.0/3", file)), &zone));
    CHECK_INT(hin_zone_offset_at(&zone, INT64_C(1767225600) * HIN_SEC_USEC), 39600);
    CHECK_INT(hin_zone_offset_at(&zone, INT64_C(1782864000) * HIN_SEC_USEC), 36000);
    CHECK_OK(hin_zone_parse(hin_view_of(file, make_tzif("XXX3YYY,J60/0,J300/0", file)), &zone));
    CHECK_INT(hin_zone_offset_at(&zone, INT64_C(1782864000) * HIN_SEC_USEC), -7200);
    CHECK_OK(hin_zone_parse(hin_view_of(file, make_tzif("<+0330>-3:30", file)), &zone));
    CHECK_INT(hin_zone_offset_at(&zone, 0), 12600);
}

TEST(test_decode_log_zone__refuses_what_is_no_zone)
{
    static const char *const footers[] = {"CET", "CET-1CEST,M13.5.0,M10.5.0", "CET-1CEST,M3.5.0",
                                          "1",   "CET-1CEST,M3.5.7,M1.1.1",   "CET-1 "};
    uint8_t file[256];
    struct hin_zone zone;
    for (size_t i = 0; i < HIN_COUNT(footers); i++) {
        CHECK(!hin_is_ok(hin_zone_parse(hin_view_of(file, make_tzif(footers[i], file)), &zone)));
    }
    size_t size = make_tzif("UTC0", file);
    for (size_t cut = 0; cut < size; cut++) {
        CHECK(!hin_is_ok(hin_zone_parse(hin_view_of(file, cut), &zone)));
    }
    file[39] = 0; /* no type */
    CHECK_CODE(hin_zone_parse(hin_view_of(file, size), &zone), INVALID);
}

/* The system's own files, when there are any, agree with known moments. */
TEST(test_decode_log_zone__reads_the_systems_files)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf file;
    struct hin_zone zone;
    hin_buf_init(&file, 1 << 16);
    if (!hin_is_ok(hin_file_read(AT_FDCWD, "/usr/share/zoneinfo/America/New_York", &file))) {
        return;
    }
    CHECK_OK(hin_zone_parse(hin_buf_view(&file), &zone));
    CHECK_INT(utc_of(&zone, 2026, 7, 4, 12, 0), 1783180800);
    CHECK_INT(utc_of(&zone, 2026, 12, 4, 12, 0), 1796403600);
    CHECK_INT(utc_of(&zone, 2060, 7, 4, 12, 0), 2856182400 + 0);
}
