#!/usr/bin/env bash
# Whether the charts of the pages of results have all that their tables have, and are what was committed.
#
# usage: chart_test.sh PROJECT
set -euo pipefail

project=$1
command -v gnuplot >/dev/null || {
  echo "SKIPPED: gnuplot is not installed (.ci/setup charts)"
  exit 77
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# texts FILE: what is written in a chart, a line each.
texts() { xmllint --xpath '//*[local-name()="text"]//text()' "$1" | grep -v '^ *$'; }

failed=0
for page in "$project"/docs/benchmarks/*.md "$project"/docs/{adaptors,real_programs,recommend_proof,sampling_guard}.md; do
  name=$(basename "$page" .md)
  "$project/test/bench/chart" "$page" "$work/$name.svg"
  texts "$work/$name.svg" >"$work/texts"
  while read -r missing; do
    echo "$page: the chart has nothing of: $missing"
    failed=1
  done < <(awk -F ' *[|] *' '
    /^\| (candidate|over|threads that record) / { column = 3; next }
    /^\| program \| glibc / { column = 4; next }
    /^\| program \| known / { column = 7; next }
    /^\| upstream, ns a pair / { column = 6; next }
    /^\| figure / { column = 5; next }
    /^\|/ && column && $column ~ /^[0-9.]+$|\(\+?[0-9.]+\)$/ {
      gsub(/`/, "", $2)
      if (column == 7) sub(/: .*/, "", $2)
      print $2
      next
    }
    !/^\|/ { column = 0 }
  ' "$page" | sort -u | grep -vxFf <(sed 's/^ *//; s/ *$//' "$work/texts"))
  if ! diff <(texts "$work/$name.svg") <(texts "$project/docs/benchmarks/$name.svg") >"$work/difference"; then
    echo "docs/benchmarks/$name.svg is not the chart of its page; test/bench/chart makes it:"
    head -n 10 "$work/difference"
    failed=1
  fi
done
"$project/test/bench/chart" "$project/docs/testing.md" "$work/none.svg" 2>/dev/null && {
  echo "a page without tables has a chart"
  failed=1
}
exit "$failed"
