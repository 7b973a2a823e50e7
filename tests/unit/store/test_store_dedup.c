#include "base/bytes.h"
#include "fixture.h"

TEST(test_store_dedup__a_resent_batch_is_refused_whole)
{
    struct fixture f = {0};
    struct hin_store_committed committed;
    CHECK_OK(fixture_start(&f, "dedup_batch"));
    struct shape shape = {1, 9, 0, NOW, NULL};
    CHECK_OK(commit_some(&f, &shape, 1500, NOW, &committed));
    CHECK_OK(commit_some(&f, &shape, 1500, NOW, &committed));
    CHECK_INT(committed.copy_count, 1500);
    CHECK_INT(committed.stored_count, 0);
    CHECK_INT(committed.first_id, 0);
    CHECK_INT(search_count(&f, &(struct hin_store_filter){0}, NULL), 1500);
    fixture_stop(&f);
}

TEST(test_store_dedup__overlap_stores_only_what_is_new)
{
    struct fixture f = {0};
    struct hin_store_committed committed;
    CHECK_OK(fixture_start(&f, "dedup_overlap"));
    CHECK_OK(commit_some(&f, &(struct shape){1, 9, 0, NOW, NULL}, 10, NOW, &committed));
    CHECK_OK(commit_some(&f, &(struct shape){1, 9, 500, NOW, NULL}, 10, NOW, &committed));
    CHECK_INT(committed.copy_count, 5);
    CHECK_INT(committed.stored_count, 5);
    CHECK_INT(committed.first_id, 11);
    fixture_stop(&f);
}

TEST(test_store_dedup__late_but_new_is_stored)
{
    struct fixture f = {0};
    struct hin_store_committed committed;
    CHECK_OK(fixture_start(&f, "dedup_late"));
    CHECK_OK(commit_some(&f, &(struct shape){1, 9, 0, NOW, NULL}, 10, NOW, &committed));
    CHECK_OK(commit_some(&f, &(struct shape){1, 9, 5000, NOW, NULL}, 10, NOW, &committed));
    CHECK_OK(commit_some(&f, &(struct shape){1, 9, 2000, NOW, NULL}, 10, NOW,
                         &committed)); /* between the two */
    CHECK_INT(committed.stored_count, 10);
    CHECK_OK(commit_some(&f, &(struct shape){1, 9, 50, NOW, NULL}, 5, NOW,
                         &committed)); /* between single ones */
    CHECK_INT(committed.stored_count, 5);
    CHECK_OK(commit_some(&f, &(struct shape){1, 9, 2000, NOW, NULL}, 10, NOW, &committed));
    CHECK_INT(committed.copy_count, 10);
    fixture_stop(&f);
}

TEST(test_store_dedup__other_agents_generations_and_findings_are_others)
{
    struct fixture f = {0};
    struct hin_store_committed committed;
    struct events events;
    CHECK_OK(fixture_start(&f, "dedup_others"));
    CHECK_OK(commit_some(&f, &(struct shape){1, 9, 0, NOW, NULL}, 4, NOW, &committed));
    CHECK_OK(commit_some(&f, &(struct shape){2, 9, 0, NOW, NULL}, 4, NOW, &committed));
    CHECK_INT(committed.stored_count, 4);
    CHECK_OK(commit_some(&f, &(struct shape){1, 10, 0, NOW, NULL}, 4, NOW, &committed));
    CHECK_INT(committed.stored_count, 4);
    CHECK_OK(events_make(&events, &f.keys, &(struct shape){1, 9, 0, NOW, NULL}, 4));
    events.list[3].identity.finding = 1; /* a second finding at a position known */
    CHECK_OK(hin_store_commit(f.store, events.list, 4, NULL, 0, NOW, &committed));
    CHECK_INT(committed.copy_count, 3);
    CHECK_INT(committed.stored_count, 1);
    CHECK(events.list[3].id != 0 && events.list[0].id == 0);
    events_free(&events);
    fixture_stop(&f);
}

TEST(test_store_dedup__within_one_batch)
{
    struct fixture f = {0};
    struct hin_store_committed committed;
    struct events events;
    CHECK_OK(fixture_start(&f, "dedup_within"));
    CHECK_OK(events_make(&events, &f.keys, &(struct shape){1, 9, 0, NOW, NULL}, 6));
    events.list[3] = events.list[1];
    events.list[5] = events.list[4];
    CHECK_OK(hin_store_commit(f.store, events.list, 6, NULL, 0, NOW, &committed));
    CHECK_INT(committed.stored_count, 4);
    CHECK_INT(committed.copy_count, 2);
    events_free(&events);
    fixture_stop(&f);
}

TEST(test_store_dedup__journal_cursors)
{
    static const char *const cursors[] = {
        "s=aa;i=10;b=bb;m=1;t=2;x=3",
        "s=aa;i=11;b=bb;m=1;t=2;x=4",
        "s=aa;i=1f;b=bb;m=1;t=2;x=5",
        "s=cc;i=11;b=bb;m=1;t=2;x=6", /* the journal began anew: same number, another cursor */
        "no number at all",
        "nor here",
    };
    struct fixture f = {0};
    struct hin_store_committed committed;
    struct events events;
    CHECK_OK(fixture_start(&f, "dedup_cursor"));
    for (int round = 0; round < 2; round++) {
        CHECK_OK(
            events_make(&events, &f.keys, &(struct shape){1, 9, 0, NOW, NULL}, HIN_COUNT(cursors)));
        for (size_t i = 0; i < HIN_COUNT(cursors); i++) {
            events.list[i].identity.offset = 0;
            events.list[i].identity.cursor = hin_view_from_text(cursors[i]);
        }
        CHECK_OK(hin_store_commit(f.store, events.list, events.count, NULL, 0, NOW, &committed));
        CHECK_INT(committed.stored_count, round == 0 ? HIN_COUNT(cursors) : 0);
        events_free(&events);
    }
    fixture_stop(&f);
}

TEST(test_store_dedup__merges_keep_the_identities)
{
    struct fixture f = {0};
    struct hin_store_committed committed;
    CHECK_OK(fixture_start(&f, "dedup_merge"));
    for (size_t i = 0; i < 300; i++) {
        CHECK_OK(commit_some(&f, &(struct shape){1, 9, i * 1000, NOW, NULL}, 5, NOW, &committed));
    }
    struct hin_store_stats stats;
    CHECK_OK(hin_store_stats(f.store, &stats));
    CHECK(stats.segments < 100);
    fixture_close(&f);
    CHECK_OK(fixture_open(&f));
    for (size_t i = 0; i < 300; i += 7) {
        CHECK_OK(commit_some(&f, &(struct shape){1, 9, i * 1000, NOW, NULL}, 6, NOW, &committed));
        CHECK_INT(committed.copy_count, 5);
        CHECK_INT(committed.stored_count, 1);
    }
    fixture_stop(&f);
}

TEST(test_store_dedup__no_identity_no_check)
{
    struct fixture f = {0};
    struct hin_store_committed committed;
    CHECK_OK(fixture_start(&f, "dedup_none"));
    CHECK_OK(commit_some(&f, &(struct shape){0, 0, 0, NOW, NULL}, 4, NOW, &committed));
    CHECK_OK(commit_some(&f, &(struct shape){0, 0, 0, NOW, NULL}, 4, NOW, &committed));
    CHECK_INT(committed.stored_count, 4);
    fixture_stop(&f);
}
