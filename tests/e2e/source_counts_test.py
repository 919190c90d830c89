#!/usr/bin/python3
"""What the API and /metrics say of each source: lines taken, rejected and why, duplicates, bytes. The test counts what it
sends, and makes its lines so that it knows what becomes of them."""
import json
import os
import random
import re
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import cask
from cask import equal
from server_test import metrics

SITE = "www.example.org"
CONFIG = """
sites: [{{name: www.example.org}}]
exclude: [{{paths: [/health]}}]
sources:
  - {{id: plain, type: ingest, site: www.example.org, format: combined, token: secret-1}}
  - {{id: hosts, type: ingest, site: www.example.org, format: vhost, token: secret-2}}
  - {{id: followed, type: tail, path: {path}, site: www.example.org, format: combined}}
  - {{id: quiet, type: ingest, format: combined, token: secret-3}}
"""
TOKENS = {"plain": "secret-1", "hosts": "secret-2"}
AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36"


class Sent:
    """What one source was sent."""

    def __init__(self):
        self.accepted = self.excluded = self.duplicates = self.bytes = 0
        self.reasons, self.last_reason = {}, None

    def add(self, lines):
        """lines: (text, what becomes of it)."""
        for text, fate in lines:
            self.bytes += len(text.encode())
            if fate in ("accepted", "excluded"):
                setattr(self, fate, getattr(self, fate) + 1)
            else:
                self.reasons[fate] = self.reasons.get(fate, 0) + 1
                self.last_reason = fate

    def check(self, counts, began, what):
        """counts: of the API."""
        equal({k: counts[k] for k in ("accepted", "rejected", "reasons", "excluded", "bytes", "duplicates")},
              {"accepted": self.accepted, "rejected": sum(self.reasons.values()), "reasons": self.reasons,
               "excluded": self.excluded, "bytes": self.bytes, "duplicates": self.duplicates}, what)
        equal(counts["exclusions"], {"excluded_path": self.excluded} if self.excluded else {}, what)
        equal((counts["last_rejection"] or {}).get("reason"), self.last_reason, what)
        for stamp in (counts["since"], counts["last_record"] or counts["since"]):
            if not stamp >= began:
                raise AssertionError(f"{what}: {stamp} is before {began}")
        equal(counts["last_record"] is None, self.bytes == 0, what)


def good(fmt, path="/"):
    stamp = time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime())
    front = "www.example.org:443 " if fmt == "vhost" else ""
    return f'{front}203.0.113.77 - - [{stamp}] "GET {path} HTTP/1.1" 200 512 "-" "{AGENT}"'


def line(rng, fmt):
    """A line for a source of that format, and what becomes of it: one that can be read, or has one thing wrong."""
    text, kind = good(fmt, rng.choice(("/", "/a", "/b.zip"))), rng.randrange(9)
    return [(good(fmt, "/health"), "excluded"), (text.replace(" 200 ", " ok "), "bad_status"),
            (re.sub(r"\[.*?\]", "[yesterday]", text), "bad_time"), ("nonsense", "fields" if fmt == "combined" else "bad_host"),
            (text.removesuffix('"'), "unclosed_quote"),
            (good("combined" if fmt == "vhost" else "vhost"), "bad_host")][kind] if kind < 6 else (text, "accepted")


def post(server, source, lines, **headers):
    headers = {"Authorization": "Bearer " + TOKENS[source], **{k.replace("_", "-"): v for k, v in headers.items()}}
    body = "\n".join(text for text, _ in lines)
    answer = server.request("POST", f"/ingest/{source}", body.encode(), headers)
    equal((answer.status, answer.body), (204, b""), source)


def sources(server):
    """{id: counts} as the API says, beacons as `beacon`. Everything that was taken before is counted."""
    server.query(metrics="hits")
    answer = server.request("GET", "/api/v1/sources", local=True)
    equal(answer.status, 200, answer.body)
    doc = answer.json()
    return {**{s["id"]: s["counts"] for s in doc["sources"]}, "beacon": doc["beacons"]}


def check_metrics(server, sent):
    found = metrics(server)
    lines, rejected, duplicates, size = {}, {}, {}, {}
    for name, s in sent.items():
        lines |= {f'source="{name}",result="accepted"': s.accepted, f'source="{name}",result="excluded"': s.excluded,
                  f'source="{name}",result="rejected"': sum(s.reasons.values())}
        rejected |= {f'source="{name}",reason="{reason}"': n for reason, n in s.reasons.items()}
        size[f'source="{name}"'] = s.bytes
        if s.duplicates is not None:
            duplicates[f'source="{name}"'] = s.duplicates
    equal(found["caskalytics_source_lines_total"], lines, "lines")
    equal(found.get("caskalytics_source_rejected_total", {}), rejected, "reasons")
    equal(found["caskalytics_source_duplicates_total"], duplicates, "duplicates")
    equal(found["caskalytics_source_bytes_total"], size, "bytes")
    equal(found["caskalytics_lines_accepted_total"][""], sum(s.accepted for s in sent.values()), "all that was accepted")
    equal(found["caskalytics_lines_rejected_total"][""], sum(rejected.values()), "all that was rejected")
    equal(set(found.get("caskalytics_source_last_record_seconds", {})), {f'source="{n}"' for n, s in sent.items() if s.bytes},
          "sources that sent something")


def send_beacons(server, rng, sent):
    """The bodies of their records are the server's own, so their bytes are taken from /metrics."""
    for i in range(rng.randrange(3, 8)):
        doc = {"n": "pageview", "u": f"https://{SITE}/{i}", "d": SITE, "id": f"{server.port}-{i}"}
        for _ in range(2):
            equal(server.request("POST", "/api/event", json.dumps(doc), {"User-Agent": AGENT}).status, 204, doc)
        sent.accepted += 1
        sent.duplicates += 1
    equal(server.request("POST", "/api/event", b"{}").status, 400, "a beacon that is refused is no record")
    server.query(metrics="hits")
    sent.bytes = int(metrics(server)["caskalytics_intake_bytes_total"]['dataset="web"'])


def check_all(server, sent, began):
    found = sources(server)
    equal(set(found), set(sent), "sources")
    for name, s in sent.items():
        s.check(found[name], began, name)
        if name != "beacon":
            one = server.request("GET", "/api/v1/sources/" + name, local=True).json()
            equal(one["counts"], found[name], "asked for by its name")
    check_metrics(server, sent)


def life(server, rng, log):
    """One run of the server, from which the numbers begin at 0."""
    began = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 60))
    sent = {name: Sent() for name in ("plain", "hosts", "followed", "quiet", "beacon")}
    sent["followed"].duplicates = None
    check_all(server, sent, began)
    for i in range(8):
        for name, fmt in (("plain", "combined"), ("hosts", "vhost")):
            lines = [line(rng, fmt) for _ in range(rng.randrange(1, 40))]
            post(server, name, lines, Idempotency_Key=f"{server.port}-{i}")
            sent[name].add(lines)
            if rng.random() < 0.3:
                post(server, name, lines, Idempotency_Key=f"{server.port}-{i}")
                sent[name].duplicates += len(lines)
        lines = [line(rng, "combined") for _ in range(rng.randrange(1, 40))]
        with open(log, "a", encoding="utf-8") as f:
            f.write("".join(text + "\n" for text, _ in lines))
        sent["followed"].add(lines)
    send_beacons(server, rng, sent["beacon"])
    cask.wait_for(lambda: sources(server)["followed"]["bytes"] == sent["followed"].bytes)
    check_all(server, sent, began)
    return sent, began


def test_each_source_by_itself():
    rng = random.Random(cask.seed())
    log = os.path.join(cask.temp_dir(), "access.log")
    cask.write(os.path.dirname(log), "access.log", "")
    data = cask.Data(CONFIG.format(path=log))
    server = cask.Server(data)
    sent, began = life(server, rng, log)
    data.run("rebuild")  # by the server: what is read again does not count again
    check_all(server, sent, began)
    server.kill()
    server = cask.Server(data)
    life(server, rng, log)
    equal(server.stop(), 0, "exit code")
    data.run("verify")


def test_the_last_rejection_is_found():
    data = cask.Data(CONFIG.format(path="/nowhere"))
    server = cask.Server(data)
    secret = "203.0.113.77 a line that nobody can read"
    post(server, "plain", [(text, "") for text in (good("combined"), good("combined"), secret, good("combined"))])
    rejection = sources(server)["plain"]["last_rejection"]
    equal((rejection["reason"], rejection["text"]), ("fields", "fewer fields than the format has"), "the reason")
    answers = [server.request("GET", path, local=True).body for path in ("/api/v1/sources", "/metrics")]
    for shown in (*answers, server.log().encode()):
        if b"203.0.113.77" in shown:
            raise AssertionError("the line is shown")
    records = data.run("lake", "cat", "--json", "--after", str(int(rejection["bid"]) - 1)).stdout.splitlines()
    equal(json.loads(records[rejection["place"]])["body"], secret, "the line")


if __name__ == "__main__":
    cask.main(globals())
