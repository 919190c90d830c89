#!/usr/bin/python3
"""Log files of real web servers, rotated by the real logrotate under load, followed by a server that is killed:
every line that the web server wrote is one event. The independent count reads the rotated files.

CASK_REQUESTS: how many of each web server."""
import atexit
import collections
import glob
import gzip
import http.client
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import cask
from cask import Server, Skip, equal, free_port, wait_for

REQUESTS = int(os.environ.get("CASK_REQUESTS") or 6000)
CLIENTS = 4


def program(name):
    found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if not found:
        raise Skip(f"{name} is not installed (dev/setup test)")
    return found


# --- web servers -----------------------------------------------------------------------------------------------------


class Web:
    """A web server of the current user on a free port. Its log is FOLDER/logs/access.log."""

    def __init__(self):
        self.folder = cask.temp_dir()
        self.logs = os.path.join(self.folder, "logs")
        os.mkdir(self.logs, 0o755)
        self.log = os.path.join(self.logs, "access.log")
        self.port = free_port()
        self.config = cask.write(self.folder, "web.conf", self.configuration())
        self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL, start_new_session=True)
        atexit.register(self.kill)
        wait_for(self.answers)

    def answers(self):
        if self.process.poll() is not None:
            raise AssertionError(f"{type(self).__name__} ended with {self.process.returncode}")
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self):
        """Every request that was answered is logged then."""
        self.process.send_signal(self.stop_signal)
        self.process.wait(60)

    def kill(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


class Nginx(Web):
    stop_signal = signal.SIGQUIT

    def command(self):
        return [program("nginx"), "-p", self.folder, "-c", self.config, "-e", os.path.join(self.folder, "error.log")]

    def configuration(self):
        temp = "".join(f"    {name}_temp_path {self.folder}/{name};\n"
                       for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        user = "user root;\n" if os.getuid() == 0 else ""
        return (f"{user}daemon off;\nworker_processes 2;\npid {self.folder}/web.pid;\nevents {{}}\nhttp {{\n{temp}"
                f"    access_log {self.log} combined;\n    server {{ listen 127.0.0.1:{self.port};\n"
                f"        location / {{ return 200 x; }} }}\n}}\n")


class Apache(Web):
    stop_signal = signal.SIGTERM

    def command(self):
        return [program("apache2"), "-D", "FOREGROUND", "-d", self.folder, "-f", self.config]

    def configuration(self):
        modules = "/usr/lib/apache2/modules"
        user = "User www-data\nGroup www-data\n" if os.getuid() == 0 else ""
        return (f"{user}ServerName localhost\nListen 127.0.0.1:{self.port}\nPidFile {self.folder}/web.pid\n"
                f"ErrorLog {self.folder}/error.log\nDefaultRuntimeDir {self.folder}\n"
                f"LoadModule mpm_event_module {modules}/mod_mpm_event.so\n"
                f"LoadModule authz_core_module {modules}/mod_authz_core.so\n"
                f"DocumentRoot {self.logs}\nMaxKeepAliveRequests 0\n"
                'LogFormat "%h %l %u %t \\"%r\\" %>s %O \\"%{Referer}i\\" \\"%{User-Agent}i\\"" combined\n'
                f"CustomLog {self.log} combined\n")


class Load:
    """Requests of distinct paths from several clients, at a pace."""

    def __init__(self, web, n, seconds):
        self.web, self.pause = web, seconds * CLIENTS / n
        self.sent = [0] * CLIENTS  # answered
        self.threads = [threading.Thread(target=self.run, args=(i, n // CLIENTS), daemon=True) for i in range(CLIENTS)]
        for t in self.threads:
            t.start()

    def run(self, client, n):
        connection = None
        for i in range(n):
            path = f"/c{client}/{i}"
            try:
                connection = connection or http.client.HTTPConnection("127.0.0.1", self.web.port, timeout=60)
                connection.request("GET", path, headers={"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/120.0"})
                connection.getresponse().read()
                self.sent[client] += 1
            except (OSError, http.client.HTTPException):  # a graceful restart may close it: the log decides
                connection = None
            time.sleep(self.pause)

    def running(self):
        return any(t.is_alive() for t in self.threads)


# Until neither the web server nor one of its workers has a rotated file open: who packs it earlier loses lines.
REOPEN = """    postrotate
        m=$(cat {folder}/web.pid)
        kill -{signal} $m
        for i in $(seq 600); do
            workers=$(grep -ls "^PPid:.$m$" /proc/[0-9]*/status | sed 's/status$/fd/')
            ls -l /proc/$m/fd $workers 2>/dev/null | grep -q 'access.log[-.]' || break
            sleep 0.1
        done
    endscript
"""


class Logrotate:
    def __init__(self, web, options, reopen=None):
        script = REOPEN.format(folder=web.folder, signal=reopen) if reopen else ""
        self.folder, self.program = web.folder, program("logrotate")
        self.config = cask.write(web.folder, "rotate.conf", f"{web.log} {{\n    rotate 1000\n    missingok\n{options}{script}}}\n")
        os.chmod(self.config, 0o644)

    def run(self):
        done = subprocess.run([self.program, "-f", "-s", os.path.join(self.folder, "rotate.state"), self.config],
                              capture_output=True, timeout=120)
        if b"already exists, skipping" not in done.stderr:  # twice in one second
            equal(done.returncode, 0, done.stderr)


def logged(web):
    """Path -> lines, of the log and all its rotated files."""
    found = collections.Counter()
    for path in glob.glob(web.log + "*"):
        with (gzip.open if path.endswith(".gz") else open)(path, "rb") as f:
            for line in f:
                found[line.split(b'"')[1].split()[1].decode()] += 1
    return found


# --- the server ------------------------------------------------------------------------------------------------------


def source(path, id_="web", site="example.org", format_=""):
    fmt = f", format: {format_}" if format_ else ""
    return f"- {{id: {id_}, type: tail, path: '{path}', site: {site}{fmt}}}\n"


def events(data):
    """Path -> events."""
    text = data.sql("SELECT path, count() FROM events GROUP BY path")
    return collections.Counter({path: int(n) for path, n in (line.split("\t") for line in text.split("\n") if line)})


def settled(data, server, n):
    """Until that many events are there, or surely no more come."""
    end = time.monotonic() + 180
    while time.monotonic() < end:
        if server.query(metrics="hits", bots="include")["total"]["hits"] >= n:
            return
        time.sleep(0.2)


def follow(web, rotate, seed, n=REQUESTS, seconds=20.0):
    """Load, rotations and kills at once. Returns what was logged and what became events."""
    rng = random.Random(seed)
    data = cask.Data("sources:\n" + source(web.log))
    server = Server(data)
    load = Load(web, n, seconds)
    rotations = kills = 0
    while load.running():
        time.sleep(rng.uniform(0.2, 1.5))
        what = rng.random()
        if what < 0.5:
            rotate.run()
            rotations += 1
        elif what < 0.75:
            server.kill()
            server.process.wait()
            kills += 1
            for _ in range(rng.randrange(3)):  # while down
                rotate.run()
                rotations += 1
                time.sleep(rng.uniform(0, 0.5))
            server = Server(data)
    web.stop()
    expected = logged(web)
    settled(data, server, sum(expected.values()))
    time.sleep(2)  # what should not come
    got = events(data)
    print(f"{sum(load.sent)} answered, {sum(expected.values())} logged, {sum(got.values())} events, "
          f"{rotations} rotations, {kills} kills", flush=True)
    equal(server.stop(), 0, "exit code")
    data.run("verify")
    return load, expected, got


def exact(load, expected, got):
    wrong = [(path, expected[path], got[path]) for path in set(expected) | set(got) if expected[path] != got[path]]
    if wrong:
        raise AssertionError(f"{len(wrong)} paths differ (path, logged, events): {sorted(wrong)[:10]}")
    assert sum(expected.values()) >= sum(load.sent)


def test_nginx_create_delaycompress():
    web = Nginx()
    exact(*follow(web, Logrotate(web, "    create\n    compress\n    delaycompress\n", "USR1"), cask.seed()))


def test_nginx_compress_at_once_with_dates():
    web = Nginx()
    exact(*follow(web, Logrotate(web, "    create\n    compress\n    dateext\n    dateformat -%Y%m%d-%s\n", "USR1"),
                  cask.seed()))


def test_apache_graceful():
    web = Apache()
    exact(*follow(web, Logrotate(web, "    create\n    compress\n    delaycompress\n", "USR1"), cask.seed()))


def test_apache_copytruncate():
    """What is written between copying and cutting is lost by logrotate, for everybody who did not read it before: it is
    in no file. All else is exact."""
    web = Apache()
    load, expected, got = follow(web, Logrotate(web, "    copytruncate\n    compress\n    delaycompress\n"), cask.seed())
    wrong = [(path, n, got[path]) for path, n in expected.items() if got[path] != n]
    if wrong:
        raise AssertionError(f"{len(wrong)} paths differ (path, logged, events): {sorted(wrong)[:10]}")
    extra = {path: n for path, n in got.items() if path not in expected}
    assert all(n == 1 for n in extra.values()), extra
    print(f"in no file, but read in time: {len(extra)}", flush=True)


# --- without a web server --------------------------------------------------------------------------------------------


def lines(first, last, vhost=""):
    return "".join(f'{vhost}192.0.2.1 - - [01/Jan/2024:00:00:00 +0000] "GET /{i} HTTP/1.1" 200 5 "-" "Firefox"\n'
                   for i in range(first, last))


def append(path, text):
    with open(path, "a", encoding="utf-8") as f:
        f.write(text)


def each_once(data, n):
    got = events(data)
    wrong = {p: c for p, c in got.items() if c != 1}
    equal((len(got), wrong), (n, {}), "events")


def test_reload_adds_and_removes_sources():
    folder = cask.temp_dir()
    a, b = os.path.join(folder, "a.log"), os.path.join(folder, "b.log")
    data = cask.Data("sources:\n" + source(a, "a"))
    append(a, lines(0, 10))
    append(b, lines(10, 20))
    server = Server(data)
    settled(data, server, 10)
    cask.write(data.folder, "caskalytics.yaml", "sources:\n" + source(b, "b"))
    server.process.send_signal(signal.SIGHUP)
    settled(data, server, 20)
    each_once(data, 20)
    append(a, lines(20, 30))
    append(b, lines(30, 40))
    settled(data, server, 30)
    each_once(data, 30)
    cask.write(data.folder, "caskalytics.yaml", "sources:\n- {id: c, type: tail}\n")  # nothing of it is taken over
    server.process.send_signal(signal.SIGHUP)
    wait_for(lambda: "reload_failed" in server.log() and "path" in server.log())
    cask.write(data.folder, "caskalytics.yaml", "sources:\n" + source(a, "a") + source(b, "b"))
    server.process.send_signal(signal.SIGHUP)
    settled(data, server, 40)
    each_once(data, 40)
    metrics = ('caskalytics_tail_lag_bytes{source="a"} 0', 'caskalytics_tail_lines_total{source="b"}')
    wait_for(lambda: all(m in server.request("GET", "/metrics").body.decode() for m in metrics))
    equal(server.stop(), 0)


def test_control_data_lost_or_old():
    folder = cask.temp_dir()
    log = os.path.join(folder, "access.log")
    data = cask.Data("sources:\n" + source(log))
    append(log, lines(0, 100))
    server = Server(data)
    settled(data, server, 100)
    equal(server.stop(), 0)
    old = {name: open(os.path.join(data.path, name), "rb").read() for name in os.listdir(data.path)
           if name.startswith("control.db")}
    os.rename(log, log + ".1")
    append(log, lines(100, 200))
    server = Server(data)
    settled(data, server, 200)
    equal(server.stop(), 0)
    for name in list(os.listdir(data.path)):
        if name.startswith("control.db"):
            os.remove(os.path.join(data.path, name))
    for name, body in old.items():
        cask.write(data.path, name, body)
    append(log, lines(200, 300))
    server = Server(data)
    settled(data, server, 300)
    equal(server.stop(), 0)
    each_once(data, 300)
    for name in list(os.listdir(data.path)):
        if name.startswith("control.db"):
            os.remove(os.path.join(data.path, name))
    append(log, lines(300, 400))
    server = Server(data)
    settled(data, server, 400)
    equal(server.stop(), 0)
    each_once(data, 400)


def test_sites_of_lines_and_patterns():
    folder = cask.temp_dir()
    os.mkdir(os.path.join(folder, "one"))
    data = cask.Data("sites:\n- {name: a.example}\n- {name: b.example}\n"
                     f"sources:\n- {{id: all, type: tail, path: '{folder}/*/*.log'}}\n")
    append(os.path.join(folder, "one", "x.log"), lines(0, 10, "a.example:443 "))
    server = Server(data)
    settled(data, server, 10)
    os.mkdir(os.path.join(folder, "two"))
    append(os.path.join(folder, "two", "y.log"), lines(10, 30, "b.example:443 "))
    settled(data, server, 30)
    each_once(data, 30)
    equal(data.sql("SELECT site, count() FROM events GROUP BY site ORDER BY site"), "a.example\t10\nb.example\t20")
    equal(server.stop(), 0)


def restarts(data, server, n, kinds):
    """Each line is one event after each of the restarts. Returns the last server."""
    for kind in kinds:
        if kind == "kill":
            server.kill()
        else:
            equal(server.stop(), 0)
        server = Server(data)
        settled(data, server, n)
        time.sleep(3)  # what should not come
        each_once(data, n)
    return server


def test_many_logs_and_many_rotations():
    """More than any limit on what is remembered: live logs, and one that is rotated again and again."""
    folder = cask.temp_dir()
    data = cask.Data("sources:\n" + source(f"{folder}/vhost-*.log", "many") + source(f"{folder}/access.log", "one"))
    for i in range(100):
        append(os.path.join(folder, f"vhost-{i}x.log"), lines(10 * i, 10 * i + 10))
    log = os.path.join(folder, "access.log")
    server = Server(data)
    n = 1000
    for i in range(100):
        append(log, lines(n, n + 5))
        n += 5
        if i % 10 == 0:
            settled(data, server, n)
        os.rename(log, f"{log}.{i}")
    settled(data, server, n)
    server = restarts(data, server, n, ["stop", "kill", "stop"])
    cask.write(data.folder, "caskalytics.yaml", "sources:\n" + source(f"{folder}/*x.log", "many", format_="combined") +
               source(f"{folder}/access.log*", "one", format_="combined"))
    server.process.send_signal(signal.SIGHUP)
    wait_for(lambda: server.log().count("event=tail_sources") == 2)
    append(os.path.join(folder, "vhost-7x.log"), lines(n, n + 5))
    append(log, lines(n + 5, n + 10))
    n += 10
    settled(data, server, n)
    restarts(data, server, n, ["kill", "stop"]).stop()


def test_folder_that_is_missing_at_the_start():
    folder = cask.temp_dir()
    mount, away = os.path.join(folder, "mount"), os.path.join(folder, "away")
    os.mkdir(mount)
    data = cask.Data("sources:\n" + source(f"{mount}/*.log"))
    for i in range(100):
        append(os.path.join(mount, f"{i}x.log"), lines(10 * i, 10 * i + 10))
    server = Server(data)
    settled(data, server, 1000)
    equal(server.stop(), 0)
    os.rename(mount, away)
    server = restarts(data, Server(data), 1000, ["stop", "kill"])
    os.rename(away, mount)
    append(os.path.join(mount, "5x.log"), lines(1000, 1010))
    settled(data, server, 1010)
    restarts(data, server, 1010, ["kill", "stop"]).stop()


def test_copies_in_every_way():
    """Mirrors of logs that grow elsewhere, by rsync and by scp (here: cp); copies and packed files beside the log, with
    a pattern that matches all of them; a link whose file is rotated while the server is down."""
    rng = random.Random(cask.seed())
    folder = cask.temp_dir()
    names = {name: os.path.join(folder, name) for name in ("rsync.log", "scp.log", "all.log", "far.log")}
    os.mkdir(os.path.join(folder, "far"))
    far = os.path.join(folder, "far", "0.log")
    os.symlink(far, names["far.log"])
    data = cask.Data("sources:\n" + "".join(source(path + "*" * (name == "all.log"), name[:3])
                                            for name, path in names.items()))
    server, n, whole, turn = Server(data), 0, {"rsync.log": "", "scp.log": ""}, 0

    def more(path):
        nonlocal n
        count = rng.randrange(1, 200)
        append(path, lines(n, n + count))
        n += count

    for turn in range(12):
        for name in whole:
            count = rng.randrange(1, 2000)
            whole[name] += lines(n, n + count)
            n += count
        temp = cask.write(folder, ".rsync.XyZ", whole["rsync.log"])
        os.rename(temp, names["rsync.log"])
        with open(names["scp.log"], "w", encoding="utf-8", buffering=1) as f:
            for at in range(0, len(whole["scp.log"]), 60000):  # it takes its time
                f.write(whole["scp.log"][at:at + 60000])
                f.flush()
                time.sleep(rng.choice((0, 0.05, 0.4)))
        more(names["all.log"])
        more(far)
        down = turn % 4 == 3
        if down:
            server.kill()
            more(names["all.log"])
            more(far)
        shutil.copy(names["all.log"], f"{names['all.log']}.{turn}")
        if not down:
            settled(data, server, n)
        os.truncate(names["all.log"], 0)
        os.rename(far, f"{far}.{turn}")
        more(far)
        if turn % 3 == 2:
            subprocess.run(["gzip", "-k", f"{names['all.log']}.{turn - 1}", f"{far}.{turn - 1}"], check=True)
            time.sleep(rng.uniform(0, 1.5))
            os.remove(f"{names['all.log']}.{turn - 1}")
            os.remove(f"{far}.{turn - 1}")
        if down:
            server = Server(data)
        time.sleep(rng.uniform(0, 1.5))
    settled(data, server, n)
    restarts(data, server, n, ["stop", "kill"]).stop()


if __name__ == "__main__":
    cask.main(globals())
