/* A new installation. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "crypt/x509.h"
#include "manager/erasure.h"
#include "manager/restore/restoration.h"
#include "manager/roles.h"
#include "store/documents.h"

/* Whose backup holds the installation's keys: its own tenant's. */
static HIN_RESULT find_own(struct hin_restoration *restore,
                           struct hin_backup_manifest *ret_manifest)
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
        struct hin_result chosen = hin_restore_choose(restore, tenant, ret_manifest);
        if (chosen.code == HIN_NOT_FOUND) {
            continue; /* erased */
        }
        HIN_TRY(chosen);
        struct hin_result made =
            hin_vault_restore(&restore->vault, &restore->vault_options, &restore->source,
                              hin_view_from_text(tenant), hin_buf_view(&ret_manifest->payload));
        if (hin_is_ok(made)) {
            restore->error = (struct hin_error){0};
            restore->local = (struct hin_keys_local){restore->vault, HIN_KEYS_MASK_ALL};
            return hin_view_to_text(hin_view_from_text(tenant), restore->config.tenant,
                                    sizeof(restore->config.tenant));
        }
        hin_backup_manifest_done(ret_manifest);
        if (made.code != HIN_NOT_FOUND) {
            return hin_restore_fail(restore, made, "making the vault");
        }
    }
    return hin_error_set(
        &restore->error, HIN_NOT_FOUND, restore->options.wish.from, 0, 0,
        "none of the backups there holds the installation's own tenant and opens with these keys: "
        "they are another installation's, or older than the backups are");
}

/* The settings of then, with what is given now. */
static HIN_RESULT take_settings(struct hin_restoration *restore, struct hin_store *store)
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

static bool has_backup(const struct hin_restoration *restore, const char *uuid)
{
    for (size_t i = 0; i < restore->list_count; i++) {
        if (strcmp(restore->list[i].tenant, uuid) == 0) {
            return true;
        }
    }
    return false;
}

static HIN_RESULT restore_other(struct hin_restoration *restore, const char *uuid)
{
    struct hin_backup_manifest manifest;
    struct hin_tenant tenant = {.lock = -1};
    if (!has_backup(restore, uuid)) {
        return hin_restore_keep_outcome(restore, uuid, NULL);
    }
    struct hin_result done = hin_restore_choose(restore, uuid, &manifest);
    if (done.code == HIN_NOT_FOUND) {
        restore->error = (struct hin_error){0};
        return hin_restore_keep_outcome(restore, uuid, NULL);
    }
    HIN_TRY(done);
    done = hin_vault_restore_tenant(restore->vault, &restore->source, hin_view_from_text(uuid),
                                    hin_buf_view(&manifest.payload));
    if (hin_is_ok(done)) {
        done = hin_restore_fill(restore, &manifest, &tenant);
        hin_tenant_close(&tenant);
    }
    hin_backup_manifest_done(&manifest);
    return hin_restore_fail(restore, done, "restoring a tenant");
}

static HIN_RESULT restore_others(struct hin_restoration *restore, struct hin_store *own)
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

static HIN_RESULT restore_own(struct hin_restoration *restore,
                              const struct hin_backup_manifest *manifest)
{
    struct hin_tenant own = {.lock = -1};
    STEP(hin_vault_restore_tenant(restore->vault, &restore->source,
                                  hin_view_from_text(manifest->tenant),
                                  hin_buf_view(&manifest->payload)),
         "making the tenant's keys");
    struct hin_result done = hin_restore_fill(restore, manifest, &own);
    if (hin_is_ok(done)) {
        done = take_settings(restore, own.store);
    }
    if (hin_is_ok(done)) {
        done = restore_others(restore, own.store);
    }
    if (hin_is_ok(done) && restore->apart) {
        done = hin_restore_leave_backups(restore, own.store);
    }
    hin_tenant_close(&own);
    return hin_restore_fail(restore, done, "restoring the installation's own tenant");
}

static HIN_RESULT write_authority(struct hin_restoration *restore)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf der = {.max = HIN_X509_MAX_BYTES};
    HIN_CLEANUP(hin_buf_done) struct hin_buf pem = {.max = 65536};
    HIN_TRY(hin_vault_ca(restore->vault, &der));
    HIN_TRY(hin_x509_to_pem(hin_buf_view(&der), &pem));
    return hin_file_replace(restore->state_fd, "ca.pem", hin_buf_view(&pem), 0644);
}

/* The roles that serve the files have users of their own. */
HIN_RESULT hin_restore_give_away(const struct hin_restoration *restore, int folder, unsigned user)
{
    char path[64];
    if (restore->config.uid_base == 0) {
        return hin_ok();
    }
    snprintf(path, sizeof(path), "/proc/self/fd/%d", folder);
    return hin_folder_own(path, restore->config.uid_base + user);
}

HIN_RESULT hin_restore_installation(struct hin_restoration *restore)
{
    struct hin_backup_manifest manifest;
    HIN_TRY(hin_restore_open_depot(restore));
    HIN_TRY(hin_restore_open_source(restore));
    HIN_TRY(hin_restore_make_state(restore));
    HIN_TRY(hin_restore_open_target(restore));
    HIN_TRY(hin_restore_open_database(restore));
    HIN_TRY(find_own(restore, &manifest));
    struct hin_result done = restore_own(restore, &manifest);
    hin_backup_manifest_done(&manifest);
    HIN_TRY(done);
    STEP(write_authority(restore), "writing the authority's certificate");
    STEP(hin_restore_give_away(restore, restore->database_fd, HIN_ROLE_USER_DATA),
         "giving the database away");
    STEP(hin_restore_give_away(restore, restore->vault_fd, HIN_ROLE_USER_KEYS),
         "giving the vault away");
    /* Last: a folder without it is no installation. */
    STEP(hin_manager_config_save(restore->state_fd, &restore->config), "writing the settings");
    (void)unlinkat(restore->state_fd, "restore.unfinished", 0);
    return hin_ok();
}
