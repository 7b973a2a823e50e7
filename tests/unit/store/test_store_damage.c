/* Damaged pages: found by their checksum, isolated, counted; neighbours stay visible. And what must
 * not be found. */
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "base/time.h"
#include "fixture.h"

enum { PAGE = 8192 };

static off_t database_size(const struct fixture *f)
{
    struct stat status;
    return fstatat(f->directory, "t0.db", &status, 0) == 0 ? status.st_size : 0;
}

static bool flip(const struct fixture *f, off_t at)
{
    uint8_t byte = 0;
    int fd = openat(f->directory, "t0.db", O_RDWR | O_CLOEXEC);
    bool ok = fd >= 0 && pread(fd, &byte, 1, at) == 1;
    byte ^= 0x10;
    ok = ok && pwrite(fd, &byte, 1, at) == 1;
    close(fd);
    return ok;
}

static HIN_RESULT fill(struct fixture *f)
{
    for (size_t i = 0; i < 6; i++) {
        struct hin_store_committed committed;
        HIN_TRY(commit_some(f, &(struct shape){1, 9 + i, 0, NOW, NULL}, 1000, NOW, &committed));
    }
    return hin_store_checkpoint(f->store);
}

/* Each page in turn: either it is none that a search needs, or the loss is counted to the event. */
TEST(test_store_damage__any_page_is_detected_and_isolated)
{
    struct fixture f = {0};
    size_t lost_some = 0, unreadable = 0, untouched = 0, no_commit = 0;
    CHECK_OK(fixture_start(&f, "pages"));
    CHECK_OK(fill(&f));
    off_t pages = database_size(&f) / PAGE;
    CHECK(pages > 20);
    for (off_t page = 1; page < pages; page++) {
        fixture_close(&f);
        CHECK(flip(&f, page * PAGE + 4000));
        struct hin_store_report report = {0};
        long count = -1;
        if (hin_is_ok(fixture_open(&f))) {
            count = search_count(&f, &(struct hin_store_filter){0}, &report);
        }
        if (count < 0) {
            unreadable++; /* a page that all searches need; refused, never answered wrongly */
        } else {
            CHECK_INT(count + (long)report.events_damaged, 6000);
            CHECK(count >= 5000 || report.segments_damaged > 1);
            lost_some += count < 6000;
            untouched += count == 6000;
            struct hin_store_committed committed;
            CHECK_OK(hin_store_begin(f.store)); /* undone below */
            struct hin_result result =
                commit_some(&f, &(struct shape){1, 500, 0, NOW, NULL}, 3, NOW, &committed);
            CHECK(hin_is_ok(result) || result.code == HIN_CORRUPT);
            no_commit += !hin_is_ok(result);
            CHECK_OK(hin_store_end(f.store, false));
        }
        fixture_close(&f);
        CHECK(flip(&f, page * PAGE + 4000));
        CHECK_OK(fixture_open(&f));
    }
    printf("# %ld pages: %zu cost a segment, %zu no event, %zu refused; %zu stop commits\n",
           (long)pages, lost_some, untouched, unreadable, no_commit);
    CHECK(lost_some > (size_t)pages / 3);
    CHECK(unreadable < (size_t)pages / 3);
    CHECK_INT(search_count(&f, &(struct hin_store_filter){0}, NULL), 6000);
    fixture_stop(&f);
}

TEST(test_store_damage__check_reports_and_marks)
{
    struct fixture f = {0};
    struct hin_store_check check;
    CHECK_OK(fixture_start(&f, "check"));
    CHECK_OK(fill(&f));
    CHECK_OK(hin_store_check(f.store, &check));
    CHECK(check.structure_ok);
    CHECK_INT(check.segments, 6);
    CHECK_INT(check.segments_damaged, 0);
    off_t pages = database_size(&f) / PAGE;
    bool found = false;
    for (off_t page = pages - 2; page > 0 && !found; page--) {
        fixture_close(&f);
        CHECK(flip(&f, page * PAGE + 4000));
        CHECK_OK(fixture_open(&f));
        CHECK_OK(hin_store_check(f.store, &check));
        found = check.segments_damaged > 0;
        if (!found) {
            fixture_close(&f);
            CHECK(flip(&f, page * PAGE + 4000));
            CHECK_OK(fixture_open(&f));
        }
    }
    CHECK(found);
    CHECK_INT(check.segments_damaged, 1);
    CHECK_INT(check.events_damaged, 1000);
    CHECK(!check.structure_ok);
    struct hin_store_committed committed; /* and the rest goes on */
    CHECK_OK(commit_some(&f, &(struct shape){1, 99, 0, NOW, NULL}, 10, NOW, &committed));
    CHECK_INT(search_count(&f, &(struct hin_store_filter){0}, NULL), 5010);
    fixture_stop(&f);
}

TEST(test_store_damage__keys_of_another_tenant_are_refused)
{
    struct fixture f = {0};
    struct hin_store_committed committed;
    struct keys other, right;
    CHECK_OK(fixture_start(&f, "keys"));
    CHECK_OK(commit_some(&f, &(struct shape){1, 9, 0, NOW, NULL}, 3, NOW, &committed));
    fixture_close(&f);
    right = f.keys;
    CHECK_OK(keys_new(&other, 42));
    f.keys = other;
    CHECK_CODE(fixture_open(&f), AUTH);
    keys_free(&other);
    f.keys = right;
    CHECK_OK(fixture_open(&f));
    CHECK_INT(search_count(&f, &(struct hin_store_filter){0}, NULL), 3);
    fixture_stop(&f);
}

TEST(test_store_damage__a_file_of_another_tenant_is_refused)
{
    struct fixture f = {0};
    struct hin_store_committed committed;
    CHECK_OK(fixture_start(&f, "tenant"));
    CHECK_OK(commit_some(&f, &(struct shape){1, 9, 0, NOW, NULL}, 3, NOW, &committed));
    fixture_close(&f);
    CHECK(renameat(f.directory, "t0.db", f.directory, "t1.db") == 0);
    struct hin_store_options options = {.directory = f.directory, .tenant = "t1"};
    struct hin_store_keys keys = keys_of(&f.keys);
    CHECK_OK(hin_store_open(&f.store, &options, NULL));
    CHECK_CODE(hin_store_unlock(f.store, &keys), AUTH);
    fixture_stop(&f);
}

TEST(test_store_damage__formats_and_names_that_are_not_ours)
{
    struct fixture f = {0};
    struct hin_error error = {0};
    struct hin_store *store = NULL;
    CHECK_OK(fixture_start(&f, "formats"));
    struct hin_store_options options = {
        .directory = f.directory, .tenant = "../t0", .create = true};
    CHECK_CODE(hin_store_open(&store, &options, &error), INVALID);
    options.tenant = "absent";
    options.create = false;
    CHECK_CODE(hin_store_open(&store, &options, &error), NOT_FOUND);
    options.tenant = "noise";
    static uint8_t noise[3 * PAGE];
    hin_fill(noise, 0x5a, sizeof(noise));
    CHECK_OK(hin_file_replace(f.directory, "noise.db", hin_view_of(noise, sizeof(noise)), 0600));
    CHECK_CODE(hin_store_open(&store, &options, &error), CORRUPT);
    fixture_stop(&f);
}

/* Planted texts stand in no file of the folder. */
TEST(test_store_damage__nothing_sensitive_lies_in_the_files)
{
    static const char *const planted[] = {"canary-raw-5f1",   "canary-doc-5f1",  "canary-name-5f1",
                                          "canary-audit-5f1", "canary-blob-5f1", "user7",
                                          "203.0.113.7",      "id-4200"};
    static const char *const files[] = {"t0.db", "t0.db-wal"};
    struct fixture f = {0};
    struct hin_store_committed committed;
    int64_t number = 0;
    CHECK_OK(fixture_start(&f, "canary"));
    CHECK_OK(commit_some(&f, &(struct shape){1, 9, 0, NOW, "canary-raw-5f1"}, 10, NOW, &committed));
    CHECK_OK(
        commit_some(&f, &(struct shape){1, 10, 0, NOW, "canary-raw-5f1"}, 1200, NOW, &committed));
    struct hin_store_content content = {.bytes = HIN_VIEW("{\"x\":\"canary-doc-5f1\"}"),
                                        .names = {HIN_VIEW("canary-name-5f1")}};
    CHECK_OK(hin_store_create(f.store, HIN_STORE_COMPUTERS, &content, NOW, &number));
    CHECK_OK(hin_store_audit_append(f.store, HIN_VIEW("canary-audit-5f1"), NOW, &number));
    CHECK_OK(hin_store_agent_blob(f.store, 1, HIN_VIEW("canary-blob-5f1")));
    struct hin_buf buf;
    hin_buf_init(&buf, 64u << 20);
    for (size_t round = 0; round < 2; round++) {
        for (size_t i = 0; i < HIN_COUNT(files); i++) {
            hin_buf_clear(&buf);
            CHECK_OK(hin_file_read(f.directory, files[i], &buf));
            for (size_t p = 0; p < HIN_COUNT(planted); p++) {
                CHECK(hin_view_find(hin_buf_view(&buf), hin_view_from_text(planted[p])) ==
                      SIZE_MAX);
            }
        }
        CHECK_OK(hin_store_checkpoint(f.store));
    }
    hin_buf_done(&buf);
    fixture_stop(&f);
}

static int child_commits(const struct fixture *from, uint64_t generation)
{
    struct fixture f = {.directory = from->directory};
    int failures = hin_is_ok(keys_new(&f.keys, 7)) && hin_is_ok(fixture_open(&f)) ? 0 : 1;
    for (size_t i = 0; i < 30 && failures == 0; i++) {
        struct hin_store_committed committed;
        failures += !hin_is_ok(commit_some(&f, &(struct shape){1, generation, i * 1000, NOW, NULL},
                                           5, NOW, &committed)) ||
                    committed.stored_count != 5;
    }
    fixture_close(&f);
    return failures;
}

/* Three processes write one file; a handle that only looks sees them come. */
TEST(test_store_damage__several_processes_share_the_file)
{
    struct fixture f = {0};
    struct hin_store_position before, after;
    pid_t children[3];
    CHECK_OK(fixture_start(&f, "processes"));
    CHECK_OK(hin_store_position(f.store, &before));
    fixture_close(&f); /* SQLite forbids to carry a connection over a fork */
    for (size_t i = 0; i < 3; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            _exit(child_commits(&f, 100 + i));
        }
    }
    CHECK_OK(fixture_open(&f));
    CHECK_OK(hin_store_position(f.store, &before));
    for (size_t i = 0; i < 3; i++) {
        int status = -1;
        CHECK(waitpid(children[i], &status, 0) == children[i]);
        CHECK_INT(status, 0);
    }
    CHECK_OK(hin_store_position(f.store, &after));
    CHECK_INT(after.last_event_id, 450);
    CHECK(after.change != before.change || before.last_event_id == 450);
    CHECK_INT(search_count(&f, &(struct hin_store_filter){0}, NULL), 450);
    struct hin_store_check check;
    CHECK_OK(hin_store_check(f.store, &check));
    CHECK(check.structure_ok && check.segments_damaged == 0);
    fixture_stop(&f);
}

struct golden {
    const char *name, *path;
    long events;
    uint64_t sheaves; /* once made */
};

static void open_golden(const struct golden *golden)
{
    struct fixture f = {.directory = -1};
    HIN_CLEANUP(hin_buf_done) struct hin_buf buf = {.max = 4u << 20};
    struct hin_store_document document;
    struct hin_store_agent agent;
    struct hin_store_check check;
    struct hin_store_stats stats;
    (void)snprintf(f.folder, sizeof(f.folder), "%s/%s", test_folder(), golden->name);
    CHECK(mkdir(f.folder, 0700) == 0);
    f.directory = open(f.folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CHECK(f.directory >= 0);
    CHECK_OK(hin_file_read(AT_FDCWD, golden->path, &buf));
    CHECK_OK(hin_file_replace(f.directory, "t0.db", hin_buf_view(&buf), 0600));
    CHECK_OK(keys_new(&f.keys, 7));
    CHECK_OK(fixture_open(&f));
    CHECK_OK(hin_store_check(f.store, &check));
    CHECK(check.structure_ok && check.segments_damaged == 0 && check.documents_damaged == 0 &&
          check.audit_damaged == 0);
    CHECK_INT(check.audit_records, 2);
    for (int round = 0; round < 2; round++) { /* without sheaves, and with what there is to make */
        CHECK_INT(search_count(&f, &(struct hin_store_filter){0}, NULL), golden->events);
        CHECK_INT(search_term(&f, "user", "user7", NULL), 20);
        CHECK_INT(search_term(&f, "log_id", "id-200", NULL), 2);
        CHECK_OK(hin_store_maintain(f.store, NOW, HIN_DAY_USEC));
    }
    CHECK_OK(hin_store_stats(f.store, &stats));
    CHECK_INT(stats.sheaves, golden->sheaves);
    hin_buf_clear(&buf);
    CHECK_OK(hin_store_find(f.store, HIN_STORE_COMPUTERS, 0, HIN_VIEW("golden"), &buf, &document));
    CHECK_VIEW(document.bytes, "{\"golden\":1}");
    CHECK_OK(hin_store_agent_get(f.store, 1, &buf, &agent));
    CHECK_VIEW(agent.blob, "golden blob");
    struct hin_store_committed committed; /* identities are known too */
    CHECK_OK(commit_some(&f, &(struct shape){1, 9, 0, NOW, NULL}, 3, NOW, &committed));
    CHECK_INT(committed.copy_count, 3);
    fixture_stop(&f);
}

/* A database that an earlier version of the format wrote is readable for ever: keys of seed 7,
 * three small commits, one full segment, a document with a name, two audit entries, an agent's
 * blob; that of version 2 began with 80 segments of three events each. */
TEST(test_store_damage__golden_versions)
{
    static const struct golden golden[] = {
        {"golden_1", GOLDEN_FOLDER "/store_v1.db", 1009, 0},
        {"golden_2", GOLDEN_FOLDER "/store_v2.db", 1249, 1},
    };
    for (size_t i = 0; i < HIN_COUNT(golden); i++) {
        open_golden(&golden[i]);
    }
}

/* A fresh segment of the tail is damaged: the merge leaves it where it is, marked, and merges
 * around it. */
TEST(test_store_damage__merges_go_around_a_damaged_segment)
{
    struct fixture f = {0};
    struct hin_store_committed committed;
    struct hin_store_stats stats;
    struct hin_store_report report;
    sqlite3 *db = NULL;
    char path[600];
    CHECK_OK(fixture_start(&f, "around"));
    for (size_t i = 0; i < 10; i++) {
        CHECK_OK(commit_some(&f, &(struct shape){1, 9, i * 1000, NOW, NULL}, 4, NOW, &committed));
    }
    (void)snprintf(path, sizeof(path), "%s/t0.db", f.folder);
    CHECK(sqlite3_open(path, &db) == SQLITE_OK); /* into the log, which has checksums of its own */
    CHECK(sqlite3_exec(db, "UPDATE body SET bytes = zeroblob(length(bytes)) WHERE id = 17", NULL,
                       NULL, NULL) == SQLITE_OK);
    CHECK_OK(hin_store_maintain(f.store, NOW + 10, 5));
    CHECK_OK(hin_store_stats(f.store, &stats));
    CHECK_INT(stats.segments, 3);
    CHECK_INT(stats.segments_damaged, 1);
    CHECK_INT(search_count(&f, &(struct hin_store_filter){0}, &report), 36);
    CHECK_INT(report.segments_damaged, 1);
    CHECK_INT(report.events_damaged, 4);
    CHECK_OK(commit_some(&f, &(struct shape){1, 9, 4000, NOW, NULL}, 4, NOW, &committed));
    CHECK_INT(committed.stored_count, 4); /* what was lost may come again */
    CHECK_OK(commit_some(&f, &(struct shape){1, 9, 5000, NOW, NULL}, 4, NOW, &committed));
    CHECK_INT(committed.copy_count, 4);
    (void)sqlite3_close(db);
    fixture_stop(&f);
}
