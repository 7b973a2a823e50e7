/* Token buckets by address in a fixed table: bounded whatever is sent. The slot is chosen by
 * SipHash under a random key; addresses that meet in a slot share its budget. IPv6 addresses count
 * by /64. */
#ifndef HIN_IO_LIMITER_INTERNAL_H
#define HIN_IO_LIMITER_INTERNAL_H

#include "base/bytes.h"
#include "base/map.h"
#include "base/secret.h"
#include "base/time.h"
#include "io/address.h"

#define LIMITER_SLOTS 4096

struct limiter {
    uint64_t key[2];
    uint32_t per_second; /* 0: no limit */
    uint32_t burst;
    struct limiter_slot {
        int64_t at_usec;
        double tokens;
    } * slots;
};

static inline struct hin_view limiter_host(const struct hin_address *address)
{
    return hin_view_of(address->bytes, address->family == 6 ? 8 : 4);
}

/* True when one more is within the rate. */
static inline bool limiter_take(struct limiter *limiter, const struct hin_address *address,
                                int64_t now_usec)
{
    if (limiter->per_second == 0) {
        return true;
    }
    struct limiter_slot *slot =
        &limiter->slots[hin_siphash(limiter->key, limiter_host(address)) % LIMITER_SLOTS];
    double grown = slot->at_usec == 0 ? limiter->burst
                                      : slot->tokens + (double)(now_usec - slot->at_usec) *
                                                           limiter->per_second / 1e6;
    slot->tokens = HIN_MIN(grown, (double)limiter->burst);
    slot->at_usec = now_usec;
    if (slot->tokens < 1.0) {
        return false;
    }
    slot->tokens -= 1.0;
    return true;
}

#endif
