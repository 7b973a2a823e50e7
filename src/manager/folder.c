#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "manager/roles.h"

HIN_RESULT hin_folder_own(const char *folder, uid_t uid)
{
    DIR *directory = opendir(folder);
    HIN_ENSURE(directory != NULL, IO);
    struct hin_result result = hin_ok();
    struct dirent *entry;
    while (hin_is_ok(result) && (entry = readdir(directory)) != NULL) {
        struct stat about;
        if (fstatat(dirfd(directory), entry->d_name, &about, AT_SYMLINK_NOFOLLOW) != 0 ||
            !S_ISREG(about.st_mode)) {
            continue;
        }
        if (fchownat(dirfd(directory), entry->d_name, uid, uid, AT_SYMLINK_NOFOLLOW) != 0) {
            result = hin_fail(hin_code_from_errno(errno));
        }
    }
    closedir(directory);
    return result;
}
