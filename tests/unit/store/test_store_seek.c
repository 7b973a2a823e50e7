/* Looking for texts in the forms in which they could lie somewhere in the clear. The encoded ones
 * were made by Python's base64, hex and codecs. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "harness.h"
#include "store/seek.h"

static const struct {
    const char *form;
    struct hin_view bytes;
} rows[] = {
    {"as it is",
     {(const uint8_t *)"\056\056\056\143\141\156\141\162\171\040\303\244\360\237\224\245\040\146"
                       "\157\165\156\144\056\056\056",
      25}},
    {"as hex",
     {(const uint8_t
           *)"\060\170\066\063\066\061\066\145\066\061\067\062\067\071\062\060\143\063\141\064\146"
             "\060\071\146\071\064\141\065\062\060\066\066\066\146\067\065\066\145\066\064",
      40}},
    {"as hex",
     {(const uint8_t
           *)"\066\063\066\061\066\105\066\061\067\062\067\071\062\060\103\063\101\064\106\060\071"
             "\106\071\064\101\065\062\060\066\066\066\106\067\065\066\105\066\064\041",
      39}},
    {"as base64",
     {(const uint8_t *)"\131\062\106\165\131\130\112\065\111\115\117\153\070\112\053\125\160\123"
                       "\102\155\142\063\126\165\132\101\075\075",
      28}},
    {"as base64",
     {(const uint8_t *)"\143\107\116\150\142\155\106\171\145\123\104\104\160\120\103\146\154\113"
                       "\125\147\132\155\071\061\142\155\122\170",
      28}},
    {"as base64",
     {(const uint8_t *)"\143\110\106\152\131\127\065\150\143\156\153\147\167\066\124\167\156\065"
                       "\123\154\111\107\132\166\144\127\065\153\143\156\115\075",
      32}},
    {"as base64",
     {(const uint8_t *)"\120\172\071\152\131\127\065\150\143\156\153\147\167\066\124\167\156\065"
                       "\123\154\111\107\132\166\144\127\065\153",
      28}},
    {"as UTF-16",
     {(const uint8_t *)"\377\376\143\000\141\000\156\000\141\000\162\000\171\000\040\000\344\000"
                       "\075\330\045\335\040\000\146\000\157\000\165\000\156\000\144\000",
      34}},
    {"as UTF-16",
     {(const uint8_t *)"\376\377\000\143\000\141\000\156\000\141\000\162\000\171\000\040\000\344"
                       "\330\075\335\045\000\040\000\146\000\157\000\165\000\156\000\144",
      34}},
};
static const struct hin_view needle = {
    (const uint8_t *)"\143\141\156\141\162\171\040\303\244\360\237\224\245\040\146\157\165\156\144",
    19};

TEST(test_store_seek__finds_each_form_wherever_it_begins)
{
    HIN_CLEANUP(hin_seek_done) struct hin_seek seek = {0};
    for (size_t i = 0; i < HIN_COUNT(rows); i++) {
        for (size_t before = 0; before < 9; before++) {
            HIN_CLEANUP(hin_buf_done) struct hin_buf bytes = {.max = 4096};
            struct hin_store_search search = {.found_first = 1};
            CHECK_OK(hin_seek_init(&seek, &needle, 1, HIN_VIEW("control")));
            CHECK_OK(hin_buf_append(&bytes, hin_view_sub(HIN_VIEW("AbcdEFGh9"), 0, before)));
            CHECK_OK(hin_buf_append(&bytes, rows[i].bytes));
            hin_seek_look(&seek, hin_buf_view(&bytes));
            hin_seek_tell(&seek, &search);
            CHECK_INT((int)search.found_count, 1);
            CHECK(search.found_first == 0 && search.form != NULL);
            CHECK(strcmp(search.form, rows[i].form) == 0);
            CHECK(!search.control);
            hin_seek_done(&seek);
            seek = (struct hin_seek){0};
        }
    }
}

TEST(test_store_seek__finds_what_our_own_code_compresses_and_nothing_in_what_is_cut_off)
{
    static const struct hin_view long_one = HIN_VIEW(
        "hinomi canary hinomi canary hinomi canary hinomi canary hinomi canary hinomi canary");
    HIN_CLEANUP(hin_seek_done) struct hin_seek seek = {0};
    uint8_t frame[512];
    size_t size = ZSTD_compress(frame, sizeof(frame), long_one.data, long_one.size, 1);
    struct hin_store_search search = {.found_first = 1};
    CHECK(!ZSTD_isError(size) && size < long_one.size);
    CHECK_OK(hin_seek_init(&seek, &long_one, 1, HIN_VIEW("control")));
    hin_seek_look(&seek, hin_view_of(frame, size - 1));
    hin_seek_look(&seek, hin_view_sub(long_one, 0, long_one.size - 1));
    hin_seek_look(&seek, HIN_VIEW("a control word"));
    hin_seek_tell(&seek, &search);
    CHECK(search.found_count == 0 && search.form == NULL && search.control);
    hin_seek_look(&seek, hin_view_of(frame, size));
    hin_seek_tell(&seek, &search);
    CHECK(search.found_count == 1 && strcmp(search.form, "as zstd") == 0);
}

TEST(test_store_seek__refuses_needles_that_chance_would_find)
{
    HIN_CLEANUP(hin_seek_done) struct hin_seek seek = {0};
    struct hin_view five = HIN_VIEW("fiver");
    CHECK_CODE(hin_seek_init(&seek, &five, 1, HIN_VIEW("control")), INVALID);
}

static HIN_RESULT lay(int folder, const char *name, struct hin_view before, struct hin_view text)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf bytes = {.max = 4 << 20};
    HIN_TRY(hin_buf_append(&bytes, before));
    HIN_TRY(hin_buf_append(&bytes, text));
    return hin_file_replace(folder, name, hin_buf_view(&bytes), 0600);
}

/* As a server's folder of data: folders in it, and files longer than what is read at once. */
TEST(test_store_seek__looks_through_all_files_beneath_a_folder)
{
    static uint8_t much[(1 << 20) + 1000];
    HIN_CLEANUP_FD int folder = -1, inner = -1;
    char path[400];
    struct hin_store_search search;
    snprintf(path, sizeof(path), "%s/files", test_folder());
    CHECK_OK(hin_directory_make(path, 0700));
    CHECK_OK(hin_fd_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0, &folder));
    snprintf(path, sizeof(path), "%s/files/base", test_folder());
    CHECK_OK(hin_directory_make(path, 0700));
    CHECK_OK(hin_fd_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0, &inner));
    CHECK_OK(lay(folder, "clear", HIN_VIEW(""), HIN_VIEW("... last_event ...")));
    CHECK_OK(hin_store_search_files(folder, &needle, 1, &search));
    CHECK(search.control && search.found_count == 0 && search.bytes == 18 && search.unread == 0);
    for (size_t at = (1 << 20) - 40; at < (1 << 20) + 40; at += 7) { /* over the end of a chunk */
        CHECK_OK(lay(inner, "relation", hin_view_of(much, at), rows[1].bytes));
        CHECK_OK(hin_store_search_files(folder, &needle, 1, &search));
        CHECK(search.found_count == 1 && strcmp(search.form, "as hex") == 0);
    }
    CHECK_INT(unlinkat(inner, "relation", 0), 0);
    CHECK_INT(symlinkat("/etc/passwd", folder, "link"), 0);
    CHECK_OK(hin_store_search_files(folder, &needle, 1, &search));
    CHECK(search.found_count == 0 && search.unread == 1);
}
