/* What `GET /api/doctor` looks at of backups; rows beside those of doctor.c. */
#ifndef HIN_MANAGER_WORKER_API_DOCTOR_BACKUPS_H
#define HIN_MANAGER_WORKER_API_DOCTOR_BACKUPS_H

#include "doctor/doctor.h"
#include "manager/worker/api/call.h"

/* Of the installation, not of a tenant: beside enum hin_api_right in a row's needs. */
#define HIN_API_DOCTOR_INSTALLATION (1U << 31)

/* The subject: struct hin_api_call of the installation's own tenant. */
extern const struct hin_doctor_check hin_api_doctor_backups[];
extern const size_t hin_api_doctor_backup_count;

#endif
