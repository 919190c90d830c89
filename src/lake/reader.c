#include "lake/lake.h"

#include "lake/segment.h"
#include <stdlib.h>

struct lake_reader {
    char *root;
    enum dataset dataset;
    uint64_t after, upto;
    struct segment_names names; /* as last listed */
    size_t next;                /* in names: the segment behind the open one */
    bool open;
    struct segment_file file;
};

int lake_reader_open(const char *root, enum dataset dataset, uint64_t after, uint64_t upto,
                     struct lake_reader **ret, struct err *err) {
    if (avro_schema(dataset) == NULL)
        return err_set(err, ERR_USAGE, "dataset %s has no record schema yet",
                       dataset_name(dataset));
    struct lake_reader *r = xcalloc(1, sizeof *r);
    r->root = xstrdup(root);
    r->dataset = dataset;
    r->after = after;
    r->upto = upto;
    *ret = r;
    int rc = segment_list(root, dataset, after ? bid_segment(after) : 1, &r->names, err);
    if (rc < 0) {
        lake_reader_close(r);
        *ret = NULL;
    }
    return rc;
}

void lake_reader_set_upto(struct lake_reader *r, uint64_t upto) { r->upto = upto; }

void lake_reader_close(struct lake_reader *r) {
    if (r == NULL)
        return;
    segment_close(&r->file);
    segment_names_release(&r->names);
    free(r->root);
    free(r);
}

/* May there be blocks for us behind segment number `segment`? */
static bool wants_behind(const struct lake_reader *r, uint64_t segment) {
    return r->upto == 0 || bid_segment(r->upto) > segment;
}

/* Look for segments behind the open one (or any at all); 1: there is one. */
static int find_next(struct lake_reader *r, struct err *err) {
    uint64_t behind = r->open ? r->file.segment : r->after ? bid_segment(r->after) - 1 : 0;
    if (r->next < r->names.len)
        return wants_behind(r, r->names.items[r->next].segment - 1);
    if (!wants_behind(r, behind))
        return 0;
    struct segment_names names;
    int rc = segment_list(r->root, r->dataset, behind + 1, &names, err);
    if (rc < 0)
        return rc;
    segment_names_release(&r->names);
    r->names = names;
    r->next = 0;
    return names.len > 0 && wants_behind(r, names.items[0].segment - 1);
}

/* Go to the next segment. 1: open; 0: it is only just being made. */
static int open_next(struct lake_reader *r, struct err *err) {
    struct segment_file file;
    const struct segment_name *name = &r->names.items[r->next];
    struct err why = {0};
    int rc = segment_open(r->root, r->dataset, name, &file, &why);
    if (rc == ERR_NOTFOUND && r->next + 1 == r->names.len &&
        (r->upto == 0 || bid_segment(r->upto) <= name->segment)) {
        /* Its header is being written, or retention or recovery took it away: list anew. */
        r->next = r->names.len;
        return 0;
    }
    if (rc == ERR_NOTFOUND) {
        r->next++;
        return err_set(err, ERR_CORRUPT, "%s", why.text);
    }
    if (rc < 0)
        return err_set(err, rc, "%s", why.text);
    segment_close(&r->file);
    r->file = file;
    r->open = true;
    r->next++;
    return 1;
}

int lake_reader_next(struct lake_reader *r, struct lake_block *ret, struct err *err) {
    for (;;) {
        bool looked = r->next < r->names.len; /* a later segment exists: ours does not grow */
        int rc;
        if (r->open) {
            struct segment_block block;
            const struct segment_range range = {
                .after = r->after,
                .upto = r->upto,
                .closed = looked || (r->upto && bid_segment(r->upto) > r->file.segment)};
            rc = segment_next(&r->file, &range, &block, err);
            if (rc == 1)
                *ret = (struct lake_block){block.bid, r->file.records.items, r->file.records.len,
                                           block.stored_bytes, r->file.path};
            if (rc != 0)
                return rc;
        }
        rc = find_next(r, err);
        if (rc <= 0)
            return rc;
        /* The open segment may have grown between our look at it and the new one's birth. */
        if (r->open && !looked)
            continue;
        rc = open_next(r, err);
        if (rc <= 0)
            return rc;
    }
}
