#include "subject.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "base/time.h"

void subject_done(struct subject *subject)
{
    hin_buf_done(&subject->text);
    hin_secret_done(&subject->secret);
}

static HIN_RESULT take_line(struct subject *subject, char *line, size_t *count)
{
    if (strncmp(line, "@secret=", 8) == 0) {
        HIN_CLEANUP_FD int fd = -1;
        HIN_TRY(hin_fd_open(AT_FDCWD, line + 8, O_RDONLY, 0, &fd));
        HIN_TRY(hin_secret_read_fd(&subject->secret, fd));
        subject->options.secret = &subject->secret;
        return hin_ok();
    }
    if (strncmp(line, "@timeout=", 9) == 0) {
        subject->options.timeout_usec = strtol(line + 9, NULL, 10) * HIN_SEC_USEC;
        return hin_ok();
    }
    HIN_ENSURE(*count < SUBJECT_SETTINGS_MAX, LIMIT);
    subject->settings[(*count)++] = line;
    return hin_ok();
}

HIN_RESULT subject_read(const char *file, const char *folder, struct subject *ret_subject)
{
    size_t count = 0;
    *ret_subject = (struct subject){.options = {.directory = -1}, .text = {.max = 65536}};
    ret_subject->options.url = ret_subject->url;
    if (file == NULL) {
        snprintf(ret_subject->url, sizeof(ret_subject->url), "file://%s", folder);
        return hin_ok();
    }
    HIN_TRY(hin_file_read(AT_FDCWD, file, &ret_subject->text));
    HIN_TRY(hin_buf_append_byte(&ret_subject->text, '\0'));
    char *rest = (char *)ret_subject->text.data;
    char *line = strsep(&rest, "\n");
    snprintf(ret_subject->url, sizeof(ret_subject->url), "%s", line);
    while ((line = strsep(&rest, "\n")) != NULL) {
        if (line[0] != '\0') {
            HIN_TRY(take_line(ret_subject, line, &count));
        }
    }
    ret_subject->options.settings = count > 0 ? ret_subject->settings : NULL;
    return hin_ok();
}
