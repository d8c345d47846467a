#!/usr/bin/env bash
# One case about examples/run and .ci/setup: run_script.sh CASE PROJECT
set -euo pipefail

case_name=$1
project=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

fail() {
  echo "FAILED: $1"
  head -c 2000 out err
  exit 1
}

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

expect() {
  local wanted=$1 status=0
  shift
  PATH=$work/bin "$@" >out 2>err || status=$?
  [[ $status == "$wanted" ]] || fail "exit code $status, not $wanted, for: $*"
}

err_has() { grep -qF -- "$1" err || fail "stderr does not say: $1"; }

case $case_name in
  a_wrong_argument_costs_no_build)
    bare_path bash env dirname sed cat
    for arguments in --nonsense --svg "--rounds many" --rounds=0; do
      # shellcheck disable=SC2086
      expect 64 "$project/examples/run" text $arguments
      err_has "usage: examples/run"
    done
    expect 0 "$project/examples/run" --help
    grep -q "usage: examples/run" out || fail "no help"
    ;;
  setup_wants_a_debian_system)
    bare_path sh cat sort sed
    expect 3 "$project/.ci/setup" build
    err_has "not a Debian system"
    err_has "ninja-build"
    ;;
  setup_wants_root)
    bare_path sh cat sort sed grep
    stand_in apt-get 'exit 1'
    stand_in dpkg-query 'exit 1'
    stand_in id 'echo 1000'
    expect 4 "$project/.ci/setup" build
    err_has "apt-get install --no-install-recommends cmake g++ ninja-build"
    ;;
  setup_shows_why_apt_failed)
    bare_path sh cat sort sed grep env mktemp rm tail
    stand_in apt-get 'echo "Could not resolve host"; exit 100'
    stand_in dpkg-query 'exit 1'
    stand_in id 'echo 0'
    expect 5 "$project/.ci/setup" build
    err_has "Could not resolve host"
    ;;
  setup_is_silent_when_all_is_there)
    bare_path sh cat sort sed grep
    stand_in apt-get 'exit 1'
    stand_in dpkg-query 'printf "installed %s\n" cmake g++ ninja-build'
    expect 0 "$project/.ci/setup" build
    [[ ! -s out && ! -s err ]] || fail "something was printed"
    ;;
  setup_installs_only_what_is_missing)
    bare_path sh cat sort sed grep env mktemp rm tail
    stand_in apt-get "echo \"\$@\" >>$work/calls"
    stand_in dpkg-query 'printf "installed %s\n" cmake g++; exit 1'
    stand_in id 'echo 0'
    expect 0 "$project/.ci/setup" build
    grep -q ' install --no-install-recommends ninja-build$' calls || fail "other packages were installed"
    ;;
  *)
    echo "no such case: $case_name"
    exit 1
    ;;
esac
