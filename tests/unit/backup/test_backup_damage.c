#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "site.h"

struct files {
    char names[512][HIN_DEPOT_NAME_MAX + 1];
    uint64_t sizes[512];
    size_t count;
};

static HIN_RESULT add_file(void *context, const struct hin_depot_entry *entry)
{
    struct files *files = context;
    HIN_ENSURE(files->count < HIN_COUNT(files->names), LIMIT);
    snprintf(files->names[files->count], sizeof(files->names[0]), "%s", entry->name);
    files->sizes[files->count++] = entry->size;
    return hin_ok();
}

static HIN_RESULT flip(const struct site *site, const char *name, uint64_t at, uint8_t bits)
{
    char path[1024];
    uint8_t byte = 0;
    snprintf(path, sizeof(path), "%s/%s", site->depot_folder, name);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    HIN_ENSURE(fd >= 0, IO);
    bool done = pread(fd, &byte, 1, (off_t)at) == 1;
    byte ^= bits;
    done = done && pwrite(fd, &byte, 1, (off_t)at) == 1;
    close(fd);
    return done ? hin_ok() : hin_fail(HIN_IO);
}

/* As `verify` does it: all that is there, manifest and shipment. OK: nothing was found. */
static HIN_RESULT verify(struct site *site, uint32_t sequence, const char *name)
{
    struct hin_backup_manifest manifest;
    struct hin_backup_verdict verdict;
    struct hin_result loaded = hin_backup_load(&site->backup, NOW, sequence, &manifest, NULL);
    if (!hin_is_ok(loaded)) {
        bool named = strcmp(site->backup.error.file, name) == 0 &&
                     strstr(site->backup.error.text, site->source.tenant) != NULL;
        return named ? loaded : hin_fail(HIN_INTERNAL);
    }
    struct hin_result checked = hin_backup_check(&site->backup, &manifest, &verdict);
    hin_backup_manifest_done(&manifest);
    HIN_TRY(checked);
    if (verdict.damaged + verdict.missing == 0) {
        return hin_ok();
    }
    HIN_ENSURE(strcmp(verdict.first, name) == 0, INTERNAL);
    return hin_fail(HIN_CORRUPT);
}

TEST(test_backup_damage__every_flipped_bit_is_found_and_named)
{
    enum { FLIPS = 2000 };
    struct site site;
    struct hin_backup_manifest base, state;
    struct hin_vault_data_key key;
    struct hin_store_committed committed;
    struct shape more = {.agent = 9, .generation = 1, .time_usec = NOW};
    static struct files files;
    bool changed = false;
    CHECK_OK(site_start(&site, "flips"));
    CHECK_OK(site_fill(&site, 1));
    CHECK_OK(site_take(&site, NOW, NULL, &base, &key));
    CHECK_OK(hin_backup_load(&site.backup, NOW, 0, &state, NULL));
    CHECK_OK(commit_some(&site.source, &more, 5, NOW, &committed));
    CHECK_OK(site_ship(&site, &base, &key, 1, &state, &changed));
    CHECK_OK(hin_depot_list(site.depot, "", add_file, &files));
    CHECK(files.count > 10);
    CHECK_OK(verify(&site, 0, ""));
    CHECK_OK(verify(&site, 1, ""));
    srandom(20261129);
    for (int i = 0; i < FLIPS; i++) {
        size_t file = (size_t)random() % files.count;
        uint64_t at = (uint64_t)random() % files.sizes[file];
        uint8_t bits = (uint8_t)(1u << ((unsigned)random() % 8));
        CHECK_OK(flip(&site, files.names[file], at, bits));
        struct hin_result one = verify(&site, 0, files.names[file]);
        struct hin_result other = hin_is_ok(one) ? verify(&site, 1, files.names[file]) : one;
        if (hin_is_ok(other) || one.code == HIN_INTERNAL || other.code == HIN_INTERNAL) {
            test_fail(__FILE__, __LINE__, "bit %x of byte %llu of %s: %s, %s (%s)", bits,
                      (unsigned long long)at, files.names[file], hin_code_name(one.code),
                      hin_code_name(other.code), site.backup.error.file);
            return;
        }
        CHECK_OK(flip(&site, files.names[file], at, bits));
    }
    CHECK_OK(verify(&site, 1, ""));
    hin_secret_done(&key.key);
    hin_backup_manifest_done(&base);
    hin_backup_manifest_done(&state);
    site_stop(&site);
}

TEST(test_backup_damage__what_is_missing_cut_or_longer_is_found)
{
    struct site site;
    struct hin_backup_manifest base;
    static struct files files;
    CHECK_OK(site_start(&site, "missing"));
    CHECK_OK(site_fill(&site, 1));
    CHECK_OK(site_take(&site, NOW, NULL, &base, NULL));
    CHECK_OK(hin_depot_list(site.depot, "", add_file, &files));
    for (size_t i = 0; i < files.count; i++) {
        char path[1024], aside[1100];
        snprintf(path, sizeof(path), "%s/%s", site.depot_folder, files.names[i]);
        snprintf(aside, sizeof(aside), "%s.aside", site.depot_folder);
        CHECK(rename(path, aside) == 0);
        CHECK(!hin_is_ok(verify(&site, 0, files.names[i])));
        CHECK(rename(aside, path) == 0);
        CHECK(truncate(path, (off_t)files.sizes[i] + 1) == 0);
        CHECK(!hin_is_ok(verify(&site, 0, files.names[i])));
        CHECK(truncate(path, (off_t)files.sizes[i]) == 0);
        CHECK_OK(verify(&site, 0, ""));
        if (i % 5 == 0) {
            CHECK(truncate(path, (off_t)files.sizes[i] - 1) == 0);
            CHECK(!hin_is_ok(verify(&site, 0, files.names[i])));
            CHECK(truncate(path, (off_t)files.sizes[i]) == 0);
            CHECK(!hin_is_ok(verify(&site, 0, files.names[i]))); /* a zero in its place */
            break;
        }
    }
    hin_backup_manifest_done(&base);
    site_stop(&site);
}

TEST(test_backup_damage__one_of_a_newer_version_is_refused_by_name)
{
    struct site site;
    struct hin_backup_manifest base, read;
    char path[HIN_DEPOT_NAME_MAX + 1];
    CHECK_OK(site_start(&site, "newer"));
    CHECK_OK(site_fill(&site, 1));
    CHECK_OK(site_take(&site, NOW, NULL, &base, NULL));
    hin_backup_manifest_path(site.source.tenant, NOW, 0, path);
    CHECK_OK(flip(&site, path, 3, 1 ^ 2));
    CHECK_CODE(hin_backup_load(&site.backup, NOW, 0, &read, NULL), UNSUPPORTED);
    CHECK(strstr(site.backup.error.text, "newer") != NULL);
    hin_backup_manifest_done(&base);
    site_stop(&site);
}

/* The manifest of one backup in the place of another's. */
TEST(test_backup_damage__one_in_the_place_of_another_is_refused)
{
    struct site site;
    struct hin_backup_manifest base, read;
    char path[HIN_DEPOT_NAME_MAX + 1];
    HIN_CLEANUP(hin_buf_done) struct hin_buf bytes = {.max = 1 << 20};
    CHECK_OK(site_start(&site, "place"));
    CHECK_OK(site_fill(&site, 1));
    CHECK_OK(site_take(&site, NOW, NULL, &base, NULL));
    hin_backup_manifest_path(site.source.tenant, NOW, 0, path);
    CHECK_OK(hin_depot_get(site.depot, path, 0, bytes.max, &bytes));
    hin_backup_manifest_path(site.source.tenant, NOW + 1, 0, path);
    CHECK_OK(hin_depot_put(site.depot, path, hin_buf_view(&bytes), HIN_DEPOT_NEW));
    CHECK_CODE(hin_backup_load(&site.backup, NOW + 1, 0, &read, NULL), CORRUPT);
    hin_backup_manifest_done(&base);
    site_stop(&site);
}

/* What a restore of it says: into a store of its own, and beside the tenant's. */
static HIN_RESULT restore_once(struct site *site, const struct hin_backup_manifest *manifest,
                               bool beside)
{
    static int number;
    struct fixture target;
    char name[32];
    snprintf(name, sizeof(name), "target%d", ++number);
    HIN_TRY(beside ? target_open_beside(&target, site, name) : target_open(&target, site, name));
    struct hin_result restored = hin_backup_restore(&site->backup, manifest, target.store);
    target_stop(&target);
    HIN_TRY(beside ? target_erase_beside(site) : hin_ok());
    return restored;
}

static bool is_named(const struct site *site, const char *name)
{
    return strcmp(site->backup.error.file, name) == 0 &&
           strstr(site->backup.error.text, site->source.tenant) != NULL;
}

TEST(test_backup_damage__a_restore_takes_nothing_that_is_not_what_was_written)
{
    struct site site;
    struct hin_backup_manifest base;
    static struct files files;
    size_t objects = 0;
    CHECK_OK(site_start(&site, "restored"));
    CHECK_OK(site_fill(&site, 1));
    CHECK_OK(site_take(&site, NOW, NULL, &base, NULL));
    CHECK_OK(hin_depot_list(site.depot, "", add_file, &files));
    for (size_t i = 0; i < files.count; i++) {
        char path[1024], aside[1100];
        if (strstr(files.names[i], "/o/") == NULL || ++objects % 3 != 0) {
            continue;
        }
        bool beside = objects % 2 == 0;
        CHECK_OK(flip(&site, files.names[i], files.sizes[i] / 2, 4));
        CHECK_CODE(restore_once(&site, &base, beside), CORRUPT);
        CHECK(is_named(&site, files.names[i]));
        CHECK_OK(flip(&site, files.names[i], files.sizes[i] / 2, 4));
        snprintf(path, sizeof(path), "%s/%s", site.depot_folder, files.names[i]);
        snprintf(aside, sizeof(aside), "%s.aside", site.depot_folder);
        CHECK(rename(path, aside) == 0);
        CHECK_CODE(restore_once(&site, &base, beside), NOT_FOUND);
        CHECK(is_named(&site, files.names[i]));
        CHECK(rename(aside, path) == 0);
    }
    CHECK(objects >= 9);
    CHECK_OK(restore_once(&site, &base, true));
    hin_backup_manifest_done(&base);
    site_stop(&site);
}
