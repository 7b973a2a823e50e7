/* Base64 (RFC 4648, section 4: the standard alphabet, padded), strict: no white space, no missing
 * padding, no bits left over. In constant time neither way matters less than that key material is
 * decoded straight into locked memory, which no library at hand does. */
#ifndef HIN_AWS_BASE64_H
#define HIN_AWS_BASE64_H

#include "base/buf.h"
#include "base/result.h"
#include "base/view.h"

/* Appends. */
HIN_RESULT hin_base64_encode(struct hin_view bytes, struct hin_buf *ret_text);
/* At most out_bytes; LIMIT beyond, SYNTAX. */
HIN_RESULT hin_base64_decode(struct hin_view text, uint8_t *out, size_t out_bytes,
                             size_t *ret_bytes);

#endif
