#include "contract.h"

#include <string.h>

#include "base/bytes.h"
#include "base/fd.h"

#define TENANT_A HIN_VIEW("0b5e2f6a-1c1d-4f6e-9a30-2f6f2a1d7a01")
#define TENANT_B HIN_VIEW("tenant_b.2")

static const struct hin_key_binding binding_a = {
    .tenant = {(const uint8_t *)"0b5e2f6a-1c1d-4f6e-9a30-2f6f2a1d7a01", 36},
    .key_id = {(const uint8_t *)"\x00\x01\xffid", 5},
    .purpose = HIN_KEY_TENANT,
    .version = 7,
};

/* A key and what it became. */
struct wrapped {
    struct hin_secret plain, back;
    struct hin_buf bytes;
};

static void wrapped_done(struct wrapped *wrapped)
{
    hin_secret_done(&wrapped->plain);
    hin_secret_done(&wrapped->back);
    hin_buf_done(&wrapped->bytes);
}

#define WRAPPED(name) HIN_CLEANUP(wrapped_done) struct wrapped name = {.bytes = {.max = 8192}}

static HIN_RESULT wrap(struct subject *subject, const struct hin_key_binding *binding, size_t size,
                       struct wrapped *wrapped)
{
    const struct hin_key_provider *provider = &subject->provider;
    wrapped_done(wrapped);
    *wrapped = (struct wrapped){.bytes = {.max = 8192}};
    HIN_TRY(hin_secret_random(&wrapped->plain, size));
    return provider->wrap(provider->context, binding, &wrapped->plain, &wrapped->bytes);
}

static HIN_RESULT unwrap_bytes(struct subject *subject, const struct hin_key_binding *binding,
                               struct hin_view bytes, struct wrapped *wrapped)
{
    const struct hin_key_provider *provider = &subject->provider;
    hin_secret_done(&wrapped->back);
    wrapped->back = (struct hin_secret){0};
    return provider->unwrap(provider->context, binding, bytes, &wrapped->back);
}

static HIN_RESULT unwrap(struct subject *subject, const struct hin_key_binding *binding,
                         struct wrapped *wrapped)
{
    return unwrap_bytes(subject, binding, hin_buf_view(&wrapped->bytes), wrapped);
}

static HIN_RESULT generate(struct subject *subject, struct hin_view tenant)
{
    return subject->provider.generate(subject->provider.context, tenant);
}

static HIN_RESULT rotate(struct subject *subject, struct hin_view tenant)
{
    return subject->provider.rotate(subject->provider.context, tenant);
}

static HIN_RESULT destroy(struct subject *subject, struct hin_view tenant, uint32_t version)
{
    return subject->provider.destroy(subject->provider.context, tenant, version);
}

void contract_opens_what_it_wrapped(struct subject *subject)
{
    static const size_t sizes[] = {1, 16, 32, 33, 138, 1024, 2048};
    WRAPPED(w);
    struct hin_key_binding own = binding_a;
    own.tenant = HIN_VIEW_EMPTY;
    CHECK_CODE(wrap(subject, &binding_a, 32, &w), NOT_FOUND);
    if (!subject->has_own) {
        CHECK_CODE(wrap(subject, &own, 32, &w), NOT_FOUND);
        CHECK_OK(generate(subject, HIN_VIEW_EMPTY));
    }
    CHECK_OK(generate(subject, TENANT_A));
    CHECK_CODE(generate(subject, TENANT_A), EXISTS);
    for (size_t i = 0; i < HIN_COUNT(sizes); i++) {
        CHECK_OK(wrap(subject, i % 2 == 0 ? &binding_a : &own, sizes[i], &w));
        CHECK(w.bytes.size > sizes[i] && w.bytes.size <= sizes[i] + CONTRACT_OVERHEAD_MAX);
        CHECK_OK(unwrap(subject, i % 2 == 0 ? &binding_a : &own, &w));
        CHECK(hin_secret_equal(&w.plain, &w.back));
        CHECK(sizes[i] < 16 ||
              hin_view_find(hin_buf_view(&w.bytes), hin_secret_view(&w.plain)) == SIZE_MAX);
    }
    CHECK_OK(subject->reopen(subject));
    CHECK_OK(unwrap(subject, &binding_a, &w));
    CHECK(hin_secret_equal(&w.plain, &w.back));
    CHECK_CODE(generate(subject, TENANT_A), EXISTS);
    CHECK_CODE(generate(subject, HIN_VIEW("a/b")), INVALID);
}

void contract_refuses_another_binding(struct subject *subject)
{
    WRAPPED(w);
    CHECK_OK(generate(subject, TENANT_A));
    CHECK_OK(generate(subject, TENANT_B));
    CHECK_OK(wrap(subject, &binding_a, 32, &w));
    struct hin_key_binding other = binding_a;
    other.key_id = HIN_VIEW("\x00\x01\xffiD");
    CHECK_CODE(unwrap(subject, &other, &w), AUTH);
    other.key_id = HIN_VIEW_EMPTY;
    CHECK_CODE(unwrap(subject, &other, &w), AUTH);
    other = binding_a;
    other.purpose = HIN_KEY_DATA;
    CHECK_CODE(unwrap(subject, &other, &w), AUTH);
    other = binding_a;
    other.version = 8;
    CHECK_CODE(unwrap(subject, &other, &w), AUTH);
    other = binding_a;
    other.tenant = TENANT_B;
    CHECK_CODE(unwrap(subject, &other, &w), AUTH);
    other.tenant = HIN_VIEW_EMPTY;
    if (subject->has_own) {
        CHECK_CODE(unwrap(subject, &other, &w), AUTH);
    } else {
        CHECK_CODE(unwrap(subject, &other, &w), NOT_FOUND);
    }
    CHECK_OK(unwrap(subject, &binding_a, &w));
    CHECK(hin_secret_equal(&w.plain, &w.back));
}

/* Every byte behind the head, and each of the head's own, as what it is. */
void contract_refuses_altered_bytes(struct subject *subject)
{
    WRAPPED(w);
    CHECK_OK(generate(subject, TENANT_A));
    CHECK_OK(wrap(subject, &binding_a, 32, &w));
    for (size_t i = 0; i < w.bytes.size; i++) {
        uint8_t flip = i == 3 ? 0x80 : 1; /* a newer format */
        w.bytes.data[i] ^= flip;
        struct hin_result result = unwrap(subject, &binding_a, &w);
        w.bytes.data[i] ^= flip;
        enum hin_code wanted = i < 3 ? HIN_SYNTAX : i == 3 ? HIN_UNSUPPORTED : HIN_AUTH;
        bool version = i >= 4 && i < 8; /* of a key that is not there */
        if (result.code != wanted && !(version && result.code == HIN_NOT_FOUND)) {
            test_fail(__FILE__, __LINE__, "byte %zu altered: %s", i, hin_code_name(result.code));
            return;
        }
    }
    for (size_t size = 0; size < w.bytes.size; size++) {
        struct hin_result result = unwrap_bytes(
            subject, &binding_a, hin_buf_view(&(struct hin_buf){w.bytes.data, size, 0, 0}), &w);
        CHECK(result.code == HIN_TRUNCATED || result.code == HIN_AUTH);
    }
    CHECK_OK(hin_buf_append_byte(&w.bytes, 0));
    struct hin_result longer = unwrap(subject, &binding_a, &w);
    CHECK(longer.code == HIN_AUTH || longer.code == HIN_SYNTAX);
}

void contract_refuses_foreign_bytes(struct subject *subject)
{
    WRAPPED(w);
    CHECK_OK(generate(subject, TENANT_A));
    CHECK_OK(wrap(subject, &binding_a, 32, &w));
    hin_store_u32(w.bytes.data + 4, 99); /* a version that never was */
    CHECK_CODE(unwrap(subject, &binding_a, &w), NOT_FOUND);
    CHECK_CODE(unwrap_bytes(subject, &binding_a, HIN_VIEW_EMPTY, &w), TRUNCATED);
    CHECK_CODE(
        unwrap_bytes(subject, &binding_a,
                     HIN_VIEW("XYZ\1aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                              "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
                     &w),
        SYNTAX);
}

void contract_keeps_old_versions(struct subject *subject)
{
    WRAPPED(first);
    WRAPPED(second);
    CHECK_CODE(rotate(subject, TENANT_A), NOT_FOUND);
    CHECK_OK(generate(subject, TENANT_A));
    CHECK_OK(wrap(subject, &binding_a, 32, &first));
    CHECK_OK(rotate(subject, TENANT_A));
    CHECK_OK(wrap(subject, &binding_a, 32, &second));
    CHECK_INT(hin_load_u32(first.bytes.data + 4), 1);
    CHECK_INT(hin_load_u32(second.bytes.data + 4), 2);
    CHECK_OK(rotate(subject, TENANT_A));
    CHECK_OK(subject->reopen(subject));
    CHECK_OK(unwrap(subject, &binding_a, &first));
    CHECK(hin_secret_equal(&first.plain, &first.back));
    CHECK_OK(unwrap(subject, &binding_a, &second));
    CHECK(hin_secret_equal(&second.plain, &second.back));
    /* The version in the head is bound: the bytes of one do not open under another. */
    hin_store_u32(second.bytes.data + 4, 1);
    CHECK_CODE(unwrap(subject, &binding_a, &second), AUTH);
}

void contract_destroys_one_version(struct subject *subject)
{
    WRAPPED(first);
    WRAPPED(second);
    struct hin_key_provider_status status;
    CHECK_OK(generate(subject, TENANT_A));
    CHECK_OK(wrap(subject, &binding_a, 32, &first));
    CHECK_OK(rotate(subject, TENANT_A));
    CHECK_OK(wrap(subject, &binding_a, 32, &second));
    CHECK_CODE(destroy(subject, TENANT_A, 2), CONFLICT);
    CHECK_CODE(destroy(subject, TENANT_A, 3), NOT_FOUND);
    CHECK_OK(destroy(subject, TENANT_A, 1));
    CHECK_CODE(destroy(subject, TENANT_A, 1), NOT_FOUND);
    CHECK_CODE(unwrap(subject, &binding_a, &first), NOT_FOUND);
    CHECK_OK(unwrap(subject, &binding_a, &second));
    CHECK_OK(subject->reopen(subject));
    CHECK_CODE(unwrap(subject, &binding_a, &first), NOT_FOUND);
    CHECK_OK(unwrap(subject, &binding_a, &second));
    CHECK_OK(subject->provider.status(subject->provider.context, TENANT_A, &status));
    CHECK_INT(status.current_version, 2);
    CHECK_INT(status.version_count, 1);
    CHECK_OK(rotate(subject, TENANT_A));
    CHECK_OK(wrap(subject, &binding_a, 32, &first));
    CHECK_INT(hin_load_u32(first.bytes.data + 4), 3);
}

void contract_destroys_all(struct subject *subject)
{
    WRAPPED(first);
    WRAPPED(second);
    WRAPPED(other);
    struct hin_key_binding own = binding_a;
    own.tenant = TENANT_B;
    struct hin_key_provider_status status;
    CHECK_CODE(destroy(subject, TENANT_A, HIN_KEY_ALL_VERSIONS), NOT_FOUND);
    CHECK_OK(generate(subject, TENANT_A));
    CHECK_OK(generate(subject, TENANT_B));
    CHECK_OK(wrap(subject, &binding_a, 32, &first));
    CHECK_OK(rotate(subject, TENANT_A));
    CHECK_OK(wrap(subject, &binding_a, 32, &second));
    CHECK_OK(wrap(subject, &own, 32, &other));
    CHECK_OK(destroy(subject, TENANT_A, HIN_KEY_ALL_VERSIONS));
    for (int i = 0; i < 2; i++) {
        CHECK_CODE(unwrap(subject, &binding_a, &first), NOT_FOUND);
        CHECK_CODE(unwrap(subject, &binding_a, &second), NOT_FOUND);
        CHECK_CODE(destroy(subject, TENANT_A, HIN_KEY_ALL_VERSIONS), NOT_FOUND);
        CHECK_CODE(rotate(subject, TENANT_A), NOT_FOUND);
        CHECK_OK(subject->provider.status(subject->provider.context, TENANT_A, &status));
        CHECK_INT(status.current_version, 0);
        CHECK_INT(status.version_count, 0);
        CHECK_OK(unwrap(subject, &own, &other));
        CHECK_OK(subject->reopen(subject));
    }
    /* A name may come again or not; what was wrapped before never opens. */
    struct hin_result again = generate(subject, TENANT_A);
    CHECK(again.code == HIN_OK || again.code == HIN_CONFLICT);
    struct hin_result opened = unwrap(subject, &binding_a, &first);
    CHECK(opened.code == HIN_NOT_FOUND || opened.code == HIN_AUTH);
}

/* Neither under the other's key nor with the other's name on it. */
void contract_keeps_tenants_apart(struct subject *subject)
{
    WRAPPED(a);
    WRAPPED(b);
    struct hin_key_binding own = binding_a;
    own.tenant = TENANT_B;
    CHECK_OK(generate(subject, TENANT_A));
    CHECK_OK(generate(subject, TENANT_B));
    CHECK_OK(wrap(subject, &binding_a, 32, &a));
    CHECK_OK(wrap(subject, &own, 32, &b));
    CHECK_CODE(unwrap_bytes(subject, &own, hin_buf_view(&a.bytes), &a), AUTH);
    CHECK_CODE(unwrap_bytes(subject, &binding_a, hin_buf_view(&b.bytes), &b), AUTH);
    CHECK_OK(destroy(subject, TENANT_B, HIN_KEY_ALL_VERSIONS));
    CHECK_OK(unwrap(subject, &binding_a, &a));
    CHECK_CODE(unwrap(subject, &own, &b), NOT_FOUND);
}

void contract_tells_its_status(struct subject *subject)
{
    struct hin_key_provider_status status;
    const struct hin_key_provider *provider = &subject->provider;
    CHECK_OK(provider->status(provider->context, TENANT_A, &status));
    CHECK_INT(status.current_version, 0);
    CHECK_OK(generate(subject, TENANT_A));
    CHECK_OK(rotate(subject, TENANT_A));
    CHECK_OK(provider->status(provider->context, TENANT_A, &status));
    CHECK(status.name[0] != '\0');
    CHECK_INT(status.current_version, 2);
    CHECK_INT(status.version_count, 2);
    CHECK_INT(status.destruction_usec, 0);
}

void contract_never_repeats_itself(struct subject *subject)
{
    enum { ROUNDS = 64 };
    WRAPPED(w);
    HIN_CLEANUP(hin_buf_done) struct hin_buf all = {.max = 65536};
    CHECK_OK(generate(subject, TENANT_A));
    CHECK_OK(hin_secret_random(&w.plain, 32));
    for (int i = 0; i < ROUNDS; i++) {
        hin_buf_clear(&w.bytes);
        CHECK_OK(subject->provider.wrap(subject->provider.context, &binding_a, &w.plain, &w.bytes));
        /* the last part of each is ciphertext and tag */
        struct hin_view changing =
            hin_view_sub(hin_buf_view(&w.bytes), w.bytes.size - 40, w.bytes.size);
        CHECK(hin_view_find(hin_buf_view(&all), changing) == SIZE_MAX);
        CHECK_OK(hin_buf_append(&all, hin_buf_view(&w.bytes)));
    }
}
