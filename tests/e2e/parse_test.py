#!/usr/bin/python3
"""`parse` shows what is made of every line, and stores nothing."""
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import cask
import count
from cask import equal
from loggen import Knobs, generate

KINDS = {count.PAGEVIEW: "pageview", count.DOWNLOAD: "download"}


def parsed(data, *args, stdin=b""):
    out = data.run("parse", *args, stdin=stdin).stdout
    return [json.loads(line) for line in out.decode("utf-8").splitlines()]


def test_every_line_is_an_event_or_a_rejection():
    log = generate(Knobs(seed=cask.seed(), lines=3000, junk=0.1))
    data = cask.Data()
    counter = count.Counter()
    lines, accepted, reasons = counter.read(log, "combined", "example.org")
    rows = parsed(data, "--format", "combined", "--site", "example.org", data.file(log))
    equal(len(rows), lines, "rows")
    events = [row for row in rows if "rejected" not in row]
    equal(len(events), accepted, "events")
    found = {}
    for row in rows:
        if "rejected" in row:
            found[row["rejected"]] = found.get(row["rejected"], 0) + 1
            assert row["why"], row
    equal(found, reasons, "reasons")
    equal([row["line"] for row in rows], list(range(1, lines + 1)), "numbers of lines")
    for row, hit in zip(events, counter.hits):
        equal(row["status"], hit.status)
        equal(row["bytes"], hit.bytes)
        equal(row.get("path", ""), hit.path.decode("utf-8", "replace"))
        if hit.kind in KINDS:
            equal(row["kind"], KINDS[hit.kind])
    visitors = {}
    for row, hit in zip(events, counter.hits):
        equal(visitors.setdefault(hit.visitor, row["visitor"]), row["visitor"], "one number a visitor")
    equal(len(set(visitors.values())), len(visitors), "a number for each visitor")


def test_stores_nothing():
    data = cask.Data()
    parsed(data, data.file(b"junk\n"))
    data.run("parse", "--quiet", "-", stdin=b"junk\n")
    assert not os.path.exists(data.path), os.listdir(data.path)


def test_quiet_counts():
    data = cask.Data()
    done = data.run("parse", "--quiet", "--format", "common", "-", stdin=b"junk\n\n" + 2 * (
        b'192.0.2.1 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 5\n'))
    said = done.stderr.decode()
    equal(done.stdout, b"")
    for words in ("format: common", "2 accepted, 1 rejected", "1 fields"):
        assert words in said, said


def test_the_client_and_the_user_are_shown():
    line = b'192.0.2.1:5555 - bob smith [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 5 "-" "-"\n'
    first, second = parsed(cask.Data(), "-", stdin=line + line.replace(b"bob smith", b"-"))
    equal((first["client"], first["user"]), ("192.0.2.1", "bob smith"))
    equal((second["client"], second.get("user")), ("192.0.2.1", None))


def test_what_is_wrong_with_a_format_is_said():
    combined = b'192.0.2.1 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 5 "-" "-"\n'
    wrong = b"was combined the right format? --format names another"
    none = b"no known format reads these lines"
    for args, lines, expected in ((("--format", "combined"), b"junk\njunk\n", wrong), ((), b"junk\njunk\n", none),
                                  (("--format", "auto"), b"Mar 27 20:00:00 web1 nginx: " + combined, none),
                                  ((), combined + b"junk\n", None), ((), combined + b"junk\njunk\n", wrong)):
        said = cask.Data().run("parse", "--quiet", *args, "-", stdin=lines).stderr
        equal([words in said for words in (wrong, none)], [words == expected for words in (wrong, none)], said)
    assert b"1 prefix: something stands before the line" in cask.Data().run(
        "parse", "--quiet", "-", stdin=b"Mar 27 20:00:00 web1 nginx: " + combined).stderr


def test_the_site_is_that_of_import():
    line = (b'www.other.example:443 192.0.2.1 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 5 '
            b'"https://www.example.org/" "-"\n')
    row, = parsed(cask.Data("sites: [{name: www.example.org}]"), "-", stdin=line)
    equal((row["site"], row["channel"]), ("www.example.org", "internal"))
    row, = parsed(cask.Data("sites: [{name: www.example.org}, {name: b}]"), "-", stdin=line)
    equal((row["site"], row["channel"]), ("www.other.example", "referral"))


def test_bad_format_is_refused():
    data = cask.Data()
    done = data.run("parse", "--format", "nonsense", data.file(b"junk\n"), code=2)
    assert b"nonsense" in done.stderr
    data.run("parse", "missing.log", code=(1, 2))


if __name__ == "__main__":
    cask.main(globals())
