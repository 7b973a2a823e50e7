#include "store/seek.h"

#include <string.h>
#include <zstd.h>

#include "base/bytes.h"
#include "base/terminal.h"

enum { ZSTD_LEVEL = 1 }; /* as segments are compressed */

/* ---- forms ---- */

static HIN_RESULT keep(struct hin_seek *seek, size_t needle, const char *name,
                       struct hin_view bytes)
{
    HIN_ENSURE(seek->form_count < HIN_SEEK_FORMS_MAX, LIMIT);
    struct hin_seek_form *form = &seek->forms[seek->form_count];
    *form = (struct hin_seek_form){needle, name, seek->bytes.size, bytes.size};
    HIN_TRY(hin_buf_append(&seek->bytes, bytes));
    unsigned pair = bytes.data[0] | (unsigned)bytes.data[1] << 8;
    seek->pairs[pair / 8] = (uint8_t)(seek->pairs[pair / 8] | 1U << pair % 8);
    seek->form_count++;
    return hin_ok();
}

static HIN_RESULT keep_hex(struct hin_seek *seek, size_t needle, struct hin_view text)
{
    static const char *const alphabets[] = {"0123456789abcdef", "0123456789ABCDEF"};
    for (size_t a = 0; a < HIN_COUNT(alphabets); a++) {
        uint8_t hex[2 * HIN_STORE_NEEDLE_MOST];
        for (size_t i = 0; i < text.size; i++) {
            hex[2 * i] = (uint8_t)alphabets[a][text.data[i] >> 4];
            hex[2 * i + 1] = (uint8_t)alphabets[a][text.data[i] & 15];
        }
        struct hin_result kept = keep(seek, needle, "as hex", hin_view_of(hex, 2 * text.size));
        hin_wipe(hex, sizeof(hex));
        HIN_TRY(kept);
    }
    return hin_ok();
}

/* The six bits from `bit` on, of the text behind `skip` bytes that nobody knows. */
static unsigned six_bits(struct hin_view text, size_t skip, size_t bit)
{
    unsigned bits = 0;
    for (size_t i = bit; i < bit + 6; i++) {
        uint8_t byte = text.data[i / 8 - skip];
        bits = bits << 1 | (byte >> (7 - i % 8) & 1U);
    }
    return bits;
}

/* The characters that follow from the text alone, when `skip` bytes stand before it. */
static HIN_RESULT keep_base64(struct hin_seek *seek, size_t needle, struct hin_view text)
{
    static const char *const alphabets[] = {
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"};
    for (size_t a = 0; a < HIN_COUNT(alphabets); a++) {
        for (size_t skip = 0; skip < 3; skip++) {
            uint8_t out[2 * HIN_STORE_NEEDLE_MOST];
            size_t first = (8 * skip + 5) / 6, end = 8 * (skip + text.size) / 6;
            for (size_t i = first; i < end; i++) {
                out[i - first] = (uint8_t)alphabets[a][six_bits(text, skip, 6 * i)];
            }
            struct hin_result kept = keep(seek, needle, "as base64", hin_view_of(out, end - first));
            hin_wipe(out, sizeof(out));
            HIN_TRY(kept);
        }
    }
    return hin_ok();
}

static HIN_RESULT put_unit(struct hin_buf *out, unsigned unit, bool big)
{
    uint8_t bytes[2] = {(uint8_t)(big ? unit >> 8 : unit), (uint8_t)(big ? unit : unit >> 8)};
    return hin_buf_append(out, hin_view_of(bytes, sizeof(bytes)));
}

static HIN_RESULT keep_utf16(struct hin_seek *seek, size_t needle, struct hin_view text)
{
    for (unsigned big = 0; big < 2; big++) {
        HIN_CLEANUP(hin_buf_done) struct hin_buf out = {.max = HIN_SEEK_FORM_BYTES};
        for (size_t at = 0; at < text.size;) {
            struct hin_terminal_character character = hin_terminal_look(text, at);
            unsigned number = (unsigned)character.number;
            if (number > 0xffff) {
                HIN_TRY(put_unit(&out, 0xd800 + ((number - 0x10000) >> 10), big == 1));
                number = 0xdc00 + ((number - 0x10000) & 0x3ff);
            }
            HIN_TRY(put_unit(&out, number, big == 1));
            at += character.size;
        }
        struct hin_result kept = keep(seek, needle, "as UTF-16", hin_buf_view(&out));
        hin_wipe(out.data, out.size);
        HIN_TRY(kept);
    }
    return hin_ok();
}

/* By itself, as a frame; a short text often stands in one as it is. */
static HIN_RESULT keep_zstd(struct hin_seek *seek, size_t needle, struct hin_view text)
{
    uint8_t out[2 * HIN_STORE_NEEDLE_MOST];
    size_t size = ZSTD_compress(out, sizeof(out), text.data, text.size, ZSTD_LEVEL);
    HIN_ENSURE(!ZSTD_isError(size), NO_MEMORY);
    struct hin_view frame = hin_view_of(out, size);
    struct hin_result kept =
        hin_view_find(frame, text) == SIZE_MAX ? keep(seek, needle, "as zstd", frame) : hin_ok();
    hin_wipe(out, sizeof(out));
    return kept;
}

HIN_RESULT hin_seek_init(struct hin_seek *seek, const struct hin_view *needles, size_t count,
                         struct hin_view control)
{
    static struct hin_result (*const keepers[])(struct hin_seek * seek, size_t needle,
                                                struct hin_view text) = {keep_hex, keep_base64,
                                                                         keep_utf16, keep_zstd};
    *seek = (struct hin_seek){.bytes = {.max = (size_t)HIN_SEEK_FORMS_MAX * HIN_SEEK_FORM_BYTES},
                              .control = control};
    HIN_ENSURE(count <= HIN_SEEK_NEEDLES_MAX, LIMIT);
    seek->needle_count = count;
    for (size_t i = 0; i < count; i++) {
        HIN_ENSURE(needles[i].size >= HIN_STORE_NEEDLE_LEAST &&
                       needles[i].size <= HIN_STORE_NEEDLE_MOST,
                   INVALID);
        HIN_TRY(keep(seek, i, "as it is", needles[i]));
        for (size_t k = 0; k < HIN_COUNT(keepers); k++) {
            HIN_TRY(keepers[k](seek, i, needles[i]));
        }
    }
    return hin_ok();
}

void hin_seek_done(struct hin_seek *seek)
{
    hin_wipe(seek->bytes.data, seek->bytes.size);
    hin_buf_done(&seek->bytes);
}

/* ---- looking ---- */

static void compare(struct hin_seek *seek, struct hin_view rest)
{
    for (size_t i = 0; i < seek->form_count; i++) {
        const struct hin_seek_form *form = &seek->forms[i];
        if (rest.size >= form->size &&
            memcmp(rest.data, seek->bytes.data + form->at, form->size) == 0) {
            seek->form_found = seek->form_found != NULL ? seek->form_found : form->name;
            seek->found[form->needle] = true;
        }
    }
}

void hin_seek_look(struct hin_seek *seek, struct hin_view bytes)
{
    seek->control_found = seek->control_found || hin_view_find(bytes, seek->control) != SIZE_MAX;
    for (size_t i = 0; i + 1 < bytes.size; i++) {
        unsigned pair = bytes.data[i] | (unsigned)bytes.data[i + 1] << 8;
        if ((seek->pairs[pair / 8] >> pair % 8 & 1) != 0) {
            compare(seek, hin_view_sub(bytes, i, SIZE_MAX));
        }
    }
}

void hin_seek_tell(const struct hin_seek *seek, struct hin_store_search *search)
{
    search->control = search->control || seek->control_found;
    search->form = search->form != NULL ? search->form : seek->form_found;
    for (size_t i = 0; i < seek->needle_count; i++) {
        search->found_first =
            seek->found[i] ? HIN_MIN(search->found_first, i) : search->found_first;
        search->found_count += seek->found[i];
    }
}
