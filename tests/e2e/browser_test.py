#!/usr/bin/python3
"""beacon.js and Plausible's tracker in a real browser, on pages of another origin."""
import contextlib
import gzip
import http.server
import json
import os
import shutil
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import cask
from cask import equal
from server_test import environment, with_shim

SITE = "www.example"
CONFIG = "sites: [{name: www.example}]"
LOAD = "window.cask = window.cask || function () { (cask.q = cask.q || []).push(arguments) };"
NODE = shutil.which("node") or shutil.which("nodejs")


@contextlib.contextmanager
def pages(files, post=None):
    """Serves {path: text} to the browser; paths without a file are the page of "/". What it posts goes as JSON to
    `post`, which returns the status."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            path = self.path.split("?")[0]
            body = files.get(path, files["/"]).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/javascript" if path.endswith(".js") else "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self):
            status = post(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(status)
            self.send_header("Access-Control-Allow-Origin", "*")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()


def browse(port, *steps):
    if not shutil.which(os.environ.get("CHROMIUM") or "chromium"):
        raise cask.Skip("needs chromium")
    done = subprocess.run([NODE, os.path.join(cask.ROOT, "tests", "support", "browser.mjs"), str(port),
                           json.dumps(steps)], capture_output=True, timeout=300, cwd=cask.ROOT)
    if done.returncode != 0 or b"page:" in done.stderr:
        raise AssertionError(done.stderr.decode())
    return json.loads(done.stdout)


def snippet(server, attributes="data-local"):
    return (f'<script defer src="http://127.0.0.1:{server.port}/beacon.js" {attributes}></script>'
            f"<script>{LOAD}</script>")


def counted(server, metric, dimension):
    rows = server.query(metrics=metric, group=dimension, site=SITE, bots="include")["rows"]
    return {row[dimension]: row[metric] for row in rows if row[metric]}


def test_script_is_small_and_cached():
    server = cask.Server(cask.Data(CONFIG))
    plain = server.request("GET", "/beacon.js")
    equal((plain.status, plain.headers["content-type"]), (200, "text/javascript; charset=utf-8"), "type")
    packed = server.request("GET", "/beacon.js", headers={"Accept-Encoding": "br, gzip"})
    equal(packed.headers["content-encoding"], "gzip", "encoding")
    equal(gzip.decompress(packed.body), plain.body, "the same script")
    if len(packed.body) >= 2000:
        raise AssertionError(f"{len(packed.body)} bytes")
    print(f"{len(plain.body)} bytes, {len(packed.body)} gzipped", flush=True)
    for word in (b"cookie", b"localStorage", b"sessionStorage", b"indexedDB"):
        equal(word in plain.body, False, word)
    again = server.request("GET", "/beacon.js", headers={"If-None-Match": plain.headers["etag"]})
    equal((again.status, again.body), (304, b""), "If-None-Match")
    equal(server.request("GET", "/beacon.js", headers={"If-None-Match": '"other"'}).status, 200, "other tag")
    equal(server.request("GET", "/beacon.js", headers={"Accept-Encoding": "gzip;q=0"}).body, plain.body, "q=0")
    equal(server.request("HEAD", "/beacon.js").status, 200, "HEAD")


def test_single_page_navigation_links_and_events():
    server = cask.Server(cask.Data(CONFIG))
    page = (snippet(server) + "<script>cask('Early', {props: {when: 'before load'}})</script>"
            "<a id=out href='http://elsewhere.example/x' target=_blank>out</a>"
            "<a id=file href='/files/Report.PDF?x=1' target=_blank>file</a><a id=in href='#part'>in</a>")
    with pages({"/": page, "/files/Report.PDF": ""}) as port:
        values = browse(port, ["goto", f"http://{SITE}/start?utm_source=mail"], ["wait", "!cask.q"],
                        ["eval", "new Promise(r => cask('Signup', {props: {plan: 'x', n: 3}, callback: r}))"],
                        ["eval", "history.pushState({}, '', '/second')"],
                        ["eval", "history.replaceState({}, '', '/second?tab=2')"],  # the same path
                        ["eval", "history.pushState({}, '', '/third')"],
                        ["eval", "new Promise(r => { addEventListener('popstate', r, {once: true}); history.back() })"
                                 ".then(() => 0)"],
                        ["click", "#in"], ["click", "#out"], ["click", "#file"],
                        ["eval", "new Promise(r => cask('End', {callback: r}))"],
                        ["eval", "document.cookie + localStorage.length + sessionStorage.length"])
    equal(values[0], {"status": 204}, "callback")
    equal(values[-1], "00", "nothing is kept in the browser")
    equal(counted(server, "pageviews", "path"), {"/start": 1, "/second": 2, "/third": 1}, "page views")
    equal(counted(server, "events", "event"), {"Early": 1, "Signup": 1, "Outbound Link: Click": 1, "File Download": 1,
                                               "End": 1}, "events")
    equal(server.query(metrics="visitors,sessions", site=SITE, bots="include")["total"],
          {"visitors": 1, "sessions": 1}, "one visitor")
    equal(server.stop(), 0, "exit code")
    rows = server.data.sql("SELECT event, if(props = '', '{}', props) FROM events WHERE event != ''")
    props = {event: json.loads(text) for event, text in (row.split("\t") for row in rows.split("\n"))}
    equal(props["Signup"], {"plan": "x", "n": 3}, "props")
    equal(props["Outbound Link: Click"], {"url": "http://elsewhere.example/x"}, "outbound")
    equal(props["File Download"], {"url": f"http://{SITE}/files/Report.PDF?x=1"}, "download")


def test_options():
    server = cask.Server(cask.Data(CONFIG))
    hash_page = snippet(server, "data-local data-hash")
    manual = snippet(server, f"data-local data-manual data-domain={SITE} data-outbound=false "
                             f"data-api=http://127.0.0.1:{server.port}/api/event")
    manual += "<a id=out href='http://elsewhere.example/x' target=_blank>out</a>"
    with pages({"/": "", "/hash": hash_page, "/manual": manual, "/silent": snippet(server, ""),
                "/dnt": snippet(server, "data-local data-dnt")}) as port:
        browse(port, ["goto", f"http://{SITE}/hash#/a"], ["wait", "!cask.q"],
               ["eval", "new Promise(r => { addEventListener('hashchange', r); location.hash = '/b' }).then(() => 0)"],
               ["eval", "new Promise(r => cask('End', {callback: r}))"],
               ["goto", "http://www2.example/manual"], ["wait", "!cask.q"], ["click", "#out"],
               ["eval", "new Promise(r => cask('pageview', {u: 'http://www.example/made-up', callback: r}))"],
               ["goto", f"http://{SITE}/silent"], ["wait", "!cask.q"],  # a driven browser does not count
               ["eval", "new Promise(r => cask('Silent', {callback: r}))"],
               ["goto", f"http://{SITE}/dnt"], ["wait", "!cask.q"],
               ["eval", "new Promise(r => cask('NotAsked', {callback: r}))"])
    equal(counted(server, "events", "event"), {"End": 1, "NotAsked": 1}, "events")
    equal(counted(server, "pageviews", "path"), {"/hash#/a": 1, "/hash#/b": 1, "/made-up": 1, "/dnt": 1}, "page views")
    equal(server.stop(), 0, "exit code")


def test_do_not_track_is_honoured():
    server = cask.Server(cask.Data(CONFIG))
    ask = "<script>Object.defineProperty(navigator, '%s', {value: %s})</script>"
    tail = snippet(server, "data-local data-dnt")
    with pages({"/": "", "/gpc": ask % ("globalPrivacyControl", "true") + tail,
                "/dnt": ask % ("doNotTrack", "'1'") + tail, "/none": ask % ("doNotTrack", "'0'") + tail}) as port:
        for path in ("/gpc", "/dnt", "/none"):
            browse(port, ["goto", f"http://{SITE}{path}"], ["wait", "!cask.q"],
                   ["eval", "new Promise(r => cask('End', {callback: r}))"])
    equal(counted(server, "pageviews", "path"), {"/none": 1}, "page views")


def test_retries_count_once():
    data = cask.Data(CONFIG)
    server = cask.Server(data)
    port_of_server = server.port
    with pages({"/": snippet(server)}) as port:
        steps = [["goto", f"http://{SITE}/x"], ["wait", "!cask.q"],
                 ["eval", "new Promise(r => cask('Up', {callback: r}))"],
                 # the answer of the first try is lost, as if the connection broke
                 ["eval", "window.tries = 0, window.real = fetch, window.fetch = (...a) => real(...a).then(r => {"
                          " if (++tries < 3) throw new TypeError('lost'); return r }), 0"],
                 ["eval", "new Promise(r => cask('Doubtful', {callback: r}))"],
                 ["eval", "tries"],
                 # and here all tries are lost; the page is left with it
                 ["eval", "window.fetch = () => Promise.reject(new TypeError('away')), cask('Left'), 0"],
                 ["goto", f"http://{SITE}/next"], ["wait", "!cask.q"],
                 ["eval", "new Promise(r => cask('End', {callback: r}))"]]
        values = browse(port, *steps)
    equal(values[3], 3, "tries")
    equal(server.port, port_of_server, "port")
    cask.wait_for(lambda: "Left" in counted(server, "events", "event"))
    equal(counted(server, "events", "event"), {"Up": 1, "Doubtful": 1, "Left": 1, "End": 1}, "events")
    equal(counted(server, "pageviews", "path"), {"/x": 1, "/next": 1}, "page views")


def named(body):
    return [event["n"] for event in (body if isinstance(body, list) else [body])]


def test_what_is_on_its_way_goes_apart():
    """While an event is being stored, a batch that has it, too, is refused."""
    data = cask.Data(CONFIG)
    env, wish = with_shim(data)
    with environment(env):
        server = cask.Server(data)
    with pages({"/": snippet(server), "/blank": ""}) as port:
        cask.write(data.folder, "wish", "hang")
        threading.Timer(8, os.remove, [wish]).start()
        browse(port, ["goto", f"http://{SITE}/x"], ["wait", "!cask.q"],
               ["eval", "cask('Click'), cask('Other'), 0"], ["goto", f"http://{SITE}/blank"],
               ["eval", "new Promise(r => setTimeout(r, 500))"])
        cask.wait_for(lambda: not os.path.exists(wish))
    cask.wait_for(lambda: len(counted(server, "events", "event")) == 2)
    equal(counted(server, "events", "event"), {"Click": 1, "Other": 1}, "events")
    equal(counted(server, "pageviews", "path"), {"/x": 1}, "page views")
    equal(server.stop(), 0, "exit code")


def test_a_page_that_is_left_hands_over_what_was_never_sent_by_itself():
    bodies, ending = [], threading.Event()

    def post(body):
        bodies.append(named(body))
        if len(bodies) == 1:
            ending.wait(60)
        return 204

    server = cask.Server(cask.Data(CONFIG))
    with pages({"/": snippet(server, "data-local data-api=/api/event"), "/blank": ""}, post) as port:
        threading.Timer(6, ending.set).start()
        browse(port, ["goto", f"http://{SITE}/x"], ["wait", "!cask.q"], ["eval", "cask('A'), cask('B'), 0"],
               ["eval", "dispatchEvent(new Event('pagehide')), cask('C'), 0"], ["goto", f"http://{SITE}/blank"],
               ["eval", "new Promise(r => setTimeout(r, 500))"])
    seen = set()
    for body in bodies:
        if seen & set(body) not in (set(), set(body)):
            raise AssertionError(f"what was sent stands beside what was not: {bodies}")
        seen |= set(body)
    equal(seen, {"pageview", "A", "B", "C"}, bodies)
    equal(server.stop(), 0, "exit code")


def test_a_bad_event_takes_no_others_with_it():
    server = cask.Server(cask.Data(CONFIG))
    bad = "cask('Bad', {props: {a: {b: 1}}, callback: r => results.push(r.status)})"
    good = "cask('Good%d', {props: {text: 'x'.repeat(%d)}, callback: r => results.push(r.status)})"
    with pages({"/": snippet(server)}) as port:
        values = browse(port, ["goto", f"http://{SITE}/x"], ["wait", "!cask.q"],
                        ["eval", "window.results = [], " + ", ".join([good % (1, 1), good % (2, 1), bad, good % (3, 1)])],
                        ["wait", "results.length == 4"], ["eval", "results"],
                        # more than browsers send for a page that was left
                        ["eval", "results = [], cask('Long', {props: Object.fromEntries(Array.from({length: 30}, (_, i) =>"
                                 " ['p' + i, '\u20ac'.repeat(1900)])), callback: r => results.push(r.status)}), "
                                 + good % (4, 1) + ", 0"],
                        ["wait", "results.length == 2"], ["eval", "results"])
    equal((values[1], values[3][1]), ([204, 204, 400, 204], 204), values)
    events = counted(server, "events", "event")
    events.pop("Long", None)
    equal(events, {"Good1": 1, "Good2": 1, "Good3": 1, "Good4": 1}, "events")
    equal(counted(server, "pageviews", "path"), {"/x": 1}, "page views")
    equal(server.stop(), 0, "exit code")


def test_pages_made_for_plausible():
    """The snippet of its older script, with our address, and its npm package with our endpoint."""
    server = cask.Server(cask.Data(CONFIG))
    old = (f'<script defer data-domain="{SITE}" data-local src="http://127.0.0.1:{server.port}/beacon.js"></script>'
           "<script>window.plausible = window.plausible || function() { (window.plausible.q = window.plausible.q || [])"
           ".push(arguments) }; plausible('Download', {props: {method: 'HTTP'}})</script>")
    source = (f"import {{ init, track }} from '@plausible-analytics/tracker';"
              f"init({{domain: '{SITE}', endpoint: 'http://127.0.0.1:{server.port}/api/event', captureOnLocalhost: true,"
              f" outboundLinks: true, logging: false}});"
              "window.__plausible = true;"  # what it wants set to count in a driven browser
              "window.track = track; window.ready = true;")
    bundle = subprocess.run([NODE, "node_modules/esbuild/bin/esbuild", "--bundle", "--format=iife", "--loader=js"],
                            input=source.encode(), capture_output=True, cwd=cask.ROOT, check=True).stdout.decode()
    package = "<script>window.__plausible = true</script><script src=/plausible.js></script>"
    with pages({"/": "", "/old": old, "/package": package, "/plausible.js": bundle}) as port:
        browse(port, ["goto", f"http://{SITE}/old"], ["wait", "!plausible.q"],
               ["eval", "new Promise(r => plausible('Signup', {callback: r}))"],
               ["goto", f"http://{SITE}/package"], ["wait", "window.ready"],
               ["eval", "new Promise(r => track('Purchase', {props: {plan: 'pro'}, callback: r})).then(r => r.status)"],
               ["eval", "history.pushState({}, '', '/package/2')"],
               ["eval", "new Promise(r => track('End', {callback: r})).then(r => r.status)"])
    cask.wait_for(lambda: len(counted(server, "pageviews", "path")) == 3)
    equal(counted(server, "pageviews", "path"), {"/old": 1, "/package": 1, "/package/2": 1}, "page views")
    events = counted(server, "events", "event")
    events.pop("engagement", None)  # how long a page was read: an event like others here
    equal(events, {"Download": 1, "Signup": 1, "Purchase": 1, "End": 1}, "events")


if __name__ == "__main__":
    cask.main(globals())
