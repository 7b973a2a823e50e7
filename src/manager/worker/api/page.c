#include "manager/worker/api/page.h"

#include <stdlib.h>

#include "base/bytes.h"
#include "base/log.h"
#include "manager/worker/trust.h"
#include "trust/page.h"

#define PREFIX "/trust/"

/* ---- which language ---- */

/* Thousandths; 0 for what is not understood, as for what is refused. */
static int64_t weight_of(struct hin_view parameters)
{
    static const int64_t places[] = {100, 10, 1};
    struct hin_view text = hin_view_trim(parameters);
    if (text.size == 0) {
        return 1000;
    }
    if (!hin_view_starts_with(text, HIN_VIEW("q="))) {
        return 0;
    }
    text = hin_view_sub(text, 2, SIZE_MAX);
    if (text.size == 0 || (text.data[0] != '0' && text.data[0] != '1')) {
        return 0;
    }
    int64_t weight = text.data[0] == '1' ? 1000 : 0;
    for (size_t i = 2; i < text.size && i - 2 < HIN_COUNT(places); i++) {
        bool digit = text.data[i] >= '0' && text.data[i] <= '9';
        weight += digit ? (text.data[i] - '0') * places[i - 2] : 0;
    }
    return HIN_MIN(weight, INT64_C(1000));
}

/* "ja" of "ja-JP". */
static bool is_language(struct hin_view range, enum hin_language language)
{
    struct hin_view name = hin_view_from_text(hin_language_name(language));
    return range.size >= name.size &&
           hin_view_equal_nocase(hin_view_sub(range, 0, name.size), name) &&
           (range.size == name.size || range.data[name.size] == '-');
}

enum hin_language hin_api_page_language(struct hin_view accepted)
{
    int64_t weights[HIN_LANGUAGE_COUNT] = {0};
    struct hin_view part, range;
    while (hin_view_split(&accepted, ',', &part)) {
        if (!hin_view_split(&part, ';', &range)) {
            continue;
        }
        range = hin_view_trim(range);
        int64_t weight = weight_of(part.data != NULL ? part : HIN_VIEW_EMPTY);
        for (unsigned i = 0; i < HIN_LANGUAGE_COUNT; i++) {
            weights[i] =
                is_language(range, (enum hin_language)i) ? HIN_MAX(weights[i], weight) : weights[i];
        }
    }
    return weights[HIN_JAPANESE] > weights[HIN_ENGLISH] ? HIN_JAPANESE : HIN_ENGLISH;
}

/* ---- answers ---- */

static void header(struct hin_http_exchange *exchange, const char *name, const char *value)
{
    HIN_IGNORE(hin_http_reply_header(exchange, name, value)); /* the answer goes all the same */
}

static void give(struct hin_http_exchange *exchange, const char *type, struct hin_view bytes)
{
    header(exchange, "Content-Security-Policy",
           "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; "
           "frame-ancestors 'none'");
    header(exchange, "X-Content-Type-Options", "nosniff");
    header(exchange, "Referrer-Policy", "no-referrer");
    header(exchange, "Vary", "Accept-Language");
    HIN_IGNORE(hin_http_reply(exchange, 200, type, bytes)); /* the peer may have gone */
}

static void refuse(struct hin_http_exchange *exchange, unsigned status, const char *text)
{
    HIN_IGNORE(hin_http_reply_message(exchange, status, text)); /* the peer may have gone */
}

struct wanted {
    const struct hin_framework *framework; /* NULL: the index */
    enum hin_language language;
};

/* "", "en", "ja", or the name of a page as `hinomi trust publish` writes it. */
static bool find_page(const struct hin_report *report, struct hin_http_exchange *exchange,
                      struct hin_view name, struct wanted *wanted)
{
    struct hin_view accepted = HIN_VIEW_EMPTY;
    if (name.size == 0) {
        if (!hin_http_request_header(exchange, "accept-language", &accepted)) {
            accepted = HIN_VIEW_EMPTY;
        }
        wanted->language = hin_api_page_language(accepted);
        return true;
    }
    return hin_language_from_name(name, &wanted->language) ||
           hin_page_find(report->catalogue, name, &wanted->framework, &wanted->language);
}

/* What a stranger is told of a failure: that it is one, when and by which record. How it came about
 * (which tenant, which account) is for those who sign in. */
static HIN_RESULT make_public(const struct hin_report *report, struct hin_report *ret_public)
{
    size_t count = 0;
    (void)hin_catalogue_claims(report->catalogue, &count);
    struct hin_claim_state *states = calloc(count + 1, sizeof(*states));
    HIN_ENSURE(states != NULL, NO_MEMORY);
    for (size_t i = 0; i < count; i++) {
        states[i] = report->states[i];
    }
    *ret_public = *report;
    ret_public->states = states;
    hin_report_make_public(ret_public);
    return hin_ok();
}

static void free_public(struct hin_report *report)
{
    free(report->states);
}

static HIN_RESULT write_page(const struct hin_report *report, const struct wanted *wanted,
                             struct hin_buf *out)
{
    struct hin_page page = {.report = report, .language = wanted->language, .prefix = PREFIX};
    return wanted->framework != NULL ? hin_page_framework(&page, wanted->framework, out)
                                     : hin_page_index(&page, out);
}

static HIN_RESULT answer(struct hin_worker *worker, struct hin_http_exchange *exchange,
                         struct hin_view name)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf out = {.max = HIN_PAGE_MAX};
    HIN_CLEANUP(free_public) struct hin_report report = {0};
    const struct hin_report *whole = NULL;
    struct wanted wanted = {0};
    if (hin_view_is(name, HIN_PAGE_STYLE_NAME)) {
        give(exchange, "text/css; charset=utf-8", hin_page_style());
        return hin_ok();
    }
    HIN_TRY(hin_worker_trust_report(worker, &whole));
    HIN_TRY(make_public(whole, &report));
    if (hin_view_is(name, HIN_PAGE_DATA_NAME)) {
        HIN_TRY(hin_report_write(&report, true, &out));
        give(exchange, "application/json", hin_buf_view(&out));
        return hin_ok();
    }
    HIN_ENSURE(find_page(&report, exchange, name, &wanted), NOT_FOUND);
    HIN_TRY(write_page(&report, &wanted, &out));
    give(exchange, "text/html; charset=utf-8", hin_buf_view(&out));
    return hin_ok();
}

bool hin_api_page(struct hin_worker *worker, struct hin_http_exchange *exchange)
{
    const struct hin_http_request *request = hin_http_exchange_request(exchange);
    struct hin_view name = HIN_VIEW_EMPTY;
    if (hin_view_starts_with(request->path, HIN_VIEW(PREFIX))) {
        name = hin_view_sub(request->path, sizeof(PREFIX) - 1, SIZE_MAX);
    } else if (!hin_view_is(request->path, "/trust")) {
        return false;
    }
    if (request->method != HIN_HTTP_GET && request->method != HIN_HTTP_HEAD) {
        refuse(exchange, 405, "this method is not served here");
        return true;
    }
    struct hin_result answered = answer(worker, exchange, name);
    if (answered.code == HIN_NOT_FOUND) {
        refuse(exchange, 404, "not found");
    } else if (!hin_is_ok(answered)) {
        hin_log_result(HIN_LOG_WARNING, answered, "the page of claims");
        refuse(exchange, 503, "the state of the claims cannot be told now");
    }
    return true;
}
