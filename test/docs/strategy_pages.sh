#!/usr/bin/env bash
# Whether every page of a strategy says what it is for, has a picture, a contract, figures and limits; and whether what its
# figures name, and what they say it is held to, stands in the page of benchmarks.
#
# usage: strategy_pages.sh DOCS_DIR
set -euo pipefail

(($# == 1)) || {
  echo "usage: strategy_pages.sh DOCS_DIR" >&2
  exit 64
}
docs=$1
benchmarks=$docs/benchmarks
failed=0
complain() {
  echo "$1"
  failed=$((failed + 1))
}

# section PAGE HEADING: what stands below a heading, up to the next.
section() { awk -v heading="## $2" '/^## / { in_it = $0 == heading; next } in_it' "$1"; }

pages=(adaptors chained_arena coalescing_heap debug_resource general_resource guarded_page_resource memory_budget
  monotonic_arena page_block page_resource pools reserving_resource sampling_guard scratch secure_resource vlarray)
for name in "${pages[@]}"; do
  page=$docs/$name.md
  grep -qE '^## What (it is|they are) for$' "$page" || complain "$page does not say what it is for"
  for heading in Contract Figures Limits; do
    [[ -n $(section "$page" "$heading") ]] || complain "$page has nothing below a heading '$heading'"
  done
  section "$page" Picture | grep -q '^    .*|\|^    .*-->' || complain "$page has no picture"
  section "$page" Figures | grep -qE "(_bench|test/bench/run|allot compare)\`" ||
    complain "$page names no command that makes its figures"
  # Rows of the figures: the name of a measurement, and numbers it is held to.
  while IFS='|' read -r _ measured held _; do
    measured=$(sed 's/^ *//; s/ *$//' <<<"$measured")
    grep -qrF -- "$measured" "$benchmarks" || complain "$page: $benchmarks knows nothing of: $measured"
    while read -r number; do
      grep -qrE "(at most|\|) $number( |,|\$)" "$benchmarks" || complain "$page: in $benchmarks nothing is held to $number: $measured"
    done < <(grep -oE '\b[0-9]+\.[0-9]{2}\b|at most [0-9]+ ' <<<"$held" | sed 's/at most //')
  done < <(section "$page" Figures | awk '/^\| measured \| held to \|$/ { table = NR } table && NR > table + 1 && /^\|/')
done
echo "${#pages[@]} pages looked at, $failed complaints"
((failed == 0))
