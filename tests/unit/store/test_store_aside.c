/* A store that was made beside a tenant's own takes its place; cut off and repeated at each step.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/bytes.h"
#include "fixture.h"

static HIN_RESULT write_one(struct hin_store *store, struct hin_view text)
{
    struct hin_store_content content = {.bytes = text};
    int64_t id = 0;
    return hin_store_create(store, HIN_STORE_COMPUTERS, &content, NOW, &id);
}

/* Under the same keys, in a key table of its own. */
static HIN_RESULT make_beside(struct fixture *f, struct hin_view text)
{
    struct hin_store_options options = fixture_options(f);
    struct hin_store_keys keys = keys_of(&f->keys);
    struct hin_error error = {0};
    struct hin_store *own = f->keys.store;
    HIN_CLEANUP(hin_store_closep) struct hin_store *store = NULL;
    options.aside = HIN_STORE_NEXT;
    options.create = true;
    HIN_TRY(hin_store_open(&store, &options, &error));
    f->keys.store = store;
    struct hin_result made = hin_store_key_put(store, f->keys.id, 1, HIN_VIEW("wrapped"), NOW);
    if (hin_is_ok(made)) {
        made = hin_store_unlock(store, &keys);
    }
    if (hin_is_ok(made)) {
        made = write_one(store, text);
    }
    f->keys.store = own;
    return made;
}

static bool is_there(struct fixture *f, enum hin_store_aside aside)
{
    struct hin_store_options options = fixture_options(f);
    struct hin_error error = {0};
    bool there = false;
    struct hin_result found = hin_store_aside_find(&options, aside, &there, &error);
    if (!hin_is_ok(found)) {
        (void)printf("# it cannot be asked for: %s\n", error.text);
        abort();
    }
    return there;
}

/* What the tenant's first document says. */
static void check_says(struct fixture *f, const char *text)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf buf = {.max = 4096};
    struct hin_store_document document;
    CHECK_OK(fixture_open(f));
    CHECK_OK(hin_store_get(f->store, HIN_STORE_COMPUTERS, 1, &buf, &document));
    CHECK_VIEW(document.bytes, text);
    fixture_close(f);
}

TEST(test_store_aside__what_was_made_beside_takes_the_place)
{
    struct fixture f = {0}, other = {0};
    struct hin_error error = {0};
    int steps = 0;
    bool done = false;
    CHECK_OK(fixture_start(&f, "aside"));
    CHECK_OK(fixture_beside(&other, &f));
    CHECK_OK(write_one(f.store, HIN_VIEW("former")));
    CHECK_OK(write_one(other.store, HIN_VIEW("neighbour")));
    struct hin_store_options options = fixture_options(&f);
    CHECK_OK(make_beside(&f, HIN_VIEW("restored")));
    fixture_close(&f);
    fixture_close(&other);
    check_says(&f, "former"); /* nothing has changed yet */
    CHECK(is_there(&f, HIN_STORE_NEXT));
    CHECK_OK(hin_store_aside_take(&options, &error));
    CHECK_OK(hin_store_aside_take(&options, &error)); /* there is none any more */
    check_says(&f, "restored");
    check_says(&other, "neighbour");
    CHECK(!is_there(&f, HIN_STORE_NEXT));
    CHECK(is_there(&f, HIN_STORE_REPLACED));
    CHECK_CODE(hin_store_aside_erase(&options, HIN_STORE_IN_PLACE, &error), INVALID);
    /* Once more, over what a former one has left. */
    CHECK_OK(make_beside(&f, HIN_VIEW("another")));
    CHECK_OK(hin_store_aside_take(&options, &error));
    check_says(&f, "another");
    CHECK_OK(hin_store_aside_erase(&options, HIN_STORE_REPLACED, &error));
    CHECK_OK(hin_store_aside_erase(&options, HIN_STORE_REPLACED, &error));
    CHECK(!is_there(&f, HIN_STORE_REPLACED));
    /* The erasure of the tenant leaves none of them. */
    CHECK_OK(make_beside(&f, HIN_VIEW("third")));
    CHECK_OK(hin_store_aside_take(&options, &error));
    CHECK_OK(make_beside(&f, HIN_VIEW("fourth")));
    for (steps = 0; !done && steps < 1000; steps++) {
        CHECK_OK(hin_store_erase(&options, &done, &error));
    }
    CHECK(!is_there(&f, HIN_STORE_NEXT));
    CHECK(!is_there(&f, HIN_STORE_REPLACED));
    CHECK(!is_there(&f, HIN_STORE_IN_PLACE));
    check_says(&other, "neighbour");
    fixture_stop(&other);
    fixture_stop(&f);
}

/* Files: what a kill between two renames leaves goes on. */
TEST(test_store_aside__cut_off_between_two_files_goes_on)
{
    struct fixture f = {0};
    struct hin_error error = {0};
    if (fixture_options(&f).server != NULL) {
        return; /* one transaction */
    }
    CHECK_OK(fixture_start(&f, "cut"));
    CHECK_OK(write_one(f.store, HIN_VIEW("former")));
    struct hin_store_options options = fixture_options(&f);
    CHECK_OK(make_beside(&f, HIN_VIEW("restored")));
    fixture_close(&f);
    int log = openat(f.directory, "t0.next.db-wal", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    CHECK(log >= 0 && write(log, "x", 1) == 1);
    close(log);
    CHECK_CODE(hin_store_aside_take(&options, &error), CONFLICT); /* it is not closed */
    check_says(&f, "former");
    CHECK_INT(unlinkat(f.directory, "t0.next.db-wal", 0), 0);
    CHECK_INT(renameat(f.directory, "t0.db", f.directory, "t0.replaced.db"), 0);
    CHECK_OK(hin_store_aside_take(&options, &error));
    check_says(&f, "restored");
    CHECK(is_there(&f, HIN_STORE_REPLACED));
    fixture_stop(&f);
}
