/* A scanner of one JSON object in one line (RFC 8259): walks it once, checks all of it, and hands
 * out the values at paths that were compiled before. No tree is built and nothing is allocated but
 * scratch for strings with escapes.
 *
 * A path is names parted by dots: `request.headers.User-Agent.0`. A dot steps into an object, or is
 * part of a name that has dots itself: {"source.ip": 1} and {"source": {"ip": 1}} are one path. A
 * number steps into an array; where a path ends at an array, its first element counts.
 *
 * Beyond the RFC: strings may hold bytes that are not UTF-8, and \xHH, which nginx and Apache write
 * when nobody told them that it is JSON; both are given out as logged. A surrogate without its
 * other half becomes U+FFFD. Of equal keys the last one counts. */
#ifndef CASK_JSON_SCAN_H
#define CASK_JSON_SCAN_H

#include "base/arena.h"
#include "base/err.h"

#define JSON_DEPTH_MAX 64 /* objects and arrays within each other */
#define JSON_PATHS_MAX 256

struct json_paths;

struct json_paths *json_paths_new(void);
void json_paths_free(struct json_paths *paths);
/* The same path again gives the same id; ids count from 0. ERR_USAGE: an empty name in it, too many
 * of them. Copies `path`. */
MUSTCHECK int json_paths_add(struct json_paths *paths, struct str path, size_t *ret_id,
                             struct err *err);

/* Fills ret[id] of every path: a string unescaped, a number as it stands, "" for null, true, false
 * and objects, ptr NULL where there is nothing. False unless the line is one object. Borrows from
 * `line` and `scratch`. */
MUSTCHECK bool json_scan(const struct json_paths *paths, struct str line, struct arena *scratch,
                         struct str *ret);

#endif
