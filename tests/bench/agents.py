#!/usr/bin/python3
"""How fast are distinct user agents? Agents a second, new and seen before; lines a second of an import in which each of 1,000,000
lines has an agent of its own, against the log of dev/bench with 500 agents, alternately.

    agents.py LOG BUILD_DIR [ROUNDS]          LOG is that of dev/bench (makelog.py)"""
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "support"))
import cask

SHARE = 0.25  # of the normal case's lines a second
SOURCE = os.path.join(HERE, "..", "..")


def make(folder, name, *args):
    path = os.path.join(folder, name)
    with open(path, "wb") as out:
        subprocess.run([sys.executable, os.path.join(HERE, "makeagents.py"), *args], stdout=out, check=True)
    return path


def lookups(build, agents):
    lists = [os.path.join(SOURCE, name) for name in (
        "node_modules/uap-core/regexes.yaml", "node_modules/crawler-user-agents/crawler-user-agents.json",
        "schema/clients.txt", "schema/bots.txt", "schema/device_classes.txt")]
    with open(agents, "rb") as file:
        subprocess.run([os.path.join(build, "tests/unit/agent/agent_print"), *lists, "2"], stdin=file, check=True)


def seconds(log):
    run = cask.Peaks(cask.Data().command("import", "--json", "--site", "example.org", log))
    if run.code != 0:
        sys.exit(f"import: exit code {run.code}")
    return run.seconds, (run.parent_kib + run.engine_kib) / 1024


def main():
    log, build, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 3
    with open(log, "rb") as file:
        lines = sum(1 for _ in file)
    folder = cask.temp_dir()
    lookups(build, make(folder, "agents", str(lines // 2)))
    distinct = make(folder, "distinct.log", str(lines), log)
    normal, ours = [], []
    for i in range(rounds):
        normal.append(seconds(log)[0])
        time, peak = seconds(distinct)
        ours.append(time)
        print(f"round {i + 1}: 500 agents {lines / normal[-1]:.0f} lines/s, {lines} agents {lines / time:.0f} lines/s, "
              f"peak {peak:.0f} MiB", flush=True)
    share = min(normal) / min(ours)  # the least disturbed run of each
    print(f"{lines} distinct agents: {share:.2f} of the normal case's lines a second (at least {SHARE}): "
          f"{'ok' if share >= SHARE else 'MISSED'}")


if __name__ == "__main__":
    main()
