#include "manager/person.h"

#include <stdio.h>

#include "harness.h"

/* A selection from JSON text; the document must outlive it. */
struct reading {
    struct hin_arena arena;
    struct hin_json_document *document;
    struct hin_person person;
    struct hin_error error;
};

static struct hin_result read_person(struct reading *reading, const char *text)
{
    *reading = (struct reading){0};
    hin_arena_init(&reading->arena, 1 << 20);
    struct hin_result parsed =
        hin_json_parse(hin_view_from_text(text), 1 << 20, &reading->document, NULL);
    return hin_is_ok(parsed) ? hin_person_read(hin_json_root(reading->document), &reading->arena,
                                               &reading->person, &reading->error)
                             : parsed;
}

static void done(struct reading *reading)
{
    hin_json_free(reading->document);
    hin_arena_done(&reading->arena);
}

static bool refused(const char *text, const char *why)
{
    struct reading reading;
    struct hin_result result = read_person(&reading, text);
    bool said =
        hin_view_find(hin_view_from_text(reading.error.text), hin_view_from_text(why)) != SIZE_MAX;
    done(&reading);
    return result.code == HIN_INVALID && said;
}

TEST(test_manager_person__only_personal_fields_select)
{
    static const char all[] = "raw, src_ip, dst_ip, user, src_user, url";
    CHECK(refused("[{\"field\":\"program\",\"value\":\"sshd\"}]", all));
    CHECK(refused("[{\"field\":\"program\",\"value\":\"sshd\"}]", "program is not personal data"));
    CHECK(refused("[{\"field\":\"nonsense\",\"value\":\"x\"}]", "nonsense is no field"));
    CHECK(refused("[{\"field\":\"field.user\",\"value\":\"x\"}]", all));
    CHECK(refused("[]", "1 to 8 conditions"));
    CHECK(refused("[{\"field\":\"user\",\"value\":\"\"}]", "a value of 1 to"));
    CHECK(refused("[{\"field\":\"src_ip\",\"value\":\"10.0.0.0/8\"}]", "not a network"));
    CHECK(refused("[{\"field\":\"user\",\"value\":\"a\"},{\"field\":\"dstuser\",\"value\":\"b\"}]",
                  "user stands twice"));
}

static void set(struct hin_event *event, enum hin_field_id field, const char *text)
{
    CHECK(hin_is_ok(hin_event_set_text(event, field, hin_view_from_text(text))));
}

TEST(test_manager_person__all_conditions_hold_exactly)
{
    struct reading reading;
    struct hin_event event;
    CHECK(hin_is_ok(read_person(&reading, "[{\"field\":\"dstuser\",\"value\":\"alice\"},"
                                          "{\"field\":\"srcip\",\"value\":\"::ffff:10.0.0.1\"}]")));
    CHECK(reading.person.term_count == 2);
    hin_event_init(&event, &reading.arena);
    set(&event, HIN_FIELD_USER, "alice");
    CHECK(!hin_person_selects(&reading.person, &event, &reading.arena));
    set(&event, HIN_FIELD_SRC_IP, "10.0.0.1");
    CHECK(hin_person_selects(&reading.person, &event, &reading.arena));
    set(&event, HIN_FIELD_USER, "Alice"); /* user names tell case apart */
    CHECK(!hin_person_selects(&reading.person, &event, &reading.arena));
    set(&event, HIN_FIELD_USER, "alice2");
    CHECK(!hin_person_selects(&reading.person, &event, &reading.arena));
    done(&reading);
}

/* Where two values differ only behind what the index looks at, one is not taken for the other. */
TEST(test_manager_person__long_values_are_compared_to_their_end)
{
    struct reading reading;
    struct hin_event event;
    static char text[6000], other[5000];
    for (size_t i = 0; i < 4999; i++) {
        other[i] = 'a';
    }
    other[4998] = 'b';
    snprintf(text, sizeof(text), "[{\"field\":\"raw\",\"value\":\"%s\"}]", other);
    CHECK(hin_is_ok(read_person(&reading, text)));
    CHECK(reading.person.count == 1 && reading.person.term_count == 0); /* no index serves it */
    hin_event_init(&event, &reading.arena);
    set(&event, HIN_FIELD_RAW, other);
    CHECK(hin_person_selects(&reading.person, &event, &reading.arena));
    other[4998] = 'c'; /* the event borrows it */
    CHECK(!hin_person_selects(&reading.person, &event, &reading.arena));
    done(&reading);
}

TEST(test_manager_person__names_and_mentions)
{
    struct reading reading;
    CHECK(hin_is_ok(read_person(&reading, "[{\"field\":\"user\",\"value\":\"al\\\"ice\"},"
                                          "{\"field\":\"src_ip\",\"value\":\"2001:DB8::1\"}]")));
    const struct hin_person *person = &reading.person;
    CHECK(hin_person_is_named(person, HIN_VIEW("AL\"ICE")));
    CHECK(hin_person_is_named(person, HIN_VIEW("2001:db8:0:0::1")));
    CHECK(!hin_person_is_named(person, HIN_VIEW("alice")));
    CHECK(!hin_person_is_named(person, HIN_VIEW_EMPTY));
    CHECK(hin_person_is_mentioned(person, HIN_VIEW("{\"actor\":\"key 3 (al\\\"ice)\"}")));
    CHECK(hin_person_is_mentioned(person, HIN_VIEW("{\"detail\":\"a\\nal\\\"ice\"}")));
    CHECK(!hin_person_is_mentioned(person, HIN_VIEW("{\"actor\":\"key 3 (al\\\"icea)\"}")));
    CHECK(!hin_person_is_mentioned(person, HIN_VIEW("{\"actor\":\"sal\\\"ice\"}")));
    CHECK(!hin_person_is_mentioned(person, HIN_VIEW_EMPTY));
    done(&reading);
}
