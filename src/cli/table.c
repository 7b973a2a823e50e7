#include "cli/table.h"

#include "base/bytes.h"
#include "base/terminal.h"
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

/* Characters, not bytes. */
static size_t width_of(struct hin_view cell)
{
    size_t width = 0;
    for (size_t i = 0; i < cell.size; width++) {
        i += hin_terminal_look(cell, i).size;
    }
    return width;
}

static void put_cell(struct hin_view cell, size_t pad, FILE *out)
{
    for (size_t i = 0; i < cell.size;) {
        struct hin_terminal_character it = hin_terminal_look(cell, i);
        if (it.hazard) {
            fputc('.', out);
        } else {
            fwrite(cell.data + i, 1, it.size, out);
        }
        i += it.size;
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
