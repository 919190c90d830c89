/* A parsed document -> struct config, against the table of options. */
#ifndef CASK_CONFIG_READ_H
#define CASK_CONFIG_READ_H

#include "config/config.h"
#include "config/document.h"

/* Fill a cleared struct: values of the document (NULL: none), defaults for the rest. What is wrong
 * goes to `problems`; the struct can be freed in any case. */
void config_read(const struct node *root, struct config *ret, struct problems *problems);
/* Free what the values of the table own. */
void config_release_values(struct config *c);

#endif
