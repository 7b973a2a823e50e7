/* Findings for people: areas in the order in which they come first, what is grave marked. */
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/terminal.h"
#include "doctor/doctor.h"

enum { AREAS_MAX = 32 };

static enum hin_doctor_severity severity_of(struct hin_view name)
{
    for (int i = 0; i < HIN_DOCTOR_SEVERITY_COUNT; i++) {
        if (hin_view_is(name, hin_doctor_severity_name((enum hin_doctor_severity)i))) {
            return (enum hin_doctor_severity)i;
        }
    }
    return HIN_DOCTOR_ERROR; /* a later version's: not passed over */
}

static const char *colour_of(enum hin_doctor_severity severity)
{
    static const char *const colours[HIN_DOCTOR_SEVERITY_COUNT] = {
        [HIN_DOCTOR_OK] = "\033[32m",      [HIN_DOCTOR_UNSEEN] = "\033[2m",
        [HIN_DOCTOR_ADVICE] = "\033[36m",  [HIN_DOCTOR_WARNING] = "\033[33m",
        [HIN_DOCTOR_ERROR] = "\033[1;31m",
    };
    return colours[severity];
}

struct page {
    FILE *out;
    bool quiet, colour, titled;
    enum hin_doctor_severity worst;
};

static HIN_RESULT print_finding(struct page *page, struct hin_json finding, struct hin_view area)
{
    struct hin_view its_area, severity_name, looked, text, todo;
    HIN_TRY(hin_json_get_text(finding, "area", &its_area, NULL));
    if (!hin_view_equal(area, its_area)) {
        return hin_ok();
    }
    HIN_TRY(hin_json_get_text(finding, "severity", &severity_name, NULL));
    HIN_TRY(hin_json_get_text(finding, "looked", &looked, NULL));
    HIN_TRY(hin_json_get_text(finding, "finding", &text, NULL));
    HIN_TRY(hin_json_get_text(finding, "todo", &todo, NULL));
    enum hin_doctor_severity severity = severity_of(severity_name);
    page->worst = HIN_MAX(page->worst, severity);
    if (page->quiet && severity < HIN_DOCTOR_ADVICE) {
        return hin_ok();
    }
    if (!page->titled) {
        hin_terminal_line(page->out, "%.*s", HIN_ARGS(area));
        page->titled = true;
    }
    fprintf(page->out, "  %s%-8s%s", page->colour ? colour_of(severity) : "",
            hin_doctor_severity_name(severity), page->colour ? "\033[0m" : "");
    hin_terminal_line(page->out, "%.*s%s%.*s", HIN_ARGS(looked), text.size > 0 ? ": " : "",
                      HIN_ARGS(text));
    if (todo.size > 0) {
        hin_terminal_line(page->out, "          -> %.*s", HIN_ARGS(todo));
    }
    return hin_ok();
}

static HIN_RESULT print_area(struct page *page, struct hin_json findings, struct hin_view area)
{
    struct hin_json_iterator items = hin_json_iterate(findings);
    const char *key = NULL;
    struct hin_json item;
    page->titled = false;
    while (hin_json_next(&items, &key, &item)) {
        HIN_TRY(print_finding(page, item, area));
    }
    return hin_ok();
}

HIN_RESULT hin_doctor_print(struct hin_json document, bool quiet, FILE *out,
                            enum hin_doctor_severity *worst)
{
    struct page page = {out, quiet, isatty(fileno(out)) == 1, false, *worst};
    struct hin_view areas[AREAS_MAX];
    struct hin_json findings, item;
    const char *key = NULL;
    size_t count = 0, found = 0;
    HIN_TRY(hin_json_get_array(document, "findings", &findings, &found, NULL));
    struct hin_json_iterator items = hin_json_iterate(findings);
    while (hin_json_next(&items, &key, &item)) {
        struct hin_view area;
        size_t at = 0;
        HIN_TRY(hin_json_get_text(item, "area", &area, NULL));
        while (at < count && !hin_view_equal(areas[at], area)) {
            at++;
        }
        if (at == count) {
            HIN_ENSURE(count < AREAS_MAX, LIMIT);
            areas[count++] = area;
            HIN_TRY(print_area(&page, findings, area));
        }
    }
    *worst = page.worst;
    return hin_ok();
}

enum hin_doctor_severity hin_doctor_worst(struct hin_json document)
{
    enum hin_doctor_severity worst = HIN_DOCTOR_OK;
    struct hin_json findings, item;
    const char *key = NULL;
    size_t found = 0;
    if (!hin_is_ok(hin_json_get_array(document, "findings", &findings, &found, NULL))) {
        return HIN_DOCTOR_ERROR;
    }
    struct hin_json_iterator items = hin_json_iterate(findings);
    while (hin_json_next(&items, &key, &item)) {
        struct hin_view name = HIN_VIEW_EMPTY;
        HIN_IGNORE(hin_json_opt_text(item, "severity", &name, NULL)); /* none: an error, below */
        worst = HIN_MAX(worst, severity_of(name));
    }
    return worst;
}
