#include "fixture.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "event/codec.h"
#include "server.h"

static HIN_RESULT give_sealer(void *context, struct hin_sealer **ret_sealer)
{
    struct keys *keys = context;
    *ret_sealer = keys->sealer;
    return hin_ok();
}

static HIN_RESULT secret_of(const uint8_t *id, struct hin_secret *ret_secret)
{
    uint8_t key[HIN_SEAL_KEY_BYTES];
    hin_fill(key, (uint8_t)(id[0] - 1), sizeof(key));
    return hin_secret_from(ret_secret, hin_view_of(key, sizeof(key)));
}

/* As the key service, of a key that stands in the key table: AGAIN while it is away. */
static HIN_RESULT find_key(void *context, const uint8_t key_id[HIN_SEAL_KEY_ID_BYTES],
                           struct hin_secret *ret_key)
{
    struct keys *keys = context;
    HIN_CLEANUP(hin_buf_done) struct hin_buf wrapped = {.max = 1024};
    uint32_t version = 0;
    bool known = keys->made[key_id[0]] && !keys->gone[key_id[0]];
    for (size_t i = 1; known && i < HIN_SEAL_KEY_ID_BYTES; i++) {
        known = key_id[i] == key_id[0];
    }
    HIN_ENSURE(known, NOT_FOUND);
    if (keys->store != NULL) {
        HIN_TRY(hin_store_key_get(keys->store, key_id, &wrapped, &version));
    }
    HIN_ENSURE(!keys->away, AGAIN);
    return secret_of(key_id, ret_key);
}

static HIN_RESULT fetch_index(void *context, struct hin_index_keys *ret_keys)
{
    const struct keys *keys = context;
    HIN_ENSURE(!keys->away, AGAIN);
    for (size_t i = 0; i < HIN_INDEX_VERSIONS_MAX && keys->index_versions[i] != 0; i++) {
        uint8_t key[HIN_INDEX_KEY_BYTES];
        hin_fill(key, (uint8_t)(keys->seed + keys->index_versions[i] - 1), sizeof(key));
        HIN_TRY(hin_secret_from(&ret_keys->keys[i], hin_view_of(key, sizeof(key))));
        ret_keys->versions[i] = keys->index_versions[i];
        ret_keys->count = i + 1;
    }
    return hin_ok();
}

void keys_index(struct keys *keys, uint32_t newest, uint32_t former)
{
    keys->index_versions[0] = newest;
    keys->index_versions[1] = former;
}

HIN_RESULT keys_renew(void *context)
{
    struct keys *keys = context;
    HIN_CLEANUP(hin_secret_done) struct hin_secret secret = {0};
    struct hin_sealer *sealer = NULL;
    uint8_t id[HIN_SEAL_KEY_ID_BYTES];
    HIN_ENSURE(!keys->away, AGAIN);
    struct hin_result put = hin_fail(HIN_EXISTS);
    for (unsigned i = keys->id[0] + 1u; put.code == HIN_EXISTS && i < 255; i++) {
        hin_fill(id, (uint8_t)i, sizeof(id));
        put = hin_store_key_put(keys->store, id, 1, HIN_VIEW("wrapped"), NOW);
    }
    HIN_TRY(put);
    HIN_TRY(secret_of(id, &secret));
    HIN_TRY(hin_sealer_new(&sealer, id, &secret));
    hin_sealer_free(keys->sealer);
    keys->sealer = sealer;
    keys->made[id[0]] = true;
    hin_copy(keys->id, id, sizeof(id));
    return hin_opener_add(keys->opener, id, &secret);
}

void keys_leave(struct keys *keys)
{
    keys->away = true;
    hin_opener_forget(keys->opener, NULL);
}

HIN_RESULT keys_new(struct keys *keys, uint8_t seed)
{
    struct hin_key_source source = {find_key, keys};
    uint8_t key[HIN_SEAL_KEY_BYTES], id[HIN_SEAL_KEY_ID_BYTES];
    struct hin_secret secret;
    hin_fill(key, seed, sizeof(key));
    hin_fill(id, (uint8_t)(seed + 1), sizeof(id));
    *keys = (struct keys){.seed = seed, .index_versions = {HIN_INDEX_FIRST}};
    HIN_TRY(hin_secret_from(&secret, hin_view_of(key, sizeof(key))));
    hin_copy(keys->id, id, sizeof(id));
    keys->made[id[0]] = true;
    struct hin_result result = hin_sealer_new(&keys->sealer, id, &secret);
    if (hin_is_ok(result)) {
        result = hin_opener_new(&keys->opener, &source, 8);
    }
    if (hin_is_ok(result)) {
        result = hin_opener_add(keys->opener, id, &secret);
    }
    if (hin_is_ok(result)) {
        result = hin_index_new(&keys->index, &secret);
    }
    if (hin_is_ok(result)) {
        hin_index_source(keys->index, fetch_index, keys);
    }
    hin_secret_done(&secret);
    return result;
}

void keys_free(struct keys *keys)
{
    hin_sealer_free(keys->sealer);
    hin_opener_free(keys->opener);
    hin_index_free(keys->index);
}

struct hin_store_keys keys_of(struct keys *keys)
{
    return (struct hin_store_keys){.sealer = give_sealer,
                                   .context = keys,
                                   .opener = keys->opener,
                                   .index = keys->index,
                                   .renew = keys_renew};
}

struct hin_store_options fixture_options(const struct fixture *f)
{
    return (struct hin_store_options){.directory = f->directory,
                                      /* or one that was laid there by hand */
                                      .tenant = f->tenant[0] != 0 ? f->tenant : "t0",
                                      .server = test_server(),
                                      .observer = f->observer};
}

HIN_RESULT fixture_open(struct fixture *f)
{
    struct hin_store_options options = fixture_options(f);
    options.create = true;
    struct hin_error error = {0};
    struct hin_store_keys keys = keys_of(&f->keys);
    struct hin_result opened = hin_store_open(&f->store, &options, &error);
    if (!hin_is_ok(opened)) {
        if (error.text[0] != 0) {
            (void)printf("# %s: %s\n", f->tenant, error.text);
        }
        return opened;
    }
    f->keys.store = f->store;
    struct hin_result result = hin_store_key_put(f->store, f->keys.id, 1, HIN_VIEW("wrapped"), NOW);
    if (hin_is_ok(result) || result.code == HIN_EXISTS) {
        result = hin_store_unlock(f->store, &keys);
    }
    if (!hin_is_ok(result)) {
        fixture_close(f);
    }
    return result;
}

/* Schemas outlive the tests that made them. */
static void name_tenant(struct fixture *f, const char *alone)
{
    static unsigned count;
    (void)snprintf(f->tenant, sizeof(f->tenant), "%s", alone);
    if (test_server() != NULL) {
        (void)snprintf(f->tenant, sizeof(f->tenant), "t%u", ++count);
    }
}

HIN_RESULT fixture_beside(struct fixture *f, const struct fixture *first)
{
    *f = (struct fixture){.directory = dup(first->directory)};
    HIN_ENSURE(f->directory >= 0, IO);
    name_tenant(f, "beside");
    HIN_TRY(keys_new(&f->keys, 90));
    return fixture_open(f);
}

HIN_RESULT fixture_start(struct fixture *f, const char *name)
{
    *f = (struct fixture){.directory = -1, .observer = f->observer};
    name_tenant(f, "t0");
    (void)snprintf(f->folder, sizeof(f->folder), "%s/%s", test_folder(), name);
    HIN_ENSURE(mkdir(f->folder, 0700) == 0, IO);
    f->directory = open(f->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    HIN_ENSURE(f->directory >= 0, IO);
    HIN_TRY(keys_new(&f->keys, 7));
    return fixture_open(f);
}

void fixture_close(struct fixture *f)
{
    hin_store_close(f->store);
    f->store = NULL;
    f->keys.store = NULL;
}

void fixture_stop(struct fixture *f)
{
    fixture_close(f);
    keys_free(&f->keys);
    if (f->directory >= 0) {
        close(f->directory);
    }
}

HIN_RESULT salvage(struct fixture *f, struct hin_store_salvaged *ret_salvaged)
{
    struct hin_store_options options = fixture_options(f);
    struct hin_error error = {0};
    HIN_TRY(hin_store_salvage_make(&options, NOW, ret_salvaged, &error));
    return hin_store_salvage_take(&options);
}

static HIN_RESULT make_one(struct events *events, struct keys *keys, const struct shape *shape,
                           size_t i)
{
    struct hin_event event;
    struct hin_view text;
    int64_t time_usec = shape->time_usec + (int64_t)i * 1000000;
    hin_event_init_finding(&event, &events->arena, time_usec, time_usec, 5716 + (int64_t)(i % 3),
                           (int64_t)(i % 17));
    HIN_TRY(hin_arena_printf(&events->arena, &text, "user%zu", i % 50));
    HIN_TRY(hin_event_set_text(&event, HIN_FIELD_USER, text));
    HIN_TRY(hin_arena_printf(&events->arena, &text, "203.0.113.%zu", i % 250));
    HIN_TRY(hin_event_set_text(&event, HIN_FIELD_SRC_IP, text));
    HIN_TRY(hin_arena_printf(&events->arena, &text, "id-%llu",
                             (unsigned long long)(shape->first_offset + i * 100)));
    HIN_TRY(hin_event_set_text(&event, HIN_FIELD_LOG_ID, text));
    HIN_TRY(hin_event_set_text(
        &event, HIN_FIELD_RAW,
        hin_view_from_text(shape->raw != NULL ? shape->raw : "Failed password for someone")));
    struct hin_buf buf;
    hin_buf_init(&buf, HIN_EVENT_MAX_BYTES);
    struct hin_result result = hin_event_encode(&event, &buf);
    struct hin_store_event *to = &events->list[i];
    if (hin_is_ok(result)) {
        result = hin_arena_copy(&events->arena, hin_buf_view(&buf), &to->bytes);
    }
    hin_buf_done(&buf);
    HIN_TRY(result);
    uint64_t *tokens = NULL;
    HIN_TRY(HIN_ARENA_ARRAY(&events->arena, HIN_STORE_TOKENS_MAX / 8, &tokens));
    HIN_TRY(hin_store_tokens(keys->index, &event, &events->arena, tokens, &to->token_count));
    to->tokens = tokens;
    to->index_version = hin_index_version(keys->index);
    to->time_usec = time_usec;
    to->computer_id = shape->agent;
    to->class_uid = HIN_CLASS_DETECTION_FINDING;
    to->severity_id = (uint8_t)hin_event_integer(&event, HIN_FIELD_SEVERITY);
    to->identity = (struct hin_store_identity){.agent = shape->agent,
                                               .generation = shape->generation,
                                               .offset = shape->first_offset + i * 100};
    return hin_ok();
}

HIN_RESULT events_make(struct events *events, struct keys *keys, const struct shape *shape,
                       size_t count)
{
    hin_arena_init(&events->arena, 512u << 20);
    events->count = count;
    events->list = calloc(count > 0 ? count : 1, sizeof(*events->list));
    HIN_ENSURE(events->list != NULL, NO_MEMORY);
    for (size_t i = 0; i < count; i++) {
        HIN_TRY(make_one(events, keys, shape, i));
    }
    return hin_ok();
}

void events_free(struct events *events)
{
    free(events->list);
    hin_arena_done(&events->arena);
}

HIN_RESULT commit_some(struct fixture *f, const struct shape *shape, size_t count, int64_t now_usec,
                       struct hin_store_committed *ret_committed)
{
    struct events events;
    struct hin_result result = events_make(&events, &f->keys, shape, count);
    if (hin_is_ok(result)) {
        result = hin_store_commit(f->store, events.list, count, NULL, 0, now_usec, ret_committed);
        if (!hin_is_ok(result) && hin_store_trouble(f->store)[0] != 0) {
            (void)printf("# %s\n", hin_store_trouble(f->store));
        }
    }
    events_free(&events);
    return result;
}

HIN_RESULT commit_modules(struct fixture *f, const unsigned *modules, size_t module_count,
                          const struct shape *shape, size_t count, int64_t now_usec,
                          struct hin_store_committed *ret_committed)
{
    struct events events;
    struct hin_result result = events_make(&events, &f->keys, shape, count);
    for (size_t i = 0; hin_is_ok(result) && i < count; i++) {
        unsigned module = modules[i % module_count];
        events.list[i].class_uid = hin_modules[module].class_uid;
        events.list[i].computer_id = module == HIN_MODULE_MANAGER ? 0 : shape->agent;
    }
    if (hin_is_ok(result)) {
        result = hin_store_commit(f->store, events.list, count, NULL, 0, now_usec, ret_committed);
    }
    events_free(&events);
    return result;
}

HIN_RESULT audit_some(struct fixture *f, int count)
{
    for (int i = 1; i <= count; i++) {
        char text[32];
        int64_t number = 0;
        (void)snprintf(text, sizeof(text), "entry %d", i);
        HIN_TRY(hin_store_audit_append(f->store, hin_view_from_text(text), NOW + i, &number));
        HIN_ENSURE(number == i, INTERNAL);
    }
    return hin_ok();
}

HIN_RESULT judge_entry(void *context, const struct hin_store_audit *entry)
{
    struct judged *judged = context;
    struct hin_chain_link link = hin_store_audit_link(entry);
    return hin_chain_add(&judged->chain, &link, &judged->fault);
}

static HIN_RESULT name_by_content(void *context, const struct hin_store_document *document,
                                  size_t slot, struct hin_arena *arena, struct hin_view *ret_names,
                                  size_t *ret_count)
{
    (void)context;
    (void)slot;
    (void)arena;
    ret_names[0] = document->bytes;
    *ret_count = 1;
    return hin_ok();
}
const struct hin_store_namer content_namer = {name_by_content, NULL};

HIN_RESULT reindex(struct fixture *f, size_t limit, struct hin_store_index *ret_index)
{
    HIN_TRY(hin_store_index(f->store, ret_index));
    while (ret_index->former != 0 && ret_index->stuck == 0) {
        HIN_TRY(hin_store_reindex(f->store, &content_namer, limit, ret_index));
    }
    return hin_ok();
}

static HIN_RESULT count_event(void *context, const struct hin_store_event *event)
{
    (void)event;
    long *count = context;
    (*count)++;
    return hin_ok();
}

long search_count(struct fixture *f, const struct hin_store_filter *filter,
                  struct hin_store_report *ret_report)
{
    long count = 0;
    struct hin_store_report report;
    struct hin_result result = hin_store_search(f->store, filter, count_event, &count,
                                                ret_report != NULL ? ret_report : &report);
    return hin_is_ok(result) ? count : -1;
}

long search_term(struct fixture *f, const char *name, const char *value,
                 struct hin_store_report *ret_report)
{
    struct hin_arena arena;
    struct hin_term term;
    long count = -1;
    hin_arena_init(&arena, 1 << 16);
    if (hin_is_ok(
            hin_term_parse(hin_view_from_text(name), hin_view_from_text(value), &arena, &term))) {
        struct hin_store_filter filter = {.terms = &term, .term_count = 1};
        count = search_count(f, &filter, ret_report);
    }
    hin_arena_done(&arena);
    return count;
}

HIN_RESULT retain_all(struct fixture *f, int64_t now_usec, uint32_t keep_days, uint64_t *ret_events)
{
    struct hin_retention keep;
    struct hin_retention_round round = {0};
    struct hin_retained retained;
    for (size_t i = 0; i < HIN_MODULE_COUNT; i++) {
        keep.keep_days[i] = keep_days;
    }
    HIN_TRY(hin_store_retain(f->store, now_usec, &keep, 0, &round, &retained));
    *ret_events = retained.events;
    return hin_ok();
}
