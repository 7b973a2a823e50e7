/* Rows of the field table; see field.h. Numbers are for ever: append, never reuse, never reorder.
 *
 * X(id, SYMBOL, name, aliases, TYPE, CANON, SEARCH, DATA, ocsf, cef, cef label, leef, purpose) */
#ifndef HIN_EVENT_FIELD_TABLE_H
#define HIN_EVENT_FIELD_TABLE_H

/* clang-format off */
#define HIN_EVENT_FIELDS(X)                                                                                            \
    X(1, TIME, "time", "timestamp", TIME, NUMBER, COLUMN, PLAIN, "time", "rt", NULL, "devTime",                        \
      "When it happened: order of events, retention.")                                                                 \
    X(2, RECEIVED, "received", "receipt_time arrival", TIME, NUMBER, NONE, PLAIN, "metadata.logged_time", NULL, NULL, NULL, \
      "When the agent read it: correlation, and proof that a log's own clock was wrong.")                              \
    X(3, CLASS, "class", "class_uid", INTEGER, NUMBER, COLUMN, PLAIN, "class_uid", NULL, NULL, NULL,                   \
      "Kind of event (OCSF class): filtering.")                                                                        \
    X(4, ACTIVITY, "activity", "activity_id", INTEGER, NUMBER, NONE, PLAIN, "activity_id", NULL, NULL, NULL,           \
      "OCSF activity: filtering.")                                                                                     \
    X(5, SEVERITY, "severity", "severity_id", INTEGER, NUMBER, COLUMN, PLAIN, "severity_id", NULL, NULL, NULL,         \
      "OCSF severity: filtering and alerting.")                                                                        \
    X(6, COMPUTER_ID, "computer_id", "hostID computerID agent_id", INTEGER, NUMBER, COLUMN, PLAIN, "device.uid", "cn1", "Host ID", "deviceId", \
      "Which enrolled computer sent it; set by the manager, never taken from an agent.")                               \
    X(7, COMPUTER, "computer", "computer_name agent agent_name", TEXT, FOLD, TOKEN, SENSITIVE, "device.name", "dvchost", NULL, "dvchost", \
      "Name of the enrolled computer: finding its events.")                                                            \
    X(8, HOST, "host", "hostname", TEXT, FOLD, TOKEN, SENSITIVE, "device.hostname", "shost", NULL, "identHostName",    \
      "Host name in the log line: telling apart what a log server collects.")                                          \
    X(9, PROGRAM, "program", "program_name", TEXT, EXACT, TOKEN, PLAIN, "metadata.log_provider", "sproc", NULL, "program", \
      "Program that wrote the line: filtering.")                                                                       \
    X(10, PID, "pid", "process_id", INTEGER, NUMBER, TOKEN, PLAIN, "evidences[0].process.pid", "spid", NULL, "pid",    \
      "Process that wrote the line: joining lines of one process.")                                                    \
    X(11, LOCATION, "location", "log_file", TEXT, EXACT, TOKEN, SENSITIVE, "metadata.log_source", "fname", NULL, "fname", \
      "File or journal that the line was read from.")                                                                  \
    X(12, DECODER, "decoder", "decoded_as", TEXT, FOLD, TOKEN, PLAIN, "unmapped.decoder", "cs3", "Decoder", "decoder", \
      "Decoder that read the line: explaining a finding.")                                                             \
    X(13, RULE_ID, "rule_id", "rule rule.id sid ruleid", INTEGER, NUMBER, TOKEN, PLAIN, "finding_info.analytic.uid", NULL, NULL, NULL, \
      "Rule that fired.")                                                                                              \
    X(14, RULE_LEVEL, "rule_level", "level rule.level", INTEGER, NUMBER, TOKEN, PLAIN, "vendor_attributes.severity", "cn2", "Rule Level", "ruleLevel", \
      "Level the rule gives, 0 to 16.")                                                                                \
    X(15, RULE_DESCRIPTION, "rule_description", "description rule.description title", TEXT, FOLD, TOKEN, PLAIN, "finding_info.title", "cs1", "LI Description", "desc", \
      "What the rule says happened.")                                                                                  \
    X(16, RULE_GROUPS, "rule_groups", "groups group rule.groups", TEXTS, FOLD, TOKEN, PLAIN, "finding_info.types", "cs2", "Rule Groups", "ruleGroups", \
      "Groups of the rule, compliance tags among them: filtering and reports.")                                        \
    X(17, TECHNIQUES, "techniques", "technique mitre attack rule.mitre", TEXTS, FOLD, TOKEN, PLAIN, "finding_info.attacks", "cs4", "MITRE ATT&CK Techniques", "techniques", \
      "MITRE ATT&CK techniques of the rule.")                                                                          \
    X(18, RAW, "raw", "full_log raw_data", TEXT, EXACT, NONE, PERSONAL, "raw_data", "msg", NULL, "msg",            \
      "The log line as read: evidence.")                                                                               \
    X(19, MESSAGE, "message", "msg", TEXT, EXACT, NONE, SENSITIVE, "message", "msg", NULL, "msg",                      \
      "A sentence for people: what happened.")                                                                         \
    X(20, SRC_IP, "src_ip", "srcip source_ip src", IP, IP, TOKEN, PERSONAL, "evidences[0].src_endpoint.ip", "src", NULL, "src", \
      "Address it came from: finding an attacker.")                                                                    \
    X(21, SRC_PORT, "src_port", "srcport source_port spt", INTEGER, NUMBER, TOKEN, PLAIN, "evidences[0].src_endpoint.port", "spt", NULL, "srcPort", \
      "Port it came from: joining with network records.")                                                              \
    X(22, DST_IP, "dst_ip", "dstip destination_ip dst", IP, IP, TOKEN, PERSONAL, "evidences[0].dst_endpoint.ip", "dst", NULL, "dst", \
      "Address it went to.")                                                                                           \
    X(23, DST_PORT, "dst_port", "dstport destination_port dpt", INTEGER, NUMBER, TOKEN, PLAIN, "evidences[0].dst_endpoint.port", "dpt", NULL, "dstPort", \
      "Port it went to.")                                                                                              \
    X(24, USER, "user", "dstuser dst_user duser username", TEXT, EXACT, TOKEN, PERSONAL, "evidences[0].user.name", "duser", NULL, "usrName", \
      "Account acted upon: finding what was done with it.")                                                            \
    X(25, SRC_USER, "src_user", "srcuser source_user suser", TEXT, EXACT, TOKEN, PERSONAL, "evidences[0].actor.user.name", "suser", NULL, "srcUser", \
      "Account that acted.")                                                                                           \
    X(26, PROTOCOL, "protocol", "proto", TEXT, FOLD, TOKEN, PLAIN, "evidences[0].connection_info.protocol_name", "proto", NULL, "proto", \
      "Network protocol.")                                                                                             \
    X(27, ACTION, "action", "act", TEXT, FOLD, TOKEN, PLAIN, "action", "act", NULL, "action",                          \
      "What the source says it did (deny, accept, a request method).")                                                 \
    X(28, STATUS, "status", "outcome", TEXT, FOLD, TOKEN, PLAIN, "status_code", "outcome", NULL, "status",             \
      "Result that the source reports.")                                                                               \
    X(29, URL, "url", "request", TEXT, EXACT, TOKEN, PERSONAL, "evidences[0].url.url_string", "request", NULL, "url",  \
      "Address requested: finding an attack's reach.")                                                                 \
    X(30, LOG_ID, "id", "log_id event_id", TEXT, EXACT, TOKEN, SENSITIVE, "metadata.original_event_uid", "externalId", NULL, "externalId", \
      "Identifier that the source gives: joining lines.")                                                              \
    X(31, DATA, "plain_data", "", TEXT, EXACT, TOKEN, SENSITIVE, "unmapped.data", "cs5", "Data", "data",                     \
      "Nothing sets it: to decoders `data` and `extra_data` are one field, the next.")                                                                           \
    X(32, EXTRA_DATA, "extra_data", "extradata data", TEXT, EXACT, TOKEN, SENSITIVE, "unmapped.extra_data", "cs6", "Extra Data", "extraData", \
      "What the decoder extracted as data or extra_data.")                                                                   \
    X(33, SYSTEM_NAME, "system_name", "systemname", TEXT, FOLD, TOKEN, SENSITIVE, "unmapped.system_name", "shost", NULL, "systemName", \
      "System that the line names.")                                                                                   \
    X(34, TRUNCATED, "truncated", "is_truncated", FLAG, NUMBER, NONE, PLAIN, "metadata.is_truncated", NULL, NULL, NULL, \
      "The line was longer than 64 KiB and was cut.")                                                                  \
    X(35, UNTRUNCATED_BYTES, "untruncated_bytes", "untruncated_size", INTEGER, NUMBER, NONE, PLAIN, "metadata.untruncated_size", NULL, NULL, NULL, \
      "Length of the line before it was cut.")                                                                         \
    X(36, COUNT, "count", "cnt", INTEGER, NUMBER, NONE, PLAIN, "count", "cnt", NULL, "count",                          \
      "How many occurrences or items the event stands for.")                                                           \
    X(37, STATE, "state", "", INTEGER, NUMBER, TOKEN, PLAIN, "metadata.event_code", NULL, NULL, NULL,              \
      "Which state of agent or manager it reports (event/state.h).")                                                   \
    X(38, DETAIL, "detail", "status_detail", TEXT, EXACT, NONE, SENSITIVE, "status_detail", "reason", NULL, "reason",  \
      "What exactly was wrong, for people.")                                                                           \
    X(39, COMPONENT, "component", "", TEXT, FOLD, TOKEN, PLAIN, "app.feature.name", "deviceFacility", NULL, "role", \
      "Process of agent or manager that it concerns.")                                                                 \
    X(40, GENERATION, "generation", "", INTEGER, NUMBER, NONE, PLAIN, NULL, NULL, NULL, NULL,                          \
      "Identity: random number of the source's generation, so that nothing is stored twice.")                          \
    X(41, OFFSET, "offset", "", INTEGER, NUMBER, NONE, PLAIN, NULL, NULL, NULL, NULL,                                  \
      "Identity: position in the source.")                                                                             \
    X(42, FINDING, "finding", "finding_number", INTEGER, NUMBER, NONE, PLAIN, NULL, NULL, NULL, NULL,                  \
      "Identity: which finding at that position.")                                                                     \
    X(43, AGENT_VERSION, "agent_version", "", TEXT, EXACT, NONE, PLAIN, "metadata.product.version", NULL, NULL, NULL,  \
      "Version that made the event.")                                                                                  \
    X(44, POLICY_VERSION, "policy_version", "", INTEGER, NUMBER, NONE, PLAIN, "unmapped.policy_version", NULL, NULL, NULL, \
      "Version of the policy in force: explaining why something was or was not found.")                                \
    X(45, ORIGINAL_TIME, "original_time", "", TEXT, EXACT, NONE, PLAIN, "metadata.original_time", NULL, NULL, NULL,    \
      "The stamp as the line has it.")                                                                                 \
    X(46, CLOCK_OFFSET, "clock_offset_usec", "", INTEGER, NUMBER, NONE, PLAIN, "unmapped.clock_offset_usec", NULL, NULL, NULL, \
      "By how much the clock that gave the times was off when the event was made, in microseconds; positive: behind.") \
    X(47, CLOCK_SOURCE, "clock_source", "", TEXT, EXACT, NONE, SENSITIVE, "unmapped.clock_source", NULL, NULL, NULL, \
      "Which time server, or the manager, says so.")                                                                   \
    X(48, CORRECTED, "corrected", "", TEXTS, EXACT, NONE, SENSITIVE, "unmapped.corrected", NULL, NULL, NULL,            \
      "That personal fields were corrected since: which, when, by which audit entry. Set by the manager alone.")
/* clang-format on */

#endif
