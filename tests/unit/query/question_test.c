#include "query/question.h"
#include "support/unit.h"

static int set(struct question *q, const char *key, const char *value, struct err *err) {
    return question_set(q, str_from(key), str_from(value), err);
}

static void take(struct question *q, const char *key, const char *value) {
    struct err err = {0};
    assert_ok(set(q, key, value, &err), err);
}

static void set__every_key_fills_its_field(void **state) {
    UNUSED(state);
    struct question q = {0};
    take(&q, "metrics", "pageviews, visitors");
    take(&q, "metrics", "bounce_rate,pageviews");
    assert_int_equal(q.n_metrics, 3); /* each once */
    assert_int_equal(q.metrics[2], METRIC_bounce_rate);
    take(&q, "site", "a.org, b.org");
    assert_int_equal(q.n_sites, 2);
    assert_str(q.sites[1], "b.org");
    take(&q, "from", "2021");
    take(&q, "to", "2022");
    assert_str(q.from, "2021");
    assert_str(q.to, "2022");
    take(&q, "by", "quarter");
    assert_int_equal(q.by, GRAIN_QUARTER);
    take(&q, "fill", "true");
    assert_true(q.fill);
    take(&q, "fill", "false");
    assert_false(q.fill);
    take(&q, "fill", "");
    assert_true(q.fill);
    take(&q, "group", "country,os,country");
    assert_int_equal(q.n_group, 2);
    assert_int_equal(q.group[1], DIM_os);
    take(&q, "tz", "Asia/Kolkata");
    assert_str(q.zone, "Asia/Kolkata");
    take(&q, "compare", "quarter");
    assert_int_equal(q.compare, COMPARE_QUARTER);
    take(&q, "align", "weekday");
    assert_int_equal(q.align, ALIGN_WEEKDAY);
    take(&q, "compare", "none");
    assert_int_equal(q.compare, COMPARE_NONE);
    take(&q, "bots", "only");
    assert_int_equal(q.bots, BOTS_ONLY);
    take(&q, "order", "sessions");
    assert_true(q.has_order && q.order == METRIC_sessions);
    take(&q, "limit", "7");
    assert_int_equal(q.limit, 7);
}

static void set__all_sites_are_no_list(void **state) {
    UNUSED(state);
    struct question q = {0};
    take(&q, "site", "all");
    assert_int_equal(q.n_sites, 0);
}

static void filter__the_first_operator_ends_the_name(void **state) {
    UNUSED(state);
    static const struct {
        const char *text;
        enum dimension dimension;
        enum filter_op op;
        const char *value;
    } cases[] = {
        {"country=US", DIM_country, FILTER_IS, "US"},
        {"country!=US", DIM_country, FILTER_IS_NOT, "US"},
        {"path~^/a=b!=~", DIM_path, FILTER_MATCHES, "^/a=b!=~"},
        {"path=", DIM_path, FILTER_IS, ""},
        {"referrer=http://x/?a=1", DIM_referrer, FILTER_IS, "http://x/?a=1"},
        {" os = Linux", DIM_os, FILTER_IS, " Linux"},
        {"path!==x", DIM_path, FILTER_IS_NOT, "=x"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct question q = {0};
        take(&q, "filter", cases[i].text);
        assert_int_equal(q.n_filters, 1);
        assert_int_equal(q.filters[0].dimension, cases[i].dimension);
        assert_int_equal(q.filters[0].op, cases[i].op);
        assert_str(q.filters[0].value, cases[i].value);
    }
}

static void errors__name_the_word_and_what_is_known(void **state) {
    UNUSED(state);
    static const struct {
        const char *key, *value, *known;
    } cases[] = {
        {"metrics", "pagevews", "did you mean 'pageviews'?"},
        {"align", "day", "weekday"},
        {"by", "dayly", "did you mean 'day'?"},
        {"metrics", "visitors,,hits", "hits"},
        {"order", "nothing", "bounce_rate"},
        {"group", "contry", "did you mean 'country'?"},
        {"filter", "contry=US", "country"},
        {"filter", "country", "DIMENSION=VALUE"},
        {"filter", "country!US", "!="},
        {"filter", "", "DIMENSION~REGEX"},
        {"by", "minute", "hour"},
        {"by", "", "year"},
        {"by", "none", "quarter"},
        {"compare", "decade", "previous"},
        {"bots", "yes", "exclude"},
        {"limit", "0", "from 1 on"},
        {"limit", "-1", "from 1 on"},
        {"limit", "many", "from 1 on"},
        {"sort", "x", "unknown part"},
        {"limit", "99999999999999999999999", "from 1 on"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct question q = {0};
        struct err err = {0};
        if (set(&q, cases[i].key, cases[i].value, &err) != ERR_USAGE)
            fail_msg("%s '%s' was taken", cases[i].key, cases[i].value);
        if (strstr(err.text, cases[i].known) == NULL)
            fail_msg("%s '%s': \"%s\" does not name %s", cases[i].key, cases[i].value, err.text,
                     cases[i].known);
    }
    struct question q = {0};
    struct err err = {0};
    assert_int_equal(set(&q, "metrics", "nonsense", &err), ERR_USAGE);
    for (size_t m = 0; m < METRIC_COUNT; m++)
        assert_non_null(strstr(err.text, metric_defs[m].name));
    assert_int_equal(set(&q, "group", "nonsense", &err), ERR_USAGE);
    for (size_t d = 0; d < DIM_COUNT; d++)
        assert_non_null(strstr(err.text, dimension_defs[d].name));
}

static void lists__end_at_their_limit(void **state) {
    UNUSED(state);
    struct question q = {0};
    struct err err = {0};
    for (size_t i = 0; i < QUESTION_MAX; i++) {
        take(&q, "site", "a.org");
        take(&q, "filter", "os=x");
        if (i < METRIC_COUNT)
            take(&q, "metrics", metric_defs[i].name);
        take(&q, "group", dimension_defs[i].name);
    }
    assert_int_equal(set(&q, "site", "b.org", &err), ERR_USAGE);
    assert_non_null(strstr(err.text, "16 sites"));
    assert_int_equal(set(&q, "filter", "os=y", &err), ERR_USAGE);
    assert_non_null(strstr(err.text, "16 filters"));
    assert_int_equal(set(&q, "group", dimension_defs[QUESTION_MAX].name, &err), ERR_USAGE);
    assert_non_null(strstr(err.text, "16 dimensions"));
}

static void check__parts_must_go_together(void **state) {
    UNUSED(state);
    static const struct {
        const char *words[4][2];
        const char *fault; /* NULL: fine */
    } cases[] = {
        {{{"limit", "3"}}, "limit counts groups"},
        {{{"limit", "3"}, {"by", "day"}}, "limit counts groups"},
        {{{"limit", "3"}, {"group", "os"}}, NULL},
        {{{"align", "weekday"}}, "comparison"},
        {{{"align", "weekday"}, {"compare", "previous"}}, "comparison"},
        {{{"align", "weekday"}, {"compare", "year"}}, NULL},
        {{{"align", "weekday"}, {"compare", "year"}, {"by", "hour"}}, NULL},
        {{{"align", "weekday"}, {"compare", "month"}, {"by", "week"}}, NULL},
        {{{"align", "weekday"}, {"compare", "year"}, {"by", "month"}}, "by month"},
        {{{"align", "date"}, {"compare", "previous"}, {"by", "month"}}, NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct question q = {0};
        struct err err = {0};
        assert_int_equal(question_check(&q, &err), ERR_USAGE); /* no metric */
        take(&q, "metrics", "hits");
        for (size_t j = 0; j < 4 && cases[i].words[j][0] != NULL; j++)
            take(&q, cases[i].words[j][0], cases[i].words[j][1]);
        err = (struct err){0};
        assert_int_equal(question_check(&q, &err), cases[i].fault ? ERR_USAGE : 0);
        if (cases[i].fault != NULL)
            assert_non_null(strstr(err.text, cases[i].fault));
    }
}

static void json__repeats_the_question(void **state) {
    UNUSED(state);
    struct question q = {0};
    struct buf out = {0};
    question_to_json(&q, STR("UTC"), STR("a"), STR("b"), &out);
    assert_str(
        buf_str(&out),
        "{\"metrics\":[],\"sites\":\"all\",\"from\":\"a\",\"to\":\"b\",\"tz\":\"UTC\",\"group\":[],"
        "\"filters\":[],\"bots\":\"exclude\"}");
    buf_clear(&out);
    take(&q, "metrics", "hits");
    take(&q, "site", "a\"b");
    take(&q, "by", "day");
    take(&q, "fill", "");
    take(&q, "group", "os");
    take(&q, "filter", "path!=\"");
    take(&q, "compare", "week");
    take(&q, "align", "weekday");
    take(&q, "order", "hits");
    take(&q, "limit", "3");
    question_to_json(&q, STR("UTC"), STR("a"), STR("b"), &out);
    assert_str(
        buf_str(&out),
        "{\"metrics\":[\"hits\"],\"sites\":[\"a\\\"b\"],\"from\":\"a\",\"to\":\"b\",\"tz\":\"UTC\","
        "\"by\":\"day\",\"fill\":true,\"group\":[\"os\"],\"filters\":[\"path!=\\\"\"],"
        "\"bots\":\"exclude\",\"compare\":\"week\",\"align\":\"weekday\",\"order\":\"hits\","
        "\"limit\":3}");
    buf_release(&out);
}

UNIT_MAIN(unit_test(set__every_key_fills_its_field), unit_test(set__all_sites_are_no_list),
          unit_test(filter__the_first_operator_ends_the_name),
          unit_test(errors__name_the_word_and_what_is_known), unit_test(lists__end_at_their_limit),
          unit_test(check__parts_must_go_together), unit_test(json__repeats_the_question))
