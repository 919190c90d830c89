/* What uap-core's three lists say of an agent, part by part (docs/specification.md of uap-core). */
#ifndef CASK_AGENT_UAP_H
#define CASK_AGENT_UAP_H

#include "agent/match.h"

/* "" where a rule gives nothing; the family is "Other" then. Parts may be as long as a template
 * with nine copies of the agent. */
struct uap_answer {
    struct str browser[4]; /* family, major, minor, patch */
    struct str os[5];      /* family, major, minor, patch, patch minor */
    struct str device[3];  /* family, brand, model */
};

/* Buffers of answers: one a list and part. */
struct uap_parts {
    struct buf browser[4], os[5], device[3];
};

void uap_parts_release(struct uap_parts *p);

/* *ret borrows from `parts` until its next use. `candidates` as of agent_filter_scan(). */
void uap_find(struct agent_matcher *m, const uint64_t *candidates, struct str agent,
              struct uap_parts *parts, struct uap_answer *ret);
/* The device alone. */
void uap_find_device(struct agent_matcher *m, const uint64_t *candidates, struct str agent,
                     struct uap_parts *parts, struct uap_answer *ret);

#endif
