/* The program hinomi-tpm and what it is asked. */
#ifndef HIN_MANAGER_KMS_TPM_H
#define HIN_MANAGER_KMS_TPM_H

#include "ipc/channel.h"

/* u32 PCRs (bits), bytes PIN (may be empty), bytes: the key to seal, or what was sealed. The answer
 * is what was sealed, or the key; of a failure, a sentence about it. */
enum hin_tpm_message {
    HIN_MESSAGE_TPM_SEAL = HIN_IPC_TYPE_PROGRAM,
    HIN_MESSAGE_TPM_UNSEAL,
};
enum { HIN_TPM_REQUEST_MAX = 8192 };

int hin_tpm_main(int argc, char **argv);

#endif
