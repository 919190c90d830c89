#!/usr/bin/python3
"""Where visits come from, what is excluded, and which product a download is, against a count of its own: its rules are
those of docs/definitions.md, its lists only the few names that the made-up traffic uses."""
import ipaddress
import json
import os
import random
import re
import sys
import time
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import cask
import count
from cask import check, equal

SITE = "www.example.org"
BROWSER = ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
           "Chrome/{}.0.0.0 Safari/537.36")

# --- the independent rules -----------------------------------------------------------------------

DOMAINS = {"google.com": "search", "google.co.uk": "search", "bing.com": "search", "duckduckgo.com": "search",
           "t.co": "social", "facebook.com": "social", "l.facebook.com": "social", "news.ycombinator.com": "social",
           "youtube.com": "video", "mail.google.com": "mail", "outlook.live.com": "mail", "chatgpt.com": "ai",
           "claude.ai": "ai", "perplexity.ai": "ai", "docs.google.com": "referral", "semalt.com": "spam",
           "seo.casino.example": "spam"}
NAMES = {"google": "search", "facebook": "social", "newsletter": "mail"}
MEDIUMS = {"cpc": "paid", "display": "paid", "email": "mail", "social": "social", "organic": "search",
           "affiliate": "campaign", "paid-social": "paid_social"}
CLICKS = {"gclid": "paid_search", "msclkid": "paid_search", "ttclid": "paid_social", "dclid": "paid",
          "fbclid": "social", "mc_eid": "mail"}
UTM = ("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content")
OWN = ("referrer_domain", "channel", "click_id") + UTM


def channel(domain, referrer, click, utm):
    own = domain == SITE.removeprefix("www.")
    medium, source = MEDIUMS.get(utm["utm_medium"].lower()), utm["utm_source"].lower()
    source = DOMAINS.get(source) if "." in source else NAMES.get(source)
    listed = None if own else DOMAINS.get(domain)
    clicked = CLICKS.get(click)
    if listed == "spam":
        return "spam"
    if any(x and x.startswith("paid") for x in (medium, clicked)):
        for x in (medium, clicked, source, listed):
            if x in ("search", "paid_search"):
                return "paid_search"
            if x in ("social", "paid_social"):
                return "paid_social"
        return "paid"
    rest = "campaign" if any(utm.values()) else "internal" if own else "referral" if referrer else "direct"
    return medium or source or clicked or listed or rest


def origin(referrer, target):
    referrer, query = referrer.decode(), urllib.parse.urlsplit(target.decode()).query
    pairs = urllib.parse.parse_qsl(query)
    utm = {name: next((v for k, v in pairs if k == name), "") for name in UTM}
    click = next((k for k, v in pairs if k in CLICKS), "")
    domain = (urllib.parse.urlsplit(referrer).hostname or "").removeprefix("www.")
    return {"referrer_domain": domain, "click_id": click, "channel": channel(domain, referrer, click, utm), **utm}


class Sources(count.Counter):
    """Knows the sources of hits, and what `exclude` of the configuration leaves out."""

    def __init__(self, exclude=()):
        super().__init__()
        self.origins, self.exclude, self.exclusions = {}, exclude, {}

    def hit(self, fields, site):
        vhost, host, _, request, *_, referrer, agent = fields
        target = request.split(b" ")[1] if request.count(b" ") == 2 else b""
        reason = self.excluded(site or vhost.decode(), host.decode(), target, vhost.decode(), agent.decode())
        if reason:
            self.exclusions[reason] = self.exclusions.get(reason, 0) + 1
            raise count.Rejected(reason)
        super().hit(fields, site)
        self.origins[id(self.hits[-1])] = origin(referrer, target)

    def excluded(self, site, host, target, vhost, agent):
        path = target.decode().partition("?")[0]
        found = set()
        for rule in self.exclude:
            if rule.get("sites") and site not in rule["sites"]:
                continue
            try:
                address = ipaddress.ip_address(host)
                if any(address in ipaddress.ip_network(net) for net in rule.get("addresses", ())):
                    found.add("excluded_address")
            except ValueError:
                pass  # a host name is in no range
            for key, reason, text in (("paths", "excluded_path", path), ("hosts", "excluded_host", vhost)):
                for pattern in rule.get(key, ()):
                    if text and re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), text):
                        found.add(reason)
            if any(piece.lower() in agent.lower() for piece in rule.get("agents", ())):
                found.add("excluded_agent")
        order = ("excluded_address", "excluded_path", "excluded_host", "excluded_agent")
        return next((reason for reason in order if reason in found), None)

    def dimension(self, name, h, view=False):
        if name in OWN:
            return self.origins[id(h.entry if view else h)][name]
        return super().dimension(name, h, view)


# --- made-up traffic -----------------------------------------------------------------------------

REFERRERS = ["-", "-", "https://www.google.com/", "https://www.google.co.uk/search?q=x", "https://www.bing.com/",
             "https://duckduckgo.com/", "https://t.co/abc", "https://l.facebook.com/", "https://news.ycombinator.com/item?id=1",
             "https://www.youtube.com/watch?v=1", "https://mail.google.com/", "https://outlook.live.com/", "https://chatgpt.com/",
             "https://claude.ai/", "https://www.perplexity.ai/search", "https://docs.google.com/d/1", "http://semalt.com/x",
             "http://seo.casino.example/", "https://other.example/page", "https://www.example.org/a", "https://example.org/b"]
QUERIES = ["", "", "", "?page=2", "?utm_source=newsletter&utm_medium=email&utm_campaign=may", "?utm_source=chatgpt.com",
           "?utm_source=google&utm_medium=cpc&utm_term=data+lake&utm_content=ad%201&gclid=Cj0", "?gclid=x", "?msclkid=1",
           "?fbclid=IwAR", "?mc_eid=1", "?dclid=1", "?ttclid=1", "?utm_source=facebook&utm_medium=paid-social", "?utm_medium=display",
           "?utm_source=partner-7&utm_medium=affiliate", "?utm_campaign=launch", "?utm_source=facebook", "?utm_medium=organic"]


def line(host, t, path, referrer, agent, vhost="", status=200):
    stamp = time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(t))
    front = f"{vhost}:443 " if vhost else ""
    return f'{front}{host} - - [{stamp}] "GET {path} HTTP/1.1" {status} 512 "{referrer}" "{agent}"\n'


def traffic(rng, visitors=250):
    """One line a second and visitor at most, so that the first page view of a session is certain."""
    lines = []
    for v in range(visitors):
        host, agent = f"198.51.{v // 250}.{v % 250}", BROWSER.format(rng.randrange(90, 130))
        t = 1431820800 + rng.randrange(20 * 86400)
        for _ in range(rng.randrange(1, 6)):
            lines.append((t, line(host, t, rng.choice(("/", "/a", "/b")) + rng.choice(QUERIES), rng.choice(REFERRERS), agent)))
            for _ in range(rng.randrange(4)):
                t += rng.choice((5, 60, 900, 1800))
                lines.append((t, line(host, t, rng.choice(("/a", "/b", "/x.zip")), f"https://{SITE}/", agent)))
            t += rng.choice((1801, 7200, 50000, 200000))
    return "".join(text for _, text in sorted(lines)).encode()


# --- tests ---------------------------------------------------------------------------------------


def test_sources_are_the_sessions():
    rng = random.Random(cask.seed())
    data, counter = cask.Data("referrer_spam: [casino.example]\n"), Sources()
    log = traffic(rng)
    counter.read(log, "combined", SITE)
    data.load("--site", SITE, data.file(log))
    seen = {o["channel"] for o in counter.origins.values()}
    equal(seen, set("direct internal search social video mail ai paid_search paid_social paid campaign referral spam".split()),
          "channels of the traffic itself")
    groups = (("channel",), ("channel", "click_id"), ("utm_source", "utm_medium"), ("utm_campaign", "utm_term", "utm_content"),
              ("referrer_domain",))
    for sealed in (False, True):  # from single events, then from cubes and views
        if sealed:
            data.seal(SITE)
        for group in groups:
            check(data, counter, group=group)
        check(data, counter, by="day", group=("channel",))
        for value in ("paid_search", "spam", "ai"):
            check(data, counter, where=(("channel", value),))
        check(data, counter, where=(("click_id", "gclid"),), group=("utm_term",))
    data.run("verify")


def test_excluded_lines_are_counted_and_no_hits():
    rng = random.Random(cask.seed())
    rules = [{"addresses": ["203.0.113.0/24", "2001:db8:dead::/48", "192.0.2.7"], "agents": ["UptimeRobot"]},
             {"sites": ["a.example"], "paths": ["/health", "/internal/*", "*.php"]},
             {"hosts": ["staging.*"]}]
    config = f"exclude: {json.dumps(rules)}\n"
    hosts = ["203.0.113.9", "203.0.114.9", "2001:db8:dead:1::5", "2001:db8:deae::5", "192.0.2.7", "192.0.2.8",
             "203.0.113.9.example.net", "198.51.100.1"]
    agents = [BROWSER.format(100), BROWSER.format(101), "Mozilla/5.0 (compatible; uptimerobot/2.0)", "curl/7.88"]
    paths = ["/", "/health", "/health?x=1", "/healthy", "/internal/a/b", "/internal", "/wp-login.php", "/x?y=.php"]
    rows = [line(rng.choice(hosts), 1431820800 + 60 * i, rng.choice(paths), "-", rng.choice(agents),
                 rng.choice(("a.example", "b.example", "staging.a.example"))) for i in range(3000)]
    rows[100:100] = ["junk\n", "   \n"]
    log = "".join(rows).encode()

    def counted(of):
        counter = Sources(of)
        counter.read(log, "vhost")
        return counter

    def compare(counter, what):
        check(data, counter, ["hits", "pageviews", "sessions", "visitors"], bots="include", group=("site", "path"))
        listed = data.sql("SELECT reason, count() FROM rejected WHERE startsWith(reason, 'excluded_') GROUP BY reason")
        listed = dict(row.split("\t") for row in listed.splitlines())
        equal({k: int(n) for k, n in listed.items()}, counter.exclusions, what)
        data.run("verify")

    data, counter = cask.Data(config), counted(rules)
    path = data.file(log)
    summary = data.load("--format", "vhost", path)
    equal(len(counter.exclusions), 4, "every reason occurs")
    equal(summary["exclusions"], counter.exclusions, "exclusions")
    equal(summary["excluded"], sum(counter.exclusions.values()), "excluded")
    equal((summary["rejected"], summary["accepted"], summary["lines"]), (2, counter.accepted, counter.lines), "the others")
    equal(sum(summary["reasons"].values()), 2, "reasons of rejections are not those of exclusions")
    compare(counter, "after the import")
    again = data.load("--format", "vhost", path)
    equal((again["lines"], again["duplicates"], again["excluded"]), (counter.lines, counter.lines, 0), "the same file again")
    data.run("rebuild")
    compare(counter, "after rebuild")

    fewer = [{"paths": ["/health"]}]
    cask.write(data.folder, "caskalytics.yaml", f"exclude: {json.dumps(fewer)}\n")
    compare(counter, "old lines stay as they were counted")
    data.run("rebuild")
    compare(counted(fewer), "after rebuild with other exclusions")
    text = data.run("import", "--format", "vhost", data.file(log + rows[0].encode())).stdout.decode()
    if not re.search(r"^  excluded +\d", text, re.M):
        raise AssertionError(f"the summary does not show what is excluded:\n{text}")


def test_products_by_rules_and_redirects():
    config = """products:
  - {name: Tool, match: '^/get/tool-(?<version>[0-9.]+)(-(?<platform>win|mac))?$', redirects: true, platform: any}
  - {name: Tool, match: '^/files/tool-(?<version>[0-9.]+)\\.zip$'}
"""
    data = cask.Data(config)
    rows = [("/get/tool-1.0-win", 302), ("/get/tool-1.0-mac", 301), ("/get/tool-1.0", 307), ("/get/tool-1.0-win", 404),
            ("/files/tool-2.0.zip", 200), ("/files/tool-2.0.zip", 206), ("/files/tool-2.1.zip", 302), ("/get/other", 302)]
    log = "".join(line(f"192.0.2.{i}", 1431820800 + i, path, "-", BROWSER.format(100), status=status)
                  for i, (path, status) in enumerate(rows))
    data.load("--site", SITE, data.file(log))
    answer = data.stats("downloads", group="product,version,platform")
    found = {(r["product"], r["version"], r["platform"]): r["downloads"] for r in answer["rows"] if r["downloads"]}
    equal(found, {("Tool", "1.0", "win"): 1, ("Tool", "1.0", "mac"): 1, ("Tool", "1.0", "any"): 1, ("Tool", "2.0", ""): 2},
          "downloads")

    done = data.run("config", "try-product", "--json", "/get/tool-1.0?x=/", "/files/tool-2.0.zip", "/nothing")
    equal([(r["rule"], r.get("version"), r.get("platform"), r.get("redirects")) for r in json.loads(done.stdout)],
          [(1, "1.0", "any", True), (2, "2.0", "", False), (None, None, None, None)], "try-product")
    equal(json.loads(done.stdout)[0]["path"], "/get/tool-1.0", "the path of a target")
    shown = data.run("config", "try-product", "/get/tool-1.0-win").stdout.decode()
    for word in ("Tool", "1.0", "win", "yes", "1: "):
        if word not in shown:
            raise AssertionError(f"no {word!r} in: {shown}")
    data.run("config", "try-product", "/nothing", code=1)
    data.run("config", "try-product", code=2)
    data.run("config", "check", "/nothing", code=2)


if __name__ == "__main__":
    cask.main(globals())
