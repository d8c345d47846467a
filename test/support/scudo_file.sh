#!/usr/bin/env bash
# Prints where LLVM's hardened allocator is, the runtime library of clang that a program can be started with
# (LD_PRELOAD); exit code 1 when it is not installed.
set -euo pipefail

name=libclang_rt.scudo_standalone-$(uname -m).so
{ dpkg-query -L libclang-rt-14-dev 2>/dev/null || clang -print-file-name="$name" 2>/dev/null || true; } | grep -m 1 -F "/$name"
