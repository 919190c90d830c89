#include "api/body.h"
#include "api/params.h"

#include "base/log.h"
#include "base/zone.h"
#include "event/record.h"

#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* --- in --- */

static bool is_json(const struct http_exchange *x) {
    struct str type = http_header(x, "Content-Type"), json = STR("application/json");
    return type.len >= json.len && str_eq_nocase(str_of(type.ptr, json.len), json) &&
           (type.len == json.len || strchr("; \t", type.ptr[json.len]) != NULL);
}

int body_read(const struct http_exchange *x, json_t **ret, struct err *err) {
    const struct api_route *route = http_route(x)->extra;
    struct str body = http_body(x);
    json_error_t problem;
    const char *key;
    json_t *value;
    /* a form of another site cannot send this type without asking first */
    if (!is_json(x))
        return err_set(err, ERR_USAGE, "the Content-Type must be application/json");
    json_t *doc = json_loadb(body.ptr, body.len, JSON_REJECT_DUPLICATES, &problem);
    int rc = 0;
    if (!json_is_object(doc))
        rc = err_set(err, ERR_USAGE, "the body is no JSON object: %s",
                     doc == NULL ? problem.text : "it is another value");
    void *at;
    json_object_foreach_safe(doc, at, key, value) {
        if (rc == 0 && !params_have_field(route->params, key))
            rc = err_set(err, ERR_USAGE, "there is no field \"%.60s\" here", key);
    }
    if (rc == 0)
        *ret = doc;
    else
        json_decref(doc);
    return rc;
}

int body_text(const json_t *doc, const char *name, struct str *ret, struct err *err) {
    const json_t *value = json_object_get(doc, name);
    *ret = (struct str){NULL, 0};
    if (value == NULL || json_is_null(value))
        return 0;
    if (!json_is_string(value))
        return err_set(err, ERR_USAGE, "\"%s\" must be text", name);
    *ret = str_of(json_string_value(value), json_string_length(value));
    if (memchr(ret->ptr, '\0', ret->len) != NULL)
        return err_set(err, ERR_USAGE, "\"%s\" has a NUL in it", name);
    return 0;
}

int body_need(const json_t *doc, const char *name, struct str *ret, struct err *err) {
    int rc = body_text(doc, name, ret, err);
    if (rc == 0 && ret->ptr == NULL)
        rc = err_set(err, ERR_USAGE, "\"%s\" is missing", name);
    return rc;
}

int body_sites(const json_t *doc, struct site_list *ret, struct err *err) {
    const json_t *list = json_object_get(doc, "sites"), *item;
    size_t i, n = json_array_size(list);
    *ret = (struct site_list){.all = list == NULL || json_is_null(list)};
    if (ret->all)
        return 0;
    if (!json_is_array(list))
        return err_set(err, ERR_USAGE, "\"sites\" must be a list of names, or null for all");
    if (n > PEOPLE_SITES)
        return err_set(err, ERR_TOOBIG, "at most %zu sites", PEOPLE_SITES);
    ret->items = xcalloc(n + 1, sizeof *ret->items);
    json_array_foreach(list, i, item) {
        struct str name = str_of(json_string_value(item), json_string_length(item));
        if (!json_is_string(item) || !site_name_ok(name)) {
            site_list_release(ret);
            return err_set(err, ERR_USAGE, "\"sites\" must be a list of names, or null for all");
        }
        ret->items[ret->n++] = str_dup(name);
    }
    return 0;
}

int body_time(const json_t *doc, const char *name, int64_t *ret_ms, struct err *err) {
    struct zone *zone = NULL;
    struct str text;
    int64_t seconds = 0;
    *ret_ms = 0;
    int rc = body_text(doc, name, &text, err);
    if (rc != 0 || text.ptr == NULL)
        return rc;
    rc = zone_open("UTC", &zone, err);
    if (rc == 0)
        rc = zone_parse(zone, text, &seconds, err);
    zone_free(zone);
    if (rc == 0 && seconds <= 0)
        rc = err_set(err, ERR_USAGE, "\"%s\" is long ago", name);
    *ret_ms = seconds * 1000;
    return rc;
}

/* --- out --- */

json_t *json_of(struct str text) {
    struct buf clean = {0};
    if (text.ptr == NULL)
        return json_null();
    buf_add_utf8(&clean, text);
    json_t *s = json_string(buf_cstr(&clean));
    buf_release(&clean);
    return s;
}

json_t *json_time(int64_t ms) {
    char text[32];
    time_t seconds = (time_t)(ms / 1000);
    struct tm tm;
    if (ms == 0 || gmtime_r(&seconds, &tm) == NULL)
        return json_null();
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm);
    return json_string(text);
}

json_t *json_sites(const struct site_list *l) {
    if (l->all)
        return json_null();
    json_t *list = json_array();
    for (size_t i = 0; i < l->n; i++)
        json_array_append_new(list, json_of(str_from(l->items[i])));
    return list;
}

void api_reply_json(struct http_exchange *x, unsigned status, json_t *doc) {
    char *text = json_dumps(doc, JSON_COMPACT);
    json_decref(doc);
    buf_add_cstr(http_out(x), text != NULL ? text : "{}");
    buf_add_char(http_out(x), '\n');
    free(text);
    http_set_header(x, "Cache-Control", "no-store");
    http_reply(x, status);
}

void api_reply_nothing(struct http_exchange *x) { http_reply(x, MHD_HTTP_NO_CONTENT); }

/* --- versions --- */

void api_set_version(struct http_exchange *x, uint64_t version) {
    char tag[32];
    snprintf(tag, sizeof tag, "\"%llu\"", (unsigned long long)version);
    http_set_header(x, "ETag", tag);
}

bool api_match(struct http_exchange *x, uint64_t version) {
    char tag[32];
    struct str asked = http_header(x, "If-Match");
    snprintf(tag, sizeof tag, "\"%llu\"", (unsigned long long)version);
    if (asked.ptr == NULL || str_is(asked, "*") || str_is(asked, tag))
        return true;
    http_reply_error(x, MHD_HTTP_PRECONDITION_FAILED,
                     "it was changed by somebody else: read it again");
    return false;
}

/* --- the log --- */

void api_audit(const struct http_exchange *x, const char *event, const char *what,
               struct str name) {
    struct buf by = {0}, of = {0};
    const struct caller *caller = api_caller(x);
    buf_add_json(&by, str_from(caller->name != NULL ? caller->name : ""));
    buf_add_json(&of, name);
    log_line(LOG_INFO, event, "by=\"%s\" %s=\"%s\"", buf_cstr(&by), what, buf_cstr(&of));
    buf_release(&by);
    buf_release(&of);
}
