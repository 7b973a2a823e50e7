/* The reference's SearchFilter over stored objects: maxItems, searchCriteria (all must hold),
 * sortByObjectID. Pure. */
#ifndef HIN_MANAGER_WORKER_API_FILTER_H
#define HIN_MANAGER_WORKER_API_FILTER_H

#include "base/arena.h"
#include "manager/worker/api/document.h"

enum hin_api_test {
    HIN_API_LESS,
    HIN_API_LESS_OR_EQUAL,
    HIN_API_EQUAL,
    HIN_API_GREATER_OR_EQUAL,
    HIN_API_GREATER,
    HIN_API_NOT_EQUAL,
};

enum hin_api_criterion_type {
    HIN_API_BY_BOOLEAN,
    HIN_API_BY_NUMBER,
    HIN_API_BY_TEXT, /* also choices */
    HIN_API_BY_DATE,
    HIN_API_BY_NULL,
    HIN_API_BY_VERSION,
    HIN_API_BY_ID,
};

struct hin_api_criterion {
    enum hin_api_criterion_type type;
    struct hin_view field; /* "computerStatus/agentStatus" style paths reach into objects */
    enum hin_api_test test;
    int64_t number;
    bool flag; /* BOOLEAN, NULL: the value wanted; TEXT: wildcards */
    struct hin_view text;
    int64_t first, last; /* DATE, both inclusive, milliseconds */
};

enum { HIN_API_CRITERIA_MAX = 64, HIN_API_ITEMS_MAX = 5000 };

struct hin_api_filter {
    struct hin_api_criterion items[HIN_API_CRITERIA_MAX];
    size_t count;
    size_t max_items;
    bool sort_by_id;
};

/* What the reference calls the tests; INVALID for another text. */
HIN_RESULT hin_api_test_parse(struct hin_view text, enum hin_api_test *ret_test);
bool hin_api_test_holds(enum hin_api_test test, int64_t left, int64_t right);

/* From a body that hin_api_validate has passed under hin_api_search_filter; texts borrow from its
 * document. A criterion with none or several kinds of test is INVALID, with its place in error. */
HIN_RESULT hin_api_filter_parse(struct hin_json body, struct hin_api_filter *ret_filter,
                                struct hin_error *error);

/* Does the object, as it would be given out, pass? An attribute that is absent passes not-equal
 * tests and nullTest. */
bool hin_api_filter_matches(const struct hin_api_filter *filter, struct hin_json object,
                            int64_t id);

/* % stands for any text, _ for any one character (byte); ASCII case is folded, as the reference's
 * databases do. */
bool hin_api_wildcard_matches(struct hin_view pattern, struct hin_view text);

#endif
