/* /api/v1/query and the real-time view: questions over HTTP, answered from the cache while they are
 * true. */
#include "query/query.h"
#include "api/internal.h"

#include <jansson.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define WAIT_SECONDS 10.0 /* until the store has what was acknowledged before the question */
#define NOW_SECONDS 60    /* answers depend on the time of day by so much (partial periods) */

/* --- reading the question --- */

struct reading {
    struct question *q;
    struct arena *arena;
    enum output_format format;
    struct err *err;
};

/* What an answer repeats as its question is good for asking as well. */
static struct str key_of(struct str name) {
    return str_is(name, "sites") ? STR("site") : str_is(name, "filters") ? STR("filter") : name;
}

static int take(struct reading *r, struct str name, struct str value) {
    struct str key = key_of(name);
    if (str_is(key, "format"))
        return output_format_parse(value, &r->format, r->err);
    if (value.len == 0 && !str_is(key, "fill") && !str_is(key, "metrics"))
        return 0; /* an empty field of a form */
    return question_set(r->q, key, arena_dup(r->arena, value), r->err);
}

static int see_param(void *arg, struct str name, struct str value) {
    if (str_is(name, "token") || str_is(name, "share"))
        return 0; /* about the caller */
    return take(arg, name, value);
}

static int take_json_value(struct reading *r, struct str key, const json_t *value) {
    char number[32];
    if (json_is_string(value))
        return take(r, key, str_of(json_string_value(value), json_string_length(value)));
    if (json_is_boolean(value))
        return take(r, key, json_is_true(value) ? STR("true") : STR("false"));
    if (json_is_null(value))
        return 0;
    if (!json_is_integer(value))
        return err_set(r->err, ERR_USAGE, "\"" STR_FMT "\": expected text, a number or a list",
                       STR_ARG(key));
    snprintf(number, sizeof number, "%lld", (long long)json_integer_value(value));
    return take(r, key, str_from(number));
}

static int take_json(struct reading *r, struct str body) {
    json_error_t problem;
    json_t *doc = json_loadb(body.ptr, body.len, JSON_REJECT_DUPLICATES, &problem), *value, *item;
    const char *key;
    size_t i;
    int rc = 0;
    if (!json_is_object(doc))
        rc = err_set(r->err, ERR_USAGE, "the body is no JSON object: %s",
                     doc == NULL ? problem.text : "it is another value");
    void *at;
    json_object_foreach_safe(doc, at, key, value) {
        if (rc != 0)
            break;
        if (!json_is_array(value))
            rc = take_json_value(r, str_from(key), value);
        json_array_foreach(value, i, item) {
            if (rc == 0)
                rc = take_json_value(r, str_from(key), item);
        }
    }
    json_decref(doc);
    return rc;
}

/* Sites that are neither declared nor have rows would be refused with the names of those that have:
 * not for everybody's eyes. */
static bool is_known(const struct api *api, const struct config *config, struct str site) {
    int64_t first, last;
    return catalog_has_site(config, site) ||
           cube_site_extent(live_instance(api->options.live)->cube, site, &first, &last);
}

/* A caller may be limited to some sites. */
static int limit_sites(const struct api *api, const struct http_exchange *x, struct question *q,
                       struct err *err) {
    const struct caller *caller = api_caller(x);
    const struct config *config = api_config(x);
    size_t asked = q->n_sites;
    if (caller->all_sites)
        return 0;
    for (size_t i = 0; i < asked; i++)
        if (!caller_sees(caller, q->sites[i]) || !is_known(api, config, q->sites[i]))
            return err_set(err, ERR_NOTFOUND, "unknown site '" STR_FMT "'", STR_ARG(q->sites[i]));
    for (size_t i = 0; asked == 0 && i < caller->n_sites; i++) {
        struct str site = str_from(caller->sites[i]);
        if (!is_known(api, config, site))
            continue;
        if (q->n_sites == QUESTION_MAX)
            return err_set(err, ERR_USAGE, "name the sites that the question is about");
        q->sites[q->n_sites++] = site;
    }
    if (q->n_sites == 0)
        return err_set(err, ERR_NOTFOUND, "there is no site that you may see");
    return 0;
}

/* --- answering --- */

/* JSON shows all bytes that are no UTF-8 alike: these are apart by what was given. */
static void answer_key(const struct question *q, struct buf *out) {
    question_to_json(q, q->zone, q->from, q->to, out);
    for (size_t i = 0; i < q->n_filters; i++) {
        buf_printf(out, "%zu:", q->filters[i].value.len);
        buf_add_str(out, q->filters[i].value);
    }
}

int api_answer(struct api *api, const struct question *q, enum output_format format,
               struct buf *out, struct err *err) {
    int64_t now = clock_now_ms(&clock_system) / 1000;
    struct buf key = {0}, text = {0};
    struct live_state state; /* before it is computed */
    int rc = live_wait_applied(api->options.live, WAIT_SECONDS, &state, err);
    if (rc != 0)
        return rc;
    const struct instance *in = live_instance(api->options.live);
    const struct config *config = catalog_hold(in->catalog);
    answer_key(q, &key);
    buf_printf(&key, " %lld %llu %d", (long long)(now / NOW_SECONDS),
               (unsigned long long)config->generation, (int)format); /* zones may be others */
    bool kept = answers_find(api->answers, buf_str(&key), state.version, out);
    struct client *client = kept ? NULL : api_take_client(api, err);
    if (!kept && client == NULL)
        rc = ERR_AWAY;
    if (client != NULL) {
        struct result result;
        const struct query_env env = {.config = config,
                                      .client = client,
                                      .cube = in->cube,
                                      .now = now,
                                      .applied = state.applied};
        rc = query_run(&env, q, &result, NULL, err);
        if (rc == ERR_ENGINE && client_exception_code(client) == CLIENT_BROKEN_PART)
            rc = err_set(err, ERR_AWAY, "the engine is started again");
        const struct live_state after = live_state(api->options.live);
        bool other = after.engine_starts != state.asked; /* with less in it, perhaps */
        if (after.rebuilds != state.rebuilds || other) {
            if (rc == 0)
                query_free_result(&result);
            rc = err_set(err, ERR_AWAY,
                         other ? "the engine was started again" : "the store is being rebuilt");
        }
        if (rc == 0) {
            result_print(&result, format, NULL, &text);
            query_free_result(&result);
            answers_keep(api->answers, buf_str(&key), state.version, buf_str(&text));
            buf_add_str(out, buf_str(&text));
        }
        api_give_client(api, client);
    }
    config_let_go(config);
    buf_release(&key);
    buf_release(&text);
    return rc;
}

static const char *media_of(enum output_format format) {
    return format == OUTPUT_CSV   ? "text/csv; charset=utf-8; header=present"
           : format == OUTPUT_TSV ? "text/tab-separated-values; charset=utf-8"
                                  : "application/json";
}

void api_query(struct http_exchange *x, void *arg) {
    struct api *api = arg;
    struct question q = {0};
    struct arena arena = {0};
    struct err err = {0};
    struct reading reading = {&q, &arena, OUTPUT_JSON, &err};
    int rc = http_each_query(x, see_param, &reading);
    if (rc == 0 && http_method(x) == HTTP_POST)
        rc = take_json(&reading, http_body(x));
    if (rc == 0)
        rc = question_check(&q, &err);
    if (rc == 0)
        rc = limit_sites(api, x, &q, &err);
    if (rc == 0 && reading.format == OUTPUT_TABLE)
        rc = err_set(&err, ERR_USAGE, "format: expected json, csv or tsv");
    if (rc == 0)
        rc = api_answer(api, &q, reading.format, http_out(x), &err);
    arena_release(&arena);
    if (rc != 0) {
        api_reply_err(x, &err);
        return;
    }
    http_set_header(x, "Content-Type", media_of(reading.format));
    http_reply(x, MHD_HTTP_OK);
}

void api_query_json(struct http_exchange *x, void *arg) { api_query(x, arg); }

/* --- the last minutes --- */

static int add_part(struct http_exchange *x, struct api *api, const char *name, const char *metrics,
                    const char *group, int64_t seconds, struct err *err) {
    struct question q = {0};
    char from[40], to[40];
    int64_t now = clock_now_ms(&clock_system) / 1000;
    time_t ends[2] = {now - seconds, now + 1};
    char *texts[2] = {from, to};
    for (size_t i = 0; i < 2; i++) {
        struct tm tm;
        gmtime_r(&ends[i], &tm);
        strftime(texts[i], sizeof from, "%Y-%m-%dT%H:%M:%S", &tm);
    }
    struct str site = http_query(x, "site");
    int rc = question_set(&q, STR("metrics"), str_from(metrics), err);
    if (rc == 0 && site.len > 0)
        rc = question_set(&q, STR("site"), site, err);
    if (rc == 0)
        rc = limit_sites(api, x, &q, err);
    q.zone = STR("UTC");
    q.from = str_from(from);
    q.to = str_from(to);
    if (rc == 0 && group != NULL) {
        rc = question_set(&q, STR("group"), str_from(group), err);
        q.limit = 10;
    }
    buf_printf(http_out(x), ",\"%s\":", name);
    return rc == 0 ? api_answer(api, &q, OUTPUT_JSON, http_out(x), err) : rc;
}

void api_realtime(struct http_exchange *x, void *arg) {
    struct api *api = arg;
    struct err err = {0};
    buf_printf(http_out(x), "{\"version\":%llu",
               (unsigned long long)live_state(api->options.live).version);
    int rc = add_part(x, api, "last_5_minutes", "visitors,pageviews", NULL, 300, &err);
    if (rc == 0)
        rc = add_part(x, api, "last_30_minutes", "visitors,pageviews", NULL, 1800, &err);
    if (rc == 0)
        rc = add_part(x, api, "pages", "pageviews,visitors", "path", 1800, &err);
    if (rc == 0)
        rc = add_part(x, api, "countries", "visitors", "country", 1800, &err);
    if (rc != 0) {
        api_reply_err(x, &err);
        return;
    }
    buf_add_cstr(http_out(x), "}\n");
    http_reply(x, MHD_HTTP_OK);
}
