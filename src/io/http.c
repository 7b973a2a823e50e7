#include "io/http.h"

#include "base/bytes.h"

#define CHUNK_LINE_DIGITS 15 /* hex digits: no chunk comes near 2^60 bytes */
#define TRAILER_BYTES_MAX 8192

const char *hin_http_method_name(enum hin_http_method method)
{
    static const char *const names[] = {
#define X(name) [HIN_HTTP_##name] = #name,
        HIN_HTTP_METHODS(X)
#undef X
    };
    return (size_t)method < HIN_COUNT(names) ? names[method] : "?";
}

const char *hin_http_status_text(unsigned status)
{
    static const struct {
        unsigned status;
        const char *text;
    } rows[] = {
        {100, "Continue"},
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {206, "Partial Content"},
        {301, "Moved Permanently"},
        {302, "Found"},
        {303, "See Other"},
        {304, "Not Modified"},
        {307, "Temporary Redirect"},
        {308, "Permanent Redirect"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {406, "Not Acceptable"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {410, "Gone"},
        {411, "Length Required"},
        {412, "Precondition Failed"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {415, "Unsupported Media Type"},
        {417, "Expectation Failed"},
        {422, "Unprocessable Content"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
        {505, "HTTP Version Not Supported"},
        {507, "Insufficient Storage"},
    };
    for (size_t i = 0; i < HIN_COUNT(rows); i++) {
        if (rows[i].status == status) {
            return rows[i].text;
        }
    }
    return "Unknown";
}

bool hin_http_header_find(const struct hin_http_head *head, const char *name,
                          struct hin_view *ret_value)
{
    struct hin_view wanted = hin_view_from_text(name);
    for (size_t i = 0; i < head->header_count; i++) {
        if (hin_view_equal_nocase(head->headers[i].name, wanted)) {
            *ret_value = head->headers[i].value;
            return true;
        }
    }
    return false;
}

struct hin_result hin_http_head_find(struct hin_view input, size_t max_bytes, size_t *scanned,
                                     size_t *ret_head_bytes)
{
    size_t end = HIN_MIN(input.size, max_bytes);
    for (size_t i = *scanned; i < end; i++) {
        uint8_t byte = input.data[i];
        if (byte == '\r' && i + 1 < input.size && input.data[i + 1] != '\n') {
            return hin_fail(HIN_SYNTAX);
        }
        if (byte == '\n') {
            HIN_ENSURE(i > 0 && input.data[i - 1] == '\r', SYNTAX);
            if (i >= 3 && input.data[i - 2] == '\n') {
                *ret_head_bytes = i + 1;
                return hin_ok();
            }
        } else if ((byte < 0x20 && byte != '\t' && byte != '\r') || byte == 0x7f) {
            return hin_fail(HIN_SYNTAX);
        }
    }
    HIN_ENSURE(input.size < max_bytes, LIMIT);
    *scanned = end > 0 && input.data[end - 1] == '\r' ? end - 1 : end; /* look at a lone CR again */
    return hin_fail(HIN_AGAIN);
}

/* RFC 9110, 5.6.2 */
static bool is_token(struct hin_view text)
{
    static const uint8_t token[256] = {
        ['a' ... 'z'] = 1, ['A' ... 'Z'] = 1, ['0' ... '9'] = 1, ['!'] = 1, ['#'] = 1, ['$'] = 1,
        ['%'] = 1,         ['&'] = 1,         ['\''] = 1,        ['*'] = 1, ['+'] = 1, ['-'] = 1,
        ['.'] = 1,         ['^'] = 1,         ['_'] = 1,         ['`'] = 1, ['|'] = 1, ['~'] = 1};
    for (size_t i = 0; i < text.size; i++) {
        if (!token[text.data[i]]) {
            return false;
        }
    }
    return text.size > 0;
}

static struct hin_result refuse(struct hin_http_refusal *refusal, unsigned status, const char *text)
{
    *refusal = (struct hin_http_refusal){status, text};
    return hin_fail(HIN_SYNTAX);
}

/* The line before the next CRLF; the head ends with an empty one, so there always is one. */
static bool next_line(struct hin_view *rest, struct hin_view *ret_line)
{
    size_t end = hin_view_find(*rest, HIN_VIEW("\r\n"));
    if (end == SIZE_MAX) {
        return false;
    }
    *ret_line = hin_view_sub(*rest, 0, end);
    *rest = hin_view_sub(*rest, end + 2, SIZE_MAX);
    return true;
}

/* One element of a comma list, case-insensitive. */
static bool list_has(struct hin_view list, const char *word)
{
    struct hin_view part;
    while (list.size > 0 && hin_view_split(&list, ',', &part)) {
        if (hin_view_equal_nocase(hin_view_trim(part), hin_view_from_text(word))) {
            return true;
        }
    }
    return false;
}

struct framing {
    size_t hosts;
    size_t lengths;
    size_t codings;
    bool close;
    bool keep;
};

static struct hin_result take_length(struct hin_http_head *head, struct framing *framing,
                                     struct hin_view value, struct hin_http_refusal *refusal)
{
    uint64_t length = 0;
    bool digits = value.size > 0 && value.size <= 18;
    for (size_t i = 0; i < value.size && digits; i++) {
        digits = value.data[i] >= '0' && value.data[i] <= '9';
    }
    if (framing->lengths++ > 0 || !digits || !hin_is_ok(hin_view_to_u64(value, &length))) {
        return refuse(refusal, 400, "Content-Length is not one number");
    }
    head->has_length = true;
    head->length = length;
    return hin_ok();
}

static struct hin_result take_coding(struct hin_http_head *head, struct framing *framing,
                                     struct hin_view value, struct hin_http_refusal *refusal)
{
    if (framing->codings++ > 0) {
        return refuse(refusal, 400, "Transfer-Encoding is given twice");
    }
    if (!hin_view_equal_nocase(value, HIN_VIEW("chunked"))) {
        return refuse(refusal, 501, "Transfer-Encoding is known as \"chunked\" only");
    }
    head->chunked = true;
    return hin_ok();
}

static struct hin_result take_connection(struct hin_http_head *head, struct framing *framing,
                                         struct hin_view value, struct hin_http_refusal *refusal)
{
    framing->close = framing->close || list_has(value, "close");
    framing->keep = framing->keep || list_has(value, "keep-alive");
    return hin_ok();
}

static struct hin_result take_expect(struct hin_http_head *head, struct framing *framing,
                                     struct hin_view value, struct hin_http_refusal *refusal)
{
    if (!hin_view_equal_nocase(value, HIN_VIEW("100-continue"))) {
        return refuse(refusal, 417, "Expect is known as \"100-continue\" only");
    }
    head->expect_continue = true;
    return hin_ok();
}

static struct hin_result take_host(struct hin_http_head *head, struct framing *framing,
                                   struct hin_view value, struct hin_http_refusal *refusal)
{
    if (framing->hosts++ > 0) {
        return refuse(refusal, 400, "Host is given twice");
    }
    return hin_ok();
}

static const struct special {
    const char *name;
    struct hin_result (*take)(struct hin_http_head *, struct framing *, struct hin_view,
                              struct hin_http_refusal *);
} specials[] = {
    {"content-length", take_length},
    {"transfer-encoding", take_coding},
    {"connection", take_connection},
    {"expect", take_expect},
    {"host", take_host},
};

static struct hin_result take_header(struct hin_http_head *head, struct framing *framing,
                                     struct hin_view line, struct hin_http_refusal *refusal)
{
    size_t colon = hin_view_find_byte(line, ':');
    if (line.data[0] == ' ' || line.data[0] == '\t') {
        return refuse(refusal, 400, "a header is folded over lines");
    }
    if (colon == SIZE_MAX || !is_token(hin_view_sub(line, 0, colon))) {
        return refuse(refusal, 400, "a header has no proper name");
    }
    if (head->header_count == HIN_HTTP_HEADERS_MAX) {
        return refuse(refusal, 431, "too many headers");
    }
    struct hin_http_header *header = &head->headers[head->header_count++];
    header->name = hin_view_sub(line, 0, colon);
    header->value = hin_view_trim(hin_view_sub(line, colon + 1, SIZE_MAX));
    for (size_t i = 0; i < HIN_COUNT(specials); i++) {
        if (hin_view_equal_nocase(header->name, hin_view_from_text(specials[i].name))) {
            return specials[i].take(head, framing, header->value, refusal);
        }
    }
    return hin_ok();
}

static struct hin_result take_headers(struct hin_http_head *head, struct hin_view rest,
                                      struct framing *framing, struct hin_http_refusal *refusal)
{
    struct hin_view line;
    while (next_line(&rest, &line) && line.size > 0) {
        HIN_TRY(take_header(head, framing, line, refusal));
    }
    if (head->chunked && head->has_length) {
        return refuse(refusal, 400, "both Content-Length and Transfer-Encoding are given");
    }
    if (head->chunked && head->minor_version == 0) {
        return refuse(refusal, 400, "Transfer-Encoding needs HTTP/1.1");
    }
    head->keep_alive = !framing->close && (head->minor_version >= 1 || framing->keep);
    return hin_ok();
}

static bool take_version(struct hin_view text, uint8_t *ret_minor)
{
    bool fine = text.size == 8 && hin_view_starts_with(text, HIN_VIEW("HTTP/1.")) &&
                text.data[7] >= '0' && text.data[7] <= '9';
    *ret_minor = fine ? (uint8_t)(text.data[7] - '0') : 0;
    return fine;
}

static bool is_visible(struct hin_view text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] <= 0x20 || text.data[i] >= 0x7f) {
            return false;
        }
    }
    return text.size > 0;
}

static struct hin_result take_request_line(struct hin_http_head *head, struct hin_view line,
                                           struct hin_http_refusal *refusal)
{
    struct hin_view method;
    struct hin_view target;
    struct hin_view version;
    struct hin_view rest = line;
    bool split = hin_view_split(&rest, ' ', &method) && hin_view_split(&rest, ' ', &target) &&
                 hin_view_split(&rest, ' ', &version) && rest.data == NULL;
    if (!split || !is_token(method) || !is_visible(target)) {
        return refuse(refusal, 400, "the request line is malformed");
    }
    if (!take_version(version, &head->minor_version)) {
        bool other = hin_view_starts_with(version, HIN_VIEW("HTTP/"));
        return refuse(refusal, other ? 505 : 400, "HTTP/1.1 is spoken here");
    }
    while ((size_t)head->method < HIN_HTTP_METHOD_COUNT &&
           !hin_view_is(method, hin_http_method_name(head->method))) {
        head->method++;
    }
    if (head->method == HIN_HTTP_METHOD_COUNT) {
        return refuse(refusal, 501, "the method is not known");
    }
    if (target.data[0] != '/') {
        return refuse(refusal, 400, "the request target is no path");
    }
    head->target = target;
    return hin_ok();
}

struct hin_result hin_http_parse_request(struct hin_view bytes, struct hin_http_head *ret_head,
                                         struct hin_http_refusal *ret_refusal)
{
    *ret_head = (struct hin_http_head){0};
    struct framing framing = {0};
    struct hin_view line;
    struct hin_view rest = bytes;
    if (!next_line(&rest, &line) || line.size == 0) {
        return refuse(ret_refusal, 400, "the request line is empty");
    }
    HIN_TRY(take_request_line(ret_head, line, ret_refusal));
    HIN_TRY(take_headers(ret_head, rest, &framing, ret_refusal));
    if (framing.hosts == 0 && ret_head->minor_version >= 1) {
        return refuse(ret_refusal, 400, "Host is missing");
    }
    return hin_ok();
}

struct hin_result hin_http_parse_response(struct hin_view bytes, struct hin_http_head *ret_head,
                                          struct hin_http_refusal *ret_refusal)
{
    *ret_head = (struct hin_http_head){0};
    struct framing framing = {0};
    struct hin_view line;
    struct hin_view rest = bytes;
    uint64_t status = 0;
    bool fine = next_line(&rest, &line) && line.size >= 12 && line.data[8] == ' ' &&
                take_version(hin_view_sub(line, 0, 8), &ret_head->minor_version) &&
                hin_is_ok(hin_view_to_u64(hin_view_sub(line, 9, 3), &status)) && status >= 100 &&
                status <= 599 && (line.size == 12 || line.data[12] == ' ');
    if (!fine) {
        return refuse(ret_refusal, 400, "the status line is malformed");
    }
    ret_head->status = (unsigned)status;
    return take_headers(ret_head, rest, &framing, ret_refusal);
}

/* ---- chunks: RFC 9112, 7.1. Extensions are read over; trailers are dropped ---- */

enum chunk_state {
    SIZE,
    EXTENSION,
    SIZE_LF,
    DATA,
    DATA_CR,
    DATA_LF,
    TRAILER,
    TRAILER_LINE,
    TRAILER_LF,
    END_LF,
    DONE
};

static int chunk_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9'   ? byte - '0'
           : byte >= 'a' && byte <= 'f' ? byte - 'a' + 10
           : byte >= 'A' && byte <= 'F' ? byte - 'A' + 10
                                        : -1;
}

static struct hin_result chunk_size_byte(struct hin_http_chunks *chunks, uint8_t byte)
{
    int digit = chunk_digit(byte);
    if (digit >= 0) {
        HIN_ENSURE(chunks->digits < CHUNK_LINE_DIGITS, SYNTAX);
        chunks->digits++;
        chunks->left = chunks->left << 4 | (uint64_t)digit;
        return hin_ok();
    }
    HIN_ENSURE(chunks->digits > 0 && (byte == '\r' || byte == ';'), SYNTAX);
    chunks->state = byte == '\r' ? SIZE_LF : EXTENSION;
    return hin_ok();
}

static struct hin_result chunk_text_byte(struct hin_http_chunks *chunks, uint8_t byte, uint8_t next)
{
    HIN_ENSURE(++chunks->trailer_bytes <= TRAILER_BYTES_MAX, LIMIT);
    HIN_ENSURE(byte >= 0x20 || byte == '\t' || byte == '\r', SYNTAX);
    chunks->state = byte == '\r' ? next : chunks->state;
    return hin_ok();
}

static struct hin_result chunk_byte(struct hin_http_chunks *chunks, uint8_t byte)
{
    switch ((enum chunk_state)chunks->state) {
    case SIZE:
        return chunk_size_byte(chunks, byte);
    case EXTENSION:
        return chunk_text_byte(chunks, byte, SIZE_LF);
    case SIZE_LF:
        HIN_ENSURE(byte == '\n', SYNTAX);
        chunks->state = chunks->left > 0 ? DATA : TRAILER;
        chunks->digits = 0;
        return hin_ok();
    case DATA_CR:
        HIN_ENSURE(byte == '\r', SYNTAX);
        chunks->state = DATA_LF;
        return hin_ok();
    case DATA_LF:
        HIN_ENSURE(byte == '\n', SYNTAX);
        chunks->state = SIZE;
        return hin_ok();
    case TRAILER:
        HIN_ENSURE(byte == '\r' || byte > 0x20, SYNTAX);
        chunks->state = byte == '\r' ? END_LF : TRAILER_LINE;
        return hin_ok();
    case TRAILER_LINE:
        return chunk_text_byte(chunks, byte, TRAILER_LF);
    case TRAILER_LF:
        HIN_ENSURE(byte == '\n', SYNTAX);
        chunks->state = TRAILER;
        return hin_ok();
    case END_LF:
        HIN_ENSURE(byte == '\n', SYNTAX);
        chunks->state = DONE;
        return hin_ok();
    case DATA:
    case DONE:
        break;
    }
    return hin_ok();
}

struct hin_result hin_http_chunks_feed(struct hin_http_chunks *chunks, struct hin_view input,
                                       struct hin_buf *body, size_t *ret_used)
{
    size_t at = 0;
    *ret_used = 0;
    while (at < input.size && chunks->state != DONE) {
        if (chunks->state == DATA) {
            size_t size = (size_t)HIN_MIN(chunks->left, (uint64_t)(input.size - at));
            HIN_TRY(hin_buf_append(body, hin_view_of(input.data + at, size)));
            at += size;
            chunks->left -= size;
            chunks->state = chunks->left == 0 ? DATA_CR : DATA;
        } else {
            HIN_TRY(chunk_byte(chunks, input.data[at++]));
        }
    }
    *ret_used = at;
    return chunks->state == DONE ? hin_ok() : hin_fail(HIN_AGAIN);
}
