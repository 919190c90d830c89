/* --site of commands that give out rights. */
#ifndef CASK_CMD_SITE_NAMES_H
#define CASK_CMD_SITE_NAMES_H

#include "cmd/cmd.h"
#include "people/people.h"

/* Names parted by commas, the option repeated; without it, or for `all`, all. To be released. */
MUSTCHECK int cmd_sites(const struct cmd_args *args, struct site_list *ret, struct err *err);
/* "all", or the names; of a terminal's output nothing breaks. */
void cmd_show_sites(const struct site_list *sites, struct buf *out);
/* The day of a moment; "-" for 0. */
void cmd_show_day(int64_t ms, struct buf *out);

#endif
