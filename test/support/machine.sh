#!/usr/bin/env bash
# On what figures are measured, for the pages that show them.
set -euo pipefail

caches=$(lscpu | sed -n 's/^\(L[0-9][di]*\) cache: *\([^ ]* [^ ]*\).*/\1 \2/p' | paste -sd, | sed 's/,/, /g')
memory=$(awk '/^MemTotal:/ { printf "%.0f GiB", $2 / 1048576 }' /proc/meminfo)
printf 'Measured on %s, %s processors%s%s; %s of memory; %s.\n' "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" \
  "$(nproc)" "$(lscpu | sed -n 's/^Hypervisor vendor: *\(.*\)/ under \1/p')" "${caches:+, caches $caches}" "$memory" "$(uname -sr)"
for program in g++ clang++ ldd; do
  if command -v "$program" >/dev/null; then printf '%s; ' "$("$program" --version | sed -n 1p)"; fi
done | sed 's/; $/.\n/'
printf 'Transparent huge pages: %s. Load before: %s.\n' "$(cat /sys/kernel/mm/transparent_hugepage/enabled)" "$(cut -d ' ' -f 1 /proc/loadavg)"
