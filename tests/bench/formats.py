#!/usr/bin/python3
"""dev/bench: lines per second of `parse` alone for each format, beside the combined format and `wc -l`.

    formats.py [LINES]"""
import os
import resource
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "support"), os.path.join(HERE, "..", "e2e")]
import cask
import formats_test


def seconds(command):
    """CPU seconds, which other work on the machine changes little."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def write(folder, name, example, lines):
    """The example's request over and over, from 65,000 clients."""
    client = formats_test.CLIENT
    head = [line for line in example if client not in line]
    body = [line for line in example if client in line]
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as f:
        f.writelines(line + "\n" for line in head)
        for i in range(lines):
            f.write(body[i % len(body)].replace(client, f"198.18.{i >> 8 & 255}.{i & 255}") + "\n")
    return path


def main():
    lines = int(sys.argv[1]) if len(sys.argv) > 1 else 300000
    folder = cask.temp_dir()
    data = cask.Data()
    empty = min(seconds(data.command("parse", "--quiet", data.file(b"\n"))) for _ in range(3))
    combined = None
    print(f"{'format':<16}{'lines/s':>12}{'bytes/line':>12}{'of combined':>13}")
    formats = formats_test.table()
    for name in sorted(formats, key=lambda name: name != "combined"):
        path = write(folder, name, formats[name], lines)
        took = min(seconds(data.command("parse", "--quiet", "--format", name, path)) for _ in range(2)) - empty
        rate = lines / took
        combined = combined or rate
        print(f"{name:<16}{rate:>12,.0f}{os.path.getsize(path) / lines:>12.0f}{rate / combined:>13.2f}")
        if name == "combined":
            counted = max(seconds(["wc", "-l", path]), 1e-3)
            print(f"{'wc -l':<16}{lines / counted:>12,.0f}{'':>12}{lines / counted / rate:>13.2f}")
        os.unlink(path)


if __name__ == "__main__":
    main()
