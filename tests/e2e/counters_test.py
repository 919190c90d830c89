#!/usr/bin/python3
"""Counters of repositories: what `stats` says of the lake is what a count in Python says, which reads it with avrocat."""
import collections
import functools
import glob
import json
import os
import random
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import cask
import count
from cask import equal

COUNTERS = ("stars", "forks", "watchers", "pulls", "issues", "commits", "release_downloads")
METRICS = [m for c in COUNTERS for m in (c, c + "_change")]
REPOS = {"caskdata/cdap", "caskdata/coopr", "caskdata/tigon", "caskdata/tephra"}


def filled():
    """A data directory of demo, as other commands take it, and its records."""
    data = cask.Data()
    data.run("demo", "--no-serve", "--events", 2000, "--months", 2)
    data.options = ["-c", os.path.join(data.path, "caskalytics.yaml"), "--data", data.path]
    return data, read_lake(data)


def read_lake(data):
    """Records in the order of the lake. A nullable counter is {"long": n} or null in Avro's JSON."""
    records = []
    for segment in sorted(glob.glob(os.path.join(data.path, "lake", "github", "*", "*", "*", "*.avro"))):
        text = subprocess.run(["avrocat", segment], capture_output=True, check=True).stdout
        for line in text.splitlines():
            record = json.loads(line)
            for c in COUNTERS:
                if isinstance(record[c], dict):
                    record[c] = record[c]["long"]
            record["t"] = record["ts"] // 1000
            records.append(record)
    return records


def counted(records, by=None, zone="UTC", group=(), sites=None, where=None, since=0, until=1 << 40):
    """{(bucket, dimensions...): {metric: n}} by docs/definitions.md."""
    cut = count.Zone(zone)
    label = functools.cache(lambda t: cut.show(cut.floor(by, t)) if by else "")
    series = collections.defaultdict(list)
    for place, r in enumerate(records):
        fits = (sites is None or r["site"] in sites) and all(r.get(d, "") == v for d, v in (where or {}).items())
        if not fits or r["t"] >= until:
            continue
        dims = tuple(r.get(d, "") for d in group)
        for c in COUNTERS:
            if r[c] is not None:
                series[(dims, r["repo"], c)].append((r["t"], place, r[c]))
    cells = collections.defaultdict(lambda: dict.fromkeys(METRICS, 0))
    for (dims, _, c), values in series.items():
        before, buckets = None, {}
        for t, _, value in sorted(values):
            if t < since:
                before = value
            else:
                buckets.setdefault(label(t), []).append(value)
        for bucket, inside in buckets.items():  # in the order of time
            cell = cells[(bucket, *dims) if by else dims]
            cell[c] += inside[-1]
            cell[c + "_change"] += inside[-1] - (inside[0] if before is None else before)
            before = inside[-1]
    return cells


def check(data, records, by=None, group=(), **question):
    """Ask the program and the count the same."""
    asked = {"by": by, "group": ",".join(group), "tz": question.get("zone", "UTC"),
             "site": ",".join(question.get("sites") or ())}
    filters = [x for d, v in (question.get("where") or {}).items() for x in ("--filter", f"{d}={v}")]
    stamp = lambda t: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(t))
    for name, key in (("since", "from_"), ("until", "to")):
        if name in question:
            asked[key] = stamp(question[name])
    answer = data.stats(METRICS, *filters, **{k: v for k, v in asked.items() if v})
    keys = (("time",) if by else ()) + tuple(group)
    if keys:
        cells = counted(records, by=by, group=group, **question)
        expected = {k: dict(c) for k, c in cells.items() if any(c.values())}
        got = {tuple(row[k] for k in keys): {m: row[m] for m in METRICS} for row in answer["rows"]}
        equal(got, expected, f"{asked} {filters}")
    total = counted(records, **question).get((), dict.fromkeys(METRICS, 0))
    equal(answer["total"], total, f"total of {asked} {filters}")


def check_all(data, records):
    newest = max(r["t"] for r in records)
    check(data, records)
    check(data, records, by="month", group=("repo",))
    check(data, records, by="week", zone="America/Los_Angeles", group=("site", "country"))
    check(data, records, by="day", sites=("cdap.io",), zone="UTC", since=newest - 40 * 86400, until=newest - 86400)
    check(data, records, by="hour", where={"repo": "caskdata/coopr"}, since=newest - 5 * 86400 - 1234)
    check(data, records, where={"country": "US"})
    check(data, records, group=("source",), since=newest - 10 * 86400)


def test_answers_are_those_of_a_count():
    data, records = filled()
    equal({r["repo"] for r in records}, REPOS, "repositories")
    equal({r["site"] for r in records}, {"cdap.io", "coopr.io"}, "sites")
    equal({r["source"] for r in records}, {"demo"}, "made-up sources")
    assert len(records) > 4 * 24 * 55 and any(r["release_downloads"] is None for r in records), len(records)
    check_all(data, records)
    data.run("verify")
    said = data.run("rebuild").stdout.decode()
    assert f"{len(records):,} records of counters" in said, said
    check_all(data, records)
    shown = [json.loads(line) for line in data.run("lake", "cat", "--json", "--dataset", "github").stdout.splitlines()]
    equal([{c: r[c] for c in COUNTERS + ("repo", "ts", "site")} for r in shown],
          [{c: r[c] for c in COUNTERS + ("repo", "ts", "site")} for r in records], "lake cat")


def test_goes_with_other_metrics_in_one_question():
    data, records = filled()
    both = data.stats("pageviews,stars", by="month", group="repo,country", bots="include")["rows"]
    views = data.stats("pageviews", by="month", group="country", bots="include")["rows"]
    stars = counted(records, by="month", group=("repo", "country"))
    equal([(r["time"], r["country"], r["pageviews"]) for r in both if r["repo"] == ""],
          [(r["time"], r["country"], r["pageviews"]) for r in views], "page views have no repository")
    equal({(r["time"], r["repo"], r["country"]): r["stars"] for r in both if r["repo"]},
          {k: c["stars"] for k, c in stars.items()}, "stars have no country")
    # this month is compared with as much of the one before
    year = data.stats("stars,stars_change", by="month", compare="month")["rows"]
    for before, row in list(zip(year, year[1:]))[:-1]:
        equal((row["stars_previous"], row["stars_change_previous"]), (before["stars"], before["stars_change"]), row)
    ranked = data.stats("stars_change", by="month", group="repo", limit=1)["rows"]
    equal({r["repo"] for r in ranked}, {"caskdata/cdap"}, "the repository with most new stars")
    refused = data.run("stats", "stars", "--site", "nowhere.example", code=2)
    assert b"no site 'nowhere.example'" in refused.stderr, refused.stderr
    equal(data.sql("SELECT count(), uniqExact(repo) FROM github"), f"{len(records)}\t4", "sql")


def test_each_record_counts_once_whatever_is_killed():
    rng = random.Random(cask.seed())
    data, records = filled()
    start = time.monotonic()
    data.run("rebuild")
    seconds = time.monotonic() - start
    for _ in range(6):
        process = data.start("rebuild", start_new_session=True)
        time.sleep(rng.uniform(0.1, seconds))
        engines = cask.children(process.pid)
        cask.kill(engines[0] if engines and rng.random() < 0.5 else process.pid)
        process.communicate(timeout=300)
        cask.wait_for(lambda: not data.locked())
        rows = int(data.stats("stars")["total"]["stars"])  # catches up
        equal(rows, counted(records)[()]["stars"], "stars")
        equal(data.sql("SELECT count(), uniqExact(bid, repo, ts) FROM github"), f"{len(records)}\t{len(records)}", "rows")
    check_all(data, records)
    data.run("verify")


def test_beside_a_server():
    data, records = filled()
    server = cask.Server(data)
    answer = server.query(metrics="stars,stars_change", group="repo")
    expected = counted(records, group=("repo",))
    equal({(r["repo"],): (r["stars"], r["stars_change"]) for r in answer["rows"]},
          {k: (c["stars"], c["stars_change"]) for k, c in expected.items()}, "rows")
    metrics = server.request("GET", "/metrics", local=True).body.decode()
    assert 'caskalytics_store_lag_bytes{dataset="github"} 0' in metrics, metrics
    check(data, records, by="month", group=("repo",))
    data.run("rebuild")
    data.run("verify")
    equal(server.query(metrics="stars")["total"]["stars"], counted(records)[()]["stars"], "after a rebuild")
    equal(server.stop(), 0, "exit code")


if __name__ == "__main__":
    cask.main(globals())
