/* Computers: what agents said about themselves, and their admission. */
#include <stdio.h>

#include "base/bytes.h"
#include "manager/worker/api/modules.h"
#include "manager/worker/api/tables.h"
#include "manager/worker/policy.h"
#include "store/agents.h"

/* Two missed heartbeats and a little. */
#define SILENT_USEC (150 * HIN_SEC_USEC)

static HIN_RESULT status_json(struct hin_api_call *call, const char *status, const char *text,
                              struct hin_view *ret_json)
{
    return hin_arena_printf(call->arena, ret_json,
                            "{\"agentStatus\":\"%s\",\"agentStatusMessages\":[\"%s\"]}", status,
                            text);
}

static HIN_RESULT judge(struct hin_api_call *call, struct hin_view enrolment, int64_t seen_usec,
                        struct hin_view *ret_json)
{
    static const struct {
        const char *enrolment, *status, *text;
    } unadmitted[] = {
        {"pending", "inactive", "Waits for approval"},
        {"held", "warning", "Held for approval"},
        {"revoked", "inactive", "Revoked"},
    };
    for (size_t i = 0; i < HIN_COUNT(unadmitted); i++) {
        if (hin_view_is(enrolment, unadmitted[i].enrolment)) {
            return status_json(call, unadmitted[i].status, unadmitted[i].text, ret_json);
        }
    }
    if (seen_usec == 0) {
        return status_json(call, "inactive", "Never heard", ret_json);
    }
    bool silent = hin_tenant_now_usec(call->tenant) - seen_usec > SILENT_USEC;
    return silent ? status_json(call, "error", "Offline", ret_json)
                  : status_json(call, "active", "Managed (Online)", ret_json);
}

/* What the last session told, as ingest keeps it beside the agent's counters. */
static HIN_RESULT add_session_facts(struct hin_api_call *call, struct hin_view blob,
                                    struct hin_api_patches *computed)
{
    static const char *const texts[] = {"lastIPUsed", "agentVersion", "platform"};
    static const char *const times[] = {"lastSendPolicyRequest", "lastSendPolicySuccess"};
    struct hin_json facts;
    if (blob.size == 0 || !hin_is_ok(hin_api_parse(call, blob, 65536, &facts))) {
        return hin_ok();
    }
    for (size_t i = 0; i < HIN_COUNT(texts); i++) {
        struct hin_view text = HIN_VIEW_EMPTY;
        HIN_TRY(hin_json_opt_text(facts, texts[i], &text, NULL));
        if (text.size > 0) {
            HIN_TRY(hin_api_patch_text(computed, texts[i], text));
        }
    }
    for (size_t i = 0; i < HIN_COUNT(times); i++) {
        int64_t time = 0;
        HIN_TRY(hin_json_opt_integer(facts, times[i], 0, INT64_MAX, &time, NULL));
        if (time > 0) {
            HIN_TRY(hin_api_patch_int(computed, times[i], time));
        }
    }
    return hin_ok();
}

static struct hin_result compute_computer(struct hin_api_call *call, int64_t id,
                                          struct hin_json stored, struct hin_api_patches *computed)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf buf = {.max = 1 << 20};
    struct hin_store_agent agent = {0};
    struct hin_view enrolment = HIN_VIEW_EMPTY;
    struct hin_view status;
    struct hin_view blob;
    struct hin_result found = hin_store_agent_get(call->tenant->store, id, &buf, &agent);
    if (hin_is_ok(found)) {
        HIN_TRY(hin_arena_copy(call->arena, agent.blob, &blob));
        HIN_TRY(add_session_facts(call, blob, computed));
    } else if (found.code != HIN_NOT_FOUND) {
        return found;
    }
    HIN_TRY(hin_json_opt_text(stored, "enrolment", &enrolment, NULL));
    HIN_TRY(judge(call, enrolment, agent.last_seen_usec, &status));
    if (agent.last_seen_usec > 0) {
        HIN_TRY(hin_api_patch_int(computed, "lastAgentCommunication",
                                  agent.last_seen_usec / HIN_MSEC_USEC));
    }
    return hin_api_patch_json(computed, "computerStatus", status);
}

static struct hin_result prepare_computer(struct hin_api_call *call, struct hin_json stored,
                                          struct hin_api_draft *draft)
{
    int64_t policy = 0;
    (void)stored;
    (void)draft;
    HIN_TRY(hin_json_opt_integer(call->body, "policyID", 0, INT64_MAX, &policy, &call->error));
    if (policy != 0) {
        struct hin_json found;
        struct hin_result loaded = hin_api_load(call, &hin_api_policies, policy, &found);
        if (loaded.code == HIN_NOT_FOUND) {
            return hin_api_fail(call, HIN_INVALID, "policyID: there is no policy with ID %lld",
                                (long long)policy);
        }
        return loaded;
    }
    return hin_ok();
}

static struct hin_result remove_computer(struct hin_api_call *call, int64_t id)
{
    struct hin_store *store = call->tenant->store;
    HIN_TRY(hin_store_certificates_revoke(store, id, hin_tenant_now_usec(call->tenant)));
    struct hin_result forgotten = hin_store_agent_forget(store, id);
    return forgotten.code == HIN_NOT_FOUND ? hin_ok() : forgotten;
}

const struct hin_api_resource hin_api_computers = {
    .path = "computers",
    .collection = "computers",
    .singular = "computer",
    .read_action = "computer.read",
    .list_model = "Computers",
    .attributes = &hin_api_computer,
    .kind = HIN_STORE_COMPUTERS,
    .operations = HIN_API_LIST | HIN_API_GET | HIN_API_MODIFY | HIN_API_DELETE | HIN_API_SEARCH,
    .read_right = HIN_RIGHT_VIEW,
    .edit_right = HIN_RIGHT_EDIT,
    .prepare = prepare_computer,
    .compute = compute_computer,
    .remove = remove_computer,
};

/* ---- admission ---- */

struct admission {
    struct hin_api_call *call;
    const char *state;
    struct hin_view text;
};

static struct hin_result write_admission(void *context, const struct hin_store_document *document,
                                         struct hin_buf *bytes, struct hin_store_content *content,
                                         bool *keep_names)
{
    struct admission *admission = context;
    struct hin_api_patches patches = {0};
    struct hin_json stored;
    (void)content;
    *keep_names = true;
    HIN_TRY(hin_api_parse(admission->call, document->bytes, HIN_STORE_DOCUMENT_BYTES, &stored));
    HIN_TRY(hin_api_patch_text(&patches, "enrolment", hin_view_from_text(admission->state)));
    HIN_TRY(hin_api_patch_none(&patches, "enrolmentReason"));
    HIN_TRY(hin_api_merge(&hin_api_computer, stored, (struct hin_json){0}, &patches, bytes));
    return hin_api_note_stored(admission->call, &hin_api_computer, stored, hin_buf_view(bytes));
}

static HIN_RESULT set_admission(struct hin_api_call *call, int64_t id, const char *state)
{
    struct admission admission = {.call = call, .state = state};
    struct hin_store_change change = {write_admission, &admission};
    struct hin_result result = hin_store_modify(call->tenant->store, HIN_STORE_COMPUTERS, id,
                                                &change, hin_tenant_now_usec(call->tenant));
    if (result.code == HIN_NOT_FOUND) {
        return hin_api_fail(call, HIN_NOT_FOUND, "there is no computer with ID %lld",
                            (long long)id);
    }
    return result;
}

static struct hin_result approve_effect(struct hin_api_call *call, void *context, int64_t *object)
{
    (void)context;
    HIN_TRY(set_admission(call, *object, "approved"));
    /* Whatever its session counter says next is taken: that is what the approval is for. */
    struct hin_result reset = hin_store_agent_reset(call->tenant->store, *object);
    return reset.code == HIN_NOT_FOUND ? hin_ok() : reset;
}

static struct hin_result revoke_effect(struct hin_api_call *call, void *context, int64_t *object)
{
    (void)context;
    HIN_TRY(set_admission(call, *object, "revoked"));
    return hin_store_certificates_revoke(call->tenant->store, *object,
                                         hin_tenant_now_usec(call->tenant));
}

static HIN_RESULT admit(struct hin_api_call *call, const char *action,
                        struct hin_result (*effect)(struct hin_api_call *call, void *context,
                                                    int64_t *object))
{
    struct hin_api_change change = {
        .action = action,
        .kind = HIN_STORE_COMPUTERS,
        .kind_name = "computers",
        .object = call->id,
        .effect = effect,
    };
    struct hin_json stored;
    struct hin_api_patches computed = {0};
    HIN_TRY(hin_api_change(call, &change));
    HIN_TRY(hin_api_load(call, &hin_api_computers, call->id, &stored));
    return hin_api_answer(call, &hin_api_computers, call->id, stored, &computed);
}

static struct hin_result approve(struct hin_api_call *call)
{
    return admit(call, "computer.approve", approve_effect);
}

static struct hin_result revoke(struct hin_api_call *call)
{
    return admit(call, "computer.revoke", revoke_effect);
}

static struct hin_result delete_many(struct hin_api_call *call)
{
    struct hin_json ids;
    struct hin_json item;
    const char *key;
    size_t count = 0;
    HIN_TRY(hin_json_get_array(call->body, "ids", &ids, &count, &call->error));
    struct hin_json_iterator items = hin_json_iterate(ids);
    while (hin_json_next(&items, &key, &item)) {
        HIN_TRY(hin_json_integer(item, 1, INT64_MAX, &call->id, &call->error));
        HIN_TRY(hin_api_resource_delete(call, &hin_api_computers));
    }
    return hin_ok();
}

static const struct hin_api_action actions[] = {
    {HIN_HTTP_POST, "computers/{id}/approve", HIN_RIGHT_EDIT, approve, NULL,
     "Admit a computer that waits or is held.", false},
    {HIN_HTTP_POST, "computers/{id}/revoke", HIN_RIGHT_EDIT, revoke, NULL,
     "Revoke all certificates of a computer and end its sessions.", false},
    {HIN_HTTP_DELETE, "computers", HIN_RIGHT_EDIT, delete_many, &hin_api_id_list,
     "Delete several computers.", false},
};
const struct hin_api_module hin_api_module_computers = {&hin_api_computers, actions,
                                                        HIN_COUNT(actions)};
