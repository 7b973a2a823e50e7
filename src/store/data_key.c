/* Data keys: one for each sealed thing, fresh for each content. It is made here, in locked memory,
 * and stands in the table data_key, sealed under a table key: the one in force, of the table `key`.
 * The row's number is the owner's kind in the top byte and its id below, so that a thing and its
 * key are found in one statement; the number is bound to the sealed key.
 *
 * When all table keys are made anew (reseal.c), the epoch goes up. A writer looks at the beginning
 * of its transaction whether its table key is of the present one, so that nothing is ever sealed
 * under a key that is about to go. */
#include <stdio.h>

#include "base/bytes.h"
#include "store/internal.h"

HIN_RESULT hin_db_run_on(struct hin_store *store, enum hin_sql sql, int64_t number)
{
    struct hin_statement *statement = NULL;
    HIN_TRY(hin_db_use(store, sql, &statement));
    hin_db_bind(statement, 1, number);
    return hin_db_run(store, statement);
}

/* A key service that is away keeps nobody from what seals nothing. */
HIN_RESULT hin_store_check_sealer(struct hin_store *store)
{
    struct hin_statement *statement = NULL;
    struct hin_sealer *sealer = NULL;
    bool row = false;
    store->may_seal = hin_is_ok(store->keys.sealer(store->keys.context, &sealer));
    if (!store->may_seal) {
        store->may_seal = true; /* the same failure is answered when something is to be sealed */
        hin_zero(store->seals, sizeof(store->seals));
        store->index_version = 0;
        return hin_ok();
    }
    hin_copy(store->seals, hin_sealer_key_id(sealer), sizeof(store->seals));
    HIN_TRY(hin_db_use(store, HIN_SQL_KEY_SEALS, &statement));
    hin_db_bind_blob(statement, 1, hin_view_of(store->seals, sizeof(store->seals)));
    HIN_TRY(hin_db_step(store, statement, &row));
    int64_t index_version = row ? hin_db_int(statement, 0) : 0;
    hin_db_reset(statement);
    store->may_seal = row;
    store->index_version = 0;
    return row ? hin_store_check_index(store, index_version) : hin_ok();
}

HIN_RESULT hin_store_sealer(struct hin_store *store, struct hin_sealer **ret_sealer)
{
    struct hin_sealer *sealer = NULL;
    HIN_TRY(store->keys.sealer(store->keys.context, &sealer));
    HIN_ENSURE(store->may_seal &&
                   memcmp(store->seals, hin_sealer_key_id(sealer), sizeof(store->seals)) == 0,
               AGAIN);
    *ret_sealer = sealer;
    return hin_ok();
}

#define NUMBER_TEXT_MAX 24

static struct hin_seal_place key_place(const struct hin_store *store, int64_t number,
                                       char text[NUMBER_TEXT_MAX])
{
    (void)snprintf(text, NUMBER_TEXT_MAX, "%lld", (long long)number);
    return hin_store_place(store, "data_key", text, "key");
}

static HIN_RESULT put(struct hin_store *store, enum hin_sql sql, int64_t number)
{
    char text[NUMBER_TEXT_MAX];
    struct hin_seal_place place = key_place(store, number, text);
    struct hin_statement *statement = NULL;
    struct hin_sealer *table = NULL;
    hin_buf_clear(&store->wrap);
    HIN_TRY(hin_store_sealer(store, &table));
    HIN_TRY(hin_seal_value(table, &place, hin_secret_view(&store->own_key), &store->wrap));
    HIN_TRY(hin_db_use(store, sql, &statement));
    hin_db_bind(statement, 1, number);
    hin_db_bind_blob(statement, 2, hin_buf_view(&store->wrap));
    return hin_db_run(store, statement);
}

HIN_RESULT hin_data_key_put(struct hin_store *store, int64_t number)
{
    return put(store, HIN_SQL_DATA_KEY_PUT, number);
}

HIN_RESULT hin_data_key_paste(struct hin_store *store, int64_t number)
{
    return put(store, HIN_SQL_PASTE_DATA_KEY, number);
}

static HIN_RESULT make(struct hin_store *store, int64_t number, struct hin_sealer **ret_sealer)
{
    uint8_t id[HIN_SEAL_KEY_ID_BYTES];
    HIN_TRY(hin_random(id, sizeof(id)));
    HIN_TRY(hin_random(store->own_key.data, store->own_key.size));
    HIN_TRY(hin_data_key_put(store, number));
    return hin_sealer_new(ret_sealer, id, &store->own_key);
}

HIN_RESULT hin_data_key_new(struct hin_store *store, int owner, int64_t id,
                            struct hin_sealer **ret_sealer)
{
    struct hin_result made = make(store, hin_data_number(owner, id), ret_sealer);
    hin_wipe(store->own_key.data, store->own_key.size);
    return made;
}

HIN_RESULT hin_data_key_read(struct hin_store *store, int64_t number, struct hin_view sealed)
{
    char text[NUMBER_TEXT_MAX];
    struct hin_seal_place place = key_place(store, number, text);
    HIN_ENSURE(sealed.size > 0, NOT_FOUND); /* erased on purpose */
    return hin_seal_open_secret(store->keys.opener, &place, sealed, &store->own_key);
}

HIN_RESULT hin_data_key_open(struct hin_store *store, int owner, int64_t id,
                             const struct hin_data_key *key, const uint8_t *key_id,
                             struct hin_opener **ret_opener)
{
    if (!key->there) {
        *ret_opener = store->keys.opener;
        return hin_ok();
    }
    struct hin_result got = hin_data_key_read(store, hin_data_number(owner, id), key->sealed);
    if (hin_is_ok(got)) {
        got = hin_opener_add(store->own, key_id, &store->own_key);
    }
    hin_wipe(store->own_key.data, store->own_key.size);
    if (hin_is_ok(got)) {
        *ret_opener = store->own;
    }
    return got;
}

void hin_data_key_done(struct hin_store *store)
{
    hin_opener_forget(store->own, NULL);
}

HIN_RESULT hin_data_key_drop(struct hin_store *store, int owner, int64_t id)
{
    return hin_db_run_on(store, HIN_SQL_DATA_KEY_DROP, hin_data_number(owner, id));
}

/* --- things sealed as values --- */

HIN_RESULT hin_store_seal(struct hin_store *store, const struct hin_stand *stand,
                          struct hin_view plain, struct hin_buf *ret_sealed)
{
    struct hin_seal_place place = hin_store_place(store, stand->table, stand->row, stand->field);
    struct hin_sealer *sealer = NULL;
    HIN_TRY(hin_data_key_new(store, stand->owner, stand->id, &sealer));
    struct hin_result sealed = hin_seal_value(sealer, &place, plain, ret_sealed);
    hin_sealer_free(sealer);
    return sealed;
}

HIN_RESULT hin_store_unseal(struct hin_store *store, const struct hin_stand *stand,
                            const struct hin_data_key *key, struct hin_view sealed,
                            struct hin_buf *ret_plain)
{
    struct hin_seal_place place = hin_store_place(store, stand->table, stand->row, stand->field);
    uint8_t key_id[HIN_SEAL_KEY_ID_BYTES];
    struct hin_opener *opener = NULL;
    HIN_TRY(hin_seal_key_id(sealed, key_id));
    HIN_TRY(hin_data_key_open(store, stand->owner, stand->id, key, key_id, &opener));
    struct hin_result opened = hin_seal_open_value(opener, &place, sealed, ret_plain);
    hin_data_key_done(store);
    return opened;
}
