#include "fixture.h"
TEST(test_store_isolation__x) { struct fixture f = {0}; CHECK_OK(fixture_start(&f, "iso")); fixture_stop(&f); }
