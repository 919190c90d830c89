#!/usr/bin/python3
"""Distinct visitors where they are many: exact in calendar buckets, within 1 % in any other range."""
import datetime
import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import cask
from cask import equal

DAY = 86400
DAYS = 40
VISITORS = 120000
START = int(datetime.datetime(2015, 4, 24, tzinfo=datetime.timezone.utc).timestamp())  # all of May, ends in June
AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:38.0) Gecko/20100101 Firefox/38.0"


def visits(rng):
    """[(time, visitor)] in order: a line is a page view, and a visitor in four comes again another day."""
    found = [(START + rng.randrange(DAYS * DAY), who) for who in range(VISITORS)]
    found += [(START + rng.randrange(DAYS * DAY), who) for who in range(0, VISITORS, 4)]
    found.sort()
    return found


def rendered(found):
    stamps = {day: datetime.datetime.fromtimestamp(START + day * DAY, datetime.timezone.utc).strftime("%d/%b/%Y")
              for day in range(DAYS)}
    lines = []
    for t, who in found:
        day, second = divmod(t - START, DAY)
        lines.append(f"10.{who >> 16}.{who >> 8 & 255}.{who & 255} - - [{stamps[day]}:{second // 3600:02}:"
                     f'{second // 60 % 60:02}:{second % 60:02} +0000] "GET /{who % 7} HTTP/1.1" 200 9 "-" "{AGENT}"\n')
    return "".join(lines).encode()


def distinct(found, since, until):
    return len({who for t, who in found if since <= t < until})


def stamp(t):
    return datetime.datetime.fromtimestamp(t, datetime.timezone.utc).isoformat()


def bucket(grain, t):
    start = datetime.datetime.fromtimestamp(t, datetime.timezone.utc).replace(hour=0, minute=0, second=0)
    if grain == "week":
        start -= datetime.timedelta(days=start.weekday())
    return (start.replace(day=1) if grain == "month" else start).isoformat()


def near(data, found, since, until):
    """How far off the answer is, as a share of the count."""
    answer = data.stats("visitors", tz="UTC", from_=stamp(since), to=stamp(until))
    equal(answer["estimated"], ["rows", "total"], "an estimate says so")  # the one row is the total
    got = answer["total"]["visitors"]
    expected = distinct(found, since, until)
    print(f"visitors from {stamp(since)} to {stamp(until)}: {got}, counted {expected}", flush=True)
    if abs(got - expected) > 0.015 * expected:  # five standard errors: each run has another key of visitors
        raise AssertionError(f"visitors from {stamp(since)} to {stamp(until)}: {got}, counted {expected}")
    return expected


def test_many_visitors():
    rng = random.Random(cask.seed())
    found = visits(rng)
    equal(distinct(found, START, START + DAYS * DAY), VISITORS, "the log's visitors")
    data = cask.Data()
    data.load("--site", "example.org", data.file(rendered(found)))
    data.seal()

    for grain in ("day", "week", "month"):
        expected = {}
        for t, who in found:
            expected.setdefault(bucket(grain, t), set()).add(who)
        answer = data.stats("visitors", by=grain, tz="UTC")
        equal("rows" in answer.get("estimated", []), False, f"exact by {grain}")
        equal({row["time"]: row["visitors"] for row in answer["rows"]},
              {start: len(who) for start, who in expected.items()}, f"visitors by {grain}")
    for since, until in (("2015-05-01", "2015-06-01"), ("2015-05-04", "2015-05-11"), ("2015-05-17", "2015-05-18")):
        edges = [int(datetime.datetime.fromisoformat(at + "T00:00:00+00:00").timestamp()) for at in (since, until)]
        equal(data.stats("visitors", tz="UTC", from_=since, to=until)["total"]["visitors"],
              distinct(found, *edges), f"visitors from {since} to {until}")

    # From within the first day to within the last: over 100,000 visitors. Then shorter ranges.
    widest = near(data, found, START + rng.randrange(1, DAY // 2), START + DAYS * DAY - rng.randrange(1, DAY // 2))
    if widest < 100000:
        raise AssertionError(f"only {widest} visitors in the widest range")
    for _ in range(4):
        since = START + rng.randrange(20) * DAY + rng.randrange(1, DAY)
        near(data, found, since, since + rng.randrange(3, 19) * DAY + rng.randrange(1, DAY))


if __name__ == "__main__":
    cask.main(globals())
