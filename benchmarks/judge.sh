#!/usr/bin/env bash
# The judge of all benchmarks: says in a ledger when it starts and ends, and sleeps between.
# Usage: judge.sh LEDGER SECONDS NAME; SECONDS may be a file that holds them.
LC_ALL=C
echo "start $EPOCHREALTIME $3" >>"$1"
seconds=$2
[[ -f $seconds ]] && read -r seconds <"$seconds"
sleep "$seconds"
echo "end $EPOCHREALTIME $3" >>"$1"
echo '{"score": 0.5, "passed": true, "reasoning": "As good as any."}'
