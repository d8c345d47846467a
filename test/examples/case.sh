# shellcheck shell=bash
# What scripts with cases have in common. Sourced with the arguments of the script, a case and what it is about; from then on
# the script runs in an empty folder of its own, and what a program under test says belongs in the files out and err there.
case_name=$1
# shellcheck disable=SC2034
subject=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit

fail() {
  echo "FAILED: $1"
  head -c 4000 out err
  exit 1
}

# Runs a command; its first argument is the exit code that is expected.
expect() {
  local wanted=$1 status=0
  shift
  "$@" >out 2>err || status=$?
  [[ $status == "$wanted" ]] || fail "exit code $status, not $wanted, for: $*"
}

err_has() { grep -qF -- "$1" err || fail "stderr does not say: $1"; }
out_has() { grep -qF -- "$1" out || fail "stdout does not say: $1"; }
out_is_empty() { [[ ! -s out ]] || fail "something was printed"; }
err_is_empty() { [[ ! -s err ]] || fail "something was printed on stderr"; }

no_such_case() {
  echo "no such case: $case_name"
  exit 1
}
