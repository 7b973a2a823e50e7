/* The agent's key file, and where its pass phrase comes from. */
#ifndef HIN_AGENT_KEY_FILE_H
#define HIN_AGENT_KEY_FILE_H

#include "base/result.h"
#include "base/secret.h"
#include "keys/ring.h"

/* DIR.key, made when absent and `create`. passphrase NULL: 0400 only. */
HIN_RESULT hin_agent_ring_open(const char *state, const struct hin_secret *passphrase, bool create,
                               struct hin_ring **ret_ring, struct hin_error *error);
/* Reads --passphrase-file or --passphrase-fd; *ret_given false when neither was. */
HIN_RESULT hin_agent_passphrase(const char *file, const char *fd, struct hin_secret *ret_passphrase,
                                bool *ret_given, struct hin_error *error);

#endif
