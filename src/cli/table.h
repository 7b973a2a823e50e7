/* Rows for people: columns as wide as their widest cell. Control characters in cells are shown as
 * dots, so that what a host sent cannot drive the terminal. */
#ifndef HIN_CLI_TABLE_H
#define HIN_CLI_TABLE_H

#include <stdio.h>

#include "base/arena.h"
#include "base/result.h"
#include "base/view.h"

#define HIN_TABLE_COLUMNS_MAX 10

struct hin_table_row {
    struct hin_table_row *next;
    struct hin_view cells[HIN_TABLE_COLUMNS_MAX];
};

struct hin_table {
    struct hin_arena arena;
    size_t column_count;
    struct hin_table_row *first;
    struct hin_table_row *last;
};

/* headings: column_count texts, the first row. */
HIN_RESULT hin_table_init(struct hin_table *table, const char *const *headings,
                          size_t column_count);
void hin_table_done(struct hin_table *table);
/* Cells are copied. */
HIN_RESULT hin_table_add(struct hin_table *table, const struct hin_view *cells);
void hin_table_print(const struct hin_table *table, FILE *out);

/* A JSON member as a cell: text, number, or "-" when absent. The result may lie in the table's
 * arena. */
struct hin_json;
struct hin_view hin_table_cell(struct hin_table *table, struct hin_json object, const char *key);
/* The same for a time in milliseconds: "2026-11-22 22:24:46Z". */
struct hin_view hin_table_time_cell(struct hin_table *table, struct hin_json object,
                                    const char *key);

#endif
