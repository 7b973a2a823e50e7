/* What pages and papers say around the claims, in each language. */
#ifndef HIN_TRUST_WORDS_H
#define HIN_TRUST_WORDS_H

#include "trust/catalogue.h"

/* name, English, Japanese */
#define HIN_WORDS(X)                                                                                                                            \
    X(TITLE, "What is promised here, and whether it holds", "約束と、それが守られているか")                                                     \
    X(LEAD,                                                                                                                                     \
      "Each promise stands with what proves it. Probes try it live; their signed evidence "                                                     \
      "decides "                                                                                                                                \
      "what is shown. Nobody can set a promise to proven by hand.",                                                                             \
      "約束の一つ一つを、その証拠とともに示す。プローブが実際に試し、署名された証拠だけが表示を"    \
      "決める。手作業で「証明済み」にすることは誰にもできない。")                                                                               \
    X(AS_OF, "As of", "基準日時")                                                                                                               \
    X(LEGEND, "What the marks say", "表示の意味")                                                                                               \
    X(PROVEN, "proven", "証明済み")                                                                                                             \
    X(FAILED, "failed", "不合格")                                                                                                               \
    X(STALE, "stale", "期限切れ")                                                                                                               \
    X(NOT_ASSESSED, "not assessed", "未評価")                                                                                                   \
    X(PROVEN_MEANS, "every probe it hangs on found that it holds, and that is still valid",                                                     \
      "関係するすべてのプローブが守られていることを確認し、その証拠が有効である")                                                               \
    X(FAILED_MEANS, "a probe found that it does not hold; that stays until it is proven again",                                                 \
      "プローブが守られていないことを検出した。再び証明されるまでこの表示が続く")                                                               \
    X(STALE_MEANS, "it was proven, but the evidence is no longer valid",                                                                        \
      "以前に証明されたが、証拠の有効期限が過ぎている")                                                                                         \
    X(NOT_ASSESSED_MEANS, "nothing has looked at it yet, or a probe has not run",                                                               \
      "まだ何も確認していないか、プローブが実行されていない")                                                                                   \
    X(FRAMEWORKS, "Mapping to frameworks", "フレームワークとの対応")                                                                            \
    X(MAPPED_ONLY,                                                                                                                              \
      "Mapped means that a promise answers to a control. It does not say that anybody is "                                                      \
      "certified.",                                                                                                                             \
      "「対応」とは、約束が要求事項に応えるものであることを示す。認証を受けていることを意味しない" \
      "。")                                                                                                                                     \
    X(COVERAGE_MEANS,                                                                                                                           \
      "Each control counts once, by the best that any promise gives it. Automated: a probe shows "                                              \
      "by "                                                                                                                                     \
      "itself what is asked for. In part: it shows a part of that. Needs a person: a person has "                                               \
      "to "                                                                                                                                     \
      "show it. Not mapped: no promise answers to it.",                                                                                         \
      "各要求事項は、対応する約束のうち最も高い水準で一度だけ数える。「自動」はプローブが求められ" \
      "る内容を"                                                                                                                            \
      "単独で示すこと、「一部自動」はその一部を示すこと、「人が必要」は人が示す必要があること、「" \
      "対応なし」は"                                                                                                                      \
      "応える約束がないことを表す。")                                                                                                           \
    X(FRAMEWORK, "Framework", "フレームワーク")                                                                                                 \
    X(CONTROLS, "Controls", "要求事項数")                                                                                                       \
    X(CONTROL, "Control", "要求事項")                                                                                                           \
    X(AUTOMATED, "automated", "自動")                                                                                                           \
    X(IN_PART, "in part", "一部自動")                                                                                                           \
    X(PERSON, "needs a person", "人が必要")                                                                                                     \
    X(UNMAPPED, "not mapped", "対応なし")                                                                                                       \
    X(PROVEN_NOW, "proven now", "現在証明済み")                                                                                                 \
    X(FAILED_NOW, "failed now", "現在不合格")                                                                                                   \
    X(DEGREE, "How far", "水準")                                                                                                                \
    X(STATE, "State", "状態")                                                                                                                   \
    X(NUMBER, "No.", "番号")                                                                                                                    \
    X(PROMISES, "Promises", "約束")                                                                                                             \
    X(PROMISES_MAPPED, "The promises that are mapped here", "対応する約束")                                                                     \
    X(DETAILS, "Evidence and details", "証拠と詳細")                                                                                            \
    X(LAST_PROVEN, "Last proven", "最終証明日時")                                                                                               \
    X(FOUND_FAILING, "Found failing", "不合格の検出日時")                                                                                       \
    X(NEVER, "never", "なし")                                                                                                                   \
    X(VALID_UNTIL, "Valid until", "有効期限")                                                                                                   \
    X(REASON, "Reason", "理由")                                                                                                                 \
    X(HOW, "How it is proven", "証明の方法")                                                                                                    \
    X(HOW_KIND_PROBE, "A probe will try it; there is none yet.",                                                                                \
      "プローブで確認する約束であるが、プローブはまだない。")                                                                                   \
    X(HOW_KIND_INTAKE, "Results of outside tools will be taken in and judged; none are yet.",                                                   \
      "外部ツールの結果を取り込んで判定する約束であるが、取り込みはまだない。")                                                                 \
    X(HOW_KIND_REGISTER, "People do it; a register of it is not kept here yet.",                                                                \
      "人が行う約束であり、その台帳はまだここにない。")                                                                                         \
    X(HOW_KIND_DOCUMENT, "Somebody issues a paper; none has been deposited here yet.",                                                          \
      "第三者などが発行する文書で示す約束であり、文書はまだ提出されていない。")                                                                 \
    X(EVIDENCE, "Evidence", "証拠")                                                                                                             \
    X(NO_EVIDENCE, "none", "なし")                                                                                                              \
    X(OWNER, "Who answers for it", "責任者")                                                                                                    \
    X(CADENCE, "How often", "頻度")                                                                                                             \
    X(KIND, "Kind of evidence", "証拠の種類")                                                                                                   \
    X(KIND_PROBE, "probe", "プローブ")                                                                                                          \
    X(KIND_INTAKE, "intake", "外部ツールの結果")                                                                                                \
    X(KIND_REGISTER, "register", "台帳")                                                                                                        \
    X(KIND_DOCUMENT, "document", "文書")                                                                                                        \
    X(MAPPED_TO, "Mapped to", "対応する要求事項")                                                                                               \
    X(SERVICE_PLATFORM, "Platform and all services", "基盤と全サービス共通")                                                                    \
    X(SERVICE_WORKLOAD, "Workload Security", "ワークロードセキュリティ")                                                                        \
    X(SERVICE_NETWORK, "Network Security", "ネットワークセキュリティ")                                                                          \
    X(SERVICE_APPLICATION, "Application Security", "アプリケーションセキュリティ")                                                              \
    X(SERVICE_CONTAINER, "Container Security", "コンテナセキュリティ")                                                                          \
    X(SERVICE_FILE_STORAGE, "File Storage Security", "ファイルストレージセキュリティ")                                                          \
    X(PILLAR_COMPLIANCE, "Compliance", "コンプライアンス")                                                                                      \
    X(PILLAR_PRIVACY, "Privacy", "プライバシー")                                                                                                \
    X(PILLAR_SECURITY, "Security", "セキュリティ")                                                                                              \
    X(PILLAR_FAQ, "Questions often asked", "よくある質問")                                                                                      \
    X(SERVICES, "Services", "サービス")                                                                                                         \
    X(SKIP, "To the promises", "本文へ")                                                                                                        \
    X(ALL_PROMISES, "All promises", "すべての約束")                                                                                             \
    X(VERIFY,                                                                                                                                   \
      "Evidence is checked without the manager, with nothing but the installation's fingerprint",                                               \
      "証拠は、この環境のフィンガープリントだけを使い、マネージャーなしで検証できる")                                                           \
    X(FINGERPRINT, "Fingerprint of this installation", "この環境のフィンガープリント")                                                          \
    X(AS_DATA, "The same as data", "同じ内容のデータ")                                                                                          \
    X(CATALOGUE, "Catalogue", "カタログ")                                                                                                       \
    X(MADE_BY, "Made by Hinomi", "Hinomiにより作成")

enum hin_word {
#define X(name, english, japanese) HIN_WORD_##name,
    HIN_WORDS(X)
#undef X
        HIN_WORD_COUNT
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
