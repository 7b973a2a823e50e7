#include "manager/backup/looks.h"

#include <stddef.h>

#include "base/bytes.h"
#include "data/json.h"

static const struct number {
    const char *name;
    size_t offset;
} numbers[] = {
    {"tenantID", offsetof(struct hin_backup_look, tenant)},
    {"begun", offsetof(struct hin_backup_look, begun_usec)},
    {"ended", offsetof(struct hin_backup_look, ended_usec)},
    {"turn", offsetof(struct hin_backup_look, turn)},
    {"segment", offsetof(struct hin_backup_look, segment)},
    {"audit", offsetof(struct hin_backup_look, audit)},
    {"nextSegment", offsetof(struct hin_backup_look, next_segment)},
    {"nextAudit", offsetof(struct hin_backup_look, next_audit)},
    {"backup", offsetof(struct hin_backup_look, backup_usec)},
    {"objects", offsetof(struct hin_backup_look, objects)},
    {"bytes", offsetof(struct hin_backup_look, bytes)},
    {"newest", offsetof(struct hin_backup_look, newest_usec)},
    {"former", offsetof(struct hin_backup_look, former_usec)},
    {"amiss", offsetof(struct hin_backup_look, amiss)},
    {"lostSince", offsetof(struct hin_backup_look, lost_usec)},
};
static const struct text {
    const char *name;
    size_t offset, bytes;
} texts[] = {
    {"destination", offsetof(struct hin_backup_look, destination), HIN_BACKUP_NAME_MAX},
    {"after", offsetof(struct hin_backup_look, after),
     sizeof(((struct hin_backup_look *)0)->after)},
    {"text", offsetof(struct hin_backup_look, text), sizeof(((struct hin_backup_look *)0)->text)},
};

static HIN_RESULT read_look(const struct hin_store_document *document,
                            struct hin_backup_look *ret_look)
{
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *parsed = NULL;
    struct hin_backup_look look = {.id = document->id};
    HIN_TRY(hin_json_parse(document->bytes, HIN_STORE_DOCUMENT_BYTES, &parsed, NULL));
    struct hin_json root = hin_json_root(parsed);
    for (size_t i = 0; i < HIN_COUNT(numbers); i++) {
        int64_t *number = (int64_t *)(void *)((char *)&look + numbers[i].offset);
        HIN_TRY(hin_json_opt_integer(root, numbers[i].name, INT64_MIN, INT64_MAX, number, NULL));
    }
    for (size_t i = 0; i < HIN_COUNT(texts); i++) {
        struct hin_view text = HIN_VIEW_EMPTY;
        HIN_TRY(hin_json_opt_text(root, texts[i].name, &text, NULL));
        HIN_TRY(hin_view_to_text(text, (char *)&look + texts[i].offset, texts[i].bytes));
    }
    HIN_TRY(hin_json_opt_boolean(root, "all", &look.all, NULL));
    *ret_look = look;
    return hin_ok();
}

struct visiting {
    HIN_RESULT (*visit)(void *context, const struct hin_backup_look *look);
    void *context;
};

static HIN_RESULT visit_document(void *context, const struct hin_store_document *document)
{
    const struct visiting *visiting = context;
    struct hin_backup_look look;
    return hin_is_ok(read_look(document, &look)) ? visiting->visit(visiting->context, &look)
                                                 : hin_ok();
}

HIN_RESULT hin_backup_looks_each(struct hin_store *own,
                                 HIN_RESULT (*visit)(void *context,
                                                     const struct hin_backup_look *look),
                                 void *context)
{
    struct visiting visiting = {visit, context};
    struct hin_store_page all = {0};
    struct hin_store_listed listed;
    return hin_store_list(own, HIN_STORE_BACKUP_LOOKS, &all, visit_document, &visiting, &listed);
}

HIN_RESULT hin_backup_look_write(struct hin_store *own, struct hin_backup_look *look,
                                 int64_t now_usec)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = 8192};
    struct hin_json_writer writer;
    hin_json_writer_init(&writer, &text, false);
    hin_json_begin_object(&writer);
    for (size_t i = 0; i < HIN_COUNT(numbers); i++) {
        const void *number = (const char *)look + numbers[i].offset;
        hin_json_field_integer(&writer, numbers[i].name, *(const int64_t *)number);
    }
    for (size_t i = 0; i < HIN_COUNT(texts); i++) {
        hin_json_field_cstring(&writer, texts[i].name, (const char *)look + texts[i].offset);
    }
    hin_json_field_boolean(&writer, "all", look->all);
    hin_json_end_object(&writer);
    HIN_TRY(hin_json_writer_finish(&writer));
    struct hin_store_content content = {.bytes = hin_buf_view(&text), .owner = look->tenant};
    return hin_store_put(own, HIN_STORE_BACKUP_LOOKS, &content, now_usec, &look->id);
}
