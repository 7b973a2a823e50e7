#include "base/path.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"

struct hin_result hin_path_join(char *out, size_t out_bytes, const char *first, const char *second)
{
    bool alone = second[0] == '/' || first[0] == '\0';
    size_t length = strlen(first);
    const char *slash = length > 0 && first[length - 1] == '/' ? "" : "/";
    int wanted = alone ? snprintf(out, out_bytes, "%s", second)
                       : snprintf(out, out_bytes, "%s%s%s", first, slash, second);
    HIN_ENSURE(wanted >= 0 && (size_t)wanted < out_bytes, LIMIT);
    return hin_ok();
}

struct hin_result hin_path_of_program(char *out)
{
    ssize_t size = readlink("/proc/self/exe", out, HIN_PATH_MAX - 1);
    HIN_ENSURE(size > 0, IO);
    out[size] = '\0';
    char *slash = strrchr(out, '/');
    HIN_ENSURE(slash != NULL, IO);
    *slash = '\0';
    return hin_ok();
}

const char *hin_path_base(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

bool hin_path_is_clean(struct hin_view path)
{
    if (path.size == 0 || path.size >= HIN_PATH_MAX || path.data[0] != '/' ||
        hin_view_find_byte(path, 0) != SIZE_MAX) {
        return false;
    }
    if (path.size == 1) {
        return true;
    }
    struct hin_view rest = hin_view_sub(path, 1, path.size);
    struct hin_view part;
    while (hin_view_split(&rest, '/', &part)) {
        if (part.size == 0 || hin_view_is(part, ".") || hin_view_is(part, "..")) {
            return false;
        }
    }
    return true;
}

/* One [set] at pattern[0] == '['; true when well formed, with its size and whether byte is in it.
 */
static bool match_set(struct hin_view pattern, uint8_t byte, size_t *ret_size, bool *ret_in)
{
    size_t at = 1;
    bool negated = pattern.size > at && (pattern.data[at] == '!' || pattern.data[at] == '^');
    at += negated ? 1 : 0;
    bool in = false;
    for (bool first = true; at < pattern.size && (first || pattern.data[at] != ']');
         first = false) {
        uint8_t low = pattern.data[at];
        uint8_t high = low;
        if (at + 2 < pattern.size && pattern.data[at + 1] == '-' && pattern.data[at + 2] != ']') {
            high = pattern.data[at + 2];
            at += 2;
        }
        in = in || (byte >= low && byte <= high);
        at++;
    }
    if (at >= pattern.size) {
        return false;
    }
    *ret_size = at + 1;
    *ret_in = in != negated;
    return true;
}

/* How many bytes of the pattern match `byte`; 0 = none. Stars are the caller's affair. */
static size_t match_one(struct hin_view pattern, uint8_t byte)
{
    size_t size = 0;
    bool in = false;
    switch (pattern.data[0]) {
    case '?':
        return byte != '/' ? 1 : 0;
    case '\\':
        return pattern.size > 1 && pattern.data[1] == byte ? 2 : 0;
    case '[':
        if (match_set(pattern, byte, &size, &in)) {
            return in && byte != '/' ? size : 0;
        }
        return byte == '[' ? 1 : 0;
    default:
        return pattern.data[0] == byte ? 1 : 0;
    }
}

/* Classic backtracking to the last star, kept for each kind: `**` may give back more than `*` can.
 */
bool hin_path_glob(struct hin_view pattern, struct hin_view path)
{
    struct {
        size_t pattern;
        size_t path;
        bool set;
    } star = {0}, double_star = {0};
    size_t p = 0;
    size_t s = 0;
    for (;;) {
        if (p < pattern.size && pattern.data[p] == '*') {
            bool two = p + 1 < pattern.size && pattern.data[p + 1] == '*';
            p += two ? 2 : 1;
            if (two) {
                p += p < pattern.size && pattern.data[p] == '/' &&
                             (p == 2 || pattern.data[p - 3] == '/')
                         ? 1
                         : 0;
                double_star.pattern = p, double_star.path = s, double_star.set = true;
                star.set = false;
            } else {
                star.pattern = p, star.path = s, star.set = true;
            }
            continue;
        }
        if (s == path.size && p == pattern.size) {
            return true;
        }
        size_t step = s < path.size && p < pattern.size
                          ? match_one(hin_view_sub(pattern, p, pattern.size), path.data[s])
                          : 0;
        if (step > 0) {
            p += step;
            s++;
        } else if (star.set && star.path < path.size && path.data[star.path] != '/') {
            p = star.pattern;
            s = ++star.path;
        } else if (double_star.set && double_star.path < path.size) {
            p = double_star.pattern;
            s = ++double_star.path;
            star.set = false;
        } else {
            return false;
        }
    }
}

struct hin_result hin_path_absolute(const char *path, char *out)
{
    char here[HIN_PATH_MAX];
    HIN_ENSURE(getcwd(here, sizeof(here)) != NULL, IO);
    HIN_TRY(hin_path_join(out, HIN_PATH_MAX, here, path));
    for (size_t size = strlen(out); size > 1 && out[size - 1] == '/'; size--) {
        out[size - 1] = 0;
    }
    return hin_ok();
}
