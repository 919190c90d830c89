#include "config/config.h"
#include "config/option.h"

static const char intro[] =
    "# Configuration\n"
    "\n"
    "<!-- Generated from schema/options.def; a test compares. -->\n"
    "\n"
    "One YAML file, named with `-c FILE`; without `-c` it is `./caskalytics.yaml`, and without "
    "that\n"
    "file everything has its default. `caskalytics init` writes a commented sample,\n"
    "`caskalytics config check` reports every mistake at once with file and line, and\n"
    "`caskalytics config show` prints what is in effect.\n"
    "\n"
    "- `${NAME}` in a value is replaced by the environment variable NAME, which must exist. `$${`\n"
    "  stands for a plain `${`. Secrets belong there; they are never printed, and only `serve` "
    "and\n"
    "  `config check` need their variables. Inside `{...}` and `[...]` put quotes around it:\n"
    "  `{id: '${NAME}'}`.\n"
    "- A size is a number of bytes with K, M, G or T behind it (powers of 1024): `512M`.\n"
    "- A duration is a number with s, m, h, d, w or y behind it (a year is 365 days): `1m`, `2y`.\n"
    "- A value of nothing, `~` or `null` is as good as none.\n"
    "- Keys that are unknown or occur twice are errors. Anchors, aliases and tags of YAML are not\n"
    "  supported. The file may have up to 4 MiB.\n"
    "- *Reloadable* values are taken over by a running server when it reads its file again; the\n"
    "  others at its next start.\n";

static void word_list(const char *words, struct buf *out) {
    struct str rest = str_from(words), word;
    while (str_split(&rest, ' ', &word))
        buf_printf(out, "`" STR_FMT "`%s", STR_ARG(word), rest.len > 0 ? " " : "");
}

static void facts(const struct option *o, struct buf *out) {
    bool is_list = option_kind(o)->shape == SHAPE_LIST;
    buf_printf(out, "- Type: %s\n", option_kind(o)->name);
    if (o->initial != NULL) {
        buf_add_cstr(out, "- Default: ");
        if (is_list)
            word_list(o->initial, out);
        else
            buf_printf(out, "`%s`", o->initial);
        buf_add_char(out, '\n');
    }
    if (o->example != NULL && strchr(o->example, '\n') == NULL &&
        (o->initial == NULL || strcmp(o->initial, o->example) != 0)) {
        buf_add_cstr(out, "- Example: ");
        if (is_list)
            word_list(o->example, out);
        else
            buf_printf(out, "`%s`", o->example);
        buf_add_char(out, '\n');
    }
    static const struct {
        unsigned flag;
        const char *text;
    } notes[] = {{REQUIRED, "Required"},
                 {UNIQUE, "No two may have the same"},
                 {SECRET, "Secret: never printed"},
                 {RELOADABLE, "Reloadable"}};
    for (size_t i = 0; i < ARRAY_LEN(notes); i++)
        if (o->flags & notes[i].flag)
            buf_printf(out, "- %s\n", notes[i].text);
}

static void whole(const struct option *o, struct buf *out) {
    buf_printf(out, "\n## `%s`\n\n%s\n\n", o->path, o->doc);
    facts(o, out);
    if (o->example != NULL && strchr(o->example, '\n') != NULL)
        buf_printf(out, "\n```yaml\n%s:\n%s```\n", option_key(o), o->example);
}

void config_reference(struct buf *out) {
    buf_add_cstr(out, intro);
    for (size_t i = 0; i < options_count; i++)
        if (!(options[i].flags & LATER))
            whole(&options[i], out);
    buf_add_cstr(out, "\n## Without effect yet\n\nFor a later version: these keys are checked, and "
                      "change nothing.\n\n");
    for (size_t i = 0; i < options_count; i++)
        if (options[i].flags & LATER)
            buf_printf(out, "- `%s`: %s\n", options[i].path, options[i].doc);
}
