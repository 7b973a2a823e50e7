/* A restore record as it lies in vault and database: what decodes must encode to the same bytes,
 * and holds under no key that did not sign it. */
#include <stdlib.h>

#include "base/bytes.h"
#include "proof/restore.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf again = {.max = 1024};
    static const uint8_t key[32] = {1};
    struct hin_restore restore;
    struct hin_view statement, signature;
    char id[HIN_RESTORE_ID_TEXT_BYTES];
    if (!hin_is_ok(hin_restore_decode(hin_view_of(data, size), &restore, &statement, &signature))) {
        return 0;
    }
    hin_restore_id_text(&restore, id);
    if (strlen(id) != sizeof(id) - 1 || hin_restore_what_name(restore.what)[0] == '?' ||
        !hin_is_ok(hin_restore_encode(&restore, &again)) ||
        !hin_view_equal(hin_buf_view(&again), statement) ||
        hin_is_ok(hin_restore_verify(hin_view_of(key, sizeof(key)), statement, signature))) {
        abort();
    }
    return 0;
}
