#!/usr/bin/env bash
# One case about a program that checks itself: small_program.sh CASE PROGRAM
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=case.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/case.sh"

count() { grep -c -- "$1" out || true; }

expect 0 timeout 60 "$subject"
err_is_empty

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
  keeps_elements_where_they_are)
    out_has "tree: 400001 of 400001 elements know their parent"
    out_has "accounts: 100000, paid into the first meanwhile: 100000"
    [[ $(count '^committed bytes: .* at the same address$') == 1 ]] || fail "no memory went back, or the array moved"
    out_has "the next was refused"
    out_has "all as it should be"
    ;;
  plays_a_level_within_its_budget)
    out_has "too much for this machine: game: wanted "
    [[ $(count '; in the way: ') == 2 ]] || fail "not both errors say what is in the way"
    [[ $(count '^particles  *transient  *2097152  *0  *0  *[1-9][0-9]*  *3  gone$') == 1 ]] ||
      fail "the particles' line is not what 600 frames leave"
    [[ $(count '^\(scene\|monsters\|names\)  *permanent .* live$') == 3 ]] || fail "permanent slices are missing"
    [[ $(count '^audio  *sub-budget .* live$') == 1 ]] || fail "the sub-budget is missing"
    out_has "all 600 frames right"
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
  draws_blocks_and_finds_a_double_free)
    [[ $(count '^  |[|#.]*|$') == 3 ]] || fail "not three maps were drawn"
    out_has "a large one: map: cannot provide 600 bytes"
    out_has "allot: misuse of map: double free at 0x"
    ;;
  shows_what_each_tier_has)
    [[ $(count '^  large  *10 blocks') == 1 ]] || fail "ten photographs should be large blocks"
    [[ $(count '^  \(small\|medium\|large\)  *0 blocks  *0 bytes$') == 4 ]] || fail "an empty book should have no blocks"
    ;;
  refuses_what_does_not_fit)
    out_has "refused: allot: misuse of input: "
    out_has "2 values, colour is a green "
    out_has "all as it should be"
    ;;
  stacks_adaptors_over_one_pool)
    out_has "  10 words, 50 characters: all of it on the stack"
    out_has "  with help: news about help "
    out_has "  cache: cannot provide "
    [[ $(count '^  server: allocate [0-9]* bytes$') -gt 1 ]] || fail "the trace tells of no blocks"
    [[ $(count '^  server: allocate ') == $(count '^  server: deallocate ') ]] || fail "the trace does not come out even"
    out_has "  200 requests took the same each, 0 blocks are live"
    out_has "all as it should be"
    ;;
  *) no_such_case ;;
esac
