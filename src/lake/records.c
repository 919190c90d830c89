#include "lake/records.h"

#include "base/limits.h"
#include "lake/avro.h"
#include "lake/lake.h"
#include <stdlib.h>

#define NULL_BRANCH 0 /* of the unions of null and something */
#define VALUE_BRANCH 1
#define RECORD_MIN 8 /* one byte a field */

static char *put_bytes(char *to, struct str s) {
    to = avro_put_long(to, (int64_t)s.len);
    if (s.len)
        memcpy(to, s.ptr, s.len);
    return to + s.len;
}

static char *put_optional_long(char *to, bool has, uint64_t value) {
    to = avro_put_long(to, has ? VALUE_BRANCH : NULL_BRANCH);
    return has ? avro_put_long(to, (int64_t)value) : to;
}

/* In the order of schema/logs.avsc. */
static char *put_record(char *to, const struct record *r, uint64_t bid) {
    to = avro_put_long(to, r->ts_ms);
    to = put_bytes(to, r->body);
    to = put_bytes(to, r->type);
    to = put_bytes(to, r->site);
    to = put_bytes(to, r->source);
    to = avro_put_long(to, r->position.len ? VALUE_BRANCH : NULL_BRANCH);
    if (r->position.len)
        to = put_bytes(to, r->position);
    to = put_optional_long(to, r->has_visitor, r->visitor);
    return put_optional_long(to, bid != 0, bid);
}

int records_check(struct record_batch records, struct err *err) {
    if (records.len > LIMIT_BLOCK_RECORDS)
        return err_set(err, ERR_TOOBIG, "a block of %zu records, the limit is %zu", records.len,
                       LIMIT_BLOCK_RECORDS);
    size_t left = LIMIT_BLOCK_BYTES;
    for (size_t i = 0; i < records.len; i++) {
        size_t need = lake_record_bound(&records.items[i]);
        if (need > left)
            return err_set(err, ERR_TOOBIG, "a block of over %zu bytes at record %zu of %zu",
                           LIMIT_BLOCK_BYTES, i + 1, records.len);
        left -= need;
    }
    return 0;
}

void records_encode(struct record_batch records, uint64_t bid, char *room, size_t *ret_bytes,
                    size_t *ret_count) {
    static const struct record placeholder;
    if (records.len == 0)
        records = (struct record_batch){&placeholder, 1};
    char *to = room;
    for (size_t i = 0; i < records.len; i++)
        to = put_record(to, &records.items[i], i == 0 ? bid : 0);
    assert((size_t)(to - room) <= LIMIT_BLOCK_BYTES);
    *ret_bytes = (size_t)(to - room);
    *ret_count = records.len;
}

/* One of null and something. */
static bool get_branch(struct str *s, bool *ret_has) {
    int64_t branch;
    if (!avro_get_long(s, &branch) || (branch != NULL_BRANCH && branch != VALUE_BRANCH))
        return false;
    *ret_has = branch == VALUE_BRANCH;
    return true;
}

static bool get_optional_long(struct str *s, bool *ret_has, uint64_t *ret) {
    int64_t value = 0;
    if (!get_branch(s, ret_has) || (*ret_has && !avro_get_long(s, &value)))
        return false;
    *ret = (uint64_t)value;
    return true;
}

static bool get_record(struct str *s, struct record *ret, uint64_t *ret_bid) {
    bool has_position, has_bid;
    *ret = (struct record){0};
    return avro_get_long(s, &ret->ts_ms) && avro_get_bytes(s, &ret->body) &&
           avro_get_bytes(s, &ret->type) && avro_get_bytes(s, &ret->site) &&
           avro_get_bytes(s, &ret->source) && get_branch(s, &has_position) &&
           (!has_position || avro_get_bytes(s, &ret->position)) &&
           get_optional_long(s, &ret->has_visitor, &ret->visitor) &&
           get_optional_long(s, &has_bid, ret_bid);
}

static bool is_placeholder(const struct record *r) {
    return r->ts_ms == 0 && r->body.len == 0 && r->type.len == 0 && r->site.len == 0 &&
           r->source.len == 0 && r->position.len == 0 && !r->has_visitor;
}

int records_decode(struct str raw, uint64_t count, struct records *ret, struct err *err) {
    ret->len = 0;
    ret->bid = 0;
    if (count > LIMIT_BLOCK_RECORDS || count > raw.len / RECORD_MIN)
        return err_set(err, ERR_CORRUPT, "%llu records in %zu bytes", (unsigned long long)count,
                       raw.len);
    if (count > ret->cap) {
        ret->items = xrealloc(ret->items, count * sizeof *ret->items);
        ret->cap = count;
    }
    for (uint64_t i = 0; i < count; i++) {
        uint64_t bid = 0;
        if (!get_record(&raw, &ret->items[i], &bid))
            return err_set(err, ERR_CORRUPT, "record %llu does not follow the schema",
                           (unsigned long long)i + 1);
        if (i == 0)
            ret->bid = bid;
    }
    if (raw.len != 0)
        return err_set(err, ERR_CORRUPT, "%zu bytes behind the last record", raw.len);
    ret->len = count == 1 && is_placeholder(&ret->items[0]) ? 0 : count;
    return 0;
}

void records_release(struct records *r) {
    free(r->items);
    *r = (struct records){0};
}
