/* The same line in two places: a log daemon writes auth.log and syslog, the journal keeps both.
 * Each source may bring a line as often as it holds it; what another source brought already is a
 * second copy, which no rule sees, so that a count of failures counts failures.
 *
 * A line is the same when time (to the second), program and text are. Only lines with a
 * syslog header and a stamp are compared: files of applications are taken as they are. Bounded and
 * forgetful: a table of fixed size, in which an unlucky line may be forgotten (it is then seen
 * twice, never lost). Not kept over a restart. */
#ifndef HIN_AGENT_MODULES_LOG_COPIES_H
#define HIN_AGENT_MODULES_LOG_COPIES_H

#include "base/result.h"
#include "base/view.h"
#include "decode/log/zone.h"

struct log_copies;

HIN_RESULT log_copies_new(struct log_copies **ret_copies);
void log_copies_free(struct log_copies *copies);

/* Has another source brought this line already? Counts it either way. now_usec: UTC, for stamps
 * without a year. */
bool log_copies_second(struct log_copies *copies, struct hin_view text, struct hin_view location,
                       const struct hin_zone *zone, int64_t now_usec);

#endif
