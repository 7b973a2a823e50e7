/* Reads of personal data, for the audit record. Who reads what is written before anything is given
 * out; reading on is counted.
 *
 * One reading is: the same key, from the same address, the same kind of read, by the same fields.
 * Its first answer makes an entry. Further answers within ten minutes make none; when the ten
 * minutes are over (or the worker ends) one more entry tells how many there were and how many
 * objects they held, if there were any. So a search is one entry, a listing of a thousand pages
 * two, a stream one, and a console that asks every ten seconds twelve an hour. Once a reading has
 * given out HIN_READS_EXPORT objects it is an export, and an entry says so before the answer that
 * reaches the number. Each worker counts by itself.
 *
 * Values that were searched for are not written, only the names of fields. When the disk is full
 * reading goes on, and what could not be written is written once there is room. */
#ifndef HIN_MANAGER_WORKER_API_READS_H
#define HIN_MANAGER_WORKER_API_READS_H

#include "manager/worker/api/call.h"

enum { HIN_READS_EXPORT = 10000 };

struct hin_reads;
HIN_RESULT hin_reads_new(struct hin_worker *worker, struct hin_reads **ret_reads) HIN_NONNULL;
void hin_reads_free(struct hin_reads *reads); /* writes what was counted */

/* Before the answer. action and kind ("events") live on; object: its ID, 0: several; fields: a JSON
 * array of names, or empty. */
HIN_RESULT hin_reads_begin(struct hin_api_call *call, const char *action, const char *kind,
                           int64_t object, struct hin_view fields);
/* How many objects the answer holds; before it is sent. */
HIN_RESULT hin_reads_count(struct hin_api_call *call, uint64_t objects) HIN_NONNULL;

#endif
