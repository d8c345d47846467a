#!/usr/bin/env bash
# One case about examples/run and .ci/setup: run_script.sh CASE PROJECT
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=case.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/case.sh"
project=$subject

# A PATH on which only what is named is found.
bare_path() {
  local tool
  mkdir -p bin
  for tool in "$@"; do ln -sf "$(command -v "$tool")" bin/; done
}

stand_in() {
  printf '#!/bin/sh\n%s\n' "$2" >"bin/$1"
  chmod +x "bin/$1"
}

# As expect, with that PATH.
expect_there() {
  local wanted=$1
  shift
  expect "$wanted" env PATH="$work/bin" "$@"
}

case $case_name in
  a_wrong_argument_costs_no_build)
    bare_path bash env dirname sed cat
    for arguments in --nonsense --svg "--rounds many" --rounds=0; do
      # shellcheck disable=SC2086
      expect_there 64 "$project/examples/run" text $arguments
      err_has "usage: examples/run"
    done
    expect_there 0 "$project/examples/run" --help
    grep -q "usage: examples/run" out || fail "no help"
    ;;
  setup_wants_a_debian_system)
    bare_path sh cat sort sed
    expect_there 3 "$project/.ci/setup" build
    err_has "not a Debian system"
    err_has "ninja-build"
    ;;
  setup_wants_root)
    bare_path sh cat sort sed grep
    stand_in apt-get 'exit 1'
    stand_in dpkg-query 'exit 1'
    stand_in id 'echo 1000'
    expect_there 4 "$project/.ci/setup" build
    err_has "apt-get install --no-install-recommends cmake g++ ninja-build"
    ;;
  setup_shows_why_apt_failed)
    bare_path sh cat sort sed grep env mktemp rm tail
    stand_in apt-get 'echo "Could not resolve host"; exit 100'
    stand_in dpkg-query 'exit 1'
    stand_in id 'echo 0'
    expect_there 5 "$project/.ci/setup" build
    err_has "Could not resolve host"
    ;;
  setup_is_silent_when_all_is_there)
    bare_path sh cat sort sed grep
    stand_in apt-get 'exit 1'
    stand_in dpkg-query 'printf "installed %s\n" cmake g++ ninja-build'
    expect_there 0 "$project/.ci/setup" build
    [[ ! -s out && ! -s err ]] || fail "something was printed"
    ;;
  setup_installs_only_what_is_missing)
    bare_path sh cat sort sed grep env mktemp rm tail
    stand_in apt-get "echo \"\$@\" >>$work/calls"
    stand_in dpkg-query 'printf "installed %s\n" cmake g++; exit 1'
    stand_in id 'echo 0'
    expect_there 0 "$project/.ci/setup" build
    grep -q ' install --no-install-recommends ninja-build$' calls || fail "other packages were installed"
    ;;
  *) no_such_case ;;
esac
