#!/usr/bin/env bash
# Whether every relative link of the pages leads to a file, and to a heading where it names one.
#
# usage: links.sh PAGE...
set -euo pipefail

# targets PAGE: LINE and TARGET of its links; code is not text.
targets() {
  awk '
    /^ *```/ { code = !code; next }
    code { next }
    {
      text = $0
      gsub(/`[^`]*`/, "", text)
      while (match(text, /\]\([^)]*\)/)) {
        target = substr(text, RSTART + 2, RLENGTH - 3)
        sub(/ .*/, "", target)
        print NR, target
        text = substr(text, RSTART + RLENGTH)
      }
      if (match(text, /^\[[^]]+\]: */)) print NR, substr(text, RLENGTH + 1)
    }
  ' "$1"
}

# anchors PAGE: its headings, as links name them.
anchors() {
  awk '
    /^ *```/ { code = !code; next }
    !code && /^#+ / {
      sub(/^#+ +/, "")
      text = tolower($0)
      gsub(/[^a-z0-9 _-]/, "", text)
      gsub(/ /, "-", text)
      print text
    }
  ' "$1"
}

checked=0
failed=0
for page in "$@"; do
  while read -r line target; do
    case $target in
      *://* | mailto:*) continue ;;
    esac
    checked=$((checked + 1))
    file=${target%%#*}
    anchor=
    [[ $target != *'#'* ]] || anchor=${target#*#}
    path=$page
    [[ -z $file ]] || path=$(dirname "$page")/$file
    if [[ $file == /* || ! -e $path ]]; then
      echo "$page:$line: there is no $target"
      failed=$((failed + 1))
    elif [[ -n $anchor ]] && ! anchors "$path" | grep -qxF -- "$anchor"; then
      echo "$page:$line: $path has no heading $anchor"
      failed=$((failed + 1))
    fi
  done < <(targets "$page")
done

echo "$checked links checked, $failed failed"
((failed == 0 && checked > 0))
