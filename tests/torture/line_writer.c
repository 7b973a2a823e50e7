/* Writes numbered lines into a file and rotates it by renaming, as a program with its own rotation
 * does: line_writer FILE COUNT LINES-A-BURST BURST-MS ROTATE-LINES KEEP Line n reads "Nov 22
 * 23:00:00 host num: line n"; numbers run from 0. The old file is renamed to FILE.1, that one to
 * FILE.2 and so on up to KEEP. Nothing is flushed to disk: the page cache outlives any kill. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int reopen(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (fd < 0) {
        perror(path);
        exit(1);
    }
    return fd;
}

static void rotate(const char *path, int keep)
{
    char from[4200], to[4200];
    for (int i = keep - 1; i >= 0; i--) {
        snprintf(to, sizeof(to), "%s.%d", path, i + 1);
        snprintf(from, sizeof(from), i > 0 ? "%s.%d" : "%s", path, i);
        if (rename(from, to) != 0 && i == 0) {
            perror(from);
            exit(1);
        }
    }
}

int main(int argc, char **argv)
{
    if (argc != 8) {
        fprintf(stderr,
                "usage: line_writer FILE COUNT LINES-A-BURST BURST-MS ROTATE-LINES KEEP RUN\n");
        return 2;
    }
    const char *path = argv[1];
    long count = strtol(argv[2], NULL, 10), burst = strtol(argv[3], NULL, 10),
         pause_ms = strtol(argv[4], NULL, 10), rotate_lines = strtol(argv[5], NULL, 10);
    int keep = (int)strtol(argv[6], NULL, 10), fd = reopen(path);
    for (long n = 0; n < count; n++) {
        char line[160];
        int size = snprintf(line, sizeof(line),
                            "Nov 22 23:00:00 counter number: line %ld of %.60s\n", n, argv[7]);
        if (n > 0 && n % rotate_lines == 0) {
            close(fd);
            rotate(path, keep);
            fd = reopen(path);
        }
        if (write(fd, line, (size_t)size) != size) {
            perror("write");
            return 1;
        }
        if (n % burst == burst - 1) {
            nanosleep(&(struct timespec){pause_ms / 1000, pause_ms % 1000 * 1000000}, NULL);
        }
    }
    return 0;
}
