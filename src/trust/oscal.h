/* A framework's report as OSCAL assessment results (NIST, https://pages.nist.gov/OSCAL, JSON, the
 * 1.1 line): one result whose reviewed controls are those that claims map to, an observation for
 * each claim that a probe has looked at, a finding for each of these controls. Pure.
 *
 * A finding says `satisfied` when a claim that answers the control by itself ("automated") is
 * proven and none that maps to it has failed; everything else is `not-satisfied`, with `fail` as
 * its reason when a claim failed and `other`, and why, when a person has to show the rest or
 * nothing looks yet. Identifiers of controls become tokens: "gdpr_32.1.a" for 32(1)(a); a byte that
 * has no place in one stands as "_" and its hex, and a framework that begins with no letter has "_"
 * before it. The property `label` has them as they are. UUIDs follow from the content: the same
 * report gives the same bytes, another one none of them. They have the form of version 5, which
 * OSCAL takes beside version 4, over SHA-256. */
#ifndef HIN_TRUST_OSCAL_H
#define HIN_TRUST_OSCAL_H

#include "trust/report.h"

#define HIN_OSCAL_VERSION   "1.1.3"
#define HIN_OSCAL_NAMESPACE "urn:hinomi:trust"

/* Appends the document, two spaces a level, and a line end. INVALID: no claim maps to the
 * framework. */
HIN_RESULT hin_oscal_write(const struct hin_report *report, const struct hin_framework *framework,
                           enum hin_language language, struct hin_buf *out) HIN_NONNULL;

#endif
