#include "event/module.h"

#include "harness.h"

TEST(test_event_module__is_found_by_its_name_alone)
{
    for (unsigned i = HIN_MODULE_OTHER + 1; i < HIN_MODULE_COUNT; i++) {
        CHECK_INT(hin_module_find(hin_view_from_text(hin_modules[i].name)), i);
    }
    CHECK_INT(hin_module_find(HIN_VIEW("logInspection")), HIN_MODULE_LOG_INSPECTION);
    CHECK_INT(hin_module_find(HIN_VIEW("loginspection")), HIN_MODULE_COUNT);
    CHECK_INT(hin_module_find(HIN_VIEW("other")), HIN_MODULE_COUNT);
    CHECK_INT(hin_module_find(HIN_VIEW_EMPTY), HIN_MODULE_COUNT);
}

/* Two rows that an event could be of would each drop it. */
TEST(test_event_module__no_event_is_of_two)
{
    for (unsigned i = HIN_MODULE_OTHER + 1; i < HIN_MODULE_COUNT; i++) {
        for (unsigned j = HIN_MODULE_OTHER + 1; j < i; j++) {
            CHECK(hin_modules[i].class_uid != hin_modules[j].class_uid ||
                  (hin_modules[i].whose != hin_modules[j].whose &&
                   hin_modules[i].whose != HIN_MODULE_OF_ALL &&
                   hin_modules[j].whose != HIN_MODULE_OF_ALL));
        }
    }
}
