/* Keys of backups. Each backup of a tenant has a key of its own, wrapped under a version of its own
 * of the provider's key "TENANT.backup": destroying that version is destroying the backup.
 *
 * What a backup needs of the vault itself (the index key; of the installation's own tenant the
 * authority, the checkpoint key, the service key) is sealed here, under another key that is wrapped
 * beside the first for another purpose: whoever may ask for a backup's key does not get it. */
#include <stdio.h>

#include "base/bytes.h"
#include "base/codec.h"
#include "keys/vault_internal.h"

static const uint8_t payload_magic[4] = {'H', 'B', 'K', 1};

#define PART_VERSION 2 /* 1: one index key, without its version */
#define PART_MAX     (4 * HIN_X509_MAX_BYTES)
#define SUFFIX       ".backup"

struct payload {
    uint32_t version;
    uint8_t id[HIN_SEAL_KEY_ID_BYTES];
    struct hin_view key, part_key, part;
};

/* The provider's name of the key: no tenant of a store has a dot in its name. */
static HIN_RESULT key_name(struct hin_view tenant, char out[HIN_X509_NAME_BYTES])
{
    HIN_ENSURE(hin_x509_name_is_clean(tenant), INVALID);
    int size = snprintf(out, HIN_X509_NAME_BYTES, "%.*s" SUFFIX, HIN_ARGS(tenant));
    HIN_ENSURE(size > 0 && size < HIN_X509_NAME_BYTES, INVALID);
    return hin_ok();
}

static struct hin_key_binding bind(const char *name, const uint8_t *id,
                                   enum hin_key_purpose purpose)
{
    return (struct hin_key_binding){hin_view_from_text(name),
                                    hin_view_of(id, HIN_SEAL_KEY_ID_BYTES), purpose, 1};
}

HIN_RESULT hin_vault_backup_version(struct hin_view payload, uint32_t *ret_version)
{
    HIN_ENSURE(payload.size >= 8, TRUNCATED);
    HIN_ENSURE(memcmp(payload.data, payload_magic, 3) == 0, SYNTAX);
    HIN_ENSURE(payload.data[3] == payload_magic[3], UNSUPPORTED);
    *ret_version = hin_load_u32(payload.data + 4);
    return hin_ok();
}

static HIN_RESULT read_payload(struct hin_view bytes, struct payload *ret_payload)
{
    struct hin_reader reader = hin_reader_of(hin_view_sub(bytes, 8, bytes.size));
    struct payload payload = {0};
    struct hin_view id;
    HIN_TRY(hin_vault_backup_version(bytes, &payload.version));
    HIN_TRY(hin_read_exact(&reader, sizeof(payload.id), &id));
    HIN_TRY(hin_read_bytes(&reader, HIN_VAULT_WRAPPED_MAX, &payload.key));
    HIN_TRY(hin_read_bytes(&reader, HIN_VAULT_WRAPPED_MAX, &payload.part_key));
    HIN_TRY(hin_read_bytes(&reader, PART_MAX, &payload.part));
    HIN_TRY(hin_read_end(&reader));
    uint32_t under = 0;
    HIN_TRY(hin_key_wrapped_under(payload.key, &under));
    HIN_ENSURE(under == payload.version, CORRUPT); /* what is told is what will be destroyed */
    hin_copy(payload.id, id.data, id.size);
    *ret_payload = payload;
    return hin_ok();
}

/* --- what of the vault belongs into a backup --- */

static void bytes_done(struct hin_buf *bytes)
{
    hin_wipe(bytes->data, bytes->capacity);
    hin_buf_done(bytes);
}

static struct hin_seal_place part_place(struct hin_view tenant)
{
    return (struct hin_seal_place){tenant, HIN_VIEW("backup"), HIN_VIEW("vault"), HIN_VIEW("part")};
}

static HIN_RESULT write_own(const struct hin_vault *vault, struct hin_buf *out)
{
    HIN_TRY(hin_write_bytes(out, hin_buf_view(&vault->ca_der)));
    HIN_TRY(hin_write_bytes(out, hin_buf_view(&vault->former_der)));
    HIN_TRY(hin_write_u64(out, (uint64_t)vault->ca_rotated_usec));
    for (size_t i = 0; i < HIN_VAULT_OWN_COUNT; i++) {
        HIN_CLEANUP(hin_secret_done) struct hin_secret key = {0};
        HIN_TRY(hin_vault_open_own(vault, i, &key));
        HIN_TRY(hin_write_bytes(out, hin_secret_view(&key)));
    }
    return hin_ok();
}

static HIN_RESULT write_part(const struct hin_vault *vault, struct hin_view tenant,
                             struct hin_buf *out)
{
    HIN_CLEANUP(hin_index_keys_done) struct hin_index_keys index = {0};
    bool own = vault->options.own != NULL && hin_view_is(tenant, vault->options.own);
    HIN_TRY(hin_buf_reserve(out, PART_MAX)); /* it never moves, so nothing is left behind */
    HIN_TRY(hin_vault_open_index(vault, tenant, &index));
    HIN_TRY(hin_write_u8(out, PART_VERSION));
    HIN_TRY(hin_write_u8(out, (uint8_t)index.count));
    for (size_t i = 0; i < index.count; i++) {
        HIN_TRY(hin_write_u32(out, index.versions[i]));
        HIN_TRY(hin_write_bytes(out, hin_secret_view(&index.keys[i])));
    }
    HIN_TRY(hin_write_u8(out, own));
    return own ? write_own(vault, out) : hin_ok();
}

static HIN_RESULT seal_part(struct hin_view tenant, const uint8_t *id, const struct hin_secret *key,
                            struct hin_view part, struct hin_buf *ret_sealed)
{
    HIN_CLEANUP(hin_sealer_freep) struct hin_sealer *sealer = NULL;
    struct hin_seal_place place = part_place(tenant);
    HIN_TRY(hin_sealer_new(&sealer, id, key));
    return hin_seal_value(sealer, &place, part, ret_sealed);
}

/* --- a backup's key --- */

/* A version of its own. One that a call which was cut off has made stays without a backup, until
 * the next takes it. */
static HIN_RESULT next_version(struct hin_vault *vault, struct hin_vault_tenant *tenant,
                               const char *name, uint32_t spare)
{
    const struct hin_key_provider *provider = &vault->options.provider;
    struct hin_key_provider_status status;
    spare = tenant->backup_spare > 0 ? tenant->backup_spare : spare;
    tenant->backup_spare = 0;
    if (spare > 0 &&
        hin_is_ok(provider->status(provider->context, hin_view_from_text(name), &status)) &&
        status.current_version == spare) {
        return hin_ok();
    }
    vault->provider_changed = true;
    struct hin_result rotated = provider->rotate(provider->context, hin_view_from_text(name));
    if (rotated.code != HIN_NOT_FOUND) {
        return rotated;
    }
    return provider->generate(provider->context, hin_view_from_text(name));
}

static HIN_RESULT write_payload(struct hin_view wrapped, struct hin_view part_wrapped,
                                struct hin_view part, const uint8_t *id, struct hin_buf *out)
{
    uint32_t version = 0;
    HIN_TRY(hin_key_wrapped_under(wrapped, &version));
    HIN_TRY(hin_buf_append(out, hin_view_of(payload_magic, sizeof(payload_magic))));
    HIN_TRY(hin_write_u32(out, version));
    HIN_TRY(hin_buf_append(out, hin_view_of(id, HIN_SEAL_KEY_ID_BYTES)));
    HIN_TRY(hin_write_bytes(out, wrapped));
    HIN_TRY(hin_write_bytes(out, part_wrapped));
    return hin_write_bytes(out, part);
}

/* plain: what of the vault the backup holds. */
static HIN_RESULT make_key(struct hin_vault *vault, struct hin_view tenant, uint32_t spare,
                           struct hin_view plain, struct hin_vault_data_key *key,
                           struct hin_buf *ret_payload)
{
    HIN_CLEANUP(hin_secret_done) struct hin_secret part_key = {0};
    HIN_CLEANUP(hin_buf_done) struct hin_buf wrapped = {.max = HIN_VAULT_WRAPPED_MAX};
    HIN_CLEANUP(hin_buf_done) struct hin_buf part_wrapped = {.max = HIN_VAULT_WRAPPED_MAX};
    HIN_CLEANUP(hin_buf_done) struct hin_buf part = {.max = PART_MAX};
    const struct hin_key_provider *provider = &vault->options.provider;
    struct hin_vault_tenant *found = NULL;
    char name[HIN_X509_NAME_BYTES];
    HIN_TRY(hin_vault_find(vault, tenant, &found));
    HIN_TRY(key_name(tenant, name));
    HIN_TRY(hin_random(key->id, sizeof(key->id)));
    HIN_TRY(hin_secret_random(&key->key, HIN_SEAL_KEY_BYTES));
    HIN_TRY(hin_secret_random(&part_key, HIN_SEAL_KEY_BYTES));
    HIN_TRY(seal_part(tenant, key->id, &part_key, plain, &part));
    HIN_TRY(next_version(vault, found, name, spare));
    struct hin_key_binding binding = bind(name, key->id, HIN_KEY_BACKUP);
    HIN_TRY(provider->wrap(provider->context, &binding, &key->key, &wrapped));
    binding = bind(name, key->id, HIN_KEY_BACKUP_PART);
    HIN_TRY(provider->wrap(provider->context, &binding, &part_key, &part_wrapped));
    return write_payload(hin_buf_view(&wrapped), hin_buf_view(&part_wrapped), hin_buf_view(&part),
                         key->id, ret_payload);
}

static HIN_RESULT take_key(struct hin_vault *vault, struct hin_view tenant, uint32_t spare,
                           struct hin_view plain, struct hin_vault_data_key *ret_key,
                           struct hin_buf *ret_payload)
{
    struct hin_vault_data_key key = {0};
    struct hin_result made = make_key(vault, tenant, spare, plain, &key, ret_payload);
    if (!hin_is_ok(made)) {
        hin_secret_done(&key.key);
        return made;
    }
    *ret_key = key;
    return hin_ok();
}

static HIN_RESULT backup_new(struct hin_vault *vault, struct hin_view tenant, uint32_t spare,
                             struct hin_vault_data_key *ret_key, struct hin_buf *ret_payload)
{
    HIN_CLEANUP(bytes_done) struct hin_buf plain = {.max = PART_MAX};
    HIN_TRY(write_part(vault, tenant, &plain));
    return take_key(vault, tenant, spare, hin_buf_view(&plain), ret_key, ret_payload);
}

HIN_RESULT hin_vault_backup_new(struct hin_vault *vault, struct hin_view tenant, uint32_t spare,
                                struct hin_vault_data_key *ret_key, struct hin_buf *ret_payload)
{
    struct hin_result made = backup_new(vault, tenant, spare, ret_key, ret_payload);
    return hin_vault_report(vault, "backup-key-new", tenant, hin_is_ok(made) ? ret_key->id : NULL,
                            HIN_VAULT_FOR_BACKUP, made);
}

HIN_RESULT hin_vault_backup_unwrap(const struct hin_key_provider *provider, struct hin_view tenant,
                                   struct hin_view payload, struct hin_vault_data_key *ret_key)
{
    struct payload read;
    char name[HIN_X509_NAME_BYTES];
    HIN_TRY(key_name(tenant, name));
    HIN_TRY(read_payload(payload, &read));
    struct hin_key_binding binding = bind(name, read.id, HIN_KEY_BACKUP);
    HIN_TRY(provider->unwrap(provider->context, &binding, read.key, &ret_key->key));
    hin_copy(ret_key->id, read.id, sizeof(ret_key->id));
    return hin_ok();
}

HIN_RESULT hin_vault_backup_open(struct hin_vault *vault, struct hin_view tenant,
                                 struct hin_view payload, struct hin_vault_data_key *ret_key)
{
    struct hin_result opened =
        hin_vault_backup_unwrap(&vault->options.provider, tenant, payload, ret_key);
    return hin_vault_report(vault, "backup-key-open", tenant,
                            hin_is_ok(opened) ? ret_key->id : NULL, HIN_VAULT_FOR_BACKUP, opened);
}

HIN_RESULT hin_vault_backup_status(struct hin_vault *vault, struct hin_view tenant,
                                   struct hin_key_provider_status *ret_status)
{
    char name[HIN_X509_NAME_BYTES];
    const struct hin_key_provider *provider = &vault->options.provider;
    HIN_TRY(key_name(tenant, name));
    return provider->status(provider->context, hin_view_from_text(name), ret_status);
}

/* The newest one can only go when another is in its place. That one wraps nothing: the next backup
 * takes it, else each one that fails would cost two of the versions that a provider keeps. */
static void note_spare(struct hin_vault *vault, struct hin_view tenant)
{
    struct hin_vault_tenant *found = NULL;
    struct hin_key_provider_status status;
    if (hin_is_ok(hin_vault_find(vault, tenant, &found)) &&
        hin_is_ok(hin_vault_backup_status(vault, tenant, &status))) {
        found->backup_spare = status.current_version;
    }
}

static HIN_RESULT destroy(struct hin_vault *vault, struct hin_view tenant, uint32_t version)
{
    const struct hin_key_provider *provider = &vault->options.provider;
    char name[HIN_X509_NAME_BYTES];
    HIN_ENSURE(version != HIN_KEY_ALL_VERSIONS, INVALID);
    HIN_TRY(key_name(tenant, name));
    vault->provider_changed = true;
    struct hin_result destroyed =
        provider->destroy(provider->context, hin_view_from_text(name), version);
    if (destroyed.code == HIN_CONFLICT) {
        HIN_TRY(provider->rotate(provider->context, hin_view_from_text(name)));
        note_spare(vault, tenant);
        destroyed = provider->destroy(provider->context, hin_view_from_text(name), version);
    }
    return destroyed.code == HIN_NOT_FOUND ? hin_ok() : destroyed; /* by a call that was cut off */
}

HIN_RESULT hin_vault_backup_destroy(struct hin_vault *vault, struct hin_view tenant,
                                    uint32_t version)
{
    return hin_vault_report(vault, "backup-key-destroy", tenant, NULL, HIN_VAULT_FOR_BACKUP,
                            destroy(vault, tenant, version));
}

HIN_RESULT hin_vault_backup_shred(struct hin_vault *vault, struct hin_view tenant)
{
    const struct hin_key_provider *provider = &vault->options.provider;
    char name[HIN_X509_NAME_BYTES];
    if (!hin_is_ok(key_name(tenant, name))) {
        return hin_ok(); /* a name that long has none */
    }
    vault->provider_changed = true;
    struct hin_result destroyed =
        provider->destroy(provider->context, hin_view_from_text(name), HIN_KEY_ALL_VERSIONS);
    return destroyed.code == HIN_NOT_FOUND ? hin_ok() : destroyed;
}

/* --- restoring --- */

struct part {
    struct hin_view index[HIN_INDEX_VERSIONS_MAX]; /* newest first */
    uint32_t index_versions[HIN_INDEX_VERSIONS_MAX];
    uint8_t index_count;
    struct hin_view ca_der, former_der;
    uint64_t ca_rotated_usec;
    struct hin_view own[HIN_VAULT_OWN_COUNT];
    bool has_own;
};

static HIN_RESULT read_index(struct hin_reader *reader, uint8_t format, struct part *part)
{
    part->index_count = 1;
    part->index_versions[0] = HIN_INDEX_FIRST;
    if (format > 1) {
        HIN_TRY(hin_read_u8(reader, &part->index_count));
    }
    HIN_ENSURE(part->index_count > 0 && part->index_count <= HIN_INDEX_VERSIONS_MAX, SYNTAX);
    for (size_t i = 0; i < part->index_count; i++) {
        if (format > 1) {
            HIN_TRY(hin_read_u32(reader, &part->index_versions[i]));
        }
        HIN_TRY(hin_read_bytes(reader, HIN_INDEX_KEY_BYTES, &part->index[i]));
        HIN_ENSURE(part->index[i].size == HIN_INDEX_KEY_BYTES, SYNTAX);
    }
    return hin_ok();
}

static HIN_RESULT take_index(const struct part *part, struct hin_index_keys *keys)
{
    for (; keys->count < part->index_count; keys->count++) {
        keys->versions[keys->count] = part->index_versions[keys->count];
        HIN_TRY(hin_secret_from(&keys->keys[keys->count], part->index[keys->count]));
    }
    return hin_ok();
}

static HIN_RESULT read_part(struct hin_view plain, struct part *part)
{
    struct hin_reader reader = hin_reader_of(plain);
    uint8_t version = 0, own = 0;
    HIN_TRY(hin_read_u8(&reader, &version));
    HIN_ENSURE(version > 0 && version <= PART_VERSION, UNSUPPORTED);
    HIN_TRY(read_index(&reader, version, part));
    HIN_TRY(hin_read_u8(&reader, &own));
    part->has_own = own == 1;
    if (part->has_own) {
        HIN_TRY(hin_read_bytes(&reader, HIN_X509_MAX_BYTES, &part->ca_der));
        HIN_TRY(hin_read_bytes(&reader, HIN_X509_MAX_BYTES, &part->former_der));
        HIN_TRY(hin_read_u64(&reader, &part->ca_rotated_usec));
        for (size_t i = 0; i < HIN_VAULT_OWN_COUNT; i++) {
            HIN_TRY(hin_read_bytes(&reader, HIN_SECRET_MAX, &part->own[i]));
        }
    }
    return hin_read_end(&reader);
}

/* plain: the caller's, wiped by it; *part borrows from it. */
static HIN_RESULT open_part(const struct hin_key_provider *source, struct hin_view tenant,
                            struct hin_view bytes, struct hin_buf *plain, struct part *part)
{
    HIN_CLEANUP(hin_secret_done) struct hin_secret key = {0};
    HIN_CLEANUP(hin_opener_freep) struct hin_opener *opener = NULL;
    struct payload payload;
    char name[HIN_X509_NAME_BYTES];
    HIN_TRY(hin_buf_reserve(plain, PART_MAX));
    HIN_TRY(key_name(tenant, name));
    HIN_TRY(read_payload(bytes, &payload));
    struct hin_key_binding binding = bind(name, payload.id, HIN_KEY_BACKUP_PART);
    HIN_TRY(source->unwrap(source->context, &binding, payload.part_key, &key));
    HIN_TRY(hin_opener_new(&opener, NULL, 1));
    HIN_TRY(hin_opener_add(opener, payload.id, &key));
    struct hin_seal_place place = part_place(tenant);
    HIN_TRY(hin_seal_open_value(opener, &place, payload.part, plain));
    return read_part(hin_buf_view(plain), part);
}

/* --- sealing anew --- */

static HIN_RESULT backup_reseal(struct hin_vault *vault, struct hin_view tenant, uint32_t spare,
                                struct hin_view payload, struct hin_vault_data_key *ret_key,
                                struct hin_buf *ret_payload)
{
    HIN_CLEANUP(bytes_done) struct hin_buf plain = {.max = PART_MAX};
    struct part part = {0};
    HIN_TRY(open_part(&vault->options.provider, tenant, payload, &plain, &part));
    return take_key(vault, tenant, spare, hin_buf_view(&plain), ret_key, ret_payload);
}

HIN_RESULT hin_vault_backup_reseal(struct hin_vault *vault, struct hin_view tenant, uint32_t spare,
                                   struct hin_view payload, struct hin_vault_data_key *ret_key,
                                   struct hin_buf *ret_payload)
{
    struct hin_result made = backup_reseal(vault, tenant, spare, payload, ret_key, ret_payload);
    return hin_vault_report(vault, "backup-key-reseal", tenant,
                            hin_is_ok(made) ? ret_key->id : NULL, HIN_VAULT_FOR_BACKUP, made);
}

HIN_RESULT hin_vault_backup_index(struct hin_vault *vault, struct hin_view tenant,
                                  struct hin_view payload, struct hin_index_keys *ret_keys)
{
    HIN_CLEANUP(bytes_done) struct hin_buf plain = {.max = PART_MAX};
    HIN_CLEANUP(hin_index_keys_done) struct hin_index_keys keys = {0};
    struct part part = {0};
    struct hin_result opened = open_part(&vault->options.provider, tenant, payload, &plain, &part);
    if (hin_is_ok(opened)) {
        opened = take_index(&part, &keys);
    }
    if (hin_is_ok(opened)) {
        *ret_keys = keys;
        keys = (struct hin_index_keys){0};
    }
    return hin_vault_report(vault, "backup-index-key", tenant, NULL, HIN_VAULT_FOR_BACKUP, opened);
}

static HIN_RESULT take_own(struct hin_vault *vault, const struct part *part)
{
    HIN_ENSURE(part->has_own && part->ca_rotated_usec <= INT64_MAX, NOT_FOUND);
    HIN_TRY(hin_buf_append(&vault->ca_der, part->ca_der));
    HIN_TRY(hin_buf_append(&vault->former_der, part->former_der));
    vault->ca_rotated_usec = (int64_t)part->ca_rotated_usec;
    for (size_t i = 0; i < HIN_VAULT_OWN_COUNT; i++) {
        HIN_CLEANUP(hin_secret_done) struct hin_secret key = {0};
        HIN_TRY(hin_secret_from(&key, part->own[i]));
        HIN_TRY(hin_vault_wrap_own(vault, i, &key, &vault->own[i]));
    }
    return hin_ok();
}

HIN_RESULT hin_vault_restore(struct hin_vault **ret_vault, const struct hin_vault_options *options,
                             const struct hin_key_provider *source, struct hin_view tenant,
                             struct hin_view payload)
{
    HIN_CLEANUP(bytes_done) struct hin_buf plain = {.max = PART_MAX};
    HIN_CLEANUP(hin_vault_freep) struct hin_vault *vault = NULL;
    struct part part = {0};
    HIN_TRY(hin_vault_new(options, &vault));
    HIN_TRY(open_part(source, tenant, payload, &plain, &part));
    HIN_TRY(take_own(vault, &part));
    vault->master_rotated_usec = hin_clock_wall_usec(vault->clock);
    HIN_TRY(hin_vault_save(vault));
    *ret_vault = vault;
    vault = NULL;
    return hin_ok();
}

HIN_RESULT hin_vault_restore_tenant(struct hin_vault *vault, const struct hin_key_provider *source,
                                    struct hin_view tenant, struct hin_view payload)
{
    HIN_CLEANUP(bytes_done) struct hin_buf plain = {.max = PART_MAX};
    HIN_CLEANUP(hin_index_keys_done) struct hin_index_keys index = {0};
    struct part part = {0};
    HIN_TRY(open_part(source, tenant, payload, &plain, &part));
    HIN_TRY(take_index(&part, &index));
    return hin_vault_report(vault, "tenant-restore", tenant, NULL, HIN_VAULT_FOR_BACKUP,
                            hin_vault_tenant_make(vault, tenant, &index));
}

HIN_RESULT hin_vault_backup_fits(struct hin_vault *vault, const struct hin_key_provider *source,
                                 struct hin_view tenant, struct hin_view payload)
{
    HIN_CLEANUP(bytes_done) struct hin_buf plain = {.max = PART_MAX};
    HIN_CLEANUP(hin_index_keys_done) struct hin_index_keys index = {0};
    struct part part = {0};
    HIN_TRY(open_part(source, tenant, payload, &plain, &part));
    HIN_TRY(hin_vault_open_index(vault, tenant, &index));
    for (size_t i = 0; i < part.index_count; i++) { /* each must be there */
        bool there = false;
        for (size_t at = 0; at < index.count; at++) {
            there = there || (part.index_versions[i] == index.versions[at] &&
                              hin_equal_constant_time(part.index[i].data, index.keys[at].data,
                                                      HIN_INDEX_KEY_BYTES));
        }
        HIN_ENSURE(there, CONFLICT);
    }
    return hin_ok();
}
