#include "manager/kms/settings.h"

#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/view.h"
#include "crypt/uuid.h"

static const char *const names[] = {
    [HIN_KMS_FILE] = "file", [HIN_KMS_PKCS11] = "pkcs11", [HIN_KMS_AWS] = "aws"};

const char *hin_kms_name(enum hin_kms_kind kind)
{
    return kind < HIN_COUNT(names) ? names[kind] : "";
}

static HIN_RESULT kind_of(struct hin_view name, enum hin_kms_kind *ret_kind)
{
    for (size_t i = 0; i < HIN_COUNT(names); i++) {
        if (hin_view_is(name, names[i])) {
            *ret_kind = (enum hin_kms_kind)i;
            return hin_ok();
        }
    }
    return hin_fail(HIN_UNSUPPORTED);
}

/* ---- the settings as a table: text members, and lists that are lines here and arrays there ----
 */

enum shape { TEXT, LINES };

static const struct field {
    enum hin_kms_kind kind;
    enum shape shape;
    bool required;
    bool paths; /* absolute ones */
    const char *key;
    const char *option;
    size_t offset, size; /* in the settings */
    size_t from;         /* in the options */
} fields[] = {
#define FIELD(kind, shape, required, paths, key, option, member)                                   \
    {                                                                                              \
        kind, shape, required, paths, key, option, offsetof(struct hin_kms_settings, member),      \
            sizeof(((struct hin_kms_settings *)NULL)->member),                                     \
            offsetof(struct hin_kms_options, member)                                               \
    }
    FIELD(HIN_KMS_FILE, TEXT, false, false, "tpm", "--tpm", tpm),
    FIELD(HIN_KMS_PKCS11, TEXT, true, true, "module", "--pkcs11-module", module),
    FIELD(HIN_KMS_PKCS11, TEXT, true, false, "token", "--pkcs11-token", token),
    FIELD(HIN_KMS_PKCS11, LINES, false, false, "environment", "--pkcs11-env", environment),
    FIELD(HIN_KMS_PKCS11, LINES, false, true, "readable", "--pkcs11-read", readable),
    FIELD(HIN_KMS_PKCS11, LINES, false, true, "writable", "--pkcs11-write", writable),
    FIELD(HIN_KMS_AWS, TEXT, true, false, "region", "--aws-region", region),
    FIELD(HIN_KMS_AWS, TEXT, false, false, "endpoint", "--aws-endpoint", endpoint),
    FIELD(HIN_KMS_AWS, TEXT, false, true, "caFile", "--aws-ca-file", ca_file),
#undef FIELD
};

static char *place_of(struct hin_kms_settings *settings, const struct field *field)
{
    return (char *)settings + field->offset;
}

static const char *value_of(const struct hin_kms_settings *settings, const struct field *field)
{
    return (const char *)settings + field->offset;
}

/* One text, or one more line. */
static HIN_RESULT put(const struct field *field, struct hin_view text, char *out,
                      struct hin_error *error)
{
    size_t used = strlen(out);
    bool clean = text.size > 0 && hin_view_find_byte(text, '\n') == SIZE_MAX &&
                 hin_view_find_byte(text, 0) == SIZE_MAX;
    if (!clean || (field->paths && text.data[0] != '/')) {
        return hin_error_set(error, HIN_INVALID, NULL, 0, 0, "%s %.*s: %s", field->option,
                             HIN_ARGS(text), field->paths ? "not an absolute path" : "not a value");
    }
    if (text.size + used + 2 > field->size) {
        return hin_error_set(error, HIN_LIMIT, NULL, 0, 0, "%s: too long", field->option);
    }
    if (used > 0) {
        out[used++] = '\n';
    }
    hin_copy(out + used, text.data, text.size);
    out[used + text.size] = '\0';
    return hin_ok();
}

static HIN_RESULT take_field(const struct hin_kms_options *options, const struct field *field,
                             struct hin_kms_settings *settings, struct hin_error *error)
{
    const struct hin_option_texts *texts =
        (const struct hin_option_texts *)(const void *)((const char *)options + field->from);
    struct hin_option_texts one = {0};
    if (field->shape == TEXT) {
        one.items[0] = *(const char *const *)(const void *)((const char *)options + field->from);
        one.count = one.items[0] != NULL ? 1 : 0;
        texts = &one;
    }
    if (texts->count > 0 && field->kind != settings->kind) {
        return hin_error_set(error, HIN_INVALID, NULL, 0, 0, "%s goes with --kms %s", field->option,
                             hin_kms_name(field->kind));
    }
    if (texts->count == 0 && field->required && field->kind == settings->kind) {
        return hin_error_set(error, HIN_INVALID, NULL, 0, 0, "--kms %s needs %s",
                             hin_kms_name(field->kind), field->option);
    }
    for (size_t i = 0; i < texts->count; i++) {
        HIN_TRY(put(field, hin_view_from_text(texts->items[i]), place_of(settings, field), error));
    }
    return hin_ok();
}

/* NAME=VALUE, and nothing that the loader or the C library takes for itself. */
static HIN_RESULT check_environment(const struct hin_kms_settings *settings,
                                    struct hin_error *error)
{
    struct hin_view rest = hin_view_from_text(settings->environment);
    struct hin_view line;
    while (settings->environment[0] != '\0' && hin_view_split(&rest, '\n', &line)) {
        size_t equals = hin_view_find_byte(line, '=');
        if (equals == 0 || equals == SIZE_MAX || hin_view_starts_with(line, HIN_VIEW("LD_")) ||
            hin_view_starts_with(line, HIN_VIEW("GLIBC_"))) {
            return hin_error_set(error, HIN_INVALID, NULL, 0, 0,
                                 "--pkcs11-env %.*s: not NAME=VALUE of the module's own",
                                 HIN_ARGS(line));
        }
    }
    return hin_ok();
}

HIN_RESULT hin_kms_settings_take(const struct hin_kms_options *options,
                                 struct hin_kms_settings *ret_settings, struct hin_error *error)
{
    struct hin_kms_settings settings = {0};
    if (options->kind != NULL) {
        HIN_TRY(kind_of(hin_view_from_text(options->kind), &settings.kind));
    }
    for (size_t i = 0; i < HIN_COUNT(fields); i++) {
        HIN_TRY(take_field(options, &fields[i], &settings, error));
    }
    HIN_TRY(check_environment(&settings, error));
    HIN_TRY(hin_uuid_new(settings.installation));
    *ret_settings = settings;
    return hin_ok();
}

/* ---- manager.json ---- */

static HIN_RESULT read_field(struct hin_json object, const struct field *field,
                             struct hin_kms_settings *settings, struct hin_error *error)
{
    struct hin_json value, item;
    struct hin_view text;
    const char *key = NULL;
    size_t count = 0;
    char *out = place_of(settings, field);
    if (field->shape == TEXT) {
        text = HIN_VIEW_EMPTY;
        HIN_TRY(field->required ? hin_json_get_text(object, field->key, &text, error)
                                : hin_json_opt_text(object, field->key, &text, error));
        if (text.size == 0 && !field->required) {
            return hin_ok();
        }
        return put(field, text, out, error);
    }
    HIN_TRY(hin_json_get_array(object, field->key, &value, &count, error));
    struct hin_json_iterator it = hin_json_iterate(value);
    while (hin_json_next(&it, &key, &item)) {
        HIN_TRY(hin_json_text(item, &text, error));
        HIN_TRY(put(field, text, out, error));
    }
    return hin_ok();
}

HIN_RESULT hin_kms_settings_read_any(struct hin_json root, struct hin_kms_settings *ret_settings,
                                     struct hin_error *error)
{
    struct hin_kms_settings settings = {0};
    struct hin_json object;
    struct hin_view text;
    if (hin_json_find(root, "kms", &object)) {
        HIN_TRY(hin_json_get_text(object, "provider", &text, error));
        if (!hin_is_ok(kind_of(text, &settings.kind))) {
            return hin_json_refuse(object, error, HIN_UNSUPPORTED,
                                   "provider %.*s is none that this version knows", HIN_ARGS(text));
        }
        text = HIN_VIEW_EMPTY;
        HIN_TRY(hin_json_opt_text(object, "installation", &text, error));
        HIN_TRY(hin_view_to_text(text, settings.installation, sizeof(settings.installation)));
        for (size_t i = 0; i < HIN_COUNT(fields); i++) {
            if (fields[i].kind == settings.kind) {
                HIN_TRY(read_field(object, &fields[i], &settings, error));
            }
        }
        HIN_TRY(check_environment(&settings, error));
    }
    *ret_settings = settings;
    return hin_ok();
}

HIN_RESULT hin_kms_settings_read(struct hin_json root, struct hin_kms_settings *ret_settings,
                                 struct hin_error *error)
{
    struct hin_json object;
    struct hin_view text;
    if (hin_json_find(root, "kms", &object)) {
        HIN_TRY(hin_json_get_text(object, "installation", &text, error));
    }
    return hin_kms_settings_read_any(root, ret_settings, error);
}

static void write_lines(struct hin_json_writer *writer, const char *lines)
{
    struct hin_view rest = hin_view_from_text(lines);
    struct hin_view line;
    hin_json_begin_array(writer);
    while (lines[0] != '\0' && hin_view_split(&rest, '\n', &line)) {
        hin_json_put_text(writer, line);
    }
    hin_json_end_array(writer);
}

void hin_kms_settings_write(struct hin_json_writer *writer, const struct hin_kms_settings *settings)
{
    hin_json_key(writer, "kms");
    hin_json_begin_object(writer);
    hin_json_field_cstring(writer, "provider", hin_kms_name(settings->kind));
    hin_json_field_cstring(writer, "installation", settings->installation);
    for (size_t i = 0; i < HIN_COUNT(fields); i++) {
        const struct field *field = &fields[i];
        if (field->kind != settings->kind) {
            continue;
        }
        hin_json_key(writer, field->key);
        if (field->shape == TEXT) {
            hin_json_put_cstring(writer, value_of(settings, field));
        } else {
            write_lines(writer, value_of(settings, field));
        }
    }
    hin_json_end_object(writer);
}
