/* A framework's report as it is printed: what stands on the paper, in order, without saying how it
 * looks. The program `hinomi-pdf` sets it. Pure.
 *
 *     {"format":"hinomi-printout","version":1,"language":"ja","title":"TEXT","at":MSEC,
 *      "footer":"TEXT","blocks":[BLOCK, ...]}
 *
 * A block is an array: its kind, then texts. ["h1",T], ["h2",T], ["p",T], ["small",T];
 * ["columns",N,N,...]: a table begins, the widths in thousandths of the line, which they fill;
 * ["head",T,...]: its first row, said again on each page; ["row",T,...]: a row. A text may hold
 * line ends. */
#ifndef HIN_TRUST_PRINTOUT_H
#define HIN_TRUST_PRINTOUT_H

#include "trust/report.h"

#define HIN_PRINTOUT_FORMAT "hinomi-printout"
enum {
    HIN_PRINTOUT_VERSION = 1,
    HIN_PRINTOUT_MAX = 8 * 1024 * 1024,
    HIN_PRINTOUT_COLUMNS_MAX = 8,
};

HIN_RESULT hin_printout_write(const struct hin_report *report,
                              const struct hin_framework *framework, enum hin_language language,
                              struct hin_buf *out) HIN_NONNULL;

#endif
