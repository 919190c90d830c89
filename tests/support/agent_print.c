/* Prints what refine makes of user agents, one a line on stdin: agent, browser, version, OS, device
 * and bot, with tabs between (tests/flow/agents.sh compares it with uap_reference.py). With a
 * number of rounds it prints times instead: start, a new agent, a repeated one. */
#include "agent/agent.h"
#include "base/clock.h"
#include "base/fs.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void print(struct agent_table *t, struct str agent) {
    const struct agent_info *i = agent_lookup(t, agent);
    printf(STR_FMT "\t" STR_FMT "\t" STR_FMT "\t" STR_FMT "\t" STR_FMT "\t%d\n", STR_ARG(agent),
           STR_ARG(i->browser), STR_ARG(i->browser_version), STR_ARG(i->os), STR_ARG(i->device),
           i->bot);
}

static void measure(struct agent_table *t, struct str text, size_t rounds, double start) {
    printf("start %.1f ms\n", start * 1e3);
    for (size_t round = 0; round < rounds; round++) {
        uint64_t before = agent_table_counts(t).misses;
        double from = clock_monotonic_seconds();
        size_t agents = 0;
        struct str rest = text, line;
        while (str_split(&rest, '\n', &line)) {
            agent_lookup(t, line);
            agents++;
        }
        double each = (clock_monotonic_seconds() - from) / (double)agents;
        printf("%zu agents, %zu of them new: %.3f us each\n", agents,
               (size_t)(agent_table_counts(t).misses - before), each * 1e6);
    }
}

int main(int argc, char **argv) {
    if (argc < 4) {
        fprintf(stderr, "usage: %s regexes.yaml crawlers.json clients.txt [ROUNDS] <agents\n",
                argv[0]);
        return 2;
    }
    struct err err;
    struct buf text = {0};
    struct agent_table *t;
    double from = clock_monotonic_seconds();
    if (agent_table_new(argv[1], argv[2], argv[3], &t, &err) != 0 ||
        fs_read_file("/dev/stdin", (size_t)1 << 29, &text, &err) != 0) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    double start = clock_monotonic_seconds() - from;
    struct str rest = buf_str(&text), line;
    if (rest.len > 0 && rest.ptr[rest.len - 1] == '\n')
        rest.len--;
    if (argc > 4)
        measure(t, rest, strtoul(argv[4], NULL, 10), start);
    else
        while (str_split(&rest, '\n', &line))
            print(t, line);
    agent_table_free(t);
    buf_release(&text);
    return 0;
}
