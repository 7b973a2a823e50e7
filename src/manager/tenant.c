#include "manager/tenant.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "base/log.h"
#include "manager/restored.h"

enum {
    OPENER_KEYS_MAX = 256,
    SEALER_RESERVE = 1 << 20,
    GENERATION_ROUNDS = 16,
    MANY_CACHE_KIB = 512,
    MAPPED_BYTES = 128 << 10
};
/* More often than the numbers move on, so that little is added to that. */
#define GENERATION_USEC (HIN_VAULT_GENERATION_USEC / 5)
#define LOCK_WAIT_USEC  (30 * HIN_SEC_USEC)

HIN_RESULT hin_tenant_name(struct hin_view name, char ret_canonical[HIN_TENANT_NAME_BYTES])
{
    HIN_ENSURE(name.size > 0 && name.size < HIN_TENANT_NAME_BYTES, INVALID);
    for (size_t i = 0; i < name.size; i++) {
        uint8_t byte = name.data[i];
        bool upper = byte >= 'A' && byte <= 'Z';
        bool plain = upper || (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z');
        bool inner = byte == ' ' || byte == '.' || byte == '-' || byte == '_';
        HIN_ENSURE(plain || (inner && i > 0 && i + 1 < name.size), INVALID);
        ret_canonical[i] = (char)(upper ? byte | 0x20 : byte);
    }
    ret_canonical[name.size] = 0;
    return hin_ok();
}

static HIN_RESULT find_key(void *context, const uint8_t key_id[HIN_SEAL_KEY_ID_BYTES],
                           struct hin_secret *ret_key)
{
    struct hin_tenant *tenant = context;
    HIN_CLEANUP(hin_buf_done) struct hin_buf wrapped = {.max = HIN_VAULT_WRAPPED_MAX};
    uint32_t version = 0;
    HIN_TRY(hin_store_key_get(tenant->store, key_id, &wrapped, &version));
    tenant->key_use_count++;
    return hin_keys_data_key_open(&tenant->keys, hin_tenant_view(tenant), tenant->reason, key_id,
                                  hin_buf_view(&wrapped), ret_key);
}

static HIN_RESULT current_sealer(void *context, struct hin_sealer **ret_sealer)
{
    struct hin_tenant *tenant = context;
    HIN_ENSURE(tenant->sealer != NULL, CONFLICT);
    HIN_ENSURE(hin_clock_monotonic_usec(tenant->clock) - tenant->sealer_usec <
                   HIN_TENANT_SEALER_USEC + HIN_TENANT_KEY_HELD_USEC,
               AGAIN);
    *ret_sealer = tenant->sealer;
    return hin_ok();
}

static HIN_RESULT see_version(void *context, const struct hin_store_key *key)
{
    uint32_t *newest = context;
    *newest = HIN_MAX(*newest, key->version);
    return hin_ok();
}

/* The version of the newest data key; of those made after `after` only, when that is not NULL. */
static HIN_RESULT newest_version(const struct hin_tenant *tenant, const uint8_t *after,
                                 uint32_t *newest)
{
    return hin_store_key_list(tenant->store, after, 0, see_version, newest);
}

static HIN_RESULT take_data_key(struct hin_tenant *tenant, uint32_t version)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf wrapped = {.max = HIN_VAULT_WRAPPED_MAX};
    struct hin_vault_data_key key;
    struct hin_sealer *sealer = NULL;
    tenant->key_use_count++;
    HIN_TRY(hin_keys_data_key_new(&tenant->keys, hin_tenant_view(tenant), tenant->reason, &key,
                                  &wrapped));
    struct hin_result made = hin_store_key_put(tenant->store, key.id, version,
                                               hin_buf_view(&wrapped), hin_tenant_now_usec(tenant));
    if (hin_is_ok(made)) {
        made = hin_sealer_new(&sealer, key.id, &key.key);
    }
    if (hin_is_ok(made)) {
        made = hin_opener_add(tenant->opener, key.id, &key.key);
    }
    hin_secret_done(&key.key);
    if (!hin_is_ok(made)) {
        hin_sealer_free(sealer);
        return made;
    }
    hin_sealer_free(tenant->sealer);
    tenant->sealer = sealer;
    tenant->sealer_usec = hin_clock_monotonic_usec(tenant->clock);
    hin_copy(tenant->sealer_key, key.id, sizeof(key.id));
    tenant->data_version = version;
    return hin_ok();
}

/* With the version that is in force. */
static HIN_RESULT take_present_key(struct hin_tenant *tenant)
{
    uint32_t version = 1;
    HIN_TRY(newest_version(tenant, NULL, &version));
    return take_data_key(tenant, version);
}

HIN_RESULT hin_tenant_rotate_data(struct hin_tenant *tenant)
{
    uint32_t version = 1;
    HIN_TRY(newest_version(tenant, NULL, &version));
    HIN_ENSURE(version < UINT32_MAX, LIMIT);
    return take_data_key(tenant, version + 1);
}

/* The store's keys were made anew (shred.c): what this process seals with is about to go, and
 * what it has opened with is of no use any more. */
static HIN_RESULT renew_key(void *context)
{
    struct hin_tenant *tenant = context;
    HIN_TRY(take_present_key(tenant));
    hin_opener_forget(tenant->opener, NULL);
    return hin_ok();
}

/* *ret_due: there is another key to be taken. */
static HIN_RESULT follow_rotation(struct hin_tenant *tenant, bool *ret_due)
{
    uint32_t version = tenant->data_version;
    struct hin_result seen = newest_version(tenant, tenant->sealer_key, &version);
    *ret_due = seen.code == HIN_NOT_FOUND || version > tenant->data_version;
    if (seen.code == HIN_NOT_FOUND) { /* it went with an erasure */
        return renew_key(tenant);
    }
    HIN_TRY(seen);
    return *ret_due ? take_data_key(tenant, version) : hin_ok();
}

static HIN_RESULT fetch_index_keys(void *context, struct hin_index_keys *ret_keys)
{
    struct hin_tenant *tenant = context;
    tenant->key_use_count++;
    return hin_keys_index_keys(&tenant->keys, hin_tenant_view(tenant), tenant->reason, ret_keys);
}

HIN_RESULT hin_tenant_rotate_index(struct hin_tenant *tenant)
{
    struct hin_vault_tenant_status status;
    struct hin_store_index index;
    tenant->key_use_count++;
    HIN_TRY(hin_keys_tenant_status(&tenant->keys, hin_tenant_view(tenant), &status));
    HIN_ENSURE(status.index_version_count > 0, PROTOCOL);
    HIN_TRY(hin_store_index(tenant->store, &index));
    if (status.index_versions[status.index_version_count - 1] <= index.version) {
        tenant->key_use_count++;
        HIN_TRY(hin_keys_admin(&tenant->keys, HIN_KEYS_INDEX_ROTATE, hin_tenant_view(tenant)));
    }
    HIN_TRY(hin_index_renew(tenant->index));
    return hin_store_index_follow(tenant->store);
}

static void forget_keys(struct hin_tenant *tenant)
{
    hin_sealer_free(tenant->sealer);
    hin_opener_free(tenant->opener);
    hin_index_free(tenant->index);
    tenant->sealer = NULL;
    tenant->opener = NULL;
    tenant->index = NULL;
}

/* Kept while the database is closed for a rest: opening it again costs no use of a key. */
static HIN_RESULT take_keys(struct hin_tenant *tenant)
{
    struct hin_index_keys index_keys = {0};
    struct hin_key_source source = {find_key, tenant};
    if (tenant->sealer != NULL) {
        return hin_ok();
    }
    HIN_TRY(hin_opener_new(&tenant->opener, &source, OPENER_KEYS_MAX));
    HIN_TRY(fetch_index_keys(tenant, &index_keys));
    struct hin_result indexed = hin_index_new_versions(&tenant->index, &index_keys);
    hin_index_keys_done(&index_keys);
    HIN_TRY(indexed);
    hin_index_source(tenant->index, fetch_index_keys, tenant);
    return take_present_key(tenant);
}

/* ---- generations: whether the store, or the vault, was set back ---- */

/* What the store holds is judged. */
static HIN_RESULT ask_generation(struct hin_tenant *tenant, struct hin_buf *found)
{
    struct hin_vault_judgement *said = &tenant->judgement;
    hin_buf_clear(found);
    HIN_TRY(hin_store_generation_get(tenant->store, found));
    HIN_TRY(hin_keys_generation(&tenant->keys, hin_tenant_view(tenant), hin_buf_view(found), said));
    HIN_ENSURE(!hin_vault_is_refusal(said->verdict), SET_BACK);
    return hin_ok();
}

/* One round: where the key service says so it moves on. */
static HIN_RESULT move_generation(struct hin_tenant *tenant, struct hin_buf *found)
{
    const struct hin_vault_judgement *said = &tenant->judgement;
    HIN_TRY(ask_generation(tenant, found));
    return said->token_size == 0
               ? hin_ok()
               : hin_store_generation_move(tenant->store, hin_buf_view(found),
                                           hin_view_of(said->token, said->token_size));
}

/* Another process may move it between the look and the judgement: what was refused is final only
 * when it still stands there. */
static bool has_changed(struct hin_tenant *tenant, const struct hin_buf *found)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf now = {.max = HIN_STORE_GENERATION_BYTES};
    return hin_is_ok(hin_store_generation_get(tenant->store, &now)) &&
           !hin_view_equal(hin_buf_view(&now), hin_buf_view(found));
}

/* CONFLICT, or a refusal that is not final: once more. */
static bool is_again(struct hin_tenant *tenant, const struct hin_buf *found,
                     struct hin_result asked)
{
    return asked.code == HIN_CONFLICT || (asked.code == HIN_SET_BACK && has_changed(tenant, found));
}

/* Before anything is written: a store that does not even unlock is left as it is. */
static HIN_RESULT look_at_generation(struct hin_tenant *tenant)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf found = {.max = HIN_STORE_GENERATION_BYTES};
    for (int round = 0; round < GENERATION_ROUNDS; round++) {
        struct hin_result asked = ask_generation(tenant, &found);
        if (!is_again(tenant, &found, asked)) {
            return asked;
        }
    }
    return hin_fail(HIN_AGAIN);
}

/* Asked until the key service has seen what it gave. */
static HIN_RESULT take_generation(struct hin_tenant *tenant)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf found = {.max = HIN_STORE_GENERATION_BYTES};
    for (int round = 0; round < GENERATION_ROUNDS; round++) {
        struct hin_result moved = move_generation(tenant, &found);
        if (!is_again(tenant, &found, moved)) {
            HIN_TRY(moved);
            if (tenant->judgement.token_size == 0) {
                tenant->judged_usec = hin_clock_monotonic_usec(tenant->clock);
                tenant->is_judged = true;
                return hin_ok();
            }
        }
    }
    return hin_fail(HIN_AGAIN);
}

/* After the first opening by this process: when it is opened again and every few minutes. A key
 * service that is away does not matter then, nor a full disk. */
static HIN_RESULT judge_when_due(struct hin_tenant *tenant)
{
    int64_t now_usec = hin_clock_monotonic_usec(tenant->clock);
    if (!tenant->is_judged || now_usec - tenant->judged_usec < GENERATION_USEC) {
        return hin_ok();
    }
    struct hin_result judged = take_generation(tenant);
    if (judged.code == HIN_SET_BACK) {
        tenant->is_judged = false;
        return judged;
    }
    if (!hin_is_ok(judged)) {
        tenant->judged_usec = now_usec; /* tried again when it is due again */
    }
    return hin_ok();
}

void hin_tenant_refusal_text(const struct hin_vault_judgement *judgement, bool own,
                             const char *tenant, char *out, size_t out_bytes)
{
    char seen[40] = "never";
    bool store = judgement->verdict == HIN_VAULT_STORE_SET_BACK;
    if (judgement->seen_usec > 0) {
        hin_time_format_rfc3339(judgement->seen_usec, 0, seen, sizeof(seen));
    }
    (void)snprintf(out, out_bytes,
                   "%s was set back: the store has generation %llu, the vault knows %llu (last "
                   "seen: %s). Put the newest %s back, or let a key holder accept it as it is: "
                   "hinomi-manager restore accept --state DIR%s%s",
                   store ? "the store" : "the vault", (unsigned long long)judgement->found,
                   (unsigned long long)judgement->known, seen, store ? "store" : "vault",
                   own ? "" : " --tenant ", own ? "" : tenant);
}

/* Keys are kept while the store is closed: what would be sealed under one that does not stand in it
 * any more, since it was put back out of a backup, would never open again. */
static HIN_RESULT know_again(struct hin_tenant *tenant)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf wrapped = {.max = HIN_VAULT_WRAPPED_MAX};
    uint32_t version = 0;
    if (tenant->sealer == NULL) {
        return hin_ok();
    }
    struct hin_result found =
        hin_store_key_get(tenant->store, tenant->sealer_key, &wrapped, &version);
    if (found.code != HIN_NOT_FOUND) {
        return found;
    }
    forget_keys(tenant);
    tenant->is_judged = false;
    tenant->is_another = true;
    return hin_ok();
}

/* fresh: it was made just now, perhaps to be filled from a backup: nothing is written into it but
 * its generation. */
static HIN_RESULT unlock(struct hin_tenant *tenant, bool fresh)
{
    HIN_TRY(know_again(tenant));
    bool first =
        !tenant->is_judged && !tenant->place.scratch && tenant->place.aside == HIN_STORE_IN_PLACE;
    HIN_TRY(first ? look_at_generation(tenant) : judge_when_due(tenant));
    HIN_TRY(take_keys(tenant));
    struct hin_store_keys keys = {
        .sealer = current_sealer,
        .context = tenant,
        .opener = tenant->opener,
        .index = tenant->index,
        .renew = renew_key,
    };
    HIN_TRY(hin_store_unlock(tenant->store, &keys));
    if (first) {
        struct hin_result taken = take_generation(tenant);
        /* A full disk is no reason not to be read: it is taken when there is room. */
        HIN_TRY(taken.code == HIN_NO_SPACE ? hin_ok() : taken);
    }
    /* Audited before anything is done with it; a full disk is no reason not to be read. */
    struct hin_result restored = fresh ? hin_ok() : hin_restored_take(tenant);
    return restored.code == HIN_NO_SPACE ? hin_ok() : restored;
}

/* ---- damage: a mark beside the database says that it must be salvaged; whoever has the database
 * open holds a lock on another file, so that the salvage has it alone ---- */

static void name_of(const struct hin_tenant *tenant, const char *suffix, char name[64])
{
    snprintf(name, 64, "%s.%s", tenant->id, suffix);
}

static bool is_there(const struct hin_tenant *tenant, const char *suffix)
{
    struct stat info;
    char name[64];
    name_of(tenant, suffix, name);
    return fstatat(tenant->place.directory, name, &info, AT_SYMLINK_NOFOLLOW) == 0;
}

bool hin_tenant_keeps_damaged(const struct hin_tenant *tenant)
{
    return is_there(tenant, "db.damaged");
}

/* A salvage that was made is due to take the damaged file's place, whatever became of the mark. */
static bool is_marked(const struct hin_tenant *tenant)
{
    struct hin_store_options options = {.directory = tenant->place.directory, .tenant = tenant->id};
    return is_there(tenant, "damage") || hin_store_salvage_is_made(&options);
}

static HIN_RESULT mark(const struct hin_tenant *tenant)
{
    HIN_CLEANUP_FD int fd = -1;
    char name[64];
    name_of(tenant, "damage", name);
    HIN_TRY(hin_fd_open(tenant->place.directory, name, O_WRONLY | O_CREAT | O_NOFOLLOW, 0600, &fd));
    return hin_directory_sync(tenant->place.directory);
}

/* F_RDLCK, F_WRLCK; what was held before is given up when the new one cannot be had. Who waits to
 * salvage waits no longer than that is due: the process that was faster holds on to the database.
 */
static HIN_RESULT lock(struct hin_tenant *tenant, short type)
{
    const struct timespec pause = {.tv_nsec = 20 * 1000 * 1000};
    int64_t until_usec = hin_clock_monotonic_usec(hin_clock_system()) + LOCK_WAIT_USEC;
    struct flock wanted = {.l_type = F_UNLCK, .l_whence = SEEK_SET};
    if (tenant->lock < 0) {
        char name[64];
        name_of(tenant, "lock", name);
        HIN_TRY(hin_fd_open(tenant->place.directory, name, O_RDWR | O_CREAT | O_NOFOLLOW, 0600,
                            &tenant->lock));
    } else if (type == F_WRLCK) { /* two that held theirs would wait for each other */
        (void)fcntl(tenant->lock, F_OFD_SETLK, &wanted);
    }
    wanted.l_type = type;
    while (fcntl(tenant->lock, F_OFD_SETLK, &wanted) != 0) {
        HIN_ENSURE(errno == EAGAIN || errno == EACCES || errno == EINTR, IO);
        if (type == F_WRLCK && !is_marked(tenant)) {
            return hin_ok();
        }
        HIN_ENSURE(hin_clock_monotonic_usec(hin_clock_system()) < until_usec, AGAIN);
        (void)nanosleep(&pause, NULL);
    }
    return hin_ok();
}

static HIN_RESULT unmark(const struct hin_tenant *tenant)
{
    char name[64];
    name_of(tenant, "damage", name);
    HIN_ENSURE(unlinkat(tenant->place.directory, name, 0) == 0 || errno == ENOENT, IO);
    return hin_directory_sync(tenant->place.directory);
}

/* ---- another mark: the tenant is put back out of a backup. Whoever opens it takes the lock first
 * and looks then, so whoever has left the mark and got the lock alone knows that nobody has it ----
 */

bool hin_tenant_is_restored(const struct hin_tenant *tenant)
{
    return is_there(tenant, "restore");
}

struct hin_result hin_tenant_restore_begin(const struct hin_tenant *tenant)
{
    HIN_CLEANUP_FD int fd = -1;
    char name[64];
    name_of(tenant, "restore", name);
    HIN_TRY(hin_fd_open(tenant->place.directory, name, O_WRONLY | O_CREAT | O_NOFOLLOW, 0600, &fd));
    return hin_directory_sync(tenant->place.directory);
}

struct hin_result hin_tenant_restore_settle(const struct hin_tenant *tenant, int64_t usec)
{
    const struct timespec pause = {.tv_nsec = 20 * 1000 * 1000};
    int64_t until_usec = hin_clock_monotonic_usec(hin_clock_system()) + usec;
    struct flock wanted = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    HIN_CLEANUP_FD int fd = -1;
    char name[64];
    name_of(tenant, "lock", name);
    HIN_TRY(hin_fd_open(tenant->place.directory, name, O_RDWR | O_CREAT | O_NOFOLLOW, 0600, &fd));
    while (fcntl(fd, F_OFD_SETLK, &wanted) != 0) {
        HIN_ENSURE(errno == EAGAIN || errno == EACCES || errno == EINTR, IO);
        HIN_ENSURE(hin_clock_monotonic_usec(hin_clock_system()) < until_usec, AGAIN);
        (void)nanosleep(&pause, NULL);
    }
    return hin_ok();
}

struct hin_result hin_tenant_restore_end(const struct hin_tenant *tenant)
{
    char name[64];
    name_of(tenant, "restore", name);
    HIN_ENSURE(unlinkat(tenant->place.directory, name, 0) == 0 || errno == ENOENT, IO);
    return hin_directory_sync(tenant->place.directory);
}

static HIN_RESULT make_salvage(const struct hin_tenant *tenant,
                               const struct hin_store_options *options, struct hin_error *error)
{
    struct hin_store_salvaged salvaged;
    hin_log(HIN_LOG_ERROR, "the database is damaged: what can be read is put into a new one");
    HIN_TRY(hin_store_salvage_make(options, hin_clock_wall_usec(tenant->clock), &salvaged, error));
    hin_log(HIN_LOG_ERROR,
            "the database was salvaged: %llu rows kept, %llu events and parts of %llu tables lost; "
            "the damaged file stands beside it",
            (unsigned long long)salvaged.rows, (unsigned long long)salvaged.events_lost,
            (unsigned long long)salvaged.tables_broken);
    return hin_ok();
}

/* Alone with the files: what one process has done, the others find done. The mark goes before the
 * exchange, so that the last rename ends it all at once and nothing is salvaged twice. */
static HIN_RESULT salvage(struct hin_tenant *tenant, struct hin_error *error)
{
    struct hin_store_options options = {.directory = tenant->place.directory, .tenant = tenant->id};
    HIN_TRY(lock(tenant, F_WRLCK));
    if (is_marked(tenant)) { /* else another process was faster */
        if (!hin_store_salvage_is_made(&options)) {
            HIN_TRY(make_salvage(tenant, &options, error));
        }
        HIN_TRY(unmark(tenant));
        HIN_TRY(hin_store_salvage_take(&options));
    }
    return lock(tenant, F_RDLCK);
}

static HIN_RESULT open_once(struct hin_tenant *tenant, bool create, struct hin_error *error)
{
    struct hin_store_options options = {
        .directory = tenant->place.directory,
        .server = tenant->place.server,
        .tenant = tenant->id,
        .create = create,
        .aside = tenant->place.aside,
        .cache_kib = tenant->number != 0 ? MANY_CACHE_KIB : 0,
    };
    HIN_TRY(hin_store_open(&tenant->store, &options, error));
    struct hin_result unlocked = unlock(tenant, create);
    if (unlocked.code == HIN_SET_BACK) {
        char text[480];
        hin_tenant_refusal_text(&tenant->judgement, tenant->number == 0, tenant->id, text,
                                sizeof(text));
        return hin_error_set(error, HIN_SET_BACK, NULL, 0, 0, "%s", text);
    }
    if (!hin_is_ok(unlocked)) {
        bool broken = hin_store_is_broken(tenant->store);
        return hin_error_set(error, broken ? HIN_CORRUPT : unlocked.code, NULL, 0, 0,
                             "the store cannot be unlocked: %s%s", hin_code_text(unlocked.code),
                             unlocked.code == HIN_AUTH
                                 ? " (it holds another tenant's data, or these are another "
                                   "installation's keys)"
                                 : "");
    }
    return hin_ok();
}

static void close_store(struct hin_tenant *tenant)
{
    hin_store_close(tenant->store);
    tenant->store = NULL;
}

static HIN_RESULT open_locked(struct hin_tenant *tenant, bool create, struct hin_error *error)
{
    if (tenant->place.aside != HIN_STORE_IN_PLACE) {
        return open_once(tenant, create, error);
    }
    HIN_TRY(lock(tenant, F_RDLCK));
    if (hin_tenant_is_restored(tenant) && !tenant->place.restores) {
        return hin_error_set(error, HIN_AGAIN, NULL, 0, 0,
                             "it is being restored from a backup: hinomi backup restores shows how "
                             "far");
    }
    if (!is_marked(tenant)) {
        struct hin_result opened = open_once(tenant, create, error);
        if (opened.code != HIN_CORRUPT ||
            tenant->place.server != NULL) { /* a server mends itself */
            return opened;
        }
        close_store(tenant);
        HIN_TRY(mark(tenant));
    }
    forget_keys(tenant); /* the salvage may have lost the row of the one that seals */
    HIN_TRY(salvage(tenant, error));
    return open_once(tenant, false, error);
}

void hin_tenant_init(struct hin_tenant *tenant, const struct hin_tenant_place *place,
                     const char *id, const struct hin_keys_carrier *keys,
                     enum hin_vault_reason reason, const struct hin_clock *clock)
{
    *tenant = (struct hin_tenant){
        .keys = *keys, .reason = reason, .clock = clock, .place = *place, .lock = -1};
    snprintf(tenant->id, sizeof(tenant->id), "%s", id);
}

HIN_RESULT hin_tenant_open(struct hin_tenant *tenant, const struct hin_tenant_place *place,
                           const char *id, const struct hin_keys_carrier *keys,
                           enum hin_vault_reason reason, const struct hin_clock *clock, bool create,
                           struct hin_error *error)
{
    hin_tenant_init(tenant, place, id, keys, reason, clock);
    struct hin_result opened = open_locked(tenant, create, error);
    if (!hin_is_ok(opened)) {
        hin_tenant_close(tenant);
    }
    return opened;
}

void hin_tenant_give_memory_back(void)
{
    /* A threshold that is set does not grow with what was freed last. */
    (void)mallopt(M_MMAP_THRESHOLD, MAPPED_BYTES);
    (void)mallopt(M_TRIM_THRESHOLD, MAPPED_BYTES);
}

void hin_tenant_sweep_memory(void)
{
    (void)malloc_trim(0);
}

bool hin_tenant_is_awake(const struct hin_tenant *tenant)
{
    return tenant->store != NULL;
}

HIN_RESULT hin_tenant_wake(struct hin_tenant *tenant)
{
    struct hin_error error = {0};
    if (tenant->store != NULL) {
        return hin_ok();
    }
    if (hin_tenant_is_restored(tenant) && !tenant->place.restores) {
        return hin_fail(HIN_AGAIN); /* which is nothing that has to be in the log */
    }
    struct hin_result opened = open_locked(tenant, false, &error);
    if (!hin_is_ok(opened)) {
        hin_tenant_rest(tenant);
        hin_log_result(HIN_LOG_ERROR, opened, "the database of tenant %s cannot be opened: %s",
                       tenant->id, error.text);
    }
    return opened;
}

void hin_tenant_rest(struct hin_tenant *tenant)
{
    close_store(tenant);
    hin_fd_close(&tenant->lock);
    if (tenant->index != NULL) {
        hin_index_rest(tenant->index);
    }
}

HIN_RESULT hin_tenant_watch(struct hin_tenant *tenant)
{
    int64_t now_usec = hin_clock_monotonic_usec(tenant->clock);
    if (tenant->store != NULL && tenant->place.server == NULL &&
        hin_store_is_broken(tenant->store)) {
        hin_log(HIN_LOG_ERROR, "a page of the database is damaged: all processes that have it open "
                               "end, and it is salvaged before they are back");
        HIN_TRY(mark(tenant));
    }
    HIN_ENSURE(!is_marked(tenant), CORRUPT);
    if (tenant->sealer == NULL) { /* never woken */
        return hin_ok();
    }
    hin_opener_expire(tenant->opener, now_usec, HIN_TENANT_KEY_UNUSED_USEC,
                      HIN_TENANT_KEY_HELD_USEC);
    hin_index_expire(tenant->index, now_usec, HIN_TENANT_KEY_UNUSED_USEC, HIN_TENANT_KEY_HELD_USEC);
    if (tenant->store != NULL) {
        HIN_TRY(judge_when_due(tenant));
    }
    bool due = false;
    struct hin_result followed = tenant->store != NULL ? follow_rotation(tenant, &due) : hin_ok();
    if (due &&
        !hin_is_ok(followed)) { /* the former key goes on until the next second, or its end */
        hin_log_result(HIN_LOG_WARNING, followed,
                       "data keys were rotated, and no new one is there");
    }
    return hin_ok();
}

void hin_tenant_close(struct hin_tenant *tenant)
{
    close_store(tenant);
    forget_keys(tenant);
    if (tenant->id[0] != 0) { /* it was opened once */
        hin_fd_close(&tenant->lock);
    }
}

HIN_RESULT hin_tenant_refresh(struct hin_tenant *tenant)
{
    bool fresh = hin_clock_monotonic_usec(tenant->clock) - tenant->sealer_usec <
                 HIN_TENANT_SEALER_USEC - HIN_MINUTE_USEC;
    bool due = false;
    return fresh && hin_sealer_left_count(tenant->sealer) > SEALER_RESERVE
               ? follow_rotation(tenant, &due)
               : take_present_key(tenant);
}
