/* What is pure of a host over SSH: settings, packets, and what ssh's words mean. The rest:
 * tests/integration/depots.sh. */
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "depot/sftp_settings.h"
#include "depot/sftp_ssh.h"
#include "depot/sftp_wire.h"
#include "harness.h"

static const char *const files[] = {"identity-file=/etc/hinomi/backup_key",
                                    "host-key-file=/etc/hinomi/known_hosts", NULL};

TEST(test_depot_sftp_settings__say_where_the_host_is)
{
    static const char *const cases[][5] = {
        {"sftp://backup@far.example/srv/depot", "backup", "far.example", "22", "/srv/depot"},
        {"sftp://b@h:2222/x/", "b", "h", "2222", "/x"},
        {"sftp://b@[2001:db8::1]:24/x", "b", "2001:db8::1", "24", "/x"},
        {"sftp://b@[::1]/x", "b", "::1", "22", "/x"},
        {"sftp://b@h/~/depot/a", "b", "h", "22", "depot/a"},
        {"sftp://b@h/~", "b", "h", "22", "."},
    };
    for (size_t i = 0; i < HIN_COUNT(cases); i++) {
        struct hin_sftp_settings read;
        CHECK_OK(hin_sftp_settings_read(cases[i][0], files, &read, NULL));
        CHECK_VIEW(hin_view_from_text(read.user), cases[i][1]);
        CHECK_VIEW(hin_view_from_text(read.host), cases[i][2]);
        CHECK_VIEW(hin_view_from_text(read.port), cases[i][3]);
        CHECK_VIEW(hin_view_from_text(read.folder), cases[i][4]);
    }
}

TEST(test_depot_sftp_settings__let_nothing_reach_ssh_but_what_it_is)
{
    static const char *const urls[] = {
        "sftp://h/x",         "sftp://@h/x",       "sftp://b@/x",       "sftp://b@h",
        "sftp://-oX@h/x",     "sftp://b@-oX/x",    "sftp://b@h:0/x",    "sftp://b@h:65536/x",
        "sftp://b@h:22:22/x", "sftp://b@[::1/x",   "sftp://b@[::1]2/x", "sftp://b@h/../x",
        "sftp://b@h/x//y",    "sftp://b@h/%2e%2e", "sftp://b c@h/x",    "sftp://b:p@h/x",
        "sftp://b@h\n/x",     "sftp://b@h%20/x",   "sftp://b@ h/x",     "sftp://b@h/~/../x"};
    static const char *const paths[] = {"key",   "/a/../key", "/a key", "/a%h", "/~/key",
                                        "/a\"b", "/a$b",      "",       "/a\nb"};
    struct hin_sftp_settings read;
    struct hin_error error = {.text = ""};
    for (size_t i = 0; i < HIN_COUNT(urls); i++) {
        CHECK_CODE(hin_sftp_settings_read(urls[i], files, &read, &error), INVALID);
    }
    for (size_t i = 0; i < HIN_COUNT(paths); i++) {
        char text[64];
        snprintf(text, sizeof(text), "identity-file=%s", paths[i]);
        const char *const settings[] = {text, files[1], NULL};
        CHECK_CODE(hin_sftp_settings_read("sftp://b@h/x", settings, &read, &error), INVALID);
        CHECK(strstr(error.text, "absolute path") != NULL);
    }
    CHECK_CODE(hin_sftp_settings_read("sftp://b@h/x", files + 1, &read, &error), INVALID);
    CHECK(strstr(error.text, "identity-file=PATH is missing") != NULL);
}

TEST(test_depot_sftp_wire__what_is_written_is_read)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf out = {.max = 1000};
    struct hin_view packet;
    struct hin_sftp_reply reply;
    size_t at = 0, size = 0;
    CHECK_OK(hin_sftp_begin(&out, HIN_SFTP_STATUS, 0x01020304, &at));
    CHECK_OK(hin_sftp_put_u32(&out, HIN_SFTP_FAILURE));
    CHECK_OK(hin_sftp_put_text(&out, HIN_VIEW("Failure")));
    hin_sftp_end(&out, at);
    CHECK_CODE(hin_sftp_cut(hin_view_sub(hin_buf_view(&out), 0, out.size - 1), &packet, &size),
               AGAIN);
    CHECK_OK(hin_sftp_cut(hin_buf_view(&out), &packet, &size));
    CHECK_INT(size, 4 + 1 + 4 + 4 + 4 + 7);
    CHECK_OK(hin_sftp_read_reply(packet, &reply));
    CHECK_INT(reply.id, 0x01020304);
    CHECK_INT(reply.status, HIN_SFTP_FAILURE);
    CHECK_VIEW(reply.message, "Failure");
    for (size_t i = 0; i < packet.size; i++) {
        bool without_words = i == 9; /* as older servers have it */
        struct hin_result read = hin_sftp_read_reply(hin_view_sub(packet, 0, i), &reply);
        CHECK_INT(read.code, without_words ? HIN_OK : HIN_PROTOCOL);
    }
}

TEST(test_depot_sftp_wire__absurd_packets_end_it)
{
    static const uint8_t huge[] = {0x7f, 0xff, 0xff, 0xff, 101, 0, 0, 0, 1};
    static const uint8_t tiny[] = {0, 0, 0, 1, 101, 0, 0, 0, 1};
    static const uint8_t long_text[] = {103, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff, 'x'};
    static const uint8_t many_names[] = {104, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff};
    struct hin_view packet, name;
    struct hin_sftp_reply reply;
    struct hin_sftp_attributes about;
    size_t size = 0;
    CHECK_CODE(hin_sftp_cut(hin_view_of(huge, sizeof(huge)), &packet, &size), PROTOCOL);
    CHECK_CODE(hin_sftp_cut(hin_view_of(tiny, sizeof(tiny)), &packet, &size), PROTOCOL);
    CHECK_CODE(hin_sftp_read_reply(hin_view_of(long_text, sizeof(long_text)), &reply), PROTOCOL);
    CHECK_OK(hin_sftp_read_reply(hin_view_of(many_names, sizeof(many_names)), &reply));
    CHECK_CODE(hin_sftp_read_name(&reply, &name, &about), PROTOCOL);
}

TEST(test_depot_sftp_ssh__its_words_are_understood)
{
    static const struct {
        const char *said;
        enum hin_code code;
        const char *advice;
    } cases[] = {
        {"Host key verification failed.\r\n", HIN_AUTH, "ssh-keyscan"},
        {"@@@\n@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nHost key verification "
         "failed.\r\n",
         HIN_AUTH, "is it really this host"},
        {"b@h: Permission denied (publickey).\r\n", HIN_AUTH, "authorized_keys"},
        {"WARNING: UNPROTECTED PRIVATE KEY FILE!\nb@h: Permission denied (publickey).\n", HIN_AUTH,
         "chmod 600"},
        {"ssh: connect to host h port 22: Connection refused\r\n", HIN_NETWORK, "check the port"},
        {"ssh: connect to host h port 22: Connection timed out\r\n", HIN_TIMEOUT, "reachable"},
        {"ssh: Could not resolve hostname h: Name or service not known\n", HIN_NETWORK, "DNS"},
        {"subsystem request failed on channel 0\r\n", HIN_INVALID, "subsystem sftp"},
        {"", HIN_NETWORK, "the connection was closed"},
        {"\x1b[31mboo\n", HIN_NETWORK, "?[31mboo"},
    };
    const struct hin_sftp_settings settings = {.user = "b", .host = "h", .port = "22"};
    for (size_t i = 0; i < HIN_COUNT(cases); i++) {
        struct hin_error error = {.text = ""};
        struct hin_result result =
            hin_ssh_explain(hin_view_from_text(cases[i].said), &settings, &error);
        if (result.code != cases[i].code || strstr(error.text, cases[i].advice) == NULL) {
            test_fail(__FILE__, __LINE__, "%zu: %s: %s", i, hin_code_name(result.code), error.text);
            return;
        }
    }
}
