#include "agent/hints.h"

#include "base/limits.h"

#define SEPARATOR '\x1f' /* between the fields of a key; no hint holds it */
#define HINTS 5
#define AGENT_BYTES (LIMIT_STRING_BYTES - HINTS * (AGENT_HINT_BYTES + 1))

#define FIELDS(h)                                                                                  \
    { &(h)->brands, &(h)->mobile, &(h)->platform, &(h)->platform_version, &(h)->model }

struct str agent_key(struct buf *scratch, struct str agent, const struct agent_hints *hints) {
    const struct str *const fields[HINTS] = FIELDS(hints);
    size_t bytes = 0;
    for (size_t i = 0; i < HINTS; i++)
        bytes += fields[i]->len;
    if (bytes == 0)
        return agent;
    buf_clear(scratch);
    buf_add_str(scratch, str_of(agent.ptr, min_size(agent.len, AGENT_BYTES)));
    for (size_t i = 0; i < HINTS; i++) {
        struct str hint = str_of(fields[i]->ptr, min_size(fields[i]->len, AGENT_HINT_BYTES));
        size_t at;
        if (str_find(hint, SEPARATOR, &at))
            hint.len = at;
        buf_add_char(scratch, SEPARATOR);
        buf_add_str(scratch, hint);
    }
    return buf_str(scratch);
}

/* From the end: whatever an agent holds, a key is split in one way only. */
bool hints_split(struct str key, struct str *ret_agent, struct agent_hints *ret) {
    struct str *const fields[HINTS] = FIELDS(ret);
    struct str rest = key;
    for (size_t i = HINTS; i-- > 0;) {
        const char *at = rest.len ? memrchr(rest.ptr, SEPARATOR, rest.len) : NULL;
        if (at == NULL) {
            *ret = (struct agent_hints){0};
            *ret_agent = key;
            return false;
        }
        size_t len = (size_t)(at - rest.ptr);
        *fields[i] = str_skip(rest, len + 1);
        rest.len = len;
    }
    *ret_agent = rest;
    return true;
}

/* A quote as it stands, or as nginx logs it. */
static bool eat_quote(struct str *rest) {
    size_t n = str_starts(*rest, STR("\"")) ? 1 : str_starts(*rest, STR("\\x22")) ? 4 : 0;
    *rest = str_skip(*rest, n);
    return n > 0;
}

/* The next quoted string; false if there is none. */
static bool next_string(struct str *rest, struct str *ret) {
    while (rest->len > 0 && !eat_quote(rest))
        *rest = str_skip(*rest, 1);
    const char *start = rest->ptr;
    while (rest->len > 0) {
        const char *end = rest->ptr;
        if (eat_quote(rest)) {
            *ret = str_of(start, (size_t)(end - start));
            return true;
        }
        *rest = str_skip(*rest, 1);
    }
    return false;
}

/* A string without its quotes; also one that was logged without them. */
static struct str bare(struct str hint) {
    struct str rest = hint, text;
    return next_string(&rest, &text) ? text : str_trim(hint);
}

/* "Not A;Brand", "Not/A)Brand", ...: a brand that is there lest anybody relies on the order. */
static bool is_grease(struct str brand) {
    static const char letters[] = "notabrand";
    size_t n = 0;
    for (size_t i = 0; i < brand.len; i++) {
        char c = (char)(brand.ptr[i] | 32);
        if (c < 'a' || c > 'z')
            continue;
        if (n == sizeof letters - 1 || c != letters[n++])
            return false;
    }
    return n == sizeof letters - 1;
}

/* "Chromium";v="118", "Google Chrome";v="118": the first that is more than the engine. */
static void read_brands(struct str list, struct hint_words *ret) {
    struct str brand, version;
    while (next_string(&list, &brand)) {
        if (!str_starts(list, STR(";v=")))
            version = STR("");
        else if (!next_string(&list, &version))
            return;
        bool engine = str_is(brand, "Chromium");
        if (brand.len == 0 || is_grease(brand) || (engine && ret->browser.len > 0))
            continue;
        ret->browser = brand;
        ret->browser_version = version;
        if (!engine)
            return;
    }
}

/* The number at the start of a version. */
static unsigned long number_of(struct str version) {
    unsigned long n = 0;
    for (size_t i = 0; i < version.len && i < 9; i++) {
        if (version.ptr[i] < '0' || version.ptr[i] > '9')
            break;
        n = 10 * n + (unsigned long)(version.ptr[i] - '0');
    }
    return n;
}

/* What Windows calls itself by its version of the platform
 * (https://learn.microsoft.com/microsoft-edge/web-platform/how-to-detect-win11). */
static struct str windows_version(struct str version) {
    if (str_starts(version, STR("0.1")))
        return STR("7");
    if (str_starts(version, STR("0.2")))
        return STR("8");
    if (str_starts(version, STR("0.3")))
        return STR("8.1");
    unsigned long n = number_of(version);
    return n == 0 ? STR("") : n < 13 ? STR("10") : STR("11");
}

/* At most three numbers, without zeros at the end: "13.0.0" is 13, as in agents. */
static struct str short_version(struct str version) {
    size_t dots = 0, end = 0;
    for (; end < version.len && dots < 3; end++)
        dots += version.ptr[end] == '.';
    version.len = end - (dots == 3);
    while (version.len > 2 && memcmp(version.ptr + version.len - 2, ".0", 2) == 0)
        version.len -= 2;
    return version;
}

static void read_platform(struct str platform, struct str version, struct hint_words *ret) {
    static const struct {
        const char *platform, *family;
    } rows[] = {
#define BRAND(brand, desktop, handheld)
#define PLATFORM(platform, family) {platform, family},
#include "hints.def"
#undef PLATFORM
#undef BRAND
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (str_is(platform, rows[i].platform))
            ret->os = str_from(rows[i].family);
    if (ret->os.len > 0)
        ret->os_version =
            str_is(ret->os, "Windows") ? windows_version(version) : short_version(version);
}

void hints_read(const struct agent_hints *hints, struct hint_words *ret) {
    *ret = (struct hint_words){0};
    read_brands(hints->brands, ret);
    read_platform(bare(hints->platform), bare(hints->platform_version), ret);
    ret->model = bare(hints->model);
    struct str mobile = bare(hints->mobile);
    if (str_is(mobile, "?1"))
        ret->mobile = HINT_MOBILE;
    else if (str_is(mobile, "?0"))
        ret->mobile = HINT_DESKTOP;
}

struct str hint_browser_family(struct str brand, bool handheld) {
    static const struct {
        const char *brand, *desktop, *handheld;
    } rows[] = {
#define BRAND(brand, desktop, handheld) {brand, desktop, handheld},
#define PLATFORM(platform, family)
#include "hints.def"
#undef PLATFORM
#undef BRAND
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (str_is(brand, rows[i].brand))
            return str_from(handheld ? rows[i].handheld : rows[i].desktop);
    return brand;
}

bool hint_browser_is_vague(struct str family) {
    static const char *const vague[] = {"Other", "Chrome", "Chrome Mobile", "Chrome Mobile WebView",
                                        "Chromium"};
    for (size_t i = 0; i < ARRAY_LEN(vague); i++)
        if (str_is(family, vague[i]))
            return true;
    return false;
}
