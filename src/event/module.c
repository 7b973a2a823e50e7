#include "event/module.h"

const struct hin_module_info hin_modules[HIN_MODULE_COUNT] = {
    [HIN_MODULE_OTHER] = {"other", 0, HIN_MODULE_OF_ALL, "Events of no module."},
#define X(symbol, name, class_uid, whose, text)                                                    \
    [HIN_MODULE_##symbol] = {(name), (class_uid), (whose), (text)},
    HIN_EVENT_MODULES(X)
#undef X
};

enum hin_module hin_module_find(struct hin_view name)
{
    unsigned module = HIN_MODULE_OTHER + 1;
    while (module < HIN_MODULE_COUNT && !hin_view_is(name, hin_modules[module].name)) {
        module++;
    }
    return (enum hin_module)module;
}
