#!/usr/bin/env bash
# Writes the API reference into FOLDER/html, and fails when Doxygen warns: of comments that are wrong, of links that lead
# nowhere, of what has no comment. Passed over without one are member functions and types that do what the standard library's
# of the same name do (size(), begin(), do_allocate(), operators), operators | of flags and deduction guides.
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

names=(
  begin end cbegin cend rbegin rend crbegin crend size max_size empty data front back at clear
  push_back emplace_back pop_back insert emplace append erase assign resize reserve capacity shrink_to_fit swap c_str
  count contains find what lock unlock try_lock
  allocate deallocate is_equal do_allocate do_deallocate do_is_equal upstream_resource get_allocator
  value_type pointer const_pointer reference const_reference iterator const_iterator reverse_iterator
  const_reverse_iterator difference_type size_type allocator_type iterator_category)
named=$(IFS='|'; echo "${names[*]}")
standard="warning: Member ($named|operator[^a-z ].*)(\\(.*)? \\((function|typedef|friend)\\) of (class|struct) .* is not documented\\.\$"
operator='warning: Member (operator[|]|[a-z_]*\(.*\) ->).* \(function\) of namespace .* is not documented\.$'
# Doxygen 1.9.4 says this of every specialisation of a template of the standard library.
specialisation='warning: Internal inconsistency: scope for class std::'
if grep -vE "$standard|$operator|$specialisation" "$folder/warnings"; then
  echo "the API reference has the faults above" >&2
  exit 1
fi
[[ -s $folder/html/index.html ]] || { echo "no reference was written" >&2; exit 1; }
echo "$folder/html/index.html"
