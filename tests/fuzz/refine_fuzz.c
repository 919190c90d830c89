/* The whole of refine over any bytes, with the program's own agents and countries. The first byte
 * picks the format. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/limits.h"
#include "config/config.h"
#include "format/format.h"
#include "refine/refine.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct refiner *open_refiner(void) {
    static char *assets[] = {"css", "js"}, *downloads[] = {"zip", "pdf"};
    static struct config_product products[] = {
        {"App", "/app-(?<version>[0-9.]+)(-(?<platform>[a-z]+))?", true}};
    const struct config config = {.assets = assets,
                                  .n_assets = ARRAY_LEN(assets),
                                  .downloads = downloads,
                                  .n_downloads = ARRAY_LEN(downloads),
                                  .products = products,
                                  .n_products = ARRAY_LEN(products)};
    char dir[] = "/tmp/refine_fuzz.XXXXXX", keys[80];
    struct refiner *refiner = NULL;
    struct err err = {0};
    if (mkdtemp(dir) == NULL || refiner_new(&config, dir, &refiner, &err) != 0) {
        fprintf(stderr, "%s\n", err.text);
        abort();
    }
    snprintf(keys, sizeof keys, "%s/keys", dir);
    unlink(keys);
    rmdir(dir);
    return refiner;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct refiner *refiner;
    if (refiner == NULL)
        refiner = open_refiner();
    if (size == 0)
        return 0;
    const struct format_row *format = format_at(data[0] % format_count());
    struct record record = {.body = str_of((const char *)data + 1, size - 1),
                            .type = str_from(format->name),
                            .site = STR(""),
                            .source = STR("fuzz"),
                            .position = STR("")};
    struct event e;
    if (refine_record(refiner, &record, &e) == REASON_NONE) {
#define CHECK_U8(field)
#define CHECK_U16(field)
#define CHECK_U32(field)
#define CHECK_U64(field)
#define CHECK_STR(field)                                                                           \
    if (e.field.ptr == NULL || e.field.len > LIMIT_STRING_BYTES)                                   \
        abort();
#define COLUMN(name, type, encoding, doc) CHECK_##encoding(name)
#include "events.def"
#undef COLUMN
        if (e.site.len == 0 || e.kind > KIND_EVENT || e.channel.len == 0)
            abort();
    }
    refiner_reset(refiner);
    return 0;
}
