#include "manager/holders.h"

#include <string.h>

#include "base/bytes.h"
#include "harness.h"

#define NOW (INT64_C(1800000000) * HIN_SEC_USEC)

static HIN_RESULT two_holders(struct hin_holders *holders)
{
    *holders = (struct hin_holders){.limit = HIN_HOLDERS_LIMIT};
    HIN_TRY(hin_holders_add(holders, HIN_VIEW("ada"), 1, NOW));
    return hin_holders_add(holders, HIN_VIEW("bob"), 2, NOW);
}

TEST(test_manager_holders__the_first_acts_alone_then_two_are_needed)
{
    struct hin_holders h = {.limit = HIN_HOLDERS_LIMIT};
    struct hin_holder_request wanted = {.action = HIN_HOLDER_ADD, .name = "bob", .by = 1};
    struct hin_holder_request agreed;
    bool alone = false;
    int64_t id = 0;
    CHECK_CODE(hin_holders_ask(&h, &wanted, NOW, &alone, &id), DENIED);
    CHECK_OK(hin_holders_add(&h, HIN_VIEW("ada"), 1, NOW));
    CHECK_OK(hin_holders_ask(&h, &wanted, NOW, &alone, &id));
    CHECK(alone && h.request_count == 0);
    CHECK_OK(hin_holders_add(&h, HIN_VIEW("bob"), 2, NOW));
    CHECK_CODE(hin_holders_add(&h, HIN_VIEW("bob"), 3, NOW), EXISTS);
    CHECK_CODE(hin_holders_add(&h, HIN_VIEW("eve"), 2, NOW), EXISTS);
    hin_copy(wanted.name, "cyd", 4);
    CHECK_OK(hin_holders_ask(&h, &wanted, NOW, &alone, &id));
    CHECK(!alone && id == 1);
    CHECK_CODE(hin_holders_agree(&h, id, 1, NOW, &agreed), DENIED); /* the one who asked */
    CHECK_CODE(hin_holders_agree(&h, id, 9, NOW, &agreed), DENIED); /* no holder */
    CHECK_CODE(hin_holders_agree(&h, 7, 2, NOW, &agreed), NOT_FOUND);
    CHECK_OK(hin_holders_agree(&h, id, 2, NOW, &agreed));
    CHECK(agreed.action == HIN_HOLDER_ADD && strcmp(agreed.name, "cyd") == 0);
    CHECK_CODE(hin_holders_agree(&h, id, 2, NOW, &agreed), NOT_FOUND); /* once */
    CHECK_OK(hin_holders_add(&h, HIN_VIEW("cyd"), 3, NOW));
    CHECK_CODE(hin_holders_add(&h, HIN_VIEW("dan"), 4, NOW), LIMIT); /* three unless set */
    CHECK_OK(hin_holders_remove(&h, HIN_VIEW("cyd"), NOW));
    CHECK_CODE(hin_holders_remove(&h, HIN_VIEW("cyd"), NOW), NOT_FOUND);
    CHECK_OK(hin_holders_remove(&h, HIN_VIEW("ada"), NOW));
    CHECK_CODE(hin_holders_remove(&h, HIN_VIEW("bob"), NOW), CONFLICT); /* the last */
}

TEST(test_manager_holders__a_request_waits_a_day)
{
    struct hin_holders h;
    struct hin_holder_request wanted = {
        .action = HIN_HOLDER_RETIRE, .name = "tenant", .number = 3, .by = 1};
    struct hin_holder_request agreed;
    bool alone = false;
    int64_t id = 0, second = 0;
    CHECK_OK(two_holders(&h));
    CHECK_OK(hin_holders_ask(&h, &wanted, NOW, &alone, &id));
    CHECK_OK(hin_holders_ask(&h, &wanted, NOW + HIN_HOUR_USEC, &alone, &second));
    CHECK_CODE(hin_holders_agree(&h, id, 2, NOW + HIN_HOLDER_REQUEST_USEC, &agreed), NOT_FOUND);
    CHECK_OK(hin_holders_agree(&h, second, 2, NOW + HIN_HOLDER_REQUEST_USEC, &agreed));
    CHECK_INT(agreed.number, 3);
    for (int i = 0; i < HIN_HOLDER_REQUESTS_MOST; i++) {
        CHECK_OK(hin_holders_ask(&h, &wanted, NOW, &alone, &id));
    }
    CHECK_CODE(hin_holders_ask(&h, &wanted, NOW, &alone, &id), LIMIT);
    CHECK_OK(hin_holders_remove(&h, HIN_VIEW("ada"), NOW)); /* who asked for these */
    CHECK_OK(hin_holders_add(&h, HIN_VIEW("cyd"), 3, NOW));
    CHECK_CODE(hin_holders_agree(&h, id, 2, NOW, &agreed), DENIED);
}

/* Through three quarters: who is confirmed by another stays, who is not lapses. */
TEST(test_manager_holders__lapse_when_nobody_confirms_them_for_a_quarter)
{
    struct hin_holders h;
    struct hin_holder_request wanted = {.action = HIN_HOLDER_ADD, .name = "dan", .by = 3};
    bool alone = false;
    int64_t id = 0, now = NOW;
    CHECK_OK(two_holders(&h));
    CHECK_OK(hin_holders_add(&h, HIN_VIEW("cyd"), 3, now));
    now += 90 * HIN_DAY_USEC;
    CHECK_CODE(hin_holders_confirm(&h, 1, HIN_VIEW("ada"), now), DENIED); /* not oneself */
    CHECK_CODE(hin_holders_confirm(&h, 1, HIN_VIEW("eve"), now), NOT_FOUND);
    CHECK_OK(hin_holders_confirm(&h, 1, HIN_VIEW("bob"), now));
    CHECK_OK(hin_holders_confirm(&h, 2, HIN_VIEW("ada"), now));
    CHECK_INT(h.review_usec, now);
    CHECK_INT(hin_holders_in_force(&h, now), 3);
    now += 3 * HIN_DAY_USEC; /* cyd's quarter is over */
    CHECK_INT(hin_holders_in_force(&h, now), 2);
    CHECK_CODE(hin_holders_ask(&h, &wanted, now, &alone, &id), DENIED);
    CHECK_CODE(hin_holders_confirm(&h, 3, HIN_VIEW("bob"), now), DENIED);
    CHECK_CODE(hin_holders_confirm(&h, 1, HIN_VIEW("cyd"), now), EXPIRED);
    CHECK_OK(hin_holders_add(&h, HIN_VIEW("cyd"), 5, now)); /* anew, in the old one's place */
    CHECK_INT(h.count, 3);
    now += 88 * HIN_DAY_USEC;
    CHECK_OK(hin_holders_confirm(&h, 5, HIN_VIEW("bob"), now));
    now += 2 * HIN_DAY_USEC; /* ada's is over, cyd's not yet */
    CHECK_INT(hin_holders_in_force(&h, now), 2);
    now += 4 * HIN_DAY_USEC; /* bob alone is left: he may confirm himself */
    CHECK_INT(hin_holders_in_force(&h, now), 1);
    CHECK_OK(hin_holders_confirm(&h, 2, HIN_VIEW("bob"), now));
    now += HIN_HOLDER_QUARTER_USEC;
    CHECK_INT(hin_holders_in_force(&h, now), 0);
}

TEST(test_manager_holders__are_stored_as_text)
{
    struct hin_holders h, back;
    struct hin_holder_request wanted = {.action = HIN_HOLDER_REMOVE, .name = "ada", .by = 2};
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = 65536};
    bool alone = false;
    int64_t id = 0;
    CHECK_OK(two_holders(&h));
    CHECK_OK(hin_holders_ask(&h, &wanted, NOW, &alone, &id));
    CHECK_OK(hin_holders_encode(&h, &text));
    CHECK_OK(hin_holders_decode(hin_buf_view(&text), &back));
    CHECK_INT(back.count, 2);
    CHECK_INT(back.limit, HIN_HOLDERS_LIMIT);
    CHECK_INT(back.requests[0].expires_usec, NOW + HIN_HOLDER_REQUEST_USEC);
    CHECK(strcmp(back.list[1].name, "bob") == 0 && back.list[1].key == 2);
    CHECK(!hin_is_ok(hin_holders_decode(HIN_VIEW("{\"limit\":0}"), &back)));
    CHECK(!hin_is_ok(hin_holders_decode(HIN_VIEW("{"), &back)));
}
