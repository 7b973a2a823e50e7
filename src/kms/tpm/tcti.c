#include "kms/tpm/tcti.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/fd.h"

#define MAGIC      UINT64_C(0x48696e6f6d690001)
#define HEAD_BYTES 10
#define SIZE_AT    2

static struct hin_tcti *own(TSS2_TCTI_CONTEXT *context)
{
    return (struct hin_tcti *)(void *)context;
}

static TSS2_RC transmit(TSS2_TCTI_CONTEXT *context, size_t size, const uint8_t *command)
{
    struct hin_tcti *tcti = own(context);
    tcti->size = 0;
    return hin_is_ok(hin_fd_write_all(tcti->fd, hin_view_of(command, size)))
               ? TSS2_RC_SUCCESS
               : TSS2_TCTI_RC_IO_ERROR;
}

/* A device gives an answer as a whole, a socket in parts; its head says how long it is. */
static size_t wanted(const struct hin_tcti *tcti)
{
    const uint8_t *at = tcti->answer + SIZE_AT;
    if (tcti->size < HEAD_BYTES) {
        return HEAD_BYTES;
    }
    return (size_t)at[0] << 24 | (size_t)at[1] << 16 | (size_t)at[2] << 8 | at[3];
}

static TSS2_RC read_answer(struct hin_tcti *tcti)
{
    while (tcti->size < wanted(tcti)) {
        struct pollfd waits = {.fd = tcti->fd, .events = POLLIN};
        size_t size = 0;
        if (wanted(tcti) > sizeof(tcti->answer)) {
            return TSS2_TCTI_RC_MALFORMED_RESPONSE;
        }
        int ready = poll(&waits, 1, HIN_TCTI_PATIENCE_MSEC);
        if (ready < 0 && errno == EINTR) {
            continue;
        }
        if (ready <= 0) {
            return TSS2_TCTI_RC_IO_ERROR;
        }
        struct hin_result got = hin_fd_read_some(tcti->fd, tcti->answer + tcti->size,
                                                 sizeof(tcti->answer) - tcti->size, &size);
        if (!hin_is_ok(got) || size == 0) {
            return TSS2_TCTI_RC_IO_ERROR;
        }
        tcti->size += size;
    }
    return wanted(tcti) < HEAD_BYTES || wanted(tcti) != tcti->size ? TSS2_TCTI_RC_MALFORMED_RESPONSE
                                                                   : TSS2_RC_SUCCESS;
}

/* Without a buffer it only asks how long the answer is. */
static TSS2_RC receive(TSS2_TCTI_CONTEXT *context, size_t *size, uint8_t *response, int32_t timeout)
{
    struct hin_tcti *tcti = own(context);
    (void)timeout; /* the TSS waits for ever; nobody else calls */
    TSS2_RC read = read_answer(tcti);
    if (read != TSS2_RC_SUCCESS) {
        return read;
    }
    if (response == NULL) {
        *size = tcti->size;
        return TSS2_RC_SUCCESS;
    }
    if (*size < tcti->size) {
        return TSS2_TCTI_RC_INSUFFICIENT_BUFFER;
    }
    hin_copy(response, tcti->answer, tcti->size);
    *size = tcti->size;
    hin_wipe(tcti->answer, tcti->size);
    tcti->size = 0;
    return TSS2_RC_SUCCESS;
}

static void finalize(TSS2_TCTI_CONTEXT *context)
{
    hin_wipe(own(context)->answer, sizeof(own(context)->answer));
}

void hin_tcti_init(struct hin_tcti *tcti, int fd)
{
    *tcti = (struct hin_tcti){
        .common = {.magic = MAGIC,
                   .version = 1,
                   .transmit = transmit,
                   .receive = receive,
                   .finalize = finalize},
        .fd = fd,
    };
}
