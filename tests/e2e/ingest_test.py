#!/usr/bin/python3
"""POST /ingest/SOURCE: lines and JSON as the known senders send them, retries, limits, restarts, and a real syslog-ng."""
import contextlib
import gzip
import json
import os
import random
import re
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import cask
from cask import equal
from server_test import environment, with_shim

KILLS = int(os.environ.get("CASK_KILLS") or 12)
SITE = "www.example.org"
CONFIG = """
sites: [{name: www.example.org}]
sources:
  - {id: web, type: ingest, site: www.example.org, token: secret-1}
  - {id: iis, type: ingest, site: www.example.org, token: secret-2, format: w3c}
  - {id: json, type: ingest, site: www.example.org, token: secret-3,
     format: '{"host": "ip", "time": "ts", "request": "req", "status": "status", "bytes": "bytes"}'}
  - {id: tailed, type: tail, path: /nowhere/access.log}
"""
TOKENS = {"web": "secret-1", "iis": "secret-2", "json": "secret-3"}
AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36"


def line(path, address="203.0.113.7"):
    stamp = time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime())
    return f'{address} - - [{stamp}] "GET {path} HTTP/1.1" 200 512 "-" "{AGENT}"'


def record(path):
    return {"ip": "203.0.113.7", "ts": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "req": f"GET {path} HTTP/1.1", "status": 200, "bytes": 7}


def post(server, body, source="web", query="", **headers):
    headers = {"Authorization": "Bearer " + TOKENS.get(source, "none"), **headers}
    return server.request("POST", f"/ingest/{source}{query}", body if isinstance(body, bytes) else body.encode(),
                          {k.replace("_", "-"): v for k, v in headers.items()})


def taken(server, body, source="web", query="", **headers):
    answer = post(server, body, source, query, **headers)
    equal((answer.status, answer.body), (204, b""), (source, query))


def refused(server, status, says, body, source="web", query="", **headers):
    answer = post(server, body, source, query, **headers)
    equal(answer.status, status, answer.body)
    if says not in answer.json()["error"]:
        raise AssertionError(f"{answer.body} does not say {says!r}")


def paths(server):
    rows = server.query(metrics="hits", group="path", site=SITE, bots="include")["rows"]
    return {row["path"]: row["hits"] for row in rows if row["hits"]}


def test_lines_with_any_end():
    server = cask.Server(cask.Data(CONFIG))
    taken(server, "\n".join([line("/a"), line("/b")]))
    taken(server, "\r\n".join([line("/a"), "", line("/b"), ""]))
    taken(server, "")
    taken(server, "\n\r\n")
    long = line("/x" * 40000)
    taken(server, "\n".join([line("/a"), long, "rubbish", line("/c")]))
    equal(paths(server), {"/a": 3, "/b": 2, "/c": 1}, "hits")
    equal(server.stop(), 0, "exit code")
    rejected = server.data.sql("SELECT reason, count() FROM rejected GROUP BY reason ORDER BY reason")
    equal(sorted(row.split("\t")[1] for row in rejected.split("\n")), ["1", "1"], rejected)


def test_packed_bodies_and_bombs():
    server = cask.Server(cask.Data(CONFIG))
    body = "".join(line(f"/{i % 3}") + "\n" for i in range(300)).encode()
    zstd = lambda data: subprocess.run(["zstd", "-q", "-c"], input=data, capture_output=True, check=True).stdout
    taken(server, body)
    taken(server, gzip.compress(body), Content_Encoding="gzip")
    taken(server, gzip.compress(body[:500]) + gzip.compress(body[500:]), Content_Encoding="gzip")
    taken(server, zstd(body), Content_Encoding="zstd")
    refused(server, 400, "gzip", gzip.compress(body)[:-5], Content_Encoding="gzip")
    refused(server, 400, "gzip", body, Content_Encoding="gzip")
    refused(server, 400, "gzip", gzip.compress(body) + b"rubbish", Content_Encoding="gzip")
    refused(server, 400, "zstd", zstd(body)[:-5], Content_Encoding="zstd")
    refused(server, 400, "Content-Encoding", body, Content_Encoding="br")
    bomb = b"\n" * (200 << 20)
    refused(server, 413, "smaller", gzip.compress(bomb), Content_Encoding="gzip")
    refused(server, 413, "smaller", zstd(bomb), Content_Encoding="zstd")
    if cask.peak_kib(server.pid) > 600 << 10:
        raise AssertionError(f"{cask.peak_kib(server.pid)} KiB")
    equal(paths(server), {"/0": 400, "/1": 400, "/2": 400}, "hits")


def test_many_small_records_take_little_memory():
    server = cask.Server(cask.Data(CONFIG))
    full = 16 << 20
    before = cask.peak_kib(server.pid)
    for status, first, each, last, query in (
            (413, b'["a"', b",{}", b"]", ""), (413, b'["a"', b',"b"', b"]", ""), (413, b"", b"a\n", b"", ""),
            (413, b"", b"{}\n", b"", "?id=" + "i" * 500), (204, b'[{"a":[0', b",{}", b"]}]", ""),
            (413, b"{}", b"{}", b"\n", "?line=" + "i" * 500)):
        body = first + each * ((full - 100) // len(each)) + last
        answer = post(server, gzip.compress(body, 1), query=query, Content_Encoding="gzip")
        equal(answer.status, status, (first, each))
    grown = cask.peak_kib(server.pid) - before
    if grown > 200 << 10:
        raise AssertionError(f"{grown} KiB")
    taken(server, line("/a"))
    equal(paths(server), {"/a": 1}, "hits")


def test_what_waits_for_the_disk_is_counted_as_unpacked():
    data = cask.Data(CONFIG)
    env, wish = with_shim(data)
    with environment(env):
        server = cask.Server(data)
    body = gzip.compress((b"x" * 16000 + b"\n") * 1000, 1)
    before, statuses = cask.peak_kib(server.pid), []
    cask.write(data.folder, "wish", "hang")
    threads = [threading.Thread(target=lambda: statuses.append(post(server, body, Content_Encoding="gzip").status))
               for _ in range(40)]
    for t in threads:
        t.start()
    cask.wait_for(lambda: len(statuses) >= 10)  # the others wait
    equal(set(statuses), {503}, "while the disk hangs")
    os.remove(wish)
    for t in threads:
        t.join(60)
    equal((len(statuses), set(statuses)), (40, {204, 503}), "in the end")
    grown = cask.peak_kib(server.pid) - before
    if grown > 700 << 10:
        raise AssertionError(f"{grown} KiB")
    equal(server.stop(), 0, "exit code")


def test_who_may_send():
    server = cask.Server(cask.Data(CONFIG))
    refused(server, 401, "token", line("/"), Authorization="Bearer wrong")
    refused(server, 401, "token", line("/"), Authorization="Bearer secret-2")
    refused(server, 401, "token", line("/"), Authorization="secret-1")
    refused(server, 404, "nobody", line("/"), source="nobody")
    refused(server, 404, "tailed", line("/"), source="tailed")
    refused(server, 404, "not part of this version", "{}", source="points")
    answer = server.request("GET", "/ingest/web")
    equal((answer.status, answer.headers["allow"]), (405, "POST"), "GET")
    equal(server.request("POST", "/ingest/web", line("/local"), local=True).status, 204, "the unix socket")
    equal(paths(server), {"/local": 1}, "hits")
    if "secret" in server.log():
        raise AssertionError("a token in the log")


def test_bodies_of_strangers_are_not_kept():
    """They are refused by their heads: however many send however much, it takes no memory."""
    server = cask.Server(cask.Data(CONFIG))
    refused(server, 401, "token", b"x" * (12 << 20), Authorization="Bearer wrong")
    refused(server, 404, "nobody", b"x" * (12 << 20), source="nobody")
    equal(server.request("POST", "/local/append?token=1&records=1", b"x" * (12 << 20)).status, 403, "not on the socket")
    equal(server.request("PUT", "/api/v1/users/x", b"x" * (100 << 10)).status, 401, "nobody")
    before = cask.peak_kib(server.pid)
    strangers = []
    for i in range(40):
        s = socket.create_connection(("127.0.0.1", server.port), timeout=60)
        s.sendall(b"POST /ingest/web HTTP/1.1\r\nHost: x\r\nContent-Length: 16000000\r\n\r\n" + b"x" * (15 << 20))
        strangers.append(s)
    if cask.peak_kib(server.pid) - before > 64 << 10:
        raise AssertionError(f"{before} KiB before, then {cask.peak_kib(server.pid)} KiB")
    for s in strangers:
        s.sendall(b"x" * (16000000 - (15 << 20)))
        equal(s.recv(12), b"HTTP/1.1 401", "the answer")
        s.close()
    taken(server, line("/a"))
    equal(paths(server), {"/a": 1}, "hits")


def test_what_senders_send():
    """As their documentation shows it, and with the settings of docs/ingest.md."""
    server = cask.Server(cask.Data(CONFIG))
    event = lambda path: {"@timestamp": "2026-05-17T10:00:00.000Z", "message": line(path), "host": {"name": "web1"}}
    # logstash: format => json, json_batch, message
    taken(server, json.dumps(event("/logstash")), query="?line=message", Content_Type="application/json")
    taken(server, json.dumps([event("/logstash")] * 3), query="?line=message", Content_Type="application/json")
    taken(server, line("/logstash"), Content_Type="text/plain")
    # Vector: ndjson, an array, text; gzip
    ndjson = "".join(json.dumps({"message": line("/vector"), "timestamp": "x"}) + "\n" for _ in range(3))
    taken(server, gzip.compress(ndjson.encode()), query="?line=message", Content_Encoding="gzip",
          Content_Type="application/x-ndjson")
    taken(server, "\n".join([line("/vector")] * 2))
    # Fluent Bit: json, json_lines, json_stream
    entry = {"date": 1700000000.5, "log": line("/fluent") + "\n"}
    taken(server, json.dumps([entry] * 2), query="?line=log", Content_Type="application/json")
    taken(server, "".join(json.dumps(entry) + "\n" for _ in range(2)), query="?line=log")
    taken(server, json.dumps(entry) * 3, query="?line=log")
    taken(server, gzip.compress(json.dumps([entry]).encode()), query="?line=log", Content_Encoding="gzip")
    # an array of texts, and objects that are the records themselves
    taken(server, json.dumps([line("/texts"), line("/texts")]))
    for body in (json.dumps([record("/objects")] * 2), json.dumps(record("/objects")) * 2,
                 json.dumps([record("/objects"), record("/objects")], indent=1),
                 "\n".join(json.dumps(record("/objects")) for _ in range(2))):
        taken(server, body, source="json")
    refused(server, 400, "JSON", '[{"a":1},', source="json")
    refused(server, 400, "element 2", '[{"a":1},3]', source="json")
    equal(paths(server), {"/logstash": 5, "/vector": 5, "/fluent": 8, "/texts": 2, "/objects": 8}, "hits")


def test_formats_and_headers_are_remembered():
    server = cask.Server(cask.Data(CONFIG))
    taken(server, "rubbish\n")  # decides nothing
    head = "#Version: 1.0\r\n#Fields: date time cs-method cs-uri-stem c-ip sc-status sc-bytes\r\n"
    row = lambda path: time.strftime(f"%Y-%m-%d %H:%M:%S GET {path} 203.0.113.9 200 10\r\n", time.gmtime())
    taken(server, head + row("/iis/1"), source="iis")
    taken(server, row("/iis/2"), source="iis")  # by the header of the first body
    taken(server, json.dumps({"remote_addr": "x"}) + "\n" + line("/first"))
    taken(server, line("/combined"))
    server.kill()
    server = cask.Server(server.data)
    taken(server, row("/iis/3"), source="iis")
    other = "#Fields: date time c-ip cs-method cs-uri-stem sc-status\n"
    taken(server, row("/iis/4") + other + time.strftime("%Y-%m-%d %H:%M:%S 203.0.113.9 GET /iis/5 200\n", time.gmtime()),
          source="iis")
    equal(paths(server), {"/iis/1": 1, "/iis/2": 1, "/iis/3": 1, "/iis/4": 1, "/iis/5": 1, "/first": 1, "/combined": 1},
          "hits")
    server.stop()
    server.data.run("rebuild")
    equal(server.data.stats("hits", site=SITE, bots="include")["total"], {"hits": 7}, "after rebuild")


def test_retries_count_once():
    data = cask.Data(CONFIG)
    server = cask.Server(data)
    batch = lambda *ids: "".join(json.dumps({**record(f"/{i}"), "event": i}) + "\n" for i in ids)
    for turn in ("", "stop", "kill", "kill without the file"):
        if turn:
            getattr(server, turn.split()[0])()
            if "file" in turn:
                os.remove(os.path.join(data.path, "recent-ids"))
            server = cask.Server(data)
        taken(server, line("/key"), Idempotency_Key="k1")
        taken(server, line("/key") + "\n" + line("/key2"), Idempotency_Key="k1")  # as it says the same body
        taken(server, batch("a", "b", "a"), source="json", query="?id=event")
        taken(server, batch("b", "c"), source="json", query="?id=event")
        taken(server, json.dumps([{**record("/number"), "event": 7}] * 2), source="json", query="?id=event")
        taken(server, line("/other") + "\n", Idempotency_Key="a")
    taken(server, batch("a"), source="json")  # nobody asked
    taken(server, line("/other") + "\n", Idempotency_Key="b")
    equal(paths(server), {"/key": 1, "/a": 2, "/b": 1, "/c": 1, "/number": 1, "/other": 2}, "hits")


def ids_settled_in_logs(data):
    """So many blocks of logs may be passed over, as DATA/recent-ids says (more when a second segment begins)."""
    with contextlib.suppress(FileNotFoundError), open(os.path.join(data.path, "recent-ids"), "rb") as f:
        return struct.unpack("=8sQ", f.read(16))[1] - (1 << 56 | 1 << 24) + 1
    return -1


def test_a_start_reads_only_what_is_new():
    """Whatever brought the records: also those of imports, that have no ids, are not read again at each start."""
    data = cask.Data(CONFIG)
    server = cask.Server(data)

    def blocks():
        metrics = server.request("GET", "/metrics").body.decode()
        return int(re.search(r'^caskalytics_intake_blocks_total\{dataset="logs"\} (\d+)', metrics, re.M)[1])

    log = data.file("".join(line(f"/{i}") + "\n" for i in range(60000)))
    data.load("--site", SITE, log)
    first = blocks()
    equal(first > 5, True, first)
    server.kill()
    server = cask.Server(data)  # it has to read all, but once only
    cask.wait_for(lambda: ids_settled_in_logs(data) >= first - 1)
    for n in range(10):  # over 64 MiB
        data.load("--site", SITE, data.file("".join(line(f"/{n}/{i}") + "\n" for i in range(60000))))
    cask.wait_for(lambda: ids_settled_in_logs(data) >= first + blocks() // 4)
    taken(server, line("/key"), Idempotency_Key="k1")
    second = blocks()
    equal(server.stop(), 0, "exit code")
    equal(ids_settled_in_logs(data) >= first + second - 1, True, "after a stop")
    server = cask.Server(data)
    taken(server, line("/key"), Idempotency_Key="k1")
    equal(server.query(metrics="hits", site=SITE, bots="include")["total"], {"hits": 660001}, "hits")
    equal(server.stop(), 0, "exit code")


def test_too_much_for_a_block():
    server = cask.Server(cask.Data(CONFIG))
    refused(server, 413, "smaller", "x\n" * (1 << 20))
    equal(paths(server), {}, "nothing of it")
    taken(server, (line("/a") + "\n") * 20000)
    equal(paths(server), {"/a": 20000}, "hits")


def test_random_kills():
    rng = random.Random(cask.seed())
    data = cask.Data(CONFIG)
    server = cask.Server(data, port=cask.free_port())
    acknowledged, doubtful, lock, ending = set(), set(), threading.Lock(), threading.Event()
    port = [server.port]

    def client(rng, name):
        n = 0
        while not ending.is_set():
            ids = [f"{name}-{n + i}" for i in range(rng.choice((1, 5, 50)))]
            n += len(ids)
            by_key = rng.random() < 0.5
            target = cask.Server.__new__(cask.Server)
            while True:
                target.port = port[0]
                try:
                    if by_key:
                        answer = post(target, "\n".join(line("/" + i) for i in ids), Idempotency_Key=ids[0])
                    else:
                        answer = post(target, "\n".join(json.dumps({**record("/" + i), "id": i}) for i in ids),
                                      source="json", query="?id=id")
                    status = answer.status
                except OSError:
                    status = 0
                if status not in (0, 204, 503):
                    raise AssertionError(f"{status}: {answer.body}")
                if status == 204 or rng.random() < 0.1:
                    break
                time.sleep(0.02)
            with lock:
                (acknowledged if status == 204 else doubtful).update(ids)

    threads = [threading.Thread(target=client, args=(random.Random(rng.getrandbits(32)), f"t{i}"), daemon=True)
               for i in range(6)]
    for t in threads:
        t.start()
    for i in range(KILLS):
        time.sleep(rng.uniform(0, 1.2))
        if i % 2:
            server.kill()
            server = cask.Server(data, port=port[0])
        else:
            for pid in server.engines():
                cask.kill(pid)
    before = len(acknowledged)
    cask.wait_for(lambda: len(acknowledged) > before)
    ending.set()
    for t in threads:
        t.join(120)
        equal(t.is_alive(), False, "a client hangs")
    server.query(metrics="hits", site=SITE, bots="include")
    equal(server.stop(), 0, "exit code")
    rows = data.sql("SELECT path, count() FROM events GROUP BY path LIMIT 10000000")
    counts = {path[1:]: int(n) for path, n in (row.split("\t") for row in rows.split("\n") if row)}
    lost = [i for i in acknowledged if i not in counts]
    twice = [i for i, n in counts.items() if n != 1]
    if lost or twice:
        raise AssertionError(f"{len(lost)} lost {lost[:5]}, {len(twice)} not once {twice[:5]}")
    print(f"{len(acknowledged)} acknowledged, {len(doubtful)} given up ({len(doubtful & set(counts))} of them stored)",
          flush=True)


RESTARTS = 4
SYSLOG = """@version: 3.38
options {{ flush-lines(10); stats-freq(0); use-uniqid(yes); }};
source s_file {{ file("{folder}/access.log" flags(no-parse) follow-freq(0.1)); }};
destination d_http {{
    http(url("http://127.0.0.1:{port}/ingest/web{query}")
         method("POST") headers("Authorization: Bearer secret-1", "Content-Type: text/plain")
         body("{body}") delimiter("\\n") batch-lines(20) batch-timeout(100) retries(1000000) time-reopen(1)
         timeout(10) disk-buffer(reliable(yes) dir("{folder}") disk-buf-size(10485760) mem-buf-size(1048576)));
}};
log {{ source(s_file); destination(d_http); flags(flow-control); }};
"""


def test_syslog_ng_with_ids():
    """Nothing is lost and nothing counts twice."""
    equal(syslog_ng("?id=id&line=line", "$(format-json line=${MESSAGE} id=${UNIQID})"), 0, "lines that came twice")


def test_syslog_ng_with_plain_lines():
    """Nothing is lost; twice is only what was under way at a restart."""
    extra = syslog_ng("", "${MESSAGE}")
    if extra > RESTARTS * 20:
        raise AssertionError(f"{extra} came twice: more than a batch a restart")


def syslog_ng(query, body):
    """The real one follows a file while the server is restarted. Returns how many lines came more than once."""
    program = shutil.which("syslog-ng") or shutil.which("syslog-ng", path="/usr/sbin")
    if program is None:
        raise cask.Skip("needs syslog-ng")
    data = cask.Data(CONFIG)
    server = cask.Server(data, port=cask.free_port())
    folder = cask.temp_dir()
    log = os.path.join(folder, "access.log")
    open(log, "w").close()
    config = cask.write(folder, "syslog-ng.conf", SYSLOG.format(folder=folder, port=server.port, query=query, body=body))
    output = open(os.path.join(folder, "out"), "wb")
    process = subprocess.Popen([program, "-F", "--no-caps", "-f", config, "-p", folder + "/pid", "-c", folder + "/ctl",
                                "-R", folder + "/persist"], stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    lines = 0
    try:
        with open(log, "a") as f:
            for turn in range(RESTARTS + 1):
                for _ in range(300):
                    f.write(line(f"/syslog/{lines}") + "\n")
                    f.flush()
                    lines += 1
                    time.sleep(0.001)
                if turn < RESTARTS:
                    (server.kill if turn % 2 else server.stop)()
                    f.write(line(f"/syslog/{lines}") + "\n")
                    f.flush()
                    lines += 1
                    server = cask.Server(data, port=server.port)
        cask.wait_for(lambda: len(paths(server)) >= lines, 120)
        equal(process.poll(), None, "syslog-ng runs")
    finally:
        process.terminate()
        process.wait(30)
        output.close()
    counts = paths(server)
    equal(len(counts), lines, "lines that came")
    extra = sum(counts.values()) - lines
    print(f"{lines} lines, {RESTARTS} restarts, {extra} came twice", flush=True)
    return extra


if __name__ == "__main__":
    cask.main(globals())
