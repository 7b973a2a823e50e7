/* What a catalogue holds, for the reader that fills it. */
#ifndef HIN_TRUST_CATALOGUE_INTERNAL_H
#define HIN_TRUST_CATALOGUE_INTERNAL_H

#include "base/arena.h"
#include "crypt/hash.h"
#include "trust/catalogue.h"

enum {
    CATALOGUE_FRAMEWORKS_MAX = 16,
    CATALOGUE_SECTIONS_MAX = 1024,
    CATALOGUE_CONTROLS_MAX = 4096,
    CATALOGUE_PROBES_MAX = 128,
    CATALOGUE_OWNERS_MAX = 64,
};

struct hin_catalogue {
    struct hin_arena arena; /* the files' texts and what was made of them */
    uint8_t digest[HIN_SHA256_BYTES];
    size_t claim_count, framework_count, section_count, control_count, probe_count, owner_count;
    struct hin_claim claims[HIN_CATALOGUE_CLAIMS_MAX];
    struct hin_framework frameworks[CATALOGUE_FRAMEWORKS_MAX];
    struct hin_framework_section sections[CATALOGUE_SECTIONS_MAX];
    struct hin_view controls[CATALOGUE_CONTROLS_MAX];
    struct hin_probe_text probes[CATALOGUE_PROBES_MAX];
    struct hin_role_owner owners[CATALOGUE_OWNERS_MAX];
};

/* Adds what one file says. `text` has to live as long as the catalogue. */
HIN_RESULT hin_catalogue_read(struct hin_catalogue *catalogue, struct hin_view text,
                              const char *name, struct hin_error *error);

#endif
