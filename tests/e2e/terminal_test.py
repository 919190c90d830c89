"""What a person sees: the program on a real (pseudo) terminal, and in a pipe."""
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import cask  # noqa: E402

ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def on_terminal(data, *args, env=None):
    """Everything that appears when stdout and stderr are a terminal of 100 columns."""
    parent, child = pty.openpty()
    fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
    full = dict(os.environ, TERM="xterm-256color")
    full.pop("NO_COLOR", None)
    full.update(env or {})
    process = data.start(*args, stdin=child, stdout=child, stderr=child, env=full)
    os.close(child)
    seen = b""
    while True:
        ready, _, _ = select.select([parent], [], [], 300)
        try:
            piece = os.read(parent, 65536) if ready else b""
        except OSError:
            piece = b""
        if not piece:
            break
        seen += piece
    os.close(parent)
    assert process.wait() == 0, seen.decode("utf-8", "replace")
    return seen.decode("utf-8", "replace").replace("\r\n", "\n")


def sample(lines=3000):
    data = cask.Data()
    path = os.path.join(data.folder, "access.log")
    with open(path, "wb") as f:
        for i in range(lines):
            f.write(b'10.0.%d.%d - - [%02d/May/2015:10:%02d:00 +0000] "GET /page/%d HTTP/1.1" 200 %d "-" "Mozilla/5.0"\n'
                    % (i % 7, i % 200, 17 + i % 4, i % 60, i % 11, i))
    return data, path


def test_import_shows_a_summary_and_an_overview():
    data, path = sample()
    text = ESCAPE.sub("", on_terminal(data, "import", "--site", "example.org", path))
    assert "3,000" in text and "Pages" in text and "/page/" in text, text
    for noise in ("<Debug>", "<Trace>", "Context", "DatabaseAtomic"):
        assert noise not in text, f"the engine's own messages are on the terminal: {text[:400]}"


def drawn(text, what):
    """The states that a line of progress went through: "WHAT  42 %  1,234 lines/s"."""
    line = r"\r\S*" + re.escape(what) + r"  +(\d+ %[^\r\n]*|\S[^\r\n]*/s[^\r\n]*)"
    return re.findall(line, ESCAPE.sub("", text))


def test_long_commands_show_progress_on_a_terminal_and_none_in_a_pipe():
    data, path = sample(200000)
    shown = on_terminal(data, "import", "--site", "example.org", path)
    assert drawn(shown, "access.log"), f"import shows no progress: {shown[:1000]!r}"
    assert "200,000" in shown.rpartition("\r")[2], f"no summary where the progress was: {shown[-1000:]!r}"
    shown = on_terminal(data, "rebuild")
    for what in ("reading the lake", "sealing"):
        assert drawn(shown, what), f"rebuild shows no progress of {what}: {shown[:1000]!r}"
    piped = data.run("rebuild")
    assert b"%" not in piped.stderr and b"\r" not in piped.stdout + piped.stderr, piped


def test_stats_draws_bars_on_a_terminal_and_none_in_a_pipe():
    data, path = sample()
    data.run("import", "--site", "example.org", path)
    shown = on_terminal(data, "stats", "pageviews", "--by", "day")
    assert "\u2588" in shown and "Debug" not in shown, shown
    piped = data.run("stats", "pageviews", "--by", "day").stdout.decode()
    assert "\u2588" not in piped and "\x1b" not in piped, piped
    assert all(len(ESCAPE.sub("", line)) <= 100 for line in shown.splitlines()), shown


def test_no_color_is_honoured():
    data, path = sample()
    data.run("import", "--site", "example.org", path)
    assert "\x1b[" in on_terminal(data, "stats", "pageviews", "--by", "day")
    plain = on_terminal(data, "stats", "pageviews", "--by", "day", env={"NO_COLOR": "1"})
    assert not re.search(r"\x1b\[[0-9;]*m", plain), plain


if __name__ == "__main__":
    cask.main(globals())
