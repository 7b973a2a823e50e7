/* Key holders: who they are, adding and removing them, their review, and requests that wait for a
 * second one. */
#include "manager/worker/api/holders.h"

#include <stdio.h>

#include "base/bytes.h"
#include "manager/audit.h"
#include "manager/credential.h"
#include "manager/worker/api/modules.h"
#include "manager/worker/api/tables.h"

static HIN_RESULT record(struct hin_api_call *call, const char *action, const char *outcome,
                         const char *detail)
{
    struct hin_audit audit = {
        .action = action,
        .outcome = outcome,
        .actor = hin_view_from_text(call->who->text),
        .peer = hin_view_from_text(call->peer),
        .detail = hin_view_from_text(detail),
    };
    return hin_audit_write(call->tenant, &audit);
}

static HIN_RESULT refuse(struct hin_api_call *call, enum hin_code code, const char *text)
{
    HIN_TRY(record(call, "holder.check", "refused", text));
    return hin_api_fail(call, code, "%s", text);
}

/* The administrator who comes first, when there is nobody. */
static HIN_RESULT become_first(struct hin_api_call *call, struct hin_holders *holders)
{
    int64_t now_usec = hin_tenant_now_usec(call->tenant);
    struct hin_view name = hin_view_from_text(call->who->name);
    if (name.size == 0 || name.size >= HIN_HOLDER_NAME_BYTES) {
        name = HIN_VIEW("first");
    }
    HIN_TRY(hin_store_begin(call->tenant->store));
    struct hin_result made = hin_holders_add(holders, name, call->who->key, now_usec);
    if (hin_is_ok(made)) {
        made = hin_holders_save(call->tenant, holders);
    }
    if (hin_is_ok(made)) {
        made = record(call, "holder.add", "done", "the first: there was no key holder in force");
    }
    struct hin_result ended = hin_store_end(call->tenant->store, hin_is_ok(made));
    HIN_TRY(made);
    return ended;
}

static HIN_RESULT load_for(struct hin_api_call *call, struct hin_holders *ret_holders)
{
    const struct hin_api_role *full = hin_api_role_find(HIN_API_ROLE_FULL);
    unsigned needed = full != NULL ? full->rights & ~(unsigned)HIN_RIGHTS_OF_INSTALLATION : ~0U;
    int64_t now_usec = hin_tenant_now_usec(call->tenant);
    struct hin_result loaded = hin_holders_load(call->tenant, ret_holders);
    if (!hin_is_ok(loaded)) {
        return hin_api_fail(call, loaded.code,
                            "nothing is done: the key holders cannot be read: %s",
                            hin_code_text(loaded.code));
    }
    if (hin_holders_in_force(ret_holders, now_usec) == 0 &&
        (call->who->rights & needed) == needed) {
        return become_first(call, ret_holders);
    }
    const struct hin_holder *holder = hin_holders_by_key(ret_holders, call->who->key);
    if (holder == NULL) {
        return refuse(call, HIN_DENIED,
                      "this is for key holders: one of them adds another (hinomi key holders add)");
    }
    if (!hin_holder_is_in_force(holder, now_usec)) {
        return refuse(call, HIN_DENIED,
                      "nobody has confirmed this key holder for a quarter: to be added anew");
    }
    return hin_ok();
}

HIN_RESULT hin_api_holder_only(struct hin_api_call *call)
{
    struct hin_holders holders;
    return load_for(call, &holders);
}

HIN_RESULT hin_api_holder_has_key(struct hin_api_call *call, int64_t key, bool *ret_has)
{
    struct hin_holders holders;
    HIN_TRY(hin_holders_load(call->tenant, &holders));
    *ret_has = hin_holders_by_key(&holders, key) != NULL;
    return hin_ok();
}

/* ---- what they are, as an answer ---- */

static void put_time(struct hin_json_writer *writer, const char *name, int64_t usec)
{
    hin_json_key(writer, name);
    if (usec > 0) {
        hin_json_put_integer(writer, usec / HIN_MSEC_USEC);
    } else {
        hin_json_put_null(writer);
    }
}

static void put_holder(struct hin_json_writer *writer, const struct hin_holder *holder,
                       int64_t now_usec)
{
    hin_json_begin_object(writer);
    hin_json_field_cstring(writer, "name", holder->name);
    hin_json_field_integer(writer, "keyID", holder->key);
    put_time(writer, "added", holder->added_usec);
    put_time(writer, "confirmed", holder->confirmed_usec);
    put_time(writer, "lapses", holder->confirmed_usec + HIN_HOLDER_QUARTER_USEC);
    hin_json_field_boolean(writer, "inForce", hin_holder_is_in_force(holder, now_usec));
    hin_json_end_object(writer);
}

static void put_request(struct hin_json_writer *writer, const struct hin_holders *holders,
                        const struct hin_holder_request *request)
{
    const struct hin_holder *by = hin_holders_by_key(holders, request->by);
    hin_json_begin_object(writer);
    hin_json_field_integer(writer, "ID", request->id);
    hin_json_field_cstring(writer, "action", hin_holder_action_name(request->action));
    if (request->name[0] != '\0') {
        hin_json_field_cstring(writer, request->action == HIN_HOLDER_RETIRE ? "key" : "name",
                               request->name);
    }
    if (request->number > 0) {
        hin_json_field_integer(writer,
                               request->action == HIN_HOLDER_RETIRE    ? "version"
                               : request->action == HIN_HOLDER_ERASE   ? "tenantID"
                               : request->action == HIN_HOLDER_RESTORE ? "restoreID"
                                                                       : "limit",
                               request->number);
    }
    hin_json_field_cstring(writer, "by", by != NULL ? by->name : NULL);
    put_time(writer, "expires", request->expires_usec);
    hin_json_end_object(writer);
}

static HIN_RESULT answer(struct hin_api_call *call, const struct hin_holders *holders,
                         struct hin_view secret)
{
    struct hin_json_writer writer;
    int64_t now_usec = hin_tenant_now_usec(call->tenant);
    hin_json_writer_init(&writer, call->out, true);
    hin_json_begin_object(&writer);
    hin_json_key(&writer, "holders");
    hin_json_begin_array(&writer);
    for (size_t i = 0; i < holders->count; i++) {
        put_holder(&writer, &holders->list[i], now_usec);
    }
    hin_json_end_array(&writer);
    hin_json_field_integer(&writer, "limit", holders->limit);
    put_time(&writer, "lastReview", holders->review_usec);
    hin_json_key(&writer, "requests");
    hin_json_begin_array(&writer);
    for (size_t i = 0; i < holders->request_count; i++) {
        if (now_usec < holders->requests[i].expires_usec) {
            put_request(&writer, holders, &holders->requests[i]);
        }
    }
    hin_json_end_array(&writer);
    if (secret.size > 0) {
        hin_json_field_text(&writer, "secretKey", secret);
    }
    hin_json_end_object(&writer);
    return hin_json_writer_finish(&writer);
}

static struct hin_result list(struct hin_api_call *call)
{
    struct hin_holders holders;
    HIN_TRY(hin_holders_load(call->tenant, &holders));
    return answer(call, &holders, HIN_VIEW_EMPTY);
}

/* ---- doing it, within a transaction with its record ---- */

struct doing {
    struct hin_holders *holders;
    const struct hin_holder_request *wanted;
    struct hin_secret secret; /* of a new holder's key */
};

static void doing_done(struct doing *doing)
{
    hin_secret_done(&doing->secret);
}

static HIN_RESULT explain(struct hin_api_call *call, const struct hin_holder_request *wanted,
                          struct hin_result result)
{
    static const struct {
        enum hin_code code;
        const char *text;
    } texts[] = {
        {HIN_EXISTS, "is a key holder already"},
        {HIN_LIMIT, "would be one key holder too many: remove one, or raise the limit (hinomi key "
                    "holders limit)"},
        {HIN_NOT_FOUND, "is no key holder"},
        {HIN_CONFLICT, "is the only key holder in force, or the list has changed meanwhile: add "
                       "another first, or try again"},
        {HIN_EXPIRED, "has lapsed and is to be added anew"},
        {HIN_DENIED, "is to be confirmed by another key holder"},
        {HIN_INVALID, "is no name for a key holder"},
    };
    for (size_t i = 0; i < HIN_COUNT(texts); i++) {
        if (result.code == texts[i].code) {
            return hin_api_fail(call, result.code, "%s %s", wanted->name, texts[i].text);
        }
    }
    return result;
}

/* A key that carries the key verbs and nothing else. */
static HIN_RESULT add(struct hin_api_call *call, struct doing *doing)
{
    int64_t key = 0;
    struct hin_view name = hin_view_from_text(doing->wanted->name);
    struct hin_credential_api_key wanted = {.name = name, .role = HIN_API_ROLE_HOLDER};
    HIN_TRY(hin_credential_api_key_new(call->tenant, &wanted, &doing->secret, &key));
    return hin_holders_add(doing->holders, name, key, hin_tenant_now_usec(call->tenant));
}

/* The key goes too, unless it is an administrator's. */
static HIN_RESULT take_away(struct hin_api_call *call, struct doing *doing)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = HIN_STORE_DOCUMENT_BYTES};
    struct hin_view name = hin_view_from_text(doing->wanted->name);
    struct hin_store_document found;
    struct hin_json stored;
    int64_t role = 0;
    const struct hin_holder *holder = hin_holders_by_name(doing->holders, name);
    HIN_ENSURE(holder != NULL, NOT_FOUND);
    int64_t key = holder->key;
    HIN_TRY(hin_holders_remove(doing->holders, name, hin_tenant_now_usec(call->tenant)));
    struct hin_result got =
        hin_store_get(call->tenant->store, HIN_STORE_API_KEYS, key, &text, &found);
    if (got.code == HIN_NOT_FOUND) {
        return hin_ok();
    }
    HIN_TRY(got);
    HIN_TRY(hin_api_parse(call, found.bytes, HIN_STORE_DOCUMENT_BYTES, &stored));
    HIN_TRY(hin_json_opt_integer(stored, "roleID", 0, INT64_MAX, &role, NULL));
    return role == HIN_API_ROLE_HOLDER
               ? hin_store_delete(call->tenant->store, HIN_STORE_API_KEYS, key, 0)
               : hin_ok();
}

static HIN_RESULT set_limit(struct hin_api_call *call, struct doing *doing)
{
    int64_t limit = doing->wanted->number;
    size_t count = hin_holders_in_force(doing->holders, hin_tenant_now_usec(call->tenant));
    if (limit < (int64_t)count || limit > HIN_HOLDERS_MOST) {
        return hin_api_fail(call, HIN_INVALID, "limit: %zu, the number of key holders, to %d",
                            count, HIN_HOLDERS_MOST);
    }
    doing->holders->limit = limit;
    return hin_ok();
}

static struct hin_result effect(struct hin_api_call *call, void *context, int64_t *object)
{
    struct doing *doing = context;
    struct hin_result done = hin_fail(HIN_INVALID);
    (void)object;
    switch (doing->wanted->action) {
    case HIN_HOLDER_ADD:
        done = add(call, doing);
        break;
    case HIN_HOLDER_REMOVE:
        done = take_away(call, doing);
        break;
    case HIN_HOLDER_LIMIT:
        done = set_limit(call, doing);
        break;
    default: /* retirement is no change of this list, but that it was agreed to is */
        done = hin_ok();
        break;
    }
    if (hin_is_ok(done)) {
        done = hin_holders_save(call->tenant, doing->holders);
    }
    return call->error.text[0] != '\0' ? done : explain(call, doing->wanted, done);
}

static HIN_RESULT do_now(struct hin_api_call *call, struct hin_holders *holders,
                         const struct hin_holder_request *wanted, const char *how)
{
    HIN_CLEANUP(doing_done) struct doing doing = {.holders = holders, .wanted = wanted};
    char action[32], detail[256];
    snprintf(action, sizeof(action), "holder.%s", hin_holder_action_name(wanted->action));
    snprintf(detail, sizeof(detail), "%s %lld, %s", wanted->name, (long long)wanted->number, how);
    struct hin_api_change change = {
        .action = action,
        .kind = HIN_STORE_API_KEYS, /* workers forget the keys they know */
        .kind_name = "apikeys",
        .detail = hin_view_from_text(detail),
        .effect = effect,
        .context = &doing,
    };
    HIN_TRY(hin_api_change(call, &change));
    return answer(call, holders, hin_secret_view(&doing.secret));
}

/* ---- asking and agreeing ---- */

static HIN_RESULT note(struct hin_api_call *call, struct hin_holders *holders,
                       const struct hin_holder_request *wanted, int64_t id)
{
    char detail[160];
    snprintf(detail, sizeof(detail), "request %lld: %s %s %lld", (long long)id,
             hin_holder_action_name(wanted->action), wanted->name, (long long)wanted->number);
    HIN_TRY(hin_store_begin(call->tenant->store));
    struct hin_result noted = hin_holders_save(call->tenant, holders);
    if (hin_is_ok(noted)) {
        noted = record(call, "holder.ask", "done", detail);
    }
    struct hin_result ended = hin_store_end(call->tenant->store, hin_is_ok(noted));
    HIN_TRY(noted);
    HIN_TRY(ended);
    call->status = 202;
    return hin_buf_printf(
        call->out, "{\"request\":%lld,\"expires\":%lld}", (long long)id,
        (long long)((hin_tenant_now_usec(call->tenant) + HIN_HOLDER_REQUEST_USEC) / HIN_MSEC_USEC));
}

static HIN_RESULT ask(struct hin_api_call *call, struct hin_holders *holders,
                      struct hin_holder_request *wanted, bool *ret_alone)
{
    int64_t id = 0;
    wanted->by = call->who->key;
    HIN_TRY(load_for(call, holders));
    struct hin_result asked =
        hin_holders_ask(holders, wanted, hin_tenant_now_usec(call->tenant), ret_alone, &id);
    if (asked.code == HIN_LIMIT) {
        return hin_api_fail(call, HIN_CONFLICT,
                            "%d requests wait already: confirm some, or let them run out",
                            HIN_HOLDER_REQUESTS_MOST);
    }
    HIN_TRY(asked);
    return *ret_alone ? hin_ok() : note(call, holders, wanted, id);
}

HIN_RESULT hin_api_holder_ask(struct hin_api_call *call, struct hin_holder_request *wanted,
                              bool *ret_alone)
{
    struct hin_holders holders;
    return ask(call, &holders, wanted, ret_alone);
}

static HIN_RESULT ask_or_do(struct hin_api_call *call, enum hin_holder_action action,
                            struct hin_view name, int64_t number)
{
    struct hin_holders holders;
    struct hin_holder_request wanted = {.action = action, .number = number};
    bool alone = false;
    HIN_TRY(hin_view_to_text(name, wanted.name, sizeof(wanted.name)));
    HIN_TRY(ask(call, &holders, &wanted, &alone));
    return alone ? do_now(call, &holders, &wanted, "alone: no other is in force") : hin_ok();
}

static struct hin_result ask_add(struct hin_api_call *call)
{
    struct hin_view name;
    HIN_TRY(hin_json_get_text(call->body, "name", &name, &call->error));
    return ask_or_do(call, HIN_HOLDER_ADD, name, 0);
}

static struct hin_result ask_remove(struct hin_api_call *call)
{
    struct hin_view name;
    HIN_TRY(hin_json_get_text(call->body, "name", &name, &call->error));
    return ask_or_do(call, HIN_HOLDER_REMOVE, name, 0);
}

static struct hin_result ask_limit(struct hin_api_call *call)
{
    int64_t limit = 0;
    HIN_TRY(hin_json_get_integer(call->body, "limit", 1, HIN_HOLDERS_MOST, &limit, &call->error));
    return ask_or_do(call, HIN_HOLDER_LIMIT, HIN_VIEW_EMPTY, limit);
}

static struct hin_result agree(struct hin_api_call *call)
{
    struct hin_holders holders;
    struct hin_holder_request request;
    char how[96];
    HIN_TRY(load_for(call, &holders));
    struct hin_result agreed = hin_holders_agree(&holders, call->id, call->who->key,
                                                 hin_tenant_now_usec(call->tenant), &request);
    if (agreed.code == HIN_DENIED) {
        return refuse(call, HIN_DENIED,
                      "two key holders are needed: another than the one who asked, and both in "
                      "force");
    }
    if (agreed.code == HIN_NOT_FOUND) {
        return hin_api_fail(call, HIN_NOT_FOUND, "no such request waits (they wait %d hours)",
                            (int)(HIN_HOLDER_REQUEST_USEC / HIN_HOUR_USEC));
    }
    HIN_TRY(agreed);
    const struct hin_holder *by = hin_holders_by_key(&holders, request.by);
    snprintf(how, sizeof(how), "request %lld of %s", (long long)request.id,
             by != NULL ? by->name : "?");
    if (request.action != HIN_HOLDER_RETIRE && request.action != HIN_HOLDER_ERASE &&
        request.action != HIN_HOLDER_ESCROW && request.action != HIN_HOLDER_RESTORE) {
        return do_now(call, &holders, &request, how);
    }
    HIN_TRY(do_now(call, &holders, &request, how));
    hin_buf_clear(call->out); /* the answer is that of what was agreed to */
    if (request.action == HIN_HOLDER_ERASE) {
        return hin_api_tenant_erase(call, request.number, by != NULL ? by->name : "?",
                                    request.expires_usec - HIN_HOLDER_REQUEST_USEC);
    }
    if (request.action == HIN_HOLDER_ESCROW) {
        return hin_api_escrow_agreed(call, request.name, by != NULL ? by->name : "?");
    }
    if (request.action == HIN_HOLDER_RESTORE) {
        return hin_api_restore_agreed(call, request.number);
    }
    if (strcmp(request.name, HIN_API_AUTHORITY_NAME) == 0) {
        return hin_api_authority_retire(call);
    }
    return hin_api_key_retire(call, hin_view_from_text(request.name), (uint32_t)request.number);
}

/* ---- the review ---- */

struct review {
    struct hin_holders *holders;
    struct hin_holder_request name; /* for messages */
};

static struct hin_result confirm_all(struct hin_api_call *call, void *context, int64_t *object)
{
    struct review *review = context;
    struct hin_json names;
    size_t count = 0;
    (void)object;
    HIN_TRY(hin_json_get_array(call->body, "names", &names, &count, &call->error));
    for (size_t i = 0; i < count; i++) {
        struct hin_view name;
        HIN_TRY(hin_json_text(hin_json_at(names, i), &name, &call->error));
        HIN_TRY(hin_view_to_text(name, review->name.name, sizeof(review->name.name)));
        struct hin_result confirmed = hin_holders_confirm(review->holders, call->who->key, name,
                                                          hin_tenant_now_usec(call->tenant));
        HIN_TRY(explain(call, &review->name, confirmed));
    }
    return hin_holders_save(call->tenant, review->holders);
}

static struct hin_result review(struct hin_api_call *call)
{
    struct hin_holders holders;
    struct review review = {.holders = &holders};
    HIN_CLEANUP(hin_buf_done) struct hin_buf detail = {.max = 2048};
    struct hin_json names;
    size_t count = 0;
    HIN_TRY(load_for(call, &holders));
    HIN_TRY(hin_json_get_array(call->body, "names", &names, &count, &call->error));
    for (size_t i = 0; i < count; i++) {
        struct hin_view name;
        HIN_TRY(hin_json_text(hin_json_at(names, i), &name, &call->error));
        HIN_TRY(hin_buf_printf(&detail, "%s%.*s", i > 0 ? ", " : "", HIN_ARGS(name)));
    }
    struct hin_api_change change = {
        .action = "holder.review",
        .detail = hin_buf_view(&detail),
        .effect = confirm_all,
        .context = &review,
    };
    HIN_TRY(hin_api_change(call, &change));
    return answer(call, &holders, HIN_VIEW_EMPTY);
}

static const struct hin_api_action actions[] = {
    {HIN_HTTP_GET, "keys/holders", HIN_RIGHT_KEYS, list, NULL,
     "Who holds the keys, the last review, and requests that wait for a second holder.", false},
    {HIN_HTTP_POST, "keys/holders", HIN_RIGHT_KEYS, ask_add, &hin_api_key_holder,
     "Add a key holder: done and answered with the new key, or, once there are two, noted (202).",
     false},
    {HIN_HTTP_POST, "keys/holders/remove", HIN_RIGHT_KEYS, ask_remove, &hin_api_key_holder,
     "Remove a key holder: done, or noted (202).", false},
    {HIN_HTTP_POST, "keys/holders/limit", HIN_RIGHT_KEYS, ask_limit, &hin_api_key_holder_limit,
     "How many key holders there may be: done, or noted (202).", false},
    {HIN_HTTP_POST, "keys/holders/review", HIN_RIGHT_KEYS, review, &hin_api_key_holder_names,
     "Confirm that these still hold the keys; who is not confirmed within a quarter lapses.",
     false},
    {HIN_HTTP_POST, "keys/requests/{id}/confirm", HIN_RIGHT_KEYS, agree, NULL,
     "As another holder than the one who asked: do what was asked for.", false},
};
const struct hin_api_module hin_api_module_key_holders = {NULL, actions, HIN_COUNT(actions)};
