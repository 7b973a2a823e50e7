/* What a tenant's data lie in goes, cut off between any two steps; another's stays. */
#include <stdio.h>

#include "base/bytes.h"
#include "fixture.h"

static HIN_RESULT fill(struct fixture *f)
{
    struct hin_store_committed committed;
    struct hin_store_content content = {.bytes = HIN_VIEW("a secret")};
    int64_t id = 0;
    HIN_TRY(hin_store_create(f->store, HIN_STORE_COMPUTERS, &content, NOW, &id));
    HIN_TRY(audit_some(f, 3));
    return commit_some(f, &(struct shape){1, 9, 0, NOW, "a secret line"}, 1200, NOW, &committed);
}

/* Each step by itself, as when the process is new for each. */
static HIN_RESULT erase_all(const struct hin_store_options *options, int *ret_steps)
{
    bool done = false;
    struct hin_error error = {0};
    for (*ret_steps = 0; !done && *ret_steps < 1000; (*ret_steps)++) {
        HIN_TRY(hin_store_erase(options, &done, &error));
    }
    return done ? hin_ok() : hin_fail(HIN_LIMIT);
}

TEST(test_store_erase__nothing_is_left_and_the_neighbour_stays)
{
    struct fixture mine = {0}, theirs = {0};
    struct hin_store *store = NULL;
    struct hin_error error = {0};
    int steps = 0;
    CHECK_OK(fixture_start(&mine, "erase"));
    CHECK_OK(fixture_beside(&theirs, &mine));
    CHECK_OK(fill(&mine));
    CHECK_OK(fill(&theirs));
    struct hin_store_options options = fixture_options(&theirs);
    fixture_close(&theirs);
    CHECK_OK(erase_all(&options, &steps));
    CHECK_CODE(hin_store_open(&store, &options, &error), NOT_FOUND);
    hin_store_close(store);
    CHECK_OK(erase_all(&options, &steps)); /* again: it was cut off before it was told */
    CHECK_INT(steps, 1);
    struct hin_store_filter all = {0};
    struct hin_store_report report;
    CHECK_INT(search_count(&mine, &all, &report), 1200);
    fixture_stop(&theirs);
    fixture_stop(&mine);
}
