#include "sample.h"

#include "base/bytes.h"

static HIN_RESULT set_texts(struct hin_event *event)
{
    static const struct {
        uint16_t field;
        const char *text;
    } texts[] = {
        {HIN_FIELD_COMPUTER, "web-1.example"},
        {HIN_FIELD_HOST, "Web-1"},
        {HIN_FIELD_PROGRAM, "sshd"},
        {HIN_FIELD_LOCATION, "/var/log/auth.log"},
        {HIN_FIELD_DECODER, "sshd"},
        {HIN_FIELD_RULE_DESCRIPTION, "SSHD authentication failed."},
        {HIN_FIELD_RAW,
         "Nov 22 22:24:46 Web-1 sshd[812]: Failed password for root from 203.0.113.7 port 22 ssh2"},
        {HIN_FIELD_SRC_IP, "203.0.113.7"},
        {HIN_FIELD_DST_IP, "2001:DB8::5"},
        {HIN_FIELD_USER, "root"},
        {HIN_FIELD_SRC_USER, "alice"},
        {HIN_FIELD_PROTOCOL, "TCP"},
        {HIN_FIELD_ACTION, "Deny"},
        {HIN_FIELD_STATUS, "FAILED"},
        {HIN_FIELD_URL, "/login?a=b|c"},
        {HIN_FIELD_LOG_ID, "A-17"},
        {HIN_FIELD_DATA, "some data"},
        {HIN_FIELD_EXTRA_DATA, "more data"},
        {HIN_FIELD_SYSTEM_NAME, "SYS1"},
        {HIN_FIELD_ORIGINAL_TIME, "Nov 22 22:24:46"},
        {HIN_FIELD_AGENT_VERSION, "0.1.0"},
    };
    for (size_t i = 0; i < HIN_COUNT(texts); i++) {
        HIN_TRY(hin_event_set_text(event, texts[i].field, hin_view_from_text(texts[i].text)));
    }
    return hin_ok();
}

HIN_RESULT sample_finding(struct hin_event *event, struct hin_arena *arena)
{
    static const struct hin_view groups[] = {{(const uint8_t *)"syslog", 6},
                                             {(const uint8_t *)"authentication_failed", 21}};
    static const struct hin_view techniques[] = {{(const uint8_t *)"T1110.001", 9},
                                                 {(const uint8_t *)"T1078", 5}};
    hin_event_init_finding(event, arena, SAMPLE_TIME_USEC, SAMPLE_TIME_USEC + 1500, 5716, 5);
    HIN_TRY(set_texts(event));
    HIN_TRY(hin_event_set_texts(event, HIN_FIELD_RULE_GROUPS, groups, 2));
    HIN_TRY(hin_event_set_texts(event, HIN_FIELD_TECHNIQUES, techniques, 2));
    HIN_TRY(hin_event_set_integer(event, HIN_FIELD_COMPUTER_ID, 7));
    HIN_TRY(hin_event_set_integer(event, HIN_FIELD_PID, 812));
    HIN_TRY(hin_event_set_integer(event, HIN_FIELD_SRC_PORT, 22));
    HIN_TRY(hin_event_set_integer(event, HIN_FIELD_DST_PORT, 443));
    HIN_TRY(hin_event_set_integer(event, HIN_FIELD_TRUNCATED, 1));
    HIN_TRY(hin_event_set_integer(event, HIN_FIELD_UNTRUNCATED_BYTES, 70000));
    HIN_TRY(hin_event_set_integer(event, HIN_FIELD_COUNT, 3));
    HIN_TRY(hin_event_set_integer(event, HIN_FIELD_POLICY_VERSION, 4));
    HIN_TRY(hin_event_set_integer(event, HIN_FIELD_CLOCK_OFFSET, -250));
    HIN_TRY(hin_event_set_identity(
        event, &(struct hin_event_identity){UINT64_C(0x7edcba9876543210), 123456, 2}));
    HIN_TRY(hin_event_set_extra(event, HIN_VIEW("tty"), HIN_VIEW("pts/0")));
    return hin_event_set_extra(event, HIN_VIEW("Decoder"), HIN_VIEW("an extra of that name"));
}

HIN_RESULT sample_state(struct hin_event *event, struct hin_arena *arena, enum hin_state_code code)
{
    hin_event_init_state(event, arena, SAMPLE_TIME_USEC, code, HIN_VIEW("uplink"));
    HIN_TRY(hin_event_set_integer(event, HIN_FIELD_COUNT, 42));
    HIN_TRY(hin_event_set_integer(event, HIN_FIELD_COMPUTER_ID, 7));
    HIN_TRY(hin_event_set_text(event, HIN_FIELD_SRC_IP, HIN_VIEW("192.0.2.1")));
    return hin_event_set_text(event, HIN_FIELD_DETAIL,
                              HIN_VIEW("rules/ssh.xml:12:3: unknown rule 99"));
}
