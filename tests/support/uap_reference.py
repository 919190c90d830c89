#!/usr/bin/python3
"""An independent reading of uap-core's specification, to hold against src/agent/agent.c.

usage: uap_reference.py regexes.yaml crawlers.json clients.txt <agents >tsv

One agent a line in; agent, browser, version, OS, device and bot (0 or 1) out, with tabs between.
Agents are bytes: they are read as Latin-1 and matched by re.ASCII, so that a byte is a character.
"""
import json
import re
import sys

import yaml


def compiled(pattern, flag=0):
    # A pattern of UTF-8 text stands for the bytes of that text.
    return re.compile(pattern.encode().decode("latin-1"), re.ASCII | flag)


class Rule:
    def __init__(self, entry, names):
        self.regex = compiled(
            entry["regex"], re.IGNORECASE if entry.get("regex_flag") == "i" else 0
        )
        self.templates = [entry.get(name) for name in names]

    def values(self, agent):
        """None without a match, else one value per name: the filled template or the group."""
        match = self.regex.search(agent)
        if match is None:
            return None
        groups = [match.group(0)] + [group or "" for group in match.groups()]
        groups += [""] * 10

        def value(number, template):
            if not template:
                return groups[number]
            return re.sub(r"\$([1-9])", lambda m: groups[int(m.group(1))], template)

        return [value(i + 1, t) for i, t in enumerate(self.templates)]


def first(rules, agent):
    for rule in rules:
        values = rule.values(agent)
        if values is not None:
            return values
    return None


class Reference:
    def __init__(self, regexes, crawlers, clients):
        with open(regexes, encoding="utf-8") as file:
            lists = yaml.load(file, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))

        def rules(name, keys):
            return [Rule(entry, keys) for entry in lists[name]]

        self.browsers = rules(
            "user_agent_parsers", ["family_replacement", "v1_replacement", "v2_replacement"]
        )
        self.systems = rules("os_parsers", ["os_replacement"])
        self.devices = rules("device_parsers", ["device_replacement"])
        with open(crawlers, encoding="utf-8") as file:
            self.crawlers = [compiled(entry["pattern"]) for entry in json.load(file)]
        with open(clients, encoding="utf-8") as file:
            lines = [line.strip() for line in file]
        self.clients = [compiled(line) for line in lines if line and not line.startswith("#")]

    def parse(self, agent):
        browser, major, minor = first(self.browsers, agent) or ("", "", "")
        version = major + ("." + minor if major and minor else "")
        system = (first(self.systems, agent) or [""])[0].strip(" \t\r\n")
        device = (first(self.devices, agent) or [""])[0].strip(" \t\r\n")
        bot = device == "Spider" or any(regex.search(agent) for regex in self.crawlers)
        client = any(regex.search(agent) for regex in self.clients)
        return browser or "Other", version, system or "Other", device or "Other", bot and not client


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    reference = Reference(*sys.argv[1:])
    text = sys.stdin.buffer.read().decode("latin-1")
    for agent in text.removesuffix("\n").split("\n"):
        *words, bot = reference.parse(agent)
        line = "\t".join([agent, *words, "1" if bot else "0"]) + "\n"
        sys.stdout.buffer.write(line.encode("latin-1"))


main()
