#!/usr/bin/python3
"""Every number of `stats` equals the independent count, whatever the format, zone, grain and filter."""
import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import cask
import count
from cask import check, equal
from loggen import Knobs, generate

DAY = 86400


def instant(year, month, day):
    return int(count.datetime.datetime(year, month, day, tzinfo=count.UTC).timestamp())


# Around a year's end, both changes of the clock in Los Angeles and Lord Howe, and a quarter's end.
TIMES = [(instant(2014, 12, 29), 5), (instant(2015, 3, 6), 4), (instant(2015, 3, 31), 7),
         (instant(2015, 10, 2), 4), (instant(2015, 10, 30), 4)]
ZONES = ("UTC", "America/Los_Angeles", "Asia/Kolkata", "Australia/Lord_Howe")


def generated(seed, lines, **knobs):
    """One log over all of TIMES, with the same visitors in each part."""
    return b"".join(generate(Knobs(seed=seed + i, people=seed, start=start, days=days, lines=lines // len(TIMES),
                                   junk=0.01, empty=0.002, **knobs)) for i, (start, days) in enumerate(TIMES))


def imported(fmt, log, site="example.org", config=None):
    data, counter = cask.Data(config), count.Counter()
    lines, accepted, reasons = counter.read(log, fmt, site)
    args = ["--site", site] if site else []
    summary = data.load(*args, data.file(log))
    equal((summary["lines"], summary["accepted"], summary["rejected"], summary["duplicates"]),
          (lines, accepted, lines - accepted, 0), "lines, accepted, rejected, duplicates")
    equal({r: n for r, n in summary["reasons"].items() if n}, reasons, "reasons")
    equal(summary["files"][0]["format"], fmt, "format")
    return data, counter


def every_grain_in_every_zone(rng, data, counter):
    for bots in ("exclude", "include", "only"):
        check(data, counter, bots=bots)
    turn = rng.randrange(3)
    for zone in ZONES:
        for grain in cask.GRAINS:
            turn += 1
            check(data, counter, by=grain, zone=zone, bots=("exclude", "include", "only")[turn % 3])


def test_combined_every_grain_in_every_zone():
    rng = random.Random(cask.seed())
    data, counter = imported("combined", generated(rng.getrandbits(32), 8000, zones="+0000,-0700,+0530,+1030"))
    every_grain_in_every_zone(rng, data, counter)


def test_sealed_every_grain_in_every_zone():
    """Cubes are cut in the site's zone; a question may be in that one or in another."""
    rng = random.Random(cask.seed())
    log = generated(rng.getrandbits(32), 5000)
    data, counter = imported("combined", log, config=f"timezone: {rng.choice(ZONES)}\n")
    data.seal()
    every_grain_in_every_zone(rng, data, counter)


def test_combined_grouped():
    rng = random.Random(cask.seed())
    data, counter = imported("combined", generated(rng.getrandbits(32), 6000))
    grouped(rng, data, counter)
    data.seal()
    grouped(rng, data, counter)


def grouped(rng, data, counter):
    for group in ("path", "status", "browser", "os", "country", "method", "referrer", "entry_path"):
        metrics = cask.COUNTED
        if group in ("status", "method"):
            metrics = ["hits", "errors", "bytes", "pageviews", "download_requests"]
        elif group in ("referrer", "entry_path"):  # the session's, so only of page views
            metrics = ["pageviews", "sessions", "visitors", "bounces", "exits", "engaged_seconds"]
        check(data, counter, metrics, group=(group,))
    # Two pages of one visitor in one second can be told apart only by what the order is defined by.
    check(data, counter, by="day", group=("country", "browser"), bots="include", zone=rng.choice(ZONES))
    check(data, counter, by="month", group=("path",), zone=rng.choice(ZONES))


def test_filters_come_after_the_flags():
    """Sessions by path are sessions that started there, also when only that path is asked for."""
    rng = random.Random(cask.seed())
    data, counter = imported("combined", generated(rng.getrandbits(32), 6000))
    for path in ("/", "/index.html", "/v1.2/"):
        check(data, counter, by=rng.choice(("day", "week")), where=(("path", path),))
    for country in ("US", "CN", ""):
        check(data, counter, by="day", where=(("country", country),), zone=rng.choice(ZONES))
    check(data, counter, ["hits", "bytes"], by="hour", where=(("status", 404),))


def test_odd_ranges():
    """Unique users of ranges that are no calendar bucket may be estimated within 1 %; all else is exact."""
    rng = random.Random(cask.seed())
    data, counter = imported("combined", generated(rng.getrandbits(32), 6000))
    odd_ranges(rng, data, counter, 3)
    data.seal()
    odd_ranges(rng, data, counter, 5)


def odd_ranges(rng, data, counter, n):
    exact = [m for m in cask.COUNTED if m != "visitors"]
    for _ in range(n):
        start, days = rng.choice(TIMES)
        since = start + rng.randrange(days * DAY)
        until = since + rng.randrange(1, 3 * DAY)
        answer = check(data, counter, exact, since=since, until=until)
        got = data.stats("visitors", tz="UTC", from_=count.Zone("UTC").show(since),
                         to=count.Zone("UTC").show(until))["total"]["visitors"]
        expected = counter.total(since=since, until=until)["visitors"]
        if abs(got - expected) > 0.01 * expected:
            raise AssertionError(f"visitors from {since} to {until}: {got}, counted {expected}")
        equal(sorted(answer), ["complete_until", "query", "rows", "total"], "keys")


def test_common():
    rng = random.Random(cask.seed())
    data, counter = imported("common", generated(rng.getrandbits(32), 5000, format="common", zones="-0800"))
    for grain in ("hour", "day", "quarter"):
        check(data, counter, by=grain, zone=rng.choice(ZONES), bots="include")
    check(data, counter, group=("path",))


def test_vhost_names_its_sites():
    rng = random.Random(cask.seed())
    data, counter = imported("vhost", generated(rng.getrandbits(32), 6000, format="vhost"), site="")
    check(data, counter, by="day", bots="include")  # visitors are distinct across sites, sessions add up
    check(data, counter, by="week", group=("site",), zone=rng.choice(ZONES))
    check(data, counter, by="day", sites=("docs.example.org",))
    check(data, counter, by="month", sites=("docs.example.org", "example.net"))
    data.seal("docs.example.org")  # of all sites together only some cubes have cells
    check(data, counter, by=rng.choice(("day", "month")))
    for group in ("path", "entry_path", "referrer", "country"):
        metrics = ["pageviews", "sessions", "visitors"]
        check(data, counter, metrics, group=(group,))
        check(data, counter, metrics, by=rng.choice(("hour", "day", "month")), group=(group,))
    check(data, counter, where=(("path", "/index.html"),))


def test_line_ends_and_last_line():
    rng = random.Random(cask.seed())
    log = generated(rng.getrandbits(32), 2000, crlf=True, final_newline=False)
    data, counter = imported("combined", log)
    check(data, counter, by="day", bots="include")


def test_empty_answers():
    data, counter = imported("combined", generate(Knobs(lines=50)))
    answer = data.stats(cask.COUNTED, from_="2001-01-01", to="2001-02-01")
    for metric in cask.COUNTED:
        expected = None if metric in ("bounce_rate", "pages_per_session") else 0
        equal(answer["total"][metric], expected, metric)
    equal(answer["rows"] if answer["rows"] and "time" in answer["rows"][0] else [], [], "rows")
    filled = data.stats("hits", "--fill", by="day", from_="2001-01-01", to="2001-02-01")
    equal(len(filled["rows"]), 31, "days with --fill")
    equal(filled["rows"][0], {"time": "2001-01-01T00:00:00+00:00", "hits": 0}, "first day")


if __name__ == "__main__":
    cask.main(globals())
