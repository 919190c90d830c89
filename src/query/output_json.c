/* JSON as docs/commands.md has it: {"query":{},"rows":[],"total":{},"complete_until":...}, and
 * "estimated":["rows","total"] where visitors are. */
#include "query/output.h"

static void add_time(const struct result *r, int64_t instant, struct buf *out) {
    buf_add_char(out, '"');
    zone_format(r->zone, instant, out);
    buf_add_char(out, '"');
}

static void add_value(const struct result *r, const struct value *v, struct buf *out) {
    if (v->type == VALUE_TIME) {
        add_time(r, v->integer, out);
    } else if (v->type == VALUE_TEXT) {
        buf_add_char(out, '"');
        buf_add_json(out, v->text);
        buf_add_char(out, '"');
    } else if (!output_number(v, out)) {
        buf_add_cstr(out, "null");
    }
}

static void add_object(const struct result *r, const struct value *values, bool only_measures,
                       struct buf *out) {
    const char *comma = "";
    buf_add_char(out, '{');
    for (size_t i = 0; i < r->n_columns; i++) {
        if (only_measures && !r->columns[i].measure)
            continue;
        buf_add_cstr(out, comma);
        buf_add_char(out, '"');
        buf_add_json(out, str_from(r->columns[i].name));
        buf_add_cstr(out, "\":");
        add_value(r, &values[i], out);
        comma = ",";
    }
    buf_add_char(out, '}');
}

void output_json(const struct result *r, struct buf *out) {
    buf_add_cstr(out, "{\"query\":");
    buf_add_str(out, r->query_json.len > 0 ? r->query_json : STR("{}"));
    buf_add_cstr(out, ",\"rows\":[");
    for (size_t i = 0; i < r->n_rows; i++) {
        buf_add_cstr(out, i > 0 ? ",\n" : "\n");
        add_object(r, r->values + i * r->n_columns, false, out);
    }
    buf_add_cstr(out, "],\n\"total\":");
    if (r->total)
        add_object(r, r->total, true, out);
    else
        buf_add_cstr(out, "{}");
    buf_add_cstr(out, ",\n\"complete_until\":");
    if (r->complete_until != 0)
        add_time(r, r->complete_until, out);
    else
        buf_add_cstr(out, "null");
    if (r->rows_estimated || r->total_estimated)
        buf_printf(out, ",\n\"estimated\":[%s%s%s]", r->rows_estimated ? "\"rows\"" : "",
                   r->rows_estimated && r->total_estimated ? "," : "",
                   r->total_estimated ? "\"total\"" : "");
    buf_add_cstr(out, "}\n");
}
