#!/usr/bin/python3
"""Everything right of the lake can be deleted and made again, with the same answers."""
import glob
import json
import os
import random
import re
import shutil
import subprocess
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import cask
import count
from cask import check, equal
from loggen import Knobs, generate

LIBCHDB = os.path.join(cask.ROOT, "node_modules", "@chdb", "lib-linux-x64-gnu", "libchdb.so")


def imported(rng, config=None, lines=4000):
    log = generate(Knobs(seed=rng.getrandbits(32), lines=lines, days=40, junk=0.01))
    data, counter = cask.Data(config), count.Counter()
    counter.read(log, "combined", "example.org")
    rows = log.splitlines(True)
    for part in (rows[::2], rows[1::2]):
        data.load("--site", "example.org", data.file(b"".join(part)))
    return data, counter


def answers(data):
    """Many answers, to be compared as they are, but for whether a few visitors were counted or estimated."""
    found = [data.stats(cask.COUNTED, by=by, tz=tz, bots=bots)
             for by, tz, bots in (("hour", "Asia/Kolkata", "exclude"), ("day", "UTC", "include"),
                                  ("month", "America/Los_Angeles", "exclude"))]
    found += [data.stats(cask.COUNTED, group=group, bots="include") for group in ("path", "country,browser", "channel")]
    for answer in found:
        answer.pop("estimated", None)
        answer["rows"].sort(key=lambda row: json.dumps(row, sort_keys=True))
    return found


def test_rebuild_gives_the_same_answers():
    data, counter = imported(random.Random(cask.seed()))
    before = answers(data)
    data.run("rebuild")
    equal(answers(data), before, "after rebuild")
    check(data, counter, by="day", bots="include")
    data.run("verify")


def test_without_the_engines_directory():
    data, counter = imported(random.Random(cask.seed()))
    before = answers(data)
    shutil.rmtree(os.path.join(data.path, "engine"))
    equal(answers(data), before, "after the engine's directory was deleted")
    check(data, counter, by="week", bots="include")


def test_without_control_data():
    data, counter = imported(random.Random(cask.seed()))
    before = answers(data)
    for path in glob.glob(os.path.join(data.path, "control.db*")):
        os.unlink(path)
    equal(answers(data), before, "after the control data were deleted")
    check(data, counter, by="day", bots="include")


def test_without_both():
    data, counter = imported(random.Random(cask.seed()))
    before = answers(data)
    for path in glob.glob(os.path.join(data.path, "control.db*")):
        os.unlink(path)
    shutil.rmtree(os.path.join(data.path, "engine"))
    equal(answers(data), before, "from the lake and the keys alone")
    check(data, counter, by="day", bots="include")


def test_cubes_change_no_answer():
    rng = random.Random(cask.seed())
    zone = rng.choice(("UTC", "America/Los_Angeles", "Asia/Kolkata"))
    data, counter = cask.Data(f"timezone: {zone}\n"), count.Counter()
    log = generate(Knobs(seed=rng.getrandbits(32), lines=4000, days=40, junk=0.01))
    counter.read(log, "combined", "example.org")
    rows = log.splitlines(True)
    days = [re.search(rb"\[(\d\d/\w+/\d+):", row) for row in rows]
    chosen = rng.sample(sorted({day[1] for day in days if day}), 5)
    late = [day is not None and day[1] in chosen and rng.random() < 0.5 for day in days]
    data.load("--site", "example.org", data.file(b"".join(row for row, is_late in zip(rows, late) if not is_late)))
    data.seal()
    data.load("--site", "example.org", data.file(b"".join(row for row, is_late in zip(rows, late) if is_late)))
    if not 0 < data.sealed() < 1:
        raise AssertionError(f"the rows of {chosen} should make some time dirty: {data.sealed()} is sealed")
    for by in ("hour", "day", "month", "year"):
        check(data, counter, by=by)
    half_sealed = answers(data)
    data.seal()
    for by in ("hour", "week", "month", "quarter"):
        check(data, counter, by=by)
    all_sealed = answers(data)
    bare = cask.Data(f"seal: false\ntimezone: {zone}\n")
    bare.options[-1] = data.path
    shutil.rmtree(os.path.join(data.path, "engine"))
    without = answers(bare)
    equal(data.sealed(), 0.0, "sealed share without cubes")
    equal(half_sealed, without, "with some time sealed and without cubes")
    equal(all_sealed, without, "with all time sealed and without cubes")


def test_avro_tools_read_the_lake():
    rng = random.Random(cask.seed())
    data, counter = imported(rng)
    segments = glob.glob(os.path.join(data.path, "lake", "logs", "*", "*", "*", "*.avro"))
    records = 0
    for segment in segments:
        text = subprocess.run(["avrocat", segment], capture_output=True, check=True).stdout
        for line in text.splitlines():
            record = json.loads(line)
            for field in ("ts", "body", "type", "site", "source", "position"):
                if field not in record:
                    raise AssertionError(f"no {field} in {record}")
            records += 1
    equal(records, counter.lines, "records by avrocat")
    equal(int(engine_says(f"SELECT count() FROM file('{data.path}/lake/logs/*/*/*/*.avro', 'Avro')")),
          counter.lines, "records by the engine's reader")


def engine_says(query):
    """One query to libchdb, without our program."""
    script = r"""
import ctypes, sys, tempfile
lib = ctypes.CDLL(sys.argv[1])
lib.chdb_connect.restype = ctypes.POINTER(ctypes.c_void_p)
lib.chdb_connect.argtypes = [ctypes.c_int, ctypes.POINTER(ctypes.c_char_p)]
lib.chdb_query.restype = ctypes.c_void_p
lib.chdb_query.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p]
for name in ("buffer", "error"):
    getattr(lib, "chdb_result_" + name).argtypes = [ctypes.c_void_p]
lib.chdb_result_buffer.restype = ctypes.c_void_p
lib.chdb_result_error.restype = ctypes.c_char_p
lib.chdb_result_length.argtypes = [ctypes.c_void_p]
lib.chdb_result_length.restype = ctypes.c_size_t
argv = (ctypes.c_char_p * 2)(b"clickhouse", b"--path=" + tempfile.mkdtemp().encode())
connection = lib.chdb_connect(2, argv)
result = lib.chdb_query(connection[0], sys.argv[2].encode(), b"TSV")
error = lib.chdb_result_error(result)
if error:
    sys.exit(error.decode())
print(ctypes.string_at(lib.chdb_result_buffer(result), lib.chdb_result_length(result)).decode(), end="", flush=True)
import os
os._exit(0)
"""
    with_dir = dict(os.environ, TMPDIR=cask.temp_dir())
    done = subprocess.run([sys.executable, "-c", script, LIBCHDB, query], capture_output=True, env=with_dir)
    if done.returncode:
        raise AssertionError(done.stderr.decode("utf-8", "replace"))
    return done.stdout.decode().strip()


def test_sql_answers_and_refuses():
    rng = random.Random(cask.seed())
    data, counter = imported(rng, lines=1000)
    equal(int(data.sql("SELECT count() FROM events")), counter.accepted, "events")
    equal(int(data.sql("SELECT count() FROM rejected")), counter.lines - counter.accepted, "rejected")
    avro = f"{data.path}/lake/logs/*/*/*/*.avro"
    for query in (f"SELECT count() FROM file('{avro}', 'Avro')", "SELECT file('/etc/passwd')",
                  "SELECT count() FROM events; SELECT 1", "INSERT INTO events (bid) VALUES (1)", "DROP TABLE events",
                  "SELECT 1 INTO OUTFILE '/tmp/x'", "SELECT * FROM system.tables", "SYSTEM SHUTDOWN",
                  "SELECT * FROM url('http://127.0.0.1:1/', 'TSV', 'x String')", "DESCRIBE TABLE file('/etc/passwd')",
                  "SET max_threads = 1", "SELECT count() FROM events SETTINGS readonly = 0", "KILL QUERY WHERE 1",
                  "CREATE TABLE t (x UInt8) ENGINE = Memory", "TRUNCATE TABLE events", "", "nonsense"):
        done = data.run("sql", query, code=None)
        if done.returncode == 0:
            raise AssertionError(f"not refused: {query}: {done.stdout!r}")
        if done.stdout.strip() or not done.stderr.strip():
            raise AssertionError(f"{query}: said {done.stdout!r} and {done.stderr!r}")
    equal(int(data.sql("SELECT count() FROM events")), counter.accepted, "events afterwards")


def test_lake_commands():
    rng = random.Random(cask.seed())
    data, counter = imported(rng, lines=500)
    data.run("lake", "verify")
    listed = data.run("lake", "ls").stdout.decode()
    if "logs/" not in listed:
        raise AssertionError(f"lake ls: {listed}")
    segment = glob.glob(os.path.join(data.path, "lake", "logs", "*", "*", "*", "*.avro"))[0]
    with open(segment, "r+b") as f:  # one bit, in the middle of the first block
        f.seek(os.path.getsize(segment) // 2)
        byte = f.read(1)[0]
        f.seek(-1, os.SEEK_CUR)
        f.write(bytes([byte ^ 16]))
    done = data.run("lake", "verify", code=None)
    if done.returncode == 0:
        raise AssertionError("lake verify does not see a flipped bit")


def test_relabel_brings_the_past_up_to_the_rules_of_today():
    line = b'192.0.2.1 - - [17/May/2015:10:05:03 +0000] "GET /a.page HTTP/1.1" 200 5 "-" "Mozilla/5.0"\n'
    data = cask.Data()
    data.load("--site", "s", data.file(line + b"junk\n"))
    assert data.stats("pageviews")["total"]["pageviews"] == 1
    assert b"0 of 2 rows were made by other rules" in data.run("relabel").stdout
    other = cask.Data("assets: [page]\n")
    other.path, other.options = data.path, [*other.options[:2], *data.options]
    assert other.stats("pageviews")["total"]["pageviews"] == 1  # old rows stay as they are
    assert b"2 of 2 rows were made by other rules" in other.run("verify").stdout
    assert b"2 of 2 rows were made by other rules" in other.run("relabel").stdout
    assert other.stats("pageviews")["total"]["pageviews"] == 0
    assert b"0 of 2 rows were made by other rules" in other.run("relabel").stdout
    other.run("verify")


def test_a_server_takes_over_rules_that_were_read_again():
    """SIGHUP: new lines by the new rules, old ones with relabel."""
    line = b'192.0.2.%d - - [17/May/2015:10:05:03 +0000] "GET /a.page HTTP/1.1" 200 5 "-" "Mozilla/5.0"\n'
    data = cask.Data("sites: [{name: s}]\n")
    server = cask.Server(data)
    data.load("--site", "s", data.file(line % 1))
    assert data.stats("pageviews,hits")["total"] == {"pageviews": 1, "hits": 1}
    cask.write(data.folder, "caskalytics.yaml", "sites: [{name: s}]\nassets: [page]\n")
    server.process.send_signal(signal.SIGHUP)
    cask.wait_for(lambda: b"1 of 1 rows" in data.run("relabel").stdout)
    assert data.stats("pageviews,hits")["total"] == {"pageviews": 0, "hits": 1}
    data.load("--site", "s", data.file(line % 2))
    assert data.stats("pageviews,hits")["total"] == {"pageviews": 0, "hits": 2}
    assert b"0 of 2 rows" in data.run("relabel").stdout
    server.stop()


if __name__ == "__main__":
    cask.main(globals())
