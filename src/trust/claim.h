/* Claims: what the installation promises, and whether it holds. The catalogue (catalogue.h) says
 * what is promised and which probes a claim hangs on; evidence says what probes found; the state is
 * computed from the two and from nothing else, so that nobody can set it. Everything here is pure:
 * no clock, no files, no globals. Views borrow from the catalogue or from the evidence given. */
#ifndef HIN_TRUST_CLAIM_H
#define HIN_TRUST_CLAIM_H

#include "base/buf.h"
#include "base/result.h"
#include "base/view.h"
#include "data/json.h"

enum {
    HIN_CLAIM_PROBES_MAX = 8,    /* a claim hangs on at most so many */
    HIN_CLAIM_ID_MAX = 16,       /* bytes of "S108" */
    HIN_CLAIM_PROBE_MAX = 64,    /* bytes of "tls-floor" */
    HIN_CLAIM_REASON_MAX = 1024, /* bytes of a reason; longer ones are cut */
};

enum hin_language { HIN_ENGLISH, HIN_JAPANESE, HIN_LANGUAGE_COUNT };
const char *hin_language_name(enum hin_language language); /* "en", "ja" */
bool hin_language_from_name(struct hin_view name, enum hin_language *ret_language);

struct hin_text { /* the same thing said in each language; UTF-8, one line */
    struct hin_view in[HIN_LANGUAGE_COUNT];
};

enum hin_claim_kind {                     /* what kind of evidence can stand behind it */
                      HIN_CLAIM_PROBE,    /* software tries it live */
                      HIN_CLAIM_INTAKE,   /* results of outside tools are taken in and judged */
                      HIN_CLAIM_REGISTER, /* people do it; kept with owners and due dates */
                      HIN_CLAIM_DOCUMENT, /* somebody issues it */
                      HIN_CLAIM_KIND_COUNT,
};
const char *hin_claim_kind_name(enum hin_claim_kind kind); /* "probe" */

enum hin_claim_service {
    HIN_SERVICE_PLATFORM, /* all of them, or what they stand on */
    HIN_SERVICE_WORKLOAD,
    HIN_SERVICE_NETWORK,
    HIN_SERVICE_APPLICATION,
    HIN_SERVICE_CONTAINER,
    HIN_SERVICE_FILE_STORAGE,
    HIN_SERVICE_COUNT,
};
const char *hin_claim_service_name(enum hin_claim_service service); /* "file-storage" */

enum hin_claim_pillar {
    HIN_PILLAR_COMPLIANCE,
    HIN_PILLAR_PRIVACY,
    HIN_PILLAR_SECURITY,
    HIN_PILLAR_FAQ,
    HIN_PILLAR_COUNT
};
const char *hin_claim_pillar_name(enum hin_claim_pillar pillar); /* "security" */

enum hin_degree {                       /* how far a claim's evidence answers a control */
                  HIN_DEGREE_AUTOMATED, /* a probe or an intake shows it by itself */
                  HIN_DEGREE_IN_PART,   /* a part of it; the rest a person has to show */
                  HIN_DEGREE_PERSON,    /* a person has to show it */
                  HIN_DEGREE_COUNT,
};
const char *hin_degree_name(enum hin_degree degree); /* "automated", "in part", "needs a person" */

struct hin_framework;  /* catalogue.h */
struct hin_role_owner; /* catalogue.h */
struct hin_probe_text; /* catalogue.h: what a probe does, in words */

struct hin_claim_mapping {
    const struct hin_framework *framework;
    struct hin_view control; /* "8.3.6", "A.8.24", "32(1)(a)" */
    enum hin_degree degree;
};

struct hin_claim {
    struct hin_view id; /* "S19" */
    enum hin_claim_service service;
    enum hin_claim_pillar pillar;
    enum hin_claim_kind kind;
    struct hin_text statement;
    const struct hin_role_owner *owner; /* who answers for it */
    struct hin_view cadence;            /* "1d", as written */
    int64_t cadence_usec;
    struct hin_view rows; /* "P1 P5": of the requirements; words separated by one space */
    /* All of them have to be proven. None: nothing looks yet, the claim reads "not assessed". */
    struct hin_view probes[HIN_CLAIM_PROBES_MAX];
    size_t probe_count;
    const struct hin_claim_mapping *mappings; /* in the order of the frameworks */
    size_t mapping_count;
};

/* What the newest run of one probe found. Runs that could not look ("not run") are left out: what
 * was found before them stands until it is no longer valid. */
struct hin_claim_evidence {
    struct hin_view probe;
    struct hin_view id; /* of the evidence record; empty: it is missing, or none that holds */
    bool held;          /* false: the probe looked, and the promise does not hold */
    int64_t observed_usec;
    int64_t valid_until_usec; /* from then on it is stale */
    struct hin_view reason; /* in words; of a failure it has to be there, of a proof it is what has
                               to be known beside it */
};

/* The latest time that a state in JSON may bear: the end of 2999, as far as OSCAL's dates go. */
#define HIN_CLAIM_MSEC_MAX INT64_C(32503679999999)

enum hin_claim_status {
    HIN_CLAIM_NOT_ASSESSED, /* grey */
    HIN_CLAIM_PROVEN,       /* green */
    HIN_CLAIM_FAILED,       /* red */
    HIN_CLAIM_STALE,        /* grey */
    HIN_CLAIM_STATUS_COUNT,
};
const char *hin_claim_status_name(enum hin_claim_status status); /* "not assessed", "proven" */
bool hin_claim_status_from_name(struct hin_view name, enum hin_claim_status *ret_status);

struct hin_claim_state {
    enum hin_claim_status status;
    int64_t observed_usec;    /* of what decides: the failure, or the oldest proof (one that has a
                                 reason comes first); 0: never */
    int64_t valid_until_usec; /* the earliest of the proofs; 0: none */
    struct hin_view evidence_id; /* of what decides; empty: none */
    struct hin_view probe;       /* that decides; empty: none */
    struct hin_view reason; /* the evidence's, or a static sentence; when proven mostly empty */
    /* Every record that was looked at, in the order of the claim's probes. */
    struct hin_view evidence_ids[HIN_CLAIM_PROBES_MAX];
    size_t evidence_count;
};

/* The state of a claim at `now`. `evidence`: any probes' newest records, those of others are passed
 * over; of two of one probe the one observed later counts. In this order:
 *   FAILED        a probe's newest record says that the promise does not hold; that stays until it
 *                 is proven again, so that a probe that no longer runs hides no failure
 *   NOT_ASSESSED  the claim hangs on no probe, or one of them has no record
 *   STALE         a record is no longer valid, or comes from after `now` (a clock was wrong)
 *   PROVEN        all held, all are valid
 * Cannot fail. The reason borrows from the evidence, or is static. */
struct hin_claim_state hin_claim_state_of(const struct hin_claim *claim,
                                          const struct hin_claim_evidence *evidence, size_t count,
                                          int64_t now_usec) __attribute__((nonnull(1)));

/* Does the claim hang on this probe? */
bool hin_claim_hangs_on(const struct hin_claim *claim, struct hin_view probe);

/* One element of what GET /api/trust/claims answers under "claims" (report.h):
 *   {"ID":"S19","service":"platform","pillar":"security","kind":"probe",
 *    "statement":{"en":"...","ja":"..."},"owner":"operations","cadence":"1d","rows":["P1"],
 *    "probes":["tls-floor"],"status":"proven","observed":MSEC,"validUntil":MSEC,
 *    "evidenceID":"...","evidenceIDs":["..."],"probe":"tls-floor","reason":"",
 *    "mappings":[{"framework":"pci-dss-4.0.1","control":"4.2.1","degree":"automated"}]}
 * observed, validUntil: milliseconds, null when there are none; evidenceID, probe: null likewise.
 */
void hin_claim_write(struct hin_json_writer *writer, const struct hin_claim *claim,
                     const struct hin_claim_state *state) HIN_NONNULL;
/* The state out of such an element; the claim itself is looked up in the catalogue by ID. Borrows
 * from the document. INVALID names the member. */
HIN_RESULT hin_claim_read_state(struct hin_json element, struct hin_claim_state *ret_state,
                                struct hin_error *error);

#endif
