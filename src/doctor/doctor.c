#include "doctor/doctor.h"

#include <stdarg.h>
#include <sys/statvfs.h>

#include "base/bytes.h"

const char *hin_doctor_severity_name(enum hin_doctor_severity severity)
{
    static const char *const names[HIN_DOCTOR_SEVERITY_COUNT] = {
        [HIN_DOCTOR_OK] = "ok",         [HIN_DOCTOR_UNSEEN] = "unseen",
        [HIN_DOCTOR_ADVICE] = "advice", [HIN_DOCTOR_WARNING] = "warning",
        [HIN_DOCTOR_ERROR] = "error",
    };
    return names[severity];
}

void hin_doctor_begin(struct hin_doctor *doctor, struct hin_buf *out, unsigned rights,
                      unsigned hidden)
{
    *doctor = (struct hin_doctor){.rights = rights, .hidden = hidden};
    hin_json_writer_init(&doctor->writer, out, true);
    hin_json_begin_object(&doctor->writer);
    hin_json_key(&doctor->writer, "findings");
    hin_json_begin_array(&doctor->writer);
}

HIN_RESULT hin_doctor_end(struct hin_doctor *doctor)
{
    hin_json_end_array(&doctor->writer);
    hin_json_end_object(&doctor->writer);
    return hin_json_writer_finish(&doctor->writer);
}

static void tell(struct hin_doctor *doctor, enum hin_doctor_severity severity, const char *todo,
                 const char *text)
{
    const struct hin_doctor_check *check = doctor->check;
    struct hin_json_writer *writer = &doctor->writer;
    doctor->told = true;
    hin_json_begin_object(writer);
    hin_json_field_cstring(writer, "id", check->id);
    hin_json_field_cstring(writer, "area", check->area);
    hin_json_field_cstring(writer, "looked", check->look);
    hin_json_field_cstring(writer, "severity", hin_doctor_severity_name(severity));
    hin_json_field_cstring(writer, "finding", text);
    hin_json_field_cstring(writer, "todo", severity >= HIN_DOCTOR_ADVICE ? todo : "");
    hin_json_end_object(writer);
}

HIN_PRINTF(4, 0)
static void vtell(struct hin_doctor *doctor, enum hin_doctor_severity severity, const char *todo,
                  const char *format, va_list args)
{
    char text[640];
    (void)vsnprintf(text, sizeof(text), format, args);
    tell(doctor, severity, todo, text);
}

void hin_doctor_run(struct hin_doctor *doctor, const struct hin_doctor_check *checks, size_t count,
                    void *subject)
{
    for (size_t i = 0; i < count; i++) {
        const struct hin_doctor_check *check = &checks[i];
        if ((check->needs & doctor->hidden) != 0) {
            continue;
        }
        doctor->check = check;
        doctor->told = false;
        if ((check->needs & doctor->rights) != check->needs) {
            hin_doctor_unseen(doctor, "the role of this key does not permit to look");
            continue;
        }
        check->probe(doctor, subject);
        if (!doctor->told) {
            tell(doctor, HIN_DOCTOR_OK, "", "");
        }
    }
}

void hin_doctor_fine(struct hin_doctor *doctor, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vtell(doctor, HIN_DOCTOR_OK, "", format, args);
    va_end(args);
}

void hin_doctor_unseen(struct hin_doctor *doctor, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vtell(doctor, HIN_DOCTOR_UNSEEN, "", format, args);
    va_end(args);
}

void hin_doctor_found(struct hin_doctor *doctor, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vtell(doctor, doctor->check->severity, doctor->check->todo, format, args);
    va_end(args);
}

void hin_doctor_found_as(struct hin_doctor *doctor, enum hin_doctor_severity severity,
                         const char *todo, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vtell(doctor, severity, todo != NULL ? todo : doctor->check->todo, format, args);
    va_end(args);
}

void hin_doctor_space(struct hin_doctor *doctor, int fd, const char *name)
{
    struct statvfs space;
    if (fstatvfs(fd, &space) != 0) {
        hin_doctor_unseen(doctor, "%s: the file system does not say how full it is", name);
        return;
    }
    uint64_t free_mib = (uint64_t)space.f_bavail * space.f_frsize >> 20;
    uint64_t percent =
        space.f_blocks > 0 ? (uint64_t)space.f_bavail * 100 / (uint64_t)space.f_blocks : 100;
    uint64_t inodes =
        space.f_files > 0 ? (uint64_t)space.f_favail * 100 / (uint64_t)space.f_files : 100;
    bool full = free_mib < 100 || inodes < 1;
    if (full || (percent < 5 && free_mib < 10240) || free_mib < 1024 || inodes < 5) {
        hin_doctor_found_as(doctor, full ? HIN_DOCTOR_ERROR : HIN_DOCTOR_WARNING, NULL,
                            "%s: %llu MiB free (%llu %%), inodes free %llu %%", name,
                            (unsigned long long)free_mib, (unsigned long long)percent,
                            (unsigned long long)inodes);
        return;
    }
    hin_doctor_fine(doctor, "%s: %llu MiB free (%llu %%)", name, (unsigned long long)free_mib,
                    (unsigned long long)percent);
}
