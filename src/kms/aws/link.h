/* HTTPS to one server through somebody else's hands: this end makes and ends TLS in memory, and
 * whoever moves the bytes sees nothing else. One connection, kept for the next request.
 * Synchronous; not thread-safe. */
#ifndef HIN_KMS_AWS_LINK_H
#define HIN_KMS_AWS_LINK_H

#include "base/buf.h"
#include "base/result.h"
#include "base/view.h"
#include "crypt/tls.h"

#define HIN_AWS_PIPE_MAX 16384 /* bytes a call */

/* Who moves the bytes. Any failure ends the connection. */
struct hin_aws_pipe {
    HIN_RESULT (*dial)(void *context); /* a new connection, in place of any before */
    HIN_RESULT (*send)(void *context, struct hin_view bytes);
    /* Appends what has come, at least one byte. CLOSED, TIMEOUT. */
    HIN_RESULT (*receive)(void *context, struct hin_buf *ret_bytes);
    void (*hang_up)(void *context);
    void *context;
};

struct hin_aws_link;
/* tls and pipe are borrowed. host: for SNI and verification. */
HIN_RESULT hin_aws_link_new(struct hin_aws_link **ret_link, struct hin_tls *tls, const char *host,
                            const struct hin_aws_pipe *pipe) HIN_NONNULL;
void hin_aws_link_free(struct hin_aws_link *link);

/* Sends a whole request and reads the answer's status and body (appended; it may hold a key: the
 * caller reserves its maximum, so that it is never moved, and wipes it). A connection that was kept
 * and turns out to be closed is dialled once more. AUTH: the server's certificate; NETWORK,
 * TIMEOUT, CLOSED: the way there; PROTOCOL: no HTTP. */
HIN_RESULT hin_aws_link_exchange(struct hin_aws_link *link, struct hin_view request,
                                 unsigned *ret_status, struct hin_buf *ret_body) HIN_NONNULL;

#endif
