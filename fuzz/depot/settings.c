/* Addresses and settings of destinations: the first line is the URL, each other one a setting. */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "depot/s3_settings.h"
#include "depot/sftp_settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_clean(const char *text, const char *refused)
{
    for (; *text != '\0'; text++) {
        if (*text <= ' ' || *text > '~' || strchr(refused, *text) != NULL) {
            return false;
        }
    }
    return true;
}

static void check_sftp(const struct hin_sftp_settings *read)
{
    /* nothing that ssh takes for an option, a token, a list or a quote */
    if (read->user[0] == '-' || read->host[0] == '-' || read->user[0] == '\0' ||
        read->host[0] == '\0' || read->folder[0] == '\0' || !is_clean(read->user, "%\"'@:/$~") ||
        !is_clean(read->host, "%\"'@/$~") || !is_clean(read->identity_file, "%\"'$~,") ||
        !is_clean(read->host_key_file, "%\"'$~,") || read->identity_file[0] != '/' ||
        read->host_key_file[0] != '/') {
        abort();
    }
}

static void check_s3(const struct hin_s3_settings *read)
{
    if (!is_clean(read->bucket, "/%?#@:") || !is_clean(read->prefix, "%?#") ||
        !is_clean(read->host, "/%?#@") || !is_clean(read->region, "/\"\\") ||
        !is_clean(read->owner, "\"\\") || read->host[0] == '\0' || read->region[0] == '\0' ||
        read->part_bytes < (5u << 20) || read->part_bytes > (64u << 20) ||
        (read->prefix[0] != '\0' && read->prefix[strlen(read->prefix) - 1] != '/')) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[4096];
    const char *settings[9] = {NULL};
    struct hin_error error;
    struct hin_s3_settings s3;
    struct hin_sftp_settings sftp;
    size_t count = 0;
    if (size >= sizeof(text)) {
        return 0;
    }
    hin_copy(text, data, size);
    text[size] = '\0';
    char *rest = text;
    const char *url = strsep(&rest, "\n");
    while (rest != NULL && count + 1 < HIN_COUNT(settings)) {
        settings[count++] = strsep(&rest, "\n");
    }
    if (strncmp(url, "s3://", 5) == 0 &&
        hin_is_ok(hin_s3_settings_read(url, settings, &s3, &error))) {
        check_s3(&s3);
    }
    if (strncmp(url, "sftp://", 7) == 0 &&
        hin_is_ok(hin_sftp_settings_read(url, settings, &sftp, &error))) {
        check_sftp(&sftp);
    }
    return 0;
}
