/* ISO 8601 as people type it and as JSON carries it. */
#include "base/zone_table.h"

/* Exactly `width` digits, at most max. */
static bool take_digits(struct str *s, size_t width, int max, int *ret) {
    int n = 0;
    if (s->len < width)
        return false;
    for (size_t i = 0; i < width; i++) {
        if (s->ptr[i] < '0' || s->ptr[i] > '9')
            return false;
        n = n * 10 + (s->ptr[i] - '0');
    }
    *s = str_skip(*s, width);
    *ret = n;
    return n <= max;
}

static bool take(struct str *s, char c) {
    if (s->len == 0 || s->ptr[0] != c)
        return false;
    *s = str_skip(*s, 1);
    return true;
}

/* YYYY[-MM[-DD]]; *ret_complete: with a day. */
static bool take_date(struct str *s, struct civil *ret, bool *ret_complete) {
    *ret = (struct civil){.month = 1, .day = 1};
    *ret_complete = false;
    if (!take_digits(s, 4, 9999, &ret->year))
        return false;
    if (!take(s, '-'))
        return true;
    if (!take_digits(s, 2, 12, &ret->month) || ret->month < 1)
        return false;
    if (!take(s, '-'))
        return true;
    *ret_complete = true;
    return take_digits(s, 2, calendar_month_length(ret->year, ret->month), &ret->day) &&
           ret->day >= 1;
}

/* HH:MM[:SS[.fff]]; 24:00 is the end of the day, :60 a leap second. */
static bool take_time(struct str *s, struct civil *ret) {
    if (!take_digits(s, 2, 24, &ret->hour) || !take(s, ':') || !take_digits(s, 2, 59, &ret->minute))
        return false;
    if (take(s, ':')) {
        if (!take_digits(s, 2, 60, &ret->second))
            return false;
        if (take(s, '.') || take(s, ',')) {
            int digit; /* whole seconds are enough */
            if (!take_digits(s, 1, 9, &digit))
                return false;
            while (take_digits(s, 1, 9, &digit)) {
            }
        }
    }
    return ret->hour < 24 || (ret->minute == 0 && ret->second == 0);
}

/* Z, +HH, +HHMM or +HH:MM[:SS] (the last for local mean times). */
static bool take_offset(struct str *s, int32_t *ret) {
    int hours, minutes = 0, seconds = 0;
    *ret = 0;
    if (take(s, 'Z') || take(s, 'z'))
        return true;
    bool west = take(s, '-');
    if ((!west && !take(s, '+')) || !take_digits(s, 2, 24, &hours))
        return false;
    if (s->len > 0) {
        take(s, ':');
        if (!take_digits(s, 2, 59, &minutes))
            return false;
        if (take(s, ':') && !take_digits(s, 2, 59, &seconds))
            return false;
    }
    *ret = (hours * SECONDS_OF_HOUR + minutes * 60 + seconds) * (west ? -1 : 1);
    return true;
}

int zone_parse(const struct zone *z, struct str text, int64_t *ret, struct err *err) {
    struct str rest = text;
    struct civil local;
    int32_t offset = 0;
    bool has_day, has_time = false, has_offset = false;
    bool ok = take_date(&rest, &local, &has_day);
    if (ok && has_day && (take(&rest, 'T') || take(&rest, 't') || take(&rest, ' '))) {
        ok = take_time(&rest, &local);
        has_time = true;
        if (ok && rest.len > 0) {
            ok = take_offset(&rest, &offset);
            has_offset = true;
        }
    }
    if (!ok || rest.len > 0)
        return err_set(err, ERR_USAGE,
                       "\"" STR_FMT "\" is not a time: expected 2015, 2015-05, 2015-05-17, "
                       "2015-05-17T10:00 or 2015-05-17T10:00:00+02:00",
                       (int)min_size(text.len, 80), text.ptr ? text.ptr : "");
    int64_t days = calendar_days(local.year, local.month, local.day);
    if (has_offset)
        *ret = days * SECONDS_OF_DAY + local.hour * SECONDS_OF_HOUR + local.minute * 60 +
               local.second - offset;
    else if (has_time)
        *ret = zone_instant(z, local);
    else
        *ret = zone_first_instant(z, days * SECONDS_OF_DAY);
    return 0;
}

void zone_format(const struct zone *z, int64_t instant, struct buf *out) {
    struct civil c = zone_civil(z, instant);
    int32_t offset = zone_offset(z, instant), east = offset < 0 ? -offset : offset;
    buf_printf(out, "%04d-%02d-%02dT%02d:%02d:%02d%c%02d:%02d", c.year, c.month, c.day, c.hour,
               c.minute, c.second, offset < 0 ? '-' : '+', east / SECONDS_OF_HOUR, east / 60 % 60);
    if (east % 60 != 0) /* local mean time, before standard time was adopted */
        buf_printf(out, ":%02d", east % 60);
}
