#include "harness.h"

#include "policy/model.h"

static const uint64_t base_rules[] = {3, 1};
static const uint64_t child_rules[] = {2, 3};
static const uint64_t own_rules[] = {9};
static const struct hin_policy tree[] = {
    {1, 0, {HIN_POLICY_ON, base_rules, 2}},  {2, 1, {HIN_POLICY_INHERITED, child_rules, 2}},
    {3, 2, {HIN_POLICY_OFF, NULL, 0}},       {4, 0, {HIN_POLICY_INHERITED, NULL, 0}},
    {5, 6, {HIN_POLICY_INHERITED, NULL, 0}}, {6, 5, {HIN_POLICY_ON, NULL, 0}},
    {7, 99, {HIN_POLICY_ON, NULL, 0}},
};
#define TREE_COUNT (sizeof(tree) / sizeof(tree[0]))

TEST(test_policy_model__child_inherits_state_and_adds_rules)
{
    struct hin_arena arena;
    struct hin_policy_effective got;
    hin_arena_init(&arena, 4096);
    CHECK_OK(hin_policy_resolve(tree, TREE_COUNT, 2, NULL, &arena, &got));
    CHECK(got.log_inspection);
    CHECK_INT(got.rule_count, 3);
    CHECK(got.rule_ids[0] == 1 && got.rule_ids[1] == 2 && got.rule_ids[2] == 3);
    hin_arena_done(&arena);
}

TEST(test_policy_model__nearest_state_wins)
{
    struct hin_arena arena;
    struct hin_policy_effective got;
    struct hin_policy_module on = {HIN_POLICY_ON, own_rules, 1};
    struct hin_policy_module inherit = {HIN_POLICY_INHERITED, own_rules, 1};
    hin_arena_init(&arena, 4096);
    CHECK_OK(hin_policy_resolve(tree, TREE_COUNT, 3, NULL, &arena, &got));
    CHECK(!got.log_inspection);
    CHECK_OK(hin_policy_resolve(tree, TREE_COUNT, 3, &on, &arena, &got));
    CHECK(got.log_inspection);
    CHECK_INT(got.rule_count, 4);
    CHECK_INT(got.rule_ids[3], 9);
    CHECK_OK(hin_policy_resolve(tree, TREE_COUNT, 3, &inherit, &arena, &got));
    CHECK(!got.log_inspection);
    hin_arena_done(&arena);
}

TEST(test_policy_model__root_that_inherits_is_off)
{
    struct hin_arena arena;
    struct hin_policy_effective got;
    hin_arena_init(&arena, 4096);
    CHECK_OK(hin_policy_resolve(tree, TREE_COUNT, 4, NULL, &arena, &got));
    CHECK(!got.log_inspection);
    CHECK_OK(hin_policy_resolve(tree, TREE_COUNT, 0, NULL, &arena, &got));
    CHECK(!got.log_inspection);
    hin_arena_done(&arena);
}

TEST(test_policy_model__refuses_circles_and_missing_parents)
{
    struct hin_arena arena;
    struct hin_policy_effective got;
    hin_arena_init(&arena, 4096);
    CHECK_CODE(hin_policy_resolve(tree, TREE_COUNT, 5, NULL, &arena, &got), LIMIT);
    CHECK_CODE(hin_policy_resolve(tree, TREE_COUNT, 7, NULL, &arena, &got), NOT_FOUND);
    CHECK_CODE(hin_policy_resolve(tree, TREE_COUNT, 42, NULL, &arena, &got), NOT_FOUND);
    CHECK_OK(hin_policy_check_parent(tree, TREE_COUNT, 4, 3));
    CHECK_OK(hin_policy_check_parent(tree, TREE_COUNT, 4, 0));
    CHECK_CODE(hin_policy_check_parent(tree, TREE_COUNT, 1, 1), CONFLICT);
    CHECK_CODE(hin_policy_check_parent(tree, TREE_COUNT, 1, 3), CONFLICT);
    CHECK_CODE(hin_policy_check_parent(tree, TREE_COUNT, 1, 77), NOT_FOUND);
    hin_arena_done(&arena);
}

TEST(test_policy_model__state_texts_round_trip)
{
    enum hin_policy_state state;
    CHECK_OK(hin_policy_state_parse(HIN_VIEW("inherited"), &state));
    CHECK_INT(state, HIN_POLICY_INHERITED);
    CHECK_OK(hin_policy_state_parse(HIN_VIEW("off"), &state));
    CHECK_VIEW(hin_view_from_text(hin_policy_state_text(state)), "off");
    CHECK_CODE(hin_policy_state_parse(HIN_VIEW("On"), &state), INVALID);
    CHECK_CODE(hin_policy_state_parse(HIN_VIEW_EMPTY, &state), INVALID);
}
