/* AWS KMS on the double (tests/peer/kms_double.py), which the real SDK proves right in
 * tests/integration/kms_aws.sh. */
#include "kms/aws/provider.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "contract.h"

#define CREDENTIALS                                                                                \
    "[default]\naws_access_key_id = AKIDEXAMPLE\n"                                                 \
    "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY\n"

struct cloud {
    char folder[300];
    pid_t pid;
    uint16_t port;
    int fd; /* the pipe's connection */
    unsigned dials, sleeps, notices;
    char notice[500];
    const char *credentials, *region, *host;
    char installation[37];
    int64_t skipped_usec; /* slept, which nobody waited for */
    struct hin_clock clock;
    struct hin_buf authorities;
    struct hin_aws *aws;
    struct hin_error error;
};

/* ---- the pipe: a socket ---- */

static struct hin_result cloud_dial(void *context)
{
    struct cloud *cloud = context;
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(cloud->port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    hin_fd_close(&cloud->fd);
    cloud->dials++;
    cloud->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    HIN_ENSURE(connect(cloud->fd, (struct sockaddr *)&to, sizeof(to)) == 0, NETWORK);
    return hin_ok();
}

static struct hin_result cloud_send(void *context, struct hin_view bytes)
{
    const struct cloud *cloud = context;
    ssize_t sent = send(cloud->fd, bytes.data, bytes.size, MSG_NOSIGNAL);
    HIN_ENSURE(sent == (ssize_t)bytes.size, CLOSED);
    return hin_ok();
}

static struct hin_result cloud_receive(void *context, struct hin_buf *ret_bytes)
{
    const struct cloud *cloud = context;
    uint8_t bytes[HIN_AWS_PIPE_MAX];
    struct pollfd readable = {.fd = cloud->fd, .events = POLLIN};
    HIN_ENSURE(poll(&readable, 1, 20000) == 1, TIMEOUT);
    ssize_t size = recv(cloud->fd, bytes, sizeof(bytes), 0);
    HIN_ENSURE(size > 0, CLOSED);
    return hin_buf_append(ret_bytes, hin_view_of(bytes, (size_t)size));
}

static void cloud_hang_up(void *context)
{
    struct cloud *cloud = context;
    hin_fd_close(&cloud->fd);
}

/* ---- the double ---- */

static HIN_RESULT cloud_start(struct cloud *cloud)
{
    char path[400], python[] = "/usr/bin/python3", script[] = DOUBLE;
    snprintf(path, sizeof(path), "%s/port", cloud->folder);
    (void)unlink(path);
    cloud->pid = fork();
    if (cloud->pid == 0) {
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);
        (void)dup2(null, STDIN_FILENO);
        (void)dup2(null, STDOUT_FILENO);
        char *const arguments[] = {python, script, cloud->folder, NULL};
        execv(python, arguments);
        _exit(127);
    }
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = 16};
    for (int i = 0; i < 600 && text.size == 0; i++) {
        usleep(50000);
        HIN_IGNORE(hin_file_read(AT_FDCWD, path, &text)); /* not there yet */
    }
    uint64_t port = 0;
    HIN_TRY(hin_view_to_u64(hin_view_trim(hin_buf_view(&text)), &port));
    cloud->port = (uint16_t)port;
    return hin_ok();
}

static void cloud_stop(struct cloud *cloud)
{
    if (cloud->pid > 0) {
        (void)kill(cloud->pid, SIGKILL);
        (void)waitpid(cloud->pid, NULL, 0);
        cloud->pid = 0;
    }
}

static int64_t wall(void *context)
{
    (void)context;
    return hin_clock_wall_usec(hin_clock_system());
}

static int64_t monotonic(void *context)
{
    const struct cloud *cloud = context;
    return hin_clock_monotonic_usec(hin_clock_system()) + cloud->skipped_usec;
}

static void cloud_sleep(void *context, int64_t usec)
{
    struct cloud *cloud = context;
    cloud->sleeps++;
    cloud->skipped_usec += usec;
}

static void noticed(void *context, const char *text)
{
    struct cloud *cloud = context;
    cloud->notices++;
    snprintf(cloud->notice, sizeof(cloud->notice), "%s", text);
}

static HIN_RESULT cloud_open(struct cloud *cloud)
{
    struct hin_aws_pipe pipe = {cloud_dial, cloud_send, cloud_receive, cloud_hang_up, cloud};
    char path[400];
    snprintf(path, sizeof(path), "%s/ca.pem", cloud->folder);
    hin_buf_clear(&cloud->authorities);
    HIN_TRY(hin_file_read(AT_FDCWD, path, &cloud->authorities));
    cloud->clock = (struct hin_clock){wall, monotonic, cloud};
    struct hin_aws_options options = {
        .region = cloud->region,
        .host = cloud->host,
        .port = cloud->port,
        .installation = cloud->installation,
        .credentials = hin_view_from_text(cloud->credentials),
        .authorities = hin_buf_view(&cloud->authorities),
        .pipe = &pipe,
        .clock = &cloud->clock,
        .sleep = cloud_sleep,
        .notice = noticed,
        .context = cloud,
    };
    hin_aws_free(cloud->aws);
    cloud->aws = NULL;
    return hin_aws_new(&cloud->aws, &options, &cloud->error);
}

static HIN_RESULT cloud_make(struct cloud *cloud, const char *name)
{
    *cloud = (struct cloud){.fd = -1,
                            .credentials = CREDENTIALS,
                            .region = "eu-test-1",
                            .host = "localhost",
                            .installation = "5a3c1f52-9d40-4c54-8d0e-6a7d0b1c2d3e",
                            .authorities = {.max = 65536}};
    snprintf(cloud->folder, sizeof(cloud->folder), "%s/%s", test_folder(), name);
    HIN_TRY(hin_directory_make(cloud->folder, 0700));
    HIN_TRY(cloud_start(cloud));
    return cloud_open(cloud);
}

static void cloud_done(struct cloud *cloud)
{
    hin_aws_free(cloud->aws);
    cloud_stop(cloud);
    hin_buf_done(&cloud->authorities);
}

#define CLOUD(name, folder)                                                                        \
    HIN_CLEANUP(cloud_done) struct cloud name;                                                     \
    CHECK_OK(cloud_make(&name, folder))

/* ---- the contract ---- */

static struct hin_result reopen(struct subject *subject)
{
    struct cloud *cloud = subject->context;
    HIN_TRY(cloud_open(cloud));
    subject->provider = hin_aws_provider(cloud->aws);
    return hin_ok();
}

static HIN_RESULT subject_make(struct subject *subject)
{
    char name[32];
    struct cloud *cloud = calloc(1, sizeof(*cloud));
    HIN_ENSURE(cloud != NULL, NO_MEMORY);
    subject->context = cloud;
    subject->reopen = reopen;
    snprintf(name, sizeof(name), "contract-%p", (void *)cloud);
    HIN_TRY(cloud_make(cloud, name));
    return reopen(subject);
}

static void subject_done(struct subject *subject)
{
    struct cloud *cloud = subject->context;
    if (cloud != NULL) {
        cloud_done(cloud);
        free(cloud);
    }
}

CONTRACT(aws, subject_make, subject_done)

/* ---- what is AWS's own ---- */

static const struct hin_key_binding binding = {
    .tenant = {(const uint8_t *)"t", 1},
    .key_id = {(const uint8_t *)"id", 2},
    .purpose = HIN_KEY_TENANT,
    .version = 1,
};

static HIN_RESULT order(const struct cloud *cloud, const char *file, const char *text)
{
    char path[400];
    snprintf(path, sizeof(path), "%s/%s", cloud->folder, file);
    return hin_file_replace(AT_FDCWD, path, hin_view_from_text(text), 0600);
}

static struct hin_result ask(struct cloud *cloud)
{
    struct hin_key_provider_status status;
    struct hin_key_provider provider = hin_aws_provider(cloud->aws);
    return provider.status(provider.context, HIN_VIEW("t"), &status);
}

TEST(test_kms_aws__tries_again_what_may_pass)
{
    CLOUD(c, "again");
    CHECK_OK(order(&c, "faults", "ThrottlingException 400\nKMSInternalException 500\n"));
    CHECK_OK(ask(&c));
    CHECK_INT(c.sleeps, 2);
    CHECK_OK(order(&c, "faults", "drop\n"));
    CHECK_OK(ask(&c)); /* a kept connection that was closed */
    CHECK_INT(c.sleeps, 2);
    CHECK_OK(order(&c, "faults", "drop\ndrop\n"));
    CHECK_OK(ask(&c));
    CHECK_INT(c.sleeps, 3);
}

TEST(test_kms_aws__is_patient_with_an_outage)
{
    CLOUD(c, "outage");
    HIN_CLEANUP(hin_secret_done) struct hin_secret key = {0};
    HIN_CLEANUP(hin_secret_done) struct hin_secret back = {0};
    HIN_CLEANUP(hin_buf_done) struct hin_buf wrapped = {.max = 8192};
    struct hin_key_provider provider = hin_aws_provider(c.aws);
    CHECK_OK(hin_secret_random(&key, 32));
    CHECK_OK(provider.generate(provider.context, HIN_VIEW("t")));
    CHECK_OK(provider.wrap(provider.context, &binding, &key, &wrapped));
    cloud_stop(&c);
    CHECK_CODE(ask(&c), AGAIN);
    unsigned dials = c.dials;
    CHECK_CODE(ask(&c), AGAIN); /* within the back-off nobody is bothered */
    CHECK_INT(c.dials, dials);
    CHECK_INT(c.notices, 1);
    CHECK(strstr(c.notice, "cannot be reached") != NULL);
    CHECK_OK(cloud_start(&c));
    c.skipped_usec += HIN_MINUTE_USEC;
    CHECK_OK(provider.unwrap(provider.context, &binding, hin_buf_view(&wrapped), &back));
    CHECK(hin_secret_equal(&key, &back));
}

TEST(test_kms_aws__says_what_is_wrong_with_the_credentials)
{
    static const struct {
        const char *credentials, *region, *word;
        enum hin_code code;
    } cases[] = {
        {"aws_access_key_id=AKIDNOBODY\naws_secret_access_key=x\n", "eu-test-1",
         "does not know this access key", HIN_DENIED},
        {"aws_access_key_id=AKIDEXAMPLE\naws_secret_access_key=x\n", "eu-test-1",
         "the secret key or the region is wrong", HIN_DENIED},
        {CREDENTIALS, "eu-test-2", "valid region", HIN_DENIED},
        {CREDENTIALS "aws_session_token=expired\n", "eu-test-1", "has expired", HIN_EXPIRED},
    };
    CLOUD(c, "credentials");
    for (size_t i = 0; i < HIN_COUNT(cases); i++) {
        c.credentials = cases[i].credentials;
        c.region = cases[i].region;
        CHECK_OK(cloud_open(&c));
        CHECK_INT(ask(&c).code, cases[i].code);
        CHECK(strstr(c.notice, cases[i].word) != NULL);
    }
    c.credentials = "aws_access_key_id=ASIDEXAMPLE\naws_session_token=session\n"
                    "aws_secret_access_key=wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
    c.region = "eu-test-1";
    CHECK_OK(cloud_open(&c));
    CHECK_OK(ask(&c));
    CHECK_OK(order(&c, "faults", "AccessDeniedException 400\n"));
    CHECK_CODE(ask(&c), DENIED);
    CHECK(strstr(c.notice, "lack a permission") != NULL);
    CHECK_OK(order(&c, "skew", "600"));
    CHECK_CODE(ask(&c), DENIED);
    CHECK(strstr(c.notice, "clock") != NULL && strstr(c.notice, "Signature expired") != NULL);
}

TEST(test_kms_aws__trusts_only_its_authorities_and_the_name)
{
    CLOUD(c, "trust");
    CLOUD(other, "trust-other");
    CHECK_OK(ask(&c));
    uint16_t port = c.port;
    c.port = other.port; /* somebody else's authority */
    CHECK_OK(cloud_open(&c));
    CHECK_CODE(ask(&c), DENIED);
    CHECK(strstr(c.notice, "certificate") != NULL);
    c.port = port;
    c.host = "kms.eu-test-1.amazonaws.com"; /* another name */
    CHECK_OK(cloud_open(&c));
    CHECK_CODE(ask(&c), DENIED);
    CHECK(strstr(c.notice, "certificate") != NULL);
}

/* How often the double did this. */
static int count_done(const struct cloud *cloud, const char *what)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = 1 << 20};
    char path[400];
    struct hin_view rest, line;
    int count = 0;
    snprintf(path, sizeof(path), "%s/requests", cloud->folder);
    if (!hin_is_ok(hin_file_read(AT_FDCWD, path, &text))) {
        return -1;
    }
    rest = hin_buf_view(&text);
    while (hin_view_split(&rest, '\n', &line)) {
        count += hin_view_is(line, what) ? 1 : 0;
    }
    return count;
}

#define CUT_AT_5 "pass\npass\npass\npass\nAccessDeniedException 400\n"

/* Each verb ends in its middle and is called again: nothing is made twice, nothing is left. */
TEST(test_kms_aws__finishes_what_was_cut_off)
{
    CLOUD(c, "cut");
    struct hin_key_provider provider = hin_aws_provider(c.aws);
    struct hin_key_provider_status status;
    CHECK_OK(order(&c, "faults", CUT_AT_5)); /* describe twice, key, alias, alias */
    CHECK_CODE(provider.generate(provider.context, HIN_VIEW("t")), DENIED);
    CHECK_OK(provider.status(provider.context, HIN_VIEW("t"), &status));
    CHECK_INT(status.current_version, 0);
    CHECK_OK(provider.generate(provider.context, HIN_VIEW("t")));
    CHECK_CODE(provider.generate(provider.context, HIN_VIEW("t")), EXISTS);
    CHECK_INT(count_done(&c, "CreateKey done"), 1);
    CHECK_OK(order(&c, "faults", CUT_AT_5)); /* describe twice, key, alias, move */
    CHECK_CODE(provider.rotate(provider.context, HIN_VIEW("t")), DENIED);
    CHECK_OK(provider.status(provider.context, HIN_VIEW("t"), &status));
    CHECK_INT(status.current_version, 1);
    CHECK_OK(provider.rotate(provider.context, HIN_VIEW("t")));
    CHECK_OK(provider.status(provider.context, HIN_VIEW("t"), &status));
    CHECK_INT(status.current_version, 2);
    CHECK_INT(count_done(&c, "CreateKey done"), 2);
    CHECK_OK(order(&c, "faults", CUT_AT_5)); /* describe twice, disable, schedule, describe */
    CHECK_CODE(provider.destroy(provider.context, HIN_VIEW("t"), HIN_KEY_ALL_VERSIONS), DENIED);
    CHECK_OK(provider.destroy(provider.context, HIN_VIEW("t"), HIN_KEY_ALL_VERSIONS));
    CHECK_INT(count_done(&c, "ScheduleKeyDeletion done"), 2);
    CHECK_OK(provider.status(provider.context, HIN_VIEW("t"), &status));
    int64_t left_usec = status.destruction_usec - hin_clock_wall_usec(hin_clock_system());
    CHECK(left_usec > 6 * HIN_DAY_USEC && left_usec <= 7 * HIN_DAY_USEC);
    CHECK_CODE(provider.generate(provider.context, HIN_VIEW("t")), CONFLICT);
}
