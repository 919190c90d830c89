#include "query/counted.h"

/* A line: first and last second, site. */
static bool next_site(struct str *rest, uint64_t *ret_first, uint64_t *ret_last,
                      struct str *ret_site) {
    struct str line, first, last;
    while (rest->len > 0 && str_split(rest, '\n', &line)) {
        if (!str_split(&line, '\t', &first) || !str_split(&line, '\t', &last) ||
            !str_to_u64(first, ret_first) || !str_to_u64(last, ret_last))
            continue;
        *ret_site = line;
        return true;
    }
    return false;
}

static bool is_asked(const struct question *q, struct str site) {
    for (size_t i = 0; i < q->n_sites; i++)
        if (str_eq(q->sites[i], site))
            return true;
    return q->n_sites == 0;
}

int counted_read(struct client *client, const struct question *q, struct str fence,
                 struct counted *ret, struct err *err) {
    struct buf sql = {0};
    buf_add_cstr(&sql,
                 "SELECT toUnixTimestamp(min(ts)), toUnixTimestamp(max(ts)), site FROM github");
    if (fence.len > 0)
        buf_printf(&sql, " WHERE " STR_FMT, STR_ARG(fence));
    buf_add_cstr(&sql, " GROUP BY site");
    int rc = client_query(client, buf_str(&sql), "TSVRaw", NULL, 0, &ret->sites, err);
    struct str rest = buf_str(&ret->sites), site;
    uint64_t first, last;
    while (rc == 0 && next_site(&rest, &first, &last, &site)) {
        if (!is_asked(q, site))
            continue;
        ret->first = ret->any ? min_i64(ret->first, (int64_t)first) : (int64_t)first;
        ret->last = max_i64(ret->last, (int64_t)last);
        ret->any = true;
    }
    buf_release(&sql);
    return rc;
}

bool counted_has_site(const struct counted *c, struct str name) {
    struct str rest = buf_str(&c->sites), site;
    uint64_t first, last;
    while (next_site(&rest, &first, &last, &site))
        if (str_eq(site, name))
            return true;
    return false;
}

void counted_release(struct counted *c) { buf_release(&c->sites); }
