/* What `hinomi doctor` is made of. A check is a row of a const table in the folder that knows: what
 * it looks at, how grave a finding is, what to do. Its probe looks, and tells. Findings are JSON:
 *   {"findings": [{"id", "area", "looked", "severity", "finding", "todo"}]} */
#ifndef HIN_DOCTOR_DOCTOR_H
#define HIN_DOCTOR_DOCTOR_H

#include <stdio.h>

#include "data/json.h"

enum hin_doctor_severity { /* from the least; what is above ADVICE fails the examination */
                           HIN_DOCTOR_OK,
                           HIN_DOCTOR_UNSEEN, /* it could not be looked at */
                           HIN_DOCTOR_ADVICE,
                           HIN_DOCTOR_WARNING,
                           HIN_DOCTOR_ERROR,
                           HIN_DOCTOR_SEVERITY_COUNT,
};
const char *hin_doctor_severity_name(enum hin_doctor_severity severity);

struct hin_doctor;
typedef void hin_doctor_probe(struct hin_doctor *doctor, void *subject);

struct hin_doctor_check {
    const char *id;   /* "key.holders": for scripts, never changed */
    const char *area; /* "keys": findings of one stand together */
    const char *look; /* what is looked at, in words */
    enum hin_doctor_severity severity;
    const char *todo; /* the next command, or what to change where */
    unsigned needs;   /* rights, as the examiner counts them; 0: none */
    hin_doctor_probe *probe;
};

struct hin_doctor {
    struct hin_json_writer writer;
    const struct hin_doctor_check *check;
    unsigned rights, hidden;
    bool told;
};

/* rights: what whoever asks may see; a check that needs more is UNSEEN. hidden: bits of `needs`
 * whose checks are left out altogether: not even their names are told. `out` gets the document. */
void hin_doctor_begin(struct hin_doctor *doctor, struct hin_buf *out, unsigned rights,
                      unsigned hidden) HIN_NONNULL;
void hin_doctor_run(struct hin_doctor *doctor, const struct hin_doctor_check *checks, size_t count,
                    void *subject);
HIN_RESULT hin_doctor_end(struct hin_doctor *doctor) HIN_NONNULL;

/* For probes; one may tell several times. Nothing told: all is well. */
void hin_doctor_fine(struct hin_doctor *doctor, const char *format, ...) HIN_PRINTF(2, 3);
void hin_doctor_unseen(struct hin_doctor *doctor, const char *format, ...) HIN_PRINTF(2, 3);
void hin_doctor_found(struct hin_doctor *doctor, const char *format, ...) HIN_PRINTF(2, 3);
/* With another severity than the row's, and another thing to do (NULL: the row's). */
void hin_doctor_found_as(struct hin_doctor *doctor, enum hin_doctor_severity severity,
                         const char *todo, const char *format, ...) HIN_PRINTF(4, 5);

/* Space and inodes of the file system that `fd` lies in. */
void hin_doctor_space(struct hin_doctor *doctor, int fd, const char *name) HIN_NONNULL;

/* Any host. The subject: struct hin_doctor_host. */
struct hin_doctor_host {
    const char *state; /* the folder, as it was named */
    int folder;        /* it; -1: it cannot be opened */
};
extern const struct hin_doctor_check hin_doctor_host_checks[];
extern const size_t hin_doctor_host_check_count;

/* For people. document: as above. quiet: findings only. *worst is raised, never lowered. INVALID:
 * no such document. */
HIN_RESULT hin_doctor_print(struct hin_json document, bool quiet, FILE *out,
                            enum hin_doctor_severity *worst) HIN_NONNULL;

/* The gravest of a document; ERROR when it is none. */
enum hin_doctor_severity hin_doctor_worst(struct hin_json document);

#endif
