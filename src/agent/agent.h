/* The three commands of hinomi-agent. */
#ifndef HIN_AGENT_AGENT_H
#define HIN_AGENT_AGENT_H

#include "agent/config.h"
#include "base/secret.h"
#include "role/role.h"

extern const struct hin_role_program hin_agent_program;

/* Serves until told to stop. */
struct hin_result hin_agent_run(const char *state, const struct hin_secret *passphrase,
                                struct hin_error *error);

struct hin_agent_enrolment {
    const char *state;
    const char *manager; /* https://HOST:PORT */
    const char *ca_fingerprint;
    const struct hin_option_texts *roots;
    const struct hin_secret *token; /* NULL: wait for approval */
    const struct hin_secret *passphrase;
    uint64_t spool_max_bytes;
    const struct hin_option_texts *ntp; /* time servers */
    int64_t clock_bound_usec;
    bool no_wait; /* when approval is pending: come back instead of waiting */
};
/* Makes the state folder and the key file, asks for a certificate, and stores what it gets. */
struct hin_result hin_agent_enrol(const struct hin_agent_enrolment *enrolment,
                                  struct hin_error *error);

/* Prints what the agent in this folder does. *ret_running for the exit status. */
struct hin_result hin_agent_status(const char *state, bool json, bool *ret_running,
                                   struct hin_error *error);

#endif
