/* One SFTP session over one ssh: requests go out, replies come in, and silence ends it. */
#ifndef HIN_DEPOT_SFTP_SESSION_H
#define HIN_DEPOT_SFTP_SESSION_H

#include "base/buf.h"
#include "base/result.h"
#include "depot/sftp_settings.h"
#include "depot/sftp_ssh.h"
#include "depot/sftp_wire.h"

struct hin_sftp_session {
    const struct hin_sftp_settings *settings; /* borrowed */
    int64_t timeout_usec;
    struct hin_error *error; /* of the depot: what failed, for people */
    struct hin_ssh ssh;
    bool given; /* ssh: started by somebody else, and once only */
    bool open;
    unsigned connection; /* the how manieth it is */
    struct hin_sftp_server server;
    uint32_t read_bytes, write_bytes; /* of data a request */
    uint32_t next_id;
    struct hin_buf in, out;
    size_t in_at, out_at; /* done with, of each */
};

struct hin_sftp_handle {
    uint8_t bytes[HIN_SFTP_HANDLE_MAX];
    size_t size; /* 0: none */
};

/* Starts ssh and greets the server, if that is not done. AUTH, NETWORK, TIMEOUT, INVALID. */
HIN_RESULT hin_sftp_connect(struct hin_sftp_session *session) HIN_NONNULL;
/* Ends it; the next _connect begins anew. */
void hin_sftp_disconnect(struct hin_sftp_session *session) HIN_NONNULL;

/* ---- many requests at a time ---- */

/* Begins a request: its parts are appended to session->out, then hin_sftp_end. */
HIN_RESULT hin_sftp_request(struct hin_sftp_session *session, enum hin_sftp_type type,
                            uint32_t *ret_id, size_t *ret_at) HIN_NONNULL;
/* Waits until at most this much is unsent. */
HIN_RESULT hin_sftp_flush(struct hin_sftp_session *session, size_t at_most) HIN_NONNULL;
/* The next reply, whichever it is for; valid until the next call. Failures end the session. */
HIN_RESULT hin_sftp_receive(struct hin_sftp_session *session,
                            struct hin_sftp_reply *ret_reply) HIN_NONNULL;
/* What a status means, as a code of depot.h: FAILURE is IO. */
enum hin_code hin_sftp_code(uint32_t status);

/* ---- one at a time ----
 * Each: sends, waits, and answers by the status. path: absolute or from the home. */

HIN_RESULT hin_sftp_open(struct hin_sftp_session *session, const char *path, uint32_t flags,
                         struct hin_sftp_handle *ret_handle) HIN_NONNULL;
HIN_RESULT hin_sftp_open_folder(struct hin_sftp_session *session, const char *path,
                                struct hin_sftp_handle *ret_handle) HIN_NONNULL;
HIN_RESULT hin_sftp_close(struct hin_sftp_session *session,
                          struct hin_sftp_handle *handle) HIN_NONNULL; /* handle becomes none */
HIN_RESULT hin_sftp_fsync(struct hin_sftp_session *session,
                          const struct hin_sftp_handle *handle) HIN_NONNULL;
HIN_RESULT hin_sftp_about(struct hin_sftp_session *session, const struct hin_sftp_handle *handle,
                          struct hin_sftp_attributes *ret_attributes) HIN_NONNULL;
/* Of a path: STAT or LSTAT. */
HIN_RESULT hin_sftp_stat(struct hin_sftp_session *session, enum hin_sftp_type type,
                         const char *path, struct hin_sftp_attributes *ret_attributes) HIN_NONNULL;
HIN_RESULT hin_sftp_make_folder(struct hin_sftp_session *session, const char *path) HIN_NONNULL;
HIN_RESULT hin_sftp_remove(struct hin_sftp_session *session, const char *path) HIN_NONNULL;
/* Does not replace: IO when something is there (the status is the same for all reasons). */
HIN_RESULT hin_sftp_rename(struct hin_sftp_session *session, const char *from,
                           const char *to) HIN_NONNULL;
HIN_RESULT hin_sftp_rename_over(struct hin_sftp_session *session, const char *from,
                                const char *to) HIN_NONNULL;
/* UNSUPPORTED where the server cannot tell. */
HIN_RESULT hin_sftp_space(struct hin_sftp_session *session, const char *path,
                          uint64_t *ret_free_bytes, bool *ret_read_only) HIN_NONNULL;
/* The next names of a folder; their count is reply->name_count, 0 at the end. */
HIN_RESULT hin_sftp_read_folder(struct hin_sftp_session *session,
                                const struct hin_sftp_handle *handle,
                                struct hin_sftp_reply *ret_reply) HIN_NONNULL;

#endif
