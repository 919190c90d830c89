/* Tables for people: aligned columns, short numbers, a bar behind the first measure, the total
 * under a rule. Every cell is made once as text, measured, and then laid out in the width there is.
 */
#include "query/output.h"

#include <math.h>
#include <stdlib.h>

enum {
    GAP_CELLS = 2,
    TEXT_CELLS_MIN = 8,
    TEXT_CELLS_BESIDE_BARS = 40,
    HEADER_CELLS_MIN = 5,
    BAR_CELLS_MIN = 4,
    BAR_CELLS_WANTED = 12,
    BAR_CELLS_MAX = 30
};

static const char BOLD[] = "\033[1m", DIM[] = "\033[2m", PLAIN[] = "\033[0m";

struct column {
    size_t cells;       /* width in the table */
    size_t value_cells; /* of the widest value, without the header */
    bool left;          /* text and times stand left, numbers right */
    bool dates_only;    /* times: every one is the start of a day */
    bool seconds;       /* times: some have seconds */
    int decimals;
};

struct table {
    const struct result *result;
    const struct output_style *style;
    struct column *columns;
    struct str *header, *cells, *total; /* as in the result, made text; total may be NULL */
    struct arena arena;
    size_t bar_after, bar_cells; /* bar_cells 0: no bars */
    double bar_scale;            /* the value of a full bar */
};

static const char *paint(const struct table *t, const char *code) {
    return t->style->color ? code : "";
}

/* A time as short as the whole column allows. Of a local hour that occurs twice the second one is
 * told apart by its offset. */
static void add_time(const struct table *t, const struct column *column, int64_t instant,
                     struct buf *out) {
    const struct zone *z = t->result->zone;
    struct civil c = zone_civil(z, instant);
    buf_printf(out, "%04d-%02d-%02d", c.year, c.month, c.day);
    if (column->dates_only)
        return;
    buf_printf(out, " %02d:%02d", c.hour, c.minute);
    if (column->seconds)
        buf_printf(out, ":%02d", c.second);
    if (zone_instant(z, c) != instant) {
        int32_t offset = zone_offset(z, instant), east = offset < 0 ? -offset : offset;
        buf_printf(out, " %c%02d:%02d", offset < 0 ? '-' : '+', east / 3600, east / 60 % 60);
    }
}

static struct str make_cell(struct table *t, size_t column, const struct value *v) {
    assert(v != NULL);
    struct buf text = {0};
    if (v->type == VALUE_TIME)
        add_time(t, &t->columns[column], v->integer, &text);
    else if (v->type == VALUE_TEXT && v->text.len > 0)
        output_text(v->text, "", &text);
    else
        output_human(t->result->columns[column].unit, v, t->columns[column].decimals, &text);
    struct str cell = arena_dup(&t->arena, buf_str(&text));
    buf_release(&text);
    return cell;
}

/* What the values of a column have in common decides how each of them is shown. */
static void look_at_value(const struct table *t, struct column *column, const struct value *v) {
    if (v->type == VALUE_TIME) {
        struct civil c = zone_civil(t->result->zone, v->integer);
        if (zone_floor(t->result->zone, GRAIN_DAY, v->integer) != v->integer)
            column->dates_only = false;
        if (c.second != 0)
            column->seconds = true;
    } else if (v->type == VALUE_REAL && isfinite(v->real) && v->real != floor(v->real)) {
        column->decimals = 2;
    }
}

static void make_columns(struct table *t) {
    const struct result *r = t->result;
    t->columns = xcalloc(r->n_columns, sizeof(*t->columns));
    for (size_t i = 0; i < r->n_columns; i++) {
        struct column *column = &t->columns[i];
        column->dates_only = true;
        column->left = !r->columns[i].measure;
        for (size_t row = 0; row < r->n_rows; row++)
            look_at_value(t, column, &r->values[row * r->n_columns + i]);
        if (r->total && r->columns[i].measure)
            look_at_value(t, column, &r->total[i]);
    }
}

/* Beside its metric, METRIC_previous is `previous`: both would be cut to the same text. */
static const char *column_title(const struct result *r, size_t i) {
    static const char PREVIOUS[] = "_previous";
    const char *name = r->columns[i].name;
    size_t before = i > 0 ? strlen(r->columns[i - 1].name) : 0;
    bool beside = before > 0 && strncmp(name, r->columns[i - 1].name, before) == 0 &&
                  strcmp(name + before, PREVIOUS) == 0;
    return beside ? PREVIOUS + 1 : name;
}

static void make_cells(struct table *t) {
    const struct result *r = t->result;
    size_t n = r->n_rows * r->n_columns;
    t->header = arena_alloc(&t->arena, r->n_columns * sizeof(struct str));
    t->cells = arena_alloc(&t->arena, n * sizeof(struct str));
    for (size_t i = 0; i < n; i++)
        t->cells[i] = make_cell(t, i % r->n_columns, &r->values[i]);
    /* Without a dimension there is one row, which is the total. */
    if (r->total && !r->columns[0].measure)
        t->total = arena_alloc(&t->arena, r->n_columns * sizeof(struct str));
    for (size_t i = 0; i < r->n_columns; i++) {
        struct buf name = {0};
        output_text(str_from(column_title(r, i)), "", &name);
        t->header[i] = arena_dup(&t->arena, buf_str(&name));
        buf_release(&name);
        if (t->total)
            t->total[i] = r->columns[i].measure ? make_cell(t, i, &r->total[i]) : STR("");
    }
    if (t->total)
        t->total[0] = STR("total");
}

static void measure(struct table *t) {
    size_t n = t->result->n_columns;
    for (size_t i = 0; i < n; i++) {
        struct column *column = &t->columns[i];
        for (size_t row = 0; row < t->result->n_rows; row++)
            column->value_cells =
                max_size(column->value_cells, output_cells(t->cells[row * n + i]));
        if (t->total)
            column->value_cells = max_size(column->value_cells, output_cells(t->total[i]));
        column->cells = max_size(column->value_cells, output_cells(t->header[i]));
    }
}

static size_t table_cells(const struct table *t) {
    size_t cells = GAP_CELLS * (t->result->n_columns - 1);
    for (size_t i = 0; i < t->result->n_columns; i++)
        cells += t->columns[i].cells;
    return cells;
}

static bool is_text(const struct table *t, size_t column) {
    const struct result *r = t->result;
    return !r->columns[column].measure && r->values[column].type != VALUE_TIME;
}

/* Take a cell from the widest text column that has more than `least`. */
static bool shrink_text(struct table *t, size_t least) {
    struct column *widest = NULL;
    for (size_t i = 0; i < t->result->n_columns; i++) {
        struct column *column = &t->columns[i];
        if (is_text(t, i) && column->cells > least && (!widest || column->cells > widest->cells))
            widest = column;
    }
    if (widest)
        widest->cells--;
    return widest != NULL;
}

/* Take a cell from the widest header that is wider than its values: digits and times are never cut.
 */
static bool shrink_header(struct table *t) {
    struct column *widest = NULL;
    for (size_t i = 0; i < t->result->n_columns; i++) {
        struct column *column = &t->columns[i];
        size_t least = max_size(column->value_cells, HEADER_CELLS_MIN);
        if (!is_text(t, i) && column->cells > least && (!widest || column->cells > widest->cells))
            widest = column;
    }
    if (widest)
        widest->cells--;
    return widest != NULL;
}

static void fit(struct table *t) {
    size_t width = t->style->width;
    if (width == 0)
        return;
    bool bars = t->bar_scale > 0;
    size_t bar_room = bars ? GAP_CELLS + BAR_CELLS_WANTED : 0;
    while (table_cells(t) + bar_room > width && shrink_text(t, TEXT_CELLS_BESIDE_BARS)) {
    }
    while (table_cells(t) > width && (shrink_text(t, TEXT_CELLS_MIN) || shrink_header(t))) {
    }
    size_t used = table_cells(t) + GAP_CELLS;
    if (bars && used + BAR_CELLS_MIN <= width)
        t->bar_cells = min_size(width - used, BAR_CELLS_MAX);
}

static double number_of(const struct value *v) {
    double real = v->type == VALUE_INT ? (double)v->integer : v->type == VALUE_REAL ? v->real : 0;
    return isfinite(real) ? real : 0;
}

/* Bars compare rows, so they need at least two of them and a measure to be behind. */
static void scale_bars(struct table *t) {
    const struct result *r = t->result;
    while (t->bar_after < r->n_columns && !r->columns[t->bar_after].measure)
        t->bar_after++;
    if (t->bar_after == r->n_columns || t->bar_after == 0 || r->n_rows < 2)
        return;
    for (size_t row = 0; row < r->n_rows; row++)
        t->bar_scale = fmax(t->bar_scale, number_of(&r->values[row * r->n_columns + t->bar_after]));
}

static void add_blanks(struct buf *out, size_t n) {
    while (n-- > 0)
        buf_add_char(out, ' ');
}

/* Returns the cells drawn. Whatever is more than nothing shows at least an eighth. */
static size_t add_bar(const struct table *t, double number, struct buf *out) {
    static const char *const EIGHTHS[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    if (number <= 0)
        return 0;
    double share = number / t->bar_scale * (double)t->bar_cells * 8;
    size_t eighths = max_size((size_t)lround(share), 1);
    buf_add_cstr(out, paint(t, DIM));
    for (size_t i = 0; i < eighths / 8; i++)
        buf_add_cstr(out, "█");
    buf_add_cstr(out, EIGHTHS[eighths % 8]);
    buf_add_cstr(out, paint(t, PLAIN));
    return (eighths + 7) / 8;
}

/* One line: cells, and behind the first measure the bar of `values` (NULL: blank). Blanks are held
 * back until something follows, so that no line ends in them. */
static void add_line(const struct table *t, const struct str *cells, const struct value *values,
                     const char *code, struct buf *out) {
    size_t blanks = 0;
    for (size_t i = 0; i < t->result->n_columns; i++) {
        const struct column *column = &t->columns[i];
        struct buf text = {0};
        size_t taken = output_cut(cells[i], column->cells, &text), rest = column->cells;
        rest = rest > taken ? rest - taken : 0;
        blanks += (i > 0 ? GAP_CELLS : 0) + (column->left ? 0 : rest);
        if (text.len > 0) {
            add_blanks(out, blanks);
            blanks = 0;
            buf_add_cstr(out, paint(t, code));
            buf_add_str(out, buf_str(&text));
            buf_add_cstr(out, *code ? paint(t, PLAIN) : "");
        } else {
            blanks += column->left ? 0 : taken;
        }
        blanks += column->left ? rest : 0;
        buf_release(&text);
        if (i != t->bar_after || t->bar_cells == 0)
            continue;
        double number = values ? number_of(&values[i]) : 0;
        size_t drawn = 0;
        if (number > 0) {
            add_blanks(out, blanks + GAP_CELLS);
            blanks = 0;
            drawn = add_bar(t, number, out);
        } else {
            blanks += GAP_CELLS;
        }
        blanks += t->bar_cells - drawn;
    }
    buf_add_char(out, '\n');
}

static void add_rule(const struct table *t, struct buf *out) {
    size_t cells = table_cells(t) + (t->bar_cells > 0 ? t->bar_cells + GAP_CELLS : 0);
    buf_add_cstr(out, paint(t, DIM));
    for (size_t i = 0; i < cells; i++)
        buf_add_cstr(out, t->style->width > 0 ? "─" : "-");
    buf_add_cstr(out, paint(t, PLAIN));
    buf_add_char(out, '\n');
}

void output_table(const struct result *r, const struct output_style *style, struct buf *out) {
    if (r->n_rows == 0 || r->n_columns == 0) {
        buf_add_cstr(out, "No data.\n");
        return;
    }
    struct table t = {.result = r, .style = style};
    make_columns(&t);
    make_cells(&t);
    measure(&t);
    scale_bars(&t);
    fit(&t);

    add_line(&t, t.header, NULL, BOLD, out);
    for (size_t row = 0; row < r->n_rows; row++)
        add_line(&t, t.cells + row * r->n_columns, r->values + row * r->n_columns, "", out);
    if (t.total) {
        add_rule(&t, out);
        add_line(&t, t.total, NULL, BOLD, out);
    }
    if (r->rows_estimated)
        buf_add_cstr(out, "Visitors are estimates, within 1 %.\n");
    else if (r->total_estimated)
        buf_add_cstr(out, "Visitors of the total are an estimate, within 1 %.\n");
    arena_release(&t.arena);
    free(t.columns);
}
