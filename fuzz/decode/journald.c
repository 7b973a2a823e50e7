/* Journal export format, entry after entry, and the line of each. */
#include <stdint.h>
#include <stdlib.h>

#include "decode/log/journald.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hin_view rest = hin_view_of(data, size);
    struct hin_journal_entry entry;
    struct hin_buf line;
    size_t used = 0;
    hin_buf_init(&line, 1 << 20);
    while (hin_is_ok(hin_journal_parse(rest, &entry, &used))) {
        if (used == 0 || used > rest.size) {
            abort();
        }
        hin_buf_clear(&line);
        if (hin_is_ok(hin_journal_line(&entry, NULL, &line)) &&
            hin_view_find_byte(hin_buf_view(&line), '\n') != SIZE_MAX) {
            abort();
        }
        rest = hin_view_sub(rest, used, SIZE_MAX);
    }
    hin_buf_done(&line);
    return 0;
}
