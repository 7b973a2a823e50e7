/* The chain alone: bodies, hashes, and every way in which an entry can fail to fit. */
#include <stdio.h>
#include <string.h>

#include "harness.h"

#include "base/bytes.h"
#include "proof/chain.h"

enum { COUNT = 12 };

struct record {
    struct hin_chain_link links[COUNT + 1]; /* by number */
    struct hin_buf bodies[COUNT + 1];
    uint8_t salts[COUNT + 1][HIN_CHAIN_SALT_BYTES];
    char texts[COUNT + 1][32];
};

static HIN_RESULT make_entry(struct record *record, int64_t number,
                             const struct hin_chain_body *head, const uint8_t *before)
{
    struct hin_chain_link *link = &record->links[number];
    struct hin_buf *body = &record->bodies[number];
    struct hin_chain_body made = *head;
    hin_buf_done(body);
    hin_buf_init(body, 4096);
    (void)snprintf(record->texts[number], sizeof(record->texts[number]), "{\"n\":%lld}",
                   (long long)number);
    hin_fill(record->salts[number], (uint8_t)number, HIN_CHAIN_SALT_BYTES);
    link->number = number;
    link->time_usec = 1000 * number;
    link->salt = hin_view_of(record->salts[number], HIN_CHAIN_SALT_BYTES);
    link->text = hin_view_from_text(record->texts[number]);
    HIN_TRY(hin_chain_commit(link->salt, link->text, made.commitment));
    HIN_TRY(hin_chain_body_head(&made, body));
    HIN_TRY(hin_buf_append_text(body, "HSV "));
    HIN_TRY(hin_buf_append_text(body, record->texts[number]));
    link->body = hin_buf_view(body);
    return hin_chain_hash(before, number, link->time_usec, link->body, link->hash);
}

static HIN_RESULT make(struct record *record)
{
    const struct hin_chain_body head = {.kind = HIN_CHAIN_ENTRY};
    *record = (struct record){0};
    for (int64_t i = 1; i <= COUNT; i++) {
        HIN_TRY(make_entry(record, i, &head, record->links[i - 1].hash));
    }
    return hin_ok();
}

static void done(struct record *record)
{
    for (size_t i = 0; i <= COUNT; i++) {
        hin_buf_done(&record->bodies[i]);
    }
}

/* Entries in this order, until one does not fit. */
static struct hin_result run(struct record *record, const int *order, size_t count,
                             struct hin_chain *chain, struct hin_chain_fault *fault)
{
    for (size_t i = 0; i < count; i++) {
        HIN_TRY(hin_chain_add(chain, &record->links[order[i]], fault));
    }
    return hin_ok();
}

TEST(test_proof_chain__a_true_record_fits)
{
    struct record record;
    struct hin_chain chain = {0};
    struct hin_chain_fault fault;
    int order[COUNT];
    for (int i = 0; i < COUNT; i++) {
        order[i] = i + 1;
    }
    CHECK_OK(make(&record));
    CHECK_OK(run(&record, order, COUNT, &chain, &fault));
    CHECK_OK(hin_chain_end(&chain, &fault));
    CHECK_INT(chain.number, COUNT);
    CHECK_INT(chain.entries, COUNT);
    CHECK_INT(chain.unbound + chain.unread + chain.lost + chain.gaps, 0);
    CHECK(memcmp(chain.hash, record.links[COUNT].hash, sizeof(chain.hash)) == 0);
    done(&record);
}

TEST(test_proof_chain__what_is_missing_or_moved_is_named)
{
    static const struct {
        int order[6];
        size_t count;
        enum hin_chain_why why;
        int64_t first, last;
    } cases[] = {
        {{2, 3}, 2, HIN_CHAIN_MISSING, 1, 2},        /* the first was removed */
        {{1, 2, 4}, 3, HIN_CHAIN_MISSING, 3, 4},     /* one was */
        {{1, 2, 9}, 3, HIN_CHAIN_MISSING, 3, 9},     /* several were */
        {{1, 3, 2, 4}, 4, HIN_CHAIN_MISSING, 2, 3},  /* two were exchanged */
        {{1, 2, 3, 2}, 4, HIN_CHAIN_ORDER, 2, 2},    /* one comes again */
        {{1, 2, 3, 3, 4}, 5, HIN_CHAIN_ORDER, 3, 3}, /* one was doubled */
    };
    struct record record;
    CHECK_OK(make(&record));
    for (size_t i = 0; i < HIN_COUNT(cases); i++) {
        struct hin_chain chain = {0};
        struct hin_chain_fault fault = {0};
        CHECK_CODE(run(&record, cases[i].order, cases[i].count, &chain, &fault), CORRUPT);
        CHECK_INT(fault.why, cases[i].why);
        CHECK_INT(fault.hole.first, cases[i].first);
        CHECK_INT(fault.hole.last, cases[i].last);
    }
    done(&record);
}

TEST(test_proof_chain__what_was_altered_is_named)
{
    for (int part = 0; part < 6; part++) {
        struct record record;
        struct hin_chain chain = {0};
        struct hin_chain_fault fault = {0};
        static const int order[] = {1, 2, 3, 4, 5};
        CHECK_OK(make(&record));
        struct hin_chain_link *link = &record.links[3];
        switch (part) {
        case 0:
            link->time_usec++;
            break;
        case 1:
            link->hash[31] ^= 1;
            break;
        case 2:
            record.bodies[3].data[10] ^= 1; /* the commitment */
            break;
        case 3:
            record.bodies[3].data[record.bodies[3].size - 1] ^= 1; /* what is sealed */
            break;
        case 4:
            record.texts[3][1] ^= 1; /* what is shown for it */
            break;
        case 5:
            record.salts[3][0] ^= 1;
            break;
        }
        CHECK_CODE(run(&record, order, HIN_COUNT(order), &chain, &fault), CORRUPT);
        CHECK_INT(fault.number, 3);
        CHECK_INT(fault.why, part < 4 ? HIN_CHAIN_CHANGED : HIN_CHAIN_TEXT);
        CHECK_INT(chain.number, 2); /* stands as before */
        struct hin_result skipped = hin_chain_skip(&chain, &fault);
        CHECK_INT(skipped.code, part < 4 ? HIN_OK : HIN_INVALID); /* a lie about a text stays one */
        done(&record);
    }
}

/* An entry put in under a number of its own: whoever does so without the hash before it fails, and
 * whoever hashes anew has to do so for every entry after it, up to the signed one. */
TEST(test_proof_chain__an_inserted_entry_is_named)
{
    struct record record, other;
    struct hin_chain chain = {0};
    struct hin_chain_fault fault = {0};
    const struct hin_chain_body head = {.kind = HIN_CHAIN_ENTRY};
    CHECK_OK(make(&record));
    CHECK_OK(make(&other));
    CHECK_OK(make_entry(&other, 4, &head, other.links[1].hash)); /* not behind 3 */
    CHECK_OK(hin_chain_add(&chain, &record.links[1], &fault));
    CHECK_OK(hin_chain_add(&chain, &record.links[2], &fault));
    CHECK_OK(hin_chain_add(&chain, &record.links[3], &fault));
    CHECK_CODE(hin_chain_add(&chain, &other.links[4], &fault), CORRUPT);
    CHECK_INT(fault.why, HIN_CHAIN_CHANGED);
    other.texts[3][5] = '9';
    CHECK_OK(make_entry(&other, 4, &head, record.links[3].hash)); /* behind 3, and another */
    other.links[4].time_usec = 7;
    CHECK_OK(hin_chain_hash(record.links[3].hash, 4, 7, other.links[4].body, other.links[4].hash));
    CHECK_OK(hin_chain_add(&chain, &other.links[4], &fault));
    CHECK_CODE(hin_chain_add(&chain, &record.links[5], &fault), CORRUPT);
    CHECK_INT(fault.number, 5);
    done(&record);
    done(&other);
}

static HIN_RESULT add_all(struct hin_chain *chain, struct record *record, int first, int last)
{
    struct hin_chain_fault fault;
    for (int i = first; i <= last; i++) {
        HIN_TRY(hin_chain_add(chain, &record->links[i], &fault));
    }
    return hin_ok();
}

/* The end was lost, and the entry after it says so: hash and numbers go on. */
TEST(test_proof_chain__a_lost_end_is_gone_around_by_the_entry_that_names_it)
{
    struct record record;
    struct hin_chain chain = {0};
    struct hin_chain_fault fault = {0};
    CHECK_OK(make(&record));
    struct hin_chain_body gap = {.kind = HIN_CHAIN_GAP, .hole = {.first = 5, .last = 7}};
    hin_copy(gap.hole.resume, record.links[7].hash, sizeof(gap.hole.resume));
    CHECK_OK(make_entry(&record, 8, &gap, record.links[7].hash));
    const struct hin_chain_body head = {.kind = HIN_CHAIN_ENTRY};
    CHECK_OK(make_entry(&record, 9, &head, record.links[8].hash));
    CHECK_OK(add_all(&chain, &record, 1, 4));
    CHECK_CODE(hin_chain_add(&chain, &record.links[8], &fault), CORRUPT);
    CHECK_INT(fault.why, HIN_CHAIN_LOST);
    CHECK_INT(fault.hole.first, 5);
    CHECK_INT(fault.hole.last, 7);
    CHECK_OK(hin_chain_skip(&chain, &fault));
    CHECK_INT(chain.number, 7);
    CHECK_OK(add_all(&chain, &record, 8, 9));
    CHECK_OK(hin_chain_end(&chain, &fault));
    CHECK_INT(chain.lost, 3);
    CHECK_INT(chain.gaps, 1);
    done(&record);
}

/* A place in the middle: accepted for the moment, but a gap entry further on must name it. */
TEST(test_proof_chain__an_accepted_place_must_be_declared)
{
    for (int declared = 0; declared < 2; declared++) {
        struct record record;
        struct hin_chain chain = {0};
        struct hin_chain_fault fault = {0};
        CHECK_OK(make(&record));
        CHECK_OK(add_all(&chain, &record, 1, 3));
        CHECK_CODE(hin_chain_add(&chain, &record.links[6], &fault), CORRUPT);
        CHECK_INT(fault.why, HIN_CHAIN_MISSING);
        CHECK_OK(hin_chain_skip(&chain, &fault));
        CHECK_OK(add_all(&chain, &record, 7, 8));
        if (declared == 1) {
            struct hin_chain_body gap = {.kind = HIN_CHAIN_GAP, .hole = fault.hole};
            CHECK_OK(make_entry(&record, 9, &gap, record.links[8].hash));
        }
        CHECK_OK(add_all(&chain, &record, 9, 9));
        struct hin_result ended = hin_chain_end(&chain, &fault);
        CHECK_INT(ended.code, declared == 1 ? HIN_OK : HIN_CORRUPT);
        if (declared == 0) {
            CHECK_INT(fault.why, HIN_CHAIN_UNDECLARED);
            CHECK_INT(fault.hole.first, 4);
        }
        done(&record);
    }
}

TEST(test_proof_chain__bodies_read_back)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf bytes = {.max = 1024};
    struct hin_chain_body body = {.kind = HIN_CHAIN_GAP,
                                  .commitment = {1, 2},
                                  .hole = {.first = 3, .last = 9, .resume = {4}}};
    struct hin_chain_body got;
    CHECK_OK(hin_chain_body_head(&body, &bytes));
    size_t head = bytes.size;
    CHECK_OK(hin_buf_append_text(&bytes, "HSV..."));
    CHECK_OK(hin_chain_body_read(hin_buf_view(&bytes), &got));
    CHECK_INT(got.kind, HIN_CHAIN_GAP);
    CHECK_INT(got.hole.first, 3);
    CHECK_INT(got.hole.last, 9);
    CHECK_VIEW(got.sealed, "HSV...");
    for (size_t size = 0; size < head; size++) {
        CHECK(!hin_is_ok(hin_chain_body_read(hin_view_of(bytes.data, size), &got)));
    }
    bytes.data[3]++;
    CHECK_CODE(hin_chain_body_read(hin_buf_view(&bytes), &got), UNSUPPORTED);
    CHECK_CODE(hin_chain_body_read(HIN_VIEW("XYZ 123"), &got), SYNTAX);
    CHECK_OK(hin_chain_body_read(HIN_VIEW("HSV old"), &got));
    CHECK_INT(got.kind, HIN_CHAIN_OLD);
}
