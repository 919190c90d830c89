/* Numbers for programs (exact) and for people (short). */
#include "query/output.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* The fewest digits that read back as the same number; DBL_DIG always suffice for short ones, and
 * only denormal numbers have fewer than that. */
static void add_real(double real, struct buf *out) {
    char text[40];
    for (int digits = fabs(real) < DBL_MIN ? 1 : DBL_DIG; digits <= DBL_DECIMAL_DIG; digits++) {
        snprintf(text, sizeof(text), "%.*g", digits, real);
        if (strtod(text, NULL) == real)
            break;
    }
    buf_add_cstr(out, real == 0 ? "0" : text); /* no "-0" */
}

bool output_number(const struct value *v, struct buf *out) {
    if (v->type == VALUE_INT)
        buf_printf(out, "%" PRId64, v->integer);
    else if (v->type == VALUE_REAL && isfinite(v->real))
        add_real(v->real, out);
    else
        return false;
    return true;
}

/* Put a comma before every third digit of what was appended from `at` on. */
static void add_commas(struct buf *out, size_t at) {
    size_t first = at, digits = 0;
    if (first < out->len && out->ptr[first] == '-')
        first++;
    while (first + digits < out->len && out->ptr[first + digits] >= '0' &&
           out->ptr[first + digits] <= '9')
        digits++;
    for (size_t right = 3; right < digits; right += 3) {
        size_t comma = first + digits - right;
        if (!buf_reserve(out, 1))
            return;
        memmove(out->ptr + comma + 1, out->ptr + comma, out->len - comma);
        out->ptr[comma] = ',';
        out->len++;
    }
}

static void add_seconds(double seconds, bool whole, struct buf *out) {
    if (seconds < 0) {
        buf_add_char(out, '-');
        seconds = -seconds;
    }
    if (!whole && seconds < 9.95) {
        buf_printf(out, "%.1f s", seconds);
        return;
    }
    double all = round(seconds), minutes = floor(all / 60), hours = floor(minutes / 60);
    size_t at = out->len;
    if (all < 60) {
        buf_printf(out, "%.0f s", all);
    } else if (all < 3600) {
        buf_printf(out, "%.0f m %02.0f s", minutes, all - minutes * 60);
    } else {
        buf_printf(out, "%.0f h %02.0f m", hours, minutes - hours * 60);
        add_commas(out, at);
    }
}

static void add_bytes(double bytes, struct buf *out) {
    static const char *const UNITS[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
    size_t unit = 0;
    while (fabs(bytes) >= (unit == 0 ? 999.5 : 999.95) && unit + 1 < ARRAY_LEN(UNITS)) {
        bytes /= 1000;
        unit++;
    }
    buf_printf(out, "%.*f %s", unit == 0 ? 0 : 1, bytes, UNITS[unit]);
}

void output_human(enum unit unit, const struct value *v, int decimals, struct buf *out) {
    bool integer = v->type == VALUE_INT;
    if (!integer && (v->type != VALUE_REAL || !isfinite(v->real))) {
        buf_add_char(out, '-');
        return;
    }
    double real = integer ? (double)v->integer : v->real;
    size_t at = out->len;
    if (unit == UNIT_RATE) {
        buf_printf(out, "%.1f %%", real * 100);
        add_commas(out, at);
    } else if (unit == UNIT_SECONDS) {
        add_seconds(real, integer || real == floor(real), out);
    } else if (unit == UNIT_BYTES) {
        add_bytes(real, out);
    } else {
        if (integer && decimals == 0)
            buf_printf(out, "%" PRId64, v->integer); /* exact beyond 2^53 */
        else
            buf_printf(out, "%.*f", decimals, real);
        add_commas(out, at);
    }
}
