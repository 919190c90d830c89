/* Where the program's own files are, found from where the program itself is (docs/commands.md): the
 * build tree (BUILD/caskalytics beside node_modules and schema) or an installation (bin, lib,
 * share). */
#ifndef CASK_PATHS_H
#define CASK_PATHS_H

#include "base/err.h"
#include "base/str.h"

enum program_file {
    FILE_ENGINE,         /* the caskalytics-engine program */
    FILE_LIBCHDB,        /* libchdb.so */
    FILE_AGENTS,         /* uap-core's regexes.yaml */
    FILE_CRAWLERS,       /* crawler-user-agents.json */
    FILE_CLIENTS,        /* schema/clients.txt: download and library clients that are no bots */
    FILE_BOTS,           /* schema/bots.txt: kinds and names of bots */
    FILE_DEVICE_CLASSES, /* schema/device_classes.txt */
    FILE_COUNTRY,        /* the country database (mmdb) */
};

/* Absolute path of a file that exists; ERR_NOTFOUND names the places looked at. */
MUSTCHECK int paths_find(enum program_file file, struct buf *ret, struct err *err);

#endif
