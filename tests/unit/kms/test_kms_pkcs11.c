#include "kms/pkcs11/provider.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "contract.h"
#include "kms/pkcs11/module.h"

#define MODULE "/usr/lib/softhsm/libsofthsm2.so"
#define PIN    "12345678"

/* A token of SoftHSM in a folder of this test. */
struct token {
    char folder[300];
    char notice[1000];
    unsigned notices;
    int64_t now_usec;
    struct hin_clock clock;
    struct hin_secret pin;
    struct hin_pkcs11 *open;
    struct hin_error error;
};

static void noticed(void *context, const char *text)
{
    struct token *token = context;
    snprintf(token->notice, sizeof(token->notice), "%s", text);
    token->notices++;
}

static int64_t now(void *context)
{
    const struct token *token = context;
    return token->now_usec;
}

static HIN_RESULT run(char *const arguments[])
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
        (void)dup2(null, STDOUT_FILENO);
        execv(arguments[0], arguments);
        _exit(127);
    }
    HIN_ENSURE(pid > 0 && waitpid(pid, &status, 0) == pid, IO);
    HIN_ENSURE(WIFEXITED(status) && WEXITSTATUS(status) == 0, IO);
    return hin_ok();
}

static HIN_RESULT make_token(struct token *token, const char *name)
{
    char configuration[400];
    char path[400];
    snprintf(token->folder, sizeof(token->folder), "%s/%s", test_folder(), name);
    snprintf(path, sizeof(path), "%s/tokens", token->folder);
    HIN_TRY(hin_directory_make(path, 0700));
    snprintf(configuration, sizeof(configuration),
             "directories.tokendir = %s/tokens\nobjectstore.backend = file\nlog.level = ERROR\n",
             token->folder);
    snprintf(path, sizeof(path), "%s/softhsm2.conf", token->folder);
    HIN_TRY(hin_file_replace(AT_FDCWD, path, hin_view_from_text(configuration), 0600));
    HIN_ENSURE(setenv("SOFTHSM2_CONF", path, 1) == 0, IO);
    char tool[] = "/usr/bin/softhsm2-util", init[] = "--init-token", free_slot[] = "--free",
         label_word[] = "--label", label[] = "unit", so_word[] = "--so-pin", so[] = "87654321",
         pin_word[] = "--pin", pin[] = PIN;
    char *const arguments[] = {tool,    init, free_slot, label_word, label,
                               so_word, so,   pin_word,  pin,        NULL};
    return run(arguments);
}

static HIN_RESULT open_token(struct token *token)
{
    struct hin_pkcs11_options options = {
        .module = MODULE,
        .token = "unit",
        .installation = "5a3c1f52-9d40-4c54-8d0e-6a7d0b1c2d3e",
        .pin = &token->pin,
        .clock = &token->clock,
        .notice = noticed,
        .notice_context = token,
    };
    token->clock = (struct hin_clock){now, now, token};
    hin_pkcs11_free(token->open);
    token->open = NULL;
    HIN_TRY(hin_pkcs11_new(&token->open, &options, &token->error));
    return hin_pkcs11_begin(token->open, &token->error);
}

static void token_done(struct token *token)
{
    hin_pkcs11_free(token->open);
    hin_secret_done(&token->pin);
}

#define TOKEN(name, folder)                                                                        \
    HIN_CLEANUP(token_done) struct token name = {0};                                               \
    CHECK_OK(hin_secret_from(&name.pin, HIN_VIEW(PIN)));                                           \
    CHECK_OK(make_token(&name, folder))

/* ---- the contract ---- */

static struct hin_result reopen(struct subject *subject)
{
    struct token *token = subject->context;
    hin_pkcs11_free(token->open);
    token->open = NULL;
    HIN_TRY(open_token(token));
    subject->provider = hin_pkcs11_provider(token->open);
    return hin_ok();
}

static HIN_RESULT subject_make(struct subject *subject)
{
    char name[32];
    struct token *token = calloc(1, sizeof(*token));
    HIN_ENSURE(token != NULL, NO_MEMORY);
    subject->context = token;
    subject->reopen = reopen;
    snprintf(name, sizeof(name), "contract-%p", (void *)token);
    HIN_TRY(hin_secret_from(&token->pin, HIN_VIEW(PIN)));
    HIN_TRY(make_token(token, name));
    return reopen(subject);
}

static void subject_done(struct subject *subject)
{
    struct token *token = subject->context;
    if (token != NULL) {
        token_done(token);
        free(token);
    }
}

CONTRACT(pkcs11, subject_make, subject_done)

/* ---- what is PKCS#11's own ---- */

static const struct hin_key_binding binding = {
    .tenant = {(const uint8_t *)"t", 1},
    .key_id = {(const uint8_t *)"id", 2},
    .purpose = HIN_KEY_TENANT,
    .version = 1,
};

static HIN_RESULT rename_tokens(const struct token *token, const char *from, const char *to)
{
    char old[400], new[400];
    snprintf(old, sizeof(old), "%s/%s", token->folder, from);
    snprintf(new, sizeof(new), "%s/%s", token->folder, to);
    HIN_ENSURE(rename(old, new) == 0, IO);
    return hin_ok();
}

TEST(test_kms_pkcs11__says_why_it_cannot_begin)
{
    TOKEN(t, "begin");
    struct hin_pkcs11_options options = {
        .module = "/nowhere/libx.so", .token = "unit", .installation = "i", .pin = &t.pin};
    CHECK_CODE(hin_pkcs11_new(&t.open, &options, &t.error), NOT_FOUND);
    CHECK(strstr(t.error.text, "cannot be loaded") != NULL);
    options.module = "libc.so.6";
    CHECK_CODE(hin_pkcs11_new(&t.open, &options, &t.error), UNSUPPORTED);
    options.module = MODULE;
    options.token = "another";
    CHECK_OK(hin_pkcs11_new(&t.open, &options, &t.error));
    CHECK_CODE(hin_pkcs11_begin(t.open, &t.error), NOT_FOUND);
    hin_pkcs11_free(t.open);
    t.open = NULL;
    CHECK(strstr(t.error.text, "\"another\"") != NULL);
    options.token = "a label of more than thirty-two characters";
    CHECK_CODE(hin_pkcs11_new(&t.open, &options, &t.error), INVALID);
}

TEST(test_kms_pkcs11__tries_a_wrong_pin_once)
{
    TOKEN(t, "pin");
    hin_secret_done(&t.pin);
    CHECK_OK(hin_secret_from(&t.pin, HIN_VIEW("87654320")));
    CHECK_CODE(open_token(&t), AUTH);
    CHECK(strstr(t.error.text, "CKR_PIN_INCORRECT") != NULL);
    hin_secret_done(&t.pin);
    CHECK_OK(hin_secret_from(&t.pin, HIN_VIEW(PIN)));
    CHECK_OK(open_token(&t));
    /* It is changed while we run: one refusal, and none of the calls after it asks the token. */
    struct hin_key_provider provider = hin_pkcs11_provider(t.open);
    CHECK_OK(provider.generate(provider.context, HIN_VIEW("t")));
    CHECK_OK(rename_tokens(&t, "tokens", "away"));
    struct hin_key_provider_status status;
    CHECK_CODE(provider.status(provider.context, HIN_VIEW("t"), &status), AGAIN);
    CHECK_OK(make_token(&t, "pin-other")); /* the same label, another PIN */
    char tool[] = "/usr/bin/softhsm2-util", init[] = "--init-token", word_token[] = "--token",
         label_word[] = "--label", label[] = "unit", so_word[] = "--so-pin", so[] = "87654321",
         pin_word[] = "--pin", pin[] = "00000000";
    char *const arguments[] = {tool,    init, word_token, label, label_word, label,
                               so_word, so,   pin_word,   pin,   NULL};
    CHECK_OK(run(arguments));
    t.now_usec += HIN_MINUTE_USEC;
    t.notices = 0;
    for (int i = 0; i < 5; i++) {
        CHECK_CODE(provider.status(provider.context, HIN_VIEW("t"), &status), AUTH);
        t.now_usec += HIN_MINUTE_USEC;
    }
    CHECK_INT(t.notices, 1);
    CHECK(strstr(t.notice, "CKR_PIN_INCORRECT") != NULL);
}

TEST(test_kms_pkcs11__waits_for_a_token_that_is_gone)
{
    TOKEN(t, "gone");
    HIN_CLEANUP(hin_secret_done) struct hin_secret key = {0};
    HIN_CLEANUP(hin_secret_done) struct hin_secret back = {0};
    HIN_CLEANUP(hin_buf_done) struct hin_buf wrapped = {.max = 1024};
    HIN_CLEANUP(hin_buf_done) struct hin_buf refused = {.max = 1024};
    CHECK_OK(open_token(&t));
    CHECK_OK(hin_secret_random(&key, 32));
    struct hin_key_provider provider = hin_pkcs11_provider(t.open);
    CHECK_OK(provider.generate(provider.context, HIN_VIEW("t")));
    CHECK_OK(provider.wrap(provider.context, &binding, &key, &wrapped));
    CHECK_OK(rename_tokens(&t, "tokens", "away"));
    for (int i = 0; i < 4; i++) {
        CHECK_CODE(provider.unwrap(provider.context, &binding, hin_buf_view(&wrapped), &back),
                   AGAIN);
        CHECK_CODE(provider.wrap(provider.context, &binding, &key, &refused), AGAIN);
        CHECK(refused.size == 0 && back.size == 0);
        t.now_usec += 10 * HIN_MSEC_USEC;
    }
    CHECK_INT(t.notices, 1);
    CHECK_OK(rename_tokens(&t, "away", "tokens"));
    CHECK_CODE(provider.unwrap(provider.context, &binding, hin_buf_view(&wrapped), &back), AGAIN);
    t.now_usec += 30 * HIN_SEC_USEC; /* the longest back-off */
    CHECK_OK(provider.unwrap(provider.context, &binding, hin_buf_view(&wrapped), &back));
    CHECK(hin_secret_equal(&key, &back));
    CHECK(strstr(t.notice, "again") != NULL);
}

/* By the module itself, as somebody would who has the PIN: a session of its own beside ours. */
static HIN_RESULT plant(const char *id, const char *label, CK_BBOOL extractable)
{
    struct hin_pkcs11_module module = {0};
    HIN_CLEANUP(hin_secret_done) struct hin_secret pin = {0};
    CK_SESSION_HANDLE session;
    HIN_TRY(hin_secret_from(&pin, HIN_VIEW(PIN)));
    HIN_TRY(hin_pkcs11_load(&module, MODULE, NULL));
    HIN_TRY(hin_pkcs11_connect(&module, "unit", &pin, &session, NULL));
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_KEY_TYPE type = CKK_AES;
    CK_BBOOL yes = CK_TRUE;
    CK_BYTE value[32] = {1};
    CK_OBJECT_HANDLE object;
    CK_ATTRIBUTE wanted[] = {
        {CKA_CLASS, &class, sizeof(class)},
        {CKA_KEY_TYPE, &type, sizeof(type)},
        {CKA_TOKEN, &yes, sizeof(yes)},
        {CKA_PRIVATE, &yes, sizeof(yes)},
        {CKA_SENSITIVE, &yes, sizeof(yes)},
        {CKA_EXTRACTABLE, &extractable, sizeof(extractable)},
        {CKA_ENCRYPT, &yes, sizeof(yes)},
        {CKA_DECRYPT, &yes, sizeof(yes)},
        {CKA_VALUE, value, sizeof(value)},
        {CKA_ID, (void *)(uintptr_t)id, strlen(id)},
        {CKA_LABEL, (void *)(uintptr_t)label, strlen(label)},
    };
    CK_RV made = module.call->C_CreateObject(session, wanted, HIN_COUNT(wanted), &object);
    hin_pkcs11_disconnect(&module);
    hin_pkcs11_unload(&module);
    HIN_ENSURE(made == CKR_OK, IO);
    return hin_ok();
}

#define NAME "hinomi/5a3c1f52-9d40-4c54-8d0e-6a7d0b1c2d3e/t"

/* What comes in from outside may be known outside; and a label that is not ours is nobody's. */
TEST(test_kms_pkcs11__refuses_a_planted_key)
{
    TOKEN(t, "planted");
    HIN_CLEANUP(hin_secret_done) struct hin_secret key = {0};
    HIN_CLEANUP(hin_buf_done) struct hin_buf wrapped = {.max = 1024};
    CHECK_OK(hin_secret_random(&key, 32));
    CHECK_OK(plant(NAME, "somebody else's", CK_FALSE));
    CHECK_OK(plant(NAME, NAME "/x", CK_FALSE));
    CHECK_OK(open_token(&t));
    struct hin_key_provider provider = hin_pkcs11_provider(t.open);
    CHECK_OK(provider.generate(provider.context, HIN_VIEW("t")));
    CHECK_OK(provider.wrap(provider.context, &binding, &key, &wrapped));
    hin_pkcs11_free(t.open);
    t.open = NULL;
    CHECK_OK(plant(NAME, NAME "/2", CK_FALSE));
    CHECK_OK(open_token(&t));
    provider = hin_pkcs11_provider(t.open);
    CHECK_CODE(provider.wrap(provider.context, &binding, &key, &wrapped), DENIED);
    CHECK(strstr(t.notice, "brought in from outside") != NULL);
}

/* What the token was asked to make: not readable, and not to be wrapped out of it. */
TEST(test_kms_pkcs11__keys_never_leave_the_token)
{
    TOKEN(t, "leave");
    CHECK_OK(open_token(&t));
    struct hin_key_provider provider = hin_pkcs11_provider(t.open);
    CHECK_OK(provider.generate(provider.context, HIN_VIEW("t")));
    hin_pkcs11_free(t.open);
    t.open = NULL;
    struct hin_pkcs11_module module = {0};
    CK_SESSION_HANDLE session;
    CK_OBJECT_HANDLE object = CK_INVALID_HANDLE;
    CK_ULONG count = 0;
    char name[] = NAME;
    CK_BYTE value[64];
    CK_BBOOL yes = CK_TRUE;
    CK_ATTRIBUTE wanted = {CKA_ID, name, strlen(name)}, secret = {CKA_VALUE, value, sizeof(value)};
    CK_ATTRIBUTE out = {CKA_EXTRACTABLE, &yes, sizeof(yes)};
    CHECK_OK(hin_pkcs11_load(&module, MODULE, NULL));
    CHECK_OK(hin_pkcs11_connect(&module, "unit", &t.pin, &session, NULL));
    CHECK(module.call->C_FindObjectsInit(session, &wanted, 1) == CKR_OK);
    CHECK(module.call->C_FindObjects(session, &object, 1, &count) == CKR_OK && count == 1);
    CHECK(module.call->C_FindObjectsFinal(session) == CKR_OK);
    CHECK(module.call->C_GetAttributeValue(session, object, &secret, 1) == CKR_ATTRIBUTE_SENSITIVE);
    CHECK(module.call->C_SetAttributeValue(session, object, &out, 1) != CKR_OK);
    hin_pkcs11_disconnect(&module);
    hin_pkcs11_unload(&module);
}
