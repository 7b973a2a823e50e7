/* Small sealed files of the agent: device key, session counter, policy, the engine's saved state.
 * Each is replaced as a whole (the old or the new stands after a crash) and bound to its name,
 * tenant and agent.
 *
 * File, version 1: "HAF" 1 | key id 16 | bytes wrapped key | sealed value (seal.h). */
#ifndef HIN_AGENT_CABINET_H
#define HIN_AGENT_CABINET_H

#include "agent/keys.h"

#define HIN_CABINET_FILE_MAX (UINT64_C(96) << 20)

struct hin_cabinet {
    int folder; /* borrowed */
    struct hin_agent_keys keys;
    struct hin_view tenant, agent; /* borrowed */
    struct hin_sealer *sealer;
    struct hin_buf wrapped;
};

/* Draws a data key (HIN_KEY_STATE). */
HIN_RESULT hin_cabinet_init(struct hin_cabinet *cabinet, int folder,
                            const struct hin_agent_keys *keys, struct hin_view tenant,
                            struct hin_view agent) HIN_NONNULL;
void hin_cabinet_done(struct hin_cabinet *cabinet);
HIN_RESULT hin_cabinet_put(struct hin_cabinet *cabinet, const char *name,
                           struct hin_view plain) HIN_NONNULL;
/* Appends. NOT_FOUND; CORRUPT or AUTH when it was altered or belongs elsewhere; UNSUPPORTED when
 * newer. */
HIN_RESULT hin_cabinet_get(struct hin_cabinet *cabinet, const char *name,
                           struct hin_buf *ret_plain) HIN_NONNULL;
/* The same, for key material. */
HIN_RESULT hin_cabinet_get_secret(struct hin_cabinet *cabinet, const char *name,
                                  struct hin_secret *ret_plain) HIN_NONNULL;

#endif
