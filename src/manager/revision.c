#include "manager/revision.h"

static const struct hin_view setting_name = {(const uint8_t *)HIN_SETTING_REVISION,
                                             sizeof(HIN_SETTING_REVISION) - 1};

bool hin_revision_counts(enum hin_store_kind kind)
{
    return kind == HIN_STORE_POLICIES || kind == HIN_STORE_LOG_RULES ||
           kind == HIN_STORE_LOG_DECODERS || kind == HIN_STORE_COMPUTERS;
}

static HIN_RESULT find(struct hin_tenant *tenant, struct hin_store_document *ret_document)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = 4096};
    HIN_TRY(
        hin_store_find(tenant->store, HIN_STORE_SETTINGS, 0, setting_name, &text, ret_document));
    ret_document->bytes = HIN_VIEW_EMPTY;
    return hin_ok();
}

/* The document's own version is the number. */
HIN_RESULT hin_revision_raise(struct hin_tenant *tenant)
{
    struct hin_store_document document;
    struct hin_store_content content = {.bytes = HIN_VIEW("{}"), .names = {setting_name}};
    int64_t now_usec = hin_tenant_now_usec(tenant);
    uint64_t version = 0;
    struct hin_result found = find(tenant, &document);
    if (found.code == HIN_NOT_FOUND) {
        int64_t id = 0;
        return hin_store_create(tenant->store, HIN_STORE_SETTINGS, &content, now_usec, &id);
    }
    HIN_TRY(found);
    return hin_store_update(tenant->store, HIN_STORE_SETTINGS, document.id, document.version,
                            &content, now_usec, &version);
}

HIN_RESULT hin_revision_get(struct hin_tenant *tenant, uint64_t *ret_revision)
{
    struct hin_store_document document;
    struct hin_result found = find(tenant, &document);
    if (found.code == HIN_NOT_FOUND) {
        *ret_revision = 1;
        return hin_ok();
    }
    HIN_TRY(found);
    *ret_revision = document.version + 1; /* 0 stands for "no policy yet", 1 for "as installed" */
    return hin_ok();
}

HIN_RESULT hin_revision_pass(struct hin_tenant *tenant, uint64_t number)
{
    uint64_t revision = 0;
    HIN_TRY(hin_revision_get(tenant, &revision));
    while (revision <= number) {
        HIN_TRY(hin_revision_raise(tenant));
        HIN_TRY(hin_revision_get(tenant, &revision));
    }
    return hin_ok();
}
