/* Where a host is and how SSH reaches it: pure, from URL and settings. */
#ifndef HIN_DEPOT_SFTP_SETTINGS_H
#define HIN_DEPOT_SFTP_SETTINGS_H

#include "base/result.h"

/* The URL: sftp://USER@HOST[:PORT]/FOLDER, or /~/FOLDER for one in the user's home there.
 * Settings ("name=value"), both needed:
 *   identity-file=PATH   the private key, without a pass phrase, readable by us alone
 *   host-key-file=PATH   the server's key, as a line of known_hosts: nothing else is believed
 * PATHs are absolute and of letters, digits and "._-/", since ssh reads more into others. */
struct hin_sftp_settings {
    char user[64];
    char host[254];
    char port[6];
    char folder[512]; /* without a '/' at its end; "." is the home */
    char identity_file[512];
    char host_key_file[512];
};

/* INVALID, with what is wrong. error may be NULL. */
HIN_RESULT hin_sftp_settings_read(const char *url, const char *const *settings,
                                  struct hin_sftp_settings *ret_settings, struct hin_error *error)
    __attribute__((nonnull(1, 3)));

#endif
