#include "lake/records.h"

#include "base/limits.h"
#include "lake/avro.h"
#include "lake/lake.h"
#include <stdlib.h>

#define NULL_BRANCH 0 /* of the unions of null and something */
#define VALUE_BRANCH 1
#define RECORD_MIN 8 /* one byte a field, of the schema with the fewest */

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

static char *put_source(char *to, const struct record *r) {
    to = put_bytes(to, r->site);
    to = put_bytes(to, r->source);
    to = avro_put_long(to, r->position.len ? VALUE_BRANCH : NULL_BRANCH);
    return r->position.len ? put_bytes(to, r->position) : to;
}

/* In the order of schema/logs.avsc. */
static char *put_line(char *to, const struct record *r, uint64_t bid) {
    to = avro_put_long(to, r->ts_ms);
    to = put_bytes(to, r->body);
    to = put_bytes(to, r->type);
    to = put_source(to, r);
    to = put_optional_long(to, r->has_visitor, r->visitor);
    return put_optional_long(to, bid != 0, bid);
}

#define PUT_REQUIRED(to, value) avro_put_long(to, value)
#define PUT_OPTIONAL(to, value) put_optional_long(to, (value) >= 0, (uint64_t)(value))

/* In the order of schema/github.avsc. */
static char *put_counters(char *to, const struct record *r, uint64_t bid) {
    const struct counters *c = r->counters;
    assert(c != NULL);
    to = avro_put_long(to, r->ts_ms);
    to = put_bytes(to, c->repo);
#define COUNTER(name, presence, doc) to = PUT_##presence(to, c->name);
#include "counters.def"
#undef COUNTER
    to = put_source(to, r);
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

static const struct counters no_counters = {
#define COUNTER(name, presence, doc) .name = COUNTER_UNKNOWN,
#include "counters.def"
#undef COUNTER
};

void records_encode(enum record_kind kind, struct record_batch records, uint64_t bid, char *room,
                    size_t *ret_bytes, size_t *ret_count) {
    static const struct record placeholder = {.counters = &no_counters};
    char *(*put)(char *, const struct record *, uint64_t) =
        kind == RECORDS_COUNTERS ? put_counters : put_line;
    if (records.len == 0)
        records = (struct record_batch){&placeholder, 1};
    char *to = room;
    for (size_t i = 0; i < records.len; i++)
        to = put(to, &records.items[i], i == 0 ? bid : 0);
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

static bool get_source(struct str *s, struct record *ret) {
    bool has_position;
    return avro_get_bytes(s, &ret->site) && avro_get_bytes(s, &ret->source) &&
           get_branch(s, &has_position) && (!has_position || avro_get_bytes(s, &ret->position));
}

static bool get_line(struct str *s, struct record *ret, uint64_t *ret_bid) {
    bool has_bid;
    *ret = (struct record){0};
    return avro_get_long(s, &ret->ts_ms) && avro_get_bytes(s, &ret->body) &&
           avro_get_bytes(s, &ret->type) && get_source(s, ret) &&
           get_optional_long(s, &ret->has_visitor, &ret->visitor) &&
           get_optional_long(s, &has_bid, ret_bid);
}

static bool get_optional_counter(struct str *s, int64_t *ret) {
    bool has;
    *ret = COUNTER_UNKNOWN;
    return get_branch(s, &has) && (!has || avro_get_long(s, ret));
}

#define GET_REQUIRED(s, ret) avro_get_long(s, ret)
#define GET_OPTIONAL(s, ret) get_optional_counter(s, ret)

static bool get_counters(struct str *s, struct record *ret, struct counters *c, uint64_t *ret_bid) {
    bool has_bid;
    *ret = (struct record){.counters = c};
    *c = (struct counters){0};
    return avro_get_long(s, &ret->ts_ms) && avro_get_bytes(s, &c->repo)
#define COUNTER(name, presence, doc) &&GET_##presence(s, &c->name)
#include "counters.def"
#undef COUNTER
           && get_source(s, ret) && get_optional_long(s, &has_bid, ret_bid);
}

static bool is_placeholder(const struct record *r) {
    return r->ts_ms == 0 && r->body.len == 0 && r->type.len == 0 && r->site.len == 0 &&
           r->source.len == 0 && r->position.len == 0 && !r->has_visitor &&
           (r->counters == NULL || r->counters->repo.len == 0);
}

static void make_room(struct records *r, size_t count) {
    if (count <= r->cap)
        return;
    r->items = xrealloc(r->items, count * sizeof *r->items);
    if (r->kind == RECORDS_COUNTERS)
        r->counters = xrealloc(r->counters, count * sizeof *r->counters);
    r->cap = count;
}

int records_decode(struct str raw, uint64_t count, struct records *ret, struct err *err) {
    ret->len = 0;
    ret->bid = 0;
    if (count > LIMIT_BLOCK_RECORDS || count > raw.len / RECORD_MIN)
        return err_set(err, ERR_CORRUPT, "%llu records in %zu bytes", (unsigned long long)count,
                       raw.len);
    make_room(ret, count);
    for (uint64_t i = 0; i < count; i++) {
        uint64_t bid = 0;
        if (!(ret->kind == RECORDS_COUNTERS
                  ? get_counters(&raw, &ret->items[i], &ret->counters[i], &bid)
                  : get_line(&raw, &ret->items[i], &bid)))
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
    free(r->counters);
    *r = (struct records){.kind = r->kind};
}
