/* Claims as a manager answers them, for tests of what is made of them: `claims FOLDER MSEC
 * [PROBE=held|noted|failed|stale]...` */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "base/time.h"
#include "trust/report.h"

enum { RECORDS_MAX = 32 };
static char names[RECORDS_MAX][64], ids[RECORDS_MAX][40];

static void require(bool condition, const char *what)
{
    if (!condition) {
        fprintf(stderr, "claims: %s\n", what);
        exit(1);
    }
}

/* "tls-floor=held" */
static struct hin_claim_evidence record_of(const char *word, int number, int64_t now_usec)
{
    struct hin_view rest = hin_view_from_text(word), name, outcome = HIN_VIEW_EMPTY;
    require(hin_view_split(&rest, '=', &name) && hin_view_split(&rest, '=', &outcome), word);
    (void)snprintf(names[number], sizeof(names[number]), "%.*s", HIN_ARGS(name));
    (void)snprintf(ids[number], sizeof(ids[number]), "00000000-0000-4000-8000-%012d", number + 1);
    bool stale = hin_view_is(outcome, "stale"), failed = hin_view_is(outcome, "failed");
    int64_t observed_usec = now_usec - (stale ? 2 * HIN_DAY_USEC : HIN_HOUR_USEC);
    return (struct hin_claim_evidence){
        .probe = hin_view_from_text(names[number]),
        .id = hin_view_from_text(ids[number]),
        .held = !failed,
        .observed_usec = observed_usec,
        .valid_until_usec = observed_usec + HIN_DAY_USEC + HIN_DAY_USEC / 4,
        .reason = failed || hin_view_is(outcome, "noted")
                      ? HIN_VIEW("TLS 1.0 was <accepted> & \"kept\" by 'port' 4119 \x1b[31m "
                                 "<script>alert(1)</script> \xe2\x80\xaeneddih")
                      : HIN_VIEW_EMPTY,
    };
}

int main(int argc, char **argv)
{
    HIN_CLEANUP(hin_catalogue_cleanup) struct hin_catalogue *catalogue = NULL;
    HIN_CLEANUP(hin_report_done) struct hin_report report = {0};
    HIN_CLEANUP(hin_buf_done) struct hin_buf out = {.max = HIN_REPORT_JSON_MAX};
    HIN_CLEANUP_FD int folder = -1;
    struct hin_claim_evidence records[RECORDS_MAX];
    struct hin_error error = {0};
    require(argc > 2 && argc - 3 < RECORDS_MAX, "FOLDER MSEC [PROBE=held|noted|failed|stale]...");
    int64_t now_usec = strtoll(argv[2], NULL, 10) * HIN_MSEC_USEC;
    for (int i = 3; i < argc; i++) {
        records[i - 3] = record_of(argv[i], i - 3, now_usec);
    }
    require(hin_is_ok(hin_fd_open(AT_FDCWD, argv[1], O_RDONLY | O_DIRECTORY, 0, &folder)), argv[1]);
    require(hin_is_ok(hin_catalogue_load(folder, &catalogue, &error)), error.text);
    require(
        hin_is_ok(hin_report_make(
            catalogue, records, (size_t)argc - 3, now_usec,
            HIN_VIEW("00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"), &report)),
        "report");
    require(hin_is_ok(hin_report_write(&report, true, &out)), "JSON");
    printf("%.*s\n", HIN_ARGS(hin_buf_view(&out)));
    return 0;
}
