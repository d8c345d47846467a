#!/usr/bin/env bash
# One case about the program whose memory a config file decides: swap_in_config_program.sh CASE PROGRAM
set -euo pipefail
project=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd -P)
# shellcheck source-path=SCRIPTDIR source=case.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/case.sh"
program=$subject
examples=$project/examples/swap_in_config
reference=$project/docs/config_reference.toml

expect 0 "$program" "$examples/plain.toml"
mv out plain

same_report() {
  expect 0 timeout 300 "$program" "$@"
  cmp plain out || fail "another report: $*"
}

# What the reference has below the header of a strategy, without comments.
table_of() { sed -n "/^\[resources\.$1\]\$/,/^\$/p" "$reference" | sed '1d;/^#/d'; }

case $case_name in
  three_configs_make_the_same_report)
    [[ $(wc -l <plain) == 2 ]] || fail "a report has two lines"
    same_report "$examples/arenas.toml"
    err_has "book: pool_resource"
    err_has " ms"
    same_report "$examples/careful.toml"
    err_has "statements: limiting_resource"
    ;;
  any_strategy_makes_the_same_report)
    tried=0
    for strategy in $(sed -n 's/^strategy = "\(.*\)"$/\1/p' "$reference"); do
      [[ $strategy != null_memory_resource ]] || continue # which refuses everything
      cp "$reference" config
      for role in book batches statements; do
        printf '\n[resources.%s]\n%s\n' "$role" "$(table_of "$strategy")" >>config
      done
      room=
      case $strategy in budget_slice | secure_scratch) room='book.bytes=60MiB; batches.bytes=60MiB; statements.bytes=60MiB' ;; esac
      ALLOT_CONFIG_SET="budgets.memory_budget.permanent=192MiB; $room" same_report config
      tried=$((tried + 1))
    done
    ((tried >= 25)) || fail "only $tried strategies were tried"
    ;;
  a_variable_decides_over_the_file)
    ALLOT_CONFIG_FILE=$examples/arenas.toml same_report "$examples/plain.toml"
    err_has "book: pool_resource"
    ALLOT_CONFIG_SET='book.strategy="coalescing_heap"' same_report "$examples/plain.toml"
    err_has "book: coalescing_heap"
    ALLOT_CONFIG_SET='book.strategy="coalescing_hep"' expect 78 "$program" "$examples/plain.toml"
    err_has 'did you mean "coalescing_heap"?'
    out_is_empty
    ;;
  says_what_is_wrong_with_a_config)
    expect 64 "$program"
    expect 78 "$program" missing.toml
    err_has "missing.toml"
    sed 's/strategy = "monotonic_arena"/strategy = "monotonic_arina"/' "$examples/arenas.toml" >config
    expect 78 "$program" config
    err_has 'config:'
    err_has 'did you mean "monotonic_arena"?'
    out_is_empty
    sed 's/resources.batches/resources.batch/' "$examples/plain.toml" >config
    expect 78 "$program" config
    err_has 'did you mean "batch"?'
    ;;
  *) no_such_case ;;
esac
