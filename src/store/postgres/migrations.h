/* The schema of a tenant on PostgreSQL, by versions: a step is never changed once released, only
 * followed by another. Each runs in a transaction of its own, as the tenant's role, in the tenant's
 * schema. Nothing refers to another schema; every table has a key of its own: all fit a schema that
 * is distributed as a whole. Sealed bytes do not compress: EXTERNAL spares the attempt. The
 * heads of segments, which a search judges one by one, stay in their rows (MAIN) where a page has
 * room: half the time of looking each up elsewhere. */
#ifndef HIN_STORE_POSTGRES_MIGRATIONS_H
#define HIN_STORE_POSTGRES_MIGRATIONS_H

#define HIN_STORE_POSTGRES_SPAN_SEGMENT "CREATE INDEX span_segment ON span(segment);"

/* Version 1. The row `change` is the writers' lock and what followers look at: see sql.h. The owner
 * gives up changing the audit record, so that a statement that tries is refused. */
#define HIN_STORE_POSTGRES_1                                                                       \
    "CREATE TABLE migration(version bigint PRIMARY KEY, applied timestamptz NOT NULL DEFAULT "     \
    "now());"                                                                                      \
    "CREATE TABLE meta(name text PRIMARY KEY, number bigint, bytes bytea) WITH (fillfactor = 10);" \
    "INSERT INTO meta(name, number) VALUES('change', 0), ('last_event', 0);"                       \
    "CREATE TABLE key(number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, id bytea NOT NULL "  \
    "UNIQUE, version bigint NOT NULL, created bigint NOT NULL, wrapped bytea NOT NULL);"           \
    "CREATE TABLE segment(id bigint PRIMARY KEY, last_id bigint NOT NULL, count bigint NOT NULL, " \
    "level bigint NOT NULL, day bigint NOT NULL, created bigint NOT NULL, min_time bigint NOT "    \
    "NULL, max_time bigint NOT NULL, plain_bytes bigint NOT NULL, damaged bigint NOT NULL, "       \
    "classes bigint NOT NULL, severities bigint NOT NULL, computers bytea, head bytea NOT NULL);"  \
    "ALTER TABLE segment ALTER head SET STORAGE MAIN;"                                             \
    "CREATE TABLE body(id bigint PRIMARY KEY, bytes bytea NOT NULL);"                              \
    "ALTER TABLE body ALTER bytes SET STORAGE EXTERNAL;"                                           \
    "CREATE INDEX segment_tail ON segment(id) WHERE level < 2;"                                    \
    "CREATE INDEX segment_day ON segment(day, id);"                                                \
    "CREATE TABLE source(agent bigint NOT NULL, generation bigint NOT NULL, position bigint NOT "  \
    "NULL, finding bigint NOT NULL, floor bigint NOT NULL, PRIMARY KEY(agent, generation)) WITH "  \
    "(fillfactor = 70);"                                                                           \
    "CREATE TABLE span(agent bigint NOT NULL, generation bigint NOT NULL, hi bigint NOT NULL, "    \
    "segment bigint NOT NULL, lo bigint NOT NULL, PRIMARY KEY(agent, generation, hi, "             \
    "segment));" HIN_STORE_POSTGRES_SPAN_SEGMENT                                                   \
    "CREATE TABLE agent(id bigint PRIMARY KEY, session bigint NOT NULL DEFAULT 0, "                \
    "spool_generation bigint NOT NULL DEFAULT 0, acked bigint NOT NULL DEFAULT 0, seen bigint "    \
    "NOT NULL DEFAULT 0, clock_offset bigint NOT NULL DEFAULT 0, sealed bytea) WITH (fillfactor "  \
    "= 50);"                                                                                       \
    "CREATE TABLE certificate(serial bytea PRIMARY KEY, agent bigint NOT NULL, not_after bigint "  \
    "NOT NULL, revoked bigint NOT NULL);"                                                          \
    "CREATE INDEX certificate_agent ON certificate(agent);"                                        \
    "CREATE INDEX certificate_revoked ON certificate(revoked) WHERE revoked > 0;"                  \
    "CREATE TABLE sequence(kind bigint PRIMARY KEY, last bigint NOT NULL) WITH (fillfactor = 50);" \
    "CREATE TABLE document(kind bigint NOT NULL, id bigint NOT NULL, version bigint NOT NULL, "    \
    "created bigint NOT NULL, updated bigint NOT NULL, owner bigint NOT NULL, expires bigint NOT " \
    "NULL, sealed bytea NOT NULL, PRIMARY KEY(kind, id));"                                         \
    "ALTER TABLE document ALTER sealed SET STORAGE EXTERNAL;"                                      \
    "CREATE INDEX document_expires ON document(kind, expires) WHERE expires > 0;"                  \
    "CREATE TABLE name(kind bigint NOT NULL, slot bigint NOT NULL, token bigint NOT NULL, id "     \
    "bigint NOT NULL, PRIMARY KEY(kind, slot, token));"                                            \
    "CREATE INDEX name_id ON name(kind, id);"                                                      \
    "CREATE TABLE audit(number bigint PRIMARY KEY, time bigint NOT NULL, hash bytea NOT NULL, "    \
    "sealed bytea NOT NULL);"                                                                      \
    "ALTER TABLE audit ALTER sealed SET STORAGE EXTERNAL;"                                         \
    "REVOKE UPDATE, DELETE, TRUNCATE ON audit FROM CURRENT_USER;"

/* Version 2: see the steps of SQLite. */
#define HIN_STORE_POSTGRES_2                                                                       \
    "CREATE TABLE data_key(number bigint PRIMARY KEY, sealed bytea NOT NULL);"                     \
    "ALTER TABLE key ADD COLUMN epoch bigint NOT NULL DEFAULT 0;"                                  \
    "INSERT INTO meta(name, number) VALUES('epoch', 1);"

/* Version 3: see the steps of SQLite. Heads go out of their rows, which the directory is read
 * from; slices stay in theirs. */
#define HIN_STORE_POSTGRES_3                                                                       \
    "CREATE TABLE sheaf(id bigint PRIMARY KEY, last_id bigint NOT NULL, count bigint NOT NULL, "   \
    "grows bigint NOT NULL, slices bigint NOT NULL, min_time bigint NOT NULL, max_time bigint "    \
    "NOT NULL, classes bigint NOT NULL, severities bigint NOT NULL, members bytea NOT NULL);"      \
    "CREATE TABLE slice(number bigint PRIMARY KEY, bytes bytea NOT NULL);"                         \
    "ALTER TABLE slice ALTER bytes SET STORAGE PLAIN;"                                             \
    "ALTER TABLE segment ALTER head SET STORAGE EXTERNAL;"

#endif
