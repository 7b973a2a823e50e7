/* `hinomi-agent enrol`: key, request, certificate. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/cabinet.h"
#include "agent/facts.h"
#include "agent/key_file.h"
#include "agent/keys.h"
#include "base/bytes.h"
#include "base/codec.h"
#include "base/fd.h"
#include "base/log.h"
#include "crypt/tls.h"
#include "crypt/x509.h"
#include "io/transport.h"
#include "policy/bundle.h"
#include "sensor/roots.h"
#include "wire/session.h"

#define ANSWER_USEC    (30 * HIN_SEC_USEC)
#define PENDING_FOLDER "pending"
#define KEY_FILE       "device.key"
#define REQUEST_FILE   "request.der"

struct enrolling {
    const struct hin_agent_enrolment *want;
    struct hin_agent_config config;
    struct hin_error *error;
    int folder, uplink_folder, pending_folder;
    struct hin_ring *ring;
    struct hin_key_provider provider;
    struct hin_agent_keys keys;
    struct hin_x509_key *key;
    struct hin_buf csr;
    struct hin_loop *loop;
    struct hin_stream *stream;
    struct hin_wire_session session;
    struct hin_result result;
    bool done, pending;
    uint32_t retry_sec;
};

/* ---- folders, key, request ---- */

static HIN_RESULT manager_parse(struct enrolling *e)
{
    struct hin_url url;
    HIN_TRY(hin_url_parse(hin_view_from_text(e->want->manager), &url, e->error));
    if (strcmp(url.scheme, "https") != 0 || url.path.size > 1) {
        return hin_error_set(e->error, HIN_INVALID, NULL, 0, 0,
                             "%s: the manager's agent address reads https://HOST:PORT",
                             e->want->manager);
    }
    snprintf(e->config.host, sizeof(e->config.host), "%s", url.host);
    e->config.port = url.port_given ? url.port : HIN_WIRE_PORT;
    return hin_ok();
}

static HIN_RESULT fingerprint_parse(struct enrolling *e)
{
    uint8_t digest[32];
    size_t count = 0;
    for (const char *at = e->want->ca_fingerprint; *at != '\0'; at++) {
        if (*at == ':') {
            continue; /* as openssl prints it */
        }
        if (count + 1 >= sizeof(e->config.ca_fingerprint)) {
            count = SIZE_MAX;
            break;
        }
        e->config.ca_fingerprint[count++] = *at;
    }
    if (count != 64 ||
        !hin_is_ok(hin_unhex(hin_view_of(e->config.ca_fingerprint, 64), digest, sizeof(digest)))) {
        return hin_error_set(
            e->error, HIN_INVALID, NULL, 0, 0,
            "--ca-fingerprint: 64 hexadecimal digits, as the manager's init printed them");
    }
    hin_hex(digest, sizeof(digest), e->config.ca_fingerprint);
    return hin_ok();
}

static HIN_RESULT roots_parse(struct enrolling *e)
{
    static const char *const standard[] = {"/var/log"};
    size_t count = e->want->roots->count;
    const char *const *paths = count > 0 ? e->want->roots->items : standard;
    const char *folders[HIN_OPTION_TEXTS_MAX];
    size_t folder_count = 0;
    struct hin_roots *roots = NULL;
    bool journal = false;
    count = count > 0 ? count : 1;
    for (size_t i = 0; i < count; i++) {
        bool is_journal = strcmp(paths[i], HIN_AGENT_ROOT_JOURNAL) == 0;
        journal = journal || is_journal;
        if (!is_journal) {
            folders[folder_count++] = paths[i];
        }
    }
    roots = calloc(1, sizeof(*roots));
    HIN_ENSURE(roots != NULL, NO_MEMORY);
    struct hin_result result = hin_roots_open(roots, folders, folder_count, e->error);
    for (size_t i = 0; i < folder_count && hin_is_ok(result); i++) {
        hin_copy(e->config.roots[i], roots->paths[i], HIN_PATH_MAX);
    }
    e->config.root_count = folder_count;
    if (journal) {
        snprintf(e->config.roots[e->config.root_count++], HIN_PATH_MAX, "%s",
                 HIN_AGENT_ROOT_JOURNAL);
    }
    hin_roots_close(roots);
    free(roots);
    return result;
}

static HIN_RESULT folder_make(int at, const char *name, int *ret_fd)
{
    if (mkdirat(at, name, 0700) != 0 && errno != EEXIST) {
        return hin_fail(hin_code_from_errno(errno));
    }
    return hin_fd_open(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, ret_fd);
}

static HIN_RESULT folders_make(struct enrolling *e)
{
    struct hin_agent_config old;
    struct hin_result result = hin_directory_make(e->want->state, 0700);
    if (hin_is_ok(result)) {
        result = hin_fd_open(AT_FDCWD, e->want->state, O_RDONLY | O_DIRECTORY, 0, &e->folder);
    }
    if (!hin_is_ok(result)) {
        return hin_error_set(e->error, result.code, e->want->state, 0, 0, "%s",
                             hin_code_text(result.code));
    }
    if (hin_is_ok(hin_agent_config_load(e->folder, &old, NULL)) && old.agent_id[0] != '\0') {
        return hin_error_set(
            e->error, HIN_EXISTS, e->want->state, 0, 0,
            "this folder is enrolled already, as agent %s; take another, or remove it",
            old.agent_id);
    }
    HIN_TRY(folder_make(e->folder, PENDING_FOLDER, &e->pending_folder));
    return folder_make(e->folder, "uplink", &e->uplink_folder);
}

/* The same key and request as long as an answer is awaited: they are the name of what the
 * administrator approves. */
static HIN_RESULT request_make(struct enrolling *e)
{
    HIN_CLEANUP(hin_cabinet_done) struct hin_cabinet cabinet = {.folder = -1};
    HIN_CLEANUP(hin_secret_done) struct hin_secret der = {0};
    HIN_TRY(
        hin_cabinet_init(&cabinet, e->pending_folder, &e->keys, HIN_VIEW_EMPTY, HIN_VIEW_EMPTY));
    struct hin_result result = hin_cabinet_get_secret(&cabinet, KEY_FILE, &der);
    if (hin_is_ok(result) && hin_is_ok(hin_file_read(e->pending_folder, REQUEST_FILE, &e->csr))) {
        return hin_x509_key_import(&e->key, hin_secret_view(&der));
    }
    struct hin_agent_host host;
    hin_agent_host_facts(&host);
    hin_secret_done(&der);
    HIN_TRY(hin_x509_key_generate(&e->key));
    HIN_TRY(hin_x509_key_export(e->key, &der));
    HIN_TRY(hin_cabinet_put(&cabinet, KEY_FILE, hin_secret_view(&der)));
    HIN_TRY(hin_x509_request_new(e->key, "hinomi-agent", &e->csr));
    return hin_file_replace(e->pending_folder, REQUEST_FILE, hin_buf_view(&e->csr), 0600);
}

/* ---- what the manager answers ---- */

static void end(struct enrolling *e, struct hin_result result)
{
    if (!e->done) {
        e->done = true;
        e->result = result;
    }
    if (e->stream != NULL) {
        hin_stream_close(e->stream);
    }
}

static HIN_RESULT certificate_check(struct enrolling *e, const struct hin_wire_enrolled *got,
                                    struct hin_view ca)
{
    struct hin_x509_info info;
    char agent[HIN_AGENT_ID_TEXT_BYTES], tenant[HIN_AGENT_ID_TEXT_BYTES],
        fingerprint[HIN_SHA256_HEX_BYTES];
    uint8_t key_id[HIN_SHA256_BYTES], policy_key[32], pin[HIN_SHA256_BYTES];
    hin_agent_id_format(got->agent_id, agent);
    hin_agent_id_format(got->tenant_id, tenant);
    HIN_TRY(hin_x509_fingerprint(ca, fingerprint));
    HIN_TRY(hin_unhex(hin_view_from_text(e->config.ca_fingerprint), pin, sizeof(pin)));
    HIN_TRY(hin_x509_succeeds(ca, pin)); /* the one that was named, or its heir */
    HIN_TRY(hin_x509_verify(got->certificates[0], ca, HIN_X509_AGENT,
                            hin_clock_wall_usec(hin_clock_system())));
    HIN_TRY(hin_x509_parse(got->certificates[0], &info));
    HIN_TRY(hin_x509_key_id(e->key, key_id));
    HIN_ENSURE(memcmp(key_id, info.key_id, sizeof(key_id)) == 0, AUTH);
    HIN_ENSURE(strcmp(info.agent, agent) == 0 && strcmp(info.tenant, tenant) == 0, AUTH);
    HIN_TRY(hin_policy_key_decode(got->policy_key, policy_key));
    hin_copy(e->config.ca_fingerprint, fingerprint, sizeof(fingerprint));
    hin_copy(e->config.agent_id, agent, sizeof(agent));
    hin_copy(e->config.tenant_id, tenant, sizeof(tenant));
    return hin_ok();
}

static HIN_RESULT store(struct enrolling *e, const struct hin_wire_enrolled *got)
{
    struct hin_view ca = got->certificates[got->certificate_count - 1];
    HIN_CLEANUP(hin_cabinet_done) struct hin_cabinet cabinet = {.folder = -1};
    HIN_CLEANUP(hin_secret_done) struct hin_secret der = {0};
    HIN_TRY(certificate_check(e, got, ca));
    HIN_TRY(hin_cabinet_init(&cabinet, e->uplink_folder, &e->keys,
                             hin_view_from_text(e->config.tenant_id),
                             hin_view_from_text(e->config.agent_id)));
    HIN_TRY(hin_x509_key_export(e->key, &der));
    HIN_TRY(hin_cabinet_put(&cabinet, KEY_FILE, hin_secret_view(&der)));
    HIN_TRY(hin_file_replace(e->uplink_folder, "device.der", got->certificates[0], 0600));
    HIN_TRY(hin_file_replace(e->uplink_folder, "ca.der", ca, 0600));
    HIN_TRY(hin_file_replace(e->uplink_folder, "policy.key", got->policy_key, 0600));
    HIN_TRY(
        hin_file_replace(e->folder, "policy.key", got->policy_key, 0600)); /* the parent's own */
    HIN_TRY(hin_agent_config_save(e->folder,
                                  &e->config)); /* last: it says that all the rest is there */
    char path[HIN_PATH_MAX];
    HIN_TRY(hin_path_join(path, sizeof(path), e->want->state, PENDING_FOLDER));
    return hin_directory_remove(path);
}

static HIN_RESULT got_message(struct enrolling *e, const struct hin_wire_message *m)
{
    if (m->type == HIN_WIRE_REFUSE) {
        const char *reason = hin_wire_refusal_text(m->refuse.reason);
        bool more = m->refuse.sentence.size > 0 && !hin_view_is(m->refuse.sentence, reason);
        return hin_error_set(e->error, HIN_DENIED, NULL, 0, 0, "the manager refuses: %s%s%.*s",
                             reason, more ? ": " : "",
                             HIN_ARGS(more ? m->refuse.sentence : HIN_VIEW_EMPTY));
    }
    HIN_ENSURE(m->type == HIN_WIRE_ENROLLED, PROTOCOL);
    if (m->enrolled.status == HIN_WIRE_PENDING) {
        e->pending = true;
        e->retry_sec = HIN_MIN(HIN_MAX(m->enrolled.retry_sec, 1U), 300U);
        return hin_ok();
    }
    return store(e, &m->enrolled);
}

static void on_data(void *context, struct hin_stream *stream)
{
    struct enrolling *e = context;
    struct hin_wire_frame frame;
    struct hin_wire_message message;
    struct hin_result result = hin_wire_frame_next(hin_stream_input(stream), 256U << 10, &frame);
    if (result.code == HIN_AGAIN) {
        return;
    }
    if (hin_is_ok(result)) {
        uint16_t version =
            frame.version >= HIN_WIRE_VERSION_OLDEST && frame.version <= HIN_WIRE_VERSION
                ? frame.version
                : HIN_WIRE_VERSION;
        result = hin_wire_decode(version, frame.type, frame.payload, &message);
    }
    if (hin_is_ok(result)) {
        result = hin_wire_session_step(&e->session, HIN_WIRE_FROM_MANAGER, message.type);
    }
    if (hin_is_ok(result)) {
        result = got_message(e, &message);
    }
    end(e, result);
}

static HIN_RESULT ask(struct enrolling *e)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf frame = {.max = 64U << 10};
    struct hin_agent_host host;
    hin_agent_host_facts(&host);
    struct hin_wire_message enrol = {
        .type = HIN_WIRE_ENROL,
        .enrol = {.version_oldest = HIN_WIRE_VERSION_OLDEST,
                  .version_newest = HIN_WIRE_VERSION,
                  .token =
                      e->want->token != NULL ? hin_secret_view(e->want->token) : HIN_VIEW_EMPTY,
                  .csr = hin_buf_view(&e->csr),
                  .agent_version = HIN_VIEW(HIN_VERSION),
                  .host_name = hin_view_from_text(host.name),
                  .os_name = hin_view_from_text(host.os),
                  .platform = hin_view_from_text(host.platform)},
    };
    HIN_TRY(hin_wire_encode(HIN_WIRE_VERSION, &enrol, &frame));
    HIN_TRY(hin_wire_session_step(&e->session, HIN_WIRE_FROM_AGENT, HIN_WIRE_ENROL));
    struct hin_result result = hin_stream_write(e->stream, hin_buf_view(&frame));
    hin_wipe(frame.data, frame.size);
    return result;
}

static void on_open(void *context, struct hin_stream *stream)
{
    struct enrolling *e = context;
    (void)stream;
    struct hin_result result = ask(e);
    if (!hin_is_ok(result)) {
        end(e, result);
    }
}

static void on_close(void *context, struct hin_stream *stream, const struct hin_stream_end *ended)
{
    struct enrolling *e = context;
    (void)stream;
    e->stream = NULL;
    if (!e->done) {
        end(e, hin_error_set(e->error, ended->code == HIN_OK ? HIN_CLOSED : ended->code, NULL, 0, 0,
                             "%s:%u: %s (%s)", e->config.host, e->config.port,
                             ended->text[0] != '\0' ? ended->text : hin_code_text(ended->code),
                             hin_code_hint(ended->code)));
    }
    hin_loop_stop(e->loop);
}

static void too_long(void *context)
{
    struct enrolling *e = context;
    end(e, hin_error_set(e->error, HIN_TIMEOUT, NULL, 0, 0, "%s:%u: no answer in time",
                         e->config.host, e->config.port));
}

static HIN_RESULT converse(struct enrolling *e)
{
    static const struct hin_stream_events events = {
        .on_open = on_open, .on_data = on_data, .on_close = on_close};
    HIN_CLEANUP(hin_tls_freep) struct hin_tls *tls = NULL;
    HIN_CLEANUP(hin_loop_cleanup) struct hin_loop *loop = NULL;
    struct hin_timer *timer = NULL;
    struct hin_connect_options options = {.host = e->config.host,
                                          .limits = hin_stream_limits_default()};
    struct hin_tls_options tls_options = {.role = HIN_TLS_ENROL_CLIENT,
                                          .ca_fingerprint = e->config.ca_fingerprint};
    size_t count = 0;
    e->done = e->pending = false;
    e->session = hin_wire_session_begin(HIN_WIRE_STATE_ANONYMOUS);
    HIN_TRY(hin_resolve(e->config.host, e->config.port, &options.address, 1, &count, e->error));
    HIN_TRY(hin_tls_new(&tls, &tls_options));
    HIN_TRY(hin_loop_new(NULL, &loop));
    e->loop = loop;
    options.tls = tls;
    HIN_TRY(hin_timer_new(loop, too_long, e, &timer));
    struct hin_result result = hin_timer_once(timer, ANSWER_USEC, 0);
    if (hin_is_ok(result)) {
        result = hin_stream_connect(loop, &options, &events, e, &e->stream);
    }
    if (hin_is_ok(result)) {
        result = hin_loop_run(loop);
    }
    hin_timer_free(timer);
    HIN_TRY(result);
    return e->result;
}

static HIN_RESULT enrol(struct enrolling *e)
{
    HIN_TRY(manager_parse(e));
    HIN_TRY(fingerprint_parse(e));
    HIN_TRY(roots_parse(e));
    HIN_TRY(hin_clock_settings_take(&e->config.clock, e->want->ntp, e->want->clock_bound_usec,
                                    e->error));
    e->config.spool_max_bytes = e->want->spool_max_bytes;
    HIN_TRY(folders_make(e));
    HIN_TRY(hin_agent_ring_open(e->want->state, e->want->passphrase, true, &e->ring, e->error));
    e->provider = hin_ring_provider(e->ring);
    e->keys = hin_agent_keys_of_provider(&e->provider);
    HIN_TRY(request_make(e));
    HIN_TRY(converse(e));
    bool told = false;
    while (e->pending) {
        if (!told) {
            printf("waiting for approval: an administrator runs `hinomi computer approve`\n");
            fflush(stdout);
            told = true;
        }
        if (e->want->no_wait) {
            return hin_error_set(e->error, HIN_AGAIN, NULL, 0, 0,
                                 "approval is pending; enrol again to ask after it");
        }
        sleep(e->retry_sec);
        HIN_TRY(converse(e));
    }
    printf("enrolled as agent %s\n", e->config.agent_id);
    return hin_ok();
}

struct hin_result hin_agent_enrol(const struct hin_agent_enrolment *enrolment,
                                  struct hin_error *error)
{
    struct enrolling *e = calloc(1, sizeof(*e));
    HIN_ENSURE(e != NULL, NO_MEMORY);
    e->want = enrolment;
    e->error = error;
    e->folder = e->uplink_folder = e->pending_folder = -1;
    hin_agent_config_default(&e->config);
    hin_buf_init(&e->csr, HIN_WIRE_CSR_MAX_BYTES);
    struct hin_result result = hin_process_protect();
    if (hin_is_ok(result)) {
        result = hin_ignore_sigpipe();
    }
    if (hin_is_ok(result)) {
        result = enrol(e);
    }
    hin_x509_key_free(e->key);
    hin_ring_free(e->ring);
    hin_buf_done(&e->csr);
    hin_fd_close(&e->folder);
    hin_fd_close(&e->uplink_folder);
    hin_fd_close(&e->pending_folder);
    free(e);
    return result;
}
