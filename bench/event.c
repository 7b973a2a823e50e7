/* Encoding, decoding and search terms of events: CPU time per event of a typical log finding. */
#include <stdio.h>
#include <time.h>

#include "event/codec.h"
#include "event/terms.h"
#include "event/write.h"

enum { ROUNDS = 500000 };

static double cpu_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static HIN_RESULT build(struct hin_event *event, struct hin_arena *arena, int64_t number)
{
    static const struct hin_view groups[] = {{(const uint8_t *)"syslog", 6},
                                             {(const uint8_t *)"sshd", 4}};
    hin_event_init_finding(event, arena, INT64_C(1795386286123456) + number,
                           INT64_C(1795386286123456) + number, 5716, 5);
    HIN_TRY(hin_event_set_text(event, HIN_FIELD_HOST, HIN_VIEW("web-1")));
    HIN_TRY(hin_event_set_text(event, HIN_FIELD_PROGRAM, HIN_VIEW("sshd")));
    HIN_TRY(hin_event_set_text(event, HIN_FIELD_LOCATION, HIN_VIEW("/var/log/auth.log")));
    HIN_TRY(hin_event_set_text(event, HIN_FIELD_DECODER, HIN_VIEW("sshd")));
    HIN_TRY(hin_event_set_text(event, HIN_FIELD_RULE_DESCRIPTION,
                               HIN_VIEW("SSHD authentication failed.")));
    HIN_TRY(hin_event_set_texts(event, HIN_FIELD_RULE_GROUPS, groups, 2));
    HIN_TRY(hin_event_set_text(event, HIN_FIELD_USER, HIN_VIEW("root")));
    HIN_TRY(hin_event_set_text(event, HIN_FIELD_SRC_IP, HIN_VIEW("203.0.113.7")));
    HIN_TRY(hin_event_set_integer(event, HIN_FIELD_SRC_PORT, 22));
    HIN_TRY(hin_event_set_integer(event, HIN_FIELD_PID, 812));
    HIN_TRY(hin_event_set_text(
        event, HIN_FIELD_RAW,
        HIN_VIEW("Nov 22 22:24:46 web-1 sshd[812]: Failed password for root from "
                 "203.0.113.7 port 22 ssh2")));
    return hin_event_set_identity(event, &(struct hin_event_identity){77, (uint64_t)number, 0});
}

struct bench {
    struct hin_arena arena;
    struct hin_buf buf;
    struct hin_event event;
};

static HIN_RESULT run_build_encode(struct bench *b, int64_t number)
{
    HIN_TRY(build(&b->event, &b->arena, number));
    return hin_event_encode(&b->event, &b->buf);
}

static HIN_RESULT run_decode(struct bench *b, int64_t number)
{
    (void)number;
    struct hin_event event;
    return hin_event_decode(hin_buf_view(&b->buf), &b->arena, &event);
}

static HIN_RESULT run_terms(struct bench *b, int64_t number)
{
    (void)number;
    const struct hin_term *terms = NULL;
    size_t count = 0;
    return hin_event_terms(&b->event, &b->arena, &terms, &count);
}

static HIN_RESULT run_ocsf(struct bench *b, int64_t number)
{
    (void)number;
    return hin_event_write_ocsf(&b->event, NULL, &b->buf);
}

static int measure(const char *what, bool clear, HIN_RESULT (*run)(struct bench *b, int64_t number))
{
    struct bench b;
    hin_arena_init(&b.arena, 1 << 20);
    hin_buf_init(&b.buf, 1 << 20);
    if (!hin_is_ok(run_build_encode(&b, 1))) {
        return 1;
    }
    struct hin_arena arena;
    hin_arena_init(&arena, 1 << 20);
    struct hin_arena built = b.arena;
    b.arena = arena;
    double begin = cpu_seconds();
    for (int64_t i = 0; i < ROUNDS; i++) {
        hin_arena_reset(&b.arena);
        if (clear) {
            hin_buf_clear(&b.buf);
        }
        if (!hin_is_ok(run(&b, i))) {
            return 1;
        }
    }
    printf("%-14s %7.3f us CPU an event\n", what, (cpu_seconds() - begin) * 1e6 / ROUNDS);
    hin_arena_done(&b.arena);
    hin_arena_done(&built);
    hin_buf_done(&b.buf);
    return 0;
}

int main(void)
{
    return measure("build+encode", true, run_build_encode) + measure("decode", false, run_decode) +
           measure("terms", false, run_terms) + measure("ocsf", true, run_ocsf);
}
