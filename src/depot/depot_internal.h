/* What the kinds of depots share: the head of a handle, and the calls each has. */
#ifndef HIN_DEPOT_DEPOT_INTERNAL_H
#define HIN_DEPOT_DEPOT_INTERNAL_H

#include "depot/depot.h"

/* As the functions of depot.h of the same name (drop: _abort), which check names and the order of
 * calls first. */
struct hin_depot_kind {
    const char *scheme; /* "file" */
    HIN_RESULT(*open)
    (struct hin_depot **ret_depot, const struct hin_depot_options *options,
     struct hin_error *error);
    void (*close)(struct hin_depot *depot); /* frees it */
    HIN_RESULT (*begin)(struct hin_depot *depot, const char *name, enum hin_depot_mode mode);
    HIN_RESULT (*append)(struct hin_depot *depot, struct hin_view bytes);
    HIN_RESULT (*commit)(struct hin_depot *depot);
    void (*drop)(struct hin_depot *depot);
    HIN_RESULT (*sync)(struct hin_depot *depot);
    HIN_RESULT(*get)
    (struct hin_depot *depot, const char *name, uint64_t offset, size_t limit,
     struct hin_buf *ret_bytes);
    void (*hint)(struct hin_depot *depot, const char *name); /* NULL: it would not help */
    HIN_RESULT(*list)
    (struct hin_depot *depot, const char *prefix,
     HIN_RESULT (*visit)(void *context, const struct hin_depot_entry *entry), void *context);
    HIN_RESULT (*remove)(struct hin_depot *depot, const char *name);
};

/* The first member of each kind's handle. */
struct hin_depot {
    const struct hin_depot_kind *kind;
    bool read_only;
    bool writing; /* between begin and commit or abort */
    struct hin_error error;
};

extern const struct hin_depot_kind hin_depot_folder;
extern const struct hin_depot_kind hin_depot_s3;
extern const struct hin_depot_kind hin_depot_sftp;

#endif
