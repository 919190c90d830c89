/* One value of the configuration: text -> place, and place -> YAML. The columns of option_kinds. */
#ifndef CASK_CONFIG_VALUE_H
#define CASK_CONFIG_VALUE_H

#include "base/err.h"
#include "base/str.h"

/* ERR_USAGE: the message says what is wrong without repeating the value. */
int value_text(struct str text, void *place, struct err *err);      /* char *, no control bytes */
int value_site(struct str text, void *place, struct err *err);      /* char * */
int value_zone(struct str text, void *place, struct err *err);      /* char *, in the tz database */
int value_pattern(struct str text, void *place, struct err *err);   /* char *, PCRE2 compiles it */
int value_extension(struct str text, void *place, struct err *err); /* char *, lower case, no dot */
int value_domain(struct str text, void *place, struct err *err);    /* char *, lower case */
int value_listen(struct str text, void *place, struct err *err);    /* char *, HOST:PORT */
int value_source_type(struct str text, void *place, struct err *err); /* char * */
int value_format(struct str text, void *place, struct err *err);      /* char *, format/format.h */
int value_address(struct str text, void *place, struct err *err);     /* char *, CIDR or address */
int value_path(struct str text, void *place, struct err *err);        /* char *, / or * in front */
int value_host(struct str text, void *place, struct err *err);        /* char *, no / */
int value_piece(struct str text, void *place, struct err *err);       /* char *, no * */
int value_size(struct str text, void *place, struct err *err);        /* uint64_t, bytes */
int value_duration(struct str text, void *place, struct err *err);    /* uint64_t, seconds */
int value_log_level(struct str text, void *place, struct err *err);   /* char * */
int value_log_format(struct str text, void *place, struct err *err);  /* char * */
int value_bool(struct str text, void *place, struct err *err);        /* bool */

/* A type of sources; *ret_is_built: this version has it. */
bool source_type_known(struct str name, bool *ret_is_built);

void show_text(const void *place, struct buf *out);
void show_size(const void *place, struct buf *out);
void show_duration(const void *place, struct buf *out);
void show_bool(const void *place, struct buf *out);
void release_text(void *place);

/* Append any valid UTF-8 as a YAML scalar that is read back as the same text. */
void yaml_scalar(struct str text, struct buf *out);

#endif
