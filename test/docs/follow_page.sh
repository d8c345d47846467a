#!/usr/bin/env bash
# Does what a page says, from its first block to its last, in an empty folder beside which the sources are called `allot`.
#
# A block after a paragraph that ends with `NAME`: is the content of the file NAME. Blocks of the language sh are run, in one
# shell; a block of the language text is what the one before it must have printed.
#
# usage: follow_page.sh PAGE WORK_DIR SOURCE_DIR
set -euo pipefail

case ${1-} in
  --help)
    sed -n '2,/^set /{s/^# \{0,1\}//; /^set /!p}' "$0"
    exit 0
    ;;
esac
(($# == 3)) || {
  echo "usage: follow_page.sh PAGE WORK_DIR SOURCE_DIR" >&2
  exit 64
}
page=$(realpath "$1")
source=$(realpath "$3")
rm -rf "$2"
mkdir -p "$2/blocks" "$2/here"
work=$(realpath "$2")
ln -s "$source" "$work/here/allot"

# One script does it all: files are copied, shell blocks stand as they are, outputs are compared.
awk -v blocks="$work/blocks" -v page="$page" '
  /^```/ {
    if (!open) {
      open = NR
      language = substr($0, 4)
      block = blocks "/" NR
      printf "" >block
      next
    }
    close(block)
    if (name != "") {
      print "cp \"" block "\" \"" name "\""
    } else if (language == "sh") {
      print "echo \"" page ":" open ": $(wc -l <" block ") lines\" >&3"
      print "{"
      while ((getline line <block) > 0) print line
      print "} >\"$output\""
    } else if (language == "text") {
      print "diff -u \"" block "\" \"$output\" >&3 || { echo \"" page ":" open ": something else is printed\" >&3; exit 1; }"
    } else {
      print "echo \"" page ":" open ": the block has no name, and nothing else says what it is for\" >&3; exit 1"
    }
    open = 0
    name = ""
    next
  }
  open { print >block; next }
  NF { name = match($0, /`[^` ]+`:$/) ? substr($0, RSTART + 1, RLENGTH - 3) : "" }
' "$page" >"$work/script"

cd "$work/here"
if ! output=$work/output bash -euo pipefail "$work/script" 3>&1 2>"$work/errors"; then
  tail -n 40 "$work/output" "$work/errors" || true
  echo "$page: a step failed"
  exit 1
fi
echo "$(grep -c '^} >' "$work/script") steps done, $(grep -c '^diff ' "$work/script") outputs compared"
grep -q '^diff ' "$work/script"
