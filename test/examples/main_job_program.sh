#!/usr/bin/env bash
# One case about the program as its user meets it: main_job_program.sh CASE PROGRAM
set -euo pipefail

case_name=$1
program=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
printf 'Some words.\n\n  More words,\n    indented.\n' >text

fail() {
  echo "FAILED: $1"
  head -c 2000 out err
  exit 1
}

# Runs the program with the arguments behind the exit code that is expected.
expect() {
  local wanted=$1 status=0
  shift
  "$program" "$@" >out 2>err || status=$?
  [[ $status == "$wanted" ]] || fail "exit code $status, not $wanted, for: $*"
}

err_has() { grep -qF -- "$1" err || fail "stderr does not say: $1"; }
out_has() { grep -qF -- "$1" out || fail "stdout does not say: $1"; }
out_is_empty() { [[ ! -s out ]] || fail "something was printed"; }
bars() { grep -c "class=\"$1\"" "$2" || true; }

# Every resource that was checked has its line and its bars.
full_report() {
  local resources
  resources=$(grep -c '^checking ' err)
  out_has "equal for all resources"
  ((resources >= 11)) || fail "only $resources resources were checked"
  [[ $(grep -c 'iB[ *]$' out) == "$resources" ]] || fail "the table has not $resources lines"
  [[ $(bars cold "$1") == "$resources" && $(bars warm "$1") == "$resources" ]] || fail "the chart has not $resources bars"
  [[ $(tail -n 1 "$1") == "</svg>" ]] || fail "the chart does not end"
}

case $case_name in
  reports_on_all_resources)
    expect 0 --rounds 2 text
    full_report main_job.svg
    out_has "1 file, "
    out_has "Medians of 2 rounds"
    ;;
  reads_licences_and_sources_by_default)
    expect 0 --rounds 1
    full_report main_job.svg
    ! grep -q "cannot use" err || fail "a default file cannot be read"
    ;;
  writes_the_chart_where_it_is_told)
    echo old >chart
    expect 0 --rounds=1 --svg chart text
    full_report chart
    [[ ! -e main_job.svg ]] || fail "another chart was written"
    ;;
  prints_help)
    expect 0 --help
    out_has "usage: main_job"
    ;;
  rejects_wrong_flags)
    for arguments in --nonsense --svg --rounds "--rounds 0" "--rounds -1" "--rounds 10001" "--rounds 3x" "--rounds="; do
      # shellcheck disable=SC2086
      expect 64 text $arguments
      err_has "usage: main_job"
      out_is_empty
    done
    [[ ! -e main_job.svg ]] || fail "a chart was written"
    ;;
  names_what_it_cannot_read_and_goes_on)
    mkdir folder
    : >empty
    expect 0 --rounds 1 missing text folder empty /dev/zero
    err_has "cannot use missing: No such file or directory"
    err_has "cannot use folder: Is a directory"
    err_has "cannot use empty: is empty"
    err_has "cannot use /dev/zero: is a device"
    full_report main_job.svg
    ;;
  measures_nothing_when_nothing_can_be_read)
    expect 2 --rounds 1 missing
    err_has "cannot use missing"
    out_is_empty
    [[ ! -e main_job.svg ]] || fail "a chart was written"
    ;;
  says_when_the_chart_cannot_be_written)
    expect 73 --rounds 1 --svg no/such/folder/chart text
    err_has "cannot write no/such/folder/chart: No such file or directory"
    out_is_empty
    expect 73 --rounds 1 --svg /dev/full text
    err_has "cannot write /dev/full: No space left on device"
    ;;
  says_when_the_table_cannot_be_written)
    status=0
    "$program" --rounds 1 text >/dev/full 2>err || status=$?
    : >out
    [[ $status == 74 ]] || fail "exit code $status, not 74"
    err_has "cannot write to standard output"
    ;;
  reads_binary_files_and_pipes)
    head -c 300000 "$program" >binary
    head -c 100000 /dev/zero | tr '\0' a >one_word
    mkfifo pipe
    cat text >pipe &
    expect 0 --rounds 1 binary one_word pipe
    out_has "3 files, "
    full_report main_job.svg
    ;;
  *)
    echo "no such case: $case_name"
    exit 1
    ;;
esac
