/* What writing and judging certificates share. */
#ifndef HIN_PROOF_CERTIFICATE_INTERNAL_H
#define HIN_PROOF_CERTIFICATE_INTERNAL_H

#include "proof/paper.h"

extern const struct hin_paper hin_certificate_paper;

#endif
