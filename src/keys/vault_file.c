#include <stdlib.h>

#include "base/bytes.h"
#include "base/codec.h"
#include "base/fd.h"
#include "keys/vault_internal.h"

static const uint8_t vault_magic[4] = {'H', 'V', 'T', HIN_VAULT_FORMAT};

#define HEAD_BYTES 8
#define CRC_BYTES  4
#define FILE_NAME  "vault"

/* --- storage in a folder --- */

static HIN_RESULT folder_load(void *context, struct hin_buf *ret_bytes)
{
    return hin_file_read(*(int *)context, FILE_NAME, ret_bytes);
}

static HIN_RESULT folder_save(void *context, struct hin_view bytes)
{
    return hin_file_replace(*(int *)context, FILE_NAME, bytes, 0600);
}

struct hin_vault_storage hin_vault_storage_folder(int *directory)
{
    return (struct hin_vault_storage){folder_load, folder_save, directory};
}

/* --- writing --- */

static HIN_RESULT write_key(struct hin_buf *buf, const struct hin_vault_wrapped *key)
{
    HIN_TRY(hin_write_u32(buf, key->version));
    HIN_TRY(hin_buf_append(buf, hin_view_of(key->id, sizeof(key->id))));
    return hin_write_bytes(buf, hin_buf_view(&key->bytes));
}

static HIN_RESULT write_generation(struct hin_buf *buf,
                                   const struct hin_vault_generation *generation)
{
    HIN_TRY(hin_write_u64(buf, generation->number));
    HIN_TRY(hin_write_u64(buf, generation->seen));
    HIN_TRY(hin_write_u64(buf, (uint64_t)generation->seen_usec));
    HIN_TRY(hin_write_u8(buf, generation->is_granted));
    return hin_write_u64(buf, generation->granted);
}

static HIN_RESULT write_tenant(struct hin_buf *buf, const struct hin_vault_tenant *tenant)
{
    HIN_TRY(hin_write_bytes(buf, hin_view_from_text(tenant->id)));
    HIN_TRY(hin_write_u64(buf, (uint64_t)tenant->wrapping_rotated_usec));
    HIN_TRY(hin_write_u64(buf, (uint64_t)tenant->rotated_usec));
    HIN_TRY(write_generation(buf, &tenant->generation));
    HIN_TRY(hin_write_bytes(buf, hin_view_of(tenant->restore, tenant->restore_size)));
    HIN_TRY(hin_write_varint(buf, tenant->key_count));
    for (size_t i = 0; i < tenant->key_count; i++) {
        HIN_TRY(write_key(buf, &tenant->keys[i]));
    }
    HIN_TRY(hin_write_u64(buf, (uint64_t)tenant->index_rotated_usec));
    HIN_TRY(hin_write_varint(buf, tenant->index_count));
    for (size_t i = 0; i < tenant->index_count; i++) {
        HIN_TRY(write_key(buf, &tenant->index[i]));
    }
    return hin_ok();
}

static HIN_RESULT write_body(struct hin_buf *buf, const struct hin_vault *vault)
{
    size_t at = 0;
    void *value = NULL;
    struct hin_view id;
    HIN_TRY(hin_write_u32(buf, vault->destroy_below));
    HIN_TRY(hin_write_u64(buf, (uint64_t)vault->master_rotated_usec));
    HIN_TRY(hin_write_u64(buf, vault->keyring));
    HIN_TRY(hin_write_bytes(buf, hin_buf_view(&vault->holders)));
    HIN_TRY(hin_write_bytes(buf, hin_buf_view(&vault->ca_der)));
    HIN_TRY(hin_write_u64(buf, (uint64_t)vault->ca_rotated_usec));
    HIN_TRY(hin_write_bytes(buf, hin_buf_view(&vault->former_der)));
    for (size_t i = 0; i < HIN_VAULT_OWN_COUNT; i++) {
        HIN_TRY(write_key(buf, &vault->own[i]));
    }
    HIN_TRY(hin_write_varint(buf, vault->tenants.count));
    while (hin_map_next(&vault->tenants, &at, &id, &value)) {
        HIN_TRY(write_tenant(buf, value));
    }
    return hin_ok();
}

struct hin_result hin_vault_encode(const struct hin_vault *vault, struct hin_buf *ret_bytes)
{
    size_t before = ret_bytes->size;
    HIN_TRY(hin_buf_append(ret_bytes, hin_view_of(vault_magic, sizeof(vault_magic))));
    HIN_TRY(hin_write_u32(ret_bytes, 0));
    HIN_TRY(write_body(ret_bytes, vault));
    hin_store_u32(ret_bytes->data + before + 4, (uint32_t)(ret_bytes->size - before - HEAD_BYTES));
    return hin_write_u32(ret_bytes,
                         hin_crc32c(0, hin_view_sub(hin_buf_view(ret_bytes), before, SIZE_MAX)));
}

/* --- reading --- */

static HIN_RESULT read_key(struct hin_reader *reader, struct hin_vault_wrapped *key)
{
    struct hin_view id, bytes;
    HIN_TRY(hin_read_u32(reader, &key->version));
    HIN_TRY(hin_read_exact(reader, sizeof(key->id), &id));
    HIN_TRY(hin_read_bytes(reader, HIN_SECRET_MAX + HIN_VAULT_WRAPPED_MAX, &bytes));
    hin_copy(key->id, id.data, id.size);
    key->bytes.max = bytes.size;
    return hin_buf_append(&key->bytes, bytes);
}

static HIN_RESULT read_time(struct hin_reader *reader, int64_t *ret_usec)
{
    uint64_t usec = 0;
    HIN_TRY(hin_read_u64(reader, &usec));
    HIN_ENSURE(usec <= INT64_MAX, CORRUPT);
    *ret_usec = (int64_t)usec;
    return hin_ok();
}

static HIN_RESULT read_index(struct hin_reader *reader, int format, struct hin_vault_tenant *tenant)
{
    uint64_t count = 1;
    if (format >= 5) {
        HIN_TRY(read_time(reader, &tenant->index_rotated_usec));
        HIN_TRY(hin_read_varint(reader, &count));
        HIN_ENSURE(count > 0 && count <= HIN_INDEX_VERSIONS_MAX, CORRUPT);
    }
    while (tenant->index_count < count) {
        struct hin_vault_wrapped *key = &tenant->index[tenant->index_count++];
        HIN_TRY(read_key(reader, key));
        HIN_ENSURE(tenant->index_count == 1 || key->version > key[-1].version, CORRUPT);
    }
    return hin_ok();
}

static HIN_RESULT read_generation(struct hin_reader *reader,
                                  struct hin_vault_generation *generation)
{
    uint8_t granted = 0;
    HIN_TRY(hin_read_u64(reader, &generation->number));
    HIN_TRY(hin_read_u64(reader, &generation->seen));
    HIN_TRY(read_time(reader, &generation->seen_usec));
    HIN_TRY(hin_read_u8(reader, &granted));
    HIN_ENSURE(granted <= 1, CORRUPT);
    generation->is_granted = granted == 1;
    return hin_read_u64(reader, &generation->granted);
}

static HIN_RESULT read_tenant(struct hin_reader *reader, int format,
                              struct hin_vault_tenant *tenant)
{
    struct hin_view id, restore;
    uint64_t count = 0;
    HIN_TRY(hin_read_bytes(reader, sizeof(tenant->id) - 1, &id));
    HIN_TRY(hin_view_to_text(id, tenant->id, sizeof(tenant->id)));
    if (format >= 2) {
        HIN_TRY(read_time(reader, &tenant->wrapping_rotated_usec));
        HIN_TRY(read_time(reader, &tenant->rotated_usec));
    }
    if (format >= 5) {
        HIN_TRY(read_generation(reader, &tenant->generation));
        HIN_TRY(hin_read_bytes(reader, sizeof(tenant->restore), &restore));
        hin_copy(tenant->restore, restore.data, restore.size);
        tenant->restore_size = restore.size;
    }
    HIN_TRY(hin_read_varint(reader, &count));
    HIN_ENSURE(count > 0 && count <= HIN_VAULT_VERSIONS_MAX, CORRUPT);
    tenant->keys = calloc((size_t)count, sizeof(*tenant->keys));
    HIN_ENSURE(tenant->keys != NULL, NO_MEMORY);
    for (uint64_t i = 0; i < count; i++) {
        tenant->key_count++;
        HIN_TRY(read_key(reader, &tenant->keys[i]));
    }
    return read_index(reader, format, tenant);
}

static void tenant_freep(struct hin_vault_tenant **tenant)
{
    hin_vault_tenant_free(*tenant);
}

static HIN_RESULT read_tenants(struct hin_vault *vault, struct hin_reader *reader)
{
    uint64_t count = 0;
    HIN_TRY(hin_read_varint(reader, &count));
    HIN_ENSURE(count <= HIN_VAULT_TENANTS_MAX, CORRUPT);
    for (uint64_t i = 0; i < count; i++) {
        HIN_CLEANUP(tenant_freep) struct hin_vault_tenant *tenant = calloc(1, sizeof(*tenant));
        HIN_ENSURE(tenant != NULL, NO_MEMORY);
        HIN_TRY(read_tenant(reader, vault->format, tenant));
        struct hin_view id = hin_view_from_text(tenant->id);
        HIN_ENSURE(hin_map_get(&vault->tenants, id) == NULL, CORRUPT);
        HIN_TRY(hin_map_put(&vault->tenants, id, tenant));
        tenant = NULL;
    }
    return hin_read_end(reader);
}

static HIN_RESULT read_body(struct hin_vault *vault, struct hin_view body)
{
    struct hin_reader reader = hin_reader_of(body);
    struct hin_view ca, former, holders;
    if (vault->format >= 2) {
        HIN_TRY(hin_read_u32(&reader, &vault->destroy_below));
        HIN_TRY(read_time(&reader, &vault->master_rotated_usec));
    }
    if (vault->format >= 5) {
        HIN_TRY(hin_read_u64(&reader, &vault->keyring));
        HIN_TRY(hin_read_bytes(&reader, HIN_VAULT_HOLDERS_BYTES, &holders));
        vault->holders.max = HIN_VAULT_HOLDERS_BYTES;
        HIN_TRY(hin_buf_append(&vault->holders, holders));
    }
    HIN_TRY(hin_read_bytes(&reader, HIN_X509_MAX_BYTES, &ca));
    vault->ca_der.max = HIN_X509_MAX_BYTES;
    HIN_TRY(hin_buf_append(&vault->ca_der, ca));
    if (vault->format >= 3) {
        HIN_TRY(read_time(&reader, &vault->ca_rotated_usec));
        HIN_TRY(hin_read_bytes(&reader, HIN_X509_MAX_BYTES, &former));
        vault->former_der.max = HIN_X509_MAX_BYTES;
        HIN_TRY(hin_buf_append(&vault->former_der, former));
    }
    for (size_t i = 0; i < HIN_VAULT_OWN_COUNT; i++) {
        HIN_TRY(read_key(&reader, &vault->own[i]));
    }
    return read_tenants(vault, &reader);
}

struct hin_result hin_vault_decode(struct hin_vault *vault, struct hin_view bytes)
{
    for (size_t i = 0; i < 3 && i < bytes.size; i++) {
        HIN_ENSURE(bytes.data[i] == vault_magic[i], SYNTAX);
    }
    uint8_t format = bytes.size < 4 ? HIN_VAULT_FORMAT : bytes.data[3];
    HIN_ENSURE(format >= 1 && format <= HIN_VAULT_FORMAT && format != 4, UNSUPPORTED);
    HIN_ENSURE(bytes.size >= HEAD_BYTES + CRC_BYTES, TRUNCATED);
    size_t body = hin_load_u32(bytes.data + 4);
    size_t covered = bytes.size - CRC_BYTES;
    HIN_ENSURE(covered - HEAD_BYTES >= body, TRUNCATED);
    HIN_ENSURE(covered - HEAD_BYTES == body, CORRUPT);
    HIN_ENSURE(hin_load_u32(bytes.data + covered) == hin_crc32c(0, hin_view_sub(bytes, 0, covered)),
               CORRUPT);
    vault->format = format;
    struct hin_result result = read_body(vault, hin_view_sub(bytes, HEAD_BYTES, body));
    HIN_ENSURE(result.code == HIN_OK || result.code == HIN_NO_MEMORY, CORRUPT);
    return result;
}
