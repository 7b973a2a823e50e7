/* What holds for every key management service, as tests: CONTRACT(name, make, done) makes them for
 * one provider. make opens a fresh installation into the subject, done closes it. */
#ifndef HIN_TESTS_KMS_CONTRACT_H
#define HIN_TESTS_KMS_CONTRACT_H

#include "harness.h"
#include "keys/provider.h"

#define CONTRACT_OVERHEAD_MAX HIN_KEY_WRAP_GROWTH_MAX

struct subject {
    struct hin_key_provider provider;
    /* The same installation through a new connection or process. */
    struct hin_result (*reopen)(struct subject *subject);
    bool has_own;  /* it is born with the installation's own key ("") */
    void *context; /* of the maker's */
};

void contract_opens_what_it_wrapped(struct subject *subject);
void contract_refuses_another_binding(struct subject *subject);
void contract_refuses_altered_bytes(struct subject *subject);
void contract_refuses_foreign_bytes(struct subject *subject);
void contract_keeps_old_versions(struct subject *subject);
void contract_destroys_one_version(struct subject *subject);
void contract_destroys_all(struct subject *subject);
void contract_keeps_tenants_apart(struct subject *subject);
void contract_tells_its_status(struct subject *subject);
void contract_never_repeats_itself(struct subject *subject);

#define CONTRACT_CASE(name, make, done, what)                                                      \
    TEST(test_kms_contract__##name##_##what)                                                       \
    {                                                                                              \
        HIN_CLEANUP(done) struct subject subject = {0};                                            \
        CHECK_OK(make(&subject));                                                                  \
        contract_##what(&subject);                                                                 \
    }

#define CONTRACT(name, make, done)                                                                 \
    CONTRACT_CASE(name, make, done, opens_what_it_wrapped)                                         \
    CONTRACT_CASE(name, make, done, refuses_another_binding)                                       \
    CONTRACT_CASE(name, make, done, refuses_altered_bytes)                                         \
    CONTRACT_CASE(name, make, done, refuses_foreign_bytes)                                         \
    CONTRACT_CASE(name, make, done, keeps_old_versions)                                            \
    CONTRACT_CASE(name, make, done, destroys_one_version)                                          \
    CONTRACT_CASE(name, make, done, destroys_all)                                                  \
    CONTRACT_CASE(name, make, done, keeps_tenants_apart)                                           \
    CONTRACT_CASE(name, make, done, tells_its_status)                                              \
    CONTRACT_CASE(name, make, done, never_repeats_itself)

#endif
