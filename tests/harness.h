/* The unit-test harness: TEST(name) { ... CHECK(...) ... } registers itself; main runs all (or
 * those whose name holds argv[1]) and prints TAP. Names are paths:
 * test_base_buf__refuses_to_grow_past_max. */
#ifndef HIN_TESTS_HARNESS_H
#define HIN_TESTS_HARNESS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/result.h"
#include "base/view.h"

struct test_case {
    const char *name;
    void (*run)(void);
    struct test_case *next;
};

void test_register(struct test_case *test);
void test_fail(const char *file, int line, const char *format, ...) HIN_PRINTF(3, 4);
bool test_view_is(struct hin_view view, const char *text, const char *file, int line);
/* A fresh folder of this test, removed at the end of the run. Static text, valid until the end. */
const char *test_folder(void);

#define TEST(test_name)                                                                            \
    static void test_name(void);                                                                   \
    __attribute__((constructor)) static void test_name##_register(void)                            \
    {                                                                                              \
        static struct test_case test = {#test_name, test_name, NULL};                              \
        test_register(&test);                                                                      \
    }                                                                                              \
    static void test_name(void)

/* A failed check ends the test (return), so what follows may rely on it. Only inside TEST bodies
 * and void helpers. */
#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            test_fail(__FILE__, __LINE__, "%s", #condition);                                       \
            return;                                                                                \
        }                                                                                          \
    } while (0)

#define CHECK_OK(expr)                                                                             \
    do {                                                                                           \
        struct hin_result check_ = (expr);                                                         \
        if (check_.code != HIN_OK) {                                                               \
            test_fail(__FILE__, __LINE__, "%s: %s", #expr, hin_code_name(check_.code));            \
            return;                                                                                \
        }                                                                                          \
    } while (0)

#define CHECK_CODE(expr, wanted)                                                                   \
    do {                                                                                           \
        struct hin_result check_ = (expr);                                                         \
        if (check_.code != HIN_##wanted) {                                                         \
            test_fail(__FILE__, __LINE__, "%s: %s, not " #wanted, #expr,                           \
                      hin_code_name(check_.code));                                                 \
            return;                                                                                \
        }                                                                                          \
    } while (0)

#define CHECK_INT(got, wanted)                                                                     \
    do {                                                                                           \
        long long got_ = (long long)(got), wanted_ = (long long)(wanted);                          \
        if (got_ != wanted_) {                                                                     \
            test_fail(__FILE__, __LINE__, "%s: %lld, not %lld", #got, got_, wanted_);              \
            return;                                                                                \
        }                                                                                          \
    } while (0)

#define CHECK_VIEW(view, text)                                                                     \
    do {                                                                                           \
        if (!test_view_is((view), (text), __FILE__, __LINE__)) {                                   \
            return;                                                                                \
        }                                                                                          \
    } while (0)

#endif
