/* hinomi person: find, export; erase stands beside. */
#include "cli/person.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/terminal.h"
#include "base/time.h"
#include "cli/output.h"

enum { LINE_MAX_BYTES = 16 << 20, GROUPS_MAX = 1024 };

struct person_options {
    struct hin_option_texts where;
    int64_t since_usec, until_usec;
    const char *output;
    bool json;
};

#define WHERE_ROW                                                                                  \
    {                                                                                              \
        "where", 'w', HIN_OPTION_TEXTS, offsetof(struct person_options, where), "FIELD=VALUE",     \
            "Whose data: a field of events whose data class is personal (user, src_user, src_ip, " \
            "dst_ip, url, raw) and the whole of its value; several must all hold.",                \
            NULL, true, false                                                                      \
    }
#define SINCE_ROW                                                                                  \
    {                                                                                              \
        "since", 's', HIN_OPTION_DURATION, offsetof(struct person_options, since_usec), "TIME",    \
            "Only what happened in the last TIME: 90s, 15m, 1h, 7d.", NULL, false, false           \
    }
#define UNTIL_ROW                                                                                  \
    {                                                                                              \
        "until", 0, HIN_OPTION_DURATION, offsetof(struct person_options, until_usec), "TIME",      \
            "Only what is older than TIME.", NULL, false, false                                    \
    }

static const struct hin_option find_table[] = {
    WHERE_ROW,
    SINCE_ROW,
    UNTIL_ROW,
    {"json", 0, HIN_OPTION_FLAG, offsetof(struct person_options, json), NULL,
     "One JSON document instead of text.", NULL, false, false},
};
static const struct hin_option export_table[] = {WHERE_ROW, SINCE_ROW, UNTIL_ROW,
                                                 HIN_CLI_OUTPUT_ROW(struct person_options, output)};

static const struct hin_command find_usage = {
    "hinomi person find",
    "what is stored about a person: how many events, which accounts, entries of the audit record",
    NULL,
    "Counts events (with their first and last time, per computer and class, and in how many "
    "segments they lie), and lists administrators, API keys, computers and key holders that the "
    "value names. Needs a key with full access; the audit record says who looked, and by which "
    "fields.",
    find_table,
    HIN_COUNT(find_table),
    0,
    0};
static const struct hin_command export_usage = {
    "hinomi person export",
    "all that is stored about a person, as JSON lines",
    "[FILE]",
    "Events whole, with their raw log lines; accounts, computers and entries of the audit record "
    "that the value names. The first line says what was asked, the last one how much there is: "
    "without it the file is not whole. The file (--output) is made with mode 0600 and never "
    "overwritten. Lines can hold data of other people too: look through them before you hand "
    "them over.",
    export_table,
    HIN_COUNT(export_table),
    0,
    1};

struct asking {
    struct hin_cli_api *api;
    const struct person_options *options;
    struct hin_error *error;
    int64_t now_msec;
};

static struct asking asking_of(struct hin_cli_api *api, const void *options,
                               struct hin_error *error)
{
    return (struct asking){.api = api,
                           .options = options,
                           .error = error,
                           .now_msec = hin_clock_wall_usec(hin_clock_system()) / HIN_MSEC_USEC};
}

/* ---- what is asked ---- */

HIN_RESULT hin_cli_person_list(const char *name, const struct hin_option_texts *texts,
                               struct hin_json_writer *writer, struct hin_error *error)
{
    hin_json_key(writer, name);
    hin_json_begin_array(writer);
    for (size_t i = 0; i < texts->count; i++) {
        struct hin_view text = hin_view_from_text(texts->items[i]);
        size_t at = hin_view_find_byte(text, '=');
        if (at == SIZE_MAX) {
            return hin_error_set(error, HIN_INVALID, NULL, 0, 0, "--%s %s: FIELD=VALUE is needed",
                                 name, texts->items[i]);
        }
        hin_json_begin_object(writer);
        hin_json_field_text(writer, "field", hin_view_sub(text, 0, at));
        hin_json_field_text(writer, "value", hin_view_sub(text, at + 1, text.size - at - 1));
        hin_json_end_object(writer);
    }
    hin_json_end_array(writer);
    return hin_ok();
}

static HIN_RESULT put_question(const struct asking *asking, struct hin_json_writer *writer)
{
    const struct person_options *options = asking->options;
    HIN_TRY(hin_cli_person_list("where", &options->where, writer, asking->error));
    if (options->since_usec > 0) {
        hin_json_field_integer(writer, "since",
                               asking->now_msec - options->since_usec / HIN_MSEC_USEC);
    }
    if (options->until_usec > 0) {
        hin_json_field_integer(writer, "until",
                               asking->now_msec - options->until_usec / HIN_MSEC_USEC);
    }
    return hin_ok();
}

static HIN_RESULT ask(const struct asking *asking, const char *path, int64_t after,
                      struct hin_json_document **ret_document)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf body = {.max = 1 << 20};
    struct hin_json_writer writer;
    hin_json_writer_init(&writer, &body, false);
    hin_json_begin_object(&writer);
    HIN_TRY(put_question(asking, &writer));
    if (after > 0) {
        hin_json_field_integer(&writer, "after", after);
    }
    hin_json_end_object(&writer);
    HIN_TRY(hin_json_writer_finish(&writer));
    return hin_cli_api_call(asking->api, HIN_HTTP_POST, path, hin_buf_view(&body), ret_document,
                            asking->error);
}

/* Page after page of a path. `visit` gets each answer. */
static HIN_RESULT ask_all(const struct asking *asking, const char *path,
                          struct hin_result (*visit)(void *context, struct hin_json root,
                                                     struct hin_error *error),
                          void *context)
{
    int64_t after = 0;
    do {
        HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
        int64_t resume = 0;
        HIN_TRY(ask(asking, path, after, &document));
        struct hin_json root = hin_json_root(document);
        HIN_TRY(visit(context, root, asking->error));
        HIN_TRY(
            hin_json_opt_integer(root, "resumeID", after + 1, INT64_MAX, &resume, asking->error));
        after = resume;
    } while (after > 0);
    return hin_ok();
}

/* ---- find ---- */

struct group {
    int64_t number; /* -1: those that the manager could not tell apart */
    struct hin_view name;
    int64_t count;
};

struct groups {
    struct group items[GROUPS_MAX];
    size_t count;
};

struct found {
    struct hin_arena arena;
    int64_t count, first_msec, last_msec, segments, damaged, entries;
    struct groups computers, classes;
    struct hin_json_document *resources;
};

static HIN_RESULT add_groups(struct found *found, struct groups *groups, struct hin_json root,
                             const char *name, const char *key, struct hin_error *error)
{
    struct hin_json list;
    size_t count = 0;
    HIN_TRY(hin_json_get_array(root, name, &list, &count, error));
    for (size_t i = 0; i < count; i++) {
        struct hin_json item = hin_json_at(list, i);
        struct group fresh = {.number = -1};
        size_t at = 0;
        HIN_TRY(hin_json_opt_integer(item, key, 0, INT64_MAX, &fresh.number, error));
        HIN_TRY(hin_json_opt_text(item, "name", &fresh.name, error));
        HIN_TRY(hin_json_get_integer(item, "count", 0, INT64_MAX, &fresh.count, error));
        while (at < groups->count && groups->items[at].number != fresh.number) {
            at++;
        }
        if (at < groups->count) {
            groups->items[at].count += fresh.count;
        } else if (groups->count < GROUPS_MAX) {
            HIN_TRY(hin_arena_copy(&found->arena, fresh.name, &fresh.name));
            groups->items[groups->count++] = fresh;
        }
    }
    return hin_ok();
}

static struct hin_result add_found(void *context, struct hin_json root, struct hin_error *error)
{
    struct found *found = context;
    int64_t count = 0, segments = 0, first = 0, last = 0, damaged = 0;
    HIN_TRY(hin_json_get_integer(root, "count", 0, INT64_MAX, &count, error));
    HIN_TRY(hin_json_get_integer(root, "segments", 0, INT64_MAX, &segments, error));
    HIN_TRY(hin_json_opt_integer(root, "first", INT64_MIN, INT64_MAX, &first, error));
    HIN_TRY(hin_json_opt_integer(root, "last", INT64_MIN, INT64_MAX, &last, error));
    HIN_TRY(hin_json_opt_integer(root, "damaged", 0, INT64_MAX, &damaged, error));
    if (count > 0) {
        bool none = found->count == 0;
        found->first_msec = none ? first : HIN_MIN(found->first_msec, first);
        found->last_msec = none ? last : HIN_MAX(found->last_msec, last);
    }
    found->count += count;
    found->segments += segments;
    found->damaged += damaged;
    HIN_TRY(add_groups(found, &found->computers, root, "computers", "computerID", error));
    return add_groups(found, &found->classes, root, "classes", "class", error);
}

static struct hin_result count_entries(void *context, struct hin_json root, struct hin_error *error)
{
    struct found *found = context;
    struct hin_json list;
    size_t count = 0;
    int64_t damaged = 0;
    HIN_TRY(hin_json_get_array(root, "audit", &list, &count, error));
    HIN_TRY(hin_json_opt_integer(root, "damaged", 0, INT64_MAX, &damaged, error));
    found->entries += (int64_t)count;
    found->damaged += damaged;
    return hin_ok();
}

static void put_groups(struct hin_json_writer *writer, const char *name, const char *key,
                       const struct groups *groups)
{
    hin_json_key(writer, name);
    hin_json_begin_array(writer);
    for (size_t i = 0; i < groups->count; i++) {
        const struct group *group = &groups->items[i];
        hin_json_begin_object(writer);
        if (group->number >= 0) {
            hin_json_field_integer(writer, key, group->number);
        }
        if (group->name.size > 0) {
            hin_json_field_text(writer, "name", group->name);
        }
        hin_json_field_integer(writer, "count", group->count);
        hin_json_end_object(writer);
    }
    hin_json_end_array(writer);
}

static HIN_RESULT print_json(const struct asking *asking, const struct found *found)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = LINE_MAX_BYTES};
    struct hin_json_writer writer;
    struct hin_json list;
    size_t count = 0;
    HIN_TRY(hin_json_get_array(hin_json_root(found->resources), "resources", &list, &count,
                               asking->error));
    hin_json_writer_init(&writer, &text, true);
    hin_json_begin_object(&writer);
    HIN_TRY(put_question(asking, &writer));
    hin_json_key(&writer, "events");
    hin_json_begin_object(&writer);
    hin_json_field_integer(&writer, "count", found->count);
    if (found->count > 0) {
        hin_json_field_integer(&writer, "first", found->first_msec);
        hin_json_field_integer(&writer, "last", found->last_msec);
    }
    hin_json_field_integer(&writer, "segments", found->segments);
    put_groups(&writer, "computers", "computerID", &found->computers);
    put_groups(&writer, "classes", "class", &found->classes);
    hin_json_end_object(&writer);
    hin_json_key(&writer, "resources");
    hin_json_put_value(&writer, list);
    hin_json_field_integer(&writer, "auditEntries", found->entries);
    hin_json_field_integer(&writer, "damaged", found->damaged);
    hin_json_end_object(&writer);
    HIN_TRY(hin_json_writer_finish(&writer));
    HIN_TRY(hin_buf_append_byte(&text, '\n'));
    HIN_ENSURE(fwrite(text.data, 1, text.size, stdout) == text.size, IO);
    return hin_ok();
}

static void print_groups(const char *title, const struct groups *groups)
{
    for (size_t i = 0; i < groups->count; i++) {
        const struct group *group = &groups->items[i];
        char number[32] = "others";
        if (group->number >= 0) {
            snprintf(number, sizeof(number), "%lld", (long long)group->number);
        }
        printf("  %s %s", title, number);
        if (group->name.size > 0) {
            fputs(" (", stdout);
            (void)hin_terminal_put(group->name, stdout);
            fputc(')', stdout);
        }
        printf(": %lld\n", (long long)group->count);
    }
}

static HIN_RESULT print_resources(const struct asking *asking, const struct found *found)
{
    struct hin_json list;
    size_t count = 0;
    HIN_TRY(hin_json_get_array(hin_json_root(found->resources), "resources", &list, &count,
                               asking->error));
    printf("Resources: %zu\n", count);
    for (size_t i = 0; i < count; i++) {
        struct hin_json item = hin_json_at(list, i);
        struct hin_view kind, by;
        int64_t id = 0;
        HIN_TRY(hin_json_get_text(item, "kind", &kind, asking->error));
        HIN_TRY(hin_json_get_text(item, "by", &by, asking->error));
        HIN_TRY(hin_json_get_integer(item, "ID", 0, INT64_MAX, &id, asking->error));
        fputs("  ", stdout);
        (void)hin_terminal_put(kind, stdout);
        printf(" %lld, by its ", (long long)id);
        (void)hin_terminal_put(by, stdout);
        fputc('\n', stdout);
    }
    return hin_ok();
}

static HIN_RESULT print_text(const struct asking *asking, const struct found *found)
{
    printf("Events: %lld", (long long)found->count);
    if (found->count > 0) {
        char first[64], last[64];
        hin_time_format_rfc3339(found->first_msec * HIN_MSEC_USEC, 0, first, sizeof(first));
        hin_time_format_rfc3339(found->last_msec * HIN_MSEC_USEC, 0, last, sizeof(last));
        printf(" from %s to %s, in %lld segments", first, last, (long long)found->segments);
    }
    fputc('\n', stdout);
    print_groups("computer", &found->computers);
    print_groups("class", &found->classes);
    HIN_TRY(print_resources(asking, found));
    printf("Audit entries: %lld\n", (long long)found->entries);
    return hin_ok();
}

static void tell_damaged(int64_t damaged)
{
    if (damaged > 0) {
        hin_cli_complain_text("%lld events or entries are damaged and left out: see `hinomi "
                              "status`, and OPERATIONS.md, \"Damaged database\"",
                              (long long)damaged);
    }
}

static HIN_RESULT find(struct hin_cli_api *api, const void *options, const char *operand,
                       struct hin_error *error)
{
    struct asking asking = asking_of(api, options, error);
    struct found found = {0};
    (void)operand;
    hin_arena_init(&found.arena, 1 << 20);
    struct hin_result result = ask_all(&asking, "/persons/find", add_found, &found);
    if (hin_is_ok(result)) {
        result = ask(&asking, "/persons/resources", 0, &found.resources);
    }
    if (hin_is_ok(result)) {
        result = ask_all(&asking, "/persons/audit", count_entries, &found);
    }
    if (hin_is_ok(result)) {
        result = asking.options->json ? print_json(&asking, &found) : print_text(&asking, &found);
    }
    tell_damaged(found.damaged);
    hin_json_free(found.resources);
    hin_arena_done(&found.arena);
    return result;
}

HIN_RESULT hin_cli_person_show(struct hin_cli_api *api, const struct hin_option_texts *where,
                               struct hin_error *error)
{
    struct person_options options = {.where = *where};
    return find(api, &options, NULL, error);
}

/* ---- export ---- */

struct output {
    struct hin_cli_output to;
    struct hin_buf line;
    const char *list, *member; /* of the answers that are written now */
    int64_t events, resources, audit, damaged;
    int64_t *count;
};

static HIN_RESULT output_line(struct output *output)
{
    HIN_TRY(hin_buf_append_byte(&output->line, '\n'));
    HIN_TRY(hin_cli_output_write(&output->to, hin_buf_view(&output->line)));
    hin_buf_clear(&output->line);
    return hin_ok();
}

static struct hin_result write_items(void *context, struct hin_json root, struct hin_error *error)
{
    struct output *output = context;
    struct hin_json list;
    size_t count = 0;
    int64_t damaged = 0;
    HIN_TRY(hin_json_get_array(root, output->list, &list, &count, error));
    HIN_TRY(hin_json_opt_integer(root, "damaged", 0, INT64_MAX, &damaged, error));
    output->damaged += damaged;
    for (size_t i = 0; i < count; i++) {
        struct hin_json_writer writer;
        hin_json_writer_init(&writer, &output->line, false);
        hin_json_begin_object(&writer);
        hin_json_key(&writer, output->member);
        hin_json_put_value(&writer, hin_json_at(list, i));
        hin_json_end_object(&writer);
        HIN_TRY(hin_json_writer_finish(&writer));
        HIN_TRY(output_line(output));
    }
    *output->count += (int64_t)count;
    if (isatty(STDERR_FILENO) == 1) {
        fprintf(stderr, "\r%lld %s", (long long)*output->count, output->list);
    }
    return hin_ok();
}

static HIN_RESULT write_all(const struct asking *asking, struct output *output)
{
    const struct {
        const char *path, *list, *member;
        int64_t *count;
    } parts[] = {
        {"/persons/export", "events", "event", &output->events},
        {"/persons/resources", "resources", "resource", &output->resources},
        {"/persons/audit", "audit", "audit", &output->audit},
    };
    for (size_t i = 0; i < HIN_COUNT(parts); i++) {
        output->list = parts[i].list;
        output->member = parts[i].member;
        output->count = parts[i].count;
        HIN_TRY(ask_all(asking, parts[i].path, write_items, output));
    }
    return hin_ok();
}

static HIN_RESULT write_head(const struct asking *asking, struct output *output)
{
    struct hin_json_writer writer;
    hin_json_writer_init(&writer, &output->line, false);
    hin_json_begin_object(&writer);
    hin_json_field_cstring(&writer, "format", "hinomi-person");
    hin_json_field_integer(&writer, "version", 1);
    hin_json_field_integer(&writer, "exported", asking->now_msec);
    HIN_TRY(put_question(asking, &writer));
    hin_json_end_object(&writer);
    HIN_TRY(hin_json_writer_finish(&writer));
    return output_line(output);
}

static HIN_RESULT write_tail(struct output *output)
{
    struct hin_json_writer writer;
    hin_json_writer_init(&writer, &output->line, false);
    hin_json_begin_object(&writer);
    hin_json_key(&writer, "end");
    hin_json_begin_object(&writer);
    hin_json_field_integer(&writer, "events", output->events);
    hin_json_field_integer(&writer, "resources", output->resources);
    hin_json_field_integer(&writer, "audit", output->audit);
    hin_json_field_integer(&writer, "damaged", output->damaged);
    hin_json_end_object(&writer);
    hin_json_end_object(&writer);
    HIN_TRY(hin_json_writer_finish(&writer));
    return output_line(output);
}

static HIN_RESULT export(struct hin_cli_api *api, const struct person_options *options,
                         struct hin_error *error)
{
    struct asking asking = asking_of(api, options, error);
    struct output output = {.line = {.max = LINE_MAX_BYTES}};
    struct hin_result result =
        hin_cli_output_open(&output.to, options->output, HIN_CLI_OUTPUT_NEW, error);
    if (hin_is_ok(result)) {
        result = write_head(&asking, &output);
    }
    if (hin_is_ok(result)) {
        result = write_all(&asking, &output);
    }
    if (hin_is_ok(result)) {
        result = write_tail(&output);
    }
    hin_buf_done(&output.line);
    HIN_TRY(hin_cli_output_close(&output.to, result, error));
    fprintf(stderr, "%shinomi: %lld events, %lld resources, %lld audit entries\n",
            isatty(STDERR_FILENO) == 1 ? "\r" : "", (long long)output.events,
            (long long)output.resources, (long long)output.audit);
    tell_damaged(output.damaged);
    return hin_ok();
}

static int run_find(int argc, char **argv)
{
    struct person_options options = {0};
    return hin_cli_run(&find_usage, argc, argv, &options, find);
}

static int run_export(int argc, char **argv)
{
    struct person_options options = {0};
    struct hin_error error = {0};
    HIN_CLEANUP(hin_cli_api_done) struct hin_cli_api api = {0};
    char **operands = NULL;
    size_t count = 0;
    int status = 0;
    if (!hin_cli_parse(&export_usage, argc, argv, &options, &operands, &count, &status)) {
        return status;
    }
    if (!hin_cli_output_choose(options.output, operands, count, NULL, &options.output)) {
        return HIN_CLI_USAGE;
    }
    struct hin_result result = hin_cli_api_open(&api, &error);
    if (hin_is_ok(result)) {
        result = export(&api, &options, &error);
    }
    return hin_cli_finish(result, &error);
}

static const struct hin_cli_command person_commands[] = {
    {&find_usage, run_find},
    {&export_usage, run_export},
    {&hin_cli_person_erase_usage, hin_cli_person_erase},
    {&hin_cli_person_correct_usage, hin_cli_person_correct}};
const struct hin_cli_group hin_cli_group_person = {"person", "all that is stored about one person",
                                                   person_commands, HIN_COUNT(person_commands)};
