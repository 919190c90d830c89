#!/usr/bin/python3
"""Behind real proxies: the samples of packaging/proxy, with only ports and paths of certificates replaced, at the root of
a host and below a path. Clients are told apart as the proxy sees them, streams and large bodies pass."""
import atexit
import collections
import contextlib
import functools
import gzip
import http.client
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import cask
import count
from cask import equal
from people_test import PASSWORD, setup_link
from tail_test import program

SAMPLES = os.path.join(cask.ROOT, "packaging", "proxy")
HOST, SITE = "stats.example.org", "www.example.org"
SAMPLE_URL = "https://stats.example.org"
CONFIG = """
trusted_proxies: [127.0.0.1]
public_url: {url}
sites: [{{name: www.example.org}}, {{name: logs.example.org}}]
sources:
  - {{id: web, type: ingest, site: logs.example.org, format: combined, token: secret-1}}
"""
AGENTS = ["Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36",
          "Mozilla/5.0 (X11; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0"]
CLIENTS = ["127.0.0.2", "127.0.0.3", "127.0.0.4"]


def replace(text, *pairs):
    for old, new in pairs:
        if old not in text:
            raise AssertionError(f"the sample has no {old!r}")
        text = text.replace(old, new)
    return text


def commented(sample):
    """The lines that the sample's last comment has for the block of a site."""
    block = sample[sample.index("# Beacons from the host of a site itself"):].split("\n# and in its pages", 1)[0].split("\n")[1:]
    return "".join(line.removeprefix("#") + "\n" for line in block)


# --- proxies -------------------------------------------------------------------------------------


class Proxy:
    """A real proxy on a free port, with TLS, in front of a server."""

    site_address = "127.0.0.1"

    def __init__(self, server):
        self.folder = cask.temp_dir()
        self.port = cask.free_port()
        self.certificate, self.key = (os.path.join(self.folder, name) for name in ("cert.pem", "key.pem"))
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                        "-days", "2", "-subj", f"/CN={HOST}", "-keyout", self.key, "-out", self.certificate],
                       check=True, capture_output=True)
        with open(os.path.join(SAMPLES, self.sample), encoding="utf-8") as f:
            text = replace(f.read(), ("127.0.0.1:8080", f"127.0.0.1:{server.port}"))
        self.config = cask.write(self.folder, "proxy.conf", self.configuration(text))
        self.log_path = os.path.join(self.folder, "proxy.log")
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            start_new_session=True, env={**os.environ, "HOME": self.folder,
                                                                         "XDG_DATA_HOME": self.folder})
        atexit.register(self.kill)
        cask.wait_for(self.answers)

    def answers(self):
        if self.process.poll() is not None:
            with open(self.log_path, encoding="utf-8", errors="replace") as f:
                raise AssertionError(f"{self.sample}: ended with {self.process.returncode}:\n{f.read()[-2000:]}")
        with contextlib.suppress(OSError):
            return ask(self, "GET", "/healthz").status == 200

    def kill(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


class Nginx(Proxy):
    sample = "nginx.conf"

    def command(self):
        return [program("nginx"), "-p", self.folder, "-c", self.config, "-e", os.path.join(self.folder, "error.log")]

    def configuration(self, text):
        tls = f"ssl_certificate {self.certificate}; ssl_certificate_key {self.key};"
        site = commented(text)
        temp = "".join(f"{name}_temp_path {self.folder}/{name};\n"
                       for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        user = "user root;\n" if os.getuid() == 0 else ""
        text = replace(text, ("listen 443 ssl;", f"listen 127.0.0.1:{self.port} ssl;"),
                       ("/etc/ssl/stats.example.org.pem", self.certificate), ("/etc/ssl/stats.example.org.key", self.key))
        return (f"{user}daemon off;\nworker_processes 2;\npid {self.folder}/proxy.pid;\nevents {{}}\nhttp {{\n{temp}"
                f"access_log off;\n{text}\n"
                f"server {{ listen 127.0.0.1:{self.port} ssl; server_name {SITE}; {tls}\n{site}}}\n}}\n")


class Caddy(Proxy):
    sample = "Caddyfile"

    def command(self):
        return [program("caddy"), "run", "--config", self.config, "--adapter", "caddyfile"]

    def configuration(self, text):
        """Its own authority, and free ports, in place of those of the internet."""
        options = (f"{{\n\tadmin off\n\tlocal_certs\n\tskip_install_trust\n\tauto_https disable_redirects\n"
                   f"\tdefault_bind 127.0.0.1\n\thttps_port {self.port}\n\thttp_port {cask.free_port()}\n}}\n")
        return f"{options}{text}\n{SITE} {{\n{commented(text)}}}\n"


class HAProxy(Proxy):
    sample = "haproxy.cfg"
    site_address = "127.0.0.9"  # frontends are told apart by address

    def command(self):
        return [program("haproxy"), "-db", "-f", self.config]

    def configuration(self, text):
        with open(self.certificate, encoding="ascii") as cert, open(self.key, encoding="ascii") as key:
            both = cask.write(self.folder, "both.pem", cert.read() + key.read())
        site = commented(text)
        return replace(text, ("bind :443", f"bind 127.0.0.1:{self.port}"), ("/etc/haproxy/stats.example.org.pem", both)) + (
            f"\nfrontend site\n    bind {self.site_address}:{self.port} ssl crt {both}\n{site}")


# --- clients -------------------------------------------------------------------------------------


class Connection(http.client.HTTPSConnection):
    """To the proxy, by the name it is known as, from one of the addresses of this machine."""

    def __init__(self, proxy, address, host, timeout=60):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # it is self-signed
        super().__init__(host, timeout=timeout, context=context)
        self.at, self.address = ("127.0.0.1" if host == HOST else proxy.site_address, proxy.port), address

    def connect(self):
        plain = socket.create_connection(self.at, self.timeout, source_address=(self.address, 0))
        self.sock = self._context.wrap_socket(plain, server_hostname=self.host)


def ask(proxy, method, path, body=None, headers=None, address=CLIENTS[0], host=HOST):
    c = Connection(proxy, address, host)
    try:
        c.request(method, path, body, headers or {})
        r = c.getresponse()
        return cask.Answer(r.status, {k.lower(): v for k, v in r.getheaders()}, r.read())
    finally:
        c.close()


class Visit:
    """A person with a browser, behind a proxy. What is sent is counted here, too."""

    def __init__(self, make, prefix):
        url = SAMPLE_URL + prefix
        self.server = cask.Server(cask.Data(CONFIG.format(url=url)))
        self.proxy, self.prefix, self.url = make(self.server), prefix, url
        self.cookie = self.csrf = None
        self.views, self.people = collections.Counter(), set()

    def ask(self, method, path, body=None, address=CLIENTS[0], **headers):
        headers = {k.replace("_", "-"): v for k, v in headers.items()}
        if self.cookie:
            headers["Cookie"] = "cask_session=" + self.cookie
        return ask(self.proxy, method, self.prefix + path, body, headers, address)

    def json(self, method, path, doc=None, status=200, **headers):
        if doc is not None:
            headers = {"Content-Type": "application/json", "Origin": SAMPLE_URL, **headers}
        answer = self.ask(method, path, json.dumps(doc) if doc is not None else None, **headers)
        equal(answer.status, status, f"{method} {path}: {answer.body}")
        return answer.json()

    def query(self, **question):
        return self.json("GET", "/api/v1/query?" + urllib.parse.urlencode({**question, "bots": "include"}))

    def log_in(self):
        url, _, secret = setup_link(self.server).partition("/setup#")
        equal(url, self.url, "the link")
        equal(self.ask("GET", "/api/v1/query?metrics=hits").status, 401, "without log-in")
        answer = self.ask("POST", "/api/v1/setup", json.dumps({"token": secret, "name": "ada", "password": PASSWORD}),
                          Content_Type="application/json", Origin=SAMPLE_URL, Sec_Fetch_Site="same-origin")
        equal(answer.status, 200, answer.body)
        cookie = answer.headers["set-cookie"]
        self.cookie, self.csrf = re.match(r"cask_session=([^;]*)", cookie)[1], answer.json()["csrf"]
        parts = {part.strip().lower() for part in cookie.split(";")}
        missing = {f"path={self.prefix}/", "secure", "httponly", "samesite=lax"} - parts
        equal(missing, set(), cookie)
        equal(self.json("GET", "/api/v1/session")["user"], "ada", "session")
        doc = {"name": "reader", "scopes": ["read"]}
        self.json("POST", "/api/v1/tokens", doc, 403, X_CSRF_Token=self.csrf, Origin="https://evil.example")
        self.json("POST", "/api/v1/tokens", doc, 201, X_CSRF_Token=self.csrf)

    def see(self, page, address, agent, path=None, host=HOST, **headers):
        body = json.dumps({"n": "pageview", "u": f"https://{SITE}{page}", "d": SITE})
        headers = {"User-Agent": agent, "Content-Type": "text/plain", **headers}
        answer = ask(self.proxy, "POST", path or self.prefix + "/api/event", body, headers, address, host)
        equal((answer.status, answer.headers.get("access-control-allow-origin")), (204, "*"), answer.body)
        self.views[page] += 1
        self.people.add((address, agent))

    def check_views(self):
        total = self.query(metrics="pageviews,visitors,sessions", site=SITE)["total"]
        equal(total, {"pageviews": self.views.total(), "visitors": len(self.people), "sessions": len(self.people)}, SITE)
        rows = self.query(metrics="pageviews", group="path", site=SITE)["rows"]
        equal({row["path"]: row["pageviews"] for row in rows}, dict(self.views), "paths")

    def addresses(self):
        """In the lake, as avrocat reads it: {address: beacons}."""
        seen = collections.Counter()
        for folder, _, names in os.walk(os.path.join(self.server.data.path, "lake", "web")):
            for name in names:
                out = subprocess.run(["avrocat", os.path.join(folder, name)], check=True, capture_output=True).stdout
                for line in out.splitlines():
                    if body := json.loads(line)["body"]:
                        seen[json.loads(body)["ip"]] += 1
        return dict(seen)


def check_beacons(visit):
    n = 0
    for address in CLIENTS:
        for agent in AGENTS:
            for forged in (None, "198.51.100.7", "127.0.0.1", f"203.0.113.{n}, 127.0.0.1", "rubbish"):
                n += 1
                headers = {"X-Forwarded-For": forged, "X-Real-IP": "203.0.113.9", "Forwarded": "for=203.0.113.9"}
                visit.see(f"/page{n % 7}", address, agent, **({} if forged is None else headers))
    visit.check_views()


def check_script(visit):
    plain = visit.ask("GET", "/beacon.js")
    packed = visit.ask("GET", "/beacon.js", Accept_Encoding="gzip, br")
    equal((plain.status, plain.headers.get("content-encoding")), (200, None), "beacon.js")
    equal((packed.status, packed.headers.get("content-encoding")), (200, "gzip"), "beacon.js, packed")
    equal(plain.body, visit.server.request("GET", "/beacon.js").body, "beacon.js")
    equal(gzip.decompress(packed.body), plain.body, "beacon.js, packed")
    equal(packed.headers["access-control-allow-origin"], "*", "CORS")
    again = visit.ask("GET", "/beacon.js", Accept_Encoding="gzip, br", If_None_Match=packed.headers["etag"])
    equal((again.status, again.body), (304, b""), "beacon.js again")


def check_stream(visit):
    """Each event passes while the stream goes on: a proxy that collected them would let this wait in vain."""
    c = Connection(visit.proxy, CLIENTS[0], HOST, timeout=30)
    c.request("GET", visit.prefix + "/api/v1/changes", headers={"Cookie": "cask_session=" + visit.cookie})
    r = c.getresponse()
    equal((r.status, r.getheader("content-type")), (200, "text/event-stream"), "stream")

    def version():
        while not (found := re.match(rb'data: \{"version":(\d+)\}', line := r.readline())):
            if not line:
                raise AssertionError("the stream ended")
        return int(found[1])

    before = version()
    for _ in range(2):
        visit.see("/live", CLIENTS[1], AGENTS[0])
        while (now := version()) == before:
            pass  # of what came before the stream
        before = now
    r.close()
    c.close()


def log_of(n, first):
    stamp = time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(time.time() - 3600))
    return "".join(f'198.51.100.{i % 200} - - [{stamp}] "GET /l{i % 500} HTTP/1.1" 200 {i} "https://search.example/?q={i}" '
                   f'"{AGENTS[i % 2]}"\n' for i in range(first, first + n)).encode()


@functools.cache
def logs_and_count():
    counter = count.Counter()
    logs = [log_of(20000, i * 20000) for i in range(3)]
    for log in logs:
        counter.read(log, "combined", "logs.example.org")
    return logs, counter


def check_ingest(visit):
    """Some MB as they are, packed, and in chunks without a length; nothing of those that are refused."""
    def send(body, token="secret-1", **headers):
        return visit.ask("POST", "/ingest/web", body, Authorization="Bearer " + token, **headers)

    logs, counter = logs_and_count()
    packed = gzip.compress(logs[1])
    chunks = (logs[2][i:i + 50000] for i in range(0, len(logs[2]), 50000))
    for body, headers in ((logs[0], {}), (packed, {"Content_Encoding": "gzip"}), (chunks, {})):
        answer = send(body, **headers)
        equal((answer.status, answer.body), (204, b""), headers)
    question = {"group": "path", "site": "logs.example.org", "limit": 1000}
    metrics = ("hits", "pageviews", "visitors", "bytes")
    answer = visit.query(metrics=",".join(metrics), **question)
    equal(cask.differences(answer, counter, metrics, group=("path",), bots="include", sites=["logs.example.org"]), [], "logs")


def check_refusals(visit):
    """What is refused before its body is read is told, not cut off."""
    body = log_of(20000, 0)
    for path, headers, status in (("/ingest/web", {"Authorization": "Bearer wrong"}, 401),
                                  ("/ingest/nobody", {"Authorization": "Bearer secret-1"}, 404),
                                  ("/api/event", {}, 413)):
        answer = visit.ask("POST", path, body, **headers)
        equal(answer.status, status, f"{path}: {answer.body}")
    for path in ("/metrics", "/%6detrics"):
        equal(visit.ask("GET", path).status, 404, f"{path} is seen from outside")
    equal(visit.server.request("GET", visit.prefix + "/metrics").status, 200, "metrics, past the proxy")


def check_site(visit):
    """Script and events by the host of the site itself, as the comment in the sample says."""
    script = ask(visit.proxy, "GET", "/js/cask.js", host=SITE)
    equal((script.status, script.body), (200, visit.server.request("GET", "/beacon.js").body), "/js/cask.js")
    for forged in ("198.51.100.7", "127.0.0.1"):
        visit.see("/own", CLIENTS[2], AGENTS[0], "/js/cask/event", SITE, **{"X-Forwarded-For": forged})


def check(make):
    for prefix in ("", "/stats"):
        visit = Visit(make, prefix)
        visit.log_in()
        for step in (check_beacons, check_script, check_stream, check_ingest, check_refusals, check_site):
            step(visit)
        visit.check_views()
        visit.proxy.kill()
        equal(visit.server.stop(), 0, "exit code")
        equal(set(visit.addresses()), set(CLIENTS), "addresses in the lake")
        equal(sum(visit.addresses().values()), visit.views.total(), "beacons in the lake")


def test_nginx():
    check(Nginx)


def test_caddy():
    check(Caddy)


def test_haproxy():
    check(HAProxy)


if __name__ == "__main__":
    cask.main(globals())
