#!/usr/bin/python3
"""People: set-up, log-in, CSRF, roles, sites of callers, tokens, share links, and what the API makes (sites, sources)."""
import json
import os
import pty
import re
import signal
import sys
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import cask
from cask import equal

CONFIG = """
sites: [{name: a.org, timezone: Europe/Berlin}]
sources: [{id: declared, type: ingest, site: a.org, format: combined, token: declared-token}]
"""
PASSWORD = "correct horse"
JSON = {"Content-Type": "application/json"}
AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36"


def log_lines(n, day="20/May/2015"):
    return "".join(f'192.0.2.{i} - - [{day}:10:00:{i:02d} +0000] "GET /p{i} HTTP/1.1" 200 5 "-" "{AGENT}"\n'
                   for i in range(1, n + 1))


def serve(config=CONFIG, data=None, **more):
    return cask.Server(data or cask.Data(config), **more)


def setup_link(server):
    path = os.path.join(server.data.path, "setup-link")
    cask.wait_for(lambda: "event=setup_link" in server.log())
    equal(os.stat(path).st_mode & 0o777, 0o600, "mode")
    with open(path, encoding="utf-8") as f:
        return f.read().strip()


def setup_secret(server):
    return re.search(r"/setup#(\S+)$", setup_link(server))[1]


class Caller:
    """A browser, or a program with a token."""

    def __init__(self, server, token=None, share=None):
        self.server, self.token, self.share = server, token, share
        self.cookie = self.csrf = None

    def ask(self, method, path, doc=None, **headers):
        headers = {k.replace("_", "-"): v for k, v in headers.items()}
        if doc is not None:
            headers = {**JSON, **headers}
        if self.token:
            headers["Authorization"] = "Bearer " + self.token
        if self.cookie:
            headers["Cookie"] = "cask_session=" + self.cookie
        if self.csrf and method != "GET":
            headers = {"X-CSRF-Token": self.csrf, "Origin": f"http://127.0.0.1:{self.server.port}", **headers}
        if self.share:
            path += ("&" if "?" in path else "?") + "share=" + self.share
        body = doc if isinstance(doc, (bytes, str)) or doc is None else json.dumps(doc)
        headers = {k: v for k, v in headers.items() if v is not None}
        if self.cookie or self.csrf:
            headers.setdefault("Host", f"127.0.0.1:{self.server.port}")
        return self.server.request(method, path, body, headers)

    def take(self, answer):
        equal(answer.status, 200, answer.body)
        self.cookie = re.match(r"cask_session=([^;]*)", answer.headers["set-cookie"])[1]
        self.csrf = answer.json()["csrf"]
        return self

    def login(self, name, password=PASSWORD, **headers):
        return self.take(self.ask("POST", "/api/v1/session", {"name": name, "password": password}, **headers))

    def do(self, method, path, doc=None, status=200, **headers):
        answer = self.ask(method, path, doc, **headers)
        equal(answer.status, status, f"{method} {path}: {answer.body}")
        return answer.json() if answer.body[:1] in (b"{", b"[") else None

    def who(self):
        return self.do("GET", "/api/v1/session")["user"]

    def rows(self, **question):
        question = {k.rstrip("_"): v for k, v in question.items()}
        return self.ask("GET", "/api/v1/query?" + urllib.parse.urlencode(question, doseq=True))


def administrator(server):
    caller = Caller(server)
    doc = {"token": setup_secret(server), "name": "Ada", "password": PASSWORD}
    return caller.take(caller.ask("POST", "/api/v1/setup", doc))


def add_user(admin, name, role, sites=None):
    admin.do("POST", "/api/v1/users", {"name": name, "role": role, "sites": sites, "password": PASSWORD}, 201)
    return Caller(admin.server).login(name)


def add_token(admin, name, *scopes, **more):
    made = admin.do("POST", "/api/v1/tokens", {"name": name, "scopes": scopes, **more}, 201)
    return Caller(admin.server, token=made["token"])


# --- the first administrator ---------------------------------------------------------------------


def test_setup_link_works_once():
    server = serve()
    nobody = Caller(server)
    equal(nobody.do("GET", "/api/v1/session")["needs_setup"], True)
    secret = setup_secret(server)
    # neither beacons nor the unix socket wait for it
    event = json.dumps({"name": "pageview", "url": "https://a.org/", "domain": "a.org"})
    assert server.request("POST", "/api/event", event, {"User-Agent": AGENT}).status in (202, 204)
    equal(server.query(metrics="hits", site="a.org")["total"]["hits"] >= 1, True)
    doc = {"token": "wrong", "name": "eve", "password": PASSWORD}
    nobody.do("POST", "/api/v1/setup", doc, 400)
    nobody.do("POST", "/api/v1/setup", {**doc, "token": secret, "password": "short"}, 400)
    admin = administrator(server)
    equal(admin.who(), "ada")
    equal(admin.do("GET", "/api/v1/session")["needs_setup"], False)
    nobody.do("POST", "/api/v1/setup", {**doc, "token": secret}, 400)
    equal(server.stop(), 0)
    server = serve(data=server.data)
    equal("event=setup_link" in server.log(), False, "a link although there is an administrator")
    equal(os.path.exists(os.path.join(server.data.path, "setup-link")), False, "the file")
    Caller(server).login("ada")
    equal(server.stop(), 0)


def test_setup_link_is_printed_on_a_terminal_only():
    data = cask.Data(CONFIG)
    path = os.path.join(data.path, "setup-link")
    server = serve(data=data)
    setup_link(server)
    server.kill()
    equal(os.path.exists(path), True, "what a kill leaves behind")
    parent, child = pty.openpty()
    process = data.start("serve", "--listen", "127.0.0.1:0", stdout=child)
    os.close(child)
    seen = b""
    while b"/setup#" not in seen or not seen.endswith(b"\n"):
        seen += os.read(parent, 4096)
    equal(os.path.exists(path), False, "a file as well")
    process.terminate()
    log = process.communicate(timeout=60)[1]
    os.close(parent)
    equal((process.returncode, b"setup" in log), (0, False), log)


def test_a_new_start_voids_the_old_link():
    server = serve()
    old = setup_secret(server)
    equal(server.stop(), 0)
    server = serve(data=server.data)
    Caller(server).do("POST", "/api/v1/setup", {"token": old, "name": "eve", "password": PASSWORD}, 400)
    administrator(server)
    equal(server.stop(), 0)


def test_beyond_loopback_an_administrator_comes_first():
    data = cask.Data(CONFIG)
    for address in ("0.0.0.0:0", "[::]:0", ":0"):
        done = data.run("serve", "--listen", address, code=2)
        assert b"user add" in done.stderr, done.stderr
    data.run("user", "add", "ada", "--role", "admin", stdin=PASSWORD.encode())
    server = cask.Server(data, listen="0.0.0.0")
    Caller(server).login("ada")
    equal(server.stop(), 0)


# --- sessions ------------------------------------------------------------------------------------


def test_session_cookie():
    server = serve()
    administrator(server)
    caller = Caller(server)
    answer = caller.ask("POST", "/api/v1/session", {"name": "ada", "password": PASSWORD})
    cookie = answer.headers["set-cookie"]
    for part in ("HttpOnly", "SameSite=Lax", "Path=/;"):
        assert part in cookie, cookie
    assert "Secure" not in cookie, cookie
    caller.take(answer)
    first = caller.cookie
    # no fixation: an id from outside is never taken over, and one that was there ends
    for planted in ("planted", first):
        caller.cookie = planted
        caller.login("ada", Origin=None, X_CSRF_Token=None)
        assert caller.cookie not in (planted, ""), caller.cookie
        equal(caller.who(), "ada")
        stale = Caller(server)
        stale.cookie = planted
        equal(stale.who(), None)
    caller.do("DELETE", "/api/v1/session", status=204)
    equal(caller.who(), None)
    equal(server.stop(), 0)
    server = serve(CONFIG + "public_url: https://stats.example.org/stats/\n", data=None)
    cookie = Caller(server).ask("POST", "/api/v1/setup", {"token": setup_secret(server), "name": "ada",
                                                          "password": PASSWORD}).headers["set-cookie"]
    assert "; Secure" in cookie and "Path=/stats/;" in cookie, cookie
    equal(setup_link(server).split("#")[0], "https://stats.example.org/stats/setup")
    equal(server.stop(), 0)


def test_password_change_ends_all_sessions():
    server = serve()
    admin = administrator(server)
    bob = add_user(admin, "bob", "viewer")
    other = Caller(server).login("bob")
    refused = bob.do("PUT", "/api/v1/session/password", {"old": "wrong wrong", "password": "another horse"}, 400)
    assert "the old password is wrong" in json.dumps(refused), refused
    equal(other.who(), "bob")
    bob.take(bob.ask("PUT", "/api/v1/session/password", {"old": PASSWORD, "password": "another horse"}))
    equal((bob.who(), other.who(), admin.who()), ("bob", None, "ada"))
    admin.do("PATCH", "/api/v1/users/bob", {"password": PASSWORD})
    equal(bob.who(), None)
    bob = Caller(server).login("bob")
    server.data.run("user", "passwd", "bob", stdin=b"from the command line\n")
    equal(bob.who(), None)
    Caller(server).login("bob", "from the command line")
    equal(server.stop(), 0)
    server = serve(data=server.data)
    equal(Caller(server).login("bob", "from the command line").who(), "bob")
    admin.server = server  # sessions outlive the server
    equal(admin.who(), "ada")
    equal(server.stop(), 0)


def test_forged_requests():
    server = serve()
    admin = administrator(server)
    own = f"http://127.0.0.1:{server.port}"
    refused = [
        {"X_CSRF_Token": None},
        {"X_CSRF_Token": "wrong"},
        {"X_CSRF_Token": ""},
        {"X_CSRF_Token": admin.cookie},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": own + ".evil.example"},
        {"Origin": own + "1"},
        {"Origin": None},
        {"Origin": None, "Sec_Fetch_Site": "cross-site"},
        {"Origin": None, "Sec_Fetch_Site": "same-site"},
        {"Sec_Fetch_Site": "cross-site"},
    ]
    for n, headers in enumerate(refused):
        for method, path, doc in (("POST", "/api/v1/sites", {"name": f"s{n}.org"}),
                                  ("DELETE", "/api/v1/users/ada", None),
                                  ("POST", "/api/v1/query", {"metrics": ["hits"]}),
                                  ("PUT", "/api/v1/session/password", {"old": PASSWORD, "password": "x" * 10}),
                                  ("DELETE", "/api/v1/session", None)):
            equal(admin.ask(method, path, doc, **headers).status, 403, f"{method} {path} {headers}")
    # a form of another page cannot send JSON
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/jsonp"):
        admin.do("POST", "/api/v1/sites", '{"name":"form.org"}', 400, Content_Type=kind)
    for n, headers in enumerate([{}, {"Origin": None, "Sec_Fetch_Site": "same-origin"},
                                 {"Origin": f"https://127.0.0.1:{server.port}"}]):
        admin.do("POST", "/api/v1/sites", {"name": f"good{n}.org"}, 201, **headers)
    # nobody is logged in by another page, either
    doc = {"name": "ada", "password": PASSWORD}
    Caller(server).do("POST", "/api/v1/session", doc, 403, Origin="http://evil.example")
    Caller(server).do("POST", "/api/v1/session", doc, 403, Sec_Fetch_Site="cross-site")
    Caller(server).do("POST", "/api/v1/session", json.dumps(doc), 400, Content_Type="text/plain")
    # a token is no cookie: no browser sends it by itself
    add_token(admin, "t", "admin").do("POST", "/api/v1/sites", {"name": "token.org"}, 201,
                                      Origin="http://elsewhere.example")
    names = {s["name"] for s in admin.do("GET", "/api/v1/sites")["sites"]}
    equal(names, {"a.org", "good0.org", "good1.org", "good2.org", "token.org"})
    equal(server.stop(), 0)


def test_guessing_is_slowed_down():
    server = serve(CONFIG + "trusted_proxies: [127.0.0.1]\n")
    admin = administrator(server)
    add_user(admin, "bob", "viewer")

    def attempt(name, password, address):
        return Caller(server).ask("POST", "/api/v1/session", {"name": name, "password": password},
                                  X_Forwarded_For=address)

    for name in ("bob", "nobody"):  # a name that does not exist looks the same
        texts = set()
        for i in range(5):
            answer = attempt(name, f"wrong guess {i}", f"203.0.113.{i}")
            equal(answer.status, 401, name)
            texts.add(answer.body)
        equal(texts, {b'{"error":"wrong name or password"}\n'})
        answer = attempt(name, PASSWORD, "203.0.113.99")
        equal(answer.status, 429, name)
        assert int(answer.headers["retry-after"]) >= 1
        equal(attempt(name, PASSWORD, "192.0.2.1").status, 200 if name == "bob" else 401)  # elsewhere nobody guessed
    statuses = [attempt(f"made-up-{i}", "guess guess", "198.51.100.7").status for i in range(21)]
    equal(statuses, [401] * 20 + [429])
    equal(admin.who(), "ada")  # who is in stays in
    metrics = server.request("GET", "/metrics").body.decode()
    assert re.search(r'^caskalytics_logins_total\{result="throttled"\} 3$', metrics, re.M), metrics
    server.data.run("user", "passwd", "bob", stdin=b"a new password")
    equal(attempt("bob", "a new password", "203.0.113.99").status, 200)
    equal(server.stop(), 0)
    for address in ("203.0.113.", "198.51.100.7"):
        assert address not in server.log()


# --- who may do what -----------------------------------------------------------------------------

ORDER = ["viewer", "editor", "admin"]


def expected(access, caller):
    """401, 403, or None: it gets to the handler."""
    role = {"share": "viewer", "read": "viewer", "admin-token": "admin"}.get(caller, caller)
    if access not in ORDER:
        return None
    if role in ORDER:
        return None if ORDER.index(role) >= ORDER.index(access) else 403
    return 401 if role in ("nobody", "garbage", "gone", "no-share") else 403


def test_every_route_for_every_caller():
    server = serve()
    admin = administrator(server)
    gone = add_token(admin, "gone", "admin")
    admin.do("DELETE", "/api/v1/tokens/gone", status=204)
    share = admin.do("POST", "/api/v1/shares", {"sites": ["a.org"]}, 201)["share"]
    stale = Caller(server)
    stale.cookie = "x" * 43
    callers = {
        "nobody": Caller(server), "garbage": Caller(server, token="cask_" + "x" * 43), "gone": gone,
        "no-share": Caller(server, share="x" * 43), "share": Caller(server, share=share),
        "read": add_token(admin, "read", "read"), "ingest": add_token(admin, "ingest", "ingest:declared"),
        "viewer": add_user(admin, "vera", "viewer"), "editor": add_user(admin, "ed", "editor"), "admin": admin,
        "admin-token": add_token(admin, "admin", "admin"),
    }
    document = json.loads(Caller(server).ask("GET", "/api/v1/openapi.json").body)
    asked = 0
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if path == "/api/v1/session":
                continue  # ends the sessions of this test
            for name, caller in callers.items():
                status = expected(operation["x-access"], name)
                if operation["operationId"] == "changes" and status is None:
                    continue  # does not end
                url = re.sub(r"\{\w+\}", "no-such-thing", path)
                doc = {} if "requestBody" in operation else None
                got = caller.ask(method.upper(), url, doc)
                asked += 1
                if status is not None:
                    equal(got.status, status, f"{method} {path} for {name}: {got.body}")
                elif operation["x-access"] in ORDER and "session" not in path:
                    assert got.status not in (401, 403), f"{method} {path} for {name}: {got.status} {got.body}"
                if "{" not in path:
                    assert got.status not in (404, 405), f"{method} {path} for {name}: {got.status} {got.body}"
    assert asked > 300, asked
    assert not any(path.startswith("/local") for path in document["paths"]), "for the commands of this machine"
    for path in ("/local/run?words=1", "/local/imports", "/local/append?records=1", "/local/counts"):
        for name, caller in callers.items():
            equal(caller.ask("POST", path).status, 403, f"{path} for {name}")
    equal(stale.ask("GET", "/api/v1/sites").status, 401)
    equal(server.stop(), 0)


def two_sites():
    data = cask.Data(CONFIG)
    data.load("--site", "a.org", data.file(log_lines(3)))
    data.load("--site", "b.org", data.file(log_lines(5)))
    data.load("--site", "secret.org", data.file(log_lines(7)))
    return serve(data=data)


def check_sees_only(caller, sites, hits):
    """The answers have these sites' hits, however one asks."""
    def total(**question):
        answer = caller.rows(metrics="hits", **question)
        equal(answer.status, 200, answer.body)
        return answer.json()["total"]["hits"]

    equal(total(), sum(hits))
    equal(total(site="all"), sum(hits))
    rows = caller.rows(metrics="hits", group="site").json()["rows"]
    equal(sorted((r["site"], r["hits"]) for r in rows), sorted(zip(sites, hits)))
    equal(total(filter="site=secret.org"), 0)
    equal(total(filter="site~.*"), sum(hits))
    equal(total(filter="site!=nothing"), sum(hits))
    equal(total(filter="site=secret.org' OR 1=1 OR site='"), 0)
    for asked in ("secret.org", "secret.org,a.org", "a.org,secret.org", "nothing.org", "*"):
        answer = caller.rows(metrics="hits", site=asked)
        assert answer.status in (400, 404), (asked, answer.status, answer.body)
        for other in {"a.org", "b.org", "secret.org"} - set(sites) - set(asked.split(",")):
            assert other.encode() not in answer.body, answer.body
    answer = caller.ask("GET", "/api/v1/realtime?site=secret.org")
    equal(answer.status, 404)
    equal(caller.ask("GET", "/api/v1/realtime").status, 200)
    listed = [s["name"] for s in caller.do("GET", "/api/v1/sites")["sites"]]
    equal(sorted(listed), sorted(sites))
    caller.do("GET", "/api/v1/sites/secret.org", status=404)
    if not caller.cookie:
        for doc in ({"metrics": ["hits"], "sites": ["secret.org"]}, {"metrics": ["hits"], "site": "secret.org"}):
            equal(caller.ask("POST", "/api/v1/query", doc).status, 404)
        equal(caller.ask("POST", "/api/v1/query", {"metrics": ["hits"]}).json()["total"]["hits"], sum(hits))


def test_callers_see_their_sites_only():
    server = two_sites()
    admin = administrator(server)
    equal(admin.rows(metrics="hits").json()["total"]["hits"], 15)
    check_sees_only(add_user(admin, "vera", "viewer", ["a.org", "b.org"]), ["a.org", "b.org"], [3, 5])
    check_sees_only(add_user(admin, "ed", "editor", ["b.org"]), ["b.org"], [5])
    check_sees_only(add_token(admin, "board", "read", sites=["a.org"]), ["a.org"], [3])
    share = admin.do("POST", "/api/v1/shares", {"sites": ["a.org"]}, 201)
    check_sees_only(Caller(server, share=share["share"]), ["a.org"], [3])
    # a site that nobody knows is not explained by a list of those that are known
    ghost = add_user(admin, "ghost", "viewer", ["ghost.org"])
    for question in ({"site": "ghost.org"}, {}):
        answer = ghost.rows(metrics="hits", **question)
        assert answer.status == 404 and b"secret" not in answer.body, answer.body
    none = add_user(admin, "none", "viewer", [])
    equal(none.rows(metrics="hits").status, 404)
    equal(none.do("GET", "/api/v1/sites"), {"sites": []})
    # rights change at once
    admin.do("PATCH", "/api/v1/users/none", {"sites": ["b.org"]})
    check_sees_only(none, ["b.org"], [5])
    equal(server.stop(), 0)


def test_share_links():
    server = two_sites()
    admin = administrator(server)
    ed = add_user(admin, "ed", "editor", ["b.org"])
    for doc in ({"sites": ["a.org"]}, {"sites": None}, {}, {"sites": []}, {"sites": ["b.org"], "expires": "2001-01-01"},
                {"sites": ["b.org"], "expires": "2999-01-01"}, {"sites": ["b.org"], "role": "admin"}):
        ed.do("POST", "/api/v1/shares", doc, 400)
    made = ed.do("POST", "/api/v1/shares", {"sites": ["b.org"]}, 201)
    equal(made["link"], "/?share=" + made["share"])
    guest = Caller(server, share=made["share"])
    who = guest.do("GET", "/api/v1/session")
    equal((who["kind"], who["role"], who["sites"], who["csrf"]), ("share", "viewer", ["b.org"], None))
    for method, path in (("POST", "/api/v1/shares"), ("GET", "/api/v1/users"), ("PUT", "/api/v1/session/password"),
                         ("DELETE", "/api/v1/shares/" + made["id"])):
        equal(guest.ask(method, path, None if method != "POST" else {}).status, 403)
    admin_link = admin.do("POST", "/api/v1/shares", {"sites": ["a.org"]}, 201)
    equal([s["id"] for s in ed.do("GET", "/api/v1/shares")["shares"]], [made["id"]])
    equal(len(admin.do("GET", "/api/v1/shares")["shares"]), 2)
    ed.do("DELETE", "/api/v1/shares/" + admin_link["id"], status=404)
    admin.do("DELETE", "/api/v1/users/ed", status=204)  # with what ed gave away
    equal(guest.rows(metrics="hits").status, 401)
    equal(ed.who(), None)
    admin.do("DELETE", "/api/v1/shares/" + admin_link["id"], status=204)
    equal(admin.do("GET", "/api/v1/shares"), {"shares": []})
    equal(server.stop(), 0)


# --- documents -----------------------------------------------------------------------------------


def test_users():
    server = serve()
    admin = administrator(server)
    made = admin.ask("POST", "/api/v1/users", {"name": "Bob", "role": "viewer", "password": PASSWORD})
    equal((made.status, made.json()["name"], made.headers["etag"]), (201, "bob", '"1"'))
    assert "password" not in made.json()
    for doc in ({"name": "bob", "role": "viewer"}, {"name": "x", "role": "king", "password": PASSWORD},
                {"name": "x/y", "role": "viewer", "password": PASSWORD},
                {"name": "x", "role": "viewer", "password": "short"},
                {"name": "x", "role": "viewer", "password": PASSWORD, "admin": True},
                {"name": ["x"], "role": "viewer", "password": PASSWORD},
                {"name": "x", "role": "viewer", "password": PASSWORD, "sites": "all"},
                {"name": "x", "role": "admin", "password": PASSWORD, "sites": ["a.org"]},
                {"name": "local", "role": "viewer", "password": PASSWORD},
                {"name": "x", "role": "viewer", "password": PASSWORD, "sites": [1]}, [], "text", "{", ""):
        admin.do("POST", "/api/v1/users", doc, 400)
    admin.do("POST", "/api/v1/users", {"name": "BOB", "role": "viewer", "password": PASSWORD}, 409)
    admin.do("PATCH", "/api/v1/users/bob", {"role": "editor"}, 412, If_Match='"7"')
    equal(admin.do("PATCH", "/api/v1/users/bob", {"role": "editor"}, If_Match='"1"')["version"], 2)
    admin.do("DELETE", "/api/v1/users/bob", status=412, If_Match='"1"')
    admin.do("PUT", "/api/v1/users/bob", {"role": "viewer"}, If_Match="*")
    admin.do("DELETE", "/api/v1/users/ada", status=409)
    admin.do("PATCH", "/api/v1/users/ada", {"role": "viewer"}, 409)
    admin.do("PATCH", "/api/v1/users/ada", {"sites": ["a.org"]}, 400)
    admin.do("DELETE", "/api/v1/users/bob", status=204, If_Match='"3"')
    admin.do("GET", "/api/v1/users/bob", status=404)
    equal([u["name"] for u in admin.do("GET", "/api/v1/users")["users"]], ["ada"])
    equal(server.stop(), 0)


def beacon(server, site):
    doc = {"name": "pageview", "url": f"https://{site}/", "domain": site}
    return server.request("POST", "/api/event", json.dumps(doc), {"User-Agent": AGENT}).status


def test_sites():
    data = cask.Data(CONFIG)
    data.load("--site", "b.org", data.file(log_lines(5)))
    server = serve(data=data)
    admin = administrator(server)
    equal(beacon(server, "b.org"), 400)
    made = admin.ask("POST", "/api/v1/sites", {"name": "b.org", "timezone": "America/New_York"})
    equal((made.status, made.headers["etag"]), (201, '"1"'))
    assert beacon(server, "b.org") in (202, 204)  # known at once
    day = {"metrics": "hits", "site": "b.org", "by": "day", "to": "2016-01-01"}
    equal(server.query(**day)["rows"][0]["time"], "2015-05-20T00:00:00-04:00")
    admin.do("PUT", "/api/v1/sites/b.org", {"timezone": "Asia/Tokyo"}, 412, If_Match='"2"')
    equal(admin.do("PUT", "/api/v1/sites/b.org", {"timezone": "Asia/Tokyo"}, If_Match='"1"')["timezone"], "Asia/Tokyo")
    equal(server.query(**day)["rows"][0]["time"], "2015-05-20T00:00:00+09:00")
    for name, status in (("a.org", 409), ("b.org", 409), ("", 400), ("all", 400), ("*", 400), ("a,b", 400), ("..", 400),
                         ("a/b", 400), ("x" * 256, 400), ("a\u0000b", 400), ("<script>", 400)):
        admin.do("POST", "/api/v1/sites", {"name": name}, status)
    admin.do("POST", "/api/v1/sites", {"name": "c.org", "timezone": "Mars/Base"}, 400)
    admin.do("POST", "/api/v1/sites", {"name": "c.org", "timezone": "../../etc/passwd"}, 400)
    for method in ("PUT", "DELETE"):  # of the file
        admin.do(method, "/api/v1/sites/a.org", {"timezone": "UTC"} if method == "PUT" else None, 409)
        admin.do(method, "/api/v1/sites/none.org", {"timezone": "UTC"} if method == "PUT" else None, 404)
    rows = {s["name"]: (s["fixed"], s["declared"], s["timezone"]) for s in admin.do("GET", "/api/v1/sites")["sites"]}
    equal(rows, {"a.org": (True, True, "Europe/Berlin"), "b.org": (False, True, "Asia/Tokyo")})
    # cells in the zone of the site are kept over a restart, and commands know it too
    equal(server.stop(), 0)
    data.run("rebuild")
    sealed = data.sealed("b.org")  # all but today
    assert sealed > 0.99, sealed
    equal(data.stats("hits", site="b.org", by="day", to="2016-01-01")["rows"][0]["time"], "2015-05-20T00:00:00+09:00")
    equal(data.sealed("b.org"), sealed)
    server = serve(data=data)
    admin.server = server
    assert data.sealed("b.org") >= sealed
    assert beacon(server, "b.org") in (202, 204)
    # the file declares it as well: it counts
    with open(os.path.join(data.folder, "caskalytics.yaml"), "w", encoding="utf-8") as f:
        f.write(CONFIG.replace("sites: [", "sites: [{name: b.org, timezone: UTC}, {name: d.org}, "))
    os.kill(server.pid, signal.SIGHUP)
    cask.wait_for(lambda: beacon(server, "d.org") in (202, 204))
    equal(server.query(**day)["rows"][0]["time"], "2015-05-20T00:00:00+00:00")
    admin.do("DELETE", "/api/v1/sites/b.org", status=409)
    with open(os.path.join(data.folder, "caskalytics.yaml"), "w", encoding="utf-8") as f:
        f.write(CONFIG)
    os.kill(server.pid, signal.SIGHUP)
    cask.wait_for(lambda: beacon(server, "d.org") == 400)
    admin.do("DELETE", "/api/v1/sites/b.org", status=204)
    equal(beacon(server, "b.org"), 400)
    site = admin.do("GET", "/api/v1/sites/b.org")  # its records stay
    equal((site["declared"], site["timezone"]), (False, "UTC"))
    equal(server.stop(), 0)


def test_sources():
    server = serve()
    admin = administrator(server)
    made = admin.do("POST", "/api/v1/sources", {"id": "web", "site": "a.org", "format": "combined"}, 201)
    equal((made["type"], made["fixed"]), ("ingest", False))
    for doc, status in (({"id": "declared"}, 409), ({"id": "web"}, 409), ({"id": "x", "format": "no-such-format"}, 400),
                        ({"id": "x", "type": "tail", "path": "/etc/shadow"}, 400), ({"id": "a/b"}, 400),
                        ({"id": "x", "site": "a,b"}, 400)):
        admin.do("POST", "/api/v1/sources", doc, status)
    # it takes lines at once, of who has a token for it
    sender, other = add_token(admin, "web", "ingest:web"), add_token(admin, "other", "ingest:declared", "read")
    for caller, status, said in ((sender, 204, b""), (other, 401, b"unknown or expired token"),
                                 (Caller(server, token="declared-token"), 401, b"unknown or expired token"),
                                 (Caller(server), 401, b"is needed")):
        answer = caller.ask("POST", "/ingest/web", log_lines(2), Content_Type="text/plain")
        equal(answer.status, status)
        assert said in answer.body, answer.body
    everything = add_token(admin, "everything", "admin")
    equal(everything.ask("POST", "/ingest/web", log_lines(2), Content_Type="text/plain").status, 204)
    equal(sender.ask("POST", "/ingest/declared", log_lines(2), Content_Type="text/plain").status, 401)
    equal(server.query(metrics="hits", site="a.org")["total"]["hits"], 4)
    listed = admin.do("GET", "/api/v1/sources")["sources"]
    equal([(s["id"], s["fixed"]) for s in listed], [("declared", True), ("web", False)])
    assert "declared-token" not in json.dumps(listed)
    admin.do("DELETE", "/api/v1/sources/declared", status=409)
    equal(admin.do("PUT", "/api/v1/sources/web", {"site": "a.org"}, If_Match='"1"')["format"], "auto")
    admin.do("DELETE", "/api/v1/sources/web", status=412, If_Match='"1"')
    admin.do("DELETE", "/api/v1/sources/web", status=204, If_Match='"2"')
    ed = add_user(admin, "ed", "editor", ["b.org"])
    for name in ("beacon", "ours\x85"):  # one name is that of the beacons of all sites
        admin.do("POST", "/api/v1/sources", {"id": name, "site": "b.org"}, 201)
    shown = ed.do("GET", "/api/v1/sources")
    equal(([s["id"] for s in shown["sources"]], shown["beacons"]), (["ours\x85"], None))
    for hidden in ("declared", "beacon"):
        ed.do("GET", "/api/v1/sources/" + hidden, status=404)
    text = server.request("GET", "/metrics", local=True).body.decode()
    equal(text.count('source_bytes_total{source="ours\x85"}'), 1, "no escape that the format does not know")
    equal(text.count('source_bytes_total{source="beacon"}'), 1)
    equal(server.stop(), 0)


def test_state_of_followed_files():
    folder = cask.temp_dir()
    path = cask.write(folder, "access.log", log_lines(4))
    server = serve(f"sources: [{{id: www, type: tail, path: {path}, site: a.org, format: combined}},"
                   f" {{id: none, type: tail, path: {folder}/none.log, site: b.org}}]\n")
    admin = administrator(server)

    def state(source):
        return admin.do("GET", "/api/v1/sources/" + source)["state"]

    cask.wait_for(lambda: (state("www") or {}).get("lines") == 4 and state("www")["lag_bytes"] == 0)
    equal((state("www")["files"], state("www")["error"]), (1, None))
    equal(state("none")["lines"], 0)
    equal([s["id"] for s in admin.do("GET", "/api/v1/sources")["sources"]], ["www", "none"])
    equal(server.stop(), 0)


def test_tokens():
    server = serve()
    admin = administrator(server)
    for doc in ({"name": "x"}, {"name": "x", "scopes": []}, {"name": "x", "scopes": ["write"]},
                {"name": "x", "scopes": "read"}, {"scopes": ["read"]}, {"name": "x", "scopes": ["read"], "expires": "soon"},
                {"name": "x", "scopes": ["read"], "expires": "2001-01-01"},
                {"name": "x", "scopes": ["admin"], "sites": ["a.org"]}, {"name": "x", "scopes": ["ingest:nosuch"]}):
        admin.do("POST", "/api/v1/tokens", doc, 400)
    board = add_token(admin, "board", "read", expires="2999-01-01")
    equal(board.rows(metrics="hits").status, 200)
    listed = admin.do("GET", "/api/v1/tokens")["tokens"]
    equal([(t["name"], t["by"], t["expires"]) for t in listed], [("board", "ada", "2999-01-01T00:00:00Z")])
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", listed[0]["last_used"]), listed
    assert board.token not in json.dumps(listed)
    # a wrong one is not helped by anything else that is shown
    admin.token = "cask_wrong"
    refused = admin.rows(metrics="hits")
    equal((refused.status, b"unknown or expired token" in refused.body), (401, True), refused.body)
    admin.token = None
    refused = Caller(server, share="wrong").rows(metrics="hits")
    equal((refused.status, b"unknown or expired share link" in refused.body), (401, True), refused.body)
    refused = Caller(server).rows(metrics="hits")
    equal((refused.status, b"not without logging in" in refused.body), (401, True), refused.body)
    admin.do("DELETE", "/api/v1/tokens/" + listed[0]["id"], status=204)
    equal(board.rows(metrics="hits").status, 401)
    admin.do("DELETE", "/api/v1/tokens/board", status=404)
    equal(server.stop(), 0)


def test_what_a_user_made_ends_with_the_user():
    server = serve()
    admin = administrator(server)
    bob = add_user(admin, "bob", "admin")
    first = add_token(bob, "first", "admin")
    second = add_token(first, "second", "ingest:declared", "read")  # made by a token that bob made
    listed = {t["name"]: t["by"] for t in admin.do("GET", "/api/v1/tokens")["tokens"]}
    equal(listed, {"first": "bob", "second": "bob"})
    link = first.do("POST", "/api/v1/shares", {"sites": ["a.org"]}, 201)
    local = Caller(server, token=server.data.run("token", "add", "local", "--scope", "read").stdout.decode().strip())
    own = add_token(admin, "own", "read")
    mallory = add_user(admin, "mallory", "admin")
    third = add_token(mallory, "third", "read")

    def statuses(*callers):
        return [caller.rows(metrics="hits").status for caller in callers]

    equal(statuses(first, second, third, local, own), [200] * 5)
    admin.do("PATCH", "/api/v1/users/mallory", {"role": "editor"})
    server.data.run("user", "remove", "bob")
    for again in (False, True):
        equal(statuses(first, second, third, local, own), [401, 401, 401, 200, 200])
        equal(Caller(server, share=link["share"]).rows(metrics="hits", site="a.org").status, 401)
        equal(second.ask("POST", "/ingest/declared", log_lines(2), Content_Type="text/plain").status, 401)
        equal(sorted(t["name"] for t in admin.do("GET", "/api/v1/tokens")["tokens"]), ["local", "own"])
        if not again:
            equal(server.stop(), 0)
            server = serve(data=server.data)
            for caller in (admin, first, second, third, local, own):
                caller.server = server
    equal(server.stop(), 0)


def test_names_in_addresses():
    server = serve()
    admin = administrator(server)
    for area in ("users", "sites", "sources", "tokens", "shares"):
        for name in ("..", "%2e%2e", ".", "%2e", "..%2f..%2fetc%2fpasswd", "%2fetc%2fpasswd", "a%00b", "%00", "a%00",
                     "%ff", "a%0d%0aX-Evil:%201", "..;", "..%5c", "x" * 5000, "ada%00", "a.org%00"):
            for method in ("GET", "DELETE", "PUT"):
                answer = admin.ask(method, f"/api/v1/{area}/{name}", {} if method == "PUT" else None)
                assert answer.status in (400, 404, 405, 414, 431), (method, area, name, answer.status, answer.body)
                assert "x-evil" not in answer.headers
    equal(admin.who(), "ada")
    equal(server.stop(), 0)


# --- commands ------------------------------------------------------------------------------------


def test_commands():
    data = cask.Data(CONFIG)
    server = None
    for running in (False, True):
        if running:
            server = serve(data=data)
        end = "-2" if running else ""
        data.run("user", "add", "ada" + end, "--role", "admin", stdin=PASSWORD.encode() + b"\nrest\n")
        added = data.run("user", "add", "bob" + end, "--site", "a.org,b.org", "--site", "c.org", stdin=b"another password")
        assert b"note: there is no site b.org yet\nnote: there is no site c.org yet\n" in added.stdout, added.stdout
        listed = data.run("user", "list").stdout.decode()
        assert re.search(rf"^bob{end} +viewer +\d{{4}}-\d\d-\d\d +a.org,b.org,c.org$", listed, re.M), listed
        data.run("user", "add", "bob" + end, stdin=PASSWORD.encode(), code=1)
        data.run("user", "add", "x", stdin=b"short", code=2)
        data.run("user", "add", "x", stdin=b"", code=2)
        data.run("user", "add", "x", "--role", "king", stdin=PASSWORD.encode(), code=2)
        limited = data.run("user", "add", "x", "--role", "admin", "--site", "a.org", stdin=PASSWORD.encode(), code=2)
        assert b"an administrator sees all sites" in limited.stderr, limited.stderr
        unknown = data.run("token", "add", "u", "--scope", "ingest:nosuch", code=2)
        assert b"there is no source \"nosuch\"" in unknown.stderr, unknown.stderr
        data.run("user", "add", "x", "--site", "a\x01b", stdin=PASSWORD.encode(), code=2)
        data.run("user", "add", code=2)
        data.run("user", "fly", code=2)
        data.run("user", "list", "x", code=2)
        data.run("user", "remove", "nobody", code=1)
        data.run("user", "remove", "bob" + end)
        secret = data.run("token", "add", "t" + end, "--scope", "read,ingest:declared", "--site", "a.org", "--expires",
                          "2999-01-01").stdout.decode().strip()
        assert re.fullmatch(r"cask_[\w-]{43}", secret), secret
        data.run("token", "add", "t" + end, "--scope", "read", code=1)
        data.run("token", "add", "u", code=2)
        data.run("token", "add", "u", "--scope", "write", code=2)
        data.run("token", "add", "u", "--scope", "read", "--expires", "soon", code=2)
        listed = data.run("token", "list").stdout.decode()
        assert re.search(rf"^[\w-]{{16}}  t{end} +2999-01-01 +- +read,ingest:declared a.org$", listed, re.M), listed
        assert secret not in listed
        if running:
            caller = Caller(server, token=secret)
            equal(caller.rows(metrics="hits", site="a.org").status, 200)
        data.run("token", "revoke", "t" + end)
        if running:
            equal(caller.rows(metrics="hits", site="a.org").status, 401)
        data.run("token", "revoke", "t" + end, code=1)
    Caller(server).login("ada")
    data.run("user", "remove", "ada-2")
    data.run("user", "remove", "ada", code=1)  # the only administrator
    equal(server.stop(), 0)


# --- secrets -------------------------------------------------------------------------------------


def test_secrets_are_in_no_log_and_no_file():
    server = serve()
    setup = setup_secret(server)
    admin = administrator(server)
    token = add_token(admin, "t", "read")
    share = Caller(server, share=admin.do("POST", "/api/v1/shares", {"sites": ["a.org"]}, 201)["share"])
    bob = add_user(admin, "bob", "viewer")
    for caller in (admin, token, share, bob):
        caller.rows(metrics="hits", site="a.org")
        caller.rows(metrics="no-such-metric")
    wrong = Caller(server, token="cask_this-is-wrong")
    wrong.rows(metrics="hits")
    Caller(server).ask("POST", "/api/v1/session", {"name": "typed-password", "password": "typed-password"})
    server.data.run("sql", "SELECT 1")
    log = server.log()  # standard output is in it as well
    secrets = [PASSWORD, setup, admin.cookie, admin.csrf, token.token, token.token[5:], share.share, bob.cookie, bob.csrf,
               "cask_this-is-wrong", "typed-password", "declared-token"]
    for secret in secrets:
        assert secret not in log, secret
    for word in ("event=user_added", "event=token_added", "event=share_added"):
        assert word in log, word
    assert 'by="ada"' in log
    equal(server.stop(), 0)
    for folder, _, names in os.walk(server.data.path):
        for name in filter(lambda n: not n.endswith(".sock"), names):
            with open(os.path.join(folder, name), "rb") as f:
                content = f.read()
            for secret in secrets:
                assert secret.encode() not in content, (name, secret)
    mode = os.stat(os.path.join(server.data.path, "control.db")).st_mode & 0o777
    equal(mode, 0o600)


if __name__ == "__main__":
    cask.main(globals())
