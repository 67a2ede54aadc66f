#!/usr/bin/env bash
# Runs every tier on its own and prints its seconds; the last line sums up.
set -uo pipefail
cd "$(dirname "$0")/.."
source tests/tools.sh
failed=0
summary=()
tier() {
  local name=$1 start=$SECONDS
  shift
  echo "== $name"
  if .venv/bin/python -m pytest -q -m "not soak" "$@"; then verdict=ok; else verdict=FAILED; failed=1; fi
  summary+=("$(printf '%-12s %5ds  %s' "$name" $((SECONDS - start)) "$verdict")")
}
tier unit tests/unit tests/contract tests/model -n 2
tier integration tests/integration tests/tools
tier faults tests/faults
tier browser tests/browser
printf '%s\n' '== seconds a tier' "${summary[@]}"
exit $failed
