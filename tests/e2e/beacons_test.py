#!/usr/bin/python3
"""Beacons: every documented body, CORS, the pixel, limits, proxies, retries; kill -9 and a full disk under load.

CASK_KILLS: how many kills of either process (dev/crash sets more)."""
import gzip
import http.client
import json
import os
import random
import subprocess
import sys
import threading
import time
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import cask
from cask import equal

KILLS = int(os.environ.get("CASK_KILLS") or 12)
SITE = "www.example.org"
CONFIG = """
sites: [{name: www.example.org}, {name: other.example}]
trusted_proxies: [127.0.0.1]
"""
BROWSER = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36"


def serve(config=CONFIG):
    return cask.Server(cask.Data(config))


def post(server, doc, address="203.0.113.1", path="/api/event", **headers):
    body = doc if isinstance(doc, (bytes, str)) else json.dumps(doc)
    return server.request("POST", path, body, {"Content-Type": "text/plain", "User-Agent": BROWSER,
                                               "X-Forwarded-For": address,
                                               **{k.replace("_", "-"): v for k, v in headers.items()}})


def accepted(server, doc, **more):
    answer = post(server, doc, **more)
    equal((answer.status, answer.body), (204, b""), doc)
    equal(answer.headers.get("access-control-allow-origin"), "*", "CORS")


def refused(server, doc, status, says, **more):
    answer = post(server, doc, **more)
    equal(answer.status, status, answer.body)
    if says not in answer.json()["error"]:
        raise AssertionError(f"{answer.body} does not say {says!r}")
    equal(answer.headers.get("access-control-allow-origin"), "*", "CORS of an error")


def view(page="/", **more):
    return {"n": "pageview", "u": f"https://{SITE}{page}", "d": SITE, **more}


def by(server, metric, dimension, **question):
    rows = server.query(metrics=metric, group=dimension, site=SITE, bots="include", **question)["rows"]
    return {row[dimension]: row[metric] for row in rows if row[metric]}


def test_every_body_counts():
    server = serve()
    accepted(server, view("/short", r="https://search.example/?q=1"))
    accepted(server, {"name": "pageview", "url": f"https://{SITE}/long?utm_source=mail", "domain": SITE,
                      "referrer": "https://search.example/"}, address="203.0.113.2")
    # what Plausible's script sends, with keys that mean nothing here
    accepted(server, json.dumps({"n": "pageview", "v": 20, "u": f"https://{SITE}/script", "d": SITE, "r": None}))
    accepted(server, {"n": "engagement", "sd": 47, "d": SITE, "u": f"https://{SITE}/short", "e": 6123, "v": 20})
    accepted(server, {"n": "Signup", "u": f"https://{SITE}/short", "d": SITE, "p": {"plan": "pro", "seats": 3}})
    accepted(server, {"n": "Outbound Link: Click", "u": f"https://{SITE}/short", "d": SITE,
                      "m": json.dumps({"url": "https://elsewhere.example/"})})
    accepted(server, [view("/batch"), view("/batch"), {"n": "Signup", "u": f"https://{SITE}/batch", "d": SITE}])
    accepted(server, {"n": "pageview", "u": f"https://{SITE}/host"})  # the site is the host of the page
    accepted(server, {"n": "pageview", "d": f"{SITE},other.example", "u": f"https://{SITE}/both"})
    equal(by(server, "pageviews", "path"),
          {"/short": 1, "/long": 1, "/script": 1, "/batch": 2, "/host": 1, "/both": 1}, "page views")
    equal(by(server, "events", "event"), {"Signup": 2, "Outbound Link: Click": 1, "engagement": 1}, "events")
    equal(by(server, "pageviews", "utm_source").get("mail"), 1, "utm")
    equal(server.query(metrics="pageviews", site="other.example", bots="include")["total"]["pageviews"], 1, "other")
    equal(server.stop(), 0, "exit code")
    props = server.data.sql("SELECT props FROM events WHERE event = 'Signup' AND path = '/short'")
    equal(json.loads(props), {"plan": "pro", "seats": 3}, "props")


def test_time_of_the_client_and_of_the_server():
    server = serve()
    now = int(time.time())
    accepted(server, view("/old", ts=(now - 7200) * 1000))
    accepted(server, view("/iso", ts=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now - 3600))))
    accepted(server, view("/ahead", ts=(now + 86400) * 1000))
    accepted(server, view("/last-year", ts=(now - 700 * 86400) * 1000))
    for past in ((now - 732 * 86400) * 1000, now, "1999-12-31T23:59:59Z"):
        refused(server, [view("/past"), view("/past", ts=past)], 400, "event 2: ts is over two years ago")
    equal(server.stop(), 0, "exit code")
    rows = dict(line.split("\t") for line in server.data.sql("SELECT path, toUnixTimestamp(ts) FROM events").split("\n"))
    equal((int(rows["/old"]), int(rows["/iso"])), (now - 7200, now - 3600), "times")
    equal((int(rows["/last-year"]), rows.get("/past")), (now - 700 * 86400, None), "times of the past")
    if int(rows["/ahead"]) > time.time():
        raise AssertionError("an event of tomorrow")


def test_preflight_and_methods():
    server = serve()
    answer = server.request("OPTIONS", "/api/event", headers={"Origin": "https://a.example",
                                                              "Access-Control-Request-Method": "POST",
                                                              "Access-Control-Request-Headers": "content-type"})
    equal(answer.status, 204, "preflight")
    equal(answer.headers["access-control-allow-origin"], "*", "origin")
    equal(answer.headers["access-control-allow-methods"], "POST", "methods")
    equal(answer.headers["access-control-allow-headers"].lower(), "content-type", "headers")
    accepted(server, view(), Content_Type="application/json", Origin="https://a.example")
    answer = server.request("GET", "/api/event")
    equal((answer.status, answer.headers["allow"]), (405, "POST, OPTIONS"), "GET")


def test_pixel():
    server = serve()
    ask = urllib.parse.urlencode({"d": SITE, "u": f"https://{SITE}/mail", "id": "pixel-1"})
    for _ in range(2):
        answer = server.request("GET", "/b.gif?" + ask, headers={"User-Agent": BROWSER})
        equal((answer.status, answer.headers["content-type"], answer.body[:6]), (200, "image/gif", b"GIF89a"), "gif")
        equal(answer.headers["cache-control"], "no-store", "caching")
    answer = server.request("GET", "/b.gif", headers={"User-Agent": BROWSER, "Referer": f"https://{SITE}/referer"})
    equal(answer.status, 200, "by Referer")
    equal(server.request("GET", "/b.gif").status, 400, "of no page")
    equal(by(server, "pageviews", "path"), {"/mail": 1, "/referer": 1}, "page views")


def test_what_is_refused_leaves_nothing():
    server = serve()
    refused(server, view(d="nobody.example"), 400, "nobody.example")
    refused(server, [view("/half"), view("/half", d="nobody.example")], 400, "nobody.example")
    refused(server, "", 400, "JSON")
    refused(server, '{"n":', 400, "JSON")
    refused(server, "\xff\xfe", 400, "JSON")
    refused(server, [], 400, "empty")
    refused(server, {"u": f"https://{SITE}/"}, 400, "name")
    refused(server, view(p={"a": {"b": 1}}), 400, "plain")
    refused(server, [view()] * 501, 413, "500")
    refused(server, gzip.compress(json.dumps(view()).encode()), 400, "JSON", Content_Encoding="gzip")
    try:
        equal(post(server, b" " * (512 << 10) + b"x").status, 413, "a body over the limit")
    except OSError:
        pass  # it closed the connection, and did not read on
    accepted(server, json.dumps(view("/edge")).encode().ljust(512 << 10))
    accepted(server, [view("/edge")] * 500)
    equal(by(server, "pageviews", "path"), {"/edge": 501}, "only what was accepted")


def forged(server, lists):
    """An event with several headers X-Forwarded-For."""
    c = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    body = json.dumps(view())
    c.putrequest("POST", "/api/event")
    for name, value in [("User-Agent", BROWSER), ("Content-Length", len(body))] + [("X-Forwarded-For", x) for x in lists]:
        c.putheader(name, value)
    c.endheaders(body.encode())
    equal(c.getresponse().status, 204, lists)
    c.close()


def test_proxies_are_believed_when_trusted():
    server = serve()
    for i in range(5):
        accepted(server, view(), address=f"198.51.100.{i}")
        accepted(server, view(), address=f"10.0.0.1, 198.51.100.{i}, 127.0.0.1")  # what is left of it may be made up
        # several headers are one list: some proxies add one of their own behind that of the client
        forged(server, [f"10.0.0.{i}", f"198.51.100.{i}"])
        forged(server, [f"10.0.0.{i}, rubbish", f"10.0.1.{i}, 198.51.100.{i}", "127.0.0.1"])
    equal(server.query(metrics="visitors,pageviews", site=SITE, bots="include")["total"],
          {"visitors": 5, "pageviews": 20}, "visitors")
    server = serve("sites: [{name: www.example.org}]")
    for i in range(5):
        accepted(server, view(), address=f"198.51.100.{i}")
    equal(server.query(metrics="visitors", site=SITE, bots="include")["total"], {"visitors": 1}, "nobody is trusted")


def test_same_id_is_one_event():
    server = serve()
    for _ in range(3):
        accepted(server, view("/once", id="a"))
        accepted(server, [view("/twice", id="b"), view("/twice", id="c"), view("/once", id="a")])
    accepted(server, {**view("/elsewhere", id="a"), "d": "other.example"})  # ids belong to a site
    accepted(server, [view("/pair", id="d"), view("/pair", id="d")])
    equal(by(server, "pageviews", "path"), {"/once": 1, "/twice": 2, "/pair": 1}, "page views")
    for turn in ("stop", "kill"):
        getattr(server, turn)()
        server = cask.Server(server.data)
        accepted(server, [view("/once", id="a"), view("/twice", id="b"), view("/new" + turn, id=turn)])
        accepted(server, view("/new" + turn, id=turn))
    equal(by(server, "pageviews", "path"), {"/once": 1, "/twice": 2, "/pair": 1, "/newstop": 1, "/newkill": 1},
          "after restarts")


# --- under load ----------------------------------------------------------------------------------


class Ledger:
    """What clients believe. Each id has a path of its own; an event is sent until it is acknowledged, or given
    up on after a failure."""

    def __init__(self, rng):
        self.rng = random.Random(rng.getrandbits(32))
        self.lock = threading.Lock()
        self.port = 0
        self.acknowledged, self.doubtful, self.refusals = set(), set(), 0
        self.retry_without_header = 0
        self.ending = False
        self.n = 0
        self.threads = [threading.Thread(target=self.client, args=(random.Random(rng.getrandbits(32)),), daemon=True)
                        for _ in range(8)]

    def start(self):
        for t in self.threads:
            t.start()

    def end(self):
        self.ending = True
        for t in self.threads:
            t.join(300)
            if t.is_alive():
                raise AssertionError("a client hangs")

    def client(self, rng):
        while not self.ending:
            with self.lock:
                ids = [f"e{self.n + i}" for i in range(rng.choice((1, 1, 1, 2, 20)))]
                self.n += len(ids)
            body = json.dumps([view("/" + i, id=i) for i in ids])
            patient = rng.random() < 0.8
            while True:
                outcome = self.send(body)
                if outcome == 204 or (outcome != 204 and not patient):
                    break
                time.sleep(0.02)
            with self.lock:
                (self.acknowledged if outcome == 204 else self.doubtful).update(ids)

    def send(self, body):
        server = cask.Server.__new__(cask.Server)
        server.port = self.port
        try:
            answer = post(server, body, address="198.51.100.7")
        except OSError:
            return 0
        if answer.status == 503:
            with self.lock:
                self.refusals += 1
                self.retry_without_header += "retry-after" not in answer.headers
        elif answer.status != 204:
            raise AssertionError(f"{answer.status}: {answer.body}")
        return answer.status

    def check(self, data):
        """No server runs: by SQL."""
        equal(self.retry_without_header, 0, "503 without Retry-After")
        rows = data.sql("SELECT path, count() FROM events GROUP BY path LIMIT 10000000")
        counts = {path[1:]: int(n) for path, n in (line.split("\t") for line in rows.split("\n") if line)}
        lost = [i for i in self.acknowledged if i not in counts]
        twice = [i for i, n in counts.items() if n != 1]
        unknown = [i for i in counts if i not in self.acknowledged and i not in self.doubtful]
        if lost or twice or unknown:
            raise AssertionError(f"{len(lost)} lost {lost[:5]}, {len(twice)} not once {twice[:5]}, "
                                 f"{len(unknown)} from nowhere {unknown[:5]}")
        print(f"{len(self.acknowledged)} acknowledged, {len(self.doubtful)} given up "
              f"({len(self.doubtful & set(counts))} of them stored), {self.refusals} times 503", flush=True)


def test_random_kills():
    rng = random.Random(cask.seed())
    data, ledger, hits = cask.Data(CONFIG), Ledger(rng), {"engine": 0, "parent": 0}
    server = cask.Server(data, port=cask.free_port())
    ledger.port = server.port
    ledger.start()
    for i in range(KILLS):
        time.sleep(rng.uniform(0, 1.5))
        victim = "parent" if i % 2 else "engine"
        engines = server.engines()
        if victim == "engine" and engines:
            cask.kill(engines[0])
            hits["engine"] += 1
        elif victim == "parent":
            server.kill()
            hits["parent"] += 1
            server = cask.Server(data, port=server.port)
            ledger.port = server.port
    before = len(ledger.acknowledged)
    cask.wait_for(lambda: len(ledger.acknowledged) > before)
    ledger.end()
    total = server.query(metrics="pageviews", site=SITE, bots="include")["total"]["pageviews"]
    if not len(ledger.acknowledged) <= total <= len(ledger.acknowledged) + len(ledger.doubtful):
        raise AssertionError(f"{total} page views of {len(ledger.acknowledged)} acknowledged")
    equal(server.stop(), 0, "exit code")
    print(f"{hits['engine']} engines and {hits['parent']} parents killed", flush=True)
    ledger.check(data)
    data.run("verify")


def test_full_disk_refuses_and_goes_on():
    data = cask.Data(CONFIG)
    os.mkdir(data.path)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256m", "tmpfs", data.path], capture_output=True)
    if mounted.returncode != 0:
        raise cask.Skip("needs to mount a tmpfs")
    server = None
    try:
        server = cask.Server(data)
        ledger = Ledger(random.Random(cask.seed()))
        ledger.port = server.port
        ledger.start()
        for _ in range(2):
            before = len(ledger.acknowledged)
            cask.wait_for(lambda: len(ledger.acknowledged) > before + 200)
            filler, refusals = os.path.join(data.path, "filler"), ledger.refusals
            with open(filler, "wb") as f:
                try:
                    while True:
                        f.write(bytes(1 << 20))
                        f.flush()
                except OSError:
                    pass
            cask.wait_for(lambda: ledger.refusals > refusals + 20)
            equal(server.process.poll(), None, "it still runs")
            os.remove(filler)
            before = len(ledger.acknowledged)
            cask.wait_for(lambda: len(ledger.acknowledged) > before + 200)
        ledger.end()
        server.query(metrics="pageviews", site=SITE, bots="include")
        equal(server.stop(), 0, "exit code")
        print(f"the engine was restarted {server.log().count('event=engine_restarted')} times", flush=True)
        ledger.check(data)
    finally:
        if server is not None:
            server.kill()
        cask.wait_for(lambda: subprocess.run(["umount", data.path], capture_output=True).returncode == 0)


if __name__ == "__main__":
    cask.main(globals())
