#!/usr/bin/env bash
# One case about the program as its user meets it: main_job_program.sh CASE PROGRAM
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=case.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/case.sh"
program=$subject
printf 'Some words.\n\n  More words,\n    indented.\n' >text

bars() { grep -c "class=\"$1\"" "$2" || true; }

# The lines of the table of resources or of containers.
table_lines() { sed -n "/^$1  /,/^\$/p" out | grep -cE ' ([KM]i)?B[ *]$' || true; }
groups() { grep -c "<g class=\"$1\">" "$2" || true; }

# Every resource and every container that was checked has its line and its bars.
full_report() {
  local containers resources both
  containers=$(grep -c '^checking tokens in ' err)
  both=$(grep -c '^checking ' err)
  resources=$((both - containers))
  out_has "equal for all resources"
  out_has "equal for all containers"
  ((resources >= 11)) || fail "only $resources resources were checked"
  ((containers >= 6)) || fail "only $containers containers were checked"
  [[ $(table_lines resource) == "$resources" ]] || fail "the first table has not $resources lines"
  [[ $(table_lines container) == "$containers" ]] || fail "the second table has not $containers lines"
  [[ $(groups resource "$1") == "$resources" ]] || fail "the chart's first panel has not $resources groups"
  [[ $(groups container "$1") == "$containers" ]] || fail "the chart's second panel has not $containers groups"
  [[ $(bars cold "$1") == "$both" && $(bars warm "$1") == "$both" ]] || fail "the chart has not $both bars of each kind"
  [[ $(tail -n 1 "$1") == "</svg>" ]] || fail "the chart does not end"
}

case $case_name in
  reports_on_all_resources)
    expect 0 "$program" --rounds 2 text
    full_report main_job.svg
    out_has "1 file, "
    [[ $(grep -c "^Medians of 2 rounds; " out) == 2 ]] || fail "not both jobs were timed in 2 rounds"
    ;;
  reads_licences_and_sources_by_default)
    printf '[resources.plain]\nstrategy = "new_delete_resource"\n' >list.toml  # all would take long with so much text
    expect 0 "$program" --rounds 1 --config list.toml
    out_has "equal for all resources"
    out_has "equal for all containers"
    grep -qE '^[0-9]{2,} files, ' out || fail "not many files were read"
    ! grep -q "cannot use" err || fail "a default file cannot be read"
    ;;
  takes_another_list_of_resources)
    cat >list.toml <<'TOML'
[resources.plain]
strategy = "new_delete_resource"
[resources."counted arena"]
strategy = "statistics_resource"
upstream = { strategy = "chained_arena" }
TOML
    expect 0 "$program" --rounds 1 --config list.toml text
    [[ $(grep -c '^checking ' err) == 8 ]] || fail "not two resources and six containers were checked"
    [[ $(table_lines resource) == 2 ]] || fail "the first table has not two lines"
    [[ $(grep -c '^counted arena ' out) == 1 ]] || fail "a resource of the list is missing"
    ;;
  says_what_is_wrong_with_a_list)
    printf '[resources.a]\nstrategy = "pool_resorce"\n' >list.toml
    expect 78 "$program" --config list.toml text
    err_has "main_job: list.toml:2:12: resources.a.strategy: "
    err_has 'did you mean "pool_resource"?'
    expect 78 "$program" --config=missing.toml text
    err_has "missing.toml"
    mkfifo pipe
    expect 78 "$program" --config pipe text
    err_has "main_job: pipe: cannot be read: "
    expect 78 "$program" --config /dev/zero text
    expect 78 "$program" --config . text
    printf '[resources.a]\nstrategy = "coalescing_heap"\nupstream = { strategy = "page_resource" }\nfirst_chunk = "1TiB"\n' >list.toml
    expect 78 "$program" --config list.toml text
    err_has "main_job: list.toml:4:15: resources.a.first_chunk: "
    echo 'default = "a"' >list.toml
    expect 78 "$program" --config list.toml text
    : >list.toml
    expect 78 "$program" --config list.toml text
    out_is_empty
    [[ ! -e main_job.svg ]] || fail "a chart was written"
    ;;
  writes_the_chart_where_it_is_told)
    echo old >chart
    expect 0 "$program" --rounds=1 --svg chart text
    full_report chart
    [[ ! -e main_job.svg ]] || fail "another chart was written"
    ;;
  prints_help)
    expect 0 "$program" --help
    out_has "usage: main_job"
    out_has "memory resource"
    out_has "vlarray"
    ;;
  rejects_wrong_flags)
    for arguments in --nonsense --svg --config --rounds "--rounds 0" "--rounds -1" "--rounds 10001" "--rounds 3x" "--rounds="; do
      # shellcheck disable=SC2086
      expect 64 "$program" text $arguments
      err_has "usage: main_job"
      out_is_empty
    done
    [[ ! -e main_job.svg ]] || fail "a chart was written"
    ;;
  names_what_it_cannot_read_and_goes_on)
    mkdir folder
    : >empty
    expect 0 "$program" --rounds 1 missing text folder empty /dev/zero
    err_has "cannot use missing: No such file or directory"
    err_has "cannot use folder: Is a directory"
    err_has "cannot use empty: is empty"
    err_has "cannot use /dev/zero: is a device"
    full_report main_job.svg
    ;;
  measures_nothing_when_nothing_can_be_read)
    expect 2 "$program" --rounds 1 missing
    err_has "cannot use missing"
    out_is_empty
    [[ ! -e main_job.svg ]] || fail "a chart was written"
    ;;
  says_when_the_chart_cannot_be_written)
    expect 73 "$program" --rounds 1 --svg no/such/folder/chart text
    err_has "cannot write no/such/folder/chart: No such file or directory"
    out_is_empty
    expect 73 "$program" --rounds 1 --svg /dev/full text
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
    expect 0 "$program" --rounds 1 binary one_word pipe
    out_has "3 files, "
    full_report main_job.svg
    ;;
  finds_no_tokens_in_blanks)
    printf ' \t ' >blanks
    expect 0 "$program" --rounds 2 blanks
    out_has "0 tokens of "
    full_report main_job.svg
    ! grep -qiE '[" (-](nan|inf)' out main_job.svg || fail "a figure is no number"
    ;;
  *) no_such_case ;;
esac
