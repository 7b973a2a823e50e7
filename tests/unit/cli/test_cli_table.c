#include "cli/table.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "data/json.h"
#include "harness.h"

static struct hin_view printed(const struct hin_table *table, char *out, size_t out_bytes)
{
    FILE *file = fmemopen(out, out_bytes, "w");
    if (file == NULL) {
        return HIN_VIEW_EMPTY;
    }
    hin_table_print(table, file);
    fclose(file);
    return hin_view_from_text(out);
}

TEST(test_cli_table__columns_are_as_wide_as_their_widest_cell)
{
    static const char *const headings[] = {"ID", "NAME", "X"};
    HIN_CLEANUP(hin_table_done) struct hin_table table = {0};
    CHECK_OK(hin_table_init(&table, headings, 3));
    struct hin_view cells[] = {HIN_VIEW("1"), HIN_VIEW("\xe7\x81\xab\xe3\x81\xae\xe8\xa6\x8b"),
                               HIN_VIEW("y")};
    CHECK_OK(hin_table_add(&table, cells));
    char out[256] = "";
    CHECK_VIEW(printed(&table, out, sizeof(out)),
               "ID  NAME  X\n1   \xe7\x81\xab\xe3\x81\xae\xe8\xa6\x8b   y\n");
}

TEST(test_cli_table__a_cell_cannot_drive_the_terminal)
{
    static const char *const headings[] = {"A"};
    HIN_CLEANUP(hin_table_done) struct hin_table table = {0};
    CHECK_OK(hin_table_init(&table, headings, 1));
    struct hin_view cells[] = {HIN_VIEW("x\x1b[2Jy\n")};
    CHECK_OK(hin_table_add(&table, cells));
    char out[256] = "";
    CHECK_VIEW(printed(&table, out, sizeof(out)), "A\nx.[2Jy.\n");
}

TEST(test_cli_table__cells_of_json_members)
{
    static const char *const headings[] = {"A"};
    HIN_CLEANUP(hin_table_done) struct hin_table table = {0};
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    CHECK_OK(hin_table_init(&table, headings, 1));
    CHECK_OK(hin_json_parse(
        HIN_VIEW("{\"n\":-7,\"t\":\"x\",\"b\":true,\"e\":\"\",\"ms\":1700000000123}"), 1000,
        &document, NULL));
    struct hin_json root = hin_json_root(document);
    CHECK_VIEW(hin_table_cell(&table, root, "n"), "-7");
    CHECK_VIEW(hin_table_cell(&table, root, "t"), "x");
    CHECK_VIEW(hin_table_cell(&table, root, "b"), "yes");
    CHECK_VIEW(hin_table_cell(&table, root, "e"), "-");
    CHECK_VIEW(hin_table_cell(&table, root, "absent"), "-");
    CHECK_VIEW(hin_table_time_cell(&table, root, "ms"), "2023-11-14T22:13:20Z");
}

TEST(test_cli_table__refuses_more_columns_than_it_has)
{
    static const char *const headings[HIN_TABLE_COLUMNS_MAX + 1] = {"A"};
    struct hin_table table = {0};
    CHECK_CODE(hin_table_init(&table, headings, HIN_TABLE_COLUMNS_MAX + 1), LIMIT);
}
