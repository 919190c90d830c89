#!/usr/bin/python3
"""Each format of the table is recognised by its own example, and gives the right numbers.

All examples show the same request: 192.0.2.7 gets /index.html on 17 May 2015 at 10:05:03 UTC and is answered 200 and
5,316 bytes; DIFFERENT says what a few show instead. So a new row of the table is tested as soon as it is there."""
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import cask
from cask import equal

CLIENT, BYTES, REFERRER = "192.0.2.7", "5316", "example.net"
VISITORS = 7
DIFFERENT = {
    "beacon": {"path": "/docs/", "status": 0},
    "cloudstorage": {"path": "/www.example.org/index.html"},
}


def table():
    """{name: lines of the example}: the names of `help import`, the examples of docs/formats.md, which a unit test compares
    with the table."""
    _, _, rows = cask.Data().run("help", "import").stdout.decode().partition("\nFormats:\n")
    names = [line.split()[0] for line in rows.partition("\n\n")[0].splitlines()]
    with open(os.path.join(cask.ROOT, "docs", "formats.md"), encoding="utf-8") as f:
        names_and_examples = f.read().partition("\n## Names\n")[2].partition("\n## ")[0]
    found = {part.split("\n", 1)[0]: re.search(r"^```\w*\n(.*?)\n```$", part, re.S | re.M)[1].split("\n")
             for part in names_and_examples.split("\n### ")[1:]}
    equal(list(found), names, "formats of docs/formats.md and of help import")
    equal({"common", "combined", "vhost", "w3c", "iis", "cloudfront"} - set(found), set(), "missing formats")
    return found


def grown(example):
    """Its header lines, and its other lines by several visitors."""
    head = [line for line in example if CLIENT not in line]
    lines = [line for line in example if CLIENT in line]
    if not lines:
        raise AssertionError(f"no request of {CLIENT} in {example}")
    return head, [line.replace(CLIENT, f"192.0.2.{10 + i}") for i in range(VISITORS) for line in lines]


def quoted(line):
    return '"' + line.replace('"', '""') + '"'


FORMS = {
    "plain": lambda head, lines: head + lines,
    "junk": lambda head, lines: head + ["junk"] + lines,
    "comments": lambda head, lines: ["# a comment"] + head + ["# another: one"] + lines,
    "mark": lambda head, lines: ["\ufeff" + (head + lines)[0]] + (head + lines)[1:],
    "quoted": lambda head, lines: [quoted(line) for line in head + lines],
    "crlf": lambda head, lines: [line + "\r" for line in head + lines],
}
REJECTED = {"junk": 1, "comments": 2}


def write(data, name, form, example):
    head, lines = grown(example)
    text = "".join(line + "\n" for line in FORMS[form](head, lines))
    return data.file(text, f"{name}-{form}.log"), len(lines)


def test_each_example_in_each_form():
    formats, data = table(), cask.Data()
    for form in FORMS:
        files = [write(data, name, form, example) for name, example in formats.items()]
        summary = data.load("--site", form, *[path for path, _ in files])
        for name, file, (_, hits) in zip(formats, summary["files"], files):
            what = f"{name}, {form}"
            equal((file["format"], file["recognised"]), (name, True), what)
            head, _ = grown(formats[name])
            comments_are_headers = form == "comments" and head and head[0].startswith("#")
            rejected = 0 if comments_are_headers else REJECTED.get(form, 0)
            if form == "quoted":  # names of columns that are in quotes themselves are none in two pairs
                rejected = len([line for line in head if line.startswith('"')])
            equal((file["accepted"], file["rejected"]), (hits, rejected), f"{what}: accepted, rejected")
    # every form says the same: one visitor a file and format, all at once
    rows = data.stats("hits,pageviews,errors", group="site", bots="include")["rows"]
    equal(sorted((row["site"], row["hits"], row["pageviews"], row["errors"]) for row in rows),
          sorted((form, len(formats) * VISITORS, len(formats) * VISITORS, 0) for form in FORMS), "by form")
    data.run("verify")


def test_each_example_gives_its_numbers():
    formats, data = table(), cask.Data()
    for name, example in formats.items():
        path, _ = write(data, name, "plain", example)
        data.load("--site", name, path)
    metrics = "hits,pageviews,visitors,sessions,bounces,downloads,errors,bytes"
    rows = data.stats(metrics, by="hour", group="site,path,status,referrer_domain", bots="include")["rows"]
    # what a page view is grouped by is its session's, a hit by its own: of one page view it is the same
    got = {row.pop("site"): row for row in rows}
    equal(len(rows), len(got), "one row a format")
    for name, example in formats.items():
        text = "\n".join(example)
        size = int(BYTES) if re.search(rf"\b{BYTES}\b", text) else 0
        expected = {"time": "2015-05-17T10:00:00+00:00", "path": "/index.html", "status": 200,
                    "referrer_domain": REFERRER if REFERRER in text else "", "downloads": 0, "errors": 0,
                    "bytes": size * VISITORS, **DIFFERENT.get(name, {})}
        expected.update(dict.fromkeys(("hits", "pageviews", "visitors", "sessions", "bounces"), VISITORS))
        got[name]["status"] = int(got[name]["status"])
        equal(got[name], expected, name)


def test_the_wrong_format_shows():
    formats, data = table(), cask.Data()
    path, _ = write(data, "w3c", "plain", formats["w3c"])
    said = data.run("import", "--site", "a", "--format", "combined", path).stdout.decode()
    if "most lines were rejected: was combined the right format? --format names another" not in said:
        raise AssertionError(said)
    said = data.run("import", "--site", "c", data.file(b"nothing that\nanybody logs\n")).stdout.decode()
    if "no known format reads these lines" not in said or "right format?" in said:
        raise AssertionError(said)
    path, _ = write(data, "combined", "junk", formats["combined"])
    said = data.run("import", "--site", "b", path).stdout.decode()
    if "right format?" in said or "combined, recognised" not in said:
        raise AssertionError(said)


def test_utf16_is_rejected_by_name():
    formats, data = table(), cask.Data()
    _, lines = grown(formats["combined"])
    summary = data.load(data.file("".join(line + "\n" for line in lines).encode("utf-16")))
    equal((summary["accepted"], set(summary["reasons"])), (0, {"utf16"}), "UTF-16")


def test_goaccess_names():
    formats, data = table(), cask.Data()
    for alias, name in (("W3C", "w3c"), ("CLOUDFRONT", "cloudfront"), ("COMBINED", "combined")):
        path, hits = write(data, name, "plain", formats[name])
        summary = data.load("--site", name, "--format", alias, path)
        equal((summary["files"][0]["format"], summary["files"][0]["recognised"], summary["accepted"]),
              (name, False, hits), alias)


if __name__ == "__main__":
    cask.main(globals())
