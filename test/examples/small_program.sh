#!/usr/bin/env bash
# One case about a program that checks itself: small_program.sh CASE PROGRAM
set -euo pipefail

case_name=$1
program=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

fail() {
  echo "FAILED: $1"
  cat out err
  exit 1
}

out_has() { grep -qF -- "$1" out || fail "stdout does not say: $1"; }
count() { grep -c -- "$1" out || true; }

timeout 60 "$program" >out 2>err || fail "exit code $?"
[[ ! -s err ]] || fail "something was printed on stderr"

case $case_name in
  takes_no_memory_after_the_first_second)
    out_has "all frames right, and no memory taken after the first second"
    [[ $(sed -n 's/.*, \([0-9]* KiB committed\)$/\1/p' out | sort -u | wc -l) == 1 ]] || fail "memory is not flat"
    ;;
  leaves_only_results_in_the_arena)
    out_has "position before 0, during "
    out_has ", after 29: lang=en&page=2&q=big%20arenas"
    out_has ", after 51: refused, a control character in a query"
    ;;
  says_who_is_exhausted)
    out_has "after 6 images: textures: cannot provide 600000 bytes"
    [[ $(count '^loaded .* position .* high water .* limit ') == 3 ]] || fail "not three subsystems were shown"
    [[ $(count '^rewound  *engine  *position  *4,') == 1 ]] || fail "the engine's arena did not go back"
    ;;
  shows_the_child_at_the_same_addresses_with_bytes_of_its_own)
    out_has "all as it should be"
    [[ $(count '^parent [0-9]*: ') == 3 && $(count '^child [0-9]*: ') == 4 ]] || fail "steps are missing, or twice there"
    for arena in monotonic_arena chained_arena; do
      [[ $(grep -o "$arena *at [^,]*" out | sort -u | wc -l) == 1 ]] || fail "$arena is at more than one address"
      [[ $(grep "$arena" out | sed -n "s/.*first byte '\(.\)'.*/\1/p" | tr -d '\n') == ppccpp ]] ||
        fail "$arena does not hold what it should"
    done
    ;;
  *)
    echo "no such case: $case_name"
    exit 1
    ;;
esac
