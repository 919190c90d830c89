#include "refine/refine.h"

#include "agent/agent.h"
#include "base/limits.h"
#include "base/lower.h"
#include "base/paths.h"
#include "config/config.h"
#include "format/format.h"
#include "refine/classify.h"
#include "refine/country.h"
#include "refine/exclude.h"
#include "refine/referrer.h"
#include "refine/rules_id.h"
#include "refine/visitor.h"
#include <stdlib.h>

struct open_format {
    char *spec;
    struct format *format; /* NULL: this version cannot read it */
};

struct refiner {
    struct agent_table *agents;
    struct country *countries;
    struct classifier *classifier;
    struct channels *channels;
    struct exclusions *exclusions; /* NULL: none */
    struct visitor_key key;
    uint32_t rules;
    struct arena scratch;
    struct fields fields; /* of the last record that was read */
    struct buf agent_key; /* of an agent with client hints */
    VEC(struct open_format) formats;
    struct open_format *last; /* of the record before: it rarely changes. NULL at first */
};

static int open_countries(const struct config *config, struct country **ret, struct err *err) {
    if (config->country_database != NULL) {
        int rc = country_open(config->country_database, ret, err);
        return rc ? err_context(err, "country_database") : 0;
    }
    struct buf path = {0};
    int rc = paths_find(FILE_COUNTRY, &path, err);
    if (rc == 0)
        rc = country_open(buf_cstr(&path), ret, err);
    buf_release(&path);
    return rc;
}

int refiner_open_key(struct refiner *r, const char *data_dir, struct err *err) {
    return visitor_key_open(data_dir, &r->key, err);
}

void refiner_take_key(struct refiner *r, const struct refiner *other) { r->key = other->key; }

int refiner_new(const struct config *config, const char *data_dir, struct refiner **ret,
                struct err *err) {
    struct refiner *r = xcalloc(1, sizeof *r);
    r->channels = channels_new(config->referrer_spam, config->n_referrer_spam);
    int rc = classifier_new(config, &r->classifier, err);
    if (rc == 0)
        rc = exclusions_new(config->exclude, config->n_exclude, &r->exclusions, err);
    if (rc == 0)
        rc = agent_table_open(&r->agents, err);
    if (rc == 0)
        rc = open_countries(config, &r->countries, err);
    if (rc == 0)
        rc = rules_id(config, country_edition(r->countries), &r->rules, err);
    if (rc == 0) /* last: a wrong configuration leaves no key behind */
        rc = data_dir != NULL ? refiner_open_key(r, data_dir, err)
                              : visitor_key_random(&r->key, err);
    if (rc == 0) {
        *ret = r;
        r = NULL;
    }
    refiner_free(r);
    return rc;
}

static void close_formats(struct refiner *r) {
    for (size_t i = 0; i < r->formats.len; i++) {
        format_free(r->formats.items[i].format);
        free(r->formats.items[i].spec);
    }
    vec_free(&r->formats);
    r->last = NULL;
}

void refiner_free(struct refiner *r) {
    if (r == NULL)
        return;
    classifier_free(r->classifier);
    channels_free(r->channels);
    exclusions_free(r->exclusions);
    agent_table_free(r->agents);
    country_close(r->countries);
    arena_release(&r->scratch);
    buf_release(&r->agent_key);
    close_formats(r);
    free(r);
}

const struct fields *refiner_fields(const struct refiner *r) { return &r->fields; }

uint32_t refiner_rules(const struct refiner *r) { return r->rules; }

void refiner_reset(struct refiner *r) {
    arena_reset(&r->scratch);
    agent_table_trim(r->agents);
}

static inline struct str cut(struct str s) {
    return str_of(s.ptr, min_size(s.len, LIMIT_STRING_BYTES));
}

static struct str site_of(struct refiner *r, const struct record *record,
                          const struct fields *fields) {
    if (record->site.len > 0)
        return cut(record->site);
    if (fields->vhost.len > 0)
        return cut(lower_case(fields->vhost, &r->scratch));
    return STR("default");
}

/* All that is decided here belongs to (host, agent, client hints) alone, as the visitor number
 * does: cubes add up unique users over these dimensions (docs/decisions.md D5). */
static void set_visitor(struct refiner *r, const struct record *record, const struct fields *fields,
                        struct event *e) {
    const struct agent_hints hints = {fields->hint_brands, fields->hint_mobile,
                                      fields->hint_platform, fields->hint_platform_version,
                                      fields->hint_model};
    struct str key = agent_key(&r->agent_key, fields->agent, &hints);
    const struct agent_info *agent = agent_lookup(r->agents, key);
    e->browser = agent->browser;
    e->browser_version = agent->browser_version;
    e->os = agent->os;
    e->os_version = agent->os_version;
    e->device = agent->device;
    e->device_brand = agent->device_brand;
    e->device_model = agent->device_model;
    e->device_class = agent->device_class;
    e->bot = agent->bot;
    e->bot_kind = agent->bot_kind;
    e->bot_name = agent->bot_name;
    e->country = country_lookup(r->countries, fields->host);
    e->visitor = record->has_visitor ? record->visitor : visitor_id(&r->key, fields->host, key);
}

/* The opened format of a record's type, NULL if this version cannot read it. */
static struct format *format_of(struct refiner *r, struct str spec) {
    if (r->last != NULL && str_is(spec, r->last->spec))
        return r->last->format;
    r->last = NULL;
    for (size_t i = 0; i < r->formats.len; i++)
        if (str_is(spec, r->formats.items[i].spec))
            r->last = &r->formats.items[i];
    if (r->last == NULL) {
        struct open_format open = {.spec = str_dup(spec)};
        struct err err = {0};
        if (format_open(spec, &open.format, &err) != 0)
            open.format = NULL;
        vec_push(&r->formats, open);
        r->last = &r->formats.items[r->formats.len - 1];
    }
    return r->last->format;
}

/* Only here formats are closed: within a block one may hold the header of lines to come. */
void refiner_begin_block(struct refiner *r) {
    if (r->formats.len >= LIMIT_FORMATS)
        close_formats(r);
    for (size_t i = 0; i < r->formats.len; i++)
        if (r->formats.items[i].format != NULL)
            format_restart(r->formats.items[i].format);
}

void refine_header(struct refiner *r, const struct record *record) {
    struct format *format = format_of(r, str_skip(record->type, 1));
    if (format != NULL)
        format_take_header(format, record->body);
}

enum reason refine_record(struct refiner *r, const struct record *record, struct event *ret) {
    struct format *format = format_of(r, record->type);
    if (format == NULL)
        return REASON_unknown_type;
    struct fields *fields = &r->fields;
    enum reason reason = format_read(format, record->body, &r->scratch, fields);
    if (reason != REASON_NONE)
        return reason;
    struct str site = site_of(r, record, fields);
    reason = exclusions_find(r->exclusions, site, fields);
    if (reason != REASON_NONE)
        return reason;
    struct hit_class hit = fields->event.len > 0 ? classify_beacon(fields->event, fields->target)
                                                 : classify(r->classifier, fields->method,
                                                            fields->target, fields->status);
    struct origin origin =
        origin_of(r->channels, fields->referrer, fields->target, site, fields->vhost, &r->scratch);
    *ret = (struct event){
        .ts = (uint32_t)fields->time,
        .kind = (uint8_t)hit.kind,
        .site = site,
        .source = cut(record->source),
        .method = cut(fields->method),
        .path = cut(hit.path),
        .status = fields->status,
        .bytes = fields->bytes,
        .referrer = cut(fields->referrer),
        .referrer_domain = origin.domain,
        .channel = origin.channel,
        .utm_source = origin.utm_source,
        .utm_medium = origin.utm_medium,
        .utm_campaign = origin.utm_campaign,
        .utm_term = origin.utm_term,
        .utm_content = origin.utm_content,
        .click_id = origin.click_id,
        .product = cut(hit.product),
        .version = cut(hit.version),
        .platform = cut(hit.platform),
        .event = hit.kind == KIND_EVENT ? cut(fields->event) : STR(""),
        .props = cut(fields->props),
        .rules = r->rules,
    };
    set_visitor(r, record, fields, ret);
    return REASON_NONE;
}
