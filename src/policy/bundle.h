/* The signed policy bundle: what one computer is to do, as the manager hands it out and the agent
 * checks it.
 *
 * A bundle is a fixed-size manifest, an Ed25519 signature over that manifest, and the content that
 * the manifest binds by SHA-256. The content depends on the policy only, so all computers of one
 * policy share its bytes, and the process that holds the signing key sees nothing but manifests.
 * What is signed is HIN_POLICY_SIGNING_DOMAIN and the manifest: the manager's one signing key also
 * signs checkpoints, and the manifest's magic tells the two apart.
 *
 *     manifest (HIN_POLICY_MANIFEST_BYTES): "HINP" | u16 format | u64 version | tenant (16) | agent
 * (16) | u64 policy | i64 issued (usec, UTC) | SHA-256 of content signature (64): Ed25519 (RFC
 * 8032) over domain || manifest content:        u8 flags | varint n, n x file (u8 kind, bytes name,
 * bytes text) | varint m, m x log (bytes location, bytes format)
 *
 * Integers are little-endian; "bytes" is a varint length and that many bytes (base/codec.h).
 * Everything here is pure. */
#ifndef HIN_POLICY_BUNDLE_H
#define HIN_POLICY_BUNDLE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/result.h"
#include "base/view.h"

enum {
    HIN_POLICY_FORMAT = 1,
    HIN_POLICY_DIGEST_BYTES = 32,
    HIN_POLICY_SIGNATURE_BYTES = 64,
    HIN_POLICY_KEY_DER_BYTES = 44,
    HIN_POLICY_ID_BYTES = 16,
    HIN_POLICY_MANIFEST_BYTES = 4 + 2 + 3 * 8 + 2 * HIN_POLICY_ID_BYTES + HIN_POLICY_DIGEST_BYTES,
    HIN_POLICY_BUNDLE_MAX_BYTES = 16 << 20,
    HIN_POLICY_FILES_MAX = 4096,
    HIN_POLICY_LOGS_MAX = 1024,
    HIN_POLICY_NAME_MAX = 255,
    HIN_POLICY_LOCATION_MAX = 4096,
};

/* The domain that the manager's `keys` process puts before everything it signs. */
#define HIN_POLICY_SIGNING_DOMAIN "hinomi checkpoint v1\n"

/* The location that stands for the system's journal instead of a path. */
#define HIN_POLICY_LOCATION_JOURNAL "journald"

struct hin_policy_manifest {
    uint64_t version; /* grows with every change of the tenant's policies; an agent refuses a lower
                         one */
    uint8_t tenant[HIN_POLICY_ID_BYTES];
    uint8_t agent[HIN_POLICY_ID_BYTES]; /* the one that it is for */
    uint64_t policy;                    /* the policy's ID, for people */
    int64_t issued_usec;
    uint8_t content_digest[HIN_POLICY_DIGEST_BYTES];
};

enum hin_policy_file_kind {
    HIN_POLICY_FILE_DECODER = 1, /* OSSEC decoder XML; loaded first, in this order */
    HIN_POLICY_FILE_RULE = 2,    /* OSSEC rule XML; loaded in this order */
    HIN_POLICY_FILE_LIST = 3,    /* a list that rules look up by name */
};

struct hin_policy_file {
    enum hin_policy_file_kind kind;
    struct hin_view
        name; /* a plain file name: no slash, no control characters, at most HIN_POLICY_NAME_MAX */
    struct hin_view text;
};

struct hin_policy_log {
    struct hin_view location; /* an absolute glob, or HIN_POLICY_LOCATION_JOURNAL */
    struct hin_view format;   /* the reference's name: "syslog", "apache", ...; empty = by itself */
};

struct hin_policy_content {
    bool log_inspection; /* false: the module watches nothing */
    const struct hin_policy_file *files;
    size_t file_count;
    const struct hin_policy_log *logs;
    size_t log_count;
};

/* Append the manifest's HIN_POLICY_MANIFEST_BYTES. */
HIN_RESULT hin_policy_manifest_encode(const struct hin_policy_manifest *manifest,
                                      struct hin_buf *out) HIN_NONNULL;
/* PROTOCOL: another magic; UNSUPPORTED: a newer format; TRUNCATED/SYNTAX: wrong size. */
HIN_RESULT hin_policy_manifest_decode(struct hin_view bytes,
                                      struct hin_policy_manifest *ret_manifest) HIN_NONNULL;

/* "journald", or an absolute glob without empty, "." and ".." parts and control characters: whoever
 * takes a location in asks here, since a policy with another one can neither be sent nor read. */
bool hin_policy_location_is_valid(struct hin_view location);

/* Append the content's encoding. INVALID for a name or location that the decoder would refuse;
 * LIMIT past a maximum. */
HIN_RESULT hin_policy_content_encode(const struct hin_policy_content *content,
                                     struct hin_buf *out) HIN_NONNULL;
/* Views in *ret_content borrow from `bytes`, arrays live in `arena`. INVALID for a bad name,
 * location or kind. */
HIN_RESULT hin_policy_content_decode(struct hin_view bytes, struct hin_arena *arena,
                                     struct hin_policy_content *ret_content) HIN_NONNULL;
HIN_RESULT hin_policy_content_digest(struct hin_view content,
                                     uint8_t ret_digest[HIN_POLICY_DIGEST_BYTES]) HIN_NONNULL;

/* Append manifest, signature and content. */
HIN_RESULT hin_policy_bundle_assemble(struct hin_view manifest,
                                      const uint8_t signature[HIN_POLICY_SIGNATURE_BYTES],
                                      struct hin_view content, struct hin_buf *out) HIN_NONNULL;

/* A bundle that was checked: signature, digest, and every name in it. */
struct hin_policy_bundle {
    struct hin_policy_manifest manifest;
    struct hin_policy_content content;
};

/* The same key as SubjectPublicKeyInfo DER (RFC 8410, section 4), HIN_POLICY_KEY_DER_BYTES
 * appended: what goes over the wire at enrolment. */
HIN_RESULT hin_policy_key_encode(const uint8_t public_key[32], struct hin_buf *out) HIN_NONNULL;
/* SYNTAX: not an Ed25519 key in that form. */
HIN_RESULT hin_policy_key_decode(struct hin_view der, uint8_t ret_public_key[32]) HIN_NONNULL;

/* Check and decode. public_key: Ed25519, SubjectPublicKeyInfo DER, as the agent was given at
 * enrolment. AUTH: the signature is not by that key; CORRUPT: the content does not match the
 * manifest; else as the decoders. Whether tenant, agent and version are the expected ones is for
 * the caller (hin_policy_bundle_accept). */
HIN_RESULT hin_policy_bundle_verify(struct hin_view bundle, struct hin_view public_key,
                                    struct hin_arena *arena,
                                    struct hin_policy_bundle *ret_bundle) HIN_NONNULL;

/* Is it for this agent, and not older than what it has? DENIED: for another; CONFLICT: older than
 * last_version. */
HIN_RESULT hin_policy_bundle_accept(const struct hin_policy_bundle *bundle,
                                    const uint8_t tenant[HIN_POLICY_ID_BYTES],
                                    const uint8_t agent[HIN_POLICY_ID_BYTES],
                                    uint64_t last_version) HIN_NONNULL;

#endif
