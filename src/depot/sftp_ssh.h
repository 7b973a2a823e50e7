/* Debian's ssh as a child: what speaks SSH, so that we need not. It asks nobody anything, reads no
 * settings of any user, uses the one key and believes the one host key that it is given; its
 * standard input and output are the server's SFTP subsystem. */
#ifndef HIN_DEPOT_SFTP_SSH_H
#define HIN_DEPOT_SFTP_SSH_H

#include <sys/types.h>

#include "base/buf.h"
#include "base/result.h"
#include "depot/sftp_settings.h"

struct hin_ssh {
    pid_t pid;    /* 0: none */
    int fd;       /* to and from it, non-blocking; -1 */
    int error_fd; /* what it says to people, non-blocking; -1 */
    struct hin_buf said;
};

/* *ssh is zeroed, or was stopped. It ends with the thread that started it. user: as root, whom it
 * becomes; where that number has no name, it is told in a user namespace of its own that it is
 * root, since ssh runs for nobody without a name. 0: as we are. */
HIN_RESULT hin_ssh_start(struct hin_ssh *ssh, const struct hin_sftp_settings *settings,
                         int64_t timeout_usec, uid_t user) HIN_NONNULL;
/* Ends it, orderly where it takes less than a moment. Fine on one that never ran. */
void hin_ssh_stop(struct hin_ssh *ssh) HIN_NONNULL;
/* Takes what it says; keeps the last of it. */
void hin_ssh_listen(struct hin_ssh *ssh) HIN_NONNULL;
/* Its connection is gone: what became of it, from what it said. `said` is whatever ssh wrote. */
HIN_RESULT hin_ssh_explain(struct hin_view said, const struct hin_sftp_settings *settings,
                           struct hin_error *error) __attribute__((nonnull(2)));

#endif
