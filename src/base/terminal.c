#include "base/terminal.h"

#include "base/buf.h"
#include "base/bytes.h"

#define LINE_BYTES ((size_t)16 * 1024)

/* The character at the front and its bytes (RFC 3629: no overlong forms, no surrogates, up to
 * U+10FFFF); 0 when there is none. */
static size_t decode(const uint8_t *at, size_t left, unsigned *ret_character)
{
    static const struct {
        uint8_t mask, lead;
        unsigned least;
    } forms[] = {{0x80, 0x00, 0}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};
    for (size_t size = 1; size <= HIN_COUNT(forms); size++) {
        if ((at[0] & forms[size - 1].mask) != forms[size - 1].lead || size > left) {
            continue;
        }
        unsigned character = at[0] & (uint8_t)~forms[size - 1].mask;
        for (size_t i = 1; i < size; i++) {
            if ((at[i] & 0xc0) != 0x80) {
                return 0;
            }
            character = character << 6 | (at[i] & 0x3fU);
        }
        bool surrogate = character >= 0xd800 && character <= 0xdfff;
        if (character < forms[size - 1].least || character > 0x10ffff || surrogate) {
            return 0;
        }
        *ret_character = character;
        return size;
    }
    return 0;
}

struct hin_terminal_character hin_terminal_look(struct hin_view text, size_t at)
{
    static const struct {
        unsigned first, last;
    } hazards[] = {{0, 0x1f},        {0x7f, 0x9f},     {0x61c, 0x61c},
                   {0x200e, 0x200f}, {0x202a, 0x202e}, {0x2066, 0x2069}};
    struct hin_terminal_character found = {0};
    found.size = decode(text.data + at, text.size - at, &found.number);
    if (found.size == 0) {
        return (struct hin_terminal_character){text.data[at], 1, true, true};
    }
    for (size_t i = 0; i < HIN_COUNT(hazards); i++) {
        found.hazard =
            found.hazard || (found.number >= hazards[i].first && found.number <= hazards[i].last);
    }
    return found;
}

static void put(struct hin_view text, bool keep_line_ends, FILE *out)
{
    for (size_t i = 0; i < text.size;) {
        struct hin_terminal_character it = hin_terminal_look(text, i);
        if (!it.hazard || it.number == '\t' || (it.number == '\n' && keep_line_ends)) {
            fwrite(text.data + i, 1, it.size, out);
        } else {
            fprintf(out, it.stray ? "\\x%02x" : "\\u%04x", it.number);
        }
        i += it.size;
    }
}

bool hin_terminal_put(struct hin_view text, FILE *out)
{
    put(text, true, out);
    return ferror(out) == 0;
}

void hin_terminal_vline(FILE *out, const char *format, va_list args)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf line;
    hin_buf_init(&line, LINE_BYTES);
    if (hin_is_ok(hin_buf_vprintf(&line, format, args))) {
        put(hin_buf_view(&line), false, out);
    } else { /* too long to be a sentence, or no memory: the format alone still tells something */
        put(hin_view_from_text(format), false, out);
    }
    fputc('\n', out);
}

void hin_terminal_line(FILE *out, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    hin_terminal_vline(out, format, args);
    va_end(args);
}
