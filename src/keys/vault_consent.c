/* A key holder's consent to a restore while the manager runs (decision 43): a ticket that `keys`
 * makes when a holder's key is shown, and takes back from the process that restores. Nothing of it
 * is stored: the ticket says it all, and one that is older than the tenant's last restore record
 * counts no more, so none counts twice. */
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/codec.h"
#include "crypt/hash.h"
#include "keys/vault_internal.h"

#define TICKET_VERSION 1
#define DOMAIN         "hinomi restore consent v1\n"
#define NUMBER_MAX     ((uint64_t)INT64_MAX)

struct ticket {
    uint64_t time_usec;
    struct hin_view subject;
    char holder[HIN_RESTORE_NAME_BYTES];
};

/* Ticket: u8 version, u64 time, subject (32 bytes), holder (bytes), HMAC over domain, tenant
 * (bytes), all before. */
static HIN_RESULT sum(const struct hin_vault *vault, struct hin_view tenant, struct hin_view said,
                      uint8_t ret_sum[HIN_SHA256_BYTES])
{
    HIN_CLEANUP(hin_secret_done) struct hin_secret service = {0}, key = {0};
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = 512};
    struct hin_hmac *hmac = NULL;
    HIN_TRY(hin_write_bytes(&text, tenant));
    HIN_TRY(hin_buf_append(&text, said));
    HIN_TRY(hin_vault_open_own(vault, HIN_VAULT_OWN_SERVICE, &service));
    HIN_TRY(hin_hkdf(hin_secret_view(&service), HIN_VIEW_EMPTY, HIN_VIEW(DOMAIN), HIN_SHA256_BYTES,
                     &key));
    HIN_TRY(hin_hmac_new(&hmac, hin_secret_view(&key)));
    struct hin_result summed = hin_hmac_sum(hmac, HIN_VIEW(DOMAIN), hin_buf_view(&text), ret_sum);
    hin_hmac_free(hmac);
    return summed;
}

/* ---- given ---- */

static HIN_RESULT consent(struct hin_vault *vault, struct hin_view id,
                          const struct hin_vault_consent *consent, struct hin_buf *ret_ticket)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf said = {.max = HIN_VAULT_TICKET_MAX};
    struct hin_vault_tenant *tenant = NULL;
    struct hin_vault_holder holder;
    uint8_t hmac[HIN_SHA256_BYTES];
    HIN_TRY(hin_vault_find(vault, id, &tenant));
    HIN_TRY(hin_vault_holder_find(vault, consent->holder, &holder));
    HIN_TRY(hin_write_u8(&said, TICKET_VERSION));
    HIN_TRY(hin_write_u64(&said, (uint64_t)HIN_MAX(hin_clock_wall_usec(vault->clock), 0)));
    HIN_TRY(hin_buf_append(&said, hin_view_of(consent->subject, sizeof(consent->subject))));
    HIN_TRY(hin_write_bytes(&said, hin_view_from_text(holder.name)));
    HIN_TRY(sum(vault, id, hin_buf_view(&said), hmac));
    HIN_TRY(hin_buf_append(ret_ticket, hin_buf_view(&said)));
    return hin_buf_append(ret_ticket, hin_view_of(hmac, sizeof(hmac)));
}

struct hin_result hin_vault_restore_consent(struct hin_vault *vault, struct hin_view tenant,
                                            const struct hin_vault_consent *given,
                                            struct hin_buf *ret_ticket)
{
    return hin_vault_report(vault, "restore-consent", tenant, NULL, HIN_VAULT_FOR_ADMIN,
                            consent(vault, tenant, given, ret_ticket));
}

struct hin_result hin_vault_consent_decode(struct hin_view bytes,
                                           struct hin_vault_consent *ret_consent)
{
    HIN_ENSURE(bytes.size == sizeof(ret_consent->holder) + sizeof(ret_consent->subject), PROTOCOL);
    hin_copy(ret_consent->holder, bytes.data, sizeof(ret_consent->holder));
    hin_copy(ret_consent->subject, bytes.data + sizeof(ret_consent->holder),
             sizeof(ret_consent->subject));
    return hin_ok();
}

/* ---- taken back ---- */

static HIN_RESULT read_ticket(const struct hin_vault *vault, struct hin_view tenant,
                              struct hin_view bytes, struct ticket *ret_ticket)
{
    struct hin_reader reader = hin_reader_of(bytes);
    struct ticket ticket = {0};
    struct hin_view holder, hmac;
    uint8_t version = 0, right[HIN_SHA256_BYTES];
    HIN_TRY(hin_read_u8(&reader, &version));
    HIN_ENSURE(version == TICKET_VERSION, UNSUPPORTED);
    HIN_TRY(hin_read_u64(&reader, &ticket.time_usec));
    HIN_TRY(hin_read_exact(&reader, HIN_SHA256_BYTES, &ticket.subject));
    HIN_TRY(hin_read_bytes(&reader, sizeof(ticket.holder) - 1, &holder));
    HIN_TRY(hin_view_to_text(holder, ticket.holder, sizeof(ticket.holder)));
    HIN_TRY(hin_read_exact(&reader, HIN_SHA256_BYTES, &hmac));
    HIN_TRY(hin_read_end(&reader));
    HIN_TRY(sum(vault, tenant, hin_view_sub(bytes, 0, bytes.size - HIN_SHA256_BYTES), right));
    HIN_ENSURE(hin_equal_constant_time(right, hmac.data, sizeof(right)), AUTH);
    *ret_ticket = ticket;
    return hin_ok();
}

/* Of this subject, of a holder in force, of the last day, and after the last restore. */
static HIN_RESULT judge_ticket(const struct hin_vault *vault, const struct ticket *ticket,
                               struct hin_view subject, int64_t last_usec)
{
    struct hin_vault_holders holders;
    int64_t now_usec = hin_clock_wall_usec(vault->clock);
    HIN_ENSURE(hin_view_equal(ticket->subject, subject), AUTH);
    HIN_ENSURE(ticket->time_usec <= INT64_MAX / 2, CORRUPT);
    int64_t given_usec = (int64_t)ticket->time_usec;
    HIN_ENSURE(given_usec > last_usec, EXPIRED);
    HIN_ENSURE(given_usec <= now_usec + HIN_VAULT_CONSENT_USEC &&
                   now_usec < given_usec + HIN_VAULT_CONSENT_USEC,
               EXPIRED);
    HIN_TRY(hin_vault_holders_known(vault, &holders));
    for (size_t i = 0; i < holders.count; i++) {
        if (strcmp(holders.list[i].name, ticket->holder) == 0) {
            return now_usec < holders.list[i].lapses_usec ? hin_ok() : hin_fail(HIN_EXPIRED);
        }
    }
    return hin_fail(HIN_DENIED);
}

static HIN_RESULT last_restore(const struct hin_vault *vault, const struct hin_vault_tenant *tenant,
                               int64_t *ret_usec)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf record = {.max = HIN_RESTORE_MAX_BYTES};
    struct hin_restore restore;
    struct hin_view statement, signature;
    *ret_usec = INT64_MIN;
    HIN_TRY(hin_vault_last_restore(vault, tenant, &record));
    if (record.size == 0) {
        return hin_ok();
    }
    HIN_TRY(hin_restore_decode(hin_buf_view(&record), &restore, &statement, &signature));
    *ret_usec = restore.time_usec;
    return hin_ok();
}

/* How many have to agree: two, once two are in force. */
static HIN_RESULT count_needed(const struct hin_vault *vault, size_t *ret_needed)
{
    struct hin_vault_holders holders;
    int64_t now_usec = hin_clock_wall_usec(vault->clock);
    size_t in_force = 0;
    HIN_TRY(hin_vault_holders_known(vault, &holders));
    for (size_t i = 0; i < holders.count; i++) {
        in_force += now_usec < holders.list[i].lapses_usec;
    }
    *ret_needed = in_force >= 2 ? 2 : 1;
    return hin_ok();
}

static HIN_RESULT judge_tickets(const struct hin_vault *vault,
                                const struct hin_vault_tenant *tenant,
                                const struct hin_vault_grant *grant,
                                char ret_holders[HIN_RESTORE_NAME_BYTES])
{
    struct ticket tickets[HIN_VAULT_TICKETS_MAX];
    int64_t last_usec = 0;
    size_t needed = 0;
    HIN_TRY(count_needed(vault, &needed));
    HIN_TRY(last_restore(vault, tenant, &last_usec));
    HIN_ENSURE(grant->ticket_count >= needed, DENIED);
    for (size_t i = 0; i < grant->ticket_count; i++) {
        HIN_TRY(read_ticket(vault, hin_view_from_text(tenant->id), grant->tickets[i], &tickets[i]));
        HIN_TRY(judge_ticket(vault, &tickets[i], grant->subject, last_usec));
        HIN_ENSURE(i == 0 || strcmp(tickets[i].holder, tickets[0].holder) != 0, DENIED);
    }
    bool two = grant->ticket_count == 2;
    (void)snprintf(ret_holders, HIN_RESTORE_NAME_BYTES, two ? "%.30s, %.30s" : "%.63s%s",
                   tickets[0].holder, two ? tickets[1].holder : "");
    return hin_ok();
}

/* The store that is put in place has no token, which is number 0. */
static HIN_RESULT grant_empty(struct hin_vault *vault, struct hin_view id,
                              const struct hin_vault_grant *grant)
{
    struct hin_vault_tenant *tenant = NULL;
    char holders[HIN_RESTORE_NAME_BYTES];
    HIN_TRY(hin_vault_find(vault, id, &tenant));
    if (tenant->generation.is_granted && tenant->generation.granted == 0) {
        return hin_ok(); /* cut off after the save */
    }
    HIN_TRY(judge_tickets(vault, tenant, grant, holders));
    struct hin_vault_generation next = tenant->generation;
    HIN_ENSURE(next.number < NUMBER_MAX - 2, LIMIT);
    struct hin_restore restore = {.what = HIN_RESTORE_STORE, .known = next.number};
    next.number += 2; /* one behind would be a crash, which passes */
    next.is_granted = true;
    next.granted = 0;
    restore.next = next.number;
    restore.ring_found = restore.ring_known = vault->keyring;
    return hin_vault_accept_as(vault, tenant, &next, vault->keyring, &restore, holders);
}

struct hin_result hin_vault_restore_grant(struct hin_vault *vault, struct hin_view tenant,
                                          const struct hin_vault_grant *grant)
{
    return hin_vault_report(vault, "restore-grant", tenant, NULL, HIN_VAULT_FOR_ADMIN,
                            grant_empty(vault, tenant, grant));
}

struct hin_result hin_vault_grant_encode(const struct hin_vault_grant *grant,
                                         struct hin_buf *ret_bytes)
{
    HIN_ENSURE(grant->ticket_count <= HIN_VAULT_TICKETS_MAX, LIMIT);
    HIN_TRY(hin_write_bytes(ret_bytes, grant->subject));
    HIN_TRY(hin_write_varint(ret_bytes, grant->ticket_count));
    for (size_t i = 0; i < grant->ticket_count; i++) {
        HIN_TRY(hin_write_bytes(ret_bytes, grant->tickets[i]));
    }
    return hin_ok();
}

static HIN_RESULT read_grant(struct hin_view bytes, struct hin_vault_grant *grant)
{
    struct hin_reader reader = hin_reader_of(bytes);
    uint64_t count = 0;
    HIN_TRY(hin_read_bytes(&reader, HIN_SHA256_BYTES, &grant->subject));
    HIN_TRY(hin_read_varint(&reader, &count));
    HIN_ENSURE(count <= HIN_VAULT_TICKETS_MAX, PROTOCOL);
    for (size_t i = 0; i < count; i++) {
        HIN_TRY(hin_read_bytes(&reader, HIN_VAULT_TICKET_MAX, &grant->tickets[i]));
    }
    grant->ticket_count = (size_t)count;
    return hin_read_end(&reader);
}

struct hin_result hin_vault_grant_decode(struct hin_view bytes, struct hin_vault_grant *ret_grant)
{
    struct hin_vault_grant grant = {0};
    HIN_ENSURE(hin_is_ok(read_grant(bytes, &grant)), PROTOCOL);
    HIN_ENSURE(grant.subject.size == HIN_SHA256_BYTES, PROTOCOL);
    *ret_grant = grant;
    return hin_ok();
}

/* ---- whether a backup can be put in place at all ---- */

struct hin_result hin_vault_backup_fits_here(struct hin_vault *vault, struct hin_view tenant,
                                             struct hin_view payload)
{
    return hin_vault_report(
        vault, "restore-fits", tenant, NULL, HIN_VAULT_FOR_BACKUP,
        hin_vault_backup_fits(vault, &vault->options.provider, tenant, payload));
}
