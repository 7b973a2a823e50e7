#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "base/path.h"
#include "harness.h"
#include "policy/ruleset.h"

static bool put(const char *name, const char *text)
{
    char path[HIN_PATH_MAX];
    return hin_is_ok(hin_path_join(path, sizeof(path), test_folder(), name)) &&
           hin_is_ok(hin_file_replace(AT_FDCWD, path, hin_view_from_text(text), 0600));
}

static bool folders(void)
{
    char path[HIN_PATH_MAX];
    return hin_is_ok(hin_directory_remove(test_folder())) &&
           hin_is_ok(hin_path_join(path, sizeof(path), test_folder(), "rules")) &&
           hin_is_ok(hin_directory_make(path, 0700)) &&
           hin_is_ok(hin_path_join(path, sizeof(path), test_folder(), "lists")) &&
           hin_is_ok(hin_directory_make(path, 0700));
}

static bool fill(void)
{
    return folders() &&
           put("decoder.xml", "<decoder name=\"a\"><program_name>a</program_name></decoder>") &&
           put("rules/rules_config.xml",
               "<group name=\"s\"><rule id=\"1\" level=\"0\"><category>syslog"
               "</category></rule></group>") &&
           put("rules/b.xml",
               "<group name=\"g\"><rule id=\"11\" level=\"1\"><if_sid>12</if_sid></rule>"
               "</group>") &&
           put("rules/a.xml",
               "<group name=\"g\"><rule id=\"12\" level=\"1\"><match>x</match></rule>"
               "</group>") &&
           put("rules/.hidden.xml", "no") && put("rules/note.txt", "no") &&
           put("lists/known", "a:b\n");
}

TEST(test_policy_ruleset__reads_by_name_with_the_config_first)
{
    struct hin_ruleset *set = NULL;
    struct hin_log_rules *rules = NULL;
    CHECK(fill());
    CHECK_OK(hin_ruleset_read(test_folder(), NULL, &set));
    const struct hin_log_inputs *inputs = hin_ruleset_inputs(set);
    CHECK(!hin_ruleset_in_order(set));
    CHECK_INT(inputs->decoder_count, 1);
    CHECK_INT(inputs->rule_count, 3);
    CHECK(strcmp(inputs->rules[0].name, "rules_config.xml") == 0);
    CHECK(strcmp(inputs->rules[1].name, "a.xml") == 0 &&
          strcmp(inputs->rules[2].name, "b.xml") == 0);
    CHECK_INT(inputs->list_count, 1);
    CHECK(strcmp(inputs->lists[0].name, "lists/known") == 0);
    CHECK_OK(hin_ruleset_load(set, NULL, &rules));
    CHECK_INT(hin_log_rules_error_count(rules), 0);
    hin_log_rules_free(rules);
    hin_ruleset_free(set);
}

TEST(test_policy_ruleset__takes_the_order_it_is_given)
{
    struct hin_ruleset *set = NULL;
    CHECK(fill() && put("order.txt", "b.xml  rules_config.xml\n\n"));
    CHECK_OK(hin_ruleset_read(test_folder(), NULL, &set));
    const struct hin_log_inputs *inputs = hin_ruleset_inputs(set);
    CHECK(hin_ruleset_in_order(set));
    CHECK_INT(inputs->rule_count, 2);
    CHECK(strcmp(inputs->rules[0].name, "b.xml") == 0);
    hin_ruleset_free(set);
    struct hin_error error = {HIN_OK};
    CHECK(put("order.txt", "b.xml ../secret.xml"));
    CHECK_CODE(hin_ruleset_read(test_folder(), &error, &set), INVALID);
    CHECK(strstr(error.text, "../secret.xml") != NULL);
    CHECK(put("order.txt", "b.xml gone.xml"));
    CHECK_CODE(hin_ruleset_read(test_folder(), &error, &set), NOT_FOUND);
    CHECK(strstr(error.file, "gone.xml") != NULL);
}

TEST(test_policy_ruleset__says_what_a_folder_lacks)
{
    struct hin_ruleset *set = NULL;
    struct hin_error error = {HIN_OK};
    CHECK(folders());
    CHECK_CODE(hin_ruleset_read(test_folder(), &error, &set), NOT_FOUND);
    CHECK(strstr(error.text, "decoder.xml") != NULL);
    CHECK_CODE(hin_ruleset_read("/nonexistent", &error, &set), NOT_FOUND);
}

TEST(test_policy_ruleset__rebuilds_a_cache_that_does_not_fit)
{
    static const bool used[] = {false, true, false, true};
    char cache[HIN_PATH_MAX];
    CHECK(fill());
    CHECK_OK(hin_path_join(cache, sizeof(cache), test_folder(), "cache"));
    for (size_t i = 0; i < HIN_COUNT(used); i++) {
        struct hin_ruleset *set = NULL;
        struct hin_log_rules *rules = NULL;
        CHECK(i != 2 || put("cache", "not a cache"));
        CHECK_OK(hin_ruleset_read(test_folder(), NULL, &set));
        CHECK_OK(hin_ruleset_load(set, cache, &rules));
        bool was = hin_log_rules_cache_used(rules);
        hin_log_rules_free(rules);
        hin_ruleset_free(set);
        CHECK_INT(was, used[i]);
    }
}
