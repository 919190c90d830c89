#include "agent/rules.h"

#include "base/fs.h"
#include <jansson.h>
#include <stdlib.h>
#include <yaml.h>

/* The lists of regexes.yaml and where each key of a rule goes. Other keys are read over. */
struct key {
    const char *name;
    size_t at; /* of a struct str in struct agent_rule */
};
#define KEY(name, field)                                                                           \
    { name, offsetof(struct agent_rule, field) }
static const struct {
    const char *name;
    enum agent_list list;
    struct key keys[6];
} yaml_lists[] = {
    {"user_agent_parsers",
     AGENT_BROWSER,
     {KEY("regex", regex), KEY("family_replacement", parts[0]), KEY("v1_replacement", parts[1]),
      KEY("v2_replacement", parts[2]), KEY("v3_replacement", parts[3])}},
    {"os_parsers",
     AGENT_OS,
     {KEY("regex", regex), KEY("os_replacement", parts[0]), KEY("os_v1_replacement", parts[1]),
      KEY("os_v2_replacement", parts[2]), KEY("os_v3_replacement", parts[3]),
      KEY("os_v4_replacement", parts[4])}},
    {"device_parsers",
     AGENT_DEVICE,
     {KEY("regex", regex), KEY("device_replacement", parts[0]), KEY("brand_replacement", parts[1]),
      KEY("model_replacement", parts[2])}},
};

/* What a crawler's tags make of it; the first of these that it has counts. */
static const struct {
    const char *tag, *kind;
} tag_kinds[] = {
    {"ai-crawler", "ai-training"}, {"search-engine", "search"}, {"feed-reader", "feed"},
    {"monitoring", "monitor"},     {"scanner", "scanner"},
};

static const char *const bot_kinds[] = {"search",  "ai-training", "ai-index", "ai-assistant",
                                        "monitor", "feed",        "scanner",  "other"};
static const char *const device_classes[] = {"desktop", "mobile",   "tablet", "tv",
                                             "console", "wearable", "bot",    "other"};

typedef VEC(struct agent_rule) rule_vec;

struct reader {
    yaml_parser_t parser;
    const char *path;
    struct arena *strings;
    rule_vec *lists; /* AGENT_LISTS of them */
    struct err *err;
};

static int bad(struct reader *r, const yaml_event_t *at, const char *what) {
    return err_set(r->err, ERR_CORRUPT, "%s:%zu: %s", r->path, at->start_mark.line + 1, what);
}

static int next_event(struct reader *r, yaml_event_t *ret) {
    if (yaml_parser_parse(&r->parser, ret))
        return 0;
    return err_set(r->err, ERR_CORRUPT, "%s:%zu: %s", r->path, r->parser.problem_mark.line + 1,
                   r->parser.problem ? r->parser.problem : "not YAML");
}

static struct str scalar(const yaml_event_t *event) {
    return str_of((const char *)event->data.scalar.value, event->data.scalar.length);
}

/* Read over the node that starts with the next event. */
static int skip_node(struct reader *r) {
    size_t depth = 0;
    do {
        yaml_event_t event;
        int rc = next_event(r, &event);
        if (rc != 0)
            return rc;
        yaml_event_type_t type = event.type;
        yaml_event_delete(&event);
        if (type == YAML_MAPPING_START_EVENT || type == YAML_SEQUENCE_START_EVENT)
            depth++;
        else if (type == YAML_MAPPING_END_EVENT || type == YAML_SEQUENCE_END_EVENT)
            depth--;
    } while (depth > 0);
    return 0;
}

static int add_rule(rule_vec *list, const struct agent_rule *rule, const char *path, size_t line,
                    struct err *err) {
    if (rule->regex.len == 0)
        return err_set(err, ERR_CORRUPT, "%s:%zu: a rule without a regular expression", path, line);
    if (rule->regex.len > AGENT_REGEX_BYTES)
        return err_set(err, ERR_CORRUPT, "%s:%zu: a regular expression of over %zu bytes", path,
                       line, AGENT_REGEX_BYTES);
    if (list->len == AGENT_RULES_MAX)
        return err_set(err, ERR_TOOBIG, "%s:%zu: more than %zu rules", path, line, AGENT_RULES_MAX);
    vec_push(list, *rule);
    return 0;
}

/* The value of `key` in a rule of yaml_lists[l]. */
static int read_value(struct reader *r, size_t l, struct str key, struct agent_rule *rule) {
    yaml_event_t event;
    int rc = next_event(r, &event);
    if (rc != 0)
        return rc;
    if (event.type != YAML_SCALAR_EVENT) {
        rc = bad(r, &event, "expected one string as the value of a rule's key");
    } else if (str_is(key, "regex_flag")) {
        rule->nocase = str_is(scalar(&event), "i");
    } else {
        const struct key *keys = yaml_lists[l].keys;
        for (size_t i = 0; i < ARRAY_LEN(yaml_lists[l].keys) && keys[i].name; i++)
            if (str_is(key, keys[i].name))
                *(struct str *)((char *)rule + keys[i].at) = arena_dup(r->strings, scalar(&event));
    }
    yaml_event_delete(&event);
    return rc;
}

/* One rule, behind its MAPPING_START. */
static int read_rule(struct reader *r, size_t l, size_t line) {
    struct agent_rule rule = {0};
    for (;;) {
        yaml_event_t event;
        int rc = next_event(r, &event);
        if (rc != 0)
            return rc;
        bool end = event.type == YAML_MAPPING_END_EVENT;
        if (event.type == YAML_SCALAR_EVENT)
            rc = read_value(r, l, scalar(&event), &rule);
        else if (!end)
            rc = bad(r, &event, "expected a key of a rule");
        yaml_event_delete(&event);
        if (rc != 0)
            return rc;
        if (end)
            return add_rule(&r->lists[yaml_lists[l].list], &rule, r->path, line, r->err);
    }
}

static int read_list(struct reader *r, size_t l) {
    yaml_event_t event;
    int rc = next_event(r, &event);
    if (rc != 0)
        return rc;
    if (event.type != YAML_SEQUENCE_START_EVENT)
        rc = bad(r, &event, "expected a list of rules");
    yaml_event_delete(&event);
    while (rc == 0) {
        if ((rc = next_event(r, &event)) != 0)
            return rc;
        bool end = event.type == YAML_SEQUENCE_END_EVENT;
        if (event.type == YAML_MAPPING_START_EVENT)
            rc = read_rule(r, l, event.start_mark.line + 1);
        else if (!end)
            rc = bad(r, &event, "expected a rule");
        yaml_event_delete(&event);
        if (end)
            break;
    }
    return rc;
}

/* The value that belongs to a key of the outermost mapping. */
static int read_top(struct reader *r, struct str key) {
    for (size_t l = 0; l < ARRAY_LEN(yaml_lists); l++)
        if (str_is(key, yaml_lists[l].name))
            return read_list(r, l);
    return skip_node(r);
}

/* The whole file: stream, document, mapping. A list it lacks is a broken file. */
static int read_yaml(struct reader *r) {
    size_t depth = 0;
    for (bool end = false; !end;) {
        yaml_event_t event;
        int rc = next_event(r, &event);
        if (rc != 0)
            return rc;
        end = event.type == YAML_STREAM_END_EVENT;
        if (event.type == YAML_MAPPING_START_EVENT)
            depth++;
        else if (event.type == YAML_MAPPING_END_EVENT)
            depth--;
        else if (event.type == YAML_SCALAR_EVENT && depth == 1)
            rc = read_top(r, scalar(&event));
        else if (event.type == YAML_SCALAR_EVENT || event.type == YAML_SEQUENCE_START_EVENT ||
                 event.type == YAML_ALIAS_EVENT)
            rc = bad(r, &event, "expected the lists of rules");
        yaml_event_delete(&event);
        if (rc != 0)
            return rc;
    }
    for (size_t l = 0; l < ARRAY_LEN(yaml_lists); l++)
        if (r->lists[yaml_lists[l].list].len == 0)
            return err_set(r->err, ERR_CORRUPT, "%s: no %s", r->path, yaml_lists[l].name);
    return 0;
}

static int read_regexes(const char *path, struct arena *strings, rule_vec *lists, struct err *err) {
    struct buf text = {0};
    struct reader r = {.path = path, .strings = strings, .lists = lists, .err = err};
    int rc = fs_read_file(path, AGENT_FILE_BYTES, &text, err);
    if (rc != 0)
        goto out;
    if (!yaml_parser_initialize(&r.parser))
        abort(); /* out of memory (base.h) */
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)buf_cstr(&text), text.len);
    rc = read_yaml(&r);
    yaml_parser_delete(&r.parser);
out:
    buf_release(&text);
    return rc;
}

static bool has_tag(const json_t *crawler, const char *tag) {
    size_t i;
    json_t *one;
    json_array_foreach(json_object_get(crawler, "tags"), i, one) {
        if (json_is_string(one) && strcmp(json_string_value(one), tag) == 0)
            return true;
    }
    return false;
}

static struct str kind_by_tags(const json_t *crawler) {
    for (size_t i = 0; i < ARRAY_LEN(tag_kinds); i++)
        if (has_tag(crawler, tag_kinds[i].tag))
            return str_from(tag_kinds[i].kind);
    return STR("other");
}

static int read_crawlers(const char *path, struct arena *strings, rule_vec *list, struct err *err) {
    struct buf text = {0};
    json_t *root = NULL;
    int rc = fs_read_file(path, AGENT_FILE_BYTES, &text, err);
    if (rc != 0)
        goto out;
    json_error_t problem;
    root = json_loadb(buf_cstr(&text), text.len, 0, &problem);
    if (root == NULL) {
        rc = err_set(err, ERR_CORRUPT, "%s:%d: %s", path, problem.line, problem.text);
        goto out;
    }
    if (!json_is_array(root) || json_array_size(root) == 0) {
        rc = err_set(err, ERR_CORRUPT, "%s: expected an array of crawlers", path);
        goto out;
    }
    size_t i;
    json_t *crawler;
    json_array_foreach(root, i, crawler) {
        const json_t *pattern = json_object_get(crawler, "pattern");
        if (!json_is_string(pattern)) {
            rc = err_set(err, ERR_CORRUPT, "%s: entry %zu has no pattern", path, i + 1);
            goto out;
        }
        struct str regex = str_of(json_string_value(pattern), json_string_length(pattern));
        struct agent_rule rule = {.regex = arena_dup(strings, regex),
                                  .kind = kind_by_tags(crawler)};
        if ((rc = add_rule(list, &rule, path, i + 1, err)) != 0)
            goto out;
    }
out:
    json_decref(root);
    buf_release(&text);
    return rc;
}

/* --- the lists of our own: lines of text, # begins a comment, [WORD] a section --- */

struct own_list {
    const char *path;
    struct arena *strings;
    rule_vec *list;
    struct agent_rules *rules;
    const char *const *sections; /* allowed ones, NULL: a list without sections */
    size_t sections_len;
    struct str section; /* the one that we are in */
};

/* One line that says something. */
typedef int line_fn(struct own_list *l, struct str line, size_t number, struct err *err);

static int enter_section(struct own_list *l, struct str name, size_t number, struct err *err) {
    for (size_t i = 0; i < l->sections_len; i++) {
        if (str_is(name, l->sections[i])) {
            l->section = str_from(l->sections[i]);
            return 0;
        }
    }
    return err_set(err, ERR_CORRUPT, "%s:%zu: no such section: " STR_FMT, l->path, number,
                   STR_ARG(name));
}

static int read_own(struct own_list *l, line_fn *take, struct err *err) {
    struct buf text = {0};
    int rc = fs_read_file(l->path, AGENT_FILE_BYTES, &text, err);
    struct str rest = buf_str(&text), line;
    for (size_t n = 1; rc == 0 && str_split(&rest, '\n', &line); n++) {
        line = str_trim(line);
        if (line.len == 0 || line.ptr[0] == '#')
            continue;
        if (l->sections != NULL && line.ptr[0] == '[' && line.ptr[line.len - 1] == ']')
            rc = enter_section(l, str_of(line.ptr + 1, line.len - 2), n, err);
        else if (l->sections != NULL && l->section.len == 0)
            rc = err_set(err, ERR_CORRUPT, "%s:%zu: in front of the first section", l->path, n);
        else
            rc = take(l, line, n, err);
    }
    buf_release(&text);
    return rc;
}

static int take_client(struct own_list *l, struct str line, size_t number, struct err *err) {
    struct agent_rule rule = {.regex = arena_dup(l->strings, line)};
    return add_rule(l->list, &rule, l->path, number, err);
}

/* NAME = REGEX, or a NAME that is its own expression. */
static int take_bot(struct own_list *l, struct str line, size_t number, struct err *err) {
    struct agent_rule rule = {.kind = l->section};
    const char *equals = memmem(line.ptr, line.len, " = ", 3);
    struct str name = equals ? str_of(line.ptr, (size_t)(equals - line.ptr)) : line;
    struct str regex = equals ? str_skip(line, name.len + 3) : line;
    rule.parts[0] = arena_dup(l->strings, str_trim(name));
    rule.regex = arena_dup(l->strings, str_trim(regex));
    return add_rule(l->list, &rule, l->path, number, err);
}

/* os: FAMILY, or a REGEX over the agent. */
static int take_class(struct own_list *l, struct str line, size_t number, struct err *err) {
    if (str_starts(line, STR("os: "))) {
        struct agent_os_class one = {arena_dup(l->strings, str_trim(str_skip(line, 4))),
                                     l->section};
        vec_push(&l->rules->os_classes, one);
        return 0;
    }
    struct agent_rule rule = {.regex = arena_dup(l->strings, line), .kind = l->section};
    return add_rule(l->list, &rule, l->path, number, err);
}

static int read_own_lists(const struct agent_files *files, struct agent_rules *rules,
                          rule_vec *lists, struct err *err) {
    struct own_list clients = {files->clients, &rules->strings, &lists[AGENT_CLIENT]};
    struct own_list bots = {.path = files->bots,
                            .strings = &rules->strings,
                            .list = &lists[AGENT_BOT],
                            .sections = bot_kinds,
                            .sections_len = ARRAY_LEN(bot_kinds)};
    struct own_list classes = {.path = files->classes,
                               .strings = &rules->strings,
                               .list = &lists[AGENT_CLASS],
                               .rules = rules,
                               .sections = device_classes,
                               .sections_len = ARRAY_LEN(device_classes)};
    int rc = read_own(&clients, take_client, err);
    if (rc == 0)
        rc = read_own(&bots, take_bot, err);
    if (rc == 0)
        rc = read_own(&classes, take_class, err);
    return rc;
}

int agent_rules_read(const struct agent_files *files, struct agent_rules *ret, struct err *err) {
    *ret = (struct agent_rules){0};
    rule_vec lists[AGENT_LISTS] = {0};
    int rc = read_regexes(files->regexes, &ret->strings, lists, err);
    if (rc == 0)
        rc = read_crawlers(files->crawlers, &ret->strings, &lists[AGENT_CRAWLER], err);
    if (rc == 0)
        rc = read_own_lists(files, ret, lists, err);
    for (size_t l = 0; l < AGENT_LISTS; l++)
        ret->first[l + 1] = ret->first[l] + lists[l].len;
    ret->len = ret->first[AGENT_LISTS];
    ret->rules = xcalloc(max_size(ret->len, 1), sizeof *ret->rules);
    for (size_t l = 0; l < AGENT_LISTS; l++) {
        if (lists[l].len)
            memcpy(ret->rules + ret->first[l], lists[l].items, lists[l].len * sizeof *ret->rules);
        vec_free(&lists[l]);
    }
    return rc;
}

void agent_rules_release(struct agent_rules *r) {
    free(r->rules);
    vec_free(&r->os_classes);
    arena_release(&r->strings);
    *r = (struct agent_rules){0};
}
