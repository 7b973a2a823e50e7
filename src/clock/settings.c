#include "clock/settings.h"

#include <stdio.h>

#include "base/bytes.h"
#include "decode/ntp/ntp.h"

void hin_clock_settings_default(struct hin_clock_settings *ret_settings)
{
    *ret_settings = (struct hin_clock_settings){
        .bound_usec = HIN_CLOCK_BOUND_USEC,
        .poll_min_sec = HIN_CLOCK_POLL_MIN_SEC,
        .poll_max_sec = HIN_CLOCK_POLL_MAX_SEC,
    };
}

/* ---- one server ---- */

static bool is_host_byte(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == '_' || c == ':' || c == '%';
}

static HIN_RESULT split(struct hin_view text, struct hin_view *ret_host, struct hin_view *ret_port)
{
    size_t colon = hin_view_find_byte(text, ':');
    *ret_port = HIN_VIEW_EMPTY;
    if (text.size > 0 && text.data[0] == '[') {
        size_t end = hin_view_find_byte(text, ']');
        HIN_ENSURE(end != SIZE_MAX, SYNTAX);
        *ret_host = hin_view_sub(text, 1, end - 1);
        struct hin_view rest = hin_view_sub(text, end + 1, text.size);
        HIN_ENSURE(rest.size == 0 || rest.data[0] == ':', SYNTAX);
        HIN_ENSURE(rest.size != 1, SYNTAX);
        *ret_port = hin_view_sub(rest, 1, rest.size);
        return hin_ok();
    }
    bool one = colon != SIZE_MAX &&
               hin_view_find_byte(hin_view_sub(text, colon + 1, text.size), ':') == SIZE_MAX;
    *ret_host = one ? hin_view_sub(text, 0, colon) : text; /* several colons: IPv6 */
    if (one) {
        *ret_port = hin_view_sub(text, colon + 1, text.size);
        HIN_ENSURE(ret_port->size > 0, SYNTAX);
    }
    return hin_ok();
}

struct hin_result hin_clock_server_parse(struct hin_view text, struct hin_clock_server *ret_server)
{
    struct hin_clock_server server = {.port = HIN_NTP_PORT};
    struct hin_view host, port;
    uint64_t number = HIN_NTP_PORT;
    HIN_TRY(split(text, &host, &port));
    HIN_ENSURE(host.size > 0, SYNTAX);
    for (size_t i = 0; i < host.size; i++) {
        HIN_ENSURE(is_host_byte(host.data[i]), SYNTAX);
    }
    if (port.size > 0) {
        HIN_ENSURE(hin_is_ok(hin_view_to_u64(port, &number)), SYNTAX);
    }
    HIN_ENSURE(number > 0 && number <= UINT16_MAX, SYNTAX);
    HIN_ENSURE(hin_is_ok(hin_view_to_text(host, server.host, sizeof(server.host))), SYNTAX);
    server.port = (uint16_t)number;
    *ret_server = server;
    return hin_ok();
}

void hin_clock_server_format(const struct hin_clock_server *server, char *out, size_t out_bytes)
{
    bool brackets = hin_view_find_byte(hin_view_from_text(server->host), ':') != SIZE_MAX;
    snprintf(out, out_bytes, brackets ? "[%s]:%u" : "%s:%u", server->host, server->port);
}

/* ---- options ---- */

struct hin_result hin_clock_settings_take(struct hin_clock_settings *settings,
                                          const struct hin_option_texts *servers,
                                          int64_t bound_usec, struct hin_error *error)
{
    if (servers->count > HIN_CLOCK_SOURCES_MAX) {
        return hin_error_set(error, HIN_LIMIT, NULL, 0, 0, "--ntp: at most %d servers",
                             HIN_CLOCK_SOURCES_MAX);
    }
    for (size_t i = 0; i < servers->count; i++) {
        if (!hin_is_ok(hin_clock_server_parse(hin_view_from_text(servers->items[i]),
                                              &settings->servers[i]))) {
            return hin_error_set(error, HIN_INVALID, NULL, 0, 0, "--ntp: not HOST or HOST:PORT: %s",
                                 servers->items[i]);
        }
    }
    settings->server_count = servers->count;
    if (bound_usec < HIN_CLOCK_BOUND_MIN_USEC || bound_usec > HIN_CLOCK_BOUND_MAX_USEC) {
        return hin_error_set(error, HIN_INVALID, NULL, 0, 0, "--clock-bound: from 1s to 1d");
    }
    settings->bound_usec = bound_usec;
    return hin_ok();
}

/* ---- the settings file ---- */

static HIN_RESULT read_servers(struct hin_json root, struct hin_clock_settings *settings,
                               struct hin_error *error)
{
    struct hin_json list;
    size_t count = 0;
    if (!hin_json_find(root, "ntpServers", &list)) {
        return hin_ok();
    }
    HIN_TRY(hin_json_array(list, &count, error));
    if (count > HIN_CLOCK_SOURCES_MAX) {
        return hin_json_refuse(list, error, HIN_LIMIT, "more than %d NTP servers",
                               HIN_CLOCK_SOURCES_MAX);
    }
    for (size_t i = 0; i < count; i++) {
        struct hin_view text;
        HIN_TRY(hin_json_text(hin_json_at(list, i), &text, error));
        if (!hin_is_ok(hin_clock_server_parse(text, &settings->servers[i]))) {
            return hin_json_refuse(list, error, HIN_INVALID,
                                   "an NTP server reads HOST or HOST:PORT");
        }
    }
    settings->server_count = count;
    return hin_ok();
}

struct hin_result hin_clock_settings_read(struct hin_json root, struct hin_clock_settings *settings,
                                          struct hin_error *error)
{
    int64_t bound = settings->bound_usec / HIN_MSEC_USEC;
    int64_t least = settings->poll_min_sec;
    int64_t most = settings->poll_max_sec;
    HIN_TRY(read_servers(root, settings, error));
    HIN_TRY(hin_json_opt_integer(root, "clockBoundMsec", HIN_CLOCK_BOUND_MIN_USEC / HIN_MSEC_USEC,
                                 HIN_CLOCK_BOUND_MAX_USEC / HIN_MSEC_USEC, &bound, error));
    HIN_TRY(hin_json_opt_integer(root, "ntpPollMinSec", HIN_CLOCK_POLL_LEAST_SEC,
                                 HIN_CLOCK_POLL_MAX_SEC, &least, error));
    HIN_TRY(hin_json_opt_integer(root, "ntpPollMaxSec", HIN_CLOCK_POLL_LEAST_SEC,
                                 HIN_CLOCK_POLL_MAX_SEC, &most, error));
    if (most < least) {
        return hin_json_refuse(root, error, HIN_INVALID, "ntpPollMaxSec is below ntpPollMinSec");
    }
    settings->bound_usec = bound * HIN_MSEC_USEC;
    settings->poll_min_sec = (uint32_t)least;
    settings->poll_max_sec = (uint32_t)most;
    return hin_ok();
}

void hin_clock_settings_write(struct hin_json_writer *writer,
                              const struct hin_clock_settings *settings)
{
    hin_json_key(writer, "ntpServers");
    hin_json_begin_array(writer);
    for (size_t i = 0; i < settings->server_count; i++) {
        char name[HIN_CLOCK_NAME_BYTES];
        hin_clock_server_format(&settings->servers[i], name, sizeof(name));
        hin_json_put_cstring(writer, name);
    }
    hin_json_end_array(writer);
    hin_json_field_integer(writer, "ntpPollMinSec", settings->poll_min_sec);
    hin_json_field_integer(writer, "ntpPollMaxSec", settings->poll_max_sec);
    hin_json_field_integer(writer, "clockBoundMsec", settings->bound_usec / HIN_MSEC_USEC);
}

/* ---- to the process ---- */

struct hin_result hin_clock_settings_hand(const struct hin_clock_settings *settings,
                                          struct hin_role_hand *hand)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = 8192};
    struct hin_json_writer writer;
    hin_json_writer_init(&writer, &text, false);
    hin_json_begin_object(&writer);
    hin_clock_settings_write(&writer, settings);
    hin_json_end_object(&writer);
    HIN_TRY(hin_json_writer_finish(&writer));
    return hin_role_hand_setting(hand, "clock", hin_buf_view(&text));
}

struct hin_result hin_clock_settings_receive(const struct hin_role *role,
                                             struct hin_clock_settings *ret_settings)
{
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    struct hin_clock_settings settings;
    hin_clock_settings_default(&settings);
    HIN_TRY(hin_json_parse(hin_role_setting(role, "clock"), 8192, &document, NULL));
    HIN_TRY(hin_clock_settings_read(hin_json_root(document), &settings, NULL));
    *ret_settings = settings;
    return hin_ok();
}
