#include "manager/retention.h"

#include "base/bytes.h"
#include "store/documents.h"

HIN_RESULT hin_retention_read(struct hin_json stored, struct hin_retention_settings *ret_settings)
{
    struct hin_retention_settings settings = {.own = HIN_RETENTION_UNSET};
    struct hin_json modules = {0};
    bool some = stored.node != NULL && hin_json_find(stored, "modules", &modules);
    if (stored.node != NULL) {
        HIN_TRY(
            hin_json_opt_integer(stored, "keepDays", 0, HIN_KEEP_DAYS_MAX, &settings.own, NULL));
    }
    for (unsigned module = 0; module < HIN_MODULE_COUNT; module++) {
        settings.modules[module] = HIN_RETENTION_UNSET;
        if (some && module != HIN_MODULE_OTHER) {
            HIN_TRY(hin_json_opt_integer(modules, hin_modules[module].name, 0, HIN_KEEP_DAYS_MAX,
                                         &settings.modules[module], NULL));
        }
    }
    *ret_settings = settings;
    return hin_ok();
}

HIN_RESULT hin_retention_load(struct hin_store *store, struct hin_retention_settings *ret_settings)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = HIN_STORE_DOCUMENT_BYTES};
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *parsed = NULL;
    struct hin_store_document found;
    struct hin_result got =
        hin_store_get(store, HIN_STORE_RETENTION, HIN_RETENTION_DOCUMENT, &text, &found);
    if (got.code == HIN_NOT_FOUND) {
        return hin_retention_read((struct hin_json){0}, ret_settings);
    }
    HIN_TRY(got);
    HIN_TRY(hin_json_parse(found.bytes, HIN_STORE_DOCUMENT_BYTES, &parsed, NULL));
    return hin_retention_read(hin_json_root(parsed), ret_settings);
}

struct hin_retention hin_retention_resolve(const struct hin_retention_settings *settings,
                                           uint32_t installation_days)
{
    struct hin_retention keep;
    uint32_t own =
        settings->own == HIN_RETENTION_UNSET ? installation_days : (uint32_t)settings->own;
    for (unsigned module = 0; module < HIN_MODULE_COUNT; module++) {
        int64_t set = settings->modules[module];
        keep.keep_days[module] = set == HIN_RETENTION_UNSET ? own : (uint32_t)set;
    }
    return keep;
}

bool hin_retention_shortens(const struct hin_retention *before, const struct hin_retention *after)
{
    bool shortens = false;
    for (unsigned module = 0; module < HIN_MODULE_COUNT; module++) {
        uint32_t was = before->keep_days[module], is = after->keep_days[module];
        shortens = shortens || (is != 0 && (was == 0 || is < was));
    }
    return shortens;
}

bool hin_retention_outgrows(const struct hin_retention *keep, uint64_t bytes, int64_t days,
                            uint64_t free_bytes, int64_t *ret_days, int64_t *ret_over)
{
    enum { LEAST_DAYS = 7 };
    uint32_t longest = 1;
    for (unsigned module = 0; module < HIN_MODULE_COUNT; module++) {
        uint32_t is = keep->keep_days[module];
        longest = is == 0 || longest == 0 ? 0 : HIN_MAX(longest, is);
    }
    if (days < LEAST_DAYS || bytes == 0 || (longest != 0 && days > (int64_t)longest)) {
        return false; /* too early to tell; or as much goes as comes */
    }
    uint64_t a_day = HIN_MAX(bytes / (uint64_t)days, UINT64_C(1));
    int64_t full = (int64_t)HIN_MIN(free_bytes / a_day, (uint64_t)INT64_MAX);
    int64_t over = longest == 0 ? 0 : (int64_t)longest + 1 - days;
    *ret_days = full;
    *ret_over = over;
    return longest == 0 ? full <= 90 : full < over;
}
