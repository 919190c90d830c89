#!/usr/bin/env bash
# zones.sh ZONE_PRINT: offsets and bucket borders of ours against Python's zoneinfo, both on the system's
# tz database, for random instants (SEED, COUNT a zone) of the zones that are hard and of random others.
set -euo pipefail
zone_print=$1
reference="$(dirname "${BASH_SOURCE[0]}")/../support/zone_reference.py"
seed=${SEED:-$RANDOM}
python=/usr/bin/python3
[ -x "$python" ] || python=python3

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$python" "$reference" "$seed" "${COUNT:-12}" >"$work/questions"
"$python" "$reference" --answer <"$work/questions" >"$work/expected"
"$zone_print" <"$work/questions" >"$work/ours"

name=zones__agree_with_python
echo "seed $seed (set SEED to run it again), $(wc -l <"$work/questions") instants"
[ -s "$work/expected" ] || { echo "[  FAILED  ] $name: nothing was asked"; exit 1; }
if ! diff "$work/expected" "$work/ours" >"$work/diff"; then
    echo "ZONE INSTANT OFFSET, then start and next start of hour, day, week, month, quarter, year"
    head -20 "$work/diff"
    echo "[  FAILED  ] $name"
    exit 1
fi
echo "[       OK ] $name"
