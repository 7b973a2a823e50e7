/* A sealed value as the input, and of our own with a byte changed. Then the input as turns of an
 * opener that keeps two keys of a source's six: whatever it forgot, let expire or pushed out, a
 * value opens to what was sealed, and only where its key is to be had. */
#include <stdlib.h>

#include "common.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define KEYS      6 /* that the source has; 6 is to be fetched first, 7 is unknown */
#define KEYS_KEPT 2
#define TURNS_MAX 64

static void must(bool condition)
{
    if (!condition) {
        abort();
    }
}

/* --- one value --- */

static void open_input(struct hin_view bytes)
{
    HIN_CLEANUP(hin_opener_freep) struct hin_opener *opener = fuzz_opener();
    HIN_CLEANUP(hin_buf_done) struct hin_buf plain = {.max = 1 << 20};
    uint8_t key_id[HIN_SEAL_KEY_ID_BYTES];
    HIN_IGNORE(hin_seal_key_id(bytes, key_id));
    HIN_IGNORE(hin_seal_open_value(opener, &fuzz_place, bytes, &plain));
}

static void change_own(struct hin_view bytes)
{
    HIN_CLEANUP(hin_opener_freep) struct hin_opener *opener = fuzz_opener();
    HIN_CLEANUP(hin_sealer_freep) struct hin_sealer *sealer = fuzz_sealer();
    HIN_CLEANUP(hin_buf_done) struct hin_buf plain = {.max = 1 << 20}, sealed = {.max = 1 << 21};
    if (bytes.size < 65536 && hin_is_ok(hin_seal_value(sealer, &fuzz_place, bytes, &sealed))) {
        must(hin_is_ok(hin_seal_open_value(opener, &fuzz_place, hin_buf_view(&sealed), &plain)) &&
             hin_view_equal(hin_buf_view(&plain), bytes));
        sealed.data[bytes.size % sealed.size] ^= (uint8_t)(1 + bytes.size % 255);
        hin_buf_clear(&plain);
        /* one changed byte anywhere */
        must(!hin_is_ok(hin_seal_open_value(opener, &fuzz_place, hin_buf_view(&sealed), &plain)) &&
             plain.size == 0);
    }
}

/* --- turns --- */

struct shop { /* the source, and what was sealed under its keys */
    struct hin_sealer *sealers[KEYS];
    struct hin_buf sealed[KEYS];
    size_t asked; /* times in this run */
};

static void key_of(unsigned number, uint8_t ret_id[HIN_SEAL_KEY_ID_BYTES],
                   struct hin_secret *ret_key)
{
    uint8_t key[HIN_SEAL_KEY_BYTES];
    hin_fill(key, (uint8_t)(0x10 + number), sizeof(key));
    hin_fill(ret_id, (uint8_t)number, HIN_SEAL_KEY_ID_BYTES);
    must(hin_is_ok(hin_secret_from(ret_key, hin_view_of(key, sizeof(key)))));
}

static HIN_RESULT find_key(void *context, const uint8_t key_id[HIN_SEAL_KEY_ID_BYTES],
                           struct hin_secret *ret_key)
{
    struct shop *shop = context;
    uint8_t id[HIN_SEAL_KEY_ID_BYTES];
    shop->asked++;
    HIN_ENSURE(key_id[0] != KEYS, AGAIN);
    HIN_ENSURE(key_id[0] < KEYS, NOT_FOUND);
    key_of(key_id[0], id, ret_key);
    return hin_ok();
}

/* Sealed once: sealing is not what takes turns. */
static struct shop *shop_open(void)
{
    static struct shop shop;
    for (unsigned i = 0; i < KEYS && shop.sealers[i] == NULL; i++) {
        HIN_CLEANUP(hin_secret_done) struct hin_secret key = {0};
        uint8_t id[HIN_SEAL_KEY_ID_BYTES];
        key_of(i, id, &key);
        hin_buf_init(&shop.sealed[i], 1024);
        must(hin_is_ok(hin_sealer_new(&shop.sealers[i], id, &key)) &&
             hin_is_ok(hin_seal_value(shop.sealers[i], &fuzz_place, hin_view_of(id, sizeof(id)),
                                      &shop.sealed[i])));
        must(hin_sealer_left_count(shop.sealers[i]) == HIN_SEAL_MESSAGES_MAX - 1 &&
             memcmp(hin_sealer_key_id(shop.sealers[i]), id, sizeof(id)) == 0);
    }
    shop.asked = 0;
    return &shop;
}

/* *was_known: the key was at hand. */
static void turn_open(struct shop *shop, struct hin_opener *opener, unsigned number,
                      bool *was_known)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf plain = {.max = 1024};
    uint8_t sealed[HIN_SEAL_OVERHEAD_BYTES] = {'H', 'S', 'V', 1}, id[HIN_SEAL_KEY_ID_BYTES];
    size_t asked = shop->asked;
    hin_fill(id, (uint8_t)number, sizeof(id));
    hin_copy(sealed + 4, id, sizeof(id));
    struct hin_view value =
        number < KEYS ? hin_buf_view(&shop->sealed[number]) : hin_view_of(sealed, sizeof(sealed));
    struct hin_result result = hin_seal_open_value(opener, &fuzz_place, value, &plain);
    *was_known = shop->asked == asked;
    if (number < KEYS) {
        must(hin_is_ok(result) && hin_view_equal(hin_buf_view(&plain), hin_view_of(id, 16)));
    } else {
        must(result.code == (number == KEYS ? HIN_AGAIN : HIN_NOT_FOUND) && plain.size == 0);
    }
}

/* A place with a part that is just not, or just, too long; what does not fit leaves nothing. */
static void turn_place(struct shop *shop, struct hin_opener *opener, unsigned number)
{
    static const uint8_t zeros[65537];
    static const size_t sizes[8] = {0, 1, 65535, 65536, 65537, 65537, 2, 3};
    HIN_CLEANUP(hin_buf_done) struct hin_buf sealed = {.max = number == 7 ? 52 : 1024};
    HIN_CLEANUP(hin_buf_done) struct hin_buf plain = {.max = 1024};
    struct hin_seal_place place = fuzz_place;
    place.row = hin_view_of(zeros, sizes[number]);
    struct hin_result result = hin_seal_value(shop->sealers[0], &place, HIN_VIEW("plain"), &sealed);
    if (sizes[number] > 65536 || number == 7) {
        must(result.code == HIN_LIMIT && sealed.size == 0);
        return;
    }
    must(hin_is_ok(result));
    must(hin_is_ok(hin_seal_open_value(opener, &place, hin_buf_view(&sealed), &plain)) &&
         hin_view_is(hin_buf_view(&plain), "plain"));
    struct hin_result elsewhere =
        hin_seal_open_value(opener, &fuzz_place, hin_buf_view(&sealed), &plain);
    must(elsewhere.code == HIN_AUTH && plain.size == 5);
}

/* Bits 0-2 a number, bits 3-5 what to do, with bits 6-7 as its amount. */
static void take_turns(struct hin_view turns)
{
    struct shop *shop = shop_open();
    HIN_CLEANUP(hin_opener_freep) struct hin_opener *opener = NULL;
    const struct hin_key_source source = {find_key, shop};
    int64_t now = 1;
    bool known = false;
    must(hin_is_ok(hin_opener_new(&opener, &source, KEYS_KEPT)));
    for (size_t i = 0; i < turns.size && i < TURNS_MAX; i++) {
        unsigned number = turns.data[i] & 7, amount = turns.data[i] >> 6;
        uint8_t id[HIN_SEAL_KEY_ID_BYTES];
        hin_fill(id, (uint8_t)number, sizeof(id));
        switch (turns.data[i] >> 3 & 7) {
        case 0:
            hin_opener_forget(opener, id);
            turn_open(shop, opener, number, &known);
            must(!known);
            break;
        case 1:
            hin_opener_forget(opener, NULL);
            must(hin_opener_key_count(opener) == 0);
            break;
        case 2:
            now += amount;
            hin_opener_expire(opener, now, 1 + number % 4, 4);
            break;
        case 3:
            hin_opener_expire(opener, ++now, INT64_MAX, 0); /* held for too long, all of them */
            must(hin_opener_key_count(opener) == 0);
            break;
        case 4:
            turn_place(shop, opener, number);
            break;
        default: /* twice in a row: the second time it is at hand */
            turn_open(shop, opener, number, &known);
            turn_open(shop, opener, number, &known);
            must(known == (number < KEYS));
        }
        must(hin_opener_key_count(opener) <= KEYS_KEPT);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hin_view bytes = hin_view_of(data, size);
    open_input(bytes);
    change_own(bytes);
    take_turns(bytes);
    return 0;
}
