/* Decoders and conditions that the rule language names and that are code: packet filter, Symantec
 * Web Security, SonicWALL, forwarded OSSEC alerts, and the compiled rules. */
#include <stdio.h>
#include <strings.h>

#include "base/bytes.h"
#include "engine/log/internal.h"

static void put(struct event *event, enum hin_log_field field, struct hin_view value)
{
    event->finding->fields[field] = value;
}

/* A value that is not cut from the line. */
static void put_word(struct event *event, enum hin_log_field field, struct hin_view word)
{
    put(event, field, word);
    event->foreign |= 1U << field;
}

/* Cut off what stands before the first `byte`, and the byte. */
static bool past(struct hin_view *text, uint8_t byte)
{
    size_t at = hin_view_find_byte(*text, byte);
    if (at == SIZE_MAX) {
        return false;
    }
    *text = hin_view_sub(*text, at + 1, SIZE_MAX);
    return true;
}

static bool starts(struct hin_view text, const char *prefix)
{
    return hin_view_starts_with(text, hin_view_from_text(prefix));
}

/* "192.168.2.10.1514": four numbers are the address, a fifth is the port. */
static void put_endpoint(struct event *event, struct hin_view text, enum hin_log_field address,
                         enum hin_log_field port)
{
    unsigned dots = 0;
    for (size_t i = 0; i < text.size; i++) {
        dots += text.data[i] == '.';
        if (dots == 4) {
            put(event, address, hin_view_sub(text, 0, i));
            put(event, port, hin_view_sub(text, i + 1, SIZE_MAX));
            return;
        }
    }
    put(event, address, text);
}

/* "... rule 2/(match) pass in on xl0: 140.211.166.3.6667 > 192.168.2.10.16290: P 7408:7677..." */
static void run_pf(struct hin_log_engine *engine, struct event *event)
{
    struct hin_view rest = event->finding->log;
    if (!past(&rest, ')') || rest.size < 2 || rest.data[0] != ' ') {
        return;
    }
    rest = hin_view_sub(rest, 1, SIZE_MAX);
    if (rest.data[0] == 'p') {
        put_word(event, HIN_LOG_ACTION, HIN_VIEW("pass"));
    } else if (rest.data[0] == 'b') {
        put_word(event, HIN_LOG_ACTION, HIN_VIEW("block"));
    } else {
        return;
    }
    if (!past(&rest, ':') || rest.size == 0 || rest.data[0] != ' ') {
        return;
    }
    rest = hin_view_sub(rest, 1, SIZE_MAX);
    size_t space = hin_view_find_byte(rest, ' ');
    if (space == SIZE_MAX) {
        return;
    }
    put_endpoint(event, hin_view_sub(rest, 0, space), HIN_LOG_SRCIP, HIN_LOG_SRCPORT);
    rest = hin_view_sub(rest, space + 1, SIZE_MAX);
    if (!starts(rest, "> ")) {
        return;
    }
    rest = hin_view_sub(rest, 2, SIZE_MAX);
    size_t colon = hin_view_find_byte(rest, ':');
    if (colon == SIZE_MAX) {
        return;
    }
    put_endpoint(event, hin_view_sub(rest, 0, colon), HIN_LOG_DSTIP, HIN_LOG_DSTPORT);
    /* The original looks from the colon on, so what stands there decides before any word. */
    rest = hin_view_sub(rest, colon + 1, SIZE_MAX);
    while (rest.size > 0 && rest.data[0] == ' ') {
        rest = hin_view_sub(rest, 1, SIZE_MAX);
    }
    if (rest.size > 0) {
        put_word(event, HIN_LOG_PROTOCOL,
                 rest.data[0] == 'u'   ? HIN_VIEW("UDP")
                 : rest.data[0] == 'i' ? HIN_VIEW("ICMP")
                                       : HIN_VIEW("TCP"));
    }
}

/* "20070717,73614,1=5,11=1.2.3.4,60=http://news.bbc.co.uk/,10=userX,1000=212.58.240.42,2=27" */
static void run_symantec_ws(struct hin_log_engine *engine, struct event *event)
{
    static const struct {
        const char *prefix;
        enum hin_log_field field;
        size_t skip; /* the id keeps its prefix */
        size_t max;
    } parts[] = {
        {"10=", HIN_LOG_DSTUSER, 3, 128},
        {"11=", HIN_LOG_SRCIP, 3, 128},
        {"60=", HIN_LOG_URL, 3, 1024},
    };
    struct hin_view rest = event->finding->log, part = HIN_VIEW_EMPTY;
    bool first = true;
    while (hin_view_split(&rest, ',', &part)) {
        if (first) {
            first = false; /* the date */
            continue;
        }
        for (size_t i = 0; i < HIN_COUNT(parts); i++) {
            if (starts(part, parts[i].prefix) &&
                event->finding->fields[parts[i].field].data == NULL) {
                put(event, parts[i].field, hin_view_sub(part, parts[i].skip, parts[i].max));
            }
        }
        if ((starts(part, "3=") || starts(part, "2=")) &&
            event->finding->fields[HIN_LOG_ID].data == NULL) {
            /* nine bytes from here on, whatever they are */
            size_t left = (size_t)(event->finding->log.data + event->finding->log.size - part.data);
            put(event, HIN_LOG_ID, hin_view_of(part.data, HIN_MIN(left, (size_t)9)));
        }
    }
}

/* ---- SonicWALL ----------------------------------------------------------------------------- */

static bool digits(struct hin_view *rest, struct hin_view *ret_digits)
{
    size_t size = 0;
    while (size < rest->size && rest->data[size] >= '0' && rest->data[size] <= '9') {
        size++;
    }
    *ret_digits = hin_view_sub(*rest, 0, size);
    *rest = hin_view_sub(*rest, size, SIZE_MAX);
    return size > 0;
}

static bool eat(struct hin_view *rest, const char *text)
{
    if (!starts(*rest, text)) {
        return false;
    }
    *rest = hin_view_sub(*rest, strlen(text), SIZE_MAX);
    return true;
}

/* Try `parse` at every place where `start` stands; *text moves behind what it took. */
static bool find(struct hin_view *text, const char *start,
                 bool (*parse)(struct hin_view *rest, struct hin_view *values),
                 struct hin_view *values)
{
    struct hin_view rest = *text;
    for (;;) {
        size_t at = hin_view_find(rest, hin_view_from_text(start));
        if (at == SIZE_MAX) {
            return false;
        }
        rest = hin_view_sub(rest, at + strlen(start), SIZE_MAX);
        struct hin_view tail = rest;
        if (parse(&tail, values)) {
            *text = tail;
            return true;
        }
    }
}

static bool sonic_head(struct hin_view *rest, struct hin_view *values)
{
    struct hin_view priority = hin_view_sub(*rest, 0, 1);
    bool ok = digits(rest, &values[0]) && values[0].size == priority.size && eat(rest, " c=") &&
              digits(rest, &values[1]) && eat(rest, " m=") && digits(rest, &values[2]) &&
              eat(rest, " ");
    return ok;
}

static bool sonic_address(struct hin_view *rest, struct hin_view *ret_address)
{
    const uint8_t *start = rest->data;
    struct hin_view part = HIN_VIEW_EMPTY;
    for (int i = 0; i < 4; i++) {
        if (!digits(rest, &part) || (i < 3 && !eat(rest, "."))) {
            return false;
        }
    }
    *ret_address = hin_view_of(start, (size_t)(rest->data - start));
    return true;
}

static bool sonic_flow(struct hin_view *rest, struct hin_view *values)
{
    if (!sonic_address(rest, &values[0]) || !eat(rest, ":") || !digits(rest, &values[1]) ||
        !eat(rest, ":")) {
        return false;
    }
    size_t space = hin_view_find_byte(*rest, ' ');
    if (space == SIZE_MAX || space == 0) {
        return false;
    }
    *rest = hin_view_sub(*rest, space, SIZE_MAX);
    return eat(rest, " dst=") && sonic_address(rest, &values[2]) && eat(rest, ":") &&
           digits(rest, &values[3]) && eat(rest, ":");
}

static bool sonic_proxy(struct hin_view *rest, struct hin_view *values)
{
    if (!digits(rest, &values[0]) || !eat(rest, " dstname=")) {
        return false;
    }
    size_t space = hin_view_find_byte(*rest, ' ');
    if (space == SIZE_MAX || space == 0) {
        return false;
    }
    values[1] = hin_view_sub(*rest, 0, space);
    *rest = hin_view_sub(*rest, space, SIZE_MAX);
    if (!eat(rest, " arg=") || rest->size == 0 || hin_view_find_byte(*rest, ' ') != SIZE_MAX) {
        return false;
    }
    values[2] = *rest;
    *rest = hin_view_sub(*rest, rest->size, 0);
    return true;
}

static void sonic_protocol(struct event *event, struct hin_view rest)
{
    if (!past(&rest, ' ') || !eat(&rest, "proto=")) {
        return;
    }
    size_t size = 0;
    while (size < rest.size && size < 6 && rest.data[size] > ' ' && rest.data[size] != '/' &&
           rest.data[size] != ':') {
        size++;
    }
    put(event, HIN_LOG_PROTOCOL, hin_view_sub(rest, 0, size));
}

static void sonic_meaning(struct hin_log_engine *engine, struct event *event,
                          struct hin_view category, struct hin_view rest)
{
    static const struct {
        const char *id;
        const char *action;
    } meanings[] = {
        {"98", "pass"},  {"597", "pass"}, {"598", "pass"}, {"38", "drop"},   {"36", "drop"},
        {"173", "drop"}, {"174", "drop"}, {"37", "drop"},  {"537", "close"},
    };
    struct hin_view id = event->finding->fields[HIN_LOG_ID];
    if (hin_view_is(category, "32")) {
        event->type = TYPE_IDS;
        return;
    }
    for (size_t i = 0; i < HIN_COUNT(meanings); i++) {
        if (hin_view_is(id, meanings[i].id)) {
            event->type = TYPE_FIREWALL;
            put_word(event, HIN_LOG_ACTION, hin_view_from_text(meanings[i].action));
            return;
        }
    }
    struct hin_view values[3];
    if (hin_view_is(id, "97")) {
        event->type = TYPE_SQUID;
        if (find(&rest, "result=", sonic_proxy, values)) {
            struct hin_view url = HIN_VIEW_EMPTY;
            put(event, HIN_LOG_ID, values[0]);
            if (hin_log_keep(engine, values[1], values[2], &url)) {
                put_word(event, HIN_LOG_URL, url);
            }
        }
    }
}

static void run_sonicwall(struct hin_log_engine *engine, struct event *event)
{
    struct hin_view rest = event->finding->log;
    struct hin_view head[3], flow[4];
    event->type = TYPE_SYSLOG;
    if (!find(&rest, "pri=", sonic_head, head)) {
        return;
    }
    put(event, HIN_LOG_STATUS, head[0]);
    put(event, HIN_LOG_ID, head[2]);
    if (!find(&rest, "src=", sonic_flow, flow)) {
        return;
    }
    put(event, HIN_LOG_SRCIP, flow[0]);
    put(event, HIN_LOG_SRCPORT, flow[1]);
    put(event, HIN_LOG_DSTIP, flow[2]);
    put(event, HIN_LOG_DSTPORT, flow[3]);
    sonic_protocol(event, rest);
    sonic_meaning(engine, event, hin_view_sub(head[1], 0, 7), rest);
}

/* ---- forwarded alerts ---------------------------------------------------------------------- */

/* "Alert Level: 3; Rule: 5715 - SSHD ...; Location: host->file; srcip: 1.2.3.4; user: x;  line" */
static void run_ossec_alert(struct hin_log_engine *engine, struct event *event)
{
    struct hin_view rest = event->finding->log, id = HIN_VIEW_EMPTY;
    uint64_t number = 0;
    event->type = TYPE_OSSEC_ALERT;
    if (!starts(rest, "Alert Level:") && !starts(rest, "ossec: Alert Level")) {
        return;
    }
    if (!past(&rest, ';') || !past(&rest, ':') || !eat(&rest, " ") || !digits(&rest, &id) ||
        !eat(&rest, " ") || !hin_is_ok(hin_view_to_u64(id, &number))) {
        return;
    }
    char key[16];
    int size = snprintf(key, sizeof(key), "%u", (unsigned)number);
    const struct rule *rule =
        number > UINT32_MAX ? NULL
                            : hin_map_get(&engine->rules->rule_ids, hin_view_of(key, (size_t)size));
    if (rule == NULL || !past(&rest, ';') || !eat(&rest, " Location: ")) {
        return;
    }
    size_t end = hin_view_find_byte(rest, ';');
    if (end == SIZE_MAX) {
        return;
    }
    struct hin_view location = hin_view_sub(rest, 0, end), joined = HIN_VIEW_EMPTY;
    rest = hin_view_sub(rest, end + 1, SIZE_MAX);
    if (hin_log_keep(engine, event->finding->location, HIN_VIEW("|"), &joined) &&
        hin_log_keep(engine, joined, location, &joined)) {
        event->finding->location = joined;
        event->host = joined;
        event->foreign |= 1U << SUBJECT_HOST;
    }
    while (rest.size > 1 && rest.data[0] == ' ' && rest.data[1] != ' ') {
        end = hin_view_find_byte(rest, ';');
        if (end == SIZE_MAX) {
            return;
        }
        struct hin_view value = hin_view_sub(rest, 1, end - 1);
        if (eat(&value, "srcip: ")) {
            put(event, HIN_LOG_SRCIP, value);
        } else if (eat(&value, "user: ")) {
            put(event, HIN_LOG_DSTUSER, value);
        }
        rest = hin_view_sub(rest, end + 1, SIZE_MAX);
    }
    while (rest.size > 0 && rest.data[0] == ' ') {
        rest = hin_view_sub(rest, 1, SIZE_MAX);
    }
    event->finding->log = rest;
    event->forced = rule;
}

void hin_log_plugin_run(struct hin_log_engine *engine, struct event *event, enum plugin plugin)
{
    static void (*const run[])(struct hin_log_engine * engine, struct event * event) = {
        [PLUGIN_PF] = run_pf,
        [PLUGIN_SYMANTEC_WS] = run_symantec_ws,
        [PLUGIN_SONICWALL] = run_sonicwall,
        [PLUGIN_OSSEC_ALERT] = run_ossec_alert,
    };
    if (plugin != PLUGIN_NONE) {
        run[plugin](engine, event);
    }
}

/* ---- compiled rules ------------------------------------------------------------------------ */

static bool users_equal(const struct event *event)
{
    struct hin_view src = event->finding->fields[HIN_LOG_SRCUSER];
    struct hin_view dst = event->finding->fields[HIN_LOG_DSTUSER];
    return src.data == NULL || dst.data == NULL || hin_view_equal(src, dst);
}

/* "Target Account Name: a<tab>... Caller User Name: b<tab>": both there and not the same. */
static bool mswin_users_differ(const struct event *event)
{
    struct hin_view target = event->finding->log, caller = event->finding->log;
    size_t at = hin_view_find(target, HIN_VIEW("Target Account Name"));
    size_t by = hin_view_find(caller, HIN_VIEW("Caller User Name"));
    if (at == SIZE_MAX || by == SIZE_MAX) {
        return false;
    }
    target = hin_view_sub(target, at, SIZE_MAX);
    caller = hin_view_sub(caller, by, SIZE_MAX);
    if (!past(&target, ':') || !past(&caller, ':')) {
        return false;
    }
    for (size_t i = 0; i < target.size; i++) {
        uint8_t other = i < caller.size ? caller.data[i] : 0;
        if (target.data[i] != other) {
            return true;
        }
        bool two_spaces = target.data[i] == ' ' && i + 1 < target.size && target.data[i + 1] == ' ';
        if (target.data[i] == '\t' || two_spaces) {
            break;
        }
    }
    return false;
}

static bool simple_http(const struct event *event)
{
    struct hin_view url = event->finding->fields[HIN_LOG_URL];
    struct hin_view action = event->finding->fields[HIN_LOG_ACTION];
    if (url.data == NULL ||
        (action.data != NULL && !hin_view_equal_nocase(action, HIN_VIEW("GET")))) {
        return false;
    }
    return hin_view_find_byte(url, '?') == SIZE_MAX;
}

bool hin_log_compiled_rule(const struct hin_log_engine *engine, const struct event *event,
                           enum compiled_rule which)
{
    switch (which) {
    case COMPILED_SRCUSER_DSTUSER:
        return users_equal(event);
    case COMPILED_ID_SIZE:
        return event->finding->fields[HIN_LOG_ID].size >= 10;
    case COMPILED_MSWIN_USERS_DIFFER:
        return mswin_users_differ(event);
    case COMPILED_SIMPLE_HTTP:
        return simple_http(event);
    case COMPILED_VALID_CRAWLER:
        return engine->rules->crawlers != NULL &&
               hin_ipset_has_text(engine->rules->crawlers, event->finding->fields[HIN_LOG_SRCIP]);
    default:
        return true;
    }
}
