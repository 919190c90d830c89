#!/usr/bin/python3
"""The independent count of access logs: count.py --format combined --site example.org access.log

Written from docs/definitions.md alone and never from the C code: it is what the program's
numbers are compared with. Slow and simple on purpose; everything is in memory.

As a module:  c = Counter(); c.read(data, "combined", "example.org"); c.rows([...], grain="day", ...)"""
import argparse
import bz2
import datetime
import functools
import gzip
import ipaddress
import json
import os
import re
import sys
import urllib.parse
import zoneinfo

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MODULES = os.path.join(ROOT, "node_modules")
UTC = datetime.timezone.utc

ASSETS = set("""css js mjs map png jpg jpeg gif ico svg webp bmp avif woff woff2 ttf eot otf swf xml txt json
rss atom webmanifest""".split())
DOWNLOADS = set("""pdf zip gz tgz bz2 tbz xz 7z rar tar exe msi dmg pkg deb rpm apk iso img jar war doc docx xls
xlsx ppt pptx odt ods odp csv epub mobi mp3 ogg wav flac mp4 m4v avi mov mkv webm""".split())
SESSION_GAP = 1800
SOURCE_REACH = 43200
SESSION_DIMENSIONS = {"referrer": "referrer", "entry_path": "path", "referrer_domain": "referrer_domain",
                      "utm_source": "utm_source", "utm_medium": "utm_medium", "utm_campaign": "utm_campaign"}
DOWNLOAD_GAP = 21600
LINE_BYTES = 65536

# --- lines ---------------------------------------------------------------------------------------


class Rejected(Exception):
    pass


QUOTED = re.compile(rb'"((?:[^"\\]|\\.)*)"', re.S)
MONTHS = {m: i + 1 for i, m in enumerate(b"Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split())}
STAMP = re.compile(rb"(\d\d)/([A-Z][a-z][a-z])/(\d{4}):(\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)$")
REQUEST = re.compile(rb"([A-Z]+|[A-Z][A-Z_-]*[A-Z]) (\S+) HTTP/(\d+(?:\.\d+)?)$")
HEAD = re.compile(rb"(\S+)[ \t]+(\S+)[ \t]+(\S.*?)[ \t]+\[([^\]]*)\](.*)$", re.S)


@functools.lru_cache(maxsize=1 << 18)
def read_stamp(text):
    m = STAMP.match(text)
    if not m or m[2] not in MONTHS:
        raise Rejected("bad_time")
    try:
        t = datetime.datetime(int(m[3]), MONTHS[m[2]], int(m[1]), int(m[4]), int(m[5]), int(m[6]), tzinfo=UTC)
    except ValueError:
        raise Rejected("bad_time") from None
    offset = int(m[8]) * 3600 + int(m[9]) * 60
    return int(t.timestamp()) - (-offset if m[7] == b"-" else offset)


def unescape(text):
    """Only the escapes that the definition names; \\xHH stays as it is logged."""
    return re.sub(rb'\\(["\\])', rb"\1", text) if b"\\" in text else text


def read_quoted(rest):
    rest = rest.lstrip(b" \t")
    if not rest.startswith(b'"'):
        raise Rejected("fields")
    m = QUOTED.match(rest)
    if not m:
        raise Rejected("unclosed_quote")
    return unescape(m[1]), rest[m.end():]


def read_word(rest):
    word, _, rest = rest.lstrip(b" \t").partition(b" ")
    if not word:
        raise Rejected("fields")
    return word, rest


def dash(text):
    return b"" if text == b"-" else text


def read_line(line, fmt):
    """(vhost, host, time, request, status, size, referrer, agent)"""
    if not line.strip(b" \t"):
        raise Rejected("empty")
    if len(line) > LINE_BYTES:
        raise Rejected("too_long")
    vhost = b""
    if fmt == "vhost":
        vhost, line = read_word(line)
        vhost = re.sub(rb":\d*$", b"", vhost)
    head = HEAD.match(line)
    if not head:
        raise Rejected("fields")
    host, rest = head[1], head[5]
    time = read_stamp(head[4])
    request, rest = read_quoted(rest)
    status, rest = read_word(rest)
    if not re.fullmatch(rb"[1-9]\d\d", status):
        raise Rejected("bad_status")
    size, rest = read_word(rest)
    if size != b"-" and not re.fullmatch(rb"\d+", size):
        raise Rejected("bad_size")
    referrer = agent = b""
    if fmt != "common":
        referrer, rest = read_quoted(rest)
        agent, rest = read_quoted(rest)
    return vhost, host, time, request, int(status), 0 if size == b"-" else int(size), dash(referrer), dash(agent)


# --- agents --------------------------------------------------------------------------------------


def fill(template, match):
    """uap-core's replacement: $1..$9, spaces trimmed."""
    def group(m):
        n = int(m[1])
        return (match[n] or "") if n <= match.re.groups else ""
    return re.sub(r"\$(\d)", group, template).strip()


class Agents:
    """uap-core's reference semantics, crawler-user-agents, and the clients that are no bots."""

    def __init__(self):
        import yaml  # only here: the rest works without
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        with open(os.path.join(MODULES, "uap-core", "regexes.yaml"), encoding="utf-8") as f:
            rules = yaml.load(f, loader)
        flags = {"i": re.I}
        self.rules = {}
        for kind in ("user_agent", "os", "device"):
            self.rules[kind] = [(re.compile(r["regex"], flags.get(r.get("regex_flag"), 0)), r)
                                for r in rules[kind + "_parsers"]]
        with open(os.path.join(MODULES, "crawler-user-agents", "crawler-user-agents.json"), encoding="utf-8") as f:
            self.crawlers = [re.compile(entry["pattern"]) for entry in json.load(f)]
        self.clients = []
        try:
            with open(os.path.join(ROOT, "schema", "clients.txt"), encoding="utf-8") as f:
                self.clients = [re.compile(line.strip()) for line in f
                                if line.strip() and not line.startswith("#")]
        except FileNotFoundError:
            pass
        self.known = {}

    def first(self, kind, agent):
        for pattern, rule in self.rules[kind]:
            match = pattern.search(agent)
            if match:
                return match, rule
        return None, {}

    def look(self, agent):
        info = self.known.get(agent)
        if info is None:
            info = self.known[agent] = self.classify(agent.decode("utf-8", "replace"))
        return info

    def family(self, kind, key, agent):
        match, rule = self.first(kind, agent)
        if not match:
            return "Other"
        if rule.get(key):
            return fill(rule[key], match) or "Other"
        return (match[1] if match.re.groups else None) or "Other"

    def classify(self, agent):
        device = self.family("device", "device_replacement", agent)
        bot = device == "Spider" or any(p.search(agent) for p in self.crawlers)
        if bot and any(p.search(agent) for p in self.clients):
            bot = False
        return {"browser": self.family("user_agent", "family_replacement", agent),
                "os": self.family("os", "os_replacement", agent), "device": device, "bot": bot}


# --- countries -----------------------------------------------------------------------------------


# Addresses of private networks, this host and this link are in no country (RFC 1918, 6598, 3927, 4193).
PRIVATE = [ipaddress.ip_network(net) for net in (
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
    "192.168.0.0/16", "fc00::/7", "fe80::/10", "::1/128", "::/128")]


class Countries:
    """A small reader of MaxMind DB files (its specification 2.0)."""

    MARK = b"\xab\xcd\xefMaxMind.com"

    def __init__(self):
        path = os.path.join(MODULES, "@ip-location-db", "geo-whois-asn-country-mmdb", "geo-whois-asn-country.mmdb")
        with open(path, "rb") as f:
            self.data = f.read()
        at = self.data.rindex(self.MARK) + len(self.MARK)
        self.base = at
        meta, _ = self.decode(at)
        self.nodes, self.bits = meta["node_count"], meta["record_size"]
        self.v6 = meta["ip_version"] == 6
        self.tree = self.nodes * self.bits // 4
        self.base = self.tree + 16
        self.known = {}

    def decode(self, at):
        control = self.data[at]
        at += 1
        kind = control >> 5
        if kind == 1:  # pointer
            size = control >> 3 & 3
            raw = int.from_bytes(self.data[at:at + size + 1], "big")
            if size < 3:
                raw += (control & 7) << (8 * (size + 1))
            raw += (0, 2048, 526336, 0)[size]
            return self.decode(self.base + raw)[0], at + size + 1
        if kind == 0:
            kind = 7 + self.data[at]
            at += 1
        size = control & 31
        if size >= 29:
            n = size - 28
            size = (29, 285, 65821)[n - 1] + int.from_bytes(self.data[at:at + n], "big")
            at += n
        if kind == 7:
            result = {}
            for _ in range(size):
                key, at = self.decode(at)
                result[key], at = self.decode(at)
            return result, at
        if kind == 11:
            result = []
            for _ in range(size):
                item, at = self.decode(at)
                result.append(item)
            return result, at
        if kind == 14:
            return bool(size), at
        raw = self.data[at:at + size]
        if kind == 2:
            return raw.decode(), at + size
        return (int.from_bytes(raw, "big") if kind in (5, 6, 8, 9, 10) else raw), at + size

    def child(self, node, bit):
        at = node * self.bits // 4
        if self.bits == 28:
            seven = self.data[at:at + 7]
            if bit:
                return (seven[3] & 15) << 24 | int.from_bytes(seven[4:], "big")
            return (seven[3] >> 4) << 24 | int.from_bytes(seven[:3], "big")
        n = self.bits // 8
        return int.from_bytes(self.data[at + bit * n:at + (bit + 1) * n], "big")

    def look(self, host):
        code = self.known.get(host)
        if code is None:
            code = self.known[host] = self.find(host)
        return code

    def find(self, host):
        try:
            address = ipaddress.ip_address(host.decode())
        except ValueError:
            return ""
        if address.version == 6 and address.ipv4_mapped:
            address = address.ipv4_mapped
        if any(address in net for net in PRIVATE if net.version == address.version):
            return ""
        number, length = int(address), 128 if self.v6 else 32
        if address.version == 6 and not self.v6:
            return ""
        node = 0
        for i in range(length - 1, -1, -1):
            if node >= self.nodes:
                break
            node = self.child(node, number >> i & 1)
        if node <= self.nodes:
            return ""
        record, _ = self.decode(self.tree + node - self.nodes)
        if not isinstance(record, dict):
            return ""
        return record.get("country_code") or record.get("country", {}).get("iso_code") or ""


# --- time ----------------------------------------------------------------------------------------


class Zone:
    """Calendar buckets of a zone; an instant is cut by the local calendar. An hour is a local clock
    hour; where a change of the offset cuts one, the part behind it is a bucket of its own."""

    def __init__(self, name):
        self.tz = zoneinfo.ZoneInfo(name)
        self.known = {}

    def offset(self, t):
        return int(datetime.datetime.fromtimestamp(t, self.tz).utcoffset().total_seconds())

    def hour(self, t):
        start = t - (t + self.offset(t)) % 3600
        if self.offset(start) == self.offset(t):
            return start
        low, high = start, t  # the offset changes in (low, high]
        while high - low > 1:
            middle = (low + high) // 2
            if self.offset(middle) == self.offset(t):
                high = middle
            else:
                low = middle
        return high

    def floor(self, grain, t):
        # No zone changes its offset within a quarter of an hour that begins at :00, :15, :30 or :45.
        key = (grain, t // 900)
        start = self.known.get(key)
        if start is None:
            start = self.known[key] = self.cut(grain, t)
        return start

    def cut(self, grain, t):
        if grain == "hour":
            return self.hour(t)
        day = datetime.datetime.fromtimestamp(t, self.tz).date()
        if grain == "week":
            day -= datetime.timedelta(days=day.weekday())
        elif grain == "month":
            day = day.replace(day=1)
        elif grain == "quarter":
            day = day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1)
        elif grain == "year":
            day = day.replace(month=1, day=1)
        elif grain != "day":
            raise ValueError(grain)
        return int(datetime.datetime(day.year, day.month, day.day, tzinfo=self.tz).timestamp())

    def next(self, grain, t):
        """The start of the bucket after that of t."""
        start = self.floor(grain, t)
        step = {"hour": 900, "day": 72000, "week": 6 * 86400, "month": 27 * 86400, "quarter": 89 * 86400,
                "year": 364 * 86400}[grain]
        t = start + step
        while self.floor(grain, t) == start:
            t += 900
        return self.floor(grain, t)

    def show(self, t):
        return datetime.datetime.fromtimestamp(t, self.tz).isoformat()


# --- counting ------------------------------------------------------------------------------------

PAGEVIEW, DOWNLOAD, OTHER = 1, 2, 0


@functools.lru_cache(maxsize=1 << 16)
def extension_kind(path):
    segment = path[path.rfind(b"/") + 1:]
    if b"." not in segment:
        return "page"
    ext = segment[segment.rfind(b".") + 1:].lower().decode("latin-1")
    return "asset" if ext in ASSETS else "download" if ext in DOWNLOADS else "page"


def classify(method, path, status):
    if method != b"GET":
        return OTHER
    what = extension_kind(path)
    if what == "page" and (200 <= status <= 299 or status == 304):
        return PAGEVIEW
    if what == "download" and status in (200, 206):
        return DOWNLOAD
    return OTHER


@functools.lru_cache(maxsize=1 << 16)
def domain(referrer):
    """The host of an address of a page, in lower case, without port and leading www."""
    m = re.match(rb"[a-z][a-z0-9+.-]*://([^/?#]*)", referrer, re.I)
    if not m:
        return ""
    host = re.sub(rb":\d*$", b"", m[1].rpartition(b"@")[2]).lower().decode("utf-8", "replace")
    return host[4:] if host.startswith("www.") else host


@functools.lru_cache(maxsize=1 << 16)
def parameter(query, name):
    for piece in query.split(b"&"):
        key, _, value = piece.partition(b"=")
        if key.decode("latin-1") == name:
            return urllib.parse.unquote_plus(value.decode("latin-1"))
    return ""


class Hit:
    __slots__ = ("t", "site", "visitor", "kind", "method", "path", "query", "status", "bytes", "referrer", "host", "agent", "entry",
                 "start", "end", "gap", "run", "entry")


METRICS = """hits pageviews sessions visitors bounces bounce_rate entries exits engaged_seconds pages_per_session
downloads download_requests errors bytes""".split()


class Counter:
    def __init__(self):
        self.lines = self.accepted = 0
        self.reasons = {}
        self.hits = []
        self.agents = self.countries = None
        self.flagged = False

    def read(self, data, fmt, site=""):
        """Count the lines of one log. Returns (lines, accepted, {reason: n}) of it alone."""
        lines = accepted = 0
        reasons = {}
        self.flagged = False
        for line in data.split(b"\n"):
            line = line[:-1] if line.endswith(b"\r") else line
            if not line:
                continue
            lines += 1
            try:
                self.hit(read_line(line, fmt), site)
                accepted += 1
            except Rejected as e:
                reasons[str(e)] = reasons.get(str(e), 0) + 1
        self.lines += lines
        self.accepted += accepted
        for reason, n in reasons.items():
            self.reasons[reason] = self.reasons.get(reason, 0) + n
        return lines, accepted, reasons

    def hit(self, fields, site):
        vhost, host, time, request, status, size, referrer, agent = fields
        h = Hit()
        m = REQUEST.match(request)
        h.method, target = (m[1], m[2]) if m else (b"", b"")
        h.query = target.partition(b"?")[2]
        h.path = target.partition(b"?")[0]
        h.t, h.status, h.bytes, h.referrer = time, status, size, referrer
        h.site = site or vhost.decode("latin-1")
        h.host, h.agent = host, agent
        h.visitor = (host, agent)
        h.kind = classify(h.method, h.path, status)
        h.start = h.end = h.run = False
        h.gap = 0
        h.entry = h
        self.hits.append(h)

    def flag(self):
        """Sessions and downloads, over everything at once."""
        if self.flagged:
            return
        self.flagged = True
        views, files = {}, {}
        for h in self.hits:
            if h.kind == PAGEVIEW:
                views.setdefault((h.site, h.visitor), []).append(h)
            elif h.kind == DOWNLOAD:
                files.setdefault((h.site, h.visitor, h.path), []).append(h)
        for group in views.values():
            group.sort(key=lambda h: (h.t, h.path, h.referrer))
            first = None
            for i, h in enumerate(group):
                h.start = i == 0 or h.t - group[i - 1].t > SESSION_GAP
                h.end = i == len(group) - 1 or group[i + 1].t - h.t > SESSION_GAP
                h.gap = 0 if h.end else group[i + 1].t - h.t
                h.entry = h if h.start else group[i - 1].entry
                first = h if h.start else first
                h.entry = first if h.t - first.t <= SOURCE_REACH else h
        for group in files.values():
            group.sort(key=lambda h: h.t)
            for i, h in enumerate(group):
                h.run = i == 0 or h.t - group[i - 1].t > DOWNLOAD_GAP

    def dimension(self, name, h, view=False):
        if name in SESSION_DIMENSIONS and view:
            name, h = SESSION_DIMENSIONS[name], h.entry
        if name == "entry_path":
            return ""  # of a hit that is no page view
        if name in ("browser", "os", "device", "bot"):
            if self.agents is None:
                self.agents = Agents()
            return self.agents.look(h.agent)[name]
        if name == "country":
            if self.countries is None:
                self.countries = Countries()
            return self.countries.look(h.host)
        if name == "status":
            return h.status
        if name == "site":
            return h.site
        if name == "referrer_domain":
            return domain(h.referrer)
        if name.startswith("utm_"):
            return parameter(h.query, name)
        if name == "referrer":  # the session's; sessions of more than 12 h are another matter
            return h.entry.referrer.decode("utf-8", "replace")
        if name == "entry_path":
            return h.entry.path.decode("utf-8", "replace") if h.kind == PAGEVIEW else ""
        return getattr(h, name).decode("utf-8", "replace")

    def wanted(self, h, bots, sites, since, until, where, view=False):
        if sites is not None and h.site not in sites:
            return False
        if (since is not None and h.t < since) or (until is not None and h.t >= until):
            return False
        if bots != "include" and self.dimension("bot", h) != (bots == "only"):
            return False
        return self.fits(h, where, view)

    def fits(self, h, where, view):
        """where: (dimension, value) or (dimension, operator, value) with = != ~; all must hold, but several = of
        one dimension are alternatives."""
        alternatives = {}
        for name, *operator, value in where:
            found = self.dimension(name, h, view)
            if operator in ([], ["="]):
                alternatives[name] = alternatives.get(name, False) or found == value
            elif operator == ["!="]:
                if found == value:
                    return False
            elif not re.search(value, str(found)):
                return False
        return all(alternatives.values())

    def rows(self, grain=None, zone="UTC", bots="exclude", group=(), sites=None, since=None, until=None, where=()):
        """{key: {metric: number}}; the key is (bucket's start as text, if there is a grain, and dimensions)."""
        self.flag()
        zone = Zone(zone)
        cells = {}

        def cell_of(h, view):
            key = (zone.floor(grain, h.t),) if grain else ()
            key += tuple(self.dimension(name, h, view) for name in group)
            cell = cells.get(key)
            if cell is None:
                cell = cells[key] = dict.fromkeys(METRICS, 0)
                cell["visitors"] = set()
            return cell

        for h in self.hits:
            if self.wanted(h, bots, sites, since, until, where):
                cell = cell_of(h, False)
                cell["hits"] += 1
                cell["bytes"] += h.bytes
                cell["errors"] += 400 <= h.status <= 599
                if h.kind == DOWNLOAD:
                    cell["download_requests"] += 1
                    cell["downloads"] += h.run
            # source dimensions of a page view are its session's (D4), those of a hit its own
            if h.kind == PAGEVIEW and self.wanted(h, bots, sites, since, until, where, True):
                cell = cell_of(h, True)
                cell["pageviews"] += 1
                cell["sessions"] += h.start
                cell["bounces"] += h.start and h.end
                cell["exits"] += h.end
                cell["engaged_seconds"] += h.gap
                cell["visitors"].add(h.visitor)
        for cell in cells.values():
            finish(cell)
        if not grain:
            return cells
        return {(zone.show(key[0]),) + key[1:]: cell for key, cell in cells.items()}

    def total(self, **question):
        return self.rows(**question).get(()) or finish(dict(dict.fromkeys(METRICS, 0), visitors=set()))


def finish(cell):
    cell["visitors"] = len(cell["visitors"])
    cell["entries"] = cell["sessions"]
    cell["bounce_rate"] = cell["bounces"] / cell["sessions"] if cell["sessions"] else None
    cell["pages_per_session"] = cell["pageviews"] / cell["sessions"] if cell["sessions"] else None
    return cell


def read_file(path):
    if path == "-":
        return sys.stdin.buffer.read()
    opener = gzip.open if path.endswith(".gz") else bz2.open if path.endswith(".bz2") else open
    with opener(path, "rb") as f:
        return f.read()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--format", default="combined", choices=("common", "combined", "vhost"))
    parser.add_argument("--site", default="")
    parser.add_argument("--by", choices=("hour", "day", "week", "month", "quarter", "year"))
    parser.add_argument("--tz", default="UTC")
    parser.add_argument("--bots", default="exclude", choices=("exclude", "include", "only"))
    parser.add_argument("--group", default="", help="path, status, browser, os, country, site, method, referrer")
    parser.add_argument("files", nargs="+")
    args = parser.parse_args()
    counter = Counter()
    for path in args.files:
        counter.read(read_file(path), args.format, args.site)
    group = tuple(g for g in args.group.split(",") if g)
    question = dict(zone=args.tz, bots=args.bots)
    rows = counter.rows(grain=args.by, group=group, **question) if args.by or group else {}
    names = (("time",) if args.by else ()) + group
    json.dump({"lines": counter.lines, "accepted": counter.accepted,
               "rejected": counter.lines - counter.accepted, "reasons": counter.reasons,
               "rows": [dict(zip(names, key), **rows[key]) for key in sorted(rows)],
               "total": counter.total(**question)}, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
