#include "manager/escrow.h"

#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/time.h"
#include "data/json.h"
#include "store/documents.h"

enum { TEXT_MAX = 8192 };

static const char *const states[] = {
    [HIN_ESCROW_AGREED] = "agreed",
    [HIN_ESCROW_WRITTEN] = "written",
    [HIN_ESCROW_FORGOTTEN] = "forgotten",
};

/* ---- as a document ---- */

static const struct {
    const char *name;
    size_t offset, size;
} texts[] = {
#define TEXT(name, member)                                                                         \
    {                                                                                              \
        name, offsetof(struct hin_escrow, member), sizeof(((struct hin_escrow *)NULL)->member)     \
    }
    TEXT("guid", guid),
    TEXT("label", label),
    TEXT("requestedBy", requested_by),
    TEXT("confirmedBy", confirmed_by),
    TEXT("digest", digest),
    TEXT("forgottenBy", forgotten_by),
    TEXT("note", note),
#undef TEXT
};

static const struct {
    const char *name;
    size_t offset;
} numbers[] = {
    {"agreed", offsetof(struct hin_escrow, agreed_msec)},
    {"certificateID", offsetof(struct hin_escrow, certificate)},
    {"written", offsetof(struct hin_escrow, written_msec)},
    {"generation", offsetof(struct hin_escrow, generation)},
    {"forgotten", offsetof(struct hin_escrow, forgotten_msec)},
};

static int64_t *number_of(struct hin_escrow *escrow, size_t i)
{
    return (int64_t *)(void *)((uint8_t *)escrow + numbers[i].offset);
}

/* What is empty is left out. */
struct hin_result hin_escrow_encode(const struct hin_escrow *escrow, struct hin_buf *ret_text)
{
    struct hin_escrow copy = *escrow;
    struct hin_json_writer writer;
    hin_json_writer_init(&writer, ret_text, false);
    hin_json_begin_object(&writer);
    hin_json_field_cstring(&writer, "state", states[escrow->state]);
    for (size_t i = 0; i < HIN_COUNT(texts); i++) {
        const char *text = (const char *)&copy + texts[i].offset;
        if (text[0] != '\0') {
            hin_json_field_cstring(&writer, texts[i].name, text);
        }
    }
    for (size_t i = 0; i < HIN_COUNT(numbers); i++) {
        if (*number_of(&copy, i) != 0) {
            hin_json_field_integer(&writer, numbers[i].name, *number_of(&copy, i));
        }
    }
    hin_json_end_object(&writer);
    return hin_json_writer_finish(&writer);
}

static HIN_RESULT read_state(struct hin_json root, enum hin_escrow_state *ret_state)
{
    struct hin_view name;
    HIN_TRY(hin_json_get_text(root, "state", &name, NULL));
    for (unsigned state = HIN_ESCROW_AGREED; state < HIN_COUNT(states); state++) {
        if (hin_view_is(name, states[state])) {
            *ret_state = (enum hin_escrow_state)state;
            return hin_ok();
        }
    }
    return hin_fail(HIN_CORRUPT);
}

struct hin_result hin_escrow_decode(struct hin_view text, struct hin_escrow *ret_escrow)
{
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    struct hin_escrow escrow = {0};
    HIN_TRY(hin_json_parse(text, TEXT_MAX, &document, NULL));
    struct hin_json root = hin_json_root(document);
    HIN_TRY(read_state(root, &escrow.state));
    for (size_t i = 0; i < HIN_COUNT(texts); i++) {
        struct hin_view value = HIN_VIEW_EMPTY;
        HIN_TRY(hin_json_opt_text(root, texts[i].name, &value, NULL));
        HIN_TRY(hin_view_to_text(value, (char *)&escrow + texts[i].offset, texts[i].size));
    }
    for (size_t i = 0; i < HIN_COUNT(numbers); i++) {
        HIN_TRY(
            hin_json_opt_integer(root, numbers[i].name, 0, INT64_MAX, number_of(&escrow, i), NULL));
    }
    *ret_escrow = escrow;
    return hin_ok();
}

/* ---- receipts ---- */

struct hin_result hin_escrow_receipt_write(const struct hin_escrow_receipt *receipt,
                                           struct hin_buf *out)
{
    return hin_buf_printf(out, "%s:%lld:%lld:%s", receipt->guid, (long long)receipt->generation,
                          (long long)receipt->written_msec, receipt->digest);
}

struct hin_result hin_escrow_receipt_read(struct hin_view text,
                                          struct hin_escrow_receipt *ret_receipt)
{
    struct hin_escrow_receipt receipt = {0};
    struct hin_view parts[4];
    uint8_t digest[HIN_SHA256_BYTES];
    for (size_t i = 0; i < HIN_COUNT(parts); i++) {
        HIN_ENSURE(hin_view_split(&text, ':', &parts[i]), INVALID);
    }
    HIN_ENSURE(text.data == NULL && parts[0].size == sizeof(receipt.guid) - 1, INVALID);
    HIN_ENSURE(hin_is_ok(hin_view_to_i64(parts[1], &receipt.generation)) &&
                   hin_is_ok(hin_view_to_i64(parts[2], &receipt.written_msec)) &&
                   receipt.generation > 0 && receipt.written_msec > 0,
               INVALID);
    HIN_ENSURE(parts[3].size == 2 * sizeof(digest) &&
                   hin_is_ok(hin_unhex(parts[3], digest, sizeof(digest))),
               INVALID);
    HIN_TRY(hin_view_to_text(parts[0], receipt.guid, sizeof(receipt.guid)));
    hin_hex(digest, sizeof(digest), receipt.digest);
    *ret_receipt = receipt;
    return hin_ok();
}

/* ---- in the store ---- */

struct visiting {
    HIN_RESULT (*visit)(void *context, const struct hin_escrow *escrow);
    void *context;
};

static struct hin_result visit_document(void *context, const struct hin_store_document *document)
{
    const struct visiting *visiting = context;
    struct hin_escrow escrow;
    HIN_TRY(hin_escrow_decode(document->bytes, &escrow));
    escrow.id = document->id;
    escrow.version = document->version;
    return visiting->visit(visiting->context, &escrow);
}

struct hin_result hin_escrow_each(struct hin_tenant *own,
                                  struct hin_result (*visit)(void *context,
                                                             const struct hin_escrow *escrow),
                                  void *context)
{
    struct visiting visiting = {visit, context};
    struct hin_store_page all = {0};
    struct hin_store_listed listed;
    HIN_TRY(
        hin_store_list(own->store, HIN_STORE_ESCROWS, &all, visit_document, &visiting, &listed));
    return listed.damaged == 0 ? hin_ok() : hin_fail(HIN_CORRUPT);
}

/* ---- in certificates ---- */

struct known {
    int64_t before_msec;
    struct hin_escrow newest[HIN_ESCROW_ROWS]; /* a ring: the one with number n at n modulo */
    size_t count;
};

static struct hin_result keep_known(void *context, const struct hin_escrow *escrow)
{
    struct known *known = context;
    if (escrow->state != HIN_ESCROW_FORGOTTEN && escrow->agreed_msec <= known->before_msec) {
        known->newest[known->count++ % HIN_ESCROW_ROWS] = *escrow;
    }
    return hin_ok();
}

static void describe(const struct hin_escrow *escrow, struct hin_escrow_rows *rows)
{
    char when[64] = "";
    bool written = escrow->state == HIN_ESCROW_WRITTEN;
    hin_time_format_rfc3339((written ? escrow->written_msec : escrow->agreed_msec) * HIN_MSEC_USEC,
                            0, when, sizeof(when));
    snprintf(rows->what[rows->count], sizeof(rows->what[0]), "escrow copy %lld of the key ring: %s",
             (long long)escrow->id, escrow->label);
    snprintf(rows->why[rows->count], sizeof(rows->why[0]),
             written ? "made %s; with its pass phrase it opens old copies of the database and "
                       "backups whose keys it holds, until it is destroyed"
                     : "agreed to %s and perhaps made; if so, it opens old copies of the database "
                       "with its pass phrase",
             when);
    rows->count++;
}

/* The last row is kept for how many more there are. */
static void describe_all(const struct known *known, struct hin_escrow_rows *rows)
{
    size_t shown = known->count <= HIN_ESCROW_ROWS ? known->count : HIN_ESCROW_ROWS - 1;
    for (size_t i = 0; i < shown; i++) {
        describe(&known->newest[(known->count - 1 - i) % HIN_ESCROW_ROWS], rows);
    }
    if (known->count > shown) {
        snprintf(rows->what[shown], sizeof(rows->what[0]),
                 "%zu older escrow copies of the key ring", known->count - shown);
        snprintf(rows->why[shown], sizeof(rows->why[0]),
                 "the same holds for them; hinomi key escrow list names them");
        rows->count++;
    }
}

struct hin_result hin_escrow_remains(struct hin_tenant *own, int64_t before_usec,
                                     struct hin_escrow_rows *ret_rows,
                                     struct hin_certificate *certificate)
{
    struct known known = {.before_msec = before_usec / HIN_MSEC_USEC};
    struct hin_escrow_rows rows = {0};
    HIN_TRY(hin_escrow_each(own, keep_known, &known));
    describe_all(&known, &rows);
    *ret_rows = rows;
    HIN_ENSURE(certificate->remains_count + rows.count <= HIN_CERTIFICATE_ROWS_MAX, LIMIT);
    for (size_t i = 0; i < rows.count; i++) {
        certificate->remains[certificate->remains_count++] = (struct hin_certificate_remainder){
            hin_view_from_text(ret_rows->what[i]), hin_view_from_text(ret_rows->why[i])};
    }
    return hin_ok();
}
