/* OS_Match and OS_Regex as PCRE2 text. The quirks are those of OSSEC 3 and 4, which convert too. */
#include "base/bytes.h"
#include "match/pattern_internal.h"

HIN_RESULT hin_grammar_osmatch(struct hin_view text, struct hin_buf *pcre2)
{
    for (size_t i = 0; i < text.size; i++) {
        uint8_t byte = text.data[i];
        /* `^ $ |` keep their meaning; every other sign of PCRE2's is a plain character */
        if (byte != 0 && strchr("\\.[]{}()*+?", byte) != NULL) {
            HIN_TRY(hin_buf_append_byte(pcre2, '\\'));
        }
        HIN_TRY(hin_buf_append_byte(pcre2, byte));
    }
    return hin_ok();
}

struct osregex_class {
    uint8_t letter;
    const char *pcre2;
};

static const struct osregex_class osregex_classes[] = {
    {'w', "[A-Za-z0-9@_-]"},
    {'W', "[^A-Za-z0-9@_-]"},
    {'d', "[0-9]"},
    {'D', "[^0-9]"},
    {'s', "[ ]"},
    {'S', "[^ ]"},
    {'p', "[()*+,.:;<=>?\\[\\]!\"'#%&$|{}-]"},
    {'.', "(?s:.)"},
    {'t', "\\t"},
};

struct osregex_state {
    struct hin_view text;
    size_t at;
    int depth;
    uint32_t captures;
    struct hin_buf *out;
    struct hin_error *error;
};

static HIN_RESULT osregex_fail(const struct osregex_state *state, size_t at, const char *what)
{
    return hin_error_set(state->error, HIN_SYNTAX, NULL, 0, (uint32_t)at + 1, "%s", what);
}

static HIN_RESULT osregex_escape(struct osregex_state *state)
{
    if (state->at + 1 >= state->text.size) {
        return osregex_fail(state, state->at, "a backslash at the end of the pattern");
    }
    uint8_t letter = state->text.data[state->at + 1];
    for (size_t i = 0; i < HIN_COUNT(osregex_classes); i++) {
        if (osregex_classes[i].letter == letter) {
            state->at += 2;
            return hin_buf_append_text(state->out, osregex_classes[i].pcre2);
        }
    }
    if (letter == 0 || strchr("$(){}[]\\|<", letter) == NULL) {
        return osregex_fail(
            state, state->at,
            "this character cannot stand behind a backslash; known are \\w \\W \\d \\D \\s "
            "\\S \\p \\t \\. and \\$ \\( \\) \\{ \\} \\[ \\] \\\\ \\| \\<");
    }
    state->at += 2;
    if (letter != '<') { /* PCRE2 reads a bare `<` the same way */
        HIN_TRY(hin_buf_append_byte(state->out, '\\'));
    }
    return hin_buf_append_byte(state->out, letter);
}

/* A repetition is greedy only when nothing but closing parentheses follows in its alternative. */
static bool osregex_is_last(struct hin_view text, size_t after)
{
    while (after < text.size && text.data[after] == ')') {
        after++;
    }
    return after >= text.size || text.data[after] == '|';
}

static HIN_RESULT osregex_plain(struct osregex_state *state)
{
    uint8_t byte = state->text.data[state->at];
    if (byte == '(') {
        state->depth++;
        state->captures++;
        if (state->captures > HIN_PATTERN_SPANS_MAX) {
            return osregex_fail(state, state->at, "more than 64 captures");
        }
    } else if (byte == ')') {
        state->depth--;
        if (state->depth < 0) {
            return osregex_fail(state, state->at, "a closing parenthesis without an opening one");
        }
    }
    if (byte != 0 && strchr(".[]{}+?*", byte) != NULL) {
        HIN_TRY(hin_buf_append_byte(state->out, '\\'));
    }
    state->at++;
    return hin_buf_append_byte(state->out, byte);
}

HIN_RESULT hin_grammar_osregex(struct hin_view text, struct hin_error *error, struct hin_buf *pcre2)
{
    struct osregex_state state = {.text = text, .out = pcre2, .error = error};
    while (state.at < text.size) {
        uint8_t byte = text.data[state.at];
        if ((byte == '+' || byte == '*') && state.at >= 2 && text.data[state.at - 2] == '\\') {
            HIN_TRY(hin_buf_append_byte(pcre2, byte));
            if (!osregex_is_last(text, state.at + 1)) {
                HIN_TRY(hin_buf_append_byte(pcre2, '?'));
            }
            state.at++;
        } else if (byte == '\\') {
            HIN_TRY(osregex_escape(&state));
        } else {
            HIN_TRY(osregex_plain(&state));
        }
    }
    if (state.depth > 0) {
        return osregex_fail(&state, text.size, "an opening parenthesis is never closed");
    }
    return hin_ok();
}
