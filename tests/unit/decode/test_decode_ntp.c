/* NTP packets: what a real chronyd answered, what RFC 5905 refuses, and arithmetic over the eras.
 */
#include "base/bytes.h"
#include "base/time.h"
#include "decode/ntp/ntp.h"
#include "harness.h"

#define COOKIE UINT64_C(0x1122334455667788)

/* Debian 12's chronyd 4.3 with a reference clock that was 3 s ahead, asked with that cookie on the
 * loop-back interface; our clock said SENT and RECEIVED. */
#define SENT     INT64_C(1795918173160005)
#define RECEIVED INT64_C(1795918173162379)
static const uint8_t chrony[HIN_NTP_PACKET_BYTES] = {
    0x24, 0x01, 0x00, 0xe8, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x01, 0x4d, 0x41, 0x44, 0x45,
    0xee, 0xb6, 0x07, 0xdf, 0x29, 0xfc, 0xd2, 0xca, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88,
    0xee, 0xb6, 0x07, 0xe0, 0x28, 0xf8, 0x90, 0xa3, 0xee, 0xb6, 0x07, 0xe0, 0x28, 0xff, 0x60, 0x42,
};

static struct hin_ntp_packet real_answer(void)
{
    struct hin_ntp_packet packet = {0};
    HIN_IGNORE(hin_ntp_decode(hin_view_of(chrony, sizeof(chrony)), &packet)); /* checked below */
    return packet;
}

TEST(test_decode_ntp__reads_what_chronyd_answers)
{
    struct hin_ntp_packet packet;
    CHECK_OK(hin_ntp_decode(hin_view_of(chrony, sizeof(chrony)), &packet));
    CHECK_INT(packet.leap, 0);
    CHECK_INT(packet.version, 4);
    CHECK_INT(packet.mode, 4);
    CHECK_INT(packet.stratum, 1);
    CHECK_INT(packet.precision, -24);
    CHECK_INT(packet.root_delay_usec, 15);
    CHECK_INT(packet.root_dispersion_usec, 15);
    CHECK_VIEW(hin_view_of(packet.reference_id, 4), "MADE");
    CHECK(packet.origin == COOKIE);
    CHECK_INT(hin_ntp_judge(&packet, COOKIE), HIN_NTP_GOOD);
    struct hin_ntp_measure measure = hin_ntp_measure(&packet, SENT, RECEIVED);
    CHECK_INT(measure.offset_usec, 2998903);
    CHECK_INT(measure.delay_usec, 2270);
    /* at least 10 ms / 2, plus the dispersion and 2^-24 s */
    CHECK_INT(hin_ntp_distance_usec(&packet, measure.delay_usec, 0), 5000 + 15 + 1);
    CHECK_INT(hin_ntp_distance_usec(&packet, 40000, 0), (40000 + 15) / 2 + 15 + 1);
    CHECK_INT(hin_ntp_distance_usec(&packet, 0, 1000 * HIN_SEC_USEC), 5000 + 15 + 1 + 15000);
}

TEST(test_decode_ntp__a_question_tells_nothing)
{
    uint8_t out[HIN_NTP_PACKET_BYTES];
    struct hin_ntp_packet packet;
    hin_ntp_request(COOKIE, out);
    CHECK_INT(out[0], 0x23); /* leap 0, version 4, client */
    for (size_t i = 1; i < 40; i++) {
        CHECK_INT(out[i], 0);
    }
    CHECK_OK(hin_ntp_decode(hin_view_of(out, sizeof(out)), &packet));
    CHECK(packet.transmit == COOKIE);
    CHECK_INT(hin_ntp_judge(&packet, COOKIE), HIN_NTP_NOT_OURS); /* nor does it answer itself */
}

TEST(test_decode_ntp__refuses_sizes_that_cannot_be)
{
    uint8_t bytes[HIN_NTP_PACKET_MAX_BYTES + 4] = {0};
    struct hin_ntp_packet packet;
    CHECK_CODE(hin_ntp_decode(HIN_VIEW_EMPTY, &packet), TRUNCATED);
    CHECK_CODE(hin_ntp_decode(hin_view_of(bytes, 47), &packet), TRUNCATED);
    CHECK_CODE(hin_ntp_decode(hin_view_of(bytes, 49), &packet), SYNTAX);
    CHECK_CODE(hin_ntp_decode(hin_view_of(bytes, sizeof(bytes)), &packet), SYNTAX);
    CHECK_OK(hin_ntp_decode(hin_view_of(bytes, 68), &packet)); /* a MAC of 20 bytes behind */
    CHECK_OK(hin_ntp_decode(hin_view_of(bytes, HIN_NTP_PACKET_MAX_BYTES), &packet));
}

TEST(test_decode_ntp__only_the_answer_to_our_question_counts)
{
    struct hin_ntp_packet packet = real_answer();
    CHECK_INT(hin_ntp_judge(&packet, COOKIE ^ 1), HIN_NTP_NOT_OURS);
    CHECK_INT(hin_ntp_judge(&packet, 0), HIN_NTP_NOT_OURS);
    packet.origin = 0;
    CHECK_INT(hin_ntp_judge(&packet, 0), HIN_NTP_NOT_OURS);
    for (uint8_t mode = 0; mode < 8; mode++) {
        packet = real_answer();
        packet.mode = mode;
        CHECK_INT(hin_ntp_judge(&packet, COOKIE), mode == 4 ? HIN_NTP_GOOD : HIN_NTP_NOT_OURS);
    }
    for (uint8_t version = 0; version < 8; version++) {
        packet = real_answer();
        packet.version = version;
        CHECK_INT(hin_ntp_judge(&packet, COOKIE),
                  version == 3 || version == 4 ? HIN_NTP_GOOD : HIN_NTP_NOT_OURS);
    }
}

static enum hin_ntp_verdict kissed(const char *code, uint64_t cookie)
{
    struct hin_ntp_packet packet = real_answer();
    packet.stratum = 0;
    packet.leap = 3; /* as real servers send them */
    packet.transmit = 0;
    hin_copy(packet.reference_id, code, 4);
    return hin_ntp_judge(&packet, cookie);
}

/* A forged kiss would silence a server for good: it needs the cookie as well. */
TEST(test_decode_ntp__kisses_of_death)
{
    CHECK_INT(kissed("RATE", COOKIE), HIN_NTP_KISS_RATE);
    CHECK_INT(kissed("DENY", COOKIE), HIN_NTP_KISS_DENY);
    CHECK_INT(kissed("RSTR", COOKIE), HIN_NTP_KISS_DENY);
    CHECK_INT(kissed("INIT", COOKIE), HIN_NTP_KISS_OTHER);
    CHECK_INT(kissed("DENY", COOKIE + 1), HIN_NTP_NOT_OURS);
}

TEST(test_decode_ntp__what_a_client_must_not_believe)
{
    struct hin_ntp_packet packet = real_answer();
    packet.leap = 3;
    CHECK_INT(hin_ntp_judge(&packet, COOKIE), HIN_NTP_UNSYNCHRONISED);
    packet = real_answer();
    packet.stratum = 16;
    CHECK_INT(hin_ntp_judge(&packet, COOKIE), HIN_NTP_UNSYNCHRONISED);
    packet.stratum = 15;
    CHECK_INT(hin_ntp_judge(&packet, COOKIE), HIN_NTP_GOOD);
    packet = real_answer();
    packet.transmit = 0;
    CHECK_INT(hin_ntp_judge(&packet, COOKIE), HIN_NTP_NONSENSE);
    packet = real_answer();
    packet.receive = packet.transmit + 1; /* answered before it came */
    CHECK_INT(hin_ntp_judge(&packet, COOKIE), HIN_NTP_NONSENSE);
    packet = real_answer();
    packet.reference = packet.transmit + 1; /* corrected in its future */
    CHECK_INT(hin_ntp_judge(&packet, COOKIE), HIN_NTP_NONSENSE);
    packet = real_answer();
    packet.root_dispersion_usec = 16000000;
    CHECK_INT(hin_ntp_judge(&packet, COOKIE), HIN_NTP_DISTANT);
    packet = real_answer();
    packet.root_delay_usec = 32000000;
    CHECK_INT(hin_ntp_judge(&packet, COOKIE), HIN_NTP_DISTANT);
    for (int i = 0; i < HIN_NTP_VERDICT_COUNT; i++) {
        CHECK(hin_ntp_verdict_text((enum hin_ntp_verdict)i)[0] != '\0');
    }
}

/* RFC 5905, figure 4: days and their time stamps. */
TEST(test_decode_ntp__eras)
{
    const int64_t wrap = INT64_C(2085978496) * HIN_SEC_USEC;   /* 2036-02-07T06:28:16Z */
    CHECK(hin_ntp_from_usec(0) == UINT64_C(2208988800) << 32); /* 1970-01-01 */
    CHECK(hin_ntp_from_usec(INT64_C(63072000) * HIN_SEC_USEC) == UINT64_C(2272060800) << 32);
    CHECK(hin_ntp_from_usec(INT64_C(946598400) * HIN_SEC_USEC) == UINT64_C(3155587200) << 32);
    CHECK(hin_ntp_from_usec(wrap) == 0);
    CHECK(hin_ntp_from_usec(wrap + INT64_C(63104) * HIN_SEC_USEC) == UINT64_C(63104) << 32);
    CHECK(hin_ntp_from_usec(-HIN_SEC_USEC / 2) == (UINT64_C(2208988799) << 32 | UINT64_C(1) << 31));
    static const int64_t times[] = {0,
                                    1,
                                    -1,
                                    999999,
                                    INT64_C(1795918173160005),
                                    INT64_C(2085978495999999),
                                    INT64_C(2085978496000001),
                                    INT64_C(4102444800000000)};
    for (size_t i = 0; i < HIN_COUNT(times); i++) {
        CHECK_INT(hin_ntp_to_usec(hin_ntp_from_usec(times[i]), times[i]), times[i]);
        CHECK_INT(hin_ntp_to_usec(hin_ntp_from_usec(times[i]),
                                  times[i] - INT64_C(60) * 365 * HIN_DAY_USEC),
                  times[i]);
        CHECK_INT(hin_ntp_to_usec(hin_ntp_from_usec(times[i]),
                                  times[i] + INT64_C(60) * 365 * HIN_DAY_USEC),
                  times[i]);
    }
}

static struct hin_ntp_measure measured(int64_t ours, int64_t theirs)
{
    struct hin_ntp_packet packet = real_answer();
    packet.receive = hin_ntp_from_usec(theirs + 10000);
    packet.transmit = hin_ntp_from_usec(theirs + 12000);
    return hin_ntp_measure(&packet, ours, ours + 22000);
}

TEST(test_decode_ntp__offsets_over_the_eras)
{
    const int64_t wrap = INT64_C(2085978496) * HIN_SEC_USEC;
    const int64_t years = INT64_C(365) * HIN_DAY_USEC;
    CHECK_INT(measured(wrap - HIN_SEC_USEC, wrap + HIN_SEC_USEC).offset_usec, 2 * HIN_SEC_USEC);
    CHECK_INT(measured(wrap + HIN_SEC_USEC, wrap - HIN_SEC_USEC).offset_usec, -2 * HIN_SEC_USEC);
    CHECK_INT(measured(wrap - 5000, wrap - 5000).delay_usec, 20000); /* era changes on the way */
    /* a clock that an empty battery left at 1970, in 2037; one that runs 60 years ahead */
    CHECK_INT(measured(0, 67 * years).offset_usec, 67 * years);
    CHECK_INT(measured(wrap + 60 * years, wrap).offset_usec, -60 * years);
    CHECK_INT(measured(wrap + 60 * years, wrap).delay_usec, 20000);
}

/* A clock of ours that was set back while the question was out: no negative delay. */
TEST(test_decode_ntp__a_delay_is_never_negative)
{
    struct hin_ntp_packet packet = real_answer();
    CHECK_INT(hin_ntp_measure(&packet, RECEIVED, SENT).delay_usec, 0);
    packet.precision = 127;
    CHECK(hin_ntp_distance_usec(&packet, 0, 0) > 16 * HIN_SEC_USEC - 1);
    packet.precision = -128;
    CHECK_INT(hin_ntp_distance_usec(&packet, 0, 0), 5000 + 15 + 1);
}
