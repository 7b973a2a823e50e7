/* Policies, and the rules and decoders that they assign. */
#include "base/bytes.h"
#include "engine/log/log.h"
#include "manager/worker/api/modules.h"
#include "manager/worker/api/tables.h"
#include "manager/worker/policy.h"
#include "policy/bundle.h"

/* ---- policies ---- */

static HIN_RESULT check_rules_exist(struct hin_api_call *call, struct hin_json body)
{
    struct hin_json module;
    struct hin_json ids;
    if (!hin_json_find(body, "logInspection", &module) || !hin_json_find(module, "ruleIDs", &ids) ||
        hin_json_is_null(ids)) {
        return hin_ok();
    }
    struct hin_json_iterator items = hin_json_iterate(ids);
    const char *key;
    struct hin_json item;
    while (hin_json_next(&items, &key, &item)) {
        HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = HIN_STORE_DOCUMENT_BYTES};
        struct hin_store_document document;
        int64_t id = 0;
        HIN_TRY(hin_json_integer(item, 1, INT64_MAX, &id, &call->error));
        struct hin_result found =
            hin_store_get(call->tenant->store, HIN_STORE_LOG_RULES, id, &text, &document);
        if (found.code == HIN_NOT_FOUND) {
            return hin_json_refuse(item, &call->error, HIN_INVALID,
                                   "there is no loginspectionrule with ID %lld", (long long)id);
        }
        HIN_TRY(found);
    }
    return hin_ok();
}

static HIN_RESULT check_parent(struct hin_api_call *call, int64_t id)
{
    struct hin_policy *policies = NULL;
    size_t count = 0;
    int64_t parent = 0;
    HIN_TRY(hin_json_opt_integer(call->body, "parentID", 0, INT64_MAX, &parent, &call->error));
    HIN_TRY(hin_policy_list(call->tenant, call->arena, &policies, &count));
    struct hin_result result =
        hin_policy_check_parent(policies, count, (uint64_t)id, (uint64_t)parent);
    if (result.code == HIN_NOT_FOUND) {
        return hin_api_fail(call, HIN_INVALID, "parentID: there is no policy with ID %lld",
                            (long long)parent);
    }
    if (result.code == HIN_CONFLICT) {
        return hin_api_fail(call, HIN_INVALID,
                            "parentID: the policies would inherit from each other in a circle");
    }
    return result;
}

static struct hin_result prepare_policy(struct hin_api_call *call, struct hin_json stored,
                                        struct hin_api_draft *draft)
{
    struct hin_view name = HIN_VIEW_EMPTY;
    HIN_TRY(check_rules_exist(call, call->body));
    HIN_TRY(check_parent(call, stored.node == NULL ? INT64_MAX : call->id));
    HIN_TRY(hin_json_opt_text(call->body, "name", &name, &call->error));
    if (name.size > 0) {
        draft->content.names[0] = name;
        draft->keep_names = false;
    }
    return hin_ok();
}

/* The rules are compiled together before any agent sees them: what does not load is refused here,
 * by file, line and column, and what was in force stays. */
static struct hin_result verify_policy(struct hin_api_call *call, int64_t id)
{
    struct hin_policy_content content;
    struct hin_json module;
    if (!hin_json_find(call->body, "logInspection", &module) ||
        !hin_json_find(module, "ruleIDs", &module)) {
        return hin_ok();
    }
    HIN_TRY(hin_policy_gather(call->tenant, id, &(struct hin_policy_module){.state = HIN_POLICY_ON},
                              call->arena, &content));
    return hin_policy_compile(&content, call->arena, &call->error);
}

struct use_search {
    int64_t policy;
    bool found;
};

static struct hin_result uses_policy(void *context, const struct hin_store_document *document)
{
    struct use_search *search = context;
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *parsed = NULL;
    int64_t policy = 0;
    int64_t parent = 0;
    HIN_TRY(hin_json_parse(document->bytes, HIN_STORE_DOCUMENT_BYTES, &parsed, NULL));
    HIN_TRY(hin_json_opt_integer(hin_json_root(parsed), "policyID", 0, INT64_MAX, &policy, NULL));
    HIN_TRY(hin_json_opt_integer(hin_json_root(parsed), "parentID", 0, INT64_MAX, &parent, NULL));
    search->found = search->found || policy == search->policy || parent == search->policy;
    return hin_ok();
}

static struct hin_result remove_policy(struct hin_api_call *call, int64_t id)
{
    static const enum hin_store_kind kinds[] = {HIN_STORE_COMPUTERS, HIN_STORE_POLICIES};
    struct use_search search = {.policy = id};
    struct hin_store_page page = {0};
    struct hin_store_listed listed;
    for (size_t i = 0; i < HIN_COUNT(kinds); i++) {
        HIN_TRY(
            hin_store_list(call->tenant->store, kinds[i], &page, uses_policy, &search, &listed));
    }
    if (search.found) {
        return hin_api_fail(call, HIN_CONFLICT,
                            "computers or other policies still use this policy");
    }
    return hin_ok();
}

const struct hin_api_resource hin_api_policies = {
    .path = "policies",
    .collection = "policies",
    .singular = "policy",
    .list_model = "Policies",
    .attributes = &hin_api_policy,
    .kind = HIN_STORE_POLICIES,
    .operations = HIN_API_LIST | HIN_API_CREATE | HIN_API_GET | HIN_API_MODIFY | HIN_API_DELETE |
                  HIN_API_SEARCH,
    .read_right = HIN_RIGHT_VIEW,
    .edit_right = HIN_RIGHT_EDIT,
    .prepare = prepare_policy,
    .verify = verify_policy,
    .remove = remove_policy,
};
const struct hin_api_module hin_api_module_policies = {&hin_api_policies, NULL, 0};

/* ---- what stands in force stays loadable ---- */

/* A rule or decoder that policies use is judged together with all that they assign; one that no
 * policy uses may stand as it is until it is assigned. rule 0: whichever rules. */
static HIN_RESULT verify_users(struct hin_api_call *call, int64_t rule)
{
    struct hin_policy *policies = NULL;
    size_t count = 0;
    HIN_TRY(hin_policy_list(call->tenant, call->arena, &policies, &count));
    for (size_t i = 0; i < count; i++) {
        const struct hin_policy_module *module = &policies[i].log_inspection;
        bool used = rule == 0 && module->rule_count > 0;
        for (size_t j = 0; j < module->rule_count && !used; j++) {
            used = (int64_t)module->rule_ids[j] == rule;
        }
        if (used) {
            struct hin_policy_content content;
            struct hin_policy_module on = {.state = HIN_POLICY_ON};
            HIN_TRY(hin_policy_gather(call->tenant, (int64_t)policies[i].id, &on, call->arena,
                                      &content));
            HIN_TRY(hin_policy_compile(&content, call->arena, &call->error));
        }
    }
    return hin_ok();
}

static bool changes_text(struct hin_api_call *call)
{
    static const char *const members[] = {"ruleXML", "decoderXML", "template",   "pattern",
                                          "ruleID",  "sortOrder",  "decoderIDs", "dependency",
                                          "level",   "frequency"};
    struct hin_json value;
    for (size_t i = 0; i < HIN_COUNT(members); i++) {
        if (hin_json_find(call->body, members[i], &value)) {
            return true;
        }
    }
    return false;
}

static struct hin_result verify_rule(struct hin_api_call *call, int64_t id)
{
    bool created = call->id == 0; /* nothing uses it yet */
    return created || !changes_text(call) ? hin_ok() : verify_users(call, id);
}

static struct hin_result verify_decoder(struct hin_api_call *call, int64_t id)
{
    bool created = call->id == 0;
    (void)id;
    return created || !changes_text(call) ? hin_ok() : verify_users(call, 0);
}

/* ---- rules and decoders ---- */

/* The file by itself: whether parents and groups exist shows when the rule is assigned with others.
 */
static HIN_RESULT check_xml(struct hin_api_call *call, const char *member)
{
    struct hin_view text = HIN_VIEW_EMPTY;
    struct hin_view identifier = HIN_VIEW_EMPTY;
    const char *file = NULL;
    HIN_TRY(hin_json_opt_text(call->body, member, &text, &call->error));
    if (text.size == 0) {
        return hin_ok();
    }
    HIN_TRY(hin_json_opt_text(call->body, "identifier", &identifier, &call->error));
    if (identifier.size == 0) {
        identifier = hin_view_from_text(member);
    }
    HIN_TRY(hin_arena_text(call->arena, identifier, &file));
    const struct hin_log_input input = {file, text};
    return hin_log_rules_check(&input, strcmp(member, "decoderXML") == 0, &call->error);
}

static HIN_RESULT stamp(struct hin_api_call *call, struct hin_json stored,
                        struct hin_api_draft *draft)
{
    int64_t now_msec = hin_tenant_now_usec(call->tenant) / HIN_MSEC_USEC;
    HIN_TRY(hin_api_patch_int(&draft->patches, "lastUpdated", now_msec));
    if (stored.node == NULL) {
        HIN_TRY(hin_api_patch_int(&draft->patches, "originalIssue", now_msec));
        HIN_TRY(hin_api_patch_text(&draft->patches, "type", HIN_VIEW("Custom")));
    }
    return hin_ok();
}

/* A location that no policy can carry would keep the whole policy from the agents. */
static HIN_RESULT check_locations(struct hin_api_call *call)
{
    struct hin_json files;
    size_t count = 0;
    if (!hin_json_find(call->body, "logFiles", &files) || hin_json_is_null(files) ||
        !hin_json_find(files, "logFiles", &files) || hin_json_is_null(files)) {
        return hin_ok();
    }
    HIN_TRY(hin_json_array(files, &count, &call->error));
    for (size_t i = 0; i < count; i++) {
        struct hin_json item = hin_json_at(files, i);
        struct hin_view location;
        HIN_TRY(hin_json_get_text(item, "location", &location, &call->error));
        if (!hin_policy_location_is_valid(location)) {
            return hin_json_refuse(
                item, &call->error, HIN_INVALID,
                "location: an absolute glob is needed, without .. in it, or \"%s\"",
                HIN_POLICY_LOCATION_JOURNAL);
        }
    }
    return hin_ok();
}

static struct hin_result prepare_rule(struct hin_api_call *call, struct hin_json stored,
                                      struct hin_api_draft *draft)
{
    struct hin_view template = HIN_VIEW_EMPTY;
    struct hin_json xml;
    HIN_TRY(stamp(call, stored, draft));
    HIN_TRY(check_locations(call));
    HIN_TRY(hin_json_opt_text(call->body, "template", &template, &call->error));
    if (stored.node == NULL && template.size == 0) {
        bool whole = hin_json_find(call->body, "ruleXML", &xml);
        HIN_TRY(hin_api_patch_text(&draft->patches, "template",
                                   whole ? HIN_VIEW("custom") : HIN_VIEW("basic-rule")));
    }
    if (stored.node == NULL && hin_view_is(template, "custom") &&
        !hin_json_find(call->body, "ruleXML", &xml)) {
        return hin_api_fail(call, HIN_INVALID, "ruleXML: missing");
    }
    if (stored.node == NULL && !hin_json_find(call->body, "ruleXML", &xml) &&
        !hin_json_find(call->body, "pattern", &xml)) {
        return hin_api_fail(call, HIN_INVALID,
                            "ruleXML (a rule as text, template custom) or pattern (template "
                            "basic-rule) is missing");
    }
    return check_xml(call, "ruleXML");
}

/* A rule in force is checked together with all that are assigned with it, by the next change of the
 * policy; one that no policy assigns may stand as it is. */
const struct hin_api_resource hin_api_rules = {
    .path = "loginspectionrules",
    .collection = "logInspectionRules",
    .singular = "loginspectionrule",
    .list_model = "LogInspectionRules",
    .attributes = &hin_api_rule,
    .kind = HIN_STORE_LOG_RULES,
    .operations = HIN_API_LIST | HIN_API_CREATE | HIN_API_GET | HIN_API_MODIFY | HIN_API_DELETE |
                  HIN_API_SEARCH,
    .read_right = HIN_RIGHT_VIEW,
    .edit_right = HIN_RIGHT_EDIT,
    .body_max_bytes = HIN_STORE_DOCUMENT_BYTES,
    .prepare = prepare_rule,
    .verify = verify_rule,
};
const struct hin_api_module hin_api_module_rules = {&hin_api_rules, NULL, 0};

static struct hin_result prepare_decoder(struct hin_api_call *call, struct hin_json stored,
                                         struct hin_api_draft *draft)
{
    HIN_TRY(stamp(call, stored, draft));
    return check_xml(call, "decoderXML");
}

const struct hin_api_resource hin_api_decoders = {
    .path = "loginspectiondecoders",
    .collection = "logInspectionDecoders",
    .singular = "loginspectiondecoder",
    .list_model = "LogInspectionDecoders",
    .attributes = &hin_api_decoder,
    .kind = HIN_STORE_LOG_DECODERS,
    .operations = HIN_API_LIST | HIN_API_CREATE | HIN_API_GET | HIN_API_MODIFY | HIN_API_DELETE |
                  HIN_API_SEARCH,
    .read_right = HIN_RIGHT_VIEW,
    .edit_right = HIN_RIGHT_EDIT,
    .body_max_bytes = HIN_STORE_DOCUMENT_BYTES,
    .prepare = prepare_decoder,
    .verify = verify_decoder,
};
const struct hin_api_module hin_api_module_decoders = {&hin_api_decoders, NULL, 0};
