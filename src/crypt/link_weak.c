/* What is weak: the list that the policy is compared with. It is written down apart from the
 * policy, by what standards rule out (RFC 7465, 8996, 9325; NIST SP 800-52 rev. 2, 800-131A rev.
 * 2). */
#include <string.h>

#include "base/bytes.h"
#include "crypt/link.h"

struct weakness {
    const char *mark; /* part of a name */
    const char *why;
};

static const struct weakness suites[] = {
    {"NULL", "no encryption"},
    {"ADH", "nobody is authenticated"},
    {"AECDH", "nobody is authenticated"},
    {"anon", "nobody is authenticated"},
    {"EXP", "export strength"},
    {"RC4", "RC4 is broken"},
    {"RC2", "RC2 is broken"},
    {"DES", "blocks of 64 bits"},
    {"IDEA", "blocks of 64 bits"},
    {"MD5", "MD5 is broken"},
    {"CBC", "no authenticated encryption"},
    {"CCM_8", "a tag of 64 bits"},
    {"CCM8", "a tag of 64 bits"},
};
static const struct weakness groups[] = {
    {"secp112", "under 224 bits"},  {"secp128", "under 224 bits"}, {"secp160", "under 224 bits"},
    {"secp192", "under 224 bits"},  {"P-192", "under 224 bits"},   {"sect1", "under 224 bits"},
    {"prime192", "under 224 bits"}, {"ffdhe1", "under 2048 bits"}, {"modp_1", "under 2048 bits"},
};
static const struct weakness signatures[] = {
    {"MD5", "MD5 is broken"},
    {"SHA1", "SHA-1 is broken"},
    {"DSA+SHA1", "SHA-1 is broken"},
};

static const char *find(const struct weakness *list, size_t count, struct hin_view name)
{
    for (size_t i = 0; i < count; i++) {
        if (hin_view_find(name, hin_view_from_text(list[i].mark)) != SIZE_MAX) {
            return list[i].why;
        }
    }
    return NULL;
}

static bool has(struct hin_view name, const char *part)
{
    return hin_view_find(name, hin_view_from_text(part)) != SIZE_MAX;
}

const char *hin_suite_weakness(struct hin_view suite)
{
    const char *why = find(suites, HIN_COUNT(suites), suite);
    if (why != NULL) {
        return why;
    }
    if (!has(suite, "GCM") && !has(suite, "CHACHA20") && !has(suite, "CCM")) {
        return "no authenticated encryption";
    }
    bool forward = hin_view_starts_with(suite, HIN_VIEW("TLS_AES_")) ||
                   hin_view_starts_with(suite, HIN_VIEW("TLS_CHACHA20_")) || has(suite, "ECDHE") ||
                   has(suite, "DHE");
    return forward ? NULL : "no forward secrecy";
}

const char *hin_group_weakness(struct hin_view group)
{
    return find(groups, HIN_COUNT(groups), group);
}

const char *hin_signature_weakness(struct hin_view signature)
{
    return find(signatures, HIN_COUNT(signatures), signature);
}
