/* Who may let a state pass that was refused, and the record of it; where the key ring is. */
#include "base/bytes.h"
#include "base/codec.h"
#include "crypt/hash.h"
#include "keys/vault_internal.h"

/* ---- key holders ---- */

struct hin_result hin_vault_holders_encode(const struct hin_vault_holders *holders,
                                           struct hin_buf *ret_bytes)
{
    HIN_TRY(hin_write_varint(ret_bytes, holders->count));
    for (size_t i = 0; i < holders->count; i++) {
        const struct hin_vault_holder *holder = &holders->list[i];
        HIN_TRY(hin_write_bytes(ret_bytes, hin_view_from_text(holder->name)));
        HIN_TRY(hin_buf_append(ret_bytes, hin_view_of(holder->digest, sizeof(holder->digest))));
        HIN_TRY(hin_write_u64(ret_bytes, (uint64_t)holder->lapses_usec));
    }
    return hin_ok();
}

static HIN_RESULT read_holder(struct hin_reader *reader, struct hin_vault_holder *holder)
{
    struct hin_view name, digest;
    uint64_t lapses = 0;
    HIN_TRY(hin_read_bytes(reader, sizeof(holder->name) - 1, &name));
    HIN_TRY(hin_view_to_text(name, holder->name, sizeof(holder->name)));
    HIN_TRY(hin_read_exact(reader, sizeof(holder->digest), &digest));
    hin_copy(holder->digest, digest.data, digest.size);
    HIN_TRY(hin_read_u64(reader, &lapses));
    HIN_ENSURE(lapses <= INT64_MAX, PROTOCOL);
    holder->lapses_usec = (int64_t)lapses;
    return hin_ok();
}

static HIN_RESULT read_holders(struct hin_reader *reader, struct hin_vault_holders *holders)
{
    uint64_t count = 0;
    HIN_TRY(hin_read_varint(reader, &count));
    HIN_ENSURE(count <= HIN_VAULT_HOLDERS_MAX, PROTOCOL);
    holders->count = (size_t)count;
    for (size_t i = 0; i < holders->count; i++) {
        HIN_TRY(read_holder(reader, &holders->list[i]));
    }
    return hin_ok();
}

struct hin_result hin_vault_holders_decode(struct hin_view bytes,
                                           struct hin_vault_holders *ret_holders)
{
    struct hin_reader reader = hin_reader_of(bytes);
    struct hin_vault_holders holders = {0};
    HIN_TRY(read_holders(&reader, &holders));
    HIN_TRY(hin_read_end(&reader));
    *ret_holders = holders;
    return hin_ok();
}

/* ---- what names people does not stand in the file in the clear ---- */

/* Each value has a key of its own, from an own key and the random id before it. */
static HIN_RESULT private_key(const struct hin_vault *vault,
                              const uint8_t id[HIN_SEAL_KEY_ID_BYTES], struct hin_secret *ret_key)
{
    static const char label[] = "hinomi vault private v1";
    HIN_CLEANUP(hin_secret_done) struct hin_secret service = {0};
    uint8_t info[HIN_SEAL_KEY_ID_BYTES + sizeof(label) - 1];
    hin_copy(info, id, HIN_SEAL_KEY_ID_BYTES);
    hin_copy(info + HIN_SEAL_KEY_ID_BYTES, label, sizeof(label) - 1);
    HIN_TRY(hin_vault_open_own(vault, HIN_VAULT_OWN_SERVICE, &service));
    return hin_hkdf(hin_secret_view(&service), HIN_VIEW_EMPTY, hin_view_of(info, sizeof(info)),
                    HIN_SEAL_KEY_BYTES, ret_key);
}

static struct hin_seal_place private_place(const char *tenant, const char *field)
{
    return (struct hin_seal_place){.tenant = hin_view_from_text(tenant),
                                   .table = HIN_VIEW("vault"),
                                   .field = hin_view_from_text(field)};
}

static HIN_RESULT seal_private(const struct hin_vault *vault, const struct hin_seal_place *place,
                               struct hin_view plain, struct hin_buf *ret_sealed)
{
    HIN_CLEANUP(hin_secret_done) struct hin_secret key = {0};
    HIN_CLEANUP(hin_sealer_freep) struct hin_sealer *sealer = NULL;
    uint8_t id[HIN_SEAL_KEY_ID_BYTES];
    HIN_TRY(hin_random(id, sizeof(id)));
    HIN_TRY(private_key(vault, id, &key));
    HIN_TRY(hin_sealer_new(&sealer, id, &key));
    HIN_TRY(hin_buf_append(ret_sealed, hin_view_of(id, sizeof(id))));
    return hin_seal_value(sealer, place, plain, ret_sealed);
}

static HIN_RESULT open_private(const struct hin_vault *vault, const struct hin_seal_place *place,
                               struct hin_view sealed, struct hin_buf *ret_plain)
{
    HIN_CLEANUP(hin_secret_done) struct hin_secret key = {0};
    HIN_CLEANUP(hin_opener_freep) struct hin_opener *opener = NULL;
    HIN_ENSURE(sealed.size > HIN_SEAL_KEY_ID_BYTES, CORRUPT);
    HIN_TRY(private_key(vault, sealed.data, &key));
    HIN_TRY(hin_opener_new(&opener, NULL, 1));
    HIN_TRY(hin_opener_add(opener, sealed.data, &key));
    return hin_seal_open_value(opener, place, hin_view_sub(sealed, HIN_SEAL_KEY_ID_BYTES, SIZE_MAX),
                               ret_plain);
}

/* ---- the holders in the vault ---- */

struct hin_result hin_vault_holders_known(const struct hin_vault *vault,
                                          struct hin_vault_holders *ret_holders)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf plain = {.max = HIN_VAULT_HOLDERS_BYTES};
    struct hin_seal_place place = private_place("", "holders");
    if (vault->holders_are_known || vault->holders.size == 0) {
        *ret_holders = vault->holders_known;
        return hin_ok();
    }
    HIN_TRY(open_private(vault, &place, hin_buf_view(&vault->holders), &plain));
    return hin_vault_holders_decode(hin_buf_view(&plain), ret_holders);
}

static HIN_RESULT set_holders(struct hin_vault *vault, const struct hin_vault_holders *holders,
                              struct hin_view plain)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf sealed = {.max = HIN_VAULT_HOLDERS_BYTES};
    struct hin_seal_place place = private_place("", "holders");
    HIN_TRY(seal_private(vault, &place, plain, &sealed));
    struct hin_buf before = vault->holders;
    vault->holders = sealed;
    struct hin_result saved = hin_vault_save(vault);
    if (!hin_is_ok(saved)) {
        vault->holders = before;
        return saved;
    }
    sealed = before; /* freed */
    vault->holders_known = *holders;
    vault->holders_are_known = true;
    return hin_ok();
}

struct hin_result hin_vault_holders_set(struct hin_vault *vault,
                                        const struct hin_vault_holders *holders)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf old = {.max = HIN_VAULT_HOLDERS_BYTES};
    HIN_CLEANUP(hin_buf_done) struct hin_buf new = {.max = HIN_VAULT_HOLDERS_BYTES};
    HIN_TRY(hin_vault_holders_known(vault, &vault->holders_known));
    vault->holders_are_known = true;
    HIN_TRY(hin_vault_holders_encode(&vault->holders_known, &old));
    HIN_TRY(hin_vault_holders_encode(holders, &new));
    if (hin_view_equal(hin_buf_view(&old), hin_buf_view(&new))) {
        return hin_ok();
    }
    return hin_vault_report(vault, "holders-set", HIN_VIEW_EMPTY, NULL, HIN_VAULT_FOR_ADMIN,
                            set_holders(vault, holders, hin_buf_view(&new)));
}

struct hin_result hin_vault_holder_find(const struct hin_vault *vault,
                                        const uint8_t digest[HIN_SHA256_BYTES],
                                        struct hin_vault_holder *ret_holder)
{
    struct hin_vault_holders holders = {0};
    const struct hin_vault_holder *found = NULL;
    HIN_TRY(hin_vault_holders_known(vault, &holders));
    for (size_t i = 0; i < holders.count; i++) {
        const struct hin_vault_holder *holder = &holders.list[i];
        if (hin_equal_constant_time(holder->digest, digest, sizeof(holder->digest))) {
            found = holder;
        }
    }
    HIN_ENSURE(found != NULL, DENIED);
    HIN_ENSURE(hin_clock_wall_usec(vault->clock) < found->lapses_usec, EXPIRED);
    *ret_holder = *found;
    return hin_ok();
}

/* ---- records ---- */

static HIN_RESULT sign_restore(const struct hin_vault *vault, const struct hin_restore *restore,
                               struct hin_buf *ret_record)
{
    HIN_CLEANUP(hin_secret_done) struct hin_secret seed = {0};
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = 1024};
    uint8_t signature[HIN_SIGN_BYTES];
    HIN_TRY(hin_restore_encode(restore, ret_record));
    HIN_TRY(hin_restore_text(hin_buf_view(ret_record), &text));
    HIN_TRY(hin_vault_open_own(vault, HIN_VAULT_OWN_CHECKPOINT, &seed));
    HIN_TRY(hin_sign(&seed, hin_buf_view(&text), signature));
    return hin_buf_append(ret_record, hin_view_of(signature, sizeof(signature)));
}

static HIN_RESULT complete(struct hin_vault *vault, const struct hin_vault_tenant *tenant,
                           const char *holder, struct hin_restore *restore)
{
    HIN_TRY(hin_random(restore->id, sizeof(restore->id)));
    restore->time_usec = HIN_MAX(hin_clock_wall_usec(vault->clock), 0);
    HIN_TRY(
        hin_view_to_text(hin_view_from_text(tenant->id), restore->tenant, sizeof(restore->tenant)));
    return hin_view_to_text(hin_view_from_text(holder), restore->holder, sizeof(restore->holder));
}

/* Record and what it lets pass, in one save. */
struct hin_result hin_vault_accept_as(struct hin_vault *vault, struct hin_vault_tenant *tenant,
                                      const struct hin_vault_generation *next, uint64_t keyring,
                                      struct hin_restore *restore, const char *holder)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf record = {.max = HIN_RESTORE_MAX_BYTES};
    HIN_CLEANUP(hin_buf_done) struct hin_buf sealed = {.max = HIN_VAULT_RESTORE_BYTES};
    struct hin_seal_place place = private_place(tenant->id, "restore");
    HIN_TRY(complete(vault, tenant, holder, restore));
    HIN_TRY(sign_restore(vault, restore, &record));
    HIN_TRY(seal_private(vault, &place, hin_buf_view(&record), &sealed));
    struct hin_vault_tenant before = *tenant;
    uint64_t keyring_before = vault->keyring;
    tenant->generation = *next;
    tenant->restore_size = sealed.size;
    hin_copy(tenant->restore, sealed.data, sealed.size);
    vault->keyring = keyring;
    struct hin_result saved = hin_vault_save(vault);
    if (!hin_is_ok(saved)) {
        *tenant = before;
        vault->keyring = keyring_before;
    }
    return saved;
}

struct hin_result hin_vault_last_restore(const struct hin_vault *vault,
                                         const struct hin_vault_tenant *tenant,
                                         struct hin_buf *ret_record)
{
    struct hin_seal_place place = private_place(tenant->id, "restore");
    return tenant->restore_size == 0
               ? hin_ok()
               : open_private(vault, &place, hin_view_of(tenant->restore, tenant->restore_size),
                              ret_record);
}

/* ---- the key ring ---- */

struct hin_result hin_vault_keyring(struct hin_vault *vault, uint64_t *ret_found,
                                    uint64_t *ret_known)
{
    struct hin_key_provider_status status = {0};
    HIN_TRY(hin_vault_status(vault, &status));
    *ret_found = status.generation;
    *ret_known = vault->keyring;
    return hin_ok();
}

struct hin_result hin_vault_each(struct hin_vault *vault,
                                 struct hin_result (*visit)(void *context, const char *tenant),
                                 void *context)
{
    size_t at = 0;
    struct hin_view id;
    void *value = NULL;
    while (hin_map_next(&vault->tenants, &at, &id, &value)) {
        const struct hin_vault_tenant *tenant = value;
        HIN_TRY(visit(context, tenant->id));
    }
    return hin_ok();
}
