#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "clock/settings.h"
#include "harness.h"

static bool reads(const char *text, const char *host, uint16_t port)
{
    struct hin_clock_server server;
    return hin_is_ok(hin_clock_server_parse(hin_view_from_text(text), &server)) &&
           strcmp(server.host, host) == 0 && server.port == port;
}

TEST(test_clock_settings__servers)
{
    CHECK(reads("ntp1.example", "ntp1.example", 123));
    CHECK(reads("ntp1.example:1123", "ntp1.example", 1123));
    CHECK(reads("192.0.2.1", "192.0.2.1", 123));
    CHECK(reads("2001:db8::1", "2001:db8::1", 123));
    CHECK(reads("[2001:db8::1]", "2001:db8::1", 123));
    CHECK(reads("[2001:db8::1]:65535", "2001:db8::1", 65535));
    CHECK(reads("[fe80::1%eth0]:124", "fe80::1%eth0", 124));
    static const char *const wrong[] = {"",     ":123",    "a:",     "a:0",    "a:65536", "a:12x",
                                        "a b",  "[::1",    "[::1]x", "[::1]:", "[]:123",  "a/b",
                                        "a\nb", "ntp://a", "a:-1",   "\"a\"",  "[::1]:a"};
    for (size_t i = 0; i < HIN_COUNT(wrong); i++) {
        struct hin_clock_server server;
        CHECK_CODE(hin_clock_server_parse(hin_view_from_text(wrong[i]), &server), SYNTAX);
    }
    char name[HIN_CLOCK_NAME_BYTES];
    struct hin_clock_server server;
    CHECK_OK(hin_clock_server_parse(HIN_VIEW("[::1]:7"), &server));
    hin_clock_server_format(&server, name, sizeof(name));
    CHECK_VIEW(hin_view_from_text(name), "[::1]:7");
}

static HIN_RESULT read_json(const char *text, struct hin_clock_settings *settings,
                            struct hin_error *error)
{
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    hin_clock_settings_default(settings);
    HIN_TRY(hin_json_parse(hin_view_from_text(text), 65536, &document, error));
    return hin_clock_settings_read(hin_json_root(document), settings, error);
}

TEST(test_clock_settings__file)
{
    struct hin_clock_settings settings, again;
    struct hin_error error = {0};
    CHECK_OK(read_json("{}", &settings, &error));
    CHECK_INT(settings.server_count, 0);
    CHECK_INT(settings.bound_usec, 2 * HIN_SEC_USEC);
    CHECK_INT(settings.poll_min_sec, 64);
    CHECK_INT(settings.poll_max_sec, 1024);
    CHECK_OK(read_json("{\"ntpServers\":[\"a\",\"[::1]:5\"],\"clockBoundMsec\":250,"
                       "\"ntpPollMinSec\":16,\"ntpPollMaxSec\":32}",
                       &settings, &error));
    CHECK_INT(settings.server_count, 2);
    CHECK_INT(settings.bound_usec, 250 * HIN_MSEC_USEC);
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = 4096};
    struct hin_json_writer writer;
    hin_json_writer_init(&writer, &text, false);
    hin_json_begin_object(&writer);
    hin_clock_settings_write(&writer, &settings);
    hin_json_end_object(&writer);
    CHECK_OK(hin_json_writer_finish(&writer));
    CHECK_OK(hin_buf_append_byte(&text, '\0'));
    CHECK_OK(read_json((const char *)text.data, &again, &error));
    CHECK_INT(again.server_count, 2);
    CHECK(strcmp(again.servers[1].host, "::1") == 0 && again.servers[1].port == 5);
    CHECK(again.bound_usec == settings.bound_usec && again.poll_min_sec == 16 &&
          again.poll_max_sec == 32);
}

TEST(test_clock_settings__refuses_by_name)
{
    static const struct {
        const char *text, *says;
    } wrong[] = {
        {"{\"ntpServers\":\"a\"}", "ntpServers"},
        {"{\"ntpServers\":[7]}", "ntpServers"},
        {"{\"ntpServers\":[\"a b\"]}", "HOST"},
        {"{\"ntpServers\":[\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\"]}", "more than 8"},
        {"{\"clockBoundMsec\":9}", "clockBoundMsec"},
        {"{\"clockBoundMsec\":86400001}", "clockBoundMsec"},
        {"{\"ntpPollMinSec\":1}", "ntpPollMinSec"},
        {"{\"ntpPollMaxSec\":2000}", "ntpPollMaxSec"},
        {"{\"ntpPollMinSec\":100,\"ntpPollMaxSec\":99}", "below"},
    };
    for (size_t i = 0; i < HIN_COUNT(wrong); i++) {
        struct hin_clock_settings settings;
        struct hin_error error = {0};
        char text[1280];
        CHECK(!hin_is_ok(read_json(wrong[i].text, &settings, &error)));
        hin_error_format(&error, text, sizeof(text));
        if (strstr(text, wrong[i].says) == NULL) {
            test_fail(__FILE__, __LINE__, "%s: %s", wrong[i].text, text);
            return;
        }
    }
}

TEST(test_clock_settings__options)
{
    struct hin_clock_settings settings;
    struct hin_error error = {0};
    struct hin_option_texts texts = {.items = {"a", "b:9"}, .count = 2};
    hin_clock_settings_default(&settings);
    CHECK_OK(hin_clock_settings_take(&settings, &texts, HIN_SEC_USEC, &error));
    CHECK(settings.server_count == 2 && settings.servers[1].port == 9);
    CHECK_INT(settings.bound_usec, HIN_SEC_USEC);
    CHECK_CODE(hin_clock_settings_take(&settings, &texts, 0, &error), INVALID);
    CHECK_CODE(hin_clock_settings_take(&settings, &texts, 2 * HIN_DAY_USEC, &error), INVALID);
    texts.items[0] = "a b";
    CHECK_CODE(hin_clock_settings_take(&settings, &texts, HIN_SEC_USEC, &error), INVALID);
    CHECK(strstr(error.text, "a b") != NULL);
    texts.count = 9;
    CHECK_CODE(hin_clock_settings_take(&settings, &texts, HIN_SEC_USEC, &error), LIMIT);
}
