#include "crypt/password.h"

#include <argon2.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"

#define DIGEST_BYTES     32
#define PASSWORD_MAX     4096
#define MEMORY_KIB_MAX   (256 * 1024)
#define PASSES_MAX       16
#define LANES_MAX        16
#define SALT_BYTES_LEAST 8

static const struct hin_password_cost cost_now = {HIN_PASSWORD_MEMORY_KIB, HIN_PASSWORD_PASSES,
                                                  HIN_PASSWORD_LANES};

struct hin_result hin_password_encode(struct hin_view password,
                                      char ret_text[HIN_PASSWORD_TEXT_BYTES])
{
    HIN_ENSURE(password.size > 0 && password.size <= PASSWORD_MAX, INVALID);
    uint8_t salt[HIN_PASSWORD_SALT_BYTES];
    HIN_TRY(hin_random(salt, sizeof(salt)));
    char text[HIN_PASSWORD_TEXT_BYTES];
    int error =
        argon2id_hash_encoded(cost_now.passes, cost_now.memory_kib, cost_now.lanes, password.data,
                              password.size, salt, sizeof(salt), DIGEST_BYTES, text, sizeof(text));
    HIN_ENSURE(error != ARGON2_MEMORY_ALLOCATION_ERROR, NO_MEMORY);
    HIN_ENSURE(error == ARGON2_OK, CRYPTO);
    hin_copy(ret_text, text, sizeof(text));
    return hin_ok();
}

/* "$argon2id$v=19$m=...,t=...,p=...$": only the costs are read here, the rest is libargon2's. */
static HIN_RESULT read_cost(const char *text, struct hin_password_cost *ret_cost)
{
    unsigned memory_kib = 0, passes = 0, lanes = 0;
    int end = 0;
    int count =
        sscanf(text, "$argon2id$v=19$m=%9u,t=%9u,p=%9u$%n", &memory_kib, &passes, &lanes, &end);
    HIN_ENSURE(count == 3 && end > 0, SYNTAX);
    *ret_cost = (struct hin_password_cost){memory_kib, passes, lanes};
    return hin_ok();
}

static HIN_RESULT check_cost(const struct hin_password_cost *cost)
{
    HIN_ENSURE(cost->memory_kib <= MEMORY_KIB_MAX && cost->passes <= PASSES_MAX &&
                   cost->lanes <= LANES_MAX,
               LIMIT);
    HIN_ENSURE(cost->lanes > 0 && cost->passes > 0 && cost->memory_kib >= 8 * cost->lanes, SYNTAX);
    return hin_ok();
}

struct hin_result hin_password_verify(const char *text, struct hin_view password)
{
    struct hin_password_cost cost;
    HIN_ENSURE(hin_view_from_text(text).size < HIN_PASSWORD_TEXT_BYTES, SYNTAX);
    HIN_TRY(read_cost(text, &cost));
    HIN_TRY(check_cost(&cost));
    HIN_ENSURE(password.size > 0 && password.size <= PASSWORD_MAX, AUTH);
    int error = argon2id_verify(text, password.data, password.size);
    HIN_ENSURE(error != ARGON2_MEMORY_ALLOCATION_ERROR, NO_MEMORY);
    HIN_ENSURE(error == ARGON2_OK || error == ARGON2_VERIFY_MISMATCH, SYNTAX);
    HIN_ENSURE(error == ARGON2_OK, AUTH);
    return hin_ok();
}

bool hin_password_is_outdated(const char *text)
{
    struct hin_password_cost cost;
    return !hin_is_ok(read_cost(text, &cost)) || cost.memory_kib < cost_now.memory_kib ||
           cost.passes < cost_now.passes;
}

/* Characters of base64 without padding, up to `end`. */
static size_t count_base64(const char *text, char end)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t size = strspn(text, digits);
    return text[size] == end ? size : 0;
}

bool hin_password_is_sound(const char *text)
{
    if (hin_password_is_outdated(text)) {
        return false;
    }
    const char *digest = strrchr(text, '$'); /* is_outdated has read "$argon2id$...$" */
    const char *salt = digest - 1;
    while (salt > text && *salt != '$') {
        salt--;
    }
    return count_base64(salt + 1, '$') >= (HIN_PASSWORD_SALT_BYTES * 8 + 5) / 6 &&
           count_base64(digest + 1, '\0') >= (DIGEST_BYTES * 8 + 5) / 6;
}

struct hin_result hin_password_derive(struct hin_view password, struct hin_view salt,
                                      const struct hin_password_cost *cost, size_t size,
                                      struct hin_secret *ret_key)
{
    HIN_ENSURE(password.size > 0 && password.size <= PASSWORD_MAX, INVALID);
    HIN_ENSURE(salt.size >= SALT_BYTES_LEAST && size >= 16 && size <= 64, INVALID);
    HIN_TRY(check_cost(cost));
    struct hin_secret key = {0};
    HIN_TRY(hin_secret_new(&key, size));
    int error = argon2id_hash_raw(cost->passes, cost->memory_kib, cost->lanes, password.data,
                                  password.size, salt.data, salt.size, key.data, key.size);
    if (error != ARGON2_OK) {
        hin_secret_done(&key);
        return hin_fail(error == ARGON2_MEMORY_ALLOCATION_ERROR ? HIN_NO_MEMORY : HIN_CRYPTO);
    }
    *ret_key = key;
    return hin_ok();
}
