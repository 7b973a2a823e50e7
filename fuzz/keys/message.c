/* Requests and answers of the key service: decode(encode(x)) = x for whatever decodes. Then the
 * input as a sequence of requests (u16 length before each) that a worker sends to a vault of ours:
 * each gets an answer that reads, or the peer is ended. */
#include <stdlib.h>

#include "../scratch.h"
#include "base/codec.h"
#include "keys/protocol.h"
#include "keys/ring.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct hin_buf stored = {.max = 1 << 24};

static HIN_RESULT load(void *context, struct hin_buf *ret_bytes)
{
    HIN_ENSURE(stored.size > 0, NOT_FOUND);
    return hin_buf_append(ret_bytes, hin_buf_view(&stored));
}

static HIN_RESULT save(void *context, struct hin_view bytes)
{
    hin_buf_clear(&stored);
    return hin_buf_append(&stored, bytes);
}

static struct hin_vault *vault_new(struct hin_ring **ret_ring)
{
    char path[HIN_PATH_MAX];
    struct hin_vault *vault = NULL;
    scratch_require(hin_is_ok(hin_path_join(path, sizeof(path), scratch_folder(), "ring")));
    (void)unlink(path);
    scratch_require(hin_is_ok(hin_ring_create(AT_FDCWD, path, NULL, NULL)) &&
                    hin_is_ok(hin_ring_open(ret_ring, AT_FDCWD, path, NULL, NULL)));
    struct hin_vault_options options = {.provider = hin_ring_provider(*ret_ring),
                                        .storage = {.load = load, .save = save}};
    hin_buf_clear(&stored);
    scratch_require(hin_is_ok(hin_vault_create(&vault, &options, "fuzz")));
    scratch_require(hin_is_ok(hin_vault_tenant_create(vault, HIN_VIEW("t0"))));
    return vault;
}

static void serve(struct hin_view bytes)
{
    HIN_CLEANUP(hin_ring_freep) struct hin_ring *ring = NULL;
    HIN_CLEANUP(hin_vault_freep) struct hin_vault *vault = vault_new(&ring);
    struct hin_reader reader = hin_reader_of(bytes);
    uint16_t length = 0;
    struct hin_view request;
    for (int i = 0; i < 16 && hin_is_ok(hin_read_u16(&reader, &length)) &&
                    hin_is_ok(hin_read_exact(&reader, length, &request));
         i++) {
        HIN_CLEANUP(hin_buf_done) struct hin_buf out = {.max = HIN_KEYS_MESSAGE_MAX};
        struct hin_keys_answer answer;
        struct hin_keys_request asked;
        uint64_t mask = i % 4 == 3 ? HIN_KEYS_MASK_WORKER : HIN_KEYS_MASK_ALL;
        bool reads = hin_is_ok(hin_keys_request_decode(request, &asked));
        struct hin_result served = hin_keys_serve(vault, mask, request, &out);
        scratch_require(reads || served.code == HIN_PROTOCOL);
        if (hin_is_ok(served)) {
            scratch_require(hin_is_ok(hin_keys_answer_decode(hin_buf_view(&out), &answer)));
            scratch_require(answer.verb == asked.verb);
            scratch_require((mask & HIN_KEYS_MASK(asked.verb)) != 0 ||
                            answer.outcome == HIN_DENIED);
        }
    }
}

/* What payloads of "generation" and "holders-set" hold: written again it reads again. */
static void parts(struct hin_view bytes)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf out = {.max = HIN_KEYS_MESSAGE_MAX};
    struct hin_vault_judgement judgement;
    struct hin_vault_holders holders;
    if (hin_is_ok(hin_vault_judgement_decode(bytes, &judgement))) {
        scratch_require(hin_is_ok(hin_vault_judgement_encode(&judgement, &out)) &&
                        hin_is_ok(hin_vault_judgement_decode(hin_buf_view(&out), &judgement)));
    }
    hin_buf_clear(&out);
    if (hin_is_ok(hin_vault_holders_decode(bytes, &holders))) {
        scratch_require(hin_is_ok(hin_vault_holders_encode(&holders, &out)) &&
                        hin_is_ok(hin_vault_holders_decode(hin_buf_view(&out), &holders)));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hin_view bytes = hin_view_of(data, size);
    struct hin_keys_request request;
    struct hin_keys_answer answer;
    HIN_CLEANUP(hin_buf_done) struct hin_buf again = {.max = 1 << 20};
    if (hin_is_ok(hin_keys_request_decode(bytes, &request))) {
        scratch_require(hin_keys_verb_name(request.verb)[0] != '\0');
        scratch_require(hin_is_ok(hin_keys_request_encode(&request, &again)) &&
                        hin_view_equal(hin_buf_view(&again), bytes));
    }
    hin_buf_clear(&again);
    if (hin_is_ok(hin_keys_answer_decode(bytes, &answer))) {
        scratch_require(hin_is_ok(hin_keys_answer_encode(&answer, &again)) &&
                        hin_view_equal(hin_buf_view(&again), bytes));
    }
    if (size > 4 && size < 4096) {
        parts(hin_view_of(data, size));
        serve(bytes);
    }
    return 0;
}
