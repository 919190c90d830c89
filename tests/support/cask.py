"""The program under test, and a small runner: what the end to end tests and dev/crash share."""
import atexit
import contextlib
import fcntl
import http.client
import json
import os
import random
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import traceback
import urllib.parse

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, HERE)

PROGRAM = os.environ.get("CASKALYTICS") or os.path.join(ROOT, "build", "caskalytics")
GRAINS = ("hour", "day", "week", "month", "quarter", "year")
COUNTED = ("hits pageviews sessions visitors bounces bounce_rate exits engaged_seconds pages_per_session "
           "downloads download_requests errors bytes").split()

# --- runner --------------------------------------------------------------------------------------


class Skip(Exception):
    pass


def seed():
    """Of a property test: random, printed, and taken from CASK_SEED to repeat a failure."""
    n = int(os.environ.get("CASK_SEED") or random.SystemRandom().randrange(1 << 32))
    print(f"seed {n} (repeat with CASK_SEED={n})", flush=True)
    return n


def main(module):
    """Run the functions test_* of a module (or those named on the command line)."""
    names = sys.argv[1:] or [name for name in module if name.startswith("test_")]
    failed = []
    for name in names:
        print(f"[ RUN      ] {name}", flush=True)
        start = time.monotonic()
        try:
            module[name]()
        except Skip as why:
            print(f"[  SKIPPED ] {name} ({why})", flush=True)
        except BaseException as e:
            traceback.print_exc(file=sys.stdout)
            print(f"[  FAILED  ] {name}", flush=True)
            failed.append(name)
            if isinstance(e, KeyboardInterrupt):
                break
        else:
            print(f"[       OK ] {name} ({time.monotonic() - start:.1f} s)", flush=True)
    sys.exit(1 if failed else 0)


def equal(got, expected, what=""):
    if got != expected:
        raise AssertionError(f"{what}: got {got!r}, expected {expected!r}")


# --- files ---------------------------------------------------------------------------------------


def temp_dir():
    path = tempfile.mkdtemp(prefix="cask-")
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


def write(folder, name, data):
    path = os.path.join(folder, name)
    with open(path, "wb") as f:
        f.write(data if isinstance(data, bytes) else data.encode())
    return path


# --- the program ---------------------------------------------------------------------------------


def children(pid):
    """Pids of the living children of a process."""
    with contextlib.suppress(OSError):
        with open(f"/proc/{pid}/task/{pid}/children", encoding="latin-1") as f:
            found = [int(word) for word in f.read().split()]
        if found:
            return found
    found = []  # a kernel without that file, or another thread's children
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with contextlib.suppress(OSError):
                with open(f"/proc/{entry}/stat", encoding="latin-1") as f:
                    fields = f.read().rpartition(") ")[2].split()
                if int(fields[1]) == pid and fields[0] != "Z":
                    found.append(int(entry))
    return found


def talks(pid):
    """Has the process a connection over a unix socket?"""
    with contextlib.suppress(OSError):
        links = [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")]
        with open("/proc/net/unix", encoding="latin-1") as f:
            connected = {f"socket:[{line.split()[6]}]" for line in f.readlines()[1:] if line.split()[5] == "03"}
        return not connected.isdisjoint(links)
    return False


held_ports = []


def free_port():
    """A port that stays ours: nobody else is given it while a socket is bound to it. One that listens can be bound
    beside (SO_REUSEADDR), and again after its end."""
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("127.0.0.1", 0))
    held_ports.append(s)
    return s.getsockname()[1]


def peak_kib(pid):
    """VmHWM: the most memory a process ever had resident; 0 once it is gone."""
    with contextlib.suppress(OSError):
        with open(f"/proc/{pid}/status", encoding="latin-1") as f:
            m = re.search(r"^VmHWM:\s+(\d+) kB", f.read(), re.M)
            return int(m[1]) if m else 0
    return 0


class Data:
    """A data directory of its own, and the program working on it."""

    def __init__(self, config=None):
        self.folder = temp_dir()
        self.path = os.path.join(self.folder, "data")
        self.options = ["--data", self.path]
        if config is not None:
            self.options = ["-c", write(self.folder, "caskalytics.yaml", config)] + self.options
        self.n = 0

    def command(self, *args):
        return [PROGRAM, *self.options, *map(str, args)]

    def start(self, *args, **popen):
        """Its own process group, so that a test can end both processes."""
        popen = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE,
                 "cwd": self.folder, **popen}
        return subprocess.Popen(self.command(*args), **popen)

    def run(self, *args, stdin=b"", code=0, timeout=600):
        """Runs to its end. `code`: the exit code it must have, or a tuple of them, or None."""
        done = subprocess.run(self.command(*args), input=stdin, capture_output=True, timeout=timeout,
                              cwd=self.folder)
        codes = code if isinstance(code, tuple) else (code,)
        if code is not None and done.returncode not in codes:
            raise AssertionError(f"{' '.join(map(str, args))}: exit code {done.returncode}, not {code}\n"
                                 f"stdout: {done.stdout[-2000:].decode('utf-8', 'replace')}\n"
                                 f"stderr: {done.stderr[-4000:].decode('utf-8', 'replace')}")
        return done

    def file(self, data, name=None):
        self.n += 1
        return write(self.folder, name or f"access-{self.n}.log", data)

    def load(self, *args, **run):
        """import --json; its summary."""
        done = self.run("import", "--json", *args, **run)
        return json.loads(done.stdout)

    def stats(self, metrics, *args, **question):
        """The whole JSON answer. question: by, tz, bots, group, site, from_, to, ..."""
        if not isinstance(metrics, str):
            metrics = ",".join(metrics)
        options = []
        for name, value in question.items():
            options += ["--" + name.rstrip("_"), str(value)]
        done = self.run("stats", metrics, "--format", "json", *options, *args)
        text = done.stdout.decode("utf-8")  # the contract: valid UTF-8
        return json.loads(text)

    def sql(self, query, *args, **run):
        return self.run("sql", query, "--format", "TSV", *args, **run).stdout.decode("utf-8", "replace").strip()

    def sealed(self, site="example.org"):
        """Share of a site's time, from its first hour with rows to its last, that cubes answer for."""
        path = os.path.join(self.path, "control.db")
        with contextlib.closing(sqlite3.connect(path)) as control:
            found = control.execute("SELECT body FROM docs WHERE key = ?", ("cube/site/" + site,)).fetchone()
        if found is None:
            return 0.0
        state = json.loads(found[0])
        first, last = state["first"], state["last"]
        clean = sum(max(0, min(to, last) - max(from_, first)) for from_, to in state["clean"])
        return clean / (last - first)

    def seal(self, site="example.org"):
        """`import` seals nothing, and `stats` only where there are many rows: a test of cubes has to ask for them."""
        self.run("rebuild")
        equal(self.sealed(site), 1.0, f"sealed share of {site}")

    def holder(self):
        """Who holds the lock or was the last to hold it, as the file says; 0: nobody was. To try the lock would be in
        the way of whoever takes it now."""
        with contextlib.suppress(FileNotFoundError), open(os.path.join(self.path, "lock"), encoding="ascii") as f:
            return int(f.read().partition(" ")[0] or 0)
        return 0

    def locked(self):
        try:
            fd = os.open(os.path.join(self.path, "lock"), os.O_RDWR)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return False
        except BlockingIOError:
            return True
        finally:
            os.close(fd)


class Answer:
    """Of an HTTP request: status, headers (lower case), body."""

    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        return json.loads(self.body)


class LocalConnection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Server:
    """`serve` on a data directory, until stop() or kill(). Its log is a file beside the directory."""

    def __init__(self, data, *args, command="serve", listen="127.0.0.1", port=0, wait=True):
        self.data = data
        data.n += 1
        self.log_path = os.path.join(data.folder, f"serve-{data.n}.log")
        with open(self.log_path, "wb") as log:
            self.process = data.start(command, "--listen", f"{listen}:{port}", *args, stdout=log, stderr=log,
                                      env={**os.environ, "CASKALYTICS_LOG": "info"})
        self.pid = self.process.pid
        atexit.register(self.kill)
        self.port = 0
        if wait:
            self.wait()

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as f:
            return f.read()

    def wait(self):
        """Until it listens; sets port."""

        def listening():
            found = re.search(r"event=listening port=(\d+)", self.log())
            if found:
                self.port = int(found[1])
            elif self.process.poll() is not None:
                raise AssertionError(f"serve ended with {self.process.returncode}:\n{self.log()[-4000:]}")
            return bool(found)

        wait_for(listening, 120)
        return self

    def start_command(self, *args):
        """A command that has found this server."""
        process = self.data.start(*args)
        wait_for(lambda: talks(process.pid) or process.poll() is not None)
        return process

    def engines(self):
        return children(self.pid)

    def request(self, method, path, body=None, headers=None, local=False, timeout=60):
        """OSError when there is no whole answer."""
        c = (LocalConnection(os.path.join(self.data.path, "caskalytics.sock"), timeout) if local else
             http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout))
        try:
            c.request(method, path, body, headers or {})
            r = c.getresponse()
            return Answer(r.status, {k.lower(): v for k, v in r.getheaders()}, r.read())
        except http.client.HTTPException as e:
            raise ConnectionError(str(e)) from e
        finally:
            c.close()

    def query(self, **question):
        """The answer to a question; waits while the engine is away."""
        path = "/api/v1/query?" + urllib.parse.urlencode({k.rstrip("_"): v for k, v in question.items()}, doseq=True)
        end = time.monotonic() + 120
        while True:
            answer = self.request("GET", path, local=True)
            if answer.status == 200 or answer.status != 503 or time.monotonic() > end:
                equal(answer.status, 200, answer.body)
                return answer.json()
            time.sleep(0.1)

    def stop(self):
        """SIGTERM; its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(120)

    def kill(self):
        """SIGKILL; the engine ends by itself."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(60)


def wait_for(condition, seconds=180):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError("waited in vain")
        time.sleep(0.01)


class Peaks:
    """Runs a command and samples the peak memory of it and of its children."""

    def __init__(self, command, **popen):
        popen = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, **popen}
        start = time.monotonic()
        process = subprocess.Popen(command, **popen)
        self.parent_kib, engines, turn = 0, {}, 0
        while process.poll() is None:
            # Sparingly: a sampler that takes a core makes the measured program slower.
            if turn % 10 == 0:
                for pid in children(process.pid):
                    engines.setdefault(pid, 0)
            self.parent_kib = max(self.parent_kib, peak_kib(process.pid))
            for pid in engines:
                engines[pid] = max(engines[pid], peak_kib(pid))
            turn += 1
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.02)
        self.seconds = time.monotonic() - start
        self.code = process.returncode
        self.engine_kib = max(engines.values(), default=0)


def kill(pid):
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


# --- comparing with the independent count --------------------------------------------------------


def text(value):
    """A dimension's value as compared: bad bytes are U+FFFD, one or several for a run of them."""
    return "" if value is None else re.sub("\ufffd+", "\ufffd", str(value))


def same_number(got, expected):
    if got is None or expected is None:
        return got is expected
    if isinstance(expected, float) or isinstance(got, float):
        return abs(got - expected) <= 1e-9 * max(1.0, abs(expected))
    return got == expected


def table(rows, names, metrics):
    """{key: {metric: n}} without the rows that say nothing. Keys that fall together add nothing: a list."""
    found = {}
    for row in rows:
        if any(row.get(m) for m in metrics):
            found.setdefault(tuple(text(row[n]) for n in names), []).append([row[m] for m in metrics])
    for values in found.values():
        values.sort(key=repr)
    return found


def differences(answer, counter, metrics, by=None, group=(), **question):
    """What stats said against the count; a list of texts, empty when all is equal."""
    metrics = list(metrics)
    names = (("time",) if by else ()) + tuple(group)
    problems = []
    total = counter.total(**question)
    for m in metrics:
        if not same_number(answer["total"][m], total[m]):
            problems.append(f"total {m}: {answer['total'][m]}, counted {total[m]}")
    if not names:
        return problems
    counted = counter.rows(grain=by, group=tuple(group), **question)
    expected = table([dict(zip(names, key), **cell) for key, cell in counted.items()], names, metrics)
    got = table(answer["rows"], names, metrics)
    for key in sorted(set(got) | set(expected)):
        a, b = got.get(key, []), expected.get(key, [])
        if len(a) != len(b):
            problems.append(f"{key}: {a}, counted {b}")
            continue
        for x, y in zip(a, b):
            for m, i, j in zip(metrics, x, y):
                if not same_number(i, j):
                    problems.append(f"{key} {m}: {i}, counted {j}")
    return problems


def check(data, counter, metrics=COUNTED, by=None, group=(), zone="UTC", bots="exclude", sites=None, since=None,
          until=None, where=()):
    """Ask stats and the count the same, and compare every number. since and until are seconds."""
    question = {"tz": zone, "bots": bots}
    if by:
        question["by"] = by
    if group:
        question["group"] = ",".join(group)
    if sites:
        question["site"] = ",".join(sites)
    stamp = lambda t: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(t))
    if since is not None:
        question["from_"] = stamp(since)
    if until is not None:
        question["to"] = stamp(until)
    filters = [x for name, value in where for x in ("--filter", f"{name}={value}")]
    answer = data.stats(metrics, *filters, **question)
    problems = differences(answer, counter, metrics, by=by, group=group, zone=zone, bots=bots, sites=sites,
                           since=since, until=until, where=where)
    if problems:
        shown = "\n  ".join(problems[:20])
        raise AssertionError(f"{len(problems)} differences in stats {question} {filters}:\n  {shown}")
    return answer
