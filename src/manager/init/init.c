#include "manager/init/init.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/terminal.h"
#include "crypt/token.h"
#include "crypt/uuid.h"
#include "crypt/x509.h"
#include "io/address.h"
#include "keys/vault.h"
#include "manager/audit.h"
#include "manager/config.h"
#include "manager/content.h"
#include "manager/credential.h"
#include "manager/kms/access.h"
#include "manager/kms/ringseal.h"
#include "manager/passphrase.h"
#include "manager/roles.h"

struct init_options {
    const char *state;
    const char *keyring;
    const char *api;
    const char *agents;
    const char *content;
    const char *administrator;
    const char *admin_name, *admin_mail;
    struct hin_kms_sources secrets;
    struct hin_kms_options kms;
    const char *tpm_pcrs;
    struct hin_passphrase_source store_password;
    const char *store, *store_files;
    uint64_t uid_base;
    struct hin_option_texts ntp;
    int64_t clock_bound_usec;
    bool json;
};

static const struct hin_option option_rows[] = {
    {"state", 's', HIN_OPTION_TEXT, offsetof(struct init_options, state), "DIR",
     "Folder for the manager's data; made, and must not hold an installation yet.", NULL, true,
     false},
    {"keyring", 0, HIN_OPTION_TEXT, offsetof(struct init_options, keyring), "PATH",
     "File for the master keys; DIR.keyring beside the folder unless set.", NULL, false, false},
    {"api", 0, HIN_OPTION_TEXT, offsetof(struct init_options, api), "ADDR:PORT",
     "Where the API listens; 127.0.0.1:4119 unless set, *:4119 for all addresses.", NULL, false,
     false},
    {"agents", 0, HIN_OPTION_TEXT, offsetof(struct init_options, agents), "ADDR:PORT",
     "Where agents connect; 127.0.0.1:4120 unless set.", NULL, false, false},
    {"passphrase-file", 0, HIN_OPTION_TEXT, offsetof(struct init_options, secrets.passphrase.file),
     "F", "Seals the key ring with the pass phrase in this file.", NULL, false, false},
    {"passphrase-fd", 0, HIN_OPTION_TEXT, offsetof(struct init_options, secrets.passphrase.fd), "N",
     "The same, read from a descriptor.", NULL, false, false},
    {"passphrase-credential", 0, HIN_OPTION_TEXT,
     offsetof(struct init_options, secrets.passphrase.credential), "NAME",
     "The same, from this systemd credential (LoadCredential=); without any of the three, one "
     "named "
     "passphrase is taken where the service has it.",
     NULL, false, false},
    {"tpm", 0, HIN_OPTION_TEXT, offsetof(struct init_options, kms.tpm), "DEVICE",
     "Seals the key ring by this TPM 2: /dev/tpmrm0, or swtpm:path=SOCKET. A pass phrase given "
     "with it is the PIN that the TPM asks for, at most 32 bytes.",
     NULL, false, false},
    {"tpm-pcrs", 0, HIN_OPTION_TEXT, offsetof(struct init_options, tpm_pcrs), "LIST",
     "The TPM opens it only while these PCRs (SHA-256) hold what they hold now: 7 is Secure Boot. "
     "None unless set.",
     NULL, false, false},
    {"kms", 0, HIN_OPTION_CHOICE, offsetof(struct init_options, kms.kind), "SERVICE",
     "Who holds the wrapping keys: a file key ring unless set, a PKCS#11 token, or AWS KMS.",
     HIN_KMS_CHOICES, false, false},
    {"kms-secret-file", 0, HIN_OPTION_TEXT, offsetof(struct init_options, secrets.secret.file), "F",
     "The user PIN of the PKCS#11 token, or credentials of AWS, in this file.", NULL, false, false},
    {"kms-secret-fd", 0, HIN_OPTION_TEXT, offsetof(struct init_options, secrets.secret.fd), "N",
     "The same, read from a descriptor.", NULL, false, false},
    {"pkcs11-module", 0, HIN_OPTION_TEXT, offsetof(struct init_options, kms.module), "PATH",
     "The token's PKCS#11 module.", NULL, false, false},
    {"pkcs11-token", 0, HIN_OPTION_TEXT, offsetof(struct init_options, kms.token), "LABEL",
     "The token's label.", NULL, false, false},
    {"pkcs11-env", 0, HIN_OPTION_TEXTS, offsetof(struct init_options, kms.environment),
     "NAME=VALUE", "Environment of the module; may be repeated.", NULL, false, false},
    {"pkcs11-read", 0, HIN_OPTION_TEXTS, offsetof(struct init_options, kms.readable), "PATH",
     "What the module reads besides its own folder and the system's libraries; may be repeated.",
     NULL, false, false},
    {"pkcs11-write", 0, HIN_OPTION_TEXTS, offsetof(struct init_options, kms.writable), "PATH",
     "What the module reads and writes (SoftHSM: its folder of tokens); may be repeated.", NULL,
     false, false},
    {"aws-region", 0, HIN_OPTION_TEXT, offsetof(struct init_options, kms.region), "REGION",
     "The region of AWS KMS: eu-central-1.", NULL, false, false},
    {"aws-endpoint", 0, HIN_OPTION_TEXT, offsetof(struct init_options, kms.endpoint), "HOST:PORT",
     "Its endpoint; the region's unless set.", NULL, false, false},
    {"aws-ca-file", 0, HIN_OPTION_TEXT, offsetof(struct init_options, kms.ca_file), "PATH",
     "Authorities that vouch for it, in PEM; the system's unless set.", NULL, false, false},
    {"store", 0, HIN_OPTION_TEXT, offsetof(struct init_options, store), "URL",
     "PostgreSQL server that keeps the data: "
     "postgres://USER@HOST:PORT/DATABASE?sslrootcert=/FILE (TLS), or "
     "postgres:///DATABASE?host=/FOLDER&user=USER (Unix socket). SQLite in DIR unless set.",
     NULL, false, false},
    {"store-password-file", 0, HIN_OPTION_TEXT, offsetof(struct init_options, store_password.file),
     "F", "Password of the database role, in this file.", NULL, false, false},
    {"store-password-fd", 0, HIN_OPTION_TEXT, offsetof(struct init_options, store_password.fd), "N",
     "The same, read from a descriptor.", NULL, false, false},
    {"store-files", 0, HIN_OPTION_TEXT, offsetof(struct init_options, store_files), "DIR",
     "Folder of that server's own files (data_directory), where it is on this host: the probe "
     "sealing-canary looks through what of it the manager may read.",
     NULL, false, false},
    {"content", 0, HIN_OPTION_TEXT, offsetof(struct init_options, content), "DIR",
     "Rule set of the default policy; the one shipped unless set.", NULL, false, false},
    {"administrator", 0, HIN_OPTION_TEXT, offsetof(struct init_options, administrator), "NAME",
     "Name of the first administrator; admin unless set.", NULL, false, false},
    {"admin-name", 0, HIN_OPTION_TEXT, offsetof(struct init_options, admin_name), "NAME",
     "That person's name, for whoever has to be reached; kept sealed.", NULL, false, false},
    {"admin-email", 0, HIN_OPTION_TEXT, offsetof(struct init_options, admin_mail), "ADDRESS",
     "That person's e-mail address; kept sealed.", NULL, false, false},
    {"uid-base", 0, HIN_OPTION_COUNT, offsetof(struct init_options, uid_base), "UID",
     "As root: first of the numeric user ids that the processes take; 64900 unless set, 0: stay "
     "root (weaker).",
     NULL, false, false},
    HIN_CLOCK_OPTION_ROWS(struct init_options, ntp, clock_bound_usec),
    {"json", 0, HIN_OPTION_FLAG, offsetof(struct init_options, json), NULL,
     "Print one JSON object instead of text.", NULL, false, false},
};

const struct hin_command hin_manager_init_command = {
    .name = "hinomi-manager init",
    .summary = "make a new installation",
    .details = "Prints the addresses, the certificate authority's fingerprint and the first "
               "credentials. They are "
               "shown this once: only digests of them are stored.",
    .options = option_rows,
    .option_count = HIN_COUNT(option_rows),
};

struct init {
    struct init_options options;
    struct hin_manager_config config;
    char state[HIN_PATH_MAX];
    int state_fd, vault_fd, database_fd;
    bool made_state;
    const struct hin_role_program *program;
    uint32_t pcrs;
    struct hin_kms_access kms;
    struct hin_vault *vault;
    struct hin_database database;
    struct hin_tenant tenant;
    struct hin_content_report content;
    struct hin_credential_first first;
    char fingerprint[HIN_SHA256_HEX_BYTES];
    struct hin_error error;
};

/* Says what was being done, unless something better has been said. */
static HIN_RESULT fail(struct init *init, struct hin_result result, const char *what)
{
    if (!hin_is_ok(result) && init->error.text[0] == 0) {
        return hin_error_set(&init->error, result.code, NULL, 0, 0, "%s: %s", what,
                             hin_code_text(result.code));
    }
    return result;
}

#define STEP(expression, what)                                                                     \
    do {                                                                                           \
        struct hin_result step_ = (expression);                                                    \
        if (!hin_is_ok(step_)) {                                                                   \
            return fail(init, step_, (what));                                                      \
        }                                                                                          \
    } while (0)

/* Port 0 picks a free one now, so that what is printed is what will be listened on. */
static HIN_RESULT settle_endpoint(struct init *init, const char *text,
                                  struct hin_manager_endpoint *endpoint)
{
    HIN_CLEANUP_FD int fd = -1;
    if (text != NULL && !hin_is_ok(hin_manager_endpoint_parse(text, endpoint))) {
        return hin_error_set(&init->error, HIN_INVALID, NULL, 0, 0, "%s: not ADDR:PORT", text);
    }
    if (endpoint->port == 0) {
        return hin_listen_tcp(endpoint->host, 0, &fd, &endpoint->port, &init->error);
    }
    return hin_ok();
}

/* Before anything is made. */
static HIN_RESULT check_contact(struct init *init)
{
    const char *name = init->options.admin_name;
    const char *mail = init->options.admin_mail;
    if (name != NULL && !hin_credential_name_is_valid(hin_view_from_text(name))) {
        return hin_error_set(&init->error, HIN_INVALID, NULL, 0, 0,
                             "--admin-name: at most 255 bytes, no control characters");
    }
    if (mail != NULL && !hin_credential_mail_is_valid(hin_view_from_text(mail))) {
        return hin_error_set(&init->error, HIN_INVALID, NULL, 0, 0,
                             "--admin-email %s: not an e-mail address", mail);
    }
    return hin_ok();
}

static HIN_RESULT settle(struct init *init)
{
    struct hin_manager_config *config = &init->config;
    HIN_TRY(check_contact(init));
    hin_manager_config_default(config);
    config->uid_base = geteuid() == 0 ? (uint32_t)init->options.uid_base : 0;
    STEP(settle_endpoint(init, init->options.api, &config->api), "--api");
    STEP(settle_endpoint(init, init->options.agents, &config->agents), "--agents");
    STEP(hin_path_absolute(init->options.state, init->state), "--state");
    STEP(hin_kms_settings_take(&init->options.kms, &config->kms, &init->error), "--kms");
    if (init->options.tpm_pcrs != NULL) {
        HIN_TRY(hin_ringseal_pcrs(init->options.tpm_pcrs, &init->pcrs, &init->error));
    }
    if (init->options.tpm_pcrs != NULL && config->kms.tpm[0] == '\0') {
        return hin_error_set(&init->error, HIN_INVALID, NULL, 0, 0, "--tpm-pcrs goes with --tpm");
    }
    if (init->options.keyring != NULL && config->kms.kind != HIN_KMS_FILE) {
        return hin_error_set(&init->error, HIN_INVALID, NULL, 0, 0,
                             "--keyring goes with --kms file");
    }
    if (init->options.keyring != NULL) {
        STEP(hin_path_absolute(init->options.keyring, config->keyring), "--keyring");
    } else if (config->kms.kind == HIN_KMS_FILE) {
        int size = snprintf(config->keyring, sizeof(config->keyring), "%s.keyring", init->state);
        HIN_ENSURE(size > 0 && (size_t)size < sizeof(config->keyring), LIMIT);
    }
    HIN_TRY(hin_clock_settings_take(&config->clock, &init->options.ntp,
                                    init->options.clock_bound_usec, &init->error));
    if (init->options.store != NULL) {
        STEP(hin_database_settle(init->options.store, config->store, sizeof(config->store),
                                 &init->error),
             "--store");
    }
    if (init->options.store_files != NULL) {
        STEP(hin_path_absolute(init->options.store_files, config->store_files), "--store-files");
    }
    STEP(hin_database_open(&init->database, config->store, &init->options.store_password,
                           &init->error),
         "reaching the database");
    return fail(init, hin_uuid_new(config->tenant), "making the tenant's ID");
}

/* A folder of the state that one role's user owns. */
static HIN_RESULT make_folder(struct init *init, const char *name, unsigned user, int *ret_fd)
{
    if (mkdirat(init->state_fd, name, 0700) != 0) {
        return hin_fail(hin_code_from_errno(errno));
    }
    if (init->config.uid_base != 0) {
        uid_t uid = init->config.uid_base + user;
        if (fchownat(init->state_fd, name, uid, uid, AT_SYMLINK_NOFOLLOW) != 0) {
            return hin_fail(hin_code_from_errno(errno));
        }
    }
    return hin_fd_open(init->state_fd, name, O_RDONLY | O_DIRECTORY, 0, ret_fd);
}

/* The settings come last, so that an init that was cut off is no installation; it may have made a
 * key ring outside of the folder, too. Nothing is removed unasked. */
static HIN_RESULT refuse_full(struct init *init)
{
    struct stat about;
    bool ours = fstatat(init->state_fd, "vault", &about, AT_SYMLINK_NOFOLLOW) == 0 &&
                fstatat(init->state_fd, "db", &about, AT_SYMLINK_NOFOLLOW) == 0;
    if (ours && init->config.keyring[0] != '\0') {
        return hin_error_set(&init->error, HIN_EXISTS, init->state, 0, 0,
                             "an init that was cut off left this folder, and nothing ever ran on "
                             "it: remove it, and %s if that is there, and start again",
                             init->config.keyring);
    }
    return hin_error_set(&init->error, HIN_EXISTS, init->state, 0, 0,
                         ours ? "an init that was cut off left this folder, and nothing ever ran "
                                "on it: remove it and start again"
                              : "this folder is not empty: --state takes a new or an empty one");
}

/* A folder that was there must be ours and empty: what else lies in it would be served, backed up
 * and one day deleted with the state. */
static HIN_RESULT check_folder(struct init *init)
{
    struct stat about;
    HIN_CLEANUP_FD int fd = -1;
    STEP(hin_fd_open(init->state_fd, ".", O_RDONLY | O_DIRECTORY, 0, &fd), "reading the folder");
    DIR *entries = fdopendir(fd);
    HIN_ENSURE(entries != NULL, IO);
    fd = -1; /* the stream's from here on */
    const struct dirent *entry = NULL;
    do {
        entry = readdir(entries);
    } while (entry != NULL &&
             (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0));
    bool empty = entry == NULL;
    closedir(entries);
    if (!empty) {
        return refuse_full(init);
    }
    if (fstat(init->state_fd, &about) == 0 && (about.st_mode & 077) != 0) {
        if (fchmod(init->state_fd, 0700) != 0) {
            return hin_error_set(&init->error, HIN_DENIED, init->state, 0, 0,
                                 "others may enter this folder, and its mode cannot be changed");
        }
        hin_terminal_line(stderr, "hinomi-manager: %s was open to others; its mode is 0700 now",
                          init->state);
    }
    return hin_ok();
}

static HIN_RESULT make_state(struct init *init)
{
    struct stat about;
    init->made_state = stat(init->state, &about) != 0;
    STEP(hin_directory_make(init->state, 0700), "making the state folder");
    STEP(hin_fd_open(AT_FDCWD, init->state, O_RDONLY | O_DIRECTORY, 0, &init->state_fd),
         "opening the state folder");
    if (fstatat(init->state_fd, "manager.json", &about, AT_SYMLINK_NOFOLLOW) == 0) {
        return hin_error_set(&init->error, HIN_EXISTS, init->state, 0, 0,
                             "there is an installation in this folder already");
    }
    if (init->config.keyring[0] != '\0') {
        HIN_TRY(hin_kms_keyring_check(init->config.keyring, init->state, &init->error));
    }
    HIN_TRY(check_folder(init));
    STEP(make_folder(init, "vault", HIN_ROLE_USER_KEYS, &init->vault_fd),
         "making the vault's folder");
    STEP(make_folder(init, "db", HIN_ROLE_USER_DATA, &init->database_fd),
         "making the database's folder");
    return hin_ok();
}

static HIN_RESULT make_keys(struct init *init)
{
    HIN_TRY(hin_kms_access_create(&init->kms, init->program, &init->config, init->pcrs,
                                  &init->options.secrets, &init->error));
    struct hin_vault_options options = {
        .provider = init->kms.provider,
        .storage = hin_vault_storage_folder(&init->vault_fd),
    };
    STEP(hin_vault_create(&init->vault, &options, "Hinomi certificate authority"),
         "making the vault");
    return fail(init, hin_vault_tenant_create(init->vault, hin_view_from_text(init->config.tenant)),
                "making the tenant's keys");
}

static HIN_RESULT make_ca_file(struct init *init)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf der = {.max = HIN_X509_MAX_BYTES};
    HIN_CLEANUP(hin_buf_done) struct hin_buf pem = {.max = 65536};
    HIN_TRY(hin_vault_ca(init->vault, &der));
    HIN_TRY(hin_x509_fingerprint(hin_buf_view(&der), init->fingerprint));
    HIN_TRY(hin_x509_to_pem(hin_buf_view(&der), &pem));
    return hin_file_replace(init->state_fd, "ca.pem", hin_buf_view(&pem), 0644);
}

static struct hin_view text_or_none(const char *text)
{
    return text != NULL ? hin_view_from_text(text) : HIN_VIEW_EMPTY;
}

static HIN_RESULT make_tenant(struct init *init)
{
    struct hin_credential_contact contact = {hin_view_from_text(init->options.administrator),
                                             text_or_none(init->options.admin_name),
                                             text_or_none(init->options.admin_mail)};
    struct hin_keys_local local = {init->vault, HIN_KEYS_MASK_ALL};
    struct hin_keys_carrier carrier = hin_keys_carrier_local(&local);
    char folder[HIN_PATH_MAX];
    bool found = hin_is_ok(hin_content_find(init->options.content, folder));
    if (!found && init->options.content != NULL) {
        return hin_error_set(&init->error, HIN_NOT_FOUND, init->options.content, 0, 0,
                             "no rule set in this folder");
    }
    struct hin_tenant_place place = {init->database_fd, hin_database_server(&init->database)};
    STEP(hin_tenant_open(&init->tenant, &place, init->config.tenant, &carrier, HIN_VAULT_FOR_CONFIG,
                         hin_clock_system(), true, &init->error),
         "making the database");
    struct hin_audit audit = {
        .action = "installation.init", .outcome = "done", .actor = HIN_VIEW("init")};
    STEP(hin_audit_write(&init->tenant, &audit), "writing the audit record");
    STEP(hin_content_store(&init->tenant, found ? folder : NULL, &init->content, &init->error),
         "storing the rule set");
    return fail(init, hin_credential_first_new(&init->tenant, &contact, &init->first),
                "making the first credentials");
}

/* SQLite made the files as us; the role that serves them has another user. */
static HIN_RESULT give_away(struct init *init, int folder, unsigned user)
{
    if (init->config.uid_base == 0) {
        return hin_ok();
    }
    char path[64];
    snprintf(path, sizeof(path), "/proc/self/fd/%d", folder);
    return hin_folder_own(path, init->config.uid_base + user);
}

static HIN_RESULT make_all(struct init *init)
{
    HIN_TRY(settle(init));
    HIN_TRY(make_state(init));
    HIN_TRY(make_keys(init));
    STEP(make_ca_file(init), "writing the authority's certificate");
    HIN_TRY(make_tenant(init));
    hin_tenant_close(&init->tenant);
    STEP(give_away(init, init->database_fd, HIN_ROLE_USER_DATA), "giving the database to its user");
    STEP(give_away(init, init->vault_fd, HIN_ROLE_USER_KEYS), "giving the vault to its user");
    /* Last: a folder without it is no installation. */
    return fail(init, hin_manager_config_save(init->state_fd, &init->config),
                "writing the settings");
}

static HIN_RESULT print_json(const struct init *init, const char *api, const char *agents)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf out = {.max = 65536};
    struct hin_json_writer writer;
    char ca[HIN_PATH_MAX];
    HIN_TRY(hin_path_join(ca, sizeof(ca), init->state, "ca.pem"));
    hin_json_writer_init(&writer, &out, true);
    hin_json_begin_object(&writer);
    hin_json_field_cstring(&writer, "api", api);
    hin_json_field_cstring(&writer, "agents", agents);
    hin_json_field_cstring(&writer, "caFile", ca);
    hin_json_field_cstring(&writer, "caFingerprint", init->fingerprint);
    hin_json_field_cstring(&writer, "administrator", init->options.administrator);
    hin_json_field_text(&writer, "oneTimePassword", hin_secret_view(&init->first.password));
    hin_json_field_text(&writer, "apiKey", hin_secret_view(&init->first.api_key));
    hin_json_field_text(&writer, "enrolmentToken", hin_secret_view(&init->first.token));
    hin_json_end_object(&writer);
    HIN_TRY(hin_json_writer_finish(&writer));
    printf("%.*s\n", HIN_ARGS(hin_buf_view(&out)));
    hin_wipe(out.data, out.size);
    return hin_ok();
}

static void print_text(const struct init *init, const char *api, const char *agents)
{
    printf("API                 %s\n", api);
    printf("Agents              %s\n", agents);
    printf("CA certificate      %s/ca.pem\n", init->state);
    printf("CA fingerprint      %s\n", init->fingerprint);
    printf("Administrator       %s\n", init->options.administrator);
    printf("One-time password   %.*s\n", HIN_ARGS(hin_secret_view(&init->first.password)));
    printf("API key             %.*s\n", HIN_ARGS(hin_secret_view(&init->first.api_key)));
    printf("Enrolment token     %.*s (24 hours, any number of agents)\n",
           HIN_ARGS(hin_secret_view(&init->first.token)));
    printf("Rules               %zu files in the default policy\n", init->content.rule_count);
}

static HIN_RESULT print(const struct init *init)
{
    char api[HIN_MANAGER_HOST_MAX + 32];
    char agents[HIN_MANAGER_HOST_MAX + 32];
    hin_manager_endpoint_url(&init->config.api, api, sizeof(api));
    hin_manager_endpoint_url(&init->config.agents, agents, sizeof(agents));
    if (init->options.json) {
        HIN_TRY(print_json(init, api, agents));
    } else {
        print_text(init, api, agents);
    }
    hin_kms_access_advise(&init->kms, "", init->pcrs);
    if (init->content.rule_count == 0) {
        fprintf(stderr, "hinomi-manager: no rule set was found; the default policy is empty\n");
    }
    HIN_ENSURE(fflush(stdout) == 0, IO);
    return hin_ok();
}

static void init_done(struct init *init, bool keep)
{
    hin_tenant_close(&init->tenant);
    hin_database_close(&init->database);
    hin_vault_free(init->vault);
    if (!keep) { /* a key management service keeps what a failed init made, unless it is told */
        hin_kms_access_drop_tenant(&init->kms, hin_view_from_text(init->config.tenant));
        hin_kms_access_drop(&init->kms);
    }
    hin_kms_access_close(&init->kms);
    hin_credential_first_done(&init->first);
    hin_fd_close(&init->database_fd);
    hin_fd_close(&init->vault_fd);
    hin_fd_close(&init->state_fd);
    if (!keep && init->made_state) {
        HIN_IGNORE(
            hin_directory_remove(init->state)); /* best effort: the failure that led here is told */
    }
}

int hin_manager_init(const struct hin_role_program *program, int argc, char **argv)
{
    struct init init = {.program = program,
                        .options = {.administrator = "admin",
                                    .uid_base = HIN_MANAGER_UID_BASE,
                                    .clock_bound_usec = HIN_CLOCK_BOUND_USEC},
                        .state_fd = -1,
                        .vault_fd = -1,
                        .database_fd = -1};
    char **operands;
    size_t operand_count = 0;
    bool help = false;
    struct hin_result result =
        hin_option_parse(&hin_manager_init_command, argc, argv, &init.options, &operands,
                         &operand_count, &help, &init.error);
    if (help) {
        hin_option_help(&hin_manager_init_command, stdout);
        return 0;
    }
    if (!hin_is_ok(result)) {
        hin_terminal_line(stderr, "hinomi-manager init: %s", init.error.text);
        return 2;
    }
    umask(077);
    hin_log_open("hinomi-manager", "init", HIN_LOG_INFO);
    result = make_all(&init);
    if (hin_is_ok(result)) {
        result = print(&init);
    }
    if (!hin_is_ok(result)) {
        char text[1200];
        hin_error_format(&init.error, text, sizeof(text));
        hin_terminal_line(stderr, "hinomi-manager init: %s",
                          init.error.text[0] != 0 ? text : hin_code_text(result.code));
    }
    init_done(&init, hin_is_ok(result));
    return hin_is_ok(result) ? 0 : 1;
}
