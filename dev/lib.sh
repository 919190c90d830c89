# shellcheck shell=bash disable=SC2034
# Shared by the scripts in dev/: source it, do not run it.
# Everything it says goes to stderr, so that the output of a program stays clean.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
program=$root/build/caskalytics

say() { printf '%s\n' "caskalytics: $*" >&2; }
die() {
    say "$*"
    exit 1
}

# quietly LOG COMMAND...: run with the output in LOG; show its end when it fails.
quietly() {
    local log=$1
    shift
    if ! "$@" >"$log" 2>&1 </dev/null; then
        tail -n 60 "$log" >&2
        say "failed: $* (all of it: $log)"
        return 1
    fi
}

# One at a time: ninja, npm and apt do not stand being run twice in one directory.
locked() {
    (
        flock 9
        "$@" 9>&-
    ) 9>"$root/dev/.lock"
}

configure() { # DIR OPTION...
    local dir=$1
    shift
    [ -f "$dir/build.ninja" ] && return
    say "configuring ${dir#"$root"/}"
    quietly "$root/dev/.configure.log" meson setup "$@" "$dir" "$root"
}

# compile DIR [TARGET...]
compile() {
    local dir=$1
    shift
    if ninja -C "$dir" -n "$@" 2>/dev/null | grep -q 'no work to do'; then return; fi
    say "building ${dir#"$root"/}"
    quietly "$dir/build.log" ninja -C "$dir" "$@"
}

release_build() {
    configure "$root/build"
    compile "$root/build"
}

# run_tests DIR MESON_TEST_ARGUMENTS...: one line of totals on stdout, non-zero when one failed.
run_tests() {
    local dir=$1 failed=0
    shift
    rm -f "$dir"/meson-logs/testlog.json
    meson test -C "$dir" --no-rebuild --print-errorlogs "$@" >&2 </dev/null || failed=1
    /usr/bin/python3 "$root/dev/totals.py" "$dir/meson-logs/testlog.json" "$failed"
}

# add_totals LINE...: sums lines of "N passed, N failed[, N skipped]", prints the sum as the last line
# and fails when anything failed or nothing ran.
add_totals() {
    printf '%s\n' "$@" | awk '
        { for (i = 2; i <= NF; i++) { w = $i; sub(/,$/, "", w); n[w] += $(i - 1) } }
        END {
            printf "%d passed, %d failed", n["passed"], n["failed"]
            if (n["skipped"]) printf ", %d skipped", n["skipped"]
            printf "\n"
            exit n["failed"] > 0 || n["passed"] == 0
        }'
}
