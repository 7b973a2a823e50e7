/* Saved read positions: what restores must save again as the same bytes. First byte: 0 tail, else
 * journal. */
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "sensor/journal.h"
#include "sensor/tail.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static HIN_RESULT open_none(void *context, unsigned root, const char *relative, int *ret_fd)
{
    (void)context;
    (void)root;
    (void)relative;
    (void)ret_fd;
    return hin_fail(HIN_NOT_FOUND);
}

static HIN_RESULT no_line(void *context, const struct hin_tail_line *line)
{
    (void)context;
    (void)line;
    return hin_ok();
}

static void no_field(void *context, struct hin_view field)
{
    (void)context;
    (void)field;
}

static HIN_RESULT no_entry(void *context, uint64_t generation, uint64_t offset)
{
    (void)context;
    (void)generation;
    (void)offset;
    return hin_ok();
}

static void tail_run(struct hin_view position)
{
    const char *root = "/var/log", *glob = "/var/log/*.log";
    struct hin_tail *tail = NULL;
    struct hin_tail_options options = {
        .host = {open_none, open_none, open_none, NULL},
        .inotify = -1,
        .roots = &root,
        .root_count = 1,
        .globs = &glob,
        .glob_count = 1,
        .line = no_line,
    };
    bool more = false;
    if (!hin_is_ok(hin_tail_new(&tail, &options))) {
        abort();
    }
    if (hin_is_ok(hin_tail_restore(tail, position))) {
        if (!hin_is_ok(hin_tail_scan(tail, 1)) || !hin_is_ok(hin_tail_read(tail, 1, &more))) {
            abort();
        }
    }
    hin_tail_free(tail);
}

static void journal_run(struct hin_view position)
{
    struct hin_journal_source *source = NULL;
    struct hin_journal_source_options options = {NULL, no_field, no_entry};
    if (!hin_is_ok(hin_journal_source_new(&source, &options))) {
        abort();
    }
    HIN_IGNORE(hin_journal_source_restore(source,
                                          position)); /* any answer is fine, as long as it is one */
    hin_journal_source_free(source);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    struct hin_view position = hin_view_of(data + 1, size - 1);
    if (data[0] == 0) {
        tail_run(position);
    } else {
        journal_run(position);
    }
    return 0;
}
