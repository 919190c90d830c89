"""Independent answers for zones and buckets, from Python's zoneinfo and datetime.

  zone_reference.py SEED COUNT [ZONE ...]   prints "ZONE INSTANT" questions
  zone_reference.py --answer < QUESTIONS    prints what tests/support/zone_print.c should print

Days begin at the first second whose local date is that day or later. It is found by bisection over
instants between transitions seen by probing, not by the calendar arithmetic under test.
"""
import random
import sys
from datetime import datetime, timedelta, timezone, date
from zoneinfo import ZoneInfo, available_timezones

UTC = timezone.utc
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
HARD = ["Australia/Lord_Howe", "Asia/Kolkata", "Asia/Kathmandu", "America/Sao_Paulo", "Africa/Cairo",
        "Asia/Beirut", "Pacific/Apia", "Pacific/Kwajalein", "America/St_Johns", "America/New_York",
        "America/Los_Angeles", "Europe/London", "Europe/Dublin", "Africa/Casablanca", "Asia/Tehran",
        "Antarctica/Troll", "America/Nuuk", "America/Scoresbysund", "America/Havana", "Asia/Gaza",
        "Europe/Berlin", "Pacific/Chatham", "Pacific/Kiritimati", "Asia/Manila", "America/Juneau",
        "America/Caracas", "Asia/Pyongyang", "UTC"]


def offset(zone, t):
    return int((EPOCH + timedelta(seconds=t)).astimezone(zone).utcoffset().total_seconds())


def local_date(zone, t):
    return (EPOCH + timedelta(seconds=t)).astimezone(zone).date()


def transitions(zone, low, high, cache={}):
    """Seconds in (low, high] at which the offset differs from the second before."""
    key = (zone.key, low, high)
    if key in cache:
        return cache[key]
    found, step, t = [], 900, low
    before = offset(zone, t)
    while t < high:
        to = min(t + step, high)
        after = offset(zone, to)
        if after != before:
            a, b = t, to
            while b - a > 1:
                middle = (a + b) // 2
                if offset(zone, middle) == before:
                    a = middle
                else:
                    b = middle
            found.append(b)
        t, before = to, after
    cache[key] = found
    return found


def day_start(zone, day, cache={}):
    """The first second at which the local date is `day` or later."""
    key = (zone.key, day)
    if key not in cache:
        noon = int((datetime(day.year, day.month, day.day, 0, tzinfo=UTC) - EPOCH).total_seconds())
        low, high = noon - 100000, noon + 100000
        edges = [low] + transitions(zone, low, high) + [high]
        for a, b in zip(edges, edges[1:]):
            if local_date(zone, b - 1) < day:  # the date only grows inside a stretch
                continue
            if local_date(zone, a) < day:
                b -= 1
                while b - a > 1:
                    middle = (a + b) // 2
                    if local_date(zone, middle) >= day:
                        b = middle
                    else:
                        a = middle
                a = b
            cache[key] = a
            break
    return cache[key]


def first_day(grain, day, steps):
    """First day of the bucket `steps` buckets after the one of `day`."""
    if grain == "day":
        return day + timedelta(days=steps)
    if grain == "week":
        return day - timedelta(days=day.weekday()) + timedelta(days=7 * steps)
    size = {"month": 1, "quarter": 3, "year": 12}[grain]
    months = ((day.year * 12 + day.month - 1) // size + steps) * size
    return date(months // 12, months % 12 + 1, 1)


def bucket(zone, grain, t):
    day = local_date(zone, t)
    starts = [day_start(zone, first_day(grain, day, n)) for n in range(-2, 4)]
    return max(s for s in starts if s <= t), min(s for s in starts if s > t)


def hour(zone, t):
    """Walk back and on from t to where the local clock shows a full hour or jumps."""
    off = offset(zone, t)
    start = t - (t + off) % 3600
    end = start + 3600
    for change in transitions(zone, start - 1, end + 1):
        if start < change <= t:
            start = change
        elif t < change < end:
            end = change
    return start, end


def answer(name, t):
    zone = ZoneInfo(name)
    numbers = [offset(zone, t), *hour(zone, t)]
    for grain in ("day", "week", "month", "quarter", "year"):
        numbers += bucket(zone, grain, t)
    print(name, t, *numbers)


def near_transition(rng, zone):
    """An instant close to some transition of a random year, so that hard cases are common."""
    year = rng.randint(1971, 2060)
    low = int((datetime(year, 1, 1, tzinfo=UTC) - EPOCH).total_seconds())
    a, before = low, offset(zone, low)
    for n in range(1, 54):
        b = low + n * 7 * 86400
        if offset(zone, b) != before:
            while b - a > 1:
                middle = (a + b) // 2
                if offset(zone, middle) == before:
                    a = middle
                else:
                    b = middle
            return b + rng.choice([-1, 0, 1, rng.randint(-7200, 7200), rng.randint(-90000, 90000)])
        a = b
    return low + rng.randint(0, 366 * 86400)


def questions(seed, count, names):
    rng = random.Random(seed)
    if not names:
        ordinary = sorted(n for n in available_timezones() if "/" in n and not n.startswith(("right/", "posix/")))
        names = HARD + rng.sample(ordinary, 40)
    for name in names:
        zone = ZoneInfo(name)
        if name == "Pacific/Apia":  # the day that was skipped
            for t in range(1325152800, 1325325600, 3600):
                print(name, t)
        for _ in range(count):
            if rng.random() < 0.6:
                print(name, near_transition(rng, zone))
            else:  # from local mean time to far beyond the table
                print(name, rng.randint(-4_000_000_000, 8_000_000_000))


if sys.argv[1] == "--answer":
    for line in sys.stdin:
        asked, instant = line.split()
        answer(asked, int(instant))
else:
    questions(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
