/* The literal pre-filter: tables of literals and patterns, one database of libhs over the literals.
 */
#include "match/prefilter.h"

#include <hs/hs.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "base/codec.h"
#include "base/map.h"
#include "match/pattern_internal.h"

#define IMAGE_MAGIC       "HINPREF1"
#define IMAGE_VERSION     1 /* also: version of the choice of literals, see atoms.c */
#define LITERAL_MIN_BYTES 4
#define NUMBER_MIN_BYTES  6
#define LITERAL_MIN_SCORE 40 /* quarter bits: what is likelier costs more than it saves */
#define LITERAL_ARENA_MAX (UINT64_C(1) << 30)
#define WORK_ARENA_MAX    (4U << 20)
#define TYPICAL_BYTES     123 /* a log line, for the hint */

struct pair { /* literal -> pattern, before they are grouped */
    struct hin_view literal;
    uint32_t pattern;
};

struct hin_prefilter {
    uint32_t pattern_count;
    uint32_t literal_count;
    struct hin_view *literals; /* distinct, ascending; bytes in the arena */
    uint32_t *fan_start;       /* literal_count + 1 offsets into fan_out */
    uint32_t *fan_out;
    uint32_t *always;
    uint32_t always_count;
    uint64_t *always_bits;
    size_t word_count;
    double candidates_hint;
    struct hin_arena arena;
    hs_database_t *database; /* NULL when there is no literal */
};

struct scratch {
    struct hin_prefilter_scratch base;
    bool all; /* every bit is set, not only those of the candidates */
};

/* ---- tables ---- */

struct builder {
    struct pair *pairs;
    size_t count;
    size_t capacity;
    struct hin_arena work;
};

static HIN_RESULT builder_add(struct builder *builder, struct hin_arena *arena,
                              struct hin_view literal, uint32_t pattern)
{
    if (builder->count == builder->capacity) {
        size_t capacity = builder->capacity == 0 ? 1024 : builder->capacity * 2;
        struct pair *pairs = realloc(builder->pairs, capacity * sizeof(*pairs));
        HIN_ENSURE(pairs != NULL, NO_MEMORY);
        builder->pairs = pairs;
        builder->capacity = capacity;
    }
    struct pair *pair = &builder->pairs[builder->count];
    HIN_TRY(hin_arena_copy(arena, literal, &pair->literal));
    pair->pattern = pattern;
    builder->count++;
    return hin_ok();
}

static void builder_done(struct builder *builder)
{
    free(builder->pairs);
    hin_arena_done(&builder->work);
}

/* Worth a place in the database? What stands in most lines is not: it would only be reported, line
 * after line. Nor are bare numbers, which are ids and status codes: addresses and times hold any of
 * them. */
static bool usable(const struct hin_atoms *atoms)
{
    for (uint32_t i = 0; i < atoms->count; i++) {
        bool digits = true;
        for (size_t j = 0; j < atoms->items[i].size; j++) {
            digits = digits && atoms->items[i].data[j] >= '0' && atoms->items[i].data[j] <= '9';
        }
        if (atoms->items[i].size < LITERAL_MIN_BYTES ||
            (digits && atoms->items[i].size < NUMBER_MIN_BYTES)) {
            return false;
        }
    }
    return atoms->count > 0 && atoms->score >= LITERAL_MIN_SCORE;
}

static double chance_of(uint32_t score)
{
    double chance = TYPICAL_BYTES;
    for (uint32_t bits = score / 4; bits > 0 && chance > 1e-9; bits--) {
        chance /= 2;
    }
    return chance > 1 ? 1 : chance;
}

static HIN_RESULT add_pattern(struct hin_prefilter *prefilter, struct builder *builder,
                              const struct hin_pattern *pattern, uint32_t id)
{
    struct hin_atoms atoms;
    bool linear = false;
    hin_arena_reset(&builder->work);
    HIN_TRY(hin_atoms_extract(hin_pattern_pcre2(pattern), &builder->work, &atoms, &linear));
    if (!usable(&atoms)) {
        prefilter->always[prefilter->always_count++] = id;
        prefilter->always_bits[id >> 6] |= UINT64_C(1) << (id & 63);
        prefilter->candidates_hint += 1;
        return hin_ok();
    }
    prefilter->candidates_hint += chance_of(atoms.score);
    for (uint32_t i = 0; i < atoms.count; i++) {
        HIN_TRY(builder_add(builder, &prefilter->arena, atoms.items[i], id));
    }
    return hin_ok();
}

static int compare_pairs(const void *a, const void *b)
{
    const struct pair *left = a;
    const struct pair *right = b;
    int order = hin_view_compare(left->literal, right->literal);
    if (order != 0) {
        return order;
    }
    return left->pattern < right->pattern ? -1 : left->pattern > right->pattern;
}

static HIN_RESULT group_pairs(struct hin_prefilter *prefilter, struct builder *builder)
{
    HIN_ENSURE(builder->count < UINT32_MAX, LIMIT);
    prefilter->literals = calloc(builder->count + 1, sizeof(*prefilter->literals));
    prefilter->fan_start = calloc(builder->count + 1, sizeof(*prefilter->fan_start));
    prefilter->fan_out = calloc(builder->count + 1, sizeof(*prefilter->fan_out));
    HIN_ENSURE(prefilter->literals != NULL && prefilter->fan_start != NULL &&
                   prefilter->fan_out != NULL,
               NO_MEMORY);
    if (builder->count == 0) {
        return hin_ok();
    }
    qsort(builder->pairs, builder->count, sizeof(*builder->pairs), compare_pairs);
    for (size_t i = 0; i < builder->count; i++) {
        const struct pair *pair = &builder->pairs[i];
        if (i == 0 || !hin_view_equal(pair->literal, builder->pairs[i - 1].literal)) {
            prefilter->fan_start[prefilter->literal_count] = (uint32_t)i;
            prefilter->literals[prefilter->literal_count++] = pair->literal;
        }
        prefilter->fan_out[i] = pair->pattern;
    }
    prefilter->fan_start[prefilter->literal_count] = (uint32_t)builder->count;
    return hin_ok();
}

static HIN_RESULT fill_tables(struct hin_prefilter *prefilter, struct builder *builder,
                              const struct hin_pattern *const *patterns, size_t count)
{
    prefilter->pattern_count = (uint32_t)count;
    prefilter->word_count = count / 64 + 1;
    prefilter->always = calloc(count + 1, sizeof(*prefilter->always));
    prefilter->always_bits = calloc(prefilter->word_count, sizeof(*prefilter->always_bits));
    HIN_ENSURE(prefilter->always != NULL && prefilter->always_bits != NULL, NO_MEMORY);
    for (size_t i = 0; i < count; i++) {
        if (patterns[i] != NULL) {
            HIN_TRY(add_pattern(prefilter, builder, patterns[i], (uint32_t)i));
        }
    }
    return group_pairs(prefilter, builder);
}

/* Everything but the database. */
static HIN_RESULT tables_new(const struct hin_pattern *const *patterns, size_t count,
                             struct hin_prefilter **ret_prefilter)
{
    HIN_ENSURE(count <= HIN_PREFILTER_PATTERNS_MAX, LIMIT);
    struct hin_prefilter *prefilter = calloc(1, sizeof(*prefilter));
    HIN_ENSURE(prefilter != NULL, NO_MEMORY);
    hin_arena_init(&prefilter->arena, LITERAL_ARENA_MAX);
    struct builder builder = {0};
    hin_arena_init(&builder.work, WORK_ARENA_MAX);
    struct hin_result result = fill_tables(prefilter, &builder, patterns, count);
    builder_done(&builder);
    if (!hin_is_ok(result)) {
        hin_prefilter_free(prefilter);
        return result;
    }
    *ret_prefilter = prefilter;
    return hin_ok();
}

/* ---- database ---- */

static HIN_RESULT from_hs(hs_error_t error)
{
    switch (error) {
    case HS_SUCCESS:
        return hin_ok();
    case HS_NOMEM:
        return hin_fail(HIN_NO_MEMORY);
    case HS_DB_VERSION_ERROR:
    case HS_DB_PLATFORM_ERROR:
    case HS_DB_MODE_ERROR:
        return hin_fail(HIN_CONFLICT);
    default:
        return hin_fail(HIN_INTERNAL);
    }
}

struct expressions {
    const char **texts;
    size_t *sizes;
    unsigned *flags;
    unsigned *ids;
};

static void expressions_done(struct expressions *expressions)
{
    free(expressions->texts);
    free(expressions->sizes);
    free(expressions->flags);
    free(expressions->ids);
}

static HIN_RESULT compile_database(struct hin_prefilter *prefilter)
{
    uint32_t count = prefilter->literal_count;
    if (count == 0) {
        return hin_ok();
    }
    HIN_CLEANUP(expressions_done)
    struct expressions all = {calloc(count, sizeof(char *)), calloc(count, sizeof(size_t)),
                              calloc(count, sizeof(unsigned)), calloc(count, sizeof(unsigned))};
    HIN_ENSURE(all.texts != NULL && all.sizes != NULL && all.flags != NULL && all.ids != NULL,
               NO_MEMORY);
    for (uint32_t i = 0; i < count; i++) {
        all.texts[i] = (const char *)prefilter->literals[i].data;
        all.sizes[i] = prefilter->literals[i].size;
        all.flags[i] = HS_FLAG_CASELESS | HS_FLAG_SINGLEMATCH;
        all.ids[i] = i;
    }
    hs_compile_error_t *error = NULL;
    hs_error_t code = hs_compile_lit_multi(all.texts, all.flags, all.ids, all.sizes, count,
                                           HS_MODE_BLOCK, NULL, &prefilter->database, &error);
    if (error != NULL) {
        (void)hs_free_compile_error(error);
    }
    return from_hs(code);
}

HIN_RESULT hin_prefilter_new(const struct hin_pattern *const *patterns, size_t count,
                             struct hin_prefilter **ret_prefilter)
{
    struct hin_prefilter *prefilter = NULL;
    HIN_TRY(tables_new(patterns, count, &prefilter));
    struct hin_result result = compile_database(prefilter);
    if (!hin_is_ok(result)) {
        hin_prefilter_free(prefilter);
        return result;
    }
    *ret_prefilter = prefilter;
    return hin_ok();
}

void hin_prefilter_free(struct hin_prefilter *prefilter)
{
    if (prefilter == NULL) {
        return;
    }
    (void)hs_free_database(prefilter->database);
    free(prefilter->literals);
    free(prefilter->fan_start);
    free(prefilter->fan_out);
    free(prefilter->always);
    free(prefilter->always_bits);
    hin_arena_done(&prefilter->arena);
    free(prefilter);
}

void hin_prefilter_freep(struct hin_prefilter **prefilter)
{
    hin_prefilter_free(*prefilter);
    *prefilter = NULL;
}

/* ---- image ---- */

/* Binds an image to the literals and to the patterns behind them, in order. */
static uint64_t fingerprint_of(const struct hin_prefilter *prefilter)
{
    static const uint64_t key[2] = {UINT64_C(0x48696e6f6d692070), UINT64_C(0x726566696c746572)};
    uint64_t sum[3] = {prefilter->pattern_count, prefilter->literal_count, 0};
    for (uint32_t i = 0; i < prefilter->literal_count; i++) {
        const uint32_t *fan = prefilter->fan_out + prefilter->fan_start[i];
        size_t fan_bytes = (prefilter->fan_start[i + 1] - prefilter->fan_start[i]) * sizeof(*fan);
        uint64_t parts[3] = {sum[2], hin_siphash(key, prefilter->literals[i]),
                             hin_siphash(key, hin_view_of(fan, fan_bytes))};
        sum[2] = hin_siphash(key, hin_view_of(parts, sizeof(parts)));
    }
    return hin_siphash(key, hin_view_of(sum, sizeof(sum)));
}

static HIN_RESULT save_database(const struct hin_prefilter *prefilter, struct hin_buf *buf)
{
    if (prefilter->database == NULL) {
        return hin_write_bytes(buf, HIN_VIEW_EMPTY);
    }
    char *bytes = NULL;
    size_t size = 0;
    HIN_TRY(from_hs(hs_serialize_database(prefilter->database, &bytes, &size)));
    struct hin_result result = hin_write_bytes(buf, hin_view_of(bytes, size));
    free(bytes);
    return result;
}

HIN_RESULT hin_prefilter_save(const struct hin_prefilter *prefilter, struct hin_buf *buf)
{
    size_t begin = buf->size;
    HIN_TRY(hin_buf_append(buf, HIN_VIEW(IMAGE_MAGIC)));
    HIN_TRY(hin_write_u32(buf, IMAGE_VERSION));
    HIN_TRY(hin_write_bytes(buf, hin_view_from_text(hs_version())));
    HIN_TRY(hin_write_u64(buf, fingerprint_of(prefilter)));
    HIN_TRY(save_database(prefilter, buf));
    return hin_write_u32(buf, hin_crc32c(0, hin_view_sub(hin_buf_view(buf), begin, SIZE_MAX)));
}

static HIN_RESULT check_image(struct hin_view image, uint64_t *ret_fingerprint,
                              struct hin_view *ret_database)
{
    struct hin_view magic;
    uint32_t version = 0;
    uint32_t checksum = 0;
    struct hin_view library;
    HIN_ENSURE(image.size > 4, CORRUPT);
    struct hin_reader reader = hin_reader_of(hin_view_sub(image, 0, image.size - 4));
    struct hin_reader tail = hin_reader_of(hin_view_sub(image, image.size - 4, 4));
    HIN_TRY(hin_read_u32(&tail, &checksum));
    HIN_ENSURE(checksum == hin_crc32c(0, reader.rest), CORRUPT);
    HIN_ENSURE(hin_is_ok(hin_read_exact(&reader, sizeof(IMAGE_MAGIC) - 1, &magic)), CORRUPT);
    HIN_ENSURE(hin_view_is(magic, IMAGE_MAGIC), CORRUPT);
    HIN_ENSURE(hin_is_ok(hin_read_u32(&reader, &version)), CORRUPT);
    HIN_ENSURE(version == IMAGE_VERSION, CONFLICT);
    HIN_ENSURE(hin_is_ok(hin_read_bytes(&reader, 256, &library)), CORRUPT);
    HIN_ENSURE(hin_view_is(library, hs_version()), CONFLICT);
    HIN_ENSURE(hin_is_ok(hin_read_u64(&reader, ret_fingerprint)), CORRUPT);
    HIN_ENSURE(hin_is_ok(hin_read_bytes(&reader, image.size, ret_database)), CORRUPT);
    HIN_ENSURE(hin_is_ok(hin_read_end(&reader)), CORRUPT);
    return hin_ok();
}

static HIN_RESULT load_database(struct hin_prefilter *prefilter, uint64_t fingerprint,
                                struct hin_view database)
{
    HIN_ENSURE(fingerprint == fingerprint_of(prefilter), CONFLICT);
    HIN_ENSURE((database.size == 0) == (prefilter->literal_count == 0), CORRUPT);
    if (database.size == 0) {
        return hin_ok();
    }
    hs_error_t code =
        hs_deserialize_database((const char *)database.data, database.size, &prefilter->database);
    HIN_ENSURE(code != HS_INVALID, CORRUPT);
    return from_hs(code);
}

HIN_RESULT hin_prefilter_load(struct hin_view image, const struct hin_pattern *const *patterns,
                              size_t count, struct hin_prefilter **ret_prefilter)
{
    uint64_t fingerprint = 0;
    struct hin_view database;
    struct hin_prefilter *prefilter = NULL;
    HIN_TRY(check_image(image, &fingerprint, &database));
    HIN_TRY(tables_new(patterns, count, &prefilter));
    struct hin_result result = load_database(prefilter, fingerprint, database);
    if (!hin_is_ok(result)) {
        hin_prefilter_free(prefilter);
        return result;
    }
    *ret_prefilter = prefilter;
    return hin_ok();
}

/* ---- what it knows ---- */

void hin_prefilter_stats(const struct hin_prefilter *prefilter,
                         struct hin_prefilter_stats *ret_stats)
{
    *ret_stats = (struct hin_prefilter_stats){
        .pattern_count = prefilter->pattern_count,
        .literal_count = prefilter->literal_count,
        .always_count = prefilter->always_count,
        .candidates_hint = prefilter->candidates_hint,
    };
    for (uint32_t i = 0; i < prefilter->literal_count; i++) {
        ret_stats->fan_out_max =
            HIN_MAX(ret_stats->fan_out_max, prefilter->fan_start[i + 1] - prefilter->fan_start[i]);
    }
    if (prefilter->database != NULL &&
        hs_database_size(prefilter->database, &ret_stats->database_bytes) != HS_SUCCESS) {
        ret_stats->database_bytes = 0;
    }
}

void hin_prefilter_always(const struct hin_prefilter *prefilter, const uint32_t **ret_ids,
                          size_t *ret_count)
{
    *ret_ids = prefilter->always;
    *ret_count = prefilter->always_count;
}

static bool leads_to(const struct hin_prefilter *prefilter, uint32_t literal, uint32_t id)
{
    for (uint32_t at = prefilter->fan_start[literal]; at < prefilter->fan_start[literal + 1];
         at++) {
        if (prefilter->fan_out[at] == id) {
            return true;
        }
    }
    return false;
}

HIN_RESULT hin_prefilter_explain(const struct hin_prefilter *prefilter, uint32_t id,
                                 struct hin_buf *buf)
{
    HIN_ENSURE(id < prefilter->pattern_count, NOT_FOUND);
    bool any = false;
    for (uint32_t i = 0; i < prefilter->literal_count; i++) {
        if (leads_to(prefilter, i, id)) {
            any = true;
            HIN_TRY(hin_buf_append(buf, prefilter->literals[i]));
            HIN_TRY(hin_buf_append_byte(buf, '\n'));
        }
    }
    return any ? hin_ok() : hin_buf_append_text(buf, "(none)\n");
}

/* ---- scanning ---- */

static HIN_RESULT scratch_fill(const struct hin_prefilter *prefilter, struct scratch *scratch)
{
    scratch->base.prefilter = prefilter;
    scratch->base.possible = calloc(prefilter->word_count, sizeof(uint64_t));
    scratch->base.candidates = calloc((size_t)prefilter->pattern_count + 1, sizeof(uint32_t));
    HIN_ENSURE(scratch->base.possible != NULL && scratch->base.candidates != NULL, NO_MEMORY);
    hin_copy(scratch->base.possible, prefilter->always_bits,
             prefilter->word_count * sizeof(uint64_t));
    if (prefilter->database != NULL) {
        hs_scratch_t *internal = NULL;
        HIN_TRY(from_hs(hs_alloc_scratch(prefilter->database, &internal)));
        scratch->base.internal = internal;
    }
    return hin_ok();
}

HIN_RESULT hin_prefilter_scratch_new(const struct hin_prefilter *prefilter,
                                     struct hin_prefilter_scratch **ret_scratch)
{
    struct scratch *scratch = calloc(1, sizeof(*scratch));
    HIN_ENSURE(scratch != NULL, NO_MEMORY);
    struct hin_result result = scratch_fill(prefilter, scratch);
    if (!hin_is_ok(result)) {
        hin_prefilter_scratch_free(&scratch->base);
        return result;
    }
    *ret_scratch = &scratch->base;
    return hin_ok();
}

void hin_prefilter_scratch_free(struct hin_prefilter_scratch *scratch)
{
    if (scratch == NULL) {
        return;
    }
    (void)hs_free_scratch(scratch->internal);
    free(scratch->possible);
    free(scratch->candidates);
    free(scratch);
}

void hin_prefilter_scratch_freep(struct hin_prefilter_scratch **scratch)
{
    hin_prefilter_scratch_free(*scratch);
    *scratch = NULL;
}

static int on_literal(unsigned literal, unsigned long long from, unsigned long long to,
                      unsigned flags, void *context)
{
    struct hin_prefilter_scratch *scratch = context;
    const struct hin_prefilter *prefilter = scratch->prefilter;
    const uint32_t *end = prefilter->fan_out + prefilter->fan_start[literal + 1];
    (void)from;
    (void)to;
    (void)flags;
    for (const uint32_t *at = prefilter->fan_out + prefilter->fan_start[literal]; at < end; at++) {
        uint64_t bit = UINT64_C(1) << (*at & 63);
        uint64_t *word = &scratch->possible[*at >> 6];
        if ((*word & bit) == 0) {
            *word |= bit;
            scratch->candidates[scratch->candidate_count++] = *at;
        }
    }
    return 0;
}

/* Back to `always` alone; costs what the last scan found. */
static void forget(struct scratch *scratch)
{
    struct hin_prefilter_scratch *base = &scratch->base;
    if (scratch->all) {
        hin_copy(base->possible, base->prefilter->always_bits,
                 base->prefilter->word_count * sizeof(uint64_t));
        scratch->all = false;
    }
    for (uint32_t i = 0; i < base->candidate_count; i++) {
        base->possible[base->candidates[i] >> 6] &= ~(UINT64_C(1) << (base->candidates[i] & 63));
    }
    base->candidate_count = 0;
}

void hin_prefilter_all(struct hin_prefilter_scratch *base)
{
    struct scratch *scratch = (struct scratch *)base;
    forget(scratch);
    hin_fill(base->possible, 0xff, base->prefilter->word_count * sizeof(uint64_t));
    scratch->all = true;
}

HIN_RESULT hin_prefilter_scan(struct hin_prefilter_scratch *base, struct hin_view subject)
{
    forget((struct scratch *)base);
    if (base->prefilter->database == NULL || subject.size == 0) {
        return hin_ok();
    }
    hs_error_t code = HS_INVALID;
    if (subject.size <= UINT32_MAX) {
        code = hs_scan(base->prefilter->database, (const char *)subject.data,
                       (unsigned)subject.size, 0, base->internal, on_literal, base);
    }
    if (code != HS_SUCCESS) {
        hin_prefilter_all(base);
        return hin_fail(HIN_INTERNAL);
    }
    return hin_ok();
}
