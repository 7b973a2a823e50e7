#include "manager/worker/api/tables.h"

#include "event/module.h"
#include "policy/bundle.h"

#define RO        HIN_API_READ_ONLY
#define PLAIN     HIN_DATA_PLAIN
#define SENSITIVE HIN_DATA_SENSITIVE
#define PERSONAL  HIN_DATA_PERSONAL
#define ID_MAX                                                                                     \
    INT64_C(0x1fffffffffffff) /* what a JSON number holds exactly (RFC 8259, section 6) */

static const char module_statuses[] = "inactive|active|warning|error|not-supported";
static const char number_tests[] =
    "less-than|less-than-or-equal|equal|greater-than-or-equal|greater-than|not-equal";

/* What all share: the row of the ID. */
#define ID_ROW                                                                                     \
    {                                                                                              \
        "ID", HIN_API_INT, RO | HIN_API_COMPUTED, PLAIN, 1, ID_MAX, NULL, NULL,                    \
            "Number of the object, given by the manager."                                          \
    }

static const struct hin_api_attribute computer_status_rows[] = {
    {"agentStatus", HIN_API_CHOICE, RO, PLAIN, 0, 0, module_statuses, NULL, "State of the agent."},
    {"agentStatusMessages", HIN_API_TEXTS, RO, PLAIN, 0, 0, NULL, NULL, "The same in words."},
};
static const struct hin_api_attributes computer_status =
    HIN_API_TABLE("ComputerStatus", computer_status_rows);

static const struct hin_api_attribute computer_module_rows[] = {
    {"agentStatus", HIN_API_CHOICE, RO, PLAIN, 0, 0, module_statuses, NULL,
     "State of the module on the computer."},
    {"agentStatusMessage", HIN_API_TEXT, RO, PLAIN, 0, 0, NULL, NULL, "The same in words."},
};
static const struct hin_api_attributes computer_module =
    HIN_API_TABLE("ComputerModuleStatus", computer_module_rows);

static const struct hin_api_attribute computer_log_rows[] = {
    {"state", HIN_API_CHOICE, 0, PLAIN, 0, 0, "inherited|on|off", NULL,
     "Whether logs are watched."},
    {"moduleStatus", HIN_API_OBJECT, RO | HIN_API_COMPUTED, PLAIN, 0, 0, NULL, &computer_module,
     "State of the module."},
    {"ruleIDs", HIN_API_INTS, 0, PLAIN, 1, HIN_API_LIST_MAX, NULL, NULL,
     "Rules in addition to those of the policy."},
};
static const struct hin_api_attributes computer_log =
    HIN_API_TABLE("LogInspectionComputerExtension", computer_log_rows);

static const struct hin_api_attribute computer_rows[] = {
    {"hostName", HIN_API_TEXT, HIN_API_REQUIRED | HIN_API_CLEAN, PERSONAL, 1, 255, NULL, NULL,
     "Name of the host."},
    {"displayName", HIN_API_TEXT, HIN_API_CLEAN, PERSONAL, 0, 255, NULL, NULL, "Name to show."},
    {"description", HIN_API_TEXT, 0, SENSITIVE, 0, 4000, NULL, NULL, "Free text."},
    {"lastIPUsed", HIN_API_TEXT, RO, PERSONAL, 0, 64, NULL, NULL,
     "Address of the last connection."},
    {"platform", HIN_API_TEXT, RO, SENSITIVE, 0, 512, NULL, NULL, "Operating system and machine."},
    {"policyID", HIN_API_INT, 0, PLAIN, 0, ID_MAX, NULL, NULL, "The policy that applies."},
    {"agentFingerPrint", HIN_API_TEXT, RO, SENSITIVE, 0, 128, NULL, NULL,
     "SHA-256 of the agent's certificate."},
    {"lastAgentCommunication", HIN_API_TIME, RO | HIN_API_COMPUTED, PLAIN, 0, 0, NULL, NULL,
     "When the agent was last heard."},
    {"lastSendPolicyRequest", HIN_API_TIME, RO | HIN_API_COMPUTED, PLAIN, 0, 0, NULL, NULL,
     "When the policy was last sent."},
    {"lastSendPolicySuccess", HIN_API_TIME, RO | HIN_API_COMPUTED, PLAIN, 0, 0, NULL, NULL,
     "When the agent last applied one."},
    {"clockOffset", HIN_API_INT, RO | HIN_API_COMPUTED, PLAIN, INT64_MIN, INT64_MAX, NULL, NULL,
     "True time minus the host's clock, in microseconds, as the last heartbeat told it; positive: "
     "behind."},
    {"clockSource", HIN_API_TEXT, RO | HIN_API_COMPUTED, PLAIN, 0, 16, NULL, NULL,
     "What it was measured against: ntp (a majority of the agent's time servers) or manager."},
    {"clockBeyondBound", HIN_API_BOOL, RO | HIN_API_COMPUTED, PLAIN, 0, 0, NULL, NULL,
     "Whether it is off by more than the bound set at the agent."},
    {"agentVersion", HIN_API_TEXT, RO, PLAIN, 0, 255, NULL, NULL, "Version of the agent."},
    {"computerStatus", HIN_API_OBJECT, RO | HIN_API_COMPUTED, PLAIN, 0, 0, NULL, &computer_status,
     "State of the agent."},
    {"hostGUID", HIN_API_TEXT, RO, SENSITIVE, 0, 64, NULL, NULL, "Identity of the agent."},
    {"enrolment", HIN_API_CHOICE, RO, PLAIN, 0, 0, "pending|approved|held|revoked", NULL,
     "Where the computer's admission stands (Hinomi's own)."},
    {"enrolmentReason", HIN_API_TEXT, RO, PLAIN, 0, 512, NULL, NULL,
     "Why it is held or revoked (Hinomi's own)."},
    {"logInspection", HIN_API_OBJECT, 0, PLAIN, 0, 0, NULL, &computer_log,
     "Log inspection on this computer."},
    {"enrolmentKeyDigest", HIN_API_TEXT, RO | HIN_API_HIDDEN, SENSITIVE, 0, 64, NULL, NULL,
     "SHA-256 of the key that asked."},
    ID_ROW,
};
const struct hin_api_attributes hin_api_computer = HIN_API_TABLE("Computer", computer_rows);

static const struct hin_api_attribute apikey_rows[] = {
    {"keyName", HIN_API_TEXT, HIN_API_REQUIRED | HIN_API_CLEAN, SENSITIVE, 1, 255, NULL, NULL,
     "Name of the key."},
    {"description", HIN_API_TEXT, 0, SENSITIVE, 0, 4000, NULL, NULL, "Free text."},
    {"locale", HIN_API_CHOICE, 0, PLAIN, 0, 0, "en-US|ja-JP", NULL, "Language."},
    {"roleID", HIN_API_INT, HIN_API_REQUIRED, PLAIN, 1, ID_MAX, NULL, NULL,
     "Role: 1 full access, 2 auditor, 3 metrics."},
    {"timeZone", HIN_API_TEXT, HIN_API_CLEAN, PLAIN, 0, 64, NULL, NULL, "Time zone."},
    {"active", HIN_API_BOOL, 0, PLAIN, 0, 0, NULL, NULL, "Whether the key opens anything."},
    {"created", HIN_API_TIME, RO, PLAIN, 0, 0, NULL, NULL, "When it was made."},
    {"lastSignIn", HIN_API_TIME, RO, PERSONAL, 0, 0, NULL, NULL,
     "When it was last used, to the minute."},
    {"expiryDate", HIN_API_TIME, 0, PLAIN, 0, ID_MAX, NULL, NULL,
     "When it stops to work; absent: never."},
    {"secretKey", HIN_API_TEXT, RO | HIN_API_COMPUTED, SENSITIVE, 0, 255, NULL, NULL,
     "The key itself, shown once at creation."},
    {"secretDigest", HIN_API_TEXT, RO | HIN_API_HIDDEN, SENSITIVE, 0, 64, NULL, NULL,
     "SHA-256 of the key."},
    {"serviceAccount", HIN_API_BOOL, 0, PLAIN, 0, 0, NULL, NULL, "Whether a program uses it."},
    {"administratorID", HIN_API_INT, RO, PERSONAL, 0, 0, NULL, NULL,
     "The administrator who signed in for it (Hinomi's own)."},
    ID_ROW,
};
const struct hin_api_attributes hin_api_apikey = HIN_API_TABLE("ApiKey", apikey_rows);

static const struct hin_api_attribute administrator_rows[] = {
    {"username", HIN_API_TEXT, HIN_API_REQUIRED | HIN_API_FIXED | HIN_API_CLEAN, PERSONAL, 1, 255,
     NULL, NULL, "Name to sign in with."},
    {"password", HIN_API_TEXT, HIN_API_WRITE_ONLY, SENSITIVE, 12, 1024, NULL, NULL,
     "Password; never given out."},
    {"fullName", HIN_API_TEXT, HIN_API_CLEAN, PERSONAL, 0, 255, NULL, NULL, "Name of the person."},
    {"emailAddress", HIN_API_TEXT, HIN_API_CLEAN, PERSONAL, 0, 255, NULL, NULL,
     "E-mail address of the person."},
    {"description", HIN_API_TEXT, 0, SENSITIVE, 0, 4000, NULL, NULL, "Free text."},
    {"roleID", HIN_API_INT, HIN_API_REQUIRED, PLAIN, 1, ID_MAX, NULL, NULL,
     "Role, as of API keys."},
    {"active", HIN_API_BOOL, 0, PLAIN, 0, 0, NULL, NULL, "Whether the administrator may sign in."},
    {"created", HIN_API_TIME, RO, PLAIN, 0, 0, NULL, NULL, "When the account was made."},
    {"lastPasswordChange", HIN_API_TIME, RO, PLAIN, 0, 0, NULL, NULL,
     "When the password was last set."},
    {"lastSignIn", HIN_API_TIME, RO, PERSONAL, 0, 0, NULL, NULL, "Last sign-in."},
    {"unlockTime", HIN_API_TIME, RO, PLAIN, 0, 0, NULL, NULL,
     "Locked until then, after too many wrong passwords."},
    {"unsuccessfulSignInAttempts", HIN_API_INT, RO, PLAIN, 0, 0, NULL, NULL,
     "Wrong passwords since the last right one."},
    {"oneTime", HIN_API_BOOL, RO, PLAIN, 0, 0, NULL, NULL,
     "The password is good for one sign-in, which must set another (Hinomi's own)."},
    {"passwordHash", HIN_API_TEXT, RO | HIN_API_HIDDEN, SENSITIVE, 0, 512, NULL, NULL,
     "Argon2id hash."},
    ID_ROW,
};
const struct hin_api_attributes hin_api_administrator =
    HIN_API_TABLE("Administrator", administrator_rows);

static const struct hin_api_attribute log_file_rows[] = {
    {"location", HIN_API_TEXT, HIN_API_REQUIRED | HIN_API_CLEAN, PLAIN, 2, HIN_POLICY_LOCATION_MAX,
     NULL, NULL, "Absolute glob, or journald."},
    {"format", HIN_API_CHOICE, 0, PLAIN, 0, 0,
     "syslog|snort-full|snort-fast|apache|iis|squid|nmapg|mysql-log|postgresql-log|dbj-multilog|"
     "eventlog|single-line-text-log|multi-line:N|json",
     NULL,
     "How lines are read; multi-line:N for a number N (1 to 1024) and json are Hinomi's own."},
};
static const struct hin_api_attributes log_file = HIN_API_TABLE("LogFile", log_file_rows);

static const struct hin_api_attribute log_files_rows[] = {
    {"logFiles", HIN_API_OBJECTS, 0, PLAIN, 0, HIN_POLICY_LOGS_MAX, NULL, &log_file,
     "The files watched for the rule."},
};
static const struct hin_api_attributes log_files = HIN_API_TABLE("LogFiles", log_files_rows);

static const struct hin_api_attribute rule_rows[] = {
    {"name", HIN_API_TEXT, HIN_API_REQUIRED | HIN_API_CLEAN, PLAIN, 1, 255, NULL, NULL,
     "Name of the rule."},
    {"description", HIN_API_TEXT, 0, PLAIN, 0, 4000, NULL, NULL, "Free text."},
    {"minimumAgentVersion", HIN_API_TEXT, RO, PLAIN, 0, 64, NULL, NULL,
     "Oldest agent that runs it."},
    {"minimumManagerVersion", HIN_API_TEXT, RO, PLAIN, 0, 64, NULL, NULL,
     "Oldest manager that serves it."},
    {"type", HIN_API_TEXT, RO, PLAIN, 0, 64, NULL, NULL,
     "Defined: shipped with Hinomi; Custom: imported or written here."},
    {"originalIssue", HIN_API_TIME, RO, PLAIN, 0, 0, NULL, NULL, "When it was stored first."},
    {"lastUpdated", HIN_API_TIME, RO, PLAIN, 0, 0, NULL, NULL, "When it was changed last."},
    {"identifier", HIN_API_TEXT, HIN_API_CLEAN, PLAIN, 0, HIN_POLICY_NAME_MAX, NULL, NULL,
     "The file's name."},
    {"template", HIN_API_CHOICE, 0, PLAIN, 0, 0, "basic-rule|custom", NULL,
     "custom: the whole text stands in ruleXML."},
    {"ruleID", HIN_API_INT, 0, PLAIN, 100000, 109999, NULL, NULL, "basic-rule: the rule's number."},
    {"level", HIN_API_INT, 0, PLAIN, 0, 15, NULL, NULL, "basic-rule: level."},
    {"groups", HIN_API_TEXTS, HIN_API_CLEAN, PLAIN, 0, 64, NULL, NULL, "basic-rule: groups."},
    {"ruleDescription", HIN_API_TEXT, HIN_API_CLEAN, PLAIN, 0, 1024, NULL, NULL,
     "basic-rule: what it means."},
    {"pattern", HIN_API_TEXT, 0, SENSITIVE, 0, 4096, NULL, NULL, "basic-rule: what to look for."},
    {"patternType", HIN_API_CHOICE, 0, PLAIN, 0, 0, "string|regex", NULL,
     "basic-rule: how the pattern is read."},
    {"dependency", HIN_API_CHOICE, 0, PLAIN, 0, 0, "none|rule|group", NULL,
     "basic-rule: what must have matched before."},
    {"dependencyRuleID", HIN_API_INT, 0, PLAIN, 0, ID_MAX, NULL, NULL,
     "basic-rule: that rule's number."},
    {"dependencyGroup", HIN_API_TEXT, HIN_API_CLEAN, PLAIN, 0, 255, NULL, NULL,
     "basic-rule: that group."},
    {"frequency", HIN_API_INT, 0, PLAIN, 0, 9999, NULL, NULL, "basic-rule: how often."},
    {"timeFrame", HIN_API_INT, 0, PLAIN, 0, 99999, NULL, NULL,
     "basic-rule: within so many seconds."},
    {"ruleXML", HIN_API_TEXT, 0, SENSITIVE, 0, HIN_API_RULE_XML_MAX, NULL, NULL,
     "custom: a file of OSSEC rules."},
    {"logFiles", HIN_API_OBJECT, 0, PLAIN, 0, 0, NULL, &log_files,
     "The files watched while the rule is assigned."},
    {"alertEnabled", HIN_API_BOOL, 0, PLAIN, 0, 0, NULL, NULL,
     "Kept for clients of the reference."},
    {"alertMinimumSeverity", HIN_API_INT, 0, PLAIN, 0, 15, NULL, NULL,
     "Kept for clients of the reference."},
    {"recommendationsMode", HIN_API_CHOICE, 0, PLAIN, 0, 0, "enabled|ignored|unknown|disabled",
     NULL, "Kept for clients of the reference."},
    {"sortOrder", HIN_API_INT, 0, PLAIN, 0, 1000000, NULL, NULL,
     "Files load in this order, then by ID."},
    {"canBeAssignedAlone", HIN_API_BOOL, RO, PLAIN, 0, 0, NULL, NULL,
     "Whether it needs no other rule."},
    {"dependsOnRuleIDs", HIN_API_INTS, 0, PLAIN, 1, HIN_API_LIST_MAX, NULL, NULL,
     "Rules that are assigned with it."},
    {"decoderIDs", HIN_API_INTS, 0, PLAIN, 1, HIN_API_LIST_MAX, NULL, NULL,
     "The loginspectiondecoders that it is written for (Hinomi's own)."},
    ID_ROW,
};
const struct hin_api_attributes hin_api_rule = HIN_API_TABLE("LogInspectionRule", rule_rows);

static const struct hin_api_attribute decoder_rows[] = {
    {"name", HIN_API_TEXT, HIN_API_REQUIRED | HIN_API_CLEAN, PLAIN, 1, 255, NULL, NULL,
     "Name of the decoder file."},
    {"description", HIN_API_TEXT, 0, PLAIN, 0, 4000, NULL, NULL, "Free text."},
    {"type", HIN_API_TEXT, RO, PLAIN, 0, 64, NULL, NULL,
     "Defined: shipped with Hinomi; Custom: imported or written here."},
    {"lastUpdated", HIN_API_TIME, RO, PLAIN, 0, 0, NULL, NULL, "When it was changed last."},
    {"identifier", HIN_API_TEXT, HIN_API_CLEAN, PLAIN, 0, HIN_POLICY_NAME_MAX, NULL, NULL,
     "The file's name."},
    {"decoderXML", HIN_API_TEXT, HIN_API_REQUIRED, SENSITIVE, 1, HIN_API_RULE_XML_MAX, NULL, NULL,
     "A file of OSSEC decoders."},
    {"sortOrder", HIN_API_INT, 0, PLAIN, 0, 1000000, NULL, NULL,
     "Files load in this order, then by ID."},
    ID_ROW,
};
const struct hin_api_attributes hin_api_decoder =
    HIN_API_TABLE("LogInspectionDecoder", decoder_rows);

static const struct hin_api_attribute policy_module_rows[] = {
    {"status", HIN_API_CHOICE, RO, PLAIN, 0, 0, module_statuses, NULL,
     "State over all computers of the policy."},
    {"statusMessage", HIN_API_TEXT, RO, PLAIN, 0, 0, NULL, NULL, "The same in words."},
};
static const struct hin_api_attributes policy_module =
    HIN_API_TABLE("PolicyModuleStatus", policy_module_rows);

static const struct hin_api_attribute policy_log_rows[] = {
    {"state", HIN_API_CHOICE, 0, PLAIN, 0, 0, "inherited|on|off", NULL,
     "Whether logs are watched."},
    {"moduleStatus", HIN_API_OBJECT, RO | HIN_API_COMPUTED, PLAIN, 0, 0, NULL, &policy_module,
     "State of the module."},
    {"ruleIDs", HIN_API_INTS, 0, PLAIN, 1, HIN_API_LIST_MAX, NULL, NULL,
     "Rules in addition to those of the parents."},
};
static const struct hin_api_attributes policy_log =
    HIN_API_TABLE("LogInspectionPolicyExtension", policy_log_rows);

static const struct hin_api_attribute policy_rows[] = {
    {"parentID", HIN_API_INT, 0, PLAIN, 0, ID_MAX, NULL, NULL,
     "The policy that it inherits from; 0 or absent: none."},
    {"name", HIN_API_TEXT, HIN_API_REQUIRED | HIN_API_CLEAN, PLAIN, 1, 255, NULL, NULL,
     "Name of the policy."},
    {"description", HIN_API_TEXT, 0, PLAIN, 0, 4000, NULL, NULL, "Free text."},
    {"recommendationScanMode", HIN_API_CHOICE, 0, PLAIN, 0, 0, "off|ongoing", NULL,
     "Kept for clients of the reference."},
    {"autoRequiresUpdate", HIN_API_CHOICE, 0, PLAIN, 0, 0, "off|on", NULL,
     "Kept for clients of the reference; changes are always sent."},
    {"logInspection", HIN_API_OBJECT, 0, PLAIN, 0, 0, NULL, &policy_log, "Log inspection."},
    ID_ROW,
};
const struct hin_api_attributes hin_api_policy = HIN_API_TABLE("Policy", policy_rows);

static const struct hin_api_attribute enrolment_token_rows[] = {
    {"description", HIN_API_TEXT, 0, SENSITIVE, 0, 4000, NULL, NULL, "Free text."},
    {"uses", HIN_API_INT, HIN_API_FIXED, PLAIN, 0, 1000000, NULL, NULL,
     "How many agents it admits; 0 or absent: any number."},
    {"ttl", HIN_API_INT, HIN_API_FIXED | HIN_API_WRITE_ONLY, PLAIN, 1, 366 * 86400, NULL, NULL,
     "Seconds that it is good for; absent: 24 hours."},
    {"policyID", HIN_API_INT, HIN_API_FIXED, PLAIN, 0, ID_MAX, NULL, NULL,
     "Policy of the computers admitted; absent: the default policy."},
    {"created", HIN_API_TIME, RO, PLAIN, 0, 0, NULL, NULL, "When it was made."},
    {"expiryDate", HIN_API_TIME, RO, PLAIN, 0, 0, NULL, NULL, "When it stops to work."},
    {"used", HIN_API_INT, RO, PLAIN, 0, 0, NULL, NULL, "How many agents it has admitted."},
    {"token", HIN_API_TEXT, RO | HIN_API_COMPUTED, SENSITIVE, 0, 255, NULL, NULL,
     "The token itself, shown once at creation."},
    {"tokenDigest", HIN_API_TEXT, RO | HIN_API_HIDDEN, SENSITIVE, 0, 64, NULL, NULL,
     "SHA-256 of the token."},
    ID_ROW,
};
const struct hin_api_attributes hin_api_enrolment_token =
    HIN_API_TABLE("EnrolmentToken", enrolment_token_rows);

static const struct hin_api_attribute session_rows[] = {
    {"username", HIN_API_TEXT, HIN_API_REQUIRED | HIN_API_CLEAN, PERSONAL, 1, 255, NULL, NULL,
     "Name to sign in with."},
    {"password", HIN_API_TEXT, HIN_API_REQUIRED | HIN_API_WRITE_ONLY, SENSITIVE, 1, 1024, NULL,
     NULL, "Password, or the one-time password."},
    {"newPassword", HIN_API_TEXT, HIN_API_WRITE_ONLY, SENSITIVE, 12, 1024, NULL, NULL,
     "Sets one's own password; needed with a one-time password."},
    {"keyName", HIN_API_TEXT, HIN_API_CLEAN, SENSITIVE, 1, 255, NULL, NULL,
     "Name of the API key that is made."},
    {"ttl", HIN_API_INT, HIN_API_WRITE_ONLY, PLAIN, 1, 90 * 86400, NULL, NULL,
     "Seconds that the key is good for; absent: 12 hours."},
    {"tenant", HIN_API_TEXT, HIN_API_CLEAN | HIN_API_WRITE_ONLY, PLAIN, 0, HIN_API_TENANT_NAME_MAX,
     NULL, NULL, "Name of the tenant; absent: the installation's own."},
};
const struct hin_api_attributes hin_api_session = HIN_API_TABLE("SignIn", session_rows);

static const struct hin_api_attribute tenant_rows[] = {
    {"name", HIN_API_TEXT, HIN_API_REQUIRED | HIN_API_FIXED | HIN_API_CLEAN, SENSITIVE, 1,
     HIN_API_TENANT_NAME_MAX, NULL, NULL, "Name of the tenant: letters, digits, dot, dash, space."},
    {"description", HIN_API_TEXT, 0, SENSITIVE, 0, 4000, NULL, NULL, "Free text."},
    {"guid", HIN_API_TEXT, RO, PLAIN, 0, 36, NULL, NULL,
     "The tenant's own identifier: names its database and its keys, stands in its agents' "
     "certificates."},
    {"tenantState", HIN_API_CHOICE, RO, PLAIN, 0, 0, "active|suspended|erasing|erased", NULL,
     "suspended: its keys, people and agents are refused, its data stays. erasing: its data cannot "
     "be read any more, the room it took is given back. erased: all is done, and certified."},
    {"created", HIN_API_TIME, RO, PLAIN, 0, 0, NULL, NULL, "When it was made."},
    {"certificate", HIN_API_TEXT, RO, PLAIN, 0, 36, NULL, NULL,
     "Identifier of the certificate of its erasure."},
    {"certificateID", HIN_API_INT, RO, PLAIN, 0, INT64_MAX, NULL, NULL,
     "ID of that certificate, among certificates."},
    {"erasure", HIN_API_TEXT, RO | HIN_API_HIDDEN, SENSITIVE, 0, 4096, NULL, NULL,
     "What its erasure goes on by."},
    {"administrator", HIN_API_TEXT, HIN_API_FIXED | HIN_API_WRITE_ONLY | HIN_API_CLEAN, PERSONAL, 1,
     255, NULL, NULL, "Name of its first administrator; admin unless given."},
    {"adminName", HIN_API_TEXT, HIN_API_FIXED | HIN_API_WRITE_ONLY | HIN_API_CLEAN, PERSONAL, 1,
     255, NULL, NULL, "That person's name."},
    {"adminEmail", HIN_API_TEXT, HIN_API_FIXED | HIN_API_WRITE_ONLY | HIN_API_CLEAN, PERSONAL, 3,
     255, NULL, NULL, "That person's e-mail address."},
    {"oneTimePassword", HIN_API_TEXT, RO | HIN_API_COMPUTED, SENSITIVE, 0, 255, NULL, NULL,
     "That administrator's one-time password, shown once at creation."},
    {"apiKey", HIN_API_TEXT, RO | HIN_API_COMPUTED, SENSITIVE, 0, 255, NULL, NULL,
     "A key with full access to the tenant, shown once at creation."},
    {"enrolmentToken", HIN_API_TEXT, RO | HIN_API_COMPUTED, SENSITIVE, 0, 255, NULL, NULL,
     "A token for its agents, good for 24 hours, shown once at creation."},
    ID_ROW,
};
const struct hin_api_attributes hin_api_tenant = HIN_API_TABLE("Tenant", tenant_rows);

static const struct hin_api_attribute tenant_erasure_rows[] = {
    {"tenant", HIN_API_TEXT, HIN_API_REQUIRED | HIN_API_CLEAN, SENSITIVE, 1,
     HIN_API_TENANT_NAME_MAX, NULL, NULL, "Name or number of the tenant that is to be erased."},
};
const struct hin_api_attributes hin_api_tenant_erasure =
    HIN_API_TABLE("TenantErasure", tenant_erasure_rows);

static const struct hin_api_attribute certificate_rows[] = {
    {"guid", HIN_API_TEXT, RO, PLAIN, 0, 36, NULL, NULL, "The certificate's own identifier."},
    {"kind", HIN_API_CHOICE, RO, PLAIN, 0, 0, "tenant|person|escrow", NULL,
     "Whose data was erased; or that a copy of the key ring was agreed to."},
    {"tenantID", HIN_API_INT, RO, PLAIN, 0, INT64_MAX, NULL, NULL, "Number of the tenant."},
    {"tenantName", HIN_API_TEXT, RO, SENSITIVE, 0, HIN_API_TENANT_NAME_MAX, NULL, NULL,
     "Name of the tenant."},
    {"done", HIN_API_TIME, RO, PLAIN, 0, 0, NULL, NULL, "When the erasure was done."},
    {"file", HIN_API_TEXT, RO, SENSITIVE, 0, 65536, NULL, NULL,
     "The certificate itself: hinomi certificate verify judges it with nothing but the "
     "authority's fingerprint."},
    ID_ROW,
};
const struct hin_api_attributes hin_api_certificate =
    HIN_API_TABLE("ErasureCertificate", certificate_rows);

static const struct hin_api_attribute evidence_rows[] = {
    {"guid", HIN_API_TEXT, RO, PLAIN, 0, 36, NULL, NULL, "The record's own identifier."},
    {"number", HIN_API_INT, RO, PLAIN, 1, INT64_MAX, NULL, NULL, "Its place in the chain."},
    {"probe", HIN_API_TEXT, RO, PLAIN, 0, 64, NULL, NULL, "Which probe it is of."},
    {"probeVersion", HIN_API_INT, RO, PLAIN, 1, INT64_MAX, NULL, NULL, "Which version of it."},
    {"outcome", HIN_API_CHOICE, RO, PLAIN, 0, 0, "proven|failed|not run", NULL, "What came of it."},
    {"observed", HIN_API_TIME, RO, PLAIN, 0, 0, NULL, NULL, "When it was tried."},
    {"validUntil", HIN_API_TIME, RO, PLAIN, 0, 0, NULL, NULL, "From then on it is stale."},
    {"reason", HIN_API_TEXT, RO, PLAIN, 0, 1024, NULL, NULL, "Why it is not proven."},
    {"file", HIN_API_TEXT, RO, PLAIN, 0, 65536, NULL, NULL,
     "The record itself: hinomi evidence verify judges it with nothing but the authority's "
     "fingerprint."},
    ID_ROW,
};
const struct hin_api_attributes hin_api_evidence = HIN_API_TABLE("Evidence", evidence_rows);

static const struct hin_api_attribute probe_request_rows[] = {
    {"probes", HIN_API_TEXTS, HIN_API_CLEAN, PLAIN, 1, 64, NULL, NULL,
     "Names of the probes that are to run; absent: all."},
};
const struct hin_api_attributes hin_api_probe_request =
    HIN_API_TABLE("ProbeRequest", probe_request_rows);

static const struct hin_api_attribute evidence_loss_rows[] = {
    {"first", HIN_API_INT, HIN_API_REQUIRED, PLAIN, 1, INT64_MAX, NULL, NULL,
     "Number of the first record that is lost."},
    {"last", HIN_API_INT, HIN_API_REQUIRED, PLAIN, 1, INT64_MAX, NULL, NULL,
     "Number of the last one."},
    {"note", HIN_API_TEXT, HIN_API_REQUIRED | HIN_API_CLEAN, SENSITIVE, 1, 255, NULL, NULL,
     "What is known about why."},
};
const struct hin_api_attributes hin_api_evidence_loss =
    HIN_API_TABLE("EvidenceLoss", evidence_loss_rows);

static const struct hin_api_attribute export_rows[] = {
    {"guid", HIN_API_TEXT, RO, PLAIN, 0, 36, NULL, NULL, "The export's own identifier."},
    {"keyID", HIN_API_TEXT, RO, PLAIN, 0, 32, NULL, NULL,
     "Which key of the tenant's key table opens it."},
    {"taken", HIN_API_TIME, RO, PLAIN, 0, 0, NULL, NULL, "When it was begun."},
    {"by", HIN_API_TEXT, RO, PERSONAL, 0, 255, NULL, NULL, "Who took it."},
    {"lastEventID", HIN_API_INT, RO, PLAIN, 0, INT64_MAX, NULL, NULL, "The last event in it."},
    {"lastAuditID", HIN_API_INT, RO, PLAIN, 0, INT64_MAX, NULL, NULL,
     "The last audit entry in it."},
    {"tenant", HIN_API_TEXT, RO, PLAIN, 0, 36, NULL, NULL, "GUID of the tenant."},
    {"tenantID", HIN_API_INT, RO, PLAIN, 0, INT64_MAX, NULL, NULL, "Number of the tenant."},
    ID_ROW,
};
const struct hin_api_attributes hin_api_export = HIN_API_TABLE("Export", export_rows);

static const struct hin_api_attribute export_cursor_rows[] = {
    {"record", HIN_API_INT, HIN_API_REQUIRED, PLAIN, 0, INT64_MAX - 1, NULL, NULL,
     "Number of the record that is wanted, from 1."},
    {"kind", HIN_API_INT, HIN_API_REQUIRED, PLAIN, 0, INT64_MAX - 1, NULL, NULL,
     "What it begins with: from 1, then as the last answer said."},
    {"after", HIN_API_INT, HIN_API_REQUIRED, PLAIN, 0, INT64_MAX - 1, NULL, NULL,
     "The ID behind which it goes on; 0 at first."},
    {"documents", HIN_API_INT, HIN_API_REQUIRED, PLAIN, 0, INT64_MAX - 1, NULL, NULL,
     "Documents so far."},
    {"events", HIN_API_INT, HIN_API_REQUIRED, PLAIN, 0, INT64_MAX - 1, NULL, NULL,
     "Events so far."},
    {"audit", HIN_API_INT, HIN_API_REQUIRED, PLAIN, 0, INT64_MAX - 1, NULL, NULL,
     "Audit entries so far."},
    {"damaged", HIN_API_INT, HIN_API_REQUIRED, PLAIN, 0, INT64_MAX - 1, NULL, NULL,
     "Damaged things left out so far."},
};
const struct hin_api_attributes hin_api_export_cursor =
    HIN_API_TABLE("ExportCursor", export_cursor_rows);

static const struct hin_api_attribute key_rotation_rows[] = {
    {"key", HIN_API_CHOICE, HIN_API_REQUIRED, PLAIN, 0, 0, "master|wrapping|tenant|data|index",
     NULL,
     "Which key: the installation's wrapping key, the tenant's, the tenant key, the data keys."},
};
const struct hin_api_attributes hin_api_key_rotation =
    HIN_API_TABLE("KeyRotation", key_rotation_rows);

static const struct hin_api_attribute key_retirement_rows[] = {
    {"key", HIN_API_CHOICE, HIN_API_REQUIRED, PLAIN, 0, 0, "master|wrapping|tenant|index", NULL,
     "Which key: the installation's wrapping key, the tenant's, the tenant key, the index key."},
    {"version", HIN_API_INT, HIN_API_REQUIRED, PLAIN, 1, UINT32_MAX, NULL, NULL,
     "The version that is destroyed."},
};
const struct hin_api_attributes hin_api_key_retirement =
    HIN_API_TABLE("KeyRetirement", key_retirement_rows);

static const struct hin_api_attribute key_escrow_rows[] = {
    {"guid", HIN_API_TEXT, RO, PLAIN, 0, 36, NULL, NULL, "Its own identifier."},
    {"label", HIN_API_TEXT, RO, SENSITIVE, 0, 63, NULL, NULL, "Where it is kept, in words."},
    {"state", HIN_API_CHOICE, RO, PLAIN, 0, 0, "agreed|written|forgotten", NULL,
     "agreed: perhaps made; written: its receipt was noted; forgotten: said to be destroyed."},
    {"requestedBy", HIN_API_TEXT, RO, PERSONAL, 0, 95, NULL, NULL, "Who asked for it."},
    {"confirmedBy", HIN_API_TEXT, RO, PERSONAL, 0, 95, NULL, NULL, "Who agreed."},
    {"agreed", HIN_API_TIME, RO, PLAIN, 0, 0, NULL, NULL, "When."},
    {"certificateID", HIN_API_INT, RO, PLAIN, 0, INT64_MAX, NULL, NULL,
     "ID of the certificate that lets it be written, among certificates."},
    {"written", HIN_API_TIME, RO, PLAIN, 0, 0, NULL, NULL, "When it was written."},
    {"generation", HIN_API_INT, RO, PLAIN, 0, INT64_MAX, NULL, NULL,
     "Of the key ring when it was copied: it grows with each change."},
    {"digest", HIN_API_TEXT, RO, PLAIN, 0, 64, NULL, NULL, "SHA-256 of the file."},
    {"forgotten", HIN_API_TIME, RO, PLAIN, 0, 0, NULL, NULL, "When it was said to be destroyed."},
    {"forgottenBy", HIN_API_TEXT, RO, PERSONAL, 0, 95, NULL, NULL, "Who said so."},
    {"note", HIN_API_TEXT, RO, SENSITIVE, 0, 255, NULL, NULL, "In which words."},
    ID_ROW,
};
const struct hin_api_attributes hin_api_key_escrow = HIN_API_TABLE("KeyEscrow", key_escrow_rows);

static const struct hin_api_attribute key_escrow_label_rows[] = {
    {"label", HIN_API_TEXT, HIN_API_REQUIRED | HIN_API_CLEAN, SENSITIVE, 1, 63, NULL, NULL,
     "Where the copy is going to be kept, in words."},
};
const struct hin_api_attributes hin_api_key_escrow_label =
    HIN_API_TABLE("KeyEscrowLabel", key_escrow_label_rows);

static const struct hin_api_attribute key_escrow_receipt_rows[] = {
    {"receipt", HIN_API_TEXT, HIN_API_REQUIRED | HIN_API_CLEAN, PLAIN, 1, 191, NULL, NULL,
     "What `hinomi-manager escrow` printed."},
};
const struct hin_api_attributes hin_api_key_escrow_receipt =
    HIN_API_TABLE("KeyEscrowReceipt", key_escrow_receipt_rows);

static const struct hin_api_attribute key_escrow_note_rows[] = {
    {"note", HIN_API_TEXT, HIN_API_REQUIRED | HIN_API_CLEAN, SENSITIVE, 1, 255, NULL, NULL,
     "How the copy was destroyed, or why there is none."},
};
const struct hin_api_attributes hin_api_key_escrow_note =
    HIN_API_TABLE("KeyEscrowNote", key_escrow_note_rows);

static const struct hin_api_attribute key_holder_rows[] = {
    {"name", HIN_API_TEXT, HIN_API_REQUIRED | HIN_API_CLEAN, PERSONAL, 1, 63, NULL, NULL,
     "The person's name."},
};
const struct hin_api_attributes hin_api_key_holder = HIN_API_TABLE("KeyHolder", key_holder_rows);

static const struct hin_api_attribute key_holder_limit_rows[] = {
    {"limit", HIN_API_INT, HIN_API_REQUIRED, PLAIN, 1, 16, NULL, NULL,
     "How many key holders there may be."},
};
const struct hin_api_attributes hin_api_key_holder_limit =
    HIN_API_TABLE("KeyHolderLimit", key_holder_limit_rows);

static const struct hin_api_attribute key_holder_names_rows[] = {
    {"names", HIN_API_TEXTS, HIN_API_REQUIRED | HIN_API_CLEAN, PERSONAL, 1, 16, NULL, NULL,
     "The persons' names."},
};
const struct hin_api_attributes hin_api_key_holder_names =
    HIN_API_TABLE("KeyHolderNames", key_holder_names_rows);

static const struct hin_api_attribute person_condition_rows[] = {
    {"field", HIN_API_TEXT, HIN_API_REQUIRED | HIN_API_CLEAN, PLAIN, 1, 255, NULL, NULL,
     "A field of events whose data class is personal."},
    {"value", HIN_API_TEXT, HIN_API_REQUIRED, PERSONAL, 1, 8192, NULL, NULL,
     "What it holds; the whole of it."},
};
static const struct hin_api_attributes person_condition =
    HIN_API_TABLE("PersonCondition", person_condition_rows);

static const struct hin_api_attribute person_rows[] = {
    {"where", HIN_API_OBJECTS, HIN_API_REQUIRED, PLAIN, 0, 8, NULL, &person_condition,
     "All must hold."},
    {"since", HIN_API_INT, 0, PLAIN, 0, ID_MAX, NULL, NULL, "Not before (milliseconds)."},
    {"until", HIN_API_INT, 0, PLAIN, 0, ID_MAX, NULL, NULL, "Before (milliseconds)."},
    {"after", HIN_API_INT, 0, PLAIN, 0, ID_MAX, NULL, NULL,
     "Go on behind this ID: resumeID of the answer before."},
};
const struct hin_api_attributes hin_api_person = HIN_API_TABLE("Person", person_rows);

static const struct hin_api_attribute person_erase_rows[] = {
    {"where", HIN_API_OBJECTS, HIN_API_REQUIRED, PLAIN, 0, 8, NULL, &person_condition,
     "All must hold."},
};
const struct hin_api_attributes hin_api_person_erase =
    HIN_API_TABLE("PersonErase", person_erase_rows);

static const struct hin_api_attribute person_erasure_rows[] = {
    {"guid", HIN_API_TEXT, RO, PLAIN, 0, 36, NULL, NULL,
     "The identifier that its certificate will have."},
    {"state", HIN_API_CHOICE, RO, PLAIN, 0, 0, "counting|rewriting|shredding|certifying|done", NULL,
     "How far it is: done, it is certified."},
    {"requestedBy", HIN_API_TEXT, RO, PERSONAL, 0, 255, NULL, NULL, "Who asked for it."},
    {"requested", HIN_API_TIME, RO, PLAIN, 0, 0, NULL, NULL, "When."},
    {"untilID", HIN_API_INT, RO, PLAIN, 0, INT64_MAX, NULL, NULL,
     "The last event that it looks at: the last there was when it was asked for."},
    {"resumeID", HIN_API_INT, RO, PLAIN, 0, INT64_MAX, NULL, NULL,
     "The event that counting or rewriting has come to."},
    {"events", HIN_API_INT, RO, PLAIN, 0, INT64_MAX, NULL, NULL, "Events of the person."},
    {"segments", HIN_API_INT, RO, PLAIN, 0, INT64_MAX, NULL, NULL, "Segments they lay in."},
    {"damaged", HIN_API_INT, RO, PLAIN, 0, INT64_MAX, NULL, NULL,
     "Damaged segments and events, which open to nobody."},
    {"certificateID", HIN_API_INT, RO, PLAIN, 0, INT64_MAX, NULL, NULL,
     "ID of the certificate, among certificates."},
    {"where", HIN_API_OBJECTS, RO | HIN_API_HIDDEN, PERSONAL, 0, 8, NULL, &person_condition,
     "What selects the person; digests once the values are not needed."},
    ID_ROW,
};
const struct hin_api_attributes hin_api_person_erasure =
    HIN_API_TABLE("PersonErasure", person_erasure_rows);

static const struct hin_api_attribute retention_module_rows[] = {
#define X(symbol, name, class_uid, whose, text)                                                    \
    {(name), HIN_API_INT, 0, PLAIN, 0, HIN_KEEP_DAYS_MAX, NULL, NULL, (text)},
    HIN_EVENT_MODULES(X)
#undef X
};
static const struct hin_api_attributes retention_modules =
    HIN_API_TABLE("RetentionModules", retention_module_rows);

static const struct hin_api_attribute retention_due_rows[] = {
    {"events", HIN_API_INT, RO, PLAIN, 0, 0, NULL, NULL,
     "At most so many; those of segments that hold other modules' too are counted whole."},
    {"days", HIN_API_INT, RO, PLAIN, 0, 0, NULL, NULL, "On which so many days were stored."},
    {"first", HIN_API_TIME, RO, PLAIN, 0, 0, NULL, NULL, "The first of these; absent: none."},
};
static const struct hin_api_attributes retention_due =
    HIN_API_TABLE("RetentionDue", retention_due_rows);

static const struct hin_api_attribute retention_rows[] = {
    {"keepDays", HIN_API_INT, 0, PLAIN, 0, HIN_KEEP_DAYS_MAX, NULL, NULL,
     "Whole days that the tenant's events are kept, 0: for ever; absent or null: as the "
     "installation's."},
    {"modules", HIN_API_OBJECT, 0, PLAIN, 0, 0, NULL, &retention_modules,
     "The same for the events of one module; absent or null: as the tenant's."},
    {"confirm", HIN_API_BOOL, HIN_API_WRITE_ONLY, PLAIN, 0, 0, NULL, NULL,
     "Set where a shorter time would drop events now: else it is refused, and says how many."},
    {"installationKeepDays", HIN_API_INT, RO | HIN_API_COMPUTED, PLAIN, 0, 0, NULL, NULL,
     "What holds where nothing is set: keepDays of the manager's settings."},
    {"inForce", HIN_API_OBJECT, RO | HIN_API_COMPUTED, PLAIN, 0, 0, NULL, &retention_modules,
     "What holds for each module."},
    {"due", HIN_API_OBJECT, RO | HIN_API_COMPUTED, PLAIN, 0, 0, NULL, &retention_due,
     "What the next round drops."},
};
const struct hin_api_attributes hin_api_retention = HIN_API_TABLE("Retention", retention_rows);

static const struct hin_api_attribute person_correct_rows[] = {
    {"where", HIN_API_OBJECTS, HIN_API_REQUIRED, PLAIN, 0, 8, NULL, &person_condition,
     "Whose events: all must hold."},
    {"set", HIN_API_OBJECTS, HIN_API_REQUIRED, PLAIN, 0, 8, NULL, &person_condition,
     "Which fields get which values; not the raw line."},
    {"note", HIN_API_TEXT, HIN_API_CLEAN, PERSONAL, 0, 255, NULL, NULL,
     "Why: each corrected event bears it."},
};
const struct hin_api_attributes hin_api_person_correct =
    HIN_API_TABLE("PersonCorrect", person_correct_rows);

static const struct hin_api_attribute person_correction_rows[] = {
    {"guid", HIN_API_TEXT, RO, PLAIN, 0, 36, NULL, NULL, "Its identifier."},
    {"state", HIN_API_CHOICE, RO, PLAIN, 0, 0, "counting|rewriting|done", NULL, "How far it is."},
    {"requestedBy", HIN_API_TEXT, RO, PERSONAL, 0, 255, NULL, NULL, "Who asked for it."},
    {"requested", HIN_API_TIME, RO, PLAIN, 0, 0, NULL, NULL, "When."},
    {"untilID", HIN_API_INT, RO, PLAIN, 0, INT64_MAX, NULL, NULL,
     "The last event that it looks at: the last there was when it was asked for."},
    {"resumeID", HIN_API_INT, RO, PLAIN, 0, INT64_MAX, NULL, NULL,
     "The event that counting or rewriting has come to."},
    {"events", HIN_API_INT, RO, PLAIN, 0, INT64_MAX, NULL, NULL, "Events of the person."},
    {"segments", HIN_API_INT, RO, PLAIN, 0, INT64_MAX, NULL, NULL, "Segments they lie in."},
    {"damaged", HIN_API_INT, RO, PLAIN, 0, INT64_MAX, NULL, NULL,
     "Damaged segments and events, which open to nobody."},
    {"auditID", HIN_API_INT, RO, PLAIN, 0, INT64_MAX, NULL, NULL,
     "The entry of the audit record that the events bear the number of."},
    {"note", HIN_API_TEXT, RO, PERSONAL, 0, 255, NULL, NULL, "Why."},
    {"where", HIN_API_OBJECTS, RO | HIN_API_HIDDEN, PERSONAL, 0, 8, NULL, &person_condition,
     "What selects the person; digests once it is done."},
    {"set", HIN_API_OBJECTS, RO | HIN_API_HIDDEN, PERSONAL, 0, 8, NULL, &person_condition,
     "The fields, and until it is done the values they get."},
    ID_ROW,
};
const struct hin_api_attributes hin_api_person_correction =
    HIN_API_TABLE("PersonCorrection", person_correction_rows);

static const struct hin_api_attribute search_criteria_rows[] = {
    {"fieldName", HIN_API_TEXT, HIN_API_CLEAN, PLAIN, 1, 255, NULL, NULL,
     "The attribute that is looked at."},
    {"booleanTest", HIN_API_BOOL, 0, PLAIN, 0, 0, NULL, NULL, "Equal to this."},
    {"numericTest", HIN_API_CHOICE, 0, PLAIN, 0, 0, number_tests, NULL,
     "How numericValue compares."},
    {"numericValue", HIN_API_INT, 0, PLAIN, INT64_MIN, INT64_MAX, NULL, NULL,
     "Number to compare with."},
    {"stringTest", HIN_API_CHOICE, 0, PLAIN, 0, 0, "equal|not-equal", NULL,
     "How stringValue compares."},
    {"stringValue", HIN_API_TEXT, 0, PLAIN, 0, 4096, NULL, NULL, "Text to compare with."},
    {"stringWildcards", HIN_API_BOOL, 0, PLAIN, 0, 0, NULL, NULL,
     "In stringValue % stands for any text, _ for any character."},
    {"choiceTest", HIN_API_CHOICE, 0, PLAIN, 0, 0, "equal|not-equal", NULL,
     "How choiceValue compares."},
    {"choiceValue", HIN_API_TEXT, 0, PLAIN, 0, 255, NULL, NULL, "Choice to compare with."},
    {"firstDateValue", HIN_API_INT, 0, PLAIN, 0, ID_MAX, NULL, NULL, "Not before (milliseconds)."},
    {"firstDateInclusive", HIN_API_BOOL, 0, PLAIN, 0, 0, NULL, NULL,
     "That moment included; absent: yes."},
    {"lastDateValue", HIN_API_INT, 0, PLAIN, 0, ID_MAX, NULL, NULL, "Not after (milliseconds)."},
    {"lastDateInclusive", HIN_API_BOOL, 0, PLAIN, 0, 0, NULL, NULL,
     "That moment included; absent: yes."},
    {"nullTest", HIN_API_BOOL, 0, PLAIN, 0, 0, NULL, NULL,
     "true: the attribute is absent; false: it is there."},
    {"versionTest", HIN_API_CHOICE, 0, PLAIN, 0, 0, number_tests, NULL,
     "How versionValue compares."},
    {"versionValue", HIN_API_TEXT, HIN_API_CLEAN, PLAIN, 0, 64, NULL, NULL,
     "Version to compare with: numbers between dots."},
    {"idValue", HIN_API_INT, 0, PLAIN, 0, ID_MAX, NULL, NULL, "ID to compare with."},
    {"idTest", HIN_API_CHOICE, 0, PLAIN, 0, 0, number_tests, NULL, "How idValue compares."},
};
static const struct hin_api_attributes search_criteria =
    HIN_API_TABLE("SearchCriteria", search_criteria_rows);

static const struct hin_api_attribute search_filter_rows[] = {
    {"maxItems", HIN_API_INT, 0, PLAIN, 1, 5000, NULL, NULL, "Most objects in the answer."},
    {"searchCriteria", HIN_API_OBJECTS, 0, PLAIN, 0, 64, NULL, &search_criteria, "All must hold."},
    {"sortByObjectID", HIN_API_BOOL, 0, PLAIN, 0, 0, NULL, NULL, "Ascending by ID."},
};
const struct hin_api_attributes hin_api_search_filter =
    HIN_API_TABLE("SearchFilter", search_filter_rows);

static const struct hin_api_attribute id_list_rows[] = {
    {"ids", HIN_API_INTS, HIN_API_REQUIRED, PLAIN, 1, HIN_API_LIST_MAX, NULL, NULL,
     "The IDs meant."},
};
const struct hin_api_attributes hin_api_id_list = HIN_API_TABLE("IDList", id_list_rows);
