#include "cli/output.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "cli/cli.h"

enum { PATH_MOST = 1000 };

bool hin_cli_output_choose(const char *option, char **operands, size_t count, const char *otherwise,
                           const char **ret_path)
{
    if (option != NULL && count > 0) {
        (void)hin_cli_complain_text("--output %s or %s: give one file", option, operands[0]);
        return false;
    }
    const char *path = option != NULL ? option : count > 0 ? operands[0] : otherwise;
    if (path == NULL) {
        (void)hin_cli_complain_text("--output: missing (the file to make; -: standard output)");
        return false;
    }
    *ret_path = path;
    return true;
}

HIN_RESULT hin_cli_output_open(struct hin_cli_output *ret_output, const char *path,
                               enum hin_cli_output_way way, struct hin_error *error)
{
    struct hin_cli_output output = {.path = path, .file = stdout};
    if (strcmp(path, "-") == 0) {
        *ret_output = output;
        return hin_ok();
    }
    int fd = -1;
    bool replace = way == HIN_CLI_OUTPUT_REPLACE;
    if (replace) {
        snprintf(output.fresh, sizeof(output.fresh), "%s.part", path);
    }
    struct hin_result opened =
        strlen(path) > PATH_MOST
            ? hin_fail(HIN_LIMIT)
            : hin_fd_open(AT_FDCWD, replace ? output.fresh : path,
                          O_WRONLY | O_CREAT | O_NOFOLLOW | (replace ? O_TRUNC : O_EXCL), 0600,
                          &fd);
    if (!hin_is_ok(opened)) {
        return hin_error_set(error, opened.code, replace ? output.fresh : path, 0, 0,
                             "cannot be written: %s",
                             opened.code == HIN_EXISTS
                                 ? "it is there already and is not overwritten: name another file"
                                 : hin_code_text(opened.code));
    }
    output.file = fdopen(fd, "w");
    HIN_ENSURE(output.file != NULL, NO_MEMORY);
    *ret_output = output;
    return hin_ok();
}

HIN_RESULT hin_cli_output_write(struct hin_cli_output *output, struct hin_view bytes)
{
    HIN_ENSURE(fwrite(bytes.data, 1, bytes.size, output->file) == bytes.size, IO);
    return hin_ok();
}

HIN_RESULT hin_cli_output_close(struct hin_cli_output *output, struct hin_result result,
                                struct hin_error *error)
{
    if (output->file == NULL || output->file == stdout) {
        return result;
    }
    const char *made = output->fresh[0] != '\0' ? output->fresh : output->path;
    bool failed = ferror(output->file) != 0;
    bool whole = fflush(output->file) == 0 && fsync(fileno(output->file)) == 0;
    whole = fclose(output->file) == 0 && whole;
    output->file = NULL;
    if (hin_is_ok(result) && whole && (made == output->path || rename(made, output->path) == 0)) {
        return hin_ok();
    }
    (void)unlink(made);
    return hin_is_ok(result) || failed ? hin_error_set(error, HIN_IO, output->path, 0, 0,
                                                       "cannot be written whole: is the disk full?")
                                       : result;
}
