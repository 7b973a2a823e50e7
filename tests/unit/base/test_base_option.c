#include "base/option.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/time.h"
#include "harness.h"

struct sample {
    bool follow;
    const char *format;
    int64_t since_usec;
    uint64_t limit;
    struct hin_option_texts where;
};

static const struct hin_option sample_options[] = {
    {"follow", 'f', HIN_OPTION_FLAG, offsetof(struct sample, follow), NULL, "Follow.", NULL, false,
     false},
    {"format", 0, HIN_OPTION_CHOICE, offsetof(struct sample, format), "F", "Format.", "table|json",
     false, false},
    {"since", 's', HIN_OPTION_DURATION, offsetof(struct sample, since_usec), "T", "Since.", NULL,
     false, false},
    {"limit", 0, HIN_OPTION_COUNT, offsetof(struct sample, limit), "N", "Limit.", NULL, false,
     false},
    {"where", 0, HIN_OPTION_TEXTS, offsetof(struct sample, where), "X", "Where.", NULL, false,
     false},
};
static const struct hin_command sample_command = {
    "sample", "A sample", "[FILE]", NULL, sample_options, HIN_COUNT(sample_options), 0, 1};

static struct hin_result parse(struct sample *sample, size_t *ret_operands, struct hin_error *error,
                               int argc, const char *const *arguments)
{
    static char texts[16][64];
    static char *argv[16];
    for (int i = 0; i < argc; i++) {
        HIN_TRY(hin_view_to_text(hin_view_from_text(arguments[i]), texts[i], sizeof(texts[i])));
        argv[i] = texts[i];
    }
    char **operands = NULL;
    bool help = false;
    return hin_option_parse(&sample_command, argc, argv, sample, &operands, ret_operands, &help,
                            error);
}

TEST(test_base_option__takes_every_form)
{
    const char *const arguments[] = {"sample",      "-f",      "file",    "--format=json",
                                     "--since",     "2h",      "--where", "a=b",
                                     "--where=c=d", "--limit", "7"};
    struct sample sample = {0};
    struct hin_error error = {0};
    size_t operands = 0;
    CHECK_OK(parse(&sample, &operands, &error, (int)HIN_COUNT(arguments), arguments));
    CHECK(sample.follow && strcmp(sample.format, "json") == 0);
    CHECK(sample.since_usec == 2 * HIN_HOUR_USEC && sample.limit == 7);
    CHECK_INT(sample.where.count, 2);
    CHECK(strcmp(sample.where.items[1], "c=d") == 0);
    CHECK_INT(operands, 1);
}

TEST(test_base_option__says_what_is_wrong)
{
    static const char *const wrong[][3] = {{"sample", "--nope", "x"},
                                           {"sample", "--limit", "x"},
                                           {"sample", "--format", "xml"},
                                           {"sample", "a", "b"},
                                           {"sample", "a", "--since"}};
    for (size_t i = 0; i < HIN_COUNT(wrong); i++) {
        struct sample sample = {0};
        struct hin_error error = {0};
        size_t operands = 0;
        CHECK_CODE(parse(&sample, &operands, &error, 3, wrong[i]), INVALID);
        CHECK(error.text[0] != '\0');
    }
}
