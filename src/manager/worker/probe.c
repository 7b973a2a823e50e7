#include "manager/worker/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "base/path.h"
#include "crypt/link.h"
#include "io/address.h"
#include "keys/client.h"
#include "manager/worker/numbers.h"

/* ---- kms-reach: really tried, and refused by the lock of this process ---- */

static void tell_way(struct hin_trial *trial, bool open, const char *way)
{
    hin_trial_measure(trial, "ways to the service tried by workers", 1);
    hin_trial_measure(trial, "ways refused", open ? 0 : 1);
    if (open) {
        hin_trial_fail(trial, "a worker reaches what holds the wrapping keys: %s", way);
    }
}

static bool opens(int directory, const char *path)
{
    HIN_CLEANUP_FD int fd = -1;
    return hin_is_ok(hin_fd_open(directory, path, O_RDONLY | O_NONBLOCK, 0, &fd));
}

/* The key ring, or the token's module, by its path and beneath the one folder that a worker has. */
static void try_path(struct hin_worker *worker, struct hin_trial *trial)
{
    const char *path = hin_role_setting_text(worker->role, "kms-path");
    if (path != NULL) {
        tell_way(trial, opens(AT_FDCWD, path), "its file opens by its path");
        tell_way(trial, opens(hin_role_fd(worker->role, "db"), hin_path_base(path)),
                 "its file opens in the folder of the databases");
    }
}

/* AWS KMS: a connection to it, of any kind of socket that there is. */
static void try_endpoint(struct hin_worker *worker, struct hin_trial *trial)
{
    struct hin_view rest = hin_role_setting(worker->role, "kms-endpoint");
    struct hin_view words[4];
    struct hin_address address;
    char text[HIN_ADDRESS_TEXT_BYTES];
    HIN_CLEANUP_FD int fd = -1;
    uint64_t port = 0;
    if (rest.size == 0) {
        return;
    }
    rest = hin_view_trim(rest);
    for (size_t i = 0; i < HIN_COUNT(words); i++) {
        if (!hin_view_split(&rest, ' ', &words[i])) {
            words[i] = HIN_VIEW_EMPTY;
        }
    }
    if (!hin_is_ok(hin_view_to_text(words[3], text, sizeof(text))) ||
        !hin_is_ok(hin_view_to_u64(words[2], &port)) ||
        !hin_is_ok(hin_address_parse(text, (uint16_t)port, &address))) {
        hin_trial_obstacle(trial, "the address of the key management service is not known");
        return;
    }
    tell_way(trial, hin_is_ok(hin_connect_tcp(&address, 2, &fd)),
             "its endpoint takes a connection");
}

/* The process that has the keys, and what `keys` does for no worker: of a tenant that is none. */
static void try_processes(struct hin_worker *worker, struct hin_trial *trial)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf bytes = {.max = HIN_KEYS_MESSAGE_MAX};
    struct hin_keys_request request = {.verb = HIN_KEYS_TENANT_SHRED,
                                       .tenant = HIN_VIEW("no-such-tenant")};
    struct hin_keys_answer answer;
    tell_way(trial, hin_role_peer(worker->role, "kms", 0) != NULL, "there is a channel to it");
    struct hin_result asked = hin_keys_call(&worker->keys, &request, &bytes, &answer);
    if (hin_is_ok(asked) || asked.code == HIN_NOT_FOUND || asked.code == HIN_DENIED) {
        tell_way(trial, asked.code != HIN_DENIED, "keys destroys keys for it");
    } else {
        hin_trial_obstacle(trial, "the key service does not answer: %s", hin_code_text(asked.code));
    }
}

static void try_kms(struct hin_worker *worker, struct hin_trial *trial)
{
    const char *kind = hin_role_setting_text(worker->role, "kms");
    hin_trial_input(trial, "service", "%s", kind != NULL ? kind : "file");
    try_processes(worker, trial);
    try_path(worker, trial);
    try_endpoint(worker, trial);
    hin_trial_tried(trial);
}

/* ---- clock-offset ---- */

static void try_clock(struct hin_worker *worker, struct hin_trial *trial)
{
    const struct hin_worker_clock *ntp = &worker->ntp;
    const struct hin_clock_report *report = &ntp->report;
    hin_trial_input(trial, "time servers", "%zu", ntp->settings.server_count);
    hin_trial_input(trial, "bound (microseconds)", "%lld", (long long)ntp->settings.bound_usec);
    if (ntp->settings.server_count == 0) {
        hin_trial_obstacle(trial,
                           "no time servers are set: name them in ntpServers of manager.json");
        return;
    }
    if (!report->measured) {
        hin_trial_obstacle(trial, "no majority of the time servers answers and agrees");
        return;
    }
    int64_t offset_usec = llabs(report->offset_usec);
    hin_trial_measure(trial, "offset (microseconds)", report->offset_usec);
    hin_trial_measure(trial, "at most wrong by (microseconds)", report->error_usec);
    hin_trial_measure(trial, "servers that agree", (int64_t)report->agree_count);
    if (ntp->watch.beyond || offset_usec - report->error_usec > ntp->settings.bound_usec) {
        hin_trial_fail(trial, "this host's clock is off by %lld ms, over the bound of %lld ms",
                       (long long)(offset_usec / HIN_MSEC_USEC),
                       (long long)(ntp->settings.bound_usec / HIN_MSEC_USEC));
    }
    hin_trial_tried(trial);
}

/* ---- tls-sessions ---- */

static void judge_counts(struct hin_trial *trial, const struct hin_link *link,
                         const uint64_t *counts, size_t count, struct hin_view (*name_of)(size_t n),
                         bool (*permits)(const struct hin_link *link, struct hin_view name))
{
    for (size_t i = 0; i < count; i++) {
        if (counts[i] > 0 && !permits(link, name_of(i))) {
            hin_trial_fail(trial, "%llu sessions of link %s negotiated %.*s",
                           (unsigned long long)counts[i], link->name, HIN_ARGS(name_of(i)));
        }
    }
}

static void judge_tally(struct hin_trial *trial, enum hin_link_id id,
                        const struct hin_tls_tally *tally)
{
    const struct hin_link *link = &hin_links[id];
    char name[64];
    snprintf(name, sizeof(name), "sessions of link %s looked at", link->name);
    hin_trial_measure(trial, name, (int64_t)tally->sessions);
    judge_counts(trial, link, tally->versions, HIN_TALLY_VERSIONS, hin_tally_version,
                 hin_link_permits_version);
    judge_counts(trial, link, tally->suites, HIN_TALLY_SUITES, hin_tally_suite,
                 hin_link_permits_suite);
    judge_counts(trial, link, tally->groups, HIN_TALLY_GROUPS, hin_tally_group,
                 hin_link_permits_group);
}

static void try_sessions(struct hin_worker *worker, struct hin_trial *trial)
{
    struct hin_worker_numbers numbers;
    hin_worker_numbers(worker, 0, false, &numbers);
    judge_tally(trial, HIN_LINK_API, &numbers.api_tls);
    judge_tally(trial, HIN_LINK_AGENTS, &numbers.agents_tls);
    judge_tally(trial, HIN_LINK_DATABASE, &numbers.database_tls);
    hin_trial_tried(trial);
}

/* ---- the questions ---- */

static const struct {
    const char *question;
    void (*attempt)(struct hin_worker *worker, struct hin_trial *trial);
} questions[] = {
    {"kms-reach", try_kms}, {"clock-offset", try_clock}, {"tls-sessions", try_sessions}};

HIN_RESULT hin_worker_probe(struct hin_worker *worker, struct hin_view question,
                            struct hin_buf *ret_trial)
{
    for (size_t i = 0; i < HIN_COUNT(questions); i++) {
        if (hin_view_is(question, questions[i].question)) {
            HIN_CLEANUP(hin_trial_done) struct hin_trial trial;
            hin_trial_init(&trial);
            questions[i].attempt(worker, &trial);
            return hin_trial_write(&trial, ret_trial);
        }
    }
    return hin_fail(HIN_NOT_FOUND);
}
