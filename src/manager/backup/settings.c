#include "manager/backup/settings.h"

#include <stddef.h>
#include <string.h>

#include "base/bytes.h"

void hin_backup_settings_default(struct hin_backup_settings *ret_settings)
{
    *ret_settings = (struct hin_backup_settings){.every_hours = HIN_BACKUP_EVERY_HOURS,
                                                 .keep_days = HIN_BACKUP_KEEP_DAYS,
                                                 .ship_seconds = HIN_BACKUP_SHIP_SECONDS,
                                                 .recover_seconds = HIN_BACKUP_RECOVER_SECONDS,
                                                 .lose_seconds = HIN_BACKUP_LOSE_SECONDS,
                                                 .wait_seconds = HIN_BACKUP_WAIT_SECONDS,
                                                 .look_seconds = HIN_BACKUP_LOOK_SECONDS,
                                                 .look_turns = HIN_BACKUP_LOOK_TURNS,
                                                 .look_bytes_per_second = HIN_BACKUP_LOOK_RATE};
}

bool hin_backup_name_is_valid(struct hin_view name)
{
    for (size_t i = 0; i < name.size; i++) {
        uint8_t byte = name.data[i];
        bool letter = (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9');
        if (!letter && (byte != '-' || i == 0)) {
            return false;
        }
    }
    return name.size > 0 && name.size < HIN_BACKUP_NAME_MAX;
}

static HIN_RESULT read_settings(struct hin_json item, struct hin_backup_destination *to,
                                struct hin_error *error)
{
    struct hin_json list;
    size_t count = 0;
    if (!hin_json_find(item, "settings", &list)) {
        return hin_ok();
    }
    HIN_TRY(hin_json_get_array(item, "settings", &list, &count, error));
    if (count > HIN_BACKUP_SETTINGS_MAX) {
        return hin_json_refuse(list, error, HIN_LIMIT, "at most %d settings",
                               HIN_BACKUP_SETTINGS_MAX);
    }
    for (size_t i = 0; i < count; i++) {
        struct hin_view text = HIN_VIEW_EMPTY;
        HIN_TRY(hin_json_text(hin_json_at(list, i), &text, error));
        HIN_TRY(hin_view_to_text(text, to->settings[i], sizeof(to->settings[i])));
    }
    to->setting_count = count;
    return hin_ok();
}

void hin_backup_destination_settings(const struct hin_backup_destination *destination,
                                     const char *ret_list[HIN_BACKUP_SETTINGS_MAX + 1])
{
    for (size_t i = 0; i < destination->setting_count; i++) {
        ret_list[i] = destination->settings[i];
    }
    ret_list[destination->setting_count] = NULL;
}

static HIN_RESULT read_destination(struct hin_json item, struct hin_backup_destination *to,
                                   struct hin_error *error)
{
    static const char *const known[] = {"name", "url", "region", "settings", "secretFile"};
    struct hin_view name, url, region = HIN_VIEW_EMPTY, secret = HIN_VIEW_EMPTY;
    HIN_TRY(hin_json_only(item, known, HIN_COUNT(known), error));
    HIN_TRY(hin_json_get_text(item, "name", &name, error));
    HIN_TRY(hin_json_get_text(item, "url", &url, error));
    HIN_TRY(hin_json_opt_text(item, "region", &region, error));
    HIN_TRY(hin_json_opt_text(item, "secretFile", &secret, error));
    HIN_TRY(read_settings(item, to, error));
    if (!hin_backup_name_is_valid(name)) {
        return hin_json_refuse(item, error, HIN_INVALID,
                               "a destination's name is letters, digits and dashes, %d at most",
                               HIN_BACKUP_NAME_MAX - 1);
    }
    HIN_TRY(hin_view_to_text(name, to->name, sizeof(to->name)));
    HIN_TRY(hin_view_to_text(url, to->url, sizeof(to->url)));
    HIN_TRY(hin_view_to_text(secret, to->secret_file, sizeof(to->secret_file)));
    return hin_view_to_text(region, to->region, sizeof(to->region));
}

static HIN_RESULT read_destinations(struct hin_json object, struct hin_backup_settings *settings,
                                    struct hin_error *error)
{
    struct hin_json list;
    size_t count = 0;
    HIN_TRY(hin_json_get_array(object, "destinations", &list, &count, error));
    if (count > HIN_BACKUP_DESTINATIONS_MAX) {
        return hin_json_refuse(list, error, HIN_LIMIT, "at most %d destinations",
                               HIN_BACKUP_DESTINATIONS_MAX);
    }
    for (size_t i = 0; i < count; i++) {
        HIN_TRY(read_destination(hin_json_at(list, i), &settings->destinations[i], error));
        for (size_t j = 0; j < i; j++) {
            if (strcmp(settings->destinations[i].name, settings->destinations[j].name) == 0) {
                return hin_json_refuse(list, error, HIN_INVALID,
                                       "two destinations have the same name");
            }
        }
    }
    settings->count = count;
    return hin_ok();
}

/* Members that are numbers; the same table reads and writes. */
static const struct number {
    const char *name;
    size_t offset;
    int64_t least, most;
    bool wide; /* uint64_t; else uint32_t */
} numbers[] = {
    {"everyHours", offsetof(struct hin_backup_settings, every_hours), 1, 24 * 7, false},
    {"keepDays", offsetof(struct hin_backup_settings, keep_days), 1, 36500, false},
    {"shipSeconds", offsetof(struct hin_backup_settings, ship_seconds), 0, 3600, false},
    {"bytesPerSecond", offsetof(struct hin_backup_settings, bytes_per_second), 0, INT64_MAX, true},
    {"recoverSeconds", offsetof(struct hin_backup_settings, recover_seconds), 1, 31536000, false},
    {"loseSeconds", offsetof(struct hin_backup_settings, lose_seconds), 1, 31536000, false},
    {"waitSeconds", offsetof(struct hin_backup_settings, wait_seconds), 1, 600, false},
    {"lookSeconds", offsetof(struct hin_backup_settings, look_seconds), 1, 31536000, false},
    {"lookTurns", offsetof(struct hin_backup_settings, look_turns), 1, 366, false},
    {"lookBytesPerSecond", offsetof(struct hin_backup_settings, look_bytes_per_second), 0,
     INT64_MAX, true},
};

static uint64_t number_of(const struct hin_backup_settings *settings, const struct number *row)
{
    const char *at = (const char *)settings + row->offset;
    return row->wide ? *(const uint64_t *)(const void *)at : *(const uint32_t *)(const void *)at;
}

static void set_number(struct hin_backup_settings *settings, const struct number *row,
                       int64_t value)
{
    char *at = (char *)settings + row->offset;
    if (row->wide) {
        *(uint64_t *)(void *)at = (uint64_t)value;
    } else {
        *(uint32_t *)(void *)at = (uint32_t)value;
    }
}

static HIN_RESULT check_members(struct hin_json object, struct hin_error *error)
{
    const char *known[HIN_COUNT(numbers) + 1] = {"destinations"};
    for (size_t i = 0; i < HIN_COUNT(numbers); i++) {
        known[i + 1] = numbers[i].name;
    }
    return hin_json_only(object, known, HIN_COUNT(known), error);
}

HIN_RESULT hin_backup_settings_read(struct hin_json root, struct hin_backup_settings *settings,
                                    struct hin_error *error)
{
    struct hin_json object;
    struct hin_backup_settings read = *settings;
    if (!hin_json_find(root, "backup", &object)) {
        return hin_ok();
    }
    HIN_TRY(check_members(object, error));
    for (size_t i = 0; i < HIN_COUNT(numbers); i++) {
        int64_t value = (int64_t)number_of(settings, &numbers[i]);
        HIN_TRY(hin_json_opt_integer(object, numbers[i].name, numbers[i].least, numbers[i].most,
                                     &value, error));
        set_number(&read, &numbers[i], value);
    }
    HIN_TRY(read_destinations(object, &read, error));
    read.set = true;
    *settings = read;
    return hin_ok();
}

/* What folders do not need. */
static void write_kind(struct hin_json_writer *writer,
                       const struct hin_backup_destination *destination)
{
    if (destination->setting_count > 0) {
        hin_json_key(writer, "settings");
        hin_json_begin_array(writer);
        for (size_t i = 0; i < destination->setting_count; i++) {
            hin_json_put_cstring(writer, destination->settings[i]);
        }
        hin_json_end_array(writer);
    }
    if (destination->secret_file[0] != '\0') {
        hin_json_field_cstring(writer, "secretFile", destination->secret_file);
    }
}

static void write_member(struct hin_json_writer *writer, const struct hin_backup_settings *settings)
{
    hin_json_key(writer, "backup");
    hin_json_begin_object(writer);
    for (size_t i = 0; i < HIN_COUNT(numbers); i++) {
        hin_json_field_unsigned(writer, numbers[i].name, number_of(settings, &numbers[i]));
    }
    hin_json_key(writer, "destinations");
    hin_json_begin_array(writer);
    for (size_t i = 0; i < settings->count; i++) {
        hin_json_begin_object(writer);
        hin_json_field_cstring(writer, "name", settings->destinations[i].name);
        hin_json_field_cstring(writer, "url", settings->destinations[i].url);
        hin_json_field_cstring(writer, "region", settings->destinations[i].region);
        write_kind(writer, &settings->destinations[i]);
        hin_json_end_object(writer);
    }
    hin_json_end_array(writer);
    hin_json_end_object(writer);
}

void hin_backup_settings_write(struct hin_json_writer *writer,
                               const struct hin_backup_settings *settings)
{
    if (settings->count > 0 || settings->set) {
        write_member(writer, settings);
    }
}

HIN_RESULT hin_backup_settings_text(const struct hin_backup_settings *settings,
                                    struct hin_buf *ret_text)
{
    struct hin_json_writer writer;
    hin_json_writer_init(&writer, ret_text, false);
    hin_json_begin_object(&writer);
    write_member(&writer, settings);
    hin_json_end_object(&writer);
    return hin_json_writer_finish(&writer);
}
