#include "trust/words.h"

#include <stdio.h>

#include "base/bytes.h"
#include "base/time.h"

/* clang-format off: it counts a character of Japanese as one column and breaks lines within words */
static const char *const words[HIN_WORD_COUNT][HIN_LANGUAGE_COUNT] = {
    [HIN_WORD_TITLE] =
        {
            "What is promised here, and whether it holds",
            "約束と、それが守られているか",
        },
    [HIN_WORD_LEAD] =
        {
            "Each promise stands with what proves it. Probes try it live; their signed evidence "
            "decides what is shown. Nobody can set a promise to proven by hand.",
            "約束の一つ一つを、その証拠とともに示す。プローブが実際に試し、署名された証拠だけが表"
            "示を決める。手作業で「証明済み」にすることは誰にもできない。",
        },
    [HIN_WORD_AS_OF] = {"As of", "基準日時"},
    [HIN_WORD_LEGEND] = {"What the marks say", "表示の意味"},
    [HIN_WORD_PROVEN] = {"proven", "証明済み"},
    [HIN_WORD_FAILED] = {"failed", "不合格"},
    [HIN_WORD_STALE] = {"stale", "期限切れ"},
    [HIN_WORD_NOT_ASSESSED] = {"not assessed", "未評価"},
    [HIN_WORD_PROVEN_MEANS] =
        {
            "every probe it hangs on found that it holds, and that is still valid",
            "関係するすべてのプローブが守られていることを確認し、その証拠が有効である",
        },
    [HIN_WORD_FAILED_MEANS] =
        {
            "a probe found that it does not hold; that stays until it is proven again",
            "プローブが守られていないことを検出した。再び証明されるまでこの表示が続く",
        },
    [HIN_WORD_STALE_MEANS] =
        {
            "it was proven, but the evidence is no longer valid",
            "以前に証明されたが、証拠の有効期限が過ぎている",
        },
    [HIN_WORD_NOT_ASSESSED_MEANS] =
        {
            "nothing has looked at it yet, or a probe has not run",
            "まだ何も確認していないか、プローブが実行されていない",
        },
    [HIN_WORD_FRAMEWORKS] = {"Mapping to frameworks", "フレームワークとの対応"},
    [HIN_WORD_MAPPED_ONLY] =
        {
            "Mapped means that a promise answers to a control, for this installation alone. It "
            "does not say that anybody is certified.",
            "「対応」とは、この環境に限り、約束が要求事項に応えるものであることを示す。認証を受け"
            "ていることを意味しない。",
        },
    [HIN_WORD_COVERAGE_MEANS] =
        {
            "Each control counts once, by the best that any promise gives it. Automated: a probe "
            "shows by itself what is asked for. In part: it shows a part of that. Needs a "
            "person: a person has to show it. Not mapped: no promise answers to it.",
            "各要求事項は、対応する約束のうち最も進んだ区分で一度だけ数える。「自動」はプローブが"
            "求められる内容を単独で示すこと、「一部自動」はその一部を示すこと、「人手が必要」は人"
            "が示す必要があること、「対応なし」は応える約束がないことを表す。",
        },
    [HIN_WORD_FRAMEWORK] = {"Framework", "フレームワーク"},
    [HIN_WORD_CONTROLS] = {"Controls", "要求事項数"},
    [HIN_WORD_CONTROL] = {"Control", "要求事項"},
    [HIN_WORD_AUTOMATED] = {"automated", "自動"},
    [HIN_WORD_IN_PART] = {"in part", "一部自動"},
    [HIN_WORD_PERSON] = {"needs a person", "人手が必要"},
    [HIN_WORD_UNMAPPED] = {"not mapped", "対応なし"},
    [HIN_WORD_PROVEN_NOW] = {"proven now", "現在証明済み"},
    [HIN_WORD_FAILED_NOW] = {"failed now", "現在不合格"},
    [HIN_WORD_DEGREE] = {"How far", "対応区分"},
    [HIN_WORD_STATE] = {"State", "状態"},
    [HIN_WORD_NUMBER] = {"No.", "番号"},
    [HIN_WORD_PROMISES] = {"Promises", "約束"},
    [HIN_WORD_PROMISES_MAPPED] = {"The promises that are mapped here", "対応する約束"},
    [HIN_WORD_DETAILS] = {"Evidence and details", "証拠と詳細"},
    [HIN_WORD_LAST_PROVEN] = {"Last proven", "最終証明日時"},
    [HIN_WORD_FOUND_FAILING] = {"Found failing", "不合格の検出日時"},
    [HIN_WORD_NEVER] = {"never", "なし"},
    [HIN_WORD_VALID_UNTIL] = {"Valid until", "有効期限"},
    [HIN_WORD_REASON] = {"Reason", "理由"},
    [HIN_WORD_REMARK] = {"To be known", "付記"},
    [HIN_WORD_HOW] = {"How it is proven", "証明の方法"},
    [HIN_WORD_HOW_KIND_PROBE] =
        {
            "A probe will try it; there is none yet.",
            "プローブで確認する約束であるが、プローブはまだない。",
        },
    [HIN_WORD_HOW_KIND_INTAKE] =
        {
            "Results of outside tools will be taken in and judged; none are yet.",
            "外部ツールの結果を取り込んで判定する約束であるが、取り込みはまだない。",
        },
    [HIN_WORD_HOW_KIND_REGISTER] =
        {
            "People do it; a register of it is not kept here yet.",
            "人が行う約束であり、その台帳はまだここにない。",
        },
    [HIN_WORD_HOW_KIND_DOCUMENT] =
        {
            "Somebody issues a paper; none has been deposited here yet.",
            "第三者などが発行する文書で示す約束であり、文書はまだ提出されていない。",
        },
    [HIN_WORD_EVIDENCE] = {"Evidence", "証拠"},
    [HIN_WORD_NO_EVIDENCE] = {"none", "なし"},
    [HIN_WORD_OWNER] = {"Who answers for it", "責任者"},
    [HIN_WORD_CADENCE] = {"How often", "頻度"},
    [HIN_WORD_KIND] = {"Kind of evidence", "証拠の種類"},
    [HIN_WORD_KIND_PROBE] = {"probe", "プローブ"},
    [HIN_WORD_KIND_INTAKE] = {"intake", "外部ツールの結果"},
    [HIN_WORD_KIND_REGISTER] = {"register", "台帳"},
    [HIN_WORD_KIND_DOCUMENT] = {"document", "文書"},
    [HIN_WORD_MAPPED_TO] = {"Mapped to", "対応する要求事項"},
    [HIN_WORD_SERVICE_PLATFORM] = {"Platform and all services", "基盤と全サービス共通"},
    [HIN_WORD_SERVICE_WORKLOAD] = {"Workload Security", "ワークロードセキュリティ"},
    [HIN_WORD_SERVICE_NETWORK] = {"Network Security", "ネットワークセキュリティ"},
    [HIN_WORD_SERVICE_APPLICATION] = {"Application Security", "アプリケーションセキュリティ"},
    [HIN_WORD_SERVICE_CONTAINER] = {"Container Security", "コンテナセキュリティ"},
    [HIN_WORD_SERVICE_FILE_STORAGE] = {"File Storage Security", "ファイルストレージセキュリティ"},
    [HIN_WORD_PILLAR_COMPLIANCE] = {"Compliance", "コンプライアンス"},
    [HIN_WORD_PILLAR_PRIVACY] = {"Privacy", "プライバシー"},
    [HIN_WORD_PILLAR_SECURITY] = {"Security", "セキュリティ"},
    [HIN_WORD_PILLAR_FAQ] = {"Questions often asked", "よくある質問"},
    [HIN_WORD_SERVICES] = {"Services", "サービス"},
    [HIN_WORD_SKIP] = {"To the promises", "本文へ"},
    [HIN_WORD_ALL_PROMISES] = {"All promises", "すべての約束"},
    [HIN_WORD_VERIFY] =
        {
            "Evidence is checked without the manager, with nothing but the installation's "
            "fingerprint",
            "証拠は、この環境のフィンガープリントだけを使い、マネージャーなしで検証できる",
        },
    [HIN_WORD_FINGERPRINT] = {"Fingerprint of this installation", "この環境のフィンガープリント"},
    [HIN_WORD_AS_DATA] = {"The same as data", "同じ内容のデータ"},
    [HIN_WORD_CATALOGUE] = {"Catalogue", "カタログ"},
    [HIN_WORD_MADE_BY] = {"Made by Hinomi", "Hinomiにより作成"},
};
/* clang-format on */

const char *hin_word(enum hin_word word, enum hin_language language)
{
    return words[word][language];
}

enum hin_word hin_word_of_status(enum hin_claim_status status)
{
    static const enum hin_word of[HIN_CLAIM_STATUS_COUNT] = {
        [HIN_CLAIM_NOT_ASSESSED] = HIN_WORD_NOT_ASSESSED,
        [HIN_CLAIM_PROVEN] = HIN_WORD_PROVEN,
        [HIN_CLAIM_FAILED] = HIN_WORD_FAILED,
        [HIN_CLAIM_STALE] = HIN_WORD_STALE,
    };
    return of[status];
}

enum hin_word hin_word_of_status_meaning(enum hin_claim_status status)
{
    static const enum hin_word of[HIN_CLAIM_STATUS_COUNT] = {
        [HIN_CLAIM_NOT_ASSESSED] = HIN_WORD_NOT_ASSESSED_MEANS,
        [HIN_CLAIM_PROVEN] = HIN_WORD_PROVEN_MEANS,
        [HIN_CLAIM_FAILED] = HIN_WORD_FAILED_MEANS,
        [HIN_CLAIM_STALE] = HIN_WORD_STALE_MEANS,
    };
    return of[status];
}

enum hin_word hin_word_of_degree(enum hin_degree degree)
{
    static const enum hin_word of[HIN_DEGREE_COUNT] = {
        [HIN_DEGREE_AUTOMATED] = HIN_WORD_AUTOMATED,
        [HIN_DEGREE_IN_PART] = HIN_WORD_IN_PART,
        [HIN_DEGREE_PERSON] = HIN_WORD_PERSON,
    };
    return of[degree];
}

enum hin_word hin_word_of_service(enum hin_claim_service service)
{
    static const enum hin_word of[HIN_SERVICE_COUNT] = {
        [HIN_SERVICE_PLATFORM] = HIN_WORD_SERVICE_PLATFORM,
        [HIN_SERVICE_WORKLOAD] = HIN_WORD_SERVICE_WORKLOAD,
        [HIN_SERVICE_NETWORK] = HIN_WORD_SERVICE_NETWORK,
        [HIN_SERVICE_APPLICATION] = HIN_WORD_SERVICE_APPLICATION,
        [HIN_SERVICE_CONTAINER] = HIN_WORD_SERVICE_CONTAINER,
        [HIN_SERVICE_FILE_STORAGE] = HIN_WORD_SERVICE_FILE_STORAGE,
    };
    return of[service];
}

enum hin_word hin_word_of_pillar(enum hin_claim_pillar pillar)
{
    static const enum hin_word of[HIN_PILLAR_COUNT] = {
        [HIN_PILLAR_COMPLIANCE] = HIN_WORD_PILLAR_COMPLIANCE,
        [HIN_PILLAR_PRIVACY] = HIN_WORD_PILLAR_PRIVACY,
        [HIN_PILLAR_SECURITY] = HIN_WORD_PILLAR_SECURITY,
        [HIN_PILLAR_FAQ] = HIN_WORD_PILLAR_FAQ,
    };
    return of[pillar];
}

enum hin_word hin_word_of_kind(enum hin_claim_kind kind)
{
    static const enum hin_word of[HIN_CLAIM_KIND_COUNT] = {
        [HIN_CLAIM_PROBE] = HIN_WORD_KIND_PROBE,
        [HIN_CLAIM_INTAKE] = HIN_WORD_KIND_INTAKE,
        [HIN_CLAIM_REGISTER] = HIN_WORD_KIND_REGISTER,
        [HIN_CLAIM_DOCUMENT] = HIN_WORD_KIND_DOCUMENT,
    };
    return of[kind];
}

enum hin_word hin_word_of_missing(enum hin_claim_kind kind)
{
    static const enum hin_word of[HIN_CLAIM_KIND_COUNT] = {
        [HIN_CLAIM_PROBE] = HIN_WORD_HOW_KIND_PROBE,
        [HIN_CLAIM_INTAKE] = HIN_WORD_HOW_KIND_INTAKE,
        [HIN_CLAIM_REGISTER] = HIN_WORD_HOW_KIND_REGISTER,
        [HIN_CLAIM_DOCUMENT] = HIN_WORD_HOW_KIND_DOCUMENT,
    };
    return of[kind];
}

void hin_word_cadence(int64_t cadence_usec, enum hin_language language, char *out, size_t out_bytes)
{
    static const struct {
        int64_t usec;
        const char *said[HIN_LANGUAGE_COUNT];
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
            (void)snprintf(out, out_bytes, "%s", known[i].said[language]);
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
