#include "harness.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "base/path.h"
#include "base/time.h"
#include "trust/catalogue.h"

#define HEAD                                                                                       \
    "owner: ops\nen: O\nja: O\n\nprobe: p-1\nen: P\nja: P\n\nprobe: p-2\nen: P\nja: P\n\n"         \
    "framework: f-1\nen: F\nja: F\n\nsection: 1\nen: S\nja: S\ncontrols: 1.1 1.2\n\n"
#define CLAIM                                                                                      \
    "claim: S1\nservice: platform\npillar: security\nkind: probe\nowner: ops\ncadence: 1d\n"       \
    "rows: P1\nen: E\nja: J\n"

/* ---- what is shipped ---- */

static HIN_RESULT shipped(struct hin_catalogue **ret_catalogue)
{
    HIN_CLEANUP_FD int folder = -1;
    struct hin_error error = {0};
    char text[1200];
    HIN_TRY(hin_fd_open(AT_FDCWD, HIN_CONTENT, O_RDONLY | O_DIRECTORY, 0, &folder));
    struct hin_result result = hin_catalogue_load(folder, ret_catalogue, &error);
    if (!hin_is_ok(result)) {
        hin_error_format(&error, text, sizeof(text));
        test_fail(__FILE__, __LINE__, "%s", text);
    }
    return result;
}

TEST(test_trust_catalogue__ships_the_108_statements)
{
    HIN_CLEANUP(hin_catalogue_cleanup) struct hin_catalogue *catalogue = NULL;
    size_t count = 0;
    char id[16];
    CHECK_OK(shipped(&catalogue));
    (void)hin_catalogue_claims(catalogue, &count);
    CHECK_INT(count, 108);
    for (int i = 1; i <= 108; i++) {
        (void)snprintf(id, sizeof(id), "S%d", i);
        CHECK(hin_catalogue_claim(catalogue, hin_view_from_text(id)) != NULL);
    }
}

static bool is_ascii(struct hin_view text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] >= 0x80) {
            return false;
        }
    }
    return true;
}

/* English is English and Japanese Japanese: nobody pasted one into the other's place. */
TEST(test_trust_catalogue__says_everything_in_both_languages)
{
    HIN_CLEANUP(hin_catalogue_cleanup) struct hin_catalogue *catalogue = NULL;
    size_t count = 0, probes = 0;
    CHECK_OK(shipped(&catalogue));
    const struct hin_claim *claims = hin_catalogue_claims(catalogue, &count);
    for (size_t i = 0; i < count; i++) {
        struct hin_view japanese = claims[i].statement.in[HIN_JAPANESE];
        if (!is_ascii(claims[i].statement.in[HIN_ENGLISH]) || is_ascii(japanese) ||
            !hin_view_ends_with(japanese, HIN_VIEW("。")) ||
            !hin_view_ends_with(claims[i].statement.in[HIN_ENGLISH], HIN_VIEW("."))) {
            test_fail(__FILE__, __LINE__, "%.*s", HIN_ARGS(claims[i].id));
        }
    }
    const struct hin_probe_text *texts = hin_catalogue_probes(catalogue, &probes);
    for (size_t i = 0; i < probes; i++) {
        CHECK(is_ascii(texts[i].text.in[HIN_ENGLISH]) && !is_ascii(texts[i].text.in[HIN_JAPANESE]));
    }
}

/* The kinds stand in the list of statements that the catalogue was made from, where it is there. */
TEST(test_trust_catalogue__kinds_are_those_of_the_statements)
{
    static const struct {
        const char *id;
        enum hin_claim_kind kind;
    } some[] = {{"S1", HIN_CLAIM_DOCUMENT}, {"S8", HIN_CLAIM_REGISTER},  {"S19", HIN_CLAIM_PROBE},
                {"S44", HIN_CLAIM_INTAKE},  {"S66", HIN_CLAIM_REGISTER}, {"S72", HIN_CLAIM_INTAKE},
                {"S108", HIN_CLAIM_PROBE}};
    static const size_t wanted[HIN_CLAIM_KIND_COUNT] = {
        [HIN_CLAIM_PROBE] = 68,
        [HIN_CLAIM_INTAKE] = 12,
        [HIN_CLAIM_REGISTER] = 15,
        [HIN_CLAIM_DOCUMENT] = 13,
    };
    HIN_CLEANUP(hin_catalogue_cleanup) struct hin_catalogue *catalogue = NULL;
    size_t count = 0, by_kind[HIN_CLAIM_KIND_COUNT] = {0};
    CHECK_OK(shipped(&catalogue));
    for (size_t i = 0; i < HIN_COUNT(some); i++) {
        CHECK_INT(hin_catalogue_claim(catalogue, hin_view_from_text(some[i].id))->kind,
                  some[i].kind);
    }
    const struct hin_claim *claims = hin_catalogue_claims(catalogue, &count);
    for (size_t i = 0; i < count; i++) {
        by_kind[claims[i].kind]++;
    }
    for (unsigned i = 0; i < HIN_CLAIM_KIND_COUNT; i++) {
        CHECK_INT(by_kind[i], wanted[i]);
    }
}

TEST(test_trust_catalogue__hangs_claims_on_each_of_the_probes)
{
    static const struct {
        const char *probe;
        const char *claims;
    } wanted[] = {
        {"tls-floor", "S19 S30 S94 "},
        {"tls-weak-ciphers", "S19 S20 "},
        {"schema-isolation", "S91 "},
        {"sealing-canary", "S62 "},
        {"tenant-keys", "S96 S97 "},
        {"contacts-sealed", "S93 "},
        {"kms-reach", "S98 "},
        {"clock-offset", "S67 "},
        {"audit-chain", "S43 "},
        {"password-hashing", "S30 "},
        {"backup-made", "S65 "},
        {"restore-weekly", "S63 "},
        {"backup-destruction", "S65 "},
        {"second-region", "S64 "},
        {"kms-aws", "S97 "},
    };
    HIN_CLEANUP(hin_catalogue_cleanup) struct hin_catalogue *catalogue = NULL;
    size_t count = 0, probes = 0;
    CHECK_OK(shipped(&catalogue));
    const struct hin_claim *claims = hin_catalogue_claims(catalogue, &count);
    (void)hin_catalogue_probes(catalogue, &probes);
    CHECK_INT(probes, HIN_COUNT(wanted));
    for (size_t i = 0; i < HIN_COUNT(wanted); i++) {
        HIN_CLEANUP(hin_buf_done) struct hin_buf got = {.max = 1024};
        struct hin_view probe = hin_view_from_text(wanted[i].probe);
        CHECK(hin_catalogue_probe(catalogue, probe) != NULL);
        for (size_t k = 0; k < count; k++) {
            if (hin_claim_hangs_on(&claims[k], probe)) {
                CHECK_OK(hin_buf_printf(&got, "%.*s ", HIN_ARGS(claims[k].id)));
            }
        }
        CHECK_VIEW(hin_buf_view(&got), wanted[i].claims);
    }
}

/* A pattern: '9' stands for one to three digits, the rest for itself, '|' separates. */
static bool fits_one(struct hin_view control, struct hin_view pattern)
{
    size_t at = 0;
    for (size_t i = 0; i < pattern.size; i++) {
        size_t from = at;
        if (pattern.data[i] != '9') {
            if (at >= control.size || control.data[at++] != pattern.data[i]) {
                return false;
            }
            continue;
        }
        while (at < control.size && isdigit(control.data[at]) && at - from < 3) {
            at++;
        }
        if (at == from) {
            return false;
        }
    }
    return at == control.size;
}

static bool fits(struct hin_view control, const char *patterns)
{
    struct hin_view rest = hin_view_from_text(patterns), pattern;
    while (hin_view_split(&rest, '|', &pattern)) {
        if (fits_one(control, pattern)) {
            return true;
        }
    }
    return false;
}

TEST(test_trust_catalogue__identifiers_have_each_framework_s_form)
{
    static const struct {
        const char *framework, *patterns;
        size_t controls;
    } wanted[] = {
        {"pci-dss-3.2.1", "9.9|9.9.9|9.9.9.9|A9|A9.9", 256},
        {"pci-dss-4.0.1", "9.9.9|9.9.9.9|9.9.9.9.9|A9.9.9", 257},
        {"iso-27001-2022", "A.9.9", 93},
        {"iso-27014-2020", "9.9.9", 10},
        {"iso-27017-2015", "9.9.9|CLD.9.9.9", 121},
        {"soc2-2017", "CC9.9|A9.9|C9.9", 38},
        {"gdpr", "9|9(9)|9(9)(a)|9(9)(b)|9(9)(c)|9(9)(d)|9(9)(e)|9(9)(f)", 61},
    };
    HIN_CLEANUP(hin_catalogue_cleanup) struct hin_catalogue *catalogue = NULL;
    size_t count = 0;
    CHECK_OK(shipped(&catalogue));
    const struct hin_framework *frameworks = hin_catalogue_frameworks(catalogue, &count);
    CHECK_INT(count, HIN_COUNT(wanted));
    for (size_t i = 0; i < count; i++) {
        CHECK_VIEW(frameworks[i].id, wanted[i].framework);
        for (size_t k = 0; k < frameworks[i].control_count; k++) {
            if (!fits(frameworks[i].controls[k], wanted[i].patterns)) {
                test_fail(__FILE__, __LINE__, "%s %.*s", wanted[i].framework,
                          HIN_ARGS(frameworks[i].controls[k]));
            }
        }
        if (frameworks[i].control_count != wanted[i].controls) {
            test_fail(__FILE__, __LINE__, "%s: %zu controls", wanted[i].framework,
                      frameworks[i].control_count);
        }
    }
}

/* Of each kind: a probe's claim maps to a control (the reader sees to it), and no claim says
 * "automated" that nothing looks at. */
TEST(test_trust_catalogue__degrees_are_what_holds_now)
{
    HIN_CLEANUP(hin_catalogue_cleanup) struct hin_catalogue *catalogue = NULL;
    size_t count = 0;
    CHECK_OK(shipped(&catalogue));
    const struct hin_claim *claims = hin_catalogue_claims(catalogue, &count);
    for (size_t i = 0; i < count; i++) {
        CHECK(claims[i].mapping_count > 0);
        for (size_t k = 0; k < claims[i].mapping_count; k++) {
            CHECK(claims[i].probe_count > 0 || claims[i].mappings[k].degree == HIN_DEGREE_PERSON);
        }
    }
}

/* ---- the form ---- */

static void reads(const char *text, struct hin_catalogue **ret_catalogue)
{
    struct hin_error error = {0};
    struct hin_result result =
        hin_catalogue_parse(hin_view_from_text(text), "t", ret_catalogue, &error);
    if (!hin_is_ok(result)) {
        test_fail(__FILE__, __LINE__, "%u:%u: %s", error.line, error.column, error.text);
    }
}

TEST(test_trust_catalogue__reads_a_claim)
{
    HIN_CLEANUP(hin_catalogue_cleanup) struct hin_catalogue *catalogue = NULL;
    size_t count = 0;
    reads(
        "# a comment\n\n" HEAD
        "claim: S7\nservice: file-storage\npillar: faq\nkind: register\nowner: ops\n"
        "cadence: 2w\nrows: P1   P5\nprobes: p-1\n\tp-2\n# between\nen: One\n  two.\nja: 一。\n  二"
        "三\n four\nf-1: 1.2 automated;\n 1.1 in part\n",
        &catalogue);
    CHECK(catalogue != NULL);
    const struct hin_claim *claim = hin_catalogue_claims(catalogue, &count);
    CHECK_INT(count, 1);
    CHECK_INT(claim->service, HIN_SERVICE_FILE_STORAGE);
    CHECK_INT(claim->pillar, HIN_PILLAR_FAQ);
    CHECK_INT(claim->kind, HIN_CLAIM_REGISTER);
    CHECK_VIEW(claim->owner->id, "ops");
    CHECK_INT(claim->cadence_usec, 14 * HIN_DAY_USEC);
    CHECK_VIEW(claim->rows, "P1 P5");
    CHECK_INT(claim->probe_count, 2);
    CHECK_VIEW(claim->probes[1], "p-2");
    CHECK_VIEW(claim->statement.in[HIN_ENGLISH], "One two.");
    CHECK_VIEW(claim->statement.in[HIN_JAPANESE], "一。二三four");
    CHECK_INT(claim->mapping_count, 2);
    CHECK_VIEW(claim->mappings[0].control, "1.2");
    CHECK_INT(claim->mappings[0].degree, HIN_DEGREE_AUTOMATED);
    CHECK_INT(claim->mappings[1].degree, HIN_DEGREE_IN_PART);
    CHECK(hin_catalogue_claim(catalogue, HIN_VIEW("S7")) == claim);
    CHECK(hin_catalogue_claim(catalogue, HIN_VIEW("S8")) == NULL);
    CHECK(hin_catalogue_framework(catalogue, HIN_VIEW("f-2")) == NULL);
    CHECK(hin_catalogue_probe(catalogue, HIN_VIEW("p-3")) == NULL);
}

TEST(test_trust_catalogue__names_the_place_of_what_is_wrong)
{
    static const struct {
        const char *text;
        uint32_t line, column;
        const char *part;
    } wrong[] = {
        {"owner: ops\nen: O\n", 1, 1, "says no \"ja\""},
        {"owner: ops\nen:\nja: O\n", 2, 1, "\"en\" is empty"},
        {"owner: Ops\nen: O\nja: O\n", 1, 8, "small letters"},
        {"owner:\nen: O\nja: O\n", 1, 1, "is empty"},
        {"owner: ops\nen: O\nja: O\nfr: O\n", 4, 1, "no line \"fr\""},
        {"owner: ops\nen: O\nja: O\n\nowner: ops\nen: O\nja: O\n", 5, 8, "a second time"},
        {"owner: ops\nen: O\nen: O\n", 3, 1, "a second time"},
        {"owners: ops\n", 1, 1, "a paragraph begins with"},
        {"owner ops\n", 1, 1, "neither"},
        {"\n on\n", 2, 2, "goes on with nothing"},
        {"owner: ops\n# x\n on\n", 3, 2, "goes on with nothing"},
        {"owner: ops\nen: O\nja: \xff\n", 3, 5, "no UTF-8"},
        {"owner: ops\nen: O\x1b[1m\nja: O\n", 2, 6, "control character"},
        {"section: 1\nen: S\nja: S\ncontrols: 1\n", 1, 1, "without a framework"},
        {"framework: f\nen: F\nja: F\nnote-en: N\n", 1, 1, "says no \"note-ja\""},
        {"framework: f\nen: F\nja: F\n\nsection: 1\nen: S\nja: S\ncontrols: 1 2\n 3 1\n", 9, 4,
         "a second time"},
        {"framework: f\nen: F\nja: F\n\nsection: 1\nen: S\nja: S\ncontrols: 1\u30002\n", 8, 12,
         "none of ASCII (U+3000)"},
        {"framework: f\nen: F\nja: F\n\nsection: 1\nen: S\nja: S\ncontrols: "
         "1234567890123456789012345678901234567890123456789012345678901234 "
         "12345678901234567890123456789012345678901234567890123456789012345\n",
         8, 76, "at most 64 bytes"},
        {HEAD "claim: s1\n", 22, 8, "capital letter"},
        {HEAD CLAIM "f-1: 1.1 needs a person\n\n" CLAIM, 33, 8, "a second time"},
        {HEAD CLAIM, 22, 8, "answers some control"},
        {HEAD CLAIM "f-2: 1.1 needs a person\n", 31, 1, "neither a line of claims nor"},
        {HEAD CLAIM "f-1: 1.3 needs a person\n", 31, 6, "f-1 has no control \"1.3\""},
        {HEAD CLAIM "f-1: 1.1\n 1.1 needs a person\n", 32, 2, "a second time"},
        {HEAD CLAIM "f-1: 1.1 certified\n", 31, 6, "controls, then how far"},
        {HEAD CLAIM "f-1: automated\n", 31, 6, "controls, then how far"},
        {HEAD CLAIM "f-1: 1.1 automated\n", 31, 6, "until it hangs on a probe"},
        {HEAD CLAIM "probes: p-1 p-3\nf-1: 1.1 automated\n", 31, 13, "no probe \"p-3\""},
        {HEAD CLAIM "probes: p-1 p-1\nf-1: 1.1 automated\n", 31, 13, "a second time"},
        {HEAD "claim: S1\nservice: cloud\n", 23, 10, "\"cloud\" is no service: \"platform\""},
        {HEAD "claim: S1\nservice: workload\npillar: security\nkind: probe\nowner: me\n", 26, 8,
         "no owner \"me\""},
        {HEAD "claim: S1\nservice: workload\npillar: security\nkind: probe\nowner: ops\ncadence: "
              "often\n",
         27, 10, "\"often\" is no time"},
    };
    for (size_t i = 0; i < HIN_COUNT(wrong); i++) {
        struct hin_catalogue *catalogue = NULL;
        struct hin_error error = {0};
        struct hin_result result =
            hin_catalogue_parse(hin_view_from_text(wrong[i].text), "t.txt", &catalogue, &error);
        bool well = !hin_is_ok(result) && strcmp(error.file, "t.txt") == 0 &&
                    error.line == wrong[i].line && error.column == wrong[i].column &&
                    strstr(error.text, wrong[i].part) != NULL;
        if (!well) {
            test_fail(__FILE__, __LINE__, "case %zu: %s:%u:%u: %s", i, error.file, error.line,
                      error.column, error.text);
        }
        hin_catalogue_free(catalogue);
    }
}

TEST(test_trust_catalogue__limits_what_a_paragraph_holds)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = 65536};
    struct hin_catalogue *catalogue = NULL;
    struct hin_error error = {0};
    CHECK_OK(hin_buf_append_text(&text, "owner: o\n"));
    for (int i = 0; i < 40; i++) {
        CHECK_OK(hin_buf_printf(&text, "k%d: v\n", i));
    }
    CHECK_CODE(hin_catalogue_parse(hin_buf_view(&text), "t", &catalogue, &error), LIMIT);
    CHECK_INT(error.line, 33);
}

/* ---- folders ---- */

static HIN_RESULT put(const char *name, const char *text)
{
    char path[HIN_PATH_MAX];
    HIN_TRY(hin_path_join(path, sizeof(path), test_folder(), name));
    return hin_file_replace(AT_FDCWD, path, hin_view_from_text(text), 0600);
}

TEST(test_trust_catalogue__reads_a_folder_in_its_order)
{
    HIN_CLEANUP(hin_catalogue_cleanup) struct hin_catalogue *catalogue = NULL;
    HIN_CLEANUP(hin_catalogue_cleanup) struct hin_catalogue *again = NULL;
    HIN_CLEANUP_FD int folder = -1;
    struct hin_error error = {0};
    char first[HIN_SHA256_HEX_BYTES], second[HIN_SHA256_HEX_BYTES];
    CHECK_OK(put("order.txt", "# c\n\nb.txt\na.txt\n"));
    CHECK_OK(put("b.txt", HEAD));
    CHECK_OK(put("a.txt", CLAIM "f-1: 1.1 needs a person"));
    CHECK_OK(hin_fd_open(AT_FDCWD, test_folder(), O_RDONLY | O_DIRECTORY, 0, &folder));
    CHECK_OK(hin_catalogue_load(folder, &catalogue, &error));
    hin_catalogue_digest(catalogue, first);
    CHECK_INT(strlen(first), 64);
    CHECK_OK(put("a.txt", CLAIM "f-1: 1.2 needs a person"));
    CHECK_OK(hin_catalogue_load(folder, &again, &error));
    hin_catalogue_digest(again, second);
    CHECK(strcmp(first, second) != 0);
}

TEST(test_trust_catalogue__refuses_folders_that_lead_elsewhere)
{
    static const struct {
        const char *order;
        const char *file;
        const char *part;
        uint32_t line;
    } wrong[] = {
        {"../a.txt\n", "order.txt", "no name of a file in this folder", 1},
        {"b.txt\n.a\n", "order.txt", "no name of a file in this folder", 2},
        {"b.txt\nno.txt\n", "no.txt", "cannot be read: not found", 0},
        {"a.txt\n", "a.txt", "no owner \"ops\"", 5},
    };
    HIN_CLEANUP_FD int folder = -1;
    CHECK_OK(put("b.txt", HEAD));
    CHECK_OK(put("a.txt", CLAIM));
    CHECK_OK(hin_fd_open(AT_FDCWD, test_folder(), O_RDONLY | O_DIRECTORY, 0, &folder));
    for (size_t i = 0; i < HIN_COUNT(wrong); i++) {
        struct hin_catalogue *catalogue = NULL;
        struct hin_error error = {0};
        CHECK_OK(put("order.txt", wrong[i].order));
        CHECK(!hin_is_ok(hin_catalogue_load(folder, &catalogue, &error)));
        if (strcmp(error.file, wrong[i].file) != 0 || error.line != wrong[i].line ||
            strstr(error.text, wrong[i].part) == NULL) {
            test_fail(__FILE__, __LINE__, "case %zu: %s:%u: %s", i, error.file, error.line,
                      error.text);
        }
    }
}
