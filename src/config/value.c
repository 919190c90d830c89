#include "config/value.h"

#include "base/address.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/zone.h"
#include "config/config.h"
#include "config/quantity.h"
#include "event/record.h"
#include "format/format.h"

#include <ctype.h>
#include <stdlib.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

static void keep(struct str text, void *place) {
    if (place == NULL)
        return;
    release_text(place);
    *(char **)place = str_dup(text);
}

static void keep_lower(struct str text, void *place) {
    keep(text, place);
    for (char *p = place != NULL ? *(char **)place : NULL; p != NULL && *p != '\0'; p++)
        *p = (char)tolower((unsigned char)*p);
}

static int check_length(struct str text, struct err *err) {
    if (text.len == 0)
        return err_set(err, ERR_USAGE, "must not be empty");
    if (text.len > LIMIT_STRING_BYTES)
        return err_set(err, ERR_USAGE, "longer than %zu bytes", LIMIT_STRING_BYTES);
    return 0;
}

static int check_text(struct str text, struct err *err) {
    for (size_t i = 0; i < text.len; i++)
        if (iscntrl((unsigned char)text.ptr[i]))
            return err_set(err, ERR_USAGE, "holds a control character");
    return check_length(text, err);
}

int value_text(struct str text, void *place, struct err *err) {
    int rc = check_text(text, err);
    if (rc == 0)
        keep(text, place);
    return rc;
}

/* `stats --site a,b|all` must be able to name every site. */
int value_site(struct str text, void *place, struct err *err) {
    int rc = check_text(text, err);
    if (rc == 0 && !site_name_ok(text))
        rc = err_set(err, ERR_USAGE, "a site's name is not `all` or `*` and has no comma");
    if (rc == 0)
        keep(text, place);
    return rc;
}

int value_log_level(struct str text, void *place, struct err *err) {
    enum log_level level;
    int rc = value_text(text, NULL, err);
    char *name = str_dup(text);
    if (rc == 0 && !log_level_parse(name, &level))
        rc = err_set(err, ERR_USAGE, "is not one of debug, info, warn, error");
    if (rc == 0)
        keep(text, place);
    free(name);
    return rc;
}

int value_log_format(struct str text, void *place, struct err *err) {
    enum log_format format;
    int rc = value_text(text, NULL, err);
    char *name = str_dup(text);
    if (rc == 0 && !log_format_parse(name, &format))
        rc = err_set(err, ERR_USAGE, "is neither text nor json");
    if (rc == 0)
        keep(text, place);
    free(name);
    return rc;
}

int value_zone(struct str text, void *place, struct err *err) {
    int rc = check_text(text, err);
    if (rc != 0)
        return rc;
    char *name = str_dup(text);
    struct zone *zone = NULL;
    rc = zone_open(name, &zone, err);
    if (rc == 0)
        keep(text, place);
    zone_free(zone);
    free(name);
    return rc;
}

int value_pattern(struct str text, void *place, struct err *err) {
    int rc = check_length(text, err);
    if (rc != 0)
        return rc;
    int code;
    PCRE2_SIZE offset;
    /* As refine compiles it: bytes, not characters. */
    pcre2_code *compiled = pcre2_compile((PCRE2_SPTR)text.ptr, text.len, PCRE2_NEVER_BACKSLASH_C,
                                         &code, &offset, NULL);
    if (compiled == NULL) {
        PCRE2_UCHAR message[256];
        pcre2_get_error_message(code, message, sizeof message);
        return err_set(err, ERR_USAGE, "not a valid regular expression: %s at offset %zu",
                       (const char *)message, (size_t)offset);
    }
    pcre2_code_free(compiled);
    keep(text, place);
    return 0;
}

int value_extension(struct str text, void *place, struct err *err) {
    int rc = check_length(text, err);
    if (rc == 0 && *text.ptr == '.')
        text = str_skip(text, 1);
    for (size_t i = 0; rc == 0 && i < text.len; i++)
        if (text.ptr[i] == '.' || text.ptr[i] == '/' || text.ptr[i] == '?' ||
            isspace((unsigned char)text.ptr[i]) || iscntrl((unsigned char)text.ptr[i]))
            rc =
                err_set(err, ERR_USAGE,
                        "not an extension: it is what stands behind the last dot (gz, not tar.gz)");
    if (rc == 0 && text.len == 0)
        rc = err_set(err, ERR_USAGE, "not an extension");
    if (rc == 0)
        keep_lower(text, place);
    return rc;
}

int value_domain(struct str text, void *place, struct err *err) {
    int rc = check_text(text, err);
    bool odd = text.len > 253 || text.ptr[0] == '.';
    for (size_t i = 0; rc == 0 && i < text.len; i++)
        odd = odd || strchr("/:*?@ ,", text.ptr[i]) != NULL;
    if (rc == 0 && odd)
        rc =
            err_set(err, ERR_USAGE, "not a domain such as example.com: no scheme, port, path or *");
    if (rc == 0)
        keep_lower(text, place);
    return rc;
}

int value_path(struct str text, void *place, struct err *err) {
    int rc = check_text(text, err);
    if (rc == 0 && *text.ptr != '/' && *text.ptr != '*')
        rc = err_set(err, ERR_USAGE, "matches no path: they begin with /, or put a * in front");
    if (rc == 0)
        keep(text, place);
    return rc;
}

int value_host(struct str text, void *place, struct err *err) {
    int rc = check_text(text, err);
    if (rc == 0 && memchr(text.ptr, '/', text.len) != NULL)
        rc = err_set(err, ERR_USAGE,
                     "matches no server's name: no scheme and no path, only a name such as "
                     "staging.example.org");
    if (rc == 0)
        keep(text, place);
    return rc;
}

int value_piece(struct str text, void *place, struct err *err) {
    int rc = check_text(text, err);
    if (rc == 0 && memchr(text.ptr, '*', text.len) != NULL)
        rc = err_set(err, ERR_USAGE,
                     "a * stands for itself here: give the piece of the user agent alone");
    if (rc == 0)
        keep(text, place);
    return rc;
}

int value_address(struct str text, void *place, struct err *err) {
    struct address_range range;
    int rc = check_text(text, err);
    if (rc == 0 && !address_range_parse(text, &range))
        rc = err_set(err, ERR_USAGE,
                     "neither an address nor a range such as 192.0.2.0/24 or 2001:db8::/32");
    if (rc == 0)
        keep(text, place);
    return rc;
}

/* Port 0: one that is free. */
int value_listen(struct str text, void *place, struct err *err) {
    struct str host;
    uint16_t port;
    int rc = check_text(text, err);
    if (rc == 0 && !address_split_port(text, &host, &port))
        rc = err_set(err, ERR_USAGE,
                     "no address and port such as 127.0.0.1:8080, [::1]:8080 or :8080");
    if (rc == 0)
        keep(text, place);
    return rc;
}

static const struct {
    const char *name;
    bool is_built;
} source_types[] = {{"tail", true}, {"ingest", true}, {"s3", false},
                    {"sqs", false}, {"kafka", false}, {"github", false}};

bool source_type_known(struct str name, bool *ret_is_built) {
    for (size_t i = 0; i < ARRAY_LEN(source_types); i++) {
        if (str_is(name, source_types[i].name)) {
            *ret_is_built = source_types[i].is_built;
            return true;
        }
    }
    return false;
}

int value_source_type(struct str text, void *place, struct err *err) {
    bool is_built;
    int rc = check_text(text, err);
    if (rc == 0 && !source_type_known(text, &is_built)) {
        struct buf known = {0};
        for (size_t i = 0; i < ARRAY_LEN(source_types); i++)
            buf_printf(&known, "%s%s", i > 0 ? ", " : "", source_types[i].name);
        rc = err_set(err, ERR_USAGE, "is not one of %s", buf_cstr(&known));
        buf_release(&known);
    }
    if (rc == 0)
        keep(text, place);
    return rc;
}

int value_format(struct str text, void *place, struct err *err) {
    struct format *format = NULL;
    int rc = check_text(text, err);
    if (rc == 0 && !str_is(text, "auto"))
        rc = format_open(text, &format, err);
    format_free(format);
    if (rc == 0)
        keep(text, place);
    return rc;
}

int value_size(struct str text, void *place, struct err *err) {
    uint64_t bytes;
    int rc = size_parse(text, &bytes, err);
    if (rc == 0 && place != NULL)
        *(uint64_t *)place = bytes;
    return rc;
}

int value_duration(struct str text, void *place, struct err *err) {
    uint64_t seconds;
    int rc = duration_parse(text, &seconds, err);
    if (rc == 0 && place != NULL)
        *(uint64_t *)place = seconds;
    return rc;
}

int value_bool(struct str text, void *place, struct err *err) {
    if (!str_is(text, "true") && !str_is(text, "false"))
        return err_set(err, ERR_USAGE, "neither true nor false");
    if (place != NULL)
        *(bool *)place = str_is(text, "true");
    return 0;
}

void show_text(const void *place, struct buf *out) {
    const char *text = *(char *const *)place;
    if (text != NULL)
        yaml_scalar(str_from(text), out);
}

void show_size(const void *place, struct buf *out) { size_format(*(const uint64_t *)place, out); }

void show_duration(const void *place, struct buf *out) {
    duration_format(*(const uint64_t *)place, out);
}

void show_bool(const void *place, struct buf *out) {
    buf_add_cstr(out, *(const bool *)place ? "true" : "false");
}

void release_text(void *place) {
    free(*(char **)place);
    *(char **)place = NULL;
}
