/* GET /api/tls: the links, what the policy says of each, and what was negotiated. The sessions are
 * the installation's: its own tenant's affair. */
#include <stdlib.h>

#include "base/bytes.h"
#include "crypt/link.h"
#include "manager/worker/api/inquiry.h"
#include "manager/worker/api/modules.h"

enum { ANSWER_MAX = 256 * 1024 };

struct counted { /* a link whose sessions are counted, and where */
    enum hin_link_id link;
    size_t offset; /* in struct hin_worker_numbers */
    const char *since;
};
static const struct counted counted[] = {
    {HIN_LINK_API, offsetof(struct hin_worker_numbers, api_tls), "each worker began"},
    {HIN_LINK_AGENTS, offsetof(struct hin_worker_numbers, agents_tls),
     "each worker began, enrolment included"},
    {HIN_LINK_DATABASE, offsetof(struct hin_worker_numbers, database_tls),
     "now, connections of workers"},
};

static const struct counted *counted_of(enum hin_link_id link)
{
    for (size_t i = 0; i < HIN_COUNT(counted); i++) {
        if (counted[i].link == link) {
            return &counted[i];
        }
    }
    return NULL;
}

static void write_list(struct hin_json_writer *writer, const char *first, const char *second)
{
    const char *const lists[] = {first, second};
    hin_json_begin_array(writer);
    for (size_t i = 0; i < HIN_COUNT(lists); i++) {
        struct hin_view name;
        for (size_t n = 0; (name = hin_link_list_at(lists[i], n)).size > 0; n++) {
            hin_json_put_text(writer, name);
        }
    }
    hin_json_end_array(writer);
}

/* "versions": [{"name", "count", "permitted"}] */
static void write_counts(struct hin_json_writer *writer, const char *key,
                         const struct hin_link *link, const uint64_t *counts, size_t count,
                         struct hin_view (*name_of)(size_t n),
                         bool (*permits)(const struct hin_link *link, struct hin_view name))
{
    hin_json_key(writer, key);
    hin_json_begin_array(writer);
    for (size_t i = 0; i < count; i++) {
        if (counts[i] > 0) {
            hin_json_begin_object(writer);
            hin_json_field_text(writer, "name", name_of(i));
            hin_json_field_unsigned(writer, "count", counts[i]);
            hin_json_field_boolean(writer, "permitted", permits(link, name_of(i)));
            hin_json_end_object(writer);
        }
    }
    hin_json_end_array(writer);
}

static void write_sessions(struct hin_json_writer *writer, const struct counted *row,
                           const struct hin_gather *gather)
{
    const struct hin_link *link = &hin_links[row->link];
    struct hin_tls_tally sum = {0};
    for (size_t i = 0; i < HIN_GATHER_WORKERS; i++) {
        if (gather->present[i]) {
            hin_tls_tally_sum(&sum,
                              (const void *)((const char *)&gather->numbers[i] + row->offset));
        }
    }
    hin_json_begin_object(writer);
    hin_json_field_cstring(writer, "since", row->since);
    hin_json_field_unsigned(writer, "count", sum.sessions);
    hin_json_field_unsigned(writer, "resumed", sum.resumed);
    write_counts(writer, "versions", link, sum.versions, HIN_TALLY_VERSIONS, hin_tally_version,
                 hin_link_permits_version);
    write_counts(writer, "suites", link, sum.suites, HIN_TALLY_SUITES, hin_tally_suite,
                 hin_link_permits_suite);
    write_counts(writer, "groups", link, sum.groups, HIN_TALLY_GROUPS, hin_tally_group,
                 hin_link_permits_group);
    hin_json_end_object(writer);
}

static void write_link(struct hin_json_writer *writer, enum hin_link_id id,
                       const struct hin_gather *gather)
{
    const struct hin_link *link = &hin_links[id];
    const struct counted *row = counted_of(id);
    hin_json_begin_object(writer);
    hin_json_field_cstring(writer, "name", link->name);
    hin_json_field_cstring(writer, "from", link->from);
    hin_json_field_cstring(writer, "to", link->to);
    hin_json_field_cstring(writer, "protocol", link->protocol);
    hin_json_field_cstring(writer, "minimum",
                           link->tls ? hin_tls_version_name(link->minimum) : NULL);
    hin_json_key(writer, "suites");
    write_list(writer, link->suites, link->suites_1_2);
    hin_json_key(writer, "groups");
    write_list(writer, link->groups, NULL);
    hin_json_field_cstring(writer, "proof", link->proof);
    hin_json_field_cstring(writer, "file", link->file);
    hin_json_key(writer, "sessions");
    if (row != NULL) {
        write_sessions(writer, row, gather);
    } else {
        hin_json_put_null(writer);
    }
    hin_json_end_object(writer);
}

static HIN_RESULT write_answer(const struct hin_gather *gather, struct hin_buf *out)
{
    struct hin_json_writer writer;
    uint64_t workers = 0;
    for (size_t i = 0; i < HIN_GATHER_WORKERS; i++) {
        workers += gather->present[i];
    }
    hin_json_writer_init(&writer, out, true);
    hin_json_begin_object(&writer);
    hin_json_field_cstring(&writer, "agentsURL",
                           hin_role_setting_text(gather->worker->role, "agents-url"));
    hin_json_field_unsigned(&writer, "workers", workers);
    hin_json_key(&writer, "links");
    hin_json_begin_array(&writer);
    for (size_t i = 0; i < HIN_LINK_COUNT; i++) {
        write_link(&writer, (enum hin_link_id)i, gather);
    }
    hin_json_end_array(&writer);
    hin_json_end_object(&writer);
    return hin_json_writer_finish(&writer);
}

static void answer(struct hin_gather *gather)
{
    struct hin_api_inquiry *inquiry = (struct hin_api_inquiry *)gather;
    HIN_CLEANUP(hin_buf_done) struct hin_buf out = {.max = ANSWER_MAX};
    struct hin_result written = write_answer(gather, &out);
    if (inquiry->exchange != NULL) {
        HIN_IGNORE(hin_http_reply(
            inquiry->exchange, hin_is_ok(written) ? 200 : 500, "application/json",
            hin_is_ok(written) ? hin_buf_view(&out) : HIN_VIEW("{}"))); /* may have gone */
    }
    free(inquiry);
}

static struct hin_result show(struct hin_api_call *call)
{
    if (call->tenant->number != 0) {
        return hin_api_fail(call, HIN_DENIED,
                            "the links are the installation's: its own tenant's affair");
    }
    return hin_api_inquire(call, false, answer);
}

static const struct hin_api_action actions[] = {
    {HIN_HTTP_GET, "tls", HIN_RIGHT_VIEW, show, NULL,
     "Every link, what the TLS policy says of it, and what its sessions negotiated.", false},
};
const struct hin_api_module hin_api_module_tls = {NULL, actions, HIN_COUNT(actions)};
