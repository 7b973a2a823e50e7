#include "harness.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "base/time.h"
#include "trust/page.h"
#include "trust/printout.h"
#include "trust/words.h"

#define NOW (20000 * HIN_DAY_USEC)

struct fixture {
    struct hin_catalogue *catalogue;
    struct hin_report report;
    struct hin_buf out;
};

static void done(struct fixture *fixture)
{
    hin_report_done(&fixture->report);
    hin_catalogue_free(fixture->catalogue);
    hin_buf_done(&fixture->out);
}

static HIN_RESULT make(struct fixture *fixture)
{
    static const struct hin_claim_evidence evidence[] = {
        {.probe = {(const uint8_t *)"clock-offset", 12},
         .id = {(const uint8_t *)"id-<1>", 6},
         .held = true,
         .observed_usec = NOW - HIN_HOUR_USEC,
         .valid_until_usec = NOW + HIN_HOUR_USEC},
        {.probe = {(const uint8_t *)"sealing-canary", 14},
         .id = {(const uint8_t *)"id-2", 4},
         .held = false,
         .observed_usec = NOW - HIN_HOUR_USEC,
         .valid_until_usec = NOW + HIN_HOUR_USEC,
         .reason = {(const uint8_t *)"<script>alert(\"1\" & '2')</script>\x1b[31m\xff", 40}},
    };
    HIN_CLEANUP_FD int folder = -1;
    fixture->out.max = HIN_PAGE_MAX;
    HIN_TRY(hin_fd_open(AT_FDCWD, HIN_CONTENT, O_RDONLY | O_DIRECTORY, 0, &folder));
    HIN_TRY(hin_catalogue_load(folder, &fixture->catalogue, NULL));
    return hin_report_make(fixture->catalogue, evidence, HIN_COUNT(evidence), NOW, HIN_VIEW("fa11"),
                           &fixture->report);
}

static bool holds(const struct fixture *fixture, const char *text)
{
    return hin_view_find(hin_buf_view(&fixture->out), hin_view_from_text(text)) != SIZE_MAX;
}

/* From the article of a claim to the next one. */
static struct hin_view article(const struct fixture *fixture, const char *id)
{
    char mark[64];
    struct hin_view all = hin_buf_view(&fixture->out);
    (void)snprintf(mark, sizeof(mark), "<article id=\"%s\">", id);
    size_t from = hin_view_find(all, hin_view_from_text(mark));
    all = from == SIZE_MAX ? HIN_VIEW_EMPTY : hin_view_sub(all, from, all.size);
    return hin_view_sub(all, 0, hin_view_find(all, HIN_VIEW("</article>")));
}

static bool says(struct hin_view text, const char *part)
{
    return hin_view_find(text, hin_view_from_text(part)) != SIZE_MAX;
}

TEST(test_trust_page__shows_what_is_proven_failed_and_not_assessed)
{
    HIN_CLEANUP(done) struct fixture fixture = {0};
    CHECK_OK(make(&fixture));
    struct hin_page page = {&fixture.report, HIN_ENGLISH, "/trust/", false};
    CHECK_OK(hin_page_index(&page, &fixture.out));
    struct hin_view proven = article(&fixture, "S67"), failed = article(&fixture, "S62"),
                    never = article(&fixture, "S1");
    CHECK(says(proven, "badge proven") &&
          says(proven, "Last proven: <time datetime=\"2024-10-03T"));
    CHECK(says(proven, "id-&lt;1&gt;"));
    CHECK(says(proven, "<code>clock-offset</code> Asks the configured time servers"));
    CHECK(says(failed, "badge failed") && says(failed, "Found failing: <time"));
    CHECK(says(never, "badge none") && !says(never, "<time"));
    CHECK(holds(&fixture, "href=\"/trust/pci-dss-4.0.1.en.html\""));
    CHECK(holds(&fixture, "href=\"/trust/index.ja.html\""));
    CHECK(holds(&fixture, "<code class=\"long\">fa11</code>"));
}

TEST(test_trust_page__escapes_what_evidence_says)
{
    HIN_CLEANUP(done) struct fixture fixture = {0};
    CHECK_OK(make(&fixture));
    struct hin_page page = {&fixture.report, HIN_JAPANESE, "", false};
    CHECK_OK(hin_page_index(&page, &fixture.out));
    CHECK(says(article(&fixture, "S62"), "&lt;script&gt;alert(&quot;1&quot; &amp; &#39;2&#39;)"));
    CHECK(!holds(&fixture, "<script"));
    CHECK(!holds(&fixture, "\x1b"));
    CHECK(!holds(&fixture, "\xff"));
}

/* Content-Security-Policy: default-src 'none'; style-src 'self' */
TEST(test_trust_page__fetches_nothing_and_has_no_style_of_its_own)
{
    static const char *const never[] = {"<script",     "<style", " style=", "http:",   "https:",
                                        "javascript:", " on",    "<img",    "@import", "url("};
    HIN_CLEANUP(done) struct fixture fixture = {0};
    size_t count = 0;
    CHECK_OK(make(&fixture));
    const struct hin_framework *frameworks = hin_catalogue_frameworks(fixture.catalogue, &count);
    for (unsigned language = 0; language < HIN_LANGUAGE_COUNT; language++) {
        struct hin_page page = {&fixture.report, (enum hin_language)language, "", false};
        for (size_t i = 0; i <= count; i++) {
            hin_buf_clear(&fixture.out);
            CHECK_OK(i < count ? hin_page_framework(&page, &frameworks[i], &fixture.out)
                               : hin_page_index(&page, &fixture.out));
            for (size_t k = 0; k < HIN_COUNT(never); k++) {
                bool handler = strcmp(never[k], " on") == 0; /* "onload=": no attribute begins so */
                if (handler ? holds(&fixture, "\" on") : holds(&fixture, never[k])) {
                    test_fail(__FILE__, __LINE__, "page %zu: %s", i, never[k]);
                }
            }
        }
    }
    CHECK(says(hin_page_style(), "prefers-color-scheme:dark"));
    CHECK(!says(hin_page_style(), "url(") && !says(hin_page_style(), "@import"));
}

TEST(test_trust_page__framework_tells_every_control_and_never_certified)
{
    HIN_CLEANUP(done) struct fixture fixture = {0};
    char mark[128];
    CHECK_OK(make(&fixture));
    const struct hin_framework *gdpr = hin_catalogue_framework(fixture.catalogue, HIN_VIEW("gdpr"));
    struct hin_page page = {&fixture.report, HIN_ENGLISH, "", false};
    CHECK_OK(hin_page_framework(&page, gdpr, &fixture.out));
    for (size_t i = 0; i < gdpr->control_count; i++) {
        (void)snprintf(mark, sizeof(mark), "<th scope=\"row\" id=\"c-%.*s\">",
                       HIN_ARGS(gdpr->controls[i]));
        CHECK(holds(&fixture, mark));
    }
    CHECK(holds(&fixture, "It does not say that anybody is certified."));
    CHECK(holds(&fixture, "href=\"index.en.html#S62\""));
    CHECK(!holds(&fixture, "<article"));
    hin_buf_clear(&fixture.out);
    page.alone = true;
    CHECK_OK(hin_page_framework(&page, gdpr, &fixture.out));
    CHECK(holds(&fixture, "<article id=\"S62\">") && holds(&fixture, "<a href=\"#S62\">"));
    CHECK(holds(&fixture, "<style>") && !holds(&fixture, "rel=\"stylesheet\""));
    CHECK(!holds(&fixture, "index.en.html"));
}

TEST(test_trust_page__names_lead_to_their_pages)
{
    HIN_CLEANUP(done) struct fixture fixture = {0};
    const struct hin_framework *framework = NULL;
    enum hin_language language = HIN_ENGLISH;
    char name[HIN_PAGE_NAME_MAX];
    CHECK_OK(make(&fixture));
    const struct hin_framework *soc =
        hin_catalogue_framework(fixture.catalogue, HIN_VIEW("soc2-2017"));
    hin_page_name(soc, HIN_JAPANESE, name);
    CHECK(strcmp(name, "soc2-2017.ja.html") == 0);
    CHECK(hin_page_find(fixture.catalogue, hin_view_from_text(name), &framework, &language));
    CHECK(framework == soc && language == HIN_JAPANESE);
    CHECK(hin_page_find(fixture.catalogue, HIN_VIEW("index.en.html"), &framework, &language));
    CHECK(framework == NULL && language == HIN_ENGLISH);
    CHECK(!hin_page_find(fixture.catalogue, HIN_VIEW("index.fr.html"), &framework, &language));
    CHECK(!hin_page_find(fixture.catalogue, HIN_VIEW("../index.en.html"), &framework, &language));
}

TEST(test_trust_page__refuses_to_outgrow_its_buffer)
{
    HIN_CLEANUP(done) struct fixture fixture = {0};
    CHECK_OK(make(&fixture));
    struct hin_page page = {&fixture.report, HIN_ENGLISH, "", false};
    fixture.out.max = 20000;
    CHECK_CODE(hin_page_index(&page, &fixture.out), LIMIT);
}

/* Every word is there in both languages; the Japanese is Japanese but for names. */
TEST(test_trust_words__say_everything_in_both_languages)
{
    for (unsigned i = 0; i < HIN_WORD_COUNT; i++) {
        const char *english = hin_word((enum hin_word)i, HIN_ENGLISH);
        const char *japanese = hin_word((enum hin_word)i, HIN_JAPANESE);
        CHECK(english[0] != '\0' && japanese[0] != '\0' && strcmp(english, japanese) != 0);
        for (const char *at = english; *at != '\0'; at++) {
            CHECK((unsigned char)*at < 0x80);
        }
    }
}

TEST(test_trust_words__say_how_often)
{
    char text[64];
    hin_word_cadence(HIN_DAY_USEC, HIN_ENGLISH, text, sizeof(text));
    CHECK(strcmp(text, "every day") == 0);
    hin_word_cadence(13 * 7 * HIN_DAY_USEC, HIN_JAPANESE, text, sizeof(text));
    CHECK(strcmp(text, "四半期ごと") == 0);
    hin_word_cadence(90 * HIN_MINUTE_USEC, HIN_JAPANESE, text, sizeof(text));
    CHECK(strcmp(text, "90分ごと") == 0);
    hin_word_time(0, text, sizeof(text));
    CHECK(strcmp(text, "1970-01-01 00:00 UTC") == 0);
}

TEST(test_trust_printout__says_the_same_as_the_pages)
{
    HIN_CLEANUP(done) struct fixture fixture = {0};
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    struct hin_view format;
    struct hin_json blocks;
    size_t count = 0, rows = 0;
    CHECK_OK(make(&fixture));
    const struct hin_framework *framework =
        hin_catalogue_framework(fixture.catalogue, HIN_VIEW("iso-27001-2022"));
    CHECK_OK(hin_printout_write(&fixture.report, framework, HIN_JAPANESE, &fixture.out));
    CHECK_OK(hin_json_parse(hin_buf_view(&fixture.out), HIN_PRINTOUT_MAX, &document, NULL));
    struct hin_json root = hin_json_root(document);
    CHECK_OK(hin_json_get_text(root, "format", &format, NULL));
    CHECK_VIEW(format, HIN_PRINTOUT_FORMAT);
    CHECK_OK(hin_json_get_array(root, "blocks", &blocks, &count, NULL));
    size_t columns = 0;
    for (size_t i = 0; i < count; i++) {
        struct hin_json block = hin_json_at(blocks, i);
        struct hin_view kind;
        size_t size = 0;
        CHECK_OK(hin_json_text(hin_json_at(block, 0), &kind, NULL));
        CHECK_OK(hin_json_array(block, &size, NULL));
        columns = hin_view_is(kind, "columns") ? size : columns;
        CHECK(hin_view_is(kind, "row") || hin_view_is(kind, "head") ? size == columns : true);
        rows += hin_view_is(kind, "row") && size == 5 ? 1 : 0;
    }
    CHECK(rows > 93); /* each control, and the claims */
    CHECK(says(hin_buf_view(&fixture.out), "不合格の検出日時: 2024-10-03"));
    CHECK(!says(hin_buf_view(&fixture.out), "u001b")); /* nothing that no font has */
}
