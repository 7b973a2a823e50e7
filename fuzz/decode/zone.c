/* Any bytes as a TZif file. What is accepted converts both ways. */
#include <stdint.h>
#include <stdlib.h>

#include "decode/log/zone.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct hin_zone zone;
    struct hin_civil local;
    int64_t usec = 0;
    if (hin_is_ok(hin_zone_parse(hin_view_of(data, size), &zone))) {
        for (int64_t day = -30000; day < 60000; day += 500) {
            hin_zone_to_local(&zone, day * HIN_DAY_USEC, &local);
            if (!hin_is_ok(hin_zone_to_utc(&zone, &local, &usec))) {
                abort();
            }
        }
    }
    return 0;
}
