#include "manager/audit.h"

#include "data/json.h"
#include "store/audit.h"

HIN_RESULT hin_audit_write(struct hin_tenant *tenant, const struct hin_audit *audit)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = HIN_STORE_AUDIT_MAX_BYTES};
    struct hin_json_writer writer;
    int64_t number = 0;
    int64_t now_usec = hin_tenant_now_usec(tenant);
    hin_json_writer_init(&writer, &text, false);
    hin_json_begin_object(&writer);
    hin_json_field_integer(&writer, "time", now_usec / HIN_MSEC_USEC);
    hin_json_field_cstring(&writer, "action", audit->action);
    hin_json_field_cstring(&writer, "outcome", audit->outcome);
    hin_json_field_text(&writer, "actor", audit->actor);
    if (audit->peer.size > 0) {
        hin_json_field_text(&writer, "peer", audit->peer);
    }
    if (audit->kind != NULL) {
        hin_json_field_cstring(&writer, "kind", audit->kind);
        hin_json_field_integer(&writer, "object", audit->object);
    }
    if (audit->detail.size > 0) {
        hin_json_field_text(&writer, "detail", audit->detail);
    }
    if (audit->fields.size > 0) {
        hin_json_key(&writer, "fields");
        hin_json_put_raw(&writer, audit->fields);
    }
    if (audit->changes.size > 0) {
        hin_json_key(&writer, "changes");
        hin_json_put_raw(&writer, audit->changes);
    }
    hin_json_end_object(&writer);
    HIN_TRY(hin_json_writer_finish(&writer));
    return hin_store_audit_append(tenant->store, hin_buf_view(&text), now_usec, &number);
}
