/* The certificate authority: its state, roll-over, retirement of the former one, new certificates
 * for the servers. It is the installation's: its own tenant's affair. */
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "crypt/hash.h"
#include "keys/client.h"
#include "manager/audit.h"
#include "manager/worker/api/holders.h"
#include "manager/worker/api/modules.h"
#include "manager/worker/desk.h"
#include "manager/worker/ingest/ingest.h"
#include "store/agents.h"

enum { LISTED_MAX = 100, FACTS_MAX = 65536 };
#define RENEW_GRACE_USEC (30 * HIN_DAY_USEC) /* beyond its end a certificate renews nothing */

/* ---- who depends on the former authority ---- */

struct dependant {
    char tenant[HIN_TENANT_NAME_BYTES];
    int64_t computer; /* 0: a tenant that is suspended, whatever its agents have */
    char host[256];
};

struct census {
    struct hin_api_call *call;
    struct hin_desk *desk; /* whose computers are being looked at */
    char tenant[HIN_TENANT_NAME_BYTES];
    uint64_t count;
    struct dependant listed[LISTED_MAX];
    size_t listed_count;
};

static void note(struct census *census, int64_t computer, struct hin_view host)
{
    census->count++;
    if (census->listed_count == LISTED_MAX) {
        return;
    }
    struct dependant *row = &census->listed[census->listed_count++];
    row->computer = computer;
    snprintf(row->tenant, sizeof(row->tenant), "%s", census->tenant);
    snprintf(row->host, sizeof(row->host), "%.*s", HIN_ARGS(host));
}

/* An agent that has told nothing since it has its certificate may have one of the former authority;
 * one whose certificate is beyond its grace has to enrol anew in any case. */
static HIN_RESULT depends(struct census *census, int64_t computer, bool *ret_depends)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf blob = {.max = 1 << 20};
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *parsed = NULL;
    struct hin_worker *worker = census->desk->worker;
    struct hin_store_agent agent = {0};
    struct hin_view authority = HIN_VIEW_EMPTY;
    int64_t end_msec = 0;
    *ret_depends = true;
    struct hin_result found =
        hin_store_agent_get(census->desk->tenant.store, computer, &blob, &agent);
    if (found.code == HIN_NOT_FOUND || (hin_is_ok(found) && agent.blob.size == 0)) {
        return hin_ok();
    }
    HIN_TRY(found);
    HIN_TRY(hin_json_parse(agent.blob, FACTS_MAX, &parsed, NULL));
    HIN_TRY(hin_json_opt_text(hin_json_root(parsed), "authority", &authority, NULL));
    HIN_TRY(hin_json_opt_integer(hin_json_root(parsed), "certificateEnd", 0, INT64_MAX, &end_msec,
                                 NULL));
    int64_t now_msec = hin_clock_wall_usec(worker->clock) / HIN_MSEC_USEC;
    bool gone = end_msec > 0 && end_msec + RENEW_GRACE_USEC / HIN_MSEC_USEC < now_msec;
    *ret_depends = !gone && !hin_view_is(authority, worker->authority.key);
    return hin_ok();
}

static struct hin_result count_computer(void *context, const struct hin_store_document *document)
{
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *parsed = NULL;
    struct census *census = context;
    struct hin_view state = HIN_VIEW_EMPTY, host = HIN_VIEW_EMPTY;
    bool does = false;
    HIN_TRY(hin_json_parse(document->bytes, HIN_STORE_DOCUMENT_BYTES, &parsed, NULL));
    HIN_TRY(hin_json_opt_text(hin_json_root(parsed), "enrolment", &state, NULL));
    HIN_TRY(hin_json_opt_text(hin_json_root(parsed), "hostName", &host, NULL));
    if (hin_view_is(state, "pending") || hin_view_is(state, "revoked")) {
        return hin_ok();
    }
    HIN_TRY(depends(census, document->id, &does));
    if (does) {
        note(census, document->id, host);
    }
    return hin_ok();
}

static HIN_RESULT count_desk(struct census *census, struct hin_desk *desk)
{
    struct hin_store_page all = {0};
    struct hin_store_listed listed;
    census->desk = desk;
    hin_ingest_write_told(desk->ingest);
    return hin_store_list(desk->tenant.store, HIN_STORE_COMPUTERS, &all, count_computer, census,
                          &listed);
}

static struct hin_result count_tenant(void *context, const struct hin_store_document *document)
{
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *parsed = NULL;
    struct census *census = context;
    struct hin_worker *worker = census->call->worker;
    struct hin_view name = HIN_VIEW_EMPTY;
    struct hin_desk *desk = NULL;
    HIN_TRY(hin_json_parse(document->bytes, HIN_STORE_DOCUMENT_BYTES, &parsed, NULL));
    HIN_TRY(hin_json_opt_text(hin_json_root(parsed), "name", &name, NULL));
    snprintf(census->tenant, sizeof(census->tenant), "%.*s", HIN_ARGS(name));
    struct hin_desk *known = hin_desk_known(worker, document->id);
    bool awake = known != NULL && hin_tenant_is_awake(&known->tenant);
    struct hin_result found = hin_desk_find(worker, (uint64_t)document->id, &desk);
    if (found.code == HIN_REVOKED) {
        note(census, 0, HIN_VIEW("(suspended: its agents cannot renew)"));
        return hin_ok();
    }
    HIN_TRY(found);
    struct hin_result counted = count_desk(census, desk);
    if (!awake) { /* it was only looked at */
        hin_tenant_rest(&desk->tenant);
    }
    return counted;
}

/* Of all tenants. */
static HIN_RESULT take_census(struct hin_api_call *call, struct census **ret_census)
{
    struct census *census = NULL;
    struct hin_store_page all = {0};
    struct hin_store_listed listed;
    struct hin_desk *first = call->worker->desks;
    HIN_TRY(HIN_ARENA_NEW(call->arena, &census));
    census->call = call;
    *ret_census = census;
    if (call->worker->authority.former.size == 0) {
        return hin_ok();
    }
    HIN_TRY(count_desk(census, first));
    return hin_store_list(first->tenant.store, HIN_STORE_TENANTS, &all, count_tenant, census,
                          &listed);
}

/* ---- state ---- */

static HIN_RESULT put_authority(struct hin_json_writer *writer, const char *name,
                                struct hin_view der)
{
    struct hin_x509_info info;
    hin_json_key(writer, name);
    if (der.size == 0) {
        hin_json_put_null(writer);
        return hin_ok();
    }
    HIN_TRY(hin_x509_parse(der, &info));
    hin_json_begin_object(writer);
    hin_json_field_cstring(writer, "fingerprint", info.fingerprint);
    hin_api_put_time(writer, "notBefore", info.validity.not_before_usec);
    hin_api_put_time(writer, "notAfter", info.validity.not_after_usec);
    HIN_CLEANUP(hin_buf_done) struct hin_buf pem = {.max = 2 * HIN_X509_MAX_BYTES};
    HIN_TRY(hin_x509_to_pem(der, &pem));
    hin_json_field_text(writer, "pem", hin_buf_view(&pem));
    hin_json_end_object(writer);
    return hin_ok();
}

static void put_dependants(struct hin_json_writer *writer, const struct census *census)
{
    hin_json_field_unsigned(writer, "dependantCount", census->count);
    hin_json_key(writer, "dependants");
    hin_json_begin_array(writer);
    for (size_t i = 0; i < census->listed_count; i++) {
        const struct dependant *row = &census->listed[i];
        hin_json_begin_object(writer);
        hin_json_field_cstring(writer, "tenant", row->tenant);
        hin_json_field_integer(writer, "computerID", row->computer);
        hin_json_field_cstring(writer, "hostName", row->host);
        hin_json_end_object(writer);
    }
    hin_json_end_array(writer);
}

static struct hin_result show(struct hin_api_call *call)
{
    struct hin_json_writer writer;
    struct census *census = NULL;
    const struct hin_worker_authority *authority = &call->worker->authority;
    HIN_TRY(hin_api_own_only(call, "backups are the installation's"));
    hin_worker_watch_authority(call->worker);
    HIN_TRY(take_census(call, &census));
    hin_json_writer_init(&writer, call->out, true);
    hin_json_begin_object(&writer);
    HIN_TRY(put_authority(&writer, "authority", hin_buf_view(&authority->der)));
    hin_api_put_time(&writer, "rotated", authority->rotated_usec);
    HIN_TRY(put_authority(&writer, "former", hin_buf_view(&authority->former)));
    put_dependants(&writer, census);
    hin_json_key(&writer, "serverCertificate");
    hin_json_begin_object(&writer);
    hin_api_put_time(&writer, "issued", authority->issued_usec);
    hin_api_put_time(&writer, "notAfter", authority->expires_usec);
    hin_json_end_object(&writer);
    hin_json_end_object(&writer);
    return hin_json_writer_finish(&writer);
}

/* ---- changes: said first, then done, then what came of it, as with other keys ---- */

static HIN_RESULT record(struct hin_api_call *call, const char *action, const char *outcome)
{
    struct hin_audit audit = {
        .action = action,
        .outcome = outcome,
        .actor = hin_view_from_text(call->who->text),
        .peer = hin_view_from_text(call->peer),
    };
    return hin_audit_write(call->tenant, &audit);
}

static HIN_RESULT explain(struct hin_api_call *call, struct hin_result refused)
{
    static const struct {
        enum hin_code code;
        const char *text;
    } texts[] = {
        {HIN_CONFLICT, "the authority before this one is not retired yet: hinomi ca status says "
                       "who depends on it, hinomi ca retire ends it"},
        {HIN_NOT_FOUND, "there is no former authority to retire"},
        {HIN_LIMIT, "the line of authorities has become too long for a certificate: no further "
                    "one can take over"},
    };
    for (size_t i = 0; i < HIN_COUNT(texts); i++) {
        if (texts[i].code == refused.code) {
            return hin_api_fail(call, refused.code, "%s", texts[i].text);
        }
    }
    return hin_is_ok(refused) ? refused
                              : hin_api_fail(call, refused.code, "the key service says: %s",
                                             hin_code_text(refused.code));
}

static HIN_RESULT ask(struct hin_api_call *call, const char *action, enum hin_keys_verb verb)
{
    HIN_TRY(record(call, action, "begun"));
    call->tenant->key_use_count++;
    struct hin_result done = hin_keys_admin(&call->tenant->keys, verb, HIN_VIEW_EMPTY);
    struct hin_result recorded = record(call, action, hin_is_ok(done) ? "done" : "refused");
    HIN_TRY(explain(call, done));
    HIN_TRY(recorded);
    return hin_worker_renew_tls(call->worker);
}

static struct hin_result rotate(struct hin_api_call *call)
{
    HIN_TRY(hin_api_own_only(call, "backups are the installation's"));
    HIN_TRY(hin_api_holder_only(call));
    HIN_TRY(ask(call, "ca.rotate", HIN_KEYS_CA_ROTATE));
    return show(call);
}

static struct hin_result renew(struct hin_api_call *call)
{
    HIN_TRY(hin_api_own_only(call, "backups are the installation's"));
    HIN_TRY(hin_api_holder_only(call));
    HIN_TRY(ask(call, "ca.renew", HIN_KEYS_CA_RENEW));
    return show(call);
}

static HIN_RESULT check_dependants(struct hin_api_call *call)
{
    struct census *census = NULL;
    hin_worker_watch_authority(call->worker);
    HIN_TRY(take_census(call, &census));
    if (census->count == 0) {
        return hin_ok();
    }
    const struct dependant *one = &census->listed[0];
    return hin_api_fail(call, HIN_CONFLICT,
                        "%llu agents still have certificates of the former authority, the first: "
                        "%s%s%s (hinomi ca status lists them): let them come back, or revoke them "
                        "(hinomi computer revoke); they then have to enrol anew",
                        (unsigned long long)census->count, one->tenant,
                        one->tenant[0] != '\0' ? "/" : "", one->host);
}

HIN_RESULT hin_api_authority_retire(struct hin_api_call *call)
{
    HIN_TRY(check_dependants(call));
    HIN_TRY(ask(call, "ca.retire", HIN_KEYS_CA_RETIRE));
    return show(call);
}

static struct hin_result retire(struct hin_api_call *call)
{
    struct hin_holder_request wanted = {
        .action = HIN_HOLDER_RETIRE, .name = HIN_API_AUTHORITY_NAME, .number = 1};
    bool alone = false;
    HIN_TRY(hin_api_own_only(call, "backups are the installation's"));
    HIN_TRY(check_dependants(call));
    HIN_TRY(hin_api_holder_ask(call, &wanted, &alone));
    return alone ? hin_api_authority_retire(call) : hin_ok();
}

static const struct hin_api_action actions[] = {
    {HIN_HTTP_GET, "ca", HIN_RIGHT_KEYS, show, NULL,
     "The certificate authority, the one before it while it counts, and who depends on that.",
     false},
    {HIN_HTTP_POST, "ca/rotate", HIN_RIGHT_KEYS, rotate, NULL,
     "A new authority takes over, signed by the former one.", false},
    {HIN_HTTP_POST, "ca/renew", HIN_RIGHT_KEYS, renew, NULL,
     "New certificates for the manager's listeners, at once.", false},
    {HIN_HTTP_POST, "ca/retire", HIN_RIGHT_KEYS, retire, NULL,
     "Certificates of the former authority count no more: done, or noted for a second holder "
     "(202).",
     false},
};
const struct hin_api_module hin_api_module_authority = {NULL, actions, HIN_COUNT(actions)};
