/* Lines KEY=VALUE, each given to question_set(), as the command line and the API do with what they
 * are sent. What was understood is shown as JSON that gives the same question again. */
#include "query/question.h"

#include <jansson.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* False: refused, with words that say why. */
static bool set(struct question *q, struct str key, struct str value) {
    struct err err = {0};
    int rc = question_set(q, key, value, &err);
    assert(rc == 0 || (rc == ERR_USAGE && err.code == rc && err.text[0] != '\0'));
    assert(q->n_metrics <= QUESTION_MAX && q->n_sites <= QUESTION_MAX);
    assert(q->n_group <= QUESTION_MAX && q->n_filters <= QUESTION_MAX);
    return rc == 0;
}

static json_t *shown(const struct question *q, struct buf *text) {
    question_to_json(q, q->zone, q->from, q->to, text);
    json_t *doc =
        json_loadb(buf_cstr(text), text->len, JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, NULL);
    assert(doc != NULL);
    return doc;
}

static void set_again(struct question *q, const char *key, const json_t *value) {
    if (value != NULL && json_string_length(value) > 0)
        assert(set(q, str_from(key), str_of(json_string_value(value), json_string_length(value))));
}

static void set_each_again(struct question *q, const char *key, const json_t *values) {
    size_t i;
    json_t *value;
    json_array_foreach(values, i, value) set_again(q, key, value);
}

static void check_shown(struct question *q) {
    struct buf text = {0}, text_again = {0};
    json_t *doc = shown(q, &text);
    assert(json_array_size(json_object_get(doc, "metrics")) == q->n_metrics);
    assert(json_array_size(json_object_get(doc, "sites")) == q->n_sites);
    struct question again = {.limit = q->limit};
    set_each_again(&again, "metrics", json_object_get(doc, "metrics"));
    set_each_again(&again, "group", json_object_get(doc, "group"));
    set_each_again(&again, "filter", json_object_get(doc, "filters"));
    static const char *const words[] = {"by", "from", "to", "tz", "compare", "bots", "order"};
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        set_again(&again, words[i], json_object_get(doc, words[i]));
    again.fill = json_is_true(json_object_get(doc, "fill"));
    /* Not by question_set(): the word "all", given as one of several sites, is a site. */
    again.n_sites = q->n_sites;
    memcpy(again.sites, q->sites, sizeof again.sites);
    json_decref(shown(&again, &text_again));
    assert(str_eq(buf_str(&text), buf_str(&text_again)));
    json_decref(doc);
    buf_release(&text);
    buf_release(&text_again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct str rest = str_of((const char *)data, size), key, value;
    struct question q = {0};
    while (str_split(&rest, '\n', &value))
        if (str_split(&value, '=', &key) && value.ptr != NULL)
            (void)set(&q, key, value);
    check_shown(&q);
    return 0;
}
