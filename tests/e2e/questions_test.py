#!/usr/bin/python3
"""Random questions about several sites in several zones have the answers of the independent count, with rows as
they came and with everything sealed. Covers what counts_test.py does not put together: comparison, fill, order,
limit, filters of all kinds, odd ranges, subsets of sites."""
import datetime
import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import cask
import count
from loggen import Knobs, generate

DAY = 86400
SITES = {"la.example": "America/Los_Angeles", "in.example": "Asia/Kolkata", "howe.example": "Australia/Lord_Howe"}
ZONES = ["UTC", "Europe/Berlin", *SITES.values()]
# a year's change, the clocks of Los Angeles, the end of a short month; the years before, to compare with
STARTS = [(2014, 12, 29), (2015, 3, 6), (2015, 3, 28), (2014, 3, 7), (2015, 2, 26), (2014, 3, 28), (2013, 12, 30)]
SUMS = "hits pageviews sessions bounces exits engaged_seconds download_requests errors bytes".split()
# Dimensions of the session, of the visitor, of the hit itself.
SESSION = ("referrer", "referrer_domain", "entry_path", "utm_source", "utm_campaign")
VISITOR = ("country", "browser", "os", "device")
OWN = ("path", "site")
PATTERNS = ["^/$", "e", "^$", "[aeiou]$", "index|docs", "^(/|US|Linux|Chrome)$"]


def build(rng):
    config = "timezone: Europe/Berlin\nsites:\n" + "".join(
        f"  - {{name: {name}, timezone: {zone}}}\n" for name, zone in SITES.items())
    data, counter = cask.Data(config), count.Counter()
    people = rng.getrandbits(32)
    for site in SITES:
        log = b"".join(
            generate(Knobs(seed=rng.getrandbits(32), people=people, addresses=60, agents=30, urls=40, days=4,
                           start=int(datetime.datetime(*start, tzinfo=count.UTC).timestamp()), lines=320, bytes8=0))
            for start in STARTS)
        counter.read(log, "combined", site)
        data.load("--site", site, data.file(log))
    return data, counter


# --- questions -----------------------------------------------------------------------------------


class Question:
    def __init__(self, rng, counter):
        self.sites = rng.choice((None, None, *([s] for s in SITES), rng.sample(list(SITES), 2)))
        self.tz = rng.choice((None, None, *ZONES))
        self.zone_name = self.tz or (SITES[self.sites[0]] if self.sites and len(self.sites) == 1 else "Europe/Berlin")
        self.zone = count.Zone(self.zone_name)
        self.bots = rng.choice(("exclude", "exclude", "include", "only"))
        self.by = rng.choice((None, *cask.GRAINS))
        self.compare = rng.choice((None, None, "week", "month", "quarter", "year"))
        self.align = self.compare and rng.random() < 0.4 and self.by in (None, "day", "week")
        kind = rng.random()
        dims = SESSION + VISITOR if kind < 0.4 else VISITOR + OWN
        self.group = rng.sample(dims, rng.choice((0, 0, 1, 1, 2)))
        self.where = [self.filter(rng, rng.choice(dims), counter) for _ in range(rng.choice((0, 0, 1, 2)))]
        self.metrics = rng.sample(SUMS, rng.randint(1, 4))
        if kind < 0.4:  # a hit's own source is another than its session's: ask of page views only
            self.metrics = [m for m in self.metrics if m in SUMS[1:6]] or ["pageviews"]
        self.fill = bool(self.by) and not self.group and rng.random() < 0.3
        self.limit = rng.randint(1, 5) if self.group and rng.random() < 0.4 else None
        self.order = rng.choice(self.metrics) if rng.random() < 0.3 else None
        self.range(rng)
        self.metrics.append("visitors")  # states of so few visitors are exact as well
        if rng.random() < 0.3:
            self.metrics.append("bounce_rate")

    def filter(self, rng, name, counter):
        if rng.random() < 0.3:
            return name, "~", rng.choice(PATTERNS)
        return name, rng.choice(("=", "=", "!=")), counter.dimension(name, rng.choice(counter.hits), True)

    def range(self, rng):
        """Ends at midnight where the comparison has an independent model, else anywhere."""
        at = datetime.date(*rng.choice(STARTS)) + datetime.timedelta(rng.randint(-1, 3))
        first = int(datetime.datetime(at.year, at.month, at.day, tzinfo=self.zone.tz).timestamp())
        length = rng.choice((1, 2, 3, 7, 40)) if self.by in (None, "hour", "day") else rng.choice((3, 30, 100, 400))
        self.since, self.until = first, self.zone.floor("day", first + length * DAY + DAY // 2)
        if self.compare:
            if self.by == "hour":
                self.by = "day"
            if self.by not in (None, "day"):  # whole buckets
                self.since = self.zone.floor(self.by, self.since)
                self.until = self.zone.next(self.by, self.until - 1)
        elif rng.random() < 0.4:
            self.since += rng.randrange(2 * DAY)
            self.until = self.since + rng.randrange(1, 5 * DAY)

    def options(self):
        stamp = lambda t: self.zone.show(t)
        words = [",".join(self.metrics), "--from", stamp(self.since), "--to", stamp(self.until), "--bots", self.bots]
        for name in ("tz", "by", "compare", "limit", "order"):
            if getattr(self, name):
                words += ["--" + name, str(getattr(self, name))]
        if self.sites:
            words += ["--site", ",".join(self.sites)]
        if self.group:
            words += ["--group", ",".join(self.group)]
        if self.align:
            words += ["--align", "weekday"]
        if self.fill:
            words += ["--fill"]
        for name, operator, value in self.where:
            words += ["--filter", f"{name}{operator}{value}"]
        return words


# --- the calendar of comparisons, by dates -------------------------------------------------------


WEEKS = {"week": 1, "month": 4, "quarter": 13, "year": 52}
MONTHS = {"month": 1, "quarter": 3, "year": 12}


def earlier(q, day):
    """The date to compare with, None if that month has no such day."""
    if q.compare == "week" or q.align or q.by == "week":
        return day - datetime.timedelta(7 * WEEKS[q.compare])
    months = day.year * 12 + day.month - 1 - MONTHS[q.compare]
    try:
        return day.replace(year=months // 12, month=months % 12 + 1)
    except ValueError:
        return None


def dates(q, since, until):
    day = lambda t: datetime.datetime.fromtimestamp(t, q.zone.tz).date()
    first, last = day(since), day(until - 1)
    return [first + datetime.timedelta(n) for n in range((last - first).days + 1)]


def start_of(q, day):
    return int(datetime.datetime(day.year, day.month, day.day, tzinfo=q.zone.tz).timestamp())


def counterpart(q, since, until):
    """Of whole days: from the first one that has a counterpart to the last one; coarse buckets whole."""
    if q.by in ("month", "quarter", "year") and q.compare != "week":
        first, behind = earlier(q, dates(q, since, since + 1)[0]), earlier(q, dates(q, until, until + 1)[0])
        return start_of(q, first), start_of(q, behind)
    found = [d for d in (earlier(q, day) for day in dates(q, since, until)) if d]
    if not found:
        return None
    return start_of(q, found[0]), start_of(q, found[-1] + datetime.timedelta(1))


# --- comparing -----------------------------------------------------------------------------------


ZERO = dict(count.finish(dict(dict.fromkeys(count.METRICS, 0), visitors=set())))


def expected_rows(q, counter):
    """[(time, dims, {metric: value})] in the order of the answer."""
    common = dict(zone=q.zone_name, bots=q.bots, group=tuple(q.group), sites=q.sites, where=q.where)
    spans = [(q.since, q.until)]
    if q.by:
        spans, t = [], q.since
        while t < q.until:
            end = min(q.zone.next(q.by, t), q.until)
            spans.append((t, end))
            t = end
    cells = {}
    for since, until in spans:
        label = q.zone.show(q.zone.floor(q.by, since)) if q.by else None
        for dims, cell in counter.rows(since=since, until=until, **common).items():
            cells.setdefault((since, label, dims), {}).update(cell)
        before = counterpart(q, since, until) if q.compare else None
        for dims, cell in counter.rows(since=before[0], until=before[1], **common).items() if before else ():
            cells.setdefault((since, label, dims), {}).update({m + "_previous": v for m, v in cell.items()})
        if q.fill:
            cells.setdefault((since, label, ()), {})
        for key, cell in cells.items():
            if key[0] == since and before:
                for m, v in ZERO.items():
                    cell.setdefault(m + "_previous", v)
    base = set(q.metrics) - {"bounce_rate"} | ({"sessions", "bounces"} if "bounce_rate" in q.metrics else set())
    base |= {q.order} if q.order else set()
    rows = []
    for (since, label, dims), cell in cells.items():
        row = {**ZERO, **cell}
        if q.fill or any(row[m] or row.get(m + "_previous") for m in base):
            rows.append((since, label, tuple(map(cask.text, dims)), row))
    order = q.order or q.metrics[0]
    number = lambda row: -1 if row[order] is None else row[order]
    if q.limit:
        whole = {tuple(map(cask.text, dims)): cell
                 for dims, cell in counter.rows(since=q.since, until=q.until, **common).items()}
        groups = sorted({dims for _, _, dims, _ in rows},
                        key=lambda dims: (-number(whole.get(dims, ZERO)), [d.encode() for d in dims]))[:q.limit]
        rows = [row for row in rows if row[2] in groups]
    rows.sort(key=lambda row: (row[0], -number(row[3]), [d.encode() for d in row[2]]))
    return rows


def compare(q, answer, counter):
    problems = []
    names = [n for m in q.metrics for n in ([m, m + "_previous"] if q.compare else [m])]

    def values(what, got, wanted):
        for name in names:
            if not cask.same_number(got[name], wanted.get(name)):
                problems.append(f"{what} {name}: {got[name]}, counted {wanted.get(name)}")

    common = dict(zone=q.zone_name, bots=q.bots, sites=q.sites, where=q.where)
    total = counter.total(since=q.since, until=q.until, **common)
    before = counterpart(q, q.since, q.until) if q.compare else None
    if before:
        earlier_total = counter.total(since=before[0], until=before[1], **common)
        total = {**total, **{m + "_previous": v for m, v in earlier_total.items()}}
    values("total", answer["total"], total)
    if not q.by and not q.group:
        return problems
    rows = expected_rows(q, counter)
    got = [(r.get("time"), tuple(cask.text(r[g]) for g in q.group)) for r in answer["rows"]]
    wanted = [(label, dims) for _, label, dims, _ in rows]
    if got != wanted:
        at = next((i for i, (a, b) in enumerate(zip(got, wanted)) if a != b), min(len(got), len(wanted)))
        problems.append(f"{len(got)} rows, counted {len(wanted)}; from row {at}: {got[at:at + 3]}, counted "
                        f"{wanted[at:at + 3]}")
        return problems
    for row, (_, label, dims, cell) in zip(answer["rows"], rows):
        values(f"{label} {dims}", row, cell)
    return problems


def ask(rng, data, counter, n):
    for _ in range(n):
        q = Question(rng, counter)
        done = data.run("stats", *q.options(), "--format", "json")
        problems = compare(q, cask.json.loads(done.stdout), counter)
        if problems:
            shown = "\n  ".join(problems[:12])
            raise AssertionError(f"stats {' '.join(map(repr, q.options()))}: {len(problems)} differences\n  {shown}")


def test_random_questions():
    rng = random.Random(cask.seed())
    data, counter = build(rng)
    rounds = int(os.environ.get("CASK_ROUNDS") or 1)
    ask(rng, data, counter, 16 * rounds)
    data.run("rebuild")
    ask(rng, data, counter, 16 * rounds)


if __name__ == "__main__":
    cask.main(globals())
