#include "base/secret.h"

#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "harness.h"

TEST(test_base_secret__a_forked_child_sees_zeroes)
{
    struct hin_secret secret = {0};
    CHECK_OK(hin_secret_from(&secret, HIN_VIEW("key material")));
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        _exit(secret.data[0] == 0 ? 0 : 1);
    }
    int status = 0;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK_INT(WEXITSTATUS(status), 0);
    CHECK_VIEW(hin_secret_view(&secret), "key material");
    hin_secret_done(&secret);
    CHECK(secret.data == NULL);
}

TEST(test_base_secret__reads_a_descriptor_without_its_newline)
{
    int ends[2];
    CHECK(pipe(ends) == 0);
    CHECK_OK(hin_fd_write_all(ends[1], HIN_VIEW("pass phrase\n")));
    hin_fd_close(&ends[1]);
    struct hin_secret secret = {0};
    CHECK_OK(hin_secret_read_fd(&secret, ends[0]));
    CHECK_VIEW(hin_secret_view(&secret), "pass phrase");
    hin_secret_done(&secret);
    CHECK_CODE(hin_secret_read_fd(&secret, ends[0]), INVALID); /* nothing left */
    hin_fd_close(&ends[0]);
}
