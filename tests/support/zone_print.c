/* Answers of base/zone.h for an outside check (zone_reference.py): reads lines "ZONE INSTANT",
 * prints offset, then start and next start of hour, day, week, month, quarter and year. */
#include "base/zone.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

int main(void) {
    char name[128], open_name[128] = "";
    int64_t t;
    struct zone *z = NULL;
    struct err err;
    while (scanf("%127s %" SCNd64, name, &t) == 2) {
        if (strcmp(name, open_name) != 0) {
            zone_free(z);
            z = NULL;
            if (zone_open(name, &z, &err) != 0) {
                fprintf(stderr, "%s\n", err.text);
                return 1;
            }
            memcpy(open_name, name, sizeof(name));
        }
        printf("%s %" PRId64 " %d", name, t, zone_offset(z, t));
        for (enum grain g = GRAIN_HOUR; g <= GRAIN_YEAR; g++)
            printf(" %" PRId64 " %" PRId64, zone_floor(z, g, t), zone_next(z, g, t));
        putchar('\n');
    }
    zone_free(z);
    return 0;
}
