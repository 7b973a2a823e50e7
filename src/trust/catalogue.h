/* The catalogue of claims: content/trust/, read from a folder. Paragraphs of `key: value` lines,
 * separated by empty lines; a line that begins with a space goes on with the value before it; a
 * line that begins with `#` is a comment. The first key of a paragraph says what it is:
 *
 *     owner: operations            who answers for claims
 *     en: Operations
 *     ja: 運用責任者
 *
 *     probe: tls-floor             what a probe does, in words
 *     en: ...
 *     ja: ...
 *
 *     framework: pci-dss-4.0.1     followed by its sections
 *     en: PCI DSS 4.0.1
 *     ja: PCI DSS 4.0.1
 *     note-en, note-ja             optional: which part of it is listed; whether it is retired
 *
 *     section: 4.2                 of the framework before it
 *     en: Data on the way
 *     ja: 伝送中のデータ
 *     controls: 4.2.1 4.2.1.1      of at most 64 bytes each, between spaces of ASCII
 *
 *     claim: S19
 *     service, pillar, kind        as claim.h names them
 *     owner: operations
 *     cadence: 1d
 *     rows: P1
 *     probes: tls-floor            optional
 *     en, ja                       the statement
 *     pci-dss-4.0.1: 4.2.1 automated; 4.2.1.1 12.3.3 in part; 12.6.1 needs a person
 *
 * How far a claim answers a control is what holds now: without a probe a person has to show it.
 * Which files are read, in which order, says `order.txt`. Whatever is named has to stand before. */
#ifndef HIN_TRUST_CATALOGUE_H
#define HIN_TRUST_CATALOGUE_H

#include "crypt/hash.h"
#include "trust/claim.h"

enum {
    HIN_CATALOGUE_FILE_MAX = 512 * 1024,
    HIN_CATALOGUE_FILES_MAX = 32,
    HIN_CATALOGUE_CLAIMS_MAX = 1024,
    HIN_CATALOGUE_ARENA_MAX = 16 * 1024 * 1024,
};

struct hin_role_owner {
    struct hin_view id; /* "operations" */
    struct hin_text title;
};

struct hin_probe_text {
    struct hin_view id; /* "tls-floor" */
    struct hin_text text;
};

struct hin_framework_section {
    struct hin_view id; /* "4.2" */
    struct hin_text title;
    size_t first, count; /* of the framework's controls */
};

struct hin_framework {
    struct hin_view id; /* "pci-dss-4.0.1" */
    struct hin_text title;
    struct hin_text note;
    const struct hin_framework_section *sections;
    size_t section_count;
    const struct hin_view *controls; /* in the framework's order */
    size_t control_count;
};

/* What was read. Immutable once loaded: threads may share it. */
struct hin_catalogue;

/* Reads the folder. An error names file, line and column (bytes) and what to do. */
HIN_RESULT hin_catalogue_load(int folder, struct hin_catalogue **ret_catalogue,
                              struct hin_error *error);
/* The same from one text; `name` stands in errors. What the fuzzer and tests use. */
HIN_RESULT hin_catalogue_parse(struct hin_view text, const char *name,
                               struct hin_catalogue **ret_catalogue, struct hin_error *error);
void hin_catalogue_free(struct hin_catalogue *catalogue); /* NULL is fine */
void hin_catalogue_cleanup(struct hin_catalogue **catalogue);
/* SHA-256 over its files, in hex: two programs that answer the same read the same. */
void hin_catalogue_digest(const struct hin_catalogue *catalogue,
                          char ret_hex[HIN_SHA256_HEX_BYTES]) HIN_NONNULL;

/* In the order of the files. */
const struct hin_claim *hin_catalogue_claims(const struct hin_catalogue *catalogue,
                                             size_t *ret_count) HIN_NONNULL;
const struct hin_framework *hin_catalogue_frameworks(const struct hin_catalogue *catalogue,
                                                     size_t *ret_count) HIN_NONNULL;
const struct hin_probe_text *hin_catalogue_probes(const struct hin_catalogue *catalogue,
                                                  size_t *ret_count) HIN_NONNULL;
/* NULL: none of that name. */
const struct hin_claim *hin_catalogue_claim(const struct hin_catalogue *catalogue,
                                            struct hin_view id);
const struct hin_framework *hin_catalogue_framework(const struct hin_catalogue *catalogue,
                                                    struct hin_view id);
const struct hin_probe_text *hin_catalogue_probe(const struct hin_catalogue *catalogue,
                                                 struct hin_view id);

#endif
