#include "manager/retention.h"

#include "base/bytes.h"
#include "harness.h"

enum { LOG = HIN_MODULE_LOG_INSPECTION, AGENT = HIN_MODULE_AGENT, OTHER = HIN_MODULE_OTHER };

static HIN_RESULT read_text(const char *text, struct hin_retention_settings *ret_settings)
{
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *parsed = NULL;
    HIN_TRY(hin_json_parse(hin_view_from_text(text), 65536, &parsed, NULL));
    return hin_retention_read(hin_json_root(parsed), ret_settings);
}

static const struct {
    const char *stored;
    uint32_t installation, other, log, agent;
} rows[] = {
    {"{}", 0, 0, 0, 0},
    {"{}", 30, 30, 30, 30},
    {"{\"keepDays\":0}", 30, 0, 0, 0},
    {"{\"keepDays\":90}", 30, 90, 90, 90},
    {"{\"modules\":{\"logInspection\":7}}", 30, 30, 7, 30},
    {"{\"keepDays\":90,\"modules\":{\"agent\":0,\"logInspection\":36500}}", 30, 90, 36500, 0},
    {"{\"modules\":{\"malware\":3,\"other\":3}}", 30, 30, 30, 30}, /* a later version's */
};

TEST(test_manager_retention__a_module_then_the_tenant_then_the_installation)
{
    for (size_t i = 0; i < HIN_COUNT(rows); i++) {
        struct hin_retention_settings settings;
        CHECK_OK(read_text(rows[i].stored, &settings));
        struct hin_retention keep = hin_retention_resolve(&settings, rows[i].installation);
        CHECK_INT(keep.keep_days[OTHER], rows[i].other);
        CHECK_INT(keep.keep_days[LOG], rows[i].log);
        CHECK_INT(keep.keep_days[AGENT], rows[i].agent);
    }
}

/* What cannot be read is not "nothing set", which may drop more. */
TEST(test_manager_retention__refuses_what_it_does_not_understand)
{
    static const char *const bad[] = {"{\"keepDays\":-1}", "{\"keepDays\":36501}",
                                      "{\"keepDays\":\"x\"}", "{\"modules\":{\"agent\":-2}}",
                                      "{\"modules\":{\"agent\":[]}}"};
    for (size_t i = 0; i < HIN_COUNT(bad); i++) {
        struct hin_retention_settings settings = {.own = 4711};
        CHECK(!hin_is_ok(read_text(bad[i], &settings)));
        CHECK_INT(settings.own, 4711);
    }
}

TEST(test_manager_retention__for_ever_is_the_longest)
{
    static const struct {
        uint32_t before, after;
        bool shortens;
    } times[] = {{0, 0, false},   {0, 36500, true}, {30, 0, false}, {30, 29, true},
                 {30, 30, false}, {30, 31, false},  {1, 0, false}};
    for (size_t i = 0; i < HIN_COUNT(times); i++) {
        for (unsigned module = 0; module < HIN_MODULE_COUNT; module++) {
            struct hin_retention before = {{0}}, after = {{0}};
            before.keep_days[module] = times[i].before;
            after.keep_days[module] = times[i].after;
            CHECK(hin_retention_shortens(&before, &after) == times[i].shortens);
        }
    }
}

TEST(test_manager_retention__outgrows_the_disk)
{
    enum { MB = 1000000 };
    static const struct {
        uint32_t keep; /* of all but agents, which are kept for a day */
        uint64_t mbytes;
        int64_t days;
        uint64_t free_mbytes;
        bool outgrows;
        int64_t full, over;
    } disks[] = {
        {30, 100, 10, 150, true, 15, 21}, /* 10 a day */
        {30, 100, 10, 300, false, 0, 0},  /* over before */
        {30, 100, 31, 1, false, 0, 0},    /* as much goes as comes */
        {30, 100, 6, 1, false, 0, 0},     /* too early to tell */
        {0, 100, 10, 150, true, 15, 0},   /* for ever */
        {0, 100, 10, 10000, false, 0, 0}, /* in years */
        {0, 100, 10, 0, true, 0, 0},      /* full */
    };
    for (size_t i = 0; i < HIN_COUNT(disks); i++) {
        struct hin_retention keep = {{0}};
        int64_t full = 0, over = 0;
        for (unsigned module = 0; module < HIN_MODULE_COUNT; module++) {
            keep.keep_days[module] = module == AGENT ? 1 : disks[i].keep;
        }
        CHECK(hin_retention_outgrows(&keep, disks[i].mbytes * MB, disks[i].days,
                                     disks[i].free_mbytes * MB, &full, &over) == disks[i].outgrows);
        if (disks[i].outgrows) {
            CHECK_INT(full, disks[i].full);
            CHECK_INT(over, disks[i].over);
        }
    }
}
