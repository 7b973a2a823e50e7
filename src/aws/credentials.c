#include "aws/credentials.h"

#include "base/bytes.h"

#define VALUE_MAX 4000

static bool is_printable(struct hin_view value)
{
    for (size_t i = 0; i < value.size; i++) {
        if (value.data[i] <= ' ' || value.data[i] > '~') {
            return false;
        }
    }
    return value.size > 0 && value.size <= VALUE_MAX;
}

static HIN_RESULT take_secret(struct hin_secret *secret, struct hin_view value)
{
    HIN_ENSURE(secret->size == 0, SYNTAX); /* twice */
    return hin_secret_from(secret, value);
}

static HIN_RESULT take(struct hin_aws_credentials *credentials, struct hin_view name,
                       struct hin_view value)
{
    HIN_ENSURE(is_printable(value), SYNTAX);
    if (hin_view_is(name, "aws_access_key_id")) {
        HIN_ENSURE(credentials->access_key[0] == '\0', SYNTAX);
        return hin_view_to_text(value, credentials->access_key, sizeof(credentials->access_key));
    }
    if (hin_view_is(name, "aws_secret_access_key")) {
        return take_secret(&credentials->secret_key, value);
    }
    if (hin_view_is(name, "aws_session_token")) {
        return take_secret(&credentials->session_token, value);
    }
    return hin_ok(); /* region and the like: not ours to read */
}

static HIN_RESULT parse(struct hin_view text, struct hin_aws_credentials *credentials,
                        uint32_t *line_number)
{
    struct hin_view line;
    bool in_profile = false;
    for (*line_number = 1; hin_view_split(&text, '\n', &line); (*line_number)++) {
        line = hin_view_trim(line);
        if (line.size == 0 || line.data[0] == '#' || line.data[0] == ';') {
            continue;
        }
        if (line.data[0] == '[') {
            if (in_profile || credentials->access_key[0] != '\0') {
                break; /* the next profile */
            }
            in_profile = true;
            continue;
        }
        size_t equals = hin_view_find_byte(line, '=');
        HIN_ENSURE(equals != SIZE_MAX, SYNTAX);
        HIN_TRY(take(credentials, hin_view_trim(hin_view_sub(line, 0, equals)),
                     hin_view_trim(hin_view_sub(line, equals + 1, line.size))));
    }
    return hin_ok();
}

HIN_RESULT hin_aws_credentials_parse(struct hin_view text,
                                     struct hin_aws_credentials *ret_credentials,
                                     struct hin_error *error)
{
    struct hin_aws_credentials credentials = {0};
    uint32_t line = 0;
    struct hin_result result = parse(text, &credentials, &line);
    if (!hin_is_ok(result)) {
        hin_aws_credentials_done(&credentials);
        return hin_error_set(error, HIN_SYNTAX, NULL, line, 0,
                             "the AWS credentials: not \"name = value\", or given twice");
    }
    if (credentials.access_key[0] == '\0' || credentials.secret_key.size == 0) {
        hin_aws_credentials_done(&credentials);
        return hin_error_set(error, HIN_SYNTAX, NULL, 0, 0,
                             "the AWS credentials need aws_access_key_id and "
                             "aws_secret_access_key");
    }
    *ret_credentials = credentials;
    return hin_ok();
}

void hin_aws_credentials_done(struct hin_aws_credentials *credentials)
{
    hin_secret_done(&credentials->secret_key);
    hin_secret_done(&credentials->session_token);
    hin_wipe(credentials->access_key, sizeof(credentials->access_key));
}
