/* The PostgreSQL server of a run of tests: its own, in a folder of its own (tools/postgres). */
#ifndef HIN_TESTS_STORE_SERVER_H
#define HIN_TESTS_STORE_SERVER_H

#include "store/server.h"

/* NULL in the program for SQLite. Started at the first call, ended with the process. */
const struct hin_store_server *test_server(void);
/* Secrets do not survive a fork: reads the password again. */
HIN_RESULT test_server_forked(void);
/* tools/postgres WHAT FOLDER OPTION of it; false when it fails. */
bool test_server_do(const char *what, const char *option);
/* What `tools/postgres WHAT FOLDER OPTION` prints, without the last line end. */
HIN_RESULT test_server_ask(const char *what, const char *option, char *out, size_t out_bytes);
const char *test_server_folder(void);

#endif
