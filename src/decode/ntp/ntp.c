#include "decode/ntp/ntp.h"

#include "base/bytes.h"

/* From 1900 to 1970: 70 years of which 17 were leap years. */
#define UNIX_SECONDS INT64_C(2208988800)
#define SEC_USEC     INT64_C(1000000)
#define MODE_CLIENT  3
#define MODE_SERVER  4
#define LEAP_UNKNOWN 3

const char *hin_ntp_verdict_text(enum hin_ntp_verdict verdict)
{
    static const char *const texts[HIN_NTP_VERDICT_COUNT] = {
#define X(name, text) [HIN_NTP_##name] = (text),
        HIN_NTP_VERDICTS(X)
#undef X
    };
    return verdict < HIN_NTP_VERDICT_COUNT ? texts[verdict] : "unknown";
}

/* The network's byte order: base/bytes.h has ours only. */
static uint32_t load32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static uint64_t load64(const uint8_t *at)
{
    return (uint64_t)load32(at) << 32 | load32(at + 4);
}

void hin_ntp_request(uint64_t cookie, uint8_t out[HIN_NTP_PACKET_BYTES])
{
    hin_zero(out, HIN_NTP_PACKET_BYTES);
    out[0] = HIN_NTP_VERSION << 3 | MODE_CLIENT;
    for (size_t i = 0; i < 8; i++) {
        out[40 + i] = (uint8_t)(cookie >> (56 - 8 * i));
    }
}

/* 16 bits of seconds and 16 of fraction. */
static uint32_t short_usec(const uint8_t *at)
{
    uint64_t usec = ((uint64_t)load32(at) * (uint64_t)SEC_USEC) >> 16;
    return (uint32_t)HIN_MIN(usec, (uint64_t)UINT32_MAX);
}

struct hin_result hin_ntp_decode(struct hin_view datagram, struct hin_ntp_packet *ret_packet)
{
    HIN_ENSURE(datagram.size >= HIN_NTP_PACKET_BYTES, TRUNCATED);
    HIN_ENSURE(datagram.size <= HIN_NTP_PACKET_MAX_BYTES && datagram.size % 4 == 0, SYNTAX);
    const uint8_t *at = datagram.data;
    struct hin_ntp_packet packet = {
        .leap = at[0] >> 6,
        .version = (at[0] >> 3) & 7,
        .mode = at[0] & 7,
        .stratum = at[1],
        .poll = (int8_t)at[2],
        .precision = (int8_t)at[3],
        .root_delay_usec = short_usec(at + 4),
        .root_dispersion_usec = short_usec(at + 8),
        .reference = load64(at + 16),
        .origin = load64(at + 24),
        .receive = load64(at + 32),
        .transmit = load64(at + 40),
    };
    hin_copy(packet.reference_id, at + 12, sizeof(packet.reference_id));
    *ret_packet = packet;
    return hin_ok();
}

static enum hin_ntp_verdict judge_kiss(const struct hin_ntp_packet *packet)
{
    static const struct {
        const char *code;
        enum hin_ntp_verdict verdict;
    } kisses[] = {
        {"RATE", HIN_NTP_KISS_RATE},
        {"DENY", HIN_NTP_KISS_DENY},
        {"RSTR", HIN_NTP_KISS_DENY},
    };
    struct hin_view code = hin_view_of(packet->reference_id, sizeof(packet->reference_id));
    for (size_t i = 0; i < HIN_COUNT(kisses); i++) {
        if (hin_view_is(code, kisses[i].code)) {
            return kisses[i].verdict;
        }
    }
    return HIN_NTP_KISS_OTHER;
}

/* Later than the answer was sent: a server whose last correction lies in its future. */
static bool is_after(uint64_t a, uint64_t b)
{
    return (int64_t)(a - b) > 0;
}

enum hin_ntp_verdict hin_ntp_judge(const struct hin_ntp_packet *packet, uint64_t cookie)
{
    bool ours = packet->mode == MODE_SERVER && packet->version >= 3 &&
                packet->version <= HIN_NTP_VERSION && cookie != 0 && packet->origin == cookie;
    if (!ours) {
        return HIN_NTP_NOT_OURS;
    }
    if (packet->stratum == 0) {
        return judge_kiss(packet);
    }
    if (packet->leap == LEAP_UNKNOWN || packet->stratum > HIN_NTP_STRATUM_MAX) {
        return HIN_NTP_UNSYNCHRONISED;
    }
    if (packet->transmit == 0 || packet->receive == 0 ||
        is_after(packet->receive, packet->transmit) ||
        is_after(packet->reference, packet->transmit)) {
        return HIN_NTP_NONSENSE;
    }
    uint64_t root = (uint64_t)packet->root_delay_usec / 2 + packet->root_dispersion_usec;
    return root < HIN_NTP_MAX_DISPERSION_USEC ? HIN_NTP_GOOD : HIN_NTP_DISTANT;
}

uint64_t hin_ntp_from_usec(int64_t usec)
{
    int64_t seconds = usec / SEC_USEC;
    int64_t rest = usec % SEC_USEC;
    if (rest < 0) {
        rest += SEC_USEC;
        seconds--;
    }
    uint64_t fraction = (((uint64_t)rest << 32) + (uint64_t)SEC_USEC / 2) / (uint64_t)SEC_USEC;
    return ((uint64_t)(seconds + UNIX_SECONDS) << 32) + fraction;
}

int64_t hin_ntp_difference_usec(uint64_t a, uint64_t b)
{
    int64_t difference = (int64_t)(a - b);
    bool negative = difference < 0;
    uint64_t size = negative ? -(uint64_t)difference : (uint64_t)difference;
    /* rounded, so that there and back is the same microsecond */
    uint64_t fraction = ((size & UINT32_MAX) * (uint64_t)SEC_USEC + (UINT64_C(1) << 31)) >> 32;
    uint64_t usec = (size >> 32) * (uint64_t)SEC_USEC + fraction;
    return negative ? -(int64_t)usec : (int64_t)usec;
}

int64_t hin_ntp_to_usec(uint64_t timestamp, int64_t near_usec)
{
    return near_usec + hin_ntp_difference_usec(timestamp, hin_ntp_from_usec(near_usec));
}

/* First differences on the wire's 64 bits, which no era disturbs; they are at most 2^31 seconds, so
 * that sums of microseconds have room. */
struct hin_ntp_measure hin_ntp_measure(const struct hin_ntp_packet *packet, int64_t sent_usec,
                                       int64_t received_usec)
{
    int64_t there = hin_ntp_difference_usec(packet->receive, hin_ntp_from_usec(sent_usec));
    int64_t back = hin_ntp_difference_usec(packet->transmit, hin_ntp_from_usec(received_usec));
    int64_t at_server = hin_ntp_difference_usec(packet->transmit, packet->receive);
    int64_t delay = (received_usec - sent_usec) - at_server;
    return (struct hin_ntp_measure){(there + back) / 2, HIN_MAX(delay, INT64_C(0))};
}

/* 2^precision seconds; what is finer than a microsecond counts as one. */
static int64_t precision_usec(int8_t precision)
{
    if (precision >= 0) {
        return SEC_USEC << HIN_MIN(precision, 4);
    }
    return precision > -20 ? SEC_USEC >> -precision : 1;
}

int64_t hin_ntp_distance_usec(const struct hin_ntp_packet *packet, int64_t delay_usec,
                              int64_t age_usec)
{
    int64_t way = (int64_t)packet->root_delay_usec + delay_usec;
    return HIN_MAX(way, (int64_t)HIN_NTP_MIN_DISPERSION_USEC) / 2 + packet->root_dispersion_usec +
           precision_usec(packet->precision) + age_usec / SEC_USEC * HIN_NTP_PHI_PPM;
}
