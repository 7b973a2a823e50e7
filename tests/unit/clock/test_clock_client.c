/* The client against servers in this very process and loop, on real sockets; its clock is ours to
 * set. Polls of no length: as fast as the loop turns. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "base/time.h"
#include "clock/client.h"
#include "decode/ntp/ntp.h"
#include "harness.h"

enum manner { ANSWERS, MUTE, DENIES, LIMITS, FORGES_FIRST, UNSYNCED, RAVES };

struct server {
    struct house *house;
    int fd;
    uint16_t port;
    struct hin_watch *watch;
    enum manner manner;
    int64_t offset_usec; /* its clock minus the machine's */
    unsigned asked;
};

struct house {
    struct hin_loop *loop;
    struct hin_clock clock;
    int64_t set_usec; /* the client's wall clock minus the machine's */
    struct server servers[3];
    struct hin_clock_settings settings;
    struct hin_clock_client *client;
    struct hin_clock_report report;
    unsigned told;
};

static int64_t wall(void *context)
{
    const struct house *house = context;
    return hin_clock_wall_usec(hin_clock_system()) + house->set_usec;
}

static int64_t monotonic(void *context)
{
    (void)context;
    return hin_clock_monotonic_usec(hin_clock_system());
}

static void store64(uint8_t *at, uint64_t value)
{
    for (size_t i = 0; i < 8; i++) {
        at[i] = (uint8_t)(value >> (56 - 8 * i));
    }
}

static void reply(struct server *server, const uint8_t *question, const struct sockaddr_in *peer,
                  bool forged)
{
    static const char *const kisses[] = {[DENIES] = "RSTR", [LIMITS] = "RATE"};
    uint8_t out[HIN_NTP_PACKET_BYTES] = {0};
    bool kiss = server->manner == DENIES || server->manner == LIMITS;
    int64_t now = hin_clock_wall_usec(hin_clock_system()) + server->offset_usec;
    now += server->manner == RAVES ? (int64_t)server->asked * HIN_MINUTE_USEC : 0;
    out[0] = (uint8_t)((server->manner == UNSYNCED ? 3 : 0) << 6 | 4 << 3 | 4);
    out[1] = kiss ? 0 : 2;
    out[3] = (uint8_t)-20;
    if (kiss) {
        hin_copy(out + 12, kisses[server->manner], 4);
    }
    hin_copy(out + 24, question + 40, 8);
    store64(out + 16, hin_ntp_from_usec(now));
    store64(out + 32, hin_ntp_from_usec(now));
    store64(out + 40, hin_ntp_from_usec(now));
    if (forged) {
        out[24] ^= 1;
        store64(out + 40, hin_ntp_from_usec(now + HIN_HOUR_USEC));
    }
    (void)sendto(server->fd, out, sizeof(out), 0, (const struct sockaddr *)peer, sizeof(*peer));
}

static void asked(void *context, unsigned events)
{
    struct server *server = context;
    uint8_t question[256];
    struct sockaddr_in peer;
    socklen_t size = sizeof(peer);
    (void)events;
    if (recvfrom(server->fd, question, sizeof(question), 0, (struct sockaddr *)&peer, &size) !=
        HIN_NTP_PACKET_BYTES) {
        return;
    }
    server->asked++;
    if (server->manner == FORGES_FIRST) {
        reply(server, question, &peer, true);
        (void)sendto(server->fd, "nonsense", 8, 0, (struct sockaddr *)&peer, sizeof(peer));
    }
    if (server->manner != MUTE) {
        reply(server, question, &peer, false);
    }
}

static HIN_RESULT server_open(struct house *house, struct server *server)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(at);
    server->house = house;
    server->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    HIN_ENSURE(bind(server->fd, (struct sockaddr *)&at, size) == 0, NETWORK);
    HIN_ENSURE(getsockname(server->fd, (struct sockaddr *)&at, &size) == 0, NETWORK);
    server->port = ntohs(at.sin_port);
    HIN_TRY(hin_watch_new(house->loop, server->fd, asked, server, &server->watch));
    return hin_watch_set(server->watch, HIN_WATCH_READ);
}

static void changed(void *context)
{
    struct house *house = context;
    house->told++;
    if (house->client != NULL) {
        hin_clock_client_report(house->client, &house->report);
    }
}

static HIN_RESULT house_open(struct house *house, size_t count, uint32_t poll_sec)
{
    HIN_TRY(hin_loop_new(NULL, &house->loop));
    house->clock = (struct hin_clock){wall, monotonic, house};
    hin_clock_settings_default(&house->settings);
    house->settings.poll_min_sec = poll_sec;
    house->settings.poll_max_sec = poll_sec * 16;
    house->settings.server_count = count;
    for (size_t i = 0; i < count; i++) {
        HIN_TRY(server_open(house, &house->servers[i]));
        snprintf(house->settings.servers[i].host, sizeof(house->settings.servers[i].host),
                 "127.0.0.1");
        house->settings.servers[i].port = house->servers[i].port;
    }
    struct hin_clock_client_options options = {
        .settings = &house->settings, .clock = &house->clock, .changed = changed, .context = house};
    return hin_clock_client_new(house->loop, &options, &house->client);
}

static void house_close(struct house *house)
{
    hin_clock_client_free(house->client);
    for (size_t i = 0; i < house->settings.server_count; i++) {
        hin_watch_free(house->servers[i].watch);
        hin_fd_close(&house->servers[i].fd);
    }
    hin_loop_free(house->loop);
}

/* Turn the loop until the condition holds, at most 30 s. */
#define UNTIL(house, condition)                                                                    \
    do {                                                                                           \
        int64_t end_ = hin_clock_monotonic_usec(hin_clock_system()) + 30 * HIN_SEC_USEC;           \
        while (!(condition)) {                                                                     \
            CHECK(hin_clock_monotonic_usec(hin_clock_system()) < end_);                            \
            CHECK_OK(hin_loop_run_once((house)->loop, 20 * HIN_MSEC_USEC));                        \
        }                                                                                          \
    } while (0)

static HIN_RESULT pass(struct house *house, int64_t usec)
{
    int64_t end = hin_clock_monotonic_usec(hin_clock_system()) + usec;
    while (hin_clock_monotonic_usec(hin_clock_system()) < end) {
        HIN_TRY(hin_loop_run_once(house->loop, 20 * HIN_MSEC_USEC));
    }
    return hin_ok();
}

/* Right by as much as the client itself says that it may be wrong. */
static bool is_measured(const struct house *house, int64_t wanted_usec)
{
    int64_t off = house->report.offset_usec - wanted_usec;
    return house->report.measured && (off < 0 ? -off : off) <= house->report.error_usec &&
           house->report.error_usec < 500 * HIN_MSEC_USEC;
}

TEST(test_clock_client__measures)
{
    struct house house = {.servers[0].offset_usec = 1500000};
    CHECK_OK(house_open(&house, 1, 0));
    UNTIL(&house, is_measured(&house, 1500000));
    CHECK(house.servers[0].asked >= 4);
    CHECK_INT(house.report.agree_count, 1);
    CHECK_INT(house.report.sources[0].stratum, 2);
    CHECK_INT(house.report.sources[0].state, HIN_CLOCK_AGREES);
    house_close(&house);
}

/* Nobody needs to be asked: the samples stand on the monotonic clock. */
TEST(test_clock_client__sees_its_own_clock_being_set)
{
    struct house house = {.servers[0].offset_usec = 0};
    CHECK_OK(house_open(&house, 1, 0));
    UNTIL(&house, is_measured(&house, 0));
    house.servers[0].manner = MUTE;
    unsigned answered = house.servers[0].asked;
    house.set_usec = 10 * HIN_SEC_USEC;
    UNTIL(&house, is_measured(&house, -10 * HIN_SEC_USEC));
    house.set_usec = -5 * HIN_SEC_USEC;
    UNTIL(&house, is_measured(&house, 5 * HIN_SEC_USEC));
    CHECK(house.servers[0].asked <= answered + 2);
    house_close(&house);
}

TEST(test_clock_client__follows_a_server_that_is_set)
{
    struct house house = {.servers[0].offset_usec = 0};
    CHECK_OK(house_open(&house, 1, 0));
    UNTIL(&house, is_measured(&house, 0));
    house.servers[0].offset_usec = -HIN_HOUR_USEC;
    UNTIL(&house, is_measured(&house, -HIN_HOUR_USEC));
    house_close(&house);
}

TEST(test_clock_client__one_wrong_server_does_not_mislead)
{
    struct house house = {.servers[0].offset_usec = HIN_HOUR_USEC};
    CHECK_OK(house_open(&house, 3, 0));
    UNTIL(&house, house.report.measured);
    CHECK(is_measured(&house, 0)); /* the first verdict there was */
    CHECK_INT(house.report.agree_count, 2);
    CHECK_INT(house.report.sources[0].state, HIN_CLOCK_DISAGREES);
    CHECK_INT(house.report.sources[1].state, HIN_CLOCK_AGREES);
    house_close(&house);
}

/* Who silences two of three must not be believed alone. */
TEST(test_clock_client__one_of_three_is_not_enough)
{
    struct house house = {.servers[0] = {.manner = UNSYNCED}, .servers[1] = {.manner = DENIES}};
    CHECK_OK(house_open(&house, 3, 0));
    UNTIL(&house, house.servers[2].asked > 8);
    CHECK(!house.report.measured);
    CHECK_INT(house.report.sources[0].state, HIN_CLOCK_UNSYNCHRONISED);
    CHECK_INT(house.report.sources[1].state, HIN_CLOCK_REFUSED);
    CHECK_INT(house.report.sources[2].state, HIN_CLOCK_DISAGREES);
    house_close(&house);
}

TEST(test_clock_client__waits_for_the_real_answer)
{
    struct house house = {.servers[0].manner = FORGES_FIRST};
    CHECK_OK(house_open(&house, 1, 0));
    UNTIL(&house, is_measured(&house, 0));
    CHECK_INT(house.report.sources[0].answers, house.report.sources[0].requests);
    house_close(&house);
}

/* Each answer another time: no voice, and the server is not asked in a hurry for ever. */
TEST(test_clock_client__does_not_believe_who_contradicts_itself)
{
    struct house house = {.servers[0].manner = RAVES};
    CHECK_OK(house_open(&house, 1, 0));
    UNTIL(&house, house.servers[0].asked > 12);
    CHECK(!house.report.measured);
    CHECK_INT(house.report.sources[0].state, HIN_CLOCK_UNSTABLE);
    house.servers[0].manner = ANSWERS;
    UNTIL(&house, is_measured(&house, 0));
    house_close(&house);
}

TEST(test_clock_client__stays_away_from_who_refuses)
{
    struct house house = {.servers[0].manner = DENIES};
    CHECK_OK(house_open(&house, 1, 0));
    UNTIL(&house, house.report.sources[0].state == HIN_CLOCK_REFUSED);
    CHECK_OK(pass(&house, 4 * HIN_SEC_USEC)); /* longer than an answer may take */
    CHECK_INT(house.servers[0].asked, 1);
    house_close(&house);
}

/* One second between questions, half of it in the first burst; after the first RATE two. */
TEST(test_clock_client__asks_less_when_told_so)
{
    struct house house = {.servers[0].manner = LIMITS};
    CHECK_OK(house_open(&house, 1, 1));
    UNTIL(&house, house.report.sources[0].state == HIN_CLOCK_LIMITED);
    CHECK_OK(pass(&house, 1500 * HIN_MSEC_USEC));
    CHECK_INT(house.servers[0].asked, 1);
    UNTIL(&house, house.servers[0].asked == 2);
    CHECK_OK(pass(&house, 3 * HIN_SEC_USEC)); /* now four */
    CHECK_INT(house.servers[0].asked, 2);
    house_close(&house);
}

TEST(test_clock_client__knows_that_nobody_listens)
{
    struct house house = {.told = 0};
    CHECK_OK(house_open(&house, 1, 0));
    hin_watch_free(house.servers[0].watch);
    house.servers[0].watch = NULL;
    hin_fd_close(&house.servers[0].fd);
    UNTIL(&house, house.report.sources[0].state == HIN_CLOCK_SILENT);
    CHECK(!house.report.measured);
    CHECK_INT(house.report.sources[0].answers, 0);
    house_close(&house);
}
