#!/bin/sh
# Our reading of uap-core's rules and of our own lists against an independent one, over tests/data/agents.txt, changed
# copies of each of them, and every agent that crawler-user-agents has seen.
# usage: agents.sh AGENT_PRINT SOURCE_DIR
set -eu
print=$1
src=$2
files="$src/node_modules/uap-core/regexes.yaml
$src/node_modules/crawler-user-agents/crawler-user-agents.json
$src/schema/clients.txt
$src/schema/bots.txt
$src/schema/device_classes.txt"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

{
    cat "$src/tests/data/agents.txt"
    LC_ALL=C sed -e 's/Chrome/CHROME/' -e 's/[0-9]\./&9/2' -e 's/;/; x/' "$src/tests/data/agents.txt"
    LC_ALL=C sed -e 's/^Mozilla.5.0 //' -e 's/Build/build/' -e 's/ like / /' "$src/tests/data/agents.txt"
    /usr/bin/python3 -c 'import json, sys
for crawler in json.load(open(sys.argv[1])):
    for agent in crawler["instances"]:
        print(agent.replace("\n", " ").replace("\t", " "))' \
        "$src/node_modules/crawler-user-agents/crawler-user-agents.json"
} >"$work/agents"
IFS='
'
"$print" $files <"$work/agents" >"$work/ours"
/usr/bin/python3 "$src/tests/support/uap_reference.py" $files <"$work/agents" >"$work/theirs"
if ! cmp -s "$work/ours" "$work/theirs"; then
    echo "agents: our answers (+) differ from the reference's (-)" >&2
    diff -u -a "$work/theirs" "$work/ours" | grep -a '^[-+]' | head -40 >&2
    exit 1
fi
echo "agents: $(wc -l <"$work/agents") agents, the same answers"
