#include "sensor/roots.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "harness.h"

static void file_make(const char *folder, const char *name)
{
    char path[HIN_PATH_MAX];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    int fd = open(path, O_WRONLY | O_CREAT, 0644);
    CHECK(fd >= 0);
    close(fd);
}

TEST(test_sensor_roots__opens_regular_files_beneath_only)
{
    char inside[HIN_PATH_MAX], path[HIN_PATH_MAX];
    const char *folder = test_folder();
    snprintf(inside, sizeof(inside), "%s/inside", folder);
    CHECK(mkdir(inside, 0755) == 0);
    file_make(folder, "secret");
    file_make(inside, "a.log");
    snprintf(path, sizeof(path), "%.4000s/link", inside);
    CHECK(symlink("../secret", path) == 0);
    snprintf(path, sizeof(path), "%.4000s/dirlink", inside);
    CHECK(symlink("..", path) == 0);
    snprintf(path, sizeof(path), "%.4000s/pipe", inside);
    CHECK(mkfifo(path, 0644) == 0);
    static struct hin_roots roots;
    const char *paths[] = {inside};
    HIN_CLEANUP_FD int fd = -1;
    CHECK_OK(hin_roots_open(&roots, paths, 1, NULL));
    CHECK_OK(hin_roots_open_file(&roots, 0, "a.log", &fd));
    int other = -1;
    CHECK_CODE(hin_roots_open_file(&roots, 0, "../secret", &other), DENIED);
    CHECK_CODE(hin_roots_open_file(&roots, 0, "link", &other), DENIED);
    CHECK_CODE(hin_roots_open_file(&roots, 0, "dirlink/secret", &other), DENIED);
    CHECK_CODE(hin_roots_open_file(&roots, 0, "pipe", &other), DENIED);
    CHECK_CODE(hin_roots_open_file(&roots, 0, ".", &other), DENIED);
    CHECK_CODE(hin_roots_open_file(&roots, 0, "/etc/passwd", &other), INVALID);
    CHECK_CODE(hin_roots_open_file(&roots, 0, "none", &other), NOT_FOUND);
    CHECK_CODE(hin_roots_open_file(&roots, 1, "a.log", &other), INVALID);
    CHECK_CODE(hin_roots_open_directory(&roots, 0, "..", &other), DENIED);
    CHECK_INT(other, -1);
    hin_roots_close(&roots);
}

TEST(test_sensor_roots__refuses_paths_that_are_not_clean)
{
    static struct hin_roots roots;
    struct hin_error error;
    static const char *const bad[] = {"relative", "/", "/var/../etc", "/var//log", ""};
    for (size_t i = 0; i < 5; i++) {
        CHECK_CODE(hin_roots_open(&roots, &bad[i], 1, &error), INVALID);
    }
}
