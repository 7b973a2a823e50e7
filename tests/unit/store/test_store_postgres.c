#include "fixture.h"
#include "server.h"
TEST(test_store_postgres__x) { CHECK(test_server() != NULL); }
