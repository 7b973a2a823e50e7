#include "manager/person.h"

#include <stdio.h>

#include "harness.h"
#include "manager/person_change.h"

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

/* --- corrections --- */

struct changing {
    struct hin_arena arena;
    struct hin_json_document *document;
    struct hin_person_change change;
    struct hin_error error;
};

static struct hin_result read_change(struct changing *changing, const char *text)
{
    *changing = (struct changing){0};
    hin_arena_init(&changing->arena, 1 << 20);
    struct hin_result parsed =
        hin_json_parse(hin_view_from_text(text), 1 << 20, &changing->document, NULL);
    return hin_is_ok(parsed)
               ? hin_person_change_read(hin_json_root(changing->document), &changing->arena,
                                        &changing->change, &changing->error)
               : parsed;
}

static void change_done(struct changing *changing)
{
    hin_json_free(changing->document);
    hin_arena_done(&changing->arena);
}

TEST(test_manager_person__only_personal_fields_are_corrected)
{
    static const struct {
        const char *text, *why;
    } rows[] = {
        {"[{\"field\":\"program\",\"value\":\"x\"}]", "no field with personal data"},
        {"[{\"field\":\"nonsense\",\"value\":\"x\"}]", "no field with personal data"},
        {"[{\"field\":\"corrected\",\"value\":\"x\"}]", "no field with personal data"},
        {"[{\"field\":\"raw\",\"value\":\"x\"}]", "the raw line is evidence"},
        {"[{\"field\":\"full_log\",\"value\":\"x\"}]", "the raw line is evidence"},
        {"[{\"field\":\"user\",\"value\":\"\"}]", "a value of 1 to"},
        {"[{\"field\":\"src_ip\",\"value\":\"somewhere\"}]", "src_ip: not an address"},
        {"[{\"field\":\"user\",\"value\":\"a\"},{\"field\":\"dstuser\",\"value\":\"b\"}]",
         "user stands twice"},
        {"[]", "1 to 8 fields"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct changing changing;
        CHECK_CODE(read_change(&changing, rows[i].text), INVALID);
        CHECK(hin_view_find(hin_view_from_text(changing.error.text),
                            hin_view_from_text(rows[i].why)) != SIZE_MAX);
        change_done(&changing);
    }
}

static struct hin_view note_of(const struct hin_event *event, size_t at)
{
    const struct hin_value *held = &event->values[HIN_FIELD_CORRECTED];
    bool there = hin_event_has(event, HIN_FIELD_CORRECTED) && at < held->texts.count;
    return there ? held->texts.items[at] : HIN_VIEW_EMPTY;
}

/* Once for each entry, each with a note; the raw line stays. */
TEST(test_manager_person__a_correction_is_noted_and_made_once)
{
    struct changing changing;
    struct hin_event event;
    bool changed = false;
    CHECK_OK(read_change(&changing, "[{\"field\":\"user\",\"value\":\"ada\"},"
                                    "{\"field\":\"src_ip\",\"value\":\"2001:DB8::0:1\"}]"));
    struct hin_arena *arena = &changing.arena;
    changing.change.entry = 7;
    changing.change.note = HIN_VIEW("married");
    hin_event_init_finding(&event, arena, 1, 1, 5716, 5);
    set(&event, HIN_FIELD_USER, "eve");
    set(&event, HIN_FIELD_RAW, "login of eve");
    CHECK_OK(hin_person_change_apply(&changing.change, &event, arena, &changed));
    CHECK(changed);
    CHECK_VIEW(hin_event_text(&event, HIN_FIELD_USER), "ada");
    CHECK_VIEW(hin_event_text(&event, HIN_FIELD_SRC_IP), "2001:db8::1");
    CHECK_VIEW(hin_event_text(&event, HIN_FIELD_RAW), "login of eve");
    CHECK_VIEW(note_of(&event, 0), "audit entry 7: user, src_ip, 1970-01-01T00:00:00Z (married)");
    CHECK_OK(hin_person_change_apply(&changing.change, &event, arena, &changed));
    CHECK(!changed); /* gone through again after a crash */
    changing.change.entry = 70;
    changing.change.note = HIN_VIEW_EMPTY;
    CHECK_OK(hin_person_change_apply(&changing.change, &event, arena, &changed));
    CHECK(changed);
    CHECK_VIEW(note_of(&event, 1), "audit entry 70: user, src_ip, 1970-01-01T00:00:00Z");
    for (int64_t entry = 100; entry < 200; entry++) { /* of too many the oldest go */
        changing.change.entry = entry;
        CHECK_OK(hin_person_change_apply(&changing.change, &event, arena, &changed));
    }
    CHECK_INT(event.values[HIN_FIELD_CORRECTED].texts.count, HIN_EVENT_LIST_MAX);
    CHECK_VIEW(note_of(&event, HIN_EVENT_LIST_MAX - 1),
               "audit entry 199: user, src_ip, 1970-01-01T00:00:00Z");
    change_done(&changing);
}
