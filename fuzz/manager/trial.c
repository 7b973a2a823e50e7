/* A trial of a probe as `jobs` takes it from another process: what is taken is written and taken
 * again with the same verdict, and becomes a record that can be encoded. */
#include "manager/probe/trial.h"
#include "../scratch.h"
#include "base/bytes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    HIN_CLEANUP(hin_trial_done) struct hin_trial trial;
    HIN_CLEANUP(hin_trial_done) struct hin_trial again;
    HIN_CLEANUP(hin_buf_done) struct hin_buf bytes = {.max = 4 * HIN_TRIAL_BYTES_MAX};
    hin_trial_init(&trial);
    hin_trial_init(&again);
    if (!hin_is_ok(hin_trial_merge(&trial, hin_view_of(data, size)))) {
        return 0;
    }
    scratch_require(hin_trial_outcome(&trial) != HIN_EVIDENCE_PROVEN); /* the asker says `tried` */
    hin_trial_tried(&trial);
    hin_trial_tried(&again);
    scratch_require(hin_is_ok(hin_trial_write(&trial, &bytes)));
    scratch_require(hin_is_ok(hin_trial_merge(&again, hin_buf_view(&bytes))));
    scratch_require(hin_trial_outcome(&again) == hin_trial_outcome(&trial));
    scratch_require(again.measurements.count == trial.measurements.count);
    scratch_require(trial.overflowed ||
                    hin_trial_reason(&again).size == hin_trial_reason(&trial).size);
    return 0;
}
