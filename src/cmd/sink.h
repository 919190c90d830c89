/* Where the blocks of an import go: into the store that this process has opened, or to the server
 * that has it open. */
#ifndef CASK_CMD_SINK_H
#define CASK_CMD_SINK_H

#include "cmd/store.h"

struct sink;

struct sink_ops {
    /* For struct import_env. After an error nothing more is taken. */
    int (*append)(void *impl, struct record_batch records, uint64_t *ret_bid, struct err *err);
    int (*sync)(void *impl, struct err *err);
    /* Keep the list for the next import: an index of what the lake has in any case. */
    int (*save)(void *impl, struct imports *imports, struct err *err);
    /* No more blocks: wait until all are in the store. */
    int (*finish)(void *impl, struct err *err);
    /* After finish: what became of this import's blocks first..last. */
    int (*counts)(void *impl, uint64_t first, uint64_t last, struct apply_counts *ret,
                  struct err *err);
    int (*overview)(void *impl, const struct output_style *style, struct buf *out, struct err *err);
    void (*close)(void *impl);
};

struct sink {
    const struct sink_ops *ops;
    void *impl;
};

/* Ready to take blocks. *ret_imports: what was imported before. ERR_BUSY: somebody else imports, or
 * has the data directory. From here on signals only ask to stop. */
MUSTCHECK int sink_open(const struct config *config, const char *data_dir, struct sink *ret,
                        struct imports *ret_imports, struct err *err);
void sink_close(struct sink *sink); /* also one that was not opened */

/* The two kinds; both take over what is handed in, also on error. */
MUSTCHECK int sink_open_store(const struct config *config, struct instance *in, struct sink *ret,
                              struct imports *ret_imports, struct err *err);
MUSTCHECK int sink_open_server(const char *data_dir, struct remote *remote, struct sink *ret,
                               struct imports *ret_imports, struct err *err);

#endif
