/* Pre-decoding. What is cut, and where, follows OSSEC's analysisd sign for sign, since decoders and
 * rules see it. */
#include "decode/log/predecode.h"

#include "base/bytes.h"
#include "decode/log/stamp.h"

const char *hin_log_format_name(enum hin_log_format format)
{
    static const char *const names[HIN_LOG_FORMAT_COUNT] = {
        "plain", "rfc3164",  "iso",          "rfc5424", "proftpd", "datetime", "xferlog",
        "snort", "suricata", "apache-error", "nginx",   "squid",   "asl",      "access",
    };
    return (unsigned)format < HIN_LOG_FORMAT_COUNT ? names[format] : "unknown";
}

/* ---- the missing year ---- */

HIN_RESULT hin_predecode_infer_year(const struct hin_predecode_context *context,
                                    struct hin_civil *local)
{
    static const struct hin_zone utc; /* zeroed: no offset, no transitions */
    HIN_ENSURE(context != NULL && context->now_usec != 0, INVALID);
    const struct hin_zone *zone = context->zone != NULL ? context->zone : &utc;
    int64_t newest = context->now_usec + HIN_DAY_USEC;
    struct hin_civil candidate = *local;
    struct hin_civil now;
    hin_zone_to_local(zone, newest, &now);
    /* 29 February comes back after eight years at the latest (1896 to 1904, 2096 to 2104) */
    for (int32_t year = now.year; year >= now.year - 8; year--) {
        int64_t usec = 0;
        candidate.year = year;
        if (hin_is_ok(hin_zone_to_utc(zone, &candidate, &usec)) && usec <= newest) {
            local->year = year;
            return hin_ok();
        }
    }
    return hin_fail(HIN_INVALID);
}

/* ---- host and program ---- */

/* Letters, digits and ( ) - . / @ _ may stand in host and program names. */
static const bool name_signs[256] = {
    ['('] = true, [')'] = true, ['-'] = true, ['.'] = true, ['/'] = true, ['@'] = true,
    ['_'] = true, ['0'] = true, ['1'] = true, ['2'] = true, ['3'] = true, ['4'] = true,
    ['5'] = true, ['6'] = true, ['7'] = true, ['8'] = true, ['9'] = true, ['a'] = true,
    ['b'] = true, ['c'] = true, ['d'] = true, ['e'] = true, ['f'] = true, ['g'] = true,
    ['h'] = true, ['i'] = true, ['j'] = true, ['k'] = true, ['l'] = true, ['m'] = true,
    ['n'] = true, ['o'] = true, ['p'] = true, ['q'] = true, ['r'] = true, ['s'] = true,
    ['t'] = true, ['u'] = true, ['v'] = true, ['w'] = true, ['x'] = true, ['y'] = true,
    ['z'] = true, ['A'] = true, ['B'] = true, ['C'] = true, ['D'] = true, ['E'] = true,
    ['F'] = true, ['G'] = true, ['H'] = true, ['I'] = true, ['J'] = true, ['K'] = true,
    ['L'] = true, ['M'] = true, ['N'] = true, ['O'] = true, ['P'] = true, ['Q'] = true,
    ['R'] = true, ['S'] = true, ['T'] = true, ['U'] = true, ['V'] = true, ['W'] = true,
    ['X'] = true, ['Y'] = true, ['Z'] = true,
};

static bool is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

static bool is_lower(uint8_t byte)
{
    return byte >= 'a' && byte <= 'z';
}

static bool is_alnum(uint8_t byte)
{
    return is_digit(byte) || is_lower((uint8_t)(byte | 0x20));
}

/* A byte of the line, 0 past its end: the signs looked for are never 0. */
static uint8_t sign(struct hin_view line, size_t at)
{
    return at < line.size ? line.data[at] : 0;
}

static size_t skip_name(struct hin_view line, size_t at)
{
    while (at < line.size && name_signs[line.data[at]]) {
        at++;
    }
    return at;
}

static size_t skip_alnum(struct hin_view line, size_t at)
{
    while (at < line.size && is_alnum(line.data[at])) {
        at++;
    }
    return at;
}

static struct hin_view between(struct hin_view line, size_t from, size_t to)
{
    return hin_view_of(line.data + from, to - from);
}

/* "name[pid]: " or "name[pid] " with the bracket at `at`. True and *ret_after when it is one. */
static bool take_pid(struct hin_view line, size_t at, bool colon_needed, struct hin_predecoded *out,
                     size_t *ret_after)
{
    size_t digit = at + 1;
    while (is_digit(sign(line, digit))) {
        digit++;
    }
    bool closed = sign(line, digit) == ']';
    bool colon = closed && sign(line, digit + 1) == ':' && sign(line, digit + 2) == ' ';
    bool blank = closed && sign(line, digit + 1) == ' ' && !colon_needed;
    if (!colon && !blank) {
        return false;
    }
    out->pid = between(line, at + 1, digit);
    *ret_after = digit + (colon ? 3 : 2);
    return true;
}

/* AIX: "auth|security:info name: ". The bar stands at `at`. SIZE_MAX: the log begins where the
 * program did. */
static size_t take_aix(struct hin_view line, size_t at, struct hin_predecoded *out)
{
    size_t after = 0;
    at = skip_alnum(line, at + 2);
    if (sign(line, at) != ':') {
        return SIZE_MAX;
    }
    at = skip_alnum(line, at + 1);
    if (sign(line, at) != ' ') {
        return SIZE_MAX;
    }
    size_t begin = at + 1;
    at = skip_name(line, begin);
    if (sign(line, at) == ':' && sign(line, at + 1) == ' ') {
        out->program = between(line, begin, at);
        return at + 2;
    }
    if (sign(line, at) == '[' && is_digit(sign(line, at + 1))) {
        out->program = between(line, begin, at);
        return take_pid(line, at, true, out, &after) ? after : SIZE_MAX;
    }
    out->program = between(line, begin, line.size);
    return at;
}

/* Where the log begins behind the program, or SIZE_MAX when there is no program to be cut off. */
static size_t take_program(struct hin_view line, size_t begin, struct hin_predecoded *out)
{
    size_t after = 0;
    size_t at = skip_name(line, begin);
    if (sign(line, at) == ':' && sign(line, at + 1) == ' ') {
        out->program = between(line, begin, at);
        return at + 2;
    }
    if (sign(line, at) == '[' && is_digit(sign(line, at + 1))) {
        if (!take_pid(line, at, false, out, &after)) {
            return SIZE_MAX;
        }
        out->program = between(line, begin, at);
        return after;
    }
    if (sign(line, at) == '|' && is_lower(sign(line, at + 1))) {
        return take_aix(line, at, out);
    }
    return SIZE_MAX;
}

/* Solaris puts "[ID 702911 auth.info] " in front of the text. */
static size_t skip_solaris_id(struct hin_view line, size_t at)
{
    struct hin_view rest = hin_view_sub(line, at, SIZE_MAX);
    if (!hin_view_starts_with(rest, HIN_VIEW("[ID "))) {
        return at;
    }
    size_t close = hin_view_find(hin_view_sub(rest, 4, SIZE_MAX), HIN_VIEW("] "));
    return close == SIZE_MAX ? at : at + 4 + close + 2;
}

/* Host and program of a syslog line whose stamp ends at `at`. Sets the log. */
static void take_header(struct hin_view line, size_t at, struct hin_predecoded *out)
{
    if (sign(line, at) == ' ') {
        at++;
    }
    at = HIN_MIN(at, line.size);
    size_t end = skip_name(line, at);
    size_t log = at;
    if (sign(line, end) == ':' && sign(line, end + 1) == ' ') {
        /* no host, the program comes first */
        out->program = between(line, at, end);
        log = skip_solaris_id(line, end + 2);
    } else if (sign(line, end) == ' ') {
        out->host = between(line, at, end);
        log = end + 1;
        size_t after = take_program(line, log, out);
        if (after != SIZE_MAX) {
            log = skip_solaris_id(line, after);
        }
    }
    out->log = between(line, log, line.size);
}

/* ---- Apple System Log ---- */

static struct hin_view up_to_bracket(struct hin_view text, size_t *ret_used, bool *ret_closed)
{
    size_t close = hin_view_find_byte(text, ']');
    *ret_closed = close != SIZE_MAX;
    *ret_used = *ret_closed ? close + 1 : text.size;
    return hin_view_sub(text, 0, close);
}

static void take_asl(struct hin_view line, size_t log_at, struct hin_predecoded *out)
{
    struct hin_view rest = hin_view_sub(line, log_at, SIZE_MAX);
    bool message = false;
    size_t at = 0;
    out->log = rest;
    while ((at = hin_view_find_byte(rest, '[')) != SIZE_MAX) {
        size_t used = 0;
        bool closed = true;
        rest = hin_view_sub(rest, at + 1, SIZE_MAX);
        if (out->program.data == NULL && hin_view_starts_with(rest, HIN_VIEW("Sender "))) {
            rest = hin_view_sub(rest, 7, SIZE_MAX);
            struct hin_view program = up_to_bracket(rest, &used, &closed);
            if (!closed) {
                return;
            }
            out->program = program;
        } else if (out->pid.data == NULL && hin_view_starts_with(rest, HIN_VIEW("PID "))) {
            rest = hin_view_sub(rest, 4, SIZE_MAX);
            out->pid = up_to_bracket(rest, &used, &closed);
        } else if (!message && hin_view_starts_with(rest, HIN_VIEW("Message "))) {
            /* the first only: a second one would be forged */
            message = true;
            rest = hin_view_sub(rest, 8, SIZE_MAX);
            out->log = up_to_bracket(rest, &used, &closed);
            if (!closed) {
                return;
            }
        } else if (hin_view_starts_with(rest, HIN_VIEW("Host "))) {
            struct hin_view host = up_to_bracket(hin_view_sub(rest, 5, SIZE_MAX), &used, &closed);
            out->host = closed ? host : HIN_VIEW_EMPTY;
            return;
        }
        rest = hin_view_sub(rest, used, SIZE_MAX);
    }
}

/* ---- squid, access logs ---- */

static bool take_squid(struct hin_view line, struct hin_predecoded *out)
{
    uint64_t sec = 0;
    uint64_t msec = 0;
    bool is_squid = line.size >= 32 && line.data[0] == '1' && is_digit(line.data[1]) &&
                    is_digit(line.data[2]) && is_digit(line.data[3]) && line.data[10] == '.' &&
                    is_digit(line.data[13]) && line.data[14] == ' ' &&
                    (line.data[21] == ' ' || line.data[22] == ' ');
    if (!is_squid) {
        return false;
    }
    size_t at = 14;
    while (sign(line, at) == ' ') {
        at++;
    }
    out->format = HIN_LOG_SQUID;
    out->stamp = between(line, 0, 14);
    out->log = between(line, at, line.size);
    if (hin_is_ok(hin_view_to_u64(hin_view_sub(line, 0, 10), &sec)) &&
        hin_is_ok(hin_view_to_u64(hin_view_sub(line, 11, 3), &msec))) {
        out->time_usec = (int64_t)sec * HIN_SEC_USEC + (int64_t)msec * HIN_MSEC_USEC;
        out->has_time = true;
    }
    return true;
}

/* "... [10/Oct/2000:13:55:36 -0700] ...": looked for in the first part of the line only. */
static void take_access(struct hin_view line, struct hin_predecoded *out)
{
    struct hin_view head = hin_view_sub(line, 0, 256);
    size_t at = 0;
    for (int tries = 0; tries < 3 && (at = hin_view_find_byte(head, '[')) != SIZE_MAX; tries++) {
        head = hin_view_sub(head, at + 1, SIZE_MAX);
        int64_t usec = 0;
        if (hin_is_ok(hin_stamp_access(head, &usec))) {
            out->format = HIN_LOG_ACCESS;
            out->stamp = hin_view_sub(head, 0, hin_view_find_byte(head, ']'));
            out->time_usec = usec;
            out->has_time = true;
            return;
        }
    }
}

/* ---- RFC 5424 ---- */

/* A run without blanks; "-" means none. */
static bool take_word(struct hin_view *rest, struct hin_view *ret_word)
{
    size_t blank = hin_view_find_byte(*rest, ' ');
    if (blank == 0 || rest->size == 0) {
        return false;
    }
    struct hin_view word = hin_view_sub(*rest, 0, blank);
    *rest = blank == SIZE_MAX ? HIN_VIEW_EMPTY : hin_view_sub(*rest, blank + 1, SIZE_MAX);
    *ret_word = hin_view_is(word, "-") ? HIN_VIEW_EMPTY : word;
    return true;
}

/* The bracketed elements in front of `text`: their length, or SIZE_MAX when they are broken. */
static size_t structured_size(struct hin_view text)
{
    size_t at = 0;
    while (sign(text, at) == '[') {
        bool quoted = false;
        for (at++; at < text.size && (quoted || text.data[at] != ']'); at++) {
            if (quoted && text.data[at] == '\\') {
                at++;
            } else if (text.data[at] == '"') {
                quoted = !quoted;
            }
        }
        if (at >= text.size) {
            return SIZE_MAX;
        }
        at++;
    }
    return at;
}

static bool take_structured(struct hin_view *rest, struct hin_view *ret_data)
{
    size_t size = sign(*rest, 0) == '-' ? 1 : structured_size(*rest);
    if (size == 0 || size == SIZE_MAX || (size < rest->size && rest->data[size] != ' ')) {
        return false;
    }
    *ret_data = rest->data[0] == '-' ? HIN_VIEW_EMPTY : hin_view_sub(*rest, 0, size);
    *rest = hin_view_sub(*rest, size < rest->size ? size + 1 : size, SIZE_MAX);
    return true;
}

/* `text` begins behind "<PRI>". */
static bool take_rfc5424(struct hin_view text, struct hin_predecoded *out)
{
    struct hin_view end = hin_view_of(text.data + text.size, 0);
    struct hin_view rest = text;
    struct hin_view version;
    struct hin_view stamp;
    struct hin_view message_id;
    struct hin_predecoded found = *out;
    size_t size = 0;
    if (!take_word(&rest, &version) || !hin_view_is(version, "1") || !take_word(&rest, &stamp)) {
        return false;
    }
    if (stamp.size > 0) {
        if (!hin_is_ok(hin_stamp_rfc3339(stamp, &size, &found.time_usec)) || size != stamp.size) {
            return false;
        }
        found.has_time = true;
        found.stamp = stamp;
    }
    if (!take_word(&rest, &found.host) || !take_word(&rest, &found.program) ||
        !take_word(&rest, &found.pid) || !take_word(&rest, &message_id) || rest.size == 0 ||
        !take_structured(&rest, &found.structured_data)) {
        return false;
    }
    if (hin_view_starts_with(rest, HIN_VIEW("\xef\xbb\xbf"))) {
        rest = hin_view_sub(rest, 3, SIZE_MAX);
    }
    found.log = rest.size > 0 ? rest : end;
    found.format = HIN_LOG_RFC5424;
    *out = found;
    return true;
}

/* ---- the line ---- */

/* "<34>" in front: its length, or 0. */
static size_t take_priority(struct hin_view line, uint8_t *ret_priority)
{
    unsigned value = 0;
    size_t at = 1;
    if (sign(line, 0) != '<') {
        return 0;
    }
    while (at < 4 && is_digit(sign(line, at))) {
        value = value * 10 + (line.data[at] - '0');
        at++;
    }
    if (at == 1 || sign(line, at) != '>' || value > 191) {
        return 0;
    }
    *ret_priority = (uint8_t)value;
    return at + 1;
}

/* "M\xc3\xa4r 02 17:30:52" is one byte longer than OSSEC's signs allow: read with the umlaut's
 * second byte as `a`. */
static const struct hin_stamp *find_stamp(struct hin_view line)
{
    const struct hin_stamp *stamp = NULL;
    if (line.size > 17 && line.data[1] == 0xc3 && line.data[2] == 0xa4) {
        stamp = hin_stamp_find(hin_view_sub(line, 1, SIZE_MAX));
        return stamp != NULL && stamp->format == HIN_LOG_RFC3164 && stamp->log_at == 16 ? stamp
                                                                                        : NULL;
    }
    return hin_stamp_find(line);
}

static void take_stamp_time(const struct hin_stamp *stamp, struct hin_view line,
                            const struct hin_predecode_context *context, struct hin_predecoded *out)
{
    uint8_t march[24];
    if (line.data[1] == 0xc3) {
        hin_copy(march, line.data + 1,
                 sizeof(march) < line.size - 1 ? sizeof(march) : line.size - 1);
        march[0] = 'M';
        march[1] = 'a';
        line = hin_view_of(march, HIN_MIN(sizeof(march), line.size - 1));
    }
    out->has_time = hin_is_ok(hin_stamp_time(stamp, line, context, &out->time_usec));
}

/* The stamp as it stands: from its first digit or day to its last, with fraction and offset. */
static struct hin_view stamp_text(const struct hin_stamp *stamp, struct hin_view line)
{
    size_t begin = sign(line, 0) == '[' ? 1 : 0;
    size_t shift = line.data[1] == 0xc3 ? 1 : 0;
    size_t end = (size_t)stamp->clock + 8;
    if (stamp->format == HIN_LOG_ASL) {
        begin = stamp->year; /* behind the word Time */
    }
    if (stamp->year != HIN_STAMP_NONE) {
        end = HIN_MAX(end, (size_t)stamp->year + 4);
    }
    if ((sign(line, end) == '.' || sign(line, end) == ',') && is_digit(sign(line, end + 1))) {
        for (end++; is_digit(sign(line, end));) {
            end++;
        }
    }
    if (stamp->zone == HIN_STAMP_OFFSET) {
        end += sign(line, end) == ' ' ? 1 : 0;
        while (is_digit(sign(line, end)) || sign(line, end) == ':' || sign(line, end) == '+' ||
               sign(line, end) == '-' || sign(line, end) == 'Z') {
            end++;
        }
    }
    return between(line, begin, HIN_MIN(end + shift, line.size));
}

/* False when nothing was recognised. `text` is the line without a priority. */
static bool take_stamped(struct hin_view text, const struct hin_predecode_context *context,
                         struct hin_predecoded *out)
{
    size_t size = 0;
    int64_t usec = 0;
    const struct hin_stamp *stamp = find_stamp(text);
    if (stamp == NULL && take_squid(text, out)) {
        return true;
    }
    if (stamp == NULL || stamp->log_at == 0) {
        /* UTC by the letter Z, or other widths of fraction */
        if (hin_is_ok(hin_stamp_rfc3339(text, &size, &usec)) && sign(text, size) == ' ') {
            out->format = HIN_LOG_ISO;
            out->stamp = between(text, 0, size);
            out->time_usec = usec;
            out->has_time = true;
            take_header(text, size, out);
            return true;
        }
    }
    if (stamp == NULL) {
        return false;
    }
    out->format = stamp->format;
    take_stamp_time(stamp, text, context, out);
    out->stamp = out->has_time ? stamp_text(stamp, text) : HIN_VIEW_EMPTY;
    if (stamp->header) {
        take_header(text, stamp->log_at, out);
    } else if (stamp->format == HIN_LOG_ASL) {
        take_asl(text, stamp->log_at, out);
    } else {
        out->log = between(text, HIN_MIN((size_t)stamp->log_at, text.size), text.size);
    }
    return true;
}

/* "last message repeated 3 times", and rsyslog's "message repeated 3 times: [ TEXT]", whose text
 * becomes the log: decoders and rules see what was said, not that it was said again. */
static void take_repeats(struct hin_predecoded *out)
{
    struct hin_view log = out->log;
    uint32_t count = 0;
    size_t at = 0;
    if (hin_view_starts_with(log, HIN_VIEW("last message repeated "))) {
        at = 22;
    } else if (hin_view_starts_with(log, HIN_VIEW("message repeated "))) {
        at = 17;
    } else {
        return;
    }
    while (is_digit(sign(log, at)) && count < 100000000) {
        count = count * 10 + (log.data[at++] - '0');
    }
    struct hin_view rest = hin_view_sub(log, at, SIZE_MAX);
    if (!hin_view_starts_with(rest, HIN_VIEW(" time"))) {
        return;
    }
    out->repeat_count = count;
    bool plural = sign(rest, 5) == 's';
    rest = hin_view_sub(rest, plural ? 6 : 5, SIZE_MAX);
    if (count > 0 && hin_view_starts_with(rest, HIN_VIEW(": [")) && rest.size > 4 &&
        rest.data[rest.size - 1] == ']') {
        struct hin_view inner = hin_view_sub(rest, 3, rest.size - 4);
        out->log = hin_view_sub(inner, sign(inner, 0) == ' ' ? 1 : 0, SIZE_MAX);
        out->repeats_log = true;
    }
}

static struct hin_view trim_line(struct hin_view line, bool *ret_cut)
{
    while (line.size > 0 &&
           (line.data[line.size - 1] == '\n' || line.data[line.size - 1] == '\r')) {
        line.size--;
    }
    *ret_cut = line.size > HIN_PREDECODE_LINE_MAX;
    line.size = HIN_MIN(line.size, (size_t)HIN_PREDECODE_LINE_MAX);
    return line;
}

void hin_predecode(struct hin_view line, const struct hin_predecode_context *context,
                   struct hin_predecoded *ret_line)
{
    struct hin_predecoded out = {0};
    out.line = trim_line(line, &out.cut);
    if (out.line.data == NULL) {
        out.line.data = (const uint8_t *)"";
    }
    out.log = out.line;
    size_t skip = take_priority(out.line, &out.priority);
    struct hin_view text = hin_view_sub(out.line, skip, SIZE_MAX);
    bool known = skip > 0 && take_rfc5424(text, &out);
    known = known || take_stamped(text, context, &out);
    if (!known) {
        take_access(out.line, &out);
    }
    out.has_priority = known && skip > 0;
    out.priority = out.has_priority ? out.priority : 0;
    if (out.log.size > 17 && (out.log.data[0] == 'l' || out.log.data[0] == 'm')) {
        take_repeats(&out);
    }
    *ret_line = out;
}
