/* The schema, by versions: a step is never changed once released, only followed by another. */
#ifndef HIN_STORE_SQLITE_MIGRATIONS_H
#define HIN_STORE_SQLITE_MIGRATIONS_H

#define HIN_STORE_APPLICATION_ID 0x48494e31 /* "HIN1" in the file header: what file(1) sees */

#define HIN_STORE_SPAN_SEGMENT "CREATE INDEX span_segment ON span(segment);"

/* Version 1. */
#define HIN_STORE_MIGRATION_1                                                                      \
    "CREATE TABLE migration(version INTEGER PRIMARY KEY, applied TEXT NOT NULL DEFAULT "           \
    "CURRENT_TIMESTAMP);"                                                                          \
    "INSERT INTO migration(version) VALUES(1);"                                                    \
    "CREATE TABLE meta(name TEXT PRIMARY KEY, number INTEGER, bytes BLOB) WITHOUT ROWID;"          \
    "CREATE TABLE key(number INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, version INTEGER NOT "   \
    "NULL, created "                                                                               \
    "INTEGER NOT NULL, wrapped BLOB NOT NULL);"                                                    \
    "CREATE TABLE segment(id INTEGER PRIMARY KEY, last_id INTEGER NOT NULL, count INTEGER NOT "    \
    "NULL, level INTEGER "                                                                         \
    "NOT NULL, day INTEGER NOT NULL, created INTEGER NOT NULL, min_time INTEGER NOT NULL, "        \
    "max_time INTEGER NOT "                                                                        \
    "NULL, plain_bytes INTEGER NOT NULL, damaged INTEGER NOT NULL, classes INTEGER NOT NULL, "     \
    "severities INTEGER "                                                                          \
    "NOT NULL, computers BLOB, head BLOB NOT NULL);"                                               \
    "CREATE TABLE body(id INTEGER PRIMARY KEY, bytes BLOB NOT NULL);"                              \
    "CREATE INDEX segment_directory ON segment(id, last_id, count, level, min_time, max_time, "    \
    "damaged);"                                                                                    \
    "CREATE INDEX segment_tail ON segment(id, last_id, count, level, day, created, plain_bytes, "  \
    "min_time, max_time, "                                                                         \
    "damaged) WHERE level < 2;"                                                                    \
    "CREATE INDEX segment_day ON segment(day, id, count);"                                         \
    "CREATE TABLE source(agent INTEGER NOT NULL, generation INTEGER NOT NULL, position INTEGER "   \
    "NOT NULL, finding "                                                                           \
    "INTEGER NOT NULL, floor INTEGER NOT NULL, PRIMARY KEY(agent, generation)) WITHOUT ROWID;"     \
    "CREATE TABLE span(agent INTEGER NOT NULL, generation INTEGER NOT NULL, hi INTEGER NOT NULL, " \
    "segment INTEGER "                                                                             \
    "NOT NULL, lo INTEGER NOT NULL, PRIMARY KEY(agent, generation, hi, segment)) WITHOUT "         \
    "ROWID;" HIN_STORE_SPAN_SEGMENT                                                                \
    "CREATE TABLE agent(id INTEGER PRIMARY KEY, session INTEGER NOT NULL DEFAULT 0, "              \
    "spool_generation INTEGER NOT "                                                                \
    "NULL DEFAULT 0, acked INTEGER NOT NULL DEFAULT 0, seen INTEGER NOT NULL DEFAULT 0, "          \
    "clock_offset INTEGER NOT "                                                                    \
    "NULL DEFAULT 0, sealed BLOB);"                                                                \
    "CREATE TABLE certificate(serial BLOB PRIMARY KEY, agent INTEGER NOT NULL, not_after INTEGER " \
    "NOT NULL, revoked "                                                                           \
    "INTEGER NOT NULL) WITHOUT ROWID;"                                                             \
    "CREATE INDEX certificate_agent ON certificate(agent);"                                        \
    "CREATE INDEX certificate_revoked ON certificate(revoked) WHERE revoked > 0;"                  \
    "CREATE TABLE sequence(kind INTEGER PRIMARY KEY, last INTEGER NOT NULL);"                      \
    "CREATE TABLE document(kind INTEGER NOT NULL, id INTEGER NOT NULL, version INTEGER NOT NULL, " \
    "created INTEGER "                                                                             \
    "NOT NULL, updated INTEGER NOT NULL, owner INTEGER NOT NULL, expires INTEGER NOT NULL, "       \
    "sealed BLOB NOT NULL, "                                                                       \
    "UNIQUE(kind, id));"                                                                           \
    "CREATE INDEX document_expires ON document(kind, expires) WHERE expires > 0;"                  \
    "CREATE TABLE name(kind INTEGER NOT NULL, slot INTEGER NOT NULL, token INTEGER NOT NULL, id "  \
    "INTEGER NOT NULL, "                                                                           \
    "PRIMARY KEY(kind, slot, token)) WITHOUT ROWID;"                                               \
    "CREATE INDEX name_id ON name(kind, id);"                                                      \
    "CREATE TABLE audit(number INTEGER PRIMARY KEY, time INTEGER NOT NULL, hash BLOB NOT NULL, "   \
    "sealed BLOB NOT "                                                                             \
    "NULL);"                                                                                       \
    "CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'append "     \
    "only'); END;"                                                                                 \
    "CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'append "     \
    "only'); END;"

/* Version 2: a data key of its own for each sealed thing (store/data_key.c says under which
 * number). A page of them holds the keys of some thirty things, so each stands twice, on pages of
 * two tables: one damaged page costs nothing. The database itself keeps the two alike. `epoch` of a
 * key: 0 seals things directly, as version 1 did; else it seals data keys. */
#define HIN_STORE_MIGRATION_2                                                                      \
    "CREATE TABLE data_key(number INTEGER PRIMARY KEY, sealed BLOB NOT NULL);"                     \
    "CREATE TABLE data_key_again(number INTEGER PRIMARY KEY, sealed BLOB NOT NULL);"               \
    "CREATE TRIGGER data_key_put AFTER INSERT ON data_key BEGIN INSERT INTO "                      \
    "data_key_again(number, sealed) VALUES(new.number, new.sealed); END;"                          \
    "CREATE TRIGGER data_key_set AFTER UPDATE ON data_key BEGIN UPDATE data_key_again SET "        \
    "sealed = new.sealed WHERE number = old.number; END;"                                          \
    "CREATE TRIGGER data_key_drop AFTER DELETE ON data_key BEGIN DELETE FROM data_key_again "      \
    "WHERE number = old.number; END;"                                                              \
    "ALTER TABLE key ADD COLUMN epoch INTEGER NOT NULL DEFAULT 0;"                                 \
    "INSERT INTO meta(name, number) VALUES('epoch', 1);"                                           \
    "INSERT INTO migration(version) VALUES(2);"

/* Version 3: sheaves (store/sheaf.c), which are made of the segments' heads and can be made anew
 * from them at any time. */
#define HIN_STORE_MIGRATION_3                                                                      \
    "CREATE TABLE sheaf(id INTEGER PRIMARY KEY, last_id INTEGER NOT NULL, count INTEGER NOT "      \
    "NULL, grows INTEGER NOT NULL, slices INTEGER NOT NULL, min_time INTEGER NOT NULL, max_time "  \
    "INTEGER NOT NULL, classes INTEGER NOT NULL, severities INTEGER NOT NULL, members BLOB NOT "   \
    "NULL);"                                                                                       \
    "CREATE TABLE slice(number INTEGER PRIMARY KEY, bytes BLOB NOT NULL);"                         \
    "INSERT INTO migration(version) VALUES(3);"

#endif
