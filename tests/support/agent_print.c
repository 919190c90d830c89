/* Prints what is made of user agents, one a line on stdin, with tabs between (tests/flow/agents.sh
 * compares it with uap_reference.py): the agent; of uap-core's lists browser, major, minor, patch,
 * OS, major, minor, patch, patch minor, device, brand, model; then bot, its kind and name, class of
 * the device. With a number of rounds it prints times instead: start, a new agent, a repeated one.
 */
#include "agent/agent.h"
#include "agent/check.h"
#include "base/clock.h"
#include "base/fs.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void print_parts(const struct str *parts, size_t n) {
    for (size_t i = 0; i < n; i++)
        printf("\t" STR_FMT, STR_ARG(parts[i]));
}

static void print(struct agent_table *t, struct str agent) {
    struct uap_answer uap;
    agent_parse_uap(t, agent, &uap);
    printf(STR_FMT, STR_ARG(agent));
    print_parts(uap.browser, ARRAY_LEN(uap.browser));
    print_parts(uap.os, ARRAY_LEN(uap.os));
    print_parts(uap.device, ARRAY_LEN(uap.device));
    const struct agent_info *i = agent_lookup(t, agent);
    printf("\t%d\t" STR_FMT "\t" STR_FMT "\t" STR_FMT "\n", i->bot, STR_ARG(i->bot_kind),
           STR_ARG(i->bot_name), STR_ARG(i->device_class));
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
            if (++agents % 100000 == 0)
                agent_table_trim(t);
        }
        double each = (clock_monotonic_seconds() - from) / (double)agents;
        printf("%zu agents, %zu of them new: %.3f us each\n", agents,
               (size_t)(agent_table_counts(t).misses - before), each * 1e6);
    }
}

int main(int argc, char **argv) {
    if (argc < 6) {
        fprintf(stderr,
                "usage: %s regexes.yaml crawlers.json clients.txt bots.txt device_classes.txt "
                "[ROUNDS] <agents\n",
                argv[0]);
        return 2;
    }
    struct err err;
    struct buf text = {0};
    struct agent_table *t;
    struct agent_files files = {argv[1], argv[2], argv[3], argv[4], argv[5]};
    double from = clock_monotonic_seconds();
    if (agent_table_new(&files, &t, &err) != 0 ||
        fs_read_file("/dev/stdin", (size_t)1 << 29, &text, &err) != 0) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    double start = clock_monotonic_seconds() - from;
    struct str rest = buf_str(&text), line;
    if (rest.len > 0 && rest.ptr[rest.len - 1] == '\n')
        rest.len--;
    if (argc > 6)
        measure(t, rest, strtoul(argv[6], NULL, 10), start);
    else
        while (str_split(&rest, '\n', &line))
            print(t, line);
    agent_table_free(t);
    buf_release(&text);
    return 0;
}
