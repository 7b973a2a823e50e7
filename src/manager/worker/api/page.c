#include "manager/worker/api/page.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/log.h"
#include "crypt/hash.h"
#include "manager/worker/api/api.h"
#include "manager/worker/api/auth.h"
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

/* ---- pages as they were made last ---- */

enum {
    PAGES_MAX = 64, /* of both languages, and the data */
    TAG_BYTES = 2 * HIN_SHA256_BYTES + 3,
};

struct made_page {
    char name[HIN_PAGE_NAME_MAX];
    struct hin_buf bytes;
    char tag[TAG_BYTES]; /* of the bytes: "HEX" */
    int64_t made_usec;   /* monotonic */
    uint8_t states[HIN_SHA256_BYTES];
};

struct hin_trust_pages {
    int64_t report_usec; /* of the report whose states these are */
    uint8_t states[HIN_SHA256_BYTES];
    struct made_page pages[PAGES_MAX];
    size_t count;
};

void hin_trust_pages_free(struct hin_trust_pages *pages)
{
    for (size_t i = 0; pages != NULL && i < pages->count; i++) {
        hin_buf_done(&pages->pages[i].bytes);
    }
    free(pages);
}

static HIN_RESULT add_state(struct hin_sha256 *hash, const struct hin_claim_state *state)
{
    const int64_t numbers[] = {(int64_t)state->status, state->observed_usec,
                               state->valid_until_usec, (int64_t)state->evidence_count};
    HIN_TRY(hin_sha256_add(hash, hin_view_of(numbers, sizeof(numbers))));
    HIN_TRY(hin_sha256_add(hash, state->reason));
    for (size_t i = 0; i < state->evidence_count; i++) {
        HIN_TRY(hin_sha256_add(hash, state->evidence_ids[i]));
    }
    return hin_sha256_add(hash, state->evidence_id);
}

/* What tells one report from another, but for the moment. */
static HIN_RESULT digest_states(const struct hin_report *report, uint8_t digest[HIN_SHA256_BYTES])
{
    HIN_CLEANUP(hin_sha256_freep) struct hin_sha256 *hash = NULL;
    size_t count = 0;
    (void)hin_catalogue_claims(report->catalogue, &count);
    HIN_TRY(hin_sha256_new(&hash));
    HIN_TRY(hin_sha256_begin(hash));
    HIN_TRY(hin_sha256_add(hash, hin_view_from_text(report->installation)));
    for (size_t i = 0; i < count; i++) {
        HIN_TRY(add_state(hash, &report->states[i]));
    }
    return hin_sha256_end(hash, digest);
}

static HIN_RESULT know_states(struct hin_worker_trust *trust, const struct hin_report *report)
{
    if (trust->pages == NULL) {
        trust->pages = calloc(1, sizeof(*trust->pages));
        HIN_ENSURE(trust->pages != NULL, NO_MEMORY);
        trust->pages->report_usec = INT64_MIN;
    }
    if (trust->pages->report_usec != trust->made_usec) {
        HIN_TRY(digest_states(report, trust->pages->states));
        trust->pages->report_usec = trust->made_usec;
    }
    return hin_ok();
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

struct wanted {
    const struct hin_framework *framework; /* NULL: the index */
    enum hin_language language;
    bool data; /* claims.json */
    char name[HIN_PAGE_NAME_MAX];
};

static HIN_RESULT write_page(const struct hin_report *whole, const struct wanted *wanted,
                             struct hin_buf *out)
{
    HIN_CLEANUP(free_public) struct hin_report report = {0};
    HIN_TRY(make_public(whole, &report));
    struct hin_page page = {.report = &report, .language = wanted->language, .prefix = PREFIX};
    return wanted->data                ? hin_report_write(&report, true, out)
           : wanted->framework != NULL ? hin_page_framework(&page, wanted->framework, out)
                                       : hin_page_index(&page, out);
}

static HIN_RESULT tag_of(struct hin_view bytes, char tag[TAG_BYTES])
{
    uint8_t digest[HIN_SHA256_BYTES];
    char hex[2 * HIN_SHA256_BYTES + 1];
    HIN_TRY(hin_sha256(bytes, digest));
    hin_hex(digest, sizeof(digest), hex);
    (void)snprintf(tag, TAG_BYTES, "\"%s\"", hex);
    return hin_ok();
}

/* One by that name; a fresh one where it was not made yet. NULL: there are too many. */
static struct made_page *place_of(struct hin_trust_pages *pages, const char *name)
{
    for (size_t i = 0; i < pages->count; i++) {
        if (strcmp(pages->pages[i].name, name) == 0) {
            return &pages->pages[i];
        }
    }
    if (pages->count == PAGES_MAX) {
        return NULL;
    }
    struct made_page *page = &pages->pages[pages->count++];
    *page = (struct made_page){.bytes = {.max = HIN_PAGE_MAX}};
    (void)snprintf(page->name, sizeof(page->name), "%s", name);
    return page;
}

/* A failure leaves none behind that would be taken for a page. */
static HIN_RESULT make_page(struct hin_trust_pages *pages, const struct hin_report *report,
                            const struct wanted *wanted, int64_t now_usec, struct made_page *page)
{
    hin_buf_clear(&page->bytes);
    page->made_usec = 0;
    HIN_TRY(write_page(report, wanted, &page->bytes));
    HIN_TRY(tag_of(hin_buf_view(&page->bytes), page->tag));
    hin_copy(page->states, pages->states, sizeof(page->states));
    page->made_usec = now_usec;
    return hin_ok();
}

static HIN_RESULT get_page(struct hin_worker *worker, const struct wanted *wanted,
                           const struct made_page **ret_page)
{
    const struct hin_report *report = NULL;
    int64_t now_usec = hin_clock_monotonic_usec(worker->clock);
    HIN_TRY(hin_worker_trust_report(worker, &report));
    HIN_TRY(know_states(worker->trust, report));
    struct hin_trust_pages *pages = worker->trust->pages;
    struct made_page *page = place_of(pages, wanted->name);
    HIN_ENSURE(page != NULL, LIMIT);
    bool good = page->made_usec != 0 && now_usec - page->made_usec < HIN_PAGE_HELD_USEC &&
                memcmp(page->states, pages->states, sizeof(page->states)) == 0;
    HIN_TRY(good ? hin_ok() : make_page(pages, report, wanted, now_usec, page));
    *ret_page = page;
    return hin_ok();
}

/* ---- answers ---- */

static void header(struct hin_http_exchange *exchange, const char *name, const char *value)
{
    HIN_IGNORE(hin_http_reply_header(exchange, name, value)); /* the answer goes all the same */
}

/* RFC 9110, 13.1.2: a list of tags, or "*"; weak ones compare like strong ones. */
static bool has_it(const struct hin_http_exchange *exchange, const char *tag)
{
    struct hin_view known, one;
    if (!hin_http_request_header(exchange, "if-none-match", &known)) {
        return false;
    }
    while (hin_view_split(&known, ',', &one)) {
        one = hin_view_trim(one);
        if (hin_view_starts_with(one, HIN_VIEW("W/"))) {
            one = hin_view_sub(one, 2, SIZE_MAX);
        }
        if (hin_view_is(one, tag) || hin_view_is(one, "*")) {
            return true;
        }
    }
    return false;
}

static void give(struct hin_http_exchange *exchange, const char *type, struct hin_view bytes,
                 const char *tag)
{
    header(exchange, "Content-Security-Policy",
           "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; "
           "frame-ancestors 'none'");
    header(exchange, "X-Content-Type-Options", "nosniff");
    header(exchange, "Referrer-Policy", "no-referrer");
    header(exchange, "Vary", "Accept-Language");
    header(exchange, "Cache-Control", "public, max-age=5"); /* HIN_PAGE_HELD_USEC */
    header(exchange, "ETag", tag);
    if (has_it(exchange, tag)) {
        HIN_IGNORE(hin_http_reply(exchange, 304, NULL, HIN_VIEW_EMPTY)); /* the peer may be gone */
        return;
    }
    HIN_IGNORE(hin_http_reply(exchange, 200, type, bytes)); /* the peer may have gone */
}

static void refuse(struct hin_http_exchange *exchange, unsigned status, const char *text)
{
    HIN_IGNORE(hin_http_reply_message(exchange, status, text)); /* the peer may have gone */
}

/* "", "en", "ja", or the name of a page as `hinomi trust publish` writes it. */
static bool find_page(const struct hin_catalogue *catalogue, struct hin_http_exchange *exchange,
                      struct hin_view name, struct wanted *wanted)
{
    struct hin_view accepted = HIN_VIEW_EMPTY;
    if (hin_view_is(name, HIN_PAGE_DATA_NAME)) {
        wanted->data = true;
        (void)snprintf(wanted->name, sizeof(wanted->name), "%s", HIN_PAGE_DATA_NAME);
        return true;
    }
    if (name.size == 0) {
        if (!hin_http_request_header(exchange, "accept-language", &accepted)) {
            accepted = HIN_VIEW_EMPTY;
        }
        wanted->language = hin_api_page_language(accepted);
    } else if (!hin_language_from_name(name, &wanted->language) &&
               !hin_page_find(catalogue, name, &wanted->framework, &wanted->language)) {
        return false;
    }
    hin_page_name(wanted->framework, wanted->language, wanted->name);
    return true;
}

static HIN_RESULT give_style(struct hin_http_exchange *exchange)
{
    char tag[TAG_BYTES];
    HIN_TRY(tag_of(hin_page_style(), tag));
    give(exchange, "text/css; charset=utf-8", hin_page_style(), tag);
    return hin_ok();
}

static HIN_RESULT answer(struct hin_worker *worker, struct hin_http_exchange *exchange,
                         struct hin_view name)
{
    const struct made_page *page = NULL;
    struct wanted wanted = {0};
    if (hin_view_is(name, HIN_PAGE_STYLE_NAME)) {
        return give_style(exchange);
    }
    HIN_ENSURE(worker->trust != NULL, NOT_FOUND);
    HIN_ENSURE(find_page(worker->trust->catalogue, exchange, name, &wanted), NOT_FOUND);
    HIN_TRY(get_page(worker, &wanted, &page));
    give(exchange, wanted.data ? "application/json" : "text/html; charset=utf-8",
         hin_buf_view(&page->bytes), page->tag);
    return hin_ok();
}

/* The name of a page. False: the path is another. */
static bool is_page(struct hin_view path, struct hin_view *ret_name)
{
    *ret_name = HIN_VIEW_EMPTY;
    if (hin_view_starts_with(path, HIN_VIEW(PREFIX))) {
        *ret_name = hin_view_sub(path, sizeof(PREFIX) - 1, SIZE_MAX);
        return true;
    }
    return hin_view_is(path, "/trust");
}

static void too_many(struct hin_worker *worker, struct hin_http_exchange *exchange)
{
    worker->counters.api_limited++;
    header(exchange, "Retry-After", "60");
    refuse(exchange, 429, "too many requests in this minute");
}

bool hin_api_page(struct hin_worker *worker, struct hin_http_exchange *exchange)
{
    const struct hin_http_request *request = hin_http_exchange_request(exchange);
    struct hin_view name;
    if (!is_page(request->path, &name)) {
        return false;
    }
    if (!hin_is_ok(
            hin_auth_count_page(hin_api_auth(worker->api), hin_stream_peer(request->stream)))) {
        too_many(worker, exchange);
        return true;
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
