/* The mixed feed: lines of a busy server, the same for the same seed.
 *
 * sshd, sudo, cron, kernel, postfix, named and 38 % Apache access, with addresses, users, ports and
 * times that vary; 123 bytes a line on average; 38.5 % of them alert under OSSEC's rules. --mutate
 * N changes up to N bytes of each line at random (any byte but a line end), for tests of identity
 * between two ways to judge a line. */
#include <stdio.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "base/option.h"
#include "base/time.h"

/* Sunday, 2026-11-01T00:00:00Z */
#define FEED_BEGIN_USEC (INT64_C(1793491200) * HIN_SEC_USEC)
#define LINE_BYTES_MAX  66000
#define HOSTILE_BYTES   65000

struct feed {
    uint64_t random;
    int64_t now_usec;
    char line[LINE_BYTES_MAX];
    size_t size;
};

/* SplitMix64 (Steele, Lea, Flood 2014) */
static uint64_t draw(struct feed *feed)
{
    uint64_t z = feed->random += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static uint64_t below(struct feed *feed, uint64_t limit)
{
    return draw(feed) % limit;
}

/* ---- words ---- */

struct words {
    const char *const *items;
    size_t count;
};

#define WORDS(name, ...)                                                                           \
    static const char *const name##_items[] = {__VA_ARGS__};                                       \
    static const struct words name = {name##_items, HIN_COUNT(name##_items)}

WORDS(hosts, "web01", "web02", "mail01", "ns1", "db-primary", "app-3");
WORDS(users, "alice", "bob", "carol", "deploy", "jenkins", "backup", "mallory", "oracle", "git",
      "www-data", "erin", "frank");
WORDS(commands, "/usr/bin/apt-get update", "/bin/systemctl restart nginx",
      "/usr/bin/tail -f /var/log/syslog", "/bin/ls /root", "/usr/sbin/service postfix reload",
      "/usr/bin/journalctl -u ssh", "/bin/cat /etc/hosts");
WORDS(jobs, "run-parts /etc/cron.hourly", "/usr/lib/php/sessionclean",
      "/usr/local/bin/rotate-metrics --quiet", "debian-sa1 1 1");
WORDS(pages, "/", "/index.html", "/products/list", "/blog/2026/11/autumn-release-notes",
      "/assets/app.js", "/assets/site.css", "/img/logo.png", "/api/v1/orders", "/search", "/login",
      "/account/settings", "/docs/getting-started.html");
WORDS(agents, "Mozilla/5.0 (X11; Linux) Firefox/128.0",
      "Mozilla/5.0 (Windows NT 10.0) Chrome/130.0", "curl/7.88.1", "Mozilla/5.0 (iPhone)",
      "Go-http-client/2.0");
WORDS(domains, "example.com", "example.org", "mail.example.net", "lists.example.com",
      "shop.example.org");
WORDS(types, "A", "AAAA", "MX", "TXT", "PTR");

/* ---- lines: shares in a thousand ---- */

struct shape {
    unsigned share;
    const char *text; /* see expand() */
};

static const struct shape shapes[] = {
    /* Apache access: 380 */
    {236, "%i - - [%a] \"GET %g HTTP/1.1\" 200 %s \"-\" \"%m\""},
    {34, "%i - - [%a] \"GET %g HTTP/1.1\" 304 - \"https://www.%d/\" \"%m\""},
    {26, "%i - - [%a] \"POST /api/v1/orders HTTP/1.1\" 201 %s \"-\" \"%m\""},
    {66, "%i - - [%a] \"GET %g%n.html HTTP/1.1\" 404 %s \"-\" \"%m\""},
    {12, "%i - - [%a] \"GET /admin/%n HTTP/1.1\" 403 %s \"-\" \"%m\""},
    {6, "%i - - [%a] \"GET /api/v1/orders/%n HTTP/1.1\" 500 %s \"-\" \"%m\""},
    /* sshd */
    {66, "%t %h sshd[%p]: Failed password for %u from %i port %P ssh2"},
    {44, "%t %h sshd[%p]: Failed password for invalid user %u%n from %i port %P ssh2"},
    {36, "%t %h sshd[%p]: Invalid user %u%n from %i port %P"},
    {32, "%t %h sshd[%p]: Accepted publickey for %u from %i port %P ssh2: ED25519 SHA256:%x%x"},
    {34, "%t %h sshd[%p]: Received disconnect from %i port %P:11: disconnected by user"},
    {34, "%t %h sshd[%p]: Connection closed by %i port %P [preauth]"},
    {16, "%t %h sshd[%p]: pam_unix(sshd:session): session opened for user %u(uid=%n) by (uid=0)"},
    {16, "%t %h sshd[%p]: pam_unix(sshd:session): session closed for user %u"},
    /* sudo, cron */
    {36, "%t %h sudo:    %u : TTY=pts/%1 ; PWD=/home/%u ; USER=root ; COMMAND=%c"},
    {30, "%t %h CRON[%p]: (root) CMD (%j)"},
    {10, "%t %h CRON[%p]: pam_unix(cron:session): session opened for user root(uid=0) by (uid=0)"},
    /* kernel */
    {44, "%t %h kernel: [%n.%n] [UFW BLOCK] IN=eth0 OUT= MAC=%x SRC=%i DST=%i LEN=60 TTL=52 ID=%n "
         "DF PROTO=TCP SPT=%P DPT=%P SYN"},
    {14, "%t %h kernel: [%n.%n] eth0: renamed from veth%x"},
    /* postfix */
    {34, "%t %h postfix/smtpd[%p]: connect from host-%n.%d[%i]"},
    {34, "%t %h postfix/qmgr[%p]: %x: from=<%u@%d>, size=%s, nrcpt=1 (queue active)"},
    {28, "%t %h postfix/smtp[%p]: %x: to=<%u@%d>, relay=mx.%d[%i]:25, delay=0.%n, "
         "delays=0.1/0/0.2/0.3, dsn=2.0.0, status=sent (250 2.0.0 Ok)"},
    {30, "%t %h postfix/smtpd[%p]: NOQUEUE: reject: RCPT from unknown[%i]: 554 5.7.1 <%u@%d>: "
         "Relay access denied; from=<%u@%d> to=<%u@%d> proto=ESMTP"},
    /* named */
    {57, "%t %h named[%p]: client @0x%x %i#%P (%d): query: host%n.%d IN %y + (10.0.0.53)"},
    {25, "%t %h named[%p]: client %i#%P: query (cache) 'host%n.%d/%y/IN' denied"},
};

static void put(struct feed *feed, const char *text, size_t size)
{
    size = HIN_MIN(size, sizeof(feed->line) - feed->size);
    hin_copy(feed->line + feed->size, text, size);
    feed->size += size;
}

static void put_text(struct feed *feed, const char *text)
{
    put(feed, text, strlen(text));
}

static void put_word(struct feed *feed, const struct words *words)
{
    put_text(feed, words->items[below(feed, words->count)]);
}

static void put_number(struct feed *feed, uint64_t number)
{
    char text[32];
    (void)snprintf(text, sizeof(text), "%llu", (unsigned long long)number);
    put_text(feed, text);
}

static void put_hex(struct feed *feed)
{
    char text[32];
    (void)snprintf(text, sizeof(text), "%010llX", (unsigned long long)(draw(feed) >> 24));
    put_text(feed, text);
}

static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

static void put_address(struct feed *feed)
{
    char text[20];
    uint64_t bits = draw(feed);
    (void)snprintf(text, sizeof(text), "%u.%u.%u.%u", (unsigned)(bits % 223 + 1),
                   (unsigned)(bits >> 16 & 255), (unsigned)(bits >> 24 & 255),
                   (unsigned)(bits >> 32 & 255));
    put_text(feed, text);
}

static void put_time(struct feed *feed, bool access)
{
    char text[48];
    struct hin_civil c;
    hin_time_to_civil(feed->now_usec, &c);
    if (access) {
        (void)snprintf(text, sizeof(text), "%02u/%s/%04d:%02u:%02u:%02u +0000", c.day,
                       months[(c.month + 11) % 12], c.year, c.hour, c.minute, c.second);
    } else {
        (void)snprintf(text, sizeof(text), "%s %2u %02u:%02u:%02u", months[(c.month + 11) % 12],
                       c.day, c.hour, c.minute, c.second);
    }
    put_text(feed, text);
}

struct code {
    char letter;
    const struct words *words;
};

static const struct code word_codes[] = {
    {'h', &hosts}, {'u', &users},  {'c', &commands}, {'j', &jobs},
    {'g', &pages}, {'m', &agents}, {'d', &domains},  {'y', &types},
};

static void put_code(struct feed *feed, char letter)
{
    for (size_t i = 0; i < HIN_COUNT(word_codes); i++) {
        if (word_codes[i].letter == letter) {
            put_word(feed, word_codes[i].words);
            return;
        }
    }
    switch (letter) {
    case 't':
    case 'a':
        put_time(feed, letter == 'a');
        break;
    case 'i':
        put_address(feed);
        break;
    case 'p': /* process */
        put_number(feed, 300 + below(feed, 32000));
        break;
    case 'P': /* port */
        put_number(feed, 1024 + below(feed, 64000));
        break;
    case 's': /* size */
        put_number(feed, 200 + below(feed, 90000));
        break;
    case 'n':
        put_number(feed, below(feed, 10000));
        break;
    case '1':
        put_number(feed, below(feed, 10));
        break;
    default: /* x */
        put_hex(feed);
        break;
    }
}

static void expand(struct feed *feed, const char *text)
{
    feed->size = 0;
    for (; *text != 0; text++) {
        if (*text == '%') {
            text++;
            put_code(feed, *text);
        } else {
            put(feed, text, 1);
        }
    }
}

/* 64 KiB each: near-misses and bait for backtracking, behind headers that lead deep into the
 * decoders. */
static const struct {
    const char *head;
    const char *bait; /* repeated to the end */
} hostile[] = {
    {"%t %h sshd[%p]: Failed password for ", "from "},
    {"%t %h sshd[%p]: ", "a"},
    {"%t %h sshd[%p]: Failed password for invalid user ", "user from port "},
    {"%t %h sudo:   ", "TTY=x ; PWD=y ; USER=z ; "},
    {"%t %h su[%p]: ", "BAD SU to on "},
    {"%t %h kernel: [%n.%n] IN=eth0 OUT= SRC=%i ", "DST=1 SPT= PROTO="},
    {"%t %h kernel: ", "a"},
    {"%t %h postfix/smtpd[%p]: NOQUEUE: reject: RCPT from ", "unknown[1.2.3.4]: 554 "},
    {"%t %h named[%p]: client ", "%: query (cache) "},
    {"%t %h proftpd[%p]: ", "(a[1.2.3.4]) - USER "},
    {"%i - - [%a] \"GET /", "?x=../"},
    {"%i - - [%a] \"GET /", "a"},
    {"2015 Jan 26 10:32:34 WinEvtLog: Security: AUDIT_SUCCESS(4624): ", "x: "},
    {"", "["},
    {"", " "},
    {"", ": "},
    {"", "1 "},
    {"", "failed error password for user from "},
};

static void make_hostile(struct feed *feed, uint64_t number)
{
    size_t at = number % HIN_COUNT(hostile);
    expand(feed, hostile[at].head);
    while (feed->size < HOSTILE_BYTES) {
        put_text(feed, hostile[at].bait);
    }
}

static void mutate(struct feed *feed, uint64_t changes_max)
{
    uint64_t changes = below(feed, changes_max + 1);
    for (uint64_t i = 0; i < changes && feed->size > 0; i++) {
        char byte = (char)draw(feed);
        feed->line[below(feed, feed->size)] = byte == '\n' ? ' ' : byte;
    }
    if (changes > 0 && below(feed, 8) == 0) { /* some are cut, too */
        feed->size = below(feed, feed->size + 1);
    }
}

static void make_line(struct feed *feed, uint64_t changes_max)
{
    unsigned at = (unsigned)below(feed, 1000);
    const struct shape *shape = shapes;
    while (at >= shape->share) {
        at -= shape->share;
        shape++;
    }
    feed->now_usec += (int64_t)below(feed, 200000);
    expand(feed, shape->text);
    if (changes_max > 0) {
        mutate(feed, changes_max);
    }
}

struct feed_options {
    uint64_t seed;
    uint64_t lines;
    uint64_t mutate;
    bool hostile;
};

static const struct hin_option options[] = {
    {.name = "seed",
     .letter = 's',
     .type = HIN_OPTION_COUNT,
     .offset = offsetof(struct feed_options, seed),
     .value = "N",
     .help = "Seed of the generator (default 1)."},
    {.name = "lines",
     .letter = 'n',
     .type = HIN_OPTION_COUNT,
     .offset = offsetof(struct feed_options, lines),
     .value = "N",
     .help = "How many lines (default 1000000)."},
    {.name = "mutate",
     .letter = 'm',
     .type = HIN_OPTION_COUNT,
     .offset = offsetof(struct feed_options, mutate),
     .value = "N",
     .help = "Change up to N bytes of each line."},
    {.name = "hostile",
     .type = HIN_OPTION_FLAG,
     .offset = offsetof(struct feed_options, hostile),
     .help = "Lines of 64 KiB that are made to be slow."},
};

static const struct hin_command command = {
    .name = "feed",
    .summary = "Write log lines of a busy server to standard output.",
    .options = options,
    .option_count = HIN_COUNT(options),
};

int main(int argc, char **argv)
{
    struct feed_options chosen = {.seed = 1, .lines = 1000000};
    struct hin_error error = {0};
    size_t operand_count = 0;
    char **operands = NULL;
    bool help = false;
    unsigned total = 0;
    for (size_t i = 0; i < HIN_COUNT(shapes); i++) {
        total += shapes[i].share;
    }
    if (total != 1000) {
        (void)fprintf(stderr, "feed: the shares make %u, not 1000\n", total);
        return 1;
    }
    if (!hin_is_ok(hin_option_parse(&command, argc, argv, &chosen, &operands, &operand_count, &help,
                                    &error))) {
        (void)fprintf(stderr, "feed: %s\n", error.text);
        return 2;
    }
    if (help) {
        hin_option_help(&command, stdout);
        return 0;
    }
    struct feed feed = {.random = chosen.seed, .now_usec = FEED_BEGIN_USEC};
    for (uint64_t i = 0; i < chosen.lines; i++) {
        if (chosen.hostile) {
            make_hostile(&feed, i);
        } else {
            make_line(&feed, chosen.mutate);
        }
        if (fwrite(feed.line, 1, feed.size, stdout) != feed.size || putchar('\n') == EOF) {
            return 1;
        }
    }
    return fflush(stdout) == 0 ? 0 : 1;
}
