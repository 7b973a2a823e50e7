/* Which time servers a host asks, and how far its clock may be off. Manager and agent keep the same
 * members in their settings files and take the same options. */
#ifndef HIN_CLOCK_SETTINGS_H
#define HIN_CLOCK_SETTINGS_H

#include "base/option.h"
#include "base/time.h"
#include "clock/select.h"
#include "data/json.h"

/* The members of the settings' object that are the clock's. */
#define HIN_CLOCK_SETTINGS_KEYS "ntpServers", "clockBoundMsec", "ntpPollMinSec", "ntpPollMaxSec"
#include "io/url.h"
#include "role/parent.h"

#define HIN_CLOCK_BOUND_USEC     (2 * HIN_SEC_USEC)
#define HIN_CLOCK_BOUND_MIN_USEC (10 * HIN_MSEC_USEC)
#define HIN_CLOCK_BOUND_MAX_USEC HIN_DAY_USEC
/* RFC 5905, 7.3: poll exponents 6 to 10. Lower is for servers of one's own. */
#define HIN_CLOCK_POLL_MIN_SEC   64
#define HIN_CLOCK_POLL_MAX_SEC   1024
#define HIN_CLOCK_POLL_LEAST_SEC 2
#define HIN_CLOCK_NAME_BYTES     (HIN_URL_HOST_BYTES + 10) /* "[host]:65535" */

struct hin_clock_server {
    char host[HIN_URL_HOST_BYTES]; /* a name or an address; an IPv6 one without brackets */
    uint16_t port;
};

struct hin_clock_settings {
    struct hin_clock_server servers[HIN_CLOCK_SOURCES_MAX];
    size_t server_count;
    int64_t bound_usec;
    uint32_t poll_min_sec, poll_max_sec;
};

void hin_clock_settings_default(struct hin_clock_settings *ret_settings);

/* "HOST", "HOST:PORT", "[IPV6]:PORT", "IPV6"; port 123 unless given. SYNTAX. */
HIN_RESULT hin_clock_server_parse(struct hin_view text, struct hin_clock_server *ret_server);
void hin_clock_server_format(const struct hin_clock_server *server, char *out, size_t out_bytes);

/* What --ntp and --clock-bound gave (or their defaults). Says in error which is wrong. */
HIN_RESULT hin_clock_settings_take(struct hin_clock_settings *settings,
                                   const struct hin_option_texts *servers, int64_t bound_usec,
                                   struct hin_error *error);

/* Members ntpServers, ntpPollMinSec, ntpPollMaxSec, clockBoundMsec of a settings file. All may be
 * absent. */
HIN_RESULT hin_clock_settings_read(struct hin_json root, struct hin_clock_settings *settings,
                                   struct hin_error *error);
void hin_clock_settings_write(struct hin_json_writer *writer,
                              const struct hin_clock_settings *settings);

/* From a parent to the process `clock`, and there. */
HIN_RESULT hin_clock_settings_hand(const struct hin_clock_settings *settings,
                                   struct hin_role_hand *hand);
HIN_RESULT hin_clock_settings_receive(const struct hin_role *role,
                                      struct hin_clock_settings *ret_settings);

/* The two options, for command tables: a struct that holds both. */
#define HIN_CLOCK_OPTION_ROWS(type, texts, bound)                                                  \
    {"ntp",                                                                                        \
     0,                                                                                            \
     HIN_OPTION_TEXTS,                                                                             \
     offsetof(type, texts),                                                                        \
     "HOST[:PORT]",                                                                                \
     "Measure this host's clock against this NTP server; may be repeated (three or more tell a "   \
     "wrong one apart).",                                                                          \
     NULL,                                                                                         \
     false,                                                                                        \
     false},                                                                                       \
    {                                                                                              \
        "clock-bound", 0, HIN_OPTION_DURATION, offsetof(type, bound), "DURATION",                  \
            "An event says when the clock is off by more; 2s unless set.", NULL, false, false      \
    }

#endif
