#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "site.h"

TEST(test_backup_take__comes_back_equal_to_the_last_byte)
{
    struct site site;
    struct hin_backup_manifest manifest;
    char digest[HIN_SHA256_HEX_BYTES];
    bool same = false;
    CHECK_OK(site_start(&site, "equal"));
    CHECK_OK(site_fill(&site, 3));
    CHECK_OK(digest_of(site.source.store, digest));
    CHECK_OK(site_take(&site, NOW, NULL, &manifest, NULL));
    CHECK_OK(restores_to(&site, NOW, 0, "back", digest, &same));
    CHECK(same);
    hin_backup_manifest_done(&manifest);
    site_stop(&site);
}

/* On a server from end to end: another schema of the same role. */
TEST(test_backup_take__comes_back_beside_its_own)
{
    struct site site;
    struct hin_backup_manifest manifest;
    char digest[HIN_SHA256_HEX_BYTES];
    bool same = false;
    CHECK_OK(site_start(&site, "beside"));
    CHECK_OK(site_fill(&site, 3));
    CHECK_OK(digest_of(site.source.store, digest));
    CHECK_OK(site_take(&site, NOW, NULL, &manifest, NULL));
    CHECK_OK(restores_beside(&site, NOW, "back", digest, &same));
    CHECK(same);
    CHECK_OK(target_erase_beside(&site));
    hin_backup_manifest_done(&manifest);
    site_stop(&site);
}

TEST(test_backup_take__what_comes_back_is_searched_and_verified_as_before)
{
    struct site site;
    struct fixture target;
    struct hin_backup_manifest manifest;
    struct hin_store_filter all = {0};
    struct hin_store_check check;
    struct hin_store_committed committed;
    struct shape copy = {.agent = 1, .generation = 5, .time_usec = NOW};
    CHECK_OK(site_start(&site, "search"));
    CHECK_OK(site_fill(&site, 2));
    CHECK_OK(site_take(&site, NOW, NULL, &manifest, NULL));
    CHECK_OK(target_open(&target, &site, "back"));
    site.backup.read_ahead = false;
    CHECK_OK(hin_backup_restore(&site.backup, &manifest, target.store));
    long events = search_count(&site.source, &all, NULL);
    CHECK(events > 0);
    CHECK_INT(search_count(&target, &all, NULL), events);
    CHECK_INT(search_term(&target, "user", "user7", NULL),
              search_term(&site.source, "user", "user7", NULL));
    CHECK(search_term(&target, "user", "user7", NULL) > 0);
    CHECK_OK(hin_store_check(target.store, &check));
    CHECK(check.structure_ok);
    CHECK_INT(check.segments_damaged + check.events_damaged + check.documents_damaged, 0);
    CHECK_INT(check.audit_damaged, 0);
    CHECK_INT(check.audit_records, 60);
    /* what was stored before is refused as a second copy, what is new is taken */
    CHECK_OK(commit_some(&target, &copy, 60, NOW, &committed));
    CHECK_INT(committed.copy_count, 60);
    copy.first_offset = 900000000;
    CHECK_OK(commit_some(&target, &copy, 10, NOW, &committed));
    CHECK_INT(committed.stored_count, 10);
    target_stop(&target);
    hin_backup_manifest_done(&manifest);
    site_stop(&site);
}

TEST(test_backup_take__writes_only_what_is_new)
{
    struct site site;
    struct hin_backup_manifest first, second, third;
    char digest[HIN_SHA256_HEX_BYTES];
    bool same = false;
    CHECK_OK(site_start(&site, "new"));
    CHECK_OK(site_fill(&site, 3));
    CHECK_OK(site_take(&site, NOW, NULL, &first, NULL));
    CHECK(site.backup.progress.objects > 10);
    CHECK_OK(site_take(&site, NOW + 1, &first, &second, NULL));
    CHECK_INT(site.backup.progress.objects, 0);
    CHECK_INT(site.backup.progress.bytes_shared, hin_backup_bytes(&first));
    struct shape more = {.agent = 9, .generation = 1, .time_usec = NOW};
    struct hin_store_committed committed;
    CHECK_OK(commit_some(&site.source, &more, 60, NOW + HIN_STORE_BUSY_USEC, &committed));
    CHECK_OK(digest_of(site.source.store, digest));
    CHECK_OK(site_take(&site, NOW + 2, &second, &third, NULL));
    CHECK(site.backup.progress.objects > 0 && site.backup.progress.objects < 6);
    CHECK_OK(restores_to(&site, NOW + 2, 0, "back", digest, &same));
    CHECK(same);
    hin_backup_manifest_done(&first);
    hin_backup_manifest_done(&second);
    hin_backup_manifest_done(&third);
    site_stop(&site);
}

static HIN_RESULT add_documents(struct site *site, enum hin_store_kind kind, int count)
{
    for (int i = 0; i < count; i++) {
        char text[64];
        int64_t id = 0;
        snprintf(text, sizeof(text), "{\"document\":%d}", i);
        struct hin_store_content content = {.bytes = hin_view_from_text(text)};
        HIN_TRY(hin_store_create(site->source.store, kind, &content, NOW + i, &id));
    }
    return hin_ok();
}

/* A backup after the former one, which it takes the place of: how many objects were written, and
 * whether it comes back equal. */
static HIN_RESULT take_next(struct site *site, int64_t begun, struct hin_backup_manifest *former,
                            uint64_t *ret_objects)
{
    struct hin_backup_manifest next;
    char digest[HIN_SHA256_HEX_BYTES], name[32];
    bool same = false;
    HIN_TRY(site_take(site, begun, former, &next, NULL));
    *ret_objects = site->backup.progress.objects;
    hin_backup_manifest_done(former);
    *former = next;
    snprintf(name, sizeof(name), "back-%lld", (long long)(begun - NOW));
    HIN_TRY(digest_of(site->source.store, digest));
    HIN_TRY(restores_to(site, begun, 0, name, digest, &same));
    HIN_ENSURE(same, CONFLICT);
    return hin_ok();
}

/* Two full ranges and a begun one: what is added, there or before it, leaves these as they are;
 * what is altered or taken away is seen, though what did not change is not read again. */
TEST(test_backup_take__evidence_is_written_once)
{
    struct site site;
    struct hin_backup_manifest former;
    struct hin_store_content other = {.bytes = HIN_VIEW("another")};
    uint64_t objects = 0, version = 0, kept = 0;
    CHECK_OK(site_start(&site, "evidence"));
    CHECK_OK(site_fill(&site, 1));
    CHECK_OK(add_documents(&site, HIN_STORE_EVIDENCE, 2 * 256 + 9));
    CHECK_OK(add_documents(&site, HIN_STORE_PROBE_STATES, 3));
    CHECK_OK(site_take(&site, NOW, NULL, &former, NULL));
    for (size_t i = 0; i < former.piece_count; i++) {
        kept += former.pieces[i].part == HIN_PART_DOCUMENT;
    }
    CHECK_INT(kept, 5); /* before, three ranges, behind */
    CHECK_OK(take_next(&site, NOW + 1, &former, &objects));
    CHECK_INT(objects, 0);
    CHECK_OK(add_documents(&site, HIN_STORE_EVIDENCE, 1)); /* its range, and the number */
    CHECK_OK(take_next(&site, NOW + 2, &former, &objects));
    CHECK_INT(objects, 2);
    CHECK_OK(add_documents(&site, HIN_STORE_API_KEYS, 1)); /* what is before, and the number */
    CHECK_OK(take_next(&site, NOW + 3, &former, &objects));
    CHECK_INT(objects, 2);
    hin_backup_memory_done(&site.memory); /* after a start all is read, and found to be there */
    CHECK_OK(take_next(&site, NOW + 4, &former, &objects));
    CHECK_INT(objects, 0);
    struct hin_store *store = site.source.store;
    CHECK_OK(hin_store_update(store, HIN_STORE_EVIDENCE, 7, 0, &other, NOW, &version));
    CHECK_OK(take_next(&site, NOW + 5, &former, &objects));
    CHECK_INT(objects, 1);
    CHECK_OK(hin_store_delete(store, HIN_STORE_EVIDENCE, 300, 0));
    CHECK_OK(take_next(&site, NOW + 6, &former, &objects));
    CHECK_INT(objects, 1);
    CHECK_OK(take_next(&site, NOW + 7, &former, &objects));
    CHECK_INT(objects, 0);
    hin_backup_manifest_done(&former);
    site_stop(&site);
}

struct knowing {
    const struct hin_backup_manifest *manifest;
    size_t asked, met;
};

static bool know(void *context, struct hin_copy_segment *segment)
{
    struct knowing *knowing = context;
    const struct hin_copy_segment *row = &knowing->manifest->segments[knowing->asked++].row;
    hin_copy(segment->key, row->key, sizeof(segment->key));
    return segment->id == row->id;
}

static HIN_RESULT meet(void *context, const struct hin_copy_segment *segment)
{
    struct knowing *knowing = context;
    const struct hin_copy_segment *row = &knowing->manifest->segments[knowing->met].row;
    knowing->met++;
    return segment->key_state == HIN_COPY_KEY_HERE &&
                   memcmp(segment->key, row->key, sizeof(row->key)) == 0
               ? hin_ok()
               : hin_fail(HIN_CONFLICT);
}

/* As the former backup says them; one that nobody knows is opened, which the key service is asked
 * for. */
TEST(test_backup_take__keys_of_segments_are_asked_for_once)
{
    struct site site;
    struct hin_backup_manifest manifest;
    bool more = false;
    CHECK_OK(site_start(&site, "known"));
    CHECK_OK(site_fill(&site, 2));
    CHECK_OK(site_take(&site, NOW, NULL, &manifest, NULL));
    CHECK(manifest.segment_count > 3);
    struct knowing all = {.manifest = &manifest}, none = {.manifest = &manifest};
    struct hin_store *store = site.source.store;
    CHECK_OK(hin_store_copy_segments(store, INT64_MIN, 100, meet, &none, &more));
    CHECK_INT(none.met, manifest.segment_count);
    keys_leave(&site.source.keys);
    CHECK_OK(hin_store_copy_segments_known(store, INT64_MIN, 100, know, meet, &all, &more));
    CHECK_INT(all.asked, manifest.segment_count);
    CHECK_INT(all.met, manifest.segment_count);
    CHECK_CODE(hin_store_copy_segments(store, INT64_MIN, 100, meet, &none, &more), AGAIN);
    site.source.keys.away = false;
    hin_backup_manifest_done(&manifest);
    site_stop(&site);
}

TEST(test_backup_take__ships_each_moment)
{
    struct site site;
    struct hin_backup_manifest base, state;
    struct hin_vault_data_key key;
    struct hin_store_committed committed;
    char digests[4][HIN_SHA256_HEX_BYTES];
    bool changed = true, same = false;
    CHECK_OK(site_start(&site, "ship"));
    CHECK_OK(site_fill(&site, 2));
    CHECK_OK(site_take(&site, NOW, NULL, &base, &key));
    CHECK_OK(hin_backup_load(&site.backup, NOW, 0, &state, NULL));
    CHECK_OK(site_ship(&site, &base, &key, 1, &state, &changed));
    CHECK(!changed);
    for (uint32_t i = 1; i <= 3; i++) {
        struct shape more = {.agent = 9, .generation = i, .time_usec = NOW};
        CHECK_OK(commit_some(&site.source, &more, 5, NOW + (int64_t)i, &committed));
        if (i == 2) { /* small ones become one: it takes the place of those shipped before */
            CHECK_OK(hin_store_maintain(site.source.store, NOW + HIN_STORE_BUSY_USEC * 10, 0));
        }
        CHECK_OK(digest_of(site.source.store, digests[i]));
        CHECK_OK(site_ship(&site, &base, &key, i, &state, &changed));
        CHECK(changed);
    }
    for (uint32_t i = 1; i <= 3; i++) {
        char name[16];
        snprintf(name, sizeof(name), "back%u", i);
        CHECK_OK(restores_to(&site, NOW, i, name, digests[i], &same));
        CHECK(same);
    }
    CHECK_OK(restores_to(&site, NOW, UINT32_MAX, "newest", digests[3], &same));
    CHECK(same);
    hin_secret_done(&key.key);
    hin_backup_manifest_done(&base);
    hin_backup_manifest_done(&state);
    site_stop(&site);
}

/* --- cut off anywhere --- */

struct cut {
    uint64_t at, seen;
};

static HIN_RESULT cut_off(void *context, const struct hin_backup_progress *progress)
{
    struct cut *cut = context;
    (void)progress;
    return ++cut->seen == cut->at ? hin_fail(HIN_CLOSED) : hin_ok();
}

TEST(test_backup_take__goes_on_where_it_was_cut_off)
{
    struct site site;
    struct hin_backup_manifest manifest;
    struct cut cut = {0};
    char digest[HIN_SHA256_HEX_BYTES];
    struct hin_backup_listed *list = NULL;
    size_t count = 0;
    bool same = false;
    CHECK_OK(site_start(&site, "cut"));
    CHECK_OK(site_fill(&site, 1));
    CHECK_OK(digest_of(site.source.store, digest));
    site.backup.between = cut_off;
    site.backup.between_context = &cut;
    struct hin_result taken = hin_fail(HIN_CLOSED);
    for (cut.at = 1; taken.code == HIN_CLOSED; cut.at++) {
        CHECK_OK(hin_backup_list(site.depot, site.source.tenant, &list, &count));
        CHECK_INT(count, 0); /* nothing that looks like a backup */
        free(list);
        cut.seen = 0;
        taken = site_take(&site, NOW, NULL, &manifest, NULL);
    }
    CHECK_OK(taken);
    CHECK(cut.at > 5);
    site.backup.between = NULL;
    CHECK_OK(restores_to(&site, NOW, 0, "back", digest, &same));
    CHECK(same);
    /* what the cut ones left is named by nothing and goes */
    uint64_t objects = 0, bytes = 0;
    CHECK_OK(hin_backup_sweep(&site.backup, &objects, &bytes));
    CHECK(objects > 0);
    CHECK_OK(hin_backup_sweep(&site.backup, &objects, &bytes));
    CHECK_INT(objects, 0);
    CHECK_OK(restores_to(&site, NOW, 0, "again", digest, &same));
    CHECK(same);
    hin_backup_manifest_done(&manifest);
    site_stop(&site);
}

/* What a filled store did without: the log that makes a crash harmless, the index made last. */
TEST(test_backup_take__a_restored_store_is_as_any_other)
{
    struct site site;
    struct hin_backup_manifest manifest;
    struct fixture target;
    char path[700];
    HIN_CLEANUP(hin_buf_done) struct hin_buf file = {.max = 64 << 20};
    CHECK_OK(site_start(&site, "asany"));
    CHECK_OK(site_fill(&site, 1));
    CHECK_OK(site_take(&site, NOW, NULL, &manifest, NULL));
    CHECK_OK(target_open(&target, &site, "back"));
    CHECK_OK(hin_backup_restore(&site.backup, &manifest, target.store));
    snprintf(path, sizeof(path), "%s/%s.db", target.folder, site.source.tenant);
    CHECK_OK(hin_file_read(AT_FDCWD, path, &file));
    CHECK(file.size > 100 && file.data[18] == 2 && file.data[19] == 2); /* SQLite: a log is kept */
    CHECK(hin_view_find(hin_buf_view(&file), HIN_VIEW("CREATE INDEX span_segment")) != SIZE_MAX);
    target_stop(&target);
    hin_backup_manifest_done(&manifest);
    site_stop(&site);
}

TEST(test_backup_take__a_restore_that_is_cut_off_says_so)
{
    struct site site;
    struct hin_backup_manifest manifest;
    struct fixture target;
    struct cut cut = {.at = 5};
    CHECK_OK(site_start(&site, "cutback"));
    CHECK_OK(site_fill(&site, 1));
    CHECK_OK(site_take(&site, NOW, NULL, &manifest, NULL));
    CHECK_OK(target_open(&target, &site, "back"));
    site.backup.between = cut_off;
    site.backup.between_context = &cut;
    CHECK_CODE(hin_backup_restore(&site.backup, &manifest, target.store), CLOSED);
    target_stop(&target);
    hin_backup_manifest_done(&manifest);
    site_stop(&site);
}

/* --- destroying --- */

TEST(test_backup_destroy__key_first_then_what_nothing_names)
{
    struct site site;
    struct hin_backup_manifest first, second, gone;
    struct hin_store_committed committed;
    char digest[HIN_SHA256_HEX_BYTES];
    struct shape more = {.agent = 9, .generation = 1, .time_usec = NOW};
    uint64_t objects = 0, bytes = 0;
    bool same = false;
    CHECK_OK(site_start(&site, "destroy"));
    CHECK_OK(site_fill(&site, 1));
    CHECK_OK(site_take(&site, NOW, NULL, &first, NULL));
    CHECK_OK(commit_some(&site.source, &more, 60, NOW, &committed));
    CHECK_OK(hin_store_maintain(site.source.store, NOW + HIN_STORE_BUSY_USEC * 10, 0));
    CHECK_OK(digest_of(site.source.store, digest));
    CHECK_OK(site_take(&site, NOW + 1, &first, &second, NULL));
    CHECK_OK(hin_backup_sweep(&site.backup, &objects, &bytes));
    CHECK_INT(objects, 0); /* both live */
    struct hin_view tenant = hin_view_from_text(site.source.tenant);
    CHECK_OK(hin_vault_backup_destroy(site.vault, tenant, first.version));
    CHECK_OK(hin_vault_backup_destroy(site.vault, tenant, first.version)); /* a repeat */
    CHECK_CODE(hin_backup_load(&site.backup, NOW, 0, &gone, NULL), NOT_FOUND);
    CHECK(strstr(site.backup.error.text, "destroyed") != NULL);
    CHECK_OK(hin_backup_remove(&site.backup, NOW));
    CHECK_OK(hin_backup_remove(&site.backup, NOW));
    CHECK_OK(hin_backup_sweep(&site.backup, &objects, &bytes));
    CHECK(objects > 0); /* small segments that were merged since */
    CHECK_OK(restores_to(&site, NOW + 1, 0, "back", digest, &same));
    CHECK(same);
    /* the newest, whose key is the one in force, goes like any other */
    CHECK_OK(hin_vault_backup_destroy(site.vault, tenant, second.version));
    CHECK_CODE(hin_backup_load(&site.backup, NOW + 1, 0, &gone, NULL), NOT_FOUND);
    hin_backup_manifest_done(&first);
    hin_backup_manifest_done(&second);
    site_stop(&site);
}

TEST(test_backup_destroy__a_manifest_that_cannot_be_read_stops_the_sweep)
{
    struct site site;
    struct hin_backup_manifest manifest;
    char path[HIN_DEPOT_NAME_MAX + 1];
    uint64_t objects = 0, bytes = 0;
    CHECK_OK(site_start(&site, "stop"));
    CHECK_OK(site_fill(&site, 1));
    CHECK_OK(site_take(&site, NOW, NULL, &manifest, NULL));
    hin_backup_manifest_path(site.source.tenant, NOW + 5, 0, path);
    CHECK_OK(
        hin_depot_put(site.depot, path, HIN_VIEW("HBM\1 and then nothing of use"), HIN_DEPOT_NEW));
    CHECK_CODE(hin_backup_sweep(&site.backup, &objects, &bytes), CORRUPT);
    CHECK(strstr(site.backup.error.text, site.source.tenant) != NULL);
    hin_backup_manifest_done(&manifest);
    site_stop(&site);
}

TEST(test_backup_destroy__an_erased_tenant_has_no_backup_that_opens)
{
    struct site site;
    struct hin_backup_manifest manifest, gone;
    CHECK_OK(site_start(&site, "erased"));
    CHECK_OK(site_fill(&site, 1));
    CHECK_OK(site_take(&site, NOW, NULL, &manifest, NULL));
    CHECK_OK(hin_vault_tenant_shred(site.vault, hin_view_from_text(site.source.tenant)));
    CHECK_CODE(hin_backup_load(&site.backup, NOW, 0, &gone, NULL), NOT_FOUND);
    hin_backup_manifest_done(&manifest);
    site_stop(&site);
}
