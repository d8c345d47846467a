#!/usr/bin/env bash
# Compiles and runs every C++ block of a page. A block with a main() is a program; any other is a fragment, the body of main()
# in a program with all of allot's headers and the usual ones of the standard library before it. Each must end with exit
# code 0. Errors name the page and its lines.
#
# A TOML block is a config, and built; after a paragraph that ends with `NAME`: it is also the file NAME where programs run.
# Shell blocks are looked at for their syntax; follow_page.sh runs those of a page that is followed from top to bottom.
#
# usage: code_blocks.sh PAGE WORK_DIR INCLUDE_DIR LIBRARIES COMPILER [FLAG...]
#        code_blocks.sh --headers WORK_DIR INCLUDE_DIR LIBRARIES COMPILER [FLAG...]
#
# LIBRARIES are what programs are linked with, in the linker's order, with colons between. The second form goes before
# the first: it writes usual.hpp, which fragments include, beside the pages' work folders, and has GCC compile it once for all.
set -euo pipefail

(($# >= 5)) || {
  sed -n '/^# usage: /,/^#$/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
  exit 64
}
page=$1
work=$2
include=$3
IFS=: read -r -a link <<<"$4"
for library in "${link[@]}"; do link+=("-Wl,-rpath,$(dirname "$library")"); done
compile=("$5" "${@:6}" -std=c++17 -pthread -Wall -Wextra -Werror -Wno-unused-variable -Wno-unused-but-set-variable
  -I "$include")

if [[ $page == --headers ]]; then
  mkdir -p "$work"
  rm -f "$work/usual.hpp.gch"
  {
    (cd "$include" && find allot -name '*.hpp' | LC_ALL=C sort) | sed 's/.*/#include <&>/'
    printf '#include <%s>\n' algorithm array cstddef cstdint cstdio cstring deque iostream list map memory \
      memory_resource new optional set stdexcept string string_view thread tuple unordered_map utility vector
  } >"$work/usual.hpp"
  if "$5" -dM -E -x c++ /dev/null | grep -q __clang__; then exit 0; fi  # takes none that it is not told of
  exec "${compile[@]}" -x c++-header "$work/usual.hpp" -o "$work/usual.hpp.gch"
fi

rm -rf "$work"
mkdir -p "$work"

# Writes block_LINE.cpp, .toml or .sh for each block, LINE being its first.
awk -v work="$work" -v page="$page" '
  function fail(line, what) {
    print page ":" line ": " what
    failed = 1
  }
  function write_lines(file,   i) {
    printf "" >file
    for (i = 1; i <= count; ++i) print lines[i] >file
    close(file)
  }
  function write_block(   file, i, program, text) {
    for (i = 1; i <= count; ++i) if (lines[i] ~ /(^|[^A-Za-z_])int main *\(/) program = 1
    file = work "/block_" start ".cpp"
    if (program) {
      printf "" >file
    } else {
      print "#include \"../usual.hpp\"" >file
      for (i = 1; i <= count; ++i) if (lines[i] ~ /^#include/) { print lines[i] >file; lines[i] = "" }
      print "int main() {" >file
    }
    print "#line " start " \"" page "\"" >file
    for (i = 1; i <= count; ++i) print lines[i] >file
    if (!program) print "}" >file
    close(file)
  }
  /^ *```/ {
    if (open) {
      if (cpp) write_block()
      if (language ~ /^(toml|sh)$/) write_lines(work "/block_" start "." language)
      if (language == "toml" && name != "") write_lines(work "/" name)
      open = 0
      name = ""
      next
    }
    open = NR
    language = $0
    sub(/^ *```[ `]*/, "", language)
    cpp = language == "cpp"
    if (tolower(language) ~ /^(c|cc|cxx|c\+\+|cpp .*|hpp)$/ ) fail(NR, "write ```cpp, so that the block is compiled")
    if (tolower(language) ~ /^(bash|shell|zsh)$/) fail(NR, "write ```sh, so that the block is looked at")
    if (cpp && $0 !~ /^```/) fail(NR, "a block to be compiled starts at the left margin")
    start = NR + 1
    count = 0
    next
  }
  open { lines[++count] = $0; next }
  NF { name = match($0, /`[^`\/ ]+`:$/) ? substr($0, RSTART + 1, RLENGTH - 3) : "" }
  END {
    if (open) fail(open, "the block does not end")
    exit failed
  }
' "$page"

failed=0
programs=0
fragments=0
configs=0
scripts=0

# try LINE COMMAND...
try() {
  local line=$1
  shift
  if ! "$@" </dev/null >"$work/output" 2>&1; then
    cat "$work/output"
    echo "$page:$line: failed: $*"
    return 1
  fi
}

shopt -s nullglob
blocks=("$work"/block_*.cpp)
for block in "${blocks[@]}"; do
  line=${block##*_}
  line=${line%.cpp}
  if head -n 1 "$block" | grep -q usual.hpp; then fragments=$((fragments + 1)); else programs=$((programs + 1)); fi
  try "$line" "${compile[@]}" "$block" "${link[@]}" -o "$work/program" &&
    (cd "$work" && try "$line" timeout 60 "$work/program") || failed=$((failed + 1))
done

configs_of_page=("$work"/block_*.toml)
if ((${#configs_of_page[@]})); then
  cat >"$work/read_config.cpp" <<'END'
#include <allot/config/config.hpp>
#include <iostream>

int main(int, char** arguments) try {
  (void)allot::load_config(arguments[1]);
} catch (const std::exception& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
END
  try 0 "${compile[@]}" "$work/read_config.cpp" "${link[@]}" -o "$work/read_config"
fi
for config in "${configs_of_page[@]}"; do
  configs=$((configs + 1))
  line=${config##*_}
  try "${line%.toml}" timeout 60 "$work/read_config" "$config" || failed=$((failed + 1))
done
for script in "$work"/block_*.sh; do
  scripts=$((scripts + 1))
  line=${script##*_}
  try "${line%.sh}" bash -n "$script" || failed=$((failed + 1))
done

echo "$(basename "$page"): $programs programs and $fragments fragments run, $configs configs built, $scripts scripts read, $failed failed"
((failed == 0))
