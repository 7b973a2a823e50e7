/* Certificates of erasure: read only. They are made where something is erased. */
#include "base/bytes.h"
#include "manager/worker/api/modules.h"
#include "manager/worker/api/tables.h"

static const struct hin_api_resource certificates = {
    .path = "certificates",
    .collection = "certificates",
    .singular = "certificate",
    .list_model = "ErasureCertificates",
    .attributes = &hin_api_certificate,
    .kind = HIN_STORE_CERTIFICATES,
    .operations = HIN_API_LIST | HIN_API_GET | HIN_API_SEARCH,
    .read_right = HIN_RIGHT_AUDIT,
    .edit_right = HIN_RIGHT_AUDIT,
};
const struct hin_api_module hin_api_module_certificates = {&certificates, NULL, 0};
