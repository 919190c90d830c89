/* What no value shows by itself: values that do not fit together, or are without effect. */
#ifndef CASK_CONFIG_CHECK_H
#define CASK_CONFIG_CHECK_H

#include "config/config.h"
#include "config/document.h"

/* `c` was read from the document, which may be NULL. */
void config_check(const struct node *root, const struct config *c, struct problems *problems);

#endif
