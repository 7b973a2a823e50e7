#include "site.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../store/server.h"
#include "base/bytes.h"
#include "base/fd.h"

static HIN_RESULT open_key(void *context, struct hin_view tenant, struct hin_view payload,
                           struct hin_vault_data_key *ret_key)
{
    struct site *site = context;
    return hin_vault_backup_open(site->vault, tenant, payload, ret_key);
}

static HIN_RESULT start_keys(struct site *site)
{
    char path[600];
    snprintf(path, sizeof(path), "%s/vault", site->folder);
    HIN_TRY(hin_directory_make(path, 0700));
    HIN_TRY(hin_fd_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0, &site->vault_fd));
    snprintf(path, sizeof(path), "%s/ring", site->folder);
    HIN_TRY(hin_ring_create(AT_FDCWD, path, NULL, NULL));
    HIN_TRY(hin_ring_open(&site->ring, AT_FDCWD, path, NULL, NULL));
    site->vault_options =
        (struct hin_vault_options){.provider = hin_ring_provider(site->ring),
                                   .storage = hin_vault_storage_folder(&site->vault_fd),
                                   .own = site->source.tenant};
    HIN_TRY(hin_vault_create(&site->vault, &site->vault_options, "Hinomi test"));
    return hin_vault_tenant_create(site->vault, hin_view_from_text(site->source.tenant));
}

HIN_RESULT site_start(struct site *site, const char *name)
{
    char store[300];
    *site = (struct site){.vault_fd = -1};
    snprintf(store, sizeof(store), "%s-store", name);
    HIN_TRY(fixture_start(&site->source, store));
    snprintf(site->folder, sizeof(site->folder), "%s/%s", test_folder(), name);
    snprintf(site->depot_folder, sizeof(site->depot_folder), "%s/depot", site->folder);
    snprintf(site->url, sizeof(site->url), "file://%s", site->depot_folder);
    HIN_TRY(hin_directory_make(site->depot_folder, 0700));
    HIN_TRY(start_keys(site));
    struct hin_depot_options options = {.url = site->url, .directory = -1};
    HIN_TRY(hin_depot_open(&site->depot, &options, NULL));
    site->backup = (struct hin_backup){.depot = site->depot,
                                       .tenant = site->source.tenant,
                                       .open_key = open_key,
                                       .key_context = site,
                                       .read_ahead = true};
    return hin_ok();
}

void site_stop(struct site *site)
{
    hin_backup_memory_done(&site->memory);
    hin_depot_close(site->depot);
    hin_vault_free(site->vault);
    hin_ring_free(site->ring);
    hin_fd_close(&site->vault_fd);
    fixture_stop(&site->source);
}

static HIN_RESULT fill_documents(struct hin_store *store, int scale)
{
    for (int i = 0; i < 20 * scale; i++) {
        char name[32], text[64];
        int64_t id = 0;
        snprintf(name, sizeof(name), "host-%d", i);
        snprintf(text, sizeof(text), "{\"name\":\"host-%d\",\"n\":%d}", i, i * i);
        struct hin_store_content content = {.bytes = hin_view_from_text(text),
                                            .names = {hin_view_from_text(name)},
                                            .owner = i % 3,
                                            .expires_usec = i % 5 == 0 ? NOW + i : 0};
        HIN_TRY(hin_store_create(store, HIN_STORE_COMPUTERS, &content, NOW + i, &id));
        if (i % 7 == 3) {
            HIN_TRY(hin_store_delete(store, HIN_STORE_COMPUTERS, id, 0));
        }
    }
    return hin_ok();
}

static HIN_RESULT fill_agents(struct hin_store *store, int scale)
{
    for (int64_t i = 1; i <= 5 * scale; i++) {
        struct hin_store_certificate certificate = {
            .serial = {1, (uint8_t)i}, .serial_bytes = 2, .agent = i, .not_after_usec = NOW + i};
        HIN_TRY(hin_store_agent_session(store, i, (uint64_t)i + 1, NOW));
        HIN_TRY(hin_store_agent_blob(store, i, HIN_VIEW("what this agent said last")));
        HIN_TRY(hin_store_certificate_put(store, &certificate));
    }
    return hin_store_certificates_revoke(store, 1, NOW);
}

static HIN_RESULT erase_some(void *context, const struct hin_store_event *event,
                             enum hin_store_verdict *ret_verdict,
                             struct hin_store_event *replacement)
{
    (void)context;
    (void)replacement;
    *ret_verdict = event->id % 50 == 0 ? HIN_STORE_ERASE : HIN_STORE_KEEP;
    return hin_ok();
}

HIN_RESULT site_fill(struct site *site, int scale)
{
    struct fixture *f = &site->source;
    struct hin_store_committed committed;
    struct hin_store_rewritten rewritten;
    struct hin_store_rewrite rewrite = {.judge = erase_some, .until_id = 100};
    for (int i = 0; i < 4 * scale; i++) {
        struct shape shape = {.agent = i % 3 + 1,
                              .generation = 5,
                              .first_offset = (uint64_t)i * 100000,
                              .time_usec = NOW + i};
        HIN_TRY(commit_some(f, &shape, 60, NOW + i * INT64_C(1000000), &committed));
    }
    HIN_TRY(hin_store_rewrite(f->store, &rewrite, &rewritten));
    HIN_TRY(fill_documents(f->store, scale));
    HIN_TRY(fill_agents(f->store, scale));
    HIN_TRY(audit_some(f, 30 * scale));
    return hin_store_audit_erase(f->store, 7);
}

HIN_RESULT site_take(struct site *site, int64_t begun, const struct hin_backup_manifest *former,
                     struct hin_backup_manifest *ret_manifest, struct hin_vault_data_key *ret_key)
{
    bool changed = false;
    struct hin_vault_data_key key = {0};
    hin_backup_manifest_init(ret_manifest);
    ret_manifest->begun_usec = begun;
    struct hin_result made = hin_vault_backup_new(
        site->vault, hin_view_from_text(site->source.tenant), 0, &key, &ret_manifest->payload);
    struct hin_backup_take take = {.store = site->source.store,
                                   .memory = &site->memory,
                                   .former = former,
                                   .key = &key,
                                   .now_usec = begun};
    if (hin_is_ok(made)) {
        made =
            hin_vault_backup_version(hin_buf_view(&ret_manifest->payload), &ret_manifest->version);
    }
    if (hin_is_ok(made)) {
        site->backup.progress = (struct hin_backup_progress){0};
        made = hin_backup_take(&site->backup, &take, ret_manifest, &changed);
    }
    if (!hin_is_ok(made) || ret_key == NULL) {
        hin_secret_done(&key.key);
    } else {
        *ret_key = key;
    }
    if (!hin_is_ok(made)) {
        hin_backup_manifest_done(ret_manifest);
    }
    return made;
}

HIN_RESULT site_ship(struct site *site, const struct hin_backup_manifest *base,
                     const struct hin_vault_data_key *key, uint32_t sequence,
                     struct hin_backup_manifest *state, bool *ret_changed)
{
    struct hin_backup_manifest next;
    hin_backup_manifest_init(&next);
    next.begun_usec = base->begun_usec;
    next.sequence = sequence;
    struct hin_result shipped = hin_buf_append(&next.payload, hin_buf_view(&base->payload));
    struct hin_backup_take take = {.store = site->source.store,
                                   .memory = &site->memory,
                                   .former = state,
                                   .base = base,
                                   .key = key,
                                   .now_usec = base->begun_usec + sequence};
    site->backup.progress = (struct hin_backup_progress){0};
    if (hin_is_ok(shipped)) {
        shipped = hin_backup_take(&site->backup, &take, &next, ret_changed);
    }
    if (!hin_is_ok(shipped)) {
        hin_backup_manifest_done(&next);
        return shipped;
    }
    hin_backup_manifest_done(state);
    *state = next;
    return hin_ok();
}

/* --- the other side --- */

static HIN_RESULT open_target(struct fixture *target, const struct site *site, const char *name,
                              bool beside)
{
    uint8_t index_key[HIN_SEAL_KEY_BYTES];
    HIN_CLEANUP(hin_secret_done) struct hin_secret secret = {0};
    struct hin_error error = {0};
    *target = (struct fixture){.directory = -1};
    snprintf(target->folder, sizeof(target->folder), "%s/%s", site->folder, name);
    snprintf(target->tenant, sizeof(target->tenant), "%s", site->source.tenant);
    HIN_TRY(hin_directory_make(target->folder, 0700));
    HIN_TRY(hin_fd_open(AT_FDCWD, target->folder, O_RDONLY | O_DIRECTORY, 0, &target->directory));
    HIN_TRY(keys_new(&target->keys, 90));
    hin_fill(index_key, 7, sizeof(index_key)); /* the index key comes with the backup */
    HIN_TRY(hin_secret_from(&secret, hin_view_of(index_key, sizeof(index_key))));
    hin_index_free(target->keys.index);
    target->keys.index = NULL;
    HIN_TRY(hin_index_new(&target->keys.index, &secret));
    struct hin_store_options options = {
        .directory = target->directory, .tenant = target->tenant, .create = true};
    if (beside) {
        options.server = test_server();
        options.aside = HIN_STORE_NEXT;
    }
    HIN_TRY(hin_store_open(&target->store, &options, &error));
    target->keys.store = target->store;
    struct hin_store_keys keys = keys_of(&target->keys);
    HIN_TRY(hin_store_key_put(target->store, target->keys.id, 1, HIN_VIEW("wrapped"), NOW));
    return hin_store_unlock(target->store, &keys);
}

HIN_RESULT target_open(struct fixture *target, const struct site *site, const char *name)
{
    return open_target(target, site, name, false);
}

HIN_RESULT target_open_beside(struct fixture *target, const struct site *site, const char *name)
{
    return open_target(target, site, name, true);
}

HIN_RESULT target_erase_beside(const struct site *site)
{
    struct hin_store_options options = fixture_options(&site->source);
    struct hin_error error = {0};
    return hin_store_aside_erase(&options, HIN_STORE_NEXT, &error);
}

void target_stop(struct fixture *target)
{
    fixture_stop(target);
    HIN_IGNORE(hin_directory_remove(target->folder)); /* the test's folder goes anyway */
}

struct digesting {
    struct hin_sha256 *hash;
    struct hin_store *store;
    int64_t last;
};

static HIN_RESULT add_row(void *context, struct hin_view row)
{
    struct digesting *digesting = context;
    uint8_t size[8];
    hin_store_u64(size, row.size);
    HIN_TRY(hin_sha256_add(digesting->hash, hin_view_of(size, sizeof(size))));
    return hin_sha256_add(digesting->hash, row);
}

static HIN_RESULT add_segment(void *context, const struct hin_copy_segment *segment)
{
    struct digesting *digesting = context;
    char text[400];
    snprintf(text, sizeof(text),
             "%lld %lld %lld %lld %lld %lld %lld %lld %lld %lld %llx %llx %d %d",
             (long long)segment->id, (long long)segment->last_id, (long long)segment->count,
             (long long)segment->level, (long long)segment->day, (long long)segment->created_usec,
             (long long)segment->min_time, (long long)segment->max_time,
             (long long)segment->plain_bytes, (long long)segment->damaged,
             (unsigned long long)segment->classes, (unsigned long long)segment->severities,
             (int)segment->computers_known, (int)segment->key_state);
    digesting->last = segment->id;
    HIN_TRY(add_row(context, hin_view_from_text(text)));
    HIN_TRY(add_row(context, segment->computers));
    return add_row(context, hin_view_of(segment->key, sizeof(segment->key)));
}

static HIN_RESULT add_all(struct digesting *digesting)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf bytes = {.max = HIN_BACKUP_OBJECT_MAX};
    struct hin_store *store = digesting->store;
    bool more = true;
    for (int part = 1; part < HIN_PART_COUNT; part++) {
        struct hin_copy_cursor cursor = HIN_COPY_FIRST;
        for (more = true; more;) { /* a small page, so that it goes on where it ended */
            HIN_TRY(hin_store_copy_rows(store, (enum hin_store_part)part, INT64_MAX, 7, &cursor,
                                        add_row, digesting, &more));
        }
    }
    digesting->last = INT64_MIN;
    for (more = true; more;) {
        HIN_TRY(hin_store_copy_segments(store, digesting->last, 1, add_segment, digesting, &more));
        hin_buf_clear(&bytes);
        if (more) {
            HIN_TRY(hin_store_copy_segment(store, digesting->last, &bytes));
            HIN_TRY(add_row(digesting, hin_buf_view(&bytes)));
        }
    }
    return hin_ok();
}

HIN_RESULT digest_of(struct hin_store *store, char ret_hex[HIN_SHA256_HEX_BYTES])
{
    HIN_CLEANUP(hin_sha256_freep) struct hin_sha256 *hash = NULL;
    uint8_t digest[HIN_SHA256_BYTES];
    HIN_TRY(hin_sha256_new(&hash));
    HIN_TRY(hin_sha256_begin(hash));
    struct digesting digesting = {.hash = hash, .store = store};
    HIN_TRY(add_all(&digesting));
    HIN_TRY(hin_sha256_end(hash, digest));
    hin_hex(digest, sizeof(digest), ret_hex);
    return hin_ok();
}

static HIN_RESULT restores(struct site *site, int64_t begun, uint32_t sequence, const char *name,
                           bool beside, const char *wanted, bool *ret_same)
{
    struct hin_backup_manifest manifest;
    struct fixture target;
    char digest[HIN_SHA256_HEX_BYTES] = "";
    HIN_TRY(hin_backup_load(&site->backup, begun, sequence, &manifest, NULL));
    struct hin_result restored = open_target(&target, site, name, beside);
    if (hin_is_ok(restored)) {
        restored = hin_backup_restore(&site->backup, &manifest, target.store);
    }
    if (hin_is_ok(restored)) {
        restored = digest_of(target.store, digest);
    }
    target_stop(&target);
    hin_backup_manifest_done(&manifest);
    HIN_TRY(restored);
    *ret_same = strcmp(digest, wanted) == 0;
    return hin_ok();
}

HIN_RESULT restores_to(struct site *site, int64_t begun, uint32_t sequence, const char *name,
                       const char *wanted, bool *ret_same)
{
    return restores(site, begun, sequence, name, false, wanted, ret_same);
}

HIN_RESULT restores_beside(struct site *site, int64_t begun, const char *name, const char *wanted,
                           bool *ret_same)
{
    return restores(site, begun, 0, name, true, wanted, ret_same);
}
