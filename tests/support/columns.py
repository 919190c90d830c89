"""Logs of columns (#Fields) for tests: made of combined lines, and read again, independently of the C code.

As docs/definitions.md says it: path bytes as logged, agents decoded, status 000 a hit."""
import datetime
import functools
import re
import time
import urllib.parse

import count

CLOUDFRONT_2010 = ("date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) "
                   "cs(User-Agent) cs-uri-query").split()
CLOUDFRONT = CLOUDFRONT_2010 + (
    "cs(Cookie) x-edge-result-type x-edge-request-id x-host-header cs-protocol cs-bytes time-taken x-forwarded-for "
    "ssl-protocol ssl-cipher x-edge-response-result-type cs-protocol-version fle-status fle-encrypted-fields c-port "
    "time-to-first-byte x-edge-detailed-result-type sc-content-type sc-content-len sc-range-start sc-range-end").split()

ENCODED = set(b"<>%\"#{}|\\^~[]`'") | set(range(33)) | set(range(127, 256))


@functools.lru_cache(maxsize=1 << 16)
def encode(text, twice=False):
    """As CloudFront encodes; for years it did so twice with agents."""
    text = b"".join(b"%%%02X" % byte if byte in ENCODED else bytes([byte]) for byte in text) or b"-"
    return text.replace(b"%", b"%25") if twice else text


def cloudfront_line(fields, names, rng):
    """One line for what count.read_line() gives of a combined one."""
    _, host, t, request, status, size, referrer, agent = fields
    m = count.REQUEST.match(request)
    method, target = (m[1], m[2]) if m and m[2].startswith(b"/") else (b"-", b"-")
    stem, _, query = target.partition(b"?")
    day, clock = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(t)).encode().split()
    values = {
        "date": day, "time": clock, "x-edge-location": b"SFO5", "sc-bytes": b"%d" % size, "c-ip": host,
        "cs-method": method, "cs(Host)": b"d111111abcdef8.cloudfront.net", "cs-uri-stem": encode(stem),
        "sc-status": b"000" if rng.random() < 0.005 else b"%d" % status, "cs(Referer)": encode(referrer),
        "cs(User-Agent)": encode(agent, twice=b" " in agent and rng.random() < 0.5), "cs-uri-query": encode(query),
        "x-host-header": b"www.example.org", "x-forwarded-for": b"198.51.100.1", "cs-protocol-version": b"HTTP/1.1",
    }
    return b"\t".join(values.get(name, b"-") for name in names)


def header(names):
    return b"#Version: 1.0\n#Fields: " + " ".join(names).encode() + b"\n"


def cloudfront(log, rng, orders):
    """A combined log as CloudFront's, its columns in each of the orders for a part of it."""
    lines = []
    for line in log.splitlines():
        try:
            lines.append(count.read_line(line, "combined"))
        except count.Rejected:
            pass
    out = []
    share = len(lines) // len(orders) + 1
    for i, names in enumerate(orders):
        out.append(header(names))
        out += [cloudfront_line(f, names, rng) + b"\n" for f in lines[i * share:(i + 1) * share]]
    return b"".join(out)


# --- reading -------------------------------------------------------------------------------------


@functools.lru_cache(maxsize=1 << 16)
def agent_of(text):
    once = urllib.parse.unquote_to_bytes(text)
    return urllib.parse.unquote_to_bytes(once) if b" " not in once and re.search(rb"%[0-9A-Fa-f]{2}", once) else once


@functools.lru_cache(maxsize=1 << 16)
def once_encoded(text):
    return re.sub(rb"%25([0-9A-Fa-f]{2})", rb"%\1", text)


def read(data, counter, site):
    """Count the lines of a CloudFront log; how many there are."""
    names, lines = [], 0
    counter.flagged = False
    for line in data.split(b"\n"):
        if line.startswith(b"#Fields:"):
            names = line[8:].decode().split()
        if not line or line.startswith(b"#"):
            continue
        lines += 1
        row = dict(zip(names, (b"" if v == b"-" else v for v in line.split(b"\t"))))
        t = datetime.datetime.fromisoformat(f"{row['date'].decode()} {row['time'].decode()}+00:00").timestamp()
        request = row["cs-method"] + b" " + row["cs-uri-stem"] + b" HTTP/1.1" if row["cs-method"] else b"-"
        host = row["x-host-header"] if "x-host-header" in row else b""
        fields = (host, row["c-ip"], int(t), request, int(row["sc-status"]), int(row["sc-bytes"] or b"0"),
                  once_encoded(row["cs(Referer)"]), agent_of(row["cs(User-Agent)"]))
        counter.hit(fields, site or ("" if host else "default"))
    counter.lines += lines
    counter.accepted += lines
    return lines
