/* Who this agent is (keys, certificates, session counter), and which policy it follows. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "agent/uplink_internal.h"
#include "base/bytes.h"
#include "base/codec.h"
#include "base/fd.h"
#include "crypt/hash.h"
#include "policy/bundle.h"

#define KEY_FILE          "device.key"
#define KEY_NEXT_FILE     "device.key.next"
#define CERTIFICATE_FILE  "device.der"
#define CA_FILE           "ca.der"
#define POLICY_KEY_FILE   "policy.key"
#define SESSION_FILE      "session"
#define POLICY_FILE       "policy"
#define CHECKPOINT_FILE   "checkpoint"
#define ACKNOWLEDGED_FILE "acknowledged"
#define RESERVE_FILE      "reserve"
#define RESERVE_BYTES     (128 << 10)
#define POLICY_MAX_BYTES  HIN_POLICY_BUNDLE_MAX_BYTES

static HIN_RESULT key_load(struct uplink *u, const char *name)
{
    HIN_CLEANUP(hin_secret_done) struct hin_secret der = {0};
    HIN_TRY(hin_cabinet_get_secret(&u->cabinet, name, &der));
    hin_x509_key_free(u->key);
    u->key = NULL;
    return hin_x509_key_import(&u->key, hin_secret_view(&der));
}

static HIN_RESULT key_save(struct uplink *u, const struct hin_x509_key *key, const char *name)
{
    HIN_CLEANUP(hin_secret_done) struct hin_secret der = {0};
    HIN_TRY(hin_x509_key_export(key, &der));
    return hin_cabinet_put(&u->cabinet, name, hin_secret_view(&der));
}

struct hin_result uplink_tls_make(struct uplink *u)
{
    struct hin_tls *tls = NULL;
    struct hin_tls_options options = {
        .role = HIN_TLS_AGENT_CLIENT,
        .certificate = hin_buf_view(&u->certificate),
        .key = u->key,
        .ca = hin_buf_view(&u->ca),
    };
    HIN_TRY(hin_tls_new(&tls, &options));
    hin_tls_free(u->tls); /* only called without a stream */
    u->tls = tls;
    u->tls_stale = false;
    return hin_ok();
}

static HIN_RESULT number_load(struct uplink *u, const char *name, uint64_t *number)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf plain = {.max = 64};
    struct hin_result result = hin_cabinet_get(&u->cabinet, name, &plain);
    if (result.code == HIN_NOT_FOUND) {
        return hin_ok();
    }
    HIN_TRY(result);
    struct hin_reader reader = hin_reader_of(hin_buf_view(&plain));
    HIN_TRY(hin_read_u64(&reader, number));
    return hin_read_end(&reader);
}

HIN_RESULT uplink_acknowledged_save(struct uplink *u)
{
    uint8_t bytes[8];
    hin_store_u64(bytes, u->acknowledged);
    return hin_cabinet_put(&u->cabinet, ACKNOWLEDGED_FILE, hin_view_of(bytes, sizeof(bytes)));
}

/* A few blocks held back, so that the counter can be written on a full disk: without it nothing
 * could be sent, and nothing sent means nothing freed. */
void uplink_reserve(struct uplink *u)
{
    HIN_CLEANUP_FD int fd = -1;
    if (hin_is_ok(
            hin_fd_open(u->folder, RESERVE_FILE, O_WRONLY | O_CREAT | O_NOFOLLOW, 0600, &fd)) &&
        posix_fallocate(fd, 0, RESERVE_BYTES) != 0) {
        (void)unlinkat(u->folder, RESERVE_FILE, 0);
    }
}

struct hin_result uplink_session_count(struct uplink *u)
{
    uint8_t bytes[8];
    hin_store_u64(bytes, ++u->session_counter);
    struct hin_view counter = hin_view_of(bytes, sizeof(bytes));
    struct hin_result result = hin_cabinet_put(&u->cabinet, SESSION_FILE, counter);
    if (result.code == HIN_NO_SPACE) {
        (void)unlinkat(u->folder, RESERVE_FILE, 0);
        result = hin_cabinet_put(&u->cabinet, SESSION_FILE, counter);
    }
    return result;
}

struct hin_result uplink_identity_load(struct uplink *u)
{
    struct hin_x509_info info;
    hin_buf_init(&u->certificate, HIN_X509_MAX_BYTES);
    hin_buf_init(&u->ca, HIN_X509_MAX_BYTES);
    hin_buf_init(&u->policy_key, 4096);
    hin_buf_init(&u->checkpoint, HIN_WIRE_CHECKPOINT_MAX_BYTES);
    hin_buf_init(&u->policy_pending, POLICY_MAX_BYTES);
    HIN_TRY(key_load(u, KEY_FILE));
    HIN_TRY(hin_file_read(u->folder, CERTIFICATE_FILE, &u->certificate));
    HIN_TRY(hin_file_read(u->folder, CA_FILE, &u->ca));
    HIN_TRY(hin_file_read(u->folder, POLICY_KEY_FILE, &u->policy_key));
    HIN_TRY(hin_x509_parse(hin_buf_view(&u->certificate), &info));
    u->validity = info.validity;
    hin_copy(u->authority, info.authority, sizeof(u->authority));
    HIN_TRY(number_load(u, SESSION_FILE, &u->session_counter));
    HIN_IGNORE(number_load(u, ACKNOWLEDGED_FILE, &u->acknowledged)); /* a witness, no more */
    HIN_IGNORE(hin_cabinet_get(&u->cabinet, CHECKPOINT_FILE, &u->checkpoint)); /* none yet */
    struct hin_result result = uplink_tls_make(u);
    if (result.code == HIN_INVALID && hin_is_ok(key_load(u, KEY_NEXT_FILE))) {
        result = uplink_tls_make(u); /* the last renewal was cut short */
    }
    return result;
}

/* ---- renewal ---- */

/* The certificate is one of an authority that has been succeeded. */
static bool is_former(const struct uplink *u)
{
    struct hin_x509_info ca;
    return hin_is_ok(hin_x509_parse(hin_buf_view(&u->ca), &ca)) &&
           strcmp(ca.authority, u->authority) != 0;
}

/* The former one is trusted no more from here on. */
struct hin_result uplink_authority_met(struct uplink *u)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf seen = {.max = HIN_X509_MAX_BYTES};
    struct hin_result found = hin_tls_seen_ca(u->tls, &seen);
    if (found.code == HIN_NOT_FOUND || /* resumed: that one was judged before */
        (hin_is_ok(found) && hin_view_equal(hin_buf_view(&seen), hin_buf_view(&u->ca)))) {
        return hin_ok();
    }
    HIN_TRY(found);
    HIN_TRY(hin_file_replace(u->folder, CA_FILE, hin_buf_view(&seen), 0600));
    struct hin_buf former = u->ca;
    u->ca = seen;
    seen = former;
    u->tls_stale = true;
    hin_log(HIN_LOG_NOTICE, "the installation has a new certificate authority, signed by the "
                            "former one, which is trusted no more");
    return hin_ok();
}

bool uplink_renewal_due(const struct uplink *u)
{
    if (is_former(u)) {
        return true;
    }
    int64_t life = u->validity.not_after_usec - u->validity.not_before_usec;
    return hin_clock_wall_usec(hin_loop_clock(u->loop)) >=
           u->validity.not_before_usec + life / 3 * 2;
}

struct hin_result uplink_renewal_request(struct uplink *u, struct hin_buf *ret_csr)
{
    hin_x509_key_free(u->key_next);
    u->key_next = NULL;
    HIN_TRY(hin_x509_key_generate(&u->key_next));
    return hin_x509_request_new(u->key_next, u->agent_id, ret_csr);
}

struct hin_result uplink_renewed(struct uplink *u, const struct hin_wire_renewed *renewed)
{
    struct hin_x509_info info;
    uint8_t key_id[HIN_SHA256_BYTES];
    HIN_ENSURE(u->key_next != NULL && renewed->certificate_count > 0, PROTOCOL);
    HIN_TRY(hin_x509_verify(renewed->certificates[0], hin_buf_view(&u->ca), HIN_X509_AGENT,
                            hin_clock_wall_usec(hin_loop_clock(u->loop))));
    HIN_TRY(hin_x509_parse(renewed->certificates[0], &info));
    HIN_TRY(hin_x509_key_id(u->key_next, key_id));
    HIN_ENSURE(memcmp(key_id, info.key_id, sizeof(key_id)) == 0 &&
                   strcmp(info.agent, u->agent_id) == 0,
               AUTH);
    /* Three steps, so that a crash between any two leaves a certificate whose key is there: see
     * uplink_identity_load. */
    HIN_TRY(key_save(u, u->key_next, KEY_NEXT_FILE));
    HIN_TRY(hin_file_replace(u->folder, CERTIFICATE_FILE, renewed->certificates[0], 0600));
    HIN_TRY(key_save(u, u->key_next, KEY_FILE));
    hin_buf_clear(&u->certificate);
    HIN_TRY(hin_buf_append(&u->certificate, renewed->certificates[0]));
    hin_x509_key_free(u->key);
    u->key = u->key_next;
    u->key_next = NULL;
    u->validity = info.validity;
    hin_copy(u->authority, info.authority, sizeof(u->authority));
    u->tls_stale = true;
    uplink_event(u, HIN_STATE_CERTIFICATE_RENEWED, HIN_VIEW("uplink"), HIN_VIEW_EMPTY, 0);
    return hin_ok();
}

/* ---- policy ---- */

static HIN_RESULT hand_to_parent(struct uplink *u, struct hin_view bundle, uint64_t serial)
{
    uint8_t head[8];
    HIN_CLEANUP_FD int fd = -1;
    hin_store_u64(head, serial);
    HIN_TRY(hin_memfd_from("policy", bundle, &fd));
    return hin_ipc_send_fds(hin_role_parent_channel(u->role), HIN_AGENT_POLICY, 0,
                            hin_view_of(head, sizeof(head)), &fd, 1);
}

static HIN_RESULT bundle_check(struct uplink *u, struct hin_view bytes, uint64_t last,
                               uint64_t *ret_serial)
{
    HIN_CLEANUP(hin_arena_done) struct hin_arena arena;
    struct hin_policy_bundle bundle;
    hin_arena_init(&arena, 64U << 20);
    HIN_TRY(hin_policy_bundle_verify(bytes, hin_buf_view(&u->policy_key), &arena, &bundle));
    HIN_TRY(hin_policy_bundle_accept(&bundle, u->tenant_bytes, u->agent_bytes, last));
    *ret_serial = bundle.manifest.version;
    return hin_ok();
}

struct hin_result uplink_policy_load(struct uplink *u)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf bundle = {.max = POLICY_MAX_BYTES};
    struct hin_result result = hin_cabinet_get(&u->cabinet, POLICY_FILE, &bundle);
    if (result.code == HIN_NOT_FOUND) {
        return hin_ok();
    }
    uint64_t serial = 0;
    if (hin_is_ok(result)) {
        result = bundle_check(u, hin_buf_view(&bundle), 0, &serial);
    }
    if (!hin_is_ok(result)) { /* the manager will send it again */
        hin_log_result(HIN_LOG_WARNING, result, "the stored policy is not used");
        return hin_ok();
    }
    u->policy_serial = serial;
    return hand_to_parent(u, hin_buf_view(&bundle), serial);
}

static void tell_status(struct uplink *u, uint64_t serial, bool applied, struct hin_view sentence)
{
    struct hin_wire_message message = {
        .type = HIN_WIRE_POLICY_STATUS,
        .policy_status = {.serial = serial,
                          .state = applied ? HIN_WIRE_POLICY_APPLIED : HIN_WIRE_POLICY_REFUSED,
                          .sentence = hin_view_sub(sentence, 0, HIN_WIRE_SENTENCE_MAX_BYTES)},
    };
    struct hin_result result = uplink_say(u, &message);
    if (result.code == HIN_INVALID) { /* not printable: the code alone then */
        message.policy_status.sentence = HIN_VIEW("refused; see the agent's log");
        result = uplink_say(u, &message);
    }
    if (!hin_is_ok(result)) {
        hin_log_result(HIN_LOG_INFO, result, "the policy's state is told at the next connection");
    }
}

static void refuse(struct uplink *u, uint64_t serial, struct hin_view sentence)
{
    hin_log(HIN_LOG_WARNING, "policy %llu refused: %.*s", (unsigned long long)serial,
            HIN_ARGS(sentence));
    uplink_event(u, HIN_STATE_POLICY_REFUSED, HIN_VIEW("uplink"), sentence, 0);
    tell_status(u, serial, false, sentence);
}

static HIN_RESULT policy_whole(struct uplink *u, uint64_t serial)
{
    uint8_t digest[HIN_SHA256_BYTES];
    uint64_t version = 0;
    struct hin_view bytes = hin_buf_view(&u->policy_pending);
    HIN_TRY(hin_sha256(bytes, digest));
    HIN_ENSURE(memcmp(digest, u->policy_digest, sizeof(digest)) == 0, PROTOCOL);
    struct hin_result result = bundle_check(u, bytes, u->policy_serial, &version);
    if (hin_is_ok(result) && version == u->policy_serial) {
        tell_status(u, serial, true, HIN_VIEW_EMPTY);
        hin_buf_clear(&u->policy_pending);
        return hin_ok();
    }
    if (!hin_is_ok(result)) {
        hin_buf_clear(&u->policy_pending);
        refuse(u, serial, hin_view_from_text(hin_code_text(result.code)));
        return hin_ok();
    }
    u->policy_pending_serial = version;
    return hand_to_parent(u, bytes, version);
}

struct hin_result uplink_policy_chunk(struct uplink *u, const struct hin_wire_policy *policy)
{
    HIN_ENSURE(policy->total_bytes <= POLICY_MAX_BYTES, PROTOCOL);
    if (policy->offset == 0) {
        hin_buf_clear(&u->policy_pending);
        u->policy_tried_serial = policy->serial;
        u->policy_total = policy->total_bytes;
        hin_copy(u->policy_digest, policy->digest, sizeof(u->policy_digest));
    }
    HIN_ENSURE(policy->serial == u->policy_tried_serial && policy->total_bytes == u->policy_total &&
                   policy->offset == u->policy_pending.size &&
                   memcmp(policy->digest, u->policy_digest, sizeof(u->policy_digest)) == 0,
               PROTOCOL);
    HIN_TRY(hin_buf_append(&u->policy_pending, policy->chunk));
    return u->policy_pending.size == u->policy_total ? policy_whole(u, policy->serial) : hin_ok();
}

void uplink_policy_result(struct uplink *u, uint64_t serial, bool applied, struct hin_view sentence)
{
    if (serial != u->policy_pending_serial) {
        if (!applied) { /* the one from the disk: it worked once, so this is worth an event */
            uplink_event(u, HIN_STATE_RULES_REFUSED, HIN_VIEW("log"), sentence, 0);
        }
        return;
    }
    u->policy_pending_serial = 0;
    if (!applied) {
        refuse(u, serial, sentence);
        return;
    }
    struct hin_result result =
        hin_cabinet_put(&u->cabinet, POLICY_FILE, hin_buf_view(&u->policy_pending));
    if (!hin_is_ok(result)) {
        hin_log_result(HIN_LOG_WARNING, result, "the policy is in force but was not stored");
    }
    hin_buf_done(&u->policy_pending);
    hin_buf_init(&u->policy_pending, POLICY_MAX_BYTES);
    u->policy_serial = serial;
    hin_log(HIN_LOG_NOTICE, "policy %llu applied: %.*s", (unsigned long long)serial,
            HIN_ARGS(sentence));
    uplink_event(u, HIN_STATE_POLICY_APPLIED, HIN_VIEW("uplink"), sentence, 0);
    tell_status(u, serial, true, HIN_VIEW_EMPTY);
}
