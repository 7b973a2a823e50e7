/* Manifests of backups. A first byte that is even: the rest is a file, whose head is read, and
 * whose frames are tried under a key of ours. Odd: the rest is the records of one frame; what they
 * say is written as a manifest and as a shipment, which must read back the same. */
#include <string.h>

#include "../scratch.h"
#include "backup/manifest.h"
#include "base/bytes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct hin_vault_data_key *the_key(void)
{
    static struct hin_vault_data_key key;
    if (key.key.data == NULL) {
        scratch_require(hin_is_ok(hin_secret_new(&key.key, HIN_SEAL_KEY_BYTES)));
    }
    return &key;
}

static void read_file(struct hin_view bytes)
{
    struct hin_backup_manifest manifest;
    size_t at = 0;
    hin_backup_manifest_init(&manifest);
    if (hin_is_ok(hin_backup_head_read(bytes, &manifest, &at)) && manifest.sequence == 0) {
        HIN_IGNORE(hin_backup_body_read(bytes, the_key(), NULL, &manifest)); /* mostly garbage */
    }
    hin_backup_manifest_done(&manifest);
}

static void read_back(struct hin_view bytes, const struct hin_backup_manifest *base,
                      const struct hin_backup_manifest *wanted)
{
    struct hin_backup_manifest read, alone;
    size_t at = 0;
    hin_backup_manifest_init(&read);
    scratch_require(hin_is_ok(hin_backup_head_read(bytes, &read, &at)));
    scratch_require(hin_is_ok(hin_backup_body_read(bytes, the_key(), base, &read)));
    scratch_require(base != NULL || hin_backup_same(&read, wanted));
    scratch_require(read.segment_count == wanted->segment_count);
    scratch_require(hin_backup_bytes(&read) == hin_backup_bytes(wanted));
    hin_backup_manifest_done(&read);
    hin_backup_manifest_init(&alone);
    scratch_require(hin_is_ok(hin_backup_head_read(bytes, &alone, &at)));
    scratch_require(base == NULL || hin_is_ok(hin_backup_shipment_read(bytes, the_key(), &alone)));
    hin_backup_manifest_done(&alone);
}

static void write_it(struct hin_backup_manifest *manifest)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf file = {.max = 1 << 24};
    HIN_CLEANUP(hin_buf_done) struct hin_buf shipment = {.max = 1 << 24};
    struct hin_backup_manifest base;
    hin_copy(manifest->tenant, "t0", 3);
    scratch_require(hin_is_ok(hin_buf_append(&manifest->payload, HIN_VIEW("HBK\1\1\0\0\0"))));
    scratch_require(hin_is_ok(hin_backup_manifest_write(manifest, NULL, the_key(), &file)));
    read_back(hin_buf_view(&file), NULL, manifest);
    /* against one that has every other segment, and one of them otherwise */
    hin_backup_manifest_init(&base);
    for (size_t i = 0; i < manifest->segment_count; i += 2) {
        scratch_require(hin_is_ok(hin_backup_add_segment(&base, &manifest->segments[i])));
        base.segments[i / 2].object.size += i == 2;
    }
    manifest->sequence = 1;
    scratch_require(hin_is_ok(hin_backup_manifest_write(manifest, &base, the_key(), &shipment)));
    bool ascending = true; /* as every manifest that we write is */
    for (size_t i = 1; i < manifest->segment_count; i++) {
        ascending &= manifest->segments[i - 1].row.id < manifest->segments[i].row.id;
    }
    if (ascending) {
        read_back(hin_buf_view(&shipment), &base, manifest);
    }
    hin_backup_manifest_done(&base);
}

static void read_records(struct hin_view plain)
{
    struct hin_backup_manifest manifest;
    struct hin_map gone;
    hin_backup_manifest_init(&manifest);
    scratch_require(hin_is_ok(hin_map_init(&gone, 1024)));
    struct hin_backup_reading reading = {.manifest = &manifest, .gone = &gone};
    if (hin_is_ok(hin_backup_records_read(plain, &reading)) && reading.about) {
        write_it(&manifest);
    }
    hin_map_done(&gone);
    hin_backup_manifest_done(&manifest);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hin_view rest = hin_view_of(data + 1, size > 0 ? size - 1 : 0);
    if (size == 0) {
        return 0;
    }
    if (data[0] % 2 == 0) {
        read_file(rest);
    } else {
        read_records(rest);
    }
    return 0;
}
