/* First byte 0: the rest is a time as zone_parse() reads it; 1: a POSIX TZ string; else: a TZif
 * file. What is accepted must also give buckets that hold together. */
#include "base/zone_table.h"

#include <stdlib.h>

static const int64_t INSTANTS[] = {-ZONE_INSTANT_MAX, -4000000000,     0, 256, 1431820800,
                                   4102444800,        ZONE_INSTANT_MAX};

static void check(const struct zone *z, int64_t t) {
    struct zone_span span = zone_span_at(z, t);
    if (span.start > t || (span.end <= t && span.end != INT64_MAX))
        abort();
    for (enum grain g = GRAIN_HOUR; g <= GRAIN_YEAR; g++) {
        int64_t start = zone_floor(z, g, t), next = zone_next(z, g, t);
        if (start >= next || zone_floor(z, g, start) != start)
            abort();
    }
    (void)zone_shift(z, GRAIN_MONTH, t, -13);
}

static void check_text(struct str text) {
    struct zone *utc;
    int64_t t, back;
    struct buf b = {0};
    if (zone_open("UTC", &utc, NULL) != 0)
        abort();
    if (zone_parse(utc, text, &t, NULL) == 0) {
        check(utc, t);
        zone_format(utc, t, &b);
        /* An offset can lead out of the four-digit years. */
        if (t >= -62167219200 && t < 253402300800 &&
            (zone_parse(utc, buf_str(&b), &back, NULL) != 0 || back != t))
            abort();
    }
    buf_release(&b);
    zone_free(utc);
}

static void check_rule(struct str text) {
    struct zone_rule rule;
    if (!zone_rule_parse(text, &rule))
        return;
    struct zone z = {.name = "fuzz", .table_end = INT64_MIN, .has_rule = true, .rule = rule};
    for (size_t i = 0; i < ARRAY_LEN(INSTANTS); i++)
        check(&z, INSTANTS[i]);
}

static void check_file(struct str bytes) {
    struct zone *z;
    if (zone_decode("fuzz", bytes, &z, NULL) != 0)
        return;
    for (size_t i = 0; i < ARRAY_LEN(INSTANTS); i++)
        check(z, INSTANTS[i]);
    zone_free(z);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0)
        return 0;
    struct str rest = str_of((const char *)data + 1, size - 1);
    if (data[0] == 0)
        check_text(rest);
    else if (data[0] == 1)
        check_rule(rest);
    else
        check_file(rest);
    return 0;
}
