#include "trust/words.h"

#include <stdio.h>

#include "base/bytes.h"
#include "base/time.h"

const char *hin_word(enum hin_word word, enum hin_language language)
{
    static const char *const words[HIN_WORD_COUNT][HIN_LANGUAGE_COUNT] = {
#define X(name, english, japanese) [HIN_WORD_##name] = {english, japanese},
        HIN_WORDS(X)
#undef X
    };
    return words[word][language];
}

enum hin_word hin_word_of_status(enum hin_claim_status status)
{
    static const enum hin_word words[HIN_CLAIM_STATUS_COUNT] = {
        [HIN_CLAIM_NOT_ASSESSED] = HIN_WORD_NOT_ASSESSED,
        [HIN_CLAIM_PROVEN] = HIN_WORD_PROVEN,
        [HIN_CLAIM_FAILED] = HIN_WORD_FAILED,
        [HIN_CLAIM_STALE] = HIN_WORD_STALE,
    };
    return words[status];
}

enum hin_word hin_word_of_status_meaning(enum hin_claim_status status)
{
    static const enum hin_word words[HIN_CLAIM_STATUS_COUNT] = {
        [HIN_CLAIM_NOT_ASSESSED] = HIN_WORD_NOT_ASSESSED_MEANS,
        [HIN_CLAIM_PROVEN] = HIN_WORD_PROVEN_MEANS,
        [HIN_CLAIM_FAILED] = HIN_WORD_FAILED_MEANS,
        [HIN_CLAIM_STALE] = HIN_WORD_STALE_MEANS,
    };
    return words[status];
}

enum hin_word hin_word_of_degree(enum hin_degree degree)
{
    static const enum hin_word words[HIN_DEGREE_COUNT] = {
        [HIN_DEGREE_AUTOMATED] = HIN_WORD_AUTOMATED,
        [HIN_DEGREE_IN_PART] = HIN_WORD_IN_PART,
        [HIN_DEGREE_PERSON] = HIN_WORD_PERSON,
    };
    return words[degree];
}

enum hin_word hin_word_of_service(enum hin_claim_service service)
{
    static const enum hin_word words[HIN_SERVICE_COUNT] = {
        [HIN_SERVICE_PLATFORM] = HIN_WORD_SERVICE_PLATFORM,
        [HIN_SERVICE_WORKLOAD] = HIN_WORD_SERVICE_WORKLOAD,
        [HIN_SERVICE_NETWORK] = HIN_WORD_SERVICE_NETWORK,
        [HIN_SERVICE_APPLICATION] = HIN_WORD_SERVICE_APPLICATION,
        [HIN_SERVICE_CONTAINER] = HIN_WORD_SERVICE_CONTAINER,
        [HIN_SERVICE_FILE_STORAGE] = HIN_WORD_SERVICE_FILE_STORAGE,
    };
    return words[service];
}

enum hin_word hin_word_of_pillar(enum hin_claim_pillar pillar)
{
    static const enum hin_word words[HIN_PILLAR_COUNT] = {
        [HIN_PILLAR_COMPLIANCE] = HIN_WORD_PILLAR_COMPLIANCE,
        [HIN_PILLAR_PRIVACY] = HIN_WORD_PILLAR_PRIVACY,
        [HIN_PILLAR_SECURITY] = HIN_WORD_PILLAR_SECURITY,
        [HIN_PILLAR_FAQ] = HIN_WORD_PILLAR_FAQ,
    };
    return words[pillar];
}

enum hin_word hin_word_of_kind(enum hin_claim_kind kind)
{
    static const enum hin_word words[HIN_CLAIM_KIND_COUNT] = {
        [HIN_CLAIM_PROBE] = HIN_WORD_KIND_PROBE,
        [HIN_CLAIM_INTAKE] = HIN_WORD_KIND_INTAKE,
        [HIN_CLAIM_REGISTER] = HIN_WORD_KIND_REGISTER,
        [HIN_CLAIM_DOCUMENT] = HIN_WORD_KIND_DOCUMENT,
    };
    return words[kind];
}

enum hin_word hin_word_of_missing(enum hin_claim_kind kind)
{
    static const enum hin_word words[HIN_CLAIM_KIND_COUNT] = {
        [HIN_CLAIM_PROBE] = HIN_WORD_HOW_KIND_PROBE,
        [HIN_CLAIM_INTAKE] = HIN_WORD_HOW_KIND_INTAKE,
        [HIN_CLAIM_REGISTER] = HIN_WORD_HOW_KIND_REGISTER,
        [HIN_CLAIM_DOCUMENT] = HIN_WORD_HOW_KIND_DOCUMENT,
    };
    return words[kind];
}

void hin_word_cadence(int64_t cadence_usec, enum hin_language language, char *out, size_t out_bytes)
{
    static const struct {
        int64_t usec;
        const char *words[HIN_LANGUAGE_COUNT];
    } known[] = {
        {HIN_HOUR_USEC, {"every hour", "毎時"}},
        {HIN_DAY_USEC, {"every day", "毎日"}},
        {7 * HIN_DAY_USEC, {"every week", "毎週"}},
        {28 * HIN_DAY_USEC, {"every four weeks", "4週間ごと"}},
        {91 * HIN_DAY_USEC, {"every quarter", "四半期ごと"}},
        {182 * HIN_DAY_USEC, {"twice a year", "半年ごと"}},
        {364 * HIN_DAY_USEC, {"every year", "毎年"}},
    };
    for (size_t i = 0; i < HIN_COUNT(known); i++) {
        if (known[i].usec == cadence_usec) {
            (void)snprintf(out, out_bytes, "%s", known[i].words[language]);
            return;
        }
    }
    long long minutes = (long long)(cadence_usec / HIN_MINUTE_USEC);
    if (language == HIN_JAPANESE) {
        (void)snprintf(out, out_bytes, "%lld分ごと", minutes);
    } else {
        (void)snprintf(out, out_bytes, "every %lld minutes", minutes);
    }
}

void hin_word_time(int64_t usec, char *out, size_t out_bytes)
{
    struct hin_civil civil;
    hin_time_to_civil(usec, &civil);
    (void)snprintf(out, out_bytes, "%04d-%02u-%02u %02u:%02u UTC", (int)civil.year,
                   (unsigned)civil.month, (unsigned)civil.day, (unsigned)civil.hour,
                   (unsigned)civil.minute);
}
