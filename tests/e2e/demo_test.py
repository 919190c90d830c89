#!/usr/bin/python3
"""`demo`: made-up traffic goes the way of real one, is counted as it, and is never mixed with it."""
import copy
import json
import os
import re
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import cask
import count
from cask import check, equal, wait_for

LOGS = ("www.cask.co", "cdap.io", "coopr.io")
BLOG = "blog.cask.co"


def filled(*args):
    """A data directory of demo, and the same one as other commands take it."""
    data = cask.Data()
    data.run("demo", "--no-serve", *args)
    return data, asker(data)


def asker(data):
    other = copy.copy(data)
    other.options = ["-c", os.path.join(data.path, "caskalytics.yaml"), "--data", data.path]
    return other


def records(data, dataset):
    out = data.run("lake", "cat", "--json", "--dataset", dataset).stdout
    return [json.loads(line) for line in out.splitlines()]


def as_line(beacon):
    """A page view of a beacon, as a log would have it."""
    stamp = time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(beacon["ts"] // 1000))
    target = re.sub(r"^https://[^/]+", "", beacon["u"])
    return f'{beacon["ip"]} - - [{stamp}] "GET {target} HTTP/1.1" 200 0 "{beacon.get("r", "-")}" "{beacon["ua"]}"\n'


def newest(data):
    """Of each dataset, its records in order: times in seconds."""
    found = {"web": [json.loads(r["body"])["ts"] // 1000 for r in records(data, "web")]}
    found["logs"] = [count.read_stamp(re.search(rb"\[([^]]+)\]", r["body"].encode())[1])
                     for r in records(data, "logs")]
    for dataset, times in found.items():  # made up twice, it would go back
        back = [(a, b) for a, b in zip(times, times[1:]) if a > b]
        equal(back, [], dataset)
    return found


def check_counters(data):
    """Each repository was read once every full hour, from the beginning on without a gap."""
    read = [(r["repo"], r["ts"] // 1000) for r in records(data, "github")]
    hours = sorted({t for _, t in read})
    equal(hours, list(range(hours[0], hours[-1] + 1, 3600)), "hours")
    equal((len(read), len(set(read))), (4 * len(hours), 4 * len(hours)), "records, different ones")
    equal(data.sql("SELECT count(), uniqExact(repo, ts) FROM github"), f"{len(read)}\t{len(read)}", "rows, different ones")


def test_numbers_equal_the_independent_count():
    data, ask = filled("--events", 50000, "--months", 2)
    logs, beacons = records(ask, "logs"), records(ask, "web")
    assert 45000 < len(logs) + len(beacons) < 55000, (len(logs), len(beacons))
    counter = count.Counter()
    for site in LOGS:
        text = "".join(r["body"] + "\n" for r in logs if r["site"] == site)
        lines, accepted, _ = counter.read(text.encode(), "combined", site)
        assert lines == accepted > 1000, (site, lines, accepted)
    calls = [(r["site"], json.loads(r["body"])) for r in beacons]
    views = "".join(as_line(b) for site, b in calls if b["n"] == "pageview")
    assert {site for site, b in calls if b["n"] == "pageview"} == {BLOG}
    counter.read(views.encode(), "combined", BLOG)
    metrics = [m for m in cask.COUNTED if m != "hits"]  # own events are hits as well
    check(ask, counter, metrics)
    check(ask, counter, metrics, bots="only")
    check(ask, counter, metrics, by="day", zone="America/Los_Angeles")
    check(ask, counter, metrics, group=("country",), bots="include")
    check(ask, counter, metrics, by="week", sites=(BLOG,), zone="America/Los_Angeles")
    total = ask.stats("hits,events", bots="include")["total"]
    equal(total["hits"], len(logs) + len(beacons), "hits")
    equal(total["events"], sum(b["n"] != "pageview" for _, b in calls), "events")
    names = {row["event"] for row in ask.stats("events", group="event")["rows"] if row["events"]}
    assert {"Newsletter signup", "Outbound Link: Click"} <= names, names
    products = {row["product"] for row in ask.stats("downloads", group="product")["rows"]}
    assert {"CDAP", "Coopr", "Tigon", "Tephra"} <= products, products
    platforms = {row["platform"] for row in ask.stats("downloads", group="platform")["rows"]}
    assert {"rpm", "deb", "zip"} <= platforms, platforms
    ask.run("verify")


def test_second_start_goes_on_and_does_not_double():
    data, ask = filled("--events", 60000, "--months", 1)
    assert os.path.exists(os.path.join(data.path, "MADE-UP.txt"))
    before = newest(ask)
    wait_for(lambda: time.time() > max(max(t) for t in before.values()) + 2)
    data.run("demo", "--no-serve")
    after = newest(ask)
    for dataset, times in before.items():
        assert after[dataset][:len(times)] == times, dataset
        assert all(t > times[-1] for t in after[dataset][len(times):]), dataset
    equal(ask.stats("hits", bots="include")["total"]["hits"], sum(map(len, after.values())), "hits")
    check_counters(ask)
    ask.run("verify")
    data.run("demo", "--no-serve", "--seed", 5, code=2)
    data.run("demo", "--no-serve", "--months", 1)  # as it was


def test_a_killed_filling_goes_on():
    data = cask.Data()
    process = data.start("demo", "--no-serve", "--events", 400000, "--months", 3, start_new_session=True)
    lake = os.path.join(data.path, "lake", "logs")
    size = lambda: sum(os.path.getsize(os.path.join(d, f)) for d, _, files in os.walk(lake) for f in files)
    wait_for(lambda: size() > 2 << 20 or process.poll() is not None, 300)
    cask.kill(process.pid)
    process.wait()
    data.run("demo", "--no-serve")
    ask = asker(data)
    made = newest(ask)
    hits = sum(map(len, made.values()))
    assert 370000 < hits < 430000, hits
    equal(ask.stats("hits", bots="include")["total"]["hits"], hits, "hits")
    check_counters(ask)
    ask.run("verify")


def test_serves_without_log_in_and_grows_by_itself():
    data = cask.Data()
    server = cask.Server(data, "--events", 400000, "--months", 1, command="demo", wait=False)
    wait_for(lambda: "event=listening" in server.log() or server.process.poll() is not None, 600)
    server.wait()
    wait_for(lambda: f"http://127.0.0.1:{server.port}/" in server.log())

    def hits():
        answer = server.request("GET", "/api/v1/query?metrics=hits,pageviews,visitors&bots=include")
        if answer.status == 503:  # still catching up
            return 0
        equal(answer.status, 200, answer.body)
        return answer.json()["total"]["hits"]

    wait_for(lambda: hits() > 350000, 300)
    first = hits()
    wait_for(lambda: hits() > first, 300)
    session = server.request("GET", "/api/v1/session").json()
    equal((session["demo"], session["needs_setup"]), (True, False), "session")
    equal(server.request("GET", "/api/v1/users").status in (401, 403), True, "users are not for everybody")
    equal(server.stop(), 0, "exit code")
    newest(asker(data))
    asker(data).run("verify")


def test_other_data_are_refused():
    data = cask.Data()
    data.load(data.file('192.0.2.1 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 1 "-" "Mozilla"\n'))
    refused = data.run("demo", "--no-serve", code=2)
    assert b"other data" in refused.stderr, refused.stderr
    equal(data.stats("hits")["total"]["hits"], 1, "hits")
    assert not os.path.exists(os.path.join(data.path, "MADE-UP.txt"))
    other = cask.Data()
    os.mkdir(other.path)
    cask.write(other.path, "notes.txt", "mine")
    other.run("demo", "--no-serve", code=2)
    equal(os.listdir(other.path), ["notes.txt"], "what is in it")


def test_wrong_usage():
    data = cask.Data()
    for args in (["--listen", "0.0.0.0:8080"], ["--listen", "192.0.2.1:80"], ["--events", "many"],
                 ["--events", "0"], ["--months", "0"], ["--seed", "-1"]):
        data.run("demo", "--no-serve", *args, code=2)
    assert not os.path.exists(data.path)


if __name__ == "__main__":
    cask.main(globals())
