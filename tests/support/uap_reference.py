#!/usr/bin/python3
"""An independent reading of uap-core's specification and of our lists of bots and device classes, to hold against src/agent.

usage: uap_reference.py regexes.yaml crawlers.json clients.txt bots.txt device_classes.txt <agents >tsv

One agent a line in; out, with tabs between: the agent, browser, major, minor, patch, OS, major, minor, patch,
patch minor, device, brand, model, bot (0 or 1), its kind and name, class of the device. Agents are bytes: they are read as Latin-1
and matched by re.ASCII, so that a byte is a character.
"""
import json
import re
import sys

import yaml

BLANKS = " \t\r\n"
TAGS = {"ai-crawler": "ai-training", "search-engine": "search", "feed-reader": "feed",
        "monitoring": "monitor", "scanner": "scanner"}


def compiled(pattern, flag=0):
    # A pattern of UTF-8 text stands for the bytes of that text.
    return re.compile(pattern.encode().decode("latin-1"), re.ASCII | flag)


class Rule:
    def __init__(self, entry, names):
        self.regex = compiled(
            entry["regex"], re.IGNORECASE if entry.get("regex_flag") == "i" else 0
        )
        self.templates = [entry.get(name) if name else None for name, _ in names]
        self.groups = [group for _, group in names]

    def values(self, agent):
        """None without a match, else one value per name: the filled template or the group."""
        match = self.regex.search(agent)
        if match is None:
            return None
        groups = [""] + [group or "" for group in match.groups()]
        groups += [""] * 10

        def value(number, template):
            if not template:
                return groups[number]
            template = template.encode().decode("latin-1")
            return re.sub(r"\$([1-9])", lambda m: groups[int(m.group(1))], template)

        return [value(g, t) for g, t in zip(self.groups, self.templates)]


def first(rules, agent, parts, trim):
    for rule in rules:
        values = rule.values(agent)
        if values is not None:
            values = [v.strip(BLANKS) for v in values] if trim else values
            return [values[0] or "Other"] + values[1:]
    return ["Other"] + [""] * (parts - 1)


def lines_of(path):
    """(section, line) of a list of our own."""
    section = ""
    with open(path, encoding="utf-8") as file:
        for line in map(str.strip, file):
            if line.startswith("[") and line.endswith("]"):
                section = line[1:-1]
            elif line and not line.startswith("#"):
                yield section, line


def kind_of(tags):
    return next((kind for tag, kind in TAGS.items() if tag in tags), "other")


class Reference:
    def __init__(self, regexes, crawlers, clients, bots, classes):
        with open(regexes, encoding="utf-8") as file:
            lists = yaml.load(file, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))

        def rules(name, keys):
            return [Rule(entry, keys) for entry in lists[name]]

        self.browsers = rules("user_agent_parsers", [
            ("family_replacement", 1), ("v1_replacement", 2), ("v2_replacement", 3), ("v3_replacement", 4)])
        self.systems = rules("os_parsers", [
            ("os_replacement", 1), ("os_v1_replacement", 2), ("os_v2_replacement", 3),
            ("os_v3_replacement", 4), ("os_v4_replacement", 5)])
        self.devices = rules("device_parsers", [
            ("device_replacement", 1), ("brand_replacement", 0), ("model_replacement", 1)])
        with open(crawlers, encoding="utf-8") as file:
            self.crawlers = [(compiled(entry["pattern"]), kind_of(entry.get("tags", [])))
                             for entry in json.load(file)]
        self.clients = [compiled(line) for _, line in lines_of(clients)]
        self.bots = []
        for kind, line in lines_of(bots):
            name, _, regex = line.partition(" = ")
            self.bots.append((compiled((regex or name).strip()), kind, name.strip()))
        self.classes, self.system_classes = [], {}
        for kind, line in lines_of(classes):
            if line.startswith("os: "):
                self.system_classes.setdefault(line[4:].strip(), kind)
            else:
                self.classes.append((compiled(line), kind))

    def uap(self, agent):
        return (first(self.browsers, agent, 4, False), first(self.systems, agent, 5, True),
                first(self.devices, agent, 3, True))

    def bot(self, agent, browser, device):
        listed = next(((kind, name) for regex, kind, name in self.bots if regex.search(agent)), None)
        crawler = next(((m.group(0), kind) for regex, kind in self.crawlers if (m := regex.search(agent))), None)
        if not (crawler or device == "Spider") or any(r.search(agent) for r in self.clients):
            return ["0", "", ""]
        if listed:
            return ["1", *listed]
        if crawler:
            name = re.sub(r"^[^0-9A-Za-z]+|[^0-9A-Za-z]+$", "", crawler[0])[:64]
            return ["1", crawler[1], name or browser]
        return ["1", "other", browser]

    def device_class(self, agent, bot, system):
        if bot == "1":
            return "bot"
        return next((kind for regex, kind in self.classes if regex.search(agent)),
                    self.system_classes.get(system, "other"))

    def parse(self, agent):
        browser, system, device = self.uap(agent)
        bot = self.bot(agent, browser[0], device[0])
        return [*browser, *system, *device, *bot, self.device_class(agent, bot[0], system[0])]


def main():
    if len(sys.argv) != 6:
        sys.exit(__doc__)
    reference = Reference(*sys.argv[1:])
    text = sys.stdin.buffer.read().decode("latin-1")
    for agent in text.removesuffix("\n").split("\n"):
        line = "\t".join([agent, *reference.parse(agent)]) + "\n"
        sys.stdout.buffer.write(line.encode("latin-1"))


if __name__ == "__main__":
    main()
