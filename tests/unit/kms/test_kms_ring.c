/* The file key ring under the contract that holds for every service. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "contract.h"
#include "keys/ring.h"

struct place {
    char path[300];
    struct hin_ring *ring;
};

static struct hin_result reopen(struct subject *subject)
{
    struct place *place = subject->context;
    hin_ring_free(place->ring);
    place->ring = NULL;
    HIN_TRY(hin_ring_open(&place->ring, AT_FDCWD, place->path, NULL, NULL));
    subject->provider = hin_ring_provider(place->ring);
    return hin_ok();
}

static HIN_RESULT subject_make(struct subject *subject)
{
    struct place *place = calloc(1, sizeof(*place));
    HIN_ENSURE(place != NULL, NO_MEMORY);
    subject->context = place;
    subject->reopen = reopen;
    subject->has_own = true;
    snprintf(place->path, sizeof(place->path), "%s/ring-%p", test_folder(), (void *)place);
    HIN_TRY(hin_ring_create(AT_FDCWD, place->path, NULL, NULL));
    return reopen(subject);
}

static void subject_done(struct subject *subject)
{
    struct place *place = subject->context;
    if (place != NULL) {
        hin_ring_free(place->ring);
        free(place);
    }
}

CONTRACT(ring, subject_make, subject_done)
