/* Every limit on input, in one place. What goes over is counted and visible, never silent. */
#ifndef CASK_LIMITS_H
#define CASK_LIMITS_H

#define LIMIT_BUF_BYTES ((size_t)1 << 30) /* any struct buf without a cap of its own */
#define LIMIT_LINE_BYTES                                                                           \
    ((size_t)64 << 10) /* a log line; the rest of a longer one is dropped, the line is rejected */
#define LIMIT_BLOCK_BYTES ((size_t)16 << 20)  /* a lake block, unpacked */
#define LIMIT_BLOCK_RECORDS ((size_t)1 << 20) /* records in a lake block */
#define LIMIT_SEGMENT_BYTES                                                                        \
    ((uint64_t)256 << 20)                    /* a lake segment is closed when it is over this */
#define LIMIT_BATCH_ROWS ((size_t)500000)    /* rows of one apply batch (docs/decisions.md D3) */
#define LIMIT_BATCH_BYTES ((size_t)64 << 20) /* bytes of one apply batch (docs/decisions.md D3) */
#define LIMIT_STRING_BYTES                                                                         \
    ((size_t)8 << 10)                        /* one string field of an event; longer ones are cut  \
                                              */
#define LIMIT_FORMAT_BYTES 4096              /* a format string */
#define LIMIT_COLUMNS 256                    /* columns that a #Fields line may name */
#define LIMIT_FORMATS ((size_t)1000)         /* formats that stay open from block to block */
#define LIMIT_CONFIG_BYTES ((size_t)4 << 20) /* the configuration file */
#define LIMIT_QUERY_BYTES ((size_t)4 << 20)  /* one SQL statement to the engine */
#define LIMIT_INSERT_BYTES ((size_t)256 << 20) /* rows of one INSERT to the engine */
#define LIMIT_RESULT_BYTES ((size_t)512 << 20) /* one result from the engine */
#define LIMIT_BUCKETS ((size_t)200000)         /* time buckets of one question */

#endif
