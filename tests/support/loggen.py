#!/usr/bin/python3
"""Made-up access logs: loggen.py --seed 1 --lines 20000 > access.log

Everything follows from the seed and the knobs, so a failing test needs only its seed. Visitors come in
sessions with gaps around 1,800 s, fetch downloads in ranges with gaps around 21,600 s, do several things
within one second, and some are bots. Lines come in the order of their time.

As a module: generate(Knobs(...)) -> bytes."""
import argparse
import datetime
import os
import random
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()


class Knobs:
    """What a log looks like. Shares are 0..1; times are seconds since the epoch, UTC."""

    defaults = dict(
        seed=1,
        people=-1,  # seed of addresses, agents and URLs: the same visitors in several logs; -1: by the seed
        lines=20000,
        format="combined",  # common, combined, vhost
        start=1426377600,  # 2015-03-15, an hour of sunshine after Los Angeles went to summer time
        days=10.0,
        addresses=800,
        agents=120,
        urls=200,
        sites="www.example.org,docs.example.org,example.net",  # only named in the lines of vhost
        zones="+0000",  # offsets of the stamps, each line takes one of them
        bots=0.15,
        downloads=0.08,
        assets=1.2,  # per page view
        errors=0.05,
        ipv6=0.08,
        hosts=0.04,
        ties=0.06,
        edges=0.10,  # gaps of exactly 1,799, 1,800 and 1,801 s (and 21,599 ... for downloads)
        junk=0.0,  # lines with exactly one defect, each of a known reason
        odd=0.02,  # requests that are no HTTP requests, and other rare but readable things
        quotes=0.01,  # escaped quotes and backslashes
        bytes8=0.01,  # bytes that are no UTF-8
        empty=0.0,  # empty lines (no lines at all by definition)
        crlf=False,
        final_newline=True,
        shuffle=False,
    )

    def __init__(self, **knobs):
        for name, value in {**self.defaults, **knobs}.items():
            if name not in self.defaults:
                raise TypeError(f"no such knob: {name}")
            setattr(self, name, value)


def read_agents():
    with open(os.path.join(HERE, "agents.txt"), encoding="utf-8") as f:
        for line in f:
            if line.strip() and not line.startswith("#"):
                kind, agent = line.rstrip("\n").split("\t", 1)
                yield kind, agent


def make_agents(rng, n):
    """n different agents by kind; the templates in turn, with other versions each round."""
    templates = list(read_agents())
    rng.shuffle(templates)
    kinds = {"human": [], "bot": [], "client": []}
    seen = set()
    tries = 0
    while len(seen) < n and tries < 50 * n + 500:
        kind, template = templates[tries % len(templates)]
        tries += 1
        spread = 3 + tries // len(templates)

        def version(match):
            return str(max(0, int(match[1]) + rng.randint(-spread, spread)))

        agent = re.sub(r"\{M:(\d+)\}", version, template)
        if agent not in seen:
            seen.add(agent)
            kinds[kind].append(agent)
    for kind in kinds:
        if not kinds[kind]:
            kinds[kind].append(next(t for k, t in templates if k == kind))
    return kinds


WORDS = """about api archive bar blog build careers case cask cdap cluster community compare contact coopr
docs download events faq features guide help howto index install intro jobs learn legal license market
news overview partners platform press pricing privacy product quickstart reference release resources
roadmap sdk search security solutions start status support team terms tephra tigon tour training tutorial
use video whitepaper wiki""".split()
ASSET_EXT = "css js png jpg gif svg ico woff2 json xml txt webp PNG map".split()
DOWNLOAD_EXT = "zip tar.gz deb rpm pdf jar tgz ZIP iso csv mp4 exe".split()


def make_urls(rng, n):
    """(pages, assets, files)"""
    pages = ["/", "/index.html", "/search", "/a%20b/%C3%A9t%C3%A9", "/dir.zip/page", "/.hidden",
             "/trailing.", "/v1.2/", "/docs//double", "/Case", "/case", "/~user/"]
    assets = ["/favicon.ico", "/robots.txt", "/style.css", "/app.JS"]
    files = ["/downloads/cdap-sdk-2.8.0.zip", "/files/report.pdf"]
    while len(pages) + len(assets) + len(files) < n:
        depth = rng.choices((1, 2, 3), (5, 4, 1))[0]
        path = "/" + "/".join(rng.choice(WORDS) for _ in range(depth))
        if rng.random() < 0.5:
            path += f"-{rng.randrange(max(n, 100))}"
        kind = rng.random()
        if kind < 0.62:
            pages.append(path + rng.choice(("", "", "/", ".html", ".php")))
        elif kind < 0.87:
            assets.append(f"{path}.{rng.choice(ASSET_EXT)}")
        else:
            files.append(f"{path}-{rng.randrange(9)}.{rng.randrange(20)}.{rng.choice(DOWNLOAD_EXT)}")
    return [list(dict.fromkeys(part)) for part in (pages[:n], assets, files)]


def make_addresses(rng, knobs):
    seen = dict()
    while len(seen) < knobs.addresses:
        kind = rng.random()
        if kind < knobs.ipv6:
            host = "2%03x:%x:%x::%x" % (rng.randrange(0x400, 0xb00), rng.randrange(1, 65536),
                                       rng.randrange(1, 65536), rng.randrange(1, 65536))
        elif kind < knobs.ipv6 + knobs.hosts:
            host = f"host-{rng.randrange(10 * knobs.addresses)}.{rng.choice(WORDS)}.example.{rng.choice(('com', 'net'))}"
        else:
            bits = rng.getrandbits(32)
            first = bits >> 24
            if first in (0, 127) or first >= 224:
                continue
            host = f"{first}.{bits >> 16 & 255}.{bits >> 8 & 255}.{bits & 255}"
        seen[host] = None
    return list(seen)


REFERRERS = ["-", "-", "-", "https://www.google.com/", "https://www.bing.com/search?q=data+lake",
             "https://news.ycombinator.com/", "https://t.co/AbCd", "http://www.example.org/",
             "https://github.com/cdapio/cdap", "android-app://com.google.android.gm/",
             "https://de.wikipedia.org/wiki/Hadoop"]
QUERIES = ["?q=lake", "?utm_source=newsletter&utm_medium=email&utm_campaign=spring", "?page=2", "?a=1&b=2",
           "?", "?file=x.zip"]


class Maker:
    """Collects rows (ts, host, user, site, request, status, size, referrer, agent)."""

    def __init__(self, knobs):
        self.k = knobs
        rng = random.Random(knobs.seed if knobs.people < 0 else knobs.people)
        self.kinds = make_agents(rng, knobs.agents)
        self.pages, self.assets, self.files = make_urls(rng, knobs.urls)
        self.addresses = make_addresses(rng, knobs)
        self.rng = random.Random(knobs.seed)
        self.sites = knobs.sites.split(",")
        self.span = max(1, int(knobs.days * 86400))
        self.rows = []

    def add(self, who, t, target, status, size, referrer="-", method="GET"):
        host, agent, user, site = who
        if t < self.k.start + self.span:
            self.rows.append((t, host, user, site, f"{method} {target} HTTP/1.1", status, size, referrer,
                              agent))

    def visitor(self):
        rng = self.rng
        kind = rng.random()
        if kind < self.k.bots:
            agent, act = rng.choice(self.kinds["bot"]), self.crawl
        elif kind < self.k.bots + self.k.downloads:
            both = self.kinds["client"] if rng.random() < 0.6 else self.kinds["human"]
            agent, act = rng.choice(both), self.fetch
        else:
            agent, act = rng.choice(self.kinds["human"]), self.browse
        # The square makes some addresses far busier than others, as they are.
        host = self.addresses[int(rng.random() ** 2 * len(self.addresses))]
        user = "-" if rng.random() < 0.98 else rng.choice(("frank", "j.doe@example.org", "DOM\\\\u"))
        return (host, agent, user, rng.choice(self.sites)), act

    def browse(self, who, t):
        rng, k = self.rng, self.k
        referrer = rng.choice(REFERRERS)
        for _ in range(1 + int(rng.expovariate(0.45))):
            target = rng.choice(self.pages)
            if rng.random() < 0.15:
                target += rng.choice(QUERIES)
            status = 304 if rng.random() < 0.06 else 200
            self.add(who, t, target, status, "-" if status == 304 else rng.randrange(200, 60000), referrer)
            for _ in range(int(rng.random() * 2 * k.assets + 0.5)):
                self.add(who, t + (rng.random() < 0.3), rng.choice(self.assets), 200, rng.randrange(90, 9000),
                         "http://www.example.org" + target)
            if rng.random() < k.errors:
                self.add(who, t + 1, rng.choice(self.pages) + "x", rng.choice((404, 403, 500, 503, 410)), 312)
            if rng.random() < 0.03:
                self.add(who, t + 2, rng.choice(self.pages), rng.choice((301, 302, 307)), 0)
            if rng.random() < 0.04:
                self.add(who, t + 3, rng.choice(self.pages), 200, 17, method=rng.choice(("POST", "HEAD", "PUT")))
            referrer = "http://www.example.org" + target if rng.random() < 0.6 else "-"
            t += self.gap(1800, 150)

    def gap(self, edge, mean):
        rng = self.rng
        kind = rng.random()
        if kind < self.k.ties:
            return 0
        if kind < self.k.ties + self.k.edges:
            return edge + rng.choice((-1, 0, 1))
        if kind < self.k.ties + self.k.edges + 0.08:
            return edge + rng.randrange(2, 4 * edge)
        return 1 + int(rng.expovariate(1 / mean))

    def fetch(self, who, t):
        rng = self.rng
        target = rng.choice(self.files)
        if rng.random() < 0.5:  # one page view first: bots and clients view pages, too
            self.add(who, t - 5, rng.choice(self.pages), 200, 4000)
        for _ in range(1 + int(rng.expovariate(0.7))):
            status = rng.choices((206, 200, 304, 416, 302), (6, 5, 0.3, 0.3, 0.3))[0]
            method = "GET" if rng.random() < 0.95 else "HEAD"
            self.add(who, t, target, status, rng.randrange(10000, 9000000), method=method)
            t += self.gap(21600, 30)

    def crawl(self, who, t):
        rng = self.rng
        for _ in range(2 + int(rng.expovariate(0.1))):
            kind = rng.random()
            target = rng.choice(self.assets if kind < 0.1 else self.files if kind < 0.13 else self.pages)
            self.add(who, t, target, 404 if rng.random() < 0.1 else 200, rng.randrange(200, 30000))
            t += rng.choice((0, 1, 2, 5, 60, 1800, 1801))

    def make(self):
        rng, k = self.rng, self.k
        hours = [1, 1, 1, 1, 1, 2, 3, 5, 8, 10, 10, 10, 9, 9, 10, 10, 9, 8, 8, 9, 9, 7, 4, 2]
        days = max(1, (self.span + 86399) // 86400)
        while len(self.rows) < k.lines:
            who, act = self.visitor()
            for _ in range(1 + int(rng.expovariate(0.9))):
                hour = rng.choices(range(24), hours)[0]
                offset = rng.randrange(days) * 86400 + hour * 3600 + rng.randrange(3600)
                if offset < self.span:
                    act(who, k.start + offset)
        # Cutting at random, not at the end: the last visitors are as good as the first.
        if len(self.rows) > k.lines:
            rng.shuffle(self.rows)
            del self.rows[k.lines:]
        self.rows.sort(key=lambda row: row[0])
        return self.rows


class Stamper:
    """[17/May/2015:10:05:03 +0000] in one of several offsets"""

    def __init__(self, zones):
        self.zones = []
        for zone in zones.split(","):
            minutes = int(zone[1:3]) * 60 + int(zone[3:5])
            self.zones.append((zone, minutes * (-60 if zone[0] == "-" else 60)))
        self.days = {}

    def stamp(self, t, rng):
        zone, offset = self.zones[0] if len(self.zones) == 1 else rng.choice(self.zones)
        day, second = divmod(t + offset, 86400)
        text = self.days.get(day)
        if text is None:
            date = datetime.date(1970, 1, 1) + datetime.timedelta(days=day)
            text = self.days[day] = f"[{date.day:02}/{MONTHS[date.month - 1]}/{date.year}:"
        return f"{text}{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02} {zone}]"


def escape(text):
    return text.replace("\\", "\\\\").replace('"', '\\"')


ODD_REQUESTS = ["-", "", "\\x16\\x03\\x01\\x02", "GET /no-protocol", "get /lower HTTP/1.1", "GET /a b HTTP/1.1",
                "OPTIONS * HTTP/1.0", "GET http://other.example/page HTTP/1.1", "GET / HTTP/2", "GET / HTTP/2.0",
                "CONNECT example.org:443 HTTP/1.1", "PROPFIND / HTTP/1.1", "quit"]


def defect(rng, parts, fmt):
    """One defect with one known reason."""
    host, user, stamp, request, status, size, tail = parts
    good = f'{host} - {user} {stamp} "{request}" {status} {size}'
    kind = rng.randrange(7)
    if kind == 0:
        return rng.choice((" ", "\t", "   ", " \t "))
    if kind == 1:
        bad = rng.choice(("[32/Foo/2015:10:00:00 +0000]", "[17/May/2015:25:00:00 +0000]", "[yesterday]",
                          "[31/Feb/2015:10:00:00 +0000]", "[]"))
        return good.replace(stamp, bad, 1) + tail
    if kind == 2:
        return f'{host} - {user} {stamp} "{request}" {rng.choice(("OK", "99", "1000", "-", "2x0"))} {size}{tail}'
    if kind == 3:
        return f'{host} - {user} {stamp} "{request}" {status} {rng.choice(("big", "12k", "-5", "1.5"))}{tail}'
    if kind == 4:
        return f'{host} - {user} {stamp} "{request.replace(chr(34), "")}'.rstrip("\\")
    if kind == 5:
        return f'{host} - {user} {stamp} "{request}" {status}' if fmt == "common" else good
    return f'{host} - {user} {stamp} "/{"x" * rng.randrange(65536, 70000)}" {status} {size}{tail}'


def render(knobs, maker):
    rng, fmt = maker.rng, knobs.format
    stamper = Stamper(knobs.zones)
    escaped = {}
    plain = not (knobs.junk or knobs.odd or knobs.quotes or knobs.bytes8 or knobs.empty)
    lines = []
    for t, host, user, site, request, status, size, referrer, agent in maker.make():
        stamp = stamper.stamp(t, rng)
        if agent not in escaped:
            escaped[agent] = escape(agent)
        agent = escaped[agent]
        if not plain:
            if rng.random() < knobs.quotes:
                referrer = 'http://q.example/?s=\\"quoted\\"&t=\\\\'
                request = request.replace(" HTTP", rng.choice(('/say-\\"hi\\" HTTP', "/back\\\\slash HTTP")))
            if rng.random() < knobs.bytes8:
                referrer = "http://example.net/\xe9t\xe9"
                request = request.replace(" HTTP", rng.choice(("/caf\xe9 HTTP", "/\xff\xfe HTTP", "/\xc3\xa9 HTTP")))
            if rng.random() < knobs.odd:
                request = rng.choice(ODD_REQUESTS)
        tail = "" if fmt == "common" else f' "{referrer}" "{agent}"'
        if not plain and fmt != "common" and rng.random() < knobs.odd:
            tail += ' "extra" 0.123'
        line = f'{host} - {user} {stamp} "{request}" {status} {size}{tail}'
        if not plain and rng.random() < knobs.junk:
            line = defect(rng, (host, user, stamp, request, status, size, tail), fmt)
        if fmt == "vhost" and line.strip():
            line = f"{site}:{443 if len(site) % 2 else 80} {line}"
        lines.append(line)
        while not plain and rng.random() < knobs.empty:
            lines.append("")
    if knobs.shuffle:
        rng.shuffle(lines)
    return lines


def generate(knobs):
    end = "\r\n" if knobs.crlf else "\n"
    text = end.join(render(knobs, Maker(knobs)))
    if knobs.final_newline:
        text += end
    return text.encode("latin-1")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, value in Knobs.defaults.items():
        option = "--" + name.replace("_", "-")
        if isinstance(value, bool):
            parser.add_argument(option, type=lambda v: v.lower() in ("1", "yes", "true"), default=value)
        else:
            parser.add_argument(option, type=type(value), default=value)
    sys.stdout.buffer.write(generate(Knobs(**vars(parser.parse_args()))))


if __name__ == "__main__":
    main()
