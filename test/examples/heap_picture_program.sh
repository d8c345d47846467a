#!/usr/bin/env bash
# One case about heap_picture: heap_picture_program.sh CASE PROGRAM
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=case.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/case.sh"

case $case_name in
  writes_both_pictures_where_it_is_told)
    mkdir pictures
    expect 0 timeout 60 "$subject" pictures
    err_is_empty
    out_has "written: pictures/heap.html"
    out_has "all as it should be"
    [[ $(head -c 15 pictures/heap.html) == "<!DOCTYPE html>" ]] || fail "heap.html is no page"
    [[ $(head -c 5 pictures/heap.svg) == "<svg " ]] || fail "heap.svg is no picture"
    ;;
  prints_a_picture_without_escape_codes_to_a_file)
    expect 0 timeout 60 env TMPDIR="$work" "$subject"
    out_has "thumbnails (coalescing_heap): "
    out_has "fragmentation "
    [[ $(grep -c '^0x[0-9a-f]*  *[ .*+#-]*$' out) -gt 5 ]] || fail "no map was drawn"
    ! grep -q $'\x1b' out || fail "there are escape codes"
    ;;
  takes_a_new_temporary_folder_by_default)
    expect 0 timeout 60 env TMPDIR="$work" "$subject"
    files=("$work"/heap_picture_*/heap.html)
    [[ -s ${files[0]} ]] || fail "there is no page"
    out_has "written: ${files[0]}"
    ;;
  says_when_it_cannot_write)
    expect 1 timeout 60 "$subject" no/such/folder
    err_has "cannot write no/such/folder/heap.svg"
    expect 64 "$subject" one two
    err_has "usage: heap_picture"
    expect 64 "$subject" --what
    expect 0 "$subject" --help
    out_has "usage: heap_picture"
    ;;
  *) no_such_case ;;
esac
