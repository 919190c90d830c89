#include "base/paths.h"

#include "base/fs.h"
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Relative to the folder of the running program; the first that exists is taken. Programs of tests
 * run up to three folders deeper than BUILD/caskalytics. */
static const struct {
    const char *built, *installed;
} places[] = {
    [FILE_ENGINE] = {"caskalytics-engine", "../lib/caskalytics/caskalytics-engine"},
    [FILE_LIBCHDB] = {"../node_modules/@chdb/lib-linux-x64-gnu/libchdb.so",
                      "../lib/caskalytics/libchdb.so"},
    [FILE_AGENTS] = {"../node_modules/uap-core/regexes.yaml", "../share/caskalytics/regexes.yaml"},
    [FILE_CRAWLERS] = {"../node_modules/crawler-user-agents/crawler-user-agents.json",
                       "../share/caskalytics/crawler-user-agents.json"},
    [FILE_CLIENTS] = {"../schema/clients.txt", "../share/caskalytics/clients.txt"},
    [FILE_BOTS] = {"../schema/bots.txt", "../share/caskalytics/bots.txt"},
    [FILE_DEVICE_CLASSES] = {"../schema/device_classes.txt",
                             "../share/caskalytics/device_classes.txt"},
    [FILE_COUNTRY] = {"../node_modules/@ip-location-db/geo-whois-asn-country-mmdb/"
                      "geo-whois-asn-country.mmdb",
                      "../share/caskalytics/country.mmdb"},
};

int paths_find(enum program_file file, struct buf *ret, struct err *err) {
    char exe[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
    if (n < 0)
        return err_errno(err, ERR_IO, "/proc/self/exe");
    exe[n] = '\0';
    char *slash = strrchr(exe, '/');
    if (slash != NULL)
        *slash = '\0';
    const char *const tries[] = {places[file].built, places[file].installed};
    static const char *const up[] = {"", "../", "../../", "../../../"};
    for (size_t i = 0; i < ARRAY_LEN(tries); i++) {
        for (size_t j = 0; j < ARRAY_LEN(up); j++) {
            buf_clear(ret);
            buf_printf(ret, "%s/%s%s", exe, up[j], tries[i]);
            if (fs_exists(buf_cstr(ret))) {
                char real[PATH_MAX];
                if (realpath(buf_cstr(ret), real) == NULL)
                    return err_errno(err, ERR_IO, "%s", buf_cstr(ret));
                buf_clear(ret);
                buf_add_cstr(ret, real);
                return 0;
            }
        }
    }
    return err_set(err, ERR_NOTFOUND, "not found: %s/%s nor %s/%s (run dev/setup?)", exe, tries[0],
                   exe, tries[1]);
}
