/* The OpenAPI 3.0 document, generated from the definition tables: models, paths, rights, and of
 * each attribute its data class (x-data-class). */
#ifndef HIN_MANAGER_WORKER_API_OPENAPI_H
#define HIN_MANAGER_WORKER_API_OPENAPI_H

#include "base/buf.h"

HIN_RESULT hin_openapi_write(struct hin_buf *out) HIN_NONNULL;

#endif
