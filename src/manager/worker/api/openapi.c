#include "manager/worker/api/openapi.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "manager/worker/api/modules.h"
#include "manager/worker/api/tables.h"

/* ---- models ---- */

static void put_reference(struct hin_json_writer *writer, const char *model)
{
    char path[128];
    snprintf(path, sizeof(path), "#/components/schemas/%s", model);
    hin_json_field_cstring(writer, "$ref", path);
}

static void put_choices(struct hin_json_writer *writer, const char *choices)
{
    struct hin_view rest = hin_view_from_text(choices);
    struct hin_view choice;
    hin_json_key(writer, "enum");
    hin_json_begin_array(writer);
    while (hin_view_split(&rest, '|', &choice)) {
        hin_json_put_text(writer, choice);
    }
    hin_json_end_array(writer);
}

static void put_type(struct hin_json_writer *writer, const struct hin_api_attribute *attribute)
{
    static const struct {
        const char *type, *item, *format;
    } types[] = {
        [HIN_API_BOOL] = {"boolean", NULL, NULL},    [HIN_API_INT] = {"integer", NULL, "int64"},
        [HIN_API_TIME] = {"integer", NULL, "int64"}, [HIN_API_TEXT] = {"string", NULL, NULL},
        [HIN_API_CHOICE] = {"string", NULL, NULL},   [HIN_API_INTS] = {"array", "integer", NULL},
        [HIN_API_TEXTS] = {"array", "string", NULL}, [HIN_API_OBJECT] = {"object", NULL, NULL},
        [HIN_API_OBJECTS] = {"array", NULL, NULL},
    };
    hin_json_field_cstring(writer, "type", types[attribute->type].type);
    if (types[attribute->type].format != NULL) {
        hin_json_field_cstring(writer, "format", types[attribute->type].format);
    }
    bool open = attribute->type == HIN_API_CHOICE && strstr(attribute->choices, ":N") != NULL;
    if (attribute->type == HIN_API_CHOICE && !open) { /* the description names open ones */
        put_choices(writer, attribute->choices);
    }
    if (types[attribute->type].item != NULL || attribute->type == HIN_API_OBJECTS) {
        hin_json_key(writer, "items");
        hin_json_begin_object(writer);
        if (attribute->type == HIN_API_OBJECTS) {
            put_reference(writer, attribute->object->model);
        } else {
            hin_json_field_cstring(writer, "type", types[attribute->type].item);
        }
        hin_json_end_object(writer);
    }
    if (attribute->type == HIN_API_TEXT && attribute->max > 0) {
        hin_json_field_integer(writer, "maxLength", attribute->max);
    }
}

static void put_attribute(struct hin_json_writer *writer, const struct hin_api_attribute *attribute)
{
    hin_json_key(writer, attribute->name);
    hin_json_begin_object(writer);
    if (attribute->type == HIN_API_OBJECT) {
        hin_json_key(writer, "allOf");
        hin_json_begin_array(writer);
        hin_json_begin_object(writer);
        put_reference(writer, attribute->object->model);
        hin_json_end_object(writer);
        hin_json_end_array(writer);
    } else {
        put_type(writer, attribute);
    }
    hin_json_field_cstring(writer, "description", attribute->text);
    if ((attribute->flags & HIN_API_READ_ONLY) != 0) {
        hin_json_field_boolean(writer, "readOnly", true);
    }
    if ((attribute->flags & HIN_API_WRITE_ONLY) != 0) {
        hin_json_field_boolean(writer, "writeOnly", true);
    }
    hin_json_field_cstring(writer, "x-data-class", hin_data_class_name(attribute->data_class));
    hin_json_end_object(writer);
}

static void put_model(struct hin_json_writer *writer, const struct hin_api_attributes *model)
{
    hin_json_key(writer, model->model);
    hin_json_begin_object(writer);
    hin_json_field_cstring(writer, "type", "object");
    hin_json_key(writer, "properties");
    hin_json_begin_object(writer);
    for (size_t i = 0; i < model->count; i++) {
        if ((model->items[i].flags & HIN_API_HIDDEN) == 0) {
            put_attribute(writer, &model->items[i]);
        }
    }
    hin_json_end_object(writer);
    hin_json_end_object(writer);
}

enum { MODELS_MAX = 64 };

struct models {
    const struct hin_api_attributes *items[MODELS_MAX];
    size_t count;
};

/* Each model once, those it is made of too. */
static void collect(struct models *models, const struct hin_api_attributes *model)
{
    for (size_t i = 0; i < models->count; i++) {
        if (models->items[i] == model) {
            return;
        }
    }
    if (models->count == MODELS_MAX) {
        return;
    }
    models->items[models->count++] = model;
    for (size_t i = 0; i < model->count; i++) {
        if (model->items[i].object != NULL) {
            collect(models, model->items[i].object);
        }
    }
}

static void put_list_model(struct hin_json_writer *writer, const struct hin_api_resource *resource)
{
    hin_json_key(writer, resource->list_model);
    hin_json_begin_object(writer);
    hin_json_field_cstring(writer, "type", "object");
    hin_json_key(writer, "properties");
    hin_json_begin_object(writer);
    hin_json_key(writer, resource->collection);
    hin_json_begin_object(writer);
    hin_json_field_cstring(writer, "type", "array");
    hin_json_key(writer, "items");
    hin_json_begin_object(writer);
    put_reference(writer, resource->attributes->model);
    hin_json_end_object(writer);
    hin_json_end_object(writer);
    hin_json_end_object(writer);
    hin_json_end_object(writer);
}

static void put_models(struct hin_json_writer *writer)
{
    struct models models = {0};
    hin_json_key(writer, "schemas");
    hin_json_begin_object(writer);
    collect(&models, &hin_api_search_filter);
    for (size_t i = 0; i < hin_api_module_count; i++) {
        const struct hin_api_module *module = hin_api_modules[i];
        if (module->resource != NULL) {
            collect(&models, module->resource->attributes);
            put_list_model(writer, module->resource);
        }
        for (size_t j = 0; j < module->action_count; j++) {
            if (module->actions[j].body != NULL) {
                collect(&models, module->actions[j].body);
            }
        }
    }
    for (size_t i = 0; i < models.count; i++) {
        put_model(writer, models.items[i]);
    }
    hin_json_end_object(writer);
}

/* ---- paths ---- */

struct operation {
    enum hin_http_method method;
    char path[128];
    const char *summary;
    const char *body;
    const char *answer;
    unsigned right;
};

static void put_content(struct hin_json_writer *writer, const char *model)
{
    hin_json_key(writer, "content");
    hin_json_begin_object(writer);
    hin_json_key(writer, "application/json");
    hin_json_begin_object(writer);
    hin_json_key(writer, "schema");
    hin_json_begin_object(writer);
    put_reference(writer, model);
    hin_json_end_object(writer);
    hin_json_end_object(writer);
    hin_json_end_object(writer);
}

static void put_path_parameter(struct hin_json_writer *writer, const char *name, const char *type)
{
    hin_json_key(writer, "parameters");
    hin_json_begin_array(writer);
    hin_json_begin_object(writer);
    hin_json_field_cstring(writer, "name", name);
    hin_json_field_cstring(writer, "in", "path");
    hin_json_field_boolean(writer, "required", true);
    hin_json_key(writer, "schema");
    hin_json_begin_object(writer);
    hin_json_field_cstring(writer, "type", type);
    hin_json_end_object(writer);
    hin_json_end_object(writer);
    hin_json_end_array(writer);
}

static void put_operation(struct hin_json_writer *writer, const struct operation *operation)
{
    char method[16];
    size_t size = 0;
    for (const char *at = hin_http_method_name(operation->method);
         *at != 0 && size < sizeof(method) - 1; at++) {
        method[size++] = (char)tolower((unsigned char)*at);
    }
    method[size] = 0;
    hin_json_key(writer, method);
    hin_json_begin_object(writer);
    hin_json_field_cstring(writer, "summary", operation->summary);
    if (strstr(operation->path, "{name}") != NULL) {
        put_path_parameter(writer, "name", "string");
    }
    if (strstr(operation->path, "{id}") != NULL) {
        put_path_parameter(writer, "id", "integer");
    }
    if (operation->body != NULL) {
        hin_json_key(writer, "requestBody");
        hin_json_begin_object(writer);
        put_content(writer, operation->body);
        hin_json_end_object(writer);
    }
    hin_json_key(writer, "security");
    hin_json_begin_array(writer);
    if (operation->right != HIN_RIGHT_NONE) {
        hin_json_begin_object(writer);
        hin_json_key(writer, "apiKey");
        hin_json_begin_array(writer);
        hin_json_end_array(writer);
        hin_json_end_object(writer);
    }
    hin_json_end_array(writer);
    hin_json_key(writer, "responses");
    hin_json_begin_object(writer);
    hin_json_key(writer, operation->method == HIN_HTTP_DELETE ? "204" : "200");
    hin_json_begin_object(writer);
    hin_json_field_cstring(writer, "description", "Done.");
    if (operation->answer != NULL) {
        put_content(writer, operation->answer);
    }
    hin_json_end_object(writer);
    hin_json_end_object(writer);
    hin_json_end_object(writer);
}

enum { OPERATIONS_MAX = 256 };

struct operations {
    struct operation items[OPERATIONS_MAX];
    size_t count;
};

static void add(struct operations *operations, const struct operation *operation, const char *path)
{
    if (operations->count < OPERATIONS_MAX) {
        struct operation *own = &operations->items[operations->count++];
        *own = *operation;
        snprintf(own->path, sizeof(own->path), "/%s", path);
    }
}

static void add_resource(struct operations *operations, const struct hin_api_resource *resource)
{
    const char *model = resource->attributes->model;
    const struct {
        enum hin_api_operation operation;
        const char *suffix;
        struct operation row;
    } rows[] = {
        {HIN_API_LIST,
         "",
         {HIN_HTTP_GET, "", "List", NULL, resource->list_model, resource->read_right}},
        {HIN_API_CREATE, "", {HIN_HTTP_POST, "", "Create", model, model, resource->edit_right}},
        {HIN_API_SEARCH,
         "/search",
         {HIN_HTTP_POST, "", "Search", "SearchFilter", resource->list_model, resource->read_right}},
        {HIN_API_GET, "/{id}", {HIN_HTTP_GET, "", "Describe", NULL, model, resource->read_right}},
        {HIN_API_MODIFY,
         "/{id}",
         {HIN_HTTP_POST, "", "Modify", model, model, resource->edit_right}},
        {HIN_API_DELETE,
         "/{id}",
         {HIN_HTTP_DELETE, "", "Delete", NULL, NULL, resource->edit_right}},
    };
    for (size_t i = 0; i < HIN_COUNT(rows); i++) {
        char path[100];
        if ((resource->operations & rows[i].operation) != 0) {
            snprintf(path, sizeof(path), "%s%s", resource->path, rows[i].suffix);
            add(operations, &rows[i].row, path);
        }
    }
}

static void add_actions(struct operations *operations, const struct hin_api_module *module)
{
    for (size_t i = 0; i < module->action_count; i++) {
        const struct hin_api_action *action = &module->actions[i];
        struct operation row = {action->method,
                                "",
                                action->summary,
                                action->body != NULL ? action->body->model : NULL,
                                NULL,
                                action->right};
        add(operations, &row, action->path);
    }
}

static void put_paths(struct hin_json_writer *writer)
{
    struct operations operations = {.count = 0};
    for (size_t i = 0; i < hin_api_module_count; i++) {
        if (hin_api_modules[i]->resource != NULL) {
            add_resource(&operations, hin_api_modules[i]->resource);
        }
        add_actions(&operations, hin_api_modules[i]);
    }
    hin_json_key(writer, "paths");
    hin_json_begin_object(writer);
    for (size_t i = 0; i < operations.count; i++) {
        if (operations.items[i].path[0] == 0) {
            continue; /* written with an earlier one of the same path */
        }
        char path[128];
        snprintf(path, sizeof(path), "%s", operations.items[i].path);
        hin_json_key(writer, path);
        hin_json_begin_object(writer);
        for (size_t j = i; j < operations.count; j++) {
            if (strcmp(operations.items[j].path, path) == 0) {
                put_operation(writer, &operations.items[j]);
                operations.items[j].path[0] = 0;
            }
        }
        hin_json_end_object(writer);
    }
    hin_json_end_object(writer);
}

static void put_security(struct hin_json_writer *writer)
{
    hin_json_key(writer, "securitySchemes");
    hin_json_begin_object(writer);
    hin_json_key(writer, "apiKey");
    hin_json_begin_object(writer);
    hin_json_field_cstring(writer, "type", "apiKey");
    hin_json_field_cstring(writer, "in", "header");
    hin_json_field_cstring(writer, "name", "api-secret-key");
    hin_json_end_object(writer);
    hin_json_end_object(writer);
}

HIN_RESULT hin_openapi_write(struct hin_buf *out)
{
    struct hin_json_writer writer;
    hin_json_writer_init(&writer, out, false);
    hin_json_begin_object(&writer);
    hin_json_field_cstring(&writer, "openapi", "3.0.3");
    hin_json_key(&writer, "info");
    hin_json_begin_object(&writer);
    hin_json_field_cstring(&writer, "title", "Hinomi");
    hin_json_field_cstring(&writer, "version", HIN_VERSION);
    hin_json_end_object(&writer);
    hin_json_key(&writer, "servers");
    hin_json_put_raw(&writer, HIN_VIEW("[{\"url\":\"/api\"}]"));
    put_paths(&writer);
    hin_json_key(&writer, "components");
    hin_json_begin_object(&writer);
    put_security(&writer);
    put_models(&writer);
    hin_json_end_object(&writer);
    hin_json_end_object(&writer);
    return hin_json_writer_finish(&writer);
}
