/* Any bytes as a row of a backup's piece: of documents, of their names; opened when it says how. */
#include <stdlib.h>

#include "base/bytes.h"
#include "store/remake.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition) {
        abort();
    }
}

/* The key comes with the row, so the forger of a row has it: what opens must lie in its place. */
static void open_it(struct hin_view row, const struct hin_store_document *said)
{
    struct hin_remaker *remaker = NULL;
    struct hin_store_document document;
    struct hin_buf plain = {.max = 1 << 20};
    require(hin_is_ok(hin_remaker_new(&remaker, "t0")));
    if (hin_is_ok(hin_remake_open_document(remaker, row, &plain, &document))) {
        require(document.kind == said->kind && document.id == said->id);
        require(document.version == said->version && document.bytes.size == plain.size);
    }
    hin_buf_done(&plain);
    hin_remaker_free(remaker);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hin_view row = hin_view_of(data, size);
    struct hin_store_document document;
    enum hin_store_kind kind = 0;
    int64_t id = 0;
    if (hin_is_ok(hin_remake_document(row, &document))) {
        require((int)document.kind > 0);
        open_it(row, &document);
    }
    if (hin_is_ok(hin_remake_name(row, &kind, &id))) {
        require((int)kind > 0);
    }
    return 0;
}
