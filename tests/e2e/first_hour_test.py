#!/usr/bin/python3
"""docs/first-hour.md, as it stands there: its configuration, its commands in their order, and the numbers that come out."""
import csv
import io
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import cask
from cask import equal

AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36"


def blocks(kind):
    with open(os.path.join(cask.ROOT, "docs", "first-hour.md"), encoding="utf-8") as f:
        return re.findall(r"\n```" + kind + r"\n(.*?)```", f.read(), re.S)


def log(paths, day, client):
    return "".join(f'192.0.2.{client} - - [{day:02d}/May/2026:10:{i:02d}:00 +0000] "GET {path} HTTP/1.1" 200 5 "-" "{AGENT}"\n'
                   for i, path in enumerate(paths))


def test_as_it_stands_there():
    data = cask.Data()
    folder = data.folder
    tool = "/files/tool-1.4.0-linux.tar.gz"
    for name, old, now in (("www", ["/", "/a"], ["/", "/b", "/c"]), ("dl", [tool], ["/", tool])):
        cask.write(folder, f"{name}.access.log.1", log(old, 4, 1))
        cask.write(folder, f"{name}.access.log", log(now, 5, 2))
    here = {"/var/log/nginx": folder, "/etc/caskalytics.yaml": os.path.join(folder, "c.yaml"),
            "/var/lib/caskalytics": data.path, "sudo caskalytics": cask.PROGRAM, "caskalytics -c": cask.PROGRAM + " -c"}

    def moved(text):
        for there, place in here.items():
            text = text.replace(there, place)
        return text

    def run(commands):
        done = subprocess.run(["sh", "-euc", moved(commands)], capture_output=True, text=True, timeout=300, cwd=folder)
        equal(done.returncode, 0, commands + done.stderr)
        return done.stdout

    cask.write(folder, "c.yaml", moved(blocks("yaml")[0]))
    data.options = ["-c", os.path.join(folder, "c.yaml"), "--data", data.path]
    check, imports, event, numbers, program = blocks("sh")
    said = run(check)
    assert "1.4.0" in said and "linux" in said, said
    server = cask.Server(data)
    here["https://stats.example.org/"] = f"http://127.0.0.1:{server.port}/"
    cask.wait_for(lambda: server.query(metrics="hits", bots="include", site="www.example.org")["total"]["hits"] == 3)
    cask.wait_for(lambda: server.query(metrics="hits", bots="include", site="dl.example.org")["total"]["hits"] == 2)
    run(imports)
    run(event)
    said = run(numbers)
    assert "Tool" in said and "1.4.0" in said, said
    rows = {row["site"]: row for row in csv.DictReader(io.StringIO(run(program)))}
    equal({site: (int(row["pageviews"]), int(row["visitors"])) for site, row in rows.items()},
          {"www.example.org": (5, 2), "dl.example.org": (1, 1), "blog.example.org": (1, 1)})
    equal(server.query(metrics="downloads", group="product,version,platform")["rows"],
          [{"product": "Tool", "version": "1.4.0", "platform": "linux", "downloads": 2}])
    equal(server.stop(), 0)


if __name__ == "__main__":
    cask.main(globals())
