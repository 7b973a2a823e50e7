/* Random identities: RFC 9562, version 4. */
#ifndef HIN_CRYPT_UUID_H
#define HIN_CRYPT_UUID_H

#include "base/result.h"

#define HIN_UUID_TEXT_BYTES 37

/* 122 bits from the kernel as "xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx", lower case. */
HIN_RESULT hin_uuid_new(char ret_text[HIN_UUID_TEXT_BYTES]) HIN_NONNULL;

#endif
