#include "base/bytes.h"
#include "base/codec.h"
#include "manager/depot/remote_internal.h"

HIN_RESULT hin_remote_list_add(struct hin_buf *list, const struct hin_depot_entry *entry)
{
    HIN_TRY(hin_write_bytes(list, hin_view_from_text(entry->name)));
    return hin_write_u64(list, entry->size);
}

HIN_RESULT hin_remote_list_read(struct hin_view bytes, const char *prefix,
                                HIN_RESULT (*visit)(void *context,
                                                    const struct hin_depot_entry *entry),
                                void *context)
{
    struct hin_reader reader = hin_reader_of(bytes);
    while (reader.rest.size > 0) {
        char name[HIN_DEPOT_NAME_MAX + 1];
        struct hin_depot_entry entry = {.name = name};
        struct hin_view text = HIN_VIEW_EMPTY;
        bool read = hin_is_ok(hin_read_bytes(&reader, HIN_DEPOT_NAME_MAX, &text)) &&
                    hin_is_ok(hin_read_u64(&reader, &entry.size)) &&
                    hin_is_ok(hin_view_to_text(text, name, sizeof(name)));
        HIN_ENSURE(read && hin_depot_name_is_valid(name) &&
                       hin_view_starts_with(text, hin_view_from_text(prefix)),
                   PROTOCOL);
        HIN_TRY(visit(context, &entry));
    }
    return hin_ok();
}
