/* Small rule sets and sequences of lines for the engine's tests. */
#ifndef HIN_TESTS_ENGINE_RIG_H
#define HIN_TESTS_ENGINE_RIG_H

#include "base/bytes.h"
#include "engine/log/log.h"
#include "harness.h"

/* Template rules and a decoder `app` for program "app": "user=U ip=A id=I url=X msg". */
extern const char rig_decoders[];
extern const char rig_templates[];

struct rig {
    struct hin_log_rules *rules;
    struct hin_log_engine *engine;
    struct hin_zone zone;
    int64_t now_usec;
    const struct hin_log_finding *last;
};

/* `text` is one more rule file; decoders NULL: rig_decoders. Fails the test on any diagnostic. */
bool rig_init(struct rig *rig, const char *decoders, const char *text);
bool rig_init_with(struct rig *rig, const char *decoders, const char *text,
                   const struct hin_log_config *config, const struct hin_log_input *list);
void rig_done(struct rig *rig);
/* A line at the rig's time; the id of the rule that fired, 0 for none. */
uint32_t rig_run(struct rig *rig, const char *line);
/* "Nov 10 10:00:00 host app: " + text. */
uint32_t rig_app(struct rig *rig, const char *text);
void rig_advance(struct rig *rig, int64_t seconds);
/* Fresh engine with this one's saved state. */
bool rig_restart(struct rig *rig);

#endif
