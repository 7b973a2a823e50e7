#include "base/result.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/bytes.h"

static const struct {
    const char *name;
    const char *text;
    const char *hint;
} codes[HIN_CODE_COUNT] = {
#define X(name, text, hint) {#name, text, hint},
    HIN_CODES(X)
#undef X
};

static const struct {
    int error;
    enum hin_code code;
} errno_codes[] = {
    {ENOMEM, HIN_NO_MEMORY},     {EACCES, HIN_DENIED},
    {EPERM, HIN_DENIED},         {EROFS, HIN_DENIED},
    {ENOENT, HIN_NOT_FOUND},     {ENOTDIR, HIN_NOT_FOUND},
    {EEXIST, HIN_EXISTS},        {EAGAIN, HIN_AGAIN},
    {EINTR, HIN_AGAIN},          {EINPROGRESS, HIN_AGAIN},
    {ETIMEDOUT, HIN_TIMEOUT},    {EPIPE, HIN_CLOSED},
    {ECONNRESET, HIN_CLOSED},    {ENOSPC, HIN_NO_SPACE},
    {EDQUOT, HIN_NO_SPACE},      {ECONNREFUSED, HIN_NETWORK},
    {EHOSTUNREACH, HIN_NETWORK}, {ENETUNREACH, HIN_NETWORK},
    {EADDRINUSE, HIN_NETWORK},   {EADDRNOTAVAIL, HIN_NETWORK},
    {EINVAL, HIN_INVALID},       {ENAMETOOLONG, HIN_LIMIT},
    {EMFILE, HIN_LIMIT},         {ENFILE, HIN_LIMIT},
    {EFBIG, HIN_LIMIT},          {EMSGSIZE, HIN_LIMIT},
    {ENOSYS, HIN_UNSUPPORTED},   {EOPNOTSUPP, HIN_UNSUPPORTED},
};

const char *hin_code_name(enum hin_code code)
{
    return (unsigned)code < HIN_CODE_COUNT ? codes[code].name : "UNKNOWN";
}

const char *hin_code_text(enum hin_code code)
{
    return (unsigned)code < HIN_CODE_COUNT ? codes[code].text : "unknown error";
}

const char *hin_code_hint(enum hin_code code)
{
    return (unsigned)code < HIN_CODE_COUNT ? codes[code].hint : "";
}

enum hin_code hin_code_from_errno(int error)
{
    for (size_t i = 0; i < HIN_COUNT(errno_codes); i++) {
        if (errno_codes[i].error == error) {
            return errno_codes[i].code;
        }
    }
    return HIN_IO;
}

struct hin_result hin_error_set(struct hin_error *error, enum hin_code code, const char *file,
                                uint32_t line, uint32_t column, const char *format, ...)
{
    if (error != NULL) {
        error->code = code;
        error->line = line;
        error->column = column;
        snprintf(error->file, sizeof(error->file), "%s", file != NULL ? file : "");
        va_list args;
        va_start(args, format);
        vsnprintf(error->text, sizeof(error->text), format, args);
        va_end(args);
    }
    return hin_fail(code);
}

struct hin_result hin_error_in_file(struct hin_error *error, struct hin_result result,
                                    const char *file)
{
    if (error != NULL && error->file[0] == '\0') {
        snprintf(error->file, sizeof(error->file), "%s", file);
    }
    if (error != NULL && error->text[0] == '\0') {
        snprintf(error->text, sizeof(error->text), "%s", hin_code_text(result.code));
        error->code = result.code;
    }
    return result;
}

void hin_error_format(const struct hin_error *error, char *out, size_t out_bytes)
{
    if (error->file[0] == '\0') {
        snprintf(out, out_bytes, "%s", error->text);
    } else if (error->line == 0) {
        snprintf(out, out_bytes, "%s: %s", error->file, error->text);
    } else if (error->column == 0) {
        snprintf(out, out_bytes, "%s:%u: %s", error->file, error->line, error->text);
    } else {
        snprintf(out, out_bytes, "%s:%u:%u: %s", error->file, error->line, error->column,
                 error->text);
    }
}
