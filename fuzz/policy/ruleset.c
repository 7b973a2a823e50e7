/* A folder with rules: order.txt is the input up to the first NUL, decoder.xml and a rule file what
 * follows. A name in order.txt must never lead outside the folder. */
#include "policy/ruleset.h"

#include <string.h>

#include "../scratch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char rules[HIN_PATH_MAX], sub[HIN_PATH_MAX];
    HIN_CLEANUP(hin_ruleset_freep) struct hin_ruleset *set = NULL;
    HIN_CLEANUP(hin_log_rules_freep) struct hin_log_rules *compiled = NULL;
    struct hin_error error = {0};
    struct hin_view rest = hin_view_of(data, size), part = HIN_VIEW_EMPTY;
    if (size > 8192 || hin_view_find(rest, HIN_VIEW("secret")) != SIZE_MAX) {
        return 0;
    }
    scratch_require(hin_is_ok(hin_path_join(rules, sizeof(rules), scratch_folder(), "set")) &&
                    hin_is_ok(hin_path_join(sub, sizeof(sub), rules, "rules")) &&
                    hin_is_ok(hin_directory_make(sub, 0700)));
    static const char *const names[] = {"set/order.txt", "set/decoder.xml", "set/rules/a.xml"};
    scratch_write("outside.xml", HIN_VIEW("secret"), 0600);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        part = HIN_VIEW_EMPTY;
        (void)hin_view_split(&rest, '\0', &part);
        scratch_write(names[i], part, 0600);
    }
    if (!hin_is_ok(hin_ruleset_read(rules, &error, &set))) {
        return 0;
    }
    const struct hin_log_inputs *inputs = hin_ruleset_inputs(set);
    for (size_t i = 0; i < inputs->rule_count; i++) {
        scratch_require(!hin_view_is(inputs->rules[i].text, "secret"));
    }
    HIN_IGNORE(hin_ruleset_load(set, NULL, &compiled));
    return 0;
}
