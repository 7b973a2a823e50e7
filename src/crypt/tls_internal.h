/* What the TLS files of crypt/ share. */
#ifndef HIN_CRYPT_TLS_INTERNAL_H
#define HIN_CRYPT_TLS_INTERNAL_H

/* OpenSSL's macros cast const away, which neither compiler lets pass; it does not write through the
 * pointer. */
static inline void *hin_tls_mutable_text(const char *text)
{
    union {
        const char *from;
        void *to;
    } pointer = {.from = text};
    return pointer.to;
}

#endif
