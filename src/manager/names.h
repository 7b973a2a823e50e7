/* What documents are called in the store, told from what is in them: for when the index key is
 * rotated, since of a name only a blind token is stored. Pure. */
#ifndef HIN_MANAGER_NAMES_H
#define HIN_MANAGER_NAMES_H

#include "store/documents.h"

/* Candidates: which one was meant, the former token says. A kind that is not known here is taken to
 * be called by its "guid", "name" or "identifier". */
extern const struct hin_store_namer hin_document_namer;

#endif
