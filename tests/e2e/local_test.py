#!/usr/bin/python3
"""Commands beside a running server: the same answers as without one, imports through it, kills of all processes.

CASK_KILLS: how many kills (dev/crash sets more)."""
import json
import os
import pty
import random
import re
import signal
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import cask
import count
from cask import check, equal
from loggen import Knobs, generate

KILLS = int(os.environ.get("CASK_KILLS") or 15)
SITE = "example.org"
CONFIG = "sites: [{name: example.org}, {name: beacons.example}]\n"
AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0"


# Distinct visitors of many days are an estimate once there are many (docs/definitions.md).
ADDED = [m for m in cask.COUNTED if m != "visitors"]


def log(rng, lines, **knobs):
    return generate(Knobs(seed=rng.getrandbits(32), lines=lines, days=6, junk=0.01, **knobs))


def events_by_source(data):
    text = data.sql("SELECT source, count() FROM events GROUP BY source ORDER BY source")
    return {line.split("\t")[0]: int(line.split("\t")[1]) for line in text.splitlines()}


class Beacons:
    """Sends page views until it is told to stop; knows how many were acknowledged."""

    def __init__(self, server, threads=3):
        self.server, self.sent, self.over = server, 0, False
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self.run, args=(i,), daemon=True) for i in range(threads)]
        for t in self.threads:
            t.start()

    def run(self, who):
        n = 0
        while not self.over:
            n += 1
            body = json.dumps({"n": "pageview", "u": f"https://beacons.example/{who}/{n}", "d": "beacons.example"})
            answer = self.server.request("POST", "/api/event", body,
                                         {"Content-Type": "text/plain", "User-Agent": AGENT})
            equal(answer.status, 204, answer.body)
            with self.lock:
                self.sent += 1

    def stop(self):
        self.over = True
        for t in self.threads:
            t.join(60)
            equal(t.is_alive(), False, "a thread of beacons")
        return self.sent


# --- the same answers ----------------------------------------------------------------------------

QUESTIONS = [
    ["stats", "pageviews,sessions,visitors,bounce_rate", "--by", "day", "--format", "json"],
    ["stats", "hits,bytes", "--group", "path,status", "--order", "hits", "--limit", "7", "--bots", "include"],
    ["stats", "pageviews", "--by", "week", "--compare", "previous", "--format", "csv", "--tz", "Asia/Kolkata"],
    ["stats", "pageviews", "--filter", "path~^/[a-m]", "--filter", "country!=US", "--format", "tsv"],
    ["stats"],
    ["stats", "--site", SITE, "--from", "2015-05-17"],
    ["stats", "pageviews", "--site", "nowhere"],
    ["stats", "nonsense"],
    ["stats", "pageviews", "--filter", b"path=/\xff\xfe"],
    ["sql", "SELECT status, count() AS n FROM events GROUP BY status ORDER BY status"],
    ["sql", "SELECT path, bytes FROM events ORDER BY ts, path, bytes LIMIT 50", "--format", "RowBinary"],
    ["sql", "SELECT reason, count() FROM rejected GROUP BY reason ORDER BY reason", "--format", "json"],
    ["sql", "SELECT 'a\tb' AS x, NULL AS y", "--format", "tsv"],
    ["sql", "DROP TABLE events"],
    ["sql", "SELECT nothing FROM events"],
    ["sql", "--format", "Nonsense", "SELECT 1"],
    ["verify"],
    ["lake", "ls"],
    ["lake", "verify"],
]


def run(data, words, stdin=b""):
    done = subprocess.run([*map(os.fsencode, data.command()), *map(os.fsencode, words)], input=stdin,
                          capture_output=True, timeout=600, cwd=data.folder)
    # times of the engine differ
    out = re.sub(rb'"elapsed": [0-9.e-]+', b'"elapsed": 0', done.stdout)
    return done.returncode, out, done.stderr


def on_terminal(data, words):
    ours, theirs = pty.openpty()
    process = data.start(*words, stdout=theirs, env={**os.environ, "TERM": "xterm", "COLUMNS": "70"})
    os.close(theirs)
    text = b""
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:
            break
        if not piece:
            break
        text += piece
    os.close(ours)
    equal(process.wait(60), 0, process.stderr.read())
    return text


def test_the_same_output():
    rng = random.Random(cask.seed())
    data = cask.Data(CONFIG)
    data.load("--site", SITE, data.file(log(rng, 6000)))
    data.seal(SITE)
    alone = [run(data, words) for words in QUESTIONS]
    stdin = run(data, ["sql", "-"], b"SELECT count() FROM events;\n")
    shown = on_terminal(data, ["stats"])
    server = cask.Server(data)
    for words, expected in zip(QUESTIONS, alone):
        equal(run(data, words), expected, words)
    equal(run(data, ["sql", "-"], b"SELECT count() FROM events;\n"), stdin, "sql -")
    equal(on_terminal(data, ["stats"]), shown, "on a terminal")
    if b"\x1b[1m" not in shown:
        raise AssertionError("the terminal got no colours")
    equal(server.stop(), 0, "exit code of serve")


def test_rebuild():
    rng = random.Random(cask.seed())
    data = cask.Data(CONFIG)
    lines = log(rng, 6000)
    counter = count.Counter()
    counter.read(lines, "combined", SITE)
    data.load("--site", SITE, data.file(lines))
    said = data.run("rebuild").stdout
    server = cask.Server(data)
    check(data, counter, by="day")
    beside = data.run("rebuild").stdout
    equal(beside.partition(b" in ")[0], said.partition(b" in ")[0], "what rebuild says")
    check(data, counter, by="hour", bots="include")
    data.run("verify")
    equal(server.stop(), 0, "exit code of serve")
    check(data, counter, by="hour", bots="include")
    data.run("verify")


def test_questions_while_it_is_rebuilt():
    """Either the right numbers or "try again"; and what comes in meanwhile is counted."""
    rng = random.Random(cask.seed())
    data = cask.Data(CONFIG)
    lines = log(rng, 20000)
    data.load("--site", SITE, data.file(lines))
    hits = data.stats("hits", bots="include", site=SITE)["total"]["hits"]
    server = cask.Server(data)
    beacons = Beacons(server)
    refused = answered = 0
    for _ in range(3):
        process = data.start("rebuild")
        while process.poll() is None:
            done = data.run("stats", "hits", "--bots", "include", "--site", SITE, "--format", "json", code=(0, 75))
            if done.returncode == 75:
                refused += 1
                if b"being rebuilt" not in done.stderr:
                    raise AssertionError(done.stderr)
            else:
                answered += 1
                equal(json.loads(done.stdout)["total"]["hits"], hits, "hits while it is rebuilt")
        out, err = process.communicate()
        equal(process.returncode, 0, err)
    print(f"{answered} answered, {refused} refused", flush=True)
    if refused == 0:
        raise AssertionError("no question met the rebuild")
    sent = beacons.stop()
    equal(events_by_source(data), {"beacon": sent, "import": hits}, "events")
    # one at a time
    first = data.start("rebuild")
    codes = {data.run("rebuild", code=(0, 3)).returncode for _ in range(3)}
    first.communicate()
    equal(first.returncode in (0, 3), True, codes)
    equal(events_by_source(data), {"beacon": sent, "import": hits}, "events")
    data.run("verify")


# --- imports -------------------------------------------------------------------------------------


def test_import():
    """What it says, and what is there then; known with a server from without, and the other way round."""
    rng = random.Random(cask.seed())
    first, second = log(rng, 5000), log(rng, 4000)
    alone, beside = cask.Data(CONFIG), cask.Data(CONFIG)
    counter = count.Counter()
    server = cask.Server(beside)
    for lines in (first, second):
        counter.read(lines, "combined", SITE)
        a = alone.load("--site", SITE, alone.file(lines))
        b = beside.load("--site", SITE, beside.file(lines))
        check(beside, counter, by="day", bots="include")  # at once
        for summary in (a, b):
            for key in list(summary):
                if "second" in key or "rate" in key:
                    del summary[key]
        strip = lambda s: re.sub(r'"(seconds|lines_per_second|rate|file|path)": ?[^,}]+', "", json.dumps(s, sort_keys=True))
        equal(strip(b), strip(a), "summary")
    grown = first + b"rubbish\n"
    again = beside.load("--site", SITE, beside.file(first))
    equal((again["accepted"], again["duplicates"]), (0, again["lines"]), "the same file again")
    more = beside.load("--site", SITE, beside.file(grown))
    equal(more["lines"] - more["duplicates"], 1, "a grown file")
    done = beside.run("import", "--json", "--site", SITE, "-", stdin=second)  # anonymous: counts again
    counter.read(second, "combined", SITE)
    check(beside, counter, by="day", bots="include")
    equal(json.loads(done.stdout)["duplicates"], 0, "stdin has no identity")
    equal(server.stop(), 0, "exit code of serve")
    equal(beside.load("--site", SITE, beside.file(grown))["accepted"], 0, "known without the server")
    lines = log(rng, 1000)
    counter.read(lines, "combined", SITE)
    beside.load("--site", SITE, beside.file(lines))
    server = cask.Server(beside)
    equal(beside.load("--site", SITE, beside.file(lines))["accepted"], 0, "known with the server")
    check(beside, counter, by="week", bots="include")
    beside.run("verify")
    equal(server.stop(), 0, "exit code of serve")


def test_import_beside_beacons():
    rng = random.Random(cask.seed())
    data, counter = cask.Data(CONFIG), count.Counter()
    server = cask.Server(data)
    beacons = Beacons(server)
    for _ in range(6):
        lines = log(rng, 5000)
        counter.read(lines, "combined", SITE)
        data.load("--site", SITE, data.file(lines))
        check(data, counter, by="day", bots="include", sites=[SITE])
        data.run("verify")
    sent = beacons.stop()
    if sent == 0:
        raise AssertionError("no beacons")
    print(f"{sent} beacons", flush=True)
    equal(events_by_source(data)["beacon"], sent, "beacons")
    check(data, counter, by="hour", bots="include", sites=[SITE])
    data.run("verify")


def test_verify_while_sealed_time_changes():
    rng = random.Random(cask.seed())
    data = cask.Data(CONFIG)
    data.load("--site", SITE, data.file(log(rng, 5000)))
    data.seal(SITE)
    server = cask.Server(data)
    over = threading.Event()

    def verify():
        while not over.is_set():
            data.run("verify")

    thread = threading.Thread(target=verify, daemon=True)
    failed = []
    hook, threading.excepthook = threading.excepthook, lambda args: failed.append(args.exc_value)
    thread.start()
    for _ in range(5):
        data.load("--site", SITE, data.file(log(rng, 3000)))
    over.set()
    thread.join(300)
    threading.excepthook = hook
    if failed:
        raise failed[0]
    equal(server.stop(), 0, "exit code of serve")


def test_two_imports_exclude_each_other():
    rng = random.Random(cask.seed())
    data, counter = cask.Data(CONFIG), count.Counter()
    one, two, three = log(rng, 1000), log(rng, 1000), log(rng, 1000)
    server = cask.Server(data)
    first = data.start("import", "--site", SITE, "--json", "-", stdin=subprocess.PIPE)
    first.stdin.write(one)
    first.stdin.flush()
    lock = os.path.join(data.path, "import.lock")
    cask.wait_for(lambda: os.path.exists(lock) and open(lock).read().startswith(f"{first.pid} "))
    done = data.run("import", "--site", SITE, data.file(two), code=3)
    if f"process {first.pid} (import)".encode() not in done.stderr:
        raise AssertionError(done.stderr)
    out, err = first.communicate()
    equal(first.returncode, 0, err)
    equal(json.loads(out)["duplicates"], 0, out)
    counter.read(one, "combined", SITE)
    # one that is killed hinders nobody
    second = data.start("import", "--site", SITE, "-", stdin=subprocess.PIPE)
    cask.wait_for(lambda: open(lock).read().startswith(f"{second.pid} "))
    second.kill()
    second.communicate()
    for lines in (two, three):
        counter.read(lines, "combined", SITE)
        data.load("--site", SITE, data.file(lines))
    check(data, counter, by="day", bots="include")
    equal(server.stop(), 0, "exit code of serve")


def test_random_kills():
    """Of the server, the engine and the import; the import run again, beside a server or alone."""
    rng = random.Random(cask.seed())
    data, counter, hits = cask.Data(CONFIG), count.Counter(), {"server": 0, "engine": 0, "import": 0}
    server = cask.Server(data)
    seconds = rounds = 0
    while sum(hits.values()) < KILLS:
        rounds += 1
        if rounds > 4 * KILLS:
            raise AssertionError(f"too few kills landed: {hits}")
        lines = log(rng, 30000)
        path = data.file(lines)
        counter.read(lines, "combined", SITE)
        for _ in range(rng.randrange(1, 4)):
            victim = rng.choice(list(hits))
            start = time.monotonic()
            process = data.start("import", "--site", SITE, path)
            time.sleep(rng.uniform(0, seconds or 0.5))
            pid = {"server": server.pid, "import": process.pid,
                   "engine": next(iter(server.engines()), None)}[victim]
            landed = process.poll() is None and pid is not None
            if landed:
                hits[victim] += 1
                cask.kill(pid)
            out, err = process.communicate(timeout=300)
            if landed and victim == "server":
                server.process.wait(60)  # on a busy machine a killed process lives on for a moment
            if not landed:
                seconds = 0.9 * seconds if seconds else time.monotonic() - start
            if landed and victim == "server" and process.returncode not in (0, 75):
                raise AssertionError(f"exit code {process.returncode}: {err}")
            if victim != "import" and process.returncode not in (0, 1, 75):
                raise AssertionError(f"exit code {process.returncode}: {err}")
            if server.process.poll() is not None:
                if rng.random() < 0.3:  # alone, beside the socket of a dead one
                    data.load("--site", SITE, path)
                    equal(data.load("--site", SITE, path)["accepted"], 0, "again")
                server = cask.Server(data)
        summary = data.load("--site", SITE, path)
        equal(summary["lines"], sum(1 for line in lines.split(b"\n") if line), "lines")
        check(data, counter, by=rng.choice(cask.GRAINS), bots="include", metrics=ADDED)
    print(f"killed: {hits}", flush=True)
    data.run("verify")
    data.run("rebuild")
    check(data, counter, by="day", bots="include", metrics=ADDED)
    equal(server.stop(), 0, "exit code of serve")
    check(data, counter, by="day", bots="include", metrics=ADDED)


# --- the server goes -----------------------------------------------------------------------------

FOREVER = "SELECT count() FROM events AS a CROSS JOIN events AS b CROSS JOIN events AS c WHERE a.bytes + b.bytes = c.bytes"


def test_the_server_stops_in_the_middle():
    rng = random.Random(cask.seed())
    data = cask.Data(CONFIG)
    data.load("--site", SITE, data.file(log(rng, 20000)))
    for how in (signal.SIGTERM, signal.SIGKILL):
        server = cask.Server(data)
        process = server.start_command("sql", FOREVER)
        time.sleep(1)  # the engine works on it
        equal(process.poll(), None, "the long question")
        server.process.send_signal(how)
        code = server.process.wait(60)
        equal(code, 0 if how == signal.SIGTERM else -9, "exit code of serve")
        out, err = process.communicate(timeout=60)
        equal((process.returncode, out), (75, b""), err)
    # the dead one's socket is still there
    equal(os.path.exists(os.path.join(data.path, "caskalytics.sock")), True, "a stale socket")
    equal(data.sql("SELECT count() > 0 FROM events"), "1", "beside a stale socket")


def test_a_server_that_is_starting_is_waited_for():
    data = cask.Data(CONFIG)
    data.load("--site", SITE, data.file(log(random.Random(1), 500)))
    server = cask.Server(data, wait=False)
    cask.wait_for(lambda: data.holder() == server.pid)
    equal(data.stats("hits", bots="include")["total"]["hits"] > 0, True, "hits")
    server.wait()
    equal(server.stop(), 0, "exit code of serve")


def test_requests_that_make_no_sense():
    data = cask.Data(CONFIG)
    server = cask.Server(data)
    equal(server.request("POST", "/local/run?words=1&width=0&color=0", b"stats\0").status, 403, "over TCP")
    equal(server.request("POST", "/local/imports").status, 403, "over TCP")

    def said(method, path, body=b""):
        answer = server.request(method, path, body, local=True)
        equal(answer.status, 200, answer.body)
        return answer.headers.get("caskalytics-error", "")

    for path, body in (("run", b""), ("run?words=1&width=0&color=0", b""), ("run?words=9&width=0&color=0", b"stats\0"),
                       ("run?words=1&width=0&color=0", b"stats"), ("run?words=1&width=0&color=0", b"import\0"),
                       ("run?words=1&width=0&color=0", b"serve\0"), ("run?words=0&width=0&color=0", b""),
                       ("run?words=99999999999&width=0&color=0", b"x"), ("append", b"x"), ("append?token=0", b"x"),
                       ("append?token=5&records=1", b"x"), ("counts", b"x"), ("counts", b"1 2 3\n")):
        if not said("POST", "/local/" + path, body).startswith("-"):
            raise AssertionError(f"{path} {body!r} was taken")
    answer = server.request("POST", "/local/imports", local=True)
    token = answer.body.split()[0].decode()
    for records, body in (("1", b""), ("1", b"xx"), ("9" * 19, b"x" * 100), ("1", b"\0" * 8), ("x", b"")):
        if not said("POST", f"/local/append?token={token}&records={records}", body).startswith("-"):
            raise AssertionError(f"{body!r} was taken")
    equal(said("DELETE", f"/local/imports?token={token}"), "", "the end")
    equal(said("DELETE", f"/local/imports?token={token}").startswith("-9"), True, "the end twice")
    equal(data.sql("SELECT count() FROM events"), "0", "events")
    equal(server.stop(), 0, "exit code of serve")


if __name__ == "__main__":
    cask.main(globals())
