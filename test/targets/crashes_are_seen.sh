#!/usr/bin/env bash
# Whether a program that crashes fails under what runs it here: Wine by itself lets one end with 0.
#
# usage: crashes_are_seen.sh COMMAND...   the emulator and the program ends_badly
set -uo pipefail

"$@" well || {
  echo "a program that ends well ended with $?"
  exit 1
}
failed=0
for how in code fault abort exception; do
  "$@" "$how" 2>/dev/null
  code=$?
  echo "$how: ended with $code"
  ((code != 0)) || failed=1
done
exit "$failed"
