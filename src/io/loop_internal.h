/* What the transport needs of the loop beyond loop.h. */
#ifndef HIN_IO_LOOP_INTERNAL_H
#define HIN_IO_LOOP_INTERNAL_H

#include "io/loop.h"

#define HIN_LOOP_SCRATCH_BYTES ((size_t)32 * 1024) /* two TLS records */

/* One read buffer for all streams of a loop: an idle stream then needs none of its own. Valid until
 * the callback that uses it returns to the loop. */
uint8_t *hin_loop_scratch(struct hin_loop *loop);

/* Monotonic time, read once a round. */
int64_t hin_loop_now_usec(struct hin_loop *loop);

#endif
