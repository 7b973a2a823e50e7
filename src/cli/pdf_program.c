/* hinomi-pdf: sets a printout (trust/printout.h) from standard input as a PDF on standard output. A
 * program of its own: Pango and Cairo, which break lines of Japanese and choose fonts, bring two
 * dozen libraries, which nothing else of Hinomi should load. */
#include <cairo-pdf.h>
#include <pango/pangocairo.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "base/time.h"
#include "data/json.h"

#define A4_WIDTH   595.276
#define A4_HEIGHT  841.890
#define MARGIN     48.0
#define LINE_WIDTH (A4_WIDTH - 2 * MARGIN)
#define BOTTOM     (A4_HEIGHT - MARGIN - 18)
#define CELL_GAP   4.0

enum { PAPER_MAX = 8 * 1024 * 1024, COLUMNS_MAX = 8 };

/* How a kind of block looks. */
struct look {
    const char *kind, *font, *tag;
    double above, below;
};
static const struct look looks[] = {
    {"h1", "Sans Bold 18", "H1", 0, 8},
    {"h2", "Sans Bold 13", "H2", 14, 5},
    {"p", "Sans 10", "P", 0, 5},
    {"small", "Sans 8", "P", 0, 3},
};
static const char head_font[] = "Sans Bold 8.5", row_font[] = "Sans 8.5", foot_font[] = "Sans 7.5";

struct table {
    size_t column_count;
    double widths[COLUMNS_MAX];
    struct hin_json head; /* said again on each page; node NULL: none */
};

struct paper {
    cairo_t *cairo;
    PangoContext *context;
    char footer[256];
    const char *language;
    double y;
    unsigned page;
    unsigned unknown, boxes; /* characters that no font has: in our own words, in cells */
    struct table table;
    struct hin_error *error;
};

/* ---- text ---- */

static PangoLayout *lay_out(struct paper *paper, struct hin_view text, const char *font,
                            double width)
{
    PangoLayout *layout = pango_layout_new(paper->context);
    PangoFontDescription *description = pango_font_description_from_string(font);
    pango_layout_set_font_description(layout, description);
    pango_font_description_free(description);
    pango_layout_set_width(layout, (int)(width * PANGO_SCALE));
    pango_layout_set_wrap(layout, PANGO_WRAP_WORD_CHAR);
    pango_layout_set_text(layout, text.size > 0 ? (const char *)text.data : "", (int)text.size);
    paper->boxes += (unsigned)pango_layout_get_unknown_glyphs_count(layout);
    return layout;
}

static double line_height(PangoLayoutLine *line)
{
    PangoRectangle logical;
    pango_layout_line_get_extents(line, NULL, &logical);
    return (double)logical.height / PANGO_SCALE;
}

/* The line with its upper edge at y. */
static void draw_line(struct paper *paper, PangoLayoutLine *line, double x, double y)
{
    PangoRectangle logical;
    pango_layout_line_get_extents(line, NULL, &logical);
    cairo_move_to(paper->cairo, x, y - (double)logical.y / PANGO_SCALE);
    pango_cairo_show_layout_line(paper->cairo, line);
}

/* ---- pages ---- */

static void draw_footer(struct paper *paper)
{
    char number[32];
    (void)snprintf(number, sizeof(number), "%u", paper->page);
    struct hin_view texts[] = {hin_view_from_text(paper->footer), hin_view_from_text(number)};
    PangoAlignment sides[] = {PANGO_ALIGN_LEFT, PANGO_ALIGN_RIGHT};
    for (size_t i = 0; i < HIN_COUNT(texts); i++) {
        PangoLayout *layout = lay_out(paper, texts[i], foot_font, LINE_WIDTH);
        pango_layout_set_alignment(layout, sides[i]);
        cairo_move_to(paper->cairo, MARGIN, A4_HEIGHT - MARGIN);
        pango_cairo_show_layout(paper->cairo, layout);
        g_object_unref(layout);
    }
}

static void next_page(struct paper *paper)
{
    draw_footer(paper);
    cairo_show_page(paper->cairo);
    paper->page++;
    paper->y = MARGIN;
}

/* ---- blocks ---- */

static void draw_text(struct paper *paper, const struct look *look, struct hin_view text)
{
    PangoLayout *layout = lay_out(paper, text, look->font, LINE_WIDTH);
    paper->unknown += (unsigned)pango_layout_get_unknown_glyphs_count(layout);
    int count = pango_layout_get_line_count(layout);
    /* A heading does not stand at a page's end by itself. */
    double wanted = look->tag[0] == 'H' ? 72 : 0;
    if (paper->y > MARGIN && paper->y + look->above + wanted > BOTTOM) {
        next_page(paper);
    }
    paper->y += paper->y > MARGIN ? look->above : 0;
    cairo_tag_begin(paper->cairo, look->tag, NULL);
    for (int i = 0; i < count; i++) {
        PangoLayoutLine *line = pango_layout_get_line_readonly(layout, i);
        double height = line_height(line);
        if (paper->y > MARGIN && paper->y + height > BOTTOM) {
            cairo_tag_end(paper->cairo, look->tag);
            next_page(paper);
            cairo_tag_begin(paper->cairo, look->tag, NULL);
        }
        draw_line(paper, line, MARGIN, paper->y);
        paper->y += height;
    }
    cairo_tag_end(paper->cairo, look->tag);
    paper->y += look->below;
    g_object_unref(layout);
}

static void draw_rule(struct paper *paper, double y)
{
    cairo_set_line_width(paper->cairo, 0.4);
    cairo_move_to(paper->cairo, MARGIN, y);
    cairo_line_to(paper->cairo, MARGIN + LINE_WIDTH, y);
    cairo_stroke(paper->cairo);
}

struct cell {
    PangoLayout *layout;
    int line, line_count;
};

/* As many lines of a cell as fit above the bottom; answers where they end. */
static double draw_cell(struct paper *paper, struct cell *cell, double x, double from)
{
    double y = from;
    while (cell->line < cell->line_count) {
        PangoLayoutLine *line = pango_layout_get_line_readonly(cell->layout, cell->line);
        double height = line_height(line);
        if (y + height > BOTTOM && (y > from || from > MARGIN + 60)) {
            break;
        }
        draw_line(paper, line, x, y);
        y += height;
        cell->line++;
    }
    return y;
}

static void draw_cells(struct paper *paper, struct cell *cells, const char *tag)
{
    double x = MARGIN, from = paper->y + 2, end = from;
    cairo_tag_begin(paper->cairo, "TR", NULL);
    for (size_t i = 0; i < paper->table.column_count; i++) {
        cairo_tag_begin(paper->cairo, tag, NULL);
        double y = draw_cell(paper, &cells[i], x, from);
        cairo_tag_end(paper->cairo, tag);
        end = HIN_MAX(end, y);
        x += paper->table.widths[i];
    }
    cairo_tag_end(paper->cairo, "TR");
    paper->y = end + 2;
    draw_rule(paper, paper->y);
}

static double height_of(const struct cell *cells, size_t count)
{
    double highest = 0;
    for (size_t i = 0; i < count; i++) {
        double height = 0;
        for (int line = 0; line < cells[i].line_count; line++) {
            height += line_height(pango_layout_get_line_readonly(cells[i].layout, line));
        }
        highest = HIN_MAX(highest, height);
    }
    return highest + 4;
}

static bool is_left(const struct cell *cells, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (cells[i].line < cells[i].line_count) {
            return true;
        }
    }
    return false;
}

static HIN_RESULT make_cells(struct paper *paper, struct hin_json row, const char *font,
                             struct cell cells[COLUMNS_MAX])
{
    for (size_t i = 0; i < paper->table.column_count; i++) {
        struct hin_view text;
        HIN_TRY(hin_json_text(hin_json_at(row, i + 1), &text, paper->error));
        cells[i].layout = lay_out(paper, text, font, paper->table.widths[i] - CELL_GAP);
        cells[i].line_count = pango_layout_get_line_count(cells[i].layout);
    }
    return hin_ok();
}

static HIN_RESULT draw_head(struct paper *paper);

/* A row stands on one page; one that is higher than a page goes on on the next. */
static HIN_RESULT draw_row(struct paper *paper, struct hin_json row, const char *font,
                           const char *tag)
{
    struct cell cells[COLUMNS_MAX] = {{0}};
    struct hin_result result = make_cells(paper, row, font, cells);
    double height = hin_is_ok(result) ? height_of(cells, paper->table.column_count) : 0;
    if (paper->y + height > BOTTOM && height < BOTTOM - MARGIN - 60) {
        paper->y = BOTTOM;
    }
    while (hin_is_ok(result) && is_left(cells, paper->table.column_count)) {
        if (paper->y + 14 > BOTTOM) {
            next_page(paper);
            result = draw_head(paper);
        }
        if (hin_is_ok(result)) {
            draw_cells(paper, cells, tag);
        }
        if (is_left(cells, paper->table.column_count)) {
            paper->y = BOTTOM;
        }
    }
    for (size_t i = 0; i < COLUMNS_MAX; i++) {
        g_clear_object(&cells[i].layout);
    }
    return result;
}

static HIN_RESULT draw_head(struct paper *paper)
{
    struct hin_json head = paper->table.head;
    if (head.node == NULL) {
        return hin_ok();
    }
    paper->table.head.node = NULL; /* the head's own row repeats none */
    struct hin_result result = draw_row(paper, head, head_font, "TH");
    paper->table.head = head;
    return result;
}

static void end_table(struct paper *paper)
{
    if (paper->table.column_count > 0) {
        cairo_tag_end(paper->cairo, "Table");
    }
    paper->table = (struct table){.column_count = 0};
}

static HIN_RESULT begin_table(struct paper *paper, struct hin_json block, size_t count)
{
    struct table table = {.column_count = count - 1};
    end_table(paper);
    if (table.column_count == 0 || table.column_count > COLUMNS_MAX) {
        return hin_json_refuse(block, paper->error, HIN_INVALID, "1 to %d columns", COLUMNS_MAX);
    }
    for (size_t i = 0; i < table.column_count; i++) {
        int64_t width = 0;
        HIN_TRY(hin_json_integer(hin_json_at(block, i + 1), 10, 1000, &width, paper->error));
        table.widths[i] = LINE_WIDTH * (double)width / 1000;
    }
    paper->table = table;
    cairo_tag_begin(paper->cairo, "Table", NULL);
    paper->y += 2;
    return hin_ok();
}

static HIN_RESULT draw_block(struct paper *paper, struct hin_json block)
{
    struct hin_view kind, text;
    size_t count = 0;
    HIN_TRY(hin_json_array(block, &count, paper->error));
    HIN_TRY(hin_json_text(hin_json_at(block, 0), &kind, paper->error));
    for (size_t i = 0; i < HIN_COUNT(looks); i++) {
        if (hin_view_is(kind, looks[i].kind)) {
            HIN_TRY(hin_json_text(hin_json_at(block, 1), &text, paper->error));
            end_table(paper);
            draw_text(paper, &looks[i], text);
            return hin_ok();
        }
    }
    if (hin_view_is(kind, "columns")) {
        return begin_table(paper, block, count);
    }
    bool head = hin_view_is(kind, "head");
    if ((!head && !hin_view_is(kind, "row")) || paper->table.column_count == 0) {
        return hin_json_refuse(block, paper->error, HIN_INVALID, "no block of a printout");
    }
    if (head) {
        paper->table.head = block;
        if (paper->y + 48 > BOTTOM) {
            next_page(paper); /* not without a row below it */
        }
        return draw_head(paper);
    }
    return draw_row(paper, block, row_font, "TD");
}

/* ---- the document ---- */

static cairo_status_t write_out(void *closure, const unsigned char *data, unsigned int length)
{
    (void)closure;
    return hin_is_ok(hin_fd_write_all(STDOUT_FILENO, hin_view_of(data, length)))
               ? CAIRO_STATUS_SUCCESS
               : CAIRO_STATUS_WRITE_ERROR;
}

static HIN_RESULT put_metadata(cairo_surface_t *surface, struct hin_json root,
                               struct hin_error *error)
{
    struct hin_view title;
    int64_t at_msec = 0;
    char text[256], when[40];
    HIN_TRY(hin_json_get_text(root, "title", &title, error));
    HIN_TRY(hin_json_get_integer(root, "at", 0, INT64_MAX / HIN_MSEC_USEC, &at_msec, error));
    HIN_TRY(hin_view_to_text(title, text, sizeof(text)));
    hin_time_format_rfc3339(at_msec * HIN_MSEC_USEC, 0, when, sizeof(when));
    cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_TITLE, text);
    cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_CREATOR, "Hinomi " HIN_VERSION);
    cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_CREATE_DATE, when);
    return hin_ok();
}

static HIN_RESULT draw_all(struct paper *paper, struct hin_json root, struct hin_error *error)
{
    struct hin_json blocks;
    struct hin_view footer, language;
    size_t count = 0;
    HIN_TRY(hin_json_get_text(root, "footer", &footer, error));
    HIN_TRY(hin_view_to_text(footer, paper->footer, sizeof(paper->footer)));
    HIN_TRY(hin_json_get_text(root, "language", &language, error));
    pango_context_set_language(
        paper->context, pango_language_from_string(hin_view_is(language, "ja") ? "ja" : "en"));
    HIN_TRY(hin_json_get_array(root, "blocks", &blocks, &count, error));
    for (size_t i = 0; i < count; i++) {
        HIN_TRY(draw_block(paper, hin_json_at(blocks, i)));
    }
    end_table(paper);
    draw_footer(paper);
    cairo_show_page(paper->cairo);
    return hin_ok();
}

static HIN_RESULT make_pdf(struct hin_json root, struct hin_error *error)
{
    struct paper paper = {.y = MARGIN, .page = 1, .error = error};
    cairo_surface_t *surface =
        cairo_pdf_surface_create_for_stream(write_out, NULL, A4_WIDTH, A4_HEIGHT);
    paper.cairo = cairo_create(surface);
    paper.context = pango_cairo_create_context(paper.cairo);
    struct hin_result result = put_metadata(surface, root, error);
    result = hin_is_ok(result) ? draw_all(&paper, root, error) : result;
    g_object_unref(paper.context);
    cairo_destroy(paper.cairo);
    cairo_surface_finish(surface);
    cairo_status_t status = cairo_surface_status(surface);
    cairo_surface_destroy(surface);
    HIN_TRY(result);
    if (status != CAIRO_STATUS_SUCCESS) {
        return hin_error_set(error, HIN_IO, NULL, 0, 0, "%s", cairo_status_to_string(status));
    }
    if (paper.unknown > 0) {
        return hin_error_set(error, HIN_NOT_FOUND, NULL, 0, 0,
                             "no font here has %u of the characters: install one with Japanese, "
                             "such as fonts-ipafont-gothic or fonts-noto-cjk",
                             paper.unknown);
    }
    if (paper.boxes > 0) {
        fprintf(stderr, "hinomi-pdf: no font here has %u of the characters: they are boxes\n",
                paper.boxes);
    }
    return hin_ok();
}

static HIN_RESULT run(struct hin_error *error)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = PAPER_MAX};
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    struct hin_view format;
    int64_t version = 0;
    HIN_TRY(hin_fd_read_all(STDIN_FILENO, &text));
    HIN_TRY(hin_json_parse(hin_buf_view(&text), PAPER_MAX, &document, error));
    struct hin_json root = hin_json_root(document);
    HIN_TRY(hin_json_get_text(root, "format", &format, error));
    HIN_TRY(hin_json_get_integer(root, "version", 1, INT64_MAX, &version, error));
    if (!hin_view_is(format, "hinomi-printout") || version != 1) {
        return hin_error_set(error, HIN_UNSUPPORTED, NULL, 0, 0,
                             "not a printout of this version: take hinomi and hinomi-pdf of one "
                             "version");
    }
    return make_pdf(root, error);
}

int main(int argc, char **argv)
{
    struct hin_error error = {0};
    char text[1200];
    if (argc > 1) {
        bool help = strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0;
        fputs("hinomi-pdf: sets a printout of `hinomi trust export --format pdf` (JSON on standard "
              "input) as a PDF on standard output. hinomi runs it by itself.\n",
              help ? stdout : stderr);
        return help ? 0 : 2;
    }
    struct hin_result result = run(&error);
    if (hin_is_ok(result)) {
        return 0;
    }
    if (error.text[0] == '\0') {
        result = hin_error_set(&error, result.code, NULL, 0, 0, "%s", hin_code_text(result.code));
    }
    hin_error_format(&error, text, sizeof(text));
    fprintf(stderr, "hinomi-pdf: %s\n", text);
    return 1;
}
