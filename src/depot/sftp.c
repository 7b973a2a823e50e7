/* A folder on another host, over SSH's file transfer. What is being written lies in ".part-..." in
 * the folder itself, is made durable there, takes its name by a rename, and is made durable once
 * more, which on the file systems in use takes the rename along: the protocol has nothing to make a
 * folder durable. A connection that was lost is made again by the next call. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/bytes.h"
#include "base/secret.h"
#include "base/time.h"
#include "depot/depot_internal.h"
#include "depot/sftp_session.h"

#define TIMEOUT_USEC     (30 * HIN_SEC_USEC)
#define PART_PREFIX      ".part-"
#define LEFTOVER_SECONDS (24 * 60 * 60)
#define FREE_LEAST       UINT64_C(65536) /* a file system with less room is full */
#define PATH_BYTES       (512 + HIN_DEPOT_NAME_MAX + 64)

enum { DEPTH_MAX = 8, WRITES_MAX = 16, READS_MAX = 16 };

struct sftp {
    struct hin_depot base;
    struct hin_sftp_settings settings;
    struct hin_sftp_session session;

    /* what is being written */
    char name[HIN_DEPOT_NAME_MAX + 1];
    enum hin_depot_mode mode;
    char part[PATH_BYTES];
    struct hin_sftp_handle writing;
    unsigned writing_on; /* which connection */
    uint64_t written;
    unsigned unanswered;      /* WRITEs */
    struct hin_result failed; /* one of them; with its error */
    struct hin_error failure;

    /* what was read last, and may be read on */
    char reading_name[HIN_DEPOT_NAME_MAX + 1];
    struct hin_sftp_handle reading;
    uint64_t reading_size;
};

static struct sftp *of(struct hin_depot *depot)
{
    return (struct sftp *)(void *)depot;
}

static void path_of(const struct sftp *sftp, const char *name, char out[PATH_BYTES])
{
    (void)snprintf(out, PATH_BYTES, "%s/%s", sftp->settings.folder, name);
}

/* ---- failures ---- */

/* "Failure" is all that version 3 says of a full or read-only file system. */
static enum hin_code look_why(struct sftp *sftp, enum hin_code code)
{
    uint64_t free_bytes = UINT64_MAX;
    bool read_only = false;
    if (code == HIN_IO &&
        hin_is_ok(hin_sftp_space(&sftp->session, sftp->settings.folder, &free_bytes, &read_only))) {
        return read_only ? HIN_DENIED : free_bytes < FREE_LEAST ? HIN_NO_SPACE : HIN_IO;
    }
    return code;
}

/* A failure by a status, as a sentence. Where the connection was lost, that was said already. */
static HIN_RESULT fail(struct sftp *sftp, struct hin_result failed, const char *what,
                       const char *name)
{
    static const struct {
        enum hin_code code;
        const char *advice;
    } advices[] = {
        {HIN_NOT_FOUND, "it is not there"},
        {HIN_EXISTS, "it is there already"},
        {HIN_DENIED, "the host does not allow it: check owner and mode of the folder there, and "
                     "that its file system is not mounted read-only"},
        {HIN_NO_SPACE, "its file system is full: free space there, or keep backups for fewer days"},
        {HIN_IO, "the host says no more than \"failure\": check the disk, the quota and the log of "
                 "its sshd"},
        {HIN_UNSUPPORTED, "its SFTP server cannot do that: use OpenSSH's"},
    };
    if (!sftp->session.open) {
        return failed;
    }
    enum hin_code code = look_why(sftp, failed.code);
    const char *advice = hin_code_hint(code);
    for (size_t i = 0; i < HIN_COUNT(advices); i++) {
        advice = advices[i].code == code ? advices[i].advice : advice;
    }
    if (!sftp->session.open) { /* while looking why */
        return hin_fail(sftp->base.error.code);
    }
    return hin_error_set(&sftp->base.error, code, NULL, 0, 0, "%s %s/%s on %s: %s", what,
                         sftp->settings.folder, name, sftp->settings.host, advice);
}

static void forget_reading(struct sftp *sftp)
{
    if (sftp->reading.size > 0 && sftp->session.open) {
        HIN_IGNORE(hin_sftp_close(&sftp->session, &sftp->reading)); /* the server tidies up too */
    }
    sftp->reading.size = 0;
}

/* Takes answers to WRITEs until at most so many are missing. What one of them says is kept. */
static HIN_RESULT take_answers(struct sftp *sftp, unsigned at_most)
{
    struct hin_sftp_reply reply;
    while (sftp->unanswered > (hin_is_ok(sftp->failed) ? at_most : 0)) {
        HIN_TRY(hin_sftp_receive(&sftp->session, &reply));
        sftp->unanswered--;
        if (hin_is_ok(sftp->failed) &&
            (reply.type != HIN_SFTP_STATUS || reply.status != HIN_SFTP_OK)) {
            sftp->failed =
                hin_fail(reply.type == HIN_SFTP_STATUS ? hin_sftp_code(reply.status) : HIN_IO);
            sftp->failure.code = HIN_OK; /* not told yet */
        }
    }
    if (!hin_is_ok(sftp->failed) && sftp->failure.code == HIN_OK) {
        sftp->failed = fail(sftp, sftp->failed, "writing", sftp->name);
        sftp->failure = sftp->base.error;
    }
    return hin_ok();
}

/* As before, and answers with what was kept. */
static HIN_RESULT settle_answers(struct sftp *sftp, unsigned at_most)
{
    HIN_TRY(take_answers(sftp, at_most));
    if (!hin_is_ok(sftp->failed)) {
        sftp->base.error = sftp->failure;
    }
    return sftp->failed;
}

/* Before each call: the connection stands, and no answer is to come. */
static HIN_RESULT ready(struct sftp *sftp)
{
    if (!sftp->session.open) {
        sftp->reading.size = 0;
        sftp->unanswered = 0;
    }
    HIN_TRY(hin_sftp_connect(&sftp->session));
    return take_answers(sftp, 0);
}

/* ---- writing ---- */

/* Whether something of this path is there: OK or NOT_FOUND. */
static HIN_RESULT look(struct sftp *sftp, const char *path, struct hin_sftp_attributes *about)
{
    return hin_sftp_stat(&sftp->session, HIN_SFTP_LSTAT, path, about);
}

static HIN_RESULT sftp_begin(struct hin_depot *depot, const char *name, enum hin_depot_mode mode)
{
    struct sftp *sftp = of(depot);
    struct hin_sftp_attributes about;
    char path[PATH_BYTES], random[17], part[32];
    uint8_t bytes[8];
    HIN_TRY(hin_random(bytes, sizeof(bytes)));
    hin_hex(bytes, sizeof(bytes), random);
    HIN_TRY(ready(sftp));
    forget_reading(sftp);
    if (mode == HIN_DEPOT_NEW) {
        path_of(sftp, name, path);
        struct hin_result present = look(sftp, path, &about);
        if (present.code != HIN_NOT_FOUND) {
            return fail(sftp, hin_is_ok(present) ? hin_fail(HIN_EXISTS) : present, "writing", name);
        }
    }
    (void)snprintf(part, sizeof(part), PART_PREFIX "%s", random);
    path_of(sftp, part, sftp->part);
    struct hin_result opened =
        hin_sftp_open(&sftp->session, sftp->part,
                      HIN_SFTP_FOR_WRITING | HIN_SFTP_CREATE | HIN_SFTP_EXCLUSIVE, &sftp->writing);
    if (!hin_is_ok(opened)) {
        return fail(sftp, opened, "writing", name);
    }
    HIN_TRY(hin_view_to_text(hin_view_from_text(name), sftp->name, sizeof(sftp->name)));
    sftp->mode = mode;
    sftp->written = 0;
    sftp->unanswered = 0;
    sftp->failed = hin_ok();
    sftp->writing_on = sftp->session.connection;
    return hin_ok();
}

static HIN_RESULT write_piece(struct sftp *sftp, struct hin_view bytes)
{
    struct hin_sftp_session *session = &sftp->session;
    uint32_t id = 0;
    size_t at = 0;
    HIN_TRY(settle_answers(sftp, WRITES_MAX - 1));
    HIN_TRY(hin_sftp_flush(session, HIN_SFTP_PACKET_MAX));
    HIN_TRY(hin_sftp_request(session, HIN_SFTP_WRITE, &id, &at));
    HIN_TRY(hin_sftp_put_text(&session->out, hin_view_of(sftp->writing.bytes, sftp->writing.size)));
    HIN_TRY(hin_sftp_put_u64(&session->out, sftp->written));
    HIN_TRY(hin_sftp_put_text(&session->out, bytes));
    hin_sftp_end(&session->out, at);
    sftp->written += bytes.size;
    sftp->unanswered++;
    return hin_ok();
}

/* When the connection that it was begun on is gone, so is the handle. */
static HIN_RESULT check_writing(struct sftp *sftp)
{
    if (sftp->session.open && sftp->writing_on == sftp->session.connection) {
        return hin_ok();
    }
    sftp->writing.size = 0;
    return hin_error_set(&sftp->base.error, HIN_NETWORK, NULL, 0, 0,
                         "the connection to %s was lost while %s was written: try again",
                         sftp->settings.host, sftp->name);
}

static HIN_RESULT sftp_append(struct hin_depot *depot, struct hin_view bytes)
{
    struct sftp *sftp = of(depot);
    HIN_TRY(check_writing(sftp));
    while (bytes.size > 0) {
        struct hin_view piece = hin_view_sub(bytes, 0, sftp->session.write_bytes);
        HIN_TRY(write_piece(sftp, piece));
        bytes = hin_view_sub(bytes, piece.size, bytes.size);
    }
    return hin_ok();
}

/* The folders that a name lies in; those that are there fail to be made, which says nothing. */
static void make_folders(struct sftp *sftp, const char *name)
{
    char path[PATH_BYTES];
    size_t root = strlen(sftp->settings.folder) + 1;
    path_of(sftp, name, path);
    for (char *slash = strchr(path + root, '/'); slash != NULL && sftp->session.open;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        HIN_IGNORE(hin_sftp_make_folder(&sftp->session, path)); /* the rename will tell */
        *slash = '/';
    }
}

/* Its answer may be lost: then what is there decides. */
static HIN_RESULT settle_rename(struct sftp *sftp, const char *path, struct hin_result lost)
{
    struct hin_sftp_attributes about;
    struct hin_error error = sftp->base.error;
    if (hin_is_ok(hin_sftp_connect(&sftp->session)) &&
        look(sftp, sftp->part, &about).code == HIN_NOT_FOUND &&
        hin_is_ok(look(sftp, path, &about)) && about.has_size && about.size == sftp->written) {
        return hin_ok();
    }
    sftp->base.error = error;
    return lost;
}

static HIN_RESULT rename_part(struct sftp *sftp)
{
    struct hin_sftp_attributes about;
    char path[PATH_BYTES];
    bool fresh = sftp->mode == HIN_DEPOT_NEW;
    path_of(sftp, sftp->name, path);
    struct hin_result renamed = hin_fail(HIN_NOT_FOUND);
    for (int i = 0; i < 2 && renamed.code == HIN_NOT_FOUND; i++) {
        if (i > 0) {
            make_folders(sftp, sftp->name);
        }
        renamed = fresh ? hin_sftp_rename(&sftp->session, sftp->part, path)
                        : hin_sftp_rename_over(&sftp->session, sftp->part, path);
    }
    if (!sftp->session.open) {
        return settle_rename(sftp, path, renamed);
    }
    if (renamed.code == HIN_IO && fresh && hin_is_ok(look(sftp, path, &about))) {
        renamed = hin_fail(HIN_EXISTS);
    }
    return hin_is_ok(renamed) ? renamed : fail(sftp, renamed, "writing", sftp->name);
}

static HIN_RESULT make_durable(struct sftp *sftp)
{
    struct hin_result synced = hin_sftp_fsync(&sftp->session, &sftp->writing);
    return hin_is_ok(synced) ? synced : fail(sftp, synced, "making durable", sftp->name);
}

static HIN_RESULT sftp_commit(struct hin_depot *depot)
{
    struct sftp *sftp = of(depot);
    HIN_TRY(check_writing(sftp));
    HIN_TRY(settle_answers(sftp, 0));
    HIN_TRY(make_durable(sftp));
    HIN_TRY(rename_part(sftp));
    sftp->part[0] = '\0';
    if (sftp->session.open && sftp->writing.size > 0) {
        HIN_TRY(make_durable(sftp));                                /* the name */
        HIN_IGNORE(hin_sftp_close(&sftp->session, &sftp->writing)); /* nothing depends on it */
    }
    sftp->writing.size = 0;
    return hin_ok();
}

/* A leftover where the connection is gone is removed by the next handle. */
static void sftp_drop(struct hin_depot *depot)
{
    struct sftp *sftp = of(depot);
    struct hin_error error = sftp->base.error;
    struct hin_sftp_reply reply;
    while (sftp->session.open && sftp->unanswered > 0 &&
           hin_is_ok(hin_sftp_receive(&sftp->session, &reply))) {
        sftp->unanswered--;
    }
    if (sftp->session.open && sftp->writing.size > 0 &&
        sftp->writing_on == sftp->session.connection) {
        HIN_IGNORE(hin_sftp_close(&sftp->session, &sftp->writing)); /* see above */
    }
    if (sftp->session.open && sftp->part[0] != '\0') {
        HIN_IGNORE(hin_sftp_remove(&sftp->session, sftp->part)); /* see above */
    }
    sftp->writing.size = 0;
    sftp->part[0] = '\0';
    sftp->unanswered = 0;
    sftp->base.error = error;
}

/* Each object is durable when it was committed. */
static HIN_RESULT sftp_sync(struct hin_depot *depot)
{
    (void)depot;
    return hin_ok();
}

/* ---- reading ---- */

static HIN_RESULT open_reading(struct sftp *sftp, const char *name)
{
    struct hin_sftp_attributes about = {0};
    char path[PATH_BYTES];
    if (sftp->reading.size > 0 && strcmp(sftp->reading_name, name) == 0) {
        return hin_ok();
    }
    forget_reading(sftp);
    path_of(sftp, name, path);
    HIN_TRY(hin_sftp_open(&sftp->session, path, HIN_SFTP_FOR_READING, &sftp->reading));
    struct hin_result known = hin_sftp_about(&sftp->session, &sftp->reading, &about);
    if (!hin_is_ok(known) || !about.has_size || !about.has_mode || !S_ISREG(about.mode)) {
        forget_reading(sftp);
        return hin_is_ok(known) ? hin_fail(HIN_NOT_FOUND) : known; /* a folder is no object */
    }
    sftp->reading_size = about.size;
    return hin_view_to_text(hin_view_from_text(name), sftp->reading_name,
                            sizeof(sftp->reading_name));
}

/* READs that are under way: each fills its part, and asks for what a short answer left out. */
struct reads {
    struct read {
        uint32_t id, size; /* size 0: free */
        uint64_t offset;
    } slots[READS_MAX];
    unsigned count;
    uint64_t begin, end,
        next; /* offsets: of the first byte wanted, behind the last, not asked for */
    uint8_t *to;
};

static HIN_RESULT ask(struct sftp *sftp, struct read *slot)
{
    struct hin_sftp_session *session = &sftp->session;
    size_t at = 0;
    HIN_TRY(hin_sftp_request(session, HIN_SFTP_READ, &slot->id, &at));
    HIN_TRY(hin_sftp_put_text(&session->out, hin_view_of(sftp->reading.bytes, sftp->reading.size)));
    HIN_TRY(hin_sftp_put_u64(&session->out, slot->offset));
    HIN_TRY(hin_sftp_put_u32(&session->out, slot->size));
    hin_sftp_end(&session->out, at);
    return hin_ok();
}

static HIN_RESULT ask_more(struct sftp *sftp, struct reads *reads)
{
    for (size_t i = 0; i < READS_MAX && reads->next < reads->end; i++) {
        struct read *slot = &reads->slots[i];
        if (slot->size == 0) {
            uint64_t left = reads->end - reads->next;
            slot->size = (uint32_t)HIN_MIN(left, (uint64_t)sftp->session.read_bytes);
            slot->offset = reads->next;
            reads->next += slot->size;
            reads->count++;
            HIN_TRY(ask(sftp, slot));
        }
    }
    return hin_ok();
}

static HIN_RESULT take_data(struct sftp *sftp, struct reads *reads)
{
    struct hin_sftp_reply reply;
    struct read *slot = NULL;
    HIN_TRY(hin_sftp_receive(&sftp->session, &reply));
    for (size_t i = 0; i < READS_MAX; i++) {
        if (reads->slots[i].size > 0 && reads->slots[i].id == reply.id) {
            slot = &reads->slots[i];
        }
    }
    if (slot == NULL || reply.type == HIN_SFTP_STATUS || reply.type != HIN_SFTP_DATA ||
        reply.data.size == 0 || reply.data.size > slot->size) {
        /* shorter than it was, or the disk cannot read it */
        return hin_fail(HIN_IO);
    }
    hin_copy(reads->to + (slot->offset - reads->begin), reply.data.data, reply.data.size);
    slot->offset += reply.data.size;
    slot->size -= (uint32_t)reply.data.size;
    if (slot->size > 0) {
        return ask(sftp, slot);
    }
    reads->count--;
    return hin_ok();
}

static HIN_RESULT read_range(struct sftp *sftp, uint64_t offset, size_t size, uint8_t *to)
{
    struct reads reads = {.begin = offset, .next = offset, .end = offset + size, .to = to};
    struct hin_result result = ask_more(sftp, &reads);
    while (hin_is_ok(result) && reads.count > 0) {
        result = take_data(sftp, &reads);
        if (hin_is_ok(result)) {
            result = ask_more(sftp, &reads);
        }
    }
    if (!hin_is_ok(result) && sftp->session.open) {
        hin_sftp_disconnect(&sftp->session); /* answers that nobody waits for any more */
        return hin_error_set(&sftp->base.error, HIN_IO, NULL, 0, 0,
                             "reading %s/%s on %s: less is there than was written, or its disk "
                             "cannot read it",
                             sftp->settings.folder, sftp->reading_name, sftp->settings.host);
    }
    return result;
}

static HIN_RESULT sftp_get(struct hin_depot *depot, const char *name, uint64_t offset, size_t limit,
                           struct hin_buf *ret_bytes)
{
    struct sftp *sftp = of(depot);
    size_t before = ret_bytes->size;
    uint8_t *to = NULL;
    HIN_TRY(ready(sftp));
    struct hin_result opened = open_reading(sftp, name);
    if (!hin_is_ok(opened)) {
        return fail(sftp, opened, "reading", name);
    }
    uint64_t left = offset < sftp->reading_size ? sftp->reading_size - offset : 0;
    size_t size = (size_t)HIN_MIN(left, (uint64_t)limit);
    if (size == 0) {
        forget_reading(sftp);
        return hin_ok();
    }
    HIN_TRY(hin_buf_extend(ret_bytes, size, &to));
    struct hin_result read = read_range(sftp, offset, size, to);
    if (!hin_is_ok(read)) {
        ret_bytes->size = before;
        return read;
    }
    if (size == left) {
        forget_reading(sftp); /* the end: nobody reads on */
    }
    return hin_ok();
}

/* ---- listing ---- */

struct listing {
    struct sftp *sftp;
    const char *prefix;
    HIN_RESULT (*visit)(void *context, const struct hin_depot_entry *entry);
    void *context;
    bool visiting_failed;
    struct hin_buf folders; /* that are still to be read: names, each with its NUL */
};

/* Whether names at or beneath this one can begin with the prefix. */
static bool may_lead_there(const struct listing *listing, const char *name)
{
    return strncmp(name, listing->prefix, HIN_MIN(strlen(name), strlen(listing->prefix))) == 0;
}

static unsigned depth_of(const char *name)
{
    unsigned depth = 0;
    for (; *name != '\0'; name++) {
        depth += *name == '/';
    }
    return depth;
}

static HIN_RESULT visit_entry(struct listing *listing, const char *folder, struct hin_view last,
                              const struct hin_sftp_attributes *about)
{
    char name[HIN_DEPOT_NAME_MAX + 1];
    int size = snprintf(name, sizeof(name), "%s%s%.*s", folder, folder[0] != '\0' ? "/" : "",
                        HIN_ARGS(last));
    if (size < 0 || (size_t)size >= sizeof(name) || hin_view_find_byte(last, 0) != SIZE_MAX ||
        !hin_depot_name_is_valid(name) || !about->has_mode || !may_lead_there(listing, name)) {
        return hin_ok(); /* no name of ours */
    }
    if (S_ISDIR(about->mode) && depth_of(name) + 1 < DEPTH_MAX) {
        return hin_buf_append(&listing->folders, hin_view_of(name, (size_t)size + 1));
    }
    if (!S_ISREG(about->mode) || !about->has_size || (size_t)size < strlen(listing->prefix)) {
        return hin_ok();
    }
    struct hin_depot_entry entry = {.name = name, .size = about->size};
    struct hin_result visited = listing->visit(listing->context, &entry);
    listing->visiting_failed = !hin_is_ok(visited);
    return visited;
}

static HIN_RESULT read_names(struct listing *listing, const char *folder,
                             const struct hin_sftp_handle *handle)
{
    struct hin_sftp_reply reply;
    do {
        HIN_TRY(hin_sftp_read_folder(&listing->sftp->session, handle, &reply));
        for (uint32_t i = 0; i < reply.name_count; i++) {
            struct hin_view name = HIN_VIEW_EMPTY;
            struct hin_sftp_attributes about;
            HIN_TRY(hin_sftp_read_name(&reply, &name, &about));
            HIN_TRY(visit_entry(listing, folder, name, &about));
        }
    } while (reply.name_count > 0);
    return hin_ok();
}

static HIN_RESULT list_folder(struct listing *listing, const char *folder)
{
    struct sftp *sftp = listing->sftp;
    struct hin_sftp_handle handle = {.size = 0};
    char path[PATH_BYTES];
    path_of(sftp, folder, path);
    struct hin_result result = hin_sftp_open_folder(&sftp->session, path, &handle);
    if (result.code == HIN_NOT_FOUND && folder[0] != '\0') {
        return hin_ok(); /* removed meanwhile */
    }
    if (hin_is_ok(result)) {
        result = read_names(listing, folder, &handle);
    }
    if (sftp->session.open && handle.size > 0) {
        HIN_IGNORE(hin_sftp_close(&sftp->session, &handle)); /* nothing depends on it */
    }
    return hin_is_ok(result) || listing->visiting_failed ? result
                                                         : fail(sftp, result, "listing", folder);
}

static HIN_RESULT sftp_list(struct hin_depot *depot, const char *prefix,
                            HIN_RESULT (*visit)(void *context, const struct hin_depot_entry *entry),
                            void *context)
{
    struct sftp *sftp = of(depot);
    struct listing listing = {.sftp = sftp,
                              .prefix = prefix,
                              .visit = visit,
                              .context = context,
                              .folders = {.max = (size_t)64 * 1024 * 1024}};
    HIN_TRY(ready(sftp));
    forget_reading(sftp);
    struct hin_result result = list_folder(&listing, "");
    while (hin_is_ok(result) && listing.folders.size > 0) {
        char name[HIN_DEPOT_NAME_MAX + 1];
        size_t at = listing.folders.size - 1; /* on the NUL of the last one */
        while (at > 0 && listing.folders.data[at - 1] != '\0') {
            at--;
        }
        (void)snprintf(name, sizeof(name), "%s", (const char *)listing.folders.data + at);
        listing.folders.size = at;
        result = list_folder(&listing, name);
    }
    hin_buf_done(&listing.folders);
    return result;
}

static HIN_RESULT sftp_remove(struct hin_depot *depot, const char *name)
{
    struct sftp *sftp = of(depot);
    struct hin_sftp_attributes about;
    char path[PATH_BYTES];
    HIN_TRY(ready(sftp));
    forget_reading(sftp);
    path_of(sftp, name, path);
    struct hin_result removed = hin_sftp_remove(&sftp->session, path);
    if (removed.code == HIN_IO && sftp->session.open && hin_is_ok(look(sftp, path, &about)) &&
        about.has_mode && S_ISDIR(about.mode)) {
        removed = hin_fail(HIN_NOT_FOUND); /* a folder is no object */
    }
    return hin_is_ok(removed) ? removed : fail(sftp, removed, "removing", name);
}

/* ---- opening ---- */

/* What writers that died have left. By the clocks of both hosts, hence the day. */
static void sweep(struct sftp *sftp)
{
    struct hin_sftp_handle handle = {.size = 0};
    HIN_CLEANUP(hin_buf_done) struct hin_buf old = {.max = 4096};
    int64_t now = hin_clock_wall_usec(hin_clock_system()) / HIN_SEC_USEC;
    struct hin_sftp_reply reply;
    if (!hin_is_ok(hin_sftp_open_folder(&sftp->session, sftp->settings.folder, &handle))) {
        return;
    }
    while (hin_is_ok(hin_sftp_read_folder(&sftp->session, &handle, &reply)) &&
           reply.name_count > 0) {
        for (uint32_t i = 0; i < reply.name_count; i++) {
            struct hin_view name = HIN_VIEW_EMPTY;
            struct hin_sftp_attributes about;
            if (hin_is_ok(hin_sftp_read_name(&reply, &name, &about)) && name.size < 64 &&
                hin_view_starts_with(name, HIN_VIEW(PART_PREFIX)) &&
                hin_view_find_byte(name, '/') == SIZE_MAX && about.has_times &&
                now - about.modified > LEFTOVER_SECONDS && hin_is_ok(hin_buf_append(&old, name))) {
                HIN_IGNORE(hin_buf_append_byte(&old, '\n')); /* what is too many waits */
            }
        }
    }
    struct hin_view rest = hin_buf_view(&old), name;
    while (sftp->session.open && hin_view_split(&rest, '\n', &name)) {
        char text[64], path[PATH_BYTES];
        if (name.size > 0 && hin_is_ok(hin_view_to_text(name, text, sizeof(text)))) {
            path_of(sftp, text, path);
            HIN_IGNORE(hin_sftp_remove(&sftp->session, path)); /* tried again another time */
        }
    }
    if (sftp->session.open) {
        HIN_IGNORE(hin_sftp_close(&sftp->session, &handle)); /* nothing depends on it */
    }
}

static HIN_RESULT check_folder(struct sftp *sftp, bool read_only)
{
    struct hin_sftp_attributes about = {0};
    struct hin_result found =
        hin_sftp_stat(&sftp->session, HIN_SFTP_STAT, sftp->settings.folder, &about);
    if (hin_is_ok(found) && (!about.has_mode || !S_ISDIR(about.mode))) {
        found = hin_fail(HIN_NOT_FOUND);
    }
    if (!hin_is_ok(found) && sftp->session.open) {
        return hin_error_set(&sftp->base.error, found.code, NULL, 0, 0,
                             "%s on %s is no folder that %s may see: make it there",
                             sftp->settings.folder, sftp->settings.host, sftp->settings.user);
    }
    HIN_TRY(found);
    if (!read_only && (!sftp->session.server.fsync || !sftp->session.server.posix_rename)) {
        return hin_error_set(&sftp->base.error, HIN_INVALID, NULL, 0, 0,
                             "the SFTP server on %s cannot make a file durable, or replace one "
                             "(fsync@openssh.com, posix-rename@openssh.com): use OpenSSH's",
                             sftp->settings.host);
    }
    return hin_ok();
}

static HIN_RESULT open_into(struct sftp *sftp, const struct hin_depot_options *options)
{
    HIN_TRY(hin_sftp_settings_read(options->url, options->settings, &sftp->settings,
                                   &sftp->base.error));
    sftp->session.settings = &sftp->settings;
    sftp->session.error = &sftp->base.error;
    sftp->session.timeout_usec = options->timeout_usec > 0 ? options->timeout_usec : TIMEOUT_USEC;
    if (options->ssh != NULL) {
        sftp->session.ssh = *options->ssh;
        sftp->session.given = true;
        *options->ssh = (struct hin_ssh){.fd = -1, .error_fd = -1};
    }
    HIN_TRY(hin_sftp_connect(&sftp->session));
    HIN_TRY(check_folder(sftp, options->read_only));
    if (!options->read_only) {
        sweep(sftp);
    }
    return hin_ok();
}

static void sftp_close(struct hin_depot *depot)
{
    struct sftp *sftp = of(depot);
    hin_sftp_disconnect(&sftp->session);
    free(sftp);
}

static HIN_RESULT sftp_open(struct hin_depot **ret_depot, const struct hin_depot_options *options,
                            struct hin_error *error)
{
    struct sftp *sftp = calloc(1, sizeof(*sftp));
    HIN_ENSURE(sftp != NULL, NO_MEMORY);
    sftp->base.kind = &hin_depot_sftp;
    sftp->base.read_only = options->read_only;
    struct hin_result opened = open_into(sftp, options);
    if (!hin_is_ok(opened)) {
        if (error != NULL) {
            *error = sftp->base.error;
        }
        sftp_close(&sftp->base);
        return opened;
    }
    *ret_depot = &sftp->base;
    return hin_ok();
}

const struct hin_depot_kind hin_depot_sftp = {
    .scheme = "sftp",
    .open = sftp_open,
    .close = sftp_close,
    .begin = sftp_begin,
    .append = sftp_append,
    .commit = sftp_commit,
    .drop = sftp_drop,
    .sync = sftp_sync,
    .get = sftp_get,
    .list = sftp_list,
    .remove = sftp_remove,
};
