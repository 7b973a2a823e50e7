/* A journald entry (fields as sd-journal or the export format gives them) to the line that syslog
 * would have carried: "Mon dd hh:mm:ss HOST IDENT[PID]: MESSAGE", so that the rule language sees
 * what it was written for. Pure. */
#ifndef HIN_DECODE_LOG_JOURNALD_H
#define HIN_DECODE_LOG_JOURNALD_H

#include "base/buf.h"
#include "base/result.h"
#include "base/view.h"
#include "decode/log/zone.h"

/* Views are borrowed; absent ones are empty. */
struct hin_journal_entry {
    struct hin_view message;    /* MESSAGE */
    struct hin_view host;       /* _HOSTNAME */
    struct hin_view identifier; /* SYSLOG_IDENTIFIER, else _COMM */
    struct hin_view pid;        /* SYSLOG_PID, else _PID */
    struct hin_view unit;       /* _SYSTEMD_UNIT */
    struct hin_view transport;  /* _TRANSPORT: "kernel" reads as program kernel without a pid */
    struct hin_view priority;   /* PRIORITY */
    struct hin_view cursor;     /* __CURSOR */
    int64_t time_usec; /* _SOURCE_REALTIME_TIMESTAMP, else __REALTIME_TIMESTAMP; 0 = none */
};

/* One "NAME=value" field as sd_journal_enumerate_data(3) gives it; unknown names are ignored.
 * `seen` collects which of two rival names was taken. Zero the entry before the first. */
void hin_journal_field(struct hin_journal_entry *entry, struct hin_view field);

/* One entry of the Journal Export Format (systemd.io/JOURNAL_EXPORT_FORMATS): NAME=value lines and
 * binary fields with a 64-bit little-endian length, ended by an empty line. *ret_used counts the
 * bytes of the entry. AGAIN: not whole yet; SYNTAX: broken; LIMIT: a field over 1 MiB. */
HIN_RESULT hin_journal_parse(struct hin_view bytes, struct hin_journal_entry *ret_entry,
                             size_t *ret_used);

/* Appends the line without line end; newlines inside MESSAGE become spaces. The stamp is local time
 * in `zone`. */
HIN_RESULT hin_journal_line(const struct hin_journal_entry *entry, const struct hin_zone *zone,
                            struct hin_buf *buf);

#endif
