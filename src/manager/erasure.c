#include "manager/erasure.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "base/log.h"
#include "manager/audit.h"
#include "manager/certificate.h"
#include "manager/escrow.h"
#include "store/documents.h"

enum { ERASURE_MAX = 4096 };

/* ---- the row ---- */

static const char *const states[] = {[HIN_TENANT_ACTIVE] = "active",
                                     [HIN_TENANT_SUSPENDED] = "suspended",
                                     [HIN_TENANT_ERASING] = "erasing",
                                     [HIN_TENANT_ERASED] = "erased"};

/* Numbers of an erasure, by the names under which they are kept. */
static const struct {
    const char *name;
    size_t offset;
} numbers[] = {
    {"requested", offsetof(struct hin_erasure, requested_usec)},
    {"events", offsetof(struct hin_erasure, events)},
    {"segments", offsetof(struct hin_erasure, segments)},
    {"documents", offsetof(struct hin_erasure, documents)},
    {"exports", offsetof(struct hin_erasure, exports)},
    {"dataKeys", offsetof(struct hin_erasure, data_keys)},
    {"wrappingVersion", offsetof(struct hin_erasure, wrapping_version)},
    {"wrappingCount", offsetof(struct hin_erasure, wrapping_count)},
    {"tenantVersion", offsetof(struct hin_erasure, tenant_version)},
    {"tenantCount", offsetof(struct hin_erasure, tenant_count)},
    {"destroyed", offsetof(struct hin_erasure, destroyed_usec)},
    {"until", offsetof(struct hin_erasure, until_usec)},
};

static HIN_RESULT read_text(struct hin_json object, const char *name, char *out, size_t out_bytes)
{
    struct hin_view text;
    HIN_TRY(hin_json_get_text(object, name, &text, NULL));
    return hin_view_to_text(text, out, out_bytes);
}

static HIN_RESULT read_erasure(struct hin_view text, struct hin_erasure *erasure)
{
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    HIN_TRY(hin_json_parse(text, ERASURE_MAX, &document, NULL));
    struct hin_json root = hin_json_root(document);
    HIN_TRY(read_text(root, "id", erasure->id, sizeof(erasure->id)));
    HIN_TRY(read_text(root, "requestedBy", erasure->requested_by, sizeof(erasure->requested_by)));
    HIN_TRY(read_text(root, "confirmedBy", erasure->confirmed_by, sizeof(erasure->confirmed_by)));
    HIN_TRY(read_text(root, "provider", erasure->provider, sizeof(erasure->provider)));
    HIN_TRY(hin_json_get_boolean(root, "counted", &erasure->counted, NULL));
    HIN_TRY(hin_json_get_boolean(root, "exportable", &erasure->exportable, NULL));
    for (size_t i = 0; i < HIN_COUNT(numbers); i++) {
        int64_t *number = (int64_t *)(void *)((char *)erasure + numbers[i].offset);
        HIN_TRY(hin_json_get_integer(root, numbers[i].name, 0, INT64_MAX, number, NULL));
    }
    return hin_ok();
}

static HIN_RESULT write_erasure(const struct hin_erasure *erasure, struct hin_buf *out)
{
    struct hin_json_writer writer;
    hin_json_writer_init(&writer, out, false);
    hin_json_begin_object(&writer);
    hin_json_field_cstring(&writer, "id", erasure->id);
    hin_json_field_cstring(&writer, "requestedBy", erasure->requested_by);
    hin_json_field_cstring(&writer, "confirmedBy", erasure->confirmed_by);
    hin_json_field_cstring(&writer, "provider", erasure->provider);
    hin_json_field_boolean(&writer, "counted", erasure->counted);
    hin_json_field_boolean(&writer, "exportable", erasure->exportable);
    for (size_t i = 0; i < HIN_COUNT(numbers); i++) {
        const int64_t *number =
            (const int64_t *)(const void *)((const char *)erasure + numbers[i].offset);
        hin_json_field_integer(&writer, numbers[i].name, *number);
    }
    hin_json_end_object(&writer);
    return hin_json_writer_finish(&writer);
}

static HIN_RESULT read_state(struct hin_view name, enum hin_tenant_state *ret_state)
{
    for (unsigned state = HIN_TENANT_ACTIVE; state < HIN_COUNT(states); state++) {
        if (hin_view_is(name, states[state])) {
            *ret_state = state;
            return hin_ok();
        }
    }
    return hin_fail(HIN_CORRUPT);
}

HIN_RESULT hin_tenant_row_read(int64_t number, struct hin_view document,
                               struct hin_tenant_row *ret_row)
{
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *parsed = NULL;
    struct hin_tenant_row row = {.number = number};
    struct hin_view state, erasure = HIN_VIEW_EMPTY;
    HIN_TRY(hin_json_parse(document, HIN_STORE_DOCUMENT_BYTES, &parsed, NULL));
    struct hin_json root = hin_json_root(parsed);
    HIN_TRY(read_text(root, "guid", row.uuid, sizeof(row.uuid)));
    HIN_TRY(read_text(root, "name", row.name, sizeof(row.name)));
    HIN_TRY(hin_json_get_text(root, "tenantState", &state, NULL));
    HIN_TRY(read_state(state, &row.state));
    HIN_TRY(hin_json_opt_text(root, "erasure", &erasure, NULL));
    if (row.state == HIN_TENANT_ERASING || row.state == HIN_TENANT_ERASED) {
        HIN_TRY(read_erasure(erasure, &row.erasure));
    }
    *ret_row = row;
    return hin_ok();
}

struct row_change {
    const struct hin_tenant_row *row;
    enum hin_tenant_state from;
    int64_t certificate;
};

static HIN_RESULT check_state(const struct row_change *change, struct hin_json root)
{
    struct hin_view name;
    enum hin_tenant_state state;
    HIN_TRY(hin_json_get_text(root, "tenantState", &name, NULL));
    HIN_TRY(read_state(name, &state));
    bool fits = change->from != 0 ? state == change->from : state < HIN_TENANT_ERASING;
    return fits ? hin_ok() : hin_fail(HIN_CONFLICT);
}

/* Everything else of the row stays as it is. */
static HIN_RESULT put_others(struct hin_json_writer *writer, struct hin_json root)
{
    static const char *const ours[] = {"tenantState", "erasure", "certificate", "certificateID"};
    struct hin_json_iterator at = hin_json_iterate(root);
    const char *key = NULL;
    struct hin_json value;
    while (hin_json_next(&at, &key, &value)) {
        bool other = true;
        for (size_t i = 0; i < HIN_COUNT(ours); i++) {
            other = other && strcmp(key, ours[i]) != 0;
        }
        if (other) {
            hin_json_key(writer, key);
            hin_json_put_value(writer, value);
        }
    }
    return hin_ok();
}

static struct hin_result write_row(void *context, const struct hin_store_document *document,
                                   struct hin_buf *bytes, struct hin_store_content *content,
                                   bool *keep_names)
{
    const struct row_change *change = context;
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *parsed = NULL;
    HIN_CLEANUP(hin_buf_done) struct hin_buf erasure = {.max = ERASURE_MAX};
    struct hin_json_writer writer;
    (void)content;
    *keep_names = true;
    HIN_TRY(hin_json_parse(document->bytes, HIN_STORE_DOCUMENT_BYTES, &parsed, NULL));
    HIN_TRY(check_state(change, hin_json_root(parsed)));
    HIN_TRY(write_erasure(&change->row->erasure, &erasure));
    hin_json_writer_init(&writer, bytes, false);
    hin_json_begin_object(&writer);
    HIN_TRY(put_others(&writer, hin_json_root(parsed)));
    hin_json_field_cstring(&writer, "tenantState", states[change->row->state]);
    hin_json_field_text(&writer, "erasure", hin_buf_view(&erasure));
    if (change->certificate > 0) {
        hin_json_field_cstring(&writer, "certificate", change->row->erasure.id);
        hin_json_field_integer(&writer, "certificateID", change->certificate);
    }
    hin_json_end_object(&writer);
    return hin_json_writer_finish(&writer);
}

HIN_RESULT hin_tenant_row_write(struct hin_tenant *own, const struct hin_tenant_row *row,
                                enum hin_tenant_state from, int64_t certificate)
{
    struct row_change context = {row, from, certificate};
    struct hin_store_change change = {write_row, &context};
    return hin_store_modify(own->store, HIN_STORE_TENANTS, row->number, &change,
                            hin_tenant_now_usec(own));
}

/* ---- what there is ---- */

static struct hin_result count_key(void *context, const struct hin_store_key *key)
{
    int64_t *count = context;
    (void)key;
    (*count)++;
    return hin_ok();
}

static HIN_RESULT count_stored(struct hin_tenant *tenant, struct hin_erasure *erasure)
{
    struct hin_store_stats stats;
    HIN_TRY(hin_store_stats(tenant->store, &stats));
    erasure->events = (int64_t)stats.events;
    erasure->segments = (int64_t)stats.segments;
    for (unsigned kind = 1; kind < HIN_STORE_KIND_LIMIT; kind++) {
        uint64_t count = 0;
        HIN_TRY(hin_store_count(tenant->store, kind, &count));
        erasure->documents += (int64_t)count;
        erasure->exports += kind == HIN_STORE_EXPORTS ? (int64_t)count : 0;
    }
    return hin_store_key_list(tenant->store, NULL, 0, count_key, &erasure->data_keys);
}

static void note_keys(struct hin_tenant *own, struct hin_tenant_row *row)
{
    struct hin_vault_tenant_status status;
    own->key_use_count++;
    struct hin_result told =
        hin_keys_tenant_status(&own->keys, hin_view_from_text(row->uuid), &status);
    if (!hin_is_ok(told) || status.tenant_version_count == 0) {
        return; /* what is not known is told as zero */
    }
    row->erasure.wrapping_version = status.wrapping.current_version;
    row->erasure.wrapping_count = status.wrapping.version_count;
    row->erasure.tenant_version = status.tenant_versions[status.tenant_version_count - 1];
    row->erasure.tenant_count = (int64_t)status.tenant_version_count;
}

void hin_erasure_count(struct hin_tenant *own, struct hin_tenant_row *row)
{
    struct hin_tenant tenant;
    struct hin_error error = {0};
    note_keys(own, row);
    struct hin_result counted = hin_tenant_open(&tenant, &own->place, row->uuid, &own->keys,
                                                HIN_VAULT_FOR_ADMIN, own->clock, false, &error);
    if (hin_is_ok(counted)) {
        struct hin_erasure numbers_only = row->erasure;
        counted = count_stored(&tenant, &numbers_only);
        if (hin_is_ok(counted)) {
            row->erasure = numbers_only;
        }
        hin_tenant_close(&tenant);
    }
    row->erasure.counted = hin_is_ok(counted);
    if (!hin_is_ok(counted)) { /* nobody is kept from erasing what cannot be read */
        hin_log_result(HIN_LOG_WARNING, counted, "what tenant %s holds cannot be counted",
                       row->uuid);
    }
}

/* ---- the key ---- */

HIN_RESULT hin_erasure_destroy_key(struct hin_tenant *own, struct hin_tenant_row *row)
{
    struct hin_key_provider_status status;
    own->key_use_count++;
    HIN_TRY(hin_keys_tenant_erase(&own->keys, hin_view_from_text(row->uuid), &status));
    snprintf(row->erasure.provider, sizeof(row->erasure.provider), "%s", status.name);
    row->erasure.exportable = status.exportable;
    row->erasure.destroyed_usec = hin_tenant_now_usec(own);
    row->erasure.until_usec = status.destruction_usec;
    return hin_ok();
}

/* ---- the certificate ---- */

static void add_key(struct hin_certificate *certificate, struct hin_certificate_key key)
{
    if (certificate->key_count < HIN_CERTIFICATE_ROWS_MAX) {
        certificate->keys[certificate->key_count++] = key;
    }
}

static void state_remains(struct hin_certificate *certificate, const struct hin_erasure *erasure)
{
    hin_certificate_add_remainder(
        certificate, true, "the installation's audit record",
        "who made, suspended and erased the tenant, and which keys were used, is kept; "
        "nothing that the tenant stored stands in it");
    hin_certificate_add_remainder(
        certificate, true, "the tenant's row",
        "its number, name and UUID stay, so that they are never used again");
    hin_certificate_add_remainder(certificate, true,
                                  "copies and backups of the database, and exports",
                                  "as ciphertext: what opens them is destroyed");
    hin_certificate_add_remainder(
        certificate, erasure->exportable, "copies of the key ring's file",
        "whoever kept one that was made before, and its pass phrase if it has one, still "
        "opens old copies of the database with it");
    hin_certificate_add_remainder(
        certificate, erasure->until_usec > 0, "the wrapping key, disabled",
        "its service deletes it on the date stated; until then whoever administers that "
        "service could enable it again");
    hin_certificate_add_remainder(
        certificate, true, "events that agents had not delivered",
        "they lie sealed under a key of the host they come from, in the agent's spool, "
        "until the agent is removed there");
    hin_certificate_add_remainder(
        certificate, true, "what was read or forwarded before",
        "what left the manager in the clear, at somebody's request, is out of its reach");
    hin_certificate_add_remainder(certificate, !erasure->counted, "the numbers of what was erased",
                                  "the database could not be read to be counted");
}

static void state_erasure(const struct hin_tenant_row *row, int64_t now_usec,
                          struct hin_certificate *ret_certificate)
{
    const struct hin_erasure *erasure = &row->erasure;
    int64_t destroyed_msec = erasure->destroyed_usec / HIN_MSEC_USEC;
    struct hin_view provider = hin_view_from_text(erasure->provider);
    *ret_certificate = (struct hin_certificate){
        .kind = HIN_CERTIFICATE_TENANT,
        .tenant = hin_view_from_text(row->uuid),
        .id = hin_view_from_text(erasure->id),
        .number = row->number,
        .name = hin_view_from_text(row->name),
        .events = erasure->events,
        .segments = erasure->segments,
        .documents = erasure->documents,
        .exports = erasure->exports,
        .requested_by = hin_view_from_text(erasure->requested_by),
        .confirmed_by = hin_view_from_text(erasure->confirmed_by),
        .requested_msec = erasure->requested_usec / HIN_MSEC_USEC,
        .done_msec = now_usec / HIN_MSEC_USEC,
    };
    add_key(ret_certificate, (struct hin_certificate_key){
                                 HIN_VIEW("wrapping"), ret_certificate->tenant,
                                 erasure->wrapping_version, erasure->wrapping_count, provider,
                                 destroyed_msec, erasure->until_usec / HIN_MSEC_USEC});
    add_key(ret_certificate, (struct hin_certificate_key){
                                 HIN_VIEW("tenant"), HIN_VIEW_EMPTY, erasure->tenant_version,
                                 erasure->tenant_count, HIN_VIEW("vault"), destroyed_msec, 0});
    add_key(ret_certificate,
            (struct hin_certificate_key){HIN_VIEW("data"), HIN_VIEW_EMPTY, 0, erasure->data_keys,
                                         HIN_VIEW("key table"), destroyed_msec, 0});
    state_remains(ret_certificate, erasure);
}

static HIN_RESULT certify(struct hin_tenant *own, struct hin_tenant_row *row)
{
    struct hin_certificate certificate;
    struct hin_escrow_rows copies;
    int64_t number = 0;
    char detail[128];
    state_erasure(row, hin_tenant_now_usec(own), &certificate);
    if (row->erasure.exportable) {
        HIN_TRY(hin_escrow_remains(own, row->erasure.destroyed_usec, &copies, &certificate));
    }
    struct hin_result issued = hin_certificate_issue(own, &certificate, &number);
    if (issued.code != HIN_EXISTS) {
        HIN_TRY(issued);
    }
    snprintf(detail, sizeof(detail), "certificate %lld (%s)", (long long)number, row->erasure.id);
    struct hin_audit audit = {
        .action = "tenant.erased",
        .outcome = "done",
        .actor = HIN_VIEW("jobs"),
        .kind = "tenants",
        .object = row->number,
        .detail = hin_view_from_text(detail),
    };
    HIN_TRY(hin_audit_write(own, &audit));
    row->state = HIN_TENANT_ERASED;
    return hin_tenant_row_write(own, row, HIN_TENANT_ERASING, number);
}

/* Certificate, record and state at once: none stands without the others. */
static HIN_RESULT finish(struct hin_tenant *own, struct hin_tenant_row *row)
{
    HIN_TRY(hin_store_begin(own->store));
    struct hin_result certified = certify(own, row);
    struct hin_result ended = hin_store_end(own->store, hin_is_ok(certified));
    HIN_TRY(certified);
    return ended;
}

/* ---- the room ---- */

/* Whoever has the database open holds a lock on a file beside it. AGAIN: somebody has. */
static HIN_RESULT check_alone(const struct hin_tenant *own, const char *name)
{
    HIN_CLEANUP_FD int fd = -1;
    struct flock wanted = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    struct hin_result opened = hin_fd_open(own->place.directory, name, O_RDWR | O_NOFOLLOW, 0, &fd);
    if (opened.code == HIN_NOT_FOUND) {
        return hin_ok();
    }
    HIN_TRY(opened);
    HIN_ENSURE(fcntl(fd, F_OFD_SETLK, &wanted) == 0, AGAIN);
    return hin_ok();
}

HIN_RESULT hin_erasure_reclaim(const struct hin_tenant *own, const char *uuid, bool *ret_done)
{
    struct hin_store_options options = {
        .directory = own->place.directory, .server = own->place.server, .tenant = uuid};
    struct hin_error error = {0};
    char lock[64];
    snprintf(lock, sizeof(lock), "%s.lock", uuid);
    HIN_TRY(check_alone(own, lock));
    struct hin_result erased = hin_store_erase(&options, ret_done, &error);
    if (!hin_is_ok(erased) && error.text[0] != '\0') {
        hin_log(HIN_LOG_WARNING, "the room of tenant %s is not free yet: %s", uuid, error.text);
    }
    HIN_TRY(erased);
    if (*ret_done) {
        HIN_ENSURE(unlinkat(own->place.directory, lock, 0) == 0 || errno == ENOENT, IO);
    }
    return hin_ok();
}

HIN_RESULT hin_erasure_step(struct hin_tenant *own, struct hin_tenant_row *row, bool *ret_done)
{
    bool reclaimed = false;
    *ret_done = false;
    if (row->erasure.destroyed_usec ==
        0) { /* cut off before it was noted; done twice is the same */
        HIN_TRY(hin_erasure_destroy_key(own, row));
        return hin_tenant_row_write(own, row, HIN_TENANT_ERASING, 0);
    }
    HIN_TRY(hin_erasure_reclaim(own, row->uuid, &reclaimed));
    if (!reclaimed) {
        return hin_ok();
    }
    HIN_TRY(finish(own, row));
    *ret_done = true;
    return hin_ok();
}
