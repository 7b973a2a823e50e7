#include "base/path.h"
#include "harness.h"

static bool glob(const char *pattern, const char *path)
{
    return hin_path_glob(hin_view_from_text(pattern), hin_view_from_text(path));
}

TEST(test_base_path__globs)
{
    CHECK(glob("/var/log/*.log", "/var/log/auth.log"));
    CHECK(!glob("/var/log/*.log", "/var/log/nginx/access.log"));
    CHECK(glob("/var/log/**/*.log", "/var/log/nginx/access.log"));
    CHECK(glob("/var/log/**/*.log", "/var/log/auth.log"));
    CHECK(glob("/var/log/**", "/var/log/a/b/c"));
    CHECK(glob("/var/log/app[0-9]?.txt", "/var/log/app7x.txt"));
    CHECK(!glob("/var/log/app[!0-9]", "/var/log/app7"));
    CHECK(glob("/a\\*b", "/a*b"));
    CHECK(!glob("/a\\*b", "/axb"));
    CHECK(glob("/**/x/*z", "/a/x/b/x/yz"));
    CHECK(!glob("", "/"));
}

TEST(test_base_path__clean)
{
    CHECK(hin_path_is_clean(HIN_VIEW("/var/log")));
    CHECK(hin_path_is_clean(HIN_VIEW("/")));
    CHECK(!hin_path_is_clean(HIN_VIEW("/var/../etc")));
    CHECK(!hin_path_is_clean(HIN_VIEW("var")));
    CHECK(!hin_path_is_clean(HIN_VIEW("/var//log")));
    CHECK(!hin_path_is_clean(HIN_VIEW("/var/log/")));
    CHECK(!hin_path_is_clean(HIN_VIEW("/a\0b")));
}

TEST(test_base_path__joins)
{
    char out[8];
    CHECK_OK(hin_path_join(out, sizeof(out), "a/", "b"));
    CHECK_VIEW(hin_view_from_text(out), "a/b");
    CHECK_OK(hin_path_join(out, sizeof(out), "a", "/b"));
    CHECK_VIEW(hin_view_from_text(out), "/b");
    CHECK_CODE(hin_path_join(out, sizeof(out), "abcd", "efgh"), LIMIT);
}
