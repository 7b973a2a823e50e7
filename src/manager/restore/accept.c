#include "manager/restore/accept.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/terminal.h"
#include "data/json.h"
#include "keys/vault.h"
#include "manager/config.h"
#include "manager/holder_key.h"
#include "manager/kms/access.h"
#include "manager/parent/run.h"
#include "manager/passphrase.h"
#include "manager/restored.h"
#include "manager/roles.h"

enum { EXIT_PIN = 3 };

struct restore_options {
    const char *state;
    const char *tenant;
    struct hin_kms_sources secrets;
    struct hin_passphrase_source store_password;
    struct hin_passphrase_source holder_key;
    bool all;
    bool json;
};

static const struct hin_option option_rows[] = {
    {"state", 's', HIN_OPTION_TEXT, offsetof(struct restore_options, state), "DIR",
     "Folder made by `hinomi-manager init`.", NULL, true, false},
    {"tenant", 0, HIN_OPTION_TEXT, offsetof(struct restore_options, tenant), "UUID",
     "Of which tenant; the installation's own unless set. The message that refused it, `hinomi "
     "doctor` and `hinomi tenant show` name it.",
     NULL, false, false},
    {"all", 'a', HIN_OPTION_FLAG, offsetof(struct restore_options, all), NULL,
     "Every tenant of the installation: shows those that are refused, or accepts them (a vault "
     "that "
     "was set back is older than all stores).",
     NULL, false, false},
    HIN_HOLDER_KEY_OPTION_ROWS(struct restore_options, holder_key),
    {"passphrase-file", 0, HIN_OPTION_TEXT,
     offsetof(struct restore_options, secrets.passphrase.file), "F",
     "Opens the key ring with the pass phrase in this file.", NULL, false, false},
    {"passphrase-fd", 0, HIN_OPTION_TEXT, offsetof(struct restore_options, secrets.passphrase.fd),
     "N", "The same, read from a descriptor.", NULL, false, false},
    {"passphrase-credential", 0, HIN_OPTION_TEXT,
     offsetof(struct restore_options, secrets.passphrase.credential), "NAME",
     "The same, from a systemd credential.", NULL, false, false},
    {"kms-secret-file", 0, HIN_OPTION_TEXT, offsetof(struct restore_options, secrets.secret.file),
     "F", "The user PIN of the PKCS#11 token, or credentials of AWS, in this file.", NULL, false,
     false},
    {"kms-secret-fd", 0, HIN_OPTION_TEXT, offsetof(struct restore_options, secrets.secret.fd), "N",
     "The same, read from a descriptor.", NULL, false, false},
    {"store-password-file", 0, HIN_OPTION_TEXT,
     offsetof(struct restore_options, store_password.file), "F",
     "Password of the database role, in this file.", NULL, false, false},
    {"store-password-fd", 0, HIN_OPTION_TEXT, offsetof(struct restore_options, store_password.fd),
     "N", "The same, read from a descriptor.", NULL, false, false},
    {"json", 0, HIN_OPTION_FLAG, offsetof(struct restore_options, json), NULL, "As JSON.", NULL,
     false, false},
};

const struct hin_command hin_manager_accept_command = {
    .name = "hinomi-manager restore show|accept",
    .summary = "show what was set back to an older state, or accept it as it is",
    .details =
        "The vault knows a generation for each tenant's store, the store holds it too, and the "
        "vault knows that of\nthe key ring. One that is older than the other knows is refused. The "
        "better way is to put the newest of all\nback. `accept` is for when there is none: what "
        "happened since is lost, and what was erased or changed since may\nbe there again. It is "
        "recorded, signed for both generations, audited when the tenant is next opened, and "
        "an\nevent. The manager must not run.\nExit status: 0 nothing is refused, or it was "
        "accepted; 1 failed; 2 wrong usage; 3 a TPM refuses the PIN;\n4 something is refused "
        "(show).",
    .options = option_rows,
    .option_count = HIN_COUNT(option_rows),
};

struct restoring {
    struct restore_options options;
    const struct hin_role_program *program;
    struct hin_manager_config config;
    int state_fd, vault_fd, database_fd, lock_fd;
    const char *tenant;
    struct hin_kms_access kms;
    struct hin_vault *vault;
    struct hin_database database;
    struct hin_buf token; /* what the store holds */
    struct hin_vault_judgement judgement;
    uint64_t ring_found, ring_known;
    bool pin_refused;
    struct hin_error error;
};

/* Says what was being done, unless something better has been said. */
static HIN_RESULT fail(struct restoring *r, struct hin_result result, const char *what)
{
    if (!hin_is_ok(result) && r->error.text[0] == '\0') {
        return hin_error_set(&r->error, result.code, NULL, 0, 0, "%s: %s", what,
                             hin_code_text(result.code));
    }
    return result;
}
#define STEP(expression, what) HIN_TRY(fail(r, (expression), (what)))

/* ---- opening ---- */

static HIN_RESULT open_folders(struct restoring *r)
{
    const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
    STEP(hin_fd_open(AT_FDCWD, r->options.state, O_RDONLY | O_DIRECTORY, 0, &r->state_fd),
         "opening the state folder");
    HIN_TRY(hin_manager_config_load(r->state_fd, &r->config, &r->error));
    STEP(hin_fd_open(r->state_fd, "vault", flags, 0, &r->vault_fd), "opening the vault's folder");
    STEP(hin_fd_open(r->state_fd, "db", flags, 0, &r->database_fd),
         "opening the database's folder");
    r->tenant = r->options.tenant != NULL ? r->options.tenant : r->config.tenant;
    return hin_ok();
}

/* Who has the installation's own tenant open holds a lock on this file: tenant.c. */
static HIN_RESULT lock(struct restoring *r)
{
    char name[64];
    struct flock wanted = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    (void)snprintf(name, sizeof(name), "%s.lock", r->config.tenant);
    STEP(hin_fd_open(r->database_fd, name, O_RDWR | O_CREAT | O_NOFOLLOW, 0600, &r->lock_fd),
         "opening the lock of the database");
    if (fcntl(r->lock_fd, F_OFD_SETLK, &wanted) != 0) {
        return hin_error_set(&r->error, HIN_CONFLICT, r->options.state, 0, 0,
                             "the manager runs: stop it first");
    }
    return hin_ok();
}

static HIN_RESULT open_vault(struct restoring *r)
{
    struct hin_vault_options options = {.storage = hin_vault_storage_folder(&r->vault_fd)};
    HIN_TRY(hin_kms_access_open(&r->kms, r->program, &r->config, HIN_KMS_USE_WRITE,
                                &r->options.secrets, &r->error));
    options.provider = r->kms.provider;
    struct hin_result opened = hin_vault_open(&r->vault, &options);
    if (opened.code == HIN_AUTH) {
        return hin_error_set(&r->error, HIN_AUTH, NULL, 0, 0,
                             "the keys do not open the vault: they are another installation's, or "
                             "so much older that what wraps the vault is not among them. Only the "
                             "newest key ring helps");
    }
    return fail(r, opened, "opening the vault");
}

/* Read only: nothing is unlocked, nothing is written. */
static HIN_RESULT read_token(struct restoring *r)
{
    struct hin_store *store = NULL;
    HIN_TRY(
        hin_database_open(&r->database, r->config.store, &r->options.store_password, &r->error));
    struct hin_store_options options = {
        .directory = r->database_fd,
        .server = hin_database_server(&r->database),
        .tenant = r->tenant,
        .read_only = true,
    };
    STEP(hin_store_open(&store, &options, &r->error), "opening the store");
    struct hin_result read = hin_store_generation_get(store, &r->token);
    hin_store_close(store);
    return fail(r, read, "reading the store");
}

static HIN_RESULT judge(struct restoring *r)
{
    struct hin_result judged = hin_vault_generation_look(r->vault, hin_view_from_text(r->tenant),
                                                         hin_buf_view(&r->token), &r->judgement);
    if (judged.code == HIN_NOT_FOUND) {
        return hin_error_set(&r->error, HIN_NOT_FOUND, NULL, 0, 0,
                             "the vault knows no tenant %s: --tenant takes its UUID", r->tenant);
    }
    if (judged.code == HIN_AUTH || judged.code == HIN_CORRUPT) {
        return hin_error_set(&r->error, judged.code, NULL, 0, 0,
                             "what the store holds of its generation was not made by this vault: "
                             "it is another tenant's, another installation's, or was altered");
    }
    STEP(judged, "judging the store");
    return fail(r, hin_vault_keyring(r->vault, &r->ring_found, &r->ring_known),
                "asking the key management service");
}

static HIN_RESULT open_all(struct restoring *r)
{
    HIN_TRY(open_folders(r));
    HIN_TRY(lock(r));
    HIN_TRY(open_vault(r));
    HIN_TRY(
        hin_database_open(&r->database, r->config.store, &r->options.store_password, &r->error));
    if (r->options.all && r->options.tenant != NULL) {
        return hin_error_set(&r->error, HIN_INVALID, NULL, 0, 0, "give --tenant or --all");
    }
    if (r->options.all) {
        return hin_ok();
    }
    HIN_TRY(read_token(r));
    return judge(r);
}

/* ---- showing ---- */

static bool store_refused(const struct restoring *r)
{
    return hin_vault_is_refusal(r->judgement.verdict);
}

static bool ring_refused(const struct restoring *r)
{
    return r->ring_found < r->ring_known;
}

static const char *verdict_name(const struct restoring *r)
{
    static const char *const names[HIN_VAULT_VERDICT_COUNT] = {
        [HIN_VAULT_STORE_PRESENT] = "in order",
        [HIN_VAULT_STORE_BEHIND] = "in order",
        [HIN_VAULT_STORE_GRANTED] = "accepted",
        [HIN_VAULT_STORE_SET_BACK] = "store set back",
        [HIN_VAULT_VAULT_SET_BACK] = "vault set back",
    };
    return ring_refused(r) && !store_refused(r) ? "key ring set back" : names[r->judgement.verdict];
}

static bool last_record(const struct restoring *r, struct hin_restore *ret_restore)
{
    struct hin_view statement, signature;
    return hin_is_ok(
        hin_restore_decode(hin_view_of(r->judgement.restore, r->judgement.restore_size),
                           ret_restore, &statement, &signature));
}

static HIN_RESULT print_json(const struct restoring *r)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf out = {.max = 65536};
    struct hin_json_writer writer;
    struct hin_restore restore;
    char id[HIN_RESTORE_ID_TEXT_BYTES];
    hin_json_writer_init(&writer, &out, true);
    hin_json_begin_object(&writer);
    hin_json_field_cstring(&writer, "tenant", r->tenant);
    hin_json_field_boolean(&writer, "refused", store_refused(r) || ring_refused(r));
    hin_json_field_cstring(&writer, "verdict", verdict_name(r));
    hin_json_field_unsigned(&writer, "store", r->judgement.found);
    hin_json_field_unsigned(&writer, "vault", r->judgement.known);
    hin_json_field_integer(&writer, "lastSeen", r->judgement.seen_usec / HIN_MSEC_USEC);
    hin_json_field_unsigned(&writer, "keyRing", r->ring_found);
    hin_json_field_unsigned(&writer, "keyRingKnown", r->ring_known);
    if (last_record(r, &restore)) {
        hin_restore_id_text(&restore, id);
        hin_json_field_cstring(&writer, "lastRestore", id);
        hin_json_field_cstring(&writer, "acceptedBy", restore.holder);
        hin_json_field_integer(&writer, "acceptedAt", restore.time_usec / HIN_MSEC_USEC);
    }
    hin_json_end_object(&writer);
    HIN_TRY(hin_json_writer_finish(&writer));
    HIN_TRY(hin_buf_append_byte(&out, '\n'));
    HIN_ENSURE(hin_terminal_put(hin_buf_view(&out), stdout), IO);
    return hin_ok();
}

static void print_text(const struct restoring *r)
{
    struct hin_restore restore;
    char text[480], seen[40] = "never", when[40] = "";
    if (r->judgement.seen_usec > 0) {
        hin_time_format_rfc3339(r->judgement.seen_usec, 0, seen, sizeof(seen));
    }
    hin_terminal_line(stdout, "Tenant        %s", r->tenant);
    hin_terminal_line(stdout, "Store         generation %llu",
                      (unsigned long long)r->judgement.found);
    hin_terminal_line(stdout, "Vault         generation %llu, last seen in the store %s",
                      (unsigned long long)r->judgement.known, seen);
    if (r->ring_known > 0) {
        hin_terminal_line(stdout, "Key ring      generation %llu, the vault knows %llu",
                          (unsigned long long)r->ring_found, (unsigned long long)r->ring_known);
    }
    if (last_record(r, &restore)) {
        hin_restored_text(&restore, text, sizeof(text));
        hin_time_format_rfc3339(restore.time_usec, 0, when, sizeof(when));
        hin_terminal_line(stdout, "Last accepted %s, %s", when, text);
    }
    hin_terminal_line(stdout, "Verdict       %s", verdict_name(r));
}

static void print_advice(const struct restoring *r)
{
    char text[480];
    if (store_refused(r)) {
        hin_tenant_refusal_text(&r->judgement, strcmp(r->tenant, r->config.tenant) == 0, r->tenant,
                                text, sizeof(text));
        hin_terminal_line(stderr, "hinomi-manager: %s", text);
    }
    if (ring_refused(r)) {
        hin_terminal_line(stderr,
                          "hinomi-manager: the key ring was set back: it may hold keys that were "
                          "destroyed. Put the newest back; `accept` takes it as it is");
    }
}

static HIN_RESULT show(struct restoring *r)
{
    if (r->options.json) {
        HIN_TRY(print_json(r));
    } else {
        print_text(r);
        print_advice(r);
    }
    HIN_ENSURE(fflush(stdout) == 0, IO);
    return store_refused(r) || ring_refused(r) ? hin_fail(HIN_SET_BACK) : hin_ok();
}

/* ---- accepting ---- */

/* The vault was written as us; the role that serves it has another user. */
static HIN_RESULT give_back(const struct restoring *r)
{
    char path[64];
    if (r->config.uid_base == 0 || geteuid() != 0) {
        return hin_ok();
    }
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", r->vault_fd);
    return hin_folder_own(path, r->config.uid_base + HIN_ROLE_USER_KEYS);
}

static HIN_RESULT accept(struct restoring *r)
{
    struct hin_vault_holder holder;
    if (!store_refused(r) && !ring_refused(r)) {
        return hin_error_set(&r->error, HIN_CONFLICT, NULL, 0, 0, "there is nothing to accept: %s",
                             verdict_name(r));
    }
    HIN_TRY(hin_holder_key_find(r->vault, &r->options.holder_key, &holder, &r->error));
    STEP(hin_vault_accept(r->vault, hin_view_from_text(r->tenant), hin_buf_view(&r->token),
                          holder.name),
         "storing it in the vault");
    STEP(give_back(r), "giving the vault back to its user");
    HIN_TRY(judge(r));
    if (r->options.json) {
        return print_json(r);
    }
    print_text(r);
    hin_terminal_line(stdout, "Accepted. Start the manager; the record is audited, and an event, "
                              "when the tenant is opened.");
    return hin_ok();
}

/* ---- all tenants ---- */

struct all {
    struct restoring *r;
    const struct hin_vault_holder *holder; /* NULL: show */
    size_t refused, failed;
};

static HIN_RESULT do_one(struct restoring *r, struct all *all)
{
    HIN_TRY(read_token(r));
    HIN_TRY(judge(r));
    if (!store_refused(r) && !ring_refused(r)) {
        return hin_ok();
    }
    all->refused++;
    if (all->holder != NULL) {
        STEP(hin_vault_accept(r->vault, hin_view_from_text(r->tenant), hin_buf_view(&r->token),
                              all->holder->name),
             "storing it in the vault");
        HIN_TRY(judge(r));
    }
    if (r->options.json) {
        return print_json(r);
    }
    print_text(r);
    hin_terminal_line(stdout, "%s", "");
    return hin_ok();
}

/* One whose store cannot be opened is said, and does not keep the others from it. */
static struct hin_result visit_one(void *context, const char *tenant)
{
    struct all *all = context;
    struct restoring *r = all->r;
    char text[1200];
    r->tenant = tenant;
    struct hin_result done = do_one(r, all);
    if (!hin_is_ok(done)) {
        all->failed++;
        hin_error_format(&r->error, text, sizeof(text));
        hin_terminal_line(stderr, "hinomi-manager restore: tenant %s: %s", tenant,
                          r->error.text[0] != '\0' ? text : hin_code_text(done.code));
        r->error = (struct hin_error){0};
    }
    return hin_ok();
}

static HIN_RESULT do_all(struct restoring *r, const struct hin_vault_holder *holder)
{
    struct all all = {.r = r, .holder = holder};
    HIN_TRY(hin_vault_each(r->vault, visit_one, &all));
    HIN_ENSURE(fflush(stdout) == 0, IO);
    if (all.failed > 0) {
        return hin_error_set(&r->error, HIN_IO, NULL, 0, 0, "%zu tenants could not be judged",
                             all.failed);
    }
    if (holder == NULL) {
        return all.refused > 0 ? hin_fail(HIN_SET_BACK) : hin_ok();
    }
    hin_terminal_line(stderr, "hinomi-manager: %zu tenants were accepted as they are", all.refused);
    return give_back(r);
}

static HIN_RESULT show_any(struct restoring *r)
{
    return r->options.all ? do_all(r, NULL) : show(r);
}

static HIN_RESULT accept_any(struct restoring *r)
{
    struct hin_vault_holder holder;
    if (!r->options.all) {
        return accept(r);
    }
    HIN_TRY(hin_holder_key_find(r->vault, &r->options.holder_key, &holder, &r->error));
    return do_all(r, &holder);
}

/* ---- the command ---- */

static const struct {
    const char *name;
    HIN_RESULT (*run)(struct restoring *r);
} verbs[] = {{"show", show_any}, {"accept", accept_any}};

static HIN_RESULT run(struct restoring *r, const char *name)
{
    for (size_t i = 0; i < HIN_COUNT(verbs); i++) {
        if (strcmp(verbs[i].name, name) == 0) {
            HIN_TRY(open_all(r));
            return verbs[i].run(r);
        }
    }
    return hin_error_set(&r->error, HIN_INVALID, NULL, 0, 0, "%s: show or accept", name);
}

static void done(struct restoring *r)
{
    hin_vault_free(r->vault);
    r->pin_refused = r->kms.pin_refused;
    hin_kms_access_close(&r->kms);
    hin_database_close(&r->database);
    hin_buf_done(&r->token);
    hin_fd_close(&r->lock_fd);
    hin_fd_close(&r->database_fd);
    hin_fd_close(&r->vault_fd);
    hin_fd_close(&r->state_fd);
}

static int exit_of(const struct restoring *r, struct hin_result result)
{
    if (result.code == HIN_SET_BACK) {
        return HIN_MANAGER_EXIT_SET_BACK;
    }
    if (!hin_is_ok(result)) {
        char text[1200];
        hin_error_format(&r->error, text, sizeof(text));
        hin_terminal_line(stderr, "hinomi-manager restore: %s",
                          r->error.text[0] != '\0' ? text : hin_code_text(result.code));
    }
    return hin_is_ok(result) ? 0 : result.code == HIN_INVALID ? 2 : r->pin_refused ? EXIT_PIN : 1;
}

int hin_manager_accept(const struct hin_role_program *program, int argc, char **argv)
{
    struct restoring r = {.program = program,
                          .state_fd = -1,
                          .vault_fd = -1,
                          .database_fd = -1,
                          .lock_fd = -1,
                          .token = {.max = HIN_STORE_GENERATION_BYTES}};
    char **operands;
    size_t operand_count = 0;
    bool help = false;
    struct hin_result result = hin_option_parse(&hin_manager_accept_command, argc, argv, &r.options,
                                                &operands, &operand_count, &help, &r.error);
    if (help) {
        hin_option_help(&hin_manager_accept_command, stdout);
        return 0;
    }
    if (!hin_is_ok(result)) {
        hin_terminal_line(stderr, "hinomi-manager restore: %s", r.error.text);
        return 2;
    }
    umask(077);
    hin_log_open("hinomi-manager", "restore", HIN_LOG_INFO);
    HIN_IGNORE(hin_process_protect()); /* a kernel that refuses it leaves us as safe as without */
    result = run(&r, argv[0]);
    done(&r);
    return exit_of(&r, result);
}
