#include "cli/table.h"

#include "base/bytes.h"
#include "base/time.h"
#include "data/json.h"

#define TABLE_BYTES ((size_t)256 * 1024 * 1024)

struct hin_result hin_table_init(struct hin_table *table, const char *const *headings,
                                 size_t column_count)
{
    HIN_ENSURE(column_count > 0 && column_count <= HIN_TABLE_COLUMNS_MAX, LIMIT);
    *table = (struct hin_table){.column_count = column_count};
    hin_arena_init(&table->arena, TABLE_BYTES);
    struct hin_view cells[HIN_TABLE_COLUMNS_MAX];
    for (size_t i = 0; i < column_count; i++) {
        cells[i] = hin_view_from_text(headings[i]);
    }
    return hin_table_add(table, cells);
}

void hin_table_done(struct hin_table *table)
{
    hin_arena_done(&table->arena);
    *table = (struct hin_table){0};
}

struct hin_result hin_table_add(struct hin_table *table, const struct hin_view *cells)
{
    struct hin_table_row *row = NULL;
    HIN_TRY(HIN_ARENA_NEW(&table->arena, &row));
    for (size_t i = 0; i < table->column_count; i++) {
        HIN_TRY(hin_arena_copy(&table->arena, cells[i], &row->cells[i]));
    }
    if (table->last != NULL) {
        table->last->next = row;
    } else {
        table->first = row;
    }
    table->last = row;
    return hin_ok();
}

/* Characters, not bytes: UTF-8 continuation bytes take no room. */
static size_t width_of(struct hin_view cell)
{
    size_t width = 0;
    for (size_t i = 0; i < cell.size; i++) {
        width += (cell.data[i] & 0xc0) != 0x80 ? 1 : 0;
    }
    return width;
}

/* Is what begins here a character that a terminal must not get? Its bytes and its number. */
static size_t hazard_at(struct hin_view text, size_t at, unsigned *ret_character)
{
    static const struct {
        unsigned first, last;
    } hazards[] = {{0, 0x1f},        {0x7f, 0x9f},     {0x61c, 0x61c},
                   {0x200e, 0x200f}, {0x202a, 0x202e}, {0x2066, 0x2069}};
    const uint8_t *byte = text.data + at;
    unsigned character = byte[0];
    size_t size = 1;
    if ((byte[0] & 0xe0) == 0xc0 && at + 1 < text.size) {
        character = (byte[0] & 0x1fU) << 6 | (byte[1] & 0x3fU);
        size = 2;
    } else if ((byte[0] & 0xf0) == 0xe0 && at + 2 < text.size) {
        character = (byte[0] & 0x0fU) << 12 | (byte[1] & 0x3fU) << 6 | (byte[2] & 0x3fU);
        size = 3;
    } else if (byte[0] >= 0x80) { /* more bytes, whose first tells; or one that is none of UTF-8 */
        return 0;
    }
    for (size_t i = 0; i < HIN_COUNT(hazards); i++) {
        if (character >= hazards[i].first && character <= hazards[i].last) {
            *ret_character = character;
            return size;
        }
    }
    return 0;
}

bool hin_table_show(struct hin_view text, FILE *out)
{
    for (size_t i = 0; i < text.size;) {
        unsigned character = 0;
        size_t size = hazard_at(text, i, &character);
        if (size == 0 || character == '\t' || character == '\n') {
            fputc(text.data[i++], out);
        } else {
            fprintf(out, "\\u%04x", character);
            i += size;
        }
    }
    return ferror(out) == 0;
}

static void put_cell(struct hin_view cell, size_t pad, FILE *out)
{
    for (size_t i = 0; i < cell.size;) {
        unsigned character = 0;
        size_t size = hazard_at(cell, i, &character);
        fputc(size > 0 ? '.' : cell.data[i], out);
        i += HIN_MAX(size, (size_t)1);
    }
    for (size_t i = 0; i < pad; i++) {
        fputc(' ', out);
    }
}

void hin_table_print(const struct hin_table *table, FILE *out)
{
    size_t widths[HIN_TABLE_COLUMNS_MAX] = {0};
    for (const struct hin_table_row *row = table->first; row != NULL; row = row->next) {
        for (size_t i = 0; i < table->column_count; i++) {
            widths[i] = HIN_MAX(widths[i], width_of(row->cells[i]));
        }
    }
    for (const struct hin_table_row *row = table->first; row != NULL; row = row->next) {
        for (size_t i = 0; i < table->column_count; i++) {
            bool last = i + 1 == table->column_count;
            put_cell(row->cells[i], last ? 0 : widths[i] - width_of(row->cells[i]) + 2, out);
        }
        fputc('\n', out);
    }
}

struct hin_view hin_table_cell(struct hin_table *table, struct hin_json object, const char *key)
{
    struct hin_json value;
    struct hin_view text = HIN_VIEW("-");
    int64_t integer = 0;
    bool boolean = false;
    if (!hin_json_find(object, key, &value)) {
        return text;
    }
    if (hin_is_ok(hin_json_integer(value, INT64_MIN, INT64_MAX, &integer, NULL))) {
        HIN_IGNORE(hin_arena_printf(&table->arena, &text, "%lld",
                                    (long long)integer)); /* "-" then stays */
    } else if (hin_is_ok(hin_json_boolean(value, &boolean, NULL))) {
        return boolean ? HIN_VIEW("yes") : HIN_VIEW("no");
    } else {
        HIN_IGNORE(hin_json_text(value, &text, NULL));
    }
    return text.size > 0 ? text : HIN_VIEW("-");
}

struct hin_view hin_table_time_cell(struct hin_table *table, struct hin_json object,
                                    const char *key)
{
    int64_t msec = 0;
    struct hin_view text = HIN_VIEW("-");
    if (!hin_is_ok(hin_json_opt_integer(object, key, 0, INT64_MAX / 1000, &msec, NULL)) ||
        msec == 0) {
        return text;
    }
    char formatted[32];
    hin_time_format_rfc3339(msec * HIN_MSEC_USEC, 0, formatted, sizeof(formatted));
    HIN_IGNORE(
        hin_arena_copy(&table->arena, hin_view_from_text(formatted), &text)); /* "-" then stays */
    return text;
}
