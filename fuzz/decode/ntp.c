/* Eight bytes each: the cookie, when the question went, how long the answer took. The rest: a
 * datagram. Nothing that is not ours is believed, and no time is out of range. */
#include <stdint.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "decode/ntp/ntp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool condition)
{
    if (!condition) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 24) {
        return 0;
    }
    uint64_t cookie = hin_load_u64(data);
    int64_t sent = (int64_t)(hin_load_u64(data + 8) >> 12); /* until the year 2112 */
    int64_t took = (int64_t)(hin_load_u64(data + 16) >> 40);
    struct hin_ntp_packet packet;
    must(hin_ntp_to_usec(hin_ntp_from_usec(sent), sent) == sent);
    if (!hin_is_ok(hin_ntp_decode(hin_view_of(data + 24, size - 24), &packet))) {
        return 0;
    }
    enum hin_ntp_verdict verdict = hin_ntp_judge(&packet, cookie);
    must(hin_ntp_verdict_text(verdict)[0] != '\0');
    must(verdict == HIN_NTP_NOT_OURS || packet.origin == cookie);
    must(hin_ntp_judge(&packet, cookie + 1) == HIN_NTP_NOT_OURS || packet.origin == cookie + 1);
    struct hin_ntp_measure measure = hin_ntp_measure(&packet, sent, sent + took);
    must(measure.delay_usec >= 0 && measure.offset_usec < INT64_C(1) << 52 &&
         measure.offset_usec > -(INT64_C(1) << 52));
    must(hin_ntp_distance_usec(&packet, measure.delay_usec, took) >=
         HIN_NTP_MIN_DISPERSION_USEC / 2);
    uint8_t request[HIN_NTP_PACKET_BYTES];
    hin_ntp_request(cookie, request);
    must(hin_is_ok(hin_ntp_decode(hin_view_of(request, sizeof(request)), &packet)) &&
         packet.transmit == cookie);
    return 0;
}
