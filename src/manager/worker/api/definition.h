/* The definition table of the API: one row an attribute, one table a resource. Routing, validation,
 * SearchFilter, the OpenAPI document and the disclosure of what is stored about whom are all read
 * from these rows; nothing about an attribute stands anywhere else. Names and odd spellings are
 * those of the reference's Workload Security API. */
#ifndef HIN_MANAGER_WORKER_API_DEFINITION_H
#define HIN_MANAGER_WORKER_API_DEFINITION_H

#include "base/result.h"
#include "base/view.h"
#include "event/field.h"

enum hin_api_type {
    HIN_API_BOOL,
    HIN_API_INT,
    HIN_API_TIME, /* milliseconds since the epoch, UTC */
    HIN_API_TEXT,
    HIN_API_CHOICE,  /* a text out of `choices` */
    HIN_API_INTS,    /* a list of integers */
    HIN_API_TEXTS,   /* a list of texts */
    HIN_API_OBJECT,  /* an object with attributes of its own */
    HIN_API_OBJECTS, /* a list of such objects */
};

enum hin_api_flag {
    HIN_API_READ_ONLY = 1 << 0,  /* the manager sets it; in a body it is ignored, so that what was
                                    read can be sent back */
    HIN_API_REQUIRED = 1 << 1,   /* must be there at creation */
    HIN_API_FIXED = 1 << 2,      /* taken at creation, not changed later */
    HIN_API_HIDDEN = 1 << 3,     /* stored, never given out (hashes) */
    HIN_API_WRITE_ONLY = 1 << 4, /* taken, used, neither stored nor given out (passwords) */
    HIN_API_COMPUTED = 1 << 5,   /* made at reading time, never stored */
    HIN_API_CLEAN = 1 << 6,      /* a text without control characters */
};

struct hin_api_attributes;

struct hin_api_attribute {
    const char *name;
    enum hin_api_type type;
    unsigned flags; /* enum hin_api_flag */
    enum hin_data_class
        data_class;   /* all is stored sealed whatever it says: it decides disclosure and erasure */
    int64_t min, max; /* INT: bounds; TEXT, lists: most bytes or items in max (0 = HIN_API_TEXT_MAX,
                         _LIST_MAX) */
    const char *choices;                     /* CHOICE: "a|b|c" */
    const struct hin_api_attributes *object; /* OBJECT, OBJECTS */
    const char *text;                        /* one sentence for the OpenAPI document */
};

struct hin_api_attributes {
    const char *model; /* "LogInspectionRule" */
    const struct hin_api_attribute *items;
    size_t count;
};

enum { HIN_API_TEXT_MAX = 4096, HIN_API_LIST_MAX = 4096, HIN_API_RULE_XML_MAX = 2 << 20 };

enum hin_api_operation {
    HIN_API_LIST = 1 << 0,
    HIN_API_CREATE = 1 << 1,
    HIN_API_GET = 1 << 2,
    HIN_API_MODIFY = 1 << 3,
    HIN_API_DELETE = 1 << 4,
    HIN_API_SEARCH = 1 << 5,
};

/* What a caller may do; a role is a set of these. */
enum hin_api_right {
    HIN_RIGHT_NONE = 0,           /* for everybody, without a key */
    HIN_RIGHT_VIEW = 1 << 0,      /* read computers, rules, policies */
    HIN_RIGHT_EDIT = 1 << 1,      /* change them */
    HIN_RIGHT_EVENTS = 1 << 2,    /* read events */
    HIN_RIGHT_ACCESS = 1 << 3,    /* keys, administrators, enrolment tokens */
    HIN_RIGHT_METRICS = 1 << 4,   /* counters */
    HIN_RIGHT_SELF = 1 << 5,      /* one's own key; every key has it */
    HIN_RIGHT_TENANTS = 1 << 6,   /* other tenants; of the installation's own tenant only */
    HIN_RIGHT_AUDIT = 1 << 7,     /* read and export the audit record */
    HIN_RIGHT_KEYS = 1 << 8,      /* state of the keys, rotation, retirement */
    HIN_RIGHT_PERSONS = 1 << 9,   /* all that is stored about one person */
    HIN_RIGHT_TRUST = 1 << 10,    /* have probes run */
    HIN_RIGHT_RECOVERY = 1 << 11, /* see restores and drills, sign these; of that tenant only */
    HIN_RIGHTS_OF_INSTALLATION = HIN_RIGHT_TENANTS | HIN_RIGHT_RECOVERY,
};

struct hin_api_role {
    int64_t id;
    const char *name;
    unsigned rights;
};

enum { HIN_API_ROLE_FULL = 1, HIN_API_ROLE_HOLDER = 4 };

/* NULL for an ID that stands for no role. */
const struct hin_api_role *hin_api_role_find(int64_t id);

/* NULL when the table has no such attribute. */
const struct hin_api_attribute *hin_api_attribute_find(const struct hin_api_attributes *attributes,
                                                       struct hin_view name);

/* Is `value` one of "a|b|c:N"? N stands for a number, 1 to 1024. */
bool hin_api_choice_is_valid(const char *choices, struct hin_view value);

#define HIN_API_TABLE(model_name, rows)                                                            \
    {                                                                                              \
        .model = (model_name), .items = (rows), .count = sizeof(rows) / sizeof((rows)[0])          \
    }

#endif
