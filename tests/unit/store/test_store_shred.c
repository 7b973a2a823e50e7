/* Data keys, rewriting, sealing anew. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "event/codec.h"
#include "fixture.h"
#include "server.h"

/* --- judges --- */

struct judgement {
    const char *name;
    enum hin_store_verdict verdict;
    struct hin_arena arena;
    struct hin_buf buf;
};

static HIN_RESULT judge_user(void *context, const struct hin_store_event *event,
                             enum hin_store_verdict *ret_verdict,
                             struct hin_store_event *replacement)
{
    struct judgement *judgement = context;
    struct hin_event decoded;
    hin_arena_reset(&judgement->arena);
    HIN_TRY(hin_event_decode(event->bytes, &judgement->arena, &decoded));
    if (!hin_view_is(hin_event_text(&decoded, HIN_FIELD_USER), judgement->name)) {
        return hin_ok();
    }
    *ret_verdict = judgement->verdict;
    if (judgement->verdict == HIN_STORE_REPLACE) {
        HIN_TRY(hin_event_set_text(&decoded, HIN_FIELD_USER, HIN_VIEW("somebody")));
        hin_buf_clear(&judgement->buf);
        HIN_TRY(hin_event_encode(&decoded, &judgement->buf));
        replacement->bytes = hin_buf_view(&judgement->buf);
    }
    return hin_ok();
}

static HIN_RESULT rewrite(struct fixture *f, const char *user, enum hin_store_verdict verdict,
                          size_t segments_max, struct hin_store_rewritten *ret_done)
{
    struct judgement judgement = {.name = user, .verdict = verdict};
    struct hin_store_rewritten all = {0};
    struct hin_term term;
    hin_arena_init(&judgement.arena, 1 << 20);
    struct hin_arena names;
    hin_arena_init(&names, 1 << 16);
    hin_buf_init(&judgement.buf, HIN_EVENT_MAX_BYTES);
    HIN_TRY(hin_term_parse(HIN_VIEW("user"), hin_view_from_text(user), &names, &term));
    struct hin_store_rewrite wanted = {.judge = judge_user,
                                       .context = &judgement,
                                       .terms = &term,
                                       .term_count = 1,
                                       .segments_max = segments_max};
    struct hin_result result = hin_ok();
    bool more = true;
    while (hin_is_ok(result) && more) {
        struct hin_store_rewritten done;
        result = hin_store_rewrite(f->store, &wanted, &done);
        if (hin_is_ok(result)) {
            all.events_erased += done.events_erased;
            all.events_replaced += done.events_replaced;
            all.segments_rewritten += done.segments_rewritten;
            all.segments_damaged += done.segments_damaged;
            wanted.after_id = done.resume_id;
            more = done.more;
        }
    }
    hin_arena_done(&judgement.arena);
    hin_arena_done(&names);
    hin_buf_done(&judgement.buf);
    *ret_done = all;
    return result;
}

/* Five small commits and a full one: 20 events each, 1,000: user0..user49 in turn. */
static HIN_RESULT fill(struct fixture *f)
{
    struct hin_store_committed committed;
    for (uint64_t i = 0; i < 5; i++) {
        HIN_TRY(commit_some(f, &(struct shape){1, 9, i * 10000, NOW, NULL}, 20, NOW, &committed));
    }
    return commit_some(f, &(struct shape){1, 9, 100000, NOW, NULL}, 1000, NOW, &committed);
}

static HIN_RESULT reseal(struct fixture *f, struct hin_store_resealed *done, uint64_t *dropped,
                         uint64_t *kept)
{
    *done = (struct hin_store_resealed){0};
    HIN_TRY(hin_store_reseal_begin(f->store));
    while (!done->sealed) {
        HIN_TRY(hin_store_reseal_step(f->store, 3, NOW, done));
    }
    return hin_store_reseal_end(f->store, dropped, kept);
}

TEST(test_store_shred__erased_events_are_gone_and_the_others_are_as_before)
{
    struct fixture f = {0};
    struct hin_store_rewritten done;
    struct hin_store_committed committed;
    struct hin_store_stats stats;
    struct hin_store_check check;
    CHECK_OK(fixture_start(&f, "rewrite"));
    CHECK_OK(fill(&f));
    CHECK_INT(search_term(&f, "user", "user7", NULL), 25);
    CHECK_OK(rewrite(&f, "user7", HIN_STORE_ERASE, 1, &done));
    CHECK_INT(done.events_erased, 25);
    CHECK_INT(search_term(&f, "user", "user7", NULL), 0);
    CHECK_INT(search_term(&f, "user", "user8", NULL), 25);
    CHECK_INT(search_count(&f, &(struct hin_store_filter){0}, NULL), 1075);
    CHECK_INT(search_count(&f, &(struct hin_store_filter){.descending = true}, NULL), 1075);
    CHECK_OK(hin_store_stats(f.store, &stats));
    CHECK_INT(stats.events, 1075);
    /* a number that was erased is nobody's */
    struct hin_buf buf;
    struct hin_store_event event;
    hin_buf_init(&buf, HIN_EVENT_MAX_BYTES);
    CHECK_CODE(hin_store_event_get(f.store, 8, &buf, &event), NOT_FOUND);
    CHECK_OK(hin_store_event_get(f.store, 9, &buf, &event));
    hin_buf_done(&buf);
    /* refused when it is sent again */
    CHECK_OK(commit_some(&f, &(struct shape){1, 9, 0, NOW, NULL}, 20, NOW, &committed));
    CHECK_INT(committed.copy_count, 20);
    /* again: nothing to do; and what comes later is merged behind it */
    CHECK_OK(rewrite(&f, "user7", HIN_STORE_ERASE, 0, &done));
    CHECK_INT(done.segments_rewritten, 0);
    for (uint64_t i = 0; i < 70; i++) {
        CHECK_OK(commit_some(&f, &(struct shape){2, 9, i * 10000, NOW, NULL}, 2, NOW, &committed));
        if (i % 20 == 5) {
            CHECK_OK(rewrite(&f, "user1", HIN_STORE_ERASE, 0, &done));
            CHECK(done.events_erased > 0);
        }
    }
    CHECK_OK(hin_store_maintain(f.store, NOW + 60000000, 1));
    CHECK_INT(search_count(&f, &(struct hin_store_filter){.after_id = 1100}, NULL), 140 - 66);
    CHECK_OK(hin_store_check(f.store, &check));
    CHECK(check.structure_ok && check.segments_damaged == 0);
    fixture_stop(&f);
}

TEST(test_store_shred__replaced_events_are_found_by_what_they_are_now)
{
    struct fixture f = {0};
    struct hin_store_rewritten done;
    CHECK_OK(fixture_start(&f, "replace"));
    CHECK_OK(fill(&f));
    CHECK_OK(rewrite(&f, "user7", HIN_STORE_REPLACE, 0, &done));
    CHECK_INT(done.events_replaced, 25);
    CHECK_INT(search_term(&f, "user", "user7", NULL), 0);
    CHECK_INT(search_term(&f, "user", "somebody", NULL), 25);
    CHECK_INT(search_term(&f, "src_ip", "203.0.113.7", NULL), 9);
    CHECK_INT(search_count(&f, &(struct hin_store_filter){0}, NULL), 1100);
    fixture_stop(&f);
}

static HIN_RESULT see_audit(void *context, const struct hin_store_audit *entry)
{
    int *counts = context;
    counts[0] += entry->bytes.size > 0;
    counts[1] += entry->erased;
    return hin_ok();
}

TEST(test_store_shred__an_erased_audit_entry_leaves_the_chain_whole)
{
    struct fixture f = {0};
    int64_t count = 0, broken = 0;
    int seen[2] = {0};
    CHECK_OK(fixture_start(&f, "audit_erase"));
    CHECK_OK(audit_some(&f, 5));
    CHECK_OK(hin_store_audit_erase(f.store, 3));
    CHECK_OK(hin_store_audit_erase(f.store, 3));
    CHECK_CODE(hin_store_audit_erase(f.store, 6), NOT_FOUND);
    CHECK_OK(hin_store_audit_list(f.store, 0, false, 0, see_audit, seen));
    CHECK_INT(seen[0], 4);
    CHECK_INT(seen[1], 1);
    CHECK_OK(hin_store_audit_verify(f.store, &count, &broken));
    CHECK_INT(count, 5);
    struct judged judged = {0};
    CHECK_OK(hin_store_audit_list(f.store, 0, false, 0, judge_entry, &judged));
    CHECK_INT(judged.chain.entries, 5);
    CHECK_INT(judged.chain.unread, 1);
    fixture_stop(&f);
}

/* Two handles: neither seals under what is about to go. */
TEST(test_store_shred__sealed_anew_while_another_writes)
{
    struct fixture f = {0};
    struct fixture other = {0};
    struct hin_store_resealed done = {0};
    struct hin_store_committed committed;
    struct hin_store_content content = {.bytes = HIN_VIEW("{\"a\":1}"), .names = {HIN_VIEW("one")}};
    struct hin_store_document document;
    struct hin_buf buf;
    uint64_t dropped = 0, kept = 0;
    int64_t id = 0;
    hin_buf_init(&buf, 1 << 20);
    CHECK_OK(fixture_start(&f, "two"));
    CHECK_OK(fill(&f));
    CHECK_OK(hin_store_create(f.store, HIN_STORE_COMPUTERS, &content, NOW, &id));
    CHECK_OK(hin_store_agent_blob(f.store, 1, HIN_VIEW("blob")));
    CHECK_OK(audit_some(&f, 2));
    other = (struct fixture){.directory = f.directory};
    (void)snprintf(other.tenant, sizeof(other.tenant), "%s", f.tenant);
    CHECK_OK(keys_new(&other.keys, 7));
    CHECK_OK(fixture_open(&other));
    uint8_t before = f.keys.id[0];
    CHECK_OK(hin_store_reseal_begin(f.store));
    CHECK_CODE(hin_store_reseal_end(f.store, &dropped, &kept), CONFLICT);
    for (uint64_t i = 0; !done.sealed; i++) {
        CHECK_OK(hin_store_reseal_step(f.store, 2, NOW, &done));
        CHECK_OK(
            commit_some(&other, &(struct shape){2, 9, i * 1000, NOW, NULL}, 1, NOW, &committed));
        f.keys.made[other.keys.id[0]] = other.keys.made[f.keys.id[0]] = true;
    }
    CHECK(f.keys.id[0] != before && other.keys.id[0] != before);
    CHECK(done.keys >= 5);
    CHECK_INT(done.damaged, 0);
    CHECK_OK(hin_store_reseal_end(f.store, &dropped, &kept));
    CHECK_INT(dropped, 1);
    CHECK_INT(kept, 0);
    f.keys.gone[before] = other.keys.gone[before] = true; /* the KMS as it is after */
    hin_opener_forget(f.keys.opener, NULL);
    CHECK(search_count(&f, &(struct hin_store_filter){0}, NULL) > 1100);
    CHECK_INT(search_term(&f, "user", "user7", NULL), 25);
    CHECK_OK(hin_store_get(f.store, HIN_STORE_COMPUTERS, id, &buf, &document));
    struct hin_store_agent agent;
    CHECK_OK(hin_store_agent_get(f.store, 1, &buf, &agent));
    CHECK_VIEW(agent.blob, "blob");
    struct hin_store_check check;
    CHECK_OK(hin_store_check(f.store, &check));
    CHECK(check.segments_damaged == 0 && check.audit_damaged == 0 && check.documents_damaged == 0);
    fixture_close(&other);
    keys_free(&other.keys);
    /* opened anew by who knows the present key alone */
    fixture_close(&f);
    hin_opener_forget(f.keys.opener, NULL);
    CHECK_OK(fixture_open(&f));
    CHECK_INT(search_term(&f, "user", "user8", NULL), 25);
    hin_buf_done(&buf);
    fixture_stop(&f);
}

static HIN_RESULT copy_file(const struct fixture *f, const char *suffix, int to)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf bytes = {.max = 64u << 20};
    char name[64];
    (void)snprintf(name, sizeof(name), "t0.db%s", suffix);
    HIN_TRY(hin_file_read(f->directory, name, &bytes));
    return hin_file_replace(to, name, hin_buf_view(&bytes), 0600);
}

static bool file_holds(const struct fixture *f, const char *name, struct hin_view bytes)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf all = {.max = 64u << 20};
    return hin_is_ok(hin_file_read(f->directory, name, &all)) &&
           hin_view_find(hin_buf_view(&all), bytes) != SIZE_MAX;
}

/* A copy taken before: with the keys as they are after it does not open; with those of before (a
 * copy of the key ring) it does. */
TEST(test_store_shred__a_copy_of_before_opens_only_with_the_keys_of_before)
{
    struct fixture f = {0};
    struct hin_store_rewritten done;
    struct hin_store_resealed sealed;
    uint64_t dropped = 0, kept = 0;
    char folder[600];
    if (test_server() != NULL) {
        return; /* a folder is copied */
    }
    CHECK_OK(fixture_start(&f, "live"));
    CHECK_OK(fill(&f));
    CHECK_OK(hin_store_checkpoint(f.store));
    (void)snprintf(folder, sizeof(folder), "%s/live_copy", test_folder());
    CHECK(mkdir(folder, 0700) == 0);
    struct fixture copy = {.directory = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    CHECK_OK(copy_file(&f, "", copy.directory));
    uint8_t before = f.keys.id[0];
    CHECK_OK(rewrite(&f, "user7", HIN_STORE_ERASE, 0, &done));
    CHECK_OK(reseal(&f, &sealed, &dropped, &kept));
    CHECK_OK(hin_store_checkpoint(f.store));
    /* the former table key's id stood in each sealed data key */
    uint8_t head[20] = {'H', 'S', 'V', 1};
    hin_fill(head + 4, before, 16);
    CHECK(!file_holds(&f, "t0.db", hin_view_of(head, sizeof(head))));
    CHECK(!file_holds(&f, "t0.db-wal", hin_view_of(head, sizeof(head))));
    CHECK(file_holds(&copy, "t0.db", hin_view_of(head, sizeof(head))));
    CHECK_INT(search_count(&f, &(struct hin_store_filter){0}, NULL), 1075);

    CHECK_OK(keys_new(&copy.keys, 7));
    copy.keys.gone[before] = true;
    hin_opener_forget(copy.keys.opener, NULL);
    CHECK_CODE(fixture_open(&copy), AUTH);
    copy.keys.gone[before] = false;
    CHECK_OK(fixture_open(&copy));
    CHECK_INT(search_term(&copy, "user", "user7", NULL), 25);
    copy.keys.gone[before] = true; /* also segment by segment */
    hin_opener_forget(copy.keys.opener, NULL);
    struct hin_store_report report;
    CHECK_INT(search_count(&copy, &(struct hin_store_filter){0}, &report), 0);
    CHECK_INT(report.events_damaged, 1100);
    fixture_stop(&copy);
    fixture_stop(&f);
}
