/* The destination that a test is about: a folder of the test's own, or what the file says whose
 * path stands in HIN_DEPOT_SUBJECT: URL name=value        a setting, any number
 *   @secret=FILE      what the place asks for
 *   @timeout=SECONDS */
#ifndef HIN_TESTS_DEPOT_SUBJECT_H
#define HIN_TESTS_DEPOT_SUBJECT_H

#include "base/buf.h"
#include "base/secret.h"
#include "depot/depot.h"

enum { SUBJECT_SETTINGS_MAX = 16 };

struct subject {
    struct hin_depot_options options;
    struct hin_buf text;
    struct hin_secret secret;
    const char *settings[SUBJECT_SETTINGS_MAX + 1];
    char url[HIN_DEPOT_URL_MAX];
};
void subject_done(struct subject *subject);
/* file NULL: a folder. */
HIN_RESULT subject_read(const char *file, const char *folder, struct subject *ret_subject);

#endif
