/* JSON in and out: what handlers of documents share. */
#ifndef CASK_API_BODY_H
#define CASK_API_BODY_H

#include "api/internal.h"
#include "people/people.h"

#include <jansson.h>

/* The body: a JSON object with no other fields than the route names (".field" in its params); to be
 * released with json_decref(). ERR_USAGE. */
MUSTCHECK int body_read(const struct http_exchange *x, json_t **ret, struct err *err);
/* A field that is text; ptr NULL when it is missing or null. Borrows from `doc`. */
MUSTCHECK int body_text(const json_t *doc, const char *name, struct str *ret, struct err *err);
/* As body_text(), but it must be there. */
MUSTCHECK int body_need(const json_t *doc, const char *name, struct str *ret, struct err *err);
/* A list of sites: null or missing is all. To be released. */
MUSTCHECK int body_sites(const json_t *doc, struct site_list *ret, struct err *err);
/* A moment in ISO 8601, read in UTC, in milliseconds; 0 when missing. */
MUSTCHECK int body_time(const json_t *doc, const char *name, int64_t *ret_ms, struct err *err);

json_t *json_of(struct str text);              /* null for ptr NULL */
json_t *json_time(int64_t ms);                 /* "2026-05-17T10:00:00Z"; null for 0 */
json_t *json_sites(const struct site_list *l); /* null: all */

/* Takes `doc` over. */
void api_reply_json(struct http_exchange *x, unsigned status, json_t *doc);
/* 204 */
void api_reply_nothing(struct http_exchange *x);

/* ETag: "VERSION"; and the version that If-Match asks for: CONTROL_ANY without one. False: replied
 * 412, what is there is another one than `version`. */
void api_set_version(struct http_exchange *x, uint64_t version);
bool api_match(struct http_exchange *x, uint64_t version);

/* One line in the log about a change: who made it, of what. */
void api_audit(const struct http_exchange *x, const char *event, const char *what, struct str name);

#endif
