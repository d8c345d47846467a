#!/usr/bin/env bash
# One case about the program before and after it was moved to memory resources: convert_programs.sh CASE FOLDER_OF_PROGRAMS
set -euo pipefail
project=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd -P)
# shellcheck source-path=SCRIPTDIR source=case.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/case.sh"
programs=$subject

# Both programs, on the file in; what the second says is then in out.
both_agree() {
  expect 0 timeout 60 "$programs/convert_before" <in
  err_is_empty
  mv out before
  expect 0 timeout 60 "$programs/convert_after" <in
  err_is_empty
  cmp before out || fail "the outputs differ"
}

# Tickets that come, are noted upon and go, with some commands refused, and a report now and then.
commands() {
  awk 'BEGIN {
    for (i = 1; i <= 20000; ++i) {
      x = (x * 69069 + 1) % 4294967296
      random = int(x / 65536)
      number = int(i / 4) - random % 900
      if (number < 0) number = 0
      if (random % 8 < 2) print "open", int(i / 4), "person" random % 13, "the thing of number " random " stands still"
      else if (random % 8 < 5) print "note", number, "looked at it in round " i ", and it is as it was"
      else print "close", number
      if (i % 4000 == 0) print "report"
    }
  }'
}

case $case_name in
  print_the_same_reports)
    commands >in
    both_agree
    out_has "report 5: "
    out_has "busiest of the closed: "
    [[ $(sed -n 's/^report 5: \([0-9]*\) open, .*/\1/p' out) -gt 100 ]] || fail "hardly a ticket is open"
    ;;
  refuse_the_same_commands)
    printf '%s\n' 'open 1 ada lamp' 'open 1 bob' 'open x' 'open' '' 'close 2' 'note 2 no' 'note -1' 'close 12345678901' 'go 1' \
      'open 2' 'open 3 carl ' report >in
    printf 'close 1\nreport' >>in
    both_agree
    [[ $(grep -c '^refused: ' out) == 9 ]] || fail "not nine commands were refused"
    out_has "refused: 1 is open already"
    out_has "busiest of the closed: 1 with 0 notes"
    ;;
  do_nothing_without_commands)
    : >in
    both_agree
    out_is_empty
    ;;
  are_quoted_as_they_are)
    : >out
    : >err
    lines=0
    while IFS= read -r line; do
      case $line in
        -*) file=before.cpp ;;
        +*) file=after.cpp ;;
        *) continue ;;
      esac
      lines=$((lines + 1))
      grep -qxF -- "${line:1}" "$project/examples/convert/$file" || fail "docs/convert.md: $file has no line: ${line:1}"
    done < <(awk '/^```diff$/ { inside = 1; next } /^```/ { inside = 0 } inside' "$project/docs/convert.md")
    ((lines > 15)) || fail "docs/convert.md quotes $lines lines"
    before=$(wc -l <"$project/examples/convert/before.cpp")
    after=$(wc -l <"$project/examples/convert/after.cpp")
    grep -qF "$((before - after)) lines fewer" "$project/docs/convert.md" || fail "it is $((before - after)) lines fewer"
    ;;
  *) no_such_case ;;
esac
