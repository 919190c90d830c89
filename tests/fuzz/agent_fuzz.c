/* Any bytes are an agent: the prefilter never changes the answer. The first byte chooses between an
 * agent and a regular expression, whose literals must be found without harm. */
#include "agent/agent.h"
#include "agent/check.h"
#include "agent/literals.h"
#include "base/paths.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct agent_table *table(void) {
    static struct agent_table *t;
    static const enum program_file files[] = {FILE_AGENTS, FILE_CRAWLERS, FILE_CLIENTS};
    struct buf paths[ARRAY_LEN(files)] = {0};
    if (t != NULL)
        return t;
    for (size_t i = 0; i < ARRAY_LEN(files); i++)
        if (paths_find(files[i], &paths[i], NULL) != 0)
            abort();
    if (agent_table_new(buf_cstr(&paths[0]), buf_cstr(&paths[1]), buf_cstr(&paths[2]), &t, NULL) !=
        0)
        abort();
    for (size_t i = 0; i < ARRAY_LEN(files); i++)
        buf_release(&paths[i]);
    return t;
}

static void check_agent(struct str agent) {
    struct agent_table *t = table();
    /* The limit counts steps, which rules that the prefilter spares do not take. */
    uint64_t limits = agent_table_counts(t).match_limits;
    struct agent_info slow;
    agent_parse_unfiltered(t, agent, &slow);
    const struct agent_info *fast = agent_lookup(t, agent);
    if (agent_table_counts(t).match_limits == limits)
        assert(str_eq(fast->browser, slow.browser) && str_eq(fast->os, slow.os) &&
               str_eq(fast->browser_version, slow.browser_version) &&
               str_eq(fast->device, slow.device) && fast->bot == slow.bot);
    agent_table_trim(t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0)
        return 0;
    struct str text = str_of((const char *)data + 1, size - 1);
    if (data[0] != 'r') {
        check_agent(text);
        return 0;
    }
    struct arena arena = {0};
    struct agent_literals literals;
    agent_literals_find(str_of(text.ptr, min_size(text.len, 1000)), &arena, &literals);
    arena_release(&arena);
    return 0;
}
