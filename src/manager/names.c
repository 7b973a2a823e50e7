#include "manager/names.h"

#include "base/arena.h"
#include "base/bytes.h"
#include "data/json.h"
#include "manager/holders.h"
#include "manager/probe/probe.h"
#include "manager/probe/record.h"
#include "manager/revision.h"
#include "manager/tenant.h"

/* `member` of the document, or a name that stands in the program (`is`), of what has that member or
 * of what nothing before it was true for. */
static const struct source {
    enum hin_store_kind kind;
    size_t slot;
    const char *member, *is;
    bool canonical; /* as names of tenants are compared */
} sources[] = {
    {HIN_STORE_COMPUTERS, 0, "hostGUID", NULL, false},
    {HIN_STORE_COMPUTERS, 1, "enrolmentKeyDigest", NULL, false},
    {HIN_STORE_POLICIES, 0, "name", NULL, false},
    {HIN_STORE_LOG_RULES, 0, "identifier", NULL, false},
    {HIN_STORE_LOG_DECODERS, 0, "identifier", NULL, false},
    {HIN_STORE_API_KEYS, 0, "secretDigest", NULL, false},
    {HIN_STORE_ADMINISTRATORS, 0, "username", NULL, false},
    {HIN_STORE_ENROLMENT_TOKENS, 0, "tokenDigest", NULL, false},
    {HIN_STORE_SETTINGS, 0, "holders", HIN_SETTING_HOLDERS, false},
    {HIN_STORE_SETTINGS, 0, NULL, HIN_SETTING_REVISION, false},
    {HIN_STORE_EVIDENCE, 0, "number", NULL, false},
    {HIN_STORE_EVIDENCE, 1, "guid", NULL, false},
    {HIN_STORE_RESTORES, 0, "restore", NULL, false},
    {HIN_STORE_RESTORINGS, 0, "guid", NULL, false},
    {HIN_STORE_RESTORED, 0, "guid", NULL, false},
    {HIN_STORE_TENANTS, HIN_TENANT_SLOT_NAME, "name", NULL, true},
    {HIN_STORE_TENANTS, HIN_TENANT_SLOT_UUID, "guid", NULL, false},
};
static const char *const usual[] = {"guid", "name", "identifier"};

struct candidates {
    struct hin_json root;
    struct hin_arena *arena;
    struct hin_view *names;
    size_t count;
};

static HIN_RESULT add(struct candidates *c, struct hin_view name)
{
    HIN_ENSURE(c->count < HIN_STORE_CANDIDATES_MAX, LIMIT);
    HIN_TRY(hin_arena_copy(c->arena, name, &c->names[c->count]));
    c->count++;
    return hin_ok();
}

static HIN_RESULT add_member(struct candidates *c, const char *member, bool canonical)
{
    struct hin_view text = HIN_VIEW_EMPTY;
    char name[HIN_TENANT_NAME_BYTES];
    int64_t number = 0;
    if (hin_is_ok(hin_json_get_integer(c->root, member, 0, INT64_MAX, &number, NULL))) {
        HIN_TRY(hin_arena_printf(c->arena, &text, "%lld", (long long)number));
        return add(c, text);
    }
    bool told = hin_is_ok(hin_json_opt_text(c->root, member, &text, NULL)) && text.size > 0;
    if (told && canonical) {
        told = hin_is_ok(hin_tenant_name(text, name));
        text = hin_view_from_text(name);
    }
    return told ? add(c, text) : hin_ok();
}

static HIN_RESULT add_fixed(struct candidates *c, const struct source *source)
{
    struct hin_json found;
    bool fits =
        source->member != NULL ? hin_json_find(c->root, source->member, &found) : c->count == 0;
    return fits ? add(c, hin_view_from_text(source->is)) : hin_ok();
}

static HIN_RESULT collect(struct candidates *c, enum hin_store_kind kind, size_t slot)
{
    bool listed = false;
    for (size_t i = 0; i < HIN_COUNT(sources); i++) {
        const struct source *source = &sources[i];
        listed = listed || source->kind == kind;
        if (source->kind == kind && source->slot == slot) {
            HIN_TRY(source->is != NULL ? add_fixed(c, source)
                                       : add_member(c, source->member, source->canonical));
        }
    }
    for (size_t i = 0; !listed && i < HIN_COUNT(usual); i++) {
        HIN_TRY(add_member(c, usual[i], false));
    }
    return hin_ok();
}

/* What the probes keep: the end of their record, one for each, and what they look for on the disk.
 */
static HIN_RESULT add_probes(struct candidates *c)
{
    HIN_TRY(add(c, HIN_VIEW("head")));
    HIN_TRY(add(c, HIN_VIEW("canary")));
    for (size_t i = 0; i < hin_probe_count; i++) {
        char name[HIN_RECORD_STATE_NAME_BYTES];
        hin_record_state_name(hin_probes[i]->name, name);
        HIN_TRY(add(c, hin_view_from_text(name)));
    }
    return hin_ok();
}

/* *ret_known: it is none of those that tell it by what is in them. */
static HIN_RESULT tell_at_once(struct candidates *c, const struct hin_store_document *document,
                               bool *ret_known)
{
    *ret_known = true;
    if (document->kind == HIN_STORE_PROBE_STATES) {
        return add_probes(c);
    }
    if (document->kind == HIN_STORE_MAKINGS) {
        return add(c, document->bytes);
    }
    *ret_known = false;
    return hin_ok();
}

static struct hin_result tell_names(void *context, const struct hin_store_document *document,
                                    size_t slot, struct hin_arena *arena,
                                    struct hin_view *ret_names, size_t *ret_count)
{
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *parsed = NULL;
    struct candidates c = {.arena = arena, .names = ret_names};
    (void)context;
    bool known = false;
    *ret_count = 0;
    HIN_TRY(tell_at_once(&c, document, &known));
    if (known) {
        *ret_count = c.count;
        return hin_ok();
    }
    struct hin_result read =
        hin_json_parse(document->bytes, HIN_STORE_DOCUMENT_BYTES, &parsed, NULL);
    if (!hin_is_ok(read)) { /* no JSON: what it is called is not known here */
        return read.code == HIN_NO_MEMORY ? read : hin_ok();
    }
    c.root = hin_json_root(parsed);
    HIN_TRY(collect(&c, document->kind, slot));
    *ret_count = c.count;
    return hin_ok();
}

const struct hin_store_namer hin_document_namer = {tell_names, NULL};
