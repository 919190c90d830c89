/* Import: a log file -> records in the lake, each line once.
 *
 * Identity is by content and site. Every block that an import writes carries, as the position of
 * its last record, how far in the unpacked stream it reached and the hash of all bytes up to there.
 * A file whose first bytes hash to such a mark has been imported up to that mark: the whole file
 * again (also packed otherwise) adds nothing, a grown one adds the rest, and an import that was
 * killed goes on behind its last durable block. The list of imports in the control data is only an
 * index of these positions: it is caught up from the lake (instance_load_imports).
 *
 * A last line without line end is imported like any other. When the file grows and that line goes
 * on, it is imported anew if its beginning had been rejected, and passed over if it had been
 * accepted. */
#ifndef CASK_IMPORT_H
#define CASK_IMPORT_H

#include "base/clock.h"
#include "event/record.h"
#include "format/format.h"
#include "source/lines.h"

struct import_mark {
    uint64_t offset; /* unpacked bytes imported */
    struct content_hash hash;
    uint64_t lines;      /* non-empty lines in them */
    uint64_t open_bytes; /* length of a last line without line end, 0 if there is none */
    bool open_accepted;
    bool end; /* the file ended here; marks inside a run are kept only while they are the last */
};

struct import {
    uint64_t id;
    char *site, *source, *name, *format;
    bool anonymous; /* stdin without --source: has no identity */
    uint32_t
        head_len; /* hash of the first bytes, to find candidates without reading a file twice */
    struct content_hash head;
    VEC(struct import_mark) marks;
    bool dirty; /* differs from its document */
};

struct imports {
    VEC(struct import) list;
    uint64_t bid; /* lake blocks up to here are in the list */
};

void imports_release(struct imports *imports);
/* One document of the list; to JSON and back. */
void import_to_json(const struct import *import, struct buf *out);
MUSTCHECK int import_from_json(struct imports *imports, struct str json, struct err *err);
/* Take in the position of a block. Positions of other sources (not JSON with "import") are passed
 * over. */
MUSTCHECK int imports_take(struct imports *imports, uint64_t bid, const struct record *last,
                           struct err *err);

/* What import needs from the stages around it, so that it depends on none of them. */
struct import_env {
    const struct clock *clock;
    /* Append a block; make appended blocks durable. */
    int (*append)(void *arg, struct record_batch records, uint64_t *ret_bid, struct err *err);
    int (*sync)(void *arg, struct err *err);
    /* Called now and then, from the thread of import_run(); another value than 0 stops the import
     * with ERR_STOPPED. May be NULL. */
    int (*progress)(void *arg, uint64_t raw_bytes, uint64_t raw_size, uint64_t lines);
    void *arg;
};

struct import_job {
    const char *path; /* "-" is stdin */
    struct str site;
    bool site_by_format; /* "" instead of `site` when the format names the site line by line */
    struct str source;
    struct str format; /* spec; "" detects */
    bool anonymous;
    const struct input_stop *stop; /* may be NULL */
    const char *spool_dir;         /* for stdin and pipes with an identity: they are read twice */
};

struct import_report {
    uint64_t id; /* the import these lines belong to (an earlier one's if nothing is new); 0: empty
                    file */
    char *format, *site;          /* owned */
    uint64_t lines, duplicates;   /* non-empty lines in the file; of them already imported */
    uint64_t first_bid, last_bid; /* blocks written; 0 if none */
    bool grown;                   /* went on behind an earlier import of the same file */
};
void import_report_release(struct import_report *report);

/* ERR_NOTFOUND, ERR_USAGE, ERR_IO of the file. ERR_CORRUPT: packed data is damaged or cut.
 * ERR_STOPPED. After these, what came before is in and durable, *ret says what it was, and
 * importing the (mended) file adds the rest. Nothing is taken, because it could not be recognised
 * later, of a file damaged in its first 1,024 bytes, and of one that begins like an earlier import
 * which goes on behind the damage. Errors of the sink: `imports` may then promise what the lake
 * does not have: throw it away. *ret is filled (to be released) in any case. */
MUSTCHECK int import_run(const struct import_env *env, const struct import_job *job,
                         struct imports *imports, struct import_report *ret, struct err *err);

#endif
