/* Every SQL statement of the store, by name; all are prepared, none is put together from parts.
 * SAME stands for both databases; EACH for SQLite, then for PostgreSQL. Parameters are ?1, ?2, ...
 * in both: 64-bit numbers but for blobs and the names of META. */
#ifndef HIN_STORE_SQL_H
#define HIN_STORE_SQL_H

/* clang-format off */
/* Whether a segment's filter of tokens (seal/segment.h: from byte 92 of the head) may hold a token
 * whose probe is parameter `at`: only the piece of the head that holds the bit is read. */
#define HIN_SQL_PROBE(at)                                                                                              \
    "get_bit(substring(head FROM (93 + ((" at "::bigint * (octet_length(head) - 92) * 8) >> 35))::int FOR 1), "        \
    "(((" at "::bigint * (octet_length(head) - 92) * 8) >> 32) & 7)::int) = 1"
#define HIN_SQL_PROBES                                                                                                 \
    "CASE WHEN octet_length(head) > 92 AND " HIN_SQL_PROBE("?3") " AND " HIN_SQL_PROBE("?4") " AND "                   \
    HIN_SQL_PROBE("?5") " AND " HIN_SQL_PROBE("?6") " AND " HIN_SQL_PROBE("?7") " AND " HIN_SQL_PROBE("?8") " AND "    \
    HIN_SQL_PROBE("?9") " THEN 1 ELSE 0 END"
/* The same for either of two tokens: the value's under each index key, while there are two. */
#define HIN_SQL_PROBES_EITHER                                                                                          \
    "CASE WHEN octet_length(head) > 92 AND ((" HIN_SQL_PROBE("?3") " AND " HIN_SQL_PROBE("?4") " AND "                 \
    HIN_SQL_PROBE("?5") " AND " HIN_SQL_PROBE("?6") " AND " HIN_SQL_PROBE("?7") " AND " HIN_SQL_PROBE("?8") " AND "    \
    HIN_SQL_PROBE("?9") ") OR (" HIN_SQL_PROBE("?10") " AND " HIN_SQL_PROBE("?11") " AND " HIN_SQL_PROBE("?12")        \
    " AND " HIN_SQL_PROBE("?13") " AND " HIN_SQL_PROBE("?14") " AND " HIN_SQL_PROBE("?15") " AND "                     \
    HIN_SQL_PROBE("?16") ")) THEN 1 ELSE 0 END"
#define HIN_SQL_NEVER "SELECT 0" /* a backend that does not judge tokens is not asked */

/* Where segments stand that no sheaf is over: the first of them, and the sheaf behind (or the end). */
#define HIN_SQL_SHEAF_GAP(segment)                                                                                     \
    "SELECT first, next FROM (SELECT (SELECT min(id) FROM " segment " WHERE id > before.last_id) AS first, "           \
    "coalesce((SELECT min(id) FROM sheaf WHERE id > before.last_id), 9223372036854775807) AS next FROM (SELECT 0 AS "  \
    "last_id UNION ALL SELECT last_id FROM sheaf) AS before) AS gap WHERE first < next ORDER BY first"
/* What is wholly of other times is not asked for its members. */
#define HIN_SQL_SHEAF                                                                                                  \
    "id, last_id, count, slices, classes, severities, CASE WHEN (?3 = 0 OR max_time >= ?3) AND (?4 = 0 OR min_time < " \
    "?4) THEN members END, min_time, max_time FROM sheaf WHERE id >= coalesce((SELECT max(id) FROM sheaf WHERE id <= "  \
    "?1), 0)"

/* The number of a thing's data key: store/data_key.c. */
#define HIN_SQL_OF_SEGMENT  "id + 72057594037927936"
#define HIN_SQL_OF_AUDIT    "audit.number + 144115188075855872"
#define HIN_SQL_OF_AGENT    "id + 216172782113783808"
#define HIN_SQL_OF_DOCUMENT "id + (16 + kind) * 72057594037927936"

/* Control of transactions, which takes no parameters. On PostgreSQL a writer's first act is to
 * count up `change` in the tenant's own schema: it is the lock that lets one writer in at a time,
 * and what others see that something was committed by. */
#define HIN_SQL(SAME, EACH)                                                                                            \
    EACH(BEGIN, "BEGIN IMMEDIATE",                                                                                     \
                "BEGIN; UPDATE meta SET number = number + 1 WHERE name = 'change'")                                    \
    SAME(COMMIT, "COMMIT")                                                                                             \
    SAME(ROLLBACK, "ROLLBACK")                                                                                         \
    SAME(SAVE, "SAVEPOINT op")                                                                                         \
    SAME(RELEASE, "RELEASE op")                                                                                        \
    SAME(BACK, "ROLLBACK TO op")                                                                                       \
    EACH(SNAPSHOT, "BEGIN",                                                                                            \
                   "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")                                                  \
    SAME(MERGE_SAVE, "SAVEPOINT merging")                                                                              \
    SAME(MERGE_RELEASE, "RELEASE merging")                                                                             \
    SAME(MERGE_BACK, "ROLLBACK TO merging")                                                                            \
    EACH(CHANGE, "PRAGMA data_version",                                                                                \
                 "SELECT number FROM meta WHERE name = 'change'")                                                      \
    SAME(META_GET, "SELECT number, bytes FROM meta WHERE name = ?1")                                                   \
    SAME(META_SET, "INSERT INTO meta(name, number, bytes) VALUES(?1, ?2, ?3) ON CONFLICT(name) DO UPDATE SET "         \
                   "number = excluded.number, bytes = excluded.bytes")                                                 \
    SAME(KEY_PUT, "INSERT INTO key(id, version, created, wrapped, epoch) VALUES(?1, ?2, ?3, ?4, (SELECT number "       \
                  "FROM meta WHERE name = 'epoch'))")                                                                  \
    SAME(KEY_SEALS, "SELECT coalesce((SELECT number FROM meta WHERE name = 'index'), 1) FROM key, meta WHERE key.id = ?1 AND meta.name = 'epoch' AND key.epoch = meta.number")   \
    SAME(DATA_KEY_PUT, "INSERT INTO data_key(number, sealed) VALUES(?1, ?2) ON CONFLICT(number) DO UPDATE SET "        \
                       "sealed = excluded.sealed")                                                                     \
    SAME(DATA_KEY_LIST, "SELECT number, sealed FROM data_key WHERE number > ?1 ORDER BY number LIMIT ?2")              \
    SAME(KEY_DIRECT, "SELECT count(*) FROM key WHERE epoch = 0")                                                       \
    SAME(KEY_DROP, "DELETE FROM key WHERE epoch < (SELECT number FROM meta WHERE name = 'epoch') AND epoch >= ?1 "     \
                   "RETURNING number")                                                                                 \
    SAME(SEGMENT_ROW, "SELECT id, last_id, count, level, day, plain_bytes, min_time, max_time, damaged, created FROM " \
                      "segment WHERE id = ?1")                                                                         \
    SAME(SEGMENT_NEXT, "SELECT id, last_id, count, damaged FROM segment WHERE id >= coalesce((SELECT max(id) FROM "    \
                       "segment WHERE id <= ?1), 0) AND last_id >= ?1 ORDER BY id LIMIT 1")                            \
    SAME(SEGMENT_DIRECT, "SELECT id FROM segment WHERE id > ?1 AND damaged = 0 AND NOT EXISTS (SELECT 1 FROM "         \
                         "data_key WHERE number = " HIN_SQL_OF_SEGMENT ") ORDER BY id LIMIT ?2")                       \
    SAME(DOCUMENT_DIRECT, "SELECT " HIN_SQL_OF_DOCUMENT " FROM document WHERE " HIN_SQL_OF_DOCUMENT " > ?1 AND NOT "   \
                          "EXISTS (SELECT 1 FROM data_key WHERE number = " HIN_SQL_OF_DOCUMENT ") ORDER BY 1 LIMIT ?2") \
    SAME(AGENT_DIRECT, "SELECT id FROM agent WHERE id > ?1 AND sealed IS NOT NULL AND NOT EXISTS (SELECT 1 FROM "      \
                       "data_key WHERE number = " HIN_SQL_OF_AGENT ") ORDER BY id LIMIT ?2")                           \
    SAME(AUDIT_DIRECT, "SELECT 1 FROM audit WHERE NOT EXISTS (SELECT 1 FROM data_key WHERE data_key.number = "         \
                       HIN_SQL_OF_AUDIT ") LIMIT 1")                                                                   \
    SAME(DATA_KEY_GET, "SELECT sealed FROM data_key WHERE number = ?1")                                                \
    SAME(DATA_KEY_DROP, "DELETE FROM data_key WHERE number = ?1")                                                      \
    SAME(KEY_GET, "SELECT version, wrapped FROM key WHERE id = ?1")                                                    \
    SAME(KEY_REWRAP, "UPDATE key SET version = ?2, wrapped = ?3 WHERE id = ?1 RETURNING number")                       \
    SAME(KEY_NUMBER, "SELECT number FROM key WHERE id = ?1")                                                           \
    SAME(KEY_LIST, "SELECT id, version, created, wrapped FROM key WHERE number > ?1 ORDER BY number LIMIT ?2")         \
    SAME(SEGMENT_PUT, "INSERT INTO segment(id, last_id, count, level, day, created, min_time, max_time, "              \
                      "plain_bytes, damaged, classes, severities, computers, head) VALUES(?1, ?2, ?3, ?4, ?5, ?6, "    \
                      "?7, ?8, ?9, 0, ?10, ?11, ?12, ?13)")                                                            \
    SAME(BODY_PUT, "INSERT INTO body(id, bytes) VALUES(?1, ?2)")                                                       \
    SAME(SEGMENT_GET, "SELECT classes, severities, computers, CASE WHEN ?2 <> 0 THEN head END FROM segment WHERE id = " \
                      "?1")                                                                                            \
    SAME(SEGMENT_HEAD, "SELECT head, sealed FROM segment LEFT JOIN data_key ON number = " HIN_SQL_OF_SEGMENT           \
                       " WHERE id = ?1")                                                                               \
    SAME(BODY_GET, "SELECT bytes FROM body WHERE id = ?1")                                                             \
    EACH(SEGMENT_STANDS, "SELECT level FROM segment NOT INDEXED WHERE id = ?1",                                        \
                         "SELECT level FROM segment WHERE id = ?1")                                                    \
    SAME(BODY_STANDS, "SELECT id FROM body WHERE id = ?1")                                                             \
    SAME(BODY_DROP, "DELETE FROM body WHERE id = ?1")                                                                  \
    SAME(SEGMENT_DROP, "DELETE FROM segment WHERE id = ?1")                                                            \
    SAME(SEGMENT_DAMAGED, "UPDATE segment SET damaged = 1, level = 2 WHERE id = ?1")                                   \
    EACH(SEGMENT_IS_DAMAGED, "SELECT damaged FROM segment INDEXED BY segment_directory WHERE id = ?1",                 \
                             "SELECT damaged FROM segment WHERE id = ?1")                                              \
    EACH(SEGMENT_CLOSE_BEFORE, "UPDATE segment SET level = 2 WHERE id IN (SELECT id FROM segment INDEXED BY "          \
                               "segment_tail WHERE level < 2 AND id < ?1)",                                            \
                               "UPDATE segment SET level = 2 WHERE level < 2 AND id < ?1")                             \
    SAME(SEGMENT_CLOSE, "UPDATE segment SET level = 2 WHERE id = ?1")                                                  \
    EACH(TAIL, "SELECT id, last_id, count, level, day, plain_bytes, min_time, max_time, damaged FROM segment "         \
               "INDEXED BY segment_tail WHERE level < 2 ORDER BY id",                                                  \
               "SELECT id, last_id, count, level, day, plain_bytes, min_time, max_time, damaged FROM segment WHERE "   \
               "level < 2 ORDER BY id")                                                                                \
    EACH(TAIL_LAST, "SELECT id, last_id, count, level, day, plain_bytes, min_time, max_time, damaged FROM segment "    \
                    "INDEXED BY segment_tail WHERE level < 2 ORDER BY id DESC LIMIT 1",                                \
                    "SELECT id, last_id, count, level, day, plain_bytes, min_time, max_time, damaged FROM segment "    \
                    "WHERE level < 2 ORDER BY id DESC LIMIT 1")                                                        \
    EACH(TAIL_OLDEST, "SELECT min(created) FROM segment INDEXED BY segment_tail WHERE level < 2",                      \
                      "SELECT min(created) FROM segment WHERE level < 2")                                              \
    EACH(DIRECTORY_UP, "SELECT id, last_id, count, min_time, max_time, damaged, NULL, NULL, 1 FROM segment INDEXED "   \
                       "BY segment_directory WHERE id >= coalesce((SELECT max(id) FROM segment WHERE id <= ?1), 0) "   \
                       "AND id <= ?2 ORDER BY id",                                                                     \
                       "SELECT id, last_id, count, min_time, max_time, damaged, classes, severities, 1::bigint "       \
                       "FROM segment WHERE id >= coalesce((SELECT max(id) FROM segment WHERE id <= ?1), 0) AND id "    \
                       "<= ?2 ORDER BY id LIMIT ?3")                                                                   \
    EACH(DIRECTORY_DOWN, "SELECT id, last_id, count, min_time, max_time, damaged, NULL, NULL, 1 FROM segment "         \
                         "INDEXED BY segment_directory WHERE id >= coalesce((SELECT max(id) FROM segment WHERE id "    \
                         "<= ?1), 0) AND id <= ?2 ORDER BY id DESC",                                                   \
                         "SELECT id, last_id, count, min_time, max_time, damaged, classes, severities, 1::bigint "     \
                         "FROM segment WHERE id >= coalesce((SELECT max(id) FROM segment WHERE id <= ?1), 0) AND "     \
                         "id <= ?2 ORDER BY id DESC LIMIT ?3")                                                         \
    EACH(DIRECTORY_UP_TERM, HIN_SQL_NEVER,                                                                             \
                            "SELECT id, last_id, count, min_time, max_time, damaged, classes, severities, "            \
                            HIN_SQL_PROBES " FROM segment WHERE id >= coalesce((SELECT max(id) FROM segment WHERE "    \
                            "id <= ?1), 0) AND id <= ?2 ORDER BY id LIMIT ?10")                                        \
    EACH(DIRECTORY_DOWN_TERM, HIN_SQL_NEVER,                                                                           \
                              "SELECT id, last_id, count, min_time, max_time, damaged, classes, severities, "          \
                              HIN_SQL_PROBES " FROM segment WHERE id >= coalesce((SELECT max(id) FROM segment WHERE "  \
                              "id <= ?1), 0) AND id <= ?2 ORDER BY id DESC LIMIT ?10")                                 \
    EACH(DIRECTORY_UP_EITHER, HIN_SQL_NEVER,                                                                           \
                              "SELECT id, last_id, count, min_time, max_time, damaged, classes, severities, "          \
                              HIN_SQL_PROBES_EITHER " FROM segment WHERE id >= coalesce((SELECT max(id) FROM segment " \
                              "WHERE id <= ?1), 0) AND id <= ?2 ORDER BY id LIMIT ?17")                                \
    EACH(DIRECTORY_DOWN_EITHER, HIN_SQL_NEVER,                                                                         \
                                "SELECT id, last_id, count, min_time, max_time, damaged, classes, severities, "        \
                                HIN_SQL_PROBES_EITHER " FROM segment WHERE id >= coalesce((SELECT max(id) FROM "       \
                                "segment WHERE id <= ?1), 0) AND id <= ?2 ORDER BY id DESC LIMIT ?17")                 \
    EACH(STATS, "SELECT coalesce(sum(count) FILTER (WHERE damaged = 0), 0), count(*), coalesce(sum(count >= 1000), "   \
                "0), coalesce(sum(damaged), 0), (SELECT count(*) FROM sheaf) FROM segment INDEXED BY "                 \
                "segment_directory WHERE id > 0",                                                                      \
                "SELECT coalesce(sum(count) FILTER (WHERE damaged = 0), 0)::bigint, count(*), count(*) FILTER (WHERE " \
                "count >= 1000), count(*) FILTER (WHERE damaged <> 0), (SELECT count(*) FROM sheaf) FROM segment "     \
                "WHERE id > 0")                                                                                        \
    EACH(PAGES, "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()",                          \
                "SELECT sum(pg_total_relation_size(oid))::bigint FROM pg_class WHERE relnamespace = "                  \
                "current_schema()::regnamespace AND relkind = 'r'")                                                    \
    EACH(STRUCTURE, "PRAGMA integrity_check(1)",                                                                       \
                    "SELECT 'ok' WHERE (SELECT count(*) FROM meta) + (SELECT count(*) FROM key) + (SELECT count(*) "   \
                    "FROM segment) + (SELECT count(*) FROM body) + (SELECT count(*) FROM source) + (SELECT "           \
                    "count(*) FROM span) + (SELECT count(*) FROM agent) + (SELECT count(*) FROM certificate) + "       \
                    "(SELECT count(*) FROM sequence) + (SELECT count(*) FROM data_key) + (SELECT count(*) FROM document) + (SELECT count(*) FROM "       \
                    "name) + (SELECT count(*) FROM audit) + (SELECT count(*) FROM sheaf) + (SELECT count(*) FROM "     \
                    "slice) >= 0")                                                                                     \
    EACH(NEWEST_DAY, "SELECT day FROM segment WHERE id > 0 ORDER BY id DESC LIMIT 1",                                  \
                     "SELECT day FROM segment WHERE id > 0 ORDER BY id DESC LIMIT 1")                                  \
    EACH(OLDEST_DAY, "SELECT day FROM segment INDEXED BY segment_day WHERE day > -9223372036854775807 ORDER BY day "   \
                     "LIMIT 1",                                                                                        \
                     "SELECT day FROM segment WHERE day > -9223372036854775807 ORDER BY day LIMIT 1")                  \
    EACH(DAY_ROWS, "SELECT id, count, day, classes, computers, damaged FROM segment INDEXED BY segment_day "           \
                   "WHERE (day, id) >= (?1, ?2) AND day < ?3 ORDER BY day, id LIMIT 64",                               \
                   "SELECT id, count, day, classes, computers, damaged FROM segment WHERE (day, id) >= (?1, "          \
                   "?2) AND day < ?3 ORDER BY day, id LIMIT 64")                                                       \
    EACH(LOWEST_DAY, "SELECT min(day) FROM segment NOT INDEXED WHERE id >= coalesce((SELECT max(id) FROM segment "     \
                     "WHERE id <= ?1), 0) AND last_id > ?1",                                                           \
                     "SELECT min(day) FROM (SELECT day FROM segment WHERE id >= coalesce((SELECT max(id) FROM "        \
                     "segment WHERE id <= ?1), 0) AND last_id > ?1 ORDER BY id OFFSET 0) AS fresh")                    \
    EACH(SPAN_FLOOR, "UPDATE source SET floor = max(floor, coalesce((SELECT max(hi) FROM span WHERE span.agent = "     \
                     "source.agent AND span.generation = source.generation AND span.segment = ?1), floor)) WHERE "     \
                     "(agent, generation) IN (SELECT agent, generation FROM span WHERE segment = ?1)",                 \
                     "UPDATE source SET floor = greatest(floor, coalesce((SELECT max(hi) FROM span WHERE "             \
                     "span.agent = source.agent AND span.generation = source.generation AND span.segment = ?1), "      \
                     "floor)) WHERE (agent, generation) IN (SELECT agent, generation FROM span WHERE segment = ?1)")   \
    SAME(SPAN_DROP, "DELETE FROM span WHERE segment = ?1")                                                             \
    SAME(SPAN_PUT, "INSERT INTO span(agent, generation, lo, hi, segment) VALUES(?1, ?2, ?3, ?4, ?5)")                  \
    SAME(SPAN_FIND, "SELECT segment FROM span WHERE agent = ?1 AND generation = ?2 AND hi >= ?3 AND lo <= ?3")         \
    SAME(SPAN_JOIN, "INSERT INTO span(agent, generation, lo, hi, segment) SELECT agent, generation, min(lo), "         \
                    "max(hi), -?3 FROM span WHERE segment BETWEEN ?1 AND ?2 GROUP BY agent, generation")               \
    SAME(SPAN_CLEAR, "DELETE FROM span WHERE segment BETWEEN ?1 AND ?2")                                               \
    SAME(SPAN_TURN, "UPDATE span SET segment = -segment WHERE segment < 0")                                            \
    SAME(SOURCE_GET, "SELECT position, finding, floor FROM source WHERE agent = ?1 AND generation = ?2")               \
    SAME(SOURCE_SET, "INSERT INTO source(agent, generation, position, finding, floor) VALUES(?1, ?2, ?3, ?4, -1) "     \
                     "ON CONFLICT(agent, generation) DO UPDATE SET position = ?3, finding = ?4")                       \
    SAME(AGENT_ACK, "INSERT INTO agent(id, spool_generation, acked) VALUES(?1, ?2, ?3) ON CONFLICT(id) DO UPDATE "     \
                    "SET acked = CASE WHEN agent.spool_generation = ?2 AND agent.acked > ?3 THEN agent.acked ELSE "    \
                    "?3 END, spool_generation = ?2")                                                                   \
    SAME(AGENT_GET, "SELECT session, spool_generation, acked, seen, clock_offset, agent.sealed, data_key.sealed FROM " \
                    "agent LEFT JOIN data_key ON number = " HIN_SQL_OF_AGENT " WHERE id = ?1")                         \
    SAME(AGENT_SESSION, "INSERT INTO agent(id, session, seen) VALUES(?1, ?2, ?3) ON CONFLICT(id) DO UPDATE SET "       \
                        "session = ?2, seen = ?3")                                                                     \
    SAME(AGENT_RESET, "UPDATE agent SET session = 0 WHERE id = ?1")                                                    \
    SAME(AGENT_SEAL, "INSERT INTO agent(id, sealed) VALUES(?1, ?2) ON CONFLICT(id) DO UPDATE SET sealed = ?2")         \
    EACH(AGENT_SEEN, "INSERT INTO agent(id, seen, clock_offset) VALUES(?1, ?2, ?3) ON CONFLICT(id) DO UPDATE SET "     \
                     "seen = max(seen, ?2), clock_offset = ?3",                                                        \
                     "INSERT INTO agent(id, seen, clock_offset) VALUES(?1, ?2, ?3) ON CONFLICT(id) DO UPDATE SET "     \
                     "seen = greatest(agent.seen, ?2), clock_offset = ?3")                                             \
    SAME(AGENT_LIST, "SELECT session, spool_generation, acked, seen, clock_offset, agent.sealed, data_key.sealed, id " \
                     "FROM agent LEFT JOIN data_key ON number = " HIN_SQL_OF_AGENT " WHERE id > ?1 ORDER BY id LIMIT ?2")\
    SAME(AGENT_FORGET, "DELETE FROM agent WHERE id = ?1")                                                              \
    SAME(CERTIFICATE_PUT, "INSERT INTO certificate(serial, agent, not_after, revoked) VALUES(?1, ?2, ?3, ?4)")         \
    SAME(CERTIFICATE_GET, "SELECT serial, agent, not_after, revoked FROM certificate WHERE serial = ?1")               \
    SAME(CERTIFICATE_REVOKE, "UPDATE certificate SET revoked = ?2 WHERE agent = ?1 AND revoked = 0")                   \
    SAME(CERTIFICATE_REVOKED, "SELECT serial, agent, not_after, revoked FROM certificate WHERE revoked > 0 AND "       \
                              "not_after > ?1")                                                                        \
    SAME(SEQUENCE_NEXT, "INSERT INTO sequence(kind, last) VALUES(?1, 1) ON CONFLICT(kind) DO UPDATE SET last = "       \
                        "sequence.last + 1 RETURNING last")                                                            \
    SAME(SEQUENCE_GET, "SELECT last FROM sequence WHERE kind = ?1")                                                    \
    SAME(SEQUENCE_SET, "INSERT INTO sequence(kind, last) VALUES(?1, ?2) ON CONFLICT(kind) DO UPDATE SET last = "       \
                       "excluded.last")                                                                                \
    SAME(DOCUMENT_PUT, "INSERT INTO document(kind, id, version, created, updated, owner, expires, sealed) "            \
                       "VALUES(?1, ?2, 1, ?3, ?3, ?4, ?5, ?6)")                                                        \
    SAME(DOCUMENT_GET, "SELECT id, version, created, updated, owner, expires, document.sealed, data_key.sealed FROM "  \
                       "document LEFT JOIN data_key ON number = " HIN_SQL_OF_DOCUMENT " WHERE kind = ?1 AND id = ?2")  \
    SAME(CERTIFICATE_ENDING, "SELECT count(*) FROM (SELECT max(not_after) AS last FROM certificate WHERE revoked = 0 " \
                             "GROUP BY agent) AS each_agent WHERE last < ?1")                                          \
    SAME(DOCUMENT_SET, "UPDATE document SET version = ?3, updated = ?4, owner = ?5, expires = ?6, sealed = ?7 "        \
                       "WHERE kind = ?1 AND id = ?2")                                                                  \
    SAME(DOCUMENT_DROP, "DELETE FROM document WHERE kind = ?1 AND id = ?2")                                            \
    SAME(DOCUMENT_IDS_UP, "SELECT id FROM document WHERE kind = ?1 AND id > ?2 AND owner BETWEEN ?3 AND ?4 "           \
                          "ORDER BY id LIMIT 256")                                                                     \
    SAME(DOCUMENT_IDS_DOWN, "SELECT id FROM document WHERE kind = ?1 AND id < ?2 AND owner BETWEEN ?3 AND ?4 "         \
                            "ORDER BY id DESC LIMIT 256")                                                              \
    SAME(DOCUMENT_COUNT, "SELECT count(*) FROM document WHERE kind = ?1")                                              \
    SAME(DOCUMENT_EXPIRED, "SELECT id FROM document WHERE kind = ?1 AND expires > 0 AND expires <= ?2 LIMIT 1000")     \
    SAME(NAME_PUT, "INSERT INTO name(kind, slot, token, id) VALUES(?1, ?2, ?3, ?4)")                                   \
    SAME(NAME_FIND, "SELECT id FROM name WHERE kind = ?1 AND slot = ?2 AND token IN (?3, ?4)")                         \
    SAME(NAME_NEXT, "SELECT kind, id FROM name WHERE (kind, id) > (?1, ?2) ORDER BY kind, id LIMIT 1")                 \
    SAME(NAME_LIST, "SELECT slot, token FROM name WHERE kind = ?1 AND id = ?2 ORDER BY slot")                          \
    SAME(NAME_TURN, "UPDATE name SET token = ?4 WHERE kind = ?1 AND slot = ?2 AND token = ?3")                         \
    SAME(NAME_DROP, "DELETE FROM name WHERE kind = ?1 AND id = ?2")                                                    \
    SAME(AUDIT_PUT, "INSERT INTO audit(number, time, hash, sealed) VALUES(?1, ?2, ?3, ?4)")                            \
    SAME(AUDIT_LAST, "SELECT number, hash FROM audit ORDER BY number DESC LIMIT 1")                                    \
    SAME(AUDIT_LINKS, "SELECT number, time, hash, sealed FROM audit WHERE number > ?1 ORDER BY number LIMIT ?2")       \
    SAME(AUDIT_UP, "SELECT audit.number, time, hash, audit.sealed, data_key.sealed FROM audit LEFT JOIN data_key ON "  \
                   "data_key.number = " HIN_SQL_OF_AUDIT " WHERE audit.number > ?1 ORDER BY audit.number LIMIT ?2")    \
    SAME(AUDIT_DOWN, "SELECT audit.number, time, hash, audit.sealed, data_key.sealed FROM audit LEFT JOIN data_key ON "\
                     "data_key.number = " HIN_SQL_OF_AUDIT " WHERE audit.number < ?1 ORDER BY audit.number DESC LIMIT ?2")\
    SAME(COPY_META, "SELECT name, number, bytes FROM meta WHERE name > ?1 ORDER BY name LIMIT ?2")                     \
    SAME(COPY_SOURCE, "SELECT agent, generation, position, finding, floor FROM source WHERE (agent, generation) > "    \
                      "(?1, ?2) ORDER BY agent, generation LIMIT ?3")                                                  \
    SAME(COPY_SPAN, "SELECT agent, generation, hi, segment, lo FROM span WHERE (agent, generation, hi, segment) > "    \
                    "(?1, ?2, ?3, ?4) ORDER BY agent, generation, hi, segment LIMIT ?5")                               \
    SAME(COPY_AGENT, "SELECT id, session, spool_generation, acked, seen, clock_offset, agent.sealed, "                 \
                     "data_key.sealed FROM agent LEFT JOIN data_key ON number = " HIN_SQL_OF_AGENT " WHERE id > ?1 "   \
                     "ORDER BY id LIMIT ?2")                                                                           \
    SAME(COPY_CERTIFICATE, "SELECT serial, agent, not_after, revoked FROM certificate WHERE serial > ?1 ORDER BY "     \
                           "serial LIMIT ?2")                                                                          \
    SAME(COPY_SEQUENCE, "SELECT kind, last FROM sequence WHERE kind > ?1 AND kind < 1000000 ORDER BY kind LIMIT ?2")                      \
    SAME(COPY_DOCUMENT, "SELECT kind, id, version, created, updated, owner, expires, document.sealed, "                \
                        "data_key.sealed FROM document LEFT JOIN data_key ON number = " HIN_SQL_OF_DOCUMENT " "        \
                        "WHERE (kind, id) > (?1, ?2) AND kind <= ?3 ORDER BY kind, id LIMIT ?4")                       \
    SAME(COPY_DOCUMENT_STATE, "SELECT count(*), CAST(sum(version) AS bigint), CAST(sum(created) AS bigint), "          \
                              "CAST(sum(updated) AS bigint) FROM document WHERE kind = ?1 AND id BETWEEN ?2 AND ?3")   \
    SAME(COPY_NAME, "SELECT kind, slot, token, id FROM name WHERE (kind, slot, token) > (?1, ?2, ?3) ORDER BY "        \
                    "kind, slot, token LIMIT ?4")                                                                      \
    SAME(COPY_AUDIT, "SELECT audit.number, time, hash, audit.sealed, data_key.sealed FROM audit LEFT JOIN data_key "   \
                     "ON data_key.number = " HIN_SQL_OF_AUDIT " WHERE audit.number > ?1 AND audit.number <= ?2 "       \
                     "ORDER BY audit.number LIMIT ?3")                                                                 \
    SAME(COPY_KEYS, "SELECT count(*) FROM data_key WHERE number BETWEEN ?1 AND ?2 AND length(sealed) > 0")       \
    SAME(COPY_AUDIT_HASH, "SELECT hash FROM audit WHERE number = ?1")                                                  \
    SAME(COPY_SEGMENT, "SELECT id, last_id, count, level, day, created, min_time, max_time, plain_bytes, damaged, "    \
                       "classes, severities, computers, substr(head, 1, 92), sealed FROM segment LEFT JOIN "           \
                       "data_key ON number = " HIN_SQL_OF_SEGMENT " WHERE id > ?1 ORDER BY id LIMIT ?2")               \
    SAME(PASTE_SEGMENT, "INSERT INTO segment(id, last_id, count, level, day, created, min_time, max_time, "            \
                        "plain_bytes, damaged, classes, severities, computers, head) VALUES(?1, ?2, ?3, ?4, ?5, "      \
                        "?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)")                                                    \
    SAME(PASTE_SOURCE, "INSERT INTO source(agent, generation, position, finding, floor) VALUES(?1, ?2, ?3, ?4, ?5)")   \
    SAME(PASTE_SPAN, "INSERT INTO span(agent, generation, hi, segment, lo) VALUES(?1, ?2, ?3, ?4, ?5)")                \
    SAME(PASTE_SPANS, "INSERT INTO span(agent, generation, hi, segment, lo) VALUES "                                   \
                      "(?1, ?2, ?3, ?4, ?5), (?6, ?7, ?8, ?9, ?10), (?11, ?12, ?13, ?14, ?15), "                       \
                      "(?16, ?17, ?18, ?19, ?20), (?21, ?22, ?23, ?24, ?25), (?26, ?27, ?28, ?29, ?30), "              \
                      "(?31, ?32, ?33, ?34, ?35), (?36, ?37, ?38, ?39, ?40), (?41, ?42, ?43, ?44, ?45), "              \
                      "(?46, ?47, ?48, ?49, ?50), (?51, ?52, ?53, ?54, ?55), (?56, ?57, ?58, ?59, ?60), "              \
                      "(?61, ?62, ?63, ?64, ?65), (?66, ?67, ?68, ?69, ?70), (?71, ?72, ?73, ?74, ?75), "              \
                      "(?76, ?77, ?78, ?79, ?80)")                                                                     \
    SAME(PASTE_DATA_KEY, "INSERT INTO data_key(number, sealed) VALUES(?1, ?2)")                                        \
    SAME(PASTE_AGENT, "INSERT INTO agent(id, session, spool_generation, acked, seen, clock_offset, sealed) "           \
                      "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)")                                                            \
    SAME(PASTE_SEQUENCE, "INSERT INTO sequence(kind, last) VALUES(?1, ?2)")                                            \
    SAME(PASTE_DOCUMENT, "INSERT INTO document(kind, id, version, created, updated, owner, expires, sealed) "          \
                         "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")                                                     \
    SAME(SHEAF_PUT, "INSERT INTO sheaf(id, last_id, count, grows, slices, min_time, max_time, classes, severities, "   \
                    "members) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)")                                        \
    SAME(SHEAF_DROP, "DELETE FROM sheaf WHERE id = ?1")                                                                \
    SAME(SHEAF_OVER, "SELECT id FROM sheaf WHERE id = (SELECT max(id) FROM sheaf WHERE id <= ?1) AND last_id >= ?1")   \
    SAME(SHEAF_LAST, "SELECT id, grows FROM sheaf ORDER BY id DESC LIMIT 1")                                           \
    EACH(SHEAF_GAP, HIN_SQL_SHEAF_GAP("segment INDEXED BY segment_directory"),                                         \
                    HIN_SQL_SHEAF_GAP("segment"))                                                                      \
    EACH(SHEAF_SEGMENTS, "SELECT id, last_id, level, damaged, min_time, max_time FROM segment INDEXED BY "             \
                         "segment_directory WHERE id >= ?1 AND id < ?2 ORDER BY id LIMIT 256",                         \
                         "SELECT id, last_id, level, damaged, min_time, max_time FROM segment WHERE id >= ?1 AND id < " \
                         "?2 ORDER BY id LIMIT 256")                                                                   \
    SAME(SHEAF_HEADS, "SELECT id, classes, severities, head FROM segment WHERE id BETWEEN ?1 AND ?2 ORDER BY id")      \
    SAME(SHEAF_UP, "SELECT " HIN_SQL_SHEAF " AND id <= ?2 AND last_id >= ?1 ORDER BY id LIMIT 16")                     \
    SAME(SHEAF_DOWN, "SELECT " HIN_SQL_SHEAF " AND id <= ?2 AND last_id >= ?1 ORDER BY id DESC LIMIT 16")              \
    EACH(SLICE_PUT, "WITH RECURSIVE piece(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM piece WHERE n + 1 < ?4) INSERT " \
                    "INTO slice(number, bytes) SELECT ?1 + n, substr(?2, n * ?3 + 1, ?3) FROM piece",                  \
                    "INSERT INTO slice(number, bytes) SELECT ?1 + n, substring(?2 FROM (n * ?3 + 1)::int FOR ?3::int) " \
                    "FROM generate_series(0::bigint, ?4 - 1) AS n")                                                    \
    SAME(SLICE_GET, "SELECT number, bytes FROM slice WHERE number IN (?1, ?2, ?3, ?4, ?5, ?6, ?7)")                    \
    SAME(SLICE_LIST, "SELECT number, bytes FROM slice WHERE number BETWEEN ?1 AND ?2 ORDER BY number")                 \
    SAME(SLICE_DROP, "DELETE FROM slice WHERE number BETWEEN ?1 AND ?2")
/* clang-format on */

enum hin_sql {
#define SAME(name, text)             HIN_SQL_##name,
#define EACH(name, sqlite, postgres) HIN_SQL_##name,
    HIN_SQL(SAME, EACH)
#undef SAME
#undef EACH
        HIN_SQL_COUNT
};
#define HIN_SQL_IS_CONTROL(sql) ((sql) <= HIN_SQL_MERGE_BACK)

#endif
