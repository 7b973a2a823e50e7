/* What pages and papers say around the claims, in each language. */
#ifndef HIN_TRUST_WORDS_H
#define HIN_TRUST_WORDS_H

#include "trust/catalogue.h"

enum hin_word {
    HIN_WORD_TITLE,
    HIN_WORD_LEAD,
    HIN_WORD_AS_OF,
    HIN_WORD_LEGEND,
    HIN_WORD_PROVEN,
    HIN_WORD_FAILED,
    HIN_WORD_STALE,
    HIN_WORD_NOT_ASSESSED,
    HIN_WORD_PROVEN_MEANS,
    HIN_WORD_FAILED_MEANS,
    HIN_WORD_STALE_MEANS,
    HIN_WORD_NOT_ASSESSED_MEANS,
    HIN_WORD_FRAMEWORKS,
    HIN_WORD_MAPPED_ONLY,
    HIN_WORD_COVERAGE_MEANS,
    HIN_WORD_FRAMEWORK,
    HIN_WORD_CONTROLS,
    HIN_WORD_CONTROL,
    HIN_WORD_AUTOMATED,
    HIN_WORD_IN_PART,
    HIN_WORD_PERSON,
    HIN_WORD_UNMAPPED,
    HIN_WORD_PROVEN_NOW,
    HIN_WORD_FAILED_NOW,
    HIN_WORD_DEGREE,
    HIN_WORD_STATE,
    HIN_WORD_NUMBER,
    HIN_WORD_PROMISES,
    HIN_WORD_PROMISES_MAPPED,
    HIN_WORD_DETAILS,
    HIN_WORD_LAST_PROVEN,
    HIN_WORD_FOUND_FAILING,
    HIN_WORD_NEVER,
    HIN_WORD_VALID_UNTIL,
    HIN_WORD_REASON,
    HIN_WORD_REMARK,
    HIN_WORD_HOW,
    HIN_WORD_HOW_KIND_PROBE,
    HIN_WORD_HOW_KIND_INTAKE,
    HIN_WORD_HOW_KIND_REGISTER,
    HIN_WORD_HOW_KIND_DOCUMENT,
    HIN_WORD_EVIDENCE,
    HIN_WORD_NO_EVIDENCE,
    HIN_WORD_OWNER,
    HIN_WORD_CADENCE,
    HIN_WORD_KIND,
    HIN_WORD_KIND_PROBE,
    HIN_WORD_KIND_INTAKE,
    HIN_WORD_KIND_REGISTER,
    HIN_WORD_KIND_DOCUMENT,
    HIN_WORD_MAPPED_TO,
    HIN_WORD_SERVICE_PLATFORM,
    HIN_WORD_SERVICE_WORKLOAD,
    HIN_WORD_SERVICE_NETWORK,
    HIN_WORD_SERVICE_APPLICATION,
    HIN_WORD_SERVICE_CONTAINER,
    HIN_WORD_SERVICE_FILE_STORAGE,
    HIN_WORD_PILLAR_COMPLIANCE,
    HIN_WORD_PILLAR_PRIVACY,
    HIN_WORD_PILLAR_SECURITY,
    HIN_WORD_PILLAR_FAQ,
    HIN_WORD_SERVICES,
    HIN_WORD_SKIP,
    HIN_WORD_ALL_PROMISES,
    HIN_WORD_VERIFY,
    HIN_WORD_FINGERPRINT,
    HIN_WORD_AS_DATA,
    HIN_WORD_CATALOGUE,
    HIN_WORD_MADE_BY,
    HIN_WORD_COUNT,
};

/* Static. */
const char *hin_word(enum hin_word word, enum hin_language language);

enum hin_word hin_word_of_status(enum hin_claim_status status);
enum hin_word hin_word_of_status_meaning(enum hin_claim_status status);
enum hin_word hin_word_of_degree(enum hin_degree degree);
enum hin_word hin_word_of_service(enum hin_claim_service service);
enum hin_word hin_word_of_pillar(enum hin_claim_pillar pillar);
enum hin_word hin_word_of_kind(enum hin_claim_kind kind);
/* How it is proven when no probe does yet. */
enum hin_word hin_word_of_missing(enum hin_claim_kind kind);

/* "every day", "毎日". out is always terminated. */
void hin_word_cadence(int64_t cadence_usec, enum hin_language language, char *out,
                      size_t out_bytes);
/* "2026-11-29 10:40 UTC". */
void hin_word_time(int64_t usec, char *out, size_t out_bytes);

#endif
