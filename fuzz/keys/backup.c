/* What lies with a backup and opens it (keys/vault.h). First the input itself, as somebody else's;
 * then one of ours, altered where the input says (u16 place, u8 bits, ...): whatever is altered
 * opens nothing, and what is not brings the vault back. */
#include <string.h>

#include "../scratch.h"
#include "base/bytes.h"
#include "keys/ring.h"
#include "keys/vault.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct hin_buf stored = {.max = 1 << 24};

static HIN_RESULT load(void *context, struct hin_buf *ret_bytes)
{
    HIN_ENSURE(stored.size > 0, NOT_FOUND);
    return hin_buf_append(ret_bytes, hin_buf_view(&stored));
}

static HIN_RESULT save(void *context, struct hin_view bytes)
{
    hin_buf_clear(&stored);
    return hin_buf_append(&stored, bytes);
}

struct site {
    struct hin_ring *ring;
    struct hin_key_provider provider;
    struct hin_vault_options options;
    struct hin_buf payload;
};

/* Made once: a ring takes a while. */
static struct site *the_site(void)
{
    static struct site site;
    HIN_CLEANUP(hin_vault_freep) struct hin_vault *vault = NULL;
    char path[HIN_PATH_MAX];
    struct hin_vault_data_key key;
    if (site.ring != NULL) {
        return &site;
    }
    scratch_require(hin_is_ok(hin_path_join(path, sizeof(path), scratch_folder(), "ring")));
    scratch_require(hin_is_ok(hin_ring_create(AT_FDCWD, path, NULL, NULL)) &&
                    hin_is_ok(hin_ring_open(&site.ring, AT_FDCWD, path, NULL, NULL)));
    site.provider = hin_ring_provider(site.ring);
    site.options = (struct hin_vault_options){
        .provider = site.provider, .storage = {.load = load, .save = save}, .own = "t0"};
    site.payload.max = HIN_VAULT_BACKUP_MAX;
    scratch_require(hin_is_ok(hin_vault_create(&vault, &site.options, "fuzz")));
    scratch_require(hin_is_ok(hin_vault_tenant_create(vault, HIN_VIEW("t0"))));
    scratch_require(hin_is_ok(hin_vault_backup_new(vault, HIN_VIEW("t0"), 0, &key, &site.payload)));
    hin_secret_done(&key.key);
    return &site;
}

static bool opens(struct site *site, struct hin_view payload)
{
    struct hin_vault_data_key key = {0};
    bool opened =
        hin_is_ok(hin_vault_backup_unwrap(&site->provider, HIN_VIEW("t0"), payload, &key));
    hin_secret_done(&key.key);
    return opened;
}

static bool restores(struct site *site, struct hin_view payload)
{
    HIN_CLEANUP(hin_vault_freep) struct hin_vault *vault = NULL;
    if (!hin_is_ok(
            hin_vault_restore(&vault, &site->options, &site->provider, HIN_VIEW("t0"), payload))) {
        return false;
    }
    scratch_require(
        hin_is_ok(hin_vault_restore_tenant(vault, &site->provider, HIN_VIEW("t0"), payload)));
    scratch_require(
        hin_is_ok(hin_vault_backup_fits(vault, &site->provider, HIN_VIEW("t0"), payload)));
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct site *site = the_site();
    HIN_CLEANUP(hin_buf_done) struct hin_buf ours = {.max = HIN_VAULT_BACKUP_MAX};
    struct hin_view input = hin_view_of(data, size);
    scratch_require(!opens(site, input) && !restores(site, input));
    scratch_require(hin_is_ok(hin_buf_append(&ours, hin_buf_view(&site->payload))));
    for (size_t i = 0; i + 3 <= size; i += 3) {
        ours.data[hin_load_u16(data + i) % ours.size] ^= data[i + 2];
    }
    bool same = hin_view_equal(hin_buf_view(&ours), hin_buf_view(&site->payload));
    bool whole = opens(site, hin_buf_view(&ours)) && restores(site, hin_buf_view(&ours));
    scratch_require(whole == same);
    return 0;
}
