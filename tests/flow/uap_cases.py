#!/usr/bin/python3
"""uap-core's published test cases, exactly: all parts of browser, operating system and device.

usage: uap_cases.py AGENT_PRINT SOURCE_DIR [CASES_DIR]

The cases are those of Debian's package uap-core (its npm package has none). They are run with the rules they were
published with and with the rules that we ship, which are newer. Every one passes with both; where one fails, the answer
of an independent reading of the rules (uap_reference.py) tells whether it is the rules' fault or ours."""
import os
import subprocess
import sys

import yaml

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import uap_reference

# What a file of cases is about: its columns in what agent_print prints, and their names there.
BROWSER = (slice(1, 5), ("family", "major", "minor", "patch"))
SYSTEM = (slice(5, 10), ("family", "major", "minor", "patch", "patch_minor"))
DEVICE = (slice(10, 13), ("family", "brand", "model"))
FILES = [("tests/test_ua.yaml", BROWSER), ("test_resources/firefox_user_agent_strings.yaml", BROWSER),
         ("test_resources/opera_mini_user_agent_strings.yaml", BROWSER),
         ("test_resources/podcasting_user_agent_strings.yaml", BROWSER),
         ("test_resources/pgts_browser_list.yaml", BROWSER),
         ("tests/test_os.yaml", SYSTEM), ("test_resources/additional_os_tests.yaml", SYSTEM),
         ("tests/test_device.yaml", DEVICE)]


def cases_of(folder):
    """(file, agent, columns, expected) as Latin-1 text that stands for bytes."""
    for name, (columns, keys) in FILES:
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            found = yaml.load(file, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))["test_cases"]
        for case in found:
            texts = [case["user_agent_string"] or "", *("" if case.get(k) is None else str(case[k]) for k in keys)]
            agent, *expected = (text.encode().decode("latin-1") for text in texts)
            if not set("\n\t") & set(agent):
                yield name, agent, columns, expected


def ours(program, files, agents):
    done = subprocess.run([program, *files], input="\n".join(agents).encode("latin-1") + b"\n",
                          stdout=subprocess.PIPE, check=True)
    return [line.split("\t") for line in done.stdout.decode("latin-1").split("\n")[:-1]]


def failures(program, files, cases):
    """Cases with another answer, and what an independent reading of the rules says."""
    answers = ours(program, files, [agent for _, agent, _, _ in cases])
    if len(answers) != len(cases):
        sys.exit(f"uap_cases: {len(answers)} answers for {len(cases)} cases")
    failed = [(case, answer) for case, answer in zip(cases, answers) if answer[case[2]] != case[3]]
    reference = uap_reference.Reference(*files) if failed else None
    for (name, agent, columns, expected), answer in failed[:20]:
        theirs = [agent, *reference.parse(agent)][columns]
        print(f"{name}: {agent}: {answer[columns]}, not {expected}; by the reference {theirs}")
    return len(failed)


def main():
    program, source = sys.argv[1:3]
    folder = sys.argv[3] if len(sys.argv) > 3 else "/usr/share/uap-core"
    if not os.path.exists(os.path.join(folder, "tests/test_ua.yaml")):
        print(f"uap_cases: no test cases in {folder} (package uap-core, see dev/setup)")
        sys.exit(77)
    lists = [os.path.join(source, name) for name in (
        "node_modules/uap-core/regexes.yaml", "node_modules/crawler-user-agents/crawler-user-agents.json",
        "schema/clients.txt", "schema/bots.txt", "schema/device_classes.txt")]
    cases = list(cases_of(folder))
    with_theirs = failures(program, [os.path.join(folder, "regexes.yaml"), *lists[1:]], cases)
    with_ours = failures(program, lists, cases)
    print(f"uap_cases: {len(cases)} cases; {with_theirs} fail with the rules they came with, {with_ours} with those we ship")
    sys.exit(1 if with_theirs or with_ours or len(cases) < 30000 else 0)


main()
