/* Damage to a document's sealed bytes in a database, by a hand that writes as the store does. */
#ifndef TESTS_UNIT_MANAGER_DAMAGED_H
#define TESTS_UNIT_MANAGER_DAMAGED_H

#include "store/documents.h"

/* Turns `bits` of the byte at `at` (modulo their number) of a document of a store on SQLite. */
HIN_RESULT damage_document(struct hin_store *store, enum hin_store_kind kind, int64_t id, int at,
                           uint8_t bits) HIN_NONNULL;

#endif
