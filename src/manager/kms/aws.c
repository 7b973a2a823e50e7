#include "manager/kms/aws.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "base/log.h"

#define SYSTEM_AUTHORITIES "/etc/ssl/certs/ca-certificates.crt"

HIN_RESULT hin_kms_aws_endpoint(const struct hin_kms_settings *settings,
                                struct hin_manager_endpoint *ret_endpoint)
{
    struct hin_manager_endpoint endpoint = {.port = 443};
    if (settings->endpoint[0] != '\0') {
        HIN_TRY(hin_manager_endpoint_parse(settings->endpoint, &endpoint));
        HIN_ENSURE(endpoint.host[0] != '*' && endpoint.port != 0, INVALID);
    } else {
        hin_aws_host(settings->region, endpoint.host, sizeof(endpoint.host));
    }
    *ret_endpoint = endpoint;
    return hin_ok();
}

/* Credentials are for the log of nobody: only what the service said of them. */
static void notice(void *context, const char *text)
{
    (void)context;
    hin_log(HIN_LOG_WARNING, "%s", text);
}

static HIN_RESULT open_with(struct hin_kms_aws *aws, const struct hin_kms_settings *settings,
                            struct hin_view credentials, struct hin_view authorities,
                            struct hin_error *error)
{
    struct hin_aws_pipe pipe = hin_kms_mover_pipe(&aws->mover);
    struct hin_manager_endpoint endpoint;
    if (!hin_is_ok(hin_kms_aws_endpoint(settings, &endpoint))) {
        return hin_error_set(error, HIN_INVALID, NULL, 0, 0, "--aws-endpoint %s: not HOST:PORT",
                             settings->endpoint);
    }
    struct hin_aws_options options = {
        .region = settings->region,
        .host = endpoint.host,
        .port = endpoint.port,
        .installation = settings->installation,
        .credentials = credentials,
        .authorities = authorities,
        .pipe = &pipe,
        .notice = notice,
    };
    return hin_aws_new(&aws->aws, &options, error);
}

static HIN_RESULT read_authorities(const struct hin_kms_settings *settings, struct hin_buf *out,
                                   struct hin_error *error)
{
    const char *path = settings->ca_file[0] != '\0' ? settings->ca_file : SYSTEM_AUTHORITIES;
    struct hin_result read = hin_file_read(AT_FDCWD, path, out);
    if (!hin_is_ok(read)) {
        return hin_error_set(error, read.code, path, 0, 0,
                             "the CA file of AWS cannot be read: %s (--aws-ca-file names another)",
                             hin_code_text(read.code));
    }
    return hin_ok();
}

HIN_RESULT hin_kms_aws_open(struct hin_kms_aws *aws, const struct hin_kms_settings *settings,
                            const struct hin_secret *credentials, struct hin_error *error)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf authorities = {.max = HIN_KMS_AUTHORITIES_MAX};
    HIN_TRY(read_authorities(settings, &authorities, error));
    return open_with(aws, settings, hin_secret_view(credentials), hin_buf_view(&authorities),
                     error);
}

void hin_kms_aws_close(struct hin_kms_aws *aws)
{
    hin_aws_free(aws->aws);
    aws->aws = NULL;
}

/* ---- from the parent to keys ---- */

HIN_RESULT hin_kms_aws_hand(struct hin_role_hand *hand, const struct hin_kms_settings *settings,
                            const struct hin_secret *credentials, struct hin_error *error)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf authorities = {.max = HIN_KMS_AUTHORITIES_MAX};
    HIN_CLEANUP_FD int secret_fd = -1;
    HIN_CLEANUP_FD int authorities_fd = -1;
    if (settings->kind != HIN_KMS_AWS) {
        return hin_ok();
    }
    HIN_TRY(read_authorities(settings, &authorities, error));
    HIN_TRY(hin_role_hand_setting(hand, "aws-region", hin_view_from_text(settings->region)));
    HIN_TRY(hin_role_hand_setting(hand, "aws-endpoint", hin_view_from_text(settings->endpoint)));
    HIN_TRY(hin_role_hand_setting(hand, "aws-installation",
                                  hin_view_from_text(settings->installation)));
    HIN_TRY(hin_memfd_from("authorities", hin_buf_view(&authorities), &authorities_fd));
    HIN_TRY(hin_role_hand_fd(hand, "aws-authorities", authorities_fd));
    if (credentials->size == 0) {
        return hin_ok(); /* said there */
    }
    HIN_TRY(hin_memfd_from("credentials", hin_secret_view(credentials), &secret_fd));
    return hin_role_hand_fd(hand, "aws-credentials", secret_fd);
}

static HIN_RESULT take(struct hin_kms_aws *aws, struct hin_role *role,
                       const struct hin_secret *credentials, struct hin_error *error)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf authorities = {.max = HIN_KMS_AUTHORITIES_MAX};
    HIN_CLEANUP_FD int fd = hin_role_fd_take(role, "aws-authorities");
    struct hin_kms_settings *settings = calloc(1, sizeof(*settings)); /* too large for a stack */
    HIN_ENSURE(settings != NULL, NO_MEMORY);
    settings->kind = HIN_KMS_AWS;
    struct hin_result result = hin_view_to_text(hin_role_setting(role, "aws-region"),
                                                settings->region, sizeof(settings->region));
    if (hin_is_ok(result)) {
        result = hin_view_to_text(hin_role_setting(role, "aws-endpoint"), settings->endpoint,
                                  sizeof(settings->endpoint));
    }
    if (hin_is_ok(result)) {
        result = hin_view_to_text(hin_role_setting(role, "aws-installation"),
                                  settings->installation, sizeof(settings->installation));
    }
    if (hin_is_ok(result)) {
        result = hin_fd_read_all(fd, &authorities);
    }
    if (hin_is_ok(result)) {
        result = open_with(aws, settings, hin_secret_view(credentials), hin_buf_view(&authorities),
                           error);
    }
    free(settings);
    return result;
}

HIN_RESULT hin_kms_aws_take(struct hin_kms_aws *aws, struct hin_role *role, struct hin_error *error)
{
    HIN_CLEANUP(hin_secret_done) struct hin_secret credentials = {0};
    if (hin_role_setting_text(role, "aws-region") == NULL) {
        return hin_ok();
    }
    HIN_CLEANUP_FD int fd = hin_role_fd_take(role, "aws-credentials");
    if (fd < 0) {
        return hin_error_set(error, HIN_AUTH, NULL, 0, 0,
                             "AWS KMS wants credentials: give them by --kms-secret-file, "
                             "--kms-secret-fd or a systemd credential kms-secret");
    }
    HIN_TRY(hin_secret_read_fd(&credentials, fd));
    aws->mover.role = role;
    return take(aws, role, &credentials, error);
}
