#!/usr/bin/python3
"""Totals of a meson test log: totals.py testlog.json MESON_FAILED

Counts the cases that tests report by themselves (cmocka's "[       OK ] name" lines, which the end
to end tests print too), and a test without such lines as one. A test that died counts as a failure
even when all the cases it came to had passed."""
import json
import re
import sys

CASE = re.compile(r"^\[\s*(OK|FAILED|ERROR|SKIPPED)\s*\] (?!\d+ test|---)(\S+)", re.M)


def cases(test):
    text = (test.get("stdout") or "") + "\n" + (test.get("stderr") or "")
    found = {}
    for result, name in CASE.findall(text):
        if found.get(name) not in ("FAILED", "ERROR"):
            found[name] = result
    passed = sum(1 for r in found.values() if r == "OK")
    skipped = sum(1 for r in found.values() if r == "SKIPPED")
    failed = len(found) - passed - skipped
    result = test["result"]
    if result == "SKIP":
        return passed, failed, max(skipped, 1)
    if result in ("OK", "EXPECTEDFAIL"):
        return max(passed, 0 if skipped else 1), failed, skipped
    return passed, max(failed, 1), skipped


def main():
    path, meson_failed = sys.argv[1], sys.argv[2] != "0"
    totals = [0, 0, 0]
    try:
        with open(path, encoding="utf-8", errors="replace") as log:
            for line in log:
                totals = [a + b for a, b in zip(totals, cases(json.loads(line)))]
    except FileNotFoundError:
        pass
    passed, failed, skipped = totals
    if meson_failed and not failed:
        failed = 1
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return failed > 0 or passed == 0


sys.exit(main())
