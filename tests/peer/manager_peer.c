/* A manager reduced to its side of the agent protocol, for tests of the agent alone: versions of
 * choice, answers of choice, every event written down. It keeps nothing but a count in memory.
 *
 *   manager_peer FOLDER RULES-FOLDER GLOB [OLDEST NEWEST [POLICY-SERIAL]]
 *
 * Prints "PORT FINGERPRINT" and serves until its standard input ends. FOLDER/events gets "SEQUENCE
 * GENERATION OFFSET RAW" a line, FOLDER/log what was said. An agent's authority and keys are stored
 * in FOLDER, so that it can be started again. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/codec.h"
#include "base/fd.h"
#include "base/path.h"
#include "crypt/hash.h"
#include "crypt/sign.h"
#include "crypt/tls.h"
#include "crypt/x509.h"
#include "event/codec.h"
#include "event/event.h"
#include "io/transport.h"
#include "policy/bundle.h"
#include "wire/batch.h"
#include "wire/session.h"

#define AGENT_TEXT  "11111111-2222-3333-4444-555555555555"
#define TENANT_TEXT "66666666-7777-8888-9999-aaaaaaaaaaaa"

struct connection {
    struct hin_wire_session session;
};

static struct {
    struct hin_loop *loop;
    struct hin_x509_key *ca_key;
    struct hin_buf ca, server;
    struct hin_secret seed;
    struct hin_buf policy_key, bundle;
    struct hin_tls *tls;
    struct hin_wire_packer *packer;
    uint8_t agent[16], tenant[16];
    uint16_t oldest, newest;
    uint64_t serial, durable;
    FILE *events, *log;
} peer;

static void must(struct hin_result result, const char *what)
{
    if (!hin_is_ok(result)) {
        fprintf(stderr, "manager_peer: %s: %s\n", what, hin_code_text(result.code));
        exit(1);
    }
}

static void id_of(const char *text, uint8_t *out)
{
    char hex[33];
    size_t n = 0;
    for (; *text != '\0' && n < 32; text++) {
        if (*text != '-') {
            hex[n++] = *text;
        }
    }
    must(hin_unhex(hin_view_of(hex, n), out, 16), "id");
}

static struct hin_x509_validity validity(void)
{
    int64_t now = hin_clock_wall_usec(hin_clock_system());
    return (struct hin_x509_validity){now - HIN_HOUR_USEC, now + 30 * HIN_DAY_USEC};
}

/* Of agents' certificates: $PEER_LIFE seconds when set. */
static struct hin_x509_validity agent_validity(void)
{
    const char *life = getenv("PEER_LIFE");
    int64_t now = hin_clock_wall_usec(hin_clock_system());
    return life == NULL ? validity()
                        : (struct hin_x509_validity){now - HIN_SEC_USEC,
                                                     now + strtoll(life, NULL, 10) * HIN_SEC_USEC};
}

static void kept_key(const char *folder, const char *name, struct hin_secret *ret)
{
    char path[HIN_PATH_MAX];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        uint8_t data[HIN_SECRET_MAX];
        ssize_t got = read(fd, data, sizeof(data));
        close(fd);
        must(hin_secret_from(ret, hin_view_of(data, (size_t)(got > 0 ? got : 0))), name);
    }
}

static void keys_make(const char *folder)
{
    HIN_CLEANUP(hin_secret_done) struct hin_secret der = {0};
    char path[HIN_PATH_MAX];
    kept_key(folder, "ca.key", &der);
    kept_key(folder, "policy.seed", &peer.seed);
    snprintf(path, sizeof(path), "%s/ca.der", folder);
    if (der.size == 0) {
        struct hin_x509_validity v = validity();
        must(hin_x509_key_generate(&peer.ca_key), "key");
        must(hin_x509_key_export(peer.ca_key, &der), "export");
        must(hin_x509_ca_new(peer.ca_key, "test authority", &v, &peer.ca), "ca");
        must(hin_sign_generate(&peer.seed), "seed");
        must(hin_file_replace(AT_FDCWD, path, hin_buf_view(&peer.ca), 0600), "write");
        snprintf(path, sizeof(path), "%s/ca.key", folder);
        must(hin_file_replace(AT_FDCWD, path, hin_secret_view(&der), 0600), "write");
        snprintf(path, sizeof(path), "%s/policy.seed", folder);
        must(hin_file_replace(AT_FDCWD, path, hin_secret_view(&peer.seed), 0600), "write");
    } else {
        must(hin_x509_key_import(&peer.ca_key, hin_secret_view(&der)), "import");
        must(hin_file_read(AT_FDCWD, path, &peer.ca), "read");
    }
    uint8_t public[HIN_SIGN_PUBLIC_BYTES];
    must(hin_sign_public(&peer.seed, public), "public");
    must(hin_policy_key_encode(public, &peer.policy_key), "policy key");
}

static void tls_make(void)
{
    struct hin_x509_key *key = NULL;
    HIN_CLEANUP(hin_buf_done) struct hin_buf csr = {.max = 8192};
    const char *names[] = {"127.0.0.1", "localhost"};
    struct hin_x509_issuer issuer = {hin_buf_view(&peer.ca), peer.ca_key};
    struct hin_x509_validity v = validity();
    must(hin_x509_key_generate(&key), "key");
    must(hin_x509_request_new(key, "server", &csr), "request");
    must(hin_x509_issue_server(&issuer, hin_buf_view(&csr), names, 2, &v, &peer.server), "server");
    struct hin_tls_options options = {
        .role = HIN_TLS_AGENT_SERVER,
        .certificate = hin_buf_view(&peer.server),
        .key = key,
        .ca = hin_buf_view(&peer.ca),
    };
    must(hin_tls_new(&peer.tls, &options), "tls");
    hin_x509_key_free(key);
}

/* ---- the policy ---- */

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void file_add(struct hin_arena *arena, struct hin_policy_file *files, size_t *count,
                     const char *folder, const char *name, enum hin_policy_file_kind kind)
{
    char path[HIN_PATH_MAX];
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = 8U << 20};
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    if (!hin_is_ok(hin_file_read(AT_FDCWD, path, &text))) {
        return;
    }
    struct hin_policy_file *file = &files[(*count)++];
    file->kind = kind;
    must(hin_arena_copy(arena, hin_view_from_text(hin_path_base(name)), &file->name), "copy");
    must(hin_arena_copy(arena, hin_buf_view(&text), &file->text), "copy");
}

static void rules_read(struct hin_arena *arena, const char *folder, struct hin_policy_file *files,
                       size_t *count)
{
    char path[HIN_PATH_MAX];
    static char names[2048][256];
    char *order[2048];
    size_t n = 0;
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = 1U << 20};
    file_add(arena, files, count, folder, "decoder.xml", HIN_POLICY_FILE_DECODER);
    snprintf(path, sizeof(path), "%s/order.txt", folder);
    if (hin_is_ok(hin_file_read(AT_FDCWD, path, &text))) {
        struct hin_view rest = hin_buf_view(&text), line;
        while (hin_view_split(&rest, '\n', &line)) {
            if (line.size > 0 && line.size < 255) {
                must(hin_view_to_text(line, names[n], sizeof(names[n])), "name");
                order[n] = names[n];
                n++;
            }
        }
    } else {
        snprintf(path, sizeof(path), "%s/rules", folder);
        DIR *directory = opendir(path);
        for (struct dirent *d = directory != NULL ? readdir(directory) : NULL; d != NULL;
             d = readdir(directory)) {
            if (hin_view_ends_with(hin_view_from_text(d->d_name), HIN_VIEW(".xml"))) {
                snprintf(names[n], sizeof(names[n]), "%.250s", d->d_name);
                order[n] = names[n];
                n++;
            }
        }
        if (directory != NULL) {
            closedir(directory);
        }
        qsort(order, n, sizeof(*order), by_name);
    }
    for (size_t i = 0; i < n; i++) {
        char name[300];
        snprintf(name, sizeof(name), "rules/%s", hin_path_base(order[i]));
        file_add(arena, files, count, folder, name, HIN_POLICY_FILE_RULE);
    }
}

static void bundle_make(const char *rules, const char *glob)
{
    HIN_CLEANUP(hin_arena_done) struct hin_arena arena;
    static struct hin_policy_file files[4096];
    struct hin_policy_log log = {.location = hin_view_from_text(glob)};
    HIN_CLEANUP(hin_buf_done)
    struct hin_buf content = {.max = 16U << 20}, manifest_bytes = {.max = 4096};
    size_t count = 0;
    hin_arena_init(&arena, 64U << 20);
    rules_read(&arena, rules, files, &count);
    struct hin_policy_content c = {
        .log_inspection = true, .files = files, .file_count = count, .logs = &log, .log_count = 1};
    must(hin_policy_content_encode(&c, &content), "content");
    struct hin_policy_manifest manifest = {.version = peer.serial, .policy = 1, .issued_usec = 1};
    uint8_t signature[HIN_SIGN_BYTES];
    hin_copy(manifest.tenant, peer.tenant, 16);
    hin_copy(manifest.agent, peer.agent, 16);
    must(hin_policy_content_digest(hin_buf_view(&content), manifest.content_digest), "digest");
    must(hin_policy_manifest_encode(&manifest, &manifest_bytes), "manifest");
    HIN_CLEANUP(hin_buf_done) struct hin_buf message = {.max = 4096};
    must(hin_buf_append_text(&message, HIN_POLICY_SIGNING_DOMAIN), "message");
    must(hin_buf_append(&message, hin_buf_view(&manifest_bytes)), "message");
    must(hin_sign(&peer.seed, hin_buf_view(&message), signature), "sign");
    must(hin_policy_bundle_assemble(hin_buf_view(&manifest_bytes), signature,
                                    hin_buf_view(&content), &peer.bundle),
         "bundle");
    hin_buf_done(&manifest_bytes);
}

/* ---- talking ---- */

static void say(struct hin_stream *stream, struct connection *c, uint16_t version,
                const struct hin_wire_message *m)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf frame = {.max = 5U << 20};
    must(hin_wire_session_step(&c->session, HIN_WIRE_FROM_MANAGER, m->type), "permit");
    must(hin_wire_encode(version, m, &frame), "encode");
    must(hin_stream_write(stream, hin_buf_view(&frame)), "write");
}

static void refuse(struct hin_stream *stream, struct connection *c, enum hin_wire_refusal reason)
{
    struct hin_wire_message m = {
        .type = HIN_WIRE_REFUSE,
        .refuse = {peer.oldest, peer.newest, (uint16_t)reason, 1, HIN_VIEW_EMPTY}};
    fprintf(peer.log, "refuse %d\n", reason);
    say(stream, c, 1, &m);
    hin_stream_close(stream);
}

static void send_policy(struct hin_stream *stream, struct connection *c)
{
    struct hin_view rest = hin_buf_view(&peer.bundle);
    struct hin_wire_message m = {.type = HIN_WIRE_POLICY};
    m.policy.serial = peer.serial;
    m.policy.total_bytes = (uint32_t)rest.size;
    must(hin_sha256(rest, m.policy.digest), "digest");
    while (rest.size > 0) {
        m.policy.chunk = hin_view_sub(rest, 0, HIN_WIRE_POLICY_CHUNK_MAX_BYTES);
        m.policy.offset = m.policy.total_bytes - (uint32_t)rest.size;
        say(stream, c, c->session.version, &m);
        rest = hin_view_sub(rest, m.policy.chunk.size, rest.size);
    }
}

static void got_hello(struct hin_stream *stream, struct connection *c,
                      const struct hin_wire_hello *hello)
{
    uint16_t version = 0;
    fprintf(peer.log, "hello counter %llu spool %llu..%llu policy %llu\n",
            (unsigned long long)hello->session_counter, (unsigned long long)hello->spool_first,
            (unsigned long long)hello->spool_last, (unsigned long long)hello->policy_serial);
    if (!hin_is_ok(hin_wire_negotiate(peer.oldest, peer.newest, hello->version_oldest,
                                      hello->version_newest, &version))) {
        refuse(stream, c, HIN_WIRE_REFUSE_VERSION);
        return;
    }
    struct hin_wire_message m = {.type = HIN_WIRE_WELCOME,
                                 .welcome = {version, peer.durable,
                                             hin_clock_wall_usec(hin_clock_system()), 5, 8,
                                             1U << 20, peer.serial}};
    say(stream, c, version, &m);
    c->session.version = version;
    if (hello->policy_serial < peer.serial) {
        send_policy(stream, c);
    }
}

static void got_batch(struct hin_stream *stream, struct connection *c,
                      const struct hin_wire_batch *batch)
{
    struct hin_view records;
    must(hin_wire_unpack(peer.packer, batch, &records), "unpack");
    struct hin_reader reader = hin_reader_of(records);
    for (uint32_t i = 0; i < batch->count; i++) {
        HIN_CLEANUP(hin_arena_done) struct hin_arena arena;
        struct hin_wire_record record;
        struct hin_event event;
        hin_arena_init(&arena, 1U << 20);
        must(hin_wire_record_read(&reader, &record), "record");
        must(hin_event_decode(record.event, &arena, &event), "event");
        if (batch->first + i > peer.durable) {
            struct hin_view raw = hin_event_text(&event, HIN_FIELD_RAW);
            if (raw.size == 0) {
                raw = hin_event_text(&event, HIN_FIELD_MESSAGE);
                fprintf(peer.events, "# ");
            }
            fprintf(peer.events, "%llu %llu %llu %.*s | %.*s\n",
                    (unsigned long long)(batch->first + i), (unsigned long long)record.generation,
                    (unsigned long long)record.offset, HIN_ARGS(raw),
                    HIN_ARGS(hin_event_text(&event, HIN_FIELD_DETAIL)));
        }
    }
    fflush(peer.events);
    peer.durable = HIN_MAX(peer.durable, batch->first + batch->count - 1);
    struct hin_wire_message m = {.type = HIN_WIRE_ACK, .ack = {peer.durable}};
    say(stream, c, c->session.version, &m);
}

static void got_enrol(struct hin_stream *stream, struct connection *c,
                      const struct hin_wire_enrol *enrol)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf der = {.max = 16384};
    struct hin_x509_issuer issuer = {hin_buf_view(&peer.ca), peer.ca_key};
    struct hin_x509_validity v = agent_validity();
    must(hin_x509_issue_agent(&issuer, enrol->csr, TENANT_TEXT, AGENT_TEXT, &v, &der), "issue");
    struct hin_wire_message m = {.type = HIN_WIRE_ENROLLED,
                                 .enrolled = {.status = HIN_WIRE_ISSUED, .certificate_count = 2}};
    hin_copy(m.enrolled.agent_id, peer.agent, 16);
    hin_copy(m.enrolled.tenant_id, peer.tenant, 16);
    m.enrolled.certificates[0] = hin_buf_view(&der);
    m.enrolled.certificates[1] = hin_buf_view(&peer.ca);
    m.enrolled.policy_key = hin_buf_view(&peer.policy_key);
    say(stream, c, HIN_WIRE_VERSION, &m);
    fprintf(peer.log, "enrolled %.*s\n", HIN_ARGS(enrol->host_name));
}

static void got_renew(struct hin_stream *stream, struct connection *c,
                      const struct hin_wire_renew *renew)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf der = {.max = 16384};
    struct hin_x509_issuer issuer = {hin_buf_view(&peer.ca), peer.ca_key};
    struct hin_x509_validity v = agent_validity();
    fprintf(peer.log, "renewed in state %s\n", hin_wire_state_name(c->session.state));
    must(hin_x509_issue_agent(&issuer, renew->csr, TENANT_TEXT, AGENT_TEXT, &v, &der), "issue");
    struct hin_wire_message m = {.type = HIN_WIRE_RENEWED, .renewed = {.certificate_count = 2}};
    m.renewed.certificates[0] = hin_buf_view(&der);
    m.renewed.certificates[1] = hin_buf_view(&peer.ca);
    say(stream, c, c->session.version, &m);
}

static void got(struct hin_stream *stream, struct connection *c, const struct hin_wire_message *m)
{
    struct hin_wire_message reply = {.type = HIN_WIRE_HEARTBEAT_REPLY};
    switch (m->type) {
    case HIN_WIRE_HELLO:
        got_hello(stream, c, &m->hello);
        break;
    case HIN_WIRE_ENROL:
        got_enrol(stream, c, &m->enrol);
        break;
    case HIN_WIRE_RENEW:
        got_renew(stream, c, &m->renew);
        break;
    case HIN_WIRE_BATCH:
        got_batch(stream, c, &m->batch);
        break;
    case HIN_WIRE_HEARTBEAT:
        fprintf(peer.log, "heartbeat v%u spool %llu counters %zu\n", c->session.version,
                (unsigned long long)m->heartbeat.spool_count, m->heartbeat.counter_count);
        reply.heartbeat_reply.echo_usec = m->heartbeat.wall_usec;
        reply.heartbeat_reply.wall_usec = hin_clock_wall_usec(hin_clock_system());
        reply.heartbeat_reply.checkpoint = HIN_VIEW("checkpoint");
        say(stream, c, c->session.version, &reply);
        break;
    case HIN_WIRE_POLICY_STATUS:
        fprintf(peer.log, "policy %llu %s %.*s\n", (unsigned long long)m->policy_status.serial,
                m->policy_status.state == HIN_WIRE_POLICY_APPLIED ? "applied" : "refused",
                HIN_ARGS(m->policy_status.sentence));
        break;
    default:
        fprintf(peer.log, "%s\n", hin_wire_type_name((uint8_t)m->type));
    }
    fflush(peer.log);
}

static void on_open(void *context, struct hin_stream *stream)
{
    struct connection *c = calloc(1, sizeof(*c));
    struct hin_tls_peer who;
    must(hin_stream_tls_peer(stream, &who), "peer");
    static const enum hin_wire_state starts[] = {
        [HIN_TLS_PEER_NONE] = HIN_WIRE_STATE_ANONYMOUS,
        [HIN_TLS_PEER_VALID] = HIN_WIRE_STATE_KNOWN,
        [HIN_TLS_PEER_EXPIRED] = HIN_WIRE_STATE_LAPSED,
    };
    c->session = hin_wire_session_begin(starts[who.state]);
    (void)context;
    static struct hin_stream_events events;
    extern const struct hin_stream_events peer_events;
    events = peer_events;
    hin_stream_set_context(stream, &events, c);
}

static void on_data(void *context, struct hin_stream *stream)
{
    struct connection *c = context;
    struct hin_wire_frame frame;
    struct hin_wire_message m;
    while (hin_is_ok(
        hin_wire_frame_next(hin_stream_input(stream), HIN_WIRE_PAYLOAD_MAX_BYTES, &frame))) {
        uint16_t version = HIN_MIN(frame.version, (uint16_t)HIN_WIRE_VERSION);
        must(hin_wire_decode(version, frame.type, frame.payload, &m), "decode");
        must(hin_wire_session_step(&c->session, HIN_WIRE_FROM_AGENT, m.type), "state");
        got(stream, c, &m);
        hin_stream_consume(stream, frame.size);
    }
}

static void on_close(void *context, struct hin_stream *stream, const struct hin_stream_end *end)
{
    (void)stream;
    fprintf(peer.log, "closed %s\n", end->text);
    fflush(peer.log);
    free(context);
}

extern const struct hin_stream_events peer_events;
const struct hin_stream_events peer_events = {
    .on_open = on_open, .on_data = on_data, .on_close = on_close};

static void input_ended(void *context, unsigned events)
{
    (void)context;
    (void)events;
    char byte[64];
    if (read(STDIN_FILENO, byte, sizeof(byte)) <= 0) {
        hin_loop_stop(peer.loop);
    }
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        fprintf(stderr, "usage: manager_peer FOLDER RULES GLOB [OLDEST NEWEST [SERIAL [PORT]]]\n");
        return 2;
    }
    char path[HIN_PATH_MAX], fingerprint[HIN_SHA256_HEX_BYTES];
    int fd = -1;
    uint16_t port = 0;
    struct hin_listener *listener = NULL;
    struct hin_watch *watch = NULL;
    struct hin_error error;
    peer.oldest = argc > 5 ? (uint16_t)strtoul(argv[4], NULL, 10) : 1;
    peer.newest = argc > 5 ? (uint16_t)strtoul(argv[5], NULL, 10) : HIN_WIRE_VERSION;
    peer.serial = argc > 6 ? strtoull(argv[6], NULL, 10) : 1;
    hin_buf_init(&peer.ca, 16384);
    hin_buf_init(&peer.server, 16384);
    hin_buf_init(&peer.policy_key, 4096);
    hin_buf_init(&peer.bundle, 17U << 20);
    must(hin_ignore_sigpipe(), "sigpipe");
    (void)mkdir(argv[1], 0700);
    snprintf(path, sizeof(path), "%s/events", argv[1]);
    peer.events = fopen(path, "a");
    snprintf(path, sizeof(path), "%s/log", argv[1]);
    peer.log = fopen(path, "a");
    id_of(AGENT_TEXT, peer.agent);
    id_of(TENANT_TEXT, peer.tenant);
    keys_make(argv[1]);
    tls_make();
    bundle_make(argv[2], argv[3]);
    must(hin_wire_packer_new(&peer.packer), "packer");
    must(hin_loop_new(NULL, &peer.loop), "loop");
    must(hin_listen_tcp("127.0.0.1", argc > 7 ? (uint16_t)strtoul(argv[7], NULL, 10) : 0, &fd,
                        &port, &error),
         error.text);
    struct hin_listener_options options = {
        .tls = peer.tls, .limits = hin_listener_limits_default(), .events = &peer_events};
    options.limits.stream.input_max_bytes = HIN_WIRE_PAYLOAD_MAX_BYTES + 4096;
    options.limits.stream.output_max_bytes = 32U << 20;
    must(hin_listener_new(peer.loop, fd, &options, &listener), "listener");
    must(hin_watch_new(peer.loop, STDIN_FILENO, input_ended, NULL, &watch), "watch");
    must(hin_watch_set(watch, HIN_WATCH_READ), "watch");
    must(hin_x509_fingerprint(hin_buf_view(&peer.ca), fingerprint), "fingerprint");
    printf("%u %s\n", port, fingerprint);
    fflush(stdout);
    must(hin_loop_run(peer.loop), "run");
    return 0;
}
