/* A time zone as plain data: a fixed table of transitions, so that decoding stays pure. An edge
 * (agent, CLI) fills it once from the system (hin_zone_parse over the bytes of /etc/localtime or
 * /usr/share/zoneinfo/NAME, TZif, RFC 8536). */
#ifndef HIN_DECODE_LOG_ZONE_H
#define HIN_DECODE_LOG_ZONE_H

#include "base/result.h"
#include "base/time.h"
#include "base/view.h"

#define HIN_ZONE_TRANSITIONS_MAX 512

struct hin_zone_transition {
    int64_t at_sec;     /* UTC: from here on the offset below holds */
    int32_t offset_sec; /* local = UTC + offset */
};

struct hin_zone {
    int32_t first_offset_sec; /* before the first transition */
    uint32_t count;
    struct hin_zone_transition transitions[HIN_ZONE_TRANSITIONS_MAX]; /* ascending */
};

void hin_zone_utc(struct hin_zone *ret_zone);
void hin_zone_fixed(struct hin_zone *ret_zone, int32_t offset_sec);
/* TZif version 1 to 4. A footer rule ("CET-1CEST,M3.5.0,M10.5.0/3") is unrolled up to the year
 * 2100. SYNTAX, TRUNCATED; INVALID for what the format forbids. */
HIN_RESULT hin_zone_parse(struct hin_view tzif, struct hin_zone *ret_zone);

int32_t hin_zone_offset_at(const struct hin_zone *zone, int64_t utc_usec); /* seconds */
/* Local wall clock to UTC. A time that exists twice is taken as the first, one in a gap as if the
 * old offset held. INVALID for a date that does not exist. */
HIN_RESULT hin_zone_to_utc(const struct hin_zone *zone, const struct hin_civil *local,
                           int64_t *ret_usec);
void hin_zone_to_local(const struct hin_zone *zone, int64_t utc_usec, struct hin_civil *ret_local);
uint8_t hin_zone_weekday(const struct hin_zone *zone, int64_t utc_usec); /* local, 0 = Sunday */

#endif
