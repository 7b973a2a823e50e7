#include "manager/restore/restore.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backup/backup.h"
#include "base/bytes.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/terminal.h"
#include "crypt/x509.h"
#include "keys/ring.h"
#include "manager/audit.h"
#include "manager/config.h"
#include "manager/erasure.h"
#include "manager/holder_key.h"
#include "manager/passphrase.h"
#include "manager/restore/drill.h"
#include "manager/roles.h"
#include "manager/tenant.h"
#include "store/documents.h"

struct options {
    const char *secret_file;
    struct hin_option_texts settings;
    const char *from, *keyring, *new_keyring, *state, *tenant, *at, *store;
    struct hin_passphrase_source passphrase, store_password, holder_key;
    bool json;
};

static const struct hin_option option_rows[] = {
    {"from", 'f', HIN_OPTION_TEXT, offsetof(struct options, from), "URL",
     "Where the backups lie: a folder, or the URL of the destination.", NULL, true, false},
    {"setting", 0, HIN_OPTION_TEXTS, offsetof(struct options, settings), "NAME=VALUE",
     "A setting of the destination, as for `hinomi-manager destination`.", NULL, false, false},
    {"secret-file", 0, HIN_OPTION_TEXT, offsetof(struct options, secret_file), "F",
     "Its credentials, in this file.", NULL, false, false},
    {"keyring", 'k', HIN_OPTION_TEXT, offsetof(struct options, keyring), "PATH",
     "The key ring of the installation that made them.", NULL, true, false},
    {"passphrase-file", 0, HIN_OPTION_TEXT, offsetof(struct options, passphrase.file), "F",
     "Opens the key ring with the pass phrase in this file.", NULL, false, false},
    {"passphrase-fd", 0, HIN_OPTION_TEXT, offsetof(struct options, passphrase.fd), "N",
     "The same, read from a descriptor.", NULL, false, false},
    {"state", 's', HIN_OPTION_TEXT, offsetof(struct options, state), "DIR",
     "A new folder for the installation; with --tenant the folder of one that is there.", NULL,
     true, false},
    {"tenant", 't', HIN_OPTION_TEXT, offsetof(struct options, tenant), "GUID",
     "Puts this tenant alone back, into the installation in DIR; what it holds now is moved aside.",
     NULL, false, false},
    HIN_HOLDER_KEY_OPTION_ROWS(struct options, holder_key),
    {"at", 0, HIN_OPTION_TEXT, offsetof(struct options, at), "TIME",
     "As it was at this time, or the last moment before it that was shipped (RFC 3339); the newest "
     "unless set.",
     NULL, false, false},
    {"new-keyring", 0, HIN_OPTION_TEXT, offsetof(struct options, new_keyring), "PATH",
     "Makes another key ring for the new installation, so that it shares no key with the former; "
     "its mode alone protects it (hinomi-manager protect). The former's is used on unless set.",
     NULL, false, false},
    {"store", 0, HIN_OPTION_TEXT, offsetof(struct options, store), "URL",
     "PostgreSQL server that keeps the data, as for `hinomi-manager init`; SQLite in DIR unless "
     "set.",
     NULL, false, false},
    {"store-password-file", 0, HIN_OPTION_TEXT, offsetof(struct options, store_password.file), "F",
     "Password of the database role, in this file.", NULL, false, false},
    {"store-password-fd", 0, HIN_OPTION_TEXT, offsetof(struct options, store_password.fd), "N",
     "The same, read from a descriptor.", NULL, false, false},
    {"json", 0, HIN_OPTION_FLAG, offsetof(struct options, json), NULL,
     "Print one JSON object instead of text.", NULL, false, false},
};

const struct hin_command hin_manager_restore_command = {
    .name = "hinomi-manager restore",
    .summary = "make an installation, or a tenant, out of backups",
    .details =
        "Everything is checked on the way: a damaged object is named and ends it. The authority "
        "stays the same, so agents, keys and people go on as before; addresses are those of the "
        "settings at the time of the backup (manager.json). The former installation must not run "
        "beside it. What came in after the last shipment is gone from here, but agents send again "
        "what they still hold.\nA tenant that is put back alone (--tenant) is older than the vault "
        "knows: a key holder of the "
        "installation must agree (--holder-key-file).\n`hinomi-manager restore show` and `accept` "
        "are "
        "about files that were put back by hand.",
    .options = option_rows,
    .option_count = HIN_COUNT(option_rows),
};

struct outcome { /* of one tenant */
    char uuid[37];
    int64_t at_usec, last_event, last_audit;
    uint64_t bytes, damaged; /* segments that were damaged before they were backed up */
    uint8_t audit_hash[HIN_STORE_AUDIT_HASH_BYTES];
    bool restored;
};

struct restore {
    struct options options;
    struct hin_manager_config config;
    char state[HIN_PATH_MAX];
    int state_fd, vault_fd, database_fd;
    bool made_state, made_ring;
    bool unfinished; /* a restore into this folder was cut off before */
    int mark;        /* its mark, locked: one at a time */
    int64_t at_usec; /* INT64_MAX: the newest */
    struct hin_depot *depot;
    struct hin_secret secret; /* what the destination asks for */
    struct hin_backup_listed *list;
    size_t list_count;
    struct hin_ring *ring, *fresh_ring;
    struct hin_key_provider source, target;
    struct hin_vault_options vault_options;
    struct hin_vault *vault;
    struct hin_keys_local local;
    struct hin_database database;
    struct outcome *outcomes;
    size_t outcome_count;
    int64_t begun_usec, told_usec;
    struct hin_error error;
};

static HIN_RESULT fail(struct restore *restore, struct hin_result result, const char *what)
{
    if (!hin_is_ok(result) && restore->error.text[0] == '\0') {
        return hin_error_set(&restore->error, result.code, NULL, 0, 0, "%s: %s (%s)", what,
                             hin_code_text(result.code), hin_code_hint(result.code));
    }
    return result;
}

#define STEP(expression, what)                                                                     \
    do {                                                                                           \
        struct hin_result step_ = (expression);                                                    \
        if (!hin_is_ok(step_)) {                                                                   \
            return fail(restore, step_, (what));                                                   \
        }                                                                                          \
    } while (0)

/* ---- what is read from ---- */

static HIN_RESULT open_depot(struct restore *restore)
{
    char path[HIN_PATH_MAX], url[HIN_PATH_MAX + 8];
    const char *from = restore->options.from;
    if (strstr(from, "://") == NULL) {
        HIN_TRY(hin_path_absolute(from, path));
        snprintf(url, sizeof(url), "file://%s", path);
        from = url;
    }
    struct hin_depot_options options = {.url = from, .directory = -1, .read_only = true};
    HIN_CLEANUP_FD int file = -1;
    const char *settings[HIN_OPTION_TEXTS_MAX + 1] = {NULL};
    for (size_t i = 0; i < restore->options.settings.count; i++) {
        settings[i] = restore->options.settings.items[i];
    }
    options.settings = settings;
    if (restore->options.secret_file != NULL) {
        STEP(hin_fd_open(AT_FDCWD, restore->options.secret_file, O_RDONLY, 0, &file),
             "opening the file of --secret-file");
        STEP(hin_secret_read_fd(&restore->secret, file), "reading the file of --secret-file");
        options.secret = &restore->secret;
    }
    STEP(hin_depot_open(&restore->depot, &options, &restore->error), "opening the destination");
    struct hin_result listed =
        hin_backup_list(restore->depot, NULL, &restore->list, &restore->list_count);
    if (!hin_is_ok(listed)) {
        restore->error = *hin_depot_error(restore->depot);
        return listed;
    }
    if (restore->list_count == 0) {
        return hin_error_set(&restore->error, HIN_NOT_FOUND, restore->options.from, 0, 0,
                             "no backup lies there");
    }
    return hin_ok();
}

static HIN_RESULT open_ring(struct restore *restore)
{
    HIN_CLEANUP(hin_secret_done) struct hin_secret passphrase = {0};
    STEP(hin_passphrase_read(&restore->options.passphrase, &passphrase, &restore->error),
         "reading the pass phrase");
    STEP(hin_ring_open(&restore->ring, AT_FDCWD, restore->options.keyring,
                       passphrase.size > 0 ? &passphrase : NULL, &restore->error),
         "opening the key ring");
    restore->source = restore->target = hin_ring_provider(restore->ring);
    STEP(hin_path_absolute(restore->options.keyring, restore->config.keyring), "--keyring");
    if (restore->options.new_keyring == NULL) {
        return hin_ok();
    }
    STEP(hin_path_absolute(restore->options.new_keyring, restore->config.keyring), "--new-keyring");
    STEP(hin_ring_create(AT_FDCWD, restore->config.keyring, NULL, &restore->error),
         "making the new key ring");
    restore->made_ring = true;
    STEP(hin_ring_open(&restore->fresh_ring, AT_FDCWD, restore->config.keyring, NULL,
                       &restore->error),
         "opening the new key ring");
    restore->target = hin_ring_provider(restore->fresh_ring);
    return hin_ok();
}

static HIN_RESULT open_key(void *context, struct hin_view tenant, struct hin_view payload,
                           struct hin_vault_data_key *ret_key)
{
    struct restore *restore = context;
    return hin_vault_backup_unwrap(&restore->source, tenant, payload, ret_key);
}

static HIN_RESULT show(void *context, const struct hin_backup_progress *progress)
{
    struct restore *restore = context;
    int64_t now_usec = hin_clock_monotonic_usec(hin_clock_system());
    if (isatty(STDERR_FILENO) && now_usec - restore->told_usec > HIN_SEC_USEC / 5) {
        restore->told_usec = now_usec;
        fprintf(stderr, "\r%llu of %llu objects, %llu MB ", (unsigned long long)progress->objects,
                (unsigned long long)progress->objects_all,
                (unsigned long long)(progress->bytes >> 20));
    }
    return hin_ok();
}

static struct hin_backup handle(struct restore *restore, const char *tenant)
{
    return (struct hin_backup){.depot = restore->depot,
                               .tenant = tenant,
                               .open_key = open_key,
                               .key_context = restore,
                               .between = show,
                               .between_context = restore,
                               .read_ahead = true};
}

/* ---- which backup ---- */

/* The newest shipment at or before the time: they ascend. */
static HIN_RESULT load_at(struct restore *restore, struct hin_backup *backup,
                          const struct hin_backup_listed *listed,
                          struct hin_backup_manifest *ret_manifest)
{
    uint32_t low = 0, high = listed->last_sequence;
    if (restore->at_usec == INT64_MAX) {
        return hin_backup_load(backup, listed->begun_usec, UINT32_MAX, ret_manifest, NULL);
    }
    while (low < high) {
        uint32_t middle = low + (high - low + 1) / 2;
        struct hin_backup_manifest probe;
        HIN_TRY(hin_backup_load(backup, listed->begun_usec, middle, &probe, NULL));
        bool before = probe.at_usec <= restore->at_usec;
        hin_backup_manifest_done(&probe);
        low = before ? middle : low;
        high = before ? high : middle - 1;
    }
    return hin_backup_load(backup, listed->begun_usec, low, ret_manifest, NULL);
}

/* One whose key is destroyed is passed over; one that is damaged is not, without a word. */
static HIN_RESULT choose(struct restore *restore, const char *tenant,
                         struct hin_backup_manifest *ret_manifest)
{
    struct hin_backup backup = handle(restore, tenant);
    struct hin_result loaded = hin_fail(HIN_NOT_FOUND);
    for (size_t i = restore->list_count; i > 0 && loaded.code == HIN_NOT_FOUND; i--) {
        const struct hin_backup_listed *at = &restore->list[i - 1];
        if (strcmp(at->tenant, tenant) == 0 && at->begun_usec <= restore->at_usec) {
            loaded = load_at(restore, &backup, at, ret_manifest);
        }
    }
    if (!hin_is_ok(loaded) && backup.error.text[0] != '\0') {
        restore->error = backup.error;
    }
    return fail(restore, loaded, "no backup of this tenant, of that time, can be opened");
}

/* ---- what is written to ---- */

static HIN_RESULT make_folder(struct restore *restore, const char *name, unsigned user, int *ret_fd)
{
    if (mkdirat(restore->state_fd, name, 0700) != 0) {
        return hin_fail(hin_code_from_errno(errno));
    }
    if (restore->config.uid_base != 0) {
        uid_t uid = restore->config.uid_base + user;
        if (fchownat(restore->state_fd, name, uid, uid, AT_SYMLINK_NOFOLLOW) != 0) {
            return hin_fail(hin_code_from_errno(errno));
        }
    }
    return hin_fd_open(restore->state_fd, name, O_RDONLY | O_DIRECTORY, 0, ret_fd);
}

static HIN_RESULT take_mark(struct restore *restore)
{
    static const char mark[] = "restore.unfinished";
    struct stat about;
    restore->unfinished = fstatat(restore->state_fd, mark, &about, AT_SYMLINK_NOFOLLOW) == 0;
    HIN_TRY(hin_fd_open(restore->state_fd, mark, O_WRONLY | O_CREAT | O_NOFOLLOW, 0600,
                        &restore->mark));
    if (flock(restore->mark, LOCK_EX | LOCK_NB) != 0) {
        return hin_error_set(&restore->error, HIN_CONFLICT, restore->state, 0, 0,
                             "another restore into this folder is at work");
    }
    return hin_directory_sync(restore->state_fd);
}

/* A restore that was cut off leaves no manager.json: what it made is thrown away. Anything else in
 * the folder is somebody's. */
static HIN_RESULT clear_state(struct restore *restore)
{
    static const char *const ours[] = {"vault", "db", "ca.pem"};
    struct stat about;
    if (fstatat(restore->state_fd, "manager.json", &about, AT_SYMLINK_NOFOLLOW) == 0) {
        return hin_error_set(&restore->error, HIN_EXISTS, restore->state, 0, 0,
                             "there is an installation in this folder already: name a new folder, "
                             "or a tenant with --tenant");
    }
    HIN_TRY(take_mark(restore));
    for (size_t i = 0; restore->unfinished && i < HIN_COUNT(ours); i++) {
        char path[HIN_PATH_MAX];
        HIN_TRY(hin_path_join(path, sizeof(path), restore->state, ours[i]));
        HIN_TRY(hin_directory_remove(path));
    }
    return hin_ok();
}

static HIN_RESULT make_state(struct restore *restore)
{
    struct stat about;
    STEP(hin_path_absolute(restore->options.state, restore->state), "--state");
    restore->made_state = stat(restore->state, &about) != 0;
    restore->config.uid_base = geteuid() == 0 ? HIN_MANAGER_UID_BASE : 0;
    STEP(hin_directory_make(restore->state, 0700), "making the state folder");
    STEP(hin_fd_open(AT_FDCWD, restore->state, O_RDONLY | O_DIRECTORY, 0, &restore->state_fd),
         "opening the state folder");
    STEP(clear_state(restore), "making room in the state folder");
    STEP(make_folder(restore, "vault", HIN_ROLE_USER_KEYS, &restore->vault_fd),
         "making the vault's folder");
    return fail(restore, make_folder(restore, "db", HIN_ROLE_USER_DATA, &restore->database_fd),
                "making the database's folder");
}

static HIN_RESULT open_database(struct restore *restore)
{
    if (restore->options.store != NULL) {
        STEP(hin_database_settle(restore->options.store, restore->config.store,
                                 sizeof(restore->config.store), &restore->error),
             "--store");
    }
    return fail(restore,
                hin_database_open(&restore->database, restore->config.store,
                                  &restore->options.store_password, &restore->error),
                "reaching the database");
}

static void use_vault(struct restore *restore)
{
    restore->local = (struct hin_keys_local){restore->vault, HIN_KEYS_MASK_ALL};
}

/* ---- one tenant ---- */

static HIN_RESULT keep_outcome(struct restore *restore, const char *uuid,
                               const struct hin_backup_manifest *manifest)
{
    void *fresh = realloc(restore->outcomes, (restore->outcome_count + 1) * sizeof(struct outcome));
    HIN_ENSURE(fresh != NULL, NO_MEMORY);
    restore->outcomes = fresh;
    struct outcome *outcome = &restore->outcomes[restore->outcome_count++];
    *outcome = (struct outcome){0};
    snprintf(outcome->uuid, sizeof(outcome->uuid), "%s", uuid);
    if (manifest != NULL) {
        outcome->restored = true;
        outcome->at_usec = manifest->at_usec;
        outcome->last_event = manifest->position.last_event_id;
        outcome->last_audit = manifest->position.audit_number;
        outcome->bytes = hin_backup_bytes(manifest);
        hin_copy(outcome->audit_hash, manifest->position.audit_hash, sizeof(outcome->audit_hash));
        for (size_t i = 0; i < manifest->segment_count; i++) {
            outcome->damaged += manifest->segments[i].row.damaged != 0;
        }
    }
    return hin_ok();
}

/* The entry goes into the record that was restored: what came after it there is gone. */
static HIN_RESULT record(struct hin_tenant *tenant, const struct hin_backup_manifest *manifest)
{
    char when[32], detail[200];
    hin_time_format_rfc3339(manifest->at_usec, 3, when, sizeof(when));
    snprintf(detail, sizeof(detail),
             "from the backup begun at %lld us, shipment %u: as of %s, up to event %lld",
             (long long)manifest->begun_usec, manifest->sequence, when,
             (long long)manifest->position.last_event_id);
    struct hin_audit audit = {.action = "backup.restore",
                              .outcome = "done",
                              .actor = HIN_VIEW("restore"),
                              .detail = hin_view_from_text(detail)};
    return hin_audit_write(tenant, &audit);
}

/* What the tenant holds now stays beside it: SQLite's files under another name. A server's schema
 * goes: it has backups of its own, and room for one schema of a name. */
static HIN_RESULT move_aside(struct restore *restore, const char *uuid)
{
    static const char *const endings[] = {"db", "db-wal", "db-shm"};
    bool done = false;
    if (restore->database.is_server) {
        struct hin_store_options options = {
            .directory = restore->database_fd, .tenant = uuid, .server = &restore->database.server};
        while (!done) {
            HIN_TRY(hin_store_erase(&options, &done, &restore->error));
        }
        return hin_ok();
    }
    for (size_t i = 0; i < HIN_COUNT(endings); i++) {
        char from[64], to[64];
        snprintf(from, sizeof(from), "%s.%s", uuid, endings[i]);
        snprintf(to, sizeof(to), "%s.former.%s", uuid, endings[i]);
        if (renameat(restore->database_fd, from, restore->database_fd, to) != 0 &&
            errno != ENOENT) {
            return hin_fail(hin_code_from_errno(errno));
        }
    }
    return hin_directory_sync(restore->database_fd);
}

/* The index key may have been rotated between the backup's key and its last increment: what is
 * there is then made anew under one that is newer still. */
static HIN_RESULT fit_index(struct restore *restore, struct hin_tenant *tenant)
{
    struct hin_store_index index;
    HIN_TRY(hin_store_index(tenant->store, &index));
    if (index.version > hin_index_version(tenant->index)) {
        HIN_TRY(hin_vault_index_raise(restore->vault, hin_tenant_view(tenant), index.version));
        HIN_TRY(hin_index_renew(tenant->index));
    }
    return hin_store_index_follow(tenant->store);
}

/* The tenant's keys are in the vault. *tenant stays open. */
static HIN_RESULT fill(struct restore *restore, const struct hin_backup_manifest *manifest,
                       struct hin_tenant *tenant)
{
    struct hin_keys_carrier carrier = hin_keys_carrier_local(&restore->local);
    struct hin_tenant_place place = {restore->database_fd, hin_database_server(&restore->database)};
    struct hin_backup backup = handle(restore, manifest->tenant);
    if (restore->unfinished && restore->database.is_server) {
        STEP(move_aside(restore, manifest->tenant), "removing what was half restored");
    }
    STEP(hin_tenant_open(tenant, &place, manifest->tenant, &carrier, HIN_VAULT_FOR_BACKUP,
                         hin_clock_system(), true, &restore->error),
         "making the database");
    struct hin_result filled = hin_backup_restore(&backup, manifest, tenant->store);
    if (!hin_is_ok(filled)) {
        restore->error = backup.error;
        return filled;
    }
    STEP(fit_index(restore, tenant), "fitting the index key");
    STEP(record(tenant, manifest), "writing the audit record");
    return keep_outcome(restore, manifest->tenant, manifest);
}

/* ---- an installation ---- */

/* Whose backup holds the installation's keys: its own tenant's. */
static HIN_RESULT find_own(struct restore *restore, struct hin_backup_manifest *ret_manifest)
{
    const char *former = "";
    restore->vault_options =
        (struct hin_vault_options){.provider = restore->target,
                                   .storage = hin_vault_storage_folder(&restore->vault_fd),
                                   .own = restore->config.tenant};
    for (size_t i = 0; i < restore->list_count; i++) {
        const char *tenant = restore->list[i].tenant;
        if (strcmp(tenant, former) == 0) {
            continue;
        }
        former = tenant;
        struct hin_result chosen = choose(restore, tenant, ret_manifest);
        if (chosen.code == HIN_NOT_FOUND) {
            continue; /* erased */
        }
        HIN_TRY(chosen);
        struct hin_result made =
            hin_vault_restore(&restore->vault, &restore->vault_options, &restore->source,
                              hin_view_from_text(tenant), hin_buf_view(&ret_manifest->payload));
        if (hin_is_ok(made)) {
            restore->error = (struct hin_error){0};
            use_vault(restore);
            return hin_view_to_text(hin_view_from_text(tenant), restore->config.tenant,
                                    sizeof(restore->config.tenant));
        }
        hin_backup_manifest_done(ret_manifest);
        if (made.code != HIN_NOT_FOUND) {
            return fail(restore, made, "making the vault");
        }
    }
    return hin_error_set(
        &restore->error, HIN_NOT_FOUND, restore->options.from, 0, 0,
        "none of the backups there holds the installation's own tenant and opens with this key "
        "ring: it is another installation's, or older than they are");
}

/* The settings of then, with what is given now. */
static HIN_RESULT take_settings(struct restore *restore, struct hin_store *store)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf buf = {.max = HIN_STORE_DOCUMENT_BYTES};
    struct hin_store_document document;
    struct hin_manager_config then;
    struct hin_result got = hin_store_get(store, HIN_STORE_BACKUP_SETTINGS, 1, &buf, &document);
    if (hin_is_ok(got)) {
        got = hin_manager_config_parse(document.bytes, &then, &restore->error);
    }
    STEP(got, "reading the settings");
    hin_copy(then.keyring, restore->config.keyring, sizeof(then.keyring));
    hin_copy(then.store, restore->config.store, sizeof(then.store));
    hin_copy(then.tenant, restore->config.tenant, sizeof(then.tenant));
    then.kms = restore->config.kms;
    then.uid_base = restore->config.uid_base;
    restore->config = then;
    return hin_ok();
}

struct rows {
    struct hin_tenant_row list[4096];
    size_t count;
};

static HIN_RESULT add_row(void *context, const struct hin_store_document *document)
{
    struct rows *rows = context;
    struct hin_tenant_row row;
    HIN_TRY(hin_tenant_row_read(document->id, document->bytes, &row));
    if (row.state < HIN_TENANT_ERASING) {
        HIN_ENSURE(rows->count < HIN_COUNT(rows->list), LIMIT);
        rows->list[rows->count++] = row;
    }
    return hin_ok();
}

static bool has_backup(const struct restore *restore, const char *uuid)
{
    for (size_t i = 0; i < restore->list_count; i++) {
        if (strcmp(restore->list[i].tenant, uuid) == 0) {
            return true;
        }
    }
    return false;
}

static HIN_RESULT restore_other(struct restore *restore, const char *uuid)
{
    struct hin_backup_manifest manifest;
    struct hin_tenant tenant = {.lock = -1};
    if (!has_backup(restore, uuid)) {
        return keep_outcome(restore, uuid, NULL);
    }
    struct hin_result done = choose(restore, uuid, &manifest);
    if (done.code == HIN_NOT_FOUND) {
        restore->error = (struct hin_error){0};
        return keep_outcome(restore, uuid, NULL);
    }
    HIN_TRY(done);
    done = hin_vault_restore_tenant(restore->vault, &restore->source, hin_view_from_text(uuid),
                                    hin_buf_view(&manifest.payload));
    if (hin_is_ok(done)) {
        done = fill(restore, &manifest, &tenant);
        hin_tenant_close(&tenant);
    }
    hin_backup_manifest_done(&manifest);
    return fail(restore, done, "restoring a tenant");
}

static HIN_RESULT restore_others(struct restore *restore, struct hin_store *own)
{
    struct hin_store_page all = {0};
    struct hin_store_listed listed;
    struct rows *rows = calloc(1, sizeof(*rows));
    HIN_ENSURE(rows != NULL, NO_MEMORY);
    struct hin_result done = hin_store_list(own, HIN_STORE_TENANTS, &all, add_row, rows, &listed);
    for (size_t i = 0; hin_is_ok(done) && i < rows->count; i++) {
        done = restore_other(restore, rows->list[i].uuid);
    }
    free(rows);
    return done;
}

static HIN_RESULT restore_own(struct restore *restore, const struct hin_backup_manifest *manifest)
{
    struct hin_tenant own = {.lock = -1};
    STEP(hin_vault_restore_tenant(restore->vault, &restore->source,
                                  hin_view_from_text(manifest->tenant),
                                  hin_buf_view(&manifest->payload)),
         "making the tenant's keys");
    struct hin_result done = fill(restore, manifest, &own);
    if (hin_is_ok(done)) {
        done = take_settings(restore, own.store);
    }
    if (hin_is_ok(done)) {
        done = restore_others(restore, own.store);
    }
    hin_tenant_close(&own);
    return fail(restore, done, "restoring the installation's own tenant");
}

static HIN_RESULT write_authority(struct restore *restore)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf der = {.max = HIN_X509_MAX_BYTES};
    HIN_CLEANUP(hin_buf_done) struct hin_buf pem = {.max = 65536};
    HIN_TRY(hin_vault_ca(restore->vault, &der));
    HIN_TRY(hin_x509_to_pem(hin_buf_view(&der), &pem));
    return hin_file_replace(restore->state_fd, "ca.pem", hin_buf_view(&pem), 0644);
}

/* The roles that serve the files have users of their own. */
static HIN_RESULT give_away(const struct restore *restore, int folder, unsigned user)
{
    char path[64];
    if (restore->config.uid_base == 0) {
        return hin_ok();
    }
    snprintf(path, sizeof(path), "/proc/self/fd/%d", folder);
    return hin_folder_own(path, restore->config.uid_base + user);
}

static HIN_RESULT restore_installation(struct restore *restore)
{
    struct hin_backup_manifest manifest;
    HIN_TRY(open_depot(restore));
    HIN_TRY(open_ring(restore));
    HIN_TRY(make_state(restore));
    HIN_TRY(open_database(restore));
    HIN_TRY(find_own(restore, &manifest));
    struct hin_result done = restore_own(restore, &manifest);
    hin_backup_manifest_done(&manifest);
    HIN_TRY(done);
    STEP(write_authority(restore), "writing the authority's certificate");
    STEP(give_away(restore, restore->database_fd, HIN_ROLE_USER_DATA), "giving the database away");
    STEP(give_away(restore, restore->vault_fd, HIN_ROLE_USER_KEYS), "giving the vault away");
    /* Last: a folder without it is no installation. */
    STEP(hin_manager_config_save(restore->state_fd, &restore->config), "writing the settings");
    (void)unlinkat(restore->state_fd, "restore.unfinished", 0);
    return hin_ok();
}

/* ---- one tenant of an installation that is there ---- */

static HIN_RESULT open_installation(struct restore *restore)
{
    char keyring[HIN_PATH_MAX];
    hin_copy(keyring, restore->config.keyring, sizeof(keyring));
    STEP(hin_fd_open(AT_FDCWD, restore->options.state, O_RDONLY | O_DIRECTORY, 0,
                     &restore->state_fd),
         "opening the state folder");
    HIN_TRY(hin_manager_config_load(restore->state_fd, &restore->config, &restore->error));
    STEP(hin_fd_open(restore->state_fd, "vault", O_RDONLY | O_DIRECTORY, 0, &restore->vault_fd),
         "opening the vault's folder");
    STEP(hin_fd_open(restore->state_fd, "db", O_RDONLY | O_DIRECTORY, 0, &restore->database_fd),
         "opening the database's folder");
    STEP(hin_ring_lock(restore->ring, &restore->error),
         "taking the key ring (the manager must not run)");
    restore->vault_options =
        (struct hin_vault_options){.provider = restore->source,
                                   .storage = hin_vault_storage_folder(&restore->vault_fd),
                                   .own = restore->config.tenant};
    STEP(hin_vault_open(&restore->vault, &restore->vault_options), "opening the vault");
    use_vault(restore);
    return open_database(restore);
}

/* Its blind tokens were made with the index key of then: the vault must have the same. */
static HIN_RESULT match_keys(struct restore *restore, const struct hin_backup_manifest *manifest)
{
    struct hin_view tenant = hin_view_from_text(manifest->tenant);
    struct hin_result made = hin_vault_restore_tenant(restore->vault, &restore->source, tenant,
                                                      hin_buf_view(&manifest->payload));
    if (made.code != HIN_EXISTS) {
        return fail(restore, made, "making the tenant's keys");
    }
    struct hin_result same = hin_vault_backup_fits(restore->vault, &restore->source, tenant,
                                                   hin_buf_view(&manifest->payload));
    if (same.code == HIN_CONFLICT) {
        return hin_error_set(&restore->error, HIN_CONFLICT, NULL, 0, 0,
                             "the index key of tenant %s was rotated after this backup: restore "
                             "the whole installation into a new folder, or a newer backup",
                             manifest->tenant);
    }
    return fail(restore, same, "comparing the tenant's keys");
}

/* The store that is made has no generation yet. One that was never opened is none that was set
 * back.
 */
static HIN_RESULT let_pass(struct restore *restore, const char *uuid, const char *holder)
{
    struct hin_result granted =
        hin_vault_accept(restore->vault, hin_view_from_text(uuid), HIN_VIEW_EMPTY, holder);
    return granted.code == HIN_CONFLICT ? hin_ok() : granted;
}

static HIN_RESULT restore_tenant(struct restore *restore)
{
    struct hin_backup_manifest manifest;
    struct hin_tenant tenant = {.lock = -1};
    HIN_TRY(open_depot(restore));
    HIN_TRY(open_ring(restore));
    HIN_TRY(open_installation(restore));
    HIN_TRY(choose(restore, restore->options.tenant, &manifest));
    struct hin_vault_holder holder;
    struct hin_result done = match_keys(restore, &manifest);
    if (hin_is_ok(done)) {
        done = hin_holder_key_find(restore->vault, &restore->options.holder_key, &holder,
                                   &restore->error);
    }
    if (hin_is_ok(done)) {
        done = fail(restore, let_pass(restore, manifest.tenant, holder.name),
                    "storing in the vault that it may be older");
    }
    if (hin_is_ok(done)) {
        done = fail(restore, move_aside(restore, manifest.tenant), "moving the former aside");
    }
    if (hin_is_ok(done)) {
        done = fill(restore, &manifest, &tenant);
        hin_tenant_close(&tenant);
    }
    hin_backup_manifest_done(&manifest);
    HIN_TRY(done);
    STEP(give_away(restore, restore->vault_fd, HIN_ROLE_USER_KEYS), "giving the vault to its user");
    return fail(restore, give_away(restore, restore->database_fd, HIN_ROLE_USER_DATA),
                "giving the database to its user");
}

/* ---- the command ---- */

static HIN_RESULT print_json(const struct restore *restore, int64_t took_usec)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf out = {.max = 16 << 20};
    struct hin_json_writer writer;
    hin_json_writer_init(&writer, &out, true);
    hin_json_begin_object(&writer);
    hin_json_field_integer(&writer, "tookMsec", took_usec / HIN_MSEC_USEC);
    hin_json_key(&writer, "tenants");
    hin_json_begin_array(&writer);
    for (size_t i = 0; i < restore->outcome_count; i++) {
        const struct outcome *at = &restore->outcomes[i];
        hin_json_begin_object(&writer);
        hin_json_field_cstring(&writer, "guid", at->uuid);
        hin_json_field_boolean(&writer, "restored", at->restored);
        hin_json_field_integer(&writer, "at", at->at_usec / HIN_MSEC_USEC);
        hin_json_field_integer(&writer, "lastEventID", at->last_event);
        hin_json_field_integer(&writer, "lastAuditID", at->last_audit);
        hin_json_field_unsigned(&writer, "bytes", at->bytes);
        hin_json_end_object(&writer);
    }
    hin_json_end_array(&writer);
    hin_json_end_object(&writer);
    HIN_TRY(hin_json_writer_finish(&writer));
    printf("%.*s\n", HIN_ARGS(hin_buf_view(&out)));
    return hin_ok();
}

static void print_text(const struct restore *restore, int64_t took_usec)
{
    for (size_t i = 0; i < restore->outcome_count; i++) {
        const struct outcome *at = &restore->outcomes[i];
        char when[32];
        hin_time_format_rfc3339(at->at_usec, 0, when, sizeof(when));
        if (at->restored) {
            printf("tenant %s  as of %s, up to event %lld, %llu MB\n", at->uuid, when,
                   (long long)at->last_event, (unsigned long long)(at->bytes >> 20));
        } else {
            printf("tenant %s  not restored: no backup of it can be opened\n", at->uuid);
        }
    }
    printf("took %.1f s\n", (double)took_usec / (double)HIN_SEC_USEC);
}

static HIN_RESULT print(const struct restore *restore)
{
    int64_t took_usec = hin_clock_monotonic_usec(hin_clock_system()) - restore->begun_usec;
    if (isatty(STDERR_FILENO)) {
        fprintf(stderr, "\n");
    }
    if (restore->options.json) {
        return print_json(restore, took_usec);
    }
    print_text(restore, took_usec);
    return hin_ok();
}

static void restore_done(struct restore *restore, bool keep)
{
    bool new_folder = restore->options.tenant == NULL;
    hin_database_close(&restore->database);
    hin_vault_free(restore->vault);
    hin_ring_free(restore->ring);
    hin_ring_free(restore->fresh_ring);
    hin_depot_close(restore->depot);
    hin_secret_done(&restore->secret);
    free(restore->list);
    free(restore->outcomes);
    hin_fd_close(&restore->mark);
    hin_fd_close(&restore->database_fd);
    hin_fd_close(&restore->vault_fd);
    hin_fd_close(&restore->state_fd);
    if (!keep && new_folder && restore->made_state) {
        HIN_IGNORE(hin_directory_remove(restore->state)); /* the failure that led here is told */
    }
    if (!keep && restore->made_ring) {
        (void)unlink(restore->config.keyring);
    }
}

/* ---- for a drill ---- */

/* Every page is read and every sealed thing opened, and its end is that of the backup. */
static HIN_RESULT verify(struct restore *restore, const struct outcome *outcome,
                         struct hin_drill_tenant *to)
{
    struct hin_keys_carrier carrier = hin_keys_carrier_local(&restore->local);
    struct hin_tenant_place place = {restore->database_fd, NULL};
    struct hin_tenant tenant = {.lock = -1};
    struct hin_store_check check = {0};
    uint8_t hash[HIN_STORE_AUDIT_HASH_BYTES] = {0};
    STEP(hin_tenant_open(&tenant, &place, outcome->uuid, &carrier, HIN_VAULT_FOR_BACKUP,
                         hin_clock_system(), false, &restore->error),
         "opening what was restored");
    struct hin_result checked = hin_store_check(tenant.store, &check);
    if (hin_is_ok(checked) && outcome->last_audit > 0) {
        checked = hin_store_copy_audit_hash(tenant.store, outcome->last_audit, hash);
    }
    hin_tenant_close(&tenant);
    HIN_TRY(fail(restore, checked, "checking what was restored"));
    bool whole = check.structure_ok && check.documents_damaged == 0 && check.audit_damaged == 0 &&
                 check.events_damaged == 0 && check.segments_damaged <= outcome->damaged;
    to->verified = whole && memcmp(hash, outcome->audit_hash, sizeof(hash)) == 0;
    snprintf(to->error, sizeof(to->error), "%s",
             to->verified ? "" : "does not verify: something in it is damaged");
    return hin_ok();
}

static HIN_RESULT report_outcomes(struct restore *restore, struct hin_drill_report *report)
{
    report->tenants = calloc(restore->outcome_count + 1, sizeof(*report->tenants));
    HIN_ENSURE(report->tenants != NULL, NO_MEMORY);
    report->tenant_count = restore->outcome_count;
    for (size_t i = 0; i < restore->outcome_count; i++) {
        const struct outcome *at = &restore->outcomes[i];
        struct hin_drill_tenant *to = &report->tenants[i];
        snprintf(to->uuid, sizeof(to->uuid), "%s", at->uuid);
        snprintf(to->error, sizeof(to->error), "%s",
                 at->restored ? "" : "was not restored: no backup of it can be opened");
        to->restored = at->restored;
        to->at_usec = at->at_usec;
        to->last_event = at->last_event;
        to->last_audit = at->last_audit;
        to->bytes = (int64_t)at->bytes;
        hin_copy(to->audit_hash, at->audit_hash, sizeof(to->audit_hash));
        if (at->restored) {
            HIN_TRY(verify(restore, at, to));
        }
    }
    return hin_ok();
}

HIN_RESULT hin_restore_try(const struct hin_restore_wish *wish, struct hin_drill_report *report,
                           struct hin_error *error)
{
    struct restore restore = {
        .state_fd = -1,
        .vault_fd = -1,
        .database_fd = -1,
        .at_usec = INT64_MAX,
        .options = {.from = wish->from,
                    .settings = wish->settings,
                    .secret_file = wish->secret_file,
                    .keyring = wish->keyring,
                    .passphrase = wish->passphrase,
                    .state = wish->state},
    };
    hin_manager_config_default(&restore.config);
    struct hin_result tried = restore_installation(&restore);
    if (hin_is_ok(tried)) {
        tried = report_outcomes(&restore, report);
    }
    *error = restore.error;
    restore_done(&restore, false);
    return tried;
}

static HIN_RESULT run(struct restore *restore)
{
    restore->at_usec = INT64_MAX;
    if (restore->options.at != NULL &&
        !hin_is_ok(
            hin_time_parse_rfc3339(hin_view_from_text(restore->options.at), &restore->at_usec))) {
        return hin_error_set(&restore->error, HIN_INVALID, NULL, 0, 0,
                             "--at: not like 2026-11-29T12:00:00Z: %s", restore->options.at);
    }
    if (restore->options.tenant != NULL && restore->options.new_keyring != NULL) {
        return hin_error_set(&restore->error, HIN_INVALID, NULL, 0, 0,
                             "--new-keyring goes with a new installation, not with --tenant");
    }
    return restore->options.tenant != NULL ? restore_tenant(restore)
                                           : restore_installation(restore);
}

int hin_manager_restore(const struct hin_role_program *program, int argc, char **argv)
{
    struct restore restore = {.state_fd = -1, .vault_fd = -1, .database_fd = -1, .mark = -1};
    char **operands;
    size_t operand_count = 0;
    bool help = false;
    (void)program;
    struct hin_result result =
        hin_option_parse(&hin_manager_restore_command, argc, argv, &restore.options, &operands,
                         &operand_count, &help, &restore.error);
    if (help) {
        hin_option_help(&hin_manager_restore_command, stdout);
        return 0;
    }
    if (!hin_is_ok(result)) {
        hin_terminal_line(stderr, "hinomi-manager restore: %s", restore.error.text);
        return 2;
    }
    umask(077);
    hin_log_open("hinomi-manager", "restore", HIN_LOG_INFO);
    hin_manager_config_default(&restore.config);
    restore.begun_usec = hin_clock_monotonic_usec(hin_clock_system());
    result = run(&restore);
    if (hin_is_ok(result)) {
        result = print(&restore);
    }
    if (!hin_is_ok(result)) {
        char text[1200];
        hin_error_format(&restore.error, text, sizeof(text));
        hin_terminal_line(stderr, "hinomi-manager restore: %s",
                          restore.error.text[0] != '\0' ? text : hin_code_text(result.code));
    }
    restore_done(&restore, hin_is_ok(result));
    return hin_is_ok(result) ? 0 : 1;
}
