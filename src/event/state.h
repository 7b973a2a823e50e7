/* States of agent and manager that become events (OCSF application_lifecycle, 6002): one table of
 * stable codes.
 *
 * X(code, SYMBOL, "name", OCSF activity_id, OCSF severity_id, "sentence") */
#ifndef HIN_EVENT_STATE_H
#define HIN_EVENT_STATE_H

#include <stdint.h>

#include "base/view.h"

/* clang-format off */
#define HIN_EVENT_STATES(X)                                                                                  \
    X(1, AGENT_STARTED, "agent.started", 3, 1, "Agent started")                                              \
    X(2, AGENT_STOPPED, "agent.stopped", 4, 1, "Agent stopped")                                              \
    X(3, AGENT_ENROLLED, "agent.enrolled", 1, 1, "Agent enrolled")                                           \
    X(4, AGENT_CONNECTED, "agent.connected", 6, 1, "Agent connected")                                        \
    X(5, AGENT_DISCONNECTED, "agent.disconnected", 7, 2, "Agent disconnected")                               \
    X(6, AGENT_CLONED, "agent.cloned", 99, 4, "Two agents use one identity; both are held for approval")     \
    X(7, AGENT_REVOKED, "agent.revoked", 2, 3, "Agent revoked")                                              \
    X(8, CERTIFICATE_RENEWED, "agent.certificate_renewed", 8, 1, "Agent certificate renewed")                \
    X(9, POLICY_APPLIED, "policy.applied", 8, 1, "Policy applied")                                           \
    X(10, POLICY_REFUSED, "policy.refused", 99, 3, "Policy refused; the last good one stays in force")       \
    X(11, RULES_APPLIED, "rules.applied", 8, 1, "Rule set applied")                                          \
    X(12, RULES_REFUSED, "rules.refused", 99, 3, "Rule set refused; the last good one stays in force")       \
    X(13, EVENTS_LOST, "events.lost", 99, 4, "Events were lost: the spool was full")                         \
    X(14, REGEX_LIMIT, "engine.regex_limit", 99, 3, "A regular expression reached its limit on a line")      \
    X(15, STATE_BOUND, "engine.state_bound", 99, 3, "Correlation state reached its bound")                   \
    X(16, CLOCK_JUMP, "clock.jump", 99, 2, "The clock jumped")                                               \
    X(17, SPOOL_CORRUPT, "spool.corrupt", 99, 4, "A spool record was damaged and is set aside")              \
    X(18, STORE_CORRUPT, "store.corrupt", 99, 4, "A stored segment is damaged and is set aside")             \
    X(19, STATE_REFUSED, "engine.state_refused", 99, 3, "Saved correlation state could not be read; started afresh") \
    X(20, ROLE_RESTARTED, "role.restarted", 5, 3, "A process ended unexpectedly and was started again")      \
    X(21, DISK_FULL, "disk.full", 99, 4, "No space left on the state disk")                                  \
    X(22, SOURCE_REFUSED, "source.refused", 99, 2, "A log source lies outside the allowed log roots, or may not be read")        \
    X(23, SOURCE_LOST, "source.lost", 7, 2, "A log source can no longer be read")                            \
    X(24, SANDBOX_WEAKER, "sandbox.weaker", 99, 2, "A protection of our own processes is not available here") \
    X(25, MANAGER_STARTED, "manager.started", 3, 1, "Manager started")                                       \
    X(26, MANAGER_STOPPED, "manager.stopped", 4, 1, "Manager stopped")                                       \
    X(27, LINE_CUT, "log.line_cut", 99, 1, "A log line longer than 64 KiB was cut")                          \
    X(28, SOURCE_GAP, "source.gap", 99, 3, "Log lines may have been missed: the source was replaced or cut before it was read")  \
    X(29, STORE_ROLLED_BACK, "store.rolled_back", 99, 5, "The manager's database is older than what an agent has seen") \
    X(30, STORE_SALVAGED, "store.salvaged", 99, 4, "The database was damaged; what could be read was put into a new one") \
    X(31, AUDIT_GAP, "audit.gap", 99, 5, "Entries of the audit record are lost or were altered; the record itself says which") \
    X(32, CLOCK_BEYOND, "clock.beyond_bound", 99, 3, "The clock is off by more than the bound")               \
    X(33, CLOCK_WITHIN, "clock.within_bound", 99, 1, "The clock is within the bound again")               \
    X(34, STORE_REFUSED, "store.refused", 99, 4, "A tenant is not served: its store or the vault was set back to an older state") \
    X(35, STORE_RESTORED, "store.restored", 99, 4, "A key holder accepted a store, vault or key ring of an older state") \
    X(50, PROMISE_BROKEN, "trust.broken", 99, 4, "A probe saw that a promise of this installation does not hold") \
    X(51, BACKUP_NOT_RESTORED, "backup.not_restored", 99, 4, "A backup could not be restored, or is not the same as what it came from") \
    X(52, BACKUP_OVERDUE, "backup.overdue", 99, 4, "Backups do not go as they should")                        \
    X(53, BACKUP_PLACE_FAILS, "backup.destination_fails", 99, 4, "A destination of backups does not do its work") \
    X(54, BACKUP_LOST, "backup.lost", 99, 4, "A destination lost or altered what it had acknowledged")        \
    X(55, BACKUP_OVER, "backup.over", 99, 1, "A trouble with backups is over")
/* clang-format on */

enum hin_state_code {
#define X(code, symbol, name, activity, severity, text) HIN_STATE_##symbol = (code),
    HIN_EVENT_STATES(X)
#undef X
};

struct hin_state_info {
    uint16_t code;
    uint8_t activity;
    uint8_t severity;
    const char *name;
    const char *text;
};

/* NULL when unknown. */
const struct hin_state_info *hin_state_get(int64_t code);
const struct hin_state_info *hin_state_find(struct hin_view name);

#endif
