/* Trying what the store promises: that another tenant's data cannot be had, and that nothing of
 * what was given to it can be read where it lies. For probes. */
#ifndef HIN_STORE_TRIAL_H
#define HIN_STORE_TRIAL_H

#include "store/store.h"

/* Ways into another tenant's data that were tried with this one's handle and keys. */
struct hin_store_crossing {
    unsigned tried, crossed;
    char first[160]; /* the first that was not refused; else empty */
};
/* Tries: what lies in the other's place opened with this handle's keys, under the other's name and
 * under the own; on PostgreSQL also statements on the other's schema as this tenant's role, none of
 * which would change anything. `other`: as for hin_store_open; read only, nothing is made. A way
 * that cannot be tried (AGAIN, NOT_FOUND, IO) is answered. */
HIN_RESULT hin_store_cross(struct hin_store *store, const struct hin_store_options *other,
                           struct hin_store_crossing *ret_crossing) HIN_NONNULL;

#define HIN_STORE_NEEDLE_LEAST 6 /* bytes: shorter ones are found by chance */
#define HIN_STORE_NEEDLE_MOST  512
struct hin_store_search {
    uint64_t bytes;     /* looked through; 0: not known */
    bool control;       /* something that is known to lie in the clear was found: the search sees */
    const char *where;  /* what was looked through, in words */
    size_t found_count; /* of the needles */
    size_t found_first; /* index of the first that was found */
    const char *form;   /* in which a needle was found: "as hex"; NULL: none was */
    size_t unread;      /* files that could not be looked through, or lead elsewhere */
};
#define HIN_STORE_SEARCH_FORMS                                                                     \
    "as it is, in hex, base64, UTF-16, and compressed by itself as our own code compresses"
/* Looks for texts, in the forms above, in all that lies on the disk (SQLite: the file and its
 * write-ahead log) or in all rows of the tenant's schema (PostgreSQL, whose files are its own).
 * INVALID: a needle of another length. options: as the store was opened. */
HIN_RESULT hin_store_search_plain(struct hin_store *store, const struct hin_store_options *options,
                                  const struct hin_view *needles, size_t count,
                                  struct hin_store_search *ret_search) HIN_NONNULL;
/* The same in every file beneath a folder: a PostgreSQL server's own, where this process may read
 * them. Links are not followed. */
HIN_RESULT hin_store_search_files(int directory, const struct hin_view *needles, size_t count,
                                  struct hin_store_search *ret_search) HIN_NONNULL;

#endif
