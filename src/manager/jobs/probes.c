#include "manager/jobs/probes.h"

#include "base/bytes.h"
#include "base/log.h"
#include "manager/roles.h"

#define TURN_USEC (500 * HIN_MSEC_USEC)

HIN_RESULT hin_jobs_ask(struct hin_role *role, const char *name, unsigned instance,
                        struct hin_view question, struct hin_buf *ret_trial)
{
    struct hin_ipc_message reply;
    struct hin_ipc *channel = hin_role_peer(role, name, instance);
    HIN_ENSURE(channel != NULL, NOT_FOUND);
    HIN_TRY(
        hin_ipc_call(channel, HIN_MESSAGE_PROBE, question, HIN_PROBE_CALL_TIMEOUT_USEC, &reply));
    HIN_TRY((struct hin_result){reply.code});
    return hin_buf_append(ret_trial, reply.payload);
}

void hin_jobs_run_probes(struct hin_jobs_probes *probes, const struct hin_probe_tools *tools)
{
    bool ran = false;
    int64_t now_usec = hin_clock_monotonic_usec(tools->clock);
    int64_t until_usec = now_usec + TURN_USEC;
    if (now_usec < probes->again_usec) {
        return;
    }
    struct hin_result done = hin_probe_run_requested(tools, &ran);
    bool more = now_usec >= probes->from_usec;
    while (hin_is_ok(done) && more) {
        done = hin_probe_run_due(tools, &more);
        more = more && hin_clock_monotonic_usec(tools->clock) < until_usec;
    }
    if (!hin_is_ok(done)) {
        hin_log_result(HIN_LOG_WARNING, done, "evidence cannot be recorded");
        probes->again_usec = hin_clock_monotonic_usec(tools->clock) + HIN_MINUTE_USEC;
    }
}
