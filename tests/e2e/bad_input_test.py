#!/usr/bin/python3
"""What is wrong is said, with what and where, by exit code, and nothing is left half-done."""
import json
import os
import random
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import cask
import count
from cask import equal
from loggen import Knobs, generate

SITE = ("--site", "example.org")
WRONG, FAILED = 2, 1
GOOD = b'192.0.2.1 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 5 "-" "Mozilla/5.0"\n'


def refused(data, *args, code, says=()):
    done = data.run(*args, code=code, timeout=120)
    said = done.stderr.decode("utf-8", "replace")
    for word in (says,) if isinstance(says, str) else says:
        if word not in said:
            raise AssertionError(f"{args}: no {word!r} in: {said}")
    if not said.strip():
        raise AssertionError(f"{args}: says nothing")
    return said


def hits(data):
    return data.stats("hits", bots="include")["total"]["hits"]


def test_import_of_what_is_no_log():
    data = cask.Data()
    refused(data, "import", *SITE, "missing.log", code=(1, 2), says="missing.log")
    refused(data, "import", *SITE, data.folder, code=(1, 2), says=data.folder)
    refused(data, "import", *SITE, "--format", "nonsense", data.file(GOOD), code=WRONG, says="nonsense")
    refused(data, "import", *SITE, code=WRONG)
    refused(data, "import", "--no-such-option", data.file(GOOD), code=WRONG, says="--no-such-option")
    equal(hits(data), 0, "hits")


def test_unreadable_file():
    data = cask.Data()
    refused(data, "import", *SITE, "/proc/self/mem", code=(1, 2), says="/proc/self/mem")
    secret = data.file(GOOD)
    if os.getuid() != 0:  # root reads everything
        os.chmod(secret, 0)
        refused(data, "import", *SITE, secret, code=(1, 2), says=secret)
    equal(hits(data), 0, "hits")


def test_damaged_gzip():
    import gzip
    data = cask.Data()
    log = generate(Knobs(lines=500))
    packed = gzip.compress(log)
    refused(data, "import", *SITE, data.file(packed[:-len(packed) // 3], "cut.gz"), code=FAILED, says="cut.gz")
    data.load(*SITE, data.file(packed, "whole.gz"))  # the mended file adds the rest, and nothing twice
    counter = count.Counter()
    counter.read(log, "combined", "example.org")
    cask.check(data, counter, by="day", bots="include")


def test_questions_nobody_can_answer():
    data = cask.Data()
    data.load(*SITE, data.file(GOOD))
    for args in (("pageview",), ("pageviews,nonsense",), ("pageviews", "--by", "fortnight"),
                 ("pageviews", "--group", "colour"), ("pageviews", "--filter", "colour=red"),
                 ("pageviews", "--filter", "path"), ("pageviews", "--filter", "path~(("),
                 ("pageviews", "--tz", "Mars/Olympus"), ("pageviews", "--tz", "../../etc/passwd"),
                 ("pageviews", "--bots", "maybe"), ("pageviews", "--from", "yesterdayish"),
                 ("pageviews", "--compare", "decade"), ("pageviews", "--limit", "many"),
                 ("pageviews", "--order", "nonsense"), ("pageviews", "--format", "xml"), ("pageviews", "--nonsense")):
        refused(data, "stats", *args, code=WRONG)
    refused(data, "stats", "pageview", code=WRONG, says=("pageview", "pageviews"))  # it knows what was meant
    refused(data, "nonsense", code=WRONG, says="nonsense")
    equal(hits(data), 1, "hits")


def test_text_in_questions_is_only_text():
    data = cask.Data()
    data.load(*SITE, data.file(GOOD))
    for value in ("'", "\\", "/' OR 1=1 --", "a\\'b", "\n", "{x:String}", "%27", "`", "\ud83d\ude00".encode(
            "utf-16", "surrogatepass").decode("utf-16")):
        answer = data.stats("hits", "--filter", f"path={value}", bots="include")
        equal(answer["total"]["hits"], 0, f"filter {value!r}")
        answer = data.stats("hits", "--filter", f"path!={value}", bots="include")
        equal(answer["total"]["hits"], 1, f"filter not {value!r}")


def test_broken_configuration():
    broken = "data: ./data\nsites:\n  - {name: a, timezone: Mars/Olympus}\n  - {nmae: b}\nnonsense: 1\n"
    data = cask.Data(broken)
    for command in (("config", "check"), ("stats", "hits"), ("import", *SITE, data.file(GOOD))):
        said = refused(data, *command, code=WRONG)
    done = data.run("config", "check", code=WRONG)
    said = (done.stdout + done.stderr).decode()
    lines = sorted(set(int(n) for n in re.findall(r"caskalytics\.yaml:(\d+):", said)))
    equal(lines, [3, 4, 5], f"lines named by config check: {said}")
    if os.path.exists(data.path):
        equal(os.listdir(data.path), [], "the data directory")


def test_configuration_that_is_no_yaml():
    data = cask.Data("data: [unclosed\nsites: }\n")
    said = refused(data, "stats", "hits", code=WRONG)
    if not re.search(r"caskalytics\.yaml:\d+", said):
        raise AssertionError(f"no file and line: {said}")


def test_configuration_that_is_missing():
    data = cask.Data()
    data.options = ["-c", "/nonexistent/caskalytics.yaml"] + data.options
    refused(data, "stats", "hits", code=WRONG, says="/nonexistent/caskalytics.yaml")


def test_random_bytes_with_bounded_memory():
    rng = random.Random(cask.seed())
    data = cask.Data()
    noise = rng.randbytes(24 << 20)
    path = data.file(noise)
    lines = sum(1 for line in noise.split(b"\n") if line.rstrip(b"\r"))
    out = os.path.join(data.folder, "summary.json")
    with open(out, "wb") as f:
        run = cask.Peaks(data.command("import", "--json", *SITE, path), stdout=f)
    equal(run.code, 0, "rejected lines do not change the exit code")
    with open(out, "rb") as f:
        summary = json.load(f)
    # A line may end in CR by chance; then it is one byte shorter, and only an empty one is no line.
    if abs(summary["lines"] - lines) > 2 or summary["accepted"] != 0:
        raise AssertionError(f"{summary}, counted {lines} lines")
    equal(sum(summary["reasons"].values()), summary["rejected"], "each with a reason")
    if run.parent_kib > 512 * 1024 or run.parent_kib + run.engine_kib > 1024 * 1024:
        raise AssertionError(f"memory: {run.parent_kib} + {run.engine_kib} KiB")
    equal(hits(data), 0, "hits")


def test_huge_line_with_bounded_memory():
    data = cask.Data()
    path = os.path.join(data.folder, "huge.log")
    with open(path, "wb") as f:
        f.write(GOOD)
        for _ in range(256):
            f.write(b"x" * (1 << 20))
        f.write(b"\n" + GOOD)
    out = os.path.join(data.folder, "summary.json")
    with open(out, "wb") as f:
        run = cask.Peaks(data.command("import", "--json", *SITE, path), stdout=f)
    os.unlink(path)
    equal(run.code, 0, "exit code")
    with open(out, "rb") as f:
        summary = json.load(f)
    equal((summary["lines"], summary["accepted"], summary["reasons"].get("too_long")), (3, 2, 1), "summary")
    if run.parent_kib > 256 * 1024:
        raise AssertionError(f"memory: {run.parent_kib} KiB")


def test_a_line_at_the_limit():
    data = cask.Data()
    head, tail = GOOD[:-1].split(b"GET /", 1)
    for length, accepted in ((65536, 1), (65537, 0)):
        line = head + b"GET /" + b"x" * (length - len(GOOD) + 1) + tail
        equal(len(line), length, "the test's own line")
        equal(data.load(*SITE, data.file(line + b"\n"))["accepted"], accepted, f"{length} bytes")


def test_nul_bytes():
    data = cask.Data()
    log = GOOD + GOOD.replace(b"GET /", b"GET /\0null\0") + b"\0\0\0\n" + b"\0" * 70000 + b"\n"
    counter = count.Counter()
    counter.read(log, "combined", "example.org")
    summary = data.load(*SITE, data.file(log))
    equal((summary["lines"], summary["accepted"]), (counter.lines, counter.accepted), "lines, accepted")
    cask.check(data, counter, ["hits", "pageviews"], bots="include")
    data.stats("hits", group="path", bots="include")  # is valid JSON


def test_bytes_that_are_no_utf8_come_out_valid():
    data = cask.Data()
    data.load(*SITE, data.file(GOOD.replace(b"GET /", b"GET /\xff\xc3(\xe2\x82\xed\xa0\x80\x1b[31m\x07")))
    for fmt in ("json", "csv", "tsv", "table"):
        text = data.run("stats", "hits", "--group", "path,browser,referrer", "--bots", "include", "--format", fmt).stdout
        text.decode("utf-8")
        if b"\x1b[31m" in text or b"\x07" in text:
            raise AssertionError(f"control bytes in {fmt}: {text!r}")


def test_one_process_at_a_time():
    data = cask.Data()
    data.load(*SITE, data.file(GOOD))
    first = data.start("import", *SITE, "-", stdin=subprocess.PIPE)
    try:
        cask.wait_for(lambda: data.holder() == first.pid)
        refused(data, "stats", "hits", code=3)
        refused(data, "import", *SITE, data.file(GOOD * 2), code=3)
    finally:
        first.communicate(GOOD.replace(b"192.0.2.1", b"192.0.2.2"), timeout=120)
    equal(first.returncode, 0, "the first one's exit code")
    equal(hits(data), 2, "hits")


def test_nothing_to_do():
    data = cask.Data()
    equal(data.stats("pageviews,visitors,bounce_rate")["total"], {"pageviews": 0, "visitors": 0, "bounce_rate": None},
          "an empty store")
    summary = data.load(*SITE, data.file(b""))
    equal((summary["lines"], summary["accepted"]), (0, 0), "an empty file")
    summary = data.load(*SITE, data.file(b"\n\n\r\n\n"))
    equal(summary["lines"], 0, "empty lines are no lines")
    data.run("help")
    data.run("version")
    data.run()


if __name__ == "__main__":
    cask.main(globals())
