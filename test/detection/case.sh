#!/usr/bin/env bash
# One case about the detection program and its page: case.sh CASE PROGRAM PAGE
set -euo pipefail

case_name=$1
program=$2
page=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
  echo "$1"
  [[ ! -e $work/out ]] || cat "$work/out"
  exit 1
}

# expect CODE ARGUMENT...: runs the program, whose output is in $work/out then.
expect() {
  local wanted=$1 code=0
  shift
  timeout 240 "$program" "$@" >"$work/out" 2>&1 || code=$?
  ((code == wanted)) || fail "exit code $code instead of $wanted: detection $*"
}

says() { grep -qF -- "$1" "$work/out" || fail "nothing says: $1"; }

# altered FROM TO: a copy of the page with one thing changed.
altered() {
  sed "s#$1#$2#" "$page" >"$work/page.md"
  ! cmp -s "$page" "$work/page.md" || fail "the page has no $1"
}

case $case_name in
  ours_are_no_worse_than_stated)
    expect 0 --tries 6 --check "$page"
    says ", 0 worse"
    ;;
  a_statement_that_is_too_good_is_found)
    altered '^| overflow by 1 byte | missed |' '| overflow by 1 byte | abort |'
    expect 1 --tries 6 --attack overflow_1 --check "$work/page.md"
    says "states abort, now missed"
    says "4 cells compared, 1 worse"
    altered '^| read after free | missed |' '| read after free | harmless 29/30, missed 1/30 |'
    expect 1 --tries 6 --attack read_after_free --check "$work/page.md"
    says "4 cells compared, 1 worse"
    altered '^\(| frees until .*, 64 B |\) [^|]* |' '\1 1000 / 2000 |'
    expect 1 --tries 1 --only checked --check "$work/page.md"
    says "states 1000 / 2000, now "
    says ", 1 worse"
    ;;
  a_statement_that_is_missing_is_found)
    grep -v '^| overflow by 1 byte |' "$page" >"$work/page.md"
    expect 1 --tries 1 --attack overflow_1 --check "$work/page.md"
    says "4 cells compared, 4 worse"
    : >"$work/page.md"
    expect 1 --tries 1 --attack overflow_8 --check "$work/page.md"
    ;;
  a_library_that_is_missing_is_named)
    expect 0 --tries 1 --attack overflow_1 --preload nobody=libnobody.so.1
    says "Left out, because it is not installed: nobody."
    says "| attack | checked | hardened | paranoid | trap | glibc |"
    ;;
  *) fail "no such case: $case_name" ;;
esac
