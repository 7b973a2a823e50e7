/* First line: a set. Second line: an address. A canonical address reads back as itself. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "match/ipset.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hin_view text = hin_view_of(data, size);
    size_t end = hin_view_find_byte(text, '\n');
    struct hin_view address = end == SIZE_MAX ? text : hin_view_sub(text, end + 1, SIZE_MAX);
    HIN_CLEANUP(hin_ipset_freep) struct hin_ipset *set = NULL;
    struct hin_error error;
    struct hin_ip ip;
    struct hin_ip again;
    char out[64];
    if (hin_is_ok(hin_ipset_parse(hin_view_sub(text, 0, end), &error, &set))) {
        (void)hin_ipset_has_text(set, address);
    }
    if (hin_is_ok(hin_ip_parse(address, &ip))) {
        hin_ip_format(&ip, out, sizeof(out));
        if (!hin_is_ok(hin_ip_parse(hin_view_from_text(out), &again)) ||
            memcmp(&ip, &again, sizeof(ip)) != 0) {
            abort();
        }
    }
    return 0;
}
