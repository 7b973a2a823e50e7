/* Every SQL statement of the store, by name; all are prepared, none is put together from parts. */
#ifndef HIN_STORE_SQLITE_SQL_H
#define HIN_STORE_SQLITE_SQL_H

/* clang-format off */
#define HIN_SQL(X)                                                                                                     \
    X(BEGIN, "BEGIN IMMEDIATE")                                                                                        \
    X(COMMIT, "COMMIT")                                                                                                \
    X(ROLLBACK, "ROLLBACK")                                                                                            \
    X(SAVE, "SAVEPOINT op")                                                                                            \
    X(RELEASE, "RELEASE op")                                                                                           \
    X(BACK, "ROLLBACK TO op")                                                                                          \
    X(DATA_VERSION, "PRAGMA data_version")                                                                             \
    X(META_GET, "SELECT number, bytes FROM meta WHERE name = ?1")                                                      \
    X(META_SET, "INSERT INTO meta(name, number, bytes) VALUES(?1, ?2, ?3) "                                            \
                "ON CONFLICT(name) DO UPDATE SET number = ?2, bytes = ?3")                                             \
    X(KEY_PUT, "INSERT INTO key(id, version, created, wrapped) VALUES(?1, ?2, ?3, ?4)")                                \
    X(KEY_GET, "SELECT version, wrapped FROM key WHERE id = ?1")                                                       \
    X(KEY_REWRAP, "UPDATE key SET version = ?2, wrapped = ?3 WHERE id = ?1")                                           \
    X(KEY_NUMBER, "SELECT number FROM key WHERE id = ?1")                                                              \
    X(KEY_LIST, "SELECT id, version, created, wrapped FROM key WHERE number > ?1 ORDER BY number LIMIT ?2")            \
    X(SEGMENT_PUT, "INSERT INTO segment(id, last_id, count, level, day, created, min_time, max_time, plain_bytes, "    \
                   "damaged, classes, severities, computers, head) "                                                   \
                   "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 0, ?10, ?11, ?12, ?13)")                                \
    X(BODY_PUT, "INSERT INTO body(id, bytes) VALUES(?1, ?2)")                                                          \
    X(SEGMENT_GET, "SELECT classes, severities, computers, head FROM segment WHERE id = ?1")                           \
    X(SEGMENT_HEAD, "SELECT head FROM segment WHERE id = ?1")                                                          \
    X(BODY_GET, "SELECT bytes FROM body WHERE id = ?1")                                                                \
    X(SEGMENT_STANDS, "SELECT level FROM segment NOT INDEXED WHERE id = ?1")                                           \
    X(BODY_STANDS, "SELECT id FROM body WHERE id = ?1")                                                                \
    X(BODY_DROP, "DELETE FROM body WHERE id = ?1")                                                                     \
    X(SEGMENT_DROP, "DELETE FROM segment WHERE id = ?1")                                                               \
    X(SEGMENT_DAMAGED, "UPDATE segment SET damaged = 1, level = 2 WHERE id = ?1")                                      \
    X(SEGMENT_IS_DAMAGED, "SELECT damaged FROM segment INDEXED BY segment_directory WHERE id = ?1")                    \
    X(SEGMENT_CLOSE_BEFORE, "UPDATE segment SET level = 2 WHERE id IN (SELECT id FROM segment INDEXED BY "              \
                            "segment_tail WHERE level < 2 AND id < ?1)")                                               \
    X(SEGMENT_CLOSE, "UPDATE segment SET level = 2 WHERE id = ?1")                                                     \
    X(TAIL, "SELECT id, last_id, count, level, day, plain_bytes, min_time, max_time, damaged FROM segment "            \
            "INDEXED BY segment_tail WHERE level < 2 ORDER BY id")                                                     \
    X(TAIL_LAST, "SELECT id, last_id, count, level, day, plain_bytes, min_time, max_time, damaged FROM segment "       \
                 "INDEXED BY segment_tail WHERE level < 2 ORDER BY id DESC LIMIT 1")                                   \
    X(TAIL_OLDEST, "SELECT min(created) FROM segment INDEXED BY segment_tail WHERE level < 2")                         \
    X(DIRECTORY_UP, "SELECT id, last_id, count, level, 0, 0, min_time, max_time, damaged FROM segment "                \
                    "INDEXED BY segment_directory WHERE id >= coalesce((SELECT max(id) FROM segment WHERE id <= ?1), " \
                    "0) AND id <= ?2 ORDER BY id")                                                                     \
    X(DIRECTORY_DOWN, "SELECT id, last_id, count, level, 0, 0, min_time, max_time, damaged FROM segment "              \
                      "INDEXED BY segment_directory WHERE id >= coalesce((SELECT max(id) FROM segment WHERE id <= "    \
                      "?1), 0) AND id <= ?2 ORDER BY id DESC")                                                         \
    X(STATS, "SELECT coalesce(sum(count) FILTER (WHERE damaged = 0), 0), count(*), coalesce(sum(count >= 1000), 0), coalesce(sum(damaged), 0) "   \
             "FROM segment INDEXED BY segment_directory WHERE id > 0")                                                 \
    X(PAGES, "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()")                             \
    X(DAY_SEGMENTS, "SELECT id, count FROM segment INDEXED BY segment_day WHERE day < ?1 AND id >= ?2 ORDER BY id "    \
                    "LIMIT 256")                                                                                       \
    X(SPAN_FLOOR, "UPDATE source SET floor = max(floor, coalesce((SELECT max(hi) FROM span WHERE span.agent = "        \
                  "source.agent AND span.generation = source.generation AND span.segment = ?1), floor)) WHERE "        \
                  "(agent, generation) IN (SELECT agent, generation FROM span WHERE segment = ?1)")                    \
    X(SPAN_DROP, "DELETE FROM span WHERE segment = ?1")                                                                \
    X(SPAN_PUT, "INSERT INTO span(agent, generation, lo, hi, segment) VALUES(?1, ?2, ?3, ?4, ?5)")                     \
    X(SPAN_FIND, "SELECT segment FROM span WHERE agent = ?1 AND generation = ?2 AND hi >= ?3 AND lo <= ?3")            \
    X(SPAN_JOIN, "INSERT INTO span(agent, generation, lo, hi, segment) SELECT agent, generation, min(lo), max(hi), "   \
                 "-?3 FROM span WHERE segment BETWEEN ?1 AND ?2 GROUP BY agent, generation")                           \
    X(SPAN_CLEAR, "DELETE FROM span WHERE segment BETWEEN ?1 AND ?2")                                                  \
    X(SPAN_TURN, "UPDATE span SET segment = -segment WHERE segment < 0")                                               \
    X(SOURCE_GET, "SELECT position, finding, floor FROM source WHERE agent = ?1 AND generation = ?2")                  \
    X(SOURCE_SET, "INSERT INTO source(agent, generation, position, finding, floor) VALUES(?1, ?2, ?3, ?4, -1) "        \
                  "ON CONFLICT(agent, generation) DO UPDATE SET position = ?3, finding = ?4")                          \
    X(AGENT_ACK, "INSERT INTO agent(id, spool_generation, acked) VALUES(?1, ?2, ?3) ON CONFLICT(id) DO UPDATE SET "    \
                 "acked = CASE WHEN spool_generation = ?2 AND acked > ?3 THEN acked ELSE ?3 END, "                     \
                 "spool_generation = ?2")                                                                              \
    X(AGENT_GET, "SELECT session, spool_generation, acked, seen, clock_offset, sealed FROM agent WHERE id = ?1")       \
    X(AGENT_SESSION, "INSERT INTO agent(id, session, seen) VALUES(?1, ?2, ?3) "                                        \
                     "ON CONFLICT(id) DO UPDATE SET session = ?2, seen = ?3")                                          \
    X(AGENT_RESET, "UPDATE agent SET session = 0 WHERE id = ?1")                                                       \
    X(AGENT_SEAL, "INSERT INTO agent(id, sealed) VALUES(?1, ?2) ON CONFLICT(id) DO UPDATE SET sealed = ?2")            \
    X(AGENT_SEEN, "INSERT INTO agent(id, seen, clock_offset) VALUES(?1, ?2, ?3) "                                      \
                  "ON CONFLICT(id) DO UPDATE SET seen = max(seen, ?2), clock_offset = ?3")                             \
    X(AGENT_LIST, "SELECT session, spool_generation, acked, seen, clock_offset, sealed, id FROM agent WHERE id > ?1 "  \
                  "ORDER BY id LIMIT ?2")                                                                              \
    X(AGENT_FORGET, "DELETE FROM agent WHERE id = ?1")                                                                 \
    X(CERTIFICATE_PUT, "INSERT INTO certificate(serial, agent, not_after, revoked) VALUES(?1, ?2, ?3, ?4)")            \
    X(CERTIFICATE_GET, "SELECT serial, agent, not_after, revoked FROM certificate WHERE serial = ?1")                  \
    X(CERTIFICATE_REVOKE, "UPDATE certificate SET revoked = ?2 WHERE agent = ?1 AND revoked = 0")                      \
    X(CERTIFICATE_REVOKED, "SELECT serial, agent, not_after, revoked FROM certificate WHERE revoked > 0 AND "          \
                           "not_after > ?1")                                                                           \
    X(SEQUENCE_NEXT, "INSERT INTO sequence(kind, last) VALUES(?1, 1) ON CONFLICT(kind) DO UPDATE SET last = last + 1 " \
                     "RETURNING last")                                                                                 \
    X(DOCUMENT_PUT, "INSERT INTO document(kind, id, version, created, updated, owner, expires, sealed) "               \
                    "VALUES(?1, ?2, 1, ?3, ?3, ?4, ?5, ?6)")                                                           \
    X(DOCUMENT_GET, "SELECT id, version, created, updated, owner, expires, sealed FROM document "                      \
                    "WHERE kind = ?1 AND id = ?2")                                                                     \
    X(DOCUMENT_SET, "UPDATE document SET version = ?3, updated = ?4, owner = ?5, expires = ?6, sealed = ?7 "           \
                    "WHERE kind = ?1 AND id = ?2")                                                                     \
    X(DOCUMENT_DROP, "DELETE FROM document WHERE kind = ?1 AND id = ?2")                                               \
    X(DOCUMENT_IDS_UP, "SELECT id FROM document WHERE kind = ?1 AND id > ?2 AND (?3 = 0 OR owner = ?3) ORDER BY id")   \
    X(DOCUMENT_IDS_DOWN, "SELECT id FROM document WHERE kind = ?1 AND id < ?2 AND (?3 = 0 OR owner = ?3) "             \
                         "ORDER BY id DESC")                                                                           \
    X(DOCUMENT_COUNT, "SELECT count(*) FROM document WHERE kind = ?1")                                                 \
    X(DOCUMENT_EXPIRED, "SELECT id FROM document WHERE kind = ?1 AND expires > 0 AND expires <= ?2 LIMIT 1000")        \
    X(NAME_PUT, "INSERT INTO name(kind, slot, token, id) VALUES(?1, ?2, ?3, ?4)")                                      \
    X(NAME_FIND, "SELECT id FROM name WHERE kind = ?1 AND slot = ?2 AND token = ?3")                                   \
    X(NAME_DROP, "DELETE FROM name WHERE kind = ?1 AND id = ?2")                                                       \
    X(AUDIT_PUT, "INSERT INTO audit(number, time, hash, sealed) VALUES(?1, ?2, ?3, ?4)")                               \
    X(AUDIT_LAST, "SELECT number, hash FROM audit ORDER BY number DESC LIMIT 1")                                       \
    X(AUDIT_UP, "SELECT number, time, hash, sealed FROM audit WHERE number > ?1 ORDER BY number LIMIT ?2")             \
    X(AUDIT_DOWN, "SELECT number, time, hash, sealed FROM audit WHERE number < ?1 ORDER BY number DESC LIMIT ?2")
/* clang-format on */

enum hin_sql {
#define X(name, text) HIN_SQL_##name,
    HIN_SQL(X)
#undef X
        HIN_SQL_COUNT
};

#endif
