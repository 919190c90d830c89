#!/usr/bin/python3
"""dev/bench: import against goaccess, alternately, on one machine; memory; a year of days.

    bench.py LOG [ROUNDS]"""
import os
import re
import shutil
import statistics
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import cask

RATIO, MEMORY_MIB, YEAR_MS = 6.0, 1024, 50.0
YEAR = ("stats", "pageviews,sessions,visitors", "--by", "day", "--site", "example.org")


def goaccess(log, folder):
    out = os.path.join(folder, "x.json")
    run = cask.Peaks(["goaccess", log, "--log-format=COMBINED", "-o", out, "--no-progress"],
                     stderr=subprocess.DEVNULL)
    if run.code != 0:
        sys.exit(f"goaccess: exit code {run.code}")
    return run


def imported(data, log):
    run = cask.Peaks(data.command("import", "--json", "--site", "example.org", log))
    if run.code != 0:
        sys.exit(f"import: exit code {run.code}")
    return run


def engine_ms(data, *args):
    """Time in the engine of one question, from the log line event=query of debug mode; None without it."""
    done = subprocess.run(data.command(*args), capture_output=True, env=dict(os.environ, CASKALYTICS_LOG="debug"))
    times = re.findall(rb"event=query .*?engine_ms=([0-9.]+)", done.stderr)
    return sum(map(float, times)) if times else None


def wall_ms(data, *args):
    start = time.monotonic()
    data.run(*args)
    return 1000 * (time.monotonic() - start)


def verdict(ok):
    return "ok" if ok else "MISSED"


def main():
    log, rounds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 3
    folder = cask.temp_dir()
    theirs, ours, peaks, data = [], [], [], None
    for i in range(rounds):
        theirs.append(goaccess(log, folder).seconds)
        if data:
            shutil.rmtree(data.folder)
        data = cask.Data()
        run = imported(data, log)
        ours.append(run.seconds)
        peaks.append((run.parent_kib + run.engine_kib) / 1024)
        print(f"round {i + 1}: goaccess {theirs[-1]:.2f} s, import {ours[-1]:.2f} s, "
              f"peak {run.parent_kib / 1024:.0f} + {run.engine_kib / 1024:.0f} MiB", flush=True)
    ratio = min(theirs) / min(ours)  # the least disturbed run of each
    print(f"import: {ratio:.2f} times as fast as goaccess (at least {RATIO:g}): {verdict(ratio >= RATIO)}")
    print(f"memory: {max(peaks):.0f} MiB of both processes together (under {MEMORY_MIB}): "
          f"{verdict(max(peaks) < MEMORY_MIB)}")

    data.run(*YEAR)  # whatever is not sealed yet is sealed by now
    times = [engine_ms(data, *YEAR) for _ in range(5)]
    if None not in times:
        print(f"a year by day: {min(times):.1f} ms in the engine, median {statistics.median(times):.1f} "
              f"(under {YEAR_MS:g}): {verdict(statistics.median(times) < YEAR_MS)}")
    else:
        none = min(wall_ms(data, *YEAR, "--from", "2001-01-01", "--to", "2001-01-02") for _ in range(5))
        year = min(wall_ms(data, *YEAR) for _ in range(5))
        print(f"a year by day: {year - none:.1f} ms more than a day without data (both with start and stop)")


if __name__ == "__main__":
    main()
