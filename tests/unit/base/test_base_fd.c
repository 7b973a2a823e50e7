#include "base/fd.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/path.h"
#include "harness.h"

TEST(test_base_fd__replace_is_whole_and_keeps_the_mode)
{
    char path[HIN_PATH_MAX];
    CHECK_OK(hin_path_join(path, sizeof(path), test_folder(), "file"));
    CHECK_OK(hin_file_replace(AT_FDCWD, path, HIN_VIEW("one"), 0600));
    CHECK_OK(hin_file_replace(AT_FDCWD, path, HIN_VIEW("second"), 0400));
    HIN_CLEANUP(hin_buf_done) struct hin_buf buf;
    hin_buf_init(&buf, 6);
    CHECK_OK(hin_file_read(AT_FDCWD, path, &buf));
    CHECK_VIEW(hin_buf_view(&buf), "second");
    struct stat status;
    CHECK(stat(path, &status) == 0);
    CHECK_INT(status.st_mode & 0777, 0400);
}

TEST(test_base_fd__read_refuses_more_than_the_maximum)
{
    char path[HIN_PATH_MAX];
    CHECK_OK(hin_path_join(path, sizeof(path), test_folder(), "file"));
    CHECK_OK(hin_file_replace(AT_FDCWD, path, HIN_VIEW("1234567"), 0600));
    HIN_CLEANUP(hin_buf_done) struct hin_buf buf;
    hin_buf_init(&buf, 6);
    CHECK_CODE(hin_file_read(AT_FDCWD, path, &buf), LIMIT);
}

TEST(test_base_fd__remove_does_not_follow_links)
{
    char path[HIN_PATH_MAX];
    char outside[HIN_PATH_MAX];
    char link_path[HIN_PATH_MAX];
    CHECK_OK(hin_path_join(outside, sizeof(outside), test_folder(), "outside"));
    CHECK_OK(hin_path_join(path, sizeof(path), test_folder(), "tree/a/b"));
    CHECK_OK(hin_directory_make(outside, 0700));
    CHECK_OK(hin_directory_make(path, 0700));
    CHECK_OK(hin_path_join(link_path, sizeof(link_path), path, "link"));
    CHECK(symlink(outside, link_path) == 0);
    CHECK_OK(hin_path_join(path, sizeof(path), test_folder(), "tree"));
    CHECK_OK(hin_directory_remove(path));
    CHECK(access(path, F_OK) != 0);
    CHECK(access(outside, F_OK) == 0);
}

TEST(test_base_fd__memfd_is_sealed)
{
    HIN_CLEANUP_FD int fd = -1;
    CHECK_OK(hin_memfd_from("test", HIN_VIEW("content"), &fd));
    CHECK(write(fd, "x", 1) < 0);
    CHECK(hin_memfd_is_sealed(fd));
    HIN_CLEANUP_FD int open_one = memfd_create("open", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    CHECK(!hin_memfd_is_sealed(open_one));
    CHECK(fcntl(open_one, F_ADD_SEALS, F_SEAL_SHRINK) == 0);
    CHECK(!hin_memfd_is_sealed(open_one)); /* still written to */
    HIN_CLEANUP_FD int file = open("/etc/passwd", O_RDONLY | O_CLOEXEC);
    CHECK(!hin_memfd_is_sealed(file)); /* no memory file at all */
    CHECK(!hin_memfd_is_sealed(-1));
    HIN_CLEANUP(hin_buf_done) struct hin_buf buf;
    hin_buf_init(&buf, 100);
    CHECK_OK(hin_fd_read_all(fd, &buf));
    CHECK_VIEW(hin_buf_view(&buf), "content");
}
