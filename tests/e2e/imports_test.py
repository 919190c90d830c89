#!/usr/bin/python3
"""Each line counts once: identity is by content and site, however the bytes arrive."""
import bz2
import gzip
import os
import random
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import cask
import count
from cask import check, equal
from loggen import Knobs, generate

SITE = ("--site", "example.org")


def log_of(rng, lines=2000, **knobs):
    return generate(Knobs(seed=rng.getrandbits(32), lines=lines, days=3, addresses=150, junk=0.01, **knobs))


def counted(*logs, site="example.org"):
    counter = count.Counter()
    for log in logs:
        counter.read(log, "combined", site)
    return counter


def sums(summary):
    equal(summary["lines"], summary["accepted"] + summary["rejected"] + summary["duplicates"], "lines add up")
    return summary


def adds_nothing(data, *args, lines, **run):
    summary = sums(data.load(*SITE, *args, **run))
    equal((summary["lines"], summary["duplicates"], summary["accepted"]), (lines, lines, 0), f"again: {args}")
    return summary


def test_same_content_again_adds_nothing():
    rng = random.Random(cask.seed())
    log = log_of(rng)
    data, counter = cask.Data(), counted(log)
    first = sums(data.load(*SITE, data.file(log)))
    equal(first["lines"], counter.lines, "lines")
    missing = ({"file", "format", "site"} | set(first) - {"files"}) - set(first["files"][0])
    equal(missing, set(), "keys that a file lacks")
    again = adds_nothing(data, data.file(log, "renamed.log"), lines=counter.lines)
    equal(again["files"][0]["import"], first["files"][0]["import"], "import")
    adds_nothing(data, data.file(gzip.compress(log), "a.log.gz"), lines=counter.lines)
    half = len(log) // 2  # two members
    adds_nothing(data, data.file(gzip.compress(log[:half]) + gzip.compress(log[half:]), "b.gz"), lines=counter.lines)
    adds_nothing(data, data.file(bz2.compress(log), "a.log.bz2"), lines=counter.lines)
    packed = subprocess.run(["zstd", "-q", "-c"], input=log, capture_output=True, check=True).stdout
    adds_nothing(data, data.file(packed, "a.log.zst"), lines=counter.lines)
    check(data, counter, by="day", bots="include")


def test_packed_first_is_the_same_as_plain():
    rng = random.Random(cask.seed())
    log = log_of(rng, 500)
    for pack, suffix in ((gzip.compress, ".gz"), (bz2.compress, ".bz2")):
        data = cask.Data()
        sums(data.load(*SITE, data.file(pack(log), "x.log" + suffix)))
        adds_nothing(data, data.file(log), lines=counted(log).lines)
        check(data, counted(log))


def test_a_grown_file_adds_its_new_lines():
    rng = random.Random(cask.seed())
    log = log_of(rng)
    ends = [i + 1 for i, byte in enumerate(log) if byte == 10]
    data, at, seen = cask.Data(), 0, 0
    for end in sorted(rng.sample(ends[:-1], 3)) + [len(log)]:
        summary = sums(data.load(*SITE, data.file(log[:end], "grows.log")))
        lines = counted(log[:end]).lines
        equal((summary["lines"], summary["duplicates"]), (lines, seen), "grown")
        at, seen = end, lines
        check(data, counted(log[:at]), bots="include")
    check(data, counted(log), by="hour", bots="include")


def test_a_file_cut_within_a_line_grows_on():
    rng = random.Random(cask.seed())
    log = log_of(rng, 300)
    data = cask.Data()
    for end in sorted(rng.sample(range(1000, len(log) - 1000), 4)) + [len(log)]:
        data.load(*SITE, data.file(log[:end], "grows.log"))
    whole = counted(log)
    answer = data.stats("hits", bots="include")["total"]["hits"]
    # A line that was cut can have been accepted short (its last field lost its end): it counts once all the same.
    equal(answer, whole.accepted, "hits")


def test_stdin():
    rng = random.Random(cask.seed())
    log = log_of(rng, 800)
    lines = counted(log).lines
    data = cask.Data()
    sums(data.load(*SITE, "-", stdin=log))
    check(data, counted(log), bots="include")
    sums(data.load(*SITE, "-", stdin=log))  # no identity: the same lines again are other lines
    check(data, counted(log, log), bots="include")
    named = cask.Data()
    named.load(*SITE, "--source", "shop", "-", stdin=log)
    again = sums(named.load(*SITE, "--source", "shop", "-", stdin=log))
    equal((again["lines"], again["duplicates"]), (lines, lines), "stdin with --source again")
    check(named, counted(log), bots="include")


def test_two_files_with_equal_lines_both_count():
    rng = random.Random(cask.seed())
    log = log_of(rng, 600)
    first = log_of(rng, 1).splitlines(True)[0]
    data = cask.Data()
    data.load(*SITE, data.file(log))
    data.load(*SITE, data.file(first + log))
    check(data, counted(log, first + log), by="day", bots="include")


def test_each_site_has_its_own():
    rng = random.Random(cask.seed())
    log = log_of(rng, 800)
    data, counter = cask.Data(), count.Counter()
    for site in ("a.example", "b.example"):
        counter.read(log, "combined", site)
        equal(data.load("--site", site, data.file(log, "same.log"))["duplicates"], 0, site)
    check(data, counter, by="day", group=("site",), bots="include")
    check(data, counter, by="day", bots="include")


def test_several_files_at_once():
    rng = random.Random(cask.seed())
    logs = [log_of(rng, 300) for _ in range(3)]
    data = cask.Data()
    summary = sums(data.load(*SITE, *[data.file(log) for log in logs], data.file(logs[1], "again.log")))
    equal([f["duplicates"] > 0 for f in summary["files"]], [False, False, False, True], "files")
    check(data, counted(*logs), by="day", bots="include")


def test_split_and_shuffled():
    """The same answers, in whatever pieces and order the lines come."""
    rng = random.Random(cask.seed())
    log = log_of(rng, 3000, ties=0.2)
    lines = log.splitlines(True)
    for shuffled in (False, True):
        if shuffled:
            rng.shuffle(lines)
        cuts = [0] + sorted(rng.sample(range(20, len(lines) - 20), rng.randrange(2, 5))) + [len(lines)]
        pieces = [b"".join(lines[a:b]) for a, b in zip(cuts, cuts[1:]) if a < b]
        rng.shuffle(pieces)
        data = cask.Data()
        for i, piece in enumerate(pieces):
            data.load(*SITE, data.file(piece))
            if i == 0 or (i + 1 < len(pieces) and rng.random() < 0.5):  # what is sealed becomes dirty again
                data.seal()
        counter = counted(log)
        zone = rng.choice(("UTC", "America/Los_Angeles", "Asia/Kolkata"))
        check(data, counter, by="hour", zone=zone)
        check(data, counter, by="week", bots="include", zone=zone)
        check(data, counter, group=("path",), bots="include")
        data.seal()
        check(data, counter, by="day", zone=zone)
        check(data, counter, group=("path",), bots="include")


def test_summary_for_people():
    log = generate(Knobs(lines=200, junk=0.05))
    data = cask.Data()
    done = data.run("import", *SITE, data.file(log))
    said = (done.stdout + done.stderr).decode()
    for word in ("lines", "accepted", "rejected", "duplicates"):
        if word not in said:
            raise AssertionError(f"no {word!r} in the summary: {said}")


def test_thousands_of_hosts():
    """Names of a vhost log come from anybody who asks."""
    hosts, days = 6000, 2
    line = '{}:80 10.0.0.{} - - [{:02}/May/2015:10:00:00 +0000] "GET /p HTTP/1.1" 200 10 "-" "Firefox/120.0"\n'
    log = "".join(line.format(f"h{h}.example", h % 7, d) for d in range(1, days + 1) for h in range(hosts))
    data = cask.Data()
    data.load("--format", "vhost", data.file(log.encode()))
    answer = data.stats("hits,pageviews,visitors,sessions", "--by", "day")
    want = {"hits": hosts, "pageviews": hosts, "visitors": 7, "sessions": hosts}
    equal([{key: row[key] for key in want} for row in answer["rows"]], [want] * days, "days")
    equal(answer["total"]["sessions"], hosts * days, "sessions")


if __name__ == "__main__":
    cask.main(globals())
