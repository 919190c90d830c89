#include "query/question.h"

#include "base/nearest.h"

#include <stdlib.h>

static const char *const compare_names[] = {"none", "week", "month", "quarter", "year", "previous"};
static const char *const align_names[] = {"date", "weekday"};
static const char *const bots_names[] = {"exclude", "include", "only"};
static const char *const grain_names[] = {"hour", "day", "week", "month", "quarter", "year"};

/* Words that a part of a question may be: the first member of each row of a table. */
struct words {
    const char *what;
    const char *const *first;
    size_t stride, n;
};
#define WORDS(what, table, member)                                                                 \
    { what, &(table)[0] member, sizeof(table)[0], ARRAY_LEN(table) }
static const struct words metric_words = WORDS("metric", metric_defs, .name);
static const struct words dimension_words = WORDS("dimension", dimension_defs, .name);
static const struct words grain_words = WORDS("grain", grain_names, );
static const struct words compare_words = WORDS("comparison", compare_names, );
static const struct words align_words = WORDS("alignment", align_names, );
static const struct words bots_words = WORDS("value of bots", bots_names, );

static int find_word(const struct words *words, struct str word, size_t *ret, struct err *err) {
    struct nearest nearest = {.word = word};
    struct buf known = {0};
    for (size_t i = 0; i < words->n; i++) {
        const char *name = words->first[i * (words->stride / sizeof *words->first)];
        if (str_is(word, name)) {
            *ret = i;
            buf_release(&known);
            return 0;
        }
        nearest_offer(&nearest, name);
        buf_printf(&known, "%s%s", i ? ", " : "", name);
    }
    int rc = err_set(err, ERR_USAGE, "unknown %s '" STR_FMT "'%s%s%s (known: %s)", words->what,
                     STR_ARG(word), nearest.best ? ": did you mean '" : "",
                     nearest.best ? nearest.best : "", nearest.best ? "'?" : "", buf_cstr(&known));
    buf_release(&known);
    return rc;
}

static int too_many(struct err *err, const char *what) {
    return err_set(err, ERR_USAGE, "at most %d %s in one question", QUESTION_MAX, what);
}

/* Words between commas, added to `list` of *n places, each once. */
static int set_list(const struct words *words, const char *plural, struct str value, unsigned *list,
                    size_t *n, struct err *err) {
    struct str piece;
    while (str_split(&value, ',', &piece)) {
        size_t place = 0;
        int rc = find_word(words, str_trim(piece), &place, err);
        if (rc != 0)
            return rc;
        bool seen = false;
        for (size_t i = 0; i < *n; i++)
            seen = seen || list[i] == place;
        if (seen)
            continue;
        if (*n == QUESTION_MAX)
            return too_many(err, plural);
        list[(*n)++] = (unsigned)place;
    }
    return 0;
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
    size_t place = 0;
    int rc = find_word(&dimension_words, str_trim(str_of(value.ptr, at)), &place, err);
    if (rc != 0)
        return rc;
    filter.dimension = (enum dimension)place;
    if (q->n_filters == QUESTION_MAX)
        return too_many(err, "filters");
    filter.value = str_skip(value, at + skip);
    if (filter.op != FILTER_MATCHES && str_is(filter.value, "-"))
        filter.value = STR(""); /* as tables show it */
    q->filters[q->n_filters++] = filter;
    return 0;
}

static int set_limit(struct question *q, struct str value, struct err *err) {
    if (!str_to_u64(value, &q->limit) || q->limit == 0)
        return err_set(err, ERR_USAGE, "limit '" STR_FMT "' is not a number of groups from 1 on",
                       STR_ARG(value));
    return 0;
}

/* Without a value: as a bare word of a query string. */
static int set_fill(struct question *q, struct str value, struct err *err) {
    q->fill = value.len == 0 || str_is(value, "true") || str_is(value, "1");
    if (!q->fill && !str_is(value, "false") && !str_is(value, "0"))
        return err_set(err, ERR_USAGE, "fill '" STR_FMT "' is neither true nor false",
                       STR_ARG(value));
    return 0;
}

int question_set(struct question *q, struct str key, struct str value, struct err *err) {
    size_t place = 0;
    int rc = 0;
    if (str_is(key, "metrics"))
        return set_list(&metric_words, "metrics", value, q->metrics, &q->n_metrics, err);
    if (str_is(key, "group"))
        return set_list(&dimension_words, "dimensions", value, q->group, &q->n_group, err);
    if (str_is(key, "site"))
        return set_sites(q, value, err);
    if (str_is(key, "filter"))
        return set_filter(q, value, err);
    if (str_is(key, "limit"))
        return set_limit(q, value, err);
    if (str_is(key, "by")) {
        rc = find_word(&grain_words, value, &place, err);
        q->by = (enum grain)(GRAIN_HOUR + place);
    } else if (str_is(key, "compare")) {
        rc = find_word(&compare_words, value, &place, err);
        q->compare = (enum compare)place;
    } else if (str_is(key, "align")) {
        rc = find_word(&align_words, value, &place, err);
        q->align = (enum align)place;
    } else if (str_is(key, "bots")) {
        rc = find_word(&bots_words, value, &place, err);
        q->bots = (enum bots)place;
    } else if (str_is(key, "order")) {
        rc = find_word(&metric_words, value, &place, err);
        q->has_order = true;
        q->order = (enum metric)place;
    } else if (str_is(key, "from")) {
        q->from = value;
    } else if (str_is(key, "to")) {
        q->to = value;
    } else if (str_is(key, "tz")) {
        q->zone = value;
    } else if (str_is(key, "fill")) {
        rc = set_fill(q, value, err);
    } else {
        rc = err_set(err, ERR_USAGE, "unknown part of a question '" STR_FMT "'", STR_ARG(key));
    }
    return rc;
}

int question_check(const struct question *q, struct err *err) {
    bool weekly = q->compare >= COMPARE_WEEK && q->compare <= COMPARE_YEAR;
    if (q->n_metrics == 0)
        return err_set(err, ERR_USAGE, "the question names no metric");
    if (q->limit > 0 && q->n_group == 0)
        return err_set(err, ERR_USAGE, "a limit counts groups, so it needs dimensions to group by");
    if (q->align == ALIGN_WEEKDAY && !weekly)
        return err_set(err, ERR_USAGE,
                       "alignment by weekday needs a comparison with the week, month, quarter or "
                       "year before");
    if (q->align == ALIGN_WEEKDAY && q->by > GRAIN_WEEK)
        return err_set(err, ERR_USAGE,
                       "alignment by weekday is for hours, days and weeks, not by %s",
                       grain_name(q->by));
    return 0;
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
    if (q->align != ALIGN_DATE)
        add_json(out, "align", str_from(align_names[q->align]));
    if (q->has_order)
        add_json(out, "order", str_from(metric_defs[q->order].name));
    if (q->limit)
        buf_printf(out, ",\"limit\":%llu", (unsigned long long)q->limit);
    buf_add_char(out, '}');
}
