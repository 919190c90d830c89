/* Any bytes are an agent, with any client hints: the prefilter never changes the answer, and a key
 * is what it was made of. The first byte chooses between an agent, an agent with hints (pieces
 * parted by newlines) and a regular expression, whose literals must be found without harm. */
#include "agent/agent.h"
#include "agent/check.h"
#include "agent/hints.h"
#include "agent/literals.h"
#include "base/limits.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct agent_table *table(void) {
    static struct agent_table *t;
    if (t == NULL && agent_table_open(&t, NULL) != 0)
        abort();
    return t;
}

static void check_key(struct str key) {
    struct agent_table *t = table();
    /* The limit counts steps, which rules that the prefilter spares do not take. */
    uint64_t limits = agent_table_counts(t).match_limits;
    struct agent_info slow;
    agent_parse_unfiltered(t, key, &slow);
    const struct agent_info *fast = agent_lookup(t, key);
    if (agent_table_counts(t).match_limits == limits)
        assert(agent_info_same(fast, &slow));
    assert(fast->bot == (fast->bot_kind.len > 0) && fast->device_class.len > 0);
    agent_table_trim(t);
}

static void check_hints(struct str text) {
    struct agent_hints hints = {0}, back;
    struct str *const fields[] = {&hints.brands, &hints.mobile, &hints.platform,
                                  &hints.platform_version, &hints.model};
    struct str agent = STR(""), split;
    struct buf scratch = {0};
    (void)str_split(&text, '\n', &agent);
    for (size_t i = 0; i < ARRAY_LEN(fields); i++)
        if (!str_split(&text, '\n', fields[i]))
            *fields[i] = STR("");
    struct str key = agent_key(&scratch, agent, &hints);
    assert(key.len <= max_size(agent.len, LIMIT_STRING_BYTES));
    if (key.ptr != agent.ptr) {
        bool hinted = hints_split(key, &split, &back);
        assert(hinted && str_starts(agent, split) && str_starts(hints.model, back.model));
    }
    check_key(key);
    buf_release(&scratch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0)
        return 0;
    struct str text = str_of((const char *)data + 1, size - 1);
    if (data[0] == 'h') {
        check_hints(text);
        return 0;
    }
    if (data[0] != 'r') {
        check_key(text);
        return 0;
    }
    struct arena arena = {0};
    struct agent_literals literals;
    agent_literals_find(str_of(text.ptr, min_size(text.len, 1000)), &arena, &literals);
    arena_release(&arena);
    return 0;
}
