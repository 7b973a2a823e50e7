/* hinomi-kms-pkcs11: the `kms` process on a PKCS#11 token, in an executable of its own, since a
 * module is foreign code that is loaded into it. The module is loaded behind the lock: it never
 * runs as root, has no network, no socket, and no file but the system's libraries, its own folder
 * and what `init` was told. No new executable memory once it is loaded. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/path.h"
#include "base/secret.h"
#include "kms/pkcs11/provider.h"
#include "manager/kms/pkcs11.h"
#include "manager/kms/proxy.h"
#include "manager/roles.h"

/* What any module needs to be loaded; what is not there is passed over. */
static const char *const library_paths[] = {
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/usr/local/lib",
    "/etc/ld.so.cache",
    "/etc/ssl/openssl.cnf",
    "/usr/lib/ssl",
    "/etc/localtime",
};

struct pkcs11 {
    struct hin_role *role;
    struct hin_pkcs11 *token;
};

/* ---- the lock ---- */

static HIN_RESULT allow_lines(struct hin_sandbox *sandbox, const char *lines, unsigned access)
{
    struct hin_view rest = hin_view_from_text(lines);
    struct hin_view line;
    char path[HIN_PATH_MAX];
    while (lines[0] != '\0' && hin_view_split(&rest, '\n', &line)) {
        HIN_TRY(hin_view_to_text(line, path, sizeof(path)));
        struct hin_result allowed = hin_sandbox_allow_path(sandbox, AT_FDCWD, path, access);
        if (!hin_is_ok(allowed)) {
            hin_log_result(HIN_LOG_ERROR, allowed, "%s, which the PKCS#11 module is to use", path);
            return allowed;
        }
    }
    return hin_ok();
}

/* The module's folder: vendors put helpers beside it. */
static HIN_RESULT allow_module(struct hin_sandbox *sandbox, const char *module)
{
    char folder[HIN_PATH_MAX];
    HIN_TRY(hin_view_to_text(hin_view_from_text(module), folder, sizeof(folder)));
    char *slash = strrchr(folder, '/');
    HIN_ENSURE(slash != NULL, INVALID);
    slash[slash == folder ? 1 : 0] = '\0';
    return allow_lines(sandbox, folder, HIN_SANDBOX_READ);
}

static const char *setting(const struct hin_role *role, const char *name)
{
    const char *text = hin_role_setting_text(role, name);
    return text != NULL ? text : "";
}

static struct hin_result pkcs11_sandbox(struct hin_role *role, struct hin_sandbox *sandbox)
{
    HIN_TRY(hin_process_protect());
    hin_sandbox_allow_syscalls(sandbox, HIN_SANDBOX_FILES_WRITE | HIN_SANDBOX_JIT);
    for (size_t i = 0; i < HIN_COUNT(library_paths); i++) {
        /* those that exist */
        HIN_IGNORE(hin_sandbox_allow_path(sandbox, AT_FDCWD, library_paths[i], HIN_SANDBOX_READ));
    }
    HIN_TRY(allow_module(sandbox, setting(role, "module")));
    HIN_TRY(allow_lines(sandbox, setting(role, "readable"), HIN_SANDBOX_READ));
    return allow_lines(sandbox, setting(role, "writable"),
                       HIN_SANDBOX_READ | HIN_SANDBOX_WRITE | HIN_SANDBOX_CREATE);
}

/* ---- behind it ---- */

static void notice(void *context, const char *text)
{
    struct pkcs11 *pkcs11 = context;
    hin_log(HIN_LOG_WARNING, "%s", text);
    /* only told again with the next news */
    HIN_IGNORE(hin_role_report(pkcs11->role, hin_view_from_text(text)));
}

static HIN_RESULT set_environment(const char *lines)
{
    struct hin_view rest = hin_view_from_text(lines);
    struct hin_view line;
    char text[HIN_PATH_MAX + 256];
    while (lines[0] != '\0' && hin_view_split(&rest, '\n', &line)) {
        HIN_TRY(hin_view_to_text(line, text, sizeof(text)));
        char *equals = strchr(text, '=');
        HIN_ENSURE(equals != NULL, INVALID);
        *equals = '\0';
        HIN_ENSURE(setenv(text, equals + 1, 1) == 0, NO_MEMORY);
    }
    return hin_ok();
}

static HIN_RESULT read_pin(struct hin_role *role, struct hin_secret *ret_pin)
{
    HIN_CLEANUP_FD int fd = hin_role_fd_take(role, "passphrase");
    if (fd < 0) {
        hin_log(HIN_LOG_ERROR, "the token wants a PIN: give its user's by --kms-secret-file, "
                               "--kms-secret-fd or a systemd credential kms-secret");
        return hin_fail(HIN_AUTH);
    }
    return hin_secret_read_fd(ret_pin, fd);
}

static HIN_RESULT open_token(struct pkcs11 *pkcs11, struct hin_error *error)
{
    struct hin_role *role = pkcs11->role;
    HIN_CLEANUP(hin_secret_done) struct hin_secret pin = {0};
    struct hin_pkcs11_options options = {
        .module = setting(role, "module"),
        .token = setting(role, "token"),
        .installation = setting(role, "installation"),
        .pin = &pin,
        .notice = notice,
        .notice_context = pkcs11,
    };
    HIN_TRY(read_pin(role, &pin));
    HIN_TRY(set_environment(setting(role, "environment")));
    HIN_TRY(hin_pkcs11_new(&pkcs11->token, &options, error));
    return hin_pkcs11_begin(pkcs11->token, error);
}

static struct hin_result pkcs11_run(struct hin_role *role)
{
    struct hin_error error = {0};
    struct pkcs11 pkcs11 = {.role = role};
    char text[1200];
    struct hin_result result = open_token(&pkcs11, &error);
    if (!hin_is_ok(result) && error.text[0] != '\0') {
        hin_error_format(&error, text, sizeof(text));
        hin_log(HIN_LOG_ERROR, "the PKCS#11 token \"%s\" cannot be used (as user %u): %s",
                setting(role, "token"), (unsigned)geteuid(), text);
    }
    /* A PIN that was refused is refused from now on. To end and be started again would try it
     * again, until the token locks itself. */
    if (result.code == HIN_AUTH && pkcs11.token != NULL) {
        result = hin_ok();
    }
    if (hin_is_ok(result)) {
        result = hin_sandbox_seal_memory();
    }
    if (hin_is_ok(result)) {
        static const struct hin_role_service services[] = {{"keys", &hin_kms_table}};
        struct hin_key_provider provider = hin_pkcs11_provider(pkcs11.token);
        struct hin_role_loop loop = {
            .services = services, .service_count = 1, .context = &provider};
        result = hin_role_serve(role, &loop);
    }
    hin_pkcs11_free(pkcs11.token);
    return result;
}

int hin_kms_pkcs11_main(int argc, char **argv)
{
    static const struct hin_role_definition roles[] = {{
        .name = "kms",
        .sandbox = pkcs11_sandbox,
        .run = pkcs11_run,
        .user = HIN_ROLE_USER_KMS,
        .instances = 1,
        .restart = HIN_ROLE_ALWAYS,
    }};
    static const struct hin_role_program program = {"hinomi-kms-pkcs11", roles, HIN_COUNT(roles)};
    hin_role_child(&program, argc, &argv);
    fprintf(stderr,
            "hinomi-kms-pkcs11 %s: started by hinomi-manager where `init` was given --kms "
            "pkcs11; not by hand\n",
            HIN_VERSION);
    return 2;
}
