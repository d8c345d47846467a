#!/usr/bin/env bash
# Looks into machine code for the wiping that secure_zero and secure_fill promise: with -O3 and with link-time optimisation,
# where the compiler sees that nobody reads the memory again. The same function with plain memset is the control: there the
# wiping must be gone, or this check could not fail.
set -euo pipefail

(($# == 3)) || {
  echo "usage: secure_assembly.sh SOURCE_DIR WORK_DIR COMPILER" >&2
  exit 64
}
source=$1
work=$2
builds_with=$3

skip() {
  echo "SKIPPED: $1"
  exit 77
}
command -v objdump >/dev/null || skip "objdump is not installed"
[[ $(uname -m) == x86_64 ]] || skip "this check reads x86-64 code only"

mkdir -p "$work"

# Making and using the key happens elsewhere, so that what follows the call of use_key is the wiping and nothing else.
cat >"$work/keys.cpp" <<'CPP'
#include <allot/os/secure_memory.hpp>
#include <cstddef>
#include <cstring>

constexpr std::size_t key_bytes = 192;

extern "C" {

__attribute__((noinline)) void make_key(unsigned char* key, unsigned seed) {
  for (std::size_t i = 0; i < key_bytes; ++i) key[i] = static_cast<unsigned char>(seed = seed * 1103515245U + 12345U);
}

__attribute__((noinline)) unsigned use_key(const unsigned char* key) {
  unsigned sum = 0;
  for (std::size_t i = 0; i < key_bytes; ++i) sum = sum * 31 + key[(i * 7 + sum) % key_bytes];
  return sum;
}

__attribute__((noinline, used)) unsigned wiped_with_zero(unsigned seed) {
  unsigned char key[key_bytes];
  make_key(key, seed);
  const unsigned sum = use_key(key);
  allot::os::secure_zero(key, key_bytes);
  return sum;
}

__attribute__((noinline, used)) unsigned wiped_with_fill(unsigned seed) {
  unsigned char key[key_bytes];
  make_key(key, seed);
  const unsigned sum = use_key(key);
  allot::os::secure_fill(key, 0x5a, key_bytes);
  return sum;
}

__attribute__((noinline, used)) unsigned wiped_with_memset(unsigned seed) {
  unsigned char key[key_bytes];
  make_key(key, seed);
  const unsigned sum = use_key(key);
  std::memset(key, 0, key_bytes);
  return sum;
}
}

int main(int argc, char**) {
  const auto seed = static_cast<unsigned>(argc);
  return static_cast<int>((wiped_with_zero(seed) + wiped_with_fill(seed) + wiped_with_memset(seed)) & 1U);
}
CPP

# body FUNCTION: its instructions, one a line, without addresses. Function is a name as objdump prints it, less arguments.
body() {
  awk -v name="$1" '
    /^[0-9a-f]+ </ {
      found = $0
      sub(/^[0-9a-f]+ </, "", found); sub(/[(>].*/, "", found)
      inside = found == name
      next
    }
    inside && /^ / { sub(/^[^\t]*\t/, ""); print }
  ' "$work/code"
}

# wiped FUNCTION: how many bytes are overwritten after the call of use_key, and how.
wiped() {
  body "$1" | awk -v key_bytes=192 '
    function hex(text,   i, value) {
      value = 0
      for (i = 1; i <= length(text); ++i) value = value * 16 + index("0123456789abcdef", substr(text, i, 1)) - 1
      return value
    }
    function width(operation) {  # of a store, in bytes
      if (/%zmm/) return 64
      if (/%ymm/) return 32
      if (/%xmm/) return 16
      if (operation ~ /q$/) return 8
      if (operation ~ /l$/) return 4
      if (operation ~ /w$/) return 2
      return 1
    }
    /^call.*<use_key>/ { after = 1; next }
    !after { next }
    /^mov.*\$0x[0-9a-f]+,%[er]?cx/ { match($0, /\$0x[0-9a-f]+/); count = hex(substr($0, RSTART + 3, RLENGTH - 3)) }
    /^mov.*\$0xc0,%[er]?(si|dx)$/ { whole_key = 1 }
    /^rep stos/ { stores += count * width($2); how = how " rep-stos"; next }
    /^(call|jmp).*<(memset|allot::os::secure_)/ {
      target = $0
      sub(/.*</, "", target); sub(/[(@>].*/, "", target)
      if (whole_key) { stores += key_bytes; how = how " call:" target }
      next
    }
    $1 ~ /^v?mov/ && /,-?(0x[0-9a-f]+)?\(%r/ { stores += width($1); vectors = 1 }
    END { print stores + 0 (vectors ? " stores" : "") how }
  '
}

failures=0
checks=0

# expect FUNCTION gone|wiped
expect() {
  local bytes how verdict
  read -r bytes how <<<"$(wiped "$1")"
  case $bytes in
    0) verdict=gone ;;
    192) verdict=wiped ;;
    *) verdict="$bytes of 192 bytes wiped" ;;
  esac
  local target
  for target in $how; do  # what is called must write, too
    [[ $target == call:allot::* ]] || continue
    body "${target#call:}" | grep -qE '(call|jmp).*<memset' || verdict="left to a ${target#call:} that writes nothing"
  done
  checks=$((checks + 1))
  if [[ $verdict == "$2" ]]; then
    echo "  $1: $verdict${how:+ ($how)}"
  else
    echo "  $1: $verdict${how:+ ($how)}, and should be $2"
    failures=$((failures + 1))
  fi
}

# check COMPILER OPTION...
check() {
  echo "$*"
  "$@" -std=c++17 -I "$source/include" "$work/keys.cpp" "$source/lib/os/secure_memory.cpp" -o "$work/keys"
  objdump --disassemble --demangle --no-show-raw-insn -M suffix "$work/keys" >"$work/code"
  expect wiped_with_zero wiped
  expect wiped_with_fill wiped
  expect wiped_with_memset gone
}

compilers=()
for compiler in g++ clang++; do
  if command -v "$compiler" >/dev/null; then
    compilers+=("$compiler")
  else
    echo "$compiler is not installed: not checked"
  fi
done
((${#compilers[@]} > 0)) || compilers=("$builds_with")

for compiler in "${compilers[@]}"; do
  check "$compiler" -O3
  lto=(-flto)
  if [[ $compiler == clang++ ]]; then
    if command -v ld.lld >/dev/null; then lto+=(-fuse-ld=lld); fi
    echo 'int main() {}' >"$work/empty.cpp"
    if ! "$compiler" -O3 "${lto[@]}" "$work/empty.cpp" -o "$work/empty" 2>"$work/errors"; then
      echo "$compiler -O3 ${lto[*]}: no linker here can do that: not checked"
      continue
    fi
  fi
  check "$compiler" -O3 "${lto[@]}"
done

echo "$checks checks, $failures failed"
((failures == 0))
