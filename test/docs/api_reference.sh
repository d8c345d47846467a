#!/usr/bin/env bash
# Writes the API reference into FOLDER/html, and fails when Doxygen warns: of comments that are wrong, of links that lead
# nowhere, of a class, an enumeration or a function outside classes without a comment.
#
# Members of classes that have no comment are passed over: most are named after what the standard library has (size(), begin(),
# do_allocate()), or say with their name all there is to say. So are operators | of flags and deduction guides.
#
# usage: api_reference.sh FOLDER
set -euo pipefail

project=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd -P)
if (($# != 1)) || [[ $1 == --help ]]; then
  sed -n '2,/^$/{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"
  [[ ${1-} == --help ]] && exit 0 || exit 64
fi
if ! command -v doxygen >/dev/null; then
  echo "SKIPPED: doxygen is not installed"
  exit 0
fi

rm -rf "$1"
mkdir -p "$1"
folder=$(cd "$1" && pwd -P)
cd "$project"
{
  cat docs/Doxyfile
  printf 'OUTPUT_DIRECTORY = "%s"\nWARN_LOGFILE = "%s"\n' "$folder" "$folder/warnings"
} | doxygen -

member='warning: Member .* \((function|variable|typedef|friend)\) of (class|struct) .* is not documented\.$'
operator='warning: Member (operator[|]|[a-z_]*\(.*\) ->).* \(function\) of namespace .* is not documented\.$'
# Doxygen 1.9.4 says this of every specialisation of a template of the standard library.
specialisation='warning: Internal inconsistency: scope for class std::'
if grep -vE "$member|$operator|$specialisation" "$folder/warnings"; then
  echo "the API reference has the faults above" >&2
  exit 1
fi
[[ -s $folder/html/index.html ]] || { echo "no reference was written" >&2; exit 1; }
echo "$folder/html/index.html"
