#!/usr/bin/python3
"""Backup and restore as docs/operations.md says: the commands are those of the document. Copies are taken from a server
under load; all that was acknowledged before a copy began is in it, exactly once."""
import os
import random
import re
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import cask
from beacons_test import Ledger, SITE
from cask import equal
from people_test import PASSWORD, Caller, administrator, add_token, add_user, log_lines

CONFIG = """
sites: [{name: www.example.org}]
trusted_proxies: [127.0.0.1]
"""
NUMBERS = "hits,pageviews,sessions,visitors,bounces"


def documented(heading):
    """The first block of commands behind a heading of docs/operations.md."""
    with open(os.path.join(cask.ROOT, "docs", "operations.md"), encoding="utf-8") as f:
        section = f.read().split(f"\n## {heading}\n", 1)[1]
    return re.search(r"\n```sh\n(.*?)```", section, re.S)[1]


def back_up(data):
    """A copy of a data directory, whoever works on it."""
    copy = cask.temp_dir()
    subprocess.run(["sh", "-euc", documented("Backup")], check=True,
                   env={**os.environ, "DATA": data.path, "BACKUP": copy})
    return copy


def restored(copy, without=()):
    """A fresh data directory made of a copy."""
    data = cask.Data(CONFIG)
    shutil.copytree(copy, data.path, ignore=shutil.ignore_patterns(*without))
    os.chmod(data.path, 0o700)
    return data


def when_complete(server):
    cask.wait_for(lambda: server.request("GET", "/readyz").status == 200, 120)
    return server


def numbers(server):
    return server.query(metrics=NUMBERS, by="day", bots="include", site="a.org")


def counts_of(data):
    """How often each event of the ledger is there. No server runs."""
    rows = data.sql(f"SELECT path, count() FROM events WHERE site = '{SITE}' GROUP BY path LIMIT 10000000")
    return {path[1:]: int(n) for path, n in (line.split("\t") for line in rows.split("\n") if line)}


def test_copies_taken_under_load():
    rng = random.Random(cask.seed())
    data, ledger = cask.Data(CONFIG), Ledger(rng)
    data.load("--site", "a.org", data.file(log_lines(40)))
    server = cask.Server(data)
    admin = administrator(server)
    add_user(admin, "vera", "viewer", ["a.org"])
    token = add_token(admin, "wallboard", "read").token
    share = admin.do("POST", "/api/v1/shares", {"sites": ["a.org"]}, 201)["share"]
    admin.do("POST", "/api/v1/sites", {"name": "made.org", "timezone": "Asia/Kolkata"}, 201)
    admin.do("POST", "/api/v1/sources", {"id": "made", "site": "a.org", "format": "combined"}, 201)
    before = numbers(server)
    ledger.port = server.port
    ledger.start()
    copies = []
    for _ in range(4):
        time.sleep(rng.uniform(0.2, 1.0))
        with ledger.lock:
            sure = set(ledger.acknowledged)
        copies.append((sure, back_up(data)))
    ledger.end()
    equal(server.stop(), 0)
    for sure, copy in copies:
        again = restored(copy)
        server = when_complete(cask.Server(again))
        equal(numbers(server), before, "answers from a copy")
        equal(Caller(server).login("vera").who(), "vera")
        for caller in (Caller(server, token=token), Caller(server, share=share)):
            equal(caller.ask("GET", "/api/v1/query?metrics=hits&site=a.org").json()["total"], {"hits": 40})
        admin = Caller(server).login("Ada", PASSWORD)
        equal(admin.do("GET", "/api/v1/sites/made.org")["timezone"], "Asia/Kolkata")
        equal(admin.do("GET", "/api/v1/sources/made")["format"], "combined")
        equal(server.stop(), 0)
        counts = counts_of(again)
        lost, twice = sure - set(counts), [i for i, n in counts.items() if n != 1]
        if lost or twice:
            raise AssertionError(f"of {len(sure)} acknowledged {len(lost)} lost, {len(twice)} not once")
        again.run("verify")
        equal(again.load("--site", "a.org", again.file(log_lines(40)))["accepted"], 0, "lines that are there")
        print(f"{len(sure)} acknowledged before the copy, {len(counts)} in it", flush=True)


def test_what_is_gone_without_each_part():
    data = cask.Data(CONFIG)
    data.load("--site", "a.org", data.file(log_lines(40)))
    server = cask.Server(data)
    admin = administrator(server)
    before = numbers(server)
    copy = back_up(data)
    admin.do("POST", "/api/v1/users", {"name": "late", "role": "viewer", "password": PASSWORD}, 201)
    equal(server.stop(), 0)

    again = restored(copy, without=["control.db"])
    server = when_complete(cask.Server(again))
    equal(numbers(server), before, "without control.db")
    administrator(server)  # there are no users, so there is a link
    equal(server.stop(), 0)

    again = restored(copy, without=["keys", "control.db"])
    server = when_complete(cask.Server(again))
    equal(numbers(server), before, "from the lake alone, by a new key")
    equal(server.stop(), 0)

    again = restored(copy, without=["keys"])
    message = again.run("stats", "visitors", code=1).stderr.decode()
    assert "keys is missing" in message, message
    again.run("rebuild")
    server = when_complete(cask.Server(again))
    equal(numbers(server), before, "rebuilt with a new key")
    equal(server.stop(), 0)


if __name__ == "__main__":
    cask.main(globals())
