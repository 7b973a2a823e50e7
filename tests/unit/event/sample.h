/* Events that the tests of this folder share. */
#ifndef HIN_TESTS_EVENT_SAMPLE_H
#define HIN_TESTS_EVENT_SAMPLE_H

#include "event/event.h"

#define SAMPLE_TIME_USEC INT64_C(1795386286123456)

/* A full log finding: every field that a finding can carry, two extras. */
HIN_RESULT sample_finding(struct hin_event *event, struct hin_arena *arena);
HIN_RESULT sample_state(struct hin_event *event, struct hin_arena *arena, enum hin_state_code code);

#endif
