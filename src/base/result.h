/* One result type for every fallible function in the tree.
 *
 * A struct, so that no int can be mistaken for a status; must-use, so that no failure is dropped in
 * silence. Outputs are named ret_x and are written only on success. Libraries return results and
 * never log, print, exit or abort on input; the program that decides logs once. */
#ifndef HIN_BASE_RESULT_H
#define HIN_BASE_RESULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* code, short text, what an operator can do about it. The numbers go over our own wires: append
 * only. */
#define HIN_CODES(X)                                                                               \
    X(OK, "success", "")                                                                           \
    X(NO_MEMORY, "out of memory", "free memory or raise the limit of the service")                 \
    X(LIMIT, "a limit was reached", "raise the limit that the message names, or send less")        \
    X(INVALID, "invalid argument", "check the value against the documentation")                    \
    X(SYNTAX, "syntax error", "correct the input at the place that is named")                      \
    X(TRUNCATED, "input ends too early", "check that the file or message is whole")                \
    X(CORRUPT, "data does not match its checksum", "restore the named file from a backup")         \
    X(UNSUPPORTED, "not supported by this version", "update Hinomi, or remove the feature named")  \
    X(NOT_FOUND, "not found", "check the name")                                                    \
    X(EXISTS, "exists already", "choose another name, or remove the present one")                  \
    X(DENIED, "permission denied", "check owner, mode and rights")                                 \
    X(AUTH, "authentication failed", "check credential, certificate or pass phrase")               \
    X(EXPIRED, "expired", "renew the certificate, key or token")                                   \
    X(REVOKED, "revoked", "ask the administrator to approve this computer again")                  \
    X(CONFLICT, "conflicts with the present state", "read the present state and try again")        \
    X(AGAIN, "not ready yet", "try again")                                                         \
    X(TIMEOUT, "no answer in time", "check that the peer runs and is reachable")                   \
    X(CLOSED, "the peer closed the connection", "check the log of the peer")                       \
    X(IO, "input/output error", "check disk and file system")                                      \
    X(NO_SPACE, "no space left", "free disk space")                                                \
    X(NETWORK, "network error", "check address, port and firewall")                                \
    X(PROTOCOL, "the peer broke the protocol", "check that both sides run compatible versions")    \
    X(CRYPTO, "a cryptographic operation failed", "check keys and the OpenSSL installation")       \
    X(INTERNAL, "internal error", "report this with the log")                                      \
    X(SET_BACK, "set back to an older state", "see docs/OPERATIONS.md, Restoring")

enum hin_code {
#define X(name, text, hint) HIN_##name,
    HIN_CODES(X)
#undef X
        HIN_CODE_COUNT
};

struct hin_result {
    enum hin_code code;
};

/* Every fallible function is declared `HIN_RESULT hin_x_verb(...)`. */
#define HIN_RESULT            __attribute__((warn_unused_result)) struct hin_result
#define HIN_NONNULL           __attribute__((nonnull))
#define HIN_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define HIN_UNUSED            __attribute__((unused))

/* Scope cleanup: HIN_CLEANUP(hin_buf_done) struct hin_buf b = ...; fn takes a pointer to the
 * variable. */
#define HIN_CLEANUP(fn) __attribute__((cleanup(fn)))

static inline HIN_RESULT hin_ok(void)
{
    return (struct hin_result){HIN_OK};
}

static inline HIN_RESULT hin_fail(enum hin_code code)
{
    return (struct hin_result){code};
}

static inline bool hin_is_ok(struct hin_result result)
{
    return result.code == HIN_OK;
}

/* try: pass a failure on to the caller. */
#define HIN_TRY(expr)                                                                              \
    do {                                                                                           \
        struct hin_result hin_try_ = (expr);                                                       \
        if (hin_try_.code != HIN_OK) {                                                             \
            return hin_try_;                                                                       \
        }                                                                                          \
    } while (0)

/* ensure: fail with HIN_<name> unless the condition holds. */
#define HIN_ENSURE(cond, name)                                                                     \
    do {                                                                                           \
        if (!(cond)) {                                                                             \
            return hin_fail(HIN_##name);                                                           \
        }                                                                                          \
    } while (0)

/* ignore: a failure that truly has no consequence here (say why beside it). */
#define HIN_IGNORE(expr)                                                                           \
    do {                                                                                           \
        struct hin_result hin_ignored_ = (expr);                                                   \
        (void)hin_ignored_;                                                                        \
    } while (0)

/* Static texts, never NULL; an unknown code reads "unknown error". */
const char *hin_code_name(enum hin_code code); /* "NO_MEMORY" */
const char *hin_code_text(enum hin_code code); /* "out of memory" */
const char *hin_code_hint(enum hin_code code); /* what to do */

/* The code that stands for an errno value (ENOSPC -> NO_SPACE, ...); IO when nothing fits better.
 */
enum hin_code hin_code_from_errno(int error);

/* A failure that a person will read: file, line, column, what is wrong, what to do. Filled by
 * functions that take a `struct hin_error *` (may be NULL); text is always terminated. */
struct hin_error {
    enum hin_code code;
    char file[256];
    uint32_t line;   /* 1-based; 0 = no line */
    uint32_t column; /* 1-based, in bytes; 0 = no column */
    char text[768];
};

/* Fill `error` (NULL is allowed) and return the failure. file may be NULL. */
HIN_RESULT hin_error_set(struct hin_error *error, enum hin_code code, const char *file,
                         uint32_t line, uint32_t column, const char *format, ...) HIN_PRINTF(6, 7);

/* The failure of a parser that does not know what it reads from: names the file, which the error
 * lacks. error may be NULL. Returns the failure. */
HIN_RESULT hin_error_in_file(struct hin_error *error, struct hin_result result, const char *file);

/* "file:line:column: text" into out (always terminated); what is absent is left out. */
void hin_error_format(const struct hin_error *error, char *out, size_t out_bytes);

#endif
