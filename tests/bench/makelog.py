#!/usr/bin/python3
"""The log of dev/bench: makelog.py LINES > access.log

Combined format, a year, 200,000 addresses with one of 500 agents each, 3,000 URLs of which few are asked for
often. The same bytes every time. Simpler than tests/support/loggen.py, so that every address occurs."""
import datetime
import itertools
import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import loggen

START, DAYS = 1420070400, 365  # 2015
ADDRESSES, AGENTS, URLS, CHUNK = 200000, 500, 3000, 50000


def main():
    lines = int(sys.argv[1]) if len(sys.argv) > 1 else 1000000
    rng = random.Random(20150517)
    kinds = loggen.make_agents(rng, AGENTS)
    agents = [loggen.escape(a) for a in itertools.chain(*kinds.values())]
    weights = [len(kinds["human"])] * len(kinds["human"]) + [3] * (len(agents) - len(kinds["human"]))
    hosts = loggen.make_addresses(rng, loggen.Knobs(addresses=ADDRESSES))
    visitors = list(zip(hosts, rng.choices(agents, weights, k=ADDRESSES)))
    pages, assets, files = loggen.make_urls(rng, URLS)
    targets = pages + assets + files
    rng.shuffle(targets)
    popularity = list(itertools.accumulate(1 / (i + 20) for i in range(len(targets))))
    rest = [f'"GET {t} HTTP/1.1" ' for t in targets]
    statuses = list(itertools.accumulate((880, 60, 30, 20, 10)))
    step = DAYS * 86400 / lines
    stamper = loggen.Stamper("+0000")
    number = 0
    while number < lines:
        n = min(CHUNK, lines - number)
        out = []
        for (host, agent), request, status, size in zip(
                rng.choices(visitors, k=n), rng.choices(rest, cum_weights=popularity, k=n),
                rng.choices(("200", "304", "404", "206", "500"), cum_weights=statuses, k=n),
                rng.choices(range(200, 60000), k=n)):
            stamp = stamper.stamp(START + int(number * step), rng)
            out.append(f'{host} - - {stamp} {request}{status} {size} "-" "{agent}"\n')
            number += 1
        sys.stdout.buffer.write("".join(out).encode("latin-1"))


if __name__ == "__main__":
    main()
