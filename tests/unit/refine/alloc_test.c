/* Refining allocates nothing for a line: malloc and its kin are those of this file, and count. */
#include "support/unit.h"

#include "base/limits.h"
#include "config/config.h"
#include "refine/refine.h"
#include <stdatomic.h>
#include <unistd.h>

static atomic_size_t allocations;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(__GLIBC__)
#define COUNTED false /* a sanitizer has a malloc of its own */
#else
#define COUNTED true
/* glibc's own names. A program's definitions take precedence in all libraries. */
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *old, size_t n);
void *__libc_memalign(size_t alignment, size_t n);

void *malloc(size_t n) {
    atomic_fetch_add(&allocations, 1);
    return __libc_malloc(n);
}

void *calloc(size_t n, size_t size) {
    atomic_fetch_add(&allocations, 1);
    return __libc_calloc(n, size);
}

void *realloc(void *old, size_t n) {
    atomic_fetch_add(&allocations, 1);
    return __libc_realloc(old, n);
}

void *aligned_alloc(size_t alignment, size_t n) {
    atomic_fetch_add(&allocations, 1);
    return __libc_memalign(alignment, n);
}
#endif

#define AGENT                                                                                      \
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "            \
    "Chrome/120.0.0.0 Safari/537.36"
#define TIME "[17/May/2015:12:05:03 +0200]"
#define AGENTS 100
#define BLOCK_LINES 1000

/* What a line can be: every format, every kind of request, capitals and escapes that must be
 * rewritten, rejections. %zu counts up, %s is an agent. */
static const struct {
    const char *type, *line;
} shapes[] = {
    {"combined", "8.8.%zu.8 - - " TIME " \"GET /a?utm_source=x HTTP/1.1\" 200 512 "
                 "\"https://www.Google.COM/search?q=1\" \"%s\""},
    {"combined", "2001:db8::%zx - bob " TIME " \"GET /app-1.2.zip HTTP/1.1\" 206 - \"-\" \"%s\""},
    {"combined", "host-%zu.example.net - - " TIME
                 " \"GET /q\\\"\\x41?utm_source=%%C3%%A4+b&utm_medium=m HTTP/1.1\" 200 1 "
                 "\"http://EXAMPLE.org/\\\"x\" \"%s \\\"quoted\\\"\""},
    {"combined", "10.0.0.%zu - - [not a time] \"GET / HTTP/1.1\" 200 1 \"-\" \"%s\""},
    {"vhost",
     "WWW.Example.ORG:443 1.2.3.%zu - - " TIME " \"GET /style.css HTTP/1.1\" 200 1 \"-\" \"%s\""},
    {"common", "1.2.%zu.4 - - " TIME " \"POST /form HTTP/1.0\" 500 1"},
    {"common", "no log line %zu"},
    {"nothing", "of an unknown type %zu"},
};

static char data_dir[] = "/tmp/alloc_test.XXXXXX";
static struct refiner *refiner;
static char *agents[AGENTS];

static int open_refiner(void **state) {
    UNUSED(state);
    static char *assets[] = {"css"}, *downloads[] = {"zip"};
    static struct config_product products[] = {{"App", "/app-(?<version>[0-9.]+)", true}};
    const struct config config = {.assets = assets,
                                  .n_assets = 1,
                                  .downloads = downloads,
                                  .n_downloads = 1,
                                  .products = products,
                                  .n_products = 1};
    struct err err = {0};
    assert_non_null(mkdtemp(data_dir));
    assert_ok(refiner_new(&config, data_dir, &refiner, &err), err);
    for (size_t i = 0; i < AGENTS; i++) { /* the last one is longer than what is looked up */
        struct buf agent = {0};
        buf_printf(&agent, AGENT " Extra/%zu ", i);
        while (i == AGENTS - 1 && agent.len < LIMIT_STRING_BYTES + 1000)
            buf_add_char(&agent, 'x');
        agents[i] = str_dup(buf_str(&agent));
        buf_release(&agent);
    }
    return 0;
}

static int close_refiner(void **state) {
    UNUSED(state);
    char keys[80];
    refiner_free(refiner);
    for (size_t i = 0; i < AGENTS; i++)
        free(agents[i]);
    snprintf(keys, sizeof keys, "%s/keys", data_dir);
    unlink(keys);
    rmdir(data_dir);
    return 0;
}

/* Allocations while n lines are refined. */
static size_t count_for(size_t n) {
    static char line[LIMIT_LINE_BYTES];
    size_t before = 0, sum = 0, accepted = 0;
    for (size_t i = 0; i < n; i++) {
        size_t shape = i % ARRAY_LEN(shapes);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        int len = snprintf(line, sizeof line, shapes[shape].line, i % 250,
                           agents[i / ARRAY_LEN(shapes) % AGENTS]);
#pragma GCC diagnostic pop
        const struct record record = {.body = str_of(line, (size_t)len),
                                      .type = str_from(shapes[shape].type),
                                      .site = shape == 4 ? STR("") : STR("example.org"),
                                      .source = STR("import")};
        struct event event;
        before = atomic_load(&allocations);
        accepted += refine_record(refiner, &record, &event) == REASON_NONE;
        if (i % BLOCK_LINES == BLOCK_LINES - 1)
            refiner_reset(refiner);
        sum += atomic_load(&allocations) - before;
    }
    refiner_reset(refiner);
    assert_int_equal(accepted, n / ARRAY_LEN(shapes) * 5); /* the shapes are what they should be */
    return sum;
}

static void refine__allocates_nothing_for_a_line(void **state) {
    UNUSED(state);
    if (!COUNTED)
        skip();
    size_t all = AGENTS * ARRAY_LEN(shapes) * 10;
    assert_true(count_for(all) > 0); /* agents and formats are new: so the counter does count */
    assert_int_equal(count_for(all), 0);
    assert_int_equal(count_for(2 * all), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {unit_test(refine__allocates_nothing_for_a_line)};
    return cmocka_run_group_tests(tests, open_refiner, close_refiner);
}
