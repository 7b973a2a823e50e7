/* The tolerant scanner over any bytes. */
#include <stddef.h>
#include <stdint.h>

#include "data/xml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t walk(const struct hin_xml_node *node)
{
    size_t sum = 0;
    for (; node != NULL; node = node->next) {
        for (size_t i = 0; i < node->text.size; i++) {
            sum += node->text.data[i];
        }
        for (uint32_t i = 0; i < node->attribute_count; i++) {
            sum += node->attributes[i].value.size;
        }
        sum += node->line + node->column + walk(node->children);
    }
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hin_arena arena;
    struct hin_error error = {HIN_OK};
    struct hin_xml_node *roots = NULL;
    hin_arena_init(&arena, (size_t)16 << 20);
    if (hin_is_ok(hin_xml_parse(&arena, "f.xml", hin_view_of(data, size), &error, &roots))) {
        volatile size_t sum = walk(roots);
        (void)sum;
    } else if (error.code == HIN_SYNTAX && (error.line == 0 || error.column == 0)) {
        __builtin_trap(); /* every syntax error has a place */
    }
    hin_arena_done(&arena);
    return 0;
}
