#include "lake/segment.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

void segment_name_make(enum dataset dataset, uint64_t segment, int64_t hour,
                       struct segment_name *ret) {
    time_t t = (time_t)(hour * 3600);
    struct tm tm;
    gmtime_r(&t, &tm);
    *ret = (struct segment_name){.segment = segment, .hour = hour};
    snprintf(ret->path, sizeof ret->path, "%s/%04d/%02d/%02d/%02d-%08llu.avro",
             dataset_name(dataset), tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
             (unsigned long long)segment);
}

/* Year, month, day, hour from the way down the folders. */
struct way {
    int part[4];
};
static const size_t part_digits[4] = {4, 2, 2, 2};

static bool parse_part(struct str name, size_t digits, int *ret) {
    uint64_t v;
    if (name.len != digits || !str_to_u64(name, &v))
        return false;
    *ret = (int)v;
    return true;
}

/* "HH-SEQ.avro" */
static bool parse_file(struct str name, struct way *way, uint64_t *ret_segment) {
    const struct str end = STR(".avro");
    if (name.len < 4 + end.len || name.ptr[2] != '-' ||
        !str_eq(str_skip(name, name.len - end.len), end) ||
        !parse_part(str_of(name.ptr, 2), part_digits[3], &way->part[3]))
        return false;
    return str_to_u64(str_of(name.ptr + 3, name.len - end.len - 3), ret_segment) &&
           *ret_segment > 0 && *ret_segment < (uint64_t)1 << 32;
}

static int64_t way_hour(const struct way *way) {
    struct tm tm = {.tm_year = way->part[0] - 1900,
                    .tm_mon = way->part[1] - 1,
                    .tm_mday = way->part[2],
                    .tm_hour = way->part[3]};
    return (int64_t)timegm(&tm) / 3600;
}

struct listing {
    uint64_t from;
    struct buf path; /* folder being read */
    size_t root_len; /* of path, with the slash */
    struct way way;
    struct segment_names *names;
};

static void add_file(struct listing *l, struct str file) {
    struct segment_name name = {0};
    if (!parse_file(file, &l->way, &name.segment) || name.segment < l->from)
        return;
    name.hour = way_hour(&l->way);
    int n = snprintf(name.path, sizeof name.path, "%s/" STR_FMT, buf_cstr(&l->path) + l->root_len,
                     STR_ARG(file));
    if (n < (int)sizeof name.path)
        vec_push(l->names, name);
}

static int list_folder(struct listing *l, int level, struct err *err) {
    DIR *dir = opendir(buf_cstr(&l->path));
    if (dir == NULL)
        return errno == ENOENT ? 0 : err_errno(err, ERR_IO, "%s", buf_cstr(&l->path));
    int rc = 0;
    while (rc == 0) {
        errno = 0;
        struct dirent *entry = readdir(dir);
        if (entry == NULL) {
            rc = errno ? err_errno(err, ERR_IO, "%s", buf_cstr(&l->path)) : 0;
            break;
        }
        struct str name = str_from(entry->d_name);
        if (level == 3) {
            add_file(l, name);
        } else if (parse_part(name, part_digits[level], &l->way.part[level])) {
            size_t len = l->path.len;
            buf_printf(&l->path, "/" STR_FMT, STR_ARG(name));
            rc = list_folder(l, level + 1, err);
            l->path.len = len;
        }
    }
    closedir(dir);
    return rc;
}

static int by_segment(const void *a, const void *b) {
    uint64_t x = ((const struct segment_name *)a)->segment;
    uint64_t y = ((const struct segment_name *)b)->segment;
    return (x > y) - (x < y);
}

int segment_list(const char *root, enum dataset dataset, uint64_t from, struct segment_names *ret,
                 struct err *err) {
    struct segment_names names = {0};
    struct listing l = {.from = from, .names = &names};
    buf_printf(&l.path, "%s/", root);
    l.root_len = l.path.len;
    buf_add_cstr(&l.path, dataset_name(dataset));
    int rc = list_folder(&l, 0, err);
    if (names.len > 1)
        qsort(names.items, names.len, sizeof *names.items, by_segment);
    for (size_t i = 1; rc == 0 && i < names.len; i++)
        if (names.items[i].segment == names.items[i - 1].segment)
            rc = err_set(err, ERR_CORRUPT, "%s and %s are both segment %llu of the lake: keep one",
                         names.items[i - 1].path, names.items[i].path,
                         (unsigned long long)names.items[i].segment);
    buf_release(&l.path);
    if (rc < 0)
        segment_names_release(&names);
    else
        *ret = names;
    return rc;
}

void segment_names_release(struct segment_names *names) { vec_free(names); }
