/* What holds for every kind of depot: names, the order of calls. */
#include <string.h>

#include "base/bytes.h"
#include "depot/depot_internal.h"

static const struct hin_depot_kind *const kinds[] = {&hin_depot_folder, &hin_depot_s3,
                                                     &hin_depot_sftp};

bool hin_depot_name_is_valid(const char *name)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789._-/";
    size_t size = strlen(name);
    if (size == 0 || size > HIN_DEPOT_NAME_MAX || strspn(name, allowed) != size ||
        name[size - 1] == '/') {
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        bool begins = i == 0 || name[i - 1] == '/';
        if (begins && (name[i] == '.' || name[i] == '/')) {
            return false;
        }
    }
    return true;
}

HIN_RESULT hin_depot_open(struct hin_depot **ret_depot, const struct hin_depot_options *options,
                          struct hin_error *error)
{
    struct hin_view url = hin_view_from_text(options->url);
    size_t colon = hin_view_find(url, HIN_VIEW("://"));
    if (colon == SIZE_MAX || url.size >= HIN_DEPOT_URL_MAX) {
        return hin_error_set(error, HIN_INVALID, NULL, 0, 0,
                             "\"%s\" is no destination: write file:///FOLDER", options->url);
    }
    for (size_t i = 0; i < HIN_COUNT(kinds); i++) {
        if (hin_view_is(hin_view_sub(url, 0, colon), kinds[i]->scheme)) {
            return kinds[i]->open(ret_depot, options, error);
        }
    }
    return hin_error_set(error, HIN_UNSUPPORTED, NULL, 0, 0,
                         "\"%s\": no kind of destination begins like this", options->url);
}

void hin_depot_close(struct hin_depot *depot)
{
    if (depot != NULL) {
        hin_depot_abort(depot);
        depot->kind->close(depot);
    }
}

void hin_depot_closep(struct hin_depot **depot)
{
    hin_depot_close(*depot);
}

const struct hin_error *hin_depot_error(const struct hin_depot *depot)
{
    return &depot->error;
}

void hin_depot_clear_error(struct hin_depot *depot)
{
    depot->error = (struct hin_error){0};
}

static HIN_RESULT check_name(struct hin_depot *depot, const char *name)
{
    if (!hin_depot_name_is_valid(name)) {
        return hin_error_set(&depot->error, HIN_INVALID, NULL, 0, 0, "\"%.200s\" is no name", name);
    }
    return hin_ok();
}

static HIN_RESULT check_writable(struct hin_depot *depot)
{
    if (depot->read_only) {
        return hin_error_set(&depot->error, HIN_DENIED, NULL, 0, 0,
                             "the destination was opened for reading only");
    }
    return hin_ok();
}

HIN_RESULT hin_depot_begin(struct hin_depot *depot, const char *name, enum hin_depot_mode mode)
{
    HIN_ENSURE(!depot->writing, CONFLICT);
    HIN_TRY(check_name(depot, name));
    HIN_TRY(check_writable(depot));
    HIN_TRY(depot->kind->begin(depot, name, mode));
    depot->writing = true;
    return hin_ok();
}

HIN_RESULT hin_depot_append(struct hin_depot *depot, struct hin_view bytes)
{
    HIN_ENSURE(depot->writing, CONFLICT);
    return depot->kind->append(depot, bytes);
}

HIN_RESULT hin_depot_commit(struct hin_depot *depot)
{
    HIN_ENSURE(depot->writing, CONFLICT);
    struct hin_result committed = depot->kind->commit(depot);
    if (hin_is_ok(committed)) {
        depot->writing = false;
    } else {
        hin_depot_abort(depot);
    }
    return committed;
}

void hin_depot_abort(struct hin_depot *depot)
{
    if (depot->writing) {
        depot->kind->drop(depot);
        depot->writing = false;
    }
}

HIN_RESULT hin_depot_put(struct hin_depot *depot, const char *name, struct hin_view bytes,
                         enum hin_depot_mode mode)
{
    HIN_TRY(hin_depot_begin(depot, name, mode));
    struct hin_result put = hin_depot_append(depot, bytes);
    if (!hin_is_ok(put)) {
        hin_depot_abort(depot);
        return put;
    }
    return hin_depot_commit(depot);
}

HIN_RESULT hin_depot_sync(struct hin_depot *depot)
{
    return depot->kind->sync(depot);
}

HIN_RESULT hin_depot_get(struct hin_depot *depot, const char *name, uint64_t offset, size_t limit,
                         struct hin_buf *ret_bytes)
{
    HIN_TRY(check_name(depot, name));
    return depot->kind->get(depot, name, offset, limit, ret_bytes);
}

void hin_depot_hint(struct hin_depot *depot, const char *name)
{
    if (depot->kind->hint != NULL && hin_is_ok(check_name(depot, name))) {
        depot->kind->hint(depot, name);
    }
}

HIN_RESULT hin_depot_list(struct hin_depot *depot, const char *prefix,
                          HIN_RESULT (*visit)(void *context, const struct hin_depot_entry *entry),
                          void *context)
{
    return depot->kind->list(depot, prefix, visit, context);
}

HIN_RESULT hin_depot_remove(struct hin_depot *depot, const char *name)
{
    HIN_TRY(check_name(depot, name));
    HIN_TRY(check_writable(depot));
    return depot->kind->remove(depot, name);
}
