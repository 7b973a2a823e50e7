#include "policy/bundle.h"

#include "crypt/sign.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The input as a whole bundle, and as the content of one that is signed by our key: that one
 * verifies when the content decodes, and not with a byte changed. */
static void check_bundle(struct hin_view bytes, struct hin_arena *arena)
{
    static struct hin_secret seed; /* drawn once */
    HIN_CLEANUP(hin_buf_done) struct hin_buf key = {.max = 256};
    HIN_CLEANUP(hin_buf_done) struct hin_buf manifest = {.max = 256};
    HIN_CLEANUP(hin_buf_done) struct hin_buf bundle = {.max = 1 << 20};
    HIN_CLEANUP(hin_buf_done) struct hin_buf statement = {.max = 512};
    struct hin_policy_manifest head = {.version = 3};
    struct hin_policy_bundle read;
    uint8_t raw[HIN_SIGN_PUBLIC_BYTES], raw_again[HIN_SIGN_PUBLIC_BYTES],
        signature[HIN_POLICY_SIGNATURE_BYTES];
    if ((seed.size == 0 && !hin_is_ok(hin_sign_generate(&seed))) ||
        !hin_is_ok(hin_sign_public(&seed, raw)) || !hin_is_ok(hin_policy_key_encode(raw, &key)) ||
        !hin_is_ok(hin_policy_key_decode(hin_buf_view(&key), raw_again)) ||
        memcmp(raw, raw_again, sizeof(raw)) != 0) {
        abort();
    }
    HIN_IGNORE(hin_policy_key_decode(bytes, raw_again));
    if (hin_is_ok(hin_policy_bundle_verify(bytes, hin_buf_view(&key), arena, &read))) {
        abort(); /* nobody else can sign */
    }
    if (bytes.size == 0 || !hin_is_ok(hin_policy_content_digest(bytes, head.content_digest)) ||
        !hin_is_ok(hin_buf_append_text(&statement, HIN_POLICY_SIGNING_DOMAIN)) ||
        !hin_is_ok(hin_policy_manifest_encode(&head, &statement)) ||
        !hin_is_ok(hin_policy_manifest_encode(&head, &manifest)) ||
        !hin_is_ok(hin_sign(&seed, hin_buf_view(&statement), signature)) ||
        !hin_is_ok(
            hin_policy_bundle_assemble(hin_buf_view(&manifest), signature, bytes, &bundle))) {
        return;
    }
    if (hin_is_ok(
            hin_policy_bundle_verify(hin_buf_view(&bundle), hin_buf_view(&key), arena, &read))) {
        HIN_IGNORE(hin_policy_bundle_accept(&read, head.tenant, head.agent, 2));
        bundle.data[bundle.size - 1 - bundle.size / 3] ^= 1;
        if (hin_is_ok(hin_policy_bundle_verify(hin_buf_view(&bundle), hin_buf_view(&key), arena,
                                               &read))) {
            abort();
        }
    }
}

/* The content of a policy bundle: what is accepted encodes back to itself. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hin_arena arena;
    struct hin_policy_content content;
    hin_arena_init(&arena, 1 << 20);
    if (hin_is_ok(hin_policy_content_decode(hin_view_of(data, size), &arena, &content))) {
        struct hin_buf again;
        hin_buf_init(&again, 2 * size + 64);
        if (!hin_is_ok(hin_policy_content_encode(&content, &again)) || again.size != size ||
            memcmp(again.data, data, size) != 0) {
            abort();
        }
        hin_buf_done(&again);
    }
    struct hin_policy_manifest manifest;
    if (hin_is_ok(hin_policy_manifest_decode(hin_view_of(data, size), &manifest))) {
        struct hin_buf again;
        hin_buf_init(&again, 256);
        if (!hin_is_ok(hin_policy_manifest_encode(&manifest, &again)) ||
            memcmp(again.data, data, size) != 0) {
            abort();
        }
        hin_buf_done(&again);
    }
    check_bundle(hin_view_of(data, size), &arena);
    hin_arena_done(&arena);
    return 0;
}
