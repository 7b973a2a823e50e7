/* What the two halves of report.h share. */
#ifndef HIN_TRUST_REPORT_INTERNAL_H
#define HIN_TRUST_REPORT_INTERNAL_H

#include "trust/report.h"

#define HIN_REPORT_FORMAT "hinomi-trust"

/* A report with room for a state of each claim. */
HIN_RESULT hin_report_begin(const struct hin_catalogue *catalogue,
                            struct hin_report *ret_report) HIN_NONNULL;

#endif
