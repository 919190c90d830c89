/* TZif files (RFC 8536) and the question "which offset holds at this instant". */
#include "base/zone_table.h"

#include "base/fs.h"
#include "base/nearest.h"
#include <stdlib.h>

static const char TZ_DIRECTORY[] = "/usr/share/zoneinfo";
static const char TZ_NAMES[] =
    "/usr/share/zoneinfo/tzdata.zi"; /* zic(8): Z NAME ..., L TARGET NAME */
enum { TZIF_HEADER_BYTES = 44, TZIF_FILE_LIMIT = 1 << 20, ZONE_NAME_LIMIT = 64 };

/* Counts of one data block, in the order of the header. */
struct tzif_counts {
    uint32_t utc_flags, standard_flags, leaps, times, types, chars;
};

static uint32_t read_u32(const char *p) {
    const unsigned char *b = (const unsigned char *)p;
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static int64_t read_time(const char *p, size_t width) {
    if (width == 4)
        return (int32_t)read_u32(p);
    return (int64_t)((uint64_t)read_u32(p) << 32 | read_u32(p + 4));
}

static bool read_header(struct str bytes, struct tzif_counts *ret) {
    if (bytes.len < TZIF_HEADER_BYTES || memcmp(bytes.ptr, "TZif", 4) != 0)
        return false;
    const char *p = bytes.ptr + 20;
    *ret = (struct tzif_counts){read_u32(p),      read_u32(p + 4),  read_u32(p + 8),
                                read_u32(p + 12), read_u32(p + 16), read_u32(p + 20)};
    return true;
}

/* Bytes of header and data block; counts are 32 bits wide, so this cannot overflow. */
static uint64_t block_bytes(const struct tzif_counts *c, size_t width) {
    return TZIF_HEADER_BYTES + (uint64_t)c->times * (width + 1) + (uint64_t)c->types * 6 +
           c->chars + (uint64_t)c->leaps * (width + 4) + c->standard_flags + c->utc_flags;
}

/* Take the transitions of a data block, without those that change only the name of the time. */
static bool read_block(const char *data, const struct tzif_counts *c, size_t width,
                       struct zone *z) {
    const char *times = data;
    const char *type_of = times + (size_t)c->times * width;
    const char *types = type_of + c->times;
    if (c->types == 0)
        return false;
    for (size_t i = 0; i < c->types; i++) {
        int32_t offset = (int32_t)read_u32(types + 6 * i);
        if (offset < -ZONE_OFFSET_MAX || offset > ZONE_OFFSET_MAX)
            return false;
    }
    z->first_offset = (int32_t)read_u32(types);
    z->table_end = INT64_MIN;
    z->change_at = xcalloc(c->times + 1, sizeof(*z->change_at));
    z->change_to = xcalloc(c->times + 1, sizeof(*z->change_to));
    int32_t offset = z->first_offset;
    for (size_t i = 0; i < c->times; i++) {
        int64_t at = read_time(times + i * width, width);
        unsigned type = (unsigned char)type_of[i];
        if (type >= c->types || (i > 0 && at <= z->table_end))
            return false;
        z->table_end = at;
        int32_t to = (int32_t)read_u32(types + 6 * type);
        if (to == offset)
            continue;
        z->change_at[z->n_changes] = at;
        z->change_to[z->n_changes++] = offset = to;
    }
    return true;
}

/* What stands behind the last data block: a newline, a POSIX TZ string or nothing, a newline. */
static bool read_footer(struct str footer, struct zone *z) {
    size_t end;
    if (footer.len < 2 || footer.ptr[0] != '\n')
        return false;
    footer = str_skip(footer, 1);
    if (!str_find(footer, '\n', &end))
        return false;
    z->has_rule = end > 0;
    return end == 0 || zone_rule_parse(str_of(footer.ptr, end), &z->rule);
}

static bool decode(struct str bytes, struct zone *z) {
    struct tzif_counts c;
    if (!read_header(bytes, &c))
        return false;
    bool has_wide_block = bytes.ptr[4] >= '2';
    size_t width = 4;
    if (has_wide_block) { /* the first block is for old readers */
        width = 8;
        uint64_t skipped = block_bytes(&c, 4);
        if (skipped > bytes.len)
            return false;
        bytes = str_skip(bytes, skipped);
        if (!read_header(bytes, &c))
            return false;
    }
    uint64_t size = block_bytes(&c, width);
    if (size > bytes.len || c.leaps > 0 || !read_block(bytes.ptr + TZIF_HEADER_BYTES, &c, width, z))
        return false;
    return !has_wide_block || read_footer(str_skip(bytes, size), z);
}

int zone_decode(const char *name, struct str bytes, struct zone **ret, struct err *err) {
    struct tzif_counts c;
    if (!read_header(bytes, &c))
        return err_set(err, ERR_USAGE, "\"%s\" is not a time zone", name);
    struct zone *z = xcalloc(1, sizeof(*z));
    z->name = xstrdup(name);
    if (!decode(bytes, z)) {
        zone_free(z);
        return err_set(err, ERR_CORRUPT, "time zone \"%s\": the tz database's file is broken",
                       name);
    }
    *ret = z;
    return 0;
}

static bool name_is_safe(const char *name) {
    size_t part = 0, total = 0;
    for (const char *p = name; *p; p++) {
        bool word = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
                    (*p >= '0' && *p <= '9') || *p == '_' || *p == '+' || *p == '-';
        if (++total > ZONE_NAME_LIMIT || (!word && (*p != '/' || part == 0)))
            return false;
        part = word ? part + 1 : 0;
    }
    return part > 0;
}

/* No such zone; perhaps one of a similar name. */
static int unknown_zone(const char *name, struct err *err) {
    struct buf text = {0};
    struct nearest nearest = {.word = str_from(name)};
    int rc = fs_read_file(TZ_NAMES, TZIF_FILE_LIMIT, &text, NULL);
    struct str rest = buf_str(&text), line, word;
    while (rc == 0 && str_split(&rest, '\n', &line)) {
        if (!str_starts(line, STR("Z ")) && !str_starts(line, STR("L ")))
            continue;
        bool is_link = line.ptr[0] == 'L';
        (void)str_split(&line, ' ', &word);
        for (int i = 0; i <= is_link; i++)
            (void)str_split(&line, ' ', &word);
        text.ptr[word.ptr + word.len - text.ptr] = '\0'; /* of a blank or the end of a line */
        nearest_offer(&nearest, word.ptr);
    }
    rc = err_set(err, ERR_USAGE, "the tz database in %s has no time zone \"%s\"%s%s%s",
                 TZ_DIRECTORY, name, nearest.best ? ": did you mean \"" : "",
                 nearest.best ? nearest.best : "", nearest.best ? "\"?" : "");
    buf_release(&text);
    return rc;
}

int zone_open(const char *name, struct zone **ret, struct err *err) {
    struct buf path = {0}, bytes = {0};
    if (!name_is_safe(name))
        return err_set(err, ERR_USAGE,
                       "\"%s\" is not a time zone, try \"Europe/Berlin\" or \"UTC\"", name);
    if (strcmp(name, "UTC") == 0) { /* the default works where there is no tz database */
        *ret = xcalloc(1, sizeof(**ret));
        (*ret)->name = xstrdup(name);
        (*ret)->table_end = INT64_MIN;
        return 0;
    }
    buf_printf(&path, "%s/%s", TZ_DIRECTORY, name);
    /* Folders ("America") and stray text files of the database are no zones either. */
    int rc = fs_read_file(buf_cstr(&path), TZIF_FILE_LIMIT, &bytes, NULL);
    if (rc == 0)
        rc = zone_decode(name, buf_str(&bytes), ret, err);
    else
        rc = unknown_zone(name, err);
    buf_release(&path);
    buf_release(&bytes);
    return rc;
}

void zone_free(struct zone *z) {
    if (!z)
        return;
    free(z->name);
    free(z->change_at);
    free(z->change_to);
    free(z);
}

const char *zone_name(const struct zone *z) { return z->name; }

struct zone_span zone_span_at(const struct zone *z, int64_t instant) {
    size_t low = 0, high = z->n_changes; /* changes at or before the instant */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (z->change_at[middle] <= instant)
            low = middle + 1;
        else
            high = middle;
    }
    struct zone_span span = {
        .start = low > 0 ? z->change_at[low - 1] : INT64_MIN,
        .end = low < z->n_changes ? z->change_at[low] : INT64_MAX,
        .offset = low > 0 ? z->change_to[low - 1] : z->first_offset,
    };
    if (!z->has_rule || low < z->n_changes)
        return span;
    /* The last span of the table goes on into the rule's time if the rule begins with its offset.
     */
    struct zone_span ruled = zone_rule_span_at(&z->rule, max_i64(instant, z->table_end));
    bool goes_on = ruled.start <= z->table_end && ruled.offset == span.offset;
    if (instant < z->table_end) {
        span.end = goes_on ? ruled.end : z->table_end;
        return span;
    }
    if (z->table_end > ruled.start)
        ruled.start = goes_on ? span.start : z->table_end;
    return ruled;
}

int32_t zone_offset(const struct zone *z, int64_t instant) {
    return zone_span_at(z, instant).offset;
}
