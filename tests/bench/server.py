#!/usr/bin/python3
"""dev/bench: the server. Beacons a second against nginx's empty_gif, alternately; how long beacons wait at 5,000 a
second; how soon a beacon is in an answer at 1,000 a second; what a server with a year of data takes when idle.

    server.py LOG [ROUNDS]"""
import os
import re
import socket
import statistics
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import cask

RATIO, WAIT_MS, SEEN_MS, IDLE_CPU, IDLE_MIB = 0.20, 50.0, 2000.0, 0.01, 400
CONFIG = "sites: [{name: www.example.org}]\n"
AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36"
BODY = '{"n":"pageview","u":"https://www.example.org/docs/start","d":"www.example.org","r":"https://search.example/"}'
WRK = f"""wrk.method = "POST"
wrk.body = '{BODY}'
wrk.headers["Content-Type"] = "text/plain"
wrk.headers["User-Agent"] = "{AGENT}"
"""
NGINX = """daemon off; worker_processes 2; pid {folder}/nginx.pid; error_log /dev/null;
events {{ worker_connections 1024; }}
http {{ access_log off; client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
  uwsgi_temp_path {folder}; scgi_temp_path {folder};
  server {{ listen 127.0.0.1:{port}; location / {{ empty_gif; }} }} }}
"""


def verdict(ok):
    return "ok" if ok else "MISSED"


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="latin-1") as f:
        fields = f.read().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mib(pid):
    with open(f"/proc/{pid}/status", encoding="latin-1") as f:
        return int(re.search(r"^VmRSS:\s+(\d+) kB", f.read(), re.M)[1]) / 1024


def wrk(url, script=None, seconds=8):
    """Answers a second."""
    command = ["wrk", "-t2", "-c64", f"-d{seconds}s", *(["-s", script] if script else []), url]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in out:
        sys.exit(out)
    return float(re.search(r"Requests/sec:\s+([0-9.]+)", out)[1])


def paced(program, server, rate, seconds):
    body = BODY.encode()
    request = (f"POST /api/event HTTP/1.1\r\nHost: x\r\nUser-Agent: {AGENT}\r\nContent-Type: text/plain\r\n"
               f"Content-Length: {len(body)}\r\n\r\n").encode() + body
    return subprocess.Popen([program, str(server.port), "64", str(rate), str(seconds)], stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, text=False), request


def throughput(folder, rounds):
    server = cask.Server(cask.Data(CONFIG))
    script = cask.write(folder, "post.lua", WRK)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    nginx = subprocess.Popen(["nginx", "-c", cask.write(folder, "nginx.conf", NGINX.format(folder=folder, port=port))],
                             stderr=subprocess.DEVNULL)
    ours, theirs, costs = [], [], []
    try:
        time.sleep(1)
        for _ in range(rounds):
            theirs.append(wrk(f"http://127.0.0.1:{port}/x.gif"))
            before = cpu_seconds(server.pid)
            ours.append(wrk(f"http://127.0.0.1:{server.port}/api/event", script))
            costs.append((cpu_seconds(server.pid) - before) / (8 * ours[-1]) * 1e6)
    finally:
        nginx.terminate()
        nginx.wait()
    blocks = server.request("GET", "/metrics", local=True).body.decode()
    count = lambda name: float(re.search(rf'caskalytics_intake_{name}_total{{dataset="web"}} (\S+)', blocks)[1])
    share = count("tickets") / max(1, count("blocks"))
    server.stop()
    ratio = statistics.median(a / b for a, b in zip(ours, theirs))
    print(f"beacons: {statistics.median(ours):,.0f} a second, nginx empty_gif {statistics.median(theirs):,.0f}: "
          f"{100 * ratio:.0f} % (at least {100 * RATIO:.0f} %: {verdict(ratio >= RATIO)}); "
          f"{statistics.median(costs):.0f} us of CPU each, {share:.0f} share a sync")
    return ratio >= RATIO


def waiting(program):
    server = cask.Server(cask.Data(CONFIG))
    for seconds in (1, 10):
        process, request = paced(program, server, 5000, seconds)
        out = process.communicate(request)[0].decode().split()
        if process.returncode != 0:
            sys.exit(f"paced: {process.returncode} {out}")
    server.stop()
    p99 = float(out[3])
    print(f"at 5,000 beacons a second: p50 {out[2]} ms, p99 {p99} ms, longest {out[4]} ms "
          f"(p99 at most {WAIT_MS:.0f} ms: {verdict(p99 <= WAIT_MS)})")
    return p99 <= WAIT_MS


def freshness(program):
    server = cask.Server(cask.Data(CONFIG))
    server.query(metrics="pageviews")
    process, request = paced(program, server, 1000, 30)
    process.stdin.write(request)
    process.stdin.close()
    took = []
    while process.poll() is None and len(took) < 200:
        path = f"/seen{len(took)}"
        body = BODY.replace("/docs/start", path)
        if server.request("POST", "/api/event", body, {"User-Agent": AGENT}).status != 204:
            sys.exit("a beacon was refused")
        start = time.monotonic()
        answer = server.query(metrics="pageviews", site="www.example.org", filter=f"path={path}", bots="include")
        took.append(1000 * (time.monotonic() - start))
        if answer["total"]["pageviews"] != 1:
            sys.exit(f"{path} is not in the answer: {answer}")
    process.kill()
    process.wait()
    server.stop()
    took.sort()
    p99 = took[len(took) * 99 // 100]
    print(f"at 1,000 beacons a second, from the acknowledgement to an answer that has it: p50 {took[len(took) // 2]:.0f} ms, "
          f"p99 {p99:.0f} ms of {len(took)} (at most {SEEN_MS:.0f} ms: {verdict(p99 <= SEEN_MS)})")
    return p99 <= SEEN_MS


def idle(log):
    data = cask.Data(CONFIG)
    data.load("--site", "www.example.org", log)
    server = cask.Server(data)
    server.query(metrics="pageviews,visitors", by="day", site="www.example.org")
    time.sleep(20)
    pids = [server.pid, *server.engines()]
    before = [cpu_seconds(pid) for pid in pids]
    time.sleep(30)
    cpu = [(cpu_seconds(pid) - b) / 30 for pid, b in zip(pids, before)]
    memory = [resident_mib(pid) for pid in pids]
    server.stop()
    ok = sum(cpu) <= IDLE_CPU and sum(memory) <= IDLE_MIB
    print(f"idle: {100 * cpu[0]:.2f} + {100 * cpu[1]:.2f} % of a core (server + engine, at most {100 * IDLE_CPU:.0f} %), "
          f"{memory[0]:.0f} + {memory[1]:.0f} MiB (at most {IDLE_MIB}): {verdict(ok)}")
    return ok


def main():
    log, rounds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 3
    folder = cask.temp_dir()
    program = os.path.join(folder, "paced")
    subprocess.run(["cc", "-O2", "-D_GNU_SOURCE", "-o", program,
                    os.path.join(os.path.dirname(os.path.abspath(__file__)), "paced.c")], check=True)
    good = [throughput(folder, rounds), waiting(program), freshness(program), idle(log)]
    sys.exit(0 if all(good) else 1)


if __name__ == "__main__":
    main()
