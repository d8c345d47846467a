#!/usr/bin/env bash
# One case about test/run: test_run_script.sh CASE PROJECT. A copy runs in a project of its own, with programs in place of
# CMake's that put down how they were called.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../examples/case.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/../examples/case.sh"

mkdir -p project/test/targets project/.ci bin
cp "$subject/test/run" project/test/
for tool in project/.ci/setup project/test/targets/unpack bin/cmake bin/ctest; do
  printf '#!/bin/sh\necho "${0##*/} $*" >>%s/calls\n' "$work" >"$tool"
  chmod +x "$tool"
done
# One test of each outcome, as ctest puts them down.
cat >>bin/ctest <<'TEXT'
while [ $# -gt 0 ]; do
  if [ "$1" = --output-junit ]; then
    printf '\t<testcase name="a" status="run">\n\t</testcase>\n' >"$2"
    printf '\t<testcase name="b" status="notrun">\n\t\t<skipped message="SKIP_RETURN_CODE=77"/>\n' >>"$2"
    printf '\t\t<system-out>SKIPPED: no &quot;reason&quot;</system-out>\n\t</testcase>\n' >>"$2"
    [ ! -e fails ] || printf '\t<testcase name="c" time="1.25" status="fail">\n\t\t<properties/>\n' >>"$2"
    [ ! -e fails ] || printf '\t\t<system-out>one\n1 &lt; 2\n</system-out>\n\t</testcase>\n' >>"$2"
  fi
  shift
done
[ ! -e fails ]
TEXT
run() { PATH=$work/bin:$PATH project/test/run "$@"; }
was_called() { grep -qxF -- "$1" calls || fail "there was no call: $1; but: $(cat calls)"; }

case $case_name in
  builds_and_counts_the_fast_tests)
    expect 0 run
    was_called 'cmake --preset dev'
    was_called 'cmake --build --preset dev --target all'
    out_has 'skipped: b: no "reason"'
    [[ $(tail -n 1 out) == '1 passed, 0 failed, 1 skipped' ]] || fail "another last line"
    ;;
  a_failed_test_fails)
    touch project/fails
    expect 1 run
    [[ $(tail -n 5 out) == $'failed: c\n  | after 1 s\n  | one\n  | 1 < 2\n1 passed'* ]] || fail "not at the end: $(cat out)"
    [[ $(tail -n 1 out) == '1 passed, 1 failed, 1 skipped' ]] || fail "another last line"
    ;;
  a_failed_build_has_a_code_of_its_own)
    printf '#!/bin/sh\nexit 1\n' >bin/cmake
    expect 70 run
    err_has 'the build failed, no test ran'
    ;;
  targets_get_what_they_need)
    expect 0 run --target aarch64-64k
    was_called 'setup build test examples aarch64'
    was_called 'unpack arm64 build/aarch64/root libzstd-dev libxxhash-dev libtomlplusplus-dev libtomlplusplus3'
    was_called 'cmake --preset aarch64-64k'
    was_called 'cmake --build --preset aarch64-64k --target all'
    ;;
  windows_is_a_target)
    expect 0 run --windows
    was_called 'setup build test examples windows'
    was_called 'cmake --build --preset windows --target all'
    ;;
  only_some_programs_are_built_and_passed)
    expect 0 run --target=i386 --only core_test,os_test
    was_called 'cmake --build --preset i386 --target core_test os_test'
    grep -qF -- '--tests-regex ^(core_test|os_test)/' calls || fail "all tests were passed: $(cat calls)"
    expect 0 run --only core_test --filter sizes
    grep -qF -- '--tests-regex ^(core_test)/.*(sizes)' calls || fail "the filter was lost: $(cat calls)"
    ;;
  wrong_arguments_build_nothing)
    for arguments in --nonsense '--target nonsense' --target '--preset release' '--only core_test,' '--only ../x' \
      '--packages --preset clang'; do
      # shellcheck disable=SC2086
      expect 64 run $arguments
      err_has 'usage: test/run'
    done
    [[ ! -e calls ]] || fail "something was built"
    ;;
  *) no_such_case ;;
esac
