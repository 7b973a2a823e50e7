#include "base/option.h"

#include <string.h>

#include "base/bytes.h"
#include "base/time.h"
#include "base/view.h"

struct parser {
    const struct hin_command *command;
    void *options;
    struct hin_error *error;
    bool seen[128];
};

static const struct hin_option *find_option(const struct hin_command *command, struct hin_view name,
                                            char letter)
{
    for (size_t i = 0; i < command->option_count; i++) {
        const struct hin_option *option = &command->options[i];
        if (letter != 0 ? option->letter == letter : hin_view_is(name, option->name)) {
            return option;
        }
    }
    return NULL;
}

static HIN_RESULT refuse(const struct parser *parser, const char *what, const char *name)
{
    return hin_error_set(parser->error, HIN_INVALID, NULL, 0, 0, "%s: %s (see %s --help)", name,
                         what, parser->command->name);
}

static bool is_choice(const char *choices, const char *value)
{
    struct hin_view rest = hin_view_from_text(choices);
    struct hin_view choice;
    while (hin_view_split(&rest, '|', &choice)) {
        if (hin_view_is(choice, value)) {
            return true;
        }
    }
    return false;
}

static HIN_RESULT store_texts(const struct parser *parser, const struct hin_option *option,
                              void *at, const char *value)
{
    struct hin_option_texts *texts = at;
    if (texts->count == HIN_OPTION_TEXTS_MAX) {
        return refuse(parser, "given too often", option->name);
    }
    texts->items[texts->count++] = value;
    return hin_ok();
}

static HIN_RESULT store(struct parser *parser, const struct hin_option *option, const char *value)
{
    void *at = (uint8_t *)parser->options + option->offset;
    struct hin_view view = hin_view_from_text(value);
    parser->seen[option - parser->command->options] = true;
    switch (option->type) {
    case HIN_OPTION_FLAG:
        *(bool *)at = true;
        return hin_ok();
    case HIN_OPTION_CHOICE:
        if (!is_choice(option->choices, value)) {
            return hin_error_set(parser->error, HIN_INVALID, NULL, 0, 0,
                                 "--%s: \"%s\" is not one of %s", option->name, value,
                                 option->choices);
        }
        *(const char **)at = value;
        return hin_ok();
    case HIN_OPTION_TEXT:
        *(const char **)at = value;
        return hin_ok();
    case HIN_OPTION_TEXTS:
        return store_texts(parser, option, at, value);
    case HIN_OPTION_COUNT:
        if (!hin_is_ok(hin_view_to_u64(view, at))) {
            return refuse(parser, "takes a whole number", option->name);
        }
        return hin_ok();
    case HIN_OPTION_DURATION:
        if (!hin_is_ok(hin_time_parse_duration(view, at))) {
            return refuse(parser, "takes a time such as 90s, 15m, 24h or 7d", option->name);
        }
        return hin_ok();
    }
    return hin_fail(HIN_INTERNAL);
}

/* One argument that begins with '-'; *at is the index of it and moves past a value it takes. */
static HIN_RESULT parse_one(struct parser *parser, int argc, char **argv, int *at)
{
    const char *text = argv[*at];
    bool is_long = text[1] == '-';
    struct hin_view name = hin_view_from_text(text + (is_long ? 2 : 1));
    size_t equals = is_long ? hin_view_find_byte(name, '=') : SIZE_MAX;
    char *value = equals != SIZE_MAX ? argv[*at] + 2 + equals + 1 : NULL;
    name = equals != SIZE_MAX ? hin_view_sub(name, 0, equals) : name;
    char letter = is_long ? 0 : text[1];
    const struct hin_option *option = find_option(parser->command, name, letter);
    if (option == NULL) {
        return refuse(parser, "unknown option", text);
    }
    if (!is_long && text[2] != '\0') {
        value = argv[*at] + 2;
    }
    if (option->type == HIN_OPTION_FLAG) {
        return value == NULL ? store(parser, option, "") : refuse(parser, "takes no value", text);
    }
    if (value == NULL) {
        if (*at + 1 >= argc) {
            return refuse(parser, "needs a value", text);
        }
        value = argv[++*at];
    }
    return store(parser, option, value);
}

static HIN_RESULT check_complete(const struct parser *parser, size_t operand_count)
{
    const struct hin_command *command = parser->command;
    for (size_t i = 0; i < command->option_count; i++) {
        if (command->options[i].required && !parser->seen[i]) {
            return hin_error_set(parser->error, HIN_INVALID, NULL, 0, 0,
                                 "--%s is missing (see %s --help)", command->options[i].name,
                                 command->name);
        }
    }
    if (operand_count < command->operands_min || operand_count > command->operands_max) {
        return hin_error_set(parser->error, HIN_INVALID, NULL, 0, 0,
                             "%s: too %s arguments (see %s --help)", command->name,
                             operand_count < command->operands_min ? "few" : "many", command->name);
    }
    return hin_ok();
}

struct hin_result hin_option_parse(const struct hin_command *command, int argc, char **argv,
                                   void *options, char ***ret_operands, size_t *ret_operand_count,
                                   bool *ret_help, struct hin_error *error)
{
    struct parser parser = {command, options, error, {false}};
    HIN_ENSURE(command->option_count <= HIN_COUNT(parser.seen), INTERNAL);
    size_t operand_count = 0;
    bool only_operands = false;
    for (int at = 1; at < argc; at++) {
        char *text = argv[at];
        if (only_operands || text[0] != '-' || text[1] == '\0') {
            argv[1 + operand_count++] = text; /* never overtakes `at` */
        } else if (strcmp(text, "--") == 0) {
            only_operands = true;
        } else if (strcmp(text, "--help") == 0 || strcmp(text, "-h") == 0) {
            *ret_help = true;
            *ret_operand_count = 0;
            return hin_ok();
        } else {
            HIN_TRY(parse_one(&parser, argc, argv, &at));
        }
    }
    HIN_TRY(check_complete(&parser, operand_count));
    *ret_operands = argv + 1;
    *ret_operand_count = operand_count;
    *ret_help = false;
    return hin_ok();
}

/* "-f, --follow" or "    --since TIME" */
static void format_option(const struct hin_option *option, char *out, size_t out_bytes)
{
    char letter[8] = "    ";
    if (option->letter != 0) {
        snprintf(letter, sizeof(letter), "-%c, ", option->letter);
    }
    snprintf(out, out_bytes, "%s--%s%s%s", letter, option->name, option->value != NULL ? " " : "",
             option->value != NULL ? option->value : "");
}

void hin_option_help(const struct hin_command *command, FILE *out)
{
    fprintf(out, "%s: %s\n\nUsage: %s%s%s%s\n", command->name, command->summary, command->name,
            command->option_count > 0 ? " [OPTIONS]" : "", command->operands != NULL ? " " : "",
            command->operands != NULL ? command->operands : "");
    if (command->details != NULL) {
        fprintf(out, "\n%s\n", command->details);
    }
    fprintf(out, "\nOptions:\n");
    for (size_t i = 0; i < command->option_count; i++) {
        const struct hin_option *option = &command->options[i];
        char left[96];
        format_option(option, left, sizeof(left));
        fprintf(out, "  %-30s  %s", left, option->help);
        if (option->choices != NULL) {
            fprintf(out, " (%s)", option->choices);
        }
        fprintf(out, "%s\n", option->required ? " [required]" : "");
    }
    fprintf(out, "  %-30s  %s\n", "-h, --help", "Show this text.");
}

/* roff: a leading dot or quote, and every backslash and hyphen, must be escaped. */
static void put_roff(const char *text, FILE *out)
{
    bool line_start = true;
    for (; *text != '\0'; text++) {
        if (line_start && (*text == '.' || *text == '\'')) {
            fputs("\\&", out);
        }
        line_start = *text == '\n';
        if (*text == '\\') {
            fputs("\\e", out);
        } else if (*text == '-') {
            fputs("\\-", out);
        } else {
            fputc(*text, out);
        }
    }
}

void hin_option_man(const struct hin_command *command, FILE *out)
{
    fputs(".SS ", out);
    put_roff(command->name, out);
    fputs("\n", out);
    put_roff(command->summary, out);
    fputs(".\n.PP\n.B ", out);
    put_roff(command->name, out);
    fputs(command->option_count > 0 ? "\n[OPTIONS]" : "\n", out);
    if (command->operands != NULL) {
        fputs(" ", out);
        put_roff(command->operands, out);
    }
    fputs("\n", out);
    if (command->details != NULL) {
        fputs(".PP\n", out);
        put_roff(command->details, out);
        fputs("\n", out);
    }
    for (size_t i = 0; i < command->option_count; i++) {
        char left[96];
        format_option(&command->options[i], left, sizeof(left));
        fputs(".TP\n.B ", out);
        put_roff(left + (command->options[i].letter == 0 ? 4 : 0), out);
        fputs("\n", out);
        put_roff(command->options[i].help, out);
        fputs("\n", out);
    }
}
