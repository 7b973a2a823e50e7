/* What the parent tells about its children. */
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "role/parent_internal.h"

static const char *const state_names[] = {
    [CHILD_WAITING] = "waiting to be started again",
    [CHILD_STARTING] = "starting",
    [CHILD_LOCKED] = "locked",
    [CHILD_READY] = "ready",
    [CHILD_STOPPING] = "stopping",
};

static HIN_RESULT append_lines(struct hin_buf *out, const uint8_t *text, size_t size)
{
    struct hin_view rest = hin_view_of(text, size);
    struct hin_view line;
    while (size > 0 && hin_view_split(&rest, '\n', &line)) {
        if (line.size > 0) {
            HIN_TRY(hin_buf_printf(out, "  %.*s\n", HIN_ARGS(line)));
        }
    }
    return hin_ok();
}

HIN_RESULT hin_role_parent_status(const struct hin_role_parent *parent, struct hin_buf *out)
{
    for (const struct child *child = parent->children; child != NULL; child = child->next) {
        HIN_TRY(hin_buf_printf(out, "%s/%u: pid %d, %s, %u crashes\n", child->definition->name,
                               child->instance, (int)child->pid, state_names[child->state],
                               child->crash_count));
        HIN_TRY(append_lines(out, child->report, child->report_bytes));
        HIN_TRY(append_lines(out, child->weaker, child->weaker_bytes));
    }
    return hin_ok();
}

static bool has_line(const struct child *child, struct hin_view wanted)
{
    struct hin_view rest = hin_view_of(child->weaker, child->weaker_bytes);
    struct hin_view line;
    while (child->weaker_bytes > 0 && hin_view_split(&rest, '\n', &line)) {
        if (hin_view_equal(line, wanted)) {
            return true;
        }
    }
    return false;
}

/* The first child that has the line tells it for all of them. */
static HIN_RESULT append_weaker(const struct hin_role_parent *parent, const struct child *teller,
                                struct hin_view line, struct hin_buf *out)
{
    for (const struct child *child = parent->children; child != teller; child = child->next) {
        if (has_line(child, line)) {
            return hin_ok();
        }
    }
    HIN_TRY(hin_buf_printf(out, "%.*s (%s", HIN_ARGS(line), teller->definition->name));
    const struct hin_role_definition *named = teller->definition;
    for (const struct child *child = teller->next; child != NULL; child = child->next) {
        if (child->definition != named && has_line(child, line)) {
            HIN_TRY(hin_buf_printf(out, ", %s", child->definition->name));
            named = child->definition;
        }
    }
    return hin_buf_append_text(out, ")\n");
}

HIN_RESULT hin_role_parent_weaker(const struct hin_role_parent *parent, struct hin_buf *out)
{
    for (const struct child *child = parent->children; child != NULL; child = child->next) {
        struct hin_view rest = hin_view_of(child->weaker, child->weaker_bytes);
        struct hin_view line;
        while (child->weaker_bytes > 0 && hin_view_split(&rest, '\n', &line)) {
            if (line.size > 0) {
                HIN_TRY(append_weaker(parent, child, line, out));
            }
        }
    }
    return hin_ok();
}
