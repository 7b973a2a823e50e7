#include "kms/aws/link.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "io/http.h"

#define HEAD_MAX  16384
#define INPUT_MAX 65536

struct hin_aws_link {
    struct hin_tls *tls;
    const char *host;
    struct hin_aws_pipe pipe;
    SSL *session;             /* NULL while there is no connection */
    BIO *from_wire, *to_wire; /* the session's */
    struct hin_buf wire;      /* sealed bytes on their way */
    struct hin_buf input;     /* opened bytes of the answer */
};

HIN_RESULT hin_aws_link_new(struct hin_aws_link **ret_link, struct hin_tls *tls, const char *host,
                            const struct hin_aws_pipe *pipe)
{
    struct hin_aws_link *link = calloc(1, sizeof(*link));
    HIN_ENSURE(link != NULL, NO_MEMORY);
    *link = (struct hin_aws_link){.tls = tls, .host = host, .pipe = *pipe};
    hin_buf_init(&link->wire, HIN_AWS_PIPE_MAX);
    hin_buf_init(&link->input, INPUT_MAX);
    struct hin_result result = hin_buf_reserve(&link->input, INPUT_MAX); /* never moved: wiped */
    if (!hin_is_ok(result)) {
        hin_aws_link_free(link);
        return result;
    }
    *ret_link = link;
    return hin_ok();
}

static void forget_input(struct hin_aws_link *link)
{
    hin_wipe(link->input.data, link->input.size);
    hin_buf_clear(&link->input);
}

static void hang_up(struct hin_aws_link *link)
{
    if (link->session != NULL) {
        SSL_free(link->session); /* and both ends of its wire */
        link->session = NULL;
        link->pipe.hang_up(link->pipe.context);
    }
    forget_input(link);
}

void hin_aws_link_free(struct hin_aws_link *link)
{
    if (link == NULL) {
        return;
    }
    hang_up(link);
    hin_buf_done(&link->wire);
    hin_buf_done(&link->input);
    free(link);
}

/* ---- TLS over the pipe ---- */

static HIN_RESULT push(struct hin_aws_link *link)
{
    uint8_t bytes[HIN_AWS_PIPE_MAX];
    int size;
    while ((size = BIO_read(link->to_wire, bytes, sizeof(bytes))) > 0) {
        HIN_TRY(link->pipe.send(link->pipe.context, hin_view_of(bytes, (size_t)size)));
    }
    return hin_ok();
}

static HIN_RESULT pull(struct hin_aws_link *link)
{
    hin_buf_clear(&link->wire);
    HIN_TRY(link->pipe.receive(link->pipe.context, &link->wire));
    HIN_ENSURE(link->wire.size > 0 && BIO_write(link->from_wire, link->wire.data,
                                                (int)link->wire.size) == (int)link->wire.size,
               NO_MEMORY);
    return hin_ok();
}

/* After a call of OpenSSL's that wants to go on: what it wrote goes out, more comes in. */
static HIN_RESULT turn(struct hin_aws_link *link, int answer)
{
    int why = SSL_get_error(link->session, answer);
    bool untrusted = SSL_get_verify_result(link->session) != X509_V_OK;
    ERR_clear_error();
    HIN_TRY(push(link)); /* an alert too */
    if (why == SSL_ERROR_WANT_READ) {
        return pull(link);
    }
    if (why == SSL_ERROR_ZERO_RETURN) {
        return hin_fail(HIN_CLOSED);
    }
    return hin_fail(untrusted ? HIN_AUTH : HIN_PROTOCOL);
}

static HIN_RESULT shake_hands(struct hin_aws_link *link)
{
    int answer;
    while ((answer = SSL_do_handshake(link->session)) != 1) {
        HIN_TRY(turn(link, answer));
    }
    return push(link);
}

static HIN_RESULT make_session(struct hin_aws_link *link)
{
    SSL *session = NULL;
    HIN_TRY(hin_tls_session(link->tls, link->host, &session));
    BIO *from_wire = BIO_new(BIO_s_mem());
    BIO *to_wire = BIO_new(BIO_s_mem());
    if (from_wire == NULL || to_wire == NULL) {
        BIO_free(from_wire);
        BIO_free(to_wire);
        SSL_free(session);
        return hin_fail(HIN_NO_MEMORY);
    }
    BIO_set_mem_eof_return(from_wire, -1); /* empty is "more later" */
    SSL_set_bio(session, from_wire, to_wire);
    link->session = session;
    link->from_wire = from_wire;
    link->to_wire = to_wire;
    return hin_ok();
}

static HIN_RESULT dial(struct hin_aws_link *link)
{
    HIN_TRY(link->pipe.dial(link->pipe.context));
    struct hin_result made = make_session(link);
    if (!hin_is_ok(made)) {
        link->pipe.hang_up(link->pipe.context);
        return made;
    }
    return shake_hands(link);
}

static HIN_RESULT send_all(struct hin_aws_link *link, struct hin_view bytes)
{
    while (bytes.size > 0) {
        size_t written = 0;
        int answer = SSL_write_ex(link->session, bytes.data, bytes.size, &written);
        if (answer != 1) {
            HIN_TRY(turn(link, answer));
            continue;
        }
        HIN_TRY(push(link));
        bytes = hin_view_sub(bytes, written, bytes.size);
    }
    return hin_ok();
}

static HIN_RESULT read_more(struct hin_aws_link *link)
{
    HIN_ENSURE(link->input.size < link->input.max, LIMIT);
    for (;;) {
        size_t size = 0;
        int answer = SSL_read_ex(link->session, link->input.data + link->input.size,
                                 link->input.max - link->input.size, &size);
        if (answer == 1) {
            link->input.size += size;
            return push(link);
        }
        HIN_TRY(turn(link, answer));
    }
}

/* ---- HTTP ---- */

static HIN_RESULT read_head(struct hin_aws_link *link, struct hin_http_head *ret_head,
                            size_t *ret_bytes)
{
    size_t scanned = 0;
    struct hin_http_refusal refusal;
    for (;;) {
        struct hin_result found =
            hin_http_head_find(hin_buf_view(&link->input), HEAD_MAX, &scanned, ret_bytes);
        if (hin_is_ok(found)) {
            break;
        }
        HIN_ENSURE(found.code == HIN_AGAIN, PROTOCOL);
        HIN_TRY(read_more(link));
    }
    struct hin_view head = hin_view_sub(hin_buf_view(&link->input), 0, *ret_bytes);
    HIN_ENSURE(hin_is_ok(hin_http_parse_response(head, ret_head, &refusal)), PROTOCOL);
    return hin_ok();
}

static HIN_RESULT read_chunks(struct hin_aws_link *link, size_t at, struct hin_buf *ret_body)
{
    struct hin_http_chunks chunks = {0};
    for (;;) {
        size_t used = 0;
        struct hin_view there = hin_view_sub(hin_buf_view(&link->input), at, link->input.size);
        struct hin_result fed = hin_http_chunks_feed(&chunks, there, ret_body, &used);
        at += used;
        if (fed.code != HIN_AGAIN) {
            return hin_is_ok(fed) ? fed : hin_fail(HIN_PROTOCOL);
        }
        HIN_TRY(read_more(link));
    }
}

static HIN_RESULT read_body(struct hin_aws_link *link, const struct hin_http_head *head, size_t at,
                            struct hin_buf *ret_body)
{
    if (head->chunked) {
        return read_chunks(link, at, ret_body);
    }
    HIN_ENSURE(head->has_length && head->length <= link->input.max - at, PROTOCOL);
    while (link->input.size - at < head->length) {
        HIN_TRY(read_more(link));
    }
    return hin_buf_append(ret_body,
                          hin_view_sub(hin_buf_view(&link->input), at, (size_t)head->length));
}

static HIN_RESULT exchange_once(struct hin_aws_link *link, struct hin_view request,
                                unsigned *ret_status, struct hin_buf *ret_body)
{
    struct hin_http_head head = {0};
    size_t head_bytes = 0;
    forget_input(link);
    if (link->session == NULL) {
        HIN_TRY(dial(link));
    }
    HIN_TRY(send_all(link, request));
    HIN_TRY(read_head(link, &head, &head_bytes));
    unsigned status = head.status;
    bool kept = head.keep_alive;
    HIN_TRY(read_body(link, &head, head_bytes, ret_body));
    if (!kept) {
        hang_up(link);
    }
    *ret_status = status;
    return hin_ok();
}

HIN_RESULT hin_aws_link_exchange(struct hin_aws_link *link, struct hin_view request,
                                 unsigned *ret_status, struct hin_buf *ret_body)
{
    bool kept = link->session != NULL;
    struct hin_result result = exchange_once(link, request, ret_status, ret_body);
    if (!hin_is_ok(result) && kept && link->input.size == 0) {
        hang_up(link); /* it was closed while nobody asked for anything */
        result = exchange_once(link, request, ret_status, ret_body);
    }
    if (!hin_is_ok(result)) {
        hang_up(link);
    }
    forget_input(link);
    return result;
}
