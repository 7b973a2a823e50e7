/* Where backups go and when: member "backup" of manager.json, set by `hinomi-manager destination`.
 *
 *   "backup": {"everyHours": 24, "keepDays": 35, "shipSeconds": 60, "bytesPerSecond": 0,
 *              "recoverSeconds": 3600, "loseSeconds": 60,
 *              "waitSeconds": 30,
 *              "lookSeconds": 86400, "lookTurns": 7, "lookBytesPerSecond": 33554432,
 *              "destinations": [{"name": "vault", "url": "file:///mnt/backup", "region": "dc2"},
 *                               {"name": "far", "url": "s3://bucket/prefix", "region": "dc3",
 *                                "settings": ["region=eu-central-1"], "secretFile": "/etc/..."}]}
 */
#ifndef HIN_MANAGER_BACKUP_SETTINGS_H
#define HIN_MANAGER_BACKUP_SETTINGS_H

#include "base/option.h"
#include "base/time.h"
#include "data/json.h"
#include "depot/depot.h"

enum {
    HIN_BACKUP_DESTINATIONS_MAX = 4,
    HIN_BACKUP_NAME_MAX = 32, /* of a destination, with NUL */
    HIN_BACKUP_SETTINGS_MAX = 12,
    HIN_BACKUP_SETTING_MAX = 600,
    HIN_BACKUP_KEEP_DAYS = 35,
    HIN_BACKUP_EVERY_HOURS = 24,
    HIN_BACKUP_SHIP_SECONDS = 60,
    HIN_BACKUP_RECOVER_SECONDS = 3600,
    HIN_BACKUP_LOSE_SECONDS = 60,
    HIN_BACKUP_WAIT_SECONDS = 30,
    HIN_BACKUP_LOOK_SECONDS = 86400,
    HIN_BACKUP_LOOK_TURNS = 7,
    HIN_BACKUP_LOOK_RATE = 32 << 20,
};

struct hin_backup_destination {
    char name[HIN_BACKUP_NAME_MAX]; /* [a-z0-9-] */
    char url[HIN_DEPOT_URL_MAX];
    char region[HIN_DEPOT_REGION_MAX];
    char settings[HIN_BACKUP_SETTINGS_MAX][HIN_BACKUP_SETTING_MAX]; /* "name=value", of its kind */
    size_t setting_count;
    char secret_file[512]; /* what the place asks for, in this file; "" */
};
/* As hin_depot_open wants them; borrowed. */
void hin_backup_destination_settings(const struct hin_backup_destination *destination,
                                     const char *ret_list[HIN_BACKUP_SETTINGS_MAX + 1]) HIN_NONNULL;

struct hin_backup_settings {
    struct hin_backup_destination destinations[HIN_BACKUP_DESTINATIONS_MAX];
    size_t count;
    bool set; /* there were destinations once: what lies there is destroyed in its time */
    uint32_t every_hours, keep_days, ship_seconds; /* ship 0: no shipments */
    uint64_t bytes_per_second;                     /* 0: no limit */
    uint32_t recover_seconds, lose_seconds;        /* targets of a drill: RTO, RPO */
    uint32_t wait_seconds;                         /* for a destination elsewhere that is silent */
    /* Reading back: how often, in how many turns all of the old, how fast at most (0: no limit). */
    uint32_t look_seconds, look_turns;
    uint64_t look_bytes_per_second;
};

void hin_backup_settings_default(struct hin_backup_settings *ret_settings) HIN_NONNULL;
/* root: of manager.json; without the member nothing is changed. */
HIN_RESULT hin_backup_settings_read(struct hin_json root, struct hin_backup_settings *settings,
                                    struct hin_error *error) __attribute__((nonnull(2)));
/* Nothing where no destination was ever set. */
void hin_backup_settings_write(struct hin_json_writer *writer,
                               const struct hin_backup_settings *settings) HIN_NONNULL;
/* The member alone, for the process. */
HIN_RESULT hin_backup_settings_text(const struct hin_backup_settings *settings,
                                    struct hin_buf *ret_text) HIN_NONNULL;
bool hin_backup_name_is_valid(struct hin_view name);

/* `hinomi-manager destination`: lists, adds, removes. Exit status 0, 1, 2. */
extern const struct hin_command hin_manager_destination_command;
struct hin_role_program;
int hin_manager_destination(const struct hin_role_program *program, int argc, char **argv);

#endif
