#!/usr/bin/python3
"""kill -9 of either process at random moments of imports, and the imports run again: exact counts.

CASK_KILLS: how many (dev/crash sets more)."""
import os
import random
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import cask
import count
from cask import check, equal
from loggen import Knobs, generate

KILLS = int(os.environ.get("CASK_KILLS") or 50)
LINES = 20000
FILES = 8


def kill_at_random(rng, data, path, seconds):
    """Starts an import and kills one of its processes. Says which one was hit, or None when it was over."""
    process = data.start("import", "--site", "example.org", path)
    victim = None
    try:
        time.sleep(rng.uniform(0, seconds))
        engines = cask.children(process.pid)
        if process.poll() is None:
            if engines and rng.random() < 0.5:
                victim = "engine"
                cask.kill(engines[0])
            else:
                victim = "parent"
                cask.kill(process.pid)
        process.communicate(timeout=300)
    finally:
        cask.kill(process.pid)
    if victim != "parent" and process.returncode not in (0, 1, 5, 75):
        raise AssertionError(f"exit code {process.returncode} after kill of {victim}")
    return victim


def test_random_kills():
    rng = random.Random(cask.seed())
    log = generate(Knobs(seed=rng.getrandbits(32), lines=LINES, days=6, junk=0.01))
    lines = log.splitlines(True)
    cuts = [0] + sorted(rng.sample(range(100, LINES - 100), FILES - 1)) + [len(lines)]
    pieces = [b"".join(lines[a:b]) for a, b in zip(cuts, cuts[1:])]

    # How long an import takes here, so that the kills fall into all of it.
    probe = cask.Data()
    start = time.monotonic()
    probe.load("--site", "example.org", probe.file(pieces[0]))
    seconds = 1.1 * (time.monotonic() - start)

    data, counter, hits = cask.Data(), count.Counter(), {"engine": 0, "parent": 0}
    for i, piece in enumerate(pieces):
        path = data.file(piece)
        counter.read(piece, "combined", "example.org")
        kills = 0
        for _ in range(3 * KILLS):
            if kills >= KILLS / FILES:
                break
            victim = kill_at_random(rng, data, path, seconds)
            if victim:
                hits[victim] += 1
                kills += 1
        summary = data.load("--site", "example.org", path)
        equal(summary["lines"], sum(1 for line in piece.split(b"\n") if line), "lines")
        check(data, counter, by=rng.choice(cask.GRAINS), bots="include")
        print(f"piece {i + 1}: {hits['engine']} engines and {hits['parent']} parents killed", flush=True)
    if sum(hits.values()) < KILLS:
        raise AssertionError(f"too few kills landed: {hits}")
    for bots in ("exclude", "include", "only"):
        check(data, counter, by="hour", bots=bots)
        check(data, counter, by="week", zone="America/Los_Angeles", bots=bots)
    check(data, counter, group=("path",))
    data.run("verify")
    data.run("rebuild")
    check(data, counter, by="day", bots="include")


if __name__ == "__main__":
    cask.main(globals())
