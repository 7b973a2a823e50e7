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

struct hin_result hin_vault_holders_read(struct hin_reader *reader,
                                         struct hin_vault_holders *holders)
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
    HIN_TRY(hin_vault_holders_read(&reader, &holders));
    HIN_TRY(hin_read_end(&reader));
    *ret_holders = holders;
    return hin_ok();
}

static HIN_RESULT set_holders(struct hin_vault *vault, const struct hin_vault_holders *holders)
{
    struct hin_vault_holders before = vault->holders;
    vault->holders = *holders;
    struct hin_result saved = hin_vault_save(vault);
    if (!hin_is_ok(saved)) {
        vault->holders = before;
    }
    return saved;
}

struct hin_result hin_vault_holders_set(struct hin_vault *vault,
                                        const struct hin_vault_holders *holders)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf old = {.max = 4096}, new = {.max = 4096};
    HIN_TRY(hin_vault_holders_encode(&vault->holders, &old));
    HIN_TRY(hin_vault_holders_encode(holders, &new));
    if (hin_view_equal(hin_buf_view(&old), hin_buf_view(&new))) {
        return hin_ok();
    }
    return hin_vault_report(vault, "holders-set", HIN_VIEW_EMPTY, NULL, HIN_VAULT_FOR_ADMIN,
                            set_holders(vault, holders));
}

struct hin_result hin_vault_holder_find(const struct hin_vault *vault,
                                        const uint8_t digest[HIN_SHA256_BYTES],
                                        struct hin_vault_holder *ret_holder)
{
    const struct hin_vault_holder *found = NULL;
    for (size_t i = 0; i < vault->holders.count; i++) {
        const struct hin_vault_holder *holder = &vault->holders.list[i];
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
    HIN_TRY(complete(vault, tenant, holder, restore));
    HIN_TRY(sign_restore(vault, restore, &record));
    struct hin_vault_tenant before = *tenant;
    uint64_t keyring_before = vault->keyring;
    tenant->generation = *next;
    tenant->restore_size = record.size;
    hin_copy(tenant->restore, record.data, record.size);
    vault->keyring = keyring;
    struct hin_result saved = hin_vault_save(vault);
    if (!hin_is_ok(saved)) {
        *tenant = before;
        vault->keyring = keyring_before;
    }
    return saved;
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
