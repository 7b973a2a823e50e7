/* The settings of a kind of depot, "name=value", by a table. */
#ifndef HIN_DEPOT_SETTINGS_H
#define HIN_DEPOT_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/result.h"
#include "base/view.h"

struct hin_depot_setting {
    const char *name;
    size_t offset, bytes; /* of the text in the struct that is filled, its NUL included */
    bool (*fits)(struct hin_view value); /* NULL: anything printable */
    const char *wants;                   /* "a number of MiB, 5 to 64": for people */
};
#define HIN_DEPOT_SETTING(type, member, name, fits, wants)                                         \
    {                                                                                              \
        name, offsetof(type, member), sizeof(((type *)0)->member), fits, wants                     \
    }

/* Letters and digits of ASCII and `others`, one at least. */
bool hin_depot_is_made_of(struct hin_view value, const char *others);

/* Fills the texts at `into`. INVALID: a name that is not in the table, one that comes twice, a
 * value that does not fit. settings: ends with NULL, or NULL. error may be NULL. */
HIN_RESULT hin_depot_settings_read(const struct hin_depot_setting *table, size_t count,
                                   const char *const *settings, void *into, struct hin_error *error)
    __attribute__((nonnull(1, 4)));

#endif
