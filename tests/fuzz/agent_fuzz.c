/* Any bytes are an agent: the prefilter never changes the answer. The first byte chooses between an
 * agent and a regular expression, whose literals must be found without harm. */
#include "agent/agent.h"
#include "agent/check.h"
#include "agent/literals.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct agent_table *table(void) {
    static struct agent_table *t;
    if (t == NULL && agent_table_open(&t, NULL) != 0)
        abort();
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
        assert(agent_info_same(fast, &slow));
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
