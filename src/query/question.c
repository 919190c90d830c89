#include "query/question.h"

#include <stdlib.h>

static const char *const compare_names[] = {"none", "week", "month", "quarter", "year", "previous"};
static const char *const bots_names[] = {"exclude", "include", "only"};

/* "what 'word' is not known (known: a b c)" */
static int unknown(struct err *err, const char *what, struct str word, const char *known) {
    return err_set(err, ERR_USAGE, "unknown %s '" STR_FMT "' (known: %s)", what, STR_ARG(word),
                   known);
}

static int find_word(struct str word, const char *const *names, size_t n, const char *what,
                     size_t *ret, struct err *err) {
    struct buf known = {0};
    for (size_t i = 0; i < n; i++) {
        if (str_is(word, names[i])) {
            *ret = i;
            buf_release(&known);
            return 0;
        }
        buf_printf(&known, "%s%s", i ? ", " : "", names[i]);
    }
    int rc = unknown(err, what, word, buf_cstr(&known));
    buf_release(&known);
    return rc;
}

static int parse_metric(struct str word, enum metric *ret, struct err *err) {
    if (metric_find(word, ret))
        return 0;
    struct buf known = {0};
    for (size_t i = 0; i < METRIC_COUNT; i++)
        buf_printf(&known, "%s%s", i ? ", " : "", metric_defs[i].name);
    int rc = unknown(err, "metric", word, buf_cstr(&known));
    buf_release(&known);
    return rc;
}

static int parse_dimension(struct str word, enum dimension *ret, struct err *err) {
    if (dimension_find(word, ret))
        return 0;
    struct buf known = {0};
    for (size_t i = 0; i < DIM_COUNT; i++)
        buf_printf(&known, "%s%s", i ? ", " : "", dimension_defs[i].name);
    int rc = unknown(err, "dimension", word, buf_cstr(&known));
    buf_release(&known);
    return rc;
}

static int too_many(struct err *err, const char *what) {
    return err_set(err, ERR_USAGE, "at most %d %s in one question", QUESTION_MAX, what);
}

static int set_metrics(struct question *q, struct str value, struct err *err) {
    struct str piece;
    int rc = 0;
    while (rc == 0 && str_split(&value, ',', &piece)) {
        enum metric m = 0;
        rc = parse_metric(str_trim(piece), &m, err);
        bool seen = false;
        for (size_t i = 0; i < q->n_metrics; i++)
            seen = seen || q->metrics[i] == m;
        if (rc != 0 || seen)
            continue;
        if (q->n_metrics == QUESTION_MAX)
            return too_many(err, "metrics");
        q->metrics[q->n_metrics++] = m;
    }
    return rc;
}

static int set_sites(struct question *q, struct str value, struct err *err) {
    struct str piece;
    if (str_is(value, "all"))
        return 0;
    while (str_split(&value, ',', &piece)) {
        if (q->n_sites == QUESTION_MAX)
            return too_many(err, "sites");
        q->sites[q->n_sites++] = str_trim(piece);
    }
    return 0;
}

static int set_group(struct question *q, struct str value, struct err *err) {
    struct str piece;
    int rc = 0;
    while (rc == 0 && str_split(&value, ',', &piece)) {
        enum dimension d = 0;
        rc = parse_dimension(str_trim(piece), &d, err);
        bool seen = false;
        for (size_t i = 0; i < q->n_group; i++)
            seen = seen || q->group[i] == d;
        if (rc != 0 || seen)
            continue;
        if (q->n_group == QUESTION_MAX)
            return too_many(err, "dimensions");
        q->group[q->n_group++] = d;
    }
    return rc;
}

/* DIM=VALUE, DIM!=VALUE, DIM~REGEX: the first of = ! ~ ends the name. */
static int set_filter(struct question *q, struct str value, struct err *err) {
    size_t at = 0;
    while (at < value.len && value.ptr[at] != '=' && value.ptr[at] != '!' && value.ptr[at] != '~')
        at++;
    struct filter filter = {0};
    size_t skip = 1;
    bool bad = at == value.len;
    if (!bad && value.ptr[at] == '!') {
        filter.op = FILTER_IS_NOT;
        skip = 2;
        bad = at + 1 == value.len || value.ptr[at + 1] != '=';
    } else if (!bad) {
        filter.op = value.ptr[at] == '~' ? FILTER_MATCHES : FILTER_IS;
    }
    if (bad)
        return err_set(err, ERR_USAGE,
                       "filter '" STR_FMT
                       "' should be DIMENSION=VALUE, DIMENSION!=VALUE or DIMENSION~REGEX",
                       STR_ARG(value));
    int rc = parse_dimension(str_trim(str_of(value.ptr, at)), &filter.dimension, err);
    if (rc != 0)
        return rc;
    if (q->n_filters == QUESTION_MAX)
        return too_many(err, "filters");
    filter.value = str_skip(value, at + skip);
    if (filter.op != FILTER_MATCHES && str_is(filter.value, "-"))
        filter.value = STR(""); /* as tables show it */
    q->filters[q->n_filters++] = filter;
    return 0;
}

static int set_grain(struct question *q, struct str value, struct err *err) {
    if (grain_parse(value, &q->by) && q->by != GRAIN_NONE)
        return 0;
    return unknown(err, "grain", value, "hour, day, week, month, quarter, year");
}

static int set_order(struct question *q, struct str value, struct err *err) {
    q->has_order = true;
    return parse_metric(value, &q->order, err);
}

static int set_limit(struct question *q, struct str value, struct err *err) {
    if (!str_to_u64(value, &q->limit) || q->limit == 0)
        return err_set(err, ERR_USAGE, "limit '" STR_FMT "' is not a number of groups from 1 on",
                       STR_ARG(value));
    return 0;
}

int question_set(struct question *q, struct str key, struct str value, struct err *err) {
    size_t place = 0;
    int rc = 0;
    if (str_is(key, "metrics"))
        return set_metrics(q, value, err);
    if (str_is(key, "site"))
        return set_sites(q, value, err);
    if (str_is(key, "group"))
        return set_group(q, value, err);
    if (str_is(key, "filter"))
        return set_filter(q, value, err);
    if (str_is(key, "by"))
        return set_grain(q, value, err);
    if (str_is(key, "order"))
        return set_order(q, value, err);
    if (str_is(key, "limit"))
        return set_limit(q, value, err);
    if (str_is(key, "compare")) {
        rc = find_word(value, compare_names, ARRAY_LEN(compare_names), "comparison", &place, err);
        q->compare = (enum compare)place;
    } else if (str_is(key, "bots")) {
        rc = find_word(value, bots_names, ARRAY_LEN(bots_names), "value of bots", &place, err);
        q->bots = (enum bots)place;
    } else if (str_is(key, "from")) {
        q->from = value;
    } else if (str_is(key, "to")) {
        q->to = value;
    } else if (str_is(key, "tz")) {
        q->zone = value;
    } else if (str_is(key, "fill")) {
        q->fill = true;
    } else {
        rc = err_set(err, ERR_USAGE, "unknown part of a question '" STR_FMT "'", STR_ARG(key));
    }
    return rc;
}

static void add_json(struct buf *out, const char *key, struct str value) {
    buf_printf(out, ",\"%s\":\"", key);
    buf_add_json(out, value);
    buf_add_char(out, '"');
}

static void filters_to_json(const struct question *q, struct buf *out) {
    static const char *const ops[] = {"=", "!=", "~"};
    buf_add_cstr(out, ",\"filters\":[");
    for (size_t i = 0; i < q->n_filters; i++) {
        buf_printf(out, "%s\"%s%s", i ? "," : "", dimension_defs[q->filters[i].dimension].name,
                   ops[q->filters[i].op]);
        buf_add_json(out, q->filters[i].value);
        buf_add_char(out, '"');
    }
    buf_add_char(out, ']');
}

void question_to_json(const struct question *q, struct str zone, struct str from, struct str to,
                      struct buf *out) {
    buf_add_cstr(out, "{\"metrics\":[");
    for (size_t i = 0; i < q->n_metrics; i++)
        buf_printf(out, "%s\"%s\"", i ? "," : "", metric_defs[q->metrics[i]].name);
    buf_add_cstr(out, "],\"sites\":");
    buf_add_cstr(out, q->n_sites ? "[" : "\"all\"");
    for (size_t i = 0; i < q->n_sites; i++) {
        buf_add_cstr(out, i ? ",\"" : "\"");
        buf_add_json(out, q->sites[i]);
        buf_add_char(out, '"');
    }
    buf_add_cstr(out, q->n_sites ? "]" : "");
    add_json(out, "from", from);
    add_json(out, "to", to);
    add_json(out, "tz", zone);
    if (q->by != GRAIN_NONE)
        add_json(out, "by", str_from(grain_name(q->by)));
    if (q->fill)
        buf_add_cstr(out, ",\"fill\":true");
    buf_add_cstr(out, ",\"group\":[");
    for (size_t i = 0; i < q->n_group; i++)
        buf_printf(out, "%s\"%s\"", i ? "," : "", dimension_defs[q->group[i]].name);
    buf_add_char(out, ']');
    filters_to_json(q, out);
    add_json(out, "bots", str_from(bots_names[q->bots]));
    if (q->compare != COMPARE_NONE)
        add_json(out, "compare", str_from(compare_names[q->compare]));
    if (q->has_order)
        add_json(out, "order", str_from(metric_defs[q->order].name));
    if (q->limit)
        buf_printf(out, ",\"limit\":%llu", (unsigned long long)q->limit);
    buf_add_char(out, '}');
}
