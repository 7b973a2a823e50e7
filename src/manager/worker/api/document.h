/* Stored objects as JSON under a definition table: judging what came in, merging it with what is
 * stored, giving it out. Pure. What is stored is one JSON object an item, without its ID. */
#ifndef HIN_MANAGER_WORKER_API_DOCUMENT_H
#define HIN_MANAGER_WORKER_API_DOCUMENT_H

#include "data/json.h"
#include "manager/worker/api/definition.h"

/* What the manager itself sets: overrides the body when storing, and the stored value when giving
 * out. */
enum hin_api_patch_type {
    HIN_API_PATCH_TEXT,
    HIN_API_PATCH_INT,
    HIN_API_PATCH_BOOL,
    HIN_API_PATCH_JSON, /* `text` is JSON already */
    HIN_API_PATCH_NONE, /* the attribute is left out */
};

struct hin_api_patch {
    const char *name;
    enum hin_api_patch_type type;
    struct hin_view text; /* borrowed */
    int64_t number;
};

enum { HIN_API_PATCHES_MAX = 24 };

struct hin_api_patches {
    struct hin_api_patch items[HIN_API_PATCHES_MAX];
    size_t count;
};

/* Setting a name again replaces it. LIMIT past HIN_API_PATCHES_MAX. */
HIN_RESULT hin_api_patch_text(struct hin_api_patches *patches, const char *name,
                              struct hin_view text);
HIN_RESULT hin_api_patch_int(struct hin_api_patches *patches, const char *name, int64_t number);
HIN_RESULT hin_api_patch_bool(struct hin_api_patches *patches, const char *name, bool value);
HIN_RESULT hin_api_patch_json(struct hin_api_patches *patches, const char *name,
                              struct hin_view json);
HIN_RESULT hin_api_patch_none(struct hin_api_patches *patches, const char *name);

/* Every member known, of its type, within its bounds; when creating, the required ones there. null
 * stands for "absent". INVALID with the path and the reason in error. */
HIN_RESULT hin_api_validate(const struct hin_api_attributes *attributes, struct hin_json body,
                            bool creating, struct hin_error *error);

/* The object to store: what is stored already (no value at creation), changed by the body (objects
 * inside are merged, null removes), then by the patches. Appends to `out`. */
HIN_RESULT hin_api_merge(const struct hin_api_attributes *attributes, struct hin_json stored,
                         struct hin_json body, const struct hin_api_patches *patches,
                         struct hin_buf *out);

/* The object as it is given out, with its ID: hidden attributes left out, patches put in. */
void hin_api_render(const struct hin_api_attributes *attributes, struct hin_json stored, int64_t id,
                    const struct hin_api_patches *computed, struct hin_json_writer *writer);

#endif
