#!/usr/bin/python3
"""Logs whose header lines say what their columns are: the same numbers however the bytes arrive."""
import functools
import gzip
import json
import os
import random
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import cask
import columns
import count
from cask import check, equal
from loggen import Knobs, generate

SITE = ("--site", "example.org")
LINES = 200000
MARCH = dict(since=1425168000, until=1427846400)  # unique users of a whole month are exact, of other ranges estimates
ADDED = [m for m in cask.COUNTED if m != "visitors"]


@functools.lru_cache(maxsize=1)
def big():
    """200,000 lines, the columns reordered in the middle, and their independent count."""
    rng = random.Random(cask.seed())
    mixed = columns.CLOUDFRONT[:]
    rng.shuffle(mixed)
    combined = generate(Knobs(seed=rng.getrandbits(32), lines=LINES + LINES // 50, start=MARCH["since"], days=20))
    log = columns.cloudfront(combined, rng, (columns.CLOUDFRONT_2010, mixed, columns.CLOUDFRONT))
    counter = count.Counter()
    lines = columns.read(log, counter, "example.org")
    if lines < LINES:
        raise AssertionError(f"only {lines} lines")
    counter.rows = functools.lru_cache(maxsize=None)(counter.rows)  # it is asked the same again and again
    return rng, log, counter


def check_all(data, counter):
    check(data, counter, bots="include", **MARCH)
    check(data, counter, by="day", bots="include", metrics=ADDED)
    check(data, counter, by="week", zone="America/Los_Angeles", metrics=ADDED)
    check(data, counter, group=("status",), bots="include", metrics=("hits", "bytes", "errors"))


def sums(summary, counter):
    equal((summary["lines"], summary["rejected"]), (counter.lines, 0), "lines and rejected")
    equal(summary["accepted"] + summary["duplicates"], counter.lines, "lines add up")
    return summary


def test_in_one_go_verified_and_rebuilt():
    _, log, counter = big()
    data = cask.Data()
    summary = sums(data.load(*SITE, data.file(log)), counter)
    equal((summary["files"][0]["format"], summary["files"][0]["recognised"]), ("cloudfront", True), "format")
    check_all(data, counter)
    check(data, counter, group=("path",), metrics=("hits", "pageviews", "downloads"))
    said = data.run("verify").stdout.decode()
    if f"{counter.lines} lines in the lake, {counter.lines} events, 0 rejected" not in said:
        raise AssertionError(said)
    blocks = {}
    for line in data.run("lake", "cat", "--json").stdout.splitlines():
        record = json.loads(line)
        blocks.setdefault(record["bid"], []).append(record)
    for bid, records in blocks.items():
        equal((records[0]["type"], records[0]["body"][:9]), ("#cloudfront", "#Version:" if bid == min(blocks) else "#Fields: "),
              f"beginning of block {bid}")
    equal(sum(r["type"] == "cloudfront" for records in blocks.values() for r in records), counter.lines, "records")
    equal(len(blocks) > 10, True, "several blocks")
    rebuilt = data.run("rebuild").stdout.decode()
    if not rebuilt.startswith(f"{counter.lines:,} events, 0 rejected and 0 excluded lines"):
        raise AssertionError(rebuilt)
    check_all(data, counter)
    data.run("verify")
    again = data.load(*SITE, data.file(gzip.compress(log, 1), "again.gz"))
    equal((again["lines"], again["duplicates"]), (counter.lines, counter.lines), "again, packed")


def test_packed():
    _, log, counter = big()
    data = cask.Data()
    sums(data.load(*SITE, data.file(gzip.compress(log, 1), "cdn.gz")), counter)
    check_all(data, counter)


def test_in_grown_parts():
    rng, log, counter = big()
    data, known = cask.Data(), 0
    second = log.index(b"#Version", 100)
    lines = [log.index(b"\n", rng.randrange(len(log) - 10000)) + 1 for _ in range(3)]
    # within a header line, and behind one that has no line end yet
    cuts = lines + [20, second + 40, log.index(b"\n", second + 40), len(log)]
    for end in sorted(cuts):
        summary = data.load(*SITE, data.file(log[:end], "grows.log"))
        part = count.Counter()
        columns.read(log[:end], part, "example.org")
        equal((summary["lines"], summary["duplicates"], summary["rejected"]), (part.lines, known, 0), f"up to {end}")
        known = part.lines
    check_all(data, counter)
    data.run("verify")
    data.run("rebuild")
    check_all(data, counter)


def test_killed_and_repeated():
    rng, log, counter = big()
    data = cask.Data()
    path = data.file(log)
    start = time.monotonic()
    cask.Data().load(*SITE, path)
    seconds = time.monotonic() - start
    kills = 0
    for _ in range(30):
        process = data.start("import", *SITE, path)
        time.sleep(rng.uniform(0.1, 1) * seconds)
        engines = cask.children(process.pid)
        kills += process.poll() is None
        cask.kill(engines[0] if engines and rng.random() < 0.3 else process.pid)
        process.communicate(timeout=300)
        if kills >= 8:
            break
    sums(data.load(*SITE, path), counter)
    check_all(data, counter)
    data.run("verify")
    data.run("rebuild")
    check_all(data, counter)


def test_lines_name_their_site():
    rng = random.Random(cask.seed())
    log = columns.cloudfront(generate(Knobs(seed=rng.getrandbits(32), lines=2000)), rng,
                             (columns.CLOUDFRONT, columns.CLOUDFRONT_2010))
    data, counter = cask.Data(), count.Counter()
    columns.read(log, counter, "")
    data.load(data.file(log))
    check(data, counter, group=("site",), bots="include")


def test_header_without_lines():
    data = cask.Data()
    head = columns.header(columns.CLOUDFRONT_2010)
    summary = data.load(*SITE, data.file(head, "empty.log"))
    equal((summary["lines"], summary["files"][0]["format"]), (0, "cloudfront"), "a file of headers")
    line = b"2014-05-23\t01:13:11\tFRA2\t182\t192.0.2.10\tGET\td1.cloudfront.net\t/a\t200\t-\tx\t-\n"
    summary = data.load(*SITE, data.file(head + line, "empty.log"))
    equal((summary["lines"], summary["accepted"], summary["duplicates"]), (1, 1, 0), "grown")
    data.run("verify")


def test_streaming_lines_are_rejected_by_name():
    data = cask.Data()
    head = (b"#Version: 1.0\n#Software: AmazonCloudFront\n#Fields: date time x-edge-location c-ip x-event sc-bytes "
            b"x-cf-status x-cf-client-id cs-uri-stem cs-uri-query c-referrer x-page-url c-user-agent\n")
    line = b"2010-03-12\t23:51:20\tSEA4\t192.0.2.147\tconnect\t2014\tOK\tid\trtmp://x/cfx/st\tk=v\t-\t-\tLNX%2010\n"
    path = data.file(head + 3 * line)
    summary = data.load(*SITE, path)
    equal((summary["lines"], summary["reasons"]), (3, {"streaming": 3}), "streaming")
    said = cask.Data().run("import", *SITE, path).stdout.decode()
    if "was cloudfront the right format?" not in said:
        raise AssertionError(said)


if __name__ == "__main__":
    cask.main(globals())
