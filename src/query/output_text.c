/* Text for terminals: what is safe, and how many cells it takes. */
#include "query/output.h"

struct range {
    uint32_t first, last;
};

/* Written directly they would steer the terminal or reorder what is read: C0 and C1 controls, line
 * and paragraph separators, bidirectional marks (Unicode 15, UAX #9). */
static const struct range UNSAFE[] = {{0x0000, 0x001F}, {0x007F, 0x009F}, {0x061C, 0x061C},
                                      {0x200E, 0x200F}, {0x2028, 0x202E}, {0x2066, 0x2069}};
/* No cell of their own: combining marks of the scripts that are common on the web, joiners,
 * variation selectors. */
static const struct range ZERO_WIDTH[] = {
    {0x0300, 0x036F},  {0x0483, 0x0489}, {0x0591, 0x05BD}, {0x05BF, 0x05BF}, {0x0610, 0x061A},
    {0x064B, 0x065F},  {0x0670, 0x0670}, {0x06D6, 0x06DC}, {0x0900, 0x0902}, {0x093C, 0x093C},
    {0x0941, 0x0948},  {0x094D, 0x094D}, {0x0E31, 0x0E31}, {0x0E34, 0x0E3A}, {0x0E47, 0x0E4E},
    {0x1AB0, 0x1AFF},  {0x1DC0, 0x1DFF}, {0x200B, 0x200D}, {0x2060, 0x2060}, {0x20D0, 0x20FF},
    {0x3099, 0x309A},  {0xFE00, 0xFE0F}, {0xFE20, 0xFE2F}, {0xFEFF, 0xFEFF}, {0x1F3FB, 0x1F3FF},
    {0xE0000, 0xE0FFF}};
/* Two cells: East Asian wide and full-width characters and emoji (UAX #11). */
static const struct range WIDE[] = {
    {0x1100, 0x115F},   {0x231A, 0x231B},   {0x2329, 0x232A},   {0x23E9, 0x23EC},
    {0x2614, 0x2615},   {0x2648, 0x2653},   {0x26A1, 0x26A1},   {0x26BD, 0x26BE},
    {0x2705, 0x2705},   {0x270A, 0x270B},   {0x2728, 0x2728},   {0x274C, 0x274C},
    {0x2753, 0x2755},   {0x2795, 0x2797},   {0x2B50, 0x2B50},   {0x2E80, 0x303E},
    {0x3041, 0x33FF},   {0x3400, 0x4DBF},   {0x4E00, 0x9FFF},   {0xA000, 0xA4CF},
    {0xA960, 0xA97C},   {0xAC00, 0xD7A3},   {0xF900, 0xFAFF},   {0xFE30, 0xFE6F},
    {0xFF00, 0xFF60},   {0xFFE0, 0xFFE6},   {0x16FE0, 0x18CFF}, {0x1B000, 0x1B2FF},
    {0x1F18E, 0x1F18E}, {0x1F191, 0x1F19A}, {0x1F200, 0x1F320}, {0x1F32D, 0x1F335},
    {0x1F337, 0x1F393}, {0x1F3A0, 0x1F3F0}, {0x1F3F4, 0x1F3F4}, {0x1F3F8, 0x1F43E},
    {0x1F440, 0x1F4FC}, {0x1F4FF, 0x1F53D}, {0x1F54B, 0x1F567}, {0x1F595, 0x1F596},
    {0x1F5FB, 0x1F64F}, {0x1F680, 0x1F6C5}, {0x1F6CC, 0x1F6CC}, {0x1F6D0, 0x1F6FC},
    {0x1F7E0, 0x1F7EB}, {0x1F90C, 0x1F9FF}, {0x1FA70, 0x1FAFF}, {0x20000, 0x3FFFD}};

static bool is_in(const struct range *ranges, size_t n, uint32_t c) {
    for (size_t i = 0; i < n; i++)
        if (c >= ranges[i].first && c <= ranges[i].last)
            return true;
    return false;
}

/* First character of well-formed UTF-8; *ret_bytes of it. */
static uint32_t first_character(struct str s, size_t *ret_bytes) {
    const unsigned char *p = (const unsigned char *)s.ptr;
    size_t n = p[0] < 0x80 ? 1 : p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : 4;
    assert(n <= s.len);
    uint32_t c = n == 1 ? p[0] : p[0] & (0xFFu >> (n + 1));
    for (size_t i = 1; i < n; i++)
        c = c << 6 | (p[i] & 0x3F);
    *ret_bytes = n;
    return c;
}

void output_text(struct str raw, const char *keep, struct buf *out) {
    struct buf valid = {0};
    buf_add_utf8(&valid, raw);
    for (struct str s = buf_str(&valid); s.len > 0;) {
        size_t n;
        uint32_t c = first_character(s, &n);
        if (is_in(UNSAFE, ARRAY_LEN(UNSAFE), c) && (c == 0 || c > 0x7F || !strchr(keep, (int)c)))
            buf_add_cstr(out, "\xEF\xBF\xBD");
        else
            buf_add(out, s.ptr, n);
        s = str_skip(s, n);
    }
    buf_release(&valid);
}

static size_t cells_of(uint32_t c) {
    if (c < 0x300)
        return 1;
    if (is_in(ZERO_WIDTH, ARRAY_LEN(ZERO_WIDTH), c))
        return 0;
    return is_in(WIDE, ARRAY_LEN(WIDE), c) ? 2 : 1;
}

size_t output_cells(struct str text) {
    size_t cells = 0;
    while (text.len > 0) {
        size_t n;
        cells += cells_of(first_character(text, &n));
        text = str_skip(text, n);
    }
    return cells;
}

size_t output_cut(struct str text, size_t cells, struct buf *out) {
    size_t all = output_cells(text), taken = 0;
    if (all <= cells) {
        buf_add_str(out, text);
        return all;
    }
    if (cells == 0)
        return 0;
    while (text.len > 0) {
        size_t n, width = cells_of(first_character(text, &n));
        if (taken + width > cells - 1)
            break;
        buf_add(out, text.ptr, n);
        taken += width;
        text = str_skip(text, n);
    }
    buf_add_cstr(out, "…");
    return taken + 1;
}
