#include "cli/cli.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/terminal.h"

int hin_cli_complain(const struct hin_error *error)
{
    char text[1200];
    hin_error_format(error, text, sizeof(text));
    hin_terminal_line(stderr, "hinomi: %s", text);
    return HIN_CLI_FAILED;
}

int hin_cli_complain_text(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("hinomi: ", stderr);
    hin_terminal_vline(stderr, format, args);
    va_end(args);
    return HIN_CLI_FAILED;
}

int hin_cli_finish(struct hin_result result, const struct hin_error *error)
{
    if (hin_is_ok(result)) {
        return HIN_CLI_OK;
    }
    if (error->text[0] != '\0') {
        return hin_cli_complain(error);
    }
    return hin_cli_complain_text("%s (%s)", hin_code_text(result.code), hin_code_hint(result.code));
}

bool hin_cli_parse(const struct hin_command *command, int argc, char **argv, void *options,
                   char ***ret_operands, size_t *ret_operand_count, int *ret_status)
{
    struct hin_error error = {0};
    bool help = false;
    struct hin_result result = hin_option_parse(command, argc, argv, options, ret_operands,
                                                ret_operand_count, &help, &error);
    if (!hin_is_ok(result)) {
        hin_cli_complain(&error);
        *ret_status = HIN_CLI_USAGE;
        return false;
    }
    if (help) {
        hin_option_help(command, stdout);
        *ret_status = HIN_CLI_OK;
        return false;
    }
    return true;
}
