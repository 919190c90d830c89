#include "base/log.h"
#include "base/str.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

#define QUOTE '\001' /* what stands for a quote of fmt until the values are in place */
#define FMT_BYTES 256

static const char *const level_names[] = {"debug", "info", "warn", "error"};
static const char *const format_names[] = {"text", "json"};

/* The only globals: where lines go is the same for the whole process. */
static _Atomic enum log_level least = LOG_WARN;
static _Atomic enum log_format form = LOG_TEXT;

bool log_level_parse(const char *name, enum log_level *ret) {
    for (size_t i = 0; i < ARRAY_LEN(level_names); i++)
        if (strcmp(name, level_names[i]) == 0) {
            *ret = (enum log_level)i;
            return true;
        }
    return false;
}

bool log_format_parse(const char *name, enum log_format *ret) {
    for (size_t i = 0; i < ARRAY_LEN(format_names); i++)
        if (strcmp(name, format_names[i]) == 0) {
            *ret = (enum log_format)i;
            return true;
        }
    return false;
}

void log_set_level(enum log_level level) { least = level; }
void log_set_format(enum log_format format) { form = format; }

/* "12", "-3", "1.5": as they are in JSON. */
static bool is_number(struct str s) {
    size_t dots = 0, i = s.len > 0 && s.ptr[0] == '-';
    bool digits = i < s.len;
    for (; i < s.len; i++) {
        dots += s.ptr[i] == '.';
        digits = digits && (s.ptr[i] == '.' || (s.ptr[i] >= '0' && s.ptr[i] <= '9'));
    }
    return digits && dots <= 1 && s.ptr[s.len - 1] != '.' && s.ptr[0] != '.' &&
           (s.ptr[0] != '0' || s.len == 1 || dots == 1);
}

static void add_field(struct buf *out, bool json, struct str key, struct str value, bool quoted) {
    buf_add_cstr(out, json ? ",\"" : " ");
    buf_add_str(out, key);
    buf_add_cstr(out, json ? "\":" : "=");
    quoted = json ? !is_number(value) : quoted;
    buf_add_cstr(out, quoted ? "\"" : "");
    buf_add_json(out, value);
    buf_add_cstr(out, quoted ? "\"" : "");
}

/* `key=value key=QUOTEvalueQUOTE`; what is no pair ends it. */
static void add_fields(struct buf *out, bool json, struct str rest) {
    size_t at;
    while (str_find(rest, '=', &at)) {
        struct str key = str_trim(str_of(rest.ptr, at)), value;
        rest = str_skip(rest, at + 1);
        bool quoted = rest.len > 0 && rest.ptr[0] == QUOTE;
        if (quoted)
            rest = str_skip(rest, 1);
        if (!str_split(&rest, quoted ? QUOTE : ' ', &value))
            value = STR("");
        add_field(out, json, key, value, quoted);
    }
}

static void format_fields(char text[1024], const char *fmt, va_list ap) {
    char marked[FMT_BYTES];
    size_t n = 0;
    for (; fmt[n] != '\0' && n < sizeof marked - 1; n++)
        marked[n] = fmt[n];
    for (size_t i = 0; i < n; i++)
        marked[i] = marked[i] == '"' ? QUOTE : marked[i];
    marked[n] = '\0';
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    vsnprintf(text, 1024, marked, ap); /* fmt was checked where log_line() is called */
#pragma GCC diagnostic pop
}

void log_line(enum log_level level, const char *event, const char *fmt, ...) {
    if (level < least)
        return;
    char text[1024], when[32];
    va_list ap;
    va_start(ap, fmt);
    format_fields(text, fmt, ap);
    va_end(ap);
    time_t now = time(NULL);
    struct tm tm;
    gmtime_r(&now, &tm);
    strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &tm);
    bool json = form == LOG_JSON;
    struct buf line = {0};
    buf_printf(&line,
               json ? "{\"time\":\"%s\",\"level\":\"%s\",\"event\":\"%s\"" : "%s level=%s event=%s",
               when, level_names[level], event);
    add_fields(&line, json, str_from(text));
    buf_add_cstr(&line, json ? "}\n" : "\n");
    fwrite(line.ptr, 1, line.len, stderr); /* at once: lines of threads do not mix */
    buf_release(&line);
}
