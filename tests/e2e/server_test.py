#!/usr/bin/python3
"""`serve` and what goes wrong: clients that misbehave, signals, a full or broken disk, too few descriptors, an
engine that dies or hangs; no answer is ever stale; streams, metrics, logs, what systemd is told."""
import contextlib
import json
import os
import random
import re
import resource
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import cask
from beacons_test import CONFIG, SITE, Ledger, accepted, post, serve, view
from cask import equal

DOCS = os.path.join(cask.ROOT, "docs", "operations.md")


def count(server):
    return server.query(metrics="pageviews", site=SITE, bots="include")["total"]["pageviews"]


def dial(server):
    s = socket.create_connection(("127.0.0.1", server.port), timeout=60)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return s


def reset(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


def rest(s):
    """All that comes until the server closes."""
    data = b""
    with contextlib.suppress(OSError):
        while more := s.recv(65536):
            data += more
    return data


def metrics(server):
    """{name: {labels: value}}; the text must be what Prometheus reads."""
    answer = server.request("GET", "/metrics", local=True)
    equal(answer.status, 200, "/metrics")
    if not answer.headers["content-type"].startswith("text/plain; version=0.0.4"):
        raise AssertionError(answer.headers["content-type"])
    return parse_metrics(answer.body.decode("utf-8"))


def parse_metrics(text):
    found, types, helps = {}, {}, {}
    if not text.endswith("\n"):
        raise AssertionError("the last line has no end")
    sample = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\["\\n])*",?)*)\})? '
                        r"(-?[0-9.]+(?:e[+-]?[0-9]+)?|[+-]Inf|NaN)")
    for line in text.split("\n")[:-1]:
        if m := re.fullmatch(r"# HELP (\S+) (.+)", line):
            if m[1] in helps:
                raise AssertionError(f"two HELP of {m[1]}")
            helps[m[1]] = m[2]
        elif m := re.fullmatch(r"# TYPE (\S+) (counter|gauge|histogram)", line):
            if m[1] in types or m[1] not in helps:
                raise AssertionError(f"TYPE of {m[1]}")
            types[m[1]] = m[2]
        elif m := sample.fullmatch(line):
            family = m[1] if m[1] in types else re.sub(r"_(bucket|sum|count)$", "", m[1])
            if family not in types:
                raise AssertionError(f"{m[1]} has no TYPE")
            if types[family] == "histogram" and family == m[1]:
                raise AssertionError(f"{m[1]} is a histogram")
            if (types[family] == "counter") != family.endswith("_total") and family != "caskalytics_store_version":
                raise AssertionError(f"{family} is a {types[family]}")
            if list(types)[-1] != family:
                raise AssertionError(f"{line} is apart from its family")
            samples = found.setdefault(m[1], {})
            if m[2] or "" in samples:
                if m[2] in samples:
                    raise AssertionError(f"twice: {line}")
            samples[m[2] or ""] = float(m[3])
        else:
            raise AssertionError(f"not Prometheus' text: {line!r}")
    equal(set(helps), set(types), "HELP and TYPE")
    return found


# --- clients that misbehave ------------------------------------------------------------------------


def test_requests_that_are_none():
    server = serve()
    good = b"POST /api/event HTTP/1.1\r\nHost: x\r\nUser-Agent: a\r\n"
    body = json.dumps(view("/smuggled")).encode()
    inner = good + b"Content-Length: %d\r\n\r\n" % len(body) + body
    rows = [  # what is sent, statuses that are right; None: closed without an answer
        (b"\r\n\r\n\r\n", (None, 400)),
        (b"\0" * 1000, (None, 400)),
        (b"GET\r\n\r\n", (None, 400)),
        (b"GET / HTTP/9.9\r\n\r\n", (None, 400, 505)),
        (b"GET /healthz HTTP/1.1\r\n\r\n", (None, 400, 200)),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(100), (None, 400)),
        (b"G" * 100000, (None, 400, 413, 414, 431)),
        (b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", (None, 400, 413, 414, 431)),
        (b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: " + b"b" * 100000 + b"\r\n\r\n", (None, 400, 413, 431)),
        (b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + b"Y: z\r\n" * 20000 + b"\r\n", (None, 400, 413, 431)),
        (b"BREW /api/event HTTP/1.1\r\nHost: x\r\n\r\n", (405,)),
        (b"TRACE /api/event HTTP/1.1\r\nHost: x\r\n\r\n", (405,)),
        (b"CONNECT evil.example:443 HTTP/1.1\r\nHost: x\r\n\r\n", (None, 400, 404)),
        (b"GET http://other.example/healthz HTTP/1.1\r\nHost: x\r\n\r\n", (400, 404)),
        (b"GET /../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n", (404,)),
        (b"GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n", (404,)),
        (b"GET /healthz%00 HTTP/1.1\r\nHost: x\r\n\r\n", (404,)),
        (good + b"Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n" + inner, (400,)),
        (good + b"Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n0\r\n\r\n" + inner, (400,)),
        (good + b"Content-Length: 0\r\nContent-Length: 0\r\n\r\n" + inner, (400,)),
        (good + b"Content-Length: 5\r\nContent-Length: 0\r\n\r\n" + inner, (400,)),
        (good + b"Content-Length : 0\r\n\r\n" + inner, (400,)),
        (good + b"Content-Length: -1\r\n\r\n" + inner, (None, 400)),
        (good + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffffff\r\n" + inner, (None, 400, 413)),
        (good + b"Transfer-Encoding: chunked\r\n\r\n-5\r\n" + inner, (None, 400, 413)),
        (good + b"Transfer-Encoding: chunked\r\n\r\nnothex\r\n" + inner, (None, 400)),
        (good + b"Transfer-Encoding: chunked\r\n\r\n5\r\nabcdeGARBAGE\r\n" + inner, (None, 400)),
        (good + b"Transfer-Encoding: chunked\r\n\r\n80000\r\n" + b"a" * 0x80000 + b"\r\n1\r\na\r\n0\r\n\r\n", (413,)),
        (good + b"Content-Length: 524289\r\n\r\n" + b"a" * 524289, (413,)),
        (good + b"Content-Length: 99999999999999\r\n\r\n", (413,)),
        (good + b"Transfer-Encoding: gzip\r\n\r\n" + inner, (400, 501)),
    ]
    for sent, statuses in rows:
        s = dial(server)
        with contextlib.suppress(OSError):
            s.sendall(sent)
            s.shutdown(socket.SHUT_WR)
        # libmicrohttpd 0.9.75 overlooks some half-closed connections until their 30 s are over
        s.settimeout(3 if None in statuses else 60)
        got = b""
        with contextlib.suppress(OSError):
            got = s.recv(65536)
        s.settimeout(1)
        got += rest(s)
        s.close()
        m = re.match(rb"HTTP/1\.[01] (\d+)", got)
        status = int(m[1]) if m else None
        if status not in statuses:
            raise AssertionError(f"{sent[:120]!r}: {status} {got[:300]!r}, not {statuses}")
        if b" 204 " in got:
            raise AssertionError(f"{sent[:120]!r} was taken: {got[:300]!r}")
        accepted(server, view("/meanwhile"))
    equal(count(server), len(rows), "page views: nothing was smuggled in")
    equal(server.stop(), 0, "exit code")


def test_pipelined_beacons():
    server = serve()
    for chunk in (1 << 20, 7):
        body = json.dumps(view("/pipe")).encode()
        one = b"POST /api/event HTTP/1.1\r\nHost: x\r\nUser-Agent: a\r\nContent-Length: %d\r\n\r\n" % len(body) + body
        sent = one * 20 + b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        s = dial(server)
        for i in range(0, len(sent), chunk):
            s.sendall(sent[i:i + chunk])
        got = rest(s)
        equal((got.count(b"HTTP/1.1 204 "), got.count(b"HTTP/1.1 200 OK")), (20, 1), got)
        if not got.endswith(b"ok\n"):
            raise AssertionError("the last answer is not the last")
        s.close()
    equal(count(server), 40, "page views")


def test_slow_clients_harm_nobody():
    server = serve()
    drips = [(dial(server), i) for i in range(300)]
    for s, i in drips:
        s.setblocking(False)
        s.send((b"GET /healthz HTTP/1.1\r\nX: ", b"POST /api/event HTTP/1.1\r\nContent-Length: 9000\r\n\r\n",
                b"")[i % 3])
    for n in range(100):
        for s, i in drips:
            if i % 3 < 2:
                with contextlib.suppress(OSError):
                    s.send(b"x")
        accepted(server, view("/quick"))
    equal(count(server), 100, "page views")
    for s, _ in drips:
        s.close()
    equal(server.stop(), 0, "exit code")


def test_many_idle_connections():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    wanted = min(10000, hard - 500)
    server = serve()
    idle = []
    try:
        before = metrics(server)["caskalytics_resident_bytes"]['process="server"']
        for _ in range(wanted):
            idle.append(dial(server))
        accepted(server, view())
        cask.wait_for(lambda: metrics(server)["caskalytics_http_connections"][""] > wanted * 0.9)
        grown = metrics(server)["caskalytics_resident_bytes"]['process="server"'] - before
        print(f"{wanted} connections take {grown / wanted:.0f} bytes each", flush=True)
        if grown > wanted * 65536:
            raise AssertionError("too much")
        accepted(server, view())
    finally:
        for s in idle:
            s.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    equal(count(server), 2, "page views")
    cask.wait_for(lambda: metrics(server)["caskalytics_http_connections"][""] < 10)
    equal(server.stop(), 0, "exit code")


def test_clients_that_do_not_wait():
    """Gone before the answer: stored once or not at all; a retry with the same id counts once."""
    rng = random.Random(cask.seed())
    server = serve()
    for i in range(200):
        body = json.dumps(view(f"/gone{i}", id=f"gone{i}")).encode()
        sent = b"POST /api/event HTTP/1.1\r\nHost: x\r\nUser-Agent: a\r\nContent-Length: %d\r\n\r\n" % len(body) + body
        s = dial(server)
        s.sendall(sent[:rng.choice((len(sent), len(sent), rng.randrange(len(sent))))])
        reset(s) if i % 2 else s.close()
        if i % 4 < 2:
            cask.wait_for(lambda: post(server, body).status == 204)
    rows = server.query(metrics="pageviews", group="path", site=SITE, bots="include")["rows"]
    counts = {row["path"]: row["pageviews"] for row in rows}
    wrong = [p for p, n in counts.items() if n != 1]
    missing = [i for i in range(200) if i % 4 < 2 and f"/gone{i}" not in counts]
    if wrong or missing:
        raise AssertionError(f"not once: {wrong}; missing: {missing}")
    print(f"{len(counts)} of 200 stored")
    equal(server.stop(), 0, "exit code")


def test_few_descriptors():
    data = cask.Data(CONFIG)
    server = cask.Server(data, wait=False)
    server.kill()
    with open(server.log_path, "wb") as log:
        server.process = subprocess.Popen(
            ["prlimit", "--nofile=320:320", *data.command("serve", "--listen", "127.0.0.1:0")],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=data.folder,
            env={**os.environ, "CASKALYTICS_LOG": "info"})
    server.pid = server.process.pid
    server.wait()
    accepted(server, view())
    for _ in range(3):
        idle = []
        for _ in range(400):
            s = socket.socket()
            s.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                s.connect(("127.0.0.1", server.port))
            idle.append(s)
        time.sleep(0.3)
        equal(server.process.poll(), None, "it still runs")
        equal(server.request("GET", "/healthz", local=True).status, 200, "over the unix socket")
        for s in idle:
            s.close()
        accepted(server, view())
    equal(count(server), 4, "page views")
    equal(server.stop(), 0, "exit code")


# --- signals -------------------------------------------------------------------------------------


def test_ended_under_load():
    rng = random.Random(cask.seed())
    data, ledger = cask.Data(CONFIG), Ledger(rng)
    server = cask.Server(data, port=cask.free_port())
    ledger.port = server.port
    ledger.start()
    for sig in (signal.SIGTERM, signal.SIGINT, signal.SIGTERM):
        before = len(ledger.acknowledged)
        cask.wait_for(lambda: len(ledger.acknowledged) > before + rng.randrange(50, 2000))
        server.process.send_signal(sig)
        began = time.monotonic()
        equal(server.process.wait(60), 0, f"exit code after {sig.name}:\n{server.log()[-2000:]}")
        print(f"ended after {time.monotonic() - began:.1f} s", flush=True)
        server = cask.Server(data, port=server.port)
    ledger.end()
    equal(server.stop(), 0, "exit code")
    ledger.check(data)


def test_reload_is_all_or_nothing():
    data = cask.Data(CONFIG)
    path = os.path.join(data.folder, "caskalytics.yaml")
    server = cask.Server(data)
    body = {"n": "pageview", "u": "https://third.example/", "d": "third.example"}

    def reload(text):
        done = len(re.findall(r"event=reload(?:ed|_failed)", server.log()))
        cask.write(data.folder, "caskalytics.yaml", text)
        server.process.send_signal(signal.SIGHUP)
        cask.wait_for(lambda: len(re.findall(r"event=reload(?:ed|_failed)", server.log())) > done)

    equal(post(server, body).status, 400, "not a site yet")
    reload(CONFIG + "\ntimezone: Nowhere/At_all\nproducts: [{name: x}]\n")
    problems = [x for x in server.log().split("\n") if "event=config_problem" in x]
    equal(len(problems), 2, server.log())
    for piece in (f'problem="{path}:5: timezone', f'problem="{path}:6: products'):
        if piece not in "".join(problems):
            raise AssertionError(f"{problems} do not say {piece}")
    accepted(server, view())
    equal(post(server, body).status, 400, "still not a site")
    reload(CONFIG.replace("{name: other.example}", "{name: other.example}, {name: third.example}"))
    equal(post(server, body).status, 204, "a site now")
    reload(CONFIG)
    equal(post(server, body).status, 400, "a site no more")
    os.remove(path)
    server.process.send_signal(signal.SIGHUP)
    cask.wait_for(lambda: server.log().count("reload_failed") == 2)
    accepted(server, view())
    equal(count(server), 2, "page views")
    equal(server.stop(), 0, "exit code")


def test_reload_of_no_file_changes_nothing():
    """An editor that replaces the file in two steps, or empties it first, must cost nobody a beacon."""
    data = cask.Data()
    path = os.path.join(data.folder, "caskalytics.yaml")
    server = cask.Server(data)  # without -c, and no file yet

    def reload(text, ends, times=[0]):
        times[0] += 1
        if text is not None:
            cask.write(data.folder, "caskalytics.yaml", text)
        server.process.send_signal(signal.SIGHUP)
        cask.wait_for(lambda: len(re.findall(r"event=reload(?:ed|_failed)", server.log())) == times[0])
        last = re.findall(r"event=(reload(?:ed|_failed).*)", server.log())[-1]
        if not re.search(ends, last):
            raise AssertionError(f"{last} is not {ends}")

    reload(None, "^reloaded file=$")  # still none
    reload(CONFIG, "^reloaded file=caskalytics.yaml$")
    accepted(server, view())
    os.rename(path, path + "~")
    reload(None, "^reload_failed .*the configuration file is gone")
    accepted(server, view())
    for text in ("", "# nothing yet\n", "~\n"):
        reload(text, "^reload_failed .*caskalytics.yaml: the file is empty")
        accepted(server, view())
    reload(CONFIG + f"\nlisten: 127.0.0.1:1\ndata: {data.folder}/elsewhere\n", "^reloaded")
    assert re.search(r'level=warn event=restart_needed options="data, listen"', server.log()), server.log()
    accepted(server, view())  # on the same port, into the same directory
    equal(count(server), 6, "page views")
    equal(server.stop(), 0, "exit code")


def test_what_is_wrong_is_said_at_check_and_at_start_alike():
    wrong = """listen: 127.0.0.1:99999
sites: [{name: a.test}]
sources:
- {id: a, type: tail}
- {id: b, type: tail, path: /b.log, format: combinde}
- {id: c, type: foo}
- {id: d, type: ingest, token: '${CASK_TEST_NONE}'}
- {id: e, type: s3, site: b.test}
"""
    data = cask.Data(wrong)
    reports = [re.findall(r"caskalytics\.yaml:(\d.*)", data.run(*command, code=2).stderr.decode())
               for command in (("config", "check"), ("serve", "--listen", "127.0.0.1:0"))]
    equal(reports[0], reports[1], "check and start")
    said = [(line, words) for line, words in ((1, "listen"), (4, "path is missing"), (5, "combinde"), (6, "foo"),
                                             (7, "no variable CASK_TEST_NONE"), (8, "warning.*b.test"),
                                             (8, "warning.*s3.*without effect"))
            if not any(re.match(rf"{line}: .*{words}", x) for x in reports[0])]
    equal((said, len(reports[0])), ([], 7), "not said, and how many")
    # the variable is missing for the server only; and what is without effect is said and no more
    data = cask.Data("sources:\n- {id: d, type: ingest, token: '${CASK_TEST_NONE}'}\n"
                     "- {id: e, type: s3, endpoint: 'http://127.0.0.1:1'}\n")
    data.run("stats", "hits")
    data.run("user", "list")
    data.run("config", "show")
    data.run("config", "check", code=2)
    os.environ["CASK_TEST_NONE"] = "a-token-of-the-environment"
    try:
        checked = data.run("config", "check").stdout.decode().splitlines()
        equal(len(checked), 2, checked)
        assert re.search(r":3: warning: .*s3.* without effect in this version$", checked[0]), checked
        assert checked[1].endswith("caskalytics.yaml: ok, with warnings"), checked
        server = cask.Server(data)
        with open(f"/proc/{server.pid}/environ", "rb") as f:
            assert b"a-token-of-the-environment" not in f.read(), "a secret is in the environment"
        assert re.search(r"level=warn event=config_problem problem=.*:3: warning: .*s3", server.log()), server.log()
        equal(server.stop(), 0)
    finally:
        del os.environ["CASK_TEST_NONE"]
    refused = data.run("serve", "--listen", "127.0.0.1:99999", code=2).stderr.decode()
    assert "CASK_TEST_NONE" in refused or "--listen" in refused, refused


def test_what_init_writes_is_good_and_serves():
    data = cask.Data()
    data.run("init")
    equal(data.run("config", "check").stdout, b"caskalytics.yaml: ok\n")
    shown = data.run("config", "show").stdout.decode()
    assert not re.search("^(products|sites|sources|exclude):", shown, re.M), shown
    server = cask.Server(data)
    cask.wait_for(lambda: server.request("GET", "/readyz").status == 200)
    equal(server.stop(), 0)


def test_reload_under_load():
    rng = random.Random(cask.seed())
    data, ledger = cask.Data(CONFIG), Ledger(rng)
    server = cask.Server(data)
    ledger.port = server.port
    ledger.start()
    asking = True
    problems = []

    def ask():
        while asking:
            try:
                count(server)
                server.request("GET", "/api/v1/realtime", local=True)
            except BaseException as e:
                problems.append(e)
                return

    threads = [threading.Thread(target=ask, daemon=True) for _ in range(3)]
    for t in threads:
        t.start()
    for i in range(30):
        sites = "".join(f", {{name: site{k}.example}}" for k in range(i))
        cask.write(data.folder, "caskalytics.yaml", CONFIG.replace("{name: other.example}",
                                                                   "{name: other.example}" + sites))
        server.process.send_signal(signal.SIGHUP)
        cask.wait_for(lambda: server.log().count("event=reloaded") == i + 1)
    asking = False
    for t in threads:
        t.join(120)
    ledger.end()
    equal(problems, [], "problems")
    equal(server.stop(), 0, "exit code")
    ledger.check(data)


def test_second_server_is_refused():
    data = cask.Data(CONFIG)
    server = cask.Server(data)
    done = data.run("serve", "--listen", "127.0.0.1:0", code=3)
    for piece in (str(server.pid), "serve", data.path):
        if piece not in done.stderr.decode():
            raise AssertionError(f"{done.stderr} does not say {piece}")
    other = cask.Data(CONFIG)
    done = other.run("serve", "--listen", f"127.0.0.1:{server.port}", code=1)
    if str(server.port) not in done.stderr.decode():
        raise AssertionError(done.stderr)
    accepted(server, view())
    equal(count(server), 1, "page views")
    equal(server.stop(), 0, "exit code")


# --- engine and disk -------------------------------------------------------------------------------


def test_engine_dies_and_hangs_under_load():
    rng = random.Random(cask.seed())
    data, ledger = cask.Data(CONFIG), Ledger(rng)
    server = cask.Server(data)
    ledger.port = server.port
    ledger.start()
    for turn in range(6):
        before = len(ledger.acknowledged)
        cask.wait_for(lambda: len(ledger.acknowledged) > before + 100)
        cask.wait_for(lambda: len(server.engines()) == 1)
        engine = server.engines()[0]
        if turn % 2:
            os.kill(engine, signal.SIGKILL)
        else:
            os.kill(engine, signal.SIGSTOP)
            answer = server.request("GET", f"/api/v1/query?metrics=pageviews&turn={turn}"[:34], local=True)
            equal((answer.status, answer.headers.get("retry-after")), (503, "1"), answer.body)
            before = len(ledger.acknowledged)
            cask.wait_for(lambda: len(ledger.acknowledged) > before + 100)
            equal(server.request("GET", "/healthz").status, 200, "healthz")
            os.kill(engine, signal.SIGCONT if turn else signal.SIGKILL)
        count(server)
    ledger.end()
    equal(ledger.refusals, 0, "beacons that were refused")
    equal(server.stop(), 0, "exit code")
    ledger.check(data)
    data.run("verify")


def test_an_engine_that_hangs_is_not_ready():
    server = serve()
    accepted(server, view("/1"))
    equal(count(server), 1, "page views")
    ready = lambda: server.request("GET", "/readyz").status
    os.kill(server.engines()[0], signal.SIGSTOP)
    accepted(server, view("/2"))
    cask.wait_for(lambda: ready() == 503, 40)
    equal(metrics(server)["caskalytics_ready"][""], 0, "ready")
    assert metrics(server)["caskalytics_store_lag_seconds"][""] >= 10, metrics(server)
    os.kill(server.engines()[0], signal.SIGCONT)
    cask.wait_for(lambda: ready() == 200, 60)
    equal(count(server), 2, "page views")
    equal(metrics(server)["caskalytics_store_lag_seconds"][""], 0, "lag")
    equal(server.stop(), 0, "exit code")


def test_ended_while_the_engine_hangs():
    """With questions and rows that wait for it, and with nothing that does."""
    server, posted = serve(), 0
    for is_busy in (True, False):
        accepted(server, view(f"/{posted}"))
        posted += 1
        equal(count(server), posted, "page views")
        os.kill(server.engines()[0], signal.SIGSTOP)
        if is_busy:
            accepted(server, view(f"/{posted}"))
            posted += 1
            for _ in range(3):
                threading.Thread(target=lambda s=server: s.request("GET", "/api/v1/query?metrics=visitors", local=True),
                                 daemon=True).start()
            time.sleep(0.5)
        began = time.monotonic()
        equal(server.stop(), 0, f"exit code: {server.log()[-2000:]}")
        print(f"ended after {time.monotonic() - began:.1f} s", flush=True)
        assert "event=engine_killed" in server.log(), server.log()[-2000:]
        server = cask.Server(server.data)
        equal(count(server), posted, "page views")
    equal(server.stop(), 0, "exit code")
    assert "event=engine_killed" not in server.log(), server.log()[-2000:]


def test_ended_while_a_command_waits_for_the_engine():
    """rebuild waits for the applier, which waits for the engine, or for the engine itself."""
    for waits_for_applier in (True, False):
        server = serve()
        data = server.data
        accepted(server, view("/1"))
        equal(count(server), 1, "page views")
        os.kill(server.engines()[0], signal.SIGSTOP)
        if waits_for_applier:
            accepted(server, view("/2"))
            time.sleep(1)
        command = server.start_command("rebuild")
        time.sleep(0.5)  # it waits
        equal(server.stop(), 0, f"exit code: {server.log()[-2000:]}")
        assert "engine_hangs" not in server.log(), "it was waited for"  # that comes after a minute
        equal(command.wait(), 75, "exit code of rebuild")
        data.run("rebuild")
        equal(data.stats("pageviews")["total"]["pageviews"], 1 + waits_for_applier)


def test_questions_that_hang_leave_room():
    secret = "a" * 40
    server = cask.Server(cask.Data(CONFIG + f"sources: [{{id: app, type: ingest, site: {SITE}, format: combined, "
                                            f"token: {secret}}}]\n"))
    accepted(server, view("/1"))
    equal(count(server), 1, "page views")
    os.kill(server.engines()[0], signal.SIGSTOP)
    answers = []
    asks = [threading.Thread(target=lambda i=i: answers.append(
        server.request("GET", f"/api/v1/query?metrics=pageviews&filter=path%3D/{i}", local=True, timeout=120).status), daemon=True)
            for i in range(20)]
    for t in asks:
        t.start()
    time.sleep(0.5)
    line = '192.0.2.1 - - [20/Nov/2026:10:00:00 +0000] "GET / HTTP/1.1" 200 10 "-" "Mozilla/5.0 Firefox/120.0"\n'
    log_in = json.dumps({"name": "nobody", "password": "of nobody at all"})
    for method, path, body, status in (("POST", "/ingest/app", line, 204), ("POST", "/api/v1/session", log_in, 401),
                                       ("GET", "/metrics", None, 200), ("GET", "/api/v1/session", None, 200)):
        headers = {"Authorization": f"Bearer {secret}"} if "ingest" in path else {"Content-Type": "application/json"}
        answer = server.request(method, path, body, headers, timeout=30)
        equal(answer.status, status, f"{path}: {answer.body}")
    equal(answers, [], "questions that were answered meanwhile")
    os.kill(server.engines()[0], signal.SIGCONT)
    for t in asks:
        t.join()
    equal(answers, [200] * 20, "statuses")
    equal(server.stop(), 0, "exit code")


def test_full_disk_shows_and_goes_by_itself():
    data = cask.Data(CONFIG)
    os.mkdir(data.path)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256m", "tmpfs", data.path],
                      capture_output=True).returncode != 0:
        raise cask.Skip("needs to mount a tmpfs")
    server = None
    try:
        server = cask.Server(data)
        accepted(server, view("/before"))
        cask.wait_for(lambda: server.request("GET", "/readyz").status == 200)
        count(server)
        filler = os.path.join(data.path, "filler")
        with open(filler, "wb") as f:
            with contextlib.suppress(OSError):
                while True:
                    f.write(bytes(1 << 20))
                    f.flush()
        answers = []
        cask.wait_for(lambda: answers.append(post(server, [view("/x" * 100)] * 50)) or answers[-1].status == 503)
        if "retry-after" not in answers[-1].headers:
            raise AssertionError("no Retry-After")
        stored = sum(50 for a in answers if a.status == 204)
        ready = server.request("GET", "/readyz")
        equal((ready.status, "space" in ready.body.decode()), (503, True), ready.body)
        equal(server.request("GET", "/healthz").status, 200, "healthz")
        os.remove(filler)
        cask.wait_for(lambda: server.request("GET", "/readyz").status == 200)  # nobody sends anything
        accepted(server, view("/after"))
        equal(count(server), stored + 2, "page views")
        equal(server.stop(), 0, "exit code")
    finally:
        if server is not None:
            server.kill()
        cask.wait_for(lambda: subprocess.run(["umount", data.path], capture_output=True).returncode == 0)


def with_shim(data):
    """A server under the shim that breaks fdatasync, and the file that says how."""
    shim, wish = os.path.join(data.folder, "shim.so"), os.path.join(data.folder, "wish")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", shim, os.path.join(cask.HERE, "break_sync.c"), "-ldl"], check=True)
    return {"LD_PRELOAD": shim, "CASK_BREAK_SYNC": wish}, wish


@contextlib.contextmanager
def environment(more):
    before = {k: os.environ.get(k) for k in more}
    os.environ.update(more)
    try:
        yield
    finally:
        for k, v in before.items():
            if v is None:
                del os.environ[k]
            else:
                os.environ[k] = v


def test_broken_disk_ends_it():
    data = cask.Data(CONFIG)
    env, wish = with_shim(data)
    with environment(env):
        server = cask.Server(data)
    accepted(server, view("/good"))
    cask.write(data.folder, "wish", "fail")
    answer = post(server, view("/bad"))
    equal(answer.status, 503, answer.body)
    equal(server.process.wait(60), 5, f"exit code: {server.log()[-2000:]}")
    if "event=lake_failed" not in server.log():
        raise AssertionError(server.log()[-2000:])
    os.remove(wish)
    server = cask.Server(data)
    equal(count(server), 1, "page views: what was refused is not there")
    accepted(server, view("/again"))
    equal(count(server), 2, "page views")
    equal(server.stop(), 0, "exit code")
    data.run("verify")


# --- answers ---------------------------------------------------------------------------------------


def test_no_answer_is_stale():
    server = serve()
    posted, asked, problems, ending = [0], [0], [], []

    def reader():
        while not ending:
            least = posted[0]
            got = count(server)
            asked[0] += 1
            if got < least:
                problems.append((got, least))

    readers = [threading.Thread(target=reader, daemon=True) for _ in range(3)]
    for t in readers:
        t.start()
    for i in range(200):
        accepted(server, view(f"/{i}"))
        posted[0] = i + 1
        if i % 3 == 0:
            for _ in range(2):
                equal(count(server), i + 1, "right after the acknowledgement")
    ending.append(True)
    for t in readers:
        t.join(120)
    equal(problems, [], "answers that lagged (got, acknowledged before)")
    found = metrics(server)
    hits, misses = found["caskalytics_answers_hits_total"][""], found["caskalytics_answers_misses_total"][""]
    print(f"{asked[0]} questions beside 200 beacons, {hits:.0f} from the cache, {misses:.0f} computed", flush=True)
    if hits < 100:
        raise AssertionError("the cache was not used")
    equal(server.stop(), 0, "exit code")


def test_many_buckets_in_a_zone_whose_offset_changed_often():
    data = cask.Data(CONFIG)
    line = '192.0.2.1 - - [17/May/2026:10:00:00 +0000] "GET / HTTP/1.1" 200 5 "-" "Mozilla/5.0"\n'
    data.load("--site", SITE, data.file(line * 3))
    rows = data.stats("pageviews", by="day", from_="1970-01-01", to="2026-06-01", tz="America/St_Johns")["rows"]
    equal([(r["time"][:10], r["pageviews"]) for r in rows], [("2026-05-17", 3)], "days")


def test_questions_that_look_alike():
    """Bytes of a path that are no UTF-8 are shown alike, but one page is not another."""
    data = cask.Data(CONFIG)
    line = b'192.0.2.1 - - [17/May/2026:10:00:00 +0000] "GET /%s HTTP/1.1" 200 5 "-" "Mozilla/5.0"\n'
    data.load("--site", SITE, data.file(line % b"K\xe4se" * 3 + line % b"K\xf6se" * 5))
    server = cask.Server(data)
    for path, views in ((b"/K\xe4se", 3), (b"/K\xf6se", 5), (b"/K\xfcse", 0)):
        answer = server.query(metrics="pageviews", filter=b"path=" + path)
        equal(answer["total"]["pageviews"], views, path)
    equal(server.stop(), 0, "exit code")


# --- streams ---------------------------------------------------------------------------------------


class Stream:
    """/api/v1/changes, over the unix socket, or with a token over TCP."""

    def __init__(self, server, token=None):
        if token is None:
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.connect(os.path.join(server.data.path, "caskalytics.sock"))
        else:
            self.socket = dial(server)
        self.socket.settimeout(120)
        self.socket.sendall(b"GET /api/v1/changes HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n" %
                            (token or "").encode())
        self.seen = b""
        self.ended = False
        while b"\r\n\r\n" not in self.seen:
            self.more()
        self.status = int(self.seen.split()[1])

    def more(self):
        got = self.socket.recv(65536)
        self.ended = self.ended or got == b"" or b"\r\n0\r\n\r\n" in self.seen + got
        self.seen += got

    def version(self):
        found = re.findall(rb'event: changed\ndata: \{"version":(\d+)\}\n\n', self.seen)
        return int(found[-1]) if found else None

    def next(self):
        """The next version."""
        before = self.version()
        while self.version() == before and not self.ended:
            self.more()
        return self.version()


def test_changes():
    server = serve()
    accepted(server, view())
    count(server)
    stream = Stream(server)
    equal(stream.status, 200, "status")
    first = stream.next() if stream.version() is None else stream.version()
    accepted(server, view())
    second = stream.next()
    if not second > first:
        raise AssertionError(f"{second} after {first}")
    cask.kill(server.engines()[0])
    accepted(server, view())
    third = stream.next()
    if not third > second:
        raise AssertionError(f"{third} after {second}")
    equal(count(server), 3, "page views")
    server.process.send_signal(signal.SIGTERM)
    while not stream.ended:
        stream.more()
    equal(server.process.wait(60), 0, "exit code")


def test_streams_have_a_limit():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 4000:
        raise cask.Skip("too few descriptors")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    server = serve()
    accepted(server, view())
    count(server)  # the change that it makes is over
    made = server.request("POST", "/api/v1/tokens", json.dumps({"name": "streams", "scopes": ["read"]}),
                          {"Content-Type": "application/json"}, local=True)
    equal(made.status // 100, 2, made.body)
    token = next(v for k, v in made.json().items() if k in ("token", "secret"))
    streams = [Stream(server, token) for _ in range(1000)]
    equal({s.status for s in streams}, {200}, "a thousand")
    equal(metrics(server)["caskalytics_streams"][""], 1000, "streams")
    late = Stream(server, token)
    equal((late.status, b"Retry-After" in late.seen), (503, True), late.seen)
    before = metrics(server)["caskalytics_store_version"][""]
    accepted(server, view())
    for s in streams:
        while (s.version() or 0) <= before:  # the first one may still be on its way
            s.more()
    equal(len({s.version() for s in streams}), 1, "all are told the same")
    for s in streams[500:]:
        s.socket.close()
    cask.wait_for(lambda: accepted(server, view()) or metrics(server)["caskalytics_streams"][""] <= 500)
    equal(Stream(server, token).status, 200, "there is room again")
    server.process.send_signal(signal.SIGTERM)
    for s in streams[:500]:
        while not s.ended:
            s.more()
    equal(server.process.wait(60), 0, "exit code")
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


# --- looking at it -----------------------------------------------------------------------------------


def test_metrics():
    server = serve()
    cask.wait_for(lambda: server.request("GET", "/readyz").status == 200)
    accepted(server, view())
    accepted(server, [view(), view()])
    count(server)
    server.request("GET", "/nothing")
    before = metrics(server)
    found = metrics(server)
    value = lambda name, labels="": found["caskalytics_" + name][labels]
    equal(value("ready"), 1, "ready")
    equal(value("engine_up"), 1, "engine_up")
    equal(value("intake_records_total", 'dataset="web"'), 3, "records")
    equal(value("intake_tickets_total", 'dataset="web"'), 2, "tickets")
    equal(value("lines_accepted_total"), 3, "accepted")
    equal(value("http_requests_total", 'route="event",status="2xx"'), 2, "requests")
    equal(value("http_requests_total", 'route="none",status="4xx"'), 1, "requests of no route")
    equal(value("http_seconds_count", 'route="event"'), 2, "answers")
    buckets = [value("http_seconds_bucket", f'route="event",le="{le}"')
               for le in ("0.001", "0.005", "0.025", "0.1", "0.5", "2.5", "10", "+Inf")]
    equal((buckets, buckets[-1]), (sorted(buckets), 2), "buckets")
    equal(value("store_lag_bytes", 'dataset="web"'), 0, "lag")
    equal(value("store_lag_seconds"), 0, "lag in seconds")
    for name in ('process="server"', 'process="engine"'):
        if value("resident_bytes", name) < 1 << 20:
            raise AssertionError(name)
    for name in ("uptime_seconds", "disk_free_bytes", "open_descriptors"):
        if value(name) <= 0:
            raise AssertionError(name)
    lake = sum(os.path.getsize(os.path.join(at, f)) for at, _, files in os.walk(os.path.join(server.data.path, "lake"))
               for f in files if f.endswith(".avro"))
    equal(sum(found["caskalytics_lake_bytes"].values()), lake, "bytes of the lake")
    for name, samples in before.items():
        if name.endswith(("_total", "_count", "_bucket", "_sum")):
            for labels, n in samples.items():
                if found[name][labels] < n:
                    raise AssertionError(f"{name} went back")
    with open(DOCS, encoding="utf-8") as f:
        documented = set(re.findall(r"`(caskalytics_\w+)[`{]", f.read()))
    names = {re.sub(r"^(caskalytics_http_seconds)_(bucket|sum|count)$", r"\1", name) for name in found}
    equal(names - documented, set(), "metrics that docs/operations.md does not name")
    optional = {name for name in documented if name.startswith(("caskalytics_tail_", "caskalytics_source_rejected_"))}
    equal(documented - names - optional, set(), "names in docs/operations.md that are none")
    cask.kill(server.engines()[0])
    cask.wait_for(lambda: metrics(server)["caskalytics_engine_starts_total"][""] == 2)
    equal(server.stop(), 0, "exit code")


def test_logs():
    data = cask.Data(CONFIG + "log: {format: json}\n")
    env = dict(os.environ)
    env.pop("CASKALYTICS_LOG", None)
    token = "tokenthatnobodymaysee"
    log_path = os.path.join(data.folder, "log")
    with open(log_path, "wb") as log:
        process = data.start("serve", "--listen", "127.0.0.1:0", stdout=subprocess.DEVNULL, stderr=log, env=env)
    try:
        read = lambda: open(log_path, encoding="utf-8").read()
        cask.wait_for(lambda: "listening" in read() or process.poll() is not None)
        server = cask.Server.__new__(cask.Server)
        server.data, server.pid, server.process = data, process.pid, process
        server.port = next(x["port"] for x in map(json.loads, read().splitlines()) if x["event"] == "listening")
        accepted(server, view("/private"), address="198.51.100.77", Authorization=f"Bearer {token}")
        server.request("GET", f"/api/v1/query?token={token}")
        cask.write(data.folder, "caskalytics.yaml", 'data: "x\n')
        process.send_signal(signal.SIGHUP)
        cask.wait_for(lambda: "reload_failed" in read())
        process.send_signal(signal.SIGTERM)
        equal(process.wait(60), 0, "exit code")
    finally:
        cask.kill(process.pid)
    lines = [json.loads(line) for line in read().splitlines()]
    for line in lines:
        if not {"time", "level", "event"} <= set(line):
            raise AssertionError(line)
    events = [line["event"] for line in lines]
    for event in ("listening", "reload_failed", "stopping"):
        if event not in events:
            raise AssertionError(f"no {event} in {events}")
    for secret in ("198.51.100.77", token, "/private"):
        if secret in read():
            raise AssertionError(f"{secret} is in the log")


class Systemd:
    """The other end of NOTIFY_SOCKET."""

    def __init__(self, folder):
        self.path = os.path.join(folder, "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.socket.settimeout(120)

    def next(self, but=("WATCHDOG=1",)):
        while True:
            got = self.socket.recv(4096).decode()
            if got not in but:
                return got

    def quiet(self, seconds):
        """Was nothing said for so long, after all that was said before?"""
        self.socket.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while self.socket.recv(4096):
                pass
        self.socket.settimeout(seconds)
        try:
            return self.socket.recv(4096) is None
        except socket.timeout:
            return True
        finally:
            self.socket.settimeout(120)


def test_what_systemd_is_told():
    data = cask.Data(CONFIG)
    systemd = Systemd(data.folder)
    env, wish = with_shim(data)
    with environment({"NOTIFY_SOCKET": systemd.path, "WATCHDOG_USEC": "1500000", **env}):
        server = cask.Server(data)
    equal(systemd.next(), "READY=1", "first")
    for _ in range(3):
        equal(systemd.next(but=()), "WATCHDOG=1", "then")
    server.process.send_signal(signal.SIGHUP)
    if not re.fullmatch(r"RELOADING=1\nMONOTONIC_USEC=\d+", got := systemd.next()):
        raise AssertionError(got)
    equal(systemd.next(), "READY=1", "after the reload")
    # the disk hangs: records cannot be acknowledged
    cask.write(data.folder, "wish", "hang")
    s = dial(server)
    body = json.dumps(view()).encode()
    s.sendall(b"POST /api/event HTTP/1.1\r\nHost: x\r\nUser-Agent: a\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    cask.wait_for(lambda: systemd.quiet(3))
    os.remove(wish)
    if not s.recv(100).startswith(b"HTTP/1.1 204 "):
        raise AssertionError("not acknowledged")
    equal(systemd.next(but=()), "WATCHDOG=1", "alive again")
    server.process.send_signal(signal.SIGTERM)
    equal(systemd.next(), "STOPPING=1", "last")
    equal(server.process.wait(60), 0, "exit code")


def test_path_prefix_and_a_deep_directory():
    """The path of public_url may be in front of every path; the socket's name has room for 107 bytes only."""
    data = cask.Data("public_url: https://stats.example.org/stats/\nsites: [{name: example.org}]\n")
    deep = os.path.join(data.folder, "x" * 120)
    os.mkdir(deep)
    data.path = os.path.join(deep, "data")
    data.options[-1] = data.path
    server = cask.Server(data)
    for path, status in (("/stats/healthz", 200), ("/healthz", 200), ("/statshealthz", 404)):
        equal(server.request("GET", path).status, status, path)
    equal(data.stats("hits")["total"]["hits"], 0)
    equal(server.stop(), 0)
    assert not os.path.exists(os.path.join(data.path, "caskalytics.sock"))


if __name__ == "__main__":
    cask.main(globals())
