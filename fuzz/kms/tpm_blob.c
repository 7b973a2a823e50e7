/* What a TPM sealed, as a key ring keeps it: what is read is written as the same bytes. */
#include <stdlib.h>

#include "base/bytes.h"
#include "kms/tpm/tpm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf back = {.max = HIN_TPM_BLOB_MAX};
    struct hin_tpm_blob blob;
    if (hin_is_ok(hin_tpm_blob_read(hin_view_of(data, size), &blob)) &&
        (!hin_is_ok(hin_tpm_blob_write(&blob, &back)) ||
         !hin_view_equal(hin_buf_view(&back), hin_view_of(data, size)))) {
        abort();
    }
    return 0;
}
