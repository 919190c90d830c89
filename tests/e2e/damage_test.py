"""Damage that a person or a disk does: it is named, nothing is counted twice, and what to do works."""
import contextlib
import glob
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import cask  # noqa: E402
from beacons_test import CONFIG, accepted, view  # noqa: E402

DAMAGED = 5
AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:109.0) Gecko/20100101 Firefox/115.0"


def lines(n, day=1, host="10.0.0.1", stamp="%02d/Jan/2015:%02d:%02d:00 +0000"):
    return "".join(f'{host} - - [{stamp % (day, i // 60 % 24, i % 60)}] "GET /p{i} HTTP/1.1" 200 10 "-" "{AGENT}"\n'
                   for i in range(n))


def views(data, *args):
    return data.stats(["pageviews"], *args)["total"]["pageviews"]


def newest_segment(data):
    return sorted(glob.glob(os.path.join(data.path, "lake", "logs", "**", "*.avro"), recursive=True))[-1]


def test_a_lake_put_back_is_refused_until_rebuilt():
    data = cask.Data()
    data.load("--site", "s", data.file(lines(100)))
    backup = os.path.join(data.folder, "lake")
    shutil.copytree(os.path.join(data.path, "lake"), backup)
    second = data.file(lines(100, day=2))
    data.load("--site", "s", second)
    shutil.rmtree(os.path.join(data.path, "lake"))
    shutil.copytree(backup, os.path.join(data.path, "lake"))
    said = data.run("stats", "pageviews", code=DAMAGED).stderr.decode()
    assert "rebuild" in said and "lake" in said, said
    data.run("import", "--site", "s", data.file(lines(50, day=3)), code=DAMAGED)
    data.run("rebuild")
    assert views(data) == 100
    data.load("--site", "s", second)
    assert views(data) == 200
    data.run("verify")


def test_a_rotten_last_block_is_kept_aside_and_can_be_imported_again():
    data = cask.Data()
    first, second = data.file(lines(100)), data.file(lines(70, day=2))
    data.load("--site", "s", first)
    data.load("--site", "s", second)
    segment = newest_segment(data)
    with open(segment, "r+b") as f:
        content = bytearray(f.read())
        content[-100] ^= 1
        f.seek(0)
        f.write(content)
    data.run("stats", "pageviews", code=DAMAGED)
    assert os.path.getsize(segment + ".torn") > 0
    data.run("rebuild")
    assert views(data) == 100
    data.load("--site", "s", second)
    assert views(data) == 170
    data.run("verify")


def flip(path, at):
    with open(path, "r+b") as f:
        content = bytearray(f.read())
        content[at] ^= 1
        f.seek(0)
        f.write(content)


def test_a_damaged_packed_file_adds_nothing_and_the_mended_one_all():
    import bz2
    import gzip
    for pack, name in ((gzip.compress, "a.gz"), (bz2.compress, "a.bz2")):
        data = cask.Data()
        packed = pack(lines(3000).encode())
        path = data.file(packed, name)
        flip(path, len(packed) // 2)
        data.run("import", "--site", "s", path, code=1)
        assert views(data) == 0
        done = data.load("--site", "s", data.file(packed, name))
        assert (done["accepted"], done["duplicates"]) == (3000, 0), done
        assert views(data) == 3000


def test_a_damaged_lake_is_not_rebuilt_by_itself():
    data = cask.Data()
    data.load("--site", "s", data.file(lines(100)))
    damaged = newest_segment(data)
    data.load("--site", "s", data.file(lines(70, day=2)))
    flip(damaged, os.path.getsize(damaged) * 45 // 100)
    said = data.run("verify", code=DAMAGED).stderr.decode()
    assert "backup" in said, said
    data.run("rebuild", code=DAMAGED)
    assert views(data) == 170
    data.run("rebuild", "--damaged")
    assert views(data) == 70, views(data)


def test_lost_keys_are_told():
    data = cask.Data()
    data.load("--site", "s", data.file(lines(100)))
    os.remove(os.path.join(data.path, "keys"))
    more = data.file(lines(50, day=2))
    said = data.run("import", "--site", "s", more, code=1).stderr.decode()
    assert "keys" in said and "rebuild" in said, said
    data.run("rebuild")
    data.load("--site", "s", more)
    assert views(data) == 150


# --- the engine's directory ---


def empty_tables(data):
    """The engine cannot open that."""
    found = glob.glob(os.path.join(data.path, "engine", "db", "metadata", "default", "*.sql"))
    assert len(found) > 5, found
    for path in found:
        os.truncate(path, 0)


def aside(data, name="damaged"):
    return os.path.exists(os.path.join(data.path, "engine." + name))


def is_ready(server):
    return server.request("GET", "/readyz").status == 200


def page_views(server):
    return server.query(metrics="pageviews")["total"]["pageviews"]


def metric(server, name):
    text = server.request("GET", "/metrics").body.decode()
    return int(next(line for line in text.splitlines() if line.startswith(f"caskalytics_{name} ")).split()[1])


def test_commands_make_a_damaged_store_again():
    for command in ("stats", "import", "rebuild"):
        data = cask.Data()
        data.load("--site", "s", data.file(lines(100)))
        empty_tables(data)
        if command == "import":
            data.load("--site", "s", data.file(lines(50, day=2)))
        elif command == "rebuild":
            data.run("rebuild")
        cask.equal(views(data), 150 if command == "import" else 100, command)
        assert aside(data) and not aside(data, "fresh")
        data.run("verify")


def miscount(data, dataset):
    """As if rows of it were lost: what control data know of the store is one off."""
    with contextlib.closing(sqlite3.connect(os.path.join(data.path, "control.db"))) as control:
        key = f"applied/{dataset}"
        body = json.loads(control.execute("SELECT body FROM docs WHERE key = ?", (key,)).fetchone()[0])
        month = max(body["rows"])
        body["rows"][month] += 1
        control.execute("UPDATE docs SET body = ? WHERE key = ?", (json.dumps(body), key))
        control.commit()


def test_datasets_share_months_and_each_is_made_again():
    """A month that is dropped for the sake of one takes the rows of the others along."""
    data = cask.Data(CONFIG)
    log = lines(70, stamp=time.strftime("%%02d/%b/%Y:%%02d:%%02d:00 +0000", time.gmtime()), day=time.gmtime().tm_mday)
    data.load("--site", "s", data.file(log + "rubbish\n" * 3))
    server = cask.Server(data)
    for i in range(30):
        accepted(server, view(f"/{i}"))
    cask.equal(page_views(server), 100)
    cask.equal(server.stop(), 0)
    asked = "SELECT bitShiftRight(bid, 56) AS d, count() FROM events GROUP BY d ORDER BY d"
    want = data.sql(asked)
    cask.equal(want.split(), ["1", "70", "3", "30"], "rows by dataset")
    losses = [lambda: shutil.rmtree(os.path.join(data.path, "engine"))]
    losses += [lambda d=dataset: miscount(data, d) for dataset in ("logs", "web")]
    for i, lose in enumerate(losses):
        lose()
        for _ in range(3):
            cask.equal(data.sql(asked), want, f"rows after loss {i}")
        cask.equal(data.sql("SELECT count() FROM rejected"), "3", "rejected")
        data.run("verify")
        lose()
        server = cask.Server(data)
        cask.equal(page_views(server), 100, f"page views after loss {i}")
        cask.wait_for(lambda: is_ready(server))
        cask.equal(data.sql(asked), want, f"rows after loss {i}, beside a server")
        cask.equal(server.stop(), 0)
        data.run("verify")


def test_serve_collects_and_makes_a_damaged_store_again():
    data = cask.Data(CONFIG)
    server = cask.Server(data)
    for i in range(20):
        accepted(server, view(f"/{i}"))
    cask.equal(page_views(server), 20)
    cask.equal(server.stop(), 0)
    empty_tables(data)
    server = cask.Server(data)
    for i in range(10):  # whatever the engine does meanwhile
        accepted(server, view(f"/more{i}"))
    cask.equal(page_views(server), 30)
    cask.wait_for(lambda: is_ready(server))
    assert aside(data) and "event=engine_damaged" in server.log(), server.log()
    cask.equal(metric(server, "engine_damaged_total"), 1)
    # and while it works: once an hour is enough, so another one
    cask.equal(server.stop(), 0)
    server = cask.Server(data)
    cask.equal(page_views(server), 30)
    empty_tables(data)
    cask.kill(server.engines()[0])
    for i in range(5):
        accepted(server, view(f"/last{i}"))
    cask.wait_for(lambda: "event=engine_damaged" in server.log())
    cask.equal(page_views(server), 35)
    data.run("verify")
    cask.equal(server.stop(), 0)
    data.run("verify")


def test_a_part_that_cannot_be_read_is_made_again_when_it_is_asked_for():
    """As a merge on a full disk leaves it."""
    data = cask.Data(CONFIG)
    server = cask.Server(data)
    for i in range(20):
        accepted(server, view(f"/{i}"))
    cask.wait_for(lambda: metric(server, "lines_accepted_total") == 20)
    marks = glob.glob(os.path.join(data.path, "engine", "db", "store", "*", "*", "*_*_*_*", "*.cmrk*"))
    assert marks
    for path in marks:
        os.truncate(path, 0)
    cask.equal(server.request("GET", "/api/v1/query?metrics=pageviews", local=True).status, 503, "meanwhile")
    cask.wait_for(lambda: metric(server, "engine_starts_total") == 2 and is_ready(server))
    # a question that fails before the engine is asked: what was is not held against it
    cask.equal(server.request("GET", "/api/v1/query?metrics=pageviews&site=nowhere", local=True).status, 400)
    cask.equal(page_views(server), 20)
    cask.equal(server.log().count("event=engine_restarted"), 1)
    cask.equal(metric(server, "engine_starts_total"), 2)
    cask.equal(server.stop(), 0)
    data.run("verify")


def test_rows_that_cannot_be_read_are_made_again_by_rebuild():
    data = cask.Data(CONFIG)
    data.load("--site", "s", data.file(lines(1000)))
    data.run("rebuild")
    found = glob.glob(os.path.join(data.path, "engine", "db", "**", "*.bin"), recursive=True)
    assert found
    for path in found:
        size = os.path.getsize(path)
        with open(path, "r+b") as f:
            f.write(os.urandom(size))
    server = cask.Server(data)
    accepted(server, view("/1"))
    cask.wait_for(lambda: "event=apply_failed" in server.log())
    data.run("rebuild")
    cask.equal(page_views(server), 1001)
    cask.equal(server.stop(), 0)
    assert not aside(data)
    data.run("verify")


def without_library():
    """A program like the real one, and what to call when it is to find libchdb."""
    built = os.path.dirname(os.path.abspath(cask.PROGRAM))
    top = cask.temp_dir()
    os.mkdir(os.path.join(top, "build"))
    for name in ("caskalytics", "caskalytics-engine"):
        shutil.copy(os.path.join(built, name), os.path.join(top, "build"))
    os.symlink(os.path.join(built, "..", "schema"), os.path.join(top, "schema"))
    modules = os.path.realpath(os.path.join(built, "..", "node_modules"))
    os.mkdir(os.path.join(top, "node_modules"))
    for name in os.listdir(modules):
        if name != "@chdb":
            os.symlink(os.path.join(modules, name), os.path.join(top, "node_modules", name))
    return (os.path.join(top, "build", "caskalytics"),
            lambda: os.symlink(os.path.join(modules, "@chdb"), os.path.join(top, "node_modules", "@chdb")))


def segments(data):
    """Sizes of the segments of beacons."""
    return [os.path.getsize(path) for path in glob.glob(os.path.join(data.path, "lake", "web", "*", "*", "*", "*.avro"))]


def test_serve_collects_without_an_engine():
    data = cask.Data(CONFIG)
    server = cask.Server(data)
    accepted(server, view("/before"))
    cask.equal(page_views(server), 1)
    cask.equal(server.stop(), 0)
    applied = segments(data)
    program, mend = without_library()
    usual, cask.PROGRAM = cask.PROGRAM, program
    try:
        done = data.run("stats", "pageviews", code=1)
        assert b"libchdb" in done.stderr, done.stderr
        for last in (False, True):  # it may end and begin so
            server = cask.Server(data)
            for i in range(10):
                accepted(server, view(f"/{i}"))
            cask.wait_for(lambda: "libchdb" in server.log())  # what anybody may see is less
            for path in ("/readyz", "/api/v1/query?metrics=hits"):
                answer = server.request("GET", path, local=True)
                cask.equal((answer.status, answer.json()), (503, {"error": "the engine is away"}), path)
            cask.equal(server.request("GET", "/healthz").status, 200)
            cask.equal(metric(server, 'store_lag_bytes{dataset="web"}'), sum(segments(data)) - sum(applied))
            if not last:
                cask.equal(server.stop(), 0)
        mend()
        cask.equal(page_views(server), 21)
        cask.wait_for(lambda: is_ready(server))
        cask.equal(metric(server, "engine_damaged_total"), 0)
        cask.equal(metric(server, 'store_lag_bytes{dataset="web"}'), 0)
        assert not aside(data) and not aside(data, "fresh")
        cask.equal(server.stop(), 0)
    finally:
        cask.PROGRAM = usual
    data.run("verify")


def test_a_full_disk_moves_no_directory():
    data = cask.Data(CONFIG)
    os.mkdir(data.path)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=600m", "tmpfs", data.path],
                      capture_output=True).returncode != 0:
        raise cask.Skip("needs to mount a tmpfs")
    server = None
    try:
        server = cask.Server(data)
        for i in range(10):
            accepted(server, view(f"/{i}"))
        filler = os.path.join(data.path, "filler")
        for damaged in (False, True):
            cask.equal(page_views(server), 10)
            engine = server.engines()[0]
            if damaged:
                empty_tables(data)
            subprocess.run(["dd", "if=/dev/zero", "of=" + filler, "bs=1M"], capture_output=True)
            cask.kill(engine)
            if damaged:
                cask.wait_for(lambda: server.log().count("event=engine_start_failed") > 1)
            else:  # it may well start, and serve
                cask.wait_for(lambda: "event=engine_start_failed" in server.log() or
                              server.engines() not in ([], [engine]))
            assert not aside(data)
            os.remove(filler)
            cask.wait_for(lambda: is_ready(server))
            cask.equal(page_views(server), 10)
            cask.equal(aside(data), damaged)
        cask.equal(server.stop(), 0)
        data.run("verify")
    finally:
        if server is not None:
            server.kill()
        subprocess.run(["umount", "-l", data.path])


def test_one_line_of_1970_does_not_stop_sealing():
    data = cask.Data()
    old = lines(1, stamp="%02d/Jul/1975:%02d:%02d:00 +0000")
    data.load("--site", "s", data.file(old + lines(1400)))
    data.run("rebuild")
    assert views(data) == 1401
    assert views(data, "--from", "1975", "--to", "1976") == 1
    data.run("verify")


def test_buckets_that_begin_before_the_epoch():
    """The week of 2 January 1970 begins in 1969, and in Berlin its year does."""
    data = cask.Data()
    data.load("--site", "s", data.file(lines(1, day=2, stamp="%02d/Jan/1970:%02d:%02d:00 +0000")))
    for _ in range(2):  # raw, then sealed
        for tz in ("UTC", "Europe/Berlin"):
            for grain, start in (("week", "1969-12-29"), ("month", "1970-01-01"), ("year", "1970-01-01")):
                rows = data.stats("pageviews,visitors", by=grain, tz=tz)["rows"]
                assert [(r["time"][:10], r["pageviews"], r["visitors"]) for r in rows] == [(start, 1, 1)], rows
        data.run("rebuild")
    data.run("verify")


def test_names_that_no_site_can_have():
    data = cask.Data()
    path = data.file(lines(3))
    for name in ("*", "all", "a,b", "", "a\tb"):
        data.run("import", "--site", name, path, code=2)
    hosts = ("*", "all", "a\0b", "a,b", "www.example.org")
    vhost = "".join(f"{host}:80 {line}\n" for host in hosts for line in lines(2).splitlines())
    done = data.load("--format", "vhost", data.file(vhost))
    assert (done["accepted"], done["rejected"]) == (2, 8), done
    assert views(data) == 2


if __name__ == "__main__":
    cask.main(globals())
