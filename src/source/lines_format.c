#include "source/lines_format.h"

#define DETECT_BYTES ((size_t)256 << 10)
#define DETECT_LINES 1000

static int look_ahead(struct lines *lines, struct str sample[DETECT_LINES], size_t *ret_n,
                      struct err *err) {
    struct str ahead, piece;
    *ret_n = 0;
    int rc = lines_peek(lines, DETECT_BYTES, &ahead, err);
    while (rc == 0 && *ret_n < DETECT_LINES && str_split(&ahead, '\n', &piece)) {
        piece = str_trim(piece);
        if (piece.len > 0)
            sample[(*ret_n)++] = piece;
    }
    return rc;
}

int lines_open_format(struct lines *lines, struct str spec, struct format **ret,
                      bool *ret_names_site, struct err *err) {
    struct str sample[DETECT_LINES];
    size_t n;
    int rc = look_ahead(lines, sample, &n, err);
    if (rc == 0 && (spec.len == 0 || str_is(spec, "auto")))
        spec = format_detect(sample, n);
    if (rc == 0)
        rc = format_open(spec, ret, err);
    if (rc != 0)
        return rc;
    for (size_t i = 0; i < n; i++)
        if (format_is_header(*ret, sample[i]))
            format_take_header(*ret, sample[i]);
    *ret_names_site = format_names_site(*ret);
    format_restart(*ret);
    return 0;
}
