#!/usr/bin/env bash
# Runs every tier on its own and prints its seconds; the last lines sum up.
#
# Tiers that end, stop and time real processes may run what failed once more, since a busy machine can
# be slower than any sensible limit; the summary says so, and a test that fails twice fails the run.
set -uo pipefail
cd "$(dirname "$0")/.."
source tests/tools.sh
# Hundreds of processes are started: only the first need compile what it imports.
export PYTHONDONTWRITEBYTECODE='' PYTHONPYCACHEPREFIX="$PWD/.pytest_cache/bytecode"
failed=0
summary=()

run() {
  local cache=$1
  shift
  .venv/bin/python -m pytest -q -o "cache_dir=.pytest_cache/$cache" "$@"
}

tier() {
  local name=$1 tries=$2 start=$SECONDS verdict=ok
  shift 2
  echo "== $name"
  if ! run "$name" "$@"; then
    verdict=FAILED
    if [ "$tries" = 2 ]; then
      echo "== $name: once more what failed"
      run "$name" --last-failed --last-failed-no-failures none "$@" && verdict="ok, some only at the second try"
    fi
  fi
  [ "$verdict" = FAILED ] && failed=1
  summary+=("$(printf '%-12s %5ds  %s' "$name" $((SECONDS - start)) "$verdict")")
}

tier unit 1 tests/unit tests/contract tests/model tests/golden tests/fuzz -n 2
# Each of the two has a broker and a database server of its own.
tier integration 2 tests/integration tests/tools -n 2 --dist loadfile
tier faults 2 tests/faults -n 2
tier browser 2 tests/browser
printf '%s\n' '== seconds a tier' "${summary[@]}"
exit $failed
