/* Every typed operation, with the handle of one tenant and the ids, names, serials and cursors of
 * another. */
#include "base/bytes.h"
#include "base/time.h"
#include "fixture.h"

struct world {
    struct fixture mine, theirs;
    int64_t computer, audit;
    struct hin_buf buf;
};

static const uint8_t their_key[HIN_SEAL_KEY_ID_BYTES] = {42, 1};
static const struct hin_store_certificate their_certificate = {
    .serial = {7, 7, 7}, .serial_bytes = 3, .agent = 1, .not_after_usec = NOW + HIN_DAY_USEC};

/* Theirs: something of everything. */
static HIN_RESULT fill(struct world *world)
{
    struct hin_store *store = world->theirs.store;
    struct hin_store_committed committed;
    struct hin_store_content content = {.bytes = HIN_VIEW("their secret"),
                                        .names = {HIN_VIEW("their-web-1")},
                                        .expires_usec = NOW + HIN_DAY_USEC};
    HIN_TRY(hin_store_key_put(store, their_key, 1, HIN_VIEW("wrapped"), NOW));
    HIN_TRY(hin_store_create(store, HIN_STORE_COMPUTERS, &content, NOW, &world->computer));
    HIN_TRY(commit_some(&world->theirs, &(struct shape){1, 9, 0, NOW, "their secret line"}, 1200,
                        NOW, &committed));
    HIN_TRY(hin_store_audit_append(store, HIN_VIEW("their entry"), NOW, &world->audit));
    HIN_TRY(hin_store_agent_session(store, 1, 5, NOW));
    HIN_TRY(hin_store_agent_blob(store, 1, HIN_VIEW("their checkpoint")));
    return hin_store_certificate_put(store, &their_certificate);
}

static HIN_RESULT start(struct world *world, const char *name)
{
    *world = (struct world){0};
    hin_buf_init(&world->buf, 1 << 20);
    HIN_TRY(fixture_start(&world->mine, name));
    HIN_TRY(fixture_beside(&world->theirs, &world->mine));
    return fill(world);
}

static void stop(struct world *world)
{
    hin_buf_done(&world->buf);
    fixture_stop(&world->theirs);
    fixture_stop(&world->mine);
}

/* What was put in is there, and no more. */
static HIN_RESULT check_theirs(struct world *world)
{
    struct hin_store *store = world->theirs.store;
    struct hin_store_document document;
    struct hin_store_certificate certificate;
    struct hin_store_agent agent;
    struct hin_store_stats stats;
    uint32_t version = 0;
    int64_t count = 0, broken = 0;
    hin_buf_clear(&world->buf);
    HIN_TRY(hin_store_get(store, HIN_STORE_COMPUTERS, world->computer, &world->buf, &document));
    HIN_ENSURE(document.version == 1 && hin_view_is(document.bytes, "their secret"), CONFLICT);
    hin_buf_clear(&world->buf);
    HIN_TRY(hin_store_key_get(store, their_key, &world->buf, &version));
    HIN_ENSURE(version == 1 && hin_view_is(hin_buf_view(&world->buf), "wrapped"), CONFLICT);
    HIN_TRY(hin_store_audit_verify(store, &count, &broken));
    HIN_ENSURE(count == 1, CONFLICT);
    HIN_TRY(hin_store_agent_get(store, 1, &world->buf, &agent));
    HIN_ENSURE(agent.session_counter == 5 && hin_view_is(agent.blob, "their checkpoint"), CONFLICT);
    HIN_TRY(hin_store_certificate_get(
        store, hin_view_of(their_certificate.serial, their_certificate.serial_bytes),
        &certificate));
    HIN_ENSURE(certificate.revoked_usec == 0, CONFLICT);
    HIN_TRY(hin_store_stats(store, &stats));
    HIN_ENSURE(stats.events == 1200 && stats.segments_damaged == 0, CONFLICT);
    return hin_ok();
}

static HIN_RESULT change_nothing(void *context, const struct hin_store_document *document,
                                 struct hin_buf *bytes, struct hin_store_content *content,
                                 bool *keep_names)
{
    (void)content;
    (void)keep_names;
    (*(int *)context)++;
    return hin_buf_append(bytes, document->bytes);
}

static HIN_RESULT count_document(void *context, const struct hin_store_document *document)
{
    (void)document;
    (*(int *)context)++;
    return hin_ok();
}

static HIN_RESULT count_key(void *context, const struct hin_store_key *key)
{
    if (hin_view_equal(hin_view_of(key->id, sizeof(key->id)),
                       hin_view_of(their_key, sizeof(their_key)))) {
        (*(int *)context)++;
    }
    return hin_ok();
}

static HIN_RESULT count_entry(void *context, const struct hin_store_audit *entry)
{
    (void)entry;
    (*(int *)context)++;
    return hin_ok();
}

static HIN_RESULT count_agent(void *context, const struct hin_store_agent *agent)
{
    (void)agent;
    (*(int *)context)++;
    return hin_ok();
}

static HIN_RESULT count_certificate(void *context, const struct hin_store_certificate *certificate)
{
    (void)certificate;
    (*(int *)context)++;
    return hin_ok();
}

TEST(test_store_isolation__documents_of_another)
{
    struct world world;
    struct hin_store_document document;
    struct hin_store_listed listed;
    struct hin_store_content content = {.bytes = HIN_VIEW("mine now")};
    int met = 0;
    uint64_t version = 0, count = 0;
    CHECK_OK(start(&world, "isolation_documents"));
    struct hin_store *store = world.mine.store;
    CHECK_CODE(hin_store_get(store, HIN_STORE_COMPUTERS, world.computer, &world.buf, &document),
               NOT_FOUND);
    CHECK_CODE(hin_store_find(store, HIN_STORE_COMPUTERS, 0, HIN_VIEW("their-web-1"), &world.buf,
                              &document),
               NOT_FOUND);
    CHECK_CODE(
        hin_store_update(store, HIN_STORE_COMPUTERS, world.computer, 1, &content, NOW, &version),
        NOT_FOUND);
    CHECK_CODE(hin_store_delete(store, HIN_STORE_COMPUTERS, world.computer, 0), NOT_FOUND);
    struct hin_store_change change = {change_nothing, &met};
    CHECK_CODE(hin_store_modify(store, HIN_STORE_COMPUTERS, world.computer, &change, NOW),
               NOT_FOUND);
    struct hin_store_page page = {.after_id = world.computer - 1};
    CHECK_OK(hin_store_list(store, HIN_STORE_COMPUTERS, &page, count_document, &met, &listed));
    page = (struct hin_store_page){.after_id = world.computer + 1, .descending = true};
    CHECK_OK(hin_store_list(store, HIN_STORE_COMPUTERS, &page, count_document, &met, &listed));
    CHECK_INT(met, 0);
    CHECK_OK(hin_store_count(store, HIN_STORE_COMPUTERS, &count));
    CHECK_INT(count, 0);
    CHECK_OK(hin_store_expire(store, HIN_STORE_COMPUTERS, NOW + 2 * HIN_DAY_USEC, &count));
    CHECK_INT(count, 0);
    /* A name that another tenant uses is free, and ids begin anew: neither tells of the other. */
    int64_t id = 0;
    content.names[0] = HIN_VIEW("their-web-1");
    CHECK_OK(hin_store_create(store, HIN_STORE_COMPUTERS, &content, NOW, &id));
    CHECK_INT(id, 1);
    CHECK_OK(check_theirs(&world));
    stop(&world);
}

TEST(test_store_isolation__events_of_another)
{
    struct world world;
    struct hin_store_event event;
    struct hin_store_report report;
    struct hin_store_committed committed;
    uint64_t dropped = 0;
    CHECK_OK(start(&world, "isolation_events"));
    struct hin_store *store = world.mine.store;
    CHECK_CODE(hin_store_event_get(store, 1, &world.buf, &event), NOT_FOUND);
    CHECK_CODE(hin_store_event_get(store, 1200, &world.buf, &event), NOT_FOUND);
    CHECK_INT(search_count(&world.mine, &(struct hin_store_filter){0}, &report), 0);
    CHECK_INT(report.segments_passed_over + report.segments_opened, 0);
    CHECK_INT(search_count(&world.mine, &(struct hin_store_filter){.after_id = 100}, NULL), 0);
    CHECK_INT(search_count(&world.mine,
                           &(struct hin_store_filter){.before_id = 900, .descending = true}, NULL),
              0);
    CHECK_INT(search_term(&world.mine, "user", "user7", NULL), 0);
    CHECK_OK(hin_store_maintain(store, NOW + HIN_DAY_USEC, 0));
    struct hin_retention keep = {.keep_days = {1, 2, 3, 4}};
    struct hin_retention_round round = {0};
    struct hin_retention_due due;
    struct hin_retained retained;
    CHECK_OK(hin_store_retention_due(store, NOW + 100 * HIN_DAY_USEC, &keep, &due));
    CHECK_INT(due.segments, 0);
    CHECK_OK(hin_store_retain(store, NOW + 100 * HIN_DAY_USEC, &keep, 0, &round, &retained));
    CHECK_INT(retained.events, 0);
    CHECK_OK(retain_all(&world.mine, NOW + 100 * HIN_DAY_USEC, 1, &dropped));
    CHECK_INT(dropped, 0);
    /* Identities are the tenant's: what another has is no copy here. */
    CHECK_OK(commit_some(&world.mine, &(struct shape){1, 9, 0, NOW, NULL}, 10, NOW, &committed));
    CHECK_INT(committed.copy_count, 0);
    CHECK_INT(committed.first_id, 1);
    struct hin_store_position position;
    CHECK_OK(hin_store_position(store, &position));
    CHECK_INT(position.last_event_id, 10);
    CHECK_OK(check_theirs(&world));
    stop(&world);
}

TEST(test_store_isolation__agents_and_certificates_of_another)
{
    struct world world;
    struct hin_store_agent agent;
    struct hin_store_certificate certificate;
    int met = 0;
    CHECK_OK(start(&world, "isolation_agents"));
    struct hin_store *store = world.mine.store;
    CHECK_CODE(hin_store_agent_get(store, 1, &world.buf, &agent), NOT_FOUND);
    CHECK_OK(hin_store_agents_list(store, 0, 0, count_agent, &met));
    CHECK_INT(met, 0);
    CHECK_OK(hin_store_agent_reset(store, 1));
    CHECK_OK(hin_store_agent_forget(store, 1));
    CHECK_OK(hin_store_agent_session(store, 1, 1, NOW)); /* below theirs */
    CHECK_OK(hin_store_agent_blob(store, 1, HIN_VIEW("mine")));
    CHECK_OK(hin_store_agents_seen(store, &(struct hin_store_seen){1, NOW + 9, 9}, 1));
    struct hin_view serial = hin_view_of(their_certificate.serial, their_certificate.serial_bytes);
    CHECK_CODE(hin_store_certificate_get(store, serial, &certificate), NOT_FOUND);
    CHECK_OK(hin_store_certificates_revoke(store, 1, NOW));
    CHECK_OK(hin_store_certificates_revoked(store, 0, count_certificate, &met));
    CHECK_INT(met, 0);
    CHECK_OK(hin_store_certificate_put(store, &their_certificate)); /* a serial is the tenant's */
    CHECK_OK(check_theirs(&world));
    stop(&world);
}

TEST(test_store_isolation__audit_of_another)
{
    struct world world;
    uint8_t hash[HIN_STORE_AUDIT_HASH_BYTES];
    int64_t number = 0, broken = 0;
    int met = 0;
    CHECK_OK(start(&world, "isolation_audit"));
    struct hin_store *store = world.mine.store;
    CHECK_OK(hin_store_audit_list(store, 0, false, 0, count_entry, &met));
    CHECK_OK(hin_store_audit_list(store, world.audit + 1, true, 0, count_entry, &met));
    CHECK_INT(met, 0);
    CHECK_OK(hin_store_audit_head(store, &number, hash));
    CHECK_INT(number, 0);
    CHECK_OK(hin_store_audit_append(store, HIN_VIEW("mine"), NOW, &number));
    CHECK_INT(number, 1);
    CHECK_OK(hin_store_audit_verify(store, &number, &broken));
    CHECK_INT(number, 1);
    CHECK_OK(check_theirs(&world));
    stop(&world);
}

TEST(test_store_isolation__keys_and_figures_of_another)
{
    struct world world;
    struct hin_store_stats stats;
    struct hin_store_check check;
    uint32_t version = 0;
    int met = 0;
    CHECK_OK(start(&world, "isolation_keys"));
    struct hin_store *store = world.mine.store;
    CHECK_CODE(hin_store_key_get(store, their_key, &world.buf, &version), NOT_FOUND);
    CHECK_CODE(hin_store_key_rewrap(store, their_key, 2, HIN_VIEW("mine")), NOT_FOUND);
    CHECK_CODE(hin_store_key_list(store, their_key, 0, count_key, &met), NOT_FOUND);
    CHECK_OK(hin_store_key_list(store, NULL, 0, count_key, &met));
    CHECK_INT(met, 0);
    CHECK_OK(hin_store_stats(store, &stats));
    CHECK_INT(stats.events + stats.segments, 0);
    CHECK_OK(hin_store_check(store, &check));
    CHECK_INT(check.segments + check.documents + check.audit_records, 0);
    CHECK_OK(hin_store_key_put(store, their_key, 3, HIN_VIEW("mine"), NOW)); /* an id likewise */
    /* Keys of another open nothing here, not even the handle. */
    struct hin_store_keys keys = keys_of(&world.theirs.keys);
    CHECK_CODE(hin_store_unlock(store, &keys), AUTH);
    struct hin_store_content content = {.bytes = HIN_VIEW("x")};
    int64_t id = 0;
    CHECK_CODE(hin_store_create(store, HIN_STORE_COMPUTERS, &content, NOW, &id), CONFLICT);
    CHECK_OK(check_theirs(&world));
    stop(&world);
}
