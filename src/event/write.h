/* Events as others want them: OCSF 1.8.0 JSON, CEF, LEEF 2.0, RFC 5424, and a row for people. All
 * are generated from the field table. Each writer appends to `buf` (LIMIT leaves it as it was) and
 * adds no line end. Bytes that are no UTF-8 become U+FFFD. */
#ifndef HIN_EVENT_WRITE_H
#define HIN_EVENT_WRITE_H

#include "base/buf.h"
#include "event/event.h"

enum hin_vendor_style {
    HIN_VENDOR_HINOMI,      /* CEF:0|Hinomi|Hinomi Agent|... */
    HIN_VENDOR_TREND_MICRO, /* CEF:0|Trend Micro|Deep Security Agent|...: for parsers that know the
                               reference */
};

enum hin_rfc5424_payload { HIN_RFC5424_RAW, HIN_RFC5424_CEF, HIN_RFC5424_LEEF, HIN_RFC5424_OCSF };

struct hin_write_options {
    int64_t id;          /* ID in the store; 0: none is written */
    const char *version; /* of the product, for headers; NULL: HIN_VERSION */
    enum hin_vendor_style style;
    const char *tenant; /* TrendMicroDsTenant with that style; NULL: left out */
    int64_t tenant_id;  /* TrendMicroDsTenantId */
    uint8_t facility;   /* RFC 5424: 0 kernel .. 23 local7 */
    enum hin_rfc5424_payload payload;
};

/* Options may be NULL everywhere: no ID, our own style, facility 16 (local0), raw payload. */

/* One OCSF object; with options->id it begins with "ID" (the form of the API). */
HIN_RESULT hin_event_write_ocsf(const struct hin_event *event,
                                const struct hin_write_options *options, struct hin_buf *buf);
/* ArcSight Common Event Format, version 0. */
HIN_RESULT hin_event_write_cef(const struct hin_event *event,
                               const struct hin_write_options *options, struct hin_buf *buf);
/* IBM Log Event Extended Format 2.0, tab as the delimiter. */
HIN_RESULT hin_event_write_leef(const struct hin_event *event,
                                const struct hin_write_options *options, struct hin_buf *buf);
/* RFC 5424 syslog message; framing (RFC 6587) is the transport's. */
HIN_RESULT hin_event_write_rfc5424(const struct hin_event *event,
                                   const struct hin_write_options *options, struct hin_buf *buf);
/* One row of fixed columns for a terminal: control characters are escaped, so that a log line
 * cannot drive it. */
HIN_RESULT hin_event_write_row(const struct hin_event *event,
                               const struct hin_write_options *options, struct hin_buf *buf);
/* The heading over such rows. */
const char *hin_event_row_heading(void);

#endif
