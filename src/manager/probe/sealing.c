/* Sealing: what was given to the store is looked for where it lies. */
#include <stdio.h>

#include "base/bytes.h"
#include "data/json.h"
#include "manager/probe/probes.h"
#include "store/documents.h"
#include "store/trial.h"

enum { CANARY_MAX = 128, DOCUMENT_MAX = 65536 };

struct hunt {
    const struct hin_probe_tools *tools;
    struct hin_trial *trial;
    int64_t tenants, planted, sought, found;
    uint64_t bytes;
};

static void tell_closed(void *context, const struct hin_tenant *tenant, struct hin_result why)
{
    struct hunt *hunt = context;
    hin_trial_obstacle(hunt->trial, "the database of tenant %lld does not open: %s",
                       (long long)tenant->number, hin_code_text(why.code));
}

static void count_search(struct hunt *hunt, const struct hin_store_search *search, size_t count)
{
    hunt->bytes += search->bytes;
    hunt->sought += (int64_t)count;
    hunt->found += (int64_t)search->found_count;
}

/* Looks for all of it on this tenant's disk; *what says what was found. */
static HIN_RESULT search(struct hunt *hunt, struct hin_tenant *tenant,
                         const struct hin_view *needles, size_t count, const char *what)
{
    struct hin_store_search search = {0};
    struct hin_store_options options = {
        .directory = tenant->place.directory, .tenant = tenant->id, .server = tenant->place.server};
    HIN_TRY(hin_store_search_plain(tenant->store, &options, needles, count, &search));
    if (!search.control) {
        hin_trial_obstacle(hunt->trial,
                           "the search did not even find what lies in the clear with tenant %lld",
                           (long long)tenant->number);
        return hin_ok();
    }
    if (hunt->tenants++ == 0) {
        hin_trial_input(hunt->trial, "looked through", "%s", search.where);
    }
    count_search(hunt, &search, count);
    if (search.found_count > 0) {
        hin_trial_fail(hunt->trial, "%s of tenant %lld lies on the disk in the clear, %s", what,
                       (long long)tenant->number, search.form);
    }
    return hin_ok();
}

/* A server's own files, where this process has them; and what of them it could not read. */
static HIN_RESULT search_files(struct hunt *hunt, const struct hin_view *needles, size_t count,
                               const char *what)
{
    struct hin_store_search search = {0};
    if (hunt->tools->own->place.server == NULL) {
        return hin_ok(); /* the files are all that there is, and were looked through */
    }
    if (hunt->tools->store_files == NULL) {
        hin_trial_input(hunt->trial, "not looked through",
                        "the database server's files and write-ahead log: they are not named "
                        "(storeFiles)");
        return hin_ok();
    }
    HIN_TRY(hin_store_search_files(*hunt->tools->store_files, needles, count, &search));
    count_search(hunt, &search, count);
    hin_trial_measure(hunt->trial, "files of the server that could not be read",
                      (int64_t)search.unread);
    if (search.found_count > 0) {
        hin_trial_fail(hunt->trial, "%s lies in the database server's files in the clear, %s", what,
                       search.form);
    }
    /* What may not be read at all was not looked through; the rows were. */
    hin_trial_input(hunt->trial, search.control ? "looked through too" : "not looked through",
                    search.control ? "%s"
                                   : "%s: not even what lies there in the clear was found, or they "
                                     "may not be read",
                    search.where);
    return hin_ok();
}

static void measure(struct hunt *hunt)
{
    hin_trial_measure(hunt->trial, "tenants looked through", hunt->tenants);
    hin_trial_measure(hunt->trial, "bytes looked through", (int64_t)hunt->bytes);
    hin_trial_measure(hunt->trial, "texts sought", hunt->sought);
    hin_trial_measure(hunt->trial, "texts found in the clear", hunt->found);
}

/* ---- sealing-canary ---- */

/* The same for ever, and no secret: whoever has the disk may look for it too. */
#define CANARY "hinomi canary, sealed or not? "

static void name_canary(const struct hin_tenant *tenant, char canary[CANARY_MAX])
{
    snprintf(canary, CANARY_MAX, CANARY "%s", tenant->id);
}

static struct hin_view canary_name(void)
{
    return HIN_VIEW("canary");
}

/* As any other document is stored. */
static HIN_RESULT plant(struct hin_tenant *tenant, const char *canary)
{
    int64_t id = 0;
    struct hin_store_content content = {.bytes = hin_view_from_text(canary),
                                        .names = {canary_name()}};
    return hin_store_create(tenant->store, HIN_STORE_PROBE_STATES, &content,
                            hin_tenant_now_usec(tenant), &id);
}

/* It is there, and opens: what is not there cannot be found. */
static HIN_RESULT make_sure(struct hin_tenant *tenant, const char *canary)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = DOCUMENT_MAX};
    struct hin_store_document document;
    struct hin_result found =
        hin_store_find(tenant->store, HIN_STORE_PROBE_STATES, 0, canary_name(), &text, &document);
    if (found.code == HIN_NOT_FOUND) {
        HIN_TRY(plant(tenant, canary));
        found = hin_store_find(tenant->store, HIN_STORE_PROBE_STATES, 0, canary_name(), &text,
                               &document);
    }
    HIN_TRY(found);
    HIN_ENSURE(hin_view_is(hin_buf_view(&text), canary), CORRUPT);
    return hin_ok();
}

static struct hin_result hunt_canary(void *context, struct hin_tenant *tenant)
{
    struct hunt *hunt = context;
    char canary[CANARY_MAX];
    name_canary(tenant, canary);
    struct hin_view needle = hin_view_from_text(canary);
    struct hin_result sought = make_sure(tenant, canary);
    if (hin_is_ok(sought)) {
        hunt->planted++;
        sought = search(hunt, tenant, &needle, 1, "the canary");
    }
    if (!hin_is_ok(sought)) {
        hin_trial_obstacle(hunt->trial, "with tenant %lld it could not be tried: %s",
                           (long long)tenant->number, hin_code_text(sought.code));
    }
    return hin_ok();
}

static struct hin_result run_canary(const struct hin_probe_tools *tools, struct hin_trial *trial)
{
    static const struct hin_view common = {(const uint8_t *)CANARY, sizeof(CANARY) - 1};
    struct hunt hunt = {.tools = tools, .trial = trial};
    hin_trial_input(trial, "canary", CANARY "TENANT'S UUID");
    hin_trial_input(trial, "sought", "%s", HIN_STORE_SEARCH_FORMS);
    HIN_TRY(tools->each_tenant(tools->context, hunt_canary, tell_closed, &hunt));
    HIN_TRY(search_files(&hunt, &common, 1, "a canary"));
    hin_trial_measure(trial, "canaries that open", hunt.planted);
    measure(&hunt);
    hin_trial_tried(trial);
    return hin_ok();
}

const struct hin_probe hin_probe_sealing_canary = {
    .name = "sealing-canary",
    .version = 2,
    .cadence_usec = HIN_DAY_USEC,
    .needs = "the tenants' databases",
    .run = run_canary,
};

/* ---- contacts-sealed ---- */

struct contact {
    struct hunt *hunt;
    struct hin_tenant *tenant;
    char name[HIN_STORE_NEEDLE_MOST], mail[HIN_STORE_NEEDLE_MOST];
};

static void keep_needle(struct hin_json root, const char *key, char out[HIN_STORE_NEEDLE_MOST])
{
    struct hin_view text = HIN_VIEW_EMPTY;
    if (hin_is_ok(hin_json_opt_text(root, key, &text, NULL)) &&
        text.size >= HIN_STORE_NEEDLE_LEAST && text.size < HIN_STORE_NEEDLE_MOST) {
        HIN_IGNORE(
            hin_view_to_text(text, out, HIN_STORE_NEEDLE_MOST)); /* with a NUL inside: none */
    }
}

static struct hin_result read_contact(void *context, const struct hin_store_document *document)
{
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *parsed = NULL;
    struct contact *contact = context;
    HIN_TRY(hin_json_parse(document->bytes, DOCUMENT_MAX, &parsed, NULL));
    keep_needle(hin_json_root(parsed), "fullName", contact->name);
    keep_needle(hin_json_root(parsed), "emailAddress", contact->mail);
    return hin_ok();
}

static HIN_RESULT seek_contact(struct contact *contact)
{
    struct hin_store_page first = {.limit = 1};
    struct hin_store_listed listed;
    struct hin_view needles[2];
    size_t count = 0;
    HIN_TRY(hin_store_list(contact->tenant->store, HIN_STORE_ADMINISTRATORS, &first, read_contact,
                           contact, &listed));
    const char *const texts[] = {contact->mail, contact->name};
    for (size_t i = 0; i < HIN_COUNT(texts); i++) {
        if (texts[i][0] != '\0') {
            needles[count++] = hin_view_from_text(texts[i]);
        }
    }
    return count > 0 ? search(contact->hunt, contact->tenant, needles, count,
                              "name or e-mail address of the first administrator")
                     : hin_ok();
}

static struct hin_result hunt_contact(void *context, struct hin_tenant *tenant)
{
    struct hunt *hunt = context;
    struct contact contact = {.hunt = hunt, .tenant = tenant};
    struct hin_result sought = seek_contact(&contact);
    hin_wipe(contact.name, sizeof(contact.name));
    hin_wipe(contact.mail, sizeof(contact.mail));
    if (!hin_is_ok(sought)) {
        hin_trial_obstacle(hunt->trial, "with tenant %lld it could not be tried: %s",
                           (long long)tenant->number, hin_code_text(sought.code));
    }
    return hin_ok();
}

static struct hin_result run_contacts(const struct hin_probe_tools *tools, struct hin_trial *trial)
{
    struct hunt hunt = {.tools = tools, .trial = trial};
    hin_trial_input(trial, "sought",
                    "name and e-mail address of each tenant's first "
                    "administrator, of at least %d bytes; each %s",
                    (int)HIN_STORE_NEEDLE_LEAST, HIN_STORE_SEARCH_FORMS);
    if (tools->own->place.server != NULL) {
        hin_trial_input(trial, "not looked through",
                        "the database server's files and write-ahead log: the probe sealing-canary "
                        "is about them");
    }
    HIN_TRY(tools->each_tenant(tools->context, hunt_contact, tell_closed, &hunt));
    measure(&hunt);
    if (hunt.sought == 0) {
        hin_trial_obstacle(trial, "no tenant's first administrator has a name or an e-mail "
                                  "address: init and tenant create take --admin-name and "
                                  "--admin-email");
        return hin_ok();
    }
    hin_trial_tried(trial);
    return hin_ok();
}

const struct hin_probe hin_probe_contacts_sealed = {
    .name = "contacts-sealed",
    .version = 2,
    .cadence_usec = HIN_DAY_USEC,
    .needs = "a name or an e-mail address of a tenant's first administrator",
    .run = run_contacts,
};
