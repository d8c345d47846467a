#!/usr/bin/env bash
# One case about find_the_bug: find_the_bug_program.sh CASE PROGRAM.
set -euo pipefail
page=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd -P)/docs/find_the_bug.md
# shellcheck source-path=SCRIPTDIR source=case.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/case.sh"

# Addresses are others each time, and frames of stacks on each machine.
normalized() { grep -v '^ *#[0-9]' | sed 's/0x[0-9a-f]*/0x.../g'; }

case $case_name in
  finds_and_explains_each_bug)
    expect 0 timeout 100 "$subject"
    for bug in leak overflow use_after double_free overlap corrupted_position; do out_has "$bug:"; done
    out_has "each was found"
    [[ $(grep -c "^allot: " out) -ge 6 ]] || fail "not six reports"
    ;;
  is_quoted_as_it_is)
    [[ $(getconf PAGESIZE) == 4096 ]] || exit 0 # sizes in the page are those of such pages
    expect 0 timeout 100 "$subject"
    normalized <out >found
    sed -n '/^```text$/,/^```$/p' "$page" | grep -v '^```' >quoted
    diff quoted found >different || { cat different; fail "the page shows something else"; }
    ;;
  wrong_usage_is_refused)
    expect 64 "$subject" nonsense
    err_has "usage: find_the_bug"
    expect 64 "$subject" leak overlap
    ;;
  *) no_such_case ;;
esac
