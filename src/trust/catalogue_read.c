/* The text of a catalogue: paragraphs of `key: value` lines, as catalogue.h describes them. No
 * library reads this form with the places of errors; it is small enough to do so here. */
#include <stdarg.h>
#include <stdio.h>

#include "base/bytes.h"
#include "base/terminal.h"
#include "base/time.h"
#include "trust/catalogue_internal.h"

enum { FIELDS_MAX = 32, MAPPINGS_MAX = 128, NAME_MAX_BYTES = 64 };

struct field { /* both within the file's text: where they stand there says where an error is */
    struct hin_view key, value;
};

struct reader {
    struct hin_catalogue *catalogue;
    struct hin_view text;
    const char *name;
    struct hin_error *error;
    struct field fields[FIELDS_MAX];
    size_t field_count;
    struct hin_framework *framework; /* that sections belong to; NULL: none yet in this file */
};

/* ---- errors ---- */

HIN_PRINTF(4, 5)
static HIN_RESULT refuse(const struct reader *reader, struct hin_view at, enum hin_code code,
                         const char *format, ...)
{
    char text[400];
    uint32_t line = 1, column = 1;
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    for (const uint8_t *byte = reader->text.data; byte < at.data; byte++) {
        column = *byte == '\n' ? 1 : column + 1;
        line += *byte == '\n' ? 1 : 0;
    }
    return hin_error_set(reader->error, code, reader->name, line, column, "%s", text);
}

static struct hin_view shown(struct hin_view view)
{
    return hin_view_sub(view, 0, 64);
}

/* ---- words and texts ---- */

/* The next run of bytes above space; empty at the end, and then it stands there. */
static struct hin_view next_word(struct hin_view *rest)
{
    size_t from = 0;
    if (rest->size == 0) {
        return *rest;
    }
    while (from < rest->size && rest->data[from] <= ' ') {
        from++;
    }
    size_t to = from;
    while (to < rest->size && rest->data[to] > ' ') {
        to++;
    }
    struct hin_view word = hin_view_of(rest->data + from, to - from);
    *rest = hin_view_of(rest->data + to, rest->size - to);
    return word;
}

static bool is_name_byte(uint8_t byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte == '-' ||
           byte == '.';
}

/* Names of ours: they become parts of addresses and of files' names. */
static HIN_RESULT check_name(const struct reader *reader, struct hin_view name)
{
    bool good = name.size > 0 && name.size <= NAME_MAX_BYTES && name.data[0] != '.';
    for (size_t i = 0; i < name.size && good; i++) {
        good = is_name_byte(name.data[i]);
    }
    return good ? hin_ok()
                : refuse(reader, name, HIN_SYNTAX,
                         "a name has 1 to %d small letters, digits, '-' and '.', and begins with "
                         "no '.'",
                         NAME_MAX_BYTES);
}

static HIN_RESULT check_characters(const struct reader *reader, struct hin_view text)
{
    for (size_t at = 0; at < text.size;) {
        struct hin_terminal_character character = hin_terminal_look(text, at);
        bool space = character.number == '\n' || character.number == '\t';
        if (character.hazard && !space) {
            return refuse(reader, hin_view_sub(text, at, 1), HIN_SYNTAX,
                          character.stray ? "this byte is no UTF-8"
                                          : "a control character: take it out");
        }
        at += character.size;
    }
    return hin_ok();
}

/* Lines into one: with a space between words, and none beside a character beyond ASCII, since
 * Japanese has none. */
static HIN_RESULT put_text(const struct reader *reader, struct hin_view value,
                           struct hin_view *ret_text)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf joined = {.max = HIN_CATALOGUE_FILE_MAX};
    struct hin_view line;
    HIN_TRY(check_characters(reader, value));
    for (struct hin_view rest = value; hin_view_split(&rest, '\n', &line);) {
        line = hin_view_trim(line);
        if (line.size == 0) {
            continue;
        }
        bool beyond =
            joined.size > 0 && (joined.data[joined.size - 1] >= 0x80 || line.data[0] >= 0x80);
        if (joined.size > 0 && !beyond) {
            HIN_TRY(hin_buf_append_byte(&joined, ' '));
        }
        HIN_TRY(hin_buf_append(&joined, line));
    }
    return hin_arena_copy(&reader->catalogue->arena, hin_buf_view(&joined), ret_text);
}

/* ---- fields of a paragraph ---- */

static const struct field *find(const struct reader *reader, const char *key)
{
    for (size_t i = 0; i < reader->field_count; i++) {
        if (hin_view_is(reader->fields[i].key, key)) {
            return &reader->fields[i];
        }
    }
    return NULL;
}

static HIN_RESULT need(const struct reader *reader, const char *key, struct hin_view *ret_value)
{
    const struct field *field = find(reader, key);
    if (field == NULL) {
        return refuse(reader, reader->fields[0].key, HIN_INVALID,
                      "\"%.*s\" says no \"%s\": add that line",
                      HIN_ARGS(shown(reader->fields[0].value)), key);
    }
    if (field->value.size == 0) {
        return refuse(reader, field->key, HIN_INVALID, "\"%s\" is empty", key);
    }
    *ret_value = field->value;
    return hin_ok();
}

static HIN_RESULT need_texts(const struct reader *reader, struct hin_text *ret_text)
{
    for (unsigned i = 0; i < HIN_LANGUAGE_COUNT; i++) {
        struct hin_view value;
        HIN_TRY(need(reader, hin_language_name((enum hin_language)i), &value));
        HIN_TRY(put_text(reader, value, &ret_text->in[i]));
    }
    return hin_ok();
}

/* Optional, in both languages or in none. */
static HIN_RESULT opt_note(const struct reader *reader, struct hin_text *ret_text)
{
    static const char *const keys[HIN_LANGUAGE_COUNT] = {"note-en", "note-ja"};
    if (find(reader, keys[0]) == NULL && find(reader, keys[1]) == NULL) {
        return hin_ok();
    }
    for (unsigned i = 0; i < HIN_LANGUAGE_COUNT; i++) {
        struct hin_view value;
        HIN_TRY(need(reader, keys[i], &value));
        HIN_TRY(put_text(reader, value, &ret_text->in[i]));
    }
    return hin_ok();
}

static HIN_RESULT only(const struct reader *reader, const char *const *keys, size_t count)
{
    for (size_t i = 1; i < reader->field_count; i++) {
        bool known = false;
        for (size_t k = 0; k < count && !known; k++) {
            known = hin_view_is(reader->fields[i].key, keys[k]);
        }
        if (!known) {
            return refuse(reader, reader->fields[i].key, HIN_INVALID,
                          "a paragraph of this kind has no line \"%.*s\"",
                          HIN_ARGS(shown(reader->fields[i].key)));
        }
    }
    return hin_ok();
}

static HIN_RESULT room(const struct reader *reader, size_t count, size_t max, const char *what)
{
    return count < max
               ? hin_ok()
               : refuse(reader, reader->fields[0].key, HIN_LIMIT, "more than %zu %s", max, what);
}

static HIN_RESULT twice(const struct reader *reader, struct hin_view name)
{
    return refuse(reader, name, HIN_EXISTS, "\"%.*s\" stands here a second time",
                  HIN_ARGS(shown(name)));
}

/* ---- owners, probes, frameworks ---- */

static const struct hin_role_owner *find_owner(const struct hin_catalogue *catalogue,
                                               struct hin_view id)
{
    for (size_t i = 0; i < catalogue->owner_count; i++) {
        if (hin_view_equal(catalogue->owners[i].id, id)) {
            return &catalogue->owners[i];
        }
    }
    return NULL;
}

static HIN_RESULT read_owner(struct reader *reader)
{
    static const char *const keys[] = {"en", "ja"};
    struct hin_catalogue *catalogue = reader->catalogue;
    struct hin_role_owner owner = {.id = reader->fields[0].value};
    HIN_TRY(only(reader, keys, HIN_COUNT(keys)));
    HIN_TRY(room(reader, catalogue->owner_count, CATALOGUE_OWNERS_MAX, "owners"));
    HIN_TRY(check_name(reader, owner.id));
    if (find_owner(catalogue, owner.id) != NULL) {
        return twice(reader, owner.id);
    }
    HIN_TRY(need_texts(reader, &owner.title));
    catalogue->owners[catalogue->owner_count++] = owner;
    return hin_ok();
}

static HIN_RESULT read_probe(struct reader *reader)
{
    static const char *const keys[] = {"en", "ja"};
    struct hin_catalogue *catalogue = reader->catalogue;
    struct hin_probe_text probe = {.id = reader->fields[0].value};
    HIN_TRY(only(reader, keys, HIN_COUNT(keys)));
    HIN_TRY(room(reader, catalogue->probe_count, CATALOGUE_PROBES_MAX, "probes"));
    HIN_TRY(check_name(reader, probe.id));
    if (hin_catalogue_probe(catalogue, probe.id) != NULL) {
        return twice(reader, probe.id);
    }
    HIN_TRY(need_texts(reader, &probe.text));
    catalogue->probes[catalogue->probe_count++] = probe;
    return hin_ok();
}

static HIN_RESULT read_framework(struct reader *reader)
{
    static const char *const keys[] = {"en", "ja", "note-en", "note-ja"};
    struct hin_catalogue *catalogue = reader->catalogue;
    struct hin_framework framework = {
        .id = reader->fields[0].value,
        .sections = &catalogue->sections[catalogue->section_count],
        .controls = &catalogue->controls[catalogue->control_count],
    };
    HIN_TRY(only(reader, keys, HIN_COUNT(keys)));
    HIN_TRY(room(reader, catalogue->framework_count, CATALOGUE_FRAMEWORKS_MAX, "frameworks"));
    HIN_TRY(check_name(reader, framework.id));
    if (hin_catalogue_framework(catalogue, framework.id) != NULL) {
        return twice(reader, framework.id);
    }
    HIN_TRY(need_texts(reader, &framework.title));
    HIN_TRY(opt_note(reader, &framework.note));
    reader->framework = &catalogue->frameworks[catalogue->framework_count++];
    *reader->framework = framework;
    return hin_ok();
}

static bool has_control(const struct hin_framework *framework, struct hin_view control)
{
    for (size_t i = 0; i < framework->control_count; i++) {
        if (hin_view_equal(framework->controls[i], control)) {
            return true;
        }
    }
    return false;
}

/* Spaces that are none of ASCII: at a glance they separate controls, here they would be a part of
 * one; U+FEFF is one for ECMAScript, whose patterns the exports are judged by. */
static bool is_wide_space(unsigned number)
{
    static const struct {
        unsigned first, last;
    } spaces[] = {{0xa0, 0xa0},     {0x1680, 0x1680}, {0x2000, 0x200a}, {0x2028, 0x2029},
                  {0x202f, 0x202f}, {0x205f, 0x205f}, {0x3000, 0x3000}, {0xfeff, 0xfeff}};
    bool found = false;
    for (size_t i = 0; i < HIN_COUNT(spaces) && !found; i++) {
        found = number >= spaces[i].first && number <= spaces[i].last;
    }
    return found;
}

static HIN_RESULT check_control(const struct reader *reader, struct hin_view name)
{
    HIN_TRY(check_characters(reader, name));
    if (name.size > NAME_MAX_BYTES) {
        return refuse(reader, name, HIN_LIMIT, "a control's name has at most %d bytes",
                      NAME_MAX_BYTES);
    }
    for (size_t at = 0; at < name.size;) {
        struct hin_terminal_character character = hin_terminal_look(name, at);
        if (is_wide_space(character.number)) {
            return refuse(reader, hin_view_sub(name, at, 1), HIN_SYNTAX,
                          "a space that is none of ASCII (U+%04X): controls are separated by "
                          "plain ones",
                          character.number);
        }
        at += character.size;
    }
    return hin_ok();
}

static HIN_RESULT read_controls(struct reader *reader, struct hin_view words)
{
    struct hin_catalogue *catalogue = reader->catalogue;
    struct hin_framework *framework = reader->framework;
    for (struct hin_view word = next_word(&words); word.size > 0; word = next_word(&words)) {
        HIN_TRY(check_control(reader, word));
        if (has_control(framework, word)) {
            return twice(reader, word);
        }
        if (catalogue->control_count == CATALOGUE_CONTROLS_MAX) {
            return refuse(reader, word, HIN_LIMIT, "more than %d controls", CATALOGUE_CONTROLS_MAX);
        }
        catalogue->controls[catalogue->control_count++] = word;
        framework->control_count++;
    }
    return hin_ok();
}

static HIN_RESULT read_section(struct reader *reader)
{
    static const char *const keys[] = {"en", "ja", "controls"};
    struct hin_catalogue *catalogue = reader->catalogue;
    struct hin_framework *framework = reader->framework;
    struct hin_framework_section section = {.id = reader->fields[0].value};
    struct hin_view controls;
    HIN_TRY(only(reader, keys, HIN_COUNT(keys)));
    if (framework == NULL) {
        return refuse(reader, reader->fields[0].key, HIN_INVALID,
                      "a section without a framework before it in this file");
    }
    HIN_TRY(room(reader, catalogue->section_count, CATALOGUE_SECTIONS_MAX, "sections"));
    HIN_TRY(check_characters(reader, section.id));
    HIN_TRY(need_texts(reader, &section.title));
    HIN_TRY(need(reader, "controls", &controls));
    section.first = framework->control_count;
    HIN_TRY(read_controls(reader, controls));
    section.count = framework->control_count - section.first;
    catalogue->sections[catalogue->section_count++] = section;
    framework->section_count++;
    return hin_ok();
}

/* ---- claims ---- */

static HIN_RESULT need_choice(const struct reader *reader, const char *key,
                              const char *(*name_of)(unsigned), unsigned count,
                              unsigned *ret_choice)
{
    struct hin_view value;
    HIN_TRY(need(reader, key, &value));
    for (unsigned i = 0; i < count; i++) {
        if (hin_view_is(value, name_of(i))) {
            *ret_choice = i;
            return hin_ok();
        }
    }
    return refuse(reader, value, HIN_INVALID, "\"%.*s\" is no %s: \"%s\" is one, for instance",
                  HIN_ARGS(shown(value)), key, name_of(0));
}

static const char *service_name(unsigned service)
{
    return hin_claim_service_name((enum hin_claim_service)service);
}

static const char *pillar_name(unsigned pillar)
{
    return hin_claim_pillar_name((enum hin_claim_pillar)pillar);
}

static const char *kind_name(unsigned kind)
{
    return hin_claim_kind_name((enum hin_claim_kind)kind);
}

static HIN_RESULT read_choices(const struct reader *reader, struct hin_claim *claim)
{
    unsigned service = 0, pillar = 0, kind = 0;
    HIN_TRY(need_choice(reader, "service", service_name, HIN_SERVICE_COUNT, &service));
    HIN_TRY(need_choice(reader, "pillar", pillar_name, HIN_PILLAR_COUNT, &pillar));
    HIN_TRY(need_choice(reader, "kind", kind_name, HIN_CLAIM_KIND_COUNT, &kind));
    claim->service = (enum hin_claim_service)service;
    claim->pillar = (enum hin_claim_pillar)pillar;
    claim->kind = (enum hin_claim_kind)kind;
    return hin_ok();
}

static HIN_RESULT read_owner_and_cadence(const struct reader *reader, struct hin_claim *claim)
{
    struct hin_view owner;
    HIN_TRY(need(reader, "owner", &owner));
    claim->owner = find_owner(reader->catalogue, owner);
    if (claim->owner == NULL) {
        return refuse(reader, owner, HIN_NOT_FOUND, "no owner \"%.*s\" stands before this claim",
                      HIN_ARGS(shown(owner)));
    }
    HIN_TRY(need(reader, "cadence", &claim->cadence));
    struct hin_result parsed = hin_time_parse_duration(claim->cadence, &claim->cadence_usec);
    if (!hin_is_ok(parsed) || claim->cadence_usec <= 0) {
        return refuse(reader, claim->cadence, HIN_INVALID,
                      "\"%.*s\" is no time: \"1h\", \"7d\" and \"52w\" are",
                      HIN_ARGS(shown(claim->cadence)));
    }
    return hin_ok();
}

static HIN_RESULT read_rows(const struct reader *reader, struct hin_claim *claim)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf rows = {.max = 256};
    struct hin_view words;
    HIN_TRY(need(reader, "rows", &words));
    HIN_TRY(check_characters(reader, words));
    for (struct hin_view word = next_word(&words); word.size > 0; word = next_word(&words)) {
        struct hin_result added = rows.size > 0 ? hin_buf_append_byte(&rows, ' ') : hin_ok();
        added = hin_is_ok(added) ? hin_buf_append(&rows, word) : added;
        if (!hin_is_ok(added)) {
            return refuse(reader, word, added.code, "the rows have over 256 bytes");
        }
    }
    return hin_arena_copy(&reader->catalogue->arena, hin_buf_view(&rows), &claim->rows);
}

static HIN_RESULT read_claim_probes(const struct reader *reader, struct hin_claim *claim)
{
    const struct field *field = find(reader, "probes");
    struct hin_view words = field != NULL ? field->value : HIN_VIEW_EMPTY;
    for (struct hin_view word = next_word(&words); word.size > 0; word = next_word(&words)) {
        if (hin_catalogue_probe(reader->catalogue, word) == NULL) {
            return refuse(reader, word, HIN_NOT_FOUND, "no probe \"%.*s\" stands before this claim",
                          HIN_ARGS(shown(word)));
        }
        if (hin_claim_hangs_on(claim, word)) {
            return twice(reader, word);
        }
        if (claim->probe_count == HIN_CLAIM_PROBES_MAX) {
            return refuse(reader, word, HIN_LIMIT, "a claim hangs on at most %d probes",
                          HIN_CLAIM_PROBES_MAX);
        }
        claim->probes[claim->probe_count++] = word;
    }
    return hin_ok();
}

/* "4.2.1 4.2.1.1 in part" without its degree, and that. */
static HIN_RESULT cut_degree(const struct reader *reader, struct hin_view *group,
                             enum hin_degree *ret_degree)
{
    for (unsigned i = 0; i < HIN_DEGREE_COUNT; i++) {
        struct hin_view name = hin_view_from_text(hin_degree_name((enum hin_degree)i));
        size_t before = group->size - HIN_MIN(name.size, group->size);
        if (hin_view_ends_with(*group, name) && before > 0 && group->data[before - 1] <= ' ') {
            *group = hin_view_sub(*group, 0, before);
            *ret_degree = (enum hin_degree)i;
            return hin_ok();
        }
    }
    return refuse(reader, *group, HIN_SYNTAX,
                  "controls, then how far: \"automated\", \"in part\" or \"needs a person\"");
}

struct mappings {
    struct hin_claim_mapping items[MAPPINGS_MAX];
    size_t count;
};

static HIN_RESULT add_mapping(const struct reader *reader, struct mappings *mappings,
                              const struct hin_framework *framework, struct hin_view control,
                              enum hin_degree degree)
{
    if (!has_control(framework, control)) {
        return refuse(reader, control, HIN_NOT_FOUND, "%.*s has no control \"%.*s\"",
                      HIN_ARGS(framework->id), HIN_ARGS(shown(control)));
    }
    for (size_t i = 0; i < mappings->count; i++) {
        if (mappings->items[i].framework == framework &&
            hin_view_equal(mappings->items[i].control, control)) {
            return twice(reader, control);
        }
    }
    if (mappings->count == MAPPINGS_MAX) {
        return refuse(reader, control, HIN_LIMIT, "a claim maps to at most %d controls",
                      MAPPINGS_MAX);
    }
    mappings->items[mappings->count++] = (struct hin_claim_mapping){framework, control, degree};
    return hin_ok();
}

static HIN_RESULT read_mapping(const struct reader *reader, const struct hin_claim *claim,
                               struct mappings *mappings, const struct hin_framework *framework,
                               struct hin_view value)
{
    struct hin_view group;
    while (hin_view_split(&value, ';', &group)) {
        enum hin_degree degree = HIN_DEGREE_PERSON;
        group = hin_view_trim(group);
        HIN_TRY(cut_degree(reader, &group, &degree));
        if (degree != HIN_DEGREE_PERSON && claim->probe_count == 0) {
            return refuse(reader, group, HIN_INVALID,
                          "nothing looks at this claim by itself: until it hangs on a probe it "
                          "\"needs a person\"");
        }
        for (struct hin_view word = next_word(&group); word.size > 0; word = next_word(&group)) {
            HIN_TRY(add_mapping(reader, mappings, framework, word, degree));
        }
    }
    return hin_ok();
}

static HIN_RESULT check_claim_keys(const struct reader *reader)
{
    static const char *const keys[] = {"service", "pillar", "kind", "owner", "cadence",
                                       "rows",    "probes", "en",   "ja"};
    for (size_t i = 1; i < reader->field_count; i++) {
        struct hin_view key = reader->fields[i].key;
        bool known = hin_catalogue_framework(reader->catalogue, key) != NULL;
        for (size_t k = 0; k < HIN_COUNT(keys) && !known; k++) {
            known = hin_view_is(key, keys[k]);
        }
        if (!known) {
            return refuse(reader, key, HIN_INVALID,
                          "\"%.*s\" is neither a line of claims nor a framework that stands before",
                          HIN_ARGS(shown(key)));
        }
    }
    return hin_ok();
}

static HIN_RESULT read_mappings(const struct reader *reader, struct hin_claim *claim)
{
    struct hin_catalogue *catalogue = reader->catalogue;
    struct mappings mappings = {.count = 0};
    struct hin_claim_mapping *copy = NULL;
    for (size_t i = 0; i < catalogue->framework_count; i++) {
        const struct hin_framework *framework = &catalogue->frameworks[i];
        for (size_t k = 1; k < reader->field_count; k++) {
            if (hin_view_equal(reader->fields[k].key, framework->id)) {
                HIN_TRY(read_mapping(reader, claim, &mappings, framework, reader->fields[k].value));
            }
        }
    }
    if (mappings.count == 0 && claim->kind == HIN_CLAIM_PROBE) {
        return refuse(reader, reader->fields[0].value, HIN_INVALID,
                      "a claim of kind probe answers some control: add a line that begins with a "
                      "framework's name");
    }
    HIN_TRY(HIN_ARENA_ARRAY(&catalogue->arena, HIN_MAX(mappings.count, (size_t)1), &copy));
    hin_copy(copy, mappings.items, mappings.count * sizeof(*copy));
    claim->mappings = copy;
    claim->mapping_count = mappings.count;
    return hin_ok();
}

/* "S19": a letter and digits. */
static HIN_RESULT check_claim_id(const struct reader *reader, struct hin_view id)
{
    bool good = id.size > 1 && id.size < HIN_CLAIM_ID_MAX && id.data[0] >= 'A' && id.data[0] <= 'Z';
    for (size_t i = 1; i < id.size && good; i++) {
        good = id.data[i] >= '0' && id.data[i] <= '9';
    }
    return good ? hin_ok()
                : refuse(reader, id, HIN_SYNTAX, "a claim's name is a capital letter and digits");
}

static HIN_RESULT read_claim(struct reader *reader)
{
    struct hin_catalogue *catalogue = reader->catalogue;
    struct hin_claim claim = {.id = reader->fields[0].value};
    HIN_TRY(check_claim_keys(reader));
    HIN_TRY(room(reader, catalogue->claim_count, HIN_CATALOGUE_CLAIMS_MAX, "claims"));
    HIN_TRY(check_claim_id(reader, claim.id));
    if (hin_catalogue_claim(catalogue, claim.id) != NULL) {
        return twice(reader, claim.id);
    }
    HIN_TRY(read_choices(reader, &claim));
    HIN_TRY(read_owner_and_cadence(reader, &claim));
    HIN_TRY(read_rows(reader, &claim));
    HIN_TRY(read_claim_probes(reader, &claim));
    HIN_TRY(need_texts(reader, &claim.statement));
    HIN_TRY(read_mappings(reader, &claim));
    catalogue->claims[catalogue->claim_count++] = claim;
    return hin_ok();
}

/* ---- paragraphs ---- */

static const struct {
    const char *key;
    HIN_RESULT (*read)(struct reader *reader);
} paragraphs[] = {
    {"owner", read_owner},     {"probe", read_probe}, {"framework", read_framework},
    {"section", read_section}, {"claim", read_claim},
};

static HIN_RESULT end_paragraph(struct reader *reader)
{
    if (reader->field_count == 0) {
        return hin_ok();
    }
    struct field first = reader->fields[0];
    for (size_t i = 0; i < HIN_COUNT(paragraphs); i++) {
        if (hin_view_is(first.key, paragraphs[i].key)) {
            if (first.value.size == 0) {
                return refuse(reader, first.key, HIN_INVALID, "\"%s\" is empty", paragraphs[i].key);
            }
            HIN_TRY(paragraphs[i].read(reader));
            reader->field_count = 0;
            return hin_ok();
        }
    }
    return refuse(reader, first.key, HIN_INVALID,
                  "\"%.*s\": a paragraph begins with owner, probe, framework, section or claim",
                  HIN_ARGS(shown(first.key)));
}

static HIN_RESULT begin_field(struct reader *reader, struct hin_view line)
{
    size_t colon = hin_view_find_byte(line, ':');
    if (colon == SIZE_MAX || colon == 0) {
        return refuse(reader, line, HIN_SYNTAX,
                      "neither \"key: value\", nor a comment (#), nor the continuation of a value "
                      "(begins with a space)");
    }
    struct field field = {hin_view_sub(line, 0, colon),
                          hin_view_trim(hin_view_sub(line, colon + 1, line.size))};
    for (size_t i = 0; i < reader->field_count; i++) {
        if (hin_view_equal(reader->fields[i].key, field.key)) {
            return twice(reader, field.key);
        }
    }
    if (reader->field_count == FIELDS_MAX) {
        return refuse(reader, line, HIN_LIMIT, "a paragraph has at most %d lines of its own",
                      FIELDS_MAX);
    }
    reader->fields[reader->field_count++] = field;
    return hin_ok();
}

/* The value before now reaches to the end of this line; both lie in the same text. */
static HIN_RESULT extend_field(struct reader *reader, struct hin_view line, bool open)
{
    struct hin_view more = hin_view_trim(line);
    if (!open) {
        return refuse(reader, more, HIN_SYNTAX,
                      "this line goes on with nothing: take the space "
                      "before it away, or the comment above it");
    }
    struct field *field = &reader->fields[reader->field_count - 1];
    if (field->value.size == 0) {
        field->value = more;
    } else {
        field->value =
            hin_view_of(field->value.data, (size_t)(more.data + more.size - field->value.data));
    }
    return hin_ok();
}

HIN_RESULT hin_catalogue_read(struct hin_catalogue *catalogue, struct hin_view text,
                              const char *name, struct hin_error *error)
{
    struct reader reader = {.catalogue = catalogue, .text = text, .name = name, .error = error};
    struct hin_view rest = text, line;
    bool open = false; /* may the next line go on with a value? */
    while (hin_view_split(&rest, '\n', &line)) {
        struct hin_view trimmed = hin_view_trim(line);
        if (trimmed.size == 0) {
            HIN_TRY(end_paragraph(&reader));
            open = false;
        } else if (line.data[0] == '#') {
            open = false;
        } else if (line.data[0] == ' ' || line.data[0] == '\t') {
            HIN_TRY(extend_field(&reader, line, open));
        } else {
            HIN_TRY(begin_field(&reader, line));
            open = true;
        }
    }
    return end_paragraph(&reader);
}
