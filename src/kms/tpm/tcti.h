/* The TSS's way to a TPM (TCG TSS 2.0 TCTI 1.0) over an open descriptor: no path, no loader. */
#ifndef HIN_KMS_TPM_TCTI_H
#define HIN_KMS_TPM_TCTI_H

#include <tss2/tss2_tcti.h>

#include "base/result.h"

enum { HIN_TCTI_PATIENCE_MSEC = 60000 }; /* making a key may take a slow TPM a while */

struct hin_tcti {
    TSS2_TCTI_CONTEXT_COMMON_V1 common; /* first: the TSS sees this */
    int fd;                             /* borrowed */
    size_t size;                        /* of the answer that has been read */
    uint8_t answer[4096];
};

void hin_tcti_init(struct hin_tcti *tcti, int fd) HIN_NONNULL;

#endif
