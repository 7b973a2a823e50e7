/* The list that a process `depot` hands to `backup`: what is taken of it is names that were asked
 * for, and what we write we read. */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "manager/depot/remote_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static HIN_RESULT visit(void *context, const struct hin_depot_entry *entry)
{
    if (!hin_depot_name_is_valid(entry->name) || strncmp(entry->name, "t/", 2) != 0) {
        abort();
    }
    return hin_remote_list_add(context, entry);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf again = {.max = 1 << 20};
    struct hin_view bytes = hin_view_of(data, size);
    if (size > 65536) {
        return 0;
    }
    if (hin_is_ok(hin_remote_list_read(bytes, "t/", visit, &again)) &&
        !hin_view_equal(hin_buf_view(&again), bytes)) {
        abort();
    }
    return 0;
}
