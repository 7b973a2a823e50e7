#include "crypt/uuid.h"

#include "base/bytes.h"
#include "base/secret.h"

struct hin_result hin_uuid_new(char ret_text[HIN_UUID_TEXT_BYTES])
{
    uint8_t bytes[16];
    HIN_TRY(hin_random(bytes, sizeof(bytes)));
    bytes[6] = (uint8_t)((bytes[6] & 0x0f) | 0x40);
    bytes[8] = (uint8_t)((bytes[8] & 0x3f) | 0x80);
    static const uint8_t dash_before[16] = {[4] = 1, [6] = 1, [8] = 1, [10] = 1};
    size_t at = 0;
    for (size_t i = 0; i < sizeof(bytes); i++) {
        if (dash_before[i]) {
            ret_text[at++] = '-';
        }
        hin_hex(&bytes[i], 1,
                ret_text + at); /* writes a NUL behind, which the next one overwrites */
        at += 2;
    }
    return hin_ok();
}
