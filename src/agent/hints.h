/* Client hints: what they say, in uap-core's words. The forms are those of the W3C's "User-Agent
 * Client Hints" (structured fields, RFC 8941) as servers log them. */
#ifndef CASK_AGENT_HINTS_H
#define CASK_AGENT_HINTS_H

#include "agent/agent.h"

/* Reverse of agent_key(): false where the key is an agent alone. */
bool hints_split(struct str key, struct str *ret_agent, struct agent_hints *ret);

enum hint_mobile { HINT_UNKNOWN, HINT_DESKTOP, HINT_MOBILE };

/* Strings borrow from the hints or are constants; "" for what is not said. */
struct hint_words {
    struct str browser, browser_version;
    struct str os, os_version;
    struct str model;
    enum hint_mobile mobile;
};
void hints_read(const struct agent_hints *hints, struct hint_words *ret);

/* The family that the brand's browser has on this kind of device: uap-core tells "Chrome Mobile"
 * from "Chrome". */
struct str hint_browser_family(struct str brand, bool handheld);
/* Does a browser of this family say so little that a brand says more? */
bool hint_browser_is_vague(struct str family);

#endif
