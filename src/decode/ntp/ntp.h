/* NTP version 4 as a client sees it (RFC 5905): the request, the answer, what an answer is worth,
 * and the arithmetic of four time stamps. Pure: bytes and times in, numbers out.
 *
 * Time stamps are the wire's: seconds since 1900 in the upper 32 bits, a fraction in the lower.
 * They wrap every 136 years (the first time on 2036-02-07T06:28:16Z), so they are only ever
 * subtracted: two that lie within 68 years of each other differ rightly in whatever era they are
 * (RFC 5905, section 6). */
#ifndef HIN_DECODE_NTP_NTP_H
#define HIN_DECODE_NTP_NTP_H

#include "base/result.h"
#include "base/view.h"

#define HIN_NTP_PORT         123
#define HIN_NTP_PACKET_BYTES 48
/* Extension fields and a MAC may stand behind the header; they are not looked at. */
#define HIN_NTP_PACKET_MAX_BYTES 1024
#define HIN_NTP_VERSION          4
#define HIN_NTP_STRATUM_MAX      15 /* 16: not synchronised */
/* RFC 5905, appendix A.1.1: MINDISP, MAXDISP, PHI. */
#define HIN_NTP_MIN_DISPERSION_USEC 10000
#define HIN_NTP_MAX_DISPERSION_USEC 16000000
#define HIN_NTP_PHI_PPM             15 /* how fast a clock may go wrong */

struct hin_ntp_packet {
    uint8_t leap, version, mode, stratum;
    int8_t poll, precision; /* powers of two, in seconds */
    uint32_t root_delay_usec, root_dispersion_usec;
    uint8_t reference_id[4]; /* stratum 0: the kiss code */
    uint64_t reference, origin, receive, transmit;
};

/* What an answer is worth; the text of each is for people. */
#define HIN_NTP_VERDICTS(X)                                                                        \
    X(GOOD, "answers")                                                                             \
    X(NOT_OURS, "answers what was not asked") /* also what cannot be a server's answer at all */   \
    X(KISS_RATE, "asks to be asked less often")                                                    \
    X(KISS_DENY, "refuses to answer") /* DENY and RSTR: no more packets (section 7.4) */           \
    X(KISS_OTHER, "sends a kiss-o'-death")                                                         \
    X(UNSYNCHRONISED, "is not synchronised itself")                                                \
    X(NONSENSE, "answers times that cannot be")                                                    \
    X(DISTANT, "is too far from its own source")

enum hin_ntp_verdict {
#define X(name, text) HIN_NTP_##name,
    HIN_NTP_VERDICTS(X)
#undef X
        HIN_NTP_VERDICT_COUNT
};
const char *hin_ntp_verdict_text(enum hin_ntp_verdict verdict);

/* A request that tells nothing about this host: every field zero but version and mode, and in place
 * of our time a random number that the answer must bring back. (RFC 5905, figure 31, asks for no
 * more; a server only echoes the transmit time stamp.) cookie: not 0. */
void hin_ntp_request(uint64_t cookie, uint8_t out[HIN_NTP_PACKET_BYTES]);

/* The fields, whatever they say. TRUNCATED: shorter than a header. SYNTAX: longer than the maximum,
 * or not a multiple of four bytes. */
HIN_RESULT hin_ntp_decode(struct hin_view datagram, struct hin_ntp_packet *ret_packet) HIN_NONNULL;

/* Judges an answer to the request with this cookie (RFC 5905: sections 7.4, 8, 9.2, appendix
 * A.5.1). NOT_OURS must not end the wait for the real answer: anybody can send such. */
enum hin_ntp_verdict hin_ntp_judge(const struct hin_ntp_packet *packet, uint64_t cookie);

/* Microseconds since 1970 to the wire's form and back; `near_usec` chooses the era. */
uint64_t hin_ntp_from_usec(int64_t usec);
int64_t hin_ntp_to_usec(uint64_t timestamp, int64_t near_usec);

/* a - b in microseconds, within 68 years either way. */
int64_t hin_ntp_difference_usec(uint64_t a, uint64_t b);

struct hin_ntp_measure {
    int64_t offset_usec; /* the server's clock minus ours: positive, we are behind */
    int64_t delay_usec;  /* of the way there and back, at least 0 */
};
/* Section 8: sent_usec and received_usec are our clock's (since 1970) when the request went and the
 * answer came. */
struct hin_ntp_measure hin_ntp_measure(const struct hin_ntp_packet *packet, int64_t sent_usec,
                                       int64_t received_usec);

/* The root distance (appendix A.5.5.2): how far the measured offset may be off at most, age_usec
 * after it was measured. */
int64_t hin_ntp_distance_usec(const struct hin_ntp_packet *packet, int64_t delay_usec,
                              int64_t age_usec);

#endif
