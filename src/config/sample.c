#include "config/config.h"
#include "config/option.h"
#include "config/value.h"

#define WIDTH ((size_t)79)

/* Prose is "# text"; a row that only shows the default is "#key: value", so that taking the "#"
 * away is all it needs. */
static void prose(const char *first, const char *text, size_t column, bool inactive,
                  struct buf *out) {
    struct buf all = {0};
    buf_printf(&all, "%s%s", first, text);
    struct str rest = buf_str(&all), word;
    size_t used = 0;
    while (str_split(&rest, ' ', &word)) {
        if (used == 0 || used + 1 + word.len > WIDTH) {
            buf_printf(out, "%s%s%*s#", used ? "\n" : "", inactive ? "#" : "", (int)column, "");
            used = column + 1;
        }
        buf_printf(out, " " STR_FMT, STR_ARG(word));
        used += 1 + word.len;
    }
    buf_add_char(out, '\n');
    buf_release(&all);
}

static void doc_of(const struct option *o, size_t column, bool inactive, struct buf *out) {
    prose("", o->doc, column, inactive, out);
    if (o->flags & LATER)
        prose("", "(Used by a later version.)", column, inactive, out);
}

static void word_list(const struct option *o, const char *mark, struct buf *out) {
    buf_printf(out, "%s%s: [", mark, option_key(o));
    struct str rest = str_from(o->initial ? o->initial : o->example), word;
    size_t used = strlen(mark) + strlen(option_key(o)) + 3;
    while (str_split(&rest, ' ', &word)) {
        if (used + word.len + 3 > WIDTH) {
            buf_printf(out, "\n%s ", mark);
            used = strlen(mark) + 1;
        }
        buf_printf(out, " " STR_FMT "%s", STR_ARG(word), rest.len > 0 ? "," : " ]\n");
        used += word.len + 2;
    }
}

static void items(const struct option *o, const char *mark, struct buf *out) {
    for (const struct option *c = option_next(o, NULL); c; c = option_next(o, c)) {
        struct buf first = {0};
        buf_printf(&first, "- %s%s: ", option_key(c), c->flags & REQUIRED ? "" : " (optional)");
        prose(buf_cstr(&first), c->doc, 0, false, out);
        buf_release(&first);
    }
    buf_printf(out, "%s%s:\n", mark, option_key(o));
    struct str rest = str_from(o->example), line;
    while (str_split(&rest, '\n', &line))
        if (line.len > 0)
            buf_printf(out, "%s  " STR_FMT "\n", mark, STR_ARG(line));
}

static void scalar(const struct option *o, const char *mark, size_t column, struct buf *out) {
    const char *value = o->initial ? o->initial : o->example;
    buf_printf(out, "%s%*s%s: ", mark, (int)column, "", option_key(o));
    yaml_scalar(str_from(value), out);
    buf_add_char(out, '\n');
}

void config_sample(struct buf *out) {
    buf_add_cstr(out,
                 "# Configuration of Caskalytics. Lines that begin with \"#\" and no blank show "
                 "defaults\n# or examples. `caskalytics config check` reports every mistake; "
                 "docs/configuration.md\n# describes every key.\n");
    for (const struct option *o = option_next(NULL, NULL); o; o = option_next(NULL, o)) {
        const char *mark = o->flags & SAMPLED ? "" : "#";
        buf_add_char(out, '\n');
        doc_of(o, 0, false, out);
        switch (option_kind(o)->shape) {
        case SHAPE_SCALAR:
            scalar(o, mark, 0, out);
            break;
        case SHAPE_LIST:
            word_list(o, mark, out);
            break;
        case SHAPE_ITEMS:
            items(o, mark, out);
            break;
        case SHAPE_GROUP:
            buf_printf(out, "%s%s:\n", mark, option_key(o));
            for (const struct option *c = option_next(o, NULL); c; c = option_next(o, c)) {
                doc_of(c, 2, *mark != '\0', out);
                scalar(c, mark, 2, out);
            }
            break;
        }
    }
}
