/* The configuration (docs/configuration.md): one YAML file, read against the table
 * schema/options.def. The same code path checks and applies. All errors are found at once, each
 * with file and line. */
#ifndef CASK_CONFIG_H
#define CASK_CONFIG_H

#include "base/err.h"
#include "base/str.h"

#include <stdatomic.h>

struct config_site {
    char *name;
    char *timezone;   /* NULL: the configuration's */
    uint64_t version; /* of its document in control data; 0: the file declares it */
};

struct config_product {
    char *name;
    char *match;              /* PCRE2; named groups version and platform */
    bool redirects;           /* accept 301, 302, 307 as well */
    char *version, *platform; /* where the pattern has no such group; NULL: none */
};

struct config_source {
    char *id;
    char *type;       /* "tail", "ingest", ... */
    char *path;       /* tail: a file or a glob(7) pattern */
    char *site;       /* NULL: named by the lines, or "default" */
    char *format;     /* spec (format/format.h); NULL: auto */
    char *token;      /* ingest; NULL: only tokens from control data. A secret */
    uint64_t version; /* as of a site */
};

/* Lines that are no hits: of any of these sites (none: of all), what any of the lists matches. */
struct config_exclude {
    char **sites;
    size_t n_sites;
    char **addresses; /* CIDR */
    size_t n_addresses;
    char **paths; /* `*` stands for any bytes */
    size_t n_paths;
    char **hosts; /* the same */
    size_t n_hosts;
    char **agents; /* pieces */
    size_t n_agents;
};

struct config {
    char *file;     /* NULL: defaults */
    bool is_empty;  /* there is no file, or nothing in it */
    char *data;     /* data directory, as written (relative to the working directory) */
    char *timezone; /* "UTC" by default */
    char *listen;   /* "127.0.0.1:8080" */
    char *public_url;
    char *log_level, *log_format; /* of `serve`; words that base/log.h knows */
    char **trusted_proxies;       /* addresses and networks in CIDR notation */
    size_t n_trusted_proxies;
    struct config_source *sources;
    size_t n_sources;
    struct config_site *sites;
    size_t n_sites;
    struct config_product *products;
    size_t n_products;
    char **assets; /* extensions, lower case, without dot */
    size_t n_assets;
    char **downloads;
    size_t n_downloads;
    char **referrer_spam; /* domains, lower case, beside the list of the program */
    size_t n_referrer_spam;
    struct config_exclude *exclude;
    size_t n_exclude;
    char *country_database;       /* NULL: the one that comes with the program */
    uint64_t engine_memory_bytes; /* 0: automatic, see config_memory() */
    uint64_t query_memory_bytes;  /* 0: automatic */
    bool seal;                    /* false: cubes are not made (answers come from raw rows) */
    uint64_t generation;          /* of configurations in effect: grows with each change */
    atomic_uint others;           /* who hold it besides its first owner */
};

/* `path` NULL: ./caskalytics.yaml, and defaults when there is none. ERR_USAGE: *ret_report (text,
 * one line a problem, "FILE:LINE: message") says all that is wrong; with 0 it has only warnings.
 * ERR_NOTFOUND, ERR_IO. */
MUSTCHECK int config_load(const char *path, struct config **ret, struct buf *ret_report,
                          struct err *err);
/* The same for who needs no secrets: what is wrong with one (mostly that the environment has no
 * such variable) is no problem, and it is missing. */
MUSTCHECK int config_load_open(const char *path, struct config **ret, struct buf *ret_report,
                               struct err *err);
void config_free(struct config *c);
/* With its own bytes. */
struct config *config_copy(const struct config *c);
/* One more holder: it stays until each of them has let go (or called config_free()). */
const struct config *config_hold(const struct config *c);
void config_let_go(const struct config *c);
/* The whole effective configuration as YAML (`config show`); secrets are never part of it. */
void config_show(const struct config *c, struct buf *out);
/* Append the names of options that differ and are only looked at when a server starts. */
void config_changed_fixed(const struct config *a, const struct config *b, struct buf *out);
/* The commented sample file (`init`), made from the table of options. */
void config_sample(struct buf *out);
/* docs/configuration.md, made from the table of options. */
void config_reference(struct buf *out);
/* Zone of a site: its own, else the configuration's. */
const char *config_site_zone(const struct config *c, struct str site);
/* The limits of the engine and of one query, with what is automatic worked out for a machine with
 * so much memory: half of it up to 4 GiB, and three quarters of that. */
void config_memory(const struct config *c, uint64_t machine_bytes, uint64_t *ret_engine_bytes,
                   uint64_t *ret_query_bytes);

#endif
