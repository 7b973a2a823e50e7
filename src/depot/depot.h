/* A depot: the place beside the installation where backups lie. Names and bytes, nothing else: it
 * knows no key and no format, and what it is given is sealed already. A folder here (folder.c), an
 * object store, a host over SSH.
 *
 * Blocking calls; a handle belongs to one thread. What is slow or unreachable ends in TIMEOUT or
 * NETWORK within options->timeout_usec of silence; a repeat of any call is harmless.
 *
 * Codes of all calls: NOT_FOUND, EXISTS, NO_SPACE, DENIED (read-only, no right), AUTH (the place
 * refuses our credential, or does not prove to be itself), TIMEOUT, NETWORK, IO, INVALID (a name
 * that is none). hin_depot_error says what it was about and what to do. */
#ifndef HIN_DEPOT_DEPOT_H
#define HIN_DEPOT_DEPOT_H

#include "base/buf.h"
#include "base/result.h"
#include "base/secret.h"
#include "base/view.h"

enum {
    HIN_DEPOT_NAME_MAX = 200, /* bytes of a name */
    HIN_DEPOT_URL_MAX = 1024,
    HIN_DEPOT_REGION_MAX = 64,
};

struct hin_depot;
struct hin_ssh;

struct hin_depot_options {
    const char *url; /* file:///FOLDER, s3://BUCKET/PREFIX, sftp://USER@HOST[:PORT]/FOLDER */
    int directory;   /* file: the folder, opened already (borrowed for the life of the handle), so
                        that a locked process needs no path; -1: opened by its path */
    bool read_only;  /* nothing is written, no leftovers are removed: restoring, verifying */
    int64_t timeout_usec;            /* of silence; 0: 30 s */
    const struct hin_secret *secret; /* what the place asks for; NULL: nothing. Borrowed */
    struct hin_ssh
        *ssh; /* sftp: one that was started already (sftp_ssh.h), taken over: for a process
                 that may start none. When it is lost, it stays so (NETWORK). NULL */
    const char *const *settings; /* further ones, "name=value", ending with NULL: each kind of depot
                                    names its own and refuses others (INVALID). NULL: none */
};

/* NOT_FOUND: the folder or bucket is not there (it is never made); UNSUPPORTED: no such scheme. */
HIN_RESULT hin_depot_open(struct hin_depot **ret_depot, const struct hin_depot_options *options,
                          struct hin_error *error) __attribute__((nonnull(1, 2)));
void hin_depot_close(struct hin_depot *depot); /* NULL is fine */
void hin_depot_closep(struct hin_depot **depot);
/* Of the last call that failed: code and a sentence. */
const struct hin_error *hin_depot_error(const struct hin_depot *depot) HIN_NONNULL;
/* So that an error which is there afterwards belongs to what is done next. */
void hin_depot_clear_error(struct hin_depot *depot) HIN_NONNULL;

/* A name: parts of [a-z0-9._-] that do not begin with '.', joined by '/', at most
 * HIN_DEPOT_NAME_MAX bytes. */
bool hin_depot_name_is_valid(const char *name) HIN_NONNULL;

enum hin_depot_mode {
    HIN_DEPOT_NEW,     /* EXISTS when something of that name is there */
    HIN_DEPOT_REPLACE, /* former or new content stands, never a mixture */
};

/* Atomic: whoever reads sees all of it or nothing (or what was there before). Durable after OK and
 * hin_depot_sync, which must be called before something that names it is put. */
HIN_RESULT hin_depot_put(struct hin_depot *depot, const char *name, struct hin_view bytes,
                         enum hin_depot_mode mode) HIN_NONNULL;
/* The same piece by piece, in bounded memory. One at a time on a handle; whatever is not committed
 * leaves nothing that a list shows. */
HIN_RESULT hin_depot_begin(struct hin_depot *depot, const char *name,
                           enum hin_depot_mode mode) HIN_NONNULL;
HIN_RESULT hin_depot_append(struct hin_depot *depot, struct hin_view bytes) HIN_NONNULL;
HIN_RESULT hin_depot_commit(struct hin_depot *depot) HIN_NONNULL;
void hin_depot_abort(struct hin_depot *depot) HIN_NONNULL; /* also when nothing was begun */
/* All that was put before is durable after OK. */
HIN_RESULT hin_depot_sync(struct hin_depot *depot) HIN_NONNULL;

/* Appends at most `limit` bytes from `offset` (none beyond the end). */
HIN_RESULT hin_depot_get(struct hin_depot *depot, const char *name, uint64_t offset, size_t limit,
                         struct hin_buf *ret_bytes) HIN_NONNULL;
/* This is read soon, all of it: where reading can begin ahead of that, it does. What is wrong with
 * it, the reading says. */
void hin_depot_hint(struct hin_depot *depot, const char *name) HIN_NONNULL;
struct hin_depot_entry {
    const char *name;
    uint64_t size;
};
/* All names that begin with `prefix` ("": all), in any order, each once. A failure of `visit` ends
 * it and is answered. `visit` must not call back into the handle. */
HIN_RESULT hin_depot_list(struct hin_depot *depot, const char *prefix,
                          HIN_RESULT (*visit)(void *context, const struct hin_depot_entry *entry),
                          void *context) __attribute__((nonnull(1, 2, 3)));
/* NOT_FOUND: it was not there. */
HIN_RESULT hin_depot_remove(struct hin_depot *depot, const char *name) HIN_NONNULL;

#endif
