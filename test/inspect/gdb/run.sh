#!/usr/bin/env bash
# What docs/gdb/allot.py says of a program, running or as a core file: run.sh live|core PROGRAM
set -euo pipefail
source_dir=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../../.." && pwd -P)
how=$1 program=$2
command -v gdb >/dev/null || { echo "SKIPPED: there is no gdb (.ci/setup test installs it)"; exit 0; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

debugger() { timeout 100 gdb -q -batch -nx -iex 'set debuginfod enabled off' -ex 'set width 0' "$@" </dev/null >out 2>&1 || true; }
looks=(-ex up)
for address in 'pushed + 5' '(char*)&buffer + 150' 'node + 5' 'hunted + 43' 'gone + 5000' '16'; do
  looks+=(-ex "allot explain $address")
done
looks+=(-ex 'allot owners')
for value in arena local chain heap pool numbers; do looks+=(-ex "print $value"); done
start=(-ex 'set breakpoint pending off' -ex 'break stop_here' -ex run)

if [[ $how == core ]]; then
  debugger "${start[@]}" -ex "generate-core-file $work/core" -ex kill "$program"
  if [[ ! -s core ]]; then
    grep -qiE 'ptrace|not permitted' out && { echo "SKIPPED: gdb may not start programs here"; exit 0; }
    cat out; echo "FAILED: no core file"; exit 1
  fi
  debugger "$program" core -ex 'source '"$source_dir/docs/gdb/allot.py" "${looks[@]}"
else
  debugger -ex 'source '"$source_dir/docs/gdb/allot.py" "${start[@]}" "${looks[@]}" -ex kill "$program"
  if grep -qiE 'ptrace: Operation not permitted|Could not trace the inferior' out; then echo "SKIPPED: gdb may not start programs here"; exit 0; fi
fi

failed=no
expect() { grep -qE -- "$1" out || { echo "FAILED: not said: $1"; failed=yes; }; }
expect "^0x[0-9a-f]+: 5 bytes into the 100 bytes in use at 0x[0-9a-f]+, of 'frame' \(monotonic_arena\)$"
expect "^0x[0-9a-f]+: 51 bytes past the end of the 100 bytes in use at 0x[0-9a-f]+, beyond what is in use, of 'frame'"
expect ", of 'nodes' \(pool_resource\), whose memory comes from 'scene' \(coalescing_heap\)$"
# Tables between guards are not in the core files that gdb writes.
hunted="3 bytes past the end of a live 41-byte block at 0x[0-9a-f]+"
[[ $how == live ]] || hunted="($hunted|8194 bytes into the 12288 bytes at 0x[0-9a-f]+)"
expect "^0x[0-9a-f]+: $hunted, of 'hunt' \(guarded_page_resource\)$"
expect "^0x[0-9a-f]+: 5000 bytes into what were the 12288 bytes at 0x[0-9a-f]+, of 'textures' \(page_resource\), which gave it back$"
expect "^0x10: in no memory that a resource has, or had lately$"
expect "^0x[0-9a-f]+ +1000 'frame' \(monotonic_arena\)$"
expect "= allot::monotonic_arena 'frame': position 100 of 1000, at 0x"
expect "= allot::monotonic_arena: position 0 of 256, at 0x"
expect "= allot::chained_arena: position 40$"
expect "= allot::coalescing_heap 'scene': [0-9]+ bytes in use, at most [0-9]+ so far, in 1 ranges$"
expect "= allot::pool_resource 'nodes': [0-9]+ bytes held in 1 chunks, "
expect "= allot::vlarray of 3, with room for [0-9]+ without growing = \{7, 8, 9\}$"
[[ $failed == no ]] || { cat out; exit 1; }
