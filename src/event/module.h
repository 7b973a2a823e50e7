/* The modules that make events, as retention tells them apart: by what of an event lies in the
 * clear in the store. Names are stored: append only.
 *
 * X(SYMBOL, "name", class, of whom, "what its events are") */
#ifndef HIN_EVENT_MODULE_H
#define HIN_EVENT_MODULE_H

#include <stdint.h>

#include "base/view.h"
#include "event/event.h"

/* clang-format off */
#define HIN_EVENT_MODULES(X)                                                                                    \
    X(LOG_INSPECTION, "logInspection", HIN_CLASS_DETECTION_FINDING, HIN_MODULE_OF_ALL, "Findings in logs.")     \
    X(AGENT, "agent", HIN_CLASS_APPLICATION_LIFECYCLE, HIN_MODULE_OF_COMPUTERS, "States of agents.")            \
    X(MANAGER, "manager", HIN_CLASS_APPLICATION_LIFECYCLE, HIN_MODULE_OF_MANAGER, "States of the manager itself.")
/* clang-format on */

enum hin_module {
    HIN_MODULE_OTHER = 0, /* of a class that no row has: it has no setting of its own */
#define X(symbol, name, class_uid, whose, text) HIN_MODULE_##symbol,
    HIN_EVENT_MODULES(X)
#undef X
        HIN_MODULE_COUNT
};

enum hin_module_whose { /* which computers' events: 0 is the manager itself */
                        HIN_MODULE_OF_ALL,
                        HIN_MODULE_OF_COMPUTERS,
                        HIN_MODULE_OF_MANAGER
};

struct hin_module_info {
    const char *name;
    uint32_t class_uid;
    enum hin_module_whose whose;
    const char *text;
};

#define HIN_KEEP_DAYS_MAX 36500 /* of a setting of how long events are kept */

/* By number; that of HIN_MODULE_OTHER has the name "other" and no class. */
extern const struct hin_module_info hin_modules[HIN_MODULE_COUNT];

/* HIN_MODULE_COUNT: there is no module of this name. HIN_MODULE_OTHER is not found by name. */
enum hin_module hin_module_find(struct hin_view name);

#endif
